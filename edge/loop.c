#include "edge/loop.h"

#include <assert.h>
#include <czmq.h>
#include <pthread.h>
#include <uv.h>

#include "actors/runtime/log.h"

enum {
    FDS_MAX = LIM_NODES_MAX + 8,
    TURN_FRAMES = 512, /* of the actor's inbox in one turn: then browsers are served */
    LWS_LOG_EACH_MS = 1000,
};

struct loop_watch {
    uv_poll_t poll;
    loop_t *loop;
    void (*fn)(void *context, int ready);
    void *context;
    int events;
};

struct loop {
    uv_loop_t uv;
    uv_check_t check;
    uv_timer_t timer;
    uv_idle_t again; /* active: more is waiting, do not sleep */
    struct lws_context *lws;
    actor_t *actor;
    void *pipe;
    void (*stop)(void *self);
    void *self;
    loop_watch_t *pipe_watch;
    loop_watch_t *fd_watches[FDS_MAX];
    int fds[FDS_MAX];
    size_t fd_count;
    bool pipe_woke; /* only then it is asked: that costs two system calls */
    bool stopping, quitting;
};

/* lws keeps a few globals; contexts of several edges are made and destroyed one after another. */
static pthread_mutex_t s_lws_lock = PTHREAD_MUTEX_INITIALIZER;

/* What strangers send makes lws complain: at most a line a second. */
static void s_lws_log(int level, const char *line)
{
    static struct log_gate gate;
    unsigned skipped = 0;
    if (!log_gate_open(&gate, LWS_LOG_EACH_MS, &skipped))
        return;
    int len = (int)strcspn(line, "\r\n");
    log_write(level & LLL_ERR ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG, "libwebsockets: %.*s skipped=%u", len, line, skipped);
}

static void s_read_pipe(loop_t *self)
{
    if (!self->pipe_woke)
        return;
    self->pipe_woke = false;
    while (self->pipe && !self->stopping && (zsock_events(self->pipe) & ZMQ_POLLIN)) {
        char *command = zstr_recv(self->pipe);
        if (!command || streq(command, "$TERM")) {
            self->stopping = true;
            self->stop(self->self);
        }
        zstr_free(&command);
    }
}

static void s_no_work(uv_idle_t *idle)
{
    (void)idle;
}

static void s_turn(loop_t *self)
{
    if (self->quitting)
        return;
    s_read_pipe(self);
    bool more = actor_pump(self->actor, TURN_FRAMES);
    if (more)
        uv_idle_start(&self->again, s_no_work);
    else
        uv_idle_stop(&self->again);
    if (self->quitting)
        uv_stop(&self->uv);
}

static void s_on_check(uv_check_t *check)
{
    s_turn(check->data);
}

static void s_on_timer(uv_timer_t *timer)
{
    loop_t *self = timer->data;
    s_turn(self); /* timers may run before the sleep: the check after it would come too late */
    int wait_ms = actor_timeout_ms(self->actor);
    uv_timer_start(timer, s_on_timer, wait_ms < 1 ? 1 : (uint64_t)wait_ms, 0);
}

loop_t *loop_new(void *pipe, actor_t *actor, void (*stop)(void *self), void *state)
{
    loop_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    *self = (loop_t){.pipe = pipe, .actor = actor, .stop = stop, .self = state, .pipe_woke = true};
    if (uv_loop_init(&self->uv) != 0) {
        log_error("loop: no event loop");
        free(self);
        return NULL;
    }
    uv_check_init(&self->uv, &self->check);
    uv_timer_init(&self->uv, &self->timer);
    uv_idle_init(&self->uv, &self->again);
    self->check.data = self->timer.data = self->again.data = self;
    uv_check_start(&self->check, s_on_check);
    uv_timer_start(&self->timer, s_on_timer, 1, 0);
    return self;
}

struct lws_context *loop_open_lws(loop_t *self, struct lws_context_creation_info *info)
{
    void *loops[1] = {&self->uv};
    info->foreign_loops = loops;
    info->options |= LWS_SERVER_OPTION_LIBUV;
    info->pcontext = &self->lws; /* becomes NULL when it is really gone */
    pthread_mutex_lock(&s_lws_lock);
    lws_set_log_level(LLL_ERR | LLL_WARN, s_lws_log);
    self->lws = lws_create_context(info);
    pthread_mutex_unlock(&s_lws_lock);
    if (!self->lws)
        log_error("loop: libwebsockets did not start; is its libuv plugin installed?");
    return self->lws;
}

/* The descriptor wakes the loop; what came is read by the turn that follows. */
static void s_on_wake(void *context, int ready)
{
    (void)context;
    (void)ready;
}

static void s_on_pipe(void *context, int ready)
{
    loop_t *self = context;
    (void)ready;
    self->pipe_woke = true;
}

err_t loop_watch_actor(loop_t *self)
{
    int fds[FDS_MAX];
    size_t count = actor_fds(self->actor, fds, FDS_MAX);
    for (size_t i = 0; i < count; i++) {
        bool known = false;
        for (size_t k = 0; k < self->fd_count; k++)
            known = known || self->fds[k] == fds[i];
        if (known || self->fd_count == FDS_MAX)
            continue;
        loop_watch_t *watch = loop_watch(self, fds[i], s_on_wake, self);
        if (!watch)
            return ERR_NO_MEMORY;
        loop_watch_set(watch, LOOP_READABLE);
        self->fds[self->fd_count] = fds[i];
        self->fd_watches[self->fd_count++] = watch;
    }
    if (self->pipe && !self->pipe_watch) {
        self->pipe_watch = loop_watch(self, zsock_fd(self->pipe), s_on_pipe, self);
        if (!self->pipe_watch)
            return ERR_NO_MEMORY;
        loop_watch_set(self->pipe_watch, LOOP_READABLE);
    }
    return ERR_OK;
}

void loop_signal(void *pipe, int status)
{
    if (pipe)
        zsock_signal(pipe, (byte)status);
}

void loop_run(loop_t *self)
{
    if (!self->quitting)
        uv_run(&self->uv, UV_RUN_DEFAULT);
}

void loop_quit(loop_t *self)
{
    self->quitting = true;
    uv_stop(&self->uv);
}

/* ---- watches ---- */

static void s_on_poll(uv_poll_t *poll, int status, int events)
{
    loop_watch_t *self = poll->data;
    int ready = (events & (UV_READABLE | UV_DISCONNECT) ? LOOP_READABLE : 0) | (events & UV_WRITABLE ? LOOP_WRITABLE : 0);
    self->fn(self->context, status < 0 ? LOOP_READABLE | LOOP_WRITABLE : ready);
}

loop_watch_t *loop_watch(loop_t *loop, int fd, void (*fn)(void *context, int ready), void *context)
{
    loop_watch_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    *self = (loop_watch_t){.loop = loop, .fn = fn, .context = context};
    if (uv_poll_init(&loop->uv, &self->poll, fd) != 0) {
        free(self);
        return NULL;
    }
    self->poll.data = self;
    return self;
}

void loop_watch_set(loop_watch_t *self, int events)
{
    if (self->events == events)
        return;
    self->events = events;
    int uv_events = (events & LOOP_READABLE ? UV_READABLE : 0) | (events & LOOP_WRITABLE ? UV_WRITABLE : 0);
    if (uv_events)
        uv_poll_start(&self->poll, uv_events, s_on_poll);
    else
        uv_poll_stop(&self->poll);
}

static void s_on_watch_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void loop_unwatch(loop_watch_t **self_p)
{
    assert(self_p);
    loop_watch_t *self = *self_p;
    *self_p = NULL;
    if (!self)
        return;
    uv_poll_stop(&self->poll);
    uv_close((uv_handle_t *)&self->poll, s_on_watch_closed);
}

/* ---- the end ---- */

static void s_run_until_closed(loop_t *self)
{
    self->quitting = true;
    for (int i = 0; i < 1000 && uv_run(&self->uv, UV_RUN_NOWAIT) != 0; i++)
        if (i >= 10)
            zclock_sleep(1);
}

void loop_destroy(loop_t **self_p)
{
    assert(self_p);
    loop_t *self = *self_p;
    *self_p = NULL;
    if (!self)
        return;
    self->quitting = true;
    for (size_t i = 0; i < self->fd_count; i++)
        loop_unwatch(&self->fd_watches[i]);
    loop_unwatch(&self->pipe_watch);
    uv_close((uv_handle_t *)&self->check, NULL);
    uv_close((uv_handle_t *)&self->timer, NULL);
    uv_close((uv_handle_t *)&self->again, NULL);
    if (self->lws) {
        pthread_mutex_lock(&s_lws_lock);
        lws_context_destroy(self->lws); /* closes everything, as far as it can before the loop has run */
        s_run_until_closed(self);
        if (self->lws)
            lws_context_destroy(self->lws); /* 4.1 on a foreign loop wants to be told that the loop is through */
        pthread_mutex_unlock(&s_lws_lock);
    }
    s_run_until_closed(self);
    if (uv_loop_close(&self->uv) != 0)
        log_warn("loop: handles were left open");
    free(self);
}
