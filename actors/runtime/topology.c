#include "actors/runtime/topology.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static err_t s_add(struct topology *self, role_t role, int64_t count, bool binds, uint32_t nonce)
{
    for (int64_t i = 0; i < count; i++) {
        if (self->count == LIM_NODES_MAX)
            return ERR_OUT_OF_RANGE;
        struct topology_node *node = &self->nodes[self->count++];
        node->address = address_make(role, (uint16_t)i, nonce);
        node->endpoint[0] = node->bind[0] = '\0';
        if (binds)
            snprintf(node->endpoint, sizeof node->endpoint, "inproc://%s-%" PRId64, role_name(role), i);
    }
    return ERR_OK;
}

err_t topology_of_process(const struct config *config, uint32_t nonce, struct topology *out)
{
    out->count = 0;
    out->is_distributed = false;
    err_t err = s_add(out, ROLE_PERSIST, 1, true, nonce);
    if (!err)
        err = s_add(out, ROLE_ACCOUNTS, 1, true, nonce);
    if (!err)
        err = s_add(out, ROLE_ROOM, config->rooms, true, nonce);
    if (!err)
        err = s_add(out, ROLE_EDGE, config->edges, false, nonce);
    return err;
}

/* ---- a node of its own --------------------------------------------------------------------------------------------- */

enum { PORT_STEP = 10 }; /* so that instances of one role do not run into the next role's port */

static err_t s_add_own(struct topology *self, const struct config *config, role_t role, uint32_t nonce, FILE *complain)
{
    struct topology_node *node = &self->nodes[self->count++];
    *node = (struct topology_node){.address = address_make(role, (uint16_t)config->instance, nonce)};
    if (role == ROLE_EDGE)
        return ERR_OK;
    int64_t first = role == ROLE_PERSIST ? config->persist_port : role == ROLE_ROOM ? config->room_port
                                                                                    : config->accounts_port;
    int64_t port = first + PORT_STEP * config->instance;
    const char *host = *config->link_host ? config->link_host : config->link_bind;
    int len = snprintf(node->endpoint, sizeof node->endpoint, "tcp://%s:%" PRId64, host, port);
    int bind_len = snprintf(node->bind, sizeof node->bind, "tcp://%s:%" PRId64, config->link_bind, port);
    if (first > 0 && port <= 65535 && len < (int)sizeof node->endpoint && bind_len < (int)sizeof node->bind)
        return ERR_OK;
    fprintf(complain, "%s_port: a node needs a port of its own from 1 to 65535, and a host of at most %d bytes\n",
            role_name(role), LIM_ENDPOINT_BYTES_MAX - 20);
    return ERR_OUT_OF_RANGE;
}

static err_t s_add_persist(struct topology *self, const char *endpoint, size_t len, FILE *complain)
{
    uint16_t instance = 0;
    for (size_t i = 0; i < self->count; i++)
        instance = (uint16_t)(instance + (address_role(self->nodes[i].address) == ROLE_PERSIST));
    if (len <= 6 || len >= LIM_ENDPOINT_BYTES_MAX || strncmp(endpoint, "tcp://", 6) != 0 ||
        self->count == LIM_NODES_MAX) {
        fprintf(complain, "persist_endpoints: '%.*s' is not like tcp://host:port\n", (int)(len < 80 ? len : 80), endpoint);
        return ERR_OUT_OF_RANGE;
    }
    struct topology_node *node = &self->nodes[self->count++];
    *node = (struct topology_node){.address = address_make(ROLE_PERSIST, instance, 0)};
    memcpy(node->endpoint, endpoint, len);
    return ERR_OK;
}

err_t topology_of_node(const struct config *config, role_t role, uint32_t nonce, struct topology *out, FILE *complain)
{
    out->count = 0;
    out->is_distributed = true;
    err_t err = s_add_own(out, config, role, nonce, complain);
    if (err || role == ROLE_PERSIST)
        return err;
    char local[64];
    snprintf(local, sizeof local, "tcp://127.0.0.1:%" PRId64, config->persist_port);
    for (const char *at = *config->persist_endpoints ? config->persist_endpoints : local; !err && at;) {
        size_t len = strcspn(at, ",");
        err = s_add_persist(out, at, len, complain);
        at = at[len] ? at + len + 1 : NULL;
    }
    return err;
}

const char *topology_bind(const struct topology_node *node)
{
    return *node->bind ? node->bind : node->endpoint;
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
