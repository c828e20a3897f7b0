#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "persist/verify_impl.h"

struct s_log {
    const struct verify_room *room;
    uint64_t next_seq, msg_no, at_ms; /* expected next; last ones seen */
    uint64_t low;                     /* lines below it are done */
    bool is_whole;                    /* no kind so far that is not folded here */
    size_t count;
    struct verify_event page[VERIFY_PAGE_ROWS];
};

/* A row of `event`. Views live until the next row. */
struct s_row {
    uint64_t seq, kind, user, target, msg_no, at_ms;
    view_t client_id, mac, frame;
};

/* Kinds whose meaning this file and its neighbours fold. */
static bool s_is_folded(uint64_t kind)
{
    return kind >= KIND_ROOM_CREATED && kind <= KIND_SHARED;
}

/* ---- one event ------------------------------------------------------------------------------------------------ */

static void s_check_order(struct verify *self, struct s_log *log, const struct s_row *row)
{
    if (row->seq != log->next_seq)
        verify_fault(self, row->seq, "events %" PRIu64 " to %" PRIu64 " are missing", log->next_seq, row->seq - 1);
    if (row->seq > log->room->last_seq)
        verify_fault(self, row->seq, "is beyond the room's last event %" PRIu64, log->room->last_seq);
    if (row->at_ms < log->at_ms)
        verify_fault(self, row->seq, "is older than the event before it");
    if (row->msg_no && row->msg_no != log->msg_no + 1)
        verify_fault(self, row->seq, "is line %" PRIu64 " after line %" PRIu64, row->msg_no, log->msg_no);
    if (s_is_folded(row->kind) && kind_is_line((uint32_t)row->kind) != (row->msg_no > 0))
        verify_fault(self, row->seq, row->msg_no ? "has a line's number and is none" : "is a line without a number");
    if ((row->seq == 1) != kind_is_first((uint32_t)row->kind))
        verify_fault(self, row->seq, row->seq == 1 ? "does not create the room" : "creates the room again");
    log->next_seq = row->seq + 1;
    log->at_ms = row->at_ms;
    if (row->msg_no)
        log->msg_no = row->msg_no;
}

static void s_check_target(struct verify *self, const struct s_row *row)
{
    uint32_t kind = (uint32_t)row->kind;
    bool must = kind_is_edit(kind) || kind_is_mark(kind) || kind == KIND_DELETED;
    if (must && !row->target)
        verify_fault(self, row->seq, "changes no line");
    if (!must && kind != KIND_SAID && kind != KIND_SHARED && row->target)
        verify_fault(self, row->seq, "has a target, which %s never has", kind_name(kind));
}

static bool s_is_zero(view_t bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        if (bytes.bytes[i])
            return false;
    return true;
}

/* The frame says what the columns say. */
static bool s_check_frame(struct verify *self, const struct s_row *row, struct msg *msg_out)
{
    if (msg_decode(row->frame, msg_out) || msg_out->type != MSG_EVENT) {
        verify_fault(self, row->seq, "its frame is no event");
        return false;
    }
    const struct msg_event *event = &msg_out->as.event;
    const char *differs = event->room != self->room        ? "room"
                          : event->seq != row->seq         ? "seq"
                          : event->kind != row->kind       ? "kind"
                          : event->user != row->user       ? "user"
                          : event->at_ms != row->at_ms     ? "time"
                          : event->msg_no != row->msg_no   ? "line number"
                          : event->target != row->target   ? "target"
                          : !view_is_equal(row->client_id, view_of(event->client_id.bytes, CID_BYTES)) ? "client id"
                                                                                                        : NULL;
    if (differs)
        verify_fault(self, row->seq, "its frame has another %s than its columns", differs);
    return !differs;
}

/* Body, and what the line needs of it. */
static void s_check_body(struct verify *self, const struct s_row *row, const struct msg_event *event,
                         struct verify_event *out)
{
    union {
        struct kind_room_created created;
        struct kind_joined joined;
        struct kind_left left;
        struct kind_posted posted;
        struct kind_edited edited;
        struct kind_deleted deleted;
        struct kind_said said;
        struct kind_revised revised;
        struct kind_reacted reacted;
        struct kind_pinned pinned;
        struct kind_removed removed;
        struct kind_banned banned;
        struct kind_unbanned unbanned;
        struct kind_role_changed role_changed;
        struct kind_muted muted;
        struct kind_shared shared;
        struct kind_added added;
        struct kind_renamed renamed;
        struct kind_topic_changed topic_changed;
        struct kind_archived archived;
        struct kind_history_changed history_changed;
        struct kind_direct_created direct;
        struct kind_founded founded;
    } body;
    struct rec_id id;
    err_t err = kind_decode(event->kind, event->body, &body);
    out->is_nil = err == ERR_DELETED;
    if (err && !(out->is_nil && (kind_is_line(event->kind) || kind_is_edit(event->kind))))
        verify_fault(self, row->seq, "its body is no %s", kind_name(event->kind));
    bool calls = event->kind == KIND_SAID || event->kind == KIND_SHARED;
    list_t mentions = event->kind == KIND_SHARED ? body.shared.mentions : body.said.mentions;
    struct rec_file_info file;
    while (!err && event->kind == KIND_SHARED && out->file_count < LIM_LINE_FILES_MAX &&
           rec_file_info_next(&body.shared.files, &file))
        out->files[out->file_count++] = (struct verify_file){.file = file.file, .bytes = file.bytes};
    while (!err && calls && out->mention_count < LIM_MENTIONS_MAX && rec_id_next(&mentions, &id))
        out->mentions[out->mention_count++] = id.id;
}

/* What the room's row took from its first event. */
static void s_check_created(struct verify *self, const struct verify_room *room, const struct msg_event *event)
{
    if (!kind_is_first(event->kind))
        return;
    if (event->user != room->created_by || event->at_ms != room->created_at_ms)
        verify_fault(self, event->seq, "the room has another creator or time of creation");
}

static void s_take(struct verify *self, struct s_log *log, const struct s_row *row)
{
    struct msg msg;
    struct verify_event *out = &log->page[log->count++];
    *out = (struct verify_event){.seq = row->seq, .user = row->user, .msg_no = row->msg_no,
                                 .is_line = s_is_folded(row->kind) && kind_is_line((uint32_t)row->kind)};
    self->report.events++;
    self->report.lines += out->is_line;
    s_check_order(self, log, row);
    if (row->mac.len != MAC_BYTES || s_is_zero(row->mac))
        verify_fault(self, row->seq, "has no MAC of what was asked for");
    bool is_sound = s_check_frame(self, row, &msg);
    if (!s_is_folded(row->kind)) {
        log->is_whole = false;
        return;
    }
    s_check_target(self, row);
    if (!is_sound)
        return;
    s_check_body(self, row, &msg.as.event, out);
    s_check_created(self, log->room, &msg.as.event);
    if (!log->is_whole)
        return;
    verify_settings_fold(self, &msg.as.event);
    verify_members_fold(self, &msg.as.event);
    verify_restricted_fold(self, &msg.as.event);
}

/* ---- a page of them ------------------------------------------------------------------------------------------- */

/* Targets that are no line before their event. */
static db_status_t s_check_targets(struct verify *self, uint64_t low, uint64_t high)
{
    _Static_assert(KIND_POSTED == 4 && KIND_SAID == 7 && KIND_EDITED == 5 && KIND_PINNED == 10 && KIND_SHARED == 23,
                   "written so below");
    const struct db_value values[] = {db_u64(self->room), db_u64(low), db_u64(high)};
    db_stmt_t *rows;
    db_status_t status = db_query(self->db,
                                  "SELECT e.seq, e.target_seq FROM event AS e LEFT JOIN event AS t ON "
                                  "t.room_id = e.room_id AND t.seq = e.target_seq WHERE e.room_id = ? AND e.seq "
                                  "BETWEEN ? AND ? AND e.target_seq > 0 AND e.kind BETWEEN 5 AND 10 AND "
                                  "(t.seq IS NULL OR t.kind NOT IN (4, 7, 23) OR t.seq >= e.seq) ORDER BY e.seq",
                                  values, 3, &rows);
    while (!status && db_next(rows))
        verify_fault(self, db_get_u64(rows, 0), "its target %" PRIu64 " is no line before it", db_get_u64(rows, 1));
    return status;
}

static db_status_t s_read_page(struct verify *self, struct s_log *log)
{
    const struct db_value values[] = {db_u64(self->room), db_u64(log->next_seq), db_u64(VERIFY_PAGE_ROWS)};
    db_stmt_t *rows;
    db_status_t status = db_query(self->db,
                                  "SELECT seq, kind, user_id, client_id, target_seq, msg_no, at_ms, body_mac, frame "
                                  "FROM event WHERE room_id = ? AND seq >= ? ORDER BY seq LIMIT ?",
                                  values, 3, &rows);
    log->count = 0;
    while (!status && db_next(rows)) {
        const struct s_row row = {
            .seq = db_get_u64(rows, 0), .kind = db_get_u64(rows, 1), .user = db_get_u64(rows, 2),
            .client_id = db_get_view(rows, 3), .target = db_get_u64(rows, 4), .msg_no = db_get_u64(rows, 5),
            .at_ms = db_get_u64(rows, 6), .mac = db_get_view(rows, 7), .frame = db_get_view(rows, 8)};
        s_take(self, log, &row);
    }
    return status;
}

static void s_check_head(struct verify *self, const struct s_log *log)
{
    const struct verify_room *room = log->room;
    if (log->next_seq <= room->last_seq)
        verify_fault(self, room->last_seq, "events %" PRIu64 " to %" PRIu64 " are missing", log->next_seq,
                     room->last_seq);
    if (log->msg_no != room->last_msg_no)
        verify_fault(self, 0, "counts %" PRIu64 " lines, the last one has number %" PRIu64, room->last_msg_no,
                     log->msg_no);
    if (log->at_ms != room->last_at_ms)
        verify_fault(self, 0, "its last event is of another time than its log's");
}

static db_status_t s_read_log(struct verify *self, struct s_log *log)
{
    db_status_t status = DB_OK;
    do {
        uint64_t first = log->next_seq;
        status = s_read_page(self, log);
        bool is_last = log->count < VERIFY_PAGE_ROWS; /* what is beyond the log hangs on nothing */
        uint64_t high = is_last ? UINT64_MAX : log->next_seq - 1;
        if (!status)
            status = s_check_targets(self, first, high);
        if (!status)
            status = verify_lines(self, log->low, high, log->page, log->count);
        log->low = log->next_seq;
        verify_tell(self);
    } while (!status && log->count == VERIFY_PAGE_ROWS);
    return status;
}

db_status_t verify_log(struct verify *self, const struct verify_room *room)
{
    struct s_log *log = malloc(sizeof *log);
    if (!log)
        return DB_FAILED;
    *log = (struct s_log){.room = room, .next_seq = 1, .is_whole = true};
    verify_members_clear(self->members);
    map_fini(&self->restricted);
    verify_settings_clear(self->settings);
    db_status_t status = s_read_log(self, log);
    if (!status) {
        s_check_head(self, log);
        self->report.not_compared += !log->is_whole;
        if (log->is_whole)
            verify_settings_compare(self, room);
        status = verify_members_compare(self, room, log->is_whole);
        if (!status && log->is_whole)
            status = verify_restricted_compare(self);
    }
    free(log);
    return status;
}
