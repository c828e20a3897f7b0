#include "proto/text.h"

uint32_t text_next(const uint8_t **pos)
{
    const uint8_t *p = *pos;
    int more = p[0] < 0x80 ? 0 : p[0] < 0xE0 ? 1 : p[0] < 0xF0 ? 2 : 3;
    uint32_t c = more == 0 ? p[0] : p[0] & (0x3Fu >> more);
    for (int i = 1; i <= more; i++)
        c = c << 6 | (p[i] & 0x3Fu);
    *pos = p + more + 1;
    return c;
}
