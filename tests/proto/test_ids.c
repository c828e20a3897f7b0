#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "proto/ids.h"
#include "proto/limits.h"
#include "tests/proto/samples.h"

/* The example of https://github.com/ulid/spec, and its bytes. */
static const char s_ulid[] = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
static const cid_t s_cid = {{0x01, 0x56, 0x3e, 0x3a, 0xb5, 0xd3, 0xd6, 0x76, 0x4c, 0x61, 0xef, 0xb9,
                             0x93, 0x02, 0xbd, 0x5b}};

static const uint8_t s_key[KEY_BYTES] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
                                         11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                                         22, 23, 24, 25, 26, 27, 28, 29, 30, 31};

static void test_cid_has_the_text_of_the_specification(void **state)
{
    (void)state;
    char text[CID_TEXT_LEN + 1];
    cid_t cid;
    cid_to_text(&s_cid, text);
    assert_string_equal(s_ulid, text);
    assert_true(cid_from_text(s_ulid, CID_TEXT_LEN, &cid));
    assert_true(cid_is_equal(&s_cid, &cid));
    assert_true(cid_from_text("01arz3ndektsv4rrffq69g5fav", CID_TEXT_LEN, &cid));
    assert_true(cid_is_equal(&s_cid, &cid));
}

static void test_every_bit_of_a_cid_survives_its_text(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 128; bit++) {
        cid_t cid = {{0}}, back;
        char text[CID_TEXT_LEN + 1];
        cid.bytes[bit / 8] = (uint8_t)(0x80u >> bit % 8);
        cid_to_text(&cid, text);
        assert_true(cid_from_text(text, strlen(text), &back));
        assert_true(cid_is_equal(&cid, &back));
        back.bytes[15] ^= 1;
        assert_false(cid_is_equal(&cid, &back));
    }
    cid_t most;
    assert_true(cid_from_text("7ZZZZZZZZZZZZZZZZZZZZZZZZZ", CID_TEXT_LEN, &most));
    for (size_t i = 0; i < CID_BYTES; i++)
        assert_int_equal(0xff, most.bytes[i]);
}

static void test_other_texts_are_no_cids(void **state)
{
    (void)state;
    cid_t cid;
    assert_false(cid_from_text("80000000000000000000000000", 26, &cid)); /* 129 bits */
    assert_false(cid_from_text(s_ulid, 25, &cid));
    assert_false(cid_from_text("01ARZ3NDEKTSV4RRFFQ69G5FAV0", 27, &cid));
    assert_false(cid_from_text("", 0, &cid));
    for (int c = 0; c < 256; c++) {
        char text[CID_TEXT_LEN];
        memcpy(text, s_ulid, CID_TEXT_LEN);
        text[13] = (char)c;
        bool good = (c >= '0' && c <= '9') ||
                    (((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')) && !strchr("ILOUilou", c));
        assert_int_equal(good, cid_from_text(text, CID_TEXT_LEN, &cid));
    }
}

static void test_shards_are_the_ones_rows_were_stored_under(void **state)
{
    (void)state;
    assert_int_equal(256, LIM_SHARDS);
    assert_int_equal(175, id_shard(0));
    assert_int_equal(193, id_shard(1));
    assert_int_equal(206, id_shard(2));
    assert_int_equal(149, id_shard(42));
    assert_int_equal(133, id_shard(1234567));
    assert_int_equal(159, id_shard(ID_MAX));
}

static void test_neighbouring_ids_spread_evenly_over_shards(void **state)
{
    (void)state;
    static unsigned s_counts[LIM_SHARDS];
    memset(s_counts, 0, sizeof s_counts);
    for (uint64_t id = 1; id <= 256 * 1000; id++)
        s_counts[id_shard(id)]++;
    for (size_t i = 0; i < LIM_SHARDS; i++)
        assert_in_range(s_counts[i], 800, 1200); /* six standard deviations */
}

static void test_room_id_is_a_fixed_function_of_creator_and_client_id(void **state)
{
    (void)state;
    uint8_t other_key[KEY_BYTES] = {1};
    cid_t other = s_cid;
    other.bytes[15] ^= 1;
    uint64_t id = id_of_room(s_key, 77, &s_cid);
    assert_true(id ==
                UINT64_C(3239151936501459)); /* computed with another implementation of BLAKE2b */
    assert_true(id != id_of_room(s_key, 78, &s_cid));
    assert_true(id != id_of_room(s_key, 77, &other));
    assert_true(id != id_of_room(other_key, 77, &s_cid));
}

static void test_mac_depends_on_every_part(void **state)
{
    (void)state;
    static const uint8_t s_expected[MAC_BYTES] = {0x34, 0x5c, 0xc5, 0xb1, 0xf6, 0xfd, 0x3b, 0x47,
                                                  0x51, 0x34, 0xef, 0xb4, 0xaa, 0xda, 0x12, 0x43};
    uint8_t other_key[KEY_BYTES] = {1}, mac[MAC_BYTES];
    id_mac(s_key, 4, 9, "hello", 5, mac);
    assert_memory_equal(s_expected, mac, MAC_BYTES);
    id_mac(s_key, 5, 9, "hello", 5, mac);
    assert_memory_not_equal(s_expected, mac, MAC_BYTES);
    id_mac(s_key, 4, 10, "hello", 5, mac);
    assert_memory_not_equal(s_expected, mac, MAC_BYTES);
    id_mac(s_key, 4, 9, "hellp", 5, mac);
    assert_memory_not_equal(s_expected, mac, MAC_BYTES);
    id_mac(other_key, 4, 9, "hello", 5, mac);
    assert_memory_not_equal(s_expected, mac, MAC_BYTES);
    id_mac(s_key, 4, 9, NULL, 0, mac);
    assert_memory_not_equal(s_expected, mac, MAC_BYTES);
}

static void test_random_ids_are_in_range_and_differ(void **state)
{
    (void)state;
    uint64_t all = 0, last = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t id = id_random();
        assert_true(id >= 1 && id <= ID_MAX && id != last);
        all |= id;
        last = id;
    }
    assert_true(all == ID_MAX); /* every bit is used */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cid_has_the_text_of_the_specification),
        cmocka_unit_test(test_every_bit_of_a_cid_survives_its_text),
        cmocka_unit_test(test_other_texts_are_no_cids),
        cmocka_unit_test(test_shards_are_the_ones_rows_were_stored_under),
        cmocka_unit_test(test_neighbouring_ids_spread_evenly_over_shards),
        cmocka_unit_test(test_room_id_is_a_fixed_function_of_creator_and_client_id),
        cmocka_unit_test(test_mac_depends_on_every_part),
        cmocka_unit_test(test_random_ids_are_in_range_and_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
