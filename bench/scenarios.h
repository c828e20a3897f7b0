/* scenarios — what is measured: each starts its own server, so that none inherits another's memory. */
#ifndef ROOKERY_BENCH_SCENARIOS_H
#define ROOKERY_BENCH_SCENARIOS_H

#include "bench/people.h"
#include "bench/report.h"
#include "bench/rows.h"
#include "bench/server.h"

struct bench {
    /* Given. */
    const char *program, *var_folder, *log_path;
    pid_t mariadb; /* 0: its CPU time is not known */
    uint32_t readers, readers_more; /* of the two rooms of fanout; slow takes the first */
    uint32_t idle, storm, events;   /* sockets; of the room of history */
    uint32_t file_mib; /* of the files of files */
    uint32_t rounds;
    double seconds; /* of one stretch */
    enum planted planted;
    /* Grows. */
    db_t *db;
    struct report report;
    struct server server;
    struct people people; /* of the scenario under way */
    uint64_t users, lines; /* imported; acknowledged, warm-ups included */
};

/* False: it could not be measured; the reason is on stderr. A bad audit is in the report. */
bool scenario_fanout(struct bench *self);  /* 1 room of `readers`, then one of `readers_more`; 20,000 deliveries/s */
bool scenario_rooms(struct bench *self);   /* 250 rooms of 4, 1,000 posts a second */
bool scenario_post(struct bench *self);    /* 1, 16, 256 senders in rooms of their own */
bool scenario_idle(struct bench *self);    /* `idle` sockets in rooms of 100, nothing said */
bool scenario_slow(struct bench *self);    /* slow.c: one of `readers` takes 1 KB/s */
bool scenario_files(struct bench *self);   /* files.c: somebody uploads and downloads meanwhile */
bool scenario_storm(struct bench *self);   /* storm.c: `storm` sockets are cut at once */
bool scenario_history(struct bench *self); /* history.c: a room of `events`, paged to its beginning */

/* ---- what they share ---- */

#define WARM_S 0.5

/* A server, and a crowd of new people who have joined their rooms; all see them live if `live`. scenario_close in any
 * case. */
bool scenario_open(struct bench *self, uint32_t rooms, uint32_t per_room, bool live, crowd_t **crowd_out);
bool scenario_open_narrow(struct bench *self, uint32_t readers, crowd_t **crowd_out); /* one room; the last is narrow */
void scenario_close(struct bench *self, crowd_t **crowd_p);
void scenario_rest(crowd_t *crowd, int64_t ms); /* listens, and says nothing */
double scenario_us(uint64_t ns, uint64_t count); /* each; 0 of none */

#endif
