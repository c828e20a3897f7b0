#include "proto/envelope.h"

#include <assert.h>

#include "proto/ids.h"
#include "proto/limits.h"

/* The header, little endian:
 *   0  u16 magic      2  u16 PROTO_VERSION   4  u16 type   6  u16 flags   8  u32 deadline_ms   12  u32 zero
 *  16  u64 link_seq  24  correlation  32  epoch  40  from  48  reply_to  56  key  64  user  72  session */
enum {
    MAGIC = 'R' | 'K' << 8, /* "RK" in a dump */
    FLAGS_KNOWN = ENVELOPE_ADMIN | ENVELOPE_EPHEMERAL | ENVELOPE_REPLY,
};

static uint8_t *s_put(uint8_t *at, uint64_t value, size_t width)
{
    for (size_t i = 0; i < width; i++)
        at[i] = (uint8_t)(value >> (8 * i));
    return at + width;
}

static uint64_t s_get(const uint8_t **at_p, size_t width)
{
    uint64_t value = 0;
    for (size_t i = 0; i < width; i++)
        value |= (uint64_t)(*at_p)[i] << (8 * i);
    *at_p += width;
    return value;
}

void envelope_write(const struct envelope *env, uint8_t bytes_out[ENVELOPE_BYTES])
{
    uint8_t *at = bytes_out;
    at = s_put(at, MAGIC, 2);
    at = s_put(at, PROTO_VERSION, 2);
    at = s_put(at, env->type, 2);
    at = s_put(at, env->flags, 2);
    at = s_put(at, env->deadline_ms, 4);
    at = s_put(at, 0, 4);
    at = s_put(at, env->link_seq, 8);
    at = s_put(at, env->correlation, 8);
    at = s_put(at, env->epoch, 8);
    at = s_put(at, env->from, 8);
    at = s_put(at, env->reply_to, 8);
    at = s_put(at, env->key, 8);
    at = s_put(at, env->user, 8);
    at = s_put(at, env->session, 8);
    assert(at == bytes_out + ENVELOPE_BYTES);
}

/* Nobody (0), or a known role with nothing in the bits between. */
static bool s_is_address(address_t a)
{
    role_t role = address_role(a);
    if (role == ROLE_NONE)
        return a == 0;
    return role <= ROLE_ACCOUNTS && a == address_make(role, address_instance(a), address_nonce(a));
}

err_t envelope_read(const uint8_t *bytes, size_t len, struct envelope *env_out)
{
    if (len < ENVELOPE_BYTES)
        return ERR_SHORT;
    const uint8_t *at = bytes;
    uint64_t magic = s_get(&at, 2);
    uint64_t version = s_get(&at, 2);
    if (magic != MAGIC || version != PROTO_VERSION)
        return ERR_VERSION;
    struct envelope env = {0};
    env.type = (uint16_t)s_get(&at, 2);
    env.flags = (uint16_t)s_get(&at, 2);
    env.deadline_ms = (uint32_t)s_get(&at, 4);
    uint64_t reserved = s_get(&at, 4);
    env.link_seq = s_get(&at, 8);
    env.correlation = s_get(&at, 8);
    env.epoch = s_get(&at, 8);
    env.from = s_get(&at, 8);
    env.reply_to = s_get(&at, 8);
    env.key = s_get(&at, 8);
    env.user = s_get(&at, 8);
    env.session = s_get(&at, 8);
    if (reserved || (env.flags & ~FLAGS_KNOWN))
        return ERR_BAD_FRAME;
    if (!s_is_address(env.from) || !s_is_address(env.reply_to))
        return ERR_BAD_FRAME;
    if (env.key > ID_MAX || env.user > ID_MAX)
        return ERR_BAD_FRAME;
    *env_out = env;
    return ERR_OK;
}

struct envelope envelope_reply(const struct envelope *asked)
{
    return (struct envelope){
        .flags = ENVELOPE_REPLY,
        .correlation = asked->correlation,
        .key = asked->key,
        .user = asked->user,
        .session = asked->session,
    };
}

address_t envelope_answer_to(const struct envelope *asked)
{
    return asked->reply_to ? asked->reply_to : asked->from;
}
