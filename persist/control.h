/* control — one thread for all writes but events: accounts, read pointers, the directory. A connection of its own, so
 * that a beat or a sign-in never waits behind a batch. Also the beat of the persist node itself, the watch over
 * everybody else's, and the end of audit rows that are too old. */
#ifndef ROOKERY_PERSIST_CONTROL_H
#define ROOKERY_PERSIST_CONTROL_H

#include "persist/directory.h"

typedef struct control control_t;

/* own: address of the persist actor, with the nonce of this boot; endpoint: where it listens; audit_days: how long rows of
 * the audit log are kept. Starts the thread;
 * borrows the rest. NULL, with a line in the log: bad url, no memory, no thread. */
control_t *control_new(const char *url, address_t own, const char *endpoint, int64_t audit_days, work_queue_t *queue,
                       answers_t *answers, atomic_int *up_count);
/* After work_queue_close; see write_batch.h. */
bool control_join(control_t *self, int wait_ms);
void control_destroy(control_t **self_p);
/* Somebody declared this node dead: stop at once. Any thread. */
bool control_is_fenced(const control_t *self);

#endif
