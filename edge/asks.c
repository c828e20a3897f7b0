#include "edge/asks.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "edge/links.h"
#include "edge/shared.h"

enum { LOOK_EACH_MS = 100 };

struct asks {
    struct edge *edge;
    map_t by_correlation;
    struct ask *first, *last;
    uint64_t last_correlation;
    int64_t look_ms;
};

struct asks *asks_new(struct edge *edge)
{
    struct asks *self = calloc(1, sizeof *self);
    if (self)
        self->edge = edge;
    return self;
}

static void s_remove(struct asks *self, struct ask *ask)
{
    map_remove(&self->by_correlation, ask->correlation);
    *(ask->prev ? &ask->prev->next : &self->first) = ask->next;
    *(ask->next ? &ask->next->prev : &self->last) = ask->prev;
    free(ask);
}

void asks_destroy(struct asks **self_p)
{
    assert(self_p);
    struct asks *self = *self_p;
    if (!self)
        return;
    while (self->first)
        s_remove(self, self->first);
    map_fini(&self->by_correlation);
    free(self);
    *self_p = NULL;
}

static address_t s_receiver(const struct asks *self, const struct ask *ask)
{
    switch (ask->spec.to) {
    case ASK_PERSIST:
        return links_persist(self->edge->links);
    case ASK_PERSIST_AT:
        return links_persist_at(self->edge->links, ask->spec.key);
    case ASK_ACCOUNTS:
        return links_accounts(self->edge->links);
    default:
        return links_owner(self->edge->links, ask->spec.key);
    }
}

/* Sends it, or leaves it to the next look. */
static void s_dispatch(struct asks *self, struct ask *ask)
{
    int64_t now_ms = self->edge->now_ms;
    address_t to = s_receiver(self, ask);
    ask->sent_to = 0;
    ask->repeat_ms = now_ms + ASK_RETRY_MS;
    /* What must not be sent twice does not wait in a pipe to nobody: then its fate would not be known. */
    if (to == 0 || (ask->spec.once && ask->spec.to == ASK_ACCOUNTS && !links_accounts_is_up(self->edge->links)))
        return;
    struct envelope env = {
        .flags = ask->spec.admin ? ENVELOPE_ADMIN : 0,
        .deadline_ms = (uint32_t)(ask->deadline_ms > now_ms ? ask->deadline_ms - now_ms : 1),
        .correlation = ask->correlation,
        .key = ask->spec.key,
        .user = ask->spec.user,
        .session = ask->spec.session,
    };
    if (actor_send_bytes(self->edge->actor, to, &env, view_of(ask->bytes, ask->len)))
        return;
    ask->sent_to = to;
    ask->repeat_ms = !ask->spec.once                ? now_ms + ASK_REPEAT_MS
                     : ask->spec.again_if_lost ? now_ms + ASK_LOST_MS
                                               : ask->deadline_ms;
}

struct ask *asks_send(struct asks *self, const struct ask_spec *spec, view_t message)
{
    if (self->by_correlation.count >= LIM_REQUESTS_MAX)
        return NULL;
    struct ask *ask = malloc(sizeof *ask + message.len);
    if (!ask)
        return NULL;
    int64_t now_ms = self->edge->now_ms;
    *ask = (struct ask){
        .spec = *spec,
        .prev = self->last,
        .correlation = ++self->last_correlation,
        .asked_ms = now_ms,
        .deadline_ms = now_ms + (spec->deadline_ms ? spec->deadline_ms : LIM_REQUEST_MS),
        .len = (uint32_t)message.len,
    };
    memcpy(ask->bytes, message.bytes, message.len);
    if (map_put_ptr(&self->by_correlation, ask->correlation, ask)) {
        free(ask);
        return NULL;
    }
    *(self->last ? &self->last->next : &self->first) = ask;
    self->last = ask;
    s_dispatch(self, ask);
    return ask;
}

struct ask *asks_send_msg(struct asks *self, const struct ask_spec *spec, const struct msg *msg)
{
    buffer_t *encoded = &self->edge->encoded;
    buffer_clear(encoded);
    if (msg_encode(msg, encoded))
        return NULL;
    return asks_send(self, spec, buffer_view(encoded));
}

void asks_cancel(struct ask **ask_p)
{
    struct ask *ask = *ask_p;
    *ask_p = NULL;
    if (ask)
        ask->spec.done = NULL; /* freed by the next look: somebody may be walking the list */
}

void asks_cancel_all_of(struct asks *self, const void *owner)
{
    for (struct ask *ask = self->first; ask; ask = ask->next)
        if (ask->spec.owner == owner)
            ask->spec.done = NULL;
}

/* Calls the handler; the question goes unless it wants more. */
static void s_end(struct asks *self, struct ask *ask, const struct answer *answer)
{
    ask_fn done = ask->spec.done;
    if (!done || done(self->edge, ask, answer))
        s_remove(self, ask);
}

void asks_refuse(struct asks *self, uint64_t key, uint64_t user, ask_fn done, err_t err)
{
    struct answer answer = {.err = err};
    for (struct ask *ask = self->first, *next; ask; ask = next) {
        next = ask->next;
        if (ask->spec.done == done && ask->spec.key == key && ask->spec.user == user)
            s_end(self, ask, &answer);
    }
}

/* The code of an ERR or NACK; ERR_OK: the message is neither. */
static err_t s_refusal(uint16_t type, view_t body, uint32_t *retry_ms)
{
    struct msg msg;
    *retry_ms = 0;
    if ((type != MSG_ERR && type != MSG_NACK) || msg_decode(body, &msg))
        return ERR_OK;
    *retry_ms = type == MSG_ERR ? msg.as.err.retry_ms : msg.as.nack.retry_ms;
    return type == MSG_ERR ? msg.as.err.code : msg.as.nack.code;
}

bool asks_on_answer(struct asks *self, const struct envelope *env, view_t body)
{
    struct ask *ask = map_get_ptr(&self->by_correlation, env->correlation);
    if (!ask)
        return false;
    if (!ask->spec.done) {
        s_remove(self, ask);
        return true;
    }
    struct answer answer = {.type = env->type, .env = env, .body = body};
    err_t refusal = s_refusal(env->type, body, &answer.retry_ms);
    bool is_leaving = refusal == ERR_NOT_OWNER || refusal == ERR_FENCED || refusal == ERR_DRAINING;
    if (ask->spec.to == ASK_OWNER && is_leaving) {
        links_want_leases(self->edge->links);
        ask->sent_to = 0;
        ask->repeat_ms = self->edge->now_ms + ASK_RETRY_MS;
        return true;
    }
    if (env->type == MSG_ERR)
        answer.err = refusal == ERR_OK ? ERR_INTERNAL : refusal;
    s_end(self, ask, &answer);
    return true;
}

const struct ask *asks_newest(const struct asks *self)
{
    return self->last;
}

/* What was sent to a peer that is up again, lost frames, or is gone. */
static void s_on_lost(struct asks *self, struct ask *ask, peer_event_t event)
{
    bool is_elsewhere = !address_is_same_node(ask->sent_to, s_receiver(self, ask));
    int64_t soon_ms = self->edge->now_ms + LIM_UNAVAILABLE_MS;
    if (ask->spec.once && !ask->spec.again_if_lost && event == PEER_HOLE) { /* it may still be at it; or it, or its answer, is lost */
        ask->deadline_ms = ask->deadline_ms < soon_ms ? ask->deadline_ms : soon_ms;
        return;
    }
    if (ask->spec.once && !ask->spec.again_if_lost)
        ask->deadline_ms = self->edge->now_ms; /* asking again is not harmless */
    else if (event != PEER_DOWN || is_elsewhere || ask->spec.once)
        s_dispatch(self, ask);
}

void asks_on_peer(struct asks *self, address_t peer, peer_event_t event, const struct ask *newest)
{
    bool is_done = !newest;
    for (struct ask *ask = self->first; ask && !is_done; ask = ask->next) {
        is_done = ask == newest;
        if (ask->sent_to == 0 && event != PEER_DOWN)
            s_dispatch(self, ask);
        else if (ask->sent_to != 0 && address_is_same_node(ask->sent_to, peer))
            s_on_lost(self, ask, event);
    }
}

void asks_on_receivers(struct asks *self)
{
    for (struct ask *ask = self->first; ask; ask = ask->next) {
        address_t to = s_receiver(self, ask);
        bool moved = ask->sent_to == 0 || !address_is_same_node(ask->sent_to, to);
        bool may_send = ask->spec.to == ASK_OWNER || !ask->spec.once || ask->sent_to == 0;
        if (moved && to != 0 && may_send)
            s_dispatch(self, ask);
    }
}

/* Nobody has come up to whom it could be sent. A shard's next owner is worth a longer wait. */
static bool s_has_nobody(const struct ask *ask, int64_t now_ms)
{
    return ask->sent_to == 0 && ask->spec.to == ASK_ACCOUNTS && now_ms - ask->asked_ms >= LIM_UNAVAILABLE_MS;
}

void asks_on_tick(struct asks *self)
{
    int64_t now_ms = self->edge->now_ms;
    if (now_ms < self->look_ms)
        return;
    self->look_ms = now_ms + LOOK_EACH_MS;
    bool waiting = false;
    for (struct ask *ask = self->first, *next; ask; ask = next) {
        next = ask->next;
        if (!ask->spec.done) {
            s_remove(self, ask);
        } else if (now_ms >= ask->deadline_ms || s_has_nobody(ask, now_ms)) {
            struct answer answer = {.err = ask->sent_to ? ERR_TIMEOUT : ERR_UNAVAILABLE, .retry_ms = 1000};
            s_end(self, ask, &answer);
        } else if (now_ms >= ask->repeat_ms) {
            s_dispatch(self, ask);
            waiting = waiting || (ask->sent_to == 0 && ask->spec.to == ASK_OWNER);
        }
    }
    if (waiting)
        links_want_leases(self->edge->links);
}

bool asks_is_for_later(const struct answer *answer)
{
    return answer->err && answer->type != MSG_NONE && err_may_retry(answer->err);
}

void asks_later(struct ask *ask, const struct answer *answer, int64_t now_ms)
{
    ask->sent_to = 0;
    ask->repeat_ms = now_ms + (answer->retry_ms > ASK_LATER_MS ? answer->retry_ms : ASK_LATER_MS);
}

size_t asks_count(const struct asks *self)
{
    return self->by_correlation.count;
}
