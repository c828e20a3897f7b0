#include "actors/room_gone.h"

#include <stdlib.h>
#include <string.h>

void room_gone_fini(room_gone_t *self)
{
    free(self->msg_nos);
    *self = (room_gone_t){0};
}

static err_t s_reserve(room_gone_t *self, uint32_t count)
{
    if (count <= self->cap)
        return ERR_OK;
    uint32_t cap = self->cap ? self->cap * 2 : 8;
    while (cap < count)
        cap *= 2;
    uint64_t *msg_nos = realloc(self->msg_nos, cap * sizeof *msg_nos);
    if (!msg_nos)
        return ERR_NO_MEMORY;
    self->msg_nos = msg_nos;
    self->cap = cap;
    return ERR_OK;
}

err_t room_gone_load(room_gone_t *self, uint64_t deleted, list_t msg_nos, bool more)
{
    struct rec_id id;
    room_gone_fini(self);
    if (msg_nos.count > LIM_ROOM_GONE_MAX)
        return ERR_TOO_LARGE;
    err_t err = s_reserve(self, (uint32_t)msg_nos.count);
    if (err)
        return err;
    while (rec_id_next(&msg_nos, &id))
        self->msg_nos[self->count++] = id.id;
    self->deleted = deleted;
    self->more = more;
    return ERR_OK;
}

err_t room_gone_add(room_gone_t *self, uint64_t seq, uint64_t msg_no)
{
    uint32_t at = self->count;
    while (at > 0 && self->msg_nos[at - 1] >= msg_no)
        at--;
    bool is_known = at < self->count && self->msg_nos[at] == msg_no;
    bool is_full = self->count == LIM_ROOM_GONE_MAX;
    if (!is_known && !is_full && s_reserve(self, self->count + 1))
        return ERR_NO_MEMORY;
    self->deleted = seq > self->deleted ? seq : self->deleted;
    if (is_known)
        return ERR_OK;
    if (is_full) { /* the lowest one is left out */
        self->more = true;
        if (at == 0)
            return ERR_OK;
        at--;
        self->count--;
        memmove(self->msg_nos, self->msg_nos + 1, self->count * sizeof *self->msg_nos);
    }
    memmove(self->msg_nos + at + 1, self->msg_nos + at, (self->count - at) * sizeof *self->msg_nos);
    self->msg_nos[at] = msg_no;
    self->count++;
    return ERR_OK;
}

void room_gone_tell(const room_gone_t *self, uint64_t room, list_writer_t *list, struct msg_gone *out)
{
    list_writer_clear(list);
    for (uint32_t i = 0; i < self->count; i++)
        rec_id_append(list, &(struct rec_id){.id = self->msg_nos[i]});
    *out = (struct msg_gone){.room = room, .deleted = self->deleted, .more = self->more, .lines = list_of(list)};
}
