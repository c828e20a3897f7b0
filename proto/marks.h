/* marks — what hangs on one line: reactions, and whether it is pinned. One fold for everybody who makes `marks`: the
 * room from its tail, persist from its rows, the simulator from the log. The browser's fold follows the same rules.
 *
 * Pure. About 7 KiB: not for an array on the stack. Bounds: LIM_LINE_EMOJI_MAX, LIM_LINE_REACTIONS_MAX; a reaction
 * beyond them, or one that is there already, changes nothing. */
#ifndef ROOKERY_PROTO_MARKS_H
#define ROOKERY_PROTO_MARKS_H

#include "proto/messages.h"

typedef struct marks {
    uint64_t pinned, pinned_by; /* 0: no pin */
    size_t emoji_count, reaction_count;
    struct {
        uint32_t len;
        uint8_t bytes[LIM_EMOJI_BYTES_MAX];
    } emoji[LIM_LINE_EMOJI_MAX]; /* those with a reaction */
    struct {
        uint64_t user;
        uint32_t emoji;
    } reactions[LIM_LINE_REACTIONS_MAX]; /* in the order they were given */
} marks_t;

void marks_clear(marks_t *self);
bool marks_is_empty(const marks_t *self);

/* Would this reaction change anything? ERR_OK; ERR_TOO_MANY_REACTIONS: a bound; ERR_AGAIN: it is so already. */
err_t marks_judge(const marks_t *self, uint64_t user, view_t emoji, bool on);
void marks_react(marks_t *self, uint64_t user, view_t emoji, bool on);
void marks_pin(marks_t *self, uint64_t seq, uint64_t user, bool on); /* a second pin changes nothing */
/* The next event whose target is the line; other kinds change nothing. */
void marks_fold(marks_t *self, const struct msg_event *event);

/* Takes what a `marks` message says. */
void marks_load(marks_t *self, const struct msg_marks *msg);
/* Appends the message `marks`; mentions as given. */
err_t marks_encode(const marks_t *self, uint64_t room, uint64_t seq, uint64_t as_of, list_t mentions, buffer_t *out);

/* Is it one emoji, as far as a table of ranges can tell: pictographs, their modifiers and joiners, flags, keycaps? No
 * letters, spaces or controls, so that nobody writes sentences, or turns the text around, under others' lines. */
bool emoji_is_sound(view_t text);

/* Kinds that are lines, have a number and can be edited, quoted, deleted; kinds that give a line another text. */
static inline bool kind_is_line(uint32_t kind)
{
    return kind == KIND_POSTED || kind == KIND_SAID || kind == KIND_SHARED;
}
static inline bool kind_is_edit(uint32_t kind)
{
    return kind == KIND_EDITED || kind == KIND_REVISED;
}
static inline bool kind_is_mark(uint32_t kind)
{
    return kind == KIND_REACTED || kind == KIND_PINNED;
}

#endif
