/* blob_pool — the threads that move files: pieces into the database and out of it, on connections of their own, so that
 * a large file makes neither a commit nor a question wait; after each piece they rest. One of them also sweeps up what was given up. */
#ifndef ROOKERY_PERSIST_BLOB_POOL_H
#define ROOKERY_PERSIST_BLOB_POOL_H

#include "persist/store_files.h"

enum { BLOB_WORKERS = 2 };

typedef struct blob_pool blob_pool_t;

/* Like query_pool_new; ages: when what nobody goes on with is swept. NULL, with a line in the log: bad url, no memory, no thread. */
blob_pool_t *blob_pool_new(const char *url, address_t own, const struct files_ages *ages, work_queue_t *queue,
                           answers_t *answers, atomic_int *up_count);
/* After work_queue_close; see write_batch.h. */
bool blob_pool_join(blob_pool_t *self, int wait_ms);
void blob_pool_destroy(blob_pool_t **self_p);

#endif
