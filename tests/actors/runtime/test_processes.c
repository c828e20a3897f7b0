/* A parent of processes in a child of the test, with a service manager of the test's own. The processes are small loops
 * that say what the actors of a real one would; what they and the parent did is in a shared page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actors/runtime/clock.h"
#include "actors/runtime/metrics.h"
#include "actors/runtime/notify.h"
#include "actors/runtime/processes.h"

enum { HANG_S = 2, START_MS = 1500, STOP_MS = 300, WAIT_MS = 15000, HEARD_MAX = 4096 };

/* The room is the process that the tests do things to; the edge only lives. */
enum { ROOM_IS_GOOD, ROOM_IS_NEVER_READY, ROOM_ENDS, ROOM_REFUSES_SETTINGS, ROOM_STOPS_SLOWLY };

struct page {
    _Atomic int room_is;
    _Atomic int starts, edge_starts; /* of the room, of the edge */
    _Atomic pid_t room;
    _Atomic int64_t restarts, hangs; /* the parent's metrics, as a child sees them */
};

static struct page *s_page;
static int s_manager = -1;
static char s_heard[HEARD_MAX]; /* all datagrams, a line end behind each */
static volatile sig_atomic_t s_term;

/* ---- the processes ------------------------------------------------------------------------------------------------- */

static void s_on_term(int signal)
{
    (void)signal;
    s_term = 1;
}

static void s_await_term(void)
{
    unsigned round = 0;
    while (!s_term) {
        notify_tick(&round, clock_now_ms());
        s_page->restarts = metric_value(METRIC_PROCESS_RESTARTS);
        s_page->hangs = metric_value(METRIC_PROCESS_HANGS);
        poll(NULL, 0, 20);
    }
}

static int s_run(const struct config *config, role_t role, uint16_t instance)
{
    (void)config, (void)instance;
    bool is_room = role == ROLE_ROOM;
    int room_is = is_room ? s_page->room_is : ROOM_IS_GOOD;
    signal(SIGTERM, s_on_term);
    if (is_room) {
        s_page->room = getpid();
        s_page->starts++;
    } else {
        s_page->edge_starts++;
    }
    if (room_is == ROOM_ENDS)
        return 9;
    if (room_is == ROOM_REFUSES_SETTINGS)
        return 78;
    if (room_is == ROOM_IS_NEVER_READY)
        for (;;)
            poll(NULL, 0, 1000);
    notify_ready(1);
    s_await_term();
    notify_stopping();
    if (room_is == ROOM_STOPS_SLOWLY)
        for (;;)
            poll(NULL, 0, 1000);
    return 0;
}

/* ---- the parent ---------------------------------------------------------------------------------------------------- */

static pid_t s_parent;

static void s_start(int room_is)
{
    s_page->room_is = room_is;
    s_parent = fork();
    assert_true(s_parent >= 0);
    if (s_parent > 0)
        return;
    close(s_manager);
    const struct config config = {.restarts_max = 3, .hang_s = HANG_S};
    const struct process_row rows[] = {
        {ROLE_ROOM, 1, START_MS, STOP_MS},
        {ROLE_EDGE, 2, START_MS, STOP_MS},
    };
    _exit(processes_run(&config, rows, 2, s_run));
}

/* What it says to the service manager goes to s_heard. */
static void s_listen(int ms)
{
    struct pollfd polled = {.fd = s_manager, .events = POLLIN};
    size_t len = strlen(s_heard);
    if (poll(&polled, 1, ms) > 0) {
        ssize_t got = recv(s_manager, s_heard + len, sizeof s_heard - len - 2, MSG_DONTWAIT);
        if (got > 0)
            memcpy(s_heard + len + got, "\n", 2);
    }
}

static void s_await_heard(const char *text)
{
    int64_t until_ms = clock_now_ms() + WAIT_MS;
    while (!strstr(s_heard, text)) {
        s_listen(20);
        if (clock_now_ms() > until_ms)
            fail_msg("never heard '%s' but:\n%s", text, s_heard);
    }
}

static void s_await_number(_Atomic int64_t *number, int64_t wanted)
{
    int64_t until_ms = clock_now_ms() + WAIT_MS;
    while (*number != wanted) {
        s_listen(20);
        assert_true(clock_now_ms() < until_ms);
    }
}

static int s_end(void)
{
    int status;
    assert_int_equal(waitpid(s_parent, &status, 0), s_parent);
    s_parent = 0;
    while (recv(s_manager, &(char){0}, 1, MSG_PEEK | MSG_DONTWAIT) > 0)
        s_listen(0);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int s_stop(void)
{
    kill(s_parent, SIGTERM);
    return s_end();
}

static size_t s_count(const char *text)
{
    size_t count = 0;
    for (const char *at = s_heard; (at = strstr(at, text)); at++)
        count++;
    return count;
}

static int s_set_up(void **state)
{
    (void)state;
    char name[64];
    struct sockaddr_un own = {.sun_family = AF_UNIX};
    int len = snprintf(name, sizeof name, "@rookery-test-processes-%d", (int)getpid());
    memcpy(own.sun_path, name, (size_t)len);
    own.sun_path[0] = '\0';
    s_manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (bind(s_manager, (struct sockaddr *)&own, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len)) != 0)
        return -1;
    setenv("NOTIFY_SOCKET", name, 1);
    setenv("WATCHDOG_USEC", "1200000", 1); /* fed each 300 ms */
    unsetenv("WATCHDOG_PID");
    memset(s_heard, 0, sizeof s_heard);
    memset(s_page, 0, sizeof *s_page);
    return 0;
}

static int s_tear_down(void **state)
{
    (void)state;
    if (s_parent > 0) {
        kill(s_parent, SIGKILL); /* its children die with it */
        waitpid(s_parent, NULL, 0);
    }
    s_parent = 0;
    close(s_manager);
    return 0;
}

/* ---- claims -------------------------------------------------------------------------------------------------------- */

static void test_ready_is_told_once_all_are_and_the_watchdog_is_fed(void **state)
{
    (void)state;
    s_start(ROOM_IS_GOOD);
    s_await_heard("READY=1");
    s_await_heard("processes ready: 3 of 3");
    for (int i = 0; i < 3; i++) {
        size_t fed = s_count("WATCHDOG=1");
        int64_t until_ms = clock_now_ms() + WAIT_MS;
        while (s_count("WATCHDOG=1") == fed && clock_now_ms() < until_ms)
            s_listen(20);
        assert_true(s_count("WATCHDOG=1") > fed);
    }
    assert_int_equal(s_stop(), 0);
    assert_int_equal(s_count("READY=1"), 1);
    assert_non_null(strstr(s_heard, "STOPPING=1"));
    assert_null(strstr(strstr(s_heard, "STOPPING=1"), "WATCHDOG=1"));
}

static void test_nothing_is_told_while_one_is_not_ready(void **state)
{
    (void)state;
    s_start(ROOM_IS_NEVER_READY);
    s_await_heard("processes ready: 2 of 3");
    assert_null(strstr(s_heard, "READY=1"));
    assert_null(strstr(s_heard, "WATCHDOG=1"));
}

static void test_one_that_is_not_ready_in_time_is_killed_and_started_again(void **state)
{
    (void)state;
    s_start(ROOM_IS_NEVER_READY);
    s_await_heard("processes ready: 2 of 3");
    s_page->room_is = ROOM_IS_GOOD;
    s_await_heard("READY=1");
    s_await_number(&s_page->hangs, 1);
    assert_int_equal(s_page->starts, 2);
    assert_int_equal(s_stop(), 0);
}

static void test_one_that_stands_still_is_killed_counted_and_started_again(void **state)
{
    (void)state;
    s_start(ROOM_IS_GOOD);
    s_await_heard("READY=1");
    s_await_heard("processes ready: 3 of 3");
    s_heard[0] = '\0';
    pid_t room = s_page->room;
    int64_t start_ms = clock_now_ms();
    assert_int_equal(kill(room, SIGSTOP), 0);
    s_await_heard("processes ready: 2 of 3");
    assert_in_range(clock_now_ms() - start_ms, HANG_S * 1000 - NOTIFY_BEAT_MS - 100, WAIT_MS);
    s_await_heard("processes ready: 3 of 3, started again: 1");
    s_await_number(&s_page->hangs, 1);
    s_await_number(&s_page->restarts, 1);
    assert_int_not_equal(s_page->room, room);
    assert_int_equal(s_page->starts, 2);
    assert_int_equal(s_page->edge_starts, 2); /* nobody else */
    assert_int_equal(s_count("READY=1"), 0);  /* it is told once */
    assert_int_equal(s_stop(), 0);
}

static void test_one_that_ends_takes_nobody_with_it(void **state)
{
    (void)state;
    s_start(ROOM_IS_GOOD);
    s_await_heard("READY=1");
    kill(s_page->room, SIGKILL);
    s_await_number(&s_page->restarts, 1);
    s_await_heard("processes ready: 3 of 3, started again: 1");
    assert_int_equal(s_page->hangs, 0);
    assert_int_equal(s_page->edge_starts, 2);
    assert_int_equal(s_stop(), 0);
}

static void test_one_that_is_told_to_stop_alone_has_its_time_for_that(void **state)
{
    (void)state;
    s_start(ROOM_STOPS_SLOWLY);
    s_await_heard("READY=1");
    s_page->room_is = ROOM_IS_GOOD;
    int64_t start_ms = clock_now_ms();
    kill(s_page->room, SIGTERM);
    s_await_number(&s_page->hangs, 1);
    assert_in_range(clock_now_ms() - start_ms, STOP_MS, HANG_S * 1000 - 1);
    s_await_number(&s_page->restarts, 1);
    assert_int_equal(s_stop(), 0);
}

static void test_a_pause_of_the_parent_is_not_taken_for_a_hang(void **state)
{
    (void)state;
    s_start(ROOM_IS_GOOD);
    s_await_heard("READY=1");
    pid_t room = s_page->room;
    kill(s_parent, SIGSTOP);
    kill(room, SIGSTOP); /* all stand still, as on a machine that sleeps */
    for (int64_t until_ms = clock_now_ms() + HANG_S * 1000 + 1500; clock_now_ms() < until_ms;)
        s_listen(50);
    kill(s_parent, SIGCONT);
    s_listen(500);
    kill(room, SIGCONT);
    size_t fed = s_count("WATCHDOG=1");
    for (int64_t until_ms = clock_now_ms() + 1000; clock_now_ms() < until_ms;)
        s_listen(50);
    assert_true(s_count("WATCHDOG=1") > fed);
    assert_int_equal(s_page->hangs, 0);
    assert_int_equal(s_page->room, room);
    assert_int_equal(s_stop(), 0);
}

static void test_too_many_ends_end_the_parent_with_70(void **state)
{
    (void)state;
    s_start(ROOM_ENDS);
    assert_int_equal(s_end(), 70);
    assert_int_equal(s_page->starts, 4); /* restarts_max is 3 */
    assert_null(strstr(s_heard, "READY=1"));
}

static void test_refused_settings_end_the_parent_with_78_at_once(void **state)
{
    (void)state;
    s_start(ROOM_REFUSES_SETTINGS);
    assert_int_equal(s_end(), 78);
    assert_int_equal(s_page->starts, 1);
}

static void test_one_that_does_not_stop_is_killed_and_told_of(void **state)
{
    (void)state;
    s_start(ROOM_STOPS_SLOWLY);
    s_await_heard("READY=1");
    int64_t start_ms = clock_now_ms();
    assert_int_equal(s_stop(), 70);
    assert_in_range(clock_now_ms() - start_ms, STOP_MS, WAIT_MS);
}

int main(void)
{
    s_page = mmap(NULL, sizeof *s_page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_ready_is_told_once_all_are_and_the_watchdog_is_fed, s_set_up, s_tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_is_told_while_one_is_not_ready, s_set_up, s_tear_down),
        cmocka_unit_test_setup_teardown(test_one_that_is_not_ready_in_time_is_killed_and_started_again, s_set_up, s_tear_down),
        cmocka_unit_test_setup_teardown(test_one_that_stands_still_is_killed_counted_and_started_again, s_set_up, s_tear_down),
        cmocka_unit_test_setup_teardown(test_one_that_ends_takes_nobody_with_it, s_set_up, s_tear_down),
        cmocka_unit_test_setup_teardown(test_one_that_is_told_to_stop_alone_has_its_time_for_that, s_set_up, s_tear_down),
        cmocka_unit_test_setup_teardown(test_a_pause_of_the_parent_is_not_taken_for_a_hang, s_set_up, s_tear_down),
        cmocka_unit_test_setup_teardown(test_too_many_ends_end_the_parent_with_70, s_set_up, s_tear_down),
        cmocka_unit_test_setup_teardown(test_refused_settings_end_the_parent_with_78_at_once, s_set_up, s_tear_down),
        cmocka_unit_test_setup_teardown(test_one_that_does_not_stop_is_killed_and_told_of, s_set_up, s_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
