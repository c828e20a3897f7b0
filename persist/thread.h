/* thread — a thread that can be waited for with a deadline, which neither C11 nor POSIX threads have. */
#ifndef ROOKERY_PERSIST_THREAD_H
#define ROOKERY_PERSIST_THREAD_H

#include <pthread.h>
#include <stdbool.h>

struct thread {
    pthread_t handle;
    bool is_started, is_joined;
};

bool thread_start(struct thread *self, void *(*run)(void *), void *argument);
bool thread_join(struct thread *self, int wait_ms); /* true also when it was never started */

#endif
