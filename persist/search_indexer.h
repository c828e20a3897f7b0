/* search_indexer — one thread that keeps the search index behind the log (search_index.h), with a connection of its own.
 *
 * It is told of rooms with new events by the writer of its process, after their commit; and every few seconds one of
 * all persist nodes, the one with a named lock of the server, looks for rooms that lack something, whoever wrote to them
 * or failed, and sets rookery_search_lag_events. While there is much to do it rests as long as it works, so that the
 * posts of people have the database for at least half of the time.
 * Bounds: SEARCH_HINTS_MAX rooms told of; what is beyond is found by the next look. */
#ifndef ROOKERY_PERSIST_SEARCH_INDEXER_H
#define ROOKERY_PERSIST_SEARCH_INDEXER_H

#include "persist/connection.h"

enum { SEARCH_HINTS_MAX = 1024 };

typedef struct search_indexer search_indexer_t;

/* own: address of the persist actor. Starts the thread. Borrows the url. NULL, with a line in the log: bad url, no
 * memory, no thread. */
search_indexer_t *search_indexer_new(const char *url, address_t own);
void search_indexer_close(search_indexer_t *self); /* it ends after the step it is at */
/* After the closing: waits at most wait_ms. False: it did not end, and everything it uses must be left alone. */
bool search_indexer_join(search_indexer_t *self, int wait_ms);
void search_indexer_destroy(search_indexer_t **self_p); /* after a join */

/* {any thread} The room has new events. */
void search_indexer_hint(search_indexer_t *self, uint64_t room);

#endif
