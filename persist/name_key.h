/* name_key — what makes two names the same: the name with every letter in lower case.
 *
 * A fixed, simple fold of one code point to one code point: Latin, Greek (final sigma is sigma), Cyrillic, Armenian,
 * Georgian and full-width letters; everything else stays. Deliberately neither the C library's nor a collation's,
 * whose answers differ between versions: stored keys depend on it for ever, so a change needs a migration. It does not
 * compose accents: a letter with a combining mark and the composed letter are two names. */
#ifndef ROOKERY_PERSIST_NAME_KEY_H
#define ROOKERY_PERSIST_NAME_KEY_H

#include "proto/codec.h"
#include "proto/limits.h"

enum { NAME_KEY_BYTES_MAX = 2 * LIM_NAME_BYTES_MAX };

/* name: clean UTF-8 of at most LIM_NAME_BYTES_MAX. Borrows key_out. */
view_t name_key(view_t name, uint8_t key_out[NAME_KEY_BYTES_MAX]);
/* The same of any clean text; key_out has room for twice its bytes. */
view_t name_key_of(view_t text, uint8_t *key_out);

#endif
