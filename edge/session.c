#include "edge/session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "actors/runtime/log.h"
#include "actors/runtime/metrics.h"
#include "edge/attach.h"
#include "edge/links.h"
#include "proto/json.h"

enum {
    LINE_BYTES = 64, /* of the cache */
    SWEEP_PARTS = 20, /* every socket is looked after within so many ticks: a second */
    DRAIN_RETRY_MS_MIN = 100,
    KILL_REASON = 1000, /* PENDING_TIMEOUT_USER_REASON_BASE; its value is of no consequence */
};

/* ---- life ---- */

struct session *session_new(struct edge *edge, struct lws *wsi, bool json, budget_address_t address)
{
    struct session *self = aligned_alloc(LINE_BYTES, (sizeof *self + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES);
    if (!self)
        return NULL;
    memset(self, 0, sizeof *self);
    backlog_init(&self->viewer.backlog);
    self->viewer.json = json;
    self->viewer.fd = lws_get_socket_fd(wsi);
    self->edge = edge;
    self->wsi = wsi;
    self->address = address;
    self->opened_ms = self->heard_ms = edge->now_ms;
    self->next = edge->all;
    if (edge->all)
        edge->all->prev = self;
    edge->all = self;
    edge->socket_count++;
    metric_add(METRIC_EDGE_SOCKETS, 1);
    struct msg msg = {.type = MSG_HI, .as.hi = {
        .version = PROTO_VERSION,
        .build = view_of_text(edge->build),
        .now_ms = (uint64_t)edge->utc_ms,
        .hello_ms = LIM_HELLO_MS,
        .heartbeat_ms = LIM_HEARTBEAT_MS,
        .text_bytes_max = LIM_TEXT_BYTES_MAX,
        .frame_bytes_max = LIM_CLIENT_FRAME_BYTES_MAX,
        .file_bytes_max = (uint64_t)edge->config->file_mib << 20,
    }};
    session_send(self, &msg);
    return self;
}

static void s_unlink_user(struct session *self)
{
    struct session *first = session_of_user(self->edge, self->user);
    if (first == self) {
        if (self->next_of_user)
            (void)map_put_ptr(&self->edge->users, self->user, self->next_of_user);
        else
            map_remove(&self->edge->users, self->user);
        return;
    }
    for (struct session *at = first; at; at = at->next_of_user)
        if (at->next_of_user == self) {
            at->next_of_user = self->next_of_user;
            return;
        }
}

static void s_tell_inbox_closed(struct session *self)
{
    struct edge *edge = self->edge;
    address_t owner = links_owner(edge->links, self->user);
    struct envelope env = {.key = self->user, .user = self->user, .session = self->number};
    struct msg msg = {.type = MSG_INBOX_CLOSE, .as.inbox_close = {.user = self->user, .session = self->number}};
    if (owner)
        (void)actor_send(edge->actor, owner, &env, &msg);
}

/* Out of everything but the list of sockets. */
static void s_leave(struct session *self)
{
    struct edge *edge = self->edge;
    attach_drop_all(edge->attach, self);
    asks_cancel(&self->inbox);
    if (self->posts > 0)
        asks_cancel_all_of(edge->asks, self);
    self->posts = 0;
    if (self->number != 0) {
        s_tell_inbox_closed(self);
        s_unlink_user(self);
        map_remove(&edge->sessions, self->number);
        metric_add(METRIC_EDGE_SESSIONS, -1);
        self->number = 0;
    }
    if (self->assembly)
        buffer_fini(self->assembly);
    free(self->assembly);
    self->assembly = NULL;
    free(self->name);
    self->name = NULL;
}

void session_free(struct session **self_p)
{
    struct session *self = *self_p;
    *self_p = NULL;
    if (!self)
        return;
    struct edge *edge = self->edge;
    s_leave(self);
    fanout_forget(edge->fanout, &self->viewer);
    if (edge->sweep == self)
        edge->sweep = self->next;
    *(self->prev ? &self->prev->next : &edge->all) = self->next;
    if (self->next)
        self->next->prev = self->prev;
    edge->socket_count--;
    metric_add(METRIC_EDGE_SOCKETS, -1);
    if (self->address)
        budget_release(edge->holds, self->address);
    free(self);
}

struct session *session_of_number(const struct edge *edge, uint64_t number)
{
    return map_get_ptr(&edge->sessions, number);
}

struct session *session_of_user(const struct edge *edge, uint64_t user)
{
    return map_get_ptr(&edge->users, user);
}

/* ---- out ---- */

void session_send(struct session *self, const struct msg *msg)
{
    fanout_send_msg(self->edge->fanout, &self->viewer, msg, 0);
}

void session_error(struct session *self, err_t code, const char *scope, uint32_t retry_ms, uint64_t limit)
{
    metric_add(METRIC_EDGE_REFUSED, 1);
    struct msg msg = {.type = MSG_ERR, .as.err = {
        .code = code,
        .scope = view_of_text(scope),
        .retry_ms = retry_ms,
        .limit = limit,
        .reason = view_of_text(err_text(code)),
    }};
    session_send(self, &msg);
}

void session_close_now(struct session *self)
{
    s_leave(self);
    self->state = SESSION_CLOSING;
    self->viewer.closed = true;
    backlog_clear(&self->viewer.backlog);
    if (!self->wsi)
        return;
    lws_set_timeout(self->wsi, (enum pending_timeout)KILL_REASON, LWS_TO_KILL_ASYNC);
    lws_cancel_service(lws_get_context(self->wsi)); /* on a foreign loop lws looks at its timers after an event of its own only */
}

void session_close(struct session *self, enum close_code code, const char *reason)
{
    if (self->state == SESSION_CLOSING)
        return;
    log_debug("socket closed: code=%d reason=%s user=%" PRIu64, (int)code, reason, self->user);
    if (code == CLOSE_SLOW)
        metric_add(METRIC_EDGE_SLOW_CLOSES, 1);
    if (code == CLOSE_HELLO_TIMEOUT)
        metric_add(METRIC_EDGE_HELLO_TIMEOUTS, 1);
    s_leave(self);
    self->state = SESSION_CLOSING;
    self->close_at_ms = self->edge->now_ms + SESSION_CLOSE_MS;
    frame_t *frame = frame_close((uint16_t)code, reason);
    if (self->viewer.slow || (frame && !backlog_has_room(&self->viewer.backlog, frame->len, BACKLOG_MUST)))
        backlog_clear(&self->viewer.backlog); /* whole frames are left out, the stream stays sound */
    if (frame)
        fanout_send(self->edge->fanout, &self->viewer, frame);
    frame_unref(&frame);
    self->viewer.closed = true;
}

void session_on_peer_close(struct session *self)
{
    s_leave(self);
    if (self->state != SESSION_CLOSING)
        self->close_at_ms = self->edge->now_ms + SESSION_CLOSE_MS;
    self->state = SESSION_CLOSING;
    self->viewer.closed = true;
    backlog_clear(&self->viewer.backlog);
}

/* One write. Sockets here are plain (TLS ends at the proxy), so the bytes go straight to the kernel: half the cost of
 * the way through lws (EDGE.md). What the kernel does not take is lws's to finish: it buffers the rest of this write
 * and nothing else goes out before. RAW takes bytes as they are and never writes into them, so they can be shared. */
static bool s_write(struct session *self)
{
    struct backlog *backlog = &self->viewer.backlog;
    size_t frames = 0;
    view_t bytes = backlog_peek(backlog, self->edge->scratch, EDGE_WRITE_BYTES, &frames);
    if (frames == 0)
        return true;
    self->edge->writes++;
    ssize_t sent = send(self->viewer.fd, bytes.bytes, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR)
        return false;
    size_t done = sent > 0 ? (size_t)sent : 0;
    if (done < bytes.len &&
        lws_write(self->wsi, (unsigned char *)(uintptr_t)bytes.bytes + done, bytes.len - done, LWS_WRITE_RAW) < 0)
        return false;
    backlog_written(backlog, frames);
    return true;
}

void session_flush(struct session *self)
{
    if (!self->wsi)
        return;
    if (self->viewer.slow && self->state != SESSION_CLOSING)
        session_close(self, CLOSE_SLOW, "too slow");
    if (lws_partial_buffered(self->wsi))
        return; /* its writable callback comes back here */
    if (!s_write(self)) {
        session_close_now(self);
        return;
    }
    bool choked = lws_partial_buffered(self->wsi);
    bool empty = backlog_is_empty(&self->viewer.backlog);
    if (empty && !choked)
        self->viewer.overflow_ms = 0;
    if (!choked && (self->backfills || self->wanted))
        attach_feed(self->edge->attach, self);
    if (!choked && !empty)
        lws_callback_on_writable(self->wsi);
}

/* ---- in ---- */

void session_on_alive(struct session *self)
{
    self->heard_ms = self->edge->now_ms;
}

void session_on_too_large(struct session *self)
{
    metric_add(METRIC_EDGE_TOO_LARGE, 1);
    session_error(self, ERR_TOO_LARGE, "frame", 0, LIM_CLIENT_FRAME_BYTES_MAX);
    session_close(self, CLOSE_TOO_LARGE, "frame too large");
}

static void s_bad_frame(struct session *self, err_t code, const char *scope)
{
    metric_add(code == ERR_UNEXPECTED ? METRIC_EDGE_UNEXPECTED : METRIC_EDGE_BAD_FRAMES, 1);
    session_error(self, code, scope, 0, 0);
    session_close(self, CLOSE_BAD_FRAME, err_name(code));
}

void session_on_bad_type(struct session *self)
{
    s_bad_frame(self, ERR_BAD_FRAME, "frame");
}

/* False: over budget, and answered. */
static bool s_within_budget(struct session *self, const struct msg *msg)
{
    struct edge *edge = self->edge;
    uint32_t retry_ms = budget_take(&self->frames, &edge->frames_rule, edge->now_ms, 1);
    bool flood = budget_take(&self->flood, &edge->flood_rule, edge->now_ms, 1) > 0;
    if (retry_ms == 0)
        return true;
    metric_add(METRIC_EDGE_RATE_LIMITED, 1);
    session_refuse(self, msg, ERR_RATE_LIMITED, retry_ms);
    if (flood)
        session_close(self, CLOSE_RATE, "far too many frames");
    return false;
}

void session_on_message(struct session *self, view_t frame)
{
    struct edge *edge = self->edge;
    metric_add(METRIC_EDGE_FRAMES_IN, 1);
    self->heard_ms = edge->now_ms;
    if (self->state == SESSION_CLOSING)
        return;
    if (self->viewer.json) {
        buffer_clear(&edge->inbound);
        err_t err = msg_from_json(frame, &edge->inbound);
        if (err) {
            s_bad_frame(self, err, "frame");
            return;
        }
        frame = buffer_view(&edge->inbound);
    }
    struct msg msg;
    err_t err = msg_decode(frame, &msg);
    if (err) {
        s_bad_frame(self, err, msg_name(msg_peek_type(frame)));
        return;
    }
    bool hello = msg.type == MSG_HELLO;
    if (!msg_may_send(msg.type, BROWSER) || hello != (self->state == SESSION_OPEN)) {
        s_bad_frame(self, ERR_UNEXPECTED, msg_name(msg.type));
        return;
    }
    if (!s_within_budget(self, &msg))
        return;
    if (hello)
        session_on_hello(self, &msg.as.hello);
    else
        session_on_request(self, &msg, frame);
}

/* ---- the edge's events ---- */

void session_on_revoked(struct edge *edge)
{
    for (struct session *at = edge->all; at; at = at->next)
        if (at->number != 0 && auth_is_revoked(edge->auth, at->sid)) {
            session_error(at, ERR_TOKEN_REVOKED, "hello", 0, 0);
            session_close(at, CLOSE_AUTH, "signed out");
        }
}

void session_on_leases(struct edge *edge, const bool moved[LIM_SHARDS])
{
    for (struct session *at = edge->all; at; at = at->next)
        if (at->number != 0 && moved[id_shard(at->user)])
            session_open_inbox(at);
}

void session_on_peer(struct edge *edge, address_t peer)
{
    for (struct session *at = edge->all; at; at = at->next) {
        address_t owner = at->number ? links_owner(edge->links, at->user) : 0;
        if (owner && address_is_same_node(owner, peer))
            session_open_inbox(at);
    }
}

static void s_beat(struct session *self)
{
    struct edge *edge = self->edge;
    self->beat_ms = edge->now_ms + LIM_HEARTBEAT_MS;
    attach_send_heads(edge->attach, self, true);
    struct msg msg = {.type = MSG_HEARTBEAT, .as.heartbeat = {.now_ms = (uint64_t)edge->utc_ms}};
    fanout_send_msg(edge->fanout, &self->viewer, &msg, FRAME_EPHEMERAL);
    frame_t *ping = frame_ping(); /* a script that answers no heartbeat has a library that answers pings */
    if (ping)
        fanout_send(edge->fanout, &self->viewer, ping);
    frame_unref(&ping);
}

static void s_look_after(struct session *self)
{
    struct edge *edge = self->edge;
    int64_t now_ms = edge->now_ms;
    if (self->state == SESSION_CLOSING) {
        if (now_ms >= self->close_at_ms)
            session_close_now(self);
        return;
    }
    if (self->state == SESSION_OPEN) {
        if (now_ms - self->opened_ms >= LIM_HELLO_MS)
            session_close(self, CLOSE_HELLO_TIMEOUT, "no hello");
        return;
    }
    if (edge->utc_ms >= self->expires_at_ms) {
        session_error(self, ERR_TOKEN_EXPIRED, "auth", 0, 0);
        session_close(self, CLOSE_TOKEN_EXPIRED, "token expired");
    } else if (now_ms - self->heard_ms > LIM_PONG_MS) {
        session_close(self, CLOSE_NO_PONG, "no sign of life");
    } else if (self->state == SESSION_READY) {
        if (self->heads_due) {
            self->heads_due = false;
            attach_send_heads(edge->attach, self, false);
        }
        if (now_ms >= self->beat_ms)
            s_beat(self);
    }
}

void session_on_tick(struct edge *edge)
{
    size_t count = edge->socket_count / SWEEP_PARTS + 1;
    for (size_t i = 0; i < count && edge->all; i++) {
        if (!edge->sweep)
            edge->sweep = edge->all;
        struct session *self = edge->sweep;
        edge->sweep = self->next;
        s_look_after(self);
    }
}

void session_drain(struct edge *edge, size_t count, uint32_t retry_ms_max)
{
    for (struct session *at = edge->all; at && count > 0; at = at->next) {
        if (at->state == SESSION_CLOSING || at->posts > 0) /* its answers first; edge.c ends the waiting */
            continue;
        count--;
        struct msg msg = {.type = MSG_DRAIN, .as.drain = {.why = view_of_text("this server is restarting")}};
        msg.as.drain.retry_ms = DRAIN_RETRY_MS_MIN + (uint32_t)(id_random() % retry_ms_max);
        if (at->number != 0)
            session_send(at, &msg);
        session_close(at, (enum close_code)EDGE_CLOSE_RESTART, "restart");
    }
}
