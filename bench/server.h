/* server — one `rookery serve` of this measurement: started with a port of its own and raised limits, ended by us. */
#ifndef ROOKERY_BENCH_SERVER_H
#define ROOKERY_BENCH_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct server {
    pid_t pid;
    int port;
};

/* The options that are not the defaults, for the receipt: name and value of row i, NULL after the last. */
const char *server_option(size_t i, const char **value_out);

/* Runs program with the environment plus those options; its log goes to log_path. Waits for /readyz. False: it did
 * not get ready, and is ended. */
bool server_start(struct server *self, const char *program, const char *log_path);
void server_stop(struct server *self); /* SIGTERM, and waits */

#endif
