#include "bench/server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/http_client.h"

enum { READY_MS = 20000, STOP_MS = 15000, STEP_MS = 20 };

/* All sockets come from one address here, and each posts as fast as a whole room. */
static const struct {
    const char *name, *value;
} OPTIONS[] = {
    {"ROOKERY_CONNECTIONS_MAX", "19500"},
    {"ROOKERY_CONNECTIONS_PER_ADDRESS", "19500"},
    {"ROOKERY_FRAMES_PER_S", "1000000"},
    {"ROOKERY_FRAMES_BURST", "1000000"},
    {"ROOKERY_REQUESTS_PER_S", "1000000"},
    {"ROOKERY_REQUESTS_BURST", "1000000"},
    {"ROOKERY_LOG_LEVEL", "1"},
    {"ROOKERY_ADMIN_PORT", "0"},
    {"ROOKERY_BIND", "127.0.0.1"},
};

/* Ended by a signal we take the server with us, at once: its data folder goes too. */
static volatile sig_atomic_t s_running;

static void s_on_end(int signal_number)
{
    if (s_running > 0) {
        kill((pid_t)s_running, SIGKILL);
        waitpid((pid_t)s_running, NULL, 0);
    }
    _exit(128 + signal_number);
}

const char *server_option(size_t i, const char **value_out)
{
    if (i >= sizeof OPTIONS / sizeof OPTIONS[0])
        return NULL;
    const char *set = getenv(OPTIONS[i].name); /* whoever sets one means it */
    *value_out = set ? set : OPTIONS[i].value;
    return OPTIONS[i].name;
}

static void s_wait_ms(int ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000L}, NULL);
}

static int s_free_port(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof at;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int port = 0;
    if (fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 &&
        getsockname(fd, (struct sockaddr *)&at, &len) == 0)
        port = ntohs(at.sin_port);
    if (fd >= 0)
        close(fd);
    return port;
}

static void s_exec(const struct server *self, const char *program, const char *log_path)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    char port[16];
    const char *name, *value;
    snprintf(port, sizeof port, "%d", self->port);
    setenv("PORT", port, 1);
    for (size_t i = 0; (name = server_option(i, &value)) != NULL; i++)
        setenv(name, value, 1);
    int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    execl(program, program, "serve", (char *)NULL);
    _exit(127);
}

static bool s_await_ready(struct server *self)
{
    for (int waited_ms = 0; waited_ms < READY_MS; waited_ms += STEP_MS) {
        struct http_response r;
        bool ready = http_call(self->port, "GET", "/readyz", "", NULL, 1000, &r) && r.status == 200;
        http_response_fini(&r);
        if (ready)
            return true;
        if (waitpid(self->pid, NULL, WNOHANG) == self->pid) {
            self->pid = s_running = 0;
            return false;
        }
        s_wait_ms(STEP_MS);
    }
    return false;
}

bool server_start(struct server *self, const char *program, const char *log_path)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files); /* ours, and inherited by the server */
    }
    *self = (struct server){.port = s_free_port()};
    self->pid = self->port ? fork() : -1;
    if (self->pid == 0)
        s_exec(self, program, log_path);
    s_running = self->pid;
    signal(SIGINT, s_on_end);
    signal(SIGTERM, s_on_end);
    if (self->pid > 0 && s_await_ready(self))
        return true;
    fprintf(stderr, "bench: the server did not get ready; its log is %s\n", log_path);
    server_stop(self);
    return false;
}

void server_stop(struct server *self)
{
    if (self->pid <= 0)
        return;
    kill(self->pid, SIGTERM);
    for (int waited_ms = 0; waited_ms < STOP_MS; waited_ms += STEP_MS) {
        if (waitpid(self->pid, NULL, WNOHANG) == self->pid) {
            self->pid = s_running = 0;
            return;
        }
        s_wait_ms(STEP_MS);
    }
    fprintf(stderr, "bench: the server did not stop within %d ms; killing it\n", STOP_MS);
    kill(self->pid, SIGKILL);
    waitpid(self->pid, NULL, 0);
    self->pid = s_running = 0;
}
