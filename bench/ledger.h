/* ledger — the book of one round: every post, who must get it, and what came.
 *
 * A post's client id carries its number, so each event finds its row without a search, and each row has one bit for
 * each reader. Nothing is sampled. Latency counts from the time a post was due, not from when it was sent: a client
 * or a server that falls behind cannot hide it. */
#ifndef ROOKERY_BENCH_LEDGER_H
#define ROOKERY_BENCH_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/hist.h"
#include "proto/ids.h"

struct ledger_post {
    int64_t due_ns;
    uint64_t seq, frame_hash; /* of the first delivery; all others must be the same */
    uint32_t room, readers, delivered;
    bool answered;
    size_t first_bit;
};

struct ledger {
    uint64_t tag; /* of this round, in each client id */
    struct ledger_post *posts;
    size_t count, cap, measured_from;
    uint64_t *bits;
    size_t bit_count, bit_cap;
    struct hist delivery, ack;
    /* One reader who is slow on purpose: must get everything, is not waited for, and is not timed. */
    bool has_slow;
    uint32_t slow_room, slow_place;
    uint64_t awaited_deliveries, awaited_answers, awaited_slow; /* still to come */
    uint64_t deliveries, acks, all_acks;          /* of measured posts; of all */
    /* What makes a round FAILED. */
    uint64_t doubled, reordered, holes, altered, foreign, refused, repeated_acks, lost_sockets;
    uint64_t gaps; /* told and caught up: shown, no failure */
};

struct ledger_delivery {
    const cid_t *client_id;
    uint64_t seq, last_seq; /* of the event; of the reader's event before it */
    uint64_t frame_hash;
    uint32_t room, place; /* the reader */
    int64_t at_ns;
};

void ledger_init(struct ledger *self);
void ledger_fini(struct ledger *self);
void ledger_set_slow(struct ledger *self, uint32_t room, uint32_t place); /* before the first post */

/* Notes a post that is due at due_ns and must reach `readers` readers of `room`; returns its number and client id. */
size_t ledger_post(struct ledger *self, uint32_t room, uint32_t readers, int64_t due_ns, cid_t *client_id_out);
/* What is noted from here on counts in the figures; before it was warm-up. */
void ledger_measure(struct ledger *self);

void ledger_delivered(struct ledger *self, const struct ledger_delivery *delivery);
/* False: no post of this round (then it counts as foreign). */
bool ledger_acked(struct ledger *self, const cid_t *client_id, bool dup, int64_t at_ns);
void ledger_refused(struct ledger *self, const cid_t *client_id);
void ledger_forget_answers(struct ledger *self); /* where nobody acks: the floor */

bool ledger_is_complete(const struct ledger *self); /* but for the slow reader */
bool ledger_is_whole(const struct ledger *self);
bool ledger_is_clean(const struct ledger *self); /* whole, and nothing of the list above */
/* "missed 0, doubled 0, …": what is not zero, or "clean". */
void ledger_describe(const struct ledger *self, char *out, size_t size);

#endif
