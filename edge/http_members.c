/* What one person does to another in a room, for scripts: the same messages as on the socket. */
#include <jansson.h>
#include <string.h>

#include "edge/http.h"
#include "proto/json.h"

enum { LIMIT_PEOPLE = 100 };

static bool s_on_ack(struct edge *edge, struct ask *ask, const struct answer *answer)
{
    (void)edge;
    struct msg msg;
    if (http_got(ask->spec.owner, answer, MSG_ACK, &msg))
        http_reply_message(ask->spec.owner, 200, answer->body);
    return true;
}

static struct ask_spec s_to_room(const struct http_call *call, ask_fn done, uint64_t a)
{
    return (struct ask_spec){.to = ASK_OWNER, .done = done, .key = call->ids[0], .user = call->identity.user,
                             .admin = call->identity.admin, .a = a};
}

/* Whom a message of this file is about. */
static uint64_t s_member(const struct msg *msg)
{
    switch (msg->type) {
    case MSG_ROOM_REMOVE: return msg->as.room_remove.member;
    case MSG_ROOM_BAN: return msg->as.room_ban.member;
    case MSG_ROOM_UNBAN: return msg->as.room_unban.member;
    case MSG_ROOM_ROLE: return msg->as.room_role.member;
    case MSG_ROOM_MUTE: return msg->as.room_mute.member;
    default: return 0;
    }
}

/* The rest of the message is in a body; what the path says is defaults's, and counts. */
static void s_ask_with_body(struct http_conn *conn, const struct http_call *call, const struct msg *defaults)
{
    static const cid_t s_none;
    struct msg msg;
    uint64_t room = 0;
    const cid_t *cid = NULL;
    buffer_t bytes;
    buffer_init(&bytes, LIM_CLIENT_FRAME_BYTES_MAX);
    err_t err = msg_from_json_as(defaults->type, call->body, defaults, &bytes);
    if (!err)
        err = msg_decode(buffer_view(&bytes), &msg);
    if (!err && (!msg_request_head(&msg, &room, &cid) || cid_is_equal(cid, &s_none) || room != call->ids[0] ||
                 s_member(&msg) != call->ids[1]))
        err = ERR_WRONG_FIELDS;
    if (err)
        http_problem(conn, err, 0, 0);
    else
        http_ask(conn, s_to_room(call, s_on_ack, 0), &msg);
    buffer_fini(&bytes);
}

static void s_ask_with_query(struct http_conn *conn, const struct http_call *call, const struct msg *msg, cid_t *cid)
{
    char text[HTTP_PARAM_BYTES_MAX + 1];
    if (!http_param(call->request->query, "client_id", text) || !cid_from_text(text, strlen(text), cid)) {
        http_problem(conn, ERR_WRONG_FIELDS, 0, 0);
        return;
    }
    http_ask(conn, s_to_room(call, s_on_ack, 0), msg);
}

void http_member_remove(struct http_conn *conn, const struct http_call *call)
{
    struct msg msg = {.type = MSG_ROOM_REMOVE, .as.room_remove = {.room = call->ids[0], .member = call->ids[1]}};
    s_ask_with_query(conn, call, &msg, &msg.as.room_remove.client_id);
}

void http_member_role(struct http_conn *conn, const struct http_call *call)
{
    struct msg defaults = {.type = MSG_ROOM_ROLE, .as.room_role = {.room = call->ids[0], .member = call->ids[1]}};
    json_t *json = json_loadb((const char *)call->body.bytes, call->body.len, JSON_ALLOW_NUL, NULL);
    bool has_role = json_object_get(json, "role") != NULL; /* which one has to be said: it is no default */
    json_decref(json);
    if (has_role)
        s_ask_with_body(conn, call, &defaults);
    else
        http_problem(conn, ERR_WRONG_FIELDS, 0, 0);
}

void http_member_ban(struct http_conn *conn, const struct http_call *call)
{
    struct msg defaults = {.type = MSG_ROOM_BAN, .as.room_ban = {.room = call->ids[0], .member = call->ids[1]}};
    s_ask_with_body(conn, call, &defaults);
}

void http_member_unban(struct http_conn *conn, const struct http_call *call)
{
    struct msg msg = {.type = MSG_ROOM_UNBAN, .as.room_unban = {.room = call->ids[0], .member = call->ids[1]}};
    s_ask_with_query(conn, call, &msg, &msg.as.room_unban.client_id);
}

void http_member_mute(struct http_conn *conn, const struct http_call *call)
{
    struct msg defaults = {.type = MSG_ROOM_MUTE, .as.room_mute = {
        .room = call->ids[0], .member = call->ids[1], .muted = true}};
    s_ask_with_body(conn, call, &defaults);
}

void http_member_unmute(struct http_conn *conn, const struct http_call *call)
{
    struct msg msg = {.type = MSG_ROOM_MUTE, .as.room_mute = {.room = call->ids[0], .member = call->ids[1]}};
    s_ask_with_query(conn, call, &msg, &msg.as.room_mute.client_id);
}

void http_room_restricted(struct http_conn *conn, const struct http_call *call)
{
    uint64_t after = 0, limit = 0;
    view_t params = call->request->query;
    if (!http_param_number(params, "after_user", 0, ID_MAX, &after) ||
        !http_param_number(params, "limit", LIMIT_PEOPLE, LIM_USERS_PAGE_MAX, &limit) || limit == 0) {
        http_problem(conn, ERR_OUT_OF_RANGE, 0, LIM_USERS_PAGE_MAX);
        return;
    }
    struct msg msg = {.type = MSG_ROOM_RESTRICTED_GET, .as.room_restricted_get = {
        .room = call->ids[0], .after_user = after, .limit = (uint32_t)limit}};
    http_ask(conn, s_to_room(call, http_pass_on, MSG_RESTRICTED), &msg);
}
