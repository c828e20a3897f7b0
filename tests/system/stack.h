/* stack — a whole Rookery for a test, in the topology that ROOKERY_TOPOLOGY names:
 *
 *   threads    one process, as `./dev run` starts it (the default)
 *   processes  the same with a process for each actor
 *   hosts      two network namespaces with a node of each role in each, and a network that drops and delays frames
 *              between them (hosts.c, fault_proxy.h)
 *
 * A test knows no topology: it says what is to be killed or stopped by the name of a node, and in a topology where
 * several nodes are one process, that is the one. Whatever ends is started again at once. */
#ifndef ROOKERY_TESTS_STACK_H
#define ROOKERY_TESTS_STACK_H

#include <stdbool.h>
#include <sys/types.h>

#include "bench/http_client.h"

enum { STACK_NODES = 8, STACK_EDGES = 2 };

typedef enum { TOPOLOGY_THREADS, TOPOLOGY_PROCESSES, TOPOLOGY_HOSTS } stack_topology_t;

struct fault_plan;

struct stack {
    stack_topology_t topology;
    char dir[256];      /* of everything this stack writes; the data folder is dir/var */
    int port, admin_port;
    pid_t runner;       /* ./dev run, or hosts */
    int edge_ports[STACK_EDGES], admin_ports[STACK_NODES]; /* hosts: of each node */
    struct fault_plan *faults;                             /* hosts: what the network does; else NULL */
};

/* "persist-0", "persist-1", "accounts-0", … ; 0 <= index < STACK_NODES */
const char *stack_node_name(size_t index);
const char *stack_topology_name(const struct stack *self);

/* Starts and waits until /readyz says so. env: further KEY=VALUE settings, NULL at the end; may be NULL.
 * False, with the log's end on stderr, when it is not ready within timeout_ms. */
bool stack_start(struct stack *self, const char *const *env, int timeout_ms);
void stack_stop(struct stack *self);   /* SIGTERM, as Ctrl-C; waits */
void stack_remove(struct stack *self); /* its folder */

bool stack_await_ready(const struct stack *self, int timeout_ms); /* every edge that can be asked alone */
/* Until every edge takes the token: one of an accounts node whose key an edge has not heard of is refused at first. */
bool stack_await_token(const struct stack *self, const char *token, int timeout_ms);
/* Where to find an edge: its own port where it has one, else that of all. */
int stack_edge_port(const struct stack *self, size_t edge);

/* The edge that serves the connection fd to this port of 127.0.0.1. */
size_t stack_edge_of(const struct stack *self, int port, int fd);

pid_t stack_server_pid(const struct stack *self); /* the process, or the parent of all; 0 with hosts, and while there is none */
/* The process that is a node, or has it in it; 0 while there is none. */
pid_t stack_node_pid(const struct stack *self, const char *node);
pid_t stack_mariadb_pid(const struct stack *self);
bool stack_kill(pid_t pid); /* SIGKILL; false: was not there */
/* SIGKILL to a whole server at once: the process, the parent of all, or each node of one host. */
bool stack_kill_server(const struct stack *self);
/* While a node is held it is not started again where nodes are of their own; elsewhere it comes back. */
void stack_hold(const struct stack *self, const char *node, bool hold);

/* What the network does to links, where there is one. */
void stack_set_faults(const struct stack *self, unsigned drop_per_10000, unsigned delay_ms_max);

/* Says what the network did to links; false: there is one, and it did nothing. */
bool stack_had_faults(const struct stack *self);

/* A value of /metrics, the sum over all nodes that answer, or -1. */
long stack_metric(const struct stack *self, const char *name);
/* As one node tells it; where nodes share their counters, the sum of all. */
long stack_metric_of(const struct stack *self, const char *node, const char *name);

/* Runs one SQL statement on the database as its owner; rows go to out_path, tab-separated. */
bool stack_sql(const struct stack *self, const char *sql, const char *out_path);

#endif
