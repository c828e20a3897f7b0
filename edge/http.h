/* http — routes, and what every answer has in common: problem documents, security headers, cross origin rules.
 *
 * One table says which methods an address takes, whether it needs a token, and what /openapi.json tells of it. An
 * answer of the actors is a message; its JSON form is the body. Runs on: the thread of its edge. */
#ifndef ROOKERY_EDGE_HTTP_H
#define ROOKERY_EDGE_HTTP_H

#include "edge/http_conn.h"

enum { HTTP_IDS_MAX = 2 };

typedef enum { HTTP_ADMIT_READ, HTTP_ADMIT_UPGRADE, HTTP_ADMIT_REFUSED } http_admit_t;

/* One request as a handler sees it; borrowed until it returns. */
struct http_call {
    const struct http_request *request;
    view_t body;
    struct auth_identity identity; /* of routes with HTTP_TOKEN */
    uint64_t ids[HTTP_IDS_MAX];    /* the {…} of the path that are numbers */
};

/* A handler answers now (http_reply…) or asks (http_ask) and answers then. */
typedef void (*http_handler)(struct http_conn *conn, const struct http_call *call);

enum {
    HTTP_TOKEN = 1,
    HTTP_COOKIE = 2,
    HTTP_ADMIN = 4,
    HTTP_PLAIN = 8,    /* no budget: probes */
    HTTP_PICTURE = 16, /* the body is one: its own bound, and the token is looked at before any of it is read */
    HTTP_PIECES = 64,  /* the body may be as long as a file, and is read piece by piece: http_conn_read_piece */
    HTTP_ADMINS = 32,  /* with HTTP_TOKEN: of administrators only */
    HTTP_GIVEN = 128,  /* with HTTP_TOKEN: also who signed in with a password that an administrator gave; nowhere else */
};

struct http_route {
    http_method_t method;
    const char *path; /* "/api/v1/rooms/{id}/messages/{seq}" */
    http_handler handler;
    unsigned flags;
    const char *summary;      /* for /openapi.json */
    const char *query;        /* names of its parameters, comma separated; NULL: none */
    uint16_t body, answer;    /* messages whose JSON form they are; MSG_NONE: other, or none */
};

/* Pure: the route of a path and method. NULL: none; allow_out: methods the path does take, 0: unknown path. */
const struct http_route *http_find(bool admin, http_method_t method, const char *path, uint64_t ids_out[HTTP_IDS_MAX],
                                   unsigned *allow_out);

/* {http_conn} The head was read: may its body come? Refusals are answered here. */
http_admit_t http_admit(struct http_conn *conn, const struct http_request *request);
void http_serve(struct http_conn *conn, const struct http_request *request, view_t body);
void http_refuse_unparsed(struct http_conn *conn, http_parsed_t why);

/* Answers; each ends the request. extra: further header lines with their CRLF, or NULL. */
void http_reply(struct http_conn *conn, int status, const char *type, view_t body, const char *extra);
void http_reply_static(struct http_conn *conn, int status, const char *type, view_t body, const char *extra);
void http_reply_message(struct http_conn *conn, int status, view_t msgpack);
/* An answer in parts, none of them empty. The handler has set conn->source; its `more` is called when a part is on its
 * way, so a slow reader makes the source slow. The connection may be gone when part or end return. */
void http_stream_begin(struct http_conn *conn, const char *type, const char *extra);
/* The same with its length known: len bytes follow, no more and no fewer. */
void http_stream_begin_sized(struct http_conn *conn, int status, const char *type, uint64_t len, const char *extra);
void http_stream_part(struct http_conn *conn, view_t part);
void http_stream_end(struct http_conn *conn, view_t part);
void http_problem(struct http_conn *conn, err_t code, uint32_t retry_ms, uint64_t limit);
void http_problem_with(struct http_conn *conn, err_t code, uint32_t retry_ms, uint64_t limit, const char *extra);

/* Asks an actor for this request. `done` gets conn as ask->spec.owner and must answer. Refused: answered here. */
void http_ask(struct http_conn *conn, struct ask_spec spec, const struct msg *msg);
/* For `done`: true: a message of this type came. False: it did not, and the request was answered with a problem. */
bool http_got(struct http_conn *conn, const struct answer *answer, uint16_t type, struct msg *msg_out);
/* done: a message of spec.a's type is the answer, as it is. */
bool http_pass_on(struct edge *edge, struct ask *ask, const struct answer *answer);

/* The handlers. */
#define ROUTE(method, path, handler, ...) void http_##handler(struct http_conn *conn, const struct http_call *call);
#include "edge/routes.def"
#undef ROUTE

/* http_users, without ids. */
void http_users_find(struct http_conn *conn, const struct http_call *call);
void http_export_on_kick(struct edge *edge, uint64_t room, uint64_t user);
/* {attach} A kick: history on its way to this user is answered 403 instead. */
void http_on_kick(struct edge *edge, uint64_t room, uint64_t user);

/* http_static.c */
struct http_static *http_static_new(const char *web_root);
void http_static_destroy(struct http_static **self_p);
void http_static_serve(struct http_conn *conn, const struct http_request *request);

#endif
