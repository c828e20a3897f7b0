#include "edge/frame.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proto/json.h"

enum { OPCODE_TEXT = 0x81, OPCODE_BINARY = 0x82, OPCODE_CLOSE = 0x88, OPCODE_PING = 0x89, CLOSE_REASON_MAX = 123 };
enum { JSON_BYTES_MAX = 4 * 1024 * 1024 }; /* a `welcome` of 512 rooms is the longest */

size_t frame_header(size_t payload_len, bool text, uint8_t out[FRAME_HEADER_MAX])
{
    out[0] = text ? OPCODE_TEXT : OPCODE_BINARY;
    if (payload_len < 126) {
        out[1] = (uint8_t)payload_len;
        return 2;
    }
    if (payload_len <= UINT16_MAX) {
        out[1] = 126;
        out[2] = (uint8_t)(payload_len >> 8);
        out[3] = (uint8_t)payload_len;
        return 4;
    }
    out[1] = 127;
    for (int i = 0; i < 8; i++)
        out[2 + i] = (uint8_t)((uint64_t)payload_len >> (56 - 8 * i));
    return 10;
}

static frame_t *s_alloc(size_t len, uint16_t messages, uint8_t flags)
{
    if (len > UINT32_MAX)
        return NULL;
    frame_t *self = malloc(sizeof *self + len);
    if (!self)
        return NULL;
    self->refs = 1;
    self->len = (uint32_t)len;
    self->messages = messages;
    self->flags = flags;
    return self;
}

frame_t *frame_new(view_t payload, bool text, uint8_t flags)
{
    uint8_t header[FRAME_HEADER_MAX];
    size_t header_len = frame_header(payload.len, text, header);
    frame_t *self = s_alloc(header_len + payload.len, 1, flags);
    if (!self)
        return NULL;
    memcpy(self->bytes, header, header_len);
    if (payload.len > 0)
        memcpy(self->bytes + header_len, payload.bytes, payload.len);
    return self;
}

frame_t *frame_of_bytes(view_t framed, uint16_t messages)
{
    frame_t *self = s_alloc(framed.len, messages, 0);
    if (self && framed.len > 0)
        memcpy(self->bytes, framed.bytes, framed.len);
    return self;
}

frame_t *frame_close(uint16_t code, const char *reason)
{
    size_t len = strnlen(reason, CLOSE_REASON_MAX);
    frame_t *self = s_alloc(4 + len, 1, 0);
    if (!self)
        return NULL;
    self->bytes[0] = OPCODE_CLOSE;
    self->bytes[1] = (uint8_t)(2 + len);
    self->bytes[2] = (uint8_t)(code >> 8);
    self->bytes[3] = (uint8_t)code;
    memcpy(self->bytes + 4, reason, len);
    return self;
}

frame_t *frame_ping(void)
{
    static const uint8_t ping[] = {OPCODE_PING, 1, 'r'};
    frame_t *self = frame_of_bytes(view_of(ping, sizeof ping), 1);
    if (self)
        self->flags = FRAME_EPHEMERAL;
    return self;
}

frame_t *frame_ref(frame_t *self)
{
    assert(self && self->refs > 0);
    self->refs++;
    return self;
}

void frame_unref(frame_t **self_p)
{
    frame_t *self = *self_p;
    *self_p = NULL;
    if (!self)
        return;
    assert(self->refs > 0);
    if (--self->refs == 0)
        free(self);
}

struct shared shared_of(view_t msgpack, uint8_t flags)
{
    return (struct shared){.msgpack = msgpack, .flags = flags};
}

static frame_t *s_json_frame(struct shared *self)
{
    buffer_t text;
    buffer_init(&text, JSON_BYTES_MAX);
    frame_t *frame = NULL;
    if (!msg_to_json(self->msgpack, &text))
        frame = frame_new(buffer_view(&text), true, self->flags);
    buffer_fini(&text);
    self->failed = !frame;
    return frame;
}

frame_t *shared_frame(struct shared *self, bool json)
{
    if (!self->by_json[json] && !(json && self->failed))
        self->by_json[json] = json ? s_json_frame(self) : frame_new(self->msgpack, false, self->flags);
    return self->by_json[json];
}

void shared_fini(struct shared *self)
{
    frame_unref(&self->by_json[0]);
    frame_unref(&self->by_json[1]);
}
