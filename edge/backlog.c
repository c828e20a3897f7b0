#include "edge/backlog.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "actors/runtime/metrics.h"

_Static_assert(BACKLOG_LIVE_FRAMES > BACKLOG_FEW && (int)BACKLOG_LIVE_BYTES > (int)LIM_CLIENT_FRAME_BYTES_MAX,
               "the reserve leaves room for live frames");

static frame_t **s_ring(const struct backlog *self)
{
    return self->ring ? self->ring : (frame_t **)(uintptr_t)self->few;
}

static size_t s_index(const struct backlog *self, size_t nth)
{
    return (self->head + nth) % self->capacity;
}

void backlog_init(struct backlog *self)
{
    *self = (struct backlog){.capacity = BACKLOG_FEW};
}

void backlog_clear(struct backlog *self)
{
    for (size_t i = 0; i < self->count; i++)
        frame_unref(&s_ring(self)[s_index(self, i)]);
    free(self->ring);
    backlog_init(self);
}

bool backlog_is_empty(const struct backlog *self)
{
    return self->count == 0;
}

bool backlog_has_room(const struct backlog *self, uint32_t len, backlog_class_t class)
{
    uint32_t frames_max = class == BACKLOG_MUST ? LIM_OUTBOX_FRAMES : BACKLOG_LIVE_FRAMES;
    uint32_t bytes_max = class == BACKLOG_MUST ? LIM_OUTBOX_BYTES : BACKLOG_LIVE_BYTES;
    if (self->count == 0)
        return true; /* a single frame may be longer than the bound: a `welcome` of 512 rooms */
    return self->count < frames_max && len <= bytes_max && self->bytes <= bytes_max - len;
}

static bool s_grow(struct backlog *self)
{
    uint16_t capacity = (uint16_t)(self->capacity * 4);
    frame_t **ring = malloc(capacity * sizeof *ring);
    if (!ring)
        return false;
    for (size_t i = 0; i < self->count; i++)
        ring[i] = s_ring(self)[s_index(self, i)];
    free(self->ring);
    self->ring = ring;
    self->head = 0;
    self->capacity = capacity;
    return true;
}

bool backlog_push(struct backlog *self, frame_t *frame, backlog_class_t class)
{
    if (!backlog_has_room(self, frame->len, class))
        return false;
    if (self->count == self->capacity && !s_grow(self))
        return false;
    s_ring(self)[s_index(self, self->count)] = frame_ref(frame);
    self->count++;
    self->bytes += frame->len;
    metric_highest(METRIC_EDGE_OUTBOX_FRAMES, (int64_t)self->count);
    metric_highest(METRIC_EDGE_OUTBOX_BYTES, (int64_t)self->bytes);
    return true;
}

size_t backlog_drop_ephemera(struct backlog *self)
{
    frame_t **ring = s_ring(self);
    uint16_t kept = 0;
    for (uint16_t i = 0; i < self->count; i++) {
        frame_t *frame = ring[s_index(self, i)];
        if (frame->flags & FRAME_EPHEMERAL) {
            self->bytes -= frame->len;
            frame_unref(&frame);
        } else {
            ring[s_index(self, kept++)] = frame;
        }
    }
    size_t dropped = self->count - kept;
    self->count = kept;
    return dropped;
}

view_t backlog_peek(const struct backlog *self, uint8_t *scratch, size_t max, size_t *frames_out)
{
    *frames_out = 0;
    if (self->count == 0)
        return view_of(NULL, 0);
    frame_t *const *ring = s_ring(self);
    const frame_t *first = ring[self->head];
    if (self->count == 1 || first->len + ring[s_index(self, 1)]->len > max) {
        *frames_out = 1;
        return view_of(first->bytes, first->len);
    }
    size_t len = 0, frames = 0;
    for (; frames < self->count; frames++) {
        const frame_t *frame = ring[s_index(self, frames)];
        if (len + frame->len > max)
            break;
        memcpy(scratch + len, frame->bytes, frame->len);
        len += frame->len;
    }
    *frames_out = frames;
    return view_of(scratch, len);
}

void backlog_written(struct backlog *self, size_t frames)
{
    assert(frames <= self->count);
    for (size_t i = 0; i < frames; i++) {
        frame_t **slot = &s_ring(self)[self->head];
        self->bytes -= (*slot)->len;
        frame_unref(slot);
        self->head = (uint16_t)((self->head + 1) % self->capacity);
        self->count--;
    }
    if (self->count == 0) { /* idle sockets hold no buffers */
        assert(self->bytes == 0);
        free(self->ring);
        backlog_init(self);
    }
}
