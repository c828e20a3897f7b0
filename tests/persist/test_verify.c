/* verify: a clean database is clean, while it is written, too, and each kind of damage is found. */
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "actors/runtime/clock.h"
#include "persist/search_index.h"
#include "persist/verify.h"
#include "proto/limits.h"
#include "tests/persist/fixture.h"

enum { ALICE = 101, BOB = 102, CAROL = 103, ADMINISTRATOR = 109 /* in no room */, ROOM = 7001, LONG_ROOM = 7002, HEAD = 16 };
enum { PIECE = LIM_FILE_CHUNK_BYTES, FILE_A = 601, FILE_B = 602, FILE_C = 603 }; /* of the lines 17, 17, 18 */

static struct fixture s_fixture;
static client_t *s_client;
static uint64_t s_epochs[LIM_SHARDS];
static struct batch s_batch;
static struct rec_append_outcome s_out[LIM_BATCH_EVENTS_MAX];

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

static void s_said(uint64_t seq, uint32_t kind, uint64_t user, uint64_t msg_no, uint64_t target, uint64_t calls)
{
    list_writer_t mentions;
    list_writer_init(&mentions, 256);
    rec_id_append(&mentions, &(struct rec_id){.id = calls});
    const struct kind_said body = {.text = view_of_text("hello there"), .mentions = list_of(&mentions)};
    const struct kind_revised revised = {.text = view_of_text("hello again"), .mentions = list_of(&mentions)};
    s_add(ROOM, seq, kind, user, msg_no, target, kind == KIND_SAID ? (const void *)&body : &revised);
    list_writer_fini(&mentions);
}

/* Until search knows all of the room. */
static void s_index(uint64_t room)
{
    search_index_t *index = search_index_new();
    db_t *db = NULL;
    size_t count = 0;
    bool more = true;
    assert_non_null(index);
    assert_int_equal(ERR_OK, db_new(s_fixture.db.url, DB_WRITER, &db));
    assert_int_equal(DB_OK, db_connect(db));
    for (int tries = 0; more && tries < 100; tries++)
        more = search_index_step(index, db, room, &count, &more) != DB_OK || more; /* persist's own may be at it */
    assert_false(more);
    db_destroy(&db);
    search_index_destroy(&index);
}

/* Uploads it, and keeps it for the line with this client id. */
static void s_upload(uint64_t file, uint64_t user, uint64_t cid, uint64_t bytes)
{
    static uint8_t piece[PIECE];
    struct msg begin = {.type = MSG_STORE_FILE_BEGIN, .as.store_file_begin = {
        .room = ROOM, .user = user, .file = file, .client_id = fixture_cid(file), .name = view_of_text("a.bin"),
        .bytes = bytes, .at_ms = (uint64_t)clock_utc_ms()}};
    client_ask(s_client, &begin, MSG_STORE_OK);
    for (uint64_t no = 0; no * PIECE < bytes; no++) {
        memset(piece, (int)(no + 1), sizeof piece);
        struct msg chunk = {.type = MSG_STORE_FILE_CHUNK, .as.store_file_chunk = {
            .file = file, .user = user, .no = no, .at_ms = (uint64_t)clock_utc_ms(),
            .data = view_of(piece, bytes - no * PIECE < PIECE ? (size_t)(bytes - no * PIECE) : PIECE)}};
        client_ask(s_client, &chunk, MSG_STORE_OK);
    }
    struct msg end = {.type = MSG_STORE_FILE_END, .as.store_file_end = {
        .file = file, .user = user, .mime = view_of_text("application/octet-stream"), .at_ms = (uint64_t)clock_utc_ms()}};
    client_ask(s_client, &end, MSG_FILE_STORED);
    list_writer_t list;
    list_writer_init(&list, 256);
    rec_id_append(&list, &(struct rec_id){.id = file});
    struct msg claim = {.type = MSG_STORE_FILES_CLAIM, .as.store_files_claim = {
        .room = ROOM, .user = user, .client_id = fixture_cid(cid), .at_ms = (uint64_t)clock_utc_ms(), .files = list_of(&list)}};
    client_ask(s_client, &claim, MSG_STORE_FILES);
    list_writer_fini(&list);
}

struct shown {
    uint64_t file, bytes;
};

/* A line of Alice's with these files. */
static void s_shared(uint64_t seq, uint64_t msg_no, const struct shown *shown, size_t count)
{
    list_writer_t files;
    list_writer_init(&files, 1024);
    for (size_t i = 0; i < count; i++)
        rec_file_info_append(&files, &(struct rec_file_info){.file = shown[i].file, .bytes = shown[i].bytes,
                                                             .name = view_of_text("a.bin"),
                                                             .mime = view_of_text("application/octet-stream")});
    s_add(ROOM, seq, KIND_SHARED, ALICE, msg_no, 0,
          &(struct kind_shared){.text = view_of_text("see"), .files = list_of(&files)});
    list_writer_fini(&files);
}

/* Something of each kind. Lines: 3, 4, 8 (deleted), 13. */
static int s_fill(void **state)
{
    (void)state;
    const struct kind_posted line = {.text = view_of_text("a line")};
    const struct kind_edited edit = {.text = view_of_text("another")};
    s_add(ROOM, 1, KIND_ROOM_CREATED, ALICE, 0, 0, &(struct kind_room_created){.name = view_of_text("Nest")});
    s_add(ROOM, 2, KIND_JOINED, BOB, 0, 0, &(struct kind_joined){0});
    s_said(3, KIND_SAID, ALICE, 1, 0, BOB);
    s_add(ROOM, 4, KIND_POSTED, BOB, 2, 0, &line);
    s_add(ROOM, 5, KIND_EDITED, BOB, 0, 4, &edit);
    s_add(ROOM, 6, KIND_REACTED, BOB, 0, 3, &(struct kind_reacted){.emoji = view_of_text("👍"), .on = true});
    s_add(ROOM, 7, KIND_PINNED, ALICE, 0, 3, &(struct kind_pinned){.on = true});
    s_add(ROOM, 8, KIND_POSTED, ALICE, 3, 0, &line);
    s_add(ROOM, 9, KIND_EDITED, ALICE, 0, 8, &edit);
    s_add(ROOM, 10, KIND_DELETED, ALICE, 0, 8, &(struct kind_deleted){0});
    s_add(ROOM, 11, KIND_JOINED, CAROL, 0, 0, &(struct kind_joined){.role = 1});
    s_add(ROOM, 12, KIND_LEFT, CAROL, 0, 0, &(struct kind_left){0});
    s_said(13, KIND_SAID, BOB, 4, 3, CAROL);
    s_said(14, KIND_REVISED, BOB, 0, 13, ALICE);
    s_add(ROOM, 15, KIND_REACTED, ALICE, 0, 4, &(struct kind_reacted){.emoji = view_of_text("🦜"), .on = true});
    s_add(ROOM, HEAD, KIND_REACTED, ALICE, 0, 4, &(struct kind_reacted){.emoji = view_of_text("🦜")});
    s_store();
    s_index(ROOM);
    return 0;
}

/* And two lines with files: 17 has two, 18 an empty one. */
static int s_fill_files(void **state)
{
    s_fill(state);
    s_upload(FILE_A, ALICE, 17, 130 * (uint64_t)PIECE + 3); /* more than verify reads at once */
    s_upload(FILE_B, ALICE, 17, 2 * PIECE);
    s_upload(FILE_C, ALICE, 18, 0);
    const struct shown both[] = {{FILE_A, 130 * (uint64_t)PIECE + 3}, {FILE_B, 2 * PIECE}}, none = {FILE_C, 0};
    s_shared(17, 5, both, 2);
    s_shared(18, 6, &none, 1);
    s_store();
    s_index(ROOM);
    return 0;
}

/* The room, or what is left of it. */
static int s_empty(void **state)
{
    static const char *const tables[] = {"event",      "member",      "reaction",    "pin",
                                         "mention",    "search_doc",  "search_head", "search_term",
                                         "room_restricted", "gone_line", "room_setting", "attachment"};
    char sql[128];
    (void)state;
    test_db_do(&s_fixture.db, "DELETE FROM blob_chunk");
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        snprintf(sql, sizeof sql, "DELETE FROM %s WHERE room_id IN (%d, %d)", tables[i], ROOM, LONG_ROOM);
        test_db_do(&s_fixture.db, sql);
    }
    snprintf(sql, sizeof sql, "DELETE FROM room WHERE id IN (%d, %d)", ROOM, LONG_ROOM);
    test_db_do(&s_fixture.db, sql);
    return 0;
}

static int s_setup(void **state)
{
    (void)state;
    fixture_open(&s_fixture, "verify", false);
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

/* What verify prints, and says; the text is the caller's. */
static char *s_verify(struct verify_report *report_out)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    assert_int_equal(ERR_OK, verify_run(s_fixture.db.url, out, NULL, report_out));
    fclose(out);
    return text;
}

static void test_a_clean_database_is_clean(void **state)
{
    (void)state;
    struct verify_report report;
    char *text = s_verify(&report);
    assert_string_equal("", text);
    assert_int_equal(0, report.faults);
    assert_int_equal(1, report.rooms);
    assert_int_equal(HEAD, report.events);
    assert_int_equal(4, report.lines);
    assert_int_equal(2, report.members);
    free(text);
}

/* ---- damage --------------------------------------------------------------------------------------------------- */

/* Writes an event's frame anew: text NULL: a tombstone. */
static void s_write_frame(uint64_t seq, uint32_t kind, uint64_t user, uint64_t msg_no, uint64_t target, const char *text)
{
    static const uint8_t nil[] = {0xc0};
    buffer_t body, frame;
    buffer_init(&body, LIM_EVENT_BODY_BYTES_MAX);
    buffer_init(&frame, LIM_EVENT_BYTES_MAX);
    const struct kind_posted posted = {.text = view_of_text(text ? text : "")};
    assert_int_equal(ERR_OK, text ? kind_encode(KIND_POSTED, &posted, &body) : buffer_append(&body, nil, 1));
    struct msg msg = {.type = MSG_EVENT};
    msg.as.event = (struct msg_event){.room = ROOM, .seq = seq, .kind = kind, .user = user, .at_ms = 1000 + seq,
                                      .client_id = fixture_cid(seq), .msg_no = msg_no, .target = target,
                                      .body = buffer_view(&body)};
    assert_int_equal(ERR_OK, msg_encode(&msg, &frame));
    char sql[1024];
    int at = snprintf(sql, sizeof sql, "UPDATE event SET frame = x'");
    for (size_t i = 0; i < frame.len; i++)
        at += snprintf(sql + at, sizeof sql - (size_t)at, "%02x", frame.bytes[i]);
    snprintf(sql + at, sizeof sql - (size_t)at, "' WHERE room_id = %d AND seq = %" PRIu64, ROOM, seq);
    test_db_do(&s_fixture.db, sql);
    buffer_fini(&body);
    buffer_fini(&frame);
}

static void s_text_is_back(void)
{
    s_write_frame(8, KIND_POSTED, ALICE, 3, 0, "a line");
}

static void s_edit_is_back(void)
{
    s_write_frame(9, KIND_EDITED, ALICE, 0, 8, "another");
}

static void s_text_is_lost(void)
{
    s_write_frame(4, KIND_POSTED, BOB, 2, 0, NULL);
}

static void s_edit_is_lost(void)
{
    s_write_frame(5, KIND_EDITED, BOB, 0, 4, NULL);
}

static void s_joined_has_no_body(void)
{
    s_write_frame(2, KIND_JOINED, BOB, 0, 0, NULL);
}

static void s_other_edits(void)
{
    s_add(ROOM, HEAD + 1, KIND_EDITED, ALICE, 0, 4, &(struct kind_edited){.text = view_of_text("not mine")});
    s_store();
}

static void s_edit_after_delete(void)
{
    s_add(ROOM, HEAD + 1, KIND_EDITED, ALICE, 0, 8, &(struct kind_edited){.text = view_of_text("again")});
    s_store();
}

static void s_stranger_posts(void)
{
    s_add(ROOM, HEAD + 1, KIND_POSTED, CAROL, 5, 0, &(struct kind_posted){.text = view_of_text("I left")});
    s_store();
}

static void s_joins_twice(void)
{
    s_add(ROOM, HEAD + 1, KIND_JOINED, BOB, 0, 0, &(struct kind_joined){0});
    s_store();
}

/* The key that forbids it is away meanwhile. */
static void s_client_id_twice(void)
{
    test_db_do(&s_fixture.db, "ALTER TABLE event DROP KEY uq_event_client, "
                              "ADD KEY uq_event_client (room_id, user_id, client_id)");
    test_db_do(&s_fixture.db, "UPDATE event AS e JOIN event AS o ON o.room_id = 7001 AND o.seq = 5 SET "
                              "e.client_id = o.client_id WHERE e.room_id = 7001 AND e.seq = 4");
}

struct damage {
    const char *name, *sql; /* sql NULL: plant */
    void (*plant)(void);
    const char *found; /* a line of what verify prints begins so */
};

#define EVENT(set, seq) "UPDATE event SET " set " WHERE room_id = 7001 AND seq = " seq
#define ROW(set) "UPDATE room SET " set " WHERE id = 7001"

static struct damage s_damages[] = {
    {"an event is missing", "DELETE FROM event WHERE room_id = 7001 AND seq = 6", NULL, "room 7001 seq 7: events 6 to 6 are missing"},
    {"the last event is missing", "DELETE FROM event WHERE room_id = 7001 AND seq = 16", NULL, "room 7001 seq 16: events 16 to 16 are missing"},
    {"an event is beyond the head", ROW("last_seq = 15"), NULL, "room 7001 seq 16: is beyond the room's last event 15"},
    {"a line has another number", EVENT("msg_no = 9", "8"), NULL, "room 7001 seq 8: is line 9 after line 2"},
    {"a line has no number", EVENT("msg_no = 0", "4"), NULL, "room 7001 seq 4: is a line without a number"},
    {"no line has a number", EVENT("msg_no = 3", "6"), NULL, "room 7001 seq 6: has a line's number and is none"},
    {"lines are counted wrong", ROW("last_msg_no = 5"), NULL, "room 7001 seq 0: counts 5 lines, the last one has number 4"},
    {"time goes back", EVENT("at_ms = 1", "9"), NULL, "room 7001 seq 9: is older than the event before it"},
    {"the last time is another", ROW("last_at_ms = 5"), NULL, "room 7001 seq 0: its last event is of another time"},
    {"a frame is no event", EVENT("frame = 'x'", "4"), NULL, "room 7001 seq 4: its frame is no event"},
    {"a frame has another user", EVENT("user_id = 103", "13"), NULL, "room 7001 seq 13: its frame has another user"},
    {"a frame has another client id", EVENT("client_id = 'abcdefghijklmnop'", "4"), NULL, "room 7001 seq 4: its frame has another client id"},
    {"a frame has another kind", EVENT("kind = 7", "4"), NULL, "room 7001 seq 4: its frame has another kind"},
    {"a frame has another time", EVENT("at_ms = 1005", "4"), NULL, "room 7001 seq 4: its frame has another time"},
    {"a frame has another target", EVENT("target_seq = 3", "5"), NULL, "room 7001 seq 5: its frame has another target"},
    {"a frame is of another event", "UPDATE event AS e JOIN event AS o ON o.room_id = 7001 AND o.seq = 8 SET e.frame = o.frame WHERE e.room_id = 7001 AND e.seq = 4", NULL, "room 7001 seq 4: its frame has another seq"},
    {"a body is missing", NULL, s_joined_has_no_body, "room 7001 seq 2: its body is no joined"},
    {"a target is missing", EVENT("target_seq = 99", "5"), NULL, "room 7001 seq 5: its target 99 is no line before it"},
    {"a target is no line", EVENT("target_seq = 2", "13"), NULL, "room 7001 seq 13: its target 2 is no line before it"},
    {"a target comes later", EVENT("target_seq = 8", "5"), NULL, "room 7001 seq 5: its target 8 is no line before it"},
    {"an edit has no target", EVENT("target_seq = 0", "5"), NULL, "room 7001 seq 5: changes no line"},
    {"a plain line has a target", EVENT("target_seq = 3", "4"), NULL, "room 7001 seq 4: has a target"},
    {"somebody else edits", NULL, s_other_edits, "room 7001 seq 17: edits line 4 of user 102"},
    {"a deleted line is edited", NULL, s_edit_after_delete, "room 7001 seq 17: changes line 8, which event 10 deleted"},
    {"a deleted text is back", NULL, s_text_is_back, "room 7001 seq 8: was deleted by event 10 and its text is still there"},
    {"a deleted edit is back", NULL, s_edit_is_back, "room 7001 seq 8: was deleted by event 10 and the text of an edit"},
    {"a deleted line counts", "DELETE FROM gone_line WHERE room_id = 7001", NULL, "room 7001 seq 8: was deleted by event 10 and has no row in `gone_line`"},
    {"a line does not count", "INSERT INTO gone_line VALUES (7001, 2, 4, 10)", NULL, "room 7001 seq 4: is gone by its row and not by the log"},
    {"another line is gone", "UPDATE gone_line SET msg_no = 9 WHERE room_id = 7001", NULL, "room 7001 seq 8: is gone as line 9 by event 10, by the log as line 3 by event 10"},
    {"no line is gone", "INSERT INTO gone_line VALUES (7001, 8, 5, 10)", NULL, "room 7001 seq 5: has a row in `gone_line`, and is no line"},
    {"a text is lost", NULL, s_text_is_lost, "room 7001 seq 4: its text is erased and nothing deleted it"},
    {"an edit is lost", NULL, s_edit_is_lost, "room 7001 seq 5: the text of an edit of line 4 is erased"},
    {"a MAC is missing", EVENT("body_mac = REPEAT('\\0', 16)", "8"), NULL, "room 7001 seq 8: has no MAC"},
    {"a client id is there twice", NULL, s_client_id_twice, "room 7001 seq 5: has the client id of event 4"},
    {"the first event does not create", EVENT("kind = 2", "1"), NULL, "room 7001 seq 1: does not create the room"},
    {"the room is created again", EVENT("kind = 1", "2"), NULL, "room 7001 seq 2: creates the room again"},
    {"the room has another name", ROW("name = 'Rest'"), NULL, "room 7001 seq 0: the room has another name, topic or visibility than its log"},
    {"the room has another creator", ROW("created_by = 102"), NULL, "room 7001 seq 1: the room has another creator"},
    {"a member has no row", "DELETE FROM member WHERE room_id = 7001 AND user_id = 102", NULL, "room 7001 seq 2: member 102 of the log has no row"},
    {"a row is no member's", "INSERT INTO member VALUES (7001, 103, 1, 0, 0, 11, 0)", NULL, "room 7001 seq 0: member 103 has a row and is none by the log"},
    {"a member has another role", "UPDATE member SET role = 2 WHERE room_id = 7001 AND user_id = 102", NULL, "room 7001 seq 2: member 102 has role 2, by the log 0"},
    {"a member joined elsewhere", "UPDATE member SET joined_seq = 3 WHERE room_id = 7001 AND user_id = 102", NULL, "room 7001 seq 2: member 102 joined with event 3"},
    {"members are counted wrong", ROW("member_count = 3"), NULL, "room 7001 seq 0: counts 3 members and has 2"},
    {"somebody read on", "UPDATE member SET read_msg_no = 5 WHERE room_id = 7001 AND user_id = 102", NULL, "room 7001 seq 0: member 102 has read up to line 5 of 4"},
    {"somebody sees from beyond", "UPDATE member SET visible_from_seq = 18 WHERE room_id = 7001 AND user_id = 102", NULL, "room 7001 seq 0: member 102 sees events from 18 on"},
    {"a stranger posts", NULL, s_stranger_posts, "room 7001 seq 17: user 103 acts and is no member"},
    {"somebody joins twice", NULL, s_joins_twice, "room 7001 seq 17: user 102 joins and is a member already"},
    {"a reaction has no row", "DELETE FROM reaction WHERE room_id = 7001", NULL, "room 7001 seq 3: reaction 6 of the log has no row"},
    {"a row is no reaction", "INSERT INTO reaction VALUES (7001, 4, 15, 101, 'x')", NULL, "room 7001 seq 4: reaction 15 has a row and is none by the log"},
    {"a reaction is another", "UPDATE reaction SET user_id = 101 WHERE room_id = 7001", NULL, "room 7001 seq 3: reaction 6 is another by the log"},
    {"a deleted line has a reaction", "INSERT INTO reaction VALUES (7001, 8, 9, 101, 'x')", NULL, "room 7001 seq 8: reaction 9 has a row and is none by the log"},
    {"a reaction is to no line", "INSERT INTO reaction VALUES (7001, 5, 6, 101, 'x')", NULL, "room 7001 seq 5: has a row in `reaction`, and is no line"},
    {"a reaction is beyond the log", "INSERT INTO reaction VALUES (7001, 90, 91, 101, 'x')", NULL, "room 7001 seq 90: has a row in `reaction`, and is no line"},
    {"a pin has no row", "DELETE FROM pin WHERE room_id = 7001", NULL, "room 7001 seq 3: is pinned by event 7 and has no row"},
    {"a row is no pin", "INSERT INTO pin VALUES (7001, 4, 7, 101)", NULL, "room 7001 seq 4: is pinned by its row and not by the log"},
    {"a pin is another", "UPDATE pin SET seq = 8 WHERE room_id = 7001", NULL, "room 7001 seq 3: is pinned by event 8, by the log 7"},
    {"a pin is on no line", "INSERT INTO pin VALUES (7001, 90, 91, 101)", NULL, "room 7001 seq 90: has a row in `pin`, and is no line"},
    {"a mention has no row", "DELETE FROM mention WHERE room_id = 7001 AND seq = 3", NULL, "room 7001 seq 3: calls user 102 and has no row for it"},
    {"a row is no mention", "INSERT INTO mention VALUES (103, 7001, 4, 13)", NULL, "room 7001 seq 13: calls user 103 by a row and not by the log"},
    {"a mention has another number", "UPDATE mention SET msg_no = 2 WHERE room_id = 7001 AND seq = 3", NULL, "room 7001 seq 3: calls user 102 as line 2, and is line 1"},
    {"a mention is in no line", "INSERT INTO mention VALUES (102, 7001, 4, 12)", NULL, "room 7001 seq 12: has a row in `mention`, and is no line"},
    {"search has a deleted line", "INSERT INTO search_doc VALUES (7001, 8, 1008, 'abcd')", NULL, "room 7001 seq 8: was deleted by event 10 and search still finds it"},
    {"search has what is no line", "INSERT INTO search_doc VALUES (7001, 12, 1012, 'abcd')", NULL, "room 7001 seq 12: has a row in `search_doc`, and is no line"},
    {"search lacks a line", "DELETE FROM search_doc WHERE room_id = 7001 AND seq = 4", NULL, "room 7001 seq 4: search does not know the line"},
    {"search has other words of a line", "UPDATE search_doc SET terms = 'abcd' WHERE room_id = 7001 AND seq = 4", NULL, "room 7001 seq 4: search finds the line by other words"},
    {"search has the words before an edit", "UPDATE search_doc AS d JOIN search_doc AS o ON o.room_id = 7001 AND o.seq = 3 SET d.terms = o.terms WHERE d.room_id = 7001 AND d.seq = 13", NULL, "room 7001 seq 13: search finds the line by other words"},
    {"search has another time of a line", "UPDATE search_doc SET at_ms = 5 WHERE room_id = 7001 AND seq = 4", NULL, "room 7001 seq 4: search has another time"},
    {"search lacks a term", "DELETE FROM search_term WHERE room_id = 7001 AND seq = 4 ORDER BY term LIMIT 1", NULL, "room 7001 seq 4: search has "},
    {"search has a term of no line", "INSERT INTO search_term VALUES (7, 7001, 1004, 4)", NULL, "search has "},
    {"search is beyond the log", "UPDATE search_head SET indexed_seq = 17 WHERE room_id = 7001", NULL, "room 7001 seq 0: search has come to event 17 of 16"},
    {"somebody is restricted by a row only", "INSERT INTO room_restricted VALUES (7001, 103, 2, 101, 1)", NULL, "room 7001 seq 0: user 103 is restricted (2), by the log 0"},
    {"a room has no row", "DELETE FROM room WHERE id = 7001", NULL, "room 7001 seq 0: has rows in `event`, and there is no such room"},
};
enum { DAMAGES = sizeof s_damages / sizeof s_damages[0] };

/* Both lines show it: the one that took it first has lost it. */
static void s_file_is_shown_twice(void)
{
    const struct shown again = {FILE_B, 2 * PIECE};
    test_db_do(&s_fixture.db, "UPDATE attachment SET state = 1, seq = 0, claim = UNHEX('00000000000000000000000000000013') "
                              "WHERE id = 602");
    s_shared(19, 7, &again, 1);
    s_store();
}

#define FILES(set) "UPDATE attachment SET " set " WHERE id = 602"
#define PIECES(set) "UPDATE blob_chunk SET " set " WHERE attachment_id = 602 AND no = 1"

static struct damage s_file_damages[] = {
    {"a file of a line is not there", "DELETE FROM attachment WHERE id = 602", NULL, "room 7001 seq 17: shows file 602, which is not there"},
    {"a file of a line is given up", FILES("state = 3"), NULL, "room 7001 seq 17: shows file 602, which is not there"},
    {"a file of a line is not bound to it", FILES("state = 1, seq = 0"), NULL, "room 7001 seq 17: shows file 602, which is not there"},
    {"a file is bound to another line", FILES("seq = 18"), NULL, "room 7001 seq 18: shows file 602 by a row and not by the log"},
    {"a file is bound to no line", FILES("seq = 16"), NULL, "room 7001 seq 16: has a row in `attachment`, and is no line"},
    {"a file is shown by two lines", NULL, s_file_is_shown_twice, "room 7001 seq 17: shows file 602, which is not there"},
    {"a file has another length", FILES("bytes = 5"), NULL, "room 7001 seq 17: file 602 has 262144 bytes by the log, 5 by its row and 262144 in its pieces"},
    {"a file lacks a piece", "DELETE FROM blob_chunk WHERE attachment_id = 602 AND no = 1", NULL, "room 7001 seq 17: file 602 has 262144 bytes by the log, 262144 by its row and 131072 in its pieces"},
    {"a file lacks its last byte", "DELETE FROM blob_chunk WHERE attachment_id = 601 AND no = 130", NULL, "room 7001 seq 17: file 601 has 17039363 bytes by the log, 17039363 by its row and 17039360 in its pieces"},
    {"pieces are not next to each other", PIECES("no = 2"), NULL, "room 7001 seq 17: file 602 has a piece that is not what was uploaded"},
    {"a piece has other bytes", PIECES("data = REPEAT('x', 131072)"), NULL, "room 7001 seq 17: file 602 has a piece that is not what was uploaded"},
    {"pieces are of no file", "INSERT INTO blob_chunk SELECT 604, no, hash, data FROM blob_chunk WHERE attachment_id = 602", NULL, "file 604 has pieces, and there is no such file"},
    {"a file is of no room", "INSERT INTO attachment SELECT 605, 7002, user_id, client_id, 0, 0, claim, 0, 5, name, type, 0, 0, digest, 0, touched_at_ms FROM attachment WHERE id = 602", NULL, "room 7002 seq 0: has rows in `attachment`, and there is no such room"},
};
enum { FILE_DAMAGES = sizeof s_file_damages / sizeof s_file_damages[0] };

static int s_after_damage(void **state)
{
    const struct damage *damage = *state;
    s_empty(state);
    if (damage->plant == s_client_id_twice)
        test_db_do(&s_fixture.db, "ALTER TABLE event DROP KEY uq_event_client, "
                                  "ADD UNIQUE KEY uq_event_client (room_id, user_id, client_id)");
    return 0;
}

static void test_damage_is_found(void **state)
{
    const struct damage *damage = *state;
    struct verify_report report;
    char wanted[256] = "\n", *text = s_verify(&report);
    assert_string_equal("", text); /* it was clean */
    free(text);
    if (damage->sql)
        test_db_do(&s_fixture.db, damage->sql);
    else
        damage->plant();
    text = s_verify(&report);
    strncat(wanted, damage->found, sizeof wanted - 2);
    bool is_first = strncmp(text, wanted + 1, strlen(wanted + 1)) == 0;
    if (!is_first && !strstr(text, wanted))
        fail_msg("expected \"%s\" in:\n%s", damage->found, text);
    assert_true(report.faults > 0);
    assert_int_equal(strncmp(damage->found, "room", 4) == 0, report.faulty_rooms);
    free(text);
}

/* ---- long logs, and bounds ------------------------------------------------------------------------------------ */

/* A room of this many lines, which all have a reaction; the first one has `reactions` of them. */
static uint64_t s_fill_long(uint64_t lines, uint64_t reactions)
{
    const struct kind_reacted on = {.emoji = view_of_text("👍"), .on = true}, off = {.emoji = view_of_text("👍")};
    uint64_t seq = 1;
    s_add(LONG_ROOM, seq++, KIND_ROOM_CREATED, ALICE, 0, 0, &(struct kind_room_created){.name = view_of_text("Long")});
    for (uint64_t i = 1; i <= lines; i++) {
        s_add(LONG_ROOM, seq++, KIND_POSTED, ALICE, i, 0, &(struct kind_posted){.text = view_of_text("line")});
        s_add(LONG_ROOM, seq, KIND_REACTED, ALICE, 0, seq - 1, &on);
        seq++;
        if (s_batch.rows.count >= 200)
            s_store();
    }
    for (uint64_t i = 0; i < reactions; i++) {
        s_add(LONG_ROOM, seq++, KIND_REACTED, ALICE, 0, 2, i % 2 ? &on : &off);
        if (s_batch.rows.count >= 200)
            s_store();
    }
    if (s_batch.rows.count)
        s_store();
    return seq - 1;
}

static void test_a_log_of_many_pages_is_read_whole(void **state)
{
    (void)state;
    struct verify_report report;
    uint64_t head = s_fill_long(400, 600); /* several pages of events, and of changes to one line */
    char *text = s_verify(&report);
    assert_string_equal("", text);
    assert_int_equal(head, report.events);
    assert_int_equal(400, report.lines);
    free(text);
    test_db_do(&s_fixture.db, "DELETE FROM reaction WHERE room_id = 7002 AND target_seq IN (256, 512)");
    text = s_verify(&report); /* at both sides of a page's end */
    assert_non_null(strstr(text, "room 7002 seq 256: reaction 257 of the log has no row\n"));
    assert_non_null(strstr(text, "room 7002 seq 512: reaction 513 of the log has no row\n"));
    assert_int_equal(2, report.faults);
    free(text);
}

static size_t s_lines_of(const char *text)
{
    size_t count = 0;
    for (; *text; text++)
        count += *text == '\n';
    return count;
}

static void test_so_many_faults_of_a_room_are_shown_and_all_are_counted(void **state)
{
    (void)state;
    struct verify_report report;
    s_fill_long(VERIFY_FAULTS_SHOWN + 1, 0);
    test_db_do(&s_fixture.db, "DELETE FROM reaction WHERE room_id = 7002 AND target_seq > 2");
    char *text = s_verify(&report);
    assert_int_equal(VERIFY_FAULTS_SHOWN, report.faults);
    assert_int_equal(VERIFY_FAULTS_SHOWN, s_lines_of(text));
    assert_null(strstr(text, "more"));
    free(text);
    test_db_do(&s_fixture.db, "DELETE FROM reaction WHERE room_id = 7002");
    text = s_verify(&report);
    assert_int_equal(VERIFY_FAULTS_SHOWN + 1, report.faults);
    assert_int_equal(VERIFY_FAULTS_SHOWN + 1, s_lines_of(text));
    assert_non_null(strstr(text, "room 7002: 1 more faults\n"));
    free(text);
}

static void test_kinds_that_it_does_not_know_only_count(void **state)
{
    (void)state;
    struct verify_report report;
    s_write_frame(12, 999, CAROL, 0, 0, "x");
    test_db_do(&s_fixture.db, EVENT("kind = 999", "12")); /* who left is a member by the rest of the log */
    char *text = s_verify(&report);
    assert_string_equal("", text);
    assert_int_equal(1, report.not_compared);
    free(text);
}

static void test_settings_and_who_is_brought_in_are_folded(void **state)
{
    (void)state;
    struct verify_report report;
    s_add(ROOM, 17, KIND_RENAMED, ALICE, 0, 0, &(struct kind_renamed){.name = view_of_text("Pantry")});
    s_add(ROOM, 18, KIND_TOPIC_CHANGED, ALICE, 0, 0, &(struct kind_topic_changed){.topic = view_of_text("cake")});
    s_add(ROOM, 19, KIND_HISTORY_CHANGED, ALICE, 0, 0, &(struct kind_history_changed){.history = 1});
    s_add(ROOM, 20, KIND_ADDED, ALICE, 0, 0, &(struct kind_added){.member = CAROL});
    s_add(ROOM, 21, KIND_ARCHIVED, ADMINISTRATOR, 0, 0, &(struct kind_archived){.on = true});
    s_store();
    char *text = s_verify(&report);
    assert_string_equal("", text);
    assert_int_equal(0, report.not_compared);
    free(text);
    static const struct {
        const char *sql, *back, *says;
    } s_wrongs[] = {
        {ROW("name = 'Nest'"), ROW("name = 'Pantry'"), "seq 0: the room has another name"},
        {ROW("topic = ''"), ROW("topic = 'cake'"), "seq 0: the room has another name"},
        {"UPDATE room_setting SET archived = 0 WHERE room_id = 7001", "UPDATE room_setting SET archived = 1 WHERE room_id = 7001",
         "seq 0: the room is not archived, and by its log it is so"},
        {"UPDATE room_setting SET history = 0 WHERE room_id = 7001", "UPDATE room_setting SET history = 1 WHERE room_id = 7001",
         "seq 0: newcomers may read by setting 0, by the log 1"},
        {"UPDATE member SET visible_from_seq = 0 WHERE room_id = 7001 AND user_id = 103",
         "UPDATE member SET visible_from_seq = 20 WHERE room_id = 7001 AND user_id = 103",
         "seq 20: member 103 sees events from 0 on, by the log from 20"},
        {"DELETE FROM member WHERE room_id = 7001 AND user_id = 103", NULL, "seq 20: member 103 of the log has no row"},
    };
    for (size_t i = 0; i < sizeof s_wrongs / sizeof s_wrongs[0]; i++) {
        test_db_do(&s_fixture.db, s_wrongs[i].sql);
        text = s_verify(&report);
        if (!strstr(text, s_wrongs[i].says))
            fail_msg("%s: %s", s_wrongs[i].sql, text);
        free(text);
        if (s_wrongs[i].back)
            test_db_do(&s_fixture.db, s_wrongs[i].back);
    }
}

static void test_a_direct_room_and_a_founded_one_are_folded(void **state)
{
    (void)state;
    struct verify_report report;
    list_writer_t people;
    list_writer_init(&people, 256);
    rec_id_append(&people, &(struct rec_id){.id = ALICE});
    rec_id_append(&people, &(struct rec_id){.id = BOB});
    s_add(LONG_ROOM, 1, KIND_DIRECT_CREATED, BOB, 0, 0, &(struct kind_direct_created){.members = list_of(&people)});
    s_add(LONG_ROOM, 2, KIND_POSTED, ALICE, 1, 0, &(struct kind_posted){.text = view_of_text("a line")});
    s_store();
    list_writer_fini(&people);
    char *text = s_verify(&report);
    assert_string_equal("", text);
    assert_int_equal(0, report.not_compared);
    free(text);
    test_db_do(&s_fixture.db, "DELETE FROM member WHERE room_id = 7002 AND user_id = 101");
    text = s_verify(&report);
    assert_non_null(strstr(text, "room 7002 seq 1: member 101 of the log has no row\n"));
    free(text);
}

static void test_rights_are_folded(void **state)
{
    (void)state;
    struct verify_report report;
    s_add(ROOM, 17, KIND_JOINED, CAROL, 0, 0, &(struct kind_joined){0});
    s_add(ROOM, 18, KIND_ROLE_CHANGED, ALICE, 0, 0, &(struct kind_role_changed){.member = BOB, .role = 2});
    s_add(ROOM, 19, KIND_MUTED, BOB, 0, 0, &(struct kind_muted){.member = ALICE, .muted = true});
    s_add(ROOM, 20, KIND_REMOVED, BOB, 0, 0, &(struct kind_removed){.member = CAROL});
    s_store();
    char *text = s_verify(&report);
    assert_string_equal("", text);
    assert_int_equal(0, report.not_compared);
    free(text);
    test_db_do(&s_fixture.db, "UPDATE member SET role = 2 WHERE room_id = 7001 AND user_id = 101");
    text = s_verify(&report);
    assert_non_null(strstr(text, "member 101 has role 2, by the log 1\n"));
    free(text);
    test_db_do(&s_fixture.db, "DELETE FROM room_restricted WHERE room_id = 7001");
    text = s_verify(&report);
    assert_non_null(strstr(text, "room 7001 seq 0: user 101 is restricted by the log and has no row\n"));
    free(text);
}

/* ---- while others write --------------------------------------------------------------------------------------- */

static atomic_bool s_stop;

static void *s_write_on(void *context)
{
    static uint64_t epochs[LIM_SHARDS];
    client_t *client = client_new(&s_fixture, 2);
    struct batch batch;
    static struct rec_append_outcome out[LIM_BATCH_EVENTS_MAX];
    uint64_t *seq = context;
    batch_init(&batch);
    memcpy(epochs, s_epochs, sizeof epochs);
    while (!atomic_load(&s_stop)) {
        struct rec_append_row row = fixture_line(LONG_ROOM, epochs[id_shard(LONG_ROOM)], *seq + 1, ALICE, *seq + 1);
        bool is_line = *seq % 2;
        row.msg_no = is_line ? (*seq + 1) / 2 : 0;
        row.kind = is_line ? KIND_POSTED : KIND_REACTED;
        row.target = is_line ? 0 : *seq;
        batch_add(&batch, row,
                  is_line ? (const void *)&(struct kind_posted){.text = view_of_text("line")}
                          : &(struct kind_reacted){.emoji = view_of_text("👍"), .on = true});
        batch_store(&batch, client, out);
        (*seq)++;
    }
    batch_fini(&batch);
    client_destroy(&client);
    return NULL;
}

static void test_a_room_that_is_written_meanwhile_is_clean(void **state)
{
    (void)state;
    struct verify_report report = {0};
    pthread_t thread;
    uint64_t seq = s_fill_long(50, 0), first = seq;
    atomic_store(&s_stop, false);
    assert_int_equal(0, pthread_create(&thread, NULL, s_write_on, &seq));
    for (int i = 0; i < 200 && (i < 10 || report.events < first + 20); i++) {
        char *text = s_verify(&report);
        assert_string_equal("", text);
        free(text);
    }
    atomic_store(&s_stop, true);
    pthread_join(thread, NULL);
    assert_true(report.events >= first + 20); /* something was written meanwhile */
}

/* ---- exit statuses -------------------------------------------------------------------------------------------- */

static void test_without_a_database_it_says_nothing_about_rooms(void **state)
{
    (void)state;
    struct verify_report report;
    char url[] = "mysql://nobody@127.0.0.1:1/none";
    FILE *out = tmpfile();
    assert_int_equal(ERR_DATABASE, verify_run(url, out, NULL, &report));
    fclose(out);
    struct config config = {.database_url = url};
    assert_int_equal(VERIFY_EXIT_AWAY, verify_main(&config));
}

static void test_the_exit_status_tells_clean_from_damaged_from_another_schema(void **state)
{
    (void)state;
    struct config config = {.database_url = s_fixture.db.url};
    assert_int_equal(0, verify_main(&config));
    test_db_do(&s_fixture.db, ROW("last_at_ms = 5"));
    assert_int_equal(VERIFY_EXIT_FAULTS, verify_main(&config));
    test_db_do(&s_fixture.db, "UPDATE schema_migration SET version = version + 1000 WHERE version = 1");
    assert_int_equal(VERIFY_EXIT_SCHEMA, verify_main(&config));
    test_db_do(&s_fixture.db, "UPDATE schema_migration SET version = version - 1000 WHERE version = 1001");
}

int main(void)
{
    enum { OTHERS = 10 };
    struct CMUnitTest tests[OTHERS + DAMAGES + FILE_DAMAGES] = {
        cmocka_unit_test_setup_teardown(test_a_clean_database_is_clean, s_fill, s_empty),
        cmocka_unit_test_teardown(test_a_log_of_many_pages_is_read_whole, s_empty),
        cmocka_unit_test_teardown(test_so_many_faults_of_a_room_are_shown_and_all_are_counted, s_empty),
        cmocka_unit_test_setup_teardown(test_kinds_that_it_does_not_know_only_count, s_fill, s_empty),
        cmocka_unit_test_setup_teardown(test_rights_are_folded, s_fill, s_empty),
        cmocka_unit_test_setup_teardown(test_settings_and_who_is_brought_in_are_folded, s_fill, s_empty),
        cmocka_unit_test_setup_teardown(test_a_direct_room_and_a_founded_one_are_folded, s_fill, s_empty),
        cmocka_unit_test_teardown(test_a_room_that_is_written_meanwhile_is_clean, s_empty),
        cmocka_unit_test(test_without_a_database_it_says_nothing_about_rooms),
        cmocka_unit_test_setup_teardown(test_the_exit_status_tells_clean_from_damaged_from_another_schema, s_fill,
                                        s_empty),
    };
    size_t count = OTHERS;
    for (size_t i = 0; i < DAMAGES; i++)
        tests[count++] = (struct CMUnitTest){s_damages[i].name, test_damage_is_found, s_fill, s_after_damage,
                                             &s_damages[i]};
    for (size_t i = 0; i < FILE_DAMAGES; i++)
        tests[count++] = (struct CMUnitTest){s_file_damages[i].name, test_damage_is_found, s_fill_files, s_after_damage,
                                             &s_file_damages[i]};
    return _cmocka_run_group_tests("verify", tests, count, s_setup, s_teardown);
}
