#include "actors/room_refused.h"

#include <stdlib.h>

struct refused {
    uint64_t user;
    cid_t client_id;
    err_t code; /* ERR_OK: nothing yet */
    int64_t at_ms;
};

void room_refused_fini(room_refused_t *self)
{
    free(self->ring);
    *self = (room_refused_t){0};
}

size_t room_refused_bytes(const room_refused_t *self)
{
    return self->ring ? REFUSED_MAX * sizeof *self->ring : 0;
}

void room_refused_note(room_refused_t *self, uint64_t user, const cid_t *client_id, err_t code, int64_t now_ms)
{
    if (!self->ring)
        self->ring = calloc(REFUSED_MAX, sizeof *self->ring);
    if (!self->ring)
        return;
    self->ring[self->next] = (struct refused){user, *client_id, code, now_ms};
    self->next = (self->next + 1) % REFUSED_MAX;
}

err_t room_refused_find(const room_refused_t *self, uint64_t user, const cid_t *client_id, int64_t now_ms)
{
    for (size_t i = 0; self->ring && i < REFUSED_MAX; i++) {
        const struct refused *at = &self->ring[i];
        if (at->code && at->user == user && now_ms - at->at_ms < REFUSED_MS && cid_is_equal(&at->client_id, client_id))
            return at->code;
    }
    return ERR_OK;
}
