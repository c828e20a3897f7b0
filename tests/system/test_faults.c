/* What a stranger or a fault can do to the real binary, over HTTP and the JSON socket: each refusal has its code and
 * its sentence and changes nothing; each fault heals by itself. One stack serves all tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/ws_client.h"
#include "proto/ids.h"
#include "proto/limits.h"
#include "tests/system/stack.h"

static struct stack s_stack;

struct person {
    char name[32], token[4096], cookie[512];
    uint64_t user;
};

static struct person s_ada, s_bob;
static uint64_t s_room;

static long s_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000L + t.tv_nsec / 1000000L;
}

static void s_wait_ms(int ms)
{
    poll(NULL, 0, ms);
}

static const char *s_cid(void)
{
    static char text[CID_TEXT_LEN + 1];
    cid_t cid;
    randombytes_buf(cid.bytes, sizeof cid.bytes);
    cid.bytes[0] &= 0x7F;
    cid_to_text(&cid, text);
    return text;
}

/* ---- one request ---------------------------------------------------------------------------------------------- */

/* The parsed body (NULL if it is none); the status in *status. */
static json_t *s_call(const struct person *who, const char *method, const char *path, const char *body, int *status)
{
    char headers[8192] = "";
    if (who)
        snprintf(headers, sizeof headers, "Authorization: Bearer %s\r\n", who->token);
    struct http_response r;
    if (!http_call(s_stack.port, method, path, headers, body, 15000, &r)) {
        *status = 0;
        return NULL;
    }
    *status = r.status;
    json_t *json = json_loadb(r.body, r.body_len, 0, NULL);
    http_response_fini(&r);
    return json;
}

/* Expects a problem document with this status and title, and a sentence in it. */
static void s_expect_problem(const struct person *who, const char *method, const char *path, const char *body,
                             int want_status, const char *want_title)
{
    int status;
    json_t *json = s_call(who, method, path, body, &status);
    if (status != want_status)
        fprintf(stderr, "%s %s: %d, wanted %d %s\n", method, path, status, want_status, want_title);
    assert_int_equal(want_status, status);
    assert_non_null(json);
    assert_string_equal(want_title, json_string_value(json_object_get(json, "title")));
    assert_true(strlen(json_string_value(json_object_get(json, "detail"))) > 10);
    json_decref(json);
}

/* 200: a frame of it was lost between the nodes and sent again there, so that the room saw a repeat. */
static void s_expect_stored(int status)
{
    if (status != 200)
        assert_int_equal(201, status);
}

static uint64_t s_number(const json_t *json, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(json, key));
}

/* A sign-up is asked once between the nodes: if that is lost it is refused as "later", and may have been done. */
static bool s_sign_in(const char *body, struct http_response *out)
{
    static const char *const paths[] = {"/api/v1/auth/signup", "/api/v1/auth/login"};
    for (size_t tries = 0; tries < 8; tries++) {
        bool answered = http_call(s_stack.port, "POST", paths[tries % 2], "", body, 15000, out);
        if (answered && (out->status == 201 || out->status == 200))
            return true;
        http_response_fini(out);
    }
    return false;
}

static void s_sign_up(struct person *who, const char *name)
{
    char body[256];
    snprintf(who->name, sizeof who->name, "%s", name);
    snprintf(body, sizeof body, "{\"name\":\"%s\",\"password\":\"battery staple %s\"}", name, name);
    struct http_response r;
    assert_true(s_sign_in(body, &r));
    json_t *json = json_loadb(r.body, r.body_len, 0, NULL);
    snprintf(who->token, sizeof who->token, "%s", json_string_value(json_object_get(json, "access_token")));
    who->user = s_number(json, "user");
    assert_null(json_object_get(json, "refresh_token"));
    assert_true(http_header(&r, "Set-Cookie", who->cookie, sizeof who->cookie));
    json_decref(json);
    http_response_fini(&r);
    assert_true(stack_await_token(&s_stack, who->token, 15000));
}

static uint64_t s_make_room(const struct person *who, const char *name)
{
    char body[256];
    int status;
    snprintf(body, sizeof body, "{\"client_id\":\"%s\",\"name\":\"%s\"}", s_cid(), name);
    json_t *json = s_call(who, "POST", "/api/v1/rooms", body, &status);
    s_expect_stored(status);
    uint64_t room = s_number(json, "room");
    json_decref(json);
    return room;
}

static const char *s_path(uint64_t room, const char *rest)
{
    static char path[256];
    snprintf(path, sizeof path, "/api/v1/rooms/%" PRIu64 "%s", room, rest);
    return path;
}

static json_t *s_post(const struct person *who, uint64_t room, const char *cid, const char *text, int *status)
{
    json_t *body = json_pack("{s:s,s:s}", "client_id", cid, "text", text);
    char *bytes = json_dumps(body, 0);
    json_t *answer = s_call(who, "POST", s_path(room, "/messages"), bytes, status);
    free(bytes);
    json_decref(body);
    return answer;
}

static void s_join(const struct person *who, uint64_t room)
{
    char body[64];
    int status;
    snprintf(body, sizeof body, "{\"client_id\":\"%s\"}", s_cid());
    json_t *json = s_call(who, "POST", s_path(room, "/join"), body, &status);
    assert_int_equal(200, status);
    json_decref(json);
}

/* Asked again while the server says "later": the readers' connections may come back after the writer's. */
static json_t *s_newest_page(const struct person *who, uint64_t room, int *status)
{
    long until_ms = s_now_ms() + 10000;
    for (;;) {
        json_t *page = s_call(who, "GET", s_path(room, "/messages?limit=100"), NULL, status);
        if (*status != 503 || s_now_ms() > until_ms)
            return page;
        json_decref(page);
        s_wait_ms(100);
    }
}

static size_t s_count_text(const struct person *who, uint64_t room, const char *text)
{
    int status;
    json_t *page = s_newest_page(who, room, &status), *event;
    assert_int_equal(200, status);
    size_t count = 0, i;
    json_array_foreach(json_object_get(page, "frames"), i, event)
    {
        const char *said = json_string_value(json_object_get(json_object_get(event, "body"), "text"));
        count += said && strcmp(said, text) == 0;
    }
    json_decref(page);
    return count;
}

/* ---- messages ------------------------------------------------------------------------------------------------- */

static void test_a_repeated_post_gets_the_first_answer_and_is_stored_once(void **state)
{
    (void)state;
    int status;
    char cid[CID_TEXT_LEN + 1];
    snprintf(cid, sizeof cid, "%s", s_cid());
    json_t *first = s_post(&s_ada, s_room, cid, "only once", &status);
    s_expect_stored(status);
    json_t *again = s_post(&s_ada, s_room, cid, "only once", &status);
    assert_int_equal(200, status);
    assert_true(json_is_true(json_object_get(again, "dup")));
    assert_int_equal(s_number(first, "seq"), s_number(again, "seq"));
    assert_int_equal(1, s_count_text(&s_ada, s_room, "only once"));
    json_decref(first);
    json_decref(again);
}

static void test_one_client_id_with_two_bodies_is_a_conflict(void **state)
{
    (void)state;
    int status;
    char cid[CID_TEXT_LEN + 1];
    snprintf(cid, sizeof cid, "%s", s_cid());
    json_decref(s_post(&s_ada, s_room, cid, "this", &status));
    s_expect_stored(status);
    json_t *other = s_post(&s_ada, s_room, cid, "that", &status);
    assert_int_equal(409, status);
    assert_string_equal("conflict", json_string_value(json_object_get(other, "title")));
    assert_int_equal(0, s_count_text(&s_ada, s_room, "that"));
    json_decref(other);
}

static void test_who_is_not_in_a_room_can_neither_post_nor_read_its_members(void **state)
{
    (void)state;
    uint64_t room = s_make_room(&s_ada, "ada's own");
    int status;
    json_t *answer = s_post(&s_bob, room, s_cid(), "let me in", &status);
    assert_int_equal(403, status);
    assert_string_equal("not_member", json_string_value(json_object_get(answer, "title")));
    json_decref(answer);
    s_expect_problem(&s_bob, "GET", s_path(room, "/members"), NULL, 403, "not_member");
    s_expect_problem(&s_bob, "GET", s_path(room, "/messages"), NULL, 403, "not_member");
    assert_int_equal(0, s_count_text(&s_ada, room, "let me in"));
    s_expect_problem(&s_bob, "GET", "/api/v1/rooms/4711/messages", NULL, 404, "no_room");
}

static void test_only_the_author_can_edit_and_delete_a_message(void **state)
{
    (void)state;
    int status;
    char path[64], body[128];
    json_t *ack = s_post(&s_ada, s_room, s_cid(), "ada's words", &status);
    snprintf(path, sizeof path, "/messages/%" PRIu64, s_number(ack, "seq"));
    json_decref(ack);
    s_join(&s_bob, s_room);
    snprintf(body, sizeof body, "{\"client_id\":\"%s\",\"text\":\"bob's words\"}", s_cid());
    s_expect_problem(&s_bob, "PATCH", s_path(s_room, path), body, 403, "not_author");
    snprintf(path + strlen(path), sizeof path - strlen(path), "?client_id=%s", s_cid());
    json_t *refused = s_call(&s_bob, "DELETE", s_path(s_room, path), NULL, &status);
    assert_int_equal(403, status);
    json_decref(refused);
    assert_int_equal(1, s_count_text(&s_ada, s_room, "ada's words"));
}

static void test_an_edit_is_seen_and_a_delete_erases_the_text_from_the_database(void **state)
{
    (void)state;
    int status;
    char path[128], body[160];
    json_t *ack = s_post(&s_ada, s_room, s_cid(), "zxq-first-version", &status);
    uint64_t seq = s_number(ack, "seq");
    json_decref(ack);
    snprintf(path, sizeof path, "/messages/%" PRIu64, seq);
    snprintf(body, sizeof body, "{\"client_id\":\"%s\",\"text\":\"zxq-second-version\"}", s_cid());
    json_decref(s_call(&s_ada, "PATCH", s_path(s_room, path), body, &status));
    assert_int_equal(200, status);
    assert_int_equal(1, s_count_text(&s_ada, s_room, "zxq-second-version"));
    snprintf(path, sizeof path, "/messages/%" PRIu64 "?client_id=%s", seq, s_cid());
    json_decref(s_call(&s_ada, "DELETE", s_path(s_room, path), NULL, &status));
    assert_int_equal(200, status);
    assert_int_equal(0, s_count_text(&s_ada, s_room, "zxq-second-version"));
    char out[512], line[64] = "";
    snprintf(out, sizeof out, "%s/erased.tsv", s_stack.dir);
    assert_true(stack_sql(&s_stack, "SELECT COUNT(*) FROM event WHERE frame LIKE '%zxq-%'", out));
    FILE *file = fopen(out, "r");
    assert_non_null(fgets(line, sizeof line, file));
    fclose(file);
    assert_string_equal("0\n", line);
}

static void test_history_pages_are_complete_and_do_not_overlap(void **state)
{
    (void)state;
    enum { LINES = 130 };
    uint64_t room = s_make_room(&s_ada, "long"), before = 0;
    int status, seen = 0;
    for (int i = 1; i <= LINES; i++) {
        char text[32];
        snprintf(text, sizeof text, "line %d", i);
        json_decref(s_post(&s_ada, room, s_cid(), text, &status));
        s_expect_stored(status);
    }
    for (;;) {
        char rest[64];
        snprintf(rest, sizeof rest, "/messages?limit=50&before=%" PRIu64, before);
        json_t *page = s_call(&s_ada, "GET", s_path(room, rest), NULL, &status), *event;
        assert_int_equal(200, status);
        uint64_t expected = s_number(page, "first_msg_no");
        size_t i;
        json_array_foreach(json_object_get(page, "frames"), i, event)
        {
            assert_int_equal(expected++, s_number(event, "msg_no"));
            seen++;
        }
        assert_int_equal(before ? before : LINES + 1, expected);
        before = s_number(page, "first_msg_no");
        bool more = json_is_true(json_object_get(page, "more"));
        json_decref(page);
        if (!more)
            break;
        assert_true(seen < LINES);
    }
    assert_int_equal(LINES, seen);
    assert_int_equal(1, before);
}

static void test_texts_at_the_bound_pass_and_one_byte_past_it_is_refused(void **state)
{
    (void)state;
    char text[LIM_TEXT_BYTES_MAX + 2];
    int status;
    memset(text, 'a', sizeof text);
    text[LIM_TEXT_BYTES_MAX] = '\0';
    json_decref(s_post(&s_ada, s_room, s_cid(), text, &status));
    s_expect_stored(status);
    text[LIM_TEXT_BYTES_MAX] = 'a';
    text[LIM_TEXT_BYTES_MAX + 1] = '\0';
    json_t *answer = s_post(&s_ada, s_room, s_cid(), text, &status);
    assert_int_equal(413, status);
    json_decref(answer);
    answer = s_post(&s_ada, s_room, s_cid(), " \n\t ", &status);
    assert_int_equal(422, status);
    assert_string_equal("empty", json_string_value(json_object_get(answer, "title")));
    json_decref(answer);
}

/* ---- HTTP ----------------------------------------------------------------------------------------------------- */

static void test_bodies_that_are_not_what_they_should_be_are_refused(void **state)
{
    (void)state;
    const char *messages = s_path(s_room, "/messages");
    char path[256];
    snprintf(path, sizeof path, "%s", messages);
    s_expect_problem(&s_ada, "POST", path, "{not json", 400, "bad_frame");
    s_expect_problem(&s_ada, "POST", path, "{\"text\":\"no id\"}", 400, "wrong_fields");
    s_expect_problem(&s_ada, "POST", path,
                     "{\"client_id\":\"01ARZ3NDEKTSV4RRFFQ69G5FAV\",\"text\":\"a\",\"admin\":true}", 400, "wrong_fields");
    s_expect_problem(&s_ada, "POST", path,
                     "{\"client_id\":\"01ARZ3NDEKTSV4RRFFQ69G5FAV\",\"text\":\"a\\u0000b\"}", 400, "bad_utf8");
    s_expect_problem(&s_ada, "POST", path, "[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]", 400, "too_deep");
    s_expect_problem(&s_ada, "PUT", path, "{}", 405, "method_not_allowed");
    s_expect_problem(&s_ada, "GET", "/api/v1/nothing", NULL, 404, "not_found");
}

/* Sends bytes as they are and gives the status of the answer, 0 when it is closed without one. */
static int s_raw(const char *bytes)
{
    int fd = tcp_connect(s_stack.port, 2000);
    assert_true(fd >= 0);
    char answer[1024] = "";
    assert_true(send(fd, bytes, strlen(bytes), MSG_NOSIGNAL) > 0);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    ssize_t n = poll(&p, 1, 5000) > 0 ? recv(fd, answer, sizeof answer - 1, 0) : 0;
    close(fd);
    int status = 0;
    if (n > 0)
        sscanf(answer, "HTTP/1.1 %d", &status);
    return status;
}

static void test_chunked_bodies_and_oversize_bodies_are_refused(void **state)
{
    (void)state;
    assert_int_equal(411, s_raw("POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                                "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"));
    assert_int_equal(413, s_raw("POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                                "Content-Length: 65537\r\n\r\n"));
    assert_int_equal(415, s_raw("POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
                                "Content-Length: 2\r\n\r\n{}"));
}

static void test_http2_in_clear_and_unknown_upgrades_are_not_taken(void **state)
{
    (void)state;
    int h2c = s_raw("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                    "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n");
    assert_int_not_equal(101, h2c);
    assert_int_not_equal(200, s_raw("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
    assert_int_not_equal(101, s_raw("GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: mqtt\r\n\r\n"));
    assert_true(stack_await_ready(&s_stack, 1000)); /* and it lives */
}

static void test_a_foreign_origin_gets_no_socket_and_no_refresh(void **state)
{
    (void)state;
    assert_int_equal(403, s_raw("GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: cm9va2VyeS1sb2FkLTAwMQ==\r\n"
                                "Sec-WebSocket-Protocol: rookery.v1.json\r\nOrigin: http://evil.example\r\n\r\n"));
    char headers[1024];
    snprintf(headers, sizeof headers, "Origin: http://evil.example\r\nCookie: %.*s\r\n", (int)strcspn(s_ada.cookie, ";"),
             s_ada.cookie);
    struct http_response r;
    assert_true(http_call(s_stack.port, "POST", "/api/v1/auth/refresh", headers, NULL, 5000, &r));
    assert_int_equal(403, r.status);
    http_response_fini(&r);
}

/* ---- tokens --------------------------------------------------------------------------------------------------- */

static int s_status_with_token(const char *token)
{
    struct person forger;
    int status;
    snprintf(forger.token, sizeof forger.token, "%s", token);
    json_decref(s_call(&forger, "GET", "/api/v1/me", NULL, &status));
    return status;
}

static void s_base64url(const void *bytes, size_t len, char *out, size_t size)
{
    sodium_bin2base64(out, size, bytes, len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

/* The header and claims of a good token with this algorithm, and a signature. */
static void s_forge(const char *algorithm, const char *signature, char *out, size_t size)
{
    char kid[64] = "", header[512], claims[512], head64[1024], claims64[1024];
    char good[512];
    size_t len = 0;
    snprintf(good, sizeof good, "%.*s", (int)strcspn(s_ada.token, "."), s_ada.token);
    sodium_base642bin((unsigned char *)header, sizeof header - 1, good, strlen(good), NULL, &len, NULL,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    header[len] = '\0';
    json_t *json = json_loads(header, 0, NULL);
    snprintf(kid, sizeof kid, "%s", json_string_value(json_object_get(json, "kid")));
    json_decref(json);
    snprintf(header, sizeof header, "{\"alg\":\"%s\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}", algorithm, kid);
    snprintf(claims, sizeof claims,
             "{\"iss\":\"rookery\",\"aud\":\"rookery\",\"sub\":\"%" PRIu64 "\",\"sid\":\"1\",\"name\":\"ada\","
             "\"adm\":true,\"iat\":1,\"exp\":9999999999}", s_ada.user);
    s_base64url(header, strlen(header), head64, sizeof head64);
    s_base64url(claims, strlen(claims), claims64, sizeof claims64);
    snprintf(out, size, "%s.%s.%s", head64, claims64, signature);
}

static void test_tokens_that_are_unsigned_altered_or_of_another_algorithm_are_refused(void **state)
{
    (void)state;
    char token[4096];
    assert_int_equal(200, s_status_with_token(s_ada.token));
    s_forge("none", "", token, sizeof token);
    assert_int_equal(401, s_status_with_token(token));
    s_forge("HS256", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", token, sizeof token);
    assert_int_equal(401, s_status_with_token(token));
    s_forge("ES256", "AAAA", token, sizeof token);
    assert_int_equal(401, s_status_with_token(token));
    snprintf(token, sizeof token, "%s", s_ada.token);
    char *claims = strchr(token, '.') + 10;
    *claims = *claims == 'A' ? 'B' : 'A';
    assert_int_equal(401, s_status_with_token(token));
    assert_int_equal(401, s_status_with_token("x"));
    assert_int_equal(401, s_status_with_token(""));
}

static int s_refresh(const char *cookie, char *cookie_out, size_t size)
{
    char headers[1024];
    snprintf(headers, sizeof headers, "Origin: http://127.0.0.1:%d\r\nCookie: %.*s\r\n", s_stack.port,
             (int)strcspn(cookie, ";"), cookie);
    struct http_response r;
    assert_true(http_call(s_stack.port, "POST", "/api/v1/auth/refresh", headers, NULL, 5000, &r));
    int status = r.status;
    if (cookie_out && !http_header(&r, "Set-Cookie", cookie_out, size))
        cookie_out[0] = '\0';
    http_response_fini(&r);
    return status;
}

static void test_a_refresh_rotates_repeats_within_30_s_and_ends_with_logout(void **state)
{
    (void)state;
    struct person carl;
    char second[512], same[512], third[512];
    s_sign_up(&carl, "carl");
    assert_non_null(strstr(carl.cookie, "HttpOnly"));
    assert_non_null(strstr(carl.cookie, "SameSite=Strict"));
    assert_non_null(strstr(carl.cookie, "Path=/api/v1/auth"));
    assert_int_equal(200, s_refresh(carl.cookie, second, sizeof second));
    assert_int_equal(200, s_refresh(carl.cookie, same, sizeof same)); /* two tabs */
    assert_string_equal(second, same);
    assert_int_equal(200, s_refresh(second, third, sizeof third));
    assert_int_equal(401, s_refresh(carl.cookie, NULL, 0)); /* stolen: two generations old */
    assert_int_equal(401, s_refresh(third, NULL, 0));       /* and so the family is revoked */
    s_wait_ms(1000);
    assert_int_equal(401, s_status_with_token(carl.token));
}

static void test_names_are_unique_whatever_their_case_and_wrong_passwords_say_nothing(void **state)
{
    (void)state;
    s_expect_problem(NULL, "POST", "/api/v1/auth/signup", "{\"name\":\"ADA\",\"password\":\"battery staple\"}", 409,
                     "name_taken");
    s_expect_problem(NULL, "POST", "/api/v1/auth/signup", "{\"name\":\"x y\",\"password\":\"short\"}", 422,
                     "weak_password");
    s_expect_problem(NULL, "POST", "/api/v1/auth/signup", "{\"name\":\" x\",\"password\":\"battery staple\"}", 422,
                     "bad_name");
    s_expect_problem(NULL, "POST", "/api/v1/auth/login", "{\"name\":\"ada\",\"password\":\"wrong password\"}", 401,
                     "bad_credentials");
    s_expect_problem(NULL, "POST", "/api/v1/auth/login", "{\"name\":\"nobody\",\"password\":\"wrong password\"}", 401,
                     "bad_credentials");
    s_expect_problem(NULL, "GET", "/api/v1/me", NULL, 401, "unauthorized");
}

/* ---- the JSON socket -------------------------------------------------------------------------------------------- */

struct talk {
    ws_client_t *socket;
    json_t *heard; /* array */
};

static void s_on_message(void *owner, ws_client_t *socket, view_t message)
{
    (void)socket;
    struct talk *talk = owner;
    json_array_append_new(talk->heard, json_loadb((const char *)message.bytes, message.len, 0, NULL));
}

static void s_talk_open(struct talk *talk)
{
    talk->heard = json_array();
    talk->socket = ws_client_new(s_stack.port, "rookery.v1.json", s_on_message, talk);
    assert_non_null(talk->socket);
}

static void s_talk_close(struct talk *talk)
{
    ws_client_destroy(&talk->socket);
    json_decref(talk->heard);
}

static bool s_talk_turn(struct talk *talk, int wait_ms)
{
    struct pollfd p = {.fd = ws_client_fd(talk->socket), .events = POLLIN};
    if (ws_client_wants_write(talk->socket))
        p.events |= POLLOUT;
    poll(&p, 1, wait_ms);
    return ws_client_on_ready(talk->socket, (p.revents & (POLLIN | POLLHUP | POLLERR)) != 0,
                              (p.revents & (POLLOUT | POLLERR)) != 0);
}

/* The first message of this type, waiting for it; borrowed. NULL after 8 s or when the socket closes. */
static json_t *s_hear(struct talk *talk, const char *type)
{
    long until_ms = s_now_ms() + 8000;
    bool open = true;
    while (s_now_ms() < until_ms) {
        json_t *one;
        size_t i;
        json_array_foreach(talk->heard, i, one)
        {
            const char *is = json_string_value(json_object_get(one, "type"));
            if (is && strcmp(is, type) == 0)
                return one;
        }
        if (!open)
            return NULL;
        open = s_talk_turn(talk, 50);
    }
    return NULL;
}

static int s_hear_close(struct talk *talk)
{
    long until_ms = s_now_ms() + 8000;
    while (s_now_ms() < until_ms && s_talk_turn(talk, 50))
        ;
    return ws_client_close_code(talk->socket);
}

static void s_say(struct talk *talk, const char *text)
{
    assert_true(ws_client_send(talk->socket, WS_TEXT, view_of_text(text)));
}

static void s_hello(struct talk *talk, const struct person *who)
{
    char hello[4608];
    s_talk_open(talk);
    assert_non_null(s_hear(talk, "hi"));
    snprintf(hello, sizeof hello,
             "{\"type\":\"hello\",\"version\":1,\"token\":\"%s\",\"device\":\"test\",\"subs\":[]}", who->token);
    s_say(talk, hello);
    assert_non_null(s_hear(talk, "welcome"));
}

static void test_the_json_socket_shows_the_event_before_its_ack(void **state)
{
    (void)state;
    struct talk talk;
    char text[512];
    s_hello(&talk, &s_ada);
    snprintf(text, sizeof text, "{\"type\":\"sub\",\"room\":%" PRIu64 ",\"incarnation\":0,\"after\":0}", s_room);
    s_say(&talk, text);
    assert_non_null(s_hear(&talk, "live"));
    json_array_clear(talk.heard);
    const char *cid = s_cid();
    snprintf(text, sizeof text,
             "{\"type\":\"room_post\",\"room\":%" PRIu64 ",\"client_id\":\"%s\",\"text\":\"by hand\"}", s_room, cid);
    s_say(&talk, text);
    json_t *ack = s_hear(&talk, "ack"), *one;
    assert_non_null(ack);
    size_t i, event_at = SIZE_MAX, ack_at = SIZE_MAX;
    json_array_foreach(talk.heard, i, one)
    {
        const char *type = json_string_value(json_object_get(one, "type"));
        if (strcmp(type, "event") == 0 && s_number(one, "seq") == s_number(ack, "seq")) {
            event_at = i;
            assert_string_equal("posted", json_string_value(json_object_get(one, "kind")));
            assert_string_equal(cid, json_string_value(json_object_get(one, "client_id")));
        }
        if (one == ack)
            ack_at = i;
    }
    assert_true(event_at < ack_at);
    s_talk_close(&talk);
}

static void test_malformed_messages_close_the_socket_with_4400_and_a_reason(void **state)
{
    (void)state;
    static const char *bad[] = {"{", "[]", "{\"type\":\"no_such\"}", "{\"type\":\"room_post\"}",
                                "{\"type\":\"store_append\",\"batch\":1,\"rows\":[]}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct talk talk;
        s_hello(&talk, &s_ada);
        s_say(&talk, bad[i]);
        json_t *err = s_hear(&talk, "err");
        assert_non_null(err);
        assert_true(strlen(json_string_value(json_object_get(err, "reason"))) > 10);
        if (i < 4)
            assert_int_equal(4400, s_hear_close(&talk));
        s_talk_close(&talk);
    }
}

static void test_nothing_is_served_before_hello_and_bad_tokens_close_with_4401(void **state)
{
    (void)state;
    struct talk talk;
    s_talk_open(&talk);
    assert_non_null(s_hear(&talk, "hi"));
    s_say(&talk, "{\"type\":\"hello\",\"version\":1,\"token\":\"x.y.z\",\"device\":\"\",\"subs\":[]}");
    assert_int_equal(4401, s_hear_close(&talk));
    assert_null(s_hear(&talk, "welcome"));
    s_talk_close(&talk);
}

/* ---- faults ----------------------------------------------------------------------------------------------------- */

static void test_a_killed_server_is_back_within_2_s_and_has_everything(void **state)
{
    (void)state;
    int status;
    json_decref(s_post(&s_ada, s_room, s_cid(), "before the kill", &status));
    s_expect_stored(status);
    long start_ms = s_now_ms();
    assert_true(stack_kill_server(&s_stack));
    s_wait_ms(50);
    assert_true(stack_await_ready(&s_stack, 10000));
    long took_ms = s_now_ms() - start_ms;
    printf("kill -9 to ready: %ld ms\n", took_ms);
    assert_true(took_ms < 2000);
    assert_int_equal(1, s_count_text(&s_ada, s_room, "before the kill"));
}

static void test_a_stopped_database_refuses_sends_in_time_and_takes_them_exactly_once_later(void **state)
{
    (void)state;
    char cid[CID_TEXT_LEN + 1];
    int status;
    snprintf(cid, sizeof cid, "%s", s_cid());
    pid_t db = stack_mariadb_pid(&s_stack);
    assert_true(db > 0);
    kill(db, SIGSTOP);
    long start_ms = s_now_ms();
    json_t *answer = s_post(&s_ada, s_room, cid, "in the dark", &status);
    long took_ms = s_now_ms() - start_ms;
    json_t *later = s_post(&s_ada, s_room, s_cid(), "still dark", &status); /* by now refused at once */
    kill(db, SIGCONT);
    assert_int_equal(503, status);
    assert_string_equal("unavailable", json_string_value(json_object_get(later, "title")));
    assert_non_null(answer);
    assert_true(took_ms < 12000);
    printf("first answer while the database stood still: after %ld ms\n", took_ms);
    json_decref(answer);
    json_decref(later);
    long until_ms = s_now_ms() + 20000;
    do {
        s_wait_ms(200);
        json_decref(s_post(&s_ada, s_room, cid, "in the dark", &status));
    } while (status != 200 && status != 201 && s_now_ms() < until_ms);
    assert_int_equal(1, s_count_text(&s_ada, s_room, "in the dark"));
}

static void test_a_killed_database_loses_nothing(void **state)
{
    (void)state;
    char cid[CID_TEXT_LEN + 1];
    int status = 0;
    snprintf(cid, sizeof cid, "%s", s_cid());
    json_decref(s_post(&s_ada, s_room, s_cid(), "before the database died", &status));
    s_expect_stored(status);
    assert_true(stack_kill(stack_mariadb_pid(&s_stack)));
    long until_ms = s_now_ms() + 20000;
    do
        json_decref(s_post(&s_ada, s_room, cid, "after the database died", &status));
    while (status != 200 && status != 201 && s_now_ms() < until_ms);
    assert_int_equal(1, s_count_text(&s_ada, s_room, "before the database died"));
    assert_int_equal(1, s_count_text(&s_ada, s_room, "after the database died"));
}

static int s_setup(void **state)
{
    (void)state;
    static const char *const env[] = {"ROOKERY_REQUESTS_PER_S=10000", "ROOKERY_REQUESTS_BURST=10000",
                                      "ROOKERY_FRAMES_PER_S=1000", "ROOKERY_FRAMES_BURST=1000",
                                      "ROOKERY_CRASHES_MAX=1000", NULL};
    if (sodium_init() < 0 || !stack_start(&s_stack, env, 300000))
        return -1;
    s_sign_up(&s_ada, "ada");
    s_sign_up(&s_bob, "bob");
    s_room = s_make_room(&s_ada, "common room");
    return 0;
}

static int s_teardown(void **state)
{
    (void)state;
    if (!stack_had_faults(&s_stack))
        return -1;
    stack_stop(&s_stack);
    stack_remove(&s_stack);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_repeated_post_gets_the_first_answer_and_is_stored_once),
        cmocka_unit_test(test_one_client_id_with_two_bodies_is_a_conflict),
        cmocka_unit_test(test_who_is_not_in_a_room_can_neither_post_nor_read_its_members),
        cmocka_unit_test(test_only_the_author_can_edit_and_delete_a_message),
        cmocka_unit_test(test_an_edit_is_seen_and_a_delete_erases_the_text_from_the_database),
        cmocka_unit_test(test_history_pages_are_complete_and_do_not_overlap),
        cmocka_unit_test(test_texts_at_the_bound_pass_and_one_byte_past_it_is_refused),
        cmocka_unit_test(test_bodies_that_are_not_what_they_should_be_are_refused),
        cmocka_unit_test(test_chunked_bodies_and_oversize_bodies_are_refused),
        cmocka_unit_test(test_http2_in_clear_and_unknown_upgrades_are_not_taken),
        cmocka_unit_test(test_a_foreign_origin_gets_no_socket_and_no_refresh),
        cmocka_unit_test(test_tokens_that_are_unsigned_altered_or_of_another_algorithm_are_refused),
        cmocka_unit_test(test_a_refresh_rotates_repeats_within_30_s_and_ends_with_logout),
        cmocka_unit_test(test_names_are_unique_whatever_their_case_and_wrong_passwords_say_nothing),
        cmocka_unit_test(test_the_json_socket_shows_the_event_before_its_ack),
        cmocka_unit_test(test_malformed_messages_close_the_socket_with_4400_and_a_reason),
        cmocka_unit_test(test_nothing_is_served_before_hello_and_bad_tokens_close_with_4401),
        cmocka_unit_test(test_a_killed_server_is_back_within_2_s_and_has_everything),
        cmocka_unit_test(test_a_stopped_database_refuses_sends_in_time_and_takes_them_exactly_once_later),
        cmocka_unit_test(test_a_killed_database_loses_nothing),
    };
    return cmocka_run_group_tests(tests, s_setup, s_teardown);
}
