#include "actors/room_presence.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void presence_init(room_presence_t *self)
{
    memset(self, 0, sizeof *self);
    self->told_ms = self->typing_told_ms = INT64_MIN / 2;
}

void presence_fini(room_presence_t *self)
{
    map_fini(&self->readers);
    map_fini(&self->users);
    map_fini(&self->changed);
    free(self->edges);
    presence_init(self);
}

static uint64_t s_key(unsigned slot, uint64_t session)
{
    return ((session + 1) << 6) | slot; /* sessions are below 2^53: nothing is lost, and it is never 0 */
}

static void s_count(room_presence_t *self, unsigned slot, bool live, int by)
{
    struct presence_edge *edge = &self->edges[slot];
    uint32_t *count = live ? &edge->live : &edge->watch;
    uint64_t *mask = live ? &self->live_mask : &self->watch_mask;
    *count = by > 0 ? *count + 1 : *count - 1;
    uint64_t bit = UINT64_C(1) << slot;
    *mask = *count ? *mask | bit : *mask & ~bit;
    self->fresh_mask &= self->live_mask;
}

static err_t s_user_enters(room_presence_t *self, uint64_t user)
{
    uint64_t count = 0;
    map_get(&self->users, user, &count);
    err_t err = map_put(&self->users, user, count + 1);
    if (!err && !count)
        err = map_put(&self->changed, user, 1);
    return err;
}

static void s_user_goes(room_presence_t *self, uint64_t user)
{
    uint64_t count = 0;
    if (!map_get(&self->users, user, &count))
        return;
    if (count > 1) {
        map_put(&self->users, user, count - 1);
        return;
    }
    map_remove(&self->users, user);
    map_put(&self->changed, user, 1);
}

err_t presence_add(room_presence_t *self, unsigned slot, uint64_t session, uint64_t user, bool live)
{
    assert(slot < LIM_EDGES_MAX);
    if (session > ID_MAX || !user || user > ID_MAX)
        return ERR_OUT_OF_RANGE;
    if (!self->edges && !(self->edges = calloc(LIM_EDGES_MAX, sizeof *self->edges)))
        return ERR_NO_MEMORY;
    presence_remove(self, slot, session);
    err_t err = s_user_enters(self, user);
    if (!err)
        err = map_put(&self->readers, s_key(slot, session), user << 1 | (live ? 1 : 0));
    if (err) {
        s_user_goes(self, user);
        return err;
    }
    s_count(self, slot, live, 1);
    if (live)
        self->fresh_mask |= UINT64_C(1) << slot;
    return ERR_OK;
}

static void s_gone(room_presence_t *self, unsigned slot, uint64_t value)
{
    s_count(self, slot, value & 1, -1);
    s_user_goes(self, value >> 1);
}

void presence_remove(room_presence_t *self, unsigned slot, uint64_t session)
{
    uint64_t value;
    if (session > ID_MAX || !map_get(&self->readers, s_key(slot, session), &value))
        return;
    map_remove(&self->readers, s_key(slot, session));
    s_gone(self, slot, value);
}

void presence_drop_edge(room_presence_t *self, unsigned slot)
{
    size_t cursor = 0;
    uint64_t key, value;
    if (!((self->live_mask | self->watch_mask) >> slot & 1))
        return;
    while (map_next(&self->readers, &cursor, &key, &value)) {
        if ((key & 63) != slot)
            continue;
        map_remove_seen(&self->readers, &cursor, key);
        s_gone(self, slot, value);
    }
}

uint64_t presence_drop_user(room_presence_t *self, uint64_t user)
{
    size_t cursor = 0;
    uint64_t key, value, mask = 0;
    presence_typing(self, user, false, 0);
    if (!presence_is_here(self, user))
        return 0;
    while (map_next(&self->readers, &cursor, &key, &value)) {
        if (value >> 1 != user)
            continue;
        map_remove_seen(&self->readers, &cursor, key);
        mask |= UINT64_C(1) << (key & 63);
        s_gone(self, key & 63, value);
    }
    return mask;
}

bool presence_is_here(const room_presence_t *self, uint64_t user)
{
    return map_get(&self->users, user, NULL);
}

size_t presence_here_count(const room_presence_t *self)
{
    return self->users.count;
}

size_t presence_reader_count(const room_presence_t *self)
{
    return self->readers.count;
}

static void s_typist_drop(room_presence_t *self, size_t index)
{
    self->typists[index] = self->typists[--self->typist_count];
    self->typing_changed = true;
}

bool presence_typing(room_presence_t *self, uint64_t user, bool active, int64_t now_ms)
{
    for (size_t i = 0; i < self->typist_count; i++) {
        if (self->typists[i].user != user)
            continue;
        if (!active) {
            s_typist_drop(self, i);
            return true;
        }
        self->typists[i].until_ms = now_ms + LIM_TYPING_EXPIRE_MS;
        self->typing_changed = true; /* readers let it expire by their own clock: tell them again */
        return true;
    }
    if (!active || self->typist_count == LIM_TYPING_MAX)
        return false;
    self->typists[self->typist_count++] = (struct typist){user, now_ms + LIM_TYPING_EXPIRE_MS};
    self->typing_changed = true;
    return true;
}

bool presence_is_due(const room_presence_t *self, int64_t now_ms)
{
    if (!self->live_mask)
        return false;
    return self->fresh_mask || (self->changed.count && now_ms - self->told_ms >= PRESENCE_TELL_MS);
}

bool presence_typing_is_due(room_presence_t *self, int64_t now_ms)
{
    for (size_t i = self->typist_count; i-- > 0;)
        if (now_ms >= self->typists[i].until_ms)
            s_typist_drop(self, i);
    return self->typing_changed && now_ms - self->typing_told_ms >= TYPISTS_TELL_MS;
}

bool presence_is_quiet(const room_presence_t *self)
{
    return !self->typist_count && !self->typing_changed &&
           (!self->live_mask || (!self->fresh_mask && !self->changed.count));
}

void presence_full(const room_presence_t *self, uint64_t room, size_t members, list_writer_t *list,
                   struct msg_presence *out)
{
    size_t cursor = 0;
    uint64_t user;
    list_writer_clear(list);
    while (members <= LIM_PRESENCE_MEMBERS_MAX && map_next(&self->users, &cursor, &user, NULL)) {
        struct rec_presence_of row = {.user = user, .state = 1};
        rec_presence_of_append(list, &row);
    }
    *out = (struct msg_presence){.room = room, .full = true, .here = self->users.count,
                                 .users = list_of(list)};
}

void presence_changes(room_presence_t *self, uint64_t room, size_t members, list_writer_t *list,
                      struct msg_presence *out)
{
    size_t cursor = 0;
    uint64_t user;
    if (self->changed.count > LIM_PRESENCE_MEMBERS_MAX) {
        presence_full(self, room, members, list, out);
        return;
    }
    list_writer_clear(list);
    while (members <= LIM_PRESENCE_MEMBERS_MAX && map_next(&self->changed, &cursor, &user, NULL)) {
        struct rec_presence_of row = {.user = user, .state = presence_is_here(self, user)};
        rec_presence_of_append(list, &row);
    }
    *out = (struct msg_presence){.room = room, .full = false, .here = self->users.count,
                                 .users = list_of(list)};
}

void presence_told(room_presence_t *self, int64_t now_ms)
{
    self->fresh_mask = 0;
    if (now_ms - self->told_ms < PRESENCE_TELL_MS)
        return; /* only the fresh edges were told: the others wait for their second */
    map_fini(&self->changed);
    self->told_ms = now_ms;
}

void presence_typists(room_presence_t *self, uint64_t room, int64_t now_ms, list_writer_t *list,
                      struct msg_typists *out)
{
    list_writer_clear(list);
    for (size_t i = 0; i < self->typist_count; i++) {
        struct rec_id row = {.id = self->typists[i].user};
        rec_id_append(list, &row);
    }
    self->typing_changed = false;
    self->typing_told_ms = now_ms;
    *out = (struct msg_typists){.room = room, .users = list_of(list)};
}
