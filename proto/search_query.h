/* search_query — what a person searches for: words, "quoted words", and filters; and where a line has them.
 *
 *   in:ROOM        lines of rooms of this name (in:"two words"), or of the room with this number; several: any of them
 *   from:PERSON    lines of this person, whatever the case of the name; from:me
 *   after:DATE     from the beginning of this day, month or year on: 2026-11-23, 2026-11, 2026
 *   before:DATE    until just before the beginning of it
 *   has:link       lines with a web address
 *
 * Everything else is words, and a line must have them all, in any order; what stands together or in quotes must stand
 * together. A word is found by its beginning, in quotes only whole; see search_text.h.
 *
 * Pure; the edge and the store read a query alike. Runs on: any thread. */
#ifndef ROOKERY_PROTO_SEARCH_QUERY_H
#define ROOKERY_PROTO_SEARCH_QUERY_H

#include "proto/search_text.h"

enum { SEARCH_UTC = 840, SEARCH_ZONE_MAX = 1680 }; /* minutes east of UTC, plus 840 */

typedef enum {
    SEARCH_FINE,
    SEARCH_NOTHING,          /* no word, from: or has:link: too little to look for */
    SEARCH_NO_VALUE,         /* a filter without a value */
    SEARCH_BAD_DATE,
    SEARCH_BAD_HAS,          /* has: something else */
    SEARCH_TOO_MANY_WORDS,   /* more than LIM_SEARCH_WORDS_MAX */
    SEARCH_TOO_MANY_FILTERS, /* more than LIM_SEARCH_ROOMS_MAX in:, or a second from: */
    SEARCH_NO_SUCH_ROOM,     /* of the store: you are in no such room */
    SEARCH_NO_SUCH_PERSON,   /* of the store */
} search_fault_t;

const char *search_fault_text(search_fault_t fault); /* a sentence */

struct search_piece {
    uint16_t first, count; /* in glyphs */
    bool is_whole;         /* quoted: not only its beginning */
    bool is_joined;        /* stands right after the piece before it */
};

struct search_name {
    view_t text; /* borrows the query; without # and @ */
    size_t at;   /* byte of the query where the filter begins */
};

struct search_query {
    size_t piece_count, room_count, person_count;
    struct search_piece pieces[LIM_SEARCH_WORDS_MAX];
    struct search_name rooms[LIM_SEARCH_ROOMS_MAX], person;
    uint64_t after_ms, before_ms; /* UTC; at_ms >= after_ms and < before_ms */
    bool has_link;
    struct search_text text; /* of the query; pieces are parts of it */
};

/* query: clean UTF-8 of at most LIM_SEARCH_QUERY_BYTES_MAX; zone: for dates, 0 … SEARCH_ZONE_MAX. at_out: the byte a
 * fault is about. */
search_fault_t search_query_read(struct search_query *self, view_t query, uint32_t zone, size_t *at_out);

/* Terms that every line has which search_query_match would take; distinct, without the person's. */
size_t search_query_terms(const struct search_query *self, uint32_t terms_out[LIM_SEARCH_QUERY_TERMS_MAX]);

struct search_span {
    uint16_t from, to; /* bytes of the text */
};

/* Does the text have all the words? spans: where, ascending and apart, as many as fit. */
bool search_query_match(const struct search_query *self, const struct search_text *text,
                        struct search_span spans_out[LIM_SEARCH_MARKS_MAX], size_t *span_count_out);

/* The part of a text that is shown: around the first span, on one line, at most LIM_SEARCH_SNIPPET_BYTES_MAX, with …
 * where it is cut. spans become places in it, in UTF-16 code units as JavaScript counts; those outside go. */
void search_snippet(view_t text, struct search_span spans[LIM_SEARCH_MARKS_MAX], size_t *span_count,
                    uint8_t snippet_out[LIM_SEARCH_SNIPPET_BYTES_MAX], size_t *len_out);

size_t search_utf16_len(view_t text);

/* Where a page of results ends: the next one is older than this. Text of its own: "at_ms.room.seq". */
struct search_cursor {
    uint64_t at_ms, room, seq;
};
bool search_cursor_read(view_t text, struct search_cursor *out); /* false: none that this server gave */
size_t search_cursor_print(const struct search_cursor *self, char text_out[LIM_SEARCH_CURSOR_BYTES_MAX]);

#endif
