#include "edge_world.h"

#include <arpa/inet.h>
#include <assert.h>
#include <czmq.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/runtime/actor.h"
#include "actors/runtime/keys.h"
#include "actors/runtime/supervisor.h"
#include "edge/edge.h"
#include "tests/support/free_port.h"

enum { LINES_MAX = 20000, HELD_MAX = 64 };

struct line {
    size_t len;
    uint8_t *bytes;
};

struct fake_room {
    uint64_t id, head, msg_no;
    struct line lines[LINES_MAX];
    int live; /* readers that want events; all of the one edge */
    int watching;
};

struct held { /* an answer that waits */
    struct envelope env;
    buffer_t bytes;
};

struct world {
    struct config config;
    struct topology topology;
    struct role_context context;
    zactor_t *edge;
    pthread_t thread;
    bool stop;
    pthread_mutex_t lock; /* everything below */
    actor_t *persist, *accounts, *room;
    uint32_t room_nonce;
    address_t edge_address;
    struct fake_room rooms[WORLD_ROOMS];
    int skip, swallow, not_owner;
    bool fetch, early, hold, mute;
    uint64_t revoked[64];
    size_t revoked_count;
    uint64_t user_changes; /* the latest change: of user 7 */
    struct held held[HELD_MAX];
    size_t held_count;
    struct world_seen seen;
    buffer_t stats; /* what the edge told of itself last */
    struct {
        uint64_t id;
        char name[LIM_FILE_NAME_BYTES_MAX + 1], mime[LIM_FILE_TYPE_BYTES_MAX + 1];
        uint8_t bytes[2 * 1024 * 1024];
        size_t len;
    } file;
};

static void s_copy_text(char *out, size_t size, view_t text)
{
    size_t len = text.len < size ? text.len : size - 1;
    memcpy(out, text.bytes, len);
    out[len] = '\0';
}

/* ---- tokens ---- */

static void s_base64url(char *text, const void *bytes, size_t len)
{
    char *at = text + strlen(text);
    int written = EVP_EncodeBlock((unsigned char *)at, bytes, (int)len);
    while (written > 0 && at[written - 1] == '=')
        written--;
    at[written] = '\0';
    for (; *at; at++)
        *at = *at == '+' ? '-' : *at == '/' ? '_' : *at;
}

const char *world_token(uint64_t user, uint64_t session, int64_t expires_s)
{
    static char token[2048];
    char payload[512];
    static const char header[] = "{\"alg\":\"HS256\",\"kid\":\"jwt-secret\",\"typ\":\"JWT\"}";
    int64_t now_s = (int64_t)time(NULL);
    int len = snprintf(payload, sizeof payload,
                       "{\"adm\":%s,%s\"aud\":\"rookery\",\"exp\":%" PRId64 ",\"iat\":%" PRId64
                       ",\"iss\":\"rookery\",\"name\":\"user%" PRIu64 "\",\"nbf\":%" PRId64 ",\"sid\":\"%" PRIu64
                       "\",\"sub\":\"%" PRIu64 "\",\"typ\":\"at+jwt\"}",
                       user == WORLD_ADMIN ? "true" : "false", user == WORLD_GIVEN ? "\"chg\":true," : "", now_s + expires_s, now_s + expires_s - LIM_ACCESS_TOKEN_S,
                       user, now_s - 1, session, user);
    token[0] = '\0';
    s_base64url(token, header, sizeof header - 1);
    strncat(token, ".", 2);
    s_base64url(token, payload, (size_t)len);
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned mac_len = 0;
    HMAC(EVP_sha256(), WORLD_SECRET, (int)strlen(WORLD_SECRET), (unsigned char *)token, strlen(token), mac, &mac_len);
    strncat(token, ".", 2);
    s_base64url(token, mac, mac_len);
    return token;
}

/* ---- the room ---- */

static struct fake_room *s_room(struct world *self, uint64_t id)
{
    for (int i = 0; i < WORLD_ROOMS; i++)
        if (self->rooms[i].id == id)
            return &self->rooms[i];
    return NULL;
}

static struct rec_room_state s_state(const struct fake_room *room)
{
    return (struct rec_room_state){.room = room->id, .incarnation = 1, .name = view_of_text("room"),
                                   .topic = view_of_text(""), .head = room->head, .msg_no = room->msg_no};
}

/* Appends a line; false: no such room. */
static void s_commit(struct world *self, struct fake_room *room, uint64_t user, const cid_t *cid, view_t text)
{
    buffer_t body, bytes;
    buffer_init(&body, LIM_EVENT_BODY_BYTES_MAX);
    buffer_init(&bytes, LIM_EVENT_BYTES_MAX);
    struct kind_posted posted = {.text = text};
    err_t err = kind_encode(KIND_POSTED, &posted, &body);
    struct msg msg = {.type = MSG_EVENT, .as.event = {.room = room->id, .seq = room->head + 1, .kind = KIND_POSTED,
                                                      .user = user, .at_ms = 1700000000000, .client_id = *cid,
                                                      .msg_no = room->msg_no + 1, .body = buffer_view(&body)}};
    err = err ? err : msg_encode(&msg, &bytes);
    assert(!err && room->head < LINES_MAX);
    (void)err;
    room->lines[room->head] = (struct line){.len = bytes.len, .bytes = bytes.bytes};
    room->head++;
    room->msg_no++;
    buffer_fini(&body);
    struct envelope env = {.key = room->id};
    if (self->skip > 0)
        self->skip--;
    else if (room->live > 0 && self->edge_address)
        (void)actor_send_bytes(self->room, self->edge_address, &env, view_of(bytes.bytes, bytes.len));
}

static void s_frames(const struct fake_room *room, uint64_t after, list_writer_t *list)
{
    list_writer_init(list, LIM_LINK_BODY_BYTES_MAX);
    for (uint64_t seq = after + 1; seq <= room->head; seq++) {
        struct rec_frame frame = {.event = view_of(room->lines[seq - 1].bytes, room->lines[seq - 1].len)};
        (void)rec_frame_append(list, &frame);
    }
}

static void s_reply(actor_t *actor, const struct envelope *env, const struct msg *msg)
{
    (void)actor_reply(actor, env, msg);
}

static void s_release(struct world *self)
{
    for (size_t i = 0; i < self->held_count && !self->hold; i++) {
        (void)actor_send_bytes(self->persist, self->edge_address, &self->held[i].env, buffer_view(&self->held[i].bytes));
        buffer_fini(&self->held[i].bytes);
    }
    if (!self->hold)
        self->held_count = 0;
}

/* The backfill as persist sends it. */
static void s_store_delta(struct world *self, const struct envelope *env, const struct fake_room *room, uint64_t after)
{
    list_writer_t frames;
    s_frames(room, after, &frames);
    struct msg msg = {.type = MSG_STORE_DELTA, .as.store_delta = {.room = room->id, .incarnation = 1, .after = after,
                                                                  .upto = room->head, .complete = true,
                                                                  .frames = list_of(&frames)}};
    struct held *held = &self->held[self->held_count++];
    assert(self->held_count < HELD_MAX);
    held->env = envelope_reply(env);
    buffer_init(&held->bytes, LIM_LINK_BODY_BYTES_MAX);
    (void)msg_encode(&msg, &held->bytes);
    list_writer_fini(&frames);
    s_release(self);
}

/* As persist: whole or nothing. */
static void s_store_export(struct world *self, const struct envelope *env, const struct msg_room_export_get *get)
{
    struct fake_room *room = s_room(self, get->room);
    list_writer_t frames;
    size_t bytes = 0;
    list_writer_init(&frames, LIM_LINK_BODY_BYTES_MAX);
    for (uint64_t seq = get->after + 1; seq <= get->upto; seq++) {
        (void)rec_frame_append(&frames, &(struct rec_frame){.event = view_of(room->lines[seq - 1].bytes,
                                                                             room->lines[seq - 1].len)});
        bytes += room->lines[seq - 1].len;
    }
    bool complete = bytes <= LIM_DELTA_BYTES_MAX;
    struct msg msg = {.type = MSG_STORE_DELTA, .as.store_delta = {
        .room = room->id, .incarnation = 1, .after = get->after, .upto = get->upto, .complete = complete}};
    if (complete)
        msg.as.store_delta.frames = list_of(&frames);
    self->seen.exports++;
    struct held *held = &self->held[self->held_count++];
    assert(self->held_count < HELD_MAX);
    held->env = envelope_reply(env);
    buffer_init(&held->bytes, LIM_LINK_BODY_BYTES_MAX);
    (void)msg_encode(&msg, &held->bytes);
    list_writer_fini(&frames);
    s_release(self);
}

static void s_on_attach(struct world *self, const struct envelope *env, const struct msg_room_attach *attach)
{
    struct fake_room *room = s_room(self, attach->room);
    list_writer_t frames, refused;
    list_writer_init(&refused, LIM_LINK_BODY_BYTES_MAX);
    list_writer_init(&frames, LIM_LINK_BODY_BYTES_MAX);
    struct rec_reader reader;
    self->seen.attaches++;
    for (list_t at = attach->readers; rec_reader_next(&at, &reader);) {
        self->seen.readers++;
        struct rec_refusal refusal = {.session = reader.session, .code = ERR_NOT_MEMBER};
        if (!room)
            (void)rec_refusal_append(&refused, &refusal);
        else if (reader.live)
            room->live++;
    }
    struct msg msg = {.type = MSG_ROOM_ATTACHED, .as.room_attached = {
        .room = attach->room, .incarnation = 1, .after = attach->after, .base = attach->after + 1,
        .head = room ? room->head : 0, .msg_no = room ? room->msg_no : 0, .members = 3, .here = true}};
    bool fetch = room && attach->want && self->fetch && attach->after < room->head;
    list_writer_fini(&frames);
    if (room && attach->want && !fetch)
        s_frames(room, attach->after, &frames);
    else
        list_writer_init(&frames, 16);
    msg.as.room_attached.here = !fetch;
    msg.as.room_attached.frames = list_of(&frames);
    msg.as.room_attached.refused = list_of(&refused);
    if (fetch && self->early) {
        s_store_delta(self, env, room, attach->after);
        (void)actor_pump(self->persist, 0);
        usleep(30000); /* it is there before the room's answer */
    }
    s_reply(self->room, env, &msg);
    if (fetch && !self->early)
        s_store_delta(self, env, room, attach->after);
    list_writer_fini(&frames);
    list_writer_fini(&refused);
}

static void s_on_post(struct world *self, const struct envelope *env, const struct msg_room_post *post)
{
    struct fake_room *room = s_room(self, post->room);
    self->seen.posts++;
    self->seen.last_user = env->user;
    self->seen.last_session = env->session;
    self->seen.last_admin = env->flags & ENVELOPE_ADMIN;
    if (self->swallow > 0) {
        self->swallow--;
        return;
    }
    if (self->not_owner > 0) {
        self->not_owner--;
        self->seen.not_owner++;
        struct msg nack = {.type = MSG_NACK, .as.nack = {.client_id = post->client_id, .room = post->room,
                                                         .code = ERR_NOT_OWNER, .reason = view_of_text("")}};
        s_reply(self->room, env, &nack);
        return;
    }
    if (!room) {
        struct msg nack = {.type = MSG_NACK, .as.nack = {.client_id = post->client_id, .room = post->room, .final = true,
                                                         .code = ERR_NO_ROOM, .reason = view_of_text("")}};
        s_reply(self->room, env, &nack);
        return;
    }
    uint64_t seq = 0;
    for (uint64_t i = 0; i < room->head && !seq; i++) { /* a repeat gets the first answer */
        struct msg event;
        if (!msg_decode(view_of(room->lines[i].bytes, room->lines[i].len), &event) &&
            cid_is_equal(&event.as.event.client_id, &post->client_id))
            seq = i + 1;
    }
    bool dup = seq != 0;
    if (!dup)
        s_commit(self, room, env->user, &post->client_id, post->text);
    struct msg ack = {.type = MSG_ACK, .as.ack = {.client_id = post->client_id, .room = room->id,
                                                  .seq = dup ? seq : room->head, .at_ms = 1700000000000,
                                                  .msg_no = dup ? seq : room->msg_no, .dup = dup}};
    s_reply(self->room, env, &ack);
}

static void s_on_inbox_open(struct world *self, const struct envelope *env, const struct msg_inbox_open *open)
{
    list_writer_t rooms;
    list_writer_init(&rooms, LIM_LINK_BODY_BYTES_MAX);
    self->seen.inbox_opens++;
    for (int i = 0; i < WORLD_ROOMS; i++) {
        struct rec_room_state state = s_state(&self->rooms[i]);
        (void)rec_room_state_append(&rooms, &state);
    }
    struct msg msg = {.type = MSG_INBOX, .as.inbox = {.user = open->user, .rooms = list_of(&rooms)}};
    s_reply(self->room, env, &msg);
    list_writer_fini(&rooms);
}

static err_t s_on_room_message(void *context, actor_t *actor, const struct envelope *env, view_t body)
{
    struct world *self = context;
    struct msg msg;
    (void)actor;
    err_t err = msg_decode(body, &msg);
    if (err)
        return err;
    struct rec_reader reader;
    struct fake_room *room;
    switch (msg.type) {
    case MSG_ROOM_ATTACH:
        s_on_attach(self, env, &msg.as.room_attach);
        return ERR_OK;
    case MSG_ROOM_DETACH:
        room = s_room(self, msg.as.room_detach.room);
        for (list_t at = msg.as.room_detach.readers; rec_reader_next(&at, &reader);)
            self->seen.detached++;
        (void)room;
        return ERR_OK;
    case MSG_ROOM_POST:
        s_on_post(self, env, &msg.as.room_post);
        return ERR_OK;
    case MSG_INBOX_OPEN:
        s_on_inbox_open(self, env, &msg.as.inbox_open);
        return ERR_OK;
    case MSG_INBOX_CLOSE:
        self->seen.inbox_closes++;
        return ERR_OK;
    case MSG_READ:
        self->seen.reads++;
        return actor_reply(self->room, env, &(struct msg){.type = MSG_STORE_OK});
    case MSG_UNREAD_FROM: {
        const struct msg_unread_from *mark = &msg.as.unread_from;
        struct msg told = {.type = MSG_READ_AT, .as.read_at = {.room = mark->room, .msg_no = mark->msg_no - 1,
                                                               .turn = mark->turn + 1}};
        return env->user == env->key ? actor_reply(self->room, env, &told)
                                     : actor_reply_error(self->room, env, ERR_INTERNAL, 0);
    }
    case MSG_NOTIFY: {
        struct msg told = {.type = MSG_NOTIFIED, .as.notified = {.room = msg.as.notify.room,
                                                                 .level = msg.as.notify.level}};
        return s_room(self, msg.as.notify.room) ? actor_reply(self->room, env, &told)
                                                : actor_reply_error(self->room, env, ERR_NOT_MEMBER, 0);
    }
    case MSG_GONE_GET:
        return actor_reply(self->room, env, &(struct msg){.type = MSG_GONE, .as.gone = {.room = msg.as.gone_get.room,
                                                                                       .deleted = 7}});
    case MSG_ROOM_MEMBERS_FIND:
        return actor_reply(self->room, env, &(struct msg){.type = MSG_MEMBERS, .as.members = {
                                                              .room = msg.as.room_members_find.room}});
    case MSG_TYPING:
        self->seen.typings++;
        return ERR_OK;
    case MSG_ROOM_PAGE_GET: {
        struct fake_room *at = s_room(self, msg.as.room_page_get.room);
        if (!at)
            return actor_reply_error(self->room, env, ERR_NOT_MEMBER, 0);
        list_writer_t frames;
        s_frames(at, 0, &frames);
        struct msg page = {.type = MSG_PAGE, .as.page = {.room = at->id, .incarnation = 1, .as_of = at->head,
                                                         .frames = list_of(&frames)}};
        s_reply(self->room, env, &page);
        list_writer_fini(&frames);
        return ERR_OK;
    }
    case MSG_ROOM_INFO_GET: {
        struct fake_room *at = s_room(self, msg.as.room_info_get.room);
        if (!at)
            return actor_reply_error(self->room, env, ERR_NO_ROOM, 0);
        list_writer_t rooms;
        list_writer_init(&rooms, LIM_LINK_BODY_BYTES_MAX);
        (void)rec_room_info_append(&rooms, &(struct rec_room_info){.room = at->id, .name = view_of_text("Näst 1"),
                                                                   .topic = view_of_text("")});
        struct msg info = {.type = MSG_ROOM_INFO, .as.room_info = {.rooms = list_of(&rooms), .incarnation = 1,
                                                                   .head = at->head, .msg_no = at->msg_no}};
        s_reply(self->room, env, &info);
        list_writer_fini(&rooms);
        return ERR_OK;
    }
    case MSG_ROOM_FILE_BEGIN:
        if (!s_room(self, msg.as.room_file_begin.room) || env->user == WORLD_NO_OWNER)
            return actor_reply_error(self->room, env, ERR_MUTED, 0);
        self->seen.file_begins++;
        self->file.id = msg.as.room_file_begin.file;
        self->file.len = 0;
        s_copy_text(self->file.name, sizeof self->file.name, msg.as.room_file_begin.name);
        return actor_reply(self->room, env, &(struct msg){.type = MSG_STORE_OK, .as.store_ok.value = self->file.id});
    case MSG_ROOM_FILE_GET: {
        const struct msg_room_file_get *get = &msg.as.room_file_get;
        size_t at = get->no == ID_MAX ? self->file.len : (size_t)get->no * LIM_FILE_CHUNK_BYTES;
        uint8_t digest[32] = {1, 2, 3};
        if (get->file != self->file.id || env->user == WORLD_NO_OWNER || at > self->file.len)
            return actor_reply_error(self->room, env, ERR_NO_FILE, 0);
        size_t left = self->file.len - at;
        self->seen.file_gets++;
        struct msg part = {.type = MSG_FILE_PART, .as.file_part = {
            .file = get->file, .no = get->no, .name = view_of_text(self->file.name), .mime = view_of_text(self->file.mime),
            .bytes = self->file.len, .digest = view_of(digest, sizeof digest),
            .data = view_of(self->file.bytes + at, left < LIM_FILE_CHUNK_BYTES ? left : LIM_FILE_CHUNK_BYTES)}};
        s_reply(self->room, env, &part);
        return ERR_OK;
    }
    case MSG_ROOM_EXPORT_GET:
        if (env->user == WORLD_NO_OWNER)
            return actor_reply_error(self->room, env, ERR_FORBIDDEN, 0);
        s_store_export(self, env, &msg.as.room_export_get);
        return ERR_OK;
    default:
        return actor_reply_error(self->room, env, ERR_UNEXPECTED, 0);
    }
}

static void s_on_room_peer(void *context, actor_t *actor, address_t peer, peer_event_t event)
{
    struct world *self = context;
    (void)actor;
    (void)event;
    self->edge_address = peer;
}

/* ---- persist and accounts ---- */

static err_t s_on_persist_message(void *context, actor_t *actor, const struct envelope *env, view_t body)
{
    struct world *self = context;
    struct msg msg, out = {0};
    err_t err = msg_decode(body, &msg);
    if (err || self->mute)
        return err;
    uint8_t key[KEY_BYTES] = {7};
    list_writer_t list;
    list_writer_init(&list, LIM_LINK_BODY_BYTES_MAX);
    switch (msg.type) {
    case MSG_DIR_HELLO:
        out = (struct msg){.type = MSG_DIR_WELCOME, .as.dir_welcome = {.id_key = view_of(key, KEY_BYTES),
                                                                       .mac_key = view_of(key, KEY_BYTES)}};
        break;
    case MSG_DIR_LEASES_GET:
        for (uint32_t shard = 0; shard < LIM_SHARDS; shard++) {
            struct rec_lease lease = {.shard = shard, .epoch = 1, .endpoint = view_of_text(""),
                                      .node = address_node(address_make(ROLE_ROOM, 0, 0))};
            (void)rec_lease_append(&list, &lease);
        }
        out = (struct msg){.type = MSG_DIR_LEASES, .as.dir_leases = {.leases = list_of(&list)}};
        break;
    case MSG_STORE_REVOCATIONS_GET: {
        uint64_t after = msg.as.store_revocations_get.after;
        for (size_t i = (size_t)after; i < self->revoked_count; i++) {
            struct rec_id id = {.id = self->revoked[i]};
            (void)rec_id_append(&list, &id);
        }
        out = (struct msg){.type = MSG_STORE_REVOCATIONS,
                           .as.store_revocations = {.upto = self->revoked_count, .sessions = list_of(&list)}};
        break;
    }
    case MSG_STORE_USER_CHANGES_GET: {
        struct rec_user_info info = {.user = 7, .name = view_of_text("Seven"), .handle = view_of_text("seven"),
                                     .rev = self->user_changes};
        uint64_t after = msg.as.store_user_changes_get.after;
        if (after < self->user_changes)
            (void)rec_user_info_append(&list, &info);
        out = (struct msg){.type = MSG_STORE_USER_CHANGES, .as.store_user_changes = {
            .upto = self->user_changes, .users = list_of(&list)}};
        break;
    }
    case MSG_STORE_AVATAR_SET: { /* says what came: avatar is its length, rev its format */
        const struct msg_store_avatar_set *ask = &msg.as.store_avatar_set;
        struct rec_user_info info = {.user = ask->user, .avatar = ask->picture.len, .rev = ask->format};
        (void)rec_user_info_append(&list, &info);
        out = (struct msg){.type = MSG_USERS, .as.users = {.users = list_of(&list)}};
        break;
    }
    case MSG_STORE_AVATAR_GET:
        out = (struct msg){.type = MSG_AVATAR, .as.avatar = {.user = 7, .rev = 12, .format = 2,
                                                             .picture = view_of_text("\xff\xd8\xff picture")}};
        break;
    case MSG_STORE_USERS_FIND: { /* says what it was asked */
        struct rec_user_info info = {.user = 1, .name = msg.as.store_users_find.query,
                                     .handle = msg.as.store_users_find.after_name, .rev = msg.as.store_users_find.limit};
        (void)rec_user_info_append(&list, &info);
        out = (struct msg){.type = MSG_USERS, .as.users = {.users = list_of(&list)}};
        break;
    }
    case MSG_STORE_INVITE_ADD: {
        const struct msg_store_invite_add *ask = &msg.as.store_invite_add;
        struct rec_invite_info info = {.invite = ask->invite, .code = ask->code, .by = ask->by, .uses_max = ask->uses_max,
                                       .expires_at_ms = ask->expires_at_ms ? ask->expires_at_ms - ask->at_ms : 0};
        (void)rec_invite_info_append(&list, &info);
        out = (struct msg){.type = MSG_INVITES, .as.invites = {.invites = list_of(&list)}};
        break;
    }
    case MSG_STORE_USERS_GET: {
        struct rec_user_info info = {.user = 1, .name = view_of_text("user1")};
        (void)rec_user_info_append(&list, &info);
        out = (struct msg){.type = MSG_USERS, .as.users = {.users = list_of(&list)}};
        break;
    }
    case MSG_STORE_FILE_CHUNK: {
        const struct msg_store_file_chunk *chunk = &msg.as.store_file_chunk;
        self->seen.file_chunks++;
        if (chunk->no * LIM_FILE_CHUNK_BYTES == self->file.len && chunk->data.len <= sizeof self->file.bytes - self->file.len) {
            memcpy(self->file.bytes + self->file.len, chunk->data.bytes, chunk->data.len);
            self->file.len += chunk->data.len;
        }
        out = (struct msg){.type = MSG_STORE_OK, .as.store_ok.value = chunk->no + 1};
        break;
    }
    case MSG_STORE_FILE_END: {
        const struct msg_store_file_end *end = &msg.as.store_file_end;
        s_copy_text(self->file.mime, sizeof self->file.mime, end->mime);
        s_copy_text(self->seen.file_mime, sizeof self->seen.file_mime, end->mime);
        self->seen.file_width = end->width;
        self->seen.file_height = end->height;
        out = (struct msg){.type = MSG_FILE_STORED, .as.file_stored = {
            .file = end->file, .name = view_of_text(self->file.name), .mime = end->mime, .bytes = self->file.len,
            .width = end->width, .height = end->height}};
        break;
    }
    case MSG_STORE_FILE_DROP:
        self->seen.file_drops++;
        out = (struct msg){.type = MSG_STORE_OK, .as.store_ok.value = msg.as.store_file_drop.file == self->file.id};
        break;
    case MSG_STORE_SEARCH: { /* says what it was asked; nobody is called "nobody" */
        const struct msg_store_search *ask = &msg.as.store_search;
        view_t part = view_of(ask->query.bytes, ask->query.len < 64 ? ask->query.len : 64);
        struct rec_search_hit hit = {.room = ask->limit, .seq = 1, .user = ask->user, .snippet = part};
        (void)rec_search_hit_append(&list, &hit);
        out = (struct msg){.type = MSG_SEARCH_RESULT, .as.search_result = {
            .next = ask->before, .behind = ask->zone, .hits = list_of(&list)}};
        if (view_is_equal(ask->query, view_of_text("x from:nobody")))
            out.as.search_result = (struct msg_search_result){.fault = 8, .position = 2};
        break;
    }
    case MSG_NODE_STATS: /* the edge's own; not answered */
        buffer_clear(&self->stats);
        (void)buffer_append(&self->stats, body.bytes, body.len);
        list_writer_fini(&list);
        return ERR_OK;
    case MSG_STATS_GET: {
        struct rec_stats_report report = {.node = address_node(env->from), .age_ms = 7, .stats = buffer_view(&self->stats)};
        if (self->stats.len)
            (void)rec_stats_report_append(&list, &report);
        out = (struct msg){.type = MSG_STATS, .as.stats = {.reports = list_of(&list)}};
        break;
    }
    case MSG_ADMIN_USERS_GET: { /* says what it was asked */
        struct rec_admin_user user = {.user = msg.as.admin_users_get.limit, .name = msg.as.admin_users_get.query};
        (void)rec_admin_user_append(&list, &user);
        out = (struct msg){.type = MSG_ADMIN_USERS, .as.admin_users = {.users = list_of(&list)}};
        break;
    }
    case MSG_ADMIN_ROOMS_GET: out = (struct msg){.type = MSG_ADMIN_ROOMS}; break;
    case MSG_ADMIN_AUDIT_GET: out = (struct msg){.type = MSG_ADMIN_AUDIT}; break;
    case MSG_ADMIN_SESSIONS_GET: out = (struct msg){.type = MSG_SESSIONS}; break;
    case MSG_SOCKETS_GET: out = (struct msg){.type = MSG_SOCKETS}; break;
    case MSG_ADMIN_USER_SET:
        self->seen.admin_by = env->user;
        self->seen.admin_user = msg.as.admin_user_set.user;
        self->seen.admin_role = msg.as.admin_user_set.role;
        self->seen.admin_disabled = msg.as.admin_user_set.disabled;
        out = (struct msg){.type = MSG_STORE_OK};
        if (msg.as.admin_user_set.user == WORLD_ADMIN)
            out = (struct msg){.type = MSG_ERR, .as.err = {.code = ERR_LAST_ADMIN, .scope = view_of_text(""),
                                                           .reason = view_of_text("")}};
        break;
    case MSG_ADMIN_SESSIONS_END:
        self->seen.admin_by = env->user;
        self->seen.admin_user = msg.as.admin_sessions_end.user;
        self->seen.admin_session = msg.as.admin_sessions_end.session;
        out = (struct msg){.type = MSG_STORE_OK};
        break;
    default:
        out = (struct msg){.type = MSG_STORE_OK};
        break;
    }
    err = actor_reply(actor, env, &out);
    list_writer_fini(&list);
    return err;
}

static err_t s_on_accounts_message(void *context, actor_t *actor, const struct envelope *env, view_t body)
{
    struct msg msg;
    (void)context;
    err_t err = msg_decode(body, &msg);
    if (err)
        return err;
    if (msg.type == MSG_AUTH_LOGOUT)
        return actor_reply(actor, env, &(struct msg){.type = MSG_STORE_OK});
    if (msg.type == MSG_AUTH_REFRESH &&
        !view_is_equal(msg.as.auth_refresh.refresh_token, view_of_text("good-refresh-token")))
        return actor_reply_error(actor, env, ERR_UNAUTHORIZED, 0);
    if (msg.type == MSG_AUTH_SIGNUP && view_is_equal(msg.as.auth_signup.name, view_of_text("taken")))
        return actor_reply_error(actor, env, ERR_NAME_TAKEN, 0);
    if (msg.type == MSG_AUTH_LOGIN && !view_is_equal(msg.as.auth_login.password, view_of_text("correct horse")))
        return actor_reply_error(actor, env, ERR_BAD_CREDENTIALS, 0);
    struct msg done = {.type = MSG_AUTH_DONE, .as.auth_done = {
        .user = 1, .name = view_of_text("user1"), .session = 5, .access_token = view_of_text("a.b.c"),
        .expires_at_ms = 1, .refresh_token = view_of_text("good-refresh-token"), .refresh_max_age_s = 100}};
    return actor_reply(actor, env, &done);
}

static const struct actor_handlers s_room_handlers = {.on_message = s_on_room_message, .on_peer = s_on_room_peer};
static const struct actor_handlers s_persist_handlers = {.on_message = s_on_persist_message};
static const struct actor_handlers s_accounts_handlers = {.on_message = s_on_accounts_message};

/* ---- the thread ---- */

static actor_t *s_actor(struct world *self, role_t role, uint32_t nonce, const struct actor_handlers *handlers)
{
    const struct topology_node *node = topology_find(&self->topology, role, 0);
    actor_t *actor = actor_new(address_make(role, 0, nonce), handlers, self);
    assert(actor);
    err_t err = ERR_INTERNAL;
    for (int i = 0; i < 200 && (err = actor_bind(actor, node->endpoint)); i++)
        zclock_sleep(10); /* a port that is just being given back */
    assert(!err);
    return actor;
}

static void *s_thread(void *context)
{
    struct world *self = context;
    for (bool stop = false; !stop;) {
        pthread_mutex_lock(&self->lock);
        (void)actor_pump(self->persist, 256);
        (void)actor_pump(self->accounts, 256);
        (void)actor_pump(self->room, 256);
        stop = self->stop;
        pthread_mutex_unlock(&self->lock);
        zclock_sleep(1);
    }
    return NULL;
}

static void s_edge_thread(zsock_t *pipe, void *context)
{
    edge_run(pipe, context);
}

static void s_set_text(char **field, const char *value)
{
    if (!value)
        return;
    free(*field);
    *field = strdup(value);
}

static void s_configure(struct world *self, const struct world_options *options)
{
    char *argv[] = {(char[]){"test"}, NULL};
    err_t err = config_read(&self->config, 1, argv, stderr);
    assert(!err);
    (void)err;
    self->config.port = free_port();
    self->config.admin_port = free_port();
    if (options->file_mib)
        self->config.file_mib = options->file_mib;
    self->config.frames_per_s = options->frames_per_s ? options->frames_per_s : 100000;
    self->config.frames_burst = options->frames_burst ? options->frames_burst : 100000;
    self->config.requests_per_s = options->requests_per_s ? options->requests_per_s : 100000;
    self->config.requests_burst = options->requests_burst ? options->requests_burst : 100000;
    if (options->connections_max)
        self->config.connections_max = options->connections_max;
    if (options->connections_per_address)
        self->config.connections_per_address = options->connections_per_address;
    s_set_text(&self->config.bind, "127.0.0.1");
    s_set_text(&self->config.jwt_secret, WORLD_SECRET);
    s_set_text(&self->config.web_root, options->web_root ? options->web_root : "/nonexistent");
    s_set_text(&self->config.origins, options->origins);
    s_set_text(&self->config.trusted_proxies, options->trusted_proxies);
    keys_allow_plain(true); /* over tcp too: the played actors have no keys */
    err = topology_of_process(&self->config, 1, &self->topology);
    assert(!err);
    for (size_t i = 0; i < self->topology.count && options->tcp; i++)
        if (self->topology.nodes[i].endpoint[0])
            snprintf(self->topology.nodes[i].endpoint, sizeof self->topology.nodes[i].endpoint, "tcp://127.0.0.1:%d",
                     free_port());
}

/* Until /readyz says 200. */
static void s_await_ready(struct world *self)
{
    for (int i = 0; i < 500; i++) {
        char answer[64] = "";
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)self->config.port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        static const char ask[] = "GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0 && write(fd, ask, sizeof ask - 1) > 0)
            (void)!read(fd, answer, sizeof answer - 1);
        close(fd);
        if (strstr(answer, " 200 "))
            return;
        zclock_sleep(10);
    }
    assert(!"the edge did not get ready");
}

struct world *world_start(const struct world_options *options)
{
    static const struct world_options none;
    struct world *self = calloc(1, sizeof *self);
    assert(self);
    s_configure(self, options ? options : &none);
    pthread_mutex_init(&self->lock, NULL);
    buffer_init(&self->stats, LIM_STATS_BYTES_MAX);
    for (int i = 0; i < WORLD_ROOMS; i++)
        self->rooms[i].id = (uint64_t)(WORLD_ROOM + i);
    self->room_nonce = 1;
    self->persist = s_actor(self, ROLE_PERSIST, 1, &s_persist_handlers);
    self->accounts = s_actor(self, ROLE_ACCOUNTS, 1, &s_accounts_handlers);
    self->room = s_actor(self, ROLE_ROOM, self->room_nonce, &s_room_handlers);
    pthread_create(&self->thread, NULL, s_thread, self);
    self->context = (struct role_context){.config = &self->config, .topology = &self->topology,
                                          .address = address_make(ROLE_EDGE, 0, 1)};
    self->edge = zactor_new(s_edge_thread, &self->context);
    assert(self->edge);
    s_await_ready(self);
    return self;
}

void world_term(struct world *self)
{
    zstr_send(self->edge, "$TERM");
}

void world_stop(struct world *self)
{
    zactor_destroy(&self->edge);
    pthread_mutex_lock(&self->lock);
    self->stop = true;
    pthread_mutex_unlock(&self->lock);
    pthread_join(self->thread, NULL);
    actor_destroy(&self->persist);
    actor_destroy(&self->accounts);
    actor_destroy(&self->room);
    for (int i = 0; i < WORLD_ROOMS; i++)
        for (uint64_t k = 0; k < self->rooms[i].head; k++)
            free(self->rooms[i].lines[k].bytes);
    for (size_t i = 0; i < self->held_count; i++)
        buffer_fini(&self->held[i].bytes);
    buffer_fini(&self->stats);
    config_fini(&self->config);
    pthread_mutex_destroy(&self->lock);
    free(self);
}

int world_port(const struct world *self)
{
    return (int)self->config.port;
}

int world_admin_port(const struct world *self)
{
    return (int)self->config.admin_port;
}

/* ---- what tests do to it ---- */

#define LOCKED(statement)                                                                                              \
    do {                                                                                                               \
        pthread_mutex_lock(&self->lock);                                                                               \
        statement;                                                                                                     \
        pthread_mutex_unlock(&self->lock);                                                                             \
    } while (0)

void world_say(struct world *self, uint64_t room, int count, size_t text_bytes)
{
    char text[LIM_TEXT_BYTES_MAX];
    assert(text_bytes <= sizeof text);
    memset(text, 't', sizeof text);
    pthread_mutex_lock(&self->lock);
    for (int i = 0; i < count; i++) {
        struct fake_room *at = s_room(self, room);
        cid_t cid = {{0}};
        memcpy(cid.bytes, &at->head, sizeof at->head);
        cid.bytes[15] = 99;
        s_commit(self, at, 99, &cid, view_of(text, text_bytes));
    }
    (void)actor_pump(self->room, 0);
    pthread_mutex_unlock(&self->lock);
}

uint64_t world_head(struct world *self, uint64_t room)
{
    uint64_t head;
    LOCKED(head = s_room(self, room)->head);
    return head;
}

void world_skip_events(struct world *self, int count)
{
    LOCKED(self->skip = count);
}

void world_swallow_posts(struct world *self, int count)
{
    LOCKED(self->swallow = count);
}

void world_fetch(struct world *self, bool on)
{
    LOCKED(self->fetch = on);
}

void world_answer_early(struct world *self, bool on)
{
    LOCKED(self->early = on);
}

void world_hold_answers(struct world *self, bool on)
{
    LOCKED(self->hold = on; s_release(self); (void)actor_pump(self->persist, 0));
}

void world_not_owner(struct world *self, int count)
{
    LOCKED(self->not_owner = count);
}

void world_mute_persist(struct world *self, bool on)
{
    LOCKED(self->mute = on);
}

void world_revoke(struct world *self, uint64_t session)
{
    LOCKED(self->revoked[self->revoked_count++] = session);
}

void world_change_user(struct world *self)
{
    LOCKED(self->user_changes++);
}

static void s_send(struct world *self, const struct envelope *env, const struct msg *msg)
{
    LOCKED((void)actor_send(self->room, self->edge_address, env, msg); (void)actor_pump(self->room, 0));
}

void world_kick(struct world *self, uint64_t room, uint64_t user)
{
    struct envelope env = {.key = room, .user = user};
    struct msg msg = {.type = MSG_KICK, .as.kick = {.room = room, .code = ERR_NOT_MEMBER}};
    s_send(self, &env, &msg);
}

void world_drop_room(struct world *self, uint64_t room)
{
    struct envelope env = {.key = room};
    struct msg msg = {.type = MSG_ERR, .as.err = {.code = ERR_NOT_OWNER, .scope = view_of_text("room"),
                                                  .reason = view_of_text("")}};
    LOCKED(s_room(self, room)->live = 0);
    s_send(self, &env, &msg);
}

void world_type(struct world *self, uint64_t room)
{
    struct envelope env = {.key = room, .flags = ENVELOPE_EPHEMERAL};
    struct msg msg = {.type = MSG_TYPISTS, .as.typists = {.room = room}};
    s_send(self, &env, &msg);
}

void world_restart_room(struct world *self)
{
    pthread_mutex_lock(&self->lock);
    actor_destroy(&self->room);
    self->edge_address = 0;
    for (int i = 0; i < WORLD_ROOMS; i++)
        self->rooms[i].live = 0;
    self->room = s_actor(self, ROLE_ROOM, ++self->room_nonce, &s_room_handlers);
    pthread_mutex_unlock(&self->lock);
}

void world_file_put(struct world *self, uint64_t file, const char *name, const char *mime, const uint8_t *bytes, size_t len)
{
    assert(len <= sizeof self->file.bytes);
    pthread_mutex_lock(&self->lock);
    self->file.id = file;
    self->file.len = len;
    s_copy_text(self->file.name, sizeof self->file.name, view_of_text(name));
    s_copy_text(self->file.mime, sizeof self->file.mime, view_of_text(mime));
    memcpy(self->file.bytes, bytes, len);
    pthread_mutex_unlock(&self->lock);
}

size_t world_file_len(struct world *self, uint8_t *bytes_out, size_t size)
{
    pthread_mutex_lock(&self->lock);
    size_t len = self->file.len;
    memcpy(bytes_out, self->file.bytes, len < size ? len : size);
    pthread_mutex_unlock(&self->lock);
    return len;
}

struct world_seen world_seen(struct world *self)
{
    struct world_seen seen;
    LOCKED(seen = self->seen);
    return seen;
}
