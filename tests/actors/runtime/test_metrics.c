#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "actors/runtime/metrics.h"
#include "actors/runtime/stats_board.h"
#include "proto/limits.h"

static char *s_print(void)
{
    buffer_t out;
    buffer_init(&out, 1024 * 1024);
    metrics_print(&out);
    assert_int_equal(out.failed, ERR_OK);
    char *text = malloc(out.len + 1);
    memcpy(text, out.bytes, out.len);
    text[out.len] = '\0';
    buffer_fini(&out);
    return text;
}

static void s_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("not printed: %s", part);
}

static void test_counters_and_gauges_print_their_value_and_type(void **state)
{
    (void)state;
    metric_add(METRIC_EDGE_WRITES, 3);
    metric_add(METRIC_EDGE_WRITES, 4);
    metric_set(METRIC_EDGE_SOCKETS, 10);
    metric_add(METRIC_EDGE_SOCKETS, -12);
    assert_int_equal(metric_value(METRIC_EDGE_WRITES), 7);
    char *text = s_print();
    s_has(text, "# HELP rookery_edge_writes_total Writes to browsers' sockets\n"
                "# TYPE rookery_edge_writes_total counter\nrookery_edge_writes_total 7\n");
    s_has(text, "# TYPE rookery_edge_sockets gauge\nrookery_edge_sockets -2\n");
    free(text);
}

static void test_a_histogram_is_cumulative_in_seconds(void **state)
{
    (void)state;
    const int64_t us[] = {500, 501, 1000, 3000, 10000000, 10000001, 60000000};
    for (size_t i = 0; i < sizeof us / sizeof us[0]; i++)
        metric_observe_us(METRIC_ACK_SECONDS, us[i]);
    assert_int_equal(metric_value(METRIC_ACK_SECONDS), 7);
    char *text = s_print();
    s_has(text, "# TYPE rookery_ack_seconds histogram\n"
                "rookery_ack_seconds_bucket{le=\"0.0005\"} 1\n"
                "rookery_ack_seconds_bucket{le=\"0.001\"} 3\n"
                "rookery_ack_seconds_bucket{le=\"0.0025\"} 3\n"
                "rookery_ack_seconds_bucket{le=\"0.005\"} 4\n");
    s_has(text, "rookery_ack_seconds_bucket{le=\"5\"} 4\n"
                "rookery_ack_seconds_bucket{le=\"10\"} 5\n"
                "rookery_ack_seconds_bucket{le=\"+Inf\"} 7\n"
                "rookery_ack_seconds_sum 80.005002\n"
                "rookery_ack_seconds_count 7\n");
    free(text);
}

static void test_the_highest_stays_and_prints_as_a_gauge(void **state)
{
    (void)state;
    metric_highest(METRIC_LINK_OUTBOX_FRAMES, 5);
    metric_highest(METRIC_LINK_OUTBOX_FRAMES, 9);
    metric_highest(METRIC_LINK_OUTBOX_FRAMES, 7);
    assert_int_equal(metric_value(METRIC_LINK_OUTBOX_FRAMES), 9);
    char *text = s_print();
    s_has(text, "# TYPE rookery_link_outbox_frames_max gauge\nrookery_link_outbox_frames_max 9\n");
    free(text);
}

/* Last: it leaves this process with several places. */
static void test_processes_add_up_but_the_highest_is_of_one_of_them(void **state)
{
    (void)state;
    assert_true(metrics_share(3));
    for (size_t place = 1; place < 3; place++) {
        metrics_use(place);
        metric_add(METRIC_ROOM_EVENTS, 10);
        metric_highest(METRIC_LINK_OUTBOX_FRAMES, place == 1 ? 40 : 30);
    }
    assert_int_equal(metric_value(METRIC_ROOM_EVENTS), 20);
    assert_int_equal(metric_value(METRIC_LINK_OUTBOX_FRAMES), 40);
}

static size_t s_name_len(const char *text)
{
    return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
}

/* Each line is HELP, TYPE, or name[{le="…"}] value; a metric's lines follow its TYPE; names are unlike. */
static void test_every_line_is_of_the_text_format(void **state)
{
    (void)state;
    char *text = s_print(), *rest = text, *line;
    char name[128] = "";
    int types = 0;
    while ((line = strsep(&rest, "\n"))) {
        if (!*line)
            continue;
        if (strncmp(line, "# HELP ", 7) == 0) {
            snprintf(name, sizeof name, "%.*s", (int)s_name_len(line + 7), line + 7);
            assert_true(strlen(line) > 8 + strlen(name));
            assert_null(strchr(line, '\\'));
        } else if (strncmp(line, "# TYPE ", 7) == 0) {
            assert_memory_equal(line + 7, name, strlen(name));
            const char *type = line + 8 + strlen(name);
            assert_true(!strcmp(type, "counter") || !strcmp(type, "gauge") || !strcmp(type, "histogram"));
            size_t len = strlen(name);
            bool is_total = len > 6 && !strcmp(name + len - 6, "_total");
            assert_int_equal(is_total, !strcmp(type, "counter"));
            types++;
        } else {
            assert_memory_equal(line, name, strlen(name));
            char *value = strrchr(line, ' '), *end;
            assert_non_null(value);
            strtod(value + 1, &end);
            assert_true(end > value + 1 && !*end);
        }
    }
    assert_int_equal(types, METRIC_COUNT);
    free(text);
}

/* ---- the board of reports ---------------------------------------------------------------------------------------- */

static err_t s_report(stats_board_t *board, uint16_t instance, uint64_t speaks_of, uint64_t queue, int64_t at_ms)
{
    buffer_t bytes;
    buffer_init(&bytes, LIM_STATS_BYTES_MAX);
    struct msg msg = {.type = MSG_NODE_STATS, .as.node_stats = {.node = speaks_of, .queue = queue}};
    assert_int_equal(ERR_OK, msg_encode(&msg, &bytes));
    err_t err = stats_board_put(board, address_make(ROLE_EDGE, instance, 1), buffer_view(&bytes), at_ms);
    buffer_fini(&bytes);
    return err;
}

static uint64_t s_edge(uint16_t instance)
{
    return address_node(address_make(ROLE_EDGE, instance, 0));
}

static size_t s_page_count(const stats_board_t *board, uint64_t after, int64_t now_ms, bool *more)
{
    list_writer_t list;
    struct msg_stats page;
    list_writer_init(&list, 2 * LIM_STATS_PAGE_BYTES_MAX);
    assert_int_equal(ERR_OK, stats_board_page(board, after, now_ms, &list, &page));
    size_t count = page.reports.count;
    *more = page.more;
    list_writer_fini(&list);
    return count;
}

static void test_the_board_keeps_the_latest_report_of_each_node_for_a_minute(void **state)
{
    (void)state;
    struct msg msg;
    int64_t at_ms;
    bool more;
    stats_board_t *board = stats_board_new();
    assert_int_equal(ERR_OK, s_report(board, 2, s_edge(2), 20, 1000));
    assert_int_equal(ERR_OK, s_report(board, 1, s_edge(1), 10, 2000));
    assert_int_equal(ERR_OK, s_report(board, 2, s_edge(2), 21, 3000));
    assert_int_equal(ERR_OK, s_report(board, 2, s_edge(2), 20, 2500)); /* an older one by another way */
    assert_int_equal(ERR_FORBIDDEN, s_report(board, 2, s_edge(1), 99, 4000));
    assert_int_equal(ERR_OK, msg_decode(stats_board_nth(board, 1, &at_ms), &msg));
    assert_int_equal(21, msg.as.node_stats.queue);
    assert_int_equal(3000, at_ms);
    assert_int_equal(0, stats_board_nth(board, 2, &at_ms).len);
    assert_int_equal(2, s_page_count(board, 0, 3000, &more));
    assert_int_equal(1, s_page_count(board, s_edge(1), 3000, &more));
    assert_int_equal(1, s_page_count(board, 0, 2000 + LIM_STATS_KEEP_MS, &more));
    address_t nodes[4];
    assert_int_equal(1, stats_board_nodes(board, ROLE_EDGE, 3500, 1000, nodes, 4));
    assert_int_equal(0, stats_board_nodes(board, ROLE_ROOM, 3500, 1000, nodes, 4));
    stats_board_destroy(&board);
}

static void test_the_board_is_bounded_in_nodes_and_bytes(void **state)
{
    (void)state;
    int64_t at_ms;
    bool more;
    stats_board_t *board = stats_board_new();
    for (uint16_t i = 0; i < LIM_NODES_MAX; i++)
        assert_int_equal(ERR_OK, s_report(board, i, s_edge(i), i, 1000 + i));
    assert_true(stats_board_nth(board, LIM_NODES_MAX - 1, &at_ms).len > 0);
    assert_int_equal(LIM_NODES_MAX, s_page_count(board, 0, 2000, &more));
    assert_false(more);
    assert_int_equal(ERR_OK, s_report(board, LIM_NODES_MAX, s_edge(LIM_NODES_MAX), 0, 2000)); /* who was silent longest goes */
    assert_int_equal(0, stats_board_nth(board, LIM_NODES_MAX, &at_ms).len);
    (void)stats_board_nth(board, 0, &at_ms);
    assert_int_equal(1001, at_ms);
    uint8_t *large = calloc(1, LIM_STATS_BYTES_MAX + 1);
    assert_int_equal(ERR_TOO_LARGE, stats_board_put(board, address_make(ROLE_EDGE, 1, 1),
                                                    view_of(large, LIM_STATS_BYTES_MAX + 1), 2000));
    assert_int_not_equal(ERR_TOO_LARGE, stats_board_put(board, address_make(ROLE_EDGE, 1, 1),
                                                        view_of(large, LIM_STATS_BYTES_MAX), 2000));
    free(large);
    stats_board_destroy(&board);
}

static void test_a_page_of_the_board_ends_within_its_bytes(void **state)
{
    (void)state;
    bool more;
    buffer_t bytes;
    list_writer_t metrics;
    stats_board_t *board = stats_board_new();
    char name[LIM_METRIC_NAME_BYTES_MAX + 1];
    memset(name, 'm', LIM_METRIC_NAME_BYTES_MAX);
    name[LIM_METRIC_NAME_BYTES_MAX] = '\0';
    buffer_init(&bytes, LIM_STATS_BYTES_MAX);
    list_writer_init(&metrics, LIM_STATS_BYTES_MAX);
    const struct rec_metric_value value = {.name = view_of_text(name), .value = UINT64_C(1) << 52};
    while (metrics.count < LIM_METRICS_MAX)
        assert_int_equal(ERR_OK, rec_metric_value_append(&metrics, &value));
    size_t reports = 0, seen = 0;
    for (uint16_t i = 0; i < LIM_NODES_MAX; i++, reports++) {
        struct msg msg = {.type = MSG_NODE_STATS, .as.node_stats = {.node = s_edge(i), .metrics = list_of(&metrics)}};
        buffer_clear(&bytes);
        assert_int_equal(ERR_OK, msg_encode(&msg, &bytes));
        assert_int_equal(ERR_OK, stats_board_put(board, address_make(ROLE_EDGE, i, 1), buffer_view(&bytes), 1));
    }
    size_t first = s_page_count(board, 0, 1, &more);
    assert_true(more && first < reports && first * bytes.len <= LIM_STATS_PAGE_BYTES_MAX &&
                (first + 1) * bytes.len > LIM_STATS_PAGE_BYTES_MAX);
    for (more = true; more;)
        seen += s_page_count(board, seen ? s_edge((uint16_t)(seen - 1)) : 0, 1, &more);
    assert_int_equal(reports, seen);
    list_writer_fini(&metrics);
    buffer_fini(&bytes);
    stats_board_destroy(&board);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counters_and_gauges_print_their_value_and_type),
        cmocka_unit_test(test_a_histogram_is_cumulative_in_seconds),
        cmocka_unit_test(test_the_highest_stays_and_prints_as_a_gauge),
        cmocka_unit_test(test_every_line_is_of_the_text_format),
        cmocka_unit_test(test_the_board_keeps_the_latest_report_of_each_node_for_a_minute),
        cmocka_unit_test(test_the_board_is_bounded_in_nodes_and_bytes),
        cmocka_unit_test(test_a_page_of_the_board_ends_within_its_bytes),
        cmocka_unit_test(test_processes_add_up_but_the_highest_is_of_one_of_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
