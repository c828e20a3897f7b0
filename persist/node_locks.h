/* node_locks — which connections are whose: each holds a named lock of the server (GET_LOCK) that says node, boot and a
 * number. Whoever holds the lock now is that connection, on whatever server we reach; it ends with the connection, and
 * nothing is written down that could be out of date.
 *
 * With it a persist node that stands still inside a transaction is ended by its peers, who would else wait for its row
 * locks: MariaDB has idle_transaction_timeout for that, MySQL has nothing. Peers use the same account, so KILL needs no
 * privilege of its own. */
#ifndef ROOKERY_PERSIST_NODE_LOCKS_H
#define ROOKERY_PERSIST_NODE_LOCKS_H

#include "persist/db.h"

/* Registers this connection, which has a database, as one of the node's boot. All numbers in use: it is not
 * registered, with a line in the log. */
db_status_t node_locks_take(db_t *db, uint64_t node, uint64_t nonce);
/* Ends every connection of the node's boot; nothing there is DB_OK. Adds their count to *killed_out. */
db_status_t node_locks_kill(db_t *db, uint64_t node, uint64_t nonce, unsigned *killed_out);

#endif
