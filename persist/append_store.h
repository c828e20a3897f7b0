/* append_store — the commit rules' store (commit.h) over a database connection: the SQL of the fenced transaction.
 * Runs on: the writer's thread. */
#ifndef ROOKERY_PERSIST_APPEND_STORE_H
#define ROOKERY_PERSIST_APPEND_STORE_H

#include "persist/commit.h"
#include "persist/connection.h"

typedef struct append_store append_store_t;

/* Borrows the connection. NULL: no memory. */
append_store_t *append_store_new(struct connection *connection);
void append_store_destroy(append_store_t **self_p);
const struct commit_store *append_store_functions(append_store_t *self); /* borrowed */

#endif
