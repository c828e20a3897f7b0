/* room_shard: shards move between room nodes, so that each owns an even share. */
#include <string.h>

#include "proto/ids.h"
#include "tests/actors/room_fixture.h"

/* So many nodes live: instances 0 … count-1. */
static void s_nodes(struct fixture *f, unsigned count)
{
    list_writer_t list;
    list_writer_init(&list, 65536);
    for (unsigned i = 0; i < count; i++) {
        struct rec_dir_node node = {.node = address_node(address_make(ROLE_ROOM, (uint16_t)i, 1)),
                                    .endpoint = view_of_text("tcp://127.0.0.1:1")};
        assert_int_equal(ERR_OK, rec_dir_node_append(&list, &node));
    }
    struct msg msg = {.type = MSG_DIR_NODES, .as.dir_nodes.nodes = list_of(&list)};
    fixture_tick(f, 500);
    const struct effect *ask = fixture_expect(f, MSG_DIR_NODES_GET, NULL);
    fixture_reply(f, ask->env.correlation, &msg);
    list_writer_fini(&list);
}

static size_t s_held(const struct fixture *f)
{
    struct room_shard_counts counts;
    room_shard_counts(f->shard, &counts);
    return counts.shards;
}

/* It owns three shards, the last of them ROOM's, where two are its share: that one goes to room/1 when it asks. */
static struct fixture *s_rich(void)
{
    uint32_t shard = id_shard(ROOM);
    assert_true(shard >= 2);
    struct fixture *f = fixture_owning(shard - 2, 3);
    s_nodes(f, LIM_NODES_MAX);
    fixture_usual(f);
    fixture_forget(f);
    return f;
}

static void s_want(struct fixture *f, uint32_t count)
{
    fixture_send(f, f->room_2, 0, &(struct msg){.type = MSG_SHARDS_WANT, .as.shards_want.count = count});
}

static void s_expect_refused(struct fixture *f, uint64_t cid, err_t code)
{
    struct msg msg;
    fixture_forget(f);
    fixture_post(f, ALICE, cid, "hello?");
    fixture_expect(f, MSG_NACK, &msg);
    assert_code(code, msg.as.nack.code);
    fixture_forget(f);
}

static void test_a_node_below_its_share_asks_the_one_that_has_most(void **state)
{
    (void)state;
    struct msg msg;
    struct fixture *f = fixture_owning(0, 56); /* room/1 owns 200 */
    s_nodes(f, 2);
    fixture_tick(f, 1000);
    const struct effect *want = fixture_expect(f, MSG_SHARDS_WANT, &msg);
    assert_true(address_is_same_node(want->to, f->room_2));
    assert_int_equal(LIM_SHARDS / 2 - 56, msg.as.shards_want.count);
    fixture_forget(f);
    fixture_tick(f, 100);
    fixture_expect_none(f, MSG_SHARDS_WANT); /* not at each tick */
    fixture_destroy(f);
}

static void test_a_node_that_has_its_share_asks_nobody(void **state)
{
    (void)state;
    struct fixture *f = fixture_owning(0, 128);
    s_nodes(f, 2);
    fixture_tick(f, 1000);
    fixture_expect_none(f, MSG_SHARDS_WANT);
    fixture_destroy(f);
}

static void test_nobody_is_asked_on_old_news(void **state)
{
    (void)state;
    struct fixture *f = fixture_owning(0, 56);
    s_nodes(f, 2);
    fixture_tick(f, 3000);
    fixture_expect_none(f, MSG_SHARDS_WANT);
    fixture_destroy(f);
}

static void test_told_that_shards_were_given_it_asks_the_directory_at_once(void **state)
{
    (void)state;
    struct fixture *f = fixture_owning(0, 56);
    fixture_tick(f, 1000);
    fixture_forget(f);
    fixture_send(f, f->room_2, 0, &(struct msg){.type = MSG_SHARDS_GIVEN, .as.shards_given.count = 8});
    fixture_tick(f, 1);
    const struct effect *take = fixture_expect(f, MSG_DIR_TAKE, NULL);
    fixture_leases(f, take->env.correlation, 0, 64, f->self, EPOCH);
    assert_int_equal(64, s_held(f));
    fixture_destroy(f);
}

static void test_a_node_gives_no_more_than_it_has_beyond_its_share(void **state)
{
    (void)state;
    struct msg msg;
    struct fixture *f = fixture_owning(0, 140);
    s_nodes(f, 2);
    s_want(f, 100);
    fixture_tick(f, 50);
    fixture_expect(f, MSG_DIR_GIVE, &msg);
    assert_int_equal(12, msg.as.dir_give.leases.count);
    assert_true(msg.as.dir_give.to == address_node(f->room_2));
    fixture_destroy(f);
}

static void test_at_most_64_shards_go_at_once(void **state)
{
    (void)state;
    struct msg msg;
    struct fixture *f = fixture_running();
    s_nodes(f, 2);
    s_want(f, 128);
    fixture_tick(f, 50);
    fixture_expect(f, MSG_DIR_GIVE, &msg);
    assert_int_equal(64, msg.as.dir_give.leases.count);
    fixture_destroy(f);
}

static void test_nothing_is_given_to_a_node_that_does_not_live(void **state)
{
    (void)state;
    struct fixture *f = fixture_running();
    s_nodes(f, 1);
    s_want(f, 64);
    fixture_tick(f, 50);
    fixture_expect_none(f, MSG_DIR_GIVE);
    s_nodes(f, 2);
    fixture_tick(f, 2000); /* heard of lately, but the news grows old */
    fixture_tick(f, 2000);
    s_want(f, 64);
    fixture_tick(f, 50);
    fixture_expect_none(f, MSG_DIR_GIVE);
    fixture_destroy(f);
}

static void test_shards_go_when_what_was_accepted_is_stored_and_nothing_is_accepted_meanwhile(void **state)
{
    (void)state;
    struct msg msg;
    struct fixture *f = s_rich();
    fixture_attach(f, f->edge, BOB, 1, true, 1, 5);
    fixture_forget(f);
    fixture_post(f, ALICE, 1, "in flight");
    fixture_turn(f);
    fixture_post(f, ALICE, 2, "queued");
    s_want(f, 5);
    fixture_post(f, ALICE, 3, "too late");
    fixture_expect(f, MSG_NACK, &msg);
    assert_code(ERR_NOT_OWNER, msg.as.nack.code);
    fixture_tick(f, 50);
    fixture_expect_none(f, MSG_DIR_GIVE);
    for (int i = 0; i < 2; i++) { /* both go to their author, and to who reads */
        fixture_expect_none(f, MSG_DIR_GIVE);
        assert_int_equal(1, fixture_outcome(f, 0));
        assert_int_equal(1, fixture_count(f, MSG_ACK));
        assert_int_equal(1, fixture_count(f, MSG_EVENT));
        if (i == 0)
            fixture_turn(f);
    }
    fixture_turn(f); /* not only at the next tick */
    const struct effect *give = fixture_expect(f, MSG_DIR_GIVE, &msg);
    uint64_t correlation = give->env.correlation;
    assert_int_equal(1, msg.as.dir_give.leases.count);
    fixture_forget(f);
    fixture_leases(f, correlation, id_shard(ROOM), 1, f->room_2, EPOCH + 1);
    assert_int_equal(2, s_held(f));
    const struct effect *told = fixture_expect(f, MSG_SHARDS_GIVEN, &msg);
    assert_true(address_is_same_node(told->to, f->room_2));
    told = fixture_expect(f, MSG_ERR, &msg); /* its edges look for the new owner */
    assert_code(ERR_NOT_OWNER, msg.as.err.code);
    assert_true(told->to == f->edge);
    fixture_destroy(f);
}

static void test_what_cannot_be_stored_in_time_is_left_to_the_fence(void **state)
{
    (void)state;
    struct fixture *f = s_rich();
    fixture_post(f, ALICE, 1, "in flight");
    fixture_turn(f);
    s_want(f, 1);
    fixture_forget(f);
    fixture_tick(f, 499);
    fixture_expect_none(f, MSG_DIR_GIVE);
    fixture_tick(f, 1);
    fixture_expect(f, MSG_DIR_GIVE, NULL);
    fixture_destroy(f);
}

static void test_while_it_is_not_known_who_owns_a_shard_it_is_not_served(void **state)
{
    (void)state;
    struct fixture *f = s_rich();
    s_want(f, 1);
    fixture_tick(f, 50);
    fixture_expect(f, MSG_DIR_GIVE, NULL); /* and no answer comes */
    for (int i = 0; i < 3; i++) {
        fixture_forget(f);
        fixture_tick(f, 1000);
        fixture_tick(f, 100);
        fixture_look_again(f);
        fixture_expect(f, MSG_DIR_GIVE, NULL); /* the same again */
        s_expect_refused(f, 10 + (uint64_t)i, ERR_NOT_OWNER);
    }
    fixture_destroy(f);
}

static void test_without_a_taker_it_serves_on(void **state)
{
    (void)state;
    struct fixture *f = s_rich();
    s_want(f, 1);
    fixture_tick(f, 50);
    uint64_t correlation = fixture_expect(f, MSG_DIR_GIVE, NULL)->env.correlation;
    fixture_reply(f, correlation, &(struct msg){.type = MSG_ERR, .as.err.code = ERR_NOT_FOUND});
    fixture_forget(f);
    fixture_post(f, ALICE, 1, "still here");
    fixture_expect_none(f, MSG_NACK);
    fixture_turn(f);
    assert_int_equal(1, fixture_outcome(f, 0));
    fixture_destroy(f);
}

static void test_an_answer_that_is_late_brings_no_given_shard_back(void **state)
{
    (void)state;
    uint32_t shard = id_shard(ROOM);
    struct fixture *f = s_rich();
    fixture_tick(f, 1000);
    fixture_look_again(f);
    uint64_t take = fixture_expect(f, MSG_DIR_TAKE, NULL)->env.correlation;
    s_want(f, 1);
    fixture_tick(f, 50);
    uint64_t give = fixture_expect(f, MSG_DIR_GIVE, NULL)->env.correlation;
    fixture_leases(f, give, shard, 1, f->room_2, EPOCH + 1);
    fixture_leases(f, take, shard - 2, 3, f->self, EPOCH); /* read before */
    assert_int_equal(2, s_held(f));
    s_expect_refused(f, 1, ERR_NOT_OWNER);
    fixture_destroy(f);
}

static void test_a_given_shard_can_come_back(void **state)
{
    (void)state;
    uint32_t shard = id_shard(ROOM);
    struct fixture *f = s_rich();
    s_want(f, 1);
    fixture_tick(f, 50);
    fixture_leases(f, fixture_expect(f, MSG_DIR_GIVE, NULL)->env.correlation, shard, 1, f->room_2, EPOCH + 1);
    fixture_forget(f);
    fixture_tick(f, 1000);
    fixture_leases(f, fixture_expect(f, MSG_DIR_TAKE, NULL)->env.correlation, shard - 2, 3, f->self, EPOCH + 2);
    assert_int_equal(3, s_held(f));
    fixture_destroy(f);
}

static void test_a_clean_stop_hands_over_before_it_lets_go(void **state)
{
    (void)state;
    struct msg msg;
    struct fixture *f = fixture_running();
    s_nodes(f, 3);
    fixture_forget(f);
    room_shard_stop(f->shard, f->now_ms, f->utc_ms, &f->out);
    fixture_tick(f, 50);
    uint64_t give = fixture_expect(f, MSG_DIR_GIVE, &msg)->env.correlation;
    assert_true(msg.as.dir_give.to == address_node(f->room_2));
    assert_int_equal(128, msg.as.dir_give.leases.count);
    fixture_tick(f, 50);
    fixture_expect_none(f, MSG_DIR_RELEASE);
    fixture_leases(f, give, 128, 128, f->room_2, EPOCH + 1);
    fixture_forget(f);
    fixture_tick(f, 50);
    give = fixture_expect(f, MSG_DIR_GIVE, &msg)->env.correlation;
    assert_int_equal(2, address_instance(address_from_node(msg.as.dir_give.to)));
    assert_int_equal(128, msg.as.dir_give.leases.count);
    fixture_leases(f, give, 0, 128, address_from_node(msg.as.dir_give.to), EPOCH + 1);
    assert_int_equal(0, s_held(f));
    fixture_forget(f);
    fixture_tick(f, 50);
    uint64_t release = fixture_expect(f, MSG_DIR_RELEASE, NULL)->env.correlation;
    fixture_reply(f, release, &(struct msg){.type = MSG_STORE_OK});
    assert_int_equal(ROOM_SHARD_STOPPED, room_shard_state(f->shard));
    fixture_destroy(f);
}

static void test_a_clean_stop_does_not_wait_for_ever(void **state)
{
    (void)state;
    struct fixture *f = fixture_running();
    s_nodes(f, 2);
    room_shard_stop(f->shard, f->now_ms, f->utc_ms, &f->out);
    fixture_forget(f);
    for (int i = 0; i < 39; i++)
        fixture_tick(f, 50); /* the directory says nothing */
    fixture_look_again(f);
    fixture_expect_none(f, MSG_DIR_RELEASE);
    for (int i = 0; i < 3; i++)
        fixture_tick(f, 50);
    fixture_look_again(f);
    fixture_expect(f, MSG_DIR_RELEASE, NULL);
    fixture_destroy(f);
}

static void test_a_node_that_dies_leaves_its_shards_to_be_taken_at_once(void **state)
{
    (void)state;
    struct fixture *f = fixture_owning(0, 128);
    s_nodes(f, 2);
    fixture_tick(f, 500);
    fixture_forget(f);
    s_nodes(f, 1);
    fixture_tick(f, 1);
    fixture_expect(f, MSG_DIR_TAKE, NULL);
    fixture_destroy(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_node_below_its_share_asks_the_one_that_has_most),
        cmocka_unit_test(test_a_node_that_has_its_share_asks_nobody),
        cmocka_unit_test(test_nobody_is_asked_on_old_news),
        cmocka_unit_test(test_told_that_shards_were_given_it_asks_the_directory_at_once),
        cmocka_unit_test(test_a_node_gives_no_more_than_it_has_beyond_its_share),
        cmocka_unit_test(test_at_most_64_shards_go_at_once),
        cmocka_unit_test(test_nothing_is_given_to_a_node_that_does_not_live),
        cmocka_unit_test(test_shards_go_when_what_was_accepted_is_stored_and_nothing_is_accepted_meanwhile),
        cmocka_unit_test(test_what_cannot_be_stored_in_time_is_left_to_the_fence),
        cmocka_unit_test(test_while_it_is_not_known_who_owns_a_shard_it_is_not_served),
        cmocka_unit_test(test_without_a_taker_it_serves_on),
        cmocka_unit_test(test_an_answer_that_is_late_brings_no_given_shard_back),
        cmocka_unit_test(test_a_given_shard_can_come_back),
        cmocka_unit_test(test_a_clean_stop_hands_over_before_it_lets_go),
        cmocka_unit_test(test_a_clean_stop_does_not_wait_for_ever),
        cmocka_unit_test(test_a_node_that_dies_leaves_its_shards_to_be_taken_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
