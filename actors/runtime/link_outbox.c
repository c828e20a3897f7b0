#include "actors/runtime/link_outbox.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proto/limits.h"

enum { CAP_FIRST = 16 }; /* kept while empty frames come and go; a power of two */

static struct link_outbox_frame *s_at(const struct link_outbox *self, size_t index)
{
    return &self->frames[(self->head + index) & (self->cap - 1)];
}

void link_outbox_clear(struct link_outbox *self)
{
    for (size_t i = self->sent; i < self->count; i++)
        free(s_at(self, i)->bytes);
    free(self->frames);
    *self = (struct link_outbox){0};
}

err_t link_outbox_admit(const struct link_outbox *self, size_t len, bool ephemeral)
{
    size_t share = ephemeral ? 2 : 1;
    if (self->count + 1 > LIM_LINK_OUTBOX_FRAMES / share ||
        self->bytes + len > LIM_LINK_OUTBOX_BYTES / share)
        return ERR_OVERLOADED;
    return ERR_OK;
}

static err_t s_grow(struct link_outbox *self)
{
    size_t cap = self->cap ? self->cap * 2 : CAP_FIRST;
    struct link_outbox_frame *frames = malloc(cap * sizeof *frames);
    if (!frames)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < self->count; i++)
        frames[i] = *s_at(self, i);
    free(self->frames);
    self->frames = frames;
    self->cap = cap;
    self->head = 0;
    return ERR_OK;
}

err_t link_outbox_push(struct link_outbox *self, uint64_t number, const void *bytes, size_t len)
{
    assert(bytes || self->sent == self->count);
    if (self->count == self->cap && s_grow(self))
        return ERR_NO_MEMORY;
    struct link_outbox_frame *frame = s_at(self, self->count);
    *frame = (struct link_outbox_frame){.number = number, .len = (uint32_t)len};
    if (bytes) {
        frame->bytes = malloc(len);
        if (!frame->bytes)
            return ERR_NO_MEMORY;
        memcpy(frame->bytes, bytes, len);
    } else {
        self->sent++;
    }
    self->count++;
    self->bytes += len;
    return ERR_OK;
}

const struct link_outbox_frame *link_outbox_waiting(const struct link_outbox *self)
{
    return self->sent < self->count ? s_at(self, self->sent) : NULL;
}

void link_outbox_shift(struct link_outbox *self)
{
    assert(self->sent < self->count);
    struct link_outbox_frame *frame = s_at(self, self->sent++);
    free(frame->bytes);
    frame->bytes = NULL;
}

void link_outbox_confirm(struct link_outbox *self, uint64_t number)
{
    while (self->sent > 0 && s_at(self, 0)->number <= number) {
        self->bytes -= s_at(self, 0)->len;
        self->head = (self->head + 1) & (self->cap - 1);
        self->count--;
        self->sent--;
    }
    if (self->count == 0 && self->cap > CAP_FIRST)
        link_outbox_clear(self);
}
