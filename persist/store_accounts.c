#include "persist/store_accounts.h"

#include <string.h>

#include "persist/audit.h"
#include "persist/name_key.h"

enum { COUNTER_REVOCATIONS = 1, COUNTER_USERS = 2, HASH_BYTES = 32 };

/* Locks the row until the end of the transaction: whoever gets the next number commits first. */
static db_status_t s_next_number(db_t *db, uint64_t counter, uint64_t *number_out)
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

db_status_t store_on_users_get(struct store_call *call)
{
    struct db_value values[SIZED_ROWS_MAX];
    struct sized_sql sql = {.head = "SELECT id, name, role, rev FROM user WHERE id IN (", .item = "?", .joiner = ",",
                            .tail = ") ORDER BY id"};
    list_t ids = call->ask.as.store_users_get.ids;
    struct rec_id id;
    size_t count = 0;
    while (count < LIM_USERS_PAGE_MAX && rec_id_next(&ids, &id))
        values[count++] = db_u64(id.id);
    call->answer.type = MSG_USERS;
    call->answer.as.users = (struct msg_users){0};
    if (count == 0)
        return DB_OK;
    db_stmt_t *rows;
    db_status_t status = sized_query(&sql, call->db, values, 1, count, &rows);
    sized_sql_fini(&sql);
    if (status)
        return status;
    while (db_next(rows)) {
        const struct rec_user_info user = {.user = db_get_u64(rows, 0), .name = db_get_view(rows, 1),
                                           .role = (uint32_t)db_get_u64(rows, 2), .rev = db_get_u64(rows, 3)};
        if (rec_user_info_append(&call->list, &user))
            return DB_FAILED;
    }
    call->answer.as.users.users = list_of(&call->list);
    return DB_OK;
}

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
            .password_hash = db_get_view(rows, 4), .rev = db_get_u64(rows, 5)};
    return DB_OK;
}

static const char SQL_USER_BY_ID[] = "SELECT id, name, role, disabled, password_hash, rev FROM user WHERE id = ?";
static const char SQL_USER_BY_KEY[] =
    "SELECT id, name, role, disabled, password_hash, rev FROM user WHERE name_key = ?";

db_status_t store_on_user_by_id(struct store_call *call)
{
    return s_answer_user(call, SQL_USER_BY_ID, db_u64(call->ask.as.store_user_by_id.user));
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
    db_status_t status = s_next_number(call->db, COUNTER_USERS, &number);
    if (status)
        return status;
    const struct db_value values[] = {db_u64(ask->user), db_text(ask->name), db_bytes(key), db_u64(number == 1),
                                      db_bytes(ask->password_hash), db_u64(ask->at_ms)};
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
    if (status || call->error != ERR_NAME_TAKEN)
        return status;
    status = s_answer_user(call, SQL_USER_BY_ID, db_u64(ask->user));
    /* The same question again gets the first answer. Another's name under our id cannot be: ids are random. */
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

/* ---- sessions ------------------------------------------------------------------------------------------------- */

struct s_session {
    bool found;
    uint64_t user;
    view_t current, previous; /* views of the row */
    uint64_t rotated_at_ms, created_at_ms, revoked_at_ms;
};

static db_status_t s_lock_session(db_t *db, uint64_t session, struct s_session *out)
{
    const struct db_value values[] = {db_u64(session)};
    db_stmt_t *rows;
    *out = (struct s_session){0};
    db_status_t status = db_query(db,
                                  "SELECT user_id, current_hash, previous_hash, rotated_at_ms, created_at_ms, "
                                  "revoked_at_ms FROM session WHERE id = ? FOR UPDATE",
                                  values, 1, &rows);
    if (status || !db_next(rows))
        return status;
    *out = (struct s_session){.found = true, .user = db_get_u64(rows, 0), .current = db_get_view(rows, 1),
                              .previous = db_get_view(rows, 2), .rotated_at_ms = db_get_u64(rows, 3),
                              .created_at_ms = db_get_u64(rows, 4), .revoked_at_ms = db_get_u64(rows, 5)};
    return DB_OK;
}

static db_status_t s_revoke(db_t *db, uint64_t session, uint64_t user, uint64_t at_ms, const char *why)
{
    uint64_t number;
    const struct db_value mark[] = {db_u64(at_ms ? at_ms : 1), db_u64(session)};
    db_status_t status = db_run(db, "UPDATE session SET revoked_at_ms = ? WHERE id = ?", mark, 2);
    if (!status)
        status = s_next_number(db, COUNTER_REVOCATIONS, &number);
    if (status)
        return status;
    const struct db_value values[] = {db_u64(number), db_u64(session), db_u64(user), db_u64(at_ms)};
    status = db_run(db, "INSERT INTO revocation (number, session_id, user_id, at_ms) VALUES (?, ?, ?, ?)", values, 4);
    return status ? status : audit_add(db, at_ms, why, user, session, "");
}

static db_status_t s_add_session(struct store_call *call)
{
    const struct msg_store_session_add *ask = &call->ask.as.store_session_add;
    struct s_session session;
    db_status_t status = s_lock_session(call->db, ask->session, &session);
    if (status)
        return status;
    store_answer_ok(call, 0);
    if (session.found) /* the same question again, or an id that is taken */
        return store_refuse(call, session.user == ask->user && view_is_equal(session.current, ask->refresh_hash)
                                      ? ERR_OK : ERR_CONFLICT);
    const struct db_value values[] = {db_u64(ask->session), db_u64(ask->user), db_bytes(ask->refresh_hash),
                                      db_bytes(view_of(NULL, 0)), db_u64(ask->at_ms), db_u64(ask->at_ms),
                                      db_text(ask->device), db_text(ask->user_agent)};
    status = db_run(call->db,
                    "INSERT INTO session (id, user_id, current_hash, previous_hash, rotated_at_ms, created_at_ms, "
                    "revoked_at_ms, device, user_agent) VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?)",
                    values, 8);
    return status ? status : audit_add(call->db, ask->at_ms, "signed_in", ask->user, ask->session, "");
}

db_status_t store_on_session_add(struct store_call *call)
{
    if (call->ask.as.store_session_add.refresh_hash.len != HASH_BYTES)
        return store_refuse(call, ERR_OUT_OF_RANGE);
    return store_in_transaction(call, s_add_session);
}

/* Clocks of two accounts actors may differ a little, so a time before the other counts as the same. */
static uint64_t s_since_ms(uint64_t now_ms, uint64_t then_ms)
{
    return now_ms > then_ms ? now_ms - then_ms : 0;
}

static bool s_is_expired(const struct s_session *session, uint64_t now_ms)
{
    return s_since_ms(now_ms, session->rotated_at_ms) > (uint64_t)LIM_REFRESH_IDLE_S * 1000 ||
           s_since_ms(now_ms, session->created_at_ms) > (uint64_t)LIM_REFRESH_ABSOLUTE_S * 1000;
}

static db_status_t s_answer_session(struct store_call *call, uint32_t result, uint64_t user)
{
    struct msg_store_session *answer = &call->answer.as.store_session;
    call->answer.type = MSG_STORE_SESSION;
    *answer = (struct msg_store_session){.result = result, .session = call->ask.as.store_session_rotate.session};
    if (result > 1)
        return DB_OK;
    const struct db_value values[] = {db_u64(user)};
    db_stmt_t *rows;
    db_status_t status =
        db_query(call->db, "SELECT name, role FROM user WHERE id = ? AND disabled = 0", values, 1, &rows);
    if (status)
        return status;
    if (!db_next(rows)) {
        answer->result = 3;
        return DB_OK;
    }
    answer->user = user;
    answer->name = db_get_view(rows, 0);
    answer->role = (uint32_t)db_get_u64(rows, 1);
    return DB_OK;
}

/* A token that is neither the current nor the previous one is an older one of the family: only hashes of the last two
 * are kept, and who holds a session's id and none of its tokens is nobody. So it counts as reuse. */
static db_status_t s_rotate(struct store_call *call)
{
    const struct msg_store_session_rotate *ask = &call->ask.as.store_session_rotate;
    struct s_session session;
    db_status_t status = s_lock_session(call->db, ask->session, &session);
    if (status)
        return status;
    if (!session.found)
        return s_answer_session(call, 4, 0);
    if (session.revoked_at_ms || s_is_expired(&session, ask->at_ms))
        return s_answer_session(call, 3, 0);
    if (view_is_equal(session.current, ask->presented_hash)) {
        const struct db_value values[] = {db_bytes(ask->presented_hash), db_bytes(ask->next_hash),
                                          db_u64(ask->at_ms), db_u64(ask->session)};
        status = db_run(call->db,
                        "UPDATE session SET previous_hash = ?, current_hash = ?, rotated_at_ms = ? WHERE id = ?",
                        values, 4);
        return status ? status : s_answer_session(call, 0, session.user);
    }
    bool is_repeat = view_is_equal(session.previous, ask->presented_hash) &&
                     view_is_equal(session.current, ask->next_hash) &&
                     s_since_ms(ask->at_ms, session.rotated_at_ms) <= LIM_REFRESH_SUCCESSOR_MS;
    if (is_repeat)
        return s_answer_session(call, 1, session.user);
    status = s_revoke(call->db, ask->session, session.user, ask->at_ms, "refresh_reuse");
    return status ? status : s_answer_session(call, 2, 0);
}

db_status_t store_on_session_rotate(struct store_call *call)
{
    const struct msg_store_session_rotate *ask = &call->ask.as.store_session_rotate;
    if (ask->presented_hash.len != HASH_BYTES || ask->next_hash.len != HASH_BYTES)
        return store_refuse(call, ERR_OUT_OF_RANGE);
    return store_in_transaction(call, s_rotate);
}

static db_status_t s_end_session(struct store_call *call)
{
    const struct msg_store_session_end *ask = &call->ask.as.store_session_end;
    struct s_session session;
    db_status_t status = s_lock_session(call->db, ask->session, &session);
    if (status)
        return status;
    bool is_theirs = ask->presented_hash.len == 0 || view_is_equal(session.current, ask->presented_hash) ||
                     view_is_equal(session.previous, ask->presented_hash);
    bool was_open = session.found && is_theirs && session.revoked_at_ms == 0;
    if (was_open)
        status = s_revoke(call->db, ask->session, session.user, ask->at_ms, "signed_out");
    store_answer_ok(call, was_open);
    return status;
}

db_status_t store_on_session_end(struct store_call *call)
{
    return store_in_transaction(call, s_end_session);
}

/* ---- revocations ---------------------------------------------------------------------------------------------- */

db_status_t store_on_revocations_get(struct store_call *call)
{
    const uint64_t after = call->ask.as.store_revocations_get.after;
    struct msg_store_revocations *answer = &call->answer.as.store_revocations;
    db_stmt_t *rows;
    db_status_t status;
    call->answer.type = MSG_STORE_REVOCATIONS;
    *answer = (struct msg_store_revocations){.upto = after};
    if (after == ID_MAX) {
        status = db_query(call->db, "SELECT COALESCE(MAX(number), 0) FROM revocation", NULL, 0, &rows);
        if (!status && db_next(rows))
            answer->upto = db_get_u64(rows, 0);
        return status;
    }
    const struct db_value values[] = {db_u64(after), db_u64(LIM_REVOCATIONS_PAGE_MAX)};
    status = db_query(call->db, "SELECT number, session_id FROM revocation WHERE number > ? ORDER BY number LIMIT ?",
                      values, 2, &rows);
    if (status)
        return status;
    while (db_next(rows)) {
        answer->upto = db_get_u64(rows, 0);
        if (rec_id_append(&call->list, &(struct rec_id){.id = db_get_u64(rows, 1)}))
            return DB_FAILED;
    }
    answer->sessions = list_of(&call->list);
    return DB_OK;
}
