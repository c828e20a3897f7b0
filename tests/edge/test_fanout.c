/* Fan-out with a writer that the test plays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "edge/fanout.h"

enum { ROOM = 11, OTHER = 12, READERS = 5 };

static int s_held, s_gone;

static void s_hold(void *context, struct viewer *viewer, struct fan_room *room, uint64_t seq, struct shared *event)
{
    (void)context;
    (void)viewer;
    (void)room;
    (void)seq;
    (void)event;
    s_held++;
}

static void s_room_gone(void *context, struct fan_room *room)
{
    (void)context;
    (void)room;
    s_gone++;
}

static const struct fanout_ops s_ops = {.hold = s_hold, .room_gone = s_room_gone};

struct world {
    fanout_t *fanout;
    struct viewer viewers[READERS];
    buffer_t event;
};

static int s_setup(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    world->fanout = fanout_new(&s_ops, NULL);
    fanout_set_now(world->fanout, 1000);
    for (int i = 0; i < READERS; i++)
        backlog_init(&world->viewers[i].backlog);
    buffer_init(&world->event, LIM_EVENT_BYTES_MAX);
    struct msg msg = {.type = MSG_HEARTBEAT, .as.heartbeat = {.now_ms = 1}};
    assert_int_equal(ERR_OK, msg_encode(&msg, &world->event));
    s_held = s_gone = 0;
    *state = world;
    return 0;
}

static int s_teardown(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < READERS; i++)
        fanout_forget(world->fanout, &world->viewers[i]);
    fanout_destroy(&world->fanout);
    buffer_fini(&world->event);
    free(world);
    return 0;
}

static void s_event(struct world *world, uint64_t seq)
{
    struct fan_room *room = fanout_room(world->fanout, ROOM);
    struct shared event = shared_of(buffer_view(&world->event), 0);
    fanout_event(world->fanout, room, seq, &event);
    fanout_head(world->fanout, room, &(struct rec_head){.seq = seq, .msg_no = seq});
    shared_fini(&event);
}

static void s_write(struct world *world, struct viewer *viewer)
{
    uint8_t scratch[4096];
    size_t frames;
    (void)world;
    while (!backlog_is_empty(&viewer->backlog)) {
        backlog_peek(&viewer->backlog, scratch, sizeof scratch, &frames);
        backlog_written(&viewer->backlog, frames);
    }
    viewer->overflow_ms = 0;
}

static size_t s_dirty(struct world *world)
{
    size_t count = 0;
    while (fanout_take_dirty(world->fanout))
        count++;
    return count;
}

static void test_event_is_one_buffer_for_all_who_show_the_room(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < READERS; i++)
        assert_non_null(fanout_sit(world->fanout, &world->viewers[i], ROOM, i < 3 ? SEAT_LIVE : SEAT_WATCH));
    s_event(world, 1);
    frame_t *frame = world->viewers[0].backlog.few[0];
    assert_int_equal(3, frame->refs);
    assert_ptr_equal(frame, world->viewers[1].backlog.few[0]);
    assert_ptr_equal(frame, world->viewers[2].backlog.few[0]);
    assert_true(backlog_is_empty(&world->viewers[3].backlog));
    assert_int_equal(3, s_dirty(world));
}

static void test_session_is_dirty_once_however_many_frames_it_gets(void **state)
{
    struct world *world = *state;
    fanout_sit(world->fanout, &world->viewers[0], ROOM, SEAT_LIVE);
    for (uint64_t seq = 1; seq <= 10; seq++)
        s_event(world, seq);
    assert_int_equal(10, world->viewers[0].backlog.count);
    assert_int_equal(1, s_dirty(world));
}

static void test_watchers_hear_of_heads_together(void **state)
{
    struct world *world = *state;
    fanout_sit(world->fanout, &world->viewers[0], ROOM, SEAT_WATCH);
    fanout_sit(world->fanout, &world->viewers[1], ROOM, SEAT_LIVE);
    s_event(world, 1);
    s_event(world, 2);
    assert_true(backlog_is_empty(&world->viewers[0].backlog));
    fanout_send_heads(world->fanout);
    fanout_send_heads(world->fanout);
    assert_int_equal(1, world->viewers[0].backlog.count);
    assert_int_equal(2, world->viewers[1].backlog.count);
}

static void test_slow_reader_gets_a_gap_and_others_everything(void **state)
{
    struct world *world = *state;
    fanout_sit(world->fanout, &world->viewers[0], ROOM, SEAT_LIVE);
    fanout_sit(world->fanout, &world->viewers[1], ROOM, SEAT_LIVE);
    for (uint64_t seq = 1; seq <= 1000; seq++) {
        s_event(world, seq);
        s_write(world, &world->viewers[1]);
    }
    assert_int_equal(BACKLOG_LIVE_FRAMES + 1, world->viewers[0].backlog.count); /* and the gap */
    assert_true(world->viewers[0].backlog.bytes <= LIM_OUTBOX_BYTES);
    assert_int_equal(SEAT_GAP, fanout_seat(world->fanout, &world->viewers[0], ROOM)->mode);
    assert_int_equal(SEAT_LIVE, fanout_seat(world->fanout, &world->viewers[1], ROOM)->mode);
    assert_false(world->viewers[0].slow);
    /* The gap names the last event before it. */
    struct viewer *slow = &world->viewers[0];
    frame_t *last = slow->backlog.ring[(slow->backlog.head + slow->backlog.count - 1) % slow->backlog.capacity];
    struct msg msg;
    assert_int_equal(ERR_OK, msg_decode(view_of(last->bytes + 2, last->len - 2), &msg));
    assert_int_equal(MSG_GAP, msg.type);
    assert_int_equal(BACKLOG_LIVE_FRAMES, msg.as.gap.last);
}

static void test_ephemera_go_before_events_do(void **state)
{
    struct world *world = *state;
    fanout_sit(world->fanout, &world->viewers[0], ROOM, SEAT_LIVE);
    struct shared typing = shared_of(buffer_view(&world->event), FRAME_EPHEMERAL);
    for (int i = 0; i < BACKLOG_LIVE_FRAMES + 50; i++)
        fanout_ephemeral(world->fanout, fanout_room(world->fanout, ROOM), &typing);
    shared_fini(&typing);
    assert_int_equal(BACKLOG_LIVE_FRAMES, world->viewers[0].backlog.count);
    s_event(world, 1);
    assert_int_equal(1, world->viewers[0].backlog.count);
    assert_int_equal(SEAT_LIVE, fanout_seat(world->fanout, &world->viewers[0], ROOM)->mode);
}

static void test_reader_that_overflows_twice_in_30_s_without_progress_is_too_slow(void **state)
{
    struct world *world = *state;
    struct viewer *viewer = &world->viewers[0];
    for (int round = 0; round < 2; round++) {
        fanout_set_now(world->fanout, 1000 + round * 20000);
        fanout_sit(world->fanout, viewer, ROOM, SEAT_LIVE);
        for (uint64_t seq = 1; seq <= LIM_OUTBOX_FRAMES; seq++)
            s_event(world, seq);
        assert_int_equal(round == 1, viewer->slow);
    }
}

static void test_reader_that_caught_up_in_between_is_not_too_slow(void **state)
{
    struct world *world = *state;
    struct viewer *viewer = &world->viewers[0];
    for (int round = 0; round < 5; round++) {
        fanout_set_now(world->fanout, 1000 + round * 2000);
        fanout_sit(world->fanout, viewer, ROOM, SEAT_LIVE);
        for (uint64_t seq = 1; seq <= LIM_OUTBOX_FRAMES; seq++)
            s_event(world, seq);
        s_write(world, viewer);
        assert_false(viewer->slow);
    }
}

static void test_answer_without_room_dooms_its_reader(void **state)
{
    struct world *world = *state;
    struct viewer *viewer = &world->viewers[0];
    struct msg msg = {.type = MSG_AUTH_OK, .as.auth_ok = {.expires_at_ms = 1}};
    for (int i = 0; i < LIM_OUTBOX_FRAMES; i++)
        fanout_send_msg(world->fanout, viewer, &msg, 0);
    assert_false(viewer->slow);
    fanout_send_msg(world->fanout, viewer, &msg, 0);
    assert_true(viewer->slow);
    assert_int_equal(LIM_OUTBOX_FRAMES, viewer->backlog.count);
}

static void test_events_are_held_for_those_who_catch_up(void **state)
{
    struct world *world = *state;
    fanout_sit(world->fanout, &world->viewers[0], ROOM, SEAT_ATTACHING);
    s_event(world, 1);
    assert_int_equal(0, s_held);
    fanout_sit(world->fanout, &world->viewers[0], ROOM, SEAT_BACKFILL);
    s_event(world, 2);
    assert_int_equal(1, s_held);
    assert_true(backlog_is_empty(&world->viewers[0].backlog));
}

static void test_closing_reader_leaves_every_room(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < READERS; i++) {
        fanout_sit(world->fanout, &world->viewers[i], ROOM, SEAT_LIVE);
        fanout_sit(world->fanout, &world->viewers[i], OTHER, SEAT_WATCH);
    }
    fanout_leave_all(world->fanout, &world->viewers[2]);
    assert_null(fanout_seat(world->fanout, &world->viewers[2], ROOM));
    s_event(world, 1);
    assert_true(backlog_is_empty(&world->viewers[2].backlog));
    assert_int_equal(1, world->viewers[4].backlog.count);
    for (int i = 0; i < READERS; i++)
        fanout_leave_all(world->fanout, &world->viewers[i]);
    assert_int_equal(2, s_gone);
    assert_int_equal(0, fanout_room_count(world->fanout));
}

static void test_seats_keep_their_places_through_random_changes(void **state)
{
    struct world *world = *state;
    unsigned seed = 7;
    for (int step = 0; step < 20000; step++) {
        seed = seed * 1103515245u + 12345u;
        struct viewer *viewer = &world->viewers[(seed >> 16) % READERS];
        uint64_t room = 1 + (seed >> 20) % 7;
        if ((seed >> 24) % 4 == 0)
            fanout_leave(world->fanout, viewer, room);
        else
            assert_non_null(fanout_sit(world->fanout, viewer, room, (seat_mode_t)((seed >> 26) % 5)));
        struct fan_room *at = NULL;
        for (size_t i = 0; fanout_next_room(world->fanout, &i, &at);) {
            uint32_t wanting = 0;
            for (uint32_t k = 0; k < at->count; k++) {
                const struct seat *seat = &at->seats[k];
                assert_ptr_equal(at, seat->viewer->places[seat->place].room);
                assert_int_equal(k, seat->viewer->places[seat->place].seat);
                assert_int_equal(k < at->streaming, seat->mode >= SEAT_BACKFILL);
                wanting += seat->mode != SEAT_WATCH;
            }
            assert_int_equal(wanting, at->wanting);
        }
    }
}

static void test_a_seat_costs_32_bytes(void **state)
{
    (void)state;
    assert_true(sizeof(struct seat) + sizeof(struct place) <= 32);
}

static void test_reader_sits_in_at_most_512_rooms(void **state)
{
    struct world *world = *state;
    for (uint64_t room = 1; room <= LIM_SUBS_MAX; room++)
        assert_non_null(fanout_sit(world->fanout, &world->viewers[0], room, SEAT_WATCH));
    assert_null(fanout_sit(world->fanout, &world->viewers[0], LIM_SUBS_MAX + 1, SEAT_WATCH));
    assert_int_equal(LIM_SUBS_MAX, fanout_room_count(world->fanout));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, s_setup, s_teardown)
    const struct CMUnitTest tests[] = {
        T(test_event_is_one_buffer_for_all_who_show_the_room),
        T(test_session_is_dirty_once_however_many_frames_it_gets),
        T(test_watchers_hear_of_heads_together),
        T(test_slow_reader_gets_a_gap_and_others_everything),
        T(test_ephemera_go_before_events_do),
        T(test_reader_that_overflows_twice_in_30_s_without_progress_is_too_slow),
        T(test_reader_that_caught_up_in_between_is_not_too_slow),
        T(test_answer_without_room_dooms_its_reader),
        T(test_events_are_held_for_those_who_catch_up),
        T(test_closing_reader_leaves_every_room),
        T(test_seats_keep_their_places_through_random_changes),
        cmocka_unit_test(test_a_seat_costs_32_bytes),
        T(test_reader_sits_in_at_most_512_rooms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
