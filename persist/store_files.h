/* store_files — SQL and rows of `attachment` and `blob_chunk`: files that people upload and show in lines.
 *
 * A file is uploaded in pieces of LIM_FILE_CHUNK_BYTES, each a transaction of its own. When a line is to show it, it is
 * kept for that line (a claim), and the transaction that stores the line binds it. What is given up — an upload that
 * was cut, a file that no line shows, a line that was deleted — has the state GONE: nobody can read it from then on,
 * and store_files_sweep takes its pieces away, some at a time, also after a crash. */
#ifndef ROOKERY_PERSIST_STORE_FILES_H
#define ROOKERY_PERSIST_STORE_FILES_H

#include "persist/store.h"

enum { FILE_INCOMING = 0, FILE_WHOLE = 1, FILE_SHOWN = 2, FILE_GONE = 3 }; /* attachment.state */

enum {
    FILES_SWEEP_PIECES = 16, /* of one statement: 2 MiB */
    FILES_SWEEP_ROWS = 64,
};

db_status_t store_on_file_begin(struct store_call *call);
db_status_t store_on_file_chunk(struct store_call *call);
db_status_t store_on_file_end(struct store_call *call);
db_status_t store_on_file_drop(struct store_call *call);
db_status_t store_on_file_get(struct store_call *call);
db_status_t store_on_files_claim(struct store_call *call);

/* Within the transaction that would store the SHARED event: is a file of it not kept for it (any more)? What is there
 * cannot go before the end. */
db_status_t store_files_look_up(db_t *db, const struct rec_append_row *row, bool *missing_out);

/* Within the transaction that stores the event: SHARED binds its files, DELETED gives those of its line up. Others:
 * nothing. */
db_status_t store_files_apply(db_t *db, const struct rec_append_row *row);

struct files_ages {
    int64_t unfinished_ms; /* an upload without a further piece */
    int64_t unposted_ms;   /* a whole file that no line shows */
};

/* One step: gives up what is older at now_ms (UTC), takes some pieces of one file away. more_out: there is more. */
db_status_t store_files_sweep(db_t *db, const struct files_ages *ages, int64_t now_ms, bool *more_out);

#endif
