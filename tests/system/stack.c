#include "tests/system/stack.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/free_port.h"
#include "tests/system/fault_proxy.h"

static const char *const s_nodes[STACK_NODES] = {"persist-0", "persist-1", "accounts-0", "accounts-1",
                                                 "room-0",    "room-1",    "edge-0",     "edge-1"};
static const char *const s_topologies[] = {"threads", "processes", "hosts"};

const char *stack_node_name(size_t index)
{
    return s_nodes[index];
}

const char *stack_topology_name(const struct stack *self)
{
    return s_topologies[self->topology];
}

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

static void s_set_number(const char *name, int value)
{
    char text[16];
    snprintf(text, sizeof text, "%d", value);
    setenv(name, text, 1);
}

static void s_set_environment(const struct stack *self, const char *const *env)
{
    char text[512];
    s_set_number("PORT", self->port);
    s_set_number("ROOKERY_ADMIN_PORT", self->admin_port);
    snprintf(text, sizeof text, "%s/var", self->dir);
    setenv("ROOKERY_VAR", text, 1);
    s_set_number("ROOKERY_ROOMS", 2);
    s_set_number("ROOKERY_EDGES", STACK_EDGES);
    s_set_number("ROOKERY_PROCESSES", self->topology == TOPOLOGY_PROCESSES);
    setenv("ROOKERY_PERSIST_PORT", "0", 1); /* of processes: several stacks may run at once */
    setenv("ROOKERY_ROOM_PORT", "0", 1);
    setenv("ROOKERY_ACCOUNTS_PORT", "0", 1);
    snprintf(text, sizeof text, "%s/web/dist", s_source_dir());
    setenv("ROOKERY_WEB_ROOT", text, 0);
    unsetenv("DATABASE_URL");
    unsetenv("JWT_SECRET");
    for (; env && *env; env++)
        putenv(strdup(*env));
}

static void s_exec_runner(const struct stack *self, const char *const *env)
{
    char path[512];
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    setsid();
    s_set_environment(self, env);
    snprintf(path, sizeof path, "%s/dev.log", self->dir);
    int log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    const char *build = getenv("ROOKERY_BUILD_DIR");
    if (self->topology == TOPOLOGY_HOSTS)
        snprintf(path, sizeof path, "%s/tests/system/hosts", build ? build : "build/release");
    else
        snprintf(path, sizeof path, "%s/dev", s_source_dir());
    execl(path, path, "run", (char *)NULL);
    _exit(127);
}

static bool s_choose_topology(struct stack *self)
{
    const char *name = getenv("ROOKERY_TOPOLOGY");
    for (size_t i = 0; i < sizeof s_topologies / sizeof s_topologies[0]; i++) {
        if (strcmp(name ? name : "threads", s_topologies[i]) != 0)
            continue;
        self->topology = (stack_topology_t)i;
        return true;
    }
    fprintf(stderr, "ROOKERY_TOPOLOGY=%s: threads, processes or hosts\n", name);
    return false;
}

/* Hosts: where each node is found, and what the network is told. */
static bool s_read_ports(struct stack *self)
{
    char path[512], node[32], what[16];
    int port;
    snprintf(path, sizeof path, "%s/var/run/ports", self->dir);
    FILE *file = fopen(path, "r");
    while (file && fscanf(file, "%31s %15s %d", node, what, &port) == 3) {
        for (size_t i = 0; i < STACK_NODES; i++) {
            if (strcmp(node, s_nodes[i]) != 0)
                continue;
            if (strcmp(what, "http") == 0)
                self->edge_ports[i % STACK_EDGES] = port;
            else
                self->admin_ports[i] = port;
        }
    }
    if (file)
        fclose(file);
    snprintf(path, sizeof path, "%s/var/run/faults", self->dir);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    void *plan = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *self->faults, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    self->faults = plan == MAP_FAILED ? NULL : plan;
    return self->faults && self->edge_ports[STACK_EDGES - 1] && self->admin_ports[STACK_NODES - 1];
}

/* Until the port answers at all: its file is then there, too. */
static bool s_await_ports(struct stack *self, int timeout_ms)
{
    long until_ms = s_now_ms() + timeout_ms;
    while (self->topology == TOPOLOGY_HOSTS && !s_read_ports(self)) {
        if (s_now_ms() > until_ms || waitpid(self->runner, NULL, WNOHANG) == self->runner)
            return false;
        s_wait_ms(20);
    }
    return true;
}

bool stack_start(struct stack *self, const char *const *env, int timeout_ms)
{
    *self = (struct stack){.port = free_port()};
    if (!s_choose_topology(self))
        return false;
    do
        self->admin_port = free_port();
    while (self->admin_port == self->port);
    const char *base = access("/dev/shm", W_OK) == 0 && getenv("ROOKERY_TEST_IN_MEMORY") ? "/dev/shm" : "/tmp";
    snprintf(self->dir, sizeof self->dir, "%s/rookery-stack-XXXXXX", base);
    if (!mkdtemp(self->dir))
        return false;
    self->runner = fork();
    if (self->runner == 0)
        s_exec_runner(self, env);
    if (self->runner < 0 || !s_await_ports(self, timeout_ms) || !stack_await_ready(self, timeout_ms)) {
        s_show_log(self);
        return false;
    }
    return true;
}

void stack_stop(struct stack *self)
{
    if (self->faults)
        munmap(self->faults, sizeof *self->faults);
    self->faults = NULL;
    if (self->runner <= 0)
        return;
    kill(self->runner, SIGTERM);
    waitpid(self->runner, NULL, 0);
    self->runner = 0;
}

void stack_remove(struct stack *self)
{
    char command[512];
    snprintf(command, sizeof command, "rm -rf '%s'", self->dir);
    if (strstr(self->dir, "/rookery-stack-") && system(command) != 0)
        fprintf(stderr, "could not remove %s\n", self->dir);
}

int stack_edge_port(const struct stack *self, size_t edge)
{
    return self->topology == TOPOLOGY_HOSTS ? self->edge_ports[edge] : self->port;
}

/* The inode of the server's end of a connection from our local port to its port; 0: none. */
static unsigned long s_inode(int server_port, int our_port)
{
    char line[512];
    unsigned local, remote, state;
    unsigned long inode, found = 0;
    FILE *file = fopen("/proc/net/tcp", "r");
    while (file && !found && fgets(line, sizeof line, file))
        if (sscanf(line, "%*d: %*x:%x %*x:%x %x %*s %*s %*s %*d %*d %lu", &local, &remote, &state, &inode) == 4 &&
            (int)local == server_port && (int)remote == our_port)
            found = inode;
    if (file)
        fclose(file);
    return found;
}

static bool s_has_socket(pid_t pid, unsigned long inode)
{
    char path[64], target[64], wanted[64];
    bool found = false;
    snprintf(wanted, sizeof wanted, "socket:[%lu]", inode);
    for (int fd = 0; pid > 0 && fd < 256 && !found; fd++) {
        snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)pid, fd);
        ssize_t len = readlink(path, target, sizeof target - 1);
        target[len > 0 ? len : 0] = '\0';
        found = strcmp(target, wanted) == 0;
    }
    return found;
}

size_t stack_edge_of(const struct stack *self, int port, int fd)
{
    struct sockaddr_in at;
    socklen_t len = sizeof at;
    if (self->topology == TOPOLOGY_HOSTS)
        return port == self->edge_ports[1];
    if (self->topology == TOPOLOGY_THREADS || getsockname(fd, (struct sockaddr *)&at, &len) != 0)
        return 0;
    unsigned long inode = s_inode(port, ntohs(at.sin_port));
    return inode && s_has_socket(stack_node_pid(self, "edge-1"), inode);
}

static bool s_is_ready(const struct stack *self, size_t edge)
{
    struct http_response r;
    bool ready = http_call(stack_edge_port(self, edge), "GET", "/readyz", "", NULL, 1000, &r) && r.status == 200;
    http_response_fini(&r);
    return ready;
}

bool stack_await_ready(const struct stack *self, int timeout_ms)
{
    long until_ms = s_now_ms() + timeout_ms;
    while (s_now_ms() < until_ms) {
        if (s_is_ready(self, 0) && s_is_ready(self, 1))
            return true;
        if (waitpid(self->runner, NULL, WNOHANG) == self->runner)
            return false;
        s_wait_ms(20);
    }
    return false;
}

bool stack_await_token(const struct stack *self, const char *token, int timeout_ms)
{
    char headers[8192];
    long until_ms = s_now_ms() + timeout_ms;
    snprintf(headers, sizeof headers, "Authorization: Bearer %s\r\n", token);
    for (size_t edge = 0; edge < STACK_EDGES && s_now_ms() < until_ms;) {
        struct http_response r;
        bool taken = http_call(stack_edge_port(self, edge), "GET", "/api/v1/me", headers, NULL, 5000, &r) && r.status == 200;
        http_response_fini(&r);
        if (taken)
            edge++;
        else
            s_wait_ms(100);
    }
    return s_now_ms() < until_ms;
}

/* ---- processes ---- */

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

/* In processes persist and accounts are one each. */
static bool s_is_first(const char *node)
{
    return strncmp(node, "persist", 7) == 0 || strncmp(node, "accounts", 8) == 0;
}

pid_t stack_node_pid(const struct stack *self, const char *node)
{
    char file[64];
    if (self->topology == TOPOLOGY_THREADS)
        return stack_server_pid(self);
    snprintf(file, sizeof file, "run/%s.pid", node);
    if (self->topology == TOPOLOGY_PROCESSES && s_is_first(node))
        memcpy(strrchr(file, '-'), "-0.pid", sizeof "-0.pid");
    return s_pid_in(self, file);
}

bool stack_kill(pid_t pid)
{
    return pid > 1 && kill(pid, SIGKILL) == 0;
}

bool stack_kill_server(const struct stack *self)
{
    bool killed = false;
    if (self->topology != TOPOLOGY_HOSTS)
        return stack_kill(stack_server_pid(self));
    for (size_t i = 0; i < STACK_NODES; i += 2)
        killed = stack_kill(stack_node_pid(self, s_nodes[i])) || killed;
    return killed;
}

void stack_hold(const struct stack *self, const char *node, bool hold)
{
    char path[512];
    snprintf(path, sizeof path, "%s/var/run/%s.hold", self->dir, node);
    if (!hold)
        unlink(path);
    else
        close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

void stack_set_faults(const struct stack *self, unsigned drop_per_10000, unsigned delay_ms_max)
{
    if (!self->faults)
        return;
    atomic_store(&self->faults->drop_per_10000, drop_per_10000);
    atomic_store(&self->faults->delay_ms_max, delay_ms_max);
}

bool stack_had_faults(const struct stack *self)
{
    if (!self->faults)
        return true;
    unsigned long frames = atomic_load(&self->faults->frames), dropped = atomic_load(&self->faults->dropped),
                  delayed = atomic_load(&self->faults->delayed);
    printf("network: %lu frames between nodes, %lu dropped, %lu delayed\n", frames, dropped, delayed);
    return dropped > 0 && delayed > 0;
}

/* ---- metrics ---- */

static long s_metric_at(int port, const char *name)
{
    struct http_response r;
    if (!http_call(port, "GET", "/metrics", "", NULL, 500, &r))
        return -1;
    char want[128];
    snprintf(want, sizeof want, "\n%s ", name);
    const char *at = strstr(r.body, want);
    long value = at ? strtol(at + strlen(want), NULL, 10) : -1;
    http_response_fini(&r);
    return value;
}

long stack_metric_of(const struct stack *self, const char *node, const char *name)
{
    size_t i = 0;
    while (i < STACK_NODES && strcmp(s_nodes[i], node) != 0)
        i++;
    if (i == STACK_NODES)
        return -1;
    return s_metric_at(self->topology == TOPOLOGY_HOSTS ? self->admin_ports[i] : self->admin_port, name);
}

long stack_metric(const struct stack *self, const char *name)
{
    long sum = -1;
    if (self->topology != TOPOLOGY_HOSTS)
        return s_metric_at(self->admin_port, name);
    for (size_t i = 0; i < STACK_NODES; i++) {
        long value = s_metric_at(self->admin_ports[i], name);
        if (value >= 0)
            sum = sum < 0 ? value : sum + value;
    }
    return sum;
}

/* ---- database ---- */

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
