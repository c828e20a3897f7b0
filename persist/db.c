#include "persist/db.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <mysql.h>
#include <errmsg.h>
#include <mysqld_error.h>

#include "actors/runtime/log.h"

/* Oracle's client has no my_bool since 8.0.1; MariaDB's has nothing else. */
#if defined(MARIADB_PACKAGE_VERSION_ID) || MYSQL_VERSION_ID < 80001
typedef my_bool db_bool_t;
#else
typedef bool db_bool_t;
#endif

enum {
    CONNECT_S = 3,
    READ_S = 10,
    WRITE_S = 10,
    MIGRATION_READ_S = 600,
    STATEMENTS_MAX = 128,
    OLD_MAX = 8,
    TAG_BYTES = 48,
    COLUMN_BYTES_MIN = 64,
    COLUMN_BYTES_MAX = 16 * 1024, /* of the first buffer; a longer value grows it */
};

struct s_column {
    uint8_t *bytes;
    unsigned long cap, len;
    uint64_t number;
    db_bool_t is_null, error;
};

struct db_stmt {
    char *sql;
    MYSQL_STMT *handle;
    MYSQL_BIND *params, *results;
    struct s_column *columns;
    unsigned param_count, column_count;
    bool has_rows; /* stored and not yet freed */
};

struct db {
    struct db_url url;
    db_use_t use;
    MYSQL *mysql;
    bool is_connected;
    struct db_stmt *stmts[STATEMENTS_MAX];
    size_t stmt_count, stmt_oldest;
    struct db_server server;
    /* Each connection holds a lock named by its own random tag: whoever holds it now is that connection, on whatever
     * server we reach. A connection id alone may be somebody else's after a restart. */
    char tag[TAG_BYTES];
    char old_tags[OLD_MAX][TAG_BYTES];
    size_t old_count;
    uint64_t affected, insert_id;
    unsigned error_number;
    char error[512];
};

static pthread_once_t s_once = PTHREAD_ONCE_INIT;

static void s_library_init(void)
{
    if (mysql_library_init(0, NULL, NULL) != 0)
        log_error("database client library does not start");
}

/* ---- errors --------------------------------------------------------------------------------------------------- */

static db_status_t s_sort(unsigned number)
{
    switch (number) {
    case 0: return DB_OK;
    case ER_LOCK_WAIT_TIMEOUT:
    case ER_LOCK_DEADLOCK:
    case 1020: /* a row changed since it was read; MariaDB with innodb_snapshot_isolation */
        return DB_RETRY;
    case ER_DUP_ENTRY:
    case 1586: /* the same, naming the key */
        return DB_DUPLICATE;
    case CR_CONNECTION_ERROR:
    case CR_CONN_HOST_ERROR:
    case CR_UNKNOWN_HOST:
    case CR_SERVER_GONE_ERROR:
    case CR_SERVER_LOST:
    case CR_SERVER_HANDSHAKE_ERR:
    case CR_SSL_CONNECTION_ERROR:
    case 2055: /* CR_SERVER_LOST_EXTENDED */
    case 4031: /* disconnected for inactivity (MySQL) */
    case 1040: /* too many connections */
    case 1203: /* too many connections of this user */
    case 1226:
    case 1053: /* shutting down */
    case 1077: case 1078: case 1079:
    case 1158: case 1159: case 1160: case 1161: /* network */
    case 1317: /* interrupted */
    case 1927: /* killed (MariaDB) */
    case 1969: case 3024: /* statement took too long */
    case 1290: case 1792: case 1836: case 3100: /* read only */
    case 1021: case 1114: case 28: case 3: case 1026: case 1030: case 1180: case 1181: /* disk full, disk broken */
    case 1041: case 1037: case 1038: /* out of memory */
    case 1047: /* wsrep: node not ready */
    case 1243: case 1615: /* a prepared statement is gone or too old: a new connection has none */
        return DB_AWAY;
    default: return DB_FAILED;
    }
}

/* Whether the connection itself is lost with this error. */
static bool s_is_lost(unsigned number)
{
    return (number >= CR_MIN_ERROR && number <= CR_MAX_ERROR && number != CR_OUT_OF_MEMORY) || number == 4031 ||
           number == 1053 || number == 1153 || number == 1243 || number == 1615 || number == 1927 ||
           (number >= 1158 && number <= 1161);
}

static db_status_t s_note(db_t *self, unsigned number, const char *text)
{
    db_status_t status = s_sort(number);
    self->error_number = number;
    /* A duplicate's text holds the value. */
    snprintf(self->error, sizeof self->error, "%u %s", number, status == DB_DUPLICATE ? "duplicate key" : text);
    if (s_is_lost(number))
        self->is_connected = false;
    return status == DB_OK ? DB_FAILED : status;
}

static db_status_t s_fail(db_t *self)
{
    return s_note(self, mysql_errno(self->mysql), mysql_error(self->mysql));
}

static db_status_t s_fail_stmt(db_t *self, const struct db_stmt *stmt)
{
    return s_note(self, mysql_stmt_errno(stmt->handle), mysql_stmt_error(stmt->handle));
}

const char *db_error(const db_t *self)
{
    return self->error;
}

unsigned db_error_number(const db_t *self)
{
    return self->error_number;
}

/* ---- connect -------------------------------------------------------------------------------------------------- */

err_t db_new(const char *url, db_use_t use, db_t **out)
{
    pthread_once(&s_once, s_library_init);
    *out = NULL;
    db_t *self = calloc(1, sizeof *self);
    if (!self)
        return ERR_NO_MEMORY;
    const char *sentence;
    err_t err = db_url_parse(url, &self->url, &sentence);
    if (err) {
        log_error("%s", sentence);
        free(self);
        return err;
    }
    self->use = use;
    *out = self;
    return ERR_OK;
}

static void s_stmt_destroy(struct db_stmt **self_p)
{
    struct db_stmt *self = *self_p;
    if (!self)
        return;
    for (unsigned i = 0; self->columns && i < self->column_count; i++)
        free(self->columns[i].bytes);
    if (self->handle)
        mysql_stmt_close(self->handle);
    free(self->columns);
    free(self->results);
    free(self->params);
    free(self->sql);
    free(self);
    *self_p = NULL;
}

void db_close(db_t *self)
{
    if (!self->mysql)
        return;
    for (size_t i = 0; i < self->stmt_count; i++)
        s_stmt_destroy(&self->stmts[i]);
    self->stmt_count = self->stmt_oldest = 0;
    mysql_close(self->mysql);
    self->mysql = NULL;
    self->is_connected = false;
}

void db_destroy(db_t **self_p)
{
    assert(self_p);
    db_t *self = *self_p;
    if (!self)
        return;
    db_close(self);
    explicit_bzero(&self->url, sizeof self->url);
    free(self);
    *self_p = NULL;
}

void db_thread_end(void)
{
    mysql_thread_end();
}

bool db_is_connected(const db_t *self)
{
    return self->is_connected;
}

const struct db_server *db_server(const db_t *self)
{
    return &self->server;
}

/* Returns 0 when every option was taken. */
static int s_set_tls(db_t *self)
{
    MYSQL *mysql = self->mysql;
    int bad = 0;
    if (self->url.ca[0])
        bad |= mysql_options(mysql, MYSQL_OPT_SSL_CA, self->url.ca);
#ifdef MARIADB_PACKAGE_VERSION_ID
    db_bool_t enforce = self->url.tls != DB_TLS_OFF, verify = self->url.tls == DB_TLS_VERIFY;
    if (enforce)
        bad |= mysql_options(mysql, MYSQL_OPT_SSL_ENFORCE, &enforce);
    bad |= mysql_options(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
#else
    unsigned mode = self->url.tls == DB_TLS_VERIFY     ? SSL_MODE_VERIFY_IDENTITY
                    : self->url.tls == DB_TLS_REQUIRED ? SSL_MODE_REQUIRED
                                                       : SSL_MODE_PREFERRED;
    bad |= mysql_options(mysql, MYSQL_OPT_SSL_MODE, &mode);
#endif
    return bad;
}

static db_status_t s_open(db_t *self)
{
    self->mysql = mysql_init(NULL);
    if (!self->mysql)
        return s_note(self, CR_OUT_OF_MEMORY, "out of memory");
    unsigned connect_s = CONNECT_S, read_s = self->use == DB_MIGRATION ? MIGRATION_READ_S : READ_S, write_s = WRITE_S;
    unsigned local_infile = 0;
    int bad = mysql_options(self->mysql, MYSQL_OPT_CONNECT_TIMEOUT, &connect_s);
    bad |= mysql_options(self->mysql, MYSQL_OPT_READ_TIMEOUT, &read_s);
    bad |= mysql_options(self->mysql, MYSQL_OPT_WRITE_TIMEOUT, &write_s);
    bad |= mysql_options(self->mysql, MYSQL_OPT_LOCAL_INFILE, &local_infile);
    bad |= mysql_options(self->mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    bad |= s_set_tls(self);
    if (bad)
        return s_note(self, 2000, "the client library refuses an option");
    const struct db_url *url = &self->url;
    if (!mysql_real_connect(self->mysql, url->socket[0] ? NULL : url->host, url->user, url->password,
                            url->database[0] ? url->database : NULL, url->port, url->socket[0] ? url->socket : NULL,
                            CLIENT_FOUND_ROWS))
        return s_fail(self);
    self->is_connected = true;
    return DB_OK;
}

db_status_t db_execute(db_t *self, const char *sql)
{
    if (!self->is_connected)
        return DB_AWAY;
    if (mysql_real_query(self->mysql, sql, (unsigned long)strlen(sql)) != 0)
        return s_fail(self);
    MYSQL_RES *result = mysql_store_result(self->mysql);
    if (result)
        mysql_free_result(result);
    else if (mysql_errno(self->mysql))
        return s_fail(self);
    return DB_OK;
}

db_status_t db_ask(db_t *self, const char *sql, char *value_out, size_t size)
{
    value_out[0] = '\0';
    if (!self->is_connected)
        return DB_AWAY;
    if (mysql_real_query(self->mysql, sql, (unsigned long)strlen(sql)) != 0)
        return s_fail(self);
    MYSQL_RES *result = mysql_store_result(self->mysql);
    if (!result)
        return mysql_errno(self->mysql) ? s_fail(self) : DB_OK;
    MYSQL_ROW row = mysql_fetch_row(result);
    if (row && row[0])
        snprintf(value_out, size, "%s", row[0]);
    mysql_free_result(result);
    return DB_OK;
}

/* A boolean variable as text; MySQL prints 0, MariaDB OFF. */
static bool s_is_off(const char *value)
{
    return strcmp(value, "0") == 0 || strcmp(value, "OFF") == 0;
}

static db_status_t s_ask_server(db_t *self)
{
    struct db_server *server = &self->server;
    char flags[64], uuid[64] = "", group[16] = "", wsrep[16] = "";
    *server = (struct db_server){0};
    db_status_t status = db_ask(self, "SELECT @@version", server->version, sizeof server->version);
    server->is_mariadb = strstr(server->version, "MariaDB") != NULL;
    if (!status)
        status = db_ask(self, "SELECT CONCAT(@@read_only, ' ', @@innodb_read_only, ' ', "
                              "@@innodb_flush_log_at_trx_commit)", flags, sizeof flags);
    if (!status)
        status = db_ask(self, server->is_mariadb ? "SELECT CONCAT(@@hostname, ':', @@port, '/', @@server_id)"
                                                 : "SELECT @@server_uuid", uuid, sizeof uuid);
    if (!status && !server->is_mariadb)
        status = db_ask(self, "SELECT variable_value FROM performance_schema.global_variables "
                              "WHERE variable_name = 'group_replication_single_primary_mode'", group, sizeof group);
    if (status == DB_FAILED && self->is_connected)
        status = DB_OK; /* not every account may look there */
    if (!status && server->is_mariadb)
        status = db_ask(self, "SELECT variable_value FROM information_schema.global_status "
                              "WHERE variable_name = 'WSREP_CLUSTER_SIZE'", wsrep, sizeof wsrep);
    if (status)
        return status;
    char read_only[16], innodb_read_only[16];
    if (sscanf(flags, "%15s %15s %d", read_only, innodb_read_only, &server->flush) != 3)
        return s_note(self, 2000, "the server's variables cannot be read");
    server->is_read_only = !s_is_off(read_only) || !s_is_off(innodb_read_only);
    server->is_multi_primary = strcmp(group, "OFF") == 0;
    server->is_galera = atoi(wsrep) > 1;
    snprintf(server->identity, sizeof server->identity, "%s %s", uuid, server->version);
    return DB_OK;
}

/* Statements that a server of the other make does not know are tried and not insisted on. */
static db_status_t s_set_session(db_t *self)
{
    static const char *const SETTINGS[] = {
        "SET SESSION sql_mode = 'STRICT_TRANS_TABLES,ONLY_FULL_GROUP_BY,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,"
        "NO_ENGINE_SUBSTITUTION'",
        "SET SESSION innodb_lock_wait_timeout = 2",
        "SET SESSION autocommit = 1",
    };
    db_status_t status = DB_OK;
    for (size_t i = 0; !status && i < sizeof SETTINGS / sizeof SETTINGS[0]; i++)
        status = db_execute(self, SETTINGS[i]);
    if (!status)
        status = db_execute(self, self->use == DB_READER ? "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ"
                                                         : "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED");
    /* Frees the rows of a transaction whose process stands still. MySQL has no such setting: see node_locks.h. */
    if (!status && self->server.is_mariadb && self->use != DB_MIGRATION)
        status = db_execute(self, "SET SESSION idle_transaction_timeout = 3");
    if (!status && self->use == DB_READER)
        status = db_execute(self, self->server.is_mariadb ? "SET SESSION max_statement_time = 8"
                                                          : "SET SESSION max_execution_time = 8000");
    return status;
}

static db_status_t s_take_tag(db_t *self)
{
    uint64_t random[2];
    char sql[128], got[8];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return s_note(self, 2000, "no random numbers");
    snprintf(self->tag, sizeof self->tag, "rookery.c.%016" PRIx64 "%016" PRIx64, random[0], random[1]);
    snprintf(sql, sizeof sql, "SELECT GET_LOCK('%s', 0)", self->tag);
    db_status_t status = db_ask(self, sql, got, sizeof got);
    if (status)
        self->tag[0] = '\0';
    return status;
}

db_status_t db_connect(db_t *self)
{
    if (self->tag[0]) { /* the oldest are forgotten: they had their time to be killed */
        if (self->old_count == OLD_MAX)
            memmove(self->old_tags[0], self->old_tags[1], (OLD_MAX - 1) * sizeof self->old_tags[0]);
        else
            self->old_count++;
        memcpy(self->old_tags[self->old_count - 1], self->tag, sizeof self->tag);
        self->tag[0] = '\0';
    }
    db_close(self);
    db_status_t status = s_open(self);
    if (!status)
        status = s_take_tag(self);
    if (!status)
        status = s_ask_server(self);
    if (!status)
        status = s_set_session(self);
    if (!status)
        return DB_OK;
    db_close(self);
    return DB_AWAY; /* also for a wrong password: it may be put right while we run */
}

db_status_t db_kill(db_t *self, const char *id)
{
    char sql[64];
    snprintf(sql, sizeof sql, "KILL CONNECTION %s", id);
    db_status_t status = db_execute(self, sql);
    return status && self->error_number == ER_NO_SUCH_THREAD ? DB_OK : status;
}

db_status_t db_kill_old(db_t *self)
{
    while (self->old_count > 0) {
        char sql[128], id[32];
        snprintf(sql, sizeof sql, "SELECT IS_USED_LOCK('%s')", self->old_tags[self->old_count - 1]);
        db_status_t status = db_ask(self, sql, id, sizeof id);
        if (status)
            return status;
        if (id[0])
            status = db_kill(self, id);
        if (status)
            return status;
        self->old_count--;
    }
    return DB_OK;
}

/* ---- statements ----------------------------------------------------------------------------------------------- */

/* Decimals too: that is what expressions over two kinds of integers are. */
static bool s_is_integer(enum enum_field_types type)
{
    return type == MYSQL_TYPE_TINY || type == MYSQL_TYPE_SHORT || type == MYSQL_TYPE_INT24 ||
           type == MYSQL_TYPE_LONG || type == MYSQL_TYPE_LONGLONG || type == MYSQL_TYPE_NEWDECIMAL;
}

static bool s_bind_columns(struct db_stmt *stmt, MYSQL_RES *meta)
{
    stmt->column_count = mysql_num_fields(meta);
    stmt->columns = calloc(stmt->column_count, sizeof *stmt->columns);
    stmt->results = calloc(stmt->column_count, sizeof *stmt->results);
    if (!stmt->columns || !stmt->results)
        return false;
    for (unsigned i = 0; i < stmt->column_count; i++) {
        const MYSQL_FIELD *field = mysql_fetch_field_direct(meta, i);
        struct s_column *column = &stmt->columns[i];
        MYSQL_BIND *bind = &stmt->results[i];
        bind->is_null = &column->is_null;
        bind->error = &column->error;
        bind->length = &column->len;
        if (s_is_integer(field->type)) {
            bind->buffer_type = MYSQL_TYPE_LONGLONG;
            bind->is_unsigned = 1;
            bind->buffer = &column->number;
            bind->buffer_length = sizeof column->number;
            continue;
        }
        column->cap = field->length < COLUMN_BYTES_MIN   ? COLUMN_BYTES_MIN
                      : field->length > COLUMN_BYTES_MAX ? COLUMN_BYTES_MAX
                                                         : field->length;
        column->bytes = malloc(column->cap);
        if (!column->bytes)
            return false;
        bind->buffer_type = MYSQL_TYPE_BLOB;
        bind->buffer = column->bytes;
        bind->buffer_length = column->cap;
    }
    return mysql_stmt_bind_result(stmt->handle, stmt->results) == 0;
}

static db_status_t s_prepare(db_t *self, const char *sql, struct db_stmt **out)
{
    struct db_stmt *stmt = calloc(1, sizeof *stmt);
    db_status_t status = DB_OK;
    MYSQL_RES *meta = NULL;
    *out = NULL;
    if (!stmt)
        return s_note(self, CR_OUT_OF_MEMORY, "out of memory");
    stmt->sql = strdup(sql);
    stmt->handle = mysql_stmt_init(self->mysql);
    if (!stmt->sql || !stmt->handle) {
        status = s_note(self, CR_OUT_OF_MEMORY, "out of memory");
        goto cleanup;
    }
    if (mysql_stmt_prepare(stmt->handle, sql, (unsigned long)strlen(sql)) != 0) {
        status = s_fail_stmt(self, stmt);
        goto cleanup;
    }
    stmt->param_count = (unsigned)mysql_stmt_param_count(stmt->handle);
    stmt->params = calloc(stmt->param_count + 1, sizeof *stmt->params);
    meta = mysql_stmt_result_metadata(stmt->handle);
    if (!stmt->params || (meta && !s_bind_columns(stmt, meta)))
        status = s_note(self, CR_OUT_OF_MEMORY, "out of memory");
cleanup:
    if (meta)
        mysql_free_result(meta);
    if (status)
        s_stmt_destroy(&stmt);
    *out = stmt;
    return status;
}

static db_status_t s_find(db_t *self, const char *sql, struct db_stmt **out)
{
    for (size_t i = 0; i < self->stmt_count; i++)
        if (strcmp(self->stmts[i]->sql, sql) == 0) {
            *out = self->stmts[i];
            return DB_OK;
        }
    db_status_t status = s_prepare(self, sql, out);
    if (status)
        return status;
    if (self->stmt_count < STATEMENTS_MAX) {
        self->stmts[self->stmt_count++] = *out;
        return DB_OK;
    }
    s_stmt_destroy(&self->stmts[self->stmt_oldest]);
    self->stmts[self->stmt_oldest] = *out;
    self->stmt_oldest = (self->stmt_oldest + 1) % STATEMENTS_MAX;
    return DB_OK;
}

static void s_bind_value(MYSQL_BIND *bind, const struct db_value *value)
{
    *bind = (MYSQL_BIND){0};
    if (value->type == DB_VALUE_U64) {
        bind->buffer_type = MYSQL_TYPE_LONGLONG;
        bind->is_unsigned = 1;
        bind->buffer = (void *)(uintptr_t)&value->number;
        return;
    }
    static const uint8_t NOTHING[1];
    bind->buffer_type = value->type == DB_VALUE_TEXT ? MYSQL_TYPE_STRING : MYSQL_TYPE_BLOB;
    bind->buffer = (void *)(uintptr_t)(value->bytes.len ? value->bytes.bytes : NOTHING);
    bind->buffer_length = (unsigned long)value->bytes.len;
}

static db_status_t s_run(db_t *self, const char *sql, const struct db_value *values, size_t count,
                         struct db_stmt **stmt_out)
{
    if (!self->is_connected)
        return DB_AWAY;
    struct db_stmt *stmt;
    db_status_t status = s_find(self, sql, &stmt);
    if (status)
        return status;
    assert(stmt->param_count == count);
    if (stmt->has_rows) {
        mysql_stmt_free_result(stmt->handle);
        stmt->has_rows = false;
    }
    for (size_t i = 0; i < count; i++)
        s_bind_value(&stmt->params[i], &values[i]);
    if (count && mysql_stmt_bind_param(stmt->handle, stmt->params))
        return s_fail_stmt(self, stmt);
    if (mysql_stmt_execute(stmt->handle) != 0)
        return s_fail_stmt(self, stmt);
    *stmt_out = stmt;
    return DB_OK;
}

db_status_t db_run(db_t *self, const char *sql, const struct db_value *values, size_t count)
{
    struct db_stmt *stmt;
    db_status_t status = s_run(self, sql, values, count, &stmt);
    if (status)
        return status;
    self->affected = mysql_stmt_affected_rows(stmt->handle);
    self->insert_id = mysql_stmt_insert_id(stmt->handle);
    return DB_OK;
}

uint64_t db_affected(const db_t *self)
{
    return self->affected;
}

uint64_t db_insert_id(const db_t *self)
{
    return self->insert_id;
}

db_status_t db_query(db_t *self, const char *sql, const struct db_value *values, size_t count, db_stmt_t **rows_out)
{
    struct db_stmt *stmt;
    db_status_t status = s_run(self, sql, values, count, &stmt);
    if (status)
        return status;
    assert(stmt->column_count > 0);
    if (mysql_stmt_store_result(stmt->handle) != 0)
        return s_fail_stmt(self, stmt);
    stmt->has_rows = true;
    *rows_out = stmt;
    return DB_OK;
}

/* A value longer than its buffer: the buffer grows and the value is read again. */
static bool s_fetch_long(struct db_stmt *stmt)
{
    for (unsigned i = 0; i < stmt->column_count; i++) {
        struct s_column *column = &stmt->columns[i];
        if (!column->bytes || column->is_null || column->len <= column->cap)
            continue;
        uint8_t *bytes = realloc(column->bytes, column->len);
        if (!bytes)
            return false;
        column->bytes = bytes;
        column->cap = column->len;
        stmt->results[i].buffer = bytes;
        stmt->results[i].buffer_length = column->cap;
        if (mysql_stmt_fetch_column(stmt->handle, &stmt->results[i], i, 0) != 0)
            return false;
    }
    return mysql_stmt_bind_result(stmt->handle, stmt->results) == 0;
}

bool db_next(db_stmt_t *rows)
{
    if (!rows->has_rows)
        return false;
    int result = mysql_stmt_fetch(rows->handle);
    if (result == 0)
        return true;
    if (result == MYSQL_DATA_TRUNCATED && s_fetch_long(rows))
        return true;
    mysql_stmt_free_result(rows->handle);
    rows->has_rows = false;
    return false;
}

uint64_t db_get_u64(const db_stmt_t *rows, unsigned column)
{
    assert(column < rows->column_count && !rows->columns[column].bytes);
    return rows->columns[column].is_null ? 0 : rows->columns[column].number;
}

view_t db_get_view(const db_stmt_t *rows, unsigned column)
{
    assert(column < rows->column_count && rows->columns[column].bytes);
    const struct s_column *value = &rows->columns[column];
    return (view_t){.bytes = value->bytes, .len = value->is_null ? 0 : value->len};
}

/* ---- transactions --------------------------------------------------------------------------------------------- */

db_status_t db_begin(db_t *self)
{
    return db_execute(self, "START TRANSACTION");
}

db_status_t db_begin_snapshot(db_t *self)
{
    return db_execute(self, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY");
}

db_status_t db_commit(db_t *self)
{
    if (!self->is_connected)
        return DB_UNKNOWN;
    db_status_t status = db_execute(self, "COMMIT");
    if (status == DB_OK || status == DB_RETRY)
        return status;
    /* Some errors here would mean "not committed", but the look-up that follows costs little and cannot be wrong. */
    self->is_connected = false;
    return DB_UNKNOWN;
}

void db_rollback(db_t *self)
{
    if (self->is_connected && db_execute(self, "ROLLBACK") != DB_OK)
        self->is_connected = false; /* whatever state it is in, the server ends the transaction with the connection */
}
