/* accounts — actor: sign-up, sign-in, refresh, sign-out. The only one with the signing key and with passwords.
 *
 * Edges ask (AUTH_*), persist stores (STORE_USER*, STORE_SESSION*), argon2id runs on threads of its own
 * (password.h). Each question is a flow of a few steps with one deadline; nothing of it survives a restart, the
 * asker repeats. Bounds: ACCOUNTS_FLOWS_MAX, config hash_queue, login_failures, signups_per_min. Texts of
 * passwords and tokens are never logged. Its clock for tokens is UTC, for everything else the boot clock. */
#ifndef ROOKERY_ACTORS_ACCOUNTS_H
#define ROOKERY_ACTORS_ACCOUNTS_H

#include "actors/runtime/supervisor.h"

enum {
    ACCOUNTS_FLOWS_MAX = 4096,             /* beyond: ERR_OVERLOADED */
    ACCOUNTS_THROTTLE_KEYS_MAX = 16384,    /* accounts, and addresses, whose failures are remembered */
    ACCOUNTS_FAILURE_PERIOD_MS = 15 * 60 * 1000,
};

/* Role thread: supervisor.h. Fails at start when keys or JWT_SECRET cannot be used. */
void accounts_run(void *pipe, const struct role_context *context);

#endif
