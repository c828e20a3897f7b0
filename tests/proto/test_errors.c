#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "proto/errors.h"

static void test_every_number_symbol_and_wire_name_is_used_once(void **state)
{
    (void)state;
    err_t a, b;
    const char *symbol_a, *symbol_b;
    for (size_t i = 0; err_row(i, &a, &symbol_a); i++)
        for (size_t j = 0; j < i && err_row(j, &b, &symbol_b); j++) {
            assert_int_not_equal(a, b);
            assert_string_not_equal(symbol_a, symbol_b);
            assert_string_not_equal(err_name(a), err_name(b));
        }
}

static void test_every_row_has_a_sentence_and_a_sensible_status(void **state)
{
    (void)state;
    err_t err;
    const char *symbol;
    for (size_t i = 0; err_row(i, &err, &symbol); i++) {
        const char *text = err_text(err);
        assert_true(strlen(text) > 4 && text[strlen(text) - 1] != ' ');
        assert_true(err_http_status(err) == 200 ||
                    (err_http_status(err) >= 400 && err_http_status(err) < 600));
        if (err_may_retry(err)) /* a final status would tell proxies and clients otherwise */
            assert_true(err_http_status(err) >= 500 || err_http_status(err) == 429 ||
                        err == ERR_TOKEN_EXPIRED);
    }
}

static void test_names_lead_back_to_their_errors(void **state)
{
    (void)state;
    err_t err;
    const char *symbol;
    for (size_t i = 0; err_row(i, &err, &symbol); i++)
        assert_int_equal(err, err_by_name(err_name(err), strlen(err_name(err))));
    assert_int_equal(ERR_INTERNAL, err_by_name("bus", 3));
    assert_int_equal(ERR_INTERNAL, err_by_name("", 0));
}

static void test_unknown_number_reads_as_internal(void **state)
{
    (void)state;
    assert_string_equal("internal", err_name((err_t)1000));
    assert_int_equal(500, err_http_status((err_t)1000));
    assert_false(err_may_retry((err_t)1000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_number_symbol_and_wire_name_is_used_once),
        cmocka_unit_test(test_every_row_has_a_sentence_and_a_sensible_status),
        cmocka_unit_test(test_names_lead_back_to_their_errors),
        cmocka_unit_test(test_unknown_number_reads_as_internal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
