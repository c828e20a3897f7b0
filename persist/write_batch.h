/* write_batch — one thread that writes events: one transaction for all batches that came during the last one (natural
 * group commit: nobody waits for a timer), answered after its commit.
 *
 * Owns its connection. While the database is away it keeps the batch it has, lets others wait in the bounded queue and
 * answers nobody: an answer before the outcome is known would be a guess. Room actors refuse new lines by their own
 * clocks. A batch that makes its transaction fail is run alone, so that it harms no other. */
#ifndef ROOKERY_PERSIST_WRITE_BATCH_H
#define ROOKERY_PERSIST_WRITE_BATCH_H

#include "persist/connection.h"
#include "persist/search_indexer.h"
#include "persist/work.h"

typedef struct write_batch write_batch_t;

/* own: address of the persist actor. Starts the thread. Borrows the url, queue, answers and indexer, which is told
 * of rooms with new events (NULL: nobody is). NULL, with a line in the log: bad url, no memory, no thread. */
write_batch_t *write_batch_new(const char *url, address_t own, work_queue_t *queue, answers_t *answers,
                               search_indexer_t *indexer, atomic_int *up_count);
/* After work_queue_close: waits at most wait_ms for the thread to finish what it has. False: it did not, and everything
 * it uses must be left alone. */
bool write_batch_join(write_batch_t *self, int wait_ms);
void write_batch_destroy(write_batch_t **self_p); /* after a join */

#endif
