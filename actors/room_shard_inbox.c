/* Inboxes: sockets of users open and close, rooms tell of memberships, read pointers go to the store. */
#include <stdlib.h>
#include <string.h>

#include "actors/room_shard_impl.h"

inbox_t *shard_find_inbox(const room_shard_t *self, uint64_t user)
{
    return map_get_ptr(&self->inboxes, user);
}

void shard_drop_inbox(room_shard_t *self, inbox_t *inbox)
{
    while (inbox->parked_first) {
        struct parked *parked = inbox->parked_first;
        inbox->parked_first = parked->next;
        shard_refuse_parked(self, parked, ERR_NOT_OWNER);
    }
    map_remove(&self->inboxes, inbox->user);
    map_remove(&self->dirty_inboxes, inbox->user);
    map_remove(&self->unknown_places, inbox->user);
    inbox_destroy(&inbox);
}

static void s_start_load(room_shard_t *self, inbox_t *inbox)
{
    struct request request = {.what = Q_INBOX, .a = inbox->user}, open;
    struct msg msg = {.type = MSG_STORE_INBOX_GET};
    msg.as.store_inbox_get.user = inbox->user;
    if (inbox->load_correlation && requests_peek(self->requests, inbox->load_correlation, &open)) {
        struct envelope env = {.correlation = inbox->load_correlation, .key = inbox->user,
                               .deadline_ms = LOAD_MS};
        effects_send(self->out, shard_persist(self), &env, &msg);
        return;
    }
    inbox->load_correlation = shard_ask(self, &request, LOAD_MS, inbox->user, &msg);
}

void shard_resend_inboxes(room_shard_t *self)
{
    size_t cursor = 0;
    uint64_t key, value;
    while (map_next(&self->inboxes, &cursor, &key, &value)) {
        inbox_t *inbox = (inbox_t *)(uintptr_t)value;
        if (!inbox->is_loaded)
            s_start_load(self, inbox);
    }
}

static inbox_t *s_add(room_shard_t *self, uint64_t user)
{
    if (self->memory_bytes > self->options.memory_bytes)
        shard_sweep(self);
    if (self->memory_bytes > self->options.memory_bytes)
        return NULL;
    inbox_t *inbox = inbox_new(user);
    if (inbox && map_put_ptr(&self->inboxes, user, inbox))
        inbox_destroy(&inbox);
    if (!inbox)
        return NULL;
    self->memory_bytes += sizeof *inbox;
    inbox->touched_ms = self->now_ms;
    return inbox;
}

static err_t s_park(room_shard_t *self, inbox_t *inbox, const struct envelope *env, view_t body)
{
    if (inbox->parked_count >= LIM_ROOM_PARKED_MAX)
        return ERR_BUSY;
    struct parked *parked = parked_new(env, body, self->now_ms + LOAD_MS);
    if (!parked)
        return ERR_NO_MEMORY;
    if (inbox->parked_last)
        inbox->parked_last->next = parked;
    else
        inbox->parked_first = parked;
    inbox->parked_last = parked;
    inbox->parked_count++;
    return ERR_OK;
}

/* The inbox, loaded. NULL: the message waits for it or was refused. */
static inbox_t *s_inbox_for(room_shard_t *self, const struct envelope *env, const struct msg *msg, view_t body,
                            uint64_t user, err_t *err_out)
{
    inbox_t *inbox = shard_find_inbox(self, user);
    bool is_new = !inbox;
    if (is_new && self->state == ROOM_SHARD_STOPPING)
        *err_out = ERR_DRAINING;
    else if (is_new && !(inbox = s_add(self, user)))
        *err_out = ERR_OVERLOADED;
    else if (inbox->is_loaded)
        return inbox;
    else
        *err_out = s_park(self, inbox, env, body);
    if (*err_out)
        shard_refuse(self, env, msg, *err_out);
    if (is_new && inbox)
        s_start_load(self, inbox);
    return NULL;
}

static struct inbox_room s_fresh(const room_shard_t *self, const struct inbox_room *known)
{
    struct inbox_room room = *known;
    const room_t *live = shard_find_room(self, room.room);
    if (live && live->state == ROOM_READY) { /* of this actor and in memory: its newest head costs nothing */
        room.incarnation = live->incarnation;
        room.head = live->head;
        room.msg_no = live->msg_no;
    }
    return room;
}

static err_t s_on_open(room_shard_t *self, inbox_t *inbox, const struct envelope *env, const struct msg *msg)
{
    int slot = shard_slot(self, env->from, true);
    err_t err = slot < 0 ? ERR_OVERLOADED : inbox_open(inbox, (unsigned)slot, msg->as.inbox_open.session);
    if (err)
        return shard_refuse(self, env, msg, err);
    struct msg answer = {.type = MSG_INBOX};
    list_writer_clear(&self->list);
    for (size_t i = 0; i < inbox->count; i++) {
        struct inbox_room room = s_fresh(self, &inbox->rooms[i]);
        struct rec_room_state state;
        inbox_state(&room, &state);
        rec_room_state_append(&self->list, &state);
    }
    answer.as.inbox = (struct msg_inbox){.user = inbox->user, .rooms = list_of(&self->list)};
    inbox->touched_ms = self->now_ms;
    shard_reply(self, env, &answer);
    shard_ask_mentions(self, inbox, 0); /* behind it: the counts follow when the store has told them */
    return ERR_OK;
}

void shard_tell_edges(room_shard_t *self, const inbox_t *inbox, uint64_t session, const struct msg *msg)
{
    struct envelope env = {.key = inbox->user, .user = inbox->user, .session = session,
                           .epoch = lease_epoch(&self->lease, inbox->shard)};
    uint64_t mask = inbox_edges(inbox);
    for (unsigned slot = 0; slot < LIM_EDGES_MAX; slot++)
        if (mask >> slot & 1)
            effects_send(self->out, self->edges[slot].address, &env, msg);
}

static err_t s_on_read(room_shard_t *self, inbox_t *inbox, const struct envelope *env, const struct msg *msg)
{
    const struct msg_read *read = &msg->as.read;
    inbox->touched_ms = self->now_ms;
    const struct inbox_room *room = inbox_find(inbox, read->room);
    uint32_t mentions = room ? inbox_mentions(room) : 0;
    if (inbox_read(inbox, read->room, read->turn, read->msg_no)) {
        if (inbox_mentions(room) != mentions)
            shard_tell_mentions(self, inbox, room);
        struct msg told = {.type = MSG_READ_AT};
        told.as.read_at = (struct msg_read_at){.room = read->room, .msg_no = read->msg_no, .turn = read->turn};
        shard_tell_edges(self, inbox, env->session, &told);
        map_put(&self->dirty_inboxes, inbox->user, 1);
    }
    struct msg answer = {.type = MSG_STORE_OK};
    shard_reply(self, env, &answer); /* only where an answer is wanted */
    return ERR_OK;
}

static err_t s_on_member(room_shard_t *self, inbox_t *inbox, const struct envelope *env, const struct msg *msg)
{
    const struct msg_inbox_member *member = &msg->as.inbox_member;
    list_t rooms = member->rooms;
    struct rec_room_state state;
    if (!rec_room_state_next(&rooms, &state))
        return ERR_WRONG_FIELDS;
    inbox_change_t change = INBOX_SAME;
    if (inbox && inbox_member(inbox, member, &state, &change) == ERR_NO_MEMORY)
        return ERR_NO_MEMORY; /* told again */
    if (change == INBOX_ADDED || change == INBOX_CHANGED) {
        struct msg added = {.type = MSG_ROOM_ADDED};
        inbox_state(inbox_find(inbox, state.room), &state);
        list_writer_clear(&self->list);
        rec_room_state_append(&self->list, &state);
        added.as.room_added.rooms = list_of(&self->list);
        shard_tell_edges(self, inbox, 0, &added);
        const struct inbox_room *room = inbox_find(inbox, state.room);
        if (inbox_mentions(room)) /* none otherwise, as after `welcome` */
            shard_tell_mentions(self, inbox, room);
    } else if (change == INBOX_REMOVED) {
        struct msg removed = {.type = MSG_ROOM_REMOVED};
        removed.as.room_removed = (struct msg_room_removed){.room = state.room, .code = member->code};
        shard_tell_edges(self, inbox, 0, &removed);
    }
    struct msg ok = {.type = MSG_INBOX_MEMBER_OK};
    struct envelope answer = {.key = state.room};
    ok.as.inbox_member_ok = (struct msg_inbox_member_ok){.user = member->user, .room = state.room,
                                                         .seq = member->seq};
    shard_send(self, env->from, &answer, &ok);
    return ERR_OK;
}

static uint64_t s_user_of(const struct envelope *env, const struct msg *msg)
{
    switch (msg->type) {
    case MSG_INBOX_OPEN: return msg->as.inbox_open.user;
    case MSG_INBOX_CLOSE: return msg->as.inbox_close.user;
    case MSG_INBOX_MEMBER: return msg->as.inbox_member.user;
    case MSG_INBOX_MENTION: return msg->as.inbox_mention.user;
    default: return env->user;
    }
}

static void s_on_close(room_shard_t *self, inbox_t *inbox, const struct envelope *env, const struct msg *msg)
{
    int slot = shard_slot(self, env->from, false);
    if (!inbox || slot < 0)
        return;
    inbox_close(inbox, (unsigned)slot, msg->as.inbox_close.session);
    inbox->touched_ms = self->now_ms;
    /* The socket may be gone before its inbox was there. */
    struct parked **at = &inbox->parked_first, *last = NULL;
    while (*at) {
        struct parked *parked = *at;
        struct msg waiting;
        bool is_it = parked->env.from == env->from &&
                     !msg_decode(view_of(parked->body, parked->len), &waiting) &&
                     waiting.type == MSG_INBOX_OPEN &&
                     waiting.as.inbox_open.session == msg->as.inbox_close.session;
        if (!is_it) {
            last = parked;
            at = &parked->next;
            continue;
        }
        *at = parked->next;
        inbox->parked_count--;
        free(parked);
    }
    inbox->parked_last = last;
}

err_t shard_on_inbox(room_shard_t *self, const struct envelope *env, const struct msg *msg, view_t body)
{
    uint64_t user = s_user_of(env, msg);
    err_t err = ERR_OK;
    if (!user)
        return shard_refuse(self, env, msg, ERR_OUT_OF_RANGE);
    if (!shard_owns(self, user))
        return shard_refuse(self, env, msg, ERR_NOT_OWNER);
    inbox_t *inbox = shard_find_inbox(self, user);
    if (msg->type == MSG_INBOX_CLOSE) {
        s_on_close(self, inbox, env, msg);
        return ERR_OK;
    }
    if (msg->type == MSG_INBOX_MENTION)
        return shard_on_inbox_mention(self, inbox, env, msg);
    if (msg->type == MSG_INBOX_MEMBER) {
        if (inbox && !inbox->is_loaded)
            return ERR_OK; /* the load may or may not show it: the room tells again */
        return s_on_member(self, inbox, env, msg); /* without an inbox there is nothing to keep: the store knows */
    }
    inbox = s_inbox_for(self, env, msg, body, user, &err);
    if (!inbox)
        return err;
    if (msg->type == MSG_UNREAD_FROM || msg->type == MSG_NOTIFY)
        return shard_on_place(self, inbox, env, msg, body);
    return msg->type == MSG_INBOX_OPEN ? s_on_open(self, inbox, env, msg) : s_on_read(self, inbox, env, msg);
}

err_t shard_on_store_inbox(room_shard_t *self, const struct envelope *env, const struct msg *msg)
{
    struct request request;
    if (!shard_take(self, env, Q_INBOX, &request))
        return ERR_OK;
    inbox_t *inbox = shard_find_inbox(self, request.a);
    if (!inbox || inbox->is_loaded || inbox->load_correlation != env->correlation)
        return ERR_OK;
    inbox->load_correlation = 0;
    err_t err = inbox_load(inbox, &msg->as.store_inbox);
    if (err) {
        shard_inbox_failed(self, request.a, err);
        return err;
    }
    self->memory_bytes += inbox_bytes(inbox);
    struct parked *next, *parked = inbox->parked_first;
    inbox->parked_first = inbox->parked_last = NULL;
    inbox->parked_count = 0;
    for (; parked; parked = next) {
        next = parked->next;
        shard_dispatch(self, &parked->env, view_of(parked->body, parked->len));
        free(parked);
    }
    return ERR_OK;
}

void shard_inbox_failed(room_shard_t *self, uint64_t user, err_t code)
{
    inbox_t *inbox = shard_find_inbox(self, user);
    if (!inbox || inbox->is_loaded)
        return;
    struct parked *next, *parked = inbox->parked_first;
    inbox->parked_first = inbox->parked_last = NULL;
    for (; parked; parked = next) {
        next = parked->next;
        shard_refuse_parked(self, parked, err_may_retry(code) ? code : ERR_UNAVAILABLE);
    }
    shard_drop_inbox(self, inbox);
}

/* ---- rooms tell inboxes ---- */

address_t shard_owner_of(room_shard_t *self, uint64_t id)
{
    uint32_t shard = id_shard(id);
    address_t owner = lease_epoch(&self->lease, shard) ? self->options.address : self->owners[shard];
    if (!owner || (address_is_same_node(owner, self->options.address) && !shard_owns(self, id))) {
        self->wants_leases = true;
        return 0;
    }
    if (!address_is_same_node(owner, self->options.address))
        self->wants_leases = true; /* it may have moved */
    return owner;
}

bool shard_is_time_to_tell(const room_shard_t *self, int64_t told_ms)
{
    return self->now_ms - told_ms >= NOTICE_MS || told_ms <= self->owners_ms;
}

size_t shard_whom_to_tell(const map_t *users, uint64_t whom_out[LIM_SUBS_MAX])
{
    size_t cursor = 0, count = 0;
    while (count < LIM_SUBS_MAX && map_next(users, &cursor, &whom_out[count], NULL))
        count++;
    return count;
}

static int s_compare_ids(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* Who is in a direct room; of others nobody is told in a list. Borrowed until the next call. */
static list_t s_people(room_shard_t *self, const room_t *room)
{
    uint64_t ids[LIM_DIRECT_MEMBERS_MAX], user;
    size_t count = 0, cursor = 0;
    list_writer_clear(&self->people);
    while (room->visibility == VISIBILITY_DIRECT && count < LIM_DIRECT_MEMBERS_MAX &&
           map_next(&room->members, &cursor, &user, NULL))
        ids[count++] = user;
    qsort(ids, count, sizeof ids[0], s_compare_ids);
    for (size_t i = 0; i < count; i++)
        rec_id_append(&self->people, &(struct rec_id){.id = ids[i]});
    return list_of(&self->people);
}

/* What somebody had read who came in: all that was there, as the store has it. By the event that brought them in, not by
 * that of the notice: a change of role or name may have come upon it, and lines between the two are unread. 0: the tail
 * does not reach back so far, and what the inbox knows stays. */
static uint64_t s_read_at_join(const room_t *room, uint64_t user)
{
    uint64_t joined_seq = room_joined_seq(room, user);
    return room_tail_at(&room->tail, joined_seq) ? room_msg_no_at(room, joined_seq) : 0;
}

void shard_tell_inbox(room_shard_t *self, const room_t *room, uint64_t user)
{
    static const err_t s_why[] = {[NOTICE_LEFT] = ERR_NOT_MEMBER, [NOTICE_JOINED] = ERR_OK,
                                  [NOTICE_REMOVED] = ERR_REMOVED, [NOTICE_BANNED] = ERR_BANNED,
                                  [NOTICE_ROLE] = ERR_OK};
    uint64_t value;
    if (!map_get(&room->notices, user, &value))
        return;
    unsigned what = value & ((1u << NOTICE_BITS) - 1);
    address_t owner = shard_owner_of(self, user);
    if (!owner)
        return;
    uint64_t seq = value >> NOTICE_BITS;
    struct rec_room_state state = {.room = room->id, .incarnation = room->incarnation,
                                   .visibility = room->visibility, .name = room_name(room),
                                   .topic = room_topic(room), .head = room->head,
                                   .msg_no = room->msg_no,
                                   .read_msg_no = what == NOTICE_JOINED ? s_read_at_join(room, user) : 0,
                                   .role = room_role(room, user), .archived = room->archived,
                                   .history = room->history, .people = s_people(self, room)};
    struct msg msg = {.type = MSG_INBOX_MEMBER};
    list_writer_clear(&self->list);
    rec_room_state_append(&self->list, &state);
    err_t why = s_why[what];
    msg.as.inbox_member = (struct msg_inbox_member){.user = user, .seq = seq, .joined = !why,
                                                    .code = why, .rooms = list_of(&self->list)};
    struct envelope env = {.key = user, .epoch = lease_epoch(&self->lease, room->shard)};
    shard_send(self, owner, &env, &msg);
}

err_t shard_on_inbox_member_ok(room_shard_t *self, const struct msg *msg)
{
    const struct msg_inbox_member_ok *ok = &msg->as.inbox_member_ok;
    room_t *room = shard_find_room(self, ok->room);
    uint64_t value;
    if (room && map_get(&room->notices, ok->user, &value) && value >> NOTICE_BITS == ok->seq)
        map_remove(&room->notices, ok->user);
    return ERR_OK;
}

bool shard_inbox_is_full(const room_shard_t *self, uint64_t user)
{
    const inbox_t *inbox = shard_find_inbox(self, user);
    return inbox && inbox->is_loaded && inbox->count >= LIM_SUBS_MAX;
}

/* ---- read pointers ---- */

void shard_send_reads(room_shard_t *self)
{
    struct request request = {.what = Q_READS, .deadline_ms = self->now_ms + LOAD_MS}, open;
    if (self->reads_correlation && !requests_peek(self->requests, self->reads_correlation, &open)) {
        if (requests_add(self->requests, &request))
            return;
        self->reads_correlation = request.correlation;
    }
    struct envelope env = {.correlation = self->reads_correlation, .deadline_ms = LOAD_MS};
    effects_send_bytes(self->out, shard_persist(self), &env, buffer_view(&self->reads));
}

void shard_flush_reads(room_shard_t *self)
{
    struct request request = {.what = Q_READS, .deadline_ms = self->now_ms + LOAD_MS}, open;
    self->reads_ms = self->now_ms + READS_MS;
    if (self->reads_correlation) {
        if (!requests_peek(self->requests, self->reads_correlation, &open))
            shard_send_reads(self); /* no answer in time: the same marks again, they only grow */
        return;
    }
    size_t cursor = 0;
    uint64_t user;
    list_writer_clear(&self->list);
    while (self->list.count < LIM_SUBS_MAX && map_next(&self->dirty_inboxes, &cursor, &user, NULL)) {
        inbox_t *inbox = shard_find_inbox(self, user);
        if (inbox)
            inbox_take_marks(inbox, &self->list);
        if (!inbox || !inbox->dirty_count)
            map_remove_seen(&self->dirty_inboxes, &cursor, user);
    }
    if (!self->list.count || requests_add(self->requests, &request))
        return;
    struct msg msg = {.type = MSG_STORE_READS};
    msg.as.store_reads.marks = list_of(&self->list);
    buffer_clear(&self->reads);
    if (msg_encode(&msg, &self->reads))
        return;
    self->reads_correlation = request.correlation;
    shard_send_reads(self);
}
