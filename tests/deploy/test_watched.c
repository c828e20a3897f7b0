/* `rookery serve --processes` as systemd runs it, the test being the service manager: it hears when all is ready and that
 * the parent lives; a process that stands still or ends is replaced while the others go on serving over HTTP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tests/system/stack.h"

enum { START_MS = 60000, HEAL_MS = 30000, HEARD_MAX = 65536 };

#define PASSWORD "a sentence for the watch"

static struct stack s_stack;
static int s_manager = -1;
static struct sockaddr_un s_own;
static socklen_t s_own_len;
static pthread_t s_listener;
static pthread_mutex_t s_lock = PTHREAD_MUTEX_INITIALIZER;
static char s_heard[HEARD_MAX]; /* all datagrams, a line end behind each; the lock's */
static char s_token[4096];
static uint64_t s_room;

static int64_t s_now_ms(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

/* A thread of its own, as the queue of such a socket is short; MariaDB speaks to it as well. Once full, no more is kept. */
static void *s_listen(void *arg)
{
    char lines[1024];
    ssize_t got;
    while ((got = recv(s_manager, lines, sizeof lines - 1, 0)) > 0 && strncmp(lines, "END", 3) != 0) {
        lines[got] = '\0';
        pthread_mutex_lock(&s_lock);
        size_t len = strlen(s_heard);
        snprintf(s_heard + len, sizeof s_heard - len, "%s\n", lines);
        pthread_mutex_unlock(&s_lock);
    }
    return arg;
}

static bool s_has_heard(const char *text)
{
    pthread_mutex_lock(&s_lock);
    bool has = strstr(s_heard, text) != NULL;
    pthread_mutex_unlock(&s_lock);
    return has;
}

static void s_wait(int ms)
{
    poll(NULL, 0, ms);
}

static void s_await_heard(const char *text, int timeout_ms)
{
    int64_t until_ms = s_now_ms() + timeout_ms;
    while (!s_has_heard(text)) {
        s_wait(50);
        if (s_now_ms() > until_ms)
            fail_msg("never heard '%s'", text);
    }
}

/* ---- one person, over HTTP ----------------------------------------------------------------------------------------- */

static json_t *s_post(const char *path, const char *body, int *status)
{
    char headers[sizeof s_token + 64] = "";
    if (*s_token)
        snprintf(headers, sizeof headers, "Authorization: Bearer %s\r\n", s_token);
    struct http_response r;
    *status = 0;
    if (!http_call(s_stack.port, "POST", path, headers, body, 10000, &r))
        return NULL;
    *status = r.status;
    json_t *json = json_loadb(r.body, r.body_len, 0, NULL);
    http_response_fini(&r);
    return json;
}

/* Again until it is answered with one of two: what a client does while a role is away. */
static void s_post_until(const char *path, const char *body, int wanted, int or_wanted, json_t **json_out)
{
    int64_t until_ms = s_now_ms() + HEAL_MS;
    for (;;) {
        int status;
        json_t *json = s_post(path, body, &status);
        if (status == wanted || status == or_wanted) {
            *json_out = json;
            return;
        }
        json_decref(json);
        if (s_now_ms() > until_ms)
            fail_msg("POST %s: %d", path, status);
        s_wait(100);
    }
}

static void s_say(const char *client_id, const char *text)
{
    char path[96], body[160];
    json_t *json;
    snprintf(path, sizeof path, "/api/v1/rooms/%" PRIu64 "/messages", s_room);
    snprintf(body, sizeof body, "{\"client_id\":\"%s\",\"text\":\"%s\"}", client_id, text);
    s_post_until(path, body, 201, 200, &json); /* 200: an earlier try was stored after all */
    json_decref(json);
}

static void s_sign_in(const char *how, int wanted)
{
    char path[64];
    json_t *json;
    snprintf(path, sizeof path, "/api/v1/auth/%s", how);
    s_token[0] = '\0';
    s_post_until(path, "{\"name\":\"ada\",\"password\":\"" PASSWORD "\"}", wanted, wanted, &json);
    snprintf(s_token, sizeof s_token, "%s", json_string_value(json_object_get(json, "access_token")));
    json_decref(json);
}

static void s_await_metric(const char *name, long wanted)
{
    int64_t until_ms = s_now_ms() + HEAL_MS;
    long value;
    while ((value = stack_metric(&s_stack, name)) != wanted) {
        if (s_now_ms() > until_ms)
            fail_msg("%s is %ld, wanted %ld", name, value, wanted);
        s_wait(100);
    }
}

/* ---- claims -------------------------------------------------------------------------------------------------------- */

static int s_set_up(void **state)
{
    (void)state;
    char name[64], setting[80];
    int len = snprintf(name, sizeof name, "@rookery-test-watched-%d", (int)getpid());
    s_own.sun_family = AF_UNIX;
    memcpy(s_own.sun_path, name, (size_t)len);
    s_own.sun_path[0] = '\0';
    s_own_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len);
    s_manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (bind(s_manager, (struct sockaddr *)&s_own, s_own_len) != 0 ||
        pthread_create(&s_listener, NULL, s_listen, NULL) != 0)
        return -1;
    snprintf(setting, sizeof setting, "NOTIFY_SOCKET=%s", name);
    unsetenv("WATCHDOG_PID");
    const char *const env[] = {"ROOKERY_ROOMS=1", "ROOKERY_EDGES=1", "ROOKERY_HANG_S=3", "WATCHDOG_USEC=2000000", setting, NULL};
    return stack_start(&s_stack, env, START_MS) ? 0 : -1;
}

static int s_tear_down(void **state)
{
    (void)state;
    stack_stop(&s_stack);
    sendto(s_manager, "END", 3, 0, (const struct sockaddr *)&s_own, s_own_len);
    pthread_join(s_listener, NULL);
    bool told = strstr(s_heard, "STOPPING=1\nSTATUS=stopping\n") != NULL;
    if (!told)
        fprintf(stderr, "STOPPING=1 was not among:\n%s", s_heard);
    stack_remove(&s_stack);
    close(s_manager);
    return told ? 0 : -1;
}

static void test_the_manager_hears_that_all_are_ready_and_that_it_lives(void **state)
{
    (void)state;
    s_await_heard("READY=1", HEAL_MS);
    s_await_heard("STATUS=processes ready: 4 of 4, started again: 0", HEAL_MS);
    s_await_heard("WATCHDOG=1", HEAL_MS);
}

static void test_one_signs_up_and_says_something(void **state)
{
    (void)state;
    s_sign_in("signup", 201);
    json_t *json;
    s_post_until("/api/v1/rooms", "{\"client_id\":\"01ARZ3NDEKTSV4RRFFQ69G5F00\",\"name\":\"watch\"}", 201, 200, &json);
    s_room = (uint64_t)json_integer_value(json_object_get(json, "room"));
    json_decref(json);
    s_say("01ARZ3NDEKTSV4RRFFQ69G5F01", "before");
}

static void test_a_room_that_stands_still_is_replaced_and_the_talk_goes_on(void **state)
{
    (void)state;
    pid_t room = stack_node_pid(&s_stack, "room-0"), edge = stack_node_pid(&s_stack, "edge-0");
    assert_true(room > 0 && edge > 0);
    assert_int_equal(kill(room, SIGSTOP), 0);
    s_say("01ARZ3NDEKTSV4RRFFQ69G5F02", "while it stands still");
    s_await_metric("rookery_process_hangs_total", 1);
    s_await_heard("STATUS=processes ready: 4 of 4, started again: 1", HEAL_MS);
    assert_int_not_equal(stack_node_pid(&s_stack, "room-0"), room);
    assert_int_equal(stack_node_pid(&s_stack, "edge-0"), edge);
}

static void test_accounts_that_was_killed_signs_in_again(void **state)
{
    (void)state;
    pid_t accounts = stack_node_pid(&s_stack, "accounts-0");
    assert_true(stack_kill(accounts));
    s_sign_in("login", 200);
    s_await_metric("rookery_process_restarts_total", 2);
    assert_int_not_equal(stack_node_pid(&s_stack, "accounts-0"), accounts);
    s_say("01ARZ3NDEKTSV4RRFFQ69G5F03", "after");
}

static void test_a_killed_edge_serves_again_and_nothing_is_lost_or_doubled(void **state)
{
    (void)state;
    assert_true(stack_kill(stack_node_pid(&s_stack, "edge-0")));
    assert_true(stack_await_ready(&s_stack, HEAL_MS));
    s_say("01ARZ3NDEKTSV4RRFFQ69G5F02", "while it stands still"); /* again: stored once */
    char path[512], line[64] = "";
    snprintf(path, sizeof path, "%s/said.tsv", s_stack.dir);
    assert_true(stack_sql(&s_stack, "SELECT MAX(msg_no), COUNT(DISTINCT client_id) FROM event WHERE msg_no > 0", path));
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    fclose(file);
    assert_string_equal(line, "3\t3\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_manager_hears_that_all_are_ready_and_that_it_lives),
        cmocka_unit_test(test_one_signs_up_and_says_something),
        cmocka_unit_test(test_a_room_that_stands_still_is_replaced_and_the_talk_goes_on),
        cmocka_unit_test(test_accounts_that_was_killed_signs_in_again),
        cmocka_unit_test(test_a_killed_edge_serves_again_and_nothing_is_lost_or_doubled),
    };
    return cmocka_run_group_tests(tests, s_set_up, s_tear_down);
}
