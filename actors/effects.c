#include "actors/effects.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void effects_init(effects_t *self, size_t count_max, size_t bytes_max)
{
    memset(self, 0, sizeof *self);
    self->max = count_max;
    buffer_init(&self->arena, bytes_max);
}

void effects_fini(effects_t *self)
{
    free(self->items);
    self->items = NULL;
    self->count = self->cap = 0;
    buffer_fini(&self->arena);
}

void effects_clear(effects_t *self)
{
    self->count = 0;
    buffer_clear(&self->arena);
}

static err_t s_reserve(effects_t *self)
{
    if (self->count >= self->max)
        return ERR_OVERLOADED;
    if (self->count < self->cap)
        return ERR_OK;
    size_t cap = self->cap ? self->cap * 2 : 64;
    struct effect *items = realloc(self->items, cap * sizeof *items);
    if (!items)
        return ERR_OVERLOADED;
    self->items = items;
    self->cap = cap;
    return ERR_OK;
}

static void s_push(effects_t *self, address_t to, const struct envelope *env, uint16_t type, size_t offset,
                   size_t len)
{
    struct effect *effect = &self->items[self->count++];
    *effect = (struct effect){.to = to, .env = *env, .offset = offset, .len = len};
    effect->env.type = type;
}

static err_t s_refuse(effects_t *self, size_t arena_len)
{
    buffer_truncate(&self->arena, arena_len);
    self->arena.failed = ERR_OK; /* the caller was told; what came before is whole */
    self->refused++;
    return ERR_OVERLOADED;
}

err_t effects_send(effects_t *self, address_t to, const struct envelope *env, const struct msg *msg)
{
    size_t offset = self->arena.len;
    if (s_reserve(self) || msg_encode(msg, &self->arena))
        return s_refuse(self, offset);
    s_push(self, to, env, msg->type, offset, self->arena.len - offset);
    return ERR_OK;
}

err_t effects_send_bytes(effects_t *self, address_t to, const struct envelope *env, view_t encoded_msg)
{
    size_t offset = self->arena.len;
    if (s_reserve(self) || buffer_append(&self->arena, encoded_msg.bytes, encoded_msg.len))
        return s_refuse(self, offset);
    s_push(self, to, env, msg_peek_type(encoded_msg), offset, encoded_msg.len);
    return ERR_OK;
}

err_t effects_send_again(effects_t *self, address_t to, const struct envelope *env)
{
    assert(self->count);
    if (s_reserve(self))
        return s_refuse(self, self->arena.len);
    struct effect last = self->items[self->count - 1];
    s_push(self, to, env, last.env.type, last.offset, last.len);
    return ERR_OK;
}

view_t effects_bytes(const effects_t *self, const struct effect *effect)
{
    return view_of(self->arena.bytes + effect->offset, effect->len);
}
