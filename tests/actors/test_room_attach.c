/* room_shard: readers attach, catch up, see who is here and who types. */
#include "tests/actors/room_fixture.h"

#include <string.h>

static size_t s_frames(const struct msg *msg)
{
    return msg->as.room_attached.frames.count;
}

static void s_load_long(struct fixture *f, uint64_t head, size_t tail)
{
    fixture_load(f, &(struct stored_room){.found = true, .incarnation = 1, .last_seq = head,
                                          .last_msg_no = head, .members = {ALICE, BOB}, .roles = {2, 0},
                                          .member_count = 2, .tail_count = tail});
}

static void test_a_reader_gets_what_follows_its_last_event(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    fixture_usual(f);
    uint64_t correlation = fixture_attach(f, f->edge, BOB, 1, true, 1, 3);
    const struct effect *attached = fixture_expect(f, MSG_ROOM_ATTACHED, &msg);
    assert_int_equal(correlation, attached->env.correlation);
    assert_int_equal(EPOCH, attached->env.epoch);
    assert_int_equal(0, msg.as.room_attached.mode);
    assert_int_equal(4, msg.as.room_attached.base);
    assert_int_equal(5, msg.as.room_attached.head);
    assert_true(msg.as.room_attached.here);
    assert_int_equal(2, s_frames(&msg));
}

static void test_a_reader_who_has_all_gets_an_empty_delta(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    fixture_usual(f);
    fixture_attach(f, f->edge, BOB, 1, true, 1, 5);
    fixture_expect(f, MSG_ROOM_ATTACHED, &msg);
    assert_int_equal(0, msg.as.room_attached.mode);
    assert_true(msg.as.room_attached.here);
    assert_int_equal(0, s_frames(&msg));
}

static void test_a_fresh_reader_of_a_short_room_gets_all_of_it(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    s_load_long(f, LIM_DELTA_EVENTS_MAX, LIM_DELTA_EVENTS_MAX);
    fixture_attach(f, f->edge, BOB, 1, true, 0, 0);
    fixture_expect(f, MSG_ROOM_ATTACHED, &msg);
    assert_int_equal(0, msg.as.room_attached.mode);
    assert_int_equal(1, msg.as.room_attached.base);
    assert_int_equal(LIM_DELTA_EVENTS_MAX, s_frames(&msg));
}

static void test_a_delta_of_501_events_is_a_snapshot(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    s_load_long(f, LIM_DELTA_EVENTS_MAX + 1, LIM_DELTA_EVENTS_MAX + 1);
    fixture_attach(f, f->edge, BOB, 1, true, 0, 0);
    fixture_expect(f, MSG_ROOM_ATTACHED, &msg);
    assert_int_equal(1, msg.as.room_attached.mode);
    assert_true(msg.as.room_attached.here);
    assert_int_equal(LIM_SNAPSHOT_MESSAGES, s_frames(&msg));
    assert_int_equal(LIM_DELTA_EVENTS_MAX + 1 - LIM_SNAPSHOT_MESSAGES + 1, msg.as.room_attached.base);
    assert_int_equal(msg.as.room_attached.base, msg.as.room_attached.first_msg_no);
    fixture_attach(f, f->edge, BOB, 1, true, 1, 1);
    fixture_expect(f, MSG_ROOM_ATTACHED, &msg);
    assert_int_equal(0, msg.as.room_attached.mode);
    assert_int_equal(LIM_DELTA_EVENTS_MAX, s_frames(&msg));
}

static void test_what_is_not_in_memory_comes_from_the_store(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    s_load_long(f, 900, 100);
    uint64_t correlation = fixture_attach(f, f->edge, BOB, 1, true, 1, 700);
    fixture_expect(f, MSG_ROOM_ATTACHED, &msg);
    assert_false(msg.as.room_attached.here);
    assert_int_equal(0, msg.as.room_attached.mode);
    const struct effect *ask = fixture_expect(f, MSG_STORE_DELTA_GET, &msg);
    assert_int_equal(correlation, ask->env.correlation);
    assert_true(ask->env.reply_to == f->edge);
    assert_int_equal(700, msg.as.store_delta_get.after);
    assert_int_equal(900, msg.as.store_delta_get.upto);
}

static void test_a_snapshot_that_memory_cannot_give_comes_from_the_store(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    s_load_long(f, 900, LIM_SNAPSHOT_MESSAGES - 1);
    uint64_t correlation = fixture_attach(f, f->edge, BOB, 1, true, 0, 0);
    fixture_expect(f, MSG_ROOM_ATTACHED, &msg);
    assert_int_equal(1, msg.as.room_attached.mode);
    assert_false(msg.as.room_attached.here);
    const struct effect *ask = fixture_expect(f, MSG_STORE_PAGE_GET, &msg);
    assert_int_equal(correlation, ask->env.correlation);
    assert_true(ask->env.reply_to == f->edge);
    assert_int_equal(900, msg.as.store_page_get.as_of);
    assert_int_equal(LIM_SNAPSHOT_MESSAGES, msg.as.store_page_get.limit);
}

static void test_another_history_is_a_reset(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    fixture_usual(f);
    fixture_attach(f, f->edge, BOB, 1, true, 9, 3);
    fixture_expect(f, MSG_ROOM_ATTACHED, &msg);
    assert_int_equal(2, msg.as.room_attached.mode);
    assert_int_equal(0, msg.as.room_attached.after);
    fixture_attach(f, f->edge, BOB, 1, true, 1, 6); /* further than the room */
    fixture_expect(f, MSG_ROOM_ATTACHED, &msg);
    assert_int_equal(2, msg.as.room_attached.mode);
    assert_int_equal(5, s_frames(&msg));
}

static void test_a_delta_past_its_bytes_is_a_snapshot_within_them(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    fixture_load(f, &(struct stored_room){.found = true, .incarnation = 1, .last_seq = 300,
                                          .last_msg_no = 300, .members = {BOB}, .member_count = 1,
                                          .tail_count = 60, .text_bytes = 4000});
    fixture_attach(f, f->edge, BOB, 1, true, 1, 250);
    fixture_expect(f, MSG_ROOM_ATTACHED, &msg);
    assert_int_equal(0, msg.as.room_attached.mode);
    assert_int_equal(50, s_frames(&msg));
    assert_true(msg.as.room_attached.frames.len <= LIM_DELTA_BYTES_MAX);
}

static void test_strangers_are_refused_and_members_attached(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    fixture_usual(f);
    list_writer_t readers;
    list_writer_init(&readers, 1000);
    rec_reader_append(&readers, &(struct rec_reader){.user = CAROL, .session = 1, .live = true});
    rec_reader_append(&readers, &(struct rec_reader){.user = BOB, .session = 2, .live = true});
    struct msg attach = {.type = MSG_ROOM_ATTACH};
    attach.as.room_attach =
        (struct msg_room_attach){.room = ROOM, .want = true, .readers = list_of(&readers)};
    fixture_send(f, f->edge, 0, &attach);
    list_writer_fini(&readers);
    fixture_expect(f, MSG_ROOM_ATTACHED, &msg);
    struct rec_refusal refusal;
    assert_int_equal(1, msg.as.room_attached.refused.count);
    assert_true(rec_refusal_next(&msg.as.room_attached.refused, &refusal));
    assert_int_equal(1, refusal.session);
    assert_code(ERR_NOT_MEMBER, refusal.code);
    assert_int_equal(5, s_frames(&msg));
}

static void test_only_strangers_get_no_frame(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    fixture_usual(f);
    fixture_attach(f, f->edge, CAROL, 1, true, 1, 0);
    fixture_expect(f, MSG_ROOM_ATTACHED, &msg);
    assert_int_equal(1, msg.as.room_attached.refused.count);
    assert_int_equal(0, s_frames(&msg));
    fixture_forget(f);
    fixture_post(f, ALICE, 1, "between us");
    fixture_turn(f);
    fixture_outcome(f, 0);
    assert_int_equal(0, fixture_count(f, MSG_EVENT));
}

static void test_events_follow_the_answer_on_the_same_pipe(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    fixture_usual(f);
    fixture_post(f, ALICE, 1, "in flight while BOB attaches");
    fixture_turn(f);
    fixture_attach(f, f->edge_2, BOB, 1, true, 1, 5);
    fixture_expect(f, MSG_ROOM_ATTACHED, &msg);
    assert_int_equal(5, msg.as.room_attached.head);
    fixture_look_again(f);
    fixture_outcome(f, 0);
    fixture_expect(f, MSG_EVENT, &msg);
    assert_int_equal(6, msg.as.event.seq);
}

static void test_watchers_get_heads_and_no_events(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    struct rec_head head;
    fixture_usual(f);
    fixture_attach(f, f->edge, BOB, 1, false, 0, 0);
    fixture_forget(f);
    fixture_post(f, ALICE, 1, "one");
    fixture_post(f, ALICE, 2, "two");
    fixture_turn(f);
    fixture_outcome(f, 0);
    assert_int_equal(0, fixture_count(f, MSG_EVENT));
    fixture_tick(f, 50);
    fixture_expect(f, MSG_HEADS, &msg); /* one for both */
    assert_true(rec_head_next(&msg.as.heads.heads, &head));
    assert_int_equal(7, head.seq);
    assert_int_equal(7, head.msg_no);
    fixture_expect_none(f, MSG_HEADS);
}

/* Deleted lines are no unread ones (status-legacy#13228): watchers learn that one is gone, and may ask which. */
static void test_whoever_reads_learns_which_lines_are_deleted(void **state)
{
    struct fixture *f = *state;
    struct msg msg, ask = {.type = MSG_GONE_GET, .as.gone_get.room = ROOM};
    struct rec_head head;
    struct rec_id id;
    fixture_usual(f);
    fixture_attach(f, f->edge, BOB, 1, false, 0, 0);
    fixture_expect(f, MSG_ROOM_ATTACHED, &msg);
    assert_int_equal(0, msg.as.room_attached.deleted);
    fixture_post(f, ALICE, 1, "one");
    fixture_request(f, f->edge, ALICE, MSG_ROOM_DELETE, 2, 3, NULL);
    fixture_turn(f);
    fixture_outcome(f, 0);
    fixture_tick(f, 50);
    fixture_expect(f, MSG_HEADS, &msg);
    assert_true(rec_head_next(&msg.as.heads.heads, &head));
    assert_int_equal(7, head.deleted);
    fixture_post(f, ALICE, 3, "two");
    fixture_turn(f);
    fixture_outcome(f, 0);
    fixture_attach(f, f->edge, BOB, 2, true, 0, 0);
    fixture_expect(f, MSG_ROOM_ATTACHED, &msg);
    assert_int_equal(7, msg.as.room_attached.deleted);
    fixture_send(f, f->edge, BOB, &ask);
    fixture_expect(f, MSG_GONE, &msg);
    assert_int_equal(7, msg.as.gone.deleted);
    assert_false(msg.as.gone.more);
    assert_int_equal(1, msg.as.gone.lines.count);
    assert_true(rec_id_next(&msg.as.gone.lines, &id));
    assert_int_equal(3, id.id);
    fixture_send(f, f->edge, CAROL, &ask);
    fixture_expect(f, MSG_ERR, &msg);
    assert_code(ERR_NOT_MEMBER, msg.as.err.code);
}

static void test_members_are_looked_for_by_members(void **state)
{
    struct fixture *f = *state;
    struct msg msg, ask = {.type = MSG_ROOM_MEMBERS_FIND};
    fixture_usual(f);
    ask.as.room_members_find = (struct msg_room_members_find){.room = ROOM, .query = view_of_text("al"), .limit = 20};
    uint64_t correlation = fixture_send(f, f->edge, BOB, &ask);
    const struct effect *passed = fixture_expect(f, MSG_STORE_MEMBERS_FIND, &msg);
    assert_true(passed->env.reply_to == f->edge);
    assert_int_equal(correlation, passed->env.correlation);
    assert_int_equal(20, msg.as.store_members_find.limit);
    fixture_send(f, f->edge, CAROL, &ask);
    fixture_expect(f, MSG_ERR, &msg);
    assert_code(ERR_NOT_MEMBER, msg.as.err.code);
    ask.as.room_members_find.limit = 0;
    fixture_send(f, f->edge, BOB, &ask);
    fixture_expect(f, MSG_ERR, &msg);
    assert_code(ERR_OUT_OF_RANGE, msg.as.err.code);
}

static void test_an_edge_that_restarts_or_vanishes_has_no_readers(void **state)
{
    struct fixture *f = *state;
    fixture_usual(f);
    fixture_attach(f, f->edge, BOB, 1, true, 1, 5);
    fixture_peer(f, address_make(ROLE_EDGE, 0, 99), PEER_UP);
    fixture_attach(f, f->edge_2, BOB, 1, true, 1, 5);
    fixture_forget(f);
    fixture_post(f, ALICE, 1, "one");
    fixture_turn(f);
    fixture_outcome(f, 0);
    assert_int_equal(1, fixture_count(f, MSG_EVENT));
    fixture_peer(f, f->edge_2, PEER_DOWN);
    fixture_forget(f);
    fixture_post(f, ALICE, 2, "two");
    fixture_turn(f);
    fixture_outcome(f, 0);
    assert_int_equal(0, fixture_count(f, MSG_EVENT));
}

static void test_an_edge_that_comes_up_again_attaches_again(void **state)
{
    struct fixture *f = *state;
    fixture_usual(f);
    fixture_attach(f, f->edge, BOB, 1, true, 1, 5);
    fixture_peer(f, f->edge, PEER_HOLE); /* only what it sent is lost */
    fixture_forget(f);
    fixture_post(f, ALICE, 1, "one");
    fixture_turn(f);
    fixture_outcome(f, 0);
    assert_int_equal(1, fixture_count(f, MSG_EVENT));
    fixture_peer(f, f->edge, PEER_UP);
    fixture_forget(f);
    fixture_post(f, ALICE, 2, "two");
    fixture_turn(f);
    fixture_outcome(f, 0);
    assert_int_equal(0, fixture_count(f, MSG_EVENT));
}

static void test_detached_readers_get_nothing(void **state)
{
    struct fixture *f = *state;
    fixture_usual(f);
    fixture_attach(f, f->edge, BOB, 1, true, 1, 5);
    list_writer_t readers;
    list_writer_init(&readers, 1000);
    rec_reader_append(&readers, &(struct rec_reader){.user = BOB, .session = 1});
    struct msg detach = {.type = MSG_ROOM_DETACH};
    detach.as.room_detach = (struct msg_room_detach){.room = ROOM, .readers = list_of(&readers)};
    fixture_send(f, f->edge, 0, &detach);
    list_writer_fini(&readers);
    fixture_forget(f);
    fixture_post(f, ALICE, 1, "one");
    fixture_turn(f);
    fixture_outcome(f, 0);
    assert_int_equal(0, fixture_count(f, MSG_EVENT));
}

static void test_presence_is_full_at_first_and_then_changes_once_a_second(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    struct rec_presence_of who;
    fixture_usual(f);
    fixture_attach(f, f->edge, ALICE, 1, true, 1, 5);
    fixture_tick(f, 50);
    const struct effect *full = fixture_expect(f, MSG_PRESENCE, &msg);
    assert_true(msg.as.presence.full);
    assert_int_equal(1, msg.as.presence.here);
    assert_false(full->env.flags & ENVELOPE_EPHEMERAL);
    fixture_forget(f);
    fixture_attach(f, f->edge_2, BOB, 1, false, 0, 0);
    fixture_tick(f, 900);
    assert_int_equal(0, fixture_count(f, MSG_PRESENCE));
    fixture_tick(f, 200);
    const struct effect *change = fixture_expect(f, MSG_PRESENCE, &msg);
    assert_true(change->env.flags & ENVELOPE_EPHEMERAL);
    assert_false(msg.as.presence.full);
    assert_int_equal(2, msg.as.presence.here);
    while (rec_presence_of_next(&msg.as.presence.users, &who))
        if (who.user == BOB)
            assert_int_equal(1, who.state);
    fixture_forget(f);
    fixture_peer(f, f->edge_2, PEER_DOWN);
    fixture_tick(f, 1100);
    fixture_expect(f, MSG_PRESENCE, &msg);
    assert_int_equal(1, msg.as.presence.here);
    assert_true(rec_presence_of_next(&msg.as.presence.users, &who));
    assert_int_equal(BOB, who.user);
    assert_int_equal(0, who.state);
}

static void test_presence_of_more_than_500_members_is_a_count(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    fixture_load(f, &(struct stored_room){.found = true, .incarnation = 1, .last_seq = 5, .last_msg_no = 5,
                                          .members = {ALICE}, .member_count = 1, .tail_count = 5,
                                          .strangers = LIM_PRESENCE_MEMBERS_MAX});
    fixture_attach(f, f->edge, ALICE, 1, true, 1, 5);
    fixture_tick(f, 50);
    fixture_expect(f, MSG_PRESENCE, &msg);
    assert_int_equal(1, msg.as.presence.here);
    assert_int_equal(0, msg.as.presence.users.count);
}

static void s_type(struct fixture *f, uint64_t user, bool active)
{
    struct msg typing = {.type = MSG_TYPING};
    typing.as.typing = (struct msg_typing){.room = ROOM, .active = active};
    fixture_send(f, f->edge, user, &typing);
}

static void test_typists_are_told_and_expire(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    fixture_usual(f);
    fixture_attach(f, f->edge, ALICE, 1, true, 1, 5);
    fixture_tick(f, 50);
    s_type(f, BOB, true);
    s_type(f, CAROL, true); /* no member */
    fixture_tick(f, 50);
    const struct effect *told = fixture_expect(f, MSG_TYPISTS, &msg);
    assert_true(told->env.flags & ENVELOPE_EPHEMERAL);
    assert_int_equal(1, msg.as.typists.users.count);
    s_type(f, ALICE, true);
    fixture_tick(f, 100);
    fixture_expect_none(f, MSG_TYPISTS); /* not more often than each 250 ms */
    fixture_tick(f, 150);
    fixture_expect(f, MSG_TYPISTS, &msg);
    assert_int_equal(2, msg.as.typists.users.count);
    fixture_tick(f, LIM_TYPING_EXPIRE_MS);
    fixture_expect(f, MSG_TYPISTS, &msg);
    assert_int_equal(0, msg.as.typists.users.count);
}

static void test_who_types_on_is_told_again_before_it_expires(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    fixture_usual(f);
    fixture_attach(f, f->edge, ALICE, 1, true, 1, 5);
    s_type(f, BOB, true);
    fixture_tick(f, 50);
    fixture_expect(f, MSG_TYPISTS, &msg);
    fixture_tick(f, LIM_TYPING_SEND_MS);
    s_type(f, BOB, true);
    fixture_tick(f, 50);
    fixture_expect(f, MSG_TYPISTS, &msg);
    assert_int_equal(1, msg.as.typists.users.count);
}

static void test_who_has_said_a_line_types_no_more(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    fixture_usual(f);
    fixture_attach(f, f->edge, ALICE, 1, true, 1, 5);
    s_type(f, BOB, true);
    fixture_tick(f, 50);
    fixture_expect(f, MSG_TYPISTS, &msg);
    fixture_post(f, BOB, 1, "said");
    fixture_turn(f);
    fixture_outcome(f, 0);
    fixture_tick(f, 300);
    fixture_expect(f, MSG_TYPISTS, &msg);
    assert_int_equal(0, msg.as.typists.users.count);
}

static void test_history_is_passed_on_with_what_the_reader_may_see(void **state)
{
    struct fixture *f = *state;
    struct msg msg, get = {.type = MSG_ROOM_PAGE_GET};
    fixture_usual(f);
    get.as.room_page_get = (struct msg_room_page_get){.room = ROOM, .before = 4, .limit = 50};
    uint64_t correlation = fixture_send(f, f->edge, BOB, &get);
    const struct effect *ask = fixture_expect(f, MSG_STORE_PAGE_GET, &msg);
    assert_int_equal(correlation, ask->env.correlation);
    assert_true(ask->env.reply_to == f->edge);
    assert_int_equal(5, msg.as.store_page_get.as_of);
    fixture_send(f, f->edge, CAROL, &get);
    fixture_expect(f, MSG_ERR, &msg);
    assert_code(ERR_NOT_MEMBER, msg.as.err.code);
    struct msg members = {.type = MSG_ROOM_MEMBERS_GET};
    members.as.room_members_get = (struct msg_room_members_get){.room = ROOM, .limit = 10};
    fixture_send(f, f->edge, BOB, &members);
    ask = fixture_expect(f, MSG_STORE_MEMBERS_GET, &msg);
    assert_true(ask->env.reply_to == f->edge);
}

static void test_an_export_is_passed_on_for_the_owner_only(void **state)
{
    struct fixture *f = *state;
    struct msg msg, get = {.type = MSG_ROOM_EXPORT_GET};
    fixture_usual(f);
    get.as.room_export_get = (struct msg_room_export_get){.room = ROOM, .after = 1, .upto = 5};
    fixture_send(f, f->edge, ALICE, &get);
    const struct effect *ask = fixture_expect(f, MSG_STORE_DELTA_GET, &msg);
    assert_true(ask->env.reply_to == f->edge);
    assert_int_equal(1, msg.as.store_delta_get.after);
    assert_int_equal(5, msg.as.store_delta_get.upto);
    fixture_send(f, f->edge, BOB, &get);
    fixture_expect(f, MSG_ERR, &msg);
    assert_code(ERR_FORBIDDEN, msg.as.err.code);
    fixture_send(f, f->edge, CAROL, &get);
    fixture_expect(f, MSG_ERR, &msg);
    assert_code(ERR_NOT_MEMBER, msg.as.err.code);
    get.as.room_export_get.upto = 6; /* beyond the head */
    fixture_send(f, f->edge, ALICE, &get);
    fixture_expect(f, MSG_ERR, &msg);
    assert_code(ERR_OUT_OF_RANGE, msg.as.err.code);
}

/* What a former boot had asked may have waited for its room, and is handled after the new boot has attached. */
static void test_a_former_boot_of_an_edge_does_not_drop_the_readers_of_the_new_one(void **state)
{
    struct fixture *f = *state;
    const address_t again = address_make(ROLE_EDGE, 0, 99);
    fixture_usual(f);
    fixture_attach(f, f->edge, BOB, 1, true, 1, 5);
    fixture_peer(f, again, PEER_UP);
    fixture_attach(f, again, BOB, 2, true, 1, 5);
    fixture_forget(f);
    fixture_attach(f, f->edge, CAROL, 3, true, 1, 5);
    fixture_forget(f);
    fixture_request(f, again, ALICE, MSG_ROOM_POST, 1, 0, "hello");
    fixture_turn(f);
    fixture_outcome(f, 0);
    const struct effect *event = fixture_expect(f, MSG_EVENT, NULL);
    assert_true(event->to == again);
    assert_int_equal(1, fixture_count(f, MSG_EVENT));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_former_boot_of_an_edge_does_not_drop_the_readers_of_the_new_one),
        TEST(test_a_reader_gets_what_follows_its_last_event),
        TEST(test_a_reader_who_has_all_gets_an_empty_delta),
        TEST(test_a_fresh_reader_of_a_short_room_gets_all_of_it),
        TEST(test_a_delta_of_501_events_is_a_snapshot),
        TEST(test_what_is_not_in_memory_comes_from_the_store),
        TEST(test_a_snapshot_that_memory_cannot_give_comes_from_the_store),
        TEST(test_another_history_is_a_reset),
        TEST(test_a_delta_past_its_bytes_is_a_snapshot_within_them),
        TEST(test_strangers_are_refused_and_members_attached),
        TEST(test_only_strangers_get_no_frame),
        TEST(test_events_follow_the_answer_on_the_same_pipe),
        TEST(test_watchers_get_heads_and_no_events),
        TEST(test_whoever_reads_learns_which_lines_are_deleted),
        TEST(test_members_are_looked_for_by_members),
        TEST(test_an_edge_that_restarts_or_vanishes_has_no_readers),
        TEST(test_an_edge_that_comes_up_again_attaches_again),
        TEST(test_detached_readers_get_nothing),
        TEST(test_presence_is_full_at_first_and_then_changes_once_a_second),
        TEST(test_presence_of_more_than_500_members_is_a_count),
        TEST(test_typists_are_told_and_expire),
        TEST(test_who_types_on_is_told_again_before_it_expires),
        TEST(test_who_has_said_a_line_types_no_more),
        TEST(test_history_is_passed_on_with_what_the_reader_may_see),
        TEST(test_an_export_is_passed_on_for_the_owner_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
