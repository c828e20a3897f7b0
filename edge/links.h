/* links — the actors an edge talks to: where they are, which of them owns a room or a user, and what the directory
 * and accounts tell every node: keys, leases, revoked sessions.
 *
 * Of several persist or accounts nodes any will do: one is asked until it is silent or gone (providers.h).
 *
 * Runs on: the thread of its edge.   Bounds: LIM_SHARDS leases.   While the directory cannot be reached the last
 * known owners are used; revocations older than LIM_REVOCATION_STALE_MS refuse newcomers (auth.h). */
#ifndef ROOKERY_EDGE_LINKS_H
#define ROOKERY_EDGE_LINKS_H

#include "actors/runtime/actor.h"

struct edge;
struct links;

struct links *links_new(struct edge *edge);
void links_destroy(struct links **self_p);
/* Connects to every actor of the topology and asks for what is needed. */
err_t links_start(struct links *self);

address_t links_persist(const struct links *self);
address_t links_persist_at(const struct links *self, uint64_t index); /* each of those that are known; 0: no more */
address_t links_accounts(const struct links *self);
bool links_accounts_is_up(const struct links *self);
address_t links_owner(const struct links *self, uint64_t key); /* 0: not known (yet) */
address_t links_shard(const struct links *self, size_t shard, uint64_t *epoch_out); /* its owner as last heard of; 0: nobody */
/* False: the frame comes from an owner that lost the shard since. A higher epoch makes us ask the directory. */
bool links_is_current(struct links *self, uint64_t key, uint64_t epoch);
void links_want_leases(struct links *self);
void links_on_peer(struct links *self, address_t peer, peer_event_t event);
void links_on_tick(struct links *self);

/* What readiness lacks: "persist", "keys", "accounts", "leases"; NULL: nothing. */
const char *links_missing(const struct links *self);

#endif
