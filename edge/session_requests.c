/* What a signed-in browser asks for: rooms to show, lines to store, small signs of life. */
#include "actors/runtime/clock.h"
#include "actors/runtime/metrics.h"
#include "edge/attach.h"
#include "edge/links.h"
#include "edge/session.h"
#include "proto/first.h"

enum { RETRY_MS = 1000 };

/* Behind the room's events that are still on their way to this socket. */
static void s_send_answer(struct session *self, uint64_t room, view_t body)
{
    struct shared message = shared_of(body, 0);
    frame_t *frame = shared_frame(&message, self->viewer.json);
    if (!frame || !attach_hold_answer(self, room, frame))
        fanout_send(self->edge->fanout, &self->viewer, frame);
    shared_fini(&message);
}

static void s_nack(struct session *self, uint64_t room, const cid_t *cid, err_t code, uint32_t retry_ms)
{
    metric_add(METRIC_EDGE_REFUSED, 1);
    struct msg msg = {.type = MSG_NACK, .as.nack = {
        .client_id = *cid,
        .room = room,
        .code = code,
        .retry_ms = err_may_retry(code) ? (retry_ms ? retry_ms : RETRY_MS) : 0,
        .final = !err_may_retry(code),
        .reason = view_of_text(err_text(code)),
    }};
    session_send(self, &msg);
}

void session_refuse(struct session *self, const struct msg *msg, err_t code, uint32_t retry_ms)
{
    uint64_t room = 0;
    const cid_t *cid = NULL;
    if (msg_request_head(msg, &room, &cid))
        s_nack(self, room, cid, code, retry_ms);
    else
        session_error(self, code, msg_name(msg->type), retry_ms, 0);
}

static bool s_on_posted(struct edge *edge, struct ask *ask, const struct answer *answer)
{
    (void)edge;
    struct session *self = ask->spec.owner;
    self->posts--;
    if (answer->type == MSG_ACK)
        metric_observe_us(METRIC_ACK_SECONDS, clock_now_us() - (int64_t)ask->spec.a);
    if (answer->type == MSG_ACK || answer->type == MSG_NACK) {
        s_send_answer(self, ask->spec.key, answer->body);
        return true;
    }
    struct msg msg;
    if (!msg_decode(view_of(ask->bytes, ask->len), &msg))
        session_refuse(self, &msg, answer->err ? answer->err : ERR_INTERNAL, answer->retry_ms);
    return true;
}

/* The id of a room that the request says without naming it. */
static err_t s_key_of_new(const struct session *self, const struct msg *msg, const cid_t *cid, uint64_t *room_out)
{
    const struct edge *edge = self->edge;
    uint64_t members[LIM_DIRECT_MEMBERS_MAX];
    size_t count = 0;
    if (msg->type != MSG_ROOM_CREATE && msg->type != MSG_ROOM_DIRECT)
        return ERR_OUT_OF_RANGE;
    if (msg->type == MSG_ROOM_DIRECT && !(count = direct_members(self->user, msg->as.room_direct.users, members)))
        return ERR_OUT_OF_RANGE;
    if (!edge->has_id_key)
        return ERR_UNAVAILABLE;
    *room_out = count ? id_of_direct(edge->id_key, members, count) : id_of_room(edge->id_key, self->user, cid);
    return ERR_OK;
}

static void s_post(struct session *self, const struct msg *msg, view_t bytes, uint64_t room, const cid_t *cid)
{
    struct edge *edge = self->edge;
    if (room == 0) {
        err_t err = s_key_of_new(self, msg, cid, &room);
        if (err) {
            s_nack(self, 0, cid, err, RETRY_MS);
            return;
        }
    }
    struct ask_spec spec = {
        .to = ASK_OWNER,
        .done = s_on_posted,
        .owner = self,
        .key = room,
        .user = self->user,
        .session = self->number,
        .a = (uint64_t)clock_now_us(),
        .admin = self->admin,
    };
    if (self->posts >= SESSION_POSTS_MAX || !asks_send(edge->asks, &spec, bytes))
        s_nack(self, room, cid, ERR_OVERLOADED, RETRY_MS);
    else
        self->posts++;
}

static bool s_on_read_stored(struct edge *edge, struct ask *ask, const struct answer *answer)
{
    (void)edge;
    (void)ask;
    (void)answer;
    return true; /* the next one says it again */
}

static void s_on_read(struct session *self, view_t bytes)
{
    struct ask_spec spec = {.to = ASK_OWNER, .done = s_on_read_stored, .owner = self->edge, .key = self->user,
                            .user = self->user, .session = self->number};
    (void)asks_send(self->edge->asks, &spec, bytes);
}

/* Asked of the room, or of the user's inbox; the answer is for this socket. */
static bool s_on_answer(struct edge *edge, struct ask *ask, const struct answer *answer)
{
    struct session *self = ask->spec.owner;
    if (answer->type == MSG_READ_AT || answer->type == MSG_NOTIFIED || answer->type == MSG_GONE) {
        struct shared message = shared_of(answer->body, 0);
        fanout_send(edge->fanout, &self->viewer, shared_frame(&message, self->viewer.json));
        shared_fini(&message);
        return true;
    }
    struct msg msg;
    if (!msg_decode(view_of(ask->bytes, ask->len), &msg))
        session_refuse(self, &msg, answer->err ? answer->err : ERR_INTERNAL, answer->retry_ms);
    return true;
}

static void s_ask(struct session *self, const struct msg *msg, view_t bytes, uint64_t key)
{
    struct ask_spec spec = {.to = ASK_OWNER, .done = s_on_answer, .owner = self, .key = key, .user = self->user};
    if (!asks_send(self->edge->asks, &spec, bytes))
        session_refuse(self, msg, ERR_OVERLOADED, RETRY_MS);
}

static void s_on_typing(struct session *self, const struct msg_typing *typing, view_t bytes)
{
    struct edge *edge = self->edge;
    const struct seat *seat = fanout_seat(edge->fanout, &self->viewer, typing->room);
    address_t owner = links_owner(edge->links, typing->room);
    if (!seat || seat->mode != SEAT_LIVE || !owner)
        return;
    struct envelope env = {.flags = ENVELOPE_EPHEMERAL, .key = typing->room, .user = self->user,
                           .session = self->number};
    (void)actor_send_bytes(edge->actor, owner, &env, bytes);
}

static void s_on_auth(struct session *self, const struct msg_auth *auth)
{
    struct edge *edge = self->edge;
    struct auth_identity identity;
    err_t err = auth_verify(edge->auth, auth->token, edge->now_ms, edge->utc_ms, &identity);
    if (!err && (identity.user != self->user || identity.session != self->sid))
        err = ERR_UNAUTHORIZED;
    if (err == ERR_UNAVAILABLE || err == ERR_TOKEN_EXPIRED) { /* try again; the old one still counts */
        session_error(self, err, "auth", RETRY_MS, 0);
        return;
    }
    if (err) {
        session_error(self, err, "auth", 0, 0);
        session_close(self, CLOSE_AUTH, err_name(err));
        return;
    }
    self->expires_at_ms = identity.expires_at_ms;
    self->admin = identity.admin;
    struct msg msg = {.type = MSG_AUTH_OK, .as.auth_ok = {.expires_at_ms = (uint64_t)self->expires_at_ms}};
    session_send(self, &msg);
}

static void s_on_sub(struct session *self, const struct msg_sub *sub)
{
    err_t err = attach_show(self->edge->attach, self, sub->room, sub->incarnation, sub->after);
    if (err)
        session_error(self, err, "sub", err_may_retry(err) ? RETRY_MS : 0, 0);
}

void session_on_request(struct session *self, const struct msg *msg, view_t bytes)
{
    uint64_t room = 0;
    const cid_t *cid = NULL;
    if (msg->type == MSG_HEARTBEAT)
        return; /* heard */
    if (self->state != SESSION_READY) {
        session_refuse(self, msg, msg->type == MSG_AUTH ? ERR_UNEXPECTED : ERR_BUSY, RETRY_MS);
        return;
    }
    if (msg_request_head(msg, &room, &cid)) {
        s_post(self, msg, bytes, room, cid);
        return;
    }
    switch (msg->type) {
    case MSG_SUB:
        s_on_sub(self, &msg->as.sub);
        break;
    case MSG_UNSUB:
        attach_unshow(self->edge->attach, self, msg->as.unsub.room);
        break;
    case MSG_AUTH:
        s_on_auth(self, &msg->as.auth);
        break;
    case MSG_READ:
        s_on_read(self, bytes);
        break;
    case MSG_UNREAD_FROM:
    case MSG_NOTIFY:
        s_ask(self, msg, bytes, self->user);
        break;
    case MSG_GONE_GET:
        s_ask(self, msg, bytes, msg->as.gone_get.room);
        break;
    case MSG_TYPING:
        s_on_typing(self, &msg->as.typing, bytes);
        break;
    default:
        session_error(self, ERR_UNEXPECTED, msg_name(msg->type), 0, 0);
    }
}
