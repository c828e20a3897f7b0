#include "tests/support/db.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "persist/migrator.h"

enum { START_TRIES = 600, START_PAUSE_MS = 50, ARGUMENTS_MAX = 20, ARGUMENT_BYTES = 256 };

static void s_pause(int ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}, NULL);
}

/* Debian keeps mariadbd where a plain user's PATH does not look. */
static void s_set_path(void)
{
    const char *path = getenv("PATH");
    char longer[8192];
    snprintf(longer, sizeof longer, "%s:/usr/sbin:/sbin", path ? path : "/usr/bin:/bin");
    setenv("PATH", longer, 1);
}

/* Runs a program with its output in folder/log; it dies with us. */
static pid_t s_spawn(const char *folder, char *const arguments[])
{
    char log[TEST_DB_PATH_MAX + 8];
    snprintf(log, sizeof log, "%s/log", folder);
    pid_t parent = getpid(), pid = fork();
    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    int file = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600), null = open("/dev/null", O_RDONLY);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (file < 0 || null < 0 || dup2(null, 0) < 0 || dup2(file, 1) < 0 || dup2(file, 2) < 0 || getppid() != parent)
        _exit(126);
    execvp(arguments[0], arguments);
    _exit(127);
}

static int s_wait(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return status;
}

struct s_command {
    char text[ARGUMENTS_MAX][ARGUMENT_BYTES];
    char *arguments[ARGUMENTS_MAX + 1];
    size_t count;
};

static void s_add(struct s_command *self, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void s_add(struct s_command *self, const char *format, ...)
{
    assert_true(self->count < ARGUMENTS_MAX);
    va_list values;
    va_start(values, format);
    vsnprintf(self->text[self->count], ARGUMENT_BYTES, format, values);
    va_end(values);
    self->arguments[self->count] = self->text[self->count];
    self->arguments[++self->count] = NULL;
}

static void s_install(struct test_server *self)
{
    const char *parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(self->folder, sizeof self->folder, "%s/rookery-test-XXXXXX", parent);
    assert_non_null(mkdtemp(self->folder));
    char tmp[TEST_DB_PATH_MAX + 8];
    snprintf(tmp, sizeof tmp, "%s/tmp", self->folder);
    assert_int_equal(0, mkdir(tmp, 0700));
    struct s_command command = {0};
    s_add(&command, "mariadb-install-db");
    s_add(&command, "--no-defaults");
    s_add(&command, "--datadir=%s/data", self->folder);
    s_add(&command, "--tmpdir=%s", tmp);
    s_add(&command, "--auth-root-authentication-method=normal");
    s_add(&command, "--skip-test-db");
    s_add(&command, "--skip-name-resolve");
    s_add(&command, "--innodb-log-file-size=8M");
    if (geteuid() == 0)
        s_add(&command, "--user=root");
    assert_int_equal(0, s_wait(s_spawn(self->folder, command.arguments)));
    snprintf(self->admin_url, sizeof self->admin_url, "mysql://root@localhost/?socket=%s/s", self->folder);
}

void test_server_start(struct test_server *self)
{
    s_set_path();
    if (!self->folder[0])
        s_install(self);
    struct s_command command = {0};
    s_add(&command, "mariadbd");
    s_add(&command, "--no-defaults");
    s_add(&command, "--datadir=%s/data", self->folder);
    s_add(&command, "--tmpdir=%s/tmp", self->folder);
    s_add(&command, "--socket=%s/s", self->folder);
    s_add(&command, "--pid-file=%s/pid", self->folder);
    s_add(&command, "--skip-networking");
    s_add(&command, "--skip-name-resolve");
    s_add(&command, "--skip-log-bin");
    s_add(&command, "--performance-schema=OFF");
    s_add(&command, "--innodb-buffer-pool-size=32M");
    s_add(&command, "--innodb-flush-log-at-trx-commit=1");
    s_add(&command, "--character-set-server=utf8mb4");
    if (geteuid() == 0)
        s_add(&command, "--user=root");
    self->pid = s_spawn(self->folder, command.arguments);
    db_t *db;
    assert_int_equal(ERR_OK, db_new(self->admin_url, DB_MIGRATION, &db));
    for (int i = 0; db_connect(db) != DB_OK; i++) {
        assert_true(i < START_TRIES);
        assert_int_equal(0, waitpid(self->pid, NULL, WNOHANG));
        s_pause(START_PAUSE_MS);
    }
    db_destroy(&db);
}

void test_server_kill(struct test_server *self)
{
    assert_true(self->pid > 0);
    assert_int_equal(0, kill(self->pid, SIGKILL));
    s_wait(self->pid);
    self->pid = 0;
}

void test_server_destroy(struct test_server *self)
{
    if (self->pid > 0)
        test_server_kill(self);
    if (!self->folder[0])
        return;
    char folder[TEST_DB_PATH_MAX];
    memcpy(folder, self->folder, sizeof folder);
    char *arguments[] = {"rm", "-rf", folder, NULL};
    pid_t pid = fork();
    if (pid == 0) {
        execvp(arguments[0], arguments);
        _exit(127);
    }
    s_wait(pid);
    self->folder[0] = '\0';
}

static void s_encode(const char *text, char *out, size_t size)
{
    size_t len = 0;
    for (; *text && len + 4 < size; text++) {
        bool is_plain = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
                        (*text >= '0' && *text <= '9') || strchr("-_.", *text);
        len += (size_t)snprintf(out + len, size - len, is_plain ? "%c" : "%%%02X", (unsigned char)*text);
    }
}

/* The admin url with another database, and with another socket if one is given. */
static void s_url(const char *admin_url, const char *database, const char *socket, char url_out[TEST_DB_URL_MAX])
{
    struct db_url url;
    const char *sentence;
    char user[768] = "", password[768] = "", path[768] = "";
    assert_int_equal(ERR_OK, db_url_parse(admin_url, &url, &sentence));
    s_encode(url.user, user, sizeof user);
    s_encode(url.password, password, sizeof password);
    s_encode(socket ? socket : url.socket, path, sizeof path);
    int len = snprintf(url_out, TEST_DB_URL_MAX, "mysql://%s%s%s@%s:%u/%s%s%s", user, password[0] ? ":" : "",
                       password, url.host[0] ? url.host : "localhost", url.port, database, path[0] ? "?socket=" : "",
                       path);
    assert_true(len > 0 && len < TEST_DB_URL_MAX);
}

void test_db_url_via(const struct test_db *self, const char *socket, char url_out[TEST_DB_URL_MAX])
{
    s_url(self->admin_url, self->name, socket, url_out);
}

static void s_say_server(const db_t *db, bool is_given_unused)
{
    static bool is_said;
    if (!is_said)
        print_message("    database server: %s%s\n", db_server(db)->version,
                      is_given_unused ? "; a MariaDB of this test's own, which it kills: NOT the one of "
                                        "ROOKERY_TEST_DATABASE_URL" : "");
    is_said = true;
}

void test_db_open(struct test_db *self, const char *program, bool own_server, bool migrate)
{
    const char *given = getenv("ROOKERY_TEST_DATABASE_URL");
    memset(self, 0, sizeof *self);
    bool is_given = !own_server && given && given[0];
    if (!is_given)
        test_server_start(&self->server);
    snprintf(self->admin_url, sizeof self->admin_url, "%s", is_given ? given : self->server.admin_url);
    snprintf(self->name, sizeof self->name, "t_%s_%ld", program, (long)getpid());
    db_t *db;
    char sql[160];
    assert_int_equal(ERR_OK, db_new(self->admin_url, DB_MIGRATION, &db));
    assert_int_equal(DB_OK, db_connect(db));
    snprintf(sql, sizeof sql, "CREATE DATABASE %s CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci", self->name);
    if (db_execute(db, sql) != DB_OK)
        fail_msg("%s", db_error(db));
    s_say_server(db, given && !is_given && given[0]);
    db_destroy(&db);
    s_url(self->admin_url, self->name, NULL, self->url);
    if (migrate) {
        FILE *out = fopen("/dev/null", "w");
        assert_non_null(out);
        assert_int_equal(ERR_OK, migrator_run(self->url, MIGRATIONS, MIGRATION_COUNT, false, 5000, out));
        fclose(out);
    }
    assert_int_equal(ERR_OK, db_new(self->url, DB_MIGRATION, &self->admin));
    assert_int_equal(DB_OK, db_connect(self->admin));
}

void test_db_close(struct test_db *self)
{
    char sql[160];
    snprintf(sql, sizeof sql, "DROP DATABASE IF EXISTS %s", self->name);
    if (self->admin && (db_is_connected(self->admin) || db_connect(self->admin) == DB_OK))
        (void)db_execute(self->admin, sql);
    db_destroy(&self->admin);
    test_server_destroy(&self->server);
    db_thread_end();
}

/* The server may have been killed since the last time. */
static void s_reconnect(struct test_db *self)
{
    for (int i = 0; !db_is_connected(self->admin) && db_connect(self->admin) != DB_OK; i++) {
        assert_true(i < START_TRIES);
        s_pause(START_PAUSE_MS);
    }
}

void test_db_do(struct test_db *self, const char *sql)
{
    s_reconnect(self);
    db_status_t status = db_execute(self->admin, sql);
    if (status == DB_AWAY) {
        s_reconnect(self);
        status = db_execute(self->admin, sql);
    }
    if (status != DB_OK)
        fail_msg("%s: %s", sql, db_error(self->admin));
}

uint64_t test_db_number(struct test_db *self, const char *sql)
{
    char text[64];
    s_reconnect(self);
    db_status_t status = db_ask(self->admin, sql, text, sizeof text);
    if (status == DB_AWAY) {
        s_reconnect(self);
        status = db_ask(self->admin, sql, text, sizeof text);
    }
    if (status != DB_OK)
        fail_msg("%s: %s", sql, db_error(self->admin));
    return strtoull(text, NULL, 10);
}
