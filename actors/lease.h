/* lease — when a room actor may serve: the rules of its beats, and which shards it holds.
 * Runs on: the thread of its room actor. Pure: time is CLOCK_BOOTTIME ms handed in.
 *
 * A beat goes out each LIM_LEASE_BEAT_MS. The actor serves within LIM_LEASE_SERVE_MS of the *sending* of the last
 * beat that was answered well: a contender must watch a beat stand still for longer than that (DESIGN.md 4). An
 * actor that was declared dead is fenced for good; one that merely heard nothing is suspended until a beat of the
 * same boot succeeds again, which proves that nobody took its shards. */
#ifndef ROOKERY_ACTORS_LEASE_H
#define ROOKERY_ACTORS_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/limits.h"

enum { LEASE_BEATS_OPEN_MAX = 16 }; /* more than fit into the time to serve */

typedef struct lease {
    uint64_t epochs[LIM_SHARDS]; /* 0: not ours */
    uint64_t given[LIM_SHARDS];  /* the epoch under which it was given away; a late answer may still name it */
    unsigned held;
    bool fenced;
    bool alive;           /* the first answer came */
    int64_t good_ms;      /* sending of the last beat answered well */
    int64_t next_beat_ms;
    struct lease_beat {
        uint64_t correlation;
        int64_t sent_ms;
    } open[LEASE_BEATS_OPEN_MAX];
    unsigned open_next;
} lease_t;

void lease_init(lease_t *self);

bool lease_beat_is_due(const lease_t *self, int64_t now_ms);
void lease_beat_sent(lease_t *self, uint64_t correlation, int64_t now_ms); /* also for DIR_HELLO, the first beat */
/* The answer to a beat; one that is unknown or overtaken changes nothing. */
void lease_beat_answered(lease_t *self, uint64_t correlation);
void lease_fence(lease_t *self);

bool lease_is_serving(const lease_t *self, int64_t now_ms);

/* Notes the epoch of a shard (0: not ours any more). True if it changed: what is known of its rooms is void. An epoch
 * that was given away before, or an older one, is 0. */
bool lease_set(lease_t *self, uint32_t shard, uint64_t epoch);
/* It is somebody else's now. */
void lease_give(lease_t *self, uint32_t shard);
uint64_t lease_epoch(const lease_t *self, uint32_t shard);

#endif
