/* Nodes, leases, keys and secrets on a real database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "persist/directory.h"
#include "persist/node_locks.h"
#include "tests/persist/fixture.h"

static struct fixture s_fixture;
static uint64_t s_epochs[LIM_SHARDS];

static int s_setup(void **state)
{
    (void)state;
    fixture_open(&s_fixture, "directory", false);
    return 0;
}

static int s_teardown(void **state)
{
    (void)state;
    fixture_close(&s_fixture);
    return 0;
}

static int s_reset(void **state)
{
    (void)state;
    test_db_do(&s_fixture.db, "DELETE FROM node WHERE roles = 2");
    test_db_do(&s_fixture.db, "UPDATE shard_lease SET owner_id = 0, owner_nonce = 0, epoch = 0");
    return 0;
}

static size_t s_count(uint64_t epoch)
{
    size_t count = 0;
    for (size_t i = 0; i < LIM_SHARDS; i++)
        count += s_epochs[i] == epoch;
    return count;
}

static struct msg s_take(const client_t *client, uint32_t share)
{
    struct msg ask = {.type = MSG_DIR_TAKE};
    ask.as.dir_take =
        (struct msg_dir_take){.node = client_node(client), .nonce = client_nonce(client), .share = share};
    return ask;
}

static struct msg s_beat(const client_t *client)
{
    struct msg ask = {.type = MSG_DIR_BEAT};
    ask.as.dir_beat = (struct msg_dir_beat){.node = client_node(client), .nonce = client_nonce(client)};
    return ask;
}

static void test_a_node_speaks_for_itself_only(void **state)
{
    (void)state;
    client_t *one = client_new(&s_fixture, 1), *two = client_new(&s_fixture, 2);
    client_take(one, LIM_SHARDS, s_epochs);
    struct msg asks[] = {s_take(one, LIM_SHARDS), s_beat(one), {.type = MSG_DIR_RELEASE}, {.type = MSG_DIR_HELLO}};
    asks[2].as.dir_release = (struct msg_dir_release){.node = client_node(one), .nonce = client_nonce(one)};
    asks[3].as.dir_hello = (struct msg_dir_hello){
        .node = client_node(one), .nonce = 4711, .roles = 2, .endpoint = view_of_text("tcp://127.0.0.1:1")};
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++)
        client_ask_refused(two, &asks[i], ERR_FORBIDDEN);
    struct msg beat = s_beat(one);
    client_ask(one, &beat, MSG_STORE_OK); /* and it still is who it was */
    client_destroy(&two);
    client_destroy(&one);
}

static void test_the_first_takes_all_and_a_second_what_is_left(void **state)
{
    (void)state;
    client_t *one = client_new(&s_fixture, 1), *two = client_new(&s_fixture, 2);
    client_take(one, 128, s_epochs);
    assert_int_equal(128, s_count(1));
    client_take(one, 128, s_epochs); /* a share is what a node may have in all */
    assert_int_equal(128, s_count(1));
    client_take(two, LIM_SHARDS, s_epochs);
    assert_int_equal(128, s_count(1));
    struct msg ask = {.type = MSG_DIR_LEASES_GET};
    list_t leases = client_ask(one, &ask, MSG_DIR_LEASES)->as.dir_leases.leases;
    assert_int_equal(LIM_SHARDS, leases.count);
    struct rec_lease lease;
    for (uint32_t shard = 0; rec_lease_next(&leases, &lease); shard++) {
        assert_int_equal(shard, lease.shard);
        assert_int_equal(shard < 128 ? client_node(one) : client_node(two), lease.node);
        assert_true(view_is_equal(view_of_text("inproc://room"), lease.endpoint));
    }
    client_destroy(&one);
    client_destroy(&two);
}

static void test_a_former_self_is_dead_and_its_shards_come_with_a_new_epoch(void **state)
{
    (void)state;
    client_t *old = client_new(&s_fixture, 1);
    client_take(old, LIM_SHARDS, s_epochs);
    struct msg beat = s_beat(old), take = s_take(old, LIM_SHARDS);
    client_ask(old, &beat, MSG_STORE_OK);
    client_destroy(&old);
    client_t *reborn = client_new(&s_fixture, 1);
    client_take(reborn, LIM_SHARDS, s_epochs);
    assert_int_equal(LIM_SHARDS, s_count(2));
    client_ask_refused(reborn, &beat, ERR_FENCED); /* the old boot's */
    client_ask_refused(reborn, &take, ERR_FENCED);
    client_take(reborn, LIM_SHARDS, s_epochs); /* the same again changes nothing */
    assert_int_equal(LIM_SHARDS, s_count(2));
    client_destroy(&reborn);
}

static void test_a_new_boot_is_not_told_that_its_former_selfs_shards_are_its_own(void **state)
{
    (void)state;
    client_t *old = client_new(&s_fixture, 1);
    client_take(old, 128, s_epochs);
    assert_int_equal(128, s_count(1));
    client_destroy(&old);
    client_t *reborn = client_new(&s_fixture, 1);
    client_take(reborn, 0, s_epochs); /* takes none: another node may have them now */
    assert_int_equal(0, s_count(1));
    client_destroy(&reborn);
}

static void test_beats_count_up(void **state)
{
    (void)state;
    client_t *client = client_new(&s_fixture, 1);
    client_take(client, 1, s_epochs);
    struct msg beat = s_beat(client);
    uint64_t first = client_ask(client, &beat, MSG_STORE_OK)->as.store_ok.value;
    assert_true(first > 0);
    assert_int_equal(first + 1, client_ask(client, &beat, MSG_STORE_OK)->as.store_ok.value);
    client_destroy(&client);
}

static void test_releasing_clears_the_owner_and_keeps_the_epoch(void **state)
{
    (void)state;
    client_t *one = client_new(&s_fixture, 1), *two = client_new(&s_fixture, 2);
    client_take(one, LIM_SHARDS, s_epochs);
    struct msg ask = {.type = MSG_DIR_RELEASE};
    ask.as.dir_release = (struct msg_dir_release){.node = client_node(one), .nonce = client_nonce(one)};
    assert_int_equal(LIM_SHARDS, client_ask(one, &ask, MSG_STORE_OK)->as.store_ok.value);
    assert_int_equal(256, test_db_number(&s_fixture.db, "SELECT COUNT(*) FROM shard_lease WHERE owner_id = 0 AND epoch = 1"));
    client_take(two, LIM_SHARDS, s_epochs);
    assert_int_equal(LIM_SHARDS, s_count(2));
    client_destroy(&one);
    client_destroy(&two);
}

static void test_no_node_takes_more_than_its_even_share(void **state)
{
    (void)state;
    client_t *nodes[3];
    for (uint16_t i = 0; i < 3; i++) { /* all of them live before any takes */
        nodes[i] = client_new(&s_fixture, (uint16_t)(i + 1));
        client_take(nodes[i], 0, s_epochs);
    }
    const size_t shares[] = {86, 85, 85};
    for (size_t i = 0; i < 3; i++) {
        client_take(nodes[i], LIM_SHARDS, s_epochs);
        assert_int_equal(shares[i], s_count(1));
    }
    for (size_t i = 0; i < 3; i++)
        client_destroy(&nodes[i]);
}

static void test_who_lets_go_counts_as_gone(void **state)
{
    (void)state;
    client_t *one = client_new(&s_fixture, 1), *two = client_new(&s_fixture, 2);
    client_take(one, 0, s_epochs);
    client_take(two, LIM_SHARDS, s_epochs);
    assert_int_equal(128, s_count(1));
    struct msg ask = {.type = MSG_DIR_RELEASE}, beat = s_beat(one), nodes = {.type = MSG_DIR_NODES_GET};
    ask.as.dir_release = (struct msg_dir_release){.node = client_node(one), .nonce = client_nonce(one)};
    nodes.as.dir_nodes_get.roles = 2;
    assert_int_equal(2, client_ask(two, &nodes, MSG_DIR_NODES)->as.dir_nodes.nodes.count);
    client_ask(one, &ask, MSG_STORE_OK);
    client_ask(one, &ask, MSG_STORE_OK); /* its answer may be lost */
    client_ask_refused(one, &beat, ERR_FENCED);
    assert_int_equal(1, client_ask(two, &nodes, MSG_DIR_NODES)->as.dir_nodes.nodes.count);
    client_take(two, LIM_SHARDS, s_epochs);
    assert_int_equal(LIM_SHARDS, s_count(1));
    client_destroy(&one);
    client_destroy(&two);
}

static struct msg s_give(const client_t *from, uint64_t to, list_writer_t *leases)
{
    struct msg ask = {.type = MSG_DIR_GIVE};
    ask.as.dir_give = (struct msg_dir_give){
        .node = client_node(from), .nonce = client_nonce(from), .to = to, .leases = list_of(leases)};
    return ask;
}

static void test_given_shards_are_the_others_under_a_new_epoch_and_once_only(void **state)
{
    (void)state;
    client_t *one = client_new(&s_fixture, 1), *two = client_new(&s_fixture, 2);
    list_writer_t leases;
    struct rec_lease lease = {0};
    client_take(one, LIM_SHARDS, s_epochs);
    list_writer_init(&leases, 65536);
    for (uint32_t shard = 10; shard < 13; shard++)
        rec_lease_append(&leases, &(struct rec_lease){.shard = shard, .epoch = shard == 12 ? 9 : 1}); /* 12: old news */
    struct msg give = s_give(one, client_node(two), &leases);
    client_ask_refused(one, &give, ERR_NOT_FOUND); /* nobody has seen room/2 */
    client_take(two, 0, s_epochs);
    for (int i = 0; i < 2; i++) { /* its answer may be lost */
        list_t given = client_ask(one, &give, MSG_DIR_LEASES)->as.dir_leases.leases;
        assert_int_equal(2, given.count);
        assert_true(rec_lease_next(&given, &lease));
        assert_int_equal(10, lease.shard);
        assert_int_equal(2, lease.epoch);
        assert_true(lease.node == client_node(two));
    }
    client_ask_refused(two, &give, ERR_FORBIDDEN); /* in another's name */
    struct msg beat = s_beat(one);
    client_take(two, LIM_SHARDS, s_epochs);
    assert_int_equal(2, s_count(2));
    assert_int_equal(2, s_epochs[10]);
    assert_int_equal(0, s_epochs[12]);
    client_ask(one, &beat, MSG_STORE_OK);
    list_writer_fini(&leases);
    client_destroy(&one);
    client_destroy(&two);
}

static void test_nothing_is_given_to_the_dead_or_by_them(void **state)
{
    (void)state;
    client_t *one = client_new(&s_fixture, 1), *two = client_new(&s_fixture, 2);
    list_writer_t leases;
    client_take(one, LIM_SHARDS, s_epochs);
    client_take(two, 0, s_epochs);
    list_writer_init(&leases, 65536);
    rec_lease_append(&leases, &(struct rec_lease){.shard = 10, .epoch = 1});
    struct msg give = s_give(one, client_node(two), &leases);
    test_db_do(&s_fixture.db, "UPDATE node SET state = 2 WHERE id = 131074");
    client_ask_refused(one, &give, ERR_NOT_FOUND);
    test_db_do(&s_fixture.db, "UPDATE node SET state = IF(id = 131074, 1, 2) WHERE roles = 2");
    client_ask_refused(one, &give, ERR_FENCED);
    assert_int_equal(256, test_db_number(&s_fixture.db, "SELECT COUNT(*) FROM shard_lease WHERE owner_id = 131073"));
    list_writer_fini(&leases);
    client_destroy(&one);
    client_destroy(&two);
}

/* With a clock of the test's own: the watcher counts only its own time. */
static void test_only_a_beat_that_stood_still_for_six_seconds_is_dead(void **state)
{
    (void)state;
    struct directory_watch watch = {.count = 0};
    client_t *one = client_new(&s_fixture, 1), *two = client_new(&s_fixture, 2);
    client_take(one, 100, s_epochs);
    client_take(two, 100, s_epochs);
    struct msg beat = s_beat(one), dead_beat = s_beat(two), take = s_take(one, LIM_SHARDS);
    db_t *db = s_fixture.db.admin;
    int64_t now_ms = 1000000;
    for (int64_t ms = 0; ms < LIM_LEASE_DEAD_MS; ms += 1000) {
        assert_int_equal(DB_OK, directory_look(&watch, db, address_node(s_fixture.context.address), now_ms + ms));
        client_ask(one, &beat, MSG_STORE_OK);
    }
    assert_int_equal(2, test_db_number(&s_fixture.db, "SELECT COUNT(*) FROM node WHERE roles = 2 AND state = 1"));
    /* A pause of the watcher: nothing was watched meanwhile, so nobody is dead. */
    now_ms += 60000;
    assert_int_equal(DB_OK, directory_look(&watch, db, address_node(s_fixture.context.address), now_ms));
    assert_int_equal(2, test_db_number(&s_fixture.db, "SELECT COUNT(*) FROM node WHERE roles = 2 AND state = 1"));
    for (int64_t ms = 1000; ms <= LIM_LEASE_DEAD_MS; ms += 1000) {
        client_ask(one, &beat, MSG_STORE_OK);
        assert_int_equal(DB_OK, directory_look(&watch, db, address_node(s_fixture.context.address), now_ms + ms));
    }
    assert_int_equal(1, test_db_number(&s_fixture.db, "SELECT COUNT(*) FROM node WHERE roles = 2 AND state = 1"));
    assert_int_equal(1, test_db_number(&s_fixture.db, "SELECT COUNT(*) FROM audit WHERE action = 'node_dead'"));
    client_ask_refused(two, &dead_beat, ERR_FENCED);
    client_ask(one, &take, MSG_DIR_LEASES);
    assert_int_equal(256, test_db_number(&s_fixture.db, "SELECT COUNT(*) FROM shard_lease WHERE owner_id = 131073"));
    assert_int_equal(100, test_db_number(&s_fixture.db, "SELECT COUNT(*) FROM shard_lease WHERE epoch = 2"));
    struct msg hello = {.type = MSG_DIR_HELLO}; /* the very boot that was declared dead */
    hello.as.dir_hello = (struct msg_dir_hello){.node = client_node(two), .nonce = client_nonce(two), .roles = 2};
    client_ask_refused(two, &hello, ERR_FENCED);
    client_destroy(&one);
    client_destroy(&two);
}

/* A persist node that stands still inside a transaction. Without time limits of its own, as on MySQL. */
static db_t *s_stuck_new(uint64_t node, uint64_t nonce)
{
    db_t *db;
    assert_int_equal(ERR_OK, db_new(s_fixture.db.url, DB_MIGRATION, &db));
    assert_int_equal(DB_OK, db_connect(db));
    assert_int_equal(DB_OK, directory_enter(db, node, nonce, 4, view_of_text("inproc://stuck")));
    assert_int_equal(DB_OK, node_locks_take(db, node, nonce));
    assert_int_equal(DB_OK, db_begin(db));
    assert_int_equal(DB_OK, db_execute(db, "SELECT epoch FROM shard_lease WHERE shard = 5 LOCK IN SHARE MODE"));
    return db;
}

static void s_stuck_destroy(db_t **self_p, uint64_t node)
{
    char sql[64];
    db_destroy(self_p);
    snprintf(sql, sizeof sql, "DELETE FROM node WHERE id = %llu", (unsigned long long)node);
    test_db_do(&s_fixture.db, sql);
}

static void test_a_dead_persist_node_loses_its_connections_and_their_locks(void **state)
{
    (void)state;
    struct directory_watch watch = {.count = 0}, other = {.count = 0};
    const uint64_t node = address_node(address_make(ROLE_PERSIST, 7, 0)), own = address_node(s_fixture.context.address);
    db_t *admin = s_fixture.db.admin, *stuck = s_stuck_new(node, 70), *later;
    client_t *client = client_new(&s_fixture, 1);
    struct msg beat = s_beat(client);
    char text[16];
    client_take(client, 1, s_epochs);
    assert_int_equal(DB_OK, db_new(s_fixture.db.url, DB_MIGRATION, &later));
    assert_int_equal(DB_OK, db_connect(later));
    assert_int_equal(DB_OK, node_locks_take(later, node, 71)); /* of another boot */
    test_db_do(&s_fixture.db, "SET SESSION innodb_lock_wait_timeout = 1");
    assert_int_equal(DB_RETRY, db_execute(admin, "UPDATE shard_lease SET epoch = 1 WHERE shard = 5"));
    for (int64_t ms = 0; ms <= LIM_LEASE_DEAD_MS; ms += 1000) {
        assert_int_equal(DB_OK, db_ask(stuck, "SELECT 1", text, sizeof text));
        client_ask(client, &beat, MSG_STORE_OK);
        assert_int_equal(DB_OK, directory_look(&watch, admin, own, 5000000 + ms));
    }
    client_take(client, LIM_SHARDS, s_epochs);
    assert_int_equal(LIM_SHARDS, s_count(1));
    assert_int_equal(DB_AWAY, db_ask(stuck, "SELECT 1", text, sizeof text));
    assert_int_equal(DB_OK, db_ask(later, "SELECT 1", text, sizeof text));
    /* Another watcher finds a dead node whose connection is still there, and ends it too. */
    assert_int_equal(DB_OK, db_connect(stuck));
    assert_int_equal(DB_OK, node_locks_take(stuck, node, 70));
    assert_int_equal(DB_OK, directory_look(&other, admin, own, 1));
    fixture_pause(100);
    assert_int_equal(DB_AWAY, db_ask(stuck, "SELECT 1", text, sizeof text));
    client_destroy(&client);
    db_destroy(&later);
    s_stuck_destroy(&stuck, node);
}

static void test_a_new_boot_ends_the_connections_of_the_former(void **state)
{
    (void)state;
    const uint64_t node = address_node(address_make(ROLE_PERSIST, 8, 0));
    db_t *stuck = s_stuck_new(node, 80);
    char text[16];
    view_t endpoint = view_of_text("inproc://again");
    assert_int_equal(DB_OK, directory_enter(s_fixture.db.admin, node, 80, 4, endpoint)); /* itself once more */
    assert_int_equal(DB_OK, db_ask(stuck, "SELECT 1", text, sizeof text));
    assert_int_equal(DB_OK, directory_enter(s_fixture.db.admin, node, 81, 4, endpoint));
    test_db_do(&s_fixture.db, "UPDATE shard_lease SET epoch = 9 WHERE shard = 5");
    assert_int_equal(DB_AWAY, db_ask(stuck, "SELECT 1", text, sizeof text));
    s_stuck_destroy(&stuck, node);
}

/* The writer, the control worker, both readers, three for search and two for files; what they do next is done on new ones. */
static void test_every_connection_of_persist_is_registered(void **state)
{
    (void)state;
    const uint64_t node = address_node(s_fixture.context.address), nonce = address_nonce(s_fixture.context.address);
    unsigned killed = 0;
    assert_int_equal(DB_OK, node_locks_kill(s_fixture.db.admin, node, nonce, &killed));
    assert_int_equal(9, killed);
    client_t *client = client_new(&s_fixture, 1);
    struct msg ask = {.type = MSG_DIR_LEASES_GET};
    client_take(client, 1, s_epochs);
    client_ask(client, &ask, MSG_DIR_LEASES);
    client_destroy(&client);
}

static void test_persist_has_a_row_that_beats(void **state)
{
    (void)state;
    uint64_t beat = test_db_number(&s_fixture.db, "SELECT beat FROM node WHERE roles = 4");
    assert_true(beat > 0);
    fixture_pause(1500);
    assert_true(test_db_number(&s_fixture.db, "SELECT beat FROM node WHERE roles = 4") > beat);
}

static void test_secrets_are_made_once(void **state)
{
    (void)state;
    client_t *client = client_new(&s_fixture, 3);
    struct msg hello = {.type = MSG_DIR_HELLO};
    hello.as.dir_hello =
        (struct msg_dir_hello){.node = client_node(client), .nonce = client_nonce(client), .roles = 2};
    uint8_t id_key[KEY_BYTES], mac_key[KEY_BYTES];
    for (int i = 0; i < 3; i++) {
        const struct msg_dir_welcome *welcome = &client_ask(client, &hello, MSG_DIR_WELCOME)->as.dir_welcome;
        assert_int_equal(KEY_BYTES, welcome->id_key.len);
        assert_int_equal(KEY_BYTES, welcome->mac_key.len);
        if (i > 0) {
            assert_memory_equal(id_key, welcome->id_key.bytes, KEY_BYTES);
            assert_memory_equal(mac_key, welcome->mac_key.bytes, KEY_BYTES);
        }
        memcpy(id_key, welcome->id_key.bytes, KEY_BYTES);
        memcpy(mac_key, welcome->mac_key.bytes, KEY_BYTES);
    }
    assert_memory_not_equal(id_key, mac_key, KEY_BYTES);
    client_destroy(&client);
}

static void test_keys_are_published_once_and_the_newest_are_told(void **state)
{
    (void)state;
    client_t *client = client_new(&s_fixture, 4);
    list_writer_t keys;
    list_writer_init(&keys, 8192);
    struct msg ask = {.type = MSG_DIR_KEY_ADD};
    for (unsigned i = 0; i < LIM_KEYS_MAX + 2; i++) {
        char kid[16];
        snprintf(kid, sizeof kid, "key-%u", i);
        list_writer_clear(&keys);
        rec_token_key_append(&keys, &(struct rec_token_key){.kid = view_of_text(kid), .algorithm = 1,
                                                            .public_pem = view_of_text("-----PEM")});
        ask.as.dir_key_add = (struct msg_dir_key_add){.keys = list_of(&keys), .at_ms = 1000 + i};
        client_ask(client, &ask, MSG_STORE_OK);
        client_ask(client, &ask, MSG_STORE_OK); /* the same again */
    }
    list_writer_clear(&keys);
    rec_token_key_append(&keys, &(struct rec_token_key){.kid = view_of_text("key-0"), .algorithm = 1,
                                                        .public_pem = view_of_text("-----ANOTHER")});
    ask.as.dir_key_add.keys = list_of(&keys);
    client_ask_refused(client, &ask, ERR_CONFLICT);
    struct msg hello = {.type = MSG_DIR_HELLO};
    hello.as.dir_hello = (struct msg_dir_hello){.node = client_node(client), .nonce = client_nonce(client), .roles = 2};
    list_t told = client_ask(client, &hello, MSG_DIR_WELCOME)->as.dir_welcome.keys;
    assert_int_equal(LIM_KEYS_MAX, told.count);
    struct rec_token_key key;
    assert_true(rec_token_key_next(&told, &key));
    assert_true(view_is_equal(view_of_text("key-5"), key.kid));
    list_writer_fini(&keys);
    client_destroy(&client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_node_speaks_for_itself_only, s_reset),
        cmocka_unit_test_setup(test_the_first_takes_all_and_a_second_what_is_left, s_reset),
        cmocka_unit_test_setup(test_a_former_self_is_dead_and_its_shards_come_with_a_new_epoch, s_reset),
        cmocka_unit_test_setup(test_a_new_boot_is_not_told_that_its_former_selfs_shards_are_its_own, s_reset),
        cmocka_unit_test_setup(test_beats_count_up, s_reset),
        cmocka_unit_test_setup(test_releasing_clears_the_owner_and_keeps_the_epoch, s_reset),
        cmocka_unit_test_setup(test_no_node_takes_more_than_its_even_share, s_reset),
        cmocka_unit_test_setup(test_who_lets_go_counts_as_gone, s_reset),
        cmocka_unit_test_setup(test_given_shards_are_the_others_under_a_new_epoch_and_once_only, s_reset),
        cmocka_unit_test_setup(test_nothing_is_given_to_the_dead_or_by_them, s_reset),
        cmocka_unit_test_setup(test_only_a_beat_that_stood_still_for_six_seconds_is_dead, s_reset),
        cmocka_unit_test_setup(test_a_dead_persist_node_loses_its_connections_and_their_locks, s_reset),
        cmocka_unit_test_setup(test_a_new_boot_ends_the_connections_of_the_former, s_reset),
        cmocka_unit_test_setup(test_every_connection_of_persist_is_registered, s_reset),
        cmocka_unit_test(test_persist_has_a_row_that_beats),
        cmocka_unit_test(test_secrets_are_made_once),
        cmocka_unit_test(test_keys_are_published_once_and_the_newest_are_told),
    };
    return cmocka_run_group_tests(tests, s_setup, s_teardown);
}
