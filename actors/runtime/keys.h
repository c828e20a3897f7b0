/* keys — the CURVE keys of nodes: who may come to a tcp link, and as whom.
 *
 * A folder holds NODE.secret (0600: a node's own, which only it needs) and NODE.public (0644: everybody whom it may
 * meet), one line of Z85 each. NODE is "room-0": role and instance, which is all that its key may speak for. The
 * public files are the allow list; it is read again when it may have changed, so a key is added and taken away
 * without a restart.
 *
 * Routing ids: on a link with keys the id is the address and 16 bytes which only the two ends can compute, from
 * their own secret and the other's public key. A ROUTER gives an id to whoever came last under it (ROUTER_HANDOVER),
 * so an id that others could name would let one node take what is meant for another.
 *
 * Runs on: any thread.   One folder for the process. */
#ifndef ROOKERY_RUNTIME_KEYS_H
#define ROOKERY_RUNTIME_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/address.h"
#include "proto/errors.h"

enum { KEY_CURVE_BYTES = 32, KEY_ROUTE_BYTES = 24 };

struct key_pair {
    uint8_t public_key[KEY_CURVE_BYTES], secret_key[KEY_CURVE_BYTES];
};

/* A new pair in the two files; makes the folder (0700). ERR_CONFLICT: there is one, nothing is changed;
 * ERR_OUT_OF_RANGE: no name of a node; ERR_INTERNAL with a line in the log. */
err_t keys_make(const char *dir, const char *node);

/* "room-0" and its address. */
void keys_print_node(address_t node, char text_out[ADDRESS_TEXT_MAX]);
bool keys_parse_node(const char *text, address_t *node_out);

/* The folder of this process. NULL: none; tcp links are then refused, unless plain is allowed. */
err_t keys_open(const char *dir);
void keys_close(void);
bool keys_are_open(void);
/* For tests and measurements of what does not depend on keys: tcp without them. */
void keys_allow_plain(bool allow);
bool keys_is_plain(void);

/* ERR_NOT_FOUND (with a line in the log) when the folder has no such file, or it cannot be used. */
err_t keys_own(address_t node, struct key_pair *pair_out);
err_t keys_of(address_t node, uint8_t public_key_out[KEY_CURVE_BYTES]);
/* Whose key is it? 0: nobody's who may come. */
address_t keys_owner(const uint8_t public_key[KEY_CURVE_BYTES]);

/* The routing id of `client` at a server: own is one end's pair, other the public key of the other end. */
err_t keys_route(address_t client, const struct key_pair *own, const uint8_t other[KEY_CURVE_BYTES],
                 uint8_t route_out[KEY_ROUTE_BYTES]);

#endif
