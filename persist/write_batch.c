#include "persist/write_batch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "actors/runtime/clock.h"
#include "actors/runtime/log.h"
#include "actors/runtime/metrics.h"
#include "persist/append_store.h"
#include "persist/commit.h"
#include "persist/store_messages.h"
#include "persist/thread.h"

enum {
    ROWS_MAX = LIM_BATCH_EVENTS_MAX,
    BYTES_MAX = 1024 * 1024, /* of the batches of one transaction */
    IDLE_MS = 500,           /* between looks at an idle connection */
    BUSY_RETRY_MS = 250,
    SLOW_COMMIT_MS = 1000,
};

/* A batch of one room actor, as part of the transaction at work. */
struct s_part {
    struct job *job;
    uint64_t batch;
    size_t first, count; /* of its rows */
};

struct write_batch {
    struct thread thread;
    work_queue_t *queue;
    answers_t *answers;
    answer_sender_t *sender;
    search_indexer_t *indexer;
    struct connection connection;
    append_store_t *store;
    struct s_part parts[ROWS_MAX];
    size_t part_count, bytes;
    struct rec_append_row rows[ROWS_MAX]; /* views of the jobs */
    size_t row_count;
    struct rec_append_outcome outcomes[ROWS_MAX];
    list_writer_t list;
    buffer_t encoded;
};

/* ---- gathering ------------------------------------------------------------------------------------------------- */

/* How many rows a batch claims to have; 0: it cannot be read. */
static size_t s_row_count(const struct job *job)
{
    struct msg msg;
    if (msg_decode(job_body(job), &msg) || msg.type != MSG_STORE_APPEND)
        return 0;
    return msg.as.store_append.rows.count;
}

/* Two batches of one sender are two transactions: the second may build on the first, or be the first once more. */
static bool s_fits(void *opaque, const struct job *job)
{
    const write_batch_t *self = opaque;
    if (self->bytes + job->len > BYTES_MAX || self->row_count + s_row_count(job) > ROWS_MAX)
        return false;
    for (size_t i = 0; i < self->part_count; i++)
        if (address_is_same_node(self->parts[i].job->env.from, job->env.from))
            return false;
    return true;
}

static err_t s_read_rows(write_batch_t *self, const struct job *job, struct s_part *part_out)
{
    struct msg msg;
    err_t err = msg_decode(job_body(job), &msg);
    if (err)
        return err;
    if (msg.type != MSG_STORE_APPEND || msg.as.store_append.rows.count == 0)
        return ERR_OUT_OF_RANGE;
    list_t list = msg.as.store_append.rows;
    *part_out = (struct s_part){.batch = msg.as.store_append.batch, .first = self->row_count, .count = list.count};
    assert(self->row_count + list.count <= ROWS_MAX);
    for (size_t i = 0; i < part_out->count; i++)
        if (!rec_append_row_next(&list, &self->rows[self->row_count + i]) ||
            !store_event_is_sound(&self->rows[self->row_count + i]))
            return ERR_BAD_FRAME;
    return ERR_OK;
}

/* Takes the job, or answers and destroys it. */
static void s_add(write_batch_t *self, struct job *job)
{
    struct s_part part = {0};
    err_t err = s_read_rows(self, job, &part);
    if (err) {
        log_error("a batch cannot be stored: error=%s", err_name(err));
        answer_send_error(self->sender, &job->env, err, 0);
        job_destroy(&job);
        return;
    }
    part.job = job;
    self->parts[self->part_count++] = part;
    self->row_count += part.count;
    self->bytes += job->len;
}

static void s_gather(write_batch_t *self)
{
    struct job *job = work_queue_take(self->queue, IDLE_MS);
    while (job) {
        s_add(self, job);
        job = self->part_count < ROWS_MAX ? work_queue_take_if(self->queue, s_fits, self) : NULL;
    }
}

/* ---- answering ------------------------------------------------------------------------------------------------- */

static void s_answer_part(write_batch_t *self, const struct s_part *part)
{
    struct msg msg = {.type = MSG_STORE_APPENDED};
    err_t err = ERR_OK;
    list_writer_clear(&self->list);
    for (size_t i = 0; !err && i < part->count; i++)
        err = rec_append_outcome_append(&self->list, &self->outcomes[part->first + i]);
    msg.as.store_appended = (struct msg_store_appended){.batch = part->batch, .outcomes = list_of(&self->list)};
    buffer_clear(&self->encoded);
    if (!err)
        err = msg_encode(&msg, &self->encoded);
    if (err)
        log_error("outcomes cannot be encoded: error=%s", err_name(err)); /* the sender asks again */
    else
        answer_send(self->sender, &part->job->env, buffer_view(&self->encoded));
}

static void s_count(const write_batch_t *self, int64_t took_us)
{
    size_t fenced = 0;
    for (size_t i = 0; i < self->row_count; i++)
        fenced += self->outcomes[i].result == OUTCOME_FENCED;
    metric_add(METRIC_STORE_BATCHES, 1);
    metric_add(METRIC_STORE_BATCH_EVENTS, (int64_t)self->row_count);
    metric_add(METRIC_STORE_FENCED, (int64_t)fenced);
    metric_observe_us(METRIC_STORE_COMMIT_SECONDS, took_us);
}

/* After the commit: what follows is behind the log, and nobody waits for it. */
static void s_hint(write_batch_t *self, size_t first, size_t count)
{
    uint64_t last = 0;
    for (size_t i = first; self->indexer && i < first + count; i++) {
        if (self->outcomes[i].result == OUTCOME_COMMITTED && self->rows[i].room != last)
            search_indexer_hint(self->indexer, self->rows[i].room);
        last = self->rows[i].room;
    }
}

static void s_clear(write_batch_t *self)
{
    for (size_t i = 0; i < self->part_count; i++)
        job_destroy(&self->parts[i].job);
    self->part_count = self->row_count = self->bytes = 0;
}

/* ---- committing ------------------------------------------------------------------------------------------------ */

/* Until the outcome of rows[first … first+count-1] is known; DRIVE_DONE or DRIVE_FAILED. DRIVE_AWAY: stopping, and the
 * outcome stays open; whoever sent the rows asks the next boot. *is_lock_out: it failed for want of a lock. */
static drive_step_t s_commit(write_batch_t *self, size_t first, size_t count, bool *is_lock_out)
{
    struct commit_drive drive = {.is_lost = !connection_is_up(&self->connection)};
    bool was_unknown = false;
    for (;;) {
        int delay_ms = 0;
        int64_t start_us = clock_now_us();
        unsigned retries = drive.retries;
        drive_step_t step = commit_drive(&drive, append_store_functions(self->store), self->rows + first, count,
                                         (uint32_t)id_random(), self->outcomes + first, &delay_ms);
        if (drive.is_unknown && !was_unknown)
            metric_add(METRIC_STORE_UNKNOWN, 1);
        was_unknown = drive.is_unknown;
        metric_add(METRIC_STORE_RETRIES, drive.retries - retries);
        *is_lock_out = drive.retries > LIM_COMMIT_RETRIES_MAX;
        if (step == DRIVE_DONE && clock_now_us() - start_us > SLOW_COMMIT_MS * 1000)
            log_warn("commit slow: took_ms=%lld rows=%zu", (long long)(clock_now_us() - start_us) / 1000, count);
        if (step == DRIVE_DONE)
            s_hint(self, first, count);
        if (step == DRIVE_DONE || step == DRIVE_FAILED)
            return step;
        if (delay_ms > 0 && !work_queue_pause(self->queue, delay_ms))
            return DRIVE_AWAY;
    }
}

static void s_refuse_part(write_batch_t *self, const struct s_part *part, bool is_lock)
{
    if (is_lock) {
        answer_send_error(self->sender, &part->job->env, ERR_BUSY, BUSY_RETRY_MS);
        return;
    }
    log_error("the database refuses a batch: rows=%zu error=%s", part->count, db_error(self->connection.db));
    answer_send_error(self->sender, &part->job->env, ERR_DATABASE, 0);
}

static void s_work(write_batch_t *self)
{
    bool is_lock;
    int64_t start_us = clock_now_us();
    drive_step_t step = s_commit(self, 0, self->row_count, &is_lock);
    if (step == DRIVE_DONE)
        s_count(self, clock_now_us() - start_us);
    for (size_t i = 0; i < self->part_count; i++) {
        const struct s_part *part = &self->parts[i];
        if (step == DRIVE_FAILED && self->part_count > 1) {
            drive_step_t alone = s_commit(self, part->first, part->count, &is_lock);
            if (alone == DRIVE_DONE)
                s_answer_part(self, part);
            else if (alone == DRIVE_FAILED)
                s_refuse_part(self, part, is_lock);
        } else if (step == DRIVE_DONE) {
            s_answer_part(self, part);
        } else if (step == DRIVE_FAILED) {
            s_refuse_part(self, part, is_lock);
        }
    }
    s_clear(self);
}

static void *s_run(void *opaque)
{
    write_batch_t *self = opaque;
    int64_t retry_at_ms = 0;
    log_set_actor("persist-writer");
    while (!work_queue_is_closed(self->queue) || work_queue_count(self->queue) > 0) {
        if (!connection_is_up(&self->connection) && clock_now_ms() >= retry_at_ms) {
            (void)connection_open(&self->connection);
            retry_at_ms = clock_now_ms() + IDLE_MS;
        }
        s_gather(self);
        if (self->row_count > 0)
            s_work(self);
        if (work_queue_is_closed(self->queue) && !connection_is_up(&self->connection))
            break; /* what waits was not stored, and nobody was told so */
    }
    s_clear(self);
    connection_fini(&self->connection);
    db_thread_end();
    return NULL;
}

write_batch_t *write_batch_new(const char *url, address_t own, work_queue_t *queue, answers_t *answers,
                               search_indexer_t *indexer, atomic_int *up_count)
{
    write_batch_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->queue = queue;
    self->answers = answers;
    self->indexer = indexer;
    list_writer_init(&self->list, LIM_LINK_BODY_BYTES_MAX);
    buffer_init(&self->encoded, LIM_LINK_BODY_BYTES_MAX);
    err_t err = connection_init(&self->connection, url, DB_WRITER, "writer", own, up_count);
    self->store = err ? NULL : append_store_new(&self->connection);
    self->sender = err ? NULL : answer_sender_new(answers);
    if (!self->store || !self->sender || !thread_start(&self->thread, s_run, self)) {
        log_error("the writer does not start");
        connection_fini(&self->connection);
        write_batch_destroy(&self);
    }
    return self;
}

bool write_batch_join(write_batch_t *self, int wait_ms)
{
    return thread_join(&self->thread, wait_ms);
}

void write_batch_destroy(write_batch_t **self_p)
{
    assert(self_p);
    write_batch_t *self = *self_p;
    if (!self)
        return;
    append_store_destroy(&self->store);
    answer_sender_destroy(&self->sender);
    list_writer_fini(&self->list);
    buffer_fini(&self->encoded);
    free(self);
    *self_p = NULL;
}
