/* Heads of HTTP requests and the route table: whatever is accepted keeps what the rest relies on. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "edge/http.h"
#include "edge/http_static.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void s_check_path(const struct http_request *request)
{
    assert(request->path[0] == '/' && strlen(request->path) == request->path_len);
    assert(request->path_len <= HTTP_PATH_BYTES_MAX);
    assert(!strstr(request->path, "//") && !strstr(request->path, "/../") && !strstr(request->path, "/./"));
    size_t len = request->path_len;
    assert(len < 3 || strcmp(request->path + len - 3, "/..") != 0);
}

static void s_check_views(view_t input, const struct http_request *request)
{
    for (int i = 0; i < HTTP_HEADER_COUNT; i++) {
        view_t value = request->headers[i];
        assert(!value.bytes || (value.bytes >= input.bytes && value.bytes + value.len <= input.bytes + request->head_len));
        (void)http_has_token(value, "close");
        (void)http_static_etag_matches(value, "\"a\"");
    }
    static const char *const names[] = {"limit", "ids", "query", "before", ""};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char text[HTTP_PARAM_BYTES_MAX + 1];
        uint64_t number = 0;
        if (http_param(request->query, names[i], text))
            assert(strlen(text) <= HTTP_PARAM_BYTES_MAX && http_has_param(request->query, names[i]));
        if (http_param_number(request->query, names[i], 50, 100, &number))
            assert(number <= 100);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http_request request, again;
    view_t input = view_of(data, size);
    if (http_parse(input, &request) != HTTP_PARSED)
        return 0;
    assert(request.head_len <= size && request.head_len <= LIM_HTTP_HEADERS_BYTES_MAX);
    assert(http_parse(view_of(data, request.head_len), &again) == HTTP_PARSED && again.head_len == request.head_len);
    assert(http_parse(view_of(data, request.head_len - 1), &again) == HTTP_INCOMPLETE);
    s_check_path(&request);
    s_check_views(input, &request);
    uint64_t ids[HTTP_IDS_MAX];
    unsigned allow = 0;
    const struct http_route *route = http_find(false, request.method, request.path, ids, &allow);
    assert(!route || allow & route->method);
    for (int i = 0; i < HTTP_IDS_MAX; i++)
        assert(ids[i] <= ID_MAX);
    return 0;
}
