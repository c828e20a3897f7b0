/* fuzz_ws — what a browser sends after `hello`, cut into pieces as a stranger or the network likes: however it is cut,
 * the same message comes out or the same refusal, and whatever comes out is read as session.c reads it.
 *
 * Input: how to cut (a byte for the subprotocol, then one byte for the length of each piece, up to the first 0), then the
 * message. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "edge/assembly.h"
#include "proto/json.h"

enum { JSON = 1, LONG = 2, CUTS_MAX = 64, PIECE_UNIT = 37 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct cuts {
    uint8_t lens[CUTS_MAX];
    size_t count;
};

/* As session_on_message: 0 and the message, or why not. */
static err_t s_read(bool json, view_t frame, buffer_t *bytes, struct msg *msg)
{
    if (json) {
        err_t err = msg_from_json(frame, bytes);
        if (err)
            return err;
        frame = buffer_view(bytes);
    }
    err_t err = msg_decode(frame, msg);
    assert(!json || !err); /* what JSON gave is a message */
    return err ? err : msg_may_send(msg->type, BROWSER) ? ERR_OK : ERR_UNEXPECTED;
}

static void s_check_message(bool json, view_t frame)
{
    buffer_t bytes, out;
    struct msg msg;
    buffer_init(&bytes, LIM_LINK_BODY_BYTES_MAX);
    buffer_init(&out, LIM_LINK_BODY_BYTES_MAX);
    if (!s_read(json, frame, &bytes, &msg)) { /* it goes on to an actor, encoded again */
        err_t err = msg_encode(&msg, &out);
        assert(!err);
    }
    buffer_fini(&bytes);
    buffer_fini(&out);
}

/* Hands the message over in pieces. True: it came out, and is equal to what went in. */
static bool s_cut(view_t message, const struct cuts *cuts, bool exact)
{
    buffer_t *assembly = NULL, *whole = NULL;
    view_t out;
    size_t at = 0;
    for (size_t i = 0;; i++) {
        size_t len = i < cuts->count ? (size_t)cuts->lens[i] * PIECE_UNIT : message.len - at;
        if (len > message.len - at)
            len = message.len - at;
        bool last = at + len == message.len && i >= cuts->count;
        /* A copy of the exact size, so that a read behind it is seen. */
        uint8_t *piece = malloc(len ? len : 1);
        assert(piece);
        if (len)
            memcpy(piece, message.bytes + at, len);
        at += len;
        uint64_t rest = exact && !last ? message.len - at : 0; /* one long frame, or one frame for each piece */
        assembly_t got = assembly_add(&assembly, view_of(piece, len), rest, last, &out, &whole);
        assert(got != ASSEMBLY_TOO_LARGE || (!assembly && message.len > LIM_CLIENT_FRAME_BYTES_MAX));
        assert(got != ASSEMBLY_MORE || (!last && at <= LIM_CLIENT_FRAME_BYTES_MAX));
        if (got == ASSEMBLY_WHOLE)
            assert(last && !assembly && view_is_equal(out, message) && message.len <= LIM_CLIENT_FRAME_BYTES_MAX);
        assembly_drop(&whole);
        free(piece);
        if (got != ASSEMBLY_MORE)
            return got == ASSEMBLY_WHOLE;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cuts cuts = {.count = 0};
    if (size == 0)
        return 0;
    uint8_t flags = *data++;
    for (size--; size > 0 && *data && cuts.count < CUTS_MAX; size--)
        cuts.lens[cuts.count++] = *data++;
    if (size > 0 && *data == 0) {
        data++;
        size--;
    }
    uint8_t *bytes = NULL;
    if (flags & LONG) { /* to the bound and past it */
        size_t len = LIM_CLIENT_FRAME_BYTES_MAX - 32 + (flags >> 2);
        bytes = malloc(len);
        assert(bytes);
        memset(bytes, ' ', len);
        if (size)
            memcpy(bytes, data, size < len ? size : len);
        data = bytes;
        size = len;
    }
    view_t message = view_of(data, size);
    bool fits = s_cut(message, &cuts, false);
    assert(fits == (size <= LIM_CLIENT_FRAME_BYTES_MAX));
    assert(s_cut(message, &cuts, true) == fits);
    if (fits)
        s_check_message(flags & JSON, message);
    free(bytes);
    return 0;
}
