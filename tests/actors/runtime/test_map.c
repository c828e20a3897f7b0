#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "actors/runtime/map.h"

static void test_a_map_keeps_what_a_table_would(void **state)
{
    enum { KEYS = 512, STEPS = 50000 };
    static uint64_t table[KEYS + 1];
    (void)state;
    map_t map;
    map_init(&map);
    uint64_t random = 1;
    for (int i = 0; i < STEPS; i++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
        uint64_t key = 1 + (random >> 33) % KEYS;
        if (random >> 62) {
            assert_int_equal(ERR_OK, map_put(&map, key, random));
            table[key] = random;
        } else {
            assert_int_equal(table[key] != 0, map_remove(&map, key));
            table[key] = 0;
        }
    }
    size_t count = 0, cursor = 0;
    uint64_t key, value;
    for (key = 1; key <= KEYS; key++) {
        bool has = map_get(&map, key, &value);
        assert_int_equal(table[key] != 0, has);
        assert_true(!has || value == table[key]);
        count += has;
    }
    assert_int_equal(count, map.count);
    while (map_next(&map, &cursor, &key, &value)) {
        assert_true(table[key] == value);
        count--;
    }
    assert_int_equal(0, count);
    map_fini(&map);
}

static void test_a_walk_that_removes_leaves_nothing_out(void **state)
{
    (void)state;
    for (uint64_t odd = 0; odd < 2; odd++) {
        map_t map;
        size_t cursor = 0;
        uint64_t key;
        map_init(&map);
        for (uint64_t i = 1; i <= 1000; i++)
            map_put(&map, i * 3, i);
        while (map_next(&map, &cursor, &key, NULL))
            if (key % 2 == odd)
                map_remove_seen(&map, &cursor, key);
        assert_int_equal(500, map.count);
        for (uint64_t i = 1; i <= 1000; i++)
            assert_int_equal(i * 3 % 2 != odd, map_get(&map, i * 3, NULL));
        map_fini(&map);
    }
}

static void test_key_0_is_in_no_map(void **state)
{
    (void)state;
    map_t map;
    map_init(&map);
    map_put(&map, 5, 1);
    assert_false(map_get(&map, 0, NULL));
    assert_false(map_remove(&map, 0));
    map_fini(&map);
}

static void test_pointers_are_found_after_every_other_one_left(void **state)
{
    enum { COUNT = 4096 };
    static char values[COUNT];
    (void)state;
    map_t map;
    map_init(&map);
    for (uint64_t i = 1; i < COUNT; i++)
        assert_int_equal(ERR_OK, map_put_ptr(&map, i * 977, &values[i]));
    for (uint64_t i = 1; i < COUNT; i += 2)
        assert_true(map_remove(&map, i * 977));
    for (uint64_t i = 1; i < COUNT; i++)
        assert_ptr_equal(i % 2 ? NULL : &values[i], map_get_ptr(&map, i * 977));
    assert_int_equal(COUNT / 2 - 1, map.count);
    map_fini(&map);
}

static void test_a_map_takes_no_memory_before_its_first_pair_and_after_its_last(void **state)
{
    (void)state;
    map_t map;
    map_init(&map);
    assert_int_equal(0, map_bytes(&map));
    map_put(&map, 7, 1);
    map_put(&map, 7, 2); /* replaces */
    assert_int_equal(1, map.count);
    assert_true(map_bytes(&map) > 0);
    assert_true(map_remove(&map, 7));
    assert_int_equal(0, map_bytes(&map));
    map_fini(&map);
    map_fini(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_map_keeps_what_a_table_would),
        cmocka_unit_test(test_a_walk_that_removes_leaves_nothing_out),
        cmocka_unit_test(test_key_0_is_in_no_map),
        cmocka_unit_test(test_pointers_are_found_after_every_other_one_left),
        cmocka_unit_test(test_a_map_takes_no_memory_before_its_first_pair_and_after_its_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
