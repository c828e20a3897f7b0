#include "proto/ids.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "proto/limits.h"

static const char s_digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; /* no I, L, O, U */

/* 128 bits are 26 digits of 5, of which the first has only 3. */
void cid_to_text(const cid_t *cid, char text_out[CID_TEXT_LEN + 1])
{
    uint32_t bits = 0;
    int bit_count = 2; /* two leading zeros make 130 */
    char *at = text_out;
    for (size_t i = 0; i < CID_BYTES; i++) {
        bits = bits << 8 | cid->bytes[i];
        bit_count += 8;
        for (; bit_count >= 5; bit_count -= 5)
            *at++ = s_digits[bits >> (bit_count - 5) & 31];
    }
    *at = '\0';
    assert(at == text_out + CID_TEXT_LEN);
}

static int s_digit_value(char c)
{
    if (c >= 'a' && c <= 'z')
        c = (char)(c - 'a' + 'A');
    const char *at = c ? strchr(s_digits, c) : NULL;
    return at ? (int)(at - s_digits) : -1;
}

bool cid_from_text(const char *text, size_t len, cid_t *cid_out)
{
    if (len != CID_TEXT_LEN || s_digit_value(text[0]) > 7)
        return false;
    cid_t cid;
    uint32_t bits = 0;
    int bit_count = -2;
    size_t at = 0;
    for (size_t i = 0; i < CID_TEXT_LEN; i++) {
        int value = s_digit_value(text[i]);
        if (value < 0)
            return false;
        bits = bits << 5 | (uint32_t)value;
        bit_count += 5;
        if (bit_count >= 8) {
            bit_count -= 8;
            cid.bytes[at++] = (uint8_t)(bits >> bit_count);
        }
    }
    assert(at == CID_BYTES && bit_count == 0);
    *cid_out = cid;
    return true;
}

bool cid_is_equal(const cid_t *a, const cid_t *b)
{
    return memcmp(a->bytes, b->bytes, CID_BYTES) == 0;
}

/* The finalizer of splitmix64 (Steele, Lea, Flood 2014): every bit of the id moves every bit of the shard. */
uint32_t id_shard(uint64_t id)
{
    uint64_t x = id + UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    x ^= x >> 31;
    return (uint32_t)(x % LIM_SHARDS);
}

static void s_put(uint8_t *at, uint64_t value, size_t width)
{
    for (size_t i = 0; i < width; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

/* BLAKE2b with a key; `head` begins with a word that says what is hashed, so one key may serve both uses. */
static void s_hash(const uint8_t key[KEY_BYTES], const uint8_t *head, size_t head_len,
                   const void *body, size_t len, uint8_t hash_out[MAC_BYTES])
{
    crypto_generichash_state state;
    int failed = crypto_generichash_init(&state, key, KEY_BYTES, MAC_BYTES);
    failed |= crypto_generichash_update(&state, head, head_len);
    if (len > 0)
        failed |= crypto_generichash_update(&state, body, len);
    failed |= crypto_generichash_final(&state, hash_out, MAC_BYTES);
    assert(!failed); /* lengths are constants: only a bug fails */
}

static uint64_t s_id_of_hash(const uint8_t hash[MAC_BYTES])
{
    uint64_t id = 0;
    for (size_t i = 0; i < 8; i++)
        id |= (uint64_t)hash[i] << (8 * i);
    id &= ID_MAX;
    return id ? id : 1;
}

uint64_t id_of_room(const uint8_t key[KEY_BYTES], uint64_t creator, const cid_t *client_id)
{
    uint8_t head[16] = "room.v1", hash[MAC_BYTES];
    s_put(head + 8, creator, 8);
    s_hash(key, head, sizeof head, client_id->bytes, CID_BYTES, hash);
    return s_id_of_hash(hash);
}

uint64_t id_of_direct(const uint8_t key[KEY_BYTES], const uint64_t *users, size_t count)
{
    uint8_t head[16] = "direct1", body[8 * LIM_DIRECT_MEMBERS_MAX], hash[MAC_BYTES];
    assert(count <= LIM_DIRECT_MEMBERS_MAX);
    s_put(head + 8, count, 8);
    for (size_t i = 0; i < count; i++)
        s_put(body + 8 * i, users[i], 8);
    s_hash(key, head, sizeof head, body, 8 * count, hash);
    return s_id_of_hash(hash);
}

void id_mac(const uint8_t key[KEY_BYTES], uint32_t kind, uint64_t target, const void *body,
            size_t len, uint8_t mac_out[MAC_BYTES])
{
    uint8_t head[20] = "body.v1";
    s_put(head + 8, kind, 4);
    s_put(head + 12, target, 8);
    s_hash(key, head, sizeof head, body, len, mac_out);
}

uint64_t id_random(void)
{
    int failed =
        sodium_init() < 0; /* harmless when done before; without it the generator may race */
    assert(!failed);
    (void)failed;
    uint64_t id;
    do {
        randombytes_buf(&id, sizeof id);
        id &= ID_MAX;
    } while (id == 0);
    return id;
}
