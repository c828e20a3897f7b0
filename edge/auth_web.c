/* The half of auth.h that browsers add: the refresh cookie and web origins. */
#include "edge/auth.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char COOKIE_NAME[] = "rookery_refresh";

static view_t s_trim(view_t text)
{
    for (; text.len && (text.bytes[0] == ' ' || text.bytes[0] == '\t'); text.len--)
        text.bytes++;
    while (text.len && (text.bytes[text.len - 1] == ' ' || text.bytes[text.len - 1] == '\t'))
        text.len--;
    return text;
}

/* Takes what comes before the next `mark` off rest, and the mark. */
static view_t s_take_until(view_t *rest, char mark)
{
    const uint8_t *at = rest->len ? memchr(rest->bytes, mark, rest->len) : NULL;
    view_t part = view_of(rest->bytes, at ? (size_t)(at - rest->bytes) : rest->len);
    *rest = at ? view_of(at + 1, rest->len - part.len - 1) : view_of(NULL, 0);
    return part;
}

static bool s_is_text(view_t text, const char *expected)
{
    return text.len == strlen(expected) && strncasecmp((const char *)text.bytes, expected, text.len) == 0;
}

/* ---- hosts ---------------------------------------------------------------------------------------------------------- */

struct authority {
    char host[AUTH_ORIGIN_BYTES_MAX]; /* lower case; IPv6 in brackets */
    uint32_t port;                    /* 0: none given */
};

static bool s_read_port(view_t text, uint32_t *port_out)
{
    uint32_t port = 0;
    if (text.len == 0 || text.len > 5)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9')
            return false;
        port = port * 10 + (uint32_t)(text.bytes[i] - '0');
    }
    *port_out = port;
    return port >= 1 && port <= 65535;
}

static bool s_is_host_char(uint8_t c, bool bracketed)
{
    bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    if (bracketed)
        return hex || c == ':' || c == '.';
    return hex || (c >= 'g' && c <= 'z') || c == '-' || c == '.' || c == '_';
}

/* "host", "host:port", "[v6]", "[v6]:port". */
static bool s_read_authority(view_t text, struct authority *out)
{
    *out = (struct authority){.port = 0};
    bool bracketed = text.len && text.bytes[0] == '[';
    const uint8_t *end = text.len ? memchr(text.bytes, bracketed ? ']' : ':', text.len) : NULL;
    size_t host_len = end ? (size_t)(end - text.bytes) + bracketed : text.len;
    if (host_len == 0 || host_len >= sizeof out->host || (bracketed && (!end || host_len < 4)))
        return false;
    for (size_t i = 0; i < host_len; i++) {
        uint8_t c = text.bytes[i];
        if (c >= 'A' && c <= 'Z')
            c |= 0x20;
        bool bracket = bracketed && (i == 0 || i == host_len - 1);
        if (!bracket && !s_is_host_char(c, bracketed))
            return false;
        out->host[i] = (char)c;
    }
    if (host_len == text.len)
        return true;
    return text.bytes[host_len] == ':' &&
           s_read_port(view_of(text.bytes + host_len + 1, text.len - host_len - 1), &out->port);
}

static bool s_is_loopback(const char *host)
{
    static const char suffix[] = ".localhost";
    size_t len = strlen(host);
    struct in_addr four;
    if (inet_pton(AF_INET, host, &four) == 1)
        return ntohl(four.s_addr) >> 24 == 127;
    return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           (len > sizeof suffix - 1 && strcmp(host + len - (sizeof suffix - 1), suffix) == 0);
}

/* ---- the refresh cookie ---------------------------------------------------------------------------------------------- */

static bool s_is_cookie_value(view_t value)
{
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.bytes[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
            return false;
    }
    return value.len <= AUTH_COOKIE_VALUE_BYTES_MAX;
}

bool auth_cookie_is_secure(bool https, view_t host)
{
    struct authority authority;
    return https || !s_read_authority(host, &authority) || !s_is_loopback(authority.host);
}

size_t auth_cookie_format(view_t token, uint64_t max_age_s, bool secure, char text_out[AUTH_COOKIE_TEXT_MAX])
{
    if (!s_is_cookie_value(token))
        return 0;
    int len = snprintf(text_out, AUTH_COOKIE_TEXT_MAX,
                       "%s=%.*s; HttpOnly; SameSite=Strict; Path=/api/v1/auth; Max-Age=%" PRIu64 "%s", COOKIE_NAME,
                       (int)token.len, token.len ? (const char *)token.bytes : "", max_age_s,
                       secure ? "; Secure" : "");
    return len > 0 && len < AUTH_COOKIE_TEXT_MAX ? (size_t)len : 0;
}

view_t auth_cookie_find(view_t cookie_header)
{
    view_t rest = cookie_header, found = view_of(NULL, 0);
    bool seen = false;
    while (rest.len) {
        view_t value = s_take_until(&rest, ';');
        view_t name = s_trim(s_take_until(&value, '='));
        if (name.len != sizeof COOKIE_NAME - 1 || memcmp(name.bytes, COOKIE_NAME, name.len) != 0)
            continue;
        if (seen)
            return view_of(NULL, 0); /* somebody planted a second one: neither is believed */
        seen = true;
        found = s_trim(value);
    }
    return s_is_cookie_value(found) ? found : view_of(NULL, 0);
}

/* ---- web origins -------------------------------------------------------------------------------------------------------- */

struct origin {
    bool https;
    struct authority authority;
};

/* A default port is no port, as browsers have it. */
static void s_drop_default_port(struct authority *authority, bool https)
{
    if (authority->port == (https ? 443 : 80))
        authority->port = 0;
}

/* scheme://host[:port] and nothing after it. */
static bool s_read_origin(view_t text, struct origin *out)
{
    static const char http[] = "http://", https[] = "https://";
    size_t scheme_len = 0;
    if (text.len > sizeof http - 1 && strncasecmp((const char *)text.bytes, http, sizeof http - 1) == 0)
        scheme_len = sizeof http - 1;
    else if (text.len > sizeof https - 1 && strncasecmp((const char *)text.bytes, https, sizeof https - 1) == 0)
        scheme_len = sizeof https - 1;
    if (scheme_len == 0 || !s_read_authority(view_of(text.bytes + scheme_len, text.len - scheme_len), &out->authority))
        return false;
    out->https = scheme_len == sizeof https - 1;
    s_drop_default_port(&out->authority, out->https);
    return true;
}

static bool s_is_same(const struct authority *a, const struct authority *b)
{
    return a->port == b->port && strcmp(a->host, b->host) == 0;
}

static bool s_print_origin(const struct origin *origin, char text_out[AUTH_ORIGIN_BYTES_MAX])
{
    char port[16] = "";
    if (origin->authority.port)
        snprintf(port, sizeof port, ":%" PRIu32, origin->authority.port);
    int len = snprintf(text_out, AUTH_ORIGIN_BYTES_MAX, "%s://%s%s", origin->https ? "https" : "http",
                       origin->authority.host, port);
    return len > 0 && len < AUTH_ORIGIN_BYTES_MAX;
}

err_t auth_origins_read(struct auth_origins *self, const char *comma_separated)
{
    *self = (struct auth_origins){.count = 0};
    view_t rest = comma_separated ? view_of_text(comma_separated) : view_of(NULL, 0);
    while (rest.len) {
        view_t text = s_trim(s_take_until(&rest, ','));
        struct origin origin;
        if (text.len == 0)
            continue;
        if (self->count == AUTH_ORIGINS_MAX || !s_read_origin(text, &origin) ||
            !s_print_origin(&origin, self->origins[self->count]))
            return ERR_OUT_OF_RANGE;
        self->count++;
    }
    return ERR_OK;
}

static bool s_is_listed(const struct auth_origins *self, const struct origin *origin)
{
    char text[AUTH_ORIGIN_BYTES_MAX];
    if (!s_print_origin(origin, text))
        return false;
    for (size_t i = 0; i < self->count; i++)
        if (strcmp(self->origins[i], text) == 0)
            return true;
    return false;
}

static bool s_is_own(const struct origin *origin, const struct auth_request *request)
{
    struct authority host;
    if (!s_read_authority(request->host, &host))
        return false;
    s_drop_default_port(&host, origin->https);
    if (request->https && !origin->https)
        return false; /* the page came in the clear: anybody on the way may have written it */
    return s_is_same(&host, &origin->authority);
}

err_t auth_origin_check(const struct auth_origins *self, const struct auth_request *request, auth_origin_t *origin_out)
{
    bool same_origin = s_is_text(request->sec_fetch_site, "same-origin");
    if (request->origin.len == 0) {
        if (request->with_cookie && !same_origin)
            return ERR_BAD_ORIGIN;
        *origin_out = AUTH_ORIGIN_NONE;
        return ERR_OK;
    }
    struct origin origin;
    if (!s_read_origin(request->origin, &origin))
        return ERR_BAD_ORIGIN;
    if (s_is_listed(self, &origin)) {
        *origin_out = AUTH_ORIGIN_LISTED;
        return ERR_OK;
    }
    if (!s_is_own(&origin, request))
        return ERR_BAD_ORIGIN;
    if (request->with_cookie && request->sec_fetch_site.len && !same_origin)
        return ERR_BAD_ORIGIN; /* the browser itself says that it is another site */
    *origin_out = AUTH_ORIGIN_OWN;
    return ERR_OK;
}
