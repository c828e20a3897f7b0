/* text — clean UTF-8 (text_is_clean of codec.h), character by character. Pure. */
#ifndef ROOKERY_PROTO_TEXT_H
#define ROOKERY_PROTO_TEXT_H

#include <stdint.h>

/* The code point at *pos, which moves on to the next one. The text is clean, and *pos is before its end. */
uint32_t text_next(const uint8_t **pos);

#endif
