#include "actors/runtime/guard.h"

#include <czmq.h>
#include <stdatomic.h>

#include "actors/runtime/log.h"
#include "actors/runtime/metrics.h"
#include "actors/runtime/permits.h"
#include "proto/messages.h"

enum {
    ENFORCE_DOMAIN = 93, /* ZMQ_ZAP_ENFORCE_DOMAIN, which Debian's header hides and its library has */
    SELF_TEST_MS = 3000,
    REFUSALS = ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
               ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL,
};

#define ZAP_DOMAIN "rookery"
#define ZAP_ENDPOINT "inproc://zeromq.zap.01"

static zactor_t *s_zap; /* {the thread of guard_start} */
static atomic_bool s_is_testing; /* what is refused now is our own */

/* ---- the handler ------------------------------------------------------------------------------------------------ */

/* Frames of a request: version, id, domain, address, identity, mechanism, key. Takes them out of the message. */
static void s_answer(zsock_t *zap, zmsg_t *request)
{
    char *version = zmsg_popstr(request), *id = zmsg_popstr(request), *domain = zmsg_popstr(request);
    char *from = zmsg_popstr(request), *identity = zmsg_popstr(request), *mechanism = zmsg_popstr(request);
    zframe_t *key = zmsg_pop(request);
    char node[ADDRESS_TEXT_MAX] = "";
    address_t owner = 0;
    if (key && zframe_size(key) == KEY_CURVE_BYTES && version && streq(version, "1.0") && mechanism &&
        streq(mechanism, "CURVE") && domain && streq(domain, ZAP_DOMAIN))
        owner = keys_owner(zframe_data(key));
    if (owner)
        keys_print_node(owner, node);
    static struct log_gate gate;
    unsigned skipped;
    if (!owner && !s_is_testing && log_gate_open(&gate, 1000, &skipped)) {
        log_text_t text;
        log_warn("a key that is nobody's was refused: from=%s skipped=%u",
                 log_text(text, from ? from : "?", from ? strlen(from) : 1), skipped);
    }
    zstr_sendx(zap, "1.0", id ? id : "", owner ? "200" : "400", owner ? "OK" : "no such key", node, "", NULL);
    zstr_free(&version);
    zstr_free(&id);
    zstr_free(&domain);
    zstr_free(&from);
    zstr_free(&identity);
    zstr_free(&mechanism);
    zframe_destroy(&key);
}

static void s_zap_run(zsock_t *pipe, void *args)
{
    (void)args;
    zsock_t *zap = zsock_new(ZMQ_REP);
    int rc = zap ? zsock_bind(zap, ZAP_ENDPOINT) : -1;
    zsock_signal(pipe, rc < 0);
    zpoller_t *poller = rc < 0 ? NULL : zpoller_new(pipe, zap, NULL);
    while (poller && zpoller_wait(poller, -1) == zap) {
        zmsg_t *request = zmsg_recv(zap);
        if (!request)
            break;
        s_answer(zap, request);
        zmsg_destroy(&request);
    }
    zpoller_destroy(&poller);
    zsock_destroy(&zap);
}

/* ---- the self-test ------------------------------------------------------------------------------------------------ */

static bool s_set(void *socket, int option, const void *value, size_t len)
{
    return zmq_setsockopt(socket, option, value, len) == 0;
}

static bool s_set_int(void *socket, int option, int value)
{
    return s_set(socket, option, &value, sizeof value);
}

static bool s_arm_server(void *socket, const struct key_pair *pair)
{
    return s_set_int(socket, ZMQ_CURVE_SERVER, 1) &&
           s_set(socket, ZMQ_CURVE_SECRETKEY, pair->secret_key, KEY_CURVE_BYTES) &&
           s_set(socket, ZMQ_ZAP_DOMAIN, ZAP_DOMAIN, strlen(ZAP_DOMAIN)) && s_set_int(socket, ENFORCE_DOMAIN, 1);
}

static bool s_arm_client(void *socket, const struct key_pair *pair, const uint8_t server_key[KEY_CURVE_BYTES])
{
    return s_set(socket, ZMQ_CURVE_SERVERKEY, server_key, KEY_CURVE_BYTES) &&
           s_set(socket, ZMQ_CURVE_PUBLICKEY, pair->public_key, KEY_CURVE_BYTES) &&
           s_set(socket, ZMQ_CURVE_SECRETKEY, pair->secret_key, KEY_CURVE_BYTES);
}

static bool s_new_pair(struct key_pair *pair_out)
{
    char public_z85[41], secret_z85[41];
    return zmq_curve_keypair(public_z85, secret_z85) == 0 && zmq_z85_decode(pair_out->public_key, public_z85) &&
           zmq_z85_decode(pair_out->secret_key, secret_z85);
}

static void *s_monitor(void *socket, int events)
{
    char name[64];
    snprintf(name, sizeof name, "inproc://guard-%p", socket);
    if (zmq_socket_monitor(socket, name, events) != 0)
        return NULL;
    zsock_t *monitor = zsock_new(ZMQ_PAIR);
    if (monitor && zmq_connect(zsock_resolve(monitor), name) == 0)
        return monitor;
    zsock_destroy(&monitor);
    return NULL;
}

/* The next event, 0: none within timeout_ms. */
static int s_event(zsock_t *monitor, int timeout_ms)
{
    uint16_t event = 0;
    zmq_pollitem_t item = {.socket = zsock_resolve(monitor), .events = ZMQ_POLLIN};
    if (zmq_poll(&item, 1, timeout_ms) <= 0)
        return 0;
    zmsg_t *msg = zmsg_recv(monitor);
    if (msg && zmsg_first(msg) && zframe_size(zmsg_first(msg)) >= sizeof event)
        memcpy(&event, zframe_data(zmsg_first(msg)), sizeof event);
    zmsg_destroy(&msg);
    return event;
}

/* A server as ours are, and a client with a key that is nobody's. */
static bool s_refuses_strangers(void)
{
    struct key_pair own, stranger;
    zsock_t *server = zsock_new(ZMQ_ROUTER), *client = zsock_new(ZMQ_DEALER);
    zsock_t *monitor = NULL;
    bool ok = server && client && s_new_pair(&own) && s_new_pair(&stranger) &&
              s_arm_server(zsock_resolve(server), &own) &&
              s_arm_client(zsock_resolve(client), &stranger, own.public_key) &&
              (monitor = s_monitor(zsock_resolve(server), REFUSALS | ZMQ_EVENT_HANDSHAKE_SUCCEEDED));
    ok = ok && zsock_bind(server, "tcp://127.0.0.1:*") > 0 &&
         zsock_connect(client, "%s", zsock_endpoint(server)) == 0 &&
         s_event(monitor, SELF_TEST_MS) == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
    if (server)
        zmq_socket_monitor(zsock_resolve(server), NULL, 0);
    zsock_destroy(&client);
    zsock_destroy(&monitor);
    zsock_destroy(&server);
    explicit_bzero(&own, sizeof own);
    return ok;
}

err_t guard_start(const char *keys_dir)
{
    assert(!s_zap);
    err_t err = keys_open(keys_dir);
    if (!err)
        s_zap = zactor_new(s_zap_run, NULL);
    s_is_testing = true;
    bool is_safe = !err && s_zap && s_refuses_strangers();
    s_is_testing = false;
    if (is_safe)
        return ERR_OK;
    log_error("links are not safe: a key of nobody was not refused, so nothing listens and this process ends");
    guard_stop();
    return ERR_INTERNAL;
}

void guard_stop_zap(void)
{
    zactor_destroy(&s_zap);
}

void guard_stop(void)
{
    guard_stop_zap();
    keys_close();
}

/* ---- one socket ----------------------------------------------------------------------------------------------------- */

static err_t s_arm(struct guard *self, void *socket, address_t peer)
{
    err_t err = keys_own(self->own, &self->pair);
    if (!err && !self->is_server)
        err = keys_of(peer, self->server_key);
    if (err)
        return err;
    bool ok = self->is_server ? s_arm_server(socket, &self->pair)
                              : s_arm_client(socket, &self->pair, self->server_key);
    if (ok && self->is_server)
        ok = (self->monitor = s_monitor(socket, REFUSALS | ZMQ_EVENT_DISCONNECTED)) != NULL;
    return ok ? ERR_OK : ERR_INTERNAL;
}

err_t guard_arm(struct guard *self, void *socket, address_t own, address_t peer, const char *endpoint)
{
    *self = (struct guard){.own = own, .is_server = peer == 0};
    if (strncmp(endpoint, "tcp://", 6) != 0 || keys_is_plain())
        return ERR_OK;
    self->is_on = true;
    err_t err = s_arm(self, socket, peer);
    if (err)
        log_error("no tcp without keys: endpoint=%s why=%s", endpoint, err_name(err));
    return err;
}

void guard_fini(struct guard *self, void *socket)
{
    zsock_t *monitor = self->monitor;
    if (monitor)
        zmq_socket_monitor(socket, NULL, 0);
    zsock_destroy(&monitor);
    explicit_bzero(self, sizeof *self);
}

size_t guard_route(const struct guard *self, address_t client, uint8_t route_out[KEY_ROUTE_BYTES])
{
    uint8_t other[KEY_CURVE_BYTES];
    if (!self->is_on) {
        address_t stable = address_stable(client);
        for (int i = 0; i < 8; i++)
            route_out[i] = (uint8_t)(stable >> (56 - 8 * i));
        return 8;
    }
    if (self->is_server && keys_of(client, other))
        return 0;
    return keys_route(client, &self->pair, self->is_server ? other : self->server_key, route_out) ? 0
                                                                                                  : KEY_ROUTE_BYTES;
}

static bool s_refuse(metric_t metric, const char *what, address_t peer, const struct envelope *env)
{
    static struct log_gate gate;
    unsigned skipped;
    metric_add(metric, 1);
    if (log_gate_open(&gate, 1000, &skipped)) {
        char name[ADDRESS_TEXT_MAX];
        address_print(peer, name);
        log_warn("%s: from=%s type=%s skipped=%u", what, name, msg_name(env->type), skipped);
    }
    return false;
}

bool guard_admits(const struct guard *self, void *zmq_msg, address_t peer, const struct envelope *env)
{
    if (!self->is_on)
        return true;
    if (self->is_server) {
        const char *user = zmq_msg_gets(zmq_msg, "User-Id"); /* set by the handler above, for this connection */
        address_t owner;
        if (!user || !*user || !keys_parse_node(user, &owner))
            return s_refuse(METRIC_LINK_FORGED, "a frame without a proven sender", peer, env);
        if (owner != address_stable(peer))
            return s_refuse(METRIC_LINK_FORGED, "a frame under another node's name", owner, env);
    }
    if (!permits_allow(address_role(peer), address_role(self->own), env))
        return s_refuse(METRIC_LINK_FORBIDDEN, "a message its role may not send", peer, env);
    return true;
}

void guard_on_tick(struct guard *self)
{
    int event;
    for (int i = 0; self->monitor && i < 1000 && (event = s_event(self->monitor, 0)); i++)
        metric_add(event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL ? METRIC_LINK_PLAIN
                   : event & REFUSALS                           ? METRIC_LINK_REFUSED
                                                                : METRIC_LINK_ENDED, 1);
}
