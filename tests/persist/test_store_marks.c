/* What hangs on lines, in tables: pages, single lines, pins, who is called, and what deleting leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/marks.h"
#include "tests/persist/fixture.h"

enum { ALICE = 101, BOB = 102 };

static struct fixture s_fixture;
static client_t *s_client;
static uint64_t s_epochs[LIM_SHARDS];
static struct batch s_batch;
static struct rec_append_outcome s_out[LIM_BATCH_EVENTS_MAX];

static int s_setup(void **state)
{
    (void)state;
    fixture_open(&s_fixture, "store_marks", false);
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

static void s_add(uint64_t room, uint64_t seq, uint32_t kind, uint64_t user, uint64_t msg_no, uint64_t target,
                  const void *body)
{
    struct rec_append_row row = fixture_line(room, s_epochs[id_shard(room)], seq, user, seq);
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

/* Lines 2 and 3 by ALICE; line 2 calls BOB. */
static void s_begin(uint64_t room)
{
    list_writer_t mentions;
    list_writer_init(&mentions, 256);
    rec_id_append(&mentions, &(struct rec_id){.id = BOB});
    s_add(room, 1, KIND_ROOM_CREATED, ALICE, 0, 0, &(struct kind_room_created){.name = view_of_text("Marks")});
    s_add(room, 2, KIND_SAID, ALICE, 1, 0,
          &(struct kind_said){.text = view_of_text("hello @bob"), .mentions = list_of(&mentions)});
    s_add(room, 3, KIND_POSTED, ALICE, 2, 0, &(struct kind_posted){.text = view_of_text("two")});
    s_store();
    list_writer_fini(&mentions);
}

static void s_react(uint64_t room, uint64_t seq, uint64_t user, uint64_t target, const char *emoji, bool on)
{
    s_add(room, seq, KIND_REACTED, user, 0, target, &(struct kind_reacted){.emoji = view_of_text(emoji), .on = on});
}

static void s_pin(uint64_t room, uint64_t seq, uint64_t target, bool on)
{
    s_add(room, seq, KIND_PINNED, ALICE, 0, target, &(struct kind_pinned){.on = on});
}

/* The frames of a page: seqs of events, and of marks as the negative seq of their line. */
struct s_frames {
    int64_t seqs[LIM_PAGE_FRAMES_MAX];
    size_t count;
    marks_t last; /* marks */
    uint64_t as_of;
    bool more;
};

static struct s_frames s_frames_of(const struct msg *ask)
{
    const struct msg_page *page = &client_ask(s_client, ask, MSG_PAGE)->as.page;
    struct s_frames got = {.more = page->more};
    list_t list = page->frames;
    struct rec_frame frame;
    while (rec_frame_next(&list, &frame)) {
        struct msg msg;
        assert_int_equal(ERR_OK, msg_decode(frame.event, &msg));
        if (msg.type == MSG_MARKS) {
            marks_load(&got.last, &msg.as.marks);
            got.as_of = msg.as.marks.as_of;
        }
        got.seqs[got.count++] = msg.type == MSG_MARKS ? -(int64_t)msg.as.marks.seq : (int64_t)msg.as.event.seq;
    }
    return got;
}

static struct s_frames s_page(uint64_t room, uint64_t as_of)
{
    struct msg ask = {.type = MSG_STORE_PAGE_GET};
    ask.as.store_page_get = (struct msg_store_page_get){.room = room, .as_of = as_of, .limit = 10};
    return s_frames_of(&ask);
}

static struct s_frames s_lines(uint64_t room, const uint64_t *seqs, size_t count)
{
    list_writer_t list;
    list_writer_init(&list, 4096);
    for (size_t i = 0; i < count; i++)
        rec_id_append(&list, &(struct rec_id){.id = seqs[i]});
    struct msg ask = {.type = MSG_STORE_LINES_GET};
    ask.as.store_lines_get = (struct msg_store_lines_get){.room = room, .as_of = ID_MAX, .seqs = list_of(&list)};
    struct s_frames got = s_frames_of(&ask);
    list_writer_fini(&list);
    return got;
}

static struct s_frames s_pins(uint64_t room, uint64_t before, uint32_t limit)
{
    struct msg ask = {.type = MSG_STORE_PINS_GET};
    ask.as.store_pins_get =
        (struct msg_store_pins_get){.room = room, .as_of = ID_MAX, .before = before, .limit = limit};
    return s_frames_of(&ask);
}

static void s_expect(const struct s_frames *got, const int64_t *seqs, size_t count)
{
    assert_int_equal(count, got->count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(seqs[i], got->seqs[i]);
}

static size_t s_mentions(uint64_t room, uint64_t user, uint64_t read, uint64_t *first_out)
{
    list_writer_t list;
    list_writer_init(&list, 256);
    rec_read_from_append(&list, &(struct rec_read_from){.room = room, .msg_no = read});
    struct msg ask = {.type = MSG_STORE_MENTIONS_GET};
    ask.as.store_mentions_get = (struct msg_store_mentions_get){.user = user, .rooms = list_of(&list)};
    list_t marks = client_ask(s_client, &ask, MSG_STORE_MENTIONS)->as.store_mentions.marks;
    struct rec_mention_mark mark = {0};
    size_t count = marks.count;
    rec_mention_mark_next(&marks, &mark);
    *first_out = mark.msg_no;
    list_writer_fini(&list);
    return count;
}

static void test_pages_carry_reactions_and_pins_after_their_line(void **state)
{
    (void)state;
    s_begin(7001);
    s_react(7001, 4, BOB, 2, "👍", true);
    s_react(7001, 5, ALICE, 2, "🦜", true);
    s_react(7001, 6, BOB, 2, "👍", true); /* again: changes nothing */
    s_react(7001, 7, BOB, 3, "👍", true);
    s_react(7001, 8, BOB, 3, "👍", false);
    s_pin(7001, 9, 2, true);
    s_pin(7001, 10, 2, true); /* the first one stays */
    s_store();
    struct s_frames page = s_page(7001, 10);
    s_expect(&page, (const int64_t[]){2, -2, 3}, 3);
    assert_int_equal(10, page.as_of);
    assert_int_equal(2, page.last.reaction_count);
    assert_int_equal(BOB, page.last.reactions[0].user);
    assert_int_equal(9, page.last.pinned);
    assert_int_equal(ALICE, page.last.pinned_by);
    s_pin(7001, 11, 2, false);
    s_store();
    page = s_page(7001, 11);
    assert_int_equal(0, page.last.pinned);
}

static void test_a_line_holds_so_many_reactions_and_no_more(void **state)
{
    (void)state;
    uint64_t seq = 4;
    s_begin(7002);
    for (unsigned i = 0; i <= LIM_LINE_EMOJI_MAX; i++, seq++) { /* one too many kinds */
        char text[5] = {(char)0xF0, (char)0x9F, (char)0x98, (char)(0x80 + i), 0};
        s_react(7002, seq, BOB, 2, text, true);
    }
    s_store();
    assert_int_equal(LIM_LINE_EMOJI_MAX,
                     test_db_number(&s_fixture.db, "SELECT COUNT(*) FROM reaction WHERE room_id = 7002"));
    for (unsigned i = LIM_LINE_EMOJI_MAX; i <= LIM_LINE_REACTIONS_MAX; i++, seq++) {
        s_react(7002, seq, 1000 + i, 2, "\xF0\x9F\x98\x80", true);
        if (s_batch.rows.count == 200)
            s_store();
    }
    s_store();
    assert_int_equal(LIM_LINE_REACTIONS_MAX,
                     test_db_number(&s_fixture.db, "SELECT COUNT(*) FROM reaction WHERE room_id = 7002"));
    struct s_frames page = s_page(7002, seq - 1);
    assert_int_equal(LIM_LINE_REACTIONS_MAX, page.last.reaction_count);
}

static void test_single_lines_come_with_what_belongs_to_them(void **state)
{
    (void)state;
    uint64_t seqs[LIM_LINES_GET_MAX];
    s_begin(7003);
    s_react(7003, 4, BOB, 3, "👍", true);
    s_add(7003, 5, KIND_EDITED, ALICE, 0, 2, &(struct kind_edited){.text = view_of_text("hello")});
    s_store();
    struct s_frames got = s_lines(7003, (const uint64_t[]){3, 2, 4, 1, 99}, 5); /* reactions and rooms are no lines */
    s_expect(&got, (const int64_t[]){2, 5, 3, -3}, 4);
    for (size_t i = 0; i < LIM_LINES_GET_MAX; i++)
        seqs[i] = i + 1;
    got = s_lines(7003, seqs, LIM_LINES_GET_MAX);
    assert_int_equal(4, got.count);
}

static void test_pins_come_latest_first_in_pages(void **state)
{
    (void)state;
    s_begin(7004);
    s_pin(7004, 4, 3, true);
    s_pin(7004, 5, 2, true);
    s_store();
    struct s_frames got = s_pins(7004, 0, 50);
    s_expect(&got, (const int64_t[]){2, -2, 3, -3}, 4);
    assert_false(got.more);
    got = s_pins(7004, 0, 1);
    s_expect(&got, (const int64_t[]){2, -2}, 2);
    assert_true(got.more);
    got = s_pins(7004, 5, 1);
    s_expect(&got, (const int64_t[]){3, -3}, 2);
    assert_false(got.more);
    got = s_pins(7004, 4, 50);
    assert_int_equal(0, got.count);
}

static void test_mentions_follow_the_newest_text_and_the_read_pointer(void **state)
{
    (void)state;
    uint64_t first;
    list_writer_t mentions;
    s_begin(7005);
    assert_int_equal(0, s_mentions(7005, BOB, 0, &first)); /* who is no member is not called */
    test_db_do(&s_fixture.db, "INSERT INTO member VALUES (7005, 102, 0, 0, 0, 3, 3)");
    assert_int_equal(0, s_mentions(7005, BOB, 0, &first)); /* the line is before what they may read */
    test_db_do(&s_fixture.db, "UPDATE member SET visible_from_seq = 2 WHERE room_id = 7005 AND user_id = 102");
    assert_int_equal(1, s_mentions(7005, BOB, 0, &first));
    assert_int_equal(1, first);
    assert_int_equal(0, s_mentions(7005, BOB, 1, &first));
    assert_int_equal(0, s_mentions(7005, ALICE, 0, &first));
    s_add(7005, 4, KIND_EDITED, ALICE, 0, 2, &(struct kind_edited){.text = view_of_text("hello")});
    s_store();
    assert_int_equal(0, s_mentions(7005, BOB, 0, &first));
    list_writer_init(&mentions, 256);
    rec_id_append(&mentions, &(struct rec_id){.id = BOB});
    s_add(7005, 5, KIND_REVISED, ALICE, 0, 3,
          &(struct kind_revised){.text = view_of_text("two @bob"), .mentions = list_of(&mentions)});
    s_store();
    assert_int_equal(1, s_mentions(7005, BOB, 0, &first));
    assert_int_equal(2, first);
    for (uint64_t i = 0; i < LIM_UNREAD_MENTIONS_MAX; i++)
        s_add(7005, 6 + i, KIND_SAID, ALICE, 3 + i, 0,
              &(struct kind_said){.text = view_of_text("@bob"), .mentions = list_of(&mentions)});
    s_store();
    assert_int_equal(LIM_UNREAD_MENTIONS_MAX, s_mentions(7005, BOB, 0, &first)); /* the newest; 101 there are */
    assert_int_equal(3, first);
    list_writer_fini(&mentions);
}

static void test_deleting_takes_all_that_hung_on_the_line(void **state)
{
    (void)state;
    uint64_t first;
    list_writer_t mentions;
    list_writer_init(&mentions, 256);
    rec_id_append(&mentions, &(struct rec_id){.id = BOB});
    s_begin(7006);
    s_react(7006, 4, BOB, 2, "👍", true);
    s_pin(7006, 5, 2, true);
    s_add(7006, 6, KIND_REVISED, ALICE, 0, 2,
          &(struct kind_revised){.text = view_of_text("FNORD"), .mentions = list_of(&mentions)});
    s_store();
    struct msg ask = {.type = MSG_STORE_EVENT_GET};
    ask.as.store_event_get = (struct msg_store_event_get){.room = 7006, .seq = 2};
    list_t frames = client_ask(s_client, &ask, MSG_STORE_EVENT)->as.store_event.frames;
    struct rec_frame frame;
    struct msg marks;
    assert_int_equal(2, frames.count);
    rec_frame_next(&frames, &frame);
    rec_frame_next(&frames, &frame);
    assert_int_equal(ERR_OK, msg_decode(frame.event, &marks));
    assert_int_equal(1, marks.as.marks.mentions.count);
    assert_int_equal(1, marks.as.marks.reactions.count);
    s_add(7006, 7, KIND_DELETED, ALICE, 0, 2, &(struct kind_deleted){0});
    s_store();
    assert_int_equal(0, test_db_number(&s_fixture.db, "SELECT COUNT(*) FROM event WHERE frame LIKE '%FNORD%' OR "
                                                      "(room_id = 7006 AND frame LIKE '%hello%')"));
    assert_int_equal(0, test_db_number(&s_fixture.db, "SELECT (SELECT COUNT(*) FROM reaction WHERE room_id = 7006) + "
                                                      "(SELECT COUNT(*) FROM pin WHERE room_id = 7006) + "
                                                      "(SELECT COUNT(*) FROM mention WHERE room_id = 7006)"));
    assert_int_equal(0, s_mentions(7006, BOB, 0, &first));
    struct msg get = {.type = MSG_STORE_ROOM_GET, .as.store_room_get.room = 7006};
    const struct msg_store_room *room = &client_ask(s_client, &get, MSG_STORE_ROOM)->as.store_room;
    struct rec_id gone;
    assert_int_equal(7, room->deleted);
    assert_int_equal(1, room->gone.count);
    list_t numbers = room->gone;
    assert_true(rec_id_next(&numbers, &gone));
    assert_int_equal(1, gone.id); /* by its number */
    assert_false(room->gone_more);
    struct s_frames page = s_page(7006, 7);
    s_expect(&page, (const int64_t[]){2, 6, 3}, 3);
    list_writer_fini(&mentions);
}

static void test_a_room_is_read_with_its_highest_deleted_lines(void **state)
{
    (void)state;
    struct rec_id id;
    char sql[160];
    struct msg get = {.type = MSG_STORE_ROOM_GET, .as.store_room_get.room = 7007};
    s_begin(7007);
    for (int i = 0; i <= LIM_ROOM_GONE_MAX; i++) { /* one too many */
        snprintf(sql, sizeof sql, "INSERT INTO gone_line VALUES (7007, %d, %d, %d)", 10 + i, 1000 + i, 9000 - i);
        test_db_do(&s_fixture.db, sql);
    }
    for (int pass = 0; pass < 2; pass++) {
        const struct msg_store_room *room = &client_ask(s_client, &get, MSG_STORE_ROOM)->as.store_room;
        assert_int_equal(LIM_ROOM_GONE_MAX, room->gone.count);
        assert_int_equal(pass == 0, room->gone_more);
        assert_int_equal(pass == 0 ? 9000 : 8999, room->deleted);
        list_t list = room->gone;
        for (uint64_t at = 11; rec_id_next(&list, &id); at++)
            assert_int_equal(at, id.id);
        test_db_do(&s_fixture.db, "DELETE FROM gone_line WHERE room_id = 7007 AND msg_no = 10");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages_carry_reactions_and_pins_after_their_line),
        cmocka_unit_test(test_a_line_holds_so_many_reactions_and_no_more),
        cmocka_unit_test(test_single_lines_come_with_what_belongs_to_them),
        cmocka_unit_test(test_pins_come_latest_first_in_pages),
        cmocka_unit_test(test_mentions_follow_the_newest_text_and_the_read_pointer),
        cmocka_unit_test(test_deleting_takes_all_that_hung_on_the_line),
        cmocka_unit_test(test_a_room_is_read_with_its_highest_deleted_lines),
    };
    return cmocka_run_group_tests(tests, s_setup, s_teardown);
}
