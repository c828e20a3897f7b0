#include "persist/search_index.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "persist/sized_sql.h"
#include "proto/messages.h"

enum {
    TERM_COLUMNS = 4,
    DOC_COLUMNS = 4,
    ERASE_CHUNK = 64,
    LINES_MAX = SEARCH_STEP_EVENTS_MAX,
    TERM_BYTES = 4,
    TERMS_BYTES_MAX = LIM_SEARCH_TERMS_MAX * TERM_BYTES,
};

/* A line whose text is new, or may be. */
struct s_line {
    uint64_t seq;
    bool is_edited;
};

struct search_index {
    struct sized_sql read_lines, read_docs, insert_terms, insert_docs;
    struct db_value values[SIZED_ROWS_MAX * TERM_COLUMNS];
    size_t value_count; /* rows of search_term that wait for their insert */
    struct db_value docs[LINES_MAX * DOC_COLUMNS];
    size_t doc_count;
    uint8_t doc_terms[LINES_MAX][TERMS_BYTES_MAX]; /* what docs borrows */
    struct s_line lines[LINES_MAX];
    size_t line_count;
    struct search_text text;
    uint8_t scratch[LIM_SEARCH_TEXT_BYTES_MAX]; /* a text and names of files */
    uint32_t terms[LIM_SEARCH_TERMS_MAX], old[LIM_SEARCH_TERMS_MAX], gone[LIM_SEARCH_TERMS_MAX];
};

/* ---- texts and terms -------------------------------------------------------------------------------------------- */

bool search_event_text(view_t frame, view_t *text_out)
{
    struct msg msg;
    union {
        struct kind_posted posted;
        struct kind_edited edited;
        struct kind_said said;
        struct kind_revised revised;
        struct kind_shared shared;
    } body;
    if (msg_decode(frame, &msg) || msg.type != MSG_EVENT)
        return false;
    const uint32_t kind = msg.as.event.kind;
    bool has_text = kind == KIND_POSTED || kind == KIND_EDITED || kind == KIND_SAID || kind == KIND_REVISED ||
                    kind == KIND_SHARED;
    if (!has_text || kind_decode(kind, msg.as.event.body, &body))
        return false;
    *text_out = kind == KIND_POSTED   ? body.posted.text
                : kind == KIND_EDITED ? body.edited.text
                : kind == KIND_SAID   ? body.said.text
                : kind == KIND_SHARED ? body.shared.text
                                      : body.revised.text;
    return text_out->len <= LIM_TEXT_BYTES_MAX;
}

void search_add_names(view_t line, uint8_t scratch[LIM_SEARCH_TEXT_BYTES_MAX], view_t *text)
{
    struct msg msg;
    struct kind_shared body;
    struct rec_file_info info;
    if (msg_decode(line, &msg) || msg.type != MSG_EVENT || msg.as.event.kind != KIND_SHARED ||
        kind_decode(KIND_SHARED, msg.as.event.body, &body))
        return;
    size_t len = text->len;
    if (len)
        memcpy(scratch, text->bytes, len);
    while (rec_file_info_next(&body.files, &info)) {
        if (len)
            scratch[len++] = '\n';
        memcpy(scratch + len, info.name.bytes, info.name.len);
        len += info.name.len;
    }
    *text = view_of(scratch, len);
}

size_t search_index_terms(view_t bytes, uint32_t terms_out[LIM_SEARCH_TERMS_MAX])
{
    size_t count = 0;
    for (size_t at = 0; at + TERM_BYTES <= bytes.len && count < LIM_SEARCH_TERMS_MAX; at += TERM_BYTES)
        terms_out[count++] = (uint32_t)bytes.bytes[at] << 24 | (uint32_t)bytes.bytes[at + 1] << 16 |
                             (uint32_t)bytes.bytes[at + 2] << 8 | bytes.bytes[at + 3];
    return count;
}

static view_t s_write_terms(const uint32_t *terms, size_t count, uint8_t bytes_out[TERMS_BYTES_MAX])
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < TERM_BYTES; j++)
            bytes_out[i * TERM_BYTES + j] = (uint8_t)(terms[i] >> (24 - 8 * j));
    return view_of(bytes_out, count * TERM_BYTES);
}

/* ---- taking away ------------------------------------------------------------------------------------------------ */

#define Q8 "?,?,?,?,?,?,?,?"

static db_status_t s_remove_terms(db_t *db, uint64_t room, uint64_t at_ms, uint64_t seq, const uint32_t *terms,
                                  size_t count)
{
    db_status_t status = DB_OK;
    for (size_t first = 0; !status && first < count; first += ERASE_CHUNK) {
        struct db_value values[3 + ERASE_CHUNK] = {db_u64(room), db_u64(at_ms), db_u64(seq)};
        for (size_t i = 0; i < ERASE_CHUNK; i++)
            values[3 + i] = db_u64(terms[first + i < count ? first + i : count - 1]);
        status = db_run(db,
                        "DELETE FROM search_term WHERE room_id = ? AND at_ms = ? AND seq = ? AND term IN "
                        "(" Q8 "," Q8 "," Q8 "," Q8 "," Q8 "," Q8 "," Q8 "," Q8 ")",
                        values, 3 + ERASE_CHUNK);
    }
    return status;
}

static db_status_t s_remove_doc(db_t *db, uint64_t room, uint64_t seq)
{
    const struct db_value values[] = {db_u64(room), db_u64(seq)};
    return db_run(db, "DELETE FROM search_doc WHERE room_id = ? AND seq = ?", values, 2);
}

db_status_t search_index_erase(db_t *db, uint64_t room, uint64_t seq)
{
    const struct db_value values[] = {db_u64(room), db_u64(seq)};
    uint32_t terms[LIM_SEARCH_TERMS_MAX];
    db_stmt_t *rows;
    db_status_t status = db_query(db, "SELECT at_ms, terms FROM search_doc WHERE room_id = ? AND seq = ? FOR UPDATE",
                                  values, 2, &rows);
    if (status || !db_next(rows))
        return status;
    uint64_t at_ms = db_get_u64(rows, 0);
    size_t count = search_index_terms(db_get_view(rows, 1), terms);
    status = s_remove_terms(db, room, at_ms, seq, terms, count);
    return status ? status : s_remove_doc(db, room, seq);
}

/* ---- one line --------------------------------------------------------------------------------------------------- */

static db_status_t s_flush(search_index_t *self, db_t *db)
{
    db_status_t status = DB_OK;
    if (self->value_count)
        status = sized_run(&self->insert_terms, db, self->values, TERM_COLUMNS, self->value_count, NULL);
    if (!status && self->doc_count)
        status = sized_run(&self->insert_docs, db, self->docs, DOC_COLUMNS, self->doc_count, NULL);
    self->value_count = self->doc_count = 0;
    return status;
}

static db_status_t s_add_term(search_index_t *self, db_t *db, uint32_t term, uint64_t room, uint64_t at_ms,
                              uint64_t seq)
{
    if (self->value_count == SIZED_ROWS_MAX) {
        db_status_t status = s_flush(self, db);
        if (status)
            return status;
    }
    struct db_value *values = self->values + self->value_count++ * TERM_COLUMNS;
    values[0] = db_u64(term);
    values[1] = db_u64(room);
    values[2] = db_u64(at_ms);
    values[3] = db_u64(seq);
    return DB_OK;
}

struct s_doc {
    uint64_t room, seq, at_ms;
    bool was_there;
    size_t old_count; /* in self->old */
};

/* From the old terms to the new ones, both ascending. */
static db_status_t s_change_terms(search_index_t *self, db_t *db, const struct s_doc *doc, size_t count)
{
    size_t i = 0, j = 0, gone = 0;
    db_status_t status = DB_OK;
    while (!status && (i < count || j < doc->old_count)) {
        if (j == doc->old_count || (i < count && self->terms[i] < self->old[j]))
            status = s_add_term(self, db, self->terms[i++], doc->room, doc->at_ms, doc->seq);
        else if (i == count || self->old[j] < self->terms[i])
            self->gone[gone++] = self->old[j++];
        else
            i++, j++;
    }
    return status ? status : s_remove_terms(db, doc->room, doc->at_ms, doc->seq, self->gone, gone);
}

static db_status_t s_store_doc(search_index_t *self, db_t *db, const struct s_doc *doc, size_t count)
{
    if (doc->was_there) {
        const view_t bytes = s_write_terms(self->terms, count, self->doc_terms[LINES_MAX - 1]);
        const struct db_value values[] = {db_bytes(bytes), db_u64(doc->room), db_u64(doc->seq)};
        return db_run(db, "UPDATE search_doc SET terms = ? WHERE room_id = ? AND seq = ?", values, 3);
    }
    if (self->doc_count == LINES_MAX - 1) { /* the last place is the scratch of the update above */
        db_status_t status = s_flush(self, db);
        if (status)
            return status;
    }
    struct db_value *values = self->docs + self->doc_count * DOC_COLUMNS;
    values[0] = db_u64(doc->room);
    values[1] = db_u64(doc->seq);
    values[2] = db_u64(doc->at_ms);
    values[3] = db_bytes(s_write_terms(self->terms, count, self->doc_terms[self->doc_count]));
    self->doc_count++;
    return DB_OK;
}

static db_status_t s_take_line(search_index_t *self, db_t *db, const struct s_doc *doc, uint64_t user, bool has_text,
                               view_t text)
{
    size_t count = 0;
    if (has_text) {
        search_text_read(&self->text, text);
        count = search_terms_of(&self->text, user, search_has_link(text), self->terms);
    }
    if (count == 0 && !doc->was_there)
        return DB_OK;
    db_status_t status = s_change_terms(self, db, doc, count);
    if (status)
        return status;
    return count ? s_store_doc(self, db, doc, count) : s_remove_doc(db, doc->room, doc->seq);
}

/* Its newest edit; text_out stays as it is if there is none. */
static db_status_t s_newest_edit(db_t *db, uint64_t room, uint64_t seq, bool *has_text, view_t *text_out)
{
    _Static_assert(KIND_EDITED == 5 && KIND_REVISED == 8, "written so below");
    const struct db_value values[] = {db_u64(room), db_u64(seq)};
    db_stmt_t *rows;
    db_status_t status = db_query(db,
                                  "SELECT frame FROM event WHERE room_id = ? AND target_seq = ? AND kind IN (5, 8) "
                                  "ORDER BY seq DESC LIMIT 1",
                                  values, 2, &rows);
    if (!status && db_next(rows))
        *has_text = search_event_text(db_get_view(rows, 0), text_out);
    return status;
}

/* The lines with their texts, locked, beside what the index has of them; both ascending. */
static db_status_t s_take_lines(search_index_t *self, db_t *db, uint64_t room)
{
    struct db_value keys[SIZED_ROWS_MAX * 2];
    db_stmt_t *lines, *docs;
    for (size_t i = 0; i < self->line_count; i++) {
        keys[2 * i] = db_u64(room);
        keys[2 * i + 1] = db_u64(self->lines[i].seq);
    }
    db_status_t status = sized_query(&self->read_lines, db, keys, 2, self->line_count, &lines);
    if (!status)
        status = sized_query(&self->read_docs, db, keys, 2, self->line_count, &docs);
    if (status)
        return status;
    bool has_doc = db_next(docs);
    for (size_t i = 0; !status && db_next(lines);) {
        struct s_doc doc = {.room = room, .seq = db_get_u64(lines, 0), .at_ms = db_get_u64(lines, 2)};
        while (has_doc && db_get_u64(docs, 0) < doc.seq)
            has_doc = db_next(docs);
        doc.was_there = has_doc && db_get_u64(docs, 0) == doc.seq;
        doc.old_count = doc.was_there ? search_index_terms(db_get_view(docs, 1), self->old) : 0;
        while (i < self->line_count && self->lines[i].seq < doc.seq)
            i++;
        view_t text = {0};
        bool has_text = search_event_text(db_get_view(lines, 3), &text);
        if (has_text && i < self->line_count && self->lines[i].seq == doc.seq && self->lines[i].is_edited)
            status = s_newest_edit(db, room, doc.seq, &has_text, &text);
        if (!status && has_text)
            search_add_names(db_get_view(lines, 3), self->scratch, &text);
        if (!status)
            status = s_take_line(self, db, &doc, db_get_u64(lines, 1), has_text, text);
    }
    return status ? status : s_flush(self, db);
}

/* ---- one step --------------------------------------------------------------------------------------------------- */

static void s_note_line(search_index_t *self, uint64_t seq, bool is_edited)
{
    size_t at = self->line_count;
    while (at > 0 && self->lines[at - 1].seq > seq)
        at--;
    if (at > 0 && self->lines[at - 1].seq == seq) {
        self->lines[at - 1].is_edited = self->lines[at - 1].is_edited || is_edited;
        return;
    }
    memmove(self->lines + at + 1, self->lines + at, (self->line_count - at) * sizeof *self->lines);
    self->lines[at] = (struct s_line){.seq = seq, .is_edited = is_edited};
    self->line_count++;
}

/* The events after indexed, and which lines they are about. */
static db_status_t s_read_events(search_index_t *self, db_t *db, uint64_t room, uint64_t *indexed, uint64_t head,
                                 size_t *count_out)
{
    _Static_assert(SEARCH_STEP_EVENTS_MAX == 128, "written so below");
    const struct db_value values[] = {db_u64(room), db_u64(*indexed), db_u64(head)};
    db_stmt_t *rows;
    size_t bytes = 0;
    *count_out = self->line_count = 0;
    db_status_t status = db_query(db,
                                  "SELECT seq, kind, target_seq, msg_no, LENGTH(frame) FROM event WHERE room_id = ? "
                                  "AND seq > ? AND seq <= ? ORDER BY seq LIMIT 128",
                                  values, 3, &rows);
    while (!status && bytes < SEARCH_STEP_BYTES_MAX && db_next(rows)) {
        uint64_t kind = db_get_u64(rows, 1);
        bytes += db_get_u64(rows, 4);
        *indexed = db_get_u64(rows, 0);
        ++*count_out;
        if (db_get_u64(rows, 3) > 0)
            s_note_line(self, *indexed, false);
        else if (kind == KIND_EDITED || kind == KIND_REVISED || kind == KIND_DELETED)
            s_note_line(self, db_get_u64(rows, 2), true);
    }
    return status;
}

/* How far the room is in the index, under a lock. */
static db_status_t s_lock_head(db_t *db, uint64_t room, uint64_t incarnation, uint64_t head, uint64_t *indexed_out)
{
    const struct db_value values[] = {db_u64(room)};
    db_stmt_t *rows;
    *indexed_out = 0;
    db_status_t status = db_query(
        db, "SELECT incarnation, version, indexed_seq FROM search_head WHERE room_id = ? FOR UPDATE", values, 1, &rows);
    if (status)
        return status;
    if (!db_next(rows)) {
        status = db_run(db, "INSERT INTO search_head (room_id, incarnation, version, indexed_seq) VALUES (?, 0, 0, 0)",
                        values, 1);
        return status == DB_DUPLICATE ? DB_RETRY : status; /* another node was quicker */
    }
    bool goes_on = db_get_u64(rows, 0) == incarnation && db_get_u64(rows, 1) == SEARCH_VERSION &&
                   db_get_u64(rows, 2) <= head;
    *indexed_out = goes_on ? db_get_u64(rows, 2) : 0;
    return DB_OK;
}

static db_status_t s_step(search_index_t *self, db_t *db, uint64_t room, size_t *count_out, bool *more_out)
{
    const struct db_value asked[] = {db_u64(room)};
    db_stmt_t *rows;
    uint64_t indexed = 0;
    db_status_t status = db_query(db, "SELECT incarnation, last_seq FROM room WHERE id = ?", asked, 1, &rows);
    if (status || !db_next(rows))
        return status;
    const uint64_t incarnation = db_get_u64(rows, 0), head = db_get_u64(rows, 1);
    status = s_lock_head(db, room, incarnation, head, &indexed);
    if (!status)
        status = s_read_events(self, db, room, &indexed, head, count_out);
    if (!status && self->line_count)
        status = s_take_lines(self, db, room);
    const struct db_value values[] = {db_u64(incarnation), db_u64(SEARCH_VERSION), db_u64(indexed), db_u64(room)};
    if (!status)
        status = db_run(db, "UPDATE search_head SET incarnation = ?, version = ?, indexed_seq = ? WHERE room_id = ?",
                        values, 4);
    *more_out = !status && *count_out && indexed < head;
    return status;
}

db_status_t search_index_step(search_index_t *self, db_t *db, uint64_t room, size_t *count_out, bool *more_out)
{
    *count_out = self->value_count = self->doc_count = 0;
    *more_out = false;
    db_status_t status = db_begin(db);
    if (!status)
        status = s_step(self, db, room, count_out, more_out);
    if (!status)
        return db_commit(db);
    db_rollback(db);
    return status;
}

/* ---- all rooms -------------------------------------------------------------------------------------------------- */

db_status_t search_index_lagging(db_t *db, uint64_t rooms_out[SEARCH_LAGGING_MAX], size_t *count_out, uint64_t *lag_out)
{
    _Static_assert(SEARCH_LAGGING_MAX == 256, "written so below");
    const struct db_value values[] = {db_u64(SEARCH_VERSION)};
    db_stmt_t *rows;
    *count_out = 0;
    db_status_t status = db_query(
        db,
        "SELECT COALESCE(SUM(r.last_seq - COALESCE(LEAST(s.indexed_seq, r.last_seq), 0)), 0) FROM room AS r "
        "LEFT JOIN search_head AS s ON s.room_id = r.id AND s.incarnation = r.incarnation AND s.version = ?",
        values, 1, &rows);
    if (status)
        return status;
    *lag_out = db_next(rows) ? db_get_u64(rows, 0) : 0;
    status = db_query(
        db,
        "SELECT r.id FROM room AS r LEFT JOIN search_head AS s ON s.room_id = r.id AND s.incarnation = r.incarnation "
        "AND s.version = ? WHERE r.last_seq > 0 AND (s.room_id IS NULL OR s.indexed_seq <> r.last_seq) LIMIT 256",
        values, 1, &rows);
    while (!status && *count_out < SEARCH_LAGGING_MAX && db_next(rows))
        rooms_out[(*count_out)++] = db_get_u64(rows, 0);
    return status;
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

search_index_t *search_index_new(void)
{
    search_index_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->read_lines = (struct sized_sql){
        .head = "SELECT seq, user_id, at_ms, frame FROM event FORCE INDEX (PRIMARY) WHERE ",
        .item = "(room_id = ? AND seq = ?)", .joiner = " OR ", .tail = " ORDER BY room_id, seq LOCK IN SHARE MODE"};
    self->read_docs = (struct sized_sql){
        .head = "SELECT seq, terms FROM search_doc FORCE INDEX (PRIMARY) WHERE ",
        .item = "(room_id = ? AND seq = ?)", .joiner = " OR ", .tail = " ORDER BY room_id, seq"};
    self->insert_terms = (struct sized_sql){
        .head = "INSERT INTO search_term (term, room_id, at_ms, seq) VALUES ", .item = "(?,?,?,?)", .joiner = ",",
        .tail = " ON DUPLICATE KEY UPDATE search_term.seq = search_term.seq"};
    self->insert_docs = (struct sized_sql){
        .head = "INSERT INTO search_doc (room_id, seq, at_ms, terms) VALUES ", .item = "(?,?,?,?)", .joiner = ",",
        .tail = ""};
    return self;
}

void search_index_destroy(search_index_t **self_p)
{
    assert(self_p);
    search_index_t *self = *self_p;
    if (!self)
        return;
    sized_sql_fini(&self->read_lines);
    sized_sql_fini(&self->read_docs);
    sized_sql_fini(&self->insert_terms);
    sized_sql_fini(&self->insert_docs);
    free(self);
    *self_p = NULL;
}
