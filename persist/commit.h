/* commit — the fenced transaction (DESIGN.md 3) as rules over a table of functions.
 *
 * commit_run does one transaction and says what became of each row; commit_drive wraps it in what to do when the
 * database refuses, vanishes or leaves the outcome unknown. Neither knows SQL, a clock or a thread: production gives
 * them a MariaDB connection (store_messages.c), the simulator a model of one.
 *
 * Three guards, each sufficient against a writer that lost its room: the epoch of the lease, the head of the room,
 * and the primary key. One bad room never rolls back the others.
 * Bounds: LIM_BATCH_EVENTS_MAX rows. Runs on: any one thread. Allocates nothing. */
#ifndef ROOKERY_PERSIST_COMMIT_H
#define ROOKERY_PERSIST_COMMIT_H

#include "proto/messages.h"

/* What a store answers, and what commit_run makes of it. */
typedef enum {
    COMMIT_OK,        /* done; of commit_run: committed, every outcome is filled in */
    COMMIT_RETRY,     /* a lock was not to be had (1205, 1213): nothing happened, run it again soon */
    COMMIT_AWAY,      /* the database cannot be used now: nothing happened */
    COMMIT_UNKNOWN,   /* the connection was lost at COMMIT: it may or may not have happened */
    COMMIT_DUPLICATE, /* of insert and create_room only: a key is there already */
    COMMIT_FAILED,    /* refused for a reason that will not pass by itself: nothing happened */
} commit_status_t;

/* append_outcome.result, see messages.def. */
enum {
    OUTCOME_COMMITTED = 0,
    OUTCOME_REPEAT = 1,
    OUTCOME_CONFLICT = 2,
    OUTCOME_FENCED = 3,
    OUTCOME_STALE_HEAD = 4,
    OUTCOME_AGAIN = 5,
    OUTCOME_NO_FILE = 6,
};

struct commit_lease {
    uint32_t shard; /* asked */
    bool found;     /* and all below answered */
    uint64_t epoch;
};

struct commit_head {
    uint64_t room; /* asked */
    bool found;    /* and all below answered */
    uint64_t last_seq, last_msg_no, incarnation;
};

/* Where the (room, user, client_id) of a row is stored already. */
struct commit_stored {
    bool found;
    uint64_t seq, at_ms, msg_no;
    uint8_t mac[MAC_BYTES];
};

struct commit_move {
    uint64_t room;
    uint64_t from_seq;                 /* the head must still be this */
    uint64_t to_seq, to_msg_no, at_ms; /* at_ms: of the last row */
};

/* A connection, or a model of one. Every function is called on the thread of commit_run. All but commit answer OK,
 * RETRY, AWAY or FAILED; after anything but OK the transaction is given up, with rollback. */
struct commit_store {
    void *self;
    /* READ COMMITTED. */
    commit_status_t (*begin)(void *self);
    /* Locks the lease rows so that no take-over passes them before the end (shared is enough). Ascending shards. */
    commit_status_t (*lock_leases)(void *self, struct commit_lease *leases, size_t count);
    /* Locks the rooms' rows against every other writer. Ascending room ids. */
    commit_status_t (*lock_heads)(void *self, struct commit_head *heads, size_t count);
    /* What is committed under the rows' (room, user, client_id); called under the locks above. */
    commit_status_t (*look_up)(void *self, const struct rec_append_row *rows, size_t count,
                               struct commit_stored *stored_out);
    /* Which of the rows show a file that is not kept for them (any more), so that nobody could read it; those with
     * stored[i].found may be left out. What is there stays until the end of the transaction. */
    commit_status_t (*look_up_files)(void *self, const struct rec_append_row *rows, size_t count,
                                     const struct commit_stored *stored, bool *missing_out);
    /* Makes the room of a ROOM_CREATED row with the head (0, 0). Also DUPLICATE. */
    commit_status_t (*create_room)(void *self, const struct rec_append_row *row);
    /* Stores the events at their (room, seq) and whatever rows follow from them. Also DUPLICATE. */
    commit_status_t (*insert)(void *self, const struct rec_append_row *const *rows, size_t count);
    /* Moves each head that still is at from_seq; moved_out: how many were. */
    commit_status_t (*move_heads)(void *self, const struct commit_move *moves, size_t count, size_t *moved_out);
    /* OK, RETRY or FAILED: known. AWAY: known not to have been sent. UNKNOWN: lost on the way. */
    commit_status_t (*commit)(void *self);
    void (*rollback)(void *self);
    /* A connection that was not used before. OK, AWAY or FAILED. */
    commit_status_t (*reconnect)(void *self);
    /* Ends what the connection before the last reconnect may have left open on the server; OK if there is nothing
     * (any more). */
    commit_status_t (*kill_old)(void *self);
};

/* One transaction over rows in commit order, checked by the caller: 1 … LIM_BATCH_EVENTS_MAX of them, macs of
 * MAC_BYTES, shards that are their rooms'. outcomes has room for count, and is filled in only for
 * COMMIT_OK. Answers COMMIT_OK, RETRY, UNKNOWN, AWAY or FAILED.
 *
 * Of one room's rows (of one epoch) some first are committed, then at most one is repeat, conflict, no file or stale
 * head, and the rest are `again` (stale head after stale head): a room has to number those anew. */
commit_status_t commit_run(const struct commit_store *store, const struct rec_append_row *rows, size_t count,
                           struct rec_append_outcome *outcomes);

/* The same until its outcome is known. Zero-initialised for each batch; lives as long as the batch. */
struct commit_drive {
    unsigned retries; /* after lock errors */
    unsigned losses;  /* times the connection was lost, for the delay */
    bool is_lost;     /* a new connection is needed first */
    bool is_unknown;  /* an earlier COMMIT may have happened: nothing but a completed run is an answer */
};

typedef enum {
    DRIVE_DONE,   /* outcomes are the answer */
    DRIVE_WAIT,   /* call again after delay_ms with the same batch; the database answers */
    DRIVE_AWAY,   /* the same, but the database is away: others may be told */
    DRIVE_FAILED, /* nothing of it was stored; refuse the batch. Never while is_unknown */
} drive_step_t;

/* Does what can be done now and never sleeps. random: any 32 bits, for the jitter. delay_ms_out: for WAIT and AWAY. */
drive_step_t commit_drive(struct commit_drive *drive, const struct commit_store *store,
                          const struct rec_append_row *rows, size_t count, uint32_t random,
                          struct rec_append_outcome *outcomes, int *delay_ms_out);

#endif
