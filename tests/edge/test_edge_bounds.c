/* What a browser may send, at each bound and one past it, on a running edge: what is within is taken, what is past it gets
 * its code, and each refusal shows in its counter. Bounds of rooms, names and pages beyond the edge are tested where
 * they are decided. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "actors/runtime/metrics.h"
#include "edge/session.h"
#include "edge/ws.h"
#include "edge_world.h"
#include "proto/close.h"
#include "raw_client.h"

enum { JUST = 600, BYTES_MAX = 64 * 1024 };

static struct world *s_world;

static int s_start(void **state)
{
    (void)state;
    s_world = world_start(&(struct world_options){.connections_per_address = 1000});
    return 0;
}

static int s_end(void **state)
{
    (void)state;
    world_stop(s_world);
    return 0;
}

static int64_t s_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static struct raw s_sign_in(uint64_t user)
{
    return ws_sign_in(world_port(s_world), world_token(user, user + 1000000, 600));
}

static struct raw s_open(void)
{
    struct raw raw = raw_connect(world_port(s_world));
    assert_int_equal(101, ws_handshake(&raw, WS_PROTOCOL_MSGPACK, NULL));
    assert_true(ws_next(&raw, RAW_WAIT_MS) != 0); /* hi */
    return raw;
}

/* The bytes go out as one message. Expects the close code and that the counter says one more; 0: an ack, none of either. */
static void s_expect(struct raw *raw, const void *bytes, size_t len, int close_code, metric_t counter)
{
    int64_t before = metric_value(counter), refused = metric_value(METRIC_EDGE_REFUSED);
    struct msg msg;
    ws_frame(raw, 0x82, bytes, len);
    if (close_code) {
        assert_int_equal(close_code, ws_next_close(raw, RAW_WAIT_MS));
        assert_int_equal(refused + 1, metric_value(METRIC_EDGE_REFUSED));
    } else {
        assert_int_equal(MSG_ACK, ws_next_msg(raw, &msg, RAW_WAIT_MS));
    }
    assert_int_equal(before + (close_code != 0), metric_value(counter));
    raw_close(raw);
}

static buffer_t s_encoded(const struct msg *msg)
{
    buffer_t bytes;
    buffer_init(&bytes, BYTES_MAX);
    assert_int_equal(ERR_OK, msg_encode(msg, &bytes));
    return bytes;
}

/* One element or byte more than the bound: `count` is where its length stands, big endian; `more` goes behind `at`. */
static buffer_t s_with_one_more(const buffer_t *bytes, const void *count, size_t count_len, size_t at, const void *more, size_t len)
{
    buffer_t out;
    buffer_init(&out, BYTES_MAX);
    const uint8_t *found = memmem(bytes->bytes, bytes->len, count, count_len);
    assert_non_null(found);
    size_t last = (size_t)(found - bytes->bytes) + count_len - 1;
    assert_int_equal(ERR_OK, buffer_append(&out, bytes->bytes, at));
    assert_int_equal(ERR_OK, buffer_append(&out, more, len));
    assert_int_equal(ERR_OK, buffer_append(&out, bytes->bytes + at, bytes->len - at));
    out.bytes[last]++;
    return out;
}

static struct msg s_post_of(view_t text, uint64_t number)
{
    return (struct msg){.type = MSG_ROOM_POST,
                        .as.room_post = {.room = WORLD_ROOM, .client_id = cid_of(number), .text = text}};
}

static void test_text_of_4096_bytes_and_one_more(void **state)
{
    (void)state;
    static char text[LIM_TEXT_BYTES_MAX];
    static const uint8_t count[] = {0xda, LIM_TEXT_BYTES_MAX >> 8, LIM_TEXT_BYTES_MAX & 0xff};
    memset(text, 't', sizeof text);
    struct msg post = s_post_of(view_of(text, sizeof text), 1);
    buffer_t bytes = s_encoded(&post);
    struct raw raw = s_sign_in(1);
    s_expect(&raw, bytes.bytes, bytes.len, 0, METRIC_EDGE_BAD_FRAMES);
    const uint8_t *at = memmem(bytes.bytes, bytes.len, count, sizeof count);
    buffer_t more = s_with_one_more(&bytes, count, sizeof count, (size_t)(at - bytes.bytes) + sizeof count, "t", 1);
    raw = s_sign_in(1);
    s_expect(&raw, more.bytes, more.len, CLOSE_BAD_FRAME, METRIC_EDGE_BAD_FRAMES);
    buffer_fini(&more);
    buffer_fini(&bytes);
}

static void test_text_that_is_no_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        bool good;
    } texts[] = {{"\xf0\x9f\x90\xa6", true}, {"\xf4\x8f\xbf\xbf", true}, {"\xed\x9f\xbf", true}, {"a\tb\n", true},
                 {"\xf4\x90\x80\x80", false}, {"\xed\xa0\x80", false}, {"\xc0\x80", false}, {"\x80", false},
                 {"\xf0\x9f\x90", false}, {"a\x7f", false}, {"a\x1b[m", false}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char clean[16];
        size_t len = strlen(texts[i].bytes);
        memset(clean, '~', len);
        struct msg post = s_post_of(view_of(clean, len), 100 + i);
        buffer_t bytes = s_encoded(&post);
        uint8_t *at = memmem(bytes.bytes, bytes.len, clean, len);
        assert_non_null(at);
        memcpy(at, texts[i].bytes, len);
        struct raw raw = s_sign_in(1);
        s_expect(&raw, bytes.bytes, bytes.len, texts[i].good ? 0 : CLOSE_BAD_FRAME, METRIC_EDGE_BAD_FRAMES);
        buffer_fini(&bytes);
    }
}

static void test_a_message_of_16_kib_and_one_more(void **state)
{
    (void)state;
    uint8_t *bytes = calloc(1, LIM_CLIENT_FRAME_BYTES_MAX + 1);
    int64_t large = metric_value(METRIC_EDGE_TOO_LARGE);
    struct raw raw = s_sign_in(1);
    s_expect(&raw, bytes, LIM_CLIENT_FRAME_BYTES_MAX, CLOSE_BAD_FRAME, METRIC_EDGE_BAD_FRAMES); /* read, and no message */
    assert_int_equal(large, metric_value(METRIC_EDGE_TOO_LARGE));
    raw = s_sign_in(1);
    s_expect(&raw, bytes, LIM_CLIENT_FRAME_BYTES_MAX + 1, CLOSE_TOO_LARGE, METRIC_EDGE_TOO_LARGE);
    free(bytes);
}

static void test_what_is_not_a_browsers_to_send(void **state)
{
    (void)state;
    static const uint16_t types[] = {MSG_LIVE, MSG_AUTH_OK, MSG_STORE_OK, MSG_LINK_TICK};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct msg msg = {.type = types[i]};
        buffer_t bytes = s_encoded(&msg);
        struct raw raw = s_sign_in(1);
        s_expect(&raw, bytes.bytes, bytes.len, CLOSE_BAD_FRAME, METRIC_EDGE_UNEXPECTED);
        buffer_fini(&bytes);
    }
    struct raw raw = s_sign_in(1); /* a second hello */
    struct msg hello = {.type = MSG_HELLO, .as.hello = {.version = PROTO_VERSION, .token = view_of_text("x")}};
    buffer_t bytes = s_encoded(&hello);
    s_expect(&raw, bytes.bytes, bytes.len, CLOSE_BAD_FRAME, METRIC_EDGE_UNEXPECTED);
    buffer_fini(&bytes);
}

/* A text message on the socket of MessagePack. */
static void test_messages_of_the_other_kind(void **state)
{
    (void)state;
    int64_t bad = metric_value(METRIC_EDGE_BAD_FRAMES);
    struct raw raw = s_sign_in(1);
    ws_frame(&raw, 0x81, "{}", 2);
    assert_int_equal(CLOSE_BAD_FRAME, ws_next_close(&raw, RAW_WAIT_MS));
    assert_int_equal(bad + 1, metric_value(METRIC_EDGE_BAD_FRAMES));
    raw_close(&raw);
}

static void test_hello_with_512_rooms_and_one_more(void **state)
{
    (void)state;
    list_writer_t subs;
    list_writer_init(&subs, BYTES_MAX);
    struct rec_sub sub = {.room = WORLD_STRANGE_ROOM, .incarnation = 1, .live = false};
    for (int i = 0; i < LIM_SUBS_MAX; i++)
        assert_int_equal(ERR_OK, rec_sub_append(&subs, &sub));
    struct msg hello = {.type = MSG_HELLO, .as.hello = {.version = PROTO_VERSION, .device = view_of_text(""),
                                                        .token = view_of_text(world_token(1, 2, 600)),
                                                        .subs = list_of(&subs)}}, msg;
    buffer_t bytes = s_encoded(&hello);
    struct raw raw = s_open();
    ws_frame(&raw, 0x82, bytes.bytes, bytes.len);
    assert_int_equal(MSG_WELCOME, ws_next_msg(&raw, &msg, RAW_WAIT_MS));
    raw_close(&raw);
    static const uint8_t count[] = {0xdc, LIM_SUBS_MAX >> 8, LIM_SUBS_MAX & 0xff};
    const uint8_t *list = memmem(bytes.bytes, bytes.len, count, sizeof count);
    assert_non_null(list);
    size_t begin = (size_t)(list - bytes.bytes) + sizeof count, one = (bytes.len - begin) / LIM_SUBS_MAX;
    assert_int_equal(bytes.len, begin + one * LIM_SUBS_MAX); /* the list ends the message */
    buffer_t more = s_with_one_more(&bytes, count, sizeof count, begin, bytes.bytes + begin, one);
    raw = s_open();
    s_expect(&raw, more.bytes, more.len, CLOSE_BAD_FRAME, METRIC_EDGE_BAD_FRAMES);
    buffer_fini(&more);
    buffer_fini(&bytes);
    list_writer_fini(&subs);
}

static void test_a_token_of_4096_bytes_and_one_more(void **state)
{
    (void)state;
    static char token[LIM_TOKEN_BYTES_MAX];
    static const uint8_t count[] = {0xda, LIM_TOKEN_BYTES_MAX >> 8, LIM_TOKEN_BYTES_MAX & 0xff};
    memset(token, 'k', sizeof token);
    struct msg hello = {.type = MSG_HELLO, .as.hello = {.version = PROTO_VERSION, .device = view_of_text(""),
                                                        .token = view_of(token, sizeof token)}};
    buffer_t bytes = s_encoded(&hello);
    struct raw raw = s_open();
    ws_frame(&raw, 0x82, bytes.bytes, bytes.len);
    assert_int_equal(CLOSE_AUTH, ws_next_close(&raw, RAW_WAIT_MS)); /* read, and no token */
    raw_close(&raw);
    const uint8_t *at = memmem(bytes.bytes, bytes.len, count, sizeof count);
    buffer_t more = s_with_one_more(&bytes, count, sizeof count, (size_t)(at - bytes.bytes) + sizeof count, "k", 1);
    raw = s_open();
    s_expect(&raw, more.bytes, more.len, CLOSE_BAD_FRAME, METRIC_EDGE_BAD_FRAMES);
    buffer_fini(&more);
    buffer_fini(&bytes);
}

static void test_64_sockets_of_one_user_and_one_more(void **state)
{
    (void)state;
    static struct raw raws[SESSION_PER_USER_MAX];
    for (int i = 0; i < SESSION_PER_USER_MAX; i++)
        raws[i] = s_sign_in(777);
    struct raw raw = s_open();
    struct msg hello = {.type = MSG_HELLO, .as.hello = {.version = PROTO_VERSION, .device = view_of_text(""),
                                                        .token = view_of_text(world_token(777, 778, 600))}};
    ws_send(&raw, &hello);
    assert_int_equal(CLOSE_TOO_MANY, ws_next_close(&raw, RAW_WAIT_MS));
    raw_close(&raw);
    for (int i = 0; i < SESSION_PER_USER_MAX; i++)
        raw_close(&raws[i]);
}

static void test_128_posts_without_an_answer_and_one_more(void **state)
{
    (void)state;
    struct raw raw = s_sign_in(1);
    struct msg msg;
    world_swallow_posts(s_world, 100000);
    for (uint64_t i = 0; i < SESSION_POSTS_MAX; i++)
        ws_post(&raw, WORLD_ROOM, 5000 + i, "x");
    assert_int_equal(MSG_NONE, ws_next_msg(&raw, &msg, JUST));
    ws_post(&raw, WORLD_ROOM, 6000, "x");
    assert_int_equal(MSG_NACK, ws_next_msg(&raw, &msg, RAW_WAIT_MS));
    assert_int_equal(ERR_OVERLOADED, msg.as.nack.code);
    assert_true(cid_is_equal(&msg.as.nack.client_id, &(cid_t[]){cid_of(6000)}[0]));
    world_swallow_posts(s_world, 0);
    raw_close(&raw);
}

/* True: refused by the edge as out of range, and counted. (The actors of this world do not know every question.) */
static bool s_is_past(const char *path)
{
    char headers[2600];
    struct answer_text answer;
    snprintf(headers, sizeof headers, "Authorization: Bearer %s\r\n", world_token(7, 8, 600));
    int64_t refused = metric_value(METRIC_EDGE_REFUSED);
    int status = http_once(world_port(s_world), "GET", path, headers, NULL, &answer);
    bool past = status == 400 && strstr(answer.body, "out_of_range");
    assert_int_equal(refused + (status >= 400), metric_value(METRIC_EDGE_REFUSED));
    answer_fini(&answer);
    return past;
}

static void test_pages_and_lists_over_http_at_their_bounds(void **state)
{
    (void)state;
    char path[1200], long_query[LIM_QUERY_BYTES_MAX + 2];
    size_t len = (size_t)snprintf(path, sizeof path, "/api/v1/users?ids=1");
    for (int i = 1; i <= LIM_USERS_PAGE_MAX; i++) {
        assert_false(i == LIM_USERS_PAGE_MAX && s_is_past(path));
        len += (size_t)snprintf(path + len, sizeof path - len, ",%d", i % 9 + 1);
    }
    assert_true(s_is_past(path));
    assert_false(s_is_past("/api/v1/rooms?limit=100"));
    assert_true(s_is_past("/api/v1/rooms?limit=101"));
    assert_true(s_is_past("/api/v1/rooms?limit=0"));
    assert_false(s_is_past("/api/v1/rooms/1000/members?limit=200"));
    assert_true(s_is_past("/api/v1/rooms/1000/members?limit=201"));
    assert_false(s_is_past("/api/v1/rooms/1000/members?query=m&limit=200"));
    assert_true(s_is_past("/api/v1/rooms/1000/members?query=m&limit=201"));
    assert_true(s_is_past("/api/v1/rooms/1000/members?query=m&limit=0"));
    assert_true(s_is_past("/api/v1/rooms/1000/members?query="));
    assert_true(s_is_past("/api/v1/rooms/1000/members?query=m&after_user=1")); /* a page of what was found there is not */
    assert_false(s_is_past("/api/v1/rooms/1000/messages?limit=100"));
    assert_true(s_is_past("/api/v1/rooms/1000/messages?limit=101"));
    assert_false(s_is_past("/api/v1/rooms/1000/pins?limit=50"));
    assert_true(s_is_past("/api/v1/rooms/1000/pins?limit=51"));
    len = (size_t)snprintf(path, sizeof path, "/api/v1/rooms/1000/messages?seqs=1");
    for (int i = 2; i <= LIM_LINES_GET_MAX; i++)
        len += (size_t)snprintf(path + len, sizeof path - len, ",%d", i);
    assert_false(s_is_past(path));
    snprintf(path + len, sizeof path - len, ",%d", LIM_LINES_GET_MAX + 1);
    assert_true(s_is_past(path));
    memset(long_query, 'q', sizeof long_query - 1);
    long_query[sizeof long_query - 1] = '\0';
    snprintf(path, sizeof path, "/api/v1/rooms?query=%s", long_query);
    assert_true(s_is_past(path));
    path[strlen(path) - 1] = '\0';
    assert_false(s_is_past(path));
    snprintf(path, sizeof path, "/api/v1/rooms/1000/members?query=%s", long_query);
    assert_true(s_is_past(path));
    path[strlen(path) - 1] = '\0';
    assert_false(s_is_past(path));
}

/* 35 s without a sign of life end a socket; one that only answers pings stays. */
static void test_silence_of_35_s_ends_a_socket_and_pongs_keep_one(void **state)
{
    (void)state;
    struct raw silent = s_sign_in(1), alive = s_sign_in(2);
    int64_t from_ms = s_now_ms(), until_ms = from_ms + LIM_PONG_MS - 1000;
    while (s_now_ms() < until_ms) {
        int opcode = ws_next(&alive, 500);
        assert_int_not_equal(8, opcode);
        if (opcode == 9)
            ws_frame(&alive, 0x8a, alive.frame, alive.frame_len);
    }
    assert_false(raw_is_closed(&silent, 10));
    assert_int_equal(CLOSE_NO_PONG, ws_next_close(&silent, 5000));
    assert_in_range(s_now_ms() - from_ms, LIM_PONG_MS, LIM_PONG_MS + 5000);
    assert_int_equal(0, ws_next_close(&alive, 1000));
    raw_close(&silent);
    raw_close(&alive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_of_4096_bytes_and_one_more),
        cmocka_unit_test(test_text_that_is_no_utf8),
        cmocka_unit_test(test_a_message_of_16_kib_and_one_more),
        cmocka_unit_test(test_what_is_not_a_browsers_to_send),
        cmocka_unit_test(test_messages_of_the_other_kind),
        cmocka_unit_test(test_hello_with_512_rooms_and_one_more),
        cmocka_unit_test(test_a_token_of_4096_bytes_and_one_more),
        cmocka_unit_test(test_64_sockets_of_one_user_and_one_more),
        cmocka_unit_test(test_128_posts_without_an_answer_and_one_more),
        cmocka_unit_test(test_pages_and_lists_over_http_at_their_bounds),
        cmocka_unit_test(test_silence_of_35_s_ends_a_socket_and_pongs_keep_one),
    };
    return cmocka_run_group_tests(tests, s_start, s_end);
}
