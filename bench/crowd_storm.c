#include "bench/crowd_impl.h"

enum { RETRY_MS = 250, RETRY_DOUBLINGS_MAX = 7 }; /* full jitter, at most 32 s: as the web client */

static void s_schedule(struct member *self, int64_t from_ns)
{
    unsigned doublings = self->attempt < RETRY_DOUBLINGS_MAX ? self->attempt : RETRY_DOUBLINGS_MAX;
    uint64_t most_ms = (uint64_t)RETRY_MS << doublings;
    self->return_ns = from_ns + (int64_t)(id_random() % most_ms) * 1000000;
    self->attempt++;
}

void crowd_cut(crowd_t *self)
{
    self->goal = GOAL_LIVE;
    self->failed = false;
    self->returned = (struct crowd_return){.cut_ns = now_ns()};
    for (uint32_t i = 0; i < self->count; i++) {
        struct member *reader = &self->readers[i];
        if (reader->place == 0)
            continue;
        ws_client_shut(reader->socket);
        ws_client_destroy(&reader->socket);
        reader->live = reader->is_welcome = reader->writes = false;
        reader->away = true;
        reader->attempt = 0;
        s_schedule(reader, self->returned.cut_ns);
        self->returned.cut++;
    }
    self->returning = self->returned.cut;
}

bool crowd_come_back(crowd_t *self)
{
    int64_t at_ns = now_ns();
    for (uint32_t i = 0; self->returning > 0 && i < self->count; i++) {
        struct member *reader = &self->readers[i];
        if (!reader->away || reader->socket || reader->return_ns > at_ns)
            continue;
        self->returned.attempts++;
        crowd_begin(reader);
    }
    return self->returning == 0;
}

const struct crowd_return *crowd_returned(const crowd_t *self)
{
    return &self->returned;
}

void crowd_is_back(struct member *self)
{
    struct crowd_return *returned = &self->crowd->returned;
    if (!self->away)
        return;
    self->away = false;
    self->crowd->returning--;
    returned->back++;
    returned->done_ns = now_ns();
    hist_add(&returned->back_after, returned->done_ns - returned->cut_ns);
}

bool crowd_try_again(struct member *self, bool refused)
{
    struct crowd_return *returned = &self->crowd->returned;
    if (!self->away)
        return false;
    returned->refused += refused;
    returned->closed += !refused;
    ws_client_destroy(&self->socket);
    self->live = self->is_welcome = false;
    s_schedule(self, now_ns());
    return true;
}
