#include "bench/report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES = 512 };

bool report_init(struct report *self)
{
    *self = (struct report){.root = json_object()};
    return self->root && json_object_set_new(self->root, "facts", json_object()) == 0 &&
           json_object_set_new(self->root, "scenarios", json_array()) == 0 &&
           json_object_set_new(self->root, "targets", json_array()) == 0;
}

void report_fini(struct report *self)
{
    json_decref(self->root);
    free(self->table);
    *self = (struct report){0};
}

static void s_table(struct report *self, const char *line)
{
    size_t len = strlen(line);
    char *grown = realloc(self->table, self->table_len + len + 2);
    if (!grown)
        return;
    memcpy(grown + self->table_len, line, len);
    memcpy(grown + self->table_len + len, "\n", 2);
    self->table = grown;
    self->table_len += len + 1;
}

void report_fact(struct report *self, const char *key, const char *value)
{
    json_object_set_new(json_object_get(self->root, "facts"), key, json_string(value));
}

void report_begin(struct report *self, const char *name, const char *title)
{
    self->scenario = json_pack("{s:s, s:s, s:{}, s:[], s:{}, s:[]}", "name", name, "title", title, "parameters",
                               "stretches", "figures", "notes");
    json_array_append_new(json_object_get(self->root, "scenarios"), self->scenario);
    printf("\n%s: %s\n", name, title);
    char line[LINE_BYTES];
    snprintf(line, sizeof line, "\n%s: %s", name, title);
    s_table(self, line);
}

void report_number(struct report *self, const char *key, double value)
{
    json_object_set_new(json_object_get(self->scenario, "parameters"), key, json_real(value));
}

void report_note(struct report *self, const char *format, ...)
{
    char text[LINE_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    printf("  %s\n", text);
    fflush(stdout);
    json_array_append_new(json_object_get(self->scenario, "notes"), json_string(text));
}

void report_fail(struct report *self, const char *why)
{
    self->is_failed = true;
    printf("  FAILED: %s\n", why);
    char line[LINE_BYTES];
    snprintf(line, sizeof line, "  FAILED: %s", why);
    s_table(self, line);
    json_object_set_new(self->scenario ? self->scenario : self->root, "failed", json_string(why));
    fflush(stdout);
}

static json_t *s_latencies(const double ms[4])
{
    return json_pack("{s:f, s:f, s:f, s:f}", "p50", ms[0], "p99", ms[1], "p99_9", ms[2], "max", ms[3]);
}

static double s_each(uint64_t ns, uint64_t count)
{
    return count ? (double)ns / 1e3 / (double)count : 0;
}

static void s_print_stretch(const char *what, size_t round, const struct load_figures *f)
{
    printf("  round %zu %-26s", round, what);
    if (f->floor_ns)
        printf(" %6.2f us/send", s_each(f->floor_ns, f->deliveries));
    else
        printf(" %6.2f us/delivery, %7.1f posts/s, ack p50 %.2f p99 %.2f ms,", s_each(f->server_ns, f->deliveries),
               (double)f->acks / f->seconds, f->ack_ms[0], f->ack_ms[1]);
    printf(" delivery p50 %.2f p99 %.2f ms, client %2.0f %%, audit %s\n", f->delivery_ms[0], f->delivery_ms[1],
           (double)f->client_ns / f->seconds / 1e7, f->faults);
    fflush(stdout);
}

void report_stretch(struct report *self, const char *what, size_t round, const struct load_figures *f)
{
    json_t *stretch = json_pack(
        "{s:s, s:I, s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s}", "what", what, "round",
        (json_int_t)round, "seconds", f->seconds, "posts", (json_int_t)f->posts, "deliveries",
        (json_int_t)f->deliveries, "acks", (json_int_t)f->acks, "gaps", (json_int_t)f->gaps, "server_ns",
        (json_int_t)f->server_ns, "edge_ns", (json_int_t)f->edge_ns, "room_ns", (json_int_t)f->room_ns, "persist_ns",
        (json_int_t)f->persist_ns, "mariadb_ns", (json_int_t)f->mariadb_ns, "floor_ns", (json_int_t)f->floor_ns,
        "client_ns", (json_int_t)f->client_ns, "frame_bytes", (json_int_t)f->frame_bytes, "audit", f->faults);
    if (f->catch_up_s > 0)
        json_object_set_new(stretch, "catch_up_s", json_real(f->catch_up_s));
    json_object_set_new(stretch, "delivery_ms", s_latencies(f->delivery_ms));
    json_object_set_new(stretch, "ack_ms", s_latencies(f->ack_ms));
    json_array_append_new(json_object_get(self->scenario, "stretches"), stretch);
    s_print_stretch(what, round, f);
    if (!f->is_clean) {
        char why[LINE_BYTES];
        snprintf(why, sizeof why, "round %zu, %s: %s", round, what, f->faults);
        report_fail(self, why);
    }
}

void series_add(struct series *self, double value)
{
    if (self->count < SERIES_MAX)
        self->values[self->count++] = value;
}

static int s_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double series_median(const struct series *self)
{
    double sorted[SERIES_MAX];
    if (self->count == 0)
        return 0;
    memcpy(sorted, self->values, sizeof sorted);
    qsort(sorted, self->count, sizeof sorted[0], s_compare);
    size_t middle = self->count / 2;
    return self->count % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

static void s_series(struct report *self, const struct series *series, const char *verdict)
{
    if (series->count == 0)
        return;
    json_t *raw = json_array();
    char line[LINE_BYTES];
    size_t len = (size_t)snprintf(line, sizeof line, "  %-44s %10.2f %-12s [", series->name, series_median(series),
                                  series->unit);
    for (size_t i = 0; i < series->count; i++) {
        json_array_append_new(raw, json_real(series->values[i]));
        if (len < sizeof line)
            len += (size_t)snprintf(line + len, sizeof line - len, "%s%.2f", i ? " " : "", series->values[i]);
    }
    if (len < sizeof line)
        snprintf(line + len, sizeof line - len, "]%s", verdict);
    s_table(self, line);
    json_object_set_new(json_object_get(self->scenario, "figures"), series->name,
                        json_pack("{s:s, s:f, s:o}", "unit", series->unit, "median", series_median(series), "raw",
                                  raw));
}

void report_series(struct report *self, const struct series *series)
{
    s_series(self, series, "");
}

void report_target(struct report *self, const struct series *series, bool is_most, double bound)
{
    double figure = series_median(series);
    const char *scenario = json_string_value(json_object_get(self->scenario, "name"));
    bool is_met = series->count > 0 && (is_most ? figure <= bound : figure >= bound);
    char verdict[96];
    snprintf(verdict, sizeof verdict, "  target %s %g: %s", is_most ? "<=" : ">=", bound, is_met ? "met" : "MISSED");
    s_series(self, series, verdict);
    self->targets++;
    self->missed += !is_met;
    json_array_append_new(json_object_get(self->root, "targets"),
                          json_pack("{s:s, s:s, s:s, s:f, s:s, s:f, s:b}", "scenario", scenario, "name",
                                    series->name, "unit", series->unit,
                                    is_most ? "at_most" : "at_least", bound, "verdict", is_met ? "met" : "MISSED",
                                    "figure", figure, "met", is_met));
}

bool report_finish(struct report *self, const char *path)
{
    json_object_set_new(self->root, "audit", json_string(self->is_failed ? "FAILED" : "clean"));
    printf("\n%-46s %10s %-12s raw rounds\n%s\n", "", "median", "", self->table ? self->table : "");
    printf("audit: %s; targets: %zu of %zu met\n", self->is_failed ? "FAILED" : "clean", self->targets - self->missed,
           self->targets);
    if (path && json_dump_file(self->root, path, JSON_INDENT(1) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(8)) != 0) {
        fprintf(stderr, "bench: cannot write %s\n", path);
        return false;
    }
    if (path)
        printf("receipt: %s\n", path);
    return !self->is_failed;
}
