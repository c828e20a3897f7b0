/* What edge/auth.c lets in, and that each forgery we know of stays out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jwt.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/sha.h>

#include "actors/token.h"
#include "edge/auth.h"

#define SECRET "0123456789abcdef0123456789abcdef-secret"
#define USER UINT64_C(9007199254740991)
#define SESSION UINT64_C(77)
static const int64_t NOW_MS = 5000000, UTC_MS = INT64_C(1750000000000);

/* ---- making tokens by hand -------------------------------------------------------------------------------------------- */

static void s_append_base64url(char *text, const void *bytes, size_t len)
{
    char *at = text + strlen(text);
    int written = EVP_EncodeBlock((unsigned char *)at, bytes, (int)len);
    while (written > 0 && at[written - 1] == '=')
        written--;
    at[written] = '\0';
    for (; *at; at++)
        *at = *at == '+' ? '-' : *at == '/' ? '_' : *at;
}

/* HMAC with any hash and any key over any header and payload. */
static const char *s_forge(const char *header, const char *payload, const EVP_MD *md, const void *key, size_t key_len)
{
    static char token[16384];
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned mac_len = 0;
    token[0] = '\0';
    s_append_base64url(token, header, strlen(header));
    strncat(token, ".", 2);
    s_append_base64url(token, payload, strlen(payload));
    if (md)
        HMAC(md, key, (int)key_len, (unsigned char *)token, strlen(token), mac, &mac_len);
    strncat(token, ".", 2);
    s_append_base64url(token, mac, mac_len);
    return token;
}

#define HEADER "{\"alg\":\"HS256\",\"kid\":\"jwt-secret\",\"typ\":\"JWT\"}"
#define PAYLOAD_OF_EXPANDED(iss, aud, typ, sub, sid, iat, nbf, exp)                                                             \
    "{\"adm\":false,\"aud\":" aud ",\"exp\":" exp ",\"iat\":" iat ",\"iss\":" iss ",\"name\":\"Ann\",\"nbf\":" nbf     \
    ",\"sid\":" sid ",\"sub\":" sub ",\"typ\":" typ "}"
#define PAYLOAD_OF(...) PAYLOAD_OF_EXPANDED(__VA_ARGS__) /* after its arguments were expanded */
#define PAYLOAD                                                                                                        \
    PAYLOAD_OF("\"rookery\"", "\"rookery\"", "\"at+jwt\"", "\"5\"", "\"7\"", "1750000000", "1750000000", "1750000600")

static const char *s_hs256(const char *header, const char *payload)
{
    return s_forge(header, payload, EVP_sha256(), SECRET, strlen(SECRET));
}

/* ---- fixtures ------------------------------------------------------------------------------------------------------------ */

/* The first question asks for the newest number only. */
static auth_t *s_begun(const char *secret, uint64_t newest)
{
    auth_t *auth = auth_new(secret);
    assert_non_null(auth);
    assert_true(auth_revocations_after(auth) == ID_MAX);
    struct msg_store_revocations msg = {.upto = newest};
    assert_true(auth_on_revocations(auth, &msg, NOW_MS, UTC_MS));
    assert_true(auth_is_stale(auth, NOW_MS));
    return auth;
}

static void s_hear(auth_t *auth, int64_t asked_ms)
{
    struct msg_store_revocations none = {.upto = auth_revocations_after(auth)};
    assert_false(auth_on_revocations(auth, &none, asked_ms, UTC_MS));
}

static auth_t *s_new(const char *secret)
{
    auth_t *auth = s_begun(secret, 0);
    s_hear(auth, NOW_MS);
    return auth;
}

static err_t s_verify(auth_t *auth, const char *token)
{
    struct auth_identity identity;
    return auth_verify(auth, view_of_text(token), NOW_MS, UTC_MS, &identity);
}

static token_signer_t *s_signer(const char *secret)
{
    char folder[] = "/tmp/rookery-test-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    token_signer_t *signer = token_signer_new(folder, secret);
    assert_non_null(signer);
    const char *const left[] = {"/keys/token.pem", "/keys", ""};
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s%s", folder, left[i]);
        (void)remove(path);
    }
    return signer;
}

static void s_sign(const token_signer_t *signer, buffer_t *token)
{
    struct token_claims claims = {
        .user = USER, .session = SESSION, .name = view_of_text("Zoë \"the\" Rook"), .admin = true};
    int64_t expires_at_ms = 0;
    buffer_init(token, LIM_TOKEN_BYTES_MAX);
    assert_int_equal(ERR_OK, token_sign(signer, &claims, UTC_MS + 999, token, &expires_at_ms));
    assert_int_equal(UTC_MS + LIM_ACCESS_TOKEN_S * 1000, expires_at_ms);
}

static size_t s_give_key(auth_t *auth, const struct rec_token_key *key)
{
    list_writer_t keys;
    list_writer_init(&keys, 4096);
    assert_int_equal(ERR_OK, rec_token_key_append(&keys, key));
    size_t count = auth_keys_set(auth, list_of(&keys), UTC_MS + 60000);
    list_writer_fini(&keys);
    return count;
}

/* What accounts signs after a sign-in with a password that an administrator gave. */
static void test_token_of_a_given_password_says_so_and_whose_it_is(void **state)
{
    (void)state;
    auth_t *auth = s_new(SECRET);
    token_signer_t *signer = s_signer(SECRET);
    buffer_t token;
    struct token_claims claims = {
        .user = USER, .session = SESSION, .name = view_of_text("Zoë"), .admin = true, .must_change = true};
    int64_t expires_at_ms = 0;
    buffer_init(&token, LIM_TOKEN_BYTES_MAX);
    assert_int_equal(ERR_OK, token_sign(signer, &claims, UTC_MS, &token, &expires_at_ms));
    for (int i = 0; i < 2; i++) { /* verified, then remembered */
        struct auth_identity identity = {0};
        assert_int_equal(ERR_PASSWORD_CHANGE, auth_verify(auth, buffer_view(&token), NOW_MS, UTC_MS, &identity));
        assert_true(identity.user == USER && identity.session == SESSION);
    }
    static const char *const others[] = {"false", "1", "null", "\"true\""};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        char payload[512];
        snprintf(payload, sizeof payload, "{\"chg\":%s,%s", others[i], &PAYLOAD[1]);
        assert_int_equal(ERR_UNAUTHORIZED, s_verify(auth, s_hs256(HEADER, payload)));
    }
    struct auth_identity identity;
    struct rec_id ended = {.id = SESSION}; /* what it would be refused for anyway comes first */
    list_writer_t sessions;
    list_writer_init(&sessions, 64);
    assert_int_equal(ERR_OK, rec_id_append(&sessions, &ended));
    struct msg_store_revocations revoked = {.upto = 1, .sessions = list_of(&sessions)};
    assert_false(auth_on_revocations(auth, &revoked, NOW_MS, UTC_MS));
    assert_int_equal(ERR_TOKEN_REVOKED, auth_verify(auth, buffer_view(&token), NOW_MS, UTC_MS, &identity));
    list_writer_fini(&sessions);
    token_signer_destroy(&signer);
    buffer_fini(&token);
    auth_destroy(&auth);
}

/* ---- good tokens ---------------------------------------------------------------------------------------------------------- */

static void s_check_good(auth_t *auth, view_t token)
{
    struct auth_identity identity;
    for (int i = 0; i < 2; i++) { /* verified, then remembered */
        memset(&identity, 0, sizeof identity);
        assert_int_equal(ERR_OK, auth_verify(auth, token, NOW_MS, UTC_MS, &identity));
        assert_true(identity.user == USER && identity.session == SESSION && identity.admin);
        assert_int_equal(UTC_MS + LIM_ACCESS_TOKEN_S * 1000, identity.expires_at_ms);
        assert_string_equal("Zoë \"the\" Rook", identity.name);
        assert_int_equal(strlen(identity.name), identity.name_len);
    }
    int64_t last_ms = UTC_MS + LIM_ACCESS_TOKEN_S * 1000 - 1;
    assert_int_equal(ERR_OK, auth_verify(auth, token, NOW_MS, last_ms, &identity));
    assert_int_equal(ERR_TOKEN_EXPIRED, auth_verify(auth, token, NOW_MS, last_ms + 1, &identity));
}

static void test_es256_token_of_accounts_is_accepted(void **state)
{
    (void)state;
    auth_t *auth = s_new(NULL);
    token_signer_t *signer = s_signer(NULL);
    buffer_t token;
    s_sign(signer, &token);
    struct rec_token_key key = token_signer_key(signer);
    assert_int_equal(1, key.algorithm);
    assert_int_equal(1, s_give_key(auth, &key));
    s_check_good(auth, buffer_view(&token));

    token_signer_t *other = s_signer(NULL); /* its kid is unknown, or known with another key */
    struct rec_token_key other_key = token_signer_key(other);
    struct auth_identity identity;
    assert_int_equal(1, s_give_key(auth, &other_key));
    assert_int_equal(ERR_UNAUTHORIZED, auth_verify(auth, buffer_view(&token), NOW_MS, UTC_MS, &identity));
    other_key.kid = key.kid;
    assert_int_equal(1, s_give_key(auth, &other_key));
    assert_int_equal(ERR_UNAUTHORIZED, auth_verify(auth, buffer_view(&token), NOW_MS, UTC_MS, &identity));
    token_signer_destroy(&other);
    token_signer_destroy(&signer);
    buffer_fini(&token);
    auth_destroy(&auth);
}

static void test_hs256_token_of_accounts_is_accepted(void **state)
{
    (void)state;
    auth_t *auth = s_new(SECRET);
    token_signer_t *signer = s_signer(SECRET);
    buffer_t token;
    s_sign(signer, &token);
    assert_int_equal(2, token_signer_key(signer).algorithm);
    assert_int_equal(0, token_signer_key(signer).public_pem.len);
    s_check_good(auth, buffer_view(&token));
    token_signer_destroy(&signer);
    buffer_fini(&token);
    auth_destroy(&auth);
}

static void test_token_made_by_hand_is_accepted(void **state) /* else the refusals below prove nothing */
{
    (void)state;
    auth_t *auth = s_new(SECRET);
    assert_int_equal(ERR_OK, s_verify(auth, s_hs256(HEADER, PAYLOAD)));
    assert_int_equal(ERR_OK, s_verify(auth, s_hs256("{\"typ\":\"JWT\", \"alg\":\"HS256\", \"kid\":\"jwt-secret\"}", PAYLOAD)));
    auth_destroy(&auth);
}

/* ---- algorithms and keys --------------------------------------------------------------------------------------------------- */

static void test_unsigned_token_is_refused(void **state)
{
    (void)state;
    auth_t *auth = s_new(SECRET);
    char token[1024];
    static const char *const algs[] = {"none", "None", "NONE", ""};
    for (size_t i = 0; i < 4; i++) {
        char header[128];
        snprintf(header, sizeof header, "{\"alg\":\"%s\",\"kid\":\"jwt-secret\",\"typ\":\"JWT\"}", algs[i]);
        assert_int_equal(ERR_UNAUTHORIZED, s_verify(auth, s_forge(header, PAYLOAD, NULL, NULL, 0)));
        assert_int_equal(ERR_UNAUTHORIZED, s_verify(auth, s_hs256(header, PAYLOAD)));
    }
    snprintf(token, sizeof token, "%s", s_hs256(HEADER, PAYLOAD));
    *strrchr(token, '.') = '\0'; /* two parts */
    assert_int_equal(ERR_UNAUTHORIZED, s_verify(auth, token));
    auth_destroy(&auth);
}

static void test_algorithm_confusion_is_refused(void **state)
{
    (void)state;
    auth_t *auth = s_new(NULL);
    token_signer_t *signer = s_signer(NULL);
    struct rec_token_key key = token_signer_key(signer);
    assert_int_equal(1, s_give_key(auth, &key));
    static const char *const algs[] = {"HS256", "hs256", "HS384", "ES256"};
    for (size_t i = 0; i < 4; i++) { /* MACed with the public key, which everybody may know */
        char header[128];
        snprintf(header, sizeof header, "{\"alg\":\"%s\",\"kid\":\"%.*s\",\"typ\":\"JWT\"}", algs[i], (int)key.kid.len,
                 (const char *)key.kid.bytes);
        const EVP_MD *md = i == 2 ? EVP_sha384() : EVP_sha256();
        assert_int_equal(ERR_UNAUTHORIZED,
                         s_verify(auth, s_forge(header, PAYLOAD, md, key.public_pem.bytes, key.public_pem.len)));
    }
    token_signer_destroy(&signer);
    auth_destroy(&auth);
}

/* ---- ES256: libcrypto on the edge, libjwt in accounts ------------------------------------------------------------------------ */

/* What libjwt says of it, with the same key. */
static bool s_libjwt_takes(const struct rec_token_key *key, const char *token)
{
    jwt_t *jwt = NULL;
    if (jwt_decode(&jwt, token, key->public_pem.bytes, (int)key->public_pem.len) != 0)
        return false;
    bool taken = jwt_get_alg(jwt) == JWT_ALG_ES256;
    jwt_free(jwt);
    return taken;
}

struct es256 { /* a key whose private half is at hand */
    auth_t *auth;
    EVP_PKEY *pair;
    char pem[LIM_PEM_BYTES_MAX];
    struct rec_token_key key;
};

static void s_public_pem(EVP_PKEY *pair, char pem_out[LIM_PEM_BYTES_MAX])
{
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(1, PEM_write_bio_PUBKEY(bio, pair));
    int len = BIO_read(bio, pem_out, LIM_PEM_BYTES_MAX - 1);
    assert_true(len > 0);
    pem_out[len] = '\0';
    BIO_free(bio);
}

static void s_es256_init(struct es256 *self)
{
    self->auth = s_new(NULL);
    self->pair = EVP_EC_gen("P-256");
    assert_non_null(self->pair);
    s_public_pem(self->pair, self->pem);
    self->key = (struct rec_token_key){.kid = view_of_text("k"), .algorithm = 1, .public_pem = view_of_text(self->pem)};
    assert_int_equal(1, s_give_key(self->auth, &self->key));
}

static void s_es256_fini(struct es256 *self)
{
    EVP_PKEY_free(self->pair);
    auth_destroy(&self->auth);
}

#define ES256_HEADER "{\"alg\":\"ES256\",\"kid\":\"k\",\"typ\":\"JWT\"}"

/* The good token of header and payload, and its signature: DER as libcrypto makes it, and r and s. */
static void s_es256_sign(const struct es256 *self, const char *header, const char *payload, char token_out[4096],
                         uint8_t raw_out[64], uint8_t der_out[80], size_t *der_len_out)
{
    token_out[0] = '\0';
    s_append_base64url(token_out, header, strlen(header));
    strncat(token_out, ".", 2);
    s_append_base64url(token_out, payload, strlen(payload));
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    *der_len_out = 80;
    assert_int_equal(1, EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, self->pair));
    assert_int_equal(1, EVP_DigestSign(context, der_out, der_len_out, (const uint8_t *)token_out, strlen(token_out)));
    EVP_MD_CTX_free(context);
    const uint8_t *at = der_out;
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &at, (long)*der_len_out);
    assert_non_null(signature);
    assert_int_equal(32, BN_bn2binpad(ECDSA_SIG_get0_r(signature), raw_out, 32));
    assert_int_equal(32, BN_bn2binpad(ECDSA_SIG_get0_s(signature), raw_out + 32, 32));
    ECDSA_SIG_free(signature);
    strncat(token_out, ".", 2);
    s_append_base64url(token_out, raw_out, 64);
}

/* The token with these bytes as its signature. */
static const char *s_resigned(const char *token, const uint8_t *signature, size_t len)
{
    static char changed[4096];
    snprintf(changed, sizeof changed, "%s", token);
    strrchr(changed, '.')[1] = '\0';
    s_append_base64url(changed, signature, len);
    return changed;
}

/* Numbers that begin with zeros are shorter in DER, which is where a conversion goes wrong: one signature in 128. */
static void test_es256_signature_may_begin_with_zeros(void **state)
{
    (void)state;
    struct es256 es;
    char token[4096], payload[512];
    uint8_t raw[64], der[80];
    size_t der_len;
    s_es256_init(&es);
    bool short_r = false, short_s = false, long_both = false;
    for (int i = 0; i < 5000 && !(short_r && short_s && long_both); i++) {
        snprintf(payload, sizeof payload, "%*s%s", i % 64, "", PAYLOAD);
        s_es256_sign(&es, ES256_HEADER, payload, token, raw, der, &der_len);
        assert_int_equal(ERR_OK, s_verify(es.auth, token));
        bool news = (raw[0] == 0 && !short_r) || (raw[32] == 0 && !short_s);
        short_r |= raw[0] == 0;
        short_s |= raw[32] == 0;
        long_both |= raw[0] >= 128 && raw[32] >= 128;
        if (news || i < 20)
            assert_true(s_libjwt_takes(&es.key, token));
    }
    assert_true(short_r && short_s && long_both);
    s_es256_fini(&es);
}

static void test_es256_token_changed_anywhere_is_refused_here_and_by_libjwt(void **state)
{
    (void)state;
    auth_t *auth = s_new(NULL);
    token_signer_t *signer = s_signer(NULL);
    struct rec_token_key key = token_signer_key(signer);
    assert_int_equal(1, s_give_key(auth, &key));
    buffer_t signed_token;
    s_sign(signer, &signed_token);
    char token[1024];
    snprintf(token, sizeof token, "%.*s", (int)buffer_view(&signed_token).len, (const char *)buffer_view(&signed_token).bytes);
    assert_true(s_libjwt_takes(&key, token));
    assert_int_equal(ERR_OK, s_verify(auth, token));
    size_t len = strlen(token);
    for (size_t i = 0; i < len; i++) {
        char kept = token[i];
        token[i] = kept == 'A' ? 'B' : 'A';
        assert_int_equal(ERR_UNAUTHORIZED, s_verify(auth, token));
        if (i % 4 == 0 && i + 1 < len)
            assert_false(s_libjwt_takes(&key, token));
        token[i] = kept;
    }
    token[len - 1]++; /* holds four bits that mean nothing: libjwt takes any, we only zeros */
    assert_true(s_libjwt_takes(&key, token));
    assert_int_equal(ERR_UNAUTHORIZED, s_verify(auth, token));
    token[len - 1]--;
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(ERR_UNAUTHORIZED, s_verify(auth, s_resigned(token, (const uint8_t *)token, cut % 64)));
    assert_int_equal(ERR_OK, s_verify(auth, token));
    buffer_fini(&signed_token);
    token_signer_destroy(&signer);
    auth_destroy(&auth);
}

static void test_what_is_no_es256_signature_is_refused(void **state)
{
    (void)state;
    static const uint8_t order[32] = {0xff, 0xff, 0xff, 0xff, 0,    0,    0,    0,    0xff, 0xff, 0xff,
                                      0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
                                      0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};
    struct es256 es;
    char token[4096];
    uint8_t raw[64], der[80], odd[129] = {0};
    size_t der_len;
    s_es256_init(&es);
    s_es256_sign(&es, ES256_HEADER, PAYLOAD, token, raw, der, &der_len);
#define REFUSED(bytes, len) assert_int_equal(ERR_UNAUTHORIZED, s_verify(es.auth, s_resigned(token, bytes, len)))
    REFUSED(odd, 64); /* zeros: good for any text where nobody looks */
    REFUSED(der, der_len);
    REFUSED(raw, 63);
    memcpy(odd, raw, 64);
    REFUSED(odd, 65);
    REFUSED(odd, 128);
    memset(odd, 0, 32); /* r = 0 */
    REFUSED(odd, 64);
    memcpy(odd, order, 32); /* r = n */
    REFUSED(odd, 64);
    memcpy(odd, raw, 32);
    memcpy(odd + 32, order, 32); /* s = n */
    REFUSED(odd, 64);
    memset(odd + 32, 0, 32); /* s = 0 */
    REFUSED(odd, 64);
    memcpy(odd, raw + 32, 32); /* s, r */
    memcpy(odd + 32, raw, 32);
    REFUSED(odd, 64);
#undef REFUSED
    assert_int_equal(ERR_OK, s_verify(es.auth, token));
    s_es256_sign(&es, "{\"alg\":\"HS256\",\"kid\":\"k\",\"typ\":\"JWT\"}", PAYLOAD, token, raw, der, &der_len);
    assert_int_equal(ERR_UNAUTHORIZED, s_verify(es.auth, token)); /* well signed, but says it is something else */
    s_es256_fini(&es);
}

static void test_public_keys_of_other_kinds_are_left_out(void **state)
{
    (void)state;
    struct es256 es;
    char pem[LIM_PEM_BYTES_MAX], text[LIM_PEM_BYTES_MAX + 16];
    EVP_PKEY *const others[] = {EVP_EC_gen("P-384"), EVP_EC_gen("secp256k1"), EVP_RSA_gen(2048),
                                EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")};
    s_es256_init(&es);
    struct rec_token_key key = es.key;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_non_null(others[i]);
        s_public_pem(others[i], pem);
        key.public_pem = view_of_text(pem);
        assert_int_equal(0, s_give_key(es.auth, &key));
        EVP_PKEY_free(others[i]);
    }
    snprintf(text, sizeof text, "x\n%s", es.pem);
    key.public_pem = view_of_text(text);
    assert_int_equal(0, s_give_key(es.auth, &key));
    key.public_pem = view_of(es.pem, strlen(es.pem) / 2);
    assert_int_equal(0, s_give_key(es.auth, &key));
    assert_int_equal(1, s_give_key(es.auth, &es.key));
    s_es256_fini(&es);
}

static void test_another_hash_under_the_right_secret_is_refused(void **state)
{
    (void)state;
    auth_t *auth = s_new(SECRET);
    assert_int_equal(ERR_UNAUTHORIZED,
                     s_verify(auth, s_forge("{\"alg\":\"HS512\",\"kid\":\"jwt-secret\",\"typ\":\"JWT\"}", PAYLOAD,
                                            EVP_sha512(), SECRET, strlen(SECRET))));
    assert_int_equal(ERR_UNAUTHORIZED,
                     s_verify(auth, s_hs256("{\"alg\":\"hs256\",\"kid\":\"jwt-secret\",\"typ\":\"JWT\"}", PAYLOAD)));
    assert_int_equal(ERR_UNAUTHORIZED, s_verify(auth, s_forge(HEADER, PAYLOAD, EVP_sha256(), SECRET "x", sizeof SECRET)));
    auth_destroy(&auth);
}

static void test_short_secret_is_refused(void **state)
{
    (void)state;
    assert_null(auth_new("x"));
    assert_null(auth_new("0123456789012345678901234567890")); /* 31 */
    auth_t *auth = auth_new("01234567890123456789012345678901");
    assert_non_null(auth);
    auth_destroy(&auth);
}

static void test_without_a_key_nobody_passes(void **state)
{
    (void)state;
    auth_t *auth = s_new(NULL);
    assert_int_equal(ERR_UNAVAILABLE, s_verify(auth, s_hs256(HEADER, PAYLOAD))); /* no key was read yet */
    /* Records without a usable key: of HS256, without kid, without PEM, with a private one. */
    struct rec_token_key keys[] = {
        {.kid = view_of_text("jwt-secret"), .algorithm = 2, .public_pem = view_of_text(SECRET)},
        {.kid = view_of_text("jwt-secret"), .algorithm = 0, .public_pem = view_of_text("-----BEGIN PUBLIC KEY-----\nxxxxxxxx")},
        {.kid = view_of_text(""), .algorithm = 1, .public_pem = view_of_text("-----BEGIN PUBLIC KEY-----\nxxxxxxxx")},
        {.kid = view_of_text("jwt-secret"), .algorithm = 1, .public_pem = view_of_text("")},
        {.kid = view_of_text("jwt-secret"), .algorithm = 1, .public_pem = view_of_text("-----BEGIN PRIVATE KEY-----\nxxxxxxxx")},
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        assert_int_equal(0, s_give_key(auth, &keys[i]));
        assert_int_equal(ERR_UNAUTHORIZED, s_verify(auth, s_hs256(HEADER, PAYLOAD)));
    }
    auth_destroy(&auth);
}

static void test_with_a_secret_no_public_key_counts(void **state)
{
    (void)state;
    auth_t *auth = s_new(SECRET);
    token_signer_t *signer = s_signer(NULL);
    struct rec_token_key key = token_signer_key(signer);
    struct auth_identity identity;
    buffer_t token;
    s_sign(signer, &token);
    assert_int_equal(1, s_give_key(auth, &key));
    assert_int_equal(ERR_UNAUTHORIZED, auth_verify(auth, buffer_view(&token), NOW_MS, UTC_MS, &identity));
    assert_int_equal(ERR_OK, s_verify(auth, s_hs256(HEADER, PAYLOAD)));
    buffer_fini(&token);
    token_signer_destroy(&signer);
    auth_destroy(&auth);
}

static void test_a_token_newer_than_the_keys_is_for_later_and_then_judged(void **state)
{
    (void)state;
    token_signer_t *old = s_signer(NULL), *fresh = s_signer(NULL);
    auth_t *auth = s_new(NULL);
    struct rec_token_key key = token_signer_key(old);
    list_writer_t keys;
    buffer_t token;
    struct auth_identity identity;
    list_writer_init(&keys, 4096);
    rec_token_key_append(&keys, &key);
    s_sign(fresh, &token); /* made at UTC_MS */
    auth_keys_set(auth, list_of(&keys), UTC_MS - 1000);
    assert_int_equal(ERR_UNAVAILABLE, auth_verify(auth, buffer_view(&token), NOW_MS, UTC_MS, &identity));
    assert_true(auth_keys_wanted(auth, 5000));
    auth_keys_set(auth, list_of(&keys), UTC_MS + 3000); /* still not among them */
    assert_int_equal(ERR_UNAUTHORIZED, auth_verify(auth, buffer_view(&token), NOW_MS, UTC_MS, &identity));
    list_writer_clear(&keys);
    key = token_signer_key(fresh);
    rec_token_key_append(&keys, &key);
    auth_keys_set(auth, list_of(&keys), UTC_MS + 4000);
    assert_int_equal(ERR_OK, auth_verify(auth, buffer_view(&token), NOW_MS, UTC_MS, &identity));
    buffer_fini(&token);
    list_writer_fini(&keys);
    auth_destroy(&auth);
    token_signer_destroy(&old);
    token_signer_destroy(&fresh);
}

static void test_keys_are_wanted_when_unknown_but_not_often(void **state)
{
    (void)state;
    auth_t *auth = s_new(NULL);
    assert_true(auth_keys_wanted(auth, NOW_MS));
    assert_false(auth_keys_wanted(auth, NOW_MS + 999));
    assert_true(auth_keys_wanted(auth, NOW_MS + 1000));
    token_signer_t *signer = s_signer(NULL);
    struct rec_token_key key = token_signer_key(signer);
    assert_int_equal(1, s_give_key(auth, &key));
    assert_false(auth_keys_wanted(auth, NOW_MS + 9000));
    assert_int_equal(ERR_UNAUTHORIZED, s_verify(auth, s_hs256(HEADER, PAYLOAD))); /* another kid */
    assert_true(auth_keys_wanted(auth, NOW_MS + 9000));
    assert_false(auth_keys_wanted(auth, NOW_MS + 99000));
    token_signer_destroy(&signer);
    auth_destroy(&auth);
    auth = s_new(SECRET);
    assert_int_equal(ERR_UNAUTHORIZED, s_verify(auth, s_hs256("{\"alg\":\"HS256\",\"kid\":\"x\",\"typ\":\"JWT\"}", PAYLOAD)));
    assert_false(auth_keys_wanted(auth, NOW_MS));
    auth_destroy(&auth);
}

/* ---- headers ---------------------------------------------------------------------------------------------------------------- */

static void test_unfamiliar_header_is_refused(void **state)
{
    (void)state;
    auth_t *auth = s_new(SECRET);
    static const char *const headers[] = {
        "{\"alg\":\"HS256\",\"kid\":\"jwt-secret\"}",
        "{\"alg\":\"HS256\",\"typ\":\"JWT\"}",
        "{\"kid\":\"jwt-secret\",\"typ\":\"JWT\"}",
        "{\"alg\":\"HS256\",\"kid\":\"jwt-secre\",\"typ\":\"JWT\"}",
        "{\"alg\":\"HS256\",\"kid\":\"jwt-secret2\",\"typ\":\"JWT\"}",
        "{\"alg\":\"HS256\",\"kid\":7,\"typ\":\"JWT\"}",
        "{\"alg\":\"HS256\",\"kid\":\"jwt-secret\",\"typ\":\"at+jwt\"}",
        "{\"alg\":\"HS256\",\"kid\":\"jwt-secret\",\"typ\":\"JWE\"}",
        "{\"alg\":[\"HS256\"],\"kid\":\"jwt-secret\",\"typ\":\"JWT\"}",
        "{\"alg\":\"HS256\",\"kid\":\"jwt-secret\",\"typ\":\"JWT\",\"jku\":\"https://e.example/k\"}",
        "{\"alg\":\"HS256\",\"kid\":\"jwt-secret\",\"typ\":\"JWT\",\"x5u\":\"https://e.example/k\"}",
        "{\"alg\":\"HS256\",\"kid\":\"jwt-secret\",\"typ\":\"JWT\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AA\"}}",
        "{\"alg\":\"HS256\",\"kid\":\"jwt-secret\",\"typ\":\"JWT\",\"crit\":[\"exp\"]}",
        "{\"alg\":\"HS256\",\"kid\":\"jwt-secret\",\"jku\":\"JWT\"}",
        "{\"alg\":\"none\",\"alg\":\"HS256\",\"kid\":\"jwt-secret\",\"typ\":\"JWT\"}",
        "{\"alg\":\"HS256\",\"kid\":\"x\",\"kid\":\"jwt-secret\",\"typ\":\"JWT\"}",
        "[\"HS256\",\"jwt-secret\",\"JWT\"]",
        "\"HS256\"",
        "{",
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        assert_int_equal(ERR_UNAUTHORIZED, s_verify(auth, s_hs256(headers[i], PAYLOAD)));
    auth_destroy(&auth);
}

static void test_large_header_is_refused_unread(void **state)
{
    (void)state;
    auth_t *auth = s_new(SECRET);
    char header[1024];
    for (int extra = 0; extra < 2; extra++) { /* filled with spaces up to the bound, and one more */
        size_t len = AUTH_HEADER_BYTES_MAX + (size_t)extra;
        memset(header, ' ', sizeof header);
        memcpy(header, HEADER, strlen(HEADER));
        header[len] = '\0';
        assert_int_equal(extra ? ERR_UNAUTHORIZED : ERR_OK, s_verify(auth, s_hs256(header, PAYLOAD)));
    }
    auth_destroy(&auth);
}

/* ---- form --------------------------------------------------------------------------------------------------------------------- */

static void test_truncated_or_changed_token_is_refused(void **state)
{
    (void)state;
    auth_t *auth = s_new(SECRET);
    char token[1024];
    struct auth_identity identity;
    snprintf(token, sizeof token, "%s", s_hs256(HEADER, PAYLOAD));
    size_t len = strlen(token);
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(ERR_UNAUTHORIZED, auth_verify(auth, view_of(token, cut), NOW_MS, UTC_MS, &identity));
    for (size_t i = 0; i < len; i++) {
        char kept = token[i];
        token[i] = kept == 'A' ? 'B' : 'A';
        assert_int_equal(ERR_UNAUTHORIZED, s_verify(auth, token));
        token[i] = '=';
        assert_int_equal(ERR_UNAUTHORIZED, s_verify(auth, token));
        token[i] = kept;
    }
    token[len - 1]++; /* its last two bits mean nothing, and must be zeros */
    assert_int_equal(ERR_UNAUTHORIZED, s_verify(auth, token));
    token[len - 1]--;
    assert_int_equal(ERR_OK, s_verify(auth, token));
    static const char *const odd[] = {"", ".", "..", "...", "a.b.c", "a..c", " "};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        assert_int_equal(ERR_UNAUTHORIZED, s_verify(auth, odd[i]));
    char with_nul[] = "a.b\0.c";
    assert_int_equal(ERR_UNAUTHORIZED, auth_verify(auth, view_of(with_nul, sizeof with_nul - 1), NOW_MS, UTC_MS, &identity));
    auth_destroy(&auth);
}

static void test_oversize_token_is_refused(void **state)
{
    (void)state;
    auth_t *auth = s_new(SECRET);
    static char payload[8192];
    size_t pad = 0, len = 0;
    for (;;) { /* spaces in the payload until the token passes the bound */
        snprintf(payload, sizeof payload, "%*s%s", (int)pad, "", PAYLOAD);
        const char *token = s_hs256(HEADER, payload);
        len = strlen(token);
        if (len > LIM_TOKEN_BYTES_MAX)
            break;
        if (len > LIM_TOKEN_BYTES_MAX - 4)
            assert_int_equal(ERR_OK, s_verify(auth, token));
        pad += len < LIM_TOKEN_BYTES_MAX - 64 ? 32 : 1;
    }
    assert_true(len <= LIM_TOKEN_BYTES_MAX + 2);
    assert_int_equal(ERR_UNAUTHORIZED, s_verify(auth, s_hs256(HEADER, payload)));
    auth_destroy(&auth);
}

/* ---- claims ------------------------------------------------------------------------------------------------------------------- */

#define GOOD_IDS "\"5\"", "\"7\""
#define GOOD_TIMES "1750000000", "1750000000", "1750000600"
#define R "\"rookery\""
#define T "\"at+jwt\""

static void test_foreign_claims_are_refused(void **state)
{
    (void)state;
    auth_t *auth = s_new(SECRET);
    static const char *const payloads[] = {
        PAYLOAD_OF("\"rooker\"", R, T, GOOD_IDS, GOOD_TIMES),
        PAYLOAD_OF("null", R, T, GOOD_IDS, GOOD_TIMES),
        PAYLOAD_OF(R, "\"other\"", T, GOOD_IDS, GOOD_TIMES),
        PAYLOAD_OF(R, "[\"rookery\"]", T, GOOD_IDS, GOOD_TIMES),
        PAYLOAD_OF(R, R, "\"rt+jwt\"", GOOD_IDS, GOOD_TIMES),
        PAYLOAD_OF(R, R, "1", GOOD_IDS, GOOD_TIMES),
        PAYLOAD_OF(R, R, T, "\"0\"", "\"7\"", GOOD_TIMES),
        PAYLOAD_OF(R, R, T, "\"05\"", "\"7\"", GOOD_TIMES),
        PAYLOAD_OF(R, R, T, "\"-5\"", "\"7\"", GOOD_TIMES),
        PAYLOAD_OF(R, R, T, "\"5 \"", "\"7\"", GOOD_TIMES),
        PAYLOAD_OF(R, R, T, "\"\"", "\"7\"", GOOD_TIMES),
        PAYLOAD_OF(R, R, T, "5", "\"7\"", GOOD_TIMES),
        PAYLOAD_OF(R, R, T, "\"9007199254740992\"", "\"7\"", GOOD_TIMES),
        PAYLOAD_OF(R, R, T, "\"18446744073709551621\"", "\"7\"", GOOD_TIMES),
        PAYLOAD_OF(R, R, T, "\"5\"", "\"0\"", GOOD_TIMES),
        PAYLOAD_OF(R, R, T, "\"5\"", "7", GOOD_TIMES),
        PAYLOAD_OF(R, R, T, "\"5\"", "\"0x7\"", GOOD_TIMES),
        PAYLOAD_OF(R, R, T, GOOD_IDS, "1750000000", "1750000000", "1750000601"),   /* outlives a revocation */
        PAYLOAD_OF(R, R, T, GOOD_IDS, "1750000000", "1750000000", "\"1750000600\""),
        PAYLOAD_OF(R, R, T, GOOD_IDS, "1750000000", "1750000000", "1750000600.5"),
        PAYLOAD_OF(R, R, T, GOOD_IDS, "1750000000", "1750000000", "null"),
        PAYLOAD_OF(R, R, T, GOOD_IDS, "1750000000", "null", "1750000600"),
        PAYLOAD_OF(R, R, T, GOOD_IDS, "null", "1750000000", "1750000600"),
        PAYLOAD_OF(R, R, T, GOOD_IDS, "-9223372036854775807", "1750000000", "9223372036854775807"),
        PAYLOAD_OF(R, R, T, GOOD_IDS, "1750000000", "1750000000", "1750000600,\"sub\":\"6\""), /* doubled */
        "{}",
        "[]",
        "",
    };
    for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++)
        assert_int_equal(ERR_UNAUTHORIZED, s_verify(auth, s_hs256(HEADER, payloads[i])));
    auth_destroy(&auth);
}

static void test_expired_token_is_refused_as_expired(void **state)
{
    (void)state;
    auth_t *auth = s_new(SECRET);
    struct auth_identity identity;
    char token[1024];
    snprintf(token, sizeof token, "%s", s_hs256(HEADER, PAYLOAD));
    int64_t end_ms = UTC_MS + 600000;
    for (int cached = 0; cached < 2; cached++) {
        assert_int_equal(ERR_TOKEN_EXPIRED, auth_verify(auth, view_of_text(token), NOW_MS, end_ms, &identity));
        assert_int_equal(ERR_OK, auth_verify(auth, view_of_text(token), NOW_MS, end_ms - 1, &identity));
    }
    /* Expired and forged is forged. */
    assert_int_equal(ERR_UNAUTHORIZED,
                     auth_verify(auth, view_of_text(s_forge(HEADER, PAYLOAD, EVP_sha256(), "x", 1)), NOW_MS, end_ms, &identity));
    auth_destroy(&auth);
}

static void test_token_of_the_future_is_refused_beyond_the_leeway(void **state)
{
    (void)state;
    auth_t *auth = s_new(SECRET);
    struct auth_identity identity;
    char token[1024];
    snprintf(token, sizeof token, "%s", s_hs256(HEADER, PAYLOAD));
    int64_t first_ms = UTC_MS - AUTH_NOT_BEFORE_LEEWAY_S * 1000;
    assert_int_equal(ERR_UNAUTHORIZED, auth_verify(auth, view_of_text(token), NOW_MS, first_ms - 1, &identity));
    assert_int_equal(ERR_OK, auth_verify(auth, view_of_text(token), NOW_MS, first_ms, &identity));
    /* Issued long ago, valid from later on. */
    snprintf(token, sizeof token, "%s", s_hs256(HEADER, PAYLOAD_OF(R, R, T, GOOD_IDS, "1750000000", "1750000031", "1750000600")));
    assert_int_equal(ERR_UNAUTHORIZED, s_verify(auth, token));
    /* The other way round: no shift of iat may lengthen a life. */
    snprintf(token, sizeof token, "%s", s_hs256(HEADER, PAYLOAD_OF(R, R, T, GOOD_IDS, "1750000031", "1750000000", "1750000600")));
    assert_int_equal(ERR_UNAUTHORIZED, s_verify(auth, token));
    auth_destroy(&auth);
}

/* ---- revocations --------------------------------------------------------------------------------------------------------------- */

static bool s_revoke(auth_t *auth, uint64_t first, size_t count, uint64_t upto, int64_t asked_ms)
{
    list_writer_t ids;
    list_writer_init(&ids, 64 * 1024);
    for (size_t i = 0; i < count; i++) {
        struct rec_id id = {.id = first + i};
        assert_int_equal(ERR_OK, rec_id_append(&ids, &id));
    }
    struct msg_store_revocations msg = {.upto = upto, .sessions = list_of(&ids)};
    bool more = auth_on_revocations(auth, &msg, asked_ms, UTC_MS);
    list_writer_fini(&ids);
    return more;
}

static void test_revoked_session_is_refused_also_when_remembered(void **state)
{
    (void)state;
    auth_t *auth = s_new(SECRET);
    char token[1024];
    snprintf(token, sizeof token, "%s", s_hs256(HEADER, PAYLOAD));
    assert_int_equal(ERR_OK, s_verify(auth, token));
    assert_false(s_revoke(auth, 7, 1, 12, NOW_MS));
    assert_int_equal(12, auth_revocations_after(auth));
    assert_true(auth_is_revoked(auth, 7));
    assert_false(auth_is_revoked(auth, 8));
    assert_int_equal(ERR_TOKEN_REVOKED, s_verify(auth, token));
    assert_int_equal(ERR_OK, s_verify(auth, s_hs256(HEADER, PAYLOAD_OF(R, R, T, "\"5\"", "\"8\"", GOOD_TIMES))));
    auth_destroy(&auth);
}

static void test_first_pull_begins_some_way_before_the_newest(void **state)
{
    (void)state;
    static const uint64_t rows[][2] = {{0, 0}, {1, 0}, {AUTH_REVOKED_FIRST, 0}, {AUTH_REVOKED_FIRST + 1, 1}, {1000000, 967232}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        auth_t *auth = s_begun(SECRET, rows[i][0]);
        assert_int_equal(rows[i][1], auth_revocations_after(auth));
        auth_destroy(&auth);
    }
}

static void test_full_page_asks_again_and_is_not_yet_fresh(void **state)
{
    (void)state;
    auth_t *auth = s_begun(SECRET, 0);
    assert_true(s_revoke(auth, 100, LIM_REVOCATIONS_PAGE_MAX, 512, NOW_MS));
    assert_true(auth_is_stale(auth, NOW_MS));
    assert_int_equal(512, auth_revocations_after(auth));
    assert_false(s_revoke(auth, 900, LIM_REVOCATIONS_PAGE_MAX - 1, 1023, NOW_MS));
    assert_false(auth_is_stale(auth, NOW_MS));
    for (uint64_t i = 0; i < LIM_REVOCATIONS_PAGE_MAX; i++)
        assert_true(auth_is_revoked(auth, 100 + i));
    auth_destroy(&auth);
}

static void test_stale_revocations_let_nobody_in(void **state)
{
    (void)state;
    auth_t *auth = s_begun(SECRET, 0);
    struct auth_identity identity;
    char token[1024];
    snprintf(token, sizeof token, "%s", s_hs256(HEADER, PAYLOAD));
    assert_int_equal(ERR_UNAVAILABLE, s_verify(auth, token)); /* nothing heard yet */
    s_hear(auth, NOW_MS);
    assert_int_equal(ERR_OK, auth_verify(auth, view_of_text(token), NOW_MS + LIM_REVOCATION_STALE_MS, UTC_MS, &identity));
    assert_int_equal(ERR_UNAVAILABLE,
                     auth_verify(auth, view_of_text(token), NOW_MS + LIM_REVOCATION_STALE_MS + 1, UTC_MS, &identity));
    /* A bad token is bad whatever is known of sessions. */
    assert_int_equal(ERR_UNAUTHORIZED, auth_verify(auth, view_of_text("a.b.c"), NOW_MS + 99999, UTC_MS, &identity));
    auth_destroy(&auth);
}

static void test_more_revocations_than_fit_refuse_all_former_tokens(void **state)
{
    (void)state;
    auth_t *auth = s_new(SECRET);
    char old[1024];
    snprintf(old, sizeof old, "%s", s_hs256(HEADER, PAYLOAD));
    assert_int_equal(ERR_OK, s_verify(auth, old));
    uint64_t first = 1000;
    for (; first < 1000 + AUTH_REVOKED_MAX; first += 256)
        s_revoke(auth, first, 256, first, NOW_MS);
    assert_true(auth_is_revoked(auth, 1000));
    assert_int_equal(ERR_OK, s_verify(auth, old));
    s_revoke(auth, first, 1, first, NOW_MS);
    assert_int_equal(ERR_TOKEN_EXPIRED, s_verify(auth, old)); /* to be refreshed, which a revoked session cannot */
    struct auth_identity identity;
    const char *later = s_hs256(HEADER, PAYLOAD_OF(R, R, T, GOOD_IDS, "1750000001", "1750000001", "1750000600"));
    assert_int_equal(ERR_OK, auth_verify(auth, view_of_text(later), NOW_MS, UTC_MS + 1000, &identity));
    auth_destroy(&auth);
}

static void test_expired_revocations_make_room(void **state)
{
    (void)state;
    auth_t *auth = s_new(SECRET);
    char token[1024];
    snprintf(token, sizeof token, "%s", s_hs256(HEADER, PAYLOAD));
    for (uint64_t round = 0; round < 3; round++) {
        list_writer_t ids;
        list_writer_init(&ids, 64 * 1024);
        int64_t utc_ms = UTC_MS + (int64_t)round * 700000; /* longer than a token lives */
        for (uint64_t i = 0; i < AUTH_REVOKED_MAX - 1024; i++) {
            struct rec_id id = {.id = 1 + i + round * AUTH_REVOKED_MAX + 1000};
            list_writer_clear(&ids);
            assert_int_equal(ERR_OK, rec_id_append(&ids, &id));
            struct msg_store_revocations msg = {.upto = i, .sessions = list_of(&ids)};
            auth_on_revocations(auth, &msg, NOW_MS, utc_ms);
        }
        list_writer_fini(&ids);
    }
    assert_int_equal(ERR_OK, s_verify(auth, token)); /* the set never ran over */
    auth_destroy(&auth);
}

static void test_bearer_is_read_strictly(void **state)
{
    (void)state;
    static const struct {
        const char *header, *token;
    } rows[] = {
        {"Bearer a.b.c", "a.b.c"}, {"bearer a.b-_c", "a.b-_c"}, {"BEARER   x  ", "x"}, {"Bearer", ""},
        {"Bearer ", ""},           {"Basic a.b.c", ""},         {"Bearer a b", ""},    {"Bearer a,b", ""},
        {"Bearera.b.c", ""},       {"", ""},                    {"Bearer a=", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        view_t token = auth_bearer(view_of_text(rows[i].header));
        assert_true(view_is_equal(token, view_of_text(rows[i].token)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_es256_token_of_accounts_is_accepted),
        cmocka_unit_test(test_hs256_token_of_accounts_is_accepted),
        cmocka_unit_test(test_token_of_a_given_password_says_so_and_whose_it_is),
        cmocka_unit_test(test_token_made_by_hand_is_accepted),
        cmocka_unit_test(test_unsigned_token_is_refused),
        cmocka_unit_test(test_algorithm_confusion_is_refused),
        cmocka_unit_test(test_es256_signature_may_begin_with_zeros),
        cmocka_unit_test(test_es256_token_changed_anywhere_is_refused_here_and_by_libjwt),
        cmocka_unit_test(test_what_is_no_es256_signature_is_refused),
        cmocka_unit_test(test_public_keys_of_other_kinds_are_left_out),
        cmocka_unit_test(test_another_hash_under_the_right_secret_is_refused),
        cmocka_unit_test(test_short_secret_is_refused),
        cmocka_unit_test(test_without_a_key_nobody_passes),
        cmocka_unit_test(test_with_a_secret_no_public_key_counts),
        cmocka_unit_test(test_a_token_newer_than_the_keys_is_for_later_and_then_judged),
        cmocka_unit_test(test_keys_are_wanted_when_unknown_but_not_often),
        cmocka_unit_test(test_unfamiliar_header_is_refused),
        cmocka_unit_test(test_large_header_is_refused_unread),
        cmocka_unit_test(test_truncated_or_changed_token_is_refused),
        cmocka_unit_test(test_oversize_token_is_refused),
        cmocka_unit_test(test_foreign_claims_are_refused),
        cmocka_unit_test(test_expired_token_is_refused_as_expired),
        cmocka_unit_test(test_token_of_the_future_is_refused_beyond_the_leeway),
        cmocka_unit_test(test_revoked_session_is_refused_also_when_remembered),
        cmocka_unit_test(test_first_pull_begins_some_way_before_the_newest),
        cmocka_unit_test(test_full_page_asks_again_and_is_not_yet_fresh),
        cmocka_unit_test(test_stale_revocations_let_nobody_in),
        cmocka_unit_test(test_more_revocations_than_fit_refuse_all_former_tokens),
        cmocka_unit_test(test_expired_revocations_make_room),
        cmocka_unit_test(test_bearer_is_read_strictly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
