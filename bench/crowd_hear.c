#include <stdio.h>
#include <string.h>

#include "bench/crowd_impl.h"

enum { PLANTED_AFTER = 3 };

static uint64_t s_hash(view_t bytes)
{
    uint64_t hash = bytes.len * 0x9E3779B97F4A7C15u, word;
    size_t i = 0;
    for (; i + 8 <= bytes.len; i += 8) {
        memcpy(&word, bytes.bytes + i, 8);
        hash = (hash ^ word) * 0xD6E8FEB86659FD93u;
        hash ^= hash >> 32;
    }
    for (; i < bytes.len; i++)
        hash = (hash ^ bytes.bytes[i]) * 0xD6E8FEB86659FD93u;
    return hash;
}

void crowd_use_ledger(crowd_t *self, struct ledger *ledger)
{
    self->ledger = ledger;
    self->planted_after = ledger && self->plan.planted ? PLANTED_AFTER : 0;
    self->held_of = NULL;
    self->snapshots = 0;
    for (uint32_t i = 0; ledger && i < self->count; i++)
        self->readers[i].log = 0;
}

/* ---- events ---------------------------------------------------------------------------------------------------- */

static void s_note(struct member *self, const struct noted *event)
{
    ledger_delivered(self->crowd->ledger, &(struct ledger_delivery){.client_id = &event->client_id,
                                                                    .seq = event->seq,
                                                                    .last_seq = self->last_seq,
                                                                    .frame_hash = event->hash,
                                                                    .room = self->room,
                                                                    .place = self->place,
                                                                    .at_ns = now_ns()});
    self->log = (self->log ^ event->hash ^ event->seq) * 0x9E3779B97F4A7C15u;
    if (event->seq > self->last_seq)
        self->last_seq = event->seq;
}

/* Between the socket and the book is where a fault is planted, if one is. */
static void s_note_or_spoil(struct member *self, const struct noted *event)
{
    crowd_t *crowd = self->crowd;
    if (crowd->planted_after > 0 && --crowd->planted_after == 0) {
        if (crowd->plan.planted == PLANTED_DOUBLED) {
            s_note(self, event);
            s_note(self, event);
        } else if (crowd->plan.planted == PLANTED_REORDERED) {
            crowd->held = *event;
            crowd->held_of = self;
        }
        return;
    }
    s_note(self, event);
    if (crowd->held_of == self) {
        crowd->held_of = NULL;
        s_note(self, &crowd->held);
    }
}

static void s_on_event(struct member *self, const struct msg_event *event, view_t frame)
{
    crowd_t *crowd = self->crowd;
    if (!self->live && !self->has_log && !crowd->plan.is_floor)
        return; /* a first backfill: what was said before the ledger began */
    crowd->frame_bytes = frame.len;
    if (crowd->ledger && event->kind == KIND_POSTED) {
        const struct noted noted = {.client_id = event->client_id, .seq = event->seq, .hash = s_hash(frame)};
        s_note_or_spoil(self, &noted);
    } else if (event->seq > self->last_seq) {
        self->last_seq = event->seq;
    }
}

static void s_on_live(struct member *self, const struct msg_live *live)
{
    if (self->last_seq < live->seq && !self->has_log) /* else the ledger sees what is missing */
        self->last_seq = live->seq;
    self->live = self->has_log = true;
    crowd_is_back(self);
    crowd_done(self);
}

static void s_on_sub_ok(struct member *self, const struct msg_sub_ok *ok)
{
    self->incarnation = ok->incarnation;
    if (self->has_log && ok->mode != 0)
        self->crowd->snapshots++;
}

/* ---- answers --------------------------------------------------------------------------------------------------- */

static void s_on_ack(struct member *self, const struct msg_ack *ack)
{
    crowd_t *crowd = self->crowd;
    if (crowd->goal == GOAL_JOINED && !self->done) {
        if (cid_is_equal(&ack->client_id, &self->join_id)) {
            crowd->rooms[self->room] = ack->room;
            crowd_done(self);
        }
        return;
    }
    if (crowd->answers.on_ack)
        crowd->answers.on_ack(crowd->answers.owner, self->index, ack);
    else if (crowd->ledger && ledger_acked(crowd->ledger, &ack->client_id, ack->dup, now_ns()) && crowd->on_answer)
        crowd->on_answer(crowd->on_answer_owner, self->index);
}

static void s_on_nack(struct member *self, const struct msg_nack *nack)
{
    crowd_t *crowd = self->crowd;
    if (crowd->goal == GOAL_JOINED && !self->done) {
        if (nack->final || crowd->retries >= crowd->count) {
            crowd_give_up(self, "join refused", err_name(nack->code));
            return;
        }
        crowd->retry[crowd->retries++] = self->index;
        crowd->retry_at_ns = now_ns() + (int64_t)(nack->retry_ms ? nack->retry_ms : 20) * 1000000;
        return;
    }
    if (crowd->answers.on_nack) {
        crowd->answers.on_nack(crowd->answers.owner, self->index, nack);
        return;
    }
    if (!crowd->ledger)
        return;
    if (crowd->ledger->refused == 0)
        fprintf(stderr, "bench: a post was refused: %s\n", err_name(nack->code));
    ledger_refused(crowd->ledger, &nack->client_id);
    if (crowd->on_answer)
        crowd->on_answer(crowd->on_answer_owner, self->index);
}

/* The connection ends after some of these; who is coming back then tries again. */
static void s_on_err(struct member *self, const struct msg_err *err)
{
    if (self->away)
        self->crowd->returned.refused++;
    else
        crowd_give_up(self, "err", err_name(err->code));
}

void crowd_hear(void *owner, ws_client_t *socket, view_t message)
{
    (void)socket;
    struct member *self = owner;
    crowd_t *crowd = self->crowd;
    struct msg msg;
    err_t err = msg_decode(message, &msg);
    if (err) {
        crowd_give_up(self, "undecodable frame", err_name(err));
        return;
    }
    switch (msg.type) {
    case MSG_EVENT: s_on_event(self, &msg.as.event, message); return;
    case MSG_ACK: s_on_ack(self, &msg.as.ack); return;
    case MSG_NACK: s_on_nack(self, &msg.as.nack); return;
    case MSG_HI: crowd_send_hello(self); return;
    case MSG_WELCOME:
        self->is_welcome = true;
        if (crowd->goal == GOAL_JOINED)
            crowd_send_join(self);
        return;
    case MSG_SUB_OK: s_on_sub_ok(self, &msg.as.sub_ok); return;
    case MSG_LIVE: s_on_live(self, &msg.as.live); return;
    case MSG_GAP:
        if (crowd->ledger)
            crowd->ledger->gaps++;
        crowd_send_sub(self);
        return;
    case MSG_HEARTBEAT: crowd_say(self, &msg); return;
    case MSG_ERR: s_on_err(self, &msg.as.err); return;
    case MSG_KICK: crowd_give_up(self, "kick", err_name(msg.as.kick.code)); return;
    default: return;
    }
}
