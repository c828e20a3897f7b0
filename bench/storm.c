/* storm — all sockets but one a room are cut at once, while those who stay go on talking. Measured is how long it takes
 * until everybody is back and holds every line; the ledger sees to it that none came twice, or in another order. */
#include <stdio.h>
#include <string.h>

#include "bench/scenarios.h"

enum {
    ROOM_SIZE = 100, /* who are cut; one more stays */
    LINES = 10,      /* of each room, over a second */
    ROUNDS_MAX = 3,
    TIMEOUT_S = 60,
    TIMEOUT_SPOILED_S = 3,
    STEP_NS = 2000000,
};

struct s_figures {
    struct series all, p50, p99, attempts, errors, cpu, mariadb, acks;
};

static void s_name(struct s_figures *s)
{
    *s = (struct s_figures){
        .all = SERIES("all back and caught up", "s"),
        .p50 = SERIES("back: p50", "ms"),
        .p99 = SERIES("back: p99", "ms"),
        .attempts = SERIES("connections for each to come back", ""),
        .errors = SERIES("connections refused or lost on the way", ""),
        .cpu = SERIES("server CPU for each that came back", "us"),
        .mariadb = SERIES("MariaDB CPU for each that came back", "us"),
        .acks = SERIES("ack p99 of those who went on talking", "ms"),
    };
}

/* Everybody's lines are due within a second of the cut; who is away reads them afterwards. */
static bool s_ride_out(crowd_t *crowd, struct ledger *ledger)
{
    uint32_t per_room = crowd_per_room(crowd), rooms = crowd_readers(crowd) / per_room, said = 0;
    int64_t start_ns = now_ns(), next_look_ns = 0;
    int64_t end_ns = start_ns + (int64_t)(crowd_is_spoiled(crowd) ? TIMEOUT_SPOILED_S : TIMEOUT_S) * 1000000000;
    bool is_back = false;
    while (!is_back || said < rooms * LINES || !ledger_is_complete(ledger)) {
        int64_t at_ns = now_ns(), due_ns = start_ns + (int64_t)said * 1000000000 / (rooms * LINES);
        if (at_ns > end_ns)
            return false;
        if (said < rooms * LINES && at_ns >= due_ns) {
            if (!crowd_post(crowd, said % rooms * per_room, due_ns))
                return false;
            said++;
            continue;
        }
        if (at_ns >= next_look_ns) {
            is_back = crowd_come_back(crowd);
            next_look_ns = at_ns + STEP_NS;
        }
        crowd_poll(crowd, at_ns + STEP_NS);
    }
    return true;
}

static void s_fill(struct load_figures *f, const struct ledger *ledger, int64_t ns)
{
    *f = (struct load_figures){.seconds = (double)ns / 1e9,
                               .posts = ledger->count,
                               .deliveries = ledger->deliveries,
                               .acks = ledger->acks,
                               .all_acks = ledger->all_acks,
                               .gaps = ledger->gaps,
                               .delivery_ms = {hist_ms(&ledger->delivery, 0.5), hist_ms(&ledger->delivery, 0.99),
                                               hist_ms(&ledger->delivery, 0.999), hist_max_ms(&ledger->delivery)},
                               .ack_ms = {hist_ms(&ledger->ack, 0.5), hist_ms(&ledger->ack, 0.99),
                                          hist_ms(&ledger->ack, 0.999), hist_max_ms(&ledger->ack)}};
    f->is_clean = ledger_is_clean(ledger);
    ledger_describe(ledger, f->faults, sizeof f->faults);
}

static void s_note(struct bench *self, const struct crowd_return *r, const struct load_figures *f, struct s_figures *s)
{
    series_add(&s->all, f->seconds);
    series_add(&s->p50, hist_ms(&r->back_after, 0.5));
    series_add(&s->p99, hist_ms(&r->back_after, 0.99));
    series_add(&s->attempts, r->cut ? (double)r->attempts / r->cut : 0);
    series_add(&s->errors, r->refused + r->closed);
    series_add(&s->cpu, scenario_us(f->server_ns, r->cut));
    series_add(&s->mariadb, scenario_us(f->mariadb_ns, r->cut));
    series_add(&s->acks, f->ack_ms[1]);
    report_note(&self->report, "%u cut, %u back; %u connections, of them %u refused and %u lost; the last after %.2f s",
                r->cut, r->back, r->attempts, r->refused, r->closed, (double)(r->done_ns - r->cut_ns) / 1e9);
}

static bool s_round(struct bench *self, crowd_t *crowd, uint32_t round, struct s_figures *s)
{
    struct ledger ledger;
    struct load_figures figures;
    struct proc_cpu server[2], mariadb[2];
    ledger_init(&ledger);
    crowd_use_ledger(crowd, &ledger);
    bool ok = proc_cpu_read(self->server.pid, &server[0]) && proc_cpu_read(self->mariadb, &mariadb[0]);
    int64_t start_ns = now_ns();
    uint64_t client_ns = proc_own_cpu_ns();
    crowd_cut(crowd);
    bool is_over = s_ride_out(crowd, &ledger);
    int64_t took_ns = now_ns() - start_ns;
    ok = ok && proc_cpu_read(self->server.pid, &server[1]) && proc_cpu_read(self->mariadb, &mariadb[1]);
    scenario_rest(crowd, 100); /* what comes twice comes late */
    s_fill(&figures, &ledger, took_ns);
    figures.client_ns = proc_own_cpu_ns() - client_ns;
    if (ok) {
        figures.server_ns = proc_cpu_spent_ns(&server[0], &server[1], "");
        figures.edge_ns = proc_cpu_spent_ns(&server[0], &server[1], "edge");
        figures.room_ns = proc_cpu_spent_ns(&server[0], &server[1], "room");
        figures.persist_ns = proc_cpu_spent_ns(&server[0], &server[1], "persist");
        figures.mariadb_ns = proc_cpu_spent_ns(&mariadb[0], &mariadb[1], "");
    }
    s_note(self, crowd_returned(crowd), &figures, s);
    report_stretch(&self->report, "storm", round, &figures);
    self->lines += figures.all_acks;
    if (!is_over)
        report_fail(&self->report, "not all came back within a minute");
    if (crowd_snapshots(crowd) > 0)
        report_fail(&self->report, "a reader who lacked a few lines was given a snapshot");
    crowd_use_ledger(crowd, NULL);
    ledger_fini(&ledger);
    return ok && is_over;
}

bool scenario_storm(struct bench *self)
{
    uint32_t size = self->storm < ROOM_SIZE ? self->storm : ROOM_SIZE, rooms = self->storm / size;
    char title[128];
    struct s_figures f;
    s_name(&f);
    snprintf(title, sizeof title, "%u sockets in %u rooms cut at once, while %u lines are said; all back?",
             rooms * size, rooms, rooms * LINES);
    report_begin(&self->report, "storm", title);
    report_number(&self->report, "cut", rooms * size);
    report_number(&self->report, "rooms", rooms);
    report_number(&self->report, "lines_per_room", LINES);
    crowd_t *crowd = NULL;
    bool ok = scenario_open(self, rooms, size + 1, true, &crowd);
    uint32_t rounds = self->rounds < ROUNDS_MAX ? self->rounds : ROUNDS_MAX;
    for (uint32_t round = 1; ok && round <= rounds; round++) {
        ok = s_round(self, crowd, round, &f);
        scenario_rest(crowd, 500);
    }
    const struct series *const all[] = {&f.all, &f.p50, &f.p99, &f.attempts, &f.errors, &f.cpu, &f.mariadb, &f.acks};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        report_series(&self->report, all[i]);
    scenario_close(self, &crowd);
    return ok;
}
