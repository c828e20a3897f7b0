/* checker — compares what every client saw with what the database holds, after a run with crashes.
 *
 * Reads DIR/client-*.log and DIR/db.log, a line each:
 *   S client room cid texthash          a post was begun           A client room cid seq dup   it was acked
 *   E client room seq kind cid hash     an event was applied       P …  one of a snapshot's page
 *   R client room base head mode        after+1 … base-1 was declared unloaded, applied up to head
 *   D room seq kind user cid hash texthash msg_no                  (db.log) a stored event, in (room, seq) order
 * Other lines are the clients' own notes. Linear in the number of lines: the total order of a room is known. */
#ifndef ROOKERY_TESTS_CHECKER_H
#define ROOKERY_TESTS_CHECKER_H

#include <stdint.h>
#include <stdio.h>

/* What can be wrong; each violation is counted, the first few of a kind are printed. */
enum checker_fault {
    FAULT_LOST,      /* P1: acked or shown, and not stored there */
    FAULT_ALTERED,   /* P1: shown with other bytes than stored, or stored with another text than posted */
    FAULT_GAP,       /* P2: stored numbers are not 1, 2, 3 …; P3: a client's are not contiguous */
    FAULT_DOUBLE,    /* P4: one client id stored twice, or acked at two places */
    FAULT_SWAP,      /* one sender's posts of a room stand in another order than begun */
    FAULT_GHOST,     /* stored, and nobody sent it */
    FAULT_BEHIND,    /* at the end a client has not all that is stored */
    FAULT_LOG,       /* a log that cannot be read */
    FAULT_COUNT
};

struct checker_report {
    uint64_t faults[FAULT_COUNT];
    uint64_t stored, posts, acks, dup_acks, applied, clients, rooms;
};

const char *checker_fault_name(enum checker_fault fault);
/* The sum of all faults; details go to `out`. */
uint64_t checker_run(const char *dir, FILE *out, struct checker_report *report_out);

#endif
