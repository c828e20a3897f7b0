/* sized_sql — one statement over many rows, prepared in the powers of two up to 256: any number of rows goes out as a few
 * statements, a question is padded to less than twice its size, and the server parses nine texts once. (With the sizes
 * 1, 8, 64, 256 a batch of 100 rows took nine inserts, and looked up 256 ids.) Owned by one thread. */
#ifndef ROOKERY_PERSIST_SIZED_SQL_H
#define ROOKERY_PERSIST_SIZED_SQL_H

#include "persist/db.h"

enum { SIZED_COUNT = 9, SIZED_ROWS_MAX = 256 };

/* Zero-initialise but for the four texts; head item joiner item … tail. */
struct sized_sql {
    const char *head, *first, *item, *joiner, *tail; /* first: the first item, if it reads otherwise; or NULL */
    char *texts[SIZED_COUNT];
};

void sized_sql_fini(struct sized_sql *self);

/* Runs it over all items of width values each, in as many statements as it takes; affected_out (may be NULL) is the
 * sum. */
db_status_t sized_run(struct sized_sql *self, db_t *db, const struct db_value *values, size_t width, size_t count,
                      uint64_t *affected_out);

/* For questions: runs it once over at most SIZED_ROWS_MAX items, padding with the last one; values must have room for
 * SIZED_ROWS_MAX items. */
db_status_t sized_query(struct sized_sql *self, db_t *db, struct db_value *values, size_t width, size_t count,
                        db_stmt_t **rows_out);
#endif
