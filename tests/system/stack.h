/* stack — a whole Rookery for a test, as a user starts it: `./dev run` with a port and a data folder of its own.
 * The server and MariaDB may be killed; `./dev run` brings them back. With ROOKERY_PROCESSES=1 in the environment the
 * server is a parent with a process for each actor, which may be killed alone. */
#ifndef ROOKERY_TESTS_STACK_H
#define ROOKERY_TESTS_STACK_H

#include <stdbool.h>
#include <sys/types.h>

#include "bench/http_client.h"

struct stack {
    char dir[256];      /* of everything this stack writes; the data folder is dir/var */
    int port, admin_port;
    pid_t dev;
};

/* Starts and waits until /readyz says so. env: further KEY=VALUE settings, NULL at the end; may be NULL.
 * False, with the log's end on stderr, when it is not ready within timeout_ms. */
bool stack_start(struct stack *self, const char *const *env, int timeout_ms);
void stack_stop(struct stack *self);   /* SIGTERM, as Ctrl-C; waits */
void stack_remove(struct stack *self); /* its folder */

bool stack_await_ready(const struct stack *self, int timeout_ms);
pid_t stack_server_pid(const struct stack *self);  /* 0 while there is none */
pid_t stack_node_pid(const struct stack *self, const char *node); /* "room-0", where each actor is a process */
pid_t stack_mariadb_pid(const struct stack *self);
bool stack_kill(pid_t pid); /* SIGKILL; false: was not there */

/* A value of /metrics, or -1. */
long stack_metric(const struct stack *self, const char *name);

/* Runs one SQL statement on the database as its owner; rows go to out_path, tab-separated. */
bool stack_sql(const struct stack *self, const char *sql, const char *out_path);

int free_port(void);

#endif
