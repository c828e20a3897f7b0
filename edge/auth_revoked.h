/* auth_revoked — sessions whose tokens must not pass any more although they are not expired. Internal to auth.
 * Bounded by AUTH_REVOKED_MAX. Beyond it, forgetting one would let it in again; so all are forgotten and every token
 * issued so far is refused as expired instead: good ones are refreshed, revoked sessions cannot be. */
#ifndef ROOKERY_EDGE_AUTH_REVOKED_H
#define ROOKERY_EDGE_AUTH_REVOKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct auth_revoked {
    struct revoked_entry *entries; /* open addressing; NULL: none yet */
    size_t cap, used;
    int64_t issued_after_s; /* tokens issued up to then are refused; 0: none */
};

void auth_revoked_fini(struct auth_revoked *self);
/* Keeps session until no token of it can be valid any more, by utc_ms. Also without memory nothing is let in. */
void auth_revoked_add(struct auth_revoked *self, uint64_t session, int64_t utc_ms);
bool auth_revoked_has(const struct auth_revoked *self, uint64_t session);

#endif
