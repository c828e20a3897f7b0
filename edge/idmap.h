/* idmap — numbers to pointers: sessions, rooms, users, questions in flight. Open addressing, no order.
 * Runs on: one thread.   Owns: the table, never what its pointers point to.   Bounds: those of its owner. */
#ifndef ROOKERY_EDGE_IDMAP_H
#define ROOKERY_EDGE_IDMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct idmap_slot {
    uint64_t key; /* 0: free */
    void *value;
};

struct idmap {
    struct idmap_slot *slots; /* NULL while empty */
    size_t capacity, count; /* capacity is a power of two */
};

void idmap_fini(struct idmap *self);                          /* zero-initialised is empty; also after a second call */
void *idmap_get(const struct idmap *self, uint64_t key);      /* NULL: not there */
bool idmap_put(struct idmap *self, uint64_t key, void *value); /* key not 0; replaces. False: no memory */
void *idmap_take(struct idmap *self, uint64_t key);           /* out of the table; NULL: was not there */
/* Walks: for (size_t at = 0; idmap_next(&m, &at, &value);). Nothing may be put or taken meanwhile. */
bool idmap_next(const struct idmap *self, size_t *at, void **value_out);

#endif
