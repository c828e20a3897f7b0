#include "persist/blob_pool.h"

#include <assert.h>
#include <stdlib.h>

#include "actors/runtime/clock.h"
#include "actors/runtime/log.h"
#include "persist/store_files.h"
#include "persist/thread.h"

enum {
    AWAY_MS_MIN = 100,
    AWAY_MS_MAX = 2000,
    REST_TIMES = 2,   /* a worker rests for so many times what a job took: a third of the time it asks something */
    REST_MS_MAX = 50,
    SWEEP_MS_MIN = 250,
    SWEEP_MS_MAX = 5000, /* between looks for something to sweep */
    SWEEP_REST_MS = 100, /* between steps: 20 MiB/s, and the disk is for others most of the time */
};

struct s_worker {
    struct thread thread;
    struct connection connection;
    store_worker_t *worker;
    work_queue_t *queue;
    struct files_ages ages;
    int64_t sweep_ms; /* between looks */
    bool sweeps, was_failure_said;
    int64_t sweep_at_ms; /* {thread} */
};

struct blob_pool {
    struct s_worker workers[BLOB_WORKERS];
};

static void s_sweep(struct s_worker *self)
{
    bool more = false;
    db_status_t status = store_files_sweep(self->connection.db, &self->ages, clock_utc_ms(), &more);
    self->sweep_at_ms = clock_now_ms() + (more && !status ? SWEEP_REST_MS : self->sweep_ms);
    if (status == DB_AWAY || status == DB_UNKNOWN)
        connection_lost(&self->connection);
    else if (status && status != DB_RETRY && !self->was_failure_said)
        log_warn("files that were given up cannot be swept: %s", db_error(self->connection.db));
    self->was_failure_said = status && status != DB_RETRY;
}

/* A commit of lines that comes while a piece is written to disk waits for it: 128 KiB before its own few hundred bytes.
 * With the pieces of one upload after another there was hardly a time when none was. Threads of their own do not help:
 * disk and processors are everybody's. bench/files.c measures it. */
static void s_rest(struct s_worker *self, int64_t took_ms)
{
    int64_t rest_ms = took_ms < 1 ? 1 : took_ms * REST_TIMES;
    work_queue_pause(self->queue, rest_ms < REST_MS_MAX ? rest_ms : REST_MS_MAX);
}

static void s_work(struct s_worker *self)
{
    int64_t now_ms = clock_now_ms();
    int64_t wait_ms = self->sweeps ? self->sweep_at_ms - now_ms : SWEEP_MS_MAX;
    struct job *job = work_queue_take(self->queue, wait_ms > 0 ? (int)wait_ms : 0);
    bool has_worked = job != NULL;
    int64_t start_ms = clock_now_ms();
    if (job)
        store_worker_run(self->worker, job);
    job_destroy(&job);
    if (has_worked)
        s_rest(self, clock_now_ms() - start_ms);
    if (self->sweeps && clock_now_ms() >= self->sweep_at_ms && connection_is_up(&self->connection))
        s_sweep(self);
}

static void *s_run(void *opaque)
{
    struct s_worker *self = opaque;
    int delay_ms = AWAY_MS_MIN;
    log_set_actor("persist-files");
    while (!work_queue_is_closed(self->queue)) {
        if (connection_is_up(&self->connection) || connection_open(&self->connection) == DB_OK) {
            delay_ms = AWAY_MS_MIN;
            s_work(self);
            continue;
        }
        work_queue_pause(self->queue, delay_ms);
        delay_ms = delay_ms * 2 < AWAY_MS_MAX ? delay_ms * 2 : AWAY_MS_MAX;
    }
    connection_fini(&self->connection);
    db_thread_end();
    return NULL;
}

/* Often enough that nothing waits for half its age again. */
static int64_t s_sweep_ms(const struct files_ages *ages)
{
    int64_t half_ms = (ages->unfinished_ms < ages->unposted_ms ? ages->unfinished_ms : ages->unposted_ms) / 2;
    return half_ms < SWEEP_MS_MIN ? SWEEP_MS_MIN : half_ms < SWEEP_MS_MAX ? half_ms : SWEEP_MS_MAX;
}

blob_pool_t *blob_pool_new(const char *url, address_t own, const struct files_ages *ages, work_queue_t *queue,
                           answers_t *answers, atomic_int *up_count)
{
    blob_pool_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    for (size_t i = 0; i < BLOB_WORKERS; i++) {
        struct s_worker *worker = &self->workers[i];
        worker->queue = queue;
        worker->ages = *ages;
        worker->sweep_ms = s_sweep_ms(ages);
        worker->sweeps = i == 0;
        err_t err = connection_init(&worker->connection, url, DB_WRITER, "files", own, up_count);
        worker->worker = err ? NULL : store_worker_new(&worker->connection, answers);
        if (worker->worker && thread_start(&worker->thread, s_run, worker))
            continue;
        log_error("a worker for files does not start");
        connection_fini(&worker->connection);
        work_queue_close(queue);
        if (blob_pool_join(self, 5000))
            blob_pool_destroy(&self);
        return NULL;
    }
    return self;
}

bool blob_pool_join(blob_pool_t *self, int wait_ms)
{
    bool all = true;
    for (size_t i = 0; i < BLOB_WORKERS; i++)
        all = thread_join(&self->workers[i].thread, wait_ms) && all;
    return all;
}

void blob_pool_destroy(blob_pool_t **self_p)
{
    assert(self_p);
    blob_pool_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < BLOB_WORKERS; i++)
        store_worker_destroy(&self->workers[i].worker);
    free(self);
    *self_p = NULL;
}
