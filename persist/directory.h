/* directory — which nodes run, and which of them owns which shard (DESIGN.md 4). Every change of a lease compares the
 * epoch that was read and raises it by one; the row lock waits for a batch that is being committed under the old one.
 *
 * A node is declared dead by somebody who has himself seen the same beat for LIM_LEASE_DEAD_MS of his own time: no two
 * clocks are ever compared.
 *
 * Room nodes own equal shares: DIR_TAKE never gives a node more than 256 by the number of room nodes that live, the
 * remainder to the first of them. Who owns more, because others came later, hands over by DIR_GIVE when asked. */
#ifndef ROOKERY_PERSIST_DIRECTORY_H
#define ROOKERY_PERSIST_DIRECTORY_H

#include "persist/store.h"

enum { NODE_LIVE = 1, NODE_DEAD = 2 };

db_status_t directory_on_hello(struct store_call *call);
db_status_t directory_on_beat(struct store_call *call);
db_status_t directory_on_take(struct store_call *call);
db_status_t directory_on_release(struct store_call *call);
db_status_t directory_on_give(struct store_call *call);
db_status_t directory_on_leases_get(struct store_call *call);
db_status_t directory_on_nodes_get(struct store_call *call);
db_status_t directory_on_key_add(struct store_call *call);

/* The same for the node that runs the directory itself: its row, and its beat; entering also ends the database
 * connections of its former boot. *fenced_out: declared dead. */
db_status_t directory_enter(db_t *db, uint64_t node, uint64_t nonce, uint32_t roles, view_t endpoint);
db_status_t directory_beat(db_t *db, uint64_t node, uint64_t nonce, uint64_t *beat_out, bool *fenced_out);

/* Watches the beats. One for each control worker, on its thread. */
struct directory_watch {
    struct watched_node {
        uint64_t node, nonce, beat;
        int64_t since_ms; /* first seen so */
        int64_t seen_ms;
        bool is_dead, is_ended; /* by its row; and its database connections are ended */
    } nodes[LIM_NODES_MAX];
    size_t count;
    int64_t looked_ms;
};

/* Looks at all beats, declares dead who has not moved, and ends the database connections of the dead (node_locks.h);
 * never of `own`. To be called each second or more often: after a longer pause
 * it starts anew, since a database that was away kept every node from beating. */
db_status_t directory_look(struct directory_watch *watch, db_t *db, uint64_t own, int64_t now_ms);

#endif
