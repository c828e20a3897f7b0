#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "actors/runtime/requests.h"
#include "proto/limits.h"

static uint64_t s_add(requests_t *requests, uint64_t a, int64_t deadline_ms)
{
    struct request request = {.what = 3, .a = a, .deadline_ms = deadline_ms};
    assert_int_equal(requests_add(requests, &request), ERR_OK);
    assert_true(request.correlation != 0);
    return request.correlation;
}

static void test_an_answer_finds_its_question_once(void **state)
{
    (void)state;
    requests_t *requests = requests_new(10);
    struct request request;
    uint64_t first = s_add(requests, 1, 100), second = s_add(requests, 2, 50);
    assert_true(first != second);
    assert_true(requests_peek(requests, second, &request));
    assert_int_equal(request.a, 2);
    assert_int_equal(requests_count(requests), 2);
    assert_true(requests_take(requests, second, &request));
    assert_int_equal(request.what, 3);
    assert_false(requests_take(requests, second, &request));
    assert_false(requests_peek(requests, second, &request));
    assert_true(requests_take(requests, first, &request));
    assert_int_equal(requests_count(requests), 0);
    requests_destroy(&requests);
    requests_destroy(&requests);
}

static void test_a_late_answer_is_not_taken_for_the_next_question(void **state)
{
    (void)state;
    requests_t *requests = requests_new(1);
    struct request request;
    uint64_t old = s_add(requests, 1, 100);
    assert_true(requests_expire(requests, 100, &request));
    uint64_t new = s_add(requests, 2, 200);
    assert_true(old != new);
    assert_false(requests_take(requests, old, &request));
    assert_false(requests_take(requests, 0, &request));
    assert_false(requests_take(requests, UINT64_MAX, &request));
    assert_true(requests_take(requests, new, &request));
    requests_destroy(&requests);
}

static void test_full_is_overloaded_and_data_stays_the_callers(void **state)
{
    (void)state;
    requests_t *requests = requests_new(LIM_REQUESTS_MAX);
    for (uint64_t i = 0; i < LIM_REQUESTS_MAX; i++)
        s_add(requests, i, (int64_t)i);
    struct request request = {.data = malloc(1)};
    assert_int_equal(requests_add(requests, &request), ERR_OVERLOADED);
    free(request.data);
    assert_true(requests_expire(requests, 0, &request));
    s_add(requests, 7, 7);
    assert_int_equal(requests_count(requests), LIM_REQUESTS_MAX);
    requests_destroy(&requests);
}

static void test_what_is_left_is_freed(void **state)
{
    (void)state;
    requests_t *requests = requests_new(10);
    struct request request = {.data = malloc(100), .deadline_ms = 5};
    assert_int_equal(requests_add(requests, &request), ERR_OK);
    request.data = malloc(100);
    assert_int_equal(requests_add(requests, &request), ERR_OK);
    assert_true(requests_take(requests, request.correlation, &request));
    free(request.data); /* the taken one is the caller's; AddressSanitizer sees to the other */
    requests_destroy(&requests);
}

/* Against a plain table: random adds, takes and expiries. */
static void test_expiry_takes_the_earliest_first_whatever_was_taken(void **state)
{
    (void)state;
    enum { MAX = 300, STEPS = 20000 };
    static uint64_t correlations[MAX];
    static int64_t deadlines[MAX];
    size_t count = 0;
    uint32_t seed = 1;
    requests_t *requests = requests_new(MAX);
    for (int step = 0; step < STEPS; step++) {
        seed = seed * 1664525 + 1013904223;
        uint32_t r = seed >> 8;
        struct request request = {.deadline_ms = r % 1000};
        if (r % 3 && count < MAX) {
            assert_int_equal(requests_add(requests, &request), ERR_OK);
            correlations[count] = request.correlation;
            deadlines[count++] = request.deadline_ms;
        } else if (count > 0) {
            size_t pick = r % count;
            if (r % 2) {
                int64_t least = INT64_MAX;
                for (size_t i = 0; i < count; i++)
                    least = deadlines[i] < least ? deadlines[i] : least;
                assert_false(requests_expire(requests, least - 1, &request));
                assert_true(requests_expire(requests, least, &request));
                assert_int_equal(request.deadline_ms, least);
                for (pick = 0; correlations[pick] != request.correlation;)
                    assert_true(++pick < count);
            } else {
                assert_true(requests_take(requests, correlations[pick], &request));
                assert_int_equal(request.deadline_ms, deadlines[pick]);
            }
            correlations[pick] = correlations[--count];
            deadlines[pick] = deadlines[count];
        }
        assert_int_equal(requests_count(requests), count);
    }
    requests_destroy(&requests);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_answer_finds_its_question_once),
        cmocka_unit_test(test_a_late_answer_is_not_taken_for_the_next_question),
        cmocka_unit_test(test_full_is_overloaded_and_data_stays_the_callers),
        cmocka_unit_test(test_what_is_left_is_freed),
        cmocka_unit_test(test_expiry_takes_the_earliest_first_whatever_was_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
