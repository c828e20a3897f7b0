/* ws — libwebsockets' callbacks: sockets that http_conn.c found to be WebSocket requests, and their frames.
 *
 * libwebsockets sees no request but `GET /ws` with `Upgrade: websocket` that http_conn.c has checked already: its
 * HTTP parser, HTTP/2 and upgrade paths (RELIABILITY: known remote holes in 4.1.6) are out of a stranger's reach.
 * The guards it needs when used alone (CONFIRM_UPGRADE, FILTER_PROTOCOL_CONNECTION) are here all the same.
 *
 * Runs on: the thread of its edge. */
#ifndef ROOKERY_EDGE_WS_H
#define ROOKERY_EDGE_WS_H

#include "edge/shared.h"

#define WS_PROTOCOL_MSGPACK "rookery.v1.msgpack"
#define WS_PROTOCOL_JSON "rookery.v1.json"

/* Makes the lws context and edge->vhost on the edge's loop. */
err_t ws_open(struct edge *edge);
/* Hands over a connected socket whose request is still unread in the kernel. The fd is lws's from here on, and
 * with it one budget_hold of its address, whatever happens. */
void ws_adopt(struct edge *edge, int fd, budget_address_t address);

#endif
