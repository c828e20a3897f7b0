#include "persist/store_members.h"

#include <inttypes.h>
#include <stdio.h>

#include "persist/audit.h"
#include "persist/store_people.h"
#include "persist/store_rooms.h"

enum { BIT_MUTED = 1, BIT_BANNED = 2, ROLE_MODERATOR_OF_ROOM = 1, ROLE_OWNER_OF_ROOM = 2 };

/* ---- reading -------------------------------------------------------------------------------------------------- */

db_status_t store_read_restricted(db_t *db, uint64_t room, list_writer_t *list)
{
    const struct db_value values[] = {db_u64(room), db_u64(LIM_ROOM_RESTRICTED_MAX)};
    db_stmt_t *rows;
    db_status_t status = db_query(
        db, "SELECT user_id, state FROM room_restricted WHERE room_id = ? ORDER BY user_id LIMIT ?", values, 2, &rows);
    if (status)
        return status;
    while (db_next(rows)) {
        const struct rec_restricted person = {.user = db_get_u64(rows, 0), .state = (uint32_t)db_get_u64(rows, 1)};
        if (rec_restricted_append(list, &person))
            return DB_FAILED;
    }
    return DB_OK;
}

db_status_t store_on_restricted_get(struct store_call *call)
{
    const struct msg_store_restricted_get *ask = &call->ask.as.store_restricted_get;
    struct msg_restricted *answer = &call->answer.as.restricted;
    const size_t limit = ask->limit ? ask->limit : 1;
    const struct db_value values[] = {db_u64(ask->room), db_u64(ask->after_user), db_u64(limit + 1)};
    db_stmt_t *rows;
    db_status_t status = db_query(call->db,
                                  "SELECT r.user_id, COALESCE(" STORE_SHOWN ", ''), r.state, r.by_user_id, r.at_ms "
                                  "FROM room_restricted AS r LEFT JOIN user AS u ON u.id = r.user_id " STORE_JOIN_PROFILE
                                  "WHERE r.room_id = ? AND r.user_id > ? ORDER BY r.user_id LIMIT ?",
                                  values, 3, &rows);
    if (status)
        return status;
    call->answer.type = MSG_RESTRICTED;
    *answer = (struct msg_restricted){.room = ask->room};
    while (db_next(rows)) {
        const struct rec_restricted_info person = {.user = db_get_u64(rows, 0), .name = db_get_view(rows, 1),
                                                   .state = (uint32_t)db_get_u64(rows, 2),
                                                   .by = db_get_u64(rows, 3), .at_ms = db_get_u64(rows, 4)};
        if (call->list.count == limit) {
            answer->more = true;
            break;
        }
        if (rec_restricted_info_append(&call->list, &person))
            return DB_FAILED;
    }
    answer->people = list_of(&call->list);
    return DB_OK;
}

/* ---- changing ------------------------------------------------------------------------------------------------- */

static db_status_t s_audit(db_t *db, const struct rec_append_row *row, const char *action, uint64_t member)
{
    char detail[40];
    snprintf(detail, sizeof detail, "room %" PRIu64, row->room);
    return audit_add(db, row->at_ms, action, row->user, member, detail);
}

static db_status_t s_restrict(db_t *db, const struct rec_append_row *row, uint64_t user, uint64_t bit)
{
    const struct db_value values[] = {db_u64(row->room), db_u64(user), db_u64(bit), db_u64(row->user),
                                      db_u64(row->at_ms), db_u64(bit), db_u64(row->user), db_u64(row->at_ms)};
    return db_run(db,
                  "INSERT INTO room_restricted (room_id, user_id, state, by_user_id, at_ms) VALUES (?, ?, ?, ?, ?) "
                  "ON DUPLICATE KEY UPDATE state = state | ?, by_user_id = ?, at_ms = ?",
                  values, 8);
}

static db_status_t s_lift(db_t *db, const struct rec_append_row *row, uint64_t user, uint64_t bit)
{
    const struct db_value values[] = {db_u64(BIT_MUTED + BIT_BANNED - bit), db_u64(row->user), db_u64(row->at_ms),
                                      db_u64(row->room), db_u64(user)};
    db_status_t status = db_run(db,
                                "UPDATE room_restricted SET state = state & ?, by_user_id = ?, at_ms = ? "
                                "WHERE room_id = ? AND user_id = ?",
                                values, 5);
    return status ? status
                  : db_run(db, "DELETE FROM room_restricted WHERE room_id = ? AND user_id = ? AND state = 0",
                           values + 3, 2);
}

static db_status_t s_set_role(db_t *db, uint64_t room, uint64_t user, uint64_t role)
{
    const struct db_value values[] = {db_u64(role), db_u64(room), db_u64(user)};
    return db_run(db, "UPDATE member SET role = ? WHERE room_id = ? AND user_id = ?", values, 3);
}

static db_status_t s_change_role(db_t *db, const struct rec_append_row *row, const struct kind_role_changed *body)
{
    db_status_t status = s_set_role(db, row->room, body->member, body->role);
    if (!status && body->role == ROLE_OWNER_OF_ROOM)
        status = s_set_role(db, row->room, row->user, ROLE_MODERATOR_OF_ROOM);
    return status ? status : s_audit(db, row, "room_role", body->member);
}

static db_status_t s_remove(db_t *db, const struct rec_append_row *row, uint64_t member, const char *action)
{
    db_status_t status = store_member_leave(db, row->room, member);
    return status ? status : s_audit(db, row, action, member);
}

static db_status_t s_mute(db_t *db, const struct rec_append_row *row, const struct kind_muted *body)
{
    db_status_t status = body->muted ? s_restrict(db, row, body->member, BIT_MUTED)
                                     : s_lift(db, row, body->member, BIT_MUTED);
    return status ? status : s_audit(db, row, body->muted ? "room_mute" : "room_unmute", body->member);
}

db_status_t store_member_change(db_t *db, const struct rec_append_row *row)
{
    union {
        struct kind_removed removed;
        struct kind_banned banned;
        struct kind_unbanned unbanned;
        struct kind_role_changed role;
        struct kind_muted muted;
    } as;
    if (!store_row_body(row, &as))
        return DB_FAILED;
    db_status_t status;
    switch (row->kind) {
    case KIND_REMOVED: return s_remove(db, row, as.removed.member, "room_remove");
    case KIND_BANNED:
        status = s_restrict(db, row, as.banned.member, BIT_BANNED);
        return status ? status : s_remove(db, row, as.banned.member, "room_ban");
    case KIND_UNBANNED:
        status = s_lift(db, row, as.unbanned.member, BIT_BANNED);
        return status ? status : s_audit(db, row, "room_unban", as.unbanned.member);
    case KIND_ROLE_CHANGED: return s_change_role(db, row, &as.role);
    case KIND_MUTED: return s_mute(db, row, &as.muted);
    default: return DB_FAILED;
    }
}
