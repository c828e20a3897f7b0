/* effects — what rules hand back: a bounded list of "send this message to that actor", in order.
 * Runs on: the thread of its owner. Owns copies of everything. Bounded in number and bytes; past a bound an
 * effect is refused with ERR_OVERLOADED, counted in `refused`, and the list stays as it was. */
#ifndef ROOKERY_ACTORS_EFFECTS_H
#define ROOKERY_ACTORS_EFFECTS_H

#include "proto/address.h"
#include "proto/envelope.h"
#include "proto/messages.h"

enum {
    /* The largest step is a full batch's outcome: each event once to every edge, then its answers. */
    EFFECTS_MAX = LIM_BATCH_EVENTS_MAX * (LIM_EDGES_MAX + 8),
    EFFECTS_BYTES_MAX = 8 * 1024 * 1024,
};

struct effect {
    address_t to;
    struct envelope env; /* type is set, from and link_seq are the mailbox's */
    size_t offset, len;  /* of the message in the arena */
};

typedef struct effects {
    struct effect *items;
    size_t count, cap, max;
    buffer_t arena;
    size_t refused;
} effects_t;

void effects_init(effects_t *self, size_t count_max, size_t bytes_max);
void effects_fini(effects_t *self);
void effects_clear(effects_t *self); /* keeps its memory and `refused` */

err_t effects_send(effects_t *self, address_t to, const struct envelope *env, const struct msg *msg);
err_t effects_send_bytes(effects_t *self, address_t to, const struct envelope *env, view_t encoded_msg);
/* The message of the last effect once more, to another actor: one copy of the bytes serves both. */
err_t effects_send_again(effects_t *self, address_t to, const struct envelope *env);

/* The message's bytes; borrowed until the next change of the list. */
view_t effects_bytes(const effects_t *self, const struct effect *effect);

#endif
