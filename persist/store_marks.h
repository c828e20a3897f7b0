/* store_marks — SQL and rows of `reaction`, `pin` and `mention`: what follows from events that hang something on lines,
 * or call people, and the questions about it. The rules of the fold are proto/marks.h's. */
#ifndef ROOKERY_PERSIST_STORE_MARKS_H
#define ROOKERY_PERSIST_STORE_MARKS_H

#include "persist/store.h"

/* Within a transaction that holds the room's head: what follows from an event of one of these kinds: SAID, SHARED, EDITED,
 * REVISED, DELETED, REACTED, PINNED. Others: nothing. */
db_status_t store_marks_apply(db_t *db, const struct rec_append_row *row);

/* One line's `marks` message, appended to out; nothing if nothing hangs on it. with_mentions: also whom it calls. */
db_status_t store_marks_of_line(db_t *db, uint64_t room, uint64_t line, bool with_mentions, buffer_t *out);

/* The `marks` of lines. Either of all with low ≤ seq ≤ high, or (seqs not NULL) of these, at most LIM_LINES_GET_MAX. Of
 * one moment; each is appended to out and told to found, in ascending seq. */
struct marks_query {
    uint64_t room, low, high;
    const uint64_t *seqs;
    size_t seq_count;
    buffer_t *out;
    void *self;
    void (*found)(void *self, uint64_t line, size_t at, size_t len);
};
db_status_t store_marks_read(db_t *db, const struct marks_query *query);

db_status_t store_on_mentions_get(struct store_call *call);

/* "?, ?, …" of LIM_LINES_GET_MAX, and its values: the seqs, the last one repeated. */
#define STORE_Q8_ "?,?,?,?,?,?,?,?"
#define STORE_LINES_Q STORE_Q8_ "," STORE_Q8_ "," STORE_Q8_ "," STORE_Q8_ "," STORE_Q8_ "," STORE_Q8_ "," STORE_Q8_ "," STORE_Q8_
void store_lines_values(const uint64_t *seqs, size_t count, struct db_value values_out[LIM_LINES_GET_MAX]);

#endif
