/* What the service manager hears, through a socket of the test's own. */
#include "actors/runtime/notify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "actors/runtime/clock.h"

#define READY "READY=1\nSTATUS=ready, actors: "

static int s_manager = -1;

/* Abstract, so that no file is left. */
static int s_set_up(void **state)
{
    (void)state;
    char name[64];
    struct sockaddr_un own = {.sun_family = AF_UNIX};
    int len = snprintf(name, sizeof name, "@rookery-test-notify-%d", (int)getpid());
    memcpy(own.sun_path, name, (size_t)len);
    own.sun_path[0] = '\0';
    s_manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (bind(s_manager, (struct sockaddr *)&own, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len)) != 0)
        return -1;
    setenv("NOTIFY_SOCKET", name, 1);
    setenv("WATCHDOG_USEC", "8000000", 1);
    unsetenv("WATCHDOG_PID");
    clock_freeze(1000, 1000);
    return 0;
}

static int s_tear_down(void **state)
{
    (void)state;
    notify_stopping();
    clock_freeze(0, 0);
    close(s_manager);
    return 0;
}

static void s_assert_heard(const char *text)
{
    char heard[128] = "";
    ssize_t len = recv(s_manager, heard, sizeof heard - 1, 0);
    if (!text) {
        assert_true(len < 0);
        return;
    }
    assert_string_equal(heard, text);
}

static void the_watchdog_is_fed_when_all_actors_ticked(void **state)
{
    (void)state;
    unsigned edge = 0, room = 0;
    notify_tick(&edge, 1000);
    s_assert_heard(NULL); /* not ready yet */
    notify_ready(2);
    s_assert_heard(READY "2");
    notify_tick(&edge, 1000);
    notify_tick(&edge, 1050); /* twice is not two actors */
    s_assert_heard(NULL);
    notify_tick(&room, 1050);
    s_assert_heard("WATCHDOG=1");
    notify_tick(&edge, 3049);
    notify_tick(&room, 3049);
    s_assert_heard(NULL); /* a quarter of 8 s has not passed */
    notify_tick(&edge, 3050);
    notify_tick(&room, 3050);
    s_assert_heard("WATCHDOG=1");
}

static void one_that_hangs_starves_it(void **state)
{
    (void)state;
    unsigned edge = 0, room = 0;
    notify_ready(2);
    s_assert_heard(READY "2");
    notify_tick(&edge, 1000);
    notify_tick(&room, 1000);
    s_assert_heard("WATCHDOG=1");
    for (int64_t now_ms = 1050; now_ms < 20000; now_ms += 50)
        notify_tick(&edge, now_ms);
    s_assert_heard(NULL);
    notify_tick(&room, 20000); /* it was only slow */
    s_assert_heard("WATCHDOG=1");
}

static void stopping_is_told_and_feeds_no_more(void **state)
{
    (void)state;
    unsigned edge = 0;
    notify_ready(1);
    s_assert_heard(READY "1");
    notify_stopping();
    s_assert_heard("STOPPING=1\nSTATUS=stopping");
    notify_tick(&edge, 1000);
    s_assert_heard(NULL);
}

static void a_watchdog_of_another_process_is_not_ours(void **state)
{
    (void)state;
    unsigned edge = 0;
    setenv("WATCHDOG_PID", "1", 1);
    notify_ready(1);
    s_assert_heard(READY "1");
    notify_tick(&edge, 1000);
    s_assert_heard(NULL);
}

static void a_child_tells_its_parent_instead(void **state)
{
    (void)state;
    int fds[2];
    unsigned edge = 0;
    char words[8] = "";
    assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
    notify_use_parent(fds[1]);
    notify_ready(1);
    notify_tick(&edge, 1000);
    notify_tick(&edge, 1000 + NOTIFY_BEAT_MS - 1);
    notify_tick(&edge, 1000 + NOTIFY_BEAT_MS);
    notify_stopping();
    notify_use_parent(-1);
    s_assert_heard(NULL);
    assert_int_equal(read(fds[0], words, sizeof words), 4);
    assert_string_equal(words, "RBBS");
    close(fds[0]);
    close(fds[1]);
}

static void a_full_pipe_is_not_waited_for(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
    while (write(fds[1], "x", 1) == 1)
        ;
    notify_use_parent(fds[1]);
    notify_ready(1);
    notify_use_parent(-1);
    s_assert_heard(NULL);
    close(fds[0]);
    close(fds[1]);
}

static void a_status_is_cut_at_its_bound(void **state)
{
    (void)state;
    char text[NOTIFY_STATUS_BYTES_MAX + 2], heard[2 * NOTIFY_STATUS_BYTES_MAX] = "";
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    for (int past = 1; past >= 0; past--) { /* one past it, then at it */
        notify_status("%s", text + 1 - past);
        ssize_t len = recv(s_manager, heard, sizeof heard, 0);
        assert_int_equal(len, (int)strlen("STATUS=") + NOTIFY_STATUS_BYTES_MAX);
    }
}

static void without_a_manager_nothing_is_said(void **state)
{
    (void)state;
    unsetenv("NOTIFY_SOCKET");
    notify_ready(1);
    s_assert_heard(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_watchdog_is_fed_when_all_actors_ticked, s_set_up, s_tear_down),
        cmocka_unit_test_setup_teardown(one_that_hangs_starves_it, s_set_up, s_tear_down),
        cmocka_unit_test_setup_teardown(stopping_is_told_and_feeds_no_more, s_set_up, s_tear_down),
        cmocka_unit_test_setup_teardown(a_watchdog_of_another_process_is_not_ours, s_set_up, s_tear_down),
        cmocka_unit_test_setup_teardown(a_child_tells_its_parent_instead, s_set_up, s_tear_down),
        cmocka_unit_test_setup_teardown(a_full_pipe_is_not_waited_for, s_set_up, s_tear_down),
        cmocka_unit_test_setup_teardown(a_status_is_cut_at_its_bound, s_set_up, s_tear_down),
        cmocka_unit_test_setup_teardown(without_a_manager_nothing_is_said, s_set_up, s_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
