/* Where a person is signed in, signing out there, and the password. */
#include <jansson.h>
#include <string.h>

#include "edge/http.h"

void http_sessions(struct http_conn *conn, const struct http_call *call)
{
    struct msg msg = {.type = MSG_STORE_SESSIONS_GET, .as.store_sessions_get = {
        .user = call->identity.user, .current = call->identity.session, .at_ms = (uint64_t)conn->edge->utc_ms}};
    http_ask(conn, (struct ask_spec){.to = ASK_PERSIST, .done = http_pass_on, .user = call->identity.user,
                                     .a = MSG_SESSIONS}, &msg);
}

static bool s_on_done(struct edge *edge, struct ask *ask, const struct answer *answer)
{
    (void)edge;
    struct msg msg;
    if (http_got(ask->spec.owner, answer, MSG_STORE_OK, &msg))
        http_reply(ask->spec.owner, 204, NULL, view_of(NULL, 0), NULL);
    return true;
}

/* 204 also for a session that is not open, or not theirs: the same question twice gets the same answer. */
static void s_end(struct http_conn *conn, const struct http_call *call, uint64_t session, uint64_t keep)
{
    struct msg msg = {.type = MSG_AUTH_SESSIONS_END, .as.auth_sessions_end = {
        .user = call->identity.user, .session = session, .keep = keep}};
    http_ask(conn, (struct ask_spec){.to = ASK_ACCOUNTS, .done = s_on_done, .user = call->identity.user}, &msg);
}

void http_session_end(struct http_conn *conn, const struct http_call *call)
{
    if (call->ids[0] == 0) /* it would mean all */
        http_problem(conn, ERR_NOT_FOUND, 0, 0);
    else
        s_end(conn, call, call->ids[0], 0);
}

void http_sessions_end(struct http_conn *conn, const struct http_call *call)
{
    char keep[HTTP_PARAM_BYTES_MAX + 1] = "";
    bool is_given = http_has_param(call->request->query, "keep");
    if (is_given && (!http_param(call->request->query, "keep", keep) || strcmp(keep, "current") != 0))
        http_problem(conn, ERR_OUT_OF_RANGE, 0, 0);
    else
        s_end(conn, call, 0, is_given ? call->identity.session : 0);
}

static bool s_text(const json_t *json, const char *key, view_t *out)
{
    const json_t *value = json_object_get(json, key);
    if (!json_is_string(value))
        return false;
    *out = view_of(json_string_value(value), json_string_length(value));
    return true;
}

static err_t s_read_passwords(const json_t *json, view_t *current, view_t *next)
{
    if (!json_is_object(json))
        return ERR_BAD_FRAME;
    if (json_object_size(json) != 2 || !s_text(json, "current", current) || !s_text(json, "next", next))
        return ERR_WRONG_FIELDS;
    if (next->len > LIM_PASSWORD_BYTES_MAX)
        return ERR_WEAK_PASSWORD;
    return current->len > LIM_PASSWORD_BYTES_MAX ? ERR_WRONG_PASSWORD : ERR_OK;
}

void http_password(struct http_conn *conn, const struct http_call *call)
{
    view_t current = view_of(NULL, 0), next = view_of(NULL, 0);
    json_t *json = json_loadb((const char *)call->body.bytes, call->body.len,
                              JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    err_t err = s_read_passwords(json, &current, &next);
    if (err) {
        http_problem(conn, err, 0, 0);
    } else {
        struct msg msg = {.type = MSG_AUTH_PASSWORD, .as.auth_password = {
            .user = call->identity.user, .session = call->identity.session, .current = current, .next = next,
            .address = view_of_text(conn->address)}};
        /* Once: after a change that was stored the current password is another one. */
        http_ask(conn, (struct ask_spec){.to = ASK_ACCOUNTS, .done = s_on_done, .user = call->identity.user,
                                         .once = true}, &msg);
    }
    json_decref(json);
}
