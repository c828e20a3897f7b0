#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "proto/envelope.h"
#include "proto/ids.h"
#include "proto/limits.h"

/* Where each field begins: the layout is on the wire. */
enum {
    AT_MAGIC = 0,
    AT_VERSION = 2,
    AT_TYPE = 4,
    AT_FLAGS = 6,
    AT_DEADLINE = 8,
    AT_RESERVED = 12,
    AT_LINK_SEQ = 16,
    AT_CORRELATION = 24,
    AT_EPOCH = 32,
    AT_FROM = 40,
    AT_REPLY_TO = 48,
    AT_KEY = 56,
    AT_USER = 64,
    AT_SESSION = 72,
};

static struct envelope s_sample(void)
{
    return (struct envelope){
        .type = 0x0102,
        .flags = ENVELOPE_ADMIN | ENVELOPE_REPLY,
        .deadline_ms = 0x01020304,
        .link_seq = 11,
        .correlation = UINT64_MAX,
        .epoch = 13,
        .from = address_make(ROLE_EDGE, 1, 2),
        .reply_to = address_make(ROLE_ACCOUNTS, 65535, UINT32_MAX),
        .key = ID_MAX,
        .user = ID_MAX - 1,
        .session = 18,
    };
}

static err_t s_read(const uint8_t *bytes, size_t len, struct envelope *env_out)
{
    uint8_t *exact = malloc(len ? len : 1);
    memcpy(exact, bytes, len);
    err_t err = envelope_read(exact, len, env_out);
    free(exact);
    return err;
}

static void s_put(uint8_t *bytes, size_t at, uint64_t value)
{
    for (size_t i = 0; i < 8; i++)
        bytes[at + i] = (uint8_t)(value >> (8 * i));
}

static void test_what_is_written_is_read(void **state)
{
    (void)state;
    struct envelope env = s_sample(), read;
    uint8_t bytes[ENVELOPE_BYTES];
    envelope_write(&env, bytes);
    assert_int_equal(ERR_OK, s_read(bytes, sizeof bytes, &read));
    assert_int_equal(env.type, read.type);
    assert_int_equal(env.flags, read.flags);
    assert_int_equal(env.deadline_ms, read.deadline_ms);
    assert_true(env.link_seq == read.link_seq && env.correlation == read.correlation &&
                env.epoch == read.epoch);
    assert_true(env.from == read.from && env.reply_to == read.reply_to);
    assert_true(env.key == read.key && env.user == read.user && env.session == read.session);
}

static void test_layout_is_fixed_and_little_endian(void **state)
{
    (void)state;
    struct envelope env = s_sample();
    uint8_t bytes[ENVELOPE_BYTES];
    envelope_write(&env, bytes);
    static const uint8_t s_head[] = {'R', 'K', PROTO_VERSION, 0, 2, 1, 5, 0, 4, 3, 2, 1, 0, 0, 0, 0,
                                     11,  0};
    assert_memory_equal(s_head, bytes, sizeof s_head);
    assert_int_equal(0xff, bytes[AT_CORRELATION]);
    assert_int_equal(13, bytes[AT_EPOCH]);
    assert_int_equal(0x10, bytes[AT_FROM + 7]);
    assert_int_equal(0x40, bytes[AT_REPLY_TO + 7]);
    assert_int_equal(0x1f, bytes[AT_KEY + 6]);
    assert_int_equal(0xfe, bytes[AT_USER]);
    assert_int_equal(18, bytes[AT_SESSION]);
}

static void test_every_truncation_is_short(void **state)
{
    (void)state;
    struct envelope env = s_sample(), read;
    uint8_t bytes[ENVELOPE_BYTES];
    envelope_write(&env, bytes);
    for (size_t len = 0; len < ENVELOPE_BYTES; len++)
        assert_int_equal(ERR_SHORT, s_read(bytes, len, &read));
}

static void test_another_magic_or_version_is_refused_as_version(void **state)
{
    (void)state;
    struct envelope env = s_sample(), read;
    for (size_t at = AT_MAGIC; at < AT_TYPE; at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            uint8_t bytes[ENVELOPE_BYTES];
            envelope_write(&env, bytes);
            bytes[at] ^= (uint8_t)(1u << bit);
            assert_int_equal(ERR_VERSION, s_read(bytes, sizeof bytes, &read));
        }
}

static void test_unknown_flags_and_reserved_bytes_are_refused(void **state)
{
    (void)state;
    struct envelope env = s_sample(), read;
    for (unsigned bit = 0; bit < 16; bit++) {
        uint8_t bytes[ENVELOPE_BYTES];
        envelope_write(&env, bytes);
        bytes[AT_FLAGS] = bytes[AT_FLAGS + 1] = 0;
        bytes[AT_FLAGS + bit / 8] = (uint8_t)(1u << bit % 8);
        assert_int_equal(bit < 3 ? ERR_OK : ERR_BAD_FRAME, s_read(bytes, sizeof bytes, &read));
    }
    for (size_t at = AT_RESERVED; at < AT_LINK_SEQ; at++) {
        uint8_t bytes[ENVELOPE_BYTES];
        envelope_write(&env, bytes);
        bytes[at] = 1;
        assert_int_equal(ERR_BAD_FRAME, s_read(bytes, sizeof bytes, &read));
    }
}

static err_t s_read_with(size_t at, uint64_t value)
{
    struct envelope env = s_sample(), read;
    uint8_t bytes[ENVELOPE_BYTES];
    envelope_write(&env, bytes);
    s_put(bytes, at, value);
    return s_read(bytes, sizeof bytes, &read);
}

static void test_ids_keep_their_bound(void **state)
{
    (void)state;
    static const size_t s_ids[] = {AT_KEY, AT_USER};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(ERR_OK, s_read_with(s_ids[i], 0));
        assert_int_equal(ERR_OK, s_read_with(s_ids[i], ID_MAX));
        assert_int_equal(ERR_BAD_FRAME, s_read_with(s_ids[i], ID_MAX + 1));
        assert_int_equal(ERR_BAD_FRAME, s_read_with(s_ids[i], UINT64_MAX));
    }
}

static void test_addresses_are_known_roles_or_nobody(void **state)
{
    (void)state;
    static const size_t s_addresses[] = {AT_FROM, AT_REPLY_TO};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(ERR_OK, s_read_with(s_addresses[i], 0));
        assert_int_equal(ERR_BAD_FRAME, s_read_with(s_addresses[i], 1)); /* nobody's nonce */
        assert_int_equal(ERR_BAD_FRAME, s_read_with(s_addresses[i], UINT64_C(1) << 32));
        for (uint64_t role = 1; role < 16; role++)
            assert_int_equal(role <= ROLE_ACCOUNTS ? ERR_OK : ERR_BAD_FRAME,
                             s_read_with(s_addresses[i], role << 60));
        for (unsigned bit = 48; bit < 60; bit++)
            assert_int_equal(ERR_BAD_FRAME,
                             s_read_with(s_addresses[i], UINT64_C(1) << 60 | UINT64_C(1) << bit));
    }
}

static void test_a_reply_gives_back_what_the_asker_needs(void **state)
{
    (void)state;
    struct envelope asked = s_sample(), reply = envelope_reply(&asked);
    assert_int_equal(ENVELOPE_REPLY, reply.flags); /* the asker's rights are not the answerer's */
    assert_true(reply.correlation == asked.correlation && reply.key == asked.key);
    assert_true(reply.user == asked.user && reply.session == asked.session);
    assert_true(reply.from == 0 && reply.reply_to == 0 && reply.link_seq == 0 && reply.epoch == 0);
}

static void test_an_answer_goes_to_reply_to_or_to_the_sender(void **state)
{
    (void)state;
    struct envelope asked = s_sample();
    assert_true(envelope_answer_to(&asked) == asked.reply_to);
    asked.reply_to = 0;
    assert_true(envelope_answer_to(&asked) == asked.from);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_is_read),
        cmocka_unit_test(test_layout_is_fixed_and_little_endian),
        cmocka_unit_test(test_every_truncation_is_short),
        cmocka_unit_test(test_another_magic_or_version_is_refused_as_version),
        cmocka_unit_test(test_unknown_flags_and_reserved_bytes_are_refused),
        cmocka_unit_test(test_ids_keep_their_bound),
        cmocka_unit_test(test_addresses_are_known_roles_or_nobody),
        cmocka_unit_test(test_a_reply_gives_back_what_the_asker_needs),
        cmocka_unit_test(test_an_answer_goes_to_reply_to_or_to_the_sender),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
