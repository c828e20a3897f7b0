/* A room's log for its owner, as a file: a line of JSON for each event. A page of events is in memory at a time, and the
 * next is asked for when it is on its way to the reader. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge/http.h"
#include "proto/json.h"

enum {
    STEP_MIN = 32, /* so many events always fit a delta */
    PART_BYTES_MAX = 4 * 1024 * 1024,
    EXPORT_RETRY_MS = 5000,
};

struct export {
    struct export *next;
    uint64_t room, user, session, incarnation, head;
    uint64_t after;      /* last event sent */
    uint64_t step;       /* events of the next page */
    uint64_t count;
    bool admin, has_begun;
    uint32_t name_len, topic_len;
    uint8_t name[LIM_ROOM_NAME_BYTES_MAX], topic[LIM_TOPIC_BYTES_MAX];
};

static void s_more(struct http_conn *conn);
static void s_gone(struct http_conn *conn);

static const struct http_source s_source = {.more = s_more, .gone = s_gone};

static void s_gone(struct http_conn *conn)
{
    struct export *self = conn->source_state;
    for (struct export **at = &conn->edge->exports; *at; at = &(*at)->next) {
        if (*at == self) {
            *at = self->next;
            break;
        }
    }
    free(self);
    conn->source_state = NULL;
}

/* Refused before its first byte: a problem. Later: a cut, which the missing last line tells. */
static void s_fail(struct http_conn *conn, err_t err, uint32_t retry_ms)
{
    const struct export *self = conn->source_state;
    if (self->has_begun)
        http_conn_close(conn);
    else
        http_problem(conn, err, retry_ms, 0);
}

/* ---- lines ---- */

static err_t s_add_json(buffer_t *out, view_t msgpack)
{
    err_t err = msg_to_json(msgpack, out);
    return err ? err : buffer_append(out, "\n", 1);
}

static err_t s_add_msg(buffer_t *out, const struct msg *msg)
{
    buffer_t bytes;
    buffer_init(&bytes, LIM_EVENT_BYTES_MAX);
    err_t err = msg_encode(msg, &bytes);
    if (!err)
        err = s_add_json(out, buffer_view(&bytes));
    buffer_fini(&bytes);
    return err;
}

static err_t s_add_begin(const struct export *self, int64_t utc_ms, buffer_t *out)
{
    struct msg msg = {.type = MSG_EXPORT_BEGIN, .as.export_begin = {
        .room = self->room, .name = view_of(self->name, self->name_len), .topic = view_of(self->topic, self->topic_len),
        .incarnation = self->incarnation, .head = self->head, .exported_at_ms = (uint64_t)utc_ms}};
    return s_add_msg(out, &msg);
}

static err_t s_add_events(struct export *self, const struct msg_store_delta *delta, buffer_t *out)
{
    list_t frames = delta->frames;
    struct rec_frame frame;
    err_t err = ERR_OK;
    while (!err && rec_frame_next(&frames, &frame)) {
        err = s_add_json(out, frame.event);
        self->count++;
    }
    return err;
}

static err_t s_add_end(const struct export *self, buffer_t *out)
{
    struct msg msg = {.type = MSG_EXPORT_END, .as.export_end = {.room = self->room, .count = self->count}};
    return s_add_msg(out, &msg);
}

/* ---- the answer ---- */

/* A name for old clients, and the room's own, percent-encoded (RFC 8187). */
static void s_begin(struct http_conn *conn, struct export *self)
{
    char headers[4 * LIM_ROOM_NAME_BYTES_MAX + 256];
    int at = snprintf(headers, sizeof headers, "Cache-Control: no-store\r\nContent-Disposition: attachment; "
                                               "filename=\"room-%" PRIu64 ".ndjson\"; filename*=UTF-8''", self->room);
    for (size_t i = 0; i < self->name_len; i++) {
        uint8_t byte = self->name[i];
        bool plain = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
        at += snprintf(headers + at, sizeof headers - (size_t)at, plain ? "%c" : "%%%02X", byte);
    }
    snprintf(headers + at, sizeof headers - (size_t)at, ".ndjson\r\n");
    self->has_begun = true;
    http_stream_begin(conn, "application/x-ndjson", headers);
}

static void s_send(struct http_conn *conn, struct export *self, const struct msg_store_delta *delta)
{
    buffer_t part;
    bool begins = !self->has_begun;
    buffer_init(&part, PART_BYTES_MAX);
    err_t err = begins ? s_add_begin(self, conn->edge->utc_ms, &part) : ERR_OK;
    if (!err)
        err = s_add_events(self, delta, &part);
    self->after = delta->upto;
    bool is_last = self->after == self->head;
    if (!err && is_last)
        err = s_add_end(self, &part);
    if (err) {
        s_fail(conn, ERR_INTERNAL, 0);
    } else if (conn->head_only) {
        http_reply(conn, 200, "application/x-ndjson", view_of(NULL, 0), NULL);
    } else {
        if (begins)
            s_begin(conn, self);
        if (is_last)
            http_stream_end(conn, buffer_view(&part));
        else
            http_stream_part(conn, buffer_view(&part));
    }
    buffer_fini(&part);
}

static void s_ask_page(struct http_conn *conn, const struct export *self);

static bool s_on_page(struct edge *edge, struct ask *ask, const struct answer *answer)
{
    struct http_conn *conn = ask->spec.owner;
    struct export *self = conn->source_state;
    struct msg msg;
    if (self->has_begun && asks_is_for_later(answer)) { /* worth a wait: all would have to be fetched again */
        asks_later(ask, answer, edge->now_ms);
        return false;
    }
    conn->ask = NULL;
    if (answer->err) {
        s_fail(conn, answer->err, answer->retry_ms);
        return true;
    }
    if (answer->type != MSG_STORE_DELTA || msg_decode(answer->body, &msg) ||
        msg.as.store_delta.incarnation != self->incarnation || msg.as.store_delta.after != self->after) {
        s_fail(conn, ERR_UNAVAILABLE, 0);
        return true;
    }
    if (msg.as.store_delta.complete) {
        s_send(conn, self, &msg.as.store_delta);
    } else if (self->step > STEP_MIN) { /* too many bytes for one */
        self->step = self->step / 2 > STEP_MIN ? self->step / 2 : STEP_MIN;
        s_ask_page(conn, self);
    } else { /* the log has a hole */
        s_fail(conn, ERR_DATABASE, 0);
    }
    return true;
}

static void s_ask_page(struct http_conn *conn, const struct export *self)
{
    const uint64_t left = self->head - self->after;
    struct msg msg = {.type = MSG_ROOM_EXPORT_GET, .as.room_export_get = {
        .room = self->room, .after = self->after, .upto = self->after + (left < self->step ? left : self->step)}};
    const struct ask_spec spec = {.to = ASK_OWNER, .done = s_on_page, .owner = conn, .key = self->room,
                                  .user = self->user, .admin = self->admin};
    conn->ask = asks_send_msg(conn->edge->asks, &spec, &msg);
    if (!conn->ask)
        s_fail(conn, ERR_OVERLOADED, EXPORT_RETRY_MS);
}

static void s_more(struct http_conn *conn)
{
    struct export *self = conn->source_state;
    if (auth_is_revoked(conn->edge->auth, self->session)) {
        http_conn_close(conn);
        return;
    }
    self->step = self->step * 2 < LIM_DELTA_EVENTS_MAX ? self->step * 2 : LIM_DELTA_EVENTS_MAX;
    s_ask_page(conn, self);
}

void http_export_on_kick(struct edge *edge, uint64_t room, uint64_t user)
{
    asks_refuse(edge->asks, room, user, s_on_page, ERR_NOT_MEMBER);
}

/* ---- the question ---- */

static bool s_on_info(struct edge *edge, struct ask *ask, const struct answer *answer)
{
    struct http_conn *conn = ask->spec.owner;
    struct export *self = conn->source_state;
    struct rec_room_info info;
    struct msg msg;
    (void)edge;
    if (!http_got(conn, answer, MSG_ROOM_INFO, &msg))
        return true;
    list_t rooms = msg.as.room_info.rooms;
    if (!rec_room_info_next(&rooms, &info) || info.name.len > sizeof self->name || info.topic.len > sizeof self->topic) {
        http_problem(conn, ERR_INTERNAL, 0, 0);
        return true;
    }
    self->incarnation = msg.as.room_info.incarnation;
    self->head = msg.as.room_info.head;
    self->name_len = (uint32_t)info.name.len;
    self->topic_len = (uint32_t)info.topic.len;
    memcpy(self->name, info.name.bytes, info.name.len);
    if (info.topic.len)
        memcpy(self->topic, info.topic.bytes, info.topic.len);
    s_ask_page(conn, self); /* the room says whether this is its owner */
    return true;
}

/* ERR_OK: one more is allowed. */
static err_t s_admit(const struct edge *edge, uint64_t user)
{
    size_t all = 0, own = 0;
    for (const struct export *at = edge->exports; at; at = at->next) {
        all++;
        own += at->user == user;
    }
    return own >= LIM_EXPORTS_USER_MAX ? ERR_RATE_LIMITED : all >= LIM_EXPORTS_MAX ? ERR_OVERLOADED : ERR_OK;
}

void http_room_export(struct http_conn *conn, const struct http_call *call)
{
    struct edge *edge = conn->edge;
    err_t err = s_admit(edge, call->identity.user);
    struct export *self = err ? NULL : calloc(1, sizeof *self);
    if (!self) {
        http_problem(conn, err ? err : ERR_NO_MEMORY, EXPORT_RETRY_MS,
                     err == ERR_RATE_LIMITED ? LIM_EXPORTS_USER_MAX : err ? LIM_EXPORTS_MAX : 0);
        return;
    }
    *self = (struct export){.next = edge->exports, .room = call->ids[0], .user = call->identity.user,
                            .session = call->identity.session, .admin = call->identity.admin, .step = STEP_MIN};
    edge->exports = self;
    conn->source = &s_source;
    conn->source_state = self;
    struct msg msg = {.type = MSG_ROOM_INFO_GET, .as.room_info_get = {.room = self->room}};
    http_ask(conn, (struct ask_spec){.to = ASK_OWNER, .done = s_on_info, .key = self->room, .user = self->user,
                                     .admin = self->admin}, &msg);
}
