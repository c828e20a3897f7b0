#include "proto/search_query.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "proto/ids.h"

static const char *const FAULTS[] = {
    [SEARCH_FINE] = "",
    [SEARCH_NOTHING] = "Write a word to look for, or from: and a name.",
    [SEARCH_NO_VALUE] = "Write something right after the colon.",
    [SEARCH_BAD_DATE] = "Write a date as 2026-11-23, 2026-11 or 2026.",
    [SEARCH_BAD_HAS] = "Only has:link is known.",
    [SEARCH_TOO_MANY_WORDS] = "These are too many words at once.",
    [SEARCH_TOO_MANY_FILTERS] = "These are too many rooms at once, or more than one person.",
    [SEARCH_NO_SUCH_ROOM] = "You are in no room of this name.",
    [SEARCH_NO_SUCH_PERSON] = "Nobody has this name.",
};

const char *search_fault_text(search_fault_t fault)
{
    return FAULTS[fault];
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

typedef enum { FILTER_NONE, FILTER_IN, FILTER_FROM, FILTER_BEFORE, FILTER_AFTER, FILTER_HAS } filter_t;

/* One part of the query between spaces, or in quotes. */
struct s_token {
    size_t at; /* where it begins, with its filter */
    filter_t filter;
    bool is_quoted;
    view_t value;
};

static bool s_is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

static filter_t s_filter(view_t *rest)
{
    static const struct {
        const char *name;
        filter_t filter;
    } FILTERS[] = {{"in:", FILTER_IN},         {"from:", FILTER_FROM}, {"before:", FILTER_BEFORE},
                   {"after:", FILTER_AFTER}, {"has:", FILTER_HAS}};
    for (size_t i = 0; i < sizeof FILTERS / sizeof FILTERS[0]; i++) {
        size_t len = strlen(FILTERS[i].name);
        if (rest->len < len || strncasecmp((const char *)rest->bytes, FILTERS[i].name, len) != 0)
            continue;
        *rest = view_of(rest->bytes + len, rest->len - len);
        return FILTERS[i].filter;
    }
    return FILTER_NONE;
}

/* A quote without an end goes to the end. */
static bool s_next(view_t query, size_t *at, struct s_token *out)
{
    while (*at < query.len && s_is_space(query.bytes[*at]))
        ++*at;
    if (*at == query.len)
        return false;
    view_t rest = view_of(query.bytes + *at, query.len - *at);
    *out = (struct s_token){.at = *at, .filter = s_filter(&rest)};
    out->is_quoted = rest.len > 0 && rest.bytes[0] == '"';
    if (out->is_quoted)
        rest = view_of(rest.bytes + 1, rest.len - 1);
    size_t len = 0;
    while (len < rest.len && (out->is_quoted ? rest.bytes[len] != '"' : !s_is_space(rest.bytes[len])))
        len++;
    out->value = view_of(rest.bytes, len);
    *at = (size_t)(rest.bytes - query.bytes) + len + (out->is_quoted && len < rest.len);
    return true;
}

static bool s_digits(view_t *rest, size_t count, unsigned *value_out)
{
    *value_out = 0;
    if (rest->len < count)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (rest->bytes[i] < '0' || rest->bytes[i] > '9')
            return false;
        *value_out = *value_out * 10 + (unsigned)(rest->bytes[i] - '0');
    }
    *rest = view_of(rest->bytes + count, rest->len - count);
    return true;
}

static bool s_dash(view_t *rest)
{
    if (rest->len == 0 || rest->bytes[0] != '-')
        return false;
    *rest = view_of(rest->bytes + 1, rest->len - 1);
    return true;
}

/* Days from 1970-01-01 in the Gregorian calendar; year >= 1970. */
static uint64_t s_days(unsigned year, unsigned month, unsigned day)
{
    static const unsigned BEFORE[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    unsigned last = year - 1;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return (uint64_t)(year - 1970) * 365 + (last / 4 - 492) - (last / 100 - 19) + (last / 400 - 4) +
           BEFORE[month - 1] + (leap && month > 2) + day - 1;
}

static unsigned s_month_days(unsigned year, unsigned month)
{
    static const unsigned DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return DAYS[month - 1] + (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
}

/* The first moment of a day, month or year where the clocks are zone. */
static bool s_date(view_t text, uint32_t zone, uint64_t *ms_out)
{
    unsigned year, month = 1, day = 1;
    if (!s_digits(&text, 4, &year))
        return false;
    if (text.len > 0 && (!s_dash(&text) || !s_digits(&text, 2, &month)))
        return false;
    if (text.len > 0 && (!s_dash(&text) || !s_digits(&text, 2, &day)))
        return false;
    if (text.len > 0 || year < 1971 || month < 1 || month > 12 || day < 1 || day > s_month_days(year, month))
        return false;
    int64_t east_ms = ((int64_t)zone - SEARCH_UTC) * 60000;
    *ms_out = (uint64_t)((int64_t)(s_days(year, month, day) * 86400000u) - east_ms);
    return true;
}

/* The words of a token that stand together, as pieces of the query's text. */
static search_fault_t s_add_words(struct search_query *self, const struct s_token *token, view_t query)
{
    size_t from = (size_t)(token->value.bytes - query.bytes), to = from + token->value.len, before = self->piece_count;
    for (size_t at = 0; at < self->text.count;) {
        const struct search_glyph *glyph = &self->text.glyphs[at];
        if (glyph->class == GLYPH_BREAK || glyph->from < from || glyph->from >= to) {
            at++;
            continue;
        }
        size_t end = at; /* a run of glyphs of one class; the token may end within it: "a"b */
        while (end < self->text.count && self->text.glyphs[end].class == glyph->class &&
               self->text.glyphs[end].from < to)
            end++;
        if (self->piece_count == LIM_SEARCH_WORDS_MAX)
            return SEARCH_TOO_MANY_WORDS;
        if (self->piece_count > before) /* what another one follows must be whole */
            self->pieces[self->piece_count - 1].is_whole = true;
        self->pieces[self->piece_count] = (struct search_piece){.first = (uint16_t)at, .count = (uint16_t)(end - at),
                                                                .is_whole = token->is_quoted,
                                                                .is_joined = self->piece_count > before};
        self->piece_count++;
        at = end;
    }
    return SEARCH_FINE;
}

static search_fault_t s_add_name(const struct s_token *token, char mark, struct search_name *names, size_t max,
                                 size_t *count)
{
    view_t text = token->value;
    if (text.len > 1 && text.bytes[0] == mark)
        text = view_of(text.bytes + 1, text.len - 1);
    if (*count == max)
        return SEARCH_TOO_MANY_FILTERS;
    names[(*count)++] = (struct search_name){.text = text, .at = token->at};
    return SEARCH_FINE;
}

static search_fault_t s_add(struct search_query *self, const struct s_token *token, view_t query, uint32_t zone)
{
    uint64_t ms = 0;
    if (token->filter != FILTER_NONE && token->value.len == 0)
        return SEARCH_NO_VALUE;
    switch (token->filter) {
    case FILTER_NONE: return s_add_words(self, token, query);
    case FILTER_IN: return s_add_name(token, '#', self->rooms, LIM_SEARCH_ROOMS_MAX, &self->room_count);
    case FILTER_FROM: return s_add_name(token, '@', &self->person, 1, &self->person_count);
    case FILTER_BEFORE:
        if (!s_date(token->value, zone, &ms))
            return SEARCH_BAD_DATE;
        self->before_ms = ms < self->before_ms ? ms : self->before_ms;
        return SEARCH_FINE;
    case FILTER_AFTER:
        if (!s_date(token->value, zone, &ms))
            return SEARCH_BAD_DATE;
        self->after_ms = ms > self->after_ms ? ms : self->after_ms;
        return SEARCH_FINE;
    case FILTER_HAS: break;
    }
    self->has_link = true;
    return view_is_equal(token->value, view_of_text("link")) ? SEARCH_FINE : SEARCH_BAD_HAS;
}

search_fault_t search_query_read(struct search_query *self, view_t query, uint32_t zone, size_t *at_out)
{
    assert(query.len <= LIM_SEARCH_QUERY_BYTES_MAX);
    self->piece_count = self->room_count = self->person_count = 0;
    self->after_ms = 0;
    self->before_ms = ID_MAX;
    self->has_link = false;
    search_text_read(&self->text, query);
    struct s_token token;
    for (size_t at = 0; s_next(query, &at, &token);) {
        search_fault_t fault = s_add(self, &token, query, zone);
        *at_out = token.at;
        if (fault)
            return fault;
    }
    *at_out = 0;
    return self->piece_count || self->person_count || self->has_link ? SEARCH_FINE : SEARCH_NOTHING;
}

/* ---- terms ------------------------------------------------------------------------------------------------------ */

struct s_terms {
    uint32_t *terms;
    size_t count;
};

static void s_put(struct s_terms *self, const struct search_glyph *glyphs, size_t count)
{
    uint32_t term = search_term_gram(glyphs->class, glyphs, count);
    for (size_t i = 0; i < self->count; i++)
        if (self->terms[i] == term)
            return;
    if (self->count < LIM_SEARCH_QUERY_TERMS_MAX)
        self->terms[self->count++] = term;
}

size_t search_query_terms(const struct search_query *self, uint32_t terms_out[LIM_SEARCH_QUERY_TERMS_MAX])
{
    struct s_terms found = {.terms = terms_out};
    if (self->has_link)
        found.terms[found.count++] = search_term_link();
    for (size_t i = 0; i < self->piece_count; i++) {
        const struct search_glyph *glyphs = self->text.glyphs + self->pieces[i].first;
        size_t count = self->pieces[i].count;
        if (glyphs->class == GLYPH_RUN) {
            for (size_t at = 0; at + 1 < count; at++)
                s_put(&found, glyphs + at, 2);
            if (count == 1)
                s_put(&found, glyphs, 1);
            continue;
        }
        s_put(&found, glyphs, count < SEARCH_START_MAX ? count : SEARCH_START_MAX);
        if (count >= SEARCH_COMPOUND_MIN) /* only a compound has it, and those have all their parts */
            s_put(&found, glyphs + SEARCH_START_MAX, SEARCH_START_MAX);
    }
    return found.count;
}

/* ---- matching --------------------------------------------------------------------------------------------------- */

static bool s_is_same(const struct search_glyph *a, const struct search_glyph *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (a[i].c != b[i].c || a[i].class != b[i].class)
            return false;
    return true;
}

/* start: where the word or run begins in which `at` stands. */
static bool s_piece_is_at(const struct search_query *self, const struct search_piece *piece,
                          const struct search_text *text, size_t start, size_t at)
{
    const struct search_glyph *wanted = self->text.glyphs + piece->first;
    if (at + piece->count > text->count || !s_is_same(wanted, text->glyphs + at, piece->count))
        return false;
    if (wanted->class == GLYPH_RUN)
        return true;
    size_t end = at + piece->count;
    bool is_at_end = end == text->count || text->glyphs[end].class != GLYPH_WORD;
    if (at == start)
        return is_at_end || (!piece->is_whole && piece->count >= SEARCH_START_MIN);
    size_t reach = piece->count < SEARCH_COMPOUND_MIN ? SEARCH_START_MAX : SEARCH_COMPOUND_MIN;
    return !piece->is_whole && piece->count >= SEARCH_START_MAX && at - start + reach <= SEARCH_WORD_MAX &&
           search_text_end(text, start) - start >= SEARCH_COMPOUND_MIN;
}

/* Pieces first … end-1, joined, beginning at `at`; gives where they end, or 0. Between them at most one break. */
static size_t s_match_at(const struct search_query *self, size_t first, size_t end, const struct search_text *text,
                         size_t start, size_t at)
{
    for (size_t i = first; i < end; i++) {
        if (i > first && at < text->count && text->glyphs[at].class == GLYPH_BREAK)
            at++;
        if (!s_piece_is_at(self, &self->pieces[i], text, i == first ? start : at, at))
            return 0;
        at += self->pieces[i].count;
    }
    return at;
}

static void s_add_span(struct search_span span, struct search_span *spans, size_t *count)
{
    size_t at = *count;
    while (at > 0 && spans[at - 1].from > span.from)
        at--;
    if ((at > 0 && spans[at - 1].to > span.from) || (at < *count && spans[at].from < span.to))
        return; /* a part of it is marked already */
    if (*count == LIM_SEARCH_MARKS_MAX) {
        if (at == *count)
            return;
        --*count;
    }
    memmove(spans + at + 1, spans + at, (*count - at) * sizeof *spans);
    spans[at] = span;
    ++*count;
}

bool search_query_match(const struct search_query *self, const struct search_text *text,
                        struct search_span spans_out[LIM_SEARCH_MARKS_MAX], size_t *span_count_out)
{
    *span_count_out = 0;
    for (size_t first = 0, end; first < self->piece_count; first = end) {
        for (end = first + 1; end < self->piece_count && self->pieces[end].is_joined;)
            end++;
        bool found = false;
        size_t start = 0;
        for (size_t at = 0; at < text->count; at++) {
            if (at > 0 && text->glyphs[at].class != text->glyphs[at - 1].class)
                start = at;
            size_t to = text->glyphs[at].class == GLYPH_BREAK ? 0 : s_match_at(self, first, end, text, start, at);
            if (to == 0)
                continue;
            found = true;
            s_add_span((struct search_span){.from = text->glyphs[at].from, .to = text->glyphs[to - 1].to}, spans_out,
                       span_count_out);
            at = to - 1;
        }
        if (!found)
            return false;
    }
    return true;
}

/* ---- showing ---------------------------------------------------------------------------------------------------- */

enum { ELLIPSIS_BYTES = 3, LEAD_BYTES = 72 };

static bool s_is_inside(uint8_t byte)
{
    return (byte & 0xC0) == 0x80;
}

size_t search_utf16_len(view_t text)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++)
        len += s_is_inside(text.bytes[i]) ? 0u : text.bytes[i] >= 0xF0 ? 2u : 1u;
    return len;
}

/* Where to begin so that what comes before the first span is seen too: at the beginning of a word, if one is near. */
static size_t s_begin(view_t text, size_t span_from)
{
    size_t room = LIM_SEARCH_SNIPPET_BYTES_MAX - 2 * ELLIPSIS_BYTES;
    if (text.len <= room || span_from <= LEAD_BYTES)
        return 0;
    size_t begin = span_from - LEAD_BYTES;
    if (text.len - begin < room)
        begin = text.len - room;
    for (size_t at = begin; at < begin + LEAD_BYTES / 2 && at < span_from; at++)
        if (s_is_space(text.bytes[at]))
            return at + 1;
    while (begin > 0 && s_is_inside(text.bytes[begin]))
        begin--;
    return begin;
}

static size_t s_end(view_t text, size_t begin)
{
    size_t end = begin + LIM_SEARCH_SNIPPET_BYTES_MAX - 2 * ELLIPSIS_BYTES;
    if (end >= text.len)
        return text.len;
    while (end > begin && s_is_inside(text.bytes[end]))
        end--;
    return end;
}

void search_snippet(view_t text, struct search_span spans[LIM_SEARCH_MARKS_MAX], size_t *span_count,
                    uint8_t snippet_out[LIM_SEARCH_SNIPPET_BYTES_MAX], size_t *len_out)
{
    static const char ELLIPSIS[] = "…";
    size_t begin = s_begin(text, *span_count ? spans[0].from : 0), end = s_end(text, begin);
    size_t len = 0, count = 0, lead = begin > 0;
    if (begin > 0) {
        memcpy(snippet_out, ELLIPSIS, ELLIPSIS_BYTES);
        len = ELLIPSIS_BYTES;
    }
    for (size_t i = begin; i < end; i++)
        snippet_out[len++] = s_is_space(text.bytes[i]) ? ' ' : text.bytes[i];
    if (end < text.len) {
        memcpy(snippet_out + len, ELLIPSIS, ELLIPSIS_BYTES);
        len += ELLIPSIS_BYTES;
    }
    *len_out = len;
    for (size_t i = 0; i < *span_count; i++) {
        if (spans[i].from < begin || spans[i].to > end)
            continue;
        size_t from = lead + search_utf16_len(view_of(text.bytes + begin, spans[i].from - begin));
        size_t to = from + search_utf16_len(view_of(text.bytes + spans[i].from, (size_t)(spans[i].to - spans[i].from)));
        spans[count++] = (struct search_span){.from = (uint16_t)from, .to = (uint16_t)to};
    }
    *span_count = count;
}

/* ---- pages ------------------------------------------------------------------------------------------------------ */

bool search_cursor_read(view_t text, struct search_cursor *out)
{
    uint64_t *const parts[] = {&out->at_ms, &out->room, &out->seq};
    size_t at = 0;
    for (size_t part = 0; part < 3; part++) {
        size_t from = at;
        *parts[part] = 0;
        while (at < text.len && text.bytes[at] >= '0' && text.bytes[at] <= '9' && at - from < 16)
            *parts[part] = *parts[part] * 10 + (uint64_t)(text.bytes[at++] - '0');
        if (at == from || *parts[part] > ID_MAX || (part < 2 && (at == text.len || text.bytes[at++] != '.')))
            return false;
    }
    return at == text.len;
}

size_t search_cursor_print(const struct search_cursor *self, char text_out[LIM_SEARCH_CURSOR_BYTES_MAX])
{
    return (size_t)snprintf(text_out, LIM_SEARCH_CURSOR_BYTES_MAX, "%" PRIu64 ".%" PRIu64 ".%" PRIu64, self->at_ms,
                            self->room, self->seq);
}
