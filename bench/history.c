/* history — a room with a long past, opened by one reader at a server that has just started, and paged back to its
 * beginning. Every line of every page is compared with what was said: numbers without a hole, the newest text, nothing
 * of what was deleted. Then pages of each tenth of the way are asked for again, in turns, to compare what they cost. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "bench/history_fill.h"
#include "bench/http_client.h"
#include "bench/scenarios.h"

enum { TENTHS = 10, PAGE_LINES = 50, PAGE_MS = 10000, PLANTED_PAGE = 2, SAMPLE_PAGES = 25 };

struct s_paging {
    struct bench *bench;
    const struct history *history;
    uint64_t room;
    char head[LIM_TOKEN_BYTES_MAX + 64];
    uint64_t before;         /* every line from here on was seen; 0: none yet */
    uint64_t lines, pages;
    uint64_t missed, doubled, reordered, altered; /* what makes it FAILED */
    bool is_at_start;
    struct hist took;
};

/* ---- one page ---------------------------------------------------------------------------------------------------- */

static view_t s_body_text(const json_t *event)
{
    const json_t *text = json_object_get(json_object_get(event, "body"), "text");
    return view_of(json_string_value(text), json_string_length(text));
}

/* The frames of a line: itself, its newest edit and what hangs on it, if there is any. */
static void s_check_line(struct s_paging *self, uint64_t msg_no, const json_t *posted, const json_t *edited,
                         const json_t *marks)
{
    const struct history_line *line = &self->history->lines[msg_no];
    char text[HISTORY_TEXT_BYTES];
    bool ok = (uint64_t)json_integer_value(json_object_get(posted, "seq")) == line->seq;
    const json_t *newest = edited ? edited : posted;
    if (line->is_deleted) /* no frame of it says anything any more */
        ok = ok && json_is_null(json_object_get(posted, "body")) &&
             (!edited || json_is_null(json_object_get(edited, "body")));
    else
        ok = ok && view_is_equal(s_body_text(newest), history_text(line->text, line->version, text)) &&
             (edited ? (uint64_t)json_integer_value(json_object_get(edited, "seq")) : 0) == line->edit_seq;
    size_t reactions = line->is_deleted ? 0 : (size_t)__builtin_popcountll(line->reacted);
    ok = ok && json_array_size(json_object_get(marks, "reactions")) == reactions;
    self->altered += !ok;
}

/* The line at *index of the page, whose frames are passed over. */
static uint64_t s_take_line(struct s_paging *self, const json_t *frames, size_t *index)
{
    const json_t *posted = json_array_get(frames, (*index)++), *edited = NULL, *marks = NULL;
    uint64_t msg_no = (uint64_t)json_integer_value(json_object_get(posted, "msg_no"));
    uint64_t seq = (uint64_t)json_integer_value(json_object_get(posted, "seq"));
    for (const json_t *next; (next = json_array_get(frames, *index)) != NULL; (*index)++) {
        if (json_integer_value(json_object_get(next, "msg_no")) != 0)
            break;
        if ((uint64_t)json_integer_value(json_object_get(next, "target")) == seq)
            edited = next;
        else if ((uint64_t)json_integer_value(json_object_get(next, "seq")) == seq)
            marks = next;
    }
    if (msg_no > 0 && msg_no <= self->history->line_count)
        s_check_line(self, msg_no, posted, edited, marks);
    return msg_no;
}

static void s_swap(uint64_t *a, uint64_t *b)
{
    uint64_t kept = *a;
    *a = *b;
    *b = kept;
}

/* A fault in the list of a page's lines, as the crowd plants them in events. */
static size_t s_spoil(enum planted planted, uint64_t *numbers, size_t count)
{
    if (count < 3)
        return count;
    if (planted == PLANTED_MISSED) {
        memmove(numbers + 1, numbers + 2, (count - 2) * sizeof *numbers);
        return count - 1;
    }
    if (planted == PLANTED_DOUBLED)
        numbers[count - 1] = numbers[count - 2];
    if (planted == PLANTED_REORDERED)
        s_swap(&numbers[0], &numbers[1]);
    return count;
}

/* Ascending by one, and the last of them just before what was seen already. */
static void s_check_numbers(struct s_paging *self, const uint64_t *numbers, size_t count)
{
    uint64_t after = self->before ? self->before : (uint64_t)self->history->line_count + 1;
    for (size_t i = count; i-- > 0;) {
        self->missed += numbers[i] + 1 < after;
        self->doubled += numbers[i] == after;
        self->reordered += numbers[i] > after;
        after = numbers[i];
    }
    self->before = after;
    self->lines += count;
}

static bool s_read_page(struct s_paging *self, const struct http_response *response)
{
    uint64_t numbers[PAGE_LINES + 1];
    json_t *page = json_loadb(response->body, response->body_len, 0, NULL);
    const json_t *frames = json_object_get(page, "frames");
    size_t count = 0;
    for (size_t index = 0; index < json_array_size(frames) && count < PAGE_LINES;)
        numbers[count++] = s_take_line(self, frames, &index);
    if (self->bench->planted && self->pages == PLANTED_PAGE)
        count = s_spoil(self->bench->planted, numbers, count);
    self->is_at_start = json_is_false(json_object_get(page, "more"));
    bool ok = page && (count > 0 || self->is_at_start);
    s_check_numbers(self, numbers, count);
    json_decref(page);
    return ok;
}

/* The lines before this one; 0: the newest. */
static bool s_fetch(struct s_paging *self, uint64_t before, struct http_response *out)
{
    char path[128];
    int len = snprintf(path, sizeof path, "/api/v1/rooms/%" PRIu64 "/messages?limit=%d", self->room, PAGE_LINES);
    if (before)
        snprintf(path + len, sizeof path - (size_t)len, "&before=%" PRIu64, before);
    int64_t start_ns = now_ns();
    bool ok = http_call(self->bench->server.port, "GET", path, self->head, NULL, PAGE_MS, out);
    hist_add(&self->took, now_ns() - start_ns);
    if (!ok || out->status != 200)
        fprintf(stderr, "bench: %s: status %d\n", path, ok ? out->status : 0);
    return ok && out->status == 200;
}

/* ---- all of them ------------------------------------------------------------------------------------------------- */

static bool s_walk(struct s_paging *self)
{
    while (!self->is_at_start) {
        struct http_response response = {0};
        bool ok = s_fetch(self, self->before, &response) && s_read_page(self, &response);
        http_response_fini(&response);
        self->pages++;
        if (!ok)
            return false;
    }
    return true;
}

static void s_report_audit(struct s_paging *self)
{
    const struct history *history = self->history;
    uint64_t first = self->before;
    report_note(&self->bench->report, "%" PRIu64 " pages, %" PRIu64 " of %" PRIu32 " lines, each as it was said last",
                self->pages, self->lines, history->line_count);
    self->missed += first != 1;
    if (self->missed + self->doubled + self->reordered + self->altered == 0 && self->lines == history->line_count)
        return;
    char why[160];
    snprintf(why, sizeof why, "pages: missed %" PRIu64 ", doubled %" PRIu64 ", reordered %" PRIu64 ", altered %" PRIu64,
             self->missed, self->doubled, self->reordered, self->altered);
    report_fail(&self->bench->report, why);
}

/* ---- what a page costs, wherever it is --------------------------------------------------------------------------- */

struct s_tenths { /* the newest first */
    struct series server[TENTHS], mariadb[TENTHS], p50[TENTHS]; /* over the rounds */
};

/* SAMPLE_PAGES in a row, or as many as a tenth has, from its newest line on. */
static bool s_sample(struct s_paging *self, uint32_t tenth, struct s_tenths *out)
{
    struct proc_cpu server[2], mariadb[2];
    struct bench *bench = self->bench;
    uint64_t total = self->history->line_count, before = total - total * tenth / TENTHS + 1, pages = 0;
    uint64_t most = total / TENTHS / PAGE_LINES < SAMPLE_PAGES ? total / TENTHS / PAGE_LINES : SAMPLE_PAGES;
    hist_clear(&self->took);
    if (!proc_cpu_read(bench->server.pid, &server[0]) || !proc_cpu_read(bench->mariadb, &mariadb[0]))
        return false;
    for (; pages < most || pages == 0; pages++, before -= PAGE_LINES) {
        struct http_response response = {0};
        bool ok = s_fetch(self, before, &response);
        http_response_fini(&response);
        if (!ok)
            return false;
    }
    if (!proc_cpu_read(bench->server.pid, &server[1]) || !proc_cpu_read(bench->mariadb, &mariadb[1]))
        return false;
    series_add(&out->server[tenth], scenario_us(proc_cpu_spent_ns(&server[0], &server[1], ""), pages));
    series_add(&out->mariadb[tenth], scenario_us(proc_cpu_spent_ns(&mariadb[0], &mariadb[1], ""), pages));
    series_add(&out->p50[tenth], hist_ms(&self->took, 0.5));
    return true;
}

/* Tenths take turns, so that a neighbour on the machine disturbs all of them. */
static bool s_sample_all(struct s_paging *self, struct s_tenths *out)
{
    *out = (struct s_tenths){0};
    for (uint32_t round = 0; round < self->bench->rounds; round++) {
        for (uint32_t i = 0; i < TENTHS; i++)
            if (!s_sample(self, (i + round) % TENTHS, out))
                return false;
        json_t *raw = json_array();
        for (uint32_t i = 0; i < TENTHS; i++)
            json_array_append_new(raw, json_pack("{s:f, s:f, s:f}", "server_us", out->server[i].values[round],
                                                 "mariadb_us", out->mariadb[i].values[round], "p50_ms",
                                                 out->p50[i].values[round]));
        json_array_append_new(json_object_get(self->bench->report.scenario, "stretches"),
                              json_pack("{s:s, s:I, s:o}", "what", "tenths, the newest first", "round",
                                        (json_int_t)round + 1, "tenths", raw));
        report_note(&self->bench->report, "round %u: newest tenth %.0f + %.0f us of server and MariaDB, oldest %.0f + %.0f",
                    round + 1, out->server[0].values[round], out->mariadb[0].values[round],
                    out->server[TENTHS - 1].values[round], out->mariadb[TENTHS - 1].values[round]);
    }
    return true;
}

/* The median round of each tenth; and the dearest of them by the median of all. */
static void s_report_tenths(struct report *report, const struct s_tenths *tenths)
{
    struct series server = SERIES("page, in each tenth from the newest: server CPU", "us");
    struct series mariadb = SERIES("page: MariaDB CPU", "us"), p50 = SERIES("page: p50", "ms");
    struct series both = {0}, ratio = SERIES("CPU per page: dearest tenth : median tenth", "");
    double most = 0;
    for (uint32_t i = 0; i < TENTHS; i++) {
        double server_us = series_median(&tenths->server[i]), mariadb_us = series_median(&tenths->mariadb[i]);
        series_add(&server, server_us);
        series_add(&mariadb, mariadb_us);
        series_add(&p50, series_median(&tenths->p50[i]));
        series_add(&both, server_us + mariadb_us);
        most = server_us + mariadb_us > most ? server_us + mariadb_us : most;
    }
    if (series_median(&both) > 0)
        series_add(&ratio, most / series_median(&both));
    report_series(report, &p50);
    report_series(report, &server);
    report_series(report, &mariadb);
    report_target(report, &ratio, true, 1.25);
}

static bool s_measure(struct bench *self, crowd_t *crowd, const struct history *history)
{
    static struct s_paging paging;
    static struct s_tenths tenths;
    struct series open = SERIES("opened cold: connect until live", "ms");
    struct series walk = SERIES("walked to its beginning, each line compared: pages", "/s");
    paging = (struct s_paging){.bench = self, .history = history, .room = crowd_room(crowd, 0)};
    snprintf(paging.head, sizeof paging.head, "Authorization: Bearer %s\r\n", crowd_token(crowd, 0));
    if (!crowd_show_first(crowd))
        return false;
    series_add(&open, (double)crowd_setup_ns(crowd) / 1e6);
    int64_t start_ns = now_ns();
    if (!s_walk(&paging))
        return false;
    series_add(&walk, (double)paging.pages / ((double)(now_ns() - start_ns) / 1e9));
    s_report_audit(&paging);
    bool ok = s_sample_all(&paging, &tenths);
    report_series(&self->report, &open);
    report_series(&self->report, &walk);
    s_report_tenths(&self->report, &tenths);
    return ok;
}

bool scenario_history(struct bench *self)
{
    char title[128];
    snprintf(title, sizeof title, "1 room of %u events, 20 %% edits, 10 %% reactions, 5 %% deletes, opened cold and paged to its beginning",
             self->events);
    report_begin(&self->report, "history", title);
    report_number(&self->report, "events", self->events);
    report_number(&self->report, "authors", HISTORY_AUTHORS);
    crowd_t *crowd = NULL;
    struct history history = {0};
    bool ok = scenario_open(self, 1, HISTORY_AUTHORS, false, &crowd) && history_fill(crowd, self->events, &history);
    self->lines += history.line_count;
    if (ok) {
        report_note(&self->report,
                    "%" PRIu64 " events in %.0f s: %" PRIu32 " lines, %" PRIu64 " edits, %" PRIu64 " reactions, %" PRIu64
                    " deletes; %" PRIu64 " sent again", history.events, history.seconds, history.line_count,
                    history.edits, history.reactions, history.deletes, history.retried);
        crowd_hang_up(crowd);
        server_stop(&self->server);
        ok = server_start(&self->server, self->program, self->log_path);
        crowd_move(crowd, self->server.port);
        ok = ok && s_measure(self, crowd, &history);
    }
    scenario_close(self, &crowd);
    history_fini(&history);
    return ok;
}
