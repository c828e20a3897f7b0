/* What search finds lines by, against what they read now. The index comes behind the log: a line that changed after the
 * place it has come to is not looked at, nor a room whose index is of other rules or of another history. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "persist/search_index.h"
#include "persist/verify_impl.h"

enum { LINES_MAX = 64, TERMS_AT_ONCE = 64, DOCS_MAX = 4096 };
static const uint64_t TERM_RANGE = UINT64_C(1) << 28; /* 16 of them */

struct verify_search {
    struct search_text text;
    uint8_t scratch[LIM_SEARCH_TEXT_BYTES_MAX]; /* a text and names of files */
    uint32_t wanted[LIM_SEARCH_TERMS_MAX], found[LIM_SEARCH_TERMS_MAX];
};

struct verify_search *verify_search_new(void)
{
    return malloc(sizeof(struct verify_search));
}

void verify_search_destroy(struct verify_search **self_p)
{
    free(*self_p);
    *self_p = NULL;
}

/* A line with its newest change. */
struct s_line {
    uint64_t seq, user, at_ms;
    view_t text; /* empty: erased */
};

struct s_doc {
    uint64_t seq, at_ms;
    size_t count; /* in search->found */
};

/* Rows that the terms of a line have: each of them once. */
static db_status_t s_count_rows(struct verify *self, const struct s_doc *doc, uint64_t *count_out)
{
#define Q8 "?,?,?,?,?,?,?,?"
    *count_out = 0;
    for (size_t first = 0; first < doc->count; first += TERMS_AT_ONCE) {
        struct db_value values[3 + TERMS_AT_ONCE] = {db_u64(self->room), db_u64(doc->at_ms), db_u64(doc->seq)};
        for (size_t i = 0; i < TERMS_AT_ONCE; i++)
            values[3 + i] = db_u64(self->search->found[first + i < doc->count ? first + i : doc->count - 1]);
        db_stmt_t *rows;
        db_status_t status = db_query(self->db,
                                      "SELECT COUNT(*) FROM search_term WHERE room_id = ? AND at_ms = ? AND seq = ? AND "
                                      "term IN (" Q8 "," Q8 "," Q8 "," Q8 "," Q8 "," Q8 "," Q8 "," Q8 ")",
                                      values, 3 + TERMS_AT_ONCE, &rows);
        if (status)
            return status;
        if (db_next(rows))
            *count_out += db_get_u64(rows, 0);
    }
    return DB_OK;
#undef Q8
}

static db_status_t s_compare(struct verify *self, const struct s_line *line, const struct s_doc *doc)
{
    struct verify_search *search = self->search;
    size_t wanted = 0;
    uint64_t rows = 0;
    if (line->text.len) {
        search_text_read(&search->text, line->text);
        wanted = search_terms_of(&search->text, line->user, search_has_link(line->text), search->wanted);
    }
    bool is_there = doc->seq == line->seq;
    self->report.indexed_lines += is_there;
    if (!is_there && wanted > 0)
        verify_fault(self, line->seq, "search does not know the line");
    if (!is_there || !line->text.len) /* what is left of a deleted line is told by verify_lines */
        return DB_OK;
    if (doc->at_ms != line->at_ms)
        verify_fault(self, line->seq, "search has another time of the line");
    if (doc->count != wanted || memcmp(search->wanted, search->found, wanted * sizeof *search->wanted) != 0)
        verify_fault(self, line->seq, "search finds the line by other words than it has");
    db_status_t status = s_count_rows(self, doc, &rows);
    if (!status && rows != doc->count)
        verify_fault(self, line->seq, "search has %" PRIu64 " of the line's %zu terms", rows, doc->count);
    return status;
}

/* A page of lines after `after`, beside their docs; both ascending. */
static db_status_t s_page(struct verify *self, uint64_t indexed, uint64_t *after, size_t *count_out)
{
    _Static_assert(KIND_EDITED == 5 && KIND_DELETED == 6 && KIND_REVISED == 8, "written so below");
    const struct db_value values[] = {db_u64(self->room), db_u64(*after), db_u64(indexed), db_u64(LINES_MAX)};
    struct s_doc doc = {0};
    db_stmt_t *lines, *docs;
    *count_out = 0;
    db_status_t status = db_query(self->db,
                                  "SELECT l.seq, l.user_id, l.at_ms, l.frame, e.seq, e.frame FROM event AS l LEFT JOIN "
                                  "event AS e ON e.room_id = l.room_id AND e.seq = (SELECT MAX(x.seq) FROM event AS x "
                                  "WHERE x.room_id = l.room_id AND x.target_seq = l.seq AND x.kind IN (5, 6, 8)) "
                                  "WHERE l.room_id = ? AND l.seq > ? AND l.seq <= ? AND l.msg_no > 0 ORDER BY l.seq "
                                  "LIMIT ?",
                                  values, 4, &lines);
    if (!status)
        status = db_query(self->db, "SELECT seq, at_ms, terms FROM search_doc WHERE room_id = ? AND seq > ? AND seq <= ? "
                                    "ORDER BY seq LIMIT ?",
                          values, 4, &docs);
    bool has_doc = !status && db_next(docs);
    while (!status && db_next(lines)) {
        struct s_line line = {.seq = db_get_u64(lines, 0), .user = db_get_u64(lines, 1), .at_ms = db_get_u64(lines, 2)};
        uint64_t changed = db_get_u64(lines, 4); /* 0: never */
        bool has_text = search_event_text(db_get_view(lines, 3), &line.text);
        if (has_text && changed)
            has_text = search_event_text(db_get_view(lines, 5), &line.text);
        if (has_text)
            search_add_names(db_get_view(lines, 3), self->search->scratch, &line.text);
        else
            line.text = (view_t){0};
        *after = line.seq;
        ++*count_out;
        while (has_doc && db_get_u64(docs, 0) < line.seq)
            has_doc = db_next(docs);
        doc.seq = has_doc ? db_get_u64(docs, 0) : 0;
        if (doc.seq == line.seq) {
            doc.at_ms = db_get_u64(docs, 1);
            doc.count = search_index_terms(db_get_view(docs, 2), self->search->found);
        }
        if (changed <= indexed)
            status = s_compare(self, &line, &doc);
    }
    return status;
}

db_status_t verify_search(struct verify *self, const struct verify_room *room)
{
    const struct db_value values[] = {db_u64(self->room)};
    db_stmt_t *rows;
    db_status_t status = db_query(self->db,
                                  "SELECT incarnation, version, indexed_seq FROM search_head WHERE room_id = ?", values,
                                  1, &rows);
    if (status)
        return status;
    bool is_ours = db_next(rows) && db_get_u64(rows, 0) == room->incarnation && db_get_u64(rows, 1) == SEARCH_VERSION;
    uint64_t indexed = is_ours ? db_get_u64(rows, 2) : 0, after = 0;
    if (indexed > room->last_seq)
        verify_fault(self, 0, "search has come to event %" PRIu64 " of %" PRIu64, indexed, room->last_seq);
    self->report.not_indexed += indexed < room->last_seq ? room->last_seq - indexed : 0;
    for (size_t count = LINES_MAX; !status && count == LINES_MAX;) {
        status = s_page(self, indexed, &after, &count);
        verify_tell(self);
    }
    return status;
}

/* ---- all of it, for what belongs to no line: each line's own were counted, so the sums tell -------------------- */

/* Pages, for a statement has its time. */
static db_status_t s_terms_of_room(struct verify *self, uint64_t room, uint64_t *sum)
{
    uint64_t after = 0;
    for (size_t count = DOCS_MAX; count == DOCS_MAX;) {
        const struct db_value values[] = {db_u64(room), db_u64(after), db_u64(DOCS_MAX)};
        db_stmt_t *rows;
        db_status_t status = db_query(self->db,
                                      "SELECT seq, LENGTH(terms) DIV 4 FROM search_doc WHERE room_id = ? AND seq > ? "
                                      "ORDER BY seq LIMIT ?",
                                      values, 3, &rows);
        if (status)
            return status;
        for (count = 0; db_next(rows); count++) {
            after = db_get_u64(rows, 0);
            *sum += db_get_u64(rows, 1);
        }
        verify_tell(self);
    }
    return DB_OK;
}

static db_status_t s_terms_of_lines(struct verify *self, uint64_t *sum)
{
    uint64_t room = 0;
    for (;;) {
        const struct db_value values[] = {db_u64(room)};
        db_stmt_t *rows;
        db_status_t status = db_query(self->db, "SELECT room_id FROM search_doc WHERE room_id > ? ORDER BY room_id LIMIT 1",
                                      values, 1, &rows);
        if (status || !db_next(rows))
            return status;
        room = db_get_u64(rows, 0);
        status = s_terms_of_room(self, room, sum);
        if (status)
            return status;
    }
}

/* Terms are hashes, so equal ranges of them have about equally many rows. */
static db_status_t s_all_terms(struct verify *self, uint64_t *sum)
{
    for (uint64_t low = 0; low <= UINT32_MAX; low += TERM_RANGE) {
        const struct db_value values[] = {db_u64(low), db_u64(low + TERM_RANGE - 1)};
        db_stmt_t *rows;
        db_status_t status = db_query(self->db, "SELECT COUNT(*) FROM search_term WHERE term BETWEEN ? AND ?", values, 2,
                                      &rows);
        if (status)
            return status;
        if (db_next(rows))
            *sum += db_get_u64(rows, 0);
        verify_tell(self);
    }
    return DB_OK;
}

db_status_t verify_search_rest(struct verify *self)
{
    uint64_t of_lines = 0, all = 0;
    db_status_t status = db_begin_snapshot(self->db);
    if (!status)
        status = s_terms_of_lines(self, &of_lines);
    if (!status)
        status = s_all_terms(self, &all);
    db_rollback(self->db);
    if (!status && all != of_lines) { /* of no room that could be named */
        self->report.faults++;
        fprintf(self->out, "search has %" PRIu64 " terms in all, by its lines %" PRIu64 "\n", all, of_lines);
    }
    return status;
}
