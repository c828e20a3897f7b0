/* metrics — counters, gauges and histograms, printed in Prometheus text format 0.0.4 by the edge's admin port.
 * Made at start-up from the rows of metrics.def; any thread adds (relaxed atomics: the one thing actors share). */
#ifndef ROOKERY_RUNTIME_METRICS_H
#define ROOKERY_RUNTIME_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/codec.h"

/* metrics.def: METRIC(NAME, COUNTER|GAUGE|HIGHEST|HISTOGRAM, "rookery_edge_sockets", "help"). Histograms count seconds in
 * fixed buckets 0.5 ms … 10 s. */
typedef enum {
#define METRIC(NAME, type, wire, help) METRIC_##NAME,
#include "actors/runtime/metrics.def"
#undef METRIC
    METRIC_COUNT
} metric_t;

void metric_add(metric_t metric, int64_t n);       /* counters, gauges (also negative) */
void metric_set(metric_t metric, int64_t value);   /* gauges */
void metric_highest(metric_t metric, int64_t value); /* HIGHEST, printed as a gauge: the most there was */
void metric_observe_us(metric_t metric, int64_t us); /* histograms */
int64_t metric_value(metric_t metric);             /* histograms: number of observations */
void metrics_print(buffer_t *out);

/* A metric as this process counts it, without what other processes of the server count. Clamped at 0. */
struct metric_reading {
    const char *name;
    uint32_t type; /* 0 counter, 1 gauge, 2 histogram, 3 highest */
    uint64_t value, sum_us;
};
struct metric_reading metric_read(metric_t metric);

/* Several processes of one server (processes.h) count together: before the first fork, room for so many; in each its
 * own place, where a former process left its counters, while its gauges are of nobody any more. What is read is the
 * sum of all. False: no memory. */
bool metrics_share(size_t places);
void metrics_use(size_t place);
bool metrics_is_shared(void); /* then one of the processes prints for all */

#endif
