/* processes — the parent of `rookery serve --processes`: each actor a child process, so that one that fails takes
 * nobody with it.
 *
 * A child that ends is started again at once, unless it refuses its settings (78) or too many ended of late
 * (restarts_max in PROCESSES_WITHIN_MS): then all stop and the parent ends. SIGTERM and SIGINT stop the rows in
 * reverse order, each with its deadline. A child is killed when its parent dies, so none is left behind.
 *
 * A child tells by a pipe that it is ready, then that its actors tick, then that it stops (notify.h). One that is not
 * heard in time (start_ms, config's hang_s, stop_ms) hangs: it is killed, counted, and so started again. The service
 * manager is told that all are ready once they all have been, how many are now, and that we live: it is the parent
 * that sees to a child which hangs, so its watchdog is for the parent.
 *
 * Runs on: the one thread of the parent; it must not have used czmq before, whose threads a child would not have. */
#ifndef ROOKERY_RUNTIME_PROCESSES_H
#define ROOKERY_RUNTIME_PROCESSES_H

#include "actors/runtime/config.h"
#include "proto/address.h"

enum { PROCESSES_WITHIN_MS = 60000 };

struct process_row {
    role_t role;
    int64_t count;
    int start_ms; /* from its start until it must be ready */
    int stop_ms;  /* from SIGTERM to SIGKILL */
};

/* Rows in the order of their start. run: what a child does, with notify_ready and so on; it returns its exit status.
 * Returns the parent's. */
int processes_run(const struct config *config, const struct process_row *rows, size_t row_count,
                  int (*run)(const struct config *config, role_t role, uint16_t instance));

/* The first of `count` ports, `step` apart, that are free now on the address; outside the range that connections
 * take theirs from, so that they stay free while a child is away. 0: none was found. */
int processes_free_port(const char *address, int64_t count, int step);

#endif
