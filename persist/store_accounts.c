#include "persist/store_accounts.h"

#include <string.h>

#include "persist/audit.h"
#include "persist/name_key.h"
#include "persist/store_invites.h"

enum { COUNTER_USERS = 2 };

db_status_t store_next_number(db_t *db, uint64_t counter, uint64_t *number_out)
{
    const struct db_value id[] = {db_u64(counter)};
    db_stmt_t *rows;
    db_status_t status = db_query(db, "SELECT last FROM counter WHERE id = ? FOR UPDATE", id, 1, &rows);
    if (status)
        return status;
    if (!db_next(rows))
        return DB_FAILED;
    *number_out = db_get_u64(rows, 0) + 1;
    const struct db_value values[] = {db_u64(*number_out), db_u64(counter)};
    return db_run(db, "UPDATE counter SET last = ? WHERE id = ?", values, 2);
}

/* ---- users ---------------------------------------------------------------------------------------------------- */

/* where: of a unique key. */
static db_status_t s_answer_user(struct store_call *call, const char *sql, struct db_value key)
{
    db_stmt_t *rows;
    db_status_t status = db_query(call->db, sql, &key, 1, &rows);
    if (status)
        return status;
    call->answer.type = MSG_STORE_USER;
    call->answer.as.store_user = (struct msg_store_user){.found = db_next(rows)};
    if (call->answer.as.store_user.found)
        call->answer.as.store_user = (struct msg_store_user){
            .found = true, .user = db_get_u64(rows, 0), .name = db_get_view(rows, 1),
            .role = (uint32_t)db_get_u64(rows, 2), .disabled = db_get_u64(rows, 3) != 0,
            .password_hash = db_get_view(rows, 4), .rev = db_get_u64(rows, 5),
            .must_change = db_get_u64(rows, 6) != 0};
    return DB_OK;
}

#define SQL_USER                                                                                                         \
    "SELECT u.id, u.name, u.role, u.disabled, u.password_hash, u.rev, g.user_id IS NOT NULL FROM user AS u "             \
    "LEFT JOIN password_given AS g ON g.user_id = u.id WHERE "
static const char SQL_USER_BY_ID[] = SQL_USER "u.id = ?";
static const char SQL_USER_BY_KEY[] = SQL_USER "u.name_key = ?";

db_status_t store_user_of_id(struct store_call *call, uint64_t user)
{
    return s_answer_user(call, SQL_USER_BY_ID, db_u64(user));
}

db_status_t store_on_user_by_id(struct store_call *call)
{
    return store_user_of_id(call, call->ask.as.store_user_by_id.user);
}

db_status_t store_on_user_by_name(struct store_call *call)
{
    uint8_t key[NAME_KEY_BYTES_MAX];
    return s_answer_user(call, SQL_USER_BY_KEY, db_bytes(name_key(call->ask.as.store_user_by_name.name, key)));
}

/* The first user is decided under the locked counter: two first sign-ups at once make one administrator. */
static db_status_t s_add_user(struct store_call *call)
{
    const struct msg_store_user_add *ask = &call->ask.as.store_user_add;
    uint8_t key_bytes[NAME_KEY_BYTES_MAX];
    view_t key = name_key(ask->name, key_bytes);
    uint64_t number;
    db_status_t status = store_next_number(call->db, COUNTER_USERS, &number);
    if (status)
        return status;
    const struct db_value values[] = {db_u64(ask->user), db_text(ask->name), db_bytes(key), db_u64(number == 1),
                                      db_bytes(ask->password_hash), db_u64(ask->at_ms)};
    status = ask->setup ? store_set_up(call, number == 1) : number == 1 ? DB_OK : store_admit(call);
    if (status || call->error)
        return status;
    status = db_run(call->db,
                    "INSERT INTO user (id, name, name_key, role, disabled, password_hash, rev, created_at_ms) "
                    "VALUES (?, ?, ?, ?, 0, ?, 1, ?)",
                    values, 6);
    if (status == DB_DUPLICATE)
        return store_refuse(call, ERR_NAME_TAKEN); /* the name, or a repeat: see below */
    if (!status)
        status = audit_add(call->db, ask->at_ms, "user_added", ask->user, ask->user, number == 1 ? "administrator" : "");
    return status ? status : s_answer_user(call, SQL_USER_BY_ID, db_u64(ask->user));
}

db_status_t store_on_user_add(struct store_call *call)
{
    const struct msg_store_user_add *ask = &call->ask.as.store_user_add;
    db_status_t status = store_in_transaction(call, s_add_user);
    if (status || !call->error)
        return status;
    status = s_answer_user(call, SQL_USER_BY_ID, db_u64(ask->user));
    /* The same question again gets the first answer, also when the first one was the last use of its invitation.
     * Another's name under our id cannot be: ids are random. */
    const struct msg_store_user *user = &call->answer.as.store_user;
    if (!status && user->found && view_is_equal(user->name, ask->name) &&
        view_is_equal(user->password_hash, ask->password_hash))
        call->error = ERR_OK;
    return status;
}

db_status_t store_on_password_set(struct store_call *call)
{
    const struct msg_store_password_set *ask = &call->ask.as.store_password_set;
    const struct db_value values[] = {db_bytes(ask->password_hash), db_u64(ask->user)};
    db_status_t status = db_run(call->db, "UPDATE user SET password_hash = ? WHERE id = ?", values, 2);
    if (status)
        return status;
    return db_affected(call->db) ? store_answer_ok(call, 0) : store_refuse(call, ERR_NOT_FOUND);
}
