/* Showing a room: from `sub` to `live`, and what happens between. */
#include "edge/attach_impl.h"

#include <assert.h>
#include <stdlib.h>

static bool s_on_shown(struct edge *edge, struct ask *ask, const struct answer *answer);

static err_t s_ask_show(struct attach *self, struct backfill *backfill, uint64_t incarnation, uint64_t after)
{
    const struct session *session = backfill->session;
    list_writer_t readers;
    list_writer_init(&readers, LIM_CLIENT_FRAME_BYTES_MAX);
    struct rec_reader reader = {.user = session->user, .session = session->number, .live = true};
    err_t err = rec_reader_append(&readers, &reader);
    struct msg msg = {.type = MSG_ROOM_ATTACH, .as.room_attach = {
        .room = backfill->room,
        .incarnation = incarnation,
        .after = after,
        .want = true,
        .readers = list_of(&readers),
    }};
    struct ask_spec spec = {.to = ASK_OWNER, .done = s_on_shown, .owner = backfill->session, .key = backfill->room,
                            .user = session->user, .session = session->number, .admin = session->admin};
    if (!err)
        backfill->ask = asks_send_msg(self->edge->asks, &spec, &msg);
    list_writer_fini(&readers);
    return backfill->ask ? ERR_OK : ERR_OVERLOADED;
}

static void s_give_up(struct attach *self, struct backfill *backfill)
{
    struct session *session = backfill->session;
    session_error(session, ERR_OVERLOADED, "sub", 1000, 0);
    attach_unshow(self, session, backfill->room);
}

/* Anew, from what the client holds. */
void attach_restart(struct attach *self, struct backfill *backfill)
{
    backfill_restart(backfill);
    fanout_sit(self->edge->fanout, &backfill->session->viewer, backfill->room, SEAT_ATTACHING);
    if (s_ask_show(self, backfill, backfill->incarnation, backfill->after))
        s_give_up(self, backfill);
}

err_t attach_show(struct attach *self, struct session *session, uint64_t room_id, uint64_t incarnation, uint64_t after)
{
    attach_flush_gone(self); /* an older detach of the same room must not overtake */
    struct backfill *backfill = backfill_find(session, room_id);
    if (backfill)
        backfill_free(backfill);
    struct seat *seat = fanout_sit(self->edge->fanout, &session->viewer, room_id, SEAT_ATTACHING);
    if (!seat)
        return ERR_TOO_MANY_ROOMS;
    fanout_set_told(self->edge->fanout, fanout_room(self->edge->fanout, room_id), seat, true);
    backfill = backfill_new(session, room_id, incarnation, after);
    err_t err = backfill ? s_ask_show(self, backfill, incarnation, after) : ERR_OVERLOADED;
    if (err)
        attach_unshow(self, session, room_id);
    return err;
}

static void s_begin_feeding(struct attach *self, struct backfill *backfill)
{
    backfill->state = BACKFILL_FEEDING;
    attach_feed(self, backfill->session);
}

/* The head the room stands at now, against the stream this edge has seen. */
static void s_learn(struct attach *self, struct fan_room *room, const struct msg_room_attached *attached)
{
    if (room->heal)
        return; /* it knows better */
    if (!room->tracking || room->incarnation != attached->incarnation) {
        if (room->tracking)
            fanout_gap_all(self->edge->fanout, room);
        room->last_seq = attached->head;
        room->tracking = room->wanting > 0;
        attach_head(self->edge->fanout, room, attached);
    } else if (attached->head > room->last_seq) {
        attach_heal(self, room); /* events went by unseen */
    }
}

static bool s_on_stored(struct attach *self, struct backfill *backfill, view_t body);

static bool s_on_attached(struct attach *self, struct backfill *backfill, struct ask *ask, view_t body)
{
    struct msg msg;
    if (msg_decode(body, &msg))
        return true;
    const struct msg_room_attached *attached = &msg.as.room_attached;
    struct session *session = backfill->session;
    if (attach_drop_refused(self, backfill->room, attached->refused))
        return true;
    struct fan_room *room = fanout_room(self->edge->fanout, backfill->room);
    assert(room);
    s_learn(self, room, attached);
    uint32_t mode = attached->mode;
    backfill->ok = (struct msg_sub_ok){
        .room = backfill->room,
        .incarnation = attached->incarnation,
        .mode = mode,
        .after = mode == 2 ? 0 : mode == 1 ? backfill->after : attached->after,
        .base = attached->base,
        .head = attached->head,
        .msg_no = attached->msg_no,
        .first_msg_no = attached->first_msg_no,
        .role = attached->role,
        .members = attached->members,
        .deleted = attached->deleted,
        .visible_from = attached->visible_from,
    };
    backfill->held_last = attached->head;
    fanout_sit(self->edge->fanout, &session->viewer, backfill->room, SEAT_BACKFILL);
    if (!attached->here) {
        backfill->state = BACKFILL_FETCHING;
        ask->spec.once = true; /* it is answered; only storage is waited for */
        ask->repeat_ms = ask->deadline_ms;
        return backfill->early ? s_on_stored(self, backfill, view_of(backfill->early, backfill->early_len)) : false;
    }
    backfill->ask = NULL;
    if (backfill_fill(backfill, attached->frames))
        session_close(session, CLOSE_RESYNC, "a room could not be read");
    else
        s_begin_feeding(self, backfill);
    return true;
}

/* What storage read is what the room's answer promised, not what an earlier try of the same question did. */
static bool s_is_promised(const struct backfill *backfill, const struct msg *msg)
{
    if (msg->type == MSG_PAGE)
        return msg->as.page.as_of == backfill->ok.head && msg->as.page.incarnation == backfill->ok.incarnation;
    return msg->as.store_delta.upto == backfill->ok.head && msg->as.store_delta.after == backfill->ok.after &&
           msg->as.store_delta.incarnation == backfill->ok.incarnation;
}

static bool s_on_stored(struct attach *self, struct backfill *backfill, view_t body)
{
    struct msg msg;
    if (msg_decode(body, &msg)) {
        backfill->ask = NULL;
        session_close(backfill->session, CLOSE_RESYNC, "a room could not be read");
        return true;
    }
    if (!s_is_promised(backfill, &msg))
        return false;
    backfill->ask = NULL;
    list_t frames = {0};
    if (msg.type == MSG_STORE_DELTA && !msg.as.store_delta.complete) {
        backfill_restart(backfill); /* too much for a delta: the newest page instead */
        fanout_sit(self->edge->fanout, &backfill->session->viewer, backfill->room, SEAT_ATTACHING);
        if (s_ask_show(self, backfill, 0, 0))
            s_give_up(self, backfill);
        return true;
    }
    if (msg.type == MSG_STORE_DELTA) {
        frames = msg.as.store_delta.frames;
    } else {
        frames = msg.as.page.frames;
        backfill->ok.base = msg.as.page.first_seq ? msg.as.page.first_seq : backfill->ok.head + 1;
        backfill->ok.first_msg_no = msg.as.page.first_msg_no;
    }
    if (backfill_fill(backfill, frames))
        session_close(backfill->session, CLOSE_RESYNC, "a room could not be read");
    else
        s_begin_feeding(self, backfill);
    return true;
}

static bool s_on_shown(struct edge *edge, struct ask *ask, const struct answer *answer)
{
    struct attach *self = edge->attach;
    struct session *session = ask->spec.owner;
    struct backfill *backfill = backfill_by_ask(session, ask);
    if (!backfill)
        return true;
    if (!answer->err && answer->type == MSG_ROOM_ATTACHED) {
        fanout_sit(edge->fanout, &session->viewer, backfill->room, SEAT_ATTACHING); /* also a second answer's */
        return s_on_attached(self, backfill, ask, answer->body);
    }
    bool stored = answer->type == MSG_STORE_DELTA || answer->type == MSG_PAGE;
    if (!answer->err && stored && backfill->state == BACKFILL_FETCHING)
        return s_on_stored(self, backfill, answer->body);
    if (!answer->err && stored) {
        backfill_keep_early(backfill, answer->body);
        return false;
    }
    backfill->ask = NULL;
    if (answer->type == MSG_NONE) { /* no answer in all this time */
        attach_restart(self, backfill);
        return true;
    }
    if (backfill->state == BACKFILL_FETCHING || err_may_retry(answer->err)) {
        backfill_restart(backfill);
        fanout_sit(edge->fanout, &session->viewer, backfill->room, SEAT_ATTACHING);
        backfill->ask = ask;
        asks_later(ask, answer, edge->now_ms);
        return false;
    }
    attach_kick(self, session, backfill->room, answer->err ? answer->err : ERR_INTERNAL);
    return true;
}

void attach_feed(struct attach *self, struct session *session)
{
    for (struct backfill *at = session->backfills, *next; at; at = next) {
        next = at->next;
        if (at->state != BACKFILL_FEEDING || !backfill_feed(at))
            continue;
        uint64_t room = at->room, last = at->held_last;
        bool cut = at->cut;
        backfill_free(at);
        fanout_sit(self->edge->fanout, &session->viewer, room, cut ? SEAT_GAP : SEAT_LIVE);
        if (cut)
            fanout_gap(self->edge->fanout, &session->viewer, room, last);
    }
    while (session->state == SESSION_READY && !session->backfills && session->wanted_next < session->wanted_count) {
        struct wanted wanted = session->wanted[session->wanted_next++];
        if (attach_show(self, session, wanted.room, wanted.incarnation, wanted.after))
            session_error(session, ERR_OVERLOADED, "sub", 1000, 0);
    }
    if (session->wanted && session->wanted_next == session->wanted_count) {
        free(session->wanted);
        session->wanted = NULL;
        session->wanted_count = session->wanted_next = 0;
    }
}

bool attach_hold_answer(struct session *session, uint64_t room, frame_t *frame)
{
    struct backfill *backfill = session->backfills ? backfill_find(session, room) : NULL;
    return backfill && backfill_hold_answer(backfill, frame);
}

