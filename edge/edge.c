#include "edge/edge.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "actors/runtime/log.h"
#include "actors/runtime/metrics.h"
#include "build_info.h"
#include "edge/attach.h"
#include "edge/http.h"
#include "edge/links.h"
#include "edge/listener.h"
#include "edge/people.h"
#include "edge/session.h"
#include "edge/sockets.h"
#include "edge/ws.h"

enum {
    DRAIN_EACH_MS = 50,
    DRAIN_SPREAD_MS = 2000,    /* all sockets are told to go within this */
    DRAIN_RETRY_MS_MAX = 2000, /* they come back spread over this */
    ADDRESSES_MAX = 4096,
};

/* ---- the actor's handlers ---- */

static err_t s_on_message(void *context, actor_t *actor, const struct envelope *env, view_t body)
{
    struct edge *self = context;
    (void)actor;
    self->now_ms = actor_now_ms(self->actor);
    self->utc_ms = actor_utc_ms(self->actor);
    if (env->type == MSG_SOCKETS_GET) /* a question, with the number of who asks */
        return sockets_on_get(self, env, body);
    if (env->correlation && asks_on_answer(self->asks, env, body))
        return ERR_OK;
    switch (env->type) {
    case MSG_EVENT:
        attach_on_event(self->attach, env, body);
        return ERR_OK;
    case MSG_HEADS:
        attach_on_heads(self->attach, body);
        return ERR_OK;
    case MSG_TYPISTS:
    case MSG_PRESENCE:
        attach_on_ephemeral(self->attach, env, body);
        return ERR_OK;
    case MSG_KICK:
        attach_on_kick(self->attach, env, body);
        return ERR_OK;
    case MSG_ERR:
        if (env->key && !env->correlation && !(env->flags & ENVELOPE_REPLY)) {
            links_want_leases(self->links);
            attach_on_room_dropped(self->attach, env->key);
        }
        return ERR_OK; /* else a late answer */
    default:
        if (session_on_link(self, env, body) || env->flags & ENVELOPE_REPLY)
            return ERR_OK; /* a late answer */
        return ERR_UNEXPECTED;
    }
}

static void s_on_peer(void *context, actor_t *actor, address_t peer, peer_event_t event)
{
    struct edge *self = context;
    (void)actor;
    self->now_ms = actor_now_ms(self->actor);
    links_on_peer(self->links, peer, event);
    bool is_room = address_role(peer) == ROLE_ROOM && event != PEER_DOWN;
    const struct ask *newest = asks_newest(self->asks);
    if (is_room) { /* readers first: then a post that is sent again is shown before it is acked */
        attach_on_peer(self->attach, peer);
        attach_on_turn(self->attach);
    }
    asks_on_peer(self->asks, peer, event, newest);
    if (is_room)
        session_on_peer(self, peer);
}

static void s_on_turn(void *context, actor_t *actor, int64_t now_ms)
{
    struct edge *self = context;
    self->now_ms = now_ms;
    self->utc_ms = actor_utc_ms(actor);
    fanout_set_now(self->fanout, now_ms);
    attach_on_turn(self->attach);
    struct viewer *viewer;
    while ((viewer = fanout_take_dirty(self->fanout)))
        session_flush((struct session *)viewer);
}

static void s_drain(struct edge *self);

static void s_on_tick(void *context, actor_t *actor, int64_t now_ms)
{
    struct edge *self = context;
    (void)actor;
    self->now_ms = now_ms;
    links_on_tick(self->links);
    people_on_tick(self->people);
    asks_on_tick(self->asks);
    attach_on_tick(self->attach);
    session_on_tick(self);
    http_conn_on_tick(self);
    listener_on_tick(self->listener);
    listener_on_tick(self->admin);
    node_stats_on_tick(&self->stats, self->actor, &(struct node_load){.queue = asks_count(self->asks),
                                                                      .sockets = self->socket_count});
    if (self->draining)
        s_drain(self);
    s_on_turn(self, actor, now_ms); /* what the ticks queued goes out now, not with the next wake */
}

static const struct actor_handlers s_handlers = {
    .on_message = s_on_message,
    .on_peer = s_on_peer,
    .on_turn = s_on_turn,
    .on_tick = s_on_tick,
};

/* ---- the end ---- */

static void s_on_term(void *context)
{
    struct edge *self = context;
    log_info("draining: sockets=%zu", self->socket_count);
    self->draining = true;
    self->drain_at_ms = self->now_ms;
    self->drain_until_ms = self->now_ms + EDGE_DRAIN_MS;
    if (self->socket_count == 0)
        loop_quit(self->loop);
}

/* So many sockets each step that all are told within the spread; each with another time to come back. */
static void s_drain(struct edge *self)
{
    if (self->now_ms >= self->drain_at_ms) {
        self->drain_at_ms = self->now_ms + DRAIN_EACH_MS;
        if (self->drain_step == 0)
            self->drain_step = self->socket_count * DRAIN_EACH_MS / DRAIN_SPREAD_MS + 1;
        session_drain(self, self->drain_step, DRAIN_RETRY_MS_MAX);
    }
    if (self->socket_count == 0 || self->now_ms >= self->drain_until_ms)
        loop_quit(self->loop);
}

/* ---- the beginning ---- */

static err_t s_start_budgets(struct edge *self)
{
    const struct config *config = self->config;
    uint64_t seed = id_random();
    self->frames_rule = budget_rule_of(config->frames_per_s, 1000, config->frames_burst);
    self->flood_rule = budget_rule_of(config->frames_per_s * SESSION_FLOOD_FACTOR, 1000,
                                      config->frames_burst * SESSION_FLOOD_FACTOR);
    self->holds = budget_holds_new((size_t)config->connections_max, seed);
    self->requests = budget_table_new(budget_rule_of(config->requests_per_s, 1000, config->requests_burst),
                                      ADDRESSES_MAX, seed);
    self->auth = auth_new(config->jwt_secret);
    if (!self->holds || !self->requests || !self->auth)
        return ERR_NO_MEMORY;
    err_t err = auth_origins_read(&self->origins, config->origins);
    return err ? err : proxies_read(&self->proxies, config->trusted_proxies);
}

static err_t s_start_parts(struct edge *self, void *pipe, address_t address)
{
    buffer_init(&self->encoded, LIM_LINK_BODY_BYTES_MAX);
    buffer_init(&self->inbound, LIM_LINK_BODY_BYTES_MAX);
    self->scratch = malloc(EDGE_WRITE_BYTES);
    self->peeked = malloc(EDGE_PEEK_BYTES);
    self->actor = actor_new(address, &s_handlers, self);
    if (!self->scratch || !self->peeked || !self->actor)
        return ERR_NO_MEMORY;
    self->now_ms = actor_now_ms(self->actor);
    self->utc_ms = actor_utc_ms(self->actor);
    self->asks = asks_new(self);
    self->links = links_new(self);
    self->attach = attach_new(self);
    self->people = people_new(self);
    self->fanout = fanout_new(&attach_fanout_ops, self->attach);
    self->loop = loop_new(pipe, self->actor, s_on_term, self);
    self->statics = http_static_new(self->config->web_root);
    bool is_whole = self->asks && self->links && self->attach && self->people && self->fanout && self->loop && self->statics;
    return is_whole ? ERR_OK : ERR_NO_MEMORY;
}

static err_t s_start_network(struct edge *self)
{
    const struct config *config = self->config;
    listener_need_descriptors(config);
    err_t err = links_start(self->links);
    if (!err)
        err = loop_watch_actor(self->loop);
    if (!err)
        err = ws_open(self);
    if (err)
        return err;
    self->listener = listener_open(self, config->bind, (int)config->port, false);
    if (!self->listener)
        return ERR_INTERNAL;
    /* One of several edges has it for all, but a node alone; without it they are only less well observed. */
    bool is_alone = self->topology->is_distributed && !metrics_is_shared();
    if (config->admin_port > 0 && (is_alone || address_instance(actor_address(self->actor)) == 0)) {
        self->admin = listener_open(self, config->admin_bind, (int)config->admin_port, true);
        if (!self->admin)
            log_warn("no admin port: metrics cannot be read");
    }
    log_info("listening: address=%s port=%d", config->bind, listener_port(self->listener));
    return ERR_OK;
}

static void s_stop(struct edge *self)
{
    listener_close(&self->listener);
    listener_close(&self->admin);
    http_conn_close_all(self);
    loop_destroy(&self->loop); /* the last sockets close in here, with their callbacks */
    fanout_destroy(&self->fanout);
    attach_destroy(&self->attach);
    asks_destroy(&self->asks);
    links_destroy(&self->links);
    people_destroy(&self->people);
    actor_destroy(&self->actor);
    http_static_destroy(&self->statics);
    auth_destroy(&self->auth);
    budget_table_destroy(&self->requests);
    budget_holds_destroy(&self->holds);
    map_fini(&self->sessions);
    map_fini(&self->users);
    stats_board_destroy(&self->board);
    buffer_fini(&self->encoded);
    buffer_fini(&self->inbound);
    free(self->scratch);
    free(self->peeked);
}

void edge_run(void *pipe, const struct role_context *context)
{
    struct edge *self = calloc(1, sizeof *self);
    err_t err = self ? ERR_OK : ERR_NO_MEMORY;
    char name[ADDRESS_TEXT_MAX];
    address_print(context->address, name);
    log_set_actor(name);
    if (!err) {
        self->config = context->config;
        self->topology = context->topology;
        self->last_number = (uint64_t)address_instance(context->address) << 32; /* no two edges use one number */
        self->build = BUILD_VERSION;
        err = s_start_budgets(self);
    }
    if (!err)
        err = s_start_parts(self, pipe, context->address);
    if (!err)
        err = s_start_network(self);
    if (err)
        log_error("edge cannot start: code=%s", err_name(err));
    loop_signal(pipe, err ? 1 : 0);
    if (!err)
        loop_run(self->loop);
    if (self)
        s_stop(self);
    free(self);
}
