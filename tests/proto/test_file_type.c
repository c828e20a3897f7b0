#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/file_type.h"
#include "proto/limits.h"

static view_t s_bytes(const char *bytes, size_t len)
{
    return view_of(bytes, len);
}

#define BYTES(literal) s_bytes(literal, sizeof(literal) - 1)

static void s_expect(view_t bytes, const char *type, uint32_t width, uint32_t height)
{
    uint8_t *exact = malloc(bytes.len ? bytes.len : 1); /* a byte too far is seen by the sanitizer */
    assert_non_null(exact);
    memcpy(exact, bytes.bytes, bytes.len);
    struct file_type found = file_type_of(view_of(exact, bytes.len));
    free(exact);
    if (type)
        assert_string_equal(type, found.type ? found.type : "none");
    else
        assert_null(found.type);
    assert_int_equal(width, found.width);
    assert_int_equal(height, found.height);
}

#define PNG "\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR"
#define SOF "\xff\xc0\0\x0b\x08\x02\x58\x03\x20\x03\x01\x11" /* 800 × 600 */

static void test_each_kind_of_image_is_known_by_its_bytes_with_its_size(void **state)
{
    (void)state;
    s_expect(BYTES(PNG "\0\0\x02\x80\0\0\x01\xe0"), "image/png", 640, 480);
    s_expect(BYTES("GIF87a\x40\x01\xc8\0\0"), "image/gif", 320, 200);
    s_expect(BYTES("GIF89a\x40\x01\xc8\0\0"), "image/gif", 320, 200);
    s_expect(BYTES("\xff\xd8\xff\xe0\0\4ab" SOF), "image/jpeg", 800, 600);
    s_expect(BYTES("\xff\xd8\xff\xff\xff\xc2\0\x0b\x08\x02\x58\x03\x20\x03\x01\x11"), "image/jpeg", 800, 600);
    s_expect(BYTES("RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0\xff\3\0\xff\2\0"), "image/webp", 1024, 768);
    s_expect(BYTES("RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f\x63\x40\x0c\0\0\0\0\0\0\0\0"), "image/webp", 100, 50);
    s_expect(BYTES("RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a\xb0\0\x90\0"), "image/webp", 176, 144);
}

static void test_a_photo_taken_upright_is_as_wide_as_it_is_shown(void **state)
{
    (void)state;
#define EXIF(order, magic, first, count, tag, type, one, value)                                                    \
    "\xff\xd8\xff\xe1\0\x1e" "Exif\0\0" order magic first count tag type one value SOF
    s_expect(BYTES(EXIF("II", "\x2a\0", "\x08\0\0\0", "\1\0", "\x12\1", "\3\0", "\1\0\0\0", "\6\0\0\0")), "image/jpeg", 600,
             800);
    s_expect(BYTES(EXIF("MM", "\0\x2a", "\0\0\0\x08", "\0\1", "\1\x12", "\0\3", "\0\0\0\1", "\0\x08\0\0")), "image/jpeg", 600,
             800);
    s_expect(BYTES(EXIF("II", "\x2a\0", "\x08\0\0\0", "\1\0", "\x12\1", "\3\0", "\1\0\0\0", "\3\0\0\0")), "image/jpeg", 800,
             600);
    s_expect(BYTES(EXIF("II", "\x2a\0", "\xff\xff\xff\xff", "\1\0", "\x12\1", "\3\0", "\1\0\0\0", "\6\0\0\0")),
             "image/jpeg", 800, 600);
}

static void test_an_image_cut_or_absurd_has_no_size(void **state)
{
    (void)state;
    static const char whole[] = PNG "\0\0\x02\x80\0\0\x01\xe0";
    for (size_t len = 8; len < sizeof whole - 1; len++)
        s_expect(s_bytes(whole, len), "image/png", 0, 0);
    s_expect(BYTES(PNG "\0\0\xff\xff\0\0\xff\xff"), "image/png", LIM_FILE_SIDE_MAX, LIM_FILE_SIDE_MAX);
    s_expect(BYTES(PNG "\0\1\0\0\0\0\0\1"), "image/png", 0, 0);
    s_expect(BYTES(PNG "\0\0\0\0\0\0\0\1"), "image/png", 0, 0);
    static const char jpeg[] = "\xff\xd8\xff\xe0\0\4ab" SOF;
    for (size_t len = 3; len < 17; len++)
        s_expect(s_bytes(jpeg, len), "image/jpeg", 0, 0);
    s_expect(BYTES("\xff\xd8\xff\xe0\0\1" SOF), "image/jpeg", 0, 0);
    s_expect(BYTES("\xff\xd8\xff\xe0\xff\xff" SOF), "image/jpeg", 0, 0);
}

/* A walk has an end, whatever a stranger sends. */
static void test_the_segments_of_a_jpeg_are_walked_so_far_and_no_further(void **state)
{
    (void)state;
    uint8_t bytes[2 + 4 * (FILE_TYPE_SEGMENTS_MAX + 1) + 16];
    for (size_t segments = FILE_TYPE_SEGMENTS_MAX - 1; segments <= FILE_TYPE_SEGMENTS_MAX; segments++) {
        size_t len = 2;
        memcpy(bytes, "\xff\xd8", 2);
        for (size_t i = 0; i < segments; i++, len += 4)
            memcpy(bytes + len, "\xff\xe0\0\2", 4);
        memcpy(bytes + len, SOF, sizeof SOF - 1);
        bool fits = segments < FILE_TYPE_SEGMENTS_MAX;
        s_expect(view_of(bytes, len + sizeof SOF - 1), "image/jpeg", fits ? 800 : 0, fits ? 600 : 0);
    }
}

static void test_what_is_no_such_image_is_none(void **state)
{
    (void)state;
    s_expect(BYTES(""), NULL, 0, 0);
    s_expect(BYTES("<svg xmlns=\"http://www.w3.org/2000/svg\">"), NULL, 0, 0);
    s_expect(BYTES("RIFF\0\0\0\0WAVE"), NULL, 0, 0);
    s_expect(BYTES("\x89PNG"), NULL, 0, 0);
}

static void s_expect_said(const char *said, const char *stored)
{
    view_t found = file_type_said(view_of_text(said));
    assert_int_equal(strlen(stored), found.len);
    assert_memory_equal(stored, found.bytes, found.len);
}

static void test_a_type_that_is_said_is_kept_unless_it_is_odd_or_claims_an_image(void **state)
{
    (void)state;
    char longest[LIM_FILE_TYPE_BYTES_MAX + 2];
    memset(longest, 'a', sizeof longest);
    memcpy(longest, "text/", 5);
    longest[LIM_FILE_TYPE_BYTES_MAX] = '\0';
    s_expect_said(longest, longest);
    memset(longest + 5, 'a', sizeof longest - 6);
    longest[LIM_FILE_TYPE_BYTES_MAX + 1] = '\0';
    s_expect_said(longest, "application/octet-stream");
    s_expect_said("application/pdf", "application/pdf");
    s_expect_said("text/plain; charset=utf-8", "text/plain");
    s_expect_said("imagery/x", "imagery/x");
    const char *odd[] = {"", "text", "text/", "/plain", "text/pl ain", "text/a\r\nX: y", "image/png", "Image/SVG+xml", "a/b/c"};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
        s_expect_said(odd[i], "application/octet-stream");
}

static void test_a_name_is_one_line_without_a_path(void **state)
{
    (void)state;
    char longest[LIM_FILE_NAME_BYTES_MAX + 1];
    memset(longest, 'n', sizeof longest);
    assert_true(file_name_is_sound(view_of(longest, LIM_FILE_NAME_BYTES_MAX)));
    assert_false(file_name_is_sound(view_of(longest, LIM_FILE_NAME_BYTES_MAX + 1)));
    assert_true(file_name_is_sound(view_of_text("Übersicht (2).tar.gz")));
    assert_true(file_name_is_sound(view_of_text("...")));
    const char *odd[] = {"", ".", "..", "a/b", "a\\b", "a\nb", "a\tb", "\xff"};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
        assert_false(file_name_is_sound(view_of_text(odd[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_kind_of_image_is_known_by_its_bytes_with_its_size),
        cmocka_unit_test(test_a_photo_taken_upright_is_as_wide_as_it_is_shown),
        cmocka_unit_test(test_an_image_cut_or_absurd_has_no_size),
        cmocka_unit_test(test_the_segments_of_a_jpeg_are_walked_so_far_and_no_further),
        cmocka_unit_test(test_what_is_no_such_image_is_none),
        cmocka_unit_test(test_a_type_that_is_said_is_kept_unless_it_is_odd_or_claims_an_image),
        cmocka_unit_test(test_a_name_is_one_line_without_a_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
