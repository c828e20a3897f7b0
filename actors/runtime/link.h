/* link — the rules between this actor and one peer: who it is, which numbers went and came, what is missing.
 * Pure: no socket, no clock. The mailbox asks it about each frame that came, and what to put on the wire.
 *
 * Numbers: each direction of a link counts its frames 1, 2, 3 … for the life of both boots. HELLO and TICK carry
 * no number; they say (HELLO in envelope.link_seq, TICK in `last`) the number of the last frame before them on the
 * pipe, so a frame lost at the end is seen too. A frame that the outbox refused consumes a number unless it was a
 * request: its loss is then seen by the receiver as a hole, while an asker was told and decides itself. After such
 * a refusal only requests go until the outbox is half empty, so that a peer that lags sees few holes, not many.
 *
 * HELLO gives back in envelope.correlation the nonce of the receiver, as far as the sender heard it; a receiver
 * who finds another one there says HELLO in turn. So either side may forget the other, and a frame from
 * somebody unheard is dropped and answered by HELLO.
 *
 * A boot whose place another one took never comes back: if its HELLO does, two processes have one name. Who is connected
 * to keeps to the later one and answers the other by ERR `fenced` without a number, with the refused boot's nonce in
 * envelope.correlation; that process ends. (Telling them apart by name alone would have them take turns for ever, as
 * each that is silent for too long connects again.)
 *
 * TICK gives back in envelope.correlation the number of the last frame received: the other side's outbox shrinks
 * by it. It is sent each LIM_LINK_TICK_MS and after each quarter of an outbox. */
#ifndef ROOKERY_RUNTIME_LINK_H
#define ROOKERY_RUNTIME_LINK_H

#include "actors/runtime/actor.h"
#include "actors/runtime/link_outbox.h"

enum { LINK_FORMER = 4 };

struct link {
    address_t peer; /* without its nonce */
    uint32_t nonce; /* of its boot as heard by HELLO, or as told at first; 0: unknown */
    uint32_t former[LINK_FORMER]; /* boots that later ones took the place of; accepted only (not keeps) */
    uint32_t last_nonce;          /* of the boot that was up last */
    size_t former_count;
    bool up;        /* its HELLO came, and it was not silent for too long since */
    bool knows_us;  /* it sent a TICK, which only goes to a peer that is up */
    bool keeps;     /* connected: frames may wait for it before it is up */

    uint64_t received; /* number of the last frame handed over, or known to be lost */
    size_t unconfirmed_frames, unconfirmed_bytes;
    int64_t heard_ms;

    uint64_t numbered; /* last number given away */
    struct link_outbox outbox;
    bool lags; /* frames were refused, and its outbox is still more than half full */
    bool hello_due, tick_due;
    int64_t tick_ms;
};

/* What a frame means. */
struct link_verdict {
    bool deliver;       /* hand it to the actor */
    bool has_event;     /* tell the actor first */
    peer_event_t event;
    err_t err;          /* ERR_FENCED: an earlier process under its name, to be told so; ERR_OK, or why it is no frame of this link: count it */
};

void link_init(struct link *self, address_t peer, bool keeps, int64_t now_ms);
void link_fini(struct link *self);

/* A frame of frame_len bytes came whose envelope is env; own: the address it came to. */
struct link_verdict link_on_frame(struct link *self, address_t own, const struct envelope *env, view_t body,
                                  int64_t now_ms);

/* Time passes: sets what is due. True: the peer was silent for too long and is down from now on; never unless
 * may_expire. */
bool link_on_time(struct link *self, int64_t now_ms, bool may_expire);

/* May a frame of frame_len bytes go to `to`? ERR_OK gives it its number. ERR_NOT_FOUND, ERR_OVERLOADED. */
err_t link_number(struct link *self, address_t to, const struct envelope *env, size_t frame_len,
                  uint64_t *number_out);

/* The number of the last frame that is on the pipe, or never will be: what HELLO and TICK say. */
uint64_t link_last(const struct link *self);

#endif
