/* admin — the operator's verbs that work on the database beside the server: `rookery users import FILE|-`,
 * `rookery token new USER` and `rookery admin reset-password USER`. With main.c the only ones that see more than one role.
 *
 * They need DATABASE_URL, and `token new` the key material of accounts: run them as the server's user, with its
 * settings. Exit status: 0; 1 something was refused or failed, after a sentence on stderr; 2 misuse; 78 settings. */
#ifndef ROOKERY_ACTORS_ADMIN_H
#define ROOKERY_ACTORS_ADMIN_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/runtime/config.h"
#include "persist/db.h"

enum { ADMIN_TOKENS_MAX = 20000 }; /* of one call */

/* "users", "token" and "admin". argv as main's. */
bool admin_is_verb(const char *verb);
int admin_main(int argc, char **argv);
void admin_usage(FILE *out);

/* Connects, and checks that the schema is this binary's. NULL after a sentence on stderr. */
db_t *admin_connect(const struct config *config);

/* admin_users.c. path "-": stdin. At most lines_max lines. */
int admin_users_import(const struct config *config, const char *path, size_t lines_max);

/* admin_tokens.c */
struct admin_token_ask {
    const char *user;   /* a name; with `count`, one in which % stands for first, first+1, … */
    const char *device; /* what the session list shows */
    uint64_t first, count;
};
int admin_token_new(const struct config *config, const struct admin_token_ask *ask);

/* admin_reset.c. Prints a password that works once: its owner is asked to change it. */
int admin_reset(const struct config *config, const char *user);

#endif
