/* search_index — SQL and rows of `search_head`, `search_doc` and `search_term`: what search finds lines by.
 *
 * Made from the log and kept behind it: a step takes the next events of one room in a transaction of its own, under a
 * lock on the room's head in the index, so that two persist nodes never do the same work. Erasing is the other way
 * round: in the transaction that makes the tombstone. A step locks the lines it reads (shared), so it either comes
 * before the tombstone, which then takes its rows away, or sees it. Runs on: the thread of its connection. */
#ifndef ROOKERY_PERSIST_SEARCH_INDEX_H
#define ROOKERY_PERSIST_SEARCH_INDEX_H

#include "persist/db.h"
#include "proto/search_text.h"

enum {
    SEARCH_STEP_EVENTS_MAX = 128,
    SEARCH_STEP_BYTES_MAX = 32 * 1024, /* of their frames: a step is short, for erasing waits for it */
    SEARCH_LAGGING_MAX = 256,
};

typedef struct search_index search_index_t;

search_index_t *search_index_new(void); /* NULL: no memory. About 700 KiB */
void search_index_destroy(search_index_t **self_p);

/* One transaction. count_out: events taken; more_out: there are further ones. */
db_status_t search_index_step(search_index_t *self, db_t *db, uint64_t room, size_t *count_out, bool *more_out);

/* Rooms whose log is not in the index, some of them, and how many events all rooms lack. */
db_status_t search_index_lagging(db_t *db, uint64_t rooms_out[SEARCH_LAGGING_MAX], size_t *count_out, uint64_t *lag_out);

/* The terms of a row of search_doc, ascending; gives how many. */
size_t search_index_terms(view_t bytes, uint32_t terms_out[LIM_SEARCH_TERMS_MAX]);

/* Within the transaction that erases the line: nothing in the index stems from it any more. */
db_status_t search_index_erase(db_t *db, uint64_t room, uint64_t seq);

/* What an event of a line or of its edit says. False: nothing (any more). Borrows the frame. */
bool search_event_text(view_t frame, view_t *text_out);
/* line: the frame of a line, text: what it says now. If it shows files, text becomes itself and their names, a line for
 * each, in scratch. */
void search_add_names(view_t line, uint8_t scratch[LIM_SEARCH_TEXT_BYTES_MAX], view_t *text);

#endif
