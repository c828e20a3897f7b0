/* auth — who may pass an edge: access tokens, revoked sessions, the refresh cookie, web origins.
 *
 * Pure: no socket, no file, no clock, no log; times are given. Runs on: the thread of its edge, one auth_t each.
 * Tokens are JWTs signed by accounts (actors/token.c, with libjwt); signatures are checked in auth_key.h, the rest here.
 * With JWT_SECRET only HS256 under that secret is accepted, without it only ES256 under the public keys of DIR_WELCOME:
 * never both, so no public key is ever a secret.
 * Bounds: LIM_TOKEN_BYTES_MAX, LIM_KEYS_MAX, AUTH_REVOKED_MAX, AUTH_ORIGINS_MAX. */
#ifndef ROOKERY_EDGE_AUTH_H
#define ROOKERY_EDGE_AUTH_H

#include "proto/messages.h"

typedef struct auth auth_t;

enum {
    AUTH_SECRET_BYTES_MIN = 32,      /* of JWT_SECRET */
    AUTH_HEADER_BYTES_MAX = 512,     /* of a token's decoded header */
    AUTH_NOT_BEFORE_LEEWAY_S = 30,   /* nbf only: accounts' clock may be ahead of the edge's */
    AUTH_REVOKED_MAX = 65536,        /* sessions revoked within the life of a token */
    AUTH_REVOKED_FIRST = 32768,      /* of them an edge asks for when it comes up */
    AUTH_ORIGINS_MAX = 16,           /* of ROOKERY_ORIGINS */
    AUTH_ORIGIN_BYTES_MAX = 256,
    AUTH_COOKIE_VALUE_BYTES_MAX = 128, /* as AUTH_REFRESH.refresh_token */
    AUTH_COOKIE_TEXT_MAX = 256,      /* a whole Set-Cookie value and its NUL */
};

/* Whom a token speaks for. */
struct auth_identity {
    uint64_t user, session;
    int64_t expires_at_ms; /* UTC */
    bool admin;
    size_t name_len;
    char name[LIM_NAME_BYTES_MAX + 1]; /* with a NUL */
};

/* jwt_secret: NULL or "" for ES256. NULL: the secret is shorter than AUTH_SECRET_BYTES_MIN, or no memory. Until
 * the first auth_on_revocations everything is stale, and without keys nobody passes. */
auth_t *auth_new(const char *jwt_secret);
void auth_destroy(auth_t **self_p);

/* The keys of DIR_WELCOME replace all former ones (the list is copied). Records that are no P-256 public key in PEM, or
 * of an algorithm this process does not use, are left out. Returns how many keys verify tokens now (HS256: always 1). utc_ms: now.
 * A token of an unknown key that says it was made later is ERR_UNAVAILABLE: its accounts node may have just come up. */
size_t auth_keys_set(auth_t *self, list_t keys, int64_t utc_ms);
/* True once a second at most, when there is no key or a token named an unknown one since the last call: fetch
 * DIR_WELCOME again. Accounts may have made its key after this edge came up. */
bool auth_keys_wanted(auth_t *self, int64_t now_ms);

/* Checks one access token: form, header, algorithm, signature, issuer, audience, type, times, ids, then revocation.
 * now_ms: CLOCK_BOOTTIME, utc_ms: wall clock. Fills identity_out only on ERR_OK and ERR_PASSWORD_CHANGE: good, but of
 * a password that an administrator gave, so only what changes it may go on with it.
 * ERR_UNAUTHORIZED (whatever is wrong, without saying what), ERR_TOKEN_EXPIRED (good but old: refresh),
 * ERR_TOKEN_REVOKED, ERR_UNAVAILABLE (good, but revocations were not heard of for LIM_REVOCATION_STALE_MS). About
 * 0.1 ms for an ES256 token not seen before, 10 µs for one that was. */
err_t auth_verify(auth_t *self, view_t token, int64_t now_ms, int64_t utc_ms,
                  struct auth_identity *identity_out);
/* The token of an Authorization header's value ("Bearer x", scheme in any case); len 0: none or malformed.
 * Borrows from header. */
view_t auth_bearer(view_t header);

/* Revocations: ask STORE_REVOCATIONS_GET{after = auth_revocations_after()} each LIM_REVOCATION_PULL_MS. The first
 * question is for the newest number; what follows begins AUTH_REVOKED_FIRST before it, for an edge that just came up
 * must also refuse who was revoked a minute ago, but not read the history of years. Give each answer here, with the
 * time its question was sent; close the sockets of its sessions yourself. True: there is more, ask again at once. */
uint64_t auth_revocations_after(const auth_t *self);
bool auth_on_revocations(auth_t *self, const struct msg_store_revocations *answer, int64_t asked_ms, int64_t utc_ms);
bool auth_is_stale(const auth_t *self, int64_t now_ms); /* > LIM_REVOCATION_STALE_MS since a complete answer's question */
/* For sockets that re-authenticate or resume: false also when the entry has expired (so has the token). */
bool auth_is_revoked(const auth_t *self, uint64_t session);

/* ---- the refresh cookie: rookery_refresh; HttpOnly; SameSite=Strict; Path=/api/v1/auth ------------------------- */

/* False: plain http to a loopback host (localhost, *.localhost, 127.0.0.0/8, [::1], each with or without port), where
 * browsers would not keep a Secure cookie. host: the Host header; https: as the browser sees it (a trusted proxy's
 * X-Forwarded-Proto counts). */
bool auth_cookie_is_secure(bool https, view_t host);
/* The value of Set-Cookie, NUL-terminated; returns its length. max_age_s 0 and an empty token clear the cookie.
 * 0: the token is too long or holds what is not base64url. */
size_t auth_cookie_format(view_t token, uint64_t max_age_s, bool secure, char text_out[AUTH_COOKIE_TEXT_MAX]);
/* The value of rookery_refresh in a Cookie header; len 0: absent, doubled, too long, or not base64url. Borrows. */
view_t auth_cookie_find(view_t cookie_header);

/* ---- web origins --------------------------------------------------------------------------------------------- */

struct auth_origins {
    size_t count;
    char origins[AUTH_ORIGINS_MAX][AUTH_ORIGIN_BYTES_MAX]; /* lower case, no default port */
};

typedef enum {
    AUTH_ORIGIN_NONE,   /* no Origin header: no browser, or one that needs none */
    AUTH_ORIGIN_OWN,    /* the page was served from this Host */
    AUTH_ORIGIN_LISTED, /* of ROOKERY_ORIGINS: answer with Access-Control-Allow-Origin */
} auth_origin_t;

/* "https://a.example, http://localhost:5173"; NULL or "": none. ERR_OUT_OF_RANGE: too many, or one that is not
 * scheme://host[:port] with http or https; there is no wildcard. */
err_t auth_origins_read(struct auth_origins *self, const char *comma_separated);

struct auth_request {
    view_t origin;         /* Origin header; len 0: absent */
    view_t host;           /* Host header */
    view_t sec_fetch_site; /* Sec-Fetch-Site header of an HTTP request; leave empty for WebSockets */
    bool https;            /* as the browser sees it; false when that is not known */
    bool with_cookie;      /* the request is authenticated by the cookie: refresh, logout */
};

/* ERR_OK and what the origin is, or ERR_BAD_ORIGIN: a foreign one, "null", malformed; with a cookie also a missing
 * one (unless Sec-Fetch-Site says same-origin). */
err_t auth_origin_check(const struct auth_origins *self, const struct auth_request *request, auth_origin_t *origin_out);

#endif
