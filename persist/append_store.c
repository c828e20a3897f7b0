#include "persist/append_store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "persist/sized_sql.h"
#include "persist/store_files.h"
#include "persist/store_marks.h"
#include "persist/store_members.h"
#include "persist/store_messages.h"
#include "persist/store_rooms.h"
#include "persist/store_settings.h"

enum { EVENT_COLUMNS = 10, KEY_COLUMNS = 3, MOVE_COLUMNS = 5 };

struct append_store {
    struct connection *connection;
    struct commit_store functions;
    struct sized_sql leases, heads, look_up, insert, moves;
    struct db_value values[SIZED_ROWS_MAX * EVENT_COLUMNS];
    struct commit_head read_heads[LIM_BATCH_EVENTS_MAX]; /* of this transaction, ascending */
    size_t read_head_count;
};

static commit_status_t s_status(const append_store_t *self, db_status_t status)
{
    if (status == DB_AWAY || status == DB_UNKNOWN)
        connection_lost(self->connection);
    switch (status) {
    case DB_OK: return COMMIT_OK;
    case DB_RETRY: return COMMIT_RETRY;
    case DB_AWAY: return COMMIT_AWAY;
    case DB_UNKNOWN: return COMMIT_UNKNOWN;
    case DB_DUPLICATE: return COMMIT_DUPLICATE;
    case DB_FAILED: break;
    }
    return COMMIT_FAILED;
}

static commit_status_t s_begin(void *opaque)
{
    append_store_t *self = opaque;
    self->read_head_count = 0;
    return s_status(self, db_begin(self->connection->db));
}

/* Shared locks: take-overs need the rows for themselves and wait; other batches do not. */
static commit_status_t s_lock_leases(void *opaque, struct commit_lease *leases, size_t count)
{
    append_store_t *self = opaque;
    db_stmt_t *rows;
    for (size_t i = 0; i < count; i++)
        self->values[i] = db_u64(leases[i].shard);
    db_status_t status = sized_query(&self->leases, self->connection->db, self->values, 1, count, &rows);
    if (status)
        return s_status(self, status);
    for (size_t i = 0; db_next(rows);) {
        while (i < count && leases[i].shard < db_get_u64(rows, 0))
            i++;
        if (i == count || leases[i].shard != db_get_u64(rows, 0))
            continue;
        leases[i].found = true;
        leases[i].epoch = db_get_u64(rows, 1);
    }
    return COMMIT_OK;
}

static commit_status_t s_lock_heads(void *opaque, struct commit_head *heads, size_t count)
{
    append_store_t *self = opaque;
    db_stmt_t *rows;
    for (size_t i = 0; i < count; i++)
        self->values[i] = db_u64(heads[i].room);
    db_status_t status = sized_query(&self->heads, self->connection->db, self->values, 1, count, &rows);
    if (status)
        return s_status(self, status);
    for (size_t i = 0; db_next(rows);) {
        while (i < count && heads[i].room < db_get_u64(rows, 0))
            i++;
        if (i == count || heads[i].room != db_get_u64(rows, 0))
            continue;
        heads[i].found = true;
        heads[i].last_seq = db_get_u64(rows, 1);
        heads[i].last_msg_no = db_get_u64(rows, 2);
        heads[i].incarnation = db_get_u64(rows, 3);
    }
    memcpy(self->read_heads, heads, count * sizeof *heads);
    self->read_head_count = count;
    return COMMIT_OK;
}

static commit_status_t s_look_up(void *opaque, const struct rec_append_row *rows, size_t count,
                                 struct commit_stored *stored_out)
{
    append_store_t *self = opaque;
    db_stmt_t *found;
    for (size_t i = 0; i < count; i++) {
        self->values[i * KEY_COLUMNS] = db_u64(rows[i].room);
        self->values[i * KEY_COLUMNS + 1] = db_u64(rows[i].user);
        self->values[i * KEY_COLUMNS + 2] = db_bytes(view_of(rows[i].client_id.bytes, CID_BYTES));
    }
    db_status_t status =
        sized_query(&self->look_up, self->connection->db, self->values, KEY_COLUMNS, count, &found);
    if (status)
        return s_status(self, status);
    while (db_next(found)) {
        view_t client_id = db_get_view(found, 2), mac = db_get_view(found, 4);
        if (mac.len != MAC_BYTES)
            return COMMIT_FAILED;
        for (size_t i = 0; i < count; i++) { /* a batch may hold it twice */
            if (rows[i].room != db_get_u64(found, 0) || rows[i].user != db_get_u64(found, 1) ||
                !view_is_equal(view_of(rows[i].client_id.bytes, CID_BYTES), client_id))
                continue;
            stored_out[i] = (struct commit_stored){.found = true, .seq = db_get_u64(found, 3),
                                                   .at_ms = db_get_u64(found, 5), .msg_no = db_get_u64(found, 6)};
            memcpy(stored_out[i].mac, mac.bytes, MAC_BYTES);
        }
    }
    return COMMIT_OK;
}

static commit_status_t s_look_up_files(void *opaque, const struct rec_append_row *rows, size_t count,
                                       const struct commit_stored *stored, bool *missing_out)
{
    append_store_t *self = opaque;
    db_status_t status = DB_OK;
    for (size_t i = 0; !status && i < count; i++)
        if (rows[i].kind == KIND_SHARED && !stored[i].found)
            status = store_files_look_up(self->connection->db, &rows[i], &missing_out[i]);
    return s_status(self, status);
}

static commit_status_t s_create_room(void *opaque, const struct rec_append_row *row)
{
    append_store_t *self = opaque;
    return s_status(self, store_room_create(self->connection->db, row));
}

/* Number of the room's last line before rows[index]. */
static uint64_t s_msg_no_before(const append_store_t *self, const struct rec_append_row *const *rows, size_t index)
{
    for (size_t i = index; i-- > 0;)
        if (rows[i]->room == rows[index]->room && rows[i]->msg_no)
            return rows[i]->msg_no;
    for (size_t i = 0; i < self->read_head_count; i++)
        if (self->read_heads[i].room == rows[index]->room)
            return self->read_heads[i].last_msg_no;
    return 0;
}

/* What follows from an event besides its own row. POSTED only stands in the log. */
static db_status_t s_apply(append_store_t *self, const struct rec_append_row *const *rows, size_t index)
{
    db_t *db = self->connection->db;
    const struct rec_append_row *row = rows[index];
    switch (row->kind) {
    case KIND_ROOM_CREATED:
    case KIND_FOUNDED:
    case KIND_DIRECT_CREATED: return store_members_found(db, row);
    case KIND_ADDED:
    case KIND_JOINED: return store_member_join(db, row, s_msg_no_before(self, rows, index));
    case KIND_LEFT: return store_member_leave(db, row->room, row->user);
    case KIND_REMOVED:
    case KIND_BANNED:
    case KIND_UNBANNED:
    case KIND_ROLE_CHANGED:
    case KIND_MUTED: return store_member_change(db, row);
    case KIND_RENAMED:
    case KIND_TOPIC_CHANGED:
    case KIND_ARCHIVED:
    case KIND_HISTORY_CHANGED: return store_setting_change(db, row);
    case KIND_POSTED: return DB_OK;
    case KIND_DELETED: {
        db_status_t status = store_event_erase(db, row->room, row->target);
        if (!status)
            status = store_files_apply(db, row);
        return status ? status : store_marks_apply(db, row);
    }
    case KIND_SHARED: {
        db_status_t status = store_files_apply(db, row);
        return status ? status : store_marks_apply(db, row);
    }
    default: return store_marks_apply(db, row);
    }
}

static commit_status_t s_insert(void *opaque, const struct rec_append_row *const *rows, size_t count)
{
    append_store_t *self = opaque;
    for (size_t i = 0; i < count; i++) {
        const struct rec_append_row *row = rows[i];
        struct db_value *values = self->values + i * EVENT_COLUMNS;
        values[0] = db_u64(row->room);
        values[1] = db_u64(row->seq);
        values[2] = db_u64(row->kind);
        values[3] = db_u64(row->user);
        values[4] = db_bytes(view_of(row->client_id.bytes, CID_BYTES));
        values[5] = db_u64(row->target);
        values[6] = db_u64(row->msg_no);
        values[7] = db_u64(row->at_ms);
        values[8] = db_bytes(row->mac);
        values[9] = db_bytes(row->event);
    }
    db_status_t status = sized_run(&self->insert, self->connection->db, self->values, EVENT_COLUMNS, count, NULL);
    for (size_t i = 0; !status && i < count; i++)
        status = s_apply(self, rows, i);
    return s_status(self, status);
}

static commit_status_t s_move_heads(void *opaque, const struct commit_move *moves, size_t count, size_t *moved_out)
{
    append_store_t *self = opaque;
    uint64_t affected = 0;
    if (count == 1) { /* the common case on a quiet server, in a quarter of the time */
        const struct db_value values[] = {db_u64(moves->to_seq), db_u64(moves->to_msg_no), db_u64(moves->at_ms),
                                          db_u64(moves->room), db_u64(moves->from_seq)};
        db_status_t status = db_run(self->connection->db,
                                    "UPDATE room SET last_seq = ?, last_msg_no = ?, last_at_ms = ? WHERE id = ? "
                                    "AND last_seq = ?", values, MOVE_COLUMNS);
        *moved_out = status ? 0 : (size_t)db_affected(self->connection->db);
        return s_status(self, status);
    }
    for (size_t i = 0; i < count; i++) {
        struct db_value *values = self->values + i * MOVE_COLUMNS;
        values[0] = db_u64(moves[i].room);
        values[1] = db_u64(moves[i].from_seq);
        values[2] = db_u64(moves[i].to_seq);
        values[3] = db_u64(moves[i].to_msg_no);
        values[4] = db_u64(moves[i].at_ms);
    }
    db_status_t status =
        sized_run(&self->moves, self->connection->db, self->values, MOVE_COLUMNS, count, &affected);
    *moved_out = (size_t)affected;
    return s_status(self, status);
}

static commit_status_t s_commit(void *opaque)
{
    append_store_t *self = opaque;
    return s_status(self, db_commit(self->connection->db));
}

static void s_rollback(void *opaque)
{
    append_store_t *self = opaque;
    db_rollback(self->connection->db);
}

static commit_status_t s_reconnect(void *opaque)
{
    append_store_t *self = opaque;
    return connection_open(self->connection) == DB_OK ? COMMIT_OK : COMMIT_AWAY;
}

/* connection_open has done it: a connection is not used before its predecessor is dead. */
static commit_status_t s_kill_old(void *opaque)
{
    append_store_t *self = opaque;
    return connection_is_up(self->connection) ? COMMIT_OK : COMMIT_AWAY;
}

append_store_t *append_store_new(struct connection *connection)
{
    append_store_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->connection = connection;
    /* The primary key is forced so that rows are locked in its order, and only those asked for. */
    self->leases = (struct sized_sql){
        .head = "SELECT shard, epoch FROM shard_lease FORCE INDEX (PRIMARY) WHERE shard IN (",
        .item = "?", .joiner = ",", .tail = ") ORDER BY shard LOCK IN SHARE MODE"};
    self->heads = (struct sized_sql){
        .head = "SELECT id, last_seq, last_msg_no, incarnation FROM room FORCE INDEX (PRIMARY) WHERE id IN (",
        .item = "?", .joiner = ",", .tail = ") ORDER BY id FOR UPDATE"};
    self->look_up = (struct sized_sql){
        .head = "SELECT room_id, user_id, client_id, seq, body_mac, at_ms, msg_no FROM event "
                "FORCE INDEX (uq_event_client) WHERE ",
        .item = "(room_id = ? AND user_id = ? AND client_id = ?)", .joiner = " OR ", .tail = ""};
    self->insert = (struct sized_sql){
        .head = "INSERT INTO event (room_id, seq, kind, user_id, client_id, target_seq, msg_no, at_ms, body_mac, "
                "frame) VALUES ",
        .item = "(?,?,?,?,?,?,?,?,?,?)", .joiner = ",", .tail = ""};
    self->moves = (struct sized_sql){
        .head = "UPDATE (",
        .first = "SELECT CAST(? AS UNSIGNED) AS id, CAST(? AS UNSIGNED) AS from_seq, CAST(? AS UNSIGNED) AS to_seq, "
                 "CAST(? AS UNSIGNED) AS to_msg_no, CAST(? AS UNSIGNED) AS at_ms",
        .item = "SELECT CAST(? AS UNSIGNED), CAST(? AS UNSIGNED), CAST(? AS UNSIGNED), CAST(? AS UNSIGNED), "
                "CAST(? AS UNSIGNED)",
        .joiner = " UNION ALL ",
        .tail = ") AS v STRAIGHT_JOIN room AS r ON r.id = v.id SET r.last_seq = v.to_seq, "
                "r.last_msg_no = v.to_msg_no, r.last_at_ms = v.at_ms WHERE r.last_seq = v.from_seq"};
    self->functions = (struct commit_store){
        .self = self, .begin = s_begin, .lock_leases = s_lock_leases, .lock_heads = s_lock_heads,
        .look_up = s_look_up, .look_up_files = s_look_up_files, .create_room = s_create_room, .insert = s_insert, .move_heads = s_move_heads,
        .commit = s_commit, .rollback = s_rollback, .reconnect = s_reconnect, .kill_old = s_kill_old};
    return self;
}

void append_store_destroy(append_store_t **self_p)
{
    assert(self_p);
    append_store_t *self = *self_p;
    if (!self)
        return;
    sized_sql_fini(&self->leases);
    sized_sql_fini(&self->heads);
    sized_sql_fini(&self->look_up);
    sized_sql_fini(&self->insert);
    sized_sql_fini(&self->moves);
    free(self);
    *self_p = NULL;
}

const struct commit_store *append_store_functions(append_store_t *self)
{
    return &self->functions;
}
