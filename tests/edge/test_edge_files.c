/* Files over HTTP: refused before their first byte, taken piece by piece, given away whole or by a range. */
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

enum { ALICE = 50, MIB = 1024 * 1024, PIECE = LIM_FILE_CHUNK_BYTES, FILE_ID = 4711 };

static struct world *s_world;
static uint8_t s_bytes[MIB], s_back[2 * MIB];

static int s_start(void **state)
{
    (void)state;
    s_world = world_start(&(struct world_options){.file_mib = 1, .connections_per_address = 1000,
                                                  .requests_per_s = 10000, .requests_burst = 10000});
    for (size_t i = 0; i < sizeof s_bytes; i++)
        s_bytes[i] = (uint8_t)(i * 7 + i / 251);
    return 0;
}

static int s_end(void **state)
{
    (void)state;
    world_stop(s_world);
    return 0;
}

static void s_head(struct raw *raw, uint64_t user, size_t len, const char *query, const char *more)
{
    char request[4096];
    snprintf(request, sizeof request,
             "POST /api/v1/rooms/1000/files?%s HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\nContent-Length: %zu\r\n%s\r\n",
             query, world_token(user, user, 600), len, more);
    raw_text(raw, request);
}

#define QUERY "name=plan%20B.bin&client_id=01ARZ3NDEKTSV4RRFFQ69G5FAV"

/* The status of what comes back, by its first line. */
static int s_status(struct raw *raw)
{
    int status = 0;
    while (raw->len < 12 && raw_read(raw, 5000))
        ;
    if (raw->len >= 12)
        sscanf((const char *)raw->bytes + 9, "%3d", &status);
    return status;
}

static int s_upload(uint64_t user, const uint8_t *bytes, size_t len, const char *query, const char *more)
{
    struct raw raw = raw_connect(world_port(s_world));
    s_head(&raw, user, len, query, more);
    if (len)
        raw_send(&raw, bytes, len);
    int status = s_status(&raw);
    raw_close(&raw);
    return status;
}

static void test_a_file_arrives_as_it_was_sent_in_pieces(void **state)
{
    (void)state;
    int before = world_seen(s_world).file_chunks;
    assert_int_equal(201, s_upload(ALICE, s_bytes, 3 * PIECE + 1, QUERY, "Content-Type: application/x-thing\r\n"));
    assert_int_equal(4, world_seen(s_world).file_chunks - before);
    assert_int_equal(3 * PIECE + 1, world_file_len(s_world, s_back, sizeof s_back));
    assert_memory_equal(s_bytes, s_back, 3 * PIECE + 1);
    assert_string_equal("application/x-thing", world_seen(s_world).file_mime);
    assert_int_equal(201, s_upload(ALICE, s_bytes, 0, QUERY, ""));
    assert_int_equal(0, world_file_len(s_world, s_back, sizeof s_back));
}

static void test_an_image_is_found_by_its_bytes_and_one_that_is_only_said_is_none(void **state)
{
    (void)state;
    static const uint8_t png[24] = "\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x02\x80\0\0\x01\xe0";
    assert_int_equal(201, s_upload(ALICE, png, sizeof png, QUERY, "Content-Type: text/html\r\n"));
    assert_string_equal("image/png", world_seen(s_world).file_mime);
    assert_int_equal(640, world_seen(s_world).file_width);
    assert_int_equal(480, world_seen(s_world).file_height);
    assert_int_equal(201, s_upload(ALICE, s_bytes, 9, QUERY, "Content-Type: image/svg+xml\r\n"));
    assert_string_equal("application/octet-stream", world_seen(s_world).file_mime);
    assert_int_equal(0, world_seen(s_world).file_width);
}

/* Rocket.Chat#18045: the error came only after the whole upload. */
static void test_a_file_at_the_bound_is_taken_and_one_byte_more_is_refused_before_the_first(void **state)
{
    (void)state;
    assert_int_equal(201, s_upload(ALICE, s_bytes, MIB, QUERY, ""));
    assert_int_equal(MIB, world_file_len(s_world, s_back, sizeof s_back));
    struct raw raw = raw_connect(world_port(s_world));
    struct world_seen before = world_seen(s_world);
    s_head(&raw, ALICE, MIB + 1, QUERY, "Expect: 100-continue\r\n");
    while (raw_read(&raw, 3000))
        ;
    assert_non_null(memmem(raw.bytes, raw.len, "HTTP/1.1 413 ", 13));
    assert_non_null(memmem(raw.bytes, raw.len, "\"limit\":1048576", 15));
    assert_null(memmem(raw.bytes, raw.len, "100 Continue", 12));
    raw_close(&raw);
    assert_int_equal(before.file_begins, world_seen(s_world).file_begins);
}

static void test_who_may_not_write_is_refused_before_the_first_byte(void **state)
{
    (void)state;
    struct raw raw = raw_connect(world_port(s_world));
    s_head(&raw, WORLD_NO_OWNER, 1000, QUERY, "");
    assert_int_equal(403, s_status(&raw));
    raw_close(&raw);
    assert_int_equal(400, s_upload(ALICE, s_bytes, 9, "name=a%2Fb&client_id=01ARZ3NDEKTSV4RRFFQ69G5FAV", ""));
    assert_int_equal(400, s_upload(ALICE, s_bytes, 9, "name=ab", ""));
    struct answer_text answer;
    char header[2200];
    snprintf(header, sizeof header, "Authorization: Bearer %s\r\nTransfer-Encoding: chunked\r\n", world_token(ALICE, 1, 600));
    assert_int_equal(411, http_once(world_port(s_world), "POST", "/api/v1/rooms/1000/files?" QUERY, header, NULL, &answer));
    answer_fini(&answer);
    assert_int_equal(401, http_once(world_port(s_world), "POST", "/api/v1/rooms/1000/files?" QUERY,
                                    "Content-Length: 9\r\n", NULL, &answer));
    answer_fini(&answer);
}

static void test_an_upload_that_is_cut_is_given_up_at_once(void **state)
{
    (void)state;
    struct raw raw = raw_connect(world_port(s_world));
    int drops = world_seen(s_world).file_drops, chunks = world_seen(s_world).file_chunks;
    s_head(&raw, ALICE, 3 * PIECE, QUERY, "");
    raw_send(&raw, s_bytes, PIECE + 5);
    for (int i = 0; i < 300 && world_seen(s_world).file_chunks == chunks; i++)
        usleep(10000);
    assert_int_equal(chunks + 1, world_seen(s_world).file_chunks); /* half a piece is none */
    raw_close(&raw);
    for (int i = 0; i < 300 && world_seen(s_world).file_drops == drops; i++)
        usleep(10000);
    assert_int_equal(drops + 1, world_seen(s_world).file_drops);
}

static void test_one_person_uploads_three_files_at_once_and_no_fourth(void **state)
{
    (void)state;
    struct raw raws[LIM_UPLOADS_USER_MAX];
    int begins = world_seen(s_world).file_begins;
    for (size_t i = 0; i < LIM_UPLOADS_USER_MAX; i++) {
        raws[i] = raw_connect(world_port(s_world));
        s_head(&raws[i], ALICE, 1000, QUERY, "");
    }
    for (int i = 0; i < 300 && world_seen(s_world).file_begins < begins + LIM_UPLOADS_USER_MAX; i++)
        usleep(10000);
    struct raw more = raw_connect(world_port(s_world));
    s_head(&more, ALICE, 1000, QUERY, "");
    assert_int_equal(429, s_status(&more));
    raw_close(&more);
    assert_int_equal(201, s_upload(ALICE + 1, s_bytes, 9, QUERY, "")); /* others do */
    for (size_t i = 0; i < LIM_UPLOADS_USER_MAX; i++)
        raw_close(&raws[i]);
}

static void test_one_edge_takes_32_uploads_at_once_and_no_more(void **state)
{
    (void)state;
    struct raw raws[LIM_UPLOADS_MAX];
    int begins = world_seen(s_world).file_begins;
    for (size_t i = 0; i < LIM_UPLOADS_MAX; i++) {
        raws[i] = raw_connect(world_port(s_world));
        s_head(&raws[i], 500 + i / LIM_UPLOADS_USER_MAX, 1000, QUERY, "");
    }
    for (int i = 0; i < 300 && world_seen(s_world).file_begins < begins + LIM_UPLOADS_MAX; i++)
        usleep(10000);
    assert_int_equal(begins + LIM_UPLOADS_MAX, world_seen(s_world).file_begins);
    assert_int_equal(503, s_upload(600, s_bytes, 9, QUERY, ""));
    raw_close(&raws[0]);
    for (int i = 0, drops = world_seen(s_world).file_drops; i < 300 && world_seen(s_world).file_drops == drops; i++)
        usleep(10000);
    assert_int_equal(201, s_upload(600, s_bytes, 9, QUERY, "")); /* there is room again */
    for (size_t i = 1; i < LIM_UPLOADS_MAX; i++)
        raw_close(&raws[i]);
}

/* ---- downloads -------------------------------------------------------------------------------------------------- */

static int s_get(const char *method, uint64_t user, const char *more, struct answer_text *answer)
{
    char header[2400], path[64];
    snprintf(path, sizeof path, "/api/v1/rooms/1000/files/%d", FILE_ID);
    snprintf(header, sizeof header, "Authorization: Bearer %s\r\n%s", world_token(user, user, 600), more);
    return http_once(world_port(s_world), method, path, header, NULL, answer);
}

static void s_ask_file(struct raw *raw, uint64_t user)
{
    char request[2600];
    snprintf(request, sizeof request, "GET /api/v1/rooms/1000/files/%d HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n\r\n",
             FILE_ID, world_token(user, user, 600));
    raw_text(raw, request);
}

/* Of so many people, as many as each may, none of whom reads to the end; then one more by `more`. */
static void s_expect_downloads(size_t count, uint64_t more, int status)
{
    static struct raw raws[LIM_DOWNLOADS_MAX];
    world_file_put(s_world, FILE_ID, "a.bin", "application/octet-stream", s_bytes, sizeof s_bytes);
    for (size_t i = 0; i < count; i++) {
        raws[i] = raw_connect(world_port(s_world));
        s_ask_file(&raws[i], 500 + i / LIM_DOWNLOADS_USER_MAX);
        assert_int_equal(200, s_status(&raws[i]));
    }
    struct raw raw = raw_connect(world_port(s_world));
    s_ask_file(&raw, more);
    assert_int_equal(status, s_status(&raw));
    raw_close(&raw);
    raw_close(&raws[0]);
    for (int i = 0, found = 0; i < 300 && found != 200; i++) { /* there is room again, once the end was seen */
        raw = raw_connect(world_port(s_world));
        s_ask_file(&raw, more);
        found = s_status(&raw);
        raw_close(&raw);
        assert_true(found == 200 || (found == status && i < 299));
    }
    for (size_t i = 1; i < count; i++)
        raw_close(&raws[i]);
}

static void test_one_person_downloads_twelve_files_at_once_and_no_further_one(void **state)
{
    (void)state;
    s_expect_downloads(LIM_DOWNLOADS_USER_MAX, 500, 429);
}

static void test_one_edge_gives_128_files_at_once_and_no_more(void **state)
{
    (void)state;
    s_expect_downloads(LIM_DOWNLOADS_MAX, 600, 503);
}

static void test_a_file_is_given_whole_with_what_keeps_a_browser_safe(void **state)
{
    (void)state;
    struct answer_text answer;
    world_file_put(s_world, FILE_ID, "Plän 1.html", "text/html", s_bytes, 2 * PIECE + 77);
    assert_int_equal(200, s_get("GET", ALICE, "", &answer));
    assert_int_equal(2 * PIECE + 77, answer.body_len);
    assert_memory_equal(s_bytes, answer.body, answer.body_len);
    assert_true(head_has(&answer, "Content-Type: application/octet-stream"));
    assert_true(head_has(&answer, "Content-Disposition: attachment; filename=\"file\"; filename*=UTF-8''Pl%C3%A4n%201.html"));
    assert_true(head_has(&answer, "Content-Security-Policy: default-src 'none'; sandbox"));
    assert_true(head_has(&answer, "X-Content-Type-Options: nosniff"));
    answer_fini(&answer);
    assert_int_equal(404, s_get("GET", WORLD_NO_OWNER, "", &answer));
    answer_fini(&answer);
    world_file_put(s_world, FILE_ID, "a.png", "image/png", s_bytes, 5);
    assert_int_equal(200, s_get("GET", ALICE, "", &answer));
    assert_true(head_has(&answer, "Content-Type: image/png"));
    assert_non_null(strstr(answer.head, "Content-Disposition: inline; "));
    answer_fini(&answer);
}

static void test_a_file_that_is_known_is_not_sent_again(void **state)
{
    (void)state;
    struct answer_text answer;
    world_file_put(s_world, FILE_ID, "a", "x/y", s_bytes, 100);
    assert_int_equal(304, s_get("GET", ALICE, "If-None-Match: \"01020300000000000000000000000000\"\r\n", &answer));
    answer_fini(&answer);
    assert_int_equal(200, s_get("GET", ALICE, "If-None-Match: \"99020300000000000000000000000000\"\r\n", &answer));
    answer_fini(&answer);
}

static void s_expect_range(const char *more, int status, size_t from, size_t len, const char *said)
{
    struct answer_text answer;
    assert_int_equal(status, s_get("GET", ALICE, more, &answer));
    if (status != 416) {
        assert_int_equal(len, answer.body_len);
        assert_memory_equal(s_bytes + from, answer.body, len);
    }
    if (said)
        assert_true(head_has(&answer, said));
    answer_fini(&answer);
}

static void test_a_range_is_given_wherever_it_begins_and_ends(void **state)
{
    (void)state;
    const size_t all = 2 * PIECE + 77;
    world_file_put(s_world, FILE_ID, "a", "x/y", s_bytes, all);
    s_expect_range("Range: bytes=0-0\r\n", 206, 0, 1, "Content-Range: bytes 0-0/262221");
    s_expect_range("Range: bytes=131070-131073\r\n", 206, PIECE - 2, 4, "Content-Range: bytes 131070-131073/262221");
    s_expect_range("Range: bytes=262220-\r\n", 206, all - 1, 1, NULL);
    s_expect_range("Range: bytes=5-999999999\r\n", 206, 5, all - 5, NULL);
    s_expect_range("Range: bytes=-7\r\n", 206, all - 7, 7, NULL);
    s_expect_range("Range: bytes=-999999999\r\n", 206, 0, all, NULL);
    s_expect_range("Range: bytes=262221-\r\n", 416, 0, 0, "Content-Range: bytes */262221");
    s_expect_range("Range: bytes=-0\r\n", 416, 0, 0, NULL);
    s_expect_range("Range: bytes=0-1,3-4\r\n", 200, 0, all, NULL);
    s_expect_range("Range: bytes=4-3\r\n", 200, 0, all, NULL);
    s_expect_range("Range: lines=0-1\r\n", 200, 0, all, NULL);
    s_expect_range("Range: bytes=0-1\r\nIf-Range: \"other\"\r\n", 200, 0, all, NULL);
    s_expect_range("Range: bytes=0-1\r\nIf-Range: \"01020300000000000000000000000000\"\r\n", 206, 0, 2, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_file_arrives_as_it_was_sent_in_pieces),
        cmocka_unit_test(test_an_image_is_found_by_its_bytes_and_one_that_is_only_said_is_none),
        cmocka_unit_test(test_a_file_at_the_bound_is_taken_and_one_byte_more_is_refused_before_the_first),
        cmocka_unit_test(test_who_may_not_write_is_refused_before_the_first_byte),
        cmocka_unit_test(test_an_upload_that_is_cut_is_given_up_at_once),
        cmocka_unit_test(test_one_person_uploads_three_files_at_once_and_no_fourth),
        cmocka_unit_test(test_one_edge_takes_32_uploads_at_once_and_no_more),
        cmocka_unit_test(test_one_person_downloads_twelve_files_at_once_and_no_further_one),
        cmocka_unit_test(test_one_edge_gives_128_files_at_once_and_no_more),
        cmocka_unit_test(test_a_file_is_given_whole_with_what_keeps_a_browser_safe),
        cmocka_unit_test(test_a_file_that_is_known_is_not_sent_again),
        cmocka_unit_test(test_a_range_is_given_wherever_it_begins_and_ends),
    };
    return cmocka_run_group_tests(tests, s_start, s_end);
}
