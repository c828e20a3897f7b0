#include "persist/name_key.h"

#include <assert.h>

/* Upper-case letters first … last become themselves plus delta; with delta PAIRS, upper and lower case stand side by
 * side, the upper one at an even (PAIRS) or odd (PAIRS_ODD) place. */
enum { PAIRS = 0, PAIRS_ODD = 1 << 20 };

static const struct s_range {
    uint32_t first, last;
    int32_t delta;
} RANGES[] = {
    {'A', 'Z', 32},
    {0xC0, 0xD6, 32},
    {0xD8, 0xDE, 32},
    {0x100, 0x12F, PAIRS},
    {0x132, 0x137, PAIRS},
    {0x139, 0x148, PAIRS_ODD},
    {0x14A, 0x177, PAIRS},
    {0x178, 0x178, 0xFF - 0x178},
    {0x179, 0x17E, PAIRS_ODD},
    {0x1CD, 0x1DC, PAIRS_ODD},
    {0x1DE, 0x1EF, PAIRS},
    {0x1F8, 0x21F, PAIRS},
    {0x222, 0x233, PAIRS},
    {0x386, 0x386, 38},
    {0x388, 0x38A, 37},
    {0x38C, 0x38C, 64},
    {0x38E, 0x38F, 63},
    {0x391, 0x3A1, 32},
    {0x3A3, 0x3AB, 32},
    {0x3C2, 0x3C2, 1},
    {0x400, 0x40F, 80},
    {0x410, 0x42F, 32},
    {0x460, 0x481, PAIRS},
    {0x48A, 0x4BF, PAIRS},
    {0x4C0, 0x4C0, 15},
    {0x4C1, 0x4CE, PAIRS_ODD},
    {0x4D0, 0x52F, PAIRS},
    {0x531, 0x556, 48},
    {0x10A0, 0x10C5, 0x2D00 - 0x10A0},
    {0x1C90, 0x1CBA, 0x10D0 - 0x1C90},
    {0x1E00, 0x1E95, PAIRS},
    {0x1E9E, 0x1E9E, 0xDF - 0x1E9E},
    {0x1EA0, 0x1EFF, PAIRS},
    {0xFF21, 0xFF3A, 32},
};

static uint32_t s_fold(uint32_t c)
{
    for (size_t i = 0; i < sizeof RANGES / sizeof RANGES[0]; i++) {
        const struct s_range *range = &RANGES[i];
        if (c < range->first)
            return c;
        if (c > range->last)
            continue;
        if (range->delta == PAIRS)
            return c | 1;
        if (range->delta == PAIRS_ODD)
            return c % 2 ? c + 1 : c;
        return (uint32_t)((int32_t)c + range->delta);
    }
    return c;
}

/* One code point of clean UTF-8. */
static size_t s_decode(const uint8_t *bytes, uint32_t *c_out)
{
    if (bytes[0] < 0x80) {
        *c_out = bytes[0];
        return 1;
    }
    size_t len = bytes[0] < 0xE0 ? 2 : bytes[0] < 0xF0 ? 3 : 4;
    uint32_t c = bytes[0] & (0xFFu >> (len + 1));
    for (size_t i = 1; i < len; i++)
        c = c << 6 | (bytes[i] & 0x3Fu);
    *c_out = c;
    return len;
}

static size_t s_encode(uint32_t c, uint8_t *out)
{
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    size_t len = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--, c >>= 6)
        out[i] = (uint8_t)(0x80 | (c & 0x3F));
    out[0] = (uint8_t)((0xF0u << (4 - len)) | c);
    return len;
}

view_t name_key(view_t name, uint8_t key_out[NAME_KEY_BYTES_MAX])
{
    assert(name.len <= LIM_NAME_BYTES_MAX);
    return name_key_of(name, key_out);
}

view_t name_key_of(view_t text, uint8_t *key_out)
{
    size_t at = 0, len = 0;
    while (at < text.len) {
        uint32_t c;
        at += s_decode(text.bytes + at, &c);
        len += s_encode(s_fold(c), key_out + len);
    }
    return view_of(key_out, len);
}
