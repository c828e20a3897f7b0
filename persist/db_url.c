#include "persist/db_url.h"

#include <stdlib.h>
#include <string.h>

static int s_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Decodes [text, end) into a part; false: too long, a bad escape, or a NUL inside. */
static bool s_decode(const char *text, const char *end, char part_out[DB_URL_PART_MAX])
{
    size_t len = 0;
    while (text < end) {
        int c = (unsigned char)*text++;
        if (c == '%') {
            if (end - text < 2 || s_hex(text[0]) < 0 || s_hex(text[1]) < 0)
                return false;
            c = s_hex(text[0]) * 16 + s_hex(text[1]);
            text += 2;
        }
        if (c == 0 || len + 1 >= DB_URL_PART_MAX)
            return false;
        part_out[len++] = (char)c;
    }
    part_out[len] = '\0';
    return true;
}

static const char *s_find(const char *text, const char *end, char c)
{
    const char *found = memchr(text, c, (size_t)(end - text));
    return found ? found : end;
}

static bool s_parse_option(const char *text, const char *end, struct db_url *out)
{
    const char *equals = s_find(text, end, '=');
    size_t key_len = (size_t)(equals - text);
    const char *value = equals < end ? equals + 1 : end;
    if (key_len == 6 && memcmp(text, "socket", 6) == 0)
        return s_decode(value, end, out->socket);
    if (key_len == 2 && memcmp(text, "ca", 2) == 0)
        return s_decode(value, end, out->ca);
    if (key_len != 3 || memcmp(text, "tls", 3) != 0)
        return false;
    char tls[DB_URL_PART_MAX];
    if (!s_decode(value, end, tls))
        return false;
    if (strcmp(tls, "off") == 0)
        out->tls = DB_TLS_OFF;
    else if (strcmp(tls, "required") == 0)
        out->tls = DB_TLS_REQUIRED;
    else if (strcmp(tls, "verify") == 0)
        out->tls = DB_TLS_VERIFY;
    else
        return false;
    return true;
}

static bool s_parse_host(const char *text, const char *end, struct db_url *out)
{
    const char *host_end, *port;
    if (text < end && *text == '[') { /* [::1]:3306 */
        host_end = s_find(++text, end, ']');
        if (host_end == end)
            return false;
        port = host_end + 1;
    } else {
        host_end = port = s_find(text, end, ':');
    }
    if (!s_decode(text, host_end, out->host))
        return false;
    if (port == end)
        return true;
    char digits[DB_URL_PART_MAX];
    if (*port != ':' || !s_decode(port + 1, end, digits))
        return false;
    char *digits_end;
    unsigned long number = strtoul(digits, &digits_end, 10);
    if (digits[0] < '0' || digits[0] > '9' || *digits_end != '\0' || number < 1 || number > 65535)
        return false;
    out->port = (unsigned)number;
    return true;
}

static bool s_parse_account(const char *text, const char *end, struct db_url *out)
{
    const char *colon = s_find(text, end, ':');
    if (!s_decode(text, colon, out->user))
        return false;
    return colon == end || s_decode(colon + 1, end, out->password);
}

err_t db_url_parse(const char *url, struct db_url *out, const char **sentence_out)
{
    static const char SCHEME[] = "mysql://";
    *out = (struct db_url){.port = 3306};
    *sentence_out = "DATABASE_URL must look like mysql://user:password@host:3306/database";
    if (strncmp(url, SCHEME, strlen(SCHEME)) != 0)
        return ERR_OUT_OF_RANGE;
    const char *start = url + strlen(SCHEME), *end = url + strlen(url);
    const char *query = s_find(start, end, '?');
    const char *path = s_find(start, query, '/');
    const char *at = path; /* the last @ before the path: a password may hold one */
    for (const char *p = start; p < path; p++)
        if (*p == '@')
            at = p;
    const char *host = at == path ? start : at + 1;
    if (at != path && !s_parse_account(start, at, out))
        return ERR_OUT_OF_RANGE;
    if (!s_parse_host(host, path, out))
        return ERR_OUT_OF_RANGE;
    if (path < query && !s_decode(path + 1, query, out->database))
        return ERR_OUT_OF_RANGE;
    *sentence_out = "after the ? of DATABASE_URL there may be socket=PATH, tls=off|required|verify and ca=PATH";
    for (const char *option = query; option < end;) {
        const char *option_end = s_find(option + 1, end, '&');
        if (!s_parse_option(option + 1, option_end, out))
            return ERR_OUT_OF_RANGE;
        option = option_end;
    }
    *sentence_out = "DATABASE_URL names neither a host nor a socket";
    if (out->host[0] == '\0' && out->socket[0] == '\0')
        return ERR_OUT_OF_RANGE;
    *sentence_out = "";
    return ERR_OK;
}
