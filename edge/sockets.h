/* sockets — tells administrators which WebSockets are open at this edge. Runs on: the thread of its edge.
 * Bound: LIM_SOCKETS_PAGE_MAX of one answer; looking at all sockets costs about 10 ns for each. */
#ifndef ROOKERY_EDGE_SOCKETS_H
#define ROOKERY_EDGE_SOCKETS_H

#include "edge/shared.h"

/* Answers SOCKETS_GET of a persist node: those of its user, or all. */
err_t sockets_on_get(struct edge *edge, const struct envelope *env, view_t body);

#endif
