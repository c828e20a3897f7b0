/* The same messages as on the socket, for scripts: rooms and who is in them. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "edge/http.h"
#include "proto/first.h"
#include "proto/json.h"

enum { LIMIT_ROOMS = 50, LIMIT_MEMBERS = 100, LIMIT_FOUND = 20 };

static bool s_on_ack(struct edge *edge, struct ask *ask, const struct answer *answer)
{
    (void)edge;
    struct http_conn *conn = ask->spec.owner;
    struct msg msg;
    if (!http_got(conn, answer, MSG_ACK, &msg))
        return true;
    bool created = ask->spec.a == 201 && !msg.as.ack.dup;
    http_reply_message(conn, created ? 201 : 200, answer->body);
    return true;
}

static bool s_has_cid(const cid_t *cid)
{
    static const cid_t none;
    return !cid_is_equal(cid, &none);
}

static struct ask_spec s_to_room(const struct http_call *call, uint64_t room, ask_fn done, uint64_t a)
{
    return (struct ask_spec){.to = ASK_OWNER, .done = done, .key = room, .user = call->identity.user,
                             .admin = call->identity.admin, .a = a};
}

/* A body as the message of this type; what the path says is `defaults`'s, and counts. bytes keeps what msg borrows. */
static err_t s_read_body(view_t body, const struct msg *defaults, buffer_t *bytes, struct msg *msg)
{
    err_t err = msg_from_json_as(defaults->type, body, defaults, bytes);
    return err ? err : msg_decode(buffer_view(bytes), msg);
}

void http_rooms(struct http_conn *conn, const struct http_call *call)
{
    char query[HTTP_PARAM_BYTES_MAX + 1] = "", after[HTTP_PARAM_BYTES_MAX + 1] = "";
    uint64_t after_room = 0, limit = 0, archived = 0;
    view_t params = call->request->query;
    bool fits = (!http_has_param(params, "query") || http_param(params, "query", query)) &&
                (!http_has_param(params, "after_name") || http_param(params, "after_name", after)) &&
                http_param_number(params, "after_room", 0, ID_MAX, &after_room) &&
                http_param_number(params, "archived", 0, 1, &archived) &&
                http_param_number(params, "limit", LIMIT_ROOMS, LIM_ROOMS_PAGE_MAX, &limit) && limit > 0 &&
                strlen(query) <= LIM_QUERY_BYTES_MAX && strlen(after) <= LIM_ROOM_NAME_BYTES_MAX &&
                text_is_clean(view_of_text(query)) && text_is_clean(view_of_text(after));
    if (!fits) {
        http_problem(conn, ERR_OUT_OF_RANGE, 0, 0);
        return;
    }
    struct msg msg = {.type = MSG_STORE_ROOMS_GET, .as.store_rooms_get = {
        .user = call->identity.user,
        .query = view_of_text(query),
        .after_name = view_of_text(after),
        .after_room = after_room,
        .limit = (uint32_t)limit,
        .archived = archived != 0,
    }};
    http_ask(conn, (struct ask_spec){.to = ASK_PERSIST, .done = http_pass_on, .user = call->identity.user,
                                     .a = MSG_ROOMS}, &msg);
}

void http_room_create(struct http_conn *conn, const struct http_call *call)
{
    struct edge *edge = conn->edge;
    struct msg defaults = {.type = MSG_ROOM_CREATE, .as.room_create = {.name = view_of_text(""),
                                                                       .topic = view_of_text("")}};
    struct msg msg;
    buffer_t bytes;
    buffer_init(&bytes, LIM_CLIENT_FRAME_BYTES_MAX);
    err_t err = s_read_body(call->body, &defaults, &bytes, &msg);
    if (!err && msg.as.room_create.visibility != VISIBILITY_PUBLIC) { /* then the usual is another */
        defaults.as.room_create.history = history_usual(msg.as.room_create.visibility);
        buffer_clear(&bytes);
        err = s_read_body(call->body, &defaults, &bytes, &msg);
    }
    if (!err && !s_has_cid(&msg.as.room_create.client_id))
        err = ERR_WRONG_FIELDS;
    if (!err && !edge->has_id_key)
        err = ERR_UNAVAILABLE;
    if (err)
        http_problem(conn, err, 0, 0);
    else
        http_ask(conn, s_to_room(call, id_of_room(edge->id_key, call->identity.user, &msg.as.room_create.client_id),
                                 s_on_ack, 201), &msg);
    buffer_fini(&bytes);
}

void http_room_info(struct http_conn *conn, const struct http_call *call)
{
    struct msg msg = {.type = MSG_ROOM_INFO_GET, .as.room_info_get = {.room = call->ids[0]}};
    http_ask(conn, s_to_room(call, call->ids[0], http_pass_on, MSG_ROOM_INFO), &msg);
}

/* join and leave: nothing but a room and a client id. */
static void s_membership(struct http_conn *conn, const struct http_call *call, uint16_t type)
{
    struct msg defaults = {.type = type}, msg;
    buffer_t bytes;
    buffer_init(&bytes, LIM_CLIENT_FRAME_BYTES_MAX);
    if (type == MSG_ROOM_JOIN)
        defaults.as.room_join.room = call->ids[0];
    else
        defaults.as.room_leave.room = call->ids[0];
    err_t err = s_read_body(call->body, &defaults, &bytes, &msg);
    if (!err) {
        uint64_t room = type == MSG_ROOM_JOIN ? msg.as.room_join.room : msg.as.room_leave.room;
        const cid_t *cid = type == MSG_ROOM_JOIN ? &msg.as.room_join.client_id : &msg.as.room_leave.client_id;
        err = s_has_cid(cid) && room == call->ids[0] ? ERR_OK : ERR_WRONG_FIELDS;
    }
    if (err)
        http_problem(conn, err, 0, 0);
    else
        http_ask(conn, s_to_room(call, call->ids[0], s_on_ack, 200), &msg);
    buffer_fini(&bytes);
}

void http_room_join(struct http_conn *conn, const struct http_call *call)
{
    s_membership(conn, call, MSG_ROOM_JOIN);
}

void http_room_leave(struct http_conn *conn, const struct http_call *call)
{
    s_membership(conn, call, MSG_ROOM_LEAVE);
}

/* To the inbox of the asking user, not to the room. */
void http_room_notify(struct http_conn *conn, const struct http_call *call)
{
    struct msg defaults = {.type = MSG_NOTIFY, .as.notify = {.room = call->ids[0]}}, msg;
    json_t *json = json_loadb((const char *)call->body.bytes, call->body.len, JSON_ALLOW_NUL, NULL);
    bool has_level = json_object_get(json, "level") != NULL; /* which one has to be said: it is no default */
    json_decref(json);
    buffer_t bytes;
    buffer_init(&bytes, LIM_CLIENT_FRAME_BYTES_MAX);
    err_t err = s_read_body(call->body, &defaults, &bytes, &msg);
    if (!err && (!has_level || msg.as.notify.room != call->ids[0]))
        err = ERR_WRONG_FIELDS;
    if (err)
        http_problem(conn, err, 0, 0);
    else
        http_ask(conn, s_to_room(call, call->identity.user, http_pass_on, MSG_NOTIFIED), &msg);
    buffer_fini(&bytes);
}

static void s_find_members(struct http_conn *conn, const struct http_call *call)
{
    char query[HTTP_PARAM_BYTES_MAX + 1] = "";
    uint64_t limit = 0;
    view_t params = call->request->query;
    if (!http_param(params, "query", query) || strlen(query) == 0 || strlen(query) > LIM_QUERY_BYTES_MAX ||
        !text_is_clean(view_of_text(query)) || http_has_param(params, "after_user") ||
        !http_param_number(params, "limit", LIMIT_FOUND, LIM_USERS_PAGE_MAX, &limit) || limit == 0) {
        http_problem(conn, ERR_OUT_OF_RANGE, 0, LIM_USERS_PAGE_MAX);
        return;
    }
    struct msg msg = {.type = MSG_ROOM_MEMBERS_FIND, .as.room_members_find = {
        .room = call->ids[0], .query = view_of_text(query), .limit = (uint32_t)limit}};
    http_ask(conn, s_to_room(call, call->ids[0], http_pass_on, MSG_MEMBERS), &msg);
}

void http_room_members(struct http_conn *conn, const struct http_call *call)
{
    if (http_has_param(call->request->query, "query")) {
        s_find_members(conn, call);
        return;
    }
    uint64_t after = 0, limit = 0;
    view_t params = call->request->query;
    if (!http_param_number(params, "after_user", 0, ID_MAX, &after) ||
        !http_param_number(params, "limit", LIMIT_MEMBERS, LIM_USERS_PAGE_MAX, &limit) || limit == 0) {
        http_problem(conn, ERR_OUT_OF_RANGE, 0, LIM_USERS_PAGE_MAX);
        return;
    }
    struct msg msg = {.type = MSG_ROOM_MEMBERS_GET, .as.room_members_get = {
        .room = call->ids[0], .after_user = after, .limit = (uint32_t)limit}};
    http_ask(conn, s_to_room(call, call->ids[0], http_pass_on, MSG_MEMBERS), &msg);
}
