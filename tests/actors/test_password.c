/* argon2id on its own threads: results, bounds, and that nobody costs what somebody costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <czmq.h>
#include <sodium.h>

#include "actors/password.h"

#define PARAMETERS "$argon2id$v=19$m=47104,t=1,p=1$"

static struct password_result s_next(password_pool_t *pool)
{
    struct password_result result;
    zmq_pollitem_t item = {.socket = zsock_resolve(password_results(pool)), .events = ZMQ_POLLIN};
    while (!password_next(pool, &result))
        assert_int_equal(1, zmq_poll(&item, 1, 10000));
    return result;
}

static struct password_result s_verify(password_pool_t *pool, const char *password, const char *hash)
{
    assert_int_equal(ERR_OK, password_verify(pool, 9, view_of_text(password), view_of_text(hash)));
    struct password_result result = s_next(pool);
    assert_int_equal(9, result.correlation);
    return result;
}

static void test_hash_is_argon2id_and_verifies(void **state)
{
    (void)state;
    password_pool_t *pool = password_pool_new(1, 4);
    assert_int_equal(ERR_OK, password_hash(pool, 7, view_of_text("correct horse")));
    struct password_result hashed = s_next(pool);
    assert_true(hashed.matches && hashed.correlation == 7);
    assert_int_equal(0, strncmp(hashed.hash, PARAMETERS, strlen(PARAMETERS)));
    assert_false(password_needs_rehash(hashed.hash));
    assert_true(s_verify(pool, "correct horse", hashed.hash).matches);
    assert_false(s_verify(pool, "correct horsf", hashed.hash).matches);
    assert_false(s_verify(pool, "", hashed.hash).matches);
    assert_int_equal('\0', s_verify(pool, "correct horse", hashed.hash).hash[0]);
    password_pool_destroy(&pool);
    password_pool_destroy(&pool);
}

static void test_password_may_hold_any_byte_up_to_its_bound(void **state)
{
    (void)state;
    password_pool_t *pool = password_pool_new(1, 4);
    uint8_t bytes[LIM_PASSWORD_BYTES_MAX + 1];
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(ERR_OK, password_hash(pool, 1, view_of(bytes, LIM_PASSWORD_BYTES_MAX)));
    struct password_result hashed = s_next(pool);
    assert_int_equal(ERR_OK, password_verify(pool, 2, view_of(bytes, LIM_PASSWORD_BYTES_MAX), view_of_text(hashed.hash)));
    assert_true(s_next(pool).matches);
    assert_int_equal(ERR_OK, password_verify(pool, 3, view_of(bytes, LIM_PASSWORD_BYTES_MAX - 1), view_of_text(hashed.hash)));
    assert_false(s_next(pool).matches);
    assert_int_equal(ERR_TOO_LARGE, password_hash(pool, 4, view_of(bytes, sizeof bytes)));
    password_pool_destroy(&pool);
}

static void test_nobody_costs_one_hash_as_somebody_does(void **state)
{
    (void)state;
    password_pool_t *pool = password_pool_new(1, 4);
    assert_int_equal(ERR_OK, password_hash(pool, 1, view_of_text("correct horse")));
    struct password_result hashed = s_next(pool);
    char dear[crypto_pwhash_STRBYTES]; /* right, but a worker would need 257 MiB to see that */
    assert_int_equal(0, crypto_pwhash_str(dear, "correct horse", 13, 1, 257 * 1024 * 1024));
    /* Nobody; not argon2id; the dear one; one that is damaged; as long as the field. */
    char wide[LIM_PASSWORD_HASH_BYTES_MAX + 1];
    memset(wide, 'x', sizeof wide);
    memcpy(wide, PARAMETERS, strlen(PARAMETERS));
    wide[LIM_PASSWORD_HASH_BYTES_MAX] = '\0';
    const char *const foreign[] = {"", "$2b$12$abcdefghijklmnopqrstuv", dear, PARAMETERS "AAAA$AAAA", wide};
    assert_false(s_verify(pool, "wrong horse", hashed.hash).matches);
    uint64_t before = password_computed(pool);
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        assert_false(s_verify(pool, "correct horse", foreign[i]).matches);
        assert_int_equal(before + i + 1, password_computed(pool));
    }
    password_pool_destroy(&pool);
}

static void test_older_parameters_give_a_new_hash_with_the_right_password_only(void **state)
{
    (void)state;
    password_pool_t *pool = password_pool_new(1, 4);
    char old[crypto_pwhash_STRBYTES];
    assert_int_equal(0, crypto_pwhash_str(old, "correct horse", 13, 2, 8192 * 1024));
    assert_true(password_needs_rehash(old));
    assert_int_equal('\0', s_verify(pool, "wrong horse", old).hash[0]);
    struct password_result result = s_verify(pool, "correct horse", old);
    assert_true(result.matches);
    assert_false(password_needs_rehash(result.hash));
    assert_true(s_verify(pool, "correct horse", result.hash).matches);
    password_pool_destroy(&pool);
}

static void test_queue_is_busy_at_its_bound(void **state)
{
    (void)state;
    password_pool_t *pool = password_pool_new(2, 3);
    for (uint64_t i = 1; i <= 5; i++) /* two at work, three waiting */
        assert_int_equal(ERR_OK, password_hash(pool, i, view_of_text("correct horse")));
    assert_int_equal(5, password_waiting(pool));
    assert_int_equal(ERR_BUSY, password_hash(pool, 6, view_of_text("correct horse")));
    assert_int_equal(ERR_BUSY, password_verify(pool, 6, view_of_text("correct horse"), view_of_text("")));
    unsigned seen = 1u << s_next(pool).correlation;
    assert_int_equal(ERR_OK, password_hash(pool, 6, view_of_text("correct horse")));
    assert_int_equal(ERR_BUSY, password_hash(pool, 7, view_of_text("correct horse")));
    for (int i = 0; i < 5; i++)
        seen |= 1u << s_next(pool).correlation;
    assert_int_equal(0x7e, seen); /* 1 … 6 */
    assert_int_equal(0, password_waiting(pool));
    assert_int_equal(6, password_computed(pool));
    password_pool_destroy(&pool);
}

static void test_destroy_drops_what_waits(void **state)
{
    (void)state;
    password_pool_t *pool = password_pool_new(1, 100);
    for (uint64_t i = 1; i <= 100; i++)
        assert_int_equal(ERR_OK, password_hash(pool, i, view_of_text("correct horse")));
    password_pool_destroy(&pool);
    assert_null(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash_is_argon2id_and_verifies),
        cmocka_unit_test(test_password_may_hold_any_byte_up_to_its_bound),
        cmocka_unit_test(test_nobody_costs_one_hash_as_somebody_does),
        cmocka_unit_test(test_older_parameters_give_a_new_hash_with_the_right_password_only),
        cmocka_unit_test(test_queue_is_busy_at_its_bound),
        cmocka_unit_test(test_destroy_drops_what_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
