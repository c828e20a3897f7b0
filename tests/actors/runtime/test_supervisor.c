/* Each test runs a supervisor in a child process and looks at how that ends. What the roles did comes back in a
 * shared page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <czmq.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "actors/runtime/actor.h"
#include "actors/runtime/clock.h"
#include "actors/runtime/supervisor.h"

enum { NOTES_MAX = 16, SIGNAL_SELF_MS = 20 };

struct notes {
    _Atomic int count;
    int notes[NOTES_MAX]; /* role, negative when it ended */
};

static struct notes *s_notes;

static void s_note(const struct role_context *context, int sign)
{
    int index = s_notes->count++;
    assert(index < NOTES_MAX);
    s_notes->notes[index] = sign * (int)(address_role(context->address) * 100 + address_instance(context->address));
}

/* ---- roles ----------------------------------------------------------------------------------------------------- */

static err_t s_on_message(void *self, actor_t *actor, const struct envelope *env, view_t body)
{
    (void)self, (void)actor, (void)env, (void)body;
    return ERR_UNEXPECTED;
}

static const struct actor_handlers s_handlers = {.on_message = s_on_message};

static void s_good_run(void *pipe, const struct role_context *context)
{
    s_note(context, 1);
    actor_t *actor = actor_new(context->address, &s_handlers, NULL);
    const struct topology_node *node =
        topology_find(context->topology, address_role(context->address), address_instance(context->address));
    if (*node->endpoint)
        assert(!actor_bind(actor, node->endpoint));
    const struct topology_node *persist = topology_find(context->topology, ROLE_PERSIST, 0);
    if (address_role(context->address) != ROLE_PERSIST)
        assert(!actor_connect(actor, persist->address, persist->endpoint));
    actor_run(actor, pipe);
    actor_destroy(&actor);
    s_note(context, -1);
}

static void s_signalling_run(void *pipe, const struct role_context *context)
{
    (void)context;
    zsock_signal(pipe, 0);
    kill(getpid(), SIGTERM);
    char *command = zstr_recv(pipe);
    zstr_free(&command);
}

static void s_failing_run(void *pipe, const struct role_context *context)
{
    (void)context;
    zsock_signal(pipe, 1);
    char *command = zstr_recv(pipe);
    zstr_free(&command);
}

static void s_returning_run(void *pipe, const struct role_context *context)
{
    (void)pipe, (void)context;
}

static void s_ending_run(void *pipe, const struct role_context *context)
{
    (void)context;
    zsock_signal(pipe, 0);
    zclock_sleep(SIGNAL_SELF_MS);
}

static void s_never_ready_run(void *pipe, const struct role_context *context)
{
    (void)context;
    char *command = zstr_recv(pipe);
    zstr_free(&command);
}

static void s_slow_run(void *pipe, const struct role_context *context)
{
    (void)context;
    kill(getpid(), SIGTERM);
    char *command = zstr_recv(pipe); /* "$TERM", long before it could be ready */
    zstr_free(&command);
}

static void s_deaf_run(void *pipe, const struct role_context *context)
{
    s_signalling_run(pipe, context);
    for (;;)
        zclock_sleep(1000);
}

/* ---- running them -------------------------------------------------------------------------------------------------- */

static int s_exit_status(void (*edge_run)(void *, const struct role_context *), int64_t *took_ms_out)
{
    s_notes->count = 0;
    int64_t start = clock_now_ms();
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct config config = {.rooms = 2, .edges = 1};
        static struct topology topology;
        if (topology_of_process(&config, 77, &topology))
            _exit(99);
        const struct role_row roles[] = {
            {ROLE_PERSIST, s_good_run, 5000, 5000},
            {ROLE_ACCOUNTS, s_good_run, 5000, 5000},
            {ROLE_ROOM, s_good_run, 5000, 5000},
            {ROLE_EDGE, edge_run, 200, 200},
        };
        _exit(supervisor_run(&config, &topology, roles, 4));
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    *took_ms_out = clock_now_ms() - start;
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_starts_in_order_and_stops_in_reverse_with_0(void **state)
{
    (void)state;
    int64_t took_ms;
    assert_int_equal(s_exit_status(s_signalling_run, &took_ms), 0);
    const int expected[] = {300, 400, 200, 201, -201, -200, -400, -300};
    assert_int_equal(s_notes->count, 8);
    assert_memory_equal(s_notes->notes, expected, sizeof expected);
}

static void test_an_actor_that_cannot_start_ends_with_70_after_a_clean_stop(void **state)
{
    (void)state;
    int64_t took_ms;
    assert_int_equal(s_exit_status(s_failing_run, &took_ms), 70);
    assert_int_equal(s_notes->count, 8);
    assert_int_equal(s_notes->notes[7], -300);
}

static void test_an_actor_that_returns_before_it_is_ready_ends_with_70(void **state)
{
    (void)state;
    int64_t took_ms;
    assert_int_equal(s_exit_status(s_returning_run, &took_ms), 70);
}

static void test_an_actor_that_ends_by_itself_ends_the_process_with_70_at_once(void **state)
{
    (void)state;
    int64_t took_ms;
    assert_int_equal(s_exit_status(s_ending_run, &took_ms), 70);
    assert_int_equal(s_notes->count, 4); /* nobody was stopped first */
}

static void test_an_actor_not_ready_in_time_ends_with_70(void **state)
{
    (void)state;
    int64_t took_ms;
    assert_int_equal(s_exit_status(s_never_ready_run, &took_ms), 70);
    assert_true(took_ms >= 200);
}

static void test_an_actor_that_does_not_stop_in_time_ends_with_70(void **state)
{
    (void)state;
    int64_t took_ms;
    assert_int_equal(s_exit_status(s_deaf_run, &took_ms), 70);
    assert_true(took_ms >= 200);
}

static void test_a_signal_while_an_actor_starts_stops_it_too(void **state)
{
    (void)state;
    int64_t took_ms;
    assert_int_equal(s_exit_status(s_slow_run, &took_ms), 0);
    assert_int_equal(s_notes->count, 8);
}

static void test_topology_names_every_actor_of_the_process(void **state)
{
    (void)state;
    struct config config = {.rooms = 2, .edges = 3};
    static struct topology topology;
    assert_int_equal(topology_of_process(&config, 5, &topology), ERR_OK);
    assert_int_equal(topology.count, 7);
    const struct topology_node *node = topology_find(&topology, ROLE_ROOM, 1);
    assert_true(node->address == address_make(ROLE_ROOM, 1, 5));
    assert_string_equal(node->endpoint, "inproc://room-1");
    assert_string_equal(topology_nth(&topology, ROLE_EDGE, 2)->endpoint, "");
    assert_null(topology_nth(&topology, ROLE_EDGE, 3));
    assert_null(topology_find(&topology, ROLE_PERSIST, 1));
    config.rooms = config.edges = 64;
    assert_int_equal(topology_of_process(&config, 5, &topology), ERR_OUT_OF_RANGE);
}

int main(void)
{
    s_notes = mmap(NULL, sizeof *s_notes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_starts_in_order_and_stops_in_reverse_with_0),
        cmocka_unit_test(test_an_actor_that_cannot_start_ends_with_70_after_a_clean_stop),
        cmocka_unit_test(test_an_actor_that_returns_before_it_is_ready_ends_with_70),
        cmocka_unit_test(test_an_actor_that_ends_by_itself_ends_the_process_with_70_at_once),
        cmocka_unit_test(test_an_actor_not_ready_in_time_ends_with_70),
        cmocka_unit_test(test_an_actor_that_does_not_stop_in_time_ends_with_70),
        cmocka_unit_test(test_a_signal_while_an_actor_starts_stops_it_too),
        cmocka_unit_test(test_topology_names_every_actor_of_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
