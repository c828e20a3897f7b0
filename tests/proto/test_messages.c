#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "proto/messages.h"
#include "tests/proto/samples.h"

enum { MESSAGE_BYTES_MAX = 16 * 1024 * 1024, ROUNDS = 20 };

static const cid_t s_cid = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};

/* ---- one message whose bytes are written out by hand ---- */

static const uint8_t s_post_bytes[] = {
    0x94, 0xcd, 0x01, 0x01, 0x2a, 0xc4, 0x10, 1,  2,  3,  4,    5,   6,
    7,    8,    9,    10,   11,   12,   13,   14, 15, 16, 0xa2, 'h', 'i',
};

static void test_post_has_the_bytes_of_the_reference(void **state)
{
    (void)state;
    struct msg msg = {.type = MSG_ROOM_POST};
    msg.as.room_post.room = 42;
    msg.as.room_post.client_id = s_cid;
    msg.as.room_post.text = view_of_text("hi");
    buffer_t out;
    buffer_init(&out, 1024);
    assert_int_equal(ERR_OK, msg_encode(&msg, &out));
    assert_true(view_is_equal(view_of(s_post_bytes, sizeof s_post_bytes), buffer_view(&out)));
    buffer_fini(&out);
}

static void test_post_is_decoded_into_its_members(void **state)
{
    (void)state;
    struct msg msg;
    assert_int_equal(ERR_OK, msg_decode(view_of(s_post_bytes, sizeof s_post_bytes), &msg));
    assert_int_equal(MSG_ROOM_POST, msg.type);
    assert_int_equal(42, msg.as.room_post.room);
    assert_true(cid_is_equal(&s_cid, &msg.as.room_post.client_id));
    assert_true(view_is_equal(view_of_text("hi"), msg.as.room_post.text));
}

static void test_wrong_number_of_fields_is_refused(void **state)
{
    (void)state;
    struct msg msg;
    uint8_t bytes[sizeof s_post_bytes + 1];
    memcpy(bytes, s_post_bytes, sizeof s_post_bytes);
    bytes[sizeof s_post_bytes] = 0xc0;
    bytes[0] = 0x93;
    assert_int_equal(ERR_WRONG_FIELDS, msg_decode(view_of(bytes, sizeof bytes - 1), &msg));
    bytes[0] = 0x95;
    assert_int_equal(ERR_WRONG_FIELDS, msg_decode(view_of(bytes, sizeof bytes), &msg));
    assert_int_equal(ERR_WRONG_FIELDS, msg_decode(view_of("\x90", 1), &msg));
}

static void test_a_client_id_has_exactly_sixteen_bytes(void **state)
{
    (void)state;
    for (size_t len = 0; len <= CID_BYTES + 1; len++) {
        struct msg msg;
        buffer_t out;
        buffer_init(&out, 64);
        write_array(&out, 3);
        write_uint(&out, MSG_ROOM_JOIN);
        write_uint(&out, 1);
        write_bin(&out, view_of("0123456789abcdefg", len));
        uint8_t *exact = sample_exact(buffer_view(&out));
        assert_int_equal(len < CID_BYTES    ? ERR_OUT_OF_RANGE
                         : len == CID_BYTES ? ERR_OK
                                            : ERR_TOO_LARGE,
                         msg_decode(view_of(exact, out.len), &msg));
        free(exact);
        buffer_fini(&out);
    }
}

static void test_unknown_type_is_refused(void **state)
{
    (void)state;
    static const uint64_t s_types[] = {0, 0x3f, 0xff, 0x7fff, 0x10001, 0x10101, UINT64_MAX};
    for (size_t i = 0; i < sizeof s_types / sizeof s_types[0]; i++) {
        struct msg msg;
        buffer_t out;
        buffer_init(&out, 64);
        write_array(&out, 2);
        write_uint(&out, s_types[i]);
        write_uint(&out, 1);
        assert_int_equal(ERR_UNKNOWN_TYPE, msg_decode(buffer_view(&out), &msg));
        assert_int_equal(MSG_NONE, msg_peek_type(buffer_view(&out)));
        buffer_fini(&out);
    }
    struct msg msg = {.type = 0x3f};
    buffer_t out;
    buffer_init(&out, 64);
    assert_int_equal(ERR_UNKNOWN_TYPE, msg_encode(&msg, &out));
    buffer_fini(&out);
}

static void test_what_is_no_message_is_refused(void **state)
{
    (void)state;
    static const char *const s_others[] = {"\xc0",      "\x01",     "\xa1x", "\x81\x01\x02",
                                           "\x91\xa1x", "\x91\xc0", "\xc1"};
    struct msg msg;
    for (size_t i = 0; i < sizeof s_others / sizeof s_others[0]; i++) {
        assert_int_equal(ERR_BAD_FRAME, msg_decode(view_of_text(s_others[i]), &msg));
        assert_int_equal(MSG_NONE, msg_peek_type(view_of_text(s_others[i])));
    }
    assert_int_equal(ERR_SHORT, msg_decode(view_of(NULL, 0), &msg));
    assert_int_equal(ERR_SHORT, msg_decode(view_of("\xdd\xff\xff\xff\xff", 5), &msg));
}

/* ---- every message of the table ---- */

typedef void sample_fn(sampler_t *sampler, const struct shape_row *shape, view_t bytes);

static void s_for_each_message(size_t rounds, sample_fn *fn)
{
    size_t count;
    const struct shape_row *messages = msg_shapes(&count);
    for (size_t i = 0; i < count; i++) {
        for (size_t round = 0; round < rounds; round++) {
            sampler_t sampler = sampler_of(i * 1000 + round);
            buffer_t bytes;
            buffer_init(&bytes, MESSAGE_BYTES_MAX);
            sample_message(&sampler, &messages[i], &bytes);
            fn(&sampler, &messages[i], buffer_view(&bytes));
            buffer_fini(&bytes);
        }
    }
}

static void s_check_round_trip(sampler_t *sampler, const struct shape_row *shape, view_t bytes)
{
    (void)sampler;
    struct msg msg;
    buffer_t again;
    uint8_t *exact = sample_exact(bytes);
    buffer_init(&again, MESSAGE_BYTES_MAX);
    assert_int_equal(shape->code, msg_peek_type(bytes));
    assert_int_equal(ERR_OK, msg_decode(view_of(exact, bytes.len), &msg));
    assert_int_equal(shape->code, msg.type);
    assert_int_equal(ERR_OK, msg_encode(&msg, &again));
    assert_true(view_is_equal(bytes, buffer_view(&again)));
    buffer_fini(&again);
    free(exact);
}

static void test_every_message_round_trips(void **state)
{
    (void)state;
    s_for_each_message(ROUNDS, s_check_round_trip);
}

static void s_check_truncations(sampler_t *sampler, const struct shape_row *shape, view_t bytes)
{
    (void)sampler;
    (void)shape;
    for (size_t len = 0; len < bytes.len; len++) {
        struct msg msg;
        uint8_t *exact = sample_exact(view_of(bytes.bytes, len));
        assert_int_not_equal(ERR_OK, msg_decode(view_of(exact, len), &msg));
        msg_peek_type(view_of(exact, len));
        free(exact);
    }
}

static void test_every_truncation_of_every_message_is_refused(void **state)
{
    (void)state;
    s_for_each_message(2, s_check_truncations);
}

static void s_check_trailing_byte(sampler_t *sampler, const struct shape_row *shape, view_t bytes)
{
    (void)sampler;
    (void)shape;
    struct msg msg;
    buffer_t longer;
    buffer_init(&longer, MESSAGE_BYTES_MAX);
    buffer_append(&longer, bytes.bytes, bytes.len);
    write_nil(&longer);
    assert_int_equal(ERR_BAD_FRAME, msg_decode(buffer_view(&longer), &msg));
    buffer_fini(&longer);
}

static void test_a_byte_behind_any_message_is_refused(void **state)
{
    (void)state;
    s_for_each_message(1, s_check_trailing_byte);
}

/* What a mutation left decodable is a message like any other. */
static void s_check_mutant(view_t bytes)
{
    struct msg msg;
    buffer_t again;
    uint8_t *exact = sample_exact(bytes);
    if (!msg_decode(view_of(exact, bytes.len), &msg)) {
        buffer_init(&again, MESSAGE_BYTES_MAX);
        assert_int_equal(ERR_OK, msg_encode(&msg, &again));
        assert_int_equal(ERR_OK, msg_decode(buffer_view(&again), &msg));
        buffer_fini(&again);
    }
    free(exact);
}

static void s_check_mutations(sampler_t *sampler, const struct shape_row *shape, view_t bytes)
{
    static const uint8_t s_values[] = {0x00, 0x7f, 0x90, 0x9f, 0xa0, 0xc0,
                                       0xc1, 0xc6, 0xdb, 0xdd, 0xff};
    (void)sampler;
    (void)shape;
    uint8_t *mutant = sample_exact(bytes);
    for (size_t at = 0; at < bytes.len; at++) {
        for (size_t i = 0; i < 8 + sizeof s_values; i++) {
            uint8_t flipped = (uint8_t)(bytes.bytes[at] ^ (1u << (i & 7)));
            mutant[at] = i < 8 ? flipped : s_values[i - 8];
            s_check_mutant(view_of(mutant, bytes.len));
        }
        mutant[at] = bytes.bytes[at];
    }
    free(mutant);
}

static void test_no_change_of_one_byte_does_harm(void **state)
{
    (void)state;
    s_for_each_message(1, s_check_mutations);
}

/* ---- bounds, field by field ---- */

static err_t s_expected_past_bound(field_type_t type)
{
    switch (type) {
    case F_U53:
    case F_UINT:
    case F_CODE: return ERR_OUT_OF_RANGE;
    case F_BOOL: return ERR_BAD_FRAME;
    case F_CID:
    case F_STR:
    case F_BIN:
    case F_RAW:
    case F_LIST: break;
    }
    return ERR_TOO_LARGE;
}

static err_t s_decode_focused(const struct shape_row *message, const struct shape_row *shape,
                              size_t field, enum sample_mode mode)
{
    sampler_t sampler = sampler_of(field + 7);
    sampler.list_max = 0;
    sampler.focus_shape = shape;
    sampler.focus_field = field;
    sampler.mode = mode;
    buffer_t bytes;
    buffer_init(&bytes, MESSAGE_BYTES_MAX);
    sample_message(&sampler, message, &bytes);
    struct msg msg;
    err_t err = msg_decode(buffer_view(&bytes), &msg);
    if (!err) { /* what fits the reader fits the writer */
        buffer_t again;
        buffer_init(&again, MESSAGE_BYTES_MAX);
        assert_int_equal(ERR_OK, msg_encode(&msg, &again));
        assert_true(view_is_equal(buffer_view(&bytes), buffer_view(&again)));
        buffer_fini(&again);
    }
    buffer_fini(&bytes);
    return err;
}

static void s_check_bounds(const struct shape_row *message, const struct shape_row *shape)
{
    for (size_t i = 0; i < shape->field_count; i++) {
        err_t past = s_expected_past_bound(shape->fields[i].type);
        if (s_decode_focused(message, shape, i, SAMPLE_AT_BOUND) != ERR_OK ||
            s_decode_focused(message, shape, i, SAMPLE_PAST_BOUND) != past)
            fail_msg("bound of %s.%s", shape->name, shape->fields[i].name);
    }
}

static void test_every_field_of_a_message_keeps_its_bound(void **state)
{
    (void)state;
    size_t count;
    const struct shape_row *messages = msg_shapes(&count);
    for (size_t i = 0; i < count; i++)
        s_check_bounds(&messages[i], &messages[i]);
}

static void test_every_field_of_a_record_keeps_its_bound(void **state)
{
    (void)state;
    size_t count;
    const struct shape_row *records = rec_shapes(&count);
    for (size_t i = 0; i < count; i++) {
        const struct shape_row *message = sample_message_with((enum rec_type)i);
        assert_non_null(message);
        s_check_bounds(message, &records[i]);
    }
}

/* Room for a struct of any kind or record. */
typedef struct scratch {
    _Alignas(16) uint8_t bytes[512];
} scratch_t;

static err_t s_decode_kind_focused(const struct shape_row *kind, size_t field,
                                   enum sample_mode mode)
{
    sampler_t sampler = sampler_of(field);
    sampler.focus_shape = kind;
    sampler.focus_field = field;
    sampler.mode = mode;
    buffer_t body;
    scratch_t scratch;
    buffer_init(&body, MESSAGE_BYTES_MAX);
    sample_record(&sampler, kind, &body);
    err_t err = kind_decode(kind->code, buffer_view(&body), &scratch);
    buffer_fini(&body);
    return err;
}

static void test_every_field_of_a_kind_keeps_its_bound(void **state)
{
    (void)state;
    size_t count;
    const struct shape_row *kinds = kind_shapes(&count);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < kinds[i].field_count; j++) {
            assert_int_equal(ERR_OK, s_decode_kind_focused(&kinds[i], j, SAMPLE_AT_BOUND));
            assert_int_equal(s_expected_past_bound(kinds[i].fields[j].type),
                             s_decode_kind_focused(&kinds[i], j, SAMPLE_PAST_BOUND));
        }
}

/* ---- text and raw values ---- */

static err_t s_decode_post_with_text(const char *text)
{
    struct msg msg;
    buffer_t out;
    buffer_init(&out, 8192);
    write_array(&out, 4);
    write_uint(&out, MSG_ROOM_POST);
    write_uint(&out, 1);
    write_bin(&out, view_of(s_cid.bytes, CID_BYTES));
    write_text(&out, view_of_text(text));
    err_t err = msg_decode(buffer_view(&out), &msg);
    buffer_fini(&out);
    return err;
}

static void test_unclean_text_is_refused(void **state)
{
    (void)state;
    static const char *const s_unclean[] = {
        "\x80",
        "\xbf",
        "\xc3",
        "\xc3(",
        "\xc0\xaf",
        "\xc1\xbf",
        "\xe0\x80\xaf",
        "\xe0\x9f\xbf",
        "\xe2\x82",
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xf0\x80\x80\xaf",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xf8\x88\x80\x80\x80",
        "\xfe",
        "\xff",
        "a\x01",
        "a\r\n",
        "\x1b[0m",
        "\x7f",
        "\xc2\x80",
        "\xc2\x9f",
        "12345678\xff",
        "1234567\xe2\x82",
    };
    for (size_t i = 0; i < sizeof s_unclean / sizeof s_unclean[0]; i++)
        assert_int_equal(ERR_BAD_UTF8, s_decode_post_with_text(s_unclean[i]));
    static const char *const s_clean[] = {
        "", "\t\n", "\xc2\xa0", "\xed\x9f\xbf", "\xee\x80\x80", "\xf4\x8f\xbf\xbf"};
    for (size_t i = 0; i < sizeof s_clean / sizeof s_clean[0]; i++)
        assert_int_equal(ERR_OK, s_decode_post_with_text(s_clean[i]));
}

static struct msg s_event_with_body(view_t body)
{
    struct msg msg = {.type = MSG_EVENT};
    msg.as.event.room = 1;
    msg.as.event.seq = 2;
    msg.as.event.kind = KIND_POSTED;
    msg.as.event.client_id = s_cid;
    msg.as.event.body = body;
    return msg;
}

static err_t s_decode_event_with_body(view_t body)
{
    struct msg msg = s_event_with_body(view_of("\xc0", 1));
    buffer_t out;
    buffer_init(&out, 8192);
    assert_int_equal(ERR_OK, msg_encode(&msg, &out));
    buffer_truncate(&out, out.len - 1);
    write_raw(&out, body);
    err_t err = msg_decode(buffer_view(&out), &msg);
    buffer_fini(&out);
    return err;
}

static void test_raw_value_is_one_and_not_too_deep(void **state)
{
    (void)state;
    assert_int_equal(ERR_OK,
                     s_decode_event_with_body(view_of("\x91\x91\x91\x91\x91\x91\x91\x91\x01", 9)));
    assert_int_equal(ERR_TOO_DEEP, s_decode_event_with_body(
                                       view_of("\x91\x91\x91\x91\x91\x91\x91\x91\x91\x01", 10)));
    assert_int_equal(ERR_SHORT, s_decode_event_with_body(view_of("", 0)));
    assert_int_equal(ERR_BAD_FRAME, s_decode_event_with_body(view_of("\x01\x02", 2)));
    assert_int_equal(ERR_BAD_FRAME, s_decode_event_with_body(view_of("\xd4\x01\x02", 3)));
}

static void test_encode_refuses_what_decode_would(void **state)
{
    (void)state;
    static const view_t s_bodies[] = {
        {NULL, 0},
        {(const uint8_t *)"\x01\x02", 2},
        {(const uint8_t *)"\xd4\x01\x02", 3},
        {(const uint8_t *)"\x91", 1},
    };
    buffer_t out;
    buffer_init(&out, 64 * 1024);
    write_nil(&out);
    for (size_t i = 0; i < sizeof s_bodies / sizeof s_bodies[0]; i++) {
        struct msg event = s_event_with_body(s_bodies[i]);
        assert_int_equal(ERR_OUT_OF_RANGE, msg_encode(&event, &out));
        assert_int_equal(1, out.len); /* nothing of it stays */
    }
    struct msg post = {.type = MSG_ROOM_POST, .as.room_post.text = view_of_text("a\rb")};
    assert_int_equal(ERR_OUT_OF_RANGE, msg_encode(&post, &out));
    static const uint8_t s_long[LIM_TEXT_BYTES_MAX + 1] = {0};
    static char s_long_text[LIM_TEXT_BYTES_MAX + 1];
    memset(s_long_text, 'x', sizeof s_long_text);
    post.as.room_post.text = view_of(s_long_text, sizeof s_long_text);
    assert_int_equal(ERR_OUT_OF_RANGE, msg_encode(&post, &out));
    struct msg end = {.type = MSG_STORE_SESSION_END,
                      .as.store_session_end.presented_hash = view_of(s_long, 33)};
    assert_int_equal(ERR_OUT_OF_RANGE, msg_encode(&end, &out));
    struct msg heads = {.type = MSG_HEADS,
                        .as.heads.heads = {.bytes = s_long, .len = 1, .count = 0}};
    assert_int_equal(ERR_OUT_OF_RANGE, msg_encode(&heads, &out));
    post.as.room_post.text = view_of_text("ab");
    post.as.room_post.room = ID_MAX + 1;
    assert_int_equal(ERR_OUT_OF_RANGE, msg_encode(&post, &out));
    struct msg typists = {.type = MSG_TYPISTS,
                          .as.typists.users = {.bytes = (const uint8_t *)"\x91\x01",
                                               .len = 2,
                                               .count = LIM_TYPING_MAX + 1}};
    assert_int_equal(ERR_OUT_OF_RANGE, msg_encode(&typists, &out));
    struct msg kick = {.type = MSG_KICK, .as.kick.code = (err_t)999};
    assert_int_equal(ERR_OUT_OF_RANGE, msg_encode(&kick, &out));
    assert_int_equal(1, out.len);
    assert_int_equal(ERR_OK, out.failed);
    buffer_fini(&out);
}

static void test_encode_into_too_little_room_leaves_nothing(void **state)
{
    (void)state;
    struct msg post = {.type = MSG_ROOM_POST, .as.room_post.text = view_of_text("hello")};
    for (size_t room = 0; room < 28; room++) {
        buffer_t out;
        buffer_init(&out, room);
        assert_int_equal(ERR_TOO_LARGE, msg_encode(&post, &out));
        assert_int_equal(0, out.len);
        buffer_fini(&out);
    }
}

/* ---- lists and kinds ---- */

static void test_records_come_out_as_they_went_in(void **state)
{
    (void)state;
    list_writer_t writer;
    buffer_t out;
    list_writer_init(&writer, 4096);
    buffer_init(&out, 4096);
    for (uint64_t i = 0; i < 5; i++) {
        struct rec_sub sub = {
            .room = i, .incarnation = i * 300, .after = ID_MAX - i, .live = i % 2};
        assert_int_equal(ERR_OK, rec_sub_append(&writer, &sub));
    }
    struct msg msg = {.type = MSG_HELLO, .as.hello = {.version = 1, .subs = list_of(&writer)}};
    assert_int_equal(ERR_OK, msg_encode(&msg, &out));
    memset(&msg, 0xee, sizeof msg);
    assert_int_equal(ERR_OK, msg_decode(buffer_view(&out), &msg));
    assert_int_equal(5, msg.as.hello.subs.count);
    struct rec_sub sub;
    uint64_t seen = 0;
    while (rec_sub_next(&msg.as.hello.subs, &sub)) {
        assert_int_equal(seen, sub.room);
        assert_int_equal(seen * 300, sub.incarnation);
        assert_int_equal(ID_MAX - seen, sub.after);
        assert_int_equal(seen % 2, sub.live);
        seen++;
    }
    assert_int_equal(5, seen);
    assert_int_equal(0, msg.as.hello.subs.count);
    assert_false(rec_sub_next(&msg.as.hello.subs, &sub));
    list_writer_fini(&writer);
    list_writer_fini(&writer);
    buffer_fini(&out);
}

static void test_a_refused_record_leaves_the_list_as_it_was(void **state)
{
    (void)state;
    list_writer_t writer;
    list_writer_init(&writer, 10);
    struct rec_id id = {.id = 1};
    assert_int_equal(ERR_OK, rec_id_append(&writer, &id));
    id.id = ID_MAX + 1;
    assert_int_equal(ERR_OUT_OF_RANGE, rec_id_append(&writer, &id));
    assert_int_equal(1, list_of(&writer).count);
    id.id = ID_MAX;
    assert_int_equal(ERR_TOO_LARGE, rec_id_append(&writer, &id));
    assert_int_equal(1, list_of(&writer).count);
    assert_int_equal(2, list_of(&writer).len);
    list_writer_clear(&writer);
    assert_int_equal(ERR_OK, rec_id_append(&writer, &id));
    list_writer_fini(&writer);
}

static void test_a_list_of_other_records_is_refused(void **state)
{
    (void)state;
    struct msg msg;
    assert_int_equal(ERR_WRONG_FIELDS, msg_decode(view_of("\x92\x0a\x91\x92\x01\x02", 6), &msg));
    assert_int_equal(ERR_BAD_FRAME, msg_decode(view_of("\x92\x0a\x91\x05", 4), &msg));
    assert_int_equal(ERR_OK, msg_decode(view_of("\x92\x0a\x91\x94\x01\x02\x03\x04", 8), &msg));
    assert_int_equal(1, msg.as.heads.heads.count);
    struct rec_sub other; /* a list that is read as what it is not ends at once */
    assert_false(rec_sub_next(&msg.as.heads.heads, &other));
    assert_int_equal(0, msg.as.heads.heads.count);
}

static void test_kinds_round_trip(void **state)
{
    (void)state;
    size_t count;
    const struct shape_row *kinds = kind_shapes(&count);
    for (size_t i = 0; i < count; i++) {
        sampler_t sampler = sampler_of(i);
        buffer_t body, again;
        scratch_t scratch;
        buffer_init(&body, 8192);
        buffer_init(&again, 8192);
        sample_record(&sampler, &kinds[i], &body);
        assert_int_equal(ERR_OK, kind_decode(kinds[i].code, buffer_view(&body), &scratch));
        assert_int_equal(ERR_OK, kind_encode(kinds[i].code, &scratch, &again));
        assert_true(view_is_equal(buffer_view(&body), buffer_view(&again)));
        write_nil(&body);
        assert_int_equal(ERR_BAD_FRAME, kind_decode(kinds[i].code, buffer_view(&body), &scratch));
        buffer_fini(&body);
        buffer_fini(&again);
    }
}

static void test_a_nil_body_is_a_tombstone(void **state)
{
    (void)state;
    struct kind_posted posted;
    buffer_t out;
    buffer_init(&out, 16);
    assert_int_equal(ERR_DELETED, kind_decode(KIND_POSTED, view_of("\xc0", 1), &posted));
    assert_int_equal(ERR_OK, kind_encode(KIND_POSTED, NULL, &out));
    assert_true(view_is_equal(view_of("\xc0", 1), buffer_view(&out)));
    assert_int_equal(ERR_WRONG_FIELDS,
                     kind_decode(KIND_POSTED, view_of("\x92\xa1x\x01", 4), &posted));
    assert_int_equal(ERR_UNKNOWN_TYPE, kind_decode(999, view_of("\x91\xa1x", 3), &posted));
    buffer_fini(&out);
}

/* ---- who and names ---- */

static void test_a_browser_may_send_these_and_nothing_else(void **state)
{
    (void)state;
    static const uint16_t s_allowed[] = {
        MSG_HELLO,     MSG_SUB,        MSG_UNSUB,       MSG_HEARTBEAT, MSG_AUTH,
        MSG_READ,      MSG_TYPING,     MSG_ROOM_POST,   MSG_ROOM_EDIT, MSG_ROOM_DELETE,
        MSG_ROOM_JOIN, MSG_ROOM_LEAVE, MSG_ROOM_CREATE, MSG_ROOM_SAY,  MSG_ROOM_REVISE,
        MSG_ROOM_REACT, MSG_ROOM_PIN, MSG_ROOM_REMOVE, MSG_ROOM_BAN, MSG_ROOM_UNBAN, MSG_ROOM_ROLE, MSG_ROOM_MUTE,
        MSG_UNREAD_FROM, MSG_NOTIFY, MSG_GONE_GET,
        MSG_ROOM_SHARE,
        MSG_ROOM_INVITE, MSG_ROOM_DIRECT, MSG_ROOM_RENAME, MSG_ROOM_TOPIC, MSG_ROOM_ARCHIVE, MSG_ROOM_HISTORY,
    };
    for (uint32_t type = 0; type <= UINT16_MAX; type++) {
        bool allowed = false;
        for (size_t i = 0; i < sizeof s_allowed / sizeof s_allowed[0]; i++)
            allowed |= s_allowed[i] == type;
        assert_int_equal(allowed, msg_may_send((uint16_t)type, BROWSER));
    }
    assert_true(msg_may_send(MSG_STORE_APPEND, LINK));
    assert_false(msg_may_send(MSG_STORE_APPEND, SERVER));
}

static void test_every_request_to_a_room_begins_with_room_and_client_id(void **state)
{
    (void)state;
    size_t count, requests = 0;
    const struct shape_row *messages = msg_shapes(&count);
    for (size_t i = 0; i < count; i++) {
        struct msg msg = {.type = (uint16_t)messages[i].code};
        uint64_t room;
        const cid_t *client_id;
        bool is_request = msg_request_head(&msg, &room, &client_id);
        assert_int_equal(messages[i].code >> 8 == 1, is_request);
        if (!is_request)
            continue;
        requests++;
        const struct field_row *field = messages[i].fields;
        if (msg.type != MSG_ROOM_CREATE && msg.type != MSG_ROOM_DIRECT) {
            assert_string_equal("room", field->name);
            assert_int_equal(F_U53, field++->type);
        }
        assert_string_equal("client_id", field->name);
        assert_int_equal(F_CID, field->type);
    }
    assert_true(requests >= 6);
    struct msg msg = {.type = MSG_ROOM_CREATE, .as.room_create.client_id = {{7}}};
    uint64_t room = 9;
    const cid_t *client_id = NULL;
    assert_true(msg_request_head(&msg, &room, &client_id));
    assert_int_equal(0, room);
    assert_int_equal(7, client_id->bytes[0]);
    msg = (struct msg){.type = MSG_ROOM_DELETE, .as.room_delete = {.room = 5, .client_id = {{8}}}};
    assert_true(msg_request_head(&msg, &room, &client_id));
    assert_int_equal(5, room);
    assert_int_equal(8, client_id->bytes[0]);
}

static void test_names_lead_to_their_messages_and_back(void **state)
{
    (void)state;
    size_t count;
    const struct shape_row *messages = msg_shapes(&count);
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(&messages[i], msg_shape((uint16_t)messages[i].code));
        assert_ptr_equal(&messages[i],
                         msg_shape_by_name(messages[i].name, strlen(messages[i].name)));
        assert_string_equal(messages[i].name, msg_name((uint16_t)messages[i].code));
    }
    assert_null(msg_shape_by_name("room_pos", 8));
    assert_null(msg_shape_by_name("", 0));
    assert_string_equal("unknown", msg_name(0));
    assert_string_equal("posted", kind_name(KIND_POSTED));
    assert_string_equal("unknown", kind_name(0));
}

static void test_names_of_fields_are_unique_and_never_type(void **state)
{
    (void)state;
    size_t count;
    const struct shape_row *messages = msg_shapes(&count);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < messages[i].field_count; j++) {
            assert_string_not_equal("type", messages[i].fields[j].name); /* JSON needs it */
            for (size_t k = 0; k < j; k++)
                assert_string_not_equal(messages[i].fields[k].name, messages[i].fields[j].name);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_post_has_the_bytes_of_the_reference),
        cmocka_unit_test(test_post_is_decoded_into_its_members),
        cmocka_unit_test(test_wrong_number_of_fields_is_refused),
        cmocka_unit_test(test_a_client_id_has_exactly_sixteen_bytes),
        cmocka_unit_test(test_unknown_type_is_refused),
        cmocka_unit_test(test_what_is_no_message_is_refused),
        cmocka_unit_test(test_every_message_round_trips),
        cmocka_unit_test(test_every_truncation_of_every_message_is_refused),
        cmocka_unit_test(test_a_byte_behind_any_message_is_refused),
        cmocka_unit_test(test_no_change_of_one_byte_does_harm),
        cmocka_unit_test(test_every_field_of_a_message_keeps_its_bound),
        cmocka_unit_test(test_every_field_of_a_record_keeps_its_bound),
        cmocka_unit_test(test_every_field_of_a_kind_keeps_its_bound),
        cmocka_unit_test(test_unclean_text_is_refused),
        cmocka_unit_test(test_raw_value_is_one_and_not_too_deep),
        cmocka_unit_test(test_encode_refuses_what_decode_would),
        cmocka_unit_test(test_encode_into_too_little_room_leaves_nothing),
        cmocka_unit_test(test_records_come_out_as_they_went_in),
        cmocka_unit_test(test_a_refused_record_leaves_the_list_as_it_was),
        cmocka_unit_test(test_a_list_of_other_records_is_refused),
        cmocka_unit_test(test_kinds_round_trip),
        cmocka_unit_test(test_a_nil_body_is_a_tombstone),
        cmocka_unit_test(test_a_browser_may_send_these_and_nothing_else),
        cmocka_unit_test(test_every_request_to_a_room_begins_with_room_and_client_id),
        cmocka_unit_test(test_names_lead_to_their_messages_and_back),
        cmocka_unit_test(test_names_of_fields_are_unique_and_never_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
