#include "proto/codec.h"

#include <assert.h>
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>

/* ---- views and buffers ---- */

view_t view_of(const void *bytes, size_t len)
{
    return (view_t){.bytes = bytes, .len = len};
}

view_t view_of_text(const char *text)
{
    return view_of(text, strlen(text));
}

bool view_is_equal(view_t a, view_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.bytes, b.bytes, a.len) == 0);
}

void buffer_init(buffer_t *self, size_t max_bytes)
{
    *self = (buffer_t){.max = max_bytes};
}

void buffer_fini(buffer_t *self)
{
    free(self->bytes);
    self->bytes = NULL;
    self->len = self->cap = 0;
}

void buffer_clear(buffer_t *self)
{
    self->len = 0;
    self->failed = ERR_OK;
}

static err_t s_grow(buffer_t *self, size_t len)
{
    enum { CAP_MIN = 128 };
    size_t cap = self->cap < CAP_MIN ? CAP_MIN : self->cap;
    while (cap < len)
        cap = cap > self->max / 2 ? self->max : cap * 2; /* len <= max, so this ends */
    if (cap > self->max)
        cap = self->max;
    uint8_t *bytes = realloc(self->bytes, cap);
    if (!bytes)
        return ERR_NO_MEMORY;
    self->bytes = bytes;
    self->cap = cap;
    return ERR_OK;
}

err_t buffer_append(buffer_t *self, const void *bytes, size_t len)
{
    if (self->failed)
        return self->failed; /* nothing goes in behind a hole */
    if (len > self->max - self->len)
        return self->failed = ERR_TOO_LARGE;
    if (len == 0)
        return ERR_OK;
    if (len > self->cap - self->len) {
        err_t err = s_grow(self, self->len + len);
        if (err)
            return self->failed = err;
    }
    memcpy(self->bytes + self->len, bytes, len);
    self->len += len;
    return ERR_OK;
}

void buffer_truncate(buffer_t *self, size_t len)
{
    assert(len <= self->len);
    self->len = len;
}

view_t buffer_view(const buffer_t *self)
{
    return view_of(self->bytes, self->len);
}

/* ---- reader ---- */

/* First bytes of the MessagePack families used here; the specification's names. */
enum {
    FIXMAP = 0x80,
    FIXARRAY = 0x90,
    FIXSTR = 0xa0,
    NIL = 0xc0,
    UNUSED = 0xc1,
    FALSE_ = 0xc2,
    TRUE_ = 0xc3,
    BIN8 = 0xc4,
    BIN32 = 0xc6,
    EXT8 = 0xc7,
    EXT32 = 0xc9,
    FLOAT32 = 0xca,
    FLOAT64 = 0xcb,
    UINT8 = 0xcc,
    UINT64 = 0xcf,
    INT8 = 0xd0,
    INT64 = 0xd3,
    FIXEXT1 = 0xd4,
    FIXEXT16 = 0xd8,
    STR8 = 0xd9,
    STR32 = 0xdb,
    ARRAY16 = 0xdc,
    ARRAY32 = 0xdd,
    MAP16 = 0xde,
    MAP32 = 0xdf,
    NEGATIVE = 0xe0,
};

reader_t reader_of(view_t bytes)
{
    static const uint8_t s_nothing[1];
    const uint8_t *pos = bytes.bytes ? bytes.bytes : s_nothing;
    return (reader_t){.pos = pos, .end = pos + (bytes.bytes ? bytes.len : 0)};
}

bool reader_is_done(const reader_t *self)
{
    return self->pos == self->end;
}

static size_t s_left(const reader_t *self)
{
    return (size_t)(self->end - self->pos);
}

static err_t s_take(reader_t *self, size_t len, const uint8_t **bytes_out)
{
    if (s_left(self) < len) /* never pos + len > end: len is a stranger's */
        return ERR_SHORT;
    *bytes_out = self->pos;
    self->pos += len;
    return ERR_OK;
}

static err_t s_take_big_endian(reader_t *self, size_t width, uint64_t *value_out)
{
    const uint8_t *bytes;
    err_t err = s_take(self, width, &bytes);
    if (err)
        return err;
    uint64_t value = 0;
    for (size_t i = 0; i < width; i++)
        value = value << 8 | bytes[i];
    *value_out = value;
    return ERR_OK;
}

static err_t s_uint(reader_t *self, uint64_t max, uint64_t *value_out)
{
    const uint8_t *head;
    uint64_t value;
    err_t err = s_take(self, 1, &head);
    if (err)
        return err;
    if (*head < FIXMAP) {
        value = *head;
    } else if (*head >= UINT8 && *head <= INT64) {
        size_t width = (size_t)1 << ((*head - UINT8) & 3);
        err = s_take_big_endian(self, width, &value);
        if (err)
            return err;
        if (*head >= INT8 && value >> (8 * width - 1))
            return ERR_OUT_OF_RANGE; /* negative */
    } else {
        return *head >= NEGATIVE ? ERR_OUT_OF_RANGE : ERR_BAD_FRAME;
    }
    if (value > max)
        return ERR_OUT_OF_RANGE;
    *value_out = value;
    return ERR_OK;
}

/* The length or count behind a family of heads: `fix` with the number in its low bits (`fix_mask`; 0: none),
 * or `first` … `last` with 1, 2 or 4 bytes of it (2 or 4 when the family has only two). */
static err_t s_length(reader_t *self, int fix, int fix_mask, int first, int last, size_t *len_out)
{
    const uint8_t *head;
    uint64_t len;
    err_t err = s_take(self, 1, &head);
    if (err)
        return err;
    if (fix_mask && (*head & ~fix_mask) == fix) {
        *len_out = (size_t)(*head & fix_mask);
        return ERR_OK;
    }
    if (*head < first || *head > last)
        return ERR_BAD_FRAME;
    err = s_take_big_endian(self, (size_t)4 >> (last - *head), &len);
    if (err)
        return err;
    *len_out = (size_t)len;
    return ERR_OK;
}

static err_t s_blob(reader_t *self, err_t length_err, size_t len, size_t max, view_t *out)
{
    if (length_err)
        return length_err;
    if (len > max)
        return ERR_TOO_LARGE;
    const uint8_t *bytes;
    err_t err = s_take(self, len, &bytes);
    if (!err)
        *out = view_of(bytes, len);
    return err;
}

static err_t s_text(reader_t *self, size_t max, view_t *text_out)
{
    size_t len = 0;
    view_t text;
    err_t err = s_length(self, FIXSTR, 0x1f, STR8, STR32, &len);
    err = s_blob(self, err, len, max, &text);
    if (err)
        return err;
    if (!text_is_clean(text))
        return ERR_BAD_UTF8;
    *text_out = text;
    return ERR_OK;
}

static err_t s_bin(reader_t *self, size_t max, view_t *bytes_out)
{
    size_t len = 0;
    err_t err = s_length(self, 0, 0, BIN8, BIN32, &len);
    return s_blob(self, err, len, max, bytes_out);
}

/* Count of an array or map; each element takes at least `bytes_each`, so a larger claim is a lie. */
static err_t s_count(reader_t *self, int fix, int first, size_t bytes_each, size_t *count_out)
{
    err_t err = s_length(self, fix, 0x0f, first, first + 1, count_out);
    if (!err && *count_out > s_left(self) / bytes_each)
        err = ERR_SHORT;
    return err;
}

static err_t s_skip(reader_t *self, int depth_left);

static err_t s_skip_many(reader_t *self, size_t count, int depth_left)
{
    if (depth_left <= 0)
        return ERR_TOO_DEEP;
    err_t err = ERR_OK;
    for (size_t i = 0; !err && i < count; i++)
        err = s_skip(self, depth_left - 1);
    return err;
}

static err_t s_skip(reader_t *self, int depth_left)
{
    if (reader_is_done(self))
        return ERR_SHORT;
    uint8_t head = *self->pos;
    const uint8_t *bytes;
    view_t blob;
    size_t count;
    err_t err;
    if (head < FIXMAP || head >= NEGATIVE || head == NIL || head == FALSE_ || head == TRUE_)
        return s_take(self, 1, &bytes);
    if ((head >= FIXSTR && head < NIL) || (head >= STR8 && head <= STR32))
        return s_text(self, SIZE_MAX, &blob);
    if (head >= BIN8 && head <= BIN32)
        return s_bin(self, SIZE_MAX, &blob);
    if (head >= UINT8 && head <= INT64)
        return s_take(self, 1 + ((size_t)1 << ((head - UINT8) & 3)), &bytes);
    if (head == FLOAT32 || head == FLOAT64)
        return s_take(self, head == FLOAT32 ? 5 : 9, &bytes);
    if ((head >= FIXARRAY && head < FIXSTR) || head == ARRAY16 || head == ARRAY32) {
        err = s_count(self, FIXARRAY, ARRAY16, 1, &count);
        return err ? err : s_skip_many(self, count, depth_left);
    }
    if ((head >= FIXMAP && head < FIXARRAY) || head == MAP16 || head == MAP32) {
        err = s_count(self, FIXMAP, MAP16, 2, &count);
        return err ? err : s_skip_many(self, 2 * count, depth_left);
    }
    return ERR_BAD_FRAME; /* ext, and the byte that means nothing */
}

/* A reader that failed stands where it was. */
static err_t s_settle(reader_t *self, reader_t before, err_t err)
{
    if (err)
        *self = before;
    return err;
}

err_t reader_uint(reader_t *self, uint64_t max, uint64_t *value_out)
{
    reader_t before = *self;
    return s_settle(self, before, s_uint(self, max, value_out));
}

err_t reader_bool(reader_t *self, bool *value_out)
{
    if (reader_is_done(self))
        return ERR_SHORT;
    if (*self->pos != FALSE_ && *self->pos != TRUE_)
        return ERR_BAD_FRAME;
    *value_out = *self->pos++ == TRUE_;
    return ERR_OK;
}

err_t reader_nil(reader_t *self)
{
    if (reader_is_done(self))
        return ERR_SHORT;
    if (*self->pos != NIL)
        return ERR_BAD_FRAME;
    self->pos++;
    return ERR_OK;
}

err_t reader_text(reader_t *self, size_t max, view_t *text_out)
{
    reader_t before = *self;
    return s_settle(self, before, s_text(self, max, text_out));
}

err_t reader_bin(reader_t *self, size_t max, view_t *bytes_out)
{
    reader_t before = *self;
    return s_settle(self, before, s_bin(self, max, bytes_out));
}

err_t reader_array(reader_t *self, size_t max, size_t *count_out)
{
    reader_t before = *self;
    size_t count = 0;
    err_t err = s_length(self, FIXARRAY, 0x0f, ARRAY16, ARRAY32, &count);
    if (!err && count > max)
        err = ERR_TOO_LARGE;
    if (!err && count > s_left(self))
        err = ERR_SHORT;
    if (!err)
        *count_out = count;
    return s_settle(self, before, err);
}

err_t reader_value(reader_t *self, size_t max, int depth_max, view_t *value_out)
{
    reader_t before = *self;
    err_t err = s_skip(self, depth_max);
    size_t len = (size_t)(self->pos - before.pos);
    if (!err && len > max)
        err = ERR_TOO_LARGE;
    if (!err)
        *value_out = view_of(before.pos, len);
    return s_settle(self, before, err);
}

/* ---- text ---- */

/* How many bytes at the start are printable ASCII, eight at a time; may stop early. */
static size_t s_plain_prefix(const uint8_t *bytes, size_t len)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones * 0x80;
    size_t at = 0;
    for (; len - at >= 8; at += 8) {
        uint64_t word;
        memcpy(&word, bytes + at, 8);
        uint64_t del = word ^ (ones * 0x7f);
        uint64_t bad =
            word | (word - ones * 0x20) | ((del - ones) & ~del); /* high bit, < 0x20, == 0x7f */
        if (bad & highs)
            break;
    }
    return at;
}

/* Length of the well-formed character at `bytes`, which is no control character; 0 if there is none. */
static size_t s_char_len(const uint8_t *bytes, size_t len)
{
    uint8_t first = bytes[0], low = 0x80, high = 0xbf;
    size_t need;
    if (first < 0x80)
        return (first >= 0x20 && first != 0x7f) || first == '\t' || first == '\n';
    if (first >= 0xc2 && first <= 0xdf) {
        need = 2;
        low = first == 0xc2 ? 0xa0 : low; /* C1 */
    } else if ((first & 0xf0) == 0xe0) {
        need = 3;
        low = first == 0xe0 ? 0xa0 : low;   /* overlong */
        high = first == 0xed ? 0x9f : high; /* surrogates */
    } else if (first >= 0xf0 && first <= 0xf4) {
        need = 4;
        low = first == 0xf0 ? 0x90 : low;   /* overlong */
        high = first == 0xf4 ? 0x8f : high; /* past U+10FFFF */
    } else {
        return 0;
    }
    if (len < need || bytes[1] < low || bytes[1] > high)
        return 0;
    for (size_t i = 2; i < need; i++)
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
    return need;
}

bool text_is_clean(view_t text)
{
    size_t at = 0;
    while (at < text.len) {
        at += s_plain_prefix(text.bytes + at, text.len - at);
        /* Up to eight characters the slow way before the next try of the fast one. */
        for (int i = 0; i < 8 && at < text.len; i++) {
            size_t len = s_char_len(text.bytes + at, text.len - at);
            if (len == 0)
                return false;
            at += len;
        }
    }
    return true;
}

size_t text_char_count(view_t text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += (text.bytes[i] & 0xc0) != 0x80;
    return count;
}

/* ---- writer ---- */

static int s_sink(void *data, const char *bytes, size_t len)
{
    return buffer_append(data, bytes, len) ? -1 : 0;
}

static msgpack_packer s_packer(buffer_t *out)
{
    msgpack_packer packer;
    msgpack_packer_init(&packer, out, s_sink);
    return packer;
}

void write_uint(buffer_t *out, uint64_t value)
{
    msgpack_packer packer = s_packer(out);
    msgpack_pack_uint64(&packer, value);
}

void write_bool(buffer_t *out, bool value)
{
    msgpack_packer packer = s_packer(out);
    if (value)
        msgpack_pack_true(&packer);
    else
        msgpack_pack_false(&packer);
}

void write_nil(buffer_t *out)
{
    msgpack_packer packer = s_packer(out);
    msgpack_pack_nil(&packer);
}

/* A head without its bytes is worse than nothing. */
static void s_write_body(buffer_t *out, size_t before, view_t body)
{
    if (buffer_append(out, body.bytes, body.len))
        buffer_truncate(out, before);
}

void write_text(buffer_t *out, view_t text)
{
    msgpack_packer packer = s_packer(out);
    size_t before = out->len;
    msgpack_pack_str(&packer, text.len);
    s_write_body(out, before, text);
}

void write_bin(buffer_t *out, view_t bytes)
{
    msgpack_packer packer = s_packer(out);
    size_t before = out->len;
    msgpack_pack_bin(&packer, bytes.len);
    s_write_body(out, before, bytes);
}

void write_array(buffer_t *out, size_t count)
{
    msgpack_packer packer = s_packer(out);
    msgpack_pack_array(&packer, count);
}

void write_raw(buffer_t *out, view_t encoded)
{
    buffer_append(out, encoded.bytes, encoded.len);
}
