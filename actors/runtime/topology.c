#include "actors/runtime/topology.h"

#include <inttypes.h>
#include <stdio.h>

static err_t s_add(struct topology *self, role_t role, int64_t count, bool binds, uint32_t nonce)
{
    for (int64_t i = 0; i < count; i++) {
        if (self->count == LIM_NODES_MAX)
            return ERR_OUT_OF_RANGE;
        struct topology_node *node = &self->nodes[self->count++];
        node->address = address_make(role, (uint16_t)i, nonce);
        node->endpoint[0] = '\0';
        if (binds)
            snprintf(node->endpoint, sizeof node->endpoint, "inproc://%s-%" PRId64, role_name(role), i);
    }
    return ERR_OK;
}

err_t topology_of_process(const struct config *config, uint32_t nonce, struct topology *out)
{
    out->count = 0;
    err_t err = s_add(out, ROLE_PERSIST, 1, true, nonce);
    if (!err)
        err = s_add(out, ROLE_ACCOUNTS, 1, true, nonce);
    if (!err)
        err = s_add(out, ROLE_ROOM, config->rooms, true, nonce);
    if (!err)
        err = s_add(out, ROLE_EDGE, config->edges, false, nonce);
    return err;
}

const struct topology_node *topology_find(const struct topology *self, role_t role, uint16_t instance)
{
    for (size_t i = 0; i < self->count; i++) {
        address_t address = self->nodes[i].address;
        if (address_role(address) == role && address_instance(address) == instance)
            return &self->nodes[i];
    }
    return NULL;
}

const struct topology_node *topology_nth(const struct topology *self, role_t role, size_t index)
{
    for (size_t i = 0; i < self->count; i++) {
        if (address_role(self->nodes[i].address) != role)
            continue;
        if (index-- == 0)
            return &self->nodes[i];
    }
    return NULL;
}
