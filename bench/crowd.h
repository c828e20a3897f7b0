/* crowd — many readers on one epoll thread: a user, a socket and a room each. Signs in, joins, shows its room, then
 * hands every event to the ledger. Speaks to a Rookery server or, without a protocol, to floor.h's sender. */
#ifndef ROOKERY_BENCH_CROWD_H
#define ROOKERY_BENCH_CROWD_H

#include "bench/ledger.h"
#include "proto/messages.h"

typedef struct crowd crowd_t;

struct crowd_plan {
    int port;
    bool is_floor;          /* connected is all there is to it */
    uint32_t rooms, per_room;
    uint64_t first_user;    /* reader i is user first_user + i */
    const char *secret;     /* JWT_SECRET */
    const char *var_folder; /* of the server: where token.h looks for keys */
};

crowd_t *crowd_new(const struct crowd_plan *plan); /* NULL: no memory, no epoll, or the secret is refused */
void crowd_destroy(crowd_t **self_p);

/* Each returns false after saying on stderr what the server answered, or that it took too long. */
bool crowd_join(crowd_t *self);    /* connect all; the first of a room makes it, the others enter it */
bool crowd_show(crowd_t *self);    /* all see their room live; connects who is not */
bool crowd_connect(crowd_t *self); /* floor only: one after another, so that the sender knows who is who */
void crowd_hang_up(crowd_t *self); /* all; they stay members */
void crowd_move(crowd_t *self, int port); /* after hanging up: where the server is now */

uint32_t crowd_readers(const crowd_t *self);
uint32_t crowd_per_room(const crowd_t *self);
bool crowd_is_whole(const crowd_t *self);    /* nobody was closed or refused since the last of these */
int64_t crowd_setup_ns(const crowd_t *self); /* time of the last join, show or connect */

/* Events go to this book from now on; NULL: nowhere. */
void crowd_use_ledger(crowd_t *self, struct ledger *ledger);
/* Called with the reader whose post was answered, from inside crowd_poll; it may post. NULL: nobody. */
void crowd_on_answer(crowd_t *self, void (*fn)(void *owner, uint32_t reader), void *owner);

/* Notes a post in the ledger and sends it from this reader. False: its socket is gone. */
bool crowd_post(crowd_t *self, uint32_t reader, int64_t due_ns);
/* Waits for sockets until then and handles what came; returns early after having handled something. */
void crowd_poll(crowd_t *self, int64_t until_ns);

/* The text of each post: 150 bytes, as in all rounds and at the floor. */
view_t crowd_text(void);
size_t crowd_frame_bytes(const crowd_t *self); /* of the last event seen */

#endif
