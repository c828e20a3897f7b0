/* The database is killed again and again under load: what was answered is there afterwards. Needs a server of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/persist/writers.h"

enum { KILLS = 4, BETWEEN_MS = 700, WRITERS = 3 };

static struct fixture s_fixture;
static uint64_t s_epochs[LIM_SHARDS];

static void test_no_answered_row_is_lost_when_the_database_is_killed(void **state)
{
    (void)state;
    fixture_open(&s_fixture, "crash", true);
    client_t *client = client_new(&s_fixture, 1);
    client_take(client, LIM_SHARDS, s_epochs);
    struct writer writers[WRITERS];
    atomic_bool is_stopped = false;
    writers_start(writers, WRITERS, &s_fixture, s_epochs, 700000, 2, &is_stopped);
    for (int i = 0; i < KILLS; i++) {
        fixture_pause(BETWEEN_MS + 37 * i);
        test_server_kill(&s_fixture.db.server);
        fixture_pause(100);
        test_server_start(&s_fixture.db.server);
    }
    fixture_pause(BETWEEN_MS);
    is_stopped = true;
    writers_join(writers, WRITERS);
    size_t committed = 0;
    for (size_t i = 0; i < WRITERS; i++) {
        committed += writers[i].committed;
        assert_int_equal(0, writers[i].others + writers[i].fenced);
    }
    print_message("    %zu answered rows over %d kills\n", committed, KILLS);
    assert_true(committed > WRITERS * WRITER_ROOMS * KILLS);
    writers_check(writers, WRITERS, 2);
    client_destroy(&client);
    fixture_close(&s_fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_answered_row_is_lost_when_the_database_is_killed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
