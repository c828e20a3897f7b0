#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "persist/verify_impl.h"

/* One line as the log leaves it. Written apart from proto/marks.c, so that the two check each other. */
struct verify_line_fold {
    const struct verify_event *line;
    uint64_t deleted;               /* by which event; 0: not */
    uint64_t pinned, pinned_by;
    size_t edit_count, nil_count;   /* edits, and those of them without a body */
    uint64_t edit;                  /* the last one */
    size_t mention_count, reaction_count;
    uint64_t mentions[LIM_MENTIONS_MAX];
    struct s_reaction {
        uint64_t seq, user;
        size_t len;
        uint8_t emoji[LIM_EMOJI_BYTES_MAX];
    } reactions[LIM_LINE_REACTIONS_MAX];
};

struct verify_line_fold *verify_line_fold_new(void)
{
    return calloc(1, sizeof(struct verify_line_fold));
}

/* ---- rows in the order of (line, number), a page at a time ---------------------------------------------------- */

struct s_cursor {
    const char *sql; /* its first two columns are line and number; five values */
    db_stmt_t *rows;
    uint64_t line, number; /* of the current row */
    size_t count;          /* rows of this page */
    bool has;
};

static db_status_t s_page(struct verify *self, struct s_cursor *at, uint64_t high)
{
    const struct db_value values[] = {db_u64(self->room), db_u64(at->line), db_u64(high), db_u64(at->line),
                                      db_u64(at->number), db_u64(VERIFY_PAGE_ROWS)};
    at->count = 0;
    return db_query(self->db, at->sql, values, 6, &at->rows);
}

static db_status_t s_next(struct verify *self, struct s_cursor *at, uint64_t high)
{
    at->has = db_next(at->rows);
    if (!at->has && at->count == VERIFY_PAGE_ROWS) {
        db_status_t status = s_page(self, at, high);
        if (status)
            return status;
        at->has = db_next(at->rows);
    }
    if (!at->has)
        return DB_OK;
    at->count++;
    at->line = db_get_u64(at->rows, 0);
    at->number = db_get_u64(at->rows, 1);
    return DB_OK;
}

static db_status_t s_open(struct verify *self, struct s_cursor *at, uint64_t low, uint64_t high)
{
    at->line = low;
    at->number = 0;
    db_status_t status = s_page(self, at, high);
    return status ? status : s_next(self, at, high);
}

/* ---- the fold of one line ------------------------------------------------------------------------------------- */

static void s_begin(struct verify_line_fold *fold, const struct verify_event *line)
{
    fold->line = line;
    fold->deleted = fold->pinned = fold->pinned_by = fold->edit = 0;
    fold->edit_count = fold->nil_count = fold->reaction_count = 0;
    fold->mention_count = line->mention_count;
    memcpy(fold->mentions, line->mentions, line->mention_count * sizeof line->mentions[0]);
}

static bool s_is_emoji(const struct s_reaction *reaction, view_t emoji)
{
    return view_is_equal(view_of(reaction->emoji, reaction->len), emoji);
}

static void s_react(struct verify_line_fold *fold, const struct msg_event *event, view_t emoji, bool on)
{
    size_t at = 0, kinds = 0;
    bool is_new = true;
    for (size_t i = 0; i < fold->reaction_count; i++) {
        size_t first = 0;
        while (!s_is_emoji(&fold->reactions[first], view_of(fold->reactions[i].emoji, fold->reactions[i].len)))
            first++;
        kinds += first == i;
        is_new = is_new && !s_is_emoji(&fold->reactions[i], emoji);
    }
    while (at < fold->reaction_count &&
           (fold->reactions[at].user != event->user || !s_is_emoji(&fold->reactions[at], emoji)))
        at++;
    bool is_there = at < fold->reaction_count;
    if (is_there && !on) {
        fold->reaction_count--;
        memmove(&fold->reactions[at], &fold->reactions[at + 1],
                (fold->reaction_count - at) * sizeof fold->reactions[0]);
    }
    if (is_there || !on || emoji.len > LIM_EMOJI_BYTES_MAX || fold->reaction_count == LIM_LINE_REACTIONS_MAX ||
        (is_new && kinds == LIM_LINE_EMOJI_MAX))
        return;
    struct s_reaction *reaction = &fold->reactions[fold->reaction_count++];
    *reaction = (struct s_reaction){.seq = event->seq, .user = event->user, .len = emoji.len};
    memcpy(reaction->emoji, emoji.bytes, emoji.len);
}

static void s_edit(struct verify *self, struct verify_line_fold *fold, const struct msg_event *event)
{
    struct kind_revised revised;
    struct rec_id id;
    err_t err = ERR_OK;
    fold->edit_count++;
    fold->edit = event->seq;
    fold->mention_count = 0;
    if (event->user != fold->line->user)
        verify_fault(self, event->seq, "edits line %" PRIu64 " of user %" PRIu64, fold->line->seq, fold->line->user);
    if (event->kind == KIND_REVISED) {
        err = kind_decode(KIND_REVISED, event->body, &revised);
        while (!err && fold->mention_count < LIM_MENTIONS_MAX && rec_id_next(&revised.mentions, &id))
            fold->mentions[fold->mention_count++] = id.id;
    } else {
        struct kind_edited edited;
        err = kind_decode(KIND_EDITED, event->body, &edited);
    }
    fold->nil_count += err == ERR_DELETED;
}

static void s_fold(struct verify *self, struct verify_line_fold *fold, const struct msg_event *event)
{
    struct kind_reacted reacted;
    struct kind_pinned pinned;
    if (fold->deleted) {
        verify_fault(self, event->seq, "changes line %" PRIu64 ", which event %" PRIu64 " deleted", fold->line->seq,
                     fold->deleted);
        return;
    }
    if (kind_is_edit(event->kind)) {
        s_edit(self, fold, event);
    } else if (event->kind == KIND_DELETED) {
        fold->deleted = event->seq;
        fold->pinned = fold->mention_count = fold->reaction_count = 0;
    } else if (event->kind == KIND_REACTED && !kind_decode(KIND_REACTED, event->body, &reacted)) {
        s_react(fold, event, reacted.emoji, reacted.on);
    } else if (event->kind == KIND_PINNED && !kind_decode(KIND_PINNED, event->body, &pinned) &&
               pinned.on != (fold->pinned != 0)) {
        fold->pinned = pinned.on ? event->seq : 0;
        fold->pinned_by = event->user;
    }
}

static void s_check_tombstones(struct verify *self, const struct verify_line_fold *fold)
{
    if (fold->deleted && !fold->line->is_nil)
        verify_fault(self, fold->line->seq, "was deleted by event %" PRIu64 " and its text is still there",
                     fold->deleted);
    if (fold->deleted && fold->nil_count < fold->edit_count)
        verify_fault(self, fold->line->seq, "was deleted by event %" PRIu64 " and the text of an edit is still there",
                     fold->deleted);
    if (!fold->deleted && fold->line->is_nil)
        verify_fault(self, fold->line->seq, "its text is erased and nothing deleted it");
    if (!fold->deleted && fold->nil_count)
        verify_fault(self, fold->edit, "the text of an edit of line %" PRIu64 " is erased and nothing deleted it",
                     fold->line->seq);
}

/* ---- against the rows ----------------------------------------------------------------------------------------- */

static void s_stray(struct verify *self, const struct s_cursor *at, const char *what)
{
    verify_fault(self, at->line, "has a row in `%s`, and is no line", what);
}

/* Rows of lines below `line`: there is none with such a number. */
static db_status_t s_skip(struct verify *self, struct s_cursor *at, uint64_t line, uint64_t high, const char *what)
{
    db_status_t status = DB_OK;
    while (!status && at->has && at->line < line) {
        if (what)
            s_stray(self, at, what);
        status = s_next(self, at, high);
    }
    return status;
}

static db_status_t s_meet_reactions(struct verify *self, const struct verify_line_fold *fold, struct s_cursor *at,
                                    uint64_t high)
{
    const uint64_t line = fold->line->seq;
    size_t i = 0;
    db_status_t status = s_skip(self, at, line, high, "reaction");
    for (; !status && at->has && at->line == line; status = s_next(self, at, high)) {
        for (; i < fold->reaction_count && fold->reactions[i].seq < at->number; i++)
            verify_fault(self, line, "reaction %" PRIu64 " of the log has no row", fold->reactions[i].seq);
        if (i == fold->reaction_count || fold->reactions[i].seq != at->number) {
            verify_fault(self, line, "reaction %" PRIu64 " has a row and is none by the log", at->number);
            continue;
        }
        if (fold->reactions[i].user != db_get_u64(at->rows, 2) ||
            !s_is_emoji(&fold->reactions[i], db_get_view(at->rows, 3)))
            verify_fault(self, line, "reaction %" PRIu64 " is another by the log", at->number);
        i++;
    }
    for (; !status && i < fold->reaction_count; i++)
        verify_fault(self, line, "reaction %" PRIu64 " of the log has no row", fold->reactions[i].seq);
    return status;
}

static db_status_t s_meet_pin(struct verify *self, const struct verify_line_fold *fold, struct s_cursor *at,
                              uint64_t high)
{
    const uint64_t line = fold->line->seq;
    bool found = false;
    db_status_t status = s_skip(self, at, line, high, "pin");
    for (; !status && at->has && at->line == line; status = s_next(self, at, high)) {
        found = true;
        if (!fold->pinned)
            verify_fault(self, line, "is pinned by its row and not by the log");
        else if (fold->pinned != at->number || fold->pinned_by != db_get_u64(at->rows, 2))
            verify_fault(self, line, "is pinned by event %" PRIu64 ", by the log %" PRIu64, at->number, fold->pinned);
    }
    if (!status && fold->pinned && !found)
        verify_fault(self, line, "is pinned by event %" PRIu64 " and has no row", fold->pinned);
    return status;
}

/* Both hold each user once; the rows are in their order, the log's list is short. */
static db_status_t s_meet_mentions(struct verify *self, const struct verify_line_fold *fold, struct s_cursor *at,
                                   uint64_t high)
{
    const uint64_t line = fold->line->seq;
    uint32_t seen = 0; /* a bit for each of the list */
    _Static_assert(LIM_MENTIONS_MAX <= 32, "a bit each");
    db_status_t status = s_skip(self, at, line, high, "mention");
    for (; !status && at->has && at->line == line; status = s_next(self, at, high)) {
        size_t i = 0;
        while (i < fold->mention_count && fold->mentions[i] != at->number)
            i++;
        if (i == fold->mention_count)
            verify_fault(self, line, "calls user %" PRIu64 " by a row and not by the log", at->number);
        else if (db_get_u64(at->rows, 2) != fold->line->msg_no)
            verify_fault(self, line, "calls user %" PRIu64 " as line %" PRIu64 ", and is line %" PRIu64, at->number,
                         db_get_u64(at->rows, 2), fold->line->msg_no);
        if (i < fold->mention_count)
            seen |= UINT32_C(1) << i;
    }
    for (size_t i = 0; !status && i < fold->mention_count; i++)
        if (!(seen >> i & 1))
            verify_fault(self, line, "calls user %" PRIu64 " and has no row for it", fold->mentions[i]);
    return status;
}

/* A file that a line shows is there, whole, and is that line's. What is given up has no line any more. */
static db_status_t s_meet_files(struct verify *self, const struct verify_line_fold *fold, struct s_cursor *at,
                                uint64_t high)
{
    const uint64_t line = fold->line->seq;
    const size_t count = fold->deleted ? 0 : fold->line->file_count;
    uint32_t seen = 0; /* a bit for each of the list */
    _Static_assert(LIM_LINE_FILES_MAX <= 32, "a bit each");
    db_status_t status = s_skip(self, at, line, high, "attachment");
    for (; !status && at->has && at->line == line; status = s_next(self, at, high)) {
        size_t i = 0;
        while (i < count && fold->line->files[i].file != at->number)
            i++;
        if (i == count) {
            verify_fault(self, line, "shows file %" PRIu64 " by a row and not by the log", at->number);
            continue;
        }
        seen |= UINT32_C(1) << i;
        status = verify_pieces(self, line, &(struct verify_file){.file = at->number, .bytes = db_get_u64(at->rows, 2)},
                               fold->line->files[i].bytes);
        if (status)
            return status;
    }
    for (size_t i = 0; !status && i < count; i++)
        if (!(seen >> i & 1))
            verify_fault(self, line, "shows file %" PRIu64 ", which is not there", fold->line->files[i].file);
    return status;
}

/* Search finds a line by its row. Rows come behind the log, so a missing one is no fault; one that is left over is. */
static db_status_t s_meet_doc(struct verify *self, const struct verify_line_fold *fold, struct s_cursor *at,
                              uint64_t high)
{
    const uint64_t line = fold->line->seq;
    db_status_t status = s_skip(self, at, line, high, "search_doc");
    for (; !status && at->has && at->line == line; status = s_next(self, at, high))
        if (fold->deleted)
            verify_fault(self, line, "was deleted by event %" PRIu64 " and search still finds it", fold->deleted);
    return status;
}

/* Unread counts leave a line out by its row. */
static db_status_t s_meet_gone(struct verify *self, const struct verify_line_fold *fold, struct s_cursor *at,
                               uint64_t high)
{
    const uint64_t line = fold->line->seq;
    bool found = false;
    db_status_t status = s_skip(self, at, line, high, "gone_line");
    for (; !status && at->has && at->line == line; status = s_next(self, at, high)) {
        found = true;
        if (!fold->deleted)
            verify_fault(self, line, "is gone by its row and not by the log");
        else if (at->number != fold->line->msg_no || db_get_u64(at->rows, 2) != fold->deleted)
            verify_fault(self, line, "is gone as line %" PRIu64 " by event %" PRIu64 ", by the log as line %" PRIu64
                         " by event %" PRIu64, at->number, db_get_u64(at->rows, 2), fold->line->msg_no, fold->deleted);
    }
    if (!status && fold->deleted && !found)
        verify_fault(self, line, "was deleted by event %" PRIu64 " and has no row in `gone_line`", fold->deleted);
    return status;
}

/* ---- a stretch of lines --------------------------------------------------------------------------------------- */

struct s_cursors {
    struct s_cursor events, reactions, pins, mentions, docs, files, gone;
};

static db_status_t s_one_line(struct verify *self, struct s_cursors *at, const struct verify_event *line, uint64_t high)
{
    struct verify_line_fold *fold = self->fold;
    struct msg msg;
    s_begin(fold, line);
    db_status_t status = s_skip(self, &at->events, line->seq, high, NULL); /* their targets are checked elsewhere */
    for (; !status && at->events.has && at->events.line == line->seq; status = s_next(self, &at->events, high))
        if (at->events.number > line->seq && !msg_decode(db_get_view(at->events.rows, 2), &msg) &&
            msg.type == MSG_EVENT)
            s_fold(self, fold, &msg.as.event);
    if (status)
        return status;
    s_check_tombstones(self, fold);
    status = s_meet_reactions(self, fold, &at->reactions, high);
    if (!status)
        status = s_meet_pin(self, fold, &at->pins, high);
    if (!status)
        status = s_meet_mentions(self, fold, &at->mentions, high);
    if (!status)
        status = s_meet_doc(self, fold, &at->docs, high);
    if (!status)
        status = s_meet_files(self, fold, &at->files, high);
    return status ? status : s_meet_gone(self, fold, &at->gone, high);
}

#define AFTER(line, number) " AND (" line " > ? OR " number " > ?) ORDER BY " line ", " number " LIMIT ?"

db_status_t verify_lines(struct verify *self, uint64_t low, uint64_t high, const struct verify_event *events,
                         size_t count)
{
    _Static_assert(KIND_EDITED == 5 && KIND_DELETED == 6 && KIND_REVISED == 8 && KIND_PINNED == 10, "written so below");
    struct s_cursors at = {
        .events = {.sql = "SELECT target_seq, seq, frame FROM event WHERE room_id = ? AND target_seq BETWEEN ? AND ? "
                          "AND kind IN (5, 6, 8, 9, 10)" AFTER("target_seq", "seq")},
        .reactions = {.sql = "SELECT target_seq, seq, user_id, emoji FROM reaction WHERE room_id = ? AND target_seq "
                             "BETWEEN ? AND ?" AFTER("target_seq", "seq")},
        .pins = {.sql = "SELECT target_seq, seq, user_id FROM pin WHERE room_id = ? AND target_seq BETWEEN ? AND ?"
                        AFTER("target_seq", "seq")},
        .mentions = {.sql = "SELECT seq, user_id, msg_no FROM mention WHERE room_id = ? AND seq BETWEEN ? AND ?"
                            AFTER("seq", "user_id")},
        .docs = {.sql = "SELECT seq, seq AS number FROM search_doc WHERE room_id = ? AND seq BETWEEN ? AND ?"
                        AFTER("seq", "seq")},
        .files = {.sql = "SELECT seq, id, bytes FROM attachment WHERE room_id = ? AND seq BETWEEN ? AND ? AND state = 2"
                         AFTER("seq", "id")},
        .gone = {.sql = "SELECT seq, msg_no, deleted_seq FROM gone_line WHERE room_id = ? AND seq BETWEEN ? AND ?"
                        AFTER("seq", "msg_no")},
    };
    struct s_cursor *all[] = {&at.events, &at.reactions, &at.pins, &at.mentions, &at.docs, &at.files, &at.gone};
    db_status_t status = DB_OK;
    for (size_t i = 0; !status && i < sizeof all / sizeof all[0]; i++)
        status = s_open(self, all[i], i ? low : low ? low : 1, high);
    for (size_t i = 0; !status && i < count; i++)
        if (events[i].is_line)
            status = s_one_line(self, &at, &events[i], high);
    if (!status)
        status = s_skip(self, &at.reactions, UINT64_MAX, high, "reaction");
    if (!status)
        status = s_skip(self, &at.pins, UINT64_MAX, high, "pin");
    if (!status)
        status = s_skip(self, &at.mentions, UINT64_MAX, high, "mention");
    if (!status)
        status = s_skip(self, &at.docs, UINT64_MAX, high, "search_doc");
    if (!status)
        status = s_skip(self, &at.files, UINT64_MAX, high, "attachment");
    return status ? status : s_skip(self, &at.gone, UINT64_MAX, high, "gone_line");
}
