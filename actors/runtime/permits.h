/* permits — which messages a role may send to which other: what a node's key is worth beyond being let in.
 * Pure: a table. An edge is the part that strangers talk to; whoever takes one over must not store, take shards or
 * sign anybody in without a password. */
#ifndef ROOKERY_RUNTIME_PERMITS_H
#define ROOKERY_RUNTIME_PERMITS_H

#include <stdbool.h>

#include "proto/envelope.h"

/* By the roles and the type; and only a room may ask in another's name (reply_to). Unknown types: false. */
bool permits_allow(role_t from, role_t to, const struct envelope *env);

#endif
