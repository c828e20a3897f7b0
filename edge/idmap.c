#include "edge/idmap.h"

#include <assert.h>
#include <stdlib.h>

enum { CAPACITY_MIN = 16 };

/* Ids are random or counted by ourselves; the multiplication spreads both. */
static size_t s_home(const struct idmap *self, uint64_t key)
{
    return (size_t)((key * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & (self->capacity - 1);
}

void idmap_fini(struct idmap *self)
{
    free(self->slots);
    *self = (struct idmap){0};
}

void *idmap_get(const struct idmap *self, uint64_t key)
{
    if (self->count == 0 || key == 0)
        return NULL;
    for (size_t at = s_home(self, key);; at = (at + 1) & (self->capacity - 1)) {
        if (self->slots[at].key == key)
            return self->slots[at].value;
        if (self->slots[at].key == 0)
            return NULL;
    }
}

static void s_insert(struct idmap *self, uint64_t key, void *value)
{
    size_t at = s_home(self, key);
    while (self->slots[at].key != 0 && self->slots[at].key != key)
        at = (at + 1) & (self->capacity - 1);
    if (self->slots[at].key == 0)
        self->count++;
    self->slots[at] = (struct idmap_slot){key, value};
}

static bool s_grow(struct idmap *self)
{
    struct idmap larger = {.capacity = self->capacity ? self->capacity * 2 : CAPACITY_MIN};
    larger.slots = calloc(larger.capacity, sizeof *larger.slots);
    if (!larger.slots)
        return false;
    for (size_t i = 0; i < self->capacity; i++)
        if (self->slots[i].key != 0)
            s_insert(&larger, self->slots[i].key, self->slots[i].value);
    free(self->slots);
    *self = larger;
    return true;
}

bool idmap_put(struct idmap *self, uint64_t key, void *value)
{
    assert(key != 0 && value);
    bool replaces = idmap_get(self, key) != NULL; /* then it cannot fail */
    if (!replaces && (self->count + 1) * 4 > self->capacity * 3 && !s_grow(self))
        return false;
    s_insert(self, key, value);
    return true;
}

/* Closes the hole by moving later ones of the same run down, so that no tombstones gather. */
static void s_close_hole(struct idmap *self, size_t hole)
{
    size_t mask = self->capacity - 1;
    for (size_t at = (hole + 1) & mask; self->slots[at].key != 0; at = (at + 1) & mask) {
        size_t home = s_home(self, self->slots[at].key);
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            self->slots[hole] = self->slots[at];
            hole = at;
        }
    }
    self->slots[hole] = (struct idmap_slot){0, NULL};
}

void *idmap_take(struct idmap *self, uint64_t key)
{
    if (self->count == 0 || key == 0)
        return NULL;
    for (size_t at = s_home(self, key); self->slots[at].key != 0; at = (at + 1) & (self->capacity - 1))
        if (self->slots[at].key == key) {
            void *value = self->slots[at].value;
            s_close_hole(self, at);
            self->count--;
            return value;
        }
    return NULL;
}

bool idmap_next(const struct idmap *self, size_t *at, void **value_out)
{
    for (; *at < self->capacity; (*at)++)
        if (self->slots[*at].key != 0) {
            *value_out = self->slots[(*at)++].value;
            return true;
        }
    return false;
}
