/* db_url — DATABASE_URL in parts: mysql://user:password@host:3306/database?socket=PATH&tls=off|required|verify&ca=PATH
 * Every part may be percent-encoded. Pure. */
#ifndef ROOKERY_PERSIST_DB_URL_H
#define ROOKERY_PERSIST_DB_URL_H

#include <stdbool.h>

#include "proto/errors.h"

enum { DB_URL_PART_MAX = 256 };

typedef enum { DB_TLS_OFF, DB_TLS_REQUIRED, DB_TLS_VERIFY } db_tls_t;

struct db_url {
    char user[DB_URL_PART_MAX], password[DB_URL_PART_MAX], host[DB_URL_PART_MAX], database[DB_URL_PART_MAX];
    char socket[DB_URL_PART_MAX]; /* empty: tcp */
    char ca[DB_URL_PART_MAX];
    unsigned port; /* 3306 if none is given */
    db_tls_t tls;
};

/* ERR_OUT_OF_RANGE with a sentence that never holds the password. database may be empty. */
err_t db_url_parse(const char *url, struct db_url *out, const char **sentence_out);

#endif
