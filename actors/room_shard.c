#include "actors/room_shard.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/room_shard_impl.h"

room_shard_t *room_shard_new(const struct room_shard_options *options)
{
    assert(options->persists.count);
    room_shard_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->options = *options;
    self->persists = options->persists;
    snprintf(self->endpoint, sizeof self->endpoint, "%s", options->endpoint ? options->endpoint : "");
    self->options.endpoint = self->endpoint;
    lease_init(&self->lease);
    batch_init(&self->batch);
    list_writer_init(&self->list, LIM_LINK_BODY_BYTES_MAX);
    list_writer_init(&self->list_more, LIM_LINK_BODY_BYTES_MAX);
    list_writer_init(&self->people, LIM_LINK_BODY_BYTES_MAX);
    buffer_init(&self->scratch, LIM_LINK_BODY_BYTES_MAX);
    buffer_init(&self->reads, LIM_LINK_BODY_BYTES_MAX);
    for (size_t i = 0; i < LIM_EDGES_MAX; i++)
        list_writer_init(&self->edges[i].heads, LIM_LINK_BODY_BYTES_MAX);
    self->hello_ms = self->take_ms = self->leases_ms = INT64_MIN;
    self->requests = requests_new(LIM_REQUESTS_MAX);
    if (!self->requests)
        room_shard_destroy(&self);
    return self;
}

void room_shard_destroy(room_shard_t **self_p)
{
    assert(self_p);
    room_shard_t *self = *self_p;
    if (!self)
        return;
    size_t cursor = 0;
    uint64_t key, value;
    while (map_next(&self->rooms, &cursor, &key, &value))
        room_destroy(&(room_t *){(room_t *)(uintptr_t)value});
    cursor = 0;
    while (map_next(&self->inboxes, &cursor, &key, &value))
        inbox_destroy(&(inbox_t *){(inbox_t *)(uintptr_t)value});
    map_fini(&self->rooms);
    map_fini(&self->inboxes);
    map_fini(&self->busy);
    map_fini(&self->dirty_inboxes);
    map_fini(&self->unknown_places);
    for (size_t i = 0; i < LIM_EDGES_MAX; i++)
        list_writer_fini(&self->edges[i].heads);
    batch_fini(&self->batch);
    requests_destroy(&self->requests);
    list_writer_fini(&self->list);
    list_writer_fini(&self->list_more);
    list_writer_fini(&self->people);
    buffer_fini(&self->scratch);
    buffer_fini(&self->reads);
    free(self);
    *self_p = NULL;
}

/* ---- sending ---- */

void shard_send(room_shard_t *self, address_t to, const struct envelope *env, const struct msg *msg)
{
    if (!to)
        return;
    if (!address_is_same_node(to, self->options.address)) {
        effects_send(self->out, to, env, msg);
        return;
    }
    /* A room tells an inbox of its own actor by the same message, only without a link. */
    buffer_t bytes;
    struct envelope local = *env;
    local.from = self->options.address;
    local.type = msg->type;
    buffer_init(&bytes, LIM_LINK_BODY_BYTES_MAX);
    if (!msg_encode(msg, &bytes))
        shard_dispatch(self, &local, buffer_view(&bytes));
    buffer_fini(&bytes);
}

void shard_reply(room_shard_t *self, const struct envelope *asked, const struct msg *msg)
{
    if (!asked->correlation)
        return;
    struct envelope env = envelope_reply(asked);
    uint32_t shard = asked->key ? id_shard(asked->key) : LIM_SHARDS;
    env.epoch = lease_epoch(&self->lease, shard);
    shard_send(self, envelope_answer_to(asked), &env, msg);
}

static uint32_t s_retry_ms(err_t code)
{
    switch (code) {
    case ERR_NOT_OWNER:
    case ERR_FENCED:
    case ERR_DRAINING: return RETRY_NOT_OWNER_MS;
    case ERR_UNAVAILABLE:
    case ERR_DATABASE: return RETRY_UNAVAILABLE_MS;
    default: return err_may_retry(code) ? RETRY_BUSY_MS : 0;
    }
}

void shard_nack(room_shard_t *self, const struct envelope *asked, const cid_t *client_id, uint64_t room, err_t code)
{
    struct msg msg = {.type = MSG_NACK};
    bool may_retry = err_may_retry(code) || code == ERR_DATABASE || code == ERR_INTERNAL;
    msg.as.nack = (struct msg_nack){.client_id = *client_id, .room = room, .code = code,
                                    .retry_ms = may_retry && !s_retry_ms(code) ? RETRY_BUSY_MS
                                                                               : s_retry_ms(code),
                                    .final = !may_retry, .reason = view_of_text(err_text(code))};
    self->counts.refused++;
    room_t *of = msg.as.nack.final && code != ERR_CONFLICT ? shard_find_room(self, room) : NULL;
    if (of) /* a conflict is with what was stored, and the store knows that */
        room_refused_note(&of->refused, asked->user, client_id, code, self->now_ms);
    shard_reply(self, asked, &msg);
}

void shard_ack(room_shard_t *self, const struct envelope *asked, const struct msg_ack *ack)
{
    struct msg msg = {.type = MSG_ACK};
    msg.as.ack = *ack;
    if (ack->dup)
        self->counts.repeats++;
    shard_reply(self, asked, &msg);
}

bool shard_is_request(uint16_t type)
{
    return type >> 8 == MSG_ROOM_POST >> 8;
}

err_t shard_refuse(room_shard_t *self, const struct envelope *env, const struct msg *msg, err_t code)
{
    uint64_t room;
    const cid_t *client_id;
    if (msg_request_head(msg, &room, &client_id)) {
        shard_nack(self, env, client_id, room ? room : env->key, code);
        return code;
    }
    struct msg answer = {.type = MSG_ERR};
    answer.as.err = (struct msg_err){.code = code, .scope = view_of_text(msg_name(msg->type)),
                                     .retry_ms = s_retry_ms(code), .reason = view_of_text(err_text(code))};
    self->counts.refused++;
    shard_reply(self, env, &answer);
    return code;
}

address_t shard_persist(const room_shard_t *self)
{
    return providers_current(&self->persists);
}

void shard_next_persist(room_shard_t *self)
{
    providers_next(&self->persists);
}

uint64_t shard_ask(room_shard_t *self, struct request *request, int64_t wait_ms, uint64_t key,
                   const struct msg *msg)
{
    request->deadline_ms = self->now_ms + wait_ms;
    if (requests_add(self->requests, request))
        return 0;
    struct envelope env = {.correlation = request->correlation, .key = key,
                           .deadline_ms = (uint32_t)wait_ms};
    effects_send(self->out, shard_persist(self), &env, msg);
    return request->correlation;
}

bool shard_take(room_shard_t *self, const struct envelope *env, uint32_t what, struct request *request_out)
{
    if (!requests_peek(self->requests, env->correlation, request_out) || request_out->what != what)
        return false;
    return requests_take(self->requests, env->correlation, request_out);
}

struct envelope shard_envelope(const room_shard_t *self, const room_t *room)
{
    return (struct envelope){.key = room->id, .epoch = lease_epoch(&self->lease, room->shard)};
}

bool shard_owns(const room_shard_t *self, uint64_t id)
{
    return self->has_keys && lease_epoch(&self->lease, id_shard(id)) && !self->shares.leaving[id_shard(id)] &&
           lease_is_serving(&self->lease, self->now_ms);
}

bool shard_is_unavailable(const room_shard_t *self)
{
    return batch_is_in_flight(&self->batch) &&
           self->now_ms - self->batch.closed_ms > LIM_UNAVAILABLE_MS;
}

struct parked *parked_new(const struct envelope *env, view_t body, int64_t deadline_ms)
{
    struct parked *self = malloc(sizeof *self + body.len);
    if (!self)
        return NULL;
    *self = (struct parked){.env = *env, .deadline_ms = deadline_ms, .len = body.len};
    memcpy(self->body, body.bytes, body.len);
    return self;
}

/* ---- edges ---- */

static void s_edge_gone(room_shard_t *self, unsigned slot)
{
    size_t cursor = 0;
    uint64_t key, value;
    while (map_next(&self->rooms, &cursor, &key, &value)) {
        room_t *room = (room_t *)(uintptr_t)value;
        presence_drop_edge(&room->presence, slot);
        room->touched_ms = self->now_ms;
        if (!presence_is_quiet(&room->presence))
            shard_room_busy(self, room);
    }
    cursor = 0;
    while (map_next(&self->inboxes, &cursor, &key, &value))
        inbox_drop_edge((inbox_t *)(uintptr_t)value, slot);
    self->edges[slot].address = 0;
    list_writer_clear(&self->edges[slot].heads);
}

int shard_slot(room_shard_t *self, address_t edge, bool add)
{
    int empty = -1;
    for (unsigned i = LIM_EDGES_MAX; i-- > 0;) {
        address_t known = self->edges[i].address;
        if (known == edge)
            return (int)i;
        if (known && address_is_same_node(known, edge))
            return -1; /* its former self: what waited for a room may be older than the boot that is up */
        if (!known)
            empty = (int)i;
    }
    if (!add || empty < 0)
        return -1;
    self->edges[empty].address = edge;
    return empty;
}

static void s_on_edge(room_shard_t *self, address_t peer, peer_event_t event)
{
    if (event == PEER_HOLE)
        return;
    for (unsigned i = 0; i < LIM_EDGES_MAX; i++) {
        address_t known = self->edges[i].address;
        /* Up again, be it the same boot: it took this actor for dead, and attaches what it still has. */
        if (known && address_is_same_node(known, peer))
            s_edge_gone(self, i);
    }
    if (event == PEER_UP)
        (void)shard_slot(self, peer, true); /* from now on only this boot is heard */
}

static void s_on_persist(room_shard_t *self, address_t peer, peer_event_t event)
{
    bool is_another = providers_on_peer(&self->persists, peer, event);
    if (!is_another && (event == PEER_DOWN || !address_is_same_node(peer, shard_persist(self))))
        return;
    if (self->state == ROOM_SHARD_STARTING)
        self->hello_ms = self->now_ms;
    if (batch_is_in_flight(&self->batch))
        shard_send_batch(self); /* the same bytes: a repeat is harmless */
    size_t cursor = 0;
    uint64_t key, value;
    while (map_next(&self->rooms, &cursor, &key, &value)) {
        room_t *room = (room_t *)(uintptr_t)value;
        if (room->state == ROOM_LOADING)
            shard_start_load(self, room);
    }
    shard_resend_inboxes(self);
    if (self->reads_correlation)
        shard_send_reads(self);
}

static void s_step(room_shard_t *self, int64_t now_ms, int64_t utc_ms, effects_t *out)
{
    self->now_ms = now_ms;
    self->utc_ms = utc_ms;
    self->out = out;
}

void room_shard_on_peer(room_shard_t *self, address_t peer, peer_event_t event, int64_t now_ms, int64_t utc_ms,
                        effects_t *out)
{
    s_step(self, now_ms, utc_ms, out);
    if (self->state == ROOM_SHARD_FENCED)
        return;
    if (address_role(peer) == ROLE_EDGE)
        s_on_edge(self, peer, event);
    if (address_role(peer) == ROLE_PERSIST)
        s_on_persist(self, peer, event);
}

/* ---- messages ---- */

static err_t s_on_ok(room_shard_t *self, const struct envelope *env)
{
    struct request request;
    if (shard_take(self, env, Q_BEAT, &request))
        lease_beat_answered(&self->lease, env->correlation);
    else if (shard_take(self, env, Q_READS, &request))
        self->reads_correlation = 0;
    else if (shard_take(self, env, Q_RELEASE, &request)) {
        self->state = ROOM_SHARD_STOPPED;
        shard_drop_all(self); /* edges look for the next owner */
    }
    return ERR_OK; /* or it was answered before */
}

/* A question to persist ended without its answer. */
static void s_failed(room_shard_t *self, struct request *request, err_t code)
{
    switch (request->what) {
    case Q_BEAT:
    case Q_HELLO:
    case Q_TAKE:
        if (code == ERR_FENCED && request->what != Q_HELLO)
            shard_fence(self);
        else if (request->what == Q_HELLO)
            shard_next_persist(self);
        break;
    case Q_BATCH: shard_batch_refused(self, code); break;
    case Q_ROOM: shard_load_failed(self, request->a, code); break;
    case Q_ENTRANTS:
    case Q_EVENT: shard_event_failed(self, request, code); break;
    case Q_FILES: shard_files_failed(self, request, code); break;
    case Q_INBOX: shard_inbox_failed(self, request->a, code); break;
    case Q_READS: break; /* sent again by the tick */
    case Q_PLACE: shard_place_failed(self, request, code); break;
    case Q_GIVE: shard_give_failed(self, code); break;
    default: break;
    }
}

static err_t s_on_err(room_shard_t *self, const struct envelope *env, const struct msg *msg)
{
    struct request request;
    if (!requests_take(self->requests, env->correlation, &request))
        return ERR_OK;
    s_failed(self, &request, msg->as.err.code);
    return ERR_OK;
}

static bool s_may_send(const struct envelope *env)
{
    role_t role = address_role(env->from);
    if ((env->type >= MSG_STORE_APPEND && env->type <= MSG_DIR_KEY_ADD) || env->type == MSG_ERR ||
        env->type == MSG_DIR_NODES)
        return role == ROLE_PERSIST;
    if ((env->type >= MSG_INBOX_MEMBER && env->type <= MSG_INBOX_MENTION_OK) || env->type == MSG_SHARDS_WANT ||
        env->type == MSG_SHARDS_GIVEN)
        return role == ROLE_ROOM;
    return role == ROLE_EDGE;
}

static err_t s_route(room_shard_t *self, const struct envelope *env, const struct msg *msg, view_t body)
{
    if (shard_is_request(msg->type))
        return shard_on_request(self, env, msg, body);
    switch (msg->type) {
    case MSG_STORE_APPENDED: return shard_on_appended(self, env, msg);
    case MSG_STORE_ROOM: return shard_on_store_room(self, env, msg);
    case MSG_STORE_EVENT: return shard_on_store_event(self, env, msg);
    case MSG_STORE_FILES: return shard_on_store_files(self, env, msg);
    case MSG_STORE_ENTRANTS: return shard_on_store_entrants(self, env, msg);
    case MSG_STORE_INBOX: return shard_on_store_inbox(self, env, msg);
    case MSG_STORE_MENTIONS: return shard_on_store_mentions(self, env, msg);
    case MSG_STORE_PLACE: return shard_on_store_place(self, env, msg);
    case MSG_STORE_OK: return s_on_ok(self, env);
    case MSG_ERR: return s_on_err(self, env, msg);
    case MSG_DIR_WELCOME: return shard_on_welcome(self, env, msg);
    case MSG_DIR_LEASES: return shard_on_leases(self, env, msg);
    case MSG_DIR_NODES: return shard_on_nodes(self, env, msg);
    case MSG_SHARDS_WANT: return shard_on_want(self, env, msg);
    case MSG_SHARDS_GIVEN: shard_take_soon(self); return ERR_OK;
    case MSG_ROOM_ATTACH: return shard_on_attach(self, env, msg, body);
    case MSG_ROOM_DETACH: return shard_on_detach(self, env, msg);
    case MSG_ROOM_INFO_GET:
    case MSG_ROOM_MEMBERS_GET:
    case MSG_ROOM_LINES_GET:
    case MSG_ROOM_PINS_GET:
    case MSG_ROOM_EXPORT_GET:
    case MSG_ROOM_RESTRICTED_GET:
    case MSG_ROOM_MEMBERS_FIND:
    case MSG_GONE_GET:
    case MSG_ROOM_FILE_BEGIN:
    case MSG_ROOM_FILE_GET:
    case MSG_ROOM_PAGE_GET: return shard_on_read_request(self, env, msg, body);
    case MSG_TYPING: return shard_on_typing(self, env, msg);
    case MSG_INBOX_OPEN:
    case MSG_INBOX_CLOSE:
    case MSG_INBOX_MEMBER:
    case MSG_INBOX_MENTION:
    case MSG_UNREAD_FROM:
    case MSG_NOTIFY:
    case MSG_READ: return shard_on_inbox(self, env, msg, body);
    case MSG_INBOX_MEMBER_OK: return shard_on_inbox_member_ok(self, msg);
    case MSG_INBOX_MENTION_OK: return shard_on_inbox_mention_ok(self, msg);
    default: return shard_refuse(self, env, msg, ERR_UNEXPECTED);
    }
}

err_t shard_dispatch(room_shard_t *self, const struct envelope *env, view_t body)
{
    struct msg msg;
    err_t err = msg_decode(body, &msg);
    if (err) {
        struct msg unread = {.type = MSG_NONE};
        return shard_refuse(self, env, &unread, err);
    }
    if (msg.type != env->type || !s_may_send(env))
        return shard_refuse(self, env, &msg, ERR_UNEXPECTED);
    return s_route(self, env, &msg, body);
}

err_t room_shard_on(room_shard_t *self, const struct envelope *env, view_t body, int64_t now_ms, int64_t utc_ms,
                    effects_t *out)
{
    s_step(self, now_ms, utc_ms, out);
    if (self->state == ROOM_SHARD_FENCED)
        return ERR_FENCED;
    return shard_dispatch(self, env, body);
}

/* ---- time ---- */

void room_shard_on_turn(room_shard_t *self, int64_t now_ms, int64_t utc_ms, effects_t *out)
{
    s_step(self, now_ms, utc_ms, out);
    if (self->state == ROOM_SHARD_FENCED)
        return;
    shard_close_batch(self);
    shard_share_turn(self);
}

static void s_tick_rooms(room_shard_t *self)
{
    size_t cursor = 0;
    uint64_t id;
    while (map_next(&self->busy, &cursor, &id, NULL)) {
        if (self->out->count > self->out->max / 2)
            break; /* the rest at the next tick */
        room_t *room = shard_find_room(self, id);
        if (!room || !shard_room_tick(self, room))
            map_remove_seen(&self->busy, &cursor, id);
    }
    shard_flush_heads(self);
}

void room_shard_on_tick(room_shard_t *self, int64_t now_ms, int64_t utc_ms, effects_t *out)
{
    s_step(self, now_ms, utc_ms, out);
    if (self->state == ROOM_SHARD_FENCED || self->state == ROOM_SHARD_STOPPED)
        return;
    struct request request;
    while (requests_expire(self->requests, now_ms, &request))
        s_failed(self, &request, ERR_UNAVAILABLE);
    shard_dir_tick(self);
    if (batch_is_in_flight(&self->batch) && now_ms - self->batch.sent_ms >= BATCH_RESEND_MS) {
        shard_next_persist(self);
        shard_send_batch(self);
    }
    s_tick_rooms(self);
    if (now_ms >= self->reads_ms) {
        shard_flush_reads(self);
        shard_ask_places(self);
    }
    if (now_ms >= self->sweep_ms)
        shard_sweep(self);
    shard_close_batch(self);
}

void room_shard_stop(room_shard_t *self, int64_t now_ms, int64_t utc_ms, effects_t *out)
{
    s_step(self, now_ms, utc_ms, out);
    if (self->state == ROOM_SHARD_FENCED || self->state == ROOM_SHARD_STOPPED)
        return;
    self->state = self->state == ROOM_SHARD_STARTING ? ROOM_SHARD_STOPPED : ROOM_SHARD_STOPPING;
    self->hello_ms = now_ms;
    self->reads_ms = now_ms;
    shard_close_batch(self);
    shard_flush_reads(self);
}

room_shard_state_t room_shard_state(const room_shard_t *self)
{
    return self->state;
}

bool room_shard_is_serving(const room_shard_t *self, int64_t now_ms)
{
    return lease_is_serving(&self->lease, now_ms);
}

void room_shard_counts(const room_shard_t *self, struct room_shard_counts *out)
{
    *out = self->counts;
    out->rooms = self->rooms.count;
    out->inboxes = self->inboxes.count;
    out->pending = self->batch.queued + self->batch.flight_count;
    out->shards = self->lease.held;
    out->memory_bytes = self->memory_bytes;
}
