#include "edge/assembly.h"

#include <stdlib.h>

#include "proto/limits.h"

void assembly_drop(buffer_t **self_p)
{
    if (*self_p)
        buffer_fini(*self_p);
    free(*self_p);
    *self_p = NULL;
}

static bool s_append(buffer_t **self_p, view_t piece)
{
    if (!*self_p && (*self_p = malloc(sizeof **self_p)))
        buffer_init(*self_p, LIM_CLIENT_FRAME_BYTES_MAX);
    return *self_p && !buffer_append(*self_p, piece.bytes, piece.len);
}

assembly_t assembly_add(buffer_t **self_p, view_t piece, uint64_t rest, bool last, view_t *message_out, buffer_t **whole_p)
{
    size_t have = *self_p ? (*self_p)->len : 0;
    *whole_p = NULL;
    if (piece.len > LIM_CLIENT_FRAME_BYTES_MAX - have || rest > LIM_CLIENT_FRAME_BYTES_MAX - have - piece.len) {
        assembly_drop(self_p);
        return ASSEMBLY_TOO_LARGE;
    }
    if (last && !*self_p) { /* most are whole and need no copy */
        *message_out = piece;
        return ASSEMBLY_WHOLE;
    }
    if (!s_append(self_p, piece)) {
        assembly_drop(self_p);
        return ASSEMBLY_TOO_LARGE;
    }
    if (!last)
        return ASSEMBLY_MORE;
    *whole_p = *self_p;
    *self_p = NULL; /* a new message begins, also if the reader of this one ends the session */
    *message_out = buffer_view(*whole_p);
    return ASSEMBLY_WHOLE;
}
