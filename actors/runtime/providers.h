/* providers — the nodes of a role of which any will do (persist, accounts), and which of them is asked now.
 *
 * One is asked until it is silent or gone; then the next. Nothing is sent here: after a change the owner repeats what
 * it asked, so it must only ask what is harmless to repeat. Pure bookkeeping of one actor, embedded in it; all zeroes
 * is an empty one. Bound: LIM_PROVIDERS_MAX. */
#ifndef ROOKERY_RUNTIME_PROVIDERS_H
#define ROOKERY_RUNTIME_PROVIDERS_H

#include <stdbool.h>
#include <stddef.h>

#include "actors/runtime/actor.h"
#include "proto/limits.h"

struct providers {
    address_t nodes[LIM_PROVIDERS_MAX]; /* nonce 0 */
    bool is_up[LIM_PROVIDERS_MAX];
    size_t count, at;
};

/* True: it is among them. False: there are too many. */
bool providers_add(struct providers *self, address_t node);
/* Which one to begin with, modulo their number: so that not all ask the first. */
void providers_begin_at(struct providers *self, size_t index);
/* Who is asked now; 0: nobody is known. It need not be up: frames wait for it. */
address_t providers_current(const struct providers *self);
bool providers_is_up(const struct providers *self); /* the one asked now */
/* The one asked now was silent for too long. True: it is another one now. */
bool providers_next(struct providers *self);
/* True: it is another one now. */
bool providers_on_peer(struct providers *self, address_t peer, peer_event_t event);

#endif
