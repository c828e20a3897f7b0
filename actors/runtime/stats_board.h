/* stats_board — the last report of each actor (NODE_STATS), for who wants to see the whole installation: persist nodes
 * keep one of what they are told, an edge whose page is looked at one of what those tell it.
 *
 * In memory only: after a restart it is full again within a second.   Runs on: the thread of its actor.
 * Bounds: LIM_NODES_MAX reports of LIM_STATS_BYTES_MAX; who was silent for LIM_STATS_KEEP_MS is forgotten, and before
 * that whoever was silent longest makes room for a newcomer. */
#ifndef ROOKERY_RUNTIME_STATS_BOARD_H
#define ROOKERY_RUNTIME_STATS_BOARD_H

#include "proto/address.h"
#include "proto/messages.h"

typedef struct stats_board stats_board_t;

stats_board_t *stats_board_new(void); /* NULL: no memory */
void stats_board_destroy(stats_board_t **self_p);

/* Keeps a copy of the encoded report of `from`, which came at at_ms, unless a later one is here already.
 * ERR_FORBIDDEN: it speaks of another node; the decoder's errors. */
err_t stats_board_put(stats_board_t *self, address_t from, view_t report, int64_t at_ms);
/* The report of place 0, 1, 2 …, ascending by node, and when it came; len 0: no more. Borrowed until the next put. */
view_t stats_board_nth(const stats_board_t *self, size_t index, int64_t *at_ms_out);
/* The reports of nodes above `after`, ascending: at most LIM_STATS_PAGE_BYTES_MAX. The list borrows from `list`. */
err_t stats_board_page(const stats_board_t *self, uint64_t after, int64_t now_ms, list_writer_t *list,
                       struct msg_stats *answer_out);
/* Nodes of a role that told of themselves within the last within_ms. Returns how many. */
size_t stats_board_nodes(const stats_board_t *self, role_t role, int64_t now_ms, int64_t within_ms, address_t *nodes_out,
                         size_t max);

#endif
