#include "persist/store_search.h"

#include <stdlib.h>
#include <string.h>

#include "actors/runtime/clock.h"
#include "actors/runtime/metrics.h"
#include "persist/name_key.h"
#include "persist/search_index.h"
#include "proto/search_query.h"

enum { CHUNK = 32, OTHERS = 3, COUNT_MAX = 2000 };

/* A line with the leading term and its others. */
struct s_entry {
    uint64_t at_ms, seq;
};

/* One room of the user: what is left of it is older than (at_ms, seq). */
struct s_room {
    uint64_t room, at_ms, seq;
    struct s_entry chunk[CHUNK]; /* first … count-1 wait */
    size_t first, count;
    bool is_done;                /* the index has no more */
};

struct s_search {
    struct store_call *call;
    struct search_query query;
    struct search_text text;
    uint8_t scratch[LIM_SEARCH_TEXT_BYTES_MAX]; /* a text and names of files */
    struct search_span spans[LIM_SEARCH_MARKS_MAX];
    uint8_t snippet[LIM_SEARCH_SNIPPET_BYTES_MAX];
    char next[LIM_SEARCH_CURSOR_BYTES_MAX];
    uint64_t user, person; /* person 0: anybody */
    uint32_t terms[LIM_SEARCH_QUERY_TERMS_MAX + 1];
    size_t term_count;
    size_t steps, reads;
    int64_t end_ms;
    struct search_cursor cursor; /* at_ms ID_MAX: from the newest */
    size_t room_count;
    struct s_room rooms[LIM_SUBS_MAX];
    bool is_named[LIM_SEARCH_ROOMS_MAX]; /* a room of this name was there */
    uint64_t behind;
};

/* ---- rooms and people ------------------------------------------------------------------------------------------- */

static bool s_is_same_name(struct s_search *self, view_t name, view_t wanted)
{
    struct search_text other;
    search_text_read(&self->text, name);
    search_text_read(&other, wanted);
    bool is_same = self->text.count == other.count;
    for (size_t i = 0; is_same && i < other.count; i++)
        is_same = self->text.glyphs[i].c == other.glyphs[i].c;
    return is_same;
}

static bool s_is_number(view_t text, uint64_t number)
{
    uint64_t value = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9' || i == 16)
            return false;
        value = value * 10 + (uint64_t)(text.bytes[i] - '0');
    }
    return text.len > 0 && value == number;
}

static bool s_is_wanted(struct s_search *self, uint64_t room, view_t name)
{
    bool is_wanted = self->query.room_count == 0;
    for (size_t i = 0; i < self->query.room_count; i++) {
        view_t wanted = self->query.rooms[i].text;
        if (!s_is_number(wanted, room) && !s_is_same_name(self, name, wanted))
            continue;
        is_wanted = self->is_named[i] = true;
    }
    return is_wanted;
}

/* Where to begin in a room: before the cursor, and not after what it has. */
static void s_place(struct s_search *self, struct s_room *room, uint64_t last_at_ms)
{
    uint64_t newest_ms = self->query.before_ms - 1 < last_at_ms ? self->query.before_ms - 1 : last_at_ms;
    room->at_ms = self->cursor.at_ms;
    room->seq = room->room < self->cursor.room ? ID_MAX : room->room == self->cursor.room ? self->cursor.seq : 0;
    if (newest_ms < room->at_ms) {
        room->at_ms = newest_ms;
        room->seq = ID_MAX;
    }
    room->is_done = room->at_ms < self->query.after_ms;
}

static db_status_t s_read_rooms(struct s_search *self)
{
    const struct db_value values[] = {db_u64(SEARCH_VERSION), db_u64(self->user), db_u64(LIM_SUBS_MAX)};
    db_stmt_t *rows;
    db_status_t status = db_query(
        self->call->db,
        "SELECT r.id, r.name, r.last_at_ms, r.last_seq - COALESCE(LEAST(s.indexed_seq, r.last_seq), 0) FROM member AS m "
        "JOIN room AS r ON r.id = m.room_id LEFT JOIN search_head AS s ON s.room_id = r.id "
        "AND s.incarnation = r.incarnation AND s.version = ? WHERE m.user_id = ? ORDER BY m.room_id LIMIT ?",
        values, 3, &rows);
    while (!status && self->room_count < LIM_SUBS_MAX && db_next(rows)) {
        uint64_t id = db_get_u64(rows, 0);
        if (!s_is_wanted(self, id, db_get_view(rows, 1)))
            continue;
        struct s_room *room = &self->rooms[self->room_count++];
        room->room = id;
        self->behind += db_get_u64(rows, 3);
        s_place(self, room, db_get_u64(rows, 2));
    }
    return status;
}

static db_status_t s_find_person(struct s_search *self)
{
    view_t name = self->query.person.text;
    if (view_is_equal(name, view_of_text("me"))) {
        self->person = self->user;
        return DB_OK;
    }
    if (name.len > LIM_NAME_BYTES_MAX)
        return DB_OK;
    uint8_t key[NAME_KEY_BYTES_MAX];
    const struct db_value values[] = {db_bytes(name_key(name, key))};
    db_stmt_t *rows;
    db_status_t status = db_query(self->call->db, "SELECT id FROM user WHERE name_key = ?", values, 1, &rows);
    if (!status && db_next(rows))
        self->person = db_get_u64(rows, 0);
    return status;
}

/* ---- terms ------------------------------------------------------------------------------------------------------ */

static int s_compare(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b;
    return (left[0] > right[0]) - (left[0] < right[0]);
}

/* The rarest first. One that no line has leaves none: nothing can be found. */
static db_status_t s_order_terms(struct s_search *self)
{
    uint64_t counted[LIM_SEARCH_QUERY_TERMS_MAX + 1][2];
    self->term_count = search_query_terms(&self->query, self->terms);
    if (self->person)
        self->terms[self->term_count++] = search_term_user(self->person);
    for (size_t i = 0; i < self->term_count; i++) {
        _Static_assert(COUNT_MAX == 2000, "written so below");
        const struct db_value values[] = {db_u64(self->terms[i])};
        db_stmt_t *rows;
        db_status_t status = db_query(
            self->call->db, "SELECT COUNT(*) FROM (SELECT 1 FROM search_term WHERE term = ? LIMIT 2000) AS some",
            values, 1, &rows);
        if (status)
            return status;
        counted[i][0] = db_next(rows) ? db_get_u64(rows, 0) : 0;
        counted[i][1] = self->terms[i];
    }
    qsort(counted, self->term_count, sizeof counted[0], s_compare);
    if (self->term_count && counted[0][0] == 0)
        self->term_count = 0;
    for (size_t i = 0; i < self->term_count; i++)
        self->terms[i] = (uint32_t)counted[i][1];
    return DB_OK;
}

/* ---- candidates ------------------------------------------------------------------------------------------------- */

#define HAS                                                                                              \
    "EXISTS (SELECT 1 FROM search_term AS o WHERE o.term = ? AND o.room_id = t.room_id AND o.at_ms = t.at_ms " \
    "AND o.seq = t.seq)"

/* The next entries of a room: those with the first of the other terms too. */
static db_status_t s_fill(struct s_search *self, struct s_room *room)
{
    _Static_assert(CHUNK == 32 && OTHERS == 3, "written so below");
    struct db_value values[OTHERS + 7];
    size_t count = 0, seen = 0;
    for (size_t i = 1; i <= OTHERS; i++)
        values[count++] = db_u64(self->terms[i < self->term_count ? i : 0]);
    values[count++] = db_u64(self->terms[0]);
    values[count++] = db_u64(room->room);
    values[count++] = db_u64(self->query.after_ms);
    values[count++] = db_u64(room->at_ms);
    values[count++] = db_u64(room->at_ms);
    values[count++] = db_u64(room->seq);
    db_stmt_t *rows;
    db_status_t status = db_query(
        self->call->db,
        "SELECT t.at_ms, t.seq, " HAS " + " HAS " + " HAS " FROM search_term AS t WHERE t.term = ? AND t.room_id = ? "
        "AND t.at_ms >= ? AND t.at_ms <= ? AND (t.at_ms < ? OR t.seq < ?) ORDER BY t.at_ms DESC, t.seq DESC LIMIT 32",
        values, count, &rows);
    room->first = room->count = 0;
    while (!status && seen < CHUNK && db_next(rows)) {
        room->at_ms = db_get_u64(rows, 0);
        room->seq = db_get_u64(rows, 1);
        seen++;
        if (db_get_u64(rows, 2) == OTHERS)
            room->chunk[room->count++] = (struct s_entry){.at_ms = room->at_ms, .seq = room->seq};
    }
    self->steps += seen + 1;
    room->is_done = seen < CHUNK;
    return status;
}

/* Nothing of the room is newer than this place. False: nothing is left of it. */
static bool s_newest(const struct s_room *room, struct search_cursor *out)
{
    bool waits = room->first < room->count;
    *out = (struct search_cursor){.at_ms = waits ? room->chunk[room->first].at_ms : room->at_ms, .room = room->room,
                                  .seq = waits ? room->chunk[room->first].seq : room->seq};
    return waits || !room->is_done;
}

static bool s_is_newer(const struct search_cursor *a, const struct search_cursor *b)
{
    if (a->at_ms != b->at_ms)
        return a->at_ms > b->at_ms;
    return a->room != b->room ? a->room > b->room : a->seq > b->seq;
}

/* The room whose rest may begin with the newest line of all. */
static struct s_room *s_pick(struct s_search *self, struct search_cursor *place_out)
{
    struct s_room *picked = NULL;
    struct search_cursor place;
    for (size_t i = 0; i < self->room_count; i++)
        if (s_newest(&self->rooms[i], &place) && (!picked || s_is_newer(&place, place_out))) {
            picked = &self->rooms[i];
            *place_out = place;
        }
    return picked;
}

/* ---- hits ------------------------------------------------------------------------------------------------------- */

static db_status_t s_add_hit(struct s_search *self, struct rec_search_hit *hit, view_t text, size_t span_count)
{
    struct store_call *call = self->call;
    size_t len;
    search_snippet(text, self->spans, &span_count, self->snippet, &len);
    hit->snippet = view_of(self->snippet, len);
    for (size_t i = 0; i < span_count; i++) {
        const struct rec_search_mark mark = {.hit = (uint32_t)call->list.count, .from = self->spans[i].from,
                                             .to = self->spans[i].to};
        if (rec_search_mark_append(&call->more, &mark))
            return DB_FAILED;
    }
    return rec_search_hit_append(&call->list, hit) ? DB_FAILED : DB_OK;
}

static db_status_t s_read_edit(struct s_search *self, uint64_t room, uint64_t seq, bool *has_text, view_t *text_out)
{
    const struct db_value values[] = {db_u64(room), db_u64(seq)};
    db_stmt_t *rows;
    db_status_t status =
        db_query(self->call->db, "SELECT frame FROM event WHERE room_id = ? AND seq = ?", values, 2, &rows);
    *has_text = !status && db_next(rows) && search_event_text(db_get_view(rows, 0), text_out);
    return status;
}

/* Reads the line as it is now, if this user may, and takes it if it has what is asked for. */
static db_status_t s_look_at(struct s_search *self, uint64_t room, uint64_t seq)
{
    _Static_assert(KIND_EDITED == 5 && KIND_REVISED == 8, "written so below");
    const struct db_value values[] = {db_u64(self->user), db_u64(room), db_u64(seq)};
    db_stmt_t *rows;
    self->reads++;
    db_status_t status = db_query(
        self->call->db,
        "SELECT e.user_id, e.msg_no, e.at_ms, e.frame, COALESCE((SELECT x.seq FROM event AS x WHERE x.room_id = e.room_id "
        "AND x.target_seq = e.seq AND x.kind IN (5, 8) ORDER BY x.seq DESC LIMIT 1), 0) FROM member AS m JOIN event AS e "
        "ON e.room_id = m.room_id AND e.seq >= m.visible_from_seq WHERE m.user_id = ? AND m.room_id = ? AND e.seq = ?",
        values, 3, &rows);
    if (status || !db_next(rows))
        return status;
    struct rec_search_hit hit = {.room = room, .seq = seq, .user = db_get_u64(rows, 0), .msg_no = db_get_u64(rows, 1),
                                 .at_ms = db_get_u64(rows, 2), .edited = db_get_u64(rows, 4) != 0};
    view_t text = {0};
    bool has_text = search_event_text(db_get_view(rows, 3), &text);
    if (has_text && hit.edited)
        status = s_read_edit(self, room, db_get_u64(rows, 4), &has_text, &text);
    if (!status && has_text)
        search_add_names(db_get_view(rows, 3), self->scratch, &text);
    if (status || !has_text || (self->person && hit.user != self->person) ||
        (self->query.has_link && !search_has_link(text)))
        return status;
    size_t span_count;
    search_text_read(&self->text, text);
    if (!search_query_match(&self->query, &self->text, self->spans, &span_count))
        return DB_OK;
    return s_add_hit(self, &hit, text, span_count);
}

static bool s_is_enough(const struct s_search *self, bool reads_next)
{
    return self->steps > LIM_SEARCH_STEPS_MAX || (reads_next && self->reads >= LIM_SEARCH_READS_MAX) ||
           clock_now_ms() >= self->end_ms;
}

/* Merges the rooms by time until the page is full or enough was looked at. */
static db_status_t s_collect(struct s_search *self, size_t limit)
{
    struct msg_search_result *answer = &self->call->answer.as.search_result;
    struct search_cursor place;
    db_status_t status = DB_OK;
    struct s_room *room = self->term_count ? s_pick(self, &place) : NULL;
    for (bool is_first = true; !status && room; is_first = false) {
        bool reads_next = room->first < room->count;
        if (self->call->list.count == limit || (!is_first && s_is_enough(self, reads_next))) {
            place.seq = place.seq < ID_MAX ? place.seq + 1 : ID_MAX; /* the next page begins with this place */
            answer->more = true;
            answer->next = view_of(self->next, search_cursor_print(&place, self->next));
            return DB_OK;
        }
        if (reads_next)
            status = s_look_at(self, room->room, room->chunk[room->first++].seq);
        else
            status = s_fill(self, room);
        room = s_pick(self, &place);
    }
    return status;
}

/* ---- the question ----------------------------------------------------------------------------------------------- */

static db_status_t s_refuse(struct s_search *self, search_fault_t fault, size_t at)
{
    view_t query = self->call->ask.as.store_search.query;
    self->call->answer.as.search_result.fault = fault;
    self->call->answer.as.search_result.position = (uint32_t)search_utf16_len(view_of(query.bytes, at));
    return DB_OK;
}

static db_status_t s_search(struct s_search *self)
{
    const struct msg_store_search *ask = &self->call->ask.as.store_search;
    size_t at;
    search_fault_t fault = search_query_read(&self->query, ask->query, ask->zone, &at);
    self->cursor = (struct search_cursor){.at_ms = ID_MAX, .room = ID_MAX, .seq = ID_MAX};
    if (fault)
        return s_refuse(self, fault, at);
    if (ask->before.len && !search_cursor_read(ask->before, &self->cursor))
        return store_refuse(self->call, ERR_OUT_OF_RANGE);
    db_status_t status = s_read_rooms(self);
    if (!status && self->query.person_count)
        status = s_find_person(self);
    if (status)
        return status;
    for (size_t i = 0; i < self->query.room_count; i++)
        if (!self->is_named[i])
            return s_refuse(self, SEARCH_NO_SUCH_ROOM, self->query.rooms[i].at);
    if (self->query.person_count && !self->person)
        return s_refuse(self, SEARCH_NO_SUCH_PERSON, self->query.person.at);
    status = s_order_terms(self);
    return status ? status : s_collect(self, ask->limit ? ask->limit : 1);
}

db_status_t store_on_search(struct store_call *call)
{
    struct msg_search_result *answer = &call->answer.as.search_result;
    struct s_search *self = calloc(1, sizeof *self);
    if (!self)
        return store_refuse(call, ERR_NO_MEMORY);
    int64_t start_us = clock_now_us();
    call->answer.type = MSG_SEARCH_RESULT;
    *answer = (struct msg_search_result){.next = view_of(NULL, 0)};
    self->call = call;
    self->user = call->ask.as.store_search.user;
    self->end_ms = clock_now_ms() + LIM_SEARCH_MS;
    db_status_t status = s_search(self);
    answer->behind = self->behind;
    answer->hits = list_of(&call->list);
    answer->marks = list_of(&call->more);
    if (!status && answer->next.len) { /* outlives this call */
        buffer_append(&call->scratch, answer->next.bytes, answer->next.len);
        answer->next = buffer_view(&call->scratch);
    }
    metric_observe_us(METRIC_SEARCH_SECONDS, clock_now_us() - start_us);
    free(self);
    return status;
}
