/* db_impl — what the files of db share: a connection, its statements, and how a failure is noted. Nobody else includes
 * it. db.c connects and runs plain statements and transactions, db_stmt.c prepared ones, db_error.c sorts errors. */
#ifndef ROOKERY_PERSIST_DB_IMPL_H
#define ROOKERY_PERSIST_DB_IMPL_H

#include "persist/db.h"

#include <mysql.h>

/* Oracle's client has no my_bool since 8.0.1; MariaDB's has nothing else. */
#if defined(MARIADB_PACKAGE_VERSION_ID) || MYSQL_VERSION_ID < 80001
typedef my_bool db_bool_t;
#else
typedef bool db_bool_t;
#endif

enum { DB_STATEMENTS_MAX = 128, DB_OLD_MAX = 8, DB_TAG_BYTES = 48 };

struct db_column {
    uint8_t *bytes;
    unsigned long cap, len;
    uint64_t number;
    db_bool_t is_null, error;
};

struct db_stmt {
    char *sql;
    MYSQL_STMT *handle;
    MYSQL_BIND *params, *results;
    struct db_column *columns;
    unsigned param_count, column_count;
    bool has_rows; /* stored and not yet freed */
};

struct db {
    struct db_url url;
    db_use_t use;
    MYSQL *mysql;
    bool is_connected;
    struct db_stmt *stmts[DB_STATEMENTS_MAX];
    size_t stmt_count, stmt_oldest;
    struct db_server server;
    /* Each connection holds a lock named by its own random tag: whoever holds it now is that connection, on whatever
     * server we reach. A connection id alone may be somebody else's after a restart. */
    char tag[DB_TAG_BYTES];
    char old_tags[DB_OLD_MAX][DB_TAG_BYTES];
    size_t old_count;
    uint64_t affected, insert_id;
    unsigned error_number;
    char error[512];
};

/* What to do about the client's or server's error number; 0 is DB_OK. */
db_status_t db_sort(unsigned number);
/* Whether the connection itself is lost with this error. */
bool db_is_lost(unsigned number);
/* Keeps number and text for db_error; the connection counts as lost if it is. Never DB_OK. */
db_status_t db_note(db_t *self, unsigned number, const char *text);
db_status_t db_fail(db_t *self); /* the same, of the connection's last error */

void db_stmt_destroy(struct db_stmt **self_p);

#endif
