/* One edge asks which sockets are open: all edges are asked, and their answers put together, within bounds and in time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "persist/sockets_relay.h"
#include "proto/limits.h"

#define OWN address_make(ROLE_PERSIST, 0, 9)
#define EDGE(i) address_make(ROLE_EDGE, i, 5)

static actor_t *s_actor;
static stats_board_t *s_board;
static sockets_relay_t *s_relay;
static size_t s_done;
static uint64_t s_asked, s_count, s_silent, s_listed;

static void s_on_done(void *context, const struct envelope *asked, view_t sockets)
{
    struct msg msg;
    (void)context;
    assert_int_equal(ERR_OK, msg_decode(sockets, &msg));
    s_done++;
    s_asked = asked->correlation;
    s_count = msg.as.sockets.count;
    s_silent = msg.as.sockets.silent;
    s_listed = msg.as.sockets.sockets.count;
}

static err_t s_on_message(void *self, actor_t *actor, const struct envelope *env, view_t body)
{
    (void)self;
    (void)actor;
    (void)env;
    (void)body;
    return ERR_OK;
}

static const struct actor_handlers HANDLERS = {.on_message = s_on_message};

static void s_knows(uint16_t instance)
{
    buffer_t bytes;
    buffer_init(&bytes, LIM_STATS_BYTES_MAX);
    struct msg msg = {.type = MSG_NODE_STATS, .as.node_stats.node = address_node(EDGE(instance))};
    assert_int_equal(ERR_OK, msg_encode(&msg, &bytes));
    assert_int_equal(ERR_OK, stats_board_put(s_board, EDGE(instance), buffer_view(&bytes), actor_now_ms(s_actor)));
    buffer_fini(&bytes);
}

static int s_setup(void **state)
{
    (void)state;
    s_actor = actor_new(OWN, &HANDLERS, NULL);
    s_board = stats_board_new();
    s_relay = sockets_relay_new(s_on_done, NULL);
    s_done = 0;
    s_knows(0);
    s_knows(1);
    return 0;
}

static int s_teardown(void **state)
{
    (void)state;
    sockets_relay_destroy(&s_relay);
    stats_board_destroy(&s_board);
    actor_destroy(&s_actor);
    return 0;
}

static err_t s_ask(uint64_t number, uint64_t edge, uint32_t limit)
{
    buffer_t bytes;
    buffer_init(&bytes, 1024);
    struct msg msg = {.type = MSG_SOCKETS_GET, .as.sockets_get = {.edge = edge, .limit = limit}};
    struct envelope env = {.type = msg.type, .from = EDGE(0), .correlation = number};
    assert_int_equal(ERR_OK, msg_encode(&msg, &bytes));
    err_t err = sockets_relay_ask(s_relay, s_actor, &env, buffer_view(&bytes), s_board);
    buffer_fini(&bytes);
    return err;
}

/* The relay numbers its questions 1, 2, 3 … */
static err_t s_answer(uint16_t instance, uint64_t number, size_t listed, uint64_t count, uint64_t speaks_of)
{
    buffer_t bytes;
    list_writer_t list;
    buffer_init(&bytes, LIM_LINK_BODY_BYTES_MAX);
    list_writer_init(&list, LIM_LINK_BODY_BYTES_MAX);
    const struct rec_socket_info socket = {.edge = speaks_of, .user = 7};
    for (size_t i = 0; i < listed; i++)
        assert_int_equal(ERR_OK, rec_socket_info_append(&list, &socket));
    struct msg msg = {.type = MSG_SOCKETS, .as.sockets = {.count = count, .sockets = list_of(&list)}};
    struct envelope env = {.type = msg.type, .from = EDGE(instance), .correlation = number, .flags = ENVELOPE_REPLY};
    assert_int_equal(ERR_OK, msg_encode(&msg, &bytes));
    err_t err = sockets_relay_answer(s_relay, &env, buffer_view(&bytes));
    list_writer_fini(&list);
    buffer_fini(&bytes);
    return err;
}

static void test_answers_of_all_edges_are_one(void **state)
{
    (void)state;
    assert_int_equal(ERR_OK, s_ask(44, 0, 3));
    assert_int_equal(ERR_OK, s_answer(0, 1, 2, 2, address_node(EDGE(0))));
    assert_int_equal(0, s_done);
    assert_int_equal(ERR_OK, s_answer(0, 1, 2, 2, address_node(EDGE(0)))); /* twice counts once */
    assert_int_equal(ERR_OK, s_answer(1, 1, 3, 5, address_node(EDGE(1))));
    assert_int_equal(1, s_done);
    assert_int_equal(44, s_asked);
    assert_int_equal(7, s_count);
    assert_int_equal(3, s_listed); /* the limit */
    assert_int_equal(0, s_silent);
}

static void test_an_edge_that_is_silent_is_counted_after_a_second(void **state)
{
    (void)state;
    int64_t now_ms = actor_now_ms(s_actor);
    assert_int_equal(ERR_OK, s_ask(1, 0, 10));
    assert_int_equal(ERR_OK, s_answer(1, 1, 1, 1, address_node(EDGE(1))));
    sockets_relay_on_tick(s_relay, now_ms + LIM_SOCKETS_MS - 1);
    assert_int_equal(0, s_done);
    sockets_relay_on_tick(s_relay, now_ms + LIM_SOCKETS_MS);
    assert_int_equal(1, s_done);
    assert_int_equal(1, s_silent);
    assert_int_equal(1, s_count);
    assert_int_equal(ERR_OK, s_answer(0, 1, 1, 1, address_node(EDGE(0)))); /* too late */
    assert_int_equal(1, s_done);
}

static void test_an_edge_speaks_of_its_own_sockets_only(void **state)
{
    (void)state;
    assert_int_equal(ERR_OK, s_ask(1, 0, 10));
    assert_int_equal(ERR_FORBIDDEN, s_answer(0, 1, 1, 1, address_node(EDGE(1))));
    assert_int_equal(ERR_OK, s_answer(1, 1, 0, 0, 0));
    assert_int_equal(0, s_listed);
}

static void test_one_edge_alone_is_asked_and_one_that_is_not_there_is_nobody(void **state)
{
    (void)state;
    assert_int_equal(ERR_OK, s_ask(1, address_node(EDGE(1)), 10));
    assert_int_equal(ERR_OK, s_answer(0, 1, 1, 1, address_node(EDGE(0))));
    assert_int_equal(0, s_done);
    assert_int_equal(ERR_OK, s_answer(1, 1, 1, 1, address_node(EDGE(1))));
    assert_int_equal(1, s_done);
    assert_int_equal(ERR_OK, s_ask(2, address_node(EDGE(9)), 10));
    assert_int_equal(2, s_done);
    assert_int_equal(0, s_count);
}

static void test_so_many_questions_at_once_and_no_more(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= LIM_SOCKETS_ASKS_MAX; i++)
        assert_int_equal(ERR_OK, s_ask(i, 0, 10));
    assert_int_equal(ERR_OVERLOADED, s_ask(99, 0, 10));
    sockets_relay_on_tick(s_relay, actor_now_ms(s_actor) + LIM_SOCKETS_MS);
    assert_int_equal(LIM_SOCKETS_ASKS_MAX, s_done);
    assert_int_equal(ERR_OK, s_ask(99, 0, 10));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_answers_of_all_edges_are_one, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(test_an_edge_that_is_silent_is_counted_after_a_second, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(test_an_edge_speaks_of_its_own_sockets_only, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(test_one_edge_alone_is_asked_and_one_that_is_not_there_is_nobody, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(test_so_many_questions_at_once_and_no_more, s_setup, s_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
