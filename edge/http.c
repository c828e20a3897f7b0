#include "edge/http.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/runtime/metrics.h"
#include "edge/links.h"
#include "edge/proxies.h"
#include "edge/ws.h"
#include "proto/json.h"

enum { TEXT_MAX = 1024, JSON_MAX = 8 * 1024 * 1024, METRICS_MAX = 1024 * 1024 };

static void s_allow(unsigned methods, char *text, size_t size)
{
    size_t len = (size_t)snprintf(text, size, "OPTIONS");
    for (unsigned bit = HTTP_GET; bit < HTTP_OPTIONS; bit <<= 1)
        if (methods & bit && len < size)
            len += (size_t)snprintf(text + len, size - len, ", %s", http_method_name((http_method_t)bit));
}

/* ---- answers ---- */

static const char *s_status_text(int status)
{
    static const struct {
        int status;
        const char *text;
    } texts[] = {
        {200, "OK"}, {201, "Created"}, {204, "No Content"}, {206, "Partial Content"}, {304, "Not Modified"}, {400, "Bad Request"},
        {401, "Unauthorized"}, {403, "Forbidden"}, {404, "Not Found"}, {405, "Method Not Allowed"}, {409, "Conflict"},
        {411, "Length Required"}, {413, "Content Too Large"}, {415, "Unsupported Media Type"}, {416, "Range Not Satisfiable"},
        {422, "Unprocessable Content"}, {429, "Too Many Requests"}, {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"}, {503, "Service Unavailable"}, {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (texts[i].status == status)
            return texts[i].text;
    return "Status";
}

static void s_add(struct http_conn *conn, const char *text)
{
    buffer_append(&conn->out, text, strlen(text));
}

/* DESIGN.md 8, on everything. `connect-src 'self'` covers WebSockets in no browser older than 2022. */
static void s_security_headers(struct http_conn *conn)
{
    char policy[TEXT_MAX], sockets[300] = "";
    if (conn->host[0])
        snprintf(sockets, sizeof sockets, " %s://%s", conn->https ? "wss" : "ws", conn->host);
    snprintf(policy, sizeof policy,
             "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: "
             "data:; font-src 'self'; manifest-src 'self'; connect-src 'self'%s; base-uri 'none'; form-action 'self'; "
             "frame-ancestors 'none'; require-trusted-types-for 'script'\r\n", sockets);
    s_add(conn, policy);
    s_add(conn, "X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\nReferrer-Policy: no-referrer\r\n"
                "Cross-Origin-Opener-Policy: same-origin\r\nCross-Origin-Resource-Policy: same-origin\r\n"
                "Permissions-Policy: camera=(), microphone=(), geolocation=()\r\n");
    if (conn->https)
        s_add(conn, "Strict-Transport-Security: max-age=31536000\r\n");
}

static void s_head(struct http_conn *conn, int status, const char *type, size_t body_len, const char *extra)
{
    char line[TEXT_MAX];
    snprintf(line, sizeof line, "HTTP/1.1 %d %s\r\n", status, s_status_text(status));
    s_add(conn, line);
    if (type) {
        snprintf(line, sizeof line, "Content-Type: %s\r\n", type);
        s_add(conn, line);
    }
    if (conn->chunked) {
        s_add(conn, "Transfer-Encoding: chunked\r\n");
    } else if (status != 204 && status != 304 && !conn->streams) {
        snprintf(line, sizeof line, "Content-Length: %zu\r\n", body_len);
        s_add(conn, line);
    }
    s_security_headers(conn);
    if (conn->allow_origin) {
        snprintf(line, sizeof line, "Access-Control-Allow-Origin: %s\r\nAccess-Control-Allow-Credentials: true\r\n"
                                    "Access-Control-Expose-Headers: Retry-After\r\n", conn->allow_origin);
        s_add(conn, line);
    }
    s_add(conn, extra ? extra : "Cache-Control: no-store\r\n");
    s_add(conn, conn->keep_alive && !conn->unread ? "\r\n" : "Connection: close\r\n\r\n");
}

void http_reply(struct http_conn *conn, int status, const char *type, view_t body, const char *extra)
{
    buffer_clear(&conn->out);
    s_head(conn, status, type, body.len, extra);
    if (!conn->head_only && body.len > 0)
        buffer_append(&conn->out, body.bytes, body.len);
    if (conn->out.failed)
        http_conn_close(conn);
    else
        http_conn_send(conn);
}

void http_reply_static(struct http_conn *conn, int status, const char *type, view_t body, const char *extra)
{
    buffer_clear(&conn->out);
    s_head(conn, status, type, body.len, extra);
    conn->body = conn->head_only || status == 304 ? view_of(NULL, 0) : body;
    if (conn->out.failed)
        http_conn_close(conn);
    else
        http_conn_send(conn);
}

void http_stream_begin(struct http_conn *conn, const char *type, const char *extra)
{
    buffer_clear(&conn->out);
    conn->streams = true;
    conn->chunked = conn->keep_alive; /* else its end is the connection's */
    s_head(conn, 200, type, 0, extra);
}

void http_stream_begin_sized(struct http_conn *conn, int status, const char *type, uint64_t len, const char *extra)
{
    char headers[TEXT_MAX];
    snprintf(headers, sizeof headers, "Content-Length: %" PRIu64 "\r\n%s", len, extra);
    buffer_clear(&conn->out);
    conn->streams = true;
    conn->chunked = false;
    s_head(conn, status, type, 0, headers);
}

static void s_stream(struct http_conn *conn, view_t part)
{
    char line[32];
    snprintf(line, sizeof line, "%zx\r\n", part.len);
    if (conn->chunked)
        s_add(conn, line);
    buffer_append(&conn->out, part.bytes, part.len);
    if (conn->chunked)
        s_add(conn, conn->streams ? "\r\n" : "\r\n0\r\n\r\n");
    conn->part_by_ms = conn->edge->now_ms + LIM_EXPORT_PAGE_MS;
    if (conn->out.failed)
        http_conn_close(conn);
    else
        http_conn_send(conn);
}

void http_stream_part(struct http_conn *conn, view_t part)
{
    s_stream(conn, part);
}

void http_stream_end(struct http_conn *conn, view_t part)
{
    conn->streams = false;
    s_stream(conn, part);
}

void http_reply_message(struct http_conn *conn, int status, view_t msgpack)
{
    buffer_t json;
    buffer_init(&json, JSON_MAX);
    if (msg_to_json(msgpack, &json))
        http_problem(conn, ERR_INTERNAL, 0, 0);
    else
        http_reply(conn, status, "application/json", buffer_view(&json), NULL);
    buffer_fini(&json);
}

/* Names which field a refusal is about, where a form has to show it. */
static const char *s_field(err_t code)
{
    switch (code) {
    case ERR_NAME_TAKEN:
    case ERR_BAD_NAME: return "name";
    case ERR_WEAK_PASSWORD: return "password";
    case ERR_INVITE_REQUIRED:
    case ERR_INVITE_INVALID: return "invite";
    default: return NULL;
    }
}

void http_problem_with(struct http_conn *conn, err_t code, uint32_t retry_ms, uint64_t limit, const char *extra)
{
    char body[TEXT_MAX], headers[TEXT_MAX], more[128] = "", retry[64] = "";
    size_t len = 0;
    metric_add(METRIC_EDGE_REFUSED, 1);
    if (retry_ms == 0 && err_http_status(code) == 503)
        retry_ms = 1000;
    if (retry_ms > 0) {
        len += (size_t)snprintf(more, sizeof more, ",\"retry_ms\":%" PRIu32, retry_ms);
        snprintf(retry, sizeof retry, "Retry-After: %" PRIu32 "\r\n", (retry_ms + 999) / 1000);
    }
    if (limit > 0)
        len += (size_t)snprintf(more + len, sizeof more - len, ",\"limit\":%" PRIu64, limit);
    if (s_field(code))
        snprintf(more + len, sizeof more - len, ",\"field\":\"%s\"", s_field(code));
    int body_len = snprintf(body, sizeof body,
                            "{\"type\":\"/problems/%s\",\"title\":\"%s\",\"status\":%d,\"detail\":\"%s\"%s}",
                            err_name(code), err_name(code), err_http_status(code), err_text(code), more);
    snprintf(headers, sizeof headers, "Cache-Control: no-store\r\n%s%s%s", retry, extra ? extra : "",
             err_http_status(code) == 401 ? "WWW-Authenticate: Bearer\r\n" : "");
    http_reply(conn, err_http_status(code), "application/problem+json", view_of(body, (size_t)body_len), headers);
}

void http_problem(struct http_conn *conn, err_t code, uint32_t retry_ms, uint64_t limit)
{
    http_problem_with(conn, code, retry_ms, limit, NULL);
}

void http_refuse_unparsed(struct http_conn *conn, http_parsed_t why)
{
    metric_add(METRIC_EDGE_REFUSED, 1);
    conn->host[0] = '\0';
    int status = why == HTTP_TOO_LONG ? 431 : why == HTTP_NOT_1_X ? 505 : 400;
    http_reply(conn, status, NULL, view_of(NULL, 0), NULL);
}

/* ---- requests ---- */

/* Who the browser is: the last address that none of our own proxies has. */
static void s_note_address(struct http_conn *conn, const struct http_request *request)
{
    address_text(&conn->peer, conn->address);
    conn->https = false;
    if (conn->by_proxy) {
        view_t list = request->headers[HTTP_HEADER_FORWARDED_FOR];
        while (list.len > 0) {
            size_t start = list.len;
            while (start > 0 && list.bytes[start - 1] != ',')
                start--;
            view_t one = view_of(list.bytes + start, list.len - start);
            while (one.len > 0 && one.bytes[0] == ' ')
                one = view_of(one.bytes + 1, one.len - 1);
            if (one.len > 0 && one.len < ADDRESS_PRINTED_MAX && budget_address_of(one) != 0) {
                memcpy(conn->address, one.bytes, one.len);
                conn->address[one.len] = '\0';
            }
            if (!proxies_have(&conn->edge->proxies, one))
                break;
            list.len = start > 0 ? start - 1 : 0;
        }
        conn->https = http_has_token(request->headers[HTTP_HEADER_FORWARDED_PROTO], "https");
    }
    conn->budget = budget_address_of(view_of_text(conn->address));
}

static void s_note_host(struct http_conn *conn, view_t host)
{
    conn->host[0] = '\0';
    if (host.len == 0 || host.len >= sizeof conn->host)
        return;
    for (size_t i = 0; i < host.len; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]", host.bytes[i]) ||
            host.bytes[i] == 0)
            return;
    memcpy(conn->host, host.bytes, host.len);
    conn->host[host.len] = '\0';
}

static char *s_copy_text(view_t text)
{
    char *copy = malloc(text.len + 1);
    if (!copy)
        return NULL;
    memcpy(copy, text.bytes, text.len);
    copy[text.len] = '\0';
    return copy;
}

static err_t s_check_origin(struct http_conn *conn, const struct http_request *request, bool with_cookie)
{
    struct auth_request asked = {
        .origin = request->headers[HTTP_HEADER_ORIGIN],
        .host = request->headers[HTTP_HEADER_HOST],
        .sec_fetch_site = request->headers[HTTP_HEADER_FETCH_SITE],
        .https = conn->https,
        .with_cookie = with_cookie,
    };
    auth_origin_t kind = AUTH_ORIGIN_NONE;
    err_t err = auth_origin_check(&conn->edge->origins, &asked, &kind);
    if (!err && kind == AUTH_ORIGIN_LISTED)
        conn->allow_origin = s_copy_text(asked.origin);
    return err;
}

/* What libwebsockets may see; everything else that asks for an upgrade is answered and closed here. */
static err_t s_check_upgrade(struct http_conn *conn, const struct http_request *request)
{
    const view_t *headers = request->headers;
    bool socket = http_has_token(headers[HTTP_HEADER_UPGRADE], "websocket") && request->method == HTTP_GET &&
                  headers[HTTP_HEADER_UPGRADE].len == strlen("websocket") && strcmp(request->path, "/ws") == 0 &&
                  request->target.len == strlen("/ws") && !request->has_length &&
                  !headers[HTTP_HEADER_TRANSFER_ENCODING].bytes && !conn->admin;
    bool handshake = http_has_token(headers[HTTP_HEADER_CONNECTION], "upgrade") &&
                     headers[HTTP_HEADER_CONNECTION].len < 100 && headers[HTTP_HEADER_WS_KEY].len == 24 &&
                     view_is_equal(headers[HTTP_HEADER_WS_VERSION], view_of_text("13")) &&
                     headers[HTTP_HEADER_WS_PROTOCOL].len < 100 &&
                     (http_has_token(headers[HTTP_HEADER_WS_PROTOCOL], WS_PROTOCOL_MSGPACK) ||
                      http_has_token(headers[HTTP_HEADER_WS_PROTOCOL], WS_PROTOCOL_JSON));
    if (!socket || !handshake)
        return ERR_UNEXPECTED;
    if (conn->edge->draining)
        return ERR_DRAINING;
    err_t err = s_check_origin(conn, request, false);
    if (err)
        return err;
    if (budget_table_take(conn->edge->requests, conn->budget, conn->edge->now_ms, 1) > 0)
        return ERR_RATE_LIMITED;
    if (!conn->held && conn->budget) { /* behind a proxy the hold is the browser's, not the proxy's */
        if (!budget_hold(conn->edge->holds, conn->budget, (uint32_t)conn->edge->config->connections_per_address))
            return ERR_RATE_LIMITED;
        conn->held = conn->budget;
    }
    return ERR_OK;
}

/* A larger body than a form's is only let in for somebody who may send it: it is kept whole in memory. */
static err_t s_check_size(struct http_conn *conn, const struct http_request *request, uint64_t *limit_out)
{
    uint64_t ids[HTTP_IDS_MAX];
    unsigned allow;
    *limit_out = LIM_HTTP_BODY_BYTES_MAX;
    const struct http_route *route = http_find(conn->admin, request->method, request->path, ids, &allow);
    conn->by_pieces = route && route->flags & HTTP_PIECES;
    if (request->content_length <= *limit_out && !conn->by_pieces)
        return ERR_OK;
    if (conn->by_pieces) {
        *limit_out = (uint64_t)conn->edge->config->file_mib << 20;
        return request->content_length <= *limit_out ? ERR_OK : *limit_out ? ERR_TOO_LARGE : ERR_NO_UPLOADS;
    }
    if (!route || !(route->flags & HTTP_PICTURE))
        return ERR_TOO_LARGE;
    struct auth_identity identity;
    view_t token = auth_bearer(request->headers[HTTP_HEADER_AUTHORIZATION]);
    err_t err = token.len ? auth_verify(conn->edge->auth, token, conn->edge->now_ms, conn->edge->utc_ms, &identity)
                          : ERR_UNAUTHORIZED;
    *limit_out = LIM_AVATAR_BYTES_MAX;
    return err || request->content_length <= *limit_out ? err : ERR_TOO_LARGE;
}

http_admit_t http_admit(struct http_conn *conn, const struct http_request *request)
{
    conn->head_only = request->method == HTTP_HEAD;
    s_note_address(conn, request);
    s_note_host(conn, request->headers[HTTP_HEADER_HOST]);
    err_t err = ERR_OK;
    uint64_t limit = 0;
    if (request->headers[HTTP_HEADER_UPGRADE].bytes) {
        err = s_check_upgrade(conn, request);
        if (!err)
            return HTTP_ADMIT_UPGRADE;
    } else if (request->headers[HTTP_HEADER_TRANSFER_ENCODING].bytes) {
        err = ERR_NO_LENGTH;
    } else {
        err = s_check_size(conn, request, &limit);
    }
    if (!err)
        return HTTP_ADMIT_READ;
    conn->keep_alive = false;
    conn->unread = true; /* where this request ends is not worth knowing */
    http_problem(conn, err, err == ERR_RATE_LIMITED ? 1000 : 0, err == ERR_TOO_LARGE ? limit : 0);
    return HTTP_ADMIT_REFUSED;
}

static void s_preflight(struct http_conn *conn, const struct http_request *request, unsigned allow)
{
    char methods[128], headers[512];
    s_allow(allow, methods, sizeof methods);
    bool asked = conn->allow_origin && request->headers[HTTP_HEADER_REQUEST_METHOD].len > 0;
    snprintf(headers, sizeof headers,
             asked ? "Allow: %s\r\nAccess-Control-Allow-Methods: %s\r\nAccess-Control-Max-Age: 600\r\n"
                     "Access-Control-Allow-Headers: authorization, content-type\r\nCache-Control: no-store\r\n"
                   : "Allow: %s\r\nCache-Control: no-store\r\n",
             methods, methods);
    http_reply(conn, 204, NULL, view_of(NULL, 0), headers);
}

static bool s_is_api(const char *path)
{
    return strncmp(path, "/api/", 5) == 0 || strcmp(path, "/api") == 0 || strcmp(path, "/ws") == 0 ||
           strcmp(path, "/metrics") == 0;
}

/* Body, token: what the route asks for. */
static err_t s_check_call(struct http_conn *conn, const struct http_route *route, struct http_call *call)
{
    struct edge *edge = conn->edge;
    const view_t *headers = call->request->headers;
    if (route->flags & HTTP_TOKEN) {
        view_t token = auth_bearer(headers[HTTP_HEADER_AUTHORIZATION]);
        err_t err = token.len ? auth_verify(edge->auth, token, edge->now_ms, edge->utc_ms, &call->identity)
                              : ERR_UNAUTHORIZED;
        if (err && !(err == ERR_PASSWORD_CHANGE && route->flags & HTTP_GIVEN))
            return err;
    }
    if (route->flags & HTTP_ADMINS && !call->identity.admin)
        return ERR_FORBIDDEN;
    if (route->body == MSG_NONE && !(route->flags & (HTTP_PICTURE | HTTP_PIECES)))
        return ERR_OK;
    if (!call->request->has_length)
        return ERR_NO_LENGTH;
    if (route->flags & (HTTP_PICTURE | HTTP_PIECES))
        return ERR_OK;
    view_t type = headers[HTTP_HEADER_CONTENT_TYPE];
    const uint8_t *semicolon = type.len ? memchr(type.bytes, ';', type.len) : NULL;
    if (semicolon)
        type.len = (size_t)(semicolon - type.bytes);
    return http_has_token(type, "application/json") ? ERR_OK : ERR_BAD_TYPE;
}

void http_serve(struct http_conn *conn, const struct http_request *request, view_t body)
{
    struct edge *edge = conn->edge;
    struct http_call call = {.request = request, .body = body};
    unsigned allow = 0;
    const struct http_route *route = http_find(conn->admin, request->method, request->path, call.ids, &allow);
    bool probe = route && route->flags & HTTP_PLAIN;
    uint32_t wait_ms = probe || conn->admin ? 0 : budget_table_take(edge->requests, conn->budget, edge->now_ms, 1);
    if (wait_ms > 0) {
        metric_add(METRIC_EDGE_RATE_LIMITED, 1);
        http_problem(conn, ERR_RATE_LIMITED, wait_ms, (uint64_t)edge->config->requests_per_s);
        return;
    }
    if (!allow && !conn->admin && !s_is_api(request->path)) {
        if (request->method == HTTP_GET || request->method == HTTP_HEAD)
            http_static_serve(conn, request);
        else
            http_problem_with(conn, ERR_BAD_METHOD, 0, 0, "Allow: GET, HEAD\r\n");
        return;
    }
    err_t err = s_check_origin(conn, request, route && route->flags & HTTP_COOKIE);
    if (!err && !allow)
        err = ERR_NOT_FOUND;
    if (!err && !route && request->method == HTTP_OPTIONS) {
        s_preflight(conn, request, allow);
        return;
    }
    if (!err && !route) {
        char methods[128], header[160];
        s_allow(allow, methods, sizeof methods);
        snprintf(header, sizeof header, "Allow: %s\r\n", methods);
        http_problem_with(conn, ERR_BAD_METHOD, 0, 0, header);
        return;
    }
    if (!err)
        err = s_check_call(conn, route, &call);
    if (err) {
        http_problem(conn, err, 0, 0);
        return;
    }
    conn->route = route;
    route->handler(conn, &call);
}

/* ---- questions ---- */

void http_ask(struct http_conn *conn, struct ask_spec spec, const struct msg *msg)
{
    spec.owner = conn;
    conn->ask = asks_send_msg(conn->edge->asks, &spec, msg);
    if (!conn->ask)
        http_problem(conn, ERR_OVERLOADED, 1000, 0);
}

bool http_got(struct http_conn *conn, const struct answer *answer, uint16_t type, struct msg *msg_out)
{
    conn->ask = NULL; /* answered: asks.c lets go of it */
    err_t err = answer->err;
    if (!err && answer->type == type && !msg_decode(answer->body, msg_out))
        return true;
    uint32_t retry_ms = answer->retry_ms;
    if (!err && answer->type == MSG_NACK && !msg_decode(answer->body, msg_out))
        err = msg_out->as.nack.code;
    else if (!err)
        err = ERR_INTERNAL;
    http_problem(conn, err, retry_ms, 0);
    return false;
}

bool http_pass_on(struct edge *edge, struct ask *ask, const struct answer *answer)
{
    (void)edge;
    struct http_conn *conn = ask->spec.owner;
    struct msg msg;
    if (http_got(conn, answer, (uint16_t)ask->spec.a, &msg))
        http_reply_message(conn, 200, answer->body);
    return true;
}

/* ---- probes ---- */

void http_healthz(struct http_conn *conn, const struct http_call *call)
{
    (void)call;
    http_reply(conn, 200, "text/plain; charset=utf-8", view_of_text("ok\n"), NULL);
}

void http_readyz(struct http_conn *conn, const struct http_call *call)
{
    (void)call;
    const char *missing = conn->edge->draining ? "draining" : links_missing(conn->edge->links);
    char text[64];
    snprintf(text, sizeof text, "waiting for %s\n", missing ? missing : "");
    http_reply(conn, missing ? 503 : 200, "text/plain; charset=utf-8", view_of_text(missing ? text : "ready\n"), NULL);
}

void http_metrics(struct http_conn *conn, const struct http_call *call)
{
    (void)call;
    buffer_t text;
    buffer_init(&text, METRICS_MAX);
    metrics_print(&text);
    http_reply(conn, 200, "text/plain; version=0.0.4; charset=utf-8", buffer_view(&text), NULL);
    buffer_fini(&text);
}
