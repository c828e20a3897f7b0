/* people — how users are shown: pulls what has changed from persist, and tells every socket of this edge once.
 *
 * Changes are numbered in commit order; each pull asks for what is above the last one seen, so a pull that is lost, or
 * goes to another persist node, misses nothing. An edge that starts begins at the newest: nobody here knows older ones.
 *
 * Runs on: the thread of its edge.   Bounds: LIM_USERS_PAGE_MAX users a message, a pull each LIM_REVOCATION_PULL_MS. */
#ifndef ROOKERY_EDGE_PEOPLE_H
#define ROOKERY_EDGE_PEOPLE_H

#include "edge/shared.h"

struct people *people_new(struct edge *edge); /* NULL: no memory */
void people_destroy(struct people **self_p);  /* after the questions of its edge */
void people_on_tick(struct people *self);

#endif
