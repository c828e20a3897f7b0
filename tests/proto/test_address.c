#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "proto/address.h"

static void test_parts_come_back_from_an_address(void **state)
{
    (void)state;
    address_t a = address_make(ROLE_ACCOUNTS, 65535, 0xfffffffe);
    assert_int_equal(ROLE_ACCOUNTS, address_role(a));
    assert_int_equal(65535, address_instance(a));
    assert_int_equal(0xfffffffe, address_nonce(a));
    assert_true(a == UINT64_C(0x4000fffffffffffe)); /* the layout is on the wire */
}

static void test_a_node_is_an_address_without_its_nonce(void **state)
{
    (void)state;
    address_t a = address_make(ROLE_ROOM, 3, 77), b = address_make(ROLE_ROOM, 3, 78);
    assert_true(address_is_same_node(a, b));
    assert_true(address_stable(a) == address_make(ROLE_ROOM, 3, 0));
    assert_false(address_is_same_node(a, address_make(ROLE_ROOM, 4, 77)));
    assert_false(address_is_same_node(a, address_make(ROLE_EDGE, 3, 77)));
    assert_int_equal(2 << 16 | 3, address_node(a));
    for (unsigned role = ROLE_EDGE; role <= ROLE_ACCOUNTS; role++) {
        address_t node = address_make((role_t)role, 65535, 0);
        assert_true(address_from_node(address_node(node)) == node);
    }
}

static void test_text_of_an_address_is_parsed_back(void **state)
{
    (void)state;
    static const uint16_t s_instances[] = {0, 1, 9, 10, 255, 65535};
    for (unsigned role = ROLE_EDGE; role <= ROLE_ACCOUNTS; role++)
        for (size_t i = 0; i < sizeof s_instances / sizeof s_instances[0]; i++) {
            char text[ADDRESS_TEXT_MAX];
            address_t parsed = 0;
            address_print(address_make((role_t)role, s_instances[i], 5), text);
            assert_true(address_parse(text, &parsed));
            assert_true(parsed == address_make((role_t)role, s_instances[i], 0));
        }
    char text[ADDRESS_TEXT_MAX];
    address_print(address_make(ROLE_ROOM, 3, 9), text);
    assert_string_equal("room/3", text);
    address_print(UINT64_MAX, text);
    assert_string_equal("none/65535", text);
}

static void test_other_texts_are_no_addresses(void **state)
{
    (void)state;
    static const char *const s_texts[] = {
        "",
        "room",
        "room/",
        "room/x",
        "room/-1",
        "room/+1",
        "room/ 1",
        "room/1 ",
        "room/01",
        "room/65536",
        "room/99999999999999999999",
        "rooms/1",
        "roo/1",
        "none/0",
        "ROOM/1",
        "room/1/2",
        "/1",
    };
    for (size_t i = 0; i < sizeof s_texts / sizeof s_texts[0]; i++) {
        address_t parsed = 42;
        assert_false(address_parse(s_texts[i], &parsed));
        assert_true(parsed == 42);
    }
}

static void test_unknown_role_has_the_name_none(void **state)
{
    (void)state;
    assert_string_equal("edge", role_name(ROLE_EDGE));
    assert_string_equal("none", role_name(ROLE_NONE));
    assert_string_equal("none", role_name((role_t)15));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts_come_back_from_an_address),
        cmocka_unit_test(test_a_node_is_an_address_without_its_nonce),
        cmocka_unit_test(test_text_of_an_address_is_parsed_back),
        cmocka_unit_test(test_other_texts_are_no_addresses),
        cmocka_unit_test(test_unknown_role_has_the_name_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
