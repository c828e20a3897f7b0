/* store_messages — SQL and rows of `event`: the log as it was stored, pages of it, and what deleting does to it. */
#ifndef ROOKERY_PERSIST_STORE_MESSAGES_H
#define ROOKERY_PERSIST_STORE_MESSAGES_H

#include "persist/store.h"

db_status_t store_on_event_get(struct store_call *call);
db_status_t store_on_delta_get(struct store_call *call);
db_status_t store_on_page_get(struct store_call *call);
db_status_t store_on_lines_get(struct store_call *call);
db_status_t store_on_pins_get(struct store_call *call);

/* Within a transaction: the frames of the line at target and of its edits become tombstones: the same events with a
 * nil body. Their MACs stay, so that a repeated request is still known. Search finds it no more. */
db_status_t store_event_erase(db_t *db, uint64_t room, uint64_t target);

/* The newest events of a room up to last_seq, ascending and contiguous, as far as the bounds of a tail allow. */
db_status_t store_event_tail(db_t *db, uint64_t room, uint64_t last_seq, list_writer_t *frames);

/* Whether a row to append says the same as its frame, and is one at all. */
bool store_event_is_sound(const struct rec_append_row *row);

#endif
