/* free_port — a port on loopback that nobody listens on now, below those that the kernel gives to outgoing connections
 * (ip_local_port_range begins at 32768). Above them a server that ends and comes back may find its port taken: by any
 * connection, or by one to itself, which a client gets that tries a dead port often enough (RFC 9293, 3.5: both sides
 * open at once). */
#ifndef ROOKERY_TESTS_FREE_PORT_H
#define ROOKERY_TESTS_FREE_PORT_H

int free_port(void);

#endif
