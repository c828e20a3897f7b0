/* Actors on their own threads and one that is pumped, as they run in the server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <czmq.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actors/runtime/actor.h"
#include "actors/runtime/clock.h"
#include "actors/runtime/keys.h"
#include "actors/runtime/metrics.h"

enum { WAIT_MS = 5000, FLOOD = 3000 };

#define ROOM address_make(ROLE_ROOM, 0, 0xabc)
#define EDGE address_make(ROLE_EDGE, 0, 0xabc)

/* ---- the room: answers STORE_OK with the value asked for + 1 ------------------------------------------------------ */

struct room {
    const char *endpoint;
    char bound[64], work_endpoint[64];
    zsock_t *work; /* PULL, watched */
    _Atomic int turns, ticks, watched;
    _Atomic bool is_ready, is_done; /* what zactor's signals say, for ThreadSanitizer */
    _Atomic int64_t tick_gap_ms_min;
    int64_t ticked_ms;
};

static err_t s_room_on_message(void *self, actor_t *actor, const struct envelope *env, view_t body)
{
    (void)self;
    struct msg msg;
    err_t err = msg_decode(body, &msg);
    if (err)
        return err;
    switch (msg.type) {
    case MSG_STORE_OK: {
        struct msg answer = {.type = MSG_STORE_OK};
        answer.as.store_ok.value = msg.as.store_ok.value + 1;
        return actor_reply(actor, env, &answer);
    }
    case MSG_STORE_ROOM_GET: return actor_reply_error(actor, env, ERR_NO_ROOM, 1500);
    default: return ERR_UNEXPECTED;
    }
}

static void s_room_on_turn(void *self, actor_t *actor, int64_t now_ms)
{
    struct room *room = self;
    room->turns++;
    assert(now_ms == actor_now_ms(actor));
}

static void s_room_on_tick(void *self, actor_t *actor, int64_t now_ms)
{
    (void)actor;
    struct room *room = self;
    if (room->ticked_ms && now_ms - room->ticked_ms < room->tick_gap_ms_min)
        room->tick_gap_ms_min = now_ms - room->ticked_ms;
    room->ticked_ms = now_ms;
    room->ticks++;
}

static void s_room_on_work(void *self, actor_t *actor, void *zsock)
{
    (void)actor;
    struct room *room = self;
    char *text = zstr_recv(zsock);
    room->watched++;
    zstr_free(&text);
}

static const struct actor_handlers s_room_handlers = {
    .on_message = s_room_on_message,
    .on_turn = s_room_on_turn,
    .on_tick = s_room_on_tick,
};

static void s_room_thread(zsock_t *pipe, void *args)
{
    struct room *room = args;
    actor_t *actor = actor_new(ROOM, &s_room_handlers, room);
    assert(actor);
    err_t err = actor_bind(actor, room->endpoint);
    assert(!err);
    snprintf(room->bound, sizeof room->bound, "%s", actor_endpoint(actor));
    room->work = zsock_new_pull(room->work_endpoint);
    assert(room->work);
    actor_watch(actor, room->work, s_room_on_work);
    room->is_ready = true;
    actor_run(actor, pipe);
    zsock_destroy(&room->work);
    actor_destroy(&actor);
    room->is_done = true;
}

/* ---- the edge: pumped by the test ---------------------------------------------------------------------------------- */

struct edge {
    actor_t *actor;
    peer_event_t events[16];
    int event_count, answers, errors;
    uint64_t sum, last_correlation;
    struct envelope last_env;
    err_t last_err;
    uint32_t last_retry_ms;
    char last_scope[64];
};

static err_t s_edge_on_message(void *self, actor_t *actor, const struct envelope *env, view_t body)
{
    (void)actor;
    struct edge *edge = self;
    struct msg msg;
    err_t err = msg_decode(body, &msg);
    if (err)
        return err;
    edge->last_env = *env;
    if (msg.type == MSG_ERR) {
        edge->errors++;
        edge->last_err = msg.as.err.code;
        edge->last_retry_ms = msg.as.err.retry_ms;
        snprintf(edge->last_scope, sizeof edge->last_scope, "%.*s", (int)msg.as.err.scope.len,
                 (const char *)msg.as.err.scope.bytes);
        return ERR_OK;
    }
    assert(env->correlation == edge->last_correlation + 1);
    edge->last_correlation = env->correlation;
    edge->sum += msg.as.store_ok.value;
    edge->answers++;
    return ERR_OK;
}

static void s_edge_on_peer(void *self, actor_t *actor, address_t peer, peer_event_t event)
{
    struct edge *edge = self;
    assert(peer == ROOM && actor == edge->actor);
    edge->events[edge->event_count++] = event;
}

static const struct actor_handlers s_edge_handlers = {
    .on_message = s_edge_on_message,
    .on_peer = s_edge_on_peer,
};

/* As a foreign loop does it: wait for the fds alone, then pump until nothing more is waiting. */
static void s_pump_until(struct edge *edge, const int *count, int wanted)
{
    int64_t until = clock_now_ms() + WAIT_MS;
    while (*count < wanted && clock_now_ms() < until) {
        int fds[8];
        size_t fd_count = actor_fds(edge->actor, fds, 8);
        zmq_pollitem_t items[8];
        for (size_t i = 0; i < fd_count; i++)
            items[i] = (zmq_pollitem_t){.fd = fds[i], .events = ZMQ_POLLIN};
        zmq_poll(items, (int)fd_count, actor_timeout_ms(edge->actor));
        while (actor_pump(edge->actor, 64)) {
        }
    }
    assert_true(*count >= wanted);
}

struct world {
    struct room room;
    struct edge edge;
    zactor_t *thread;
};

static int s_setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    w->room.endpoint = *state ? "tcp://127.0.0.1:*" : "inproc://test-room";
    static int worlds; /* a closed PULL gives its name back late */
    snprintf(w->room.work_endpoint, sizeof w->room.work_endpoint, "inproc://test-work-%d", worlds++);
    w->room.tick_gap_ms_min = 1000000;
    w->thread = zactor_new(s_room_thread, &w->room);
    assert_true(w->room.is_ready);
    w->edge.actor = actor_new(EDGE, &s_edge_handlers, &w->edge);
    assert_int_equal(actor_connect(w->edge.actor, ROOM, w->room.bound), ERR_OK);
    s_pump_until(&w->edge, &w->edge.event_count, 1);
    *state = w;
    return 0;
}

static int s_teardown(void **state)
{
    struct world *w = *state;
    actor_destroy(&w->edge.actor);
    actor_destroy(&w->edge.actor);
    zactor_destroy(&w->thread);
    assert_true(w->room.is_done);
    free(w);
    return 0;
}

static err_t s_ask(struct edge *edge, uint64_t value, uint64_t correlation)
{
    struct msg msg = {.type = MSG_STORE_OK};
    msg.as.store_ok.value = value;
    struct envelope env = {.correlation = correlation, .key = 7, .user = 8, .session = 9};
    return actor_send(edge->actor, ROOM, &env, &msg);
}

static void test_a_question_is_answered_with_what_it_brought(void **state)
{
    struct world *w = *state;
    assert_int_equal(w->edge.events[0], PEER_UP);
    assert_int_equal(s_ask(&w->edge, 41, 1), ERR_OK);
    s_pump_until(&w->edge, &w->edge.answers, 1);
    const struct envelope *env = &w->edge.last_env;
    assert_int_equal(w->edge.sum, 42);
    assert_true(env->from == ROOM);
    assert_int_equal(env->flags, ENVELOPE_REPLY);
    assert_int_equal(env->key, 7);
    assert_int_equal(env->user, 8);
    assert_int_equal(env->session, 9);
}

static void test_an_error_names_the_message_refused(void **state)
{
    struct world *w = *state;
    struct msg msg = {.type = MSG_STORE_ROOM_GET};
    struct envelope env = {.correlation = 5};
    assert_int_equal(actor_send(w->edge.actor, ROOM, &env, &msg), ERR_OK);
    s_pump_until(&w->edge, &w->edge.errors, 1);
    assert_int_equal(w->edge.last_err, ERR_NO_ROOM);
    assert_int_equal(w->edge.last_retry_ms, 1500);
    assert_string_equal(w->edge.last_scope, "store_room_get");
    assert_int_equal(w->edge.last_env.correlation, 5);
}

static void test_a_flood_is_answered_whole_and_in_order_by_fds_alone(void **state)
{
    struct world *w = *state;
    for (uint64_t i = 1; i <= FLOOD; i++)
        assert_int_equal(s_ask(&w->edge, i, i), ERR_OK);
    actor_pump(w->edge.actor, 64);
    s_pump_until(&w->edge, &w->edge.answers, FLOOD);
    assert_int_equal(w->edge.sum, (uint64_t)FLOOD * (FLOOD + 1) / 2 + FLOOD);
    assert_int_equal(w->edge.event_count, 1);
}

static void test_single_questions_never_wait_for_a_timeout(void **state)
{
    struct world *w = *state;
    int64_t start = clock_now_ms();
    for (int i = 1; i <= 200; i++) {
        assert_int_equal(s_ask(&w->edge, 1, (uint64_t)i), ERR_OK);
        actor_pump(w->edge.actor, 64); /* after a send outside a handler */
        s_pump_until(&w->edge, &w->edge.answers, i);
    }
    /* A missed edge of a ZMQ_FD costs a whole timeout of 50 ms: 200 of them would take 10 s. */
    assert_true(clock_now_ms() - start < 3000);
}

static void test_turns_and_ticks_come_and_watched_sockets_are_served(void **state)
{
    struct world *w = *state;
    zsock_t *push = zsock_new_push(w->room.work_endpoint);
    for (int i = 0; i < 100; i++)
        zstr_send(push, "done");
    int64_t until = clock_now_ms() + WAIT_MS;
    while ((w->room.watched < 100 || w->room.ticks < 3) && clock_now_ms() < until)
        zclock_sleep(5);
    zsock_destroy(&push);
    assert_int_equal(w->room.watched, 100);
    assert_true(w->room.ticks >= 3);
    assert_true(w->room.turns >= w->room.ticks);
    assert_true(w->room.tick_gap_ms_min >= 50);
}

static void test_what_cannot_be_sent_says_why(void **state)
{
    struct world *w = *state;
    struct msg msg = {.type = MSG_STORE_OK};
    struct envelope env = {0};
    assert_int_equal(actor_send(w->edge.actor, address_make(ROLE_PERSIST, 0, 0), &env, &msg), ERR_NOT_FOUND);
    assert_int_equal(actor_send_bytes(w->edge.actor, ROOM, &env, view_of("\x91\x00", 2)), ERR_UNKNOWN_TYPE);
    msg.as.store_ok.value = UINT64_MAX;
    assert_int_equal(actor_send(w->edge.actor, ROOM, &env, &msg), ERR_OUT_OF_RANGE);
    assert_int_equal(actor_connect(w->edge.actor, ROOM, "inproc://elsewhere"), ERR_OK); /* already */
    assert_int_equal(actor_connect(w->edge.actor, address_make(ROLE_ROOM, 9, 0), "nonsense"), ERR_INTERNAL);
}

static void test_an_unexpected_message_harms_nothing(void **state)
{
    struct world *w = *state;
    struct msg msg = {.type = MSG_STORE_REVOCATIONS_GET};
    struct envelope env = {0};
    assert_int_equal(actor_send(w->edge.actor, ROOM, &env, &msg), ERR_OK);
    assert_int_equal(s_ask(&w->edge, 1, 1), ERR_OK);
    s_pump_until(&w->edge, &w->edge.answers, 1);
}

static void test_time_of_a_turn_is_the_frozen_clock(void **state)
{
    (void)state;
    struct edge edge = {0};
    clock_freeze(5000, 1700000000000);
    edge.actor = actor_new(EDGE, &s_edge_handlers, &edge);
    assert_int_equal(actor_now_ms(edge.actor), 5000);
    clock_freeze(5010, 1700000000010);
    assert_int_equal(actor_now_ms(edge.actor), 5000);
    actor_pump(edge.actor, 1);
    assert_int_equal(actor_now_ms(edge.actor), 5010);
    assert_int_equal(actor_utc_ms(edge.actor), 1700000000010);
    assert_int_equal(actor_timeout_ms(edge.actor), 40);
    clock_freeze(0, 0);
    actor_destroy(&edge.actor);
}

#define ON(test, over) {#test "_" #over, test, s_setup, s_teardown, s_is_##over}
#define BOTH(test) ON(test, inproc), ON(test, tcp)

/* ---- another process under our name -------------------------------------------------------------------------------- */

static err_t s_no_message(void *self, actor_t *actor, const struct envelope *env, view_t body)
{
    (void)self;
    (void)actor;
    (void)env;
    (void)body;
    return ERR_OK;
}

/* In a child: an edge, and the room's part by hand, which tells this boot, or another one, that its place is taken. */
static _Noreturn void s_run_replaced(uint64_t nonce)
{
    static const struct actor_handlers handlers = {.on_message = s_no_message};
    uint8_t frame[ENVELOPE_BYTES + 64], route[64];
    struct envelope env = {.type = MSG_ERR, .from = ROOM, .correlation = nonce};
    struct msg msg = {.type = MSG_ERR, .as.err = {.code = ERR_FENCED}};
    buffer_t body;
    buffer_init(&body, 64);
    zsock_t *room = zsock_new(ZMQ_ROUTER);
    actor_t *edge = actor_new(EDGE, &handlers, NULL);
    if (!room || !edge || msg_encode(&msg, &body) || zmq_bind(zsock_resolve(room), "inproc://replaced") != 0 ||
        actor_connect(edge, ROOM, "inproc://replaced"))
        _exit(99);
    envelope_write(&env, frame);
    memcpy(frame + ENVELOPE_BYTES, body.bytes, body.len);
    actor_pump(edge, 100);
    int len = zmq_recv(zsock_resolve(room), route, sizeof route, 0);
    zmq_send(zsock_resolve(room), route, (size_t)len, ZMQ_SNDMORE);
    zmq_send(zsock_resolve(room), frame, ENVELOPE_BYTES + body.len, 0);
    for (int i = 0; i < 20; i++) {
        actor_pump(edge, 100);
        zclock_sleep(5);
    }
    _exit(0);
}

static int s_status_of_replaced(uint64_t nonce)
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0)
        s_run_replaced(nonce);
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* First of all: ØMQ does not survive a fork. */
static void test_an_actor_whose_place_was_taken_ends_its_process(void **state)
{
    (void)state;
    assert_int_equal(EXIT_FAILURE, s_status_of_replaced(address_nonce(EDGE)));
    assert_int_equal(0, s_status_of_replaced(address_nonce(EDGE) + 1)); /* meant for a former one on this connection */
}

int main(void)
{
    keys_allow_plain(true); /* what links do is the same with keys; test_guard has those */
    void *s_is_inproc = NULL, *s_is_tcp = "tcp";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_actor_whose_place_was_taken_ends_its_process),
        BOTH(test_a_question_is_answered_with_what_it_brought),
        BOTH(test_an_error_names_the_message_refused),
        BOTH(test_a_flood_is_answered_whole_and_in_order_by_fds_alone),
        BOTH(test_single_questions_never_wait_for_a_timeout),
        ON(test_turns_and_ticks_come_and_watched_sockets_are_served, inproc),
        ON(test_what_cannot_be_sent_says_why, inproc),
        ON(test_an_unexpected_message_harms_nothing, inproc),
        cmocka_unit_test(test_time_of_a_turn_is_the_frozen_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
