/* store — how questions to the database are answered: a table of handlers, one for each message, run by a worker with
 * a connection of its own. A handler only reads its message, runs SQL and fills its answer; what an error of the
 * database means for the asker is decided here, once.
 *
 * Handlers may run again after a failure, and an asker may repeat its question: every write is idempotent. */
#ifndef ROOKERY_PERSIST_STORE_H
#define ROOKERY_PERSIST_STORE_H

#include "persist/connection.h"
#include "persist/sized_sql.h"
#include "persist/work.h"
#include "proto/messages.h"

/* One question at work. */
struct store_call {
    db_t *db;
    const struct envelope *env;
    struct msg ask;    /* views of the job */
    struct msg answer; /* to be filled in, unless error */
    err_t error;       /* refuses: ERR with this code */
    uint32_t retry_ms; /* and this; 0 at the beginning */
    list_writer_t list, more; /* for lists of the answer; empty at the beginning */
    buffer_t scratch;  /* for texts of the answer that a row does not keep; empty at the beginning */
};

/* DB_OK: answer or error are filled in. Else what was begun is rolled back and run again, or refused. */
typedef db_status_t (*store_handler_t)(struct store_call *call);

typedef enum { STORE_READ, STORE_WRITE, STORE_FIND, STORE_BLOB } store_kind_t; /* pool, control worker, searchers, files */

struct store_row {
    uint16_t type;
    store_kind_t kind;
    store_handler_t handler;
};

/* NULL: not a question to a store. */
const struct store_row *store_row(uint16_t type);

typedef struct store_worker store_worker_t;

/* A thread's means: borrows the connection. NULL: no memory or no socket. */
store_worker_t *store_worker_new(struct connection *connection, answers_t *answers);
void store_worker_destroy(store_worker_t **self_p);
/* Answers the job, whatever happens. False: the connection is lost. */
bool store_worker_run(store_worker_t *self, const struct job *job);

/* For handlers: a transaction around body. */
db_status_t store_in_transaction(struct store_call *call, store_handler_t body);
/* Fills in the answers that many share. */
db_status_t store_answer_ok(struct store_call *call, uint64_t value);
db_status_t store_refuse(struct store_call *call, err_t code);

#endif
