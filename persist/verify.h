/* verify — reads every room's log, folds it, and compares what comes out with the tables that follow from it: heads,
 * members, read pointers, who is muted or banned, reactions, pins, mentions, files with their bytes, and what search
 * finds lines by. Changes nothing. Each room is read in one snapshot, so it works while the server writes.
 *
 * Bounds: pages of rows, the members of one room, the marks of one line; not the length of a log. Blocks. */
#ifndef ROOKERY_PERSIST_VERIFY_H
#define ROOKERY_PERSIST_VERIFY_H

#include <stdio.h>

#include "actors/runtime/config.h"
#include "proto/errors.h"

enum {
    VERIFY_FAULTS_SHOWN = 100,   /* lines printed for one room; the others are counted */
    VERIFY_EXIT_FAULTS = 1,
    VERIFY_EXIT_AWAY = 69,       /* no database, or it went away: nothing is said about the rest */
    VERIFY_EXIT_SCHEMA = 78,     /* not the schema of this binary */
};

struct verify_report {
    uint64_t rooms, events, lines, members;
    uint64_t faults;
    uint64_t faulty_rooms;
    uint64_t indexed_lines; /* that search knows, compared */
    uint64_t not_indexed;  /* events that search has not come to: lines they change are not compared with it */
    uint64_t not_compared; /* rooms with kinds of events that this binary does not know: members are not compared */
};

/* One line on out for each fault: "room R seq S: sentence"; seq 0: of the room as a whole. progress: a line every few
 * seconds; NULL: none. ERR_OK also with faults; ERR_DATABASE: unfinished, after a sentence on out; ERR_VERSION: the
 * schema is another, likewise; ERR_NO_MEMORY. */
err_t verify_run(const char *url, FILE *out, FILE *progress, struct verify_report *report_out);

/* `rookery verify`. The exit status: 0 clean, or one of the above. */
int verify_main(const struct config *config);

#endif
