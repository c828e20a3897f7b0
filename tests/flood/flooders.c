#include "tests/flood/flooders.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STEP_MS = 10, BYTE_MS = 1000, EVENTS = 512 };

struct conn {
    int fd; /* -1: none */
    flood_kind_t kind;
    bool connected, told; /* told: said what its kind says at first */
    long opened_ms, byte_ms;
    size_t bytes;
};

struct flooders {
    struct flood_shared *shared;
    int port, epoll;
    unsigned next;
    struct conn conns[FLOOD_MAX];
};

static long s_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000L + t.tv_nsec / 1000000L;
}

static void s_close(struct flooders *self, struct conn *conn)
{
    close(conn->fd);
    conn->fd = -1;
    atomic_fetch_sub(&self->shared->open, 1);
}

/* The server ended it. */
static void s_on_end(struct flooders *self, struct conn *conn)
{
    long ms = s_now_ms() - conn->opened_ms;
    struct flood_shared *shared = self->shared;
    atomic_fetch_add(&shared->dropped[conn->kind], 1);
    if (ms > shared->dropped_ms_max[conn->kind])
        shared->dropped_ms_max[conn->kind] = ms;
    if (shared->dropped_ms_min[conn->kind] == 0 || ms < shared->dropped_ms_min[conn->kind])
        shared->dropped_ms_min[conn->kind] = ms;
    s_close(self, conn);
}

static flood_kind_t s_next_kind(struct flooders *self)
{
    unsigned kinds = self->shared->kinds;
    do
        self->next++;
    while (!(kinds & (1u << (self->next % FLOOD_KINDS))));
    return (flood_kind_t)(self->next % FLOOD_KINDS);
}

static bool s_open(struct flooders *self, struct conn *conn)
{
    struct sockaddr_in own = {.sin_family = AF_INET}, at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)self->port)};
    int on = 1;
    flood_kind_t kind = s_next_kind(self);
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + self->next / FLOOD_KINDS % FLOOD_ADDRESSES);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = conn};
    if (fd >= 0) {
        (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    if (fd < 0 || bind(fd, (struct sockaddr *)&own, sizeof own) != 0 ||
        (connect(fd, (struct sockaddr *)&at, sizeof at) != 0 && errno != EINPROGRESS) ||
        epoll_ctl(self->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        if (fd >= 0)
            close(fd);
        atomic_fetch_add(&self->shared->failed, 1);
        return false;
    }
    *conn = (struct conn){.fd = fd, .kind = kind, .opened_ms = s_now_ms()};
    atomic_fetch_add(&self->shared->open, 1);
    atomic_fetch_add(&self->shared->opened, 1);
    return true;
}

static void s_say(struct conn *conn, const char *text, size_t len)
{
    (void)!send(conn->fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT); /* what the server ended is seen by reading */
}

/* What its kind says once it is connected. */
static void s_on_connected(struct conn *conn)
{
    static const char partial[] = "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\n";
    static const char body[] = "POST /api/v1/auth/login HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                               "Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n";
    static const char upgrade[] = "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: cm9va2VyeS1sb2FkLTAwMQ==\r\n"
                                  "Sec-WebSocket-Protocol: rookery.v1.msgpack\r\n\r\n";
    conn->connected = true;
    conn->byte_ms = s_now_ms();
    if (conn->kind == FLOOD_PARTIAL)
        s_say(conn, partial, sizeof partial - 1);
    else if (conn->kind == FLOOD_NO_HELLO)
        s_say(conn, upgrade, sizeof upgrade - 1);
    else if (conn->kind == FLOOD_SLOW_BODY)
        s_say(conn, body, sizeof body - 1);
}

static void s_on_bytes(struct flooders *self, struct conn *conn)
{
    char bytes[4096];
    for (;;) {
        ssize_t len = recv(conn->fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (len < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (len > 12 && (memcmp(bytes, "HTTP/1.1 4", 10) == 0 || memcmp(bytes, "HTTP/1.1 5", 10) == 0))
            atomic_fetch_add(&self->shared->refused, 1);
        if (len <= 0) {
            s_on_end(self, conn);
            return;
        }
    }
}

static void s_on_time(struct conn *conn, long now_ms)
{
    static const char head[] = "GET / HTTP/1.1\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    bool slow = conn->kind == FLOOD_SLOW_HEAD || conn->kind == FLOOD_SLOW_BODY;
    if (!slow || !conn->connected || now_ms - conn->byte_ms < BYTE_MS)
        return;
    conn->byte_ms += BYTE_MS;
    s_say(conn, conn->kind == FLOOD_SLOW_HEAD ? &head[conn->bytes % (sizeof head - 1)] : "x", 1);
    conn->bytes++;
}

static void s_step(struct flooders *self, long now_ms, int openings)
{
    struct flood_shared *shared = self->shared;
    int target = shared->target;
    for (int i = 0; i < FLOOD_MAX; i++) {
        struct conn *conn = &self->conns[i];
        if (conn->fd >= 0 && i >= target)
            s_close(self, conn);
        else if (conn->fd >= 0)
            s_on_time(conn, now_ms);
        else if (i < target && openings > 0 && (shared->refill || conn->opened_ms == 0) && openings-- > 0)
            (void)s_open(self, conn);
        if (conn->fd < 0 && i >= target)
            conn->opened_ms = 0;
    }
}

static _Noreturn void s_run(struct flooders *self)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)!nice(10);
    self->epoll = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < FLOOD_MAX; i++)
        self->conns[i].fd = -1;
    long step_ms = s_now_ms();
    double credit = 0;
    while (!self->shared->stop) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(self->epoll, events, EVENTS, STEP_MS);
        for (int i = 0; i < count; i++) {
            struct conn *conn = events[i].data.ptr;
            if (conn->fd >= 0 && !conn->connected && events[i].events & EPOLLOUT)
                s_on_connected(conn);
            if (conn->fd >= 0 && events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP))
                s_on_bytes(self, conn);
        }
        long now_ms = s_now_ms();
        if (now_ms - step_ms < STEP_MS)
            continue;
        credit += (double)self->shared->per_second * (double)(now_ms - step_ms) / 1000;
        step_ms = now_ms;
        s_step(self, now_ms, (int)credit);
        credit -= (int)credit;
    }
    _exit(0);
}

struct flood flood_start(int port)
{
    struct flood self = {0};
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_max < FLOOD_MAX + 100)
        fprintf(stderr, "only %lu descriptors can be had\n", (unsigned long)files.rlim_max);
    struct flooders *flooders = calloc(1, sizeof *flooders);
    void *shared = mmap(NULL, sizeof *self.shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (flooders && shared != MAP_FAILED) {
        self.shared = shared;
        flooders->shared = shared;
        flooders->port = port;
        self.pid = fork();
        if (self.pid == 0) {
            files.rlim_cur = files.rlim_max;
            setrlimit(RLIMIT_NOFILE, &files);
            s_run(flooders);
        }
    }
    free(flooders);
    if (self.pid <= 0)
        self.shared = NULL;
    return self;
}

void flood_stop(struct flood *self)
{
    if (self->pid <= 0)
        return;
    self->shared->stop = true;
    waitpid(self->pid, NULL, 0);
    munmap(self->shared, sizeof *self->shared);
    *self = (struct flood){0};
}

void flood_clear_counts(struct flood *self)
{
    struct flood_shared *shared = self->shared;
    shared->opened = shared->failed = shared->refused = 0;
    for (int kind = 0; kind < FLOOD_KINDS; kind++)
        shared->dropped[kind] = shared->dropped_ms_min[kind] = shared->dropped_ms_max[kind] = 0;
}
