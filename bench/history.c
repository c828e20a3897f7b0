/* history — a room with a long past, opened by one reader at a server that has just started, and paged back to its
 * beginning. Every line of every page is compared with what was said: numbers without a hole, the newest text, nothing
 * of what was deleted. What a page costs is told for each tenth of the way. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "bench/history_fill.h"
#include "bench/http_client.h"
#include "bench/scenarios.h"

enum { TENTHS = 10, PAGE_LINES = 50, PAGE_MS = 10000, PLANTED_PAGE = 2 };

struct s_paging {
    struct bench *bench;
    const struct history *history;
    uint64_t room;
    char head[LIM_TOKEN_BYTES_MAX + 64];
    uint64_t before;         /* every line from here on was seen; 0: none yet */
    uint64_t lines, pages;
    uint64_t missed, doubled, reordered, altered; /* what makes it FAILED */
    bool is_at_start;
    /* Of the tenth under way. */
    uint64_t tenth_pages;
    struct hist took;
    struct proc_cpu server, mariadb;
};

/* ---- one page ---------------------------------------------------------------------------------------------------- */

static view_t s_body_text(const json_t *event)
{
    const json_t *text = json_object_get(json_object_get(event, "body"), "text");
    return view_of(json_string_value(text), json_string_length(text));
}

/* The frames of a line: itself, and its newest edit if there is one. */
static void s_check_line(struct s_paging *self, uint64_t msg_no, const json_t *posted, const json_t *edited)
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
    self->altered += !ok;
}

/* The line at *index of the page, whose frames are passed over. */
static uint64_t s_take_line(struct s_paging *self, const json_t *frames, size_t *index)
{
    const json_t *posted = json_array_get(frames, (*index)++), *edited = NULL;
    uint64_t msg_no = (uint64_t)json_integer_value(json_object_get(posted, "msg_no"));
    uint64_t seq = (uint64_t)json_integer_value(json_object_get(posted, "seq"));
    for (const json_t *next; (next = json_array_get(frames, *index)) != NULL; (*index)++) {
        if (json_integer_value(json_object_get(next, "msg_no")) != 0)
            break;
        if ((uint64_t)json_integer_value(json_object_get(next, "target")) == seq)
            edited = next; /* what else hangs on the line has no target */
    }
    if (msg_no > 0 && msg_no <= self->history->line_count)
        s_check_line(self, msg_no, posted, edited);
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

static bool s_page(struct s_paging *self)
{
    char path[128];
    struct http_response response;
    int len = snprintf(path, sizeof path, "/api/v1/rooms/%" PRIu64 "/messages?limit=%d", self->room, PAGE_LINES);
    if (self->before)
        snprintf(path + len, sizeof path - (size_t)len, "&before=%" PRIu64, self->before);
    int64_t start_ns = now_ns();
    bool ok = http_call(self->bench->server.port, "GET", path, self->head, NULL, PAGE_MS, &response);
    hist_add(&self->took, now_ns() - start_ns);
    if (!ok || response.status != 200)
        fprintf(stderr, "bench: %s: status %d\n", path, ok ? response.status : 0);
    ok = ok && response.status == 200 && s_read_page(self, &response);
    http_response_fini(&response);
    self->pages++;
    self->tenth_pages++;
    return ok;
}

/* ---- all of them ------------------------------------------------------------------------------------------------- */

static bool s_begin_tenth(struct s_paging *self)
{
    self->tenth_pages = 0;
    hist_clear(&self->took);
    return proc_cpu_read(self->bench->server.pid, &self->server) && proc_cpu_read(self->bench->mariadb, &self->mariadb);
}

struct s_tenths {
    struct series p50, p99, server, mariadb, both;
};

static bool s_end_tenth(struct s_paging *self, uint32_t tenth, struct s_tenths *out)
{
    struct proc_cpu server, mariadb;
    if (!proc_cpu_read(self->bench->server.pid, &server) || !proc_cpu_read(self->bench->mariadb, &mariadb))
        return false;
    double server_us = scenario_us(proc_cpu_spent_ns(&self->server, &server, ""), self->tenth_pages);
    double mariadb_us = scenario_us(proc_cpu_spent_ns(&self->mariadb, &mariadb, ""), self->tenth_pages);
    series_add(&out->p50, hist_ms(&self->took, 0.5));
    series_add(&out->p99, hist_ms(&self->took, 0.99));
    series_add(&out->server, server_us);
    series_add(&out->mariadb, mariadb_us);
    series_add(&out->both, server_us + mariadb_us);
    report_note(&self->bench->report,
                "tenth %2u: %" PRIu64 " pages, p50 %.2f p99 %.2f ms, CPU %.0f us of the server, %.0f us of MariaDB",
                tenth, self->tenth_pages, hist_ms(&self->took, 0.5), hist_ms(&self->took, 0.99), server_us, mariadb_us);
    return true;
}

static bool s_page_all(struct s_paging *self, struct s_tenths *out)
{
    uint64_t total = self->history->line_count;
    for (uint32_t tenth = 1; tenth <= TENTHS; tenth++) {
        uint64_t end = total - total * tenth / TENTHS; /* this tenth ends where only so many lines are left */
        if (!s_begin_tenth(self))
            return false;
        while (!self->is_at_start && (self->before == 0 || self->before > end + 1 || tenth == TENTHS))
            if (!s_page(self))
                return false;
        if (self->tenth_pages > 0 && !s_end_tenth(self, tenth, out))
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

static double s_most(const struct series *series)
{
    double most = 0;
    for (size_t i = 0; i < series->count; i++)
        most = series->values[i] > most ? series->values[i] : most;
    return most;
}

static void s_report_tenths(struct report *report, const struct s_tenths *s)
{
    struct series worst = SERIES("CPU per page: dearest tenth : median tenth", "");
    report_series(report, &s->p50);
    report_series(report, &s->p99);
    report_series(report, &s->server);
    report_series(report, &s->mariadb);
    double median = series_median(&s->both);
    if (median > 0)
        series_add(&worst, s_most(&s->both) / median);
    report_target(report, &worst, true, 1.25);
}

static bool s_measure(struct bench *self, crowd_t *crowd, const struct history *history)
{
    static struct s_paging paging;
    struct s_tenths tenths = {.p50 = SERIES("page of 50 lines, newest tenth first: p50", "ms"),
                              .p99 = SERIES("page: p99", "ms"),
                              .server = SERIES("  server CPU per page", "us"),
                              .mariadb = SERIES("  MariaDB CPU per page", "us")};
    struct series open = SERIES("opened cold: connect until live", "ms");
    paging = (struct s_paging){.bench = self, .history = history, .room = crowd_room(crowd, 0)};
    snprintf(paging.head, sizeof paging.head, "Authorization: Bearer %s\r\n", crowd_token(crowd, 0));
    if (!crowd_show_first(crowd))
        return false;
    series_add(&open, (double)crowd_setup_ns(crowd) / 1e6);
    bool ok = s_page_all(&paging, &tenths);
    report_series(&self->report, &open);
    s_report_tenths(&self->report, &tenths);
    if (ok)
        s_report_audit(&paging);
    return ok;
}

bool scenario_history(struct bench *self)
{
    char title[128];
    snprintf(title, sizeof title, "1 room of %u events, 20 %% edits, 5 %% deletes, opened cold and paged to its beginning",
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
                    "%" PRIu64 " events in %.0f s: %" PRIu32 " lines, %" PRIu64 " edits, %" PRIu64 " deletes; %" PRIu64
                    " sent again", history.events, history.seconds, history.line_count, history.edits,
                    history.deletes, history.retried);
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
