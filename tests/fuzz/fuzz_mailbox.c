/* fuzz_mailbox — a real mailbox on inproc, and a raw socket that sends it anything: any number of parts, any header, under
 * any routing id. Whatever it says, only frames of the address that its routing id names are handed over, in order, and
 * the mailbox answers, ticks and ends as ever.
 *
 * Input: the routing id's length, the id, then messages: a byte of flags, a length, bytes. */
#include <assert.h>
#include <czmq.h>
#include <stdint.h>

#include "actors/runtime/log.h"
#include "actors/runtime/mailbox.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SOCKETS_MAX "8192"
enum { BREATH_RUNS = 64, BREATH_MS = 10 };
enum { NOW_MS = 1000000, MESSAGES_MAX = 32, PART_BYTES_MAX = 512 };
enum { MORE = 1, ENVELOPE = 2, HELLO = 4, TICK = 8 };

#define ROOM address_make(ROLE_ROOM, 0, 0x1111)
#define EDGE address_make(ROLE_EDGE, 3, 0x2222)

struct input {
    const uint8_t *at, *end;
};

static uint8_t s_byte(struct input *in)
{
    return in->at < in->end ? *in->at++ : 0;
}

static size_t s_take(struct input *in, size_t len, const uint8_t **bytes_out)
{
    size_t left = (size_t)(in->end - in->at);
    *bytes_out = in->at;
    len = len < left ? len : left;
    in->at += len;
    return len;
}

/* An honest header in front, so that what is behind it is looked at too. */
static size_t s_control(uint8_t flags, uint8_t number, uint8_t *bytes)
{
    struct msg msg = {.type = flags & HELLO ? MSG_LINK_HELLO : flags & TICK ? MSG_LINK_TICK : MSG_NONE};
    struct envelope env = {.type = msg.type ? msg.type : MSG_ROOM_POST, .from = EDGE, .link_seq = number};
    buffer_t body;
    buffer_init(&body, 64);
    if (flags & HELLO)
        msg.as.link_hello = (struct msg_link_hello){.version = PROTO_VERSION, .nonce = address_nonce(EDGE)};
    else if (flags & TICK)
        msg.as.link_tick.last = number;
    if (msg.type != MSG_NONE)
        assert(!msg_encode(&msg, &body));
    envelope_write(&env, bytes);
    if (body.len)
        memcpy(bytes + ENVELOPE_BYTES, body.bytes, body.len);
    size_t len = ENVELOPE_BYTES + body.len;
    buffer_fini(&body);
    return len;
}

static void s_say(void *raw, struct input *in)
{
    uint8_t flags = s_byte(in), bytes[PART_BYTES_MAX + ENVELOPE_BYTES + 64];
    const uint8_t *from;
    size_t len = flags & ENVELOPE ? s_control(flags, s_byte(in), bytes) : 0;
    size_t more = s_take(in, s_byte(in), &from);
    memcpy(bytes + len, from, more);
    (void)zmq_send(raw, bytes, len + more, ZMQ_DONTWAIT | (flags & MORE ? ZMQ_SNDMORE : 0));
}

static void s_read(mailbox_t *mailbox)
{
    struct mail mail;
    mail_kind_t kind;
    uint64_t last = 0;
    for (int i = 0; (kind = mailbox_next(mailbox, NOW_MS, &mail)) != MAIL_EMPTY; i++) {
        assert(i < 4 * MESSAGES_MAX);
        if (kind == MAIL_EVENT) {
            assert(address_stable(mail.peer) == address_stable(EDGE));
            last = 0;
        } else if (kind == MAIL_FRAME) {
            assert(address_is_same_node(mail.env.from, EDGE) && mail.env.link_seq > last);
            assert(mail.body.len <= LIM_LINK_BODY_BYTES_MAX);
            last = mail.env.link_seq;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static unsigned count;
    struct input in = {data, data + size};
    char endpoint[32];
    if (count == 0)
        setenv("ZSYS_MAX_SOCKETS", SOCKETS_MAX, 1); /* read by CZMQ with its first socket */
    if (count % BREATH_RUNS == BREATH_RUNS - 1)
        zclock_sleep(BREATH_MS); /* a thread of libzmq ends the sockets that were closed; without a turn they pile up */
    snprintf(endpoint, sizeof endpoint, "inproc://fuzz-%u", count++);
    log_set_level(LOG_LEVEL_ERROR); /* what it refuses is not news here */
    mailbox_t *mailbox = mailbox_bind(ROOM, endpoint, NOW_MS);
    zsock_t *zsock = zsock_new(ZMQ_DEALER);
    assert(mailbox && zsock);
    void *raw = zsock_resolve(zsock);
    uint8_t own[8];
    address_t stable = address_stable(EDGE);
    for (int i = 0; i < 8; i++)
        own[i] = (uint8_t)(stable >> (56 - 8 * i));
    const uint8_t *route = own;
    size_t route_len = s_byte(&in) % 16;
    route_len = route_len ? s_take(&in, route_len, &route) : sizeof own;
    if (route_len && route[0]) /* libzmq keeps those that begin with 0 for itself */
        (void)zmq_setsockopt(raw, ZMQ_ROUTING_ID, route, route_len);
    assert(zmq_connect(raw, endpoint) == 0);
    for (int i = 0; i < MESSAGES_MAX && in.at < in.end; i++)
        s_say(raw, &in);
    s_read(mailbox);
    mailbox_on_tick(mailbox, NOW_MS, true);
    mailbox_flush(mailbox);
    zsock_set_linger(zsock, 0);
    zsock_destroy(&zsock);
    mailbox_destroy(&mailbox);
    return 0;
}
