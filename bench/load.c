#include "bench/load.h"

#include <stdio.h>
#include <string.h>

enum { DRAIN_MS = 5000, DRAIN_SPOILED_MS = 500, SETTLE_MS = 30, BURST_DELIVERIES = 60000, BURST_RATE_MAX = 200 };

struct s_run {
    const struct load_target *target;
    struct ledger ledger;
    struct proc_cpu server, mariadb; /* at the start of the stretch */
    uint64_t client_ns, floor_ns, floor_sends;
    int64_t start_ns, end_ns; /* of posting */
    uint64_t turn;
    bool is_lost; /* a post could not be sent at all */
};

static bool s_post(struct s_run *self, int64_t due_ns)
{
    const struct load_target *target = self->target;
    uint32_t per_room = crowd_per_room(target->crowd), rooms = crowd_readers(target->crowd) / per_room;
    uint32_t room = (uint32_t)(self->turn % rooms), place = (uint32_t)(self->turn / rooms % per_room);
    self->turn++;
    if (target->floor)
        return floor_post(target->floor, target->crowd, &self->ledger, room, due_ns);
    if (target->has_slow && room * per_room + place == target->slow)
        place = place ? 0 : 1;
    return crowd_post(target->crowd, room * per_room + place, due_ns);
}

static int64_t s_drain_end(const struct s_run *self)
{
    return now_ns() + (int64_t)(crowd_is_spoiled(self->target->crowd) ? DRAIN_SPOILED_MS : DRAIN_MS) * 1000000;
}

static void s_settle(struct s_run *self)
{
    int64_t end_ns = s_drain_end(self);
    while (!ledger_is_complete(&self->ledger) && now_ns() < end_ns)
        crowd_poll(self->target->crowd, now_ns() + 1000000);
}

static void s_rest(struct s_run *self)
{
    for (int64_t end_ns = now_ns() + SETTLE_MS * 1000000; now_ns() < end_ns;)
        crowd_poll(self->target->crowd, end_ns);
}

/* The floor waits for each round to be read, as its contract says; a server gets its posts when they are due. */
static void s_post_at_rate(struct s_run *self, double rate, double seconds)
{
    int64_t start_ns = now_ns(), step_ns = (int64_t)(1e9 / rate);
    int64_t count = (int64_t)(seconds * rate);
    for (int64_t i = 0; i < count && !self->is_lost;) {
        int64_t due_ns = start_ns + i * step_ns;
        bool may = !self->target->floor || ledger_is_complete(&self->ledger);
        if (now_ns() < due_ns || !may) {
            crowd_poll(self->target->crowd, may ? due_ns : now_ns() + 1000000);
            continue;
        }
        self->is_lost = !s_post(self, due_ns);
        i++;
        if (now_ns() >= due_ns + step_ns)
            crowd_poll(self->target->crowd, 0); /* behind: still read, or answers pile up */
    }
}

static void s_begin(struct s_run *self, const struct load_target *target)
{
    memset(self, 0, sizeof *self);
    self->target = target;
    ledger_init(&self->ledger);
    crowd_use_ledger(target->crowd, &self->ledger);
    if (!target->has_slow)
        return;
    uint32_t per_room = crowd_per_room(target->crowd);
    ledger_set_slow(&self->ledger, target->slow / per_room, target->slow % per_room);
    if (target->slow_bytes_per_s > 0)
        crowd_slow_down(target->crowd, target->slow, target->slow_bytes_per_s);
}

static void s_burst(struct s_run *self)
{
    crowd_set_text(self->target->crowd, self->target->burst_bytes);
    double rate = (double)BURST_DELIVERIES / crowd_readers(self->target->crowd);
    rate = rate < BURST_RATE_MAX ? rate : BURST_RATE_MAX;
    s_post_at_rate(self, rate, (self->target->burst + 0.5) / rate);
    crowd_set_text(self->target->crowd, CROWD_TEXT_BYTES);
}

/* The slow reader has until the end of the drain to hold what the others hold. */
static void s_let_go(struct s_run *self, struct load_figures *out)
{
    int64_t start_ns = now_ns(), end_ns = s_drain_end(self);
    crowd_let_go(self->target->crowd);
    while (!ledger_is_whole(&self->ledger) && now_ns() < end_ns)
        crowd_poll(self->target->crowd, now_ns() + 1000000);
    out->catch_up_s = (double)(now_ns() - start_ns) / 1e9;
    s_rest(self);
    out->differing = crowd_differing(self->target->crowd);
}

static bool s_measure(struct s_run *self)
{
    s_rest(self);
    ledger_measure(&self->ledger);
    self->client_ns = proc_own_cpu_ns();
    self->start_ns = now_ns();
    if (self->target->floor && !floor_spent(self->target->floor, &self->floor_ns, &self->floor_sends))
        return false;
    return proc_cpu_read(self->target->server, &self->server) && proc_cpu_read(self->target->mariadb, &self->mariadb);
}

static void s_fill_latencies(const struct hist *hist, double out[4])
{
    out[0] = hist_ms(hist, 0.5);
    out[1] = hist_ms(hist, 0.99);
    out[2] = hist_ms(hist, 0.999);
    out[3] = hist_max_ms(hist);
}

static bool s_end(struct s_run *self, struct load_figures *out)
{
    struct proc_cpu server, mariadb;
    const struct load_target *target = self->target;
    *out = (struct load_figures){.seconds = (double)(now_ns() - self->start_ns) / 1e9};
    s_rest(self);
    out->client_ns = proc_own_cpu_ns() - self->client_ns;
    bool ok = proc_cpu_read(target->server, &server) && proc_cpu_read(target->mariadb, &mariadb) && !self->is_lost;
    if (target->floor)
        ok = ok && floor_spent(target->floor, &out->floor_ns, &self->floor_sends);
    if (ok) {
        out->server_ns = proc_cpu_spent_ns(&self->server, &server, "");
        out->edge_ns = proc_cpu_spent_ns(&self->server, &server, "edge");
        out->room_ns = proc_cpu_spent_ns(&self->server, &server, "room");
        out->persist_ns = proc_cpu_spent_ns(&self->server, &server, "persist");
        out->mariadb_ns = proc_cpu_spent_ns(&self->mariadb, &mariadb, "");
    }
    if (target->has_slow)
        s_let_go(self, out);
    out->posts = self->ledger.count - self->ledger.measured_from;
    out->deliveries = self->ledger.deliveries;
    out->acks = self->ledger.acks;
    out->gaps = self->ledger.gaps;
    out->all_acks = self->ledger.all_acks;
    out->frame_bytes = crowd_frame_bytes(target->crowd);
    s_fill_latencies(&self->ledger.delivery, out->delivery_ms);
    s_fill_latencies(&self->ledger.ack, out->ack_ms);
    uint32_t snapshots = crowd_snapshots(target->crowd);
    out->is_clean = ledger_is_clean(&self->ledger) && out->differing == 0 && snapshots == 0;
    ledger_describe(&self->ledger, out->faults, sizeof out->faults);
    if (out->differing > 0 || snapshots > 0) {
        size_t len = strlen(out->faults);
        snprintf(out->faults + len, sizeof out->faults - len, ", %u readers hold another log, %u were given a snapshot",
                 out->differing, snapshots);
    }
    return ok;
}

static void s_close(struct s_run *self)
{
    crowd_use_ledger(self->target->crowd, NULL);
    crowd_on_answer(self->target->crowd, NULL, NULL);
    ledger_fini(&self->ledger);
}

bool load_open(const struct load_target *target, double rate, double warm_s, double seconds,
               struct load_figures *out)
{
    struct s_run run;
    s_begin(&run, target);
    s_post_at_rate(&run, rate, warm_s);
    if (target->burst > 0)
        s_burst(&run);
    s_settle(&run);
    bool ok = s_measure(&run);
    if (ok) {
        s_post_at_rate(&run, rate, seconds);
        s_settle(&run);
        ok = s_end(&run, out);
    }
    s_close(&run);
    return ok;
}

static void s_on_answer(void *owner, uint32_t reader)
{
    struct s_run *self = owner;
    int64_t at_ns = now_ns();
    if (at_ns < self->end_ns && !crowd_post(self->target->crowd, reader, at_ns))
        self->is_lost = true;
}

bool load_closed(const struct load_target *target, double warm_s, double seconds, struct load_figures *out)
{
    struct s_run run;
    s_begin(&run, target);
    bool ok = true;
    for (int stretch = 0; ok && stretch < 2; stretch++) {
        if (stretch == 1)
            ok = s_measure(&run);
        run.end_ns = now_ns() + (int64_t)((stretch ? seconds : warm_s) * 1e9);
        crowd_on_answer(target->crowd, s_on_answer, &run);
        for (uint32_t i = 0; ok && i < crowd_readers(target->crowd); i++)
            ok = crowd_post(target->crowd, i, now_ns());
        while (ok && !run.is_lost && now_ns() < run.end_ns)
            crowd_poll(target->crowd, run.end_ns);
        s_settle(&run);
    }
    ok = s_end(&run, out) && ok;
    s_close(&run);
    return ok;
}
