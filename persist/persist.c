#include "persist/persist.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "actors/runtime/actor.h"
#include "actors/runtime/log.h"
#include "actors/runtime/metrics.h"
#include "actors/runtime/node_stats.h"
#include "actors/runtime/stats_board.h"
#include "persist/blob_pool.h"
#include "persist/control.h"
#include "persist/query_pool.h"
#include "persist/sockets_relay.h"
#include "persist/store.h"
#include "persist/work.h"
#include "persist/write_batch.h"

enum {
    BATCHES_MAX = 256, /* waiting: several of each room actor there can be */
    BATCHES_BYTES_MAX = 32 * 1024 * 1024,
    WRITES_MAX = 4096,
    QUESTIONS_MAX = 4096,
    SEARCHES_MAX = 64,
    FILE_JOBS_MAX = 256,
    SEARCHERS = 2, /* beside the readers, so that no search makes a room or its history wait */
    JOBS_BYTES_MAX = 16 * 1024 * 1024,
    OVERLOADED_RETRY_MS = 250,
    UNAVAILABLE_RETRY_MS = 1000,
    WAIT_MS_MAX = LIM_UNAVAILABLE_MS * 3 / 4, /* refused after it, so that the refusal arrives in time */
    STOP_MS = 4000,
    ANSWERS_A_TURN = 256,
};

struct persist {
    actor_t *actor;
    answers_t *answers;
    work_queue_t *batches, *writes, *questions, *searches, *files;
    write_batch_t *writer;
    control_t *control;
    query_pool_t *pool, *searchers;
    blob_pool_t *blobs;
    search_indexer_t *indexer;
    atomic_int writer_up, control_up, readers_up, searchers_up, blobs_up; /* connections open now; written by the workers */
    bool was_up;
    stats_board_t *board;
    sockets_relay_t *relay;
    struct node_stats stats;
};

/* ---- how the actors are ------------------------------------------------------------------------------------------ */

static void s_on_stats_get(struct persist *self, const struct envelope *env, view_t body)
{
    struct msg ask, answer = {.type = MSG_STATS};
    list_writer_t list;
    list_writer_init(&list, LIM_STATS_PAGE_BYTES_MAX + LIM_STATS_BYTES_MAX);
    err_t err = msg_decode(body, &ask);
    if (!err)
        err = stats_board_page(self->board, ask.as.stats_get.after, actor_now_ms(self->actor), &list, &answer.as.stats);
    if (err)
        actor_reply_error(self->actor, env, err, 0);
    else
        actor_reply(self->actor, env, &answer);
    list_writer_fini(&list);
}

/* Their names are in the database. */
static void s_on_sockets(void *context, const struct envelope *asked, view_t sockets)
{
    struct persist *self = context;
    struct envelope env = *asked;
    env.type = MSG_SOCKETS;
    err_t err = work_queue_push(self->searches, &env, sockets, actor_now_ms(self->actor));
    if (err)
        actor_reply_error(self->actor, asked, err, OVERLOADED_RETRY_MS);
}

/* What is no question to the store. False: it is one. */
static bool s_on_watch(struct persist *self, const struct envelope *env, view_t body, err_t *err_out)
{
    *err_out = ERR_OK;
    switch (env->type) {
    case MSG_NODE_STATS:
        *err_out = stats_board_put(self->board, env->from, body, actor_now_ms(self->actor));
        return true;
    case MSG_STATS_GET: s_on_stats_get(self, env, body); return true;
    case MSG_SOCKETS: *err_out = sockets_relay_answer(self->relay, env, body); return true;
    case MSG_SOCKETS_GET:
        *err_out = sockets_relay_ask(self->relay, self->actor, env, body, self->board);
        if (*err_out)
            actor_reply_error(self->actor, env, *err_out, OVERLOADED_RETRY_MS);
        return true;
    default: return false;
    }
}

static void s_watch_tick(struct persist *self, actor_t *actor, int64_t now_ms)
{
    struct node_load load = {.queue = work_queue_count(self->batches) + work_queue_count(self->writes) +
                                      work_queue_count(self->questions) + work_queue_count(self->searches) +
                                      work_queue_count(self->files)};
    sockets_relay_on_tick(self->relay, now_ms);
    if (now_ms < self->stats.due_ms)
        return;
    self->stats.due_ms = now_ms + LIM_STATS_EACH_MS;
    buffer_t report;
    buffer_init(&report, LIM_STATS_BYTES_MAX);
    if (!node_stats_encode(&self->stats, actor, &load, &report))
        (void)stats_board_put(self->board, actor_address(actor), buffer_view(&report), now_ms); /* the next one says it all anew */
    buffer_fini(&report);
}

/* ---- in --------------------------------------------------------------------------------------------------------- */

static err_t s_on_message(void *opaque, actor_t *actor, const struct envelope *env, view_t body)
{
    struct persist *self = opaque;
    work_queue_t *queue = self->batches;
    err_t err;
    if (s_on_watch(self, env, body, &err))
        return err;
    if (env->type != MSG_STORE_APPEND) {
        const struct store_row *row = store_row(env->type);
        if (!row) {
            actor_reply_error(actor, env, ERR_UNEXPECTED, 0);
            return ERR_UNEXPECTED;
        }
        queue = row->kind == STORE_WRITE  ? self->writes
                : row->kind == STORE_FIND ? self->searches
                : row->kind == STORE_BLOB ? self->files
                                          : self->questions;
    }
    err = work_queue_push(queue, env, body, actor_now_ms(actor));
    if (err)
        actor_reply_error(actor, env, err, OVERLOADED_RETRY_MS);
    return err;
}

/* ---- out -------------------------------------------------------------------------------------------------------- */

static void s_on_answers(void *opaque, actor_t *actor, void *zsock)
{
    struct persist *self = opaque;
    (void)zsock;
    struct envelope asked;
    view_t msg;
    for (int i = 0; i < ANSWERS_A_TURN && answers_next(self->answers, &asked, &msg); i++) {
        struct envelope env = envelope_reply(&asked);
        /* Nobody there, or too much at once: the asker repeats what it asked. */
        err_t err = actor_send_bytes(actor, envelope_answer_to(&asked), &env, msg);
        if (err)
            log_debug("an answer was not sent: asked=%s error=%s", msg_name(asked.type), err_name(err));
    }
}

/* Refuses what has waited too long, and everything when nobody could answer. */
static void s_refuse(actor_t *actor, work_queue_t *queue, bool is_up, int64_t now_ms)
{
    struct job *job;
    while ((job = work_queue_take_older(queue, is_up ? now_ms - WAIT_MS_MAX : INT64_MAX))) {
        actor_reply_error(actor, &job->env, ERR_UNAVAILABLE, UNAVAILABLE_RETRY_MS);
        job_destroy(&job);
    }
}

static void s_on_tick(void *opaque, actor_t *actor, int64_t now_ms)
{
    struct persist *self = opaque;
    bool control_up = atomic_load(&self->control_up) > 0, readers_up = atomic_load(&self->readers_up) > 0;
    bool is_up = control_up && readers_up && atomic_load(&self->writer_up) > 0;
    s_refuse(actor, self->writes, control_up, now_ms);
    s_refuse(actor, self->questions, readers_up, now_ms);
    s_refuse(actor, self->searches, atomic_load(&self->searchers_up) > 0, now_ms);
    s_refuse(actor, self->files, atomic_load(&self->blobs_up) > 0, now_ms);
    metric_set(METRIC_STORE_UP, is_up);
    metric_set(METRIC_STORE_QUEUE, (int64_t)work_queue_count(self->questions));
    if (is_up != self->was_up)
        log_info(is_up ? "the database answers: ready" : "the database does not answer");
    self->was_up = is_up;
    s_watch_tick(self, actor, now_ms);
    if (control_is_fenced(self->control))
        actor_stop(actor); /* the process ends, and the next boot is a new node */
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

static err_t s_start(struct persist *self, const struct role_context *context, const char *endpoint)
{
    const char *url = context->config->database_url;
    self->answers = answers_new();
    self->batches = work_queue_new(BATCHES_MAX, BATCHES_BYTES_MAX);
    self->writes = work_queue_new(WRITES_MAX, JOBS_BYTES_MAX);
    self->questions = work_queue_new(QUESTIONS_MAX, JOBS_BYTES_MAX);
    self->searches = work_queue_new(SEARCHES_MAX, JOBS_BYTES_MAX);
    self->files = work_queue_new(FILE_JOBS_MAX, JOBS_BYTES_MAX);
    self->board = stats_board_new();
    self->relay = sockets_relay_new(s_on_sockets, self);
    if (!self->answers || !self->batches || !self->writes || !self->questions || !self->searches || !self->files ||
        !self->board || !self->relay)
        return ERR_NO_MEMORY;
    if (context->config->search_index)
        self->indexer = search_indexer_new(url, context->address);
    if (self->indexer || !context->config->search_index)
        self->writer = write_batch_new(url, context->address, self->batches, self->answers, self->indexer,
                                       &self->writer_up);
    if (self->writer)
        self->control = control_new(url, context->address, endpoint, context->config->audit_days, self->writes, self->answers,
                                    &self->control_up);
    if (self->control)
        self->pool = query_pool_new(url, context->address, (size_t)context->config->readers, self->questions,
                                    self->answers, &self->readers_up);
    if (self->pool)
        self->searchers = query_pool_new(url, context->address, SEARCHERS, self->searches, self->answers,
                                         &self->searchers_up);
    const struct files_ages ages = {.unfinished_ms = context->config->file_unfinished_s * 1000,
                                    .unposted_ms = context->config->file_unposted_s * 1000};
    if (self->searchers)
        self->blobs = blob_pool_new(url, context->address, &ages, self->files, self->answers, &self->blobs_up);
    return self->blobs ? actor_watch(self->actor, answers_socket(self->answers), s_on_answers) : ERR_INTERNAL;
}

/* False: a thread did not end in time, and may still use what self has. */
static bool s_stop(struct persist *self)
{
    work_queue_t *queues[] = {self->batches, self->writes, self->questions, self->searches, self->files};
    for (size_t i = 0; i < sizeof queues / sizeof queues[0]; i++)
        if (queues[i])
            work_queue_close(queues[i]);
    if (self->indexer)
        search_indexer_close(self->indexer);
    bool all = !self->writer || write_batch_join(self->writer, STOP_MS);
    all = (!self->control || control_join(self->control, all ? STOP_MS / 4 : 0)) && all;
    all = (!self->pool || query_pool_join(self->pool, all ? STOP_MS / 4 : 0)) && all;
    all = (!self->searchers || query_pool_join(self->searchers, all ? STOP_MS / 4 : 0)) && all;
    all = (!self->blobs || blob_pool_join(self->blobs, all ? STOP_MS / 4 : 0)) && all;
    all = (!self->indexer || search_indexer_join(self->indexer, all ? STOP_MS / 4 : 0)) && all;
    if (!all) {
        log_warn("a database thread did not stop in time");
        return false;
    }
    write_batch_destroy(&self->writer);
    control_destroy(&self->control);
    query_pool_destroy(&self->pool);
    query_pool_destroy(&self->searchers);
    blob_pool_destroy(&self->blobs);
    search_indexer_destroy(&self->indexer);
    actor_destroy(&self->actor);
    answers_destroy(&self->answers);
    work_queue_destroy(&self->batches);
    work_queue_destroy(&self->writes);
    work_queue_destroy(&self->questions);
    work_queue_destroy(&self->searches);
    work_queue_destroy(&self->files);
    stats_board_destroy(&self->board);
    sockets_relay_destroy(&self->relay);
    return true;
}

static const struct actor_handlers HANDLERS = {.on_message = s_on_message, .on_tick = s_on_tick};

void persist_run(void *pipe, const struct role_context *context)
{
    log_set_actor("persist");
    const struct topology_node *node = topology_find(context->topology, ROLE_PERSIST, address_instance(context->address));
    struct persist *self = calloc(1, sizeof *self);
    if (!self)
        return; /* returning unready says that it failed */
    self->actor = actor_new(context->address, &HANDLERS, self);
    err_t err = self->actor && node ? actor_bind(self->actor, topology_bind(node)) : ERR_NO_MEMORY;
    if (!err)
        err = s_start(self, context, node->endpoint);
    if (err)
        log_error("persist cannot start: error=%s", err_name(err));
    else
        actor_run(self->actor, pipe);
    if (s_stop(self))
        free(self);
}
