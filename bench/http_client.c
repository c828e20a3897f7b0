#include "bench/http_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long s_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000L + t.tv_nsec / 1000000L;
}

int tcp_connect(int port, int timeout_ms)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    struct timeval wait = {.tv_sec = timeout_ms / 1000, .tv_usec = (timeout_ms % 1000) * 1000};
    int one = 1;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (struct sockaddr *)&at, sizeof at) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static bool s_send_all(int fd, const char *bytes, size_t len)
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

/* Reads until the other side closes: every request says Connection: close. */
static bool s_read_all(int fd, long until_ms, struct http_response *out)
{
    size_t cap = 0;
    for (;;) {
        if (out->len + 1 >= cap) {
            if (cap >= HTTP_RESPONSE_BYTES_MAX)
                return false;
            cap = cap ? cap * 2 : 8192;
            char *grown = realloc(out->bytes, cap);
            if (!grown)
                return false;
            out->bytes = grown;
        }
        long left = until_ms - s_now_ms();
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (left <= 0 || poll(&p, 1, (int)left) <= 0)
            return false;
        ssize_t n = recv(fd, out->bytes + out->len, cap - out->len - 1, 0);
        if (n < 0)
            return false;
        if (n == 0)
            return true;
        out->len += (size_t)n;
    }
}

static bool s_parse(struct http_response *out)
{
    out->bytes[out->len] = '\0';
    char *end = strstr(out->bytes, "\r\n\r\n");
    if (!end || sscanf(out->bytes, "HTTP/1.%*1[01] %3d", &out->status) != 1)
        return false;
    out->body = end + 4;
    out->body_len = out->len - (size_t)(out->body - out->bytes);
    char text[32];
    if (http_header(out, "Content-Length", text, sizeof text) && out->status != 304) {
        size_t said = (size_t)strtoul(text, NULL, 10);
        if (said > out->body_len)
            return false;
    }
    return true;
}

bool http_call(int port, const char *method, const char *path, const char *headers, const char *body,
               int timeout_ms, struct http_response *out)
{
    memset(out, 0, sizeof *out);
    long until_ms = s_now_ms() + timeout_ms;
    int fd = tcp_connect(port, timeout_ms);
    if (fd < 0)
        return false;
    char head[8192];
    int n = snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n%s", method,
                     path, port, headers);
    bool ok = n > 0 && (size_t)n < sizeof head && s_send_all(fd, head, (size_t)n);
    if (ok && body) {
        n = snprintf(head, sizeof head, "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n", strlen(body));
        ok = s_send_all(fd, head, (size_t)n) && s_send_all(fd, body, strlen(body));
    } else if (ok) {
        ok = s_send_all(fd, strcmp(method, "POST") == 0 ? "Content-Length: 0\r\n\r\n" : "\r\n",
                        strcmp(method, "POST") == 0 ? 21 : 2);
    }
    ok = ok && s_read_all(fd, until_ms, out) && out->len > 0 && s_parse(out);
    close(fd);
    if (!ok)
        http_response_fini(out);
    return ok;
}

void http_response_fini(struct http_response *self)
{
    free(self->bytes);
    memset(self, 0, sizeof *self);
}

bool http_header(const struct http_response *response, const char *name, char *value_out, size_t size)
{
    size_t name_len = strlen(name);
    const char *line = strstr(response->bytes, "\r\n");
    while (line && line + 2 < response->body - 2) {
        line += 2;
        const char *end = strstr(line, "\r\n");
        if (strncasecmp(line, name, name_len) == 0 && line[name_len] == ':') {
            const char *value = line + name_len + 1;
            while (*value == ' ')
                value++;
            size_t len = (size_t)(end - value);
            if (len >= size)
                return false;
            memcpy(value_out, value, len);
            value_out[len] = '\0';
            return true;
        }
        line = end;
    }
    return false;
}
