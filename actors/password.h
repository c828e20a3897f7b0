/* password — argon2id on a few threads: slow on purpose, so never on an actor's own.
 *
 * 47,104 KiB, one pass, one lane: about 46 ms and 46 MiB for each thread that is at work. The owner submits jobs and
 * reads results from an inproc socket; both on the owner's thread. What is waiting is bounded: a flood of sign-ins
 * ends as ERR_BUSY, not as swapping. Bytes of a password are erased once they were used. */
#ifndef ROOKERY_ACTORS_PASSWORD_H
#define ROOKERY_ACTORS_PASSWORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/codec.h"
#include "proto/limits.h"

typedef struct password_pool password_pool_t;

struct password_result {
    uint64_t correlation;
    bool matches;  /* verify: the password is right. hash: done */
    char hash[LIM_PASSWORD_HASH_BYTES_MAX]; /* hash: the encoded hash. verify: a new one to store, when it matches
                                               and the old one was made with other parameters; else "" */
};

/* workers and queue_max >= 1. NULL: no memory, no thread or no socket. */
password_pool_t *password_pool_new(size_t workers, size_t queue_max);
/* Waits for the hashes at work, at most one for each worker; what waits is dropped. */
void password_pool_destroy(password_pool_t **self_p);

/* Both copy what they are given. ERR_BUSY: queue_max jobs wait beyond those at work; ERR_TOO_LARGE: longer than
 * LIM_PASSWORD_BYTES_MAX. */
err_t password_hash(password_pool_t *self, uint64_t correlation, view_t password);
/* An empty, foreign or unaffordable `encoded` (nobody has that name) is verified against a fixed hash of no password:
 * the same work, and never a match. */
err_t password_verify(password_pool_t *self, uint64_t correlation, view_t password, view_t encoded);

/* A zsock_t for actor_watch: readable while there are results. */
void *password_results(password_pool_t *self);
/* Takes one result; false: none now. */
bool password_next(password_pool_t *self, struct password_result *result_out);
/* The same, and waits for it; false: no job is under way. */
bool password_wait(password_pool_t *self, struct password_result *result_out);

size_t password_waiting(const password_pool_t *self); /* submitted and not yet taken by password_next */
uint64_t password_computed(const password_pool_t *self); /* argon2id runs so far, any thread */

/* An encoded argon2id hash that password_verify would compare with. */
bool password_is_hash(view_t encoded);
/* The hash was made with other parameters than today's. */
bool password_needs_rehash(const char *encoded);

#endif
