/* history_fill — makes a room with a long past, through the server as any people would: lines, edits, reactions,
 * deletes. Knows afterwards how each line must read, and who reacted to it. */
#ifndef ROOKERY_BENCH_HISTORY_FILL_H
#define ROOKERY_BENCH_HISTORY_FILL_H

#include "bench/crowd.h"

enum { HISTORY_AUTHORS = 48, HISTORY_TEXT_BYTES = 150 };

struct history_line {
    uint64_t seq, edit_seq; /* edit_seq 0: as posted */
    uint64_t reacted;       /* a bit for each author whose emoji is under it */
    uint32_t text, version; /* what it says: history_text */
    uint16_t author;
    bool is_deleted, is_busy; /* is_busy: a change of it is under way */
};

struct history {
    struct history_line *lines; /* by message number, from 1 */
    uint32_t line_count;
    uint64_t events, edits, deletes, reactions, refused, retried;
    double seconds;
};

/* Says and changes until the room has `events` events; the crowd is one room of HISTORY_AUTHORS who joined and do not
 * show it. Prints how far it is every few seconds. False: no answer for too long, or a refusal that is final. */
bool history_fill(crowd_t *crowd, uint32_t events, struct history *out);
void history_fini(struct history *self);

_Static_assert(HISTORY_AUTHORS <= 64, "a bit for each");

/* The text of line `text` in this version: always HISTORY_TEXT_BYTES. */
view_t history_text(uint32_t text, uint32_t version, char out[HISTORY_TEXT_BYTES]);

#endif
