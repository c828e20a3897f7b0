#include "edge/backfill.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proto/json.h"

enum { BLOCK_MAX = 4 * 1024 * 1024, FRAMES_FIRST = 8 };

struct backfill *backfill_find(const struct session *session, uint64_t room)
{
    struct backfill *at = session->backfills;
    while (at && at->room != room)
        at = at->next;
    return at;
}

struct backfill *backfill_by_ask(const struct session *session, const struct ask *ask)
{
    struct backfill *at = session->backfills;
    while (at && at->ask != ask)
        at = at->next;
    return at;
}

struct backfill *backfill_new(struct session *session, uint64_t room, uint64_t incarnation, uint64_t after)
{
    struct backfill *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->session = session;
    self->room = room;
    self->incarnation = incarnation;
    self->after = after;
    self->next = session->backfills;
    session->backfills = self;
    return self;
}

static void s_frames_clear(struct frames *self)
{
    for (uint32_t i = self->next; i < self->count; i++)
        frame_unref(&self->items[i]);
    free(self->items);
    *self = (struct frames){0};
}

/* Takes the reference. */
static err_t s_frames_add(struct frames *self, frame_t *frame)
{
    if (frame && self->count == self->capacity) {
        uint32_t capacity = self->capacity ? self->capacity * 2 : FRAMES_FIRST;
        frame_t **items = realloc(self->items, capacity * sizeof(frame_t *));
        if (!items) {
            frame_unref(&frame);
            return ERR_NO_MEMORY;
        }
        self->items = items;
        self->capacity = capacity;
    }
    if (!frame)
        return ERR_NO_MEMORY;
    self->items[self->count++] = frame;
    self->bytes += frame->len;
    return ERR_OK;
}

static void s_forget_early(struct backfill *self)
{
    free(self->early);
    self->early = NULL;
    self->early_len = 0;
}

void backfill_keep_early(struct backfill *self, view_t message)
{
    s_forget_early(self);
    self->early = malloc(message.len);
    if (!self->early)
        return;
    memcpy(self->early, message.bytes, message.len);
    self->early_len = message.len;
}

void backfill_restart(struct backfill *self)
{
    asks_cancel(&self->ask);
    s_forget_early(self);
    s_frames_clear(&self->blocks);
    s_frames_clear(&self->held);
    self->state = BACKFILL_ASKED;
    self->ok = (struct msg_sub_ok){0};
    self->held_last = 0;
    self->ok_sent = self->live_sent = self->cut = false;
}

void backfill_free(struct backfill *self)
{
    backfill_restart(self);
    for (struct backfill **at = &self->session->backfills; *at; at = &(*at)->next)
        if (*at == self) {
            *at = self->next;
            break;
        }
    free(self);
}

static err_t s_close_block(struct backfill *self, buffer_t *block, uint16_t *messages)
{
    if (block->failed)
        return block->failed;
    if (block->len == 0)
        return ERR_OK;
    err_t err = s_frames_add(&self->blocks, frame_of_bytes(buffer_view(block), *messages));
    buffer_clear(block);
    *messages = 0;
    return err;
}

err_t backfill_fill(struct backfill *self, list_t stored)
{
    buffer_t block, text;
    buffer_init(&block, BLOCK_MAX);
    buffer_init(&text, BLOCK_MAX);
    bool json = self->session->viewer.json;
    uint16_t messages = 0;
    err_t err = ERR_OK;
    struct rec_frame record;
    while (!err && rec_frame_next(&stored, &record)) {
        view_t payload = record.event;
        if (json) {
            buffer_clear(&text);
            err = msg_to_json(record.event, &text);
            payload = buffer_view(&text);
        }
        if (!err && block.len + payload.len + FRAME_HEADER_MAX > BACKFILL_BLOCK_BYTES)
            err = s_close_block(self, &block, &messages);
        uint8_t header[FRAME_HEADER_MAX];
        buffer_append(&block, header, frame_header(payload.len, json, header));
        buffer_append(&block, payload.bytes, payload.len);
        messages++;
    }
    if (!err)
        err = s_close_block(self, &block, &messages);
    buffer_fini(&block);
    buffer_fini(&text);
    return err;
}

void backfill_hold(struct backfill *self, uint64_t seq, frame_t *frame)
{
    if (self->cut || seq <= self->held_last)
        return;
    uint32_t held = self->held.count - self->held.next;
    bool room = frame && held < BACKFILL_HELD_FRAMES && self->held.bytes + frame->len <= BACKFILL_HELD_BYTES;
    if (seq != self->held_last + 1 || !room || s_frames_add(&self->held, frame_ref(frame)))
        self->cut = true;
    else
        self->held_last = seq;
}

bool backfill_hold_answer(struct backfill *self, frame_t *frame)
{
    return !self->cut && self->state != BACKFILL_ASKED && !s_frames_add(&self->held, frame_ref(frame));
}

static bool s_hand_on(struct backfill *self, struct frames *frames)
{
    struct viewer *viewer = &self->session->viewer;
    fanout_t *fanout = self->session->edge->fanout;
    while (frames->next < frames->count) {
        frame_t *frame = frames->items[frames->next];
        if (!backlog_has_room(&viewer->backlog, frame->len, BACKLOG_LIVE))
            return false;
        fanout_send(fanout, viewer, frame);
        frames->bytes -= frame->len;
        frame_unref(&frames->items[frames->next++]);
    }
    return true;
}

bool backfill_feed(struct backfill *self)
{
    struct viewer *viewer = &self->session->viewer;
    fanout_t *fanout = self->session->edge->fanout;
    if (!self->ok_sent) {
        struct msg msg = {.type = MSG_SUB_OK, .as.sub_ok = self->ok};
        fanout_send_msg(fanout, viewer, &msg, 0);
        self->ok_sent = true;
    }
    if (!s_hand_on(self, &self->blocks))
        return false;
    if (!self->live_sent) {
        struct msg msg = {.type = MSG_LIVE, .as.live = {.room = self->room, .seq = self->ok.head}};
        fanout_send_msg(fanout, viewer, &msg, 0);
        self->live_sent = true;
    }
    return s_hand_on(self, &self->held);
}
