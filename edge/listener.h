/* listener — the port of an edge: accepts in bounded turns, counts what each address holds open, and refuses with a
 * sentence before descriptors run out.
 *
 * Each of several edges has a socket of its own on the port (SO_REUSEPORT); libwebsockets' own listener would spin on EMFILE.
 * Runs on: the thread of its edge. */
#ifndef ROOKERY_EDGE_LISTENER_H
#define ROOKERY_EDGE_LISTENER_H

#include "edge/shared.h"

struct listener;

/* NULL: the port cannot be had, logged. port 0: any free one. admin: its requests see the admin routes. */
struct listener *listener_open(struct edge *edge, const char *address, int port, bool admin);
void listener_close(struct listener **self_p);
/* Raises the process's limit of descriptors to what its edges may hold, as far as it may. Before ws_open: libwebsockets
 * makes its tables for the limit it finds. */
void listener_need_descriptors(const struct config *config);
void listener_on_tick(struct listener *self); /* NULL is fine */
/* Three quarters of the places are taken: who says nothing gets less time (http_conn.h). */
bool listener_is_crowded(const struct listener *self);
int listener_port(const struct listener *self);

#endif
