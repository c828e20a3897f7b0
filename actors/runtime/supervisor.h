/* supervisor — starts the actors of a process in order, stops them in reverse, each with a deadline.
 * An actor that fails ends its process: nothing is restarted in place (inproc cannot reconnect). */
#ifndef ROOKERY_RUNTIME_SUPERVISOR_H
#define ROOKERY_RUNTIME_SUPERVISOR_H

#include "actors/runtime/config.h"
#include "actors/runtime/topology.h"

/* What a role's thread is given. All borrowed for its life. */
struct role_context {
    const struct config *config;
    const struct topology *topology;
    address_t address;
};

/* A role: its thread function. It must signal `pipe` (zsock_signal 0 ready, 1 failed) within start_ms, then run
 * until "$TERM" on the pipe, and return within stop_ms. */
struct role_row {
    role_t role;
    void (*run)(void *pipe, const struct role_context *context);
    int start_ms, stop_ms;
};

/* Starts every node (of a distributed topology: its keys first, guard.h) of the topology in the order of the rows, waits for SIGTERM, SIGINT or an actor's end, stops in
 * reverse. roles: those that run here, whatever else the topology names. Returns the exit status of the process: 0 after a clean stop, 70 when an actor failed or overran. */
int supervisor_run(const struct config *config, const struct topology *topology, const struct role_row *roles,
                   size_t role_count);

#endif
