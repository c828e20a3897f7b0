/* load — one measured stretch of posts: at a fixed rate whatever happens (open loop), or as fast as answers come
 * (closed loop, only to find the highest rate: its latencies leave out what an overloaded server delays). */
#ifndef ROOKERY_BENCH_LOAD_H
#define ROOKERY_BENCH_LOAD_H

#include "bench/floor.h"
#include "bench/proc.h"

struct load_target {
    crowd_t *crowd;
    floor_sender_t *floor; /* NULL: the posts go to a server */
    pid_t server, mariadb; /* whose CPU time counts; 0: nobody's */
    /* One reader who never posts and is not timed. With a pace it reads no faster than that until the stretch is
     * over; then it must catch up, and hold the log the others hold. */
    bool has_slow;
    uint32_t slow, slow_bytes_per_s; /* the reader; 0: as fast as the others */
    uint32_t burst, burst_bytes;     /* long lines at the end of the warm-up, to fill what is kept for the slow one */
};

struct load_figures {
    double seconds;
    uint64_t posts, deliveries, acks, gaps;
    uint64_t all_acks; /* of the warm-up too */
    /* CPU time within the stretch. */
    uint64_t server_ns, edge_ns, room_ns, persist_ns; /* all threads; those of these names */
    uint64_t mariadb_ns, floor_ns, client_ns;
    double delivery_ms[4], ack_ms[4]; /* p50, p99, p99.9, max */
    size_t frame_bytes;
    bool is_clean;
    uint32_t differing;    /* has_slow: readers whose log is not the first one's */
    double catch_up_s;     /* the slow one, once it read as fast as it could */
    char faults[256];
};

/* Posts rate times a second for warm_s and then seconds; authors and rooms take turns. Waits for what is under way
 * before and after. False: the stretch could not be run; figures with is_clean false are a result. */
bool load_open(const struct load_target *target, double rate, double warm_s, double seconds,
               struct load_figures *out);
/* Each reader of the crowd posts, and again when it is answered. */
bool load_closed(const struct load_target *target, double warm_s, double seconds, struct load_figures *out);

#endif
