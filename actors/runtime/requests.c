#include "actors/runtime/requests.h"

#include <assert.h>
#include <stdlib.h>

#include "proto/limits.h"

/* A correlation is (count of requests << SLOT_BITS) | slot: an answer finds its slot without a search, and the
 * count tells a late answer from that of the request that has the slot now. */
enum { SLOT_BITS = 20, SLOTS_FIRST = 64 };
_Static_assert(LIM_REQUESTS_MAX <= 1 << SLOT_BITS, "a slot fits its bits");

struct slot {
    struct request request; /* correlation 0: free */
    uint32_t heap_index;    /* when free: the next free slot */
};

/* The heap holds the slots in use, the earliest deadline first. */
struct requests {
    struct slot *slots;
    uint32_t *heap;
    size_t cap, max, count;
    uint32_t free_slot; /* first of the list of free slots; NO_SLOT: none below cap */
    uint64_t asked;
};

static const uint32_t NO_SLOT = UINT32_MAX;

requests_t *requests_new(size_t max)
{
    assert(max > 0 && max <= LIM_REQUESTS_MAX);
    requests_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->max = max;
    self->free_slot = NO_SLOT;
    return self;
}

void requests_destroy(requests_t **self_p)
{
    assert(self_p);
    requests_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++)
        free(self->slots[self->heap[i]].request.data);
    free(self->slots);
    free(self->heap);
    free(self);
    *self_p = NULL;
}

static err_t s_grow(requests_t *self)
{
    if (self->cap == self->max)
        return ERR_OVERLOADED;
    size_t cap = self->cap ? self->cap * 2 : SLOTS_FIRST;
    if (cap > self->max)
        cap = self->max;
    struct slot *slots = realloc(self->slots, cap * sizeof *slots);
    if (!slots)
        return ERR_OVERLOADED;
    self->slots = slots;
    uint32_t *heap = realloc(self->heap, cap * sizeof *heap);
    if (!heap)
        return ERR_OVERLOADED;
    self->heap = heap;
    for (size_t i = cap; i-- > self->cap;) {
        slots[i].request.correlation = 0;
        slots[i].heap_index = self->free_slot;
        self->free_slot = (uint32_t)i;
    }
    self->cap = cap;
    return ERR_OK;
}

static int64_t s_deadline(const requests_t *self, size_t heap_index)
{
    return self->slots[self->heap[heap_index]].request.deadline_ms;
}

static void s_heap_swap(requests_t *self, size_t a, size_t b)
{
    uint32_t slot = self->heap[a];
    self->heap[a] = self->heap[b];
    self->heap[b] = slot;
    self->slots[self->heap[a]].heap_index = (uint32_t)a;
    self->slots[self->heap[b]].heap_index = (uint32_t)b;
}

static void s_heap_settle(requests_t *self, size_t at)
{
    while (at > 0 && s_deadline(self, at) < s_deadline(self, (at - 1) / 2)) {
        s_heap_swap(self, at, (at - 1) / 2);
        at = (at - 1) / 2;
    }
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < self->count; child++)
            if (s_deadline(self, child) < s_deadline(self, least))
                least = child;
        if (least == at)
            return;
        s_heap_swap(self, at, least);
        at = least;
    }
}

err_t requests_add(requests_t *self, struct request *request)
{
    err_t err = self->free_slot == NO_SLOT ? s_grow(self) : ERR_OK;
    if (err)
        return err;
    uint32_t index = self->free_slot;
    struct slot *slot = &self->slots[index];
    self->free_slot = slot->heap_index;
    request->correlation = ++self->asked << SLOT_BITS | index;
    slot->request = *request;
    slot->heap_index = (uint32_t)self->count;
    self->heap[self->count++] = index;
    s_heap_settle(self, slot->heap_index);
    return ERR_OK;
}

static struct slot *s_find(const requests_t *self, uint64_t correlation)
{
    size_t index = correlation & ((1u << SLOT_BITS) - 1);
    if (!correlation || index >= self->cap || self->slots[index].request.correlation != correlation)
        return NULL;
    return &self->slots[index];
}

bool requests_take(requests_t *self, uint64_t correlation, struct request *request_out)
{
    struct slot *slot = s_find(self, correlation);
    if (!slot)
        return false;
    *request_out = slot->request;
    size_t at = slot->heap_index;
    s_heap_swap(self, at, --self->count);
    if (at < self->count)
        s_heap_settle(self, at);
    slot->request.correlation = 0;
    slot->request.data = NULL;
    slot->heap_index = self->free_slot;
    self->free_slot = (uint32_t)(slot - self->slots);
    return true;
}

bool requests_peek(const requests_t *self, uint64_t correlation, struct request *request_out)
{
    const struct slot *slot = s_find(self, correlation);
    if (slot)
        *request_out = slot->request;
    return slot != NULL;
}

bool requests_expire(requests_t *self, int64_t now_ms, struct request *request_out)
{
    if (!self->count || s_deadline(self, 0) > now_ms)
        return false;
    return requests_take(self, self->slots[self->heap[0]].request.correlation, request_out);
}

size_t requests_count(const requests_t *self)
{
    return self->count;
}
