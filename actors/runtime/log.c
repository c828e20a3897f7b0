#include "actors/runtime/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "actors/runtime/clock.h"

static int s_level = LOG_LEVEL_INFO; /* any thread, atomic */
static _Thread_local char s_actor[32] = "main";

void log_set_level(log_level_t level)
{
    __atomic_store_n(&s_level, (int)level, __ATOMIC_RELAXED);
}

bool log_is_on(log_level_t level)
{
    return (int)level <= __atomic_load_n(&s_level, __ATOMIC_RELAXED);
}

void log_set_actor(const char *name)
{
    snprintf(s_actor, sizeof s_actor, "%s", name);
}

/* Bytes of the well-formed UTF-8 character at text (1 … 4), 0 when there is none or it is a control character. */
static size_t s_printable_len(const uint8_t *text, size_t len)
{
    if (text[0] < 0x80)
        return text[0] >= 0x20 && text[0] != 0x7f ? 1 : 0;
    size_t want = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
    if (text[0] < 0xc2 || text[0] > 0xf4 || want > len)
        return 0;
    uint32_t code = text[0] & (0xffu >> (want + 1));
    for (size_t i = 1; i < want; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (text[i] & 0x3f);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    bool bad = code < least[want] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff);
    bool control = code < 0xa0 || (code >= 0x2028 && code <= 0x202e); /* C1; line ends and direction marks */
    return bad || control ? 0 : want;
}

/* Appends text escaped, as far as it fits before `room`; returns the new length. */
static size_t s_escape(char *out, size_t at, size_t room, const uint8_t *text, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t step = s_printable_len(text + i, len - i);
        if (at + (step ? step : 4) > room)
            break;
        if (step) {
            memcpy(out + at, text + i, step);
            at += step;
            i += step;
        } else {
            static const char digits[] = "0123456789abcdef";
            out[at++] = '\\';
            out[at++] = 'x';
            out[at++] = digits[text[i] >> 4];
            out[at++] = digits[text[i] & 15];
            i++;
        }
    }
    return at;
}

void log_write(log_level_t level, const char *format, ...)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    if (!log_is_on(level))
        return;
    int64_t utc_ms = clock_utc_ms();
    time_t seconds = (time_t)(utc_ms / 1000);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    char text[LOG_LINE_BYTES_MAX];
    va_list args;
    va_start(args, format);
    int wanted = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (wanted < 0)
        return;
    size_t text_len = (size_t)wanted < sizeof text ? (size_t)wanted : sizeof text - 1;

    char line[LOG_LINE_BYTES_MAX];
    int head = snprintf(line, sizeof line, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ %s %s ",
                        parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                        parts.tm_min, parts.tm_sec, (int)(utc_ms % 1000), names[level], s_actor);
    size_t len = s_escape(line, (size_t)head, sizeof line - 1, (const uint8_t *)text, text_len);
    line[len++] = '\n';
    /* One write per line, so that lines of threads never mix. A full or closed stderr stops nothing. */
    while (write(STDERR_FILENO, line, len) < 0 && errno == EINTR) {
    }
}

const char *log_text(log_text_t text_out, const void *bytes, size_t len)
{
    size_t cut = len;
    if (cut > LOG_TEXT_BYTES_MAX) {
        cut = LOG_TEXT_BYTES_MAX;
        while (cut > 0 && (((const uint8_t *)bytes)[cut] & 0xc0) == 0x80)
            cut--;
    }
    size_t at = s_escape(text_out, 0, LOG_TEXT_BYTES_MAX, bytes, cut);
    snprintf(text_out + at, sizeof(log_text_t) - at, "%s", cut < len ? "..." : "");
    return text_out;
}

bool log_gate_open(struct log_gate *gate, int interval_ms, unsigned *skipped_out)
{
    long long now_ms = clock_now_ms();
    long long next_ms = __atomic_load_n(&gate->next_ms, __ATOMIC_RELAXED);
    bool open = now_ms >= next_ms &&
                __atomic_compare_exchange_n(&gate->next_ms, &next_ms, now_ms + interval_ms, false,
                                            __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    if (!open) {
        __atomic_fetch_add(&gate->skipped, 1, __ATOMIC_RELAXED);
        return false;
    }
    unsigned skipped = __atomic_exchange_n(&gate->skipped, 0, __ATOMIC_RELAXED);
    if (skipped_out)
        *skipped_out = skipped;
    return true;
}
