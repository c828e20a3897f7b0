/* accounts_throttle — how often something may be tried: sign-ins per account and per address, sign-ups per address.
 *
 * `count` tries per `period_ms`, earned back one by one. With `growing`, who has used them up may try again after
 * 1 s, then 2, 4, … 64 s: nobody is ever locked out, guessing is slow. Each try is charged before it is known to have
 * failed, so that a hundred at once are no way around. Pure; bounded: a table of fixed size, where a newcomer takes
 * over the least charged of a few entries with its charge. */
#ifndef ROOKERY_ACTORS_ACCOUNTS_THROTTLE_H
#define ROOKERY_ACTORS_ACCOUNTS_THROTTLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/codec.h"

typedef struct accounts_throttle accounts_throttle_t;

/* seed: random. NULL: no memory. */
accounts_throttle_t *accounts_throttle_new(int64_t count, int64_t period_ms, bool growing, size_t keys_max,
                                           uint64_t seed);
void accounts_throttle_destroy(accounts_throttle_t **self_p);

/* A key for a text: ASCII letters in either case give the same. */
uint64_t accounts_throttle_key(const accounts_throttle_t *self, view_t text);
/* A key for an address: "192.0.2.1", or the first 64 bits of an IPv6 one, for a household has 2^64 of those. Any other
 * text is a key as it is. */
uint64_t accounts_throttle_address_key(const accounts_throttle_t *self, view_t text);
/* Whether a try may be made now: 0, or ms to wait. Charges nothing. */
uint32_t accounts_throttle_wait_ms(const accounts_throttle_t *self, uint64_t key, int64_t now_ms);
/* Charges a try: 0, or the ms to wait with nothing charged. */
uint32_t accounts_throttle_charge(accounts_throttle_t *self, uint64_t key, int64_t now_ms);
/* The try did not count after all: gives its charge back. */
void accounts_throttle_refund(accounts_throttle_t *self, uint64_t key);
/* Forgets all charges of the key: its owner has come. */
void accounts_throttle_clear(accounts_throttle_t *self, uint64_t key);

#endif
