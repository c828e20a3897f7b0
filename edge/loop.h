/* loop — one thread's wake-ups: sockets of libwebsockets and our own (libuv), the actor's ZeroMQ sockets, time.
 *
 * libwebsockets runs on this loop as a guest (its libuv plugin; a poll loop would be O(N) a wake, and the libev
 * plugin's timers never fire). After each wake, whatever it was, the actor is pumped once: it reads what came,
 * calls on_turn (edge.c writes the dirty sessions there), sends, and looks again at ZMQ_EVENTS. So there is no
 * second place where work could be forgotten, and a ZMQ_FD, which is edge triggered, is never trusted.
 *
 * Runs on: the thread that made it.   Owns: the uv loop, the lws context, its watches. No handler may block. */
#ifndef ROOKERY_EDGE_LOOP_H
#define ROOKERY_EDGE_LOOP_H

#include <libwebsockets.h>

#include "actors/runtime/actor.h"

typedef struct loop loop_t;
typedef struct loop_watch loop_watch_t;

enum { LOOP_READABLE = 1, LOOP_WRITABLE = 2 };

/* pipe: the zactor's, "$TERM" on it calls stop once. Both are borrowed. NULL: no memory, logged. */
loop_t *loop_new(void *pipe, actor_t *actor, void (*stop)(void *self), void *self);
/* Destroys the lws context (which closes its sockets, with their callbacks) and waits for libuv's closing. */
void loop_destroy(loop_t **self_p);

/* The lws context on this loop. info's loop, options and log fields are filled in here. NULL: logged. */
struct lws_context *loop_open_lws(loop_t *self, struct lws_context_creation_info *info);
/* Call after actor_connect: watches the actor's descriptors as they are now. */
err_t loop_watch_actor(loop_t *self);

/* Tells the zactor's other end how its thread came up. */
void loop_signal(void *pipe, int status);
/* Runs until loop_quit. */
void loop_run(loop_t *self);
void loop_quit(loop_t *self);

/* Calls fn when fd is ready for what is set (LOOP_…, 0: nothing yet; hang-ups count as readable). The fd stays the
 * caller's, and loop_unwatch comes before its close. NULL: no memory. fn may unwatch. */
loop_watch_t *loop_watch(loop_t *self, int fd, void (*fn)(void *context, int ready), void *context);
void loop_watch_set(loop_watch_t *self, int events);
void loop_unwatch(loop_watch_t **self_p);

#endif
