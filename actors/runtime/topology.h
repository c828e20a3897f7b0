/* topology — which actors exist, where they listen. For one process made from the configuration; nodes of other
 * hosts come from the directory (DIR_LEASES, DIR_NODES). */
#ifndef ROOKERY_RUNTIME_TOPOLOGY_H
#define ROOKERY_RUNTIME_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "actors/runtime/config.h"
#include "proto/address.h"
#include "proto/limits.h"

struct topology_node {
    address_t address; /* with the nonce of this boot, the same for all actors of a process */
    char endpoint[LIM_ENDPOINT_BYTES_MAX]; /* where others find it; "" for edges, which only connect */
    char bind[LIM_ENDPOINT_BYTES_MAX];     /* where it listens; "": there, too */
};

struct topology {
    struct topology_node nodes[LIM_NODES_MAX];
    size_t count;
    bool is_distributed; /* others are other processes: tcp with keys, and only persist's endpoints are known here */
};

/* persist/0, accounts/0, room/0 … , edge/0 … over inproc. */
err_t topology_of_process(const struct config *config, uint32_t nonce, struct topology *out);
/* A node that is a process of its own: itself, over tcp, and the persist nodes. ERR_OUT_OF_RANGE with a sentence on
 * `complain`: an endpoint or a port is none. */
err_t topology_of_node(const struct config *config, role_t role, uint32_t nonce, struct topology *out, FILE *complain);
/* Where to bind. Borrowed. */
const char *topology_bind(const struct topology_node *node);
const struct topology_node *topology_find(const struct topology *self, role_t role, uint16_t instance);
/* The index-th node of a role, NULL past the last. */
const struct topology_node *topology_nth(const struct topology *self, role_t role, size_t index);

#endif
