#include "edge/links.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "actors/runtime/log.h"
#include "actors/runtime/providers.h"
#include "edge/attach.h"
#include "edge/session.h"
#include "edge/shared.h"

enum {
    HELLO_EACH_MS = 60000,      /* keys may have been added */
    HELLO_RETRY_MS = 250,
    LEASES_EACH_MS = 5000,
    LEASES_WANTED_MS = 50,      /* between two questions while somebody waits for an owner */
    NODES_WANTED_MS = 250,      /* until accounts is found */
    NODES_EACH_MS = 1000,       /* it may come up elsewhere */
    ANSWER_MS = 2000,           /* a question to the directory is then asked afresh */
    SILENT_MS = 1000,           /* persist owes an answer for so long: the next one is asked */
    OWNER_DOWN_MS = 250,        /* an owner is gone: somebody takes its shards */
    ROLE_BIT_EDGE = 1,
    ROLE_BIT_ACCOUNTS = 8,
};

struct links {
    struct edge *edge;
    struct ask *hello, *beat, *leases_ask, *revocations, *nodes;
    int64_t hello_ms, beat_ms, leases_ms, revocations_ms, nodes_ms; /* when to ask next */
    int64_t leases_asked_ms;
    struct providers persists, accounts;
    int64_t persist_heard_ms;  /* or begun to be asked */
    bool has_keys, has_leases, leases_wanted, has_met_accounts;
    bool is_down[LIM_ROOM_NODES_MAX]; /* room nodes, by instance */
    size_t owned;
    struct {
        address_t owner; /* 0: nobody */
        uint64_t epoch;
    } shards[LIM_SHARDS];
};

struct links *links_new(struct edge *edge)
{
    struct links *self = calloc(1, sizeof *self);
    if (self)
        self->edge = edge;
    return self;
}

void links_destroy(struct links **self_p)
{
    assert(self_p);
    free(*self_p);
    *self_p = NULL;
}

err_t links_start(struct links *self)
{
    static const role_t roles[] = {ROLE_PERSIST, ROLE_ACCOUNTS, ROLE_ROOM};
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        const struct topology_node *node;
        for (size_t k = 0; (node = topology_nth(self->edge->topology, roles[i], k)); k++) {
            err_t err = actor_connect(self->edge->actor, address_stable(node->address), node->endpoint);
            if (err)
                return err;
            if (roles[i] != ROLE_ROOM)
                (void)providers_add(roles[i] == ROLE_PERSIST ? &self->persists : &self->accounts, node->address);
        }
    }
    providers_begin_at(&self->persists, address_instance(actor_address(self->edge->actor)));
    return ERR_OK;
}

address_t links_persist(const struct links *self)
{
    return providers_current(&self->persists);
}

address_t links_persist_at(const struct links *self, uint64_t index)
{
    return index < self->persists.count ? self->persists.nodes[index] : 0;
}

address_t links_shard(const struct links *self, size_t shard, uint64_t *epoch_out)
{
    *epoch_out = self->shards[shard].epoch;
    return self->shards[shard].owner;
}

address_t links_accounts(const struct links *self)
{
    return providers_current(&self->accounts);
}

bool links_accounts_is_up(const struct links *self)
{
    return providers_is_up(&self->accounts);
}

address_t links_owner(const struct links *self, uint64_t key)
{
    return self->shards[id_shard(key)].owner;
}

bool links_is_current(struct links *self, uint64_t key, uint64_t epoch)
{
    uint64_t known = self->shards[id_shard(key)].epoch;
    if (epoch > known)
        self->leases_wanted = true;
    return epoch == 0 || epoch >= known;
}

void links_want_leases(struct links *self)
{
    self->leases_wanted = true;
}

void links_on_peer(struct links *self, address_t peer, peer_event_t event)
{
    role_t role = address_role(peer);
    if (role == ROLE_ROOM) {
        self->leases_wanted = true; /* a new boot takes its shards under a new epoch */
        if (address_instance(peer) < LIM_ROOM_NODES_MAX && event != PEER_HOLE)
            self->is_down[address_instance(peer)] = event == PEER_DOWN;
    }
    if (role == ROLE_PERSIST && event != PEER_DOWN)
        self->hello_ms = self->revocations_ms = self->leases_ms = 0;
    if (role == ROLE_ACCOUNTS && event == PEER_UP) {
        self->has_met_accounts = true;
        self->hello_ms = 0; /* it may sign with a key of its own */
    }
    if (providers_on_peer(role == ROLE_PERSIST ? &self->persists : &self->accounts, peer, event)) {
        self->persist_heard_ms = self->edge->now_ms;
        asks_on_receivers(self->edge->asks);
    }
}

/* It owes an answer for too long: another one is asked, and all that waits with it. */
static void s_watch_persist(struct links *self)
{
    int64_t now_ms = self->edge->now_ms;
    if (!self->revocations && !self->leases_ask)
        self->persist_heard_ms = now_ms;
    if (now_ms - self->persist_heard_ms < SILENT_MS)
        return;
    self->persist_heard_ms = now_ms;
    if (!providers_next(&self->persists))
        return;
    log_warn("persist is silent: another one is asked: ms=%d", SILENT_MS);
    asks_on_receivers(self->edge->asks);
}

/* Whether somebody owns shards who is gone: who takes them is of interest at once. */
static bool s_misses_owner(const struct links *self)
{
    for (size_t shard = 0; shard < LIM_SHARDS; shard++) {
        address_t owner = self->shards[shard].owner;
        if (owner && address_instance(owner) < LIM_ROOM_NODES_MAX && self->is_down[address_instance(owner)])
            return true;
    }
    return false;
}

/* ---- the directory's answers ---- */

static bool s_on_welcome(struct edge *edge, struct ask *ask, const struct answer *answer)
{
    (void)ask;
    struct links *self = edge->links;
    self->hello = NULL;
    self->hello_ms = edge->now_ms + HELLO_RETRY_MS;
    struct msg msg;
    if (answer->err || answer->type != MSG_DIR_WELCOME || msg_decode(answer->body, &msg))
        return true;
    if (msg.as.dir_welcome.id_key.len != KEY_BYTES)
        return true;
    memcpy(edge->id_key, msg.as.dir_welcome.id_key.bytes, KEY_BYTES);
    edge->has_id_key = true;
    bool had_keys = self->has_keys;
    self->has_keys = auth_keys_set(edge->auth, msg.as.dir_welcome.keys, edge->utc_ms) > 0;
    if (self->has_keys)
        self->hello_ms = edge->now_ms + HELLO_EACH_MS;
    if (self->has_keys && !had_keys)
        log_info("token keys known");
    return true;
}

static void s_ask_hello(struct links *self)
{
    const struct edge *edge = self->edge;
    address_t own = actor_address(edge->actor);
    struct msg msg = {.type = MSG_DIR_HELLO, .as.dir_hello = {
        .node = address_node(own),
        .nonce = address_nonce(own),
        .roles = ROLE_BIT_EDGE,
        .endpoint = view_of_text(""),
    }};
    struct ask_spec spec = {.to = ASK_PERSIST, .done = s_on_welcome, .owner = self, .deadline_ms = ANSWER_MS};
    self->hello = asks_send_msg(edge->asks, &spec, &msg);
    self->hello_ms = edge->now_ms + HELLO_RETRY_MS;
}

/* An edge owns nothing, so being taken for dead costs it nothing: it comes up again. */
static bool s_on_beaten(struct edge *edge, struct ask *ask, const struct answer *answer)
{
    (void)ask;
    edge->links->beat = NULL;
    if (answer->err == ERR_FENCED || answer->err == ERR_NOT_FOUND)
        edge->links->hello_ms = 0;
    return true;
}

static void s_ask_beat(struct links *self)
{
    address_t own = actor_address(self->edge->actor);
    struct msg msg = {.type = MSG_DIR_BEAT,
                      .as.dir_beat = {.node = address_node(own), .nonce = address_nonce(own)}};
    struct ask_spec spec = {.to = ASK_PERSIST, .done = s_on_beaten, .owner = self, .once = true,
                            .deadline_ms = LIM_LEASE_BEAT_MS};
    self->beat = asks_send_msg(self->edge->asks, &spec, &msg);
    self->beat_ms = self->edge->now_ms + LIM_LEASE_BEAT_MS;
}

/* An actor this process has not heard of comes with its endpoint. */
static bool s_reach(struct links *self, address_t owner, view_t endpoint)
{
    char text[LIM_ENDPOINT_BYTES_MAX + 1];
    if (topology_find(self->edge->topology, address_role(owner), address_instance(owner)))
        return true; /* connected at the start */
    if (endpoint.len == 0 || endpoint.len >= sizeof text)
        return false;
    memcpy(text, endpoint.bytes, endpoint.len);
    text[endpoint.len] = '\0';
    return !actor_connect(self->edge->actor, owner, text) && !loop_watch_actor(self->edge->loop);
}

/* Where accounts is a process of its own, it stands in the directory; so do several. */
static bool s_on_nodes(struct edge *edge, struct ask *ask, const struct answer *answer)
{
    (void)ask;
    struct links *self = edge->links;
    self->nodes = NULL;
    struct msg msg;
    if (answer->err || answer->type != MSG_DIR_NODES || msg_decode(answer->body, &msg))
        return true;
    struct rec_dir_node node;
    while (rec_dir_node_next(&msg.as.dir_nodes.nodes, &node)) {
        address_t address = address_from_node(node.node);
        if (address_role(address) == ROLE_ACCOUNTS && s_reach(self, address, node.endpoint))
            (void)providers_add(&self->accounts, address);
    }
    return true;
}

static void s_ask_nodes(struct links *self)
{
    struct msg msg = {.type = MSG_DIR_NODES_GET, .as.dir_nodes_get = {.roles = ROLE_BIT_ACCOUNTS}};
    struct ask_spec spec = {.to = ASK_PERSIST, .done = s_on_nodes, .owner = self, .deadline_ms = ANSWER_MS};
    self->nodes = asks_send_msg(self->edge->asks, &spec, &msg);
    self->nodes_ms = self->edge->now_ms + (self->accounts.count ? NODES_EACH_MS : NODES_WANTED_MS);
}

static bool s_on_leases(struct edge *edge, struct ask *ask, const struct answer *answer)
{
    (void)ask;
    struct links *self = edge->links;
    self->leases_ask = NULL;
    self->persist_heard_ms = edge->now_ms;
    struct msg msg;
    if (answer->err || answer->type != MSG_DIR_LEASES || msg_decode(answer->body, &msg))
        return true;
    bool changed = false, moved[LIM_SHARDS] = {false};
    struct rec_lease lease;
    self->owned = 0;
    while (rec_lease_next(&msg.as.dir_leases.leases, &lease)) {
        if (lease.shard >= LIM_SHARDS)
            continue;
        address_t owner = lease.node ? address_from_node(lease.node) : 0;
        if (owner != 0 && !s_reach(self, owner, lease.endpoint))
            owner = 0;
        self->owned += owner != 0;
        if (self->shards[lease.shard].owner == owner && self->shards[lease.shard].epoch == lease.epoch)
            continue;
        self->shards[lease.shard].owner = owner;
        self->shards[lease.shard].epoch = lease.epoch;
        changed = moved[lease.shard] = true;
    }
    if (self->owned == LIM_SHARDS && !self->has_leases)
        log_info("every shard has an owner");
    self->has_leases = self->owned == LIM_SHARDS;
    if (changed) {
        asks_on_receivers(edge->asks);
        attach_on_leases(edge->attach, moved);
        session_on_leases(edge, moved);
    }
    return true;
}

static void s_ask_leases(struct links *self)
{
    struct msg msg = {.type = MSG_DIR_LEASES_GET};
    struct ask_spec spec = {.to = ASK_PERSIST, .done = s_on_leases, .owner = self, .deadline_ms = ANSWER_MS};
    self->leases_ask = asks_send_msg(self->edge->asks, &spec, &msg);
    self->leases_wanted = false;
    self->leases_asked_ms = self->edge->now_ms;
    self->leases_ms = self->edge->now_ms + LEASES_EACH_MS;
}

static bool s_on_revocations(struct edge *edge, struct ask *ask, const struct answer *answer)
{
    struct links *self = edge->links;
    self->revocations = NULL;
    self->persist_heard_ms = edge->now_ms;
    struct msg msg;
    if (answer->err || answer->type != MSG_STORE_REVOCATIONS || msg_decode(answer->body, &msg))
        return true;
    bool more = auth_on_revocations(edge->auth, &msg.as.store_revocations, ask->asked_ms, edge->utc_ms);
    if (more)
        self->revocations_ms = 0;
    if (msg.as.store_revocations.sessions.count > 0)
        session_on_revoked(edge);
    return true;
}

static void s_ask_revocations(struct links *self)
{
    struct msg msg = {.type = MSG_STORE_REVOCATIONS_GET,
                      .as.store_revocations_get = {.after = auth_revocations_after(self->edge->auth)}};
    struct ask_spec spec = {.to = ASK_PERSIST, .done = s_on_revocations, .owner = self, .deadline_ms = ANSWER_MS};
    self->revocations = asks_send_msg(self->edge->asks, &spec, &msg);
    self->revocations_ms = self->edge->now_ms + LIM_REVOCATION_PULL_MS;
}

void links_on_tick(struct links *self)
{
    int64_t now_ms = self->edge->now_ms;
    if (auth_keys_wanted(self->edge->auth, now_ms))
        self->hello_ms = 0;
    if (!self->hello && now_ms >= self->hello_ms)
        s_ask_hello(self);
    if (!self->beat && self->edge->has_id_key && now_ms >= self->beat_ms)
        s_ask_beat(self);
    int64_t wanted_ms = self->leases_asked_ms + LEASES_WANTED_MS;
    if ((self->owned < LIM_SHARDS || self->leases_wanted) && self->leases_ms > wanted_ms)
        self->leases_ms = wanted_ms;
    if (s_misses_owner(self) && self->leases_ms > self->leases_asked_ms + OWNER_DOWN_MS)
        self->leases_ms = self->leases_asked_ms + OWNER_DOWN_MS;
    if (!self->leases_ask && now_ms >= self->leases_ms)
        s_ask_leases(self);
    if (self->edge->topology->is_distributed && !self->nodes && now_ms >= self->nodes_ms)
        s_ask_nodes(self);
    if (!self->revocations && now_ms >= self->revocations_ms)
        s_ask_revocations(self);
    s_watch_persist(self);
}

const char *links_missing(const struct links *self)
{
    if (!self->edge->has_id_key || auth_is_stale(self->edge->auth, self->edge->now_ms))
        return "persist";
    if (!self->has_keys)
        return "keys";
    if (!self->has_met_accounts)
        return "accounts";
    return self->has_leases ? NULL : "leases";
}
