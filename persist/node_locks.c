#include "persist/node_locks.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/runtime/log.h"

enum {
    NUMBERS = 64, /* of one boot: a writer, a control worker, at most 32 readers, three for search, and those they replaced */
    SQL_BYTES = 16 * 1024,
    IDS_BYTES = NUMBERS * 21,
    KILL_DENIED = 1095,
};

struct s_sql {
    char text[SQL_BYTES];
    size_t len;
};

static void s_add(struct s_sql *self, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void s_add(struct s_sql *self, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    int len = vsnprintf(self->text + self->len, sizeof self->text - self->len, format, values);
    va_end(values);
    self->len += len > 0 ? (size_t)len : 0;
    if (self->len >= sizeof self->text)
        self->len = sizeof self->text - 1;
}

/* Locks are the whole server's, so the name says which database; MySQL takes 64 characters at most. */
static void s_add_name(struct s_sql *self, uint64_t node, uint64_t nonce, unsigned number)
{
    s_add(self, "CONCAT('rookery.n.', CRC32(DATABASE()), '.%" PRIx64 ".%" PRIx64 ".%u')", node, nonce, number);
}

db_status_t node_locks_take(db_t *db, uint64_t node, uint64_t nonce)
{
    struct s_sql sql = {.len = 0};
    char got[8];
    s_add(&sql, "SELECT CASE"); /* the first that is free, and no further */
    for (unsigned i = 0; i < NUMBERS; i++) {
        s_add(&sql, " WHEN GET_LOCK(");
        s_add_name(&sql, node, nonce, i);
        s_add(&sql, ", 0) = 1 THEN 1");
    }
    s_add(&sql, " ELSE 0 END");
    db_status_t status = db_ask(db, sql.text, got, sizeof got);
    if (!status && strcmp(got, "1") != 0)
        log_warn("a database connection is not registered: peers cannot end it");
    return status;
}

static db_status_t s_kill(db_t *db, const char *id)
{
    db_status_t status = db_kill(db, id);
    if (!status || db_error_number(db) != KILL_DENIED)
        return status;
    log_warn("a dead node's database connection is another account's and is left to itself: %s", db_error(db));
    return DB_OK;
}

db_status_t node_locks_kill(db_t *db, uint64_t node, uint64_t nonce, unsigned *killed_out)
{
    struct s_sql sql = {.len = 0};
    char ids[IDS_BYTES], *rest;
    s_add(&sql, "SELECT CONCAT_WS(' '"); /* which leaves out what is NULL: a lock that nobody holds */
    for (unsigned i = 0; i < NUMBERS; i++) {
        s_add(&sql, ", IS_USED_LOCK(");
        s_add_name(&sql, node, nonce, i);
        s_add(&sql, ")");
    }
    s_add(&sql, ")");
    db_status_t status = db_ask(db, sql.text, ids, sizeof ids);
    for (char *id = strtok_r(ids, " ", &rest); !status && id; id = strtok_r(NULL, " ", &rest)) {
        status = s_kill(db, id);
        *killed_out += !status;
    }
    return status;
}
