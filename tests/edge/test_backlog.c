/* Frames and the backlog of a socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "edge/backlog.h"
#include "proto/messages.h"

static frame_t *s_frame(size_t payload, uint8_t flags)
{
    static uint8_t bytes[300000];
    memset(bytes, 'x', payload);
    frame_t *frame = frame_new(view_of(bytes, payload), false, flags);
    assert_non_null(frame);
    return frame;
}

static void test_header_has_the_shortest_length_form(void **state)
{
    (void)state;
    uint8_t out[FRAME_HEADER_MAX];
    assert_int_equal(2, frame_header(0, false, out));
    assert_int_equal(0x82, out[0]);
    assert_int_equal(0, out[1]);
    assert_int_equal(2, frame_header(125, true, out));
    assert_int_equal(0x81, out[0]);
    assert_int_equal(125, out[1]);
    assert_int_equal(4, frame_header(126, false, out));
    assert_int_equal(126, out[1]);
    assert_int_equal(4, frame_header(65535, false, out));
    assert_memory_equal("\x82\x7e\xff\xff", out, 4);
    assert_int_equal(10, frame_header(65536, false, out));
    assert_memory_equal("\x82\x7f\0\0\0\0\0\x01\0\0", out, 10);
}

static void test_close_frame_carries_code_and_a_bounded_reason(void **state)
{
    (void)state;
    frame_t *frame = frame_close(4408, "no hello");
    assert_int_equal(12, frame->len);
    assert_memory_equal("\x88\x0a\x11\x38no hello", frame->bytes, 12);
    frame_unref(&frame);
    char longer[300];
    memset(longer, 'r', sizeof longer);
    longer[299] = '\0';
    frame = frame_close(1012, longer);
    assert_int_equal(125, frame->bytes[1]);
    assert_int_equal(127, frame->len);
    frame_unref(&frame);
    assert_null(frame);
}

static void test_shared_message_is_framed_once_for_each_subprotocol(void **state)
{
    (void)state;
    struct msg msg = {.type = MSG_HEARTBEAT, .as.heartbeat = {.now_ms = 7}};
    buffer_t bytes;
    buffer_init(&bytes, 1000);
    assert_int_equal(ERR_OK, msg_encode(&msg, &bytes));
    struct shared message = shared_of(buffer_view(&bytes), FRAME_EPHEMERAL);
    frame_t *binary = shared_frame(&message, false), *text = shared_frame(&message, true);
    assert_ptr_equal(binary, shared_frame(&message, false));
    assert_ptr_equal(text, shared_frame(&message, true));
    assert_int_equal(0x82, binary->bytes[0]);
    assert_memory_equal(bytes.bytes, binary->bytes + 2, bytes.len);
    assert_int_equal(0x81, text->bytes[0]);
    assert_int_equal('{', text->bytes[2]);
    frame_ref(text);
    shared_fini(&message);
    assert_int_equal(1, text->refs);
    frame_unref(&text);
    buffer_fini(&bytes);
}

static void test_backlog_keeps_order_and_puts_frames_together(void **state)
{
    (void)state;
    struct backlog backlog;
    backlog_init(&backlog);
    for (uint8_t i = 0; i < 40; i++) {
        frame_t *frame = frame_new(view_of(&i, 1), false, 0);
        assert_true(backlog_push(&backlog, frame, BACKLOG_LIVE));
        frame_unref(&frame);
    }
    uint8_t scratch[64];
    size_t frames = 0, next = 0;
    while (!backlog_is_empty(&backlog)) {
        view_t bytes = backlog_peek(&backlog, scratch, sizeof scratch, &frames);
        assert_int_equal(3 * frames, bytes.len);
        assert_true(bytes.len <= sizeof scratch);
        for (size_t i = 0; i < frames; i++)
            assert_int_equal(next++, bytes.bytes[3 * i + 2]);
        backlog_written(&backlog, frames);
    }
    assert_int_equal(40, next);
    assert_null(backlog.ring); /* nothing is kept while idle */
    assert_int_equal(0, backlog.bytes);
}

static void test_backlog_lends_a_single_frame_without_a_copy(void **state)
{
    (void)state;
    struct backlog backlog;
    backlog_init(&backlog);
    frame_t *frame = s_frame(100000, 0);
    assert_true(backlog_push(&backlog, frame, BACKLOG_LIVE));
    size_t frames = 0;
    uint8_t scratch[16];
    assert_ptr_equal(frame->bytes, backlog_peek(&backlog, scratch, sizeof scratch, &frames).bytes);
    assert_int_equal(1, frames);
    backlog_clear(&backlog);
    assert_int_equal(1, frame->refs);
    frame_unref(&frame);
}

static void test_backlog_refuses_live_frames_at_its_frame_bound_and_keeps_a_reserve(void **state)
{
    (void)state;
    struct backlog backlog;
    backlog_init(&backlog);
    frame_t *frame = s_frame(10, 0);
    for (int i = 0; i < BACKLOG_LIVE_FRAMES; i++)
        assert_true(backlog_push(&backlog, frame, BACKLOG_LIVE));
    assert_false(backlog_push(&backlog, frame, BACKLOG_LIVE));
    for (int i = BACKLOG_LIVE_FRAMES; i < LIM_OUTBOX_FRAMES; i++)
        assert_true(backlog_push(&backlog, frame, BACKLOG_MUST));
    assert_false(backlog_push(&backlog, frame, BACKLOG_MUST));
    assert_int_equal(LIM_OUTBOX_FRAMES, backlog.count);
    backlog_clear(&backlog);
    assert_int_equal(1, frame->refs);
    frame_unref(&frame);
}

static void test_backlog_refuses_bytes_beyond_its_bound(void **state)
{
    (void)state;
    struct backlog backlog;
    backlog_init(&backlog);
    frame_t *frame = s_frame(8188, 0); /* 8192 with its header */
    int pushed = 0;
    while (backlog_push(&backlog, frame, BACKLOG_LIVE))
        pushed++;
    assert_int_equal(BACKLOG_LIVE_BYTES / 8192, pushed);
    while (backlog_push(&backlog, frame, BACKLOG_MUST))
        pushed++;
    assert_int_equal(LIM_OUTBOX_BYTES, backlog.bytes);
    backlog_clear(&backlog);
    frame_unref(&frame);
}

static void test_backlog_takes_one_frame_of_any_length_when_empty(void **state)
{
    (void)state;
    struct backlog backlog;
    backlog_init(&backlog);
    frame_t *large = s_frame(290000, 0), *small = s_frame(1, 0);
    assert_true(backlog_push(&backlog, large, BACKLOG_MUST));
    assert_false(backlog_push(&backlog, small, BACKLOG_MUST));
    backlog_clear(&backlog);
    frame_unref(&large);
    frame_unref(&small);
}

static void test_backlog_drops_ephemera_and_nothing_else(void **state)
{
    (void)state;
    struct backlog backlog;
    backlog_init(&backlog);
    frame_t *event = s_frame(10, 0), *typing = s_frame(20, FRAME_EPHEMERAL);
    for (int i = 0; i < 30; i++)
        assert_true(backlog_push(&backlog, i % 3 ? event : typing, BACKLOG_LIVE));
    assert_int_equal(10, backlog_drop_ephemera(&backlog));
    assert_int_equal(20, backlog.count);
    assert_int_equal(20 * 12, backlog.bytes);
    assert_int_equal(1, typing->refs);
    backlog_clear(&backlog);
    frame_unref(&event);
    frame_unref(&typing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header_has_the_shortest_length_form),
        cmocka_unit_test(test_close_frame_carries_code_and_a_bounded_reason),
        cmocka_unit_test(test_shared_message_is_framed_once_for_each_subprotocol),
        cmocka_unit_test(test_backlog_keeps_order_and_puts_frames_together),
        cmocka_unit_test(test_backlog_lends_a_single_frame_without_a_copy),
        cmocka_unit_test(test_backlog_refuses_live_frames_at_its_frame_bound_and_keeps_a_reserve),
        cmocka_unit_test(test_backlog_refuses_bytes_beyond_its_bound),
        cmocka_unit_test(test_backlog_takes_one_frame_of_any_length_when_empty),
        cmocka_unit_test(test_backlog_drops_ephemera_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
