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
    char faults[256];
};

/* Posts rate times a second for warm_s and then seconds; authors and rooms take turns. Waits for what is under way
 * before and after. False: the stretch could not be run; figures with is_clean false are a result. */
bool load_open(const struct load_target *target, double rate, double warm_s, double seconds,
               struct load_figures *out);
/* Each reader of the crowd posts, and again when it is answered. */
bool load_closed(const struct load_target *target, double warm_s, double seconds, struct load_figures *out);

#endif
