#include "persist/control.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "actors/runtime/clock.h"
#include "actors/runtime/log.h"
#include "persist/audit.h"
#include "persist/thread.h"

enum { AWAY_MS_MIN = 100, AWAY_MS_MAX = 1000, LOOK_MS = 250, ROLE_BIT_PERSIST = 4, PRUNE_MS = 60000 };
enum { DAY_MS = 24 * 3600 * 1000 };

struct control {
    struct thread thread;
    struct connection connection;
    store_worker_t *worker;
    work_queue_t *queue;
    address_t own;
    char endpoint[LIM_ENDPOINT_BYTES_MAX];
    bool has_entered;
    int64_t beat_at_ms, look_at_ms, prune_at_ms;
    int64_t audit_days;
    struct directory_watch watch;
    atomic_bool is_fenced;
};

/* Each second; and more often a look at the others, whose death is to be known soon. */
static db_status_t s_beat(control_t *self)
{
    db_t *db = self->connection.db;
    const uint64_t node = address_node(self->own), nonce = address_nonce(self->own);
    db_status_t status = DB_OK;
    if (!self->has_entered)
        status = directory_enter(db, node, nonce, ROLE_BIT_PERSIST, view_of_text(self->endpoint));
    self->has_entered = self->has_entered || !status;
    uint64_t beat;
    bool fenced = false;
    if (!status)
        status = directory_beat(db, node, nonce, &beat, &fenced);
    if (!status && fenced) {
        log_error("this persist node was declared dead by another");
        atomic_store(&self->is_fenced, true);
    }
    return status;
}

/* A bounded step each look while there is something old, then one a minute. Several nodes may do the same. */
static db_status_t s_prune_audit(control_t *self, int64_t now_ms)
{
    uint64_t count = 0, keep_ms = (uint64_t)self->audit_days * DAY_MS, utc_ms = (uint64_t)clock_utc_ms();
    if (now_ms < self->prune_at_ms)
        return DB_OK;
    db_status_t status = audit_prune(self->connection.db, utc_ms > keep_ms ? utc_ms - keep_ms : 0, &count);
    self->prune_at_ms = now_ms + (count == LIM_AUDIT_PRUNE_ROWS ? LOOK_MS : PRUNE_MS);
    return status == DB_RETRY ? DB_OK : status;
}

static db_status_t s_beat_and_look(control_t *self, int64_t now_ms)
{
    db_status_t status = DB_OK;
    self->look_at_ms = now_ms + LOOK_MS;
    if (now_ms >= self->beat_at_ms) {
        self->beat_at_ms = now_ms + LIM_LEASE_BEAT_MS;
        status = s_beat(self);
    }
    if (!status)
        status = directory_look(&self->watch, self->connection.db, address_node(self->own), now_ms);
    return status ? status : s_prune_audit(self, now_ms);
}

static void s_work(control_t *self)
{
    int64_t now_ms = clock_now_ms();
    int wait_ms = self->look_at_ms > now_ms ? (int)(self->look_at_ms - now_ms) : 0;
    struct job *job = work_queue_take(self->queue, wait_ms);
    if (job)
        store_worker_run(self->worker, job);
    job_destroy(&job);
    now_ms = clock_now_ms();
    if (now_ms < self->look_at_ms || !connection_is_up(&self->connection))
        return;
    db_status_t status = s_beat_and_look(self, now_ms);
    if (status == DB_AWAY || status == DB_UNKNOWN)
        connection_lost(&self->connection);
    else if (status)
        log_warn("the directory cannot be watched: %s", db_error(self->connection.db));
}

static void *s_run(void *opaque)
{
    control_t *self = opaque;
    int delay_ms = AWAY_MS_MIN;
    log_set_actor("persist-control");
    while (!work_queue_is_closed(self->queue) || work_queue_count(self->queue) > 0) {
        if (connection_is_up(&self->connection) || connection_open(&self->connection) == DB_OK) {
            delay_ms = AWAY_MS_MIN;
            s_work(self);
            continue;
        }
        if (!work_queue_pause(self->queue, delay_ms))
            break;
        delay_ms = delay_ms * 2 < AWAY_MS_MAX ? delay_ms * 2 : AWAY_MS_MAX;
    }
    connection_fini(&self->connection);
    db_thread_end();
    return NULL;
}

control_t *control_new(const char *url, address_t own, const char *endpoint, int64_t audit_days, work_queue_t *queue,
                       answers_t *answers, atomic_int *up_count)
{
    control_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->queue = queue;
    self->own = own;
    self->audit_days = audit_days;
    memcpy(self->endpoint, endpoint, strnlen(endpoint, sizeof self->endpoint - 1));
    err_t err = connection_init(&self->connection, url, DB_WRITER, "control", own, up_count);
    self->worker = err ? NULL : store_worker_new(&self->connection, answers);
    if (!self->worker || !thread_start(&self->thread, s_run, self)) {
        log_error("the control worker does not start");
        connection_fini(&self->connection);
        control_destroy(&self);
    }
    return self;
}

bool control_join(control_t *self, int wait_ms)
{
    return thread_join(&self->thread, wait_ms);
}

void control_destroy(control_t **self_p)
{
    assert(self_p);
    control_t *self = *self_p;
    if (!self)
        return;
    store_worker_destroy(&self->worker);
    free(self);
    *self_p = NULL;
}

bool control_is_fenced(const control_t *self)
{
    return atomic_load(&self->is_fenced);
}
