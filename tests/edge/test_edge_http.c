/* HTTP of a running edge: what it refuses, what it serves, and what every answer carries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "edge/http.h"
#include "edge_world.h"
#include "raw_client.h"

static char s_root[] = "/tmp/rookery-web-XXXXXX";
static struct world *s_world;

static void s_file(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", s_root, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int s_start(void **state)
{
    (void)state;
    char path[256];
    assert_non_null(mkdtemp(s_root));
    snprintf(path, sizeof path, "%s/assets", s_root);
    assert_int_equal(0, mkdir(path, 0700));
    s_file("index.html", "<!doctype html>page");
    s_file("assets/app-1a2b.js", "plain");
    s_file("assets/app-1a2b.js.br", "brotli");
    s_file("assets/app-1a2b.js.gz", "gzip");
    s_file(".secret", "no");
    struct world_options options = {.web_root = s_root, .origins = "https://chat.example",
                                    .trusted_proxies = "127.0.0.1"};
    s_world = world_start(&options);
    return 0;
}

static int s_end(void **state)
{
    static const char *const names[] = {"index.html", "assets/app-1a2b.js", "assets/app-1a2b.js.br",
                                        "assets/app-1a2b.js.gz", ".secret", "assets", ""};
    (void)state;
    world_stop(s_world);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[256];
        snprintf(path, sizeof path, "%s/%s", s_root, names[i]);
        (void)remove(path);
    }
    return 0;
}

static int s_ask(const char *method, const char *path, const char *headers, const char *body, struct answer_text *out)
{
    return http_once(world_port(s_world), method, path, headers, body, out);
}

static int s_status(const char *method, const char *path, const char *headers, const char *body)
{
    struct answer_text answer;
    int status = s_ask(method, path, headers, body, &answer);
    answer_fini(&answer);
    return status;
}

static const char *s_bearer(uint64_t user)
{
    static char header[2100];
    snprintf(header, sizeof header, "Authorization: Bearer %s\r\n", world_token(user, 5, 600));
    return header;
}

/* Raw bytes on a fresh connection; the status, 0: closed without one. */
static int s_raw(const char *request)
{
    struct raw raw = raw_connect(world_port(s_world));
    struct answer_text answer;
    int status = http_exchange(&raw, request, &answer);
    answer_fini(&answer);
    if (status >= 400)
        assert_true(raw_is_closed(&raw, 3000));
    raw_close(&raw);
    return status;
}

static void test_upgrades_other_than_websocket_are_refused_and_closed(void **state)
{
    (void)state;
    assert_int_equal(400, s_raw("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                                "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n"));
    assert_int_equal(505, s_raw("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
    assert_int_equal(400, s_raw("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: TLS/1.0\r\n\r\n"));
    assert_int_equal(400, s_raw("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: foo, websocket\r\n"
                                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                                "Sec-WebSocket-Protocol: rookery.v1.json\r\n\r\n"));
    assert_int_equal(400, s_raw("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                                "Sec-WebSocket-Protocol: rookery.v1.json\r\n\r\n"));
    assert_int_equal(400, s_raw("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n"));
    struct raw raw = raw_connect(world_port(s_world));
    assert_int_equal(400, ws_handshake(&raw, "other.protocol", NULL));
    raw_close(&raw);
}

static void test_foreign_web_origin_gets_no_socket(void **state)
{
    (void)state;
    struct raw raw = raw_connect(world_port(s_world));
    assert_int_equal(403, ws_handshake(&raw, "rookery.v1.json", "Origin: https://evil.example\r\n"));
    raw_close(&raw);
    raw = raw_connect(world_port(s_world));
    assert_int_equal(403, ws_handshake(&raw, "rookery.v1.json", "Origin: null\r\n"));
    raw_close(&raw);
    raw = raw_connect(world_port(s_world));
    assert_int_equal(101, ws_handshake(&raw, "rookery.v1.json", "Origin: http://localhost\r\n"));
    raw_close(&raw);
    raw = raw_connect(world_port(s_world));
    assert_int_equal(101, ws_handshake(&raw, "rookery.v1.json", "Origin: https://chat.example\r\n"));
    raw_close(&raw);
}

static void test_requests_whose_end_is_unclear_are_refused(void **state)
{
    (void)state;
    assert_int_equal(411, s_raw("POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
                                "Content-Type: application/json\r\n\r\n0\r\n\r\n"));
    assert_int_equal(400, s_raw("POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
                                "Content-Length: 3\r\n\r\n{}"));
    assert_int_equal(413, s_raw("POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n"));
    struct answer_text answer; /* a request without a body keeps its connection */
    struct raw raw = raw_connect(world_port(s_world));
    assert_int_equal(411, http_exchange(&raw, "POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\n\r\n", &answer));
    answer_fini(&answer);
    raw_close(&raw);
}

static void test_large_body_is_refused_with_an_answer_that_arrives(void **state)
{
    (void)state;
    size_t len = 100000;
    char *request = malloc(len + 300);
    int head = snprintf(request, 300, "POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n", len);
    memset(request + head, 'x', len);
    request[(size_t)head + len] = '\0';
    assert_int_equal(413, s_raw(request));
    free(request);
}

static void test_body_of_the_largest_size_is_read(void **state)
{
    (void)state;
    char *body = calloc(1, LIM_HTTP_BODY_BYTES_MAX + 2);
    memset(body, ' ', LIM_HTTP_BODY_BYTES_MAX);
    memcpy(body, "{}", 2);
    struct answer_text answer;
    assert_int_equal(400, s_ask("POST", "/api/v1/auth/login", NULL, body, &answer));
    assert_non_null(strstr(answer.body, "wrong_fields"));
    answer_fini(&answer);
    body[LIM_HTTP_BODY_BYTES_MAX] = ' '; /* one more */
    assert_int_equal(413, s_status("POST", "/api/v1/auth/login", NULL, body));
    free(body);
}

static void test_head_in_pieces_is_understood(void **state)
{
    (void)state;
    struct raw raw = raw_connect(world_port(s_world));
    struct answer_text answer;
    raw_text(&raw, "GET /hea");
    usleep(20000);
    raw_text(&raw, "lthz HTTP/1.1\r\nHo");
    usleep(20000);
    assert_int_equal(200, http_exchange(&raw, "st: a\r\n\r\n", &answer));
    answer_fini(&answer);
    raw_close(&raw);
}

static void test_half_a_head_and_an_end_is_closed_at_once(void **state)
{
    (void)state;
    struct raw raw = raw_connect(world_port(s_world));
    raw_text(&raw, "GET /hea");
    usleep(20000);
    shutdown(raw.fd, SHUT_WR);
    assert_true(raw_is_closed(&raw, 1000));
    raw_close(&raw);
}

static void test_websocket_request_in_pieces_is_understood(void **state)
{
    (void)state;
    struct raw raw = raw_connect(world_port(s_world));
    struct answer_text answer;
    raw_text(&raw, "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n");
    usleep(20000);
    assert_int_equal(101, http_exchange(&raw, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                                              "Sec-WebSocket-Version: 13\r\n"
                                              "Sec-WebSocket-Protocol: x, rookery.v1.json\r\n\r\n", &answer));
    answer_fini(&answer);
    raw_close(&raw);
}

static void test_pipelined_requests_are_answered_in_order(void **state)
{
    (void)state;
    struct raw raw = raw_connect(world_port(s_world));
    struct answer_text answer;
    assert_int_equal(200, http_exchange(&raw, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
                                              "POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\n"
                                              "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
                                              "GET /nothing.txt HTTP/1.1\r\nHost: a\r\n\r\n", &answer));
    answer_fini(&answer);
    assert_int_equal(400, http_exchange(&raw, "", &answer));
    answer_fini(&answer);
    assert_int_equal(404, http_exchange(&raw, "", &answer));
    answer_fini(&answer);
    raw_close(&raw);
}

static void test_wrong_method_names_the_right_ones(void **state)
{
    (void)state;
    struct answer_text answer;
    assert_int_equal(405, s_ask("PUT", "/api/v1/rooms", NULL, NULL, &answer));
    assert_true(head_has(&answer, "Allow: OPTIONS, GET, HEAD, POST\r\n"));
    assert_non_null(strstr(answer.body, "method_not_allowed"));
    answer_fini(&answer);
    assert_int_equal(405, s_status("POST", "/index.html", NULL, "{}"));
    assert_int_equal(404, s_status("GET", "/api/v1/nothing", NULL, NULL));
    assert_int_equal(404, s_status("GET", "/api/v1/rooms/abc", NULL, NULL));
}

static void test_problems_are_problem_documents(void **state)
{
    (void)state;
    struct answer_text answer;
    assert_int_equal(401, s_ask("GET", "/api/v1/me", NULL, NULL, &answer));
    assert_true(head_has(&answer, "Content-Type: application/problem+json\r\n"));
    assert_true(head_has(&answer, "WWW-Authenticate: Bearer\r\n"));
    assert_non_null(strstr(answer.body, "{\"type\":\"/problems/unauthorized\",\"title\":\"unauthorized\",\"status\":401,"));
    answer_fini(&answer);
    assert_int_equal(409, s_ask("POST", "/api/v1/auth/signup", NULL, "{\"name\":\"taken\",\"password\":\"12345678\"}",
                                &answer));
    assert_non_null(strstr(answer.body, "\"field\":\"name\""));
    answer_fini(&answer);
}

static void test_every_answer_carries_the_security_headers(void **state)
{
    (void)state;
    static const char *const paths[] = {"/", "/api/v1/me", "/healthz", "/nothing.txt", "/assets/app-1a2b.js",
                                        "/openapi.json"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct answer_text answer;
        s_ask("GET", paths[i], NULL, NULL, &answer);
        assert_true(head_has(&answer, "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
                                      "img-src 'self' blob: data:; font-src 'self'; manifest-src 'self'; "
                                      "connect-src 'self' ws://127.0.0.1:"));
        assert_true(head_has(&answer, "; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
                                      "require-trusted-types-for 'script'\r\n"));
        assert_true(head_has(&answer, "X-Content-Type-Options: nosniff\r\n"));
        assert_true(head_has(&answer, "Referrer-Policy: no-referrer\r\n"));
        assert_false(head_has(&answer, "Strict-Transport-Security"));
        answer_fini(&answer);
    }
    struct answer_text answer;
    s_ask("GET", "/", "X-Forwarded-Proto: https\r\nX-Forwarded-For: 192.0.2.9\r\n", NULL, &answer);
    assert_true(head_has(&answer, "Strict-Transport-Security: max-age="));
    answer_fini(&answer);
}

static void test_host_header_cannot_write_the_policy(void **state)
{
    (void)state;
    struct raw raw = raw_connect(world_port(s_world));
    struct answer_text answer;
    assert_int_equal(200, http_exchange(&raw, "GET /healthz HTTP/1.1\r\nHost: a; script-src *\r\n\r\n", &answer));
    assert_true(head_has(&answer, "connect-src 'self'; base-uri"));
    answer_fini(&answer);
    raw_close(&raw);
}

static void test_page_is_revalidated_and_assets_are_kept(void **state)
{
    (void)state;
    struct answer_text answer;
    char etag[200];
    assert_int_equal(200, s_ask("GET", "/", NULL, NULL, &answer));
    assert_string_equal("<!doctype html>page", answer.body);
    assert_true(head_has(&answer, "Cache-Control: no-cache\r\n"));
    const char *tag = strstr(answer.head, "ETag: ");
    assert_non_null(tag);
    snprintf(etag, sizeof etag, "If-None-Match: W/%.*s\r\n", (int)strcspn(tag + 6, "\r"), tag + 6);
    answer_fini(&answer);
    assert_int_equal(304, s_ask("GET", "/index.html", etag, NULL, &answer));
    assert_int_equal(0, answer.body_len);
    answer_fini(&answer);
    assert_int_equal(200, s_ask("GET", "/assets/app-1a2b.js", NULL, NULL, &answer));
    assert_string_equal("plain", answer.body);
    assert_true(head_has(&answer, "Cache-Control: public, max-age=31536000, immutable\r\n"));
    assert_true(head_has(&answer, "Content-Type: text/javascript; charset=utf-8\r\n"));
    answer_fini(&answer);
}

static void test_precompressed_files_go_to_those_who_take_them(void **state)
{
    (void)state;
    struct answer_text answer;
    s_ask("GET", "/assets/app-1a2b.js", "Accept-Encoding: gzip, deflate, br\r\n", NULL, &answer);
    assert_string_equal("brotli", answer.body);
    assert_true(head_has(&answer, "Content-Encoding: br\r\n"));
    assert_true(head_has(&answer, "Vary: Accept-Encoding\r\n"));
    answer_fini(&answer);
    s_ask("GET", "/assets/app-1a2b.js", "Accept-Encoding: gzip\r\n", NULL, &answer);
    assert_string_equal("gzip", answer.body);
    answer_fini(&answer);
    assert_int_equal(404, s_status("GET", "/assets/app-1a2b.js.br", NULL, NULL));
}

static void test_routes_of_the_client_get_its_page_and_files_do_not(void **state)
{
    (void)state;
    struct answer_text answer;
    assert_int_equal(200, s_ask("GET", "/rooms/12", NULL, NULL, &answer));
    assert_string_equal("<!doctype html>page", answer.body);
    answer_fini(&answer);
    assert_int_equal(404, s_status("GET", "/assets/gone.js", NULL, NULL));
    assert_int_equal(404, s_status("GET", "/.secret", NULL, NULL));
    assert_int_equal(400, s_status("GET", "/../etc/passwd", NULL, NULL));
    assert_int_equal(400, s_status("GET", "/%2e%2e/etc/passwd", NULL, NULL));
    assert_int_equal(200, s_ask("HEAD", "/", NULL, NULL, &answer));
    assert_true(head_has(&answer, "Content-Length: 19\r\n"));
    answer_fini(&answer);
}

static void test_new_build_is_served_without_a_restart(void **state)
{
    (void)state;
    struct answer_text answer;
    usleep(1100000);
    s_file("index.html", "<!doctype html>next");
    for (int i = 0; i < 30; i++) {
        s_ask("GET", "/", NULL, NULL, &answer);
        bool next = strcmp(answer.body, "<!doctype html>next") == 0;
        answer_fini(&answer);
        if (next)
            return;
        usleep(100000);
    }
    fail_msg("still the old page");
}

static void test_sign_in_sets_a_cookie_and_hides_the_refresh_token(void **state)
{
    (void)state;
    struct answer_text answer;
    assert_int_equal(200, s_ask("POST", "/api/v1/auth/login", NULL,
                                "{\"name\":\"user1\",\"password\":\"correct horse\",\"device\":\"t\"}", &answer));
    assert_true(head_has(&answer, "Set-Cookie: rookery_refresh=good-refresh-token; HttpOnly; SameSite=Strict; "
                                  "Path=/api/v1/auth; Max-Age=100\r\n"));
    assert_null(strstr(answer.body, "refresh"));
    assert_non_null(strstr(answer.body, "\"access_token\":\"a.b.c\""));
    assert_true(head_has(&answer, "Cache-Control: no-store\r\n"));
    answer_fini(&answer);
    assert_int_equal(401, s_status("POST", "/api/v1/auth/login", NULL, "{\"name\":\"user1\",\"password\":\"wrong\"}"));
    assert_int_equal(400, s_status("POST", "/api/v1/auth/login", NULL, "{\"name\":\"user1\"}"));
    assert_int_equal(400, s_status("POST", "/api/v1/auth/login", NULL, "[1"));
    assert_int_equal(400, s_status("POST", "/api/v1/auth/login", NULL,
                                   "{\"name\":\"user1\",\"password\":\"correct horse\",\"x\":1}"));
    assert_int_equal(201, s_status("POST", "/api/v1/auth/signup", NULL, "{\"name\":\"u\",\"password\":\"12345678\"}"));
}

static void test_cookie_routes_want_the_own_origin(void **state)
{
    (void)state;
    struct answer_text answer;
    char own[200];
    snprintf(own, sizeof own, "Cookie: rookery_refresh=good-refresh-token\r\nOrigin: http://127.0.0.1:%d\r\n",
             world_port(s_world));
    assert_int_equal(200, s_ask("POST", "/api/v1/auth/refresh", own, NULL, &answer));
    assert_true(head_has(&answer, "Set-Cookie: rookery_refresh="));
    answer_fini(&answer);
    assert_int_equal(403, s_status("POST", "/api/v1/auth/refresh",
                                   "Cookie: rookery_refresh=good-refresh-token\r\nOrigin: https://evil.example\r\n", NULL));
    assert_int_equal(403, s_status("POST", "/api/v1/auth/refresh", "Cookie: rookery_refresh=good-refresh-token\r\n", NULL));
    assert_int_equal(401, s_ask("POST", "/api/v1/auth/refresh",
                                "Cookie: rookery_refresh=bad-refresh-token\r\nSec-Fetch-Site: same-origin\r\n", NULL,
                                &answer));
    assert_true(head_has(&answer, "Set-Cookie: rookery_refresh=; ") && head_has(&answer, "Max-Age=0"));
    answer_fini(&answer);
    snprintf(own, sizeof own, "Cookie: rookery_refresh=good-refresh-token\r\nOrigin: http://127.0.0.1:%d\r\n",
             world_port(s_world));
    assert_int_equal(204, s_ask("POST", "/api/v1/auth/logout", own, NULL, &answer));
    assert_true(head_has(&answer, "Max-Age=0"));
    answer_fini(&answer);
}

static void test_listed_origins_may_use_the_api_from_elsewhere(void **state)
{
    (void)state;
    struct answer_text answer;
    assert_int_equal(204, s_ask("OPTIONS", "/api/v1/rooms", "Origin: https://chat.example\r\n"
                                                            "Access-Control-Request-Method: POST\r\n", NULL, &answer));
    assert_true(head_has(&answer, "Access-Control-Allow-Origin: https://chat.example\r\n"));
    assert_true(head_has(&answer, "Access-Control-Allow-Methods: OPTIONS, GET, HEAD, POST\r\n"));
    answer_fini(&answer);
    assert_int_equal(403, s_status("OPTIONS", "/api/v1/rooms", "Origin: https://evil.example\r\n"
                                                               "Access-Control-Request-Method: POST\r\n", NULL));
    assert_int_equal(401, s_ask("GET", "/api/v1/me", "Origin: https://chat.example\r\n", NULL, &answer));
    assert_true(head_has(&answer, "Access-Control-Allow-Origin: https://chat.example\r\n"));
    answer_fini(&answer);
}

static void test_lines_are_posted_and_read_with_a_token(void **state)
{
    (void)state;
    struct answer_text answer;
    const char *line = "{\"client_id\":\"01ARZ3NDEKTSV4RRFFQ69G5FAV\",\"text\":\"hello\"}";
    assert_int_equal(201, s_ask("POST", "/api/v1/rooms/1000/messages", s_bearer(7), line, &answer));
    assert_non_null(strstr(answer.body, "\"type\":\"ack\""));
    answer_fini(&answer);
    assert_int_equal(7, world_seen(s_world).last_user);
    assert_int_equal(200, s_ask("POST", "/api/v1/rooms/1000/messages", s_bearer(7), line, &answer));
    assert_non_null(strstr(answer.body, "\"dup\":true"));
    answer_fini(&answer);
    assert_int_equal(200, s_ask("GET", "/api/v1/rooms/1000/messages?limit=50", s_bearer(7), NULL, &answer));
    assert_non_null(strstr(answer.body, "\"text\":\"hello\""));
    answer_fini(&answer);
    assert_int_equal(404, s_status("POST", "/api/v1/rooms/1999/messages", s_bearer(7), line));
    assert_int_equal(403, s_status("GET", "/api/v1/rooms/1999/messages", s_bearer(7), NULL));
    assert_int_equal(400, s_status("GET", "/api/v1/rooms/1000/messages?limit=101", s_bearer(7), NULL));
    assert_int_equal(400, s_status("POST", "/api/v1/rooms/1000/messages", s_bearer(7), "{\"text\":\"no id\"}"));
    assert_int_equal(400, s_status("POST", "/api/v1/rooms/1000/messages", s_bearer(7),
                                   "{\"client_id\":\"01ARZ3NDEKTSV4RRFFQ69G5FAW\",\"text\":\"x\",\"room\":1001}"));
}

static void test_the_level_of_a_room_must_be_said_and_be_one(void **state)
{
    (void)state;
    struct answer_text answer;
    assert_int_equal(200, s_ask("PUT", "/api/v1/rooms/1000/notify", s_bearer(7), "{\"level\":1}", &answer));
    assert_non_null(strstr(answer.body, "\"type\":\"notified\",\"room\":1000,\"level\":1"));
    answer_fini(&answer);
    assert_int_equal(200, s_status("PUT", "/api/v1/rooms/1000/notify", s_bearer(7), "{\"level\":2}"));
    assert_int_equal(400, s_status("PUT", "/api/v1/rooms/1000/notify", s_bearer(7), "{\"level\":3}"));
    assert_int_equal(400, s_status("PUT", "/api/v1/rooms/1000/notify", s_bearer(7), "{}"));
    assert_int_equal(400, s_status("PUT", "/api/v1/rooms/1000/notify", s_bearer(7), "{\"level\":1,\"room\":1001}"));
    assert_int_equal(403, s_status("PUT", "/api/v1/rooms/1999/notify", s_bearer(7), "{\"level\":1}"));
    assert_int_equal(401, s_status("PUT", "/api/v1/rooms/1000/notify", "", "{\"level\":1}"));
}

static void test_body_must_be_json_by_its_header(void **state)
{
    (void)state;
    char request[3000];
    struct raw raw = raw_connect(world_port(s_world));
    struct answer_text answer;
    snprintf(request, sizeof request,
             "POST /api/v1/rooms/1000/messages HTTP/1.1\r\nHost: a\r\n%sContent-Type: text/plain\r\n"
             "Content-Length: 2\r\n\r\n{}", s_bearer(7));
    assert_int_equal(415, http_exchange(&raw, request, &answer));
    answer_fini(&answer);
    raw_close(&raw);
}

static void test_expired_token_is_told_from_a_bad_one(void **state)
{
    (void)state;
    char header[2200];
    struct answer_text answer;
    snprintf(header, sizeof header, "Authorization: Bearer %s\r\n", world_token(7, 5, -10));
    assert_int_equal(401, s_ask("GET", "/api/v1/me", header, NULL, &answer));
    assert_non_null(strstr(answer.body, "token_expired"));
    answer_fini(&answer);
    assert_int_equal(401, s_status("GET", "/api/v1/me", "Authorization: Bearer a.b.c\r\n", NULL));
    assert_int_equal(200, s_ask("GET", "/api/v1/me", s_bearer(7), NULL, &answer));
    assert_non_null(strstr(answer.body, "\"user\":7"));
    answer_fini(&answer);
}

static void s_search(const char *params, int status, const char *part)
{
    struct answer_text answer;
    char path[2048];
    snprintf(path, sizeof path, "/api/v1/search?%s", params);
    assert_int_equal(status, s_ask("GET", path, s_bearer(7), NULL, &answer));
    if (!strstr(answer.body, part))
        fail_msg("no %s in %s", part, answer.body);
    answer_fini(&answer);
}

static void test_search_asks_the_store_in_the_name_of_the_token(void **state)
{
    (void)state;
    assert_int_equal(401, s_status("GET", "/api/v1/search?q=cat", NULL, NULL));
    s_search("q=caf%C3%A9+in%3Ax&limit=50&zone=-300&before=17.5.3", 200,
             "\"next\":\"17.5.3\",\"behind\":540,\"hits\":[{\"room\":50,\"seq\":1,\"msg_no\":0,\"user\":7,");
    s_search("q=caf%C3%A9&zone=840", 200, "\"behind\":1680,\"hits\":[{\"room\":20,");
    s_search("q=caf%C3%A9", 200, "\"snippet\":\"café\"");
}

static void test_a_search_that_cannot_be_understood_is_refused_with_its_place(void **state)
{
    (void)state;
    s_search("q=", 400, "\"title\":\"bad_search\"");
    s_search("", 400, "\"title\":\"bad_search\"");
    s_search("q=k%C3%A4se+after%3Asoon", 400, "\"detail\":\"Write a date as 2026-11-23, 2026-11 or 2026.\",\"position\":5}");
    s_search("q=%F0%9F%8E%89+in%3A", 400, "\"position\":3}"); /* the emoji is two units */
    s_search("q=x+from%3Anobody", 400, "\"detail\":\"Nobody has this name.\",\"position\":2}"); /* the store's word */
}

static void test_parameters_of_a_search_are_bounded(void **state)
{
    (void)state;
    char params[2 * LIM_SEARCH_QUERY_BYTES_MAX] = "q=";
    memset(params + 2, 'a', LIM_SEARCH_QUERY_BYTES_MAX);
    params[2 + LIM_SEARCH_QUERY_BYTES_MAX] = '\0';
    s_search(params, 200, "\"hits\":[{");
    memcpy(params + 2 + LIM_SEARCH_QUERY_BYTES_MAX, "a", 2);
    s_search(params, 400, "out_of_range");
    s_search("q=x&limit=50", 200, "\"hits\":[{");
    static const char *const BAD[] = {"q=x&limit=0", "q=x&limit=51", "q=x&zone=841", "q=x&zone=-841", "q=x&zone=east",
                                      "q=x&zone=--1", "q=x&zone=", "q=x&before=1.2", "q=x&before=yesterday", "q=%FF",
                                      "q=x&q=y", "q=a%00b"};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
        s_search(BAD[i], 400, "out_of_range");
}

static void test_metrics_are_on_the_admin_port_only(void **state)
{
    (void)state;
    struct answer_text answer;
    assert_int_equal(404, s_status("GET", "/metrics", NULL, NULL));
    assert_int_equal(200, http_once(world_admin_port(s_world), "GET", "/metrics", NULL, NULL, &answer));
    assert_non_null(strstr(answer.body, "rookery_http_requests_total"));
    answer_fini(&answer);
    assert_int_equal(404, http_once(world_admin_port(s_world), "GET", "/api/v1/me", NULL, NULL, &answer));
    answer_fini(&answer);
}

/* ---- administration ---- */

static const struct {
    const char *method, *path;
    unsigned flags;
} s_routes[] = {
#define ROUTE(method, path, handler, flags, ...) {#method, path, flags},
#include "edge/routes.def"
#undef ROUTE
};

/* The path with a number for each {…}. */
static const char *s_filled(const char *path)
{
    static char filled[256];
    size_t len = 0;
    for (; *path; path++) {
        filled[len++] = *path == '{' ? '7' : *path;
        if (*path == '{')
            path += strcspn(path, "}");
    }
    filled[len] = '\0';
    return filled;
}

static void test_every_route_of_administrators_is_closed_to_all_others(void **state)
{
    (void)state;
    int count = 0;
    for (size_t i = 0; i < sizeof s_routes / sizeof s_routes[0]; i++) {
        const char *method = s_routes[i].method, *path = s_routes[i].path;
        if (strncmp(path, "/api/v1/admin/", 14) != 0)
            continue;
        const char *body = strcmp(method, "GET") == 0 || strcmp(method, "DELETE") == 0 ? NULL : "{}";
        count++;
        assert_int_equal(401, s_status(method, s_filled(path), NULL, body));
        assert_int_equal(403, s_status(method, s_filled(path), s_bearer(3), body));
    }
    assert_true(count >= 10);
}

/* Whatever address is added: who signed in with a password that an administrator gave gets no further than this. */
static void test_a_given_password_opens_no_route_but_the_one_that_changes_it(void **state)
{
    (void)state;
    int closed = 0, open = 0;
    for (size_t i = 0; i < sizeof s_routes / sizeof s_routes[0]; i++) {
        struct answer_text answer;
        if (!(s_routes[i].flags & HTTP_TOKEN))
            continue;
        const char *method = s_routes[i].method;
        const char *body = strcmp(method, "GET") == 0 || strcmp(method, "DELETE") == 0 ? NULL : "{}";
        int status = s_ask(method, s_filled(s_routes[i].path), s_bearer(WORLD_GIVEN), body, &answer);
        bool is_closed = strstr(answer.body, "\"password_change_required\"") != NULL;
        assert_int_equal(strcmp(s_routes[i].path, "/api/v1/me/password") != 0, is_closed);
        assert_true(!is_closed || status == 403);
        closed += is_closed;
        open += !is_closed;
        answer_fini(&answer);
    }
    assert_int_equal(1, open);
    assert_true(closed > 40);
}

static void test_an_administrator_asks_the_store_in_their_name(void **state)
{
    (void)state;
    struct answer_text answer;
    char headers[2300];
    snprintf(headers, sizeof headers, "%s", s_bearer(WORLD_ADMIN));
    assert_int_equal(200, s_ask("GET", "/api/v1/admin/users?query=Ann%20B&limit=100", headers, NULL, &answer));
    assert_non_null(strstr(answer.body, "\"name\":\"Ann B\""));
    assert_non_null(strstr(answer.body, "\"user\":100"));
    answer_fini(&answer);
    assert_int_equal(204, s_status("PATCH", "/api/v1/admin/users/5", headers, "{\"disabled\":true}"));
    struct world_seen seen = world_seen(s_world);
    assert_int_equal(WORLD_ADMIN, seen.admin_by);
    assert_int_equal(5, seen.admin_user);
    assert_int_equal(1, seen.admin_disabled);
    assert_int_equal(2, seen.admin_role); /* as it is */
    assert_int_equal(204, s_status("PATCH", "/api/v1/admin/users/5", headers, "{\"role\":1,\"disabled\":false}"));
    seen = world_seen(s_world);
    assert_int_equal(1, seen.admin_role);
    assert_int_equal(0, seen.admin_disabled);
    assert_int_equal(204, s_status("DELETE", "/api/v1/admin/users/5/sessions/66", headers, NULL));
    seen = world_seen(s_world);
    assert_int_equal(66, seen.admin_session);
    assert_int_equal(204, s_status("DELETE", "/api/v1/admin/users/5/sessions", headers, NULL));
    assert_int_equal(0, world_seen(s_world).admin_session);
    assert_int_equal(404, s_status("DELETE", "/api/v1/admin/users/5/sessions/0", headers, NULL)); /* it would mean all */
    assert_int_equal(200, s_status("GET", "/api/v1/admin/users/5/sessions", headers, NULL));
    assert_int_equal(409, s_ask("PATCH", "/api/v1/admin/users/9", headers, "{\"role\":0}", &answer));
    assert_non_null(strstr(answer.body, "\"title\":\"last_admin\""));
    answer_fini(&answer);
}

static void test_what_administrators_ask_is_bounded(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path, *body;
        int status;
    } cases[] = {
        {"GET", "/api/v1/admin/users?limit=100", NULL, 200}, {"GET", "/api/v1/admin/users?limit=101", NULL, 400},
        {"GET", "/api/v1/admin/users?limit=0", NULL, 400},   {"GET", "/api/v1/admin/rooms?limit=100", NULL, 200},
        {"GET", "/api/v1/admin/rooms?limit=101", NULL, 400}, {"GET", "/api/v1/admin/rooms?visibility=3", NULL, 200},
        {"GET", "/api/v1/admin/rooms?visibility=4", NULL, 400}, {"GET", "/api/v1/admin/audit?limit=101", NULL, 400},
        {"GET", "/api/v1/admin/audit?limit=100", NULL, 200},
        {"GET", "/api/v1/admin/audit?action=abcdefghijklmnopqrstuvwxyzabcdef", NULL, 200},
        {"GET", "/api/v1/admin/audit?action=abcdefghijklmnopqrstuvwxyzabcdefg", NULL, 400},
        {"GET", "/api/v1/admin/sockets?limit=200", NULL, 200}, {"GET", "/api/v1/admin/sockets?limit=201", NULL, 400},
        {"PATCH", "/api/v1/admin/users/5", "{\"role\":1}", 204}, {"PATCH", "/api/v1/admin/users/5", "{\"role\":2}", 400},
        {"PATCH", "/api/v1/admin/users/5", "{}", 400},
        {"PATCH", "/api/v1/admin/users/5", "{\"role\":0,\"name\":\"x\"}", 400},
        {"PATCH", "/api/v1/admin/users/5", "{\"disabled\":1}", 400}, {"PATCH", "/api/v1/admin/users/5", "[]", 400},
    };
    char headers[2300], path[256];
    snprintf(headers, sizeof headers, "%s", s_bearer(WORLD_ADMIN));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (s_status(cases[i].method, cases[i].path, headers, cases[i].body) != cases[i].status)
            fail_msg("%s %s %s: not %d", cases[i].method, cases[i].path, cases[i].body, cases[i].status);
    for (int len = LIM_QUERY_BYTES_MAX; len <= LIM_QUERY_BYTES_MAX + 1; len++) {
        snprintf(path, sizeof path, "/api/v1/admin/users?query=%0*d", len, 0);
        assert_int_equal(len > LIM_QUERY_BYTES_MAX ? 400 : 200, s_status("GET", path, headers, NULL));
    }
}

static void test_limits_say_what_is_in_force_and_hide_secrets(void **state)
{
    (void)state;
    struct answer_text answer;
    assert_int_equal(200, s_ask("GET", "/api/v1/admin/limits", s_bearer(WORLD_ADMIN), NULL, &answer));
    assert_non_null(strstr(answer.body, "\"name\":\"frames_per_s\""));
    assert_non_null(strstr(answer.body, "\"name\":\"text\",\"value\":4096"));
    assert_null(strstr(answer.body, WORLD_SECRET));
    assert_non_null(strstr(answer.body, "(set)"));
    answer_fini(&answer);
}

static void test_topology_shows_what_actors_told_and_who_owns_shards(void **state)
{
    (void)state;
    struct answer_text answer;
    bool is_there = false;
    for (int i = 0; i < 40 && !is_there; i++) { /* the edge tells of itself each second */
        assert_int_equal(200, s_ask("GET", "/api/v1/admin/topology", s_bearer(WORLD_ADMIN), NULL, &answer));
        is_there = strstr(answer.body, "\"node\":\"edge/0\"") != NULL;
        if (is_there) {
            assert_non_null(strstr(answer.body, "\"peer\":\"persist/0\",\"up\":true"));
            assert_non_null(strstr(answer.body, "\"rookery_http_requests_total\":"));
            assert_non_null(strstr(answer.body, "\"owners\":[\"room/0\",\"room/0\""));
        }
        answer_fini(&answer);
        if (!is_there)
            usleep(50000);
    }
    assert_true(is_there);
}

static void test_openapi_names_every_route(void **state)
{
    (void)state;
    struct answer_text answer;
    assert_int_equal(200, s_ask("GET", "/openapi.json", NULL, NULL, &answer));
    assert_non_null(strstr(answer.body, "\"/api/v1/rooms/{id}/messages/{seq}\":{\"patch\":{"));
    assert_non_null(strstr(answer.body, "\"/api/v1/auth/refresh\""));
    assert_null(strstr(answer.body, "/metrics"));
    answer_fini(&answer);
}

static void test_idle_connection_that_says_nothing_is_closed(void **state)
{
    (void)state;
    struct raw raw = raw_connect(world_port(s_world));
    raw_text(&raw, "GET /heal");
    assert_false(raw_is_closed(&raw, 1000));
    assert_true(raw_is_closed(&raw, 12000));
    raw_close(&raw);
}

/* ---- pictures and people ---- */

/* A PUT of so many bytes that begin as a PNG does; sends only the head if `whole` is false. */
static int s_put_picture(size_t len, const char *headers, bool whole, struct answer_text *out)
{
    char *request = malloc(len + 4096);
    int head = snprintf(request, 4096, "PUT /api/v1/me/avatar HTTP/1.1\r\nHost: a\r\n%sContent-Length: %zu\r\n\r\n",
                        headers ? headers : "", len);
    memset(request + head, 'x', len);
    if (len >= 8)
        memcpy(request + head, "\x89PNG\r\n\x1a\n", 8);
    request[(size_t)head + (whole ? len : 0)] = '\0';
    struct raw raw = raw_connect(world_port(s_world));
    int status = http_exchange(&raw, request, out);
    raw_close(&raw);
    free(request);
    return status;
}

static void test_a_picture_is_refused_by_its_size_before_any_of_it_comes(void **state)
{
    (void)state;
    struct answer_text answer;
    assert_int_equal(413, s_put_picture(LIM_AVATAR_BYTES_MAX + 1, s_bearer(1), false, &answer));
    assert_non_null(strstr(answer.body, "\"limit\":262144"));
    answer_fini(&answer);
    assert_int_equal(401, s_put_picture(LIM_AVATAR_BYTES_MAX, NULL, false, &answer)); /* nobody's */
    answer_fini(&answer);
    assert_int_equal(200, s_put_picture(LIM_AVATAR_BYTES_MAX, s_bearer(1), true, &answer));
    assert_non_null(strstr(answer.body, "\"avatar\":262144"));
    assert_non_null(strstr(answer.body, "\"rev\":1")); /* a PNG, whatever the request said */
    answer_fini(&answer);
    assert_int_equal(415, s_put_picture(4, s_bearer(1), true, &answer));
    assert_non_null(strstr(answer.body, "\"bad_picture\""));
    answer_fini(&answer);
    assert_int_equal(415, s_put_picture(0, s_bearer(1), true, &answer));
    answer_fini(&answer);
}

static void test_a_picture_is_kept_under_its_rev_and_can_do_nothing(void **state)
{
    (void)state;
    struct answer_text answer;
    assert_int_equal(401, s_status("GET", "/api/v1/users/7/avatar?rev=12", NULL, NULL));
    assert_int_equal(200, s_ask("GET", "/api/v1/users/7/avatar?rev=12", s_bearer(1), NULL, &answer));
    assert_true(head_has(&answer, "Content-Type: image/jpeg"));
    assert_true(head_has(&answer, "Cache-Control: private, max-age=31536000, immutable"));
    assert_true(head_has(&answer, "Content-Security-Policy: default-src 'none'; sandbox"));
    assert_true(head_has(&answer, "X-Content-Type-Options: nosniff"));
    assert_memory_equal("\xff\xd8\xff", answer.body, 3);
    answer_fini(&answer);
    assert_int_equal(200, s_ask("GET", "/api/v1/users/7/avatar?rev=11", s_bearer(1), NULL, &answer));
    assert_true(head_has(&answer, "Cache-Control: no-store"));
    answer_fini(&answer);
    assert_int_equal(400, s_status("GET", "/api/v1/users/7/avatar?rev=x", s_bearer(1), NULL));
}

static void test_parameters_and_forms_about_people_are_bounded(void **state)
{
    (void)state;
    struct answer_text answer;
    char path[512];
    assert_int_equal(200, s_ask("GET", "/api/v1/users?query=%C3%84da&after_name=b&limit=200", s_bearer(1), NULL, &answer));
    assert_non_null(strstr(answer.body, "\"name\":\"Äda\""));
    assert_non_null(strstr(answer.body, "\"rev\":200"));
    answer_fini(&answer);
    assert_int_equal(400, s_status("GET", "/api/v1/users?limit=201", s_bearer(1), NULL));
    assert_int_equal(400, s_status("GET", "/api/v1/users?limit=0", s_bearer(1), NULL));
    for (size_t len = LIM_QUERY_BYTES_MAX; len <= LIM_QUERY_BYTES_MAX + 1; len++) {
        int at = snprintf(path, sizeof path, "/api/v1/users?query=");
        memset(path + at, 'q', len);
        path[(size_t)at + len] = '\0';
        assert_int_equal(len > LIM_QUERY_BYTES_MAX ? 400 : 200, s_status("GET", path, s_bearer(1), NULL));
    }
    assert_int_equal(401, s_status("GET", "/api/v1/users?query=a", NULL, NULL));
    const char *json = s_bearer(1);
    assert_int_equal(200, s_ask("POST", "/api/v1/invites", json, "{\"days\":366,\"uses_max\":100000}", &answer));
    assert_non_null(strstr(answer.body, "\"expires_at_ms\":31622400000"));
    answer_fini(&answer);
    assert_int_equal(400, s_status("POST", "/api/v1/invites", json, "{\"days\":367}"));
    assert_int_equal(400, s_status("POST", "/api/v1/invites", json, "{\"uses_max\":100001}"));
    assert_int_equal(400, s_status("POST", "/api/v1/invites", json, "{\"uses\":1}"));
    assert_int_equal(400, s_status("PATCH", "/api/v1/me", json, "{}"));
    assert_int_equal(422, s_status("PATCH", "/api/v1/me", json, "{\"display\":\" a\"}"));
    assert_int_equal(400, s_status("PATCH", "/api/v1/server", json, "{\"signup\":3}"));
    assert_int_equal(422, s_status("PATCH", "/api/v1/server", json, "{\"name\":\"\"}"));
    assert_int_equal(422, s_status("POST", "/api/v1/setup", json,
                                   "{\"name\":\"a\",\"password\":\"correct horse\",\"server_name\":\"\"}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_upgrades_other_than_websocket_are_refused_and_closed),
        cmocka_unit_test(test_foreign_web_origin_gets_no_socket),
        cmocka_unit_test(test_requests_whose_end_is_unclear_are_refused),
        cmocka_unit_test(test_large_body_is_refused_with_an_answer_that_arrives),
        cmocka_unit_test(test_body_of_the_largest_size_is_read),
        cmocka_unit_test(test_head_in_pieces_is_understood),
        cmocka_unit_test(test_half_a_head_and_an_end_is_closed_at_once),
        cmocka_unit_test(test_websocket_request_in_pieces_is_understood),
        cmocka_unit_test(test_pipelined_requests_are_answered_in_order),
        cmocka_unit_test(test_wrong_method_names_the_right_ones),
        cmocka_unit_test(test_problems_are_problem_documents),
        cmocka_unit_test(test_every_answer_carries_the_security_headers),
        cmocka_unit_test(test_host_header_cannot_write_the_policy),
        cmocka_unit_test(test_page_is_revalidated_and_assets_are_kept),
        cmocka_unit_test(test_precompressed_files_go_to_those_who_take_them),
        cmocka_unit_test(test_routes_of_the_client_get_its_page_and_files_do_not),
        cmocka_unit_test(test_new_build_is_served_without_a_restart),
        cmocka_unit_test(test_sign_in_sets_a_cookie_and_hides_the_refresh_token),
        cmocka_unit_test(test_cookie_routes_want_the_own_origin),
        cmocka_unit_test(test_listed_origins_may_use_the_api_from_elsewhere),
        cmocka_unit_test(test_lines_are_posted_and_read_with_a_token),
        cmocka_unit_test(test_the_level_of_a_room_must_be_said_and_be_one),
        cmocka_unit_test(test_body_must_be_json_by_its_header),
        cmocka_unit_test(test_expired_token_is_told_from_a_bad_one),
        cmocka_unit_test(test_search_asks_the_store_in_the_name_of_the_token),
        cmocka_unit_test(test_a_search_that_cannot_be_understood_is_refused_with_its_place),
        cmocka_unit_test(test_parameters_of_a_search_are_bounded),
        cmocka_unit_test(test_metrics_are_on_the_admin_port_only),
        cmocka_unit_test(test_every_route_of_administrators_is_closed_to_all_others),
        cmocka_unit_test(test_a_given_password_opens_no_route_but_the_one_that_changes_it),
        cmocka_unit_test(test_an_administrator_asks_the_store_in_their_name),
        cmocka_unit_test(test_what_administrators_ask_is_bounded),
        cmocka_unit_test(test_limits_say_what_is_in_force_and_hide_secrets),
        cmocka_unit_test(test_topology_shows_what_actors_told_and_who_owns_shards),
        cmocka_unit_test(test_openapi_names_every_route),
        cmocka_unit_test(test_a_picture_is_refused_by_its_size_before_any_of_it_comes),
        cmocka_unit_test(test_a_picture_is_kept_under_its_rev_and_can_do_nothing),
        cmocka_unit_test(test_parameters_and_forms_about_people_are_bounded),
        cmocka_unit_test(test_idle_connection_that_says_nothing_is_closed),
    };
    return cmocka_run_group_tests(tests, s_start, s_end);
}
