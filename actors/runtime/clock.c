#include "actors/runtime/clock.h"

#include <time.h>

/* {this thread} Both 0: the real clocks. */
static _Thread_local int64_t s_frozen_now_ms;
static _Thread_local int64_t s_frozen_utc_ms;

static int64_t s_read_us(clockid_t id)
{
    struct timespec at;
    clock_gettime(id, &at);
    return (int64_t)at.tv_sec * 1000000 + at.tv_nsec / 1000;
}

int64_t clock_now_us(void)
{
    return s_frozen_now_ms ? s_frozen_now_ms * 1000 : s_read_us(CLOCK_BOOTTIME);
}

int64_t clock_now_ms(void)
{
    return clock_now_us() / 1000;
}

int64_t clock_utc_ms(void)
{
    return s_frozen_utc_ms ? s_frozen_utc_ms : s_read_us(CLOCK_REALTIME) / 1000;
}

void clock_freeze(int64_t now_ms, int64_t utc_ms)
{
    s_frozen_now_ms = now_ms;
    s_frozen_utc_ms = utc_ms;
}
