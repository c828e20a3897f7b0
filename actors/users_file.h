/* users_file — the lines of a list of users to import: one JSON object a line (NDJSON), or CSV with a header row.
 *
 *   {"name": "Ada", "password": "…"}            name,password_hash
 *   {"name": "Grace", "password_hash": "$argon2id$…", "admin": true}      "Ada","$argon2id$v=19$m=47104,t=1,p=1$…"
 *
 * What the first line begins with decides: `{` is NDJSON. Fields: name; password or password_hash, or neither; admin
 * (JSON true/false, in CSV 1/0/true/false/nothing). Any other field is refused, so that nothing given is lost in
 * silence. A quoted CSV field keeps commas and doubled quotes, but no line feed. Empty lines count and are skipped.
 *
 * Runs on: one thread. Blocks in reading.   Owns: one line.   Bounds: USERS_FILE_LINE_BYTES_MAX, lines_max. */
#ifndef ROOKERY_ACTORS_USERS_FILE_H
#define ROOKERY_ACTORS_USERS_FILE_H

#include <stdio.h>

#include "proto/codec.h"

enum {
    USERS_FILE_LINE_BYTES_MAX = 4096,
    USERS_FILE_LINES_MAX = 1000000,
};

typedef struct users_file users_file_t;

typedef enum {
    USERS_FILE_USER,
    USERS_FILE_BAD_LINE, /* *why_out says what is wrong with it; the next one may be good */
    USERS_FILE_END,
    USERS_FILE_FAILED, /* cannot be read on; *why_out */
} users_file_result_t;

struct users_file_user {
    view_t name, password, password_hash; /* borrowed until the next call; empty: not given */
    bool admin;
};

/* Reads from `in`, which stays the caller's. NULL: no memory. */
users_file_t *users_file_new(FILE *in, size_t lines_max);
void users_file_destroy(users_file_t **self_p); /* erases the last line: there may be a password in it */

users_file_result_t users_file_next(users_file_t *self, struct users_file_user *user_out, const char **why_out);
size_t users_file_line(const users_file_t *self); /* number of the line last read, from 1 */

#endif
