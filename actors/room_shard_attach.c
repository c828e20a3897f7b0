/* Readers: attaching with a backfill, reading on, who is here, how far rooms have come. */
#include <string.h>

#include "actors/room_members.h"
#include "actors/room_shard_impl.h"

enum { MODE_DELTA = 0, MODE_SNAPSHOT = 1, MODE_RESET = 2 };

/* Those of a ROOM_ATTACH that may read, summed up. */
struct readers {
    size_t count;
    uint64_t first_user, visible_from; /* visible_from: of the most restricted one */
    bool any_live;
};

static err_t s_register(room_shard_t *self, room_t *room, int slot, const struct rec_reader *reader)
{
    err_t err = room_may_read(room, reader->user);
    if (err)
        return err;
    if (slot < 0)
        return ERR_OVERLOADED;
    (void)self;
    return presence_add(&room->presence, (unsigned)slot, reader->session, reader->user, reader->live);
}

static void s_register_all(room_shard_t *self, room_t *room, int slot, list_t list, struct readers *out)
{
    struct rec_reader reader;
    list_writer_clear(&self->list_more);
    *out = (struct readers){0};
    while (rec_reader_next(&list, &reader)) {
        struct rec_refusal refusal = {.session = reader.session,
                                      .code = s_register(self, room, slot, &reader)};
        if (refusal.code) {
            if (slot >= 0)
                presence_remove(&room->presence, (unsigned)slot, reader.session);
            rec_refusal_append(&self->list_more, &refusal);
            continue;
        }
        uint64_t visible_from = room_visible_from(room, reader.user);
        if (!out->count++)
            out->first_user = reader.user;
        out->visible_from = visible_from > out->visible_from ? visible_from : out->visible_from;
        out->any_live |= reader.live;
    }
}

static void s_ask_page(room_shard_t *self, const room_t *room, const struct envelope *env,
                       const struct msg_store_page_get *page)
{
    struct msg msg = {.type = MSG_STORE_PAGE_GET};
    struct envelope ask = *env; /* the asker's correlation: the answer goes to it, not here */
    msg.as.store_page_get = *page;
    ask.flags = 0;
    ask.reply_to = envelope_answer_to(env);
    ask.key = room->id;
    effects_send(self->out, shard_persist(self), &ask, &msg);
}

static void s_ask_delta(room_shard_t *self, const room_t *room, const struct envelope *env, uint64_t after)
{
    struct msg msg = {.type = MSG_STORE_DELTA_GET};
    struct envelope ask = *env;
    msg.as.store_delta_get = (struct msg_store_delta_get){.room = room->id, .incarnation = room->incarnation,
                                                          .after = after, .upto = room->head};
    ask.flags = 0;
    ask.reply_to = envelope_answer_to(env);
    ask.key = room->id;
    effects_send(self->out, shard_persist(self), &ask, &msg);
}

/* Is after+1 … head to be had as a delta, from here or from the store? */
static bool s_is_delta(const room_t *room, const struct msg_room_attach *attach, const struct readers *readers)
{
    if (readers->visible_from > attach->after + 1)
        return false;
    return room->head - attach->after <= LIM_DELTA_EVENTS_MAX;
}

/* Fills in where the backfill begins. True: it is in self->list; false: it has to come from the store. */
static bool s_backfill(room_shard_t *self, const room_t *room, const struct msg_room_attach *attach,
                       const struct readers *readers, struct msg_room_attached *out)
{
    struct msg_room_attach from = *attach;
    struct tail_page page = {0};
    list_writer_clear(&self->list);
    bool is_reset = (from.incarnation && from.incarnation != room->incarnation) || from.after > room->head;
    if (is_reset || !from.incarnation)
        from.after = 0;
    out->after = from.after;
    if (!is_reset && s_is_delta(room, &from, readers)) {
        out->mode = MODE_DELTA;
        out->base = from.after + 1;
        if (from.after == room->head)
            return true;
        err_t err = room_tail_delta(&room->tail, from.after, &self->list);
        if (err != ERR_TOO_LARGE && (!err || from.after))
            return !err;
        /* Too much for a delta, or a beginning that is not in memory any more: the newest lines do. */
    }
    out->mode = is_reset ? MODE_RESET : MODE_SNAPSHOT;
    out->base = 0;
    list_writer_clear(&self->list);
    if (!room->tail.count || room_tail_snapshot(&room->tail, readers->visible_from, &self->list, &page))
        return false;
    out->base = page.base;
    out->first_msg_no = page.first_msg_no;
    return true;
}

static void s_fetch_backfill(room_shard_t *self, const room_t *room, const struct envelope *env,
                             const struct readers *readers, const struct msg_room_attached *attached)
{
    if (attached->mode == MODE_DELTA) {
        s_ask_delta(self, room, env, attached->after);
        return;
    }
    struct msg_store_page_get page = {.room = room->id, .incarnation = room->incarnation,
                                      .as_of = room->head, .limit = LIM_SNAPSHOT_MESSAGES,
                                      .visible_from_seq = readers->visible_from};
    s_ask_page(self, room, env, &page);
}

err_t shard_on_attach(room_shard_t *self, const struct envelope *env, const struct msg *msg, view_t body)
{
    const struct msg_room_attach *attach = &msg->as.room_attach;
    err_t err = ERR_OK;
    room_t *room = shard_room_for(self, env, msg, body, attach->room, &err);
    if (!room)
        return err;
    struct readers readers;
    /* Registered before the answer is written: what commits later follows it on the same pipe. */
    s_register_all(self, room, shard_slot(self, env->from, true), attach->readers, &readers);
    struct msg answer = {.type = MSG_ROOM_ATTACHED};
    struct msg_room_attached *attached = &answer.as.room_attached;
    *attached = (struct msg_room_attached){.room = room->id, .incarnation = room->incarnation,
                                           .mode = MODE_DELTA, .after = attach->after,
                                           .base = attach->after + 1, .head = room->head,
                                           .msg_no = room->msg_no,
                                           .role = room_role(room, readers.first_user),
                                           .members = room->members.count,
                                           .visible_from = readers.visible_from, .here = true,
                                           .deleted = room->gone.deleted};
    list_writer_clear(&self->list);
    if (readers.count && attach->want)
        attached->here = s_backfill(self, room, attach, &readers, attached);
    attached->frames = list_of(&self->list);
    attached->refused = list_of(&self->list_more);
    shard_reply(self, env, &answer);
    if (readers.count && attach->want && !attached->here)
        s_fetch_backfill(self, room, env, &readers, attached);
    if (!presence_is_quiet(&room->presence))
        shard_room_busy(self, room);
    if (room->state == ROOM_ABSENT)
        shard_release_if_idle(self, room);
    return ERR_OK;
}

err_t shard_on_detach(room_shard_t *self, const struct envelope *env, const struct msg *msg)
{
    room_t *room = shard_find_room(self, msg->as.room_detach.room);
    int slot = shard_slot(self, env->from, false);
    list_t readers = msg->as.room_detach.readers;
    struct rec_reader reader;
    while (room && slot >= 0 && rec_reader_next(&readers, &reader))
        presence_remove(&room->presence, (unsigned)slot, reader.session);
    if (!room)
        return ERR_OK;
    room->touched_ms = self->now_ms;
    if (!presence_is_quiet(&room->presence))
        shard_room_busy(self, room);
    return ERR_OK;
}

/* ---- reading ---- */

static void s_info(room_shard_t *self, const room_t *room, const struct envelope *env)
{
    struct rec_room_info info = {.room = room->id, .name = room_name(room), .topic = room_topic(room),
                                 .visibility = room->visibility, .members = room->members.count,
                                 .joined = room_is_member(room, env->user),
                                 .created_at_ms = room->created_at_ms, .archived = room->archived,
                                 .history = room->history};
    struct msg answer = {.type = MSG_ROOM_INFO};
    list_writer_clear(&self->list);
    rec_room_info_append(&self->list, &info);
    answer.as.room_info = (struct msg_room_info){.rooms = list_of(&self->list),
                                                 .role = room_role(room, env->user),
                                                 .incarnation = room->incarnation,
                                                 .head = room->head, .msg_no = room->msg_no};
    shard_reply(self, env, &answer);
}

/* Members, or those who are muted or banned: the store answers whoever asked. */
static err_t s_people(room_shard_t *self, const room_t *room, const struct envelope *env, const struct msg *asked)
{
    struct msg msg = {.type = MSG_STORE_MEMBERS_GET};
    struct envelope ask = *env;
    uint32_t limit;
    if (asked->type == MSG_ROOM_MEMBERS_GET) {
        const struct msg_room_members_get *get = &asked->as.room_members_get;
        limit = get->limit;
        msg.as.store_members_get =
            (struct msg_store_members_get){.room = room->id, .after_user = get->after_user, .limit = limit};
    } else {
        const struct msg_room_restricted_get *get = &asked->as.room_restricted_get;
        limit = get->limit;
        msg.type = MSG_STORE_RESTRICTED_GET;
        msg.as.store_restricted_get =
            (struct msg_store_restricted_get){.room = room->id, .after_user = get->after_user, .limit = limit};
    }
    if (!limit)
        return shard_refuse(self, env, asked, ERR_OUT_OF_RANGE);
    ask.reply_to = envelope_answer_to(env);
    ask.key = room->id;
    effects_send(self->out, shard_persist(self), &ask, &msg);
    return ERR_OK;
}

static err_t s_find(room_shard_t *self, const room_t *room, const struct envelope *env, const struct msg *asked)
{
    const struct msg_room_members_find *find = &asked->as.room_members_find;
    struct msg msg = {.type = MSG_STORE_MEMBERS_FIND};
    struct envelope ask = *env;
    if (!find->limit || !find->query.len)
        return shard_refuse(self, env, asked, ERR_OUT_OF_RANGE);
    msg.as.store_members_find =
        (struct msg_store_members_find){.room = room->id, .query = find->query, .limit = find->limit};
    ask.reply_to = envelope_answer_to(env);
    ask.key = room->id;
    effects_send(self->out, shard_persist(self), &ask, &msg);
    return ERR_OK;
}

static err_t s_gone(room_shard_t *self, const room_t *room, const struct envelope *env)
{
    struct msg answer = {.type = MSG_GONE};
    room_gone_tell(&room->gone, room->id, &self->list, &answer.as.gone);
    shard_reply(self, env, &answer);
    return ERR_OK;
}

/* Single lines, or those that are pinned. */
static err_t s_lines(room_shard_t *self, const room_t *room, const struct envelope *env, const struct msg *msg)
{
    struct msg pass = {.type = MSG_STORE_LINES_GET};
    struct envelope ask = *env;
    if (msg->type == MSG_ROOM_LINES_GET) {
        pass.as.store_lines_get = (struct msg_store_lines_get){
            .room = room->id, .incarnation = room->incarnation, .as_of = room->head,
            .visible_from_seq = room_visible_from(room, env->user), .seqs = msg->as.room_lines_get.seqs};
        if (!pass.as.store_lines_get.seqs.count)
            return shard_refuse(self, env, msg, ERR_OUT_OF_RANGE);
    } else {
        const struct msg_room_pins_get *get = &msg->as.room_pins_get;
        pass.type = MSG_STORE_PINS_GET;
        pass.as.store_pins_get = (struct msg_store_pins_get){
            .room = room->id, .incarnation = room->incarnation, .as_of = room->head,
            .visible_from_seq = room_visible_from(room, env->user), .before = get->before, .limit = get->limit};
        if (!get->limit)
            return shard_refuse(self, env, msg, ERR_OUT_OF_RANGE);
    }
    ask.flags = 0;
    ask.reply_to = envelope_answer_to(env);
    ask.key = room->id;
    effects_send(self->out, shard_persist(self), &ask, &pass);
    return ERR_OK;
}

/* Events as they are stored, for the owner; in a direct room nobody owns, for each who is in it. The right is asked for each page anew. */
static err_t s_export(room_shard_t *self, const room_t *room, const struct envelope *env, const struct msg *msg)
{
    const struct msg_room_export_get *get = &msg->as.room_export_get;
    if (room_role(room, env->user) != ROLE_OWNER && room->visibility != VISIBILITY_DIRECT)
        return shard_refuse(self, env, msg, ERR_FORBIDDEN);
    if (get->upto <= get->after || get->upto > room->head || get->upto - get->after > LIM_DELTA_EVENTS_MAX)
        return shard_refuse(self, env, msg, ERR_OUT_OF_RANGE);
    struct msg pass = {.type = MSG_STORE_DELTA_GET};
    pass.as.store_delta_get = (struct msg_store_delta_get){
        .room = room->id, .incarnation = room->incarnation, .after = get->after, .upto = get->upto};
    struct envelope ask = *env;
    ask.flags = 0;
    ask.reply_to = envelope_answer_to(env);
    ask.key = room->id;
    effects_send(self->out, shard_persist(self), &ask, &pass);
    return ERR_OK;
}

static uint64_t s_read_room(const struct msg *msg)
{
    switch (msg->type) {
    case MSG_ROOM_INFO_GET: return msg->as.room_info_get.room;
    case MSG_ROOM_MEMBERS_GET: return msg->as.room_members_get.room;
    case MSG_ROOM_EXPORT_GET: return msg->as.room_export_get.room;
    case MSG_ROOM_RESTRICTED_GET: return msg->as.room_restricted_get.room;
    case MSG_ROOM_MEMBERS_FIND: return msg->as.room_members_find.room;
    case MSG_GONE_GET: return msg->as.gone_get.room;
    case MSG_ROOM_FILE_BEGIN: return msg->as.room_file_begin.room;
    case MSG_ROOM_FILE_GET: return msg->as.room_file_get.room;
    default: return msg->as.room_page_get.room;
    }
}

err_t shard_on_read_request(room_shard_t *self, const struct envelope *env, const struct msg *msg, view_t body)
{
    err_t err = ERR_OK;
    room_t *room = shard_room_for(self, env, msg, body, s_read_room(msg), &err);
    if (!room)
        return err;
    if (room->state != ROOM_READY) {
        err = shard_refuse(self, env, msg, ERR_NO_ROOM);
        shard_release_if_idle(self, room);
        return err;
    }
    err = room_may_read(room, env->user);
    if (err == ERR_NOT_MEMBER && msg->type == MSG_ROOM_INFO_GET)
        err = ERR_OK;
    if (!err && msg->type == MSG_ROOM_RESTRICTED_GET && room_role(room, env->user) < ROLE_MODERATOR)
        err = ERR_FORBIDDEN;
    if (err)
        return shard_refuse(self, env, msg, err);
    if (msg->type == MSG_ROOM_INFO_GET) {
        s_info(self, room, env);
        return ERR_OK;
    }
    if (msg->type == MSG_GONE_GET)
        return s_gone(self, room, env);
    if (msg->type == MSG_ROOM_MEMBERS_FIND)
        return s_find(self, room, env, msg);
    if (msg->type == MSG_ROOM_MEMBERS_GET || msg->type == MSG_ROOM_RESTRICTED_GET)
        return s_people(self, room, env, msg);
    if (msg->type == MSG_ROOM_FILE_BEGIN || msg->type == MSG_ROOM_FILE_GET)
        return shard_on_file_request(self, room, env, msg);
    if (msg->type == MSG_ROOM_EXPORT_GET)
        return s_export(self, room, env, msg);
    if (msg->type == MSG_ROOM_LINES_GET || msg->type == MSG_ROOM_PINS_GET)
        return s_lines(self, room, env, msg);
    const struct msg_room_page_get *get = &msg->as.room_page_get;
    if (!get->limit || (get->before && get->after))
        return shard_refuse(self, env, msg, ERR_OUT_OF_RANGE);
    struct msg_store_page_get page = {.room = room->id, .incarnation = room->incarnation,
                                      .as_of = room->head, .before = get->before, .after = get->after,
                                      .limit = get->limit,
                                      .visible_from_seq = room_visible_from(room, env->user)};
    s_ask_page(self, room, env, &page);
    return ERR_OK;
}

err_t shard_on_typing(room_shard_t *self, const struct envelope *env, const struct msg *msg)
{
    room_t *room = shard_find_room(self, msg->as.typing.room);
    if (!room || room->state != ROOM_READY || !shard_owns(self, room->id) ||
        !room_is_member(room, env->user) || room_is_muted(room, env->user))
        return ERR_OK; /* never worth a load or an answer */
    if (presence_typing(&room->presence, env->user, msg->as.typing.active, self->now_ms))
        shard_room_busy(self, room);
    return ERR_OK;
}

/* ---- what is due ---- */

static void s_tell(room_shard_t *self, const room_t *room, uint64_t mask, bool is_ephemeral, const struct msg *msg)
{
    struct envelope env = shard_envelope(self, room);
    env.flags = is_ephemeral ? ENVELOPE_EPHEMERAL : 0;
    for (unsigned slot = 0; slot < LIM_EDGES_MAX; slot++)
        if (mask >> slot & 1)
            effects_send(self->out, self->edges[slot].address, &env, msg);
}

static void s_tell_presence(room_shard_t *self, room_t *room)
{
    room_presence_t *presence = &room->presence;
    struct msg msg = {.type = MSG_PRESENCE};
    uint64_t fresh = presence->fresh_mask, rest = presence->live_mask & ~fresh;
    if (fresh) {
        presence_full(presence, room->id, room->members.count, &self->list, &msg.as.presence);
        s_tell(self, room, fresh, false, &msg);
    }
    if (rest && presence->changed.count && self->now_ms - presence->told_ms >= PRESENCE_TELL_MS) {
        presence_changes(presence, room->id, room->members.count, &self->list, &msg.as.presence);
        s_tell(self, room, rest, true, &msg);
    }
    presence_told(presence, self->now_ms);
}

static void s_flush_edge_heads(room_shard_t *self, struct room_edge *edge)
{
    struct msg msg = {.type = MSG_HEADS};
    msg.as.heads.heads = list_of(&edge->heads);
    if (edge->heads.count && edge->address)
        effects_send(self->out, edge->address, &(struct envelope){0}, &msg);
    list_writer_clear(&edge->heads);
}

/* Heads go to those who only watch; after a gap to all, so that live readers notice it too. */
static void s_add_heads(room_shard_t *self, room_t *room)
{
    struct rec_head head = {.room = room->id, .seq = room->head, .msg_no = room->msg_no,
                            .deleted = room->gone.deleted};
    uint64_t mask = room->presence.watch_mask | (room->heads_to_all ? room->presence.live_mask : 0);
    for (unsigned slot = 0; slot < LIM_EDGES_MAX; slot++) {
        struct room_edge *edge = &self->edges[slot];
        if (!(mask >> slot & 1))
            continue;
        if (edge->heads.count == LIM_SUBS_MAX)
            s_flush_edge_heads(self, edge);
        rec_head_append(&edge->heads, &head);
    }
    room->heads_changed = room->heads_to_all = false;
}

void shard_flush_heads(room_shard_t *self)
{
    for (unsigned slot = 0; slot < LIM_EDGES_MAX; slot++)
        if (self->edges[slot].heads.count)
            s_flush_edge_heads(self, &self->edges[slot]);
}

static void s_tell_notices(room_shard_t *self, room_t *room)
{
    uint64_t users[LIM_SUBS_MAX];
    if (!shard_is_time_to_tell(self, room->notices_ms))
        return;
    room->notices_ms = self->now_ms;
    size_t count = shard_whom_to_tell(&room->notices, users);
    for (size_t i = 0; i < count; i++)
        shard_tell_inbox(self, room, users[i]);
    if (count == LIM_SUBS_MAX) /* those told have answered by then, mostly */
        room->notices_ms = self->now_ms - NOTICE_MS + NOTICE_MORE_MS;
}

bool shard_room_tick(room_shard_t *self, room_t *room)
{
    room_presence_t *presence = &room->presence;
    if (room->state == ROOM_LOADING) {
        if (!room->load_correlation)
            shard_start_load(self, room);
        return true;
    }
    if (room->heads_changed)
        s_add_heads(self, room);
    if (presence_is_due(presence, self->now_ms))
        s_tell_presence(self, room);
    if (presence_typing_is_due(presence, self->now_ms)) {
        struct msg msg = {.type = MSG_TYPISTS};
        presence_typists(presence, room->id, self->now_ms, &self->list, &msg.as.typists);
        s_tell(self, room, presence->live_mask, true, &msg);
    }
    if (room->notices.count)
        s_tell_notices(self, room);
    shard_tell_all_called(self, room);
    return room->notices.count || room->called.count || room->heads_changed || !presence_is_quiet(presence);
}
