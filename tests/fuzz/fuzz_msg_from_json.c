/* fuzz_msg_from_json — any bytes as JSON: what is taken is a valid message, and prints and reads back the same. The
 * same bytes are also a body of a known type with defaults. */
#include <assert.h>
#include <stdint.h>

#include "proto/json.h"

enum { OUT_BYTES_MAX = 16 * 1024 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void s_check_message(view_t json)
{
    buffer_t bytes, first, back, second;
    struct msg msg;
    buffer_init(&bytes, OUT_BYTES_MAX);
    buffer_init(&first, OUT_BYTES_MAX);
    buffer_init(&back, OUT_BYTES_MAX);
    buffer_init(&second, OUT_BYTES_MAX);
    err_t err = msg_from_json(json, &bytes);
    if (!err) {
        err = msg_decode(buffer_view(&bytes), &msg);
        assert(!err);
        err = msg_to_json(buffer_view(&bytes), &first);
        assert(!err);
        err = msg_from_json(buffer_view(&first), &back);
        assert(!err);
        err = msg_to_json(buffer_view(&back), &second);
        assert(!err && view_is_equal(buffer_view(&first), buffer_view(&second)));
    } else {
        assert(bytes.len == 0);
    }
    buffer_fini(&bytes);
    buffer_fini(&first);
    buffer_fini(&back);
    buffer_fini(&second);
}

static void s_check_body(view_t json)
{
    struct msg defaults = {.type = MSG_ROOM_CREATE}, msg;
    buffer_t bytes;
    buffer_init(&bytes, OUT_BYTES_MAX);
    if (!msg_from_json_as(MSG_ROOM_CREATE, json, &defaults, &bytes)) {
        err_t err = msg_decode(buffer_view(&bytes), &msg);
        assert(!err);
    }
    buffer_fini(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    s_check_message(view_of(data, size));
    s_check_body(view_of(data, size));
    return 0;
}
