/* Keys on disk, access tokens and refresh tokens of actors/token.c. What edges make of them: tests/edge/test_auth.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jwt.h>

#include "actors/token.h"

#define SECRET "0123456789abcdef0123456789abcdef"
static const int64_t UTC_MS = INT64_C(1750000000999);

static char s_folder[64];

static int s_setup(void **state)
{
    (void)state;
    snprintf(s_folder, sizeof s_folder, "/tmp/rookery-test-XXXXXX");
    return mkdtemp(s_folder) ? 0 : -1;
}

static const char *s_path(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s%s", s_folder, name);
    return path;
}

static int s_teardown(void **state)
{
    (void)state;
    static const char *const left[] = {"/keys/token.pem", "/keys", ""};
    for (size_t i = 0; i < 3; i++)
        (void)remove(s_path(left[i]));
    return 0;
}

static void s_write(const char *name, const char *content, mode_t mode)
{
    (void)mkdir(s_path("/keys"), 0700);
    FILE *file = fopen(s_path(name), "w");
    assert_non_null(file);
    assert_int_equal(strlen(content), fwrite(content, 1, strlen(content), file));
    assert_int_equal(0, fclose(file));
    assert_int_equal(0, chmod(s_path(name), mode));
}

static mode_t s_mode(const char *name)
{
    struct stat st;
    assert_int_equal(0, stat(s_path(name), &st));
    return st.st_mode & 07777;
}

/* ---- keys ----------------------------------------------------------------------------------------------------------------- */

static void test_first_run_makes_keys_that_only_the_owner_reads(void **state)
{
    (void)state;
    token_signer_t *first = token_signer_new(s_folder, NULL), *second = token_signer_new(s_folder, "");
    assert_non_null(first);
    assert_non_null(second);
    assert_int_equal(0700, s_mode("/keys"));
    assert_int_equal(0600, s_mode("/keys/token.pem"));
    struct rec_token_key a = token_signer_key(first), b = token_signer_key(second);
    assert_int_equal(1, a.algorithm);
    assert_int_equal(16, a.kid.len);
    assert_true(view_is_equal(a.kid, b.kid) && view_is_equal(a.public_pem, b.public_pem));
    assert_int_equal(0, strncmp((const char *)a.public_pem.bytes, "-----BEGIN PUBLIC KEY-----\n", 27));
    token_signer_destroy(&first);
    token_signer_destroy(&second);
    token_signer_destroy(&second);
}

static void test_keys_that_others_can_read_are_refused(void **state)
{
    (void)state;
    token_signer_t *signer = token_signer_new(s_folder, NULL);
    token_signer_destroy(&signer);
    static const mode_t modes[] = {0640, 0604, 0602, 0644};
    for (size_t j = 0; j < 4; j++) {
        assert_int_equal(0, chmod(s_path("/keys/token.pem"), modes[j]));
        assert_null(token_signer_new(s_folder, NULL));
    }
    assert_int_equal(0, chmod(s_path("/keys/token.pem"), 0600));
    signer = token_signer_new(s_folder, NULL);
    assert_non_null(signer);
    token_signer_destroy(&signer);
}

static void test_damaged_keys_are_refused_and_left_alone(void **state)
{
    (void)state;
    static const char rsa_like[] = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    static const char *const contents[] = {"", "x", rsa_like};
    for (size_t i = 0; i < 3; i++) {
        s_write("/keys/token.pem", contents[i], 0600);
        assert_null(token_signer_new(s_folder, NULL));
    }
    assert_int_equal(0, remove(s_path("/keys/token.pem")));
    assert_null(token_signer_new("/proc/nowhere", NULL));
}

static void test_short_or_monotonous_secret_is_refused(void **state)
{
    (void)state;
    assert_null(token_signer_new(s_folder, "x"));
    assert_null(token_signer_new(s_folder, "0123456789abcdef0123456789abcde")); /* 31 */
    assert_null(token_signer_new(s_folder, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
    token_signer_t *signer = token_signer_new(s_folder, SECRET);
    assert_non_null(signer);
    assert_int_equal(2, token_signer_key(signer).algorithm);
    assert_int_equal(-1, access(s_path("/keys/token.pem"), F_OK));
    token_signer_destroy(&signer);
}

/* ---- access tokens ----------------------------------------------------------------------------------------------------------- */

static err_t s_sign(const token_signer_t *signer, uint64_t user, uint64_t session, view_t name, buffer_t *out)
{
    struct token_claims claims = {.user = user, .session = session, .name = name, .admin = true};
    int64_t expires_at_ms;
    return token_sign(signer, &claims, UTC_MS, out, &expires_at_ms);
}

static void test_claims_are_those_of_the_contract(void **state)
{
    (void)state;
    token_signer_t *signer = token_signer_new(s_folder, SECRET);
    buffer_t token;
    buffer_init(&token, LIM_TOKEN_BYTES_MAX);
    assert_int_equal(ERR_OK, s_sign(signer, ID_MAX, 7, view_of_text("Ann"), &token));
    assert_int_equal(ERR_OK, buffer_append(&token, "", 1));
    jwt_t *jwt = NULL;
    assert_int_equal(0, jwt_decode(&jwt, (const char *)token.bytes, (const unsigned char *)SECRET, 32));
    assert_int_equal(JWT_ALG_HS256, jwt_get_alg(jwt));
    assert_string_equal("JWT", jwt_get_header(jwt, "typ"));
    assert_string_equal("jwt-secret", jwt_get_header(jwt, "kid"));
    static const char *const texts[][2] = {{"iss", "rookery"}, {"aud", "rookery"}, {"typ", "at+jwt"},
                                           {"sub", "9007199254740991"}, {"sid", "7"}, {"name", "Ann"}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_string_equal(texts[i][1], jwt_get_grant(jwt, texts[i][0]));
    assert_int_equal(1, jwt_get_grant_bool(jwt, "adm"));
    assert_int_equal(1750000000, jwt_get_grant_int(jwt, "iat"));
    assert_int_equal(1750000000, jwt_get_grant_int(jwt, "nbf"));
    assert_int_equal(1750000600, jwt_get_grant_int(jwt, "exp"));
    assert_null(jwt_get_grants_json(jwt, "chg"));
    jwt_free(jwt);
    token.len = 0;
    struct token_claims given = {.user = 1, .session = 7, .name = view_of_text("Ann"), .must_change = true};
    int64_t expires_at_ms;
    assert_int_equal(ERR_OK, token_sign(signer, &given, UTC_MS, &token, &expires_at_ms));
    assert_int_equal(ERR_OK, buffer_append(&token, "", 1));
    assert_int_equal(0, jwt_decode(&jwt, (const char *)token.bytes, (const unsigned char *)SECRET, 32));
    assert_int_equal(1, jwt_get_grant_bool(jwt, "chg"));
    jwt_free(jwt);
    buffer_fini(&token);
    token_signer_destroy(&signer);
}

static void test_longest_name_fits_and_ids_have_bounds(void **state)
{
    (void)state;
    token_signer_t *signer = token_signer_new(s_folder, NULL);
    buffer_t token;
    char name[LIM_NAME_BYTES_MAX + 1];
    memset(name, '"', sizeof name); /* the worst for JSON */
    buffer_init(&token, LIM_TOKEN_BYTES_MAX);
    assert_int_equal(ERR_OK, s_sign(signer, 1, ID_MAX, view_of(name, LIM_NAME_BYTES_MAX), &token));
    assert_true(token.len < 1024);
    assert_int_equal(ERR_OUT_OF_RANGE, s_sign(signer, 1, 1, view_of(name, sizeof name), &token));
    view_t ann = view_of_text("Ann");
    assert_int_equal(ERR_OUT_OF_RANGE, s_sign(signer, 0, 1, ann, &token));
    assert_int_equal(ERR_OUT_OF_RANGE, s_sign(signer, 1, 0, ann, &token));
    assert_int_equal(ERR_OUT_OF_RANGE, s_sign(signer, ID_MAX + 1, 1, ann, &token));
    assert_int_equal(ERR_OUT_OF_RANGE, s_sign(signer, 1, ID_MAX + 1, ann, &token));
    buffer_fini(&token);
    token_signer_destroy(&signer);
}

/* ---- refresh tokens ---------------------------------------------------------------------------------------------------------- */

static void test_refresh_token_survives_text(void **state)
{
    (void)state;
    static const uint64_t sessions[] = {1, 255, 256, ID_MAX};
    for (size_t i = 0; i < 4; i++) {
        struct token_refresh made, read, other;
        char text[TOKEN_REFRESH_TEXT_LEN + 1];
        assert_int_equal(ERR_OK, token_refresh_new(sessions[i], &made));
        token_refresh_print(&made, text);
        assert_int_equal(TOKEN_REFRESH_TEXT_LEN, strlen(text));
        assert_true(token_refresh_parse(view_of_text(text), &read));
        assert_true(read.session == sessions[i]);
        assert_memory_equal(made.bytes, read.bytes, sizeof made.bytes);
        assert_int_equal(ERR_OK, token_refresh_new(sessions[i], &other));
        assert_memory_not_equal(made.bytes, other.bytes, sizeof made.bytes);
    }
}

static void test_refresh_token_has_one_form(void **state)
{
    (void)state;
    struct token_refresh made, read;
    char text[TOKEN_REFRESH_TEXT_LEN + 2];
    assert_int_equal(ERR_OK, token_refresh_new(5, &made));
    token_refresh_print(&made, text);
    view_t whole = view_of_text(text);
    assert_false(token_refresh_parse(view_of(text, whole.len - 1), &read));
    text[TOKEN_REFRESH_TEXT_LEN] = 'A';
    assert_false(token_refresh_parse(view_of(text, whole.len + 1), &read));
    static const char odd[] = {'=', '+', '/', ' ', '\0', '.'};
    for (size_t i = 0; i < whole.len; i++) {
        char kept = text[i];
        for (size_t j = 0; j < sizeof odd; j++) {
            text[i] = odd[j];
            assert_false(token_refresh_parse(whole, &read));
        }
        text[i] = kept;
    }
    int accepted = 0; /* four bits of the last character are none of the token's */
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (size_t i = 0; i < 64; i++) {
        text[TOKEN_REFRESH_TEXT_LEN - 1] = digits[i];
        accepted += token_refresh_parse(whole, &read);
    }
    assert_int_equal(4, accepted);
    memset(text, 'A', whole.len); /* session 0 */
    assert_false(token_refresh_parse(whole, &read));
    memset(text, '_', whole.len);
    assert_false(token_refresh_parse(whole, &read));
}

static void test_successor_is_the_same_for_all_who_share_the_key(void **state)
{
    (void)state;
    token_signer_t *first = token_signer_new(s_folder, NULL), *second = token_signer_new(s_folder, SECRET);
    struct token_refresh made, a, b, c;
    assert_int_equal(ERR_OK, token_refresh_new(5, &made));
    assert_int_equal(ERR_UNAVAILABLE, token_refresh_successor(first, &made, &a)); /* the directory has not told yet */
    token_signer_share(first, view_of_text("what all nodes share"));
    token_signer_share(second, view_of_text("what all nodes share"));
    assert_int_equal(ERR_OK, token_refresh_successor(first, &made, &a));
    assert_int_equal(ERR_OK, token_refresh_successor(second, &made, &b));
    assert_memory_equal(a.bytes, b.bytes, sizeof a.bytes);
    assert_true(a.session == 5);
    assert_memory_not_equal(a.bytes, made.bytes, sizeof a.bytes);
    assert_int_equal(ERR_OK, token_refresh_successor(first, &a, &c));
    assert_memory_not_equal(a.bytes, c.bytes, sizeof a.bytes);
    token_signer_share(second, view_of_text("what others share")); /* another key, another successor */
    assert_int_equal(ERR_OK, token_refresh_successor(second, &made, &b));
    assert_memory_not_equal(a.bytes, b.bytes, sizeof a.bytes);
    token_signer_destroy(&first);
    token_signer_destroy(&second);
}

static void test_stored_hash_is_not_the_token(void **state)
{
    (void)state;
    struct token_refresh made = {.session = 0};
    uint8_t hash[TOKEN_HASH_BYTES];
    token_refresh_hash(&made, hash); /* SHA-256 of 40 zero bytes */
    static const uint8_t known[4] = {0x2c, 0x34, 0xce, 0x1d};
    assert_memory_equal(known, hash, sizeof known);
    struct token_refresh other = made;
    uint8_t other_hash[TOKEN_HASH_BYTES];
    other.bytes[39] = 1;
    token_refresh_hash(&other, other_hash);
    assert_memory_not_equal(hash, other_hash, sizeof hash);
    assert_memory_not_equal(hash, made.bytes + 8, sizeof hash);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, s_setup, s_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_first_run_makes_keys_that_only_the_owner_reads),
        TEST(test_keys_that_others_can_read_are_refused),
        TEST(test_damaged_keys_are_refused_and_left_alone),
        TEST(test_short_or_monotonous_secret_is_refused),
        TEST(test_claims_are_those_of_the_contract),
        TEST(test_longest_name_fits_and_ids_have_bounds),
        TEST(test_refresh_token_survives_text),
        TEST(test_refresh_token_has_one_form),
        TEST(test_successor_is_the_same_for_all_who_share_the_key),
        TEST(test_stored_hash_is_not_the_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
