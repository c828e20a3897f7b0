/* fault_proxy — stands between the nodes of a system test and does to their links what a bad network does: it drops
 * frames and delays them, in order, by a seed.
 *
 * A link's bytes are ZMTP 3 (64 bytes of greeting, then frames: flags, length, payload). With CURVE a payload is
 * opaque, but each message is one frame that begins with "MESSAGE", and its nonce must only grow: so such a frame can
 * be left out whole, and the receiver cannot tell, as when a segment is lost with a connection that comes back. The
 * frames of the handshake are never dropped. Other ports are passed on untouched: browsers' and metrics.
 *
 * Runs on: a process of its own, one thread, until its parent ends.
 * Bounds: FAULT_PAIRS_MAX connections, FAULT_QUEUE_BYTES_MAX waiting in each direction of each; beyond it nothing more
 * is read, as TCP does. */
#ifndef ROOKERY_TESTS_FAULT_PROXY_H
#define ROOKERY_TESTS_FAULT_PROXY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FAULT_PAIRS_MAX = 1024, FAULT_QUEUE_BYTES_MAX = 2 * 1024 * 1024, FAULT_TARGETS_MAX = 2, FAULT_PORTS_MAX = 32 };

/* Shared with the test, which may change what is done at any time and reads what was done. */
struct fault_plan {
    _Atomic uint32_t drop_per_10000;
    _Atomic uint32_t delay_ms_max;
    _Atomic uint64_t frames, dropped, delayed, connections; /* of links */
};

struct fault_port {
    int listener;    /* listens; may belong to another network namespace than the one it connects from */
    bool is_link;
    size_t target_count, next; /* tried in turn: several are the edges behind one address */
    struct {
        char address[16];
        int port;
    } targets[FAULT_TARGETS_MAX];
};

/* Does not return. */
void fault_proxy_run(struct fault_port *ports, size_t port_count, uint64_t seed, struct fault_plan *plan);

#endif
