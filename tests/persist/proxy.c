#include "tests/persist/proxy.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 64, CHUNK = 64 * 1024, POLL_MS = 20, HEADER = 4, COM_QUERY = 3 };

struct pipe {
    int client, server;
    bool is_open;
    uint8_t header[HEADER + 8]; /* of the client's packet at hand, and its first bytes */
    size_t have, left;          /* bytes in header; bytes of the packet yet to come */
    bool cut_at_answer;
};

struct proxy {
    pthread_t thread;
    int listener;
    char server[108];
    struct pipe pipes[CONNECTIONS_MAX];
    atomic_int cut;
    atomic_size_t cuts;
    atomic_bool is_stopped, is_refusing;
};

static int s_socket(const char *path, struct sockaddr_un *address_out)
{
    *address_out = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(address_out->sun_path, sizeof address_out->sun_path, "%s", path);
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static void s_close(struct pipe *pipe)
{
    if (!pipe->is_open)
        return;
    close(pipe->client);
    close(pipe->server);
    pipe->is_open = false;
}

static void s_accept(proxy_t *self)
{
    struct sockaddr_un address;
    int client = accept(self->listener, NULL, NULL);
    int server = s_socket(self->server, &address);
    struct pipe *pipe = NULL;
    for (size_t i = 0; i < CONNECTIONS_MAX && !pipe; i++)
        pipe = self->pipes[i].is_open ? NULL : &self->pipes[i];
    if (client < 0 || server < 0 || !pipe || self->is_refusing ||
        connect(server, (struct sockaddr *)&address, sizeof address) != 0) {
        close(client);
        close(server);
        return;
    }
    *pipe = (struct pipe){.client = client, .server = server, .is_open = true};
}

static bool s_write(int fd, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

/* Follows the packets of the client; true when the one that ends with these bytes is COMMIT. */
static bool s_sees_commit(struct pipe *pipe, const uint8_t *bytes, size_t len)
{
    bool is_commit = false;
    for (size_t i = 0; i < len; i++) {
        if (pipe->have < sizeof pipe->header)
            pipe->header[pipe->have++] = bytes[i];
        if (pipe->have == HEADER && pipe->left == 0)
            pipe->left = (size_t)pipe->header[0] | (size_t)pipe->header[1] << 8 | (size_t)pipe->header[2] << 16;
        else if (pipe->have > HEADER && pipe->left > 0)
            pipe->left--;
        if (pipe->have > HEADER && pipe->left == 0) {
            is_commit = pipe->have >= HEADER + 7 && pipe->header[HEADER] == COM_QUERY &&
                        memcmp(pipe->header + HEADER + 1, "COMMIT", 6) == 0;
            pipe->have = 0;
        }
    }
    return is_commit;
}

static void s_from_client(proxy_t *self, struct pipe *pipe)
{
    static uint8_t bytes[CHUNK];
    ssize_t n = read(pipe->client, bytes, sizeof bytes);
    if (n <= 0) {
        s_close(pipe);
        return;
    }
    int cut = PROXY_PASS;
    if (s_sees_commit(pipe, bytes, (size_t)n))
        cut = atomic_exchange(&self->cut, PROXY_PASS);
    if (cut == PROXY_CUT_BEFORE) {
        atomic_fetch_add(&self->cuts, 1);
        s_close(pipe);
        return;
    }
    pipe->cut_at_answer = cut == PROXY_CUT_AFTER;
    if (!s_write(pipe->server, bytes, (size_t)n))
        s_close(pipe);
}

static void s_from_server(proxy_t *self, struct pipe *pipe)
{
    static uint8_t bytes[CHUNK];
    ssize_t n = read(pipe->server, bytes, sizeof bytes);
    if (pipe->cut_at_answer)
        atomic_fetch_add(&self->cuts, 1);
    if (n <= 0 || pipe->cut_at_answer || !s_write(pipe->client, bytes, (size_t)n))
        s_close(pipe);
}

static void s_turn(proxy_t *self)
{
    struct pollfd polls[1 + 2 * CONNECTIONS_MAX] = {{.fd = self->listener, .events = POLLIN}};
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        const struct pipe *pipe = &self->pipes[i];
        polls[1 + 2 * i] = (struct pollfd){.fd = pipe->is_open ? pipe->client : -1, .events = POLLIN};
        polls[2 + 2 * i] = (struct pollfd){.fd = pipe->is_open ? pipe->server : -1, .events = POLLIN};
    }
    poll(polls, 1 + 2 * CONNECTIONS_MAX, POLL_MS);
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        struct pipe *pipe = &self->pipes[i];
        if (self->is_refusing)
            s_close(pipe);
        if (pipe->is_open && polls[1 + 2 * i].revents)
            s_from_client(self, pipe);
        if (pipe->is_open && polls[2 + 2 * i].revents)
            s_from_server(self, pipe);
    }
    if (polls[0].revents)
        s_accept(self);
}

static void *s_run(void *opaque)
{
    proxy_t *self = opaque;
    while (!self->is_stopped)
        s_turn(self);
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        s_close(&self->pipes[i]);
    return NULL;
}

proxy_t *proxy_new(const char *path, const char *server)
{
    proxy_t *self = calloc(1, sizeof *self);
    struct sockaddr_un address;
    if (!self)
        return NULL;
    snprintf(self->server, sizeof self->server, "%s", server);
    unlink(path);
    self->listener = s_socket(path, &address);
    if (bind(self->listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(self->listener, 16) != 0 ||
        pthread_create(&self->thread, NULL, s_run, self) != 0) {
        close(self->listener);
        free(self);
        return NULL;
    }
    return self;
}

void proxy_destroy(proxy_t **self_p)
{
    proxy_t *self = *self_p;
    if (!self)
        return;
    self->is_stopped = true;
    pthread_join(self->thread, NULL);
    close(self->listener);
    free(self);
    *self_p = NULL;
}

void proxy_set(proxy_t *self, proxy_cut_t cut)
{
    self->cut = (int)cut;
}

size_t proxy_cuts(proxy_t *self)
{
    return self->cuts;
}

void proxy_refuse(proxy_t *self, bool refuse)
{
    self->is_refusing = refuse;
}
