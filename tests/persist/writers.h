/* writers — threads that each append to rooms of their own, as room actors do, and note what they were told. */
#ifndef ROOKERY_TESTS_PERSIST_WRITERS_H
#define ROOKERY_TESTS_PERSIST_WRITERS_H

#include <pthread.h>
#include <stdatomic.h>

#include "tests/persist/fixture.h"

enum { WRITERS_MAX = 8, WRITER_ROOMS = 16 };

struct writer {
    struct fixture *fixture;
    pthread_t thread;
    uint16_t instance;
    uint64_t rooms[WRITER_ROOMS];
    uint64_t heads[WRITER_ROOMS];  /* last place answered as committed */
    bool is_fenced[WRITER_ROOMS];
    const uint64_t *epochs;        /* by shard */
    size_t rows_a_room;            /* in each batch */
    size_t answered, committed, fenced, others, batches;
    atomic_bool *is_stopped;
    bool has_failed;
};

/* Rooms first_room + 0 … of writer i are (i, n); they are made first. */
void writers_start(struct writer *writers, size_t count, struct fixture *fixture, const uint64_t *epochs,
                   uint64_t first_room, size_t rows_a_room, atomic_bool *is_stopped);
void writers_join(struct writer *writers, size_t count);
/* Every answered event is there, without a hole; a room may have more than was answered only by max_unanswered. */
void writers_check(const struct writer *writers, size_t count, size_t max_unanswered);

#endif
