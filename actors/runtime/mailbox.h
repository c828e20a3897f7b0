/* mailbox — one ØMQ socket with the peers behind it: a bound ROUTER with many, or a connected DEALER with one.
 * Each peer has a link (its numbers, link.h) and a bounded outbox (link_outbox.h). The only file that knows ØMQ sockets
 * and their options.
 *
 * Runs on: the thread of its actor. Nothing blocks.   Wire: one frame, the envelope and the message; on a ROUTER
 * behind the routing id, which begins with the peer's address without nonce, 8 bytes big endian (so it never begins
 * with 0). On tcp:// every frame has passed guard.h: its sender's key is known, and its role may send it.
 * On error: what cannot be read is counted (rookery_link_bad_frames_total) and dropped. */
#ifndef ROOKERY_RUNTIME_MAILBOX_H
#define ROOKERY_RUNTIME_MAILBOX_H

#include "actors/runtime/actor.h"

typedef struct mailbox mailbox_t;

typedef enum {
    MAIL_EMPTY,   /* nothing to read now */
    MAIL_NOTHING, /* something came that the actor need not know */
    MAIL_FRAME,
    MAIL_EVENT,
} mail_kind_t;

/* env and body are borrowed until the next call with this mailbox. */
struct mail {
    struct envelope env;
    view_t body;
    address_t peer; /* MAIL_EVENT; with its nonce, if heard */
    peer_event_t event;
};

/* NULL, with a line in the log, when the endpoint cannot be had. own has the nonce of this boot. */
mailbox_t *mailbox_bind(address_t own, const char *endpoint, int64_t now_ms);
mailbox_t *mailbox_connect(address_t own, address_t peer, const char *endpoint, int64_t now_ms);
/* A connected one: the peer is there now. What was on the way is lost, which the link notices. Nothing is done unless
 * both are tcp: on inproc nobody moves. */
err_t mailbox_move(mailbox_t *self, const char *endpoint);
void mailbox_destroy(mailbox_t **self_p);

const char *mailbox_endpoint(const mailbox_t *self); /* as bound: the port that "tcp://…:*" became; or as connected; borrowed */
bool mailbox_has(const mailbox_t *self, address_t peer); /* is there a link to it? Its nonce is ignored */

/* As actor_links. */
size_t mailbox_links(const mailbox_t *self, int64_t now_ms, struct actor_link *links_out, size_t max);

/* As actor_send_bytes; env is completed on the way out. */
err_t mailbox_send(mailbox_t *self, address_t to, const struct envelope *env, view_t body);

/* Takes at most one frame from the socket. */
mail_kind_t mailbox_next(mailbox_t *self, int64_t now_ms, struct mail *out);

/* Sends what is due and what waits, as far as the socket takes it. */
void mailbox_flush(mailbox_t *self);

/* Each 50 ms or so. is_drained: the socket was empty just now; only then may silence mean that a peer is gone. */
void mailbox_on_tick(mailbox_t *self, int64_t now_ms, bool is_drained);

/* For the loop: the socket; its ZMQ_FD; whether it is readable (also clears the ZMQ_FD's edge). Each question to ØMQ costs
 * two system calls, so ask a quiet one nothing: it was found empty and was not used since, and its ZMQ_FD will become
 * readable when that changes, be it for reading or for what waits to be sent. */
void *mailbox_socket(const mailbox_t *self);
int mailbox_fd(const mailbox_t *self);
bool mailbox_is_readable(mailbox_t *self);
bool mailbox_is_quiet(const mailbox_t *self);

#endif
