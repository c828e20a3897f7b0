/* Rooms coming into memory and leaving it: single-flight loads, what waits for them, lost shards, the budget. */
#include <stdlib.h>
#include <string.h>

#include "actors/room_members.h"
#include "actors/room_shard_impl.h"

room_t *shard_find_room(const room_shard_t *self, uint64_t id)
{
    return map_get_ptr(&self->rooms, id);
}

void shard_room_busy(room_shard_t *self, const room_t *room)
{
    map_put(&self->busy, room->id, 1);
}

/* Asks, or asks again with the same correlation: the first answer counts. */
void shard_start_load(room_shard_t *self, room_t *room)
{
    struct request request = {.what = Q_ROOM, .a = room->id}, open;
    struct msg msg = {.type = MSG_STORE_ROOM_GET, .as.store_room_get.room = room->id};
    if (room->lost_head)
        msg = (struct msg){.type = MSG_STORE_ROOM_LOST,
                           .as.store_room_lost = {room->id, room->incarnation, room->lost_head}};
    if (room->load_correlation && requests_peek(self->requests, room->load_correlation, &open)) {
        struct envelope env = {.correlation = room->load_correlation, .key = room->id,
                               .deadline_ms = LOAD_MS};
        effects_send(self->out, shard_persist(self), &env, &msg);
        return;
    }
    room->load_correlation = shard_ask(self, &request, LOAD_MS, room->id, &msg);
    if (!room->load_correlation)
        shard_room_busy(self, room); /* the tick tries again */
}

void shard_reload(room_shard_t *self, room_t *room)
{
    if (room->state == ROOM_LOADING)
        return;
    room->state = ROOM_LOADING;
    shard_start_load(self, room);
}

static room_t *s_add_room(room_shard_t *self, uint64_t id)
{
    room_t *room = room_new(id);
    if (room && map_put_ptr(&self->rooms, id, room))
        room_destroy(&room);
    if (!room)
        return NULL;
    self->memory_bytes += sizeof *room;
    room->touched_ms = self->now_ms;
    return room;
}

static err_t s_park(room_shard_t *self, room_t *room, const struct envelope *env, view_t body)
{
    if (room->parked_count >= LIM_ROOM_PARKED_MAX)
        return ERR_BUSY;
    struct parked *parked = parked_new(env, body, self->now_ms + LOAD_MS);
    if (!parked)
        return ERR_NO_MEMORY;
    if (room->parked_last)
        room->parked_last->next = parked;
    else
        room->parked_first = parked;
    room->parked_last = parked;
    room->parked_count++;
    return ERR_OK;
}

room_t *shard_room_for(room_shard_t *self, const struct envelope *env, const struct msg *msg, view_t body,
                       uint64_t id, err_t *err_out)
{
    if (!id || !shard_owns(self, id)) {
        *err_out = shard_refuse(self, env, msg, id ? ERR_NOT_OWNER : ERR_OUT_OF_RANGE);
        return NULL;
    }
    room_t *room = shard_find_room(self, id);
    bool is_new = !room;
    if (is_new && (shard_is_unavailable(self) || self->state == ROOM_SHARD_STOPPING)) {
        *err_out = shard_refuse(self, env, msg,
                                shard_is_unavailable(self) ? ERR_UNAVAILABLE : ERR_DRAINING);
        return NULL;
    }
    if (is_new && self->memory_bytes > self->options.memory_bytes)
        shard_sweep(self);
    if (is_new && self->memory_bytes <= self->options.memory_bytes)
        room = s_add_room(self, id);
    if (!room) {
        *err_out = shard_refuse(self, env, msg, ERR_OVERLOADED);
        return NULL;
    }
    room->touched_ms = self->now_ms;
    if (room->state != ROOM_LOADING)
        return room;
    *err_out = s_park(self, room, env, body);
    if (*err_out)
        shard_refuse(self, env, msg, *err_out);
    if (is_new)
        shard_start_load(self, room);
    return NULL;
}

void shard_refuse_parked(room_shard_t *self, struct parked *parked, err_t code)
{
    struct msg msg;
    if (!msg_decode(view_of(parked->body, parked->len), &msg))
        shard_refuse(self, &parked->env, &msg, code);
    free(parked);
}

static struct parked *s_take_parked(room_t *room)
{
    struct parked *first = room->parked_first;
    for (struct parked *at = first; at; at = at->next)
        room->parked_count--; /* those that wait for an old event stay counted */
    room->parked_first = room->parked_last = NULL;
    return first;
}

static void s_refuse_all(room_shard_t *self, room_t *room, err_t code)
{
    struct parked *next;
    for (struct parked *at = s_take_parked(room); at; at = next) {
        next = at->next;
        shard_refuse_parked(self, at, code);
    }
}

static void s_free_room(room_shard_t *self, room_t *room)
{
    map_remove(&self->rooms, room->id);
    map_remove(&self->busy, room->id);
    room_destroy(&room);
}

void shard_release_if_idle(room_shard_t *self, room_t *room)
{
    if (room->pending_count || room->parked_count || room->notices.count || room->called.count ||
        presence_reader_count(&room->presence))
        return;
    s_free_room(self, room);
}

/* After a reload: readers get what they have not seen, or are told to attach again. */
static void s_catch_up(room_shard_t *self, room_t *room, uint64_t incarnation, uint64_t head)
{
    if (room->state != ROOM_READY || room->incarnation != incarnation || room->head < head) {
        shard_drop_room(self, room);
        return;
    }
    for (uint64_t seq = head + 1; seq <= room->head; seq++) {
        const struct tail_event *event = room_tail_at(&room->tail, seq);
        if (!event) { /* they will see the jump and attach again */
            room->heads_to_all = true;
            break;
        }
        struct envelope env = shard_envelope(self, room);
        for (unsigned slot = 0; slot < LIM_EDGES_MAX; slot++)
            if (room->presence.live_mask >> slot & 1)
                effects_send_bytes(self->out, self->edges[slot].address, &env,
                                   view_of(event->frame, event->len));
    }
    room->heads_changed = true;
    shard_room_busy(self, room);
}

/* Whoever committed these may have ended before the inboxes had heard of them, or it was while the room was read. An
 * inbox that knows them already is told nothing new. */
static void s_note_recent(room_shard_t *self, room_t *room)
{
    for (size_t i = 0; i < room->tail.count; i++) {
        const struct tail_event *event = room_tail_at(&room->tail, room_tail_first_seq(&room->tail) + i);
        struct msg msg;
        if ((int64_t)event->at_ms + NOTICE_AGAIN_MS > self->utc_ms &&
            !msg_decode(view_of(event->frame, event->len), &msg))
            shard_note_change(self, room, event->kind, event->user,
                              room_members_whom(event->kind, msg.as.event.body), event->seq);
    }
}

err_t shard_on_store_room(room_shard_t *self, const struct envelope *env, const struct msg *msg)
{
    struct request request;
    if (!shard_take(self, env, Q_ROOM, &request))
        return ERR_OK; /* came twice, or too late */
    room_t *room = shard_find_room(self, request.a);
    if (!room || room->load_correlation != env->correlation)
        return ERR_OK;
    const struct msg_store_room *stored = &msg->as.store_room;
    if (stored->found && stored->room != room->id)
        return ERR_OUT_OF_RANGE;
    uint64_t incarnation = room->incarnation, head = room->head, id = room->id;
    room->load_correlation = 0;
    bool is_lost = stored->found && stored->incarnation == incarnation && stored->last_seq < head;
    if (is_lost && !room->lost_head) {
        room->lost_head = head;
        shard_start_load(self, room);
        return ERR_OK;
    }
    room->lost_head = 0;
    if (room_load(room, stored)) {
        room->state = ROOM_LOADING;
        shard_load_failed(self, id, ERR_NO_MEMORY);
        return ERR_NO_MEMORY;
    }
    self->memory_bytes += room_bytes(room);
    s_note_recent(self, room);
    struct parked *next, *parked = s_take_parked(room);
    if (presence_reader_count(&room->presence)) {
        shard_kick_strangers(self, room);
        s_catch_up(self, room, incarnation, head);
    }
    for (; parked; parked = next) {
        next = parked->next;
        shard_dispatch(self, &parked->env, view_of(parked->body, parked->len));
        free(parked);
    }
    room = shard_find_room(self, id);
    if (room && room->state == ROOM_ABSENT)
        shard_release_if_idle(self, room);
    return ERR_OK;
}

void shard_load_failed(room_shard_t *self, uint64_t id, err_t code)
{
    room_t *room = shard_find_room(self, id);
    if (!room || room->state != ROOM_LOADING)
        return;
    room->load_correlation = 0;
    s_refuse_all(self, room, err_may_retry(code) ? code : ERR_UNAVAILABLE);
    shard_room_busy(self, room); /* if somebody still needs it, the tick asks again */
    shard_release_if_idle(self, room);
}

static void s_drop_pending(room_shard_t *self, room_t *room)
{
    while (room->pending_first) {
        struct pending *pending = room->pending_first;
        room_unlink_pending(room, pending);
        if (!pending->is_queued)
            continue; /* in flight: its outcome answers */
        batch_remove(&self->batch, pending);
        for (unsigned i = 0; i < pending->asker_count; i++)
            shard_nack(self, &pending->askers[i], &pending->client_id, room->id, ERR_NOT_OWNER);
        pending_destroy(&pending);
    }
}

/* The room is not served from this memory any more: its edges have to ask the directory and attach again. */
void shard_drop_room(room_shard_t *self, room_t *room)
{
    struct msg msg = {.type = MSG_ERR};
    msg.as.err = (struct msg_err){.code = ERR_NOT_OWNER, .scope = view_of_text("room"),
                                  .retry_ms = RETRY_NOT_OWNER_MS,
                                  .reason = view_of_text(err_text(ERR_NOT_OWNER))};
    struct envelope env = shard_envelope(self, room);
    uint64_t mask = room->presence.live_mask | room->presence.watch_mask;
    for (unsigned slot = 0; slot < LIM_EDGES_MAX; slot++)
        if (mask >> slot & 1)
            effects_send(self->out, self->edges[slot].address, &env, &msg);
    s_refuse_all(self, room, ERR_NOT_OWNER);
    s_drop_pending(self, room);
    s_free_room(self, room);
}

void shard_drop_shards(room_shard_t *self, const bool gone[LIM_SHARDS])
{
    size_t cursor = 0;
    uint64_t key, value;
    while (map_next(&self->rooms, &cursor, &key, &value)) {
        room_t *room = (room_t *)(uintptr_t)value;
        if (!gone[room->shard])
            continue;
        shard_drop_room(self, room);
        cursor = cursor ? cursor - 1 : 0; /* another may have been pulled back into its place */
    }
    cursor = 0;
    while (map_next(&self->inboxes, &cursor, &key, &value)) {
        inbox_t *inbox = (inbox_t *)(uintptr_t)value;
        if (!gone[inbox->shard])
            continue;
        shard_drop_inbox(self, inbox);
        cursor = cursor ? cursor - 1 : 0;
    }
}

void shard_drop_all(room_shard_t *self)
{
    bool all[LIM_SHARDS];
    memset(all, true, sizeof all);
    shard_drop_shards(self, all);
}

static bool s_may_unload(const room_shard_t *self, int64_t touched_ms, bool is_early)
{
    return self->now_ms - touched_ms >= (is_early ? UNLOAD_EARLY_MS : LIM_ROOM_IDLE_UNLOAD_MS);
}

void shard_sweep(room_shard_t *self)
{
    size_t cursor = 0, bytes = 0;
    uint64_t key, value;
    bool is_early = self->memory_bytes > self->options.memory_bytes;
    self->sweep_ms = self->now_ms + SWEEP_MS;
    while (map_next(&self->rooms, &cursor, &key, &value)) {
        room_t *room = (room_t *)(uintptr_t)value;
        size_t own = room_bytes(room);
        bool is_old = room->state != ROOM_LOADING && s_may_unload(self, room->touched_ms, is_early);
        size_t before = self->rooms.count;
        if (is_old)
            shard_release_if_idle(self, room);
        if (self->rooms.count < before)
            cursor = cursor ? cursor - 1 : 0;
        else
            bytes += own;
    }
    cursor = 0;
    while (map_next(&self->inboxes, &cursor, &key, &value)) {
        inbox_t *inbox = (inbox_t *)(uintptr_t)value;
        if (inbox->is_loaded && !inbox->session_count && !inbox->dirty_count && !inbox->parked_count &&
            s_may_unload(self, inbox->touched_ms, is_early)) {
            shard_drop_inbox(self, inbox);
            cursor = cursor ? cursor - 1 : 0;
            continue;
        }
        bytes += inbox_bytes(inbox);
    }
    self->memory_bytes = bytes;
}
