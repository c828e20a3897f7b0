/* attach — the edge's side of reading rooms: who reads what is told to the room actors, backlogs of events are
 * fetched and handed over without a hole or a repeat, and holes in a link are closed.
 *
 * Every event a room streams to this edge is checked: the next number is passed on, a lower one dropped, a jump
 * makes the edge attach again with its own last number. A session that catches up gets its backfill in parts as its
 * reader takes them; live events are held meanwhile (bounded), and a `gap` ends what cannot be held.
 *
 * Runs on: the thread of its edge.   Owns: backfills, heals.   Bounds: BACKFILL_HELD_FRAMES and _BYTES each. */
#ifndef ROOKERY_EDGE_ATTACH_H
#define ROOKERY_EDGE_ATTACH_H

#include "actors/runtime/actor.h"
#include "edge/fanout.h"

struct edge;
struct session;
struct attach;

enum {
    BACKFILL_HELD_FRAMES = LIM_OUTBOX_FRAMES,
    BACKFILL_HELD_BYTES = LIM_OUTBOX_BYTES,
    BACKFILL_BLOCK_BYTES = 32 * 1024, /* a backfill goes out in blocks of whole frames */
};

extern const struct fanout_ops attach_fanout_ops;

struct attach *attach_new(struct edge *edge);
void attach_destroy(struct attach **self_p);

/* The session watches these rooms from now on; told to their actors at the end of the turn. */
err_t attach_watch(struct attach *self, struct session *session, uint64_t room);
/* Show a room or catch up; answered by sub_ok and what follows it, or kick. */
err_t attach_show(struct attach *self, struct session *session, uint64_t room, uint64_t incarnation, uint64_t after);
void attach_unshow(struct attach *self, struct session *session, uint64_t room);
/* Out of the room, for good: nothing of it follows. tell: the room's actor does not know yet. */
void attach_drop(struct attach *self, struct session *session, uint64_t room, bool tell);
void attach_drop_all(struct attach *self, struct session *session);
/* Puts a frame behind the room's backfill if there is one; false: there is none, send it now. */
bool attach_hold_answer(struct session *session, uint64_t room, frame_t *frame);
/* One `heads` with all rooms of the session, or those without news for a heartbeat. Ephemeral. */
void attach_send_heads(struct attach *self, struct session *session, bool quiet_only);
/* The session's reader made room: hand over what waits. */
void attach_feed(struct attach *self, struct session *session);

void attach_on_event(struct attach *self, const struct envelope *env, view_t body);
void attach_on_heads(struct attach *self, view_t body);
void attach_on_kick(struct attach *self, const struct envelope *env, view_t body);
void attach_on_ephemeral(struct attach *self, const struct envelope *env, view_t body);
void attach_on_leases(struct attach *self, const bool moved[LIM_SHARDS]);
void attach_on_peer(struct attach *self, address_t peer); /* it came up, or a hole: attach again */
/* The room's actor forgot it, and with it who reads: ERR not_owner about the room that nobody asked for. */
void attach_on_room_dropped(struct attach *self, uint64_t room);
void attach_on_turn(struct attach *self);                 /* sends what was gathered */
void attach_on_tick(struct attach *self);                 /* heads */

#endif
