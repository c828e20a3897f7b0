#include "persist/persist.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "actors/runtime/actor.h"
#include "actors/runtime/log.h"
#include "actors/runtime/metrics.h"
#include "persist/control.h"
#include "persist/query_pool.h"
#include "persist/store.h"
#include "persist/work.h"
#include "persist/write_batch.h"

enum {
    BATCHES_MAX = 256, /* waiting: several of each room actor there can be */
    BATCHES_BYTES_MAX = 32 * 1024 * 1024,
    WRITES_MAX = 4096,
    QUESTIONS_MAX = 4096,
    SEARCHES_MAX = 64,
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
    work_queue_t *batches, *writes, *questions, *searches;
    write_batch_t *writer;
    control_t *control;
    query_pool_t *pool, *searchers;
    search_indexer_t *indexer;
    atomic_int writer_up, control_up, readers_up, searchers_up; /* connections open now; written by the workers */
    bool was_up;
};

/* ---- in --------------------------------------------------------------------------------------------------------- */

static err_t s_on_message(void *opaque, actor_t *actor, const struct envelope *env, view_t body)
{
    struct persist *self = opaque;
    work_queue_t *queue = self->batches;
    if (env->type != MSG_STORE_APPEND) {
        const struct store_row *row = store_row(env->type);
        if (!row) {
            actor_reply_error(actor, env, ERR_UNEXPECTED, 0);
            return ERR_UNEXPECTED;
        }
        queue = row->kind == STORE_WRITE ? self->writes : row->kind == STORE_FIND ? self->searches : self->questions;
    }
    err_t err = work_queue_push(queue, env, body, actor_now_ms(actor));
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
    metric_set(METRIC_STORE_UP, is_up);
    metric_set(METRIC_STORE_QUEUE, (int64_t)work_queue_count(self->questions));
    if (is_up != self->was_up)
        log_info(is_up ? "the database answers: ready" : "the database does not answer");
    self->was_up = is_up;
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
    if (!self->answers || !self->batches || !self->writes || !self->questions || !self->searches)
        return ERR_NO_MEMORY;
    if (context->config->search_index)
        self->indexer = search_indexer_new(url, context->address);
    if (self->indexer || !context->config->search_index)
        self->writer = write_batch_new(url, context->address, self->batches, self->answers, self->indexer,
                                       &self->writer_up);
    if (self->writer)
        self->control = control_new(url, context->address, endpoint, self->writes, self->answers, &self->control_up);
    if (self->control)
        self->pool = query_pool_new(url, context->address, (size_t)context->config->readers, self->questions,
                                    self->answers, &self->readers_up);
    if (self->pool)
        self->searchers = query_pool_new(url, context->address, SEARCHERS, self->searches, self->answers,
                                         &self->searchers_up);
    return self->searchers ? actor_watch(self->actor, answers_socket(self->answers), s_on_answers) : ERR_INTERNAL;
}

/* False: a thread did not end in time, and may still use what self has. */
static bool s_stop(struct persist *self)
{
    work_queue_t *queues[] = {self->batches, self->writes, self->questions, self->searches};
    for (size_t i = 0; i < sizeof queues / sizeof queues[0]; i++)
        if (queues[i])
            work_queue_close(queues[i]);
    if (self->indexer)
        search_indexer_close(self->indexer);
    bool all = !self->writer || write_batch_join(self->writer, STOP_MS);
    all = (!self->control || control_join(self->control, all ? STOP_MS / 4 : 0)) && all;
    all = (!self->pool || query_pool_join(self->pool, all ? STOP_MS / 4 : 0)) && all;
    all = (!self->searchers || query_pool_join(self->searchers, all ? STOP_MS / 4 : 0)) && all;
    all = (!self->indexer || search_indexer_join(self->indexer, all ? STOP_MS / 4 : 0)) && all;
    if (!all) {
        log_warn("a database thread did not stop in time");
        return false;
    }
    write_batch_destroy(&self->writer);
    control_destroy(&self->control);
    query_pool_destroy(&self->pool);
    query_pool_destroy(&self->searchers);
    search_indexer_destroy(&self->indexer);
    actor_destroy(&self->actor);
    answers_destroy(&self->answers);
    work_queue_destroy(&self->batches);
    work_queue_destroy(&self->writes);
    work_queue_destroy(&self->questions);
    work_queue_destroy(&self->searches);
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
