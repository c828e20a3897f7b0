#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "proto/limits.h"
#include "proto/person.h"

static bool s_is_good(const char *text)
{
    return person_display_is_good(view_of_text(text));
}

static void test_display_names_of_all_scripts_are_good(void **state)
{
    (void)state;
    static const char *const good[] = {"A", "Ada Lovelace", "Ada (away) @home", "Øyvind", "佐藤 花子", "نرگس‌بانو",
                                       "Ann 👩‍💻", "☀️", "Åsa"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (!s_is_good(good[i]))
            fail_msg("refused: %s", good[i]);
}

static void test_display_names_that_cannot_be_seen_or_deceive_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", " ", " Ada", "Ada ", "Ada  L", "Ada\n", "Ada\tL", "\xe2\x80\x8d", "Ada\xe2\x80\xae" "adA",
                                      "A\xc2\xa0", "\xe2\x80\x8b", "\xe3\x85\xa4", "A\xc2\xad", "\xef\xbb\xbf" "Ada", "A\xff",
                                      "\xe2\xa0\x80", "\xf3\xa0\x81\xa1", "\xee\x80\x80", "\xe2\x80\x8d\xef\xb8\x8f"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (s_is_good(bad[i]))
            fail_msg("taken: row %zu", i);
}

static void test_display_names_have_64_characters_and_not_65(void **state)
{
    (void)state;
    char text[LIM_DISPLAY_BYTES_MAX + 8] = "";
    for (int i = 0; i < LIM_DISPLAY_CHARS_MAX; i++)
        memcpy(text + 4 * i, "🐦", 4); /* four bytes each: both bounds at once */
    assert_int_equal(LIM_DISPLAY_BYTES_MAX, strlen(text));
    assert_true(s_is_good(text));
    text[LIM_DISPLAY_BYTES_MAX] = 'a';
    assert_false(s_is_good(text));
    memset(text, 'a', LIM_DISPLAY_CHARS_MAX + 1);
    text[LIM_DISPLAY_CHARS_MAX + 1] = '\0';
    assert_false(s_is_good(text));
    assert_true(s_is_good(text + 1));
}

static void test_a_picture_is_what_its_bytes_say(void **state)
{
    (void)state;
    assert_int_equal(PICTURE_PNG, person_picture_type(view_of("\x89PNG\r\n\x1a\n....", 12)));
    assert_int_equal(PICTURE_JPEG, person_picture_type(view_of("\xff\xd8\xff\xe0", 4)));
    assert_int_equal(PICTURE_WEBP, person_picture_type(view_of("RIFF\x01\x02\x03\x04WEBPVP8 ", 16)));
    static const char *const others[] = {"", "GIF89a", "<svg xmlns=", "\x89PNG\r\n\x1a", "RIFF1234WAVEfmt ", "RIFF1234WEBP",
                                         "\xff\xd8", "<!doctype html>"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_int_equal(PICTURE_NONE, person_picture_type(view_of_text(others[i])));
    assert_string_equal("image/webp", person_picture_mime(PICTURE_WEBP));
}

static void test_codes_have_no_letter_that_is_taken_for_another_and_never_repeat(void **state)
{
    (void)state;
    char codes[50][PERSON_CODE_LEN + 1];
    for (int i = 0; i < 50; i++) {
        person_code_new(codes[i]);
        assert_int_equal(PERSON_CODE_LEN, strlen(codes[i]));
        assert_int_equal(PERSON_CODE_LEN, strspn(codes[i], "0123456789abcdefghjkmnpqrstvwxyz"));
        for (int k = 0; k < i; k++)
            assert_string_not_equal(codes[k], codes[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_display_names_of_all_scripts_are_good),
        cmocka_unit_test(test_display_names_that_cannot_be_seen_or_deceive_are_refused),
        cmocka_unit_test(test_display_names_have_64_characters_and_not_65),
        cmocka_unit_test(test_a_picture_is_what_its_bytes_say),
        cmocka_unit_test(test_codes_have_no_letter_that_is_taken_for_another_and_never_repeat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
