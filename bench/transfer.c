#include "bench/transfer.h"

#include <assert.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/http_client.h"
#include "bench/proc.h"

enum { BLOCK = 64 * 1024, PATTERN = 1021, HEAD_MAX = 4096, STALL_MS = 30000, ANSWER_MAX = 8192, LOOK_MS = 50 };

struct transfers {
    struct transfer_plan plan;
    pthread_t up, down, look;
    atomic_bool stop;
    uint64_t file; /* that is downloaded */
    _Atomic uint64_t up_bytes, down_bytes;
    atomic_uint files, number;
    atomic_long rss_kib_max;
    pthread_mutex_t lock;
    char fault[128]; /* {lock} the first */
    uint8_t block[BLOCK + PATTERN];
};

static void s_fault(struct transfers *self, const char *what)
{
    pthread_mutex_lock(&self->lock);
    if (!self->fault[0])
        snprintf(self->fault, sizeof self->fault, "%s", what);
    pthread_mutex_unlock(&self->lock);
}

/* The bytes of every file from offset on: at most BLOCK of them. */
static const uint8_t *s_bytes_at(const struct transfers *self, uint64_t offset)
{
    return self->block + offset % PATTERN;
}

/* 1: ready. 0: it is to stop. -1: nothing happens. */
static int s_wait(const struct transfers *self, int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};
    for (int waited = 0; waited < STALL_MS; waited += LOOK_MS) {
        if (atomic_load(&self->stop))
            return 0;
        if (poll(&p, 1, LOOK_MS) > 0)
            return 1;
    }
    return -1;
}

static bool s_send_head(int fd, const char *head)
{
    return send(fd, head, strlen(head), MSG_NOSIGNAL) == (ssize_t)strlen(head);
}

/* The whole answer as text, its file in *file_out. 1, 0, -1 as above. */
static int s_read_answer(const struct transfers *self, int fd, uint64_t *file_out)
{
    char answer[ANSWER_MAX + 1];
    size_t len = 0;
    for (;;) {
        int ready = s_wait(self, fd, POLLIN);
        if (ready <= 0)
            return ready;
        ssize_t n = recv(fd, answer + len, ANSWER_MAX - len, 0);
        if (n <= 0)
            break;
        len += (size_t)n;
    }
    answer[len] = '\0';
    const char *file = strstr(answer, "\"file\":");
    if (strncmp(answer, "HTTP/1.1 201", 12) != 0 || !file)
        return -1;
    *file_out = strtoull(file + 7, NULL, 10);
    return 1;
}

static int s_upload(struct transfers *self, uint64_t *file_out)
{
    char head[HEAD_MAX];
    int fd = tcp_connect(self->plan.port, STALL_MS), ready = fd < 0 ? -1 : 1;
    snprintf(head, sizeof head,
             "POST /api/v1/rooms/%" PRIu64 "/files?name=load.bin&client_id=0%025u HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
             "Connection: close\r\nAuthorization: Bearer %s\r\nContent-Length: %" PRIu64 "\r\n\r\n",
             self->plan.room, atomic_fetch_add(&self->number, 1) + 1, self->plan.port, self->plan.token, self->plan.bytes);
    if (ready == 1 && !s_send_head(fd, head))
        ready = -1;
    for (uint64_t at = 0; ready == 1 && at < self->plan.bytes;) {
        uint64_t left = self->plan.bytes - at;
        ready = s_wait(self, fd, POLLOUT);
        ssize_t n = ready == 1 ? send(fd, s_bytes_at(self, at), left < BLOCK ? (size_t)left : BLOCK, MSG_NOSIGNAL | MSG_DONTWAIT)
                               : 0;
        if (n < 0)
            ready = -1;
        at += n > 0 ? (uint64_t)n : 0;
        atomic_fetch_add(&self->up_bytes, n > 0 ? (uint64_t)n : 0);
    }
    if (ready == 1)
        ready = s_read_answer(self, fd, file_out);
    if (fd >= 0)
        close(fd);
    return ready;
}

/* Uploads of one person are bounded in all: what is there goes before the next. */
static bool s_drop(struct transfers *self, uint64_t file)
{
    char path[128], headers[2048];
    struct http_response response;
    snprintf(path, sizeof path, "/api/v1/rooms/%" PRIu64 "/files/%" PRIu64, self->plan.room, file);
    snprintf(headers, sizeof headers, "Authorization: Bearer %s\r\n", self->plan.token);
    bool ok = http_call(self->plan.port, "DELETE", path, headers, NULL, STALL_MS, &response) && response.status == 204;
    http_response_fini(&response);
    return ok;
}

static void *s_uploads(void *opaque)
{
    struct transfers *self = opaque;
    uint64_t file;
    int done = 1;
    while (done == 1 && (done = s_upload(self, &file)) == 1) {
        atomic_fetch_add(&self->files, 1);
        if (!s_drop(self, file))
            done = -1;
    }
    if (done < 0)
        s_fault(self, "an upload was refused, cut or stood still");
    return NULL;
}

/* at: of the file; *is_head: the answer's head is still under way, in head. False: not what was uploaded. */
static bool s_take(struct transfers *self, const uint8_t *bytes, size_t len, uint64_t *at)
{
    bool same = *at + len <= self->plan.bytes;
    for (size_t done = 0; same && done < len;) {
        size_t part = len - done < BLOCK ? len - done : BLOCK;
        same = memcmp(bytes + done, s_bytes_at(self, *at + done), part) == 0;
        done += part;
    }
    *at += len;
    atomic_fetch_add(&self->down_bytes, len);
    return same;
}

static int s_download(struct transfers *self)
{
    char head[HEAD_MAX];
    uint8_t buffer[BLOCK];
    size_t kept = 0;
    uint64_t at = 0;
    bool in_body = false, same = true;
    int fd = tcp_connect(self->plan.port, STALL_MS), ready = fd < 0 ? -1 : 1;
    snprintf(head, sizeof head,
             "GET /api/v1/rooms/%" PRIu64 "/files/%" PRIu64 " HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n"
             "Authorization: Bearer %s\r\n\r\n", self->plan.room, self->file, self->plan.port, self->plan.token);
    if (ready == 1 && !s_send_head(fd, head))
        ready = -1;
    while (ready == 1 && same) {
        ready = s_wait(self, fd, POLLIN);
        ssize_t n = ready == 1 ? recv(fd, buffer + kept, sizeof buffer - kept, 0) : 0;
        if (n <= 0)
            break;
        size_t len = kept + (size_t)n;
        const uint8_t *end = in_body ? buffer : memmem(buffer, len, "\r\n\r\n", 4);
        kept = end ? 0 : len;
        if (!end && len < HEAD_MAX)
            continue;
        same = end && (in_body || memcmp(buffer, "HTTP/1.1 200", 12) == 0);
        const uint8_t *body = in_body || !end ? buffer : end + 4;
        if (same)
            same = s_take(self, body, len - (size_t)(body - buffer), &at);
        in_body = true;
    }
    if (fd >= 0)
        close(fd);
    return ready == 0 ? 0 : ready == 1 && same && at == self->plan.bytes ? 1 : -1;
}

static void *s_downloads(void *opaque)
{
    struct transfers *self = opaque;
    int done;
    do {
        done = s_download(self);
    } while (done == 1);
    if (done < 0)
        s_fault(self, "a download was refused or cut, or brought other bytes");
    return NULL;
}

static void *s_look(void *opaque)
{
    struct transfers *self = opaque;
    while (!atomic_load(&self->stop)) {
        long kib = proc_rss_kib(self->plan.server);
        if (kib > atomic_load(&self->rss_kib_max))
            atomic_store(&self->rss_kib_max, kib);
        poll(NULL, 0, LOOK_MS);
    }
    return NULL;
}

transfers_t *transfers_start(const struct transfer_plan *plan)
{
    static atomic_uint s_number; /* client ids are used once in a process */
    struct transfers *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->plan = *plan;
    atomic_store(&self->number, atomic_fetch_add(&s_number, 1000000));
    atomic_store(&self->rss_kib_max, -1);
    for (size_t i = 0; i < sizeof self->block; i++)
        self->block[i] = (uint8_t)(i % PATTERN * 7 + i % PATTERN / 256);
    if (pthread_mutex_init(&self->lock, NULL) != 0 || s_upload(self, &self->file) != 1) {
        fputs("a file could not be uploaded\n", stderr);
        free(self);
        return NULL;
    }
    atomic_store(&self->up_bytes, 0);
    int err = pthread_create(&self->up, NULL, s_uploads, self) || pthread_create(&self->down, NULL, s_downloads, self) ||
              pthread_create(&self->look, NULL, s_look, self);
    assert(!err); /* a bench without three threads is none */
    return self;
}

void transfers_stop(transfers_t **self_p, struct transfer_figures *out)
{
    struct transfers *self = *self_p;
    atomic_store(&self->stop, true);
    pthread_join(self->up, NULL);
    pthread_join(self->down, NULL);
    pthread_join(self->look, NULL);
    bool dropped = s_drop(self, self->file);
    *out = (struct transfer_figures){.up_bytes = (double)atomic_load(&self->up_bytes),
                                     .down_bytes = (double)atomic_load(&self->down_bytes),
                                     .files = atomic_load(&self->files),
                                     .rss_kib_max = atomic_load(&self->rss_kib_max),
                                     .is_sound = !self->fault[0] && dropped};
    snprintf(out->fault, sizeof out->fault, "%s", self->fault[0] ? self->fault : dropped ? "" : "a file was not deleted");
    pthread_mutex_destroy(&self->lock);
    free(self);
    *self_p = NULL;
}
