/* admin_store — the SQL behind the operator's verbs: `rookery users import`, `rookery token new` and `rookery admin
 * reset-password`. They run beside the server, not in it: a connection of their own, and nothing here needs a lease.
 *
 * Runs on: the main thread of the verb. Blocks. Each call is one transaction, run again at most ADMIN_RETRIES times
 * when a lock was not to be had; a failure leaves nothing of it behind. */
#ifndef ROOKERY_PERSIST_ADMIN_STORE_H
#define ROOKERY_PERSIST_ADMIN_STORE_H

#include "persist/db.h"
#include "proto/limits.h"

enum {
    ADMIN_BATCH_MAX = 64, /* users or sessions of one call: a sign-up waits no longer than for so many */
    ADMIN_RETRIES = 5,
    ADMIN_REFRESH_HASH_BYTES = 32,
};

struct admin_user {
    view_t name;          /* checked: accounts_rules.h */
    view_t password_hash; /* argon2id, encoded; empty: nobody can sign in with a password */
    bool admin;
    bool added;           /* result. false: the name is taken, by whomever and in whatever case; nothing was changed */
};

/* At most ADMIN_BATCH_MAX. An imported user counts as a user: whoever signs up afterwards is not the first, the
 * administrator. */
db_status_t admin_add_users(db_t *db, struct admin_user *users, size_t count, uint64_t at_ms);
db_status_t admin_count_administrators(db_t *db, uint64_t *count_out);

struct admin_session {
    view_t user_name;
    uint8_t refresh_hash[ADMIN_REFRESH_HASH_BYTES];
    uint64_t session; /* a fresh random id */
    /* Results. */
    bool found, disabled; /* a session was made only if found and not disabled */
    uint64_t user;
    bool admin;
    uint8_t name_len;
    uint8_t name[LIM_NAME_BYTES_MAX]; /* as shown */
};

/* At most ADMIN_BATCH_MAX sessions, all made or none; those whose user cannot have one are left out. */
db_status_t admin_add_sessions(db_t *db, struct admin_session *sessions, size_t count, const char *device,
                               uint64_t at_ms);

struct admin_reset {
    view_t user_name;
    view_t password_hash; /* argon2id, encoded */
    /* Results. */
    bool found, disabled; /* of who is disabled the password is changed, too; they cannot sign in with it */
    uint8_t name_len;
    uint8_t name[LIM_NAME_BYTES_MAX]; /* as shown */
};

/* Gives a user a password that they are asked to change, and ends all their sessions. */
db_status_t admin_reset_password(db_t *db, struct admin_reset *reset, uint64_t at_ms);

/* Whether accounts has published the key with this name: else no edge takes what it signs. */
db_status_t admin_key_is_known(db_t *db, view_t kid, bool *is_known_out);

#endif
