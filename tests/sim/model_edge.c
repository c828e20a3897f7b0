/* An edge: passes requests on to the owner of a room, attaches its browsers, follows events for each of them. */
#include "tests/sim/sim.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { ASKS = 128, ATTACH_MS = 1500, RETRY_MS = 250 };

/* One browser in one room. */
struct seat {
    bool is_wanted, is_attached, is_waiting; /* waiting: the backfill comes from persist */
    bool has_missed;                         /* events came while waiting */
    uint64_t incarnation, last, waiting_head;
    uint64_t asked;                          /* correlation; 0: nothing is asked */
    int64_t again_ms;
    uint64_t epoch;                          /* newest seen */
};

struct session {
    bool is_open;
    uint64_t number;
    struct seat seats[CHATS];
};

struct edge {
    struct session sessions[CLIENTS];
    struct { int room_node; uint64_t epoch; } owners[CHATS];
    uint64_t correlation;
    struct ask {
        uint64_t correlation, theirs;
        int client;
        uint64_t session;
    } asks[ASKS];
    int64_t leases_ms;
};

void *edge_new(struct world *world, int node)
{
    struct edge *self = calloc(1, sizeof *self);
    assert(self);
    (void)world;
    (void)node;
    for (size_t i = 0; i < CHATS; i++)
        self->owners[i].room_node = -1;
    return self;
}

void edge_free(void *state)
{
    free(state);
}

static int s_chat(const struct world *world, uint64_t room)
{
    for (size_t i = 0; i < CHATS; i++)
        if (chat_id(world, i) == room)
            return (int)i;
    return -1;
}

static address_t s_owner(const struct edge *self, const struct world *world, int chat)
{
    int node = self->owners[chat].room_node;
    return node < 0 ? 0 : address_make(ROLE_ROOM, (uint16_t)node, 0);
    (void)world;
}

static void s_to_client(struct world *world, int node, int client, view_t bytes)
{
    const struct edge *self = world->nodes[node].state;
    struct envelope env = {.session = self->sessions[client].number};
    world_send(world, node, address_stable(world_address(world, FIRST_CLIENT + client)), &env, bytes);
}

static void s_tell_client(struct world *world, int node, int client, const struct msg *msg)
{
    const struct edge *self = world->nodes[node].state;
    struct envelope env = {.session = self->sessions[client].number};
    world_send_msg(world, node, address_stable(world_address(world, FIRST_CLIENT + client)), &env, msg);
}

static void s_attach(struct world *world, int node, int client, int chat)
{
    struct edge *self = world->nodes[node].state;
    struct session *session = &self->sessions[client];
    struct seat *seat = &session->seats[chat];
    address_t owner = s_owner(self, world, chat);
    list_writer_t readers;
    seat->again_ms = world->now_ms + ATTACH_MS;
    if (!owner)
        return;
    list_writer_init(&readers, 4096);
    struct rec_reader reader = {.user = client_user(FIRST_CLIENT + client),
                                .session = session->number * CLIENTS + (uint64_t)client, .live = true};
    rec_reader_append(&readers, &reader);
    struct msg msg = {.type = MSG_ROOM_ATTACH};
    msg.as.room_attach = (struct msg_room_attach){.room = chat_id(world, (size_t)chat),
                                                  .incarnation = seat->incarnation, .after = seat->last,
                                                  .want = true, .readers = list_of(&readers)};
    seat->asked = ++self->correlation;
    seat->is_attached = seat->is_waiting = seat->has_missed = false;
    struct envelope env = {.correlation = seat->asked, .key = chat_id(world, (size_t)chat)};
    world_send_msg(world, node, owner, &env, &msg);
    list_writer_fini(&readers);
}

static void s_attach_soon(struct seat *seat, int64_t at_ms)
{
    seat->is_attached = seat->is_waiting = false;
    seat->asked = 0;
    seat->again_ms = at_ms;
}

static void s_attach_all_again(struct world *world, int node, int room_node)
{
    struct edge *self = world->nodes[node].state;
    for (int chat = 0; chat < CHATS; chat++)
        for (int client = 0; client < CLIENTS; client++)
            if (self->owners[chat].room_node == room_node)
                s_attach_soon(&self->sessions[client].seats[chat], world->now_ms);
}

/* ---- from browsers ---- */

static void s_detach(struct world *world, int node, int client)
{
    struct edge *self = world->nodes[node].state;
    struct session *session = &self->sessions[client];
    for (int chat = 0; chat < CHATS; chat++) {
        address_t owner = s_owner(self, world, chat);
        if (!session->seats[chat].is_wanted || !owner)
            continue;
        list_writer_t readers;
        list_writer_init(&readers, 4096);
        struct rec_reader reader = {.user = client_user(FIRST_CLIENT + client),
                                    .session = session->number * CLIENTS + (uint64_t)client};
        rec_reader_append(&readers, &reader);
        struct msg msg = {.type = MSG_ROOM_DETACH};
        msg.as.room_detach =
            (struct msg_room_detach){.room = chat_id(world, (size_t)chat), .readers = list_of(&readers)};
        world_send_msg(world, node, owner, &(struct envelope){.key = msg.as.room_detach.room}, &msg);
        list_writer_fini(&readers);
    }
    *session = (struct session){0};
}

static void s_on_sub(struct world *world, int node, int client, const struct frame *frame, const struct msg_sub *sub)
{
    struct edge *self = world->nodes[node].state;
    struct session *session = &self->sessions[client];
    int chat = s_chat(world, sub->room);
    if (session->is_open && session->number > frame->env.session)
        return;
    if (!session->is_open || session->number < frame->env.session) {
        if (session->is_open)
            s_detach(world, node, client);
        *session = (struct session){.is_open = true, .number = frame->env.session};
    }
    struct seat *seat = &session->seats[chat];
    seat->is_wanted = true;
    seat->incarnation = sub->incarnation;
    seat->last = sub->after;
    s_attach(world, node, client, chat);
}

static void s_pass_on(struct world *world, int node, int client, const struct frame *frame)
{
    struct edge *self = world->nodes[node].state;
    int chat = s_chat(world, frame->env.key);
    address_t owner = s_owner(self, world, chat);
    if (!owner)
        return; /* the browser sends it again */
    struct ask *ask = &self->asks[++self->correlation % ASKS];
    *ask = (struct ask){.correlation = self->correlation, .theirs = frame->env.correlation, .client = client,
                        .session = frame->env.session};
    struct envelope env = {.correlation = ask->correlation, .key = frame->env.key,
                           .user = client_user(FIRST_CLIENT + client), .session = frame->env.session};
    world_send(world, node, owner, &env, view_of(frame->bytes, frame->len));
}

/* ---- from rooms and persist ---- */

static void s_on_leases(struct world *world, int node, list_t leases)
{
    struct edge *self = world->nodes[node].state;
    struct rec_lease lease;
    while (rec_lease_next(&leases, &lease))
        for (int chat = 0; chat < CHATS; chat++) {
            if (id_shard(chat_id(world, (size_t)chat)) != lease.shard || lease.epoch < self->owners[chat].epoch)
                continue;
            int owner = lease.node ? address_instance(address_from_node(lease.node)) : -1;
            bool is_new = owner != self->owners[chat].room_node || lease.epoch != self->owners[chat].epoch;
            self->owners[chat].room_node = owner;
            self->owners[chat].epoch = lease.epoch;
            for (int client = 0; is_new && client < CLIENTS; client++)
                s_attach_soon(&self->sessions[client].seats[chat], world->now_ms);
        }
}

static struct seat *s_asking(struct edge *self, uint64_t correlation, int *client_out, int *chat_out)
{
    for (int client = 0; client < CLIENTS; client++)
        for (int chat = 0; chat < CHATS; chat++) {
            struct seat *seat = &self->sessions[client].seats[chat];
            if (!correlation || seat->asked != correlation)
                continue;
            *client_out = client;
            *chat_out = chat;
            return seat;
        }
    return NULL;
}

static void s_on_attached(struct world *world, int node, const struct frame *frame,
                          const struct msg_room_attached *attached)
{
    int client, chat;
    struct edge *self = world->nodes[node].state;
    struct seat *seat = s_asking(self, frame->env.correlation, &client, &chat);
    list_t refused = attached->refused;
    struct rec_refusal refusal;
    if (!seat)
        return;
    if (rec_refusal_next(&refused, &refusal)) {
        struct msg kick = {.type = MSG_KICK, .as.kick = {.room = attached->room, .code = refusal.code}};
        bool is_final = !err_may_retry(refusal.code);
        s_attach_soon(seat, world->now_ms + RETRY_MS);
        seat->is_wanted = !is_final;
        if (is_final)
            s_tell_client(world, node, client, &kick);
        return;
    }
    seat->is_attached = true;
    seat->incarnation = attached->incarnation;
    seat->is_waiting = !attached->here;
    seat->waiting_head = attached->head;
    if (attached->here) {
        seat->last = attached->head;
        seat->asked = 0;
    }
    s_to_client(world, node, client, view_of(frame->bytes, frame->len));
}

static void s_on_backfill(struct world *world, int node, const struct frame *frame)
{
    int client, chat;
    struct edge *self = world->nodes[node].state;
    struct seat *seat = s_asking(self, frame->env.correlation, &client, &chat);
    if (!seat || !seat->is_waiting)
        return; /* given up, or its ROOM_ATTACHED was lost: attached again later */
    seat->is_waiting = false;
    seat->asked = 0;
    seat->last = seat->waiting_head;
    s_to_client(world, node, client, view_of(frame->bytes, frame->len));
    if (seat->has_missed)
        s_attach(world, node, client, chat);
}

static void s_on_event(struct world *world, int node, const struct frame *frame, const struct msg_event *event)
{
    struct edge *self = world->nodes[node].state;
    int chat = s_chat(world, event->room);
    for (int client = 0; client < CLIENTS; client++) {
        struct seat *seat = &self->sessions[client].seats[chat];
        if (!seat->is_attached || event->seq <= seat->last || frame->env.epoch < seat->epoch)
            continue;
        seat->epoch = frame->env.epoch;
        if (seat->is_waiting) {
            seat->has_missed |= event->seq > seat->waiting_head;
        } else if (event->seq != seat->last + 1) {
            s_attach(world, node, client, chat);
        } else {
            seat->last = event->seq;
            s_to_client(world, node, client, view_of(frame->bytes, frame->len));
        }
    }
}

static void s_on_answer(struct world *world, int node, const struct frame *frame)
{
    struct edge *self = world->nodes[node].state;
    const struct ask *ask = &self->asks[frame->env.correlation % ASKS];
    if (!frame->env.correlation || ask->correlation != frame->env.correlation)
        return;
    struct envelope env = {.correlation = ask->theirs, .session = ask->session};
    world_send(world, node, address_stable(world_address(world, FIRST_CLIENT + ask->client)), &env,
               view_of(frame->bytes, frame->len));
}

static void s_on_err(struct world *world, int node, const struct frame *frame)
{
    int client, chat;
    struct edge *self = world->nodes[node].state;
    struct seat *seat = s_asking(self, frame->env.correlation, &client, &chat);
    self->leases_ms = world->now_ms;
    if (seat)
        s_attach_soon(seat, world->now_ms + RETRY_MS);
    chat = frame->env.correlation ? -1 : s_chat(world, frame->env.key);
    for (client = 0; chat >= 0 && client < CLIENTS; client++) /* the room was dropped there */
        s_attach_soon(&self->sessions[client].seats[chat], world->now_ms + RETRY_MS);
}

void edge_on(struct world *world, int node, const struct frame *frame)
{
    struct msg msg;
    int from = world_node(frame->env.from);
    if (msg_decode(view_of(frame->bytes, frame->len), &msg)) {
        world_fail(world, "a message to an edge that cannot be read");
        return;
    }
    if (from >= FIRST_CLIENT && msg.type == MSG_SUB) {
        s_on_sub(world, node, from - FIRST_CLIENT, frame, &msg.as.sub);
        return;
    }
    if (from >= FIRST_CLIENT) {
        s_pass_on(world, node, from - FIRST_CLIENT, frame);
        return;
    }
    switch (msg.type) {
    case MSG_DIR_LEASES: s_on_leases(world, node, msg.as.dir_leases.leases); break;
    case MSG_ROOM_ATTACHED: s_on_attached(world, node, frame, &msg.as.room_attached); break;
    case MSG_STORE_DELTA:
    case MSG_PAGE: s_on_backfill(world, node, frame); break;
    case MSG_EVENT: s_on_event(world, node, frame, &msg.as.event); break;
    case MSG_ERR: s_on_err(world, node, frame); break;
    case MSG_KICK: {
        int client = (int)(frame->env.user - client_user(FIRST_CLIENT));
        int chat = s_chat(world, msg.as.kick.room);
        struct edge *self = world->nodes[node].state;
        s_attach_soon(&self->sessions[client].seats[chat], 0);
        self->sessions[client].seats[chat].is_wanted = false;
        s_to_client(world, node, client, view_of(frame->bytes, frame->len));
        break;
    }
    case MSG_ACK:
    case MSG_NACK: s_on_answer(world, node, frame); break;
    default: break; /* presence, inbox */
    }
}

void edge_on_peer(struct world *world, int node, int peer, peer_event_t event)
{
    if (peer >= FIRST_ROOM && peer < FIRST_PERSIST)
        s_attach_all_again(world, node, peer - FIRST_ROOM);
    if (peer >= FIRST_CLIENT && event != PEER_UP) {
        struct edge *self = world->nodes[node].state;
        if (!self->sessions[peer - FIRST_CLIENT].is_open)
            return;
        s_tell_client(world, node, peer - FIRST_CLIENT, &(struct msg){.type = MSG_DRAIN});
        s_detach(world, node, peer - FIRST_CLIENT);
    }
}

void edge_on_tick(struct world *world, int node)
{
    struct edge *self = world->nodes[node].state;
    if (world->now_ms >= self->leases_ms) {
        struct msg msg = {.type = MSG_DIR_LEASES_GET};
        struct envelope env = {.correlation = ++self->correlation};
        self->leases_ms = world->now_ms + 700;
        world_send_msg(world, node, address_make(ROLE_PERSIST, (uint16_t)world_random(world, world->persists), 0),
                       &env, &msg);
    }
    for (int client = 0; client < CLIENTS; client++)
        for (int chat = 0; chat < CHATS; chat++) {
            struct seat *seat = &self->sessions[client].seats[chat];
            bool is_done = seat->is_attached && !seat->is_waiting;
            if (self->sessions[client].is_open && seat->is_wanted && !is_done && world->now_ms >= seat->again_ms)
                s_attach(world, node, client, chat);
        }
}
