#include "bench/hist.h"

#include <string.h>

void hist_clear(struct hist *self)
{
    memset(self, 0, sizeof *self);
}

/* Below 128 µs one bucket a microsecond; above, 128 buckets for each power of two. */
static unsigned s_bucket(uint64_t us)
{
    if (us < HIST_STEPS)
        return (unsigned)us;
    unsigned power = 63u - (unsigned)__builtin_clzll(us); /* >= HIST_BITS */
    unsigned step = (unsigned)(us >> (power - HIST_BITS)) - HIST_STEPS;
    unsigned bucket = (power - HIST_BITS + 1) * HIST_STEPS + step;
    return bucket < HIST_BUCKETS ? bucket : HIST_BUCKETS - 1;
}

static double s_middle_us(unsigned bucket)
{
    if (bucket < HIST_STEPS)
        return bucket + 0.5;
    unsigned shift = bucket / HIST_STEPS - 1;
    return ((double)(bucket % HIST_STEPS + HIST_STEPS) + 0.5) * (double)(UINT64_C(1) << shift);
}

void hist_add(struct hist *self, int64_t ns)
{
    uint64_t us = ns > 0 ? (uint64_t)ns / 1000 : 0;
    self->buckets[s_bucket(us)]++;
    self->count++;
    if (us > self->max_us)
        self->max_us = us;
}

double hist_ms(const struct hist *self, double share)
{
    uint64_t wanted = (uint64_t)(share * (double)self->count), seen = 0;
    if (wanted >= self->count && self->count > 0)
        wanted = self->count - 1;
    for (unsigned i = 0; i < HIST_BUCKETS; i++) {
        seen += self->buckets[i];
        if (seen > wanted)
            return s_middle_us(i) / 1000.0;
    }
    return 0;
}

double hist_max_ms(const struct hist *self)
{
    return (double)self->max_us / 1000.0;
}
