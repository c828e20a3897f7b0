/* http_client — one blocking HTTP/1.1 request on a connection of its own, for load and system tests.
 * Loopback only, bounded in size and time. */
#ifndef ROOKERY_BENCH_HTTP_CLIENT_H
#define ROOKERY_BENCH_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

enum { HTTP_RESPONSE_BYTES_MAX = 1024 * 1024 };

struct http_response {
    int status;        /* 0: no answer; see http_call */
    char *bytes;       /* the whole response, NUL at its end; owned, see http_response_fini */
    size_t len;
    const char *body;  /* inside bytes */
    size_t body_len;
};

/* Sends one request to 127.0.0.1:port. headers: further lines, each ended by \r\n, or "". body may be NULL.
 * False when there was no whole answer within timeout_ms. */
bool http_call(int port, const char *method, const char *path, const char *headers, const char *body,
               int timeout_ms, struct http_response *out);
void http_response_fini(struct http_response *self);

/* Copies the value of a header (name without colon, any case) of at most size-1 bytes; false if absent. */
bool http_header(const struct http_response *response, const char *name, char *value_out, size_t size);

/* A blocking TCP connection to 127.0.0.1:port, or -1. */
int tcp_connect(int port, int timeout_ms);

#endif
