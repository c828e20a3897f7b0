#include "persist/store.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>

#include "actors/runtime/log.h"
#include "actors/runtime/metrics.h"
#include "persist/directory.h"
#include "persist/store_accounts.h"
#include "persist/store_files.h"
#include "persist/store_invites.h"
#include "persist/store_admin.h"
#include "persist/store_marks.h"
#include "persist/store_members.h"
#include "persist/store_messages.h"
#include "persist/store_people.h"
#include "persist/store_places.h"
#include "persist/store_rooms.h"
#include "persist/store_search.h"
#include "persist/store_settings.h"
#include "persist/store_sessions.h"

enum {
    RETRY_MS_MIN = 20,
    RETRY_MS_MAX = 200,
    UNAVAILABLE_RETRY_MS = 1000,
    BUSY_RETRY_MS = 250,
    SCRATCH_BYTES_MAX = (3 * LIM_PAGE_EVENTS_MAX + 1) * LIM_EVENT_BYTES_MAX, /* a page, edits and marks, before the bound */
    LIST_BYTES_MAX = LIM_LINK_BODY_BYTES_MAX - 16 * 1024, /* leaves room for an answer's other fields */
};

static const struct store_row ROWS[] = {
    {MSG_STORE_ROOM_GET, STORE_READ, store_on_room_get},
    {MSG_STORE_ROOM_LOST, STORE_WRITE, store_on_room_lost},
    {MSG_STORE_EVENT_GET, STORE_READ, store_on_event_get},
    {MSG_STORE_DELTA_GET, STORE_READ, store_on_delta_get},
    {MSG_STORE_PAGE_GET, STORE_READ, store_on_page_get},
    {MSG_STORE_LINES_GET, STORE_READ, store_on_lines_get},
    {MSG_STORE_PINS_GET, STORE_READ, store_on_pins_get},
    {MSG_STORE_INBOX_GET, STORE_READ, store_on_inbox_get},
    {MSG_STORE_MENTIONS_GET, STORE_READ, store_on_mentions_get},
    {MSG_STORE_READS, STORE_WRITE, store_on_reads},
    {MSG_STORE_PLACE_SET, STORE_WRITE, store_on_place_set},
    {MSG_STORE_MEMBERS_FIND, STORE_READ, store_on_members_find},
    {MSG_STORE_MEMBERS_GET, STORE_READ, store_on_members_get},
    {MSG_STORE_ENTRANTS_GET, STORE_READ, store_on_entrants_get},
    {MSG_STORE_RESTRICTED_GET, STORE_READ, store_on_restricted_get},
    {MSG_STORE_ROOMS_GET, STORE_READ, store_on_rooms_get},
    {MSG_STORE_USERS_GET, STORE_READ, store_on_users_get},
    {MSG_STORE_USER_ADD, STORE_WRITE, store_on_user_add},
    {MSG_STORE_USER_BY_NAME, STORE_READ, store_on_user_by_name},
    {MSG_STORE_USER_BY_ID, STORE_READ, store_on_user_by_id},
    {MSG_STORE_PASSWORD_SET, STORE_WRITE, store_on_password_set},
    {MSG_STORE_SESSION_ADD, STORE_WRITE, store_on_session_add},
    {MSG_STORE_SESSION_ROTATE, STORE_WRITE, store_on_session_rotate},
    {MSG_STORE_SESSION_END, STORE_WRITE, store_on_session_end},
    {MSG_STORE_SESSIONS_GET, STORE_READ, store_on_sessions_get},
    {MSG_STORE_SESSIONS_END, STORE_WRITE, store_on_sessions_end},
    {MSG_STORE_PASSWORD_CHANGE, STORE_WRITE, store_on_password_change},
    {MSG_STORE_REVOCATIONS_GET, STORE_READ, store_on_revocations_get},
    {MSG_STORE_SERVER_GET, STORE_READ, store_on_server_get},
    {MSG_STORE_SERVER_SET, STORE_WRITE, store_on_server_set},
    {MSG_STORE_INVITES_GET, STORE_READ, store_on_invites_get},
    {MSG_STORE_INVITE_ADD, STORE_WRITE, store_on_invite_add},
    {MSG_STORE_INVITE_END, STORE_WRITE, store_on_invite_end},
    {MSG_STORE_PROFILE_SET, STORE_WRITE, store_on_profile_set},
    {MSG_STORE_AVATAR_SET, STORE_WRITE, store_on_avatar_set},
    {MSG_STORE_AVATAR_GET, STORE_READ, store_on_avatar_get},
    {MSG_STORE_USERS_FIND, STORE_READ, store_on_users_find},
    {MSG_STORE_USER_CHANGES_GET, STORE_READ, store_on_user_changes_get},
    {MSG_STORE_PASSWORD_RESET, STORE_WRITE, store_on_password_reset},
    {MSG_STORE_SEARCH, STORE_FIND, store_on_search},
    {MSG_ADMIN_USERS_GET, STORE_FIND, store_on_admin_users_get}, /* lists may be long to search: no room waits for them */
    {MSG_ADMIN_USER_SET, STORE_WRITE, store_on_admin_user_set},
    {MSG_ADMIN_SESSIONS_GET, STORE_READ, store_on_admin_sessions_get},
    {MSG_ADMIN_SESSIONS_END, STORE_WRITE, store_on_admin_sessions_end},
    {MSG_ADMIN_ROOMS_GET, STORE_FIND, store_on_admin_rooms_get},
    {MSG_ADMIN_AUDIT_GET, STORE_FIND, store_on_admin_audit_get},
    {MSG_STORE_AUDIT_ADD, STORE_WRITE, store_on_audit_add},
    {MSG_SOCKETS, STORE_FIND, store_on_sockets},
    {MSG_STORE_FILE_BEGIN, STORE_BLOB, store_on_file_begin},
    {MSG_STORE_FILE_CHUNK, STORE_BLOB, store_on_file_chunk},
    {MSG_STORE_FILE_END, STORE_BLOB, store_on_file_end},
    {MSG_STORE_FILE_DROP, STORE_BLOB, store_on_file_drop},
    {MSG_STORE_FILE_GET, STORE_BLOB, store_on_file_get},
    {MSG_STORE_FILES_CLAIM, STORE_BLOB, store_on_files_claim},
    {MSG_DIR_HELLO, STORE_WRITE, directory_on_hello},
    {MSG_DIR_BEAT, STORE_WRITE, directory_on_beat},
    {MSG_DIR_TAKE, STORE_WRITE, directory_on_take},
    {MSG_DIR_RELEASE, STORE_WRITE, directory_on_release},
    {MSG_DIR_GIVE, STORE_WRITE, directory_on_give},
    {MSG_DIR_LEASES_GET, STORE_READ, directory_on_leases_get},
    {MSG_DIR_NODES_GET, STORE_READ, directory_on_nodes_get},
    {MSG_DIR_KEY_ADD, STORE_WRITE, directory_on_key_add},
};

const struct store_row *store_row(uint16_t type)
{
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++)
        if (ROWS[i].type == type)
            return &ROWS[i];
    return NULL;
}

struct store_worker {
    struct connection *connection;
    answer_sender_t *sender;
    struct store_call call;
    buffer_t encoded;
};

store_worker_t *store_worker_new(struct connection *connection, answers_t *answers)
{
    store_worker_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->connection = connection;
    list_writer_init(&self->call.list, LIST_BYTES_MAX);
    list_writer_init(&self->call.more, LIST_BYTES_MAX);
    buffer_init(&self->call.scratch, SCRATCH_BYTES_MAX);
    buffer_init(&self->encoded, LIM_LINK_BODY_BYTES_MAX);
    self->sender = answer_sender_new(answers);
    if (!self->sender)
        store_worker_destroy(&self);
    return self;
}

void store_worker_destroy(store_worker_t **self_p)
{
    assert(self_p);
    store_worker_t *self = *self_p;
    if (!self)
        return;
    answer_sender_destroy(&self->sender);
    list_writer_fini(&self->call.list);
    list_writer_fini(&self->call.more);
    buffer_fini(&self->call.scratch);
    buffer_fini(&self->encoded);
    free(self);
    *self_p = NULL;
}

static void s_pause(int ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000L}, NULL);
}

/* A node speaks for itself only: whoever it says it is must be who sent it, which the link's key proves. */
static bool s_is_from_itself(const struct store_call *call)
{
    uint64_t node;
    switch (call->ask.type) {
    case MSG_DIR_HELLO: node = call->ask.as.dir_hello.node; break;
    case MSG_DIR_BEAT: node = call->ask.as.dir_beat.node; break;
    case MSG_DIR_TAKE: node = call->ask.as.dir_take.node; break;
    case MSG_DIR_RELEASE: node = call->ask.as.dir_release.node; break;
    case MSG_DIR_GIVE: node = call->ask.as.dir_give.node; break;
    default: return true;
    }
    return node == address_node(call->env->from);
}

static db_status_t s_try(store_worker_t *self, const struct store_row *row)
{
    struct store_call *call = &self->call;
    call->db = self->connection->db;
    call->answer = (struct msg){.type = MSG_NONE};
    call->error = ERR_OK;
    call->retry_ms = 0;
    list_writer_clear(&call->list);
    list_writer_clear(&call->more);
    buffer_clear(&call->scratch);
    if (!s_is_from_itself(call))
        return store_refuse(call, ERR_FORBIDDEN);
    return row->handler(call);
}

/* Lock errors are tried again; a connection that is gone is replaced once: it may have been closed while idle. */
static db_status_t s_insist(store_worker_t *self, const struct store_row *row)
{
    bool has_reconnected = false;
    db_status_t status = s_try(self, row);
    for (unsigned tries = 0; status;) {
        if (status == DB_RETRY && tries++ < LIM_COMMIT_RETRIES_MAX) {
            metric_add(METRIC_STORE_RETRIES, 1);
            s_pause(RETRY_MS_MIN + (int)(id_random() % (RETRY_MS_MAX - RETRY_MS_MIN)));
        } else if ((status == DB_AWAY || status == DB_UNKNOWN) && !has_reconnected) {
            has_reconnected = true;
            connection_lost(self->connection);
            if (connection_open(self->connection) != DB_OK)
                return DB_AWAY;
        } else {
            return status;
        }
        status = s_try(self, row);
    }
    return DB_OK;
}

static void s_answer(store_worker_t *self, const struct envelope *env)
{
    struct store_call *call = &self->call;
    err_t err = call->error;
    buffer_clear(&self->encoded);
    if (!err)
        err = msg_encode(&call->answer, &self->encoded);
    if (!err) {
        answer_send(self->sender, env, buffer_view(&self->encoded));
        return;
    }
    if (!call->error)
        log_error("an answer cannot be encoded: asked=%s error=%s", msg_name(env->type), err_name(err));
    answer_send_error(self->sender, env, call->error ? call->error : ERR_INTERNAL, call->retry_ms);
}

bool store_worker_run(store_worker_t *self, const struct job *job)
{
    const struct store_row *row = store_row(job->env.type);
    err_t err = row ? msg_decode(job_body(job), &self->call.ask) : ERR_UNEXPECTED;
    if (!err && self->call.ask.type != job->env.type)
        err = ERR_BAD_FRAME;
    if (err) {
        answer_send_error(self->sender, &job->env, err, 0);
        return true;
    }
    self->call.env = &job->env;
    switch (s_insist(self, row)) {
    case DB_OK:
        metric_add(METRIC_STORE_QUERIES, 1);
        s_answer(self, &job->env);
        return true;
    case DB_RETRY: answer_send_error(self->sender, &job->env, ERR_BUSY, BUSY_RETRY_MS); return true;
    case DB_AWAY:
    case DB_UNKNOWN: /* "send it again" is true either way, since every question is idempotent */
        connection_lost(self->connection);
        answer_send_error(self->sender, &job->env, ERR_UNAVAILABLE, UNAVAILABLE_RETRY_MS);
        return false;
    case DB_DUPLICATE:
    case DB_FAILED: break;
    }
    log_error("the database refuses %s: %s", msg_name(job->env.type), db_error(self->connection->db));
    answer_send_error(self->sender, &job->env, ERR_DATABASE, 0);
    return true;
}

db_status_t store_in_transaction(struct store_call *call, store_handler_t body)
{
    db_status_t status = db_begin(call->db);
    if (status)
        return status;
    status = body(call);
    if (!status && !call->error)
        return db_commit(call->db);
    db_rollback(call->db);
    return status;
}

db_status_t store_answer_ok(struct store_call *call, uint64_t value)
{
    call->answer.type = MSG_STORE_OK;
    call->answer.as.store_ok.value = value;
    return DB_OK;
}

db_status_t store_refuse(struct store_call *call, err_t code)
{
    call->error = code;
    return DB_OK;
}
