#include <sys/epoll.h>

#include "bench/crowd_impl.h"

enum { STEP_MS = 50 };

void crowd_slow_down(crowd_t *self, uint32_t reader, uint32_t bytes_per_s)
{
    struct member *slow = &self->readers[reader];
    self->slow = slow;
    self->slow_bytes = bytes_per_s * STEP_MS / 1000;
    self->slow_next_ns = now_ns();
    ws_client_read_at_most(slow->socket, self->slow_bytes ? self->slow_bytes : 1);
    crowd_watch(slow, EPOLL_CTL_MOD);
}

void crowd_let_go(crowd_t *self)
{
    struct member *slow = self->slow;
    self->slow = NULL;
    if (!slow || !slow->socket)
        return;
    ws_client_read_at_most(slow->socket, 0);
    crowd_watch(slow, EPOLL_CTL_MOD);
}

int64_t crowd_feed_slow(crowd_t *self)
{
    struct member *slow = self->slow;
    if (!slow || !slow->socket)
        return INT64_MAX;
    if (now_ns() >= self->slow_next_ns) {
        self->slow_next_ns += STEP_MS * 1000000;
        if (!ws_client_on_ready(slow->socket, true, false))
            crowd_drop(slow);
    }
    return self->slow_next_ns;
}

uint32_t crowd_snapshots(const crowd_t *self)
{
    return self->snapshots;
}

uint32_t crowd_differing(const crowd_t *self)
{
    uint32_t differing = 0;
    for (uint32_t i = 0; i < self->count; i++) {
        const struct member *reader = &self->readers[i], *first = reader - reader->place;
        differing += reader->log != first->log || reader->last_seq != first->last_seq;
    }
    return differing;
}
