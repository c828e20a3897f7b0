#include "edge/http_conn.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "actors/runtime/clock.h"
#include "actors/runtime/metrics.h"
#include "edge/http.h"
#include "edge/listener.h"
#include "edge/ws.h"

enum {
    OUT_BYTES_MAX = 8 * 1024 * 1024,
    SWEEP_PARTS = 20, /* every connection is looked at within so many ticks: a second */
};

static void s_on_ready(void *context, int ready);

static void s_enter(struct http_conn *self, conn_state_t state, int64_t ms)
{
    self->state = state;
    self->entered_ms = self->edge->now_ms;
    self->deadline_ms = self->edge->now_ms + ms;
    bool reads = state == CONN_HEAD || state == CONN_BODY || state == CONN_PIECE || state == CONN_LINGER;
    loop_watch_set(self->watch, reads ? LOOP_READABLE : state == CONN_SENDING ? LOOP_WRITABLE : 0);
}

void http_conn_open(struct edge *edge, int fd, const struct in6_addr *peer, budget_address_t held, bool by_proxy,
                    bool admin)
{
    struct http_conn *self = calloc(1, sizeof *self);
    if (self)
        self->watch = loop_watch(edge->loop, fd, s_on_ready, self);
    if (!self || !self->watch) {
        free(self);
        if (held)
            budget_release(edge->holds, held);
        close(fd);
        return;
    }
    self->edge = edge;
    self->fd = fd;
    self->peer = *peer;
    self->held = held;
    self->by_proxy = by_proxy;
    self->admin = admin;
    buffer_init(&self->out, OUT_BYTES_MAX);
    self->next = edge->conns;
    if (edge->conns)
        edge->conns->prev = self;
    edge->conns = self;
    edge->conn_count++;
    metric_add(METRIC_HTTP_CONNECTIONS, 1);
    s_enter(self, CONN_HEAD, HTTP_HEAD_MS);
}

/* Ready for another request. */
static void s_reset(struct http_conn *self)
{
    asks_cancel(&self->ask);
    if (self->source)
        self->source->gone(self);
    self->source = NULL;
    self->streams = self->chunked = false;
    self->part_by_ms = 0;
    free(self->in);
    self->in = NULL;
    self->in_len = self->in_need = 0;
    buffer_fini(&self->out);
    buffer_init(&self->out, OUT_BYTES_MAX);
    self->sent = 0;
    self->body = view_of(NULL, 0);
    free(self->allow_origin);
    self->allow_origin = NULL;
    self->route = NULL;
    self->unread = self->head_only = self->by_pieces = self->wants_go_on = false;
    self->body_left = 0;
}

/* Off every list; the socket and the hold stay the caller's. */
static void s_detach(struct http_conn *self)
{
    struct edge *edge = self->edge;
    s_reset(self);
    buffer_fini(&self->out);
    loop_unwatch(&self->watch);
    if (edge->conn_sweep == self)
        edge->conn_sweep = self->next;
    *(self->prev ? &self->prev->next : &edge->conns) = self->next;
    if (self->next)
        self->next->prev = self->prev;
    edge->conn_count--;
    metric_add(METRIC_HTTP_CONNECTIONS, -1);
}

void http_conn_close(struct http_conn *self)
{
    s_detach(self);
    if (self->held)
        budget_release(self->edge->holds, self->held);
    close(self->fd);
    free(self);
}

void http_conn_close_all(struct edge *edge)
{
    while (edge->conns)
        http_conn_close(edge->conns);
}

void http_conn_upgrade(struct http_conn *self)
{
    struct edge *edge = self->edge;
    s_detach(self);
    ws_adopt(edge, self->fd, self->held);
    free(self);
}

/* ---- in ---- */

/* Level triggered: without this, half a head would wake us until the rest is there. */
static void s_wait_for_more_than(struct http_conn *self, size_t have)
{
    int low_water = (int)have + 1;
    (void)setsockopt(self->fd, SOL_SOCKET, SO_RCVLOWAT, &low_water, sizeof low_water);
}

static void s_take(struct http_conn *self, uint8_t *bytes, size_t len)
{
    ssize_t got = recv(self->fd, bytes, len, MSG_DONTWAIT);
    assert(got == (ssize_t)len); /* it was there a moment ago, and nobody else reads here */
}

static void s_go_on(struct http_conn *self)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    (void)!send(self->fd, go_on, sizeof go_on - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void s_begin_body(struct http_conn *self, const struct http_request *request)
{
    self->in_need = request->head_len + (size_t)request->content_length;
    self->in = malloc(self->in_need);
    if (!self->in) {
        http_conn_close(self);
        return;
    }
    s_take(self, self->in, request->head_len);
    self->in_len = request->head_len;
    if (http_has_token(request->headers[HTTP_HEADER_EXPECT], "100-continue"))
        s_go_on(self);
    s_enter(self, CONN_BODY, HTTP_BODY_MS);
}

static void s_on_head(struct http_conn *self)
{
    uint8_t *bytes = self->edge->peeked;
    ssize_t len = recv(self->fd, bytes, LIM_HTTP_HEADERS_BYTES_MAX + 1, MSG_PEEK | MSG_DONTWAIT);
    if (len < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (len <= 0) {
        http_conn_close(self);
        return;
    }
    struct http_request request;
    http_parsed_t parsed = http_parse(view_of(bytes, (size_t)len), &request);
    if (parsed == HTTP_INCOMPLETE && (size_t)len <= self->seen) { /* woken for no byte more: its end has come */
        http_conn_close(self);
        return;
    }
    if (parsed == HTTP_INCOMPLETE) {
        if (self->seen == 0)
            self->entered_ms = self->edge->now_ms;
        self->seen = (size_t)len;
        s_wait_for_more_than(self, (size_t)len);
        if (self->deadline_ms > self->edge->now_ms + HTTP_HEAD_MS)
            self->deadline_ms = self->edge->now_ms + HTTP_HEAD_MS;
        return;
    }
    s_wait_for_more_than(self, 0);
    self->seen = 0;
    self->started_us = clock_now_us();
    if (parsed != HTTP_PARSED) {
        self->keep_alive = false;
        self->unread = true;
        http_refuse_unparsed(self, parsed);
        return;
    }
    self->keep_alive = request.keep_alive && !self->edge->draining;
    switch (http_admit(self, &request)) {
    case HTTP_ADMIT_UPGRADE:
        http_conn_upgrade(self);
        return;
    case HTTP_ADMIT_REFUSED: /* answered; whatever it still sends does not count */
        return;
    default:
        break;
    }
    if (self->by_pieces) { /* until it is asked for, an answer is one to a request that was not read */
        self->body_left = request.content_length;
        self->unread = self->body_left > 0;
        self->wants_go_on = http_has_token(request.headers[HTTP_HEADER_EXPECT], "100-continue");
    } else if (request.content_length > 0) {
        s_begin_body(self, &request);
        return;
    }
    s_take(self, bytes, request.head_len);
    s_enter(self, CONN_WAITING, HTTP_ANSWER_MS);
    http_serve(self, &request, view_of(NULL, 0));
}

static void s_on_body(struct http_conn *self)
{
    ssize_t len = recv(self->fd, self->in + self->in_len, self->in_need - self->in_len, MSG_DONTWAIT);
    if (len < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (len <= 0) {
        http_conn_close(self);
        return;
    }
    self->in_len += (size_t)len;
    if (self->in_len < self->in_need)
        return;
    struct http_request request;
    http_parsed_t parsed = http_parse(view_of(self->in, self->in_len), &request);
    assert(parsed == HTTP_PARSED);
    (void)parsed;
    s_enter(self, CONN_WAITING, HTTP_ANSWER_MS);
    http_serve(self, &request, view_of(self->in + request.head_len, self->in_need - request.head_len));
}

void http_conn_read_piece(struct http_conn *self, size_t len)
{
    assert(len > 0 && len <= self->body_left && len <= LIM_FILE_CHUNK_BYTES);
    if (!self->in)
        self->in = malloc(LIM_FILE_CHUNK_BYTES);
    if (!self->in) {
        http_conn_close(self);
        return;
    }
    if (self->wants_go_on)
        s_go_on(self);
    self->wants_go_on = false;
    self->in_len = 0;
    self->in_need = len;
    s_enter(self, CONN_PIECE, LIM_FILE_PIECE_MS);
}

static void s_on_piece(struct http_conn *self)
{
    ssize_t len = recv(self->fd, self->in + self->in_len, self->in_need - self->in_len, MSG_DONTWAIT);
    if (len < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (len <= 0) {
        http_conn_close(self);
        return;
    }
    self->in_len += (size_t)len;
    if (self->in_len < self->in_need)
        return;
    self->body_left -= self->in_need;
    self->unread = self->body_left > 0;
    s_enter(self, CONN_WAITING, HTTP_ANSWER_MS);
    self->source->piece(self, view_of(self->in, self->in_need));
}

static void s_on_linger(struct http_conn *self)
{
    ssize_t len = recv(self->fd, self->edge->peeked, LIM_HTTP_HEADERS_BYTES_MAX, MSG_DONTWAIT);
    if (len < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    self->sent += len > 0 ? (size_t)len : 0;
    if (len <= 0 || self->sent > HTTP_LINGER_BYTES)
        http_conn_close(self);
}

/* ---- out ---- */

static void s_finish(struct http_conn *self)
{
    bool keep_alive = self->keep_alive && !self->edge->draining, unread = self->unread;
    metric_add(METRIC_HTTP_REQUESTS, 1);
    metric_observe_us(METRIC_HTTP_SECONDS, clock_now_us() - self->started_us);
    s_reset(self);
    self->served = true;
    if (keep_alive && !unread) {
        s_enter(self, CONN_HEAD, HTTP_IDLE_MS);
    } else if (unread) { /* closing now would reset the connection and take the answer away */
        shutdown(self->fd, SHUT_WR);
        s_enter(self, CONN_LINGER, HTTP_LINGER_MS);
    } else {
        http_conn_close(self);
    }
}

void http_conn_send(struct http_conn *self)
{
    size_t total = self->out.len + self->body.len;
    while (self->sent < total) {
        bool head = self->sent < self->out.len;
        const uint8_t *from = head ? self->out.bytes + self->sent : self->body.bytes + (self->sent - self->out.len);
        size_t len = head ? self->out.len - self->sent : total - self->sent;
        int more = head && self->body.len > 0 ? MSG_MORE : 0;
        ssize_t sent = send(self->fd, from, len, MSG_DONTWAIT | MSG_NOSIGNAL | more);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno == EAGAIN) {
            s_enter(self, CONN_SENDING, HTTP_SEND_MS);
            if (self->part_by_ms && self->deadline_ms > self->part_by_ms)
                self->deadline_ms = self->part_by_ms;
            return;
        }
        if (sent < 0) {
            http_conn_close(self);
            return;
        }
        self->sent += (size_t)sent;
    }
    if (!self->streams) {
        s_finish(self);
        return;
    }
    buffer_clear(&self->out);
    self->sent = 0;
    s_enter(self, CONN_WAITING, HTTP_ANSWER_MS);
    self->source->more(self);
}

static void s_on_ready(void *context, int ready)
{
    struct http_conn *self = context;
    (void)ready;
    switch (self->state) {
    case CONN_HEAD:
        s_on_head(self);
        break;
    case CONN_BODY:
        s_on_body(self);
        break;
    case CONN_PIECE:
        s_on_piece(self);
        break;
    case CONN_SENDING:
        http_conn_send(self);
        break;
    case CONN_LINGER:
        s_on_linger(self);
        break;
    default:
        break;
    }
}

static void s_look_after(struct http_conn *self, bool crowded)
{
    struct edge *edge = self->edge;
    bool head = self->state == CONN_HEAD, begun = head && (self->seen > 0 || !self->served);
    if (head && (crowded || edge->draining) && edge->now_ms >= self->entered_ms + HTTP_CROWDED_MS) {
        if (!edge->draining)
            metric_add(METRIC_HTTP_CROWDED_OUT, 1);
        http_conn_close(self);
    } else if (edge->now_ms >= self->deadline_ms) {
        if (begun || self->state == CONN_BODY || self->state == CONN_PIECE || self->state == CONN_SENDING)
            metric_add(METRIC_HTTP_TIMEOUTS, 1);
        http_conn_close(self);
    }
}

void http_conn_on_tick(struct edge *edge)
{
    bool crowded = listener_is_crowded(edge->listener);
    size_t count = edge->conn_count / SWEEP_PARTS + 1;
    for (size_t i = 0; i < count && edge->conns; i++) {
        if (!edge->conn_sweep)
            edge->conn_sweep = edge->conns;
        struct http_conn *self = edge->conn_sweep;
        edge->conn_sweep = self->next;
        s_look_after(self, crowded);
    }
}
