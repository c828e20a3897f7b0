/* clock — time that tests can set. Real by default; a test may freeze it for its own thread. */
#ifndef ROOKERY_RUNTIME_CLOCK_H
#define ROOKERY_RUNTIME_CLOCK_H

#include <stdint.h>

int64_t clock_now_ms(void); /* CLOCK_BOOTTIME: goes on while the machine sleeps, never jumps */
int64_t clock_now_us(void);
int64_t clock_utc_ms(void); /* wall clock: may jump; for people only */

/* {test thread} 0 gives the real clocks back. */
void clock_freeze(int64_t now_ms, int64_t utc_ms);

#endif
