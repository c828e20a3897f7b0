/* Rows a second through persist, in batches of 1, 16 and 256, beside plain multi-row inserts of the same rows on one
 * connection. Prints; what is a good figure depends on the machine, so nothing is asserted. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "actors/runtime/clock.h"
#include "persist/sized_sql.h"
#include "tests/persist/fixture.h"

enum { RUN_MS = 1500, ROOMS = 64 };

static struct fixture s_fixture;
static client_t *s_client;
static uint64_t s_epochs[LIM_SHARDS];
static struct rec_append_outcome s_out[LIM_BATCH_EVENTS_MAX];

static void s_print(const char *what, size_t size, size_t rows, size_t batches, int64_t took_us)
{
    print_message("    %-28s %3zu rows each: %8.0f rows/s  %6.2f ms each\n", what, size,
                  (double)rows * 1e6 / (double)took_us, (double)took_us / 1000.0 / (double)batches);
}

static void s_measure_persist(size_t size, uint64_t first_room)
{
    struct batch batch;
    uint64_t heads[ROOMS] = {0};
    batch_init(&batch);
    for (uint64_t i = 0; i < ROOMS; i++) {
        struct rec_append_row row = fixture_line(first_room + i, s_epochs[id_shard(first_room + i)], 1, 1, 1);
        row.kind = KIND_ROOM_CREATED;
        row.msg_no = 0;
        batch_add(&batch, row, &(struct kind_room_created){.name = view_of_text("room")});
        heads[i] = 1;
    }
    batch_store(&batch, s_client, s_out);
    size_t rows = 0, batches = 0, next = 0;
    int64_t start_us = clock_now_us();
    while (clock_now_us() - start_us < RUN_MS * 1000) {
        for (size_t i = 0; i < size; i++, next = (next + 1) % ROOMS) {
            uint64_t room = first_room + next, seq = ++heads[next];
            batch_add(&batch, fixture_line(room, s_epochs[id_shard(room)], seq, 1, seq),
                      &(struct kind_posted){.text = view_of_text("a line of an ordinary length, more or less")});
        }
        rows += batch_store(&batch, s_client, s_out);
        batches++;
    }
    s_print("persist", size, rows, batches, clock_now_us() - start_us);
    batch_fini(&batch);
}

static void s_measure_plain(size_t size, uint64_t first_room)
{
    static struct db_value values[SIZED_ROWS_MAX * 10];
    struct sized_sql sql = {.head = "INSERT INTO event (room_id, seq, kind, user_id, client_id, target_seq, msg_no, "
                                    "at_ms, body_mac, frame) VALUES ",
                            .item = "(?,?,?,?,?,?,?,?,?,?)", .joiner = ",", .tail = ""};
    static const char FRAME[120] = "as long as the frame of such a line";
    cid_t cids[LIM_BATCH_EVENTS_MAX];
    db_t *db;
    assert_int_equal(ERR_OK, db_new(s_fixture.db.url, DB_WRITER, &db));
    assert_int_equal(DB_OK, db_connect(db));
    size_t rows = 0, batches = 0;
    int64_t start_us = clock_now_us();
    while (clock_now_us() - start_us < RUN_MS * 1000) {
        for (size_t i = 0; i < size; i++, rows++) {
            uint64_t seq = rows / ROOMS + 1;
            struct db_value *row = values + 10 * i;
            cids[i] = fixture_cid(seq);
            const struct db_value filled[] = {
                db_u64(first_room + rows % ROOMS), db_u64(seq), db_u64(4), db_u64(1),
                db_bytes(view_of(cids[i].bytes, CID_BYTES)), db_u64(0), db_u64(seq), db_u64(1000 + seq),
                db_bytes(view_of(cids[i].bytes, CID_BYTES)), db_bytes(view_of(FRAME, sizeof FRAME))};
            memcpy(row, filled, sizeof filled);
        }
        assert_int_equal(DB_OK, db_begin(db));
        assert_int_equal(DB_OK, sized_run(&sql, db, values, 10, size, NULL));
        assert_int_equal(DB_OK, db_commit(db));
        batches++;
    }
    s_print("plain inserts", size, rows, batches, clock_now_us() - start_us);
    sized_sql_fini(&sql);
    db_destroy(&db);
}

static void measure(void **state)
{
    (void)state;
    static const size_t SIZES[] = {1, 16, 100, 256};
    fixture_open(&s_fixture, "measure", false);
    s_client = client_new(&s_fixture, 1);
    client_take(s_client, LIM_SHARDS, s_epochs);
    for (uint64_t i = 0; i < sizeof SIZES / sizeof SIZES[0]; i++) {
        s_measure_plain(SIZES[i], 2000000 + 1000 * i);
        s_measure_persist(SIZES[i], 1000000 + 1000 * i);
    }
    client_destroy(&s_client);
    fixture_close(&s_fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(measure)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
