#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "bench/ledger.h"

enum { READERS = 3 };
#define MS INT64_C(1000000)

static void s_deliver(struct ledger *ledger, const cid_t *cid, uint64_t seq, uint64_t last, uint32_t place, uint64_t hash)
{
    ledger_delivered(ledger, &(struct ledger_delivery){.client_id = cid,
                                                       .seq = seq,
                                                       .last_seq = last,
                                                       .frame_hash = hash,
                                                       .room = 7,
                                                       .place = place,
                                                       .at_ns = 5 * MS});
}

/* Two posts, all of the first and all but reader 2's event of the second delivered. */
static void s_begin(struct ledger *ledger, cid_t cids[2])
{
    ledger_init(ledger);
    for (uint64_t post = 0; post < 2; post++) {
        assert_int_equal(post, ledger_post(ledger, 7, READERS, 0, &cids[post]));
        assert_true(ledger_acked(ledger, &cids[post], false, 5 * MS));
    }
    for (uint32_t place = 0; place < READERS; place++)
        s_deliver(ledger, &cids[0], 1, 0, place, 11);
    for (uint32_t place = 0; place < READERS - 1; place++)
        s_deliver(ledger, &cids[1], 2, 1, place, 22);
}

static void s_expect(struct ledger *ledger, const char *text)
{
    char said[256];
    ledger_describe(ledger, said, sizeof said);
    assert_string_equal(text, said);
    assert_int_equal(strcmp(text, "clean") == 0, ledger_is_clean(ledger));
    ledger_fini(ledger);
}

static void test_a_round_in_which_all_arrived_is_clean(void **state)
{
    (void)state;
    struct ledger ledger;
    cid_t cids[2];
    s_begin(&ledger, cids);
    s_deliver(&ledger, &cids[1], 2, 1, 2, 22);
    assert_true(ledger_is_complete(&ledger));
    assert_int_equal(6, ledger.deliveries);
    assert_int_equal(2, ledger.acks);
    s_expect(&ledger, "clean");
}

static void test_a_missed_delivery_is_told(void **state)
{
    (void)state;
    struct ledger ledger;
    cid_t cids[2];
    s_begin(&ledger, cids);
    assert_false(ledger_is_complete(&ledger));
    s_expect(&ledger, "missed 1");
}

static void test_a_missed_delivery_is_not_made_good_by_a_doubled_one(void **state)
{
    (void)state;
    struct ledger ledger;
    cid_t cids[2];
    s_begin(&ledger, cids);
    s_deliver(&ledger, &cids[1], 2, 2, 0, 22);
    s_expect(&ledger, "missed 1, doubled 1");
}

static void test_events_in_another_order_are_told(void **state)
{
    (void)state;
    struct ledger ledger;
    cid_t cids[2], late;
    s_begin(&ledger, cids);
    s_deliver(&ledger, &cids[1], 2, 1, 2, 22);
    ledger_post(&ledger, 7, 1, 0, &late);
    ledger_acked(&ledger, &late, false, 5 * MS);
    s_deliver(&ledger, &late, 3, 4, 0, 33);
    s_expect(&ledger, "reordered 1");
}

static void test_a_hole_in_the_sequence_is_told(void **state)
{
    (void)state;
    struct ledger ledger;
    cid_t cids[2];
    s_begin(&ledger, cids);
    s_deliver(&ledger, &cids[1], 2, 0, 2, 22);
    s_expect(&ledger, "holes 1");
}

static void test_other_bytes_or_another_place_for_one_reader_are_told(void **state)
{
    (void)state;
    struct ledger ledger;
    cid_t cids[2];
    s_begin(&ledger, cids);
    s_deliver(&ledger, &cids[1], 2, 1, 2, 23);
    s_expect(&ledger, "altered 1");
    s_begin(&ledger, cids);
    s_deliver(&ledger, &cids[1], 3, 2, 2, 22);
    s_expect(&ledger, "altered 1");
}

static void test_what_nobody_posted_here_is_foreign(void **state)
{
    (void)state;
    struct ledger ledger;
    cid_t cids[2], stranger = {{0}};
    s_begin(&ledger, cids);
    s_deliver(&ledger, &cids[1], 2, 1, 2, 22);
    s_deliver(&ledger, &stranger, 3, 2, 0, 1);
    s_deliver(&ledger, &cids[0], 4, 3, READERS, 11); /* a reader the room does not have */
    assert_false(ledger_acked(&ledger, &stranger, false, 0));
    s_expect(&ledger, "foreign 3");
}

static void test_a_refused_post_is_awaited_by_nobody_and_told(void **state)
{
    (void)state;
    struct ledger ledger;
    cid_t cid;
    ledger_init(&ledger);
    ledger_post(&ledger, 7, READERS, 0, &cid);
    ledger_refused(&ledger, &cid);
    assert_true(ledger_is_complete(&ledger));
    s_expect(&ledger, "refused 1");
}

static void test_a_second_ack_is_told(void **state)
{
    (void)state;
    struct ledger ledger;
    cid_t cids[2];
    s_begin(&ledger, cids);
    s_deliver(&ledger, &cids[1], 2, 1, 2, 22);
    assert_true(ledger_acked(&ledger, &cids[0], false, 6 * MS));
    s_expect(&ledger, "acked twice 1");
}

static void test_the_warm_up_is_audited_but_not_measured(void **state)
{
    (void)state;
    struct ledger ledger;
    cid_t cids[2], measured;
    s_begin(&ledger, cids);
    ledger_measure(&ledger);
    ledger_post(&ledger, 7, 1, 2 * MS, &measured);
    ledger_acked(&ledger, &measured, false, 4 * MS);
    s_deliver(&ledger, &measured, 3, 2, 0, 33);
    assert_int_equal(1, ledger.deliveries);
    assert_int_equal(1, ledger.acks);
    assert_int_equal(3, ledger.all_acks);
    assert_int_equal(1, ledger.delivery.count);
    assert_in_range((uintmax_t)(hist_ms(&ledger.delivery, 0.5) * 1000), 2900, 3100); /* from when it was due */
    s_expect(&ledger, "missed 1");
}

/* Reader 1 of three is slow on purpose. */
static void s_begin_slow(struct ledger *ledger, cid_t *cid)
{
    ledger_init(ledger);
    ledger_set_slow(ledger, 7, 1);
    ledger_post(ledger, 7, READERS, 0, cid);
    ledger_acked(ledger, cid, false, 5 * MS);
    s_deliver(ledger, cid, 1, 0, 0, 11);
    s_deliver(ledger, cid, 1, 0, 2, 11);
}

static void test_the_slow_reader_is_not_waited_for_nor_timed_but_must_get_all(void **state)
{
    (void)state;
    struct ledger ledger;
    cid_t cid;
    s_begin_slow(&ledger, &cid);
    assert_true(ledger_is_complete(&ledger));
    assert_false(ledger_is_whole(&ledger));
    s_expect(&ledger, "missed by the slow reader 1");
    s_begin_slow(&ledger, &cid);
    s_deliver(&ledger, &cid, 1, 0, 1, 11);
    assert_true(ledger_is_whole(&ledger));
    assert_int_equal(2, ledger.deliveries);
    s_expect(&ledger, "clean");
    s_begin_slow(&ledger, &cid);
    s_deliver(&ledger, &cid, 1, 0, 1, 11);
    s_deliver(&ledger, &cid, 1, 1, 1, 11);
    s_expect(&ledger, "doubled 1");
}

static void test_a_refused_post_is_not_awaited_by_the_slow_reader_either(void **state)
{
    (void)state;
    struct ledger ledger;
    cid_t cid;
    ledger_init(&ledger);
    ledger_set_slow(&ledger, 7, 1);
    ledger_post(&ledger, 7, READERS, 0, &cid);
    s_deliver(&ledger, &cid, 1, 0, 1, 11);
    ledger_refused(&ledger, &cid);
    assert_true(ledger_is_whole(&ledger));
    s_expect(&ledger, "refused 1");
}

static void test_a_histogram_is_within_1_percent_at_every_size(void **state)
{
    (void)state;
    for (int64_t us = 1; us < INT64_C(3000000000); us = us * 5 / 3 + 1) {
        static struct hist hist;
        hist_clear(&hist);
        hist_add(&hist, us * 1000);
        double error = hist_ms(&hist, 0.5) * 1000 / (double)us - 1;
        assert_true(us < 128 || (error < 0.008 && error > -0.008));
        assert_true(hist_max_ms(&hist) * 1000 == (double)us);
    }
}

static void test_percentiles_are_of_all_that_was_added(void **state)
{
    (void)state;
    static struct hist hist;
    hist_clear(&hist);
    for (int64_t i = 1; i <= 1000; i++)
        hist_add(&hist, i * MS);
    assert_in_range((uintmax_t)hist_ms(&hist, 0.5), 485, 515);
    assert_in_range((uintmax_t)hist_ms(&hist, 0.99), 960, 1020);
    assert_in_range((uintmax_t)hist_ms(&hist, 1), 970, 1030);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_round_in_which_all_arrived_is_clean),
        cmocka_unit_test(test_a_missed_delivery_is_told),
        cmocka_unit_test(test_a_missed_delivery_is_not_made_good_by_a_doubled_one),
        cmocka_unit_test(test_events_in_another_order_are_told),
        cmocka_unit_test(test_a_hole_in_the_sequence_is_told),
        cmocka_unit_test(test_other_bytes_or_another_place_for_one_reader_are_told),
        cmocka_unit_test(test_what_nobody_posted_here_is_foreign),
        cmocka_unit_test(test_a_refused_post_is_awaited_by_nobody_and_told),
        cmocka_unit_test(test_a_second_ack_is_told),
        cmocka_unit_test(test_the_warm_up_is_audited_but_not_measured),
        cmocka_unit_test(test_the_slow_reader_is_not_waited_for_nor_timed_but_must_get_all),
        cmocka_unit_test(test_a_refused_post_is_not_awaited_by_the_slow_reader_either),
        cmocka_unit_test(test_a_histogram_is_within_1_percent_at_every_size),
        cmocka_unit_test(test_percentiles_are_of_all_that_was_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
