/* http_conn — one HTTP connection: reads heads and bodies within their bounds and times, sends answers, keeps alive.
 *
 * A head is looked at while it is still in the kernel (MSG_PEEK): a WebSocket request can then be handed to
 * libwebsockets untouched, and an idle connection holds no buffer. While an answer is worked on nothing is read.
 *
 * Runs on: the thread of its edge.   Owns: its socket, its buffers, its question in flight.
 * Bounds: LIM_HTTP_HEADERS_BYTES_MAX, LIM_HTTP_BODY_BYTES_MAX, and a time for each state. */
#ifndef ROOKERY_EDGE_HTTP_CONN_H
#define ROOKERY_EDGE_HTTP_CONN_H

#include "edge/http_parse.h"
#include "edge/shared.h"

enum {
    HTTP_HEAD_MS = 10000,      /* from the first byte, or from accept, to the end of the head */
    HTTP_IDLE_MS = 30000,      /* between requests */
    HTTP_BODY_MS = 15000,
    HTTP_ANSWER_MS = 15000,    /* longer than any question in flight */
    HTTP_SEND_MS = 30000,      /* without progress */
    HTTP_LINGER_MS = 1000,     /* what a refused request still sends is read away for so long */
    HTTP_LINGER_BYTES = 256 * 1024,
    HTTP_CROWDED_MS = 1000,    /* for a head, when places run short or the server drains */
};

typedef enum { CONN_HEAD, CONN_BODY, CONN_PIECE, CONN_WAITING, CONN_SENDING, CONN_LINGER } conn_state_t;

struct http_route;
struct http_conn;

/* Who makes an answer while it is read, or takes a body while it comes. */
struct http_source {
    void (*more)(struct http_conn *conn); /* all so far is on its way: http_stream_part or _end, or an ask for it */
    void (*piece)(struct http_conn *conn, view_t piece); /* what http_conn_read_piece asked for; borrowed */
    void (*gone)(struct http_conn *conn); /* the request is over, whole or not: nothing of it may be kept */
};

struct http_conn {
    struct edge *edge;
    struct http_conn *next, *prev;
    int fd;
    loop_watch_t *watch;
    conn_state_t state;
    int64_t entered_ms, deadline_ms; /* of this state, or of a head's first byte; looked at once a second */
    struct in6_addr peer;           /* IPv4 as mapped */
    char address[ADDRESS_PRINTED_MAX]; /* of the browser, as far as proxies are believed */
    budget_address_t budget, held;  /* held: what was counted at accept; 0: nothing */
    bool admin, by_proxy;

    /* The request at hand. */
    const struct http_route *route;
    struct ask *ask;
    uint8_t *in;                    /* its head and body, while the body comes in */
    size_t in_len, in_need;
    size_t seen;                    /* bytes of an unfinished head, still in the kernel */
    int64_t started_us;
    bool keep_alive, head_only, https, unread; /* unread: parts of it are still to come */
    bool by_pieces, wants_go_on;    /* the body is read when asked for; the client waits for 100 */
    uint64_t body_left;             /* of such a body: not asked for yet */
    bool served;                    /* an earlier request of this connection was answered */
    char *allow_origin;             /* CORS: the listed origin; NULL: none */
    char host[128];                 /* checked, for the policy header; "" if odd */

    /* The answer. */
    buffer_t out;
    size_t sent;
    view_t body;                    /* sent after out; borrowed from http_static */
    const struct http_source *source; /* NULL: the answer is made at once */
    void *source_state;             /* the source's */
    bool streams, chunked;          /* further parts follow; with their lengths, for the connection stays */
    int64_t part_by_ms;             /* a part must have been read by then; 0: it is no part */
};

/* {listener} Takes the socket and the hold. */
void http_conn_open(struct edge *edge, int fd, const struct in6_addr *peer, budget_address_t held, bool by_proxy,
                    bool admin);
void http_conn_close(struct http_conn *self);
void http_conn_close_all(struct edge *edge);
void http_conn_on_tick(struct edge *edge);

/* Reads len more bytes of a body that comes by pieces, at most body_left and LIM_FILE_CHUNK_BYTES, then calls
 * source->piece. They must come within LIM_FILE_PIECE_MS. The connection may be gone when it returns. */
void http_conn_read_piece(struct http_conn *self, size_t len);
/* What is in conn->out and body goes out; then the next request, or the end. */
void http_conn_send(struct http_conn *self);
/* Lets libwebsockets have the socket. */
void http_conn_upgrade(struct http_conn *self);

#endif
