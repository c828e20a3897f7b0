/* The scheduler, links, clocks and faults. */
#include "tests/sim/sim.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRACE_LINES = 400, TRACE_LINE = 160 };
enum event_kind_of { EV_FRAME, EV_WAKE, EV_TICK, EV_PEER, EV_FAULT, EV_START };
enum fault { FAULT_CRASH, FAULT_OUTAGE, FAULT_PAUSE, FAULT_DB, FAULT_STOP };

struct event {
    int64_t at_ms;
    uint64_t order;
    enum event_kind_of kind;
    int from, to;
    uint32_t from_boot, to_boot;
    uint64_t what;
    struct frame *frame;
};

/* ---- chance, trace ---- */

uint64_t world_random(struct world *self, uint64_t below)
{
    self->random += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */
    uint64_t x = self->random;
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    x ^= x >> 31;
    return below ? x % below : x;
}

bool world_chance(struct world *self, unsigned ppm)
{
    return world_random(self, 1000000) < ppm;
}

void world_trace(struct world *self, const char *format, ...)
{
    char *line = self->trace + self->trace_next++ % TRACE_LINES * TRACE_LINE;
    int used = snprintf(line, TRACE_LINE, "%8" PRId64 " ", self->now_ms);
    va_list args;
    va_start(args, format);
    vsnprintf(line + used, (size_t)(TRACE_LINE - used), format, args);
    va_end(args);
    if (self->is_verbose)
        puts(line);
}

void world_print_trace(const struct world *self)
{
    size_t first = self->trace_next > TRACE_LINES ? self->trace_next - TRACE_LINES : 0;
    for (size_t i = first; i < self->trace_next; i++)
        puts(self->trace + i % TRACE_LINES * TRACE_LINE);
}

void world_fail(struct world *self, const char *format, ...)
{
    if (self->failure[0])
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(self->failure, sizeof self->failure, format, args);
    va_end(args);
    world_trace(self, "FAILED: %s", self->failure);
}

/* ---- the heap ---- */

static bool s_before(const struct event *a, const struct event *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void s_push(struct world *self, struct event event)
{
    if (self->heap_count == self->heap_cap) {
        self->heap_cap = self->heap_cap ? self->heap_cap * 2 : 256;
        self->heap = realloc(self->heap, self->heap_cap * sizeof *self->heap);
        assert(self->heap);
    }
    if (!event.order)
        event.order = ++self->order;
    size_t at = self->heap_count++;
    for (; at && s_before(&event, &self->heap[(at - 1) / 2]); at = (at - 1) / 2)
        self->heap[at] = self->heap[(at - 1) / 2];
    self->heap[at] = event;
}

static struct event s_pop(struct world *self)
{
    struct event top = self->heap[0], last = self->heap[--self->heap_count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= self->heap_count)
            break;
        if (child + 1 < self->heap_count && s_before(&self->heap[child + 1], &self->heap[child]))
            child++;
        if (!s_before(&self->heap[child], &last))
            break;
        self->heap[at] = self->heap[child];
        at = child;
    }
    self->heap[at] = last;
    return top;
}

/* ---- addresses ---- */

address_t world_address(const struct world *self, int node)
{
    uint32_t boot = self->nodes[node].boot;
    if (node >= FIRST_CLIENT)
        return address_make(ROLE_EDGE, (uint16_t)(CLIENT_INSTANCE + node - FIRST_CLIENT), boot);
    if (node >= FIRST_PERSIST)
        return address_make(ROLE_PERSIST, (uint16_t)(node - FIRST_PERSIST), boot);
    if (node >= FIRST_ROOM)
        return address_make(ROLE_ROOM, (uint16_t)(node - FIRST_ROOM), boot);
    return address_make(ROLE_EDGE, (uint16_t)node, boot);
}

int world_node(address_t address)
{
    int instance = address_instance(address);
    switch (address_role(address)) {
    case ROLE_EDGE: return instance >= CLIENT_INSTANCE ? FIRST_CLIENT + instance - CLIENT_INSTANCE : instance;
    case ROLE_ROOM: return FIRST_ROOM + instance;
    case ROLE_PERSIST: return FIRST_PERSIST + instance;
    default: return -1;
    }
}

int64_t world_clock(const struct world *self, int node)
{
    return self->now_ms + self->nodes[node].clock_ms;
}

/* ---- links ---- */

static int64_t s_delay(struct world *self)
{
    if (self->now_ms < FAULTS_MS && world_chance(self, 5000))
        return 20 + (int64_t)world_random(self, 600);
    return (int64_t)world_random(self, 4);
}

static void s_peer_event(struct world *self, int to, int from, peer_event_t what, int64_t at_ms)
{
    s_push(self, (struct event){.at_ms = at_ms, .kind = EV_PEER, .from = from, .to = to,
                                .from_boot = self->nodes[from].boot, .to_boot = self->nodes[to].boot,
                                .what = what});
}

static void s_deliver(struct world *self, int from, int to, const struct envelope *env, view_t bytes)
{
    struct link *link = &self->links[from][to];
    struct frame *frame = malloc(sizeof *frame + bytes.len);
    assert(frame);
    frame->env = *env;
    frame->env.from = world_address(self, from);
    frame->env.type = msg_peek_type(bytes);
    frame->len = bytes.len;
    memcpy(frame->bytes, bytes.bytes, bytes.len);
    int64_t at = self->now_ms + s_delay(self);
    link->last_ms = at > link->last_ms ? at : link->last_ms;
    s_push(self, (struct event){.at_ms = link->last_ms, .kind = EV_FRAME, .from = from, .to = to,
                                .from_boot = self->nodes[from].boot, .to_boot = self->nodes[to].boot,
                                .frame = frame});
}

/* A lost frame is noticed by the next one, or by the link's tick. */
static void s_lose(struct world *self, int from, int to)
{
    struct link *link = &self->links[from][to];
    if (link->has_hole)
        return;
    link->has_hole = true;
    int64_t at = (link->out_until_ms > self->now_ms ? link->out_until_ms : self->now_ms) + 300;
    link->last_ms = at > link->last_ms ? at : link->last_ms;
    s_peer_event(self, to, from, PEER_HOLE, link->last_ms);
}

void world_send(struct world *self, int from, address_t to_address, const struct envelope *env, view_t bytes)
{
    int to = world_node(to_address);
    bool is_faulty = self->now_ms < FAULTS_MS && !self->is_calm;
    if (to < 0 || to >= NODES)
        return;
    if (address_nonce(to_address) && address_nonce(to_address) != self->nodes[to].boot)
        return; /* another boot's */
    if (!self->nodes[to].is_alive)
        return;
    if (self->links[from][to].out_until_ms > self->now_ms || (is_faulty && world_chance(self, self->loss_ppm))) {
        s_lose(self, from, to);
        return;
    }
    s_deliver(self, from, to, env, bytes);
    bool is_room_to_persist = from >= FIRST_ROOM && from < FIRST_PERSIST;
    if (is_faulty && is_room_to_persist && world_chance(self, self->double_ppm))
        s_deliver(self, from, to, env, bytes);
}

void world_send_msg(struct world *self, int from, address_t to, const struct envelope *env, const struct msg *msg)
{
    buffer_t bytes;
    buffer_init(&bytes, LIM_LINK_BODY_BYTES_MAX);
    err_t err = msg_encode(msg, &bytes);
    if (err)
        world_fail(self, "%s cannot be encoded: %s", msg_name(msg->type), err_name(err));
    else
        world_send(self, from, to, env, buffer_view(&bytes));
    buffer_fini(&bytes);
}

void world_wake(struct world *self, int node, int64_t after_ms, uint64_t what)
{
    s_push(self, (struct event){.at_ms = self->now_ms + after_ms, .kind = EV_WAKE, .to = node,
                                .to_boot = self->nodes[node].boot, .what = what});
}

/* ---- nodes ---- */

static void s_flush(struct world *self, int node)
{
    for (size_t i = 0; i < self->effects.count; i++) {
        const struct effect *effect = &self->effects.items[i];
        view_t bytes = effects_bytes(&self->effects, effect);
        check_sent(self, effect, bytes);
        world_send(self, node, effect->to, &effect->env, bytes);
    }
    if (self->effects.refused)
        world_fail(self, "a step had more effects than allowed");
    effects_clear(&self->effects);
}

static void *s_new_room(struct world *self, int node)
{
    struct room_shard_options options = {.address = world_address(self, node), .endpoint = "sim",
                                         .share = LIM_SHARDS / ROOM_NODES, .memory_bytes = 1u << 24,
                                         .finds_nodes = true};
    for (size_t i = 0; i < self->persists; i++)
        providers_add(&options.persists, address_make(ROLE_PERSIST, (uint16_t)i, 0));
    return room_shard_new(&options);
}

static void s_free_state(struct world *self, int node)
{
    void *state = self->nodes[node].state;
    if (!state)
        return;
    if (node >= FIRST_CLIENT)
        client_free(state);
    else if (node >= FIRST_PERSIST)
        persist_free(state);
    else if (node >= FIRST_ROOM)
        room_shard_destroy(&(room_shard_t *){state});
    else
        edge_free(state);
    self->nodes[node].state = NULL;
}

static bool s_talk(int a, int b)
{
    if (a == b)
        return false;
    bool a_client = a >= FIRST_CLIENT, b_client = b >= FIRST_CLIENT;
    if (a_client || b_client)
        return a < EDGES || b < EDGES;
    return !(a < EDGES && b < EDGES);
}

static void s_start(struct world *self, int node)
{
    struct node *own = &self->nodes[node];
    own->is_alive = true;
    own->boot++;
    own->paused_until_ms = 0;
    if (node >= FIRST_CLIENT)
        own->state = client_new(self, node);
    else if (node >= FIRST_PERSIST)
        own->state = persist_new(self, node);
    else if (node >= FIRST_ROOM)
        own->state = s_new_room(self, node);
    else
        own->state = edge_new(self, node);
    world_trace(self, "node %d starts, boot %u", node, own->boot);
    for (int peer = 0; peer < NODES; peer++) {
        own->heard[peer] = 0;
        self->links[node][peer].has_hole = self->links[peer][node].has_hole = false; /* other connections */
        if (!self->nodes[peer].is_alive || !s_talk(node, peer))
            continue;
        s_peer_event(self, peer, node, PEER_UP, self->now_ms + 1);
        s_peer_event(self, node, peer, PEER_UP, self->now_ms + 1);
    }
    s_push(self, (struct event){.at_ms = self->now_ms + (int64_t)world_random(self, TICK_MS), .kind = EV_TICK,
                                .to = node, .to_boot = own->boot});
}

static void s_crash(struct world *self, int node, int64_t for_ms)
{
    struct node *own = &self->nodes[node];
    if (!own->is_alive)
        return;
    world_trace(self, "node %d dies for %" PRId64 " ms", node, for_ms);
    self->stats.crashes++;
    s_free_state(self, node);
    own->is_alive = false;
    for (int peer = 0; peer < NODES; peer++)
        if (self->nodes[peer].is_alive && s_talk(node, peer) && for_ms > LIM_LINK_PEER_EXPIRE_MS)
            s_peer_event(self, peer, node, PEER_DOWN, self->now_ms + LIM_LINK_PEER_EXPIRE_MS);
    s_push(self, (struct event){.at_ms = self->now_ms + for_ms, .kind = EV_START, .to = node});
}

static void s_outage(struct world *self, int a, int b, int64_t for_ms, bool is_both_ways)
{
    if (!s_talk(a, b))
        return;
    world_trace(self, "link %d - %d loses for %" PRId64 " ms", a, b, for_ms);
    if (for_ms > LIM_LINK_PEER_EXPIRE_MS && !is_both_ways)
        for_ms = LIM_LINK_PEER_EXPIRE_MS - 500;
    self->links[a][b].out_until_ms = self->now_ms + for_ms;
    s_lose(self, a, b);
    if (!is_both_ways)
        return;
    self->links[b][a].out_until_ms = self->now_ms + for_ms;
    s_lose(self, b, a);
    if (for_ms <= LIM_LINK_PEER_EXPIRE_MS)
        return;
    s_peer_event(self, a, b, PEER_DOWN, self->now_ms + LIM_LINK_PEER_EXPIRE_MS);
    s_peer_event(self, b, a, PEER_DOWN, self->now_ms + LIM_LINK_PEER_EXPIRE_MS);
    s_peer_event(self, a, b, PEER_UP, self->now_ms + for_ms + 1);
    s_peer_event(self, b, a, PEER_UP, self->now_ms + for_ms + 1);
}

static void s_next_fault(struct world *self, enum fault what)
{
    unsigned mean[] = {self->crash_ms, self->outage_ms, self->pause_ms, self->db_ms, self->stop_ms};
    if (!mean[what] || self->is_calm)
        return;
    int64_t at = self->now_ms + 1 + (int64_t)world_random(self, 2 * mean[what]);
    if (at < FAULTS_MS)
        s_push(self, (struct event){.at_ms = at, .kind = EV_FAULT, .what = what, .to = 0});
}

/* A clean stop, as before an update. */
static void s_stop_room(struct world *self, int node)
{
    struct node *own = &self->nodes[node];
    if (!own->is_alive || own->paused_until_ms > self->now_ms)
        return;
    int64_t now = world_clock(self, node);
    world_trace(self, "node %d is told to stop", node);
    room_shard_stop(own->state, now, now + 5000000, &self->effects);
    s_flush(self, node);
}

static void s_fault(struct world *self, enum fault what)
{
    int64_t span = 50 + (int64_t)world_random(self, world_random(self, 4) ? 1500 : 9000);
    int victim = (int)world_random(self, FIRST_CLIENT);
    switch (what) {
    case FAULT_CRASH:
        if (victim < FIRST_PERSIST + (int)self->persists)
            s_crash(self, victim, span);
        break;
    case FAULT_OUTAGE:
        s_outage(self, victim, (int)world_random(self, FIRST_CLIENT), span, world_random(self, 2));
        break;
    case FAULT_PAUSE:
        if (victim >= FIRST_ROOM && self->nodes[victim].is_alive) {
            world_trace(self, "node %d stands still for %" PRId64 " ms", victim, span);
            self->nodes[victim].paused_until_ms = self->now_ms + span;
        }
        break;
    case FAULT_DB: model_db_crash(self->db, span); break;
    case FAULT_STOP: s_stop_room(self, FIRST_ROOM + (int)world_random(self, ROOM_NODES)); break;
    }
    s_next_fault(self, what);
}

static void s_room_step(struct world *self, int node, const struct event *event)
{
    room_shard_t *shard = self->nodes[node].state;
    int64_t now = world_clock(self, node), utc = now + 5000000;
    if (event->kind == EV_FRAME) {
        room_shard_on(shard, &event->frame->env, view_of(event->frame->bytes, event->frame->len), now, utc,
                      &self->effects);
        world_wake(self, node, 0, 0); /* the turn: when what came in the same moment was read */
    } else if (event->kind == EV_PEER) {
        room_shard_on_peer(shard, world_address(self, event->from), (peer_event_t)event->what, now, utc,
                           &self->effects);
    } else if (event->kind == EV_TICK) {
        room_shard_on_tick(shard, now, utc, &self->effects);
    } else {
        room_shard_on_turn(shard, now, utc, &self->effects);
    }
    s_flush(self, node);
    if (room_shard_state(shard) == ROOM_SHARD_FENCED) {
        world_trace(self, "node %d was declared dead", node);
        self->stats.fenced++;
        s_crash(self, node, 200);
    } else if (room_shard_state(shard) == ROOM_SHARD_STOPPED) {
        world_trace(self, "node %d has stopped", node);
        self->stats.stops++;
        s_crash(self, node, 50 + (int64_t)world_random(self, 5000));
    }
}

static void s_node_step(struct world *self, int node, const struct event *event)
{
    if (node >= FIRST_ROOM && node < FIRST_PERSIST) {
        s_room_step(self, node, event);
    } else if (node >= FIRST_CLIENT) {
        if (event->kind == EV_FRAME)
            client_on(self, node, event->frame);
        else if (event->kind == EV_PEER)
            client_on_peer(self, node, event->from, (peer_event_t)event->what);
        else if (event->kind == EV_TICK)
            client_on_tick(self, node);
    } else if (node >= FIRST_PERSIST) {
        if (event->kind == EV_FRAME)
            persist_on(self, node, event->frame);
        else if (event->kind == EV_WAKE)
            persist_on_wake(self, node, event->what);
    } else {
        if (event->kind == EV_FRAME)
            edge_on(self, node, event->frame);
        else if (event->kind == EV_PEER)
            edge_on_peer(self, node, event->from, (peer_event_t)event->what);
        else if (event->kind == EV_TICK)
            edge_on_tick(self, node);
    }
}

/* Does the link let it through to this boot of the receiver? */
static bool s_arrives(struct world *self, const struct event *event)
{
    struct node *to = &self->nodes[event->to];
    if (!to->is_alive || to->boot != event->to_boot)
        return false;
    if (event->kind == EV_FRAME)
        return event->from_boot >= to->heard[event->from];
    if (event->kind != EV_PEER)
        return true;
    bool is_old = event->from_boot != self->nodes[event->from].boot;
    if (event->what == PEER_UP && !is_old)
        to->heard[event->from] = event->from_boot;
    return event->what == PEER_DOWN ? !is_old || !self->nodes[event->from].is_alive : !is_old;
}

static void s_step(struct world *self, struct event *event)
{
    self->now_ms = event->at_ms;
    self->steps++;
    if (event->kind == EV_FAULT) {
        s_fault(self, (enum fault)event->what);
        return;
    }
    if (event->kind == EV_START) {
        s_start(self, event->to);
        return;
    }
    struct node *to = &self->nodes[event->to];
    if (to->is_alive && to->paused_until_ms > self->now_ms) {
        event->at_ms = to->paused_until_ms;
        s_push(self, *event);
        event->frame = NULL; /* it is on its way again */
        return;
    }
    if (event->kind == EV_PEER && event->what == PEER_HOLE)
        self->links[event->from][event->to].has_hole = false; /* told, or nobody is left to be told */
    bool arrives = s_arrives(self, event);
    if (arrives && event->kind == EV_TICK)
        s_push(self, (struct event){.at_ms = self->now_ms + TICK_MS, .kind = EV_TICK, .to = event->to,
                                    .to_boot = event->to_boot});
    if (arrives)
        s_node_step(self, event->to, event);
}

static void s_weather(struct world *self)
{
    static const unsigned means[] = {0, 900, 2500, 6000};
    self->is_calm = world_random(self, 20) == 0;
    self->crash_ms = means[world_random(self, 4)];
    self->outage_ms = means[world_random(self, 4)];
    self->pause_ms = means[world_random(self, 4)];
    self->db_ms = means[world_random(self, 4)];
    self->stop_ms = means[world_random(self, 4)];
    self->loss_ppm = (unsigned)world_random(self, 3) * 4000;
    self->double_ppm = (unsigned)world_random(self, 3) * 20000;
    self->unknown_pct = (unsigned)world_random(self, 4) * 4;
    self->failed_pct = (unsigned)world_random(self, 3) * 2;
    self->persists = 1 + (unsigned)world_random(self, PERSISTS);
}

static void s_heal(struct world *self)
{
    world_trace(self, "no further faults; those that last, end");
    self->db->down_until_ms = self->now_ms;
}

bool world_run(struct world *self, uint64_t seed, enum mutation mutation)
{
    bool is_verbose = self->is_verbose;
    *self = (struct world){.seed = seed, .random = seed * UINT64_C(0x2545f4914f6cdd1d) + 1,
                           .mutation = mutation, .is_verbose = is_verbose};
    self->trace = calloc(TRACE_LINES, TRACE_LINE);
    assert(self->trace);
    effects_init(&self->effects, EFFECTS_MAX, EFFECTS_BYTES_MAX);
    memset(self->id_key, 7, sizeof self->id_key);
    memset(self->mac_key, 8, sizeof self->mac_key);
    self->db = model_db_new(self);
    s_weather(self);
    for (int node = 0; node < NODES; node++) {
        self->nodes[node].clock_ms = (int64_t)world_random(self, 100000000);
        if (node < FIRST_PERSIST + (int)self->persists || node >= FIRST_CLIENT)
            s_start(self, node);
    }
    for (int what = FAULT_CRASH; what <= FAULT_STOP; what++)
        s_next_fault(self, (enum fault)what);
    bool is_healed = false;
    while (self->heap_count && self->heap[0].at_ms < END_MS && !self->failure[0]) {
        if (!is_healed && self->heap[0].at_ms >= FAULTS_MS) {
            self->now_ms = FAULTS_MS;
            s_heal(self);
            is_healed = true;
        }
        struct event event = s_pop(self);
        s_step(self, &event);
        free(event.frame);
    }
    for (int node = FIRST_CLIENT; node < NODES && !self->failure[0]; node++)
        client_check_end(self, node);
    return !self->failure[0];
}

void world_destroy(struct world *self)
{
    for (int node = 0; node < NODES; node++)
        s_free_state(self, node);
    while (self->heap_count)
        free(self->heap[--self->heap_count].frame);
    free(self->heap);
    effects_fini(&self->effects);
    model_db_destroy(&self->db);
    free(self->trace);
    free(self->refused);
    self->refused = NULL;
    self->heap = NULL;
    self->trace = NULL;
    self->heap_cap = 0;
}
