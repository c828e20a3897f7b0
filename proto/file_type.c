#include "proto/file_type.h"

#include <string.h>

#include "proto/limits.h"

static bool s_begins(view_t bytes, size_t at, const char *with, size_t len)
{
    return at <= bytes.len && len <= bytes.len - at && memcmp(bytes.bytes + at, with, len) == 0;
}

static uint32_t s_be(const uint8_t *at, size_t width)
{
    uint32_t value = 0;
    for (size_t i = 0; i < width; i++)
        value = value << 8 | at[i];
    return value;
}

static uint32_t s_le(const uint8_t *at, size_t width)
{
    uint32_t value = 0;
    for (size_t i = width; i-- > 0;)
        value = value << 8 | at[i];
    return value;
}

static struct file_type s_sized(const char *type, uint32_t width, uint32_t height)
{
    bool is_sound = width > 0 && height > 0 && width <= LIM_FILE_SIDE_MAX && height <= LIM_FILE_SIDE_MAX;
    return (struct file_type){.type = type, .width = is_sound ? width : 0, .height = is_sound ? height : 0};
}

static struct file_type s_png(view_t bytes)
{
    if (bytes.len < 24 || !s_begins(bytes, 12, "IHDR", 4))
        return s_sized("image/png", 0, 0);
    return s_sized("image/png", s_be(bytes.bytes + 16, 4), s_be(bytes.bytes + 20, 4));
}

static struct file_type s_gif(view_t bytes)
{
    if (bytes.len < 10)
        return s_sized("image/gif", 0, 0);
    return s_sized("image/gif", s_le(bytes.bytes + 6, 2), s_le(bytes.bytes + 8, 2));
}

static struct file_type s_webp(view_t bytes)
{
    const uint8_t *at = bytes.bytes;
    if (bytes.len < 30)
        return s_sized("image/webp", 0, 0);
    if (s_begins(bytes, 12, "VP8X", 4))
        return s_sized("image/webp", s_le(at + 24, 3) + 1, s_le(at + 27, 3) + 1);
    if (s_begins(bytes, 12, "VP8L", 4) && at[20] == 0x2f) {
        uint32_t bits = s_le(at + 21, 4);
        return s_sized("image/webp", (bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1);
    }
    if (s_begins(bytes, 12, "VP8 ", 4) && s_begins(bytes, 23, "\x9d\x01\x2a", 3))
        return s_sized("image/webp", s_le(at + 26, 2) & 0x3fff, s_le(at + 28, 2) & 0x3fff);
    return s_sized("image/webp", 0, 0);
}

/* The orientation tag of an EXIF segment's first directory: 5 … 8 lie on their side. */
static bool s_lies(view_t exif)
{
    const size_t head = 6; /* "Exif", two zeros: then a TIFF file */
    if (exif.len < head + 8 || !s_begins(exif, 0, "Exif\0\0", head))
        return false;
    view_t tiff = view_of(exif.bytes + head, exif.len - head);
    bool is_little = s_begins(tiff, 0, "II", 2);
    uint32_t (*number)(const uint8_t *, size_t) = is_little ? s_le : s_be;
    size_t at = number(tiff.bytes + 4, 4);
    if (at > tiff.len || tiff.len - at < 2)
        return false;
    size_t count = number(tiff.bytes + at, 2);
    at += 2;
    for (size_t i = 0; i < count && tiff.len - at >= 12; i++, at += 12)
        if (number(tiff.bytes + at, 2) == 0x0112)
            return number(tiff.bytes + at + 8, 2) >= 5 && number(tiff.bytes + at + 8, 2) <= 8;
    return false;
}

static bool s_is_frame(uint8_t marker)
{
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

/* From segment to segment, each with its length, to the frame header. */
static struct file_type s_jpeg(view_t bytes)
{
    bool lies = false;
    size_t at = 2;
    for (size_t i = 0; i < FILE_TYPE_SEGMENTS_MAX && bytes.len - at >= 4; i++) {
        const uint8_t *segment = bytes.bytes + at;
        if (segment[0] != 0xff)
            break;
        if (segment[1] == 0xff) { /* padding */
            at++;
            continue;
        }
        size_t len = s_be(segment + 2, 2), left = bytes.len - at - 2;
        if (len < 2)
            break;
        if (segment[1] == 0xe1 && len <= left)
            lies = s_lies(view_of(segment + 4, len - 2));
        if (s_is_frame(segment[1])) {
            if (len < 7 || left < 7)
                break;
            uint32_t height = s_be(segment + 5, 2), width = s_be(segment + 7, 2);
            return lies ? s_sized("image/jpeg", height, width) : s_sized("image/jpeg", width, height);
        }
        if (len > left)
            break;
        at += 2 + len;
    }
    return s_sized("image/jpeg", 0, 0);
}

struct file_type file_type_of(view_t bytes)
{
    if (s_begins(bytes, 0, "\x89PNG\r\n\x1a\n", 8))
        return s_png(bytes);
    if (s_begins(bytes, 0, "\xff\xd8\xff", 3))
        return s_jpeg(bytes);
    if (s_begins(bytes, 0, "GIF87a", 6) || s_begins(bytes, 0, "GIF89a", 6))
        return s_gif(bytes);
    if (s_begins(bytes, 0, "RIFF", 4) && s_begins(bytes, 8, "WEBP", 4))
        return s_webp(bytes);
    return (struct file_type){0};
}

/* ---- what its author says ------------------------------------------------------------------------------------- */

static size_t s_token(view_t text, size_t at)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789!#$&^_.+-";
    while (at < text.len && text.bytes[at] && strchr(allowed, text.bytes[at] >= 'A' && text.bytes[at] <= 'Z'
                                                                  ? text.bytes[at] + ('a' - 'A')
                                                                  : text.bytes[at]))
        at++;
    return at;
}

view_t file_type_said(view_t said)
{
    static const char unknown[] = "application/octet-stream";
    const uint8_t *semicolon = said.len ? memchr(said.bytes, ';', said.len) : NULL;
    if (semicolon)
        said.len = (size_t)(semicolon - said.bytes);
    while (said.len && said.bytes[said.len - 1] == ' ')
        said.len--;
    size_t slash = s_token(said, 0);
    bool is_sound = slash > 0 && slash < said.len && said.bytes[slash] == '/' && slash + 1 < said.len &&
                    s_token(said, slash + 1) == said.len && said.len <= LIM_FILE_TYPE_BYTES_MAX;
    bool is_image = slash == 5;
    for (size_t i = 0; is_image && i < slash; i++)
        is_image = (said.bytes[i] | 0x20) == "image"[i];
    return is_sound && !is_image ? said : view_of_text(unknown);
}

bool file_name_is_sound(view_t name)
{
    if (!name.len || name.len > LIM_FILE_NAME_BYTES_MAX || !text_is_clean(name))
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (name.bytes[i] < ' ' || name.bytes[i] == '/' || name.bytes[i] == '\\')
            return false;
    bool is_dots = name.bytes[0] == '.' && (name.len == 1 || (name.len == 2 && name.bytes[1] == '.'));
    return !is_dots;
}
