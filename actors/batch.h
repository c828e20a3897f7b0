/* batch — the events a room actor has accepted and not yet seen committed: the open batch, and the one in flight.
 * Runs on: the thread of its room actor. Pure.
 *
 * The open batch is one queue over all rooms, in the order of arrival. It closes when none is in flight: only then
 * are its events numbered, timed and encoded, so that an event that leaves (repeat, conflict) leaves no hole. The
 * message in flight is kept as it was sent: until it is answered the same bytes are sent again.
 * Bounds: LIM_BATCH_EVENTS_MAX, LIM_BATCH_BYTES_MAX; the queue BATCH_QUEUE_MAX. */
#ifndef ROOKERY_ACTORS_BATCH_H
#define ROOKERY_ACTORS_BATCH_H

#include "proto/envelope.h"
#include "proto/messages.h"

enum {
    BATCH_QUEUE_MAX = 8192, /* events waiting over all rooms of an actor */
    PENDING_ASKERS_MAX = 4, /* resends of one request that wait for its outcome: beyond, the oldest is forgotten */
    BATCH_ROW_OVERHEAD = 160,
};

/* An accepted event. */
struct pending {
    struct pending *next;      /* in the queue */
    struct pending *room_next; /* in its room, in order */
    uint64_t room;
    uint32_t shard, kind;
    uint64_t user, target;
    uint64_t whom;             /* of changes of members: whom it is about; else 0 */
    cid_t client_id;
    uint8_t mac[MAC_BYTES];
    bool is_queued;            /* in the queue; else in flight */
    bool by_admin;             /* its user is an administrator of the server */
    err_t probe;               /* not to be stored, only looked for: the refusal if it is not there */
    uint64_t target_as_of;     /* the target was read from the store when the head was here; 0: it is in the tail */
    uint64_t target_user;      /* author of a target read from the store */
    uint64_t target_msg_no;    /* of a target that is a line; else 0 */
    uint64_t *called;          /* whom that target called then; NULL: nobody */
    size_t called_count;
    struct envelope askers[PENDING_ASKERS_MAX];
    unsigned asker_count;
    /* From when it is numbered. */
    uint64_t epoch, seq, msg_no, at_ms;
    uint8_t *frame;
    size_t frame_len;
    size_t body_len;
    uint8_t body[];
};

/* NULL: no memory. Copies the body. */
struct pending *pending_new(uint64_t room, uint32_t kind, uint64_t user, const cid_t *client_id, uint64_t target,
                            view_t body);
void pending_destroy(struct pending **self_p);
void pending_ask(struct pending *self, const struct envelope *asker);
/* Fills frame with the event as it will be stored. */
err_t pending_encode(struct pending *self);

typedef struct batch {
    struct pending *first, *last; /* the queue */
    size_t queued;
    uint64_t number;              /* of the batch in flight, or of the last one */
    struct pending *flight[LIM_BATCH_EVENTS_MAX];
    size_t flight_count;
    list_writer_t rows;           /* of the batch being closed */
    buffer_t message;             /* STORE_APPEND in flight */
    uint64_t correlation;         /* of the last time it was sent */
    int64_t closed_ms, sent_ms;
} batch_t;

void batch_init(batch_t *self);
void batch_fini(batch_t *self); /* destroys what is queued and in flight */

bool batch_is_in_flight(const batch_t *self);
err_t batch_push(batch_t *self, struct pending *pending); /* ERR_OVERLOADED: still the caller's */
/* Puts rows of the batch that was answered back before all others, in their order. */
void batch_push_front(batch_t *self, struct pending **events, size_t count);
void batch_unlink(batch_t *self, struct pending *previous, struct pending *pending); /* previous NULL: the first */
void batch_remove(batch_t *self, struct pending *pending);

/* Closing: for each event that is to go, in order, batch_add (ERR_TOO_LARGE: the batch is full, the event stays with
 * the queue); then batch_seal makes the message. batch_add encodes the numbered event. */
err_t batch_add(batch_t *self, struct pending *pending);
err_t batch_seal(batch_t *self, int64_t now_ms);
/* The batch was answered, its events were taken care of. */
void batch_clear(batch_t *self);

#endif
