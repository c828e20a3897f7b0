/* What other actors ask of the store: rooms, pages, members, accounts, sessions, the directory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/persist/fixture.h"

enum { ALICE = 101, BOB = 102, T0_MS = 1700000000 };

static struct fixture s_fixture;
static client_t *s_client;
static uint64_t s_epochs[LIM_SHARDS];
static struct batch s_batch;
static struct rec_append_outcome s_out[LIM_BATCH_EVENTS_MAX];

static int s_setup(void **state)
{
    (void)state;
    fixture_open(&s_fixture, "store", false);
    s_client = client_new(&s_fixture, 1);
    client_take(s_client, LIM_SHARDS, s_epochs);
    batch_init(&s_batch);
    return 0;
}

static int s_teardown(void **state)
{
    (void)state;
    batch_fini(&s_batch);
    client_destroy(&s_client);
    fixture_close(&s_fixture);
    return 0;
}

static uint64_t s_epoch(uint64_t room)
{
    return s_epochs[id_shard(room)];
}

/* Adds an event of any kind to the batch; cids are the seqs. */
static void s_add(uint64_t room, uint64_t seq, uint32_t kind, uint64_t user, uint64_t msg_no, uint64_t target,
                  const void *body)
{
    struct rec_append_row row = fixture_line(room, s_epoch(room), seq, user, seq);
    row.kind = kind;
    row.msg_no = msg_no;
    row.target = target;
    batch_add(&s_batch, row, body);
}

static void s_store(void)
{
    size_t count = batch_store(&s_batch, s_client, s_out);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(0, s_out[i].result);
}

static void s_create(uint64_t room, const char *name, uint32_t visibility)
{
    const struct kind_room_created body = {
        .name = view_of_text(name), .topic = view_of_text("about it"), .visibility = visibility};
    s_add(room, 1, KIND_ROOM_CREATED, ALICE, 0, 0, &body);
    s_store();
}

static void s_post(uint64_t room, uint64_t seq, uint64_t msg_no, const char *text)
{
    s_add(room, seq, KIND_POSTED, ALICE, msg_no, 0, &(struct kind_posted){.text = view_of_text(text)});
}

static void s_edit(uint64_t room, uint64_t seq, uint64_t target, const char *text)
{
    s_add(room, seq, KIND_EDITED, ALICE, 0, target, &(struct kind_edited){.text = view_of_text(text)});
}

/* ---- rooms ------------------------------------------------------------------------------------------------------ */

static void test_a_room_loads_as_it_was_committed(void **state)
{
    (void)state;
    s_create(5001, "Garden", 0);
    s_add(5001, 2, KIND_JOINED, BOB, 0, 0, &(struct kind_joined){.role = 1});
    s_post(5001, 3, 1, "hello");
    s_store();
    struct msg ask = {.type = MSG_STORE_ROOM_GET};
    ask.as.store_room_get.room = 5001;
    const struct msg_store_room *room = &client_ask(s_client, &ask, MSG_STORE_ROOM)->as.store_room;
    assert_true(room->found);
    assert_int_equal(1, room->incarnation);
    assert_true(view_is_equal(view_of_text("Garden"), room->name));
    assert_true(view_is_equal(view_of_text("about it"), room->topic));
    assert_int_equal(3, room->last_seq);
    assert_int_equal(1, room->last_msg_no);
    assert_int_equal(1003, room->last_at_ms);
    assert_int_equal(2, room->members.count);
    list_t list = room->members;
    struct rec_room_member member;
    assert_true(rec_room_member_next(&list, &member));
    assert_int_equal(ALICE, member.user);
    assert_int_equal(2, member.role);
    assert_true(rec_room_member_next(&list, &member));
    assert_int_equal(BOB, member.user);
    assert_int_equal(1, member.role);
    assert_int_equal(2, member.joined_seq);
    assert_int_equal(3, room->tail.count);
    list = room->tail;
    struct rec_frame frame;
    struct msg event;
    for (uint64_t seq = 1; rec_frame_next(&list, &frame); seq++) {
        assert_int_equal(ERR_OK, msg_decode(frame.event, &event));
        assert_int_equal(seq, event.as.event.seq);
    }
    ask.as.store_room_get.room = 5999;
    assert_false(client_ask(s_client, &ask, MSG_STORE_ROOM)->as.store_room.found);
}

static uint64_t s_told_lost(uint64_t incarnation, uint64_t head)
{
    struct msg ask = {.type = MSG_STORE_ROOM_LOST};
    ask.as.store_room_lost = (struct msg_store_room_lost){.room = 5990, .incarnation = incarnation, .head = head};
    const struct msg_store_room *room = &client_ask(s_client, &ask, MSG_STORE_ROOM)->as.store_room;
    assert_int_equal(5990, room->room);
    assert_int_equal(2, room->last_seq);
    return room->incarnation;
}

static void test_a_room_that_lost_events_gets_another_incarnation_once(void **state)
{
    (void)state;
    s_create(5990, "Cellar", 0);
    s_post(5990, 2, 1, "hello");
    s_store();
    assert_int_equal(1, s_told_lost(1, 2)); /* not behind */
    assert_int_equal(2, s_told_lost(1, 3));
    assert_int_equal(2, s_told_lost(1, 3)); /* its answer was lost */
    assert_int_equal(1, test_db_number(&s_fixture.db, "SELECT COUNT(*) FROM audit WHERE action = 'room_lost_events'"));
}

static void test_leaving_and_coming_back(void **state)
{
    (void)state;
    s_create(5002, "Door", 0);
    s_add(5002, 2, KIND_JOINED, BOB, 0, 0, &(struct kind_joined){0});
    s_add(5002, 3, KIND_LEFT, BOB, 0, 0, &(struct kind_left){0});
    s_store();
    assert_int_equal(1, test_db_number(&s_fixture.db, "SELECT member_count FROM room WHERE id = 5002"));
    assert_int_equal(1, test_db_number(&s_fixture.db, "SELECT COUNT(*) FROM member WHERE room_id = 5002"));
    s_post(5002, 4, 1, "anyone?");
    s_add(5002, 5, KIND_JOINED, BOB, 0, 0, &(struct kind_joined){0});
    s_store();
    assert_int_equal(2, test_db_number(&s_fixture.db, "SELECT member_count FROM room WHERE id = 5002"));
    /* what was said while they were away is not unread */
    assert_int_equal(1, test_db_number(&s_fixture.db, "SELECT read_msg_no FROM member WHERE room_id = 5002 "
                                                      "AND user_id = 102"));
}

static void test_the_tail_is_bounded_by_events_and_bytes(void **state)
{
    (void)state;
    s_create(5003, "Long", 0);
    char text[3001];
    memset(text, 'x', 3000);
    text[3000] = '\0';
    for (uint64_t seq = 2; seq <= 700;) {
        for (int i = 0; i < 200 && seq <= 700; i++, seq++)
            s_post(5003, seq, seq - 1, "short");
        s_store();
    }
    struct msg ask = {.type = MSG_STORE_ROOM_GET};
    ask.as.store_room_get.room = 5003;
    const struct msg_store_room *room = &client_ask(s_client, &ask, MSG_STORE_ROOM)->as.store_room;
    assert_int_equal(LIM_ROOM_TAIL_EVENTS_MAX, room->tail.count);
    for (uint64_t seq = 701; seq <= 900; seq++)
        s_post(5003, seq, seq - 1, text);
    s_store();
    room = &client_ask(s_client, &ask, MSG_STORE_ROOM)->as.store_room;
    assert_in_range(room->tail.count, 80, 90);
    assert_in_range(room->tail.len, 200 * 1024, LIM_ROOM_TAIL_BYTES_MAX + 1024);
}

static struct msg s_delta(uint64_t room, uint64_t after, uint64_t upto)
{
    struct msg ask = {.type = MSG_STORE_DELTA_GET};
    ask.as.store_delta_get =
        (struct msg_store_delta_get){.room = room, .incarnation = 1, .after = after, .upto = upto};
    return ask;
}

/* On the room of the test before. */
static void test_a_delta_is_whole_or_nothing(void **state)
{
    (void)state;
    struct msg ask = s_delta(5003, 100, 600);
    const struct msg_store_delta *delta = &client_ask(s_client, &ask, MSG_STORE_DELTA)->as.store_delta;
    assert_true(delta->complete);
    assert_int_equal(500, delta->frames.count);
    ask = s_delta(5003, 99, 600);
    delta = &client_ask(s_client, &ask, MSG_STORE_DELTA)->as.store_delta;
    assert_false(delta->complete); /* 501 */
    assert_int_equal(0, delta->frames.count);
    ask = s_delta(5003, 700, 900);
    assert_false(client_ask(s_client, &ask, MSG_STORE_DELTA)->as.store_delta.complete); /* bytes */
    ask = s_delta(5003, 890, 950);
    assert_false(client_ask(s_client, &ask, MSG_STORE_DELTA)->as.store_delta.complete); /* not there */
    ask = s_delta(5003, 900, 900);
    assert_true(client_ask(s_client, &ask, MSG_STORE_DELTA)->as.store_delta.complete);
}

/* ---- pages ------------------------------------------------------------------------------------------------------ */

struct s_page {
    uint64_t seqs[LIM_PAGE_FRAMES_MAX];
    char texts[LIM_PAGE_FRAMES_MAX][32]; /* "" for a tombstone */
    size_t count;
    struct msg_page page;
};

static struct s_page s_get_page(struct msg_store_page_get get)
{
    struct msg ask = {.type = MSG_STORE_PAGE_GET};
    ask.as.store_page_get = get;
    struct s_page got = {.page = client_ask(s_client, &ask, MSG_PAGE)->as.page};
    list_t list = got.page.frames;
    struct rec_frame frame;
    while (rec_frame_next(&list, &frame)) {
        struct msg event;
        struct kind_posted body = {0};
        assert_int_equal(ERR_OK, msg_decode(frame.event, &event));
        got.seqs[got.count] = event.as.event.seq;
        err_t err = kind_decode(event.as.event.kind, event.as.event.body, &body);
        assert_true(err == ERR_OK || err == ERR_DELETED);
        if (!err)
            snprintf(got.texts[got.count], 32, "%.*s", (int)body.text.len, (const char *)body.text.bytes);
        got.count++;
    }
    return got;
}

static void s_expect_seqs(const struct s_page *page, const uint64_t *seqs, size_t count)
{
    assert_int_equal(count, page->count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(seqs[i], page->seqs[i]);
}

static void test_pages_are_folded_as_of_a_head(void **state)
{
    (void)state;
    s_create(5004, "Pages", 0);
    s_post(5004, 2, 1, "one");
    s_post(5004, 3, 2, "two");
    s_post(5004, 4, 3, "three");
    s_edit(5004, 5, 3, "two!");
    s_edit(5004, 6, 3, "two!!");
    s_post(5004, 7, 4, "four");
    s_edit(5004, 8, 2, "one!");
    s_store();
    struct s_page page = s_get_page((struct msg_store_page_get){.room = 5004, .as_of = 8, .limit = 10});
    s_expect_seqs(&page, (const uint64_t[]){2, 8, 3, 6, 4, 7}, 6);
    assert_string_equal("two!!", page.texts[3]);
    assert_int_equal(1, page.page.first_msg_no);
    assert_int_equal(4, page.page.last_msg_no);
    assert_int_equal(2, page.page.first_seq);
    assert_false(page.page.more);
    page = s_get_page((struct msg_store_page_get){.room = 5004, .as_of = 5, .limit = 10});
    s_expect_seqs(&page, (const uint64_t[]){2, 3, 5, 4}, 4);
    page = s_get_page((struct msg_store_page_get){.room = 5004, .as_of = 8, .before = 4, .limit = 2});
    s_expect_seqs(&page, (const uint64_t[]){3, 6, 4}, 3);
    assert_true(page.page.more);
    page = s_get_page((struct msg_store_page_get){.room = 5004, .as_of = 8, .after = 1, .limit = 2});
    s_expect_seqs(&page, (const uint64_t[]){3, 6, 4}, 3);
    assert_true(page.page.more);
    page = s_get_page((struct msg_store_page_get){.room = 5004, .as_of = 8, .limit = 10, .visible_from_seq = 4});
    s_expect_seqs(&page, (const uint64_t[]){4, 7}, 2);
    page = s_get_page((struct msg_store_page_get){.room = 5004, .as_of = 8, .before = 1, .limit = 10});
    assert_int_equal(0, page.count);
    assert_int_equal(0, page.page.first_msg_no);
}

/* On the room of the test before: numbers that are not there, and lines the reader may not see, end no page early. */
static void test_pages_beyond_an_end_are_those_at_it(void **state)
{
    (void)state;
    struct s_page page;
    for (uint64_t before = 5; before <= 9; before++) { /* the last line is 4 */
        page = s_get_page((struct msg_store_page_get){.room = 5004, .as_of = 8, .before = before, .limit = 2});
        s_expect_seqs(&page, (const uint64_t[]){4, 7}, 2);
        assert_true(page.page.more);
    }
    page = s_get_page((struct msg_store_page_get){.room = 5004, .as_of = 4, .before = 5, .limit = 2}); /* 4 is later */
    s_expect_seqs(&page, (const uint64_t[]){3, 4}, 2);
    assert_true(page.page.more);
    page = s_get_page((struct msg_store_page_get){.room = 5004, .as_of = 8, .before = 4, .limit = 1, .visible_from_seq = 4});
    s_expect_seqs(&page, (const uint64_t[]){4}, 1);
    assert_false(page.page.more);
    page = s_get_page((struct msg_store_page_get){.room = 5004, .as_of = 8, .before = 4, .limit = 1, .visible_from_seq = 7});
    assert_int_equal(0, page.count);
    for (uint64_t after = 1; after <= 3; after++) {
        page = s_get_page(
            (struct msg_store_page_get){.room = 5004, .as_of = 8, .after = after, .limit = 1, .visible_from_seq = 7});
        s_expect_seqs(&page, (const uint64_t[]){7}, 1);
        assert_false(page.page.more);
    }
    page = s_get_page((struct msg_store_page_get){.room = 5004, .as_of = 8, .after = 3, .limit = 2});
    s_expect_seqs(&page, (const uint64_t[]){7}, 1);
    assert_false(page.page.more);
    page = s_get_page((struct msg_store_page_get){.room = 5004, .as_of = 8, .after = 4, .limit = 2});
    assert_int_equal(0, page.count);
}

/* On the long room: 100 lines at the most, and no more bytes than a delta has. */
static void test_pages_are_bounded(void **state)
{
    (void)state;
    struct s_page page = s_get_page((struct msg_store_page_get){.room = 5003, .as_of = 900, .before = 600, .limit = 100});
    assert_int_equal(100, page.count);
    assert_int_equal(599, page.page.last_msg_no);
    assert_int_equal(500, page.page.first_msg_no);
    assert_true(page.page.more);
    page = s_get_page((struct msg_store_page_get){.room = 5003, .as_of = 900, .limit = 100});
    assert_in_range(page.count, 80, 90);
    assert_int_equal(899, page.page.last_msg_no); /* what is nearest to the asker stays */
    assert_true(page.page.more);
    page = s_get_page((struct msg_store_page_get){.room = 5003, .as_of = 900, .after = 700, .limit = 100});
    assert_int_equal(701, page.page.first_msg_no);
    assert_true(page.page.more);
}

static void test_deleting_erases_the_text_everywhere(void **state)
{
    (void)state;
    s_create(5005, "Secrets", 0);
    s_post(5005, 2, 1, "my XYZZY secret");
    s_post(5005, 3, 2, "harmless");
    for (uint64_t seq = 4; seq < 134; seq++) /* more edits than one chunk */
        s_edit(5005, seq, 2, "my XYZZY secret, edited");
    s_store();
    assert_int_equal(131, test_db_number(&s_fixture.db, "SELECT COUNT(*) FROM event WHERE frame LIKE '%XYZZY%'"));
    s_add(5005, 134, KIND_DELETED, ALICE, 0, 2, &(struct kind_deleted){0});
    s_store();
    assert_int_equal(0, test_db_number(&s_fixture.db, "SELECT COUNT(*) FROM event WHERE frame LIKE '%XYZZY%'"));
    assert_int_equal(134, test_db_number(&s_fixture.db, "SELECT COUNT(*) FROM event WHERE room_id = 5005"));
    struct msg ask = {.type = MSG_STORE_EVENT_GET};
    ask.as.store_event_get = (struct msg_store_event_get){.room = 5005, .seq = 2};
    list_t frames = client_ask(s_client, &ask, MSG_STORE_EVENT)->as.store_event.frames;
    struct rec_frame frame;
    struct msg event;
    assert_true(rec_frame_next(&frames, &frame));
    assert_int_equal(ERR_OK, msg_decode(frame.event, &event));
    assert_int_equal(1, event.as.event.body.len);
    assert_int_equal(0xc0, event.as.event.body.bytes[0]);
    assert_int_equal(1, event.as.event.msg_no);
    assert_int_equal(ALICE, event.as.event.user);
    struct s_page page = s_get_page((struct msg_store_page_get){.room = 5005, .as_of = 134, .limit = 10});
    assert_int_equal(2, page.seqs[0]);
    assert_string_equal("", page.texts[0]);
    s_post(5005, 135, 3, "my XYZZY secret"); /* with another id: conflicts are told by the MAC that stayed */
    batch_store(&s_batch, s_client, s_out);
    struct rec_append_row again = fixture_line(5005, s_epoch(5005), 136, ALICE, 2);
    again.msg_no = 4;
    batch_add(&s_batch, again, &(struct kind_posted){.text = view_of_text("my XYZZY secret")});
    batch_store(&s_batch, s_client, s_out);
    assert_int_equal(1, s_out[0].result);
    assert_int_equal(2, s_out[0].stored_seq);
    again.seq = 136;
    batch_add(&s_batch, again, &(struct kind_posted){.text = view_of_text("something else")});
    batch_store(&s_batch, s_client, s_out);
    assert_int_equal(2, s_out[0].result);
    ask.as.store_event_get.seq = 9999;
    assert_int_equal(0, client_ask(s_client, &ask, MSG_STORE_EVENT)->as.store_event.frames.count);
}

static void test_a_line_posted_and_deleted_in_one_batch_leaves_no_text(void **state)
{
    (void)state;
    s_create(5006, "Fast", 0);
    s_post(5006, 2, 1, "PLUGH at once");
    s_edit(5006, 3, 2, "PLUGH edited");
    s_add(5006, 4, KIND_DELETED, ALICE, 0, 2, &(struct kind_deleted){0});
    s_store();
    assert_int_equal(0, test_db_number(&s_fixture.db, "SELECT COUNT(*) FROM event WHERE frame LIKE '%PLUGH%'"));
}

/* ---- lists ------------------------------------------------------------------------------------------------------ */

static void test_inbox_and_read_pointers(void **state)
{
    (void)state;
    enum { CAROL = 103 };
    for (uint64_t room = 6001; room <= 6002; room++) {
        s_create(room, "Inbox", 1);
        s_add(room, 2, KIND_JOINED, CAROL, 0, 0, &(struct kind_joined){0});
        s_post(room, 3, 1, "a");
        s_post(room, 4, 2, "b");
        s_store();
    }
    struct msg reads = {.type = MSG_STORE_READS};
    list_writer_t marks;
    list_writer_init(&marks, 4096);
    rec_read_mark_append(&marks, &(struct rec_read_mark){.user = CAROL, .room = 6002, .msg_no = 2});
    rec_read_mark_append(&marks, &(struct rec_read_mark){.user = CAROL, .room = 6001, .msg_no = 1});
    rec_read_mark_append(&marks, &(struct rec_read_mark){.user = CAROL, .room = 6999, .msg_no = 1});
    reads.as.store_reads.marks = list_of(&marks);
    client_ask(s_client, &reads, MSG_STORE_OK);
    list_writer_clear(&marks);
    rec_read_mark_append(&marks, &(struct rec_read_mark){.user = CAROL, .room = 6002, .msg_no = 1}); /* never back */
    reads.as.store_reads.marks = list_of(&marks);
    client_ask(s_client, &reads, MSG_STORE_OK);
    list_writer_fini(&marks);
    struct msg ask = {.type = MSG_STORE_INBOX_GET};
    ask.as.store_inbox_get.user = CAROL;
    list_t rooms = client_ask(s_client, &ask, MSG_STORE_INBOX)->as.store_inbox.rooms;
    struct rec_room_state room;
    assert_int_equal(2, rooms.count);
    assert_true(rec_room_state_next(&rooms, &room));
    assert_int_equal(6001, room.room);
    assert_int_equal(4, room.head);
    assert_int_equal(2, room.msg_no);
    assert_int_equal(1, room.read_msg_no);
    assert_int_equal(1, room.visibility);
    assert_true(rec_room_state_next(&rooms, &room));
    assert_int_equal(2, room.read_msg_no);
}

static const struct msg_store_place *s_set_place(uint64_t room, uint64_t user, uint64_t rev, uint32_t what, uint64_t value)
{
    struct msg ask = {.type = MSG_STORE_PLACE_SET};
    ask.as.store_place_set =
        (struct msg_store_place_set){.user = user, .room = room, .rev = rev, .what = what, .value = value};
    return &client_ask(s_client, &ask, MSG_STORE_PLACE)->as.store_place;
}

static void s_store_read(uint64_t room, uint64_t user, uint64_t turn, uint64_t msg_no)
{
    struct msg reads = {.type = MSG_STORE_READS};
    list_writer_t marks;
    list_writer_init(&marks, 4096);
    rec_read_mark_append(&marks, &(struct rec_read_mark){.user = user, .room = room, .msg_no = msg_no, .turn = turn});
    reads.as.store_reads.marks = list_of(&marks);
    client_ask(s_client, &reads, MSG_STORE_OK);
    list_writer_fini(&marks);
}

static struct rec_room_state s_inbox_room(uint64_t user)
{
    struct msg ask = {.type = MSG_STORE_INBOX_GET};
    ask.as.store_inbox_get.user = user;
    list_t rooms = client_ask(s_client, &ask, MSG_STORE_INBOX)->as.store_inbox.rooms;
    struct rec_room_state room;
    assert_true(rec_room_state_next(&rooms, &room));
    return room;
}

static void test_what_a_member_decides_is_stored_once_and_late_pointers_do_not_undo_it(void **state)
{
    (void)state;
    enum { DAVE = 104, PLACE_ROOM = 6101 };
    s_create(PLACE_ROOM, "Places", 0);
    assert_false(s_set_place(PLACE_ROOM, DAVE, 0, 1, 1)->found);
    s_add(PLACE_ROOM, 2, KIND_JOINED, DAVE, 0, 0, &(struct kind_joined){0});
    s_post(PLACE_ROOM, 3, 1, "a");
    s_post(PLACE_ROOM, 4, 2, "b");
    s_store();
    s_store_read(PLACE_ROOM, DAVE, 0, 2);
    const struct msg_store_place *place = s_set_place(PLACE_ROOM, DAVE, 0, 0, 0);
    assert_int_equal(1, place->rev);
    assert_int_equal(1, place->turn);
    assert_int_equal(0, place->read_msg_no);
    place = s_set_place(PLACE_ROOM, DAVE, 0, 0, 1); /* under an old rev: told how it is, nothing done */
    assert_int_equal(1, place->rev);
    assert_int_equal(0, place->read_msg_no);
    s_store_read(PLACE_ROOM, DAVE, 0, 2); /* said before the mark, and late */
    assert_int_equal(0, s_inbox_room(DAVE).read_msg_no);
    s_store_read(PLACE_ROOM, DAVE, 1, 1);
    place = s_set_place(PLACE_ROOM, DAVE, 1, 1, 2);
    assert_int_equal(2, place->rev);
    assert_int_equal(1, place->turn); /* another level does not make pointers old */
    struct rec_room_state room = s_inbox_room(DAVE);
    assert_int_equal(1, room.read_msg_no);
    assert_int_equal(2, room.notify);
    assert_int_equal(1, room.turn);
    assert_int_equal(2, room.rev);
    struct msg wrong = {.type = MSG_STORE_PLACE_SET};
    wrong.as.store_place_set =
        (struct msg_store_place_set){.user = DAVE, .room = PLACE_ROOM, .rev = 2, .what = 1, .value = 3};
    assert_int_equal(ERR_OUT_OF_RANGE, client_ask(s_client, &wrong, MSG_ERR)->as.err.code);
    s_add(PLACE_ROOM, 5, KIND_LEFT, DAVE, 0, 0, &(struct kind_left){0});
    s_add(PLACE_ROOM, 6, KIND_JOINED, DAVE, 0, 0, &(struct kind_joined){0});
    s_store();
    room = s_inbox_room(DAVE); /* who comes back begins anew */
    assert_int_equal(0, room.notify);
    assert_int_equal(0, room.rev);
    assert_int_equal(2, room.read_msg_no);
}

static size_t s_found(uint64_t room, const char *query, uint32_t limit, uint64_t users_out[8], bool *more_out)
{
    struct msg ask = {.type = MSG_STORE_MEMBERS_FIND};
    struct rec_member_info member;
    size_t count = 0;
    ask.as.store_members_find =
        (struct msg_store_members_find){.room = room, .query = view_of_text(query), .limit = limit};
    const struct msg_members *members = &client_ask(s_client, &ask, MSG_MEMBERS)->as.members;
    *more_out = members->more;
    for (list_t list = members->members; count < 8 && rec_member_info_next(&list, &member);)
        users_out[count++] = member.user;
    return count;
}

static void test_members_are_found_by_the_beginning_of_any_word_of_their_name(void **state)
{
    (void)state;
    enum { FIND_ROOM = 6201 };
    static const char *const NAMES[] = {"Mara Quill", "quentin", "Ole.Quist", "100% Quiet", "Noquit", "Öz_Çelik"};
    uint64_t users[8];
    bool more;
    s_create(FIND_ROOM, "Find", 0);
    for (uint64_t i = 0; i < 6; i++) {
        struct msg add = {.type = MSG_STORE_USER_ADD};
        add.as.store_user_add = (struct msg_store_user_add){.user = 6210 + i, .name = view_of_text(NAMES[i]),
                                                            .password_hash = view_of_text("x"), .at_ms = 1};
        client_ask(s_client, &add, MSG_STORE_USER);
        if (i != 3) /* "100% Quiet" is no member */
            s_add(FIND_ROOM, 2 + i - (i > 3), KIND_JOINED, 6210 + i, 0, 0, &(struct kind_joined){0});
    }
    s_store();
    assert_int_equal(3, s_found(FIND_ROOM, "QU", 8, users, &more)); /* not in the middle of a word, and members only */
    assert_false(more);
    assert_int_equal(6211, users[0]); /* whose whole name begins so comes first */
    assert_int_equal(6210, users[1]);
    assert_int_equal(6212, users[2]);
    assert_int_equal(2, s_found(FIND_ROOM, "qu", 2, users, &more));
    assert_true(more);
    assert_int_equal(3, s_found(FIND_ROOM, "qu", 3, users, &more));
    assert_false(more);
    assert_int_equal(1, s_found(FIND_ROOM, "ö", 8, users, &more));
    assert_int_equal(6215, users[0]);
    assert_int_equal(1, s_found(FIND_ROOM, "çe", 8, users, &more));
    test_db_do(&s_fixture.db, "INSERT INTO profile (user_id, display, display_key, avatar_rev) "
                              "VALUES (6214, 'Zoe Quast', 'zoe quast', 0)");
    assert_int_equal(4, s_found(FIND_ROOM, "qu", 8, users, &more)); /* shown as another: by that name too */
    assert_int_equal(1, s_found(FIND_ROOM, "zo", 8, users, &more));
    assert_int_equal(6214, users[0]);
    assert_int_equal(1, s_found(FIND_ROOM, "noq", 8, users, &more));
    assert_int_equal(0, s_found(FIND_ROOM, "%", 8, users, &more)); /* no wildcards */
    assert_int_equal(0, s_found(FIND_ROOM, "q_", 8, users, &more));
}

static void test_browsing_escapes_what_like_would_take(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"zoo 100%", "zoo 1000", "zoo a_b", "zoo aXb", "zoo c|d", "Zoo Apple"};
    for (uint64_t i = 0; i < 6; i++)
        s_create(7000 + i, NAMES[i], 0);
    s_create(7010, "zoo hidden", 1);
    struct msg ask = {.type = MSG_STORE_ROOMS_GET};
    struct msg_store_rooms_get *get = &ask.as.store_rooms_get;
    static const struct {
        const char *query;
        size_t count;
    } CASES[] = {{"zoo", 6}, {"00%", 1}, {"a_b", 1}, {"c|d", 1}, {"%", 1}, {"apple", 1}, {"\\", 0}, {"hidden", 0}};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        *get = (struct msg_store_rooms_get){.user = ALICE, .query = view_of_text(CASES[i].query), .limit = 50};
        assert_int_equal(CASES[i].count, client_ask(s_client, &ask, MSG_ROOMS)->as.rooms.rooms.count);
    }
    char after[256] = "";
    size_t seen = 0;
    *get = (struct msg_store_rooms_get){.user = BOB, .query = view_of_text("zoo"), .limit = 2};
    for (int page = 0; page < 3; page++) {
        const struct msg_rooms *rooms = &client_ask(s_client, &ask, MSG_ROOMS)->as.rooms;
        assert_int_equal(page < 2, rooms->more);
        list_t list = rooms->rooms;
        struct rec_room_info room;
        while (rec_room_info_next(&list, &room)) {
            seen++;
            assert_int_equal(1, room.members);
            assert_false(room.joined);
            snprintf(after, sizeof after, "%.*s", (int)room.name.len, (const char *)room.name.bytes);
            get->after_room = room.room;
        }
        get->after_name = view_of_text(after);
    }
    assert_int_equal(6, seen);
}

static uint64_t s_add_user(uint64_t user, const char *name, const char *hash)
{
    struct msg ask = {.type = MSG_STORE_USER_ADD};
    ask.as.store_user_add = (struct msg_store_user_add){
        .user = user, .name = view_of_text(name), .password_hash = view_of_text(hash), .at_ms = T0_MS};
    return client_ask(s_client, &ask, MSG_STORE_USER)->as.store_user.role;
}

static void test_members_come_in_pages(void **state)
{
    (void)state;
    s_create(8001, "Crowd", 0);
    uint64_t seq = 2;
    for (int b = 0; b < 2; b++) {
        for (int i = 0; i < 150; i++, seq++)
            s_add(8001, seq, KIND_JOINED, 20000 + seq, 0, 0, &(struct kind_joined){0});
        s_store();
    }
    struct msg ask = {.type = MSG_STORE_MEMBERS_GET};
    size_t counts[] = {200, 101}, seen = 0;
    for (int page = 0; page < 2; page++) {
        ask.as.store_members_get.room = 8001;
        ask.as.store_members_get.limit = 200;
        const struct msg_members *members = &client_ask(s_client, &ask, MSG_MEMBERS)->as.members;
        assert_int_equal(counts[page], members->members.count);
        assert_int_equal(page == 0, members->more);
        list_t list = members->members;
        struct rec_member_info member;
        while (rec_member_info_next(&list, &member)) {
            assert_true(member.user > ask.as.store_members_get.after_user || seen == 0);
            ask.as.store_members_get.after_user = member.user;
            seen++;
        }
    }
    assert_int_equal(301, seen);
    assert_int_equal(301, test_db_number(&s_fixture.db, "SELECT member_count FROM room WHERE id = 8001"));
}

/* ---- users ------------------------------------------------------------------------------------------------------ */

static void test_users_are_unique_whatever_the_case_and_the_first_is_administrator(void **state)
{
    (void)state;
    assert_int_equal(1, s_add_user(ALICE, "Alice", "hash-a"));
    assert_int_equal(0, s_add_user(BOB, "Bob", "hash-b"));
    assert_int_equal(1, s_add_user(ALICE, "Alice", "hash-a")); /* the same again */
    struct msg ask = {.type = MSG_STORE_USER_ADD};
    ask.as.store_user_add = (struct msg_store_user_add){
        .user = 999, .name = view_of_text("aLICE"), .password_hash = view_of_text("x"), .at_ms = T0_MS};
    client_ask_refused(s_client, &ask, ERR_NAME_TAKEN);
    assert_int_equal(2, test_db_number(&s_fixture.db, "SELECT COUNT(*) FROM user"));
    assert_int_equal(2, test_db_number(&s_fixture.db, "SELECT last FROM counter WHERE id = 2"));
    struct msg by_name = {.type = MSG_STORE_USER_BY_NAME};
    by_name.as.store_user_by_name.name = view_of_text("ALICE");
    const struct msg_store_user *user = &client_ask(s_client, &by_name, MSG_STORE_USER)->as.store_user;
    assert_true(user->found);
    assert_int_equal(ALICE, user->user);
    assert_true(view_is_equal(view_of_text("Alice"), user->name));
    assert_true(view_is_equal(view_of_text("hash-a"), user->password_hash));
    struct msg set = {.type = MSG_STORE_PASSWORD_SET};
    set.as.store_password_set =
        (struct msg_store_password_set){.user = ALICE, .password_hash = view_of_text("hash-2")};
    client_ask(s_client, &set, MSG_STORE_OK);
    client_ask(s_client, &set, MSG_STORE_OK);
    struct msg by_id = {.type = MSG_STORE_USER_BY_ID};
    by_id.as.store_user_by_id.user = ALICE;
    user = &client_ask(s_client, &by_id, MSG_STORE_USER)->as.store_user;
    assert_true(view_is_equal(view_of_text("hash-2"), user->password_hash));
    by_id.as.store_user_by_id.user = 424242;
    assert_false(client_ask(s_client, &by_id, MSG_STORE_USER)->as.store_user.found);
    struct msg users = {.type = MSG_STORE_USERS_GET};
    list_writer_t ids;
    list_writer_init(&ids, 8192);
    for (uint64_t id = LIM_USERS_PAGE_MAX; id > 0; id--)
        rec_id_append(&ids, &(struct rec_id){.id = id});
    users.as.store_users_get.ids = list_of(&ids);
    assert_int_equal(2, client_ask(s_client, &users, MSG_USERS)->as.users.users.count);
    users.as.store_users_get.ids = (list_t){0};
    assert_int_equal(0, client_ask(s_client, &users, MSG_USERS)->as.users.users.count);
    list_writer_fini(&ids);
}

/* ---- sessions --------------------------------------------------------------------------------------------------- */

static uint8_t s_hashes[8][32];

static void s_sign_in(uint64_t session)
{
    for (size_t i = 0; i < 8; i++)
        memset(s_hashes[i], (int)(session + i), 32);
    struct msg ask = {.type = MSG_STORE_SESSION_ADD};
    ask.as.store_session_add = (struct msg_store_session_add){
        .session = session, .user = ALICE, .refresh_hash = view_of(s_hashes[0], 32), .device = view_of_text("d"),
        .user_agent = view_of_text("ua"), .at_ms = T0_MS};
    client_ask(s_client, &ask, MSG_STORE_OK);
    client_ask(s_client, &ask, MSG_STORE_OK);
}

static uint32_t s_rotate(uint64_t session, size_t from, size_t to, uint64_t at_ms)
{
    struct msg ask = {.type = MSG_STORE_SESSION_ROTATE};
    ask.as.store_session_rotate =
        (struct msg_store_session_rotate){.session = session, .presented_hash = view_of(s_hashes[from], 32),
                                          .next_hash = view_of(s_hashes[to], 32), .at_ms = at_ms};
    const struct msg_store_session *got = &client_ask(s_client, &ask, MSG_STORE_SESSION)->as.store_session;
    if (got->result <= 1) {
        assert_int_equal(ALICE, got->user);
        assert_true(view_is_equal(view_of_text("Alice"), got->name));
        assert_int_equal(1, got->role);
    }
    return got->result;
}

static uint64_t s_newest_revocation(void)
{
    struct msg ask = {.type = MSG_STORE_REVOCATIONS_GET};
    ask.as.store_revocations_get.after = ID_MAX;
    return client_ask(s_client, &ask, MSG_STORE_REVOCATIONS)->as.store_revocations.upto;
}

static void test_a_refresh_token_rotates_and_repeats_for_thirty_seconds(void **state)
{
    (void)state;
    s_sign_in(10);
    assert_int_equal(0, s_rotate(10, 0, 1, T0_MS + 1000));
    assert_int_equal(1, s_rotate(10, 0, 1, T0_MS + 1000 + LIM_REFRESH_SUCCESSOR_MS));
    assert_int_equal(0, s_rotate(10, 1, 2, T0_MS + 60000));
    assert_int_equal(4, s_rotate(11, 0, 1, T0_MS));
}

static void test_reuse_revokes_the_family(void **state)
{
    (void)state;
    uint64_t before = s_newest_revocation();
    s_sign_in(20);
    assert_int_equal(0, s_rotate(20, 0, 1, T0_MS));
    assert_int_equal(2, s_rotate(20, 0, 1, T0_MS + LIM_REFRESH_SUCCESSOR_MS + 1));
    assert_int_equal(3, s_rotate(20, 1, 2, T0_MS + 40000));
    s_sign_in(30);
    assert_int_equal(0, s_rotate(30, 0, 1, T0_MS));
    assert_int_equal(0, s_rotate(30, 1, 2, T0_MS + 1));
    assert_int_equal(2, s_rotate(30, 0, 1, T0_MS + 2)); /* older than the previous one */
    s_sign_in(40);
    assert_int_equal(0, s_rotate(40, 0, 1, T0_MS));
    assert_int_equal(2, s_rotate(40, 0, 5, T0_MS + 2)); /* a successor that is not its own */
    struct msg ask = {.type = MSG_STORE_REVOCATIONS_GET};
    ask.as.store_revocations_get.after = before;
    const struct msg_store_revocations *got =
        &client_ask(s_client, &ask, MSG_STORE_REVOCATIONS)->as.store_revocations;
    assert_int_equal(before + 3, got->upto);
    assert_int_equal(3, got->sessions.count);
    list_t sessions = got->sessions;
    struct rec_id id;
    for (uint64_t session = 20; rec_id_next(&sessions, &id); session += 10)
        assert_int_equal(session, id.id);
}

static void test_sessions_expire_idle_and_absolutely(void **state)
{
    (void)state;
    s_sign_in(50);
    uint64_t idle_ms = (uint64_t)LIM_REFRESH_IDLE_S * 1000, absolute_ms = (uint64_t)LIM_REFRESH_ABSOLUTE_S * 1000;
    assert_int_equal(3, s_rotate(50, 0, 1, T0_MS + idle_ms + 1));
    assert_int_equal(0, s_rotate(50, 0, 1, T0_MS + idle_ms));
    assert_int_equal(0, s_rotate(50, 1, 2, T0_MS + 2 * idle_ms));
    assert_int_equal(0, s_rotate(50, 2, 3, T0_MS + absolute_ms));
    assert_int_equal(3, s_rotate(50, 3, 4, T0_MS + absolute_ms + 1));
}

static void test_ending_a_session_needs_one_of_its_tokens_and_is_told_once(void **state)
{
    (void)state;
    uint64_t before = s_newest_revocation();
    s_sign_in(60);
    struct msg ask = {.type = MSG_STORE_SESSION_END};
    ask.as.store_session_end = (struct msg_store_session_end){
        .session = 60, .presented_hash = view_of(s_hashes[7], 32), .at_ms = T0_MS};
    assert_int_equal(0, client_ask(s_client, &ask, MSG_STORE_OK)->as.store_ok.value);
    ask.as.store_session_end.presented_hash = view_of(s_hashes[0], 32);
    assert_int_equal(1, client_ask(s_client, &ask, MSG_STORE_OK)->as.store_ok.value);
    assert_int_equal(0, client_ask(s_client, &ask, MSG_STORE_OK)->as.store_ok.value);
    ask.as.store_session_end = (struct msg_store_session_end){.session = 61, .at_ms = T0_MS};
    assert_int_equal(0, client_ask(s_client, &ask, MSG_STORE_OK)->as.store_ok.value);
    assert_int_equal(before + 1, s_newest_revocation());
}

static void test_revocations_come_in_bounded_pages(void **state)
{
    (void)state;
    uint64_t before = s_newest_revocation();
    char sql[256];
    snprintf(sql, sizeof sql, "INSERT INTO revocation SELECT %llu + 1 + shard * 3, 900000 + shard * 3, 1, 1 FROM "
                              "shard_lease", (unsigned long long)before);
    test_db_do(&s_fixture.db, sql);
    for (int i = 1; i < 3; i++) {
        snprintf(sql, sizeof sql, "INSERT INTO revocation SELECT number + %d, session_id + %d, 1, 1 FROM revocation "
                                  "WHERE session_id >= 900000 AND session_id %% 3 = 0", i, i);
        test_db_do(&s_fixture.db, sql);
    }
    snprintf(sql, sizeof sql, "UPDATE counter SET last = %llu WHERE id = 1", (unsigned long long)before + 768);
    test_db_do(&s_fixture.db, sql);
    struct msg ask = {.type = MSG_STORE_REVOCATIONS_GET};
    ask.as.store_revocations_get.after = before;
    const struct msg_store_revocations *got =
        &client_ask(s_client, &ask, MSG_STORE_REVOCATIONS)->as.store_revocations;
    assert_int_equal(LIM_REVOCATIONS_PAGE_MAX, got->sessions.count);
    ask.as.store_revocations_get.after = got->upto;
    got = &client_ask(s_client, &ask, MSG_STORE_REVOCATIONS)->as.store_revocations;
    assert_int_equal(256, got->sessions.count);
    ask.as.store_revocations_get.after = got->upto;
    got = &client_ask(s_client, &ask, MSG_STORE_REVOCATIONS)->as.store_revocations;
    assert_int_equal(0, got->sessions.count);
    assert_int_equal(ask.as.store_revocations_get.after, got->upto);
}

/* ---- anything else ------------------------------------------------------------------------------------------------ */

static void test_what_is_no_question_is_refused(void **state)
{
    (void)state;
    struct msg ask = {.type = MSG_ROOM_INFO_GET};
    ask.as.room_info_get.room = 1;
    client_ask_refused(s_client, &ask, ERR_UNEXPECTED);
    struct msg rotate = {.type = MSG_STORE_SESSION_ROTATE};
    client_ask_refused(s_client, &rotate, ERR_OUT_OF_RANGE);
    struct msg append = {.type = MSG_STORE_APPEND};
    client_ask_refused(s_client, &append, ERR_OUT_OF_RANGE);
    struct rec_append_row row = fixture_line(5001, s_epoch(5001), 99, ALICE, 99);
    batch_add(&s_batch, row, &(struct kind_posted){.text = view_of_text("x")});
    struct rec_append_row lying;
    list_t list = list_of(&s_batch.rows);
    assert_true(rec_append_row_next(&list, &lying));
    lying.shard = (lying.shard + 1) % LIM_SHARDS; /* another fence than its room's */
    list_writer_t rows;
    list_writer_init(&rows, 16384);
    rec_append_row_append(&rows, &lying);
    append.as.store_append.rows = list_of(&rows);
    client_ask_refused(s_client, &append, ERR_BAD_FRAME);
    list_writer_fini(&rows);
    list_writer_clear(&s_batch.rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_room_loads_as_it_was_committed),
        cmocka_unit_test(test_a_room_that_lost_events_gets_another_incarnation_once),
        cmocka_unit_test(test_leaving_and_coming_back),
        cmocka_unit_test(test_the_tail_is_bounded_by_events_and_bytes),
        cmocka_unit_test(test_a_delta_is_whole_or_nothing),
        cmocka_unit_test(test_pages_are_folded_as_of_a_head),
        cmocka_unit_test(test_pages_beyond_an_end_are_those_at_it),
        cmocka_unit_test(test_pages_are_bounded),
        cmocka_unit_test(test_deleting_erases_the_text_everywhere),
        cmocka_unit_test(test_a_line_posted_and_deleted_in_one_batch_leaves_no_text),
        cmocka_unit_test(test_inbox_and_read_pointers),
        cmocka_unit_test(test_what_a_member_decides_is_stored_once_and_late_pointers_do_not_undo_it),
        cmocka_unit_test(test_browsing_escapes_what_like_would_take),
        cmocka_unit_test(test_members_come_in_pages),
        cmocka_unit_test(test_users_are_unique_whatever_the_case_and_the_first_is_administrator),
        cmocka_unit_test(test_a_refresh_token_rotates_and_repeats_for_thirty_seconds),
        cmocka_unit_test(test_reuse_revokes_the_family),
        cmocka_unit_test(test_sessions_expire_idle_and_absolutely),
        cmocka_unit_test(test_ending_a_session_needs_one_of_its_tokens_and_is_told_once),
        cmocka_unit_test(test_revocations_come_in_bounded_pages),
        cmocka_unit_test(test_what_is_no_question_is_refused),
        cmocka_unit_test(test_members_are_found_by_the_beginning_of_any_word_of_their_name),
    };
    return cmocka_run_group_tests(tests, s_setup, s_teardown);
}
