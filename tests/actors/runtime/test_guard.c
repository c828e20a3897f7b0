/* Real mailboxes over loopback tcp with keys, and strangers, thieves and liars who come to them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <czmq.h>

#include "actors/runtime/guard.h"
#include "actors/runtime/mailbox.h"
#include "actors/runtime/metrics.h"
#include "actors/runtime/permits.h"

enum { WAIT_MS = 5000, TRY_MS = 400 };

#define ROOM address_make(ROLE_ROOM, 0, 0x1111)
#define EDGE address_make(ROLE_EDGE, 0, 0x2222)
#define THIEF address_make(ROLE_EDGE, 1, 0x3333)

struct world {
    char dir[64];
    mailbox_t *room, *edge;
    size_t room_frames, edge_frames, edge_ups, room_ups, edge_replaced;
    uint16_t last_type;
    int64_t now_ms;
};

/* ---- driving ---------------------------------------------------------------------------------------------------- */

static void s_read(struct world *w, mailbox_t *mailbox, size_t *frames, size_t *ups)
{
    struct mail mail;
    mail_kind_t kind;
    while (mailbox && (kind = mailbox_next(mailbox, w->now_ms, &mail)) != MAIL_EMPTY) {
        if (kind == MAIL_FRAME)
            w->last_type = mail.env.type;
        *frames += kind == MAIL_FRAME;
        *ups += kind == MAIL_EVENT && mail.event == PEER_UP;
        w->edge_replaced += kind == MAIL_EVENT && mail.event == PEER_REPLACED_US && mailbox == w->edge;
    }
    if (mailbox) {
        mailbox_on_tick(mailbox, w->now_ms, true);
        mailbox_flush(mailbox);
    }
}

static void s_turn(struct world *w)
{
    w->now_ms += 10;
    s_read(w, w->room, &w->room_frames, &w->room_ups);
    s_read(w, w->edge, &w->edge_frames, &w->edge_ups);
    zclock_sleep(2);
}

static void s_turns(struct world *w, int64_t ms)
{
    for (int64_t until = zclock_mono() + ms; zclock_mono() < until;)
        s_turn(w);
}

#define AWAIT(w, condition)                                                                          \
    do {                                                                                             \
        int64_t until_ = zclock_mono() + WAIT_MS;                                                    \
        while (!(condition) && zclock_mono() < until_)                                               \
            s_turn(w);                                                                               \
        assert_true(condition);                                                                      \
    } while (0)

static err_t s_send(mailbox_t *from, address_t to, uint16_t type)
{
    struct envelope env = {.type = type, .flags = ENVELOPE_REPLY, .correlation = 1};
    static const uint8_t body[16];
    return mailbox_send(from, to, &env, view_of(body, sizeof body));
}

/* The known edge is served as ever. */
static void s_assert_unharmed(struct world *w)
{
    size_t at_room = w->room_frames, at_edge = w->edge_frames;
    AWAIT(w, s_send(w->edge, ROOM, MSG_ROOM_POST) == ERR_OK);
    AWAIT(w, w->room_frames > at_room);
    assert_int_equal(s_send(w->room, EDGE, MSG_EVENT), ERR_OK);
    AWAIT(w, w->edge_frames > at_edge);
}

static const char *s_room_endpoint(const struct world *w)
{
    return mailbox_endpoint(w->room);
}

static int s_setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    *state = w;
    w->now_ms = 1000000;
    snprintf(w->dir, sizeof w->dir, "/tmp/rookery-keys-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    static const char *const nodes[] = {"room-0", "edge-0", "edge-1", "persist-0"};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(keys_make(w->dir, nodes[i]), ERR_OK);
    assert_int_equal(guard_start(w->dir), ERR_OK);
    w->room = mailbox_bind(ROOM, "tcp://127.0.0.1:*", w->now_ms);
    assert_non_null(w->room);
    w->edge = mailbox_connect(EDGE, ROOM, s_room_endpoint(w), w->now_ms);
    assert_non_null(w->edge);
    AWAIT(w, w->edge_ups == 1 && w->room_ups == 1);
    return 0;
}

static int s_teardown(void **state)
{
    struct world *w = *state;
    mailbox_destroy(&w->edge);
    mailbox_destroy(&w->room);
    guard_stop();
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", w->dir);
    int rc = system(command);
    free(w);
    return rc;
}

/* ---- raw peers -------------------------------------------------------------------------------------------------- */

static void s_set_key(void *raw, int option, const uint8_t key[KEY_CURVE_BYTES])
{
    assert_int_equal(zmq_setsockopt(raw, option, key, KEY_CURVE_BYTES), 0);
}

/* A DEALER with this pair's key and this routing id, connected to the room. */
static zsock_t *s_raw(const struct world *w, const struct key_pair *pair, const uint8_t *route, size_t route_len)
{
    uint8_t server[KEY_CURVE_BYTES];
    zsock_t *raw = zsock_new(ZMQ_DEALER);
    void *socket = zsock_resolve(raw);
    if (pair) {
        assert_int_equal(keys_of(ROOM, server), ERR_OK);
        s_set_key(socket, ZMQ_CURVE_SERVERKEY, server);
        s_set_key(socket, ZMQ_CURVE_PUBLICKEY, pair->public_key);
        s_set_key(socket, ZMQ_CURVE_SECRETKEY, pair->secret_key);
    }
    if (route)
        assert_int_equal(zmq_setsockopt(socket, ZMQ_ROUTING_ID, route, route_len), 0);
    assert_int_equal(zmq_connect(socket, s_room_endpoint(w)), 0);
    return raw;
}

static struct key_pair s_own(address_t node)
{
    struct key_pair pair;
    assert_int_equal(keys_own(node, &pair), ERR_OK);
    return pair;
}

static void s_route_of(address_t node, uint8_t route_out[KEY_ROUTE_BYTES])
{
    struct key_pair pair = s_own(node);
    uint8_t server[KEY_CURVE_BYTES];
    assert_int_equal(keys_of(ROOM, server), ERR_OK);
    assert_int_equal(keys_route(node, &pair, server, route_out), ERR_OK);
}

/* A frame with `from` in its envelope. */
static void s_raw_send_as(zsock_t *raw, address_t from, uint16_t type, uint64_t number, uint32_t version)
{
    uint8_t frame[ENVELOPE_BYTES + 64] = {0};
    size_t len = 8;
    struct envelope env = {.type = type, .from = from, .link_seq = number};
    envelope_write(&env, frame);
    if (type == MSG_LINK_HELLO) {
        buffer_t body;
        buffer_init(&body, 64);
        struct msg msg = {.type = MSG_LINK_HELLO};
        msg.as.link_hello.version = version;
        msg.as.link_hello.nonce = address_nonce(from);
        assert_int_equal(msg_encode(&msg, &body), ERR_OK);
        memcpy(frame + ENVELOPE_BYTES, body.bytes, body.len);
        len = body.len;
        buffer_fini(&body);
    }
    assert_true(zmq_send(zsock_resolve(raw), frame, ENVELOPE_BYTES + len, 0) > 0);
}

static void s_raw_send(zsock_t *raw, address_t from, uint16_t type, uint64_t number)
{
    s_raw_send_as(raw, from, type, number, PROTO_VERSION);
}

/* ---- who comes in ------------------------------------------------------------------------------------------------ */

static void test_known_nodes_talk_both_ways(void **state)
{
    int64_t refused = metric_value(METRIC_LINK_REFUSED);
    s_assert_unharmed(*state);
    assert_int_equal(metric_value(METRIC_LINK_REFUSED), refused);
}

static void test_a_client_without_keys_is_refused_and_counted(void **state)
{
    struct world *w = *state;
    int64_t plain = metric_value(METRIC_LINK_PLAIN);
    zsock_t *raw = s_raw(w, NULL, NULL, 0);
    s_raw_send(raw, EDGE, MSG_LINK_HELLO, 0);
    AWAIT(w, metric_value(METRIC_LINK_PLAIN) > plain);
    assert_int_equal(w->room_ups, 1);
    s_assert_unharmed(w);
    zsock_destroy(&raw);
}

static void test_a_key_of_nobody_is_refused_and_counted(void **state)
{
    struct world *w = *state;
    char public_z85[41], secret_z85[41];
    struct key_pair pair;
    assert_int_equal(zmq_curve_keypair(public_z85, secret_z85), 0);
    zmq_z85_decode(pair.public_key, public_z85);
    zmq_z85_decode(pair.secret_key, secret_z85);
    int64_t refused = metric_value(METRIC_LINK_REFUSED);
    zsock_t *raw = s_raw(w, &pair, NULL, 0);
    s_raw_send(raw, EDGE, MSG_LINK_HELLO, 0);
    AWAIT(w, metric_value(METRIC_LINK_REFUSED) > refused);
    assert_int_equal(w->room_ups, 1);
    s_assert_unharmed(w);
    zsock_destroy(&raw);
}

static void test_a_key_that_is_taken_away_opens_nothing_any_more(void **state)
{
    struct world *w = *state;
    struct key_pair pair = s_own(THIEF);
    char path[128];
    snprintf(path, sizeof path, "%s/edge-1.public", w->dir);
    assert_int_equal(unlink(path), 0);
    zclock_sleep(250); /* the list is read again after 200 ms */
    int64_t refused = metric_value(METRIC_LINK_REFUSED);
    zsock_t *raw = s_raw(w, &pair, NULL, 0);
    AWAIT(w, metric_value(METRIC_LINK_REFUSED) > refused);
    zsock_destroy(&raw);
}

static void test_without_its_zap_handler_nobody_comes_in(void **state)
{
    struct world *w = *state;
    guard_stop_zap();
    struct key_pair pair = s_own(THIEF);
    uint8_t route[KEY_ROUTE_BYTES];
    s_route_of(THIEF, route);
    int64_t refused = metric_value(METRIC_LINK_REFUSED);
    zsock_t *raw = s_raw(w, &pair, route, sizeof route);
    s_raw_send(raw, THIEF, MSG_LINK_HELLO, 0);
    s_turns(w, TRY_MS);
    assert_int_equal(w->room_ups, 1);
    AWAIT(w, metric_value(METRIC_LINK_REFUSED) > refused);
    s_assert_unharmed(w); /* who is in stays */
    zsock_destroy(&raw);
}

static void test_frames_over_the_bound_are_counted_and_absurd_ones_end_their_connection_alone(void **state)
{
    struct world *w = *state;
    enum { MOST = LIM_LINK_FRAME_BYTES_MAX, ABSURD = 2 * LIM_LINK_FRAME_BYTES_MAX };
    struct key_pair pair = s_own(THIEF);
    uint8_t route[KEY_ROUTE_BYTES];
    s_route_of(THIEF, route);
    zsock_t *raw = s_raw(w, &pair, route, sizeof route);
    s_raw_send(raw, THIEF, MSG_LINK_HELLO, 0);
    AWAIT(w, w->room_ups == 2);
    int64_t ended = metric_value(METRIC_LINK_ENDED), large = metric_value(METRIC_LINK_TOO_LARGE);
    size_t frames = w->room_frames;
    uint8_t *bytes = calloc(1, ABSURD);
    struct envelope env = {.type = MSG_ROOM_POST, .from = THIEF, .link_seq = 1};
    envelope_write(&env, bytes);
    assert_true(zmq_send(zsock_resolve(raw), bytes, MOST, 0) > 0); /* at the bound, and longer with its seal */
    AWAIT(w, w->room_frames == frames + 1);
    assert_int_equal(metric_value(METRIC_LINK_TOO_LARGE), large);
    assert_true(zmq_send(zsock_resolve(raw), bytes, MOST + 1, 0) > 0);
    AWAIT(w, metric_value(METRIC_LINK_TOO_LARGE) == large + 1);
    assert_int_equal(w->room_frames, frames + 1);
    assert_int_equal(metric_value(METRIC_LINK_ENDED), ended);
    assert_true(zmq_send(zsock_resolve(raw), bytes, ABSURD, 0) > 0);
    AWAIT(w, metric_value(METRIC_LINK_ENDED) > ended);
    assert_int_equal(w->room_frames, frames + 1);
    free(bytes);
    s_assert_unharmed(w);
    zsock_destroy(&raw);
}

static void test_a_hello_of_another_version_is_refused_and_counted(void **state)
{
    struct world *w = *state;
    struct key_pair pair = s_own(THIEF);
    uint8_t route[KEY_ROUTE_BYTES];
    s_route_of(THIEF, route);
    int64_t versions = metric_value(METRIC_LINK_VERSIONS);
    zsock_t *raw = s_raw(w, &pair, route, sizeof route);
    s_raw_send_as(raw, THIEF, MSG_LINK_HELLO, 0, PROTO_VERSION + 1);
    AWAIT(w, metric_value(METRIC_LINK_VERSIONS) == versions + 1);
    assert_int_equal(w->room_ups, 1);
    s_assert_unharmed(w);
    zsock_destroy(&raw);
}

/* ---- under which name ---------------------------------------------------------------------------------------------- */

static void test_a_node_cannot_take_anothers_routing_id(void **state)
{
    struct world *w = *state;
    struct key_pair pair = s_own(THIEF);
    uint8_t server[KEY_CURVE_BYTES], theirs[KEY_ROUTE_BYTES], wanted[KEY_ROUTE_BYTES];
    s_route_of(EDGE, wanted);
    assert_int_equal(keys_of(ROOM, server), ERR_OK);
    assert_int_equal(keys_route(EDGE, &pair, server, theirs), ERR_OK); /* all that it can compute */
    assert_memory_not_equal(theirs, wanted, sizeof wanted);
    int64_t forged = metric_value(METRIC_LINK_FORGED);
    zsock_t *raw = s_raw(w, &pair, theirs, sizeof theirs);
    s_raw_send(raw, EDGE, MSG_LINK_HELLO, 0);
    AWAIT(w, metric_value(METRIC_LINK_FORGED) > forged);
    s_assert_unharmed(w); /* what is for the edge still goes to the edge */
    int wait_ms = 50;
    uint8_t bytes[256];
    zmq_setsockopt(zsock_resolve(raw), ZMQ_RCVTIMEO, &wait_ms, sizeof wait_ms);
    assert_int_equal(zmq_recv(zsock_resolve(raw), bytes, sizeof bytes, 0), -1);
    zsock_destroy(&raw);
}

/* Even one who had learned the id (it would have to have the other's secret) is not believed: the frames it sends are
 * its key's. */
static void test_frames_under_a_stolen_routing_id_are_refused_and_the_owner_comes_back(void **state)
{
    struct world *w = *state;
    struct key_pair pair = s_own(THIEF);
    uint8_t stolen[KEY_ROUTE_BYTES];
    s_route_of(EDGE, stolen);
    int64_t forged = metric_value(METRIC_LINK_FORGED);
    size_t frames = w->room_frames;
    zsock_t *raw = s_raw(w, &pair, stolen, sizeof stolen);
    s_raw_send(raw, EDGE, MSG_LINK_HELLO, 0);
    s_raw_send(raw, EDGE, MSG_ROOM_POST, 1);
    AWAIT(w, metric_value(METRIC_LINK_FORGED) >= forged + 1);
    assert_int_equal(w->room_frames, frames);
    zsock_destroy(&raw);
    AWAIT(w, w->edge_ups == 2); /* taken for down after 4 s of its clock, and connected anew */
    s_assert_unharmed(w);
}

/* A second process with the edge's name and key comes. They must not take turns: the first one is told to end, by name of
 * its boot, and the second is served. */
static void test_of_two_processes_under_one_name_the_earlier_is_told_to_end(void **state)
{
    struct world *w = *state;
    enum { LATER_NONCE = 0x2299, ROUNDS_MAX = 4000 };
    int64_t doubles = metric_value(METRIC_LINK_DOUBLES);
    size_t later_frames = 0, later_ups = 0;
    mailbox_t *later = mailbox_connect(address_make(ROLE_EDGE, 0, LATER_NONCE), ROOM, s_room_endpoint(w), w->now_ms);
    assert_non_null(later);
    for (int i = 0; i < ROUNDS_MAX && w->edge_replaced == 0; i++) { /* the first is muted until it connects again, after 4 s */
        s_turn(w);
        s_read(w, later, &later_frames, &later_ups);
    }
    assert_int_equal(w->edge_replaced, 1);
    assert_int_equal(w->room_ups, 2);
    assert_true(metric_value(METRIC_LINK_DOUBLES) > doubles);
    mailbox_destroy(&w->edge); /* as its process does */
    size_t at_room = w->room_frames, ups = later_ups;
    for (int i = 0; i < ROUNDS_MAX && (later_ups == ups || w->room_frames == at_room); i++) { /* muted meanwhile: again 4 s */
        s_turn(w);
        s_read(w, later, &later_frames, &later_ups);
        if (later_ups > ups && i % 50 == 0)
            (void)s_send(later, ROOM, MSG_ROOM_POST);
    }
    assert_true(w->room_frames > at_room);
    mailbox_destroy(&later);
}

static void test_an_envelope_in_anothers_name_is_refused(void **state)
{
    struct world *w = *state;
    struct key_pair pair = s_own(THIEF);
    uint8_t route[KEY_ROUTE_BYTES];
    s_route_of(THIEF, route);
    int64_t bad = metric_value(METRIC_LINK_BAD_FRAMES);
    zsock_t *raw = s_raw(w, &pair, route, sizeof route);
    s_raw_send(raw, EDGE, MSG_LINK_HELLO, 0);
    AWAIT(w, metric_value(METRIC_LINK_BAD_FRAMES) > bad);
    assert_int_equal(w->room_ups, 1);
    zsock_destroy(&raw);
}

static void test_an_own_name_under_a_free_routing_id_is_refused(void **state)
{
    struct world *w = *state;
    struct key_pair pair = s_own(THIEF);
    uint8_t route[KEY_ROUTE_BYTES];
    s_route_of(THIEF, route);
    route[KEY_ROUTE_BYTES - 1] ^= 1;
    int64_t bad = metric_value(METRIC_LINK_BAD_FRAMES);
    zsock_t *raw = s_raw(w, &pair, route, sizeof route);
    s_raw_send(raw, THIEF, MSG_LINK_HELLO, 0);
    AWAIT(w, metric_value(METRIC_LINK_BAD_FRAMES) > bad);
    assert_int_equal(w->room_ups, 1);
    zsock_destroy(&raw);
}

/* ---- what it may say ----------------------------------------------------------------------------------------------- */

static void test_a_message_its_role_may_not_send_is_refused_and_counted(void **state)
{
    struct world *w = *state;
    int64_t forbidden = metric_value(METRIC_LINK_FORBIDDEN);
    size_t frames = w->room_frames;
    assert_int_equal(s_send(w->edge, ROOM, MSG_STORE_APPENDED), ERR_OK);
    AWAIT(w, metric_value(METRIC_LINK_FORBIDDEN) == forbidden + 1);
    assert_int_equal(w->room_frames, frames);
    s_assert_unharmed(w);
}

static bool s_allows(role_t from, role_t to, uint16_t type)
{
    struct envelope env = {.type = type, .from = address_make(from, 0, 1)};
    return permits_allow(from, to, &env);
}

static void test_roles_may_send_what_is_theirs_only(void **state)
{
    (void)state;
    assert_true(s_allows(ROLE_EDGE, ROLE_ROOM, MSG_ROOM_POST));
    assert_true(s_allows(ROLE_EDGE, ROLE_ACCOUNTS, MSG_AUTH_LOGIN));
    assert_true(s_allows(ROLE_ROOM, ROLE_PERSIST, MSG_STORE_APPEND));
    assert_true(s_allows(ROLE_ROOM, ROLE_ROOM, MSG_INBOX_MEMBER));
    assert_true(s_allows(ROLE_ACCOUNTS, ROLE_PERSIST, MSG_STORE_USER_ADD));
    assert_true(s_allows(ROLE_PERSIST, ROLE_EDGE, MSG_PAGE));
    static const uint16_t not_of_edges[] = {MSG_STORE_APPEND, MSG_STORE_READS, MSG_DIR_TAKE, MSG_DIR_RELEASE,
                                            MSG_DIR_KEY_ADD, MSG_STORE_USER_ADD, MSG_STORE_USER_BY_NAME,
                                            MSG_STORE_PASSWORD_SET, MSG_STORE_SESSION_ADD, MSG_STORE_PAGE_GET,
                                            MSG_STORE_MEMBERS_GET};
    for (size_t i = 0; i < sizeof not_of_edges / sizeof not_of_edges[0]; i++)
        assert_false(s_allows(ROLE_EDGE, ROLE_PERSIST, not_of_edges[i]));
    assert_false(s_allows(ROLE_EDGE, ROLE_ROOM, MSG_INBOX_MEMBER));
    assert_false(s_allows(ROLE_ROOM, ROLE_PERSIST, MSG_STORE_SESSION_ADD));
    assert_false(s_allows(ROLE_ROOM, ROLE_PERSIST, MSG_DIR_KEY_ADD));
    assert_false(s_allows(ROLE_ACCOUNTS, ROLE_PERSIST, MSG_STORE_APPEND));
    assert_false(s_allows(ROLE_EDGE, ROLE_EDGE, MSG_EVENT));
    assert_false(s_allows(ROLE_NONE, ROLE_PERSIST, MSG_LINK_HELLO));
    assert_false(s_allows(ROLE_EDGE, ROLE_ROOM, 0x7FFF));
}

static void test_every_message_between_actors_has_a_sender(void **state)
{
    (void)state;
    for (unsigned type = 1; type <= 0x7FFF; type++) {
        bool any = false;
        for (int from = ROLE_EDGE; from <= ROLE_ACCOUNTS; from++)
            for (int to = ROLE_EDGE; to <= ROLE_ACCOUNTS; to++)
                any = any || s_allows((role_t)from, (role_t)to, (uint16_t)type);
        assert_int_equal(any, msg_may_send((uint16_t)type, LINK));
    }
}

static void test_only_a_room_asks_in_anothers_name(void **state)
{
    (void)state;
    struct envelope env = {.type = MSG_STORE_PAGE_GET, .from = ROOM, .reply_to = EDGE};
    assert_true(permits_allow(ROLE_ROOM, ROLE_PERSIST, &env));
    env = (struct envelope){.type = MSG_STORE_USERS_GET, .from = EDGE, .reply_to = THIEF};
    assert_false(permits_allow(ROLE_EDGE, ROLE_PERSIST, &env));
    env.reply_to = EDGE;
    assert_true(permits_allow(ROLE_EDGE, ROLE_PERSIST, &env));
}

/* ---- keys ------------------------------------------------------------------------------------------------------------ */

static void test_key_files_are_private_and_never_overwritten(void **state)
{
    struct world *w = *state;
    char path[128];
    struct stat secret, public;
    snprintf(path, sizeof path, "%s/edge-0.secret", w->dir);
    assert_int_equal(stat(path, &secret), 0);
    snprintf(path, sizeof path, "%s/edge-0.public", w->dir);
    assert_int_equal(stat(path, &public), 0);
    assert_int_equal(secret.st_mode & 0777, 0600);
    assert_int_equal(public.st_mode & 0777, 0644);
    struct key_pair before = s_own(EDGE);
    assert_int_equal(keys_make(w->dir, "edge-0"), ERR_CONFLICT);
    assert_memory_equal(before.secret_key, s_own(EDGE).secret_key, KEY_CURVE_BYTES);
    static const char *const not_nodes[] = {"edge", "edge-", "edge-00", "edge/0", "browser-0", "../edge-0", ""};
    for (size_t i = 0; i < sizeof not_nodes / sizeof not_nodes[0]; i++)
        assert_int_equal(keys_make(w->dir, not_nodes[i]), ERR_OUT_OF_RANGE);
}

static void test_a_secret_whose_public_half_is_missing_gets_the_same_again(void **state)
{
    struct world *w = *state;
    char path[128];
    uint8_t before[KEY_CURVE_BYTES], after[KEY_CURVE_BYTES];
    assert_int_equal(keys_of(EDGE, before), ERR_OK);
    snprintf(path, sizeof path, "%s/edge-0.public", w->dir);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(keys_make(w->dir, "edge-0"), ERR_OK);
    assert_int_equal(keys_of(EDGE, after), ERR_OK);
    assert_memory_equal(before, after, sizeof after);
}

static void test_tcp_without_a_key_of_its_own_is_refused(void **state)
{
    struct world *w = *state;
    assert_null(mailbox_bind(address_make(ROLE_ROOM, 7, 1), "tcp://127.0.0.1:*", w->now_ms));
    assert_null(mailbox_connect(EDGE, address_make(ROLE_ROOM, 7, 0), s_room_endpoint(w), w->now_ms));
    keys_close();
    assert_null(mailbox_bind(ROOM, "tcp://127.0.0.1:*", w->now_ms));
    assert_int_equal(keys_open(w->dir), ERR_OK);
}

/* The handler's place is taken by one that lets everybody in. */
static void test_the_self_test_finds_a_handler_that_lets_strangers_in(void **state)
{
    struct world *w = *state;
    mailbox_destroy(&w->edge);
    mailbox_destroy(&w->room);
    guard_stop();
    zclock_sleep(500); /* ØMQ gives the handler's address back a moment after the close; zauth insists on it */
    zactor_t *careless = zactor_new(zauth, NULL);
    zstr_sendx(careless, "CURVE", CURVE_ALLOW_ANY, NULL);
    zsock_wait(careless);
    assert_int_equal(guard_start(w->dir), ERR_INTERNAL);
    assert_false(keys_are_open());
    zactor_destroy(&careless);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, s_setup, s_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(test_known_nodes_talk_both_ways),
        IN_WORLD(test_a_client_without_keys_is_refused_and_counted),
        IN_WORLD(test_a_key_of_nobody_is_refused_and_counted),
        IN_WORLD(test_a_key_that_is_taken_away_opens_nothing_any_more),
        IN_WORLD(test_without_its_zap_handler_nobody_comes_in),
        IN_WORLD(test_frames_over_the_bound_are_counted_and_absurd_ones_end_their_connection_alone),
        IN_WORLD(test_a_hello_of_another_version_is_refused_and_counted),
        IN_WORLD(test_of_two_processes_under_one_name_the_earlier_is_told_to_end),
        IN_WORLD(test_a_node_cannot_take_anothers_routing_id),
        IN_WORLD(test_frames_under_a_stolen_routing_id_are_refused_and_the_owner_comes_back),
        IN_WORLD(test_an_envelope_in_anothers_name_is_refused),
        IN_WORLD(test_an_own_name_under_a_free_routing_id_is_refused),
        IN_WORLD(test_a_message_its_role_may_not_send_is_refused_and_counted),
        cmocka_unit_test(test_roles_may_send_what_is_theirs_only),
        cmocka_unit_test(test_every_message_between_actors_has_a_sender),
        cmocka_unit_test(test_only_a_room_asks_in_anothers_name),
        IN_WORLD(test_key_files_are_private_and_never_overwritten),
        IN_WORLD(test_a_secret_whose_public_half_is_missing_gets_the_same_again),
        IN_WORLD(test_tcp_without_a_key_of_its_own_is_refused),
        IN_WORLD(test_the_self_test_finds_a_handler_that_lets_strangers_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
