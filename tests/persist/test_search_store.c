/* Search on a real database: what is found, by whom, after edits, erasure and restarts, and that nothing comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "actors/runtime/clock.h"
#include "actors/runtime/metrics.h"
#include "persist/search_index.h"
#include "persist/thread.h"
#include "proto/search_query.h"
#include "tests/persist/fixture.h"

enum { ALICE = 101, BOB = 102, EVE = 103, ROOMS_MAX = 100, WAIT_MS = 60000, DAY_MS = 86400000 };

static const uint64_t T0_MS = 1700000000000; /* 2023-11-14 */

static struct fixture s_fixture;
static client_t *s_client;
static uint64_t s_epochs[LIM_SHARDS];
static struct batch s_batch;
static struct rec_append_outcome s_out[LIM_BATCH_EVENTS_MAX];
static uint64_t s_last_msg_no[ROOMS_MAX]; /* of rooms 6000 … */

static void s_add_user(uint64_t user, const char *name)
{
    struct msg ask = {.type = MSG_STORE_USER_ADD};
    ask.as.store_user_add.user = user;
    ask.as.store_user_add.name = view_of_text(name);
    ask.as.store_user_add.password_hash = view_of_text("x");
    ask.as.store_user_add.at_ms = 1;
    client_ask(s_client, &ask, MSG_STORE_USER);
}

static int s_setup(void **state)
{
    (void)state;
    fixture_open(&s_fixture, "search", false);
    s_client = client_new(&s_fixture, 1);
    client_take(s_client, LIM_SHARDS, s_epochs);
    batch_init(&s_batch);
    s_add_user(ALICE, "Alice");
    s_add_user(BOB, "Böb Smith");
    s_add_user(EVE, "eve");
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

/* ---- writing ---------------------------------------------------------------------------------------------------- */

/* at_ms is T0_MS + seq, so in every room the same. */
static void s_add_at(uint64_t room, uint64_t seq, uint32_t kind, uint64_t user, uint64_t target, const void *body,
                     uint64_t at_ms)
{
    struct rec_append_row row = fixture_line(room, s_epochs[id_shard(room)], seq, user, seq);
    row.kind = kind;
    row.target = target;
    row.msg_no = kind == KIND_POSTED || kind == KIND_SAID ? ++s_last_msg_no[room % ROOMS_MAX] : 0;
    row.at_ms = at_ms;
    batch_add(&s_batch, row, body);
}

static void s_add(uint64_t room, uint64_t seq, uint32_t kind, uint64_t user, uint64_t target, const void *body)
{
    s_add_at(room, seq, kind, user, target, body, T0_MS + seq);
}

static void s_store(void)
{
    size_t count = batch_store(&s_batch, s_client, s_out);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(0, s_out[i].result);
}

static void s_create(uint64_t room, const char *name)
{
    const struct kind_room_created body = {
        .name = view_of_text(name), .topic = view_of_text(""), .visibility = 1};
    s_add(room, 1, KIND_ROOM_CREATED, ALICE, 0, &body);
    s_store();
}

static void s_post(uint64_t room, uint64_t seq, uint64_t user, const char *text)
{
    s_add(room, seq, KIND_POSTED, user, 0, &(struct kind_posted){.text = view_of_text(text)});
}

static void s_edit(uint64_t room, uint64_t seq, uint64_t target, const char *text)
{
    s_add(room, seq, KIND_EDITED, ALICE, target, &(struct kind_edited){.text = view_of_text(text)});
}

static void s_delete(uint64_t room, uint64_t seq, uint64_t target)
{
    s_add(room, seq, KIND_DELETED, ALICE, target, &(struct kind_deleted){0});
}

static void s_join(uint64_t room, uint64_t seq, uint64_t user)
{
    s_add(room, seq, KIND_JOINED, user, 0, &(struct kind_joined){.role = 0});
}

static uint64_t s_number(const char *format, uint64_t room, uint64_t seq)
{
    char sql[256];
    snprintf(sql, sizeof sql, format, (unsigned long long)room, (unsigned long long)seq);
    return test_db_number(&s_fixture.db, sql);
}

static uint64_t s_terms_of(uint64_t room, uint64_t seq)
{
    return s_number("SELECT COUNT(*) FROM search_term WHERE room_id = %llu AND seq = %llu", room, seq) +
           s_number("SELECT COUNT(*) FROM search_doc WHERE room_id = %llu AND seq = %llu", room, seq);
}

/* ---- asking ----------------------------------------------------------------------------------------------------- */

static const struct msg_search_result *s_ask_page(uint64_t user, const char *query, const char *before, uint32_t limit)
{
    struct msg ask = {.type = MSG_STORE_SEARCH, .as.store_search = {
        .user = user, .query = view_of_text(query), .zone = SEARCH_UTC, .before = view_of_text(before), .limit = limit}};
    return &client_ask(s_client, &ask, MSG_SEARCH_RESULT)->as.search_result;
}

/* Once everything the user may read is in the index. */
static const struct msg_search_result *s_ask(uint64_t user, const char *query)
{
    int64_t until_ms = clock_now_ms() + WAIT_MS;
    for (;;) {
        const struct msg_search_result *result = s_ask_page(user, query, "", LIM_SEARCH_PAGE_MAX);
        if (result->behind == 0)
            return result;
        if (clock_now_ms() > until_ms)
            fail_msg("the index does not come up: behind=%llu", (unsigned long long)result->behind);
        fixture_pause(20);
    }
}

/* Exactly these seqs of this room, in this order; ended by 0. */
static void s_expect(uint64_t user, const char *query, uint64_t room, const uint64_t *seqs)
{
    const struct msg_search_result *result = s_ask(user, query);
    list_t hits = result->hits;
    struct rec_search_hit hit;
    assert_int_equal(0, result->fault);
    for (; rec_search_hit_next(&hits, &hit); seqs++) {
        if (hit.seq != *seqs || hit.room != room)
            fail_msg("\"%s\": found %llu/%llu, expected %llu", query, (unsigned long long)hit.room,
                     (unsigned long long)hit.seq, (unsigned long long)*seqs);
    }
    if (*seqs)
        fail_msg("\"%s\": %llu was not found", query, (unsigned long long)*seqs);
}

#define EXPECT(user, query, room, ...) s_expect(user, query, room, (const uint64_t[]){__VA_ARGS__, 0})
#define EXPECT_NONE(user, query) s_expect(user, query, 0, (const uint64_t[]){0})

/* ---- what is found ---------------------------------------------------------------------------------------------- */

static void test_words_of_all_kinds_are_found_on_this_server(void **state)
{
    (void)state;
    const uint64_t room = 6001;
    s_create(room, "Words");
    s_post(room, 2, ALICE, "Die Straße zum Donaudampfschifffahrtsmuseum ist gesperrt");
    s_post(room, 3, ALICE, "Yarın İstanbul'da buluşalım, kitaplarımı getir");
    s_post(room, 4, ALICE, "明日は東京タワーに行きます");
    s_post(room, 5, ALICE, "聊天支持全文搜索功能");
    s_post(room, 6, ALICE, "the deployment rolled back 🎉");
    s_post(room, 7, ALICE, "deploy again; see https://x.example/deploy");
    s_store();
    EXPECT(ALICE, "strasse", room, 2);
    EXPECT(ALICE, "STRASSE museum", room, 2);
    EXPECT(ALICE, "schifffahrt", room, 2);
    EXPECT(ALICE, "istanbul", room, 3);
    EXPECT(ALICE, "ISTANBUL", room, 3);
    EXPECT(ALICE, "kitap", room, 3);
    EXPECT(ALICE, "東京", room, 4);
    EXPECT(ALICE, "ワー", room, 4);
    EXPECT(ALICE, "京", room, 4);
    EXPECT(ALICE, "全文搜索", room, 5);
    EXPECT(ALICE, "deploy", room, 7, 6);
    EXPECT(ALICE, "\"rolled back\"", room, 6);
    EXPECT(ALICE, "\"deploy\"", room, 7);
    EXPECT(ALICE, "🎉", room, 6);
    EXPECT(ALICE, "deploy has:link", room, 7);
    EXPECT(ALICE, "has:link in:words", room, 7);
    EXPECT_NONE(ALICE, "deploy 東京");
    EXPECT_NONE(ALICE, "nosuchword");
}

static void test_a_hit_has_what_is_shown(void **state)
{
    (void)state;
    const uint64_t room = 6002;
    s_create(room, "Shown");
    s_post(room, 2, ALICE, "before 🎉 Quixotic and quixotically");
    s_edit(room, 3, 2, "after 🎉 Quixotic and quixotically");
    s_store();
    const struct msg_search_result *result = s_ask(ALICE, "quixotic");
    list_t hits = result->hits, marks = result->marks;
    struct rec_search_hit hit;
    struct rec_search_mark mark;
    assert_true(rec_search_hit_next(&hits, &hit));
    assert_int_equal(room, hit.room);
    assert_int_equal(2, hit.seq);
    assert_int_equal(1, hit.msg_no);
    assert_int_equal(ALICE, hit.user);
    assert_true(hit.at_ms == T0_MS + 2);
    assert_true(hit.edited);
    assert_true(view_is_equal(view_of_text("after 🎉 Quixotic and quixotically"), hit.snippet));
    assert_true(rec_search_mark_next(&marks, &mark));
    assert_int_equal(0, mark.hit);
    assert_int_equal(9, mark.from); /* the emoji is two units */
    assert_int_equal(17, mark.to);
    assert_true(rec_search_mark_next(&marks, &mark));
    assert_int_equal(22, mark.from);
    assert_false(rec_search_mark_next(&marks, &mark));
    assert_false(result->more);
}

static void test_filters_narrow_it_down(void **state)
{
    (void)state;
    const uint64_t room = 6003, other = 6004;
    s_create(room, "Café Team");
    s_create(other, "Elsewhere");
    s_join(room, 2, BOB);
    s_post(room, 3, ALICE, "zebra one");
    s_post(room, 4, BOB, "zebra two");
    s_add_at(room, 5, KIND_POSTED, BOB, 0, &(struct kind_posted){.text = view_of_text("zebra three")}, T0_MS + 2 * DAY_MS);
    s_post(other, 2, ALICE, "zebra elsewhere");
    s_store();
    EXPECT(ALICE, "zebra in:\"cafe team\"", room, 5, 4, 3);
    EXPECT(ALICE, "zebra in:6003", room, 5, 4, 3);
    EXPECT(ALICE, "zebra in:elsewhere", other, 2);
    EXPECT(ALICE, "zebra from:\"böb smith\"", room, 5, 4);
    EXPECT(BOB, "zebra from:me", room, 5, 4);
    EXPECT(ALICE, "zebra from:alice in:6003", room, 3);
    EXPECT(ALICE, "zebra after:2023-11-16", room, 5);
    EXPECT(ALICE, "zebra after:2023-11-15 before:2023-11-17", room, 5);
    EXPECT(ALICE, "zebra before:2023-11-16 in:6003", room, 4, 3);
    EXPECT_NONE(ALICE, "zebra before:2023-11-14");
    EXPECT(BOB, "from:\"Böb Smith\"", room, 5, 4);
}

static void test_what_a_filter_names_must_be_there(void **state)
{
    (void)state;
    s_create(6005, "Secret");
    struct {
        uint64_t user;
        const char *query;
        uint32_t fault, position;
    } const BAD[] = {
        {ALICE, "käse in:nowhere", SEARCH_NO_SUCH_ROOM, 5},
        {EVE, "käse in:secret", SEARCH_NO_SUCH_ROOM, 5}, /* there is one, but that is not Eve's to know */
        {EVE, "käse in:6005", SEARCH_NO_SUCH_ROOM, 5},
        {ALICE, "from:nobody", SEARCH_NO_SUCH_PERSON, 0},
        {ALICE, "x in:", SEARCH_NO_VALUE, 2},
    };
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        const struct msg_search_result *result = s_ask_page(BAD[i].user, BAD[i].query, "", 10);
        assert_int_equal(BAD[i].fault, result->fault);
        assert_int_equal(BAD[i].position, result->position);
        assert_int_equal(0, result->hits.count);
    }
    struct msg ask = {.type = MSG_STORE_SEARCH, .as.store_search = {
        .user = ALICE, .query = view_of_text("x"), .zone = SEARCH_UTC, .before = view_of_text("1.2"), .limit = 1}};
    client_ask_refused(s_client, &ask, ERR_OUT_OF_RANGE);
}

/* ---- who may read ----------------------------------------------------------------------------------------------- */

static void test_only_members_find_what_they_may_read(void **state)
{
    (void)state;
    const uint64_t room = 6006;
    s_create(room, "Members only");
    s_post(room, 2, ALICE, "walrus before");
    s_join(room, 3, BOB);
    s_post(room, 4, ALICE, "walrus after");
    s_store();
    EXPECT(ALICE, "walrus", room, 4, 2);
    EXPECT(BOB, "walrus", room, 4); /* a private room: from their joining on */
    EXPECT_NONE(EVE, "walrus");
    test_db_do(&s_fixture.db, "UPDATE member SET visible_from_seq = 0 WHERE room_id = 6006 AND user_id = 102");
    EXPECT(BOB, "walrus", room, 4, 2);
    s_add(room, 5, KIND_LEFT, BOB, 0, &(struct kind_left){.reason = 0});
    s_store();
    EXPECT_NONE(BOB, "walrus");
    EXPECT(ALICE, "walrus", room, 4, 2);
}

/* ---- changes ---------------------------------------------------------------------------------------------------- */

static void test_an_edit_changes_what_finds_the_line(void **state)
{
    (void)state;
    const uint64_t room = 6007;
    s_create(room, "Edits");
    s_post(room, 2, ALICE, "giraffe common");
    s_store();
    EXPECT(ALICE, "giraffe", room, 2);
    s_edit(room, 3, 2, "hippopotamus common");
    s_store();
    EXPECT_NONE(ALICE, "giraffe");
    EXPECT(ALICE, "hippopotamus", room, 2);
    s_edit(room, 4, 2, "gazelle common");
    s_edit(room, 5, 2, "antelope common");
    s_store();
    EXPECT_NONE(ALICE, "gazelle");
    EXPECT_NONE(ALICE, "hippopotamus");
    EXPECT(ALICE, "antelope common", room, 2);
}

static void test_answers_and_what_calls_people_are_lines_too(void **state)
{
    (void)state;
    const uint64_t room = 6014;
    s_create(room, "Kinds");
    s_post(room, 2, ALICE, "quokka asked");
    s_add(room, 3, KIND_SAID, ALICE, 2, &(struct kind_said){.text = view_of_text("quokka answered")});
    s_add(room, 4, KIND_REACTED, ALICE, 2, &(struct kind_reacted){.emoji = view_of_text("🎉"), .on = true});
    s_store();
    EXPECT(ALICE, "quokka", room, 3, 2);
    s_add(room, 5, KIND_REVISED, ALICE, 3, &(struct kind_revised){.text = view_of_text("wallaby answered")});
    s_store();
    EXPECT(ALICE, "quokka", room, 2);
    EXPECT(ALICE, "wallaby", room, 3);
    s_delete(room, 6, 3);
    s_store();
    assert_int_equal(0, s_terms_of(room, 3));
    EXPECT_NONE(ALICE, "wallaby");
}

static void test_an_erased_line_leaves_the_index_with_its_tombstone(void **state)
{
    (void)state;
    const uint64_t room = 6008;
    s_create(room, "Erased");
    s_post(room, 2, ALICE, "platypus password hunter2");
    s_edit(room, 3, 2, "platypus password swordfish");
    s_post(room, 4, ALICE, "platypus stays");
    s_store();
    EXPECT(ALICE, "platypus", room, 4, 2);
    assert_true(s_terms_of(room, 2) > 5);
    s_delete(room, 5, 2);
    s_store(); /* answered after the commit: no other transaction has to follow */
    assert_int_equal(0, s_terms_of(room, 2));
    assert_true(s_terms_of(room, 4) > 2);
    EXPECT(ALICE, "platypus", room, 4);
    EXPECT_NONE(ALICE, "swordfish");
    EXPECT_NONE(ALICE, "hunter2");
}

static void test_what_was_erased_before_it_was_indexed_never_gets_in(void **state)
{
    (void)state;
    const uint64_t room = 6009;
    s_create(room, "Too late");
    for (uint64_t seq = 2; seq < 102; seq++)
        s_post(room, seq, ALICE, "armadillo secret");
    for (uint64_t seq = 102; seq < 202; seq++)
        s_delete(room, seq, seq - 100);
    s_store();
    EXPECT_NONE(ALICE, "armadillo");
    assert_int_equal(0, s_number("SELECT COUNT(*) FROM search_term WHERE room_id = %llu OR seq = %llu", room, 0));
    assert_int_equal(0, s_number("SELECT COUNT(*) FROM search_doc WHERE room_id = %llu OR seq = %llu", room, 0));
}

/* ---- several at work -------------------------------------------------------------------------------------------- */

static atomic_bool s_is_over;
static atomic_uint s_failures;

/* What a second persist node would do: steps of the same rooms, all the time. */
static void *s_index_too(void *opaque)
{
    const uint64_t *rooms = opaque;
    search_index_t *index = search_index_new();
    db_t *db = NULL;
    if (!index || db_new(s_fixture.db.url, DB_WRITER, &db) != ERR_OK || db_connect(db) != DB_OK)
        atomic_fetch_add(&s_failures, 1);
    while (!atomic_load(&s_is_over) && atomic_load(&s_failures) == 0)
        for (size_t i = 0; rooms[i]; i++) {
            size_t count;
            bool more;
            db_status_t status = search_index_step(index, db, rooms[i], &count, &more);
            if (status != DB_OK && status != DB_RETRY)
                atomic_fetch_add(&s_failures, 1);
        }
    search_index_destroy(&index);
    db_destroy(&db);
    db_thread_end();
    return NULL;
}

static void test_two_indexers_and_a_writer_that_erases_agree(void **state)
{
    (void)state;
    static const uint64_t ROOMS[] = {6010, 6011, 6012, 0};
    enum { ROUNDS = 12, LINES = 20 };
    struct thread threads[2] = {0};
    uint64_t seq = 2;
    atomic_store(&s_is_over, false);
    for (size_t i = 0; ROOMS[i]; i++)
        s_create(ROOMS[i], "Busy");
    for (size_t i = 0; i < 2; i++)
        assert_true(thread_start(&threads[i], s_index_too, (void *)(uintptr_t)ROOMS));
    for (int round = 0; round < ROUNDS; round++, seq += 3 * LINES) {
        for (uint64_t line = 0; line < LINES; line++)
            for (size_t i = 0; ROOMS[i]; i++)
                s_post(ROOMS[i], seq + line, ALICE, line % 2 ? "pangolin keeps" : "pangolin goes");
        s_store();
        for (uint64_t line = 0; line < LINES; line++)
            for (size_t i = 0; ROOMS[i]; i++)
                s_edit(ROOMS[i], seq + LINES + line, seq + line, "pangolin was changed");
        s_store();
        for (uint64_t line = 0; line < LINES; line++)
            for (size_t i = 0; ROOMS[i]; i++) {
                if (line % 2)
                    s_edit(ROOMS[i], seq + 2 * LINES + line, seq + line, "pangolin is there");
                else
                    s_delete(ROOMS[i], seq + 2 * LINES + line, seq + line);
            }
        s_store();
    }
    s_ask(ALICE, "pangolin");
    atomic_store(&s_is_over, true);
    for (size_t i = 0; i < 2; i++)
        assert_true(thread_join(&threads[i], WAIT_MS));
    assert_int_equal(0, atomic_load(&s_failures));
    for (size_t i = 0; ROOMS[i]; i++) {
        assert_int_equal(ROUNDS * LINES / 2, s_number("SELECT COUNT(*) FROM search_doc WHERE room_id = %llu OR seq = %llu",
                                                      ROOMS[i], 0));
        /* alice, pan, pang, pango; the, ther, there; is: what the lines say now and nothing else */
        assert_int_equal(ROUNDS * LINES / 2 * 8,
                         s_number("SELECT COUNT(*) FROM search_term WHERE room_id = %llu OR seq = %llu", ROOMS[i], 0));
    }
}

/* ---- making it anew --------------------------------------------------------------------------------------------- */

static void s_forget_index(void)
{
    test_db_do(&s_fixture.db, "DELETE FROM search_term");
    test_db_do(&s_fixture.db, "DELETE FROM search_doc");
}

static void test_the_index_is_made_anew_from_the_log(void **state)
{
    (void)state;
    const uint64_t room = 6013;
    s_create(room, "Anew");
    s_post(room, 2, ALICE, "ocelot first");
    s_post(room, 3, ALICE, "ocelot second");
    s_edit(room, 4, 3, "ocelot changed");
    s_post(room, 5, ALICE, "ocelot gone");
    s_delete(room, 6, 5);
    s_store();
    EXPECT(ALICE, "ocelot", room, 3, 2);
    uint64_t terms = test_db_number(&s_fixture.db, "SELECT COUNT(*) FROM search_term");

    test_db_do(&s_fixture.db, "UPDATE search_head SET version = version + 1"); /* of another binary; rows are kept */
    assert_true(s_ask_page(ALICE, "ocelot", "", 10)->behind > 0);
    EXPECT(ALICE, "ocelot", room, 3, 2);
    assert_int_equal(terms, test_db_number(&s_fixture.db, "SELECT COUNT(*) FROM search_term"));

    s_forget_index();
    test_db_do(&s_fixture.db, "UPDATE search_head SET version = 0");
    EXPECT(ALICE, "ocelot changed", room, 3);
    assert_int_equal(terms, test_db_number(&s_fixture.db, "SELECT COUNT(*) FROM search_term"));

    fixture_stop(&s_fixture);
    s_forget_index();
    test_db_do(&s_fixture.db, "DELETE FROM search_head"); /* as after an upgrade to the first binary with search */
    test_db_do(&s_fixture.db, "UPDATE room SET incarnation = incarnation + 1 WHERE id = 6001");
    client_destroy(&s_client);
    fixture_start(&s_fixture, NULL);
    s_client = client_new(&s_fixture, 1);
    client_take(s_client, LIM_SHARDS, s_epochs);
    EXPECT(ALICE, "ocelot", room, 3, 2);
    EXPECT(ALICE, "istanbul", 6001, 3);
    assert_int_equal(terms, test_db_number(&s_fixture.db, "SELECT COUNT(*) FROM search_term"));
}

static void test_the_lag_is_a_metric(void **state)
{
    (void)state;
    int64_t until_ms = clock_now_ms() + WAIT_MS;
    uint64_t events = test_db_number(&s_fixture.db, "SELECT SUM(last_seq) FROM room");
    test_db_do(&s_fixture.db, "UPDATE search_head SET version = 0");
    while (metric_value(METRIC_SEARCH_LAG) != (int64_t)events) {
        assert_true(clock_now_ms() < until_ms);
        s_ask_page(ALICE, "lag", "", 1); /* a client must not be silent for long */
    }
    while (metric_value(METRIC_SEARCH_LAG) != 0) {
        assert_true(clock_now_ms() < until_ms);
        s_ask_page(ALICE, "lag", "", 1);
    }
}

/* ---- pages and bounds ------------------------------------------------------------------------------------------- */

/* Pages through all of it; gives the count, and checks that it is sorted and that nothing is twice. */
static size_t s_walk(uint64_t user, const char *query, uint32_t limit, size_t *pages_out)
{
    char before[LIM_SEARCH_CURSOR_BYTES_MAX] = "";
    uint64_t last[3] = {UINT64_MAX, UINT64_MAX, UINT64_MAX};
    size_t count = 0;
    s_ask(user, query);
    for (*pages_out = 0;; ++*pages_out) {
        const struct msg_search_result *result = s_ask_page(user, query, before, limit);
        list_t hits = result->hits;
        struct rec_search_hit hit;
        assert_true(result->hits.count <= limit);
        for (; rec_search_hit_next(&hits, &hit); count++) {
            assert_true(hit.at_ms < last[0] || (hit.at_ms == last[0] && (hit.room < last[1] || (hit.room == last[1] &&
                                                                                                hit.seq < last[2]))));
            last[0] = hit.at_ms;
            last[1] = hit.room;
            last[2] = hit.seq;
        }
        if (!result->more)
            return count;
        assert_true(result->next.len > 0 && result->next.len < sizeof before && *pages_out < 1000);
        memcpy(before, result->next.bytes, result->next.len);
        before[result->next.len] = '\0';
    }
}

static void test_pages_leave_nothing_out_and_repeat_nothing(void **state)
{
    (void)state;
    enum { ROOMS = 4, LINES = 60 };
    for (uint64_t room = 6020; room < 6020 + ROOMS; room++) {
        s_create(room, "Pages");
        for (uint64_t seq = 2; seq < 2 + LINES; seq++) /* three lines share a moment, and all rooms share them */
            s_add_at(room, seq, KIND_POSTED, ALICE, 0, &(struct kind_posted){.text = view_of_text("lemur line")},
                     T0_MS + seq / 3);
        s_store();
    }
    size_t pages;
    static const uint32_t LIMITS[] = {1, 7, 48, 50};
    for (size_t i = 0; i < sizeof LIMITS / sizeof LIMITS[0]; i++) {
        assert_int_equal(ROOMS * LINES, s_walk(ALICE, "lemur", LIMITS[i], &pages));
        assert_in_range(pages, (ROOMS * LINES - 1) / LIMITS[i], ROOMS * LINES / LIMITS[i]); /* the last may be empty */
    }
    assert_int_equal(LINES, s_walk(ALICE, "lemur in:6021", 7, &pages));
}

/* The index proposes all of these lines for a word that none of them has. */
static void test_a_page_reads_so_many_lines_and_goes_on_in_the_next(void **state)
{
    (void)state;
    const uint64_t room = 6030;
    uint64_t seq = 2;
    s_create(room, "Many");
    while (seq < 2 + LIM_SEARCH_READS_MAX) {
        for (size_t i = 0; i < LIM_BATCH_EVENTS_MAX && seq < 2 + LIM_SEARCH_READS_MAX; i++)
            s_post(room, seq++, ALICE, "kookaburra");
        s_store();
    }
    const struct msg_search_result *result = s_ask(ALICE, "kookapurra in:6030");
    assert_int_equal(0, result->hits.count);
    assert_false(result->more); /* g3 … g5 of it are those of the lines, its second part is not */
    result = s_ask(ALICE, "kookaxx in:6030");
    assert_int_equal(0, result->hits.count);
    assert_false(result->more);
    s_post(room, seq++, ALICE, "kookaburra");
    s_store();
    result = s_ask(ALICE, "kookaxx in:6030");
    assert_int_equal(0, result->hits.count);
    assert_true(result->more);
    size_t pages;
    assert_int_equal(0, s_walk(ALICE, "kookaxx in:6030", 10, &pages));
    assert_int_equal(1, pages);
    assert_int_equal(LIM_SEARCH_READS_MAX + 1, s_walk(ALICE, "kooka in:6030", LIM_SEARCH_PAGE_MAX, &pages));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_of_all_kinds_are_found_on_this_server),
        cmocka_unit_test(test_a_hit_has_what_is_shown),
        cmocka_unit_test(test_filters_narrow_it_down),
        cmocka_unit_test(test_what_a_filter_names_must_be_there),
        cmocka_unit_test(test_only_members_find_what_they_may_read),
        cmocka_unit_test(test_an_edit_changes_what_finds_the_line),
        cmocka_unit_test(test_answers_and_what_calls_people_are_lines_too),
        cmocka_unit_test(test_an_erased_line_leaves_the_index_with_its_tombstone),
        cmocka_unit_test(test_what_was_erased_before_it_was_indexed_never_gets_in),
        cmocka_unit_test(test_two_indexers_and_a_writer_that_erases_agree),
        cmocka_unit_test(test_the_index_is_made_anew_from_the_log),
        cmocka_unit_test(test_the_lag_is_a_metric),
        cmocka_unit_test(test_pages_leave_nothing_out_and_repeat_nothing),
        cmocka_unit_test(test_a_page_reads_so_many_lines_and_goes_on_in_the_next),
    };
    return cmocka_run_group_tests(tests, s_setup, s_teardown);
}
