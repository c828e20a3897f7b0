#include "edge/auth_key.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/sha.h>

enum {
    COORDINATE_BYTES = 32,
    DER_BYTES_MAX = 2 * (COORDINATE_BYTES + 3) + 2, /* of a sequence of two integers, each with a sign byte */
};
_Static_assert(AUTH_SIGNATURE_BYTES_MAX == 2 * COORDINATE_BYTES, "the longest is r and s");

static bool s_init(struct auth_key *self, const char *alg_name, view_t kid, view_t bytes)
{
    *self = (struct auth_key){.alg_name = NULL};
    if (kid.len == 0 || kid.len > AUTH_KID_BYTES_MAX || bytes.len == 0)
        return false;
    self->bytes = malloc(bytes.len);
    if (!self->bytes)
        return false;
    memcpy(self->bytes, bytes.bytes, bytes.len);
    memcpy(self->kid, kid.bytes, kid.len);
    self->len = bytes.len;
    self->alg_name = alg_name;
    return true;
}

void auth_key_fini(struct auth_key *self)
{
    EVP_PKEY_CTX_free(self->verifier);
    if (self->bytes)
        OPENSSL_cleanse(self->bytes, self->len);
    free(self->bytes);
    *self = (struct auth_key){.alg_name = NULL};
}

static bool s_is_p256(EVP_PKEY *key)
{
    char group[32] = "";
    return EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof group, NULL) == 1 &&
           strcmp(group, SN_X9_62_prime256v1) == 0;
}

static EVP_PKEY_CTX *s_verifier(view_t pem)
{
    BIO *in = BIO_new_mem_buf(pem.bytes, (int)pem.len);
    EVP_PKEY *key = in ? PEM_read_bio_PUBKEY(in, NULL, NULL, NULL) : NULL;
    EVP_PKEY_CTX *context = key && s_is_p256(key) ? EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL) : NULL;
    if (context &&
        (EVP_PKEY_verify_init(context) != 1 || EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) != 1)) {
        EVP_PKEY_CTX_free(context);
        context = NULL;
    }
    EVP_PKEY_free(key); /* the context holds it */
    BIO_free(in);
    ERR_clear_error(); /* the thread's; nobody else shall take it for its own */
    return context;
}

bool auth_key_init_es256(struct auth_key *self, view_t kid, view_t public_pem)
{
    static const char begin[] = "-----BEGIN PUBLIC KEY-----\n";
    if (public_pem.len < sizeof begin || memcmp(public_pem.bytes, begin, sizeof begin - 1) != 0 ||
        !s_init(self, "ES256", kid, public_pem))
        return false;
    self->verifier = s_verifier(public_pem);
    if (self->verifier)
        return true;
    auth_key_fini(self);
    return false;
}

bool auth_key_init_hs256(struct auth_key *self, view_t kid, view_t secret)
{
    return s_init(self, "HS256", kid, secret);
}

bool auth_key_is_same(const struct auth_key *a, const struct auth_key *b)
{
    return strcmp(a->kid, b->kid) == 0 && view_is_equal(view_of(a->bytes, a->len), view_of(b->bytes, b->len));
}

/* r and s as the DER that libcrypto takes: a sequence of two integers without leading zeros, with one where the first
 * bit would be a sign. */
static size_t s_put_integer(const uint8_t *bytes, uint8_t *out)
{
    size_t len = COORDINATE_BYTES;
    for (; len > 1 && *bytes == 0; len--)
        bytes++;
    size_t sign = *bytes >> 7;
    out[0] = 2;
    out[1] = (uint8_t)(len + sign);
    out[2] = 0;
    memcpy(out + 2 + sign, bytes, len);
    return 2 + sign + len;
}

static bool s_is_es256(const struct auth_key *self, view_t text, view_t signature)
{
    uint8_t hash[SHA256_DIGEST_LENGTH], der[DER_BYTES_MAX];
    if (signature.len != 2 * COORDINATE_BYTES)
        return false;
    size_t len = s_put_integer(signature.bytes, der + 2);
    len += s_put_integer(signature.bytes + COORDINATE_BYTES, der + 2 + len);
    der[0] = 0x30;
    der[1] = (uint8_t)len;
    SHA256(text.bytes, text.len, hash);
    bool good = EVP_PKEY_verify(self->verifier, der, len + 2, hash, sizeof hash) == 1;
    if (!good)
        ERR_clear_error();
    return good;
}

static bool s_is_hs256(const struct auth_key *self, view_t text, view_t signature)
{
    uint8_t mac[SHA256_DIGEST_LENGTH];
    return signature.len == sizeof mac &&
           HMAC(EVP_sha256(), self->bytes, (int)self->len, text.bytes, text.len, mac, NULL) &&
           CRYPTO_memcmp(mac, signature.bytes, sizeof mac) == 0;
}

bool auth_key_has_signed(const struct auth_key *self, view_t text, view_t signature)
{
    assert(self->alg_name && self->bytes && self->len > 0);
    return self->verifier ? s_is_es256(self, text, signature) : s_is_hs256(self, text, signature);
}
