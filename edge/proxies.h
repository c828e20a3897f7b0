/* proxies — addresses of peers as text, and the proxies in front of us whose word about a browser's address counts.
 * Pure. Bounds: PROXIES_MAX. */
#ifndef ROOKERY_EDGE_PROXIES_H
#define ROOKERY_EDGE_PROXIES_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "proto/codec.h"

enum { PROXIES_MAX = 16, ADDRESS_PRINTED_MAX = 48 };

struct proxies {
    size_t count;
    struct in6_addr addresses[PROXIES_MAX]; /* IPv4 as mapped */
};

/* "127.0.0.1, 10.0.0.7, ::1"; NULL or "": none. ERR_OUT_OF_RANGE: too many, or one is no address. */
err_t proxies_read(struct proxies *self, const char *comma_separated);
bool proxies_have(const struct proxies *self, view_t text);
bool proxies_have_address(const struct proxies *self, const struct in6_addr *address);

struct in6_addr address_of_peer(const struct sockaddr_storage *peer);
/* Without its mapping: "192.0.2.1". */
void address_text(const struct in6_addr *address, char text_out[ADDRESS_PRINTED_MAX]);

#endif
