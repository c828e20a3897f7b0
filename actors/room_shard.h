/* room_shard — a room actor's rules: many shards of rooms and inboxes, as functions of (state, message, time) to a
 * bounded list of effects. No socket, clock, log or random number inside: room_actor gives it ØMQ, the simulator
 * loss, delay and crashes.
 *
 * Nothing is acknowledged or published before its commit is answered. Accepted events wait in one open batch; it
 * closes at the end of a turn when none is in flight. See DESIGN.md 3 and 4.
 *
 * Runs on: one thread. now_ms is CLOCK_BOOTTIME, utc_ms the wall clock: only at_ms of events comes from it.
 * Limits of a user's rooms: LIM_SUBS_MAX is checked here for users whose inbox is in memory of the same actor; the
 * edge, which has their room list, checks it for all. */
#ifndef ROOKERY_ACTORS_ROOM_SHARD_H
#define ROOKERY_ACTORS_ROOM_SHARD_H

#include "actors/effects.h"
#include "actors/runtime/providers.h"

typedef struct room_shard room_shard_t;

struct room_shard_options {
    address_t address;     /* of this actor, with its nonce */
    const char *endpoint;  /* where it listens, for the directory */
    struct providers persists; /* one at least */
    unsigned share;        /* shards to take at first; later an even share among the nodes that live */
    bool finds_nodes;      /* other room nodes come and go, as the directory says: shards move between them */
    size_t memory_bytes;   /* rooms and inboxes kept in memory */
};

typedef enum {
    ROOM_SHARD_STARTING, /* not known to the directory yet */
    ROOM_SHARD_RUNNING,
    ROOM_SHARD_STOPPING, /* refuses, flushes what it accepted, hands its shards over */
    ROOM_SHARD_STOPPED,  /* flushed, and its shards are free */
    ROOM_SHARD_FENCED,   /* declared dead: it serves nothing any more and must end */
} room_shard_state_t;

/* NULL: no memory. Copies the options. */
room_shard_t *room_shard_new(const struct room_shard_options *options);
void room_shard_destroy(room_shard_t **self_p);

/* One message. What is returned is for counting: every answer is among the effects. */
err_t room_shard_on(room_shard_t *self, const struct envelope *env, view_t body, int64_t now_ms, int64_t utc_ms,
                    effects_t *out);
void room_shard_on_peer(room_shard_t *self, address_t peer, peer_event_t event, int64_t now_ms, int64_t utc_ms,
                        effects_t *out);
void room_shard_on_turn(room_shard_t *self, int64_t now_ms, int64_t utc_ms, effects_t *out);
void room_shard_on_tick(room_shard_t *self, int64_t now_ms, int64_t utc_ms, effects_t *out);
/* Begins a clean stop; go on with turns and ticks until it is STOPPED. */
void room_shard_stop(room_shard_t *self, int64_t now_ms, int64_t utc_ms, effects_t *out);

room_shard_state_t room_shard_state(const room_shard_t *self);
bool room_shard_is_serving(const room_shard_t *self, int64_t now_ms); /* within the time of its last good beat */

struct room_shard_counts {
    size_t rooms, inboxes, pending, shards, memory_bytes;
    uint64_t events, repeats, refused, batches, batches_resent, fenced;
};
void room_shard_counts(const room_shard_t *self, struct room_shard_counts *out);

#endif
