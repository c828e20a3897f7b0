/* query_pool — threads that answer questions, each with a connection of its own, from one bounded queue: any free one
 * takes the next. A thread without a connection takes none; the actor refuses what waits too long. */
#ifndef ROOKERY_PERSIST_QUERY_POOL_H
#define ROOKERY_PERSIST_QUERY_POOL_H

#include "persist/store.h"

typedef struct query_pool query_pool_t;

/* own: address of the persist actor. Starts count threads. Borrows the url, queue and answers. NULL, with a line in the log: bad url, no memory, no
 * thread. */
query_pool_t *query_pool_new(const char *url, address_t own, size_t count, work_queue_t *queue, answers_t *answers,
                             atomic_int *up_count);
/* After work_queue_close; see write_batch.h. */
bool query_pool_join(query_pool_t *self, int wait_ms);
void query_pool_destroy(query_pool_t **self_p);

#endif
