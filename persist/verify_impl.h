/* verify_impl — what the parts of verify have in common. */
#ifndef ROOKERY_PERSIST_VERIFY_IMPL_H
#define ROOKERY_PERSIST_VERIFY_IMPL_H

#include "actors/runtime/map.h"
#include "persist/db.h"
#include "persist/verify.h"
#include "proto/first.h"
#include "proto/marks.h"

enum { VERIFY_PAGE_ROWS = 256 };

struct verify {
    db_t *db;
    FILE *out, *progress;
    struct verify_report report;
    int64_t told_ms;      /* when progress was last printed */
    uint64_t room;        /* at hand */
    uint64_t room_faults; /* of it */
    struct verify_members *members; /* of it, as folded so far */
    map_t restricted;               /* of it, likewise: who is muted or banned */
    struct verify_settings *settings; /* likewise */
    struct verify_line_fold *fold;  /* of the line at hand */
    struct verify_search *search;
};

/* What the row of a room says. Views live until the next room. */
struct verify_room {
    uint64_t id, incarnation, visibility, created_by, created_at_ms, last_seq, last_msg_no, last_at_ms, member_count, history;
    bool archived;
    view_t name, topic;
};

/* One event of a page, as far as its line needs it. */
struct verify_event {
    uint64_t seq, user, msg_no;
    bool is_line, is_nil;
    size_t mention_count;
    uint64_t mentions[LIM_MENTIONS_MAX];
    size_t file_count;
    struct verify_file {
        uint64_t file, bytes;
    } files[LIM_LINE_FILES_MAX];
};

void verify_fault(struct verify *self, uint64_t seq, const char *format, ...) __attribute__((format(printf, 3, 4)));
void verify_tell(struct verify *self);

/* The whole log of a room, and what hangs on it. */
db_status_t verify_log(struct verify *self, const struct verify_room *room);

/* Lines with low ≤ seq ≤ high: events that change them, and the rows of reaction, pin, mention, attachment. events are all of that
 * stretch, in order. */
db_status_t verify_lines(struct verify *self, uint64_t low, uint64_t high, const struct verify_event *events,
                         size_t count);
struct verify_line_fold *verify_line_fold_new(void);

/* The pieces of a file that a line shows: all, next to each other, what they were when they came, and as long together
 * as its row and the line (said_bytes) say. */
db_status_t verify_pieces(struct verify *self, uint64_t line, const struct verify_file *file, uint64_t said_bytes);
/* After all rooms, outside any snapshot: pieces of no file. */
db_status_t verify_pieces_rest(struct verify *self);

/* Who is in the room: a fold. */
struct verify_members *verify_members_new(void);
void verify_members_destroy(struct verify_members **self_p);
void verify_members_clear(struct verify_members *self);
bool verify_is_member(const struct verify_members *self, uint64_t user);
/* The next event; body NULL: it has none that can be read. */
void verify_members_fold(struct verify *self, const struct msg_event *event);
/* Name, topic and settings: a fold, of whoever is in the room too, who reads from their joining on or all. */
struct verify_settings *verify_settings_new(void); /* freed with free() */
void verify_settings_clear(struct verify_settings *self);
void verify_settings_fold(struct verify *self, const struct msg_event *event);
void verify_settings_compare(struct verify *self, const struct verify_room *room);
uint32_t verify_history(const struct verify_settings *self);
/* Against the rows. is_whole: every kind of the log is known. */
db_status_t verify_members_compare(struct verify *self, const struct verify_room *room, bool is_whole);

/* Who is muted or banned: a fold. */
void verify_restricted_fold(struct verify *self, const struct msg_event *event);
db_status_t verify_restricted_compare(struct verify *self);

/* What search finds the room's lines by. */
struct verify_search *verify_search_new(void);
void verify_search_destroy(struct verify_search **self_p);
db_status_t verify_search(struct verify *self, const struct verify_room *room);
/* After all rooms, outside any snapshot: rows of search that belong to none. */
db_status_t verify_search_rest(struct verify *self);

#endif
