/* http_parse — the head of one HTTP/1.1 request: request line and headers, read strictly, copied nowhere.
 *
 * Strict where laxness has hurt others: CRLF only, no folded lines, no space before a colon, one Host, one
 * Content-Length of digits, no Transfer-Encoding at all (request smuggling lives in the disagreements). Pure.
 * Bounds: LIM_HTTP_HEADERS_BYTES_MAX, HTTP_HEADERS_MAX, HTTP_PATH_BYTES_MAX. */
#ifndef ROOKERY_EDGE_HTTP_PARSE_H
#define ROOKERY_EDGE_HTTP_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/codec.h"
#include "proto/limits.h"

enum { HTTP_HEADERS_MAX = 64, HTTP_PATH_BYTES_MAX = 1024, HTTP_PARAM_BYTES_MAX = 1024 };

typedef enum {
    HTTP_GET = 1,
    HTTP_HEAD = 2,
    HTTP_POST = 4,
    HTTP_PATCH = 8,
    HTTP_DELETE = 16,
    HTTP_OPTIONS = 32,
    HTTP_PUT = 64,
    HTTP_OTHER = 128, /* a well formed method that nothing here takes */
} http_method_t;

typedef enum {
    HTTP_PARSED,
    HTTP_INCOMPLETE, /* read on */
    HTTP_BAD,        /* 400 */
    HTTP_TOO_LONG,   /* 431: head or path beyond their bounds */
    HTTP_NOT_1_X,    /* 505, HTTP/2 by prior knowledge among them */
} http_parsed_t;

/* Headers anything here asks for; the others are checked and forgotten. */
#define HTTP_HEADERS(X)                                                                                         \
    X(HOST, "host") X(ORIGIN, "origin") X(AUTHORIZATION, "authorization") X(COOKIE, "cookie")                     \
    X(CONTENT_TYPE, "content-type") X(CONTENT_LENGTH, "content-length") X(TRANSFER_ENCODING, "transfer-encoding") \
    X(CONNECTION, "connection") X(UPGRADE, "upgrade") X(EXPECT, "expect")                                        \
    X(WS_PROTOCOL, "sec-websocket-protocol") X(WS_KEY, "sec-websocket-key") X(WS_VERSION, "sec-websocket-version") \
    X(ACCEPT_ENCODING, "accept-encoding") X(IF_NONE_MATCH, "if-none-match") X(ACCEPT, "accept")                    \
    X(FETCH_SITE, "sec-fetch-site") X(FORWARDED_FOR, "x-forwarded-for") X(FORWARDED_PROTO, "x-forwarded-proto")    \
    X(USER_AGENT, "user-agent") X(RANGE, "range") X(IF_RANGE, "if-range") X(REQUEST_METHOD, "access-control-request-method")

typedef enum {
#define X(name, wire) HTTP_HEADER_##name,
    HTTP_HEADERS(X)
#undef X
        HTTP_HEADER_COUNT
} http_header_t;

struct http_request {
    http_method_t method;
    view_t target, query;               /* as sent; query without the "?" */
    view_t headers[HTTP_HEADER_COUNT];  /* values without space around; len 0: absent or empty */
    bool has_length;
    uint64_t content_length;
    bool keep_alive;                    /* 1.1 without "close" */
    size_t head_len;                    /* of the whole head, with its empty line */
    size_t path_len;
    char path[HTTP_PATH_BYTES_MAX + 1]; /* decoded, begins with "/", NUL; no "." or ".." segments, no NUL inside */
};

/* bytes: what has come so far. Views borrow from it. */
http_parsed_t http_parse(view_t bytes, struct http_request *out);

const char *http_method_name(http_method_t method);
/* True when a comma separated header value has this token, in any case. */
bool http_has_token(view_t value, const char *token);
/* The value of a query parameter, decoded into text_out with a NUL. False: absent, malformed, doubled or too long. */
bool http_param(view_t query, const char *name, char text_out[HTTP_PARAM_BYTES_MAX + 1]);
bool http_param_long(view_t query, const char *name, char *text_out, size_t size);
bool http_has_param(view_t query, const char *name);
/* The number a query parameter holds; absent: fallback. False: not a number of 0 … max. */
bool http_param_number(view_t query, const char *name, uint64_t fallback, uint64_t max, uint64_t *value_out);
/* Digits only, at most max. */
bool http_number(view_t text, uint64_t max, uint64_t *value_out);

#endif
