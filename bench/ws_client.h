/* ws_client — one WebSocket of a load or test client: non-blocking, driven by its owner's epoll loop.
 * RFC 6455, client side: masks what it sends, answers pings, takes unfragmented frames of at most 1 MiB. */
#ifndef ROOKERY_BENCH_WS_CLIENT_H
#define ROOKERY_BENCH_WS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/codec.h"

typedef struct ws_client ws_client_t;

typedef enum { WS_TEXT = 1, WS_BINARY = 2 } ws_opcode_t;

/* One whole message; borrowed until return. The handler may send, and may call ws_client_shut, but not destroy. */
typedef void (*ws_message_fn)(void *owner, ws_client_t *socket, view_t message);

/* Starts a connection to 127.0.0.1:port and asks for /ws with this subprotocol. NULL: no memory or no socket. */
ws_client_t *ws_client_new(int port, const char *subprotocol, ws_message_fn on_message, void *owner);
/* The same, into a receive buffer of so many bytes: set before the connection is made, or the kernel has promised more
 * than it will take, drops segments, and both sides wait for timers of seconds. */
ws_client_t *ws_client_new_narrow(int port, const char *subprotocol, int receive_bytes, ws_message_fn on_message,
                                  void *owner);
void ws_client_destroy(ws_client_t **self_p);

int ws_client_fd(const ws_client_t *self);
bool ws_client_wants_write(const ws_client_t *self); /* connecting, or bytes wait */
bool ws_client_is_open(const ws_client_t *self);     /* the handshake is done */

/* For one who reads slowly: how much each ws_client_on_ready may read from here on; 0: all there is. */
void ws_client_read_at_most(ws_client_t *self, size_t bytes);

/* Does what the socket is ready for. False: it is closed; see ws_client_close_code. */
bool ws_client_on_ready(ws_client_t *self, bool readable, bool writable);
/* Queues one message. False when it is closed. */
bool ws_client_send(ws_client_t *self, ws_opcode_t opcode, view_t message);
void ws_client_shut(ws_client_t *self); /* at once, without a close frame: as when a cable is pulled */

int ws_client_close_code(const ws_client_t *self); /* 1006: none came */
int ws_client_http_status(const ws_client_t *self); /* of a refused handshake, else 0 or 101 */

#endif
