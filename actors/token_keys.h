/* token_keys — secrets in var/keys: read, or made on first run. Files 0600 in a folder 0700; a file that others may
 * read or write is refused. Blocking file I/O: at start-up only. What goes wrong is logged here, once. */
#ifndef ROOKERY_ACTORS_TOKEN_KEYS_H
#define ROOKERY_ACTORS_TOKEN_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/errors.h"

/* Fills secret_out[len] with fresh content, or fails; called when there is no such file yet. */
typedef err_t (*token_keys_make_fn)(uint8_t *secret_out, size_t cap, size_t *len_out);

/* The content of var_folder/keys/name, at most cap bytes. Several processes may start at once: all get the same.
 * ERR_INTERNAL (file system, permissions, size), or make's error. */
err_t token_keys_get(const char *var_folder, const char *name, token_keys_make_fn make, uint8_t *secret_out,
                     size_t cap, size_t *len_out);

/* Whether there is such a file, whoever may read it. Says nothing. */
bool token_keys_is_there(const char *var_folder, const char *name);

#endif
