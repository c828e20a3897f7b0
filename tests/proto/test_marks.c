/* What hangs on a line: the fold, its bounds, and what passes for an emoji. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/marks.h"

static marks_t s_marks;

static view_t s_emoji(unsigned index, char text[5])
{
    uint32_t c = 0x1F600 + index;
    text[0] = (char)(0xF0 | c >> 18);
    text[1] = (char)(0x80 | (c >> 12 & 0x3F));
    text[2] = (char)(0x80 | (c >> 6 & 0x3F));
    text[3] = (char)(0x80 | (c & 0x3F));
    text[4] = '\0';
    return view_of_text(text);
}

static void test_a_reaction_is_there_once_and_goes_again(void **state)
{
    (void)state;
    marks_clear(&s_marks);
    marks_react(&s_marks, 1, view_of_text("👍"), true);
    marks_react(&s_marks, 1, view_of_text("👍"), true);
    marks_react(&s_marks, 2, view_of_text("🦜"), true);
    marks_react(&s_marks, 2, view_of_text("👍"), true);
    assert_int_equal(3, s_marks.reaction_count);
    assert_int_equal(2, s_marks.emoji_count);
    assert_int_equal(ERR_AGAIN, marks_judge(&s_marks, 1, view_of_text("👍"), true));
    assert_int_equal(ERR_AGAIN, marks_judge(&s_marks, 1, view_of_text("🦜"), false));
    marks_react(&s_marks, 1, view_of_text("👍"), false);
    marks_react(&s_marks, 2, view_of_text("👍"), false);
    assert_int_equal(1, s_marks.emoji_count);
    assert_int_equal(0, s_marks.reactions[0].emoji); /* 🦜 has moved up */
    assert_true(view_is_equal(view_of_text("🦜"), view_of(s_marks.emoji[0].bytes, s_marks.emoji[0].len)));
}

static void test_bounds_refuse_one_more_and_change_nothing(void **state)
{
    (void)state;
    char text[5];
    marks_clear(&s_marks);
    for (unsigned i = 0; i < LIM_LINE_EMOJI_MAX; i++) {
        assert_int_equal(ERR_OK, marks_judge(&s_marks, 1, s_emoji(i, text), true));
        marks_react(&s_marks, 1, s_emoji(i, text), true);
    }
    assert_int_equal(ERR_TOO_MANY_REACTIONS, marks_judge(&s_marks, 1, view_of_text("🦜"), true));
    marks_react(&s_marks, 1, view_of_text("🦜"), true);
    assert_int_equal(LIM_LINE_EMOJI_MAX, s_marks.emoji_count);
    for (uint64_t user = 2; s_marks.reaction_count < LIM_LINE_REACTIONS_MAX; user++) {
        assert_int_equal(ERR_OK, marks_judge(&s_marks, user, s_emoji(0, text), true));
        marks_react(&s_marks, user, s_emoji(0, text), true);
    }
    assert_int_equal(ERR_TOO_MANY_REACTIONS, marks_judge(&s_marks, 9999, s_emoji(0, text), true));
    marks_react(&s_marks, 9999, s_emoji(0, text), true);
    assert_int_equal(LIM_LINE_REACTIONS_MAX, s_marks.reaction_count);
}

static void test_the_fullest_marks_fit_a_frame_and_come_back(void **state)
{
    (void)state;
    list_writer_t mentions;
    buffer_t out;
    list_writer_init(&mentions, LIM_EVENT_BYTES_MAX);
    buffer_init(&out, LIM_EVENT_BYTES_MAX);
    marks_clear(&s_marks);
    for (unsigned i = 0; i < LIM_LINE_REACTIONS_MAX; i++) {
        char text[LIM_EMOJI_BYTES_MAX + 1], first[5];
        s_emoji(i % LIM_LINE_EMOJI_MAX, first);
        for (size_t k = 0; k < LIM_EMOJI_BYTES_MAX; k += 4)
            memcpy(text + k, first, 4);
        marks_react(&s_marks, ID_MAX - i, view_of(text, LIM_EMOJI_BYTES_MAX), true);
    }
    marks_pin(&s_marks, ID_MAX, ID_MAX, true);
    marks_pin(&s_marks, 7, 7, true); /* the first one stays */
    for (uint64_t i = 0; i < LIM_MENTIONS_MAX; i++)
        rec_id_append(&mentions, &(struct rec_id){.id = ID_MAX - i});
    assert_int_equal(LIM_LINE_REACTIONS_MAX, s_marks.reaction_count);
    assert_int_equal(ERR_OK, marks_encode(&s_marks, ID_MAX, ID_MAX, ID_MAX, list_of(&mentions), &out));
    struct msg msg;
    assert_int_equal(ERR_OK, msg_decode(buffer_view(&out), &msg));
    static marks_t s_back;
    marks_load(&s_back, &msg.as.marks);
    assert_int_equal(ID_MAX, s_back.pinned);
    assert_int_equal(s_marks.reaction_count, s_back.reaction_count);
    buffer_t again;
    buffer_init(&again, LIM_EVENT_BYTES_MAX);
    assert_int_equal(ERR_OK, marks_encode(&s_back, ID_MAX, ID_MAX, ID_MAX, list_of(&mentions), &again));
    assert_true(view_is_equal(buffer_view(&out), buffer_view(&again)));
    buffer_fini(&again);
    buffer_fini(&out);
    list_writer_fini(&mentions);
}

static void s_fold(uint32_t kind, const void *body, uint64_t seq)
{
    buffer_t out;
    buffer_init(&out, LIM_EVENT_BODY_BYTES_MAX);
    assert_int_equal(ERR_OK, kind_encode(kind, body, &out));
    marks_fold(&s_marks, &(struct msg_event){.seq = seq, .kind = kind, .user = 5, .body = buffer_view(&out)});
    buffer_fini(&out);
}

static void test_every_kind_that_changes_marks_is_folded(void **state)
{
    (void)state;
    marks_clear(&s_marks);
    s_fold(KIND_REACTED, &(struct kind_reacted){.emoji = view_of_text("👍"), .on = true}, 2);
    assert_int_equal(1, s_marks.reaction_count);
    s_fold(KIND_PINNED, &(struct kind_pinned){.on = true}, 3);
    assert_int_equal(3, s_marks.pinned);
    assert_int_equal(5, s_marks.pinned_by);
    s_fold(KIND_EDITED, &(struct kind_edited){.text = view_of_text("x")}, 4);
    assert_int_equal(1, s_marks.reaction_count);
    s_fold(KIND_PINNED, &(struct kind_pinned){.on = false}, 5);
    assert_int_equal(0, s_marks.pinned);
    s_fold(KIND_DELETED, &(struct kind_deleted){0}, 6);
    assert_true(marks_is_empty(&s_marks));
}

static void test_emoji_are_told_from_text(void **state)
{
    (void)state;
    static const char *const good[] = {"👍", "👍🏽", "❤️", "🦜", "👨‍👩‍👧‍👦", "🇩🇪", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "1️⃣", "#⃣", "©️", "☎", "🧑🏾‍🚀"};
    static const char *const bad[] = {"", "a", "ok", "👍a", "👍 ", " 👍", "1", "12", "\u200d", "\ufe0f", "\u202e👍", "é",
                                      "字", "👍\n", "<b>", "1👍", "\u20e3"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!emoji_is_sound(view_of_text(good[i])))
            fail_msg("refused: %s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (emoji_is_sound(view_of_text(bad[i])))
            fail_msg("taken: %s", bad[i]);
    char text[LIM_EMOJI_BYTES_MAX + 5] = "";
    for (size_t i = 0; i < LIM_EMOJI_BYTES_MAX; i += 4)
        memcpy(text + i, "\xF0\x9F\xA6\x9C", 4);
    assert_true(emoji_is_sound(view_of_text(text)));
    memcpy(text + LIM_EMOJI_BYTES_MAX, "\xF0\x9F\xA6\x9C", 5);
    assert_false(emoji_is_sound(view_of_text(text)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_reaction_is_there_once_and_goes_again),
        cmocka_unit_test(test_bounds_refuse_one_more_and_change_nothing),
        cmocka_unit_test(test_the_fullest_marks_fit_a_frame_and_come_back),
        cmocka_unit_test(test_every_kind_that_changes_marks_is_folded),
        cmocka_unit_test(test_emoji_are_told_from_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
