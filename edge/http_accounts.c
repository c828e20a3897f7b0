/* Sign-up, sign-in, sign-out: forms become messages to accounts, its answers become JSON and the cookie. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge/http.h"
#include "edge/http_form.h"
#include "proto/person.h"

struct form {
    json_t *json;
    view_t name, password, device, invite, server_name;
    uint64_t signup;
};

/* What both forms of a name and a password have. The texts borrow from form->json; free it with json_decref. */
static err_t s_read_form(view_t body, const char *const *keys, struct form *form)
{
    const size_t max = LIM_CLIENT_FRAME_BYTES_MAX;
    form->json = http_form_read(body);
    if (!form->json)
        return ERR_BAD_FRAME;
    if (!http_form_text(form->json, "name", true, max, &form->name) ||
        !http_form_text(form->json, "password", true, max, &form->password) ||
        !http_form_text(form->json, "device", false, max, &form->device) ||
        !http_form_text(form->json, "invite", false, max, &form->invite) ||
        !http_form_text(form->json, "server_name", false, max, &form->server_name) ||
        !http_form_number(form->json, "signup", 0, 2, &form->signup) || !http_form_has_only(form->json, keys))
        return ERR_WRONG_FIELDS;
    if (form->name.len > LIM_NAME_BYTES_MAX || !text_is_clean(form->name))
        return ERR_BAD_NAME;
    if (form->password.len > LIM_PASSWORD_BYTES_MAX)
        return ERR_WEAK_PASSWORD;
    if (form->invite.len > LIM_INVITE_CODE_BYTES_MAX || !text_is_clean(form->invite))
        return ERR_INVITE_INVALID;
    if (form->device.len > LIM_DEVICE_BYTES_MAX || !text_is_clean(form->device))
        form->device = view_of_text("");
    return ERR_OK;
}

/* A browser's own words about itself; what is not clean text is left out. */
static view_t s_user_agent(const struct http_request *request)
{
    view_t agent = request->headers[HTTP_HEADER_USER_AGENT];
    agent.len = agent.len > LIM_USER_AGENT_BYTES_MAX ? LIM_USER_AGENT_BYTES_MAX : agent.len;
    return agent.len && text_is_clean(agent) ? agent : view_of_text("");
}

static void s_set_cookie(const struct http_conn *conn, view_t token, uint64_t max_age_s, char *header, size_t size)
{
    char cookie[AUTH_COOKIE_TEXT_MAX];
    bool secure = auth_cookie_is_secure(conn->https, view_of_text(conn->host));
    header[0] = '\0';
    if (auth_cookie_format(token, max_age_s, secure, cookie))
        snprintf(header, size, "Cache-Control: no-store\r\nSet-Cookie: %s\r\n", cookie);
}

static void s_reply_done(struct http_conn *conn, int status, const struct msg_auth_done *done)
{
    char header[AUTH_COOKIE_TEXT_MAX + 64];
    s_set_cookie(conn, done->refresh_token, done->refresh_max_age_s, header, sizeof header);
    json_t *json = json_pack("{s:s, s:I, s:s%, s:i, s:I, s:s%, s:I, s:b}", "type", "auth_done", "user",
                             (json_int_t)done->user, "name", (const char *)done->name.bytes, done->name.len, "role",
                             (int)done->role, "session", (json_int_t)done->session, "access_token",
                             (const char *)done->access_token.bytes, done->access_token.len, "expires_at_ms",
                             (json_int_t)done->expires_at_ms, "must_change", (int)done->must_change);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    if (text && header[0])
        http_reply(conn, status, "application/json", view_of_text(text), header);
    else
        http_problem(conn, ERR_INTERNAL, 0, 0);
    free(text);
    json_decref(json);
}

static bool s_on_done(struct edge *edge, struct ask *ask, const struct answer *answer)
{
    (void)edge;
    struct http_conn *conn = ask->spec.owner;
    struct msg msg;
    if (http_got(conn, answer, MSG_AUTH_DONE, &msg))
        s_reply_done(conn, (int)ask->spec.a, &msg.as.auth_done);
    return true;
}

void http_signup(struct http_conn *conn, const struct http_call *call)
{
    static const char *const keys[] = {"name", "password", "device", "invite", NULL};
    struct form form;
    err_t err = s_read_form(call->body, keys, &form);
    if (err) {
        http_problem(conn, err, 0, 0);
    } else {
        struct msg msg = {.type = MSG_AUTH_SIGNUP, .as.auth_signup = {
            .name = form.name,
            .password = form.password,
            .device = form.device,
            .user_agent = s_user_agent(call->request),
            .address = view_of_text(conn->address),
            .invite = form.invite,
            .user = id_random(),
        }};
        http_ask(conn, (struct ask_spec){.to = ASK_ACCOUNTS, .done = s_on_done, .a = 201, .once = true,
                                          .again_if_lost = true}, &msg);
    }
    json_decref(form.json);
}

void http_setup(struct http_conn *conn, const struct http_call *call)
{
    static const char *const keys[] = {"name", "password", "device", "server_name", "signup", NULL};
    struct form form;
    err_t err = s_read_form(call->body, keys, &form);
    if (!err && !person_display_is_good(form.server_name))
        err = ERR_BAD_DISPLAY;
    if (err) {
        http_problem(conn, err, 0, 0);
    } else {
        struct msg msg = {.type = MSG_AUTH_SETUP, .as.auth_setup = {
            .name = form.name,
            .password = form.password,
            .server_name = form.server_name,
            .signup = (uint32_t)form.signup,
            .device = form.device,
            .user_agent = s_user_agent(call->request),
            .address = view_of_text(conn->address),
            .user = id_random(),
        }};
        http_ask(conn, (struct ask_spec){.to = ASK_ACCOUNTS, .done = s_on_done, .a = 201, .once = true,
                                          .again_if_lost = true}, &msg);
    }
    json_decref(form.json);
}

void http_login(struct http_conn *conn, const struct http_call *call)
{
    static const char *const keys[] = {"name", "password", "device", NULL};
    struct form form;
    err_t err = s_read_form(call->body, keys, &form);
    if (err == ERR_BAD_NAME || err == ERR_WEAK_PASSWORD)
        err = ERR_BAD_CREDENTIALS;
    if (err) {
        http_problem(conn, err, 0, 0);
    } else {
        struct msg msg = {.type = MSG_AUTH_LOGIN, .as.auth_login = {
            .name = form.name,
            .password = form.password,
            .device = form.device,
            .user_agent = s_user_agent(call->request),
            .address = view_of_text(conn->address),
        }};
        http_ask(conn, (struct ask_spec){.to = ASK_ACCOUNTS, .done = s_on_done, .a = 200, .once = true,
                                          .again_if_lost = true}, &msg);
    }
    json_decref(form.json);
}

static void s_refuse_and_clear(struct http_conn *conn, err_t code)
{
    char header[AUTH_COOKIE_TEXT_MAX + 64];
    s_set_cookie(conn, view_of_text(""), 0, header, sizeof header);
    const char *cookie = strstr(header, "Set-Cookie");
    http_problem_with(conn, code, 0, 0, cookie ? cookie : "");
}

static bool s_on_refreshed(struct edge *edge, struct ask *ask, const struct answer *answer)
{
    (void)edge;
    struct http_conn *conn = ask->spec.owner;
    struct msg msg;
    if (answer->err && err_http_status(answer->err) == 401) {
        conn->ask = NULL;
        s_refuse_and_clear(conn, answer->err);
    } else if (http_got(conn, answer, MSG_AUTH_DONE, &msg)) {
        s_reply_done(conn, 200, &msg.as.auth_done);
    }
    return true;
}

void http_refresh(struct http_conn *conn, const struct http_call *call)
{
    view_t token = auth_cookie_find(call->request->headers[HTTP_HEADER_COOKIE]);
    if (token.len == 0) {
        s_refuse_and_clear(conn, ERR_UNAUTHORIZED);
        return;
    }
    struct msg msg = {.type = MSG_AUTH_REFRESH, .as.auth_refresh = {
        .refresh_token = token, .address = view_of_text(conn->address)}};
    http_ask(conn, (struct ask_spec){.to = ASK_ACCOUNTS, .done = s_on_refreshed}, &msg);
}

static void s_signed_out(struct http_conn *conn)
{
    char header[AUTH_COOKIE_TEXT_MAX + 64];
    s_set_cookie(conn, view_of_text(""), 0, header, sizeof header);
    http_reply(conn, 204, NULL, view_of(NULL, 0), header);
}

static bool s_on_logout(struct edge *edge, struct ask *ask, const struct answer *answer)
{
    (void)edge;
    struct http_conn *conn = ask->spec.owner;
    struct msg msg;
    if (http_got(conn, answer, MSG_STORE_OK, &msg))
        s_signed_out(conn);
    return true;
}

void http_logout(struct http_conn *conn, const struct http_call *call)
{
    view_t token = auth_cookie_find(call->request->headers[HTTP_HEADER_COOKIE]);
    if (token.len == 0) {
        s_signed_out(conn);
        return;
    }
    struct msg msg = {.type = MSG_AUTH_LOGOUT, .as.auth_logout = {.refresh_token = token}};
    http_ask(conn, (struct ask_spec){.to = ASK_ACCOUNTS, .done = s_on_logout}, &msg);
}

void http_me(struct http_conn *conn, const struct http_call *call)
{
    const struct auth_identity *who = &call->identity;
    json_t *json = json_pack("{s:s, s:I, s:s%, s:i, s:I, s:I}", "type", "me", "user", (json_int_t)who->user, "name",
                             who->name, who->name_len, "role", (int)who->admin, "session", (json_int_t)who->session,
                             "expires_at_ms", (json_int_t)who->expires_at_ms);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    if (text)
        http_reply(conn, 200, "application/json", view_of_text(text), NULL);
    else
        http_problem(conn, ERR_INTERNAL, 0, 0);
    free(text);
    json_decref(json);
}

static err_t s_read_ids(const char *text, list_writer_t *ids)
{
    for (const char *at = text; *at; at += *at == ',') {
        size_t len = strcspn(at, ",");
        struct rec_id id = {0};
        if (ids->count == LIM_USERS_PAGE_MAX || !http_number(view_of(at, len), ID_MAX, &id.id) || id.id == 0)
            return ERR_OUT_OF_RANGE;
        err_t err = rec_id_append(ids, &id);
        if (err)
            return err;
        at += len;
    }
    return ids->count ? ERR_OK : ERR_WRONG_FIELDS;
}

void http_users(struct http_conn *conn, const struct http_call *call)
{
    if (!http_has_param(call->request->query, "ids")) {
        http_users_find(conn, call);
        return;
    }
    list_writer_t ids;
    list_writer_init(&ids, LIM_CLIENT_FRAME_BYTES_MAX);
    char *text = malloc(LIM_HTTP_HEADERS_BYTES_MAX + 1); /* 200 ids are longer than other parameters */
    err_t err = text && http_param_long(call->request->query, "ids", text, LIM_HTTP_HEADERS_BYTES_MAX + 1)
                    ? s_read_ids(text, &ids)
                    : ERR_WRONG_FIELDS;
    if (err) {
        http_problem(conn, err, 0, err == ERR_OUT_OF_RANGE ? LIM_USERS_PAGE_MAX : 0);
    } else {
        struct msg msg = {.type = MSG_STORE_USERS_GET, .as.store_users_get = {.ids = list_of(&ids)}};
        http_ask(conn, (struct ask_spec){.to = ASK_PERSIST, .done = http_pass_on, .user = call->identity.user,
                                         .a = MSG_USERS}, &msg);
    }
    free(text);
    list_writer_fini(&ids);
}
