#include "bench/ws_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_BYTES = 64 * 1024, MESSAGE_BYTES_MAX = 1024 * 1024, WRITE_BYTES_MAX = 4 * 1024 * 1024 };

struct ws_client {
    int fd, close_code, http_status;
    bool connecting, open, closed;
    buffer_t in, out;
    size_t out_pos, read_max;
    uint32_t mask;
    ws_message_fn on_message;
    void *owner;
};

static bool s_start(ws_client_t *self, int port, int receive_bytes)
{
    self->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (self->fd < 0)
        return false;
    int one = 1;
    setsockopt(self->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (receive_bytes > 0)
        setsockopt(self->fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(self->fd, (struct sockaddr *)&at, sizeof at) != 0 && errno != EINPROGRESS)
        self->closed = true; /* refused at once: told by the first on_ready */
    self->connecting = true;
    return true;
}

ws_client_t *ws_client_new(int port, const char *subprotocol, ws_message_fn on_message, void *owner)
{
    return ws_client_new_narrow(port, subprotocol, 0, on_message, owner);
}

ws_client_t *ws_client_new_narrow(int port, const char *subprotocol, int receive_bytes, ws_message_fn on_message,
                                  void *owner)
{
    ws_client_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    buffer_init(&self->in, MESSAGE_BYTES_MAX + READ_BYTES);
    buffer_init(&self->out, WRITE_BYTES_MAX);
    self->on_message = on_message;
    self->owner = owner;
    self->close_code = 1006;
    self->mask = 0x5bd1e995u;
    char ask[512];
    int n = snprintf(ask, sizeof ask,
                     "GET /ws HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: cm9va2VyeS1sb2FkLTAwMQ==\r\n"
                     "Origin: http://127.0.0.1:%d\r\nSec-WebSocket-Protocol: %s\r\n\r\n",
                     port, port, subprotocol);
    if (!s_start(self, port, receive_bytes) || buffer_append(&self->out, ask, (size_t)n) != ERR_OK)
        ws_client_destroy(&self);
    return self;
}

void ws_client_destroy(ws_client_t **self_p)
{
    ws_client_t *self = *self_p;
    if (!self)
        return;
    if (self->fd >= 0)
        close(self->fd);
    buffer_fini(&self->in);
    buffer_fini(&self->out);
    free(self);
    *self_p = NULL;
}

int ws_client_fd(const ws_client_t *self)
{
    return self->fd;
}

bool ws_client_wants_write(const ws_client_t *self)
{
    return !self->closed && (self->connecting || self->out.len > self->out_pos);
}

bool ws_client_is_open(const ws_client_t *self)
{
    return self->open && !self->closed;
}

int ws_client_close_code(const ws_client_t *self)
{
    return self->close_code;
}

int ws_client_http_status(const ws_client_t *self)
{
    return self->http_status;
}

void ws_client_shut(ws_client_t *self)
{
    if (self->fd >= 0)
        shutdown(self->fd, SHUT_RDWR);
    self->closed = true;
}

void ws_client_read_at_most(ws_client_t *self, size_t bytes)
{
    self->read_max = bytes;
}

static void s_flush(ws_client_t *self)
{
    while (self->out.len > self->out_pos) {
        ssize_t n = send(self->fd, self->out.bytes + self->out_pos, self->out.len - self->out_pos, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno != EAGAIN && errno != EINTR)
                self->closed = true;
            return;
        }
        self->out_pos += (size_t)n;
    }
    buffer_clear(&self->out);
    self->out_pos = 0;
}

static bool s_send_frame(ws_client_t *self, unsigned opcode, view_t message)
{
    if (self->closed)
        return false;
    uint8_t head[14] = {(uint8_t)(0x80u | opcode)};
    size_t head_len;
    if (message.len < 126) {
        head[1] = (uint8_t)(0x80u | message.len);
        head_len = 2;
    } else if (message.len <= 0xFFFF) {
        head[1] = 0x80u | 126u;
        head[2] = (uint8_t)(message.len >> 8);
        head[3] = (uint8_t)message.len;
        head_len = 4;
    } else {
        head[1] = 0x80u | 127u;
        for (int i = 0; i < 8; i++)
            head[2 + i] = (uint8_t)((uint64_t)message.len >> (56 - 8 * i));
        head_len = 10;
    }
    self->mask = self->mask * 1664525u + 1013904223u;
    uint8_t key[4];
    memcpy(key, &self->mask, sizeof key);
    memcpy(head + head_len, key, sizeof key);
    size_t start = self->out.len;
    if (buffer_append(&self->out, head, head_len + 4) != ERR_OK ||
        buffer_append(&self->out, message.bytes, message.len) != ERR_OK) {
        buffer_truncate(&self->out, start);
        return false;
    }
    uint8_t *body = self->out.bytes + start + head_len + 4;
    for (size_t i = 0; i < message.len; i++)
        body[i] ^= key[i & 3];
    if (!self->connecting)
        s_flush(self);
    return !self->closed;
}

bool ws_client_send(ws_client_t *self, ws_opcode_t opcode, view_t message)
{
    return self->open && s_send_frame(self, (unsigned)opcode, message);
}

static void s_on_frame(ws_client_t *self, unsigned opcode, view_t message)
{
    switch (opcode) {
    case 1:
    case 2:
        self->on_message(self->owner, self, message);
        return;
    case 8:
        if (message.len >= 2)
            self->close_code = message.bytes[0] << 8 | message.bytes[1];
        s_send_frame(self, 8, message);
        self->closed = true;
        return;
    case 9:
        s_send_frame(self, 10, message);
        return;
    default:
        return;
    }
}

/* Takes one frame off the front of `in` from *pos on; false when it is not there whole. */
static bool s_take_frame(ws_client_t *self, size_t *pos)
{
    const uint8_t *p = self->in.bytes + *pos;
    size_t have = self->in.len - *pos, head = 2;
    if (have < 2)
        return false;
    uint64_t len = p[1] & 0x7Fu;
    if (len == 126) {
        if (have < 4)
            return false;
        len = (uint64_t)p[2] << 8 | p[3];
        head = 4;
    } else if (len == 127) {
        if (have < 10)
            return false;
        len = 0;
        for (int i = 0; i < 8; i++)
            len = len << 8 | p[2 + i];
        head = 10;
    }
    if (!(p[0] & 0x80u) || (p[1] & 0x80u) || len > MESSAGE_BYTES_MAX) { /* fragments, masks: not from our server */
        self->closed = true;
        return false;
    }
    if (have - head < len)
        return false;
    *pos += head + (size_t)len;
    s_on_frame(self, p[0] & 15u, view_of(p + head, (size_t)len));
    return true;
}

static void s_take_handshake(ws_client_t *self, size_t *pos)
{
    static const char end[] = "\r\n\r\n";
    uint8_t *found = memmem(self->in.bytes, self->in.len, end, 4);
    if (!found)
        return;
    char line[64] = {0};
    memcpy(line, self->in.bytes, self->in.len < sizeof line - 1 ? self->in.len : sizeof line - 1);
    if (sscanf(line, "HTTP/1.1 %3d", &self->http_status) != 1 || self->http_status != 101)
        self->closed = true;
    *pos = (size_t)(found - self->in.bytes) + 4;
    self->open = true;
}

static void s_read(ws_client_t *self)
{
    uint8_t bytes[READ_BYTES];
    for (int turn = 0; turn < 16 && !self->closed; turn++) {
        size_t wanted = self->read_max && self->read_max < sizeof bytes ? self->read_max : sizeof bytes;
        ssize_t n = recv(self->fd, bytes, wanted, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0) {
            self->closed = true;
            return;
        }
        buffer_append(&self->in, bytes, (size_t)n);
        size_t pos = 0;
        if (!self->open)
            s_take_handshake(self, &pos);
        while (self->open && !self->closed && s_take_frame(self, &pos))
            ;
        size_t left = self->in.len - pos;
        memmove(self->in.bytes, self->in.bytes + pos, left);
        buffer_truncate(&self->in, left);
        if ((size_t)n < sizeof bytes) /* there is no more, or no more is wanted */
            return;
    }
}

bool ws_client_on_ready(ws_client_t *self, bool readable, bool writable)
{
    if (self->closed)
        return false;
    if (writable && self->connecting) {
        int error = 0;
        socklen_t len = sizeof error;
        getsockopt(self->fd, SOL_SOCKET, SO_ERROR, &error, &len);
        self->connecting = false;
        if (error)
            self->closed = true;
    }
    if (writable && !self->closed)
        s_flush(self);
    if (readable && !self->connecting && !self->closed)
        s_read(self);
    return !self->closed;
}
