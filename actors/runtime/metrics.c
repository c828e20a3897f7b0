#include "actors/runtime/metrics.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>

enum { COUNTER, GAUGE, HISTOGRAM, HIGHEST };

struct metric_row {
    int type;
    const char *name, *help;
};

static const struct metric_row s_rows[METRIC_COUNT] = {
#define METRIC(NAME, type, wire, help) {type, wire, help},
#include "actors/runtime/metrics.def"
#undef METRIC
};

static const char *const s_type_names[] = {"counter", "gauge", "histogram", "gauge"};

/* Upper ends of the buckets; what is above the last one only counts in +Inf. */
static const struct {
    int64_t us;
    const char *text;
} s_buckets[] = {
    {500, "0.0005"},   {1000, "0.001"},  {2500, "0.0025"}, {5000, "0.005"},   {10000, "0.01"},
    {25000, "0.025"},  {50000, "0.05"},  {100000, "0.1"},  {250000, "0.25"},  {500000, "0.5"},
    {1000000, "1"},    {2500000, "2.5"}, {5000000, "5"},   {10000000, "10"},
};
enum { BUCKETS = sizeof s_buckets / sizeof s_buckets[0] };

/* Relaxed: each is a number of its own, nothing is read through it. A print may see a histogram between two of
 * its additions; the next scrape sees both. */
struct metric_cell {
    _Atomic int64_t value; /* histogram: number of observations */
    _Atomic int64_t sum_us;
    _Atomic int64_t buckets[BUCKETS]; /* not cumulative */
};

static struct metric_cell s_alone[METRIC_COUNT];
/* Changed only while the process has one thread. */
static struct metric_cell *s_cells = s_alone; /* our own place */
static struct metric_cell *s_all = s_alone;   /* all places, one behind the other */
static size_t s_places = 1;

bool metrics_share(size_t places)
{
    void *memory = mmap(NULL, places * sizeof s_alone, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    s_all = s_cells = memory;
    s_places = places;
    return true;
}

void metrics_use(size_t place)
{
    s_cells = s_all + place * METRIC_COUNT;
    for (size_t i = 0; i < METRIC_COUNT; i++)
        if (s_rows[i].type == GAUGE || s_rows[i].type == HIGHEST)
            metric_set((metric_t)i, 0);
}

bool metrics_is_shared(void)
{
    return s_places > 1;
}

/* The cell of a metric, summed over all places. */
static struct metric_cell s_sum(metric_t metric)
{
    struct metric_cell sum = {0};
    for (size_t place = 0; place < s_places; place++) {
        struct metric_cell *cell = &s_all[place * METRIC_COUNT + metric];
        int64_t value = atomic_load_explicit(&cell->value, memory_order_relaxed);
        if (s_rows[metric].type != HIGHEST)
            sum.value += value;
        else if (value > sum.value)
            sum.value = value;
        sum.sum_us += atomic_load_explicit(&cell->sum_us, memory_order_relaxed);
        for (size_t i = 0; i < BUCKETS; i++)
            sum.buckets[i] += atomic_load_explicit(&cell->buckets[i], memory_order_relaxed);
    }
    return sum;
}

void metric_add(metric_t metric, int64_t n)
{
    atomic_fetch_add_explicit(&s_cells[metric].value, n, memory_order_relaxed);
}

void metric_set(metric_t metric, int64_t value)
{
    atomic_store_explicit(&s_cells[metric].value, value, memory_order_relaxed);
}

void metric_highest(metric_t metric, int64_t value)
{
    _Atomic int64_t *cell = &s_cells[metric].value;
    int64_t known = atomic_load_explicit(cell, memory_order_relaxed);
    while (value > known &&
           !atomic_compare_exchange_weak_explicit(cell, &known, value, memory_order_relaxed, memory_order_relaxed))
        ;
}

void metric_observe_us(metric_t metric, int64_t us)
{
    struct metric_cell *cell = &s_cells[metric];
    for (size_t i = 0; i < BUCKETS; i++) {
        if (us <= s_buckets[i].us) {
            atomic_fetch_add_explicit(&cell->buckets[i], 1, memory_order_relaxed);
            break;
        }
    }
    atomic_fetch_add_explicit(&cell->sum_us, us, memory_order_relaxed);
    atomic_fetch_add_explicit(&cell->value, 1, memory_order_relaxed);
}

int64_t metric_value(metric_t metric)
{
    struct metric_cell sum = s_sum(metric);
    return sum.value;
}

static uint64_t s_clamped(_Atomic int64_t *number)
{
    int64_t value = atomic_load_explicit(number, memory_order_relaxed);
    return value > 0 ? (uint64_t)value : 0;
}

struct metric_reading metric_read(metric_t metric)
{
    struct metric_cell *cell = &s_cells[metric];
    return (struct metric_reading){.name = s_rows[metric].name, .type = (uint32_t)s_rows[metric].type,
                                   .value = s_clamped(&cell->value), .sum_us = s_clamped(&cell->sum_us)};
}

static void s_line(buffer_t *out, const char *name, const char *suffix, const char *labels,
                   int64_t value)
{
    char line[256];
    int len = snprintf(line, sizeof line, "%s%s%s %" PRId64 "\n", name, suffix, labels, value);
    buffer_append(out, line, (size_t)len);
}

static void s_print_histogram(buffer_t *out, const struct metric_row *row,
                              const struct metric_cell *cell)
{
    char labels[32], line[256];
    int64_t below = 0;
    for (size_t i = 0; i < BUCKETS; i++) {
        below += atomic_load_explicit(&cell->buckets[i], memory_order_relaxed);
        snprintf(labels, sizeof labels, "{le=\"%s\"}", s_buckets[i].text);
        s_line(out, row->name, "_bucket", labels, below);
    }
    int64_t count = atomic_load_explicit(&cell->value, memory_order_relaxed);
    int64_t sum_us = atomic_load_explicit(&cell->sum_us, memory_order_relaxed);
    if (count < below) /* an observation is half added: a bucket must not hold more than all */
        count = below;
    s_line(out, row->name, "_bucket", "{le=\"+Inf\"}", count);
    int len = snprintf(line, sizeof line, "%s_sum %" PRId64 ".%06" PRId64 "\n", row->name,
                       sum_us / 1000000, sum_us % 1000000);
    buffer_append(out, line, (size_t)len);
    s_line(out, row->name, "_count", "", count);
}

void metrics_print(buffer_t *out)
{
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        const struct metric_row *row = &s_rows[i];
        char head[512];
        int len = snprintf(head, sizeof head, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help,
                           row->name, s_type_names[row->type]);
        buffer_append(out, head, (size_t)len);
        struct metric_cell sum = s_sum((metric_t)i);
        if (row->type == HISTOGRAM)
            s_print_histogram(out, row, &sum);
        else
            s_line(out, row->name, "", "", sum.value);
    }
}
