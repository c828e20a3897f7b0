/* connection — a db_t of one thread, with what must hold before it is used: a server that may be written to, a schema
 * that is this binary's, the same server as before. Says in the log what changed, once. */
#ifndef ROOKERY_PERSIST_CONNECTION_H
#define ROOKERY_PERSIST_CONNECTION_H

#include <stdatomic.h>

#include "persist/db.h"
#include "proto/address.h"

struct connection {
    db_t *db;
    const char *name;     /* "writer", for the log; borrowed */
    db_use_t use;
    address_t owner;
    atomic_int *up_count; /* of open connections of this kind, for the actor */
    bool is_up, was_down_said, was_warned;
    char identity[192];   /* of the server before */
};

/* owner: the persist actor of this boot, under which the connection is registered (node_locks.h). ERR_OUT_OF_RANGE for
 * a bad url, ERR_NO_MEMORY. Does not connect. */
err_t connection_init(struct connection *self, const char *url, db_use_t use, const char *name, address_t owner,
                      atomic_int *up_count);
void connection_fini(struct connection *self);
/* DB_OK: open, checked, and nothing is left of the one before. */
db_status_t connection_open(struct connection *self);
/* To be called when a statement said DB_AWAY or DB_UNKNOWN. */
void connection_lost(struct connection *self);
bool connection_is_up(const struct connection *self);

#endif
