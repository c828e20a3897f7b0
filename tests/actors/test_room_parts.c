/* effects, lease, room_tail, room_presence, batch: the parts below room_shard, at their bounds. */
#include "tests/actors/room_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "actors/batch.h"
#include "actors/inbox.h"
#include "actors/lease.h"
#include "actors/room_gone.h"
#include "actors/room_presence.h"
#include "actors/room_tail.h"

/* ---- effects ---- */

static void test_effects_refuse_past_their_number_and_stay_as_they_were(void **state)
{
    (void)state;
    effects_t out;
    struct msg msg = {.type = MSG_STORE_OK};
    effects_init(&out, 2, 1000);
    assert_int_equal(ERR_OK, effects_send(&out, 1, &(struct envelope){0}, &msg));
    assert_int_equal(ERR_OK, effects_send_again(&out, 2, &(struct envelope){0}));
    assert_int_equal(ERR_OVERLOADED, effects_send_again(&out, 3, &(struct envelope){0}));
    assert_int_equal(ERR_OVERLOADED, effects_send(&out, 3, &(struct envelope){0}, &msg));
    assert_int_equal(2, out.count);
    assert_int_equal(2, out.refused);
    assert_int_equal(MSG_STORE_OK, msg_peek_type(effects_bytes(&out, &out.items[1])));
    assert_int_equal(out.items[0].offset, out.items[1].offset);
    effects_fini(&out);
}

static void test_effects_refuse_past_their_bytes_and_go_on_below_them(void **state)
{
    (void)state;
    effects_t out;
    uint8_t bytes[64] = {0};
    effects_init(&out, 10, 100);
    assert_int_equal(ERR_OK, effects_send_bytes(&out, 1, &(struct envelope){0}, view_of(bytes, 64)));
    assert_int_equal(ERR_OVERLOADED, effects_send_bytes(&out, 1, &(struct envelope){0}, view_of(bytes, 37)));
    assert_int_equal(ERR_OK, effects_send_bytes(&out, 1, &(struct envelope){0}, view_of(bytes, 36)));
    effects_fini(&out);
}

/* ---- lease ---- */

static void test_a_lease_counts_from_the_sending_of_the_beat(void **state)
{
    (void)state;
    lease_t lease;
    lease_init(&lease);
    assert_false(lease_is_serving(&lease, 0));
    lease_beat_sent(&lease, 1, 1000);
    lease_beat_answered(&lease, 1);
    assert_true(lease_is_serving(&lease, 1000 + LIM_LEASE_SERVE_MS - 1));
    assert_false(lease_is_serving(&lease, 1000 + LIM_LEASE_SERVE_MS));
    lease_beat_sent(&lease, 2, 2000);
    lease_beat_sent(&lease, 3, 3000);
    lease_beat_answered(&lease, 3);
    lease_beat_answered(&lease, 2); /* overtaken */
    assert_true(lease_is_serving(&lease, 3000 + LIM_LEASE_SERVE_MS - 1));
    lease_beat_answered(&lease, 99); /* nobody's */
    assert_false(lease_is_serving(&lease, 3000 + LIM_LEASE_SERVE_MS));
    assert_true(lease_beat_is_due(&lease, 3000 + LIM_LEASE_BEAT_MS));
    assert_false(lease_beat_is_due(&lease, 3000 + LIM_LEASE_BEAT_MS - 1));
}

static void test_a_fenced_lease_stays_fenced(void **state)
{
    (void)state;
    lease_t lease;
    lease_init(&lease);
    lease_beat_sent(&lease, 1, 0);
    lease_beat_answered(&lease, 1);
    assert_true(lease_set(&lease, 7, 3));
    assert_false(lease_set(&lease, 7, 3));
    assert_int_equal(1, lease.held);
    lease_fence(&lease);
    lease_beat_sent(&lease, 2, 100);
    lease_beat_answered(&lease, 2);
    assert_false(lease_is_serving(&lease, 100));
    assert_false(lease_set(&lease, 7, 4));
    assert_int_equal(0, lease_epoch(&lease, 7));
}

/* ---- tail ---- */

static err_t s_push(room_tail_t *tail, uint64_t seq, uint32_t kind, uint64_t msg_no, uint64_t target, size_t text)
{
    char words[LIM_TEXT_BYTES_MAX + 1] = {0};
    buffer_t frame;
    struct msg msg;
    memset(words, 'x', text);
    buffer_init(&frame, LIM_EVENT_BYTES_MAX);
    fixture_make_event(&frame, seq, kind, ALICE, seq, msg_no, target, words);
    assert_int_equal(ERR_OK, msg_decode(buffer_view(&frame), &msg));
    return room_tail_push(tail, &msg.as.event, NULL, &frame.bytes, frame.len);
}

static void test_a_tail_holds_512_events_and_forgets_the_oldest(void **state)
{
    (void)state;
    room_tail_t tail;
    room_tail_init(&tail);
    for (uint64_t seq = 1; seq <= LIM_ROOM_TAIL_EVENTS_MAX; seq++)
        assert_int_equal(ERR_OK, s_push(&tail, seq, KIND_POSTED, seq, 0, 1));
    assert_int_equal(1, room_tail_first_seq(&tail));
    assert_int_equal(ERR_OK, s_push(&tail, LIM_ROOM_TAIL_EVENTS_MAX + 1, KIND_POSTED, 9, 0, 1));
    assert_int_equal(2, room_tail_first_seq(&tail));
    assert_int_equal(LIM_ROOM_TAIL_EVENTS_MAX, tail.count);
    assert_null(room_tail_at(&tail, 1));
    assert_int_equal(2, room_tail_at(&tail, 2)->seq);
    assert_null(room_tail_at(&tail, LIM_ROOM_TAIL_EVENTS_MAX + 2));
    room_tail_fini(&tail);
}

static void test_a_tail_stays_below_its_bytes(void **state)
{
    (void)state;
    room_tail_t tail;
    room_tail_init(&tail);
    for (uint64_t seq = 1; seq <= 100; seq++) {
        assert_int_equal(ERR_OK, s_push(&tail, seq, KIND_POSTED, seq, 0, 4000));
        assert_true(tail.bytes <= LIM_ROOM_TAIL_BYTES_MAX);
    }
    assert_in_range(tail.count, 62, 66);
    room_tail_fini(&tail);
}

static void test_a_tail_with_a_hole_is_empty(void **state)
{
    (void)state;
    room_tail_t tail;
    room_tail_init(&tail);
    s_push(&tail, 1, KIND_POSTED, 1, 0, 1);
    assert_int_equal(ERR_OUT_OF_RANGE, s_push(&tail, 3, KIND_POSTED, 2, 0, 1));
    assert_int_equal(0, tail.count);
    room_tail_fini(&tail);
}

static void test_a_snapshot_has_each_line_with_its_newest_edit(void **state)
{
    (void)state;
    room_tail_t tail;
    list_writer_t frames;
    struct tail_page page;
    struct rec_frame frame;
    uint64_t expected[] = {1, 4, 2, 5};
    room_tail_init(&tail);
    list_writer_init(&frames, LIM_LINK_BODY_BYTES_MAX);
    s_push(&tail, 1, KIND_POSTED, 1, 0, 1);
    s_push(&tail, 2, KIND_POSTED, 2, 0, 1);
    s_push(&tail, 3, KIND_EDITED, 0, 1, 2);
    s_push(&tail, 4, KIND_EDITED, 0, 1, 3);
    s_push(&tail, 5, KIND_EDITED, 0, 2, 2);
    assert_int_equal(ERR_OK, room_tail_snapshot(&tail, 0, &frames, &page));
    assert_int_equal(1, page.base);
    assert_int_equal(1, page.first_msg_no);
    list_t list = list_of(&frames);
    for (size_t i = 0; i < 4; i++) {
        struct msg msg;
        assert_true(rec_frame_next(&list, &frame));
        assert_int_equal(ERR_OK, msg_decode(frame.event, &msg));
        assert_int_equal(expected[i], msg.as.event.seq);
    }
    assert_false(rec_frame_next(&list, &frame));
    list_writer_clear(&frames);
    assert_int_equal(ERR_OK, room_tail_snapshot(&tail, 2, &frames, &page)); /* may not see line 1 */
    assert_int_equal(2, page.base);
    list_writer_fini(&frames);
    room_tail_fini(&tail);
}

static void test_a_tombstone_is_the_event_with_a_nil_body(void **state)
{
    (void)state;
    buffer_t frame, erased, expected;
    buffer_init(&frame, LIM_EVENT_BYTES_MAX);
    buffer_init(&erased, LIM_EVENT_BYTES_MAX);
    buffer_init(&expected, LIM_EVENT_BYTES_MAX);
    fixture_make_event(&frame, 4, KIND_POSTED, ALICE, 9, 4, 0, "secret");
    fixture_make_event(&expected, 4, KIND_POSTED, ALICE, 9, 4, 0, NULL);
    assert_int_equal(ERR_OK, event_erase(buffer_view(&frame), &erased));
    assert_true(view_is_equal(buffer_view(&expected), buffer_view(&erased)));
    buffer_fini(&frame);
    buffer_fini(&erased);
    buffer_fini(&expected);
}

/* ---- presence ---- */

static void test_a_user_is_here_until_the_last_reader_goes(void **state)
{
    (void)state;
    room_presence_t presence;
    presence_init(&presence);
    assert_int_equal(ERR_OK, presence_add(&presence, 0, 0, ALICE, true)); /* session 0 is one */
    assert_int_equal(ERR_OK, presence_add(&presence, 63, 0, ALICE, false));
    assert_int_equal(1, presence_here_count(&presence));
    presence_remove(&presence, 0, 0);
    assert_true(presence_is_here(&presence, ALICE));
    assert_int_equal(0, presence.live_mask);
    presence_drop_edge(&presence, 63);
    assert_false(presence_is_here(&presence, ALICE));
    assert_int_equal(0, presence_reader_count(&presence));
    presence_fini(&presence);
}

static void test_a_reader_changes_its_mode_and_counts_once(void **state)
{
    (void)state;
    room_presence_t presence;
    presence_init(&presence);
    presence_add(&presence, 1, 7, ALICE, true);
    presence_add(&presence, 1, 7, ALICE, false);
    assert_int_equal(0, presence.live_mask);
    assert_int_equal(2, presence.watch_mask);
    assert_int_equal(1, presence_reader_count(&presence));
    assert_int_equal(ERR_OUT_OF_RANGE, presence_add(&presence, 1, ID_MAX + 1, ALICE, true));
    assert_int_equal(2, presence_drop_user(&presence, ALICE));
    presence_fini(&presence);
}

static void test_16_type_and_not_one_more(void **state)
{
    (void)state;
    room_presence_t presence;
    presence_init(&presence);
    for (uint64_t i = 1; i <= LIM_TYPING_MAX; i++)
        assert_true(presence_typing(&presence, i, true, 0));
    assert_false(presence_typing(&presence, 99, true, 0));
    assert_true(presence_typing(&presence, 3, false, 0));
    assert_true(presence_typing(&presence, 99, true, 1));
    assert_true(presence_typing_is_due(&presence, LIM_TYPING_EXPIRE_MS));
    assert_int_equal(1, presence.typist_count);
    presence_fini(&presence);
}

/* ---- batch and inbox ---- */

static void test_the_queue_of_an_actor_is_bounded(void **state)
{
    (void)state;
    batch_t batch;
    batch_init(&batch);
    cid_t cid = cid_of(1);
    uint8_t nil = 0xc0;
    for (size_t i = 0; i < BATCH_QUEUE_MAX; i++)
        assert_int_equal(ERR_OK, batch_push(&batch, pending_new(ROOM, KIND_POSTED, ALICE, &cid, 0, view_of(&nil, 1))));
    struct pending *one_more = pending_new(ROOM, KIND_POSTED, ALICE, &cid, 0, view_of(&nil, 1));
    assert_int_equal(ERR_OVERLOADED, batch_push(&batch, one_more));
    pending_destroy(&one_more);
    batch_fini(&batch);
}

static void test_a_request_remembers_its_last_askers(void **state)
{
    (void)state;
    cid_t cid = cid_of(1);
    uint8_t nil = 0xc0;
    struct pending *pending = pending_new(ROOM, KIND_POSTED, ALICE, &cid, 0, view_of(&nil, 1));
    for (uint64_t i = 1; i <= PENDING_ASKERS_MAX + 1; i++) {
        pending_ask(pending, &(struct envelope){.from = 5, .correlation = i});
        pending_ask(pending, &(struct envelope){.from = 5, .correlation = i}); /* once */
    }
    assert_int_equal(PENDING_ASKERS_MAX, pending->asker_count);
    assert_int_equal(2, pending->askers[0].correlation);
    pending_destroy(&pending);
}

static void s_assert_gone(const room_gone_t *gone, uint64_t first, uint64_t last, uint32_t count, bool more)
{
    assert_int_equal(count, gone->count);
    assert_int_equal(first, gone->msg_nos[0]);
    assert_int_equal(last, gone->msg_nos[gone->count - 1]);
    assert_int_equal(more, gone->more);
    for (uint32_t i = 1; i < gone->count; i++)
        assert_true(gone->msg_nos[i - 1] < gone->msg_nos[i]);
}

static void test_a_room_remembers_its_highest_deleted_lines_and_that_there_are_others(void **state)
{
    (void)state;
    room_gone_t gone = {0};
    for (uint64_t i = 0; i < LIM_ROOM_GONE_MAX; i++) /* in any order: 7 is prime to 256 */
        assert_int_equal(ERR_OK, room_gone_add(&gone, 1000 + i, 11 + i * 7 % LIM_ROOM_GONE_MAX));
    s_assert_gone(&gone, 11, 10 + LIM_ROOM_GONE_MAX, LIM_ROOM_GONE_MAX, false);
    assert_int_equal(ERR_OK, room_gone_add(&gone, 2000, 12)); /* known */
    s_assert_gone(&gone, 11, 10 + LIM_ROOM_GONE_MAX, LIM_ROOM_GONE_MAX, false);
    assert_int_equal(ERR_OK, room_gone_add(&gone, 2001, 5)); /* one too many, and lower than all */
    s_assert_gone(&gone, 11, 10 + LIM_ROOM_GONE_MAX, LIM_ROOM_GONE_MAX, true);
    assert_int_equal(2001, gone.deleted);
    assert_int_equal(ERR_OK, room_gone_add(&gone, 2002, 5000));
    s_assert_gone(&gone, 12, 5000, LIM_ROOM_GONE_MAX, true);
    list_writer_t list;
    struct msg_gone told;
    list_writer_init(&list, 1 << 16);
    room_gone_tell(&gone, ROOM, &list, &told);
    room_gone_t copy = {0};
    assert_int_equal(ERR_OK, room_gone_load(&copy, told.deleted, told.lines, told.more));
    s_assert_gone(&copy, 12, 5000, LIM_ROOM_GONE_MAX, true);
    assert_int_equal(2002, copy.deleted);
    room_gone_fini(&copy);
    assert_int_equal(0, copy.count);
    list_writer_fini(&list);
    room_gone_fini(&gone);
}

static void test_an_inbox_holds_its_sockets_and_rooms_up_to_their_bounds(void **state)
{
    (void)state;
    inbox_t *inbox = inbox_new(ALICE);
    inbox_change_t change;
    for (uint64_t i = 0; i < INBOX_SESSIONS_MAX; i++)
        assert_int_equal(ERR_OK, inbox_open(inbox, (unsigned)i % 64, i));
    assert_int_equal(ERR_OVERLOADED, inbox_open(inbox, 0, 9999));
    assert_int_equal(ERR_OK, inbox_open(inbox, 0, 0)); /* it is there */
    inbox_drop_edge(inbox, 5);
    assert_false(inbox_edges(inbox) >> 5 & 1);
    struct msg_inbox_member member = {.user = ALICE, .seq = 1, .joined = true};
    for (uint64_t i = 1; i <= LIM_SUBS_MAX + 1; i++) {
        struct rec_room_state room = {.room = i};
        assert_int_equal(i <= LIM_SUBS_MAX ? ERR_OK : ERR_TOO_MANY_ROOMS,
                         inbox_member(inbox, &member, &room, &change));
    }
    struct rec_room_state first = {.room = 1};
    member = (struct msg_inbox_member){.user = ALICE, .seq = 1, .joined = false};
    assert_int_equal(ERR_OK, inbox_member(inbox, &member, &first, &change)); /* not newer */
    assert_int_equal(INBOX_SAME, change);
    member.seq = 2;
    assert_int_equal(ERR_OK, inbox_member(inbox, &member, &first, &change));
    assert_int_equal(INBOX_REMOVED, change);
    inbox_destroy(&inbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_effects_refuse_past_their_number_and_stay_as_they_were),
        cmocka_unit_test(test_effects_refuse_past_their_bytes_and_go_on_below_them),
        cmocka_unit_test(test_a_lease_counts_from_the_sending_of_the_beat),
        cmocka_unit_test(test_a_fenced_lease_stays_fenced),
        cmocka_unit_test(test_a_tail_holds_512_events_and_forgets_the_oldest),
        cmocka_unit_test(test_a_tail_stays_below_its_bytes),
        cmocka_unit_test(test_a_tail_with_a_hole_is_empty),
        cmocka_unit_test(test_a_snapshot_has_each_line_with_its_newest_edit),
        cmocka_unit_test(test_a_tombstone_is_the_event_with_a_nil_body),
        cmocka_unit_test(test_a_user_is_here_until_the_last_reader_goes),
        cmocka_unit_test(test_a_reader_changes_its_mode_and_counts_once),
        cmocka_unit_test(test_16_type_and_not_one_more),
        cmocka_unit_test(test_the_queue_of_an_actor_is_bounded),
        cmocka_unit_test(test_a_request_remembers_its_last_askers),
        cmocka_unit_test(test_a_room_remembers_its_highest_deleted_lines_and_that_there_are_others),
        cmocka_unit_test(test_an_inbox_holds_its_sockets_and_rooms_up_to_their_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
