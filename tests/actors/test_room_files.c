/* room_shard: files of lines. The store is asked for them before the line is taken; who may say nothing uploads nothing. */
#include "tests/actors/room_fixture.h"

#include <string.h>

static list_writer_t s_list;

static list_t s_ids(const uint64_t *ids, size_t count)
{
    list_writer_clear(&s_list);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(ERR_OK, rec_id_append(&s_list, &(struct rec_id){.id = ids[i]}));
    return list_of(&s_list);
}

static uint64_t s_share(struct fixture *f, uint64_t user, uint64_t cid, const char *text, const uint64_t *ids, size_t count)
{
    struct msg msg = {.type = MSG_ROOM_SHARE, .as.room_share = {
        .room = ROOM, .client_id = cid_of(cid), .text = view_of_text(text), .files = s_ids(ids, count)}};
    return fixture_send(f, f->edge, user, &msg);
}

/* The store answers its last STORE_FILES_CLAIM: each file by its number. */
static void s_answer_claim(struct fixture *f)
{
    struct msg claim;
    struct rec_id id;
    fixture_look_again(f);
    const struct effect *asked = fixture_expect(f, MSG_STORE_FILES_CLAIM, &claim);
    uint64_t correlation = asked->env.correlation, ids[LIM_LINE_FILES_MAX];
    size_t count = 0;
    for (list_t list = claim.as.store_files_claim.files; rec_id_next(&list, &id);)
        ids[count++] = id.id;
    list_writer_clear(&s_list);
    for (size_t i = 0; i < count; i++) {
        struct rec_file_info info = {.file = ids[i], .name = view_of_text("a.png"), .mime = view_of_text("image/png"),
                                     .bytes = ids[i] * 10, .width = 4, .height = 3};
        assert_int_equal(ERR_OK, rec_file_info_append(&s_list, &info));
    }
    fixture_forget(f);
    fixture_reply(f, correlation, &(struct msg){.type = MSG_STORE_FILES, .as.store_files.files = list_of(&s_list)});
}

static void s_refuse_claim(struct fixture *f, err_t code)
{
    struct msg claim;
    fixture_look_again(f);
    uint64_t correlation = fixture_expect(f, MSG_STORE_FILES_CLAIM, &claim)->env.correlation;
    fixture_forget(f);
    fixture_reply(f, correlation, &(struct msg){.type = MSG_ERR, .as.err = {.code = code}});
}

static void s_expect_nack(struct fixture *f, err_t code, bool final)
{
    struct msg msg;
    fixture_expect(f, MSG_NACK, &msg);
    assert_code(code, msg.as.nack.code);
    assert_int_equal(final, msg.as.nack.final);
}

static void test_a_line_says_of_its_files_what_the_store_says_and_not_its_author(void **state)
{
    struct fixture *f = *state;
    struct fixture_rows rows;
    struct msg event;
    struct kind_shared body;
    struct rec_file_info info;
    fixture_usual(f);
    s_share(f, ALICE, 1, "look", (uint64_t[]){31, 32}, 2);
    fixture_turn(f);
    assert_int_equal(0, fixture_count(f, MSG_STORE_APPEND));
    s_answer_claim(f);
    fixture_turn(f);
    assert_true(fixture_rows(f, &rows));
    assert_int_equal(KIND_SHARED, rows.rows[0].kind);
    assert_int_equal(6, rows.rows[0].msg_no);
    assert_int_equal(ERR_OK, msg_decode(rows.rows[0].event, &event));
    assert_int_equal(ERR_OK, kind_decode(KIND_SHARED, event.as.event.body, &body));
    assert_int_equal(2, body.files.count);
    for (uint64_t i = 0; i < 2; i++) {
        assert_true(rec_file_info_next(&body.files, &info));
        assert_int_equal(31 + i, info.file);
        assert_int_equal((31 + i) * 10, info.bytes);
        assert_int_equal(4, info.width);
        assert_memory_equal("a.png", info.name.bytes, 5);
    }
    assert_int_equal(1, fixture_outcome(f, 0));
    assert_int_equal(1, fixture_count(f, MSG_ACK));
}

static void test_a_repeat_is_known_by_its_text_and_which_files(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    fixture_usual(f);
    s_share(f, ALICE, 1, "look", (uint64_t[]){31}, 1);
    s_answer_claim(f);
    fixture_turn(f);
    fixture_outcome(f, 0);
    fixture_forget(f);
    s_share(f, ALICE, 1, "look", (uint64_t[]){31}, 1);
    fixture_expect(f, MSG_ACK, &msg);
    assert_true(msg.as.ack.dup);
    assert_int_equal(6, msg.as.ack.seq);
    s_share(f, ALICE, 1, "look", (uint64_t[]){32}, 1);
    s_expect_nack(f, ERR_CONFLICT, true);
    s_share(f, ALICE, 1, "Look", (uint64_t[]){31}, 1);
    s_expect_nack(f, ERR_CONFLICT, true);
    fixture_expect_none(f, MSG_STORE_FILES_CLAIM);
}

static void test_a_file_that_is_not_to_be_had_refuses_the_line_for_good_and_a_busy_store_for_now(void **state)
{
    struct fixture *f = *state;
    fixture_load(f, &(struct stored_room){.found = true, .incarnation = 1, .members = {ALICE}, .roles = {2},
                                          .member_count = 1, .last_seq = 5, .last_msg_no = 5, .tail_count = 5});
    s_share(f, ALICE, 1, "", (uint64_t[]){31}, 1);
    s_refuse_claim(f, ERR_NO_FILE);
    s_expect_nack(f, ERR_NO_FILE, true);
    s_share(f, ALICE, 2, "", (uint64_t[]){31}, 1);
    s_refuse_claim(f, ERR_UNAVAILABLE);
    s_expect_nack(f, ERR_UNAVAILABLE, false);
    s_share(f, ALICE, 3, "", (uint64_t[]){31}, 1);
    s_refuse_claim(f, ERR_DATABASE);
    s_expect_nack(f, ERR_UNAVAILABLE, false);
    fixture_turn(f);
    assert_int_equal(0, fixture_count(f, MSG_STORE_APPEND));
}

/* Its log reaches further back than the memory: only the transaction can tell a repeat from a refusal. */
static void test_a_line_that_was_stored_long_ago_is_no_missing_file(void **state)
{
    struct fixture *f = *state;
    struct fixture_rows rows;
    struct msg msg;
    fixture_load(f, &(struct stored_room){.found = true, .incarnation = 1, .members = {ALICE}, .roles = {2},
                                          .member_count = 1, .last_seq = 900, .last_msg_no = 900, .tail_count = 5});
    s_share(f, ALICE, 1, "", (uint64_t[]){31}, 1);
    s_refuse_claim(f, ERR_NO_FILE);
    fixture_turn(f);
    assert_true(fixture_rows(f, &rows));
    struct rec_append_outcome repeat = {.room = ROOM, .seq = rows.rows[0].seq, .result = 1, .stored_seq = 40,
                                        .stored_at_ms = 9, .stored_msg_no = 40};
    fixture_outcomes(f, &rows, &repeat);
    fixture_expect(f, MSG_ACK, &msg);
    assert_int_equal(40, msg.as.ack.seq);
}

/* The claim waited so long that the file was swept: the others' lines go on without a hole. */
static void test_a_line_whose_file_is_gone_at_the_commit_is_refused_for_good(void **state)
{
    struct fixture *f = *state;
    struct fixture_rows rows;
    fixture_usual(f);
    s_share(f, ALICE, 1, "look", (uint64_t[]){31}, 1);
    s_answer_claim(f);
    fixture_post(f, BOB, 2, "and then");
    fixture_turn(f);
    assert_true(fixture_rows(f, &rows));
    assert_int_equal(2, rows.count);
    fixture_forget(f);
    const struct rec_append_outcome outcomes[] = {{.room = ROOM, .seq = rows.rows[0].seq, .result = 6},
                                                  {.room = ROOM, .seq = rows.rows[1].seq, .result = 5}};
    fixture_outcomes(f, &rows, outcomes);
    s_expect_nack(f, ERR_NO_FILE, true);
    fixture_expect_none(f, MSG_EVENT);
    fixture_turn(f);
    assert_true(fixture_rows(f, &rows));
    assert_int_equal(1, rows.count);
    assert_int_equal(KIND_POSTED, rows.rows[0].kind);
    assert_int_equal(6, rows.rows[0].seq);
    assert_int_equal(1, fixture_outcome(f, 0));
}

static void test_a_line_has_one_to_ten_files_each_once(void **state)
{
    struct fixture *f = *state;
    const uint64_t ids[LIM_LINE_FILES_MAX] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    fixture_usual(f);
    s_share(f, ALICE, 1, "text alone", NULL, 0);
    s_expect_nack(f, ERR_EMPTY, true);
    s_share(f, ALICE, 2, "", (uint64_t[]){7, 7}, 2);
    s_expect_nack(f, ERR_OUT_OF_RANGE, true);
    s_share(f, ALICE, 3, "", ids, LIM_LINE_FILES_MAX);
    s_answer_claim(f); /* and the eleventh no decoder lets through: messages.def */
    fixture_turn(f);
    assert_int_equal(1, fixture_outcome(f, 0));
}

/* What is asked for: longest names, longest text, most people called. It must fit a frame. */
static void test_the_largest_line_fits(void **state)
{
    struct fixture *f = *state;
    uint64_t ids[LIM_LINE_FILES_MAX];
    static char text[LIM_TEXT_BYTES_MAX + 1], name[LIM_FILE_NAME_BYTES_MAX], mime[LIM_FILE_TYPE_BYTES_MAX];
    memset(text, 't', LIM_TEXT_BYTES_MAX);
    memset(name, 'n', sizeof name);
    memset(mime, 'm', sizeof mime);
    fixture_usual(f);
    for (size_t i = 0; i < LIM_LINE_FILES_MAX; i++)
        ids[i] = ID_MAX - i;
    s_share(f, ALICE, 1, text, ids, LIM_LINE_FILES_MAX);
    struct msg claim;
    fixture_look_again(f);
    uint64_t correlation = fixture_expect(f, MSG_STORE_FILES_CLAIM, &claim)->env.correlation;
    list_writer_clear(&s_list);
    for (size_t i = 0; i < LIM_LINE_FILES_MAX; i++)
        rec_file_info_append(&s_list, &(struct rec_file_info){
            .file = ids[i], .name = view_of(name, sizeof name), .mime = view_of(mime, sizeof mime),
            .bytes = LIM_FILE_BYTES_MAX, .width = LIM_FILE_SIDE_MAX, .height = LIM_FILE_SIDE_MAX});
    fixture_reply(f, correlation, &(struct msg){.type = MSG_STORE_FILES, .as.store_files.files = list_of(&s_list)});
    fixture_turn(f);
    assert_int_equal(1, fixture_outcome(f, 0));
}

static uint64_t s_begin(struct fixture *f, uint64_t user)
{
    struct msg msg = {.type = MSG_ROOM_FILE_BEGIN, .as.room_file_begin = {
        .room = ROOM, .file = 77, .client_id = cid_of(9), .name = view_of_text("a"), .bytes = 5}};
    return fixture_send(f, f->edge, user, &msg);
}

static void test_an_upload_begins_for_those_who_may_write_and_nobody_else(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    fixture_load(f, &(struct stored_room){.found = true, .incarnation = 1, .members = {ALICE, BOB}, .roles = {2, 0},
                                          .member_count = 2, .restricted = {BOB}, .restricted_states = {1}, .last_seq = 5,
                                          .last_msg_no = 5, .tail_count = 5});
    fixture_forget(f);
    uint64_t correlation = s_begin(f, ALICE);
    const struct effect *passed = fixture_expect(f, MSG_STORE_FILE_BEGIN, &msg);
    assert_int_equal(correlation, passed->env.correlation);
    assert_true(passed->env.reply_to == f->edge);
    assert_int_equal(ALICE, msg.as.store_file_begin.user);
    s_begin(f, BOB); /* muted */
    fixture_expect(f, MSG_ERR, &msg);
    assert_code(ERR_MUTED, msg.as.err.code);
    s_begin(f, CAROL);
    fixture_expect(f, MSG_ERR, &msg);
    assert_code(ERR_NO_ROOM == msg.as.err.code ? ERR_NO_ROOM : ERR_NOT_MEMBER, msg.as.err.code);
    fixture_expect_none(f, MSG_STORE_FILE_BEGIN);
}

static void test_a_piece_is_asked_for_by_members_only_each_time(void **state)
{
    struct fixture *f = *state;
    struct msg msg, get = {.type = MSG_ROOM_FILE_GET, .as.room_file_get = {.room = ROOM, .file = 77, .no = 3}};
    fixture_usual(f);
    fixture_send(f, f->edge, BOB, &get);
    fixture_expect(f, MSG_STORE_FILE_GET, &msg);
    assert_int_equal(BOB, msg.as.store_file_get.user);
    assert_int_equal(3, msg.as.store_file_get.no);
    fixture_send(f, f->edge, CAROL, &get);
    fixture_expect(f, MSG_ERR, &msg);
    fixture_request(f, f->edge, BOB, MSG_ROOM_LEAVE, 5, 0, NULL);
    fixture_turn(f);
    fixture_outcome(f, 0);
    fixture_forget(f);
    fixture_send(f, f->edge, BOB, &get);
    fixture_expect(f, MSG_ERR, &msg);
    fixture_expect_none(f, MSG_STORE_FILE_GET);
}

static int s_setup(void **state)
{
    list_writer_init(&s_list, LIM_LINK_BODY_BYTES_MAX);
    return fixture_setup(state);
}

static int s_teardown(void **state)
{
    list_writer_fini(&s_list);
    return fixture_teardown(state);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, s_setup, s_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_line_says_of_its_files_what_the_store_says_and_not_its_author),
        CASE(test_a_repeat_is_known_by_its_text_and_which_files),
        CASE(test_a_line_whose_file_is_gone_at_the_commit_is_refused_for_good),
        CASE(test_a_file_that_is_not_to_be_had_refuses_the_line_for_good_and_a_busy_store_for_now),
        CASE(test_a_line_that_was_stored_long_ago_is_no_missing_file),
        CASE(test_a_line_has_one_to_ten_files_each_once),
        CASE(test_the_largest_line_fits),
        CASE(test_an_upload_begins_for_those_who_may_write_and_nobody_else),
        CASE(test_a_piece_is_asked_for_by_members_only_each_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
