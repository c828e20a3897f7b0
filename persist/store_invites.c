#include "persist/store_invites.h"

#include "persist/audit.h"
#include "proto/person.h"

enum { SIGNUP_OPEN, SIGNUP_INVITED, SIGNUP_CLOSED, SIGNUP_AS_IT_IS };

static const char DEFAULT_NAME[] = "Rookery";

db_status_t store_is_admin(db_t *db, uint64_t user, bool *is_out)
{
    const struct db_value values[] = {db_u64(user)};
    db_stmt_t *rows;
    db_status_t status = db_query(db, "SELECT 1 FROM user WHERE id = ? AND role = 1 AND disabled = 0", values, 1, &rows);
    *is_out = !status && db_next(rows);
    return status;
}

/* False: refused, or a failure. */
static bool s_is_admin(struct store_call *call, uint64_t user, db_status_t *status_out)
{
    bool is_admin = false;
    *status_out = store_is_admin(call->db, user, &is_admin);
    if (!*status_out && !is_admin)
        *status_out = store_refuse(call, ERR_FORBIDDEN);
    return !*status_out && is_admin;
}

/* Every sign-up takes it: what is decided under it holds until the transaction's end. */
static db_status_t s_lock_signups(db_t *db)
{
    db_stmt_t *rows;
    return db_query(db, "SELECT last FROM counter WHERE id = 2 FOR UPDATE", NULL, 0, &rows);
}

/* ---- the server ----------------------------------------------------------------------------------------------- */

db_status_t store_on_server_get(struct store_call *call)
{
    db_stmt_t *rows;
    db_status_t status = db_query(call->db,
                                  "SELECT c.last > 0, s.name, s.signup FROM counter AS c "
                                  "LEFT JOIN server_setting AS s ON s.id = 1 WHERE c.id = 2",
                                  NULL, 0, &rows);
    if (status)
        return status;
    if (!db_next(rows))
        return DB_FAILED;
    const view_t name = db_get_view(rows, 1);
    call->answer.type = MSG_SERVER_INFO;
    call->answer.as.server_info = (struct msg_server_info){.set_up = db_get_u64(rows, 0) != 0,
                                                           .name = name.len ? name : view_of_text(DEFAULT_NAME),
                                                           .signup = (uint32_t)db_get_u64(rows, 2)};
    return DB_OK;
}

static db_status_t s_store_settings(db_t *db, view_t name, uint64_t signup)
{
    const struct db_value values[] = {db_text(name), db_u64(signup), db_text(name), db_u64(signup)};
    return db_run(db,
                  "INSERT INTO server_setting (id, name, signup) VALUES (1, ?, ?) "
                  "ON DUPLICATE KEY UPDATE name = ?, signup = ?",
                  values, 4);
}

static db_status_t s_set_server(struct store_call *call)
{
    static const char *const words[] = {"open", "invite", "closed"};
    const struct msg_store_server_set *ask = &call->ask.as.store_server_set;
    db_status_t status = s_lock_signups(call->db);
    if (status || !s_is_admin(call, ask->by, &status))
        return status;
    status = store_on_server_get(call);
    if (status)
        return status;
    const struct msg_server_info *now = &call->answer.as.server_info;
    const uint32_t signup = ask->signup == SIGNUP_AS_IT_IS ? now->signup : ask->signup;
    status = s_store_settings(call->db, ask->name.len ? ask->name : now->name, signup);
    if (!status)
        status = audit_add(call->db, ask->at_ms, "server_set", ask->by, 0, words[signup]);
    return status ? status : store_on_server_get(call);
}

db_status_t store_on_server_set(struct store_call *call)
{
    const view_t name = call->ask.as.store_server_set.name;
    if (name.len > 0 && !person_display_is_good(name))
        return store_refuse(call, ERR_BAD_DISPLAY);
    return store_in_transaction(call, s_set_server);
}

db_status_t store_set_up(struct store_call *call, bool is_first)
{
    const struct msg_store_user_add *ask = &call->ask.as.store_user_add;
    if (!is_first)
        return store_refuse(call, ERR_ALREADY_SET_UP);
    if (!person_display_is_good(ask->server_name))
        return store_refuse(call, ERR_BAD_DISPLAY);
    db_status_t status = s_store_settings(call->db, ask->server_name, ask->signup);
    return status ? status : audit_add(call->db, ask->at_ms, "server_set_up", ask->user, 0, "");
}

/* ---- invitations ---------------------------------------------------------------------------------------------- */

/* Expired, used up, revoked and never made are one answer: who guesses learns nothing. */
static db_status_t s_use_invite(struct store_call *call)
{
    const struct msg_store_user_add *ask = &call->ask.as.store_user_add;
    const struct db_value code[] = {db_bytes(ask->invite)};
    db_stmt_t *rows;
    if (ask->invite.len == 0)
        return store_refuse(call, ERR_INVITE_REQUIRED);
    db_status_t status = db_query(call->db,
                                  "SELECT id, expires_at_ms, uses_max, uses FROM invite WHERE code = ? FOR UPDATE", code,
                                  1, &rows);
    if (status)
        return status;
    if (!db_next(rows))
        return store_refuse(call, ERR_INVITE_INVALID);
    const uint64_t expires_at_ms = db_get_u64(rows, 1), uses_max = db_get_u64(rows, 2);
    if ((expires_at_ms && ask->at_ms >= expires_at_ms) || (uses_max && db_get_u64(rows, 3) >= uses_max))
        return store_refuse(call, ERR_INVITE_INVALID);
    const struct db_value id[] = {db_u64(db_get_u64(rows, 0))};
    return db_run(call->db, "UPDATE invite SET uses = uses + 1 WHERE id = ?", id, 1);
}

db_status_t store_admit(struct store_call *call)
{
    db_stmt_t *rows;
    db_status_t status = db_query(call->db, "SELECT signup FROM server_setting WHERE id = 1", NULL, 0, &rows);
    if (status)
        return status;
    const uint64_t signup = db_next(rows) ? db_get_u64(rows, 0) : SIGNUP_OPEN;
    if (signup == SIGNUP_OPEN)
        return DB_OK;
    return signup == SIGNUP_INVITED ? s_use_invite(call) : store_refuse(call, ERR_SIGNUP_CLOSED);
}

#define SQL_INVITE "SELECT id, code, by_user_id, created_at_ms, expires_at_ms, uses_max, uses FROM invite "

static db_status_t s_answer_invites(struct store_call *call, db_stmt_t *rows)
{
    while (db_next(rows)) {
        const struct rec_invite_info invite = {
            .invite = db_get_u64(rows, 0), .code = db_get_view(rows, 1), .by = db_get_u64(rows, 2),
            .created_at_ms = db_get_u64(rows, 3), .expires_at_ms = db_get_u64(rows, 4),
            .uses_max = db_get_u64(rows, 5), .uses = db_get_u64(rows, 6)};
        if (rec_invite_info_append(&call->list, &invite))
            return DB_FAILED;
    }
    call->answer.type = MSG_INVITES;
    call->answer.as.invites = (struct msg_invites){.invites = list_of(&call->list)};
    return DB_OK;
}

db_status_t store_on_invites_get(struct store_call *call)
{
    const struct db_value limit[] = {db_u64(LIM_INVITES_MAX)};
    db_status_t status;
    db_stmt_t *rows;
    if (!s_is_admin(call, call->ask.as.store_invites_get.by, &status))
        return status;
    status = db_query(call->db, SQL_INVITE "ORDER BY created_at_ms DESC, id LIMIT ?", limit, 1, &rows);
    return status ? status : s_answer_invites(call, rows);
}

/* Refuses when there are as many as can be, after those that are worth nothing have gone. */
static db_status_t s_make_room(struct store_call *call, uint64_t at_ms)
{
    const struct db_value now[] = {db_u64(at_ms)};
    db_stmt_t *rows;
    db_status_t status = db_query(call->db, "SELECT COUNT(*) FROM invite", NULL, 0, &rows);
    if (status || !db_next(rows) || db_get_u64(rows, 0) < LIM_INVITES_MAX)
        return status;
    status = db_run(call->db,
                    "DELETE FROM invite WHERE (expires_at_ms > 0 AND expires_at_ms <= ?) "
                    "OR (uses_max > 0 AND uses >= uses_max)",
                    now, 1);
    return status || db_affected(call->db) > 0 ? status : store_refuse(call, ERR_TOO_MANY_INVITES);
}

static db_status_t s_add_invite(struct store_call *call)
{
    const struct msg_store_invite_add *ask = &call->ask.as.store_invite_add;
    const struct db_value id[] = {db_u64(ask->invite)};
    db_stmt_t *rows;
    db_status_t status = s_lock_signups(call->db);
    if (status || !s_is_admin(call, ask->by, &status))
        return status;
    status = db_query(call->db, SQL_INVITE "WHERE id = ?", id, 1, &rows);
    if (status)
        return status;
    status = s_answer_invites(call, rows);
    if (status || call->list.count > 0)
        return status; /* the same question again */
    status = s_make_room(call, ask->at_ms);
    if (status || call->error)
        return status;
    const struct db_value values[] = {db_u64(ask->invite), db_bytes(ask->code), db_u64(ask->by), db_u64(ask->at_ms),
                                      db_u64(ask->expires_at_ms), db_u64(ask->uses_max)};
    status = db_run(call->db,
                    "INSERT INTO invite (id, code, by_user_id, created_at_ms, expires_at_ms, uses_max, uses) "
                    "VALUES (?, ?, ?, ?, ?, ?, 0)",
                    values, 6);
    if (!status)
        status = audit_add(call->db, ask->at_ms, "invite_made", ask->by, ask->invite, "");
    if (!status)
        status = db_query(call->db, SQL_INVITE "WHERE id = ?", id, 1, &rows);
    return status ? status : s_answer_invites(call, rows);
}

db_status_t store_on_invite_add(struct store_call *call)
{
    if (call->ask.as.store_invite_add.code.len < PERSON_CODE_LEN)
        return store_refuse(call, ERR_OUT_OF_RANGE);
    return store_in_transaction(call, s_add_invite);
}

static db_status_t s_end_invite(struct store_call *call)
{
    const struct msg_store_invite_end *ask = &call->ask.as.store_invite_end;
    const struct db_value id[] = {db_u64(ask->invite)};
    db_status_t status = s_lock_signups(call->db);
    if (status || !s_is_admin(call, ask->by, &status))
        return status;
    status = db_run(call->db, "DELETE FROM invite WHERE id = ?", id, 1);
    const bool was_there = !status && db_affected(call->db) > 0;
    if (was_there)
        status = audit_add(call->db, ask->at_ms, "invite_revoked", ask->by, ask->invite, "");
    store_answer_ok(call, was_there);
    return status;
}

db_status_t store_on_invite_end(struct store_call *call)
{
    return store_in_transaction(call, s_end_invite);
}
