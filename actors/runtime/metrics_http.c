#include "actors/runtime/metrics_http.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "actors/runtime/clock.h"
#include "actors/runtime/log.h"
#include "actors/runtime/metrics.h"

enum { REQUEST_BYTES_MAX = 4096, ANSWER_BYTES_MAX = 256 * 1024, BACKLOG = 16 };

struct metrics_http {
    int listener, stop, port;
    pthread_t thread;
};

/* False: not ready in time. */
static bool s_await(int fd, short events, int64_t until_ms)
{
    struct pollfd polled = {.fd = fd, .events = events};
    int64_t left_ms = until_ms - clock_now_ms();
    return left_ms > 0 && poll(&polled, 1, (int)left_ms) > 0;
}

/* The head of the request, with NUL at its end; false: none came in time, or it is too long. */
static bool s_read_head(int fd, char head_out[REQUEST_BYTES_MAX])
{
    size_t len = 0;
    int64_t until_ms = clock_now_ms() + METRICS_WAIT_MS;
    while (len < REQUEST_BYTES_MAX - 1 && s_await(fd, POLLIN, until_ms)) {
        ssize_t n = recv(fd, head_out + len, REQUEST_BYTES_MAX - 1 - len, 0);
        if (n <= 0)
            return false;
        len += (size_t)n;
        head_out[len] = '\0';
        if (strstr(head_out, "\r\n\r\n"))
            return true;
    }
    return false;
}

static void s_send_all(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;
    int64_t until_ms = clock_now_ms() + METRICS_WAIT_MS;
    while (len > 0 && s_await(fd, POLLOUT, until_ms)) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        at += n;
        len -= (size_t)n;
    }
}

static void s_answer(int fd)
{
    char request[REQUEST_BYTES_MAX], head[256];
    if (!s_read_head(fd, request))
        return;
    buffer_t text;
    buffer_init(&text, ANSWER_BYTES_MAX);
    bool is_found = strncmp(request, "GET /metrics ", 13) == 0 || strncmp(request, "GET /metrics?", 13) == 0;
    if (is_found)
        metrics_print(&text);
    int len = snprintf(head, sizeof head,
                       "HTTP/1.1 %s\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
                       "Content-Length: %zu\r\nConnection: close\r\n\r\n",
                       is_found ? "200 OK" : "404 Not Found", text.len);
    s_send_all(fd, head, (size_t)len);
    s_send_all(fd, text.bytes, text.len);
    buffer_fini(&text);
}

static void *s_run(void *arg)
{
    metrics_http_t *self = arg;
    log_set_actor("metrics");
    for (;;) {
        struct pollfd polled[2] = {{.fd = self->stop, .events = POLLIN}, {.fd = self->listener, .events = POLLIN}};
        if (poll(polled, 2, -1) < 0 && errno != EINTR)
            return NULL;
        if (polled[0].revents)
            return NULL;
        int fd = accept4(self->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            s_answer(fd);
            close(fd);
        } else if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) {
            poll(polled, 1, METRICS_WAIT_MS); /* no descriptors, no memory: the listener stays readable */
        }
    }
}

static int s_listen(const char *address, int port, int *port_out)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t len = sizeof at;
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    errno = EINVAL;
    if (inet_pton(AF_INET, address, &at.sin_addr) == 1 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 &&
        listen(fd, BACKLOG) == 0 && getsockname(fd, (struct sockaddr *)&at, &len) == 0) {
        *port_out = ntohs(at.sin_port);
        return fd;
    }
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

err_t metrics_http_open(const char *address, int port, metrics_http_t **self_out)
{
    metrics_http_t *self = calloc(1, sizeof *self);
    if (!self)
        return ERR_NO_MEMORY;
    sigset_t all, before;
    sigfillset(&all);
    self->stop = eventfd(0, EFD_CLOEXEC);
    self->listener = s_listen(address, port, &self->port);
    int why = errno;
    bool ok = self->listener >= 0 && self->stop >= 0;
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the main thread's */
    if (ok && (why = pthread_create(&self->thread, NULL, s_run, self)) != 0)
        ok = false;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (ok) {
        *self_out = self;
        return ERR_OK;
    }
    log_warn("no admin port, so metrics cannot be read: address=%s port=%d why=%s", address, port, strerror(why));
    if (self->listener >= 0)
        close(self->listener);
    if (self->stop >= 0)
        close(self->stop);
    free(self);
    return ERR_UNAVAILABLE;
}

void metrics_http_close(metrics_http_t **self_p)
{
    assert(self_p);
    metrics_http_t *self = *self_p;
    if (!self)
        return;
    eventfd_write(self->stop, 1);
    pthread_join(self->thread, NULL); /* at most 2 * METRICS_WAIT_MS */
    close(self->listener);
    close(self->stop);
    free(self);
    *self_p = NULL;
}

int metrics_http_port(const metrics_http_t *self)
{
    return self->port;
}
