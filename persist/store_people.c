#include "persist/store_people.h"

#include <string.h>

#include "persist/name_key.h"
#include "persist/store_accounts.h"
#include "proto/person.h"

enum { COUNTER_USER_CHANGES = 4 };

/* Appends the rows, whose columns from `first` on are STORE_USER_INFO; at most limit of them. more_out: there are
 * further ones. */
static db_status_t s_append_users(struct store_call *call, db_stmt_t *rows, unsigned first, size_t limit, bool *more_out,
                                  uint64_t *number_out)
{
    *more_out = false;
    while (db_next(rows)) {
        const struct rec_user_info user = {
            .user = db_get_u64(rows, first), .name = db_get_view(rows, first + 1),
            .role = (uint32_t)db_get_u64(rows, first + 2), .rev = db_get_u64(rows, first + 3),
            .handle = db_get_view(rows, first + 4), .avatar = db_get_u64(rows, first + 5)};
        if (call->list.count == limit) {
            *more_out = true;
            break;
        }
        if (number_out)
            *number_out = db_get_u64(rows, 0);
        if (rec_user_info_append(&call->list, &user))
            return DB_FAILED;
    }
    return DB_OK;
}

static db_status_t s_answer_users(struct store_call *call, db_stmt_t *rows, size_t limit)
{
    bool more;
    db_status_t status = s_append_users(call, rows, 0, limit, &more, NULL);
    call->answer.type = MSG_USERS;
    call->answer.as.users = (struct msg_users){.users = list_of(&call->list), .more = more};
    return status;
}

/* ---- asking --------------------------------------------------------------------------------------------------- */

db_status_t store_on_users_get(struct store_call *call)
{
    struct db_value values[SIZED_ROWS_MAX];
    struct sized_sql sql = {.head = "SELECT " STORE_USER_INFO " FROM user AS u " STORE_JOIN_PROFILE "WHERE u.id IN (",
                            .item = "?", .joiner = ",", .tail = ") ORDER BY u.id"};
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
    return status ? status : s_answer_users(call, rows, LIM_USERS_PAGE_MAX);
}

/* By handle, which is unique: so it is the whole cursor. INSTR and not LIKE: keys are bytes, in which nothing has a
 * meaning of its own. */
db_status_t store_on_users_find(struct store_call *call)
{
    const struct msg_store_users_find *ask = &call->ask.as.store_users_find;
    const size_t limit = ask->limit ? ask->limit : 1;
    uint8_t query_bytes[2 * LIM_QUERY_BYTES_MAX], after_bytes[NAME_KEY_BYTES_MAX];
    const view_t query = name_key_of(ask->query, query_bytes);
    const struct db_value values[] = {db_bytes(name_key(ask->after_name, after_bytes)), db_bytes(query),
                                      db_bytes(query), db_u64(limit + 1)};
    db_stmt_t *rows;
    db_status_t status = db_query(call->db,
                                  "SELECT " STORE_USER_INFO " FROM user AS u " STORE_JOIN_PROFILE
                                  "WHERE u.name_key > ? AND u.disabled = 0 AND (INSTR(u.name_key, ?) > 0 "
                                  "OR INSTR(p.display_key, ?) > 0) ORDER BY u.name_key LIMIT ?",
                                  values, 4, &rows);
    return status ? status : s_answer_users(call, rows, limit);
}

static db_status_t s_answer_user(struct store_call *call, uint64_t user)
{
    const struct db_value values[] = {db_u64(user)};
    db_stmt_t *rows;
    db_status_t status = db_query(
        call->db, "SELECT " STORE_USER_INFO " FROM user AS u " STORE_JOIN_PROFILE "WHERE u.id = ?", values, 1, &rows);
    return status ? status : s_answer_users(call, rows, 1);
}

db_status_t store_on_avatar_get(struct store_call *call)
{
    const struct db_value values[] = {db_u64(call->ask.as.store_avatar_get.user)};
    db_stmt_t *rows;
    db_status_t status = db_query(call->db,
                                  "SELECT a.user_id, p.avatar_rev, a.type, a.picture FROM avatar AS a "
                                  "JOIN profile AS p ON p.user_id = a.user_id WHERE a.user_id = ?",
                                  values, 1, &rows);
    if (status)
        return status;
    if (!db_next(rows))
        return store_refuse(call, ERR_NOT_FOUND);
    call->answer.type = MSG_AVATAR;
    call->answer.as.avatar = (struct msg_avatar){.user = db_get_u64(rows, 0), .rev = db_get_u64(rows, 1),
                                                 .format = (uint32_t)db_get_u64(rows, 2), .picture = db_get_view(rows, 3)};
    return DB_OK;
}

/* ---- changing ------------------------------------------------------------------------------------------------- */

db_status_t store_user_changed(db_t *db, uint64_t user, uint64_t at_ms)
{
    uint64_t number;
    const struct db_value id[] = {db_u64(user)};
    db_status_t status = db_run(db, "UPDATE user SET rev = rev + 1 WHERE id = ?", id, 1);
    if (!status)
        status = store_next_number(db, COUNTER_USER_CHANGES, &number);
    if (status)
        return status;
    const struct db_value values[] = {db_u64(user), db_u64(number), db_u64(at_ms), db_u64(number)};
    return db_run(db,
                  "INSERT INTO user_change (user_id, number, since_ms, changes) VALUES (?, ?, ?, 0) "
                  "ON DUPLICATE KEY UPDATE number = ?",
                  values, 4);
}

/* Counts a change of the user's own. False in `call`: they have had their share of the period. */
static db_status_t s_charge(struct store_call *call, uint64_t user, uint64_t at_ms)
{
    const struct db_value values[] = {db_u64(user)};
    db_stmt_t *rows;
    db_status_t status = db_query(call->db, "SELECT since_ms, changes FROM user_change WHERE user_id = ? FOR UPDATE",
                                  values, 1, &rows);
    if (status || !db_next(rows))
        return status;
    uint64_t since_ms = db_get_u64(rows, 0), changes = db_get_u64(rows, 1);
    if (at_ms < since_ms || at_ms - since_ms >= LIM_PROFILE_PERIOD_MS) {
        since_ms = at_ms;
        changes = 0;
    }
    if (changes >= LIM_PROFILE_CHANGES_MAX) {
        const uint64_t wait_ms = LIM_PROFILE_PERIOD_MS - (at_ms - since_ms);
        call->retry_ms = (uint32_t)(wait_ms < 600000 ? wait_ms : 600000);
        return store_refuse(call, ERR_RATE_LIMITED);
    }
    const struct db_value now[] = {db_u64(since_ms), db_u64(changes + 1), db_u64(user)};
    return db_run(call->db, "UPDATE user_change SET since_ms = ?, changes = ? WHERE user_id = ?", now, 3);
}

/* The user's row is locked: two changes of one user are made one after the other. */
static db_status_t s_lock_user(struct store_call *call, uint64_t user)
{
    const struct db_value values[] = {db_u64(user)};
    db_stmt_t *rows;
    db_status_t status =
        db_query(call->db, "SELECT id FROM user WHERE id = ? AND disabled = 0 FOR UPDATE", values, 1, &rows);
    if (!status && !db_next(rows))
        return store_refuse(call, ERR_NOT_FOUND);
    return status;
}

/* After the change itself: numbered, counted, answered. The first change makes the row that counts. */
static db_status_t s_changed(struct store_call *call, uint64_t user, uint64_t at_ms)
{
    db_status_t status = store_user_changed(call->db, user, at_ms);
    if (!status)
        status = s_charge(call, user, at_ms);
    return status || call->error ? status : s_answer_user(call, user);
}

static db_status_t s_is_handle_of_another(db_t *db, view_t key, uint64_t user, bool *is_out)
{
    const struct db_value values[] = {db_bytes(key), db_u64(user)};
    db_stmt_t *rows;
    db_status_t status = db_query(db, "SELECT 1 FROM user WHERE name_key = ? AND id <> ?", values, 2, &rows);
    *is_out = !status && db_next(rows);
    return status;
}

static db_status_t s_set_profile(struct store_call *call)
{
    const struct msg_store_profile_set *ask = &call->ask.as.store_profile_set;
    uint8_t key_bytes[2 * LIM_DISPLAY_BYTES_MAX];
    const view_t key = name_key_of(ask->display, key_bytes);
    const struct db_value user[] = {db_u64(ask->user)};
    bool is_taken;
    db_stmt_t *rows;
    db_status_t status = s_lock_user(call, ask->user);
    if (status || call->error)
        return status;
    status = db_query(call->db, "SELECT display FROM profile WHERE user_id = ?", user, 1, &rows);
    if (status)
        return status;
    const bool is_known = db_next(rows);
    if (is_known ? view_is_equal(db_get_view(rows, 0), ask->display) : ask->display.len == 0)
        return s_answer_user(call, ask->user); /* it is so already */
    status = s_is_handle_of_another(call->db, key, ask->user, &is_taken);
    if (status)
        return status;
    if (is_taken) /* whoever reads it would take them for each other */
        return store_refuse(call, ERR_NAME_TAKEN);
    const struct db_value values[] = {db_u64(ask->user), db_text(ask->display), db_bytes(key), db_text(ask->display),
                                      db_bytes(key)};
    status = db_run(call->db,
                    "INSERT INTO profile (user_id, display, display_key, avatar_rev) VALUES (?, ?, ?, 0) "
                    "ON DUPLICATE KEY UPDATE display = ?, display_key = ?",
                    values, 5);
    return status ? status : s_changed(call, ask->user, ask->at_ms);
}

db_status_t store_on_profile_set(struct store_call *call)
{
    const view_t display = call->ask.as.store_profile_set.display;
    if (display.len > 0 && !person_display_is_good(display))
        return store_refuse(call, ERR_BAD_DISPLAY);
    return store_in_transaction(call, s_set_profile);
}

static db_status_t s_is_same_picture(struct store_call *call, const struct msg_store_avatar_set *ask, bool *is_out)
{
    const struct db_value user[] = {db_u64(ask->user)};
    db_stmt_t *rows;
    db_status_t status = db_query(call->db, "SELECT picture FROM avatar WHERE user_id = ?", user, 1, &rows);
    if (status)
        return status;
    const bool is_there = db_next(rows);
    *is_out = is_there ? view_is_equal(db_get_view(rows, 0), ask->picture) : ask->picture.len == 0;
    return DB_OK;
}

static db_status_t s_put_picture(struct store_call *call, const struct msg_store_avatar_set *ask)
{
    const struct db_value user[] = {db_u64(ask->user)};
    const struct db_value picture[] = {db_u64(ask->user), db_u64(ask->format), db_bytes(ask->picture),
                                       db_u64(ask->format), db_bytes(ask->picture)};
    if (ask->picture.len == 0)
        return db_run(call->db, "DELETE FROM avatar WHERE user_id = ?", user, 1);
    return db_run(call->db,
                  "INSERT INTO avatar (user_id, type, picture) VALUES (?, ?, ?) "
                  "ON DUPLICATE KEY UPDATE type = ?, picture = ?",
                  picture, 5);
}

/* The picture's rev is the user's after the change: an address with it never means another picture. */
static db_status_t s_note_picture(db_t *db, uint64_t user, bool is_there)
{
    const struct db_value id[] = {db_u64(user)};
    db_stmt_t *rows;
    db_status_t status = db_query(db, "SELECT rev FROM user WHERE id = ?", id, 1, &rows);
    if (status || !db_next(rows))
        return status;
    const uint64_t rev = is_there ? db_get_u64(rows, 0) + 1 : 0;
    const struct db_value values[] = {db_u64(user), db_u64(rev), db_u64(rev)};
    return db_run(db,
                  "INSERT INTO profile (user_id, display, display_key, avatar_rev) VALUES (?, '', '', ?) "
                  "ON DUPLICATE KEY UPDATE avatar_rev = ?",
                  values, 3);
}

static db_status_t s_set_avatar(struct store_call *call)
{
    const struct msg_store_avatar_set *ask = &call->ask.as.store_avatar_set;
    bool is_same;
    db_status_t status = s_lock_user(call, ask->user);
    if (status || call->error)
        return status;
    status = s_is_same_picture(call, ask, &is_same);
    if (status)
        return status;
    if (is_same)
        return s_answer_user(call, ask->user);
    status = s_put_picture(call, ask);
    if (!status)
        status = s_note_picture(call->db, ask->user, ask->picture.len > 0);
    return status ? status : s_changed(call, ask->user, ask->at_ms);
}

db_status_t store_on_avatar_set(struct store_call *call)
{
    const struct msg_store_avatar_set *ask = &call->ask.as.store_avatar_set;
    if (ask->picture.len > 0 && (ask->format == PICTURE_NONE || person_picture_type(ask->picture) != (picture_type_t)ask->format))
        return store_refuse(call, ERR_BAD_PICTURE);
    return store_in_transaction(call, s_set_avatar);
}

/* ---- what edges tell ------------------------------------------------------------------------------------------ */

db_status_t store_on_user_changes_get(struct store_call *call)
{
    const uint64_t after = call->ask.as.store_user_changes_get.after;
    struct msg_store_user_changes *answer = &call->answer.as.store_user_changes;
    db_stmt_t *rows;
    db_status_t status;
    call->answer.type = MSG_STORE_USER_CHANGES;
    *answer = (struct msg_store_user_changes){.upto = after};
    if (after == ID_MAX) {
        const struct db_value id[] = {db_u64(COUNTER_USER_CHANGES)};
        status = db_query(call->db, "SELECT last FROM counter WHERE id = ?", id, 1, &rows);
        if (!status && db_next(rows))
            answer->upto = db_get_u64(rows, 0);
        return status;
    }
    const struct db_value values[] = {db_u64(after), db_u64(LIM_USERS_PAGE_MAX)};
    bool more;
    status = db_query(call->db,
                      "SELECT c.number, " STORE_USER_INFO " FROM user_change AS c JOIN user AS u ON u.id = c.user_id "
                      STORE_JOIN_PROFILE "WHERE c.number > ? ORDER BY c.number LIMIT ?",
                      values, 2, &rows);
    if (!status)
        status = s_append_users(call, rows, 1, LIM_USERS_PAGE_MAX, &more, &answer->upto);
    answer->users = list_of(&call->list);
    return status;
}
