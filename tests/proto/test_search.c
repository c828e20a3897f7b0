/* What search makes of texts and of queries: CJK, Turkish, German, emoji, long words, hostile input, every bound. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/search_query.h"

static struct search_query s_query;
static struct search_text s_text;
static struct search_span s_spans[LIM_SEARCH_MARKS_MAX];
static size_t s_span_count;

static search_fault_t s_read(const char *query)
{
    size_t at;
    return search_query_read(&s_query, view_of_text(query), SEARCH_UTC, &at);
}

static void s_append(char *text, size_t size, const char *more)
{
    size_t len = strlen(text);
    assert_true(len + strlen(more) < size);
    memcpy(text + len, more, strlen(more) + 1);
}

/* Would the index propose this text for the query? */
static bool s_is_proposed(const char *text)
{
    static uint32_t has[LIM_SEARCH_TERMS_MAX], wanted[LIM_SEARCH_QUERY_TERMS_MAX];
    search_text_read(&s_text, view_of_text(text));
    size_t has_count = search_terms_of(&s_text, 7, search_has_link(view_of_text(text)), has);
    size_t wanted_count = search_query_terms(&s_query, wanted);
    for (size_t i = 0; i < wanted_count; i++) {
        bool found = false;
        for (size_t j = 0; j < has_count && !found; j++)
            found = has[j] == wanted[i];
        if (!found)
            return false;
    }
    return true;
}

/* A line is found when the index proposes it and it matches; what matches must be proposed. */
static bool s_finds(const char *query, const char *text)
{
    assert_int_equal(SEARCH_FINE, s_read(query));
    bool is_proposed = s_is_proposed(text);
    search_text_read(&s_text, view_of_text(text));
    bool matches = search_query_match(&s_query, &s_text, s_spans, &s_span_count);
    assert_true(!matches || is_proposed);
    return matches;
}

static void s_marked(size_t span, const char *text, const char *part)
{
    assert_true(span < s_span_count);
    view_t marked = view_of(text + s_spans[span].from, (size_t)(s_spans[span].to - s_spans[span].from));
    assert_int_equal(strlen(part), marked.len);
    assert_memory_equal(part, marked.bytes, marked.len);
}

/* ---- words ------------------------------------------------------------------------------------------------------ */

static void test_words_are_found_by_their_beginning_in_any_case(void **state)
{
    (void)state;
    assert_true(s_finds("deploy", "The DEPLOYMENT failed"));
    assert_true(s_finds("Deployment", "a deployment"));
    assert_false(s_finds("deployments", "a deployment"));
    assert_true(s_finds("fail dep", "The DEPLOYMENT failed"));
    assert_false(s_finds("fail cat", "The DEPLOYMENT failed"));
    assert_false(s_finds("ploy", "a deploy"));
    assert_true(s_finds("dont", "dont"));
    assert_true(s_finds("don't", "I don't know"));
    assert_false(s_finds("don't", "don and t"));
    assert_true(s_finds("v1.2.3", "since V1.2.3, it works"));
    assert_false(s_finds("v1.2.3", "since v1.2.30 it works"));
    assert_true(s_finds("room_post", "see room_post()"));
}

static void test_short_words_are_found_only_whole(void **state)
{
    (void)state;
    assert_true(s_finds("ci", "the CI is red"));
    assert_false(s_finds("ci", "circle"));
    assert_true(s_finds("x", "x marks it"));
    assert_false(s_finds("x", "xylophone"));
    assert_true(s_finds("cir", "circle"));
}

static void test_german_words(void **state)
{
    (void)state;
    const char *street = "Die Straße ist gesperrt";
    assert_true(s_finds("strasse", street));
    s_marked(0, street, "Straße");
    assert_true(s_finds("STRASSE", street));
    assert_true(s_finds("straße", "STRASSE"));
    assert_true(s_finds("straße", "STRAẞE"));
    assert_true(s_finds("stras", street));
    assert_true(s_finds("Müller", "muller"));
    assert_true(s_finds("muller", "Müller"));
    assert_true(s_finds("muller", "Mu\xcc\x88ller")); /* u and a combining diaeresis */
    assert_false(s_finds("mueller", "Müller"));
    assert_true(s_finds("haus", "Häuser"));
    const char *ship = "Der Donaudampfschifffahrtskapitän";
    assert_true(s_finds("schiff", ship));
    s_marked(0, ship, "schiff");
    assert_true(s_finds("kapitan", ship));
    assert_true(s_finds("kapitän", ship));
    assert_true(s_finds("dampfschifffahrt", ship));
    assert_false(s_finds("ahrt", ship)); /* four letters: only by the beginning */
    assert_false(s_finds("chiff", "Schiffe")); /* seven letters are no compound */
    assert_true(s_finds("lings", "Frühlingsfest"));
}

static void test_turkish_words(void **state)
{
    (void)state;
    static const char *const SAME[] = {"ISPARTA", "Isparta", "ısparta", "isparta", "İsparta", "i\xcc\x87sparta"};
    for (size_t i = 0; i < sizeof SAME / sizeof SAME[0]; i++)
        for (size_t j = 0; j < sizeof SAME / sizeof SAME[0]; j++)
            assert_true(s_finds(SAME[i], SAME[j]));
    const char *text = "Yarın İstanbul'da buluşalım, çocuğun kitabı ĞÜŞÖÇ";
    assert_true(s_finds("istanbul", text));
    s_marked(0, text, "İstanbul");
    assert_true(s_finds("ISTANBUL", text));
    assert_true(s_finds("bulusalim", text));
    assert_true(s_finds("buluş", text));
    assert_true(s_finds("kitap", "kitaplarımızdan"));
    assert_true(s_finds("gusoc", text));
    assert_true(s_finds("ÇOCUK", "çocukların"));
}

static void test_cjk_text_is_found_by_any_part(void **state)
{
    (void)state;
    const char *text = "明日は東京タワーに行きます";
    assert_true(s_finds("東京", text));
    s_marked(0, text, "東京");
    assert_true(s_finds("タワー", text));
    assert_true(s_finds("京", text));
    assert_true(s_finds("に行き", text));
    assert_true(s_finds("明日は東京タワーに行きます", text));
    assert_false(s_finds("京東", text));
    assert_false(s_finds("東タ", text));
    assert_true(s_finds("全文搜索", "聊天支持全文搜索功能"));
    assert_false(s_finds("全搜", "聊天支持全文搜索功能"));
    assert_true(s_finds("데이터", "데이터베이스를 복구했다"));
    assert_true(s_finds("베이스", "데이터베이스를 복구했다"));
    assert_true(s_finds("สวัสดี", "สวัสดีครับ"));
    assert_true(s_finds("iphone買", "新しいiPhone買った"));
    assert_true(s_finds("買 iphone", "新しいiPhone買った"));
    assert_true(s_finds("ＡＢＣ１２３", "abc123"));
    assert_true(s_finds("ﾃｽﾄ", "テスト"));
    assert_false(s_finds("東京 大阪", text));
    assert_true(s_finds("\"東京タワー\"", text));
    assert_false(s_finds("東京", "東、京")); /* a break between them */
}

static void test_emoji_are_found_with_and_without_their_modifiers(void **state)
{
    (void)state;
    assert_true(s_finds("🎉", "done 🎉🎉"));
    assert_true(s_finds("👍", "👍🏽 fine"));
    assert_true(s_finds("👍🏽", "👍 fine"));
    assert_true(s_finds("❤️", "❤"));
    assert_true(s_finds("🇩🇪", "in 🇩🇪 now"));
    assert_false(s_finds("🇹🇷", "in 🇩🇪 now"));
    assert_false(s_finds("🎉", "done"));
}

static void test_other_scripts(void **state)
{
    (void)state;
    assert_true(s_finds("привет", "ПРИВЕТ, мир"));
    assert_true(s_finds("ёлка", "елка"));
    assert_true(s_finds("ΑΘΗΝΑ", "Αθήνα"));
    assert_true(s_finds("λόγος", "ΛΟΓΟΣ"));
    assert_true(s_finds("سلام", "سَلَام"));
    assert_true(s_finds("שלום", "שָׁלוֹם"));
    assert_true(s_finds("tieng", "Tiếng Việt"));
    assert_true(s_finds("हिन्दी", "यह हिन्दी है"));
    assert_true(s_finds("lodz", "Łódź"));
}

static void test_quoted_words_stand_together_and_whole(void **state)
{
    (void)state;
    assert_true(s_finds("\"rolled back\"", "we rolled back the release"));
    assert_true(s_finds("\"rolled back\"", "we rolled, back"));
    assert_false(s_finds("\"rolled back\"", "back we rolled"));
    assert_false(s_finds("\"rolled bac\"", "we rolled back"));
    assert_false(s_finds("\"deploy\"", "deployment"));
    assert_true(s_finds("\"open quote", "an open quote here"));
    assert_false(s_finds("\"kapitan\"", "Donaudampfschifffahrtskapitän"));
}

/* ---- long and hostile ------------------------------------------------------------------------------------------- */

static void test_long_words_are_found_within_as_far_as_is_looked(void **state)
{
    (void)state;
    char text[LIM_TEXT_BYTES_MAX + 1];
    memset(text, 'a', LIM_TEXT_BYTES_MAX);
    text[LIM_TEXT_BYTES_MAX] = '\0';
    memcpy(text + SEARCH_WORD_MAX - 5, "needle", 6); /* its first five letters are just within */
    assert_true(s_finds("needl", text));
    memset(text, 'a', LIM_TEXT_BYTES_MAX);
    memcpy(text + SEARCH_WORD_MAX - 4, "needle", 6);
    assert_false(s_finds("needl", text));
    memset(text, 'a', LIM_TEXT_BYTES_MAX);
    memcpy(text + SEARCH_WORD_MAX - 10, "needleworker", 12);
    assert_true(s_finds("needleworker", text));
    memset(text, 'a', LIM_TEXT_BYTES_MAX);
    memcpy(text + SEARCH_WORD_MAX - 9, "needleworker", 12);
    assert_false(s_finds("needleworker", text));
    char query[LIM_SEARCH_QUERY_BYTES_MAX + 1];
    memset(query, 'a', LIM_SEARCH_QUERY_BYTES_MAX);
    query[LIM_SEARCH_QUERY_BYTES_MAX] = '\0';
    memset(text, 'a', LIM_TEXT_BYTES_MAX);
    assert_true(s_finds(query, text));
    query[LIM_SEARCH_QUERY_BYTES_MAX - 1] = 'b';
    assert_false(s_finds(query, text));
}

/* The densest texts: letters that fold to two, runs of different signs, words without a common beginning. */
static void test_every_text_fits(void **state)
{
    (void)state;
    static uint32_t terms[LIM_SEARCH_TERMS_MAX];
    char text[LIM_TEXT_BYTES_MAX + 1];
    for (size_t i = 0; i < LIM_TEXT_BYTES_MAX; i += 2)
        memcpy(text + i, "ß", 2);
    search_text_read(&s_text, view_of(text, LIM_TEXT_BYTES_MAX));
    assert_int_equal(LIM_TEXT_BYTES_MAX, s_text.count);
    for (size_t i = 0; i + 3 <= LIM_TEXT_BYTES_MAX; i += 3)
        snprintf(text + i, 4, "%c%c%c", 0xe4 + (int)(i / 3 / 64 % 5), 0x80 + (int)(i / 3 / 8 % 64), 0x80 + (int)(i / 3 % 64));
    search_text_read(&s_text, view_of(text, LIM_TEXT_BYTES_MAX / 3 * 3));
    assert_int_equal(LIM_TEXT_BYTES_MAX / 3, s_text.count);
    assert_int_equal(LIM_SEARCH_TERMS_MAX, search_terms_of(&s_text, 1, true, terms));
    for (size_t i = 1; i < LIM_SEARCH_TERMS_MAX; i++)
        assert_true(terms[i - 1] < terms[i]);
    search_text_read(&s_text, view_of(NULL, 0));
    assert_int_equal(0, s_text.count);
    assert_int_equal(2, search_terms_of(&s_text, 1, true, terms));
    search_text_read(&s_text, view_of_text("\xcc\x88\xe2\x80\x8d")); /* only what is not there */
    assert_int_equal(0, s_text.count);
}

static void test_the_words_before_the_bound_of_terms_are_found_and_their_author(void **state)
{
    (void)state;
    static uint32_t terms[LIM_SEARCH_TERMS_MAX];
    char text[LIM_TEXT_BYTES_MAX + 1];
    size_t len = 0;
    for (unsigned i = 0; len + 6 <= LIM_TEXT_BYTES_MAX; i++) /* three terms each */
        len += (size_t)snprintf(text + len, 7, "%c%c%c%c%c ", 'a' + (int)(i % 26), 'a' + (int)(i / 26 % 26),
                                'a' + (int)(i / 676), 'q', 'w');
    search_text_read(&s_text, view_of(text, len));
    assert_int_equal(LIM_SEARCH_TERMS_MAX, search_terms_of(&s_text, 5, false, terms));
    bool has_user = false;
    for (size_t i = 0; i < LIM_SEARCH_TERMS_MAX; i++)
        has_user = has_user || terms[i] == search_term_user(5);
    assert_true(has_user);
    text[len] = '\0';
    assert_true(s_finds("aaaqw baaqw", text));
}

/* ---- queries ---------------------------------------------------------------------------------------------------- */

static void s_fault(const char *query, search_fault_t fault, size_t at)
{
    size_t where = 999;
    assert_int_equal(fault, search_query_read(&s_query, view_of_text(query), SEARCH_UTC, &where));
    assert_int_equal(at, where);
    assert_true(strlen(search_fault_text(fault)) > 0);
}

static void test_filters_are_read(void **state)
{
    (void)state;
    assert_int_equal(SEARCH_FINE, s_read("IN:#general in:\"design team\" From:@alice Has:link after:2026-11-01 "
                                         "before:2026-12 http://x.org hello"));
    assert_int_equal(2, s_query.room_count);
    assert_true(view_is_equal(view_of_text("general"), s_query.rooms[0].text));
    assert_true(view_is_equal(view_of_text("design team"), s_query.rooms[1].text));
    assert_int_equal(12, s_query.rooms[1].at);
    assert_int_equal(1, s_query.person_count);
    assert_true(view_is_equal(view_of_text("alice"), s_query.person.text));
    assert_true(s_query.has_link);
    assert_true(s_query.after_ms == 1793491200000u);
    assert_true(s_query.before_ms == 1796083200000u);
    assert_int_equal(4, s_query.piece_count); /* http x org hello */
    assert_int_equal(SEARCH_FINE, s_read("from:me"));
    assert_int_equal(SEARCH_FINE, s_read("has:link in:x"));
}

static void test_what_is_wrong_is_said_with_its_place(void **state)
{
    (void)state;
    s_fault("", SEARCH_NOTHING, 0);
    s_fault("  ... ", SEARCH_NOTHING, 0);
    s_fault("in:general after:2026", SEARCH_NOTHING, 0);
    s_fault("cat in:", SEARCH_NO_VALUE, 4);
    s_fault("cat from: x", SEARCH_NO_VALUE, 4);
    s_fault("cat from:\"\"", SEARCH_NO_VALUE, 4);
    s_fault("cat before:yesterday", SEARCH_BAD_DATE, 4);
    s_fault("cat before:2026-13", SEARCH_BAD_DATE, 4);
    s_fault("cat before:2026-00-10", SEARCH_BAD_DATE, 4);
    s_fault("cat after:2026-02-29", SEARCH_BAD_DATE, 4);
    s_fault("cat after:2026-02-10x", SEARCH_BAD_DATE, 4);
    s_fault("cat after:1969", SEARCH_BAD_DATE, 4);
    s_fault("käse has:file", SEARCH_BAD_HAS, 6);
    s_fault("from:a from:b", SEARCH_TOO_MANY_FILTERS, 7);
    assert_int_equal(SEARCH_FINE, s_read("cat after:2024-02-29"));
}

static void test_words_and_rooms_of_a_query_are_bounded(void **state)
{
    (void)state;
    char query[LIM_SEARCH_QUERY_BYTES_MAX] = "";
    for (int i = 0; i < LIM_SEARCH_WORDS_MAX; i++)
        s_append(query, sizeof query, "ab ");
    assert_int_equal(SEARCH_FINE, s_read(query));
    s_append(query, sizeof query, "ab");
    s_fault(query, SEARCH_TOO_MANY_WORDS, 3 * LIM_SEARCH_WORDS_MAX);
    query[0] = '\0';
    for (int i = 0; i < LIM_SEARCH_ROOMS_MAX; i++)
        s_append(query, sizeof query, "in:x ");
    s_append(query, sizeof query, "cat ");
    assert_int_equal(SEARCH_FINE, s_read(query));
    s_append(query, sizeof query, "in:x");
    s_fault(query, SEARCH_TOO_MANY_FILTERS, 5 * LIM_SEARCH_ROOMS_MAX + 4);
}

static void test_days_begin_where_the_asker_is(void **state)
{
    (void)state;
    size_t at;
    assert_int_equal(SEARCH_FINE, search_query_read(&s_query, view_of_text("x after:2026-11-23"), SEARCH_UTC + 180, &at));
    assert_true(s_query.after_ms == 1795392000000u - 180 * 60000);
    assert_int_equal(SEARCH_FINE, search_query_read(&s_query, view_of_text("x after:2026-11-23"), SEARCH_UTC - 300, &at));
    assert_true(s_query.after_ms == 1795392000000u + 300 * 60000);
    assert_int_equal(SEARCH_FINE, search_query_read(&s_query, view_of_text("x after:2000-03-01"), SEARCH_UTC, &at));
    assert_true(s_query.after_ms == 951868800000u);
    assert_int_equal(SEARCH_FINE, search_query_read(&s_query, view_of_text("x after:2100-03-01"), SEARCH_UTC, &at));
    assert_true(s_query.after_ms == 4107542400000u);
}

static void test_links_are_noticed(void **state)
{
    (void)state;
    assert_true(search_has_link(view_of_text("see HTTPS://x.org/")));
    assert_true(search_has_link(view_of_text("http://xy")));
    assert_false(search_has_link(view_of_text("http://")));
    assert_false(search_has_link(view_of_text("https, they said")));
    assert_false(search_has_link(view_of_text("")));
}

/* ---- snippets --------------------------------------------------------------------------------------------------- */

static void test_snippets_are_cut_around_the_first_word_and_marked(void **state)
{
    (void)state;
    uint8_t snippet[LIM_SEARCH_SNIPPET_BYTES_MAX];
    char text[LIM_TEXT_BYTES_MAX + 1] = "";
    for (int i = 0; i < 100; i++)
        s_append(text, sizeof text, i == 60 ? "🎉 Straße\nund " : "wort für wort ");
    size_t len;
    assert_true(s_finds("strasse", text));
    search_snippet(view_of_text(text), s_spans, &s_span_count, snippet, &len);
    assert_true(len <= LIM_SEARCH_SNIPPET_BYTES_MAX && len > LIM_SEARCH_SNIPPET_BYTES_MAX / 2);
    assert_true(text_is_clean(view_of(snippet, len)));
    assert_memory_equal("…", snippet, 3);
    assert_memory_equal("…", snippet + len - 3, 3);
    assert_null(memchr(snippet, '\n', len));
    assert_int_equal(1, s_span_count);
    const char *at = strstr((const char *)snippet, "Straße");
    assert_non_null(at);
    size_t before = search_utf16_len(view_of(snippet, (size_t)(at - (const char *)snippet)));
    assert_int_equal(before, s_spans[0].from);
    assert_int_equal(before + 6, s_spans[0].to);

    assert_true(s_finds("kurz", "🎉 ganz kurz"));
    search_snippet(view_of_text("🎉 ganz kurz"), s_spans, &s_span_count, snippet, &len);
    assert_int_equal(strlen("🎉 ganz kurz"), len);
    assert_int_equal(8, s_spans[0].from); /* the emoji is two units */
}

static void test_marks_are_bounded_and_apart(void **state)
{
    (void)state;
    char text[LIM_TEXT_BYTES_MAX + 1] = "";
    for (int i = 0; i < LIM_SEARCH_MARKS_MAX + 5; i++)
        s_append(text, sizeof text, "wort ");
    assert_true(s_finds("wort wor", text));
    assert_int_equal(LIM_SEARCH_MARKS_MAX, s_span_count);
    for (size_t i = 1; i < s_span_count; i++)
        assert_true(s_spans[i - 1].to <= s_spans[i].from);
    s_append(text, sizeof text, "ende");
    assert_true(s_finds("ende wort", text)); /* what comes first stays */
    assert_int_equal(LIM_SEARCH_MARKS_MAX, s_span_count);
    s_marked(0, text, "wort");
}

static void test_cursors_are_read_as_printed_and_nothing_else(void **state)
{
    (void)state;
    char text[LIM_SEARCH_CURSOR_BYTES_MAX];
    const struct search_cursor cursor = {.at_ms = (UINT64_C(1) << 53) - 1, .room = (UINT64_C(1) << 53) - 1,
                                         .seq = (UINT64_C(1) << 53) - 1};
    struct search_cursor read;
    size_t len = search_cursor_print(&cursor, text);
    assert_true(len < sizeof text);
    assert_true(search_cursor_read(view_of(text, len), &read));
    assert_memory_equal(&cursor, &read, sizeof read);
    static const char *const BAD[] = {"", "1", "1.2", "1.2.", "1.2.3.", "1.2.3 ", ".1.2", "1..2", "-1.2.3",
                                      "9007199254740992.1.1", "99999999999999999999.1.1", "1.2.3x"};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
        assert_false(search_cursor_read(view_of_text(BAD[i]), &read));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_are_found_by_their_beginning_in_any_case),
        cmocka_unit_test(test_short_words_are_found_only_whole),
        cmocka_unit_test(test_german_words),
        cmocka_unit_test(test_turkish_words),
        cmocka_unit_test(test_cjk_text_is_found_by_any_part),
        cmocka_unit_test(test_emoji_are_found_with_and_without_their_modifiers),
        cmocka_unit_test(test_other_scripts),
        cmocka_unit_test(test_quoted_words_stand_together_and_whole),
        cmocka_unit_test(test_long_words_are_found_within_as_far_as_is_looked),
        cmocka_unit_test(test_every_text_fits),
        cmocka_unit_test(test_the_words_before_the_bound_of_terms_are_found_and_their_author),
        cmocka_unit_test(test_filters_are_read),
        cmocka_unit_test(test_what_is_wrong_is_said_with_its_place),
        cmocka_unit_test(test_words_and_rooms_of_a_query_are_bounded),
        cmocka_unit_test(test_days_begin_where_the_asker_is),
        cmocka_unit_test(test_links_are_noticed),
        cmocka_unit_test(test_snippets_are_cut_around_the_first_word_and_marked),
        cmocka_unit_test(test_marks_are_bounded_and_apart),
        cmocka_unit_test(test_cursors_are_read_as_printed_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
