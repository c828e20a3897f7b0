#include "tests/system/stack.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long s_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000L + t.tv_nsec / 1000000L;
}

static void s_wait_ms(int ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000L}, NULL);
}

int free_port(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof at;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || getsockname(fd, (struct sockaddr *)&at, &len) != 0)
        abort();
    close(fd);
    return ntohs(at.sin_port);
}

static const char *s_source_dir(void)
{
    const char *dir = getenv("ROOKERY_SOURCE_DIR");
    return dir ? dir : ".";
}

static void s_show_log(const struct stack *self)
{
    char command[1024];
    snprintf(command, sizeof command, "tail -n 40 %s/dev.log %s/var/log/rookery.log >&2", self->dir, self->dir);
    if (system(command) != 0)
        fprintf(stderr, "no log in %s\n", self->dir);
}

static void s_exec_dev(const struct stack *self, const char *const *env)
{
    char text[512], path[512];
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    setsid();
    snprintf(text, sizeof text, "%d", self->port);
    setenv("PORT", text, 1);
    snprintf(text, sizeof text, "%d", self->admin_port);
    setenv("ROOKERY_ADMIN_PORT", text, 1);
    snprintf(text, sizeof text, "%s/var", self->dir);
    setenv("ROOKERY_VAR", text, 1);
    setenv("ROOKERY_PERSIST_PORT", "0", 1); /* of ROOKERY_PROCESSES=1: several stacks may run at once */
    setenv("ROOKERY_ROOM_PORT", "0", 1);
    setenv("ROOKERY_ACCOUNTS_PORT", "0", 1);
    unsetenv("DATABASE_URL");
    unsetenv("JWT_SECRET");
    for (; env && *env; env++)
        putenv(strdup(*env));
    snprintf(path, sizeof path, "%s/dev.log", self->dir);
    int log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    snprintf(path, sizeof path, "%s/dev", s_source_dir());
    execl(path, path, "run", (char *)NULL);
    _exit(127);
}

/* /readyz does not wait for accounts: the first sign-in may be told "later" while its process comes up. */
static bool s_await_accounts(const struct stack *self, int timeout_ms)
{
    long until_ms = s_now_ms() + timeout_ms;
    int status = 0;
    while (status != 401 && s_now_ms() < until_ms) {
        struct http_response r;
        if (http_call(self->port, "POST", "/api/v1/auth/login", "", "{\"name\":\"nobody\",\"password\":\"no password\"}",
                      5000, &r))
            status = r.status;
        http_response_fini(&r);
        if (status != 401)
            s_wait_ms(100);
    }
    return status == 401;
}

bool stack_start(struct stack *self, const char *const *env, int timeout_ms)
{
    *self = (struct stack){.port = free_port()};
    do
        self->admin_port = free_port();
    while (self->admin_port == self->port);
    const char *base = access("/dev/shm", W_OK) == 0 && getenv("ROOKERY_TEST_IN_MEMORY") ? "/dev/shm" : "/tmp";
    snprintf(self->dir, sizeof self->dir, "%s/rookery-stack-XXXXXX", base);
    if (!mkdtemp(self->dir))
        return false;
    self->dev = fork();
    if (self->dev == 0)
        s_exec_dev(self, env);
    if (self->dev < 0 || !stack_await_ready(self, timeout_ms) || !s_await_accounts(self, timeout_ms)) {
        s_show_log(self);
        return false;
    }
    return true;
}

void stack_stop(struct stack *self)
{
    if (self->dev <= 0)
        return;
    kill(self->dev, SIGTERM);
    waitpid(self->dev, NULL, 0);
    self->dev = 0;
}

void stack_remove(struct stack *self)
{
    char command[512];
    snprintf(command, sizeof command, "rm -rf '%s'", self->dir);
    if (strstr(self->dir, "/rookery-stack-") && system(command) != 0)
        fprintf(stderr, "could not remove %s\n", self->dir);
}

bool stack_await_ready(const struct stack *self, int timeout_ms)
{
    long until_ms = s_now_ms() + timeout_ms;
    while (s_now_ms() < until_ms) {
        struct http_response r;
        bool ready = http_call(self->port, "GET", "/readyz", "", NULL, 1000, &r) && r.status == 200;
        http_response_fini(&r);
        if (ready)
            return true;
        if (waitpid(self->dev, NULL, WNOHANG) == self->dev)
            return false;
        s_wait_ms(20);
    }
    return false;
}

static pid_t s_pid_in(const struct stack *self, const char *file)
{
    char path[512];
    snprintf(path, sizeof path, "%s/var/%s", self->dir, file);
    FILE *f = fopen(path, "r");
    int pid = 0;
    if (f) {
        if (fscanf(f, "%d", &pid) != 1)
            pid = 0;
        fclose(f);
    }
    return pid > 1 && kill(pid, 0) == 0 ? pid : 0;
}

pid_t stack_server_pid(const struct stack *self)
{
    return s_pid_in(self, "run/server.pid");
}

pid_t stack_mariadb_pid(const struct stack *self)
{
    return s_pid_in(self, "mysql/mysqld.pid");
}

pid_t stack_node_pid(const struct stack *self, const char *node)
{
    char file[64];
    snprintf(file, sizeof file, "run/%s.pid", node);
    return s_pid_in(self, file);
}

bool stack_kill(pid_t pid)
{
    return pid > 1 && kill(pid, SIGKILL) == 0;
}

long stack_metric(const struct stack *self, const char *name)
{
    struct http_response r;
    if (!http_call(self->admin_port, "GET", "/metrics", "", NULL, 500, &r))
        return -1;
    char want[128];
    snprintf(want, sizeof want, "\n%s ", name);
    const char *at = strstr(r.body, want);
    long value = at ? strtol(at + strlen(want), NULL, 10) : -1;
    http_response_fini(&r);
    return value;
}

bool stack_sql(const struct stack *self, const char *sql, const char *out_path)
{
    pid_t pid = fork();
    if (pid == 0) {
        char socket_arg[512];
        snprintf(socket_arg, sizeof socket_arg, "--socket=%s/var/mysql/mysqld.sock", self->dir);
        int out = open(out_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        dup2(out, STDOUT_FILENO);
        execlp("mariadb", "mariadb", "--no-defaults", socket_arg, "--batch", "--skip-column-names", "--quick", "-e", sql,
               "rookery", (char *)NULL);
        _exit(127);
    }
    int status = 1;
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}
