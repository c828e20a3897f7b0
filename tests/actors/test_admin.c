/* `rookery users import`, `rookery token new` and `rookery admin reset-password` as an operator runs them: the program
 * itself, on a database, beside a server that must take what they made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/http_client.h"
#include "tests/support/db.h"

enum { OUT_BYTES = 64 * 1024, READY_MS = 60000, SOON_MS = 5000, STEP_MS = 20 };

static struct {
    struct test_db db;
    char program[512], folder[64];
    pid_t server;
    int port;
    int status;          /* of the last run */
    char out[OUT_BYTES]; /* what it said, stderr too */
} world;

static void s_nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = STEP_MS * 1000000L}, NULL);
}

/* ---- running it ------------------------------------------------------------------------------------------------ */

/* Runs `rookery ARGUMENTS`, a shell's words; input goes through a file. */
static void s_run(const char *input, const char *arguments)
{
    char command[1400], path[128];
    snprintf(path, sizeof path, "%s/input", world.folder);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(input, file);
    fclose(file);
    snprintf(command, sizeof command, "cat '%s' | '%s' %s 2>&1", path, world.program, arguments);
    FILE *pipe = popen(command, "re");
    assert_non_null(pipe);
    size_t len = fread(world.out, 1, sizeof world.out - 1, pipe);
    world.out[len] = '\0';
    int status = pclose(pipe);
    assert_true(WIFEXITED(status));
    world.status = WEXITSTATUS(status);
}

static void s_expect(int status, const char *said)
{
    if (world.status != status || !strstr(world.out, said))
        fail_msg("status %d, expected %d and \"%s\"; it said: %.2000s", world.status, status, said, world.out);
}

/* ---- a server beside it ---------------------------------------------------------------------------------------- */

static void s_start_server(void)
{
    world.port = 20000 + (int)(getpid() % 9000);
    for (int tries = 0; tcp_connect(world.port, 100) >= 0 && tries < 100; tries++)
        world.port++;
    char port[16];
    snprintf(port, sizeof port, "%d", world.port);
    setenv("PORT", port, 1);
    world.server = fork();
    assert_true(world.server >= 0);
    if (world.server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execl(world.program, world.program, "serve", (char *)NULL);
        _exit(127);
    }
    for (int waited_ms = 0; waited_ms < READY_MS; waited_ms += STEP_MS) {
        struct http_response r;
        bool ready = http_call(world.port, "GET", "/readyz", "", NULL, 1000, &r) && r.status == 200;
        http_response_fini(&r);
        if (ready)
            return;
        s_nap();
    }
    fail_msg("the server did not get ready");
}

static void s_stop_server(void)
{
    if (world.server <= 0)
        return;
    kill(world.server, SIGTERM);
    waitpid(world.server, NULL, 0);
    world.server = 0;
}

static int s_login(const char *name, const char *password)
{
    char body[256];
    struct http_response r;
    snprintf(body, sizeof body, "{\"name\":\"%s\",\"password\":\"%s\"}", name, password);
    assert_true(http_call(world.port, "POST", "/api/v1/auth/login", "", body, SOON_MS, &r));
    int status = r.status;
    http_response_fini(&r);
    return status;
}

/* Who the server takes a token for, and its session; 0: refused. */
static uint64_t s_me(const char *token, size_t len, uint64_t *session_out)
{
    char head[2048];
    struct http_response r;
    snprintf(head, sizeof head, "Authorization: Bearer %.*s\r\n", (int)len, token);
    assert_true(http_call(world.port, "GET", "/api/v1/me", head, NULL, SOON_MS, &r));
    json_t *me = r.status == 200 ? json_loadb(r.body, r.body_len, 0, NULL) : NULL;
    uint64_t user = (uint64_t)json_integer_value(json_object_get(me, "user"));
    *session_out = (uint64_t)json_integer_value(json_object_get(me, "session"));
    json_decref(me);
    http_response_fini(&r);
    return user;
}

static uint64_t s_number(const char *format, uint64_t value)
{
    char sql[256];
    snprintf(sql, sizeof sql, format, (unsigned long long)value);
    return test_db_number(&world.db, sql);
}

/* ---- users import ---------------------------------------------------------------------------------------------- */

static void test_users_are_imported_once_whatever_the_case(void **state)
{
    (void)state;
    s_run("name\nAda\nBo\nada\n", "users import -");
    s_expect(0, "imported 2, existed 1, refused 0");
    s_expect(0, "there is no administrator");
    s_run("name\nADA\nBo\nCy\n", "users import -");
    s_expect(0, "imported 1, existed 2, refused 0");
    assert_int_equal(3, test_db_number(&world.db, "SELECT COUNT(*) FROM user"));
    assert_int_equal(3, test_db_number(&world.db, "SELECT last FROM counter WHERE id = 2"));
    assert_int_equal(3, test_db_number(&world.db, "SELECT COUNT(*) FROM audit WHERE action = 'user_imported'"));
    assert_int_equal(1, test_db_number(&world.db, "SELECT COUNT(*) FROM user WHERE name = 'Ada' AND role = 0"));
}

static void test_bad_lines_are_refused_and_the_others_stay(void **state)
{
    (void)state;
    s_run("{\"name\":\"Dee\",\"admin\":true}\n"
          "{\"name\":\" x\"}\n"
          "{\"name\":\"E\",\"password\":\"short\"}\n"
          "{\"name\":\"F\",\"password_hash\":\"$1$abc\"}\n"
          "{\"name\":\"G\",\"password\":\"long enough\",\"password_hash\":\"$1$abc\"}\n"
          "{\"name\":\"H\",\"display_name\":\"x\"}\n"
          "{\"name\":\"Ivy\"}\n",
          "users import -");
    s_expect(1, "imported 2, existed 0, refused 5");
    for (int line = 2; line <= 6; line++) {
        char said[32];
        snprintf(said, sizeof said, "line %d: ", line);
        s_expect(1, said);
    }
    assert_null(strstr(world.out, "no administrator"));
    assert_int_equal(1, test_db_number(&world.db, "SELECT role FROM user WHERE name = 'Dee'"));
}

static void test_more_than_a_batch_comes_in(void **state)
{
    (void)state;
    static char text[16 * 1024] = "name\n";
    size_t len = strlen(text);
    for (int i = 0; i < 150; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "many%d\n", i);
    s_run(text, "users import -");
    s_expect(0, "imported 150, existed 0, refused 0");
    assert_int_equal(150, test_db_number(&world.db, "SELECT COUNT(*) FROM user WHERE name LIKE 'many%'"));
    assert_int_equal(1, test_db_number(&world.db,
                                       "SELECT (SELECT last FROM counter WHERE id = 2) = (SELECT COUNT(*) FROM user)"));
}

static void test_imported_passwords_and_hashes_sign_in_and_none_does_not(void **state)
{
    (void)state;
    s_run("{\"name\":\"Pat\",\"password\":\"correct horse\"}\n", "users import -");
    s_expect(0, "imported 1");
    /* The same hash for another name: as if it came from another installation. */
    struct db_value key[] = {db_bytes(view_of_text("pat"))};
    db_stmt_t *rows;
    assert_int_equal(DB_OK, db_query(world.db.admin, "SELECT password_hash FROM user WHERE name_key = ?", key, 1, &rows));
    assert_true(db_next(rows));
    view_t hash = db_get_view(rows, 0);
    char line[512];
    snprintf(line, sizeof line, "name,password_hash\nQuin,\"%.*s\"\n", (int)hash.len, (const char *)hash.bytes);
    s_run(line, "users import -");
    s_expect(0, "imported 1");
    assert_int_equal(200, s_login("pat", "correct horse"));
    assert_int_equal(200, s_login("Quin", "correct horse"));
    assert_int_equal(401, s_login("Quin", "another horse"));
    assert_int_equal(401, s_login("Ada", "*"));
    assert_int_equal(401, s_login("Ada", "correct horse"));
}

static void test_whoever_signs_up_after_an_import_is_no_administrator(void **state)
{
    (void)state;
    struct http_response r;
    assert_true(http_call(world.port, "POST", "/api/v1/auth/signup", "",
                          "{\"name\":\"Newcomer\",\"password\":\"correct horse\"}", SOON_MS, &r));
    assert_in_range(r.status, 200, 201);
    http_response_fini(&r);
    assert_int_equal(0, test_db_number(&world.db, "SELECT role FROM user WHERE name = 'Newcomer'"));
}

static void test_what_cannot_be_read_is_said(void **state)
{
    (void)state;
    s_run("", "users import /nowhere/users.csv");
    s_expect(1, "/nowhere/users.csv: No such file");
    s_run("Ada\n", "users import -");
    s_expect(1, "line 1: the first line must name the columns");
    s_run("", "users");
    s_expect(2, "users import FILE|-");
    s_run("", "users export -");
    s_expect(2, "users import FILE|-");
    s_run("", "users import - --no-such-option 1");
    s_expect(2, "no-such-option");
}

/* ---- token new ------------------------------------------------------------------------------------------------- */

static void test_a_token_is_a_session_that_can_be_revoked(void **state)
{
    (void)state;
    uint64_t session, user;
    s_run("", "token new ada --device 'a script'");
    s_expect(0, "ey");
    size_t len = strcspn(world.out, "\n");
    assert_int_equal(strlen(world.out), len + 1); /* the token, and nothing else */
    user = s_me(world.out, len, &session);
    assert_int_equal(user, test_db_number(&world.db, "SELECT id FROM user WHERE name = 'Ada'"));
    assert_int_equal(user, s_number("SELECT user_id FROM session WHERE id = %llu AND device = 'a script' AND "
                                    "revoked_at_ms = 0", session));
    assert_int_equal(1, s_number("SELECT COUNT(*) FROM audit WHERE action = 'token_made' AND subject_id = %llu", session));
    char sql[256];
    test_db_do(&world.db, "UPDATE counter SET last = last + 1 WHERE id = 1");
    snprintf(sql, sizeof sql,
             "INSERT INTO revocation (number, session_id, user_id, at_ms) SELECT last, %llu, %llu, 1 FROM counter "
             "WHERE id = 1",
             (unsigned long long)session, (unsigned long long)user);
    test_db_do(&world.db, sql);
    uint64_t again = user;
    for (int waited_ms = 0; again && waited_ms < SOON_MS; waited_ms += STEP_MS) {
        s_nap();
        again = s_me(world.out, len, &session);
    }
    assert_int_equal(0, again);
}

static void test_many_tokens_come_one_a_line_in_order(void **state)
{
    (void)state;
    s_run("", "token new 'many%' --count 70 --first=30");
    s_expect(0, "ey");
    const char *at = world.out;
    for (uint64_t i = 30; i < 100; i++) {
        uint64_t session;
        size_t len = strcspn(at, "\n");
        char sql[128];
        snprintf(sql, sizeof sql, "SELECT id FROM user WHERE name = 'many%llu'", (unsigned long long)i);
        assert_int_equal(test_db_number(&world.db, sql), s_me(at, len, &session));
        at += len + 1;
    }
    assert_int_equal('\0', *at);
}

static void test_who_is_not_there_or_disabled_gets_none(void **state)
{
    (void)state;
    test_db_do(&world.db, "UPDATE user SET disabled = 1 WHERE name = 'Bo'");
    s_run("", "token new Bo");
    s_expect(1, "Bo: disabled");
    s_run("", "token new nobody");
    s_expect(1, "nobody: no such user");
    s_run("", "token new 'many%' --count 2 --first 149");
    s_expect(1, "many150: no such user");
    s_expect(1, "ey"); /* the one that is there */
    assert_int_equal(0, test_db_number(&world.db, "SELECT COUNT(*) FROM session s JOIN user u ON u.id = s.user_id "
                                                  "WHERE u.name = 'Bo'"));
}

static void test_counts_and_patterns_have_bounds(void **state)
{
    (void)state;
    static const char *const misuses[] = {
        "token new 'many%'",           "token new many0 --count 2",         "token new 'many%' --count 0",
        "token new 'many%' --count 1x", "token new 'many%' --count 20001", "token new 'many%' --count 1 --first 4294967296",
        "token new 'many%' --count -1", "token new",                        "token old many0",
        "token new many0 --device ''", "token new many0 --device 12345678901234567890123456789012345678901234567890123456789012345",
    };
    for (size_t i = 0; i < sizeof misuses / sizeof misuses[0]; i++) {
        s_run("", misuses[i]);
        s_expect(2, "token new USER");
    }
    s_run("", "token new many0 --device 1234567890123456789012345678901234567890123456789012345678901234");
    s_expect(0, "ey");
    s_run("", "token new 'no%' --count 20000 2>&1 | tail -n 1");
    assert_string_equal("rookery: no19999: no such user\n", world.out); /* 20,000 are taken, and asked for */
}

/* Nothing is made in a folder that is not the server's, and a key nobody published signs nothing. */
static void test_only_the_servers_own_keys_sign(void **state)
{
    (void)state;
    char arguments[256], path[128];
    snprintf(path, sizeof path, "%s/other", world.folder);
    snprintf(arguments, sizeof arguments, "token new Ada --var %s", path);
    s_run("", arguments);
    s_expect(1, "no keys in the data folder");
    assert_int_not_equal(0, access(path, F_OK));
    char command[1024];
    snprintf(command, sizeof command,
             "mkdir -p -m 700 '%s/keys' && openssl ecparam -name prime256v1 "
             "-genkey -noout -out '%s/keys/token.pem' && chmod 600 '%s'/keys/*",
             path, path, path);
    assert_int_equal(0, system(command));
    s_run("", arguments);
    s_expect(1, "no server has published the key");
}

/* ---- admin reset-password -------------------------------------------------------------------------------------- */

/* The new password signs in and the old one does not; nothing stays signed in, and the deed is written down. */
static void test_a_reset_gives_a_password_for_once_and_ends_every_sign_in(void **state)
{
    (void)state;
    char token[2048], code[64];
    uint64_t session;
    s_run("{\"name\":\"Greta\",\"password\":\"what was before\"}\n", "users import -");
    s_expect(0, "imported 1,");
    uint64_t user = test_db_number(&world.db, "SELECT id FROM user WHERE name = 'Greta'");
    assert_int_equal(200, s_login("Greta", "what was before"));
    s_run("", "token new Greta");
    s_expect(0, "ey");
    snprintf(token, sizeof token, "%.2000s", world.out);
    assert_int_equal(user, s_me(token, strcspn(token, "\n"), &session));

    s_run("", "admin reset-password gReTa");
    s_expect(0, "\n");
    assert_int_equal(strcspn(world.out, "\n") + 1, strlen(world.out)); /* the password, and nothing else */
    assert_int_equal(20 + 1, strlen(world.out));
    snprintf(code, sizeof code, "%.*s", 20, world.out);
    assert_int_equal(0, s_number("SELECT COUNT(*) FROM session WHERE user_id = %llu AND revoked_at_ms = 0", user));
    assert_int_equal(1, s_number("SELECT COUNT(*) FROM audit WHERE action = 'password_reset' AND subject_id = %llu "
                                 "AND actor_id = 0", user));
    assert_int_equal(1, s_number("SELECT COUNT(*) FROM password_given WHERE user_id = %llu", user));
    uint64_t again = user;
    for (int waited_ms = 0; again && waited_ms < SOON_MS; waited_ms += STEP_MS) {
        s_nap();
        again = s_me(token, strcspn(token, "\n"), &session);
    }
    assert_int_equal(0, again);
    assert_int_equal(401, s_login("Greta", "what was before"));
    assert_int_equal(200, s_login("Greta", code));
}

static void test_a_reset_of_nobody_is_refused_and_of_who_is_disabled_is_told(void **state)
{
    (void)state;
    uint64_t resets = test_db_number(&world.db, "SELECT COUNT(*) FROM audit WHERE action = 'password_reset'");
    s_run("", "admin reset-password nobody");
    s_expect(1, "nobody: no such user");
    char longest[1000];
    snprintf(longest, sizeof longest, "admin reset-password %0900d", 0);
    s_run("", longest); /* longer than any name */
    s_expect(1, "no such user");
    static const char *const misuses[] = {"admin", "admin reset-password", "admin reset-password --var x",
                                          "admin reset Ada"};
    for (size_t i = 0; i < sizeof misuses / sizeof misuses[0]; i++) {
        s_run("", misuses[i]);
        s_expect(2, "admin reset-password USER");
    }
    assert_int_equal(resets, test_db_number(&world.db, "SELECT COUNT(*) FROM audit WHERE action = 'password_reset'"));
    s_run("", "admin reset-password Bo");
    s_expect(0, "Bo is disabled");
}

/* ---- set-up ---------------------------------------------------------------------------------------------------- */

static int s_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static int s_open_world(void **state)
{
    (void)state;
    const char *build = getenv("ROOKERY_BUILD_DIR");
    assert_non_null(build);
    snprintf(world.program, sizeof world.program, "%s/actors/rookery", build);
    strncpy(world.folder, "/tmp/rookery-admin.XXXXXX", sizeof world.folder - 1);
    assert_non_null(mkdtemp(world.folder));
    test_db_open(&world.db, "admin", false, true);
    char var[80];
    snprintf(var, sizeof var, "%s/var", world.folder);
    setenv("DATABASE_URL", world.db.url, 1);
    setenv("ROOKERY_VAR", var, 1);
    setenv("ROOKERY_LOG_LEVEL", "1", 1);
    setenv("ROOKERY_ADMIN_PORT", "0", 1);
    setenv("ROOKERY_BIND", "127.0.0.1", 1);
    unsetenv("JWT_SECRET");
    s_run("", "token new Ada");
    s_expect(1, "no keys in the data folder");
    s_start_server();
    return 0;
}

static int s_close_world(void **state)
{
    (void)state;
    s_stop_server();
    test_db_close(&world.db);
    return nftw(world.folder, s_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_users_are_imported_once_whatever_the_case),
        cmocka_unit_test(test_bad_lines_are_refused_and_the_others_stay),
        cmocka_unit_test(test_more_than_a_batch_comes_in),
        cmocka_unit_test(test_imported_passwords_and_hashes_sign_in_and_none_does_not),
        cmocka_unit_test(test_whoever_signs_up_after_an_import_is_no_administrator),
        cmocka_unit_test(test_what_cannot_be_read_is_said),
        cmocka_unit_test(test_a_token_is_a_session_that_can_be_revoked),
        cmocka_unit_test(test_many_tokens_come_one_a_line_in_order),
        cmocka_unit_test(test_who_is_not_there_or_disabled_gets_none),
        cmocka_unit_test(test_counts_and_patterns_have_bounds),
        cmocka_unit_test(test_a_reset_gives_a_password_for_once_and_ends_every_sign_in),
        cmocka_unit_test(test_a_reset_of_nobody_is_refused_and_of_who_is_disabled_is_told),
        cmocka_unit_test(test_only_the_servers_own_keys_sign),
    };
    return cmocka_run_group_tests(tests, s_open_world, s_close_world);
}
