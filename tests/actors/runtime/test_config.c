#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "actors/runtime/config.h"

enum { ARGS_MAX = 8, FILES_MAX = 3 };

#define SECRET_31 "0123456789012345678901234567890"
#define SECRET_32 SECRET_31 "1"

struct reading {
    struct config config;
    err_t err;
    char complaint[1024];
};

static char s_files[FILES_MAX][32];
static int s_file_count;

static const char *s_file(const char *text)
{
    char *path = s_files[s_file_count++];
    snprintf(path, sizeof s_files[0], "/tmp/rk_config_XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    return path;
}

static int s_teardown(void **state)
{
    (void)state;
    const char *const names[] = {"PORT", "JWT_SECRET", "JWT_SECRET_FILE", "DATABASE_URL", "ROOKERY_CONFIG",
                                 "ROOKERY_EDGES", "ROOKERY_ORIGINS"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unsetenv(names[i]);
    while (s_file_count > 0)
        unlink(s_files[--s_file_count]);
    return 0;
}

static struct reading s_read(const char *arg1, const char *arg2, const char *arg3, const char *arg4)
{
    struct reading reading = {0};
    const char *args[] = {"serve", arg1, arg2, arg3, arg4};
    int argc = 1;
    while (argc < 5 && args[argc])
        argc++;
    FILE *complain = fmemopen(reading.complaint, sizeof reading.complaint - 1, "w");
    reading.err = config_read(&reading.config, argc, (char **)(uintptr_t)args, complain);
    fclose(complain);
    return reading;
}

static void s_refuses(struct reading reading, err_t err, const char *part)
{
    assert_int_equal(reading.err, err);
    if (!strstr(reading.complaint, part))
        fail_msg("'%s' is not in: %s", part, reading.complaint);
    assert_true(reading.complaint[strlen(reading.complaint) - 1] == '\n');
    config_fini(&reading.config);
    config_fini(&reading.config);
}

static void test_defaults_stand_without_anything(void **state)
{
    (void)state;
    struct reading r = s_read(NULL, NULL, NULL, NULL);
    assert_int_equal(r.err, ERR_OK);
    assert_int_equal(r.config.port, 8080);
    assert_string_equal(r.config.var, "var");
    assert_string_equal(r.config.jwt_secret, "");
    assert_string_equal(r.complaint, "");
    config_fini(&r.config);
}

static void test_flag_wins_over_environment_over_file_over_default(void **state)
{
    (void)state;
    const char *path = s_file("port = 1\nedges = 2\nreaders = 3\norigins = \"https://a.example\"\n");
    setenv("PORT", "11", 1);
    setenv("ROOKERY_EDGES", "12", 1);
    struct reading r = s_read("--config", path, "--port=21", NULL);
    assert_string_equal(r.complaint, "");
    assert_int_equal(r.err, ERR_OK);
    assert_int_equal(r.config.port, 21);
    assert_int_equal(r.config.edges, 12);
    assert_int_equal(r.config.readers, 3);
    assert_int_equal(r.config.rooms, 1);
    assert_string_equal(r.config.origins, "https://a.example");
    config_fini(&r.config);
}

static void test_each_option_tells_where_its_value_is_from(void **state)
{
    (void)state;
    setenv("ROOKERY_CONFIG", s_file("rooms = 3\nedges = 5\n"), 1);
    setenv("ROOKERY_EDGES", "6", 1);
    setenv("JWT_SECRET", "0123456789abcdef0123456789abcdef", 1);
    struct reading reading = s_read("--port", "9", NULL, NULL);
    assert_int_equal(ERR_OK, reading.err);
    assert_int_equal(CONFIG_FLAG, config_option(&reading.config, CONFIG_port).source);
    assert_int_equal(CONFIG_ENVIRONMENT, config_option(&reading.config, CONFIG_edges).source);
    assert_int_equal(CONFIG_FILE, config_option(&reading.config, CONFIG_rooms).source);
    assert_int_equal(CONFIG_DEFAULT, config_option(&reading.config, CONFIG_readers).source);
    struct config_option edges = config_option(&reading.config, CONFIG_edges);
    assert_true(edges.is_number && edges.number == 6 && edges.def_number == 1 && edges.min == 1 && edges.max == 64);
    assert_string_equal("ROOKERY_EDGES", edges.env);
    assert_string_equal("(set)", config_option(&reading.config, CONFIG_jwt_secret).text);
    assert_string_equal("", config_option(&reading.config, CONFIG_database_url).text);
    reading.config.jwt_secret[0] = '\0'; /* as an edge forgets what it does not need */
    assert_string_equal("(set)", config_option(&reading.config, CONFIG_jwt_secret).text);
    config_fini(&reading.config);
}

static void test_flags_have_dashes_and_take_the_next_word(void **state)
{
    (void)state;
    setenv("ROOKERY_CONFIG", s_file("frames_per_s = 5\n"), 1);
    struct reading r = s_read("--frames-burst", "7", "--web-root", "/srv/web");
    assert_int_equal(r.err, ERR_OK);
    assert_int_equal(r.config.frames_per_s, 5);
    assert_int_equal(r.config.frames_burst, 7);
    assert_string_equal(r.config.web_root, "/srv/web");
    config_fini(&r.config);
}

static void test_an_empty_environment_variable_counts_as_not_set(void **state)
{
    (void)state;
    setenv("PORT", "", 1);
    setenv("JWT_SECRET", "", 1);
    struct reading r = s_read(NULL, NULL, NULL, NULL);
    assert_int_equal(r.err, ERR_OK);
    assert_int_equal(r.config.port, 8080);
    config_fini(&r.config);
}

static void test_numbers_are_taken_at_their_bounds_and_refused_past_them(void **state)
{
    (void)state;
    struct reading r = s_read("--port", "65535", "--edges", "64");
    assert_int_equal(r.err, ERR_OK);
    config_fini(&r.config);
    s_refuses(s_read("--port", "65536", NULL, NULL), ERR_OUT_OF_RANGE, "--port: '65536' is not a whole number from 0");
    s_refuses(s_read("--edges", "0", NULL, NULL), ERR_OUT_OF_RANGE, "from 1 to 64");
    s_refuses(s_read("--port", "-1", NULL, NULL), ERR_OUT_OF_RANGE, "--port");
    s_refuses(s_read("--port", "", NULL, NULL), ERR_OUT_OF_RANGE, "--port");
    s_refuses(s_read("--port", " 80", NULL, NULL), ERR_OUT_OF_RANGE, "--port");
    s_refuses(s_read("--port", "80x", NULL, NULL), ERR_OUT_OF_RANGE, "--port");
    s_refuses(s_read("--port", "99999999999999999999", NULL, NULL), ERR_OUT_OF_RANGE, "--port");
    setenv("PORT", "http", 1);
    s_refuses(s_read(NULL, NULL, NULL, NULL), ERR_OUT_OF_RANGE, "PORT: 'http'");
}

static void test_every_number_is_taken_at_its_bounds_and_refused_past_them(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t least, most;
    } s_rows[] = {
#define OPTION_INT(field, env, def, min, max, help) {#field, min, max},
#define OPTION_STR(...)
#define OPTION_SECRET(...)
#include "actors/runtime/options.def"
#undef OPTION_INT
#undef OPTION_STR
#undef OPTION_SECRET
    };
    assert_true(sizeof s_rows / sizeof s_rows[0] > 20);
    for (size_t i = 0; i < sizeof s_rows / sizeof s_rows[0]; i++) {
        const int64_t values[] = {s_rows[i].least, s_rows[i].most, s_rows[i].least - 1, s_rows[i].most + 1};
        char flag[64], value[32];
        snprintf(flag, sizeof flag, "--%s", s_rows[i].name);
        for (char *at = flag + 2; *at; at++)
            *at = *at == '_' ? '-' : *at;
        for (size_t j = 0; j < 4; j++) {
            snprintf(value, sizeof value, "%lld", (long long)values[j]);
            struct reading r = s_read(flag, value, NULL, NULL);
            if (r.err != (j < 2 ? ERR_OK : ERR_OUT_OF_RANGE))
                fail_msg("%s %s: %s", flag, value, err_name(r.err));
            config_fini(&r.config);
        }
    }
}

static void test_unknown_names_are_refused(void **state)
{
    (void)state;
    s_refuses(s_read("--prot", "80", NULL, NULL), ERR_WRONG_FIELDS, "--prot: there is no such option");
    s_refuses(s_read("--web_root", "x", NULL, NULL), ERR_WRONG_FIELDS, "--web_root");
    s_refuses(s_read("port", "80", NULL, NULL), ERR_WRONG_FIELDS, "port: an option is");
    s_refuses(s_read("--port", NULL, NULL, NULL), ERR_WRONG_FIELDS, "--port: a value must follow");
    s_refuses(s_read("--", "x", NULL, NULL), ERR_WRONG_FIELDS, "--");
    s_refuses(s_read("--config", s_file("prot = 1\n"), NULL, NULL), ERR_WRONG_FIELDS, "key prot in /tmp/");
    s_refuses(s_read("--config", s_file("port\n    deeper = 1\n"), NULL, NULL), ERR_WRONG_FIELDS, "key port");
    s_refuses(s_read("--config", "/nowhere/at/all", NULL, NULL), ERR_OUT_OF_RANGE, "/nowhere/at/all");
}

static void test_a_short_jwt_secret_is_refused_and_32_bytes_are_taken(void **state)
{
    (void)state;
    setenv("JWT_SECRET", SECRET_31, 1);
    s_refuses(s_read(NULL, NULL, NULL, NULL), ERR_OUT_OF_RANGE, "JWT_SECRET: 31 bytes");
    setenv("JWT_SECRET", SECRET_32, 1);
    struct reading r = s_read(NULL, NULL, NULL, NULL);
    assert_int_equal(r.err, ERR_OK);
    assert_string_equal(r.config.jwt_secret, SECRET_32);
    config_fini(&r.config);
}

static void test_a_secret_comes_from_a_file_without_its_line_end(void **state)
{
    (void)state;
    const char *path = s_file(SECRET_32 "\n");
    setenv("JWT_SECRET_FILE", path, 1);
    struct reading r = s_read(NULL, NULL, NULL, NULL);
    assert_int_equal(r.err, ERR_OK);
    assert_string_equal(r.config.jwt_secret, SECRET_32);
    config_fini(&r.config);
    setenv("JWT_SECRET", SECRET_32, 1);
    s_refuses(s_read(NULL, NULL, NULL, NULL), ERR_OUT_OF_RANGE, "JWT_SECRET and JWT_SECRET_FILE are both set");
    unsetenv("JWT_SECRET");
    unsetenv("JWT_SECRET_FILE");
    r = s_read("--jwt-secret-file", path, NULL, NULL);
    assert_int_equal(r.err, ERR_OK);
    assert_string_equal(r.config.jwt_secret, SECRET_32);
    config_fini(&r.config);
    s_refuses(s_read("--jwt-secret-file", "/nowhere", NULL, NULL), ERR_OUT_OF_RANGE, "cannot read /nowhere");
    s_refuses(s_read("--jwt-secret-file", s_file("\n"), NULL, NULL), ERR_OUT_OF_RANGE, "must hold 1 to");
}

static void test_a_secret_is_not_taken_as_an_argument_nor_printed(void **state)
{
    (void)state;
    struct reading r = s_read("--jwt-secret", SECRET_32, NULL, NULL);
    assert_null(strstr(r.complaint, SECRET_32));
    s_refuses(r, ERR_WRONG_FIELDS, "use JWT_SECRET, JWT_SECRET_FILE or --jwt-secret-file");
    setenv("JWT_SECRET", SECRET_32, 1);
    r = s_read("--port", "81", NULL, NULL);
    char text[16384] = "";
    FILE *out = fmemopen(text, sizeof text - 1, "w");
    config_print(&r.config, out);
    config_help(out);
    fclose(out);
    assert_null(strstr(text, SECRET_32));
    assert_non_null(strstr(text, "jwt_secret = (set)\n"));
    assert_non_null(strstr(text, "database_url = \n"));
    assert_non_null(strstr(text, "port = 81\n"));
    assert_non_null(strstr(text, "--frames-per-s "));
    assert_non_null(strstr(text, "--jwt-secret-file "));
    config_fini(&r.config);
}

static void test_a_database_url_of_another_kind_is_refused(void **state)
{
    (void)state;
    setenv("DATABASE_URL", "postgres://user:hunter2@host/db", 1);
    struct reading r = s_read(NULL, NULL, NULL, NULL);
    assert_null(strstr(r.complaint, "hunter2"));
    s_refuses(r, ERR_OUT_OF_RANGE, "DATABASE_URL: must begin with mysql://");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_defaults_stand_without_anything, s_teardown),
        cmocka_unit_test_teardown(test_flag_wins_over_environment_over_file_over_default, s_teardown),
        cmocka_unit_test_teardown(test_each_option_tells_where_its_value_is_from, s_teardown),
        cmocka_unit_test_teardown(test_flags_have_dashes_and_take_the_next_word, s_teardown),
        cmocka_unit_test_teardown(test_an_empty_environment_variable_counts_as_not_set, s_teardown),
        cmocka_unit_test_teardown(test_numbers_are_taken_at_their_bounds_and_refused_past_them, s_teardown),
        cmocka_unit_test_teardown(test_every_number_is_taken_at_its_bounds_and_refused_past_them, s_teardown),
        cmocka_unit_test_teardown(test_unknown_names_are_refused, s_teardown),
        cmocka_unit_test_teardown(test_a_short_jwt_secret_is_refused_and_32_bytes_are_taken, s_teardown),
        cmocka_unit_test_teardown(test_a_secret_comes_from_a_file_without_its_line_end, s_teardown),
        cmocka_unit_test_teardown(test_a_secret_is_not_taken_as_an_argument_nor_printed, s_teardown),
        cmocka_unit_test_teardown(test_a_database_url_of_another_kind_is_refused, s_teardown),
    };
    const char *const inherited[] = {"PORT", "DATABASE_URL", "JWT_SECRET", "ROOKERY_VAR"}; /* of whoever runs us */
    for (size_t i = 0; i < sizeof inherited / sizeof inherited[0]; i++)
        unsetenv(inherited[i]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
