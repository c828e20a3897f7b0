/* room_tail — the newest committed events of a room: what resumes, repeats and edits are answered from.
 * Runs on: the thread of its room actor. Owns the frames.
 * Bounds: LIM_ROOM_TAIL_EVENTS_MAX and LIM_ROOM_TAIL_BYTES_MAX; beyond, the oldest go. The events are contiguous. */
#ifndef ROOKERY_ACTORS_ROOM_TAIL_H
#define ROOKERY_ACTORS_ROOM_TAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/marks.h"

struct tail_event {
    uint64_t seq, user, target, msg_no, at_ms;
    uint32_t kind;
    uint32_t len;
    cid_t client_id;
    bool erased;  /* a tombstone: its body is nil */
    bool has_mac; /* false: loaded; compute it from the frame */
    uint8_t mac[MAC_BYTES];
    uint8_t *frame;
};

typedef struct room_tail {
    struct tail_event *ring;
    size_t cap, first, count, bytes;
} room_tail_t;

void room_tail_init(room_tail_t *self);
void room_tail_fini(room_tail_t *self);
void room_tail_clear(room_tail_t *self);

/* Adds the next event; event is the decoded frame, mac may be NULL. Takes *frame_p, also on failure.
 * ERR_OUT_OF_RANGE when seq does not follow, ERR_NO_MEMORY; then the tail is empty: better none than one with a hole. */
err_t room_tail_push(room_tail_t *self, const struct msg_event *event, const uint8_t *mac, uint8_t **frame_p,
                     size_t len);

uint64_t room_tail_first_seq(const room_tail_t *self); /* 0: empty */
const struct tail_event *room_tail_at(const room_tail_t *self, uint64_t seq); /* NULL: not in it */
const struct tail_event *room_tail_find(const room_tail_t *self, uint64_t user, const cid_t *client_id);
bool room_tail_has_delete_of(const room_tail_t *self, uint64_t target);

/* The line at target was deleted: it and its edits become tombstones, as the store makes them. */
err_t room_tail_erase(room_tail_t *self, uint64_t target);

/* Appends after+1 … last as frames. ERR_NOT_FOUND: does not reach back so far; ERR_TOO_LARGE: past
 * LIM_DELTA_EVENTS_MAX or _BYTES_MAX. Then nothing is appended. */
err_t room_tail_delta(const room_tail_t *self, uint64_t after, list_writer_t *frames);

/* Folds the reactions and pins of a line into marks. They are all of them if the line is in the tail; else those since
 * the tail's first event. */
void room_tail_marks(const room_tail_t *self, uint64_t line, marks_t *marks);
/* Whom the line calls as it reads now. False: neither the line nor an edit of it is here. */
bool room_tail_called(const room_tail_t *self, uint64_t line, uint64_t users[LIM_MENTIONS_MAX], size_t *count_out);

struct tail_page {
    uint64_t base, first_msg_no; /* of the oldest line in it; base is last+1 and first_msg_no 0 without lines */
};
/* Appends the newest lines, each followed by its newest edit and its `marks`. ERR_NOT_FOUND: the tail does not hold
 * enough lines although the room may. */
err_t room_tail_snapshot(const room_tail_t *self, uint64_t visible_from_seq, list_writer_t *frames,
                         struct tail_page *page_out);

/* The canonical tombstone of an event: the same event with a nil body. */
err_t event_erase(view_t frame, buffer_t *out);

#endif
