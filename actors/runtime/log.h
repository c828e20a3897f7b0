/* log — one line per event on stderr: time, level, actor, text with key=value. Any thread.
 * Never log the text of lines, tokens, passwords or cookies. Text from strangers is escaped and cut at 200 bytes. */
#ifndef ROOKERY_RUNTIME_LOG_H
#define ROOKERY_RUNTIME_LOG_H

#include <stdbool.h>

typedef enum { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG } log_level_t;

void log_set_level(log_level_t level);     /* at start-up */
void log_set_actor(const char *name);      /* {thread} printed with each line of this thread; copied */
void log_write(log_level_t level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__) /* someone must act */
#define log_warn(...) log_write(LOG_WARN, __VA_ARGS__)   /* degraded, handled */
#define log_info(...) log_write(LOG_INFO, __VA_ARGS__)   /* lifecycle */
#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)

/* True at most once in interval_ms for this (static) gate; *skipped_out: how often it was false in between. */
struct log_gate {
    long long next_ms;
    unsigned skipped;
};
bool log_gate_open(struct log_gate *gate, int interval_ms, unsigned *skipped_out);

#endif
