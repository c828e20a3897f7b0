/* What a link costs: round trips between an actor on its own loop and a pumped one, and frames per second one way,
 * with bodies of 200 bytes. `micro_link [ROUND_TRIPS] [FRAMES]`. One thread asks, one answers, so two cores. */
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/runtime/actor.h"
#include "actors/runtime/keys.h"
#include "actors/runtime/clock.h"
#include "proto/limits.h"

enum { BODY_BYTES = 200, FDS_MAX = 4 };

#define ROOM address_make(ROLE_ROOM, 0, 1)
#define EDGE address_make(ROLE_EDGE, 0, 1)

struct room {
    const char *endpoint;
    char bound[LIM_ENDPOINT_BYTES_MAX];
    _Atomic int is_bound;
    uint64_t frames;
};

struct edge {
    actor_t *actor;
    uint64_t answers;
    bool is_up;
};

/* A correlation asks for an answer; a session ends the room. */
static err_t s_room_on_message(void *self, actor_t *actor, const struct envelope *env, view_t body)
{
    struct room *room = self;
    room->frames++;
    if (env->session)
        actor_stop(actor);
    if (!env->correlation)
        return ERR_OK;
    struct envelope reply = envelope_reply(env);
    return actor_send_bytes(actor, env->from, &reply, body);
}

static void *s_room_run(void *args)
{
    static const struct actor_handlers handlers = {.on_message = s_room_on_message};
    struct room *room = args;
    actor_t *actor = actor_new(ROOM, &handlers, room);
    if (!actor || actor_bind(actor, room->endpoint))
        abort();
    snprintf(room->bound, sizeof room->bound, "%s", actor_endpoint(actor));
    room->is_bound = 1;
    actor_run(actor, NULL);
    actor_destroy(&actor);
    return NULL;
}

static err_t s_edge_on_message(void *self, actor_t *actor, const struct envelope *env, view_t body)
{
    (void)actor, (void)env, (void)body;
    ((struct edge *)self)->answers++;
    return ERR_OK;
}

static void s_edge_on_peer(void *self, actor_t *actor, address_t peer, peer_event_t event)
{
    (void)actor, (void)peer;
    ((struct edge *)self)->is_up = event == PEER_UP;
}

static void s_wait(struct edge *edge)
{
    int fds[FDS_MAX];
    struct pollfd items[FDS_MAX];
    size_t count = actor_fds(edge->actor, fds, FDS_MAX);
    for (size_t i = 0; i < count; i++)
        items[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    poll(items, count, actor_timeout_ms(edge->actor));
}

/* Pumps until the next answer. */
static void s_pump_answer(struct edge *edge, uint64_t wanted)
{
    for (;;) {
        while (actor_pump(edge->actor, 256)) {
        }
        if (edge->answers >= wanted)
            return;
        s_wait(edge);
    }
}

static int s_compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return left < right ? -1 : left > right;
}

static void s_round_trips(struct edge *edge, view_t body, size_t count)
{
    int64_t *us = calloc(count, sizeof *us);
    struct envelope env = {.correlation = 1};
    for (size_t i = 0; us && i < count; i++) {
        int64_t start = clock_now_us();
        if (actor_send_bytes(edge->actor, ROOM, &env, body))
            abort();
        s_pump_answer(edge, edge->answers + 1);
        us[i] = clock_now_us() - start;
    }
    if (us)
        qsort(us, count, sizeof *us, s_compare);
    if (us)
        printf("  round trip: p50 %" PRId64 " us, p99 %" PRId64 " us (%zu)\n", us[count / 2], us[count * 99 / 100],
               count);
    free(us);
}

/* The last frame asks for an answer: the clock stops when everything was read. */
static void s_one_way(struct edge *edge, view_t body, size_t count)
{
    struct envelope env = {0};
    uint64_t answers = edge->answers;
    size_t refused = 0;
    int64_t start = clock_now_us();
    for (size_t i = 0; i < count;) {
        env.correlation = i + 1 == count;
        err_t err = actor_send_bytes(edge->actor, ROOM, &env, body);
        if (!err) {
            i++;
            continue;
        }
        refused++;
        s_wait(edge); /* its outbox is full: until it confirms */
        actor_pump(edge->actor, 256);
    }
    s_pump_answer(edge, answers + 1);
    int64_t took_us = clock_now_us() - start;
    printf("  one way: %.0f frames/s (%zu of %d bytes; outbox full %zu times)\n", (double)count * 1e6 / (double)took_us,
           count, BODY_BYTES, refused);
}

static void s_measure(const char *endpoint, view_t body, size_t trips, size_t frames)
{
    static const struct actor_handlers handlers = {.on_message = s_edge_on_message, .on_peer = s_edge_on_peer};
    struct room room = {.endpoint = endpoint};
    struct edge edge = {.actor = actor_new(EDGE, &handlers, &edge)};
    pthread_t thread;
    if (!edge.actor || pthread_create(&thread, NULL, s_room_run, &room))
        abort();
    while (!room.is_bound)
        poll(NULL, 0, 1);
    if (actor_connect(edge.actor, ROOM, room.bound))
        abort();
    while (!edge.is_up) {
        s_wait(&edge);
        actor_pump(edge.actor, 256);
    }
    printf("%s\n", room.bound);
    s_round_trips(&edge, body, trips);
    s_one_way(&edge, body, frames);
    struct envelope stop = {.session = 1};
    if (actor_send_bytes(edge.actor, ROOM, &stop, body))
        abort();
    pthread_join(thread, NULL);
    actor_destroy(&edge.actor);
}

int main(int argc, char **argv)
{
    keys_allow_plain(true); /* what CURVE costs is not the question here */
    size_t trips = argc > 1 ? strtoul(argv[1], NULL, 10) : 20000;
    size_t frames = argc > 2 ? strtoul(argv[2], NULL, 10) : 500000;
    char reason[BODY_BYTES];
    memset(reason, 'x', sizeof reason);
    struct msg msg = {.type = MSG_ERR};
    msg.as.err.reason = view_of(reason, sizeof reason - 16);
    buffer_t body;
    buffer_init(&body, 1024);
    if (trips == 0 || frames == 0 || msg_encode(&msg, &body)) {
        fputs("usage: micro_link [ROUND_TRIPS] [FRAMES]\n", stderr);
        return 2;
    }
    s_measure("inproc://micro-link", buffer_view(&body), trips, frames);
    s_measure("tcp://127.0.0.1:*", buffer_view(&body), trips, frames);
    buffer_fini(&body);
    return 0;
}
