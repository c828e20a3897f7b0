/* providers: which of several nodes is asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/runtime/providers.h"

static address_t s_node(unsigned instance)
{
    return address_make(ROLE_PERSIST, (uint16_t)instance, 9);
}

static struct providers s_three(void)
{
    struct providers self = {0};
    for (unsigned i = 0; i < 3; i++)
        assert_true(providers_add(&self, s_node(i)));
    return self;
}

static void s_expect(const struct providers *self, unsigned instance)
{
    assert_true(address_is_same_node(providers_current(self), s_node(instance)));
}

static void test_nobody_is_known_at_first(void **state)
{
    (void)state;
    struct providers self = {0};
    assert_true(providers_current(&self) == 0);
    assert_false(providers_is_up(&self));
    assert_false(providers_next(&self));
    assert_false(providers_on_peer(&self, s_node(0), PEER_UP));
    providers_begin_at(&self, 5);
    assert_true(providers_current(&self) == 0);
}

static void test_at_most_eight_are_known_and_each_once(void **state)
{
    (void)state;
    struct providers self = {0};
    for (unsigned i = 0; i < LIM_PROVIDERS_MAX; i++)
        assert_true(providers_add(&self, s_node(i)));
    assert_true(providers_add(&self, s_node(3)));
    assert_int_equal(LIM_PROVIDERS_MAX, self.count);
    assert_false(providers_add(&self, s_node(LIM_PROVIDERS_MAX)));
}

static void test_each_asker_begins_with_another(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 7; i++) {
        struct providers self = s_three();
        providers_begin_at(&self, i);
        s_expect(&self, i % 3);
    }
}

static void test_the_one_asked_stays_while_it_is_up(void **state)
{
    (void)state;
    struct providers self = s_three();
    assert_false(providers_on_peer(&self, s_node(0), PEER_UP));
    assert_false(providers_on_peer(&self, s_node(1), PEER_UP));
    assert_false(providers_on_peer(&self, s_node(0), PEER_HOLE));
    assert_false(providers_on_peer(&self, s_node(1), PEER_DOWN));
    s_expect(&self, 0);
    assert_true(providers_is_up(&self));
}

static void test_when_it_is_gone_one_that_is_up_is_asked(void **state)
{
    (void)state;
    struct providers self = s_three();
    providers_on_peer(&self, s_node(0), PEER_UP);
    providers_on_peer(&self, s_node(2), PEER_UP);
    assert_true(providers_on_peer(&self, s_node(0), PEER_DOWN));
    s_expect(&self, 2);
    assert_false(providers_on_peer(&self, s_node(0), PEER_UP)); /* back, but nobody is in need of it */
    s_expect(&self, 2);
    assert_true(providers_next(&self));
    s_expect(&self, 0);
}

static void test_whoever_comes_up_first_is_asked_when_none_is(void **state)
{
    (void)state;
    struct providers self = s_three();
    assert_true(providers_on_peer(&self, s_node(1), PEER_UP));
    s_expect(&self, 1);
    assert_true(providers_on_peer(&self, s_node(1), PEER_DOWN));
    s_expect(&self, 2); /* none is up: any may be next */
    assert_false(providers_is_up(&self));
}

static void test_a_single_one_is_asked_whatever_happens(void **state)
{
    (void)state;
    struct providers self = {0};
    providers_add(&self, s_node(0));
    assert_false(providers_next(&self));
    assert_false(providers_on_peer(&self, s_node(0), PEER_DOWN));
    s_expect(&self, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody_is_known_at_first),
        cmocka_unit_test(test_at_most_eight_are_known_and_each_once),
        cmocka_unit_test(test_each_asker_begins_with_another),
        cmocka_unit_test(test_the_one_asked_stays_while_it_is_up),
        cmocka_unit_test(test_when_it_is_gone_one_that_is_up_is_asked),
        cmocka_unit_test(test_whoever_comes_up_first_is_asked_when_none_is),
        cmocka_unit_test(test_a_single_one_is_asked_whatever_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
