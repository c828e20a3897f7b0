#include "actors/lease.h"

#include <assert.h>
#include <string.h>

void lease_init(lease_t *self)
{
    memset(self, 0, sizeof *self);
}

bool lease_beat_is_due(const lease_t *self, int64_t now_ms)
{
    return self->alive && !self->fenced && now_ms >= self->next_beat_ms;
}

void lease_beat_sent(lease_t *self, uint64_t correlation, int64_t now_ms)
{
    self->open[self->open_next] = (struct lease_beat){correlation, now_ms};
    self->open_next = (self->open_next + 1) % LEASE_BEATS_OPEN_MAX;
    self->next_beat_ms = now_ms + LIM_LEASE_BEAT_MS;
}

void lease_beat_answered(lease_t *self, uint64_t correlation)
{
    for (unsigned i = 0; i < LEASE_BEATS_OPEN_MAX; i++) {
        struct lease_beat *beat = &self->open[i];
        if (!correlation || beat->correlation != correlation)
            continue;
        if (!self->alive || beat->sent_ms > self->good_ms)
            self->good_ms = beat->sent_ms;
        self->alive = true;
        beat->correlation = 0;
        return;
    }
}

void lease_fence(lease_t *self)
{
    self->fenced = true;
    memset(self->epochs, 0, sizeof self->epochs);
    self->held = 0;
}

bool lease_is_serving(const lease_t *self, int64_t now_ms)
{
    return self->alive && !self->fenced && now_ms - self->good_ms < LIM_LEASE_SERVE_MS;
}

bool lease_set(lease_t *self, uint32_t shard, uint64_t epoch)
{
    assert(shard < LIM_SHARDS);
    if (epoch <= self->given[shard])
        epoch = 0;
    if (self->fenced || self->epochs[shard] == epoch)
        return false;
    if (!self->epochs[shard])
        self->held++;
    if (!epoch)
        self->held--;
    self->epochs[shard] = epoch;
    return true;
}

void lease_give(lease_t *self, uint32_t shard)
{
    assert(shard < LIM_SHARDS);
    self->given[shard] = self->epochs[shard];
    lease_set(self, shard, 0);
}

uint64_t lease_epoch(const lease_t *self, uint32_t shard)
{
    return shard < LIM_SHARDS ? self->epochs[shard] : 0;
}
