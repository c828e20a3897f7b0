#include "tests/system/fault_proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { READ_BYTES = 64 * 1024, GREETING_BYTES = 64, FLAG_LONG = 2, FRAME_BYTES_MAX = 2 * 1024 * 1024 };

struct chunk {
    struct chunk *next;
    long due_ms;
    size_t len, pos;
    uint8_t bytes[];
};

/* What comes from one side and goes to the other. */
struct way {
    struct chunk *first, *last;
    size_t waiting; /* bytes in the queue */
    uint8_t *part;  /* of a frame that is not whole yet */
    size_t part_len, part_cap;
    size_t greeting; /* bytes of it that have passed */
    bool ended, shut;
};

struct pair {
    int fds[2]; /* who came, whom it goes to; 0: the pair is free */
    bool connecting;
    size_t tries;
    struct fault_port *port;
    struct way ways[2]; /* [i]: from fds[i] to fds[!i] */
};

struct proxy {
    struct fault_port *ports;
    size_t port_count, pair_count;
    uint64_t random;
    struct fault_plan *plan;
    struct pair pairs[FAULT_PAIRS_MAX];
    struct pollfd polled[FAULT_PORTS_MAX + 2 * FAULT_PAIRS_MAX];
    uint8_t read[READ_BYTES];
};

static long s_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000L + t.tv_nsec / 1000000L;
}

static uint64_t s_random(struct proxy *self)
{
    self->random ^= self->random << 13;
    self->random ^= self->random >> 7;
    self->random ^= self->random << 17;
    return self->random;
}

/* ---- frames ------------------------------------------------------------------------------------------------------ */

static bool s_queue(struct way *way, const uint8_t *bytes, size_t len, long due_ms)
{
    struct chunk *chunk = malloc(sizeof *chunk + len);
    if (!chunk)
        return false;
    if (way->last && due_ms < way->last->due_ms)
        due_ms = way->last->due_ms; /* a network delays, but this one never reorders */
    *chunk = (struct chunk){.due_ms = due_ms, .len = len};
    memcpy(chunk->bytes, bytes, len);
    if (way->last)
        way->last->next = chunk;
    else
        way->first = chunk;
    way->last = chunk;
    way->waiting += len;
    return true;
}

/* The whole length of the frame at the beginning of bytes, and where its payload begins; 0: more is needed. */
static size_t s_frame_len(const uint8_t *bytes, size_t len, size_t *payload_out)
{
    size_t head = bytes[0] & FLAG_LONG ? 9 : 2;
    if (len < head)
        return 0;
    uint64_t size = bytes[1];
    for (size_t i = 2; i < head; i++)
        size = size << 8 | bytes[i];
    *payload_out = head;
    return size > FRAME_BYTES_MAX ? SIZE_MAX : head + (size_t)size;
}

static bool s_on_link_frame(struct proxy *self, struct way *way, const uint8_t *frame, size_t len, size_t payload,
                            long now_ms)
{
    static const char message[] = "\x07MESSAGE";
    enum { MESSAGE_LEN = sizeof message - 1 };
    atomic_fetch_add(&self->plan->frames, 1);
    bool is_message = len - payload > MESSAGE_LEN && memcmp(frame + payload, message, MESSAGE_LEN) == 0;
    if (is_message && s_random(self) % 10000 < atomic_load(&self->plan->drop_per_10000)) {
        atomic_fetch_add(&self->plan->dropped, 1);
        return true;
    }
    uint32_t delay_max = atomic_load(&self->plan->delay_ms_max);
    long delay_ms = delay_max ? (long)(s_random(self) % (delay_max + 1)) : 0;
    if (delay_ms > 0)
        atomic_fetch_add(&self->plan->delayed, 1);
    return s_queue(way, frame, len, now_ms + delay_ms);
}

static bool s_keep(struct way *way, const uint8_t *bytes, size_t len)
{
    if (way->part_len + len > way->part_cap) {
        size_t cap = (way->part_len + len) * 2;
        uint8_t *grown = cap <= 4 * FRAME_BYTES_MAX ? realloc(way->part, cap) : NULL;
        if (!grown)
            return false;
        way->part = grown;
        way->part_cap = cap;
    }
    memcpy(way->part + way->part_len, bytes, len);
    way->part_len += len;
    return true;
}

/* Cuts what has come into frames; the rest is kept. False: this is no ZMTP, or there is no memory. */
static bool s_on_link_bytes(struct proxy *self, struct way *way, const uint8_t *bytes, size_t len, long now_ms)
{
    /* The greeting passes byte by byte: each side says the rest of its own after the beginning of the other's. */
    size_t greeting = GREETING_BYTES - way->greeting < len ? GREETING_BYTES - way->greeting : len, pos = 0;
    way->greeting += greeting;
    if ((greeting > 0 && !s_queue(way, bytes, greeting, now_ms)) || !s_keep(way, bytes + greeting, len - greeting))
        return false;
    while (pos < way->part_len) {
        size_t payload = 0, frame = s_frame_len(way->part + pos, way->part_len - pos, &payload);
        if (frame == SIZE_MAX)
            return false;
        if (frame == 0 || way->part_len - pos < frame)
            break;
        if (!s_on_link_frame(self, way, way->part + pos, frame, payload, now_ms))
            return false;
        pos += frame;
    }
    memmove(way->part, way->part + pos, way->part_len - pos);
    way->part_len -= pos;
    return true;
}

/* ---- pairs ------------------------------------------------------------------------------------------------------- */

static void s_close(struct pair *pair)
{
    for (size_t i = 0; i < 2; i++) {
        if (pair->fds[i] > 0)
            close(pair->fds[i]);
        for (struct chunk *chunk = pair->ways[i].first, *next; chunk; chunk = next) {
            next = chunk->next;
            free(chunk);
        }
        free(pair->ways[i].part);
    }
    memset(pair, 0, sizeof *pair);
}

/* Tries the port's targets in turn. */
static bool s_connect(struct pair *pair)
{
    struct fault_port *port = pair->port;
    if (pair->tries++ >= port->target_count)
        return false;
    size_t i = port->next++ % port->target_count;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port->targets[i].port)};
    inet_pton(AF_INET, port->targets[i].address, &at.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    if (fd < 0)
        return false;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (pair->fds[1] > 0)
        close(pair->fds[1]);
    pair->fds[1] = fd;
    pair->connecting = true;
    return connect(fd, (struct sockaddr *)&at, sizeof at) == 0 || errno == EINPROGRESS;
}

static void s_accept(struct proxy *self, struct fault_port *port)
{
    int fd, one = 1;
    while ((fd = accept4(port->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct pair *pair = NULL;
        for (size_t i = 0; i < FAULT_PAIRS_MAX && !pair; i++) {
            if (self->pairs[i].fds[0] == 0) {
                pair = &self->pairs[i];
                self->pair_count = i + 1 > self->pair_count ? i + 1 : self->pair_count;
            }
        }
        if (!pair) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        *pair = (struct pair){.fds = {fd, 0}, .port = port};
        if (port->is_link)
            atomic_fetch_add(&self->plan->connections, 1);
        if (!s_connect(pair))
            s_close(pair);
    }
}

static bool s_read(struct proxy *self, struct pair *pair, size_t from, long now_ms)
{
    struct way *way = &pair->ways[from];
    ssize_t n = recv(pair->fds[from], self->read, sizeof self->read, 0);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    if (n == 0) {
        way->ended = true;
        return true;
    }
    return pair->port->is_link ? s_on_link_bytes(self, way, self->read, (size_t)n, now_ms)
                               : s_queue(way, self->read, (size_t)n, now_ms);
}

/* What is due goes; and the end, behind the last byte. */
static bool s_write(struct pair *pair, size_t from, long now_ms)
{
    struct way *way = &pair->ways[from];
    while (way->first && way->first->due_ms <= now_ms) {
        struct chunk *chunk = way->first;
        ssize_t n = send(pair->fds[!from], chunk->bytes + chunk->pos, chunk->len - chunk->pos, MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        chunk->pos += (size_t)n;
        way->waiting -= (size_t)n;
        if (chunk->pos < chunk->len)
            return true;
        way->first = chunk->next;
        if (!way->first)
            way->last = NULL;
        free(chunk);
    }
    if (way->ended && !way->first && !way->shut) {
        shutdown(pair->fds[!from], SHUT_WR);
        way->shut = true;
    }
    return true;
}

static bool s_on_connected(struct pair *pair)
{
    int err = 0;
    socklen_t len = sizeof err;
    if (getsockopt(pair->fds[1], SOL_SOCKET, SO_ERROR, &err, &len) != 0 || err != 0)
        return s_connect(pair);
    pair->connecting = false;
    return true;
}

/* False: the pair has ended. events: what poll said of both sides. */
static bool s_turn(struct proxy *self, struct pair *pair, const short events[2], long now_ms)
{
    if (pair->connecting)
        return !(events[1] & (POLLOUT | POLLERR | POLLHUP)) || s_on_connected(pair);
    for (size_t i = 0; i < 2; i++) {
        struct way *way = &pair->ways[i];
        if (events[i] & POLLERR)
            return false;
        if ((events[i] & (POLLIN | POLLHUP)) && !way->ended && way->waiting < FAULT_QUEUE_BYTES_MAX &&
            !s_read(self, pair, i, now_ms))
            return false;
    }
    return s_write(pair, 0, now_ms) && s_write(pair, 1, now_ms) && !(pair->ways[0].shut && pair->ways[1].shut);
}

/* What to wait for on one side of a pair; *wait_ms shrinks to when its next chunk is due. */
static short s_wanted(const struct pair *pair, size_t side, long now_ms, long *wait_ms)
{
    if (pair->connecting)
        return side == 1 ? POLLOUT : 0;
    const struct way *in = &pair->ways[side], *out = &pair->ways[!side];
    short events = 0;
    if (!in->ended && in->waiting < FAULT_QUEUE_BYTES_MAX)
        events |= POLLIN;
    if (out->first && out->first->due_ms <= now_ms)
        events |= POLLOUT;
    else if (out->first && out->first->due_ms - now_ms < *wait_ms)
        *wait_ms = out->first->due_ms - now_ms;
    return events;
}

static void s_loop_turn(struct proxy *self)
{
    long wait_ms = 1000, now_ms = s_now_ms();
    for (size_t i = 0; i < self->port_count; i++)
        self->polled[i] = (struct pollfd){.fd = self->ports[i].listener, .events = POLLIN};
    struct pollfd *sides = self->polled + self->port_count;
    while (self->pair_count > 0 && self->pairs[self->pair_count - 1].fds[0] == 0)
        self->pair_count--;
    for (size_t i = 0; i < 2 * self->pair_count; i++) {
        const struct pair *pair = &self->pairs[i / 2];
        bool is_used = pair->fds[0] > 0;
        short wanted = is_used ? s_wanted(pair, i % 2, now_ms, &wait_ms) : 0;
        /* A side of which nothing is wanted is left out: POLLHUP would be told all the time. */
        sides[i] = (struct pollfd){.fd = wanted ? pair->fds[i % 2] : -1, .events = wanted};
    }
    size_t count = self->pair_count;
    poll(self->polled, self->port_count + 2 * count, (int)wait_ms);
    now_ms = s_now_ms();
    for (size_t i = 0; i < count; i++) {
        const short events[2] = {sides[2 * i].revents, sides[2 * i + 1].revents};
        if (self->pairs[i].fds[0] > 0 && !s_turn(self, &self->pairs[i], events, now_ms))
            s_close(&self->pairs[i]);
    }
    for (size_t i = 0; i < self->port_count; i++)
        if (self->polled[i].revents)
            s_accept(self, &self->ports[i]);
}

void fault_proxy_run(struct fault_port *ports, size_t port_count, uint64_t seed, struct fault_plan *plan)
{
    struct proxy *self = calloc(1, sizeof *self);
    if (!self || port_count > FAULT_PORTS_MAX)
        abort();
    self->ports = ports;
    self->port_count = port_count;
    self->plan = plan;
    self->random = seed * 0x9E3779B97F4A7C15u + 1;
    for (;;)
        s_loop_turn(self);
}
