/* /metrics of a node that is no edge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "actors/runtime/metrics_http.h"
#include "actors/runtime/clock.h"
#include "actors/runtime/metrics.h"

static int s_connect(const metrics_http_t *admin)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)metrics_http_port(admin))};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(0, connect(fd, (struct sockaddr *)&at, sizeof at));
    return fd;
}

static size_t s_read(int fd, char *out, size_t size)
{
    size_t len = 0;
    ssize_t n;
    while (len < size - 1 && (n = recv(fd, out + len, size - 1 - len, 0)) > 0)
        len += (size_t)n;
    out[len] = '\0';
    close(fd);
    return len;
}

static void s_get(const metrics_http_t *admin, const char *request, char *out, size_t size)
{
    int fd = s_connect(admin);
    assert_int_equal(strlen(request), send(fd, request, strlen(request), MSG_NOSIGNAL));
    s_read(fd, out, size);
}

static void test_metrics_are_answered_and_nothing_else(void **state)
{
    (void)state;
    metrics_http_t *admin = NULL;
    static char text[256 * 1024];
    assert_int_equal(ERR_OK, metrics_http_open("127.0.0.1", 0, &admin));
    metric_add(METRIC_ROOM_EVENTS, 7);
    s_get(admin, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", text, sizeof text);
    assert_ptr_equal(text, strstr(text, "HTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(text, "\nrookery_room_events_total 7\n"));
    s_get(admin, "GET /metricsx HTTP/1.1\r\n\r\n", text, sizeof text);
    assert_ptr_equal(text, strstr(text, "HTTP/1.1 404 "));
    s_get(admin, "POST /metrics HTTP/1.1\r\n\r\n", text, sizeof text);
    assert_ptr_equal(text, strstr(text, "HTTP/1.1 404 "));
    metrics_http_close(&admin);
    assert_null(admin);
}

static void test_a_request_that_never_ends_makes_the_next_wait_a_second_only(void **state)
{
    (void)state;
    metrics_http_t *admin = NULL;
    static char text[256 * 1024];
    assert_int_equal(ERR_OK, metrics_http_open("127.0.0.1", 0, &admin));
    int slow = s_connect(admin);
    send(slow, "GET /metrics", 12, MSG_NOSIGNAL);
    int64_t start_ms = clock_now_ms();
    s_get(admin, "GET /metrics HTTP/1.1\r\n\r\n", text, sizeof text);
    assert_ptr_equal(text, strstr(text, "HTTP/1.1 200 OK\r\n"));
    assert_true(clock_now_ms() - start_ms < 2 * METRICS_WAIT_MS);
    assert_int_equal(0, s_read(slow, text, sizeof text));
    char head[5000];
    memset(head, 'a', sizeof head - 1);
    head[sizeof head - 1] = '\0';
    s_get(admin, head, text, sizeof text); /* longer than a request may be */
    assert_null(strstr(text, "200 OK"));
    metrics_http_close(&admin);
}

static void test_a_port_that_is_taken_is_refused(void **state)
{
    (void)state;
    metrics_http_t *first = NULL, *second = NULL;
    assert_int_equal(ERR_OK, metrics_http_open("127.0.0.1", 0, &first));
    assert_int_equal(ERR_UNAVAILABLE, metrics_http_open("127.0.0.1", metrics_http_port(first), &second));
    assert_null(second);
    assert_int_equal(ERR_UNAVAILABLE, metrics_http_open("no address", 0, &second));
    metrics_http_close(&first);
    metrics_http_close(&second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metrics_are_answered_and_nothing_else),
        cmocka_unit_test(test_a_request_that_never_ends_makes_the_next_wait_a_second_only),
        cmocka_unit_test(test_a_port_that_is_taken_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
