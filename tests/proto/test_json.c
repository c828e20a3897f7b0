#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/json.h"
#include "tests/proto/samples.h"

enum { BYTES_MAX = 4 * 1024 * 1024 };

#define CID  "\"01ARZ3NDEKTSV4RRFFQ69G5FAV\""
#define POST "{\"type\":\"room_post\",\"room\":5,\"client_id\":" CID ",\"text\":\"hi\"}"

static err_t s_from(const char *json, buffer_t *out)
{
    uint8_t *exact = sample_exact(view_of_text(json));
    err_t err = msg_from_json(view_of(exact, strlen(json)), out);
    free(exact);
    return err;
}

static void s_expect(err_t expected, const char *json)
{
    buffer_t out;
    buffer_init(&out, BYTES_MAX);
    err_t err = s_from(json, &out);
    if (err != expected)
        fail_msg("%s instead of %s: %s", err_name(err), err_name(expected), json);
    assert_int_equal(!err, out.len > 0);
    buffer_fini(&out);
}

/* ---- both ways ---- */

static void s_expect_text(const char *json)
{
    buffer_t bytes, text;
    buffer_init(&bytes, BYTES_MAX);
    buffer_init(&text, BYTES_MAX);
    assert_int_equal(ERR_OK, s_from(json, &bytes));
    assert_int_equal(ERR_OK, msg_to_json(buffer_view(&bytes), &text));
    buffer_append(&text, "", 1);
    assert_string_equal(json, (const char *)text.bytes);
    buffer_fini(&bytes);
    buffer_fini(&text);
}

static void test_json_reads_as_in_the_reference(void **state)
{
    (void)state;
    s_expect_text(POST);
    s_expect_text("{\"type\":\"nack\",\"client_id\":" CID
                  ",\"room\":5,\"code\":\"rate_limited\",\"retry_ms\":10,"
                  "\"final\":false,\"reason\":\"slow\"}");
    s_expect_text("{\"type\":\"event\",\"room\":1,\"seq\":2,\"kind\":\"posted\",\"user\":3,\"at_"
                  "ms\":4,\"client_id\":" CID ",\"msg_no\":5,\"target\":0,\"body\":{\"text\":\"a "
                                              "\\\"quoted\\\" back\\\\slash\\n\\tÄ🐦\"}}");
    s_expect_text("{\"type\":\"event\",\"room\":1,\"seq\":2,\"kind\":\"edited\",\"user\":3,\"at_"
                  "ms\":4,\"client_id\":" CID ",\"msg_no\":0,\"target\":9,\"body\":null}");
    s_expect_text(
        "{\"type\":\"hello\",\"version\":1,\"token\":\"t\",\"device\":\"\",\"subs\":[{\"room\":1,"
        "\"incarnation\":2,\"after\":3,\"live\":true},{\"room\":2,\"incarnation\":0,\"after\":0,"
        "\"live\":false}]}");
}

static void test_a_frame_in_a_list_is_the_event_itself(void **state)
{
    (void)state;
    s_expect_text("{\"type\":\"store_event\",\"room\":1,\"seq\":2,\"frames\":[{\"type\":\"event\","
                  "\"room\":1,\"seq\":2,"
                  "\"kind\":\"left\",\"user\":3,\"at_ms\":4,\"client_id\":" CID
                  ",\"msg_no\":0,\"target\":0,\"body\":{\"reason\":0}}]}");
}

/* As in a page: what hangs on a line follows it. */
static void test_marks_in_a_list_are_an_object_too(void **state)
{
    (void)state;
    s_expect_text("{\"type\":\"store_event\",\"room\":1,\"seq\":2,\"frames\":[{\"type\":\"marks\",\"room\":1,\"seq\":2,"
                  "\"as_of\":9,\"pinned\":7,\"pinned_by\":3,\"emoji\":[{\"emoji\":\"👍\"}],"
                  "\"reactions\":[{\"emoji\":0,\"user\":3}],\"mentions\":[]}]}");
}

static void test_an_unknown_kind_travels_as_its_bytes(void **state)
{
    (void)state;
    s_expect_text("{\"type\":\"event\",\"room\":1,\"seq\":2,\"kind\":999,\"user\":3,\"at_ms\":4,"
                  "\"client_id\":" CID ",\"msg_no\":0,\"target\":0,\"body\":\"kgGhYQ\"}");
}

static void test_every_message_survives_the_way_through_json(void **state)
{
    (void)state;
    size_t count;
    const struct shape_row *messages = msg_shapes(&count);
    for (size_t i = 0; i < count * 20; i++) {
        sampler_t sampler = sampler_of(i);
        buffer_t bytes, text, back;
        buffer_init(&bytes, BYTES_MAX);
        buffer_init(&text, BYTES_MAX);
        buffer_init(&back, BYTES_MAX);
        sample_message(&sampler, &messages[i % count], &bytes);
        assert_int_equal(ERR_OK, msg_to_json(buffer_view(&bytes), &text));
        assert_null(memchr(text.bytes, '\n', text.len)); /* one line */
        assert_int_equal(ERR_OK, msg_from_json(buffer_view(&text), &back));
        assert_true(view_is_equal(buffer_view(&bytes), buffer_view(&back)));
        buffer_fini(&bytes);
        buffer_fini(&text);
        buffer_fini(&back);
    }
}

static void test_order_and_spaces_do_not_matter(void **state)
{
    (void)state;
    buffer_t a, b;
    buffer_init(&a, BYTES_MAX);
    buffer_init(&b, BYTES_MAX);
    assert_int_equal(ERR_OK, s_from(POST, &a));
    assert_int_equal(
        ERR_OK, s_from(" {\n\"text\" : \"\\u0068i\", \"client_id\":\"01arz3ndektsv4rrffq69g5fav\","
                       "\t\"room\": 5, \"type\":\"room_post\"} ",
                       &b));
    assert_true(view_is_equal(buffer_view(&a), buffer_view(&b)));
    buffer_fini(&a);
    buffer_fini(&b);
}

/* ---- refused ---- */

static void test_missing_unknown_and_doubled_members_are_refused(void **state)
{
    (void)state;
    s_expect(ERR_WRONG_FIELDS, "{\"type\":\"room_post\",\"room\":5,\"client_id\":" CID "}");
    s_expect(ERR_WRONG_FIELDS,
             "{\"type\":\"room_post\",\"room\":5,\"client_id\":" CID ",\"text\":\"hi\",\"x\":1}");
    s_expect(ERR_WRONG_FIELDS, "{\"type\":\"room_post\",\"room\":5,\"room\":5,\"client_id\":" CID
                               ",\"text\":\"hi\"}");
    s_expect(ERR_WRONG_FIELDS,
             "{\"type\":\"room_post\",\"type\":\"room_post\",\"room\":5,\"client_id\":" CID
             ",\"text\":\"hi\"}");
    s_expect(ERR_WRONG_FIELDS, "{\"room\":5,\"client_id\":" CID ",\"text\":\"hi\"}");
    s_expect(ERR_WRONG_FIELDS, "{}");
    s_expect(ERR_WRONG_FIELDS, "{\"type\":\"heads\",\"heads\":[{\"room\":1,\"seq\":2}]}");
    s_expect(
        ERR_WRONG_FIELDS,
        "{\"type\":\"heads\",\"heads\":[{\"room\":1,\"seq\":2,\"msg_no\":3,\"type\":\"head\"}]}");
}

static void test_unknown_types_are_refused(void **state)
{
    (void)state;
    s_expect(ERR_UNKNOWN_TYPE, "{\"type\":\"room_pos\"}");
    s_expect(ERR_UNKNOWN_TYPE, "{\"type\":\"\"}");
    s_expect(ERR_BAD_FRAME, "{\"type\":257}");
    s_expect(ERR_BAD_FRAME, "{\"type\":null}");
}

static void test_what_is_no_json_object_is_refused(void **state)
{
    (void)state;
    static const char *const s_broken[] = {
        "[]",         "nul",           "{]", "{\"type\" \"a\"}", POST "x",      POST POST,
        "{'a':1}",    "\"x\"",         "5",  "{\"a\":01}",       "{\"a\":NaN}", "// a\n{}",
        "{\"a\":1,}", "\xef\xbb\xbf{}"};
    for (size_t i = 0; i < sizeof s_broken / sizeof s_broken[0]; i++)
        s_expect(ERR_BAD_FRAME, s_broken[i]);
    s_expect(ERR_SHORT, "");
    s_expect(ERR_SHORT, "{");
    s_expect(ERR_SHORT, "{\"type\":");
}

static void test_numbers_are_integers_in_their_range(void **state)
{
    (void)state;
    s_expect(ERR_OK, "{\"type\":\"unsub\",\"room\":9007199254740991}");
    s_expect(ERR_OUT_OF_RANGE, "{\"type\":\"unsub\",\"room\":9007199254740992}");
    s_expect(ERR_OUT_OF_RANGE, "{\"type\":\"unsub\",\"room\":-1}");
    s_expect(ERR_OUT_OF_RANGE, "{\"type\":\"unsub\",\"room\":99999999999999999999999}");
    s_expect(ERR_BAD_FRAME, "{\"type\":\"unsub\",\"room\":1.0}");
    s_expect(ERR_BAD_FRAME, "{\"type\":\"unsub\",\"room\":1e3}");
    s_expect(ERR_BAD_FRAME, "{\"type\":\"unsub\",\"room\":\"1\"}");
    s_expect(ERR_BAD_FRAME, "{\"type\":\"unsub\",\"room\":null}");
    s_expect(ERR_BAD_FRAME, "{\"type\":\"unsub\",\"room\":true}");
    s_expect(ERR_BAD_FRAME, "{\"type\":\"typing\",\"room\":1,\"active\":1}");
}

static void test_text_is_clean_utf8(void **state)
{
    (void)state;
    static const char *const s_texts[] = {"\\u0000", "\\u0001", "\\r",          "\\u007f",
                                          "\\u0085", "\xff",    "\xed\xa0\x80", "\xc0\xaf"};
    for (size_t i = 0; i < sizeof s_texts / sizeof s_texts[0]; i++) {
        char json[256];
        snprintf(json, sizeof json,
                 "{\"type\":\"room_post\",\"room\":5,\"client_id\":" CID ",\"text\":\"%s\"}",
                 s_texts[i]);
        s_expect(ERR_BAD_UTF8, json);
    }
    s_expect(ERR_BAD_FRAME,
             "{\"type\":\"room_post\",\"room\":5,\"client_id\":" CID ",\"text\":\"\\ud800\"}");
}

static void test_text_takes_its_bound_and_refuses_one_more(void **state)
{
    (void)state;
    static char s_json[LIM_TEXT_BYTES_MAX + 200], s_text[LIM_TEXT_BYTES_MAX + 2];
    for (size_t len = LIM_TEXT_BYTES_MAX; len <= LIM_TEXT_BYTES_MAX + 1; len++) {
        memset(s_text, 'x', len);
        s_text[len] = '\0';
        snprintf(s_json, sizeof s_json,
                 "{\"type\":\"room_post\",\"room\":5,\"client_id\":" CID ",\"text\":\"%s\"}",
                 s_text);
        s_expect(len == LIM_TEXT_BYTES_MAX ? ERR_OK : ERR_TOO_LARGE, s_json);
    }
}

static void test_client_ids_and_error_names_are_real_ones(void **state)
{
    (void)state;
    s_expect(ERR_OUT_OF_RANGE,
             "{\"type\":\"room_join\",\"room\":5,\"client_id\":\"01ARZ3NDEKTSV4RRFFQ69G5FAU\"}");
    s_expect(ERR_OUT_OF_RANGE, "{\"type\":\"room_join\",\"room\":5,\"client_id\":\"\"}");
    s_expect(ERR_BAD_FRAME, "{\"type\":\"room_join\",\"room\":5,\"client_id\":5}");
    s_expect(ERR_OK, "{\"type\":\"kick\",\"room\":5,\"code\":\"internal\"}");
    s_expect(ERR_OUT_OF_RANGE, "{\"type\":\"kick\",\"room\":5,\"code\":\"no_such_error\"}");
    s_expect(ERR_BAD_FRAME, "{\"type\":\"kick\",\"room\":5,\"code\":91}");
}

static void test_bytes_have_one_spelling(void **state)
{
    (void)state;
    static const struct {
        err_t err;
        const char *text;
    } s_rows[] = {
        {ERR_OK, ""},
        {ERR_OK, "AA"},
        {ERR_OK, "-_8"},
        {ERR_BAD_FRAME, "A"},
        {ERR_BAD_FRAME, "AB"},
        {ERR_BAD_FRAME, "AA=="},
        {ERR_BAD_FRAME, "+/8"},
        {ERR_BAD_FRAME, "AA\\n"},
        {ERR_TOO_LARGE, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
    };
    for (size_t i = 0; i < sizeof s_rows / sizeof s_rows[0]; i++) {
        char json[256];
        snprintf(
            json, sizeof json,
            "{\"type\":\"store_session_end\",\"session\":1,\"presented_hash\":\"%s\",\"at_ms\":1}",
            s_rows[i].text);
        s_expect(s_rows[i].err, json);
    }
}

static void s_expect_nested(err_t expected, size_t depth, const char *open, const char *close)
{
    buffer_t json, out;
    buffer_init(&json, BYTES_MAX);
    buffer_init(&out, BYTES_MAX);
    for (size_t i = 0; i < depth; i++)
        buffer_append(&json, open, strlen(open));
    for (size_t i = 0; i < depth; i++)
        buffer_append(&json, close, strlen(close));
    assert_int_equal(expected, msg_from_json(buffer_view(&json), &out));
    buffer_fini(&json);
    buffer_fini(&out);
}

static void test_depth_is_bounded_before_the_parser_sees_it(void **state)
{
    (void)state;
    s_expect_nested(ERR_BAD_FRAME, LIM_DEPTH_MAX, "[",
                    "]"); /* an array is no message, but it was read */
    s_expect_nested(ERR_TOO_DEEP, LIM_DEPTH_MAX + 1, "[", "]");
    s_expect_nested(ERR_TOO_DEEP, LIM_DEPTH_MAX + 1, "{\"a\":", "}");
    s_expect_nested(ERR_TOO_DEEP, 1000000, "[", "]");
    s_expect(ERR_OK, "{\"type\":\"room_post\",\"room\":5,\"client_id\":" CID
                     ",\"text\":\"[[[[[[[[[[\\\"{{{{{{{{{{\\\\\"}");
}

static void test_every_truncation_of_a_post_is_refused(void **state)
{
    (void)state;
    for (size_t len = 0; len < strlen(POST); len++) {
        buffer_t out;
        uint8_t *exact = sample_exact(view_of(POST, len));
        buffer_init(&out, BYTES_MAX);
        assert_int_not_equal(ERR_OK, msg_from_json(view_of(exact, len), &out));
        assert_int_equal(0, out.len);
        buffer_fini(&out);
        free(exact);
    }
}

/* What reads back as a message prints the same again. */
static void test_no_change_of_one_byte_does_harm(void **state)
{
    (void)state;
    static const char s_json[] =
        "{\"type\":\"event\",\"room\":1,\"seq\":2,\"kind\":\"posted\",\"user\":3,\"at_ms\":4,"
        "\"client_id\":" CID ",\"msg_no\":5,\"target\":0,\"body\":{\"text\":\"\\u00e4\"}}";
    for (size_t at = 0; at < sizeof s_json - 1; at++)
        for (int value = 0; value < 256; value++) {
            buffer_t out, text;
            uint8_t *mutant = sample_exact(view_of(s_json, sizeof s_json - 1));
            mutant[at] = (uint8_t)value;
            buffer_init(&out, BYTES_MAX);
            buffer_init(&text, BYTES_MAX);
            if (!msg_from_json(view_of(mutant, sizeof s_json - 1), &out))
                assert_int_equal(ERR_OK, msg_to_json(buffer_view(&out), &text));
            buffer_fini(&out);
            buffer_fini(&text);
            free(mutant);
        }
}

static void test_to_json_refuses_what_is_no_message(void **state)
{
    (void)state;
    buffer_t text;
    buffer_init(&text, BYTES_MAX);
    assert_int_equal(ERR_UNKNOWN_TYPE, msg_to_json(view_of(NULL, 0), &text));
    assert_int_equal(ERR_UNKNOWN_TYPE, msg_to_json(view_of("\x92\x3f\x01", 3), &text));
    assert_int_equal(ERR_WRONG_FIELDS, msg_to_json(view_of("\x93\x06\x01\x01", 4), &text));
    assert_int_equal(ERR_BAD_FRAME, msg_to_json(view_of("\x92\x06\x01\x01", 4), &text));
    assert_int_equal(ERR_BAD_FRAME, msg_to_json(view_of("\x92\x06\xc0", 3), &text));
    assert_int_equal(0, text.len);
    buffer_fini(&text);
}

static void test_too_little_room_leaves_nothing(void **state)
{
    (void)state;
    buffer_t bytes;
    buffer_init(&bytes, BYTES_MAX);
    assert_int_equal(ERR_OK, s_from(POST, &bytes));
    for (size_t room = 0; room < strlen(POST); room++) {
        buffer_t out;
        buffer_init(&out, room);
        assert_int_equal(ERR_TOO_LARGE, msg_to_json(buffer_view(&bytes), &out));
        assert_int_equal(0, out.len);
        buffer_fini(&out);
        if (room >= bytes.len)
            continue;
        buffer_init(&out, room);
        assert_int_equal(ERR_TOO_LARGE, s_from(POST, &out));
        assert_int_equal(0, out.len);
        buffer_fini(&out);
    }
    buffer_fini(&bytes);
}

/* ---- bodies of a known type ---- */

static err_t s_create(const char *json, const struct msg *defaults, struct msg *msg_out,
                      buffer_t *out)
{
    err_t err = msg_from_json_as(MSG_ROOM_CREATE, view_of_text(json), defaults, out);
    if (!err)
        assert_int_equal(ERR_OK, msg_decode(buffer_view(out), msg_out));
    return err;
}

static void test_absent_members_keep_their_default(void **state)
{
    (void)state;
    struct msg defaults = {.type = MSG_ROOM_CREATE}, msg;
    defaults.as.room_create.topic = view_of_text("none");
    defaults.as.room_create.visibility = 1;
    buffer_t out;
    buffer_init(&out, BYTES_MAX);
    assert_int_equal(ERR_OK,
                     s_create("{\"client_id\":" CID ",\"name\":\"a\"}", &defaults, &msg, &out));
    assert_true(view_is_equal(view_of_text("a"), msg.as.room_create.name));
    assert_true(view_is_equal(view_of_text("none"), msg.as.room_create.topic));
    assert_int_equal(1, msg.as.room_create.visibility);
    buffer_clear(&out);
    assert_int_equal(
        ERR_OK, s_create("{\"visibility\":0,\"type\":\"room_create\"}", &defaults, &msg, &out));
    assert_int_equal(0, msg.as.room_create.visibility);
    assert_int_equal(0, msg.as.room_create.name.len);
    buffer_clear(&out);
    assert_int_equal(ERR_WRONG_FIELDS, s_create("{\"name\":\"a\",\"x\":1}", &defaults, &msg, &out));
    assert_int_equal(ERR_WRONG_FIELDS,
                     s_create("{\"name\":\"a\",\"type\":\"room_post\"}", &defaults, &msg, &out));
    assert_int_equal(ERR_OUT_OF_RANGE,
                     s_create("{\"name\":\"a\",\"visibility\":2}", &defaults, &msg, &out));
    assert_int_equal(0, out.len);
    buffer_fini(&out);
}

static void test_without_defaults_every_member_is_needed(void **state)
{
    (void)state;
    struct msg msg;
    buffer_t out;
    buffer_init(&out, BYTES_MAX);
    assert_int_equal(ERR_WRONG_FIELDS,
                     s_create("{\"client_id\":" CID ",\"name\":\"a\"}", NULL, &msg, &out));
    assert_int_equal(ERR_OK, s_create("{\"client_id\":" CID
                                      ",\"name\":\"a\",\"topic\":\"\",\"visibility\":1,\"history\":1}",
                                      NULL, &msg, &out));
    assert_int_equal(ERR_UNKNOWN_TYPE, msg_from_json_as(MSG_NONE, view_of_text("{}"), NULL, &out));
    buffer_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_reads_as_in_the_reference),
        cmocka_unit_test(test_a_frame_in_a_list_is_the_event_itself),
        cmocka_unit_test(test_marks_in_a_list_are_an_object_too),
        cmocka_unit_test(test_an_unknown_kind_travels_as_its_bytes),
        cmocka_unit_test(test_every_message_survives_the_way_through_json),
        cmocka_unit_test(test_order_and_spaces_do_not_matter),
        cmocka_unit_test(test_missing_unknown_and_doubled_members_are_refused),
        cmocka_unit_test(test_unknown_types_are_refused),
        cmocka_unit_test(test_what_is_no_json_object_is_refused),
        cmocka_unit_test(test_numbers_are_integers_in_their_range),
        cmocka_unit_test(test_text_is_clean_utf8),
        cmocka_unit_test(test_text_takes_its_bound_and_refuses_one_more),
        cmocka_unit_test(test_client_ids_and_error_names_are_real_ones),
        cmocka_unit_test(test_bytes_have_one_spelling),
        cmocka_unit_test(test_depth_is_bounded_before_the_parser_sees_it),
        cmocka_unit_test(test_every_truncation_of_a_post_is_refused),
        cmocka_unit_test(test_no_change_of_one_byte_does_harm),
        cmocka_unit_test(test_to_json_refuses_what_is_no_message),
        cmocka_unit_test(test_too_little_room_leaves_nothing),
        cmocka_unit_test(test_absent_members_keep_their_default),
        cmocka_unit_test(test_without_defaults_every_member_is_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
