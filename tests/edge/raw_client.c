#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "raw_client.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "edge/ws.h"

struct raw raw_connect_slow(int port, int receive_bytes)
{
    struct raw self = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (receive_bytes)
        setsockopt(self.fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
    if (connect(self.fd, (struct sockaddr *)&to, sizeof to) != 0)
        fail_msg("cannot connect to port %d", port);
    return self;
}

struct raw raw_connect(int port)
{
    return raw_connect_slow(port, 0);
}

void raw_close(struct raw *self)
{
    if (self->fd >= 0)
        close(self->fd);
    free(self->bytes);
    free(self->frame);
    *self = (struct raw){.fd = -1};
}

void raw_send(struct raw *self, const void *bytes, size_t len)
{
    const char *at = bytes;
    while (len > 0) {
        ssize_t sent = send(self->fd, at, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return; /* the server hung up: what it said before is what counts */
        at += sent;
        len -= (size_t)sent;
    }
}

void raw_text(struct raw *self, const char *text)
{
    raw_send(self, text, strlen(text));
}

bool raw_read(struct raw *self, int wait_ms)
{
    struct pollfd poll_fd = {.fd = self->fd, .events = POLLIN};
    if (self->len + 65536 > self->cap) {
        self->cap = self->len + 2 * 65536;
        self->bytes = realloc(self->bytes, self->cap);
        assert_non_null(self->bytes);
    }
    if (poll(&poll_fd, 1, wait_ms) <= 0)
        return false;
    ssize_t got = recv(self->fd, self->bytes + self->len, 65536, 0);
    if (got <= 0)
        return false;
    self->len += (size_t)got;
    return true;
}

bool raw_is_closed(struct raw *self, int wait_ms)
{
    char sink[4096];
    struct pollfd poll_fd = {.fd = self->fd, .events = POLLIN};
    while (poll(&poll_fd, 1, wait_ms) > 0)
        if (recv(self->fd, sink, sizeof sink, 0) <= 0)
            return true;
    return false;
}

static void s_take(struct raw *self, size_t len)
{
    memmove(self->bytes, self->bytes + len, self->len - len);
    self->len -= len;
}

/* ---- HTTP ---- */

void answer_fini(struct answer_text *answer)
{
    free(answer->body);
    answer->body = NULL;
}

bool head_has(const struct answer_text *answer, const char *line)
{
    return strstr(answer->head, line) != NULL;
}

int http_exchange(struct raw *self, const char *request, struct answer_text *out)
{
    uint8_t *end = NULL;
    memset(out, 0, sizeof *out);
    raw_text(self, request);
    while (!(end = self->len ? memmem(self->bytes, self->len, "\r\n\r\n", 4) : NULL))
        if (!raw_read(self, RAW_WAIT_MS))
            return 0;
    size_t head_len = (size_t)(end - self->bytes) + 4;
    assert_true(head_len < sizeof out->head);
    memcpy(out->head, self->bytes, head_len);
    s_take(self, head_len);
    out->status = atoi(out->head + 9);
    const char *length = strstr(out->head, "\r\nContent-Length: ");
    bool head_only = strncmp(request, "HEAD ", 5) == 0;
    out->body_len = length && !head_only ? (size_t)atol(length + 18) : 0;
    while (self->len < out->body_len)
        if (!raw_read(self, RAW_WAIT_MS))
            return 0;
    out->body = calloc(1, out->body_len + 1);
    assert_non_null(out->body);
    if (out->body_len) {
        memcpy(out->body, self->bytes, out->body_len);
        s_take(self, out->body_len);
    }
    return out->status;
}

int http_once(int port, const char *method, const char *path, const char *headers, const char *body,
              struct answer_text *out)
{
    static char request[200000];
    struct raw raw = raw_connect(port);
    int len = snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s", method, path, port,
                       headers ? headers : "");
    if (body)
        len += snprintf(request + len, sizeof request - (size_t)len,
                        "Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen(body));
    snprintf(request + len, sizeof request - (size_t)len, "\r\n%s", body ? body : "");
    int status = http_exchange(&raw, request, out);
    raw_close(&raw);
    return status;
}

/* ---- WebSocket ---- */

int ws_handshake(struct raw *self, const char *protocol, const char *extra)
{
    char request[2048];
    struct answer_text answer;
    snprintf(request, sizeof request,
             "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
             "Sec-WebSocket-Protocol: %s\r\n%s\r\n",
             protocol, extra ? extra : "");
    int status = http_exchange(self, request, &answer);
    if (status == 101)
        assert_true(strcasestr(answer.head, protocol) != NULL);
    answer_fini(&answer);
    return status;
}

void ws_frame(struct raw *self, uint8_t first_byte, const void *payload, size_t len)
{
    uint8_t header[14] = {first_byte, 0};
    size_t at = 2;
    if (len < 126) {
        header[1] = (uint8_t)(0x80 | len);
    } else if (len < 65536) {
        header[1] = 0x80 | 126;
        header[2] = (uint8_t)(len >> 8);
        header[3] = (uint8_t)len;
        at = 4;
    } else {
        header[1] = 0x80 | 127;
        for (int i = 0; i < 8; i++)
            header[2 + i] = (uint8_t)((uint64_t)len >> (56 - 8 * i));
        at = 10;
    }
    static const uint8_t mask[4] = {1, 2, 3, 4};
    memcpy(header + at, mask, 4);
    uint8_t *all = malloc(at + 4 + len);
    assert_non_null(all);
    memcpy(all, header, at + 4);
    for (size_t i = 0; i < len; i++)
        all[at + 4 + i] = ((const uint8_t *)payload)[i] ^ mask[i & 3];
    raw_send(self, all, at + 4 + len);
    free(all);
}

void ws_send_text(struct raw *self, const char *json)
{
    ws_frame(self, 0x81, json, strlen(json));
}

void ws_send(struct raw *self, const struct msg *msg)
{
    buffer_t bytes;
    buffer_init(&bytes, LIM_LINK_BODY_BYTES_MAX);
    assert_int_equal(ERR_OK, msg_encode(msg, &bytes));
    ws_frame(self, 0x82, bytes.bytes, bytes.len);
    buffer_fini(&bytes);
}

static bool s_need(struct raw *self, size_t len, int wait_ms)
{
    while (self->len < len)
        if (!raw_read(self, wait_ms))
            return false;
    return true;
}

int ws_next(struct raw *self, int wait_ms)
{
    if (!s_need(self, 2, wait_ms))
        return 0;
    size_t at = 2;
    uint64_t len = self->bytes[1];
    assert_int_equal(0, len & 0x80); /* a server masks nothing */
    assert_int_equal(0x80, self->bytes[0] & 0xF0);
    if (len == 126) {
        if (!s_need(self, at = 4, wait_ms))
            return 0;
        len = (uint64_t)self->bytes[2] << 8 | self->bytes[3];
    } else if (len == 127) {
        if (!s_need(self, at = 10, wait_ms))
            return 0;
        len = 0;
        for (int i = 0; i < 8; i++)
            len = len << 8 | self->bytes[2 + i];
    }
    if (!s_need(self, at + (size_t)len, wait_ms))
        return 0;
    int opcode = self->bytes[0] & 0x0F;
    free(self->frame);
    self->frame = malloc((size_t)len + 1);
    assert_non_null(self->frame);
    memcpy(self->frame, self->bytes + at, (size_t)len);
    self->frame[len] = 0;
    self->frame_len = (size_t)len;
    s_take(self, at + (size_t)len);
    return opcode;
}

uint16_t ws_next_msg(struct raw *self, struct msg *msg_out, int wait_ms)
{
    for (;;) {
        int opcode = ws_next(self, wait_ms);
        if (opcode == 9 || opcode == 10)
            continue;
        if (opcode != 2)
            return MSG_NONE;
        assert_int_equal(ERR_OK, msg_decode(view_of(self->frame, self->frame_len), msg_out));
        uint16_t type = msg_out->type;
        if (type != MSG_HEADS && type != MSG_HEARTBEAT && type != MSG_PRESENCE)
            return type;
    }
}

int ws_next_close(struct raw *self, int wait_ms)
{
    int opcode;
    while ((opcode = ws_next(self, wait_ms)) != 8)
        if (opcode == 0)
            return 0;
    return self->frame_len >= 2 ? self->frame[0] << 8 | self->frame[1] : 1005;
}

struct raw ws_sign_in(int port, const char *token)
{
    struct raw self = raw_connect(port);
    struct msg msg;
    assert_int_equal(101, ws_handshake(&self, WS_PROTOCOL_MSGPACK, NULL));
    assert_int_equal(MSG_HI, ws_next_msg(&self, &msg, RAW_WAIT_MS));
    struct msg hello = {.type = MSG_HELLO, .as.hello = {.version = PROTO_VERSION, .token = view_of_text(token),
                                                        .device = view_of_text("test")}};
    ws_send(&self, &hello);
    assert_int_equal(MSG_WELCOME, ws_next_msg(&self, &msg, RAW_WAIT_MS));
    return self;
}

void ws_show(struct raw *self, uint64_t room, uint64_t after)
{
    struct msg sub = {.type = MSG_SUB, .as.sub = {.room = room, .incarnation = 1, .after = after}}, msg;
    ws_send(self, &sub);
    assert_int_equal(MSG_SUB_OK, ws_next_msg(self, &msg, RAW_WAIT_MS));
    uint64_t next = after + 1;
    uint16_t type;
    while ((type = ws_next_msg(self, &msg, RAW_WAIT_MS)) == MSG_EVENT)
        assert_int_equal(next++, msg.as.event.seq);
    assert_int_equal(MSG_LIVE, type);
    assert_int_equal(next - 1, msg.as.live.seq);
}

cid_t cid_of(uint64_t number)
{
    cid_t cid = {{0}};
    memcpy(cid.bytes, &number, sizeof number);
    cid.bytes[15] = 1;
    return cid;
}

void ws_post(struct raw *self, uint64_t room, uint64_t number, const char *text)
{
    struct msg post = {.type = MSG_ROOM_POST, .as.room_post = {.room = room, .client_id = cid_of(number),
                                                               .text = view_of_text(text)}};
    ws_send(self, &post);
}
