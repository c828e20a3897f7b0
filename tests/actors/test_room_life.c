/* room_shard: rooms are made, entered, left, loaded and unloaded. */
#include "tests/actors/room_fixture.h"

#include <string.h>

static const uint8_t KEY[KEY_BYTES] = {1, 2, 3};

static void s_expect_nack(struct fixture *f, err_t code, bool final)
{
    struct msg msg;
    fixture_expect(f, MSG_NACK, &msg);
    assert_code(code, msg.as.nack.code);
    assert_int_equal(final, msg.as.nack.final);
}

static struct msg s_create(uint64_t cid, const char *name)
{
    struct msg msg = {.type = MSG_ROOM_CREATE};
    msg.as.room_create = (struct msg_room_create){.client_id = cid_of(cid), .name = view_of_text(name),
                                                  .topic = view_of_text("")};
    return msg;
}

static void s_send_create(struct fixture *f, uint64_t user, uint64_t key, const struct msg *msg)
{
    buffer_t bytes;
    buffer_init(&bytes, 4096);
    assert_int_equal(ERR_OK, msg_encode(msg, &bytes));
    struct envelope env = {.type = msg->type, .from = f->edge, .correlation = ++f->correlation, .key = key,
                           .user = user};
    room_shard_on(f->shard, &env, buffer_view(&bytes), f->now_ms, f->utc_ms, &f->out);
    buffer_fini(&bytes);
}

static void s_answer_absent(struct fixture *f)
{
    struct msg msg = {.type = MSG_STORE_ROOM};
    const struct effect *ask = fixture_expect(f, MSG_STORE_ROOM_GET, NULL);
    fixture_reply(f, ask->env.correlation, &msg);
}

static void test_a_room_is_made_by_its_first_event(void **state)
{
    struct fixture *f = *state;
    struct msg msg, create = s_create(1, "kitchen");
    static struct fixture_rows rows;
    cid_t cid = cid_of(1);
    uint64_t room = id_of_room(KEY, ALICE, &cid);
    s_send_create(f, ALICE, room, &create);
    s_answer_absent(f);
    fixture_turn(f);
    assert_true(fixture_rows(f, &rows));
    assert_int_equal(room, rows.rows[0].room);
    assert_int_equal(1, rows.rows[0].seq);
    assert_int_equal(0, rows.rows[0].msg_no);
    fixture_outcome(f, 0);
    fixture_expect(f, MSG_ACK, &msg);
    assert_int_equal(room, msg.as.ack.room);
    assert_int_equal(1, msg.as.ack.seq);
    s_send_create(f, ALICE, room, &create);
    fixture_expect(f, MSG_ACK, &msg);
    assert_true(msg.as.ack.dup);
    struct msg info = {.type = MSG_ROOM_INFO_GET, .as.room_info_get.room = room};
    fixture_send(f, f->edge, ALICE, &info);
    fixture_expect(f, MSG_ROOM_INFO, &msg);
    assert_int_equal(2, msg.as.room_info.role);
    struct rec_room_info row;
    assert_true(rec_room_info_next(&msg.as.room_info.rooms, &row));
    assert_true(row.joined);
    assert_true(view_is_equal(view_of_text("kitchen"), row.name));
}

static void test_a_room_id_is_its_creators(void **state)
{
    struct fixture *f = *state;
    struct msg create = s_create(1, "kitchen");
    s_send_create(f, ALICE, ROOM, &create);
    s_answer_absent(f);
    s_expect_nack(f, ERR_OUT_OF_RANGE, true);
}

static void test_names_have_one_to_64_characters(void **state)
{
    struct fixture *f = *state;
    char name[LIM_ROOM_NAME_CHARS_MAX * 2 + 3] = {0};
    struct msg create = s_create(1, "  ");
    s_send_create(f, ALICE, ROOM, &create);
    s_expect_nack(f, ERR_EMPTY, true);
    for (size_t i = 0; i <= LIM_ROOM_NAME_CHARS_MAX; i++)
        memcpy(name + 2 * i, "\xc3\xa4", 2);
    create = s_create(1, name);
    s_send_create(f, ALICE, ROOM, &create);
    s_expect_nack(f, ERR_OUT_OF_RANGE, true);
    fixture_forget(f);
    name[LIM_ROOM_NAME_CHARS_MAX * 2] = '\0';
    create = s_create(1, name);
    cid_t cid = cid_of(1);
    s_send_create(f, ALICE, id_of_room(KEY, ALICE, &cid), &create);
    assert_int_equal(0, fixture_count(f, MSG_NACK));
}

static void test_a_repeated_creation_beyond_the_memory_asks_for_the_first_event(void **state)
{
    struct fixture *f = *state;
    struct msg msg, create = s_create(1, "kitchen");
    cid_t cid = cid_of(1);
    uint64_t room = id_of_room(KEY, ALICE, &cid);
    s_send_create(f, ALICE, room, &create);
    const struct effect *ask = fixture_expect(f, MSG_STORE_ROOM_GET, NULL);
    struct msg stored = {.type = MSG_STORE_ROOM};
    stored.as.store_room =
        (struct msg_store_room){.found = true, .room = room, .incarnation = 1, .last_seq = 900};
    fixture_reply(f, ask->env.correlation, &stored);
    ask = fixture_expect(f, MSG_STORE_EVENT_GET, NULL);
    buffer_t body, frame;
    list_writer_t frames;
    buffer_init(&body, 1000);
    buffer_init(&frame, 2000);
    list_writer_init(&frames, 4000);
    struct kind_room_created made = {.name = view_of_text("kitchen"), .topic = view_of_text("")};
    assert_int_equal(ERR_OK, kind_encode(KIND_ROOM_CREATED, &made, &body));
    struct msg event = {.type = MSG_EVENT};
    event.as.event = (struct msg_event){.room = room, .seq = 1, .kind = KIND_ROOM_CREATED, .user = ALICE,
                                        .at_ms = 42, .client_id = cid, .body = buffer_view(&body)};
    assert_int_equal(ERR_OK, msg_encode(&event, &frame));
    rec_frame_append(&frames, &(struct rec_frame){.event = buffer_view(&frame)});
    struct msg answer = {.type = MSG_STORE_EVENT};
    answer.as.store_event = (struct msg_store_event){.room = room, .seq = 1, .frames = list_of(&frames)};
    fixture_reply(f, ask->env.correlation, &answer);
    fixture_expect(f, MSG_ACK, &msg);
    assert_int_equal(1, msg.as.ack.seq);
    assert_int_equal(42, msg.as.ack.at_ms);
    assert_true(msg.as.ack.dup);
    buffer_fini(&body);
    buffer_fini(&frame);
    list_writer_fini(&frames);
}

static void test_joining_a_public_room_makes_a_member(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    fixture_usual(f);
    fixture_request(f, f->edge, CAROL, MSG_ROOM_JOIN, 1, 0, NULL);
    fixture_turn(f);
    fixture_outcome(f, 0);
    fixture_expect(f, MSG_ACK, &msg);
    assert_int_equal(6, msg.as.ack.seq);
    fixture_forget(f);
    fixture_post(f, CAROL, 2, "here I am");
    fixture_turn(f);
    assert_int_equal(1, fixture_outcome(f, 0));
}

static void test_joining_twice_answers_with_the_first_joining(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    fixture_usual(f);
    fixture_request(f, f->edge, BOB, MSG_ROOM_JOIN, 1, 0, NULL);
    fixture_expect(f, MSG_ACK, &msg);
    assert_int_equal(2, msg.as.ack.seq); /* BOB's joined_seq */
    assert_int_equal(1002, msg.as.ack.at_ms);
    assert_true(msg.as.ack.dup);
    fixture_turn(f);
    assert_int_equal(0, fixture_count(f, MSG_STORE_APPEND));
}

static void test_two_joins_of_one_user_at_once_make_one_event(void **state)
{
    struct fixture *f = *state;
    fixture_usual(f);
    fixture_request(f, f->edge, CAROL, MSG_ROOM_JOIN, 1, 0, NULL);
    fixture_request(f, f->edge, CAROL, MSG_ROOM_JOIN, 2, 0, NULL);
    fixture_turn(f);
    assert_int_equal(1, fixture_outcome(f, 0));
    fixture_forget(f);
    fixture_turn(f); /* the second is asked to come again, and then finds the first */
    s_expect_nack(f, ERR_BUSY, false);
    fixture_request(f, f->edge, CAROL, MSG_ROOM_JOIN, 2, 0, NULL);
    assert_int_equal(1, fixture_count(f, MSG_ACK));
}

static void test_private_rooms_cannot_be_joined_or_seen(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    fixture_load(f, &(struct stored_room){.found = true, .incarnation = 1, .visibility = 1, .last_seq = 1,
                                          .members = {ALICE}, .roles = {2}, .member_count = 1});
    fixture_request(f, f->edge, CAROL, MSG_ROOM_JOIN, 1, 0, NULL);
    fixture_turn(f);
    fixture_outcome(f, 4); /* looked up: the tail is not the whole log */
    s_expect_nack(f, ERR_NO_ROOM, true);
    struct msg info = {.type = MSG_ROOM_INFO_GET, .as.room_info_get.room = ROOM};
    fixture_send(f, f->edge, CAROL, &info);
    fixture_expect(f, MSG_ERR, &msg);
    assert_code(ERR_NO_ROOM, msg.as.err.code);
}

static void test_a_room_holds_20000_members_and_not_one_more(void **state)
{
    struct fixture *f = *state;
    fixture_load(f, &(struct stored_room){.found = true, .incarnation = 1, .last_seq = 5, .last_msg_no = 5,
                                          .tail_count = 5, .strangers = LIM_ROOM_MEMBERS_MAX - 1});
    fixture_request(f, f->edge, CAROL, MSG_ROOM_JOIN, 1, 0, NULL);
    fixture_request(f, f->edge, BOB, MSG_ROOM_JOIN, 2, 0, NULL); /* both while there is one place */
    fixture_turn(f);
    assert_int_equal(1, fixture_outcome(f, 0));
    fixture_turn(f);
    s_expect_nack(f, ERR_ROOM_FULL, true);
    fixture_request(f, f->edge, ALICE, MSG_ROOM_JOIN, 3, 0, NULL);
    s_expect_nack(f, ERR_ROOM_FULL, true);
}

static void test_who_leaves_is_no_reader_any_more(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    fixture_usual(f);
    fixture_attach(f, f->edge_2, BOB, 1, true, 1, 5);
    fixture_attach(f, f->edge, ALICE, 2, true, 1, 5);
    fixture_forget(f);
    fixture_request(f, f->edge, BOB, MSG_ROOM_LEAVE, 1, 0, NULL);
    fixture_turn(f);
    fixture_outcome(f, 0);
    assert_int_equal(2, fixture_count(f, MSG_EVENT)); /* the leaving itself is still seen */
    const struct effect *kick = fixture_expect(f, MSG_KICK, &msg);
    assert_true(kick->to == f->edge_2);
    assert_int_equal(BOB, kick->env.user);
    fixture_expect_none(f, MSG_KICK);
    fixture_forget(f);
    fixture_post(f, ALICE, 2, "alone");
    fixture_turn(f);
    fixture_outcome(f, 0);
    assert_int_equal(1, fixture_count(f, MSG_EVENT));
}

static void test_the_last_owner_may_leave(void **state)
{
    struct fixture *f = *state;
    fixture_load(f, &(struct stored_room){.found = true, .incarnation = 1, .last_seq = 5, .last_msg_no = 5,
                                          .members = {ALICE}, .roles = {2}, .member_count = 1,
                                          .tail_count = 5});
    fixture_request(f, f->edge, ALICE, MSG_ROOM_LEAVE, 1, 0, NULL);
    fixture_turn(f);
    fixture_outcome(f, 0);
    assert_int_equal(1, fixture_count(f, MSG_ACK));
}

static void test_a_room_is_loaded_once_for_all_who_wait(void **state)
{
    struct fixture *f = *state;
    fixture_post(f, ALICE, 1, "one");
    fixture_post(f, BOB, 2, "two");
    assert_int_equal(1, fixture_count(f, MSG_STORE_ROOM_GET));
    fixture_answer_room(f, &(struct stored_room){.found = true, .incarnation = 1, .last_seq = 5,
                                                 .last_msg_no = 5, .members = {ALICE, BOB},
                                                 .member_count = 2, .tail_count = 5});
    fixture_turn(f);
    assert_int_equal(2, fixture_outcome(f, 0));
}

static void test_64_may_wait_for_a_room_and_not_one_more(void **state)
{
    struct fixture *f = *state;
    for (uint64_t i = 0; i < LIM_ROOM_PARKED_MAX; i++)
        fixture_post(f, ALICE, 1 + i, "one");
    assert_int_equal(0, fixture_count(f, MSG_NACK));
    fixture_post(f, ALICE, 9999, "one too many");
    s_expect_nack(f, ERR_BUSY, false);
}

static void test_who_waits_for_a_load_is_told_after_two_seconds(void **state)
{
    struct fixture *f = *state;
    fixture_post(f, ALICE, 1, "one");
    fixture_tick(f, LIM_UNAVAILABLE_MS - 1);
    assert_int_equal(0, fixture_count(f, MSG_NACK));
    fixture_tick(f, 1);
    s_expect_nack(f, ERR_UNAVAILABLE, false);
    struct room_shard_counts counts;
    room_shard_counts(f->shard, &counts);
    assert_int_equal(0, counts.rooms);
}

static void test_a_load_is_asked_again_when_persist_comes_back(void **state)
{
    struct fixture *f = *state;
    fixture_post(f, ALICE, 1, "one");
    fixture_forget(f);
    fixture_peer(f, f->persist, PEER_UP);
    assert_int_equal(1, fixture_count(f, MSG_STORE_ROOM_GET));
    fixture_answer_room(f, &(struct stored_room){.found = true, .incarnation = 1, .last_seq = 5,
                                                 .last_msg_no = 5, .members = {ALICE}, .member_count = 1,
                                                 .tail_count = 5});
    fixture_turn(f);
    assert_int_equal(1, fixture_outcome(f, 0));
}

static void test_a_room_that_is_not_there_is_not_kept(void **state)
{
    struct fixture *f = *state;
    struct room_shard_counts counts;
    fixture_post(f, ALICE, 1, "one");
    fixture_answer_room(f, &(struct stored_room){0});
    s_expect_nack(f, ERR_NO_ROOM, true);
    room_shard_counts(f->shard, &counts);
    assert_int_equal(0, counts.rooms);
}

static void test_an_idle_room_is_unloaded_after_ten_minutes_and_one_with_readers_is_not(void **state)
{
    struct fixture *f = *state;
    struct room_shard_counts counts;
    fixture_usual(f);
    fixture_attach(f, f->edge, ALICE, 1, true, 1, 5);
    for (int i = 0; i < 130; i++) {
        fixture_tick(f, 5000);
        fixture_look_again(f);
        const struct effect *beat = fixture_next(f, MSG_DIR_BEAT, NULL);
        if (beat)
            fixture_reply(f, beat->env.correlation, &(struct msg){.type = MSG_STORE_OK});
        fixture_forget(f);
    }
    room_shard_counts(f->shard, &counts);
    assert_int_equal(1, counts.rooms);
    fixture_peer(f, f->edge, PEER_DOWN);
    fixture_tick(f, LIM_ROOM_IDLE_UNLOAD_MS - 1);
    room_shard_counts(f->shard, &counts);
    assert_int_equal(1, counts.rooms);
    fixture_tick(f, 5000);
    room_shard_counts(f->shard, &counts);
    assert_int_equal(0, counts.rooms);
}

static void test_messages_of_the_wrong_role_are_refused(void **state)
{
    struct fixture *f = *state;
    struct msg appended = {.type = MSG_STORE_APPENDED, .as.store_appended.batch = 1}, msg;
    fixture_usual(f);
    fixture_post(f, ALICE, 1, "one");
    fixture_turn(f);
    fixture_send(f, f->edge, ALICE, &appended); /* an edge cannot say what is stored */
    assert_int_equal(0, fixture_count(f, MSG_ACK));
    fixture_expect(f, MSG_ERR, &msg);
    assert_code(ERR_UNEXPECTED, msg.as.err.code);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_room_is_made_by_its_first_event),
        TEST(test_a_room_id_is_its_creators),
        TEST(test_names_have_one_to_64_characters),
        TEST(test_a_repeated_creation_beyond_the_memory_asks_for_the_first_event),
        TEST(test_joining_a_public_room_makes_a_member),
        TEST(test_joining_twice_answers_with_the_first_joining),
        TEST(test_two_joins_of_one_user_at_once_make_one_event),
        TEST(test_private_rooms_cannot_be_joined_or_seen),
        TEST(test_a_room_holds_20000_members_and_not_one_more),
        TEST(test_who_leaves_is_no_reader_any_more),
        TEST(test_the_last_owner_may_leave),
        TEST(test_a_room_is_loaded_once_for_all_who_wait),
        TEST(test_64_may_wait_for_a_room_and_not_one_more),
        TEST(test_who_waits_for_a_load_is_told_after_two_seconds),
        TEST(test_a_load_is_asked_again_when_persist_comes_back),
        TEST(test_a_room_that_is_not_there_is_not_kept),
        TEST(test_an_idle_room_is_unloaded_after_ten_minutes_and_one_with_readers_is_not),
        TEST(test_messages_of_the_wrong_role_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
