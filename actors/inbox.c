#include "actors/inbox.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

inbox_t *inbox_new(uint64_t user)
{
    inbox_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->user = user;
    self->shard = id_shard(user);
    return self;
}

static void s_clear_rooms(inbox_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        free(self->rooms[i].text);
        free(self->rooms[i].mentions);
    }
    self->count = 0;
    self->dirty_count = 0;
}

void inbox_destroy(inbox_t **self_p)
{
    assert(self_p);
    inbox_t *self = *self_p;
    if (!self)
        return;
    s_clear_rooms(self);
    free(self->rooms);
    free(self->sessions);
    while (self->parked_first) {
        struct parked *parked = self->parked_first;
        self->parked_first = parked->next;
        free(parked);
    }
    free(self);
    *self_p = NULL;
}

size_t inbox_bytes(const inbox_t *self)
{
    size_t bytes = sizeof *self + self->cap * sizeof *self->rooms +
                   self->session_cap * sizeof *self->sessions;
    for (size_t i = 0; i < self->count; i++)
        bytes += (size_t)self->rooms[i].name_len + self->rooms[i].topic_len + self->rooms[i].people_len;
    return bytes;
}

static err_t s_set(struct inbox_room *room, const struct rec_room_state *state)
{
    uint8_t *text = malloc(state->name.len + state->topic.len + state->people.len + 1);
    if (!text)
        return ERR_NO_MEMORY;
    if (state->name.len)
        memcpy(text, state->name.bytes, state->name.len);
    if (state->topic.len)
        memcpy(text + state->name.len, state->topic.bytes, state->topic.len);
    if (state->people.len)
        memcpy(text + state->name.len + state->topic.len, state->people.bytes, state->people.len);
    free(room->text);
    room->text = text;
    room->name_len = (uint16_t)state->name.len;
    room->topic_len = (uint16_t)state->topic.len;
    room->people_len = (uint16_t)state->people.len;
    room->people_count = (uint16_t)state->people.count;
    room->archived = state->archived;
    room->history = state->history;
    room->room = state->room;
    room->incarnation = state->incarnation;
    room->head = state->head;
    room->msg_no = state->msg_no;
    room->visibility = state->visibility;
    room->role = state->role;
    room->notify = state->notify;
    room->turn = state->turn;
    room->rev = state->rev;
    if (state->read_msg_no > room->read_msg_no)
        room->read_msg_no = state->read_msg_no;
    return ERR_OK;
}

static err_t s_reserve(inbox_t *self, size_t cap)
{
    if (cap <= self->cap)
        return ERR_OK;
    struct inbox_room *rooms = realloc(self->rooms, cap * sizeof *rooms);
    if (!rooms)
        return ERR_NO_MEMORY;
    self->rooms = rooms;
    self->cap = cap;
    return ERR_OK;
}

static err_t s_add(inbox_t *self, const struct rec_room_state *state, struct inbox_room **room_out)
{
    if (self->count >= LIM_SUBS_MAX)
        return ERR_TOO_MANY_ROOMS;
    if (self->count == self->cap && s_reserve(self, self->cap ? self->cap * 2 : 1))
        return ERR_NO_MEMORY;
    struct inbox_room room = {0};
    err_t err = s_set(&room, state);
    if (err)
        return err;
    self->rooms[self->count] = room;
    *room_out = &self->rooms[self->count++];
    return ERR_OK;
}

err_t inbox_load(inbox_t *self, const struct msg_store_inbox *stored)
{
    list_t rooms = stored->rooms;
    struct rec_room_state state;
    struct inbox_room *room;
    s_clear_rooms(self);
    /* Most inboxes never grow again: no room to spare. */
    err_t err = s_reserve(self, rooms.count < LIM_SUBS_MAX ? rooms.count : LIM_SUBS_MAX);
    while (!err && rec_room_state_next(&rooms, &state)) {
        err = s_add(self, &state, &room);
        if (!err)
            room->change_seq = state.head;
    }
    if (err)
        s_clear_rooms(self);
    self->is_loaded = err == ERR_OK;
    return err;
}

err_t inbox_open(inbox_t *self, unsigned slot, uint64_t session)
{
    for (size_t i = 0; i < self->session_count; i++)
        if (self->sessions[i].slot == slot && self->sessions[i].session == session)
            return ERR_OK;
    if (self->session_count >= INBOX_SESSIONS_MAX)
        return ERR_OVERLOADED;
    if (self->session_count == self->session_cap) {
        size_t cap = self->session_cap ? self->session_cap * 2 : 1;
        struct inbox_session *sessions = realloc(self->sessions, cap * sizeof *sessions);
        if (!sessions)
            return ERR_NO_MEMORY;
        self->sessions = sessions;
        self->session_cap = cap;
    }
    self->sessions[self->session_count++] = (struct inbox_session){session, slot};
    return ERR_OK;
}

void inbox_close(inbox_t *self, unsigned slot, uint64_t session)
{
    for (size_t i = 0; i < self->session_count; i++) {
        if (self->sessions[i].slot != slot || self->sessions[i].session != session)
            continue;
        self->sessions[i] = self->sessions[--self->session_count];
        return;
    }
}

void inbox_drop_edge(inbox_t *self, unsigned slot)
{
    for (size_t i = self->session_count; i-- > 0;)
        if (self->sessions[i].slot == slot)
            self->sessions[i] = self->sessions[--self->session_count];
}

uint64_t inbox_edges(const inbox_t *self)
{
    uint64_t mask = 0;
    for (size_t i = 0; i < self->session_count; i++)
        mask |= UINT64_C(1) << self->sessions[i].slot;
    return mask;
}

struct inbox_room *inbox_find(const inbox_t *self, uint64_t room)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->rooms[i].room == room)
            return &self->rooms[i];
    return NULL;
}

void inbox_state(const struct inbox_room *room, struct rec_room_state *state_out)
{
    *state_out = (struct rec_room_state){.room = room->room, .incarnation = room->incarnation,
                                         .visibility = room->visibility,
                                         .name = view_of(room->text, room->name_len),
                                         .topic = view_of(room->text + room->name_len, room->topic_len),
                                         .head = room->head, .msg_no = room->msg_no,
                                         .read_msg_no = room->read_msg_no, .role = room->role,
                                         .notify = room->notify, .turn = room->turn, .rev = room->rev,
                                         .archived = room->archived,
                                         .history = room->history,
                                         .people = {.bytes = room->text + room->name_len + room->topic_len,
                                                    .len = room->people_len, .count = room->people_count}};
}

/* As it is shown in a list of rooms. */
static bool s_looks_like(const struct inbox_room *room, const struct rec_room_state *state)
{
    return room->role == state->role && room->archived == state->archived && room->history == state->history &&
           view_is_equal(view_of(room->text, room->name_len), state->name) &&
           view_is_equal(view_of(room->text + room->name_len, room->topic_len), state->topic);
}

uint32_t inbox_mentions(const struct inbox_room *room)
{
    return room->mention_count;
}

/* What the pointer has passed is read. */
static void s_drop_read(struct inbox_room *room)
{
    uint32_t read = 0;
    while (read < room->mention_count && room->mentions[read] <= room->read_msg_no)
        read++;
    room->mention_count -= read;
    if (room->mention_count)
        memmove(room->mentions, room->mentions + read, room->mention_count * sizeof *room->mentions);
}

err_t inbox_set_mentions(struct inbox_room *room, const uint64_t *msg_nos, size_t count)
{
    assert(count <= LIM_UNREAD_MENTIONS_MAX);
    uint64_t *mentions = count ? malloc(count * sizeof *mentions) : NULL;
    if (count && !mentions)
        return ERR_NO_MEMORY;
    if (count)
        memcpy(mentions, msg_nos, count * sizeof *mentions);
    free(room->mentions);
    room->mentions = mentions;
    room->mention_count = (uint32_t)count;
    s_drop_read(room); /* the pointer may have moved since the store was asked */
    return ERR_OK;
}

bool inbox_read(inbox_t *self, uint64_t room_id, uint64_t turn, uint64_t msg_no)
{
    struct inbox_room *room = inbox_find(self, room_id);
    if (!room || turn != room->turn || msg_no <= room->read_msg_no)
        return false;
    room->read_msg_no = msg_no;
    s_drop_read(room);
    if (!room->is_dirty)
        self->dirty_count++;
    room->is_dirty = true;
    return true;
}

struct msg_store_place_set inbox_wish(uint64_t user, const struct msg *wish, uint64_t rev)
{
    const struct msg_unread_from *mark = &wish->as.unread_from;
    const struct msg_notify *notify = &wish->as.notify;
    if (wish->type == MSG_UNREAD_FROM)
        return (struct msg_store_place_set){.user = user, .room = mark->room, .rev = rev, .what = PLACE_POINTER,
                                            .value = mark->msg_no - 1};
    return (struct msg_store_place_set){.user = user, .room = notify->room, .rev = rev, .what = PLACE_LEVEL,
                                        .value = notify->level};
}

err_t inbox_decide(inbox_t *self, const struct msg *wish, struct msg_store_place_set *set_out)
{
    bool is_mark = wish->type == MSG_UNREAD_FROM;
    const struct msg_unread_from *mark = &wish->as.unread_from;
    struct inbox_room *room = inbox_find(self, is_mark ? mark->room : wish->as.notify.room);
    if (!room)
        return ERR_NOT_MEMBER;
    if (is_mark && !mark->msg_no)
        return ERR_OUT_OF_RANGE;
    if (is_mark && mark->turn != room->turn)
        return ERR_AGAIN;
    if (room->is_deciding)
        return ERR_BUSY;
    room->is_deciding = true;
    *set_out = inbox_wish(self->user, wish, room->rev);
    return ERR_OK;
}

static void s_go_back(inbox_t *self, struct inbox_room *room, const struct msg_store_place *place)
{
    room->turn = place->turn;
    room->read_msg_no = place->read_msg_no;
    if (room->is_dirty)
        self->dirty_count--;
    room->is_dirty = false; /* what was read before the mark */
}

struct inbox_placed inbox_place(inbox_t *self, const struct msg_store_place_set *set, const struct msg_store_place *place)
{
    struct inbox_placed placed = {0};
    struct inbox_room *room = inbox_find(self, set->room);
    if (!room)
        return placed;
    room->is_deciding = room->is_unknown = false;
    if (!place->found || place->rev < room->rev)
        return placed;
    placed.has_gone_back = place->turn > room->turn;
    placed.has_level = place->notify != room->notify;
    if (placed.has_gone_back)
        s_go_back(self, room, place);
    room->notify = place->notify;
    room->rev = place->rev;
    placed.is_done = place->rev == set->rev + 1 && (set->what == PLACE_POINTER
                                                        ? place->turn == place->rev && place->read_msg_no == set->value
                                                        : place->notify == set->value);
    return placed;
}

static void s_remove(inbox_t *self, struct inbox_room *room)
{
    if (room->is_dirty)
        self->dirty_count--;
    free(room->text);
    free(room->mentions);
    *room = self->rooms[--self->count];
}

err_t inbox_member(inbox_t *self, const struct msg_inbox_member *member, const struct rec_room_state *state,
                   inbox_change_t *change_out)
{
    *change_out = INBOX_SAME;
    struct inbox_room *room = inbox_find(self, state->room);
    if (room && member->seq <= room->change_seq)
        return ERR_OK;
    if (!member->joined) {
        if (!room)
            return ERR_OK;
        s_remove(self, room);
        *change_out = INBOX_REMOVED;
        return ERR_OK;
    }
    bool is_new = !room, is_same = is_new || (s_looks_like(room, state) && state->read_msg_no <= room->read_msg_no);
    const struct inbox_room own = room ? *room : (struct inbox_room){.notify = state->notify};
    err_t err = room ? s_set(room, state) : s_add(self, state, &room);
    if (err)
        return err;
    room->notify = own.notify; /* theirs: the room does not know it */
    room->turn = own.turn;
    room->rev = own.rev;
    room->change_seq = member->seq;
    s_drop_read(room); /* who comes in again has read all that was there */
    *change_out = is_new ? INBOX_ADDED : is_same ? INBOX_SAME : INBOX_CHANGED;
    return ERR_OK;
}

size_t inbox_take_marks(inbox_t *self, list_writer_t *marks)
{
    size_t taken = 0;
    for (size_t i = 0; i < self->count && self->dirty_count && marks->count < LIM_SUBS_MAX; i++) {
        struct inbox_room *room = &self->rooms[i];
        struct rec_read_mark mark = {.user = self->user, .room = room->room, .msg_no = room->read_msg_no,
                                     .turn = room->turn};
        if (!room->is_dirty || rec_read_mark_append(marks, &mark))
            continue;
        room->is_dirty = false;
        self->dirty_count--;
        taken++;
    }
    return taken;
}
