#include "edge/ws.h"

#include <stdlib.h>
#include <strings.h>

#include "edge/assembly.h"
#include "edge/session.h"

enum {
    RX_BYTES = 256,             /* lws's receive buffer of each socket; longer messages are put together here */
    TX_BYTES = 1024 * 1024,     /* not less than the largest write, else lws cuts it */
    HEADER_BYTES = LIM_HTTP_HEADERS_BYTES_MAX + 1024,
    HANDSHAKE_S = 5,
};

/* Between adoption and the end of the handshake; then the session has it all. */
struct guest {
    budget_address_t address;
    bool seen;
};

struct socket_data { /* lws's per-session data */
    struct session *session;
};

static struct edge *s_edge(struct lws *wsi)
{
    return lws_context_user(lws_get_context(wsi));
}

/* What CONFIRM_UPGRADE is for: 0 lets the upgrade happen. Its `in` may dangle (CVE-2025-11677) and is never read. */
static int s_confirm_upgrade(struct lws *wsi)
{
    char upgrade[16] = "";
    int len = lws_hdr_copy(wsi, upgrade, sizeof upgrade, WSI_TOKEN_UPGRADE);
    return len > 0 && strcasecmp(upgrade, "websocket") == 0 ? 0 : -1;
}

static view_t s_header(struct lws *wsi, enum lws_token_indexes token, char *text, size_t size)
{
    int len = lws_hdr_copy(wsi, text, (int)size, token);
    return view_of(text, len > 0 ? (size_t)len : 0);
}

static int s_filter(struct lws *wsi)
{
    char origin[AUTH_ORIGIN_BYTES_MAX + 1], host[AUTH_ORIGIN_BYTES_MAX + 1], path[8];
    struct auth_request request = {
        .origin = s_header(wsi, WSI_TOKEN_ORIGIN, origin, sizeof origin),
        .host = s_header(wsi, WSI_TOKEN_HOST, host, sizeof host),
    };
    bool too_long = request.origin.len == 0 && lws_hdr_total_length(wsi, WSI_TOKEN_ORIGIN) > 0;
    auth_origin_t kind = AUTH_ORIGIN_NONE;
    bool ok = view_is_equal(s_header(wsi, WSI_TOKEN_GET_URI, path, sizeof path), view_of_text("/ws")) && !too_long &&
              lws_get_protocol(wsi)->id != 0 && !auth_origin_check(&s_edge(wsi)->origins, &request, &kind);
    return ok ? 0 : -1;
}

static void s_release(struct edge *edge, budget_address_t address)
{
    if (address)
        budget_release(edge->holds, address);
}

static void s_drop_guest(struct lws *wsi)
{
    struct guest *guest = lws_get_opaque_user_data(wsi);
    if (!guest)
        return;
    lws_set_opaque_user_data(wsi, NULL);
    s_release(s_edge(wsi), guest->address);
    free(guest);
}

static int s_on_established(struct lws *wsi, struct socket_data *data)
{
    struct guest *guest = lws_get_opaque_user_data(wsi);
    struct edge *edge = s_edge(wsi);
    if (!guest)
        return -1;
    data->session = session_new(edge, wsi, lws_get_protocol(wsi)->id == 2, guest->address);
    if (!data->session)
        return -1; /* the hold goes with the wsi */
    lws_set_opaque_user_data(wsi, NULL); /* it is the session's now */
    free(guest);
    return 0;
}

static void s_on_receive(struct lws *wsi, struct session *session, const uint8_t *bytes, size_t len)
{
    view_t message;
    buffer_t *whole;
    if (session->state == SESSION_CLOSING)
        return;
    if ((lws_frame_is_binary(wsi) != 0) == session->viewer.json) {
        session_on_bad_type(session);
        return;
    }
    switch (assembly_add(&session->assembly, view_of(bytes, len), lws_remaining_packet_payload(wsi),
                         lws_is_final_fragment(wsi), &message, &whole)) {
    case ASSEMBLY_WHOLE:
        session_on_message(session, message);
        assembly_drop(&whole);
        break;
    case ASSEMBLY_TOO_LARGE:
        session_on_too_large(session);
        break;
    case ASSEMBLY_MORE:
        break;
    }
}

static int s_on_peer_close(struct session *session)
{
    bool ours = session->state == SESSION_CLOSING; /* this answers our close frame: the end */
    session_on_peer_close(session);
    return ours ? -1 : 0;
}

static int s_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    struct socket_data *data = user;
    struct session *session = data ? data->session : NULL;
    switch (reason) {
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return s_confirm_upgrade(wsi);
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        return s_filter(wsi);
    case LWS_CALLBACK_ESTABLISHED:
        return s_on_established(wsi, data);
    case LWS_CALLBACK_RECEIVE:
        if (session)
            s_on_receive(wsi, session, in, len);
        return 0;
    case LWS_CALLBACK_RECEIVE_PONG:
        if (session)
            session_on_alive(session);
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        if (session) {
            session_on_alive(session); /* a slow reader that reads is alive */
            session_flush(session);
        }
        return 0;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        return session ? s_on_peer_close(session) : -1;
    case LWS_CALLBACK_CLOSED:
        if (session)
            session->wsi = NULL;
        if (data)
            session_free(&data->session);
        return 0;
    case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED: {
        struct guest *guest = lws_get_opaque_user_data(wsi);
        if (guest)
            guest->seen = true;
        return 0;
    }
    case LWS_CALLBACK_WSI_DESTROY:
        s_drop_guest(wsi);
        return 0;
    case LWS_CALLBACK_HTTP: /* nothing but upgrades is given to lws */
    case LWS_CALLBACK_RAW_ADOPT:
    case LWS_CALLBACK_RAW_RX:
        return -1;
    default:
        return 0;
    }
}

static const struct lws_protocols s_protocols[] = {
    {.name = "http", .callback = s_callback, .id = 0, .rx_buffer_size = RX_BYTES, .tx_packet_size = TX_BYTES},
    {.name = WS_PROTOCOL_MSGPACK, .callback = s_callback, .per_session_data_size = sizeof(struct socket_data),
     .rx_buffer_size = RX_BYTES, .id = 1, .tx_packet_size = TX_BYTES},
    {.name = WS_PROTOCOL_JSON, .callback = s_callback, .per_session_data_size = sizeof(struct socket_data),
     .rx_buffer_size = RX_BYTES, .id = 2, .tx_packet_size = TX_BYTES},
    {0},
};

/* No timers of lws per socket: they sit in one sorted list. Ours is a sweep. */
static const lws_retry_bo_t s_no_retry = {0};

err_t ws_open(struct edge *edge)
{
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .protocols = s_protocols,
        .user = edge,
        .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
        .retry_and_idle_policy = &s_no_retry,
        .timeout_secs = HANDSHAKE_S,
        .keepalive_timeout = HANDSHAKE_S,
        .max_http_header_data = HEADER_BYTES,
        .alpn = "http/1.1",
        .server_string = "rookery",
        .vhost_name = "rookery",
    };
    struct lws_context *context = loop_open_lws(edge->loop, &info);
    if (!context)
        return ERR_INTERNAL;
    edge->vhost = lws_create_vhost(context, &info);
    return edge->vhost ? ERR_OK : ERR_INTERNAL;
}

void ws_adopt(struct edge *edge, int fd, budget_address_t address)
{
    struct guest *guest = calloc(1, sizeof *guest);
    if (!guest) {
        s_release(edge, address);
        close(fd);
        return;
    }
    guest->address = address;
    lws_adopt_desc_t desc = {
        .vh = edge->vhost,
        .type = LWS_ADOPT_SOCKET | LWS_ADOPT_HTTP,
        .fd = {.sockfd = fd},
        .opaque = guest,
    };
    if (!lws_adopt_descriptor_vhost_via_info(&desc) && !guest->seen) {
        /* No wsi came to be that could give it back; lws has closed the fd. */
        s_release(edge, address);
        free(guest);
    }
}
