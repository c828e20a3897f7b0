/* Token buckets of sessions and addresses, and counts of what an address holds open. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "edge/budget.h"

static const int64_t NOW_MS = 123456789;

static budget_address_t s_address(const char *text)
{
    return budget_address_of(view_of_text(text));
}

/* ---- one bucket -------------------------------------------------------------------------------------------------------- */

static void test_new_bucket_holds_its_burst_and_no_more(void **state)
{
    (void)state;
    struct budget_rule rule = budget_rule_of(20, 1000, 60);
    struct budget bucket = {0};
    assert_int_equal(8, sizeof bucket);
    assert_true(budget_is_full(&bucket, NOW_MS));
    for (int i = 0; i < 60; i++)
        assert_int_equal(0, budget_take(&bucket, &rule, NOW_MS, 1));
    assert_int_equal(50, budget_take(&bucket, &rule, NOW_MS, 1)); /* 1 s / 20 */
    assert_int_equal(50, budget_take(&bucket, &rule, NOW_MS, 1)); /* asking costs nothing */
    assert_int_equal(100, budget_take(&bucket, &rule, NOW_MS, 2));
    assert_int_equal(1, budget_take(&bucket, &rule, NOW_MS + 49, 1));
    assert_int_equal(0, budget_take(&bucket, &rule, NOW_MS + 50, 1));
    assert_int_equal(50, budget_take(&bucket, &rule, NOW_MS + 50, 1));
}

static void test_bucket_earns_its_rate_and_is_full_after_its_burst(void **state)
{
    (void)state;
    struct budget_rule rule = budget_rule_of(20, 1000, 60);
    struct budget bucket = {0};
    int taken = 0;
    for (int64_t ms = 0; ms < 10000; ms++)
        taken += budget_take(&bucket, &rule, NOW_MS + ms, 1) == 0;
    assert_int_equal(60 + 199, taken);
    assert_false(budget_is_full(&bucket, NOW_MS + 12000));
    assert_true(budget_is_full(&bucket, NOW_MS + 13000));
    taken = 0;
    for (int i = 0; i < 100; i++) /* a day later it holds no more than on the first */
        taken += budget_take(&bucket, &rule, NOW_MS + 86400000, 1) == 0;
    assert_int_equal(60, taken);
}

static void test_cost_of_nothing_is_one_and_of_too_much_is_the_burst(void **state)
{
    (void)state;
    struct budget_rule rule = budget_rule_of(10, 1000, 5);
    struct budget bucket = {0};
    for (int i = 0; i < 5; i++)
        assert_int_equal(0, budget_take(&bucket, &rule, NOW_MS, 0));
    assert_int_equal(500, budget_take(&bucket, &rule, NOW_MS, UINT32_MAX));
    assert_int_equal(0, budget_take(&bucket, &rule, NOW_MS + 500, UINT32_MAX));
    assert_int_equal(100, budget_take(&bucket, &rule, NOW_MS + 500, 1));
}

static void test_what_is_given_back_can_be_taken_again(void **state)
{
    (void)state;
    struct budget_rule rule = budget_rule_of(1, 1000, 3);
    struct budget bucket = {0};
    assert_int_equal(0, budget_take(&bucket, &rule, NOW_MS, 3));
    budget_give(&bucket, &rule, 2);
    assert_int_equal(0, budget_take(&bucket, &rule, NOW_MS, 2));
    assert_int_equal(1000, budget_take(&bucket, &rule, NOW_MS, 1));
    for (int i = 0; i < 100; i++) /* never above full */
        budget_give(&bucket, &rule, 3);
    assert_int_equal(0, budget_take(&bucket, &rule, NOW_MS, 3));
    assert_int_equal(1000, budget_take(&bucket, &rule, NOW_MS, 1));
}

static void test_widest_options_do_not_overflow(void **state)
{
    (void)state;
    static const struct {
        int64_t count, period_ms, burst;
    } rows[] = {{1, 86400000, 1000000}, {1000000, 1, 1000000}, {1, 1, 1}, {1000000, 1000, INT64_MAX}, {1, 86400000, INT64_MAX}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct budget_rule rule = budget_rule_of(rows[i].count, rows[i].period_ms, rows[i].burst);
        struct budget bucket = {0};
        assert_true(rule.unit_ns >= 1 && rule.burst_ns >= rule.unit_ns);
        assert_int_equal(0, budget_take(&bucket, &rule, INT64_C(1) << 42, UINT32_MAX));
        (void)budget_take(&bucket, &rule, INT64_C(1) << 42, UINT32_MAX);
    }
    struct budget_rule rule = budget_rule_of(1, 1000, 0); /* no burst would be nothing ever */
    struct budget bucket = {0};
    assert_int_equal(0, budget_take(&bucket, &rule, NOW_MS, 1));
    assert_int_equal(1000, budget_take(&bucket, &rule, NOW_MS, 1));
}

/* ---- addresses ----------------------------------------------------------------------------------------------------------- */

static void test_addresses_are_ipv4_hosts_and_ipv6_networks(void **state)
{
    (void)state;
    assert_true(s_address("192.0.2.1") != 0);
    assert_true(s_address("192.0.2.1") != s_address("192.0.2.2"));
    assert_true(s_address("192.0.2.1") == s_address("::ffff:192.0.2.1"));
    assert_true(s_address("2001:db8::1") == s_address("2001:db8::ffff:ffff:ffff:ffff"));
    assert_true(s_address("2001:db8::1") == s_address("[2001:db8::1]"));
    assert_true(s_address("2001:db8::1") != s_address("2001:db8:0:1::1"));
    assert_true(s_address("::1") != 0);
    assert_true(s_address("::1") != s_address("127.0.0.1"));
    static const char *const odd[] = {"", "x", "192.0.2", "192.0.2.1:80", "192.0.2.256", "[", "[]", "2001:db8::1%eth0", "::",
                                      "192.0.2.1 ", "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        assert_true(s_address(odd[i]) == 0);
    assert_true(budget_address_of(view_of("192.0.2.1\0x", 11)) == 0);
}

static void test_each_address_has_its_own_bucket(void **state)
{
    (void)state;
    budget_table_t *table = budget_table_new(budget_rule_of(1, 1000, 2), 1024, 99);
    budget_address_t a = s_address("192.0.2.1"), b = s_address("192.0.2.2");
    assert_int_equal(0, budget_table_take(table, a, NOW_MS, 2));
    assert_int_equal(1000, budget_table_take(table, a, NOW_MS, 1));
    assert_int_equal(0, budget_table_take(table, b, NOW_MS, 1));
    assert_int_equal(0, budget_table_take(table, a, NOW_MS + 1000, 1));
    budget_table_destroy(&table);
    budget_table_destroy(&table);
}

static void test_full_buckets_make_room(void **state)
{
    (void)state;
    budget_table_t *table = budget_table_new(budget_rule_of(1, 1000, 2), 64, 99);
    for (int64_t i = 0; i < 10000; i++) /* one a second: each bucket is full again when the next one comes */
        assert_int_equal(0, budget_table_take(table, (budget_address_t)i + 1, NOW_MS + i * 2000, 2));
    budget_table_destroy(&table);
}

static void test_many_addresses_never_get_more_than_the_table_gives(void **state)
{
    (void)state;
    budget_table_t *table = budget_table_new(budget_rule_of(1, 1000, 2), 64, 99);
    int taken = 0;
    for (int64_t i = 0; i < 100000; i++) /* within one second */
        taken += budget_table_take(table, (budget_address_t)i * 7919 + 1, NOW_MS, 1) == 0;
    assert_int_equal(64 * 2, taken);
    for (int64_t i = 0; i < 100000; i++)
        taken += budget_table_take(table, (budget_address_t)i * 7919 + 1, NOW_MS + 1000, 1) == 0;
    assert_int_equal(64 * 3, taken);
    budget_table_destroy(&table);
}

/* ---- what is held open ----------------------------------------------------------------------------------------------------- */

static void test_address_holds_up_to_its_bound(void **state)
{
    (void)state;
    budget_holds_t *holds = budget_holds_new(16, 99);
    for (int i = 0; i < 3; i++)
        assert_true(budget_hold(holds, 5, 3));
    assert_false(budget_hold(holds, 5, 3));
    assert_true(budget_hold(holds, 6, 3));
    budget_release(holds, 5);
    assert_true(budget_hold(holds, 5, 3));
    assert_false(budget_hold(holds, 5, 3));
    assert_false(budget_hold(holds, 7, 0));
    assert_int_equal(2, budget_holds_addresses(holds));
    budget_holds_destroy(&holds);
    budget_holds_destroy(&holds);
}

static void test_table_of_holds_is_full_at_its_bound(void **state)
{
    (void)state;
    budget_holds_t *holds = budget_holds_new(16, 99);
    for (budget_address_t a = 1; a <= 16; a++)
        assert_true(budget_hold(holds, a, 8));
    assert_false(budget_hold(holds, 17, 8));
    assert_true(budget_hold(holds, 3, 8));
    budget_release(holds, 9);
    assert_true(budget_hold(holds, 17, 8));
    assert_false(budget_hold(holds, 9, 8));
    budget_holds_destroy(&holds);
}

/* Against plain counters, in an order nobody thought of. */
static void test_holds_agree_with_a_plain_count(void **state)
{
    (void)state;
    enum { ADDRESSES = 40, MAX = 4, STEPS = 200000 };
    budget_holds_t *holds = budget_holds_new(ADDRESSES, 99);
    unsigned counts[ADDRESSES + 1] = {0};
    uint64_t random = 42;
    for (int i = 0; i < STEPS; i++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        size_t address = 1 + (size_t)(random >> 33) % ADDRESSES;
        if (random >> 63) {
            assert_int_equal(counts[address] < MAX, budget_hold(holds, address, MAX));
            counts[address] += counts[address] < MAX;
        } else if (counts[address]) {
            budget_release(holds, address);
            counts[address]--;
        }
    }
    size_t used = 0;
    for (size_t address = 1; address <= ADDRESSES; address++)
        for (used += counts[address] > 0; counts[address]; counts[address]--)
            budget_release(holds, address);
    assert_true(used > 0);
    assert_int_equal(0, budget_holds_addresses(holds));
    budget_holds_destroy(&holds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_bucket_holds_its_burst_and_no_more),
        cmocka_unit_test(test_bucket_earns_its_rate_and_is_full_after_its_burst),
        cmocka_unit_test(test_cost_of_nothing_is_one_and_of_too_much_is_the_burst),
        cmocka_unit_test(test_what_is_given_back_can_be_taken_again),
        cmocka_unit_test(test_widest_options_do_not_overflow),
        cmocka_unit_test(test_addresses_are_ipv4_hosts_and_ipv6_networks),
        cmocka_unit_test(test_each_address_has_its_own_bucket),
        cmocka_unit_test(test_full_buckets_make_room),
        cmocka_unit_test(test_many_addresses_never_get_more_than_the_table_gives),
        cmocka_unit_test(test_address_holds_up_to_its_bound),
        cmocka_unit_test(test_table_of_holds_is_full_at_its_bound),
        cmocka_unit_test(test_holds_agree_with_a_plain_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
