#include "bench/proc.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

uint64_t proc_own_cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool s_read_line(const char *path, char *line_out, size_t size)
{
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    bool ok = fgets(line_out, (int)size, file) != NULL;
    fclose(file);
    if (ok)
        line_out[strcspn(line_out, "\n")] = '\0';
    return ok;
}

bool proc_cpu_read(pid_t pid, struct proc_cpu *out)
{
    *out = (struct proc_cpu){0};
    if (pid == 0)
        return true;
    char path[320], line[128];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *dir = opendir(path);
    if (!dir)
        return false;
    for (struct dirent *entry; out->count < PROC_THREADS_MAX && (entry = readdir(dir)) != NULL;) {
        int tid = atoi(entry->d_name);
        if (tid <= 0)
            continue;
        snprintf(path, sizeof path, "/proc/%d/task/%d/schedstat", (int)pid, tid);
        if (!s_read_line(path, line, sizeof line))
            continue; /* it ended meanwhile */
        out->threads[out->count].tid = tid;
        out->threads[out->count].ns = strtoull(line, NULL, 10);
        snprintf(path, sizeof path, "/proc/%d/task/%d/comm", (int)pid, tid);
        if (s_read_line(path, line, sizeof line))
            snprintf(out->threads[out->count].name, PROC_NAME_BYTES, "%.15s", line);
        out->count++;
    }
    closedir(dir);
    return out->count > 0;
}

uint64_t proc_cpu_spent_ns(const struct proc_cpu *from, const struct proc_cpu *to, const char *prefix)
{
    uint64_t spent = 0;
    for (size_t i = 0; i < to->count; i++) {
        if (strncmp(to->threads[i].name, prefix, strlen(prefix)) != 0)
            continue;
        spent += to->threads[i].ns;
        for (size_t j = 0; j < from->count; j++)
            if (from->threads[j].tid == to->threads[i].tid)
                spent -= from->threads[j].ns;
    }
    return spent;
}

/* What stands behind this word in a file of the process; -1: nothing. */
static long s_number_of(pid_t pid, const char *name, const char *word)
{
    char path[64], line[128];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    FILE *file = fopen(path, "r");
    if (!file)
        return -1;
    long kib = -1;
    while (kib < 0 && fgets(line, sizeof line, file))
        if (strncmp(line, word, strlen(word)) == 0)
            kib = strtol(line + strlen(word), NULL, 10);
    fclose(file);
    return kib;
}

long proc_pss_kib(pid_t pid)
{
    return s_number_of(pid, "smaps_rollup", "Pss:");
}

long proc_rss_kib(pid_t pid)
{
    return s_number_of(pid, "status", "VmRSS:");
}

void proc_cpu_model(char *out, size_t size)
{
    char line[256];
    snprintf(out, size, "unknown");
    FILE *file = fopen("/proc/cpuinfo", "r");
    if (!file)
        return;
    while (fgets(line, sizeof line, file)) {
        const char *value = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && value) {
            snprintf(out, size, "%.*s", (int)strcspn(value + 2, "\n"), value + 2);
            break;
        }
    }
    fclose(file);
}

void proc_kernel(char *out, size_t size)
{
    struct utsname name;
    if (uname(&name) == 0)
        snprintf(out, size, "%s %s %s", name.sysname, name.release, name.machine);
    else
        snprintf(out, size, "unknown");
}

void proc_load(char *out, size_t size)
{
    if (!s_read_line("/proc/loadavg", out, size))
        snprintf(out, size, "unknown");
}
