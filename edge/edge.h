/* edge — the actor that terminates browsers: web client, HTTP, WebSockets, fan-out. Knows no SQL, owns no truth.
 *
 * Runs on: its own thread, one of `edges` of its process, each with its own listener, loop and libwebsockets
 * context. Everything in it belongs to that thread. */
#ifndef ROOKERY_EDGE_EDGE_H
#define ROOKERY_EDGE_EDGE_H

#include "actors/runtime/supervisor.h"

/* start_ms and stop_ms of its role_row: stopping tells the browsers to go, at most EDGE_DRAIN_MS. */
enum { EDGE_START_MS = 10000, EDGE_DRAIN_MS = 5000, EDGE_STOP_MS = EDGE_DRAIN_MS + 3000 };

/* A role_row's run: pipe is the zactor's. Signals 1 and returns when its port cannot be had. */
void edge_run(void *pipe, const struct role_context *context);

#endif
