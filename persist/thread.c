#include "persist/thread.h"

#include <signal.h>
#include <time.h>

bool thread_start(struct thread *self, void *(*run)(void *), void *argument)
{
    sigset_t all, before;
    sigfillset(&all); /* signals are the main thread's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    self->is_started = pthread_create(&self->handle, NULL, run, argument) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return self->is_started;
}

bool thread_join(struct thread *self, int wait_ms)
{
    if (!self->is_started || self->is_joined)
        return true;
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += wait_ms % 1000 * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    self->is_joined = pthread_timedjoin_np(self->handle, NULL, &until) == 0;
    return self->is_joined;
}
