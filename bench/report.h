/* report — what was measured: progress while it runs, a table at the end, and a receipt in JSON with every raw
 * figure. A target is met or MISSED by the median of its rounds; only a bad audit makes the run FAILED. */
#ifndef ROOKERY_BENCH_REPORT_H
#define ROOKERY_BENCH_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "bench/load.h"

enum { SERIES_MAX = 32 };

/* One figure over the rounds. */
struct series {
    const char *name, *unit;
    size_t count;
    double values[SERIES_MAX];
};

#define SERIES(name_, unit_)                                                                                           \
    (struct series)                                                                                                    \
    {                                                                                                                  \
        .name = (name_), .unit = (unit_)                                                                               \
    }

struct report {
    json_t *root;     /* the receipt */
    json_t *scenario; /* the one under way; borrowed from root */
    bool is_failed;
    size_t targets, missed;
    char *table;
    size_t table_len;
};

bool report_init(struct report *self);
void report_fini(struct report *self);
void report_fact(struct report *self, const char *key, const char *value); /* of machine, software, options */

void report_begin(struct report *self, const char *name, const char *title);
void report_number(struct report *self, const char *key, double value); /* a parameter of the scenario */
/* One stretch: goes into the receipt as it is, prints a line, and makes the run FAILED if the audit is not clean. */
void report_stretch(struct report *self, const char *what, size_t round, const struct load_figures *figures);
void report_note(struct report *self, const char *format, ...) __attribute__((format(printf, 2, 3)));
void report_fail(struct report *self, const char *why);

void series_add(struct series *self, double value);
double series_median(const struct series *self);
/* Into receipt and table. */
void report_series(struct report *self, const struct series *series);
/* The same, with its bound. */
void report_target(struct report *self, const struct series *series, bool is_most, double bound);

/* Prints the table and the verdict, writes the receipt. False: FAILED, or the file cannot be written. */
bool report_finish(struct report *self, const char *path);

#endif
