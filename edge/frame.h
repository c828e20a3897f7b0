/* frame — WebSocket bytes ready to be sent: header included, immutable, shared by reference.
 *
 * An event arrives once at an edge and is framed once for each subprotocol; every session that shows the room
 * keeps a reference, so a line to 1,000 readers is one allocation. Runs on: the thread of its edge (the counts
 * are not atomic). */
#ifndef ROOKERY_EDGE_FRAME_H
#define ROOKERY_EDGE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/codec.h"

enum { FRAME_HEADER_MAX = 10 };

enum { FRAME_EPHEMERAL = 1 }; /* may be dropped before it is sent: typing, presence, heads, heartbeats */

typedef struct frame {
    uint32_t refs;
    uint32_t len;
    uint16_t messages; /* WebSocket frames in it: more than one in a block of a backfill */
    uint8_t flags;
    uint8_t bytes[];
} frame_t;

/* Writes the header of an unmasked, final, unfragmented data frame; returns its length. text: opcode 1, else 2. */
size_t frame_header(size_t payload_len, bool text, uint8_t out[FRAME_HEADER_MAX]);

/* One reference, the caller's; NULL: no memory. */
frame_t *frame_new(view_t payload, bool text, uint8_t flags);
frame_t *frame_of_bytes(view_t framed, uint16_t messages); /* bytes that already are frames */
frame_t *frame_close(uint16_t code, const char *reason);   /* a close frame; the reason is cut at 123 bytes */
frame_t *frame_ping(void);                                 /* with one byte: lws tells of no empty pong */
frame_t *frame_ref(frame_t *self);                         /* returns self */
void frame_unref(frame_t **self_p);

/* One message for readers of both subprotocols: msgpack is framed as it is, JSON is printed when the first reader
 * of that kind needs it. Borrows msgpack until shared_fini. */
struct shared {
    view_t msgpack;
    frame_t *by_json[2];
    uint8_t flags;
    bool failed; /* the JSON form could not be made; do not try again */
};

struct shared shared_of(view_t msgpack, uint8_t flags);
frame_t *shared_frame(struct shared *self, bool json); /* borrowed until shared_fini; NULL: no memory */
void shared_fini(struct shared *self);

#endif
