#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "actors/runtime/clock.h"
#include "actors/runtime/log.h"

static int s_saved_stderr, s_pipe[2];

static int s_setup(void **state)
{
    (void)state;
    s_saved_stderr = dup(STDERR_FILENO);
    assert_int_equal(pipe2(s_pipe, O_NONBLOCK), 0);
    dup2(s_pipe[1], STDERR_FILENO);
    clock_freeze(1000, 1700000000123);
    log_set_level(LOG_LEVEL_INFO);
    return 0;
}

static int s_teardown(void **state)
{
    (void)state;
    clock_freeze(0, 0);
    dup2(s_saved_stderr, STDERR_FILENO);
    close(s_saved_stderr);
    close(s_pipe[0]);
    close(s_pipe[1]);
    return 0;
}

static const char *s_written(void)
{
    static char text[8192];
    ssize_t len = read(s_pipe[0], text, sizeof text - 1);
    text[len > 0 ? len : 0] = '\0';
    return text;
}

static void test_a_line_has_time_level_actor_and_text(void **state)
{
    (void)state;
    log_set_actor("room/3");
    log_warn("commit slow: took_ms=%d", 17);
    assert_string_equal(s_written(), "2023-11-14T22:13:20.123Z warn room/3 commit slow: took_ms=17\n");
}

static void test_levels_above_the_set_one_are_silent(void **state)
{
    (void)state;
    log_debug("nothing");
    assert_string_equal(s_written(), "");
    assert_false(log_is_on(LOG_LEVEL_DEBUG));
    log_set_level(LOG_LEVEL_ERROR);
    log_warn("nothing");
    assert_string_equal(s_written(), "");
    log_error("something");
    assert_true(strlen(s_written()) > 0);
}

static void test_no_text_ends_a_line_or_paints_a_terminal(void **state)
{
    (void)state;
    log_set_actor("x");
    log_info("a=%s", "1\n2023 error x forged\r\x1b[31m\x7f\xc2\x85\xe2\x80\xa8\xff tür \xf0\x9f\x90\xa6");
    assert_string_equal(s_written(), "2023-11-14T22:13:20.123Z info x a=1\\x0a2023 error x forged\\x0d\\x1b[31m\\x7f"
                                     "\\xc2\\x85\\xe2\\x80\\xa8\\xff tür \xf0\x9f\x90\xa6\n");
}

static void test_a_long_line_is_cut_and_still_ends(void **state)
{
    (void)state;
    char text[3000];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    log_info("%s", text);
    const char *line = s_written();
    assert_int_equal(strlen(line), LOG_LINE_BYTES_MAX);
    assert_true(line[LOG_LINE_BYTES_MAX - 1] == '\n');
}

static void test_a_strangers_text_is_cut_at_200_bytes_between_characters(void **state)
{
    (void)state;
    log_text_t out;
    char text[300];
    memset(text, 'b', sizeof text);
    assert_int_equal(strlen(log_text(out, text, LOG_TEXT_BYTES_MAX)), LOG_TEXT_BYTES_MAX);
    assert_int_equal(strlen(log_text(out, text, LOG_TEXT_BYTES_MAX + 1)), LOG_TEXT_BYTES_MAX + 3);
    memcpy(text + LOG_TEXT_BYTES_MAX - 1, "ü", 2);
    log_text(out, text, sizeof text);
    assert_int_equal(strlen(out), LOG_TEXT_BYTES_MAX - 1 + 3);
    assert_string_equal(log_text(out, "a\0\n", 3), "a\\x00\\x0a");
    memset(text, '\n', sizeof text);
    assert_true(strlen(log_text(out, text, sizeof text)) < sizeof out);
}

static void test_a_gate_opens_once_in_its_time_and_counts_the_others(void **state)
{
    (void)state;
    struct log_gate gate = {0};
    unsigned skipped = 9;
    assert_true(log_gate_open(&gate, 1000, &skipped));
    assert_int_equal(skipped, 0);
    assert_false(log_gate_open(&gate, 1000, &skipped));
    clock_freeze(1999, 1);
    assert_false(log_gate_open(&gate, 1000, &skipped));
    clock_freeze(2000, 1);
    assert_true(log_gate_open(&gate, 1000, &skipped));
    assert_int_equal(skipped, 2);
    assert_false(log_gate_open(&gate, 1000, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_line_has_time_level_actor_and_text, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(test_levels_above_the_set_one_are_silent, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(test_no_text_ends_a_line_or_paints_a_terminal, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(test_a_long_line_is_cut_and_still_ends, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(test_a_strangers_text_is_cut_at_200_bytes_between_characters, s_setup,
                                        s_teardown),
        cmocka_unit_test_setup_teardown(test_a_gate_opens_once_in_its_time_and_counts_the_others, s_setup,
                                        s_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
