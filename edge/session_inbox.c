/* Signing in on a socket: `hello`, the user's inbox, `welcome`; and what the inbox says afterwards. */
#include <stdlib.h>
#include <string.h>

#include "actors/runtime/metrics.h"
#include "edge/attach.h"
#include "edge/session.h"

static void s_link_user(struct session *self)
{
    self->next_of_user = session_of_user(self->edge, self->user);
    (void)map_put_ptr(&self->edge->users, self->user, self);
}

static void s_welcome(struct session *self, list_t rooms)
{
    struct msg msg = {.type = MSG_WELCOME, .as.welcome = {
        .user = self->user,
        .name = view_of_text(self->name ? self->name : ""),
        .role = self->admin,
        .session = self->sid,
        .expires_at_ms = (uint64_t)self->expires_at_ms,
        .rooms = rooms,
    }};
    session_send(self, &msg);
    free(self->name);
    self->name = NULL;
    self->state = SESSION_READY;
    struct rec_room_state room;
    while (rec_room_state_next(&rooms, &room))
        (void)attach_watch(self->edge->attach, self, room.room);
    self->beat_ms = self->edge->now_ms + LIM_HEARTBEAT_MS;
    attach_feed(self->edge->attach, self);
}

/* All rooms as they are now: some are news to this socket, of others a role, a pointer or a level may have been told to
 * nobody; and a browser that has read further than is known there says so again. */
static void s_tell_rooms(struct session *self, list_t rooms, map_t *all)
{
    struct msg msg = {.type = MSG_ROOM_ADDED, .as.room_added = {.rooms = rooms}};
    struct rec_room_state room;
    if (rooms.count > 0)
        session_send(self, &msg);
    while (rec_room_state_next(&rooms, &room)) {
        (void)map_put(all, room.room, 1);
        (void)attach_watch(self->edge->attach, self, room.room);
    }
}

/* The inbox has another owner, or forgot us: what changed meanwhile. */
static void s_reconcile(struct session *self, list_t rooms)
{
    struct viewer *viewer = &self->viewer;
    map_t member;
    map_init(&member);
    s_tell_rooms(self, rooms, &member);
    for (uint32_t i = viewer->place_count; i-- > 0;) {
        uint64_t id = viewer->places[i].room->id;
        if (map_get(&member, id, NULL))
            continue;
        struct msg msg = {.type = MSG_ROOM_REMOVED, .as.room_removed = {.room = id, .code = ERR_NOT_MEMBER}};
        session_send(self, &msg);
        attach_drop(self->edge->attach, self, id, true);
    }
    map_fini(&member);
}

static bool s_on_inbox(struct edge *edge, struct ask *ask, const struct answer *answer)
{
    struct session *self = ask->spec.owner;
    if (asks_is_for_later(answer)) {
        asks_later(ask, answer, edge->now_ms);
        return false;
    }
    self->inbox = NULL;
    struct msg msg;
    bool good = !answer->err && answer->type == MSG_INBOX && !msg_decode(answer->body, &msg);
    if (good && self->state == SESSION_INBOX) {
        s_welcome(self, msg.as.inbox.rooms);
    } else if (good) {
        s_reconcile(self, msg.as.inbox.rooms);
    } else if (self->state == SESSION_INBOX) {
        err_t code = answer->err ? answer->err : ERR_INTERNAL;
        session_error(self, code, "hello", err_may_retry(code) ? 1000 : 0, 0);
        session_close(self, CLOSE_RESYNC, "your rooms cannot be read now");
    } else if (answer->type == MSG_NONE) {
        session_open_inbox(self); /* nobody answers for long: what is open stays open, and hears of it later */
    } else {
        session_close(self, CLOSE_RESYNC, "your inbox was lost");
    }
    return true;
}

void session_open_inbox(struct session *self)
{
    struct msg msg = {.type = MSG_INBOX_OPEN, .as.inbox_open = {.user = self->user, .session = self->number}};
    struct ask_spec spec = {.to = ASK_OWNER, .done = s_on_inbox, .owner = self, .key = self->user,
                            .user = self->user, .session = self->number, .admin = self->admin};
    asks_cancel(&self->inbox);
    self->inbox = asks_send_msg(self->edge->asks, &spec, &msg);
    if (!self->inbox) {
        session_error(self, ERR_OVERLOADED, "hello", 1000, 0);
        session_close(self, CLOSE_RESYNC, "too much at once");
    }
}

static void s_refuse_hello(struct session *self, err_t err)
{
    bool later = err == ERR_UNAVAILABLE || err == ERR_OVERLOADED || err == ERR_DRAINING;
    session_error(self, err, "hello", later ? 1000 : 0, 0);
    enum close_code code = err == ERR_TOKEN_EXPIRED  ? CLOSE_TOKEN_EXPIRED
                           : err == ERR_VERSION      ? CLOSE_VERSION
                           : err == ERR_DRAINING     ? CLOSE_DRAIN
                           : err == ERR_RATE_LIMITED ? CLOSE_TOO_MANY
                           : later                   ? CLOSE_RESYNC
                                                     : CLOSE_AUTH;
    session_close(self, code, err_name(err));
}

static size_t s_count_of_user(const struct edge *edge, uint64_t user)
{
    size_t count = 0;
    for (const struct session *at = session_of_user(edge, user); at; at = at->next_of_user)
        count++;
    return count;
}

static err_t s_keep_wanted(struct session *self, list_t subs)
{
    if (subs.count == 0)
        return ERR_OK;
    self->wanted = malloc(subs.count * sizeof *self->wanted);
    if (!self->wanted)
        return ERR_OVERLOADED;
    struct rec_sub sub;
    while (rec_sub_next(&subs, &sub))
        if (sub.live)
            self->wanted[self->wanted_count++] = (struct wanted){sub.room, sub.incarnation, sub.after};
    return ERR_OK;
}

void session_on_hello(struct session *self, const struct msg_hello *hello)
{
    struct edge *edge = self->edge;
    struct auth_identity identity;
    err_t err = hello->version != PROTO_VERSION ? ERR_VERSION : edge->draining ? ERR_DRAINING : ERR_OK;
    if (!err)
        err = auth_verify(edge->auth, hello->token, edge->now_ms, edge->utc_ms, &identity);
    if (!err && s_count_of_user(edge, identity.user) >= SESSION_PER_USER_MAX)
        err = ERR_RATE_LIMITED;
    if (!err)
        err = s_keep_wanted(self, hello->subs);
    if (!err && map_put_ptr(&edge->sessions, edge->last_number + 1, self))
        err = ERR_OVERLOADED;
    if (err) {
        s_refuse_hello(self, err);
        return;
    }
    self->number = ++edge->last_number;
    self->user = identity.user;
    self->sid = identity.session;
    self->admin = identity.admin;
    self->expires_at_ms = identity.expires_at_ms;
    self->name = strdup(identity.name);
    self->state = SESSION_INBOX;
    s_link_user(self);
    metric_add(METRIC_EDGE_SESSIONS, 1);
    session_open_inbox(self);
}

/* ---- what the inbox says ---- */

/* The room says it to its readers, the inbox to its owner, each by its own pipe: whichever comes first, `kick` does. */
static void s_on_room_removed(struct session *self, const struct msg_room_removed *removed)
{
    struct msg kick = {.type = MSG_KICK, .as.kick = {.room = removed->room, .code = removed->code}};
    if (!fanout_seat(self->edge->fanout, &self->viewer, removed->room))
        return;
    fanout_send_msg(self->edge->fanout, &self->viewer, &kick, 0);
    attach_drop(self->edge->attach, self, removed->room, true);
}

static void s_on_room_added(struct session *self, const struct msg *msg)
{
    struct rec_room_state room;
    for (list_t at = msg->as.room_added.rooms; rec_room_state_next(&at, &room);)
        (void)attach_watch(self->edge->attach, self, room.room);
}

bool session_on_link(struct edge *edge, const struct envelope *env, view_t body)
{
    struct msg msg;
    if (env->type != MSG_READ_AT && env->type != MSG_ROOM_ADDED && env->type != MSG_ROOM_REMOVED &&
        env->type != MSG_MENTIONED && env->type != MSG_NOTIFIED)
        return false;
    if (msg_decode(body, &msg))
        return true;
    struct shared message = shared_of(body, 0);
    for (struct session *at = session_of_user(edge, env->user ? env->user : env->key); at; at = at->next_of_user) {
        bool own = msg.type == MSG_READ_AT && env->session == at->number; /* it knows: it said so */
        if (at->state != SESSION_READY || own)
            continue; /* before its `welcome` that says the same */
        if (msg.type == MSG_ROOM_REMOVED)
            s_on_room_removed(at, &msg.as.room_removed);
        fanout_send(edge->fanout, &at->viewer, shared_frame(&message, at->viewer.json));
        if (msg.type == MSG_ROOM_ADDED)
            s_on_room_added(at, &msg);
    }
    shared_fini(&message);
    return true;
}
