#include "actors/runtime/supervisor.h"

#include <czmq.h>
#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>

#include "actors/runtime/clock.h"
#include "actors/runtime/guard.h"
#include "actors/runtime/log.h"
#include "actors/runtime/notify.h"

enum { EXIT_ACTOR_FAILED = 70 };

/* Behind the last word of a role on its pipe; zactor's own signal at a thread's end looks like "ready". */
#define ENDED "$ENDED"

typedef enum { CHILD_STARTING, CHILD_RUNNING, CHILD_FAILED, CHILD_ENDED } child_state_t;

struct child {
    zactor_t *zactor;
    const struct role_row *row;
    struct role_context context;
    char name[ADDRESS_TEXT_MAX];
    child_state_t state; /* {supervisor} */
};

struct supervisor {
    struct child children[LIM_NODES_MAX]; /* in the order of their start */
    size_t count;
    int signal_fd;
    bool is_stopping; /* a signal came */
};

static void s_thread(zsock_t *pipe, void *args)
{
    struct child *child = args;
    zsock_signal(pipe, 0); /* lets zactor_new return: it waits without a deadline */
    log_set_actor(child->name);
    pthread_setname_np(pthread_self(), child->name);
    child->row->run(pipe, &child->context);
    zstr_send(pipe, ENDED);
}

/* What cannot be put right from here: a thread that does not end cannot be ended. */
static void s_give_up(const struct child *child, const char *why)
{
    log_error("%s: actor=%s, this process ends now", why, child->name);
    _exit(EXIT_ACTOR_FAILED);
}

static void s_on_report(struct child *child)
{
    zmsg_t *msg = zmsg_recv(child->zactor);
    int signal = msg ? zmsg_signal(msg) : -1;
    if (signal == 0 && child->state == CHILD_STARTING)
        child->state = CHILD_RUNNING;
    else if (signal > 0)
        child->state = CHILD_FAILED;
    else if (!msg || (zmsg_first(msg) && zframe_streq(zmsg_first(msg), ENDED)))
        child->state = CHILD_ENDED;
    zmsg_destroy(&msg);
}

static void s_on_signal(struct supervisor *self)
{
    struct signalfd_siginfo info;
    if (read(self->signal_fd, &info, sizeof info) != sizeof info)
        return;
    log_info("stopping: signal=%s", info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT");
    self->is_stopping = true;
}

/* Waits once, at most until until_ms (-1: as long as it takes), for signals and reports. */
static void s_wait(struct supervisor *self, int64_t until_ms)
{
    zmq_pollitem_t items[LIM_NODES_MAX + 1] = {{.fd = self->signal_fd, .events = ZMQ_POLLIN}};
    struct child *polled[LIM_NODES_MAX + 1];
    int count = 1;
    for (size_t i = 0; i < self->count; i++) {
        struct child *child = &self->children[i];
        if (child->state == CHILD_ENDED)
            continue;
        polled[count] = child;
        items[count++] = (zmq_pollitem_t){.socket = zsock_resolve(child->zactor), .events = ZMQ_POLLIN};
    }
    int64_t left_ms = until_ms - clock_now_ms();
    if (zmq_poll(items, count, until_ms < 0 ? -1 : left_ms < 0 ? 0 : left_ms) <= 0)
        return;
    if (items[0].revents & ZMQ_POLLIN)
        s_on_signal(self);
    for (int i = 1; i < count; i++)
        if (items[i].revents & ZMQ_POLLIN)
            s_on_report(polled[i]);
}

/* Those that are neither starting nor told to stop must run. */
static void s_check_running(const struct supervisor *self, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (self->children[i].state != CHILD_RUNNING)
            s_give_up(&self->children[i], "actor ended by itself");
}

static bool s_start(struct supervisor *self, const struct role_row *row, const struct role_context *context)
{
    struct child *child = &self->children[self->count];
    *child = (struct child){.row = row, .context = *context};
    address_print(context->address, child->name);
    child->zactor = zactor_new(s_thread, child);
    if (!child->zactor)
        return false;
    self->count++;
    int64_t until_ms = clock_now_ms() + row->start_ms;
    while (child->state == CHILD_STARTING && !self->is_stopping) {
        if (clock_now_ms() >= until_ms)
            s_give_up(child, "not ready in time");
        s_wait(self, until_ms);
        s_check_running(self, self->count - 1);
    }
    bool failed = child->state == CHILD_FAILED || child->state == CHILD_ENDED;
    if (failed)
        log_error("actor could not start: actor=%s", child->name);
    else if (child->state == CHILD_RUNNING)
        log_info("actor runs: actor=%s", child->name);
    return !failed;
}

static bool s_start_all(struct supervisor *self, const struct config *config, const struct topology *topology,
                        const struct role_row *roles, size_t role_count)
{
    for (size_t i = 0; i < role_count; i++) {
        const struct topology_node *node;
        for (size_t nth = 0; (node = topology_nth(topology, roles[i].role, nth)); nth++) {
            struct role_context context = {.config = config, .topology = topology, .address = node->address};
            if (self->is_stopping)
                return true;
            if (!s_start(self, &roles[i], &context))
                return false;
        }
    }
    return true;
}

static void s_stop_last(struct supervisor *self)
{
    struct child *child = &self->children[self->count - 1];
    int64_t until_ms = clock_now_ms() + child->row->stop_ms;
    zsock_set_sndtimeo(child->zactor, 0);
    zstr_send(child->zactor, "$TERM");
    while (child->state != CHILD_ENDED) {
        if (clock_now_ms() >= until_ms)
            s_give_up(child, "not stopped in time");
        s_wait(self, until_ms);
        s_check_running(self, self->count - 1);
    }
    zactor_destroy(&child->zactor); /* does not wait: its handler has returned */
    log_info("actor stopped: actor=%s", child->name);
    self->count--;
}

/* Before any thread: they inherit the mask, so that signals only come to signal_fd. */
static int s_take_signals(sigset_t *old_mask_out)
{
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGINT);
    pthread_sigmask(SIG_BLOCK, &mask, old_mask_out);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &mask, SFD_CLOEXEC);
}

static void s_init_czmq(void)
{
    zsys_handler_set(NULL); /* before zsys_init, which would take SIGINT and SIGTERM */
    zsys_init();
    zsys_set_logsystem(false);
    zsys_set_logstream(NULL);
}

/* Before anything listens. */
static bool s_start_guard(const struct config *config, const struct topology *topology)
{
    char path[4096];
    if (!topology->is_distributed)
        return true;
    config_keys_dir(config, path, sizeof path);
    return guard_start(path) == ERR_OK;
}

int supervisor_run(const struct config *config, const struct topology *topology, const struct role_row *roles,
                   size_t role_count)
{
    struct supervisor *self = calloc(1, sizeof *self);
    if (!self)
        return EXIT_ACTOR_FAILED;
    sigset_t old_mask;
    self->signal_fd = s_take_signals(&old_mask);
    s_init_czmq();
    bool started = self->signal_fd >= 0 && s_start_guard(config, topology) &&
                   s_start_all(self, config, topology, roles, role_count);
    if (started && !self->is_stopping) {
        log_info("ready: actors=%zu", self->count);
        notify_ready(self->count);
    }
    while (started && !self->is_stopping) {
        s_wait(self, -1);
        s_check_running(self, self->count);
    }
    notify_stopping();
    while (self->count > 0)
        s_stop_last(self);
    guard_stop();
    if (self->signal_fd >= 0)
        close(self->signal_fd);
    pthread_sigmask(SIG_SETMASK, &old_mask, NULL);
    free(self);
    return started ? 0 : EXIT_ACTOR_FAILED;
}
