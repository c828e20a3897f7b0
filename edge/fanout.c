#include "edge/fanout.h"

#include <assert.h>
#include <stdlib.h>

#include "actors/runtime/map.h"
#include "actors/runtime/metrics.h"

enum { MESSAGE_BYTES_MAX = LIM_LINK_BODY_BYTES_MAX, AHEAD = 4 /* seats whose session is fetched from memory early */ };

struct fanout {
    const struct fanout_ops *ops;
    void *context;
    map_t rooms;
    struct viewer *dirty, **dirty_end;
    struct fan_room *heads, *untold;
    int64_t now_ms;
    int64_t deliveries; /* not yet in the metric: an atomic for each would cost as much as the rest */
    buffer_t scratch; /* messages of our own are encoded here */
};

fanout_t *fanout_new(const struct fanout_ops *ops, void *context)
{
    fanout_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->ops = ops;
    self->context = context;
    self->dirty_end = &self->dirty;
    buffer_init(&self->scratch, MESSAGE_BYTES_MAX);
    return self;
}

void fanout_destroy(fanout_t **self_p)
{
    assert(self_p);
    fanout_t *self = *self_p;
    if (!self)
        return;
    assert(self->rooms.count == 0);
    map_fini(&self->rooms);
    buffer_fini(&self->scratch);
    free(self);
    *self_p = NULL;
}

void fanout_set_now(fanout_t *self, int64_t now_ms)
{
    self->now_ms = now_ms;
}

struct fan_room *fanout_room(const fanout_t *self, uint64_t room)
{
    return map_get_ptr(&self->rooms, room);
}

bool fanout_next_room(const fanout_t *self, size_t *at, struct fan_room **room_out)
{
    uint64_t id, value;
    if (!map_next(&self->rooms, at, &id, &value))
        return false;
    *room_out = (struct fan_room *)(uintptr_t)value;
    return true;
}

size_t fanout_room_count(const fanout_t *self)
{
    return self->rooms.count;
}

/* ---- seats ---- */

static bool s_streams(seat_mode_t mode)
{
    return mode == SEAT_LIVE || mode == SEAT_BACKFILL;
}

static struct place *s_place(const struct viewer *viewer, const struct fan_room *room)
{
    for (uint32_t i = 0; i < viewer->place_count; i++)
        if (viewer->places[i].room == room)
            return &viewer->places[i];
    return NULL;
}

struct seat *fanout_seat(const fanout_t *self, const struct viewer *viewer, uint64_t room_id)
{
    struct fan_room *room = fanout_room(self, room_id);
    const struct place *place = room ? s_place(viewer, room) : NULL;
    return place ? &room->seats[place->seat] : NULL;
}

static void s_swap(struct fan_room *room, uint32_t a, uint32_t b)
{
    if (a == b)
        return;
    struct seat seat = room->seats[a];
    room->seats[a] = room->seats[b];
    room->seats[b] = seat;
    room->seats[a].viewer->places[room->seats[a].place].seat = a;
    room->seats[b].viewer->places[room->seats[b].place].seat = b;
}

/* Moves the seat to its side of the array; returns its index there. */
static uint32_t s_set_mode(struct fan_room *room, uint32_t index, seat_mode_t mode)
{
    struct seat *seat = &room->seats[index];
    seat_mode_t was = seat->mode;
    seat->mode = (uint8_t)mode;
    seat->greeted = seat->greeted && mode != SEAT_WATCH && mode != SEAT_ATTACHING;
    room->wanting += (uint32_t)(mode != SEAT_WATCH) - (uint32_t)(was != SEAT_WATCH);
    if (room->wanting == 0)
        room->tracking = false;
    if (s_streams(mode) && !s_streams(was)) {
        s_swap(room, index, room->streaming);
        return room->streaming++;
    }
    if (!s_streams(mode) && s_streams(was)) {
        s_swap(room, index, --room->streaming);
        return room->streaming;
    }
    return index;
}

static struct fan_room *s_room_new(fanout_t *self, uint64_t id)
{
    struct fan_room *room = calloc(1, sizeof *room);
    if (!room)
        return NULL;
    room->id = id;
    buffer_init(&room->presence, MESSAGE_BYTES_MAX);
    room->active_ms = self->now_ms;
    if (map_put_ptr(&self->rooms, id, room)) {
        free(room);
        return NULL;
    }
    return room;
}

static void s_unlink(struct fan_room **list, struct fan_room *room, bool heads)
{
    for (; *list; list = heads ? &(*list)->heads_next : &(*list)->untold_next)
        if (*list == room) {
            *list = heads ? room->heads_next : room->untold_next;
            return;
        }
}

static void s_room_free(fanout_t *self, struct fan_room *room)
{
    self->ops->room_gone(self->context, room);
    if (room->heads_due)
        s_unlink(&self->heads, room, true);
    if (room->in_untold)
        s_unlink(&self->untold, room, false);
    map_remove(&self->rooms, room->id);
    buffer_fini(&room->presence);
    free(room->seats);
    free(room);
}

static bool s_room_grow(struct fan_room *room)
{
    if (room->count < room->capacity)
        return true;
    uint32_t capacity = room->capacity ? room->capacity * 2 : 2;
    struct seat *seats = realloc(room->seats, capacity * sizeof *seats);
    if (!seats)
        return false;
    room->seats = seats;
    room->capacity = capacity;
    return true;
}

static bool s_viewer_grow(struct viewer *viewer)
{
    if (viewer->place_count < viewer->place_capacity)
        return true;
    uint32_t capacity = viewer->place_capacity ? viewer->place_capacity * 2 : 1;
    struct place *places = realloc(viewer->places, capacity * sizeof *places);
    if (!places)
        return false;
    viewer->places = places;
    viewer->place_capacity = capacity;
    return true;
}

struct seat *fanout_sit(fanout_t *self, struct viewer *viewer, uint64_t room_id, seat_mode_t mode)
{
    struct fan_room *room = fanout_room(self, room_id);
    const struct place *place = room ? s_place(viewer, room) : NULL;
    if (place)
        return &room->seats[s_set_mode(room, place->seat, mode)];
    if (viewer->place_count >= LIM_SUBS_MAX || !s_viewer_grow(viewer))
        return NULL;
    if (!room)
        room = s_room_new(self, room_id);
    if (!room)
        return NULL;
    if (!s_room_grow(room)) {
        if (room->count == 0)
            s_room_free(self, room);
        return NULL;
    }
    uint32_t index = room->count++;
    room->seats[index] = (struct seat){.viewer = viewer, .place = viewer->place_count, .mode = SEAT_WATCH, .told = true};
    viewer->places[viewer->place_count++] = (struct place){room, index};
    return &room->seats[s_set_mode(room, index, mode)];
}

void fanout_set_told(fanout_t *self, struct fan_room *room, struct seat *seat, bool told)
{
    if (seat->told != told) {
        seat->told = told;
        room->untold += told ? (uint32_t)-1 : 1u;
    }
    if (room->untold > 0 && !room->in_untold) {
        room->in_untold = true;
        room->untold_next = self->untold;
        self->untold = room;
    }
}

struct fan_room *fanout_take_untold(fanout_t *self)
{
    struct fan_room *room = self->untold;
    if (room) {
        self->untold = room->untold_next;
        room->in_untold = false;
    }
    return room;
}

static void s_remove(fanout_t *self, struct viewer *viewer, uint32_t place_index)
{
    struct fan_room *room = viewer->places[place_index].room;
    uint32_t index = s_set_mode(room, viewer->places[place_index].seat, SEAT_WATCH);
    fanout_set_told(self, room, &room->seats[index], true);
    s_swap(room, index, room->count - 1);
    room->count--;
    struct place last = viewer->places[--viewer->place_count];
    if (place_index < viewer->place_count) {
        viewer->places[place_index] = last;
        last.room->seats[last.seat].place = place_index;
    }
    if (room->count == 0)
        s_room_free(self, room);
}

void fanout_leave(fanout_t *self, struct viewer *viewer, uint64_t room_id)
{
    struct fan_room *room = fanout_room(self, room_id);
    const struct place *place = room ? s_place(viewer, room) : NULL;
    if (place)
        s_remove(self, viewer, (uint32_t)(place - viewer->places));
}

void fanout_leave_all(fanout_t *self, struct viewer *viewer)
{
    while (viewer->place_count > 0)
        s_remove(self, viewer, viewer->place_count - 1);
    free(viewer->places);
    viewer->places = NULL;
    viewer->place_capacity = 0;
}

/* ---- sending ---- */

void fanout_mark_dirty(fanout_t *self, struct viewer *viewer)
{
    if (viewer->dirty)
        return;
    viewer->dirty = true;
    viewer->dirty_next = NULL;
    *self->dirty_end = viewer;
    self->dirty_end = &viewer->dirty_next;
}

struct viewer *fanout_take_dirty(fanout_t *self)
{
    struct viewer *viewer = self->dirty;
    if (!viewer) {
        if (self->deliveries > 0)
            metric_add(METRIC_EDGE_DELIVERIES, self->deliveries);
        self->deliveries = 0;
        return NULL;
    }
    if (viewer->dirty_next)
        __builtin_prefetch(viewer->dirty_next);
    self->dirty = viewer->dirty_next;
    if (!self->dirty)
        self->dirty_end = &self->dirty;
    viewer->dirty = false;
    viewer->dirty_next = NULL;
    return viewer;
}

void fanout_forget(fanout_t *self, struct viewer *viewer)
{
    fanout_leave_all(self, viewer);
    backlog_clear(&viewer->backlog);
    if (!viewer->dirty)
        return;
    for (struct viewer **at = &self->dirty; *at; at = &(*at)->dirty_next)
        if (*at == viewer) {
            *at = viewer->dirty_next;
            if (self->dirty_end == &viewer->dirty_next)
                self->dirty_end = at;
            break;
        }
    viewer->dirty = false;
}

static bool s_push(fanout_t *self, struct viewer *viewer, frame_t *frame, backlog_class_t class)
{
    if (viewer->closed || !frame)
        return false;
    bool pushed = backlog_push(&viewer->backlog, frame, class);
    if (!pushed && !(frame->flags & FRAME_EPHEMERAL) && backlog_drop_ephemera(&viewer->backlog) > 0)
        pushed = backlog_push(&viewer->backlog, frame, class);
    if (pushed) {
        self->deliveries += frame->messages;
        fanout_mark_dirty(self, viewer);
    }
    return pushed;
}

void fanout_send(fanout_t *self, struct viewer *viewer, frame_t *frame)
{
    bool ephemeral = frame && frame->flags & FRAME_EPHEMERAL;
    if (s_push(self, viewer, frame, ephemeral ? BACKLOG_LIVE : BACKLOG_MUST) || ephemeral || viewer->closed)
        return;
    viewer->slow = true; /* an answer that cannot be kept in order cannot be left out either */
    fanout_mark_dirty(self, viewer);
}

void fanout_send_bytes(fanout_t *self, struct viewer *viewer, view_t msgpack)
{
    struct shared message = shared_of(msgpack, 0);
    fanout_send(self, viewer, shared_frame(&message, viewer->json));
    shared_fini(&message);
}

void fanout_send_msg(fanout_t *self, struct viewer *viewer, const struct msg *msg, uint8_t flags)
{
    buffer_clear(&self->scratch);
    if (viewer->closed || msg_encode(msg, &self->scratch))
        return;
    struct shared message = shared_of(buffer_view(&self->scratch), flags);
    fanout_send(self, viewer, shared_frame(&message, viewer->json));
    shared_fini(&message);
}

void fanout_gap(fanout_t *self, struct viewer *viewer, uint64_t room, uint64_t last)
{
    metric_add(METRIC_EDGE_GAPS, 1);
    struct msg msg = {.type = MSG_GAP, .as.gap = {.room = room, .last = last}};
    fanout_send_msg(self, viewer, &msg, 0);
}

/* The outbox is full: from here on this viewer gets no events of the room, and knows it. */
static void s_stop(fanout_t *self, struct fan_room *room, uint32_t index, uint64_t last)
{
    struct viewer *viewer = room->seats[index].viewer;
    s_set_mode(room, index, SEAT_GAP);
    if (viewer->overflow_ms == 0)
        viewer->overflow_ms = self->now_ms;
    else if (self->now_ms - viewer->overflow_ms >= FANOUT_SLOW_AGAIN_MS) {
        viewer->slow = viewer->slow || self->now_ms - viewer->overflow_ms < FANOUT_SLOW_WINDOW_MS;
        viewer->overflow_ms = self->now_ms;
    }
    fanout_gap(self, viewer, room->id, last);
    fanout_mark_dirty(self, viewer);
}

void fanout_event(fanout_t *self, struct fan_room *room, uint64_t seq, struct shared *event)
{
    /* Downwards: a seat that stops changes places with one that was already served. */
    for (uint32_t i = room->streaming; i-- > 0;) {
        struct viewer *viewer = room->seats[i].viewer;
        if (i >= AHEAD)
            __builtin_prefetch(room->seats[i - AHEAD].viewer, 1);
        if (room->seats[i].mode == SEAT_BACKFILL)
            self->ops->hold(self->context, viewer, room, seq, event);
        else if (!viewer->closed && !s_push(self, viewer, shared_frame(event, viewer->json), BACKLOG_LIVE))
            s_stop(self, room, i, seq - 1);
    }
}

void fanout_head(fanout_t *self, struct fan_room *room, const struct rec_head *head)
{
    room->last_seq = head->seq > room->last_seq ? head->seq : room->last_seq;
    room->msg_no = head->msg_no > room->msg_no ? head->msg_no : room->msg_no;
    room->deleted = head->deleted > room->deleted ? head->deleted : room->deleted;
    room->active_ms = self->now_ms;
    if (!room->heads_due && room->count > room->streaming) {
        room->heads_due = true;
        room->heads_next = self->heads;
        self->heads = room;
    }
}

static void s_room_heads(fanout_t *self, struct fan_room *room)
{
    list_writer_t list;
    list_writer_init(&list, 64);
    struct rec_head head = {room->id, room->last_seq, room->msg_no, room->deleted};
    struct msg msg = {.type = MSG_HEADS};
    buffer_clear(&self->scratch);
    if (!rec_head_append(&list, &head)) {
        msg.as.heads.heads = list_of(&list);
        if (!msg_encode(&msg, &self->scratch)) {
            struct shared message = shared_of(buffer_view(&self->scratch), FRAME_EPHEMERAL);
            for (uint32_t i = room->streaming; i < room->count; i++)
                fanout_send(self, room->seats[i].viewer, shared_frame(&message, room->seats[i].viewer->json));
            shared_fini(&message);
        }
    }
    list_writer_fini(&list);
}

void fanout_send_heads(fanout_t *self)
{
    while (self->heads) {
        struct fan_room *room = self->heads;
        self->heads = room->heads_next;
        room->heads_due = false;
        s_room_heads(self, room);
    }
}

void fanout_ephemeral(fanout_t *self, struct fan_room *room, struct shared *message)
{
    for (uint32_t i = 0; i < room->streaming; i++)
        if (room->seats[i].mode == SEAT_LIVE)
            fanout_send(self, room->seats[i].viewer, shared_frame(message, room->seats[i].viewer->json));
}

void fanout_gap_all(fanout_t *self, struct fan_room *room)
{
    for (uint32_t i = room->streaming; i-- > 0;) {
        if (room->seats[i].mode != SEAT_LIVE)
            continue;
        struct viewer *viewer = room->seats[i].viewer;
        s_set_mode(room, i, SEAT_GAP);
        fanout_gap(self, viewer, room->id, room->last_seq);
    }
}
