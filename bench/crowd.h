/* crowd — many readers on one epoll thread: a user, a socket and a room each. Signs in, joins, shows its room, then
 * hands every event to the ledger. Speaks to a Rookery server or, without a protocol, to floor.h's sender. */
#ifndef ROOKERY_BENCH_CROWD_H
#define ROOKERY_BENCH_CROWD_H

#include "bench/ledger.h"
#include "proto/messages.h"

typedef struct crowd crowd_t;

/* A fault put between the sockets and the books, to see that the audit finds it. */
enum planted { PLANTED_NONE, PLANTED_MISSED, PLANTED_DOUBLED, PLANTED_REORDERED };

struct crowd_plan {
    int port;
    bool is_floor;          /* connected is all there is to it */
    uint32_t rooms, per_room;
    char *const *tokens;    /* access tokens, one for each reader; borrowed */
    enum planted planted;   /* once for each ledger */
    uint32_t narrow_from;   /* readers of this index and above have a small receive buffer; 0: nobody */
};

crowd_t *crowd_new(const struct crowd_plan *plan); /* NULL: no memory, no epoll */
void crowd_destroy(crowd_t **self_p);

/* Each returns false after saying on stderr what the server answered, or that it took too long. */
bool crowd_join(crowd_t *self);    /* connect all; the first of a room makes it, the others enter it */
bool crowd_show(crowd_t *self);    /* all see their room live; connects who is not */
bool crowd_show_first(crowd_t *self); /* only the first reader of each room */
bool crowd_connect(crowd_t *self); /* floor only: one after another, so that the sender knows who is who */
void crowd_hang_up(crowd_t *self); /* all; they stay members */
void crowd_move(crowd_t *self, int port); /* after hanging up: where the server is now */

uint32_t crowd_readers(const crowd_t *self);
uint32_t crowd_per_room(const crowd_t *self);
uint64_t crowd_room(const crowd_t *self, uint32_t room); /* its id */
const char *crowd_token(const crowd_t *self, uint32_t reader);
bool crowd_is_spoiled(const crowd_t *self);  /* a fault is planted: what is missing never comes */
bool crowd_is_whole(const crowd_t *self);    /* nobody was closed or refused since the last of these */
int64_t crowd_setup_ns(const crowd_t *self); /* time of the last join, show or connect */

/* Events go to this book from now on; NULL: nowhere. */
void crowd_use_ledger(crowd_t *self, struct ledger *ledger);
/* Called with the reader whose post was answered, from inside crowd_poll; it may post. NULL: nobody. */
void crowd_on_answer(crowd_t *self, void (*fn)(void *owner, uint32_t reader), void *owner);
/* Answers go here and not to the ledger. Called from inside crowd_poll; may send. */
struct crowd_answers {
    void *owner;
    void (*on_ack)(void *owner, uint32_t reader, const struct msg_ack *ack);
    void (*on_nack)(void *owner, uint32_t reader, const struct msg_nack *nack);
};
void crowd_hear_answers(crowd_t *self, const struct crowd_answers *answers);

/* Notes a post in the ledger and sends it from this reader. False: its socket is gone. */
bool crowd_post(crowd_t *self, uint32_t reader, int64_t due_ns);
bool crowd_send(crowd_t *self, uint32_t reader, const struct msg *msg);
/* Waits for sockets until then and handles what came; returns early after having handled something. */
void crowd_poll(crowd_t *self, int64_t until_ns);

/* The text of each post: 150 bytes unless it was set, as in all rounds and at the floor. */
enum { CROWD_TEXT_BYTES = 150 };
view_t crowd_text(uint32_t bytes);
void crowd_set_text(crowd_t *self, uint32_t bytes);
size_t crowd_frame_bytes(const crowd_t *self); /* of the last event seen */

/* ---- crowd_slow.c: one who reads slowly ---- */

/* This reader's socket is read no faster than this. Only one at a time; best one with a small receive buffer. */
void crowd_slow_down(crowd_t *self, uint32_t reader, uint32_t bytes_per_s);
void crowd_let_go(crowd_t *self); /* it reads as the others do */
/* Readers who asked for the events they lack and were given a snapshot, since crowd_use_ledger. */
uint32_t crowd_snapshots(const crowd_t *self);
/* How many readers hold another log than the first of their room does, since crowd_use_ledger. */
uint32_t crowd_differing(const crowd_t *self);

/* ---- crowd_storm.c: all cut at once ---- */

struct crowd_return {
    uint32_t cut, back; /* readers */
    uint32_t attempts, refused, closed; /* connections begun; refused before `welcome`, lost before the room was live */
    int64_t cut_ns, done_ns;
    struct hist back_after; /* from the cut until the room is live again */
};

/* Cuts all sockets but those of each room's first reader, at once and without a close frame. Each reader comes back as
 * a client does: after up to 250 ms, twice as long after each failure, and resumes from its last event. */
void crowd_cut(crowd_t *self);
/* Connects whose time has come; call it beside crowd_poll. True: all are back. */
bool crowd_come_back(crowd_t *self);
const struct crowd_return *crowd_returned(const crowd_t *self);

#endif
