#include "persist/store_settings.h"

#include "persist/audit.h"
#include "persist/store_rooms.h"

db_status_t store_on_entrants_get(struct store_call *call)
{
    list_t list = call->ask.as.store_entrants_get.users;
    struct db_value values[LIM_DIRECT_MEMBERS_MAX];
    struct rec_id id = {0};
    db_stmt_t *rows;
    for (size_t i = 0; i < LIM_DIRECT_MEMBERS_MAX; i++) { /* the last one fills the rest */
        rec_id_next(&list, &id);
        values[i] = db_u64(id.id);
    }
    _Static_assert(LIM_DIRECT_MEMBERS_MAX == 9, "so many marks are written below");
    db_status_t status = db_query(call->db,
                                  "SELECT u.id, (SELECT COUNT(*) FROM member AS m WHERE m.user_id = u.id) FROM user AS u "
                                  "WHERE u.id IN (?,?,?,?,?,?,?,?,?) AND u.disabled = 0 ORDER BY u.id",
                                  values, LIM_DIRECT_MEMBERS_MAX, &rows);
    if (status)
        return status;
    while (db_next(rows)) {
        const struct rec_entrant entrant = {.user = db_get_u64(rows, 0), .rooms = db_get_u64(rows, 1)};
        if (rec_entrant_append(&call->list, &entrant))
            return DB_FAILED;
    }
    call->answer.type = MSG_STORE_ENTRANTS;
    call->answer.as.store_entrants.people = list_of(&call->list);
    return DB_OK;
}

db_status_t store_setting_create(db_t *db, uint64_t room, uint64_t history)
{
    const struct db_value values[] = {db_u64(room), db_u64(history)};
    return db_run(db, "INSERT INTO room_setting (room_id, history, archived) VALUES (?, ?, 0)", values, 2);
}

static db_status_t s_audit(db_t *db, const struct rec_append_row *row, const char *action)
{
    return audit_add(db, row->at_ms, action, row->user, row->room, "");
}

static db_status_t s_rename(db_t *db, const struct rec_append_row *row, const struct kind_renamed *body)
{
    const struct db_value values[] = {db_text(body->name), db_u64(row->room)};
    db_status_t status = db_run(db, "UPDATE room SET name = ? WHERE id = ?", values, 2);
    return status ? status : s_audit(db, row, "room_rename");
}

static db_status_t s_set_topic(db_t *db, const struct rec_append_row *row, const struct kind_topic_changed *body)
{
    const struct db_value values[] = {db_text(body->topic), db_u64(row->room)};
    return db_run(db, "UPDATE room SET topic = ? WHERE id = ?", values, 2);
}

static db_status_t s_archive(db_t *db, const struct rec_append_row *row, bool on)
{
    const struct db_value values[] = {db_u64(row->room), db_u64(on), db_u64(on)};
    db_status_t status = db_run(db,
                                "INSERT INTO room_setting (room_id, history, archived) VALUES (?, 0, ?) "
                                "ON DUPLICATE KEY UPDATE archived = ?",
                                values, 3);
    return status ? status : s_audit(db, row, on ? "room_archive" : "room_unarchive");
}

static db_status_t s_set_history(db_t *db, const struct rec_append_row *row, uint64_t history)
{
    const struct db_value values[] = {db_u64(row->room), db_u64(history), db_u64(history)};
    db_status_t status = db_run(db,
                                "INSERT INTO room_setting (room_id, history, archived) VALUES (?, ?, 0) "
                                "ON DUPLICATE KEY UPDATE history = ?",
                                values, 3);
    return status ? status : s_audit(db, row, "room_history");
}

db_status_t store_setting_change(db_t *db, const struct rec_append_row *row)
{
    union {
        struct kind_renamed renamed;
        struct kind_topic_changed topic_changed;
        struct kind_archived archived;
        struct kind_history_changed history_changed;
    } as;
    if (!store_row_body(row, &as))
        return DB_FAILED;
    switch (row->kind) {
    case KIND_RENAMED: return s_rename(db, row, &as.renamed);
    case KIND_TOPIC_CHANGED: return s_set_topic(db, row, &as.topic_changed);
    case KIND_ARCHIVED: return s_archive(db, row, as.archived.on);
    case KIND_HISTORY_CHANGED: return s_set_history(db, row, as.history_changed.history);
    default: return DB_FAILED;
    }
}
