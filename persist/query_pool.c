#include "persist/query_pool.h"

#include <assert.h>
#include <stdlib.h>

#include "actors/runtime/log.h"
#include "persist/thread.h"

enum { IDLE_MS = 1000, AWAY_MS_MIN = 100, AWAY_MS_MAX = 2000 };

struct s_reader {
    struct thread thread;
    struct connection connection;
    store_worker_t *worker;
    work_queue_t *queue;
    bool has_connection;
};

struct query_pool {
    size_t count;
    struct s_reader readers[];
};

static void *s_run(void *opaque)
{
    struct s_reader *self = opaque;
    int delay_ms = AWAY_MS_MIN;
    log_set_actor("persist-reader");
    while (!work_queue_is_closed(self->queue)) {
        if (!connection_is_up(&self->connection) && connection_open(&self->connection) != DB_OK) {
            work_queue_pause(self->queue, delay_ms);
            delay_ms = delay_ms * 2 < AWAY_MS_MAX ? delay_ms * 2 : AWAY_MS_MAX;
            continue;
        }
        delay_ms = AWAY_MS_MIN;
        struct job *job = work_queue_take(self->queue, IDLE_MS);
        if (job)
            store_worker_run(self->worker, job);
        job_destroy(&job);
    }
    connection_fini(&self->connection);
    db_thread_end();
    return NULL;
}

query_pool_t *query_pool_new(const char *url, address_t own, size_t count, work_queue_t *queue, answers_t *answers,
                             atomic_int *up_count)
{
    query_pool_t *self = calloc(1, sizeof *self + count * sizeof self->readers[0]);
    if (!self)
        return NULL;
    self->count = count;
    for (size_t i = 0; i < count; i++) {
        struct s_reader *reader = &self->readers[i];
        reader->queue = queue;
        err_t err = connection_init(&reader->connection, url, DB_READER, "readers", own, up_count);
        reader->worker = err ? NULL : store_worker_new(&reader->connection, answers);
        if (reader->worker && thread_start(&reader->thread, s_run, reader))
            continue;
        log_error("a reader does not start");
        connection_fini(&reader->connection);
        work_queue_close(queue);
        if (query_pool_join(self, 5000))
            query_pool_destroy(&self);
        return NULL;
    }
    return self;
}

bool query_pool_join(query_pool_t *self, int wait_ms)
{
    bool all = true;
    for (size_t i = 0; i < self->count; i++)
        all = thread_join(&self->readers[i].thread, wait_ms) && all;
    return all;
}

void query_pool_destroy(query_pool_t **self_p)
{
    assert(self_p);
    query_pool_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++)
        store_worker_destroy(&self->readers[i].worker);
    free(self);
    *self_p = NULL;
}
