/* codec — bounded MessagePack over a byte range: a strict reader of our own, msgpack-c behind the writer.
 *
 * The reader never allocates, never looks past its end, and believes no length it has not compared with what
 * is left. (msgpack_unpack reserves what an array header claims: five bytes can ask for hundreds of megabytes.) */
#ifndef ROOKERY_PROTO_CODEC_H
#define ROOKERY_PROTO_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/errors.h"

/* Borrowed bytes; who owns them is said where a view is handed out. */
typedef struct view {
    const uint8_t *bytes;
    size_t len;
} view_t;

view_t view_of(const void *bytes, size_t len);
view_t view_of_text(const char *text); /* without the NUL */
bool view_is_equal(view_t a, view_t b);

/* Growing bytes with a hard end. Zero-initialise with buffer_init; the owner calls buffer_fini. A failed append
 * (ERR_TOO_LARGE past max, ERR_NO_MEMORY) leaves what was there, and `failed` keeps the first error, so that a
 * chain of appends may be checked once. */
typedef struct buffer {
    uint8_t *bytes;
    size_t len, cap, max;
    err_t failed;
} buffer_t;

void buffer_init(buffer_t *self, size_t max_bytes);
void buffer_fini(buffer_t *self);  /* also after a second call */
void buffer_clear(buffer_t *self); /* empty, keeps its memory, forgets `failed` */
err_t buffer_append(buffer_t *self, const void *bytes, size_t len);
void buffer_truncate(buffer_t *self, size_t len); /* back to an earlier length */
view_t buffer_view(const buffer_t *self);         /* borrowed until the next append */

typedef struct reader {
    const uint8_t *pos, *end;
} reader_t;

reader_t reader_of(view_t bytes);
bool reader_is_done(const reader_t *self);
/* Each takes one value, or fails and leaves the reader where it was: ERR_SHORT (ends too early),
 * ERR_BAD_FRAME (another type), ERR_OUT_OF_RANGE, ERR_TOO_LARGE, ERR_BAD_UTF8, ERR_TOO_DEEP.
 * Integers and lengths may come in any MessagePack width. */
err_t reader_uint(reader_t *self, uint64_t max, uint64_t *value_out);
err_t reader_bool(reader_t *self, bool *value_out);
err_t reader_nil(reader_t *self);
err_t reader_text(reader_t *self, size_t max, view_t *text_out); /* checked with text_is_clean; borrows */
err_t reader_bin(reader_t *self, size_t max, view_t *bytes_out); /* borrows */
err_t reader_array(reader_t *self, size_t max, size_t *count_out); /* count is also <= the bytes left */
/* One whole value of any type (no ext), nested at most depth_max, at most max bytes; borrows. */
err_t reader_value(reader_t *self, size_t max, int depth_max, view_t *value_out);

/* Valid UTF-8 (no surrogates, no overlong forms, at most U+10FFFF) without control characters except tab and
 * line feed: no NUL, no C0, DEL, C1. (Unicode 15, table 3-7.) */
bool text_is_clean(view_t text);
size_t text_char_count(view_t text); /* code points of clean text */

void write_uint(buffer_t *out, uint64_t value);
void write_bool(buffer_t *out, bool value);
void write_nil(buffer_t *out);
void write_text(buffer_t *out, view_t text);
void write_bin(buffer_t *out, view_t bytes);
void write_array(buffer_t *out, size_t count);
void write_raw(buffer_t *out, view_t encoded);

#endif
