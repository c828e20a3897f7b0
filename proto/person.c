#include "proto/person.h"

#include <string.h>

#include "proto/ids.h"
#include "proto/limits.h"
#include "proto/text.h"

_Static_assert((int)LIM_SERVER_NAME_CHARS_MAX == (int)LIM_DISPLAY_CHARS_MAX, "one rule for both");
_Static_assert((int)PERSON_CODE_LEN <= (int)LIM_INVITE_CODE_BYTES_MAX, "a code fits its field");

struct s_range {
    uint32_t from, to;
};

/* Controls, blanks other than the space, fillers, marks of direction, tags, and what is no character. Zero width joiner
 * and non-joiner are not here: emoji and Persian need them. */
static const struct s_range HIDDEN[] = {
    {0x00, 0x1F},       {0x7F, 0xA0},       {0xAD, 0xAD},       {0x034F, 0x034F},   {0x061C, 0x061C},
    {0x115F, 0x1160},   {0x1680, 0x1680},   {0x17B4, 0x17B5},   {0x180B, 0x180F},   {0x2000, 0x200B},
    {0x200E, 0x200F},   {0x2028, 0x202F},   {0x205F, 0x206F},   {0x2800, 0x2800},   {0x3000, 0x3000},
    {0x3164, 0x3164},   {0xE000, 0xF8FF},   {0xFDD0, 0xFDEF},   {0xFEFF, 0xFEFF},   {0xFFA0, 0xFFA0},
    {0xFFF0, 0xFFFB},   {0xFFFE, 0xFFFF},   {0xE0000, 0x10FFFF},
};

static bool s_is_hidden(uint32_t c)
{
    for (size_t i = 0; i < sizeof HIDDEN / sizeof HIDDEN[0]; i++)
        if (c >= HIDDEN[i].from && c <= HIDDEN[i].to)
            return true;
    return false;
}

bool person_display_is_good(view_t text)
{
    if (text.len == 0 || text.len > LIM_DISPLAY_BYTES_MAX || !text_is_clean(text))
        return false;
    const uint8_t *end = text.bytes + text.len;
    bool after_space = true, is_seen = false; /* so that a first space is one too many */
    size_t chars = 0;
    for (const uint8_t *pos = text.bytes; pos < end; chars++) {
        uint32_t c = text_next(&pos);
        bool space = c == ' ', joins = c == 0x200C || c == 0x200D || (c >= 0xFE00 && c <= 0xFE0F);
        if ((space && after_space) || s_is_hidden(c))
            return false;
        after_space = space;
        is_seen |= !space && !joins;
    }
    return !after_space && is_seen && chars <= LIM_DISPLAY_CHARS_MAX;
}

static bool s_begins(view_t bytes, size_t at, const char *with, size_t len)
{
    return bytes.len >= at + len && memcmp(bytes.bytes + at, with, len) == 0;
}

picture_type_t person_picture_type(view_t bytes)
{
    if (s_begins(bytes, 0, "\x89PNG\r\n\x1a\n", 8))
        return PICTURE_PNG;
    if (s_begins(bytes, 0, "\xff\xd8\xff", 3))
        return PICTURE_JPEG;
    return s_begins(bytes, 0, "RIFF", 4) && s_begins(bytes, 8, "WEBPVP8", 7) ? PICTURE_WEBP : PICTURE_NONE;
}

const char *person_picture_mime(picture_type_t type)
{
    switch (type) {
    case PICTURE_PNG: return "image/png";
    case PICTURE_JPEG: return "image/jpeg";
    case PICTURE_WEBP: return "image/webp";
    default: return "application/octet-stream";
    }
}

void person_code_new(char out[PERSON_CODE_LEN + 1])
{
    static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz"; /* no i, l, o, u */
    uint64_t bits = 0;
    for (size_t i = 0; i < PERSON_CODE_LEN; i++) {
        if (i % (PERSON_CODE_LEN / 2) == 0)
            bits = id_random() >> 3; /* ten digits of five bits from 53 */
        out[i] = digits[bits & 31];
        bits >>= 5;
    }
    out[PERSON_CODE_LEN] = '\0';
}
