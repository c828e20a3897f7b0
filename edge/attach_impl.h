/* attach_impl — what attach.c and attach_show.c share. */
#ifndef ROOKERY_EDGE_ATTACH_IMPL_H
#define ROOKERY_EDGE_ATTACH_IMPL_H

#include "edge/backfill.h"
#include "edge/links.h"
#include "edge/shared.h"

struct gone { /* a reader whose room has to be told */
    uint64_t room, user, session;
};

struct attach {
    struct edge *edge;
    struct gone *gone;
    size_t gone_count, gone_capacity;
    int64_t heads_ms, presence_ms;
    struct fan_room *presence; /* rooms with news of who is here */
};

void attach_flush_gone(struct attach *self);
/* Out of the room, and told why. */
void attach_kick(struct attach *self, struct session *session, uint64_t room, err_t code);
bool attach_drop_refused(struct attach *self, uint64_t room, list_t refused); /* true: there was one */
/* Attaches the edge itself again from its last number. */
void attach_heal(struct attach *self, struct fan_room *room);
/* What the room said of where it stands. Another history is taken note of; last_seq is the caller's. */
void attach_head(fanout_t *fanout, struct fan_room *room, const struct msg_room_attached *attached);
/* The backfill begins anew, from what the client holds. */
void attach_restart(struct attach *self, struct backfill *backfill);


/* attach_presence.c */
void attach_tell_presence(struct attach *self);
void attach_forget_presence(struct attach *self, struct fan_room *room);

#endif
