/* fuzz_db_url — DATABASE_URL: what is accepted has its parts in bounds, and parses again from its parts, every byte of
 * which is percent-encoded. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "persist/db_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void s_put(FILE *out, const char *before, const char *part)
{
    fputs(before, out);
    for (; *part; part++)
        fprintf(out, "%%%02x", (unsigned char)*part);
}

static void s_check_again(const struct db_url *url)
{
    static const char *const tls[] = {"off", "required", "verify"};
    struct db_url again;
    const char *sentence;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (!out)
        return;
    s_put(out, "mysql://", url->user);
    s_put(out, ":", url->password);
    s_put(out, "@", url->host);
    fprintf(out, ":%u", url->port);
    s_put(out, "/", url->database);
    s_put(out, "?socket=", url->socket);
    s_put(out, "&ca=", url->ca);
    s_put(out, "&tls=", tls[url->tls]);
    fclose(out);
    err_t err = db_url_parse(text, &again, &sentence);
    assert(!err && again.port == url->port && again.tls == url->tls);
    assert(strcmp(again.user, url->user) == 0 && strcmp(again.password, url->password) == 0);
    assert(strcmp(again.host, url->host) == 0 && strcmp(again.database, url->database) == 0);
    assert(strcmp(again.socket, url->socket) == 0 && strcmp(again.ca, url->ca) == 0);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct db_url url;
    const char *sentence = NULL;
    char *text = malloc(size + 1); /* of the exact size, so that a read past the NUL is seen */
    if (!text)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    err_t err = db_url_parse(text, &url, &sentence);
    assert(err == ERR_OK || err == ERR_OUT_OF_RANGE);
    assert(sentence && (*sentence != '\0') == (err != ERR_OK));
    if (!err) {
        assert(url.port >= 1 && url.port <= 65535 && (url.host[0] || url.socket[0]));
        s_check_again(&url);
    }
    free(text);
    return 0;
}
