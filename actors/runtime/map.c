#include "actors/runtime/map.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { MAP_CAP_MIN = 8 };

void map_init(map_t *self)
{
    memset(self, 0, sizeof *self);
}

void map_fini(map_t *self)
{
    free(self->slots);
    map_init(self);
}

static size_t s_home(const map_t *self, uint64_t key)
{
    /* splitmix64's finaliser: ids are random, sessions and sequences are not. */
    key ^= key >> 30;
    key *= UINT64_C(0xbf58476d1ce4e5b9);
    key ^= key >> 27;
    key *= UINT64_C(0x94d049bb133111eb);
    key ^= key >> 31;
    return (size_t)key & (self->cap - 1);
}

/* The key's slot, or the empty one where it belongs. There is always an empty one. */
static size_t s_find(const map_t *self, uint64_t key)
{
    size_t i = s_home(self, key);
    while (self->slots[i].key && self->slots[i].key != key)
        i = (i + 1) & (self->cap - 1);
    return i;
}

static err_t s_resize(map_t *self, size_t cap)
{
    map_t next = {.slots = calloc(cap, sizeof *next.slots), .cap = cap, .count = self->count};
    if (!next.slots)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < self->cap; i++)
        if (self->slots[i].key)
            next.slots[s_find(&next, self->slots[i].key)] = self->slots[i];
    free(self->slots);
    *self = next;
    return ERR_OK;
}

bool map_get(const map_t *self, uint64_t key, uint64_t *value_out)
{
    if (!self->count || !key)
        return false;
    const struct map_slot *slot = &self->slots[s_find(self, key)];
    if (slot->key && value_out)
        *value_out = slot->value;
    return slot->key != 0;
}

err_t map_put(map_t *self, uint64_t key, uint64_t value)
{
    assert(key);
    if (self->cap - self->cap / 4 <= self->count + 1) {
        err_t err = s_resize(self, self->cap ? self->cap * 2 : MAP_CAP_MIN);
        if (err && !map_get(self, key, NULL))
            return err;
    }
    struct map_slot *slot = &self->slots[s_find(self, key)];
    if (!slot->key)
        self->count++;
    slot->key = key;
    slot->value = value;
    return ERR_OK;
}

bool map_remove(map_t *self, uint64_t key)
{
    if (!self->count || !key)
        return false;
    size_t mask = self->cap - 1, hole = s_find(self, key);
    if (!self->slots[hole].key)
        return false;
    self->count--;
    /* Pull back what probed past the hole, so that no tombstones are needed. */
    for (size_t i = (hole + 1) & mask; self->slots[i].key; i = (i + 1) & mask) {
        size_t home = s_home(self, self->slots[i].key);
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            self->slots[hole] = self->slots[i];
            hole = i;
        }
    }
    self->slots[hole].key = 0;
    if (!self->count)
        map_fini(self);
    return true;
}

size_t map_bytes(const map_t *self)
{
    return self->cap * sizeof *self->slots;
}

void *map_get_ptr(const map_t *self, uint64_t key)
{
    uint64_t value = 0;
    return map_get(self, key, &value) ? (void *)(uintptr_t)value : NULL;
}

err_t map_put_ptr(map_t *self, uint64_t key, void *value)
{
    assert(value);
    return map_put(self, key, (uint64_t)(uintptr_t)value);
}

bool map_next(const map_t *self, size_t *cursor, uint64_t *key_out, uint64_t *value_out)
{
    while (*cursor < self->cap) {
        const struct map_slot *slot = &self->slots[(*cursor)++];
        if (!slot->key)
            continue;
        *key_out = slot->key;
        if (value_out)
            *value_out = slot->value;
        return true;
    }
    return false;
}

void map_remove_seen(map_t *self, size_t *cursor, uint64_t key)
{
    if (map_remove(self, key) && *cursor > 0)
        (*cursor)--; /* another pair may have been pulled back into its slot */
}
