#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "proto/codec.h"
#include "proto/ids.h"
#include "proto/limits.h"
#include "tests/proto/samples.h"

#define BYTES(...) view_of((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

/* ---- buffer ---- */

static void test_buffer_takes_its_maximum_and_refuses_one_byte_more(void **state)
{
    (void)state;
    buffer_t buffer;
    uint8_t bytes[1000] = {7};
    buffer_init(&buffer, sizeof bytes);
    assert_int_equal(ERR_OK, buffer_append(&buffer, bytes, 999));
    assert_int_equal(ERR_OK, buffer_append(&buffer, bytes, 1));
    assert_int_equal(ERR_TOO_LARGE, buffer_append(&buffer, bytes, 1));
    assert_int_equal(1000, buffer.len);
    buffer_fini(&buffer);
}

static void test_buffer_refuses_a_length_that_would_wrap(void **state)
{
    (void)state;
    buffer_t buffer;
    buffer_init(&buffer, SIZE_MAX);
    assert_int_equal(ERR_OK, buffer_append(&buffer, "ab", 2));
    assert_int_equal(ERR_TOO_LARGE, buffer_append(&buffer, "ab", SIZE_MAX - 1));
    assert_int_equal(2, buffer.len);
    buffer_fini(&buffer);
}

static void test_buffer_takes_nothing_behind_a_failure_until_cleared(void **state)
{
    (void)state;
    buffer_t buffer;
    buffer_init(&buffer, 4);
    assert_int_equal(ERR_OK, buffer_append(&buffer, "ab", 2));
    assert_int_equal(ERR_TOO_LARGE, buffer_append(&buffer, "cde", 3));
    assert_int_equal(ERR_TOO_LARGE, buffer_append(&buffer, "c", 1));
    assert_int_equal(ERR_TOO_LARGE, buffer.failed);
    assert_true(view_is_equal(view_of_text("ab"), buffer_view(&buffer)));
    buffer_clear(&buffer);
    assert_int_equal(ERR_OK, buffer_append(&buffer, "c", 1));
    buffer_fini(&buffer);
}

static void test_buffer_fini_may_come_twice(void **state)
{
    (void)state;
    buffer_t buffer;
    buffer_init(&buffer, 4);
    buffer_append(&buffer, "ab", 2);
    buffer_fini(&buffer);
    buffer_fini(&buffer);
    assert_int_equal(0, buffer.len);
}

static void test_write_leaves_no_head_without_its_bytes(void **state)
{
    (void)state;
    buffer_t buffer;
    buffer_init(&buffer, 4);
    write_text(&buffer, view_of_text("abcd"));
    assert_int_equal(ERR_TOO_LARGE, buffer.failed);
    assert_int_equal(0, buffer.len);
    buffer_clear(&buffer);
    write_bin(&buffer, view_of_text("abc"));
    assert_int_equal(0, buffer.len);
    buffer_fini(&buffer);
}

/* ---- numbers ---- */

static void s_expect_uint(view_t bytes, uint64_t max, err_t expected, uint64_t value)
{
    uint8_t *exact = sample_exact(bytes);
    reader_t reader = reader_of(view_of(exact, bytes.len));
    uint64_t read = 12345;
    assert_int_equal(expected, reader_uint(&reader, max, &read));
    assert_ptr_equal(expected ? exact : exact + bytes.len, reader.pos);
    assert_int_equal(expected ? 12345 : value, read);
    free(exact);
}

static void test_uint_may_come_in_any_width(void **state)
{
    (void)state;
    s_expect_uint(BYTES(0x05), UINT64_MAX, ERR_OK, 5);
    s_expect_uint(BYTES(0xcc, 0x05), UINT64_MAX, ERR_OK, 5);
    s_expect_uint(BYTES(0xcd, 0, 0x05), UINT64_MAX, ERR_OK, 5);
    s_expect_uint(BYTES(0xce, 0, 0, 0, 0x05), UINT64_MAX, ERR_OK, 5);
    s_expect_uint(BYTES(0xcf, 0, 0, 0, 0, 0, 0, 0, 0x05), UINT64_MAX, ERR_OK, 5);
    s_expect_uint(BYTES(0xd0, 0x05), UINT64_MAX, ERR_OK, 5);
    s_expect_uint(BYTES(0xd1, 0, 0x05), UINT64_MAX, ERR_OK, 5);
    s_expect_uint(BYTES(0xd2, 0, 0, 0, 0x05), UINT64_MAX, ERR_OK, 5);
    s_expect_uint(BYTES(0xd3, 0, 0, 0, 0, 0, 0, 0, 0x05), UINT64_MAX, ERR_OK, 5);
    s_expect_uint(BYTES(0xcf, 255, 255, 255, 255, 255, 255, 255, 255), UINT64_MAX, ERR_OK,
                  UINT64_MAX);
    s_expect_uint(BYTES(0xcd, 0x12, 0x34), UINT64_MAX, ERR_OK, 0x1234);
}

static void test_uint_refuses_negative_numbers_and_other_types(void **state)
{
    (void)state;
    s_expect_uint(BYTES(0xff), UINT64_MAX, ERR_OUT_OF_RANGE, 0);
    s_expect_uint(BYTES(0xe0), UINT64_MAX, ERR_OUT_OF_RANGE, 0);
    s_expect_uint(BYTES(0xd0, 0x80), UINT64_MAX, ERR_OUT_OF_RANGE, 0);
    s_expect_uint(BYTES(0xd1, 0xff, 0xff), UINT64_MAX, ERR_OUT_OF_RANGE, 0);
    s_expect_uint(BYTES(0xd2, 0xff, 0xff, 0xff, 0xff), UINT64_MAX, ERR_OUT_OF_RANGE, 0);
    s_expect_uint(BYTES(0xd3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), UINT64_MAX,
                  ERR_OUT_OF_RANGE, 0);
    s_expect_uint(BYTES(0xca, 0, 0, 0, 0), UINT64_MAX, ERR_BAD_FRAME, 0);
    s_expect_uint(BYTES(0xc0), UINT64_MAX, ERR_BAD_FRAME, 0);
    s_expect_uint(BYTES(0xa1, '5'), UINT64_MAX, ERR_BAD_FRAME, 0);
}

static void test_uint_takes_its_bound_and_refuses_one_more(void **state)
{
    (void)state;
    s_expect_uint(BYTES(0xcf, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), ID_MAX, ERR_OK, ID_MAX);
    s_expect_uint(BYTES(0xcf, 0, 0x20, 0, 0, 0, 0, 0, 0), ID_MAX, ERR_OUT_OF_RANGE, 0);
}

static void test_every_truncated_number_is_short(void **state)
{
    (void)state;
    static const uint8_t s_zero[9];
    for (int head = 0xcc; head <= 0xd3; head++) {
        size_t width = (size_t)1 << ((head - 0xcc) & 3);
        for (size_t len = 0; len < 1 + width; len++) {
            uint8_t bytes[9];
            memcpy(bytes, s_zero, sizeof bytes);
            bytes[0] = (uint8_t)head;
            s_expect_uint(view_of(bytes, len), UINT64_MAX, ERR_SHORT, 0);
        }
    }
}

static void test_uint_round_trips_at_every_width(void **state)
{
    (void)state;
    for (int bit = 0; bit < 64; bit++) {
        for (int less = 0; less < 2; less++) {
            uint64_t value = (UINT64_C(1) << bit) - (uint64_t)less;
            buffer_t buffer;
            buffer_init(&buffer, 16);
            write_uint(&buffer, value);
            s_expect_uint(buffer_view(&buffer), UINT64_MAX, ERR_OK, value);
            buffer_fini(&buffer);
        }
    }
}

static void test_bool_and_nil_are_only_themselves(void **state)
{
    (void)state;
    for (int head = 0; head < 256; head++) {
        reader_t reader = reader_of(BYTES((uint8_t)head));
        bool flag = false;
        err_t expected = head == 0xc2 || head == 0xc3 ? ERR_OK : ERR_BAD_FRAME;
        assert_int_equal(expected, reader_bool(&reader, &flag));
        assert_int_equal(head == 0xc3, flag);
        reader = reader_of(BYTES((uint8_t)head));
        assert_int_equal(head == 0xc0 ? ERR_OK : ERR_BAD_FRAME, reader_nil(&reader));
    }
    reader_t reader = reader_of(view_of(NULL, 0));
    bool flag;
    assert_int_equal(ERR_SHORT, reader_bool(&reader, &flag));
    assert_int_equal(ERR_SHORT, reader_nil(&reader));
}

/* ---- lengths ---- */

static void test_text_may_come_with_any_width_of_length(void **state)
{
    (void)state;
    const view_t forms[] = {
        BYTES(0xa2, 'h', 'i'),
        BYTES(0xd9, 2, 'h', 'i'),
        BYTES(0xda, 0, 2, 'h', 'i'),
        BYTES(0xdb, 0, 0, 0, 2, 'h', 'i'),
    };
    for (size_t i = 0; i < 4; i++) {
        reader_t reader = reader_of(forms[i]);
        view_t text;
        assert_int_equal(ERR_OK, reader_text(&reader, 2, &text));
        assert_true(view_is_equal(view_of_text("hi"), text));
        assert_true(reader_is_done(&reader));
        reader = reader_of(forms[i]);
        assert_int_equal(ERR_TOO_LARGE, reader_text(&reader, 1, &text));
        assert_ptr_equal(forms[i].bytes, reader.pos);
    }
}

static void test_text_is_no_bin_and_bin_no_text(void **state)
{
    (void)state;
    view_t view;
    reader_t reader = reader_of(BYTES(0xc4, 1, 'x'));
    assert_int_equal(ERR_BAD_FRAME, reader_text(&reader, 9, &view));
    assert_int_equal(ERR_OK, reader_bin(&reader, 9, &view));
    reader = reader_of(BYTES(0xa1, 'x'));
    assert_int_equal(ERR_BAD_FRAME, reader_bin(&reader, 9, &view));
}

static void test_huge_declared_lengths_are_short_not_believed(void **state)
{
    (void)state;
    const view_t claims[] = {
        BYTES(0xdb, 0xff, 0xff, 0xff, 0xff),
        BYTES(0xc6, 0xff, 0xff, 0xff, 0xff),
        BYTES(0xdd, 0xff, 0xff, 0xff, 0xff),
        BYTES(0xdf, 0xff, 0xff, 0xff, 0xff),
        BYTES(0xdd, 0x7f, 0xff, 0xff, 0xff, 1, 2),
        BYTES(0xde, 0xff, 0xff),
        BYTES(0xda, 0xff, 0xff, 'x'),
        BYTES(0xc5, 0xff, 0xff),
        BYTES(0xdc, 0xff, 0xff),
    };
    for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++) {
        uint8_t *exact = sample_exact(claims[i]);
        reader_t reader = reader_of(view_of(exact, claims[i].len));
        view_t view;
        size_t count;
        assert_int_equal(ERR_SHORT, reader_value(&reader, SIZE_MAX, 8, &view));
        assert_int_not_equal(ERR_OK, reader_text(&reader, SIZE_MAX, &view));
        assert_int_not_equal(ERR_OK, reader_bin(&reader, SIZE_MAX, &view));
        assert_int_not_equal(ERR_OK, reader_array(&reader, SIZE_MAX, &count));
        assert_ptr_equal(exact, reader.pos);
        free(exact);
    }
}

static void test_array_count_is_bounded_by_its_maximum_and_by_what_is_left(void **state)
{
    (void)state;
    size_t count = 0;
    reader_t reader = reader_of(BYTES(0x93, 1, 2, 3));
    assert_int_equal(ERR_TOO_LARGE, reader_array(&reader, 2, &count));
    assert_int_equal(ERR_OK, reader_array(&reader, 3, &count));
    assert_int_equal(3, count);
    reader = reader_of(BYTES(0x93, 1, 2));
    assert_int_equal(ERR_SHORT, reader_array(&reader, 3, &count));
    reader = reader_of(BYTES(0xdc, 0, 1, 7));
    assert_int_equal(ERR_OK, reader_array(&reader, 3, &count));
    reader = reader_of(BYTES(0xdd, 0, 0, 0, 1, 7));
    assert_int_equal(ERR_OK, reader_array(&reader, 3, &count));
    reader = reader_of(BYTES(0x81, 1, 2));
    assert_int_equal(ERR_BAD_FRAME, reader_array(&reader, 3, &count));
}

/* ---- whole values ---- */

static err_t s_value_of(view_t bytes, size_t max, int depth, size_t *len_out)
{
    uint8_t *exact = sample_exact(bytes);
    reader_t reader = reader_of(view_of(exact, bytes.len));
    view_t value = {0};
    err_t err = reader_value(&reader, max, depth, &value);
    assert_int_equal(err ? 0 : value.len, reader.pos - exact);
    *len_out = value.len;
    free(exact);
    return err;
}

static void test_value_takes_its_depth_and_refuses_one_more(void **state)
{
    (void)state;
    uint8_t nested[64];
    size_t len;
    memset(nested, 0x91, sizeof nested);
    for (int depth = 0; depth < 20; depth++) {
        nested[depth] = 0x01;
        assert_int_equal(depth <= 8 ? ERR_OK : ERR_TOO_DEEP,
                         s_value_of(view_of(nested, (size_t)depth + 1), SIZE_MAX, 8, &len));
        nested[depth] = 0x91;
    }
    memset(nested, 0x81, sizeof nested); /* maps whose key is a map */
    assert_int_equal(ERR_TOO_DEEP, s_value_of(view_of(nested, sizeof nested), SIZE_MAX, 8, &len));
}

static void test_deep_nesting_costs_no_stack(void **state)
{
    (void)state;
    size_t len, size = 1024 * 1024;
    uint8_t *nested = malloc(size);
    memset(nested, 0x91, size);
    assert_int_equal(ERR_TOO_DEEP, s_value_of(view_of(nested, size), SIZE_MAX, 8, &len));
    free(nested);
}

static void test_value_takes_its_size_and_refuses_one_more(void **state)
{
    (void)state;
    size_t len;
    assert_int_equal(ERR_OK, s_value_of(BYTES(0xa2, 'h', 'i'), 3, 8, &len));
    assert_int_equal(3, len);
    assert_int_equal(ERR_TOO_LARGE, s_value_of(BYTES(0xa2, 'h', 'i'), 2, 8, &len));
}

static void test_value_is_exactly_one(void **state)
{
    (void)state;
    size_t len;
    assert_int_equal(ERR_OK,
                     s_value_of(BYTES(0x92, 1, 0x82, 1, 2, 3, 0xc0, 0xff), SIZE_MAX, 8, &len));
    assert_int_equal(7, len);
    assert_int_equal(ERR_SHORT, s_value_of(BYTES(0x92, 1), SIZE_MAX, 8, &len));
    assert_int_equal(ERR_SHORT, s_value_of(view_of(NULL, 0), SIZE_MAX, 8, &len));
}

static void test_value_refuses_ext_and_the_unused_byte(void **state)
{
    (void)state;
    size_t len;
    uint8_t bytes[32] = {0};
    const uint8_t heads[] = {0xc1, 0xc7, 0xc8, 0xc9, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8};
    for (size_t i = 0; i < sizeof heads; i++) {
        bytes[0] = heads[i];
        assert_int_equal(ERR_BAD_FRAME,
                         s_value_of(view_of(bytes, sizeof bytes), SIZE_MAX, 8, &len));
    }
}

static void test_value_knows_the_length_of_every_other_head(void **state)
{
    (void)state;
    for (int head = 0; head < 256; head++) {
        uint8_t bytes[64] = {(uint8_t)head};
        size_t len, ignored;
        if (s_value_of(view_of(bytes, sizeof bytes), SIZE_MAX, 8, &len) == ERR_BAD_FRAME ||
            (head >= 0xa1 && head < 0xc0))
            continue; /* text of NULs is not clean */
        for (size_t cut = 0; cut < len; cut++)
            assert_int_equal(ERR_SHORT, s_value_of(view_of(bytes, cut), SIZE_MAX, 8, &ignored));
    }
}

static void test_value_refuses_unclean_text_inside(void **state)
{
    (void)state;
    size_t len;
    assert_int_equal(ERR_BAD_UTF8, s_value_of(BYTES(0x91, 0xa1, 0xff), SIZE_MAX, 8, &len));
}

/* ---- text ---- */

/* The plain reading of Unicode's table 3-7 by arithmetic: as slow as it is simple. */
static bool s_is_clean_by_arithmetic(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len;) {
        uint32_t c = bytes[i], least;
        size_t more = c < 0x80 ? 0 : c >> 5 == 6 ? 1 : c >> 4 == 14 ? 2 : c >> 3 == 30 ? 3 : 9;
        if (more == 9 || more > len - i - 1)
            return false;
        least = more == 0 ? 0 : more == 1 ? 0x80 : more == 2 ? 0x800 : 0x10000;
        c = more == 0 ? c : c & (0x3fu >> more);
        for (size_t j = 1; j <= more; j++) {
            if (bytes[i + j] >> 6 != 2)
                return false;
            c = c << 6 | (bytes[i + j] & 0x3fu);
        }
        if (c < least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
            return false;
        if ((c < 0x20 && c != '\t' && c != '\n') || (c >= 0x7f && c <= 0x9f))
            return false;
        i += more + 1;
    }
    return true;
}

static void test_text_of_one_and_two_bytes_is_clean_as_the_table_says(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 0x10000; i++) {
        uint8_t bytes[2] = {(uint8_t)(i >> 8), (uint8_t)i};
        assert_int_equal(s_is_clean_by_arithmetic(bytes, 2), text_is_clean(view_of(bytes, 2)));
        assert_int_equal(s_is_clean_by_arithmetic(bytes, 1), text_is_clean(view_of(bytes, 1)));
    }
}

static void test_text_of_three_and_four_bytes_is_clean_as_the_table_says(void **state)
{
    (void)state;
    static const uint8_t s_thirds[] = {0x00, 0x41, 0x7f, 0x80, 0x9f, 0xa0, 0xbf, 0xc0, 0xff};
    for (unsigned first = 0xc0; first < 0x100; first++)
        for (unsigned second = 0; second < 0x100; second++)
            for (size_t i = 0; i < sizeof s_thirds * sizeof s_thirds; i++) {
                uint8_t bytes[4] = {(uint8_t)first, (uint8_t)second, s_thirds[i % sizeof s_thirds],
                                    s_thirds[i / sizeof s_thirds]};
                for (size_t len = 3; len <= 4; len++)
                    assert_int_equal(s_is_clean_by_arithmetic(bytes, len),
                                     text_is_clean(view_of(bytes, len)));
            }
}

static void test_text_is_refused_wherever_the_bad_byte_stands(void **state)
{
    (void)state;
    static const uint8_t s_bad[] = {0x00, 0x01, 0x08, 0x0b, 0x0d, 0x1b, 0x1f,
                                    0x7f, 0x80, 0xbf, 0xc0, 0xf5, 0xff};
    for (size_t len = 1; len < 40; len++) {
        uint8_t *text = malloc(len);
        memset(text, 'a', len);
        assert_true(text_is_clean(view_of(text, len)));
        for (size_t at = 0; at < len; at++) {
            for (size_t i = 0; i < sizeof s_bad; i++) {
                text[at] = s_bad[i];
                assert_false(text_is_clean(view_of(text, len)));
            }
            text[at] = (uint8_t) "\t\n ~"[at % 4];
            assert_true(text_is_clean(view_of(text, len)));
            text[at] = 'a';
        }
        free(text);
    }
}

static void test_text_cut_inside_a_character_is_refused(void **state)
{
    (void)state;
    const char *whole = "abcdefgh€🐦";
    for (size_t len = 9; len < strlen(whole); len++) {
        uint8_t *exact = sample_exact(view_of(whole, len));
        assert_int_equal(len == 11, text_is_clean(view_of(exact, len)));
        free(exact);
    }
    assert_true(text_is_clean(view_of_text(whole)));
    assert_true(text_is_clean(view_of(NULL, 0)));
    assert_int_equal(10, text_char_count(view_of_text(whole)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buffer_takes_its_maximum_and_refuses_one_byte_more),
        cmocka_unit_test(test_buffer_refuses_a_length_that_would_wrap),
        cmocka_unit_test(test_buffer_takes_nothing_behind_a_failure_until_cleared),
        cmocka_unit_test(test_buffer_fini_may_come_twice),
        cmocka_unit_test(test_write_leaves_no_head_without_its_bytes),
        cmocka_unit_test(test_uint_may_come_in_any_width),
        cmocka_unit_test(test_uint_refuses_negative_numbers_and_other_types),
        cmocka_unit_test(test_uint_takes_its_bound_and_refuses_one_more),
        cmocka_unit_test(test_every_truncated_number_is_short),
        cmocka_unit_test(test_uint_round_trips_at_every_width),
        cmocka_unit_test(test_bool_and_nil_are_only_themselves),
        cmocka_unit_test(test_text_may_come_with_any_width_of_length),
        cmocka_unit_test(test_text_is_no_bin_and_bin_no_text),
        cmocka_unit_test(test_huge_declared_lengths_are_short_not_believed),
        cmocka_unit_test(test_array_count_is_bounded_by_its_maximum_and_by_what_is_left),
        cmocka_unit_test(test_value_takes_its_depth_and_refuses_one_more),
        cmocka_unit_test(test_deep_nesting_costs_no_stack),
        cmocka_unit_test(test_value_takes_its_size_and_refuses_one_more),
        cmocka_unit_test(test_value_is_exactly_one),
        cmocka_unit_test(test_value_refuses_ext_and_the_unused_byte),
        cmocka_unit_test(test_value_knows_the_length_of_every_other_head),
        cmocka_unit_test(test_value_refuses_unclean_text_inside),
        cmocka_unit_test(test_text_of_one_and_two_bytes_is_clean_as_the_table_says),
        cmocka_unit_test(test_text_of_three_and_four_bytes_is_clean_as_the_table_says),
        cmocka_unit_test(test_text_is_refused_wherever_the_bad_byte_stands),
        cmocka_unit_test(test_text_cut_inside_a_character_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
