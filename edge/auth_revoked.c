#include "edge/auth_revoked.h"

#include <stdlib.h>

#include "edge/auth.h"
#include "proto/limits.h"

enum {
    CAP_FIRST = 256,
    CAP_MAX = AUTH_REVOKED_MAX * 2, /* at most half full */
    KEEP_MS = LIM_ACCESS_TOKEN_S * 1000 + 60000, /* the life of a token, and a minute for clocks that differ */
};

struct revoked_entry {
    uint64_t session; /* 0: free */
    int64_t until_ms; /* UTC, as the tokens' own times */
};

void auth_revoked_fini(struct auth_revoked *self)
{
    free(self->entries);
    *self = (struct auth_revoked){.entries = NULL};
}

/* Session ids are random, their low bits will do. */
static struct revoked_entry *s_find(struct revoked_entry *entries, size_t cap, uint64_t session)
{
    size_t i = session & (cap - 1);
    while (entries[i].session && entries[i].session != session)
        i = (i + 1) & (cap - 1);
    return &entries[i];
}

bool auth_revoked_has(const struct auth_revoked *self, uint64_t session)
{
    return self->cap && s_find(self->entries, self->cap, session)->session == session;
}

/* A fresh table without the expired ones, twice as large if they were few. False: no room or no memory. */
static bool s_rebuild(struct auth_revoked *self, int64_t utc_ms)
{
    size_t valid = 0;
    for (size_t i = 0; i < self->cap; i++)
        valid += self->entries[i].session && self->entries[i].until_ms > utc_ms;
    size_t cap = self->cap ? self->cap : CAP_FIRST;
    if (valid * 4 > cap)
        cap *= 2;
    if (valid >= AUTH_REVOKED_MAX)
        return false;
    if (cap > CAP_MAX)
        cap = CAP_MAX;
    struct revoked_entry *entries = calloc(cap, sizeof *entries);
    if (!entries)
        return false;
    for (size_t i = 0; i < self->cap; i++)
        if (self->entries[i].session && self->entries[i].until_ms > utc_ms)
            *s_find(entries, cap, self->entries[i].session) = self->entries[i];
    free(self->entries);
    self->entries = entries;
    self->cap = cap;
    self->used = valid;
    return true;
}

void auth_revoked_add(struct auth_revoked *self, uint64_t session, int64_t utc_ms)
{
    if (self->used * 2 >= self->cap && !s_rebuild(self, utc_ms)) {
        free(self->entries);
        *self = (struct auth_revoked){.issued_after_s = utc_ms / 1000};
        return;
    }
    struct revoked_entry *entry = s_find(self->entries, self->cap, session);
    if (!entry->session)
        self->used++;
    *entry = (struct revoked_entry){.session = session, .until_ms = utc_ms + KEEP_MS};
}
