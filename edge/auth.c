#include "edge/auth.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>
#include <jwt.h>

#include "edge/auth_revoked.h"

enum {
    ALGORITHM_ES256 = 1, /* rec_token_key.algorithm */
    KID_BYTES_MAX = 32,
    HEADER_TEXT_MAX = (AUTH_HEADER_BYTES_MAX * 4 + 2) / 3,
    KEYS_WANTED_MS = 1000,
    CACHE_SIZE = 16384, /* tokens; 3.3 MB when all are in use */
};

/* Of actors/token.c. */
static const char SECRET_KID[] = "jwt-secret";

/* One algorithm for each key, whatever a token says: RFC 8725, 3.1. */
struct key {
    jwt_alg_t alg;
    const char *alg_name;
    char kid[KID_BYTES_MAX + 1];
    uint8_t *bytes;
    size_t len;
};

/* A token that was verified. ES256 costs 0.5 ms in libjwt, which reads the key's PEM each time; HS256 10 µs. A page
 * sends the same token with each request, and a browser the same again when its socket was cut. */
struct verified {
    uint8_t mac[MAC_BYTES]; /* keyed, of the whole token */
    struct auth_identity identity; /* user 0: free */
    int64_t issued_s;
};

struct auth {
    bool secret_only;
    struct key keys[LIM_KEYS_MAX];
    size_t key_count;
    bool unknown_kid; /* a token named one since auth_keys_wanted said so */
    int64_t keys_wanted_ms;
    struct auth_revoked revoked;
    uint64_t revoked_upto; /* number of the last revocation heard of; ID_MAX: none, tell the newest */
    bool heard; /* of revocations, completely */
    int64_t heard_ms;
    uint8_t cache_key[KEY_BYTES];
    struct verified *cache;
};

/* ---- keys -------------------------------------------------------------------------------------------------------- */

static void s_key_fini(struct key *key)
{
    if (key->bytes)
        explicit_bzero(key->bytes, key->len);
    free(key->bytes);
    *key = (struct key){.bytes = NULL};
}

static bool s_key_init(struct key *key, jwt_alg_t alg, view_t kid, view_t bytes)
{
    if (kid.len == 0 || kid.len > KID_BYTES_MAX || bytes.len == 0)
        return false;
    *key = (struct key){.alg = alg, .alg_name = alg == JWT_ALG_ES256 ? "ES256" : "HS256", .len = bytes.len};
    key->bytes = malloc(bytes.len);
    if (!key->bytes)
        return false;
    memcpy(key->bytes, bytes.bytes, bytes.len);
    memcpy(key->kid, kid.bytes, kid.len);
    return true;
}

auth_t *auth_new(const char *jwt_secret)
{
    bool secret = jwt_secret && *jwt_secret;
    if (secret && strlen(jwt_secret) < AUTH_SECRET_BYTES_MIN)
        return NULL;
    auth_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->secret_only = secret;
    self->revoked_upto = ID_MAX;
    self->keys_wanted_ms = INT64_MIN;
    for (size_t i = 0; i < sizeof self->cache_key; i++)
        self->cache_key[i] = (uint8_t)id_random();
    self->cache = calloc(CACHE_SIZE, sizeof *self->cache);
    bool ok = self->cache != NULL;
    if (ok && secret) {
        ok = s_key_init(&self->keys[0], JWT_ALG_HS256, view_of_text(SECRET_KID), view_of_text(jwt_secret));
        self->key_count = ok;
    }
    if (!ok)
        auth_destroy(&self);
    return self;
}

void auth_destroy(auth_t **self_p)
{
    assert(self_p);
    auth_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->key_count; i++)
        s_key_fini(&self->keys[i]);
    auth_revoked_fini(&self->revoked);
    free(self->cache);
    free(self);
    *self_p = NULL;
}

static bool s_is_public_pem(view_t pem)
{
    static const char begin[] = "-----BEGIN PUBLIC KEY-----\n";
    return pem.len > sizeof begin && memcmp(pem.bytes, begin, sizeof begin - 1) == 0;
}

static bool s_is_same_key(const struct key *a, const struct key *b)
{
    return strcmp(a->kid, b->kid) == 0 && view_is_equal(view_of(a->bytes, a->len), view_of(b->bytes, b->len));
}

size_t auth_keys_set(auth_t *self, list_t keys)
{
    if (self->secret_only)
        return self->key_count;
    struct key fresh[LIM_KEYS_MAX];
    size_t count = 0, same = 0;
    struct rec_token_key record;
    while (count < LIM_KEYS_MAX && rec_token_key_next(&keys, &record)) {
        if (record.algorithm != ALGORITHM_ES256 || !s_is_public_pem(record.public_pem) ||
            !s_key_init(&fresh[count], JWT_ALG_ES256, record.kid, record.public_pem))
            continue;
        same += count < self->key_count && s_is_same_key(&fresh[count], &self->keys[count]);
        count++;
    }
    /* Only when a key is gone or new: strangers can have the keys fetched each second by naming unknown ones. */
    if (same != count || count != self->key_count)
        memset(self->cache, 0, CACHE_SIZE * sizeof *self->cache);
    for (size_t i = 0; i < self->key_count; i++)
        s_key_fini(&self->keys[i]);
    memcpy(self->keys, fresh, count * sizeof fresh[0]);
    self->key_count = count;
    return count;
}

bool auth_keys_wanted(auth_t *self, int64_t now_ms)
{
    if (self->secret_only || (self->key_count > 0 && !self->unknown_kid))
        return false;
    if (self->keys_wanted_ms != INT64_MIN && now_ms - self->keys_wanted_ms < KEYS_WANTED_MS)
        return false;
    self->keys_wanted_ms = now_ms;
    self->unknown_kid = false;
    return true;
}

/* ---- a token's parts ----------------------------------------------------------------------------------------------- */

static int s_base64url_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

/* One JSON object in base64url, without padding and with no bit left over; doubled members are refused. The text
 * was checked to be base64url. NULL: not so. */
static json_t *s_parse_part(view_t text)
{
    uint8_t bytes[LIM_TOKEN_BYTES_MAX];
    size_t len = 0;
    uint32_t bits = 0;
    int count = 0;
    for (size_t i = 0; i < text.len; i++) {
        bits = bits << 6 | (uint32_t)s_base64url_value(text.bytes[i]);
        count += 6;
        if (count >= 8) {
            count -= 8;
            bytes[len++] = (uint8_t)(bits >> count);
        }
    }
    if (count == 6 || (bits & ((1u << count) - 1)) != 0)
        return NULL;
    json_t *json = json_loadb((const char *)bytes, len, JSON_REJECT_DUPLICATES, NULL);
    if (json && json_is_object(json))
        return json;
    json_decref(json);
    return NULL;
}

struct parts {
    view_t header, payload, signature;
};

/* Exactly three parts of base64url, none empty. */
static bool s_split(view_t token, struct parts *parts_out)
{
    view_t part[3] = {{.bytes = token.bytes}};
    size_t dots = 0;
    for (size_t i = 0; i < token.len; i++) {
        if (token.bytes[i] == '.') {
            if (++dots == 3)
                return false;
            part[dots].bytes = token.bytes + i + 1;
        } else if (s_base64url_value(token.bytes[i]) < 0) {
            return false;
        } else {
            part[dots].len++;
        }
    }
    *parts_out = (struct parts){part[0], part[1], part[2]};
    return dots == 2 && part[0].len && part[1].len && part[2].len && part[0].len <= HEADER_TEXT_MAX;
}

static bool s_has_text(const json_t *object, const char *member, const char *text)
{
    const json_t *value = json_object_get(object, member);
    return json_is_string(value) && json_string_length(value) == strlen(text) &&
           strcmp(json_string_value(value), text) == 0;
}

/* The key that the header names, if the header is one that accounts writes: {"alg","kid","typ"} and nothing else, so
 * no jku, x5u, jwk or crit; alg is compared by its exact name, which libjwt does not. */
static const struct key *s_find_key(auth_t *self, view_t header_text)
{
    json_t *header = s_parse_part(header_text);
    const struct key *found = NULL;
    if (!header)
        return NULL;
    if (json_object_size(header) != 3 || !s_has_text(header, "typ", "JWT"))
        goto cleanup;
    for (size_t i = 0; i < self->key_count && !found; i++)
        if (s_has_text(header, "kid", self->keys[i].kid))
            found = &self->keys[i];
    if (!found)
        self->unknown_kid = true;
    else if (!s_has_text(header, "alg", found->alg_name))
        found = NULL;
cleanup:
    json_decref(header);
    return found;
}

/* libjwt checks the signature only; with no key it would check nothing at all. */
static bool s_is_signed(const struct key *key, view_t token)
{
    assert(key->bytes && key->len > 0 && key->alg != JWT_ALG_NONE);
    char text[LIM_TOKEN_BYTES_MAX + 1];
    memcpy(text, token.bytes, token.len);
    text[token.len] = '\0';
    jwt_t *jwt = NULL;
    if (jwt_decode(&jwt, text, key->bytes, (int)key->len) != 0)
        return false;
    bool same = jwt_get_alg(jwt) == key->alg;
    jwt_free(jwt);
    return same;
}

/* ---- claims -------------------------------------------------------------------------------------------------------- */

/* "1" … ID_MAX in decimal, without sign, space or leading zero. */
static uint64_t s_id(const json_t *claims, const char *member)
{
    const json_t *value = json_object_get(claims, member);
    if (!json_is_string(value) || json_string_length(value) > 16)
        return 0;
    const char *text = json_string_value(value);
    if (strlen(text) != json_string_length(value) || *text == '0')
        return 0;
    uint64_t id = 0;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return 0;
        id = id * 10 + (uint64_t)(*text - '0');
    }
    return id <= ID_MAX ? id : 0;
}

static bool s_time(const json_t *claims, const char *member, int64_t *seconds_out)
{
    const json_t *value = json_object_get(claims, member);
    if (!json_is_integer(value))
        return false;
    *seconds_out = json_integer_value(value);
    return *seconds_out > 0 && *seconds_out < INT64_C(1) << 40; /* no overflow in what follows */
}

static bool s_read_identity(const json_t *claims, struct auth_identity *out)
{
    const json_t *name = json_object_get(claims, "name"), *admin = json_object_get(claims, "adm");
    *out = (struct auth_identity){.user = s_id(claims, "sub"), .session = s_id(claims, "sid")};
    if (!out->user || !out->session || !json_is_string(name) || !json_is_boolean(admin))
        return false;
    out->admin = json_is_true(admin);
    out->name_len = json_string_length(name);
    if (out->name_len == 0 || out->name_len > LIM_NAME_BYTES_MAX)
        return false;
    memcpy(out->name, json_string_value(name), out->name_len);
    return text_is_clean(view_of(out->name, out->name_len));
}

static err_t s_check_claims(const json_t *claims, int64_t now_s, struct verified *out)
{
    int64_t issued_s, not_before_s, expires_s;
    if (!s_has_text(claims, "iss", "rookery") || !s_has_text(claims, "aud", "rookery") ||
        !s_has_text(claims, "typ", "at+jwt"))
        return ERR_UNAUTHORIZED;
    if (!s_time(claims, "iat", &issued_s) || !s_time(claims, "nbf", &not_before_s) ||
        !s_time(claims, "exp", &expires_s) || !s_read_identity(claims, &out->identity))
        return ERR_UNAUTHORIZED;
    /* A longer life would outlast the revocation of its session. */
    if (expires_s - issued_s > LIM_ACCESS_TOKEN_S || not_before_s > now_s + AUTH_NOT_BEFORE_LEEWAY_S ||
        issued_s > now_s + AUTH_NOT_BEFORE_LEEWAY_S)
        return ERR_UNAUTHORIZED;
    out->issued_s = issued_s;
    out->identity.expires_at_ms = expires_s * 1000;
    return ERR_OK;
}

/* All but whether it has expired, which is asked anew each time. */
static err_t s_verify(auth_t *self, view_t token, int64_t utc_ms, struct verified *out)
{
    struct parts parts;
    if (!s_split(token, &parts))
        return ERR_UNAUTHORIZED;
    const struct key *key = s_find_key(self, parts.header);
    if (!key || !s_is_signed(key, token))
        return ERR_UNAUTHORIZED;
    json_t *claims = s_parse_part(parts.payload);
    if (!claims)
        return ERR_UNAUTHORIZED;
    err_t err = s_check_claims(claims, utc_ms / 1000, out);
    json_decref(claims);
    return err;
}

/* ---- verify ---------------------------------------------------------------------------------------------------------- */

static err_t s_verify_cached(auth_t *self, view_t token, int64_t utc_ms, const struct verified **out)
{
    uint8_t mac[MAC_BYTES];
    id_mac(self->cache_key, 0, 0, token.bytes, token.len, mac);
    struct verified *place = &self->cache[(mac[0] | (size_t)mac[1] << 8) % CACHE_SIZE];
    if (place->identity.user == 0 || memcmp(place->mac, mac, sizeof mac) != 0) {
        struct verified fresh;
        err_t err = s_verify(self, token, utc_ms, &fresh);
        if (err)
            return err;
        memcpy(fresh.mac, mac, sizeof mac);
        *place = fresh;
    }
    *out = place;
    return utc_ms < place->identity.expires_at_ms ? ERR_OK : ERR_TOKEN_EXPIRED;
}

err_t auth_verify(auth_t *self, view_t token, int64_t now_ms, int64_t utc_ms, struct auth_identity *identity_out)
{
    const struct verified *verified;
    if (token.len == 0 || token.len > LIM_TOKEN_BYTES_MAX)
        return ERR_UNAUTHORIZED;
    err_t err = s_verify_cached(self, token, utc_ms, &verified);
    if (err)
        return err;
    if (auth_revoked_has(&self->revoked, verified->identity.session))
        return ERR_TOKEN_REVOKED;
    if (verified->issued_s <= self->revoked.issued_after_s)
        return ERR_TOKEN_EXPIRED;
    if (auth_is_stale(self, now_ms))
        return ERR_UNAVAILABLE;
    *identity_out = verified->identity;
    return ERR_OK;
}

view_t auth_bearer(view_t header)
{
    static const char scheme[] = "bearer ";
    const size_t scheme_len = sizeof scheme - 1;
    if (header.len <= scheme_len || strncasecmp((const char *)header.bytes, scheme, scheme_len) != 0)
        return view_of(NULL, 0);
    view_t token = view_of(header.bytes + scheme_len, header.len - scheme_len);
    for (; token.len && token.bytes[0] == ' '; token.len--)
        token.bytes++;
    while (token.len && token.bytes[token.len - 1] == ' ')
        token.len--;
    for (size_t i = 0; i < token.len; i++)
        if (token.bytes[i] != '.' && s_base64url_value(token.bytes[i]) < 0)
            return view_of(NULL, 0);
    return token.len <= LIM_TOKEN_BYTES_MAX ? token : view_of(NULL, 0);
}

/* ---- revocations ------------------------------------------------------------------------------------------------------- */

uint64_t auth_revocations_after(const auth_t *self)
{
    return self->revoked_upto;
}

bool auth_on_revocations(auth_t *self, const struct msg_store_revocations *answer, int64_t asked_ms, int64_t utc_ms)
{
    list_t sessions = answer->sessions;
    struct rec_id session;
    if (self->revoked_upto == ID_MAX) {
        self->revoked_upto = answer->upto > AUTH_REVOKED_FIRST ? answer->upto - AUTH_REVOKED_FIRST : 0;
        return true;
    }
    while (rec_id_next(&sessions, &session))
        if (session.id)
            auth_revoked_add(&self->revoked, session.id, utc_ms);
    self->revoked_upto = answer->upto;
    if (answer->sessions.count >= LIM_REVOCATIONS_PAGE_MAX)
        return true;
    self->heard = true;
    self->heard_ms = asked_ms;
    return false;
}

bool auth_is_stale(const auth_t *self, int64_t now_ms)
{
    return !self->heard || now_ms - self->heard_ms > LIM_REVOCATION_STALE_MS;
}

bool auth_is_revoked(const auth_t *self, uint64_t session)
{
    return auth_revoked_has(&self->revoked, session);
}
