/* The crash test is only worth what its checker finds: each fault planted in a good run must be reported. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/system/checker.h"

enum { EVENTS = 20 };

static char s_dir[64];

static void s_write(const char *name, const char *lines)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", s_dir, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(lines, file);
    fclose(file);
}

static void s_add(char *text, const char *line)
{
    memcpy(text + strlen(text), line, strlen(line) + 1);
}

/* Two clients in room 7: client 0 posted everything, both applied everything. */
static void s_good(char *db, char *sender, char *reader)
{
    db[0] = sender[0] = reader[0] = '\0';
    for (int i = 1; i <= EVENTS; i++) {
        char line[256];
        snprintf(line, sizeof line, "D 7 %d 4 100 %032x %016x %016x %d\n", i, i, 1000 + i, 2000 + i, i);
        s_add(db, line);
        snprintf(line, sizeof line, "S 0 7 %032x %016x\nE 0 7 %d 4 %032x %016x\nA 0 7 %032x %d 0\n", i, 2000 + i, i, i,
                 1000 + i, i, i);
        s_add(sender, line);
        snprintf(line, sizeof line, "E 1 7 %d 4 %032x %016x\n", i, i, 1000 + i);
        s_add(reader, line);
    }
}

static void s_drop_line(char *text, const char *start)
{
    char *at = strstr(text, start);
    assert_non_null(at);
    char *end = strchr(at, '\n') + 1;
    memmove(at, end, strlen(end) + 1);
}

static void s_put(char *text, const char *from, const char *to)
{
    char *at = strstr(text, from);
    assert_non_null(at);
    assert_int_equal(strlen(from), strlen(to));
    memcpy(at, to, strlen(to));
}

static void s_expect(const char *db, const char *sender, const char *reader, int fault)
{
    s_write("db.log", db);
    s_write("client-0.log", sender);
    s_write("client-1.log", reader);
    struct checker_report report;
    FILE *sink = fopen("/dev/null", "w");
    uint64_t sum = checker_run(s_dir, sink, &report);
    fclose(sink);
    if (fault < 0)
        assert_int_equal(0, sum);
    else
        assert_true(report.faults[fault] > 0);
}

static char db[8192], sender[8192], reader[8192];

static void test_a_good_run_has_no_fault(void **state)
{
    (void)state;
    s_good(db, sender, reader);
    s_expect(db, sender, reader, -1);
}

static void test_an_acked_message_that_is_not_stored_is_reported(void **state)
{
    (void)state;
    s_good(db, sender, reader);
    s_drop_line(db, "D 7 20 ");
    s_expect(db, sender, reader, FAULT_LOST);
}

static void test_a_hole_in_the_stored_numbers_is_reported(void **state)
{
    (void)state;
    s_good(db, sender, reader);
    s_drop_line(db, "D 7 12 ");
    s_expect(db, sender, reader, FAULT_GAP);
}

static void test_a_client_that_skipped_an_event_is_reported(void **state)
{
    (void)state;
    s_good(db, sender, reader);
    s_drop_line(reader, "E 1 7 9 ");
    s_expect(db, sender, reader, FAULT_GAP);
}

static void test_one_client_id_stored_twice_is_reported(void **state)
{
    (void)state;
    s_good(db, sender, reader);
    s_add(db, "D 7 21 4 100 00000000000000000000000000000005 00000000000003ed 00000000000007d5 21\n");
    s_expect(db, sender, reader, FAULT_DOUBLE);
}

static void test_a_senders_posts_out_of_order_are_reported(void **state)
{
    (void)state;
    s_good(db, sender, reader);
    /* 3 and 4 were begun the other way round */
    char *three = strstr(sender, "S 0 7 00000000000000000000000000000003");
    char *four = strstr(sender, "S 0 7 00000000000000000000000000000004");
    three[strlen("S 0 7 0000000000000000000000000000000")] = '4';
    four[strlen("S 0 7 0000000000000000000000000000000")] = '3';
    s_expect(db, sender, reader, FAULT_SWAP);
}

static void test_events_shown_in_another_order_are_reported(void **state)
{
    (void)state;
    s_good(db, sender, reader);
    s_put(reader, "E 1 7 5 4 ", "E 1 7 6 4 ");
    s_expect(db, sender, reader, FAULT_GAP);
}

static void test_bytes_shown_that_differ_from_those_stored_are_reported(void **state)
{
    (void)state;
    s_good(db, sender, reader);
    s_put(reader, "00000000000003f2", "00000000000003ff");
    s_expect(db, sender, reader, FAULT_ALTERED);
}

static void test_a_stored_message_that_nobody_sent_is_reported(void **state)
{
    (void)state;
    s_good(db, sender, reader);
    s_drop_line(sender, "S 0 7 00000000000000000000000000000008");
    s_expect(db, sender, reader, FAULT_GHOST);
}

static void test_a_client_that_never_caught_up_is_reported(void **state)
{
    (void)state;
    s_good(db, sender, reader);
    s_drop_line(reader, "E 1 7 20 ");
    s_expect(db, sender, reader, FAULT_BEHIND);
}

static void test_a_declared_unloaded_range_is_no_gap(void **state)
{
    (void)state;
    s_good(db, sender, reader);
    char *at = strstr(reader, "E 1 7 10 ");
    char rest[8192];
    snprintf(rest, sizeof rest, "R 1 7 8 9 1\n%s", at);
    s_expect(db, sender, rest, -1);
}

int main(void)
{
    snprintf(s_dir, sizeof s_dir, "/tmp/rookery-checker-XXXXXX");
    if (!mkdtemp(s_dir))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_good_run_has_no_fault),
        cmocka_unit_test(test_an_acked_message_that_is_not_stored_is_reported),
        cmocka_unit_test(test_a_hole_in_the_stored_numbers_is_reported),
        cmocka_unit_test(test_a_client_that_skipped_an_event_is_reported),
        cmocka_unit_test(test_one_client_id_stored_twice_is_reported),
        cmocka_unit_test(test_a_senders_posts_out_of_order_are_reported),
        cmocka_unit_test(test_events_shown_in_another_order_are_reported),
        cmocka_unit_test(test_bytes_shown_that_differ_from_those_stored_are_reported),
        cmocka_unit_test(test_a_stored_message_that_nobody_sent_is_reported),
        cmocka_unit_test(test_a_client_that_never_caught_up_is_reported),
        cmocka_unit_test(test_a_declared_unloaded_range_is_no_gap),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", s_dir);
    return system(command) != 0 || failed;
}
