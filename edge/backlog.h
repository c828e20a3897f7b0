/* backlog — what waits to be written to one socket: a bounded queue of references to shared frames.
 *
 * Everything for a socket goes through it, so the order in which frames were queued is the order on the wire.
 * Live events and ephemera may fill it up to a reserve; what must not be lost (answers, `gap`) may use the
 * reserve too; an empty one takes any single frame. Allocates nothing while it holds a few frames only. Pure; one thread. */
#ifndef ROOKERY_EDGE_BACKLOG_H
#define ROOKERY_EDGE_BACKLOG_H

#include "edge/frame.h"
#include "proto/limits.h"

enum {
    BACKLOG_FEW = 3,                                       /* frames held without an allocation */
    BACKLOG_LIVE_FRAMES = LIM_OUTBOX_FRAMES - 32,           /* the rest is for answers */
    BACKLOG_LIVE_BYTES = LIM_OUTBOX_BYTES - 32 * 1024,
};

typedef enum { BACKLOG_LIVE, BACKLOG_MUST } backlog_class_t;

struct backlog {
    frame_t **ring; /* NULL: few is the ring */
    frame_t *few[BACKLOG_FEW];
    uint16_t head, count, capacity;
    uint32_t bytes;
};

void backlog_init(struct backlog *self);
void backlog_clear(struct backlog *self); /* drops all and gives its memory back */
bool backlog_is_empty(const struct backlog *self);
bool backlog_has_room(const struct backlog *self, uint32_t len, backlog_class_t class);
/* Takes a reference of its own. False: no room for this class, or no memory; nothing changed. */
bool backlog_push(struct backlog *self, frame_t *frame, backlog_class_t class);
/* Drops what FRAME_EPHEMERAL says; returns how many. */
size_t backlog_drop_ephemera(struct backlog *self);

/* The next bytes to write: whole frames, at most max (more only when the first frame alone is longer). One frame is
 * lent as it is; several are put together in scratch (of max bytes). Then backlog_written drops just these. */
view_t backlog_peek(const struct backlog *self, uint8_t *scratch, size_t max, size_t *frames_out);
void backlog_written(struct backlog *self, size_t frames);

#endif
