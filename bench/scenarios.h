/* scenarios — what is measured: each starts its own server, so that none inherits another's memory. */
#ifndef ROOKERY_BENCH_SCENARIOS_H
#define ROOKERY_BENCH_SCENARIOS_H

#include "bench/people.h"
#include "bench/report.h"
#include "bench/server.h"

struct bench {
    /* Given. */
    const char *program, *var_folder, *secret, *log_path;
    pid_t mariadb;
    uint32_t readers, idle, rounds;
    double seconds; /* of one stretch */
    /* Grows. */
    db_t *db;
    struct report report;
    struct server server;
    uint64_t users, lines; /* put there; acknowledged, warm-ups included */
};

/* False: it could not be measured; the reason is on stderr. A bad audit is in the report. */
bool scenario_fanout(struct bench *self); /* 1 room of `readers`, 20 posts a second */
bool scenario_rooms(struct bench *self);  /* 250 rooms of 4, 1,000 posts a second */
bool scenario_post(struct bench *self);   /* 1, 16, 256 senders in rooms of their own */
bool scenario_idle(struct bench *self);   /* `idle` sockets in rooms of 100, nothing said */

#endif
