/* notify — tells the service manager that runs us how we are: the datagrams of sd_notify(3), without libsystemd.
 * Without NOTIFY_SOCKET in the environment nothing is ever sent. A datagram that cannot be sent is lost, never waited
 * for. The watchdog is fed by the actors' own ticks, once all of them have ticked since the last time: one that hangs
 * starves it. */
#ifndef ROOKERY_RUNTIME_NOTIFY_H
#define ROOKERY_RUNTIME_NOTIFY_H

#include <stddef.h>
#include <stdint.h>

/* {supervisor} All of this process's actors run; from now on the watchdog waits for this many of them. */
void notify_ready(size_t actors);
/* {supervisor} They are about to stop one by one: the watchdog is fed no more, its time must cover the stopping. */
void notify_stopping(void);

/* {actor} On each tick. *round_p is the actor's own, 0 before the first call. */
void notify_tick(unsigned *round_p, int64_t now_ms);

#endif
