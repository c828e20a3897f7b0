/* topology — which actors exist, where they listen. For one process made from the configuration; nodes of other
 * hosts come from the directory. */
#ifndef ROOKERY_RUNTIME_TOPOLOGY_H
#define ROOKERY_RUNTIME_TOPOLOGY_H

#include <stddef.h>

#include "actors/runtime/config.h"
#include "proto/address.h"
#include "proto/limits.h"

struct topology_node {
    address_t address; /* with the nonce of this boot, the same for all actors of a process */
    char endpoint[LIM_ENDPOINT_BYTES_MAX]; /* where it binds; "" for edges, which only connect */
};

struct topology {
    struct topology_node nodes[LIM_NODES_MAX];
    size_t count;
};

/* persist/0, accounts/0, room/0 … , edge/0 … over inproc. */
err_t topology_of_process(const struct config *config, uint32_t nonce, struct topology *out);
const struct topology_node *topology_find(const struct topology *self, role_t role, uint16_t instance);
/* The index-th node of a role, NULL past the last. */
const struct topology_node *topology_nth(const struct topology *self, role_t role, size_t index);

#endif
