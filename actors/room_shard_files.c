/* Files: who may upload and read them, and the store asked for those that a line is to show. Pieces of files never pass
 * here: they go between edge and store. */
#include <stdlib.h>

#include "actors/room_shard_impl.h"

static err_t s_pass_on(room_shard_t *self, const room_t *room, const struct envelope *env, const struct msg *pass)
{
    struct envelope ask = *env;
    ask.flags = 0;
    ask.reply_to = envelope_answer_to(env);
    ask.key = room->id;
    effects_send(self->out, shard_persist(self), &ask, pass);
    return ERR_OK;
}

static err_t s_begin(room_shard_t *self, const room_t *room, const struct envelope *env, const struct msg *msg)
{
    const struct msg_room_file_begin *begin = &msg->as.room_file_begin;
    const struct room_target none = {0};
    err_t err = room_judge(room, KIND_SHARED, env->user, &none, view_of(NULL, 0)); /* who may say a line */
    if (err)
        return shard_refuse(self, env, msg, err);
    struct msg pass = {.type = MSG_STORE_FILE_BEGIN};
    pass.as.store_file_begin = (struct msg_store_file_begin){
        .room = room->id, .user = env->user, .file = begin->file, .client_id = begin->client_id, .name = begin->name,
        .bytes = begin->bytes, .quota = begin->quota, .at_ms = begin->at_ms};
    return s_pass_on(self, room, env, &pass);
}

err_t shard_on_file_request(room_shard_t *self, room_t *room, const struct envelope *env, const struct msg *msg)
{
    if (msg->type == MSG_ROOM_FILE_BEGIN)
        return s_begin(self, room, env, msg);
    const struct msg_room_file_get *get = &msg->as.room_file_get;
    struct msg pass = {.type = MSG_STORE_FILE_GET};
    pass.as.store_file_get = (struct msg_store_file_get){
        .room = room->id, .file = get->file, .user = env->user, .no = get->no,
        .visible_from_seq = room_visible_from(room, env->user)};
    return s_pass_on(self, room, env, &pass);
}

err_t shard_claim_files(room_shard_t *self, room_t *room, const struct envelope *env, view_t body, const cid_t *client_id,
                        list_t files)
{
    struct request request = {.what = Q_FILES};
    struct msg msg = {.type = MSG_STORE_FILES_CLAIM};
    struct rec_file_info info;
    list_writer_clear(&self->list);
    while (rec_file_info_next(&files, &info))
        rec_id_append(&self->list, &(struct rec_id){.id = info.file});
    msg.as.store_files_claim = (struct msg_store_files_claim){
        .room = room->id, .user = env->user, .client_id = *client_id, .at_ms = (uint64_t)self->utc_ms,
        .files = list_of(&self->list)};
    return shard_ask_and_park(self, room, env, body, &request, &msg);
}

/* The line is judged anew, now with what is known of its files. */
static err_t s_again(room_shard_t *self, struct request *request, const struct shard_files *files)
{
    struct parked *parked = shard_take_asker(self, request);
    self->files = files;
    err_t err = shard_dispatch(self, &parked->env, view_of(parked->body, parked->len));
    self->files = NULL;
    free(parked);
    request->data = NULL;
    return err;
}

err_t shard_on_store_files(room_shard_t *self, const struct envelope *env, const struct msg *msg)
{
    struct request request;
    if (!shard_take(self, env, Q_FILES, &request))
        return ERR_OK;
    return s_again(self, &request, &(struct shard_files){.list = msg->as.store_files.files});
}

void shard_files_failed(room_shard_t *self, struct request *request, err_t code)
{
    s_again(self, request, &(struct shard_files){.refused = code == ERR_NO_FILE || err_may_retry(code) ? code
                                                                                                     : ERR_UNAVAILABLE});
}
