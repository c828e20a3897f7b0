#include "persist/sockets_relay.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "actors/runtime/log.h"
#include "proto/limits.h"

enum { EDGE_SILENT_MS = 5 * LIM_STATS_EACH_MS, LIST_BYTES_MAX = LIM_SOCKETS_PAGE_MAX * 128 };

struct relay {
    uint64_t number; /* correlation of what the edges are asked; 0: free */
    struct envelope asked;
    int64_t deadline_ms;
    uint32_t limit;
    uint64_t count;
    address_t waits[LIM_EDGES_MAX];
    size_t wait_count;
    list_writer_t list;
};

struct sockets_relay {
    struct relay relays[LIM_SOCKETS_ASKS_MAX];
    uint64_t last_number;
    sockets_done_t done;
    void *context;
};

sockets_relay_t *sockets_relay_new(sockets_done_t done, void *context)
{
    sockets_relay_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->done = done;
    self->context = context;
    for (size_t i = 0; i < LIM_SOCKETS_ASKS_MAX; i++)
        list_writer_init(&self->relays[i].list, LIST_BYTES_MAX);
    return self;
}

void sockets_relay_destroy(sockets_relay_t **self_p)
{
    assert(self_p);
    sockets_relay_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < LIM_SOCKETS_ASKS_MAX; i++)
        list_writer_fini(&self->relays[i].list);
    free(self);
    *self_p = NULL;
}

static struct relay *s_find(sockets_relay_t *self, uint64_t number)
{
    for (size_t i = 0; i < LIM_SOCKETS_ASKS_MAX; i++)
        if (self->relays[i].number == number)
            return &self->relays[i];
    return NULL;
}

static void s_end(sockets_relay_t *self, struct relay *relay)
{
    buffer_t bytes;
    buffer_init(&bytes, LIM_LINK_BODY_BYTES_MAX);
    struct msg msg = {.type = MSG_SOCKETS, .as.sockets = {.count = relay->count, .silent = (uint32_t)relay->wait_count,
                                                           .sockets = list_of(&relay->list)}};
    if (msg_encode(&msg, &bytes))
        log_error("open sockets cannot be told: count=%zu", relay->list.count);
    else
        self->done(self->context, &relay->asked, buffer_view(&bytes));
    buffer_fini(&bytes);
    list_writer_clear(&relay->list);
    relay->number = 0;
}

/* Those it could not be sent to count as silent, too. */
static void s_ask_edges(struct relay *relay, actor_t *actor, view_t body)
{
    struct envelope env = {.correlation = relay->number, .deadline_ms = LIM_SOCKETS_MS, .user = relay->asked.user};
    for (size_t i = 0; i < relay->wait_count; i++)
        (void)actor_send_bytes(actor, relay->waits[i], &env, body);
}

err_t sockets_relay_ask(sockets_relay_t *self, actor_t *actor, const struct envelope *env, view_t body,
                        const stats_board_t *board)
{
    struct msg msg;
    err_t err = msg_decode(body, &msg);
    struct relay *relay = s_find(self, 0);
    if (err || !relay)
        return err ? err : ERR_OVERLOADED;
    const struct msg_sockets_get *get = &msg.as.sockets_get;
    int64_t now_ms = actor_now_ms(actor);
    relay->number = ++self->last_number;
    relay->asked = *env;
    relay->deadline_ms = now_ms + LIM_SOCKETS_MS;
    relay->limit = get->limit;
    relay->count = 0;
    relay->wait_count = stats_board_nodes(board, ROLE_EDGE, now_ms, EDGE_SILENT_MS, relay->waits, LIM_EDGES_MAX);
    if (get->edge) {
        address_t only = address_from_node(get->edge);
        bool is_there = false;
        for (size_t i = 0; i < relay->wait_count; i++)
            is_there = is_there || address_is_same_node(relay->waits[i], only);
        relay->wait_count = is_there;
        relay->waits[0] = only;
    }
    s_ask_edges(relay, actor, body);
    if (relay->wait_count == 0)
        s_end(self, relay);
    return ERR_OK;
}

static bool s_was_waiting(struct relay *relay, address_t edge)
{
    for (size_t i = 0; i < relay->wait_count; i++)
        if (address_is_same_node(relay->waits[i], edge)) {
            relay->waits[i] = relay->waits[--relay->wait_count];
            return true;
        }
    return false;
}

err_t sockets_relay_answer(sockets_relay_t *self, const struct envelope *env, view_t body)
{
    struct msg msg;
    struct rec_socket_info socket;
    err_t err = msg_decode(body, &msg);
    struct relay *relay = env->correlation ? s_find(self, env->correlation) : NULL;
    if (err || !relay || !s_was_waiting(relay, env->from))
        return err;
    relay->count += msg.as.sockets.count;
    while (!err && relay->list.count < relay->limit && rec_socket_info_next(&msg.as.sockets.sockets, &socket))
        err = socket.edge == address_node(env->from) ? rec_socket_info_append(&relay->list, &socket) : ERR_FORBIDDEN;
    if (relay->wait_count == 0)
        s_end(self, relay);
    return err;
}

void sockets_relay_on_tick(sockets_relay_t *self, int64_t now_ms)
{
    for (size_t i = 0; i < LIM_SOCKETS_ASKS_MAX; i++)
        if (self->relays[i].number && now_ms >= self->relays[i].deadline_ms)
            s_end(self, &self->relays[i]);
}
