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
int listener_port(const struct listener *self);

#endif
