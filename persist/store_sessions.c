#include "persist/store_sessions.h"

#include "persist/audit.h"
#include "persist/store_accounts.h"
#include "persist/store_invites.h"

enum { COUNTER_REVOCATIONS = 1, HASH_BYTES = 32 };

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

/* Takes the oldest revocations away, up to the first that may still stop a token. Under the counter's lock, so nobody
 * else does it; the newest stays, for edges begin from its number. */
static db_status_t s_prune(db_t *db, uint64_t now_ms)
{
    const struct db_value limit[] = {db_u64(LIM_REVOCATION_PRUNE_ROWS)};
    uint64_t upto = 0;
    db_stmt_t *rows;
    if (now_ms <= (uint64_t)LIM_REVOCATION_KEEP_S * 1000)
        return DB_OK;
    db_status_t status = db_query(db, "SELECT number, at_ms FROM revocation ORDER BY number LIMIT ?", limit, 1, &rows);
    if (status)
        return status;
    while (db_next(rows) && db_get_u64(rows, 1) < now_ms - (uint64_t)LIM_REVOCATION_KEEP_S * 1000)
        upto = db_get_u64(rows, 0);
    const struct db_value values[] = {db_u64(upto)};
    return upto ? db_run(db, "DELETE FROM revocation WHERE number <= ?", values, 1) : DB_OK;
}

static db_status_t s_revoke(db_t *db, uint64_t session, uint64_t user, uint64_t at_ms, const char *why)
{
    uint64_t number;
    const struct db_value mark[] = {db_u64(at_ms ? at_ms : 1), db_u64(session)};
    db_status_t status = db_run(db, "UPDATE session SET revoked_at_ms = ? WHERE id = ?", mark, 2);
    if (!status)
        status = store_next_number(db, COUNTER_REVOCATIONS, &number);
    if (status)
        return status;
    const struct db_value values[] = {db_u64(number), db_u64(session), db_u64(user), db_u64(at_ms)};
    status = db_run(db, "INSERT INTO revocation (number, session_id, user_id, at_ms) VALUES (?, ?, ?, ?)", values, 4);
    if (!status)
        status = s_prune(db, at_ms);
    return status ? status : audit_add(db, at_ms, why, user, session, "");
}

static db_status_t s_place(db_t *db, uint64_t session, view_t address)
{
    const struct db_value values[] = {db_u64(session), db_text(address), db_text(address)};
    return db_run(db, "INSERT INTO session_place (session_id, address) VALUES (?, ?) ON DUPLICATE KEY UPDATE address = ?",
                  values, 3);
}

/* Revokes those that the query, which takes (user, keep, only, limit), finds. In order of id, so that two of these do not
 * deadlock. */
static db_status_t s_end_where(db_t *db, const char *sql, const struct db_value *values, size_t value_count, uint64_t user,
                               uint64_t at_ms, const char *why, uint64_t *ended_out)
{
    uint64_t sessions[LIM_SESSIONS_END_MAX];
    size_t count = 0;
    db_stmt_t *rows;
    db_status_t status = db_query(db, sql, values, value_count, &rows);
    if (status)
        return status;
    while (count < LIM_SESSIONS_END_MAX && db_next(rows))
        sessions[count++] = db_get_u64(rows, 0);
    for (size_t i = 0; !status && i < count; i++)
        status = s_revoke(db, sessions[i], user, at_ms, why);
    *ended_out = count;
    return status;
}

/* The session that was just added is the last used one. */
static db_status_t s_end_beyond_bound(db_t *db, uint64_t user, uint64_t at_ms)
{
    uint64_t ended;
    const struct db_value values[] = {db_u64(user), db_u64(LIM_SESSIONS_END_MAX), db_u64(LIM_SESSIONS_MAX)};
    return s_end_where(db,
                       "SELECT id FROM session WHERE user_id = ? AND revoked_at_ms = 0 "
                       "ORDER BY rotated_at_ms DESC, id LIMIT ? OFFSET ? FOR UPDATE",
                       values, 3, user, at_ms, "too_many_sessions", &ended);
}

/* The row is locked until the session stands: who takes a right away at the same time finds it, or comes first. */
static db_status_t s_check_rights(struct store_call *call, uint64_t user, uint64_t role)
{
    const struct db_value values[] = {db_u64(user)};
    db_stmt_t *rows;
    db_status_t status =
        db_query(call->db, "SELECT role, disabled FROM user WHERE id = ? LOCK IN SHARE MODE", values, 1, &rows);
    if (status || !db_next(rows))
        return status;
    if (db_get_u64(rows, 1))
        return store_refuse(call, ERR_DISABLED);
    return role > db_get_u64(rows, 0) ? store_refuse(call, ERR_BUSY) : DB_OK;
}

static db_status_t s_add_session(struct store_call *call)
{
    const struct msg_store_session_add *ask = &call->ask.as.store_session_add;
    struct s_session session;
    db_status_t status = s_check_rights(call, ask->user, ask->role);
    if (!status && !call->error)
        status = s_lock_session(call->db, ask->session, &session);
    if (status || call->error)
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
    if (!status)
        status = s_place(call->db, ask->session, ask->address);
    if (!status)
        status = s_end_beyond_bound(call->db, ask->user, ask->at_ms);
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
        db_query(call->db, "SELECT u.name, u.role, g.user_id IS NOT NULL FROM user AS u LEFT JOIN password_given AS g "
                           "ON g.user_id = u.id WHERE u.id = ? AND u.disabled = 0", values, 1, &rows);
    if (status)
        return status;
    if (!db_next(rows)) {
        answer->result = 3;
        return DB_OK;
    }
    answer->user = user;
    answer->name = db_get_view(rows, 0);
    answer->role = (uint32_t)db_get_u64(rows, 1);
    answer->must_change = db_get_u64(rows, 2) != 0;
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
        if (!status)
            status = s_place(call->db, ask->session, ask->address);
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

/* ---- all of a user -------------------------------------------------------------------------------------------- */

db_status_t store_on_sessions_get(struct store_call *call)
{
    const struct msg_store_sessions_get *ask = &call->ask.as.store_sessions_get;
    const uint64_t idle_ms = (uint64_t)LIM_REFRESH_IDLE_S * 1000, absolute_ms = (uint64_t)LIM_REFRESH_ABSOLUTE_S * 1000;
    const struct db_value values[] = {db_u64(ask->user), db_u64(ask->at_ms > idle_ms ? ask->at_ms - idle_ms : 0),
                                      db_u64(ask->at_ms > absolute_ms ? ask->at_ms - absolute_ms : 0),
                                      db_u64(LIM_SESSIONS_MAX)};
    db_stmt_t *rows;
    db_status_t status = db_query(call->db,
                                  "SELECT s.id, s.device, s.user_agent, COALESCE(p.address, ''), s.created_at_ms, "
                                  "s.rotated_at_ms FROM session AS s LEFT JOIN session_place AS p "
                                  "ON p.session_id = s.id WHERE s.user_id = ? AND s.revoked_at_ms = 0 "
                                  "AND s.rotated_at_ms >= ? AND s.created_at_ms >= ? "
                                  "ORDER BY s.rotated_at_ms DESC, s.id LIMIT ?",
                                  values, 4, &rows);
    if (status)
        return status;
    while (db_next(rows)) {
        const struct rec_session_info session = {
            .session = db_get_u64(rows, 0), .device = db_get_view(rows, 1), .user_agent = db_get_view(rows, 2),
            .address = db_get_view(rows, 3), .created_at_ms = db_get_u64(rows, 4), .used_at_ms = db_get_u64(rows, 5),
            .current = db_get_u64(rows, 0) == ask->current};
        if (rec_session_info_append(&call->list, &session))
            return DB_FAILED;
    }
    call->answer.type = MSG_SESSIONS;
    call->answer.as.sessions = (struct msg_sessions){.sessions = list_of(&call->list)};
    return DB_OK;
}

static const char SQL_OPEN_ONE[] = "SELECT id FROM session WHERE user_id = ? AND id = ? AND revoked_at_ms = 0 FOR UPDATE";
static const char SQL_OPEN_BUT[] = "SELECT id FROM session WHERE user_id = ? AND revoked_at_ms = 0 AND id <> ? "
                                   "ORDER BY id LIMIT ? FOR UPDATE";

db_status_t store_end_sessions(db_t *db, uint64_t user, uint64_t session, uint64_t at_ms, const char *why,
                               uint64_t *ended_out)
{
    const struct db_value all[] = {db_u64(user), db_u64(0), db_u64(LIM_SESSIONS_END_MAX)};
    const struct db_value one[] = {db_u64(user), db_u64(session)};
    uint64_t ended = session ? 0 : LIM_SESSIONS_END_MAX;
    *ended_out = 0;
    db_status_t status = session ? s_end_where(db, SQL_OPEN_ONE, one, 2, user, at_ms, why, ended_out) : DB_OK;
    for (; !status && ended == LIM_SESSIONS_END_MAX; *ended_out += ended)
        status = s_end_where(db, SQL_OPEN_BUT, all, 3, user, at_ms, why, &ended);
    return status;
}

static db_status_t s_end_sessions(struct store_call *call)
{
    const struct msg_store_sessions_end *ask = &call->ask.as.store_sessions_end;
    const struct db_value all[] = {db_u64(ask->user), db_u64(ask->keep), db_u64(LIM_SESSIONS_END_MAX)};
    const struct db_value one[] = {db_u64(ask->user), db_u64(ask->session)};
    uint64_t ended = 0;
    db_status_t status =
        ask->session ? s_end_where(call->db, SQL_OPEN_ONE, one, 2, ask->user, ask->at_ms, "signed_out", &ended)
                     : s_end_where(call->db, SQL_OPEN_BUT, all, 3, ask->user, ask->at_ms, "signed_out", &ended);
    store_answer_ok(call, ended);
    return status;
}

db_status_t store_on_sessions_end(struct store_call *call)
{
    return store_in_transaction(call, s_end_sessions);
}

/* The hash is compared under the row's lock: of two changes at once one is told to try again. The same question again
 * finds its own new hash. */
static db_status_t s_change_password(struct store_call *call)
{
    const struct msg_store_password_change *ask = &call->ask.as.store_password_change;
    const struct db_value user[] = {db_u64(ask->user)};
    const struct db_value keep[] = {db_u64(ask->user), db_u64(ask->keep), db_u64(LIM_SESSIONS_END_MAX)};
    db_stmt_t *rows;
    db_status_t status = db_query(call->db, "SELECT password_hash FROM user WHERE id = ? FOR UPDATE", user, 1, &rows);
    if (status)
        return status;
    if (!db_next(rows))
        return store_refuse(call, ERR_NOT_FOUND);
    const view_t now = db_get_view(rows, 0);
    const bool is_done = view_is_equal(now, ask->new_hash);
    if (!is_done && !view_is_equal(now, ask->old_hash))
        return store_refuse(call, ERR_BUSY);
    const struct db_value values[] = {db_bytes(ask->new_hash), db_u64(ask->user)};
    status = db_run(call->db, "UPDATE user SET password_hash = ? WHERE id = ?", values, 2);
    if (!status)
        status = db_run(call->db, "DELETE FROM password_given WHERE user_id = ?", user, 1);
    if (!status && !is_done)
        status = audit_add(call->db, ask->at_ms, "password_changed", ask->user, ask->user, "");
    uint64_t ended = LIM_SESSIONS_END_MAX;
    while (!status && ended == LIM_SESSIONS_END_MAX)
        status = s_end_where(call->db, SQL_OPEN_BUT, keep, 3, ask->user, ask->at_ms, "password_changed", &ended);
    store_answer_ok(call, ended);
    return status;
}

db_status_t store_on_password_change(struct store_call *call)
{
    return store_in_transaction(call, s_change_password);
}

db_status_t store_give_password(db_t *db, uint64_t by, uint64_t user, view_t hash, uint64_t at_ms)
{
    const struct db_value set[] = {db_bytes(hash), db_u64(user)};
    const struct db_value given[] = {db_u64(user), db_u64(at_ms), db_u64(at_ms)};
    const struct db_value all[] = {db_u64(user), db_u64(0), db_u64(LIM_SESSIONS_END_MAX)};
    db_status_t status = db_run(db, "UPDATE user SET password_hash = ? WHERE id = ?", set, 2);
    if (!status)
        status = db_run(db, "INSERT INTO password_given (user_id, at_ms) VALUES (?, ?) ON DUPLICATE KEY UPDATE at_ms = ?",
                        given, 3);
    uint64_t ended = LIM_SESSIONS_END_MAX;
    while (!status && ended == LIM_SESSIONS_END_MAX)
        status = s_end_where(db, SQL_OPEN_BUT, all, 3, user, at_ms, "password_reset", &ended);
    return status ? status : audit_add(db, at_ms, "password_reset", by, user, "");
}

/* The same question again finds its own hash, and says the same. */
static db_status_t s_reset_password(struct store_call *call)
{
    const struct msg_store_password_reset *ask = &call->ask.as.store_password_reset;
    const struct db_value user[] = {db_u64(ask->user)};
    bool is_admin;
    db_stmt_t *rows;
    db_status_t status = store_is_admin(call->db, ask->by, &is_admin);
    if (!status && !is_admin)
        return store_refuse(call, ERR_FORBIDDEN);
    if (!status)
        status = db_query(call->db, "SELECT password_hash FROM user WHERE id = ? FOR UPDATE", user, 1, &rows);
    if (status)
        return status;
    if (!db_next(rows))
        return store_refuse(call, ERR_NOT_FOUND);
    if (!view_is_equal(db_get_view(rows, 0), ask->password_hash))
        status = store_give_password(call->db, ask->by, ask->user, ask->password_hash, ask->at_ms);
    return status ? status : store_user_of_id(call, ask->user);
}

db_status_t store_on_password_reset(struct store_call *call)
{
    return store_in_transaction(call, s_reset_password);
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
