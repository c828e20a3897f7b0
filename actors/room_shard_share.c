/* Shards move: each room node owns an even share of them. One that has less asks the node that has most; that one stops
 * serving some, stores what it had accepted, and hands them over by the directory. A clean stop hands over all. */
#include <string.h>

#include "actors/room_shard_impl.h"

static uint64_t s_own(const room_shard_t *self)
{
    return address_node(self->options.address);
}

/* ---- who lives --------------------------------------------------------------------------------------------------- */

static void s_ask_nodes(room_shard_t *self)
{
    struct request request = {.what = Q_NODES};
    struct msg msg = {.type = MSG_DIR_NODES_GET, .as.dir_nodes_get = {.roles = 2}};
    self->shares.ask_ms = self->now_ms + NODES_EACH_MS;
    shard_ask(self, &request, DIR_ASK_MS, 0, &msg);
}

err_t shard_on_nodes(room_shard_t *self, const struct envelope *env, const struct msg *msg)
{
    struct request request;
    if (!shard_take(self, env, Q_NODES, &request))
        return ERR_OK;
    struct shares *shares = &self->shares;
    size_t before = shares->count;
    list_t nodes = msg->as.dir_nodes.nodes;
    struct rec_dir_node node;
    shares->count = 0;
    while (shares->count < LIM_NODES_MAX && rec_dir_node_next(&nodes, &node))
        if (address_role(address_from_node(node.node)) == ROLE_ROOM)
            shares->nodes[shares->count++] = node.node;
    shares->heard_ms = self->now_ms;
    if (shares->count < before)
        shard_take_soon(self); /* one is gone: what it owned may be free */
    return ERR_OK;
}

static bool s_knows_nodes(const room_shard_t *self)
{
    return self->shares.count > 0 && self->now_ms - self->shares.heard_ms < NODES_STALE_MS;
}

/* The even share of a node; 0: it does not live. The first ones get the remainder, as in the directory. */
static size_t s_share(const room_shard_t *self, uint64_t node)
{
    const struct shares *shares = &self->shares;
    size_t rank = 0;
    while (rank < shares->count && shares->nodes[rank] != node)
        rank++;
    return rank == shares->count ? 0 : LIM_SHARDS / shares->count + (rank < LIM_SHARDS % shares->count);
}

/* ---- wanting ------------------------------------------------------------------------------------------------------ */

/* The node that owns most beyond its share; 0: none. */
static address_t s_richest(const room_shard_t *self, size_t *surplus_out)
{
    const struct shares *shares = &self->shares;
    address_t richest = 0;
    *surplus_out = 0;
    for (size_t i = 0; i < shares->count; i++) {
        size_t held = 0, share = s_share(self, shares->nodes[i]);
        address_t address = address_from_node(shares->nodes[i]);
        for (uint32_t shard = 0; shard < LIM_SHARDS; shard++)
            held += self->owners[shard] && address_is_same_node(self->owners[shard], address);
        if (shares->nodes[i] == s_own(self) || held <= share || held - share <= *surplus_out)
            continue;
        *surplus_out = held - share;
        richest = address;
    }
    return richest;
}

static void s_want(room_shard_t *self)
{
    size_t share = s_share(self, s_own(self)), surplus;
    self->shares.want_ms = self->now_ms + DIR_ASK_MS;
    if (self->lease.held >= share)
        return;
    address_t richest = s_richest(self, &surplus);
    self->wants_leases = true; /* what is known of the others grows old */
    if (!richest)
        return;
    size_t count = share - self->lease.held;
    struct envelope env = {0};
    struct msg msg = {.type = MSG_SHARDS_WANT};
    msg.as.shards_want.count = (uint32_t)(count < surplus ? count : surplus);
    shard_send(self, richest, &env, &msg);
}

/* ---- giving -------------------------------------------------------------------------------------------------------- */

static void s_leave(room_shard_t *self, uint64_t to, size_t count)
{
    struct shares *shares = &self->shares;
    shares->to = to;
    shares->since_ms = shares->give_ms = self->now_ms;
    for (uint32_t shard = LIM_SHARDS; shard-- > 0 && count > 0;) {
        if (!lease_epoch(&self->lease, shard))
            continue;
        shares->leaving[shard] = true;
        shares->leaving_count++;
        count--;
    }
}

static void s_stay(room_shard_t *self)
{
    memset(self->shares.leaving, 0, sizeof self->shares.leaving);
    self->shares.leaving_count = 0;
    self->shares.is_asked = false;
}

err_t shard_on_want(room_shard_t *self, const struct envelope *env, const struct msg *msg)
{
    struct shares *shares = &self->shares;
    uint64_t from = address_node(env->from);
    size_t share = s_share(self, s_own(self)), count = msg->as.shards_want.count;
    if (self->state != ROOM_SHARD_RUNNING || shares->leaving_count || !s_knows_nodes(self) ||
        !s_share(self, from) || self->lease.held <= share)
        return ERR_OK; /* asked again if it still wants any */
    count = count < self->lease.held - share ? count : self->lease.held - share;
    s_leave(self, from, count < GIVE_SHARDS_MAX ? count : GIVE_SHARDS_MAX);
    shard_close_batch(self);
    shard_flush_reads(self);
    return ERR_OK;
}

/* Nothing of the shards that leave waits for the store. */
static bool s_is_flushed(const room_shard_t *self)
{
    const bool *leaving = self->shares.leaving;
    for (const struct pending *at = self->batch.first; at; at = at->next)
        if (leaving[at->shard])
            return false;
    for (size_t i = 0; i < self->batch.flight_count; i++)
        if (leaving[self->batch.flight[i]->shard])
            return false;
    size_t cursor = 0;
    uint64_t user;
    while (map_next(&self->dirty_inboxes, &cursor, &user, NULL))
        if (leaving[id_shard(user)])
            return false;
    return !self->reads_correlation;
}

static void s_ask_give(room_shard_t *self)
{
    struct shares *shares = &self->shares;
    struct request request = {.what = Q_GIVE};
    struct msg msg = {.type = MSG_DIR_GIVE};
    list_writer_clear(&self->list);
    for (uint32_t shard = 0; shard < LIM_SHARDS; shard++) {
        struct rec_lease lease = {.shard = shard, .epoch = lease_epoch(&self->lease, shard)};
        if (shares->leaving[shard] && lease.epoch)
            rec_lease_append(&self->list, &lease);
    }
    msg.as.dir_give = (struct msg_dir_give){.node = s_own(self),
                                            .nonce = address_nonce(self->options.address),
                                            .to = shares->to,
                                            .leases = list_of(&self->list)};
    shares->is_asked = shard_ask(self, &request, DIR_ASK_MS, 0, &msg) != 0;
    shares->give_ms = self->now_ms + GIVE_RETRY_MS;
}

static void s_give_tick(room_shard_t *self)
{
    struct shares *shares = &self->shares;
    if (!shares->leaving_count || shares->is_asked || self->now_ms < shares->give_ms)
        return;
    if (s_is_flushed(self) || self->now_ms - shares->since_ms >= GIVE_FLUSH_MS)
        s_ask_give(self);
    else
        shard_flush_reads(self);
}

/* The answer names those that are the other's now. Any that left and are not among them are nobody this node can speak
 * for: the next DIR_TAKE tells. */
void shard_given(room_shard_t *self, const struct msg *msg)
{
    struct shares *shares = &self->shares;
    bool gone[LIM_SHARDS];
    list_t leases = msg->as.dir_leases.leases;
    struct rec_lease lease;
    uint32_t given = 0;
    memcpy(gone, shares->leaving, sizeof gone);
    s_stay(self);
    while (rec_lease_next(&leases, &lease)) {
        if (lease.shard >= LIM_SHARDS || !gone[lease.shard])
            continue;
        given++;
        lease_give(&self->lease, lease.shard);
        self->owners[lease.shard] = address_from_node(shares->to);
    }
    struct msg told = {.type = MSG_SHARDS_GIVEN, .as.shards_given = {.count = given}};
    shard_send(self, address_from_node(shares->to), &(struct envelope){0}, &told);
    for (uint32_t shard = 0; shard < LIM_SHARDS; shard++)
        if (gone[shard])
            lease_set(&self->lease, shard, 0);
    shard_drop_shards(self, gone);
}

void shard_give_failed(room_shard_t *self, err_t code)
{
    self->shares.is_asked = false;
    if (code == ERR_FENCED)
        shard_fence(self);
    else if (code == ERR_UNAVAILABLE)
        shard_next_persist(self); /* it may have been done: nothing is served until the directory has said */
    else if (!err_may_retry(code))
        s_stay(self); /* nobody to give them to */
}

/* ---- a clean stop --------------------------------------------------------------------------------------------------- */

/* The nodes after this one, in turn, get equal parts. */
static bool s_next_part(room_shard_t *self)
{
    struct shares *shares = &self->shares;
    while (shares->told < shares->count) {
        uint64_t node = shares->nodes[shares->told++];
        size_t left = 1; /* that have had no part yet, this one included */
        if (node == s_own(self))
            continue;
        for (size_t i = shares->told; i < shares->count; i++)
            left += shares->nodes[i] != s_own(self);
        s_leave(self, node, (self->lease.held + left - 1) / left);
        return true;
    }
    return false;
}

bool shard_give_all(room_shard_t *self)
{
    struct shares *shares = &self->shares;
    if (!self->options.finds_nodes || !s_knows_nodes(self) || !self->lease.held)
        return !shares->leaving_count;
    if (shares->leaving_count) {
        bool is_late = self->now_ms - shares->since_ms >= GIVE_STOP_MS;
        if (!is_late)
            s_give_tick(self);
        return is_late;
    }
    if (!s_next_part(self))
        return true;
    s_ask_give(self);
    return false;
}

void shard_share_turn(room_shard_t *self)
{
    if (self->state == ROOM_SHARD_RUNNING)
        s_give_tick(self);
}

void shard_share_tick(room_shard_t *self)
{
    if (!self->options.finds_nodes)
        return;
    if (self->now_ms >= self->shares.ask_ms)
        s_ask_nodes(self);
    if (self->state != ROOM_SHARD_RUNNING)
        return;
    s_give_tick(self);
    if (s_knows_nodes(self) && self->now_ms >= self->shares.want_ms && !self->shares.leaving_count)
        s_want(self);
}
