#include "persist/search_indexer.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "actors/runtime/clock.h"
#include "actors/runtime/log.h"
#include "actors/runtime/map.h"
#include "actors/runtime/metrics.h"
#include "persist/search_index.h"
#include "persist/thread.h"

enum {
    LOOK_MS = 2000,
    LOOK_SHARE = 20, /* looking takes at most so much of the time: one part of it */
    REST_MS_MAX = 250,
    AWAY_MS = 500,
    RETRY_MS = 50,
};

struct search_indexer {
    struct thread thread;
    struct connection connection;
    atomic_int up_count;
    search_index_t *index;
    bool is_leader, was_failure_said; /* {thread} */
    int64_t look_at_ms;               /* {thread} */

    pthread_mutex_t lock; /* of all below */
    pthread_cond_t wake;
    bool is_closed, is_overfull;
    map_t known; /* rooms in the ring */
    uint64_t ring[SEARCH_HINTS_MAX];
    size_t first, count;
};

/* ---- rooms to do ------------------------------------------------------------------------------------------------ */

void search_indexer_hint(search_indexer_t *self, uint64_t room)
{
    pthread_mutex_lock(&self->lock);
    if (!map_get(&self->known, room, NULL)) {
        if (self->count < SEARCH_HINTS_MAX && map_put(&self->known, room, 1) == ERR_OK)
            self->ring[(self->first + self->count++) % SEARCH_HINTS_MAX] = room;
        else
            self->is_overfull = true;
        pthread_cond_signal(&self->wake);
    }
    pthread_mutex_unlock(&self->lock);
}

static uint64_t s_take(search_indexer_t *self)
{
    uint64_t room = 0;
    pthread_mutex_lock(&self->lock);
    if (self->count) {
        room = self->ring[self->first];
        self->first = (self->first + 1) % SEARCH_HINTS_MAX;
        self->count--;
        map_remove(&self->known, room);
    }
    pthread_mutex_unlock(&self->lock);
    return room;
}

static bool s_is_closed(search_indexer_t *self)
{
    pthread_mutex_lock(&self->lock);
    bool is_closed = self->is_closed;
    pthread_mutex_unlock(&self->lock);
    return is_closed;
}

/* Until closed, or after wait_ms, or if for_hint, when there is a room to do. */
static void s_wait(search_indexer_t *self, int64_t wait_ms, bool for_hint)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += wait_ms % 1000 * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    pthread_mutex_lock(&self->lock);
    int timed_out = 0;
    while (!self->is_closed && !(for_hint && self->count) && !timed_out)
        timed_out = pthread_cond_timedwait(&self->wake, &self->lock, &until);
    pthread_mutex_unlock(&self->lock);
}

/* ---- work ------------------------------------------------------------------------------------------------------- */

/* What a failure means for the thread; the room is found again by a look. */
static void s_on_failure(search_indexer_t *self, db_status_t status, const char *doing)
{
    if (status == DB_AWAY || status == DB_UNKNOWN) {
        connection_lost(&self->connection);
        self->is_leader = false;
        metric_set(METRIC_SEARCH_LAG, 0);
    } else if (status == DB_FAILED && !self->was_failure_said) {
        log_error("search %s fails: %s", doing, db_error(self->connection.db));
        self->was_failure_said = true;
    }
}

static db_status_t s_lead(search_indexer_t *self)
{
    char got[8];
    if (self->is_leader)
        return DB_OK;
    db_status_t status =
        db_ask(self->connection.db, "SELECT GET_LOCK(CONCAT(LEFT(DATABASE(), 40), '.search'), 0)", got, sizeof got);
    self->is_leader = !status && strcmp(got, "1") == 0;
    return status;
}

/* Which rooms lack something? */
static void s_look(search_indexer_t *self)
{
    uint64_t rooms[SEARCH_LAGGING_MAX], lag = 0;
    size_t count = 0;
    int64_t start_ms = clock_now_ms();
    pthread_mutex_lock(&self->lock);
    self->is_overfull = false;
    pthread_mutex_unlock(&self->lock);
    db_status_t status = s_lead(self);
    if (!status && self->is_leader)
        status = search_index_lagging(self->connection.db, rooms, &count, &lag);
    if (status)
        s_on_failure(self, status, "looking for rooms");
    else
        metric_set(METRIC_SEARCH_LAG, (int64_t)lag);
    for (size_t i = 0; i < count; i++)
        search_indexer_hint(self, rooms[i]);
    int64_t now_ms = clock_now_ms(), rest_ms = (now_ms - start_ms) * LOOK_SHARE;
    self->look_at_ms = now_ms + (rest_ms > LOOK_MS ? rest_ms : LOOK_MS);
}

static void s_step(search_indexer_t *self, uint64_t room)
{
    size_t count = 0;
    bool more = false;
    int64_t start_ms = clock_now_ms();
    db_status_t status = search_index_step(self->index, self->connection.db, room, &count, &more);
    if (status)
        s_on_failure(self, status, "indexing");
    else
        metric_add(METRIC_SEARCH_INDEXED, (int64_t)count);
    if (!status)
        self->was_failure_said = false;
    if (more || status == DB_RETRY)
        search_indexer_hint(self, room);
    int64_t rest_ms = status == DB_RETRY ? RETRY_MS : clock_now_ms() - start_ms;
    s_wait(self, rest_ms < REST_MS_MAX ? rest_ms : REST_MS_MAX, false);
}

static void *s_run(void *opaque)
{
    search_indexer_t *self = opaque;
    log_set_actor("persist-search");
    while (!s_is_closed(self)) {
        if (!connection_is_up(&self->connection) && connection_open(&self->connection) != DB_OK) {
            s_wait(self, AWAY_MS, false);
            continue;
        }
        int64_t now_ms = clock_now_ms();
        uint64_t room = 0;
        if (now_ms >= self->look_at_ms)
            s_look(self);
        else if ((room = s_take(self)) != 0)
            s_step(self, room);
        else
            s_wait(self, self->look_at_ms - now_ms, true);
    }
    metric_set(METRIC_SEARCH_LAG, 0);
    connection_fini(&self->connection);
    db_thread_end();
    return NULL;
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

search_indexer_t *search_indexer_new(const char *url, address_t own)
{
    search_indexer_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    map_init(&self->known);
    self->index = search_index_new();
    err_t err = connection_init(&self->connection, url, DB_WRITER, "search index", own, &self->up_count);
    if (err || !self->index || !thread_start(&self->thread, s_run, self)) {
        log_error("the search index does not start");
        connection_fini(&self->connection);
        search_indexer_destroy(&self);
    }
    return self;
}

void search_indexer_close(search_indexer_t *self)
{
    pthread_mutex_lock(&self->lock);
    self->is_closed = true;
    pthread_cond_broadcast(&self->wake);
    pthread_mutex_unlock(&self->lock);
}

bool search_indexer_join(search_indexer_t *self, int wait_ms)
{
    return thread_join(&self->thread, wait_ms);
}

void search_indexer_destroy(search_indexer_t **self_p)
{
    assert(self_p);
    search_indexer_t *self = *self_p;
    if (!self)
        return;
    search_index_destroy(&self->index);
    map_fini(&self->known);
    pthread_cond_destroy(&self->wake);
    pthread_mutex_destroy(&self->lock);
    free(self);
    *self_p = NULL;
}
