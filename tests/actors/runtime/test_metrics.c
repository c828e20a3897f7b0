#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "actors/runtime/metrics.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counters_and_gauges_print_their_value_and_type),
        cmocka_unit_test(test_a_histogram_is_cumulative_in_seconds),
        cmocka_unit_test(test_the_highest_stays_and_prints_as_a_gauge),
        cmocka_unit_test(test_every_line_is_of_the_text_format),
        cmocka_unit_test(test_processes_add_up_but_the_highest_is_of_one_of_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
