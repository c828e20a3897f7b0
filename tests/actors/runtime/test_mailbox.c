/* Two mailboxes in one thread, over inproc and over tcp; the tests say what time it is. A raw socket plays the peers
 * that lose, garble or forget. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <czmq.h>

#include "actors/runtime/keys.h"
#include "actors/runtime/mailbox.h"
#include "actors/runtime/metrics.h"

enum { T0_MS = 1000000, QUIET_MS = 30, ARRIVE_MS = 5000, FRAMES_MAX = 8192 };

#define ROOM address_make(ROLE_ROOM, 0, 0x1111)
#define ROOM_REBORN address_make(ROLE_ROOM, 0, 0x1112)
#define EDGE address_make(ROLE_EDGE, 3, 0x2222)
#define EDGE_REBORN address_make(ROLE_EDGE, 3, 0x2223)

struct side {
    mailbox_t *mailbox;
    peer_event_t events[64];
    address_t peers[64];
    size_t event_count;
    uint64_t frames[FRAMES_MAX]; /* correlation of each, in order */
    uint64_t numbers[FRAMES_MAX];
    size_t frame_count;
    size_t frames_before_event; /* frames that had come when the last event did */
};

struct world {
    bool tcp;
    int64_t now_ms;
    struct side room, edge;
    void *raw; /* instead of edge */
    char endpoint[64];
};

/* ---- driving --------------------------------------------------------------------------------------------------- */

static bool s_read_all(struct world *w, struct side *side)
{
    if (!side->mailbox)
        return false;
    struct mail mail;
    mail_kind_t kind;
    bool any = false;
    while ((kind = mailbox_next(side->mailbox, w->now_ms, &mail)) != MAIL_EMPTY) {
        any = true;
        if (kind == MAIL_EVENT) {
            assert_true(side->event_count < 64);
            side->frames_before_event = side->frame_count;
            side->peers[side->event_count] = mail.peer;
            side->events[side->event_count++] = mail.event;
        } else if (kind == MAIL_FRAME) {
            assert_true(side->frame_count < FRAMES_MAX);
            side->numbers[side->frame_count] = mail.env.link_seq;
            side->frames[side->frame_count++] = mail.env.correlation;
        }
    }
    mailbox_flush(side->mailbox);
    return any;
}

/* Until nothing has moved for QUIET_MS (tcp), or for two rounds (inproc: what is sent is there). */
static void s_settle(struct world *w)
{
    for (int quiet = 0; quiet < 2;) {
        bool moved = s_read_all(w, &w->room);
        moved |= s_read_all(w, &w->edge);
        quiet = moved ? 0 : quiet + 1;
        zmq_pollitem_t items[2];
        int count = 0;
        if (w->room.mailbox)
            items[count++] = (zmq_pollitem_t){mailbox_socket(w->room.mailbox), 0, ZMQ_POLLIN, 0};
        if (w->edge.mailbox)
            items[count++] = (zmq_pollitem_t){mailbox_socket(w->edge.mailbox), 0, ZMQ_POLLIN, 0};
        zmq_poll(items, count, w->tcp ? QUIET_MS / 2 : 0);
    }
}

static void s_settle_until_events(struct world *w, const struct side *side, size_t events)
{
    int64_t until = zclock_mono() + ARRIVE_MS;
    while (side->event_count < events && zclock_mono() < until)
        s_settle(w);
    assert_int_equal(side->event_count, events);
}

static void s_settle_until_frames(struct world *w, const struct side *side, size_t frames)
{
    int64_t until = zclock_mono() + ARRIVE_MS;
    while (side->frame_count < frames && zclock_mono() < until)
        s_settle(w);
    assert_int_equal(side->frame_count, frames);
}

/* Both actors' loops, 50 ms by 50 ms. */
static void s_pass(struct world *w, int64_t ms)
{
    for (int64_t end = w->now_ms + ms; w->now_ms < end;) {
        w->now_ms += 50;
        if (w->room.mailbox)
            mailbox_on_tick(w->room.mailbox, w->now_ms, true);
        if (w->edge.mailbox)
            mailbox_on_tick(w->edge.mailbox, w->now_ms, true);
        if (w->room.mailbox)
            mailbox_flush(w->room.mailbox);
        if (w->edge.mailbox)
            mailbox_flush(w->edge.mailbox);
        if (!w->tcp)
            s_settle(w);
    }
    s_settle(w);
}

static void s_forget(struct side *side)
{
    side->event_count = side->frame_count = side->frames_before_event = 0;
}

static err_t s_send_sized(struct side *from, address_t to, uint64_t tag, uint16_t flags, size_t bytes)
{
    static uint8_t body[LIM_LINK_FRAME_BYTES_MAX + 1];
    struct envelope env = {.type = MSG_ERR, .flags = flags, .correlation = tag};
    return mailbox_send(from->mailbox, to, &env, view_of(body, bytes));
}

/* A frame of a stream: an answer, so that a refused one must be noticed by the receiver. */
static err_t s_send(struct side *from, address_t to, uint64_t tag)
{
    return s_send_sized(from, to, tag, ENVELOPE_REPLY, 100);
}

/* ---- the worlds ------------------------------------------------------------------------------------------------- */

static struct world *s_world(bool tcp)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->tcp = tcp;
    w->now_ms = T0_MS;
    const char *endpoint = tcp ? "tcp://127.0.0.1:*" : "inproc://test-room";
    w->room.mailbox = mailbox_bind(ROOM, endpoint, w->now_ms);
    assert_non_null(w->room.mailbox);
    snprintf(w->endpoint, sizeof w->endpoint, "%s", mailbox_endpoint(w->room.mailbox));
    return w;
}

static void s_connect(struct world *w, address_t edge)
{
    w->edge.mailbox = mailbox_connect(edge, address_stable(ROOM), w->endpoint, w->now_ms);
    assert_non_null(w->edge.mailbox);
}

static int s_setup(void **state)
{
    bool tcp = *state != NULL;
    struct world *w = s_world(tcp);
    s_connect(w, EDGE);
    s_settle_until_events(w, &w->room, 1);
    s_settle_until_events(w, &w->edge, 1);
    *state = w;
    return 0;
}

static void s_raw_put(struct world *w, struct envelope *env, const struct msg *msg)
{
    buffer_t body;
    buffer_init(&body, 8192);
    assert_int_equal(msg_encode(msg, &body), ERR_OK);
    uint8_t frame[ENVELOPE_BYTES + 1024];
    assert_true(body.len <= 1024);
    env->type = msg->type;
    env->from = env->from ? env->from : EDGE;
    envelope_write(env, frame);
    memcpy(frame + ENVELOPE_BYTES, body.bytes, body.len);
    assert_true(zmq_send(w->raw, frame, ENVELOPE_BYTES + body.len, 0) > 0);
    buffer_fini(&body);
}

static void s_raw_hello(struct world *w, address_t from)
{
    struct msg msg = {.type = MSG_LINK_HELLO};
    msg.as.link_hello.version = PROTO_VERSION;
    msg.as.link_hello.nonce = address_nonce(from);
    struct envelope env = {.from = from};
    s_raw_put(w, &env, &msg);
}

static void s_raw_frame(struct world *w, address_t from, uint64_t number)
{
    struct msg msg = {.type = MSG_STORE_OK};
    struct envelope env = {.from = from, .link_seq = number, .correlation = number};
    s_raw_put(w, &env, &msg);
}

static void s_raw_tick(struct world *w, address_t from, uint64_t last, uint64_t confirmed)
{
    struct msg msg = {.type = MSG_LINK_TICK};
    msg.as.link_tick.last = last;
    struct envelope env = {.from = from, .correlation = confirmed};
    s_raw_put(w, &env, &msg);
}

static int s_setup_raw(void **state)
{
    bool tcp = *state != NULL;
    struct world *w = s_world(tcp);
    w->raw = zmq_socket(zsys_init(), ZMQ_DEALER);
    assert_non_null(w->raw);
    uint8_t id[8];
    for (int i = 0; i < 8; i++)
        id[i] = (uint8_t)(address_stable(EDGE) >> (56 - 8 * i));
    zmq_setsockopt(w->raw, ZMQ_ROUTING_ID, id, sizeof id);
    int linger = 0;
    zmq_setsockopt(w->raw, ZMQ_LINGER, &linger, sizeof linger);
    assert_int_equal(zmq_connect(w->raw, w->endpoint), 0);
    *state = w;
    return 0;
}

static int s_teardown(void **state)
{
    struct world *w = *state;
    if (w->raw)
        zmq_close(w->raw);
    mailbox_destroy(&w->edge.mailbox);
    mailbox_destroy(&w->room.mailbox);
    free(w);
    return 0;
}

/* ---- claims ----------------------------------------------------------------------------------------------------- */

static void test_hello_tells_each_side_of_the_other_with_its_nonce(void **state)
{
    struct world *w = *state;
    assert_int_equal(w->room.events[0], PEER_UP);
    assert_true(w->room.peers[0] == EDGE);
    assert_int_equal(w->edge.events[0], PEER_UP);
    assert_true(w->edge.peers[0] == ROOM);
    s_pass(w, 3000);
    assert_int_equal(w->room.event_count, 1);
    assert_int_equal(w->edge.event_count, 1);
}

static void test_frames_keep_their_order_both_ways_and_are_numbered_from_1(void **state)
{
    struct world *w = *state;
    for (uint64_t i = 1; i <= 2000; i++) {
        assert_int_equal(s_send(&w->edge, ROOM, i), ERR_OK);
        assert_int_equal(s_send(&w->room, EDGE, 10000 + i), ERR_OK);
    }
    s_settle_until_frames(w, &w->room, 2000);
    s_settle_until_frames(w, &w->edge, 2000);
    for (uint64_t i = 0; i < 2000; i++) {
        assert_int_equal(w->room.frames[i], i + 1);
        assert_int_equal(w->edge.frames[i], 10001 + i);
        assert_int_equal(w->room.numbers[i], i + 1);
        assert_int_equal(w->edge.numbers[i], i + 1);
    }
}

static void test_frames_sent_before_the_first_hello_arrive(void **state)
{
    struct world *w = *state; /* from s_setup_raw: no edge yet */
    zmq_close(w->raw);
    w->raw = NULL;
    s_settle(w);
    s_connect(w, EDGE);
    assert_int_equal(s_send(&w->edge, address_stable(ROOM), 1), ERR_OK);
    assert_int_equal(s_send(&w->edge, address_stable(ROOM), 2), ERR_OK);
    s_settle_until_frames(w, &w->room, 2);
    assert_int_equal(w->room.event_count, 1);
    assert_int_equal(w->room.frames_before_event, 0);
}

static void test_a_router_knows_nobody_who_did_not_speak(void **state)
{
    struct world *w = *state;
    assert_int_equal(s_send(&w->room, address_make(ROLE_EDGE, 4, 0), 1), ERR_NOT_FOUND);
}

static void test_what_is_for_another_boot_is_not_sent(void **state)
{
    struct world *w = *state;
    assert_int_equal(s_send(&w->room, EDGE_REBORN, 1), ERR_NOT_FOUND);
    assert_int_equal(s_send(&w->room, EDGE, 2), ERR_OK);
    assert_int_equal(s_send(&w->room, address_stable(EDGE), 3), ERR_OK);
    assert_int_equal(s_send(&w->edge, ROOM_REBORN, 4), ERR_NOT_FOUND);
    s_settle_until_frames(w, &w->edge, 2);
}

static void test_a_missing_frame_is_a_hole_told_before_the_next(void **state)
{
    struct world *w = *state;
    s_raw_hello(w, EDGE);
    s_raw_frame(w, EDGE, 1);
    s_raw_frame(w, EDGE, 2);
    s_raw_frame(w, EDGE, 4);
    s_raw_frame(w, EDGE, 5);
    s_settle_until_events(w, &w->room, 2);
    assert_int_equal(w->room.events[1], PEER_HOLE);
    assert_int_equal(w->room.frames_before_event, 2);
    s_settle_until_frames(w, &w->room, 4);
}

static void test_a_lost_last_frame_is_noticed_by_the_next_tick_once(void **state)
{
    struct world *w = *state;
    s_raw_hello(w, EDGE);
    s_raw_frame(w, EDGE, 1);
    s_raw_tick(w, EDGE, 2, 0);
    s_raw_tick(w, EDGE, 2, 0);
    s_raw_frame(w, EDGE, 3);
    s_settle_until_frames(w, &w->room, 2);
    assert_int_equal(w->room.event_count, 2);
    assert_int_equal(w->room.events[1], PEER_HOLE);
    assert_int_equal(w->room.frames_before_event, 1);
}

static void test_a_tick_with_the_last_number_goes_each_250_ms(void **state)
{
    struct world *w = *state;
    s_raw_hello(w, EDGE);
    s_settle_until_events(w, &w->room, 1);
    assert_int_equal(s_send(&w->room, EDGE, 1), ERR_OK);
    assert_int_equal(s_send(&w->room, EDGE, 2), ERR_OK);
    s_pass(w, 1000);
    int ticks = 0, hellos = 0, frames = 0, wait_ms = ARRIVE_MS;
    zmq_setsockopt(w->raw, ZMQ_RCVTIMEO, &wait_ms, sizeof wait_ms);
    while (ticks < 4) {
        uint8_t bytes[512];
        int len = zmq_recv(w->raw, bytes, sizeof bytes, 0);
        assert_true(len > ENVELOPE_BYTES);
        struct envelope env;
        assert_int_equal(envelope_read(bytes, (size_t)len, &env), ERR_OK);
        assert_true(env.from == ROOM);
        struct msg msg;
        hellos += env.type == MSG_LINK_HELLO;
        frames += env.type == MSG_ERR;
        if (env.type != MSG_LINK_TICK)
            continue;
        assert_int_equal(hellos, 1); /* first of all */
        assert_int_equal(msg_decode(view_of(bytes + ENVELOPE_BYTES, (size_t)len - ENVELOPE_BYTES), &msg), ERR_OK);
        assert_int_equal(msg.as.link_tick.last, 2);
        ticks++;
    }
    assert_int_equal(frames, 2);
}

static void test_frames_before_hello_are_dropped_and_answered_by_hello(void **state)
{
    struct world *w = *state;
    s_raw_frame(w, EDGE, 7);
    int wait_ms = ARRIVE_MS;
    zmq_setsockopt(w->raw, ZMQ_RCVTIMEO, &wait_ms, sizeof wait_ms);
    if (w->tcp)
        zmq_poll(&(zmq_pollitem_t){mailbox_socket(w->room.mailbox), 0, ZMQ_POLLIN, 0}, 1, ARRIVE_MS);
    s_settle(w);
    uint8_t bytes[512];
    int len = zmq_recv(w->raw, bytes, sizeof bytes, 0);
    struct envelope env;
    assert_int_equal(envelope_read(bytes, (size_t)len, &env), ERR_OK);
    assert_int_equal(env.type, MSG_LINK_HELLO);
    assert_int_equal(env.correlation, 0); /* "I have not heard you" */
    assert_int_equal(w->room.frame_count, 0);
    assert_int_equal(w->room.event_count, 0);
}

static void test_a_restarted_connecting_peer_is_up_again_and_starts_afresh(void **state)
{
    struct world *w = *state;
    s_send(&w->edge, ROOM, 1);
    s_send(&w->room, EDGE, 1);
    s_settle_until_frames(w, &w->room, 1);
    s_settle_until_frames(w, &w->edge, 1);
    mailbox_destroy(&w->edge.mailbox);
    s_forget(&w->room);
    s_forget(&w->edge);
    s_send(&w->room, EDGE, 2); /* to the dead one */
    s_connect(w, EDGE_REBORN);
    s_settle_until_events(w, &w->room, 1);
    s_settle_until_events(w, &w->edge, 1);
    assert_int_equal(w->room.events[0], PEER_UP);
    assert_true(w->room.peers[0] == EDGE_REBORN);
    assert_int_equal(s_send(&w->room, EDGE, 3), ERR_NOT_FOUND);
    assert_int_equal(s_send(&w->room, EDGE_REBORN, 4), ERR_OK);
    assert_int_equal(s_send(&w->edge, ROOM, 5), ERR_OK);
    s_settle_until_frames(w, &w->room, 1);
    s_settle_until_frames(w, &w->edge, 1);
    s_pass(w, 1000);
    assert_int_equal(w->room.event_count, 1);
    assert_int_equal(w->edge.event_count, 1);
    assert_int_equal(w->edge.frames[0], 4);
    assert_int_equal(w->room.frames[0], 5);
}

static void test_a_restarted_bound_peer_is_found_again_by_itself(void **state)
{
    struct world *w = *state;
    assert_true(w->tcp); /* inproc cannot reconnect: there the process ends */
    s_send(&w->edge, ROOM, 1);
    s_settle_until_frames(w, &w->room, 1);
    mailbox_destroy(&w->room.mailbox);
    s_forget(&w->room);
    s_forget(&w->edge);
    int64_t until = zclock_mono() + ARRIVE_MS;
    while (!w->room.mailbox && zclock_mono() < until)
        w->room.mailbox = mailbox_bind(ROOM_REBORN, w->endpoint, w->now_ms);
    assert_non_null(w->room.mailbox);
    while (w->edge.event_count == 0 && zclock_mono() < until)
        s_pass(w, 50);
    s_settle_until_events(w, &w->room, 1);
    assert_int_equal(w->edge.events[w->edge.event_count - 1], PEER_UP);
    assert_true(w->edge.peers[w->edge.event_count - 1] == ROOM_REBORN);
    assert_int_equal(s_send(&w->edge, ROOM_REBORN, 2), ERR_OK);
    s_settle_until_frames(w, &w->room, w->room.frame_count + 1);
    assert_int_equal(w->room.frames[w->room.frame_count - 1], 2);
}

static void test_silence_is_down_after_4_s_and_speech_up_again(void **state)
{
    struct world *w = *state;
    mailbox_t *edge = w->edge.mailbox;
    w->edge.mailbox = NULL; /* its actor hangs */
    s_pass(w, LIM_LINK_PEER_EXPIRE_MS - 300);
    assert_int_equal(w->room.event_count, 1);
    s_pass(w, 400);
    s_settle_until_events(w, &w->room, 2);
    assert_int_equal(w->room.events[1], PEER_DOWN);
    assert_int_equal(s_send(&w->room, EDGE, 1), ERR_NOT_FOUND);
    w->edge.mailbox = edge;
    s_pass(w, 500);
    s_settle_until_events(w, &w->room, 3);
    assert_int_equal(w->room.events[2], PEER_UP);
    s_pass(w, 500);
    /* The edge hears that it was forgotten: nothing the room knew of it is left. */
    s_settle_until_events(w, &w->edge, 2);
    assert_int_equal(w->edge.events[1], PEER_UP);
    assert_int_equal(s_send(&w->room, EDGE, 2), ERR_OK);
    s_settle_until_frames(w, &w->edge, 1);
}

static void test_a_pause_of_our_own_is_not_taken_for_the_peers_silence(void **state)
{
    struct world *w = *state;
    w->now_ms += 10000; /* the whole process was stopped */
    s_pass(w, 1000);
    assert_int_equal(w->room.event_count, 1);
    assert_int_equal(w->edge.event_count, 1);
}

static void test_a_full_outbox_refuses_at_its_count_and_accepts_once_read(void **state)
{
    struct world *w = *state;
    int64_t overloaded = metric_value(METRIC_LINK_OVERLOADED);
    for (uint64_t i = 1; i <= LIM_LINK_OUTBOX_FRAMES; i++)
        assert_int_equal(s_send(&w->room, EDGE, i), ERR_OK);
    assert_int_equal(s_send(&w->room, EDGE, 9999), ERR_OVERLOADED);
    assert_int_equal(metric_value(METRIC_LINK_OVERLOADED), overloaded + 1);
    s_forget(&w->edge);
    s_settle_until_frames(w, &w->edge, LIM_LINK_OUTBOX_FRAMES);
    s_settle(w);
    assert_int_equal(s_send(&w->room, EDGE, 10000), ERR_OK);
    s_settle_until_frames(w, &w->edge, LIM_LINK_OUTBOX_FRAMES + 1);
    /* The refused one had a number: its receiver learns that something is missing. */
    assert_int_equal(w->edge.event_count, 1);
    assert_int_equal(w->edge.events[0], PEER_HOLE);
    assert_int_equal(w->edge.frames_before_event, LIM_LINK_OUTBOX_FRAMES);
    assert_int_equal(w->edge.frames[w->edge.frame_count - 1], 10000);
}

static void test_a_refused_last_frame_is_a_hole_within_two_ticks(void **state)
{
    struct world *w = *state;
    for (uint64_t i = 1; i <= LIM_LINK_OUTBOX_FRAMES; i++)
        s_send(&w->room, EDGE, i);
    assert_int_equal(s_send(&w->room, EDGE, 9999), ERR_OVERLOADED);
    s_forget(&w->edge);
    s_pass(w, 500);
    s_settle_until_events(w, &w->edge, 1);
    assert_int_equal(w->edge.events[0], PEER_HOLE);
}

static void test_a_refused_request_is_its_askers_matter_alone(void **state)
{
    struct world *w = *state;
    for (uint64_t i = 1; i <= LIM_LINK_OUTBOX_FRAMES; i++)
        assert_int_equal(s_send(&w->edge, ROOM, i), ERR_OK);
    assert_int_equal(s_send_sized(&w->edge, ROOM, 77, 0, 100), ERR_OVERLOADED);
    s_settle_until_frames(w, &w->room, LIM_LINK_OUTBOX_FRAMES);
    s_pass(w, 500);
    assert_int_equal(s_send_sized(&w->edge, ROOM, 78, 0, 100), ERR_OK);
    s_settle_until_frames(w, &w->room, LIM_LINK_OUTBOX_FRAMES + 1);
    assert_int_equal(w->room.event_count, 1);
}

static void test_a_lagging_peer_gets_requests_only_until_it_has_read_half(void **state)
{
    struct world *w = *state;
    for (uint64_t i = 1; i <= LIM_LINK_OUTBOX_FRAMES; i++)
        assert_int_equal(s_send(&w->room, EDGE, i), ERR_OK);
    assert_int_equal(s_send(&w->room, EDGE, 9999), ERR_OVERLOADED);
    /* Some are read and confirmed, yet less than half: requests go, a stream does not. */
    s_forget(&w->edge);
    struct mail mail;
    while (w->edge.frame_count < LIM_LINK_OUTBOX_FRAMES / 4)
        w->edge.frame_count += mailbox_next(w->edge.mailbox, w->now_ms, &mail) == MAIL_FRAME;
    mailbox_flush(w->edge.mailbox);
    int64_t until = zclock_mono() + ARRIVE_MS;
    while (s_send_sized(&w->room, EDGE, 1, 0, 100) != ERR_OK && zclock_mono() < until)
        s_read_all(w, &w->room);
    assert_int_equal(s_send(&w->room, EDGE, 9999), ERR_OVERLOADED);
    s_settle_until_frames(w, &w->edge, LIM_LINK_OUTBOX_FRAMES + 1);
    s_settle(w);
    assert_int_equal(s_send(&w->room, EDGE, 10000), ERR_OK);
    s_settle_until_frames(w, &w->edge, LIM_LINK_OUTBOX_FRAMES + 2);
    assert_int_equal(w->edge.frames[w->edge.frame_count - 1], 10000);
    assert_in_range(w->edge.event_count, 1, 2); /* before the request, and after the last refusal */
}

static void test_a_full_outbox_refuses_at_its_bytes(void **state)
{
    struct world *w = *state;
    enum { FRAME = 256 * 1024, FIT = LIM_LINK_OUTBOX_BYTES / FRAME };
    for (uint64_t i = 1; i <= FIT; i++)
        assert_int_equal(s_send_sized(&w->room, EDGE, i, ENVELOPE_REPLY, FRAME - ENVELOPE_BYTES), ERR_OK);
    assert_int_equal(s_send_sized(&w->room, EDGE, 99, ENVELOPE_REPLY, 1), ERR_OVERLOADED);
    s_settle_until_frames(w, &w->edge, FIT);
    s_settle(w);
    assert_int_equal(s_send(&w->room, EDGE, 100), ERR_OK);
}

static void test_ephemera_are_dropped_at_half_without_a_hole(void **state)
{
    struct world *w = *state;
    int64_t dropped = metric_value(METRIC_LINK_DROPPED_EPHEMERA);
    for (uint64_t i = 1; i < LIM_LINK_OUTBOX_FRAMES / 2; i++)
        assert_int_equal(s_send(&w->room, EDGE, i), ERR_OK);
    assert_int_equal(s_send_sized(&w->room, EDGE, 5000, ENVELOPE_EPHEMERAL, 100), ERR_OK); /* the last that fits */
    assert_int_equal(metric_value(METRIC_LINK_DROPPED_EPHEMERA), dropped);
    assert_int_equal(s_send_sized(&w->room, EDGE, 5001, ENVELOPE_EPHEMERAL, 100), ERR_OK);
    assert_int_equal(metric_value(METRIC_LINK_DROPPED_EPHEMERA), dropped + 1);
    assert_int_equal(s_send(&w->room, EDGE, 5002), ERR_OK);
    s_settle_until_frames(w, &w->edge, LIM_LINK_OUTBOX_FRAMES / 2 + 1);
    s_pass(w, 500);
    assert_int_equal(w->edge.frames[w->edge.frame_count - 2], 5000);
    assert_int_equal(w->edge.frames[w->edge.frame_count - 1], 5002);
    assert_int_equal(w->edge.event_count, 1);
}

static void test_without_a_connection_frames_wait_bounded_and_nothing_blocks(void **state)
{
    struct world *w = *state; /* from s_setup_raw */
    zmq_close(w->raw);
    w->raw = NULL;
    mailbox_destroy(&w->room.mailbox); /* nobody listens there now */
    w->edge.mailbox = mailbox_connect(EDGE, ROOM, w->endpoint, w->now_ms);
    assert_non_null(w->edge.mailbox);
    int64_t start = zclock_mono();
    for (uint64_t i = 1; i <= LIM_LINK_OUTBOX_FRAMES; i++)
        assert_int_equal(s_send(&w->edge, ROOM, i), ERR_OK);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(s_send(&w->edge, ROOM, 9999), ERR_OVERLOADED);
    assert_true(zclock_mono() - start < 2000);
    for (int i = 0; i < 100 && !w->room.mailbox; i++) { /* ØMQ gives the port back a moment after the close */
        w->room.mailbox = mailbox_bind(ROOM, w->endpoint, w->now_ms);
        if (!w->room.mailbox)
            zclock_sleep(20);
    }
    assert_non_null(w->room.mailbox);
    int64_t until = zclock_mono() + ARRIVE_MS;
    while (w->room.frame_count < LIM_LINK_OUTBOX_FRAMES && zclock_mono() < until)
        s_pass(w, 50);
    assert_int_equal(w->room.frame_count, LIM_LINK_OUTBOX_FRAMES);
    assert_int_equal(w->room.frames[0], 1);
}

static void test_a_frame_of_the_largest_size_goes_and_one_byte_more_is_refused(void **state)
{
    struct world *w = *state;
    size_t most = LIM_LINK_FRAME_BYTES_MAX - ENVELOPE_BYTES;
    assert_int_equal(s_send_sized(&w->edge, ROOM, 1, 0, most), ERR_OK);
    assert_int_equal(s_send_sized(&w->edge, ROOM, 2, 0, most + 1), ERR_TOO_LARGE);
    s_settle_until_frames(w, &w->room, 1);
    s_pass(w, 500);
    assert_int_equal(w->room.event_count, 1);
}

static void s_raw_bytes(struct world *w, const void *bytes, size_t len, int flags)
{
    assert_true(zmq_send(w->raw, bytes, len, flags) >= 0);
}

static void test_garbage_is_counted_and_harms_nothing(void **state)
{
    struct world *w = *state;
    int64_t bad = metric_value(METRIC_LINK_BAD_FRAMES), large = metric_value(METRIC_LINK_TOO_LARGE);
    int64_t versions = metric_value(METRIC_LINK_VERSIONS);
    uint8_t junk[300];
    for (size_t i = 0; i < sizeof junk; i++)
        junk[i] = (uint8_t)(i * 37);
    s_raw_hello(w, EDGE);
    s_raw_bytes(w, "", 0, 0);
    s_raw_bytes(w, junk, ENVELOPE_BYTES - 1, 0);
    s_raw_bytes(w, junk, sizeof junk, 0);
    s_raw_bytes(w, junk, 10, ZMQ_SNDMORE); /* several parts */
    s_raw_bytes(w, junk, 10, ZMQ_SNDMORE);
    s_raw_bytes(w, junk, 10, 0);
    s_raw_frame(w, address_make(ROLE_EDGE, 4, 0x2222), 1); /* speaks for another */
    s_raw_frame(w, EDGE, 0);                               /* without a number */
    s_raw_frame(w, EDGE, 1);
    s_raw_frame(w, EDGE, 1); /* twice */
    uint8_t *huge = calloc(1, LIM_LINK_FRAME_BYTES_MAX + 1);
    s_raw_bytes(w, huge, LIM_LINK_FRAME_BYTES_MAX + 1, 0);
    free(huge);
    s_raw_frame(w, EDGE, 2);
    s_settle_until_frames(w, &w->room, 2);
    assert_int_equal(metric_value(METRIC_LINK_BAD_FRAMES) - bad + metric_value(METRIC_LINK_VERSIONS) - versions, 7);
    assert_int_equal(metric_value(METRIC_LINK_TOO_LARGE), large + 1);
    assert_int_equal(w->room.event_count, 1);
}

static void test_another_version_is_refused(void **state)
{
    struct world *w = *state;
    int64_t versions = metric_value(METRIC_LINK_VERSIONS);
    struct msg msg = {.type = MSG_LINK_HELLO};
    msg.as.link_hello.version = PROTO_VERSION + 1;
    msg.as.link_hello.nonce = address_nonce(EDGE);
    struct envelope env = {0};
    s_raw_put(w, &env, &msg);
    s_raw_frame(w, EDGE, 1);
    if (w->tcp)
        zmq_poll(&(zmq_pollitem_t){mailbox_socket(w->room.mailbox), 0, ZMQ_POLLIN, 0}, 1, ARRIVE_MS);
    s_settle(w);
    assert_int_equal(metric_value(METRIC_LINK_VERSIONS), versions + 1);
    assert_int_equal(w->room.event_count, 0);
    assert_int_equal(w->room.frame_count, 0);
}

static void test_a_peer_that_floods_and_dies_does_not_end_the_process(void **state)
{
    struct world *w = *state;
    enum { FLOOD = 40000, TIMERS_MS = 1200 };
    int hwm = FLOOD, wait_ms = 50;
    uint8_t junk[1000] = {0};
    zmq_setsockopt(w->raw, ZMQ_SNDTIMEO, &wait_ms, sizeof wait_ms);
    zmq_setsockopt(w->raw, ZMQ_SNDHWM, &hwm, sizeof hwm);
    for (int i = 0; i < FLOOD && zmq_send(w->raw, junk, sizeof junk, 0) >= 0; i++) {
    }
    zmq_close(w->raw);
    w->raw = NULL;
    zclock_sleep(TIMERS_MS); /* of libzmq; a heartbeat of its would abort here */
    s_settle(w);
    assert_int_equal(w->room.event_count, 0);
}

static void test_an_endpoint_taken_is_refused(void **state)
{
    struct world *w = *state;
    assert_null(mailbox_bind(ROOM_REBORN, w->endpoint, w->now_ms));
    assert_null(mailbox_bind(ROOM_REBORN, "nonsense", w->now_ms));
}

/* A peer's new boot asks for our HELLO. It must not say that the frame behind it went already: the peer would take
 * that frame for one it had. */
static void test_a_frame_right_after_a_new_boot_was_heard_is_not_lost(void **state)
{
    struct world *w = *state;
    struct mail mail;
    s_raw_hello(w, EDGE);
    s_settle_until_events(w, &w->room, 1);
    s_raw_hello(w, EDGE_REBORN);
    int64_t until = zclock_mono() + ARRIVE_MS;
    mail_kind_t kind;
    while ((kind = mailbox_next(w->room.mailbox, w->now_ms, &mail)) == MAIL_EMPTY && zclock_mono() < until)
        zclock_sleep(1);
    assert_int_equal(kind, MAIL_EVENT);
    assert_int_equal(s_send(&w->room, EDGE_REBORN, 1), ERR_OK);
    mailbox_flush(w->room.mailbox);
    struct envelope env = {.type = MSG_NONE};
    uint64_t said = 0;
    for (int i = 0; i < 8 && env.link_seq == 0; i++) {
        uint8_t frame[1024];
        int len = zmq_recv(w->raw, frame, sizeof frame, 0);
        assert_true(len >= ENVELOPE_BYTES);
        assert_int_equal(envelope_read(frame, (size_t)len, &env), ERR_OK);
        if (env.type == MSG_LINK_HELLO) {
            said = env.link_seq;
            env.link_seq = 0;
        }
    }
    assert_int_equal(env.link_seq, said + 1);
}

#define ON(test, setup, over)                                                                                \
    {#test "_" #over, test, setup, s_teardown, s_is_##over}
#define BOTH(test, setup) ON(test, setup, inproc), ON(test, setup, tcp)

int main(void)
{
    keys_allow_plain(true); /* what links do is the same with keys; test_guard has those */
    void *s_is_inproc = NULL, *s_is_tcp = "tcp";
    const struct CMUnitTest tests[] = {
        BOTH(test_hello_tells_each_side_of_the_other_with_its_nonce, s_setup),
        BOTH(test_frames_keep_their_order_both_ways_and_are_numbered_from_1, s_setup),
        BOTH(test_frames_sent_before_the_first_hello_arrive, s_setup_raw),
        BOTH(test_a_router_knows_nobody_who_did_not_speak, s_setup),
        BOTH(test_what_is_for_another_boot_is_not_sent, s_setup),
        BOTH(test_a_missing_frame_is_a_hole_told_before_the_next, s_setup_raw),
        BOTH(test_a_lost_last_frame_is_noticed_by_the_next_tick_once, s_setup_raw),
        BOTH(test_a_tick_with_the_last_number_goes_each_250_ms, s_setup_raw),
        BOTH(test_frames_before_hello_are_dropped_and_answered_by_hello, s_setup_raw),
        BOTH(test_a_frame_right_after_a_new_boot_was_heard_is_not_lost, s_setup_raw),
        BOTH(test_a_restarted_connecting_peer_is_up_again_and_starts_afresh, s_setup),
        ON(test_a_restarted_bound_peer_is_found_again_by_itself, s_setup, tcp),
        BOTH(test_silence_is_down_after_4_s_and_speech_up_again, s_setup),
        BOTH(test_a_pause_of_our_own_is_not_taken_for_the_peers_silence, s_setup),
        BOTH(test_a_full_outbox_refuses_at_its_count_and_accepts_once_read, s_setup),
        BOTH(test_a_refused_last_frame_is_a_hole_within_two_ticks, s_setup),
        BOTH(test_a_refused_request_is_its_askers_matter_alone, s_setup),
        BOTH(test_a_lagging_peer_gets_requests_only_until_it_has_read_half, s_setup),
        BOTH(test_a_full_outbox_refuses_at_its_bytes, s_setup),
        BOTH(test_ephemera_are_dropped_at_half_without_a_hole, s_setup),
        ON(test_without_a_connection_frames_wait_bounded_and_nothing_blocks, s_setup_raw, tcp),
        BOTH(test_a_frame_of_the_largest_size_goes_and_one_byte_more_is_refused, s_setup),
        BOTH(test_garbage_is_counted_and_harms_nothing, s_setup_raw),
        BOTH(test_another_version_is_refused, s_setup_raw),
        ON(test_a_peer_that_floods_and_dies_does_not_end_the_process, s_setup_raw, tcp),
        BOTH(test_an_endpoint_taken_is_refused, s_setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
