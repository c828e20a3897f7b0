/* Signing out elsewhere and changing the password: the accounts actor between a silent clock and a store in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jwt.h>

#include "tests/actors/accounts_world.h"

#define HOME "192.0.2.1"
#define PASSWORD "correct horse 7"
#define NEXT "battery staple 8"

#define WORLD_TEST(name)                                                                                               \
    static void name##_script(void);                                                                                   \
    static void name(void **state)                                                                                     \
    {                                                                                                                  \
        (void)state;                                                                                                   \
        world_run(name##_script);                                                                                      \
    }                                                                                                                  \
    static void name##_script(void)

static struct answer s_signup(const char *name)
{
    struct answer answer = world_answer(world_signup(name, PASSWORD, HOME));
    assert_int_equal(MSG_AUTH_DONE, answer.type);
    return answer;
}

static struct answer s_login(const char *name, const char *password)
{
    return world_answer(world_login(name, password, HOME));
}

static err_t s_change(const struct answer *who, const char *current, const char *next)
{
    struct answer answer = world_answer(world_password(who->user, who->session, current, next, HOME));
    return answer.type == MSG_STORE_OK ? ERR_OK : answer.type == MSG_ERR ? answer.code : ERR_TIMEOUT;
}

static bool s_may_refresh(const struct answer *who)
{
    return world_answer(world_refresh(who->refresh)).type == MSG_AUTH_DONE;
}

WORLD_TEST(test_one_session_elsewhere_is_ended_and_the_others_stay)
{
    struct answer here = s_signup("Ann"), there = s_login("Ann", PASSWORD);
    struct answer ended = world_answer(world_sessions_end(here.user, there.session, 0));
    assert_int_equal(MSG_STORE_OK, ended.type);
    assert_int_equal(1, ended.value);
    assert_false(s_may_refresh(&there));
    assert_true(s_may_refresh(&here));
}

WORLD_TEST(test_all_sessions_but_this_one_are_ended_and_nobody_elses)
{
    struct answer here = s_signup("Ann"), there = s_login("Ann", PASSWORD), bob = s_signup("Bob");
    assert_int_equal(1, world_answer(world_sessions_end(here.user, 0, here.session)).value);
    assert_false(s_may_refresh(&there));
    assert_true(s_may_refresh(&here));
    assert_true(s_may_refresh(&bob));
    assert_int_equal(1, world_answer(world_sessions_end(here.user, 0, 0)).value);
}

WORLD_TEST(test_more_sessions_than_one_step_takes_are_ended_in_several)
{
    struct answer here = s_signup("Ann");
    world.sessions_to_come = 2;
    size_t asked = world.store_asked;
    struct answer ended = world_answer(world_sessions_end(here.user, 0, 0));
    assert_int_equal(asked + 3, world.store_asked);
    assert_int_equal(2 * LIM_SESSIONS_END_MAX, ended.value); /* the one of Ann's was in the first of them */
}

WORLD_TEST(test_a_password_change_needs_the_current_one_and_signs_out_the_others)
{
    struct answer here = s_signup("Ann"), there = s_login("Ann", PASSWORD);
    assert_int_equal(ERR_WRONG_PASSWORD, s_change(&here, "not my password", NEXT));
    assert_true(s_may_refresh(&there));
    struct answer again = s_login("Ann", PASSWORD);
    assert_int_equal(ERR_OK, s_change(&here, PASSWORD, NEXT));
    assert_int_equal(1, world.passwords_set);
    assert_true(s_may_refresh(&here));
    assert_false(s_may_refresh(&again));
    assert_int_equal(ERR_BAD_CREDENTIALS, s_login("Ann", PASSWORD).code);
    assert_int_equal(MSG_AUTH_DONE, s_login("Ann", NEXT).type);
    assert_int_equal(0, strncmp(world.users[0].hash, "$argon2id$v=19$m=47104,t=1,p=1$", 31));
}

WORLD_TEST(test_a_weak_new_password_is_refused_before_anything_is_hashed)
{
    struct answer here = s_signup("Ann Example");
    assert_int_equal(ERR_WEAK_PASSWORD, s_change(&here, PASSWORD, "1234567"));
    assert_int_equal(ERR_WEAK_PASSWORD, s_change(&here, PASSWORD, "Password1"));
    assert_int_equal(ERR_WEAK_PASSWORD, s_change(&here, PASSWORD, "ann example"));
    assert_int_equal(0, world.passwords_set);
}

WORLD_TEST(test_guessing_the_current_password_is_slowed_like_signing_in)
{
    struct answer here = s_signup("Ann");
    err_t err = ERR_WRONG_PASSWORD;
    int guesses = 0;
    for (; err == ERR_WRONG_PASSWORD && guesses < 100; guesses++)
        err = s_change(&here, "not my password", NEXT);
    assert_int_equal(ERR_RATE_LIMITED, err);
    assert_int_equal(world.config.login_failures + 1, guesses);
    assert_int_equal(ERR_RATE_LIMITED, s_login("Ann", PASSWORD).code); /* one account, one allowance */
}

WORLD_TEST(test_a_disabled_user_cannot_change_the_password)
{
    struct answer here = s_signup("Ann");
    world.users[0].disabled = true;
    assert_int_equal(ERR_DISABLED, s_change(&here, PASSWORD, NEXT));
    assert_int_equal(0, world.passwords_set);
}

WORLD_TEST(test_of_two_changes_at_once_one_is_told_to_try_again)
{
    struct answer here = s_signup("Ann");
    uint64_t first = world_password(here.user, here.session, PASSWORD, NEXT, HOME);
    uint64_t second = world_password(here.user, here.session, PASSWORD, "yet another 99", HOME);
    struct answer answers[] = {world_answer(first), world_answer(second)};
    world_settle();
    answers[0] = world_answered(first);
    answers[1] = world_answered(second);
    assert_int_equal(1, world.passwords_set);
    assert_true((answers[0].type == MSG_STORE_OK && answers[1].code == ERR_BUSY) ||
                (answers[1].type == MSG_STORE_OK && answers[0].code == ERR_BUSY));
}

/* Whether the token is good for nothing but another password; its signature is the edge's to check. */
static bool s_is_restricted(const struct answer *who)
{
    jwt_t *jwt = NULL;
    assert_int_equal(MSG_AUTH_DONE, who->type);
    assert_int_equal(0, jwt_decode(&jwt, who->access, NULL, 0));
    bool is = jwt_get_grant_bool(jwt, "chg") == 1;
    jwt_free(jwt);
    assert_int_equal(is, who->must_change);
    return is;
}

WORLD_TEST(test_a_given_password_is_good_for_choosing_another_one_only)
{
    struct answer ann = s_signup("Ann");
    assert_false(s_is_restricted(&ann));
    world.users[0].must_change = true;
    struct answer here = s_login("Ann", PASSWORD);
    assert_true(s_is_restricted(&here));
    struct answer fresh = world_answer(world_refresh(here.refresh));
    assert_true(s_is_restricted(&fresh)); /* nor is a refreshed one more */
    struct answer again = world_answer(world_signup_as(ann.user, "Ann", PASSWORD, HOME));
    assert_true(s_is_restricted(&again)); /* nor is signing up once more */
    assert_int_equal(ERR_NO_CHANGE, s_change(&here, PASSWORD, PASSWORD));
    assert_int_equal(0, world.passwords_set);
    assert_int_equal(ERR_OK, s_change(&here, PASSWORD, NEXT));
    struct answer free = world_answer(world_refresh(fresh.refresh));
    assert_false(s_is_restricted(&free));
    assert_int_equal(ERR_OK, s_change(&free, NEXT, NEXT)); /* an own password may stay as it is */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_session_elsewhere_is_ended_and_the_others_stay),
        cmocka_unit_test(test_all_sessions_but_this_one_are_ended_and_nobody_elses),
        cmocka_unit_test(test_more_sessions_than_one_step_takes_are_ended_in_several),
        cmocka_unit_test(test_a_password_change_needs_the_current_one_and_signs_out_the_others),
        cmocka_unit_test(test_a_weak_new_password_is_refused_before_anything_is_hashed),
        cmocka_unit_test(test_guessing_the_current_password_is_slowed_like_signing_in),
        cmocka_unit_test(test_a_disabled_user_cannot_change_the_password),
        cmocka_unit_test(test_of_two_changes_at_once_one_is_told_to_try_again),
        cmocka_unit_test(test_a_given_password_is_good_for_choosing_another_one_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
