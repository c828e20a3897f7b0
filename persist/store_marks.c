#include "persist/store_marks.h"

#include <stdlib.h>

#include "proto/marks.h"

_Static_assert(LIM_LINES_GET_MAX == 64, "as many as STORE_LINES_Q has");

void store_lines_values(const uint64_t *seqs, size_t count, struct db_value values_out[LIM_LINES_GET_MAX])
{
    for (size_t i = 0; i < LIM_LINES_GET_MAX; i++)
        values_out[i] = db_u64(seqs[i < count ? i : count - 1]);
}

/* ---- what events do ------------------------------------------------------------------------------------------- */

static bool s_body(const struct rec_append_row *row, void *body_out)
{
    struct msg msg;
    return msg_decode(row->event, &msg) == ERR_OK && msg.type == MSG_EVENT &&
           kind_decode(row->kind, msg.as.event.body, body_out) == ERR_OK;
}

static db_status_t s_forget_mentions(db_t *db, uint64_t room, uint64_t line)
{
    const struct db_value values[] = {db_u64(room), db_u64(line)};
    return db_run(db, "DELETE FROM mention WHERE room_id = ? AND seq = ?", values, 2);
}

static db_status_t s_add_mentions(db_t *db, uint64_t room, uint64_t line, uint64_t msg_no, list_t mentions)
{
    struct rec_id id;
    db_status_t status = DB_OK;
    while (!status && rec_id_next(&mentions, &id)) {
        const struct db_value values[] = {db_u64(id.id), db_u64(room), db_u64(msg_no), db_u64(line), db_u64(line)};
        status = db_run(db,
                        "INSERT INTO mention (user_id, room_id, msg_no, seq) VALUES (?, ?, ?, ?) "
                        "ON DUPLICATE KEY UPDATE seq = ?",
                        values, 5);
    }
    return status;
}

static db_status_t s_revise_mentions(db_t *db, const struct rec_append_row *row)
{
    struct kind_revised body;
    if (!s_body(row, &body))
        return DB_FAILED;
    const struct db_value values[] = {db_u64(row->room), db_u64(row->target)};
    db_stmt_t *rows;
    db_status_t status = s_forget_mentions(db, row->room, row->target);
    if (!status)
        status = db_query(db, "SELECT msg_no FROM event WHERE room_id = ? AND seq = ?", values, 2, &rows);
    if (status || !db_next(rows))
        return status;
    return s_add_mentions(db, row->room, row->target, db_get_u64(rows, 0), body.mentions);
}

/* marks_judge, over the rows. */
static db_status_t s_may_react(db_t *db, const struct rec_append_row *row, view_t emoji, bool *may_out)
{
    const struct db_value values[] = {db_bytes(emoji), db_bytes(emoji), db_u64(row->user), db_u64(row->room),
                                      db_u64(row->target)};
    db_stmt_t *rows;
    db_status_t status = db_query(db,
                                  "SELECT COUNT(*), COUNT(DISTINCT emoji), COALESCE(MAX(emoji = ?), 0), "
                                  "COALESCE(MAX(emoji = ? AND user_id = ?), 0) FROM reaction WHERE room_id = ? "
                                  "AND target_seq = ?",
                                  values, 5, &rows);
    *may_out = false;
    if (status || !db_next(rows))
        return status;
    bool is_full = db_get_u64(rows, 0) >= LIM_LINE_REACTIONS_MAX ||
                   (!db_get_u64(rows, 2) && db_get_u64(rows, 1) >= LIM_LINE_EMOJI_MAX);
    *may_out = !is_full && !db_get_u64(rows, 3);
    return DB_OK;
}

static db_status_t s_react(db_t *db, const struct rec_append_row *row)
{
    struct kind_reacted body;
    bool may = true;
    if (!s_body(row, &body))
        return DB_FAILED;
    if (!body.on) {
        const struct db_value values[] = {db_u64(row->room), db_u64(row->target), db_u64(row->user),
                                          db_bytes(body.emoji)};
        return db_run(db, "DELETE FROM reaction WHERE room_id = ? AND target_seq = ? AND user_id = ? AND emoji = ?",
                      values, 4);
    }
    db_status_t status = s_may_react(db, row, body.emoji, &may);
    if (status || !may)
        return status;
    const struct db_value values[] = {db_u64(row->room), db_u64(row->target), db_u64(row->seq), db_u64(row->user),
                                      db_bytes(body.emoji)};
    return db_run(db, "INSERT INTO reaction (room_id, target_seq, seq, user_id, emoji) VALUES (?, ?, ?, ?, ?)", values,
                  5);
}

static db_status_t s_pin(db_t *db, const struct rec_append_row *row)
{
    struct kind_pinned body;
    if (!s_body(row, &body))
        return DB_FAILED;
    const struct db_value values[] = {db_u64(row->room), db_u64(row->target), db_u64(row->seq), db_u64(row->user)};
    if (!body.on)
        return db_run(db, "DELETE FROM pin WHERE room_id = ? AND target_seq = ?", values, 2);
    return db_run(db,
                  "INSERT INTO pin (room_id, target_seq, seq, user_id) VALUES (?, ?, ?, ?) "
                  "ON DUPLICATE KEY UPDATE pin.seq = pin.seq",
                  values, 4);
}

static db_status_t s_forget_line(db_t *db, uint64_t room, uint64_t line, uint64_t deleted)
{
    const struct db_value values[] = {db_u64(room), db_u64(line)};
    const struct db_value gone[] = {db_u64(deleted), db_u64(room), db_u64(line)};
    db_status_t status = db_run(db,
                                "INSERT INTO gone_line (room_id, msg_no, seq, deleted_seq) "
                                "SELECT room_id, msg_no, seq, ? FROM event WHERE room_id = ? AND seq = ? AND msg_no > 0 "
                                "ON DUPLICATE KEY UPDATE gone_line.deleted_seq = gone_line.deleted_seq",
                                gone, 3);
    if (!status)
        status = s_forget_mentions(db, room, line);
    if (!status)
        status = db_run(db, "DELETE FROM reaction WHERE room_id = ? AND target_seq = ?", values, 2);
    return status ? status : db_run(db, "DELETE FROM pin WHERE room_id = ? AND target_seq = ?", values, 2);
}

db_status_t store_marks_apply(db_t *db, const struct rec_append_row *row)
{
    struct kind_said said;
    struct kind_shared shared;
    switch (row->kind) {
    case KIND_SAID:
        return s_body(row, &said) ? s_add_mentions(db, row->room, row->seq, row->msg_no, said.mentions) : DB_FAILED;
    case KIND_SHARED:
        return s_body(row, &shared) ? s_add_mentions(db, row->room, row->seq, row->msg_no, shared.mentions) : DB_FAILED;
    case KIND_EDITED: return s_forget_mentions(db, row->room, row->target);
    case KIND_REVISED: return s_revise_mentions(db, row);
    case KIND_DELETED: return s_forget_line(db, row->room, row->target, row->seq);
    case KIND_REACTED: return s_react(db, row);
    case KIND_PINNED: return s_pin(db, row);
    default: return DB_OK;
    }
}

/* ---- what pages show ------------------------------------------------------------------------------------------ */

/* Head, reactions and pins of one moment: a single statement reads one state of the database. */
#define MARKS_SQL(lines)                                                                                        \
    "SELECT 0 AS line, 0 AS what, last_seq AS seq, 0 AS user_id, '' AS emoji FROM room WHERE id = ? "            \
    "UNION ALL SELECT target_seq, 1, seq, user_id, emoji FROM reaction WHERE room_id = ? AND target_seq " lines  \
    " UNION ALL SELECT target_seq, 2, seq, user_id, '' FROM pin WHERE room_id = ? AND target_seq " lines         \
    " ORDER BY line, what, seq"

static db_status_t s_query_marks(db_t *db, const struct marks_query *query, db_stmt_t **rows_out)
{
    struct db_value values[3 + 2 * LIM_LINES_GET_MAX];
    size_t count = 0;
    values[count++] = db_u64(query->room);
    for (int part = 0; part < 2; part++) {
        values[count++] = db_u64(query->room);
        if (query->seqs) {
            store_lines_values(query->seqs, query->seq_count, values + count);
            count += LIM_LINES_GET_MAX;
            continue;
        }
        values[count++] = db_u64(query->low);
        values[count++] = db_u64(query->high);
    }
    return query->seqs ? db_query(db, MARKS_SQL("IN (" STORE_LINES_Q ")"), values, count, rows_out)
                       : db_query(db, MARKS_SQL("BETWEEN ? AND ?"), values, count, rows_out);
}

static db_status_t s_finish(const struct marks_query *query, marks_t *marks, uint64_t line, uint64_t as_of)
{
    size_t before = query->out->len;
    if (!line || marks_is_empty(marks))
        return DB_OK;
    if (marks_encode(marks, query->room, line, as_of, (list_t){0}, query->out))
        return DB_FAILED;
    query->found(query->self, line, before, query->out->len - before);
    marks_clear(marks);
    return DB_OK;
}

db_status_t store_marks_read(db_t *db, const struct marks_query *query)
{
    db_stmt_t *rows;
    uint64_t line = 0, as_of = 0;
    db_status_t status = s_query_marks(db, query, &rows);
    if (status)
        return status;
    marks_t *marks = malloc(sizeof *marks);
    if (!marks)
        return DB_FAILED;
    marks_clear(marks);
    while (!status && db_next(rows)) {
        if (db_get_u64(rows, 0) != line)
            status = s_finish(query, marks, line, as_of);
        line = db_get_u64(rows, 0);
        switch (db_get_u64(rows, 1)) {
        case 0: as_of = db_get_u64(rows, 2); break;
        case 1: marks_react(marks, db_get_u64(rows, 3), db_get_view(rows, 4), true); break;
        default: marks_pin(marks, db_get_u64(rows, 2), db_get_u64(rows, 3), true); break;
        }
    }
    if (!status)
        status = s_finish(query, marks, line, as_of);
    free(marks);
    return status;
}

struct s_load {
    marks_t *marks;
    const buffer_t *bytes;
};

static void s_load_one(void *self, uint64_t line, size_t at, size_t len)
{
    const struct s_load *to = self;
    struct msg msg;
    (void)line;
    if (!msg_decode(view_of(to->bytes->bytes + at, len), &msg))
        marks_load(to->marks, &msg.as.marks);
}

db_status_t store_marks_of_line(db_t *db, uint64_t room, uint64_t line, bool with_mentions, buffer_t *out)
{
    const struct db_value values[] = {db_u64(room), db_u64(line), db_u64(LIM_MENTIONS_MAX)};
    list_writer_t mentions;
    db_stmt_t *rows;
    marks_t *marks = malloc(sizeof *marks);
    buffer_t read;
    list_writer_init(&mentions, LIM_EVENT_BYTES_MAX);
    buffer_init(&read, LIM_EVENT_BYTES_MAX);
    db_status_t status = marks ? DB_OK : DB_FAILED;
    if (!status && with_mentions)
        status = db_query(db, "SELECT user_id FROM mention WHERE room_id = ? AND seq = ? LIMIT ?", values, 3, &rows);
    while (!status && with_mentions && db_next(rows))
        if (rec_id_append(&mentions, &(struct rec_id){.id = db_get_u64(rows, 0)}))
            status = DB_FAILED;
    if (!status) {
        struct s_load to = {marks, &read};
        marks_clear(marks);
        status = store_marks_read(db, &(struct marks_query){.room = room, .low = line, .high = line, .out = &read,
                                                            .self = &to, .found = s_load_one});
    }
    bool is_needed = !status && (!marks_is_empty(marks) || mentions.count);
    if (is_needed && marks_encode(marks, room, line, 0, list_of(&mentions), out))
        status = DB_FAILED;
    free(marks);
    buffer_fini(&read);
    list_writer_fini(&mentions);
    return status;
}

/* ---- who is called -------------------------------------------------------------------------------------------- */

/* The newest of one room, turned around. */
static db_status_t s_read_mentions(struct store_call *call, uint64_t user, const struct rec_read_from *from)
{
    const struct db_value values[] = {db_u64(user), db_u64(from->room), db_u64(from->msg_no),
                                      db_u64(LIM_UNREAD_MENTIONS_MAX)};
    uint64_t msg_nos[LIM_UNREAD_MENTIONS_MAX];
    size_t count = 0;
    db_stmt_t *rows;
    db_status_t status = db_query(call->db,
                                  "SELECT c.msg_no FROM mention AS c JOIN member AS m ON m.room_id = c.room_id AND "
                                  "m.user_id = c.user_id WHERE c.user_id = ? AND c.room_id = ? AND c.msg_no > ? "
                                  "AND c.seq >= m.visible_from_seq ORDER BY c.msg_no DESC LIMIT ?",
                                  values, 4, &rows);
    while (!status && count < LIM_UNREAD_MENTIONS_MAX && db_next(rows))
        msg_nos[count++] = db_get_u64(rows, 0);
    while (!status && count-- > 0 && call->list.count < LIM_STORE_MENTIONS_MAX)
        if (rec_mention_mark_append(&call->list,
                                    &(struct rec_mention_mark){.room = from->room, .msg_no = msg_nos[count]}))
            status = DB_FAILED;
    return status;
}

db_status_t store_on_mentions_get(struct store_call *call)
{
    const struct msg_store_mentions_get *ask = &call->ask.as.store_mentions_get;
    list_t rooms = ask->rooms;
    struct rec_read_from from;
    db_status_t status = DB_OK;
    while (!status && rec_read_from_next(&rooms, &from))
        status = s_read_mentions(call, ask->user, &from);
    call->answer.type = MSG_STORE_MENTIONS;
    call->answer.as.store_mentions = (struct msg_store_mentions){.user = ask->user, .marks = list_of(&call->list)};
    return status;
}
