/* For administrators: what is in force, and how all actors are. Only counters and names of hosts, nothing of users; a
 * token of an administrator is enough, which dies within a second of the right. */
#include <jansson.h>
#include <stdlib.h>

#include "edge/http.h"
#include "edge/links.h"

enum { STATS_ASK_MS = 1000, FRESH_MS = LIM_STATS_KEEP_MS };

static void s_reply_json(struct http_conn *conn, json_t *json)
{
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    if (text)
        http_reply(conn, 200, "application/json", view_of_text(text), NULL);
    else
        http_problem(conn, ERR_NO_MEMORY, 0, 0);
    free(text);
    json_decref(json);
}

static json_t *s_text(view_t text)
{
    return json_stringn((const char *)text.bytes, text.len);
}

/* ---- limits --------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    int64_t value;
    const char *unit, *text;
} FIXED[] = {
    {"text", LIM_TEXT_BYTES_MAX, "bytes", "one message"},
    {"name", LIM_NAME_CHARS_MAX, "characters", "a sign-in name"},
    {"password", LIM_PASSWORD_BYTES_MAX, "bytes", "a password, at most"},
    {"password_min", LIM_PASSWORD_BYTES_MIN, "bytes", "a password, at least"},
    {"room_name", LIM_ROOM_NAME_CHARS_MAX, "characters", "the name of a room"},
    {"topic", LIM_TOPIC_BYTES_MAX, "bytes", "the topic of a room"},
    {"room_members", LIM_ROOM_MEMBERS_MAX, "people", "members of a room"},
    {"user_rooms", LIM_SUBS_MAX, "rooms", "rooms one person is in"},
    {"room_restricted", LIM_ROOM_RESTRICTED_MAX, "people", "muted or banned in a room"},
    {"presence_members", LIM_PRESENCE_MEMBERS_MAX, "people", "above it presence in a room is a count"},
    {"mentions", LIM_MENTIONS_MAX, "people", "called by one message"},
    {"line_emoji", LIM_LINE_EMOJI_MAX, "emoji", "different reactions under a message"},
    {"line_reactions", LIM_LINE_REACTIONS_MAX, "reactions", "under a message"},
    {"sessions", LIM_SESSIONS_MAX, "sign-ins", "open at once for one person; one more ends the least recently used"},
    {"access_token", LIM_ACCESS_TOKEN_S, "seconds", "life of an access token"},
    {"refresh_idle", LIM_REFRESH_IDLE_S, "seconds", "a sign-in that is not used ends after"},
    {"refresh_absolute", LIM_REFRESH_ABSOLUTE_S, "seconds", "any sign-in ends after"},
    {"client_frame", LIM_CLIENT_FRAME_BYTES_MAX, "bytes", "one WebSocket message of a browser"},
    {"http_body", LIM_HTTP_BODY_BYTES_MAX, "bytes", "the body of a request, unless its address says otherwise"},
    {"outbox_frames", LIM_OUTBOX_FRAMES, "frames", "waiting for one browser; then it is told to catch up"},
    {"outbox_bytes", LIM_OUTBOX_BYTES, "bytes", "the same"},
    {"room_pending", LIM_ROOM_PENDING_MAX, "events", "of a room accepted and not yet stored; then it says overloaded"},
    {"link_outbox_frames", LIM_LINK_OUTBOX_FRAMES, "frames", "from one actor to another and not confirmed"},
    {"link_outbox_bytes", LIM_LINK_OUTBOX_BYTES, "bytes", "the same"},
    {"shards", LIM_SHARDS, "shards", "that rooms are hashed to"},
    {"revocation", LIM_REVOCATION_PULL_MS, "ms", "between two looks of an edge at who was signed out"},
};

static json_t *s_option(const struct config_option *option)
{
    static const char *const sources[] = {"default", "file", "environment", "flag"};
    json_t *json = json_pack("{s:s, s:s, s:s, s:s}", "name", option->field, "environment", option->env, "help", option->help,
                             "source", sources[option->source]);
    if (option->is_number) {
        json_object_set_new(json, "value", json_integer(option->number));
        json_object_set_new(json, "default", json_integer(option->def_number));
        json_object_set_new(json, "min", json_integer(option->min));
        json_object_set_new(json, "max", json_integer(option->max));
    } else {
        json_object_set_new(json, "value", json_string(option->text));
        json_object_set_new(json, "default", json_string(option->def_text));
    }
    return json;
}

void http_admin_limits(struct http_conn *conn, const struct http_call *call)
{
    char edge[ADDRESS_TEXT_MAX];
    (void)call;
    address_print(actor_address(conn->edge->actor), edge);
    json_t *options = json_array(), *fixed = json_array();
    for (size_t i = 0; i < CONFIG_OPTIONS; i++) {
        struct config_option option = config_option(conn->edge->config, i);
        json_array_append_new(options, s_option(&option));
    }
    for (size_t i = 0; i < sizeof FIXED / sizeof FIXED[0]; i++)
        json_array_append_new(fixed, json_pack("{s:s, s:I, s:s, s:s}", "name", FIXED[i].name, "value",
                                               (json_int_t)FIXED[i].value, "unit", FIXED[i].unit, "help", FIXED[i].text));
    s_reply_json(conn, json_pack("{s:s, s:s, s:o, s:o}", "type", "limits", "edge", edge, "options", options, "fixed", fixed));
}

/* ---- topology ------------------------------------------------------------------------------------------------- */

static json_t *s_node_name(uint64_t node)
{
    char name[ADDRESS_TEXT_MAX];
    address_print(address_from_node(node), name);
    return json_string(name);
}

static json_t *s_links(list_t list)
{
    json_t *links = json_array();
    struct rec_link_stat link;
    while (rec_link_stat_next(&list, &link))
        json_array_append_new(links, json_pack("{s:o, s:b, s:I, s:I, s:I, s:I, s:I}", "peer", s_node_name(link.peer), "up",
                                               (int)link.up, "sent", (json_int_t)link.sent, "received",
                                               (json_int_t)link.received, "waiting", (json_int_t)link.waiting,
                                               "waiting_bytes", (json_int_t)link.waiting_bytes, "heard_ms",
                                               (json_int_t)link.heard_ms));
    return links;
}

static json_t *s_metrics(list_t list)
{
    enum { HISTOGRAM = 2 };
    json_t *metrics = json_object();
    struct rec_metric_value value;
    while (rec_metric_value_next(&list, &value)) {
        json_t *number = value.type == HISTOGRAM ? json_pack("{s:I, s:I}", "count", (json_int_t)value.value, "sum_us",
                                                             (json_int_t)value.sum_us)
                                                 : json_integer((json_int_t)value.value);
        json_object_setn_new(metrics, (const char *)value.name.bytes, value.name.len, number);
    }
    return metrics;
}

/* Actors of one process tell the same counters: those of its latest report stand for all. */
static void s_add_process(json_t *processes, const struct msg_node_stats *stats, json_int_t age_ms)
{
    size_t i;
    json_t *process, *host = s_text(stats->host);
    json_array_foreach(processes, i, process) {
        bool is_it = json_equal(json_object_get(process, "host"), host) &&
                     json_integer_value(json_object_get(process, "pid")) == (json_int_t)stats->pid;
        if (!is_it)
            continue;
        if (json_integer_value(json_object_get(process, "age_ms")) > age_ms) {
            json_object_set_new(process, "age_ms", json_integer(age_ms));
            json_object_set_new(process, "metrics", s_metrics(stats->metrics));
        }
        json_decref(host);
        return;
    }
    json_array_append_new(processes, json_pack("{s:o, s:I, s:I, s:o}", "host", host, "pid", (json_int_t)stats->pid, "age_ms",
                                               age_ms, "metrics", s_metrics(stats->metrics)));
}

static void s_add_nodes(const struct edge *edge, json_t *nodes, json_t *processes)
{
    int64_t at_ms = 0;
    view_t report;
    struct msg msg;
    for (size_t i = 0; (report = stats_board_nth(edge->board, i, &at_ms)).len; i++) {
        json_int_t age_ms = edge->now_ms > at_ms ? edge->now_ms - at_ms : 0;
        if (age_ms >= FRESH_MS || msg_decode(report, &msg))
            continue;
        const struct msg_node_stats *stats = &msg.as.node_stats;
        json_array_append_new(
            nodes, json_pack("{s:o, s:o, s:I, s:o, s:I, s:I, s:I, s:I, s:o}", "node", s_node_name(stats->node), "host",
                             s_text(stats->host), "pid", (json_int_t)stats->pid, "build", s_text(stats->build), "up_ms",
                             (json_int_t)stats->up_ms, "age_ms", age_ms, "queue", (json_int_t)stats->queue, "sockets",
                             (json_int_t)stats->sockets, "links", s_links(stats->links)));
        s_add_process(processes, stats, age_ms);
    }
}

static void s_reply_topology(struct http_conn *conn)
{
    const struct edge *edge = conn->edge;
    json_t *nodes = json_array(), *processes = json_array(), *owners = json_array(), *epochs = json_array();
    s_add_nodes(edge, nodes, processes);
    for (size_t shard = 0; shard < LIM_SHARDS; shard++) {
        uint64_t epoch;
        address_t owner = links_shard(edge->links, shard, &epoch);
        json_array_append_new(owners, owner ? s_node_name(address_node(owner)) : json_string(""));
        json_array_append_new(epochs, json_integer((json_int_t)epoch));
    }
    s_reply_json(conn, json_pack("{s:s, s:I, s:o, s:o, s:o, s:o}", "type", "topology", "at_ms", (json_int_t)edge->utc_ms,
                                 "nodes", nodes, "processes", processes, "owners", owners, "epochs", epochs));
}

static bool s_on_stats(struct edge *edge, struct ask *ask, const struct answer *answer);

/* The next page of this persist node, or of the next one; none is left: the answer. */
static void s_ask_stats(struct http_conn *conn, uint64_t persist, uint64_t after, uint64_t user)
{
    struct msg msg = {.type = MSG_STATS_GET, .as.stats_get = {.after = after}};
    if (links_persist_at(conn->edge->links, persist) == 0)
        s_reply_topology(conn);
    else
        http_ask(conn, (struct ask_spec){.to = ASK_PERSIST_AT, .done = s_on_stats, .key = persist, .user = user,
                                         .deadline_ms = STATS_ASK_MS}, &msg);
}

/* A persist node that does not answer is left out: what the others know is shown. */
static bool s_on_stats(struct edge *edge, struct ask *ask, const struct answer *answer)
{
    struct http_conn *conn = ask->spec.owner;
    const uint64_t persist = ask->spec.key, user = ask->spec.user;
    uint64_t after = 0;
    bool more = false;
    struct msg msg;
    struct rec_stats_report report;
    conn->ask = NULL;
    if (!answer->err && answer->type == MSG_STATS && !msg_decode(answer->body, &msg)) {
        more = msg.as.stats.more;
        while (rec_stats_report_next(&msg.as.stats.reports, &report)) {
            after = report.node;
            (void)stats_board_put(edge->board, address_from_node(report.node), report.stats,
                                  edge->now_ms - (int64_t)report.age_ms); /* what cannot be read is not shown */
        }
    }
    s_ask_stats(conn, more && after ? persist : persist + 1, more ? after : 0, user);
    return true;
}

void http_admin_topology(struct http_conn *conn, const struct http_call *call)
{
    if (!conn->edge->board)
        conn->edge->board = stats_board_new();
    if (conn->edge->board)
        s_ask_stats(conn, 0, 0, call->identity.user);
    else
        http_problem(conn, ERR_NO_MEMORY, 1000, 0);
}
