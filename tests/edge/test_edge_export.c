/* A room's export over HTTP: whole and in order, only for its owner, bounded in number and in memory, and a cut shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "edge_world.h"
#include "raw_client.h"

enum { ALICE = 50, LONG_ROOM = WORLD_ROOM + 1 };

static struct world *s_world;

static int s_start(void **state)
{
    (void)state;
    struct world_options options = {.requests_per_s = 1000, .requests_burst = 1000};
    s_world = world_start(&options);
    world_say(s_world, WORLD_ROOM, 3, 20);
    world_say(s_world, LONG_ROOM, 400, 4000); /* its pages must be small ones */
    return 0;
}

static int s_end(void **state)
{
    (void)state;
    world_stop(s_world);
    return 0;
}

static void s_ask(struct raw *raw, uint64_t user, uint64_t room, const char *more)
{
    char request[4096];
    snprintf(request, sizeof request, "GET /api/v1/rooms/%llu/export HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n%s\r\n",
             (unsigned long long)room, world_token(user, user, 600), more);
    raw_text(raw, request);
}

/* All that comes until the end, as text. */
static char *s_read_all(struct raw *raw)
{
    while (raw_read(raw, 3000))
        ;
    char *text = malloc(raw->len + 1);
    assert_non_null(text);
    memcpy(text, raw->bytes, raw->len);
    text[raw->len] = '\0';
    raw_close(raw);
    return text;
}

static size_t s_count(const char *text, const char *what)
{
    size_t count = 0;
    for (const char *at = strstr(text, what); at; at = strstr(at + 1, what))
        count++;
    return count;
}

static int s_status(uint64_t user, uint64_t room)
{
    struct answer_text answer;
    char path[64], header[2200];
    snprintf(path, sizeof path, "/api/v1/rooms/%llu/export", (unsigned long long)room);
    snprintf(header, sizeof header, "Authorization: Bearer %s\r\n", world_token(user, user, 600));
    int status = http_once(world_port(s_world), "GET", path, header, NULL, &answer);
    answer_fini(&answer);
    return status;
}

static void test_it_begins_and_ends_with_a_line_of_its_own_and_has_all_events(void **state)
{
    (void)state;
    struct raw raw = raw_connect(world_port(s_world));
    s_ask(&raw, ALICE, WORLD_ROOM, "Connection: close\r\n");
    char *text = s_read_all(&raw);
    assert_non_null(strstr(text, "HTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(text, "Content-Type: application/x-ndjson\r\n"));
    assert_non_null(strstr(text, "Content-Disposition: attachment; filename=\"room-1000.ndjson\"; "
                                 "filename*=UTF-8''N%C3%A4st%201.ndjson\r\n"));
    const char *body = strstr(text, "\r\n\r\n") + 4;
    assert_int_equal(0, strncmp(body, "{\"type\":\"export_begin\",\"room\":1000,\"name\":\"N", 43));
    assert_int_equal(5, s_count(body, "\n"));
    const char *at = body;
    for (int seq = 1; seq <= 3; seq++) {
        char wanted[64];
        snprintf(wanted, sizeof wanted, "\n{\"type\":\"event\",\"room\":1000,\"seq\":%d,", seq);
        at = strstr(at, wanted);
        assert_non_null(at);
    }
    assert_non_null(strstr(at, "\n{\"type\":\"export_end\",\"room\":1000,\"count\":3}\n"));
    free(text);
}

static void test_a_long_one_comes_in_parts_and_the_connection_stays(void **state)
{
    (void)state;
    struct raw raw = raw_connect(world_port(s_world));
    int before = world_seen(s_world).exports;
    s_ask(&raw, ALICE, LONG_ROOM, "");
    raw_text(&raw, "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    char *text = s_read_all(&raw);
    assert_non_null(strstr(text, "Transfer-Encoding: chunked\r\n"));
    assert_int_equal(400, s_count(text, "{\"type\":\"event\""));
    assert_int_equal(1, s_count(text, "\"count\":400}\n\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n"));
    assert_true(world_seen(s_world).exports - before > 6); /* 1.6 MB, in pages of at most 256 KiB */
    free(text);
}

static void test_only_the_owner_gets_it(void **state)
{
    (void)state;
    assert_int_equal(403, s_status(WORLD_NO_OWNER, WORLD_ROOM));
    assert_int_equal(404, s_status(ALICE, WORLD_STRANGE_ROOM));
    struct answer_text answer;
    assert_int_equal(401, http_once(world_port(s_world), "GET", "/api/v1/rooms/1000/export", NULL, NULL, &answer));
    answer_fini(&answer);
}

static void s_await_exports(int count)
{
    for (int i = 0; i < 500 && world_seen(s_world).exports < count; i++)
        usleep(10000);
    assert_true(world_seen(s_world).exports >= count);
}

static void test_one_at_a_time_for_a_person_and_four_for_an_edge(void **state)
{
    (void)state;
    struct raw raws[4];
    int before = world_seen(s_world).exports;
    world_hold_answers(s_world, true);
    for (uint64_t i = 0; i < 4; i++) {
        raws[i] = raw_connect(world_port(s_world));
        s_ask(&raws[i], ALICE + i, WORLD_ROOM, "Connection: close\r\n");
        s_await_exports(before + 1 + (int)i);
    }
    assert_int_equal(429, s_status(ALICE, LONG_ROOM));
    assert_int_equal(503, s_status(ALICE + 4, WORLD_ROOM));
    world_hold_answers(s_world, false);
    for (int i = 0; i < 4; i++) {
        char *text = s_read_all(&raws[i]);
        assert_int_equal(1, s_count(text, "\"export_end\""));
        free(text);
    }
    assert_int_equal(200, s_status(ALICE, WORLD_ROOM));
    assert_int_equal(200, s_status(ALICE + 4, WORLD_ROOM));
}

static void test_who_is_signed_out_meanwhile_gets_no_further_page_and_no_last_line(void **state)
{
    (void)state;
    struct raw raw = raw_connect_slow(world_port(s_world), 4096);
    int before = world_seen(s_world).exports;
    s_ask(&raw, 60, LONG_ROOM, "");
    s_await_exports(before + 1);
    usleep(300000);
    int paused = world_seen(s_world).exports; /* a slow reader: the source waits for it */
    usleep(500000);
    assert_int_equal(paused, world_seen(s_world).exports);
    world_revoke(s_world, 60);
    usleep(800000); /* edges ask for revocations each 300 ms */
    char *text = s_read_all(&raw);
    assert_int_equal(0, s_count(text, "\"export_end\""));
    assert_true(s_count(text, "{\"type\":\"event\"") < 400);
    assert_null(strstr(text, "\r\n0\r\n\r\n"));
    free(text);
    assert_true(world_seen(s_world).exports <= paused + 1);
    assert_int_equal(200, s_status(ALICE, WORLD_ROOM));
}

static void test_who_is_put_out_of_the_room_while_a_page_is_on_its_way_gets_a_cut(void **state)
{
    (void)state;
    struct raw raw = raw_connect(world_port(s_world));
    int before = world_seen(s_world).exports;
    world_hold_answers(s_world, true);
    s_ask(&raw, 61, WORLD_ROOM, "Connection: close\r\n");
    s_await_exports(before + 1);
    world_kick(s_world, WORLD_ROOM, 61);
    char *text = s_read_all(&raw);
    assert_non_null(strstr(text, "HTTP/1.1 403 "));
    assert_int_equal(0, s_count(text, "\"event\""));
    free(text);
    world_hold_answers(s_world, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_begins_and_ends_with_a_line_of_its_own_and_has_all_events),
        cmocka_unit_test(test_a_long_one_comes_in_parts_and_the_connection_stays),
        cmocka_unit_test(test_only_the_owner_gets_it),
        cmocka_unit_test(test_one_at_a_time_for_a_person_and_four_for_an_edge),
        cmocka_unit_test(test_who_is_signed_out_meanwhile_gets_no_further_page_and_no_last_line),
        cmocka_unit_test(test_who_is_put_out_of_the_room_while_a_page_is_on_its_way_gets_a_cut),
    };
    return cmocka_run_group_tests(tests, s_start, s_end);
}
