/* HTTP without a socket: heads, routes, parameters, static rules, proxies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "edge/http.h"
#include "edge/http_static.h"

static http_parsed_t s_parse(const char *text, struct http_request *out)
{
    return http_parse(view_of_text(text), out);
}

static void test_head_is_read_with_its_parts(void **state)
{
    (void)state;
    struct http_request request;
    assert_int_equal(HTTP_PARSED, s_parse("GET /api/v1/users?ids=1%2C2 HTTP/1.1\r\nHost: a.example\r\n"
                                          "Authorization:  Bearer x \r\nX-Other: y\r\n\r\nrest",
                                          &request));
    assert_int_equal(HTTP_GET, request.method);
    assert_string_equal("/api/v1/users", request.path);
    assert_true(view_is_equal(view_of_text("Bearer x"), request.headers[HTTP_HEADER_AUTHORIZATION]));
    assert_true(request.keep_alive);
    assert_false(request.has_length);
    char ids[HTTP_PARAM_BYTES_MAX + 1];
    assert_true(http_param(request.query, "ids", ids));
    assert_string_equal("1,2", ids);
}

static void test_every_prefix_of_a_head_is_incomplete(void **state)
{
    (void)state;
    const char *head = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n";
    struct http_request request;
    for (size_t len = 0; len < strlen(head); len++)
        assert_int_equal(HTTP_INCOMPLETE, http_parse(view_of(head, len), &request));
    assert_int_equal(HTTP_PARSED, s_parse(head, &request));
    assert_int_equal(3, request.content_length);
    assert_int_equal(strlen(head), request.head_len);
}

static void test_ambiguous_heads_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "GET / HTTP/1.1\r\n\r\n",                                                       /* no Host */
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1,1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n folded: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: b\rc\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
        "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        "G(T / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /\x80 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / http/1.1\r\nHost: a\r\n\r\n",
        "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /%4 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
    };
    struct http_request request;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (s_parse(bad[i], &request) != HTTP_BAD)
            fail_msg("accepted: %s", bad[i]);
    assert_int_equal(HTTP_NOT_1_X, s_parse("PRI * HTTP/2.0\r\n\r\n", &request));
    assert_int_equal(HTTP_NOT_1_X, s_parse("GET / HTTP/1.2\r\nHost: a\r\n\r\n", &request));
}

static void test_no_spelling_leaves_the_folder(void **state)
{
    (void)state;
    static const char *const paths[] = {"/../x", "/a/../x", "/..", "/.", "/a/.", "/%2e%2e/x", "/%2e%2E%2fx", "/a/%2e",
                                        "//x", "/a//x", "/a\\x", "/%5c..", "/a%0ab", "/..%2f..%2fetc/passwd"};
    struct http_request request;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        char head[200];
        snprintf(head, sizeof head, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", paths[i]);
        if (s_parse(head, &request) != HTTP_BAD)
            fail_msg("accepted: %s", paths[i]);
    }
    assert_int_equal(HTTP_PARSED, s_parse("GET /a/.well/...x HTTP/1.1\r\nHost: a\r\n\r\n", &request));
}

static void test_head_is_bounded_in_bytes_lines_and_path(void **state)
{
    (void)state;
    static char head[LIM_HTTP_HEADERS_BYTES_MAX + 200];
    struct http_request request;
    int len = snprintf(head, sizeof head, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
    memset(head + len, 'x', sizeof head - (size_t)len);
    assert_int_equal(HTTP_INCOMPLETE, http_parse(view_of(head, LIM_HTTP_HEADERS_BYTES_MAX), &request));
    assert_int_equal(HTTP_TOO_LONG, http_parse(view_of(head, LIM_HTTP_HEADERS_BYTES_MAX + 1), &request));
    memcpy(head + LIM_HTTP_HEADERS_BYTES_MAX - 4, "\r\n\r\n", 4);
    assert_int_equal(HTTP_PARSED, http_parse(view_of(head, LIM_HTTP_HEADERS_BYTES_MAX), &request));
    memcpy(head + LIM_HTTP_HEADERS_BYTES_MAX - 4, "xxx\r\n\r\n", 7);
    assert_int_equal(HTTP_TOO_LONG, http_parse(view_of(head, LIM_HTTP_HEADERS_BYTES_MAX + 3), &request));

    char *at = head + (size_t)snprintf(head, sizeof head, "GET / HTTP/1.1\r\nHost: a\r\n");
    for (int i = 0; i < HTTP_HEADERS_MAX; i++)
        at += snprintf(at, 20, "a%d: b\r\n", i);
    snprintf(at, 5, "\r\n");
    assert_int_equal(HTTP_TOO_LONG, s_parse(head, &request));

    at = head + (size_t)snprintf(head, sizeof head, "GET /");
    memset(at, 'p', HTTP_PATH_BYTES_MAX);
    memcpy(at + HTTP_PATH_BYTES_MAX, " HTTP/1.1\r\nHost: a\r\n\r\n", 23);
    assert_int_equal(HTTP_BAD, s_parse(head, &request));
}

static void test_routes_are_found_by_method_and_path(void **state)
{
    (void)state;
    uint64_t ids[HTTP_IDS_MAX];
    unsigned allow = 0;
    const struct http_route *route = http_find(false, HTTP_PATCH, "/api/v1/rooms/77/messages/5", ids, &allow);
    assert_non_null(route);
    assert_ptr_equal(http_room_edit, route->handler);
    assert_int_equal(77, ids[0]);
    assert_int_equal(5, ids[1]);
    assert_int_equal(HTTP_PATCH | HTTP_DELETE, allow);
    assert_null(http_find(false, HTTP_GET, "/api/v1/rooms/77/messages/5", ids, &allow));
    assert_int_equal(HTTP_PATCH | HTTP_DELETE, allow);
    assert_non_null(http_find(false, HTTP_HEAD, "/api/v1/me", ids, &allow));
    route = http_find(false, HTTP_PUT, "/api/v1/rooms/77/messages/5/reactions/\xF0\x9F\x91\x8D", ids, &allow);
    assert_non_null(route);
    assert_ptr_equal(http_room_react, route->handler);
    assert_int_equal(5, ids[1]);
    assert_int_equal(HTTP_PUT | HTTP_DELETE, allow);
    assert_null(http_find(false, HTTP_PUT, "/api/v1/rooms/77/messages/5/reactions/", ids, &allow));
    assert_null(http_find(false, HTTP_PUT, "/api/v1/rooms/77/messages/5/reactions/a/b", ids, &allow));
    static const char *const unknown[] = {"/api/v1/rooms/x", "/api/v1/rooms/", "/api/v1/rooms/1/", "/api/v1/me/",
                                          "/api/v1/rooms/9007199254740992", "/api/v1/rooms/-1", "/metrics"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        assert_null(http_find(false, HTTP_GET, unknown[i], ids, &allow));
        assert_int_equal(0, allow);
    }
    assert_non_null(http_find(false, HTTP_GET, "/api/v1/rooms/9007199254740991", ids, &allow));
    assert_non_null(http_find(true, HTTP_GET, "/metrics", ids, &allow));
}

static void test_parameters_are_exact(void **state)
{
    (void)state;
    char text[HTTP_PARAM_BYTES_MAX + 1];
    uint64_t value = 0;
    view_t query = view_of_text("a=1&b=&c&a2=x%20y+z&d=1&d=2&e=01a");
    assert_true(http_param(query, "a2", text));
    assert_string_equal("x y z", text);
    assert_true(http_param(query, "b", text));
    assert_string_equal("", text);
    assert_true(http_has_param(query, "c"));
    assert_false(http_param(query, "d", text)); /* twice: which one? */
    assert_false(http_has_param(query, "f"));
    assert_true(http_param_number(query, "f", 50, 100, &value));
    assert_int_equal(50, value);
    assert_true(http_param_number(query, "a", 50, 100, &value));
    assert_int_equal(1, value);
    assert_false(http_param_number(query, "e", 50, 100, &value));
    assert_false(http_param_number(query, "b", 50, 100, &value));
    assert_true(http_param_number(view_of_text("limit=100"), "limit", 50, 100, &value));
    assert_false(http_param_number(view_of_text("limit=101"), "limit", 50, 100, &value));
}

static void test_static_rules(void **state)
{
    (void)state;
    assert_true(http_static_is_immutable("/assets/index-1a2b3c.js"));
    assert_false(http_static_is_immutable("/index.html"));
    assert_true(http_static_is_page("/room/12"));
    assert_true(http_static_is_page("/"));
    assert_false(http_static_is_page("/assets/x.js"));
    assert_string_equal("text/javascript; charset=utf-8", http_static_type("/a/b.js"));
    assert_string_equal("application/octet-stream", http_static_type("/a/b"));
    assert_true(http_static_etag_matches(view_of_text("\"a\", W/\"b\""), "\"b\""));
    assert_true(http_static_etag_matches(view_of_text("*"), "\"b\""));
    assert_false(http_static_etag_matches(view_of_text("\"a\""), "\"b\""));
    assert_false(http_static_etag_matches(view_of_text(""), "\"b\""));
}

static void test_only_listed_proxies_are_believed(void **state)
{
    (void)state;
    struct proxies proxies;
    assert_int_equal(ERR_OK, proxies_read(&proxies, "127.0.0.1, 10.0.0.7,2001:db8::1"));
    assert_int_equal(3, proxies.count);
    assert_true(proxies_have(&proxies, view_of_text("10.0.0.7")));
    assert_true(proxies_have(&proxies, view_of_text("2001:db8:0::1")));
    assert_false(proxies_have(&proxies, view_of_text("10.0.0.8")));
    assert_int_equal(ERR_OK, proxies_read(&proxies, ""));
    assert_false(proxies_have(&proxies, view_of_text("127.0.0.1")));
    assert_int_equal(ERR_OUT_OF_RANGE, proxies_read(&proxies, "127.0.0.1,nonsense"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_head_is_read_with_its_parts),
        cmocka_unit_test(test_every_prefix_of_a_head_is_incomplete),
        cmocka_unit_test(test_ambiguous_heads_are_refused),
        cmocka_unit_test(test_no_spelling_leaves_the_folder),
        cmocka_unit_test(test_head_is_bounded_in_bytes_lines_and_path),
        cmocka_unit_test(test_routes_are_found_by_method_and_path),
        cmocka_unit_test(test_parameters_are_exact),
        cmocka_unit_test(test_static_rules),
        cmocka_unit_test(test_only_listed_proxies_are_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
