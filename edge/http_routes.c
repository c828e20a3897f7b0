#include "edge/http.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 1024, OPENAPI_MAX = 1024 * 1024 };

static const struct http_route s_routes[] = {
#define ROUTE(method, path, handler, flags, summary, query, body, answer) \
    {HTTP_##method, path, http_##handler, flags, summary, query, body, answer},
#include "edge/routes.def"
#undef ROUTE
};

enum { ROUTES = sizeof s_routes / sizeof s_routes[0] };

/* ---- finding ---- */

/* Segment by segment; {…} takes a number below 2^53, but {emoji} any text, which its handler judges. */
static bool s_matches(const char *pattern, const char *path, uint64_t ids[HTTP_IDS_MAX])
{
    size_t count = 0;
    while (*pattern && *path) {
        if (*pattern != '{') {
            if (*pattern++ != *path++)
                return false;
            continue;
        }
        size_t len = strcspn(path, "/");
        bool is_text = strncmp(pattern, "{emoji}", strlen("{emoji}")) == 0;
        if (is_text ? len == 0
                    : count == HTTP_IDS_MAX || !http_number(view_of(path, len), ID_MAX, &ids[count++]))
            return false;
        pattern = strchr(pattern, '}') + 1;
        path += len;
    }
    return *pattern == '\0' && *path == '\0';
}

const struct http_route *http_find(bool admin, http_method_t method, const char *path, uint64_t ids_out[HTTP_IDS_MAX],
                                   unsigned *allow_out)
{
    const struct http_route *found = NULL;
    *allow_out = 0;
    memset(ids_out, 0, HTTP_IDS_MAX * sizeof *ids_out);
    for (size_t i = 0; i < ROUTES; i++) {
        uint64_t ids[HTTP_IDS_MAX] = {0};
        const struct http_route *route = &s_routes[i];
        if (((route->flags & HTTP_ADMIN) != 0) != admin || !s_matches(route->path, path, ids))
            continue;
        *allow_out |= route->method | (route->method == HTTP_GET ? HTTP_HEAD : 0u);
        if (route->method != method && !(route->method == HTTP_GET && method == HTTP_HEAD))
            continue;
        found = route;
        memcpy(ids_out, ids, sizeof ids);
    }
    return found;
}

/* ---- /openapi.json ---- */

static void s_openapi_route(buffer_t *out, const struct http_route *route, bool first)
{
    char text[TEXT_MAX];
    const char *method = http_method_name(route->method);
    char lower[16];
    size_t len = 0;
    for (; method[len] && len + 1 < sizeof lower; len++)
        lower[len] = (char)(method[len] | 0x20);
    lower[len] = '\0';
    len = (size_t)snprintf(text, sizeof text, "%s\"%s\":{\"summary\":\"%s\",\"security\":[%s]", first ? "" : ",", lower,
                           route->summary, route->flags & HTTP_TOKEN ? "{\"bearer\":[]}" : "");
    buffer_append(out, text, len);
    buffer_append(out, ",\"parameters\":[", strlen(",\"parameters\":["));
    bool comma = false;
    for (const char *at = strchr(route->path, '{'); at; at = strchr(at + 1, '{')) {
        len = (size_t)snprintf(text, sizeof text,
                               "%s{\"name\":\"%.*s\",\"in\":\"path\",\"required\":true,\"schema\":{\"type\":\"%s\"}}",
                               comma ? "," : "", (int)strcspn(at + 1, "}"), at + 1,
                               strncmp(at, "{emoji}", strlen("{emoji}")) == 0 ? "string" : "integer");
        buffer_append(out, text, len);
        comma = true;
    }
    for (const char *at = route->query; at && *at; at += strcspn(at, ","), at += *at == ',') {
        len = (size_t)snprintf(text, sizeof text, "%s{\"name\":\"%.*s\",\"in\":\"query\",\"schema\":{\"type\":\"string\"}}",
                               comma ? "," : "", (int)strcspn(at, ","), at);
        buffer_append(out, text, len);
        comma = true;
    }
    buffer_append(out, "]", 1);
    if (route->body) {
        len = (size_t)snprintf(text, sizeof text,
                               ",\"requestBody\":{\"description\":\"fields of `%s`\",\"content\":{\"application/json\":{}}}",
                               msg_name(route->body));
        buffer_append(out, text, len);
    }
    len = (size_t)snprintf(text, sizeof text,
                           ",\"responses\":{\"default\":{\"description\":\"%s%s%s\"}}}", route->answer ? "`" : "",
                           route->answer ? msg_name(route->answer) : "see HTTP.md",
                           route->answer ? "`, or a problem document" : "");
    buffer_append(out, text, len);
}

void http_openapi(struct http_conn *conn, const struct http_call *call)
{
    (void)call;
    buffer_t out;
    buffer_init(&out, OPENAPI_MAX);
    static const char begin[] = "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"Rookery\",\"version\":\"1\"},\"components\":{"
                                "\"securitySchemes\":{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\"}}},\"paths\":{";
    buffer_append(&out, begin, sizeof begin - 1);
    const char *path = NULL;
    for (size_t i = 0; i < ROUTES && !(s_routes[i].flags & HTTP_ADMIN); i++) {
        bool same = path && strcmp(path, s_routes[i].path) == 0; /* rows of one path stand together */
        if (!same) {
            char text[TEXT_MAX];
            size_t len = (size_t)snprintf(text, sizeof text, "%s\"%s\":{", path ? "}," : "", s_routes[i].path);
            buffer_append(&out, text, len);
        }
        path = s_routes[i].path;
        s_openapi_route(&out, &s_routes[i], !same);
    }
    buffer_append(&out, "}}}\n", 4);
    http_reply(conn, 200, "application/json", buffer_view(&out), NULL);
    buffer_fini(&out);
}
