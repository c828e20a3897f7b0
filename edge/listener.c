#include "edge/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "actors/runtime/log.h"
#include "actors/runtime/metrics.h"
#include "edge/http_conn.h"

enum {
    ACCEPTS_A_TURN = 64,
    BACKLOG = 1024,
    FDS_RESERVED = 128,           /* for everything that is no browser: links, files, the database */
    FDS_MAX = 4 * 1024 * 1024,    /* libwebsockets takes 16 bytes for each, and above 10 million only 2560 */
    CROWDED_PERCENT = 75,
    ADMINS_EXTRA = 32,            /* who looks after a crowded server must get in: of the reserved ones */
    SEND_BUFFER_BYTES = 64 * 1024, /* the kernel doubles it. A slow reader's lag shows in our backlog, not in there */
    NOT_SENT_BYTES = 32 * 1024,
};

struct listener {
    struct edge *edge;
    int fd, spare; /* spare: closed to answer one connection when descriptors have run out */
    loop_watch_t *watch;
    bool admin, paused;
    size_t sockets_max;
};

void listener_need_descriptors(const struct config *config)
{
    struct rlimit limit;
    rlim_t want = (rlim_t)(config->edges * config->connections_max + 2 * FDS_RESERVED);
    want = want < FDS_MAX ? want : FDS_MAX;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || (limit.rlim_cur >= want && limit.rlim_cur <= FDS_MAX))
        return;
    limit.rlim_cur = want < limit.rlim_max ? want : limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* The process's descriptors, shared by its edges. */
static size_t s_sockets_max(const struct edge *edge)
{
    struct rlimit limit;
    size_t max = (size_t)edge->config->connections_max;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return max;
    size_t usable = limit.rlim_cur > 2 * FDS_RESERVED ? (size_t)limit.rlim_cur - FDS_RESERVED : FDS_RESERVED;
    size_t share = usable / (size_t)edge->config->edges;
    return share < max ? share : max;
}

/* A short answer that fits any send buffer; the browser may come again. */
static void s_refuse(int fd, const char *status)
{
    char text[256];
    int len = snprintf(text, sizeof text,
                       "HTTP/1.1 %s\r\nRetry-After: 2\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", status);
    (void)!send(fd, text, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL);
    shutdown(fd, SHUT_WR);
    close(fd);
    metric_add(METRIC_EDGE_REFUSED, 1);
}

static void s_on_socket(struct listener *self, int fd, const struct sockaddr_storage *peer)
{
    struct edge *edge = self->edge;
    struct in6_addr address = address_of_peer(peer);
    bool by_proxy = proxies_have_address(&edge->proxies, &address);
    budget_address_t held = 0;
    size_t open = edge->socket_count + edge->conn_count;
    if (open >= self->sockets_max + (self->admin ? ADMINS_EXTRA : 0)) {
        static struct log_gate gate;
        if (log_gate_open(&gate, 1000, NULL))
            log_warn("connections refused: open=%zu limit=%zu", open, self->sockets_max);
        s_refuse(fd, "503 Service Unavailable");
        return;
    }
    if (!self->admin && !by_proxy) {
        char text[ADDRESS_PRINTED_MAX];
        address_text(&address, text);
        held = budget_address_of(view_of_text(text));
        if (held && !budget_hold(edge->holds, held, (uint32_t)edge->config->connections_per_address)) {
            s_refuse(fd, "429 Too Many Requests");
            return;
        }
    }
    int on = 1, lowat = NOT_SENT_BYTES;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &lowat, sizeof lowat);
    http_conn_open(edge, fd, &address, held, by_proxy, self->admin);
}

/* No descriptor left: the spare one makes room to say so to one connection, so that the queue empties and the
 * listener does not wake us for ever. False: nobody waits (the kernel looks for a descriptor first), or another thread
 * was faster to take what the spare one left; then the listener rests until the next tick. */
static bool s_on_exhausted(struct listener *self)
{
    if (self->spare >= 0)
        close(self->spare);
    int fd = accept4(self->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), error = errno;
    if (fd >= 0) {
        static struct log_gate gate;
        if (log_gate_open(&gate, 1000, NULL))
            log_error("out of file descriptors: connections are refused");
        metric_add(METRIC_EDGE_EXHAUSTED, 1);
        s_refuse(fd, "503 Service Unavailable");
    } else if (error == EMFILE || error == ENFILE) {
        self->paused = true;
        loop_watch_set(self->watch, 0);
    }
    self->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return fd >= 0;
}

static void s_on_readable(void *context, int ready)
{
    struct listener *self = context;
    (void)ready;
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        struct sockaddr_storage peer;
        socklen_t len = sizeof peer;
        int fd = accept4(self->fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            s_on_socket(self, fd, &peer);
        } else if (errno == EMFILE || errno == ENFILE) {
            if (!s_on_exhausted(self))
                return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return;
        }
    }
}

static int s_bind(const char *address, int port, bool shared)
{
    char service[8];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV | AI_NUMERICHOST};
    struct addrinfo *found = NULL;
    snprintf(service, sizeof service, "%d", port);
    if (getaddrinfo(address, service, &hints, &found) != 0)
        return -1;
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1, off = 0, buffer = SEND_BUFFER_BYTES;
    if (fd >= 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (shared)
            (void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
        if (found->ai_family == AF_INET6)
            (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer); /* accepted sockets inherit it */
        if (bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
            int error = errno;
            close(fd);
            errno = error;
            fd = -1;
        }
    }
    freeaddrinfo(found);
    return fd;
}

struct listener *listener_open(struct edge *edge, const char *address, int port, bool admin)
{
    struct listener *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->edge = edge;
    self->admin = admin;
    self->sockets_max = s_sockets_max(edge);
    self->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    /* Shared only where several edges need it: else a second server on the port would go unnoticed. */
    self->fd = s_bind(address, port, !admin && edge->config->edges > 1);
    if (self->fd < 0)
        log_warn("cannot listen: address=%s port=%d error=%s", address, port, strerror(errno));
    else
        self->watch = loop_watch(edge->loop, self->fd, s_on_readable, self);
    if (!self->watch) {
        listener_close(&self);
        return NULL;
    }
    loop_watch_set(self->watch, LOOP_READABLE);
    return self;
}

void listener_close(struct listener **self_p)
{
    struct listener *self = *self_p;
    *self_p = NULL;
    if (!self)
        return;
    loop_unwatch(&self->watch);
    if (self->fd >= 0)
        close(self->fd);
    if (self->spare >= 0)
        close(self->spare);
    free(self);
}

void listener_on_tick(struct listener *self)
{
    if (!self || !self->paused)
        return;
    self->paused = false;
    if (self->spare < 0)
        self->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    loop_watch_set(self->watch, LOOP_READABLE);
}

bool listener_is_crowded(const struct listener *self)
{
    return self && self->edge->socket_count + self->edge->conn_count > self->sockets_max * CROWDED_PERCENT / 100;
}

int listener_port(const struct listener *self)
{
    struct sockaddr_storage own;
    socklen_t len = sizeof own;
    if (getsockname(self->fd, (struct sockaddr *)&own, &len) != 0)
        return 0;
    struct sockaddr_in v4;
    memcpy(&v4, &own, sizeof v4); /* the port stands at the same place in both families */
    return ntohs(v4.sin_port);
}
