/* sockets_relay — an edge asks which sockets are open, this node asks all edges and puts their answers together: edges
 * have no links to each other.
 *
 * Runs on: the persist actor's thread.   Bounds: LIM_SOCKETS_ASKS_MAX questions at once, each LIM_SOCKETS_MS long; an
 * edge that does not answer by then is counted as silent. */
#ifndef ROOKERY_PERSIST_SOCKETS_RELAY_H
#define ROOKERY_PERSIST_SOCKETS_RELAY_H

#include "actors/runtime/actor.h"
#include "actors/runtime/stats_board.h"

typedef struct sockets_relay sockets_relay_t;

/* All that was asked of the edges came, or the time is up: the question, and a SOCKETS message, borrowed. */
typedef void (*sockets_done_t)(void *context, const struct envelope *asked, view_t sockets);

sockets_relay_t *sockets_relay_new(sockets_done_t done, void *context); /* NULL: no memory */
void sockets_relay_destroy(sockets_relay_t **self_p);

/* A question of an edge. ERR_OVERLOADED: too many at once; the decoder's errors. */
err_t sockets_relay_ask(sockets_relay_t *self, actor_t *actor, const struct envelope *env, view_t body,
                        const stats_board_t *board);
/* An edge's answer. One that comes too late is forgotten. */
err_t sockets_relay_answer(sockets_relay_t *self, const struct envelope *env, view_t body);
void sockets_relay_on_tick(sockets_relay_t *self, int64_t now_ms);

#endif
