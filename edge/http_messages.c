/* The same messages as on the socket, for scripts: lines, history, reactions, pins. */
#include <stdlib.h>
#include <string.h>

#include "edge/http.h"
#include "proto/json.h"

enum { LIMIT_LINES = 50 };

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

static struct ask_spec s_to_room(const struct http_call *call, ask_fn done, uint64_t a)
{
    return (struct ask_spec){.to = ASK_OWNER, .done = done, .key = call->ids[0], .user = call->identity.user,
                             .admin = call->identity.admin, .a = a};
}

/* A history of its own, so that a kick can find it. */
static bool s_on_page(struct edge *edge, struct ask *ask, const struct answer *answer)
{
    return http_pass_on(edge, ask, answer);
}

void http_on_kick(struct edge *edge, uint64_t room, uint64_t user)
{
    asks_refuse(edge->asks, room, user, s_on_page, ERR_NOT_MEMBER);
    http_export_on_kick(edge, room, user);
}

/* ---- reading ---- */

/* "3,17,20": at least one number, at most LIM_LINES_GET_MAX. */
static bool s_read_seqs(const char *text, list_writer_t *seqs)
{
    for (;;) {
        size_t len = strcspn(text, ",");
        struct rec_id id;
        if (seqs->count == LIM_LINES_GET_MAX || !http_number(view_of(text, len), ID_MAX, &id.id) ||
            rec_id_append(seqs, &id))
            return false;
        if (!text[len])
            return true;
        text += len + 1;
    }
}

static void s_get_lines(struct http_conn *conn, const struct http_call *call)
{
    char text[HTTP_PARAM_BYTES_MAX + 1];
    list_writer_t seqs;
    list_writer_init(&seqs, LIM_CLIENT_FRAME_BYTES_MAX);
    if (http_param(call->request->query, "seqs", text) && s_read_seqs(text, &seqs)) {
        struct msg msg = {.type = MSG_ROOM_LINES_GET};
        msg.as.room_lines_get = (struct msg_room_lines_get){.room = call->ids[0], .seqs = list_of(&seqs)};
        http_ask(conn, s_to_room(call, s_on_page, MSG_PAGE), &msg);
    } else {
        http_problem(conn, ERR_OUT_OF_RANGE, 0, LIM_LINES_GET_MAX);
    }
    list_writer_fini(&seqs);
}

void http_room_messages(struct http_conn *conn, const struct http_call *call)
{
    uint64_t before = 0, after = 0, limit = 0;
    view_t params = call->request->query;
    if (http_has_param(params, "seqs")) {
        s_get_lines(conn, call);
        return;
    }
    if (!http_param_number(params, "before", 0, ID_MAX, &before) ||
        !http_param_number(params, "after", 0, ID_MAX, &after) || (before && after) ||
        !http_param_number(params, "limit", LIMIT_LINES, LIM_PAGE_EVENTS_MAX, &limit) || limit == 0) {
        http_problem(conn, ERR_OUT_OF_RANGE, 0, LIM_PAGE_EVENTS_MAX);
        return;
    }
    struct msg msg = {.type = MSG_ROOM_PAGE_GET, .as.room_page_get = {
        .room = call->ids[0], .before = before, .after = after, .limit = (uint32_t)limit}};
    http_ask(conn, s_to_room(call, s_on_page, MSG_PAGE), &msg);
}

void http_room_pins(struct http_conn *conn, const struct http_call *call)
{
    uint64_t before = 0, limit = 0;
    view_t params = call->request->query;
    if (!http_param_number(params, "before", 0, ID_MAX, &before) ||
        !http_param_number(params, "limit", LIM_PINS_PAGE_MAX, LIM_PINS_PAGE_MAX, &limit) || limit == 0) {
        http_problem(conn, ERR_OUT_OF_RANGE, 0, LIM_PINS_PAGE_MAX);
        return;
    }
    struct msg msg = {.type = MSG_ROOM_PINS_GET, .as.room_pins_get = {
        .room = call->ids[0], .before = before, .limit = (uint32_t)limit}};
    http_ask(conn, s_to_room(call, s_on_page, MSG_PAGE), &msg);
}

/* ---- lines ---- */

/* The body as a message of the type of defaults, whose room and target the path says. */
static void s_send_body(struct http_conn *conn, const struct http_call *call, const struct msg *defaults,
                        int status, void (*simplify)(struct msg *msg))
{
    static const cid_t none;
    struct msg msg;
    uint64_t room = 0;
    const cid_t *client_id = &none;
    buffer_t bytes;
    buffer_init(&bytes, LIM_CLIENT_FRAME_BYTES_MAX);
    err_t err = msg_from_json_as(defaults->type, call->body, defaults, &bytes);
    if (!err)
        err = msg_decode(buffer_view(&bytes), &msg);
    if (!err) {
        msg_request_head(&msg, &room, &client_id);
        bool is_it = room == call->ids[0] && !cid_is_equal(client_id, &none);
        if (msg.type == MSG_ROOM_REVISE)
            is_it = is_it && msg.as.room_revise.target == call->ids[1];
        err = is_it ? ERR_OK : ERR_WRONG_FIELDS;
    }
    if (!err)
        simplify(&msg);
    if (err)
        http_problem(conn, err, 0, err == ERR_TOO_LARGE ? LIM_TEXT_BYTES_MAX : 0);
    else
        http_ask(conn, s_to_room(call, s_on_ack, (uint64_t)status), &msg);
    buffer_fini(&bytes);
}

/* A line that answers and calls nobody is the plain message, whoever sends it: a repeat over the socket is the same. */
static void s_simplify_say(struct msg *msg)
{
    const struct msg_room_say say = msg->as.room_say;
    if (say.reply_to || say.mentions.count)
        return;
    msg->type = MSG_ROOM_POST;
    msg->as.room_post = (struct msg_room_post){.room = say.room, .client_id = say.client_id, .text = say.text};
}

static void s_simplify_revise(struct msg *msg)
{
    const struct msg_room_revise revise = msg->as.room_revise;
    if (revise.mentions.count)
        return;
    msg->type = MSG_ROOM_EDIT;
    msg->as.room_edit = (struct msg_room_edit){.room = revise.room, .client_id = revise.client_id,
                                               .target = revise.target, .text = revise.text};
}

void http_room_post(struct http_conn *conn, const struct http_call *call)
{
    struct msg defaults = {.type = MSG_ROOM_SAY, .as.room_say = {.room = call->ids[0], .text = view_of_text("")}};
    s_send_body(conn, call, &defaults, 201, s_simplify_say);
}

static void s_keep(struct msg *msg)
{
    (void)msg;
}

void http_room_share(struct http_conn *conn, const struct http_call *call)
{
    struct msg defaults = {.type = MSG_ROOM_SHARE, .as.room_share = {.room = call->ids[0], .text = view_of_text("")}};
    s_send_body(conn, call, &defaults, 201, s_keep);
}

void http_room_edit(struct http_conn *conn, const struct http_call *call)
{
    struct msg defaults = {.type = MSG_ROOM_REVISE, .as.room_revise = {
        .room = call->ids[0], .target = call->ids[1], .text = view_of_text("")}};
    s_send_body(conn, call, &defaults, 200, s_simplify_revise);
}

static bool s_client_id(const struct http_call *call, cid_t *out)
{
    char text[HTTP_PARAM_BYTES_MAX + 1];
    return http_param(call->request->query, "client_id", text) && cid_from_text(text, strlen(text), out);
}

void http_room_delete(struct http_conn *conn, const struct http_call *call)
{
    struct msg msg = {.type = MSG_ROOM_DELETE, .as.room_delete = {.room = call->ids[0], .target = call->ids[1]}};
    if (s_client_id(call, &msg.as.room_delete.client_id))
        http_ask(conn, s_to_room(call, s_on_ack, 200), &msg);
    else
        http_problem(conn, ERR_WRONG_FIELDS, 0, 0);
}

/* ---- what hangs on lines ---- */

void http_room_react(struct http_conn *conn, const struct http_call *call)
{
    const char *emoji = strrchr(call->request->path, '/') + 1; /* decoded */
    struct msg msg = {.type = MSG_ROOM_REACT, .as.room_react = {
        .room = call->ids[0], .target = call->ids[1], .emoji = view_of_text(emoji),
        .on = call->request->method == HTTP_PUT}};
    if (!s_client_id(call, &msg.as.room_react.client_id))
        http_problem(conn, ERR_WRONG_FIELDS, 0, 0);
    else if (strlen(emoji) > LIM_EMOJI_BYTES_MAX || !text_is_clean(msg.as.room_react.emoji))
        http_problem(conn, ERR_OUT_OF_RANGE, 0, LIM_EMOJI_BYTES_MAX);
    else
        http_ask(conn, s_to_room(call, s_on_ack, 200), &msg);
}

void http_room_pin(struct http_conn *conn, const struct http_call *call)
{
    struct msg msg = {.type = MSG_ROOM_PIN, .as.room_pin = {
        .room = call->ids[0], .target = call->ids[1], .on = call->request->method == HTTP_PUT}};
    if (s_client_id(call, &msg.as.room_pin.client_id))
        http_ask(conn, s_to_room(call, s_on_ack, 200), &msg);
    else
        http_problem(conn, ERR_WRONG_FIELDS, 0, 0);
}
