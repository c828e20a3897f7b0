/* errors — one enum for every failure, with its HTTP status, wire name and sentence, from errors.def. */
#ifndef ROOKERY_PROTO_ERRORS_H
#define ROOKERY_PROTO_ERRORS_H

#include <stdbool.h>
#include <stddef.h>

typedef enum {
#define ERR(name, number, status, retry, wire, text) ERR_##name = number,
#include "proto/errors.def"
#undef ERR
} err_t;

/* Static strings; an unknown number gives those of ERR_INTERNAL. */
const char *err_name(err_t err);   /* "rate_limited" */
const char *err_text(err_t err);   /* a sentence that says what to do */
int err_http_status(err_t err);
bool err_may_retry(err_t err);     /* false: final, the same request will fail again */

/* The error with this wire name, or ERR_INTERNAL when there is none. */
err_t err_by_name(const char *name, size_t len);

/* For generators: the index-th row (0 ..) of the table; false past its end. */
bool err_row(size_t index, err_t *err_out, const char **symbol_out);

#endif
