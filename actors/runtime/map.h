/* map — numbers to numbers: open addressing, linear probing, no tombstones.
 * Keys are never 0 (no id of ours is). The order of a walk depends on keys and history only, so that a simulated
 * run can be repeated. Values may carry pointers: map_get_ptr, map_put_ptr.
 * Runs on: one thread.   Owns: the table, never what its pointers point to.   Bounds: those of its owner. */
#ifndef ROOKERY_ACTORS_RUNTIME_MAP_H
#define ROOKERY_ACTORS_RUNTIME_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/errors.h"

typedef struct map {
    struct map_slot {
        uint64_t key, value;
    } *slots;
    size_t cap, count;
} map_t;

void map_init(map_t *self); /* all zero; takes no memory until the first put, nor once the last pair is out */
void map_fini(map_t *self); /* also after a second call */
bool map_get(const map_t *self, uint64_t key, uint64_t *value_out); /* value_out may be NULL */
err_t map_put(map_t *self, uint64_t key, uint64_t value);           /* adds or replaces; ERR_NO_MEMORY, never of a replacement */
bool map_remove(map_t *self, uint64_t key);                         /* false: it was not there */
size_t map_bytes(const map_t *self);                                /* memory taken */

void *map_get_ptr(const map_t *self, uint64_t key);        /* NULL: not there */
err_t map_put_ptr(map_t *self, uint64_t key, void *value); /* value not NULL */

/* size_t cursor = 0; while (map_next(&map, &cursor, &key, &value)) …: nothing may be added on the way. The pair
 * just seen may be removed with map_remove_seen; then a pair already seen can come again, but none is left out. */
bool map_next(const map_t *self, size_t *cursor, uint64_t *key_out, uint64_t *value_out);
void map_remove_seen(map_t *self, size_t *cursor, uint64_t key);

#endif
