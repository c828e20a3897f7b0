#include "actors/runtime/processes.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actors/runtime/clock.h"
#include "actors/runtime/log.h"
#include "actors/runtime/metrics.h"
#include "actors/runtime/notify.h"
#include "proto/limits.h"

enum { EXIT_GAVE_UP = 70, EXIT_CONFIG = 78, PORT_FIRST = 10000, PORT_LAST = 31000, PORT_TRIES = 200 };
enum { TURN_MS = 250, PAUSE_MS = 2000, WORDS_A_READ = 64 };

struct process {
    role_t role;
    uint16_t instance;
    size_t row;
    pid_t pid; /* 0: does not run */
    int fd;    /* what it says; -1: nothing */
    int64_t until_ms; /* it must be heard again before */
    bool is_ready;
    char name[ADDRESS_TEXT_MAX];
};

struct parent {
    const struct config *config;
    const struct process_row *rows;
    size_t row_count;
    int (*run)(const struct config *config, role_t role, uint16_t instance);
    struct process processes[LIM_NODES_MAX];
    size_t count;
    int64_t *ends_ms; /* of the last restarts_max ends, round and round */
    size_t ends;
    int signal_fd;
    int64_t turned_ms, fed_ms; /* the last turn; the last time the service manager's watchdog was fed */
    size_t told_ready;         /* of the last status */
    bool were_ready, is_stopping;
    int status;
};

/* ---- children ---------------------------------------------------------------------------------------------------- */

/* In the child: as if it had been started alone. A process group of its own: Ctrl-C is the parent's to pass on. */
static void s_become(const struct parent *self, const struct process *process, pid_t parent, int fd)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_GAVE_UP); /* it died before that */
    setpgid(0, 0);
    prctl(PR_SET_NAME, process->name);
    close(self->signal_fd);
    for (size_t i = 0; i < self->count; i++)
        if (self->processes[i].fd >= 0)
            close(self->processes[i].fd);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    unsetenv("NOTIFY_SOCKET"); /* the service manager knows the parent only */
    log_set_actor(process->name);
    metrics_use((size_t)(process - self->processes) + 1);
    notify_use_parent(fd);
    exit(self->run(self->config, process->role, process->instance));
}

static void s_spawn(struct parent *self, struct process *process)
{
    int fds[2] = {-1, -1};
    bool has_pipe = pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0;
    process->fd = fds[0];
    pid_t parent = getpid(), pid = has_pipe ? fork() : -1;
    if (pid == 0)
        s_become(self, process, parent, fds[1]);
    int error = errno;
    if (fds[1] >= 0)
        close(fds[1]);
    process->pid = pid > 0 ? pid : 0;
    process->until_ms = clock_now_ms() + self->rows[process->row].start_ms;
    process->is_ready = false;
    if (pid < 0) {
        log_error("cannot fork: why=%s", strerror(error));
        self->status = EXIT_GAVE_UP;
        self->is_stopping = true;
        return;
    }
    log_info("process runs: process=%s pid=%d", process->name, (int)pid);
}

static const char *s_print_end(int status, char *text, size_t size)
{
    if (WIFSIGNALED(status))
        snprintf(text, size, "signal %d", WTERMSIG(status));
    else
        snprintf(text, size, "exit code %d", WEXITSTATUS(status));
    return text;
}

/* Would one more end be too many? */
static bool s_too_many(struct parent *self, int64_t now_ms)
{
    size_t max = (size_t)self->config->restarts_max;
    int64_t *oldest = &self->ends_ms[self->ends % max];
    bool too_many = self->ends >= max && now_ms - *oldest < PROCESSES_WITHIN_MS;
    *oldest = now_ms;
    self->ends++;
    return too_many;
}

static void s_on_end(struct parent *self, struct process *process, int status)
{
    char text[32];
    process->pid = 0;
    process->is_ready = false;
    close(process->fd);
    process->fd = -1;
    if (self->is_stopping)
        return;
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_CONFIG) {
        log_error("process=%s refuses its settings: all stop", process->name);
        self->status = EXIT_CONFIG;
        self->is_stopping = true;
    } else if (s_too_many(self, clock_now_ms())) {
        log_error("giving up: process=%s ended (%s), and so did more than %" PRId64 " within %d s", process->name,
                  s_print_end(status, text, sizeof text), self->config->restarts_max, PROCESSES_WITHIN_MS / 1000);
        self->status = EXIT_GAVE_UP;
        self->is_stopping = true;
    } else {
        log_warn("process ended: process=%s why=%s, starting it again", process->name,
                 s_print_end(status, text, sizeof text));
        metric_add(METRIC_PROCESS_RESTARTS, 1);
        s_spawn(self, process);
    }
}

/* ---- waiting ----------------------------------------------------------------------------------------------------- */

static void s_reap(struct parent *self)
{
    for (size_t i = 0; i < self->count; i++) {
        int status;
        struct process *process = &self->processes[i];
        if (process->pid && waitpid(process->pid, &status, WNOHANG) == process->pid)
            s_on_end(self, process, status);
    }
}

/* Each word moves the time until when the next must come. */
static void s_hear(const struct parent *self, struct process *process, int64_t now_ms)
{
    char words[WORDS_A_READ];
    ssize_t len;
    while ((len = read(process->fd, words, sizeof words)) > 0) {
        for (ssize_t i = 0; i < len; i++) {
            bool stops = words[i] == NOTIFY_STOPS;
            if (words[i] == NOTIFY_IS_READY)
                log_info("process is ready: process=%s", process->name);
            process->is_ready = !stops && (process->is_ready || words[i] == NOTIFY_IS_READY);
            process->until_ms = now_ms + (stops ? self->rows[process->row].stop_ms : self->config->hang_s * 1000);
        }
    }
}

static void s_on_signal(struct parent *self)
{
    struct signalfd_siginfo info;
    if (read(self->signal_fd, &info, sizeof info) != sizeof info || info.ssi_signo == SIGCHLD || self->is_stopping)
        return;
    log_info("stopping: signal=%s", info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT");
    self->is_stopping = true;
}

/* At most until until_ms (-1: as long as it takes), for a signal or a child's word. */
static void s_wait(struct parent *self, int64_t until_ms)
{
    struct pollfd polled[LIM_NODES_MAX + 1] = {{.fd = self->signal_fd, .events = POLLIN}};
    for (size_t i = 0; i < self->count; i++)
        polled[i + 1] = (struct pollfd){.fd = self->processes[i].fd, .events = POLLIN};
    int64_t left_ms = until_ms - clock_now_ms();
    if (poll(polled, (nfds_t)self->count + 1, until_ms < 0 ? -1 : left_ms < 0 ? 0 : (int)left_ms) > 0) {
        if (polled[0].revents & POLLIN)
            s_on_signal(self);
        for (size_t i = 0; i < self->count; i++)
            if (polled[i + 1].revents & POLLIN)
                s_hear(self, &self->processes[i], clock_now_ms());
    }
    s_reap(self);
}

static size_t s_running(const struct parent *self, size_t row)
{
    size_t running = 0;
    for (size_t i = 0; i < self->count; i++)
        running += self->processes[i].row == row && self->processes[i].pid != 0;
    return running;
}

static void s_signal_row(const struct parent *self, size_t row, int signal)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->processes[i].row == row && self->processes[i].pid)
            kill(self->processes[i].pid, signal);
}

static void s_stop_row(struct parent *self, size_t row)
{
    int64_t until_ms = clock_now_ms() + self->rows[row].stop_ms;
    s_signal_row(self, row, SIGTERM);
    while (s_running(self, row) > 0 && clock_now_ms() < until_ms)
        s_wait(self, until_ms);
    if (s_running(self, row) > 0) {
        log_error("not stopped in time, killed: role=%s", role_name(self->rows[row].role));
        s_signal_row(self, row, SIGKILL);
        self->status = EXIT_GAVE_UP;
    }
    while (s_running(self, row) > 0)
        s_wait(self, -1);
}

/* ---- watching ---------------------------------------------------------------------------------------------------- */

/* A stopped or sleeping machine is nobody's hang: after a pause of our own they get that time as well. */
static void s_forgive_pause(struct parent *self, int64_t now_ms)
{
    int64_t pause_ms = now_ms - self->turned_ms;
    for (size_t i = 0; pause_ms > PAUSE_MS && i < self->count; i++)
        self->processes[i].until_ms += pause_ms;
    self->turned_ms = now_ms;
}

static void s_kill_hung(struct parent *self, int64_t now_ms)
{
    for (size_t i = 0; i < self->count; i++) {
        struct process *process = &self->processes[i];
        if (!process->pid || now_ms < process->until_ms)
            continue;
        log_error("process hangs, killed: process=%s pid=%d", process->name, (int)process->pid);
        metric_add(METRIC_PROCESS_HANGS, 1);
        kill(process->pid, SIGKILL);
        process->until_ms = INT64_MAX / 2; /* its end is what comes next */
    }
}

static void s_tell_manager(struct parent *self, int64_t now_ms)
{
    size_t ready = 0;
    for (size_t i = 0; i < self->count; i++)
        ready += self->processes[i].is_ready;
    if (ready == self->count && !self->were_ready) {
        self->were_ready = true;
        self->fed_ms = now_ms;
        log_info("ready: processes=%zu", ready);
        notify_send("READY=1");
    }
    if (ready != self->told_ready) {
        self->told_ready = ready;
        notify_status("processes ready: %zu of %zu, started again: %" PRId64, ready, self->count,
                      metric_value(METRIC_PROCESS_RESTARTS));
    }
    int64_t every_ms = notify_watchdog_every_ms();
    if (self->were_ready && every_ms > 0 && now_ms - self->fed_ms >= every_ms) {
        self->fed_ms = now_ms;
        notify_send("WATCHDOG=1");
    }
}

static void s_turn(struct parent *self)
{
    s_wait(self, clock_now_ms() + TURN_MS);
    int64_t now_ms = clock_now_ms();
    s_forgive_pause(self, now_ms);
    if (self->is_stopping)
        return;
    s_kill_hung(self, now_ms);
    s_tell_manager(self, now_ms);
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

static bool s_list(struct parent *self)
{
    for (size_t row = 0; row < self->row_count; row++) {
        for (int64_t i = 0; i < self->rows[row].count; i++) {
            if (self->count == LIM_NODES_MAX)
                return false;
            struct process *process = &self->processes[self->count++];
            *process = (struct process){.role = self->rows[row].role, .instance = (uint16_t)i, .row = row, .fd = -1};
            address_print(address_make(process->role, process->instance, 1), process->name);
        }
    }
    return true;
}

static int s_take_signals(sigset_t *old_mask_out)
{
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGCHLD);
    sigprocmask(SIG_BLOCK, &mask, old_mask_out);
    return signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
}

int processes_run(const struct config *config, const struct process_row *rows, size_t row_count,
                  int (*run)(const struct config *config, role_t role, uint16_t instance))
{
    sigset_t old_mask;
    struct parent *self = calloc(1, sizeof *self);
    if (!self)
        return EXIT_GAVE_UP;
    *self = (struct parent){.config = config, .rows = rows, .row_count = row_count, .run = run};
    self->ends_ms = calloc((size_t)config->restarts_max, sizeof *self->ends_ms);
    self->signal_fd = s_take_signals(&old_mask);
    bool ok = self->ends_ms && self->signal_fd >= 0 && s_list(self) && metrics_share(self->count + 1);
    if (!ok)
        log_error("cannot run as processes: no memory, or more than %d of them", LIM_NODES_MAX);
    for (size_t i = 0; ok && i < self->count && !self->is_stopping; i++)
        s_spawn(self, &self->processes[i]);
    self->turned_ms = clock_now_ms();
    while (ok && !self->is_stopping)
        s_turn(self);
    notify_stopping();
    for (size_t row = row_count; row-- > 0;)
        s_stop_row(self, row);
    int status = ok ? self->status : EXIT_GAVE_UP;
    if (self->signal_fd >= 0)
        close(self->signal_fd);
    sigprocmask(SIG_SETMASK, &old_mask, NULL);
    free(self->ends_ms);
    free(self);
    return status;
}

/* ---- ports ------------------------------------------------------------------------------------------------------- */

static bool s_is_free(const char *address, int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (port > 65535 || inet_pton(AF_INET, address, &at.sin_addr) != 1)
        return false;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_free = fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0;
    if (fd >= 0)
        close(fd);
    return is_free;
}

int processes_free_port(const char *address, int64_t count, int step)
{
    for (int i = 0; i < PORT_TRIES; i++) {
        uint32_t random = 0;
        if (getrandom(&random, sizeof random, 0) != sizeof random)
            return 0;
        int first = PORT_FIRST + (int)(random % (PORT_LAST - PORT_FIRST));
        bool all = true;
        for (int64_t k = 0; all && k < count; k++)
            all = s_is_free(address, first + (int)k * step);
        if (all)
            return first;
    }
    return 0;
}
