/* room_shard: inboxes, leases and the directory. */
#include "tests/actors/room_fixture.h"

#include <string.h>

static void s_open(struct fixture *f, address_t edge, uint64_t user, uint64_t session)
{
    struct msg msg = {.type = MSG_INBOX_OPEN};
    msg.as.inbox_open = (struct msg_inbox_open){.user = user, .session = session};
    fixture_send(f, edge, user, &msg);
}

static void s_answer_inbox(struct fixture *f, uint64_t user, size_t rooms)
{
    list_writer_t list;
    list_writer_init(&list, 1 << 19);
    for (size_t i = 0; i < rooms; i++) {
        struct rec_room_state state = {.room = ROOM + i, .incarnation = 1, .name = view_of_text("kitchen"),
                                       .head = 5, .msg_no = 5, .read_msg_no = 2};
        assert_int_equal(ERR_OK, rec_room_state_append(&list, &state));
    }
    struct msg msg = {.type = MSG_STORE_INBOX};
    msg.as.store_inbox = (struct msg_store_inbox){.user = user, .rooms = list_of(&list)};
    const struct effect *ask = fixture_expect(f, MSG_STORE_INBOX_GET, NULL);
    fixture_reply(f, ask->env.correlation, &msg);
    list_writer_fini(&list);
}

static void s_read(struct fixture *f, address_t edge, uint64_t user, uint64_t msg_no)
{
    struct msg msg = {.type = MSG_READ};
    msg.as.read = (struct msg_read){.room = ROOM, .msg_no = msg_no};
    fixture_send(f, edge, user, &msg);
}

static void test_an_inbox_is_loaded_once_for_all_sockets(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    s_open(f, f->edge, BOB, 1);
    s_open(f, f->edge_2, BOB, 1);
    assert_int_equal(1, fixture_count(f, MSG_STORE_INBOX_GET));
    s_answer_inbox(f, BOB, 3);
    fixture_expect(f, MSG_INBOX, &msg);
    assert_int_equal(3, msg.as.inbox.rooms.count);
    fixture_expect(f, MSG_INBOX, &msg);
    s_open(f, f->edge, BOB, 2);
    fixture_expect(f, MSG_INBOX, &msg);
    assert_int_equal(1, fixture_count(f, MSG_STORE_INBOX_GET));
}

static void test_a_full_inbox_fits_its_message(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    s_open(f, f->edge, BOB, 1);
    s_answer_inbox(f, BOB, LIM_SUBS_MAX);
    fixture_expect(f, MSG_INBOX, &msg);
    assert_int_equal(LIM_SUBS_MAX, msg.as.inbox.rooms.count);
}

static void test_read_pointers_only_grow_and_reach_all_devices(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    s_open(f, f->edge, BOB, 1);
    s_answer_inbox(f, BOB, 1);
    s_open(f, f->edge_2, BOB, 1);
    fixture_forget(f);
    s_read(f, f->edge, BOB, 4);
    assert_int_equal(2, fixture_count(f, MSG_READ_AT));
    fixture_expect(f, MSG_READ_AT, &msg);
    assert_int_equal(4, msg.as.read_at.msg_no);
    fixture_forget(f);
    s_read(f, f->edge, BOB, 3);
    assert_int_equal(0, fixture_count(f, MSG_READ_AT));
}

static void test_read_marks_are_stored_within_two_seconds_and_repeated_until_they_are(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    struct rec_read_mark mark;
    s_open(f, f->edge, BOB, 1);
    s_answer_inbox(f, BOB, 1);
    s_read(f, f->edge, BOB, 3);
    s_read(f, f->edge, BOB, 4);
    fixture_tick(f, 2000);
    fixture_expect(f, MSG_STORE_READS, &msg);
    assert_int_equal(1, msg.as.store_reads.marks.count);
    assert_true(rec_read_mark_next(&msg.as.store_reads.marks, &mark));
    assert_int_equal(4, mark.msg_no);
    fixture_forget(f);
    fixture_tick(f, 2100);
    fixture_tick(f, 1000);
    const struct effect *again = fixture_expect(f, MSG_STORE_READS, NULL);
    fixture_reply(f, again->env.correlation, &(struct msg){.type = MSG_STORE_OK});
    fixture_forget(f);
    fixture_tick(f, 5000);
    assert_int_equal(0, fixture_count(f, MSG_STORE_READS));
}

/* ---- what users decide ---- */

static void s_wish(struct fixture *f, address_t edge, uint64_t user, const struct msg *msg)
{
    fixture_send(f, edge, user, msg);
}

static void s_unread_from(struct fixture *f, uint64_t msg_no, uint64_t turn)
{
    struct msg msg = {.type = MSG_UNREAD_FROM};
    msg.as.unread_from = (struct msg_unread_from){.room = ROOM, .msg_no = msg_no, .turn = turn};
    s_wish(f, f->edge, BOB, &msg);
}

/* Answers the last question as a store that did what was asked. */
static void s_placed(struct fixture *f, uint64_t rev, uint64_t turn, uint64_t read_msg_no, uint32_t notify)
{
    struct msg msg = {.type = MSG_STORE_PLACE};
    msg.as.store_place = (struct msg_store_place){.found = true, .user = BOB, .room = ROOM, .rev = rev, .turn = turn,
                                                  .read_msg_no = read_msg_no, .notify = notify};
    fixture_reply(f, fixture_expect(f, MSG_STORE_PLACE_SET, NULL)->env.correlation, &msg);
}

static struct msg_read_at s_read_at(struct fixture *f)
{
    struct msg msg;
    fixture_expect(f, MSG_READ_AT, &msg);
    return msg.as.read_at;
}

static void s_two_devices(struct fixture *f)
{
    s_open(f, f->edge, BOB, 1);
    s_answer_inbox(f, BOB, 1);
    s_open(f, f->edge_2, BOB, 1);
    fixture_forget(f);
}

static void test_lines_marked_as_unread_are_so_on_all_devices_when_it_is_stored(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    s_two_devices(f);
    s_unread_from(f, 2, 0);
    assert_int_equal(0, fixture_count(f, MSG_READ_AT)); /* not before the store has it */
    fixture_expect(f, MSG_STORE_PLACE_SET, &msg);
    assert_int_equal(0, msg.as.store_place_set.rev);
    assert_int_equal(1, msg.as.store_place_set.value);
    fixture_look_again(f);
    s_placed(f, 1, 1, 1, 0);
    assert_int_equal(3, fixture_count(f, MSG_READ_AT)); /* both edges, and the answer to who asked */
    struct msg_read_at at = s_read_at(f);
    assert_int_equal(1, at.msg_no);
    assert_int_equal(1, at.turn);
    fixture_expect(f, MSG_STORE_MENTIONS_GET, &msg); /* those who call are counted anew, from there */
    struct rec_read_from from;
    assert_true(rec_read_from_next(&msg.as.store_mentions_get.rooms, &from));
    assert_int_equal(1, from.msg_no);
    fixture_forget(f);
    s_open(f, f->edge, BOB, 2);
    fixture_expect(f, MSG_INBOX, &msg);
    struct rec_room_state room;
    assert_true(rec_room_state_next(&msg.as.inbox.rooms, &room));
    assert_int_equal(1, room.read_msg_no);
    assert_int_equal(1, room.turn);
}

static void s_read_in(struct fixture *f, uint64_t turn, uint64_t msg_no)
{
    struct msg msg = {.type = MSG_READ};
    msg.as.read = (struct msg_read){.room = ROOM, .msg_no = msg_no, .turn = turn};
    fixture_send(f, f->edge_2, BOB, &msg);
}

/* The other device shows the room and reads on until it hears of the mark: before, during and after the store has it. */
static void test_what_another_device_read_before_it_heard_of_the_mark_does_not_undo_it(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    struct rec_read_mark mark;
    s_two_devices(f);
    s_read_in(f, 0, 3);
    s_unread_from(f, 2, 0);
    s_read_in(f, 0, 4);
    s_placed(f, 1, 1, 1, 0);
    fixture_forget(f);
    s_read_in(f, 0, 5);
    assert_int_equal(0, fixture_count(f, MSG_READ_AT));
    fixture_tick(f, 2000);
    assert_int_equal(0, fixture_count(f, MSG_STORE_READS)); /* what was read before is not stored after it */
    s_read_in(f, 1, 3); /* it has heard */
    assert_int_equal(3, s_read_at(f).msg_no);
    fixture_tick(f, 2000);
    fixture_expect(f, MSG_STORE_READS, &msg);
    assert_true(rec_read_mark_next(&msg.as.store_reads.marks, &mark));
    assert_int_equal(3, mark.msg_no);
    assert_int_equal(1, mark.turn);
}

static void test_a_mark_under_an_old_turn_is_answered_by_how_it_is(void **state)
{
    struct fixture *f = *state;
    s_two_devices(f);
    s_unread_from(f, 2, 0);
    s_placed(f, 1, 1, 1, 0);
    fixture_forget(f);
    s_unread_from(f, 2, 0); /* again: its answer was lost */
    assert_int_equal(0, fixture_count(f, MSG_STORE_PLACE_SET));
    struct msg_read_at at = s_read_at(f);
    assert_int_equal(1, at.turn);
    assert_int_equal(1, at.msg_no);
}

static err_t s_refused(struct fixture *f)
{
    struct msg msg;
    fixture_expect(f, MSG_ERR, &msg);
    return msg.as.err.code;
}

static void test_one_decision_at_a_time_and_the_store_has_the_last_word(void **state)
{
    struct fixture *f = *state;
    s_two_devices(f);
    s_unread_from(f, 0, 0);
    assert_code(ERR_OUT_OF_RANGE, s_refused(f));
    struct msg stranger = {.type = MSG_NOTIFY, .as.notify = {.room = ROOM + 7, .level = 1}};
    s_wish(f, f->edge, BOB, &stranger);
    assert_code(ERR_NOT_MEMBER, s_refused(f));
    struct msg level = {.type = MSG_NOTIFY, .as.notify = {.room = ROOM, .level = 1}};
    s_wish(f, f->edge, BOB, &level);
    s_unread_from(f, 2, 0);
    assert_code(ERR_BUSY, s_refused(f));
    fixture_look_again(f);
    s_placed(f, 4, 3, 1, 2); /* a former owner was first: level 2, and lines marked as unread */
    assert_int_equal(2, fixture_count(f, MSG_READ_AT));
    assert_int_equal(2, fixture_count(f, MSG_NOTIFIED)); /* as it is; who asked for another is told to ask again */
    assert_code(ERR_BUSY, s_refused(f));
    fixture_forget(f);
    s_wish(f, f->edge, BOB, &level);
    s_placed(f, 5, 3, 1, 1);
    assert_int_equal(3, fixture_count(f, MSG_NOTIFIED));
    assert_int_equal(0, fixture_count(f, MSG_READ_AT));
}

/* The database ended between the commit and its answer. What is read later is said under the turn that is stored, or the
 * store would refuse it for ever. */
static void test_a_decision_whose_outcome_is_unknown_is_looked_up(void **state)
{
    struct fixture *f = *state;
    struct msg err = {.type = MSG_ERR, .as.err.code = ERR_UNAVAILABLE}, msg;
    s_two_devices(f);
    s_unread_from(f, 2, 0);
    fixture_reply(f, fixture_expect(f, MSG_STORE_PLACE_SET, NULL)->env.correlation, &err);
    fixture_forget(f);
    fixture_tick(f, 2000);
    fixture_expect(f, MSG_STORE_PLACE_SET, &msg);
    assert_true(msg.as.store_place_set.rev > 1000); /* it changes nothing */
    fixture_look_again(f);
    fixture_reply(f, fixture_expect(f, MSG_STORE_PLACE_SET, NULL)->env.correlation, &err); /* still away */
    fixture_forget(f);
    fixture_tick(f, 2000);
    s_placed(f, 1, 1, 1, 0);
    struct msg_read_at at = s_read_at(f);
    assert_int_equal(1, at.turn);
    assert_int_equal(1, at.msg_no);
    fixture_forget(f);
    fixture_tick(f, 2000);
    assert_int_equal(0, fixture_count(f, MSG_STORE_PLACE_SET)); /* known now */
}

static void test_a_decision_that_cannot_be_stored_is_refused_and_may_be_repeated(void **state)
{
    struct fixture *f = *state;
    struct msg err = {.type = MSG_ERR, .as.err.code = ERR_UNAVAILABLE};
    s_two_devices(f);
    s_unread_from(f, 2, 0);
    fixture_reply(f, fixture_expect(f, MSG_STORE_PLACE_SET, NULL)->env.correlation, &err);
    assert_code(ERR_UNAVAILABLE, s_refused(f));
    assert_int_equal(0, fixture_count(f, MSG_READ_AT));
    fixture_forget(f);
    s_unread_from(f, 2, 0);
    s_placed(f, 1, 1, 1, 0);
    assert_int_equal(3, fixture_count(f, MSG_READ_AT));
}

static void test_a_change_of_role_keeps_what_the_user_decided(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    struct rec_room_state room = {.room = ROOM, .incarnation = 1, .head = 9, .msg_no = 6, .role = 1,
                                  .name = view_of_text("kitchen")};
    list_writer_t rooms;
    list_writer_init(&rooms, 4096);
    s_two_devices(f);
    s_unread_from(f, 2, 0);
    s_placed(f, 1, 1, 1, 0);
    struct msg level = {.type = MSG_NOTIFY, .as.notify = {.room = ROOM, .level = 2}};
    s_wish(f, f->edge, BOB, &level);
    s_placed(f, 2, 1, 1, 2);
    rec_room_state_append(&rooms, &room);
    msg = (struct msg){.type = MSG_INBOX_MEMBER};
    msg.as.inbox_member = (struct msg_inbox_member){.user = BOB, .seq = 9, .joined = true, .rooms = list_of(&rooms)};
    fixture_send(f, f->room_2, BOB, &msg);
    fixture_expect(f, MSG_ROOM_ADDED, &msg);
    assert_true(rec_room_state_next(&msg.as.room_added.rooms, &room));
    assert_int_equal(1, room.role);
    assert_int_equal(2, room.notify);
    assert_int_equal(1, room.turn);
    assert_int_equal(2, room.rev);
    list_writer_fini(&rooms);
}

static void test_a_joining_reaches_the_users_sockets(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    s_open(f, f->edge_2, CAROL, 1);
    s_answer_inbox(f, CAROL, 0);
    fixture_usual(f);
    fixture_request(f, f->edge, CAROL, MSG_ROOM_JOIN, 1, 0, NULL);
    fixture_turn(f);
    fixture_outcome(f, 0);
    const struct effect *added = fixture_expect(f, MSG_ROOM_ADDED, &msg);
    assert_true(added->to == f->edge_2);
    assert_int_equal(CAROL, added->env.user);
    struct rec_room_state room;
    assert_true(rec_room_state_next(&msg.as.room_added.rooms, &room));
    assert_int_equal(ROOM, room.room);
    fixture_request(f, f->edge, CAROL, MSG_ROOM_LEAVE, 2, 0, NULL);
    fixture_turn(f);
    fixture_outcome(f, 0);
    const struct effect *removed = fixture_expect(f, MSG_ROOM_REMOVED, &msg);
    assert_true(removed->to == f->edge_2);
    assert_int_equal(ROOM, msg.as.room_removed.room);
}

static void test_the_inbox_of_another_actor_is_told_until_it_answers(void **state)
{
    (void)state;
    uint32_t shard = id_shard(ROOM);
    assert_int_not_equal(shard, id_shard(CAROL));
    struct fixture *f = fixture_owning(shard, 1);
    struct msg msg;
    fixture_usual(f);
    fixture_request(f, f->edge, CAROL, MSG_ROOM_JOIN, 1, 0, NULL);
    fixture_turn(f);
    fixture_outcome(f, 0);
    const struct effect *told = fixture_expect(f, MSG_INBOX_MEMBER, &msg);
    assert_true(address_is_same_node(told->to, f->room_2));
    assert_int_equal(6, msg.as.inbox_member.seq);
    assert_true(msg.as.inbox_member.joined);
    fixture_forget(f);
    fixture_tick(f, 1000);
    fixture_tick(f, 1000);
    assert_true(fixture_count(f, MSG_INBOX_MEMBER) >= 1);
    struct msg ok = {.type = MSG_INBOX_MEMBER_OK};
    ok.as.inbox_member_ok = (struct msg_inbox_member_ok){.user = CAROL, .room = ROOM, .seq = 6};
    fixture_send(f, f->room_2, 0, &ok);
    fixture_forget(f);
    fixture_tick(f, 1000);
    fixture_tick(f, 1000);
    assert_int_equal(0, fixture_count(f, MSG_INBOX_MEMBER));
    fixture_destroy(f);
}

static void test_an_inbox_that_was_elsewhere_is_told_as_soon_as_it_is_known_where(void **state)
{
    (void)state;
    struct fixture *f = fixture_owning(id_shard(ROOM), 1);
    address_t third = address_make(ROLE_ROOM, 77, 1);
    fixture_usual(f);
    fixture_request(f, f->edge, CAROL, MSG_ROOM_JOIN, 1, 0, NULL);
    fixture_turn(f);
    fixture_outcome(f, 0);
    fixture_tick(f, 50);
    uint64_t asked = fixture_expect(f, MSG_DIR_LEASES_GET, NULL)->env.correlation;
    fixture_forget(f);
    fixture_tick(f, 50);
    fixture_expect_none(f, MSG_INBOX_MEMBER);
    fixture_leases(f, asked, id_shard(CAROL), 1, third, EPOCH);
    fixture_tick(f, 50);
    assert_true(address_is_same_node(fixture_expect(f, MSG_INBOX_MEMBER, NULL)->to, third));
    fixture_tick(f, 50);
    fixture_expect_none(f, MSG_INBOX_MEMBER);
    fixture_destroy(f);
}

static uint64_t s_told_pointer(struct fixture *f)
{
    struct msg msg;
    struct rec_room_state room;
    fixture_expect(f, MSG_INBOX_MEMBER, &msg);
    assert_true(rec_room_state_next(&msg.as.inbox_member.rooms, &room));
    assert_true(msg.as.inbox_member.joined);
    return room.read_msg_no;
}

/* The notice of the joining was not answered yet when the role changed. */
static void test_a_change_of_role_does_not_mark_lines_as_read(void **state)
{
    (void)state;
    struct fixture *f = fixture_owning(id_shard(ROOM), 1);
    fixture_usual(f);
    fixture_request(f, f->edge, CAROL, MSG_ROOM_JOIN, 1, 0, NULL);
    fixture_turn(f);
    fixture_outcome(f, 0);
    uint64_t at_join = s_told_pointer(f);
    fixture_post(f, ALICE, 2, "welcome");
    fixture_turn(f);
    fixture_outcome(f, 0);
    struct msg role = {.type = MSG_ROOM_ROLE, .as.room_role = {.room = ROOM, .client_id = cid_of(3), .member = CAROL,
                                                               .role = 1}};
    fixture_send(f, f->edge, ALICE, &role);
    fixture_turn(f);
    fixture_outcome(f, 0);
    fixture_forget(f);
    fixture_tick(f, 1000);
    fixture_tick(f, 1000);
    assert_int_equal(at_join, s_told_pointer(f));
    fixture_destroy(f);
}

/* Who committed the joining may have died before the inbox had heard of it. */
static void test_a_room_that_is_read_tells_inboxes_of_what_happened_just_now(void **state)
{
    (void)state;
    uint32_t shard = id_shard(ROOM);
    struct fixture *f = fixture_owning(shard, 1);
    struct msg msg = {.type = MSG_ROOM_INFO_GET, .as.room_info_get.room = ROOM};
    list_writer_t members, tail;
    buffer_t frame;
    list_writer_init(&members, 65536);
    list_writer_init(&tail, 65536);
    buffer_init(&frame, LIM_EVENT_BYTES_MAX);
    rec_room_member_append(&members, &(struct rec_room_member){.user = ALICE, .role = 2, .joined_seq = 1});
    for (uint64_t seq = 1; seq <= 3; seq++) { /* at_ms is 1000 + seq: BOB's is too old, CAROL's not */
        fixture_make_event(&frame, seq, seq == 1 ? KIND_JOINED : KIND_LEFT, seq == 1 ? BOB : CAROL, seq, 0, 0, NULL);
        rec_frame_append(&tail, &(struct rec_frame){.event = buffer_view(&frame)});
    }
    f->utc_ms = 1000 + 1 + 60000;
    fixture_send(f, f->edge, ALICE, &msg);
    msg = (struct msg){.type = MSG_STORE_ROOM};
    msg.as.store_room = (struct msg_store_room){.found = true, .room = ROOM, .incarnation = 1,
                                                .name = view_of_text("kitchen"), .last_seq = 3, .last_at_ms = 1003,
                                                .members = list_of(&members), .tail = list_of(&tail)};
    fixture_reply(f, fixture_expect(f, MSG_STORE_ROOM_GET, NULL)->env.correlation, &msg);
    fixture_forget(f);
    fixture_tick(f, 50);
    fixture_expect(f, MSG_INBOX_MEMBER, &msg);
    assert_int_equal(CAROL, msg.as.inbox_member.user);
    assert_int_equal(3, msg.as.inbox_member.seq);
    assert_false(msg.as.inbox_member.joined);
    fixture_expect_none(f, MSG_INBOX_MEMBER);
    list_writer_fini(&members);
    list_writer_fini(&tail);
    buffer_fini(&frame);
    fixture_destroy(f);
}

static void test_what_an_inbox_was_read_with_changes_nothing_when_told_again(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    list_writer_t rooms;
    list_writer_init(&rooms, 65536);
    struct rec_room_state room = {.room = ROOM, .incarnation = 1, .head = 5, .msg_no = 5, .read_msg_no = 2};
    rec_room_state_append(&rooms, &room);
    s_open(f, f->edge, BOB, 1);
    struct msg stored = {.type = MSG_STORE_INBOX};
    stored.as.store_inbox = (struct msg_store_inbox){.user = BOB, .rooms = list_of(&rooms)};
    fixture_reply(f, fixture_expect(f, MSG_STORE_INBOX_GET, NULL)->env.correlation, &stored);
    list_writer_clear(&rooms);
    room.read_msg_no = 5; /* as a room tells it of who just came */
    rec_room_state_append(&rooms, &room);
    for (uint64_t seq = 5; seq <= 6; seq++) {
        struct msg told = {.type = MSG_INBOX_MEMBER};
        told.as.inbox_member =
            (struct msg_inbox_member){.user = BOB, .seq = seq, .joined = true, .rooms = list_of(&rooms)};
        fixture_send(f, f->room_2, 0, &told);
        fixture_forget(f);
        s_open(f, f->edge, BOB, seq);
        fixture_expect(f, MSG_INBOX, &msg);
        assert_true(rec_room_state_next(&msg.as.inbox.rooms, &room));
        assert_int_equal(seq == 5 ? 2 : 5, room.read_msg_no); /* 6 came after: they left and entered again */
    }
    list_writer_fini(&rooms);
}

static void test_a_user_in_512_rooms_enters_no_further_one(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    fixture_usual(f);
    s_open(f, f->edge, CAROL, 1);
    s_answer_inbox(f, CAROL, LIM_SUBS_MAX);
    fixture_request(f, f->edge, CAROL, MSG_ROOM_JOIN, 1, 0, NULL);
    fixture_expect(f, MSG_NACK, &msg);
    assert_code(ERR_TOO_MANY_ROOMS, msg.as.nack.code);
}

static void test_nothing_is_served_four_seconds_after_the_last_good_beat_was_sent(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    fixture_usual(f);
    int64_t start = f->now_ms - 50; /* when DIR_HELLO went */
    (void)start;
    fixture_tick(f, 1000);
    const struct effect *beat = fixture_expect(f, MSG_DIR_BEAT, NULL);
    f->now_ms += 2500; /* the answer is slow */
    fixture_reply(f, beat->env.correlation, &(struct msg){.type = MSG_STORE_OK});
    f->now_ms += 1499;
    fixture_forget(f);
    fixture_post(f, ALICE, 1, "in time");
    assert_int_equal(0, fixture_count(f, MSG_NACK));
    f->now_ms += 1;
    fixture_post(f, ALICE, 2, "too late");
    fixture_expect(f, MSG_NACK, &msg);
    assert_code(ERR_NOT_OWNER, msg.as.nack.code);
    fixture_turn(f);
    assert_int_equal(0, fixture_count(f, MSG_STORE_APPEND)); /* not even what was accepted */
    fixture_attach(f, f->edge, BOB, 1, true, 1, 5);
    fixture_expect(f, MSG_ERR, &msg);
    assert_code(ERR_NOT_OWNER, msg.as.err.code);
    fixture_tick(f, 100);
    fixture_look_again(f);
    beat = fixture_expect(f, MSG_DIR_BEAT, NULL); /* nobody took over: it goes on */
    fixture_reply(f, beat->env.correlation, &(struct msg){.type = MSG_STORE_OK});
    fixture_turn(f);
    assert_int_equal(1, fixture_outcome(f, 0));
}

static void test_who_was_declared_dead_serves_nothing_any_more(void **state)
{
    struct fixture *f = *state;
    struct msg fenced = {.type = MSG_ERR, .as.err.code = ERR_FENCED};
    fixture_usual(f);
    fixture_attach(f, f->edge, ALICE, 1, true, 1, 5);
    fixture_post(f, ALICE, 1, "queued");
    fixture_forget(f);
    fixture_tick(f, 1000);
    const struct effect *beat = fixture_expect(f, MSG_DIR_BEAT, NULL);
    fixture_forget(f);
    fixture_reply(f, beat->env.correlation, &fenced);
    assert_int_equal(ROOM_SHARD_FENCED, room_shard_state(f->shard));
    fixture_forget(f);
    fixture_post(f, ALICE, 2, "nobody home");
    fixture_turn(f);
    fixture_tick(f, 1000);
    assert_int_equal(0, f->out.count);
}

static void test_a_clean_stop_stores_what_was_accepted_and_gives_the_shards_back(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    fixture_usual(f);
    fixture_post(f, ALICE, 1, "one");
    fixture_turn(f);
    fixture_post(f, ALICE, 2, "two");
    room_shard_stop(f->shard, f->now_ms, f->utc_ms, &f->out);
    fixture_post(f, ALICE, 3, "too late");
    fixture_expect(f, MSG_NACK, &msg);
    assert_code(ERR_DRAINING, msg.as.nack.code);
    fixture_outcome(f, 0);
    fixture_tick(f, 50);
    assert_int_equal(0, fixture_count(f, MSG_DIR_RELEASE));
    fixture_outcome(f, 0);
    assert_int_equal(1, fixture_count(f, MSG_ACK));
    fixture_tick(f, 50);
    const struct effect *release = fixture_expect(f, MSG_DIR_RELEASE, NULL);
    fixture_reply(f, release->env.correlation, &(struct msg){.type = MSG_STORE_OK});
    assert_int_equal(ROOM_SHARD_STOPPED, room_shard_state(f->shard));
}

static void test_a_shard_of_another_actor_is_refused(void **state)
{
    (void)state;
    struct fixture *f = fixture_owning((id_shard(ROOM) + 1) % LIM_SHARDS, 1);
    struct msg msg;
    fixture_post(f, ALICE, 1, "wrong house");
    fixture_expect(f, MSG_NACK, &msg);
    assert_code(ERR_NOT_OWNER, msg.as.nack.code);
    assert_true(msg.as.nack.retry_ms > 0);
    assert_false(msg.as.nack.final);
    s_open(f, f->edge, id_shard(ALICE) == id_shard(ROOM) ? BOB : ALICE, 1);
    fixture_expect(f, MSG_ERR, &msg);
    assert_code(ERR_NOT_OWNER, msg.as.err.code);
    fixture_destroy(f);
}

static void test_it_says_hello_until_it_is_welcome(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    fixture_tick(f, 0);
    fixture_tick(f, 500);
    assert_int_equal(1, fixture_count(f, MSG_DIR_HELLO));
    fixture_tick(f, 500);
    assert_int_equal(2, fixture_count(f, MSG_DIR_HELLO));
    fixture_peer(f, f->persist, PEER_UP);
    fixture_tick(f, 1);
    assert_int_equal(3, fixture_count(f, MSG_DIR_HELLO));
    assert_int_equal(ROOM_SHARD_STARTING, room_shard_state(f->shard));
    fixture_destroy(f);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_an_inbox_is_loaded_once_for_all_sockets),
        TEST(test_a_full_inbox_fits_its_message),
        TEST(test_read_pointers_only_grow_and_reach_all_devices),
        TEST(test_read_marks_are_stored_within_two_seconds_and_repeated_until_they_are),
        TEST(test_lines_marked_as_unread_are_so_on_all_devices_when_it_is_stored),
        TEST(test_what_another_device_read_before_it_heard_of_the_mark_does_not_undo_it),
        TEST(test_a_mark_under_an_old_turn_is_answered_by_how_it_is),
        TEST(test_one_decision_at_a_time_and_the_store_has_the_last_word),
        TEST(test_a_decision_whose_outcome_is_unknown_is_looked_up),
        TEST(test_a_decision_that_cannot_be_stored_is_refused_and_may_be_repeated),
        TEST(test_a_change_of_role_keeps_what_the_user_decided),
        TEST(test_a_joining_reaches_the_users_sockets),
        cmocka_unit_test(test_the_inbox_of_another_actor_is_told_until_it_answers),
        cmocka_unit_test(test_an_inbox_that_was_elsewhere_is_told_as_soon_as_it_is_known_where),
        cmocka_unit_test(test_an_inbox_that_was_elsewhere_is_told_as_soon_as_it_is_known_where),
        cmocka_unit_test(test_a_change_of_role_does_not_mark_lines_as_read),
        cmocka_unit_test(test_a_room_that_is_read_tells_inboxes_of_what_happened_just_now),
        TEST(test_what_an_inbox_was_read_with_changes_nothing_when_told_again),
        TEST(test_a_user_in_512_rooms_enters_no_further_one),
        TEST(test_nothing_is_served_four_seconds_after_the_last_good_beat_was_sent),
        TEST(test_who_was_declared_dead_serves_nothing_any_more),
        TEST(test_a_clean_stop_stores_what_was_accepted_and_gives_the_shards_back),
        cmocka_unit_test(test_a_shard_of_another_actor_is_refused),
        cmocka_unit_test(test_it_says_hello_until_it_is_welcome),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
