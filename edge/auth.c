#include "edge/auth.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "edge/auth_key.h"
#include "edge/auth_revoked.h"

enum {
    ALGORITHM_ES256 = 1, /* rec_token_key.algorithm */
    HEADER_TEXT_MAX = (AUTH_HEADER_BYTES_MAX * 4 + 2) / 3,
    KEYS_WANTED_MS = 1000,
    KEYS_NEWER_MS = 2000, /* clocks of two hosts differ */
    CACHE_SETS = 4096, CACHE_WAYS = 4, /* 16,384 tokens in 256 KiB */
};

/* Of actors/token.c. */
static const char SECRET_KID[] = "jwt-secret";

/* Tokens whose signature was found good: keyed MACs of the whole token, the last used first. A page sends the same
 * token with each request, and a browser the same again when its socket was cut. What a token claims is read anew each
 * time, so that an entry is 16 bytes. */
struct cache_set {
    uint8_t macs[CACHE_WAYS][MAC_BYTES]; /* zeros: free */
};

/* What a token claims. */
struct claims {
    struct auth_identity identity;
    int64_t issued_s;
    bool must_change;
};

struct auth {
    bool secret_only;
    struct auth_key keys[LIM_KEYS_MAX];
    size_t key_count;
    bool is_unknown;  /* the token being verified names one */
    int64_t keys_utc_ms; /* when they were read */
    bool unknown_kid; /* a token named one since auth_keys_wanted said so */
    int64_t keys_wanted_ms;
    struct auth_revoked revoked;
    uint64_t revoked_upto; /* number of the last revocation heard of; ID_MAX: none, tell the newest */
    bool heard; /* of revocations, completely */
    int64_t heard_ms;
    uint8_t cache_key[KEY_BYTES];
    struct cache_set *cache;
};

/* ---- keys -------------------------------------------------------------------------------------------------------- */

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
    self->cache = calloc(CACHE_SETS, sizeof *self->cache);
    bool ok = self->cache != NULL;
    if (ok && secret) {
        ok = auth_key_init_hs256(&self->keys[0], view_of_text(SECRET_KID), view_of_text(jwt_secret));
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
        auth_key_fini(&self->keys[i]);
    auth_revoked_fini(&self->revoked);
    free(self->cache);
    free(self);
    *self_p = NULL;
}

size_t auth_keys_set(auth_t *self, list_t keys, int64_t utc_ms)
{
    self->keys_utc_ms = utc_ms;
    if (self->secret_only)
        return self->key_count;
    struct auth_key fresh[LIM_KEYS_MAX];
    size_t count = 0, same = 0;
    struct rec_token_key record;
    while (count < LIM_KEYS_MAX && rec_token_key_next(&keys, &record)) {
        if (record.algorithm != ALGORITHM_ES256 ||
            !auth_key_init_es256(&fresh[count], record.kid, record.public_pem))
            continue;
        same += count < self->key_count && auth_key_is_same(&fresh[count], &self->keys[count]);
        count++;
    }
    /* Only when a key is gone or new: strangers can have the keys fetched each second by naming unknown ones. */
    if (same != count || count != self->key_count)
        memset(self->cache, 0, CACHE_SETS * sizeof *self->cache);
    for (size_t i = 0; i < self->key_count; i++)
        auth_key_fini(&self->keys[i]);
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

/* Base64url without padding and with no bit left over, which was checked to be of its alphabet. False: another length
 * than a whole number of bytes has, a bit left over, or more than size bytes. */
static bool s_decode(view_t text, uint8_t *bytes_out, size_t size, size_t *len_out)
{
    uint32_t bits = 0;
    int count = 0;
    size_t len = 0;
    if (text.len * 3 / 4 > size)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        bits = bits << 6 | (uint32_t)s_base64url_value(text.bytes[i]);
        count += 6;
        if (count >= 8) {
            count -= 8;
            bytes_out[len++] = (uint8_t)(bits >> count);
        }
    }
    *len_out = len;
    return count != 6 && (bits & ((1u << count) - 1)) == 0;
}

/* One JSON object in base64url; doubled members are refused. NULL: not so. */
static json_t *s_parse_part(view_t text)
{
    uint8_t bytes[LIM_TOKEN_BYTES_MAX];
    size_t len;
    if (!s_decode(text, bytes, sizeof bytes, &len))
        return NULL;
    json_t *json = json_loadb((const char *)bytes, len, JSON_REJECT_DUPLICATES, NULL);
    if (json && json_is_object(json))
        return json;
    json_decref(json);
    return NULL;
}

struct parts {
    view_t header, payload, signature, signed_text; /* the last: header, dot and payload */
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
    *parts_out = (struct parts){part[0], part[1], part[2], view_of(token.bytes, part[0].len + 1 + part[1].len)};
    return dots == 2 && part[0].len && part[1].len && part[2].len && part[0].len <= HEADER_TEXT_MAX;
}

static bool s_has_text(const json_t *object, const char *member, const char *text)
{
    const json_t *value = json_object_get(object, member);
    return json_is_string(value) && json_string_length(value) == strlen(text) &&
           strcmp(json_string_value(value), text) == 0;
}

/* The key that the header names, if the header is one that accounts writes: {"alg","kid","typ"} and nothing else, so
 * no jku, x5u, jwk or crit; alg is compared by its exact name. */
static const struct auth_key *s_find_key(auth_t *self, view_t header_text)
{
    json_t *header = s_parse_part(header_text);
    const struct auth_key *found = NULL;
    if (!header)
        return NULL;
    if (json_object_size(header) != 3 || !s_has_text(header, "typ", "JWT"))
        goto cleanup;
    for (size_t i = 0; i < self->key_count && !found; i++)
        if (s_has_text(header, "kid", self->keys[i].kid))
            found = &self->keys[i];
    if (!found)
        self->is_unknown = self->unknown_kid = true;
    else if (!s_has_text(header, "alg", found->alg_name))
        found = NULL;
cleanup:
    json_decref(header);
    return found;
}

static bool s_is_signed(auth_t *self, const struct parts *parts)
{
    uint8_t signature[AUTH_SIGNATURE_BYTES_MAX];
    size_t len;
    const struct auth_key *key = s_find_key(self, parts->header);
    return key && s_decode(parts->signature, signature, sizeof signature, &len) &&
           auth_key_has_signed(key, parts->signed_text, view_of(signature, len));
}

/* The same, remembered. */
static bool s_was_signed(auth_t *self, view_t token, const struct parts *parts)
{
    uint8_t mac[MAC_BYTES];
    id_mac(self->cache_key, 0, 0, token.bytes, token.len, mac);
    struct cache_set *set = &self->cache[(mac[0] | (size_t)mac[1] << 8) % CACHE_SETS];
    size_t way = 0;
    while (way < CACHE_WAYS && memcmp(set->macs[way], mac, sizeof mac) != 0)
        way++;
    if (way == CACHE_WAYS) {
        if (!s_is_signed(self, parts))
            return false;
        way = CACHE_WAYS - 1; /* the one not used for longest goes */
    }
    memmove(set->macs[1], set->macs[0], way * sizeof mac);
    memcpy(set->macs[0], mac, sizeof mac);
    return true;
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

static err_t s_check_claims(const json_t *claims, int64_t now_s, struct claims *out)
{
    int64_t issued_s, not_before_s, expires_s;
    if (!s_has_text(claims, "iss", "rookery") || !s_has_text(claims, "aud", "rookery") ||
        !s_has_text(claims, "typ", "at+jwt"))
        return ERR_UNAUTHORIZED;
    if (!s_time(claims, "iat", &issued_s) || !s_time(claims, "nbf", &not_before_s) ||
        !s_time(claims, "exp", &expires_s) || !s_read_identity(claims, &out->identity))
        return ERR_UNAUTHORIZED;
    const json_t *change = json_object_get(claims, "chg");
    if (change && !json_is_true(change)) /* it is there, and true, or not there */
        return ERR_UNAUTHORIZED;
    out->must_change = change != NULL;
    /* A longer life would outlast the revocation of its session. */
    if (expires_s - issued_s > LIM_ACCESS_TOKEN_S || not_before_s > now_s + AUTH_NOT_BEFORE_LEEWAY_S ||
        issued_s > now_s + AUTH_NOT_BEFORE_LEEWAY_S)
        return ERR_UNAUTHORIZED;
    out->issued_s = issued_s;
    out->identity.expires_at_ms = expires_s * 1000;
    return ERR_OK;
}

/* It names a key that was not there when the keys were read, and says that it was made since: an accounts node that has
 * just come up. Nobody has signed that, but all it may bring is "later" instead of "no". */
static bool s_may_be_new(const auth_t *self, const struct parts *parts, int64_t utc_ms)
{
    int64_t issued_s = 0;
    json_t *json = self->is_unknown && !self->secret_only ? s_parse_part(parts->payload) : NULL;
    bool is_time = json && s_time(json, "iat", &issued_s);
    json_decref(json);
    return is_time && issued_s <= utc_ms / 1000 + AUTH_NOT_BEFORE_LEEWAY_S &&
           issued_s * 1000 + KEYS_NEWER_MS > self->keys_utc_ms;
}

/* ---- verify ---------------------------------------------------------------------------------------------------------- */

static err_t s_verify(auth_t *self, view_t token, int64_t utc_ms, struct claims *out)
{
    struct parts parts;
    self->is_unknown = false;
    if (!s_split(token, &parts))
        return ERR_UNAUTHORIZED;
    if (!s_was_signed(self, token, &parts))
        return s_may_be_new(self, &parts, utc_ms) ? ERR_UNAVAILABLE : ERR_UNAUTHORIZED;
    json_t *json = s_parse_part(parts.payload);
    if (!json)
        return ERR_UNAUTHORIZED;
    err_t err = s_check_claims(json, utc_ms / 1000, out);
    json_decref(json);
    if (!err && utc_ms >= out->identity.expires_at_ms)
        err = ERR_TOKEN_EXPIRED;
    return err;
}

err_t auth_verify(auth_t *self, view_t token, int64_t now_ms, int64_t utc_ms, struct auth_identity *identity_out)
{
    struct claims claims;
    if (token.len == 0 || token.len > LIM_TOKEN_BYTES_MAX)
        return ERR_UNAUTHORIZED;
    err_t err = s_verify(self, token, utc_ms, &claims);
    if (err)
        return err;
    if (auth_revoked_has(&self->revoked, claims.identity.session))
        return ERR_TOKEN_REVOKED;
    if (claims.issued_s <= self->revoked.issued_after_s)
        return ERR_TOKEN_EXPIRED;
    if (auth_is_stale(self, now_ms))
        return ERR_UNAVAILABLE;
    *identity_out = claims.identity;
    return claims.must_change ? ERR_PASSWORD_CHANGE : ERR_OK;
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
