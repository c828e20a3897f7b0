/* crowd_impl — what the files of the crowd share. */
#ifndef ROOKERY_BENCH_CROWD_IMPL_H
#define ROOKERY_BENCH_CROWD_IMPL_H

#include "bench/crowd.h"
#include "bench/proc.h"
#include "bench/ws_client.h"

enum { CROWD_FRAME_BYTES_MAX = 16 * 1024 };

enum goal { GOAL_JOINED, GOAL_LIVE, GOAL_OPEN };

struct member {
    crowd_t *crowd;
    ws_client_t *socket;
    uint64_t last_seq, incarnation;
    uint64_t log;          /* a hash of all events since the ledger was taken, in the order they came */
    int64_t return_ns;     /* cut: when it tries to come back */
    uint32_t index, room, place;
    uint16_t attempt;
    bool live, done, writes, is_welcome;
    bool has_log;          /* was live once: what comes now must go on from last_seq */
    bool away;             /* cut, and not back yet */
    cid_t join_id;
};

struct noted { /* an event on its way to the ledger */
    cid_t client_id;
    uint64_t seq, hash;
};

struct crowd {
    struct crowd_plan plan;
    int epoll;
    struct member *readers;
    uint64_t *rooms; /* ids; 0: not made yet */
    uint32_t count, text_bytes;
    struct ledger *ledger;
    void (*on_answer)(void *owner, uint32_t reader);
    void *on_answer_owner;
    struct crowd_answers answers;
    enum goal goal;
    uint32_t done, retries;
    uint32_t *retry; /* readers whose join was refused for now */
    int64_t retry_at_ns, setup_ns;
    bool failed;
    size_t frame_bytes;
    buffer_t out;
    uint32_t planted_after; /* deliveries until the fault; 0: it is done */
    struct member *held_of; /* reordered: whose event waits for the next one */
    struct noted held;
    struct member *slow;
    uint32_t slow_bytes; /* of one step */
    int64_t slow_next_ns;
    struct crowd_return returned;
    uint32_t returning; /* how many are away */
    uint32_t snapshots;
};

/* crowd.c */
void crowd_begin(struct member *self);  /* connects, or goes on with the open socket, toward the goal */
void crowd_drop(struct member *self);   /* its socket, which may be gone already */
void crowd_watch(struct member *self, int operation); /* EPOLL_CTL_… */
bool crowd_say(struct member *self, const struct msg *msg);
void crowd_give_up(struct member *self, const char *what, const char *why);
void crowd_done(struct member *self);
void crowd_send_hello(struct member *self);
void crowd_send_sub(struct member *self);
void crowd_send_join(struct member *self);

/* crowd_hear.c */
void crowd_hear(void *owner, ws_client_t *socket, view_t message);

/* crowd_slow.c */
int64_t crowd_feed_slow(crowd_t *self); /* lets the slow one read its share; when it is due again, INT64_MAX: never */

/* crowd_storm.c */
void crowd_is_back(struct member *self);
bool crowd_try_again(struct member *self, bool refused); /* false: it was not away */

#endif
