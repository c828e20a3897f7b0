#include "persist/store_admin.h"

#include "actors/runtime/clock.h"
#include "persist/audit.h"
#include "persist/name_key.h"
#include "persist/store_accounts.h"
#include "persist/store_people.h"
#include "persist/store_sessions.h"

enum { COUNTER_USERS = 2, AS_IT_IS = 2, ALL_ROOMS = 3, ROLE_OWNER_OF_ROOM = 2 };

/* Refuses unless who asks is an administrator now. */
static db_status_t s_check(struct store_call *call)
{
    const struct db_value values[] = {db_u64(call->env->user)};
    db_stmt_t *rows;
    db_status_t status =
        db_query(call->db, "SELECT 1 FROM user WHERE id = ? AND role = 1 AND disabled = 0", values, 1, &rows);
    if (status)
        return status;
    return db_next(rows) ? DB_OK : store_refuse(call, ERR_FORBIDDEN);
}

/* A page has limit rows, and one more says that there are further ones. */
static size_t s_limit(uint32_t limit)
{
    return limit ? limit : 1;
}

/* ---- users ---------------------------------------------------------------------------------------------------- */

db_status_t store_on_admin_users_get(struct store_call *call)
{
    const struct msg_admin_users_get *ask = &call->ask.as.admin_users_get;
    struct msg_admin_users *answer = &call->answer.as.admin_users;
    const size_t limit = s_limit(ask->limit);
    const uint64_t now_ms = (uint64_t)clock_utc_ms();
    uint8_t query[NAME_KEY_BYTES_MAX], after[NAME_KEY_BYTES_MAX];
    const struct db_value values[] = {db_u64(now_ms - (uint64_t)LIM_REFRESH_IDLE_S * 1000),
                                      db_u64(now_ms - (uint64_t)LIM_REFRESH_ABSOLUTE_S * 1000),
                                      db_bytes(name_key(ask->after_name, after)), db_bytes(name_key(ask->query, query)),
                                      db_u64(limit + 1)};
    db_stmt_t *rows;
    db_status_t status = s_check(call);
    if (status || call->error)
        return status;
    status = db_query(call->db,
                      "SELECT u.id, u.name, u.role, u.disabled, u.created_at_ms, COALESCE((SELECT MAX(s.rotated_at_ms) "
                      "FROM session AS s WHERE s.user_id = u.id), 0), (SELECT COUNT(*) FROM session AS o WHERE "
                      "o.user_id = u.id AND o.revoked_at_ms = 0 AND o.rotated_at_ms >= ? AND o.created_at_ms >= ?) "
                      "FROM user AS u WHERE u.name_key > ? AND LOCATE(?, u.name_key) > 0 ORDER BY u.name_key LIMIT ?",
                      values, 5, &rows);
    if (status)
        return status;
    call->answer.type = MSG_ADMIN_USERS;
    *answer = (struct msg_admin_users){0};
    while (db_next(rows)) {
        const uint64_t sessions = db_get_u64(rows, 6);
        const struct rec_admin_user user = {
            .user = db_get_u64(rows, 0), .name = db_get_view(rows, 1), .role = (uint32_t)db_get_u64(rows, 2),
            .disabled = db_get_u64(rows, 3) != 0, .created_at_ms = db_get_u64(rows, 4),
            .used_at_ms = db_get_u64(rows, 5),
            .sessions = (uint32_t)(sessions < LIM_SESSIONS_MAX ? sessions : LIM_SESSIONS_MAX)};
        if (call->list.count == limit) {
            answer->more = true;
            break;
        }
        if (rec_admin_user_append(&call->list, &user))
            return DB_FAILED;
    }
    answer->users = list_of(&call->list);
    return DB_OK;
}

struct s_rights {
    uint64_t role, disabled;
};

static bool s_is_acting_admin(struct s_rights rights)
{
    return rights.role == 1 && !rights.disabled;
}

/* *found_out: there is such a user. */
static db_status_t s_lock_user(db_t *db, uint64_t user, struct s_rights *rights_out, bool *found_out)
{
    const struct db_value values[] = {db_u64(user)};
    db_stmt_t *rows;
    db_status_t status = db_query(db, "SELECT role, disabled FROM user WHERE id = ? FOR UPDATE", values, 1, &rows);
    *found_out = !status && db_next(rows);
    if (*found_out)
        *rights_out = (struct s_rights){.role = db_get_u64(rows, 0), .disabled = db_get_u64(rows, 1)};
    return status;
}

static db_status_t s_has_other_admin(db_t *db, uint64_t user, bool *has_out)
{
    const struct db_value values[] = {db_u64(user)};
    db_stmt_t *rows;
    db_status_t status =
        db_query(db, "SELECT 1 FROM user WHERE role = 1 AND disabled = 0 AND id <> ? LIMIT 1", values, 1, &rows);
    *has_out = !status && db_next(rows);
    return status;
}

static db_status_t s_write_rights(struct store_call *call, struct s_rights was, struct s_rights now)
{
    const struct msg_admin_user_set *ask = &call->ask.as.admin_user_set;
    const struct db_value values[] = {db_u64(now.role), db_u64(now.disabled), db_u64(ask->user)};
    const uint64_t by = call->env->user;
    db_status_t status = db_run(call->db, "UPDATE user SET role = ?, disabled = ? WHERE id = ?", values, 3);
    if (!status && now.role != was.role)
        status = store_user_changed(call->db, ask->user, ask->at_ms);
    if (!status && now.role != was.role)
        status = audit_add(call->db, ask->at_ms, "user_role", by, ask->user, now.role ? "administrator" : "user");
    if (!status && now.disabled != was.disabled)
        status = audit_add(call->db, ask->at_ms, now.disabled ? "user_disabled" : "user_enabled", by, ask->user, "");
    return status;
}

/* Under the lock of the counter of users, so that two administrators who take the right from each other at once leave
 * one. What was asked for before is done, and answered the same. */
static db_status_t s_set_user(struct store_call *call)
{
    const struct msg_admin_user_set *ask = &call->ask.as.admin_user_set;
    const struct db_value counter[] = {db_u64(COUNTER_USERS)};
    struct s_rights was = {0}, now;
    bool found = false, has_other = true;
    uint64_t ended = 0;
    db_stmt_t *rows;
    db_status_t status = db_query(call->db, "SELECT last FROM counter WHERE id = ? FOR UPDATE", counter, 1, &rows);
    if (!status)
        status = s_check(call);
    if (!status && !call->error)
        status = s_lock_user(call->db, ask->user, &was, &found);
    if (status || call->error)
        return status;
    if (!found)
        return store_refuse(call, ERR_NOT_FOUND);
    now.role = ask->role == AS_IT_IS ? was.role : ask->role;
    now.disabled = ask->disabled == AS_IT_IS ? was.disabled : ask->disabled;
    store_answer_ok(call, 0);
    if (now.role == was.role && now.disabled == was.disabled)
        return DB_OK;
    if (s_is_acting_admin(was) && !s_is_acting_admin(now))
        status = s_has_other_admin(call->db, ask->user, &has_other);
    if (!status && !has_other)
        return store_refuse(call, ERR_LAST_ADMIN);
    if (!status)
        status = s_write_rights(call, was, now);
    if (!status && (now.role < was.role || now.disabled > was.disabled))
        status = store_end_sessions(call->db, ask->user, 0, ask->at_ms, "signed_out", &ended);
    store_answer_ok(call, ended);
    return status;
}

db_status_t store_on_admin_user_set(struct store_call *call)
{
    return store_in_transaction(call, s_set_user);
}

/* ---- sign-ins ------------------------------------------------------------------------------------------------- */

db_status_t store_on_admin_sessions_get(struct store_call *call)
{
    const struct msg_admin_sessions_get ask = call->ask.as.admin_sessions_get;
    db_status_t status = s_check(call);
    if (status || call->error)
        return status;
    call->ask.as.store_sessions_get = (struct msg_store_sessions_get){.user = ask.user, .at_ms = ask.at_ms};
    status = store_on_sessions_get(call);
    call->ask.as.admin_sessions_get = ask; /* it may be asked again, on another connection */
    return status;
}

static db_status_t s_end_sessions(struct store_call *call)
{
    const struct msg_admin_sessions_end *ask = &call->ask.as.admin_sessions_end;
    uint64_t ended = 0;
    db_status_t status = s_check(call);
    if (status || call->error)
        return status;
    status = store_end_sessions(call->db, ask->user, ask->session, ask->at_ms, "signed_out", &ended);
    if (!status && ended > 0)
        status = audit_add(call->db, ask->at_ms, "user_signed_out", call->env->user, ask->user,
                           ask->session ? "one session" : "all sessions");
    store_answer_ok(call, ended);
    return status;
}

db_status_t store_on_admin_sessions_end(struct store_call *call)
{
    return store_in_transaction(call, s_end_sessions);
}

/* What each socket's session says of itself. A session that is gone leaves the texts empty. */
static db_status_t s_name_socket(struct store_call *call, struct rec_socket_info *socket)
{
    const struct db_value values[] = {db_u64(socket->session)};
    db_stmt_t *rows;
    db_status_t status =
        db_query(call->db,
                 "SELECT u.name, s.device, COALESCE(p.address, '') FROM session AS s JOIN user AS u ON u.id = s.user_id "
                 "LEFT JOIN session_place AS p ON p.session_id = s.id WHERE s.id = ?",
                 values, 1, &rows);
    if (!status && db_next(rows)) {
        socket->name = db_get_view(rows, 0);
        socket->device = db_get_view(rows, 1);
        socket->address = db_get_view(rows, 2);
    }
    if (!status && rec_socket_info_append(&call->list, socket))
        return DB_FAILED;
    return status;
}

db_status_t store_on_sockets(struct store_call *call)
{
    list_t sockets = call->ask.as.sockets.sockets;
    struct rec_socket_info socket;
    db_status_t status = s_check(call);
    while (!status && !call->error && rec_socket_info_next(&sockets, &socket))
        status = s_name_socket(call, &socket);
    call->answer.type = MSG_SOCKETS;
    call->answer.as.sockets = call->ask.as.sockets;
    call->answer.as.sockets.sockets = list_of(&call->list);
    return status;
}

/* ---- rooms ---------------------------------------------------------------------------------------------------- */

db_status_t store_on_admin_rooms_get(struct store_call *call)
{
    const struct msg_admin_rooms_get *ask = &call->ask.as.admin_rooms_get;
    struct msg_admin_rooms *answer = &call->answer.as.admin_rooms;
    const size_t limit = s_limit(ask->limit);
    const struct db_value values[] = {db_u64(ROLE_OWNER_OF_ROOM), db_u64(ask->visibility), db_u64(ALL_ROOMS),
                                      db_text(ask->query), db_text(ask->after_name),
                                      db_text(ask->after_name), db_u64(ask->after_room), db_u64(limit + 1)};
    db_stmt_t *rows;
    db_status_t status = s_check(call);
    if (status || call->error)
        return status;
    status = db_query(
        call->db,
        "SELECT r.id, r.name, r.visibility, r.member_count, r.last_msg_no, r.created_at_ms, r.last_at_ms, "
        "COALESCE(u.id, 0), COALESCE(u.name, ''), COALESCE(s.archived, 0) FROM room AS r LEFT JOIN room_setting AS s ON "
        "s.room_id = r.id LEFT JOIN user AS u ON u.id = (SELECT m.user_id FROM "
        "member AS m WHERE m.room_id = r.id AND m.role = ? LIMIT 1) WHERE ? IN (r.visibility, ?) AND LOCATE(?, "
        "r.name) > 0 AND (r.name > ? OR (r.name = ? AND r.id > ?)) ORDER BY r.name, r.id LIMIT ?",
        values, 8, &rows);
    if (status)
        return status;
    call->answer.type = MSG_ADMIN_ROOMS;
    *answer = (struct msg_admin_rooms){0};
    while (db_next(rows)) {
        const struct rec_admin_room room = {
            .room = db_get_u64(rows, 0), .name = db_get_view(rows, 1), .visibility = (uint32_t)db_get_u64(rows, 2),
            .members = db_get_u64(rows, 3), .messages = db_get_u64(rows, 4), .created_at_ms = db_get_u64(rows, 5),
            .last_at_ms = db_get_u64(rows, 6), .owner = db_get_u64(rows, 7), .owner_name = db_get_view(rows, 8),
            .archived = db_get_u64(rows, 9) != 0};
        if (call->list.count == limit) {
            answer->more = true;
            break;
        }
        if (rec_admin_room_append(&call->list, &room))
            return DB_FAILED;
    }
    answer->rooms = list_of(&call->list);
    return DB_OK;
}

/* ---- the audit log -------------------------------------------------------------------------------------------- */

db_status_t store_on_admin_audit_get(struct store_call *call)
{
    const struct msg_admin_audit_get *ask = &call->ask.as.admin_audit_get;
    struct msg_admin_audit *answer = &call->answer.as.admin_audit;
    const size_t limit = s_limit(ask->limit);
    const uint64_t before_ms = ask->before_at_ms ? ask->before_at_ms : ID_MAX;
    const uint64_t before_id = ask->before_at_ms ? ask->before_id : ID_MAX;
    const struct db_value values[] = {db_u64(before_ms), db_u64(before_ms), db_u64(before_id), db_u64(ask->action.len == 0),
                                      db_text(ask->action), db_u64(ask->user == 0), db_u64(ask->user),
                                      db_u64(ask->user), db_u64(limit + 1)};
    db_stmt_t *rows;
    db_status_t status = s_check(call);
    if (status || call->error)
        return status;
    status = db_query(call->db,
                      "SELECT a.id, a.at_ms, a.actor_id, COALESCE(u.name, ''), a.action, a.subject_id, "
                      "COALESCE(v.name, ''), a.detail FROM audit AS a LEFT JOIN user AS u ON u.id = a.actor_id "
                      "LEFT JOIN user AS v ON v.id = a.subject_id WHERE a.at_ms <= ? AND (a.at_ms < ? OR a.id < ?) "
                      "AND (? = 1 OR a.action = ?) AND (? = 1 OR a.actor_id = ? OR a.subject_id = ?) "
                      "ORDER BY a.at_ms DESC, a.id DESC LIMIT ?",
                      values, 9, &rows);
    if (status)
        return status;
    call->answer.type = MSG_ADMIN_AUDIT;
    *answer = (struct msg_admin_audit){0};
    while (db_next(rows)) {
        const struct rec_audit_row row = {
            .id = db_get_u64(rows, 0), .at_ms = db_get_u64(rows, 1), .actor = db_get_u64(rows, 2),
            .actor_name = db_get_view(rows, 3), .action = db_get_view(rows, 4), .subject = db_get_u64(rows, 5),
            .subject_name = db_get_view(rows, 6), .detail = db_get_view(rows, 7)};
        if (call->list.count == limit) {
            answer->more = true;
            break;
        }
        if (rec_audit_row_append(&call->list, &row))
            return DB_FAILED;
    }
    answer->rows = list_of(&call->list);
    return DB_OK;
}

static db_status_t s_add_audit(struct store_call *call)
{
    const struct msg_store_audit_add *ask = &call->ask.as.store_audit_add;
    store_answer_ok(call, 0);
    return audit_add_text(call->db, ask->at_ms, ask->action, 0, ask->subject, ask->detail);
}

db_status_t store_on_audit_add(struct store_call *call)
{
    return store_in_transaction(call, s_add_audit);
}
