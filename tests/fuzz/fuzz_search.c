/* fuzz_search — a query and a text, divided by the first zero byte: whatever both are, what matches is also proposed by
 * the terms of the index, marks lie in the text, apart and between letters, and a snippet is clean and bounded. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "proto/search_query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct search_query s_query;
static struct search_text s_text;

static bool s_is_boundary(view_t text, size_t at)
{
    return at == text.len || (at < text.len && (text.bytes[at] & 0xC0) != 0x80);
}

static void s_check_glyphs(view_t text)
{
    search_text_read(&s_text, text);
    assert(s_text.count <= text.len);
    for (size_t i = 0; i < s_text.count; i++) {
        const struct search_glyph *glyph = &s_text.glyphs[i];
        assert(glyph->from < glyph->to && glyph->to <= text.len);
        assert(s_is_boundary(text, glyph->from) && s_is_boundary(text, glyph->to));
        assert(i == 0 || glyph->from >= s_text.glyphs[i - 1].from);
    }
}

static void s_check_proposed(view_t text)
{
    static uint32_t has[LIM_SEARCH_TERMS_MAX], wanted[LIM_SEARCH_QUERY_TERMS_MAX];
    size_t has_count = search_terms_of(&s_text, 1, search_has_link(text), has);
    size_t wanted_count = search_query_terms(&s_query, wanted);
    if (has_count == LIM_SEARCH_TERMS_MAX)
        return; /* what is beyond is not proposed */
    for (size_t i = 0; i < wanted_count; i++) {
        size_t j = 0;
        while (j < has_count && has[j] != wanted[i])
            j++;
        assert(j < has_count || (wanted[i] == search_term_link() && !search_has_link(text)));
    }
}

static void s_check_match(view_t text)
{
    struct search_span spans[LIM_SEARCH_MARKS_MAX];
    uint8_t snippet[LIM_SEARCH_SNIPPET_BYTES_MAX];
    size_t count, len;
    if (!search_query_match(&s_query, &s_text, spans, &count))
        return;
    s_check_proposed(text);
    for (size_t i = 0; i < count; i++) {
        assert(spans[i].from < spans[i].to && spans[i].to <= text.len);
        assert(s_is_boundary(text, spans[i].from) && s_is_boundary(text, spans[i].to));
        assert(i == 0 || spans[i - 1].to <= spans[i].from);
    }
    search_snippet(text, spans, &count, snippet, &len);
    assert(len <= LIM_SEARCH_SNIPPET_BYTES_MAX && text_is_clean(view_of(snippet, len)));
    for (size_t i = 0; i < count; i++)
        assert(spans[i].from < spans[i].to && spans[i].to <= search_utf16_len(view_of(snippet, len)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *zero = size ? memchr(data, 0, size) : NULL;
    size_t query_len = zero ? (size_t)(zero - data) : size, at;
    view_t query = view_of(data, query_len);
    view_t text = view_of(zero ? zero + 1 : data, zero ? size - query_len - 1 : size);
    struct search_cursor cursor;
    search_cursor_read(query, &cursor);
    if (query.len > LIM_SEARCH_QUERY_BYTES_MAX || text.len > LIM_TEXT_BYTES_MAX || !text_is_clean(query) ||
        !text_is_clean(text))
        return 0;
    s_check_glyphs(text);
    if (search_query_read(&s_query, query, SEARCH_UTC, &at) == SEARCH_FINE)
        s_check_match(text);
    else
        assert(at <= query.len);
    return 0;
}
