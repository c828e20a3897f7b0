#include "actors/runtime/processes.h"

#include <arpa/inet.h>
#include <errno.h>
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
#include "proto/limits.h"

enum { EXIT_GAVE_UP = 70, EXIT_CONFIG = 78, PORT_FIRST = 10000, PORT_LAST = 31000, PORT_TRIES = 200 };

struct process {
    role_t role;
    uint16_t instance;
    size_t row;
    pid_t pid; /* 0: does not run */
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
    bool is_stopping;
    int status;
};

/* ---- children ---------------------------------------------------------------------------------------------------- */

/* In the child: as if it had been started alone. A process group of its own: Ctrl-C is the parent's to pass on. */
static void s_become(const struct parent *self, const struct process *process, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_GAVE_UP); /* it died before that */
    setpgid(0, 0);
    prctl(PR_SET_NAME, process->name);
    close(self->signal_fd);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    unsetenv("NOTIFY_SOCKET"); /* the service manager knows the parent only */
    log_set_actor(process->name);
    metrics_use((size_t)(process - self->processes) + 1);
    exit(self->run(self->config, process->role, process->instance));
}

static void s_spawn(struct parent *self, struct process *process)
{
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        s_become(self, process, parent);
    process->pid = pid > 0 ? pid : 0;
    if (pid < 0) {
        log_error("cannot fork: why=%s", strerror(errno));
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

/* At most until until_ms (-1: as long as it takes), for a signal. */
static void s_wait(struct parent *self, int64_t until_ms)
{
    struct pollfd polled = {.fd = self->signal_fd, .events = POLLIN};
    int64_t left_ms = until_ms - clock_now_ms();
    if (poll(&polled, 1, until_ms < 0 ? -1 : left_ms < 0 ? 0 : (int)left_ms) > 0) {
        struct signalfd_siginfo info;
        if (read(self->signal_fd, &info, sizeof info) == sizeof info && info.ssi_signo != SIGCHLD &&
            !self->is_stopping) {
            log_info("stopping: signal=%s", info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT");
            self->is_stopping = true;
        }
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

/* ---- life -------------------------------------------------------------------------------------------------------- */

static bool s_list(struct parent *self)
{
    for (size_t row = 0; row < self->row_count; row++) {
        for (int64_t i = 0; i < self->rows[row].count; i++) {
            if (self->count == LIM_NODES_MAX)
                return false;
            struct process *process = &self->processes[self->count++];
            *process = (struct process){.role = self->rows[row].role, .instance = (uint16_t)i, .row = row};
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
    while (ok && !self->is_stopping)
        s_wait(self, -1);
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
