/* proc — what the kernel tells of a process: CPU time of its threads, memory; and of this machine. */
#ifndef ROOKERY_BENCH_PROC_H
#define ROOKERY_BENCH_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { PROC_THREADS_MAX = 128, PROC_NAME_BYTES = 16 };

int64_t now_ns(void); /* CLOCK_MONOTONIC */

/* Time on a processor of each thread, in ns (/proc/PID/task/TID/schedstat). */
struct proc_cpu {
    size_t count;
    struct {
        pid_t tid;
        char name[PROC_NAME_BYTES];
        uint64_t ns;
    } threads[PROC_THREADS_MAX];
};

bool proc_cpu_read(pid_t pid, struct proc_cpu *out); /* pid 0: nobody, all zero */
/* What passed between two readings, of threads whose name begins with `prefix` ("" for all). */
uint64_t proc_cpu_spent_ns(const struct proc_cpu *from, const struct proc_cpu *to, const char *prefix);
uint64_t proc_own_cpu_ns(void);

long proc_pss_kib(pid_t pid); /* -1: cannot be read */
long proc_rss_kib(pid_t pid); /* the same; cheap enough to be asked all the time */

/* One line each, "unknown" if it cannot be had. */
void proc_cpu_model(char *out, size_t size);
void proc_kernel(char *out, size_t size);
void proc_load(char *out, size_t size); /* /proc/loadavg: what else runs here */

#endif
