/* requests — questions in flight: correlation → who waits, until when. Bounded by LIM_REQUESTS_MAX.
 * Pure bookkeeping of one actor; owns no socket and reads no clock. */
#ifndef ROOKERY_RUNTIME_REQUESTS_H
#define ROOKERY_RUNTIME_REQUESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/errors.h"

typedef struct requests requests_t;

/* What the owner wants back with the answer; `what` is its own enum, the rest its own meaning. `data` is freed
 * with free() when a request is dropped by requests_destroy, else handed back. */
struct request {
    uint64_t correlation; /* filled in by requests_add, never 0 */
    uint32_t what;
    uint64_t a, b, c;
    void *data;
    int64_t deadline_ms;
};

requests_t *requests_new(size_t max);
void requests_destroy(requests_t **self_p);
/* ERR_OVERLOADED when full: data stays the caller's. */
err_t requests_add(requests_t *self, struct request *request);
/* Takes the request out. False: unknown, answered before, or expired: drop the answer. */
bool requests_take(requests_t *self, uint64_t correlation, struct request *request_out);
/* Looks without taking: for answers in several frames. */
bool requests_peek(const requests_t *self, uint64_t correlation, struct request *request_out);
/* Takes one whose deadline has passed; call until false. */
bool requests_expire(requests_t *self, int64_t now_ms, struct request *request_out);
size_t requests_count(const requests_t *self);

#endif
