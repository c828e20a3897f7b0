/* session — one browser: who it is, which rooms it shows, what it may still send, when it must show life.
 *
 * Nothing is sent to a socket but `hi` before its `hello` was accepted. From then on everything goes through its
 * backlog in order. A session that closes leaves fan-out at once, its close frame goes out behind what is queued
 * (lws would lose it while a write is pending), and the socket follows when the browser answers or time is up.
 *
 * Runs on: the thread of its edge.   Owns: its backlog, its reassembly buffer while a long message comes in.
 * Bounds: 512 bytes and 32 for each room; SESSION_POSTS_MAX unanswered requests; the backlog's. */
#ifndef ROOKERY_EDGE_SESSION_H
#define ROOKERY_EDGE_SESSION_H

#include "edge/shared.h"
#include "proto/close.h"

struct backfill;

enum {
    SESSION_POSTS_MAX = 128,   /* requests of one socket without an answer */
    SESSION_CLOSE_MS = 2000,   /* from our close frame to the end of the socket */
    SESSION_PER_USER_MAX = 64, /* sockets of one user at one edge */
    SESSION_FLOOD_FACTOR = 3,  /* so many times over budget closes the socket */
};

typedef enum {
    SESSION_OPEN,    /* waits for hello */
    SESSION_INBOX,   /* hello was good, its rooms are being asked for */
    SESSION_READY,
    SESSION_CLOSING, /* out of everything; the socket ends soon */
} session_state_t;

struct wanted { /* a room to resume once the earlier ones are done */
    uint64_t room, incarnation, after;
};

struct session {
    struct viewer viewer; /* first: fanout.c hands viewers back */
    struct edge *edge;
    struct lws *wsi;
    struct session *next, *prev;           /* edge->all */
    struct session *next_of_user;
    uint64_t number;                       /* unique over all edges; 0: before hello */
    uint64_t user, sid;                    /* by its token */
    int64_t expires_at_ms;                 /* UTC */
    int64_t opened_ms, heard_ms, beat_ms;  /* BOOTTIME: opened, last sign of life, next heartbeat */
    int64_t close_at_ms;
    budget_address_t address;
    struct budget frames, flood;           /* what is answered, and what closes the socket */
    uint16_t posts;                        /* unanswered */
    uint8_t state;
    bool admin, heads_due;
    struct ask *inbox;
    struct backfill *backfills;
    struct wanted *wanted;                 /* malloc'd list from hello, NULL when done */
    uint32_t wanted_count, wanted_next;
    buffer_t *assembly;                    /* of a message that comes in pieces */
    char *name;                            /* as shown; until `welcome` */
};

_Static_assert(sizeof(struct session) <= 512, "what an idle socket costs here");

/* ws.c: a socket opened, and every way it can end. NULL: no memory. */
struct session *session_new(struct edge *edge, struct lws *wsi, bool json, budget_address_t address);
void session_free(struct session **self_p);
/* One whole message; borrowed until return. */
void session_on_message(struct session *self, view_t frame);
void session_on_too_large(struct session *self);
void session_on_bad_type(struct session *self); /* a text message on the msgpack subprotocol, or the reverse */
void session_on_alive(struct session *self);    /* a pong, or progress of a slow reader */
void session_on_peer_close(struct session *self);
/* Writes what waits if the socket takes it; ws.c's writable callback and edge.c's turn. */
void session_flush(struct session *self);

/* Says why (`reason`: a short English phrase), leaves everything, and ends the socket soon. */
void session_close(struct session *self, enum close_code code, const char *reason);
void session_close_now(struct session *self); /* the socket is broken */
void session_error(struct session *self, err_t code, const char *scope, uint32_t retry_ms, uint64_t limit);
void session_send(struct session *self, const struct msg *msg);

/* The edge's events. */
void session_on_revoked(struct edge *edge);
void session_on_leases(struct edge *edge, const bool moved[LIM_SHARDS]);
void session_on_peer(struct edge *edge, address_t peer); /* a room actor knows nothing of us (any more) */
void session_on_tick(struct edge *edge);                 /* looks after a part of all sockets */
/* Tells so many to go and come back within retry_ms_max; those that wait for an answer are left for later. */
void session_drain(struct edge *edge, size_t count, uint32_t retry_ms_max);
struct session *session_of_number(const struct edge *edge, uint64_t number);
struct session *session_of_user(const struct edge *edge, uint64_t user); /* the first; then next_of_user */

/* session_inbox.c: hello, the rooms of its user, and what the inbox says afterwards. */
void session_on_hello(struct session *self, const struct msg_hello *hello);
void session_open_inbox(struct session *self); /* again: its owner changed, or forgot us */
bool session_on_link(struct edge *edge, const struct envelope *env, view_t body); /* of inboxes; false: not such */

/* session_requests.c: what a browser asks for after `welcome`. */
void session_on_request(struct session *self, const struct msg *msg, view_t msgpack);
/* What a refused message is answered with: a nack if it has a client id, else err. */
void session_refuse(struct session *self, const struct msg *msg, err_t code, uint32_t retry_ms);

#endif
