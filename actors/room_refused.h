/* room_refused — what a room has refused for good a moment ago. A refusal that is final is a promise: the request will
 * never be stored. A copy of it may still be on its way, sent again by an edge that missed the answer, or by a browser
 * over another edge; it must not find that the room thinks otherwise by now.
 *
 * Bounds: REFUSED_MAX newest, for REFUSED_MS: longer than any copy is kept (LIM_REQUEST_MS, and time on the way). No
 * memory before the first refusal. Pure. */
#ifndef ROOKERY_ACTORS_ROOM_REFUSED_H
#define ROOKERY_ACTORS_ROOM_REFUSED_H

#include <stddef.h>
#include <stdint.h>

#include "proto/errors.h"
#include "proto/ids.h"

enum { REFUSED_MAX = 64, REFUSED_MS = 15000 };

typedef struct room_refused {
    struct refused *ring; /* REFUSED_MAX of them, NULL: none yet */
    size_t next;
} room_refused_t;

void room_refused_fini(room_refused_t *self);
size_t room_refused_bytes(const room_refused_t *self); /* memory taken */
/* Without memory it is not noted. */
void room_refused_note(room_refused_t *self, uint64_t user, const cid_t *client_id, err_t code, int64_t now_ms);
/* Why it was refused; ERR_OK: it was not. */
err_t room_refused_find(const room_refused_t *self, uint64_t user, const cid_t *client_id, int64_t now_ms);

#endif
