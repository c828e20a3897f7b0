#include "edge/attach.h"

#include <assert.h>
#include <stdlib.h>

#include "edge/attach_impl.h"
#include "edge/http.h"

enum { HEADS_EACH_MS = 250, DETACH_BATCH = 256 };

void attach_head(fanout_t *fanout, struct fan_room *room, const struct msg_room_attached *attached)
{
    if (room->incarnation != attached->incarnation)
        room->deleted = 0;
    room->incarnation = attached->incarnation;
    fanout_head(fanout, room, &(struct rec_head){.seq = attached->head, .msg_no = attached->msg_no,
                                                 .deleted = attached->deleted});
}

static bool s_on_told(struct edge *edge, struct ask *ask, const struct answer *answer);
static bool s_on_healed(struct edge *edge, struct ask *ask, const struct answer *answer);

struct attach *attach_new(struct edge *edge)
{
    struct attach *self = calloc(1, sizeof *self);
    if (self)
        self->edge = edge;
    return self;
}

void attach_destroy(struct attach **self_p)
{
    assert(self_p);
    if (*self_p)
        free((*self_p)->gone);
    free(*self_p);
    *self_p = NULL;
}

static struct session *s_session(const struct seat *seat)
{
    return (struct session *)seat->viewer;
}

/* ---- out ---- */

static int s_by_room(const void *a, const void *b)
{
    const struct gone *x = a, *y = b;
    return (x->room > y->room) - (x->room < y->room);
}

static void s_send_detach(struct attach *self, const struct gone *gone, size_t count)
{
    list_writer_t readers;
    list_writer_init(&readers, LIM_LINK_BODY_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        struct rec_reader reader = {.user = gone[i].user, .session = gone[i].session};
        (void)rec_reader_append(&readers, &reader);
    }
    struct msg msg = {.type = MSG_ROOM_DETACH,
                      .as.room_detach = {.room = gone[0].room, .readers = list_of(&readers)}};
    struct envelope env = {.key = gone[0].room};
    address_t owner = links_owner(self->edge->links, gone[0].room);
    if (owner) /* not sent: the room forgets this edge's readers when it sees another boot, or unloads */
        (void)actor_send(self->edge->actor, owner, &env, &msg);
    list_writer_fini(&readers);
}

void attach_flush_gone(struct attach *self)
{
    if (self->gone_count == 0)
        return;
    qsort(self->gone, self->gone_count, sizeof *self->gone, s_by_room);
    for (size_t i = 0, next; i < self->gone_count; i = next) {
        for (next = i + 1; next < self->gone_count && self->gone[next].room == self->gone[i].room; next++)
            if (next - i == DETACH_BATCH)
                break;
        s_send_detach(self, &self->gone[i], next - i);
    }
    self->gone_count = 0;
    free(self->gone);
    self->gone = NULL;
    self->gone_capacity = 0;
}

static void s_detach(struct attach *self, uint64_t room, uint64_t user, uint64_t session)
{
    if (self->gone_count == self->gone_capacity) {
        size_t capacity = self->gone_capacity ? self->gone_capacity * 2 : 16;
        struct gone *gone = realloc(self->gone, capacity * sizeof *gone);
        if (!gone)
            return;
        self->gone = gone;
        self->gone_capacity = capacity;
    }
    self->gone[self->gone_count++] = (struct gone){room, user, session};
}

void attach_drop(struct attach *self, struct session *session, uint64_t room, bool tell)
{
    struct backfill *backfill = backfill_find(session, room);
    if (backfill)
        backfill_free(backfill);
    if (tell && fanout_seat(self->edge->fanout, &session->viewer, room))
        s_detach(self, room, session->user, session->number);
    fanout_leave(self->edge->fanout, &session->viewer, room);
}

void attach_drop_all(struct attach *self, struct session *session)
{
    while (session->backfills)
        backfill_free(session->backfills);
    for (uint32_t i = 0; i < session->viewer.place_count; i++)
        s_detach(self, session->viewer.places[i].room->id, session->user, session->number);
    fanout_leave_all(self->edge->fanout, &session->viewer);
    free(session->wanted);
    session->wanted = NULL;
    session->wanted_count = session->wanted_next = 0;
}

void attach_kick(struct attach *self, struct session *session, uint64_t room, err_t code)
{
    struct msg msg = {.type = MSG_KICK, .as.kick = {.room = room, .code = code}};
    fanout_send_msg(self->edge->fanout, &session->viewer, &msg, 0);
    attach_drop(self, session, room, false);
}

/* ---- in: watching ---- */

err_t attach_watch(struct attach *self, struct session *session, uint64_t room_id)
{
    if (fanout_seat(self->edge->fanout, &session->viewer, room_id))
        return ERR_OK;
    struct seat *seat = fanout_sit(self->edge->fanout, &session->viewer, room_id, SEAT_WATCH);
    if (!seat)
        return ERR_TOO_MANY_ROOMS;
    fanout_set_told(self->edge->fanout, fanout_room(self->edge->fanout, room_id), seat, false);
    return ERR_OK;
}

void attach_unshow(struct attach *self, struct session *session, uint64_t room_id)
{
    if (!fanout_seat(self->edge->fanout, &session->viewer, room_id))
        return;
    struct backfill *backfill = backfill_find(session, room_id);
    if (backfill)
        backfill_free(backfill);
    struct seat *seat = fanout_sit(self->edge->fanout, &session->viewer, room_id, SEAT_WATCH);
    fanout_set_told(self->edge->fanout, fanout_room(self->edge->fanout, room_id), seat, false);
}

/* Readers of the room as its actor should know them, those of `which`; at most LIM_SUBS_MAX, and then told. */
static size_t s_gather(struct attach *self, struct fan_room *room, bool heal, list_writer_t *readers)
{
    size_t count = 0;
    for (uint32_t i = 0; i < room->count && count < LIM_SUBS_MAX; i++) {
        struct seat *seat = &room->seats[i];
        bool wanted = heal ? seat->mode != SEAT_WATCH && seat->mode != SEAT_ATTACHING : !seat->told;
        if (!wanted)
            continue;
        struct rec_reader reader = {.user = s_session(seat)->user,
                                    .session = s_session(seat)->number,
                                    .live = seat->mode != SEAT_WATCH};
        if (rec_reader_append(readers, &reader))
            break;
        fanout_set_told(self->edge->fanout, room, seat, true);
        count++;
    }
    return count;
}

static struct ask *s_ask_room(struct attach *self, const struct fan_room *room, bool heal, list_t readers)
{
    struct msg msg = {.type = MSG_ROOM_ATTACH, .as.room_attach = {
        .room = room->id,
        .incarnation = heal ? room->incarnation : 0,
        .after = heal ? room->last_seq : 0,
        .want = heal,
        .readers = readers,
    }};
    /* Once: those it names may be gone by the time it would be repeated; it is written anew then. */
    struct ask_spec spec = {.to = ASK_OWNER, .done = heal ? s_on_healed : s_on_told, .owner = self,
                            .key = room->id, .once = true, .deadline_ms = 2 * ASK_REPEAT_MS};
    return asks_send_msg(self->edge->asks, &spec, &msg);
}

static void s_tell(struct attach *self, struct fan_room *room)
{
    while (room->untold > 0) {
        list_writer_t readers;
        list_writer_init(&readers, LIM_LINK_BODY_BYTES_MAX);
        size_t count = s_gather(self, room, false, &readers);
        struct ask *ask = count ? s_ask_room(self, room, false, list_of(&readers)) : NULL;
        list_writer_fini(&readers);
        if (!ask)
            return;
    }
}

/* The room's actor forgot its readers, or they never arrived. */
static void s_untell(struct attach *self, struct fan_room *room)
{
    for (uint32_t i = 0; i < room->count; i++)
        if (room->seats[i].mode != SEAT_ATTACHING) /* those ask for themselves until they are answered */
            fanout_set_told(self->edge->fanout, room, &room->seats[i], false);
}

bool attach_drop_refused(struct attach *self, uint64_t room, list_t refused)
{
    bool any = false;
    struct rec_refusal refusal;
    while (rec_refusal_next(&refused, &refusal)) {
        struct session *session = session_of_number(self->edge, refusal.session);
        if (session && fanout_seat(self->edge->fanout, &session->viewer, room))
            attach_kick(self, session, room, refusal.code);
        any = true;
    }
    return any;
}

/* A reader of the question that sits there no more: the room learnt of it too late. */
static void s_drop_stale(struct attach *self, const struct ask *ask)
{
    struct msg msg;
    if (msg_decode(view_of(ask->bytes, ask->len), &msg))
        return;
    struct rec_reader reader;
    while (rec_reader_next(&msg.as.room_attach.readers, &reader)) {
        struct session *session = session_of_number(self->edge, reader.session);
        if (!session || !fanout_seat(self->edge->fanout, &session->viewer, ask->spec.key))
            s_detach(self, ask->spec.key, reader.user, reader.session);
        else
            session->heads_due = true;
    }
}

static bool s_on_told(struct edge *edge, struct ask *ask, const struct answer *answer)
{
    struct attach *self = edge->attach;
    struct fan_room *room = fanout_room(edge->fanout, ask->spec.key);
    struct msg msg;
    if (asks_is_for_later(answer)) {
        asks_later(ask, answer, edge->now_ms);
        return false;
    }
    if (answer->err || answer->type != MSG_ROOM_ATTACHED || msg_decode(answer->body, &msg)) {
        if (room && answer->type == MSG_NONE)
            s_untell(self, room);
        return true; /* refused for good: the room is not there for anybody */
    }
    s_drop_stale(self, ask);
    attach_drop_refused(self, ask->spec.key, msg.as.room_attached.refused);
    room = fanout_room(edge->fanout, ask->spec.key);
    if (!room)
        return true;
    if (!room->tracking) {
        if (room->incarnation != msg.as.room_attached.incarnation)
            room->last_seq = room->msg_no = 0;
        attach_head(edge->fanout, room, &msg.as.room_attached);
    }
    return true;
}

/* ---- holes ---- */

void attach_heal(struct attach *self, struct fan_room *room)
{
    if (room->heal)
        return;
    list_writer_t readers;
    list_writer_init(&readers, LIM_LINK_BODY_BYTES_MAX);
    s_gather(self, room, true, &readers);
    room->heal = s_ask_room(self, room, true, list_of(&readers));
    list_writer_fini(&readers);
    if (!room->heal) {
        fanout_gap_all(self->edge->fanout, room);
        s_untell(self, room);
    }
}

/* What was missed goes the way of live events, so every session gets it exactly once. */
static bool s_replay(struct attach *self, struct fan_room *room, list_t frames)
{
    struct rec_frame record;
    while (rec_frame_next(&frames, &record)) {
        struct msg msg;
        if (msg_decode(record.event, &msg) || msg.type != MSG_EVENT)
            return false;
        if (msg.as.event.seq <= room->last_seq)
            continue;
        if (msg.as.event.seq != room->last_seq + 1)
            return false;
        struct shared event = shared_of(record.event, 0);
        fanout_event(self->edge->fanout, room, msg.as.event.seq, &event);
        fanout_head(self->edge->fanout, room,
                    &(struct rec_head){.seq = msg.as.event.seq, .msg_no = msg.as.event.msg_no,
                                       .deleted = msg.as.event.kind == KIND_DELETED ? msg.as.event.seq : 0});
        shared_fini(&event);
    }
    return true;
}

static bool s_on_healed(struct edge *edge, struct ask *ask, const struct answer *answer)
{
    struct attach *self = edge->attach;
    struct fan_room *room = fanout_room(edge->fanout, ask->spec.key);
    if (!room || room->heal != ask)
        return true;
    if (asks_is_for_later(answer)) {
        asks_later(ask, answer, edge->now_ms);
        return false;
    }
    room->heal = NULL;
    struct msg msg;
    if (answer->err || answer->type != MSG_ROOM_ATTACHED || msg_decode(answer->body, &msg)) {
        if (answer->type != MSG_NONE) {
            fanout_gap_all(edge->fanout, room);
            room->tracking = false;
            return true;
        }
        s_untell(self, room);
        attach_heal(self, room);
        return true;
    }
    const struct msg_room_attached *attached = &msg.as.room_attached;
    s_drop_stale(self, ask);
    attach_drop_refused(self, ask->spec.key, attached->refused);
    room = fanout_room(edge->fanout, ask->spec.key);
    if (!room)
        return true;
    bool same = attached->mode == 0 && attached->incarnation == room->incarnation && attached->here;
    if (!same || !s_replay(self, room, attached->frames) || room->last_seq < attached->head) {
        fanout_gap_all(edge->fanout, room); /* too far: each catches up for itself */
        for (uint32_t i = 0; i < room->streaming; i++) {
            struct backfill *backfill = backfill_find(s_session(&room->seats[i]), room->id);
            if (backfill)
                backfill->cut = true;
        }
        room->last_seq = attached->head;
    }
    room->tracking = room->wanting > 0;
    attach_head(edge->fanout, room, attached);
    return true;
}

/* ---- what rooms send ---- */

static void s_on_hold(void *context, struct viewer *viewer, struct fan_room *room, uint64_t seq, struct shared *event)
{
    (void)context;
    struct backfill *backfill = backfill_find((struct session *)viewer, room->id);
    if (backfill)
        backfill_hold(backfill, seq, shared_frame(event, viewer->json));
}

static void s_on_room_gone(void *context, struct fan_room *room)
{
    attach_forget_presence(context, room);
    struct ask *heal = room->heal;
    room->heal = NULL;
    asks_cancel(&heal);
}

const struct fanout_ops attach_fanout_ops = {.hold = s_on_hold, .room_gone = s_on_room_gone};

/* The numbers at the front of an event; its text is not looked at. */
static bool s_event_head(view_t body, struct rec_head *head_out)
{
    reader_t reader = reader_of(body);
    size_t count = 0;
    uint64_t skipped = 0, kind = 0;
    view_t cid;
    *head_out = (struct rec_head){0};
    bool is_read = !reader_array(&reader, 16, &count) && !reader_uint(&reader, UINT16_MAX, &skipped) &&
                   !reader_uint(&reader, ID_MAX, &head_out->room) && !reader_uint(&reader, ID_MAX, &head_out->seq) &&
                   !reader_uint(&reader, UINT16_MAX, &kind) && !reader_uint(&reader, ID_MAX, &skipped) &&
                   !reader_uint(&reader, ID_MAX, &skipped) && !reader_bin(&reader, CID_BYTES, &cid) &&
                   !reader_uint(&reader, ID_MAX, &head_out->msg_no);
    head_out->deleted = kind == KIND_DELETED ? head_out->seq : 0;
    return is_read;
}

void attach_on_event(struct attach *self, const struct envelope *env, view_t body)
{
    struct rec_head head;
    if (!s_event_head(body, &head) || !links_is_current(self->edge->links, head.room, env->epoch))
        return;
    struct fan_room *room = fanout_room(self->edge->fanout, head.room);
    if (!room || room->heal)
        return; /* the answer to the heal covers it: the pipe is in order */
    if (!room->tracking) {
        fanout_head(self->edge->fanout, room, &head);
        return;
    }
    if (head.seq <= room->last_seq)
        return;
    if (head.seq != room->last_seq + 1) {
        attach_heal(self, room);
        return;
    }
    struct shared event = shared_of(body, 0);
    fanout_event(self->edge->fanout, room, head.seq, &event);
    fanout_head(self->edge->fanout, room, &head);
    shared_fini(&event);
}

void attach_on_heads(struct attach *self, view_t body)
{
    struct msg msg;
    if (msg_decode(body, &msg))
        return;
    struct rec_head head;
    while (rec_head_next(&msg.as.heads.heads, &head)) {
        struct fan_room *room = fanout_room(self->edge->fanout, head.room);
        if (!room || room->heal)
            continue;
        if (!room->tracking)
            fanout_head(self->edge->fanout, room, &head);
        else if (head.seq > room->last_seq)
            attach_heal(self, room);
    }
}

void attach_on_kick(struct attach *self, const struct envelope *env, view_t body)
{
    struct msg msg;
    if (msg_decode(body, &msg))
        return;
    http_on_kick(self->edge, msg.as.kick.room, env->user);
    struct session *one = env->session ? session_of_number(self->edge, env->session) : NULL;
    struct session *at = env->session ? one : session_of_user(self->edge, env->user);
    for (struct session *next; at; at = next) {
        next = env->session ? NULL : at->next_of_user;
        if (fanout_seat(self->edge->fanout, &at->viewer, msg.as.kick.room))
            attach_kick(self, at, msg.as.kick.room, msg.as.kick.code);
    }
}

/* ---- the edge's events ---- */

static void s_reattach(struct attach *self, struct fan_room *room)
{
    for (uint32_t i = 0; i < room->count; i++) {
        struct backfill *backfill = backfill_find(s_session(&room->seats[i]), room->id);
        if (backfill && backfill->state == BACKFILL_FETCHING)
            attach_restart(self, backfill);
    }
    struct ask *heal = room->heal;
    room->heal = NULL;
    asks_cancel(&heal);
    s_untell(self, room);
    if (room->tracking)
        attach_heal(self, room);
}

void attach_on_leases(struct attach *self, const bool moved[LIM_SHARDS])
{
    struct fan_room *room = NULL;
    for (size_t at = 0; fanout_next_room(self->edge->fanout, &at, &room);)
        if (moved[id_shard(room->id)])
            s_reattach(self, room);
}

void attach_on_peer(struct attach *self, address_t peer)
{
    struct fan_room *room = NULL;
    for (size_t at = 0; fanout_next_room(self->edge->fanout, &at, &room);) {
        address_t owner = links_owner(self->edge->links, room->id);
        if (owner && address_is_same_node(owner, peer))
            s_reattach(self, room);
    }
}

void attach_on_room_dropped(struct attach *self, uint64_t room_id)
{
    struct fan_room *room = fanout_room(self->edge->fanout, room_id);
    if (room)
        s_reattach(self, room);
}

void attach_on_turn(struct attach *self)
{
    attach_flush_gone(self);
    struct fan_room *room;
    while ((room = fanout_take_untold(self->edge->fanout)))
        s_tell(self, room);
}

void attach_on_tick(struct attach *self)
{
    if (self->edge->now_ms < self->heads_ms)
        return;
    self->heads_ms = self->edge->now_ms + HEADS_EACH_MS;
    fanout_send_heads(self->edge->fanout);
    attach_tell_presence(self);
}

void attach_send_heads(struct attach *self, struct session *session, bool quiet_only)
{
    list_writer_t list;
    list_writer_init(&list, LIM_LINK_BODY_BYTES_MAX);
    int64_t quiet_ms = self->edge->now_ms - LIM_HEARTBEAT_MS;
    for (uint32_t i = 0; i < session->viewer.place_count; i++) {
        const struct fan_room *room = session->viewer.places[i].room;
        struct rec_head head = {room->id, room->last_seq, room->msg_no, room->deleted};
        if (room->last_seq > 0 && !room->heal && (!quiet_only || room->active_ms < quiet_ms))
            (void)rec_head_append(&list, &head);
    }
    struct msg msg = {.type = MSG_HEADS, .as.heads = {.heads = list_of(&list)}};
    if (list.count > 0)
        fanout_send_msg(self->edge->fanout, &session->viewer, &msg, FRAME_EPHEMERAL);
    list_writer_fini(&list);
}
