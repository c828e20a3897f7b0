#include "proto/errors.h"

#include <string.h>

enum { RETRY = 1, FINAL = 0 };

static const struct row {
    err_t err;
    int status;
    bool retry;
    const char *symbol, *wire, *text;
} s_rows[] = {
#define ERR(name, number, status, retry, wire, text) {ERR_##name, status, retry, #name, wire, text},
#include "proto/errors.def"
#undef ERR
};

enum { ROWS = sizeof s_rows / sizeof s_rows[0] };

static const struct row *s_row(err_t err)
{
    for (size_t i = 0; i < ROWS; i++)
        if (s_rows[i].err == err)
            return &s_rows[i];
    return s_row(ERR_INTERNAL);
}

const char *err_name(err_t err)
{
    return s_row(err)->wire;
}

const char *err_text(err_t err)
{
    return s_row(err)->text;
}

int err_http_status(err_t err)
{
    return s_row(err)->status;
}

bool err_may_retry(err_t err)
{
    return s_row(err)->retry;
}

err_t err_by_name(const char *name, size_t len)
{
    for (size_t i = 0; i < ROWS; i++)
        if (strlen(s_rows[i].wire) == len && memcmp(s_rows[i].wire, name, len) == 0)
            return s_rows[i].err;
    return ERR_INTERNAL;
}

bool err_row(size_t index, err_t *err_out, const char **symbol_out)
{
    if (index >= ROWS)
        return false;
    *err_out = s_rows[index].err;
    *symbol_out = s_rows[index].symbol;
    return true;
}
