#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "actors/users_file.h"

struct s_file {
    FILE *in;
    users_file_t *file;
    struct users_file_user user;
    const char *why;
};

static struct s_file s_open_bytes(const char *bytes, size_t len, size_t lines_max)
{
    struct s_file self = {.in = fmemopen((void *)(uintptr_t)bytes, len, "r")};
    assert_non_null(self.in);
    self.file = users_file_new(self.in, lines_max);
    assert_non_null(self.file);
    return self;
}

static struct s_file s_open(const char *text)
{
    return s_open_bytes(text, strlen(text), USERS_FILE_LINES_MAX);
}

static void s_close(struct s_file *self)
{
    users_file_destroy(&self->file);
    users_file_destroy(&self->file);
    fclose(self->in);
}

static void s_expect(struct s_file *self, users_file_result_t result)
{
    self->why = NULL;
    assert_int_equal(result, users_file_next(self->file, &self->user, &self->why));
    if (result == USERS_FILE_BAD_LINE || result == USERS_FILE_FAILED)
        assert_non_null(self->why);
}

static void s_expect_user(struct s_file *self, const char *name, const char *password, const char *hash, bool admin)
{
    s_expect(self, USERS_FILE_USER);
    assert_true(view_is_equal(self->user.name, view_of_text(name)));
    assert_true(view_is_equal(self->user.password, view_of_text(password)));
    assert_true(view_is_equal(self->user.password_hash, view_of_text(hash)));
    assert_int_equal(admin, self->user.admin);
}

static void test_ndjson_lines_are_users(void **state)
{
    (void)state;
    struct s_file f = s_open("{\"name\":\"Ada\"}\r\n\n {\"admin\":true,\"password\":\"pass word\",\"name\":\"Zo\\u00eb\"}\n"
                             "{\"name\":\"B\",\"password_hash\":\"$x\",\"admin\":false}");
    s_expect_user(&f, "Ada", "", "", false);
    s_expect_user(&f, "Zoë", "pass word", "", true);
    assert_int_equal(3, users_file_line(f.file));
    s_expect_user(&f, "B", "", "$x", false);
    s_expect(&f, USERS_FILE_END);
    s_close(&f);
}

static void test_csv_columns_are_named_by_the_header_row(void **state)
{
    (void)state;
    struct s_file f = s_open("\xEF\xBB\xBFpassword,admin,name\r\nsecret one,1,Ada\n\"a,\"\"b\"\"\",,Bo\n,true,\"C D\"\n,0,E\n,false,F\n");
    s_expect_user(&f, "Ada", "secret one", "", true);
    s_expect_user(&f, "Bo", "a,\"b\"", "", false);
    s_expect_user(&f, "C D", "", "", true);
    s_expect_user(&f, "E", "", "", false);
    s_expect_user(&f, "F", "", "", false);
    s_expect(&f, USERS_FILE_END);
    s_close(&f);
}

static void test_a_bad_line_is_told_and_the_next_one_is_read(void **state)
{
    (void)state;
    static const char *const bad_json[] = {"{\"nme\":\"A\"}", "{\"name\":1}", "{\"name\":\"A\",\"admin\":1}", "{}",
                                           "{\"name\":\"A\",\"name\":\"B\"}", "[\"A\"]", "{\"name\":\"A\"", "A",
                                           "{\"name\":\"A\"} x", "{\"name\":\"\xff\"}", "{\"name\":\"\\u0000\"}"};
    for (size_t i = 0; i < sizeof bad_json / sizeof bad_json[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "{\"name\":\"First\"}\n%s\n{\"name\":\"Next\"}\n", bad_json[i]);
        struct s_file f = s_open(text);
        s_expect_user(&f, "First", "", "", false);
        s_expect(&f, USERS_FILE_BAD_LINE);
        assert_int_equal(2, users_file_line(f.file));
        s_expect_user(&f, "Next", "", "", false);
        s_close(&f);
    }
    static const char *const bad_csv[] = {"A", "A,1,x", "\"A,1", "\"A\"x,1", "A\"b,1", "A,2", "A,yes", ",1"};
    for (size_t i = 0; i < sizeof bad_csv / sizeof bad_csv[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "name,admin\n%s\nNext,1\n", bad_csv[i]);
        struct s_file f = s_open(text);
        s_expect(&f, USERS_FILE_BAD_LINE);
        s_expect_user(&f, "Next", "", "", true);
        s_close(&f);
    }
}

static void test_a_header_row_that_does_not_fit_ends_the_import(void **state)
{
    (void)state;
    static const char *const bad[] = {"Ada\nBo\n", "password\nx\n", "name,name\nA,B\n", "name,\nA,B\n", "\"name\nA\n",
                                      "name,mail\nA,B\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct s_file f = s_open(bad[i]);
        s_expect(&f, USERS_FILE_FAILED);
        s_close(&f);
    }
}

static void test_a_line_of_4096_bytes_is_taken_and_one_more_is_refused(void **state)
{
    (void)state;
    for (size_t len = USERS_FILE_LINE_BYTES_MAX; len <= USERS_FILE_LINE_BYTES_MAX + 1; len++) {
        char *text = malloc(len + 32);
        assert_non_null(text);
        memset(text, ' ', len);
        memcpy(text, "{\"name\":\"A\"}", 12);
        strncpy(text + len, "\n{\"name\":\"B\"}\n", 16);
        struct s_file f = s_open_bytes(text, len + 14, USERS_FILE_LINES_MAX);
        if (len == USERS_FILE_LINE_BYTES_MAX)
            s_expect_user(&f, "A", "", "", false);
        else
            s_expect(&f, USERS_FILE_BAD_LINE);
        s_expect_user(&f, "B", "", "", false);
        s_expect(&f, USERS_FILE_END);
        s_close(&f);
        free(text);
    }
}

static void test_a_nul_in_a_line_is_refused(void **state)
{
    (void)state;
    static const char text[] = "name\nA\0b\nC\n";
    struct s_file f = s_open_bytes(text, sizeof text - 1, USERS_FILE_LINES_MAX);
    s_expect(&f, USERS_FILE_BAD_LINE);
    s_expect_user(&f, "C", "", "", false);
    s_close(&f);
}

static void test_so_many_lines_are_read_and_no_more(void **state)
{
    (void)state;
    static const char text[] = "name\nA\nB\nC\n";
    struct s_file f = s_open_bytes(text, sizeof text - 1, 4);
    for (int i = 0; i < 3; i++)
        s_expect(&f, USERS_FILE_USER);
    s_expect(&f, USERS_FILE_END);
    s_close(&f);
    f = s_open_bytes(text, sizeof text - 1, 3);
    s_expect_user(&f, "A", "", "", false);
    s_expect_user(&f, "B", "", "", false);
    s_expect(&f, USERS_FILE_FAILED);
    s_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ndjson_lines_are_users),
        cmocka_unit_test(test_csv_columns_are_named_by_the_header_row),
        cmocka_unit_test(test_a_bad_line_is_told_and_the_next_one_is_read),
        cmocka_unit_test(test_a_header_row_that_does_not_fit_ends_the_import),
        cmocka_unit_test(test_a_line_of_4096_bytes_is_taken_and_one_more_is_refused),
        cmocka_unit_test(test_a_nul_in_a_line_is_refused),
        cmocka_unit_test(test_so_many_lines_are_read_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
