/* log — one line per event on stderr: time, level, actor, text with key=value. Any thread.
 * Never log the text of lines, tokens, passwords or cookies. What is not printable ASCII or clean UTF-8 leaves
 * escaped, so that no text can end a line or paint a terminal; a line is cut at LOG_LINE_BYTES_MAX. */
#ifndef ROOKERY_RUNTIME_LOG_H
#define ROOKERY_RUNTIME_LOG_H

#include <stdbool.h>
#include <stddef.h>

/* Not LOG_INFO: syslog.h, which czmq.h includes, has that. */
typedef enum { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG } log_level_t;

enum {
    LOG_LINE_BYTES_MAX = 1024,
    LOG_TEXT_BYTES_MAX = 200, /* of a stranger's text */
};

void log_set_level(log_level_t level);     /* at start-up */
bool log_is_on(log_level_t level);         /* whether such a line would be written */
void log_set_actor(const char *name);      /* {thread} printed with each line of this thread; copied */
void log_write(log_level_t level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__) /* someone must act */
#define log_warn(...) log_write(LOG_LEVEL_WARN, __VA_ARGS__)   /* degraded, handled */
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)   /* lifecycle */
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* A stranger's bytes as text: at most LOG_TEXT_BYTES_MAX of them, cut between characters, "..." behind a cut.
 * log_warn("origin refused: origin=%s", log_text(buf, in, len)). Returns text_out. */
typedef char log_text_t[LOG_TEXT_BYTES_MAX + 4];
const char *log_text(log_text_t text_out, const void *bytes, size_t len);

/* True at most once in interval_ms for this (static) gate; *skipped_out (may be NULL): how often it was false in
 * between. Threads may share a gate. */
struct log_gate {
    long long next_ms;
    unsigned skipped;
};
bool log_gate_open(struct log_gate *gate, int interval_ms, unsigned *skipped_out);

#endif
