/* What the server is called and who may come: settings, invitations, and passwords that an administrator gives. Whether
 * who asks is an administrator is decided where it is done, by what the database says now and not by an old token. */
#include <string.h>

#include "edge/http.h"
#include "edge/http_form.h"
#include "proto/ids.h"
#include "proto/person.h"

static const uint64_t DAY_MS = 24 * 3600 * 1000;

static void s_ask_store(struct http_conn *conn, const struct http_call *call, const struct msg *msg, uint16_t answer)
{
    http_ask(conn, (struct ask_spec){.to = ASK_PERSIST, .done = http_pass_on, .user = call->identity.user, .a = answer},
             msg);
}

void http_server(struct http_conn *conn, const struct http_call *call)
{
    const struct msg msg = {.type = MSG_STORE_SERVER_GET};
    s_ask_store(conn, call, &msg, MSG_SERVER_INFO);
}

void http_server_set(struct http_conn *conn, const struct http_call *call)
{
    static const char *const keys[] = {"name", "signup", NULL};
    view_t name = view_of_text("");
    uint64_t signup = 3;
    json_t *form = http_form_read(call->body);
    const bool has_name = json_object_get(form, "name") != NULL;
    err_t err = !form ? ERR_BAD_FRAME : ERR_OK;
    if (!err && (!http_form_text(form, "name", false, LIM_CLIENT_FRAME_BYTES_MAX, &name) ||
                 !http_form_number(form, "signup", 3, 2, &signup) || !http_form_has_only(form, keys)))
        err = ERR_WRONG_FIELDS;
    if (!err && has_name && !person_display_is_good(name))
        err = ERR_BAD_DISPLAY;
    if (err) {
        http_problem(conn, err, 0, 0);
    } else {
        const struct msg msg = {.type = MSG_STORE_SERVER_SET, .as.store_server_set = {
            .by = call->identity.user, .name = name, .signup = (uint32_t)signup,
            .at_ms = (uint64_t)conn->edge->utc_ms}};
        s_ask_store(conn, call, &msg, MSG_SERVER_INFO);
    }
    json_decref(form);
}

/* ---- invitations ---- */

void http_invites(struct http_conn *conn, const struct http_call *call)
{
    const struct msg msg = {.type = MSG_STORE_INVITES_GET, .as.store_invites_get.by = call->identity.user};
    s_ask_store(conn, call, &msg, MSG_INVITES);
}

void http_invite_add(struct http_conn *conn, const struct http_call *call)
{
    static const char *const keys[] = {"days", "uses_max", NULL};
    uint64_t days = 0, uses_max = 0, limit = 0;
    json_t *form = http_form_read(call->body);
    err_t err = !form ? ERR_BAD_FRAME : !http_form_has_only(form, keys) ? ERR_WRONG_FIELDS : ERR_OK;
    if (!err && !http_form_number(form, "days", 0, LIM_INVITE_DAYS_MAX, &days))
        limit = LIM_INVITE_DAYS_MAX;
    else if (!err && !http_form_number(form, "uses_max", 0, LIM_INVITE_USES_MAX, &uses_max))
        limit = LIM_INVITE_USES_MAX;
    json_decref(form);
    if (err || limit) {
        http_problem(conn, err ? err : ERR_OUT_OF_RANGE, 0, limit);
        return;
    }
    char code[PERSON_CODE_LEN + 1];
    const uint64_t now_ms = (uint64_t)conn->edge->utc_ms;
    person_code_new(code);
    const struct msg msg = {.type = MSG_STORE_INVITE_ADD, .as.store_invite_add = {
        .by = call->identity.user, .invite = id_random(), .code = view_of_text(code),
        .expires_at_ms = days ? now_ms + days * DAY_MS : 0, .uses_max = uses_max, .at_ms = now_ms}};
    s_ask_store(conn, call, &msg, MSG_INVITES);
}

static bool s_on_ended(struct edge *edge, struct ask *ask, const struct answer *answer)
{
    (void)edge;
    struct msg msg;
    if (http_got(ask->spec.owner, answer, MSG_STORE_OK, &msg))
        http_reply(ask->spec.owner, 204, NULL, view_of(NULL, 0), NULL);
    return true;
}

/* 204 also for one that is not there: the same question twice gets the same answer. */
void http_invite_end(struct http_conn *conn, const struct http_call *call)
{
    const struct msg msg = {.type = MSG_STORE_INVITE_END, .as.store_invite_end = {
        .by = call->identity.user, .invite = call->ids[0], .at_ms = (uint64_t)conn->edge->utc_ms}};
    http_ask(conn, (struct ask_spec){.to = ASK_PERSIST, .done = s_on_ended, .user = call->identity.user}, &msg);
}

/* ---- a password for somebody ---- */

/* Once: a second asking would give a second password, and the first one would be told and not be true. */
void http_password_reset(struct http_conn *conn, const struct http_call *call)
{
    const struct msg msg = {.type = MSG_AUTH_RESET, .as.auth_reset = {.by = call->identity.user, .user = call->ids[0]}};
    http_ask(conn, (struct ask_spec){.to = ASK_ACCOUNTS, .done = http_pass_on, .user = call->identity.user,
                                     .a = MSG_AUTH_RESET_DONE, .once = true}, &msg);
}
