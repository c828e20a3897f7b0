/* files — posts at a fixed rate with and without somebody who uploads, and somebody who downloads, a large file, in turns:
 * what a file costs those who talk meanwhile, and the server in memory. */
#include <stdio.h>

#include "bench/scenarios.h"
#include "bench/transfer.h"

enum {
    FILES_SENDERS = 16,
    FILES_RATE = 100, /* posts a second */
    SECONDS_MAX = 10,
    SETTLE_MS = 1500, /* after a stretch: the database writes down what it took */
};

struct s_figures {
    struct series without50, with50, without99, with99, ratio50, ratio99, up, down, before, rss, grown;
};

static void s_name(struct s_figures *s)
{
    *s = (struct s_figures){
        .without50 = SERIES("without: ack p50", "ms"),
        .with50 = SERIES("with an upload and a download: ack p50", "ms"),
        .without99 = SERIES("without: ack p99", "ms"),
        .with99 = SERIES("with an upload and a download: ack p99", "ms"),
        .ratio50 = SERIES("ack p50, with : without", ""),
        .ratio99 = SERIES("ack p99, with : without", ""),
        .up = SERIES("uploaded meanwhile", "MB/s"),
        .down = SERIES("downloaded meanwhile", "MB/s"),
        .before = SERIES("server: RSS before", "MiB"),
        .rss = SERIES("server: RSS meanwhile, at most", "MiB"),
        .grown = SERIES("server: RSS, by how much more", "MiB"),
    };
}

static void s_report(struct report *report, const struct s_figures *s)
{
    const struct series *const plain[] = {&s->without50, &s->with50, &s->without99, &s->with99, &s->up,
                                          &s->down,      &s->before, &s->rss};
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
        report_series(report, plain[i]);
    report_target(report, &s->grown, true, 16);
    report_target(report, &s->ratio50, true, 1.25);
    report_target(report, &s->ratio99, true, 1.5);
}

static bool s_stretch(struct bench *self, const struct load_target *target, uint32_t round, bool with, struct s_figures *s,
                      struct load_figures *out)
{
    double seconds = self->seconds * 2 < SECONDS_MAX ? self->seconds * 2 : SECONDS_MAX;
    struct transfer_figures moved = {.is_sound = true};
    transfers_t *transfers = NULL;
    long before_kib = proc_rss_kib(self->server.pid);
    if (with) {
        transfers = transfers_start(&(struct transfer_plan){.port = self->server.port, .token = crowd_token(target->crowd, 0),
                                                            .room = crowd_room(target->crowd, 0),
                                                            .bytes = (uint64_t)self->file_mib << 20,
                                                            .server = self->server.pid});
        if (!transfers)
            return false;
    }
    int64_t start_ns = now_ns();
    bool ok = load_open(target, FILES_RATE, WARM_S, seconds, out);
    double took_s = (double)(now_ns() - start_ns) / 1e9;
    if (transfers)
        transfers_stop(&transfers, &moved);
    if (!ok)
        return false;
    report_stretch(&self->report, with ? "with" : "without", round, out);
    self->lines += out->all_acks;
    if (!moved.is_sound)
        report_fail(&self->report, moved.fault);
    if (with) {
        report_note(&self->report, "round %u: %u files of %u MiB were uploaded whole", round, moved.files, self->file_mib);
        series_add(&s->up, moved.up_bytes / 1e6 / took_s);
        series_add(&s->down, moved.down_bytes / 1e6 / took_s);
        series_add(&s->before, (double)before_kib / 1024);
        series_add(&s->rss, (double)moved.rss_kib_max / 1024);
        series_add(&s->grown, (double)(moved.rss_kib_max - before_kib) / 1024);
    }
    scenario_rest(target->crowd, SETTLE_MS);
    return true;
}

static bool s_round(struct bench *self, const struct load_target *target, uint32_t round, struct s_figures *s)
{
    struct load_figures with, without;
    bool with_first = round % 2 == 0; /* so that what comes second is not always the same */
    if (!s_stretch(self, target, round, with_first, s, with_first ? &with : &without) ||
        !s_stretch(self, target, round, !with_first, s, with_first ? &without : &with))
        return false;
    series_add(&s->without50, without.ack_ms[0]);
    series_add(&s->with50, with.ack_ms[0]);
    series_add(&s->without99, without.ack_ms[1]);
    series_add(&s->with99, with.ack_ms[1]);
    series_add(&s->ratio50, without.ack_ms[0] > 0 ? with.ack_ms[0] / without.ack_ms[0] : 0);
    series_add(&s->ratio99, without.ack_ms[1] > 0 ? with.ack_ms[1] / without.ack_ms[1] : 0);
    return true;
}

bool scenario_files(struct bench *self)
{
    char title[128];
    struct s_figures figures;
    s_name(&figures);
    snprintf(title, sizeof title, "%d senders, %d posts/s, with and without an upload and a download of %u MiB, in turns",
             FILES_SENDERS, FILES_RATE, self->file_mib);
    report_begin(&self->report, "files", title);
    report_number(&self->report, "senders", FILES_SENDERS);
    report_number(&self->report, "posts_per_s", FILES_RATE);
    report_number(&self->report, "file_mib", self->file_mib);
    crowd_t *crowd = NULL;
    bool ok = scenario_open(self, FILES_SENDERS, 1, true, &crowd);
    const struct load_target target = {.crowd = crowd, .server = self->server.pid, .mariadb = self->mariadb};
    for (uint32_t round = 1; ok && round <= self->rounds; round++)
        ok = s_round(self, &target, round, &figures);
    s_report(&self->report, &figures);
    scenario_close(self, &crowd);
    return ok;
}
