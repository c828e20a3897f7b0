/* auth_key — one key that tokens are verified with, and the one algorithm it is for (RFC 8725, 3.1). Internal to auth.
 *
 * ES256: the public key's PEM is read once, when the key is made. A signature then costs one P-256 verification (0.1 ms);
 * libjwt, which reads the PEM for each token, takes 0.5 to 0.9 ms of the edge's thread. HS256: one HMAC, 2 µs.
 * Runs on: the thread of its edge.   Owns: its copy of the key, wiped when it goes.   Bounds: AUTH_KID_BYTES_MAX. */
#ifndef ROOKERY_EDGE_AUTH_KEY_H
#define ROOKERY_EDGE_AUTH_KEY_H

#include "proto/codec.h"

enum {
    AUTH_KID_BYTES_MAX = 32,
    AUTH_SIGNATURE_BYTES_MAX = 64, /* ES256: r and s, 32 bytes each; HS256: 32 */
};

struct auth_key {
    const char *alg_name; /* as a header must say it; NULL: no key */
    char kid[AUTH_KID_BYTES_MAX + 1];
    struct evp_pkey_ctx_st *verifier; /* ES256, else NULL */
    uint8_t *bytes;                   /* the PEM or the secret */
    size_t len;
};

/* Both copy; false: not a kid of 1 … AUTH_KID_BYTES_MAX bytes, no memory, and for ES256: not the PEM of a public key on
 * P-256 and nothing before it. Then there is nothing to destroy. */
bool auth_key_init_es256(struct auth_key *self, view_t kid, view_t public_pem);
bool auth_key_init_hs256(struct auth_key *self, view_t kid, view_t secret); /* len 1 at least; auth.h asks for more */
void auth_key_fini(struct auth_key *self);                                  /* also after a second call */
bool auth_key_is_same(const struct auth_key *a, const struct auth_key *b);

/* Whether signature is this key's of text: a token's "header.payload" as it came, and its decoded third part. */
bool auth_key_has_signed(const struct auth_key *self, view_t text, view_t signature);

#endif
