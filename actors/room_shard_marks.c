/* What hangs on lines: reactions judged before they are taken, and the people whom lines call told of it. */
#include <stdlib.h>

#include "actors/room_shard_impl.h"

err_t shard_judge_reaction(const room_t *room, uint64_t user, uint64_t line, view_t body, const struct msg_marks *hint)
{
    struct kind_reacted reacted;
    err_t err = kind_decode(KIND_REACTED, body, &reacted);
    if (err)
        return err;
    marks_t *marks = malloc(sizeof *marks);
    if (!marks)
        return ERR_NO_MEMORY;
    marks_clear(marks);
    if (hint && !room_tail_at(&room->tail, line))
        marks_load(marks, hint);
    room_tail_marks(&room->tail, line, marks);
    err = marks_judge(marks, user, reacted.emoji, reacted.on);
    free(marks);
    return err == ERR_AGAIN ? ERR_OK : err; /* it is so already: a repeat with another id, and harmless */
}

/* ---- people who are called ---- */

static void s_note(room_shard_t *self, room_t *room, uint64_t user, uint64_t seq)
{
    if (map_put(&room->called, user, seq))
        return; /* no memory: their count is right again with their next sign-in */
    shard_room_busy(self, room);
    shard_tell_called(self, room, user);
}

static void s_note_body(room_shard_t *self, room_t *room, const struct pending *pending)
{
    union {
        struct kind_said said; /* KIND_REVISED has the same fields */
        struct kind_shared shared;
    } body;
    struct rec_id id;
    if (kind_decode(pending->kind, view_of(pending->body, pending->body_len), &body))
        return;
    list_t mentions = pending->kind == KIND_SHARED ? body.shared.mentions : body.said.mentions;
    while (rec_id_next(&mentions, &id))
        s_note(self, room, id.id, pending->seq);
}

void shard_note_called(room_shard_t *self, room_t *room, const struct pending *pending)
{
    bool is_change = kind_is_edit(pending->kind) || pending->kind == KIND_DELETED;
    if (pending->kind == KIND_SAID || pending->kind == KIND_REVISED || pending->kind == KIND_SHARED)
        s_note_body(self, room, pending);
    if (!is_change)
        return;
    uint64_t users[LIM_MENTIONS_MAX];
    size_t count = 0;
    bool is_known = room_tail_called(&room->tail, pending->target, users, &count);
    for (size_t i = 0; i < count; i++)
        s_note(self, room, users[i], pending->seq);
    for (size_t i = 0; i < pending->called_count && !is_known; i++)
        s_note(self, room, pending->called[i], pending->seq);
}

void shard_tell_called(room_shard_t *self, const room_t *room, uint64_t user)
{
    uint64_t seq;
    if (!map_get(&room->called, user, &seq))
        return;
    address_t owner = shard_owner_of(self, user);
    if (!owner)
        return;
    struct msg msg = {.type = MSG_INBOX_MENTION};
    msg.as.inbox_mention = (struct msg_inbox_mention){.user = user, .room = room->id, .seq = seq};
    struct envelope env = {.key = user, .epoch = lease_epoch(&self->lease, room->shard)};
    shard_send(self, owner, &env, &msg);
}

void shard_tell_all_called(room_shard_t *self, room_t *room)
{
    uint64_t users[LIM_SUBS_MAX];
    if (!room->called.count || !shard_is_time_to_tell(self, room->called_ms))
        return;
    room->called_ms = self->now_ms;
    size_t count = shard_whom_to_tell(&room->called, users);
    for (size_t i = 0; i < count; i++)
        shard_tell_called(self, room, users[i]);
}

err_t shard_on_inbox_mention_ok(room_shard_t *self, const struct msg *msg)
{
    const struct msg_inbox_mention_ok *ok = &msg->as.inbox_mention_ok;
    room_t *room = shard_find_room(self, ok->room);
    uint64_t seq;
    if (room && map_get(&room->called, ok->user, &seq) && seq == ok->seq)
        map_remove(&room->called, ok->user);
    return ERR_OK;
}
