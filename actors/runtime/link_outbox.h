/* link_outbox — what one peer was sent and has not confirmed yet, and behind it what still waits for its socket.
 * Pure; runs on the thread of its mailbox.   Bounds: LIM_LINK_OUTBOX_FRAMES, LIM_LINK_OUTBOX_BYTES over both parts,
 * so that a peer that reads slowly is noticed here and not in ØMQ's queues, which know no bytes.
 * Memory: 24 bytes per frame, and the frames themselves only while they wait; an empty outbox keeps 16 slots. */
#ifndef ROOKERY_RUNTIME_LINK_OUTBOX_H
#define ROOKERY_RUNTIME_LINK_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/errors.h"

struct link_outbox_frame {
    uint64_t number;
    uint8_t *bytes; /* NULL once sent */
    uint32_t len;
};

struct link_outbox { /* all 0 is an empty one */
    struct link_outbox_frame *frames; /* a ring: the first `sent` are on their way, the others wait */
    size_t cap, head, count, sent;
    size_t bytes; /* of all of them */
};

void link_outbox_clear(struct link_outbox *self); /* forgets everything, frees all memory */

/* Room for one more frame of len bytes? ERR_OVERLOADED when not; ephemera only get the first half. */
err_t link_outbox_admit(const struct link_outbox *self, size_t len, bool ephemeral);

/* Notes a frame that was just sent (bytes NULL; only if nothing waits), or copies one that has to wait.
 * ERR_NO_MEMORY leaves the outbox as it was. */
err_t link_outbox_push(struct link_outbox *self, uint64_t number, const void *bytes, size_t len);

/* The first that waits, NULL when none does; borrowed until the next call. */
const struct link_outbox_frame *link_outbox_waiting(const struct link_outbox *self);
/* That one was sent: its bytes are freed. */
void link_outbox_shift(struct link_outbox *self);
/* The peer has read everything up to this number. */
void link_outbox_confirm(struct link_outbox *self, uint64_t number);

#endif
