/* actor — what every role has in common: its address, its pipes to other actors, its loop.
 *
 * An actor is a state, handlers, and this skeleton. It binds at most one endpoint (a ROUTER: those below it
 * connect) and connects to those above it (a DEALER each). Each pipe is FIFO in both directions and carries
 * requests, answers and streams; frames are numbered, a tick each LIM_LINK_TICK_MS carries the last number, so
 * a hole is noticed within two ticks and told by on_peer(PEER_HOLE). Nothing is retransmitted by the link: the
 * owner repeats its idempotent requests or attaches again (DESIGN.md 2).
 *
 * Runs on: one thread, which made it. No handler blocks. Sends never block either: they go into a bounded
 * outbox of the peer. On inproc:// and tcp:// alike the same encoded frames travel. */
#ifndef ROOKERY_RUNTIME_ACTOR_H
#define ROOKERY_RUNTIME_ACTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/address.h"
#include "proto/codec.h"
#include "proto/envelope.h"
#include "proto/messages.h"

typedef struct actor actor_t;

typedef enum {
    PEER_UP,   /* its LINK_HELLO came: first contact, or a new boot (another nonce): nothing it knew is left */
    PEER_HOLE, /* frames from it were lost: repeat what is open, attach again. Also after it was lagging */
    PEER_DOWN, /* nothing heard for LIM_LINK_PEER_EXPIRE_MS */
    PEER_REPLACED_US, /* a later process has our name and key. Handlers are not told: this process ends at once */
} peer_event_t;

struct actor_handlers {
    /* One frame. env and body are borrowed until return; body is the whole message, env->type its code. What is
     * returned is only counted and logged (at most once a second); answering is the handler's work. */
    err_t (*on_message)(void *self, actor_t *actor, const struct envelope *env, view_t body);
    void (*on_peer)(void *self, actor_t *actor, address_t peer, peer_event_t event); /* may be NULL */
    void (*on_turn)(void *self, actor_t *actor, int64_t now_ms); /* inbox drained; close batches here. May be NULL */
    void (*on_tick)(void *self, actor_t *actor, int64_t now_ms); /* each 50 ms or later. May be NULL */
};

/* address: role, instance and a nonce of this boot. Borrows handlers and self for its life. NULL: no memory. */
actor_t *actor_new(address_t address, const struct actor_handlers *handlers, void *self);
void actor_destroy(actor_t **self_p);

/* Endpoints: "inproc://room-0" or "tcp://host:port". ERR_INTERNAL with a log line when it cannot be had. */
err_t actor_bind(actor_t *self, const char *endpoint);
/* Connects to the actor with this address (nonce 0: whichever boot). A second call for the same one does nothing, or
 * connects to where it is now, when that is another tcp endpoint. */
err_t actor_connect(actor_t *self, address_t peer, const char *endpoint);

/* Where it is bound: the port that "tcp://127.0.0.1:*" became. "" when it is not. Borrowed. */
const char *actor_endpoint(const actor_t *self);

address_t actor_address(const actor_t *self);
int64_t actor_now_ms(const actor_t *self); /* CLOCK_BOOTTIME ms, read once a turn: for deadlines and leases */
int64_t actor_utc_ms(const actor_t *self); /* wall clock ms, read once a turn: for at_ms and token times only */

/* Sends to `to` (its nonce is ignored when 0; another boot's is ERR_NOT_FOUND). env->type, from and link_seq are
 * filled in here. ERR_NOT_FOUND: no such peer yet (those connected to are there at once: frames wait for them);
 * ERR_TOO_LARGE, and the codec's errors.
 * ERR_OVERLOADED: the peer has not read what was sent before, its outbox is full (LIM_LINK_OUTBOX_…), and this was
 * not sent. A request (a correlation, no REPLY) leaves no trace: the asker decides. Anything else the peer will
 * miss, so it gets PEER_HOLE, and nothing but requests is taken for it until its outbox is half empty. Ephemera are
 * silently dropped (ERR_OK) when it is half full, and nobody hears of it. */
err_t actor_send(actor_t *self, address_t to, const struct envelope *env, const struct msg *msg);
err_t actor_send_bytes(actor_t *self, address_t to, const struct envelope *env, view_t encoded_msg);

/* Answers `asked`: correlation, key, user and session are given back; goes to reply_to, or from. */
err_t actor_reply(actor_t *self, const struct envelope *asked, const struct msg *msg);
err_t actor_reply_error(actor_t *self, const struct envelope *asked, err_t code, uint32_t retry_ms);

/* Its links, for who wants to know how it is. Returns how many; those beyond max are left out. */
struct actor_link {
    address_t peer; /* without its nonce */
    bool up;
    uint64_t sent, received;       /* frames, of the life of both boots */
    uint64_t waiting, waiting_bytes; /* that it has not confirmed */
    int64_t heard_ms;              /* since */
};
size_t actor_links(const actor_t *self, struct actor_link *links_out, size_t max);

/* For a thread whose actor owns the loop: runs until actor_stop, or until `pipe` (a zsock_t *, may be NULL)
 * gets "$TERM". Signals `pipe` once when it runs. */
void actor_run(actor_t *self, void *pipe);
void actor_stop(actor_t *self);

/* For a thread with another loop (edge, libuv): wait for any of the fds to become readable, or until
 * actor_timeout_ms passed, then pump: receives at most max_frames, sends what waits, ticks. True: more is waiting,
 * call again soon. After any actor_send outside a handler call actor_pump too (ZMQ_FD is edge triggered). The fds
 * change only in actor_bind and actor_connect; borrowed, do not close. */
size_t actor_fds(const actor_t *self, int *fds_out, size_t max);
int actor_timeout_ms(const actor_t *self);
bool actor_pump(actor_t *self, size_t max_frames);

/* A further socket polled by actor_run (a worker's inproc PULL, say): fn runs when `zsock` is readable, and reads at least
 * once. Nothing else may touch it while the actor runs: what ØMQ tells of it is told once. */
err_t actor_watch(actor_t *self, void *zsock, void (*fn)(void *self, actor_t *actor, void *zsock));

#endif
