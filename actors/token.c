#include "actors/token.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jwt.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include "actors/runtime/log.h"
#include "actors/token_keys.h"

enum { KID_LEN = 16, REFRESH_KEY_BYTES = 32, ALGORITHM_ES256 = 1, ALGORITHM_HS256 = 2 };

struct token_signer {
    jwt_alg_t alg;
    char kid[KID_LEN + 1];
    uint8_t *key; /* private PEM, or JWT_SECRET */
    size_t key_len;
    char public_pem[LIM_PEM_BYTES_MAX];
    uint8_t refresh_key[REFRESH_KEY_BYTES];
    bool has_refresh_key;
};

/* ---- base64url, without padding ----------------------------------------------------------------------------------- */

static const char BASE64URL[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void s_base64url_print(const uint8_t *bytes, size_t len, char *text_out)
{
    uint32_t bits = 0;
    int count = 0;
    for (size_t i = 0; i < len; i++) {
        bits = bits << 8 | bytes[i];
        for (count += 8; count >= 6; count -= 6)
            *text_out++ = BASE64URL[bits >> (count - 6) & 63];
    }
    if (count)
        *text_out++ = BASE64URL[bits << (6 - count) & 63];
    *text_out = '\0';
}

/* Fills exactly len bytes; false: another alphabet, another length, or bits left over. */
static bool s_base64url_parse(view_t text, uint8_t *bytes_out, size_t len)
{
    if (text.len != (len * 8 + 5) / 6)
        return false;
    uint32_t bits = 0;
    int count = 0;
    for (size_t i = 0; i < text.len; i++) {
        const char *at = memchr(BASE64URL, text.bytes[i], 64);
        if (!at)
            return false;
        bits = bits << 6 | (uint32_t)(at - BASE64URL);
        count += 6;
        if (count >= 8) {
            count -= 8;
            *bytes_out++ = (uint8_t)(bits >> count);
        }
    }
    return (bits & ((1u << count) - 1)) == 0;
}

/* ---- keys ------------------------------------------------------------------------------------------------------------ */

static err_t s_make_ec_key(uint8_t *secret_out, size_t cap, size_t *len_out)
{
    err_t err = ERR_INTERNAL;
    EVP_PKEY *pair = EVP_EC_gen("P-256");
    BIO *pem = BIO_new(BIO_s_mem());
    char *text = NULL;
    if (pair && pem && PEM_write_bio_PrivateKey(pem, pair, NULL, NULL, 0, NULL, NULL) == 1) {
        long len = BIO_get_mem_data(pem, &text);
        if (len > 0 && (size_t)len < cap) {
            memcpy(secret_out, text, (size_t)len);
            *len_out = (size_t)len;
            err = ERR_OK;
        }
    }
    BIO_free(pem);
    EVP_PKEY_free(pair);
    return err;
}

/* Its name tells nothing of a secret; another secret simply fails the signature. Known to edge/auth.c too. */
static const char SECRET_KID[] = "jwt-secret";
_Static_assert(sizeof SECRET_KID <= KID_LEN + 1, "it fits");

/* The public half: as PEM for edges, and its hash as kid. */
static err_t s_read_public(token_signer_t *self)
{
    err_t err = ERR_INTERNAL;
    char *text = NULL;
    unsigned char *der = NULL;
    BIO *pem = BIO_new(BIO_s_mem());
    BIO *in = BIO_new_mem_buf(self->key, (int)self->key_len);
    EVP_PKEY *pair = in ? PEM_read_bio_PrivateKey(in, NULL, NULL, NULL) : NULL;
    char group[32] = "";
    if (!pem || !pair || EVP_PKEY_get_group_name(pair, group, sizeof group, NULL) != 1 ||
        strcmp(group, SN_X9_62_prime256v1) != 0)
        goto cleanup;
    int der_len = i2d_PUBKEY(pair, &der);
    if (der_len <= 0 || PEM_write_bio_PUBKEY(pem, pair) != 1)
        goto cleanup;
    long len = BIO_get_mem_data(pem, &text);
    if (len <= 0 || (size_t)len >= sizeof self->public_pem)
        goto cleanup;
    memcpy(self->public_pem, text, (size_t)len);
    uint8_t hash[SHA256_DIGEST_LENGTH];
    SHA256(der, (size_t)der_len, hash);
    _Static_assert(KID_LEN % 4 == 0, "a whole number of base64 groups");
    s_base64url_print(hash, KID_LEN / 4 * 3, self->kid);
    err = ERR_OK;
cleanup:
    if (err)
        log_error("keys: token.pem holds no EC P-256 private key");
    OPENSSL_free(der);
    EVP_PKEY_free(pair);
    BIO_free(in);
    BIO_free(pem);
    return err;
}

static const char PAIR_FILE[] = "token.pem";

static err_t s_use_key_pair(token_signer_t *self, const char *var_folder)
{
    self->alg = JWT_ALG_ES256;
    self->key = calloc(1, LIM_PEM_BYTES_MAX);
    if (!self->key)
        return ERR_NO_MEMORY;
    err_t err =
        token_keys_get(var_folder, PAIR_FILE, s_make_ec_key, self->key, LIM_PEM_BYTES_MAX, &self->key_len);
    return err ? err : s_read_public(self);
}

static err_t s_use_secret(token_signer_t *self, const char *secret)
{
    self->alg = JWT_ALG_HS256;
    self->key_len = strlen(secret);
    if (self->key_len < TOKEN_SECRET_BYTES_MIN || strspn(secret, (char[]){secret[0], '\0'}) == self->key_len) {
        log_error("keys: JWT_SECRET refused: it needs at least %d random bytes (openssl rand -base64 48)",
                  TOKEN_SECRET_BYTES_MIN);
        return ERR_OUT_OF_RANGE;
    }
    self->key = malloc(self->key_len);
    if (!self->key)
        return ERR_NO_MEMORY;
    memcpy(self->key, secret, self->key_len);
    memcpy(self->kid, SECRET_KID, sizeof SECRET_KID);
    return ERR_OK;
}

token_signer_t *token_signer_new(const char *var_folder, const char *jwt_secret)
{
    token_signer_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    err_t err = jwt_secret && *jwt_secret ? s_use_secret(self, jwt_secret) : s_use_key_pair(self, var_folder);
    if (err)
        token_signer_destroy(&self);
    return self;
}

bool token_signer_is_set_up(const char *var_folder, const char *jwt_secret)
{
    bool needs_pair = !jwt_secret || !*jwt_secret;
    return !needs_pair || token_keys_is_there(var_folder, PAIR_FILE);
}

void token_signer_destroy(token_signer_t **self_p)
{
    assert(self_p);
    token_signer_t *self = *self_p;
    if (!self)
        return;
    if (self->key)
        OPENSSL_cleanse(self->key, self->key_len);
    free(self->key);
    OPENSSL_cleanse(self, sizeof *self);
    free(self);
    *self_p = NULL;
}

struct rec_token_key token_signer_key(const token_signer_t *self)
{
    return (struct rec_token_key){
        .kid = view_of_text(self->kid),
        .algorithm = self->alg == JWT_ALG_ES256 ? ALGORITHM_ES256 : ALGORITHM_HS256,
        .public_pem = view_of_text(self->public_pem),
    };
}

/* ---- access tokens ------------------------------------------------------------------------------------------------------ */

/* libjwt's errors are errno values; anything but success is one failure to us. */
static bool s_add_claims(jwt_t *jwt, const struct token_claims *claims, int64_t now_s)
{
    char user[24], session[24], name[LIM_NAME_BYTES_MAX + 1];
    snprintf(user, sizeof user, "%" PRIu64, claims->user);
    snprintf(session, sizeof session, "%" PRIu64, claims->session);
    if (claims->name.len)
        memcpy(name, claims->name.bytes, claims->name.len);
    name[claims->name.len] = '\0';
    return jwt_add_grant(jwt, "iss", "rookery") == 0 && jwt_add_grant(jwt, "aud", "rookery") == 0 &&
           jwt_add_grant(jwt, "typ", "at+jwt") == 0 && jwt_add_grant(jwt, "sub", user) == 0 &&
           jwt_add_grant(jwt, "sid", session) == 0 && jwt_add_grant(jwt, "name", name) == 0 &&
           jwt_add_grant_bool(jwt, "adm", claims->admin) == 0 &&
           (!claims->must_change || jwt_add_grant_bool(jwt, "chg", true) == 0) &&
           jwt_add_grant_int(jwt, "iat", (long)now_s) == 0 &&
           jwt_add_grant_int(jwt, "nbf", (long)now_s) == 0 &&
           jwt_add_grant_int(jwt, "exp", (long)(now_s + LIM_ACCESS_TOKEN_S)) == 0;
}

err_t token_sign(const token_signer_t *self, const struct token_claims *claims, int64_t utc_ms, buffer_t *token_out,
                 int64_t *expires_at_ms_out)
{
    if (claims->user == 0 || claims->user > ID_MAX || claims->session == 0 || claims->session > ID_MAX ||
        claims->name.len > LIM_NAME_BYTES_MAX || utc_ms <= 0)
        return ERR_OUT_OF_RANGE;
    jwt_t *jwt = NULL;
    if (jwt_new(&jwt) != 0)
        return ERR_NO_MEMORY;
    err_t err = ERR_INTERNAL;
    char *token = NULL;
    int64_t now_s = utc_ms / 1000;
    if (jwt_add_header(jwt, "kid", self->kid) != 0 || !s_add_claims(jwt, claims, now_s) ||
        jwt_set_alg(jwt, self->alg, self->key, (int)self->key_len) != 0)
        goto cleanup;
    token = jwt_encode_str(jwt);
    if (!token)
        goto cleanup;
    size_t len = strlen(token);
    err = len > LIM_TOKEN_BYTES_MAX ? ERR_TOO_LARGE : buffer_append(token_out, token, len);
    if (!err)
        *expires_at_ms_out = (now_s + LIM_ACCESS_TOKEN_S) * 1000;
cleanup:
    free(token); /* jwt_free_str came with 1.12; no allocator of ours is ever set, so it would be free() too */
    jwt_free(jwt);
    return err;
}

/* ---- refresh tokens ------------------------------------------------------------------------------------------------------ */

static void s_put_session(struct token_refresh *refresh)
{
    for (size_t i = 0; i < 8; i++)
        refresh->bytes[i] = (uint8_t)(refresh->session >> (56 - 8 * i));
}

err_t token_refresh_new(uint64_t session, struct token_refresh *refresh_out)
{
    struct token_refresh refresh = {.session = session};
    s_put_session(&refresh);
    if (RAND_bytes(refresh.bytes + 8, sizeof refresh.bytes - 8) != 1)
        return ERR_INTERNAL;
    *refresh_out = refresh;
    return ERR_OK;
}

bool token_refresh_parse(view_t text, struct token_refresh *refresh_out)
{
    struct token_refresh refresh = {.session = 0};
    if (!s_base64url_parse(text, refresh.bytes, sizeof refresh.bytes))
        return false;
    for (size_t i = 0; i < 8; i++)
        refresh.session = refresh.session << 8 | refresh.bytes[i];
    if (refresh.session == 0 || refresh.session > ID_MAX)
        return false;
    *refresh_out = refresh;
    return true;
}

void token_refresh_print(const struct token_refresh *refresh, char text_out[TOKEN_REFRESH_TEXT_LEN + 1])
{
    s_base64url_print(refresh->bytes, sizeof refresh->bytes, text_out);
}

void token_refresh_hash(const struct token_refresh *refresh, uint8_t hash_out[TOKEN_HASH_BYTES])
{
    _Static_assert(TOKEN_HASH_BYTES == SHA256_DIGEST_LENGTH, "refresh tokens are stored as SHA-256");
    SHA256(refresh->bytes, sizeof refresh->bytes, hash_out);
}

void token_signer_share(token_signer_t *self, view_t key)
{
    static const unsigned char purpose[] = "rookery: successor of a refresh token";
    self->has_refresh_key = HMAC(EVP_sha256(), key.bytes, (int)key.len, purpose, sizeof purpose - 1,
                                 self->refresh_key, NULL) != NULL;
}

err_t token_refresh_successor(const token_signer_t *self, const struct token_refresh *presented,
                              struct token_refresh *next_out)
{
    if (!self->has_refresh_key)
        return ERR_UNAVAILABLE;
    uint8_t mac[SHA256_DIGEST_LENGTH];
    if (!HMAC(EVP_sha256(), self->refresh_key, sizeof self->refresh_key, presented->bytes, sizeof presented->bytes,
              mac, NULL))
        return ERR_NO_MEMORY;
    next_out->session = presented->session;
    s_put_session(next_out);
    memcpy(next_out->bytes + 8, mac, sizeof mac);
    OPENSSL_cleanse(mac, sizeof mac);
    return ERR_OK;
}
