/* Inboxes: how often lines call a user. The rows in the store are the truth; an inbox reads them when a room says that
 * they changed, and from then on follows the read pointer by itself. */
#include "actors/room_shard_impl.h"

void shard_tell_mentions(room_shard_t *self, const inbox_t *inbox, const struct inbox_room *room)
{
    struct msg msg = {.type = MSG_MENTIONED};
    struct rec_mention_count count = {.room = room->room, .count = inbox_mentions(room)};
    list_writer_clear(&self->list_more);
    rec_mention_count_append(&self->list_more, &count);
    msg.as.mentioned.rooms = list_of(&self->list_more);
    shard_tell_edges(self, inbox, 0, &msg);
}

/* Is this room asked about? One room by its notice, or all that may have something unread and were not counted yet:
 * browsers that come back, all at once after a restart of their edge, are to be no work for the database. */
static bool s_is_asked(const struct inbox_room *at, uint64_t room)
{
    return room ? at->room == room
                : at->has_called || (!at->is_counted && (at->msg_no > at->read_msg_no || at->mention_count));
}

/* room and seq: of the notice that this answers; 0: of all rooms, for a socket that opens. */
static err_t s_ask(room_shard_t *self, inbox_t *inbox, uint64_t room, uint64_t seq)
{
    struct request request = {.what = Q_MENTIONS, .a = inbox->user, .b = room, .c = seq};
    struct msg msg = {.type = MSG_STORE_MENTIONS_GET};
    list_writer_clear(&self->list_more);
    for (size_t i = 0; i < inbox->count; i++) {
        const struct inbox_room *at = &inbox->rooms[i];
        struct rec_read_from from = {.room = at->room, .msg_no = at->read_msg_no};
        if (s_is_asked(at, room))
            rec_read_from_append(&self->list_more, &from);
    }
    if (!self->list_more.count)
        return ERR_OK;
    msg.as.store_mentions_get = (struct msg_store_mentions_get){.user = inbox->user,
                                                                .rooms = list_of(&self->list_more)};
    uint64_t correlation = shard_ask(self, &request, LOAD_MS, inbox->user, &msg);
    if (!correlation)
        return ERR_OVERLOADED;
    for (size_t i = 0; i < inbox->count; i++) { /* an answer to an older question would tell older news */
        if (!s_is_asked(&inbox->rooms[i], room))
            continue;
        inbox->rooms[i].mentions_asked = correlation;
        inbox->rooms[i].is_counted = false;
    }
    return ERR_OK;
}

/* What is known here, for a socket that opens; the rest of its rooms follows when the store has told it. */
static void s_tell_counted(room_shard_t *self, const inbox_t *inbox)
{
    struct msg msg = {.type = MSG_MENTIONED};
    list_writer_clear(&self->list_more);
    for (size_t i = 0; i < inbox->count; i++) {
        const struct inbox_room *at = &inbox->rooms[i];
        struct rec_mention_count count = {.room = at->room, .count = inbox_mentions(at)};
        if (at->is_counted && count.count && !at->has_called)
            rec_mention_count_append(&self->list_more, &count);
    }
    msg.as.mentioned.rooms = list_of(&self->list_more);
    if (self->list_more.count)
        shard_tell_edges(self, inbox, 0, &msg);
}

void shard_ask_mentions(room_shard_t *self, inbox_t *inbox, uint64_t room)
{
    if (!room)
        s_tell_counted(self, inbox);
    (void)s_ask(self, inbox, room, 0);
}

static void s_counted(room_shard_t *self, uint64_t user, uint64_t room, uint64_t seq, address_t to)
{
    struct msg ok = {.type = MSG_INBOX_MENTION_OK};
    struct envelope env = {.key = room};
    ok.as.inbox_mention_ok = (struct msg_inbox_mention_ok){.user = user, .room = room, .seq = seq};
    if (to)
        shard_send(self, to, &env, &ok);
}

err_t shard_on_inbox_mention(room_shard_t *self, inbox_t *inbox, const struct envelope *env, const struct msg *msg)
{
    const struct msg_inbox_mention *mention = &msg->as.inbox_mention;
    if (inbox && !inbox->is_loaded)
        return ERR_OK; /* the room tells again */
    struct inbox_room *room = inbox ? inbox_find(inbox, mention->room) : NULL;
    if (room && inbox_edges(inbox))
        return s_ask(self, inbox, mention->room, mention->seq);
    if (room)
        room->has_called = true; /* for the next socket */
    s_counted(self, mention->user, mention->room, mention->seq, env->from); /* nobody looks: the store knows */
    return ERR_OK;
}

/* Takes the marks of one room out of the answer, which is ascending in each. */
static size_t s_marks_of(list_t marks, uint64_t room, uint64_t msg_nos[LIM_UNREAD_MENTIONS_MAX])
{
    struct rec_mention_mark mark;
    size_t count = 0;
    while (count < LIM_UNREAD_MENTIONS_MAX && rec_mention_mark_next(&marks, &mark))
        if (mark.room == room)
            msg_nos[count++] = mark.msg_no;
    return count;
}

err_t shard_on_store_mentions(room_shard_t *self, const struct envelope *env, const struct msg *msg)
{
    struct request request;
    if (!shard_take(self, env, Q_MENTIONS, &request))
        return ERR_OK;
    inbox_t *inbox = shard_find_inbox(self, request.a);
    list_writer_clear(&self->list_more);
    for (size_t i = 0; inbox && i < inbox->count; i++) {
        struct inbox_room *room = &inbox->rooms[i];
        uint64_t msg_nos[LIM_UNREAD_MENTIONS_MAX];
        if (room->mentions_asked != env->correlation)
            continue;
        room->mentions_asked = 0;
        room->has_called = false;
        room->is_counted = true;
        if (inbox_set_mentions(room, msg_nos, s_marks_of(msg->as.store_mentions.marks, room->room, msg_nos)))
            return ERR_NO_MEMORY; /* not counted: the room tells again */
        struct rec_mention_count count = {.room = room->room, .count = inbox_mentions(room)};
        if (count.count || request.b) /* after `welcome` a room that is left out has none */
            rec_mention_count_append(&self->list_more, &count);
    }
    struct msg told = {.type = MSG_MENTIONED};
    told.as.mentioned.rooms = list_of(&self->list_more);
    if (self->list_more.count)
        shard_tell_edges(self, inbox, 0, &told);
    if (request.c) /* a room waits for it */
        s_counted(self, request.a, request.b, request.c, shard_owner_of(self, request.b));
    return ERR_OK;
}
