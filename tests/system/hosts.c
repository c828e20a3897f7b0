/* hosts — a Rookery on two hosts, as an operator would set it up, for the topology "hosts" of the system tests.
 *
 * Two network namespaces stand for the hosts a and b; each runs one node of each role. A third, the network between
 * them, has the fault proxy and the addresses under which nodes find each other: nothing goes from node to node but
 * through it. From outside the edges are reached at 127.0.0.1:PORT in turn, as behind a balancer.
 *
 * It is used like `./dev run`: PORT, ROOKERY_VAR and further settings by environment; SIGTERM stops all in order. What
 * ends is started again at once, unless ROOKERY_VAR/run/NODE.hold is there. With DATABASE_URL that database is used as
 * it is, else MariaDB is started and the schema made. ROOKERY_VAR has: run/ports (lines of NODE, what, port of
 * 127.0.0.1), run/faults (a struct fault_plan, shared), run/NODE.pid, log/rookery.log. As a plain user it works in a
 * user namespace of its own. ROOKERY_FAULT_SEED: another order of faults. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/system/fault_proxy.h"

enum { HOSTS = 2, ROLES = 4, NODES = HOSTS * ROLES, PATH_BYTES_MAX = 600, HTTP_PORT = 8080, ADMIN_PORT = 9464,
       EXIT_CONFIG = 78, DATABASE_START_MS = 60000, STOP_MS = 12000, RESTART_MS = 50 };
enum { DROP_PER_10000 = 100, DELAY_MS_MAX = 20 };

/* In the order of their start. */
static const struct {
    const char *name;
    int port; /* of instance 0; the next is 10 higher */
} s_roles[ROLES] = {{"persist", 7401}, {"accounts", 7403}, {"room", 7402}, {"edge", 0}};

struct node {
    char name[32];
    size_t role, host;
    pid_t pid;
    long start_ms; /* not before */
};

struct hosts {
    char var[PATH_BYTES_MAX - 100], url[1024];
    const char *server;
    int namespaces[HOSTS], log;
    pid_t database, proxy;
    bool own_database;
    struct node nodes[NODES];
    struct fault_port ports[FAULT_PORTS_MAX];
    size_t port_count;
    struct fault_plan *plan;
};

static volatile sig_atomic_t s_stopping;

static void s_on_signal(int signal)
{
    (void)signal;
    s_stopping = 1;
}

__attribute__((format(printf, 1, 2), noreturn)) static void s_die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("hosts: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
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

static const char *s_path(const struct hosts *self, const char *format, ...)
{
    static char path[4][PATH_BYTES_MAX];
    static unsigned next;
    char *out = path[next++ % 4];
    int len = snprintf(out, PATH_BYTES_MAX, "%s/", self->var);
    va_list args;
    va_start(args, format);
    vsnprintf(out + len, PATH_BYTES_MAX - (size_t)len, format, args);
    va_end(args);
    return out;
}

static const char *s_source_dir(void)
{
    const char *dir = getenv("ROOKERY_SOURCE_DIR");
    return dir ? dir : ".";
}

/* Where the host itself and the proxy find a host, and where its nodes are found by others: at the proxy. */
static const char *s_address(size_t host, bool for_nodes)
{
    static const char *const own[HOSTS] = {"10.77.1.2", "10.77.2.2"}, *const outside[HOSTS] = {"10.77.0.1", "10.77.0.2"};
    return for_nodes ? outside[host] : own[host];
}

static int s_node_port(const struct node *node)
{
    return s_roles[node->role].port + 10 * (int)node->host;
}

/* ---- processes --------------------------------------------------------------------------------------------------- */

/* A child that ends with us. */
static pid_t s_fork(int death_signal)
{
    pid_t parent = getpid(), pid = fork();
    if (pid < 0)
        s_die("cannot fork: %s", strerror(errno));
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, death_signal);
    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    if (getppid() != parent)
        _exit(1);
    return 0;
}

static int s_await(pid_t pid)
{
    int status = -1;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Runs one command of ip(8), in a namespace of ours; ns -1: here. */
static void s_ip(int ns, const char *command)
{
    char line[256];
    snprintf(line, sizeof line, "exec ip %s", command);
    pid_t pid = s_fork(SIGKILL);
    if (pid == 0) {
        if (ns >= 0 && setns(ns, CLONE_NEWNET) != 0)
            _exit(126);
        setenv("PATH", "/usr/sbin:/sbin:/usr/bin:/bin", 1);
        execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        _exit(127);
    }
    int status = s_await(pid);
    if (status != 0)
        s_die("`ip %s` failed (%d); it comes with the package iproute2", command, status);
}

/* ---- network ----------------------------------------------------------------------------------------------------- */

static int s_listen(const char *address, int port, int *port_out)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t len = sizeof at;
    inet_pton(AF_INET, address, &at.sin_addr);
    if (fd < 0)
        s_die("no socket: %s", strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 1024) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0)
        s_die("cannot listen at %s:%d: %s", address, port, strerror(errno));
    if (port_out)
        *port_out = ntohs(at.sin_port);
    return fd;
}

static struct fault_port *s_add_port(struct hosts *self, int listener, bool is_link, size_t host, int port)
{
    struct fault_port *out = &self->ports[self->port_count++];
    *out = (struct fault_port){.listener = listener, .is_link = is_link, .target_count = 1};
    snprintf(out->targets[0].address, sizeof out->targets[0].address, "%s", s_address(host, false));
    out->targets[0].port = port;
    return out;
}

/* What can be reached from outside, listened for before we leave the test's own network. */
static void s_open_outside(struct hosts *self, int port)
{
    FILE *file = fopen(s_path(self, "run/ports"), "we");
    int chosen;
    if (!file)
        s_die("cannot write %s", s_path(self, "run/ports"));
    struct fault_port *front = s_add_port(self, s_listen("127.0.0.1", port, NULL), false, 0, HTTP_PORT);
    front->target_count = HOSTS;
    snprintf(front->targets[1].address, sizeof front->targets[1].address, "%s", s_address(1, false));
    front->targets[1].port = HTTP_PORT;
    for (size_t i = 0; i < NODES; i++) {
        const struct node *node = &self->nodes[i];
        s_add_port(self, s_listen("127.0.0.1", 0, &chosen), false, node->host, ADMIN_PORT + (int)node->role);
        fprintf(file, "%s admin %d\n", node->name, chosen);
        if (s_roles[node->role].port)
            continue;
        s_add_port(self, s_listen("127.0.0.1", 0, &chosen), false, node->host, HTTP_PORT);
        fprintf(file, "%s http %d\n", node->name, chosen);
    }
    fclose(file);
}

static void s_write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        s_die("cannot write %s: %s", path, strerror(errno));
    close(fd);
}

/* A namespace for the network between the hosts, which we are in from now on. */
static void s_enter_network(void)
{
    char map[64];
    unsigned uid = geteuid(), gid = getegid();
    if (unshare(CLONE_NEWNET) == 0)
        return;
    if (errno != EPERM || unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
        s_die("cannot make a network namespace: %s. The topology \"hosts\" needs root, or user namespaces for all "
              "(sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces > 0)", strerror(errno));
    s_write_file("/proc/self/setgroups", "deny");
    snprintf(map, sizeof map, "0 %u 1", uid);
    s_write_file("/proc/self/uid_map", map);
    snprintf(map, sizeof map, "0 %u 1", gid);
    s_write_file("/proc/self/gid_map", map);
}

/* Another one, held by its descriptor. */
static int s_make_namespace(void)
{
    char path[64], byte;
    int ready[2];
    if (pipe2(ready, O_CLOEXEC) != 0)
        s_die("no pipe: %s", strerror(errno));
    pid_t pid = s_fork(SIGKILL);
    if (pid == 0) {
        if (unshare(CLONE_NEWNET) == 0 && write(ready[1], "", 1) == 1)
            pause();
        _exit(1);
    }
    close(ready[1]);
    if (read(ready[0], &byte, 1) != 1)
        s_die("cannot make a network namespace for a host");
    close(ready[0]);
    snprintf(path, sizeof path, "/proc/%d/ns/net", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        s_die("cannot open %s: %s", path, strerror(errno));
    kill(pid, SIGKILL);
    s_await(pid);
    return fd;
}

static void s_make_network(struct hosts *self)
{
    char line[256];
    s_enter_network();
    s_ip(-1, "link set lo up");
    for (size_t i = 0; i < HOSTS; i++) {
        int number = (int)i + 1, ns = self->namespaces[i] = s_make_namespace();
        snprintf(line, sizeof line, "link add host%d type veth peer name net0 netns /proc/%d/fd/%d", number,
                 (int)getpid(), ns);
        s_ip(-1, line);
        snprintf(line, sizeof line, "address add 10.77.%d.1/24 dev host%d", number, number);
        s_ip(-1, line);
        snprintf(line, sizeof line, "link set host%d up", number);
        s_ip(-1, line);
        snprintf(line, sizeof line, "address add 10.77.0.%d/32 dev lo", number);
        s_ip(-1, line);
        s_ip(ns, "link set lo up");
        snprintf(line, sizeof line, "address add 10.77.%d.2/24 dev net0", number);
        s_ip(ns, line);
        s_ip(ns, "link set net0 up");
        snprintf(line, sizeof line, "route add default via 10.77.%d.1", number);
        s_ip(ns, line);
    }
}

static void s_start_proxy(struct hosts *self)
{
    const char *seed = getenv("ROOKERY_FAULT_SEED");
    for (size_t i = 0; i < NODES; i++) {
        const struct node *node = &self->nodes[i];
        if (s_roles[node->role].port)
            s_add_port(self, s_listen(s_address(node->host, true), s_node_port(node), NULL), true, node->host,
                       s_node_port(node));
    }
    self->proxy = s_fork(SIGKILL);
    if (self->proxy == 0)
        fault_proxy_run(self->ports, self->port_count, seed ? strtoull(seed, NULL, 10) : 1, self->plan);
    for (size_t i = 0; i < self->port_count; i++)
        close(self->ports[i].listener);
}

static void s_open_plan(struct hosts *self)
{
    int fd = open(s_path(self, "run/faults"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, sizeof *self->plan) != 0)
        s_die("cannot make %s", s_path(self, "run/faults"));
    self->plan = mmap(NULL, sizeof *self->plan, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (self->plan == MAP_FAILED)
        s_die("no memory");
    close(fd);
    self->plan->drop_per_10000 = DROP_PER_10000;
    self->plan->delay_ms_max = DELAY_MS_MAX;
}

/* ---- database ---------------------------------------------------------------------------------------------------- */

static pid_t s_spawn_database(const struct hosts *self)
{
    pid_t pid = s_fork(SIGTERM);
    if (pid != 0)
        return pid;
    dup2(self->log, STDOUT_FILENO);
    dup2(self->log, STDERR_FILENO);
    char dev[PATH_BYTES_MAX];
    snprintf(dev, sizeof dev, "%s/dev", s_source_dir());
    execl(dev, dev, "mysql-exec", s_path(self, "mysql"), (char *)NULL);
    _exit(127);
}

/* A process that keeps MariaDB up, outside the user namespace there may be: the database knows us by our name. */
static void s_keep_database(const struct hosts *self)
{
    signal(SIGTERM, s_on_signal);
    signal(SIGINT, s_on_signal);
    while (!s_stopping) {
        pid_t pid = s_spawn_database(self);
        while (!s_stopping && waitpid(pid, NULL, WNOHANG) != pid)
            s_wait_ms(10);
        if (s_stopping && kill(pid, SIGTERM) == 0)
            s_await(pid);
    }
    _exit(0);
}

static bool s_sql(const struct hosts *self, const char *sql)
{
    pid_t pid = s_fork(SIGKILL);
    if (pid == 0) {
        char option[PATH_BYTES_MAX + 32];
        snprintf(option, sizeof option, "--socket=%s", s_path(self, "mysql/mysqld.sock"));
        int null = open("/dev/null", O_RDWR);
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        execlp("mariadb", "mariadb", "--no-defaults", option, "-e", sql, (char *)NULL);
        _exit(127);
    }
    return s_await(pid) == 0;
}

static const char *s_user(void)
{
    static char name[64] = "";
    FILE *id = popen("id -un", "r");
    if (!id || fscanf(id, "%63s", name) != 1)
        s_die("cannot tell who we are");
    pclose(id);
    return name;
}

static void s_start_database(struct hosts *self)
{
    long until_ms = s_now_ms() + DATABASE_START_MS;
    self->database = s_fork(SIGTERM);
    if (self->database == 0)
        s_keep_database(self);
    while (!s_sql(self, "CREATE DATABASE IF NOT EXISTS rookery CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci")) {
        if (s_stopping || s_now_ms() > until_ms)
            s_die("MariaDB did not start; see %s", s_path(self, "mysql/mariadb.log"));
        s_wait_ms(50);
    }
    snprintf(self->url, sizeof self->url, "mysql://%s@localhost/rookery?socket=%s", s_user(),
             s_path(self, "mysql/mysqld.sock"));
}

/* ---- nodes ------------------------------------------------------------------------------------------------------- */

static void s_set(const char *name, const char *format, ...)
{
    char value[1100];
    va_list args;
    va_start(args, format);
    vsnprintf(value, sizeof value, format, args);
    va_end(args);
    setenv(name, value, 1);
}

/* In the child: the environment that /etc/rookery/NODE.env would give. */
static void s_configure(const struct hosts *self, const struct node *node)
{
    s_set("ROOKERY_VAR", "%s/%c", self->var, 'a' + (char)node->host);
    s_set("ROOKERY_INSTANCE", "%zu", node->host);
    s_set("ROOKERY_ROOMS", "%d", HOSTS);
    s_set("ROOKERY_LINK_BIND", "%s", s_address(node->host, false));
    s_set("ROOKERY_LINK_HOST", "%s", s_address(node->host, true));
    s_set("ROOKERY_PERSIST_ENDPOINTS", "tcp://%s:%d,tcp://%s:%d", s_address(0, true), s_roles[0].port,
          s_address(1, true), s_roles[0].port + 10);
    s_set("ROOKERY_ADMIN_BIND", "%s", s_address(node->host, false));
    s_set("ROOKERY_ADMIN_PORT", "%d", ADMIN_PORT + (int)node->role);
    s_set("PORT", "%d", HTTP_PORT);
    static const char *const defaults[] = {"ROOKERY_PERSIST_PORT", "ROOKERY_ROOM_PORT", "ROOKERY_ACCOUNTS_PORT",
                                           "ROOKERY_EDGES", "ROOKERY_PROCESSES", "DATABASE_URL"};
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++)
        unsetenv(defaults[i]);
    if (node->role == 0)
        s_set("DATABASE_URL", "%s", self->url);
}

/* verb… is what the server is told; NULL: to be the node. */
static pid_t s_run(const struct hosts *self, const struct node *node, const char *verb, const char *word,
                   const char *argument)
{
    pid_t pid = s_fork(SIGKILL);
    if (pid != 0)
        return pid;
    if (node->host < HOSTS && setns(self->namespaces[node->host], CLONE_NEWNET) != 0)
        _exit(126);
    s_configure(self, node);
    setpgid(0, 0);
    dup2(self->log, STDERR_FILENO);
    dup2(self->log, STDOUT_FILENO);
    execl(self->server, self->server, verb ? verb : s_roles[node->role].name, word, argument, (char *)NULL);
    _exit(127);
}

/* Each node's key is made on its host; what is public is brought to the other. */
static void s_make_keys(const struct hosts *self)
{
    char command[4 * PATH_BYTES_MAX];
    for (size_t i = 0; i < NODES; i++)
        if (s_await(s_run(self, &self->nodes[i], "keys", "new", self->nodes[i].name)) != 0)
            s_die("`rookery keys new %s` failed", self->nodes[i].name);
    for (size_t from = 0; from < HOSTS; from++) {
        snprintf(command, sizeof command, "cp %s/*.public %s/", s_path(self, "%c/keys/curve", 'a' + (char)from),
                 s_path(self, "%c/keys/curve", 'a' + (char)!from));
        if (system(command) != 0)
            s_die("could not copy the public keys");
    }
}

static void s_note_pid(const struct hosts *self, const struct node *node)
{
    char path[PATH_BYTES_MAX];
    snprintf(path, sizeof path, "%s.new", s_path(self, "run/%s.pid", node->name));
    FILE *file = fopen(path, "we");
    if (!file)
        return;
    fprintf(file, "%d\n", (int)node->pid);
    fclose(file);
    rename(path, s_path(self, "run/%s.pid", node->name));
}

static void s_start_due(struct hosts *self)
{
    for (size_t i = 0; i < NODES; i++) {
        struct node *node = &self->nodes[i];
        if (node->pid || s_now_ms() < node->start_ms || access(s_path(self, "run/%s.hold", node->name), F_OK) == 0)
            continue;
        node->pid = s_run(self, node, NULL, NULL, NULL);
        s_note_pid(self, node);
    }
}

/* False: a node refuses its settings, or the proxy or the database's keeper is gone. */
static bool s_reap(struct hosts *self)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == self->proxy || pid == self->database)
            return false;
        for (size_t i = 0; i < NODES; i++) {
            struct node *node = &self->nodes[i];
            if (node->pid != pid)
                continue;
            node->pid = 0;
            node->start_ms = s_now_ms() + RESTART_MS;
            unlink(s_path(self, "run/%s.pid", node->name));
            dprintf(self->log, "hosts: %s ended (status %d)\n", node->name, status);
            if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_CONFIG)
                return false;
        }
    }
    return true;
}

/* The mirror of the start: edges first. */
static void s_stop_nodes(struct hosts *self)
{
    for (size_t role = ROLES; role-- > 0;) {
        long until_ms = s_now_ms() + STOP_MS;
        bool runs = true, killed = false;
        for (size_t i = 0; i < NODES; i++)
            if (self->nodes[i].role == role && self->nodes[i].pid)
                kill(self->nodes[i].pid, SIGTERM);
        while (runs) {
            s_reap(self);
            runs = false;
            for (size_t i = 0; i < NODES; i++)
                runs = runs || (self->nodes[i].role == role && self->nodes[i].pid);
            for (size_t i = 0; i < NODES && !killed && s_now_ms() > until_ms; i++)
                if (self->nodes[i].role == role && self->nodes[i].pid)
                    kill(self->nodes[i].pid, SIGKILL);
            killed = killed || s_now_ms() > until_ms;
            s_wait_ms(10);
        }
        if (killed)
            dprintf(self->log, "hosts: a %s did not stop in time and was killed\n", s_roles[role].name);
    }
}

static void s_stop_database(struct hosts *self)
{
    if (!self->database)
        return;
    kill(self->database, SIGTERM);
    s_await(self->database);
}

static void s_prepare(struct hosts *self)
{
    char build[PATH_BYTES_MAX];
    const char *var = getenv("ROOKERY_VAR"), *preset = getenv("ROOKERY_PRESET");
    if (!var || strlen(var) >= sizeof self->var)
        s_die("ROOKERY_VAR is not set, or too long");
    snprintf(self->var, sizeof self->var, "%s", var);
    snprintf(build, sizeof build, "%s/build/%s/actors/rookery", s_source_dir(), preset ? preset : "release");
    self->server = strdup(build);
    static const char *const folders[] = {"", "run", "log", "mysql", "a", "b"};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        if (mkdir(s_path(self, "%s", folders[i]), 0700) != 0 && errno != EEXIST)
            s_die("cannot make %s: %s", s_path(self, "%s", folders[i]), strerror(errno));
    self->log = open(s_path(self, "log/rookery.log"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    for (size_t i = 0; i < NODES; i++) {
        struct node *node = &self->nodes[i];
        *node = (struct node){.role = i / HOSTS, .host = i % HOSTS};
        snprintf(node->name, sizeof node->name, "%s-%zu", s_roles[node->role].name, node->host);
    }
}

int main(void)
{
    static struct hosts self;
    const char *port = getenv("PORT"), *url = getenv("DATABASE_URL");
    struct sigaction action = {.sa_handler = s_on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    s_prepare(&self);
    s_open_plan(&self);
    s_open_outside(&self, port ? atoi(port) : HTTP_PORT);
    self.own_database = !url || !*url;
    if (self.own_database)
        s_start_database(&self);
    else
        snprintf(self.url, sizeof self.url, "%s", url);
    s_make_network(&self);
    s_make_keys(&self);
    if (self.own_database && s_await(s_run(&self, &self.nodes[0], "migrate", NULL, NULL)) != 0)
        s_die("the database could not be migrated");
    s_start_proxy(&self);
    bool ok = true;
    while (ok && !s_stopping) {
        s_start_due(&self);
        s_wait_ms(10);
        ok = s_reap(&self);
    }
    s_stopping = 1;
    s_stop_nodes(&self);
    if (self.own_database)
        s_stop_database(&self);
    return ok ? 0 : 1;
}
