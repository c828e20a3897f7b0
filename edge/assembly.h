/* assembly — one WebSocket message from the pieces it comes in: fragments, and the parts of a frame that
 * libwebsockets hands over as they arrive. Pure.
 * Owns a buffer only while a message is unfinished.   Bounds: LIM_CLIENT_FRAME_BYTES_MAX for the whole message, which is
 * refused as soon as its frames' headers claim more. */
#ifndef ROOKERY_EDGE_ASSEMBLY_H
#define ROOKERY_EDGE_ASSEMBLY_H

#include "proto/codec.h"

typedef enum {
    ASSEMBLY_MORE,
    ASSEMBLY_WHOLE,
    ASSEMBLY_TOO_LARGE, /* or no memory; what was there is dropped */
} assembly_t;

/* A piece of the message, `rest` bytes of its frame still to come; last: it ends the message. WHOLE: *message_out is it.
 * *whole_p then keeps what it borrows, for the caller to end with assembly_drop; NULL when it borrows from piece. */
assembly_t assembly_add(buffer_t **self_p, view_t piece, uint64_t rest, bool last, view_t *message_out, buffer_t **whole_p);
void assembly_drop(buffer_t **self_p); /* takes and nulls; NULL inside is fine */

#endif
