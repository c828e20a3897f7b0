/* search_text — what search makes of a text: folded letters, words, and the terms under which a line is found.
 *
 * Deliberately of our own and not a full-text index of the database: MariaDB has no parser for text without spaces,
 * and both servers leave out short words and stop words by settings that are not ours. So every server finds the same.
 *
 * Folding: letters without case and accents (ä is a, ß is ss, ø is o, both of Turkish's i are i), full width as normal
 * width; combining marks and joiners are not there at all. Classes: letters and digits of scripts with spaces make
 * words; Han, kana, Hangul, Thai, Lao, Khmer, Burmese and emoji make runs; all else breaks.
 *
 * A word of n letters is found by its beginning from SEARCH_START_MIN letters on, a shorter one only whole. In a
 * compound, a word of at least SEARCH_COMPOUND_MIN letters, it is also found within, by SEARCH_START_MAX or more.
 * A run is found by any part of it.
 *
 * Pure. Runs on: any thread. */
#ifndef ROOKERY_PROTO_SEARCH_TEXT_H
#define ROOKERY_PROTO_SEARCH_TEXT_H

#include "proto/codec.h"
#include "proto/limits.h"

enum {
    SEARCH_VERSION = 1,      /* of all this: with another one the whole index is made anew from the log */
    SEARCH_START_MIN = 3,
    SEARCH_START_MAX = 5,
    SEARCH_COMPOUND_MIN = 10,
    SEARCH_WORD_MAX = 64,    /* letters of a word that are looked at within */
};

typedef enum { GLYPH_BREAK, GLYPH_WORD, GLYPH_RUN } glyph_class_t;

struct search_glyph {
    uint32_t c;        /* folded; a break is a space */
    uint16_t from, to; /* bytes of the text it came from */
    uint8_t class;
};

/* About 72 KiB: not for small stacks. No two breaks stand side by side. */
struct search_text {
    size_t count;
    struct search_glyph glyphs[LIM_SEARCH_TEXT_BYTES_MAX];
};

/* One letter to one or two; gives how many. */
size_t search_fold(uint32_t c, uint32_t folded_out[2]);
/* text: clean UTF-8 of at most LIM_SEARCH_TEXT_BYTES_MAX. */
void search_text_read(struct search_text *self, view_t text);
/* Where the word or run ends that holds glyph `at`. */
size_t search_text_end(const struct search_text *self, size_t at);

/* Terms are hashes: two different ones may be one, so whoever finds a line by them looks at its text again. */
uint32_t search_term_gram(glyph_class_t class, const struct search_glyph *glyphs, size_t count);
uint32_t search_term_user(uint64_t user); /* lines of this user */
uint32_t search_term_link(void);          /* lines with a web address in them */
bool search_has_link(view_t text);

/* All terms of a line, each once, ascending; gives how many. What is beyond the bound is left out, last words first. */
size_t search_terms_of(const struct search_text *text, uint64_t user, bool has_link,
                       uint32_t terms_out[LIM_SEARCH_TERMS_MAX]);

#endif
