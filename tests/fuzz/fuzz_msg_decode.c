/* fuzz_msg_decode — any bytes as a message: what decodes is encoded again, walked to its last record, and survives
 * the way through JSON. */
#include <assert.h>
#include <stdint.h>

#include "proto/json.h"

enum { OUT_BYTES_MAX = 16 * 1024 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void s_check_json(view_t bytes)
{
    buffer_t first, back, second;
    buffer_init(&first, OUT_BYTES_MAX);
    buffer_init(&back, OUT_BYTES_MAX);
    buffer_init(&second, OUT_BYTES_MAX);
    err_t err = msg_to_json(bytes, &first);
    assert(!err);
    err = msg_from_json(buffer_view(&first), &back);
    assert(!err);
    err = msg_to_json(buffer_view(&back), &second);
    assert(!err && view_is_equal(buffer_view(&first), buffer_view(&second)));
    buffer_fini(&first);
    buffer_fini(&back);
    buffer_fini(&second);
}

static void s_check_body(const struct msg *msg)
{
    _Alignas(16) uint8_t body[512];
    if (msg->type == MSG_EVENT)
        kind_decode(msg->as.event.kind, msg->as.event.body, body);
}

static void s_check_list(struct msg *msg)
{
    if (msg->type != MSG_HELLO)
        return;
    size_t count = msg->as.hello.subs.count;
    struct rec_sub sub;
    while (rec_sub_next(&msg->as.hello.subs, &sub))
        count--;
    assert(count == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct msg msg, again;
    view_t bytes = view_of(data, size);
    uint16_t type = msg_peek_type(bytes);
    if (msg_decode(bytes, &msg))
        return 0;
    assert(type == msg.type);
    buffer_t out;
    buffer_init(&out, OUT_BYTES_MAX);
    err_t err = msg_encode(&msg, &out);
    assert(!err && out.len <= size); /* ours is the shortest spelling */
    err = msg_decode(buffer_view(&out), &again);
    assert(!err && again.type == msg.type);
    s_check_json(bytes);
    s_check_body(&msg);
    s_check_list(&msg);
    buffer_fini(&out);
    return 0;
}
