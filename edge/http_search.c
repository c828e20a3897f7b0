/* Search: the question goes to the store, which joins `member`; what the query gets wrong is said with its place. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge/http.h"
#include "proto/search_query.h"

/* A search costs the store as much as several other requests. */
enum { LIMIT_HITS = 20, COST = 4, TEXT_MAX = 768 };

static void s_refuse(struct http_conn *conn, search_fault_t fault, size_t position)
{
    char body[TEXT_MAX];
    int len = snprintf(body, sizeof body,
                       "{\"type\":\"/problems/%s\",\"title\":\"%s\",\"status\":%d,\"detail\":\"%s\",\"position\":%zu}",
                       err_name(ERR_BAD_SEARCH), err_name(ERR_BAD_SEARCH), err_http_status(ERR_BAD_SEARCH),
                       search_fault_text(fault), position);
    http_reply(conn, err_http_status(ERR_BAD_SEARCH), "application/problem+json", view_of(body, (size_t)len), NULL);
}

static bool s_on_result(struct edge *edge, struct ask *ask, const struct answer *answer)
{
    struct http_conn *conn = ask->spec.owner;
    struct msg msg;
    (void)edge;
    if (!http_got(conn, answer, MSG_SEARCH_RESULT, &msg))
        return true;
    uint32_t fault = msg.as.search_result.fault;
    if (fault == SEARCH_FINE)
        http_reply_message(conn, 200, answer->body);
    else
        s_refuse(conn, fault <= SEARCH_NO_SUCH_PERSON ? (search_fault_t)fault : SEARCH_NOTHING,
                 msg.as.search_result.position);
    return true;
}

/* "-300", "120": minutes east of UTC. */
static bool s_zone(view_t params, uint32_t *zone_out)
{
    char text[HTTP_PARAM_BYTES_MAX + 1];
    uint64_t minutes;
    *zone_out = SEARCH_UTC;
    if (!http_has_param(params, "zone"))
        return true;
    if (!http_param(params, "zone", text))
        return false;
    bool west = text[0] == '-';
    if (!http_number(view_of_text(text + west), SEARCH_UTC, &minutes))
        return false;
    *zone_out = west ? SEARCH_UTC - (uint32_t)minutes : SEARCH_UTC + (uint32_t)minutes;
    return true;
}

static bool s_text(view_t params, const char *name, size_t max, char text_out[HTTP_PARAM_BYTES_MAX + 1])
{
    text_out[0] = '\0';
    return (!http_has_param(params, name) || http_param(params, name, text_out)) && strlen(text_out) <= max &&
           text_is_clean(view_of_text(text_out));
}

/* The query is read here only to refuse what the store would refuse. */
static bool s_is_fine(struct http_conn *conn, view_t query, uint32_t zone)
{
    struct search_query *read = malloc(sizeof *read);
    size_t at = 0;
    if (!read) {
        http_problem(conn, ERR_NO_MEMORY, 0, 0);
        return false;
    }
    search_fault_t fault = search_query_read(read, query, zone, &at);
    free(read);
    if (fault)
        s_refuse(conn, fault, search_utf16_len(view_of(query.bytes, at)));
    return fault == SEARCH_FINE;
}

void http_search(struct http_conn *conn, const struct http_call *call)
{
    char query[HTTP_PARAM_BYTES_MAX + 1], before[HTTP_PARAM_BYTES_MAX + 1];
    uint64_t limit = 0;
    uint32_t zone = 0;
    view_t params = call->request->query;
    struct search_cursor cursor;
    if (!s_text(params, "q", LIM_SEARCH_QUERY_BYTES_MAX, query) ||
        !s_text(params, "before", LIM_SEARCH_CURSOR_BYTES_MAX, before) || !s_zone(params, &zone) ||
        (before[0] && !search_cursor_read(view_of_text(before), &cursor)) ||
        !http_param_number(params, "limit", LIMIT_HITS, LIM_SEARCH_PAGE_MAX, &limit) || limit == 0) {
        http_problem(conn, ERR_OUT_OF_RANGE, 0, LIM_SEARCH_PAGE_MAX);
        return;
    }
    if (!s_is_fine(conn, view_of_text(query), zone))
        return;
    uint32_t wait_ms = budget_table_take(conn->edge->requests, conn->budget, conn->edge->now_ms, COST);
    if (wait_ms > 0) {
        http_problem(conn, ERR_RATE_LIMITED, wait_ms, (uint64_t)conn->edge->config->requests_per_s);
        return;
    }
    struct msg msg = {.type = MSG_STORE_SEARCH, .as.store_search = {
        .user = call->identity.user,
        .query = view_of_text(query),
        .zone = zone,
        .before = view_of_text(before),
        .limit = (uint32_t)limit,
    }};
    http_ask(conn, (struct ask_spec){.to = ASK_PERSIST, .done = s_on_result, .user = call->identity.user}, &msg);
}
