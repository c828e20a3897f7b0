/* raw_client — a blocking socket that speaks HTTP and WebSocket by hand, also wrongly. For tests only. */
#ifndef ROOKERY_TESTS_RAW_CLIENT_H
#define ROOKERY_TESTS_RAW_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/messages.h"

struct raw {
    int fd;
    uint8_t *bytes; /* received, not yet taken */
    size_t len, cap;
    uint8_t *frame; /* the last frame's payload */
    size_t frame_len;
};

enum { RAW_WAIT_MS = 5000 };

struct raw raw_connect(int port);
struct raw raw_connect_slow(int port, int receive_bytes); /* with a small receive buffer */
void raw_close(struct raw *self);
void raw_send(struct raw *self, const void *bytes, size_t len);
void raw_text(struct raw *self, const char *text);
bool raw_read(struct raw *self, int wait_ms); /* more bytes; false: end, or none in time */
bool raw_is_closed(struct raw *self, int wait_ms); /* the server ended it, whatever it sent before */

/* One HTTP answer: status, head and body with NULs; 0: none came. Borrowed until the next call. */
struct answer_text {
    int status;
    char head[8192];
    char *body;
    size_t body_len;
};
int http_exchange(struct raw *self, const char *request, struct answer_text *out);
/* A connection of its own for one request. headers: lines with CRLF, or NULL. */
int http_once(int port, const char *method, const char *path, const char *headers, const char *body,
              struct answer_text *out);
bool head_has(const struct answer_text *answer, const char *line);
void answer_fini(struct answer_text *answer);

/* The opening handshake; the status. extra: header lines, or NULL. */
int ws_handshake(struct raw *self, const char *protocol, const char *extra);
void ws_frame(struct raw *self, uint8_t first_byte, const void *payload, size_t len);
void ws_send_text(struct raw *self, const char *json);
void ws_send(struct raw *self, const struct msg *msg); /* MessagePack */
/* The next frame's opcode, its payload in frame; 0: none in time, or the end. */
int ws_next(struct raw *self, int wait_ms);
/* The next message that is none of the small signs (heads, heartbeat, presence, pings); MSG_NONE: a close or none. */
uint16_t ws_next_msg(struct raw *self, struct msg *msg_out, int wait_ms);
/* The code of the close frame, skipping what comes before; 0: none. */
int ws_next_close(struct raw *self, int wait_ms);

/* Open, hello, welcome: a signed-in msgpack socket. */
struct raw ws_sign_in(int port, const char *token);
void ws_show(struct raw *self, uint64_t room, uint64_t after); /* sub, until `live`; fails the test otherwise */
cid_t cid_of(uint64_t number);
void ws_post(struct raw *self, uint64_t room, uint64_t number, const char *text);

#endif
