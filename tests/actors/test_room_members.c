/* room_members: each right, to whom it is given and to whom not, and what follows from using it. */
#include "tests/actors/room_fixture.h"

#include <string.h>

#include "actors/room_members.h"

static const uint64_t MIA = 104, MAX = 105, STRANGER = 199; /* moderators, and somebody who is in no room */

static struct stored_room s_stored(void)
{
    return (struct stored_room){.found = true, .incarnation = 1, .last_seq = 5, .last_msg_no = 5,
                                .members = {ALICE, BOB, CAROL, MIA, MAX}, .roles = {2, 0, 0, 1, 1},
                                .member_count = 5, .tail_count = 5};
}

static void s_load(struct fixture *f)
{
    struct stored_room room = s_stored();
    fixture_load(f, &room);
}

/* arg: the role, or 1: muted. */
static uint64_t s_ask(struct fixture *f, uint64_t user, uint16_t type, uint64_t cid, uint64_t whom, uint32_t arg)
{
    struct msg msg = {.type = type};
    switch (type) {
    case MSG_ROOM_REMOVE:
        msg.as.room_remove = (struct msg_room_remove){.room = ROOM, .client_id = cid_of(cid), .member = whom};
        break;
    case MSG_ROOM_BAN:
        msg.as.room_ban = (struct msg_room_ban){.room = ROOM, .client_id = cid_of(cid), .member = whom};
        break;
    case MSG_ROOM_UNBAN:
        msg.as.room_unban = (struct msg_room_unban){.room = ROOM, .client_id = cid_of(cid), .member = whom};
        break;
    case MSG_ROOM_ROLE:
        msg.as.room_role =
            (struct msg_room_role){.room = ROOM, .client_id = cid_of(cid), .member = whom, .role = arg};
        break;
    case MSG_ROOM_MUTE:
        msg.as.room_mute =
            (struct msg_room_mute){.room = ROOM, .client_id = cid_of(cid), .member = whom, .muted = arg};
        break;
    default: return fixture_request(f, f->edge, user, type, cid, 0, "words");
    }
    return fixture_send(f, f->edge, user, &msg);
}

/* What the request comes to: ERR_OK when it is accepted, stored and acked. */
static err_t s_do(struct fixture *f, uint64_t user, uint16_t type, uint64_t cid, uint64_t whom, uint32_t arg)
{
    struct msg msg;
    fixture_forget(f);
    s_ask(f, user, type, cid, whom, arg);
    if (fixture_next(f, MSG_NACK, &msg)) {
        assert_true(msg.as.nack.final);
        return msg.as.nack.code;
    }
    fixture_turn(f);
    assert_int_equal(1, fixture_outcome(f, 0));
    fixture_expect(f, MSG_ACK, NULL);
    return ERR_OK;
}

struct right {
    uint64_t user;
    uint16_t type;
    uint64_t whom;
    uint32_t arg;
    err_t want;
};

/* Each on a fresh room. */
static void s_expect_rights(void **state, const struct right *rights, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fixture_teardown(state);
        fixture_setup(state);
        s_load(*state);
        err_t got = s_do(*state, rights[i].user, rights[i].type, 1, rights[i].whom, rights[i].arg);
        if (got != rights[i].want)
            fail_msg("right %zu: %s by %d to %d is %s, not %s", i, msg_name(rights[i].type), (int)rights[i].user,
                     (int)rights[i].whom, err_name(got), err_name(rights[i].want));
    }
}

#define EXPECT_RIGHTS(...)                                                                                           \
    s_expect_rights(state, (const struct right[]){__VA_ARGS__}, sizeof(const struct right[]){__VA_ARGS__} / sizeof(struct right))

static void test_moderators_and_the_owner_remove_whom_they_outrank_and_nobody_else(void **state)
{
    EXPECT_RIGHTS({ALICE, MSG_ROOM_REMOVE, BOB, 0, ERR_OK}, {ALICE, MSG_ROOM_REMOVE, MIA, 0, ERR_OK},
                  {MIA, MSG_ROOM_REMOVE, BOB, 0, ERR_OK}, {MIA, MSG_ROOM_REMOVE, MAX, 0, ERR_FORBIDDEN},
                  {MIA, MSG_ROOM_REMOVE, ALICE, 0, ERR_FORBIDDEN}, {BOB, MSG_ROOM_REMOVE, CAROL, 0, ERR_FORBIDDEN},
                  {MIA, MSG_ROOM_REMOVE, MIA, 0, ERR_FORBIDDEN}, {ALICE, MSG_ROOM_REMOVE, ALICE, 0, ERR_FORBIDDEN},
                  {MIA, MSG_ROOM_REMOVE, STRANGER, 0, ERR_NO_MEMBER}, {MIA, MSG_ROOM_REMOVE, 0, 0, ERR_NO_MEMBER},
                  {STRANGER, MSG_ROOM_REMOVE, BOB, 0, ERR_NOT_MEMBER});
}

static void test_moderators_and_the_owner_ban_whom_they_outrank_also_who_is_not_in(void **state)
{
    EXPECT_RIGHTS({ALICE, MSG_ROOM_BAN, MIA, 0, ERR_OK}, {MIA, MSG_ROOM_BAN, BOB, 0, ERR_OK},
                  {MIA, MSG_ROOM_BAN, STRANGER, 0, ERR_OK}, {MIA, MSG_ROOM_BAN, MAX, 0, ERR_FORBIDDEN},
                  {MIA, MSG_ROOM_BAN, ALICE, 0, ERR_FORBIDDEN}, {BOB, MSG_ROOM_BAN, CAROL, 0, ERR_FORBIDDEN},
                  {BOB, MSG_ROOM_BAN, STRANGER, 0, ERR_FORBIDDEN}, {ALICE, MSG_ROOM_BAN, ALICE, 0, ERR_FORBIDDEN},
                  {ALICE, MSG_ROOM_BAN, 0, 0, ERR_NO_MEMBER},
                  {STRANGER, MSG_ROOM_BAN, BOB, 0, ERR_NOT_MEMBER}, {MIA, MSG_ROOM_UNBAN, BOB, 0, ERR_NO_CHANGE},
                  {BOB, MSG_ROOM_UNBAN, STRANGER, 0, ERR_FORBIDDEN});
}

static void test_moderators_and_the_owner_mute_whom_they_outrank(void **state)
{
    EXPECT_RIGHTS({ALICE, MSG_ROOM_MUTE, MIA, 1, ERR_OK}, {MIA, MSG_ROOM_MUTE, BOB, 1, ERR_OK},
                  {MIA, MSG_ROOM_MUTE, MAX, 1, ERR_FORBIDDEN}, {MIA, MSG_ROOM_MUTE, ALICE, 1, ERR_FORBIDDEN},
                  {BOB, MSG_ROOM_MUTE, CAROL, 1, ERR_FORBIDDEN}, {MIA, MSG_ROOM_MUTE, MIA, 1, ERR_FORBIDDEN},
                  {MIA, MSG_ROOM_MUTE, STRANGER, 1, ERR_NO_MEMBER}, {MIA, MSG_ROOM_MUTE, BOB, 0, ERR_NO_CHANGE});
}

static void test_only_the_owner_gives_roles_and_only_to_other_members(void **state)
{
    EXPECT_RIGHTS({ALICE, MSG_ROOM_ROLE, BOB, 1, ERR_OK}, {ALICE, MSG_ROOM_ROLE, MIA, 0, ERR_OK},
                  {ALICE, MSG_ROOM_ROLE, BOB, 2, ERR_OK}, {ALICE, MSG_ROOM_ROLE, BOB, 0, ERR_NO_CHANGE},
                  {ALICE, MSG_ROOM_ROLE, STRANGER, 1, ERR_NO_MEMBER}, {ALICE, MSG_ROOM_ROLE, ALICE, 1, ERR_FORBIDDEN},
                  {MIA, MSG_ROOM_ROLE, BOB, 1, ERR_FORBIDDEN}, {MIA, MSG_ROOM_ROLE, MIA, 2, ERR_FORBIDDEN},
                  {BOB, MSG_ROOM_ROLE, CAROL, 1, ERR_FORBIDDEN}, {STRANGER, MSG_ROOM_ROLE, BOB, 1, ERR_NOT_MEMBER});
}

static void test_in_direct_rooms_nobody_has_power_over_anybody(void **state)
{
    struct fixture *f = *state;
    struct stored_room room = s_stored();
    room.visibility = VISIBILITY_DIRECT;
    fixture_load(f, &room);
    assert_code(ERR_FORBIDDEN, s_do(f, ALICE, MSG_ROOM_REMOVE, 1, BOB, 0));
    assert_code(ERR_FORBIDDEN, s_do(f, ALICE, MSG_ROOM_BAN, 2, BOB, 0));
    assert_code(ERR_FORBIDDEN, s_do(f, ALICE, MSG_ROOM_ROLE, 3, BOB, 1));
}

static void test_the_sockets_of_who_is_removed_are_told_on_every_edge_after_the_event(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    s_load(f);
    fixture_attach(f, f->edge, ALICE, 1, true, 1, 5);
    fixture_attach(f, f->edge, BOB, 2, true, 1, 5);
    fixture_attach(f, f->edge_2, BOB, 1, false, 1, 5);
    assert_code(ERR_OK, s_do(f, MIA, MSG_ROOM_REMOVE, 1, BOB, 0));
    fixture_look_again(f);
    fixture_expect(f, MSG_EVENT, &msg);
    assert_int_equal(KIND_REMOVED, msg.as.event.kind);
    assert_int_equal(MIA, msg.as.event.user);
    assert_int_equal(2, fixture_count(f, MSG_KICK));
    const struct effect *kick = fixture_expect(f, MSG_KICK, &msg);
    assert_int_equal(BOB, kick->env.user);
    assert_code(ERR_REMOVED, msg.as.kick.code);
    fixture_post(f, ALICE, 7, "he is gone");
    fixture_turn(f);
    fixture_outcome(f, 0);
    assert_int_equal(1, fixture_count(f, MSG_EVENT)); /* edge 1 only, for Alice */
    assert_code(ERR_NOT_MEMBER, s_do(f, BOB, MSG_ROOM_POST, 8, 0, 0));
    assert_code(ERR_OK, s_do(f, BOB, MSG_ROOM_JOIN, 9, 0, 0)); /* removed is not banned */
}

static void test_who_is_banned_cannot_come_back_or_see_anything_until_unbanned(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    s_load(f);
    fixture_attach(f, f->edge_2, BOB, 1, true, 1, 5);
    assert_code(ERR_OK, s_do(f, MIA, MSG_ROOM_BAN, 1, BOB, 0));
    fixture_expect(f, MSG_KICK, &msg);
    assert_code(ERR_BANNED, msg.as.kick.code);
    assert_code(ERR_BANNED, s_do(f, BOB, MSG_ROOM_JOIN, 2, 0, 0));
    assert_code(ERR_BANNED, s_do(f, BOB, MSG_ROOM_POST, 3, 0, 0));
    fixture_forget(f);
    struct msg info = {.type = MSG_ROOM_INFO_GET, .as.room_info_get.room = ROOM};
    fixture_send(f, f->edge, BOB, &info);
    fixture_expect(f, MSG_ERR, &msg);
    assert_code(ERR_BANNED, msg.as.err.code);
    fixture_attach(f, f->edge_2, BOB, 2, true, 0, 0);
    fixture_expect(f, MSG_ROOM_ATTACHED, &msg);
    struct rec_refusal refusal;
    assert_true(rec_refusal_next(&msg.as.room_attached.refused, &refusal));
    assert_code(ERR_BANNED, refusal.code);
    assert_int_equal(0, msg.as.room_attached.frames.count);
    assert_code(ERR_NO_CHANGE, s_do(f, MIA, MSG_ROOM_BAN, 4, BOB, 0));
    assert_code(ERR_OK, s_do(f, MIA, MSG_ROOM_UNBAN, 5, BOB, 0));
    assert_code(ERR_OK, s_do(f, BOB, MSG_ROOM_JOIN, 6, 0, 0));
}

static void test_who_is_muted_reads_deletes_and_leaves_and_does_nothing_else(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    s_load(f);
    assert_code(ERR_OK, s_do(f, BOB, MSG_ROOM_POST, 1, 0, 0)); /* at 6 */
    assert_code(ERR_OK, s_do(f, MIA, MSG_ROOM_MUTE, 2, BOB, 1));
    assert_code(ERR_MUTED, s_do(f, BOB, MSG_ROOM_POST, 3, 0, 0));
    fixture_forget(f);
    fixture_request(f, f->edge, BOB, MSG_ROOM_EDIT, 4, 6, "another way to say it");
    fixture_expect(f, MSG_NACK, &msg);
    assert_code(ERR_MUTED, msg.as.nack.code);
    fixture_forget(f);
    fixture_attach(f, f->edge, BOB, 1, true, 1, 5);
    fixture_expect(f, MSG_ROOM_ATTACHED, &msg);
    assert_int_equal(0, msg.as.room_attached.refused.count);
    struct msg typing = {.type = MSG_TYPING, .as.typing = {.room = ROOM, .active = true}};
    fixture_send(f, f->edge, BOB, &typing);
    fixture_tick(f, 1000);
    assert_int_equal(0, fixture_count(f, MSG_TYPISTS));
    fixture_request(f, f->edge, BOB, MSG_ROOM_DELETE, 5, 6, NULL);
    fixture_turn(f);
    assert_int_equal(1, fixture_outcome(f, 0));
    assert_code(ERR_OK, s_do(f, BOB, MSG_ROOM_LEAVE, 6, 0, 0));
    assert_code(ERR_OK, s_do(f, BOB, MSG_ROOM_JOIN, 7, 0, 0));
    assert_code(ERR_MUTED, s_do(f, BOB, MSG_ROOM_POST, 8, 0, 0)); /* it outlasts leaving */
    assert_code(ERR_OK, s_do(f, MIA, MSG_ROOM_MUTE, 9, BOB, 0));
    assert_code(ERR_OK, s_do(f, BOB, MSG_ROOM_POST, 10, 0, 0));
}

static void test_a_new_owner_is_not_bound_by_a_mute_and_the_old_one_is_a_moderator(void **state)
{
    struct fixture *f = *state;
    s_load(f);
    assert_code(ERR_OK, s_do(f, ALICE, MSG_ROOM_MUTE, 1, BOB, 1));
    assert_code(ERR_OK, s_do(f, ALICE, MSG_ROOM_ROLE, 2, BOB, 2));
    assert_code(ERR_OK, s_do(f, BOB, MSG_ROOM_POST, 3, 0, 0));
    assert_code(ERR_FORBIDDEN, s_do(f, ALICE, MSG_ROOM_ROLE, 4, CAROL, 1));
    assert_code(ERR_OK, s_do(f, ALICE, MSG_ROOM_REMOVE, 5, CAROL, 0)); /* a moderator may */
    assert_code(ERR_OK, s_do(f, BOB, MSG_ROOM_ROLE, 6, ALICE, 0));
    assert_code(ERR_FORBIDDEN, s_do(f, ALICE, MSG_ROOM_REMOVE, 7, MIA, 0));
}

static void test_the_owner_leaves_only_as_the_last_and_who_enters_then_is_the_owner(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    fixture_usual(f); /* ALICE, the owner, and BOB */
    assert_code(ERR_LAST_OWNER, s_do(f, ALICE, MSG_ROOM_LEAVE, 1, 0, 0));
    assert_code(ERR_OK, s_do(f, BOB, MSG_ROOM_LEAVE, 2, 0, 0));
    assert_code(ERR_OK, s_do(f, ALICE, MSG_ROOM_LEAVE, 3, 0, 0));
    fixture_attach(f, f->edge, CAROL, 9, true, 0, 0);
    fixture_forget(f);
    s_ask(f, BOB, MSG_ROOM_JOIN, 4, 0, 0);
    s_ask(f, CAROL, MSG_ROOM_JOIN, 5, 0, 0);
    fixture_turn(f);
    assert_int_equal(1, fixture_outcome(f, 0)); /* the second is judged after the first */
    fixture_turn(f);
    assert_int_equal(1, fixture_outcome(f, 0));
    struct msg info = {.type = MSG_ROOM_INFO_GET, .as.room_info_get.room = ROOM};
    fixture_forget(f);
    fixture_send(f, f->edge, BOB, &info);
    fixture_expect(f, MSG_ROOM_INFO, &msg);
    assert_int_equal(ROLE_OWNER, msg.as.room_info.role);
    fixture_send(f, f->edge, CAROL, &info);
    fixture_expect(f, MSG_ROOM_INFO, &msg);
    assert_int_equal(ROLE_MEMBER, msg.as.room_info.role);
    /* The same joining again is no conflict, whatever role it got. */
    fixture_forget(f);
    s_ask(f, BOB, MSG_ROOM_JOIN, 4, 0, 0);
    fixture_expect(f, MSG_ACK, &msg);
    assert_true(msg.as.ack.dup);
}

static void test_what_depends_on_a_change_in_the_same_batch_waits_for_it(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    s_load(f);
    fixture_post(f, ALICE, 1, "so that a batch is in flight");
    fixture_turn(f);
    s_ask(f, ALICE, MSG_ROOM_ROLE, 2, BOB, 2);   /* hands over, */
    s_ask(f, ALICE, MSG_ROOM_ROLE, 3, CAROL, 1); /* and would give a role as the owner she is no more */
    fixture_outcome(f, 0);
    fixture_turn(f);
    assert_int_equal(1, fixture_outcome(f, 0));
    fixture_forget(f);
    fixture_turn(f);
    fixture_expect(f, MSG_NACK, &msg);
    assert_code(ERR_FORBIDDEN, msg.as.nack.code);
    fixture_post(f, ALICE, 4, "again one in flight");
    fixture_turn(f);
    s_ask(f, BOB, MSG_ROOM_REMOVE, 5, CAROL, 0);
    s_ask(f, CAROL, MSG_ROOM_POST, 6, 0, 0);
    fixture_post(f, ALICE, 7, "has nothing to do with it, but comes after");
    fixture_outcome(f, 0);
    fixture_turn(f);
    assert_int_equal(1, fixture_outcome(f, 0));
    fixture_forget(f);
    fixture_turn(f);
    fixture_expect(f, MSG_NACK, &msg);
    assert_code(ERR_NOT_MEMBER, msg.as.nack.code);
    assert_int_equal(1, fixture_outcome(f, 0));
}

static void test_a_room_remembers_so_many_restrictions_and_not_one_more(void **state)
{
    struct fixture *f = *state;
    struct stored_room room = s_stored();
    room.more_restricted = LIM_ROOM_RESTRICTED_MAX - 1;
    fixture_load(f, &room);
    fixture_post(f, ALICE, 1, "so that a batch is in flight");
    fixture_turn(f);
    s_ask(f, MIA, MSG_ROOM_BAN, 2, BOB, 0);
    s_ask(f, MIA, MSG_ROOM_BAN, 3, CAROL, 0);
    fixture_outcome(f, 0);
    fixture_turn(f);
    assert_int_equal(1, fixture_outcome(f, 0)); /* the bound is not passed within a batch either */
    struct msg msg;
    fixture_forget(f);
    fixture_turn(f);
    fixture_expect(f, MSG_NACK, &msg);
    assert_code(ERR_TOO_MANY_RESTRICTED, msg.as.nack.code);
    assert_code(ERR_OK, s_do(f, MIA, MSG_ROOM_UNBAN, 4, BOB, 0));
    assert_code(ERR_OK, s_do(f, MIA, MSG_ROOM_BAN, 5, CAROL, 0));
}

static void test_restrictions_are_there_again_after_a_load(void **state)
{
    struct fixture *f = *state;
    struct stored_room room = s_stored();
    room.restricted[0] = STRANGER;
    room.restricted_states[0] = RESTRICTED_BANNED;
    room.restricted[1] = BOB;
    room.restricted_states[1] = RESTRICTED_MUTED;
    fixture_load(f, &room);
    assert_code(ERR_BANNED, s_do(f, STRANGER, MSG_ROOM_JOIN, 1, 0, 0));
    assert_code(ERR_MUTED, s_do(f, BOB, MSG_ROOM_POST, 2, 0, 0));
}

static void test_who_is_restricted_is_told_to_moderators_only(void **state)
{
    struct fixture *f = *state;
    struct msg msg, get = {.type = MSG_ROOM_RESTRICTED_GET, .as.room_restricted_get = {.room = ROOM, .limit = 10}};
    s_load(f);
    fixture_send(f, f->edge, BOB, &get);
    fixture_expect(f, MSG_ERR, &msg);
    assert_code(ERR_FORBIDDEN, msg.as.err.code);
    fixture_send(f, f->edge, MIA, &get);
    const struct effect *passed = fixture_expect(f, MSG_STORE_RESTRICTED_GET, &msg);
    assert_true(passed->env.reply_to == f->edge);
    assert_int_equal(10, msg.as.store_restricted_get.limit);
}

static void test_readers_whose_rights_ended_while_the_room_was_read_again_are_kicked(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    s_load(f);
    fixture_attach(f, f->edge_2, BOB, 1, true, 1, 5);
    fixture_attach(f, f->edge_2, CAROL, 2, true, 1, 5);
    fixture_post(f, ALICE, 1, "a line under a head that has moved");
    fixture_turn(f);
    fixture_outcome(f, 4); /* stale: the room is read again */
    struct stored_room room = s_stored();
    room.members[1] = MIA; /* BOB is out, banned by another owner of the room; the others moved up */
    room.roles[1] = 1;
    room.members[3] = MAX;
    room.roles[3] = 1;
    room.member_count = 4;
    room.restricted[0] = BOB;
    room.restricted_states[0] = RESTRICTED_BANNED;
    fixture_answer_room(f, &room);
    assert_int_equal(1, fixture_count(f, MSG_KICK));
    const struct effect *kick = fixture_expect(f, MSG_KICK, &msg);
    assert_int_equal(BOB, kick->env.user);
    assert_code(ERR_BANNED, msg.as.kick.code);
}

/* ---- what inboxes learn ---- */

static void s_open_inbox(struct fixture *f, uint64_t user, uint32_t role)
{
    struct msg msg = {.type = MSG_INBOX_OPEN, .as.inbox_open = {.user = user, .session = 1}};
    fixture_send(f, f->edge_2, user, &msg);
    list_writer_t list;
    list_writer_init(&list, 4096);
    struct rec_room_state state = {.room = ROOM, .incarnation = 1, .name = view_of_text("kitchen"), .head = 5,
                                   .msg_no = 5, .read_msg_no = 2, .role = role, .notify = 1};
    assert_int_equal(ERR_OK, rec_room_state_append(&list, &state));
    struct msg answer = {.type = MSG_STORE_INBOX, .as.store_inbox = {.user = user, .rooms = list_of(&list)}};
    const struct effect *ask = fixture_expect(f, MSG_STORE_INBOX_GET, NULL);
    fixture_reply(f, ask->env.correlation, &answer);
    list_writer_fini(&list);
    fixture_forget(f);
}

static void test_the_room_list_says_why_a_room_went(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    s_load(f);
    s_open_inbox(f, BOB, 0);
    assert_code(ERR_OK, s_do(f, MIA, MSG_ROOM_BAN, 1, BOB, 0));
    fixture_look_again(f);
    const struct effect *removed = fixture_expect(f, MSG_ROOM_REMOVED, &msg);
    assert_true(removed->to == f->edge_2);
    assert_code(ERR_BANNED, msg.as.room_removed.code);
}

static void test_a_new_role_reaches_the_users_devices_and_leaves_their_read_pointer_alone(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    struct rec_room_state room;
    s_load(f);
    s_open_inbox(f, BOB, 0);
    assert_code(ERR_OK, s_do(f, ALICE, MSG_ROOM_ROLE, 1, BOB, 1));
    fixture_look_again(f);
    fixture_expect(f, MSG_ROOM_ADDED, &msg);
    assert_true(rec_room_state_next(&msg.as.room_added.rooms, &room));
    assert_int_equal(ROLE_MODERATOR, room.role);
    assert_int_equal(2, room.read_msg_no);
    assert_int_equal(1, room.notify);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_moderators_and_the_owner_remove_whom_they_outrank_and_nobody_else),
        TEST(test_moderators_and_the_owner_ban_whom_they_outrank_also_who_is_not_in),
        TEST(test_moderators_and_the_owner_mute_whom_they_outrank),
        TEST(test_only_the_owner_gives_roles_and_only_to_other_members),
        TEST(test_in_direct_rooms_nobody_has_power_over_anybody),
        TEST(test_the_sockets_of_who_is_removed_are_told_on_every_edge_after_the_event),
        TEST(test_who_is_banned_cannot_come_back_or_see_anything_until_unbanned),
        TEST(test_who_is_muted_reads_deletes_and_leaves_and_does_nothing_else),
        TEST(test_a_new_owner_is_not_bound_by_a_mute_and_the_old_one_is_a_moderator),
        TEST(test_the_owner_leaves_only_as_the_last_and_who_enters_then_is_the_owner),
        TEST(test_what_depends_on_a_change_in_the_same_batch_waits_for_it),
        TEST(test_a_room_remembers_so_many_restrictions_and_not_one_more),
        TEST(test_restrictions_are_there_again_after_a_load),
        TEST(test_who_is_restricted_is_told_to_moderators_only),
        TEST(test_readers_whose_rights_ended_while_the_room_was_read_again_are_kicked),
        TEST(test_the_room_list_says_why_a_room_went),
        TEST(test_a_new_role_reaches_the_users_devices_and_leaves_their_read_pointer_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
