#include "actors/runtime/providers.h"

static size_t s_index(const struct providers *self, address_t node)
{
    size_t i = 0;
    while (i < self->count && !address_is_same_node(self->nodes[i], node))
        i++;
    return i;
}

bool providers_add(struct providers *self, address_t node)
{
    if (s_index(self, node) < self->count)
        return true;
    if (self->count == LIM_PROVIDERS_MAX)
        return false;
    self->is_up[self->count] = false;
    self->nodes[self->count++] = address_stable(node);
    return true;
}

void providers_begin_at(struct providers *self, size_t index)
{
    self->at = self->count ? index % self->count : 0;
}

address_t providers_current(const struct providers *self)
{
    return self->count ? self->nodes[self->at] : 0;
}

bool providers_is_up(const struct providers *self)
{
    return self->count && self->is_up[self->at];
}

bool providers_next(struct providers *self)
{
    if (self->count < 2)
        return false;
    size_t next = (self->at + 1) % self->count;
    for (size_t i = 1; i < self->count; i++) {
        size_t other = (self->at + i) % self->count;
        if (self->is_up[other]) {
            next = other;
            break;
        }
    }
    self->at = next;
    return true;
}

bool providers_on_peer(struct providers *self, address_t peer, peer_event_t event)
{
    size_t index = s_index(self, peer);
    if (index == self->count || event == PEER_HOLE)
        return false;
    self->is_up[index] = event == PEER_UP;
    if (event == PEER_DOWN)
        return index == self->at && providers_next(self);
    if (self->is_up[self->at])
        return false;
    self->at = index;
    return true;
}
