/* hist — durations in buckets 0.8 % wide: bounded memory whatever is put in. Pure. */
#ifndef ROOKERY_BENCH_HIST_H
#define ROOKERY_BENCH_HIST_H

#include <stdint.h>

enum { HIST_BITS = 7, HIST_STEPS = 1 << HIST_BITS, HIST_POWERS = 28, HIST_BUCKETS = HIST_STEPS * (HIST_POWERS + 1) };

struct hist {
    uint64_t count, max_us;
    uint64_t buckets[HIST_BUCKETS];
};

void hist_clear(struct hist *self);
void hist_add(struct hist *self, int64_t ns);
/* The middle of the bucket below which `share` (0 … 1) of all durations are, in milliseconds; 0 if there is none. */
double hist_ms(const struct hist *self, double share);
double hist_max_ms(const struct hist *self);

#endif
