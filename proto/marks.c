#include "proto/marks.h"

#include <string.h>

void marks_clear(marks_t *self)
{
    self->pinned = self->pinned_by = 0;
    self->emoji_count = self->reaction_count = 0;
}

bool marks_is_empty(const marks_t *self)
{
    return !self->pinned && !self->reaction_count;
}

/* LIM_LINE_EMOJI_MAX: not there. */
static uint32_t s_find_emoji(const marks_t *self, view_t emoji)
{
    for (uint32_t i = 0; i < self->emoji_count; i++)
        if (view_is_equal(view_of(self->emoji[i].bytes, self->emoji[i].len), emoji))
            return i;
    return LIM_LINE_EMOJI_MAX;
}

static size_t s_find(const marks_t *self, uint64_t user, uint32_t emoji)
{
    for (size_t i = 0; i < self->reaction_count; i++)
        if (self->reactions[i].user == user && self->reactions[i].emoji == emoji)
            return i;
    return self->reaction_count;
}

err_t marks_judge(const marks_t *self, uint64_t user, view_t emoji, bool on)
{
    uint32_t index = s_find_emoji(self, emoji);
    bool is_there = index < LIM_LINE_EMOJI_MAX && s_find(self, user, index) < self->reaction_count;
    if (is_there == on)
        return ERR_AGAIN;
    if (!on)
        return ERR_OK;
    bool is_new = index == LIM_LINE_EMOJI_MAX;
    if (self->reaction_count >= LIM_LINE_REACTIONS_MAX || (is_new && self->emoji_count >= LIM_LINE_EMOJI_MAX))
        return ERR_TOO_MANY_REACTIONS;
    return ERR_OK;
}

/* The last reaction of an emoji is gone: so is its place in the list. */
static void s_drop_emoji(marks_t *self, uint32_t emoji)
{
    for (size_t i = 0; i < self->reaction_count; i++)
        if (self->reactions[i].emoji == emoji)
            return;
    self->emoji_count--;
    memmove(&self->emoji[emoji], &self->emoji[emoji + 1], (self->emoji_count - emoji) * sizeof self->emoji[0]);
    for (size_t i = 0; i < self->reaction_count; i++)
        if (self->reactions[i].emoji > emoji)
            self->reactions[i].emoji--;
}

void marks_react(marks_t *self, uint64_t user, view_t emoji, bool on)
{
    if (emoji.len > LIM_EMOJI_BYTES_MAX || marks_judge(self, user, emoji, on))
        return;
    uint32_t index = s_find_emoji(self, emoji);
    if (!on) {
        size_t at = s_find(self, user, index);
        self->reaction_count--;
        memmove(&self->reactions[at], &self->reactions[at + 1],
                (self->reaction_count - at) * sizeof self->reactions[0]);
        s_drop_emoji(self, index);
        return;
    }
    if (index == LIM_LINE_EMOJI_MAX) {
        index = (uint32_t)self->emoji_count++;
        self->emoji[index].len = (uint32_t)emoji.len;
        memcpy(self->emoji[index].bytes, emoji.bytes, emoji.len);
    }
    self->reactions[self->reaction_count].user = user;
    self->reactions[self->reaction_count++].emoji = index;
}

void marks_pin(marks_t *self, uint64_t seq, uint64_t user, bool on)
{
    if (on == (self->pinned != 0))
        return;
    self->pinned = on ? seq : 0;
    self->pinned_by = on ? user : 0;
}

void marks_fold(marks_t *self, const struct msg_event *event)
{
    struct kind_reacted reacted;
    struct kind_pinned pinned;
    if (event->kind == KIND_DELETED)
        marks_clear(self);
    else if (event->kind == KIND_REACTED && !kind_decode(KIND_REACTED, event->body, &reacted))
        marks_react(self, event->user, reacted.emoji, reacted.on);
    else if (event->kind == KIND_PINNED && !kind_decode(KIND_PINNED, event->body, &pinned))
        marks_pin(self, event->seq, event->user, pinned.on);
}

void marks_load(marks_t *self, const struct msg_marks *msg)
{
    list_t list = msg->emoji;
    struct rec_emoji emoji;
    struct rec_reaction reaction;
    marks_clear(self);
    self->pinned = msg->pinned;
    self->pinned_by = msg->pinned_by;
    view_t names[LIM_LINE_EMOJI_MAX];
    uint32_t count = 0;
    while (count < LIM_LINE_EMOJI_MAX && rec_emoji_next(&list, &emoji))
        names[count++] = emoji.emoji;
    list = msg->reactions;
    while (rec_reaction_next(&list, &reaction))
        if (reaction.emoji < count)
            marks_react(self, reaction.user, names[reaction.emoji], true);
}

err_t marks_encode(const marks_t *self, uint64_t room, uint64_t seq, uint64_t as_of, list_t mentions, buffer_t *out)
{
    list_writer_t emoji, reactions;
    list_writer_init(&emoji, LIM_EVENT_BYTES_MAX);
    list_writer_init(&reactions, LIM_EVENT_BYTES_MAX);
    err_t err = ERR_OK;
    for (size_t i = 0; i < self->emoji_count && !err; i++)
        err = rec_emoji_append(&emoji,
                               &(struct rec_emoji){.emoji = view_of(self->emoji[i].bytes, self->emoji[i].len)});
    for (size_t i = 0; i < self->reaction_count && !err; i++)
        err = rec_reaction_append(&reactions, &(struct rec_reaction){.emoji = self->reactions[i].emoji,
                                                                     .user = self->reactions[i].user});
    struct msg msg = {.type = MSG_MARKS};
    msg.as.marks = (struct msg_marks){.room = room, .seq = seq, .as_of = as_of, .pinned = self->pinned,
                                      .pinned_by = self->pinned_by, .emoji = list_of(&emoji),
                                      .reactions = list_of(&reactions), .mentions = mentions};
    if (!err)
        err = msg_encode(&msg, out);
    list_writer_fini(&emoji);
    list_writer_fini(&reactions);
    return err;
}

/* ---- what is an emoji ---- */

struct range {
    uint32_t first, last;
};

/* Unicode 16: Extended_Pictographic and regional indicators, rounded to blocks that hold nothing else in use. */
static const struct range PICTURES[] = {
    {0xA9, 0xA9}, {0xAE, 0xAE}, {0x203C, 0x203C}, {0x2049, 0x2049}, {0x2122, 0x2122}, {0x2139, 0x2139},
    {0x2194, 0x21AA}, {0x231A, 0x23FF}, {0x24C2, 0x24C2}, {0x25AA, 0x25FE}, {0x2600, 0x27BF}, {0x2934, 0x2935},
    {0x2B05, 0x2B55}, {0x3030, 0x3030}, {0x303D, 0x303D}, {0x3297, 0x3297}, {0x3299, 0x3299}, {0x1F000, 0x1FAFF},
};
/* What goes with them: joiner, presentation, keycap, tags of flags. */
static const struct range EXTRAS[] = {{0x200D, 0x200D}, {0xFE0F, 0xFE0F}, {0x20E3, 0x20E3}, {0xE0020, 0xE007F}};

static bool s_is_in(uint32_t c, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return true;
    return false;
}

/* The text is valid UTF-8: the reader has seen to that. */
static uint32_t s_next(view_t *text)
{
    uint8_t lead = text->bytes[0];
    size_t len = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    uint32_t c = len == 1 ? lead : lead & (0x3Fu >> (len - 1));
    if (len > text->len)
        len = text->len;
    for (size_t i = 1; i < len; i++)
        c = c << 6 | (text->bytes[i] & 0x3Fu);
    *text = view_of(text->bytes + len, text->len - len);
    return c;
}

bool emoji_is_sound(view_t text)
{
    if (text.len == 0 || text.len > LIM_EMOJI_BYTES_MAX || !text_is_clean(text))
        return false;
    bool is_keycap = strchr("0123456789#*", text.bytes[0]) && text.bytes[0];
    bool has_picture = false, has_keycap = false;
    if (is_keycap)
        s_next(&text);
    while (text.len) {
        uint32_t c = s_next(&text);
        bool is_picture = s_is_in(c, PICTURES, sizeof PICTURES / sizeof PICTURES[0]);
        if (!is_picture && !s_is_in(c, EXTRAS, sizeof EXTRAS / sizeof EXTRAS[0]))
            return false;
        has_picture |= is_picture;
        has_keycap |= c == 0x20E3;
    }
    return is_keycap ? has_keycap && !has_picture : has_picture;
}
