/* For administrators: users, their sign-ins, rooms, the audit log. The route table lets only tokens of administrators
 * in; that they are administrators still is looked up by the store with each question. */
#include <jansson.h>
#include <string.h>

#include "edge/http.h"

enum { LIMIT_ROWS = 50, AS_IT_IS = 2, ALL_ROOMS = 3 };

static struct ask_spec s_to_store(const struct http_call *call, ask_fn done, uint16_t answer)
{
    return (struct ask_spec){.to = ASK_PERSIST, .done = done, .user = call->identity.user,
                             .admin = call->identity.admin, .a = answer};
}

static bool s_text(view_t params, const char *name, size_t max, char text_out[HTTP_PARAM_BYTES_MAX + 1])
{
    text_out[0] = '\0';
    return (!http_has_param(params, name) || http_param(params, name, text_out)) && strlen(text_out) <= max &&
           text_is_clean(view_of_text(text_out));
}

static bool s_limit(view_t params, uint64_t *limit_out)
{
    return http_param_number(params, "limit", LIMIT_ROWS, LIM_ADMIN_PAGE_MAX, limit_out) && *limit_out > 0;
}

/* ---- users ---------------------------------------------------------------------------------------------------- */

void http_admin_users(struct http_conn *conn, const struct http_call *call)
{
    char query[HTTP_PARAM_BYTES_MAX + 1], after[HTTP_PARAM_BYTES_MAX + 1];
    uint64_t limit = 0;
    view_t params = call->request->query;
    if (!s_text(params, "query", LIM_QUERY_BYTES_MAX, query) || !s_text(params, "after_name", LIM_NAME_BYTES_MAX, after) ||
        !s_limit(params, &limit)) {
        http_problem(conn, ERR_OUT_OF_RANGE, 0, LIM_ADMIN_PAGE_MAX);
        return;
    }
    struct msg msg = {.type = MSG_ADMIN_USERS_GET, .as.admin_users_get = {
        .query = view_of_text(query), .after_name = view_of_text(after), .limit = (uint32_t)limit}};
    http_ask(conn, s_to_store(call, http_pass_on, MSG_ADMIN_USERS), &msg);
}

static bool s_on_done(struct edge *edge, struct ask *ask, const struct answer *answer)
{
    (void)edge;
    struct msg msg;
    if (http_got(ask->spec.owner, answer, MSG_STORE_OK, &msg))
        http_reply(ask->spec.owner, 204, NULL, view_of(NULL, 0), NULL);
    return true;
}

/* {"role": 0 or 1, "disabled": true or false}, either or both. */
static err_t s_read_rights(view_t body, struct msg_admin_user_set *set)
{
    json_t *json = json_loadb((const char *)body.bytes, body.len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *role = json_object_get(json, "role"), *disabled = json_object_get(json, "disabled");
    err_t err = json_is_object(json) ? ERR_OK : ERR_BAD_FRAME;
    size_t known = (role ? 1u : 0u) + (disabled ? 1u : 0u);
    if (!err && (known == 0 || json_object_size(json) != known || (role && !json_is_integer(role)) ||
                 (disabled && !json_is_boolean(disabled))))
        err = ERR_WRONG_FIELDS;
    if (!err && role && json_integer_value(role) != 0 && json_integer_value(role) != 1)
        err = ERR_OUT_OF_RANGE;
    set->role = role ? (uint32_t)(json_integer_value(role) == 1) : AS_IT_IS;
    set->disabled = disabled ? (uint32_t)json_is_true(disabled) : AS_IT_IS;
    json_decref(json);
    return err;
}

void http_admin_user_set(struct http_conn *conn, const struct http_call *call)
{
    struct msg msg = {.type = MSG_ADMIN_USER_SET, .as.admin_user_set = {
        .user = call->ids[0], .at_ms = (uint64_t)conn->edge->utc_ms}};
    err_t err = s_read_rights(call->body, &msg.as.admin_user_set);
    if (err)
        http_problem(conn, err, 0, 0);
    else
        http_ask(conn, s_to_store(call, s_on_done, MSG_STORE_OK), &msg);
}

/* ---- sign-ins ------------------------------------------------------------------------------------------------- */

void http_admin_sessions(struct http_conn *conn, const struct http_call *call)
{
    struct msg msg = {.type = MSG_ADMIN_SESSIONS_GET, .as.admin_sessions_get = {
        .user = call->ids[0], .at_ms = (uint64_t)conn->edge->utc_ms}};
    http_ask(conn, s_to_store(call, http_pass_on, MSG_SESSIONS), &msg);
}

/* 204 also for a session that is not open: the same question twice gets the same answer. */
static void s_end(struct http_conn *conn, const struct http_call *call, uint64_t session)
{
    struct msg msg = {.type = MSG_ADMIN_SESSIONS_END, .as.admin_sessions_end = {
        .user = call->ids[0], .session = session, .at_ms = (uint64_t)conn->edge->utc_ms}};
    http_ask(conn, s_to_store(call, s_on_done, MSG_STORE_OK), &msg);
}

void http_admin_sessions_end(struct http_conn *conn, const struct http_call *call)
{
    s_end(conn, call, 0);
}

void http_admin_session_end(struct http_conn *conn, const struct http_call *call)
{
    if (call->ids[1] == 0) /* it would mean all */
        http_problem(conn, ERR_NOT_FOUND, 0, 0);
    else
        s_end(conn, call, call->ids[1]);
}

/* ---- rooms and the audit log ---------------------------------------------------------------------------------- */

void http_admin_rooms(struct http_conn *conn, const struct http_call *call)
{
    char query[HTTP_PARAM_BYTES_MAX + 1], after[HTTP_PARAM_BYTES_MAX + 1];
    uint64_t limit = 0, after_room = 0, visibility = 0;
    view_t params = call->request->query;
    if (!s_text(params, "query", LIM_QUERY_BYTES_MAX, query) ||
        !s_text(params, "after_name", LIM_ROOM_NAME_BYTES_MAX, after) ||
        !http_param_number(params, "after_room", 0, ID_MAX, &after_room) ||
        !http_param_number(params, "visibility", ALL_ROOMS, ALL_ROOMS, &visibility) || !s_limit(params, &limit)) {
        http_problem(conn, ERR_OUT_OF_RANGE, 0, LIM_ADMIN_PAGE_MAX);
        return;
    }
    struct msg msg = {.type = MSG_ADMIN_ROOMS_GET, .as.admin_rooms_get = {
        .query = view_of_text(query), .visibility = (uint32_t)visibility, .after_name = view_of_text(after),
        .after_room = after_room, .limit = (uint32_t)limit}};
    http_ask(conn, s_to_store(call, http_pass_on, MSG_ADMIN_ROOMS), &msg);
}

void http_admin_audit(struct http_conn *conn, const struct http_call *call)
{
    char action[HTTP_PARAM_BYTES_MAX + 1];
    uint64_t limit = 0, at_ms = 0, id = 0, user = 0;
    view_t params = call->request->query;
    if (!s_text(params, "action", LIM_AUDIT_ACTION_BYTES_MAX, action) ||
        !http_param_number(params, "before_at_ms", 0, ID_MAX, &at_ms) ||
        !http_param_number(params, "before_id", 0, ID_MAX, &id) ||
        !http_param_number(params, "user", 0, ID_MAX, &user) || !s_limit(params, &limit)) {
        http_problem(conn, ERR_OUT_OF_RANGE, 0, LIM_ADMIN_PAGE_MAX);
        return;
    }
    struct msg msg = {.type = MSG_ADMIN_AUDIT_GET, .as.admin_audit_get = {
        .before_at_ms = at_ms, .before_id = id, .action = view_of_text(action), .user = user, .limit = (uint32_t)limit}};
    http_ask(conn, s_to_store(call, http_pass_on, MSG_ADMIN_AUDIT), &msg);
}

/* ---- open sockets --------------------------------------------------------------------------------------------- */

void http_admin_sockets(struct http_conn *conn, const struct http_call *call)
{
    uint64_t edge = 0, user = 0, limit = 0;
    view_t params = call->request->query;
    if (!http_param_number(params, "edge", 0, ID_MAX, &edge) || !http_param_number(params, "user", 0, ID_MAX, &user) ||
        !http_param_number(params, "limit", LIMIT_ROWS, LIM_SOCKETS_PAGE_MAX, &limit) || limit == 0) {
        http_problem(conn, ERR_OUT_OF_RANGE, 0, LIM_SOCKETS_PAGE_MAX);
        return;
    }
    struct msg msg = {.type = MSG_SOCKETS_GET,
                      .as.sockets_get = {.edge = edge, .user = user, .limit = (uint32_t)limit}};
    http_ask(conn, s_to_store(call, http_pass_on, MSG_SOCKETS), &msg);
}
