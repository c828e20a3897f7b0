#include "edge/budget.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { TABLE_WAYS = 8 };

/* ---- one bucket ----------------------------------------------------------------------------------------------- */

struct budget_rule budget_rule_of(int64_t count, int64_t period_ms, int64_t burst)
{
    assert(count >= 1 && period_ms >= 1 && period_ms <= INT64_C(86400000));
    struct budget_rule rule = {.unit_ns = period_ms * 1000000 / count};
    if (rule.unit_ns < 1)
        rule.unit_ns = 1;
    if (burst < 1)
        burst = 1;
    if (__builtin_mul_overflow(rule.unit_ns, burst, &rule.burst_ns) || rule.burst_ns > INT64_MAX / 4)
        rule.burst_ns = INT64_MAX / 4;
    return rule;
}

uint32_t budget_take(struct budget *self, const struct budget_rule *rule, int64_t now_ms, uint32_t cost)
{
    int64_t now_ns = now_ms * 1000000;
    int64_t full_at_ns = self->full_at_ns > now_ns ? self->full_at_ns : now_ns;
    if (cost == 0)
        cost = 1;
    int64_t price_ns = rule->burst_ns;
    if ((int64_t)cost <= rule->burst_ns / rule->unit_ns)
        price_ns = (int64_t)cost * rule->unit_ns;
    int64_t missing_ns = full_at_ns + price_ns - now_ns - rule->burst_ns;
    if (missing_ns <= 0) {
        self->full_at_ns = full_at_ns + price_ns;
        return 0;
    }
    int64_t retry_ms = (missing_ns + 999999) / 1000000;
    return retry_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)retry_ms;
}

void budget_give(struct budget *self, const struct budget_rule *rule, uint32_t cost)
{
    int64_t price_ns = rule->burst_ns;
    if ((int64_t)cost <= rule->burst_ns / rule->unit_ns)
        price_ns = (int64_t)cost * rule->unit_ns;
    /* A time that has passed already means full; there is nothing above it. */
    self->full_at_ns = self->full_at_ns > price_ns ? self->full_at_ns - price_ns : 0;
}

bool budget_is_full(const struct budget *self, int64_t now_ms)
{
    return self->full_at_ns <= now_ms * 1000000;
}

/* ---- addresses ------------------------------------------------------------------------------------------------ */

/* An IPv4 address as the prefix 0:ffff:a.b.c.d::/64, which no host has: 0::/8 is reserved. */
static budget_address_t s_of_ipv4(const uint8_t bytes[4])
{
    return UINT64_C(0x0000ffff00000000) | (uint64_t)bytes[0] << 24 | (uint64_t)bytes[1] << 16 |
           (uint64_t)bytes[2] << 8 | bytes[3];
}

static budget_address_t s_of_ipv6(const uint8_t bytes[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    static const uint8_t loopback[16] = {[15] = 1};
    if (memcmp(bytes, mapped, sizeof mapped) == 0)
        return s_of_ipv4(bytes + 12);
    if (memcmp(bytes, loopback, sizeof loopback) == 0)
        return 1; /* its first half is 0, which means no address */
    uint64_t prefix = 0;
    for (size_t i = 0; i < 8; i++)
        prefix = prefix << 8 | bytes[i];
    return prefix;
}

budget_address_t budget_address_of(view_t text)
{
    char copy[INET6_ADDRSTRLEN + 1];
    if (text.len >= 2 && text.bytes[0] == '[' && text.bytes[text.len - 1] == ']')
        text = view_of(text.bytes + 1, text.len - 2);
    if (text.len == 0 || text.len >= sizeof copy || memchr(text.bytes, 0, text.len))
        return 0;
    memcpy(copy, text.bytes, text.len);
    copy[text.len] = '\0';
    uint8_t bytes[16];
    if (inet_pton(AF_INET, copy, bytes) == 1)
        return s_of_ipv4(bytes);
    if (inet_pton(AF_INET6, copy, bytes) == 1)
        return s_of_ipv6(bytes);
    return 0;
}

static uint64_t s_hash(uint64_t address, uint64_t seed)
{
    uint64_t x = address ^ seed;
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    x ^= seed << 32 | seed >> 32; /* a second key, so that the seed is not merely xored to the input */
    x = (x ^ (x >> 31)) * UINT64_C(0xbf58476d1ce4e5b9);
    return x ^ (x >> 29);
}

static size_t s_power_of_two(size_t at_least)
{
    size_t n = 1;
    while (n < at_least)
        n *= 2;
    return n;
}

/* ---- a bucket for each address ---------------------------------------------------------------------------------- */

struct slot {
    budget_address_t address; /* 0: never used */
    struct budget budget;
};

struct budget_table {
    struct budget_rule rule;
    uint64_t seed;
    size_t row_mask;
    struct slot slots[]; /* rows of TABLE_WAYS */
};

budget_table_t *budget_table_new(struct budget_rule rule, size_t addresses_max, uint64_t seed)
{
    size_t rows = s_power_of_two((addresses_max + TABLE_WAYS - 1) / TABLE_WAYS);
    budget_table_t *self = calloc(1, sizeof *self + rows * TABLE_WAYS * sizeof self->slots[0]);
    if (!self)
        return NULL;
    self->rule = rule;
    self->seed = seed;
    self->row_mask = rows - 1;
    return self;
}

void budget_table_destroy(budget_table_t **self_p)
{
    assert(self_p);
    free(*self_p);
    *self_p = NULL;
}

uint32_t budget_table_take(budget_table_t *self, budget_address_t address, int64_t now_ms, uint32_t cost)
{
    struct slot *row = &self->slots[(s_hash(address, self->seed) & self->row_mask) * TABLE_WAYS];
    struct slot *fullest = row;
    for (size_t i = 0; i < TABLE_WAYS; i++) {
        if (row[i].address == address)
            return budget_take(&row[i].budget, &self->rule, now_ms, cost);
        if (row[i].budget.full_at_ns < fullest->budget.full_at_ns)
            fullest = &row[i];
    }
    uint32_t retry_ms = budget_take(&fullest->budget, &self->rule, now_ms, cost);
    if (retry_ms == 0)
        fullest->address = address; /* with what is left of the former one's debt */
    return retry_ms;
}

/* ---- what an address holds open ----------------------------------------------------------------------------------- */

struct hold {
    budget_address_t address;
    uint32_t count; /* 0: free */
};

struct budget_holds {
    uint64_t seed;
    size_t mask, used, max;
    struct hold holds[]; /* at most half full, linear probing */
};

budget_holds_t *budget_holds_new(size_t addresses_max, uint64_t seed)
{
    size_t size = s_power_of_two(addresses_max * 2 + 1);
    budget_holds_t *self = calloc(1, sizeof *self + size * sizeof self->holds[0]);
    if (!self)
        return NULL;
    self->seed = seed;
    self->mask = size - 1;
    self->max = addresses_max;
    return self;
}

void budget_holds_destroy(budget_holds_t **self_p)
{
    assert(self_p);
    free(*self_p);
    *self_p = NULL;
}

/* The address's place, or the free one where it would go. */
static size_t s_find(const budget_holds_t *self, budget_address_t address)
{
    size_t i = s_hash(address, self->seed) & self->mask;
    while (self->holds[i].count && self->holds[i].address != address)
        i = (i + 1) & self->mask;
    return i;
}

bool budget_hold(budget_holds_t *self, budget_address_t address, uint32_t max)
{
    struct hold *hold = &self->holds[s_find(self, address)];
    if (hold->count >= max)
        return false;
    if (hold->count == 0) {
        if (self->used == self->max)
            return false;
        self->used++;
        hold->address = address;
    }
    hold->count++;
    return true;
}

/* Closes the gap at `hole`, so that no later address of the same run becomes unreachable. */
static void s_close_gap(budget_holds_t *self, size_t hole)
{
    for (size_t i = (hole + 1) & self->mask; self->holds[i].count; i = (i + 1) & self->mask) {
        size_t home = s_hash(self->holds[i].address, self->seed) & self->mask;
        if (((i - home) & self->mask) < ((i - hole) & self->mask))
            continue; /* its home lies after the hole */
        self->holds[hole] = self->holds[i];
        self->holds[i].count = 0;
        hole = i;
    }
}

void budget_release(budget_holds_t *self, budget_address_t address)
{
    size_t i = s_find(self, address);
    assert(self->holds[i].count > 0);
    if (--self->holds[i].count > 0)
        return;
    self->used--;
    s_close_gap(self, i);
}

size_t budget_holds_addresses(const budget_holds_t *self)
{
    return self->used;
}
