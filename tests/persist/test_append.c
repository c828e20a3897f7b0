/* The writer on a real database: many at once, a shard that is taken under load, connections cut at COMMIT. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "actors/runtime/clock.h"
#include "actors/runtime/metrics.h"
#include "tests/persist/proxy.h"
#include "tests/persist/writers.h"

enum { ALICE = 11, LOAD_MS = 1200 };

static struct fixture s_fixture;
static client_t *s_client;
static uint64_t s_epochs[LIM_SHARDS];
static struct rec_append_outcome s_out[LIM_BATCH_EVENTS_MAX];

static int s_setup(void **state)
{
    (void)state;
    fixture_open(&s_fixture, "append", false);
    s_client = client_new(&s_fixture, 1);
    client_take(s_client, LIM_SHARDS, s_epochs);
    return 0;
}

static int s_teardown(void **state)
{
    (void)state;
    client_destroy(&s_client);
    fixture_close(&s_fixture);
    return 0;
}

static void test_batches_of_many_are_committed_together_and_none_is_lost(void **state)
{
    (void)state;
    struct writer writers[4];
    atomic_bool is_stopped = false;
    int64_t batches = metric_value(METRIC_STORE_BATCHES);
    writers_start(writers, 4, &s_fixture, s_epochs, 100000, 2, &is_stopped);
    fixture_pause(LOAD_MS);
    is_stopped = true;
    writers_join(writers, 4);
    batches = metric_value(METRIC_STORE_BATCHES) - batches;
    size_t answered = 0, sent = 0;
    for (size_t i = 0; i < 4; i++) {
        answered += writers[i].answered;
        sent += writers[i].batches;
        assert_int_equal(0, writers[i].others + writers[i].fenced);
    }
    assert_true(answered > 0);
    assert_true((size_t)batches < sent); /* fewer transactions than batches */
    print_message("    %zu rows in %zu batches in %lld transactions in %d ms\n", answered, sent, (long long)batches,
                  LOAD_MS);
    writers_check(writers, 4, 2);
}

/* One shard goes to another owner in the middle: none of its rows is committed any more, everything else goes on. */
static void test_a_shard_taken_under_load_is_fenced_and_no_other(void **state)
{
    (void)state;
    struct writer writers[4];
    atomic_bool is_stopped = false;
    writers_start(writers, 4, &s_fixture, s_epochs, 200000, 2, &is_stopped);
    fixture_pause(LOAD_MS / 3);
    uint64_t taken_room = 200005;
    uint32_t shard = id_shard(taken_room);
    char sql[256];
    snprintf(sql, sizeof sql, "UPDATE shard_lease SET epoch = epoch + 1, owner_id = 0 WHERE shard = %u", shard);
    test_db_do(&s_fixture.db, sql);
    snprintf(sql, sizeof sql, "SELECT last_seq FROM room WHERE id = %llu", (unsigned long long)taken_room);
    uint64_t head = test_db_number(&s_fixture.db, sql);
    fixture_pause(2 * LOAD_MS / 3);
    is_stopped = true;
    writers_join(writers, 4);
    assert_int_equal(head, test_db_number(&s_fixture.db, sql));
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(0, writers[i].others);
        for (size_t j = 0; j < WRITER_ROOMS; j++) {
            bool is_taken = id_shard(writers[i].rooms[j]) == shard;
            assert_int_equal(is_taken, writers[i].is_fenced[j]);
            if (!is_taken)
                assert_true(writers[i].heads[j] > head);
        }
    }
    writers_check(writers, 4, 2);
    client_take(s_client, LIM_SHARDS, s_epochs);
    assert_int_equal(3, s_epochs[shard]);
}

/* The row lock: a take-over waits for the transaction that holds the lease, and sees what it committed. */
static void test_a_take_over_waits_for_the_open_transaction(void **state)
{
    (void)state;
    db_t *holder;
    assert_int_equal(ERR_OK, db_new(s_fixture.db.url, DB_WRITER, &holder));
    assert_int_equal(DB_OK, db_connect(holder));
    assert_int_equal(DB_OK, db_begin(holder));
    assert_int_equal(DB_OK, db_execute(holder, "SELECT epoch FROM shard_lease WHERE shard = 77 LOCK IN SHARE MODE"));
    test_db_do(&s_fixture.db, "SET SESSION innodb_lock_wait_timeout = 1");
    assert_int_equal(DB_RETRY, db_execute(s_fixture.db.admin, "UPDATE shard_lease SET epoch = epoch + 1 "
                                                              "WHERE shard = 77 AND epoch = epoch"));
    assert_int_equal(DB_OK, db_commit(holder));
    db_destroy(&holder);
    uint64_t epoch = test_db_number(&s_fixture.db, "SELECT epoch FROM shard_lease WHERE shard = 77");
    assert_int_equal(s_epochs[77], epoch);
}

static void s_line(struct batch *batch, uint64_t room, uint64_t seq, uint64_t cid, const char *text)
{
    batch_add(batch, fixture_line(room, s_epochs[id_shard(room)], seq, ALICE, cid),
              &(struct kind_posted){.text = view_of_text(text)});
}

static void s_created(struct batch *batch, uint64_t room)
{
    struct rec_append_row row = fixture_line(room, s_epochs[id_shard(room)], 1, ALICE, 1);
    row.kind = KIND_ROOM_CREATED;
    row.msg_no = 0;
    batch_add(batch, row, &(struct kind_room_created){.name = view_of_text("r")});
}

static void test_outcomes_on_the_real_store(void **state)
{
    (void)state;
    struct batch batch;
    batch_init(&batch);
    for (uint64_t room = 300001; room <= 300004; room++)
        s_created(&batch, room);
    s_line(&batch, 300001, 2, 2, "first");
    assert_int_equal(5, batch_store(&batch, s_client, s_out));
    s_line(&batch, 300001, 3, 2, "first");  /* repeat */
    s_line(&batch, 300001, 4, 4, "later");  /* again */
    s_line(&batch, 300002, 2, 1, "no");     /* conflict with its creation */
    s_line(&batch, 300003, 7, 7, "no");     /* stale */
    s_line(&batch, 300004, 2, 2, "yes");
    s_line(&batch, 300001, 2, 2, "first");  /* again: the room was stopped */
    assert_int_equal(6, batch_store(&batch, s_client, s_out));
    const uint32_t expected[] = {1, 5, 2, 4, 0, 5};
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(expected[i], s_out[i].result);
    assert_int_equal(2, s_out[0].stored_seq);
    assert_int_equal(1002, s_out[0].stored_at_ms);
    assert_int_equal(1, s_out[0].stored_msg_no);
    batch_fini(&batch);
}

/* The primary key alone: somebody put an event where the head does not say there is one. */
static void test_a_room_that_contradicts_itself_harms_no_other(void **state)
{
    (void)state;
    struct batch batch;
    batch_init(&batch);
    s_created(&batch, 310001);
    s_created(&batch, 310002);
    batch_store(&batch, s_client, s_out);
    test_db_do(&s_fixture.db, "INSERT INTO event SELECT room_id, 2, kind, user_id, '0123456789abcdef', 0, 0, 1, body_mac, "
                              "frame FROM event WHERE room_id = 310001");
    s_line(&batch, 310001, 2, 2, "x");
    s_line(&batch, 310002, 2, 2, "y");
    batch_store(&batch, s_client, s_out);
    assert_int_equal(4, s_out[0].result);
    assert_int_equal(0, s_out[1].result);
    batch_fini(&batch);
}

static void test_a_full_batch_of_the_longest_lines(void **state)
{
    (void)state;
    struct batch batch;
    char text[LIM_TEXT_BYTES_MAX + 1];
    memset(text, 'x', LIM_TEXT_BYTES_MAX);
    text[LIM_TEXT_BYTES_MAX] = '\0';
    batch_init(&batch);
    s_created(&batch, 320001);
    batch_store(&batch, s_client, s_out);
    for (uint64_t seq = 2; seq < 2 + 225; seq++)
        s_line(&batch, 320001, seq, seq, text);
    size_t count = batch_store(&batch, s_client, s_out);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(0, s_out[i].result);
    for (uint64_t seq = 227; seq < 227 + LIM_BATCH_EVENTS_MAX; seq++)
        s_line(&batch, 320001, seq, seq, "short");
    assert_int_equal(LIM_BATCH_EVENTS_MAX, batch_store(&batch, s_client, s_out));
    batch_fini(&batch);
}

/* ---- cut connections ---------------------------------------------------------------------------------------------- */

struct cut {
    char path[64];
    proxy_t *proxy;
};

static void s_open_proxy(struct cut *cut)
{
    struct db_url url;
    const char *sentence;
    char via[TEST_DB_URL_MAX];
    assert_int_equal(ERR_OK, db_url_parse(s_fixture.db.admin_url, &url, &sentence));
    if (!url.socket[0]) {
        print_message("    not run over TCP: the proxy that cuts connections speaks unix sockets only; give the "
                      "server's socket (?socket=PATH)\n");
        skip();
    }
    s_fixture.has_no_index = true; /* its commits would be cut too */
    snprintf(cut->path, sizeof cut->path, "/tmp/rookery-proxy-%ld", (long)getpid());
    cut->proxy = proxy_new(cut->path, url.socket);
    assert_non_null(cut->proxy);
    client_destroy(&s_client);
    fixture_stop(&s_fixture);
    test_db_url_via(&s_fixture.db, cut->path, via);
    fixture_start(&s_fixture, via);
    s_client = client_new(&s_fixture, 1);
    client_take(s_client, LIM_SHARDS, s_epochs);
}

static void s_close_proxy(struct cut *cut)
{
    client_destroy(&s_client);
    fixture_stop(&s_fixture);
    proxy_destroy(&cut->proxy);
    unlink(cut->path);
    fixture_start(&s_fixture, NULL);
    s_client = client_new(&s_fixture, 1);
    client_take(s_client, LIM_SHARDS, s_epochs);
}

static void test_a_connection_cut_at_commit_ends_in_the_truth(void **state)
{
    (void)state;
    struct cut cut = {{0}, NULL};
    struct batch batch;
    s_open_proxy(&cut);
    batch_init(&batch);
    s_created(&batch, 400001);
    batch_store(&batch, s_client, s_out);
    int64_t unknown = metric_value(METRIC_STORE_UNKNOWN);
    for (uint64_t i = 0; i < 20; i++) {
        uint64_t seq = 2 + 2 * i;
        fixture_pause(i % 4 == 0 ? 30 : 0);
        proxy_set(cut.proxy, i % 2 ? PROXY_CUT_BEFORE : PROXY_CUT_AFTER);
        s_line(&batch, 400001, seq, seq, "one");
        s_line(&batch, 400001, seq + 1, seq + 1, "two");
        assert_int_equal(2, batch_store(&batch, s_client, s_out));
        assert_int_equal(0, s_out[0].result);
        assert_int_equal(0, s_out[1].result);
        assert_int_equal(seq + 1, s_out[1].stored_seq);
        assert_int_equal(seq + 1, test_db_number(&s_fixture.db, "SELECT COUNT(*) FROM event WHERE room_id = 400001"));
        assert_int_equal(seq + 1, test_db_number(&s_fixture.db, "SELECT last_seq FROM room WHERE id = 400001"));
        assert_int_equal(i + 1, proxy_cuts(cut.proxy));
    }
    assert_int_equal(20, metric_value(METRIC_STORE_UNKNOWN) - unknown);
    batch_fini(&batch);
    s_close_proxy(&cut);
}

static void test_cuts_under_load_lose_and_double_nothing(void **state)
{
    (void)state;
    struct cut cut = {{0}, NULL};
    struct writer writers[3];
    atomic_bool is_stopped = false;
    s_open_proxy(&cut);
    writers_start(writers, 3, &s_fixture, s_epochs, 500000, 1, &is_stopped);
    for (int i = 0; i < 30 || (i < 750 && proxy_cuts(cut.proxy) <= 10); i++) { /* on a busy machine, longer */
        fixture_pause(40);
        proxy_set(cut.proxy, i % 2 ? PROXY_CUT_BEFORE : PROXY_CUT_AFTER);
    }
    fixture_pause(200);
    is_stopped = true;
    writers_join(writers, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(0, writers[i].others + writers[i].fenced);
    assert_true(proxy_cuts(cut.proxy) > 10);
    writers_check(writers, 3, 1);
    s_close_proxy(&cut);
}

/* No answer to a batch while its outcome is open; an answer within 2 s to everything else. */
static void test_a_database_that_is_away_keeps_batches_and_refuses_questions(void **state)
{
    (void)state;
    struct cut cut = {{0}, NULL};
    struct batch batch;
    s_open_proxy(&cut);
    batch_init(&batch);
    s_created(&batch, 600001);
    batch_store(&batch, s_client, s_out);
    proxy_refuse(cut.proxy, true);
    fixture_pause(100);
    s_line(&batch, 600001, 2, 2, "kept");
    struct msg append = batch_message(&batch), question = {.type = MSG_STORE_ROOM_GET};
    uint64_t kept = client_send(s_client, &append);
    question.as.store_room_get.room = 600001;
    int64_t start_ms = clock_now_ms();
    client_ask_refused(s_client, &question, ERR_UNAVAILABLE);
    struct msg beat = {.type = MSG_DIR_BEAT};
    beat.as.dir_beat = (struct msg_dir_beat){.node = client_node(s_client), .nonce = client_nonce(s_client)};
    client_ask_refused(s_client, &beat, ERR_UNAVAILABLE);
    assert_true(clock_now_ms() - start_ms < LIM_UNAVAILABLE_MS);
    assert_null(client_wait(s_client, kept, 500));
    proxy_refuse(cut.proxy, false);
    const struct msg *answer = client_wait(s_client, kept, 10000);
    assert_non_null(answer);
    assert_int_equal(MSG_STORE_APPENDED, answer->type);
    assert_int_equal(2, test_db_number(&s_fixture.db, "SELECT last_seq FROM room WHERE id = 600001"));
    client_ask(s_client, &question, MSG_STORE_ROOM);
    batch_fini(&batch);
    s_close_proxy(&cut);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batches_of_many_are_committed_together_and_none_is_lost),
        cmocka_unit_test(test_a_shard_taken_under_load_is_fenced_and_no_other),
        cmocka_unit_test(test_a_take_over_waits_for_the_open_transaction),
        cmocka_unit_test(test_outcomes_on_the_real_store),
        cmocka_unit_test(test_a_room_that_contradicts_itself_harms_no_other),
        cmocka_unit_test(test_a_full_batch_of_the_longest_lines),
        cmocka_unit_test(test_a_connection_cut_at_commit_ends_in_the_truth),
        cmocka_unit_test(test_cuts_under_load_lose_and_double_nothing),
        cmocka_unit_test(test_a_database_that_is_away_keeps_batches_and_refuses_questions),
    };
    return cmocka_run_group_tests(tests, s_setup, s_teardown);
}
