/* node_stats — an actor tells each second how it is: its links, what waits for it, the counters of its process
 * (NODE_STATS). Persist keeps the last report of each actor, so that one question shows the whole installation.
 *
 * Runs on: the actor's thread.   Bounds: LIM_STATS_BYTES_MAX. A report may be lost: the next one says all anew. */
#ifndef ROOKERY_RUNTIME_NODE_STATS_H
#define ROOKERY_RUNTIME_NODE_STATS_H

#include "actors/runtime/actor.h"

struct node_load {
    uint64_t queue;   /* what waits for it */
    uint64_t sockets; /* of an edge */
};

/* All zeroes: nothing was reported yet. */
struct node_stats {
    int64_t began_ms, due_ms;
};

/* Appends the report to out. */
err_t node_stats_encode(struct node_stats *self, const actor_t *actor, const struct node_load *load, buffer_t *out);
/* In each tick: sends the report to every persist node it has a link to, when a second has passed. */
void node_stats_on_tick(struct node_stats *self, actor_t *actor, const struct node_load *load);

#endif
