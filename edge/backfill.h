/* backfill — one session catching up with one room: what the client holds, what it is being given, and the live
 * events that wait behind it.
 *
 * asked → (fetching: the events come from storage) → feeding → gone. Bounds: BACKFILL_HELD_FRAMES and _BYTES of
 * live frames, one page or delta of blocks. Only attach.c uses it. */
#ifndef ROOKERY_EDGE_BACKFILL_H
#define ROOKERY_EDGE_BACKFILL_H

#include "edge/attach.h"
#include "edge/session.h"

typedef enum { BACKFILL_ASKED, BACKFILL_FETCHING, BACKFILL_FEEDING } backfill_state_t;

struct frames {
    frame_t **items;
    uint32_t count, capacity, next; /* next: the first that was not handed on */
    uint32_t bytes;                 /* of those from next on */
};

struct backfill {
    struct backfill *next; /* of its session */
    struct session *session;
    uint64_t room, incarnation, after; /* what the client said it holds */
    struct ask *ask;
    backfill_state_t state;
    struct msg_sub_ok ok;
    uint8_t *early;       /* storage's answer that came before the room's: two links, so either may be first */
    size_t early_len;
    struct frames blocks; /* of the backfill */
    struct frames held;   /* events after ok.head, and answers about them */
    uint64_t held_last;   /* the last event held, at least ok.head */
    bool ok_sent, live_sent;
    bool cut;             /* events after held_last went by */
};

/* The session's backfill of the room; NULL: none. */
struct backfill *backfill_find(const struct session *session, uint64_t room);
struct backfill *backfill_by_ask(const struct session *session, const struct ask *ask);
/* NULL: no memory. */
struct backfill *backfill_new(struct session *session, uint64_t room, uint64_t incarnation, uint64_t after);
void backfill_free(struct backfill *self); /* takes it off its session, cancels its question */
void backfill_restart(struct backfill *self); /* as new, without its question */

/* Keeps a copy of storage's answer until the room has said what it belongs to. Without memory it is asked again. */
void backfill_keep_early(struct backfill *self, view_t message);

/* Frames stored events into blocks, for the session's subprotocol. */
err_t backfill_fill(struct backfill *self, list_t stored);
void backfill_hold(struct backfill *self, uint64_t seq, frame_t *frame); /* a live event */
bool backfill_hold_answer(struct backfill *self, frame_t *frame);
/* Hands on what its reader has room for. True: all is handed on, what follows happens now. */
bool backfill_feed(struct backfill *self);

#endif
