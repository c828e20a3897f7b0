#include "actors/accounts_throttle.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { WAYS = 8, WAIT_FIRST_MS = 1000, WAIT_DOUBLINGS = 6 };

struct entry {
    uint64_t key;        /* 0: never used */
    int64_t clear_at_ms; /* when all its charges are earned back */
    int64_t wait_until_ms;
};

struct accounts_throttle {
    int64_t unit_ms;     /* of one charge */
    int64_t capacity_ms; /* count of them */
    bool growing;
    uint64_t seed;
    size_t row_mask;
    struct entry entries[]; /* rows of WAYS */
};

accounts_throttle_t *accounts_throttle_new(int64_t count, int64_t period_ms, bool growing, size_t keys_max,
                                           uint64_t seed)
{
    assert(count >= 1 && period_ms >= 1);
    size_t rows = 1;
    while (rows * WAYS < keys_max)
        rows *= 2;
    accounts_throttle_t *self = calloc(1, sizeof *self + rows * WAYS * sizeof self->entries[0]);
    if (!self)
        return NULL;
    self->unit_ms = period_ms / count > 0 ? period_ms / count : 1;
    self->capacity_ms = self->unit_ms * count;
    self->growing = growing;
    self->seed = seed;
    self->row_mask = rows - 1;
    return self;
}

void accounts_throttle_destroy(accounts_throttle_t **self_p)
{
    assert(self_p);
    free(*self_p);
    *self_p = NULL;
}

static uint64_t s_mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

uint64_t accounts_throttle_key(const accounts_throttle_t *self, view_t text)
{
    uint64_t hash = self->seed;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.bytes[i];
        hash = s_mix(hash ^ (c >= 'A' && c <= 'Z' ? c | 0x20u : c)) + self->seed;
    }
    return hash | 1; /* never 0 */
}

uint64_t accounts_throttle_address_key(const accounts_throttle_t *self, view_t text)
{
    char copy[INET6_ADDRSTRLEN + 1] = "";
    struct in6_addr six;
    struct in_addr four;
    if (text.len < sizeof copy && text.len > 0)
        memcpy(copy, text.bytes, text.len);
    if (inet_pton(AF_INET, copy, &four) == 1)
        text = view_of(&four, sizeof four);
    else if (inet_pton(AF_INET6, copy, &six) == 1)
        text = IN6_IS_ADDR_V4MAPPED(&six) ? view_of(six.s6_addr + 12, 4) : view_of(six.s6_addr, 8);
    return accounts_throttle_key(self, text);
}

/* The key's entry, or the least charged of its row. */
static struct entry *s_find(const accounts_throttle_t *self, uint64_t key)
{
    size_t row = s_mix(key ^ self->seed) & self->row_mask;
    const struct entry *least = &self->entries[row * WAYS];
    for (const struct entry *e = least, *end = e + WAYS; e < end; e++) {
        if (e->key == key)
            return (struct entry *)e;
        if (e->clear_at_ms < least->clear_at_ms)
            least = e;
    }
    return (struct entry *)least;
}

static int64_t s_max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t s_wait_ms(const accounts_throttle_t *self, const struct entry *entry, int64_t now_ms)
{
    if (self->growing)
        return s_max(0, entry->wait_until_ms - now_ms);
    int64_t charged_ms = s_max(0, entry->clear_at_ms - now_ms);
    return s_max(0, charged_ms + self->unit_ms - self->capacity_ms);
}

uint32_t accounts_throttle_wait_ms(const accounts_throttle_t *self, uint64_t key, int64_t now_ms)
{
    const struct entry *entry = s_find(self, key);
    return entry->key == key ? (uint32_t)s_wait_ms(self, entry, now_ms) : 0;
}

uint32_t accounts_throttle_charge(accounts_throttle_t *self, uint64_t key, int64_t now_ms)
{
    struct entry *entry = s_find(self, key);
    int64_t wait_ms = s_wait_ms(self, entry, now_ms);
    if (wait_ms > 0)
        return (uint32_t)wait_ms;
    entry->key = key;
    int64_t charged_ms = s_max(0, entry->clear_at_ms - now_ms) + self->unit_ms;
    int64_t most_ms = self->capacity_ms + WAIT_DOUBLINGS * self->unit_ms;
    if (charged_ms > most_ms)
        charged_ms = most_ms;
    entry->clear_at_ms = now_ms + charged_ms;
    /* Above this no further try fits the period; each one beyond doubles the wait. */
    int64_t over_ms = charged_ms - (self->capacity_ms - self->unit_ms);
    if (over_ms > 0)
        entry->wait_until_ms = now_ms + ((int64_t)WAIT_FIRST_MS << ((over_ms - 1) / self->unit_ms));
    return 0;
}

void accounts_throttle_refund(accounts_throttle_t *self, uint64_t key)
{
    struct entry *entry = s_find(self, key);
    if (entry->key != key)
        return;
    entry->clear_at_ms -= self->unit_ms;
    entry->wait_until_ms = 0; /* it had passed before the try that is taken back */
}

void accounts_throttle_clear(accounts_throttle_t *self, uint64_t key)
{
    struct entry *entry = s_find(self, key);
    if (entry->key == key)
        entry->clear_at_ms = entry->wait_until_ms = 0;
}
