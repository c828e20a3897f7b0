/* WebSockets of a running edge: hello, order, refusals, both subprotocols. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "edge/ws.h"
#include "edge_world.h"
#include "proto/close.h"
#include "raw_client.h"

static struct world *s_world;

static int s_start(void **state)
{
    (void)state;
    s_world = world_start(NULL);
    return 0;
}

static int s_end(void **state)
{
    (void)state;
    world_stop(s_world);
    return 0;
}

static struct raw s_sign_in(uint64_t user)
{
    return ws_sign_in(world_port(s_world), world_token(user, user + 1000000, 600));
}

static struct raw s_open(const char *protocol)
{
    struct raw raw = raw_connect(world_port(s_world));
    assert_int_equal(101, ws_handshake(&raw, protocol, NULL));
    assert_true(ws_next(&raw, RAW_WAIT_MS) != 0); /* hi */
    return raw;
}

static void test_hi_comes_first_and_nothing_before_hello(void **state)
{
    (void)state;
    struct raw raw = raw_connect(world_port(s_world));
    struct msg msg;
    assert_int_equal(101, ws_handshake(&raw, WS_PROTOCOL_MSGPACK, NULL));
    assert_int_equal(MSG_HI, ws_next_msg(&raw, &msg, RAW_WAIT_MS));
    assert_int_equal(PROTO_VERSION, msg.as.hi.version);
    assert_int_equal(LIM_HELLO_MS, msg.as.hi.hello_ms);
    world_say(s_world, WORLD_ROOM, 1, 10);
    assert_int_equal(MSG_NONE, ws_next_msg(&raw, &msg, 300));
    raw_close(&raw);
}

static void test_other_messages_before_hello_close_the_socket(void **state)
{
    (void)state;
    struct raw raw = s_open(WS_PROTOCOL_MSGPACK);
    int posts = world_seen(s_world).posts;
    ws_post(&raw, WORLD_ROOM, 1, "x");
    struct msg msg;
    assert_int_equal(MSG_ERR, ws_next_msg(&raw, &msg, RAW_WAIT_MS));
    assert_int_equal(ERR_UNEXPECTED, msg.as.err.code);
    assert_int_equal(CLOSE_BAD_FRAME, ws_next_close(&raw, RAW_WAIT_MS));
    assert_int_equal(posts, world_seen(s_world).posts);
    raw_close(&raw);
}

static void test_socket_without_hello_is_closed_after_5_s(void **state)
{
    (void)state;
    struct raw raw = s_open(WS_PROTOCOL_JSON);
    assert_int_equal(0, ws_next_close(&raw, 4500));
    assert_int_equal(CLOSE_HELLO_TIMEOUT, ws_next_close(&raw, 3000));
    assert_true(raw_is_closed(&raw, 4000)); /* our close is not answered, and nothing else happens at this edge */
    raw_close(&raw);
}

static int s_hello_close(const char *token, uint32_t version, err_t *code_out)
{
    struct raw raw = s_open(WS_PROTOCOL_MSGPACK);
    struct msg hello = {.type = MSG_HELLO, .as.hello = {.version = version, .token = view_of_text(token),
                                                        .device = view_of_text("")}}, msg;
    ws_send(&raw, &hello);
    assert_int_equal(MSG_ERR, ws_next_msg(&raw, &msg, RAW_WAIT_MS));
    *code_out = msg.as.err.code;
    int code = ws_next_close(&raw, RAW_WAIT_MS);
    raw_close(&raw);
    return code;
}

static void test_bad_hellos_say_why_and_close(void **state)
{
    (void)state;
    err_t code;
    assert_int_equal(CLOSE_AUTH, s_hello_close("nonsense", PROTO_VERSION, &code));
    assert_int_equal(ERR_UNAUTHORIZED, code);
    assert_int_equal(CLOSE_TOKEN_EXPIRED, s_hello_close(world_token(1, 2, -5), PROTO_VERSION, &code));
    assert_int_equal(ERR_TOKEN_EXPIRED, code);
    assert_int_equal(CLOSE_AUTH, s_hello_close(world_token(WORLD_GIVEN, 2, 600), PROTO_VERSION, &code));
    assert_int_equal(ERR_PASSWORD_CHANGE, code);
    assert_int_equal(CLOSE_VERSION, s_hello_close(world_token(1, 2, 600), PROTO_VERSION + 1, &code));
    assert_int_equal(ERR_VERSION, code);
}

static void test_welcome_lists_the_rooms_and_they_are_watched(void **state)
{
    (void)state;
    int readers = world_seen(s_world).readers;
    struct raw raw = s_sign_in(1);
    for (int i = 0; i < 100 && world_seen(s_world).readers < readers + WORLD_ROOMS; i++)
        usleep(10000);
    assert_int_equal(readers + WORLD_ROOMS, world_seen(s_world).readers);
    raw_close(&raw);
}

static void test_resume_in_hello_follows_the_welcome(void **state)
{
    (void)state;
    world_say(s_world, WORLD_ROOM, 3, 10);
    uint64_t head = world_head(s_world, WORLD_ROOM);
    struct raw raw = s_open(WS_PROTOCOL_MSGPACK);
    list_writer_t subs;
    list_writer_init(&subs, 1000);
    struct rec_sub sub = {.room = WORLD_ROOM, .incarnation = 1, .after = head - 2, .live = true};
    assert_int_equal(ERR_OK, rec_sub_append(&subs, &sub));
    struct msg hello = {.type = MSG_HELLO, .as.hello = {.version = PROTO_VERSION, .device = view_of_text(""),
                                                        .token = view_of_text(world_token(1, 2, 600)),
                                                        .subs = list_of(&subs)}}, msg;
    ws_send(&raw, &hello);
    list_writer_fini(&subs);
    assert_int_equal(MSG_WELCOME, ws_next_msg(&raw, &msg, RAW_WAIT_MS));
    assert_int_equal(1, msg.as.welcome.user);
    assert_int_equal(MSG_SUB_OK, ws_next_msg(&raw, &msg, RAW_WAIT_MS));
    for (uint64_t seq = head - 1; seq <= head; seq++) {
        assert_int_equal(MSG_EVENT, ws_next_msg(&raw, &msg, RAW_WAIT_MS));
        assert_int_equal(seq, msg.as.event.seq);
    }
    assert_int_equal(MSG_LIVE, ws_next_msg(&raw, &msg, RAW_WAIT_MS));
    assert_int_equal(head, msg.as.live.seq);
    world_say(s_world, WORLD_ROOM, 1, 10);
    assert_int_equal(MSG_EVENT, ws_next_msg(&raw, &msg, RAW_WAIT_MS));
    assert_int_equal(head + 1, msg.as.event.seq);
    raw_close(&raw);
}

static void test_author_gets_the_event_before_its_ack(void **state)
{
    (void)state;
    struct raw raw = s_sign_in(1);
    ws_show(&raw, WORLD_ROOM, 0);
    for (uint64_t i = 0; i < 50; i++) {
        ws_post(&raw, WORLD_ROOM, 7000 + i, "line");
        struct msg msg;
        assert_int_equal(MSG_EVENT, ws_next_msg(&raw, &msg, RAW_WAIT_MS));
        uint64_t seq = msg.as.event.seq;
        assert_int_equal(1, msg.as.event.user);
        assert_int_equal(MSG_ACK, ws_next_msg(&raw, &msg, RAW_WAIT_MS));
        assert_int_equal(seq, msg.as.ack.seq);
    }
    ws_post(&raw, WORLD_ROOM, 7000, "line"); /* a repeat: the ack alone */
    struct msg msg;
    assert_int_equal(MSG_ACK, ws_next_msg(&raw, &msg, RAW_WAIT_MS));
    assert_true(msg.as.ack.dup);
    raw_close(&raw);
}

static void test_edge_vouches_for_the_user_not_the_message(void **state)
{
    (void)state;
    struct raw raw = s_sign_in(4242);
    struct msg msg;
    ws_post(&raw, WORLD_ROOM, 8000, "x");
    assert_int_equal(MSG_ACK, ws_next_msg(&raw, &msg, RAW_WAIT_MS));
    struct world_seen seen = world_seen(s_world);
    assert_int_equal(4242, seen.last_user);
    assert_true(seen.last_session != 0);
    assert_false(seen.last_admin);
    raw_close(&raw);
}

static void test_events_reach_both_subprotocols_with_the_same_content(void **state)
{
    (void)state;
    struct raw binary = s_sign_in(1), text = s_open(WS_PROTOCOL_JSON);
    char hello[2500];
    ws_show(&binary, WORLD_ROOM, 0);
    snprintf(hello, sizeof hello, "{\"type\":\"hello\",\"version\":1,\"token\":\"%s\",\"device\":\"x\",\"subs\":[]}",
             world_token(2, 3, 600));
    ws_send_text(&text, hello);
    assert_int_equal(1, ws_next(&text, RAW_WAIT_MS));
    assert_non_null(strstr((char *)text.frame, "\"type\":\"welcome\""));
    char sub[200];
    snprintf(sub, sizeof sub, "{\"type\":\"sub\",\"room\":%d,\"incarnation\":1,\"after\":%" PRIu64 "}", WORLD_ROOM,
             world_head(s_world, WORLD_ROOM));
    ws_send_text(&text, sub);
    do
        assert_int_equal(1, ws_next(&text, RAW_WAIT_MS));
    while (!strstr((char *)text.frame, "\"type\":\"live\""));
    ws_send_text(&text, "{\"type\":\"room_post\",\"room\":1000,\"client_id\":\"01ARZ3NDEKTSV4RRFFQ69G5FAV\","
                        "\"text\":\"gr\\u00fc\\u00dfe\"}");
    struct msg msg;
    assert_int_equal(MSG_EVENT, ws_next_msg(&binary, &msg, RAW_WAIT_MS));
    struct kind_posted posted;
    assert_int_equal(ERR_OK, kind_decode(KIND_POSTED, msg.as.event.body, &posted));
    assert_true(view_is_equal(view_of_text("grüße"), posted.text));
    assert_int_equal(1, ws_next(&text, RAW_WAIT_MS));
    assert_non_null(strstr((char *)text.frame, "\"type\":\"event\""));
    assert_non_null(strstr((char *)text.frame, "grüße"));
    assert_int_equal(1, ws_next(&text, RAW_WAIT_MS));
    assert_non_null(strstr((char *)text.frame, "\"type\":\"ack\""));
    raw_close(&binary);
    raw_close(&text);
}

/* Sends one frame as a signed-in socket; the close code that follows, 0: none. */
static int s_bad_frame(bool json, uint8_t first, const void *bytes, size_t len)
{
    struct raw raw;
    if (json) {
        char hello[2500];
        raw = s_open(WS_PROTOCOL_JSON);
        snprintf(hello, sizeof hello, "{\"type\":\"hello\",\"version\":1,\"token\":\"%s\",\"device\":\"x\",\"subs\":[]}",
                 world_token(2, 3, 600));
        ws_send_text(&raw, hello);
        assert_int_equal(1, ws_next(&raw, RAW_WAIT_MS));
    } else {
        raw = s_sign_in(1);
    }
    ws_frame(&raw, first, bytes, len);
    int code = ws_next_close(&raw, 1500);
    raw_close(&raw);
    return code;
}

static void test_malformed_frames_of_both_subprotocols_close_with_4400(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "{", "[]", "{\"type\":\"nothing\"}", "{\"type\":\"sub\"}", "\"x\"",
                                        "{\"type\":\"sub\",\"room\":1,\"incarnation\":0,\"after\":0,\"x\":1}",
                                        "{\"type\":\"event\"}",
                                        "{\"type\":\"unsub\",\"room\":9007199254740992}",
                                        "{\"type\":\"unsub\",\"room\":1}{}", "{\"type\":\"hello\"}"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_equal(CLOSE_BAD_FRAME, s_bad_frame(true, 0x81, texts[i], strlen(texts[i])));
    static const struct {
        size_t len;
        const char *bytes;
    } frames[] = {
        {0, ""},                         {1, "\x91"},            {1, "\xc1"},         {2, "\x91\x06"}, /* too few fields */
        {3, "\x92\x06\xc0"},             {4, "\x93\x06\x01\x02"}, {2, "\x92\x01"},    /* an event: not a browser's */
        {5, "\xdd\xff\xff\xff\xff"},     {3, "\x92\x06\xff"},    {5, "\x92\x06\x01zz"},
        {4, "\x92\xcd\x7f\x01"},
    };
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++)
        assert_int_equal(CLOSE_BAD_FRAME, s_bad_frame(false, 0x82, frames[i].bytes, frames[i].len));
    assert_int_equal(CLOSE_BAD_FRAME, s_bad_frame(true, 0x82, "{}", 2));     /* binary on the text protocol */
    assert_int_equal(CLOSE_BAD_FRAME, s_bad_frame(false, 0x81, "{}", 2));    /* and the reverse */
    assert_int_equal(0, s_bad_frame(false, 0x82, "\x92\x06\x01", 3));        /* unsub: fine */
}

static void test_frames_above_16_kib_close_with_4413(void **state)
{
    (void)state;
    size_t max = LIM_CLIENT_FRAME_BYTES_MAX;
    char *bytes = malloc(4 * max);
    memset(bytes, ' ', 4 * max);
    memcpy(bytes, "{}", 2);
    assert_int_equal(CLOSE_BAD_FRAME, s_bad_frame(true, 0x81, bytes, max)); /* at the bound: read, and no message */
    assert_int_equal(CLOSE_TOO_LARGE, s_bad_frame(true, 0x81, bytes, max + 1));
    assert_int_equal(CLOSE_TOO_LARGE, s_bad_frame(false, 0x82, bytes, 4 * max));
    free(bytes);
}

static void test_fragments_are_put_together_within_the_bound(void **state)
{
    (void)state;
    struct raw raw = s_sign_in(1);
    struct msg post = {.type = MSG_ROOM_POST, .as.room_post = {.room = WORLD_ROOM, .client_id = cid_of(8100)}}, msg;
    char text[LIM_TEXT_BYTES_MAX];
    memset(text, 'f', sizeof text);
    post.as.room_post.text = view_of(text, sizeof text);
    buffer_t bytes;
    buffer_init(&bytes, LIM_CLIENT_FRAME_BYTES_MAX);
    assert_int_equal(ERR_OK, msg_encode(&post, &bytes));
    for (size_t at = 0; at < bytes.len; at += 500) { /* and pings between the fragments */
        bool last = at + 500 >= bytes.len;
        ws_frame(&raw, (uint8_t)((last ? 0x80 : 0) | (at == 0 ? 0x02 : 0x00)), bytes.bytes + at,
                 last ? bytes.len - at : 500);
        if (!last)
            ws_frame(&raw, 0x89, "p", 1);
    }
    buffer_fini(&bytes);
    assert_int_equal(MSG_ACK, ws_next_msg(&raw, &msg, RAW_WAIT_MS));
    static char piece[6000];
    for (int i = 0; i < 3; i++)
        ws_frame(&raw, i == 0 ? 0x02 : 0x00, piece, sizeof piece);
    assert_int_equal(CLOSE_TOO_LARGE, ws_next_close(&raw, RAW_WAIT_MS));
    raw_close(&raw);
}

static void test_ping_is_answered_with_its_payload(void **state)
{
    (void)state;
    struct raw raw = s_sign_in(1);
    ws_frame(&raw, 0x89, "are you there", 13);
    int opcode;
    while ((opcode = ws_next(&raw, RAW_WAIT_MS)) != 10)
        assert_true(opcode != 0);
    assert_int_equal(13, raw.frame_len);
    assert_memory_equal("are you there", raw.frame, 13);
    raw_close(&raw);
}

static void test_pings_among_many_events_harm_neither(void **state)
{
    (void)state;
    struct raw raw = s_sign_in(1);
    ws_show(&raw, WORLD_ROOM + 1, 0);
    uint64_t next = world_head(s_world, WORLD_ROOM + 1) + 1;
    int pongs = 0;
    for (int round = 0; round < 20; round++) {
        ws_frame(&raw, 0x89, "p", 1);
        world_say(s_world, WORLD_ROOM + 1, 10, 3000);
        ws_frame(&raw, 0x89, "p", 1);
        for (int got = 0; got < 10;) {
            int opcode = ws_next(&raw, RAW_WAIT_MS);
            assert_true(opcode == 2 || opcode == 10 || opcode == 9);
            pongs += opcode == 10;
            struct msg msg;
            if (opcode != 2 || msg_decode(view_of(raw.frame, raw.frame_len), &msg) || msg.type != MSG_EVENT)
                continue;
            assert_int_equal(next++, msg.as.event.seq);
            got++;
        }
    }
    assert_true(pongs > 0);
    raw_close(&raw);
}

static void test_closing_handshake_is_answered(void **state)
{
    (void)state;
    struct raw raw = s_sign_in(1);
    int closes = world_seen(s_world).inbox_closes;
    ws_frame(&raw, 0x88, "\x03\xe8", 2);
    assert_int_equal(1000, ws_next_close(&raw, RAW_WAIT_MS));
    assert_true(raw_is_closed(&raw, 3000));
    raw_close(&raw);
    for (int i = 0; i < 100 && world_seen(s_world).inbox_closes == closes; i++)
        usleep(10000);
    assert_int_equal(closes + 1, world_seen(s_world).inbox_closes);
}

static void test_closed_sockets_are_taken_out_of_their_rooms(void **state)
{
    (void)state;
    int detached = world_seen(s_world).detached;
    struct raw raw = s_sign_in(1);
    ws_show(&raw, WORLD_ROOM, world_head(s_world, WORLD_ROOM));
    raw_close(&raw);
    for (int i = 0; i < 200 && world_seen(s_world).detached < detached + WORLD_ROOMS; i++)
        usleep(10000);
    assert_true(world_seen(s_world).detached >= detached + WORLD_ROOMS); /* sockets of a test before this one may be late */
}

static void test_room_one_may_not_read_is_a_kick(void **state)
{
    (void)state;
    struct raw raw = s_sign_in(1);
    struct msg sub = {.type = MSG_SUB, .as.sub = {.room = WORLD_STRANGE_ROOM}}, msg;
    ws_send(&raw, &sub);
    assert_int_equal(MSG_KICK, ws_next_msg(&raw, &msg, RAW_WAIT_MS));
    assert_int_equal(WORLD_STRANGE_ROOM, msg.as.kick.room);
    assert_int_equal(ERR_NOT_MEMBER, msg.as.kick.code);
    raw_close(&raw);
}

static void test_unshown_room_sends_heads_instead_of_events(void **state)
{
    (void)state;
    struct raw raw = s_sign_in(1);
    uint64_t room = WORLD_ROOM + 2;
    ws_show(&raw, room, 0);
    struct raw other = s_sign_in(2); /* keeps the room streaming to this edge */
    ws_show(&other, room, 0);
    struct msg unsub = {.type = MSG_UNSUB, .as.unsub = {.room = room}}, msg;
    ws_send(&raw, &unsub);
    ws_post(&raw, room, 8200, "x"); /* answered after the unsub took effect */
    uint64_t head = world_head(s_world, room);
    assert_int_equal(MSG_ACK, ws_next_msg(&raw, &msg, RAW_WAIT_MS));
    bool told = false;
    for (int i = 0; i < 10 && !told; i++) {
        if (ws_next(&raw, 1000) != 2 || msg_decode(view_of(raw.frame, raw.frame_len), &msg))
            continue;
        assert_int_not_equal(MSG_EVENT, msg.type);
        struct rec_head rec;
        if (msg.type == MSG_HEADS)
            while (rec_head_next(&msg.as.heads.heads, &rec))
                told = told || (rec.room == room && rec.seq == head + 1);
    }
    assert_true(told);
    raw_close(&raw);
    raw_close(&other);
}

/* Of an inbox, or of a room: asked of its owner, and the answer is for this socket. */
static void test_what_users_decide_and_which_lines_are_gone_is_answered_to_who_asked(void **state)
{
    (void)state;
    struct raw raw = s_sign_in(61), other = s_sign_in(62);
    struct msg msg;
    ws_send(&raw, &(struct msg){.type = MSG_UNREAD_FROM, .as.unread_from = {.room = WORLD_ROOM, .msg_no = 3, .turn = 4}});
    assert_int_equal(MSG_READ_AT, ws_next_msg(&raw, &msg, RAW_WAIT_MS));
    assert_int_equal(2, msg.as.read_at.msg_no);
    assert_int_equal(5, msg.as.read_at.turn);
    ws_send(&raw, &(struct msg){.type = MSG_NOTIFY, .as.notify = {.room = WORLD_ROOM, .level = 2}});
    assert_int_equal(MSG_NOTIFIED, ws_next_msg(&raw, &msg, RAW_WAIT_MS));
    assert_int_equal(2, msg.as.notified.level);
    ws_send(&raw, &(struct msg){.type = MSG_NOTIFY, .as.notify = {.room = 1, .level = 2}});
    assert_int_equal(MSG_ERR, ws_next_msg(&raw, &msg, RAW_WAIT_MS));
    assert_int_equal(ERR_NOT_MEMBER, msg.as.err.code);
    assert_true(view_is_equal(view_of_text("notify"), msg.as.err.scope));
    ws_send(&raw, &(struct msg){.type = MSG_GONE_GET, .as.gone_get = {.room = WORLD_ROOM}});
    assert_int_equal(MSG_GONE, ws_next_msg(&raw, &msg, RAW_WAIT_MS));
    assert_int_equal(7, msg.as.gone.deleted);
    ws_send(&other, &(struct msg){.type = MSG_GONE_GET, .as.gone_get = {.room = WORLD_ROOM}});
    assert_int_equal(MSG_GONE, ws_next_msg(&other, &msg, RAW_WAIT_MS)); /* nothing of the first one's came before it */
    raw_close(&raw);
    raw_close(&other);
}

static void test_kick_ends_the_room_for_every_socket_of_the_user(void **state)
{
    (void)state;
    struct raw one = s_sign_in(51), two = s_sign_in(51), other = s_sign_in(52);
    uint64_t room = WORLD_ROOM + 2, head = world_head(s_world, room);
    ws_show(&one, room, head);
    ws_show(&two, room, head);
    ws_show(&other, room, head);
    world_kick(s_world, room, 51);
    struct msg msg;
    assert_int_equal(MSG_KICK, ws_next_msg(&one, &msg, RAW_WAIT_MS));
    assert_int_equal(MSG_KICK, ws_next_msg(&two, &msg, RAW_WAIT_MS));
    world_say(s_world, room, 1, 10);
    assert_int_equal(MSG_EVENT, ws_next_msg(&other, &msg, RAW_WAIT_MS));
    assert_int_equal(MSG_NONE, ws_next_msg(&one, &msg, 300));
    raw_close(&one);
    raw_close(&two);
    raw_close(&other);
}

static void test_auth_in_band_wants_the_same_session(void **state)
{
    (void)state;
    struct raw raw = ws_sign_in(world_port(s_world), world_token(61, 610, 600));
    struct msg auth = {.type = MSG_AUTH, .as.auth = {.token = view_of_text(world_token(61, 610, 500))}}, msg;
    ws_send(&raw, &auth);
    assert_int_equal(MSG_AUTH_OK, ws_next_msg(&raw, &msg, RAW_WAIT_MS));
    auth.as.auth.token = view_of_text(world_token(61, 611, 500));
    ws_send(&raw, &auth);
    assert_int_equal(CLOSE_AUTH, ws_next_close(&raw, RAW_WAIT_MS));
    raw_close(&raw);
}

static void test_socket_ends_when_its_token_does(void **state)
{
    (void)state;
    struct raw raw = ws_sign_in(world_port(s_world), world_token(62, 620, 2));
    assert_int_equal(CLOSE_TOKEN_EXPIRED, ws_next_close(&raw, 5000));
    raw_close(&raw);
}

static void test_typing_reaches_the_room_only_from_those_who_show_it(void **state)
{
    (void)state;
    struct raw raw = s_sign_in(1);
    struct msg typing = {.type = MSG_TYPING, .as.typing = {.room = WORLD_ROOM, .active = true}}, msg;
    int before = world_seen(s_world).typings;
    ws_send(&raw, &typing);
    ws_post(&raw, WORLD_ROOM, 8300, "x");
    assert_int_equal(MSG_ACK, ws_next_msg(&raw, &msg, RAW_WAIT_MS));
    assert_int_equal(before, world_seen(s_world).typings);
    ws_show(&raw, WORLD_ROOM, world_head(s_world, WORLD_ROOM));
    ws_send(&raw, &typing);
    for (int i = 0; i < 100 && world_seen(s_world).typings == before; i++)
        usleep(10000);
    assert_int_equal(before + 1, world_seen(s_world).typings);
    world_type(s_world, WORLD_ROOM);
    assert_int_equal(MSG_TYPISTS, ws_next_msg(&raw, &msg, RAW_WAIT_MS));
    raw_close(&raw);
}

static void test_300_sockets_get_every_event_in_order(void **state)
{
    (void)state;
    enum { SOCKETS = 300, EVENTS = 20 };
    static struct raw raws[SOCKETS];
    uint64_t room = WORLD_ROOM + 3, head = world_head(s_world, room);
    for (int i = 0; i < SOCKETS; i++)
        raws[i] = s_sign_in((uint64_t)(100 + i));
    for (int i = 0; i < SOCKETS; i++)
        ws_show(&raws[i], room, head);
    world_say(s_world, room, EVENTS, 150);
    for (int i = 0; i < SOCKETS; i++)
        for (uint64_t seq = head + 1; seq <= head + EVENTS; seq++) {
            struct msg msg;
            assert_int_equal(MSG_EVENT, ws_next_msg(&raws[i], &msg, RAW_WAIT_MS));
            assert_int_equal(seq, msg.as.event.seq);
        }
    for (int i = 0; i < SOCKETS; i++)
        raw_close(&raws[i]);
}

static void test_a_changed_user_is_told_once_to_every_socket_of_both_kinds(void **state)
{
    (void)state;
    struct raw raws[3] = {s_sign_in(1), s_sign_in(2), raw_connect(world_port(s_world))};
    struct msg msg;
    char hello[4096];
    assert_int_equal(101, ws_handshake(&raws[2], WS_PROTOCOL_JSON, NULL));
    snprintf(hello, sizeof hello, "{\"type\":\"hello\",\"version\":%d,\"token\":\"%s\",\"device\":\"\",\"subs\":[]}",
             PROTO_VERSION, world_token(3, 1000003, 600));
    ws_send_text(&raws[2], hello);
    for (int i = 0; i < 2; i++) /* hi, welcome */
        assert_true(ws_next(&raws[2], RAW_WAIT_MS) != 0);
    for (uint64_t rev = 1; rev <= 2; rev++) {
        world_change_user(s_world);
        for (int i = 0; i < 2; i++) {
            struct rec_user_info info;
            assert_int_equal(MSG_USER_CHANGED, ws_next_msg(&raws[i], &msg, 1000));
            assert_int_equal(1, msg.as.user_changed.users.count);
            assert_true(rec_user_info_next(&msg.as.user_changed.users, &info));
            assert_int_equal(7, info.user);
            assert_int_equal(rev, info.rev);
            assert_true(view_is_equal(view_of_text("Seven"), info.name));
        }
        bool is_told = false;
        while (!is_told && ws_next(&raws[2], 1000) != 0)
            is_told = memmem(raws[2].frame, raws[2].frame_len, "\"user_changed\"", strlen("\"user_changed\"")) != NULL;
        assert_true(is_told);
    }
    assert_int_equal(MSG_NONE, ws_next_msg(&raws[0], &msg, 700)); /* two pulls later: nothing again */
    for (int i = 0; i < 3; i++)
        raw_close(&raws[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hi_comes_first_and_nothing_before_hello),
        cmocka_unit_test(test_other_messages_before_hello_close_the_socket),
        cmocka_unit_test(test_socket_without_hello_is_closed_after_5_s),
        cmocka_unit_test(test_bad_hellos_say_why_and_close),
        cmocka_unit_test(test_welcome_lists_the_rooms_and_they_are_watched),
        cmocka_unit_test(test_resume_in_hello_follows_the_welcome),
        cmocka_unit_test(test_author_gets_the_event_before_its_ack),
        cmocka_unit_test(test_edge_vouches_for_the_user_not_the_message),
        cmocka_unit_test(test_events_reach_both_subprotocols_with_the_same_content),
        cmocka_unit_test(test_malformed_frames_of_both_subprotocols_close_with_4400),
        cmocka_unit_test(test_frames_above_16_kib_close_with_4413),
        cmocka_unit_test(test_fragments_are_put_together_within_the_bound),
        cmocka_unit_test(test_ping_is_answered_with_its_payload),
        cmocka_unit_test(test_pings_among_many_events_harm_neither),
        cmocka_unit_test(test_closing_handshake_is_answered),
        cmocka_unit_test(test_closed_sockets_are_taken_out_of_their_rooms),
        cmocka_unit_test(test_room_one_may_not_read_is_a_kick),
        cmocka_unit_test(test_unshown_room_sends_heads_instead_of_events),
        cmocka_unit_test(test_what_users_decide_and_which_lines_are_gone_is_answered_to_who_asked),
        cmocka_unit_test(test_kick_ends_the_room_for_every_socket_of_the_user),
        cmocka_unit_test(test_auth_in_band_wants_the_same_session),
        cmocka_unit_test(test_socket_ends_when_its_token_does),
        cmocka_unit_test(test_typing_reaches_the_room_only_from_those_who_show_it),
        cmocka_unit_test(test_a_changed_user_is_told_once_to_every_socket_of_both_kinds),
        cmocka_unit_test(test_300_sockets_get_every_event_in_order),
    };
    return cmocka_run_group_tests(tests, s_start, s_end);
}
