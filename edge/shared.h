/* shared — what the modules of one edge have in common. Only files of edge/ include it; everything in it belongs to
 * the thread of its edge. */
#ifndef ROOKERY_EDGE_SHARED_H
#define ROOKERY_EDGE_SHARED_H

#include "actors/runtime/actor.h"
#include "actors/runtime/config.h"
#include "actors/runtime/map.h"
#include "actors/runtime/node_stats.h"
#include "actors/runtime/stats_board.h"
#include "actors/runtime/topology.h"
#include "edge/asks.h"
#include "edge/auth.h"
#include "edge/budget.h"
#include "edge/fanout.h"
#include "edge/loop.h"
#include "edge/proxies.h"

struct session;
struct http_conn;
struct listener;
struct http_static;
struct people;

struct edge {
    const struct config *config;
    const struct topology *topology;
    const char *build; /* BUILD_VERSION */
    actor_t *actor;
    loop_t *loop;
    struct asks *asks;
    struct links *links;
    struct attach *attach;
    struct people *people;
    fanout_t *fanout;
    int64_t now_ms; /* CLOCK_BOOTTIME, of this turn */
    int64_t utc_ms;

    /* Who may pass. */
    auth_t *auth;
    struct auth_origins origins;
    struct proxies proxies;
    budget_holds_t *holds;          /* sockets of each address */
    budget_table_t *requests;       /* HTTP requests of each address */
    struct budget_rule frames_rule, flood_rule; /* WebSocket messages of a session */
    bool has_id_key;
    uint8_t id_key[KEY_BYTES];

    /* WebSockets: session.c. */
    struct lws_vhost *vhost;
    map_t sessions;              /* number → session, from hello on */
    map_t users;                 /* user → first session */
    struct session *all;         /* every open socket */
    struct session *sweep;       /* the next one to look after */
    size_t socket_count;
    int64_t writes;              /* not yet in the metric */
    uint64_t last_number;
    uint8_t *scratch;            /* EDGE_WRITE_BYTES: frames of one write, together */
    buffer_t encoded;            /* messages to be sent on */
    buffer_t inbound;            /* one JSON message from a browser, as MessagePack */

    /* HTTP: http_conn.c. */
    struct http_conn *conns;
    struct http_conn *conn_sweep; /* the next one to look after */
    size_t conn_count;
    struct listener *listener, *admin;
    struct http_static *statics;
    struct export *exports;      /* http_export.c */
    struct transfer *transfers;  /* http_files.c */
    size_t file_asks;            /* pieces of them on their way */
    uint64_t file_turns;         /* of those that wait to ask for one */
    uint8_t *peeked;             /* EDGE_PEEK_BYTES: the head of one request */

    struct node_stats stats;     /* what it tells of itself */
    stats_board_t *board;        /* http_admin_state.c: what all told of themselves; NULL: nobody looked yet */

    /* The end: edge.c. */
    bool draining;
    int64_t drain_at_ms;         /* when the next sockets are told to go */
    int64_t drain_until_ms;
    size_t drain_step;           /* sockets told each time; 0: not begun */
};

enum {
    EDGE_CLOSE_RESTART = 1012,    /* RFC 6455's registry: service restart */
    EDGE_PEEK_BYTES = LIM_HTTP_HEADERS_BYTES_MAX + 1,
    EDGE_WRITE_BYTES = 64 * 1024, /* at most so much goes to a socket in one write; then it waits for its reader */
};

#endif
