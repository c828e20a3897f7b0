/* The accounts actor between a silent clock and a store in memory; see accounts_world.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "actors/accounts_rules.h"
#include "actors/accounts_throttle.h"
#include "actors/runtime/metrics.h"
#include "tests/actors/accounts_world.h"

#define HOME "192.0.2.1"
#define PASSWORD "correct horse 7"

static struct answer s_signup(const char *name)
{
    struct answer answer = world_answer(world_signup(name, PASSWORD, HOME));
    assert_int_equal(MSG_AUTH_DONE, answer.type);
    return answer;
}

static err_t s_login(const char *name, const char *password, const char *address)
{
    struct answer answer = world_answer(world_login(name, password, address));
    return answer.type == MSG_AUTH_DONE ? ERR_OK : answer.type == MSG_ERR ? answer.code : ERR_TIMEOUT;
}

static err_t s_refresh(const char *token, struct answer *answer_out)
{
    *answer_out = world_answer(world_refresh(token));
    return answer_out->type == MSG_AUTH_DONE ? ERR_OK : answer_out->code;
}

#define WORLD_TEST(name)                                                                                               \
    static void name##_script(void);                                                                                   \
    static void name(void **state)                                                                                     \
    {                                                                                                                  \
        (void)state;                                                                                                   \
        world_run(name##_script);                                                                                      \
    }                                                                                                                  \
    static void name##_script(void)

/* ---- sign-up ------------------------------------------------------------------------------------------------------------ */

WORLD_TEST(test_signup_signs_in)
{
    struct answer ann = s_signup("Ann");
    assert_string_equal("Ann", ann.name);
    assert_int_equal(1, ann.role); /* the store says that the first one is an administrator */
    assert_true(ann.user == world.users[0].id && ann.session == world.sessions[0].id);
    assert_int_equal(54, strlen(ann.refresh));
    assert_int_equal(0, strncmp(world.users[0].hash, "$argon2id$v=19$m=47104,t=1,p=1$", 31));
    assert_int_equal(0, s_signup("Bob").role);
}

WORLD_TEST(test_signup_refuses_taken_names_bad_names_and_weak_passwords)
{
    s_signup("Ann");
    assert_int_equal(ERR_NAME_TAKEN, world_answer(world_signup("aNN", PASSWORD, HOME)).code);
    size_t asked = world.store_asked;
    assert_int_equal(ERR_BAD_NAME, world_answered(world_signup(" Ann", PASSWORD, HOME)).code);
    assert_int_equal(ERR_WEAK_PASSWORD, world_answered(world_signup("Cy", "1234567", HOME)).code);
    assert_int_equal(ERR_WEAK_PASSWORD, world_answered(world_signup("Cy", "Password1", HOME)).code);
    assert_int_equal(asked, world.store_asked);
}

WORLD_TEST(test_signups_of_one_address_are_limited_by_the_minute)
{
    world_pass_ms(0);
    uint64_t last = 0;
    for (int i = 0; i < 60; i++) {
        last = world_signup("Ann", PASSWORD, HOME);
        world_settle(); /* it is no repeat */
        if (i >= 33) /* one at work and 32 that wait */
            assert_int_equal(ERR_BUSY, world_answered(last).code);
    }
    struct answer refused = world_answered(world_signup("Ann", PASSWORD, HOME));
    assert_int_equal(ERR_RATE_LIMITED, refused.code);
    assert_int_equal(1000, refused.retry_ms);
    last = world_signup("Ann", PASSWORD, "192.0.2.2");
    world_settle();
    assert_int_equal(ERR_BUSY, world_answered(last).code);
    world_pass_ms(1000);
    last = world_signup("Ann", PASSWORD, HOME);
    world_settle();
    assert_int_equal(ERR_BUSY, world_answered(last).code);
    assert_int_equal(ERR_RATE_LIMITED, world_answered(world_signup("Ann", PASSWORD, HOME)).code);
}

/* ---- login -------------------------------------------------------------------------------------------------------------- */

WORLD_TEST(test_login_takes_the_password_and_no_other)
{
    struct answer ann = s_signup("Ann");
    assert_int_equal(ERR_BAD_CREDENTIALS, s_login("Ann", "correct horse 8", HOME));
    assert_int_equal(ERR_BAD_CREDENTIALS, s_login("Ann", "", HOME));
    struct answer again = world_answer(world_login("aNN", PASSWORD, HOME));
    assert_int_equal(MSG_AUTH_DONE, again.type);
    assert_string_equal("Ann", again.name);
    assert_true(again.user == ann.user && again.session != ann.session);
    assert_string_not_equal(again.refresh, ann.refresh);
}

WORLD_TEST(test_unknown_user_takes_the_same_steps_and_gets_the_same_answer)
{
    s_signup("Ann");
    struct answer answers[2];
    size_t asked[2];
    int64_t queued[2];
    for (int i = 0; i < 2; i++) {
        size_t before = world.store_asked;
        uint64_t question = world_login(i ? "Nobody" : "Ann", "wrong horse 7", HOME);
        world_settle(); /* the name is looked up; what follows is the hash */
        assert_int_equal(MSG_NONE, world_answered(question).type);
        queued[i] = metric_value(METRIC_AUTH_HASH_QUEUE);
        answers[i] = world_answer(question);
        asked[i] = world.store_asked - before;
    }
    assert_int_equal(1, queued[0]);
    assert_int_equal(queued[0], queued[1]);
    assert_int_equal(1, asked[0]);
    assert_int_equal(asked[0], asked[1]);
    assert_memory_equal(&answers[0], &answers[1], sizeof answers[0]);
    assert_int_equal(ERR_BAD_CREDENTIALS, answers[1].code);
}

WORLD_TEST(test_disabled_user_is_told_so_only_with_the_right_password)
{
    s_signup("Ann");
    world.users[0].disabled = true;
    assert_int_equal(ERR_BAD_CREDENTIALS, s_login("Ann", "wrong horse 7", HOME));
    assert_int_equal(ERR_DISABLED, s_login("Ann", PASSWORD, HOME));
    assert_int_equal(1, world.session_count);
}

WORLD_TEST(test_login_stores_a_new_hash_when_parameters_changed)
{
    s_signup("Ann");
    assert_int_equal(0, crypto_pwhash_str(world.users[0].hash, PASSWORD, strlen(PASSWORD), 2, 8192 * 1024));
    assert_int_equal(ERR_BAD_CREDENTIALS, s_login("Ann", "wrong horse 7", HOME));
    assert_int_equal(0, world.passwords_set);
    assert_int_equal(ERR_OK, s_login("Ann", PASSWORD, HOME));
    world_settle();
    assert_int_equal(1, world.passwords_set);
    assert_int_equal(0, strncmp(world.users[0].hash, "$argon2id$v=19$m=47104,t=1,p=1$", 31));
    assert_int_equal(ERR_OK, s_login("Ann", PASSWORD, HOME));
    world_settle();
    assert_int_equal(1, world.passwords_set);
}

WORLD_TEST(test_failures_of_an_account_make_it_wait_longer_each_time)
{
    s_signup("Zoë");
    char address[32];
    for (int i = 0; i < 10; i++) { /* from ten addresses, in two spellings */
        snprintf(address, sizeof address, "198.51.100.%d", i);
        assert_int_equal(ERR_BAD_CREDENTIALS, s_login(i % 2 ? "ZOË" : "Zoë", "wrong horse 7", address));
    }
    uint32_t expected_ms = 1000;
    for (int i = 0; i < 4; i++, expected_ms *= 2) {
        struct answer refused = world_answer(world_login("Zoë", PASSWORD, "203.0.113.9"));
        assert_int_equal(ERR_RATE_LIMITED, refused.code); /* the right password is not even looked at */
        assert_int_equal(expected_ms, refused.retry_ms);
        world_pass_ms(expected_ms - 1);
        assert_int_equal(ERR_RATE_LIMITED, s_login("Zoë", PASSWORD, "203.0.113.9"));
        world_pass_ms(1);
        snprintf(address, sizeof address, "198.51.100.%d", 100 + i);
        assert_int_equal(ERR_BAD_CREDENTIALS, s_login("Zoë", "wrong horse 7", address));
    }
    assert_int_equal(1, world.audits); /* the log of what happened is told once, not eight times */
    assert_int_equal(world.users[0].id, world.audit_subject);
    world_pass_ms(expected_ms);
    assert_int_equal(ERR_OK, s_login("Zoë", PASSWORD, HOME)); /* and its owner coming in forgets it all */
    assert_int_equal(ERR_BAD_CREDENTIALS, s_login("Zoë", "wrong horse 7", HOME));
    assert_int_equal(ERR_OK, s_login("Zoë", PASSWORD, HOME));
}

WORLD_TEST(test_failures_of_an_address_make_it_wait_whatever_the_account)
{
    s_signup("Ann");
    char name[32];
    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof name, "guess %d", i);
        assert_int_equal(ERR_BAD_CREDENTIALS, s_login(name, "wrong horse 7", "2001:db8::1"));
    }
    size_t asked = world.store_asked;
    assert_int_equal(ERR_RATE_LIMITED, s_login("Ann", PASSWORD, "2001:db8::ffff:1")); /* the same /64 */
    assert_int_equal(asked, world.store_asked);
    world_settle();
    assert_int_equal(1, world.audits);
    assert_int_equal(0, world.audit_subject); /* any account's */
    assert_int_equal(ERR_OK, s_login("Ann", PASSWORD, "2001:db8:0:1::1"));
    world_pass_ms(ACCOUNTS_FAILURE_PERIOD_MS + 1000);
    for (int i = 0; i < 9; i++)
        assert_int_equal(ERR_BAD_CREDENTIALS, s_login("Nobody", "wrong horse 7", "2001:db8::1"));
    assert_int_equal(ERR_OK, s_login("Ann", PASSWORD, "2001:db8::1"));
}

WORLD_TEST(test_guesses_at_once_count_each)
{
    s_signup("Ann");
    uint64_t questions[20];
    for (int i = 0; i < 20; i++)
        questions[i] = world_login("Ann", "wrong horse 7", "198.51.100.1");
    int wrong = 0, limited = 0;
    for (int i = 0; i < 20; i++) {
        err_t code = world_answer(questions[i]).code;
        wrong += code == ERR_BAD_CREDENTIALS;
        limited += code == ERR_RATE_LIMITED;
    }
    assert_int_equal(10, wrong);
    assert_int_equal(10, limited);
}

WORLD_TEST(test_full_hash_queue_is_busy_and_charges_nobody)
{
    s_signup("Ann");
    uint64_t questions[33];
    char address[32];
    for (int i = 0; i < 33; i++) { /* one at work, 32 waiting */
        snprintf(address, sizeof address, "198.51.100.%d", i);
        char name[32];
        snprintf(name, sizeof name, "guess %d", i);
        questions[i] = world_login(name, "wrong horse 7", address);
        world_settle();
        assert_int_equal(MSG_NONE, world_answered(questions[i]).type);
    }
    for (int i = 0; i < 20; i++) { /* more often than failures are allowed */
        uint64_t question = world_login("Ann", PASSWORD, HOME);
        world_settle();
        assert_int_equal(ERR_BUSY, world_answered(question).code);
    }
    assert_int_equal(ERR_BAD_CREDENTIALS, world_answer(questions[0]).code);
    for (int i = 1; i < 33; i++)
        world_answer(questions[i]);
    assert_int_equal(ERR_OK, s_login("Ann", PASSWORD, HOME));
}

/* ---- refresh and logout ---------------------------------------------------------------------------------------------------- */

WORLD_TEST(test_refresh_rotates_and_repeats_give_the_same_successor)
{
    struct answer ann = s_signup("Ann"), first, second;
    assert_int_equal(ERR_OK, s_refresh(ann.refresh, &first));
    assert_string_not_equal(ann.refresh, first.refresh);
    assert_true(first.user == ann.user && first.session == ann.session);
    world_pass_ms(LIM_REFRESH_SUCCESSOR_MS);
    assert_int_equal(ERR_OK, s_refresh(ann.refresh, &second)); /* the other tab */
    assert_string_equal(first.refresh, second.refresh);
    assert_int_equal(ERR_OK, s_refresh(first.refresh, &second));
    assert_string_not_equal(first.refresh, second.refresh);
}

WORLD_TEST(test_reuse_of_a_refresh_token_revokes_its_session)
{
    struct answer ann = s_signup("Ann"), next, refused;
    assert_int_equal(ERR_OK, s_refresh(ann.refresh, &next));
    world_pass_ms(LIM_REFRESH_SUCCESSOR_MS + 1);
    assert_int_equal(ERR_TOKEN_REVOKED, s_refresh(ann.refresh, &refused));
    assert_true(world.sessions[0].revoked);
    assert_int_equal(ERR_TOKEN_REVOKED, s_refresh(next.refresh, &refused));
}

WORLD_TEST(test_unknown_or_malformed_refresh_token_is_refused)
{
    struct answer ann = s_signup("Ann"), refused;
    size_t asked = world.store_asked;
    char token[160];
    static const char *const odd[] = {"", "x", "AAAA"};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(ERR_UNAUTHORIZED, s_refresh(odd[i], &refused));
    snprintf(token, sizeof token, "%sA", ann.refresh);
    assert_int_equal(ERR_UNAUTHORIZED, s_refresh(token, &refused));
    assert_int_equal(asked, world.store_asked);
    world.session_count = 0; /* the store has forgotten it */
    assert_int_equal(ERR_UNAUTHORIZED, s_refresh(ann.refresh, &refused));
}

WORLD_TEST(test_logout_ends_the_session_and_never_complains_of_a_token)
{
    struct answer ann = s_signup("Ann"), refused;
    struct answer done = world_answer(world_logout(ann.refresh));
    assert_int_equal(MSG_STORE_OK, done.type);
    assert_int_equal(1, done.value);
    assert_true(world.sessions[0].revoked);
    assert_int_equal(ERR_TOKEN_REVOKED, s_refresh(ann.refresh, &refused));
    static const char *const odd[] = {"", "x"};
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(MSG_STORE_OK, world_answered(world_logout(odd[i])).type);
    assert_int_equal(MSG_STORE_OK, world_answer(world_logout(ann.refresh)).type);
}

/* ---- a store that fails ------------------------------------------------------------------------------------------------- */

WORLD_TEST(test_silent_store_is_unavailable_after_the_deadline)
{
    struct answer ann = s_signup("Ann");
    world.store_silent = true;
    uint64_t questions[] = {world_login("Ann", PASSWORD, HOME), world_refresh(ann.refresh), world_logout(ann.refresh)};
    world_pass_ms(LIM_REQUEST_MS - 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(MSG_NONE, world_answered(questions[i]).type);
    world_pass_ms(1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ERR_UNAVAILABLE, world_answered(questions[i]).code);
        assert_true(world_answered(questions[i]).retry_ms > 0);
    }
    world.store_silent = false;
    world_settle(); /* late answers find nobody and do nothing: a second answer would stop the world */
}

WORLD_TEST(test_store_out_of_reach_is_unavailable_at_once)
{
    s_signup("Ann");
    world.store_full = true;
    for (int i = 0; i < 20; i++)
        assert_int_equal(ERR_UNAVAILABLE, s_login("Ann", PASSWORD, HOME));
    world.store_full = false;
    assert_int_equal(ERR_OK, s_login("Ann", PASSWORD, HOME)); /* none of that was a failure of Ann's */
}

WORLD_TEST(test_open_questions_are_asked_again_after_a_hole)
{
    s_signup("Ann");
    world.store_silent = true;
    uint64_t question = world_login("Ann", PASSWORD, HOME);
    world_peer(world_store(), PEER_HOLE);
    world.store_silent = false;
    size_t before = world.store_asked;
    assert_int_equal(MSG_AUTH_DONE, world_answer(question).type);
    world_settle();
    assert_int_equal(before + 3, world.store_asked); /* twice by name, then the session */
}

WORLD_TEST(test_repeated_signup_finds_its_own_user)
{
    uint64_t ours = world_signup("Ann", PASSWORD, HOME);
    world_settle(); /* it is no repeat */
    world.store_silent = true;
    while (metric_value(METRIC_AUTH_HASH_QUEUE) > 0) /* until the store is asked */
        world_answer(ours);
    world.store_silent = false;
    world.answers_lost = true;
    world_settle();
    assert_int_equal(1, world.user_count);
    world.answers_lost = false;
    world_peer(world_store(), PEER_HOLE);
    struct answer done = world_answer(ours);
    assert_int_equal(MSG_AUTH_DONE, done.type);
    assert_true(done.user == world.users[0].id);
    assert_int_equal(1, world.user_count);
    world_settle();
}

WORLD_TEST(test_repeated_signup_does_not_take_anothers_name)
{
    uint64_t ours = world_signup("Ann", PASSWORD, HOME);
    world_settle();
    world.store_silent = true;
    while (metric_value(METRIC_AUTH_HASH_QUEUE) > 0)
        world_answer(ours);
    world_peer(world_store(), PEER_UP);
    world.user_count = 1;
    world.users[0] = (struct world_user){.id = 99, .name = "ann"};
    world.store_silent = false;
    assert_int_equal(ERR_NAME_TAKEN, world_answer(ours).code);
    world_settle();
}

WORLD_TEST(test_a_signup_that_is_asked_again_gets_what_the_first_one_made)
{
    const uint64_t user = 4711;
    struct answer first = world_answer(world_signup_as(user, "Ann", PASSWORD, HOME));
    assert_int_equal(MSG_AUTH_DONE, first.type);
    assert_true(first.user == user);
    struct answer again = world_answer(world_signup_as(user, "Ann", PASSWORD, HOME));
    assert_int_equal(MSG_AUTH_DONE, again.type);
    assert_true(again.user == user);
    assert_int_equal(first.role, again.role);
    assert_int_equal(1, world.user_count);
}

WORLD_TEST(test_who_knows_an_id_and_not_its_password_is_not_signed_in)
{
    const uint64_t user = 4711;
    assert_int_equal(MSG_AUTH_DONE, world_answer(world_signup_as(user, "Ann", PASSWORD, HOME)).type);
    assert_int_equal(ERR_NAME_TAKEN, world_answer(world_signup_as(user, "Ann", "another sentence", HOME)).code);
    assert_int_equal(ERR_NAME_TAKEN, world_answer(world_signup_as(user, "Bob", PASSWORD, HOME)).code);
    assert_int_equal(ERR_WRONG_FIELDS, world_answered(world_signup_as(0, "Cy", PASSWORD, HOME)).code);
}

WORLD_TEST(test_a_signup_that_is_asked_again_while_it_is_worked_at_is_done_once)
{
    const uint64_t user = 4711;
    uint64_t first = world_signup_as(user, "Ann", PASSWORD, HOME);
    uint64_t again = world_signup_as(user, "Ann", PASSWORD, HOME);
    assert_int_equal(MSG_AUTH_DONE, world_answer(first).type);
    world_settle();
    assert_int_equal(MSG_NONE, world_answered(again).type); /* the first one's answer is the answer */
    assert_int_equal(1, world.user_count);
}

/* ---- the actor ---------------------------------------------------------------------------------------------------------- */

static void s_before_the_welcome(void)
{
    static const char token[] = "AAAAAAAAAAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    struct answer answer;
    world.store_silent = true;
    world_pass_ms(1000);
    assert_int_equal(0, world.binds);
    assert_int_equal(ERR_UNAVAILABLE, s_refresh(token, &answer));
    world.store_silent = false;
    world_enter();
    assert_int_equal(1, world.binds);
    world_enter();
    assert_int_equal(1, world.binds);
    assert_int_not_equal(ERR_UNAVAILABLE, s_refresh(token, &answer));
}

/* Two accounts nodes with secrets of their own would take one another's successors for stolen tokens. */
static void test_nobody_reaches_it_before_it_knows_what_all_accounts_nodes_share(void **state)
{
    (void)state;
    world_run_unwelcome(s_before_the_welcome);
}

static void s_publish(void)
{
    world.store_silent = true;
    world_peer(world_store(), PEER_UP);
    world_pass_ms(1000);
    world_pass_ms(1000);
    world.store_silent = false;
    assert_int_equal(0, world.keys_published);
    world_settle();
    assert_int_equal(3, world.keys_published);
    world_pass_ms(5000);
    world_settle();
    assert_int_equal(3, world.keys_published);
}

static void test_key_is_published_until_the_store_has_it(void **state)
{
    (void)state;
    world_run_unwelcome(s_publish);
}

WORLD_TEST(test_strangers_are_not_heard)
{
    struct msg msg = {.type = MSG_AUTH_REFRESH};
    assert_int_equal(ERR_UNEXPECTED, world_deliver(address_make(ROLE_ROOM, 0, 5), 1, false, &msg));
    msg = (struct msg){.type = MSG_STORE_OK};
    assert_int_equal(ERR_UNEXPECTED, world_deliver(world_edge(), 1, true, &msg));
    assert_int_equal(ERR_UNEXPECTED, world_deliver(world_store(), 1, false, &msg));
    msg = (struct msg){.type = MSG_DIR_LEASES};
    assert_int_equal(ERR_UNEXPECTED, world_deliver(world_store(), 1, true, &msg));
}

WORLD_TEST(test_answer_of_another_kind_ends_the_question)
{
    struct answer ann = s_signup("Ann");
    world.store_silent = true;
    uint64_t question = world_refresh(ann.refresh);
    struct msg msg = {.type = MSG_STORE_OK};
    world_deliver(world_store(), world_last_correlation(), true, &msg);
    assert_int_equal(ERR_INTERNAL, world_answered(question).code);
}

WORLD_TEST(test_questions_beyond_the_bound_are_refused)
{
    struct answer ann = s_signup("Ann");
    world.store_silent = true;
    uint64_t last = 0;
    for (int i = 0; i < ACCOUNTS_FLOWS_MAX; i++)
        last = world_refresh(ann.refresh);
    assert_int_equal(MSG_NONE, world_answered(last).type);
    assert_int_equal(ERR_OVERLOADED, world_answered(world_refresh(ann.refresh)).code);
}

/* ---- rules and throttle ------------------------------------------------------------------------------------------------- */

static void test_names_are_letters_and_digits_of_any_script(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "Ann", "Ann Lee", "a.b_c-d", "0", "Zoë", "Иван 2", "李小龍", "أحمد", "ñandú",
                                       "अनु", "..", "12345678901234567890123456789012"};
    static const char *const bad[] = {"", " ", " Ann", "Ann ", "Ann  Lee", "Ann\tLee", "Ann\nLee", "a/b", "a@b", "<b>",
                                      "a\u00a0b", "a\u200bb", "a\u202eb", "a\u3164b", "\u115f", "a\u2028b", "☃", "😀",
                                      "a\u0301\u0301", "\xff", "a\x01", "123456789012345678901234567890123"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (accounts_check_name(view_of_text(good[i])) != ERR_OK)
            fail_msg("refused: %s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (accounts_check_name(view_of_text(bad[i])) != ERR_BAD_NAME)
            fail_msg("accepted: %zu %s", i, bad[i]);
    char wide[LIM_NAME_CHARS_MAX * 4 + 5] = ""; /* 32 characters of four bytes, and 33 */
    for (int i = 0; i < LIM_NAME_CHARS_MAX; i++)
        memcpy(wide + strlen(wide), "𐌰", 5);
    assert_int_equal(ERR_OK, accounts_check_name(view_of_text(wide)));
    memcpy(wide + strlen(wide), "a", 2);
    assert_int_equal(ERR_BAD_NAME, accounts_check_name(view_of_text(wide)));
}

static void test_passwords_have_bounds_and_are_not_common(void **state)
{
    (void)state;
    static const char *const good[] = {"correct horse 7", "xk3 9fqp", "paSSwordless", "\xff\xfe\x01 34567"};
    static const char *const bad[] = {"",         "1234567",  "12345678",   "PASSWORD", "Password1", "Password2024",
                                      "aaaaaaaa", "Ann Lee!", "qwertyuiop", "iloveyou", "P@ssw0rd"};
    view_t name = view_of_text("ann lee!");
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(ERR_OK, accounts_check_password(view_of_text(good[i]), name));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(ERR_WEAK_PASSWORD, accounts_check_password(view_of_text(bad[i]), name));
    char text[LIM_PASSWORD_BYTES_MAX + 2];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + i % 26);
    assert_int_equal(ERR_OK, accounts_check_password(view_of(text, LIM_PASSWORD_BYTES_MAX), name));
    assert_int_equal(ERR_WEAK_PASSWORD, accounts_check_password(view_of(text, LIM_PASSWORD_BYTES_MAX + 1), name));
}

static void test_waits_grow_to_a_minute_and_go_away(void **state)
{
    (void)state;
    accounts_throttle_t *throttle = accounts_throttle_new(3, 90000, true, 64, 7);
    int64_t now_ms = 5000;
    for (int i = 0; i < 3; i++)
        assert_int_equal(0, accounts_throttle_charge(throttle, 1, now_ms));
    static const uint32_t waits[] = {1000, 2000, 4000, 8000, 16000, 32000};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(waits[i], accounts_throttle_charge(throttle, 1, now_ms));
        assert_int_equal(waits[i], accounts_throttle_wait_ms(throttle, 1, now_ms));
        now_ms += waits[i];
        assert_int_equal(0, accounts_throttle_charge(throttle, 1, now_ms));
    }
    assert_int_equal(0, accounts_throttle_wait_ms(throttle, 2, now_ms)); /* others are free */
    now_ms += 90000 + 6 * 30000;
    for (int i = 0; i < 3; i++)
        assert_int_equal(0, accounts_throttle_charge(throttle, 1, now_ms));
    assert_int_equal(1000, accounts_throttle_charge(throttle, 1, now_ms));
    accounts_throttle_refund(throttle, 1);
    assert_int_equal(0, accounts_throttle_charge(throttle, 1, now_ms));
    accounts_throttle_clear(throttle, 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(0, accounts_throttle_charge(throttle, 1, now_ms));
    accounts_throttle_destroy(&throttle);
    throttle = accounts_throttle_new(1, 100000000, true, 64, 7); /* nothing is earned back meanwhile */
    for (int i = 0; i < 12; i++) {
        assert_int_equal(0, accounts_throttle_charge(throttle, 1, now_ms));
        uint32_t wait_ms = accounts_throttle_wait_ms(throttle, 1, now_ms);
        assert_int_equal(1000 << (i < 6 ? i : 6), wait_ms);
        now_ms += wait_ms;
    }
    accounts_throttle_destroy(&throttle);
}

static void test_throttle_table_never_gives_more_than_its_size(void **state)
{
    (void)state;
    accounts_throttle_t *throttle = accounts_throttle_new(2, 60000, true, 64, 7);
    int allowed = 0;
    for (uint64_t key = 1; key <= 10000; key++)
        allowed += accounts_throttle_charge(throttle, key * 0x9e3779b97f4a7c15u, 1000) == 0;
    assert_int_equal(64 * 2, allowed);
    accounts_throttle_destroy(&throttle);
}

/* ---- logs ----------------------------------------------------------------------------------------------------------------- */

WORLD_TEST(test_no_secret_is_logged)
{
    char path[] = "/tmp/rookery-test-XXXXXX";
    int log = mkstemp(path), kept = dup(STDERR_FILENO);
    assert_true(log >= 0 && kept >= 0);
    (void)unlink(path);
    (void)dup2(log, STDERR_FILENO);
    struct answer ann = s_signup("Ann"), next, refused;
    (void)s_login("Ann", "wrong horse 7", HOME);
    (void)s_refresh(ann.refresh, &next);
    world_pass_ms(LIM_REFRESH_SUCCESSOR_MS + 1);
    (void)s_refresh(ann.refresh, &refused); /* logs a warning */
    (void)dup2(kept, STDERR_FILENO);
    close(kept);
    static char text[65536];
    ssize_t len = pread(log, text, sizeof text - 1, 0);
    close(log);
    assert_true(len > 0); /* the warning */
    text[len] = '\0';
    const char *const secrets[] = {PASSWORD, "wrong horse 7", ann.refresh, next.refresh, ann.access, next.access};
    for (size_t i = 0; i < 6; i++)
        assert_null(strstr(text, secrets[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signup_signs_in),
        cmocka_unit_test(test_signup_refuses_taken_names_bad_names_and_weak_passwords),
        cmocka_unit_test(test_signups_of_one_address_are_limited_by_the_minute),
        cmocka_unit_test(test_login_takes_the_password_and_no_other),
        cmocka_unit_test(test_unknown_user_takes_the_same_steps_and_gets_the_same_answer),
        cmocka_unit_test(test_disabled_user_is_told_so_only_with_the_right_password),
        cmocka_unit_test(test_login_stores_a_new_hash_when_parameters_changed),
        cmocka_unit_test(test_failures_of_an_account_make_it_wait_longer_each_time),
        cmocka_unit_test(test_failures_of_an_address_make_it_wait_whatever_the_account),
        cmocka_unit_test(test_guesses_at_once_count_each),
        cmocka_unit_test(test_full_hash_queue_is_busy_and_charges_nobody),
        cmocka_unit_test(test_refresh_rotates_and_repeats_give_the_same_successor),
        cmocka_unit_test(test_reuse_of_a_refresh_token_revokes_its_session),
        cmocka_unit_test(test_unknown_or_malformed_refresh_token_is_refused),
        cmocka_unit_test(test_logout_ends_the_session_and_never_complains_of_a_token),
        cmocka_unit_test(test_silent_store_is_unavailable_after_the_deadline),
        cmocka_unit_test(test_store_out_of_reach_is_unavailable_at_once),
        cmocka_unit_test(test_open_questions_are_asked_again_after_a_hole),
        cmocka_unit_test(test_repeated_signup_finds_its_own_user),
        cmocka_unit_test(test_repeated_signup_does_not_take_anothers_name),
        cmocka_unit_test(test_a_signup_that_is_asked_again_gets_what_the_first_one_made),
        cmocka_unit_test(test_who_knows_an_id_and_not_its_password_is_not_signed_in),
        cmocka_unit_test(test_a_signup_that_is_asked_again_while_it_is_worked_at_is_done_once),
        cmocka_unit_test(test_nobody_reaches_it_before_it_knows_what_all_accounts_nodes_share),
        cmocka_unit_test(test_key_is_published_until_the_store_has_it),
        cmocka_unit_test(test_strangers_are_not_heard),
        cmocka_unit_test(test_answer_of_another_kind_ends_the_question),
        cmocka_unit_test(test_questions_beyond_the_bound_are_refused),
        cmocka_unit_test(test_names_are_letters_and_digits_of_any_script),
        cmocka_unit_test(test_passwords_have_bounds_and_are_not_common),
        cmocka_unit_test(test_waits_grow_to_a_minute_and_go_away),
        cmocka_unit_test(test_throttle_table_never_gives_more_than_its_size),
        cmocka_unit_test(test_no_secret_is_logged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
