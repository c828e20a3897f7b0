#include "actors/batch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct pending *pending_new(uint64_t room, uint32_t kind, uint64_t user, const cid_t *client_id, uint64_t target,
                            view_t body)
{
    struct pending *self = calloc(1, sizeof *self + body.len);
    if (!self)
        return NULL;
    self->room = room;
    self->shard = id_shard(room);
    self->kind = kind;
    self->user = user;
    self->client_id = *client_id;
    self->target = target;
    self->body_len = body.len;
    memcpy(self->body, body.bytes, body.len);
    return self;
}

void pending_destroy(struct pending **self_p)
{
    assert(self_p);
    struct pending *self = *self_p;
    if (!self)
        return;
    free(self->frame);
    free(self->called);
    free(self);
    *self_p = NULL;
}

void pending_ask(struct pending *self, const struct envelope *asker)
{
    for (unsigned i = 0; i < self->asker_count; i++)
        if (self->askers[i].from == asker->from && self->askers[i].correlation == asker->correlation)
            return;
    if (self->asker_count == PENDING_ASKERS_MAX) {
        memmove(&self->askers[0], &self->askers[1], (PENDING_ASKERS_MAX - 1) * sizeof self->askers[0]);
        self->asker_count--;
    }
    self->askers[self->asker_count++] = *asker;
}

err_t pending_encode(struct pending *self)
{
    struct msg msg = {.type = MSG_EVENT};
    msg.as.event = (struct msg_event){.room = self->room, .seq = self->seq, .kind = self->kind,
                                      .user = self->user, .at_ms = self->at_ms,
                                      .client_id = self->client_id, .msg_no = self->msg_no,
                                      .target = self->target, .body = view_of(self->body, self->body_len)};
    buffer_t out;
    buffer_init(&out, LIM_EVENT_BYTES_MAX);
    err_t err = msg_encode(&msg, &out);
    if (err) {
        buffer_fini(&out);
        return err;
    }
    free(self->frame);
    self->frame = out.bytes;
    self->frame_len = out.len;
    return ERR_OK;
}

void batch_init(batch_t *self)
{
    memset(self, 0, sizeof *self);
    list_writer_init(&self->rows, LIM_BATCH_BYTES_MAX);
    buffer_init(&self->message, LIM_LINK_BODY_BYTES_MAX);
}

void batch_fini(batch_t *self)
{
    while (self->first) {
        struct pending *pending = self->first;
        self->first = pending->next;
        pending_destroy(&pending);
    }
    for (size_t i = 0; i < self->flight_count; i++)
        pending_destroy(&self->flight[i]);
    list_writer_fini(&self->rows);
    buffer_fini(&self->message);
    self->last = NULL;
    self->queued = self->flight_count = 0;
}

bool batch_is_in_flight(const batch_t *self)
{
    return self->flight_count > 0;
}

err_t batch_push(batch_t *self, struct pending *pending)
{
    if (self->queued >= BATCH_QUEUE_MAX)
        return ERR_OVERLOADED;
    pending->next = NULL;
    pending->is_queued = true;
    if (self->last)
        self->last->next = pending;
    else
        self->first = pending;
    self->last = pending;
    self->queued++;
    return ERR_OK;
}

void batch_push_front(batch_t *self, struct pending **events, size_t count)
{
    for (size_t i = count; i-- > 0;) {
        events[i]->next = self->first;
        events[i]->is_queued = true;
        if (!self->last)
            self->last = events[i];
        self->first = events[i];
        self->queued++;
    }
}

void batch_unlink(batch_t *self, struct pending *previous, struct pending *pending)
{
    assert(pending->is_queued);
    if (previous)
        previous->next = pending->next;
    else
        self->first = pending->next;
    if (self->last == pending)
        self->last = previous;
    pending->next = NULL;
    pending->is_queued = false;
    self->queued--;
}

void batch_remove(batch_t *self, struct pending *pending)
{
    struct pending *previous = NULL;
    for (struct pending *at = self->first; at; previous = at, at = at->next) {
        if (at != pending)
            continue;
        batch_unlink(self, previous, pending);
        return;
    }
}

err_t batch_add(batch_t *self, struct pending *pending)
{
    if (self->flight_count == LIM_BATCH_EVENTS_MAX)
        return ERR_TOO_LARGE;
    err_t err = pending_encode(pending);
    if (err)
        return err;
    if (self->rows.records.len + pending->frame_len + BATCH_ROW_OVERHEAD > LIM_BATCH_BYTES_MAX)
        return ERR_TOO_LARGE;
    struct rec_append_row row = {.room = pending->room, .shard = pending->shard, .epoch = pending->epoch,
                                 .seq = pending->seq, .kind = pending->kind, .user = pending->user,
                                 .client_id = pending->client_id, .target = pending->target,
                                 .msg_no = pending->msg_no, .at_ms = pending->at_ms,
                                 .mac = view_of(pending->mac, MAC_BYTES),
                                 .event = view_of(pending->frame, pending->frame_len)};
    err = rec_append_row_append(&self->rows, &row);
    if (!err)
        self->flight[self->flight_count++] = pending;
    return err;
}

err_t batch_seal(batch_t *self, int64_t now_ms)
{
    assert(self->flight_count);
    struct msg msg = {.type = MSG_STORE_APPEND};
    msg.as.store_append = (struct msg_store_append){.batch = ++self->number, .rows = list_of(&self->rows)};
    self->closed_ms = self->sent_ms = now_ms;
    buffer_clear(&self->message);
    err_t err = msg_encode(&msg, &self->message);
    list_writer_clear(&self->rows);
    return err;
}

void batch_clear(batch_t *self)
{
    self->flight_count = 0;
    self->correlation = 0;
    list_writer_clear(&self->rows);
    buffer_clear(&self->message);
}
