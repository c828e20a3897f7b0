#include "edge/http_parse.h"

#include <string.h>
#include <strings.h>

static const struct {
    const char *name;
    http_method_t method;
} s_methods[] = {
    {"GET", HTTP_GET},     {"HEAD", HTTP_HEAD},       {"POST", HTTP_POST}, {"PATCH", HTTP_PATCH},
    {"DELETE", HTTP_DELETE}, {"OPTIONS", HTTP_OPTIONS}, {"PUT", HTTP_PUT},
};

static const char *const s_header_names[HTTP_HEADER_COUNT] = {
#define X(name, wire) [HTTP_HEADER_##name] = wire,
    HTTP_HEADERS(X)
#undef X
};

/* RFC 9110 5.6.2: what a method or a header's name is made of. */
static bool s_is_token_char(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c != 0 && strchr("!#$%&'*+-.^_`|~", c));
}

static bool s_is_token(view_t text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!s_is_token_char(text.bytes[i]))
            return false;
    return text.len > 0;
}

static bool s_is_text(view_t text, const char *expected)
{
    return text.len == strlen(expected) && strncasecmp((const char *)text.bytes, expected, text.len) == 0;
}

static view_t s_trim(view_t text)
{
    while (text.len > 0 && (text.bytes[0] == ' ' || text.bytes[0] == '\t')) {
        text.bytes++;
        text.len--;
    }
    while (text.len > 0 && (text.bytes[text.len - 1] == ' ' || text.bytes[text.len - 1] == '\t'))
        text.len--;
    return text;
}

const char *http_method_name(http_method_t method)
{
    for (size_t i = 0; i < sizeof s_methods / sizeof s_methods[0]; i++)
        if (s_methods[i].method == method)
            return s_methods[i].name;
    return "?";
}

bool http_number(view_t text, uint64_t max, uint64_t *value_out)
{
    uint64_t value = 0;
    if (text.len == 0 || text.len > 16)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(text.bytes[i] - '0');
    }
    *value_out = value;
    return value <= max;
}

bool http_has_token(view_t value, const char *token)
{
    while (value.len > 0) {
        const uint8_t *comma = memchr(value.bytes, ',', value.len);
        size_t len = comma ? (size_t)(comma - value.bytes) : value.len;
        if (s_is_text(s_trim(view_of(value.bytes, len)), token))
            return true;
        if (!comma)
            return false;
        value = view_of(comma + 1, value.len - len - 1);
    }
    return false;
}

static int s_hex(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Percent-decodes into out (size with its NUL). False: malformed, too long, or a NUL inside. */
static bool s_decode(view_t text, bool plus_is_space, char *out, size_t size, size_t *len_out)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.bytes[i];
        if (c == '%') {
            bool whole = text.len - i > 2;
            int high = whole ? s_hex(text.bytes[i + 1]) : -1, low = whole ? s_hex(text.bytes[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (uint8_t)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        if (c == 0 || len + 1 >= size)
            return false;
        out[len++] = (char)c;
    }
    out[len] = '\0';
    *len_out = len;
    return true;
}

/* No way out of the folder, however it is spelt: the path is looked at after it was decoded. */
static bool s_is_plain_path(const char *path)
{
    if (strstr(path, "//") || strchr(path, '\\'))
        return false;
    for (const char *at = path; *at; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7F)
            return false;
        if (at[0] != '/' || at[1] != '.')
            continue;
        const char *after = at[2] == '.' ? at + 3 : at + 2;
        if (*after == '/' || *after == '\0')
            return false;
    }
    return true;
}

static http_parsed_t s_parse_target(view_t target, struct http_request *out)
{
    out->target = target;
    if (target.len == 0 || target.bytes[0] != '/')
        return HTTP_BAD; /* no proxy here: neither absolute forms nor "*" */
    const uint8_t *mark = memchr(target.bytes, '?', target.len);
    size_t path_len = mark ? (size_t)(mark - target.bytes) : target.len;
    out->query = mark ? view_of(mark + 1, target.len - path_len - 1) : view_of(NULL, 0);
    if (path_len > HTTP_PATH_BYTES_MAX * 3)
        return HTTP_TOO_LONG;
    if (!s_decode(view_of(target.bytes, path_len), false, out->path, sizeof out->path, &out->path_len))
        return HTTP_BAD;
    return s_is_plain_path(out->path) ? HTTP_PARSED : HTTP_BAD;
}

static http_parsed_t s_parse_line(view_t line, struct http_request *out)
{
    const uint8_t *space = memchr(line.bytes, ' ', line.len);
    if (!space)
        return HTTP_BAD;
    view_t method = view_of(line.bytes, (size_t)(space - line.bytes));
    view_t rest = view_of(space + 1, line.len - method.len - 1);
    space = memchr(rest.bytes, ' ', rest.len);
    if (!space || !s_is_token(method))
        return HTTP_BAD;
    view_t target = view_of(rest.bytes, (size_t)(space - rest.bytes));
    view_t version = view_of(space + 1, rest.len - target.len - 1);
    if (version.len != 8 || memcmp(version.bytes, "HTTP/", 5) != 0)
        return HTTP_BAD;
    bool one = view_is_equal(version, view_of_text("HTTP/1.1")), zero = view_is_equal(version, view_of_text("HTTP/1.0"));
    if (!one && !zero)
        return HTTP_NOT_1_X;
    out->keep_alive = one;
    out->method = HTTP_OTHER;
    for (size_t i = 0; i < sizeof s_methods / sizeof s_methods[0]; i++)
        if (view_is_equal(method, view_of_text(s_methods[i].name)))
            out->method = s_methods[i].method;
    for (size_t i = 0; i < target.len; i++)
        if (target.bytes[i] <= ' ' || target.bytes[i] >= 0x7F)
            return HTTP_BAD;
    return s_parse_target(target, out);
}

/* Lists, by their RFCs, and what nothing depends on. The last one counts: the nearest proxy wrote it. */
static bool s_may_repeat(http_header_t header)
{
    return header == HTTP_HEADER_FORWARDED_FOR || header == HTTP_HEADER_FORWARDED_PROTO ||
           header == HTTP_HEADER_ACCEPT || header == HTTP_HEADER_ACCEPT_ENCODING ||
           header == HTTP_HEADER_IF_NONE_MATCH || header == HTTP_HEADER_USER_AGENT;
}

static http_parsed_t s_parse_header(view_t line, struct http_request *out)
{
    const uint8_t *colon = memchr(line.bytes, ':', line.len);
    view_t name = colon ? view_of(line.bytes, (size_t)(colon - line.bytes)) : view_of(NULL, 0);
    if (!s_is_token(name)) /* also a folded line: it begins with a space */
        return HTTP_BAD;
    view_t value = s_trim(view_of(colon + 1, line.len - name.len - 1));
    for (size_t i = 0; i < value.len; i++)
        if ((value.bytes[i] < ' ' && value.bytes[i] != '\t') || value.bytes[i] == 0x7F)
            return HTTP_BAD;
    for (int i = 0; i < HTTP_HEADER_COUNT; i++) {
        if (!s_is_text(name, s_header_names[i]))
            continue;
        if (out->headers[i].bytes && !s_may_repeat((http_header_t)i))
            return HTTP_BAD; /* which one would count? */
        out->headers[i] = value;
        break;
    }
    return HTTP_PARSED;
}

static http_parsed_t s_conclude(struct http_request *out, bool version_1_1)
{
    const view_t *headers = out->headers;
    if (version_1_1 && headers[HTTP_HEADER_HOST].len == 0)
        return HTTP_BAD;
    if (headers[HTTP_HEADER_CONTENT_LENGTH].bytes) {
        if (!http_number(headers[HTTP_HEADER_CONTENT_LENGTH], UINT64_C(1) << 50, &out->content_length))
            return HTTP_BAD;
        out->has_length = true;
        if (headers[HTTP_HEADER_TRANSFER_ENCODING].bytes)
            return HTTP_BAD; /* the classic of smuggling */
    }
    if (http_has_token(headers[HTTP_HEADER_CONNECTION], "close"))
        out->keep_alive = false;
    return HTTP_PARSED;
}

http_parsed_t http_parse(view_t bytes, struct http_request *out)
{
    memset(out, 0, sizeof *out);
    const uint8_t *end = memmem(bytes.bytes, bytes.len, "\r\n\r\n", 4);
    if (!end)
        return bytes.len > LIM_HTTP_HEADERS_BYTES_MAX ? HTTP_TOO_LONG : HTTP_INCOMPLETE;
    out->head_len = (size_t)(end - bytes.bytes) + 4;
    if (out->head_len > LIM_HTTP_HEADERS_BYTES_MAX)
        return HTTP_TOO_LONG;
    http_parsed_t parsed = HTTP_PARSED;
    bool version_1_1 = false;
    size_t lines = 0;
    for (const uint8_t *at = bytes.bytes; at < end + 2 && parsed == HTTP_PARSED; lines++) {
        const uint8_t *line_end = memmem(at, (size_t)(end + 2 - at), "\r\n", 2);
        view_t line = view_of(at, (size_t)(line_end - at));
        if (memchr(line.bytes, '\n', line.len) || memchr(line.bytes, '\r', line.len) ||
            memchr(line.bytes, 0, line.len))
            return HTTP_BAD;
        parsed = lines == 0 ? s_parse_line(line, out) : s_parse_header(line, out);
        if (lines == 0)
            version_1_1 = out->keep_alive;
        if (lines > HTTP_HEADERS_MAX)
            return HTTP_TOO_LONG;
        at = line_end + 2;
    }
    return parsed == HTTP_PARSED ? s_conclude(out, version_1_1) : parsed;
}

/* ---- query parameters ---- */

/* The raw value of the first parameter of this name; count_out: how many there are. */
static bool s_find_param(view_t query, const char *name, view_t *value_out, size_t *count_out)
{
    size_t name_len = strlen(name);
    *count_out = 0;
    while (query.len > 0) {
        const uint8_t *amp = memchr(query.bytes, '&', query.len);
        size_t len = amp ? (size_t)(amp - query.bytes) : query.len;
        const uint8_t *equals = memchr(query.bytes, '=', len);
        size_t key_len = equals ? (size_t)(equals - query.bytes) : len;
        if (key_len == name_len && memcmp(query.bytes, name, name_len) == 0 && (*count_out)++ == 0)
            *value_out = equals ? view_of(equals + 1, len - key_len - 1) : view_of(query.bytes, 0);
        query = amp ? view_of(amp + 1, query.len - len - 1) : view_of(NULL, 0);
    }
    return *count_out > 0;
}

bool http_has_param(view_t query, const char *name)
{
    view_t value;
    size_t count = 0;
    return s_find_param(query, name, &value, &count);
}

bool http_param_long(view_t query, const char *name, char *text_out, size_t size)
{
    view_t value;
    size_t count = 0, len = 0;
    return s_find_param(query, name, &value, &count) && count == 1 && s_decode(value, true, text_out, size, &len);
}

bool http_param(view_t query, const char *name, char text_out[HTTP_PARAM_BYTES_MAX + 1])
{
    return http_param_long(query, name, text_out, HTTP_PARAM_BYTES_MAX + 1);
}

bool http_param_number(view_t query, const char *name, uint64_t fallback, uint64_t max, uint64_t *value_out)
{
    char text[HTTP_PARAM_BYTES_MAX + 1];
    *value_out = fallback;
    if (!http_has_param(query, name))
        return true;
    return http_param(query, name, text) && http_number(view_of_text(text), max, value_out);
}
