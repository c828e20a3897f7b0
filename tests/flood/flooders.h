/* flooders — a process full of connections that keep a server busy with nothing: half-open ones, and those that say one
 * byte a second. They come from many loopback addresses, as a crowd does.
 *
 * The process is told through shared memory what to hold open, and tells there what became of it. Those that the
 * server ends are opened again, while `refill` is set. It works at a low priority: in truth it is on other machines. */
#ifndef ROOKERY_TESTS_FLOODERS_H
#define ROOKERY_TESTS_FLOODERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

enum { FLOOD_MAX = 12000, FLOOD_ADDRESSES = 250 };

typedef enum {
    FLOOD_SILENT,    /* connected, and not a word */
    FLOOD_PARTIAL,   /* half a head */
    FLOOD_NO_HELLO,  /* a WebSocket that never signs in */
    FLOOD_SLOW_HEAD, /* a byte of a head each second */
    FLOOD_SLOW_BODY, /* a whole head, then a byte of the body each second */
    FLOOD_KINDS,
} flood_kind_t;

struct flood_shared {
    /* Told by the test. */
    _Atomic unsigned kinds;  /* bits; the connections take turns in these */
    _Atomic int target;      /* so many open; lowered: the rest is closed */
    _Atomic bool refill, stop;
    _Atomic int per_second;  /* connections opened */
    /* Told by the flooders. */
    _Atomic int open;
    _Atomic long opened, failed; /* failed: no connection could be made */
    _Atomic long refused;        /* answered by 4xx or 5xx at once */
    _Atomic long dropped[FLOOD_KINDS], dropped_ms_min[FLOOD_KINDS], dropped_ms_max[FLOOD_KINDS];
};

struct flood {
    pid_t pid;
    struct flood_shared *shared;
};

/* NULL in shared: no memory, no process. */
struct flood flood_start(int port);
void flood_stop(struct flood *self);
void flood_clear_counts(struct flood *self); /* while target is 0 and nothing is open */

#endif
