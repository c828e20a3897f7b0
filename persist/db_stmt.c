#include "persist/db_impl.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <errmsg.h>

enum {
    COLUMN_BYTES_MIN = 64,
    COLUMN_BYTES_MAX = 16 * 1024, /* of the first buffer; a longer value grows it */
};

static db_status_t s_fail_stmt(db_t *self, const struct db_stmt *stmt)
{
    return db_note(self, mysql_stmt_errno(stmt->handle), mysql_stmt_error(stmt->handle));
}

void db_stmt_destroy(struct db_stmt **self_p)
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
        struct db_column *column = &stmt->columns[i];
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
        return db_note(self, CR_OUT_OF_MEMORY, "out of memory");
    stmt->sql = strdup(sql);
    stmt->handle = mysql_stmt_init(self->mysql);
    if (!stmt->sql || !stmt->handle) {
        status = db_note(self, CR_OUT_OF_MEMORY, "out of memory");
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
        status = db_note(self, CR_OUT_OF_MEMORY, "out of memory");
cleanup:
    if (meta)
        mysql_free_result(meta);
    if (status)
        db_stmt_destroy(&stmt);
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
    if (self->stmt_count < DB_STATEMENTS_MAX) {
        self->stmts[self->stmt_count++] = *out;
        return DB_OK;
    }
    db_stmt_destroy(&self->stmts[self->stmt_oldest]);
    self->stmts[self->stmt_oldest] = *out;
    self->stmt_oldest = (self->stmt_oldest + 1) % DB_STATEMENTS_MAX;
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
        struct db_column *column = &stmt->columns[i];
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
    const struct db_column *value = &rows->columns[column];
    return (view_t){.bytes = value->bytes, .len = value->is_null ? 0 : value->len};
}
