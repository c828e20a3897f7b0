/* What the store makes of files: pieces in and out, claims and lines, what is given up and swept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "actors/runtime/clock.h"
#include "persist/connection.h"
#include "persist/store_files.h"
#include "tests/persist/fixture.h"

enum { ALICE = 101, BOB = 102, ROOM = 7000, OTHER = 7001, PIECE = LIM_FILE_CHUNK_BYTES };
static uint64_t s_t0_ms; /* now: persist sweeps by the real clock */

static struct fixture s_fixture;
static client_t *s_client;
static uint64_t s_epochs[LIM_SHARDS];
static struct batch s_batch;
static uint64_t s_seq, s_msg_no;
static uint8_t s_piece[PIECE + 1];

static uint64_t s_count(const char *format, uint64_t id)
{
    char sql[256];
    snprintf(sql, sizeof sql, format, (unsigned long long)id);
    return (uint64_t)test_db_number(&s_fixture.db, sql);
}

static int s_setup(void **state)
{
    (void)state;
    s_t0_ms = (uint64_t)clock_utc_ms();
    fixture_open(&s_fixture, "files", false);
    s_client = client_new(&s_fixture, 1);
    client_take(s_client, LIM_SHARDS, s_epochs);
    batch_init(&s_batch);
    for (size_t i = 0; i < sizeof s_piece; i++)
        s_piece[i] = (uint8_t)(i * 31 + i / 257);
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

/* ---- uploads ---------------------------------------------------------------------------------------------------- */

static struct msg s_begin_msg(uint64_t file, uint64_t user, uint64_t cid, uint64_t bytes, uint64_t quota)
{
    return (struct msg){.type = MSG_STORE_FILE_BEGIN, .as.store_file_begin = {
        .room = ROOM, .user = user, .file = file, .client_id = fixture_cid(cid), .name = view_of_text("plan.pdf"),
        .bytes = bytes, .quota = quota, .at_ms = s_t0_ms}};
}

static struct msg s_chunk_msg(uint64_t file, uint64_t user, uint64_t no, size_t len)
{
    return (struct msg){.type = MSG_STORE_FILE_CHUNK, .as.store_file_chunk = {
        .file = file, .user = user, .no = no, .at_ms = s_t0_ms, .data = view_of(s_piece, len)}};
}

static struct msg s_end_msg(uint64_t file, uint64_t user)
{
    return (struct msg){.type = MSG_STORE_FILE_END, .as.store_file_end = {
        .file = file, .user = user, .mime = view_of_text("application/pdf"), .at_ms = s_t0_ms}};
}

static struct msg s_get_msg(uint64_t file, uint64_t user, uint64_t visible_from, uint64_t no)
{
    return (struct msg){.type = MSG_STORE_FILE_GET, .as.store_file_get = {
        .room = ROOM, .file = file, .user = user, .visible_from_seq = visible_from, .no = no}};
}

static void s_begin(uint64_t file, uint64_t user, uint64_t cid, uint64_t bytes)
{
    struct msg ask = s_begin_msg(file, user, cid, bytes, 0);
    assert_int_equal(file, client_ask(s_client, &ask, MSG_STORE_OK)->as.store_ok.value);
}

static void s_chunk(uint64_t file, uint64_t user, uint64_t no, size_t len)
{
    struct msg ask = s_chunk_msg(file, user, no, len);
    client_ask(s_client, &ask, MSG_STORE_OK);
}

static void s_upload(uint64_t file, uint64_t user, uint64_t cid, uint64_t bytes)
{
    struct msg end = s_end_msg(file, user);
    s_begin(file, user, cid, bytes);
    for (uint64_t no = 0; no * PIECE < bytes; no++)
        s_chunk(file, user, no, (size_t)(bytes - no * PIECE < PIECE ? bytes - no * PIECE : PIECE));
    assert_int_equal(bytes, client_ask(s_client, &end, MSG_FILE_STORED)->as.file_stored.bytes);
}

static void test_a_file_comes_back_as_it_went_in_piece_by_piece(void **state)
{
    (void)state;
    s_upload(501, ALICE, 1, 2 * PIECE + 5);
    for (uint64_t no = 0; no < 3; no++) {
        struct msg get = s_get_msg(501, ALICE, 0, no);
        const struct msg_file_part *part = &client_ask(s_client, &get, MSG_FILE_PART)->as.file_part;
        assert_int_equal(no < 2 ? PIECE : 5, part->data.len);
        assert_memory_equal(s_piece, part->data.bytes, part->data.len);
        assert_int_equal(2 * PIECE + 5, part->bytes);
        assert_int_equal(32, part->digest.len);
    }
    struct msg beyond = s_get_msg(501, ALICE, 0, 3), known = s_get_msg(501, ALICE, 0, ID_MAX);
    client_ask_refused(s_client, &beyond, ERR_NO_FILE);
    const struct msg_file_part *part = &client_ask(s_client, &known, MSG_FILE_PART)->as.file_part;
    assert_int_equal(0, part->data.len);
    assert_memory_equal("application/pdf", part->mime.bytes, part->mime.len);
}

static void test_a_piece_is_taken_once_in_its_turn_and_with_its_length_only(void **state)
{
    (void)state;
    s_begin(502, ALICE, 2, PIECE + 3);
    struct msg early = s_chunk_msg(502, ALICE, 1, 3), shorter = s_chunk_msg(502, ALICE, 0, PIECE - 1);
    struct msg others = s_chunk_msg(502, BOB, 0, PIECE), end = s_end_msg(502, ALICE);
    client_ask_refused(s_client, &early, ERR_OUT_OF_RANGE);
    client_ask_refused(s_client, &shorter, ERR_OUT_OF_RANGE);
    client_ask_refused(s_client, &others, ERR_NO_FILE);
    s_chunk(502, ALICE, 0, PIECE);
    s_chunk(502, ALICE, 0, PIECE);
    client_ask_refused(s_client, &end, ERR_OUT_OF_RANGE);
    struct msg longer = s_chunk_msg(502, ALICE, 1, 4);
    client_ask_refused(s_client, &longer, ERR_OUT_OF_RANGE);
    s_chunk(502, ALICE, 1, 3);
    struct msg beyond = s_chunk_msg(502, ALICE, 2, 1);
    client_ask_refused(s_client, &beyond, ERR_OUT_OF_RANGE);
    client_ask(s_client, &end, MSG_FILE_STORED);
    client_ask(s_client, &end, MSG_FILE_STORED);
    assert_int_equal(2, s_count("SELECT COUNT(*) FROM blob_chunk WHERE attachment_id = %llu", 502));
}

static void test_an_empty_file_is_a_file(void **state)
{
    (void)state;
    s_upload(503, ALICE, 3, 0);
    struct msg get = s_get_msg(503, ALICE, 0, ID_MAX);
    assert_int_equal(0, client_ask(s_client, &get, MSG_FILE_PART)->as.file_part.bytes);
}

static void test_a_repeat_finds_the_first_upload_and_a_cut_one_begins_anew(void **state)
{
    (void)state;
    s_upload(510, ALICE, 10, 7);
    struct msg again = s_begin_msg(511, ALICE, 10, 7, 0), other = s_begin_msg(511, ALICE, 10, 8, 0);
    assert_int_equal(510, client_ask(s_client, &again, MSG_FILE_STORED)->as.file_stored.file);
    client_ask_refused(s_client, &other, ERR_CONFLICT);
    s_begin(512, ALICE, 12, 2 * PIECE);
    s_chunk(512, ALICE, 0, PIECE);
    s_begin(513, ALICE, 12, 2 * PIECE);
    struct msg late = s_chunk_msg(512, ALICE, 1, PIECE);
    client_ask_refused(s_client, &late, ERR_NO_FILE);
    s_chunk(513, ALICE, 0, PIECE);
    s_chunk(513, ALICE, 1, PIECE);
    struct msg end = s_end_msg(513, ALICE);
    client_ask(s_client, &end, MSG_FILE_STORED);
}

static void test_the_files_of_one_person_take_so_much_space_and_no_byte_more(void **state)
{
    (void)state;
    uint64_t used = s_count("SELECT COALESCE(SUM(bytes), 0) FROM attachment WHERE user_id = %llu AND state < 3", BOB);
    struct msg fits = s_begin_msg(520, BOB, 20, 100, used + 100), beyond = s_begin_msg(521, BOB, 21, 1, used + 100);
    client_ask(s_client, &fits, MSG_STORE_OK);
    client_ask_refused(s_client, &beyond, ERR_QUOTA);
    struct msg drop = {.type = MSG_STORE_FILE_DROP, .as.store_file_drop = {.room = ROOM, .file = 520, .user = BOB}};
    assert_int_equal(1, client_ask(s_client, &drop, MSG_STORE_OK)->as.store_ok.value);
    client_ask(s_client, &beyond, MSG_STORE_OK);
}

static void test_a_file_has_the_largest_length_and_no_byte_more(void **state)
{
    (void)state;
    struct msg fits = s_begin_msg(530, ALICE, 30, LIM_FILE_BYTES_MAX, 0);
    struct msg beyond = s_begin_msg(531, ALICE, 31, (uint64_t)LIM_FILE_BYTES_MAX + 1, 0);
    client_ask(s_client, &fits, MSG_STORE_OK);
    client_ask_refused(s_client, &beyond, ERR_OUT_OF_RANGE);
}

/* ---- lines ------------------------------------------------------------------------------------------------------ */

static struct msg s_claim_msg(list_writer_t *list, uint64_t user, uint64_t cid, uint64_t file)
{
    list_writer_clear(list);
    rec_id_append(list, &(struct rec_id){.id = file});
    return (struct msg){.type = MSG_STORE_FILES_CLAIM, .as.store_files_claim = {
        .room = ROOM, .user = user, .client_id = fixture_cid(cid), .at_ms = s_t0_ms, .files = list_of(list)}};
}

static void s_store(uint32_t kind, uint64_t user, uint64_t cid, uint64_t target, bool is_line, const void *body)
{
    struct rec_append_outcome out[LIM_BATCH_EVENTS_MAX];
    struct rec_append_row row = fixture_line(ROOM, s_epochs[id_shard(ROOM)], ++s_seq, user, cid);
    row.kind = kind;
    row.target = target;
    row.msg_no = is_line ? ++s_msg_no : 0;
    batch_add(&s_batch, row, body);
    assert_int_equal(1, batch_store(&s_batch, s_client, out));
    assert_int_equal(0, out[0].result);
}

/* Claims the file and says a line with it; gives its seq. */
static uint64_t s_share(uint64_t user, uint64_t cid, uint64_t file, list_writer_t *list)
{
    struct msg claim = s_claim_msg(list, user, cid, file);
    list_t files = client_ask(s_client, &claim, MSG_STORE_FILES)->as.store_files.files;
    assert_int_equal(1, files.count);
    struct rec_file_info info;
    assert_true(rec_file_info_next(&files, &info));
    char name[LIM_FILE_NAME_BYTES_MAX];
    memcpy(name, info.name.bytes, info.name.len);
    info.name = view_of(name, info.name.len);
    info.mime = view_of_text("application/pdf");
    list_writer_clear(list);
    rec_file_info_append(list, &info);
    s_store(KIND_SHARED, user, cid, 0, true, &(struct kind_shared){.text = view_of_text("see"), .files = list_of(list)});
    return s_seq;
}

static void test_a_line_takes_its_files_and_nobody_else_does(void **state)
{
    (void)state;
    list_writer_t list;
    list_writer_init(&list, LIM_EVENT_BYTES_MAX);
    s_store(KIND_ROOM_CREATED, ALICE, 40, 0, false,
            &(struct kind_room_created){.name = view_of_text("kitchen"), .topic = view_of_text("")});
    s_store(KIND_JOINED, BOB, 41, 0, false, &(struct kind_joined){0});
    s_upload(540, ALICE, 42, 9);
    struct msg early = s_get_msg(540, BOB, 0, 0), bobs = s_claim_msg(&list, BOB, 43, 540);
    client_ask_refused(s_client, &early, ERR_NO_FILE);
    client_ask_refused(s_client, &bobs, ERR_NO_FILE);
    struct msg unknown = s_claim_msg(&list, ALICE, 43, 9999);
    client_ask_refused(s_client, &unknown, ERR_NO_FILE);
    s_begin(541, ALICE, 44, 9);
    struct msg unfinished = s_claim_msg(&list, ALICE, 43, 541);
    client_ask_refused(s_client, &unfinished, ERR_NO_FILE);
    uint64_t line = s_share(ALICE, 45, 540, &list);
    struct msg get = s_get_msg(540, BOB, line, 0), hidden = s_get_msg(540, BOB, line + 1, 0);
    assert_int_equal(9, client_ask(s_client, &get, MSG_FILE_PART)->as.file_part.data.len);
    client_ask_refused(s_client, &hidden, ERR_NO_FILE);
    get.as.store_file_get.room = OTHER;
    client_ask_refused(s_client, &get, ERR_NO_FILE);
    struct msg twice = s_claim_msg(&list, ALICE, 46, 540), repeat = s_claim_msg(&list, ALICE, 45, 540);
    client_ask_refused(s_client, &twice, ERR_NO_FILE);
    repeat = s_claim_msg(&list, ALICE, 45, 540);
    client_ask(s_client, &repeat, MSG_STORE_FILES);
    struct msg drop = {.type = MSG_STORE_FILE_DROP, .as.store_file_drop = {.room = ROOM, .file = 540, .user = ALICE}};
    assert_int_equal(0, client_ask(s_client, &drop, MSG_STORE_OK)->as.store_ok.value);
    list_writer_fini(&list);
}

/* Its claim waited until the file was thrown away: the line is not stored, and the next one takes its place. */
static void test_a_line_whose_file_is_gone_at_its_commit_is_not_stored(void **state)
{
    (void)state;
    list_writer_t list;
    struct rec_append_outcome out[LIM_BATCH_EVENTS_MAX];
    list_writer_init(&list, LIM_EVENT_BYTES_MAX);
    s_upload(570, ALICE, 70, 9);
    s_upload(571, ALICE, 71, 9);
    for (uint64_t file = 570; file < 572; file++) {
        struct msg claim = s_claim_msg(&list, ALICE, 72, file);
        client_ask(s_client, &claim, MSG_STORE_FILES);
    }
    test_db_do(&s_fixture.db, "UPDATE attachment SET state = 3 WHERE id = 571");
    list_writer_clear(&list);
    for (uint64_t file = 570; file < 572; file++)
        rec_file_info_append(&list, &(struct rec_file_info){.file = file, .name = view_of_text("plan.pdf"),
                                                            .mime = view_of_text("application/pdf"), .bytes = 9});
    struct rec_append_row rows[] = {fixture_line(ROOM, s_epochs[id_shard(ROOM)], s_seq + 1, ALICE, 72),
                                    fixture_line(ROOM, s_epochs[id_shard(ROOM)], s_seq + 2, ALICE, 73)};
    rows[0].kind = KIND_SHARED;
    rows[1].kind = KIND_POSTED;
    rows[0].msg_no = s_msg_no + 1;
    rows[1].msg_no = s_msg_no + 2;
    batch_add(&s_batch, rows[0], &(struct kind_shared){.text = view_of_text("see"), .files = list_of(&list)});
    batch_add(&s_batch, rows[1], &(struct kind_posted){.text = view_of_text("seen?")});
    assert_int_equal(2, batch_store(&s_batch, s_client, out));
    assert_int_equal(6, out[0].result); /* no file */
    assert_int_equal(5, out[1].result); /* again */
    assert_int_equal(0, s_count("SELECT COUNT(*) FROM event WHERE room_id = 7000 AND seq > %llu", s_seq));
    assert_int_equal(FILE_WHOLE, s_count("SELECT state FROM attachment WHERE id = %llu", 570));
    s_store(KIND_POSTED, ALICE, 73, 0, true, &(struct kind_posted){.text = view_of_text("seen?")});
    list_writer_fini(&list);
}

static void s_wait_for(uint64_t wanted, const char *format, uint64_t id)
{
    for (int i = 0; i < 100 && s_count(format, id) != wanted; i++)
        fixture_pause(100);
    assert_int_equal(wanted, s_count(format, id));
}

static void test_a_deleted_line_takes_its_files_at_once_and_their_bytes_soon(void **state)
{
    (void)state;
    list_writer_t list;
    list_writer_init(&list, LIM_EVENT_BYTES_MAX);
    s_upload(550, ALICE, 50, 20 * PIECE + 1);
    uint64_t line = s_share(ALICE, 51, 550, &list);
    assert_int_equal(21, s_count("SELECT COUNT(*) FROM blob_chunk WHERE attachment_id = %llu", 550));
    s_store(KIND_DELETED, ALICE, 52, line, false, &(struct kind_deleted){0});
    struct msg get = s_get_msg(550, ALICE, 0, 0);
    client_ask_refused(s_client, &get, ERR_NO_FILE);
    assert_int_equal(0, s_count("SELECT COUNT(*) FROM attachment WHERE id = %llu AND (state <> 3 OR name <> '')", 550));
    s_wait_for(0, "SELECT COUNT(*) FROM attachment WHERE id = %llu", 550);
    assert_int_equal(0, s_count("SELECT COUNT(*) FROM blob_chunk WHERE attachment_id = %llu", 550));
    list_writer_fini(&list);
}

/* The clock of the sweep is the test's: on a connection of its own. */
static void test_what_nobody_goes_on_with_is_given_up_after_its_time_and_not_before(void **state)
{
    (void)state;
    atomic_int up = 0;
    struct connection connection = {0};
    bool more;
    s_begin(560, ALICE, 60, 5);
    s_upload(561, ALICE, 61, 5);
    assert_int_equal(ERR_OK, connection_init(&connection, s_fixture.config.database_url, DB_WRITER, "test",
                                             s_fixture.context.address, &up));
    assert_int_equal(DB_OK, connection_open(&connection));
    static const char sql_state[] = "SELECT COALESCE(MAX(state), 3) FROM attachment WHERE id = %llu";
    const int64_t t0 = (int64_t)s_t0_ms;
    const struct files_ages ages = {.unfinished_ms = 3600000, .unposted_ms = 86400000};
    assert_int_equal(DB_OK, store_files_sweep(connection.db, &ages, t0 + ages.unfinished_ms, &more));
    assert_int_equal(FILE_INCOMING, s_count(sql_state, 560));
    assert_int_equal(DB_OK, store_files_sweep(connection.db, &ages, t0 + ages.unfinished_ms + 1, &more));
    assert_int_equal(FILE_GONE, s_count(sql_state, 560));
    assert_int_equal(DB_OK, store_files_sweep(connection.db, &ages, t0 + ages.unposted_ms, &more));
    assert_int_equal(FILE_WHOLE, s_count(sql_state, 561));
    assert_int_equal(DB_OK, store_files_sweep(connection.db, &ages, t0 + ages.unposted_ms + 1, &more));
    assert_int_equal(FILE_GONE, s_count(sql_state, 561));
    assert_int_equal(FILE_SHOWN, s_count(sql_state, 540)); /* what a line shows stays */
    connection_fini(&connection);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_file_comes_back_as_it_went_in_piece_by_piece),
        cmocka_unit_test(test_a_piece_is_taken_once_in_its_turn_and_with_its_length_only),
        cmocka_unit_test(test_an_empty_file_is_a_file),
        cmocka_unit_test(test_a_repeat_finds_the_first_upload_and_a_cut_one_begins_anew),
        cmocka_unit_test(test_the_files_of_one_person_take_so_much_space_and_no_byte_more),
        cmocka_unit_test(test_a_file_has_the_largest_length_and_no_byte_more),
        cmocka_unit_test(test_a_line_takes_its_files_and_nobody_else_does),
        cmocka_unit_test(test_a_line_whose_file_is_gone_at_its_commit_is_not_stored),
        cmocka_unit_test(test_a_deleted_line_takes_its_files_at_once_and_their_bytes_soon),
        cmocka_unit_test(test_what_nobody_goes_on_with_is_given_up_after_its_time_and_not_before),
    };
    return cmocka_run_group_tests(tests, s_setup, s_teardown);
}
