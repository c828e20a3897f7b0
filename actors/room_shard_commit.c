/* The batch: closing it, sending it until it is answered, and what each outcome means. */
#include <assert.h>
#include <string.h>

#include "actors/room_shard_impl.h"

/* Judged again by what is committed now: between acceptance and here others' events were committed. */
static err_t s_judge_again(const room_t *room, const struct pending *pending)
{
    struct room_target target = {0};
    if (pending->probe)
        return ERR_OK;
    if (room_changes_target(pending->kind) && !room_find_target(room, pending->target, &target)) {
        uint64_t first = room->tail.count ? room_tail_first_seq(&room->tail) : room->head + 1;
        if (!pending->target_as_of || first > pending->target_as_of + 1)
            return ERR_BUSY; /* a deletion may have passed unseen: ask the store again */
        target = (struct room_target){.found = true, .kind = KIND_POSTED, .seq = pending->target,
                                      .user = pending->target_user,
                                      .erased = room_tail_has_delete_of(&room->tail, pending->target)};
    }
    view_t body = view_of(pending->body, pending->body_len);
    err_t err = pending->by_admin ? room_judge_admin(room, pending->kind, pending->user, &target, body)
                                  : room_judge(room, pending->kind, pending->user, &target, body);
    return err == ERR_UNEXPECTED ? ERR_AGAIN : err; /* joined or created meanwhile: the resend finds it */
}

static void s_nack_all(room_shard_t *self, const struct pending *pending, err_t code)
{
    for (unsigned i = 0; i < pending->asker_count; i++)
        shard_nack(self, &pending->askers[i], &pending->client_id, pending->room, code);
}

/* Two who open the same direct room at once both open it. */
static void s_refuse(room_shard_t *self, const room_t *room, const struct pending *pending, err_t code)
{
    bool is_there = pending->kind == KIND_DIRECT_CREATED && room_is_member(room, pending->user);
    for (unsigned i = 0; is_there && i < pending->asker_count; i++)
        shard_ack_direct(self, &pending->askers[i], room, &pending->client_id);
    if (!is_there)
        s_nack_all(self, pending, code);
}

static void s_forget(room_shard_t *self, room_t *room, struct pending *pending)
{
    if (room)
        room_unlink_pending(room, pending);
    if (pending->is_queued)
        batch_remove(&self->batch, pending);
    pending_destroy(&pending);
}

/* ERR_OK: it is in the batch. ERR_AGAIN: it stays in the queue. ERR_TOO_LARGE: the batch is full. Else it is refused. */
static err_t s_close_one(room_shard_t *self, room_t *room, struct pending *pending)
{
    if (room->state == ROOM_LOADING)
        return ERR_AGAIN;
    bool is_deferred = room->batch == self->closings && room->is_deferred;
    err_t err = is_deferred ? ERR_OK : s_judge_again(room, pending);
    if (err && (err_may_retry(err) || room_sees_all(room)))
        return err == ERR_AGAIN ? ERR_BUSY : err;
    if (err)
        pending->probe = err; /* refused for good only if it was not stored before */
    err = room_number(room, pending, self->closings, self->utc_ms);
    if (err)
        return err;
    pending->epoch = lease_epoch(&self->lease, pending->shard);
    err = batch_add(&self->batch, pending);
    return err == ERR_AGAIN ? ERR_INTERNAL : err;
}

void shard_close_batch(room_shard_t *self)
{
    if (batch_is_in_flight(&self->batch) || !self->batch.queued ||
        !lease_is_serving(&self->lease, self->now_ms))
        return;
    struct pending *previous = NULL, *next;
    self->closings++;
    for (struct pending *at = self->batch.first; at; at = next) {
        next = at->next;
        room_t *room = shard_find_room(self, at->room);
        assert(room); /* a room that goes takes its queued events along */
        err_t err = s_close_one(self, room, at);
        if (err == ERR_TOO_LARGE)
            break;
        if (err == ERR_AGAIN) {
            previous = at;
            continue;
        }
        batch_unlink(&self->batch, previous, at);
        if (!err) {
            room_numbered(room, at);
            continue;
        }
        s_refuse(self, room, at, err);
        s_forget(self, room, at);
        if (room->state == ROOM_ABSENT)
            shard_release_if_idle(self, room);
    }
    if (!self->batch.flight_count)
        return;
    err_t err = batch_seal(&self->batch, self->now_ms);
    assert(!err); /* its rows were measured one by one */
    (void)err;
    self->counts.batches++;
    shard_send_batch(self);
}

void shard_send_batch(room_shard_t *self)
{
    struct request request = {.what = Q_BATCH, .deadline_ms = INT64_MAX}, open;
    batch_t *batch = &self->batch;
    if (batch->correlation && requests_peek(self->requests, batch->correlation, &open))
        self->counts.batches_resent++;
    else if (requests_add(self->requests, &request))
        return; /* the tick tries again */
    else
        batch->correlation = request.correlation;
    struct envelope env = {.correlation = batch->correlation, .deadline_ms = LIM_REQUEST_MS};
    batch->sent_ms = self->now_ms;
    effects_send_bytes(self->out, shard_persist(self), &env, buffer_view(&batch->message));
}

/* The event, once to each edge with live readers: the stored bytes. */
static void s_publish(room_shard_t *self, const room_t *room, const struct pending *pending)
{
    struct envelope env = shard_envelope(self, room);
    bool is_first = true;
    for (unsigned slot = 0; slot < LIM_EDGES_MAX; slot++) {
        if (!(room->presence.live_mask >> slot & 1))
            continue;
        if (is_first)
            effects_send_bytes(self->out, self->edges[slot].address, &env,
                               view_of(pending->frame, pending->frame_len));
        else
            effects_send_again(self->out, self->edges[slot].address, &env);
        is_first = false;
    }
}

static void s_ack_all(room_shard_t *self, const struct pending *pending, uint64_t seq, uint64_t at_ms,
                      uint64_t msg_no, bool is_dup)
{
    struct msg_ack ack = {.client_id = pending->client_id, .room = pending->room, .seq = seq,
                          .at_ms = at_ms, .msg_no = msg_no, .dup = is_dup};
    for (unsigned i = 0; i < pending->asker_count; i++)
        shard_ack(self, &pending->askers[i], &ack);
}

/* The room's own state follows the commit; what follows from it goes out, the event before its answer. */
static void s_committed(room_shard_t *self, room_t *room, struct pending *pending)
{
    self->counts.events++;
    if (room)
        shard_note_called(self, room, pending);
    if (!room || room->state == ROOM_LOADING || pending->seq <= room->head) {
        /* Read from the store meanwhile, or being read: the event is, or will be, part of that. */
        s_ack_all(self, pending, pending->seq, pending->at_ms, pending->msg_no, false);
        return;
    }
    if (pending->seq != room->head + 1) { /* cannot be: the store moved the head from one to the other */
        shard_reload(self, room);
        s_ack_all(self, pending, pending->seq, pending->at_ms, pending->msg_no, false);
        return;
    }
    s_publish(self, room, pending);
    if (room_apply(room, pending))
        shard_reload(self, room); /* no memory for it: the next try reads it */
    room->touched_ms = self->now_ms;
    s_ack_all(self, pending, pending->seq, pending->at_ms, pending->msg_no, false);
    if (kind_is_line(pending->kind) && presence_typing(&room->presence, pending->user, false, self->now_ms))
        shard_room_busy(self, room); /* who has said it is not typing it any more */
    shard_rights_changed(self, room, pending);
    if (room->presence.watch_mask)
        room->heads_changed = true;
    if (room->heads_changed || !presence_is_quiet(&room->presence))
        shard_room_busy(self, room);
}

/* It is not stored: the refusal stands, or they joined by another request. */
static void s_probed(room_shard_t *self, const room_t *room, const struct pending *pending)
{
    if (pending->probe != ERR_UNEXPECTED) {
        s_nack_all(self, pending, pending->probe);
        return;
    }
    if (!room || !room_is_member(room, pending->user)) {
        s_nack_all(self, pending, ERR_BUSY); /* not any more */
        return;
    }
    for (unsigned i = 0; i < pending->asker_count; i++)
        shard_ack_joined(self, &pending->askers[i], room, &pending->client_id);
}

/* True: the event goes back to the queue. */
static bool s_outcome(room_shard_t *self, struct pending *pending, const struct rec_append_outcome *outcome)
{
    room_t *room = shard_find_room(self, pending->room);
    uint64_t epoch = lease_epoch(&self->lease, pending->shard);
    switch (outcome->result) {
    case 0: /* committed */
        if (!pending->probe && outcome->stored_at_ms == pending->at_ms &&
            outcome->stored_msg_no == pending->msg_no) {
            s_committed(self, room, pending);
            return false;
        }
        /* At the same place, but by a batch that was given up: the stored frame is not this one. */
        __attribute__((fallthrough));
    case 1: /* repeat */
        s_ack_all(self, pending, outcome->stored_seq, outcome->stored_at_ms, outcome->stored_msg_no, true);
        if (room && room->state != ROOM_LOADING && outcome->stored_seq > room->head)
            shard_reload(self, room);
        return false;
    case 2: s_nack_all(self, pending, ERR_CONFLICT); return false;
    case 3: /* fenced */
        self->counts.fenced++;
        if (room && epoch && epoch != pending->epoch)
            return true; /* the lease is ours again, under a later epoch */
        if (epoch == pending->epoch)
            lease_set(&self->lease, pending->shard, 0);
        s_nack_all(self, pending, ERR_NOT_OWNER);
        return false;
    case 4: /* stale head */
        if (pending->probe) {
            s_probed(self, room, pending);
            return false;
        }
        if (room)
            shard_reload(self, room);
        break;
    case 6: s_nack_all(self, pending, ERR_NO_FILE); return false; /* its claim waited too long */
    default: break; /* again */
    }
    if (!room)
        s_nack_all(self, pending, ERR_NOT_OWNER);
    return room != NULL;
}

/* While it was in flight its room may have been dropped and read again. */
static void s_relink(room_shard_t *self, struct pending *pending)
{
    room_t *room = shard_find_room(self, pending->room);
    for (const struct pending *at = room->pending_first; at; at = at->room_next)
        if (at == pending)
            return;
    room_link_pending(room, pending);
}

static void s_drop_fenced(room_shard_t *self, const uint32_t *shards, size_t count)
{
    bool gone[LIM_SHARDS] = {false};
    for (size_t i = 0; i < count; i++)
        gone[shards[i]] = !lease_epoch(&self->lease, shards[i]);
    if (count > 0)
        shard_drop_shards(self, gone);
}

err_t shard_on_appended(room_shard_t *self, const struct envelope *env, const struct msg *msg)
{
    batch_t *batch = &self->batch;
    const struct msg_store_appended *appended = &msg->as.store_appended;
    struct request request;
    (void)env; /* an answer to any of the times the same bytes were sent is as good as another */
    if (!batch_is_in_flight(batch) || appended->batch != batch->number)
        return ERR_OK; /* answered before */
    if (appended->outcomes.count != batch->flight_count)
        return ERR_WRONG_FIELDS;
    requests_take(self->requests, batch->correlation, &request);
    struct pending *flight[LIM_BATCH_EVENTS_MAX], *back[LIM_BATCH_EVENTS_MAX];
    uint32_t fenced[LIM_BATCH_EVENTS_MAX];
    size_t count = batch->flight_count, back_count = 0, fenced_count = 0;
    memcpy(flight, batch->flight, count * sizeof flight[0]);
    batch_clear(batch);
    list_t outcomes = appended->outcomes;
    struct rec_append_outcome outcome;
    for (size_t i = 0; i < count && rec_append_outcome_next(&outcomes, &outcome); i++) {
        if (s_outcome(self, flight[i], &outcome)) {
            s_relink(self, flight[i]);
            back[back_count++] = flight[i];
            continue;
        }
        if (outcome.result == 3)
            fenced[fenced_count++] = flight[i]->shard;
        s_forget(self, shard_find_room(self, flight[i]->room), flight[i]);
    }
    batch_push_front(batch, back, back_count);
    s_drop_fenced(self, fenced, fenced_count);
    return ERR_OK;
}

/* The store refused the batch as a whole. For now: the same bytes later. For good: it says that nothing of it was
 * stored; the events are refused for their clients to send again, and their rooms are read anew, in case it is wrong. */
void shard_batch_refused(room_shard_t *self, err_t code)
{
    batch_t *batch = &self->batch;
    batch->correlation = 0;
    if (!batch_is_in_flight(batch))
        return;
    if (err_may_retry(code)) {
        batch->sent_ms = self->now_ms - BATCH_RESEND_MS + BATCH_REFUSED_MS;
        return;
    }
    struct pending *flight[LIM_BATCH_EVENTS_MAX];
    size_t count = batch->flight_count;
    memcpy(flight, batch->flight, count * sizeof flight[0]);
    batch_clear(batch);
    for (size_t i = 0; i < count; i++) {
        room_t *room = shard_find_room(self, flight[i]->room);
        if (room)
            shard_reload(self, room);
        s_nack_all(self, flight[i], ERR_UNAVAILABLE);
        s_forget(self, room, flight[i]);
    }
}
