#include "persist/store_rooms.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/runtime/clock.h"
#include "actors/runtime/log.h"
#include "actors/runtime/metrics.h"
#include "persist/audit.h"
#include "persist/store_members.h"
#include "persist/store_messages.h"
#include "persist/store_people.h"
#include "persist/store_places.h"
#include "persist/store_settings.h"
#include "proto/first.h"

enum { ROLE_OWNER_OF_ROOM = 2, LIKE_BYTES_MAX = 2 * LIM_QUERY_BYTES_MAX + 2 };

/* ---- a room for its actor ------------------------------------------------------------------------------------- */

static db_status_t s_read_members(struct store_call *call, uint64_t room)
{
    const struct db_value values[] = {db_u64(room), db_u64(LIM_ROOM_MEMBERS_MAX)};
    db_stmt_t *rows;
    db_status_t status = db_query(call->db,
                                  "SELECT user_id, role, joined_seq, visible_from_seq FROM member WHERE room_id = ? "
                                  "ORDER BY user_id LIMIT ?",
                                  values, 2, &rows);
    if (status)
        return status;
    while (db_next(rows)) {
        const struct rec_room_member member = {.user = db_get_u64(rows, 0), .role = (uint32_t)db_get_u64(rows, 1),
                                               .joined_seq = db_get_u64(rows, 2),
                                               .visible_from_seq = db_get_u64(rows, 3)};
        if (rec_room_member_append(&call->list, &member))
            return DB_FAILED;
    }
    return DB_OK;
}

static db_status_t s_read_room(struct store_call *call, uint64_t room)
{
    const struct db_value values[] = {db_u64(room)};
    struct msg_store_room *answer = &call->answer.as.store_room;
    db_stmt_t *rows;
    db_status_t status = db_query(call->db,
                                  "SELECT r.id, r.incarnation, r.visibility, r.name, r.topic, r.created_at_ms, r.last_seq, "
                                  "r.last_msg_no, r.last_at_ms, COALESCE(s.archived, 0), COALESCE(s.history, 0) "
                                  "FROM room AS r LEFT JOIN room_setting AS s ON s.room_id = r.id WHERE r.id = ?",
                                  values, 1, &rows);
    if (status)
        return status;
    *answer = (struct msg_store_room){.room = room};
    if (!db_next(rows))
        return DB_OK;
    *answer = (struct msg_store_room){
        .found = true, .room = db_get_u64(rows, 0), .incarnation = db_get_u64(rows, 1),
        .visibility = (uint32_t)db_get_u64(rows, 2), .name = db_get_view(rows, 3), .topic = db_get_view(rows, 4),
        .created_at_ms = db_get_u64(rows, 5), .last_seq = db_get_u64(rows, 6), .last_msg_no = db_get_u64(rows, 7),
        .last_at_ms = db_get_u64(rows, 8), .archived = db_get_u64(rows, 9) != 0,
        .history = (uint32_t)db_get_u64(rows, 10)};
    return DB_OK;
}

/* The highest numbers of deleted lines, which come first, turned around; and the last deletion. */
static db_status_t s_read_gone(struct store_call *call, uint64_t room)
{
    struct msg_store_room *answer = &call->answer.as.store_room;
    const struct db_value values[] = {db_u64(room), db_u64(LIM_ROOM_GONE_MAX + 1)};
    uint64_t msg_nos[LIM_ROOM_GONE_MAX];
    size_t count = 0;
    db_stmt_t *rows;
    db_status_t status = db_query(call->db, "SELECT MAX(deleted_seq) FROM gone_line WHERE room_id = ?", values, 1, &rows);
    if (status)
        return status;
    answer->deleted = db_next(rows) ? db_get_u64(rows, 0) : 0;
    if (!answer->deleted)
        return DB_OK;
    status = db_query(call->db, "SELECT msg_no FROM gone_line WHERE room_id = ? ORDER BY msg_no DESC LIMIT ?", values, 2,
                      &rows);
    while (!status && db_next(rows)) {
        answer->gone_more = count == LIM_ROOM_GONE_MAX;
        if (!answer->gone_more)
            msg_nos[count++] = db_get_u64(rows, 0);
    }
    while (!status && count-- > 0)
        if (rec_id_append(&call->list, &(struct rec_id){.id = msg_nos[count]}))
            return DB_FAILED;
    return status;
}

/* Room, members and tail of one moment: a commit in between would give a tail that does not end at the head. */
static db_status_t s_answer_room(struct store_call *call, uint64_t room)
{
    struct msg_store_room *answer = &call->answer.as.store_room;
    call->answer.type = MSG_STORE_ROOM;
    db_status_t status = db_begin_snapshot(call->db);
    if (!status)
        status = s_read_room(call, room);
    if (!status && answer->found)
        status = s_read_members(call, answer->room);
    const size_t member_bytes = call->list.records.len, member_count = call->list.count;
    if (!status && answer->found)
        status = store_read_restricted(call->db, answer->room, &call->list);
    const size_t restricted_bytes = call->list.records.len, restricted_count = call->list.count;
    if (!status && answer->found)
        status = s_read_gone(call, answer->room);
    if (!status && answer->found)
        status = store_event_tail(call->db, answer->room, answer->last_seq, &call->more);
    db_rollback(call->db);
    /* Three lists, one behind the other in the same memory. */
    const list_t both = list_of(&call->list);
    answer->members = (list_t){.bytes = both.bytes, .len = member_bytes, .count = member_count};
    answer->restricted = (list_t){.bytes = both.bytes ? both.bytes + member_bytes : NULL,
                                  .len = restricted_bytes - member_bytes, .count = restricted_count - member_count};
    answer->gone = (list_t){.bytes = both.bytes ? both.bytes + restricted_bytes : NULL,
                            .len = both.len - restricted_bytes, .count = both.count - restricted_count};
    answer->tail = list_of(&call->more);
    return status;
}

db_status_t store_on_room_get(struct store_call *call)
{
    return s_answer_room(call, call->ask.as.store_room_get.room);
}

static db_status_t s_add_incarnation(struct store_call *call)
{
    const struct msg_store_room_lost *ask = &call->ask.as.store_room_lost;
    const struct db_value values[] = {db_u64(ask->room), db_u64(ask->incarnation), db_u64(ask->head)};
    char detail[80];
    db_status_t status = db_run(call->db, "UPDATE room SET incarnation = incarnation + 1 WHERE id = ? AND "
                                          "incarnation = ? AND last_seq < ?", values, 3);
    if (status || db_affected(call->db) == 0)
        return status;
    log_error("a room lost committed events: the database came back without them: room=%" PRIu64 " head=%" PRIu64,
              ask->room, ask->head);
    metric_add(METRIC_STORE_LOST_ROOMS, 1);
    snprintf(detail, sizeof detail, "had %" PRIu64 " events", ask->head);
    return audit_add(call->db, (uint64_t)clock_utc_ms(), "room_lost_events", address_node(call->env->from), ask->room, detail);
}

db_status_t store_on_room_lost(struct store_call *call)
{
    db_status_t status = store_in_transaction(call, s_add_incarnation);
    return status ? status : s_answer_room(call, call->ask.as.store_room_lost.room);
}

/* ---- lists of rooms and members ------------------------------------------------------------------------------- */

/* "101,102": the ids of who is in a direct room. */
static bool s_read_people(view_t text, list_writer_t *people)
{
    for (size_t at = 0; at < text.len; at++) {
        struct rec_id id = {0};
        for (; at < text.len && text.bytes[at] >= '0' && text.bytes[at] <= '9'; at++)
            id.id = id.id * 10 + (text.bytes[at] - '0');
        if (rec_id_append(people, &id))
            return false;
    }
    return people->count <= LIM_DIRECT_MEMBERS_MAX;
}

db_status_t store_on_inbox_get(struct store_call *call)
{
    const struct db_value values[] = {db_u64(call->ask.as.store_inbox_get.user), db_u64(LIM_SUBS_MAX)};
    db_stmt_t *rows;
    db_status_t status = db_query(
        call->db,
        "SELECT r.id, r.incarnation, r.visibility, r.name, r.topic, r.last_seq, r.last_msg_no, m.read_msg_no, m.role, "
        "m.notify, COALESCE(p.turn, 0), COALESCE(p.rev, 0), COALESCE(s.archived, 0), COALESCE(s.history, 0), "
        "(SELECT GROUP_CONCAT(o.user_id ORDER BY o.user_id) FROM member AS o WHERE r.visibility = 2 AND o.room_id = r.id) "
        "FROM member AS m JOIN room AS r ON r.id = m.room_id "
        "LEFT JOIN member_place AS p ON p.room_id = m.room_id AND p.user_id = m.user_id "
        "LEFT JOIN room_setting AS s ON s.room_id = r.id WHERE m.user_id = ? ORDER BY m.room_id LIMIT ?",
        values, 2, &rows);
    if (status)
        return status;
    while (db_next(rows)) {
        list_writer_clear(&call->more);
        if (!s_read_people(db_get_view(rows, 14), &call->more))
            return DB_FAILED;
        const struct rec_room_state room = {
            .room = db_get_u64(rows, 0), .incarnation = db_get_u64(rows, 1),
            .visibility = (uint32_t)db_get_u64(rows, 2), .name = db_get_view(rows, 3), .topic = db_get_view(rows, 4),
            .head = db_get_u64(rows, 5), .msg_no = db_get_u64(rows, 6), .read_msg_no = db_get_u64(rows, 7),
            .role = (uint32_t)db_get_u64(rows, 8), .notify = (uint32_t)db_get_u64(rows, 9),
            .turn = db_get_u64(rows, 10), .rev = db_get_u64(rows, 11), .archived = db_get_u64(rows, 12) != 0,
            .history = (uint32_t)db_get_u64(rows, 13), .people = list_of(&call->more)};
        if (rec_room_state_append(&call->list, &room))
            return DB_FAILED;
    }
    call->answer.type = MSG_STORE_INBOX;
    call->answer.as.store_inbox =
        (struct msg_store_inbox){.user = call->ask.as.store_inbox_get.user, .rooms = list_of(&call->list)};
    return DB_OK;
}

db_status_t store_answer_members(struct store_call *call, db_stmt_t *rows, uint64_t room, size_t limit)
{
    struct msg_members *answer = &call->answer.as.members;
    call->answer.type = MSG_MEMBERS;
    *answer = (struct msg_members){.room = room};
    while (db_next(rows)) {
        const struct rec_member_info member = {.user = db_get_u64(rows, 0), .name = db_get_view(rows, 1),
                                               .role = (uint32_t)db_get_u64(rows, 2),
                                               .joined_seq = db_get_u64(rows, 3),
                                               .muted = db_get_u64(rows, 4) != 0};
        if (call->list.count == limit) {
            answer->more = true;
            break;
        }
        if (rec_member_info_append(&call->list, &member))
            return DB_FAILED;
    }
    answer->members = list_of(&call->list);
    return DB_OK;
}

db_status_t store_on_members_get(struct store_call *call)
{
    const struct msg_store_members_get *ask = &call->ask.as.store_members_get;
    const size_t limit = ask->limit ? ask->limit : 1;
    const struct db_value values[] = {db_u64(ask->room), db_u64(ask->after_user), db_u64(limit + 1)};
    db_stmt_t *rows;
    db_status_t status = db_query(call->db,
                                  "SELECT m.user_id, COALESCE(" STORE_SHOWN ", ''), m.role, m.joined_seq, "
                                  "COALESCE(r.state, 0) & 1 FROM member AS m LEFT JOIN user AS u ON u.id = m.user_id " STORE_JOIN_PROFILE
                                  "LEFT JOIN room_restricted AS r ON r.room_id = m.room_id AND r.user_id = m.user_id "
                                  "WHERE m.room_id = ? AND m.user_id > ? "
                                  "ORDER BY m.user_id LIMIT ?",
                                  values, 3, &rows);
    if (status)
        return status;
    return store_answer_members(call, rows, ask->room, limit);
}

/* %query% with what LIKE would take for a wildcard escaped. */
static view_t s_like(view_t query, uint8_t pattern_out[LIKE_BYTES_MAX])
{
    size_t len = 0;
    pattern_out[len++] = '%';
    for (size_t i = 0; i < query.len && i < LIM_QUERY_BYTES_MAX; i++) {
        if (strchr("%_|", query.bytes[i]))
            pattern_out[len++] = '|';
        pattern_out[len++] = query.bytes[i];
    }
    pattern_out[len++] = '%';
    return view_of(pattern_out, len);
}

db_status_t store_on_rooms_get(struct store_call *call)
{
    const struct msg_store_rooms_get *ask = &call->ask.as.store_rooms_get;
    struct msg_rooms *answer = &call->answer.as.rooms;
    const size_t limit = ask->limit ? ask->limit : 1;
    uint8_t pattern[LIKE_BYTES_MAX];
    const struct db_value values[] = {db_u64(ask->user), db_text(s_like(ask->query, pattern)), db_u64(ask->user),
                                      db_text(ask->after_name), db_text(ask->after_name), db_u64(ask->after_room),
                                      db_u64(ask->archived), db_u64(limit + 1)};
    db_stmt_t *rows;
    db_status_t status = db_query(
        call->db,
        "SELECT r.id, r.name, r.topic, r.visibility, r.member_count, EXISTS (SELECT 1 FROM member AS m "
        "WHERE m.room_id = r.id AND m.user_id = ?), r.created_at_ms, COALESCE(s.archived, 0), COALESCE(s.history, 0) "
        "FROM room AS r LEFT JOIN room_setting AS s ON s.room_id = r.id WHERE r.visibility = 0 "
        "AND r.name LIKE ? ESCAPE '|' AND NOT EXISTS (SELECT 1 FROM room_restricted AS x WHERE x.room_id = r.id "
        "AND x.user_id = ? AND x.state >= 2) AND (r.name > ? OR (r.name = ? AND r.id > ?)) "
        "AND COALESCE(s.archived, 0) <= ? ORDER BY r.name, r.id LIMIT ?",
        values, 8, &rows);
    if (status)
        return status;
    call->answer.type = MSG_ROOMS;
    *answer = (struct msg_rooms){0};
    while (db_next(rows)) {
        const struct rec_room_info room = {
            .room = db_get_u64(rows, 0), .name = db_get_view(rows, 1), .topic = db_get_view(rows, 2),
            .visibility = (uint32_t)db_get_u64(rows, 3), .members = db_get_u64(rows, 4),
            .joined = db_get_u64(rows, 5) != 0, .created_at_ms = db_get_u64(rows, 6),
            .archived = db_get_u64(rows, 7) != 0, .history = (uint32_t)db_get_u64(rows, 8)};
        if (call->list.count == limit) {
            answer->more = true;
            break;
        }
        if (rec_room_info_append(&call->list, &room))
            return DB_FAILED;
    }
    answer->rooms = list_of(&call->list);
    return DB_OK;
}

/* ---- what events do to rooms and members ---------------------------------------------------------------------- */

bool store_row_body(const struct rec_append_row *row, void *body_out)
{
    struct msg msg;
    return msg_decode(row->event, &msg) == ERR_OK && msg.type == MSG_EVENT &&
           kind_decode(row->kind, msg.as.event.body, body_out) == ERR_OK;
}

static bool s_first(const struct rec_append_row *row, struct room_first *out)
{
    struct msg msg;
    return !msg_decode(row->event, &msg) && msg.type == MSG_EVENT &&
           room_first_read(row->kind, msg.as.event.body, out);
}

db_status_t store_room_create(db_t *db, const struct rec_append_row *row)
{
    struct room_first body;
    if (!s_first(row, &body))
        return DB_FAILED;
    const struct db_value values[] = {db_u64(row->room), db_u64(body.visibility), db_text(body.name),
                                      db_text(body.topic), db_u64(row->user), db_u64(row->at_ms)};
    db_status_t status = db_run(db,
                  "INSERT INTO room (id, incarnation, visibility, name, topic, created_by, created_at_ms, last_seq, "
                  "last_msg_no, last_at_ms, member_count) VALUES (?, 1, ?, ?, ?, ?, ?, 0, 0, 0, 0)",
                  values, 6);
    return status ? status : store_setting_create(db, row->room, body.history);
}

static db_status_t s_count_members(db_t *db, uint64_t room, bool joined)
{
    const struct db_value values[] = {db_u64(room)};
    return db_run(db, joined ? "UPDATE room SET member_count = member_count + 1 WHERE id = ?"
                             : "UPDATE room SET member_count = member_count - 1 WHERE id = ? AND member_count > 0",
                  values, 1);
}

/* Somebody's row, with what the room lets newcomers read now. read_msg_no: nothing before it is unread. */
static db_status_t s_enter(db_t *db, const struct rec_append_row *row, uint64_t user, uint64_t role,
                           uint64_t read_msg_no)
{
    const struct db_value again[] = {db_u64(role), db_u64(row->seq), db_u64(row->seq), db_u64(row->room),
                                     db_u64(row->room), db_u64(user)};
    db_status_t status = db_run(db,
                                "UPDATE member SET role = ?, joined_seq = ?, visible_from_seq = COALESCE((SELECT CASE "
                                "WHEN s.history = 1 THEN ? ELSE 0 END FROM room_setting AS s WHERE s.room_id = ?), 0) "
                                "WHERE room_id = ? AND user_id = ?",
                                again, 6);
    if (status || db_affected(db) > 0)
        return status;
    const struct db_value values[] = {db_u64(row->room), db_u64(user), db_u64(role), db_u64(read_msg_no),
                                      db_u64(row->seq), db_u64(row->seq), db_u64(row->room)};
    status = db_run(db,
                    "INSERT INTO member (room_id, user_id, role, notify, read_msg_no, joined_seq, visible_from_seq) "
                    "VALUES (?, ?, ?, 0, ?, ?, COALESCE((SELECT CASE WHEN s.history = 1 THEN ? ELSE 0 END "
                    "FROM room_setting AS s WHERE s.room_id = ?), 0))",
                    values, 7);
    return status ? status : s_count_members(db, row->room, true);
}

/* Nothing was said before a room was: its founders see all of it. */
static db_status_t s_found(db_t *db, const struct rec_append_row *row, uint64_t user, uint64_t role)
{
    const struct db_value values[] = {db_u64(row->room), db_u64(user), db_u64(role), db_u64(row->seq)};
    db_status_t status = db_run(db,
                                "INSERT INTO member (room_id, user_id, role, notify, read_msg_no, joined_seq, "
                                "visible_from_seq) VALUES (?, ?, ?, 0, 0, ?, 0)",
                                values, 4);
    return status ? status : s_count_members(db, row->room, true);
}

db_status_t store_members_found(db_t *db, const struct rec_append_row *row)
{
    struct room_first body;
    struct rec_id id;
    if (!s_first(row, &body))
        return DB_FAILED;
    if (body.visibility != VISIBILITY_DIRECT)
        return s_found(db, row, row->user, ROLE_OWNER_OF_ROOM);
    db_status_t status = DB_OK;
    while (!status && rec_id_next(&body.members, &id))
        status = s_found(db, row, id.id, 0);
    return status;
}

db_status_t store_member_join(db_t *db, const struct rec_append_row *row, uint64_t read_msg_no)
{
    struct kind_joined joined = {0};
    struct kind_added added;
    if (row->kind == KIND_ADDED)
        return store_row_body(row, &added) ? s_enter(db, row, added.member, 0, read_msg_no) : DB_FAILED;
    db_status_t status =
        store_row_body(row, &joined) ? s_enter(db, row, row->user, joined.role, read_msg_no) : DB_FAILED;
    if (!status && joined.role == ROLE_OWNER_OF_ROOM) /* who enters an empty room */
        status = audit_add(db, row->at_ms, "room_taken", row->user, row->room, "");
    return status;
}

db_status_t store_member_leave(db_t *db, uint64_t room, uint64_t user)
{
    const struct db_value values[] = {db_u64(room), db_u64(user)};
    db_status_t status = db_run(db, "DELETE FROM member WHERE room_id = ? AND user_id = ?", values, 2);
    if (status || db_affected(db) == 0)
        return status;
    status = store_place_forget(db, room, user);
    return status ? status : s_count_members(db, room, false);
}
