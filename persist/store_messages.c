#include "persist/store_messages.h"

#include "persist/search_index.h"
#include "persist/store_marks.h"
#include "proto/marks.h"

enum { ERASE_CHUNK = 64 };

static const uint8_t NIL[1] = {0xc0}; /* MessagePack */

/* ---- one event, and a stretch of them ------------------------------------------------------------------------- */

db_status_t store_on_event_get(struct store_call *call)
{
    const struct msg_store_event_get *ask = &call->ask.as.store_event_get;
    const struct db_value values[] = {db_u64(ask->room), db_u64(ask->seq)};
    db_stmt_t *rows;
    db_status_t status = db_query(call->db, "SELECT frame FROM event WHERE room_id = ? AND seq = ?", values, 2, &rows);
    if (status)
        return status;
    if (db_next(rows)) {
        if (rec_frame_append(&call->list, &(struct rec_frame){.event = db_get_view(rows, 0)}))
            return DB_FAILED;
        status = store_marks_of_line(call->db, ask->room, ask->seq, true, &call->scratch);
        if (!status && call->scratch.len &&
            rec_frame_append(&call->list, &(struct rec_frame){.event = buffer_view(&call->scratch)}))
            status = DB_FAILED;
        if (status)
            return status;
    }
    call->answer.type = MSG_STORE_EVENT;
    call->answer.as.store_event =
        (struct msg_store_event){.room = ask->room, .seq = ask->seq, .frames = list_of(&call->list)};
    return DB_OK;
}

db_status_t store_on_delta_get(struct store_call *call)
{
    const struct msg_store_delta_get *ask = &call->ask.as.store_delta_get;
    struct msg_store_delta *answer = &call->answer.as.store_delta;
    call->answer.type = MSG_STORE_DELTA;
    *answer = (struct msg_store_delta){
        .room = ask->room, .incarnation = ask->incarnation, .after = ask->after, .upto = ask->upto};
    answer->complete = ask->upto <= ask->after;
    if (answer->complete || ask->upto - ask->after > LIM_DELTA_EVENTS_MAX)
        return DB_OK;
    const struct db_value values[] = {db_u64(ask->room), db_u64(ask->after), db_u64(ask->upto)};
    db_stmt_t *rows;
    db_status_t status = db_query(
        call->db, "SELECT seq, frame FROM event WHERE room_id = ? AND seq > ? AND seq <= ? ORDER BY seq", values, 3,
        &rows);
    if (status)
        return status;
    uint64_t next = ask->after + 1;
    size_t bytes = 0;
    while (db_next(rows)) {
        struct rec_frame frame = {.event = db_get_view(rows, 1)};
        bytes += frame.event.len;
        if (db_get_u64(rows, 0) != next || bytes > LIM_DELTA_BYTES_MAX)
            return DB_OK; /* not complete: the asker takes a page */
        if (rec_frame_append(&call->list, &frame))
            return DB_FAILED;
        next++;
    }
    if (next != ask->upto + 1)
        return DB_OK;
    answer->complete = true;
    answer->frames = list_of(&call->list);
    return DB_OK;
}

/* Reads from the end in chunks, until the bound is reached, and then once more in ascending order: the rows are in the
 * server's memory by now, and nothing has to be turned around here. */
db_status_t store_event_tail(db_t *db, uint64_t room, uint64_t last_seq, list_writer_t *frames)
{
    uint64_t first = last_seq + 1;
    size_t bytes = 0, count = 0;
    for (bool is_full = false; !is_full && first > 1;) {
        const struct db_value values[] = {db_u64(room), db_u64(first)};
        db_stmt_t *rows;
        db_status_t status = db_query(db, "SELECT seq, LENGTH(frame) FROM event WHERE room_id = ? AND seq < ? "
                                          "ORDER BY seq DESC LIMIT 128", values, 2, &rows);
        if (status)
            return status;
        uint64_t before = first;
        while (db_next(rows) && !is_full) {
            bytes += db_get_u64(rows, 1);
            is_full = db_get_u64(rows, 0) != first - 1 || count == LIM_ROOM_TAIL_EVENTS_MAX ||
                      bytes > LIM_ROOM_TAIL_BYTES_MAX;
            if (is_full)
                break;
            first--;
            count++;
        }
        is_full = is_full || first == before;
    }
    const struct db_value values[] = {db_u64(room), db_u64(first), db_u64(last_seq)};
    db_stmt_t *rows;
    db_status_t status = db_query(
        db, "SELECT frame FROM event WHERE room_id = ? AND seq >= ? AND seq <= ? ORDER BY seq", values, 3, &rows);
    if (status)
        return status;
    while (db_next(rows))
        if (rec_frame_append(frames, &(struct rec_frame){.event = db_get_view(rows, 0)}))
            return DB_FAILED;
    return DB_OK;
}

/* ---- pages ---------------------------------------------------------------------------------------------------- */

/* A line of a page, and its newest edit; their bytes stand in the call's scratch. */
struct s_line {
    uint64_t seq, msg_no;
    size_t at, len;           /* of its frame, in scratch */
    size_t edit_at, edit_len; /* 0: not edited */
    size_t marks_at, marks_len; /* 0: nothing hangs on it */
};

struct s_page {
    uint64_t room, as_of;
    const uint64_t *seqs; /* the lines asked for one by one; NULL: a stretch of numbers */
    size_t seq_count;
    struct s_line lines[LIM_PAGE_EVENTS_MAX + 1];
    size_t count;
    bool is_ascending; /* as read; else the newest came first */
    bool more;
};

static err_t s_keep(struct store_call *call, view_t frame, size_t *at_out, size_t *len_out)
{
    *at_out = call->scratch.len;
    *len_out = frame.len;
    return buffer_append(&call->scratch, frame.bytes, frame.len);
}

/* Lines with these numbers, from where the asker stands, until the page is full. */
static db_status_t s_read_range(struct store_call *call, struct s_page *page, size_t limit, uint64_t low, uint64_t high)
{
    const struct msg_store_page_get *ask = &call->ask.as.store_page_get;
    const struct db_value values[] = {db_u64(ask->room), db_u64(low),  db_u64(high),
                                      db_u64(ask->as_of), db_u64(ask->visible_from_seq), db_u64(limit + 1)};
    db_stmt_t *rows;
    db_status_t status = db_query(
        call->db,
        page->is_ascending
            ? "SELECT seq, msg_no, frame FROM event WHERE room_id = ? AND msg_no BETWEEN ? AND ? AND seq <= ? "
              "AND seq >= ? ORDER BY msg_no LIMIT ?"
            : "SELECT seq, msg_no, frame FROM event WHERE room_id = ? AND msg_no BETWEEN ? AND ? AND seq <= ? "
              "AND seq >= ? ORDER BY msg_no DESC LIMIT ?",
        values, 6, &rows);
    if (status)
        return status;
    page->count = 0;
    page->more = false;
    buffer_truncate(&call->scratch, 0);
    while (db_next(rows)) {
        if (page->count == limit) {
            page->more = true;
            break;
        }
        struct s_line *line = &page->lines[page->count++];
        *line = (struct s_line){.seq = db_get_u64(rows, 0), .msg_no = db_get_u64(rows, 1)};
        if (s_keep(call, db_get_view(rows, 2), &line->at, &line->len)) {
            page->count--;
            page->more = true;
            break;
        }
    }
    return DB_OK;
}

/* Numbers have no hole, so a page is a range closed at both ends. With one end open MariaDB may read the room from its
 * other end instead: at 16,000 of 150,000 lines a page cost 180 ms of its time, not 1. A range that was not full says
 * all there is only if the reader's first visible line, or the room's last one, is why; else the open range is asked. */
static db_status_t s_read_lines(struct store_call *call, struct s_page *page)
{
    const struct msg_store_page_get *ask = &call->ask.as.store_page_get;
    size_t limit = ask->limit > 0 ? ask->limit : 1;
    page->is_ascending = ask->after > 0;
    if (!page->is_ascending && ask->before == 0)
        return s_read_range(call, page, limit, 1, ID_MAX);
    uint64_t low = page->is_ascending ? ask->after + 1 : ask->before > limit ? ask->before - 1 - limit : 0;
    uint64_t high = page->is_ascending ? low + limit : ask->before - 1;
    db_status_t status = s_read_range(call, page, limit, low ? low : 1, high);
    if (status || page->more)
        return status;
    bool is_all = page->is_ascending ? page->count > 0 && page->lines[0].msg_no == low
                                     : low <= 1 || (page->count > 0 && page->lines[page->count - 1].msg_no > low);
    if (is_all)
        return DB_OK;
    return page->is_ascending ? s_read_range(call, page, limit, low, ID_MAX) : s_read_range(call, page, limit, 1, high);
}

#define EDITS_SQL(lines)                                                                                        \
    "SELECT e.target_seq, e.frame FROM (SELECT target_seq, MAX(seq) AS seq FROM event WHERE room_id = ? "         \
    "AND target_seq " lines " AND kind IN (5, 8) AND seq <= ? GROUP BY target_seq) AS newest "                    \
    "JOIN event AS e ON e.room_id = ? AND e.seq = newest.seq"

static uint64_t s_low(const struct s_page *page)
{
    return page->lines[page->is_ascending ? 0 : page->count - 1].seq;
}

static uint64_t s_high(const struct s_page *page)
{
    return page->lines[page->is_ascending ? page->count - 1 : 0].seq;
}

/* The newest edit of each line of the page, as of the head that the asker knew. */
static db_status_t s_read_edits(struct store_call *call, struct s_page *page)
{
    _Static_assert(KIND_EDITED == 5 && KIND_REVISED == 8, "written so in EDITS_SQL");
    struct db_value values[LIM_LINES_GET_MAX + 3];
    size_t count = 0;
    values[count++] = db_u64(page->room);
    if (page->seqs) {
        store_lines_values(page->seqs, page->seq_count, values + count);
        count += LIM_LINES_GET_MAX;
    } else {
        values[count++] = db_u64(s_low(page));
        values[count++] = db_u64(s_high(page));
    }
    values[count++] = db_u64(page->as_of);
    values[count++] = db_u64(page->room);
    db_stmt_t *rows;
    db_status_t status =
        page->seqs ? db_query(call->db, EDITS_SQL("IN (" STORE_LINES_Q ")"), values, count, &rows)
                   : db_query(call->db, EDITS_SQL("BETWEEN ? AND ?"), values, count, &rows);
    if (status)
        return status;
    while (db_next(rows))
        for (size_t i = 0; i < page->count; i++)
            if (page->lines[i].seq == db_get_u64(rows, 0) &&
                s_keep(call, db_get_view(rows, 1), &page->lines[i].edit_at, &page->lines[i].edit_len))
                return DB_FAILED;
    return DB_OK;
}

static void s_found_marks(void *self, uint64_t line, size_t at, size_t len)
{
    struct s_page *page = self;
    for (size_t i = 0; i < page->count; i++)
        if (page->lines[i].seq == line) {
            page->lines[i].marks_at = at;
            page->lines[i].marks_len = len;
        }
}

/* What belongs to the lines that were read. */
static db_status_t s_read_rest(struct store_call *call, struct s_page *page)
{
    db_status_t status = page->count ? s_read_edits(call, page) : DB_OK;
    if (status || !page->count)
        return status;
    return store_marks_read(call->db, &(struct marks_query){
                                          .room = page->room, .low = page->seqs ? 0 : s_low(page),
                                          .high = page->seqs ? 0 : s_high(page), .seqs = page->seqs,
                                          .seq_count = page->seq_count, .out = &call->scratch, .self = page,
                                          .found = s_found_marks});
}

/* How many lines, beginning with the one nearest to where the asker stands, fit the bounds. */
static size_t s_fit(const struct s_page *page)
{
    size_t bytes = 0, frames = 0;
    for (size_t i = 0; i < page->count; i++) {
        const struct s_line *line = &page->lines[i];
        bytes += line->len + line->edit_len + line->marks_len;
        frames += 1u + (line->edit_len > 0) + (line->marks_len > 0);
        if (bytes > LIM_DELTA_BYTES_MAX || frames > LIM_PAGE_FRAMES_MAX)
            return i;
    }
    return page->count;
}

static err_t s_add_frame(struct store_call *call, size_t at, size_t len)
{
    return len ? rec_frame_append(&call->list,
                                  &(struct rec_frame){.event = view_of(call->scratch.bytes + at, len)})
               : ERR_OK;
}

static err_t s_add_line(struct store_call *call, const struct s_line *line)
{
    err_t err = s_add_frame(call, line->at, line->len);
    if (!err)
        err = s_add_frame(call, line->edit_at, line->edit_len);
    return err ? err : s_add_frame(call, line->marks_at, line->marks_len);
}

db_status_t store_on_page_get(struct store_call *call)
{
    const struct msg_store_page_get *ask = &call->ask.as.store_page_get;
    struct msg_page *answer = &call->answer.as.page;
    struct s_page page = {.room = ask->room, .as_of = ask->as_of};
    call->answer.type = MSG_PAGE;
    *answer = (struct msg_page){.room = ask->room, .incarnation = ask->incarnation, .as_of = ask->as_of};
    db_status_t status = s_read_lines(call, &page);
    if (!status)
        status = s_read_rest(call, &page);
    if (status || page.count == 0)
        return status;
    size_t count = s_fit(&page);
    answer->more = page.more || count < page.count;
    for (size_t i = 0; i < count; i++)
        if (s_add_line(call, &page.lines[page.is_ascending ? i : count - 1 - i]))
            return DB_FAILED;
    const struct s_line *oldest = &page.lines[page.is_ascending ? 0 : count - 1];
    const struct s_line *newest = &page.lines[page.is_ascending ? count - 1 : 0];
    answer->first_msg_no = oldest->msg_no;
    answer->first_seq = oldest->seq;
    answer->last_msg_no = newest->msg_no;
    answer->frames = list_of(&call->list);
    return DB_OK;
}

/* ---- single lines --------------------------------------------------------------------------------------------- */

/* Those of page->seqs that are lines and may be read, in the order of their numbers. */
static db_status_t s_read_single(struct store_call *call, struct s_page *page, uint64_t visible_from_seq)
{
    struct db_value values[LIM_LINES_GET_MAX + 3];
    size_t count = 0;
    db_stmt_t *rows;
    values[count++] = db_u64(page->room);
    store_lines_values(page->seqs, page->seq_count, values + count);
    count += LIM_LINES_GET_MAX;
    values[count++] = db_u64(page->as_of);
    values[count++] = db_u64(visible_from_seq);
    db_status_t status = db_query(call->db,
                                  "SELECT seq, msg_no, frame FROM event WHERE room_id = ? AND seq IN (" STORE_LINES_Q
                                  ") AND msg_no > 0 AND seq <= ? AND seq >= ? ORDER BY seq",
                                  values, count, &rows);
    page->is_ascending = true;
    while (!status && page->count < LIM_LINES_GET_MAX && db_next(rows)) {
        struct s_line *line = &page->lines[page->count++];
        *line = (struct s_line){.seq = db_get_u64(rows, 0), .msg_no = db_get_u64(rows, 1)};
        if (s_keep(call, db_get_view(rows, 2), &line->at, &line->len))
            status = DB_FAILED;
    }
    return status ? status : s_read_rest(call, page);
}

static void s_answer_lines(struct store_call *call, const struct s_page *page, uint64_t incarnation)
{
    call->answer.type = MSG_PAGE;
    call->answer.as.page = (struct msg_page){.room = page->room, .incarnation = incarnation, .as_of = page->as_of};
    if (!page->count)
        return;
    call->answer.as.page.first_msg_no = page->lines[0].msg_no;
    call->answer.as.page.first_seq = page->lines[0].seq;
    call->answer.as.page.last_msg_no = page->lines[page->count - 1].msg_no;
}

db_status_t store_on_lines_get(struct store_call *call)
{
    const struct msg_store_lines_get *ask = &call->ask.as.store_lines_get;
    uint64_t seqs[LIM_LINES_GET_MAX];
    list_t list = ask->seqs;
    struct rec_id id;
    struct s_page page = {.room = ask->room, .as_of = ask->as_of, .seqs = seqs};
    while (page.seq_count < LIM_LINES_GET_MAX && rec_id_next(&list, &id))
        seqs[page.seq_count++] = id.id;
    if (!page.seq_count)
        return store_refuse(call, ERR_OUT_OF_RANGE);
    db_status_t status = s_read_single(call, &page, ask->visible_from_seq);
    if (status)
        return status;
    size_t count = s_fit(&page);
    s_answer_lines(call, &page, ask->incarnation);
    call->answer.as.page.more = count < page.count; /* too many bytes: the rest is asked for again */
    for (size_t i = 0; i < count; i++)
        if (s_add_line(call, &page.lines[i]))
            return DB_FAILED;
    call->answer.as.page.frames = list_of(&call->list);
    return DB_OK;
}

/* ERR_TOO_LARGE: it would pass the bytes of a page. A pinned line that is gone adds nothing. */
static err_t s_add_pin(struct store_call *call, const struct s_page *page, uint64_t seq)
{
    for (size_t i = 0; i < page->count; i++) {
        const struct s_line *line = &page->lines[i];
        if (line->seq != seq)
            continue;
        size_t bytes = call->list.records.len + line->len + line->edit_len + line->marks_len;
        return bytes > LIM_DELTA_BYTES_MAX ? ERR_TOO_LARGE : s_add_line(call, line);
    }
    return ERR_OK;
}

db_status_t store_on_pins_get(struct store_call *call)
{
    const struct msg_store_pins_get *ask = &call->ask.as.store_pins_get;
    const size_t limit = ask->limit ? ask->limit : 1;
    uint64_t seqs[LIM_LINES_GET_MAX];
    struct s_page page = {.room = ask->room, .as_of = ask->as_of, .seqs = seqs};
    const struct db_value values[] = {db_u64(ask->room), db_u64(ask->before ? ask->before : ID_MAX),
                                      db_u64(ask->visible_from_seq), db_u64(limit + 1)};
    db_stmt_t *rows;
    db_status_t status = db_query(call->db,
                                  "SELECT target_seq FROM pin WHERE room_id = ? AND seq < ? AND target_seq >= ? "
                                  "ORDER BY seq DESC LIMIT ?",
                                  values, 4, &rows);
    while (!status && page.seq_count < limit && db_next(rows))
        seqs[page.seq_count++] = db_get_u64(rows, 0);
    page.more = !status && page.seq_count == limit && db_next(rows);
    if (!status && page.seq_count)
        status = s_read_single(call, &page, ask->visible_from_seq);
    if (status)
        return status;
    s_answer_lines(call, &page, ask->incarnation);
    call->answer.as.page.more = page.more;
    err_t err = ERR_OK;
    for (size_t i = 0; i < page.seq_count && !err; i++)
        err = s_add_pin(call, &page, seqs[i]);
    if (err && err != ERR_TOO_LARGE)
        return DB_FAILED;
    call->answer.as.page.more |= err == ERR_TOO_LARGE; /* the rest is asked for again */
    call->answer.as.page.frames = list_of(&call->list);
    return DB_OK;
}

/* ---- deleting ------------------------------------------------------------------------------------------------- */

static db_status_t s_erase_frame(db_t *db, uint64_t room, uint64_t seq, view_t frame, buffer_t *tombstone)
{
    struct msg msg;
    buffer_clear(tombstone);
    if (msg_decode(frame, &msg) || msg.type != MSG_EVENT)
        return DB_FAILED;
    msg.as.event.body = view_of(NIL, sizeof NIL);
    if (msg_encode(&msg, tombstone))
        return DB_FAILED;
    const struct db_value values[] = {db_bytes(buffer_view(tombstone)), db_u64(room), db_u64(seq)};
    return db_run(db, "UPDATE event SET frame = ? WHERE room_id = ? AND seq = ?", values, 3);
}

/* Lines can have any number of edits, so they are taken in chunks, in ascending seq. */
db_status_t store_event_erase(db_t *db, uint64_t room, uint64_t target)
{
    _Static_assert(KIND_POSTED == 4 && KIND_SAID == 7 && KIND_SHARED == 23, "written so below");
    buffer_t tombstone;
    buffer_init(&tombstone, LIM_EVENT_BYTES_MAX);
    db_status_t status = DB_OK;
    uint64_t after = 0;
    size_t taken = ERASE_CHUNK;
    while (!status && taken == ERASE_CHUNK) {
        const struct db_value values[] = {db_u64(room), db_u64(target), db_u64(after), db_u64(room), db_u64(target),
                                          db_u64(after)};
        db_stmt_t *rows;
        taken = 0;
        status = db_query(db,
                          "(SELECT seq, frame FROM event WHERE room_id = ? AND seq = ? AND seq > ? AND kind IN (4, 7, 23)) "
                          "UNION ALL (SELECT seq, frame FROM event WHERE room_id = ? AND target_seq = ? AND kind IN (5, 8) "
                          "AND seq > ?) ORDER BY seq LIMIT 64",
                          values, 6, &rows);
        while (!status && db_next(rows)) {
            after = db_get_u64(rows, 0);
            status = s_erase_frame(db, room, after, db_get_view(rows, 1), &tombstone);
            taken++;
        }
    }
    buffer_fini(&tombstone);
    return status ? status : search_index_erase(db, room, target);
}

/* ---- appending ------------------------------------------------------------------------------------------------ */

bool store_event_is_sound(const struct rec_append_row *row)
{
    struct msg msg;
    if (row->mac.len != MAC_BYTES || row->seq == 0 || row->shard != id_shard(row->room) ||
        msg_decode(row->event, &msg) || msg.type != MSG_EVENT)
        return false;
    const struct msg_event *event = &msg.as.event;
    return event->room == row->room && event->seq == row->seq && event->kind == row->kind &&
           event->user == row->user && event->at_ms == row->at_ms && event->msg_no == row->msg_no &&
           event->target == row->target && cid_is_equal(&event->client_id, &row->client_id);
}
