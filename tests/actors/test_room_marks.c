/* room_shard: answers, people who are called, reactions and pins. */
#include "tests/actors/room_fixture.h"

#include <string.h>

#include "proto/marks.h"

enum { LINE = 6 }; /* the first one said here, by ALICE */

static void s_commit(struct fixture *f)
{
    fixture_turn(f);
    assert_int_equal(1, fixture_outcome(f, 0));
}

static void s_say(struct fixture *f, uint64_t user, uint64_t cid, uint64_t reply_to, const uint64_t *called, size_t count)
{
    list_writer_t mentions;
    list_writer_init(&mentions, 4096);
    for (size_t i = 0; i < count; i++)
        rec_id_append(&mentions, &(struct rec_id){.id = called[i]});
    struct msg msg = {.type = MSG_ROOM_SAY};
    msg.as.room_say = (struct msg_room_say){.room = ROOM, .client_id = cid_of(cid), .reply_to = reply_to,
                                            .text = view_of_text("look"), .mentions = list_of(&mentions)};
    fixture_send(f, f->edge, user, &msg);
    list_writer_fini(&mentions);
}

static void s_revise(struct fixture *f, uint64_t user, uint64_t cid, uint64_t target, uint64_t called)
{
    list_writer_t mentions;
    list_writer_init(&mentions, 4096);
    if (called)
        rec_id_append(&mentions, &(struct rec_id){.id = called});
    struct msg msg = {.type = MSG_ROOM_REVISE};
    msg.as.room_revise = (struct msg_room_revise){.room = ROOM, .client_id = cid_of(cid), .target = target,
                                                  .text = view_of_text("look again"), .mentions = list_of(&mentions)};
    fixture_send(f, f->edge, user, &msg);
    list_writer_fini(&mentions);
}

static void s_react(struct fixture *f, uint64_t user, uint64_t cid, uint64_t target, const char *emoji, bool on)
{
    struct msg msg = {.type = MSG_ROOM_REACT};
    msg.as.room_react = (struct msg_room_react){.room = ROOM, .client_id = cid_of(cid), .target = target,
                                                .emoji = view_of_text(emoji), .on = on};
    fixture_send(f, f->edge, user, &msg);
}

static void s_pin(struct fixture *f, uint64_t user, uint64_t cid, uint64_t target, bool on)
{
    struct msg msg = {.type = MSG_ROOM_PIN};
    msg.as.room_pin = (struct msg_room_pin){.room = ROOM, .client_id = cid_of(cid), .target = target, .on = on};
    fixture_send(f, f->edge, user, &msg);
}

static void s_expect_nack(struct fixture *f, err_t code)
{
    struct msg msg;
    fixture_expect(f, MSG_NACK, &msg);
    assert_code(code, msg.as.nack.code);
}

/* The body of the only row of the last batch. */
static struct kind_said s_stored_said(struct fixture *f, uint64_t *target_out)
{
    static struct fixture_rows s_rows;
    static struct msg s_event;
    struct kind_said said;
    assert_true(fixture_rows(f, &s_rows));
    assert_int_equal(ERR_OK, msg_decode(s_rows.rows[0].event, &s_event));
    assert_int_equal(ERR_OK, kind_decode(s_rows.rows[0].kind, s_event.as.event.body, &said));
    *target_out = s_rows.rows[0].target;
    return said;
}

static void test_a_plain_line_is_the_same_bytes_as_ever(void **state)
{
    struct fixture *f = *state;
    static const uint8_t expected[] = {0x9A, 0x01, 0xCD, 0x13, 0x89, 0x06, 0x04, 0x65}; /* 9 fields: 5001, 6, posted, ALICE */
    struct fixture_rows rows;
    fixture_usual(f);
    fixture_post(f, ALICE, 1, "hi");
    fixture_turn(f);
    assert_true(fixture_rows(f, &rows));
    assert_memory_equal(expected, rows.rows[0].event.bytes, sizeof expected);
    assert_memory_equal("\x91\xA2hi", rows.rows[0].event.bytes + rows.rows[0].event.len - 4, 4);
}

static void test_who_is_called_is_a_member_once_and_not_the_author(void **state)
{
    struct fixture *f = *state;
    uint64_t target;
    struct rec_id id;
    fixture_usual(f);
    s_say(f, ALICE, 1, 3, (const uint64_t[]){CAROL, BOB, ALICE, BOB}, 4);
    fixture_turn(f);
    struct kind_said said = s_stored_said(f, &target);
    assert_int_equal(3, target);
    assert_int_equal(1, said.mentions.count);
    assert_true(rec_id_next(&said.mentions, &id));
    assert_int_equal(BOB, id.id);
    fixture_outcome(f, 0);
    fixture_forget(f);
    fixture_request(f, f->edge, BOB, MSG_ROOM_LEAVE, 2, 0, NULL);
    s_commit(f);
    fixture_forget(f);
    s_say(f, ALICE, 1, 3, (const uint64_t[]){CAROL, BOB, ALICE, BOB}, 4); /* again: BOB has left, and yet it is a repeat */
    struct msg msg;
    fixture_expect(f, MSG_ACK, &msg);
    assert_true(msg.as.ack.dup);
}

static void test_an_answer_points_at_a_line_that_is_there(void **state)
{
    struct fixture *f = *state;
    fixture_usual(f);
    s_say(f, ALICE, 1, 6, NULL, 0); /* of the future: its own place */
    s_expect_nack(f, ERR_NO_EVENT);
    s_say(f, ALICE, 2, 5, NULL, 0);
    s_commit(f); /* 6 */
    s_react(f, BOB, 3, 5, "👍", true);
    s_commit(f); /* 7 */
    s_say(f, ALICE, 4, 7, NULL, 0); /* a reaction is no line */
    s_expect_nack(f, ERR_NO_EVENT);
    fixture_request(f, f->edge, ALICE, MSG_ROOM_DELETE, 5, 6, NULL);
    s_commit(f); /* 8 */
    s_say(f, BOB, 6, 6, NULL, 0); /* deleted meanwhile: the answer is kept */
    s_commit(f);
}

static void test_lines_said_and_revised_are_edited_and_deleted_like_others(void **state)
{
    struct fixture *f = *state;
    struct msg msg, event;
    struct rec_frame frame;
    fixture_usual(f);
    s_say(f, ALICE, 1, 0, &BOB, 1);
    s_commit(f); /* 6 */
    s_revise(f, BOB, 2, LINE, ALICE);
    s_expect_nack(f, ERR_NOT_AUTHOR);
    s_revise(f, ALICE, 3, LINE, BOB);
    s_commit(f); /* 7 */
    fixture_request(f, f->edge, ALICE, MSG_ROOM_DELETE, 4, LINE, NULL);
    s_commit(f); /* 8 */
    s_revise(f, ALICE, 5, LINE, BOB);
    s_expect_nack(f, ERR_DELETED);
    fixture_forget(f);
    fixture_attach(f, f->edge, BOB, 1, true, 1, 5);
    fixture_expect(f, MSG_ROOM_ATTACHED, &msg);
    list_t frames = msg.as.room_attached.frames;
    for (int i = 0; i < 2; i++) { /* the line and its revision are tombstones */
        assert_true(rec_frame_next(&frames, &frame));
        assert_int_equal(ERR_OK, msg_decode(frame.event, &event));
        assert_int_equal(1, event.as.event.body.len);
    }
}

static void test_reactions_need_a_line_an_emoji_and_a_member(void **state)
{
    struct fixture *f = *state;
    fixture_usual(f);
    s_react(f, BOB, 1, 5, "no", true);
    s_expect_nack(f, ERR_OUT_OF_RANGE);
    s_react(f, BOB, 2, 9, "👍", true);
    s_expect_nack(f, ERR_NO_EVENT);
    s_react(f, CAROL, 3, 5, "👍", true);
    s_expect_nack(f, ERR_NOT_MEMBER);
    s_pin(f, CAROL, 4, 5, true);
    s_expect_nack(f, ERR_NOT_MEMBER);
    s_react(f, BOB, 5, 5, "👍", true); /* CAROL's line: anybody's will do */
    s_commit(f);
    s_react(f, BOB, 6, 6, "👍", true); /* a reaction is no line */
    s_expect_nack(f, ERR_NO_EVENT);
    s_pin(f, BOB, 7, 5, true);
    s_commit(f);
}

static void test_one_more_kind_of_emoji_than_a_line_holds_is_refused(void **state)
{
    struct fixture *f = *state;
    fixture_usual(f);
    for (unsigned i = 0; i < LIM_LINE_EMOJI_MAX; i++) {
        char text[5] = {(char)0xF0, (char)0x9F, (char)0x98, (char)(0x80 + i), 0};
        s_react(f, BOB, 100 + i, 5, text, true);
        s_commit(f);
    }
    s_react(f, BOB, 200, 5, "🦜", true);
    s_expect_nack(f, ERR_TOO_MANY_REACTIONS);
    s_react(f, ALICE, 201, 5, "\xF0\x9F\x98\x80", true); /* one that is there */
    s_commit(f);
    s_react(f, BOB, 202, 5, "\xF0\x9F\x98\x81", false);
    s_commit(f);
    s_react(f, BOB, 203, 5, "🦜", true);
    s_commit(f);
}

static void test_a_snapshot_carries_what_hangs_on_its_lines(void **state)
{
    struct fixture *f = *state;
    struct msg msg, marks;
    struct rec_frame frame;
    fixture_load(f, &(struct stored_room){.found = true, .incarnation = 1, .last_seq = 700, .last_msg_no = 700,
                                          .members = {ALICE, BOB}, .roles = {2, 0}, .member_count = 2,
                                          .tail_count = 60});
    s_react(f, BOB, 1, 700, "👍", true);
    s_commit(f); /* 701 */
    s_pin(f, ALICE, 2, 700, true);
    s_commit(f); /* 702 */
    s_react(f, BOB, 3, 699, "👍", true);
    s_commit(f);
    s_react(f, BOB, 4, 699, "👍", false);
    s_commit(f); /* 704: nothing is left */
    fixture_forget(f);
    fixture_attach(f, f->edge, BOB, 1, true, 0, 0);
    fixture_expect(f, MSG_ROOM_ATTACHED, &msg);
    assert_int_equal(1, msg.as.room_attached.mode);
    assert_int_equal(LIM_SNAPSHOT_MESSAGES + 1, msg.as.room_attached.frames.count);
    list_t frames = msg.as.room_attached.frames;
    while (rec_frame_next(&frames, &frame))
        assert_int_equal(ERR_OK, msg_decode(frame.event, &marks));
    assert_int_equal(MSG_MARKS, marks.type);
    assert_int_equal(700, marks.as.marks.seq);
    assert_int_equal(704, marks.as.marks.as_of);
    assert_int_equal(702, marks.as.marks.pinned);
    assert_int_equal(ALICE, marks.as.marks.pinned_by);
    assert_int_equal(1, marks.as.marks.reactions.count);
}

/* ---- inboxes ---- */

static void test_the_inbox_of_who_is_called_is_told_until_it_answers(void **state)
{
    (void)state;
    uint32_t shard = id_shard(ROOM);
    struct fixture *f = fixture_owning(shard, 1);
    struct msg msg;
    fixture_usual(f);
    s_say(f, ALICE, 1, 0, &BOB, 1);
    s_commit(f);
    fixture_expect(f, MSG_INBOX_MENTION, &msg);
    assert_int_equal(BOB, msg.as.inbox_mention.user);
    assert_int_equal(LINE, msg.as.inbox_mention.seq);
    fixture_forget(f);
    fixture_tick(f, 1000);
    assert_int_equal(1, fixture_count(f, MSG_INBOX_MENTION));
    struct msg ok = {.type = MSG_INBOX_MENTION_OK};
    ok.as.inbox_mention_ok = (struct msg_inbox_mention_ok){.user = BOB, .room = ROOM, .seq = LINE};
    fixture_send(f, f->room_2, 0, &ok);
    fixture_forget(f);
    fixture_tick(f, 1000);
    assert_int_equal(0, fixture_count(f, MSG_INBOX_MENTION));
    fixture_request(f, f->edge, ALICE, MSG_ROOM_EDIT, 2, LINE, "nobody any more");
    s_commit(f);
    assert_int_equal(1, fixture_count(f, MSG_INBOX_MENTION)); /* whom it called until now */
    fixture_forget(f);
    fixture_request(f, f->edge, ALICE, MSG_ROOM_EDIT, 3, LINE, "still nobody");
    s_commit(f);
    assert_int_equal(0, fixture_count(f, MSG_INBOX_MENTION));
    s_revise(f, ALICE, 4, LINE, BOB);
    s_commit(f);
    assert_int_equal(1, fixture_count(f, MSG_INBOX_MENTION));
    fixture_forget(f);
    fixture_request(f, f->edge, ALICE, MSG_ROOM_DELETE, 5, LINE, NULL);
    s_commit(f);
    assert_int_equal(1, fixture_count(f, MSG_INBOX_MENTION));
    fixture_destroy(f);
}

static void s_open_session(struct fixture *f, uint64_t user, uint64_t session)
{
    struct msg msg = {.type = MSG_INBOX_OPEN};
    msg.as.inbox_open = (struct msg_inbox_open){.user = user, .session = session};
    fixture_send(f, f->edge_2, user, &msg);
}

static void s_close_session(struct fixture *f, uint64_t user, uint64_t session)
{
    struct msg msg = {.type = MSG_INBOX_CLOSE};
    msg.as.inbox_close = (struct msg_inbox_close){.user = user, .session = session};
    fixture_send(f, f->edge_2, user, &msg);
}

static void s_open_inbox(struct fixture *f, uint64_t user)
{
    s_open_session(f, user, 1);
    list_writer_t list;
    list_writer_init(&list, 1 << 16);
    rec_room_state_append(&list, &(struct rec_room_state){.room = ROOM, .incarnation = 1, .name = view_of_text("kitchen"),
                                                          .head = 5, .msg_no = 5, .read_msg_no = 2});
    struct msg stored = {.type = MSG_STORE_INBOX};
    stored.as.store_inbox = (struct msg_store_inbox){.user = user, .rooms = list_of(&list)};
    fixture_reply(f, fixture_expect(f, MSG_STORE_INBOX_GET, NULL)->env.correlation, &stored);
    list_writer_fini(&list);
}

static void s_answer_mentions(struct fixture *f, const uint64_t *msg_nos, size_t count)
{
    struct msg msg;
    list_writer_t list;
    const struct effect *ask = fixture_expect(f, MSG_STORE_MENTIONS_GET, &msg);
    list_writer_init(&list, 1 << 16);
    for (size_t i = 0; i < count; i++)
        rec_mention_mark_append(&list, &(struct rec_mention_mark){.room = ROOM, .msg_no = msg_nos[i]});
    struct msg answer = {.type = MSG_STORE_MENTIONS};
    answer.as.store_mentions = (struct msg_store_mentions){.user = BOB, .marks = list_of(&list)};
    fixture_reply(f, ask->env.correlation, &answer);
    list_writer_fini(&list);
}

static uint32_t s_told(struct fixture *f)
{
    struct msg msg;
    struct rec_mention_count count = {0};
    fixture_expect(f, MSG_MENTIONED, &msg);
    assert_true(rec_mention_count_next(&msg.as.mentioned.rooms, &count));
    assert_int_equal(ROOM, count.room);
    return count.count;
}

static void test_mentions_are_counted_at_sign_in_and_with_each_change_and_read_away(void **state)
{
    struct fixture *f = *state;
    fixture_usual(f);
    s_open_inbox(f, BOB);
    s_answer_mentions(f, (const uint64_t[]){3, 5}, 2);
    assert_int_equal(2, s_told(f));
    s_say(f, ALICE, 1, 0, &BOB, 1);
    s_commit(f);
    s_answer_mentions(f, (const uint64_t[]){3, 5, 6}, 3);
    assert_int_equal(3, s_told(f));
    struct msg read = {.type = MSG_READ};
    read.as.read = (struct msg_read){.room = ROOM, .msg_no = 3};
    fixture_send(f, f->edge, BOB, &read);
    assert_int_equal(2, s_told(f));
    fixture_forget(f);
    read.as.read.msg_no = 4; /* passes nothing that calls */
    fixture_send(f, f->edge, BOB, &read);
    assert_int_equal(0, fixture_count(f, MSG_MENTIONED));
    read.as.read.msg_no = 6;
    fixture_send(f, f->edge, BOB, &read);
    assert_int_equal(0, s_told(f));
}

static void s_tell_member(struct fixture *f, uint64_t seq, uint32_t role, uint64_t read_msg_no)
{
    list_writer_t list;
    list_writer_init(&list, 1 << 16);
    rec_room_state_append(&list, &(struct rec_room_state){.room = ROOM, .incarnation = 1, .name = view_of_text("kitchen"),
                                                          .head = seq, .msg_no = 5, .role = role,
                                                          .read_msg_no = read_msg_no});
    struct msg told = {.type = MSG_INBOX_MEMBER};
    told.as.inbox_member = (struct msg_inbox_member){.user = BOB, .seq = seq, .joined = true, .rooms = list_of(&list)};
    fixture_send(f, f->room_2, 0, &told);
    list_writer_fini(&list);
}

static uint64_t s_added_at(struct fixture *f)
{
    struct msg msg;
    struct rec_room_state room;
    fixture_expect(f, MSG_ROOM_ADDED, &msg);
    assert_true(rec_room_state_next(&msg.as.room_added.rooms, &room));
    return room.read_msg_no;
}

static void test_a_room_told_anew_has_its_count_behind_it_and_none_when_who_left_came_back(void **state)
{
    struct fixture *f = *state;
    s_open_inbox(f, BOB);
    s_answer_mentions(f, (const uint64_t[]){3, 5}, 2);
    assert_int_equal(2, s_told(f));
    s_tell_member(f, 6, 1, 0); /* another role: what is unread stays so */
    assert_int_equal(2, s_added_at(f));
    assert_int_equal(2, s_told(f));
    s_tell_member(f, 8, 1, 5); /* out and in again between two notices: all that is there is read */
    assert_int_equal(5, s_added_at(f));
    fixture_expect_none(f, MSG_MENTIONED);
}

static void test_browsers_that_come_back_are_told_counts_without_a_question_to_the_store(void **state)
{
    struct fixture *f = *state;
    fixture_usual(f);
    s_open_inbox(f, BOB);
    s_answer_mentions(f, (const uint64_t[]){3, 5}, 2);
    fixture_forget(f);
    s_close_session(f, BOB, 1);
    s_open_session(f, BOB, 2);
    assert_int_equal(0, fixture_count(f, MSG_STORE_MENTIONS_GET));
    assert_int_equal(2, s_told(f));
    s_close_session(f, BOB, 2);
    s_say(f, ALICE, 1, 0, &BOB, 1); /* while nobody looks: now the store knows more */
    s_commit(f);
    fixture_forget(f);
    s_open_session(f, BOB, 3);
    s_answer_mentions(f, (const uint64_t[]){3, 5, 6}, 3);
    assert_int_equal(3, s_told(f));
}

static void test_an_answer_that_is_older_than_the_last_question_is_not_taken(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    fixture_usual(f);
    s_open_inbox(f, BOB);
    s_answer_mentions(f, NULL, 0);
    s_say(f, ALICE, 1, 0, &BOB, 1);
    s_commit(f);
    uint64_t first = fixture_expect(f, MSG_STORE_MENTIONS_GET, &msg)->env.correlation;
    fixture_request(f, f->edge, ALICE, MSG_ROOM_DELETE, 2, LINE, NULL);
    s_commit(f);
    s_answer_mentions(f, NULL, 0);
    assert_int_equal(0, s_told(f));
    fixture_forget(f);
    list_writer_t list;
    list_writer_init(&list, 1 << 10);
    rec_mention_mark_append(&list, &(struct rec_mention_mark){.room = ROOM, .msg_no = 6});
    struct msg late = {.type = MSG_STORE_MENTIONS};
    late.as.store_mentions = (struct msg_store_mentions){.user = BOB, .marks = list_of(&list)};
    fixture_reply(f, first, &late);
    list_writer_fini(&list);
    assert_int_equal(0, fixture_count(f, MSG_MENTIONED));
}

int main(void)
{
#define ON_A_BENCH(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        ON_A_BENCH(test_a_plain_line_is_the_same_bytes_as_ever),
        ON_A_BENCH(test_who_is_called_is_a_member_once_and_not_the_author),
        ON_A_BENCH(test_an_answer_points_at_a_line_that_is_there),
        ON_A_BENCH(test_lines_said_and_revised_are_edited_and_deleted_like_others),
        ON_A_BENCH(test_reactions_need_a_line_an_emoji_and_a_member),
        ON_A_BENCH(test_one_more_kind_of_emoji_than_a_line_holds_is_refused),
        ON_A_BENCH(test_a_snapshot_carries_what_hangs_on_its_lines),
        cmocka_unit_test(test_the_inbox_of_who_is_called_is_told_until_it_answers),
        ON_A_BENCH(test_mentions_are_counted_at_sign_in_and_with_each_change_and_read_away),
        ON_A_BENCH(test_a_room_told_anew_has_its_count_behind_it_and_none_when_who_left_came_back),
        ON_A_BENCH(test_browsers_that_come_back_are_told_counts_without_a_question_to_the_store),
        ON_A_BENCH(test_an_answer_that_is_older_than_the_last_question_is_not_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
