#include "actors/room_actor.h"

#include <inttypes.h>
#include <poll.h>
#include <string.h>

#include "actors/room_shard.h"
#include "actors/runtime/clock.h"
#include "actors/runtime/log.h"
#include "actors/runtime/metrics.h"
#include "actors/runtime/node_stats.h"

enum { PUMP_FRAMES = 256, FDS_MAX = LIM_NODES_MAX };

struct room_actor {
    room_shard_t *shard;
    effects_t effects;
    struct room_shard_counts told; /* what metrics and log know */
    bool was_serving;
    struct node_stats stats;
};

static void s_flush(struct room_actor *self, actor_t *actor)
{
    for (size_t i = 0; i < self->effects.count; i++) {
        const struct effect *effect = &self->effects.items[i];
        /* What is refused here is repeated by a deadline, or seen as a hole by the receiver. */
        (void)actor_send_bytes(actor, effect->to, &effect->env, effects_bytes(&self->effects, effect));
    }
    if (self->effects.refused) {
        log_error("more effects than a step may have: refused=%zu", self->effects.refused);
        self->effects.refused = 0;
    }
    effects_clear(&self->effects);
}

/* ---- other room nodes, where each is a process ------------------------------------------------------------------- */

/* A pair needs one link: the later one connects, as s_connect does for those it knows. */
static void s_meet(actor_t *actor, view_t body)
{
    struct msg msg;
    struct rec_dir_node node;
    if (msg_decode(body, &msg))
        return; /* the shard says so */
    while (rec_dir_node_next(&msg.as.dir_nodes.nodes, &node)) {
        char endpoint[LIM_ENDPOINT_BYTES_MAX + 1];
        address_t address = address_from_node(node.node);
        if (address_role(address) != ROLE_ROOM || node.endpoint.len == 0 || node.endpoint.len >= sizeof endpoint ||
            address_instance(address) >= address_instance(actor_address(actor)))
            continue;
        memcpy(endpoint, node.endpoint.bytes, node.endpoint.len);
        endpoint[node.endpoint.len] = '\0';
        (void)actor_connect(actor, address, endpoint);
    }
}

static err_t s_on_message(void *state, actor_t *actor, const struct envelope *env, view_t body)
{
    struct room_actor *self = state;
    if (env->type == MSG_DIR_NODES && address_role(env->from) == ROLE_PERSIST)
        s_meet(actor, body);
    err_t err = room_shard_on(self->shard, env, body, actor_now_ms(actor), actor_utc_ms(actor), &self->effects);
    s_flush(self, actor);
    /* An answer to a browser's mistake is nothing to complain of; a peer's broken frame is. */
    return err == ERR_BAD_FRAME || err == ERR_UNEXPECTED || err == ERR_WRONG_FIELDS ? err : ERR_OK;
}

static void s_on_peer(void *state, actor_t *actor, address_t peer, peer_event_t event)
{
    struct room_actor *self = state;
    room_shard_on_peer(self->shard, peer, event, actor_now_ms(actor), actor_utc_ms(actor), &self->effects);
    s_flush(self, actor);
}

static void s_on_turn(void *state, actor_t *actor, int64_t now_ms)
{
    struct room_actor *self = state;
    room_shard_on_turn(self->shard, now_ms, actor_utc_ms(actor), &self->effects);
    s_flush(self, actor);
}

static void s_count(metric_t metric, uint64_t *told, uint64_t now)
{
    if (now == *told)
        return;
    metric_add(metric, (int64_t)(now - *told)); /* also backwards, of gauges */
    *told = now;
}

static void s_count_size(metric_t metric, size_t *told, size_t now)
{
    uint64_t before = *told;
    s_count(metric, &before, now);
    *told = now;
}

static void s_report(struct room_actor *self, int64_t now_ms)
{
    struct room_shard_counts now;
    room_shard_counts(self->shard, &now);
    bool is_serving = room_shard_is_serving(self->shard, now_ms);
    if (now.shards != self->told.shards)
        log_info("shards held: shards=%zu", now.shards);
    if (is_serving != self->was_serving && now.shards)
        log_warn(is_serving ? "lease is good again" : "no good beat for %d ms: serving nothing until there is one",
                 LIM_LEASE_SERVE_MS);
    if (now.fenced != self->told.fenced)
        log_warn("events refused by the fence: another node owns their shards: events=%" PRIu64,
                 now.fenced - self->told.fenced);
    self->was_serving = is_serving;
    self->told.shards = now.shards;
    self->told.fenced = now.fenced;
    s_count_size(METRIC_ROOM_ROOMS, &self->told.rooms, now.rooms);
    s_count_size(METRIC_ROOM_INBOXES, &self->told.inboxes, now.inboxes);
    s_count_size(METRIC_ROOM_PENDING, &self->told.pending, now.pending);
    metric_highest(METRIC_ROOM_PENDING_MAX, (int64_t)now.pending);
    s_count(METRIC_ROOM_EVENTS, &self->told.events, now.events);
    s_count(METRIC_ROOM_REPEATS, &self->told.repeats, now.repeats);
    s_count(METRIC_ROOM_REFUSED, &self->told.refused, now.refused);
}

static void s_on_tick(void *state, actor_t *actor, int64_t now_ms)
{
    struct room_actor *self = state;
    room_shard_on_tick(self->shard, now_ms, actor_utc_ms(actor), &self->effects);
    s_flush(self, actor);
    s_report(self, now_ms);
    node_stats_on_tick(&self->stats, actor, &(struct node_load){.queue = self->told.pending});
    if (room_shard_state(self->shard) != ROOM_SHARD_FENCED)
        return;
    log_error("declared dead by another node: this actor ends");
    actor_stop(actor);
}

static const struct actor_handlers HANDLERS = {
    .on_message = s_on_message, .on_peer = s_on_peer, .on_turn = s_on_turn, .on_tick = s_on_tick};

static unsigned s_share(const struct role_context *context)
{
    unsigned rooms = context->topology->is_distributed ? (unsigned)context->config->rooms : 0;
    while (!context->topology->is_distributed && topology_nth(context->topology, ROLE_ROOM, rooms))
        rooms++;
    return rooms ? (LIM_SHARDS + rooms - 1) / rooms : LIM_SHARDS;
}

static room_shard_t *s_new_shard(const struct role_context *context, const char *endpoint)
{
    struct room_shard_options options = {.address = context->address, .endpoint = endpoint,
                                         .share = s_share(context),
                                         .finds_nodes = context->topology->is_distributed,
                                         .memory_bytes = (size_t)context->config->memory_mb * 1024 * 1024 /
                                                         (size_t)(context->config->rooms > 0
                                                                      ? context->config->rooms
                                                                      : 1)};
    const struct topology_node *node;
    for (size_t i = 0; (node = topology_nth(context->topology, ROLE_PERSIST, i)); i++)
        (void)providers_add(&options.persists, node->address);
    providers_begin_at(&options.persists, address_instance(context->address));
    return options.persists.count ? room_shard_new(&options) : NULL;
}

/* A pair of room actors needs one link: the later one connects. */
static err_t s_connect(actor_t *actor, const struct role_context *context)
{
    const struct topology_node *node;
    err_t err = ERR_OK;
    for (size_t i = 0; !err && (node = topology_nth(context->topology, ROLE_PERSIST, i)); i++)
        err = actor_connect(actor, node->address, node->endpoint);
    for (size_t i = 0; !err && (node = topology_nth(context->topology, ROLE_ROOM, i)); i++)
        if (address_instance(node->address) < address_instance(context->address))
            err = actor_connect(actor, node->address, node->endpoint);
    return err;
}

/* Commits what was accepted and gives the shards back; others may be gone already, so not for ever. */
static void s_stop(struct room_actor *self, actor_t *actor)
{
    int64_t until_ms = clock_now_ms() + ROOM_ACTOR_STOP_MS - 500;
    room_shard_stop(self->shard, clock_now_ms(), clock_utc_ms(), &self->effects);
    s_flush(self, actor);
    bool more = true;
    while (room_shard_state(self->shard) == ROOM_SHARD_STOPPING && clock_now_ms() < until_ms) {
        int fds[FDS_MAX];
        struct pollfd polled[FDS_MAX];
        size_t count = actor_fds(actor, fds, FDS_MAX);
        for (size_t i = 0; i < count; i++)
            polled[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
        if (!more)
            (void)poll(polled, count, actor_timeout_ms(actor));
        more = actor_pump(actor, PUMP_FRAMES);
    }
    if (room_shard_state(self->shard) == ROOM_SHARD_STOPPING)
        log_warn("stopped before all was stored or given back; clients send again, leases run out");
}

void room_actor_run(void *pipe, const struct role_context *context)
{
    struct room_actor self = {0};
    const struct topology_node *node =
        topology_find(context->topology, ROLE_ROOM, address_instance(context->address));
    const char *endpoint = node ? node->endpoint : "";
    effects_init(&self.effects, EFFECTS_MAX, EFFECTS_BYTES_MAX);
    self.shard = s_new_shard(context, endpoint);
    actor_t *actor = self.shard ? actor_new(context->address, &HANDLERS, &self) : NULL;
    err_t err = actor ? ERR_OK : ERR_NO_MEMORY;
    if (!err)
        err = actor_bind(actor, node ? topology_bind(node) : endpoint);
    if (!err)
        err = s_connect(actor, context);
    if (err)
        log_error("room actor cannot start: why=%s", err_name(err)); /* returning unready says it failed */
    else
        actor_run(actor, pipe);
    if (!err && room_shard_state(self.shard) != ROOM_SHARD_FENCED)
        s_stop(&self, actor);
    actor_destroy(&actor);
    room_shard_destroy(&self.shard);
    effects_fini(&self.effects);
}
