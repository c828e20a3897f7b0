/* asks — questions of an edge in flight: to whom, until when, who gets the answer.
 *
 * Every question here is harmless to repeat, or says so. One that may be repeated is sent again, unchanged, when its
 * receiver came up or lost frames, when its shard has another owner, and each ASK_REPEAT_MS: the deadline alone ends
 * it. An owner that answers "not mine", or that it is stopping, is no answer: the directory is asked again and the
 * question waits.
 *
 * Runs on: the thread of its edge.   Owns: the questions and copies of their bytes.
 * Bounds: LIM_REQUESTS_MAX questions; bytes by the frame bounds of their messages. */
#ifndef ROOKERY_EDGE_ASKS_H
#define ROOKERY_EDGE_ASKS_H

#include "actors/runtime/actor.h"

struct edge;
struct ask;
struct asks;

enum { ASK_REPEAT_MS = 2000, ASK_LOST_MS = 4000, ASK_RETRY_MS = 100, ASK_LATER_MS = 200 };

typedef enum {
    ASK_PERSIST,
    ASK_PERSIST_AT, /* the one of number `key`, whether another is asked for all else or not */
    ASK_ACCOUNTS,
    ASK_OWNER, /* the room actor that owns the shard of `key` */
} ask_to_t;

struct answer {
    err_t err;                  /* ERR_OK: a message came, see body; else an ERR, or none in time */
    uint32_t retry_ms;
    uint16_t type;              /* of the message; MSG_NONE without one */
    const struct envelope *env; /* NULL without a message; borrowed like body until return */
    view_t body;
};

/* True: the question is answered and goes. False: a further answer with the same correlation follows. */
typedef bool (*ask_fn)(struct edge *edge, struct ask *ask, const struct answer *answer);

struct ask_spec {
    ask_to_t to;
    ask_fn done;
    void *owner;         /* whom asks_cancel is told */
    uint64_t key, user, session, a;
    bool admin;
    bool once;           /* not sent twice while who was asked may still be at it */
    bool again_if_lost;  /* of such a one: but again when it, or its answer, may be lost; after ASK_LOST_MS it may */
    uint32_t deadline_ms; /* from now; 0: LIM_REQUEST_MS */
};

struct ask {
    struct ask_spec spec;
    struct ask *prev, *next;
    uint64_t correlation;
    address_t sent_to; /* 0: waits for somebody to send it to */
    int64_t asked_ms, deadline_ms, repeat_ms;
    uint32_t len;
    uint8_t bytes[];
};

struct asks *asks_new(struct edge *edge);
void asks_destroy(struct asks **self_p); /* nobody is told any more */

/* Copies the message. NULL: too many in flight, or no memory: ERR_OVERLOADED is what to say. */
struct ask *asks_send(struct asks *self, const struct ask_spec *spec, view_t message);
struct ask *asks_send_msg(struct asks *self, const struct ask_spec *spec, const struct msg *msg);
/* Forgets it: a late answer is dropped. Takes and nulls. */
void asks_cancel(struct ask **ask_p);
void asks_cancel_all_of(struct asks *self, const void *owner);
/* Ends those of `user` about `key` with err, as if answered: they may not know any more. */
void asks_refuse(struct asks *self, uint64_t key, uint64_t user, ask_fn done, err_t err);

/* A refusal that may be none when the same question comes again. Not a deadline that passed. */
bool asks_is_for_later(const struct answer *answer);
/* Asks it again after a while; the handler then returns false. Its deadline stays. */
void asks_later(struct ask *ask, const struct answer *answer, int64_t now_ms);

/* False: nobody asked this (any more). */
bool asks_on_answer(struct asks *self, const struct envelope *env, view_t body);
/* The newest question, for asks_on_peer; NULL: none. Good until the next look. */
const struct ask *asks_newest(const struct asks *self);
/* Sends again what the peer may have lost, up to and with `newest`: what was asked since has just been sent. */
void asks_on_peer(struct asks *self, address_t peer, peer_event_t event, const struct ask *newest);
/* Owners may have changed, or who is asked of several that are alike: sends what waits for another than it was sent to. */
void asks_on_receivers(struct asks *self);
void asks_on_tick(struct asks *self);
size_t asks_count(const struct asks *self);

#endif
