#include "bench/scenarios.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    FANOUT_DELIVERIES = 20000, /* a second */
    ROOMS = 250,
    ROOM_SIZE = 4,
    ROOMS_RATE = 1000,
    POST_RATE = 100,
    IDLE_ROOM_SIZE = 100,
    IDLE_REST_S = 3,
    CALM_MS = 500,
};

void scenario_rest(crowd_t *crowd, int64_t ms)
{
    for (int64_t end_ns = now_ns() + ms * 1000000; now_ns() < end_ns;)
        crowd_poll(crowd, end_ns);
}

static bool s_open(struct bench *self, struct crowd_plan plan, bool live, crowd_t **crowd_out)
{
    uint64_t first = self->users;
    uint32_t count = plan.rooms * plan.per_room;
    int64_t start_ns = now_ns();
    *crowd_out = NULL;
    if (!server_start(&self->server, self->program, self->log_path) ||
        !people_import(self->program, first, count) ||
        !people_sign_in(self->program, first, count, &self->people))
        return false;
    self->users += count;
    report_note(&self->report, "%u users imported, %u tokens made in %.1f s", count, count,
                (double)(now_ns() - start_ns) / 1e9);
    plan.port = self->server.port;
    plan.tokens = self->people.tokens;
    plan.planted = self->planted;
    crowd_t *crowd = crowd_new(&plan);
    *crowd_out = crowd;
    if (!crowd || !crowd_join(crowd))
        return false;
    report_note(&self->report, "%u people joined %u rooms in %.1f s", count, plan.rooms,
                (double)crowd_setup_ns(crowd) / 1e9);
    if (live && !crowd_show(crowd))
        return false;
    scenario_rest(crowd, CALM_MS);
    return true;
}

bool scenario_open(struct bench *self, uint32_t rooms, uint32_t per_room, bool live, crowd_t **crowd_out)
{
    return s_open(self, (struct crowd_plan){.rooms = rooms, .per_room = per_room}, live, crowd_out);
}

bool scenario_open_narrow(struct bench *self, uint32_t readers, crowd_t **crowd_out)
{
    return s_open(self, (struct crowd_plan){.rooms = 1, .per_room = readers, .narrow_from = readers - 1}, true,
                  crowd_out);
}

void scenario_close(struct bench *self, crowd_t **crowd_p)
{
    crowd_destroy(crowd_p);
    people_fini(&self->people);
    server_stop(&self->server);
}

double scenario_us(uint64_t ns, uint64_t count)
{
    return count ? (double)ns / 1e3 / (double)count : 0;
}

/* ---- fanout and rooms: against the floor ------------------------------------------------------------------------- */

struct s_compared {
    struct series floor, server, ratio, edge, others, mariadb, p50, p99, p999, ack50, ack99, floor_p50, floor_p99;
};

static void s_name(struct s_compared *s)
{
    *s = (struct s_compared){
        .floor = SERIES("floor: bare send(), CPU per delivery", "us"),
        .server = SERIES("server: all threads, CPU per delivery", "us"),
        .ratio = SERIES("server : floor", ""),
        .edge = SERIES("  of it the edge thread", "us"),
        .others = SERIES("  of it all other threads", "us"),
        .mariadb = SERIES("MariaDB: CPU per post", "us"),
        .p50 = SERIES("delivery p50, from when it was due", "ms"),
        .p99 = SERIES("delivery p99", "ms"),
        .p999 = SERIES("delivery p99.9", "ms"),
        .ack50 = SERIES("ack p50, from when it was due", "ms"),
        .ack99 = SERIES("ack p99", "ms"),
        .floor_p50 = SERIES("floor: delivery p50", "ms"),
        .floor_p99 = SERIES("floor: delivery p99", "ms"),
    };
}

static void s_compare(struct s_compared *s, const struct load_figures *floor, const struct load_figures *server)
{
    double floor_us = scenario_us(floor->floor_ns, floor->deliveries), server_us = scenario_us(server->server_ns, server->deliveries);
    series_add(&s->floor, floor_us);
    series_add(&s->server, server_us);
    series_add(&s->ratio, floor_us > 0 ? server_us / floor_us : 0);
    series_add(&s->edge, scenario_us(server->edge_ns, server->deliveries));
    series_add(&s->others, scenario_us(server->server_ns - server->edge_ns, server->deliveries));
    series_add(&s->mariadb, scenario_us(server->mariadb_ns, server->posts));
    series_add(&s->p50, server->delivery_ms[0]);
    series_add(&s->p99, server->delivery_ms[1]);
    series_add(&s->p999, server->delivery_ms[2]);
    series_add(&s->ack50, server->ack_ms[0]);
    series_add(&s->ack99, server->ack_ms[1]);
    series_add(&s->floor_p50, floor->delivery_ms[0]);
    series_add(&s->floor_p99, floor->delivery_ms[1]);
}

static void s_report_compared(struct report *report, const struct s_compared *s, double ratio_target)
{
    report_series(report, &s->floor);
    report_series(report, &s->server);
    report_series(report, &s->edge);
    report_series(report, &s->others);
    if (ratio_target > 0)
        report_target(report, &s->ratio, true, ratio_target);
    else
        report_series(report, &s->ratio);
    const struct series *const rest[] = {&s->mariadb, &s->p50,   &s->p99,       &s->p999,
                                         &s->ack50,   &s->ack99, &s->floor_p50, &s->floor_p99};
    for (size_t i = 0; i < sizeof rest / sizeof rest[0]; i++)
        report_series(report, rest[i]);
}

static bool s_rounds(struct bench *self, const struct load_target *floor, const struct load_target *server,
                     double rate, struct s_compared *compared)
{
    for (uint32_t round = 1; round <= self->rounds; round++) {
        struct load_figures a, b;
        if (!load_open(floor, rate, WARM_S, self->seconds, &a))
            return false;
        report_stretch(&self->report, "floor", round, &a);
        if (!load_open(server, rate, WARM_S, self->seconds, &b))
            return false;
        report_stretch(&self->report, "server", round, &b);
        self->lines += b.all_acks;
        if (round == 1)
            report_note(&self->report, "an event has %zu bytes at the floor, %zu from the server", a.frame_bytes,
                        b.frame_bytes);
        s_compare(compared, &a, &b);
    }
    return true;
}

static bool s_against_floor(struct bench *self, uint32_t rooms, uint32_t per_room, double rate, double ratio_target)
{
    struct s_compared compared;
    s_name(&compared);
    report_number(&self->report, "rooms", rooms);
    report_number(&self->report, "readers_per_room", per_room);
    report_number(&self->report, "posts_per_s", rate);
    report_number(&self->report, "seconds", self->seconds);
    crowd_t *crowd = NULL, *floor_crowd = NULL;
    floor_sender_t *floor = floor_new(rooms * per_room);
    if (floor)
        floor_crowd = crowd_new(&(struct crowd_plan){
            .port = floor_port(floor), .is_floor = true, .rooms = rooms, .per_room = per_room});
    bool ok = floor_crowd && crowd_connect(floor_crowd) && scenario_open(self, rooms, per_room, true, &crowd);
    if (ok) {
        const struct load_target at_floor = {.crowd = floor_crowd, .floor = floor};
        const struct load_target at_server = {.crowd = crowd, .server = self->server.pid, .mariadb = self->mariadb};
        ok = s_rounds(self, &at_floor, &at_server, rate, &compared);
    }
    s_report_compared(&self->report, &compared, ratio_target);
    scenario_close(self, &crowd);
    crowd_destroy(&floor_crowd);
    floor_destroy(&floor);
    return ok;
}

/* As many deliveries a second in a large room as in a small one: the price of one is compared. */
static bool s_fanout(struct bench *self, const char *name, uint32_t readers)
{
    char title[128];
    double rate = readers < FANOUT_DELIVERIES / 2 ? (double)(FANOUT_DELIVERIES / readers) : 2;
    if (rate > 100)
        rate = 100;
    snprintf(title, sizeof title, "1 room of %u readers, %.0f posts/s, open loop, floor and server in turns", readers,
             rate);
    report_begin(&self->report, name, title);
    return s_against_floor(self, 1, readers, rate, 1.25);
}

bool scenario_fanout(struct bench *self)
{
    return s_fanout(self, "fanout", self->readers) && s_fanout(self, "fanout_more", self->readers_more);
}

bool scenario_rooms(struct bench *self)
{
    char title[128];
    snprintf(title, sizeof title, "%d rooms of %d readers, %d posts/s, open loop, floor and server in turns", ROOMS,
             ROOM_SIZE, ROOMS_RATE);
    report_begin(&self->report, "rooms", title);
    return s_against_floor(self, ROOMS, ROOM_SIZE, ROOMS_RATE, 0);
}

/* ---- post: how fast is a stored acknowledgement? ----------------------------------------------------------------- */

enum { POST_CASES = 3 };
static const uint32_t POST_SENDERS[POST_CASES] = {1, 16, 256};

struct s_post_case {
    char names[8][64];
    struct series ack50, ack99, rate, batch, server, mariadb, inserts, insert50;
};

static void s_name_post(struct s_post_case *s, uint32_t senders)
{
    *s = (struct s_post_case){0};
    snprintf(s->names[0], 64, "%u senders, %d posts/s: ack p50", senders, POST_RATE);
    snprintf(s->names[1], 64, "%u senders, %d posts/s: ack p99", senders, POST_RATE);
    snprintf(s->names[2], 64, "%u senders, closed loop: durable posts", senders);
    snprintf(s->names[3], 64, "  server CPU per post");
    snprintf(s->names[4], 64, "  MariaDB CPU per post");
    snprintf(s->names[5], 64, "MariaDB alone, %u rows a commit", senders);
    snprintf(s->names[6], 64, "MariaDB alone, %u rows: commit p50", senders);
    snprintf(s->names[7], 64, "  posts per commit");
    s->ack50 = SERIES(s->names[0], "ms");
    s->ack99 = SERIES(s->names[1], "ms");
    s->rate = SERIES(s->names[2], "/s");
    s->batch = SERIES(s->names[7], "");
    s->server = SERIES(s->names[3], "us");
    s->mariadb = SERIES(s->names[4], "us");
    s->inserts = SERIES(s->names[5], "rows/s");
    s->insert50 = SERIES(s->names[6], "ms");
}

static bool s_post_round(struct bench *self, crowd_t *crowd, uint32_t senders, uint32_t round, struct s_post_case *s)
{
    struct insert_figures inserts;
    if (!rows_measure_inserts(self->db, self->mariadb, senders, self->seconds / 4, &inserts))
        return false;
    series_add(&s->inserts, inserts.rows_per_s);
    series_add(&s->insert50, inserts.commit_ms[0]);
    report_note(&self->report, "round %u MariaDB alone: %3u rows a commit, %.0f rows/s, %.1f us CPU per row", round,
                senders, inserts.rows_per_s, inserts.mariadb_us_per_row);
    const struct load_target target = {.crowd = crowd, .server = self->server.pid, .mariadb = self->mariadb};
    struct load_figures open, closed;
    char what[64];
    if (!load_open(&target, POST_RATE, WARM_S / 2, self->seconds / 2, &open))
        return false;
    snprintf(what, sizeof what, "%u senders, open", senders);
    report_stretch(&self->report, what, round, &open);
    series_add(&s->ack50, open.ack_ms[0]);
    series_add(&s->ack99, open.ack_ms[1]);
    uint64_t commits = rows_commits(self->db);
    if (!load_closed(&target, WARM_S / 2, self->seconds / 2, &closed))
        return false;
    snprintf(what, sizeof what, "%u senders, closed", senders);
    report_stretch(&self->report, what, round, &closed);
    commits = rows_commits(self->db) - commits;
    if (commits > 0)
        series_add(&s->batch, (double)closed.all_acks / (double)commits);
    series_add(&s->rate, (double)closed.acks / closed.seconds);
    series_add(&s->server, scenario_us(closed.server_ns, closed.acks));
    series_add(&s->mariadb, scenario_us(closed.mariadb_ns, closed.acks));
    self->lines += open.all_acks + closed.all_acks;
    return true;
}

static void s_report_post(struct report *report, const struct s_post_case *s, uint32_t senders)
{
    if (senders == 16)
        report_target(report, &s->ack50, true, 5);
    else
        report_series(report, &s->ack50);
    report_series(report, &s->ack99);
    if (senders == 256)
        report_target(report, &s->rate, false, 5000);
    else
        report_series(report, &s->rate);
    report_series(report, &s->batch);
    report_series(report, &s->server);
    report_series(report, &s->mariadb);
    report_series(report, &s->inserts);
    report_series(report, &s->insert50);
}

bool scenario_post(struct bench *self)
{
    report_begin(&self->report, "post", "1, 16 and 256 senders, each alone in a room and seeing it");
    static struct s_post_case cases[POST_CASES];
    for (size_t i = 0; i < POST_CASES; i++)
        s_name_post(&cases[i], POST_SENDERS[i]);
    bool ok = true;
    uint32_t rounds = self->rounds < 2 ? self->rounds : 2;
    for (size_t i = 0; ok && i < POST_CASES; i++) { /* a server for each: its crowd is the number of senders */
        crowd_t *crowd = NULL;
        ok = scenario_open(self, POST_SENDERS[i], 1, true, &crowd);
        for (uint32_t round = 1; ok && round <= rounds; round++)
            ok = s_post_round(self, crowd, POST_SENDERS[i], round, &cases[i]);
        scenario_close(self, &crowd);
        s_report_post(&self->report, &cases[i], POST_SENDERS[i]);
    }
    return ok;
}

/* ---- idle: what does a reader cost who says nothing? ------------------------------------------------------------- */

/* They join at one server and come back to a fresh one, so that what joining took is not counted as theirs. */
static bool s_measure_idle(struct bench *self, crowd_t *crowd)
{
    uint32_t count = crowd_readers(crowd);
    struct series each = SERIES("PSS per idle joined connection", "KiB"), before = SERIES("server before", "KiB");
    struct series connect = SERIES("server CPU per connect and sub", "us");
    struct proc_cpu cpu_before, cpu_after;
    scenario_rest(crowd, CALM_MS);
    long pss_before = proc_pss_kib(self->server.pid);
    if (pss_before < 0 || !proc_cpu_read(self->server.pid, &cpu_before) || !crowd_show(crowd))
        return false;
    proc_cpu_read(self->server.pid, &cpu_after);
    scenario_rest(crowd, IDLE_REST_S * 1000);
    long pss = proc_pss_kib(self->server.pid);
    series_add(&before, (double)pss_before);
    series_add(&each, (double)(pss - pss_before) / count);
    series_add(&connect, scenario_us(proc_cpu_spent_ns(&cpu_before, &cpu_after, ""), count));
    report_note(&self->report, "PSS %ld KiB before, %ld KiB with %u connections, which took %.1f s", pss_before, pss,
                count, (double)crowd_setup_ns(crowd) / 1e9);
    report_series(&self->report, &before);
    report_target(&self->report, &each, true, 4);
    report_series(&self->report, &connect);
    if (!crowd_is_whole(crowd))
        report_fail(&self->report, "an idle socket was lost");
    return true;
}

bool scenario_idle(struct bench *self)
{
    uint32_t per_room = self->idle < IDLE_ROOM_SIZE ? self->idle : IDLE_ROOM_SIZE, rooms = self->idle / per_room;
    char title[128];
    snprintf(title, sizeof title, "%u sockets in rooms of %u, all live, nothing said", rooms * per_room, per_room);
    report_begin(&self->report, "idle", title);
    crowd_t *crowd = NULL;
    bool ok = scenario_open(self, rooms, per_room, false, &crowd);
    if (ok) {
        crowd_hang_up(crowd);
        server_stop(&self->server);
        ok = server_start(&self->server, self->program, self->log_path);
        crowd_move(crowd, self->server.port);
        ok = ok && s_measure_idle(self, crowd);
    }
    scenario_close(self, &crowd);
    return ok;
}
