/* Rights act at once, everywhere: who is put out, banned, muted, promoted or signed out feels it within a second on
 * every edge, on open sockets and over HTTP. Whoever acts does it by one edge; the other has sockets on both. Where
 * edges share a port the kernel chooses for each socket, so there are enough of them for both. */
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
#include <sodium.h>
#include <time.h>

#include "bench/ws_client.h"
#include "proto/ids.h"
#include "tests/system/stack.h"

enum { SOCKETS = 12, WITHIN_MS = 1000, WAIT_MS = 8000 };

struct person {
    char token[4096];
    uint64_t user, session;
};

struct talk {
    ws_client_t *socket;
    json_t *heard; /* array */
    bool is_open;
};

static struct stack s_stack;
static struct person s_ada, s_bob, s_cyd;
static uint64_t s_room;
static struct talk s_talks[SOCKETS];

static long s_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000L + t.tv_nsec / 1000000L;
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

static uint64_t s_number(const json_t *json, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(json, key));
}

static const char *s_text(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));
    return text ? text : "";
}

/* ---- HTTP, by one edge or the other ----------------------------------------------------------------------------- */

/* The parsed body, NULL if there is none. */
static json_t *s_call(size_t edge, const struct person *who, const char *method, const char *path, const char *body,
                      int *status)
{
    char headers[8192] = "";
    if (who)
        snprintf(headers, sizeof headers, "Authorization: Bearer %s\r\n", who->token);
    struct http_response r;
    *status = 0;
    if (!http_call(stack_edge_port(&s_stack, edge), method, path, headers, body, 15000, &r))
        return NULL;
    *status = r.status;
    json_t *json = json_loadb(r.body, r.body_len, 0, NULL);
    http_response_fini(&r);
    return json;
}

static void s_do(const struct person *who, const char *method, const char *path, const char *body)
{
    int status;
    json_t *json = s_call(0, who, method, path, body, &status);
    if (status != 200 && status != 204)
        fail_msg("%s %s: %d %s", method, path, status, s_text(json, "title"));
    json_decref(json);
}

/* Many times, so that each edge is asked: this status and title. */
static void s_expect_refused(const struct person *who, const char *method, const char *path, const char *body,
                             int want, const char *title)
{
    for (size_t i = 0; i < SOCKETS; i++) {
        int status;
        json_t *json = s_call(i % STACK_EDGES, who, method, path, body, &status);
        if (status != want || strcmp(title, s_text(json, "title")) != 0)
            fail_msg("%s %s: %d %s, not %s", method, path, status, s_text(json, "title"), title);
        json_decref(json);
    }
}

static const char *s_path(const char *format, uint64_t member)
{
    static char path[256];
    char rest[128];
    int len = snprintf(path, sizeof path, "/api/v1/rooms/%" PRIu64, s_room);
    snprintf(rest, sizeof rest, format, member, s_cid());
    snprintf(path + len, sizeof path - (size_t)len, "%s", rest);
    return path;
}

static const char *s_body(const char *more)
{
    static char body[256];
    snprintf(body, sizeof body, "{\"client_id\":\"%s\"%s}", s_cid(), more);
    return body;
}

static void s_sign(struct person *who, const char *how, const char *name, const char *password)
{
    char path[64], body[256];
    int status;
    snprintf(path, sizeof path, "/api/v1/auth/%s", how);
    snprintf(body, sizeof body, "{\"name\":\"%s\",\"password\":\"%s\",\"device\":\"test\"}", name, password);
    json_t *json = s_call(0, NULL, "POST", path, body, &status);
    if (status != 200 && status != 201)
        fail_msg("%s of %s: %d %s", how, name, status, s_text(json, "title"));
    snprintf(who->token, sizeof who->token, "%s", s_text(json, "access_token"));
    who->user = s_number(json, "user");
    who->session = s_number(json, "session");
    json_decref(json);
}

/* ---- sockets of one person, on all edges ------------------------------------------------------------------------ */

static void s_on_message(void *owner, ws_client_t *socket, view_t message)
{
    (void)socket;
    struct talk *talk = owner;
    json_array_append_new(talk->heard, json_loadb((const char *)message.bytes, message.len, 0, NULL));
}

static void s_turn(struct talk *talk)
{
    if (!talk->is_open)
        return;
    struct pollfd p = {.fd = ws_client_fd(talk->socket), .events = POLLIN};
    if (ws_client_wants_write(talk->socket))
        p.events |= POLLOUT;
    poll(&p, 1, 1);
    talk->is_open = ws_client_on_ready(talk->socket, (p.revents & (POLLIN | POLLHUP | POLLERR)) != 0,
                                       (p.revents & (POLLOUT | POLLERR)) != 0);
}

static json_t *s_heard(const struct talk *talk, const char *type)
{
    json_t *one;
    size_t i;
    json_array_foreach(talk->heard, i, one)
        if (strcmp(type, s_text(one, "type")) == 0)
            return one;
    return NULL;
}

/* Until every socket has heard it; ms it took, or -1. */
static long s_all_hear(const char *type, long since_ms)
{
    while (s_now_ms() - since_ms < WAIT_MS) {
        size_t count = 0;
        for (size_t i = 0; i < SOCKETS; i++) {
            s_turn(&s_talks[i]);
            count += s_heard(&s_talks[i], type) != NULL;
        }
        if (count == SOCKETS)
            return s_now_ms() - since_ms;
    }
    for (size_t i = 0; i < SOCKETS; i++) { /* for who has to find out why */
        char *heard = json_dumps(s_talks[i].heard, 0);
        fprintf(stderr, "socket %zu: open %d close %d heard %.200s\n", i, s_talks[i].is_open,
                ws_client_close_code(s_talks[i].socket), heard ? heard : "");
        free(heard);
    }
    return -1;
}

static long s_all_close(int code, long since_ms)
{
    while (s_now_ms() - since_ms < WAIT_MS) {
        size_t count = 0;
        for (size_t i = 0; i < SOCKETS; i++) {
            s_turn(&s_talks[i]);
            count += !s_talks[i].is_open && ws_client_close_code(s_talks[i].socket) == code;
        }
        if (count == SOCKETS)
            return s_now_ms() - since_ms;
    }
    return -1;
}

static void s_say_all(const char *text)
{
    for (size_t i = 0; i < SOCKETS; i++)
        assert_true(ws_client_send(s_talks[i].socket, WS_TEXT, view_of_text(text)));
}

static void s_forget_heard(void)
{
    for (size_t i = 0; i < SOCKETS; i++)
        json_array_clear(s_talks[i].heard);
}

static void s_open_all(const struct person *who, bool shows_room)
{
    static char text[8192];
    for (size_t i = 0; i < SOCKETS; i++) {
        s_talks[i].heard = json_array();
        s_talks[i].is_open = true;
        s_talks[i].socket =
            ws_client_new(stack_edge_port(&s_stack, i % STACK_EDGES), "rookery.v1.json", s_on_message, &s_talks[i]);
        assert_non_null(s_talks[i].socket);
    }
    assert_true(s_all_hear("hi", s_now_ms()) >= 0);
    snprintf(text, sizeof text, "{\"type\":\"hello\",\"version\":1,\"token\":\"%s\",\"device\":\"test\",\"subs\":[]}",
             who->token);
    s_say_all(text);
    assert_true(s_all_hear("welcome", s_now_ms()) >= 0);
    if (!shows_room)
        return;
    snprintf(text, sizeof text, "{\"type\":\"sub\",\"room\":%" PRIu64 ",\"incarnation\":0,\"after\":0}", s_room);
    s_say_all(text);
    assert_true(s_all_hear("live", s_now_ms()) >= 0);
    s_forget_heard();
}

static void s_close_all(void)
{
    for (size_t i = 0; i < SOCKETS; i++) {
        ws_client_destroy(&s_talks[i].socket);
        json_decref(s_talks[i].heard);
    }
}

static void s_expect_soon(long took_ms, const char *what)
{
    printf("%s: %ld ms after it was asked for, on every edge\n", what, took_ms);
    if (took_ms < 0 || took_ms > WITHIN_MS)
        fail_msg("%s: %ld ms", what, took_ms);
}

static void s_join(const struct person *who)
{
    s_do(who, "POST", s_path("/join", 0), s_body(""));
}

/* ---- people ----------------------------------------------------------------------------------------------------- */

static size_t s_count_heard(const struct talk *talk, const char *type)
{
    size_t count = 0, i;
    json_t *one;
    json_array_foreach(talk->heard, i, one)
        count += strcmp(type, s_text(one, "type")) == 0;
    return count;
}

static void test_a_new_name_is_told_once_to_every_socket_of_every_edge_within_a_second(void **state)
{
    (void)state;
    s_open_all(&s_bob, false);
    s_forget_heard();
    long start_ms = s_now_ms();
    s_do(&s_ada, "PATCH", "/api/v1/me", "{\"display\":\"Countess\"}");
    s_expect_soon(s_all_hear("user_changed", start_ms), "renamed");
    for (long until_ms = s_now_ms() + 700; s_now_ms() < until_ms;)
        for (size_t i = 0; i < SOCKETS; i++)
            s_turn(&s_talks[i]);
    for (size_t i = 0; i < SOCKETS; i++) {
        const json_t *user = json_array_get(json_object_get(s_heard(&s_talks[i], "user_changed"), "users"), 0);
        assert_string_equal("Countess", s_text(user, "name"));
        assert_string_equal("ada", s_text(user, "handle"));
        assert_int_equal(s_ada.user, s_number(user, "user"));
        assert_int_equal(1, s_count_heard(&s_talks[i], "user_changed"));
    }
    s_close_all();
    int status; /* who was away asks, and gets the new one by any edge */
    for (size_t i = 0; i < STACK_EDGES; i++) {
        json_t *json = s_call(i, &s_bob, "GET", "/api/v1/users?query=COUNT", NULL, &status);
        assert_string_equal("ada", s_text(json_array_get(json_object_get(json, "users"), 0), "handle"));
        json_decref(json);
    }
    s_do(&s_ada, "PATCH", "/api/v1/me", "{\"display\":\"\"}");
}

static void test_an_invitation_admits_by_any_edge_as_often_as_it_says(void **state)
{
    (void)state;
    char body[256];
    int status, admitted = 0;
    s_do(&s_ada, "PATCH", "/api/v1/server", "{\"signup\":1}");
    s_expect_refused(NULL, "POST", "/api/v1/auth/signup", "{\"name\":\"Dee\",\"password\":\"correct horse\"}", 403,
                     "invite_required");
    s_expect_refused(&s_bob, "POST", "/api/v1/invites", "{}", 403, "forbidden");
    json_t *json = s_call(1, &s_ada, "POST", "/api/v1/invites", "{\"uses_max\":2}", &status);
    assert_int_equal(200, status);
    const json_t *invite = json_array_get(json_object_get(json, "invites"), 0);
    for (int i = 0; i < 4; i++) {
        snprintf(body, sizeof body, "{\"name\":\"Guest %d\",\"password\":\"correct horse\",\"invite\":\"%s\"}", i,
                 s_text(invite, "code"));
        json_decref(s_call((size_t)i % STACK_EDGES, NULL, "POST", "/api/v1/auth/signup", body, &status));
        assert_int_equal(i < 2 ? 201 : 403, status);
        admitted += status == 201;
    }
    assert_int_equal(2, admitted);
    json_decref(json);
    s_expect_refused(NULL, "POST", "/api/v1/setup",
                     "{\"name\":\"Eve\",\"password\":\"correct horse\",\"server_name\":\"Mine\"}", 409, "already_set_up");
    s_do(&s_ada, "PATCH", "/api/v1/server", "{\"signup\":0}");
}

static void test_a_reset_password_ends_the_sessions_of_every_edge_and_works_for_once(void **state)
{
    (void)state;
    struct person guest = {0};
    int status;
    char path[128], body[256], old_token[sizeof guest.token];
    s_sign(&guest, "login", "Guest 0", "correct horse");
    snprintf(old_token, sizeof old_token, "%s", guest.token);
    s_open_all(&guest, false);
    snprintf(path, sizeof path, "/api/v1/admin/users/%" PRIu64 "/reset-password", guest.user);
    s_expect_refused(&s_bob, "POST", path, NULL, 403, "forbidden");
    long start_ms = s_now_ms();
    json_t *json = s_call(0, &s_ada, "POST", path, NULL, &status);
    assert_int_equal(200, status);
    s_expect_soon(s_all_close(4401, start_ms), "reset");
    s_close_all();
    snprintf(body, sizeof body, "{\"name\":\"Guest 0\",\"password\":\"%s\"}", s_text(json, "password"));
    json_t *done = s_call(1, NULL, "POST", "/api/v1/auth/login", body, &status);
    assert_int_equal(200, status);
    assert_true(json_is_true(json_object_get(done, "must_change")));
    snprintf(guest.token, sizeof guest.token, "%s", s_text(done, "access_token"));
    json_decref(done);
    s_expect_refused(&guest, "GET", "/api/v1/rooms", NULL, 403, "password_change_required");
    s_expect_refused(&guest, "DELETE", "/api/v1/sessions", NULL, 403, "password_change_required");
    snprintf(body, sizeof body, "{\"current\":\"%s\",\"next\":\"correct horse\"}", s_text(json, "password"));
    json_decref(json);
    s_do(&guest, "POST", "/api/v1/me/password", body);
    done = s_call(0, NULL, "POST", "/api/v1/auth/login", "{\"name\":\"Guest 0\",\"password\":\"correct horse\"}", &status);
    assert_true(json_is_false(json_object_get(done, "must_change")));
    snprintf(guest.token, sizeof guest.token, "%s", s_text(done, "access_token"));
    json_decref(done);
    s_do(&guest, "GET", "/api/v1/rooms", NULL);
}

/* ---- rooms ------------------------------------------------------------------------------------------------------ */

static void test_who_is_removed_is_out_on_every_edge_within_a_second(void **state)
{
    (void)state;
    s_join(&s_bob);
    s_open_all(&s_bob, true);
    long start_ms = s_now_ms();
    s_do(&s_ada, "DELETE", s_path("/members/%" PRIu64 "?client_id=%s", s_bob.user), NULL);
    s_expect_soon(s_all_hear("kick", start_ms), "removed");
    for (size_t i = 0; i < SOCKETS; i++)
        assert_string_equal("removed", s_text(s_heard(&s_talks[i], "kick"), "code"));
    s_expect_refused(&s_bob, "GET", s_path("/messages", 0), NULL, 403, "not_member");
    s_expect_refused(&s_bob, "POST", s_path("/messages", 0), s_body(",\"text\":\"still here\""), 403, "not_member");
    s_forget_heard();
    s_do(&s_cyd, "POST", s_path("/join", 0), s_body(""));
    s_do(&s_cyd, "POST", s_path("/leave", 0), s_body(""));
    for (long until_ms = s_now_ms() + 300; s_now_ms() < until_ms;)
        for (size_t i = 0; i < SOCKETS; i++)
            s_turn(&s_talks[i]);
    for (size_t i = 0; i < SOCKETS; i++)
        assert_null(s_heard(&s_talks[i], "event"));
    s_close_all();
    s_join(&s_bob); /* removed is not banned */
}

static void test_who_is_banned_cannot_come_back_or_see_the_room_by_any_edge(void **state)
{
    (void)state;
    int status;
    s_join(&s_bob);
    s_open_all(&s_bob, true);
    long start_ms = s_now_ms();
    s_do(&s_ada, "POST", s_path("/bans/%" PRIu64, s_bob.user), s_body(""));
    s_expect_soon(s_all_hear("kick", start_ms), "banned");
    for (size_t i = 0; i < SOCKETS; i++)
        assert_string_equal("banned", s_text(s_heard(&s_talks[i], "kick"), "code"));
    s_expect_refused(&s_bob, "POST", s_path("/join", 0), s_body(""), 403, "banned");
    s_expect_refused(&s_bob, "GET", s_path("", 0), NULL, 403, "banned");
    json_t *rooms = s_call(1, &s_bob, "GET", "/api/v1/rooms", NULL, &status);
    assert_int_equal(0, json_array_size(json_object_get(rooms, "rooms")));
    json_decref(rooms);
    s_close_all();
    s_do(&s_ada, "DELETE", s_path("/bans/%" PRIu64 "?client_id=%s", s_bob.user), NULL);
    s_join(&s_bob);
}

static void test_who_is_muted_reads_on_and_is_refused_by_every_edge(void **state)
{
    (void)state;
    s_join(&s_bob);
    s_do(&s_ada, "POST", s_path("/mutes/%" PRIu64, s_bob.user), s_body(""));
    s_expect_refused(&s_bob, "POST", s_path("/messages", 0), s_body(",\"text\":\"but\""), 403, "muted");
    s_do(&s_bob, "GET", s_path("/messages", 0), NULL);
    s_do(&s_ada, "DELETE", s_path("/mutes/%" PRIu64 "?client_id=%s", s_bob.user), NULL);
    int status;
    json_decref(s_call(1, &s_bob, "POST", s_path("/messages", 0), s_body(",\"text\":\"thank you\""), &status));
    assert_int_equal(201, status);
}

static void test_a_new_moderator_knows_it_on_every_edge_within_a_second_and_may_act(void **state)
{
    (void)state;
    s_join(&s_cyd);
    s_expect_refused(&s_bob, "DELETE", s_path("/members/%" PRIu64 "?client_id=%s", s_cyd.user), NULL, 403, "forbidden");
    s_open_all(&s_bob, true);
    long start_ms = s_now_ms();
    s_do(&s_ada, "PUT", s_path("/members/%" PRIu64, s_bob.user), s_body(",\"role\":1"));
    s_expect_soon(s_all_hear("room_added", start_ms), "made a moderator");
    for (size_t i = 0; i < SOCKETS; i++) {
        json_t *rooms = json_object_get(s_heard(&s_talks[i], "room_added"), "rooms");
        assert_int_equal(1, s_number(json_array_get(rooms, 0), "role"));
    }
    s_close_all();
    s_do(&s_bob, "DELETE", s_path("/members/%" PRIu64 "?client_id=%s", s_cyd.user), NULL);
    s_expect_refused(&s_bob, "DELETE", s_path("/members/%" PRIu64 "?client_id=%s", s_ada.user), NULL, 403, "forbidden");
    s_expect_refused(&s_ada, "PUT", s_path("/members/%" PRIu64, s_bob.user), s_body(""), 400, "wrong_fields");
    s_expect_refused(&s_ada, "POST", s_path("/leave", 0), s_body(""), 409, "last_owner");
}

/* A private room of Ada's, with one line in it. */
static uint64_t s_make_private(uint64_t *line_out)
{
    int status;
    json_t *json = s_call(0, &s_ada, "POST", "/api/v1/rooms", s_body(",\"name\":\"den\",\"visibility\":1"), &status);
    assert_int_equal(201, status);
    uint64_t room = s_number(json, "room");
    json_decref(json);
    s_room = room;
    json = s_call(1, &s_ada, "POST", s_path("/messages", 0), s_body(",\"text\":\"heirloom tomatoes\""), &status);
    assert_int_equal(201, status);
    *line_out = s_number(json, "seq");
    json_decref(json);
    return room;
}

static size_t s_frames(const struct person *who, const char *path)
{
    int status;
    json_t *page = s_call(1, who, "GET", path, NULL, &status);
    assert_int_equal(200, status);
    size_t count = json_array_size(json_object_get(page, "frames"));
    json_decref(page);
    return count;
}

static void test_who_is_brought_into_a_private_room_has_it_within_a_second_and_reads_from_there_on(void **state)
{
    (void)state;
    int status;
    uint64_t before = s_room, line;
    s_make_private(&line);
    s_expect_refused(&s_cyd, "GET", s_path("", 0), NULL, 404, "no_room");
    s_expect_refused(&s_cyd, "POST", s_path("/join", 0), s_body(""), 404, "no_room");
    s_expect_refused(&s_cyd, "GET", s_path("/messages", 0), NULL, 404, "no_room");
    s_open_all(&s_cyd, false);
    s_forget_heard();
    char more[64];
    snprintf(more, sizeof more, ",\"member\":%" PRIu64, s_cyd.user);
    long start_ms = s_now_ms();
    s_do(&s_ada, "POST", s_path("/members", 0), s_body(more));
    s_expect_soon(s_all_hear("room_added", start_ms), "brought in");
    s_close_all();
    /* One line before, one after; each way to read one. */
    json_t *json = s_call(0, &s_ada, "POST", s_path("/messages", 0), s_body(",\"text\":\"new potatoes\""), &status);
    assert_int_equal(201, status);
    uint64_t later = s_number(json, "seq");
    json_decref(json);
    assert_int_equal(2, s_frames(&s_ada, s_path("/messages", 0)));
    assert_int_equal(1, s_frames(&s_cyd, s_path("/messages", 0)));
    assert_int_equal(0, s_frames(&s_cyd, s_path("/messages?before=2", 0)));
    assert_int_equal(0, s_frames(&s_cyd, s_path("/messages?seqs=%" PRIu64, line)));
    assert_int_equal(1, s_frames(&s_cyd, s_path("/messages?seqs=%" PRIu64, later)));
    s_do(&s_ada, "PUT", s_path("/messages/%" PRIu64 "/pin?client_id=%s", line), NULL);
    assert_int_equal(0, s_frames(&s_cyd, s_path("/pins", 0)));
    s_expect_refused(&s_cyd, "PUT", s_path("/messages/%" PRIu64 "/pin?client_id=%s", line), NULL, 404, "no_event");
    s_expect_refused(&s_cyd, "GET", s_path("/export", 0), NULL, 403, "forbidden");
    for (size_t tries = 0, found = 0; !found; tries++) { /* the index follows */
        json = s_call(1, &s_cyd, "GET", "/api/v1/search?q=potatoes", NULL, &status);
        found = json_array_size(json_object_get(json, "hits"));
        json_decref(json);
        assert_true(tries < 400);
        poll(NULL, 0, found ? 0 : 20);
    }
    json = s_call(1, &s_cyd, "GET", "/api/v1/search?q=tomatoes", NULL, &status);
    assert_int_equal(0, json_array_size(json_object_get(json, "hits")));
    json_decref(json);
    s_open_all(&s_cyd, true); /* the snapshot: what is pinned in it, and the line after */
    s_close_all();
    s_room = before;
}

static void test_a_new_name_is_in_every_list_within_a_second_and_an_archived_room_is_shut_by_every_edge(void **state)
{
    (void)state;
    int status;
    s_open_all(&s_bob, false);
    s_forget_heard();
    long start_ms = s_now_ms();
    s_do(&s_ada, "PUT", s_path("/name", 0), s_body(",\"name\":\"pantry\""));
    s_expect_soon(s_all_hear("room_added", start_ms), "renamed");
    for (size_t i = 0; i < SOCKETS; i++) {
        json_t *rooms = json_object_get(s_heard(&s_talks[i], "room_added"), "rooms");
        assert_string_equal("pantry", s_text(json_array_get(rooms, 0), "name"));
    }
    s_forget_heard();
    start_ms = s_now_ms();
    s_do(&s_ada, "PUT", s_path("/archived", 0), s_body(",\"on\":true"));
    s_expect_soon(s_all_hear("room_added", start_ms), "archived");
    s_close_all();
    s_expect_refused(&s_bob, "POST", s_path("/messages", 0), s_body(",\"text\":\"but\""), 403, "archived");
    s_expect_refused(&s_cyd, "POST", s_path("/join", 0), s_body(""), 403, "archived");
    s_do(&s_bob, "GET", s_path("/messages", 0), NULL);
    json_t *rooms = s_call(1, &s_bob, "GET", "/api/v1/rooms", NULL, &status);
    assert_int_equal(0, json_array_size(json_object_get(rooms, "rooms")));
    json_decref(rooms);
    rooms = s_call(1, &s_bob, "GET", "/api/v1/rooms?archived=1", NULL, &status);
    assert_int_equal(1, json_array_size(json_object_get(rooms, "rooms")));
    json_decref(rooms);
    s_expect_refused(&s_ada, "PUT", s_path("/archived", 0), s_body(""), 400, "wrong_fields");
    s_do(&s_ada, "PUT", s_path("/archived", 0), s_body(",\"on\":false"));
    json_decref(s_call(1, &s_bob, "POST", s_path("/messages", 0), s_body(",\"text\":\"open again\""), &status));
    assert_int_equal(201, status);
}

static uint64_t s_direct(size_t edge, const struct person *who, const struct person *other)
{
    char more[64];
    int status;
    snprintf(more, sizeof more, ",\"users\":[{\"id\":%" PRIu64 "}]", other->user);
    json_t *json = s_call(edge, who, "POST", "/api/v1/directs", s_body(more), &status);
    assert_true(status == 200 || status == 201);
    uint64_t room = s_number(json, "room");
    json_decref(json);
    return room;
}

static void test_a_direct_room_is_one_whoever_opens_it_and_is_there_for_the_other_within_a_second(void **state)
{
    (void)state;
    uint64_t before = s_room;
    char path[128];
    s_open_all(&s_cyd, false);
    s_forget_heard();
    long start_ms = s_now_ms();
    s_room = s_direct(0, &s_bob, &s_cyd);
    s_expect_soon(s_all_hear("room_added", start_ms), "a direct room");
    for (size_t i = 0; i < SOCKETS; i++) {
        json_t *rooms = json_object_get(s_heard(&s_talks[i], "room_added"), "rooms");
        assert_int_equal(2, s_number(json_array_get(rooms, 0), "visibility"));
        assert_int_equal(2, json_array_size(json_object_get(json_array_get(rooms, 0), "people")));
    }
    s_close_all();
    assert_int_equal(s_room, s_direct(1, &s_cyd, &s_bob));
    assert_int_equal(s_room, s_direct(0, &s_bob, &s_cyd));
    assert_true(s_direct(1, &s_ada, &s_cyd) != s_room);
    snprintf(path, sizeof path, "/api/v1/rooms/%" PRIu64, s_room);
    s_expect_refused(&s_ada, "GET", path, NULL, 404, "no_room");
    s_expect_refused(&s_bob, "POST", s_path("/leave", 0), s_body(""), 403, "forbidden");
    s_expect_refused(&s_bob, "PUT", s_path("/name", 0), s_body(",\"name\":\"ours\""), 403, "forbidden");
    s_expect_refused(&s_bob, "POST", "/api/v1/directs", s_body(",\"users\":[{\"id\":5}]"), 404, "no_user");
    s_room = before;
}

/* ---- sign-ins --------------------------------------------------------------------------------------------------- */

static void test_a_session_ended_elsewhere_is_closed_and_refused_by_every_edge_within_a_second(void **state)
{
    (void)state;
    struct person phone;
    char path[128];
    int status;
    s_sign(&phone, "login", "bob", "battery staple bob");
    json_t *list = s_call(1, &s_bob, "GET", "/api/v1/sessions", NULL, &status), *one;
    assert_int_equal(200, status);
    size_t i, current = 0, other = 0;
    json_array_foreach(json_object_get(list, "sessions"), i, one)
    {
        current += json_is_true(json_object_get(one, "current")) && s_number(one, "session") == s_bob.session;
        other += s_number(one, "session") == phone.session && strlen(s_text(one, "address")) > 0 &&
                 strcmp("test", s_text(one, "device")) == 0;
    }
    assert_int_equal(1, current);
    assert_int_equal(1, other);
    json_decref(list);
    s_open_all(&phone, false);
    snprintf(path, sizeof path, "/api/v1/sessions/%" PRIu64, phone.session);
    s_do(&s_ada, "DELETE", path, NULL); /* another's: nothing happens */
    s_do(&phone, "GET", "/api/v1/me", NULL);
    long start_ms = s_now_ms();
    s_do(&s_bob, "DELETE", path, NULL);
    s_expect_soon(s_all_close(4401, start_ms), "signed out elsewhere");
    s_close_all();
    s_expect_refused(&phone, "GET", "/api/v1/me", NULL, 401, "token_revoked");
    s_do(&s_bob, "GET", "/api/v1/me", NULL);
}

static void test_a_new_password_signs_out_everywhere_else_within_a_second(void **state)
{
    (void)state;
    struct person phone, again;
    int status;
    s_sign(&phone, "login", "bob", "battery staple bob");
    s_open_all(&phone, false);
    json_decref(s_call(0, &s_bob, "POST", "/api/v1/me/password",
                       "{\"current\":\"not it at all\",\"next\":\"horse battery 9\"}", &status));
    assert_int_equal(403, status);
    long start_ms = s_now_ms();
    s_do(&s_bob, "POST", "/api/v1/me/password", "{\"current\":\"battery staple bob\",\"next\":\"horse battery 9\"}");
    long hashed_ms = s_now_ms() - start_ms; /* the check and the new hash take their time: counted from the answer */
    long took_ms = s_all_close(4401, start_ms);
    s_expect_soon(took_ms < hashed_ms ? took_ms : took_ms - hashed_ms, "password changed");
    s_close_all();
    s_expect_refused(&phone, "GET", "/api/v1/me", NULL, 401, "token_revoked");
    s_do(&s_bob, "GET", "/api/v1/me", NULL);
    s_sign(&again, "login", "bob", "horse battery 9");
}

/* ---- administrators --------------------------------------------------------------------------------------------- */

static const char *s_user_path(const struct person *who, const char *rest)
{
    static char path[256];
    snprintf(path, sizeof path, "/api/v1/admin/users/%" PRIu64 "%s", who->user, rest);
    return path;
}

static json_t *s_get(const struct person *who, const char *path)
{
    int status;
    json_t *json = s_call(1, who, "GET", path, NULL, &status);
    if (status != 200)
        fail_msg("GET %s: %d %s", path, status, s_text(json, "title"));
    return json;
}

static void test_who_is_disabled_is_out_on_every_edge_within_a_second_and_cannot_sign_in(void **state)
{
    (void)state;
    int status;
    struct person again;
    s_sign(&again, "login", "cyd", "battery staple cyd");
    s_open_all(&again, false);
    s_expect_refused(&again, "PATCH", s_user_path(&s_bob, ""), "{\"disabled\":true}", 403, "forbidden");
    long start_ms = s_now_ms();
    s_do(&s_ada, "PATCH", s_user_path(&again, ""), "{\"disabled\":true}");
    s_expect_soon(s_all_close(4401, start_ms), "disabled");
    s_close_all();
    s_expect_refused(&again, "GET", "/api/v1/me", NULL, 401, "token_revoked");
    json_t *refused = s_call(1, NULL, "POST", "/api/v1/auth/login",
                             "{\"name\":\"cyd\",\"password\":\"battery staple cyd\"}", &status);
    assert_int_equal(403, status);
    assert_string_equal("disabled", s_text(refused, "title"));
    json_decref(refused);
    s_expect_refused(&s_ada, "PATCH", s_user_path(&s_ada, ""), "{\"disabled\":true}", 409, "last_admin");
    s_do(&s_ada, "PATCH", s_user_path(&again, ""), "{\"disabled\":false}");
    s_sign(&s_cyd, "login", "cyd", "battery staple cyd");
    s_do(&s_cyd, "GET", "/api/v1/me", NULL);
    json_t *audit = s_get(&s_ada, "/api/v1/admin/audit?action=user_disabled&limit=1");
    json_t *row = json_array_get(json_object_get(audit, "rows"), 0);
    assert_string_equal("ada", s_text(row, "actor_name"));
    assert_string_equal("cyd", s_text(row, "subject_name"));
    json_decref(audit);
}

static void test_a_token_of_an_administrator_that_was_dies_within_a_second(void **state)
{
    (void)state;
    s_do(&s_ada, "PATCH", s_user_path(&s_cyd, ""), "{\"role\":1}");
    s_sign(&s_cyd, "login", "cyd", "battery staple cyd");
    s_do(&s_cyd, "GET", "/api/v1/admin/users", NULL);
    s_open_all(&s_cyd, false);
    long start_ms = s_now_ms();
    s_do(&s_ada, "PATCH", s_user_path(&s_cyd, ""), "{\"role\":0}");
    /* At once, before any edge has heard of it: the store looks up who asks. */
    int status;
    json_decref(s_call(1, &s_cyd, "GET", "/api/v1/admin/users", NULL, &status));
    assert_true(status == 403 || status == 401);
    s_expect_soon(s_all_close(4401, start_ms), "no administrator any more");
    s_close_all();
    s_expect_refused(&s_cyd, "GET", "/api/v1/admin/topology", NULL, 401, "token_revoked");
    s_sign(&s_cyd, "login", "cyd", "battery staple cyd");
    s_expect_refused(&s_cyd, "GET", "/api/v1/admin/topology", NULL, 403, "forbidden");
}

static void test_open_sockets_of_all_edges_are_seen_and_ended(void **state)
{
    (void)state;
    char path[160];
    bool is_at[STACK_EDGES] = {false};
    struct person phone;
    s_sign(&phone, "login", "cyd", "battery staple cyd");
    s_open_all(&phone, false);
    snprintf(path, sizeof path, "/api/v1/admin/sockets?user=%" PRIu64, phone.user);
    json_t *list = s_get(&s_ada, path), *one;
    size_t i;
    assert_int_equal(SOCKETS, s_number(list, "count"));
    assert_int_equal(0, s_number(list, "silent"));
    assert_int_equal(SOCKETS, json_array_size(json_object_get(list, "sockets")));
    json_array_foreach(json_object_get(list, "sockets"), i, one)
    {
        assert_string_equal("cyd", s_text(one, "name"));
        assert_string_equal("test", s_text(one, "device"));
        assert_int_equal(phone.session, s_number(one, "session"));
        assert_true(strlen(s_text(one, "address")) > 0);
        is_at[s_number(one, "edge") % 0x10000 % STACK_EDGES] = true;
    }
    assert_true(is_at[0] && is_at[1]);
    json_decref(list);
    snprintf(path, sizeof path, "/sessions/%" PRIu64, phone.session);
    long start_ms = s_now_ms();
    s_do(&s_ada, "DELETE", s_user_path(&phone, path), NULL);
    s_expect_soon(s_all_close(4401, start_ms), "signed out by an administrator");
    s_close_all();
}

/* The sum of a counter over all processes, as actors told it. */
static long s_told(const json_t *topology, const char *metric)
{
    long sum = 0;
    size_t i;
    json_t *process;
    json_array_foreach(json_object_get(topology, "processes"), i, process)
        sum += (long)s_number(json_object_get(process, "metrics"), metric);
    return sum;
}

static bool s_has_node(const json_t *topology, const char *name)
{
    size_t i;
    json_t *node;
    json_array_foreach(json_object_get(topology, "nodes"), i, node)
        if (strcmp(name, s_text(node, "node")) == 0 && s_number(node, "age_ms") < 5000 &&
            json_array_size(json_object_get(node, "links")) > 0)
            return true;
    return false;
}

static void test_the_picture_of_the_actors_is_what_their_metrics_say(void **state)
{
    (void)state;
    static const char *const metrics[] = {"rookery_auth_signins_total", "rookery_room_events_total",
                                          "rookery_store_batch_events_total", "rookery_room_rooms"};
    static const char *const nodes[] = {"edge/0", "edge/1", "room/0", "persist/0", "accounts/0"};
    const size_t hosts = s_stack.topology == TOPOLOGY_HOSTS;
    bool is_equal = false;
    for (long end_ms = s_now_ms() + WAIT_MS; !is_equal && s_now_ms() < end_ms; poll(NULL, 0, 100)) {
        json_t *topology = s_get(&s_ada, "/api/v1/admin/topology");
        is_equal = json_array_size(json_object_get(topology, "owners")) == 256;
        for (size_t i = 0; i < sizeof nodes / sizeof nodes[0]; i++)
            is_equal = is_equal && s_has_node(topology, nodes[i]);
        is_equal = is_equal && (!hosts || (s_has_node(topology, "persist/1") && s_has_node(topology, "room/1")));
        for (size_t i = 0; i < sizeof metrics / sizeof metrics[0]; i++)
            is_equal = is_equal && s_told(topology, metrics[i]) == stack_metric(&s_stack, metrics[i]) &&
                       s_told(topology, metrics[i]) > 0;
        if (!is_equal && s_now_ms() + 200 >= end_ms) {
            char *text = json_dumps(topology, JSON_INDENT(1));
            fprintf(stderr, "%.6000s\n", text ? text : "");
            free(text);
        }
        json_decref(topology);
    }
    assert_true(is_equal);
}

static void test_signing_out_everywhere_ends_this_session_too(void **state)
{
    (void)state;
    struct person phone;
    s_sign(&phone, "login", "bob", "horse battery 9");
    s_open_all(&phone, false);
    s_do(&s_bob, "DELETE", "/api/v1/sessions?keep=current", NULL);
    assert_true(s_all_close(4401, s_now_ms()) >= 0);
    s_close_all();
    s_do(&s_bob, "GET", "/api/v1/me", NULL);
    s_open_all(&s_bob, false);
    long start_ms = s_now_ms();
    s_do(&s_bob, "DELETE", "/api/v1/sessions", NULL);
    s_expect_soon(s_all_close(4401, start_ms), "signed out everywhere");
    s_close_all();
    s_expect_refused(&s_bob, "GET", "/api/v1/me", NULL, 401, "token_revoked");
}

static int s_setup(void **state)
{
    (void)state;
    static const char *const env[] = {"ROOKERY_EDGES=2", "ROOKERY_REQUESTS_PER_S=10000", "ROOKERY_REQUESTS_BURST=10000",
                                      "ROOKERY_FRAMES_PER_S=1000", "ROOKERY_FRAMES_BURST=1000", NULL};
    int status;
    if (sodium_init() < 0 || !stack_start(&s_stack, env, 300000))
        return -1;
    stack_set_faults(&s_stack, 0, 20); /* a second is promised of a network that delivers */
    s_sign(&s_ada, "signup", "ada", "battery staple ada");
    s_sign(&s_bob, "signup", "bob", "battery staple bob");
    s_sign(&s_cyd, "signup", "cyd", "battery staple cyd");
    json_t *room = s_call(0, &s_ada, "POST", "/api/v1/rooms", s_body(",\"name\":\"common room\""), &status);
    s_room = s_number(room, "room");
    json_decref(room);
    return status == 201 ? 0 : -1;
}

static int s_teardown(void **state)
{
    (void)state;
    stack_stop(&s_stack);
    stack_remove(&s_stack);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_name_is_told_once_to_every_socket_of_every_edge_within_a_second),
        cmocka_unit_test(test_an_invitation_admits_by_any_edge_as_often_as_it_says),
        cmocka_unit_test(test_a_reset_password_ends_the_sessions_of_every_edge_and_works_for_once),
        cmocka_unit_test(test_who_is_removed_is_out_on_every_edge_within_a_second),
        cmocka_unit_test(test_who_is_banned_cannot_come_back_or_see_the_room_by_any_edge),
        cmocka_unit_test(test_who_is_muted_reads_on_and_is_refused_by_every_edge),
        cmocka_unit_test(test_a_new_moderator_knows_it_on_every_edge_within_a_second_and_may_act),
        cmocka_unit_test(test_who_is_brought_into_a_private_room_has_it_within_a_second_and_reads_from_there_on),
        cmocka_unit_test(test_a_new_name_is_in_every_list_within_a_second_and_an_archived_room_is_shut_by_every_edge),
        cmocka_unit_test(test_a_direct_room_is_one_whoever_opens_it_and_is_there_for_the_other_within_a_second),
        cmocka_unit_test(test_a_session_ended_elsewhere_is_closed_and_refused_by_every_edge_within_a_second),
        cmocka_unit_test(test_a_new_password_signs_out_everywhere_else_within_a_second),
        cmocka_unit_test(test_who_is_disabled_is_out_on_every_edge_within_a_second_and_cannot_sign_in),
        cmocka_unit_test(test_a_token_of_an_administrator_that_was_dies_within_a_second),
        cmocka_unit_test(test_open_sockets_of_all_edges_are_seen_and_ended),
        cmocka_unit_test(test_the_picture_of_the_actors_is_what_their_metrics_say),
        cmocka_unit_test(test_signing_out_everywhere_ends_this_session_too),
    };
    return cmocka_run_group_tests(tests, s_setup, s_teardown);
}
