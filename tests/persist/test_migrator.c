/* The migrator on a real server: each once, refused when something is not as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "persist/migrator.h"
#include "proto/limits.h"
#include "tests/support/db.h"

static struct test_db s_db;
static char s_said[64 * 1024];

static struct migration s_file(const char *name, const char *text)
{
    return (struct migration){.name = name, .bytes = (const uint8_t *)text, .len = strlen(text)};
}

static err_t s_run(const struct migration *files, size_t count, bool dry_run)
{
    FILE *out = fmemopen(s_said, sizeof s_said, "w");
    assert_non_null(out);
    err_t err = migrator_run(s_db.url, files, count, dry_run, 1000, out);
    fclose(out);
    return err;
}

static int s_setup(void **state)
{
    (void)state;
    test_db_open(&s_db, "migrator", false, false);
    return 0;
}

static int s_teardown(void **state)
{
    (void)state;
    test_db_close(&s_db);
    return 0;
}

static uint64_t s_tables(void)
{
    return test_db_number(&s_db, "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE()");
}

static void test_dry_run_prints_and_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(ERR_OK, s_run(MIGRATIONS, MIGRATION_COUNT, true));
    assert_non_null(strstr(s_said, "would apply 0001_accounts.sql"));
    assert_non_null(strstr(s_said, "CREATE TABLE IF NOT EXISTS event"));
    assert_int_equal(0, s_tables());
}

static void test_twice_applies_once(void **state)
{
    (void)state;
    assert_int_equal(ERR_OK, s_run(MIGRATIONS, MIGRATION_COUNT, false));
    assert_non_null(strstr(s_said, "applied 0001_accounts.sql"));
    assert_int_equal(ERR_OK, s_run(MIGRATIONS, MIGRATION_COUNT, false));
    assert_non_null(strstr(s_said, "nothing to do"));
    assert_int_equal(MIGRATION_COUNT, test_db_number(&s_db, "SELECT COUNT(*) FROM schema_migration"));
    assert_int_equal(LIM_SHARDS, test_db_number(&s_db, "SELECT COUNT(*) FROM shard_lease WHERE epoch = 0"));
    bool is_current;
    const char *sentence;
    assert_int_equal(DB_OK, migrator_check(s_db.admin, &is_current, &sentence));
    assert_true(is_current);
}

/* As after a crash between the statements of a file and the note about it. */
static void test_a_file_that_was_applied_but_not_noted_is_applied_again(void **state)
{
    (void)state;
    test_db_do(&s_db, "UPDATE shard_lease SET epoch = 7 WHERE shard = 9");
    test_db_do(&s_db, "DELETE FROM schema_migration");
    bool is_current;
    const char *sentence;
    assert_int_equal(DB_OK, migrator_check(s_db.admin, &is_current, &sentence));
    assert_false(is_current);
    assert_non_null(strstr(sentence, "rookery migrate"));
    assert_int_equal(ERR_OK, s_run(MIGRATIONS, MIGRATION_COUNT, false));
    assert_int_equal(7, test_db_number(&s_db, "SELECT epoch FROM shard_lease WHERE shard = 9"));
    assert_int_equal(LIM_SHARDS, test_db_number(&s_db, "SELECT COUNT(*) FROM shard_lease"));
}

static void test_a_changed_file_is_refused_by_name(void **state)
{
    (void)state;
    struct migration files[16];
    memcpy(files, MIGRATIONS, MIGRATION_COUNT * sizeof files[0]);
    files[1] = s_file(files[1].name, "-- something else\n");
    assert_int_equal(ERR_CONFLICT, s_run(files, MIGRATION_COUNT, false));
    assert_non_null(strstr(s_said, "0002_rooms.sql is not what was applied"));
}

static void test_a_newer_schema_is_refused(void **state)
{
    (void)state;
    assert_int_equal(ERR_VERSION, s_run(MIGRATIONS, MIGRATION_COUNT - 1, false));
    assert_non_null(strstr(s_said, "newer"));
}

static void test_a_new_file_is_applied_after_the_old_ones_and_its_errors_are_told(void **state)
{
    (void)state;
    struct migration files[64];
    char more[32], wrong[32], gap[32], said[64];
    assert_true(MIGRATION_COUNT + 2 <= sizeof files / sizeof files[0]);
    snprintf(more, sizeof more, "%04zu_more.sql", MIGRATION_COUNT + 1);
    snprintf(wrong, sizeof wrong, "%04zu_wrong.sql", MIGRATION_COUNT + 2);
    snprintf(gap, sizeof gap, "%04zu_gap.sql", MIGRATION_COUNT + 3);
    snprintf(said, sizeof said, "%s, statement 2", wrong);
    memcpy(files, MIGRATIONS, MIGRATION_COUNT * sizeof files[0]);
    files[MIGRATION_COUNT] = s_file(more, "-- one\nCREATE TABLE IF NOT EXISTS more (\n  id INT);\n\n"
                                                     "INSERT INTO more VALUES (1);\nINSERT INTO more VALUES (2)\n");
    assert_int_equal(ERR_OK, s_run(files, MIGRATION_COUNT + 1, false));
    assert_int_equal(3, test_db_number(&s_db, "SELECT SUM(id) FROM more"));
    files[MIGRATION_COUNT + 1] = s_file(wrong, "CREATE TABLE more2 (id INT);\nNONSENSE;\n");
    assert_int_equal(ERR_DATABASE, s_run(files, MIGRATION_COUNT + 2, false));
    assert_non_null(strstr(s_said, said));
    files[MIGRATION_COUNT + 1].name = gap;
    assert_int_equal(ERR_OUT_OF_RANGE, s_run(files, MIGRATION_COUNT + 2, false));
}

static void test_no_database_is_told_after_a_bounded_wait(void **state)
{
    (void)state;
    FILE *out = fmemopen(s_said, sizeof s_said, "w");
    assert_int_equal(ERR_UNAVAILABLE, migrator_run("mysql://nobody@localhost/x?socket=/nonexistent/s", MIGRATIONS,
                                                   MIGRATION_COUNT, false, 500, out));
    fclose(out);
    assert_non_null(strstr(s_said, "waiting for the database"));
    assert_non_null(strstr(s_said, "no database after"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dry_run_prints_and_changes_nothing),
        cmocka_unit_test(test_twice_applies_once),
        cmocka_unit_test(test_a_file_that_was_applied_but_not_noted_is_applied_again),
        cmocka_unit_test(test_a_changed_file_is_refused_by_name),
        cmocka_unit_test(test_a_newer_schema_is_refused),
        cmocka_unit_test(test_a_new_file_is_applied_after_the_old_ones_and_its_errors_are_told),
        cmocka_unit_test(test_no_database_is_told_after_a_bounded_wait),
    };
    return cmocka_run_group_tests(tests, s_setup, s_teardown);
}
