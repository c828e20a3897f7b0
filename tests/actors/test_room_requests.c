/* room_shard: a browser's requests, from their rules to their commit. */
#include "tests/actors/room_fixture.h"

#include <string.h>

static void s_expect_nack(struct fixture *f, err_t code, bool final)
{
    struct msg msg;
    fixture_expect(f, MSG_NACK, &msg);
    assert_code(code, msg.as.nack.code);
    assert_int_equal(final, msg.as.nack.final);
    if (!final)
        assert_true(msg.as.nack.retry_ms > 0);
}

static void test_nothing_is_acked_or_published_before_the_commit(void **state)
{
    struct fixture *f = *state;
    fixture_usual(f);
    fixture_attach(f, f->edge_2, BOB, 1, true, 1, 5);
    fixture_forget(f);
    fixture_post(f, ALICE, 1, "hello");
    fixture_turn(f);
    fixture_tick(f, 50);
    assert_int_equal(0, fixture_count(f, MSG_ACK));
    assert_int_equal(0, fixture_count(f, MSG_EVENT));
    assert_int_equal(1, fixture_outcome(f, 0));
    assert_int_equal(1, fixture_count(f, MSG_ACK));
    assert_int_equal(1, fixture_count(f, MSG_EVENT));
}

static void test_a_line_is_numbered_after_the_head_and_acked_after_its_event(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    struct fixture_rows rows;
    fixture_usual(f);
    fixture_attach(f, f->edge, ALICE, 1, true, 1, 5);
    fixture_forget(f);
    uint64_t correlation = fixture_post(f, ALICE, 1, "hello");
    fixture_turn(f);
    assert_true(fixture_rows(f, &rows));
    assert_int_equal(1, rows.count);
    assert_int_equal(6, rows.rows[0].seq);
    assert_int_equal(6, rows.rows[0].msg_no);
    assert_int_equal(EPOCH, rows.rows[0].epoch);
    assert_int_equal(f->utc_ms, rows.rows[0].at_ms);
    uint8_t frame[LIM_EVENT_BYTES_MAX];
    view_t stored = rows.rows[0].event;
    memcpy(frame, stored.bytes, stored.len);
    fixture_outcome(f, 0);
    const struct effect *event = fixture_expect(f, MSG_EVENT, &msg);
    assert_true(view_is_equal(view_of(frame, stored.len), effects_bytes(&f->out, event)));
    assert_int_equal(EPOCH, event->env.epoch);
    const struct effect *ack = fixture_expect(f, MSG_ACK, &msg); /* after the event */
    assert_int_equal(correlation, ack->env.correlation);
    assert_int_equal(6, msg.as.ack.seq);
    assert_int_equal(6, msg.as.ack.msg_no);
    assert_false(msg.as.ack.dup);
}

static void test_each_edge_with_live_readers_gets_the_event_once(void **state)
{
    struct fixture *f = *state;
    fixture_usual(f);
    fixture_attach(f, f->edge, ALICE, 1, true, 1, 5);
    fixture_attach(f, f->edge, BOB, 2, true, 1, 5);
    fixture_attach(f, f->edge_2, BOB, 1, true, 1, 5);
    fixture_forget(f);
    fixture_post(f, ALICE, 1, "hello");
    fixture_turn(f);
    fixture_outcome(f, 0);
    assert_int_equal(2, fixture_count(f, MSG_EVENT));
}

static void test_time_never_goes_back_in_a_room(void **state)
{
    struct fixture *f = *state;
    struct fixture_rows rows;
    fixture_usual(f);
    f->utc_ms = 3; /* the room's last event was at 1005 */
    fixture_post(f, ALICE, 1, "hello");
    fixture_turn(f);
    assert_true(fixture_rows(f, &rows));
    assert_int_equal(1005, rows.rows[0].at_ms);
}

static void test_one_batch_is_in_flight_and_the_next_closes_after_it(void **state)
{
    struct fixture *f = *state;
    fixture_usual(f);
    fixture_post(f, ALICE, 1, "one");
    fixture_turn(f);
    fixture_post(f, BOB, 2, "two");
    fixture_post(f, ALICE, 3, "three");
    fixture_turn(f);
    assert_int_equal(1, fixture_count(f, MSG_STORE_APPEND));
    assert_int_equal(1, fixture_outcome(f, 0));
    fixture_turn(f);
    assert_int_equal(2, fixture_outcome(f, 0));
    struct msg msg;
    fixture_look_again(f);
    fixture_expect(f, MSG_ACK, &msg);
    assert_int_equal(7, msg.as.ack.seq);
    fixture_expect(f, MSG_ACK, &msg);
    assert_int_equal(8, msg.as.ack.seq);
}

static void test_a_repeat_of_a_committed_line_gets_the_first_answer(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    fixture_usual(f);
    fixture_post(f, ALICE, 1, "hello");
    fixture_turn(f);
    fixture_outcome(f, 0);
    fixture_forget(f);
    fixture_post(f, ALICE, 1, "hello");
    fixture_expect(f, MSG_ACK, &msg);
    assert_int_equal(6, msg.as.ack.seq);
    assert_true(msg.as.ack.dup);
    fixture_turn(f);
    assert_int_equal(0, fixture_count(f, MSG_STORE_APPEND));
}

static void test_a_repeat_of_a_pending_line_is_answered_with_it(void **state)
{
    struct fixture *f = *state;
    fixture_usual(f);
    uint64_t first = fixture_post(f, ALICE, 1, "hello");
    fixture_turn(f);
    uint64_t second = fixture_request(f, f->edge_2, ALICE, MSG_ROOM_POST, 1, 0, "hello");
    fixture_outcome(f, 0);
    const struct effect *ack = fixture_expect(f, MSG_ACK, NULL);
    assert_int_equal(first, ack->env.correlation);
    assert_true(ack->to == f->edge);
    ack = fixture_expect(f, MSG_ACK, NULL);
    assert_int_equal(second, ack->env.correlation);
    assert_true(ack->to == f->edge_2);
    fixture_turn(f);
    assert_int_equal(0, fixture_count(f, MSG_STORE_APPEND));
}

static void test_a_repeat_known_only_to_the_store_gets_its_place(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    struct fixture_rows rows;
    fixture_usual(f);
    fixture_post(f, ALICE, 1, "hello");
    fixture_turn(f);
    assert_true(fixture_rows(f, &rows));
    struct rec_append_outcome outcome = {.room = ROOM, .seq = 6, .result = 1, .stored_seq = 2,
                                         .stored_at_ms = 77, .stored_msg_no = 2};
    fixture_outcomes(f, &rows, &outcome);
    fixture_expect(f, MSG_ACK, &msg);
    assert_int_equal(2, msg.as.ack.seq);
    assert_int_equal(77, msg.as.ack.at_ms);
    assert_true(msg.as.ack.dup);
    fixture_look_again(f);
    fixture_expect_none(f, MSG_EVENT);
}

static void test_what_an_earlier_batch_stored_at_the_same_place_is_read_before_it_is_shown(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    struct fixture_rows rows;
    fixture_usual(f);
    fixture_attach(f, f->edge, BOB, 1, true, 1, 5);
    fixture_forget(f);
    fixture_post(f, ALICE, 1, "hello");
    fixture_turn(f);
    assert_true(fixture_rows(f, &rows));
    struct rec_append_outcome outcome = {.room = ROOM, .seq = 6, .result = 0, .stored_seq = 6,
                                         .stored_at_ms = 1006, .stored_msg_no = 6};
    fixture_outcomes(f, &rows, &outcome);
    fixture_expect(f, MSG_ACK, &msg);
    assert_int_equal(1006, msg.as.ack.at_ms);
    assert_int_equal(0, fixture_count(f, MSG_EVENT));
    fixture_look_again(f);
    fixture_answer_room(f, &(struct stored_room){.found = true, .incarnation = 1, .last_seq = 6,
                                                 .last_msg_no = 6, .members = {ALICE, BOB},
                                                 .roles = {2, 0}, .member_count = 2, .tail_count = 6});
    assert_int_equal(1, fixture_count(f, MSG_EVENT)); /* the stored one */
}

static void test_a_loaded_line_is_recognised_by_its_frame(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    fixture_usual(f);
    fixture_post(f, CAROL, 900003, "x");
    fixture_expect(f, MSG_ACK, &msg);
    assert_int_equal(3, msg.as.ack.seq);
    fixture_post(f, CAROL, 900003, "another text");
    s_expect_nack(f, ERR_CONFLICT, true);
}

static void test_the_same_id_with_another_body_is_a_conflict(void **state)
{
    struct fixture *f = *state;
    fixture_usual(f);
    fixture_post(f, ALICE, 1, "hello");
    fixture_post(f, ALICE, 1, "goodbye"); /* pending */
    s_expect_nack(f, ERR_CONFLICT, true);
    fixture_turn(f);
    fixture_outcome(f, 0);
    fixture_post(f, ALICE, 1, "goodbye"); /* committed */
    s_expect_nack(f, ERR_CONFLICT, true);
    fixture_post(f, ALICE, 2, "known to the store only");
    fixture_turn(f);
    fixture_outcome(f, 2);
    s_expect_nack(f, ERR_CONFLICT, true);
}

static void test_what_the_store_sends_again_is_numbered_anew_and_keeps_its_order(void **state)
{
    struct fixture *f = *state;
    static struct fixture_rows rows;
    fixture_usual(f);
    fixture_post(f, ALICE, 1, "one");
    fixture_post(f, ALICE, 2, "two");
    fixture_post(f, ALICE, 3, "three");
    fixture_turn(f);
    fixture_post(f, BOB, 4, "four");
    assert_true(fixture_rows(f, &rows));
    struct rec_append_outcome outcomes[3] = {{ROOM, 6, 2, 0, 0, 0}, {ROOM, 7, 5, 0, 0, 0}, {ROOM, 8, 5, 0, 0, 0}};
    fixture_outcomes(f, &rows, outcomes);
    fixture_forget(f);
    fixture_turn(f);
    assert_true(fixture_rows(f, &rows));
    assert_int_equal(3, rows.count);
    for (uint64_t i = 0; i < 3; i++) {
        cid_t cid = cid_of(i + 2);
        assert_int_equal(6 + i, rows.rows[i].seq);
        assert_true(cid_is_equal(&cid, &rows.rows[i].client_id));
    }
}

static void test_a_fenced_room_is_dropped_and_its_requests_go_elsewhere(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    fixture_usual(f);
    fixture_attach(f, f->edge, ALICE, 1, true, 1, 5);
    fixture_forget(f);
    fixture_post(f, ALICE, 1, "in flight");
    fixture_turn(f);
    fixture_post(f, ALICE, 2, "queued");
    fixture_outcome(f, 3);
    s_expect_nack(f, ERR_NOT_OWNER, false);
    s_expect_nack(f, ERR_NOT_OWNER, false);
    fixture_look_again(f);
    fixture_expect(f, MSG_ERR, &msg); /* its readers attach elsewhere */
    assert_code(ERR_NOT_OWNER, msg.as.err.code);
    fixture_post(f, ALICE, 3, "later");
    s_expect_nack(f, ERR_NOT_OWNER, false);
}

static void test_a_stale_head_reloads_the_room_and_its_requests_go_again(void **state)
{
    struct fixture *f = *state;
    static struct fixture_rows rows;
    fixture_usual(f);
    fixture_attach(f, f->edge, BOB, 1, true, 1, 5);
    fixture_forget(f);
    fixture_post(f, ALICE, 1, "hello");
    fixture_turn(f);
    fixture_outcome(f, 4);
    fixture_turn(f);
    assert_int_equal(0, fixture_count(f, MSG_STORE_APPEND)); /* waits for the room */
    fixture_look_again(f);
    fixture_answer_room(f, &(struct stored_room){.found = true, .incarnation = 1, .last_seq = 7,
                                                 .last_msg_no = 7, .members = {ALICE, BOB},
                                                 .roles = {2, 0}, .member_count = 2, .tail_count = 7});
    assert_int_equal(2, fixture_count(f, MSG_EVENT)); /* 6 and 7, which its readers had not */
    fixture_turn(f);
    assert_true(fixture_rows(f, &rows));
    assert_int_equal(8, rows.rows[0].seq);
}

static void test_a_room_that_lost_events_sends_its_readers_away(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    fixture_usual(f);
    fixture_attach(f, f->edge, BOB, 1, true, 1, 5);
    fixture_forget(f);
    fixture_post(f, ALICE, 1, "hello");
    fixture_turn(f);
    fixture_outcome(f, 4);
    fixture_look_again(f);
    fixture_answer_room(f, &(struct stored_room){.found = true, .incarnation = 2, .last_seq = 3,
                                                 .members = {ALICE, BOB}, .member_count = 2});
    fixture_expect(f, MSG_ERR, &msg);
    assert_code(ERR_NOT_OWNER, msg.as.err.code);
    fixture_look_again(f);
    s_expect_nack(f, ERR_NOT_OWNER, false);
}

/* A database that took over and has less than was acknowledged: the numbers to come mean another history. */
static void test_a_store_with_less_than_was_committed_is_told_before_anything_is_numbered(void **state)
{
    struct fixture *f = *state;
    static struct fixture_rows rows;
    struct msg msg;
    struct stored_room behind = {.found = true, .incarnation = 1, .last_seq = 3, .last_msg_no = 3,
                                 .members = {ALICE, BOB}, .roles = {2, 0}, .member_count = 2, .tail_count = 3};
    fixture_usual(f); /* up to 5 */
    fixture_post(f, ALICE, 1, "hello");
    fixture_turn(f);
    fixture_outcome(f, 4);
    fixture_look_again(f);
    fixture_answer_room(f, &behind);
    const struct effect *lost = fixture_expect(f, MSG_STORE_ROOM_LOST, &msg);
    assert_int_equal(ROOM, msg.as.store_room_lost.room);
    assert_int_equal(1, msg.as.store_room_lost.incarnation);
    assert_int_equal(5, msg.as.store_room_lost.head);
    uint64_t correlation = lost->env.correlation;
    fixture_turn(f);
    fixture_forget(f);
    fixture_turn(f);
    fixture_expect_none(f, MSG_STORE_APPEND);
    list_writer_t members, tail;
    list_writer_init(&members, 65536);
    list_writer_init(&tail, 65536);
    rec_room_member_append(&members, &(struct rec_room_member){.user = ALICE, .role = 2, .joined_seq = 1});
    msg = (struct msg){.type = MSG_STORE_ROOM};
    msg.as.store_room = (struct msg_store_room){.found = true, .room = ROOM, .incarnation = 2, .last_seq = 3,
                                                .name = view_of_text("kitchen"), .last_msg_no = 3,
                                                .members = list_of(&members), .tail = list_of(&tail)};
    fixture_reply(f, correlation, &msg);
    fixture_turn(f);
    assert_true(fixture_rows(f, &rows));
    assert_int_equal(4, rows.rows[0].seq);
    list_writer_fini(&members);
    list_writer_fini(&tail);
}

static void test_without_an_answer_the_same_bytes_go_again(void **state)
{
    struct fixture *f = *state;
    fixture_usual(f);
    fixture_post(f, ALICE, 1, "hello");
    fixture_turn(f);
    const struct effect *first = fixture_expect(f, MSG_STORE_APPEND, NULL);
    uint8_t bytes[2048];
    size_t len = first->len;
    memcpy(bytes, effects_bytes(&f->out, first).bytes, len);
    fixture_forget(f);
    fixture_post(f, ALICE, 2, "does not slip in");
    fixture_tick(f, 1000);
    assert_int_equal(0, fixture_count(f, MSG_STORE_APPEND));
    fixture_tick(f, 600);
    const struct effect *again = fixture_expect(f, MSG_STORE_APPEND, NULL);
    assert_true(view_is_equal(view_of(bytes, len), effects_bytes(&f->out, again)));
    fixture_forget(f);
    fixture_peer(f, f->persist, PEER_HOLE);
    again = fixture_expect(f, MSG_STORE_APPEND, NULL);
    assert_true(view_is_equal(view_of(bytes, len), effects_bytes(&f->out, again)));
    fixture_forget(f);
    fixture_peer(f, f->persist, PEER_UP);
    again = fixture_expect(f, MSG_STORE_APPEND, NULL);
    assert_true(view_is_equal(view_of(bytes, len), effects_bytes(&f->out, again)));
}

static void test_a_second_answer_to_a_batch_changes_nothing(void **state)
{
    struct fixture *f = *state;
    static struct fixture_rows rows;
    fixture_usual(f);
    fixture_post(f, ALICE, 1, "hello");
    fixture_turn(f);
    assert_true(fixture_rows(f, &rows));
    struct rec_append_outcome outcome = {ROOM, 6, 0, 6, rows.rows[0].at_ms, 6};
    fixture_outcomes(f, &rows, &outcome);
    fixture_forget(f);
    fixture_post(f, ALICE, 2, "next");
    fixture_turn(f);
    fixture_outcomes(f, &rows, &outcome);
    assert_int_equal(0, fixture_count(f, MSG_ACK));
}

static void test_after_two_seconds_without_a_commit_new_requests_are_refused(void **state)
{
    struct fixture *f = *state;
    fixture_usual(f);
    fixture_post(f, ALICE, 1, "hello");
    fixture_turn(f);
    fixture_tick(f, LIM_UNAVAILABLE_MS); /* sends it again */
    fixture_post(f, BOB, 2, "in time");
    assert_int_equal(0, fixture_count(f, MSG_NACK));
    fixture_tick(f, 1);
    fixture_post(f, BOB, 3, "too late");
    s_expect_nack(f, ERR_UNAVAILABLE, false);
    fixture_post(f, ALICE, 1, "hello"); /* known: it is decided later */
    assert_int_equal(1, fixture_count(f, MSG_NACK));
    fixture_outcome(f, 0);
    assert_int_equal(2, fixture_count(f, MSG_ACK));
}

static void test_a_room_takes_pending_events_up_to_its_bound(void **state)
{
    struct fixture *f = *state;
    fixture_usual(f);
    for (uint64_t i = 0; i < LIM_ROOM_PENDING_MAX; i++)
        fixture_post(f, ALICE, 100 + i, "line");
    assert_int_equal(0, fixture_count(f, MSG_NACK));
    fixture_post(f, ALICE, 99999, "one too many");
    s_expect_nack(f, ERR_OVERLOADED, false);
}

static void test_a_batch_holds_256_events_and_not_one_more(void **state)
{
    struct fixture *f = *state;
    fixture_usual(f);
    for (uint64_t i = 0; i < LIM_ROOM_PENDING_MAX; i++)
        fixture_post(f, ALICE, 100 + i, "line");
    struct msg post = {.type = MSG_ROOM_POST};
    post.as.room_post = (struct msg_room_post){.room = ROOM + 1, .client_id = cid_of(5),
                                               .text = view_of_text("another room's")};
    fixture_send(f, f->edge, ALICE, &post);
    const struct effect *ask = fixture_expect(f, MSG_STORE_ROOM_GET, NULL);
    list_writer_t members;
    list_writer_init(&members, 100);
    rec_room_member_append(&members, &(struct rec_room_member){.user = ALICE, .joined_seq = 1});
    struct msg stored = {.type = MSG_STORE_ROOM};
    stored.as.store_room = (struct msg_store_room){.found = true, .room = ROOM + 1, .incarnation = 1,
                                                   .last_seq = 1, .members = list_of(&members)};
    fixture_reply(f, ask->env.correlation, &stored);
    list_writer_fini(&members);
    fixture_turn(f);
    assert_int_equal(LIM_BATCH_EVENTS_MAX, fixture_outcome(f, 0));
    fixture_forget(f);
    fixture_turn(f);
    assert_int_equal(1, fixture_outcome(f, 0));
}

static void test_a_batch_stays_below_its_bytes(void **state)
{
    struct fixture *f = *state;
    static struct fixture_rows rows;
    char text[LIM_TEXT_BYTES_MAX + 1] = {0};
    memset(text, 'y', LIM_TEXT_BYTES_MAX);
    fixture_usual(f);
    for (uint64_t i = 0; i < LIM_ROOM_PENDING_MAX; i++)
        fixture_post(f, ALICE, 100 + i, text);
    fixture_turn(f);
    assert_true(fixture_rows(f, &rows));
    const struct effect *append = fixture_expect(f, MSG_STORE_APPEND, NULL);
    assert_in_range(rows.count, 220, 255);
    assert_in_range(append->len, LIM_BATCH_BYTES_MAX - 8192, LIM_BATCH_BYTES_MAX + 64);
    size_t first = fixture_outcome(f, 0);
    fixture_forget(f);
    fixture_turn(f);
    assert_int_equal(LIM_ROOM_PENDING_MAX - first, fixture_outcome(f, 0));
}

static void test_text_must_hold_something(void **state)
{
    struct fixture *f = *state;
    fixture_usual(f);
    fixture_post(f, ALICE, 1, "");
    s_expect_nack(f, ERR_EMPTY, true);
    fixture_post(f, ALICE, 2, " \t\n ");
    s_expect_nack(f, ERR_EMPTY, true);
    fixture_request(f, f->edge, ALICE, MSG_ROOM_EDIT, 3, 5, "  ");
    s_expect_nack(f, ERR_EMPTY, true);
}

static void test_strangers_may_not_write(void **state)
{
    struct fixture *f = *state;
    fixture_usual(f);
    fixture_post(f, CAROL, 1, "I left");
    s_expect_nack(f, ERR_NOT_MEMBER, true);
    fixture_request(f, f->edge, CAROL, MSG_ROOM_EDIT, 2, 5, "mine");
    s_expect_nack(f, ERR_NOT_MEMBER, true);
    fixture_request(f, f->edge, CAROL, MSG_ROOM_DELETE, 3, 5, NULL);
    s_expect_nack(f, ERR_NOT_MEMBER, true);
    fixture_request(f, f->edge, CAROL, MSG_ROOM_LEAVE, 4, 0, NULL);
    s_expect_nack(f, ERR_NOT_MEMBER, true);
}

/* An edge that missed the answer asks again, and its copy comes when the room thinks otherwise. */
static void test_what_was_refused_for_good_is_not_stored_by_a_late_copy(void **state)
{
    struct fixture *f = *state;
    fixture_usual(f);
    fixture_post(f, CAROL, 1, "let me in");
    s_expect_nack(f, ERR_NOT_MEMBER, true);
    fixture_request(f, f->edge, CAROL, MSG_ROOM_JOIN, 2, 0, NULL);
    fixture_turn(f);
    fixture_outcome(f, 0);
    fixture_forget(f);
    fixture_post(f, CAROL, 1, "let me in"); /* the copy */
    s_expect_nack(f, ERR_NOT_MEMBER, true);
    fixture_turn(f);
    assert_int_equal(0, fixture_count(f, MSG_STORE_APPEND));
    fixture_post(f, CAROL, 3, "let me in"); /* said anew */
    fixture_turn(f);
    assert_int_equal(1, fixture_count(f, MSG_STORE_APPEND));
}

static void test_a_refusal_beyond_the_memory_is_looked_up_first(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    static struct fixture_rows rows;
    fixture_load(f, &(struct stored_room){.found = true, .incarnation = 1, .last_seq = 900, .last_msg_no = 900,
                                          .members = {ALICE}, .roles = {2}, .member_count = 1,
                                          .tail_count = 10});
    fixture_post(f, CAROL, 1, "stored long ago, before I left?");
    assert_int_equal(0, fixture_count(f, MSG_NACK));
    fixture_turn(f);
    fixture_outcome(f, 4); /* no */
    s_expect_nack(f, ERR_NOT_MEMBER, true);
    assert_int_equal(0, fixture_count(f, MSG_STORE_ROOM_GET));
    fixture_forget(f);
    fixture_post(f, CAROL, 2, "and this one?");
    fixture_turn(f);
    assert_true(fixture_rows(f, &rows));
    struct rec_append_outcome outcome = {ROOM, rows.rows[0].seq, 1, 17, 5, 17};
    fixture_outcomes(f, &rows, &outcome); /* yes */
    fixture_expect(f, MSG_ACK, &msg);
    assert_int_equal(17, msg.as.ack.seq);
}

static void test_only_the_author_edits_and_author_or_moderator_deletes(void **state)
{
    struct fixture *f = *state;
    fixture_usual(f);
    fixture_request(f, f->edge, BOB, MSG_ROOM_POST, 1, 0, "bob's");
    fixture_turn(f);
    fixture_outcome(f, 0); /* seq 6 */
    fixture_request(f, f->edge, ALICE, MSG_ROOM_EDIT, 2, 6, "no");
    s_expect_nack(f, ERR_NOT_AUTHOR, true);
    fixture_request(f, f->edge, BOB, MSG_ROOM_DELETE, 3, 5, NULL);
    s_expect_nack(f, ERR_FORBIDDEN, true);
    fixture_forget(f);
    fixture_request(f, f->edge, BOB, MSG_ROOM_EDIT, 4, 6, "bob's, better");
    fixture_request(f, f->edge, ALICE, MSG_ROOM_DELETE, 5, 5, NULL);
    fixture_turn(f);
    assert_int_equal(2, fixture_outcome(f, 0));
    assert_int_equal(2, fixture_count(f, MSG_ACK));
}

static void test_an_edit_needs_a_line_that_is_there(void **state)
{
    struct fixture *f = *state;
    fixture_usual(f);
    fixture_request(f, f->edge, ALICE, MSG_ROOM_EDIT, 1, 6, "of the future");
    s_expect_nack(f, ERR_NO_EVENT, true);
    fixture_post(f, ALICE, 2, "mine");
    fixture_turn(f);
    fixture_outcome(f, 0); /* 6 */
    fixture_request(f, f->edge, ALICE, MSG_ROOM_EDIT, 3, 6, "edited");
    fixture_turn(f);
    fixture_outcome(f, 0); /* 7 */
    fixture_request(f, f->edge, ALICE, MSG_ROOM_EDIT, 4, 7, "an edit is no line");
    s_expect_nack(f, ERR_NO_EVENT, true);
}

static void test_what_was_deleted_stays_deleted(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    fixture_usual(f);
    fixture_post(f, ALICE, 1, "secret");
    fixture_turn(f);
    fixture_outcome(f, 0); /* 6 */
    fixture_request(f, f->edge, ALICE, MSG_ROOM_EDIT, 2, 6, "still secret");
    fixture_turn(f);
    fixture_outcome(f, 0); /* 7 */
    fixture_request(f, f->edge, ALICE, MSG_ROOM_DELETE, 3, 6, NULL);
    fixture_turn(f);
    fixture_outcome(f, 0); /* 8 */
    fixture_request(f, f->edge, ALICE, MSG_ROOM_EDIT, 4, 6, "again");
    s_expect_nack(f, ERR_DELETED, true);
    fixture_request(f, f->edge, ALICE, MSG_ROOM_DELETE, 5, 6, NULL);
    s_expect_nack(f, ERR_DELETED, true);
    fixture_forget(f);
    fixture_attach(f, f->edge, BOB, 1, true, 1, 5);
    fixture_expect(f, MSG_ROOM_ATTACHED, &msg);
    struct rec_frame frame;
    list_t frames = msg.as.room_attached.frames;
    for (uint64_t seq = 6; seq <= 8; seq++) {
        struct msg event;
        assert_true(rec_frame_next(&frames, &frame));
        assert_int_equal(ERR_OK, msg_decode(frame.event, &event));
        assert_int_equal(seq, event.as.event.seq);
        bool is_nil = event.as.event.body.len == 1 && event.as.event.body.bytes[0] == 0xc0;
        assert_int_equal(seq < 8, is_nil);
    }
    fixture_post(f, ALICE, 1, "secret"); /* its mac survives */
    fixture_expect(f, MSG_ACK, &msg);
    assert_true(msg.as.ack.dup);
    fixture_post(f, ALICE, 1, "another");
    s_expect_nack(f, ERR_CONFLICT, true);
}

static void test_an_edit_behind_a_deletion_of_the_same_line_waits_and_is_refused(void **state)
{
    struct fixture *f = *state;
    fixture_usual(f);
    fixture_post(f, ALICE, 1, "line");
    fixture_turn(f);
    fixture_outcome(f, 0); /* 6 */
    fixture_forget(f);
    fixture_request(f, f->edge, ALICE, MSG_ROOM_DELETE, 2, 6, NULL);
    fixture_request(f, f->edge, ALICE, MSG_ROOM_EDIT, 3, 6, "too late");
    fixture_turn(f);
    assert_int_equal(1, fixture_outcome(f, 0));
    fixture_turn(f);
    s_expect_nack(f, ERR_DELETED, true);
    assert_int_equal(0, fixture_count(f, MSG_STORE_APPEND));
}

static void test_who_leaves_says_nothing_after_it(void **state)
{
    struct fixture *f = *state;
    fixture_usual(f);
    fixture_request(f, f->edge, BOB, MSG_ROOM_LEAVE, 1, 0, NULL);
    fixture_post(f, BOB, 2, "behind my back");
    fixture_turn(f);
    assert_int_equal(1, fixture_outcome(f, 0));
    fixture_turn(f);
    s_expect_nack(f, ERR_NOT_MEMBER, true);
}

static void s_answer_event(struct fixture *f, uint64_t seq, uint64_t user, const char *text)
{
    const struct effect *ask = fixture_expect(f, MSG_STORE_EVENT_GET, NULL);
    buffer_t frame;
    list_writer_t frames;
    buffer_init(&frame, LIM_EVENT_BYTES_MAX);
    list_writer_init(&frames, LIM_EVENT_BYTES_MAX * 2);
    fixture_make_event(&frame, seq, KIND_POSTED, user, 900000 + seq, seq, 0, text);
    rec_frame_append(&frames, &(struct rec_frame){.event = buffer_view(&frame)});
    struct msg msg = {.type = MSG_STORE_EVENT};
    msg.as.store_event = (struct msg_store_event){.room = ROOM, .seq = seq, .frames = list_of(&frames)};
    fixture_reply(f, ask->env.correlation, &msg);
    buffer_fini(&frame);
    list_writer_fini(&frames);
}

static void test_an_old_line_is_fetched_before_it_is_edited(void **state)
{
    struct fixture *f = *state;
    fixture_load(f, &(struct stored_room){.found = true, .incarnation = 1, .last_seq = 900, .last_msg_no = 900,
                                          .members = {ALICE, CAROL}, .roles = {2, 0}, .member_count = 2,
                                          .tail_count = 10});
    fixture_request(f, f->edge, CAROL, MSG_ROOM_EDIT, 1, 3, "better");
    s_answer_event(f, 3, CAROL, "x");
    fixture_turn(f);
    assert_int_equal(1, fixture_outcome(f, 0));
    assert_int_equal(1, fixture_count(f, MSG_ACK));
    fixture_forget(f);
    fixture_request(f, f->edge, CAROL, MSG_ROOM_EDIT, 2, 4, "better");
    s_answer_event(f, 4, CAROL, NULL); /* a tombstone */
    fixture_turn(f); /* beyond the memory a refusal is looked up first */
    fixture_outcome(f, 4);
    s_expect_nack(f, ERR_DELETED, true);
    fixture_forget(f);
    fixture_request(f, f->edge, CAROL, MSG_ROOM_EDIT, 3, 5, "better");
    fixture_tick(f, LIM_UNAVAILABLE_MS);
    s_expect_nack(f, ERR_UNAVAILABLE, false);
}

static void test_an_old_line_can_be_edited_when_nothing_is_in_memory(void **state)
{
    struct fixture *f = *state;
    fixture_load(f, &(struct stored_room){.found = true, .incarnation = 1, .last_seq = 900, .last_msg_no = 900,
                                          .members = {CAROL}, .member_count = 1});
    fixture_request(f, f->edge, CAROL, MSG_ROOM_EDIT, 1, 3, "better");
    s_answer_event(f, 3, CAROL, "x");
    fixture_turn(f);
    assert_int_equal(1, fixture_outcome(f, 0));
    assert_int_equal(1, fixture_count(f, MSG_ACK));
}

static void test_old_lines_are_fetched_for_a_bounded_number_of_requests(void **state)
{
    struct fixture *f = *state;
    fixture_load(f, &(struct stored_room){.found = true, .incarnation = 1, .last_seq = 900, .last_msg_no = 900,
                                          .members = {ALICE}, .roles = {2}, .member_count = 1,
                                          .tail_count = 10});
    for (uint64_t i = 0; i < LIM_ROOM_PARKED_MAX; i++)
        fixture_request(f, f->edge, ALICE, MSG_ROOM_EDIT, 100 + i, 3, "better");
    assert_int_equal(0, fixture_count(f, MSG_NACK));
    fixture_request(f, f->edge, ALICE, MSG_ROOM_EDIT, 99999, 3, "better");
    s_expect_nack(f, ERR_BUSY, false);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_is_acked_or_published_before_the_commit),
        TEST(test_a_line_is_numbered_after_the_head_and_acked_after_its_event),
        TEST(test_each_edge_with_live_readers_gets_the_event_once),
        TEST(test_time_never_goes_back_in_a_room),
        TEST(test_one_batch_is_in_flight_and_the_next_closes_after_it),
        TEST(test_a_repeat_of_a_committed_line_gets_the_first_answer),
        TEST(test_a_repeat_of_a_pending_line_is_answered_with_it),
        TEST(test_a_repeat_known_only_to_the_store_gets_its_place),
        TEST(test_what_an_earlier_batch_stored_at_the_same_place_is_read_before_it_is_shown),
        TEST(test_a_loaded_line_is_recognised_by_its_frame),
        TEST(test_the_same_id_with_another_body_is_a_conflict),
        TEST(test_what_the_store_sends_again_is_numbered_anew_and_keeps_its_order),
        TEST(test_a_fenced_room_is_dropped_and_its_requests_go_elsewhere),
        TEST(test_a_store_with_less_than_was_committed_is_told_before_anything_is_numbered),
        TEST(test_a_stale_head_reloads_the_room_and_its_requests_go_again),
        TEST(test_a_room_that_lost_events_sends_its_readers_away),
        TEST(test_without_an_answer_the_same_bytes_go_again),
        TEST(test_a_second_answer_to_a_batch_changes_nothing),
        TEST(test_after_two_seconds_without_a_commit_new_requests_are_refused),
        TEST(test_a_room_takes_pending_events_up_to_its_bound),
        TEST(test_a_batch_holds_256_events_and_not_one_more),
        TEST(test_a_batch_stays_below_its_bytes),
        TEST(test_text_must_hold_something),
        TEST(test_strangers_may_not_write),
        TEST(test_what_was_refused_for_good_is_not_stored_by_a_late_copy),
        TEST(test_a_refusal_beyond_the_memory_is_looked_up_first),
        TEST(test_only_the_author_edits_and_author_or_moderator_deletes),
        TEST(test_an_edit_needs_a_line_that_is_there),
        TEST(test_what_was_deleted_stays_deleted),
        TEST(test_an_edit_behind_a_deletion_of_the_same_line_waits_and_is_refused),
        TEST(test_who_leaves_says_nothing_after_it),
        TEST(test_an_old_line_is_fetched_before_it_is_edited),
        TEST(test_an_old_line_can_be_edited_when_nothing_is_in_memory),
        TEST(test_old_lines_are_fetched_for_a_bounded_number_of_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
