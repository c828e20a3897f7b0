/* rows — the database beside the server: counts what was stored, and measures how fast the database takes rows when
 * nobody stands between. */
#ifndef ROOKERY_BENCH_ROWS_H
#define ROOKERY_BENCH_ROWS_H

#include <sys/types.h>

#include "persist/db.h"

enum { INSERT_ROWS_MAX = 256 };

/* Lines stored, in all rooms. */
bool rows_count_lines(db_t *db, uint64_t *count_out);

/* Transactions committed since the database started; 0: it does not tell (MySQL keeps it elsewhere). */
uint64_t rows_commits(db_t *db);

struct insert_figures {
    uint32_t rows; /* of one statement, which is one transaction */
    double rows_per_s, commit_ms[2]; /* p50, p99 */
    double mariadb_us_per_row;
};

/* Inserts into a table like `event` on one connection for that long. */
bool rows_measure_inserts(db_t *db, pid_t mariadb, uint32_t rows, double seconds, struct insert_figures *out);

#endif
