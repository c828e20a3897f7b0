/* slow — the same room with and without one reader who takes 1 KB/s, in turns. Before each stretch long lines fill what
 * the server and the kernel keep for a slow socket, in both cases; so the slow one is at its bounds all the while. */
#include <stdio.h>

#include "bench/scenarios.h"

enum {
    SLOW_RATE = 20,          /* posts a second */
    SLOW_BYTES_PER_S = 1024,
    SECONDS_MAX = 10,        /* of a stretch: what the slow one lacks at its end must be no more than a delta holds */
    BURST = 115,
    BURST_BYTES = 4000,      /* together more than an outbox of 256 KiB and the kernel's buffers, by less than a delta */
};

struct s_figures {
    struct series without50, with50, without99, with99, ratio, without_cpu, with_cpu, gaps, catch_up;
};

static void s_name(struct s_figures *s)
{
    *s = (struct s_figures){
        .without50 = SERIES("without: delivery p50", "ms"),
        .with50 = SERIES("with the slow reader: the others' p50", "ms"),
        .without99 = SERIES("without: delivery p99", "ms"),
        .with99 = SERIES("with the slow reader: the others' p99", "ms"),
        .ratio = SERIES("the others' p99, with : without", ""),
        .without_cpu = SERIES("without: server CPU per delivery", "us"),
        .with_cpu = SERIES("with: server CPU per delivery", "us"),
        .gaps = SERIES("gaps told to the slow reader", ""),
        .catch_up = SERIES("caught up, once it read on", "s"),
    };
}

static void s_report(struct report *report, const struct s_figures *s)
{
    const struct series *const plain[] = {&s->without50,   &s->with50,   &s->without99, &s->with99,
                                          &s->without_cpu, &s->with_cpu, &s->gaps,      &s->catch_up};
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
        report_series(report, plain[i]);
    report_target(report, &s->ratio, true, 1.05);
}

static bool s_stretch(struct bench *self, struct load_target *target, uint32_t round, bool slow,
                      struct load_figures *out)
{
    target->slow_bytes_per_s = slow ? SLOW_BYTES_PER_S : 0;
    double seconds = self->seconds * 2 < SECONDS_MAX ? self->seconds * 2 : SECONDS_MAX;
    if (!load_open(target, SLOW_RATE, WARM_S, seconds, out))
        return false;
    report_stretch(&self->report, slow ? "with" : "without", round, out);
    self->lines += out->all_acks;
    return true;
}

static bool s_round(struct bench *self, struct load_target *target, uint32_t round, struct s_figures *s)
{
    struct load_figures with, without;
    bool with_first = round % 2 == 0; /* so that what comes second is not always the same */
    if (!s_stretch(self, target, round, with_first, with_first ? &with : &without) ||
        !s_stretch(self, target, round, !with_first, with_first ? &without : &with))
        return false;
    series_add(&s->without50, without.delivery_ms[0]);
    series_add(&s->with50, with.delivery_ms[0]);
    series_add(&s->without99, without.delivery_ms[1]);
    series_add(&s->with99, with.delivery_ms[1]);
    series_add(&s->ratio, without.delivery_ms[1] > 0 ? with.delivery_ms[1] / without.delivery_ms[1] : 0);
    series_add(&s->without_cpu, scenario_us(without.server_ns, without.deliveries));
    series_add(&s->with_cpu, scenario_us(with.server_ns, with.deliveries));
    series_add(&s->gaps, (double)with.gaps);
    series_add(&s->catch_up, with.catch_up_s);
    if (with.gaps == 0)
        report_fail(&self->report, "the slow reader was not slow enough to be told of a gap");
    return true;
}

bool scenario_slow(struct bench *self)
{
    char title[128];
    struct s_figures figures;
    s_name(&figures);
    snprintf(title, sizeof title, "1 room of %u readers, %d posts/s, with and without one of them at %d B/s, in turns",
             self->readers, SLOW_RATE, SLOW_BYTES_PER_S);
    report_begin(&self->report, "slow", title);
    report_number(&self->report, "readers", self->readers);
    report_number(&self->report, "posts_per_s", SLOW_RATE);
    report_number(&self->report, "slow_bytes_per_s", SLOW_BYTES_PER_S);
    report_number(&self->report, "burst_bytes", BURST * BURST_BYTES);
    crowd_t *crowd = NULL;
    bool ok = scenario_open_narrow(self, self->readers, &crowd);
    struct load_target target = {.crowd = crowd,
                                 .server = self->server.pid,
                                 .mariadb = self->mariadb,
                                 .has_slow = true,
                                 .slow = self->readers - 1,
                                 .burst = BURST,
                                 .burst_bytes = BURST_BYTES};
    for (uint32_t round = 1; ok && round <= self->rounds; round++)
        ok = s_round(self, &target, round, &figures);
    s_report(&self->report, &figures);
    scenario_close(self, &crowd);
    return ok;
}
