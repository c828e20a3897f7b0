/* floor — the price of a delivery without any server: a child process with one thread that calls send() once for each
 * recipient, on sockets like the server's, with the frame a Rookery server would send. The crowd reads it as always. */
#ifndef ROOKERY_BENCH_FLOOR_H
#define ROOKERY_BENCH_FLOOR_H

#include "bench/crowd.h"

typedef struct floor_sender floor_sender_t;

/* Starts the child, waiting for `sockets` connections. NULL: no process or no port. */
floor_sender_t *floor_new(uint32_t sockets);
void floor_destroy(floor_sender_t **self_p); /* ends the child */
int floor_port(const floor_sender_t *self);

/* Has the child send one posted event to all readers of this room. False: the child is gone. */
bool floor_post(floor_sender_t *self, crowd_t *crowd, struct ledger *ledger, uint32_t room, int64_t due_ns);
/* CPU time the child spent in its loops of send() since the last call, and how often it called it. Waits until it has
 * done everything asked for. */
bool floor_spent(floor_sender_t *self, uint64_t *ns_out, uint64_t *sends_out);

#endif
