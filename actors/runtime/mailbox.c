#include "actors/runtime/mailbox.h"

#include <assert.h>
#include <czmq.h>

#include "actors/runtime/guard.h"
#include "actors/runtime/link.h"
#include "actors/runtime/log.h"
#include "actors/runtime/metrics.h"

enum {
    PEERS_MAX = LIM_NODES_MAX,
    SOCKET_BUFFER_BYTES = 256 * 1024, /* bounds what a dying peer takes with it */
    LINGER_MS = 2000,
    STALL_MS = 1000, /* a pause of our own as long as this must not look like one of the peers */
    CONTROL_BYTES_MAX = 64,
};

/* link first: a link of a mailbox is a peer. */
struct peer {
    struct link link;
    uint8_t route[KEY_ROUTE_BYTES]; /* ROUTER: its routing id */
    size_t route_len;
};

struct mailbox {
    address_t own;
    struct guard guard;
    zsock_t *zsock;
    void *socket; /* borrowed from zsock */
    int fd;       /* ZMQ_FD */
    bool is_quiet; /* nothing to read when last asked, and no call since that could have taken the ZMQ_FD's edge */
    bool is_router;
    char *endpoint;
    struct link *links[PEERS_MAX];
    size_t link_count;
    struct link *last; /* whose frame came or went last */
    int64_t tick_ms;

    zmq_msg_t frame; /* last received; what `out` of mailbox_next borrows */
    bool is_held;    /* an event went first, the frame itself is next */
    struct envelope held;
    address_t downs[PEERS_MAX]; /* PEER_DOWN still to be told */
    size_t down_count;
};

/* ThreadSanitizer cannot see that libzmq, which was not built with it, hands a frame's memory to the other thread. */
#if defined(__SANITIZE_THREAD__)
void __tsan_acquire(void *at);
void __tsan_release(void *at);
#define HAND_OVER(frame) __tsan_release(zmq_msg_data(frame))
#define TAKE_OVER(frame) __tsan_acquire(zmq_msg_data(frame))
#else
#define HAND_OVER(frame) ((void)(frame))
#define TAKE_OVER(frame) ((void)(frame))
#endif

/* ---- making ---------------------------------------------------------------------------------------------------- */

static void s_set_int(mailbox_t *self, int option, int value)
{
    int rc = zmq_setsockopt(self->socket, option, &value, sizeof value);
    assert(rc == 0); /* an option that libzmq 4.2 does not know, or a value it refuses: our bug */
    (void)rc;
}

static void s_set_options(mailbox_t *self)
{
    if (self->is_router) {
        s_set_int(self, ZMQ_ROUTER_MANDATORY, 1); /* errors, no silent loss */
        s_set_int(self, ZMQ_ROUTER_HANDOVER, 1);  /* a restarted peer takes over from its dead connection */
    }
    s_set_int(self, ZMQ_IMMEDIATE, 1); /* nothing is queued for a peer that is not connected */
    s_set_int(self, ZMQ_SNDHWM, LIM_LINK_HWM_FRAMES);
    s_set_int(self, ZMQ_RCVHWM, LIM_LINK_HWM_FRAMES);
    s_set_int(self, ZMQ_SNDBUF, SOCKET_BUFFER_BYTES);
    s_set_int(self, ZMQ_RCVBUF, SOCKET_BUFFER_BYTES);
    s_set_int(self, ZMQ_LINGER, LINGER_MS);
    /* No ZMQ_HEARTBEAT_IVL: in every libzmq up to 4.3.5 its timer writes to a connection that has ended while our
     * queue was full, and an assertion ends the process. Our ticks prove the actor, not only its process, and as
     * they are data, TCP_MAXRT finds a connection that is dead without a word. */
    s_set_int(self, ZMQ_HANDSHAKE_IVL, 5000);
    s_set_int(self, ZMQ_CONNECT_TIMEOUT, 3000);
    s_set_int(self, ZMQ_TCP_MAXRT, 5000);
    s_set_int(self, ZMQ_RECONNECT_IVL, 100);
    s_set_int(self, ZMQ_RECONNECT_IVL_MAX, 500); /* a peer that ended is up again at once */
    s_set_int(self, ZMQ_TCP_KEEPALIVE, 1);
    s_set_int(self, ZMQ_TCP_KEEPALIVE_IDLE, 30);
    s_set_int(self, ZMQ_TCP_KEEPALIVE_INTVL, 10);
    s_set_int(self, ZMQ_TCP_KEEPALIVE_CNT, 3);
    /* tcp only: we check as well. Twice our own bound: libzmq ends the connection without saying why, which is right for
     * what is absurd, but what is only too large is to be counted; and CURVE makes each frame 33 bytes longer. */
    int64_t max = 2 * (int64_t)LIM_LINK_FRAME_BYTES_MAX;
    int rc = zmq_setsockopt(self->socket, ZMQ_MAXMSGSIZE, &max, sizeof max);
    assert(rc == 0);
    (void)rc;
}

static mailbox_t *s_new(address_t own, int type, int64_t now_ms)
{
    assert(address_role(own) != ROLE_NONE && address_nonce(own) != 0);
    mailbox_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->own = own;
    self->is_router = type == ZMQ_ROUTER;
    self->tick_ms = now_ms;
    zmq_msg_init(&self->frame);
    self->zsock = zsock_new(type);
    if (!self->zsock) {
        free(self);
        return NULL;
    }
    self->socket = zsock_resolve(self->zsock);
    self->fd = zsock_fd(self->zsock);
    s_set_options(self);
    return self;
}

void mailbox_destroy(mailbox_t **self_p)
{
    assert(self_p);
    mailbox_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->link_count; i++) {
        link_fini(self->links[i]);
        free(self->links[i]);
    }
    zmq_msg_close(&self->frame);
    guard_fini(&self->guard, self->socket);
    if (self->is_router && self->endpoint)
        zmq_unbind(self->socket, self->endpoint); /* closing alone gives the name back only some time later */
    zsock_destroy(&self->zsock);
    free(self->endpoint);
    free(self);
    *self_p = NULL;
}

static struct link *s_add_link(mailbox_t *self, address_t peer, int64_t now_ms)
{
    struct peer *added = calloc(1, sizeof *added);
    if (!added)
        return NULL;
    link_init(&added->link, peer, !self->is_router, now_ms);
    added->route_len = self->is_router ? guard_route(&self->guard, peer, added->route) : 0;
    self->links[self->link_count++] = &added->link;
    return &added->link;
}

/* Before bind or connect. peer 0: a ROUTER. */
static bool s_secure(mailbox_t *self, address_t peer, const char *endpoint)
{
    uint8_t route[KEY_ROUTE_BYTES];
    if (guard_arm(&self->guard, self->socket, self->own, peer, endpoint))
        return false;
    size_t len = self->is_router ? 0 : guard_route(&self->guard, self->own, route);
    return self->is_router || (len > 0 && zmq_setsockopt(self->socket, ZMQ_ROUTING_ID, route, len) == 0);
}

mailbox_t *mailbox_bind(address_t own, const char *endpoint, int64_t now_ms)
{
    mailbox_t *self = s_new(own, ZMQ_ROUTER, now_ms);
    if (!self || !s_secure(self, 0, endpoint) || zmq_bind(self->socket, endpoint) != 0) {
        log_error("cannot listen: endpoint=%s why=%s", endpoint, zmq_strerror(errno));
        mailbox_destroy(&self);
        return NULL;
    }
    self->endpoint = zsock_last_endpoint(self->zsock);
    return self;
}

mailbox_t *mailbox_connect(address_t own, address_t peer, const char *endpoint, int64_t now_ms)
{
    mailbox_t *self = s_new(own, ZMQ_DEALER, now_ms);
    if (!self || !s_secure(self, peer, endpoint) || !s_add_link(self, peer, now_ms) ||
        zmq_connect(self->socket, endpoint) != 0) {
        log_error("cannot connect: endpoint=%s why=%s", endpoint, zmq_strerror(errno));
        mailbox_destroy(&self);
        return NULL;
    }
    self->endpoint = strdup(endpoint);
    mailbox_flush(self);
    return self;
}

const char *mailbox_endpoint(const mailbox_t *self)
{
    return self->endpoint ? self->endpoint : "";
}

static struct link *s_find(const mailbox_t *self, address_t peer)
{
    address_t stable = address_stable(peer);
    if (self->last && self->last->peer == stable)
        return self->last;
    for (size_t i = 0; i < self->link_count; i++)
        if (self->links[i]->peer == stable)
            return self->links[i];
    return NULL;
}

bool mailbox_has(const mailbox_t *self, address_t peer)
{
    return s_find(self, peer) != NULL;
}

size_t mailbox_links(const mailbox_t *self, int64_t now_ms, struct actor_link *links_out, size_t max)
{
    size_t count = 0;
    for (; count < self->link_count && count < max; count++) {
        const struct link *link = self->links[count];
        links_out[count] = (struct actor_link){
            .peer = link->peer, .up = link->up, .sent = link->numbered, .received = link->received,
            .waiting = link->outbox.count, .waiting_bytes = link->outbox.bytes,
            .heard_ms = now_ms > link->heard_ms ? now_ms - link->heard_ms : 0};
    }
    return count;
}

/* ---- sending --------------------------------------------------------------------------------------------------- */

/* Takes frame's bytes when it returns true. False: not now (no connection, or the high-water mark). */
static bool s_put(mailbox_t *self, const struct link *link, zmq_msg_t *frame)
{
    self->is_quiet = false;
    if (self->is_router) {
        const struct peer *peer = (const struct peer *)link;
        int rc;
        do
            rc = zmq_send(self->socket, peer->route, peer->route_len, ZMQ_DONTWAIT | ZMQ_SNDMORE);
        while (rc < 0 && errno == EINTR);
        if (rc < 0)
            return false; /* EHOSTUNREACH, EAGAIN; on this part, so half a message never goes */
    }
    HAND_OVER(frame);
    int rc;
    do
        rc = zmq_msg_send(frame, self->socket, ZMQ_DONTWAIT);
    while (rc < 0 && errno == EINTR);
    return rc >= 0;
}

static bool s_put_control(mailbox_t *self, const struct link *link, const struct envelope *env,
                          const struct msg *msg)
{
    buffer_t body;
    buffer_init(&body, CONTROL_BYTES_MAX);
    zmq_msg_t frame;
    bool sent = false;
    if (!msg_encode(msg, &body) && zmq_msg_init_size(&frame, ENVELOPE_BYTES + body.len) == 0) {
        uint8_t *bytes = zmq_msg_data(&frame);
        envelope_write(env, bytes);
        memcpy(bytes + ENVELOPE_BYTES, body.bytes, body.len);
        sent = s_put(self, link, &frame);
        zmq_msg_close(&frame);
    }
    buffer_fini(&body);
    return sent;
}

static bool s_put_hello(mailbox_t *self, const struct link *link)
{
    struct msg msg = {.type = MSG_LINK_HELLO};
    msg.as.link_hello.version = PROTO_VERSION;
    msg.as.link_hello.nonce = address_nonce(self->own);
    struct envelope env = {
        .type = MSG_LINK_HELLO,
        .from = self->own,
        .link_seq = link_last(link),
        .correlation = link->up ? link->nonce : 0,
    };
    return s_put_control(self, link, &env, &msg);
}

static bool s_put_tick(mailbox_t *self, const struct link *link)
{
    struct msg msg = {.type = MSG_LINK_TICK};
    msg.as.link_tick.last = link_last(link);
    struct envelope env = {
        .type = MSG_LINK_TICK,
        .from = self->own,
        .correlation = link->received,
    };
    return s_put_control(self, link, &env, &msg);
}

/* To the process that spoke last under this name. */
static void s_put_fenced(mailbox_t *self, const struct link *link, address_t from)
{
    struct msg msg = {.type = MSG_ERR, .as.err = {.code = ERR_FENCED}};
    struct envelope env = {.type = MSG_ERR, .from = self->own, .correlation = address_nonce(from)};
    (void)s_put_control(self, link, &env, &msg);
}

static bool s_put_waiting(mailbox_t *self, struct link *link)
{
    const struct link_outbox_frame *waiting = link_outbox_waiting(&link->outbox);
    zmq_msg_t frame;
    if (zmq_msg_init_size(&frame, waiting->len) != 0)
        return false;
    memcpy(zmq_msg_data(&frame), waiting->bytes, waiting->len);
    bool sent = s_put(self, link, &frame);
    zmq_msg_close(&frame);
    if (sent)
        link_outbox_shift(&link->outbox);
    return sent;
}

static void s_flush_link(mailbox_t *self, struct link *link)
{
    if (link->hello_due && !s_put_hello(self, link))
        return;
    link->hello_due = false;
    while (link_outbox_waiting(&link->outbox))
        if (!s_put_waiting(self, link))
            break;
    if (link->tick_due && s_put_tick(self, link))
        link->tick_due = false;
}

void mailbox_flush(mailbox_t *self)
{
    for (size_t i = 0; i < self->link_count; i++)
        s_flush_link(self, self->links[i]);
}

static err_t s_dispatch(mailbox_t *self, struct link *link, uint64_t number, zmq_msg_t *frame)
{
    size_t len = zmq_msg_size(frame);
    err_t err = ERR_OK;
    if (!link->hello_due && !link_outbox_waiting(&link->outbox) && s_put(self, link, frame))
        (void)link_outbox_push(&link->outbox, number, NULL, len); /* without memory the bound is off by this frame */
    else
        err = link_outbox_push(&link->outbox, number, zmq_msg_data(frame), len);
    metric_highest(METRIC_LINK_OUTBOX_FRAMES, (int64_t)link->outbox.count);
    metric_highest(METRIC_LINK_OUTBOX_BYTES, (int64_t)link->outbox.bytes);
    return err;
}

err_t mailbox_send(mailbox_t *self, address_t to, const struct envelope *env, view_t body)
{
    struct link *link = s_find(self, to);
    if (!link)
        return ERR_NOT_FOUND;
    size_t len = ENVELOPE_BYTES + body.len;
    if (len > LIM_LINK_FRAME_BYTES_MAX)
        return ERR_TOO_LARGE;
    /* Before the frame has its number: a HELLO after that would say that it went already, and the peer drop it. */
    if (link->hello_due)
        s_flush_link(self, link);
    struct envelope out = *env;
    out.from = self->own;
    err_t err = link_number(link, to, env, len, &out.link_seq);
    if (err == ERR_OVERLOADED && (env->flags & ENVELOPE_EPHEMERAL)) {
        metric_add(METRIC_LINK_DROPPED_EPHEMERA, 1);
        return ERR_OK;
    }
    if (err == ERR_OVERLOADED)
        metric_add(METRIC_LINK_OVERLOADED, 1);
    if (err)
        return err;

    zmq_msg_t frame;
    if (zmq_msg_init_size(&frame, len) != 0)
        return ERR_NO_MEMORY; /* its number is given away: the receiver sees a hole */
    uint8_t *bytes = zmq_msg_data(&frame);
    envelope_write(&out, bytes);
    if (body.len)
        memcpy(bytes + ENVELOPE_BYTES, body.bytes, body.len);
    err = s_dispatch(self, link, out.link_seq, &frame);
    zmq_msg_close(&frame);
    self->last = link;
    if (!err)
        metric_add(METRIC_LINK_FRAMES_SENT, 1);
    return err;
}

/* ---- receiving ------------------------------------------------------------------------------------------------- */

static bool s_receive(mailbox_t *self, zmq_msg_t *frame)
{
    int rc;
    do
        rc = zmq_msg_recv(frame, self->socket, ZMQ_DONTWAIT);
    while (rc < 0 && errno == EINTR);
    self->is_quiet = rc < 0 && errno == EAGAIN;
    if (rc < 0)
        return false;
    TAKE_OVER(frame);
    return true;
}

/* A message has one frame (on a ROUTER, behind the routing id). Takes and drops the others. */
static bool s_drop_rest(mailbox_t *self, zmq_msg_t *frame)
{
    bool more = zmq_msg_more(frame);
    for (bool rest = more; rest;) {
        zmq_msg_t junk;
        zmq_msg_init(&junk);
        rest = s_receive(self, &junk) && zmq_msg_more(&junk);
        zmq_msg_close(&junk);
    }
    return more;
}

/* The peer a routing id names, 0 when it is not one of ours (a dead connection's leftovers come under an id of
 * libzmq's making). Whether it may use it is known once its key is: s_is_its_route. */
static address_t s_peer_of(const mailbox_t *self, zmq_msg_t *id, uint8_t route_out[KEY_ROUTE_BYTES])
{
    size_t len = zmq_msg_size(id);
    address_t peer = 0;
    if (len != (self->guard.is_on ? (size_t)KEY_ROUTE_BYTES : 8))
        return 0;
    memcpy(route_out, zmq_msg_data(id), len);
    for (int i = 0; i < 8; i++)
        peer = peer << 8 | route_out[i];
    return address_role(peer) == ROLE_NONE || address_stable(peer) != peer ? 0 : peer;
}

/* Only the owner of the peer's key can know it. */
static bool s_is_its_route(const mailbox_t *self, struct link *link, const uint8_t route[KEY_ROUTE_BYTES])
{
    struct peer *peer = (struct peer *)link;
    if (peer->route_len > 0 && memcmp(peer->route, route, peer->route_len) == 0)
        return true;
    peer->route_len = guard_route(&self->guard, link->peer, peer->route); /* it may have a new key */
    return peer->route_len > 0 && memcmp(peer->route, route, peer->route_len) == 0;
}

static mail_kind_t s_bad(const mailbox_t *self, address_t peer, err_t why)
{
    static struct log_gate gate;
    unsigned skipped;
    metric_add(why == ERR_TOO_LARGE ? METRIC_LINK_TOO_LARGE
               : why == ERR_VERSION ? METRIC_LINK_VERSIONS
               : why == ERR_FENCED  ? METRIC_LINK_DOUBLES
                                    : METRIC_LINK_BAD_FRAMES, 1);
    if (log_gate_open(&gate, 1000, &skipped)) {
        char name[ADDRESS_TEXT_MAX];
        address_print(peer, name);
        log_warn("link frame dropped: from=%s at=%s why=%s skipped=%u", peer ? name : "?",
                 mailbox_endpoint(self), err_name(why), skipped);
    }
    return MAIL_NOTHING;
}

/* The link of a peer that may be new to us: a stranger gets one by a frame that can be read, if need be the place
 * of one that is down. NULL: no place. */
static struct link *s_link_of(mailbox_t *self, address_t peer, int64_t now_ms)
{
    struct link *link = s_find(self, peer);
    if (link || self->link_count < PEERS_MAX)
        return link ? link : s_add_link(self, peer, now_ms);
    for (size_t i = 0; i < self->link_count; i++) {
        if (!self->links[i]->up) {
            struct peer *reused = (struct peer *)self->links[i];
            link_fini(&reused->link);
            link_init(&reused->link, peer, false, now_ms);
            reused->route_len = guard_route(&self->guard, peer, reused->route);
            return &reused->link;
        }
    }
    return NULL;
}

/* route: on a ROUTER, under which the frame came. */
static mail_kind_t s_judge(mailbox_t *self, address_t peer, const uint8_t *route, int64_t now_ms, struct mail *out)
{
    size_t len = zmq_msg_size(&self->frame);
    if (len > LIM_LINK_FRAME_BYTES_MAX) /* inproc knows no MAXMSGSIZE */
        return s_bad(self, peer, ERR_TOO_LARGE);
    err_t err = envelope_read(zmq_msg_data(&self->frame), len, &out->env);
    if (err)
        return s_bad(self, peer, err);
    if (address_stable(out->env.from) != (self->is_router ? peer : self->links[0]->peer))
        return s_bad(self, peer, ERR_BAD_FRAME); /* speaks for somebody else */
    if (!guard_admits(&self->guard, &self->frame, out->env.from, &out->env))
        return MAIL_NOTHING;
    out->body = view_of((const uint8_t *)zmq_msg_data(&self->frame) + ENVELOPE_BYTES, len - ENVELOPE_BYTES);
    struct link *link = s_link_of(self, out->env.from, now_ms);
    if (!link)
        return s_bad(self, out->env.from, ERR_OVERLOADED);
    if (self->is_router && !s_is_its_route(self, link, route))
        return s_bad(self, out->env.from, ERR_BAD_FRAME); /* its answers would go to another connection */
    self->last = link;
    struct link_verdict verdict = link_on_frame(link, self->own, &out->env, out->body, now_ms);
    if (verdict.err == ERR_FENCED)
        s_put_fenced(self, link, out->env.from);
    if (verdict.err)
        return s_bad(self, out->env.from, verdict.err);
    if (verdict.deliver)
        metric_add(METRIC_LINK_FRAMES_RECEIVED, 1);
    if (verdict.has_event) {
        out->peer = link->peer | link->nonce;
        out->event = verdict.event;
        self->is_held = verdict.deliver;
        self->held = out->env;
        return MAIL_EVENT;
    }
    return verdict.deliver ? MAIL_FRAME : MAIL_NOTHING;
}

mail_kind_t mailbox_next(mailbox_t *self, int64_t now_ms, struct mail *out)
{
    if (self->is_held) {
        self->is_held = false;
        out->env = self->held;
        out->body = view_of((const uint8_t *)zmq_msg_data(&self->frame) + ENVELOPE_BYTES,
                            zmq_msg_size(&self->frame) - ENVELOPE_BYTES);
        return MAIL_FRAME;
    }
    if (self->down_count > 0) {
        out->peer = self->downs[--self->down_count];
        out->event = PEER_DOWN;
        return MAIL_EVENT;
    }
    address_t peer = 0;
    uint8_t route[KEY_ROUTE_BYTES];
    if (self->is_router) {
        if (!s_receive(self, &self->frame))
            return MAIL_EMPTY;
        peer = s_peer_of(self, &self->frame, route);
        if (!zmq_msg_more(&self->frame))
            return s_bad(self, peer, ERR_SHORT);
    }
    if (!s_receive(self, &self->frame))
        return MAIL_EMPTY;
    if (s_drop_rest(self, &self->frame))
        return s_bad(self, peer, ERR_BAD_FRAME);
    if (self->is_router && !peer)
        return s_bad(self, 0, ERR_BAD_FRAME);
    return s_judge(self, peer, route, now_ms, out);
}

err_t mailbox_move(mailbox_t *self, const char *endpoint)
{
    bool is_tcp = self->endpoint && strncmp(self->endpoint, "tcp://", 6) == 0 && strncmp(endpoint, "tcp://", 6) == 0;
    char *moved = is_tcp ? strdup(endpoint) : NULL;
    if (!moved)
        return is_tcp ? ERR_NO_MEMORY : ERR_OK;
    self->is_quiet = false;
    (void)zmq_disconnect(self->socket, self->endpoint);
    free(self->endpoint);
    self->endpoint = moved;
    if (zmq_connect(self->socket, moved) == 0)
        return ERR_OK;
    log_warn("cannot connect: endpoint=%s why=%s", moved, zmq_strerror(errno));
    return ERR_INTERNAL;
}

void mailbox_on_tick(mailbox_t *self, int64_t now_ms, bool is_drained)
{
    guard_on_tick(&self->guard);
    bool stalled = now_ms - self->tick_ms >= STALL_MS;
    self->tick_ms = now_ms;
    for (size_t i = 0; i < self->link_count; i++) {
        struct link *link = self->links[i];
        if (stalled)
            link->heard_ms = now_ms;
        address_t peer = link->peer | link->nonce;
        if (!link_on_time(link, now_ms, is_drained))
            continue;
        /* A connection may be there and lead nowhere: a ROUTER that gave our routing id to another one stops reading
         * ours and does not close it. */
        if (!self->is_router && self->endpoint && strncmp(self->endpoint, "tcp://", 6) == 0)
            (void)mailbox_move(self, self->endpoint);
        if (self->down_count < PEERS_MAX)
            self->downs[self->down_count++] = peer;
    }
}

/* ---- waiting --------------------------------------------------------------------------------------------------- */

void *mailbox_socket(const mailbox_t *self)
{
    return self->socket;
}

int mailbox_fd(const mailbox_t *self)
{
    return self->fd;
}

bool mailbox_is_readable(mailbox_t *self)
{
    self->is_quiet = !(zsock_events(self->zsock) & ZMQ_POLLIN);
    return !mailbox_is_quiet(self);
}

bool mailbox_is_quiet(const mailbox_t *self)
{
    return self->is_quiet && !self->is_held && self->down_count == 0;
}
