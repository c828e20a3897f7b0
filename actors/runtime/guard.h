/* guard — what stands between a tcp link and the network: CURVE, the allow list (keys.h), what a role may send
 * (permits.h). On inproc nothing, there is nobody to keep out.
 *
 * ZAP: libzmq asks a handler in its process about each client's key. Without one that lives it would take anybody, so
 * ZMQ_ZAP_ENFORCE_DOMAIN makes it refuse then, and guard_start proves with a key of nobody that it does refuse.
 *
 * Runs on: guard_start starts one thread for the process; the rest is its mailbox's thread's. */
#ifndef ROOKERY_RUNTIME_GUARD_H
#define ROOKERY_RUNTIME_GUARD_H

#include "actors/runtime/keys.h"
#include "proto/envelope.h"

/* Opens the folder of keys, starts the handler, and has it refuse a random key: until then, and if it does not,
 * nothing may listen. ERR_INTERNAL with a sentence in the log. */
err_t guard_start(const char *keys_dir);
void guard_stop(void);      /* also closes the keys */
void guard_stop_zap(void);  /* only the handler: for the test that without it nobody comes in */

struct guard {
    bool is_on; /* tcp with keys */
    bool is_server;
    address_t own;
    struct key_pair pair;
    uint8_t server_key[KEY_CURVE_BYTES]; /* client: the server's */
    void *monitor;                       /* server: what libzmq refused */
};

/* Before bind or connect. peer: whom a DEALER connects to; 0: a ROUTER. ERR_NOT_FOUND, ERR_INTERNAL: this link must not
 * be; the log says why. */
err_t guard_arm(struct guard *self, void *socket, address_t own, address_t peer, const char *endpoint);
void guard_fini(struct guard *self, void *socket);

/* The routing id of a client (of ourselves, for a DEALER); its length, 0: it has no key. */
size_t guard_route(const struct guard *self, address_t client, uint8_t route_out[KEY_ROUTE_BYTES]);

/* May this frame, an opened one from `peer` by its routing id, be listened to? zmq_msg is a zmq_msg_t. Counts what it
 * refuses. */
bool guard_admits(const struct guard *self, void *zmq_msg, address_t peer, const struct envelope *env);

void guard_on_tick(struct guard *self); /* counts what libzmq refused */

#endif
