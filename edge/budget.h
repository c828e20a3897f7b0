/* budget — how much a session or an address may do: token buckets, and counts of what an address holds open.
 *
 * Pure: times are given (CLOCK_BOOTTIME ms); no lock, one thread. A bucket is one number (the time at which it will
 * be full again), so a session carries 8 bytes and a zeroed struct is a full bucket. */
#ifndef ROOKERY_EDGE_BUDGET_H
#define ROOKERY_EDGE_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/codec.h"

/* What all buckets of a kind share: `count` per `period_ms`, and `burst` at once. */
struct budget_rule {
    int64_t unit_ns;  /* time that earns one */
    int64_t burst_ns; /* time that fills an empty bucket */
};

struct budget {
    int64_t full_at_ns;
};

/* count and period_ms >= 1; burst < 1 counts as 1. budget_rule_of(20, 1000, 60): 20 a second, 60 at once. */
struct budget_rule budget_rule_of(int64_t count, int64_t period_ms, int64_t burst);

/* Takes cost (0 counts as 1, more than the burst as the burst). 0: taken. Else nothing was taken, and the same call
 * succeeds after so many ms (>= 1) if nobody else takes meanwhile. */
uint32_t budget_take(struct budget *self, const struct budget_rule *rule, int64_t now_ms, uint32_t cost);
/* Gives back what was taken for nothing; never above full. */
void budget_give(struct budget *self, const struct budget_rule *rule, uint32_t cost);
bool budget_is_full(const struct budget *self, int64_t now_ms);

/* An address as budgets see it: an IPv4 address, or the first 64 bits of an IPv6 one (one household has 2^64 of
 * them). "::ffff:1.2.3.4" is 1.2.3.4. 0 is no address. */
typedef uint64_t budget_address_t;
/* "192.0.2.1", "2001:db8::1", "[2001:db8::1]", without port; 0: neither. */
budget_address_t budget_address_of(view_t text);

/* A bucket for each address. Bounded: when it is full, a full bucket makes room; when there is none, the newcomer
 * takes over the fullest of a few candidates with its debt, so that many addresses never get more than
 * `addresses_max` buckets give. */
typedef struct budget_table budget_table_t;

/* seed: random, so that nobody can aim at another's bucket. NULL: no memory. */
budget_table_t *budget_table_new(struct budget_rule rule, size_t addresses_max, uint64_t seed);
void budget_table_destroy(budget_table_t **self_p);
/* As budget_take. */
uint32_t budget_table_take(budget_table_t *self, budget_address_t address, int64_t now_ms, uint32_t cost);

/* How many sockets each address holds open. addresses_max >= the sockets of the edge: then it is never full. */
typedef struct budget_holds budget_holds_t;

budget_holds_t *budget_holds_new(size_t addresses_max, uint64_t seed);
void budget_holds_destroy(budget_holds_t **self_p);
/* False: the address holds `max` already, or the table is full; nothing was added. */
bool budget_hold(budget_holds_t *self, budget_address_t address, uint32_t max);
/* Once for each budget_hold that was true. */
void budget_release(budget_holds_t *self, budget_address_t address);
size_t budget_holds_addresses(const budget_holds_t *self);

#endif
