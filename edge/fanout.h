/* fanout — room → the sessions of this edge that show or watch it, and what each of them still has to be sent.
 *
 * A room is known here while a session sits in it. Seats that get every event come first in the room's array, the
 * others (watchers, those who wait for a backfill, those told of a gap) after them. An event is framed once for
 * each subprotocol and shared; a session that cannot take more is told of a gap and harms nobody else.
 *
 * Runs on: the thread of its edge.   Owns: rooms, seats, outboxes' frames; not the viewers.
 * Bounds: LIM_SUBS_MAX rooms a viewer, LIM_OUTBOX_FRAMES and _BYTES an outbox. No socket, no clock: both are given. */
#ifndef ROOKERY_EDGE_FANOUT_H
#define ROOKERY_EDGE_FANOUT_H

#include "edge/backlog.h"
#include "proto/messages.h"

typedef struct fanout fanout_t;
struct fan_room;
struct viewer;

enum { FANOUT_SLOW_WINDOW_MS = 30000, FANOUT_SLOW_AGAIN_MS = 1000 };

typedef enum {
    SEAT_WATCH,     /* only heads */
    SEAT_ATTACHING, /* wants every event, the room has not answered yet */
    SEAT_GAP,       /* was told of a gap; gets heads until it asks again */
    SEAT_BACKFILL,  /* gets every event, but held until its backfill is complete */
    SEAT_LIVE,      /* every event as it happens */
} seat_mode_t;

struct seat { /* in the room's array */
    struct viewer *viewer;
    uint32_t place; /* index in the viewer's array */
    uint8_t mode;   /* seat_mode_t */
    bool told;      /* the room's actor knows of this seat in this mode */
    bool greeted;   /* knows who is here */
};

struct place { /* in the viewer's array */
    struct fan_room *room;
    uint32_t seat; /* index in the room's array */
};

struct fan_room {
    uint64_t id;
    uint64_t incarnation, last_seq, msg_no, deleted; /* of what came over the link; 0: nothing yet */
    struct seat *seats;
    uint32_t count, capacity;
    uint32_t streaming; /* seats[0 … streaming) get events */
    uint32_t wanting;   /* seats that are no watchers: the room's actor streams events to us */
    uint32_t untold;    /* seats with !told */
    bool tracking;      /* last_seq is the end of a contiguous stream */
    bool heads_due, in_untold;
    int64_t active_ms;  /* last change of head */
    struct fan_room *heads_next, *untold_next;
    void *heal;         /* attach.c: a hole is being closed */
    buffer_t presence;  /* attach_presence.c: who is here, not yet told to all */
    struct fan_room *presence_next;
};

/* What fan-out knows of a session; the first member of struct session. */
struct viewer {
    /* What a delivery touches, within one line of the cache. */
    struct backlog backlog;
    bool dirty;
    bool json;   /* subprotocol */
    bool closed; /* takes nothing any more */
    bool slow;   /* must be closed: too slow twice, or no room for an answer */
    int fd;      /* session.c writes here */
    struct viewer *dirty_next;

    struct place *places;
    uint32_t place_count, place_capacity;
    int64_t overflow_ms; /* since when its backlog overflowed without ever running empty; 0: it did not */
};

_Static_assert(offsetof(struct viewer, places) <= 64, "a delivery touches one line of a session");

struct fanout_ops {
    /* A seat in SEAT_BACKFILL gets an event: keep or count it. */
    void (*hold)(void *context, struct viewer *viewer, struct fan_room *room, uint64_t seq, struct shared *event);
    void (*room_gone)(void *context, struct fan_room *room); /* before an empty room is freed */
};

fanout_t *fanout_new(const struct fanout_ops *ops, void *context);
void fanout_destroy(fanout_t **self_p);
void fanout_set_now(fanout_t *self, int64_t now_ms);

struct fan_room *fanout_room(const fanout_t *self, uint64_t room);
bool fanout_next_room(const fanout_t *self, size_t *at, struct fan_room **room_out); /* as map_next */
size_t fanout_room_count(const fanout_t *self);

/* The viewer's seat in the room, NULL: none. Borrowed until the next change of the room. */
struct seat *fanout_seat(const fanout_t *self, const struct viewer *viewer, uint64_t room);
/* Takes a seat, or changes the mode of the one it has. NULL: no memory, or LIM_SUBS_MAX rooms already. */
struct seat *fanout_sit(fanout_t *self, struct viewer *viewer, uint64_t room, seat_mode_t mode);
void fanout_set_told(fanout_t *self, struct fan_room *room, struct seat *seat, bool told);
void fanout_leave(fanout_t *self, struct viewer *viewer, uint64_t room);
void fanout_leave_all(fanout_t *self, struct viewer *viewer); /* what is queued stays queued */
struct fan_room *fanout_take_untold(fanout_t *self); /* the next room with seats to tell its actor of; NULL: none */

/* One event of a tracked room to all who show it. The caller has checked that seq is the next one. */
void fanout_event(fanout_t *self, struct fan_room *room, uint64_t seq, struct shared *event);
/* The head moved: watchers hear of it with the next fanout_send_heads. */
void fanout_head(fanout_t *self, struct fan_room *room, const struct rec_head *head);
void fanout_send_heads(fanout_t *self);
/* Something ephemeral for all who show the room; whoever has no room for it goes without. */
void fanout_ephemeral(fanout_t *self, struct fan_room *room, struct shared *message);
/* Every viewer that shows the room is told of a gap after `last`: they ask again, each for itself. */
void fanout_gap_all(fanout_t *self, struct fan_room *room);

/* Queues one frame that must arrive, or (ephemeral flag) may be dropped. What must arrive and finds no room dooms
 * the viewer (`slow`). */
void fanout_send(fanout_t *self, struct viewer *viewer, frame_t *frame);
void fanout_send_msg(fanout_t *self, struct viewer *viewer, const struct msg *msg, uint8_t flags);
void fanout_send_bytes(fanout_t *self, struct viewer *viewer, view_t msgpack);
void fanout_gap(fanout_t *self, struct viewer *viewer, uint64_t room, uint64_t last);
void fanout_mark_dirty(fanout_t *self, struct viewer *viewer);
struct viewer *fanout_take_dirty(fanout_t *self); /* NULL: none */
void fanout_forget(fanout_t *self, struct viewer *viewer); /* it is about to be freed */

#endif
