/* fuzz_http_call — whole requests against every route: path, query, headers and body of any kind, up to the question that
 * goes to an actor, and its answer back to the browser. Each request is either answered once or asks once; what it asks
 * may go from an edge; an answer is well formed whatever the browser said.
 *
 * Input: a byte for the connection, then the request's head and body. What the handlers reach for outside of
 * edge/http*.c is replaced below (--wrap). */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/runtime/permits.h"
#include "edge/http.h"
#include "edge/http_static.h"
#include "edge/links.h"

enum { ADMIN = 1, PROXY = 2, FORGED = 4 /* its token is refused */, ANSWER_SHIFT = 4, OUT_BYTES_MAX = 8 * 1024 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void __wrap_http_conn_send(struct http_conn *conn);
struct ask *__wrap_asks_send_msg(struct asks *self, const struct ask_spec *spec, const struct msg *msg);
void __wrap_http_static_serve(struct http_conn *conn, const struct http_request *request);
const char *__wrap_links_missing(const struct links *self);
err_t __wrap_auth_verify(auth_t *self, view_t token, int64_t now_ms, int64_t utc_ms, struct auth_identity *out);

static struct ask s_ask;
static int s_answers, s_asked;
static bool s_forged;

/* Every answer passes here. */
void __wrap_http_conn_send(struct http_conn *conn)
{
    char *text = (char *)conn->out.bytes;
    s_answers++;
    assert(!conn->out.failed && conn->out.len > 20 && memcmp(text, "HTTP/1.1 ", 9) == 0);
    assert(text[9] >= '2' && text[9] <= '5' && text[12] == ' ');
    const char *end = memmem(text, conn->out.len, "\r\n\r\n", 4);
    assert(end);
    for (const char *at = memchr(text, '\n', conn->out.len); at && at < end; at = memchr(at + 1, '\n', (size_t)(end - at)))
        assert(at[-1] == '\r' && (at + 1 == end || at[1] != ' ')); /* no line of a browser's making */
    for (const char *at = text; at < end; at++)
        assert(*at != '\n' || at[-1] == '\r');
}

struct ask *__wrap_asks_send_msg(struct asks *self, const struct ask_spec *spec, const struct msg *msg)
{
    static const role_t roles[] = {[ASK_PERSIST] = ROLE_PERSIST, [ASK_ACCOUNTS] = ROLE_ACCOUNTS, [ASK_OWNER] = ROLE_ROOM};
    struct envelope env = {.type = msg->type, .from = address_make(ROLE_EDGE, 0, 1)};
    struct msg again;
    buffer_t bytes;
    (void)self;
    s_asked++;
    buffer_init(&bytes, LIM_LINK_BODY_BYTES_MAX);
    assert(permits_allow(ROLE_EDGE, roles[spec->to], &env));
    assert(!msg_encode(msg, &bytes) && !msg_decode(buffer_view(&bytes), &again));
    buffer_fini(&bytes);
    s_ask = (struct ask){.spec = *spec};
    return &s_ask;
}

void __wrap_http_static_serve(struct http_conn *conn, const struct http_request *request)
{
    assert(request->path[0] == '/');
    http_problem(conn, ERR_NOT_FOUND, 0, 0);
}

const char *__wrap_links_missing(const struct links *self)
{
    (void)self;
    return NULL;
}

err_t __wrap_auth_verify(auth_t *self, view_t token, int64_t now_ms, int64_t utc_ms, struct auth_identity *out)
{
    (void)self;
    (void)now_ms;
    (void)utc_ms;
    assert(token.len > 0);
    *out = (struct auth_identity){.user = 7, .session = 8, .expires_at_ms = 9, .name = "ada", .name_len = 3};
    return s_forged ? ERR_UNAUTHORIZED : ERR_OK;
}

/* What comes back: an error, or some message. */
static void s_answer(struct edge *edge, uint8_t how)
{
    static const uint16_t types[] = {MSG_ACK, MSG_AUTH_DONE, MSG_STORE_OK, MSG_ROOMS, MSG_NACK, MSG_HEARTBEAT};
    struct answer answer = {.err = how < 4 ? ERR_OVERLOADED : how < 6 ? ERR_UNAUTHORIZED : ERR_OK, .retry_ms = how};
    struct msg msg = {.type = types[how % 6]};
    buffer_t bytes;
    buffer_init(&bytes, 4096);
    if (!answer.err && !msg_encode(&msg, &bytes))
        answer.type = msg.type;
    answer.body = buffer_view(&bytes);
    assert(s_ask.spec.done(edge, &s_ask, &answer));
    buffer_fini(&bytes);
}

static struct edge *s_edge(void)
{
    static struct config config = {.connections_per_address = 1000000, .requests_per_s = 1000000, .requests_burst = 1000000};
    static struct edge edge;
    if (!edge.config) {
        edge.config = &config;
        edge.holds = budget_holds_new(100, 1);
        edge.requests = budget_table_new(budget_rule_of(1000000, 1000, 1000000000), 64, 1);
        edge.has_id_key = true;
        assert(edge.holds && edge.requests && !auth_origins_read(&edge.origins, "https://chat.example.org"));
        assert(!proxies_read(&edge.proxies, "10.0.0.1"));
    }
    edge.now_ms += 1000;
    return &edge;
}

static void s_serve(struct http_conn *conn, const struct http_request *request, view_t input, uint8_t how)
{
    s_answers = s_asked = 0;
    http_admit_t admitted = http_admit(conn, request);
    assert(s_answers == (admitted == HTTP_ADMIT_REFUSED));
    if (admitted != HTTP_ADMIT_READ)
        return;
    assert(request->content_length <= LIM_HTTP_BODY_BYTES_MAX);
    size_t len = input.len - request->head_len;
    if (request->content_length > len)
        return; /* it would be waited for */
    http_serve(conn, request, view_of(input.bytes + request->head_len, (size_t)request->content_length));
    assert(s_answers + s_asked == 1);
    if (s_asked) {
        conn->ask = &s_ask;
        s_answer(conn->edge, how);
        assert(s_answers == 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http_request request;
    if (size == 0)
        return 0;
    view_t input = view_of(data + 1, size - 1);
    http_parsed_t parsed = http_parse(input, &request);
    if (parsed == HTTP_INCOMPLETE)
        return 0;
    struct http_conn conn = {.edge = s_edge(), .admin = data[0] & ADMIN, .by_proxy = data[0] & PROXY};
    conn.peer.s6_addr[15] = 1;
    s_forged = data[0] & FORGED;
    buffer_init(&conn.out, OUT_BYTES_MAX);
    if (parsed == HTTP_PARSED)
        s_serve(&conn, &request, input, data[0] >> ANSWER_SHIFT);
    else
        http_refuse_unparsed(&conn, parsed);
    if (conn.held)
        budget_release(conn.edge->holds, conn.held);
    buffer_fini(&conn.out);
    free(conn.allow_origin);
    return 0;
}
