#include "persist/db_impl.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <errmsg.h>
#include <mysqld_error.h>

#include "actors/runtime/log.h"

enum { CONNECT_S = 3, READ_S = 10, WRITE_S = 10, MIGRATION_READ_S = 600 };

static pthread_once_t s_once = PTHREAD_ONCE_INIT;

static void s_library_init(void)
{
    if (mysql_library_init(0, NULL, NULL) != 0)
        log_error("database client library does not start");
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

void db_close(db_t *self)
{
    if (!self->mysql)
        return;
    for (size_t i = 0; i < self->stmt_count; i++)
        db_stmt_destroy(&self->stmts[i]);
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
        return db_note(self, CR_OUT_OF_MEMORY, "out of memory");
    unsigned connect_s = CONNECT_S, read_s = self->use == DB_MIGRATION ? MIGRATION_READ_S : READ_S, write_s = WRITE_S;
    unsigned local_infile = 0;
    int bad = mysql_options(self->mysql, MYSQL_OPT_CONNECT_TIMEOUT, &connect_s);
    bad |= mysql_options(self->mysql, MYSQL_OPT_READ_TIMEOUT, &read_s);
    bad |= mysql_options(self->mysql, MYSQL_OPT_WRITE_TIMEOUT, &write_s);
    bad |= mysql_options(self->mysql, MYSQL_OPT_LOCAL_INFILE, &local_infile);
    bad |= mysql_options(self->mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    bad |= s_set_tls(self);
    if (bad)
        return db_note(self, 2000, "the client library refuses an option");
    const struct db_url *url = &self->url;
    if (!mysql_real_connect(self->mysql, url->socket[0] ? NULL : url->host, url->user, url->password,
                            url->database[0] ? url->database : NULL, url->port, url->socket[0] ? url->socket : NULL,
                            CLIENT_FOUND_ROWS))
        return db_fail(self);
    self->is_connected = true;
    return DB_OK;
}

db_status_t db_execute(db_t *self, const char *sql)
{
    if (!self->is_connected)
        return DB_AWAY;
    if (mysql_real_query(self->mysql, sql, (unsigned long)strlen(sql)) != 0)
        return db_fail(self);
    MYSQL_RES *result = mysql_store_result(self->mysql);
    if (result)
        mysql_free_result(result);
    else if (mysql_errno(self->mysql))
        return db_fail(self);
    return DB_OK;
}

db_status_t db_ask(db_t *self, const char *sql, char *value_out, size_t size)
{
    value_out[0] = '\0';
    if (!self->is_connected)
        return DB_AWAY;
    if (mysql_real_query(self->mysql, sql, (unsigned long)strlen(sql)) != 0)
        return db_fail(self);
    MYSQL_RES *result = mysql_store_result(self->mysql);
    if (!result)
        return mysql_errno(self->mysql) ? db_fail(self) : DB_OK;
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
        return db_note(self, 2000, "the server's variables cannot be read");
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
        return db_note(self, 2000, "no random numbers");
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
        if (self->old_count == DB_OLD_MAX)
            memmove(self->old_tags[0], self->old_tags[1], (DB_OLD_MAX - 1) * sizeof self->old_tags[0]);
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
