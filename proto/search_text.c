#include "proto/search_text.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- letters ---------------------------------------------------------------------------------------------------- */

struct s_range {
    uint32_t first, last;
};

/* Not there at all: marks over and under letters, joiners, direction marks, variation selectors, skin tones. */
static const struct s_range IGNORED[] = {
    {0xAD, 0xAD},     {0x300, 0x36F},   {0x483, 0x489},   {0x591, 0x5BD},     {0x5BF, 0x5BF},   {0x5C1, 0x5C2},
    {0x5C4, 0x5C5},   {0x5C7, 0x5C7},   {0x610, 0x61A},   {0x640, 0x640},     {0x64B, 0x65F},   {0x670, 0x670},
    {0x6D6, 0x6DC},   {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF}, {0x200B, 0x200F},   {0x202A, 0x202E}, {0x2060, 0x2064},
    {0x20D0, 0x20FF}, {0x3099, 0x309A}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F},   {0xFEFF, 0xFEFF}, {0xFF9E, 0xFF9F},
    {0x1F3FB, 0x1F3FF}, {0xE0000, 0xE0FFF},
};

/* Written without spaces between words; and emoji, flags among them. */
static const struct s_range RUNS[] = {
    {0xE01, 0xE3A},     {0xE40, 0xE4E},   {0xE81, 0xECD},     {0x1000, 0x1049},   {0x1100, 0x11FF},   {0x1780, 0x17D3},
    {0x2600, 0x27BF},   {0x2B50, 0x2B55}, {0x2E80, 0x2FDF},   {0x3005, 0x3007},   {0x3021, 0x3029},   {0x3031, 0x3035},
    {0x3041, 0x3096},   {0x309D, 0x309F}, {0x30A1, 0x30FA},   {0x30FC, 0x318F},   {0x31A0, 0x31FF},   {0x3400, 0x4DBF},
    {0x4E00, 0x9FFF},   {0xA960, 0xA97F}, {0xAC00, 0xD7FB},   {0xF900, 0xFAFF},   {0xFF66, 0xFFDC},   {0x1B000, 0x1B2FF},
    {0x1F000, 0x1FAFF}, {0x20000, 0x3FFFF},
};

/* Neither letters nor digits; of ASCII see s_class. */
static const struct s_range BREAKS[] = {
    {0x80, 0xA9},     {0xAB, 0xB4},     {0xB6, 0xB9},     {0xBB, 0xBF},     {0xD7, 0xD7},     {0xF7, 0xF7},
    {0x2C2, 0x2C5},   {0x37E, 0x37E},   {0x387, 0x387},   {0x55A, 0x55F},   {0x589, 0x58F},   {0x5BE, 0x5BE},
    {0x5C0, 0x5C0},   {0x5C3, 0x5C3},   {0x5F3, 0x5F4},   {0x600, 0x60F},   {0x61B, 0x61F},   {0x66A, 0x66D},   {0x6D4, 0x6D4},   {0x700, 0x70F},   {0x964, 0x965},
    {0xE3F, 0xE3F},   {0xE4F, 0xE5B},   {0x104A, 0x104F}, {0x10FB, 0x10FB}, {0x1360, 0x1368}, {0x17D4, 0x17DF},
    {0x1FBD, 0x1FBD}, {0x2000, 0x2BFF}, {0x2E00, 0x2E7F}, {0x3000, 0x303F}, {0x30FB, 0x30FB}, {0xD800, 0xF8FF},
    {0xFD3E, 0xFD3F}, {0xFE10, 0xFE6F}, {0xFF01, 0xFF65}, {0xFFE0, 0xFFFF}, {0xF0000, 0x10FFFF},
};

static bool s_is_in(const struct s_range *ranges, size_t count, uint32_t c)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ranges[middle].last < c)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && ranges[low].first <= c;
}

#define IS_IN(ranges, c) s_is_in(ranges, sizeof(ranges) / sizeof(ranges)[0], c)

/* c is folded. */
static glyph_class_t s_class(uint32_t c)
{
    if (c < 0x80)
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ? GLYPH_WORD : GLYPH_BREAK;
    if (IS_IN(RUNS, c))
        return GLYPH_RUN;
    return IS_IN(BREAKS, c) ? GLYPH_BREAK : GLYPH_WORD;
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

static void s_add(struct search_text *self, uint32_t c, size_t from, size_t to)
{
    glyph_class_t class = s_class(c);
    struct search_glyph *last = self->count ? &self->glyphs[self->count - 1] : NULL;
    if (class == GLYPH_BREAK && last && last->class == GLYPH_BREAK) {
        last->to = (uint16_t)to;
        return;
    }
    self->glyphs[self->count++] = (struct search_glyph){.c = class == GLYPH_BREAK ? ' ' : c, .from = (uint16_t)from,
                                                        .to = (uint16_t)to, .class = (uint8_t)class};
}

void search_text_read(struct search_text *self, view_t text)
{
    assert(text.len <= LIM_SEARCH_TEXT_BYTES_MAX);
    self->count = 0;
    for (size_t at = 0; at < text.len;) {
        uint32_t c, folded[2];
        size_t from = at;
        at += s_decode(text.bytes + at, &c);
        if (IS_IN(IGNORED, c)) {
            if (self->count) /* it belongs to the letter before it */
                self->glyphs[self->count - 1].to = (uint16_t)at;
            continue;
        }
        size_t count = search_fold(c, folded); /* never more than its bytes, so the glyphs suffice */
        for (size_t i = 0; i < count; i++)
            s_add(self, folded[i], from, at);
    }
}

size_t search_text_end(const struct search_text *self, size_t at)
{
    uint8_t class = self->glyphs[at].class;
    while (at < self->count && self->glyphs[at].class == class)
        at++;
    return at;
}

/* ---- terms ------------------------------------------------------------------------------------------------------ */

enum { TAG_USER = 'u', TAG_LINK = 'l' };

/* FNV-1a over 64 bits, folded to 32. */
static uint64_t s_hash(uint64_t hash, uint64_t value)
{
    for (int i = 0; i < 8; i++, value >>= 8)
        hash = (hash ^ (value & 0xFF)) * 0x100000001b3u;
    return hash;
}

static uint32_t s_finish(uint64_t hash)
{
    return (uint32_t)(hash ^ hash >> 32);
}

static const uint64_t BASIS = 0xcbf29ce484222325u;

uint32_t search_term_gram(glyph_class_t class, const struct search_glyph *glyphs, size_t count)
{
    uint64_t hash = s_hash(BASIS, (uint64_t)class << 8 | count);
    for (size_t i = 0; i < count; i++)
        hash = s_hash(hash, glyphs[i].c);
    return s_finish(hash);
}

uint32_t search_term_user(uint64_t user)
{
    return s_finish(s_hash(s_hash(BASIS, (uint64_t)TAG_USER << 8), user));
}

uint32_t search_term_link(void)
{
    return s_finish(s_hash(BASIS, (uint64_t)TAG_LINK << 8));
}

bool search_has_link(view_t text)
{
    for (size_t i = 0; i + 8 < text.len; i++) {
        const char *at = (const char *)text.bytes + i;
        if ((*at == 'h' || *at == 'H') && (strncasecmp(at, "http://", 7) == 0 || strncasecmp(at, "https://", 8) == 0))
            return true;
    }
    return false;
}

enum { SLOTS = 4 * LIM_SEARCH_TERMS_MAX }; /* a power of two */

struct s_terms {
    uint32_t *terms;
    size_t count;
    uint16_t slots[SLOTS]; /* place in terms plus one; 0: empty */
};

static void s_put(struct s_terms *self, uint32_t term)
{
    size_t slot = (term * 2654435761u) % SLOTS;
    for (; self->slots[slot]; slot = (slot + 1) % SLOTS)
        if (self->terms[self->slots[slot] - 1] == term)
            return;
    if (self->count == LIM_SEARCH_TERMS_MAX)
        return;
    self->terms[self->count++] = term;
    self->slots[slot] = (uint16_t)self->count;
}

static void s_put_word(struct s_terms *self, const struct search_glyph *word, size_t count)
{
    if (count < SEARCH_START_MIN)
        s_put(self, search_term_gram(GLYPH_WORD, word, count));
    for (size_t len = SEARCH_START_MIN; len <= SEARCH_START_MAX && len <= count; len++)
        s_put(self, search_term_gram(GLYPH_WORD, word, len));
    if (count < SEARCH_COMPOUND_MIN)
        return;
    size_t end = count < SEARCH_WORD_MAX ? count : SEARCH_WORD_MAX;
    for (size_t at = 1; at + SEARCH_START_MAX <= end; at++)
        s_put(self, search_term_gram(GLYPH_WORD, word + at, SEARCH_START_MAX));
}

static int s_compare(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

size_t search_terms_of(const struct search_text *text, uint64_t user, bool has_link,
                       uint32_t terms_out[LIM_SEARCH_TERMS_MAX])
{
    _Static_assert((SLOTS & (SLOTS - 1)) == 0 && LIM_SEARCH_TERMS_MAX < UINT16_MAX, "places fit their slots");
    struct s_terms self = {.terms = terms_out};
    s_put(&self, search_term_user(user));
    if (has_link)
        s_put(&self, search_term_link());
    for (size_t at = 0; at < text->count;) {
        size_t end = search_text_end(text, at);
        const struct search_glyph *glyphs = text->glyphs + at;
        if (glyphs->class == GLYPH_WORD)
            s_put_word(&self, glyphs, end - at);
        for (size_t i = 0; glyphs->class == GLYPH_RUN && i < end - at; i++) {
            s_put(&self, search_term_gram(GLYPH_RUN, glyphs + i, 1));
            if (i + 1 < end - at)
                s_put(&self, search_term_gram(GLYPH_RUN, glyphs + i, 2));
        }
        at = end;
    }
    qsort(terms_out, self.count, sizeof *terms_out, s_compare);
    return self.count;
}
