#include "actors/runtime/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "actors/runtime/clock.h"
#include "actors/runtime/log.h"

enum { FEEDS_A_TIMEOUT = 4 };

static int s_parent_fd = -1; /* a child's; written before there are threads */

/* Written by the supervisor before s_due_ms lets the actors read them. */
static int64_t s_every_ms;
static size_t s_actors;

static atomic_int_least64_t s_due_ms = INT64_MAX; /* when the next round may begin; INT64_MAX: no watchdog */
static atomic_uint s_round = 1;
static atomic_size_t s_ticked; /* actors that ticked in this round */

/* A socket for each: one is sent each few seconds, and nothing stays open. */
void notify_send(const char *lines)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t len = path ? strlen(path) : 0;
    if (len < 2 || len >= sizeof to.sun_path || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(to.sun_path, path, len);
    if (path[0] == '@') /* in the abstract namespace */
        to.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    socklen_t to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (fd < 0 || sendto(fd, lines, strlen(lines), MSG_NOSIGNAL, (struct sockaddr *)&to, to_len) < 0)
        log_warn("the service manager was not told: text=%s why=%s", lines, strerror(errno));
    if (fd >= 0)
        close(fd);
}

void notify_status(const char *format, ...)
{
    char lines[NOTIFY_STATUS_BYTES_MAX + sizeof "STATUS="] = "STATUS=";
    va_list args;
    va_start(args, format);
    vsnprintf(lines + strlen(lines), sizeof lines - strlen(lines), format, args);
    va_end(args);
    notify_send(lines);
}

/* To the parent, if there is one: else to the service manager. A full pipe is a parent that hangs. */
static void s_tell(char word, const char *lines)
{
    if (s_parent_fd < 0)
        notify_send(lines);
    else if (write(s_parent_fd, &word, 1) != 1 && errno != EAGAIN)
        log_warn("the parent was not told: word=%c why=%s", word, strerror(errno));
}

void notify_use_parent(int fd)
{
    s_parent_fd = fd;
}

/* 0: nobody watches this process. */
static int64_t s_watchdog_ms(void)
{
    const char *us = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    if (!us || (pid && strtoll(pid, NULL, 10) != getpid()))
        return 0;
    int64_t ms = strtoll(us, NULL, 10) / 1000;
    return ms > 0 ? ms : 0;
}

int64_t notify_watchdog_every_ms(void)
{
    return s_watchdog_ms() / FEEDS_A_TIMEOUT;
}

void notify_ready(size_t actors)
{
    char lines[64];
    snprintf(lines, sizeof lines, "READY=1\nSTATUS=ready, actors: %zu", actors);
    s_tell(NOTIFY_IS_READY, lines);
    s_every_ms = s_parent_fd >= 0 ? NOTIFY_BEAT_MS : notify_watchdog_every_ms();
    s_actors = actors;
    if (s_every_ms > 0 && actors > 0)
        atomic_store(&s_due_ms, clock_now_ms());
}

void notify_stopping(void)
{
    atomic_store(&s_due_ms, INT64_MAX);
    s_tell(NOTIFY_STOPS, "STOPPING=1\nSTATUS=stopping");
}

void notify_tick(unsigned *round_p, int64_t now_ms)
{
    int64_t due_ms = atomic_load(&s_due_ms);
    unsigned round = atomic_load(&s_round);
    if (now_ms < due_ms || *round_p == round)
        return;
    *round_p = round;
    if (atomic_fetch_add(&s_ticked, 1) + 1 < s_actors)
        return;
    /* The last of the round; nobody else comes here before s_round moves on. */
    s_tell(NOTIFY_BEATS, "WATCHDOG=1");
    atomic_store(&s_ticked, 0);
    atomic_compare_exchange_strong(&s_due_ms, &due_ms, now_ms + s_every_ms); /* not when stopping meanwhile */
    atomic_store(&s_round, round + 1);
}
