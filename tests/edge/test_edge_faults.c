/* A running edge among slow readers, lost frames, restarted rooms, and at its own end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "actors/runtime/metrics.h"
#include "edge_world.h"
#include "proto/close.h"
#include "raw_client.h"

static int64_t s_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct world *s_world;

static struct world *s_begin(const struct world_options *options)
{
    return s_world = world_start(options);
}

static int s_teardown(void **state)
{
    (void)state;
    if (s_world)
        world_stop(s_world);
    s_world = NULL;
    return 0;
}

static struct raw s_sign_in(struct world *world, uint64_t user)
{
    return ws_sign_in(world_port(world), world_token(user, user + 1000000, 600));
}

/* But for the rooms of the user, which are told anew when the owner of the inbox ended. */
static uint16_t s_next(struct raw *raw, struct msg *msg_out, int wait_ms)
{
    uint16_t type = MSG_ROOM_ADDED;
    for (int i = 0; type == MSG_ROOM_ADDED && i < 8; i++)
        type = ws_next_msg(raw, msg_out, wait_ms);
    return type;
}

static void s_expect_event(struct raw *raw, uint64_t seq)
{
    struct msg msg;
    assert_int_equal(MSG_EVENT, s_next(raw, &msg, RAW_WAIT_MS));
    assert_int_equal(seq, msg.as.event.seq);
}

static void test_slow_reader_is_told_of_a_gap_and_others_are_unaffected(void **state)
{
    (void)state;
    enum { LINES = 600, BYTES = 2000 };
    struct world *world = s_begin(NULL);
    struct raw fast = s_sign_in(world, 1);
    struct raw slow = raw_connect_slow(world_port(world), 4096);
    struct msg msg;
    assert_int_equal(101, ws_handshake(&slow, "rookery.v1.msgpack", NULL));
    assert_int_equal(MSG_HI, ws_next_msg(&slow, &msg, RAW_WAIT_MS));
    struct msg hello = {.type = MSG_HELLO, .as.hello = {.version = PROTO_VERSION, .device = view_of_text(""),
                                                        .token = view_of_text(world_token(2, 3, 600))}};
    ws_send(&slow, &hello);
    assert_int_equal(MSG_WELCOME, ws_next_msg(&slow, &msg, RAW_WAIT_MS));
    ws_show(&slow, WORLD_ROOM, 0);
    ws_show(&fast, WORLD_ROOM, 0);
    int64_t gaps = metric_value(METRIC_EDGE_GAPS), worst_ms = 0;
    for (uint64_t seq = 1; seq <= LINES; seq++) { /* 1.2 MB: more than every buffer between the two together */
        int64_t start_ms = s_now_ms();
        world_say(world, WORLD_ROOM, 1, BYTES);
        s_expect_event(&fast, seq);
        int64_t took_ms = s_now_ms() - start_ms;
        worst_ms = took_ms > worst_ms ? took_ms : worst_ms;
    }
    assert_int_equal(gaps + 1, metric_value(METRIC_EDGE_GAPS));
    assert_true(worst_ms < 2000);
    /* What the slow one gets is contiguous and ends with the gap that names its end. */
    uint64_t seq = 0;
    uint16_t type;
    while ((type = ws_next_msg(&slow, &msg, RAW_WAIT_MS)) == MSG_EVENT)
        assert_int_equal(++seq, msg.as.event.seq);
    assert_int_equal(MSG_GAP, type);
    assert_int_equal(seq, msg.as.gap.last);
    assert_true(seq < LINES);
    ws_show(&slow, WORLD_ROOM, seq); /* and from there it catches up */
    world_say(world, WORLD_ROOM, 1, BYTES);
    s_expect_event(&slow, LINES + 1);
    raw_close(&slow);
    raw_close(&fast);
}

static void test_reader_at_1_kb_per_s_costs_bounded_memory(void **state)
{
    (void)state;
    struct world *world = s_begin(NULL);
    struct raw slow = s_sign_in(world, 2), fast = s_sign_in(world, 1);
    ws_show(&slow, WORLD_ROOM, 0);
    ws_show(&fast, WORLD_ROOM, 0);
    enum { LIVELY_LINES = 1500 }; /* 6 MB: more than anything on the way holds */
    size_t read_bytes = 0;
    char sink[128];
    int64_t end_ms = s_now_ms() + 3000, next_ms = 0;
    uint64_t seq = 0;
    while (s_now_ms() < end_ms) {
        if (s_now_ms() >= next_ms) { /* 128 bytes each 125 ms */
            next_ms = s_now_ms() + 125;
            ssize_t got = read(slow.fd, sink, sizeof sink);
            read_bytes += got > 0 ? (size_t)got : 0;
        }
        if (seq == LIVELY_LINES) {
            usleep(10000);
            continue;
        }
        world_say(world, WORLD_ROOM, 1, 4000);
        s_expect_event(&fast, ++seq);
    }
    assert_true(read_bytes > 1000);
    /* All that was on its way: the kernel's buffers, one write of lws, the backlog. The gap is behind it. */
    slow.len = 0;
    while (raw_read(&slow, 1000))
        ;
    assert_true(slow.len < 640 * 1024);
    struct msg msg;
    bool found = false;
    for (size_t at = slow.len - 4; at-- > 0 && !found;) {
        size_t len = slow.bytes[at + 1];
        found = slow.bytes[at] == 0x82 && at + 2 + len <= slow.len &&
                !msg_decode(view_of(slow.bytes + at + 2, len), &msg) && msg.type == MSG_GAP;
    }
    assert_true(found);
    assert_true(msg.as.gap.last < seq);
    raw_close(&slow);
    raw_close(&fast);
}

static void test_hole_in_the_stream_is_healed_without_a_loss(void **state)
{
    (void)state;
    struct world *world = s_begin(NULL);
    struct raw one = s_sign_in(world, 1), two = s_sign_in(world, 2);
    ws_show(&one, WORLD_ROOM, 0);
    ws_show(&two, WORLD_ROOM, 0);
    world_say(world, WORLD_ROOM, 3, 10);
    world_skip_events(world, 4); /* 4 … 7 are committed but never streamed */
    world_say(world, WORLD_ROOM, 4, 10);
    world_say(world, WORLD_ROOM, 3, 10);
    for (uint64_t seq = 1; seq <= 10; seq++) {
        s_expect_event(&one, seq);
        s_expect_event(&two, seq);
    }
    raw_close(&one);
    raw_close(&two);
}

static void test_room_dropped_by_its_actor_is_attached_again(void **state)
{
    (void)state;
    struct world *world = s_begin(NULL);
    struct raw raw = s_sign_in(world, 1);
    ws_show(&raw, WORLD_ROOM, 0);
    world_say(world, WORLD_ROOM, 2, 10);
    world_drop_room(world, WORLD_ROOM);
    world_say(world, WORLD_ROOM, 1, 10);
    for (uint64_t seq = 1; seq <= 3; seq++)
        s_expect_event(&raw, seq);
    raw_close(&raw);
}

static void test_storage_may_answer_a_backfill_before_the_room_does(void **state)
{
    (void)state;
    struct world *world = s_begin(NULL);
    world_say(world, WORLD_ROOM, 5, 10);
    world_fetch(world, true);
    world_answer_early(world, true);
    struct raw raw = s_sign_in(world, 1);
    struct msg sub = {.type = MSG_SUB, .as.sub = {.room = WORLD_ROOM, .incarnation = 1}}, msg;
    ws_send(&raw, &sub);
    assert_int_equal(MSG_SUB_OK, ws_next_msg(&raw, &msg, RAW_WAIT_MS));
    for (uint64_t seq = 1; seq <= 5; seq++)
        s_expect_event(&raw, seq);
    assert_int_equal(MSG_LIVE, ws_next_msg(&raw, &msg, RAW_WAIT_MS));
    raw_close(&raw);
}

static void test_room_that_comes_back_is_attached_again(void **state)
{
    (void)state;
    struct world_options options = {.tcp = true};
    struct world *world = s_begin(&options);
    struct raw raw = s_sign_in(world, 1);
    ws_show(&raw, WORLD_ROOM, 0);
    world_say(world, WORLD_ROOM, 2, 10);
    s_expect_event(&raw, 1);
    s_expect_event(&raw, 2);
    int opens = world_seen(world).inbox_opens;
    world_restart_room(world);
    world_say(world, WORLD_ROOM, 3, 10); /* while the edge is not there yet */
    for (uint64_t seq = 3; seq <= 5; seq++)
        s_expect_event(&raw, seq);
    assert_true(world_seen(world).inbox_opens > opens);
    world_say(world, WORLD_ROOM, 1, 10);
    s_expect_event(&raw, 6);
    raw_close(&raw);
}

static void test_post_lost_on_its_way_is_repeated_unchanged(void **state)
{
    (void)state;
    struct world *world = s_begin(NULL);
    struct raw raw = s_sign_in(world, 1);
    struct msg msg;
    world_swallow_posts(world, 1);
    ws_post(&raw, WORLD_ROOM, 1, "x");
    assert_int_equal(MSG_ACK, ws_next_msg(&raw, &msg, 6000));
    assert_int_equal(1, msg.as.ack.seq);
    assert_int_equal(2, world_seen(world).posts);
    world_not_owner(world, 2); /* no answer for the browser: the edge asks again */
    ws_post(&raw, WORLD_ROOM, 2, "y");
    assert_int_equal(MSG_ACK, ws_next_msg(&raw, &msg, 6000));
    assert_int_equal(2, msg.as.ack.seq);
    assert_int_equal(2, world_seen(world).not_owner);
    raw_close(&raw);
}

static void test_post_sent_while_the_room_restarts_is_acked_once(void **state)
{
    (void)state;
    struct world_options options = {.tcp = true};
    struct world *world = s_begin(&options);
    struct raw raw = s_sign_in(world, 1);
    ws_show(&raw, WORLD_ROOM, 0);
    world_swallow_posts(world, 1000);
    ws_post(&raw, WORLD_ROOM, 1, "x");
    usleep(50000);
    world_restart_room(world);
    world_swallow_posts(world, 0);
    s_expect_event(&raw, 1);
    struct msg msg;
    assert_int_equal(MSG_ACK, s_next(&raw, &msg, RAW_WAIT_MS));
    assert_int_equal(MSG_NONE, s_next(&raw, &msg, 500));
    raw_close(&raw);
}

static void test_live_events_wait_behind_a_backfill_from_storage(void **state)
{
    (void)state;
    struct world *world = s_begin(NULL);
    world_say(world, WORLD_ROOM, 5, 10);
    world_fetch(world, true);
    world_hold_answers(world, true);
    struct raw raw = s_sign_in(world, 1);
    struct msg sub = {.type = MSG_SUB, .as.sub = {.room = WORLD_ROOM, .incarnation = 1}}, msg;
    ws_send(&raw, &sub);
    for (int i = 0; i < 100 && world_seen(world).attaches < 5; i++) /* 4 to watch, 1 to show */
        usleep(10000);
    usleep(50000);
    world_say(world, WORLD_ROOM, 2, 10);
    ws_post(&raw, WORLD_ROOM, 77, "mine");
    assert_int_equal(MSG_NONE, ws_next_msg(&raw, &msg, 300)); /* neither the events nor the ack overtake */
    world_hold_answers(world, false);
    assert_int_equal(MSG_SUB_OK, ws_next_msg(&raw, &msg, RAW_WAIT_MS));
    assert_int_equal(5, msg.as.sub_ok.head);
    for (uint64_t seq = 1; seq <= 5; seq++)
        s_expect_event(&raw, seq);
    assert_int_equal(MSG_LIVE, ws_next_msg(&raw, &msg, RAW_WAIT_MS));
    for (uint64_t seq = 6; seq <= 8; seq++)
        s_expect_event(&raw, seq);
    assert_int_equal(MSG_ACK, ws_next_msg(&raw, &msg, RAW_WAIT_MS));
    assert_int_equal(8, msg.as.ack.seq);
    raw_close(&raw);
}

static void test_what_is_held_behind_a_backfill_is_bounded_by_a_gap(void **state)
{
    (void)state;
    struct world *world = s_begin(NULL);
    world_say(world, WORLD_ROOM, 5, 10);
    world_fetch(world, true);
    world_hold_answers(world, true);
    struct raw raw = s_sign_in(world, 1);
    struct msg sub = {.type = MSG_SUB, .as.sub = {.room = WORLD_ROOM, .incarnation = 1}}, msg;
    ws_send(&raw, &sub);
    for (int i = 0; i < 100 && world_seen(world).attaches < 5; i++)
        usleep(10000);
    usleep(50000);
    world_say(world, WORLD_ROOM, 400, 10);
    usleep(300000);
    world_hold_answers(world, false);
    assert_int_equal(MSG_SUB_OK, ws_next_msg(&raw, &msg, RAW_WAIT_MS));
    uint64_t seq = 0;
    uint16_t type;
    while ((type = ws_next_msg(&raw, &msg, RAW_WAIT_MS)) == MSG_EVENT || type == MSG_LIVE)
        if (type == MSG_EVENT)
            assert_int_equal(++seq, msg.as.event.seq);
    assert_int_equal(MSG_GAP, type);
    assert_int_equal(seq, msg.as.gap.last);
    assert_int_equal(5 + LIM_OUTBOX_FRAMES, seq);
    world_fetch(world, false);
    ws_show(&raw, WORLD_ROOM, seq);
    raw_close(&raw);
}

static void test_backfill_that_comes_after_a_kick_is_dropped(void **state)
{
    (void)state;
    struct world *world = s_begin(NULL);
    world_say(world, WORLD_ROOM, 5, 10);
    world_fetch(world, true);
    world_hold_answers(world, true);
    struct raw raw = s_sign_in(world, 1);
    struct msg sub = {.type = MSG_SUB, .as.sub = {.room = WORLD_ROOM, .incarnation = 1}}, msg;
    ws_send(&raw, &sub);
    for (int i = 0; i < 100 && world_seen(world).attaches < 5; i++)
        usleep(10000);
    usleep(50000);
    world_kick(world, WORLD_ROOM, 1);
    assert_int_equal(MSG_KICK, ws_next_msg(&raw, &msg, RAW_WAIT_MS));
    world_hold_answers(world, false);
    assert_int_equal(MSG_NONE, ws_next_msg(&raw, &msg, 400));
    raw_close(&raw);
}

static void test_large_backfill_reaches_a_slow_reader_whole(void **state)
{
    (void)state;
    struct world *world = s_begin(NULL);
    world_say(world, WORLD_ROOM, 120, 3900); /* 470 kB: more than a backlog holds */
    struct raw raw = s_sign_in(world, 1);
    struct msg sub = {.type = MSG_SUB, .as.sub = {.room = WORLD_ROOM, .incarnation = 1}}, msg;
    ws_send(&raw, &sub);
    usleep(300000);
    assert_int_equal(MSG_SUB_OK, ws_next_msg(&raw, &msg, RAW_WAIT_MS));
    for (uint64_t seq = 1; seq <= 120; seq++)
        s_expect_event(&raw, seq);
    assert_int_equal(MSG_LIVE, ws_next_msg(&raw, &msg, RAW_WAIT_MS));
    raw_close(&raw);
}

static void test_rate_is_limited_and_a_flood_closes_with_4004(void **state)
{
    (void)state;
    struct world_options options = {.frames_per_s = 5, .frames_burst = 10};
    struct world *world = s_begin(&options);
    int64_t limited = metric_value(METRIC_EDGE_RATE_LIMITED);
    struct raw raw = s_sign_in(world, 1);
    int acks = 0, nacks = 0;
    for (uint64_t i = 0; i < 15; i++)
        ws_post(&raw, WORLD_ROOM, i, "x");
    struct msg msg;
    for (uint16_t type; acks + nacks < 15 && (type = ws_next_msg(&raw, &msg, RAW_WAIT_MS));) {
        acks += type == MSG_ACK;
        if (type == MSG_NACK) {
            nacks++;
            assert_int_equal(ERR_RATE_LIMITED, msg.as.nack.code);
            assert_true(msg.as.nack.retry_ms > 0);
            assert_false(msg.as.nack.final);
        }
    }
    assert_in_range(acks, 9, 11); /* hello took one */
    assert_int_equal(acks, world_seen(world).posts);
    assert_int_equal(limited + nacks, metric_value(METRIC_EDGE_RATE_LIMITED));
    for (uint64_t i = 0; i < 40; i++)
        ws_post(&raw, WORLD_ROOM, 100 + i, "x");
    assert_int_equal(CLOSE_RATE, ws_next_close(&raw, RAW_WAIT_MS));
    raw_close(&raw);
}

static void test_http_requests_of_an_address_are_limited(void **state)
{
    (void)state;
    struct world_options options = {.requests_per_s = 5, .requests_burst = 10};
    struct world *world = s_begin(&options);
    int limited = 0;
    for (int i = 0; i < 15; i++) {
        struct answer_text answer;
        if (http_once(world_port(world), "GET", "/api/v1/me", NULL, NULL, &answer) == 429) {
            limited++;
            assert_true(head_has(&answer, "Retry-After: "));
            assert_non_null(strstr(answer.body, "\"retry_ms\":"));
        }
        answer_fini(&answer);
    }
    assert_in_range(limited, 3, 6);
    struct answer_text answer; /* probes are not part of it */
    assert_int_equal(200, http_once(world_port(world), "GET", "/healthz", NULL, NULL, &answer));
    answer_fini(&answer);
}

static void test_signed_out_session_is_closed_and_refused_within_a_second(void **state)
{
    (void)state;
    struct world *world = s_begin(NULL);
    struct raw raw = ws_sign_in(world_port(world), world_token(1, 11, 600));
    struct raw other = ws_sign_in(world_port(world), world_token(1, 12, 600));
    int64_t start_ms = s_now_ms();
    world_revoke(world, 11);
    assert_int_equal(CLOSE_AUTH, ws_next_close(&raw, 2000));
    assert_true(s_now_ms() - start_ms < 1000);
    char header[2200];
    struct answer_text answer;
    snprintf(header, sizeof header, "Authorization: Bearer %s\r\n", world_token(1, 11, 600));
    assert_int_equal(401, http_once(world_port(world), "GET", "/api/v1/me", header, NULL, &answer));
    assert_non_null(strstr(answer.body, "token_revoked"));
    answer_fini(&answer);
    struct msg msg;
    ws_post(&other, WORLD_ROOM, 1, "x"); /* the user's other session goes on */
    assert_int_equal(MSG_ACK, ws_next_msg(&other, &msg, RAW_WAIT_MS));
    raw_close(&raw);
    raw_close(&other);
}

static void test_without_news_of_revocations_newcomers_wait_and_sockets_stay(void **state)
{
    (void)state;
    struct world *world = s_begin(NULL);
    struct raw raw = s_sign_in(world, 1);
    world_mute_persist(world, true);
    usleep((LIM_REVOCATION_STALE_MS + 800) * 1000);
    char header[2200];
    struct answer_text answer;
    snprintf(header, sizeof header, "Authorization: Bearer %s\r\n", world_token(1, 11, 600));
    assert_int_equal(503, http_once(world_port(world), "GET", "/api/v1/me", header, NULL, &answer));
    answer_fini(&answer);
    assert_int_equal(503, http_once(world_port(world), "GET", "/readyz", NULL, NULL, &answer));
    answer_fini(&answer);
    struct raw late = raw_connect(world_port(world));
    struct msg msg;
    assert_int_equal(101, ws_handshake(&late, "rookery.v1.msgpack", NULL));
    assert_int_equal(MSG_HI, ws_next_msg(&late, &msg, RAW_WAIT_MS));
    struct msg hello = {.type = MSG_HELLO, .as.hello = {.version = PROTO_VERSION, .device = view_of_text(""),
                                                        .token = view_of_text(world_token(2, 3, 600))}};
    ws_send(&late, &hello);
    assert_int_equal(MSG_ERR, ws_next_msg(&late, &msg, RAW_WAIT_MS));
    assert_int_equal(ERR_UNAVAILABLE, msg.as.err.code);
    assert_int_equal(CLOSE_RESYNC, ws_next_close(&late, RAW_WAIT_MS));
    ws_post(&raw, WORLD_ROOM, 1, "x");
    assert_int_equal(MSG_ACK, ws_next_msg(&raw, &msg, RAW_WAIT_MS));
    world_mute_persist(world, false);
    for (int i = 0, status = 503; status == 503; i++) {
        assert_true(i < 50);
        usleep(100000);
        status = http_once(world_port(world), "GET", "/readyz", NULL, NULL, &answer);
        answer_fini(&answer);
    }
    raw_close(&raw);
    raw_close(&late);
}

static void test_sockets_of_one_address_are_limited(void **state)
{
    (void)state;
    struct world_options options = {.connections_per_address = 5};
    struct world *world = s_begin(&options);
    struct raw raws[5];
    for (int i = 0; i < 5; i++)
        raws[i] = s_sign_in(world, (uint64_t)i + 1);
    struct raw more = raw_connect(world_port(world));
    struct answer_text answer;
    assert_int_equal(429, http_exchange(&more, "", &answer));
    answer_fini(&answer);
    raw_close(&more);
    raw_close(&raws[0]); /* one goes, one may come */
    int status = 0;
    for (int i = 0; i < 50 && status != 200; i++) {
        usleep(20000);
        status = http_once(world_port(world), "GET", "/healthz", NULL, NULL, &answer);
        answer_fini(&answer);
    }
    assert_int_equal(200, status);
    for (int i = 1; i < 5; i++)
        raw_close(&raws[i]);
}

static void test_full_edge_refuses_with_a_sentence(void **state)
{
    (void)state;
    struct world_options options = {.connections_max = 16};
    struct world *world = s_begin(&options);
    struct raw raws[16], more;
    for (int i = 0; i < 16; i++)
        raws[i] = raw_connect(world_port(world));
    usleep(100000);
    struct answer_text answer;
    more = raw_connect(world_port(world));
    assert_int_equal(503, http_exchange(&more, "", &answer));
    assert_true(head_has(&answer, "Retry-After: "));
    answer_fini(&answer);
    raw_close(&more);
    for (int i = 0; i < 16; i++)
        raw_close(&raws[i]);
}

/* Three quarters of 16 places: 12. */
static void test_crowded_edge_ends_the_silent_early_and_only_then(void **state)
{
    (void)state;
    struct world_options options = {.connections_max = 16};
    struct world *world = s_begin(&options);
    struct raw raws[13];
    int64_t before = metric_value(METRIC_HTTP_CROWDED_OUT);
    for (int i = 0; i < 12; i++)
        raws[i] = raw_connect(world_port(world));
    assert_false(raw_is_closed(&raws[0], 2500)); /* at the bound: they have their 10 s */
    assert_int_equal(before, metric_value(METRIC_HTTP_CROWDED_OUT));
    raws[12] = raw_connect(world_port(world));
    for (int i = 0; i < 150 && metric_value(METRIC_HTTP_CROWDED_OUT) == before; i++)
        usleep(20000);
    assert_int_equal(before + 1, metric_value(METRIC_HTTP_CROWDED_OUT)); /* one makes place, and it is enough */
    assert_false(raw_is_closed(&raws[12], 1500)); /* the newest is not the one */
    assert_int_equal(before + 1, metric_value(METRIC_HTTP_CROWDED_OUT));
    for (int i = 0; i < 13; i++)
        raw_close(&raws[i]);
}

static void test_end_tells_every_socket_when_to_come_back(void **state)
{
    (void)state;
    enum { SOCKETS = 40 };
    struct world *world = s_begin(NULL);
    struct raw raws[SOCKETS];
    for (int i = 0; i < SOCKETS; i++)
        raws[i] = s_sign_in(world, (uint64_t)i + 1);
    int64_t start_ms = s_now_ms();
    world_term(world);
    usleep(60000);
    struct answer_text answer;
    assert_int_equal(503, http_once(world_port(world), "GET", "/readyz", NULL, NULL, &answer));
    answer_fini(&answer);
    int64_t first_ms = 0, last_ms = 0;
    for (int i = SOCKETS; i-- > 0;) { /* the newest are told first */
        struct msg msg;
        assert_int_equal(MSG_DRAIN, ws_next_msg(&raws[i], &msg, RAW_WAIT_MS));
        assert_true(msg.as.drain.retry_ms > 0);
        assert_int_equal(1012, ws_next_close(&raws[i], RAW_WAIT_MS));
        last_ms = s_now_ms();
        first_ms = first_ms ? first_ms : last_ms;
        ws_frame(&raws[i], 0x88, "\x03\xf4", 2);
        raw_close(&raws[i]);
    }
    assert_true(last_ms - first_ms > 300); /* not all at once */
    assert_true(last_ms - start_ms < 4000);
    s_teardown(NULL);
    assert_true(s_now_ms() - start_ms < 6000);
}

static void test_end_does_not_wait_for_those_who_do_not_answer(void **state)
{
    (void)state;
    struct world *world = s_begin(NULL);
    struct raw raw = s_sign_in(world, 1);
    int64_t start_ms = s_now_ms();
    s_teardown(NULL);
    assert_true(s_now_ms() - start_ms < 6500);
    raw_close(&raw);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_slow_reader_is_told_of_a_gap_and_others_are_unaffected, s_teardown),
        cmocka_unit_test_teardown(test_reader_at_1_kb_per_s_costs_bounded_memory, s_teardown),
        cmocka_unit_test_teardown(test_hole_in_the_stream_is_healed_without_a_loss, s_teardown),
        cmocka_unit_test_teardown(test_room_dropped_by_its_actor_is_attached_again, s_teardown),
        cmocka_unit_test_teardown(test_storage_may_answer_a_backfill_before_the_room_does, s_teardown),
        cmocka_unit_test_teardown(test_room_that_comes_back_is_attached_again, s_teardown),
        cmocka_unit_test_teardown(test_post_lost_on_its_way_is_repeated_unchanged, s_teardown),
        cmocka_unit_test_teardown(test_post_sent_while_the_room_restarts_is_acked_once, s_teardown),
        cmocka_unit_test_teardown(test_live_events_wait_behind_a_backfill_from_storage, s_teardown),
        cmocka_unit_test_teardown(test_what_is_held_behind_a_backfill_is_bounded_by_a_gap, s_teardown),
        cmocka_unit_test_teardown(test_backfill_that_comes_after_a_kick_is_dropped, s_teardown),
        cmocka_unit_test_teardown(test_large_backfill_reaches_a_slow_reader_whole, s_teardown),
        cmocka_unit_test_teardown(test_rate_is_limited_and_a_flood_closes_with_4004, s_teardown),
        cmocka_unit_test_teardown(test_http_requests_of_an_address_are_limited, s_teardown),
        cmocka_unit_test_teardown(test_signed_out_session_is_closed_and_refused_within_a_second, s_teardown),
        cmocka_unit_test_teardown(test_without_news_of_revocations_newcomers_wait_and_sockets_stay, s_teardown),
        cmocka_unit_test_teardown(test_sockets_of_one_address_are_limited, s_teardown),
        cmocka_unit_test_teardown(test_full_edge_refuses_with_a_sentence, s_teardown),
        cmocka_unit_test_teardown(test_crowded_edge_ends_the_silent_early_and_only_then, s_teardown),
        cmocka_unit_test_teardown(test_end_tells_every_socket_when_to_come_back, s_teardown),
        cmocka_unit_test_teardown(test_end_does_not_wait_for_those_who_do_not_answer, s_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
