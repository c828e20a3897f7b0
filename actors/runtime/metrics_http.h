/* metrics_http — GET /metrics of a node that is no edge (an edge answers it itself): what Prometheus asks for, nothing else.
 *
 * Runs on: a thread of its own, one connection at a time; a caller has METRICS_WAIT_MS for its request and as long for
 * the answer, so a slow one only makes the next wait.   It reads counters and touches no actor. */
#ifndef ROOKERY_RUNTIME_METRICS_HTTP_H
#define ROOKERY_RUNTIME_METRICS_HTTP_H

#include "proto/errors.h"

enum { METRICS_WAIT_MS = 1000 };

typedef struct metrics_http metrics_http_t;

/* ERR_UNAVAILABLE, with a line in the log: the port cannot be had. port 0: any free one. */
err_t metrics_http_open(const char *address, int port, metrics_http_t **self_out);
void metrics_http_close(metrics_http_t **self_p);
int metrics_http_port(const metrics_http_t *self);

#endif
