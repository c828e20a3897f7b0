/* The directory: coming up, beats, taking shards, giving them back. */
#include "actors/room_shard_impl.h"

#include <assert.h>
#include <string.h>

static uint64_t s_node(const room_shard_t *self)
{
    return address_node(self->options.address);
}

static void s_hello(room_shard_t *self)
{
    struct request request = {.what = Q_HELLO};
    struct msg msg = {.type = MSG_DIR_HELLO};
    msg.as.dir_hello = (struct msg_dir_hello){.node = s_node(self),
                                              .nonce = address_nonce(self->options.address),
                                              .roles = 2,
                                              .endpoint = view_of_text(self->endpoint)};
    self->hello_ms = self->now_ms + DIR_ASK_MS;
    uint64_t correlation = shard_ask(self, &request, DIR_ASK_MS, 0, &msg);
    lease_beat_sent(&self->lease, correlation, self->now_ms);
}

static void s_beat(room_shard_t *self)
{
    struct request request = {.what = Q_BEAT}, open;
    struct msg msg = {.type = MSG_DIR_BEAT};
    msg.as.dir_beat =
        (struct msg_dir_beat){.node = s_node(self), .nonce = address_nonce(self->options.address)};
    if (self->beat_correlation && requests_peek(self->requests, self->beat_correlation, &open))
        shard_next_persist(self); /* silent for as long as a beat lasts */
    self->beat_correlation = shard_ask(self, &request, LIM_LEASE_SERVE_MS, 0, &msg);
    lease_beat_sent(&self->lease, self->beat_correlation, self->now_ms);
}

static void s_take(room_shard_t *self)
{
    struct request request = {.what = Q_TAKE};
    struct msg msg = {.type = MSG_DIR_TAKE};
    bool is_settled = self->now_ms - self->started_ms >= DIR_SETTLE_MS;
    msg.as.dir_take = (struct msg_dir_take){.node = s_node(self),
                                            .nonce = address_nonce(self->options.address),
                                            .share = is_settled ? LIM_SHARDS : self->options.share};
    self->take_ms = self->now_ms + DIR_TAKE_MS;
    shard_ask(self, &request, LIM_REQUEST_MS, 0, &msg);
}

void shard_take_soon(room_shard_t *self)
{
    self->take_ms = self->now_ms;
}

static void s_ask_leases(room_shard_t *self)
{
    struct request request = {.what = Q_LEASES};
    struct msg msg = {.type = MSG_DIR_LEASES_GET};
    self->leases_ms = self->now_ms + DIR_ASK_MS;
    self->wants_leases = false;
    shard_ask(self, &request, DIR_ASK_MS, 0, &msg);
}

/* Everything accepted is decided: nothing of this actor is on the way to the store any more. */
static bool s_is_flushed(const room_shard_t *self)
{
    return !batch_is_in_flight(&self->batch) && !self->batch.queued && !self->reads_correlation &&
           !self->dirty_inboxes.count;
}

static void s_stop_tick(room_shard_t *self)
{
    if (!self->lease.alive) {
        self->state = ROOM_SHARD_STOPPED; /* it never owned anything */
        return;
    }
    if (self->is_released ? self->now_ms < self->hello_ms : !s_is_flushed(self) || !shard_give_all(self))
        return;
    struct request request = {.what = Q_RELEASE};
    struct msg msg = {.type = MSG_DIR_RELEASE};
    msg.as.dir_release = (struct msg_dir_release){.node = s_node(self),
                                                  .nonce = address_nonce(self->options.address)};
    self->is_released = true;
    self->hello_ms = self->now_ms + DIR_ASK_MS; /* asked again then */
    shard_ask(self, &request, DIR_ASK_MS, 0, &msg);
}

void shard_dir_tick(room_shard_t *self)
{
    if (self->state == ROOM_SHARD_STARTING && self->now_ms >= self->hello_ms)
        s_hello(self);
    if (self->state == ROOM_SHARD_STOPPING)
        s_stop_tick(self);
    if (self->state != ROOM_SHARD_RUNNING && self->state != ROOM_SHARD_STOPPING)
        return;
    if (lease_beat_is_due(&self->lease, self->now_ms) && !self->is_released)
        s_beat(self);
    shard_share_tick(self);
    if (self->state == ROOM_SHARD_STOPPING)
        return;
    if (self->now_ms >= self->take_ms && self->lease.held < LIM_SHARDS)
        s_take(self);
    if (self->wants_leases && self->now_ms >= self->leases_ms)
        s_ask_leases(self);
}

err_t shard_on_welcome(room_shard_t *self, const struct envelope *env, const struct msg *msg)
{
    struct request request;
    const struct msg_dir_welcome *welcome = &msg->as.dir_welcome;
    if (!shard_take(self, env, Q_HELLO, &request))
        return ERR_OK;
    if (welcome->id_key.len != KEY_BYTES || welcome->mac_key.len != KEY_BYTES)
        return ERR_OUT_OF_RANGE;
    lease_beat_answered(&self->lease, env->correlation);
    memcpy(self->id_key, welcome->id_key.bytes, KEY_BYTES);
    memcpy(self->mac_key, welcome->mac_key.bytes, KEY_BYTES);
    self->has_keys = true;
    if (self->state == ROOM_SHARD_STARTING) {
        self->state = ROOM_SHARD_RUNNING;
        self->started_ms = self->now_ms;
        s_take(self);
    }
    return ERR_OK;
}

static void s_own(room_shard_t *self, const uint64_t epochs[LIM_SHARDS])
{
    bool gone[LIM_SHARDS] = {false}, any = false;
    for (uint32_t shard = 0; shard < LIM_SHARDS; shard++) {
        bool had = lease_epoch(&self->lease, shard) != 0;
        gone[shard] = lease_set(&self->lease, shard, epochs[shard]) && had;
        any = any || gone[shard];
        if (lease_epoch(&self->lease, shard))
            self->owners[shard] = self->options.address;
    }
    if (any)
        shard_drop_shards(self, gone); /* what is in memory was read under the former epoch */
}

err_t shard_on_leases(room_shard_t *self, const struct envelope *env, const struct msg *msg)
{
    struct request request;
    if (shard_take(self, env, Q_GIVE, &request)) {
        shard_given(self, msg);
        return ERR_OK;
    }
    if (!shard_take(self, env, Q_TAKE, &request) && !shard_take(self, env, Q_LEASES, &request))
        return ERR_OK;
    uint64_t epochs[LIM_SHARDS] = {0};
    list_t leases = msg->as.dir_leases.leases;
    struct rec_lease lease;
    while (rec_lease_next(&leases, &lease)) {
        if (lease.shard >= LIM_SHARDS)
            return ERR_OUT_OF_RANGE;
        self->owners[lease.shard] = lease.node ? address_from_node(lease.node) : 0;
        if (lease.node == s_node(self))
            epochs[lease.shard] = lease.epoch;
    }
    self->owners_ms = self->now_ms;
    if (request.what == Q_TAKE && self->state == ROOM_SHARD_RUNNING)
        s_own(self, epochs);
    return ERR_OK;
}

void shard_fence(room_shard_t *self)
{
    if (self->state == ROOM_SHARD_FENCED)
        return;
    self->state = ROOM_SHARD_FENCED;
    shard_drop_all(self);
    lease_fence(&self->lease);
}
