/* proxy — stands between persist and the database on a unix socket, and cuts the connection at the next COMMIT: before
 * it reaches the server, or after the server has done it and before the answer comes back. */
#ifndef ROOKERY_TESTS_PERSIST_PROXY_H
#define ROOKERY_TESTS_PERSIST_PROXY_H

#include <stdbool.h>
#include <stddef.h>

typedef enum { PROXY_PASS, PROXY_CUT_BEFORE, PROXY_CUT_AFTER } proxy_cut_t;

typedef struct proxy proxy_t;

/* Listens at path and connects to the unix socket `server`. */
proxy_t *proxy_new(const char *path, const char *server);
void proxy_destroy(proxy_t **self_p);
/* What happens at the next COMMIT, once. */
void proxy_set(proxy_t *self, proxy_cut_t cut);
size_t proxy_cuts(proxy_t *self);
void proxy_refuse(proxy_t *self, bool refuse); /* true: ends all connections and takes no new ones */

#endif
