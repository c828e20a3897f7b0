/* db — one connection to MariaDB or MySQL: connect, prepared statements, errors sorted by what to do about them.
 * The only box that names mysql.h: db.c connects, db_stmt.c runs prepared statements, db_error.c sorts errors. It
 * compiles against MariaDB's client library and Oracle's.
 *
 * Runs on: one thread at a time. Blocks: at most 3 s to connect, 10 s a read or a write. A connection that failed is
 * closed by the next db_connect; nothing reconnects behind the caller's back, since that would drop a transaction. */
#ifndef ROOKERY_PERSIST_DB_H
#define ROOKERY_PERSIST_DB_H

#include "persist/db_url.h"
#include "proto/codec.h"

typedef struct db db_t;
typedef struct db_stmt db_stmt_t;

typedef enum {
    DB_OK,
    DB_RETRY,     /* a lock was not to be had: the transaction is rolled back, run it again */
    DB_AWAY,      /* no connection, or a server that cannot write now */
    DB_UNKNOWN,   /* of db_commit only: lost on the way */
    DB_DUPLICATE, /* a unique key is there already; only the statement failed */
    DB_FAILED,    /* our bug, or a schema that is not ours */
} db_status_t;

typedef enum {
    DB_WRITER,    /* READ COMMITTED */
    DB_READER,    /* REPEATABLE READ, so that a read-only transaction is one snapshot; statements end after 8 s */
    DB_MIGRATION, /* as a writer, and long statements may take their time */
} db_use_t;

/* What stands at the other end. */
struct db_server {
    char identity[192]; /* changes when another server answers */
    char version[64];
    bool is_mariadb, is_read_only, is_multi_primary;
    bool is_galera;
    int flush; /* innodb_flush_log_at_trx_commit */
};

/* ERR_OUT_OF_RANGE (a sentence is logged) or ERR_NO_MEMORY. Does not connect. */
err_t db_new(const char *url, db_use_t use, db_t **out);
void db_destroy(db_t **self_p);
/* In each thread that used a db_t, before it ends. */
void db_thread_end(void);

/* Closes what is open and connects. DB_OK, DB_AWAY (whatever the reason; see db_error) or DB_FAILED. */
db_status_t db_connect(db_t *self);
void db_close(db_t *self);
bool db_is_connected(const db_t *self); /* as far as is known without asking */
const struct db_server *db_server(const db_t *self); /* of the last good db_connect */
/* Ends on the server the connections that earlier db_connects replaced, if they still are there. */
db_status_t db_kill_old(db_t *self);
/* Ends the connection with this id; DB_OK if it is gone already. Its transaction is rolled back soon after. */
db_status_t db_kill(db_t *self, const char *id);
/* The last failure as one line for the log: number and text, without values. */
const char *db_error(const db_t *self);
unsigned db_error_number(const db_t *self);

/* A parameter. Bytes are borrowed until db_run or db_query returns. */
struct db_value {
    enum { DB_VALUE_U64, DB_VALUE_BYTES, DB_VALUE_TEXT } type;
    uint64_t number;
    view_t bytes;
};
static inline struct db_value db_u64(uint64_t number)
{
    return (struct db_value){.type = DB_VALUE_U64, .number = number};
}
static inline struct db_value db_bytes(view_t bytes)
{
    return (struct db_value){.type = DB_VALUE_BYTES, .bytes = bytes};
}
static inline struct db_value db_text(view_t text)
{
    return (struct db_value){.type = DB_VALUE_TEXT, .bytes = text};
}

/* Prepared, kept for the life of the connection. sql is a fixed text of ours with a ? for each value. */
db_status_t db_run(db_t *self, const char *sql, const struct db_value *values, size_t count);
uint64_t db_affected(const db_t *self);  /* rows matched by the last db_run (CLIENT_FOUND_ROWS) */
uint64_t db_insert_id(const db_t *self); /* LAST_INSERT_ID of the last db_run */

/* The rows are read whole, so other statements may run before they are used up. They live until the same sql is run
 * again. */
db_status_t db_query(db_t *self, const char *sql, const struct db_value *values, size_t count, db_stmt_t **rows_out);
bool db_next(db_stmt_t *rows); /* false: no more, or db_rows_failed */
/* Columns of the current row, from 0. Views are borrowed until the next db_next. NULL reads as 0 and as nothing. */
uint64_t db_get_u64(const db_stmt_t *rows, unsigned column);
view_t db_get_view(const db_stmt_t *rows, unsigned column);

/* A statement without parameters or rows that cannot be prepared or is used once. */
db_status_t db_execute(db_t *self, const char *sql);
/* Its first column of its first row as text, or empty. */
db_status_t db_ask(db_t *self, const char *sql, char *value_out, size_t size);

db_status_t db_begin(db_t *self);
db_status_t db_begin_snapshot(db_t *self); /* DB_READER: consistent, read only */
db_status_t db_commit(db_t *self);         /* DB_OK, DB_RETRY, DB_UNKNOWN */
void db_rollback(db_t *self);

#endif
