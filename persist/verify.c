#include "persist/verify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "actors/runtime/clock.h"
#include "persist/migrator.h"
#include "persist/verify_impl.h"

enum { TELL_MS = 5000 };

void verify_fault(struct verify *self, uint64_t seq, const char *format, ...)
{
    self->report.faults++;
    if (self->room_faults++ == 0)
        self->report.faulty_rooms++;
    if (self->room_faults > VERIFY_FAULTS_SHOWN)
        return;
    va_list args;
    va_start(args, format);
    fprintf(self->out, "room %" PRIu64 " seq %" PRIu64 ": ", self->room, seq);
    vfprintf(self->out, format, args);
    fputc('\n', self->out);
    va_end(args);
}

void verify_tell(struct verify *self)
{
    int64_t now_ms = clock_now_ms();
    if (!self->progress || now_ms - self->told_ms < TELL_MS)
        return;
    self->told_ms = now_ms;
    fprintf(self->progress, "verify: rooms=%" PRIu64 " events=%" PRIu64 " faults=%" PRIu64 "\n", self->report.rooms,
            self->report.events, self->report.faults);
}

/* ---- one room ------------------------------------------------------------------------------------------------- */

/* A room that is gone by now is none of ours: found_out says it. */
static db_status_t s_read_room(struct verify *self, uint64_t id, struct verify_room *out, bool *found_out)
{
    const struct db_value values[] = {db_u64(id)};
    db_stmt_t *rows;
    db_status_t status = db_query(self->db,
                                  "SELECT r.visibility, r.name, r.topic, r.created_by, r.created_at_ms, r.last_seq, "
                                  "r.last_msg_no, r.last_at_ms, r.member_count, r.incarnation, COALESCE(s.archived, 0), "
                                  "COALESCE(s.history, 0) FROM room AS r LEFT JOIN room_setting AS s ON s.room_id = r.id "
                                  "WHERE r.id = ?",
                                  values, 1, &rows);
    *found_out = !status && db_next(rows);
    if (*found_out)
        *out = (struct verify_room){
            .id = id, .visibility = db_get_u64(rows, 0), .name = db_get_view(rows, 1), .topic = db_get_view(rows, 2),
            .created_by = db_get_u64(rows, 3), .created_at_ms = db_get_u64(rows, 4), .last_seq = db_get_u64(rows, 5),
            .last_msg_no = db_get_u64(rows, 6), .last_at_ms = db_get_u64(rows, 7), .member_count = db_get_u64(rows, 8),
            .incarnation = db_get_u64(rows, 9), .archived = db_get_u64(rows, 10) != 0, .history = db_get_u64(rows, 11)};
    return status;
}

/* The same client id twice. The unique key forbids it; a restored or converted table may lack the key. Pages begin with
 * the row the last one ended with, so that a pair is not cut. */
static db_status_t s_client_ids(struct verify *self)
{
    uint64_t user = 0, seq = 0;
    uint8_t cid[CID_BYTES] = {0};
    for (size_t count = VERIFY_PAGE_ROWS; count == VERIFY_PAGE_ROWS;) {
        const struct db_value values[] = {db_u64(self->room), db_u64(user), db_u64(user),
                                          db_bytes(view_of(cid, CID_BYTES)), db_u64(VERIFY_PAGE_ROWS)};
        const uint64_t first = seq;
        db_stmt_t *rows;
        db_status_t status = db_query(self->db,
                                      "SELECT user_id, client_id, seq FROM event WHERE room_id = ? AND user_id >= ? AND "
                                      "(user_id > ? OR client_id >= ?) ORDER BY user_id, client_id, seq LIMIT ?",
                                      values, 5, &rows);
        if (status)
            return status;
        for (count = 0; db_next(rows); count++) {
            view_t got = db_get_view(rows, 1);
            bool same = seq && db_get_u64(rows, 0) == user && view_is_equal(got, view_of(cid, CID_BYTES));
            if (same && db_get_u64(rows, 2) > seq)
                verify_fault(self, db_get_u64(rows, 2), "has the client id of event %" PRIu64, seq);
            user = db_get_u64(rows, 0);
            seq = db_get_u64(rows, 2);
            if (got.len == CID_BYTES)
                memcpy(cid, got.bytes, CID_BYTES);
        }
        if (seq == first)
            return DB_OK; /* nothing but copies of one id: they are told */
        verify_tell(self);
    }
    return DB_OK;
}

static db_status_t s_one_room(struct verify *self, uint64_t id)
{
    struct verify_room room;
    bool found = false;
    self->room = id;
    self->room_faults = 0;
    db_status_t status = db_begin_snapshot(self->db);
    if (!status)
        status = s_read_room(self, id, &room, &found);
    if (!status && found) {
        status = verify_log(self, &room);
        if (!status)
            status = s_client_ids(self);
        if (!status)
            status = verify_search(self, &room);
        self->report.rooms++;
    }
    db_rollback(self->db);
    if (!status && self->room_faults > VERIFY_FAULTS_SHOWN)
        fprintf(self->out, "room %" PRIu64 ": %" PRIu64 " more faults\n", id, self->room_faults - VERIFY_FAULTS_SHOWN);
    verify_tell(self);
    return status;
}

/* ---- all of them ---------------------------------------------------------------------------------------------- */

/* Rows of rooms that are not there, between two that are. */
static db_status_t s_orphans(struct verify *self, uint64_t above, uint64_t below)
{
    static const struct {
        const char *table, *sql;
    } tables[] = {
#define ORPHANS(table) {#table, "SELECT room_id FROM " #table " WHERE room_id > ? AND room_id < ? ORDER BY room_id LIMIT 1"}
        ORPHANS(event), ORPHANS(member), ORPHANS(room_setting), ORPHANS(reaction), ORPHANS(pin), ORPHANS(mention),
        ORPHANS(gone_line),
        ORPHANS(search_doc), ORPHANS(room_restricted), ORPHANS(attachment)};
    enum { TABLES = sizeof tables / sizeof tables[0] };
    uint64_t first[TABLES], lowest;
    for (; above < below; above = lowest) {
        lowest = UINT64_MAX;
        for (size_t i = 0; i < TABLES; i++) {
            const struct db_value values[] = {db_u64(above), db_u64(below)};
            db_stmt_t *rows;
            db_status_t status = db_query(self->db, tables[i].sql, values, 2, &rows);
            if (status)
                return status;
            first[i] = db_next(rows) ? db_get_u64(rows, 0) : UINT64_MAX;
            lowest = first[i] < lowest ? first[i] : lowest;
        }
        self->room = lowest;
        self->room_faults = 0;
        for (size_t i = 0; i < TABLES; i++)
            if (lowest < UINT64_MAX && first[i] == lowest)
                verify_fault(self, 0, "has rows in `%s`, and there is no such room", tables[i].table);
    }
    return DB_OK;
}

/* The next page of rooms, and what stands between them, of one moment. */
static db_status_t s_next_rooms(struct verify *self, uint64_t after, uint64_t *ids_out, size_t *count_out)
{
    const struct db_value values[] = {db_u64(after), db_u64(VERIFY_PAGE_ROWS)};
    db_stmt_t *rows;
    *count_out = 0;
    db_status_t status = db_begin_snapshot(self->db);
    if (!status)
        status = db_query(self->db, "SELECT id FROM room WHERE id > ? ORDER BY id LIMIT ?", values, 2, &rows);
    while (!status && db_next(rows))
        ids_out[(*count_out)++] = db_get_u64(rows, 0);
    for (size_t i = 0; !status && i < *count_out; i++)
        status = s_orphans(self, i ? ids_out[i - 1] : after, ids_out[i]);
    if (!status && *count_out < VERIFY_PAGE_ROWS)
        status = s_orphans(self, *count_out ? ids_out[*count_out - 1] : after, UINT64_MAX);
    db_rollback(self->db);
    return status;
}

static db_status_t s_all_rooms(struct verify *self)
{
    uint64_t ids[VERIFY_PAGE_ROWS], after = 0;
    db_status_t status = DB_OK;
    for (size_t count = VERIFY_PAGE_ROWS; !status && count == VERIFY_PAGE_ROWS;) {
        status = s_next_rooms(self, after, ids, &count);
        for (size_t i = 0; !status && i < count; i++)
            status = s_one_room(self, ids[i]);
        after = count ? ids[count - 1] : after;
    }
    return status;
}

static err_t s_run(struct verify *self)
{
    bool is_current = false;
    const char *sentence = "";
    db_status_t status = db_connect(self->db);
    if (!status)
        status = migrator_check(self->db, &is_current, &sentence);
    if (!status && !is_current) {
        fprintf(self->out, "verify: %s\n", sentence);
        return ERR_VERSION;
    }
    if (!status)
        status = s_all_rooms(self);
    if (!status)
        status = verify_search_rest(self);
    if (!status)
        status = verify_pieces_rest(self);
    if (!status)
        return ERR_OK;
    fprintf(self->out, "verify: unfinished, the database does not answer: %s\n", db_error(self->db));
    return ERR_DATABASE;
}

err_t verify_run(const char *url, FILE *out, FILE *progress, struct verify_report *report_out)
{
    struct verify self = {.out = out, .progress = progress, .told_ms = clock_now_ms()};
    err_t err = db_new(url, DB_READER, &self.db);
    self.members = verify_members_new();
    self.settings = verify_settings_new();
    self.fold = verify_line_fold_new();
    self.search = verify_search_new();
    if (!err && (!self.members || !self.settings || !self.fold || !self.search))
        err = ERR_NO_MEMORY;
    if (!err)
        err = s_run(&self);
    *report_out = self.report;
    db_destroy(&self.db);
    verify_members_destroy(&self.members);
    map_fini(&self.restricted);
    verify_search_destroy(&self.search);
    free(self.settings);
    free(self.fold);
    return err;
}

int verify_main(const struct config *config)
{
    struct verify_report report;
    err_t err = verify_run(config->database_url, stdout, stderr, &report);
    if (err)
        return err == ERR_VERSION ? VERIFY_EXIT_SCHEMA : VERIFY_EXIT_AWAY;
    if (report.not_compared)
        printf("verify: %" PRIu64 " rooms have events of kinds that this version does not know: their members are not "
               "compared\n", report.not_compared);
    if (report.not_indexed)
        printf("verify: search is %" PRIu64 " events behind: lines that they change are not compared with it\n",
               report.not_indexed);
    printf("verified: rooms=%" PRIu64 " events=%" PRIu64 " lines=%" PRIu64 " members=%" PRIu64 " indexed_lines=%" PRIu64 " faults=%" PRIu64
           " faulty_rooms=%" PRIu64 "\n",
           report.rooms, report.events, report.lines, report.members, report.indexed_lines, report.faults,
           report.faulty_rooms);
    return report.faults ? VERIFY_EXIT_FAULTS : EXIT_SUCCESS;
}
