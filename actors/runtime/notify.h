/* notify — tells whoever runs us how we are. To the service manager: the datagrams of sd_notify(3), without libsystemd;
 * without NOTIFY_SOCKET in the environment nothing is ever sent. To the parent of `serve --processes`: a byte down its
 * pipe. What cannot be sent is lost, never waited for. The watchdog is fed by the actors' own ticks, once all of them
 * have ticked since the last time: one that hangs starves it. */
#ifndef ROOKERY_RUNTIME_NOTIFY_H
#define ROOKERY_RUNTIME_NOTIFY_H

#include <stddef.h>
#include <stdint.h>

enum { NOTIFY_BEAT_MS = 500, NOTIFY_STATUS_BYTES_MAX = 200 };

/* What a child says to its parent. */
enum { NOTIFY_IS_READY = 'R', NOTIFY_BEATS = 'B', NOTIFY_STOPS = 'S' };

/* {a child, before its threads} From now on all goes to the parent's pipe instead, a beat each NOTIFY_BEAT_MS. fd is
 * non-blocking and stays the caller's. */
void notify_use_parent(int fd);

/* {supervisor} All of this process's actors run; from now on the watchdog waits for this many of them. */
void notify_ready(size_t actors);
/* {supervisor} They are about to stop one by one: the watchdog is fed no more, its time must cover the stopping. */
void notify_stopping(void);

/* {actor} On each tick. *round_p is the actor's own, 0 before the first call. */
void notify_tick(unsigned *round_p, int64_t now_ms);

/* {the parent of processes, which has no actors} Lines of sd_notify, as they are; a sentence for `systemctl status`,
 * cut at NOTIFY_STATUS_BYTES_MAX. */
void notify_send(const char *lines);
void notify_status(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* {the parent of processes} How often the service manager wants to hear WATCHDOG=1; 0: it does not watch. */
int64_t notify_watchdog_every_ms(void);

#endif
