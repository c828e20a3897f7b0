#include "persist/sized_sql.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const size_t SIZES[SIZED_COUNT] = {1, 2, 4, 8, 16, 32, 64, 128, 256};

void sized_sql_fini(struct sized_sql *self)
{
    for (size_t i = 0; i < SIZED_COUNT; i++) {
        free(self->texts[i]);
        self->texts[i] = NULL;
    }
}

static const char *s_text(struct sized_sql *self, size_t size_index)
{
    if (self->texts[size_index])
        return self->texts[size_index];
    const char *first = self->first ? self->first : self->item;
    size_t bytes = strlen(self->head) + strlen(first) + strlen(self->tail) +
                   SIZES[size_index] * (strlen(self->item) + strlen(self->joiner)) + 1;
    char *text = malloc(bytes), *at = text;
    if (!text)
        return NULL;
    at = stpcpy(at, self->head);
    at = stpcpy(at, first);
    for (size_t i = 1; i < SIZES[size_index]; i++)
        at = stpcpy(stpcpy(at, self->joiner), self->item);
    stpcpy(at, self->tail);
    self->texts[size_index] = text;
    return text;
}

db_status_t sized_run(struct sized_sql *self, db_t *db, const struct db_value *values, size_t width, size_t count,
                      uint64_t *affected_out)
{
    uint64_t affected = 0;
    db_status_t status = DB_OK;
    for (size_t at = 0, size = SIZED_COUNT - 1; !status && at < count;) {
        while (SIZES[size] > count - at)
            size--;
        const char *sql = s_text(self, size);
        status = sql ? db_run(db, sql, values + at * width, SIZES[size] * width) : DB_FAILED;
        if (!status)
            affected += db_affected(db);
        at += SIZES[size];
    }
    if (affected_out)
        *affected_out = affected;
    return status;
}

/* The smallest size that takes count items; the rest repeats the last one. */
static size_t s_pad(struct db_value *values, size_t width, size_t count)
{
    assert(count > 0 && count <= SIZED_ROWS_MAX);
    size_t size = 0;
    while (SIZES[size] < count)
        size++;
    for (size_t i = count; i < SIZES[size]; i++)
        memcpy(values + i * width, values + (count - 1) * width, width * sizeof *values);
    return size;
}

db_status_t sized_query(struct sized_sql *self, db_t *db, struct db_value *values, size_t width, size_t count,
                        db_stmt_t **rows_out)
{
    size_t size = s_pad(values, width, count);
    const char *sql = s_text(self, size);
    return sql ? db_query(db, sql, values, SIZES[size] * width, rows_out) : DB_FAILED;
}
