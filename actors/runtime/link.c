#include "actors/runtime/link.h"

#include "actors/runtime/metrics.h"
#include "proto/limits.h"

enum {
    CONFIRM_FRAMES = LIM_LINK_OUTBOX_FRAMES / 4,
    CONFIRM_BYTES = LIM_LINK_OUTBOX_BYTES / 4,
};

void link_init(struct link *self, address_t peer, bool keeps, int64_t now_ms)
{
    *self = (struct link){
        .peer = address_stable(peer),
        .nonce = address_nonce(peer),
        .keeps = keeps,
        .heard_ms = now_ms,
        .tick_ms = now_ms,
        .hello_due = true,
    };
}

void link_fini(struct link *self)
{
    link_outbox_clear(&self->outbox);
}

uint64_t link_last(const struct link *self)
{
    const struct link_outbox_frame *waiting = link_outbox_waiting(&self->outbox);
    return waiting ? waiting->number - 1 : self->numbered;
}

static void s_clear_outbox(struct link *self)
{
    link_outbox_clear(&self->outbox);
    self->lags = false;
}

static struct link_verdict s_event(peer_event_t event, bool deliver)
{
    return (struct link_verdict){.deliver = deliver, .has_event = true, .event = event};
}

static struct link_verdict s_bad(err_t err)
{
    return (struct link_verdict){.err = err};
}

/* `last` is what the peer sent before this. FIFO: what is missing now never comes; and a number never goes back. */
static struct link_verdict s_catch_up(struct link *self, uint64_t last)
{
    if (last == self->received)
        return (struct link_verdict){0};
    if (last < self->received)
        return s_bad(ERR_BAD_FRAME);
    self->received = last;
    return s_event(PEER_HOLE, false);
}

static bool s_is_former(const struct link *self, uint32_t nonce)
{
    for (size_t i = 0; i < self->former_count && i < LINK_FORMER; i++)
        if (self->former[i] == nonce)
            return true;
    return false;
}

/* What we connect to may move from one process to another and back; who comes to us may not. */
static void s_note_boot(struct link *self, uint32_t nonce)
{
    if (!self->keeps && self->last_nonce && self->last_nonce != nonce)
        self->former[self->former_count++ % LINK_FORMER] = self->last_nonce;
    self->last_nonce = nonce;
}

static struct link_verdict s_on_hello(struct link *self, address_t own, const struct envelope *env,
                                      view_t body)
{
    struct msg msg;
    err_t err = msg_decode(body, &msg);
    if (err)
        return s_bad(err);
    const struct msg_link_hello *hello = &msg.as.link_hello;
    if (hello->version != PROTO_VERSION)
        return s_bad(ERR_VERSION);
    if (hello->nonce == 0 || hello->nonce != address_nonce(env->from)) /* 0: a boot that nobody could name */
        return s_bad(ERR_BAD_FRAME);
    if (s_is_former(self, (uint32_t)hello->nonce))
        return s_bad(ERR_FENCED);

    bool heard_us = env->correlation == address_nonce(own);
    if (!heard_us)
        self->hello_due = true;
    bool same_boot = self->up && self->nonce == hello->nonce;
    /* It took us for dead meanwhile; if it had to make place, it counts from the beginning again. */
    bool forgot_us = (self->knows_us && !heard_us) || env->link_seq < self->received;
    if (same_boot && !forgot_us)
        return s_catch_up(self, env->link_seq);
    if (self->up && !same_boot)
        s_clear_outbox(self); /* meant for its former self, whose askers and readers are gone */
    s_note_boot(self, (uint32_t)hello->nonce);
    self->up = true;
    self->knows_us = false;
    self->nonce = (uint32_t)hello->nonce;
    self->received = env->link_seq;
    return s_event(PEER_UP, false);
}

static struct link_verdict s_on_tick(struct link *self, const struct envelope *env, view_t body)
{
    struct msg msg;
    err_t err = msg_decode(body, &msg);
    if (err)
        return s_bad(err);
    self->knows_us = true;
    if (env->correlation <= self->numbered)
        link_outbox_confirm(&self->outbox, env->correlation);
    return s_catch_up(self, msg.as.link_tick.last);
}

static struct link_verdict s_on_frame(struct link *self, address_t own, const struct envelope *env, view_t body)
{
    if (env->type == MSG_LINK_HELLO)
        return s_on_hello(self, own, env, body);
    if (!self->up || self->nonce != address_nonce(env->from)) {
        self->hello_due = true;
        return (struct link_verdict){0};
    }
    if (env->type == MSG_LINK_TICK)
        return s_on_tick(self, env, body);
    if (env->link_seq <= self->received)
        return s_bad(ERR_BAD_FRAME);
    bool hole = env->link_seq != self->received + 1;
    self->received = env->link_seq;
    self->unconfirmed_frames++;
    self->unconfirmed_bytes += body.len;
    if (self->unconfirmed_frames >= CONFIRM_FRAMES || self->unconfirmed_bytes >= CONFIRM_BYTES) {
        self->unconfirmed_frames = self->unconfirmed_bytes = 0;
        self->tick_due = true;
    }
    return hole ? s_event(PEER_HOLE, true) : (struct link_verdict){.deliver = true};
}

struct link_verdict link_on_frame(struct link *self, address_t own, const struct envelope *env, view_t body,
                                  int64_t now_ms)
{
    if (address_stable(env->from) != self->peer)
        return s_bad(ERR_BAD_FRAME);
    if (self->keeps && env->type == MSG_ERR && env->link_seq == 0)
        return env->correlation == address_nonce(own) ? s_event(PEER_REPLACED_US, false) : (struct link_verdict){0};
    int64_t silent_ms = now_ms - self->heard_ms;
    self->heard_ms = now_ms;
    struct link_verdict verdict = s_on_frame(self, own, env, body);
    if (verdict.has_event && verdict.event == PEER_HOLE) {
        metric_add(METRIC_LINK_HOLES, 1);
        metric_observe_us(METRIC_LINK_HOLE_SECONDS, silent_ms * 1000);
    }
    return verdict;
}

bool link_on_time(struct link *self, int64_t now_ms, bool may_expire)
{
    bool down = may_expire && self->up && now_ms - self->heard_ms >= LIM_LINK_PEER_EXPIRE_MS;
    if (down) {
        self->up = self->knows_us = false;
        self->nonce = 0;
        s_clear_outbox(self);
    }
    if (now_ms - self->tick_ms >= LIM_LINK_TICK_MS) {
        self->tick_ms = now_ms;
        self->tick_due = self->up;
        self->hello_due = self->hello_due || (!self->up && self->keeps);
    }
    return down;
}

static bool s_is_request(const struct envelope *env)
{
    return env->correlation && !(env->flags & ENVELOPE_REPLY);
}

err_t link_number(struct link *self, address_t to, const struct envelope *env, size_t frame_len,
                  uint64_t *number_out)
{
    if (!self->up && !self->keeps)
        return ERR_NOT_FOUND;
    if (address_nonce(to) && address_nonce(to) != self->nonce)
        return ERR_NOT_FOUND;
    bool ephemeral = env->flags & ENVELOPE_EPHEMERAL;
    bool must_arrive = !ephemeral && !s_is_request(env);
    if (self->lags && link_outbox_admit(&self->outbox, frame_len, true) == ERR_OK)
        self->lags = false;
    err_t err = link_outbox_admit(&self->outbox, frame_len, ephemeral);
    if (self->lags && must_arrive)
        err = ERR_OVERLOADED;
    if (err && must_arrive)
        self->lags = true;
    if (!err || must_arrive)
        self->numbered++;
    *number_out = self->numbered;
    return err;
}
