/* A browser's requests: checked, recognised when they come again, accepted into the open batch. */
#include <stdlib.h>
#include <string.h>

#include "actors/room_ask.h"
#include "actors/room_shard_impl.h"

static void s_ack_event(room_shard_t *self, const struct envelope *env, const struct room_ask *ask, uint64_t seq,
                        uint64_t at_ms, uint64_t msg_no)
{
    struct msg_ack ack = {.client_id = ask->client_id, .room = ask->room, .seq = seq, .at_ms = at_ms,
                          .msg_no = msg_no, .dup = true};
    shard_ack(self, env, &ack);
}

static err_t s_nack(room_shard_t *self, const struct envelope *env, const struct room_ask *ask, err_t code)
{
    shard_nack(self, env, &ask->client_id, ask->room, code);
    return code;
}

/* True: the request is known here; it was answered or waits with its first copy. */
static bool s_is_known(room_shard_t *self, const room_t *room, const struct envelope *env, const struct room_ask *ask)
{
    struct pending *pending = room_find_pending(room, env->user, &ask->client_id);
    if (pending) {
        if (memcmp(pending->mac, ask->mac, MAC_BYTES) == 0)
            pending_ask(pending, env);
        else
            s_nack(self, env, ask, ERR_CONFLICT);
        return true;
    }
    const struct tail_event *event;
    switch (room_find_stored(room, self->mac_key, env->user, &ask->client_id, ask->mac, &event)) {
    case ROOM_REPEAT: s_ack_event(self, env, ask, event->seq, event->at_ms, event->msg_no); return true;
    case ROOM_CONFLICT: s_nack(self, env, ask, ERR_CONFLICT); return true;
    case ROOM_NEW: break;
    }
    err_t refused = room_refused_find(&room->refused, env->user, &ask->client_id, self->now_ms);
    if (refused)
        s_nack(self, env, ask, refused);
    return refused != ERR_OK;
}

err_t shard_ask_and_park(room_shard_t *self, room_t *room, const struct envelope *env, view_t body,
                         struct request *request, const struct msg *msg)
{
    if (room->parked_count >= LIM_ROOM_PARKED_MAX)
        return ERR_BUSY;
    request->a = room->id;
    request->data = parked_new(env, body, self->now_ms + LOAD_MS);
    if (!request->data)
        return ERR_NO_MEMORY;
    if (!shard_ask(self, request, LOAD_MS, room->id, msg)) {
        free(request->data);
        return ERR_OVERLOADED;
    }
    room->parked_count++;
    return ERR_OK;
}

static err_t s_fetch(room_shard_t *self, room_t *room, const struct envelope *env, view_t body, uint64_t seq)
{
    struct request request = {.what = Q_EVENT, .b = seq, .c = room->head};
    struct msg msg = {.type = MSG_STORE_EVENT_GET};
    msg.as.store_event_get = (struct msg_store_event_get){.room = room->id, .seq = seq};
    return shard_ask_and_park(self, room, env, body, &request, &msg);
}

static err_t s_fetch_entrants(room_shard_t *self, room_t *room, const struct envelope *env, view_t body,
                              const struct room_ask *ask)
{
    struct request request = {.what = Q_ENTRANTS};
    struct msg msg = {.type = MSG_STORE_ENTRANTS_GET};
    err_t err = ERR_OK;
    list_writer_clear(&self->list);
    for (size_t i = 0; !err && i < ask->member_count; i++)
        err = rec_id_append(&self->list, &(struct rec_id){.id = ask->members[i]});
    msg.as.store_entrants_get.users = list_of(&self->list);
    return err ? err : shard_ask_and_park(self, room, env, body, &request, &msg);
}

/* Has everybody who would come in an account, and a place left for another room? */
static err_t s_judge_entrants(const room_shard_t *self, const struct envelope *env, const struct room_ask *ask)
{
    list_t people = self->entrants->people;
    struct rec_entrant entrant;
    size_t known = 0;
    while (rec_entrant_next(&people, &entrant)) {
        if (entrant.rooms >= LIM_SUBS_MAX)
            return entrant.user == env->user ? ERR_TOO_MANY_ROOMS : ERR_MEMBER_FULL;
        for (size_t i = 0; i < ask->member_count; i++)
            known += ask->members[i] == entrant.user;
    }
    return known == ask->member_count ? ERR_OK : ERR_NO_USER;
}

static bool s_has_hint(const room_shard_t *self, const room_t *room, uint64_t seq)
{
    return self->hint_is_known && self->hint_room == room->id && self->hint_seq == seq;
}

static struct room_target s_hint_target(const room_shard_t *self, const room_t *room)
{
    const struct msg_event *event = self->hint;
    if (!event)
        return (struct room_target){0};
    bool is_erased = event->body.len == 1 && event->body.bytes[0] == 0xc0;
    return (struct room_target){.found = true, .kind = event->kind, .seq = event->seq, .user = event->user,
                                .msg_no = event->msg_no,
                                .erased = is_erased ||
                                          room_tail_has_delete_of(&room->tail, event->seq)};
}

/* Keeps whom the target called until now: its line may not be in memory when the change is committed. */
static err_t s_keep_called(const room_shard_t *self, struct pending *pending)
{
    const struct msg_marks *marks = self->hint_marks;
    struct rec_id id;
    if (!marks || !marks->mentions.count)
        return ERR_OK;
    pending->called = calloc(marks->mentions.count, sizeof *pending->called);
    if (!pending->called)
        return ERR_NO_MEMORY;
    for (list_t list = marks->mentions; rec_id_next(&list, &id);)
        pending->called[pending->called_count++] = id.id;
    return ERR_OK;
}

static err_t s_accept(room_shard_t *self, room_t *room, const struct envelope *env, const struct room_ask *ask,
                      const struct room_target *target, err_t probe)
{
    if (room->pending_count >= LIM_ROOM_PENDING_MAX)
        return ERR_OVERLOADED;
    struct pending *pending = pending_new(room->id, ask->kind, env->user, &ask->client_id, ask->target,
                                          view_of(ask->body, ask->body_len));
    if (!pending)
        return ERR_NO_MEMORY;
    memcpy(pending->mac, ask->mac, MAC_BYTES);
    pending->whom = ask->whom;
    pending->probe = probe;
    pending->by_admin = env->flags & ENVELOPE_ADMIN;
    pending->target_msg_no = target ? target->msg_no : 0;
    err_t err = ERR_OK;
    if (target && ask->target && s_has_hint(self, room, ask->target)) {
        pending->target_as_of = self->hint_as_of;
        pending->target_user = target->user;
        err = s_keep_called(self, pending);
    }
    pending_ask(pending, env);
    if (!err)
        err = batch_push(&self->batch, pending);
    if (err) {
        pending_destroy(&pending);
        return err;
    }
    room_link_pending(room, pending);
    return ERR_OK;
}

/* Refused for good; but if the log reaches further back than the memory, this may be the repeat of something that was
 * stored while it still was allowed, and "final" would be a lie. Then the transaction looks for it. */
static err_t s_refuse_final(room_shard_t *self, room_t *room, const struct envelope *env, const struct room_ask *ask,
                            err_t code)
{
    if (room_sees_all(room) || err_may_retry(code))
        return s_nack(self, env, ask, code);
    size_t probes = 0;
    for (const struct pending *at = room->pending_first; at; at = at->room_next)
        probes += at->probe ? 1 : 0;
    err_t err = probes >= ROOM_PROBES_MAX ? ERR_BUSY : s_accept(self, room, env, ask, NULL, code);
    return err ? s_nack(self, env, ask, err) : ERR_OK;
}

/* The room of this very request exists already, or the id belongs to somebody else. */
static err_t s_on_created_before(room_shard_t *self, room_t *room, const struct envelope *env,
                                 const struct room_ask *ask, view_t body)
{
    if (!s_has_hint(self, room, 1)) {
        if (room_tail_at(&room->tail, 1)) /* it would have been found there */
            return s_nack(self, env, ask, ERR_CONFLICT);
        err_t err = s_fetch(self, room, env, body, 1);
        return err ? s_nack(self, env, ask, err) : ERR_OK;
    }
    const struct msg_event *event = self->hint;
    uint8_t mac[MAC_BYTES] = {0};
    if (event)
        room_mac(self->mac_key, event->kind, event->target, event->body, mac);
    if (!event || event->user != env->user || !cid_is_equal(&event->client_id, &ask->client_id) ||
        memcmp(mac, ask->mac, MAC_BYTES) != 0)
        return s_nack(self, env, ask, ERR_CONFLICT);
    s_ack_event(self, env, ask, 1, event->at_ms, 0);
    return ERR_OK;
}

void shard_ack_direct(room_shard_t *self, const struct envelope *env, const room_t *room, const cid_t *client_id)
{
    struct msg_ack ack = {.client_id = *client_id, .room = room->id, .seq = 1, .at_ms = room->created_at_ms,
                          .dup = true};
    shard_ack(self, env, &ack);
}

/* There it is, whoever of them opened it first. */
static err_t s_on_direct_before(room_shard_t *self, const room_t *room, const struct envelope *env,
                                const struct room_ask *ask)
{
    if (room->visibility != VISIBILITY_DIRECT || !room_is_member(room, env->user))
        return s_nack(self, env, ask, ERR_CONFLICT);
    shard_ack_direct(self, env, room, &ask->client_id);
    return ERR_OK;
}

static void s_set_role(const room_t *room, const struct envelope *env, const struct room_target *target,
                       struct room_ask *ask)
{
    uint32_t role = target->user == env->user ? ROLE_MEMBER : room_role(room, env->user);
    room_ask_set_body(ask, &(struct kind_deleted){.by_role = role}); /* the mac leaves it out */
}

void shard_ack_joined(room_shard_t *self, const struct envelope *env, const room_t *room, const cid_t *client_id)
{
    uint64_t seq = room_joined_seq(room, env->user);
    const struct tail_event *event = room_tail_at(&room->tail, seq);
    struct msg_ack ack = {.client_id = *client_id, .room = room->id, .seq = seq, .dup = true,
                          .at_ms = event ? event->at_ms : room->created_at_ms};
    shard_ack(self, env, &ack);
}

/* Who is in already: by this very request, long ago, or by another one? */
static err_t s_on_joined_before(room_shard_t *self, room_t *room, const struct envelope *env,
                                const struct room_ask *ask)
{
    if (!room_sees_all(room))
        return s_refuse_final(self, room, env, ask, ERR_UNEXPECTED);
    shard_ack_joined(self, env, room, &ask->client_id);
    return ERR_OK;
}

/* Leaves in the body whom the room knows: members, each once, not the author. The mac is of what was asked for. */
static err_t s_set_mentions(const room_t *room, const struct envelope *env, struct room_ask *ask)
{
    union {
        struct kind_said said; /* KIND_REVISED has the same fields */
        struct kind_shared shared;
    } whole;
    struct rec_id id;
    uint64_t kept[LIM_MENTIONS_MAX];
    size_t count = 0;
    list_writer_t list;
    uint8_t copy[LIM_EVENT_BODY_BYTES_MAX];
    memcpy(copy, ask->body, ask->body_len);
    err_t err = kind_decode(ask->kind, view_of(copy, ask->body_len), &whole);
    list_t *mentions = ask->kind == KIND_SHARED ? &whole.shared.mentions : &whole.said.mentions;
    list_writer_init(&list, LIM_EVENT_BODY_BYTES_MAX);
    while (!err && rec_id_next(mentions, &id)) {
        bool is_kept = id.id != env->user && room_is_member(room, id.id);
        for (size_t i = 0; i < count; i++)
            is_kept &= kept[i] != id.id;
        if (!is_kept)
            continue;
        kept[count++] = id.id;
        err = rec_id_append(&list, &id);
    }
    *mentions = list_of(&list);
    if (!err)
        err = room_ask_set_body(ask, &whole);
    list_writer_fini(&list);
    return err;
}

/* Asks the store what the line says of its files (*waits_out), or takes what it said. */
static err_t s_set_files(room_shard_t *self, room_t *room, const struct envelope *env, struct room_ask *ask, view_t body,
                         bool *waits_out)
{
    struct kind_shared shared;
    uint8_t copy[LIM_EVENT_BODY_BYTES_MAX];
    memcpy(copy, ask->body, ask->body_len);
    err_t err = kind_decode(KIND_SHARED, view_of(copy, ask->body_len), &shared);
    if (!err && !self->files) {
        *waits_out = true;
        return shard_claim_files(self, room, env, body, &ask->client_id, shared.files);
    }
    if (!err)
        err = self->files->refused;
    if (err)
        return err;
    shared.files = self->files->list;
    return room_ask_set_body(ask, &shared);
}

/* What can be said of an answer's line without asking the store: it is no event of the future and, if it is in memory,
 * a line. Deleted ones may be answered: the answer was perhaps written before. */
static err_t s_judge_reply(const room_t *room, uint64_t user, uint64_t reply_to)
{
    struct room_target target;
    if (reply_to && reply_to < room_visible_from(room, user))
        return ERR_NO_EVENT;
    if (!reply_to || !room_find_target(room, reply_to, &target))
        return ERR_OK;
    return target.found && kind_is_line(target.kind) ? ERR_OK : ERR_NO_EVENT;
}

/* What is left to judge or to fill in once the sender may do it at all. */
static err_t s_complete(const room_shard_t *self, const room_t *room, const struct envelope *env,
                        const struct room_target *target, struct room_ask *ask)
{
    err_t err = ERR_OK;
    if (ask->kind == KIND_DELETED)
        s_set_role(room, env, target, ask);
    bool is_answer = ask->kind == KIND_SAID || ask->kind == KIND_SHARED;
    if (is_answer)
        err = s_judge_reply(room, env->user, ask->target);
    if (!err && (is_answer || ask->kind == KIND_REVISED))
        err = s_set_mentions(room, env, ask);
    if (ask->kind == KIND_REACTED)
        err = shard_judge_reaction(room, env->user, ask->target, view_of(ask->body, ask->body_len), self->hint_marks);
    return err;
}

static err_t s_on_new(room_shard_t *self, room_t *room, const struct envelope *env, struct room_ask *ask, view_t body)
{
    struct room_target target = {0};
    if (room_changes_target(ask->kind) && room->state == ROOM_READY && room_is_member(room, env->user) &&
        !room_find_target(room, ask->target, &target)) {
        if (!s_has_hint(self, room, ask->target)) {
            err_t err = s_fetch(self, room, env, body, ask->target);
            return err ? s_nack(self, env, ask, err) : ERR_OK;
        }
        target = s_hint_target(self, room);
    }
    view_t asked = view_of(ask->body, ask->body_len);
    err_t err = env->flags & ENVELOPE_ADMIN ? room_judge_admin(room, ask->kind, env->user, &target, asked)
                                            : room_judge(room, ask->kind, env->user, &target, asked);
    if (err == ERR_UNEXPECTED && ask->kind == KIND_DIRECT_CREATED)
        return s_on_direct_before(self, room, env, ask);
    if (err == ERR_UNEXPECTED && kind_is_first(ask->kind))
        return s_on_created_before(self, room, env, ask, body);
    if (err == ERR_UNEXPECTED)
        return s_on_joined_before(self, room, env, ask);
    if (!err && ask->member_count && !self->entrants) {
        err = s_fetch_entrants(self, room, env, body, ask);
        return err ? s_nack(self, env, ask, err) : ERR_OK;
    }
    if (!err && ask->member_count)
        err = s_judge_entrants(self, env, ask);
    bool enters = ask->kind == KIND_JOINED || kind_is_first(ask->kind);
    if (!err && enters && shard_inbox_is_full(self, env->user))
        err = ERR_TOO_MANY_ROOMS;
    if (!err)
        err = s_complete(self, room, env, &target, ask);
    bool waits = false;
    if (!err && ask->kind == KIND_SHARED)
        err = s_set_files(self, room, env, ask, body, &waits);
    if (waits)
        return err ? s_nack(self, env, ask, err) : ERR_OK;
    if (err)
        return s_refuse_final(self, room, env, ask, err);
    err = s_accept(self, room, env, ask, &target, ERR_OK);
    return err ? s_nack(self, env, ask, err) : ERR_OK;
}

err_t shard_on_request(room_shard_t *self, const struct envelope *env, const struct msg *msg, view_t body)
{
    struct room_ask ask;
    err_t err = room_ask_read(env, msg, &ask);
    if (!err)
        err = env->user ? ask.refused : ERR_UNAUTHORIZED;
    if (err)
        return shard_refuse(self, env, msg, err);
    room_t *room = shard_room_for(self, env, msg, body, ask.room, &err);
    if (!room)
        return err;
    uint64_t id = !kind_is_first(ask.kind)            ? ask.room
                  : ask.kind == KIND_DIRECT_CREATED ? id_of_direct(self->id_key, ask.members, ask.member_count)
                                                    : id_of_room(self->id_key, env->user, &ask.client_id);
    room_mac(self->mac_key, ask.kind, ask.target, view_of(ask.body, ask.body_len), ask.mac);
    if (id != ask.room)
        err = s_nack(self, env, &ask, ERR_OUT_OF_RANGE);
    else if (s_is_known(self, room, env, &ask))
        err = ERR_OK;
    else if (self->state == ROOM_SHARD_STOPPING)
        err = s_nack(self, env, &ask, ERR_DRAINING);
    else if (shard_is_unavailable(self))
        err = s_nack(self, env, &ask, ERR_UNAVAILABLE);
    else
        err = s_on_new(self, room, env, &ask, body);
    if (room->state == ROOM_ABSENT)
        shard_release_if_idle(self, room);
    return err;
}

struct parked *shard_take_asker(room_shard_t *self, const struct request *request)
{
    room_t *room = shard_find_room(self, request->a);
    if (room && room->parked_count)
        room->parked_count--;
    return request->data;
}

err_t shard_on_store_entrants(room_shard_t *self, const struct envelope *env, const struct msg *msg)
{
    struct request request;
    if (!shard_take(self, env, Q_ENTRANTS, &request))
        return ERR_OK;
    struct parked *parked = shard_take_asker(self, &request);
    self->entrants = &msg->as.store_entrants;
    err_t err = shard_dispatch(self, &parked->env, view_of(parked->body, parked->len));
    self->entrants = NULL;
    free(parked);
    return err;
}

err_t shard_on_store_event(room_shard_t *self, const struct envelope *env, const struct msg *msg)
{
    struct request request;
    if (!shard_take(self, env, Q_EVENT, &request))
        return ERR_OK;
    struct parked *parked = shard_take_asker(self, &request);
    list_t frames = msg->as.store_event.frames;
    struct rec_frame frame;
    struct msg event, marks;
    bool is_found = rec_frame_next(&frames, &frame);
    if (is_found && (msg_decode(frame.event, &event) || event.type != MSG_EVENT ||
                     event.as.event.room != request.a || event.as.event.seq != request.b)) {
        shard_refuse_parked(self, parked, ERR_INTERNAL);
        return ERR_BAD_FRAME;
    }
    bool has_marks = is_found && rec_frame_next(&frames, &frame) && !msg_decode(frame.event, &marks) &&
                     marks.type == MSG_MARKS;
    self->hint = is_found ? &event.as.event : NULL;
    self->hint_marks = has_marks ? &marks.as.marks : NULL;
    self->hint_is_known = true;
    self->hint_room = request.a;
    self->hint_seq = request.b;
    self->hint_as_of = request.c;
    err_t err = shard_dispatch(self, &parked->env, view_of(parked->body, parked->len));
    self->hint = NULL;
    self->hint_marks = NULL;
    self->hint_is_known = false;
    free(parked);
    return err;
}

void shard_event_failed(room_shard_t *self, struct request *request, err_t code)
{
    shard_refuse_parked(self, shard_take_asker(self, request), err_may_retry(code) ? code : ERR_UNAVAILABLE);
    request->data = NULL;
    room_t *room = shard_find_room(self, request->a);
    if (room && room->state == ROOM_ABSENT)
        shard_release_if_idle(self, room);
}
