#include "tests/system/chat_user.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bench/http_client.h"

enum { CONNECT_MS_MIN = 30, CONNECT_MS_MAX = 400, ANSWER_MS = 8000, SIGN_IN_MS = 12000, SIGN_IN_TRIES = 4 };

uint64_t fnv64(const void *bytes, size_t len)
{
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ ((const uint8_t *)bytes)[i]) * 1099511628211u;
    return hash;
}

static uint64_t s_random(struct chat_user *self)
{
    self->random ^= self->random << 13;
    self->random ^= self->random >> 7;
    self->random ^= self->random << 17;
    return self->random;
}

static void s_new_cid(struct chat_user *self, cid_t *cid_out)
{
    uint64_t a = s_random(self), b = s_random(self) ^ (uint64_t)self->index;
    memcpy(cid_out->bytes, &a, 8);
    memcpy(cid_out->bytes + 8, &b, 8);
    cid_out->bytes[0] &= 0x7F; /* a ULID's text has 26 characters: 2 bits of the first are always 0 */
}

static void s_cid_hex(const cid_t *cid, char out[2 * CID_BYTES + 1])
{
    for (size_t i = 0; i < CID_BYTES; i++)
        snprintf(out + 2 * i, 3, "%02x", cid->bytes[i]);
}

/* ---- HTTP ---------------------------------------------------------------------------------------------------- */

static bool s_json_text(const char *json, const char *key, char *out, size_t size)
{
    char want[64];
    snprintf(want, sizeof want, "\"%s\":\"", key);
    const char *at = strstr(json, want);
    if (!at)
        return false;
    at += strlen(want);
    size_t len = strcspn(at, "\"");
    if (len >= size)
        return false;
    memcpy(out, at, len);
    out[len] = '\0';
    return true;
}

static uint64_t s_json_number(const char *json, const char *key)
{
    char want[64];
    snprintf(want, sizeof want, "\"%s\":", key);
    const char *at = strstr(json, want);
    return at ? strtoull(at + strlen(want), NULL, 10) : 0;
}

/* Signs up, or in when the name is there: it may be ours, of a request whose answer was lost. Says it again while the
 * server says "later". */
static bool s_sign_in(int port, const char *body, struct http_response *out)
{
    for (int tries = 0; tries < SIGN_IN_TRIES; tries++) {
        bool answered = http_call(port, "POST", "/api/v1/auth/signup", "", body, SIGN_IN_MS, out);
        if (answered && out->status == 409) {
            http_response_fini(out);
            answered = http_call(port, "POST", "/api/v1/auth/login", "", body, SIGN_IN_MS, out);
        }
        if (answered && out->status < 500)
            return true;
        http_response_fini(out);
    }
    return false;
}

bool chat_user_open(struct chat_user *self, int index, int port, const char *name_prefix, FILE *log)
{
    *self = (struct chat_user){.index = index, .port = port, .log = log};
    self->random = 0x9E3779B97F4A7C15u * (uint64_t)(index + 1) ^ fnv64(name_prefix, strlen(name_prefix));
    snprintf(self->name, sizeof self->name, "%s%d", name_prefix, index);
    char body[256];
    snprintf(body, sizeof body, "{\"name\":\"%s\",\"password\":\"correct horse %d\"}", self->name, index);
    struct http_response r;
    if (!s_sign_in(port, body, &r))
        return false;
    char token[LIM_TOKEN_BYTES_MAX];
    bool ok = (r.status == 200 || r.status == 201) && s_json_text(r.body, "access_token", token, sizeof token);
    if (ok) {
        self->user = s_json_number(r.body, "user");
        self->token = strdup(token);
    } else {
        fprintf(stderr, "%s: status %d: %.200s\n", self->name, r.status, r.body);
    }
    http_response_fini(&r);
    return ok;
}

void chat_user_close(struct chat_user *self)
{
    ws_client_destroy(&self->socket);
    free(self->token);
    self->token = NULL;
}

static bool s_api(struct chat_user *self, const char *path, const char *body, struct http_response *out)
{
    char headers[LIM_TOKEN_BYTES_MAX + 64];
    snprintf(headers, sizeof headers, "Authorization: Bearer %s\r\n", self->token);
    return http_call(self->port, "POST", path, headers, body, ANSWER_MS, out);
}

static void s_add_room(struct chat_user *self, uint64_t room)
{
    self->rooms[self->room_count++] = (struct chat_room){.room = room};
}

bool chat_user_create_room(struct chat_user *self, const char *name, uint64_t *room_out)
{
    cid_t cid;
    char text[CID_TEXT_LEN + 1], body[256];
    s_new_cid(self, &cid);
    cid_to_text(&cid, text);
    snprintf(body, sizeof body, "{\"client_id\":\"%s\",\"name\":\"%s\"}", text, name);
    struct http_response r;
    if (!s_api(self, "/api/v1/rooms", body, &r))
        return false;
    /* 200: a frame of it was lost between the nodes and sent again there, so that the room saw a repeat. */
    bool ok = (r.status == 201 || r.status == 200) && (*room_out = s_json_number(r.body, "room")) != 0;
    if (ok)
        s_add_room(self, *room_out);
    else
        fprintf(stderr, "create: status %d: %.200s\n", r.status, r.body);
    http_response_fini(&r);
    return ok;
}

bool chat_user_join(struct chat_user *self, uint64_t room)
{
    cid_t cid;
    char text[CID_TEXT_LEN + 1], body[128], path[64];
    s_new_cid(self, &cid);
    cid_to_text(&cid, text);
    snprintf(body, sizeof body, "{\"client_id\":\"%s\"}", text);
    snprintf(path, sizeof path, "/api/v1/rooms/%" PRIu64 "/join", room);
    struct http_response r;
    if (!s_api(self, path, body, &r))
        return false;
    bool ok = r.status == 200;
    if (ok)
        s_add_room(self, room);
    else
        fprintf(stderr, "join: status %d: %.200s\n", r.status, r.body);
    http_response_fini(&r);
    return ok;
}

/* ---- socket -------------------------------------------------------------------------------------------------- */

static bool s_send(struct chat_user *self, const struct msg *msg)
{
    buffer_t out;
    buffer_init(&out, LIM_CLIENT_FRAME_BYTES_MAX);
    bool ok = msg_encode(msg, &out) == ERR_OK && ws_client_send(self->socket, WS_BINARY, buffer_view(&out));
    buffer_fini(&out);
    return ok;
}

static void s_send_hello(struct chat_user *self)
{
    list_writer_t subs;
    list_writer_init(&subs, LIM_CLIENT_FRAME_BYTES_MAX);
    for (size_t i = 0; i < self->room_count; i++)
        rec_sub_append(&subs, &(struct rec_sub){.room = self->rooms[i].room,
                                                .incarnation = self->rooms[i].incarnation,
                                                .after = self->rooms[i].last,
                                                .live = true});
    struct msg hello = {.type = MSG_HELLO};
    hello.as.hello = (struct msg_hello){.version = PROTO_VERSION,
                                        .token = view_of_text(self->token),
                                        .device = view_of_text("crash test"),
                                        .subs = list_of(&subs)};
    s_send(self, &hello);
    list_writer_fini(&subs);
}

static void s_send_sub(struct chat_user *self, const struct chat_room *room)
{
    struct msg sub = {.type = MSG_SUB};
    sub.as.sub = (struct msg_sub){.room = room->room, .incarnation = room->incarnation, .after = room->last};
    s_send(self, &sub);
}

static struct chat_room *s_room(struct chat_user *self, uint64_t id)
{
    for (size_t i = 0; i < self->room_count; i++)
        if (self->rooms[i].room == id)
            return &self->rooms[i];
    return NULL;
}

static void s_on_event(struct chat_user *self, const struct msg_event *event, view_t frame)
{
    struct chat_room *room = s_room(self, event->room);
    if (!room)
        return;
    char cid[2 * CID_BYTES + 1];
    s_cid_hex(&event->client_id, cid);
    const char *what = "E";
    if (room->paging) {
        what = "P";
    } else if (event->seq <= room->last) {
        return; /* a resume overlaps */
    } else if (event->seq != room->last + 1) {
        fprintf(self->log, "G %d %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", self->index, room->room, room->last,
                event->seq);
        self->gaps++;
        s_send_sub(self, room);
        return;
    } else {
        room->last = event->seq;
    }
    fprintf(self->log, "%s %d %" PRIu64 " %" PRIu64 " %u %s %016" PRIx64 "\n", what, self->index, event->room,
            event->seq, event->kind, cid, fnv64(frame.bytes, frame.len));
}

static void s_on_sub_ok(struct chat_user *self, const struct msg_sub_ok *ok)
{
    struct chat_room *room = s_room(self, ok->room);
    if (!room)
        return;
    room->incarnation = ok->incarnation;
    if (ok->mode == 0)
        return;
    fprintf(self->log, "R %d %" PRIu64 " %" PRIu64 " %" PRIu64 " %u\n", self->index, ok->room, ok->base, ok->head,
            ok->mode);
    room->paging = true;
    room->page_head = ok->head;
}

static void s_on_live(struct chat_user *self, const struct msg_live *live)
{
    struct chat_room *room = s_room(self, live->room);
    if (!room || !room->paging)
        return;
    room->paging = false;
    room->last = room->page_head;
}

static struct chat_room *s_room_of_post(struct chat_user *self, const cid_t *client_id)
{
    for (size_t i = 0; i < self->room_count; i++)
        if (self->rooms[i].post.open && cid_is_equal(&self->rooms[i].post.client_id, client_id))
            return &self->rooms[i];
    return NULL;
}

static void s_on_ack(struct chat_user *self, const struct msg_ack *ack)
{
    char cid[2 * CID_BYTES + 1];
    s_cid_hex(&ack->client_id, cid);
    fprintf(self->log, "A %d %" PRIu64 " %s %" PRIu64 " %d\n", self->index, ack->room, cid, ack->seq, ack->dup);
    struct chat_room *room = s_room_of_post(self, &ack->client_id);
    if (!room)
        return;
    room->post.open = false;
    room->acked_ms = self->now_ms;
    self->acked++;
    self->dups += ack->dup;
}

static void s_on_nack(struct chat_user *self, const struct msg_nack *nack, long now_ms)
{
    struct chat_room *room = s_room_of_post(self, &nack->client_id);
    if (!room)
        return;
    self->refused++;
    room->post.sent = false;
    room->post.send_at_ms = now_ms + (nack->retry_ms ? nack->retry_ms : 100);
    if (nack->final) {
        fprintf(self->log, "F %d %" PRIu64 " %s\n", self->index, nack->room, err_name(nack->code));
        self->finals++;
        room->post.open = false;
    }
}

static void s_on_message(void *owner, ws_client_t *socket, view_t message)
{
    (void)socket;
    struct chat_user *self = owner;
    struct msg msg;
    err_t err = msg_decode(message, &msg);
    if (err) {
        fprintf(self->log, "X %d undecodable %s\n", self->index, err_name(err));
        return;
    }
    switch (msg.type) {
    case MSG_HI: s_send_hello(self); return;
    case MSG_WELCOME:
        self->welcomed = true;
        self->failures = 0;
        self->connects++;
        for (size_t i = 0; i < self->room_count; i++)
            self->rooms[i].post.sent = false;
        return;
    case MSG_EVENT: s_on_event(self, &msg.as.event, message); return;
    case MSG_SUB_OK: s_on_sub_ok(self, &msg.as.sub_ok); return;
    case MSG_LIVE: s_on_live(self, &msg.as.live); return;
    case MSG_GAP: {
        struct chat_room *room = s_room(self, msg.as.gap.room);
        if (room)
            s_send_sub(self, room);
        return;
    }
    case MSG_ACK: s_on_ack(self, &msg.as.ack); return;
    case MSG_NACK: s_on_nack(self, &msg.as.nack, self->now_ms); return;
    case MSG_HEARTBEAT: s_send(self, &msg); return;
    case MSG_ERR:
        fprintf(self->log, "X %d err %s %.*s\n", self->index, err_name(msg.as.err.code), (int)msg.as.err.scope.len,
                (const char *)msg.as.err.scope.bytes);
        return;
    default: return;
    }
}

static void s_hang_up(struct chat_user *self, long now_ms)
{
    fprintf(self->log, "C %d closed %d\n", self->index, ws_client_close_code(self->socket));
    ws_client_destroy(&self->socket);
    self->welcomed = false;
    for (size_t i = 0; i < self->room_count; i++)
        self->rooms[i].paging = false;
    long wait = CONNECT_MS_MIN << (self->failures < 4 ? self->failures : 4);
    self->failures++;
    wait = wait > CONNECT_MS_MAX ? CONNECT_MS_MAX : wait;
    self->connect_at_ms = now_ms + 1 + (long)(s_random(self) % (uint64_t)wait);
}

static void s_new_post(struct chat_user *self, struct chat_room *room)
{
    struct chat_post *post = &room->post;
    s_new_cid(self, &post->client_id);
    int len = snprintf(post->text, sizeof post->text, "%s says %" PRIu64 " · %016" PRIx64, self->name, self->posted++,
                       s_random(self));
    post->open = true;
    post->sent = false;
    post->send_at_ms = 0;
    char cid[2 * CID_BYTES + 1];
    s_cid_hex(&post->client_id, cid);
    fprintf(self->log, "S %d %" PRIu64 " %s %016" PRIx64 "\n", self->index, room->room, cid,
            fnv64(post->text, (size_t)len));
}

static void s_send_posts(struct chat_user *self, long now_ms)
{
    for (size_t i = 0; i < self->room_count; i++) {
        struct chat_room *room = &self->rooms[i];
        if (!room->post.open && self->sending && now_ms >= room->acked_ms + self->think_ms)
            s_new_post(self, room);
        if (!room->post.open || room->post.send_at_ms > now_ms)
            continue;
        if (room->post.sent && now_ms - room->post.sent_at_ms < ANSWER_MS)
            continue;
        struct msg post = {.type = MSG_ROOM_POST};
        post.as.room_post = (struct msg_room_post){
            .room = room->room, .client_id = room->post.client_id, .text = view_of_text(room->post.text)};
        if (!s_send(self, &post))
            return;
        room->post.sent = true;
        room->post.sent_at_ms = now_ms;
    }
}

void chat_user_tick(struct chat_user *self, long now_ms)
{
    if (!self->socket && now_ms >= self->connect_at_ms)
        self->socket = ws_client_new(self->port, "rookery.v1.msgpack", s_on_message, self);
    if (self->socket && self->welcomed)
        s_send_posts(self, now_ms);
}

void chat_user_on_ready(struct chat_user *self, bool readable, bool writable, long now_ms)
{
    self->now_ms = now_ms;
    if (!self->socket)
        return;
    if (!ws_client_on_ready(self->socket, readable, writable))
        s_hang_up(self, now_ms);
}

bool chat_user_is_idle(const struct chat_user *self)
{
    for (size_t i = 0; i < self->room_count; i++)
        if (self->rooms[i].post.open)
            return false;
    return true;
}
