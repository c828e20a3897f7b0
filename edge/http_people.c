/* The directory of users, and how one is shown: name and picture. */
#include <stdio.h>

#include "edge/http.h"
#include "edge/http_form.h"
#include "proto/person.h"

void http_users_find(struct http_conn *conn, const struct http_call *call)
{
    const view_t params = call->request->query;
    char query[HTTP_PARAM_BYTES_MAX + 1] = "", after[HTTP_PARAM_BYTES_MAX + 1] = "";
    uint64_t limit;
    const bool has_query = http_has_param(params, "query"), has_after = http_has_param(params, "after_name");
    if ((has_query && !http_param(params, "query", query)) || (has_after && !http_param(params, "after_name", after)) ||
        view_of_text(query).len > LIM_QUERY_BYTES_MAX || view_of_text(after).len > LIM_NAME_BYTES_MAX ||
        !text_is_clean(view_of_text(query)) || !text_is_clean(view_of_text(after))) {
        http_problem(conn, ERR_OUT_OF_RANGE, 0, 0);
        return;
    }
    if (!http_param_number(params, "limit", 50, LIM_USERS_PAGE_MAX, &limit) || limit == 0) {
        http_problem(conn, ERR_OUT_OF_RANGE, 0, LIM_USERS_PAGE_MAX);
        return;
    }
    const struct msg msg = {.type = MSG_STORE_USERS_FIND, .as.store_users_find = {
        .query = view_of_text(query), .after_name = view_of_text(after), .limit = (uint32_t)limit}};
    http_ask(conn, (struct ask_spec){.to = ASK_PERSIST, .done = http_pass_on, .user = call->identity.user,
                                     .a = MSG_USERS}, &msg);
}

/* ---- one's own ---- */

void http_me_set(struct http_conn *conn, const struct http_call *call)
{
    static const char *const keys[] = {"display", NULL};
    view_t display = view_of_text("");
    json_t *form = http_form_read(call->body);
    err_t err = !form                                                                       ? ERR_BAD_FRAME
                : !http_form_text(form, "display", true, LIM_CLIENT_FRAME_BYTES_MAX, &display) ||
                      !http_form_has_only(form, keys)                                       ? ERR_WRONG_FIELDS
                : display.len > 0 && !person_display_is_good(display)                       ? ERR_BAD_DISPLAY
                                                                                            : ERR_OK;
    if (err) {
        http_problem(conn, err, 0, err == ERR_BAD_DISPLAY ? LIM_DISPLAY_CHARS_MAX : 0);
    } else {
        const struct msg msg = {.type = MSG_STORE_PROFILE_SET, .as.store_profile_set = {
            .user = call->identity.user, .display = display, .at_ms = (uint64_t)conn->edge->utc_ms}};
        http_ask(conn, (struct ask_spec){.to = ASK_PERSIST, .done = http_pass_on, .user = call->identity.user,
                                         .a = MSG_USERS}, &msg);
    }
    json_decref(form);
}

static void s_set_avatar(struct http_conn *conn, const struct http_call *call, picture_type_t format, view_t picture)
{
    const struct msg msg = {.type = MSG_STORE_AVATAR_SET, .as.store_avatar_set = {
        .user = call->identity.user, .format = format, .picture = picture, .at_ms = (uint64_t)conn->edge->utc_ms}};
    http_ask(conn, (struct ask_spec){.to = ASK_PERSIST, .done = http_pass_on, .user = call->identity.user,
                                     .a = MSG_USERS}, &msg);
}

/* Its own bytes say what it is, not the request. */
void http_avatar_put(struct http_conn *conn, const struct http_call *call)
{
    const picture_type_t format = person_picture_type(call->body);
    if (format == PICTURE_NONE)
        http_problem(conn, ERR_BAD_PICTURE, 0, 0);
    else
        s_set_avatar(conn, call, format, call->body);
}

void http_avatar_delete(struct http_conn *conn, const struct http_call *call)
{
    s_set_avatar(conn, call, PICTURE_NONE, view_of(NULL, 0));
}

/* ---- a picture ---- */

/* An address with the picture's rev always means these bytes; any other one is asked for again. What a browser makes of
 * them is theirs alone: no type but the one that was found, no script, no origin. */
static bool s_on_avatar(struct edge *edge, struct ask *ask, const struct answer *answer)
{
    (void)edge;
    struct http_conn *conn = ask->spec.owner;
    struct msg msg;
    if (!http_got(conn, answer, MSG_AVATAR, &msg))
        return true;
    const struct msg_avatar *avatar = &msg.as.avatar;
    char headers[256];
    snprintf(headers, sizeof headers, "Cache-Control: %s\r\nContent-Security-Policy: default-src 'none'; sandbox\r\n",
             ask->spec.a == avatar->rev ? "private, max-age=31536000, immutable" : "no-store");
    http_reply(conn, 200, person_picture_mime((picture_type_t)avatar->format), avatar->picture, headers);
    return true;
}

void http_avatar(struct http_conn *conn, const struct http_call *call)
{
    uint64_t rev;
    if (!http_param_number(call->request->query, "rev", 0, ID_MAX, &rev)) {
        http_problem(conn, ERR_OUT_OF_RANGE, 0, 0);
        return;
    }
    const struct msg msg = {.type = MSG_STORE_AVATAR_GET, .as.store_avatar_get.user = call->ids[0]};
    http_ask(conn, (struct ask_spec){.to = ASK_PERSIST, .done = s_on_avatar, .user = call->identity.user, .a = rev}, &msg);
}
