#include "persist/admin_store.h"

#include <assert.h>
#include <string.h>

#include "persist/audit.h"
#include "persist/name_key.h"
#include "persist/store_sessions.h"
#include "proto/ids.h"

enum { COUNTER_USERS = 2 }; /* 0001_accounts.sql */

/* No password has this hash: password.c compares it with a fixed hash of none. */
static const char NO_PASSWORD[] = "*";

typedef db_status_t (*s_body_t)(db_t *db, void *what);

static db_status_t s_once(db_t *db, s_body_t body, void *what)
{
    db_status_t status = db_begin(db);
    if (!status)
        status = body(db, what);
    if (!status)
        status = db_commit(db);
    if (status)
        db_rollback(db);
    return status;
}

static db_status_t s_in_transaction(db_t *db, s_body_t body, void *what)
{
    db_status_t status = s_once(db, body, what);
    for (int retry = 0; status == DB_RETRY && retry < ADMIN_RETRIES; retry++)
        status = s_once(db, body, what);
    return status;
}

/* ---- users ---------------------------------------------------------------------------------------------------- */

struct s_users {
    struct admin_user *users;
    size_t count;
    uint64_t at_ms;
};

static db_status_t s_add_user(db_t *db, struct admin_user *user, uint64_t at_ms)
{
    uint8_t key_bytes[NAME_KEY_BYTES_MAX];
    view_t key = name_key(user->name, key_bytes);
    const struct db_value look[] = {db_bytes(key)};
    db_stmt_t *rows;
    db_status_t status = db_query(db, "SELECT id FROM user WHERE name_key = ?", look, 1, &rows);
    user->added = false;
    if (status || db_next(rows))
        return status;
    uint64_t id = id_random();
    view_t hash = user->password_hash.len ? user->password_hash : view_of_text(NO_PASSWORD);
    const struct db_value values[] = {db_u64(id),     db_text(user->name), db_bytes(key),
                                      db_u64(user->admin), db_bytes(hash),      db_u64(at_ms)};
    status = db_run(db,
                    "INSERT INTO user (id, name, name_key, role, disabled, password_hash, rev, created_at_ms) "
                    "VALUES (?, ?, ?, ?, 0, ?, 1, ?)",
                    values, 6);
    if (!status)
        status = audit_add(db, at_ms, "user_imported", 0, id, user->admin ? "administrator" : "");
    user->added = !status;
    return status;
}

/* The counter is locked first, as a sign-up does: so no name can come between the look and the insert. */
static db_status_t s_add_users(db_t *db, void *what)
{
    const struct s_users *self = what;
    const struct db_value counter[] = {db_u64(COUNTER_USERS)};
    db_stmt_t *rows;
    db_status_t status = db_query(db, "SELECT last FROM counter WHERE id = ? FOR UPDATE", counter, 1, &rows);
    uint64_t added = 0;
    for (size_t i = 0; !status && i < self->count; i++) {
        status = s_add_user(db, &self->users[i], self->at_ms);
        added += self->users[i].added;
    }
    if (status || added == 0)
        return status;
    const struct db_value values[] = {db_u64(added), db_u64(COUNTER_USERS)};
    return db_run(db, "UPDATE counter SET last = last + ? WHERE id = ?", values, 2);
}

db_status_t admin_add_users(db_t *db, struct admin_user *users, size_t count, uint64_t at_ms)
{
    assert(count <= ADMIN_BATCH_MAX);
    struct s_users self = {.users = users, .count = count, .at_ms = at_ms};
    return s_in_transaction(db, s_add_users, &self);
}

db_status_t admin_count_administrators(db_t *db, uint64_t *count_out)
{
    db_stmt_t *rows;
    db_status_t status = db_query(db, "SELECT COUNT(*) FROM user WHERE role = 1 AND disabled = 0", NULL, 0, &rows);
    *count_out = !status && db_next(rows) ? db_get_u64(rows, 0) : 0;
    return status;
}

/* ---- sessions ------------------------------------------------------------------------------------------------- */

struct s_sessions {
    struct admin_session *sessions;
    size_t count;
    const char *device;
    uint64_t at_ms;
};

static db_status_t s_find_user(db_t *db, struct admin_session *self)
{
    uint8_t key[NAME_KEY_BYTES_MAX];
    const struct db_value look[] = {db_bytes(name_key(self->user_name, key))};
    db_stmt_t *rows;
    self->found = false;
    db_status_t status =
        db_query(db, "SELECT id, name, role, disabled FROM user WHERE name_key = ?", look, 1, &rows);
    if (status || !db_next(rows))
        return status;
    view_t name = db_get_view(rows, 1);
    assert(name.len <= sizeof self->name);
    self->found = true;
    self->user = db_get_u64(rows, 0);
    self->admin = db_get_u64(rows, 2) == 1;
    self->disabled = db_get_u64(rows, 3) != 0;
    self->name_len = (uint8_t)name.len;
    memcpy(self->name, name.bytes, name.len);
    return DB_OK;
}

static db_status_t s_add_session(db_t *db, struct admin_session *self, const char *device, uint64_t at_ms)
{
    db_status_t status = s_find_user(db, self);
    if (status || !self->found || self->disabled)
        return status;
    const struct db_value values[] = {db_u64(self->session),
                                      db_u64(self->user),
                                      db_bytes(view_of(self->refresh_hash, sizeof self->refresh_hash)),
                                      db_bytes(view_of(NULL, 0)),
                                      db_u64(at_ms),
                                      db_u64(at_ms),
                                      db_text(view_of_text(device)),
                                      db_text(view_of_text(""))};
    status = db_run(db,
                    "INSERT INTO session (id, user_id, current_hash, previous_hash, rotated_at_ms, created_at_ms, "
                    "revoked_at_ms, device, user_agent) VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?)",
                    values, 8);
    return status ? status : audit_add(db, at_ms, "token_made", self->user, self->session, "");
}

static db_status_t s_add_sessions(db_t *db, void *what)
{
    const struct s_sessions *self = what;
    db_status_t status = DB_OK;
    for (size_t i = 0; !status && i < self->count; i++)
        status = s_add_session(db, &self->sessions[i], self->device, self->at_ms);
    return status;
}

db_status_t admin_add_sessions(db_t *db, struct admin_session *sessions, size_t count, const char *device,
                               uint64_t at_ms)
{
    assert(count <= ADMIN_BATCH_MAX);
    struct s_sessions self = {.sessions = sessions, .count = count, .device = device, .at_ms = at_ms};
    return s_in_transaction(db, s_add_sessions, &self);
}

/* ---- a password for once --------------------------------------------------------------------------------------- */

struct s_reset {
    struct admin_reset *reset;
    uint64_t at_ms;
};

static db_status_t s_reset_password(db_t *db, void *what)
{
    const struct s_reset *self = what;
    struct admin_reset *reset = self->reset;
    uint8_t key[NAME_KEY_BYTES_MAX];
    const struct db_value look[] = {db_bytes(name_key(reset->user_name, key))};
    db_stmt_t *rows;
    reset->found = false;
    db_status_t status =
        db_query(db, "SELECT id, name, disabled FROM user WHERE name_key = ? FOR UPDATE", look, 1, &rows);
    if (status || !db_next(rows))
        return status;
    view_t name = db_get_view(rows, 1);
    assert(name.len <= sizeof reset->name);
    reset->found = true;
    reset->disabled = db_get_u64(rows, 2) != 0;
    reset->name_len = (uint8_t)name.len;
    memcpy(reset->name, name.bytes, name.len);
    return store_give_password(db, 0, db_get_u64(rows, 0), reset->password_hash, self->at_ms);
}

db_status_t admin_reset_password(db_t *db, struct admin_reset *reset, uint64_t at_ms)
{
    struct s_reset self = {.reset = reset, .at_ms = at_ms};
    return s_in_transaction(db, s_reset_password, &self);
}

/* ---- keys ------------------------------------------------------------------------------------------------------ */

db_status_t admin_key_is_known(db_t *db, view_t kid, bool *is_known_out)
{
    const struct db_value look[] = {db_bytes(kid)};
    db_stmt_t *rows;
    db_status_t status = db_query(db, "SELECT 1 FROM token_key WHERE kid = ?", look, 1, &rows);
    *is_known_out = !status && db_next(rows);
    return status;
}
