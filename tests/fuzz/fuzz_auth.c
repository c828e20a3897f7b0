/* fuzz_auth — what strangers can send to edge/auth.h, budget_address_of and edge/proxies.h: tokens, headers and payloads
 * under a good signature, signatures under a public key, Authorization, Cookie, Origin and X-Forwarded-For headers, and
 * the options with origins and proxies. The first byte says which. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "edge/auth.h"
#include "edge/budget.h"
#include "edge/proxies.h"

#define SECRET "0123456789abcdef0123456789abcdef"
#define ES256_HEADER "{\"alg\":\"ES256\",\"kid\":\"k\",\"typ\":\"JWT\"}"
#define ES256_PAYLOAD                                                                                                  \
    "{\"adm\":false,\"aud\":\"rookery\",\"exp\":1750000600,\"iat\":1750000000,\"iss\":\"rookery\",\"name\":\"Ann\","      \
    "\"nbf\":1750000000,\"sid\":\"7\",\"sub\":\"5\",\"typ\":\"at+jwt\"}"
static const int64_t NOW_MS = 5000000, UTC_MS = INT64_C(1750000000000);
enum { PART_BYTES_MAX = 6000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static auth_t *s_auth_new(const char *secret)
{
    auth_t *auth = auth_new(secret);
    struct msg_store_revocations none = {.upto = 0};
    while (auth_on_revocations(auth, &none, NOW_MS, UTC_MS))
        ; /* the newest number, then what there is */
    return auth;
}

static auth_t *s_auth(void)
{
    static auth_t *auth;
    if (!auth)
        auth = s_auth_new(SECRET);
    return auth;
}

/* One that knows a public key whose private half nobody has. */
static auth_t *s_auth_es256(void)
{
    static const char pem[] = "-----BEGIN PUBLIC KEY-----\n"
                              "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEF7qFJxakh6U3a6rRkfs+xd8Zjq2X\n"
                              "v8ZJSMDNzwDc+0JYCMmXVbGnDs+HbSI2DPEAUi2LscA2wcJbQiidwLuXGQ==\n"
                              "-----END PUBLIC KEY-----\n";
    static auth_t *auth;
    if (!auth) {
        auth = s_auth_new(NULL);
        struct rec_token_key key = {.kid = view_of_text("k"), .algorithm = 1, .public_pem = view_of_text(pem)};
        list_writer_t keys;
        list_writer_init(&keys, 4096);
        (void)rec_token_key_append(&keys, &key);
        size_t count = auth_keys_set(auth, list_of(&keys), INT64_MAX / 2);
        assert(count == 1);
        list_writer_fini(&keys);
    }
    return auth;
}

static void s_verify(view_t token)
{
    struct auth_identity identity;
    memset(&identity, 0xff, sizeof identity);
    if (auth_verify(s_auth(), token, NOW_MS, UTC_MS, &identity) != ERR_OK)
        return;
    assert(identity.user >= 1 && identity.user <= ID_MAX && identity.session >= 1 && identity.session <= ID_MAX);
    assert(identity.name_len >= 1 && identity.name_len <= LIM_NAME_BYTES_MAX && identity.name[identity.name_len] == 0);
    assert(text_is_clean(view_of(identity.name, identity.name_len)));
    assert(identity.expires_at_ms > UTC_MS);
}

static void s_append(char *text, const void *bytes, size_t len)
{
    char *at = text + strlen(text);
    int written = EVP_EncodeBlock((unsigned char *)at, bytes, (int)len);
    while (written > 0 && at[written - 1] == '=')
        written--;
    at[written] = '\0';
    for (; *at; at++)
        *at = *at == '+' ? '-' : *at == '/' ? '_' : *at;
}

static void s_verify_signed(view_t header, view_t payload)
{
    static char token[PART_BYTES_MAX * 3];
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned mac_len = 0;
    if (header.len + payload.len > PART_BYTES_MAX)
        return;
    token[0] = '\0';
    s_append(token, header.bytes, header.len);
    strncat(token, ".", 2);
    s_append(token, payload.bytes, payload.len);
    HMAC(EVP_sha256(), SECRET, (int)strlen(SECRET), (unsigned char *)token, strlen(token), mac, &mac_len);
    strncat(token, ".", 2);
    s_append(token, mac, mac_len);
    s_verify(view_of(token, strlen(token)));
}

/* No bytes at all are a signature of it, since nobody can make one. */
static void s_signature(view_t bytes)
{
    static char token[PART_BYTES_MAX * 2];
    struct auth_identity identity;
    if (bytes.len > PART_BYTES_MAX)
        return;
    token[0] = '\0';
    s_append(token, ES256_HEADER, strlen(ES256_HEADER));
    strncat(token, ".", 2);
    s_append(token, ES256_PAYLOAD, strlen(ES256_PAYLOAD));
    strncat(token, ".", 2);
    s_append(token, bytes.bytes, bytes.len);
    err_t err = auth_verify(s_auth_es256(), view_of(token, strlen(token)), NOW_MS, UTC_MS, &identity);
    assert(err == ERR_UNAUTHORIZED);
}

static void s_cookie(view_t header)
{
    char text[AUTH_COOKIE_TEXT_MAX];
    view_t value = auth_cookie_find(header);
    if (value.len == 0)
        return;
    size_t len = auth_cookie_format(value, 5, true, text);
    assert(len == strlen(text) && view_is_equal(value, auth_cookie_find(view_of(text, len))));
}

/* Host and Origin, a line each. */
static void s_origin(view_t text)
{
    static const struct auth_origins none = {.count = 0};
    const uint8_t *line = text.len ? memchr(text.bytes, '\n', text.len) : NULL;
    size_t host_len = line ? (size_t)(line - text.bytes) : text.len;
    struct auth_request request = {.host = view_of(text.bytes, host_len), .with_cookie = true};
    auth_origin_t kind;
    if (line)
        request.origin = view_of(line + 1, text.len - host_len - 1);
    (void)auth_cookie_is_secure(false, request.host);
    if (auth_origin_check(&none, &request, &kind) == ERR_OK)
        assert(kind == AUTH_ORIGIN_OWN && request.origin.len > 0 && request.host.len > 0);
}

static void s_origins(view_t text)
{
    struct auth_origins origins;
    char *copy = malloc(text.len + 1);
    if (!copy)
        return;
    memcpy(copy, text.bytes, text.len);
    copy[text.len] = '\0';
    err_t err = auth_origins_read(&origins, copy);
    assert(err == ERR_OK || err == ERR_OUT_OF_RANGE);
    for (size_t i = 0; i < origins.count && !err; i++) { /* what is listed is let in */
        struct auth_request request = {.origin = view_of_text(origins.origins[i]), .with_cookie = true};
        auth_origin_t kind;
        err = auth_origin_check(&origins, &request, &kind);
        assert(!err && kind == AUTH_ORIGIN_LISTED);
    }
    free(copy);
}

/* The list of proxies; whoever is in it is known by the address that is printed of it. */
static void s_proxies(view_t text)
{
    struct proxies proxies;
    char *copy = malloc(text.len + 1), printed[ADDRESS_PRINTED_MAX];
    if (!copy)
        return;
    memcpy(copy, text.bytes, text.len);
    copy[text.len] = '\0';
    err_t err = proxies_read(&proxies, copy);
    assert(err == ERR_OK || err == ERR_OUT_OF_RANGE);
    assert(proxies.count <= PROXIES_MAX);
    for (size_t i = 0; i < proxies.count && !err; i++) {
        address_text(&proxies.addresses[i], printed);
        assert(printed[0] && proxies_have(&proxies, view_of_text(printed)));
    }
    (void)proxies_have(&proxies, text);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char header[] = "{\"alg\":\"HS256\",\"kid\":\"jwt-secret\",\"typ\":\"JWT\"}";
    static const char payload[] =
        "{\"adm\":false,\"aud\":\"rookery\",\"exp\":1750000600,\"iat\":1750000000,\"iss\":\"rookery\",\"name\":\"Ann\","
        "\"nbf\":1750000000,\"sid\":\"7\",\"sub\":\"5\",\"typ\":\"at+jwt\"}";
    if (size == 0)
        return 0;
    view_t input = view_of(data + 1, size - 1);
    switch (data[0]) {
    case 't': s_verify(input); break;
    case 'h': s_verify_signed(input, view_of_text(payload)); break;
    case 'p': s_verify_signed(view_of_text(header), input); break;
    case 'e': s_signature(input); break;
    case 'b': s_verify(auth_bearer(input)); break;
    case 'c': s_cookie(input); break;
    case 'o': s_origin(input); break;
    case 'l': s_origins(input); break;
    case 'a': (void)budget_address_of(input); break;
    case 'x': s_proxies(input); break;
    default: break;
    }
    return 0;
}
