/* token — makes what a signed-in browser carries: access tokens (JWT) and refresh tokens (opaque).
 *
 * Only accounts has the signing key; edges verify in edge/auth.c. ES256 with a key pair made on first run, or HS256
 * with JWT_SECRET. The header is libjwt's {"alg","kid","typ":"JWT"}: version 1.10 can neither write nor read another
 * `typ`, so the kind of token ("at+jwt", RFC 9068) is the claim `typ`. Claims: iss, aud, sub, sid, name, adm, iat,
 * nbf, exp; ids are decimal strings. `chg` (true) is there only when the password is one that an administrator gave.
 * Runs on: one thread. Files are read when it is made, never later. Tokens are never logged. */
#ifndef ROOKERY_ACTORS_TOKEN_H
#define ROOKERY_ACTORS_TOKEN_H

#include "proto/messages.h"

typedef struct token_signer token_signer_t;

enum {
    TOKEN_SECRET_BYTES_MIN = 32, /* of JWT_SECRET */
    TOKEN_HASH_BYTES = 32,
    TOKEN_REFRESH_BYTES = 40,    /* session id, big endian, and 32 random bytes */
    TOKEN_REFRESH_TEXT_LEN = 54, /* the same in base64url */
};

struct token_claims {
    uint64_t user, session;
    view_t name; /* as shown */
    bool admin;
    bool must_change; /* good for nothing but choosing another password */
};

/* var_folder: where keys/ is or will be. jwt_secret: NULL or "" for ES256. NULL when the secret is shorter than
 * TOKEN_SECRET_BYTES_MIN or one byte over and over, when a key file cannot be had, or without memory; the reason is logged. */
token_signer_t *token_signer_new(const char *var_folder, const char *jwt_secret);
/* Whether the files that token_signer_new would read are there, so that it makes none. */
bool token_signer_is_set_up(const char *var_folder, const char *jwt_secret);
void token_signer_destroy(token_signer_t **self_p);
/* What edges need to verify: for DIR_KEY_ADD. Borrows from self. */
struct rec_token_key token_signer_key(const token_signer_t *self);

/* Appends a token that is valid from utc_ms for LIM_ACCESS_TOKEN_S. ERR_OUT_OF_RANGE (ids), ERR_TOO_LARGE,
 * ERR_NO_MEMORY, ERR_INTERNAL (the library refused). About 0.6 ms with ES256. */
err_t token_sign(const token_signer_t *self, const struct token_claims *claims, int64_t utc_ms, buffer_t *token_out,
                 int64_t *expires_at_ms_out);

/* A refresh token: base64url(session id || 32 bytes). */
struct token_refresh {
    uint64_t session;
    uint8_t bytes[TOKEN_REFRESH_BYTES];
};

/* A fresh one for a sign-in. */
err_t token_refresh_new(uint64_t session, struct token_refresh *refresh_out);
/* Exactly TOKEN_REFRESH_TEXT_LEN characters in the one canonical form, a session in 1 … ID_MAX; else false. */
bool token_refresh_parse(view_t text, struct token_refresh *refresh_out);
void token_refresh_print(const struct token_refresh *refresh, char text_out[TOKEN_REFRESH_TEXT_LEN + 1]);
/* What is stored of it: SHA-256. */
void token_refresh_hash(const struct token_refresh *refresh, uint8_t hash_out[TOKEN_HASH_BYTES]);
/* Makes the key of successors from one that all nodes have from the directory (mac_key of DIR_WELCOME). */
void token_signer_share(token_signer_t *self, view_t key);
/* Its successor: a keyed hash of the presented token, so that two tabs that refresh at once get the same one, whichever
 * accounts node they ask. ERR_UNAVAILABLE before token_signer_share. */
err_t token_refresh_successor(const token_signer_t *self, const struct token_refresh *presented,
                              struct token_refresh *next_out);

#endif
