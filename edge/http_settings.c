/* What a room is called and set to, who is brought in, and direct rooms, for scripts: the same messages as on the
 * socket. */
#include <jansson.h>
#include <string.h>

#include "edge/http.h"
#include "proto/first.h"
#include "proto/json.h"

static bool s_on_ack(struct edge *edge, struct ask *ask, const struct answer *answer)
{
    (void)edge;
    struct msg msg;
    if (!http_got(ask->spec.owner, answer, MSG_ACK, &msg))
        return true;
    bool is_created = ask->spec.a == 201 && !msg.as.ack.dup;
    http_reply_message(ask->spec.owner, is_created ? 201 : 200, answer->body);
    return true;
}

static struct ask_spec s_to_room(const struct http_call *call, uint64_t room, uint64_t a)
{
    return (struct ask_spec){.to = ASK_OWNER, .done = s_on_ack, .key = room, .user = call->identity.user,
                             .admin = call->identity.admin, .a = a};
}

/* The body as the message of defaults's type. `needed`: a field that has to be said, for it has no default. */
static err_t s_read(const struct http_call *call, const struct msg *defaults, const char *needed, buffer_t *bytes,
                    struct msg *msg)
{
    static const cid_t s_none;
    uint64_t room;
    const cid_t *cid;
    json_t *json = json_loadb((const char *)call->body.bytes, call->body.len, JSON_ALLOW_NUL, NULL);
    bool has_needed = json_object_get(json, needed) != NULL;
    json_decref(json);
    err_t err = msg_from_json_as(defaults->type, call->body, defaults, bytes);
    if (!err)
        err = msg_decode(buffer_view(bytes), msg);
    if (err)
        return err;
    bool is_whole = has_needed && msg_request_head(msg, &room, &cid) && !cid_is_equal(cid, &s_none) &&
                    room == call->ids[0];
    return is_whole ? ERR_OK : ERR_WRONG_FIELDS;
}

static void s_ask(struct http_conn *conn, const struct http_call *call, const struct msg *defaults, const char *needed)
{
    struct msg msg;
    buffer_t bytes;
    buffer_init(&bytes, LIM_CLIENT_FRAME_BYTES_MAX);
    err_t err = s_read(call, defaults, needed, &bytes, &msg);
    if (err)
        http_problem(conn, err, 0, 0);
    else
        http_ask(conn, s_to_room(call, call->ids[0], 0), &msg);
    buffer_fini(&bytes);
}

void http_member_add(struct http_conn *conn, const struct http_call *call)
{
    struct msg defaults = {.type = MSG_ROOM_INVITE, .as.room_invite = {.room = call->ids[0]}};
    s_ask(conn, call, &defaults, "member");
}

void http_room_rename(struct http_conn *conn, const struct http_call *call)
{
    struct msg defaults = {.type = MSG_ROOM_RENAME,
                           .as.room_rename = {.room = call->ids[0], .name = view_of_text("")}};
    s_ask(conn, call, &defaults, "name");
}

void http_room_topic(struct http_conn *conn, const struct http_call *call)
{
    struct msg defaults = {.type = MSG_ROOM_TOPIC,
                           .as.room_topic = {.room = call->ids[0], .topic = view_of_text("")}};
    s_ask(conn, call, &defaults, "topic");
}

void http_room_archive(struct http_conn *conn, const struct http_call *call)
{
    struct msg defaults = {.type = MSG_ROOM_ARCHIVE, .as.room_archive = {.room = call->ids[0]}};
    s_ask(conn, call, &defaults, "on");
}

void http_room_history(struct http_conn *conn, const struct http_call *call)
{
    struct msg defaults = {.type = MSG_ROOM_HISTORY, .as.room_history = {.room = call->ids[0]}};
    s_ask(conn, call, &defaults, "history");
}

void http_direct_open(struct http_conn *conn, const struct http_call *call)
{
    struct edge *edge = conn->edge;
    struct msg defaults = {.type = MSG_ROOM_DIRECT}, msg;
    uint64_t members[LIM_DIRECT_MEMBERS_MAX];
    size_t count = 0;
    buffer_t bytes;
    buffer_init(&bytes, LIM_CLIENT_FRAME_BYTES_MAX);
    err_t err = s_read(call, &defaults, "users", &bytes, &msg);
    if (!err)
        count = direct_members(call->identity.user, msg.as.room_direct.users, members);
    if (!err && !count)
        err = ERR_OUT_OF_RANGE;
    if (!err && !edge->has_id_key)
        err = ERR_UNAVAILABLE;
    if (err)
        http_problem(conn, err, 0, err == ERR_OUT_OF_RANGE ? LIM_DIRECT_MEMBERS_MAX : 0);
    else
        http_ask(conn, s_to_room(call, id_of_direct(edge->id_key, members, count), 201), &msg);
    buffer_fini(&bytes);
}
