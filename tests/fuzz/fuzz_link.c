/* fuzz_link — one link, spoken to by somebody who says anything in any order: frames, hellos and ticks with numbers that
 * fit or do not, while we send, wait and forget. What is handed over stays in order, what waits stays bounded.
 *
 * Input: steps of one byte and what each takes after it. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "actors/runtime/link.h"
#include "actors/runtime/permits.h"
#include "proto/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OWN address_make(ROLE_ROOM, 0, 0x1111)

struct world {
    reader_t in; /* only pos and end are used */
    struct link link;
    int64_t now_ms;
    uint64_t numbered;           /* last number we gave away */
    uint64_t delivered;          /* number of the last frame handed over, of this boot of the peer */
    uint32_t delivered_nonce;
    size_t waiting;              /* frames we know to wait or to be unconfirmed */
};

static uint8_t s_byte(struct world *w)
{
    return w->in.pos < w->in.end ? *w->in.pos++ : 0;
}

/* Near what fits, or anything at all. */
static uint64_t s_number(struct world *w, uint64_t near)
{
    uint8_t how = s_byte(w);
    if (how < 0xF0)
        return near + (how & 0x0F) - 4;
    uint64_t any = 0;
    for (int i = 0; i < 8; i++)
        any = any << 8 | s_byte(w);
    return any;
}

static address_t s_from(struct world *w)
{
    static const uint32_t nonces[] = {0x2222, 0x2222, 0x2223, 0};
    uint8_t which = s_byte(w);
    return address_make(which & 0x80 ? ROLE_PERSIST : ROLE_EDGE, which & 0x40 ? 4 : 3, nonces[which & 3]);
}

static view_t s_body(struct world *w, const struct envelope *env, buffer_t *bytes)
{
    struct msg msg = {.type = env->type};
    uint8_t how = s_byte(w);
    if (how & 1 && env->type == MSG_LINK_HELLO) {
        msg.as.link_hello.version = how & 2 ? PROTO_VERSION : s_byte(w);
        msg.as.link_hello.nonce = how & 4 ? address_nonce(env->from) : s_byte(w);
        assert(!msg_encode(&msg, bytes));
    } else if (how & 1 && env->type == MSG_LINK_TICK) {
        msg.as.link_tick.last = s_number(w, w->link.received) & 0x1FFFFFFFFFFFFF;
        assert(!msg_encode(&msg, bytes));
    } else {
        size_t len = how >> 2, left = (size_t)(w->in.end - w->in.pos);
        len = len < left ? len : left;
        assert(!buffer_append(bytes, w->in.pos, len));
        w->in.pos += len;
    }
    return buffer_view(bytes);
}

static void s_check(struct world *w)
{
    const struct link *link = &w->link;
    const struct link_outbox *outbox = &link->outbox;
    assert(outbox->count <= LIM_LINK_OUTBOX_FRAMES && outbox->bytes <= LIM_LINK_OUTBOX_BYTES);
    assert(outbox->sent <= outbox->count && outbox->count <= outbox->cap);
    assert(link->numbered == w->numbered && link_last(link) <= link->numbered);
    assert(link->peer == address_stable(link->peer));
    assert(!link->up || link->nonce != 0 || link->keeps);
}

static void s_judge(struct world *w, const struct envelope *env, view_t body)
{
    bool was_up = w->link.up;
    uint32_t nonce = w->link.nonce;
    struct link_verdict verdict = link_on_frame(&w->link, OWN, env, body, w->now_ms);
    assert(!verdict.err || (!verdict.deliver && !verdict.has_event));
    if (verdict.has_event && verdict.event == PEER_UP) {
        assert(env->type == MSG_LINK_HELLO && w->link.up && !verdict.deliver);
        w->delivered = 0;
    }
    if (!verdict.deliver)
        return;
    /* Only frames of the boot that said hello, each once, in order, and never a gap in silence. */
    assert(was_up && w->link.up && nonce == address_nonce(env->from) && address_stable(env->from) == w->link.peer);
    assert(env->type != MSG_LINK_HELLO && env->type != MSG_LINK_TICK);
    assert(w->delivered == 0 || w->delivered_nonce != nonce || env->link_seq > w->delivered);
    if (w->delivered && w->delivered_nonce == nonce && env->link_seq != w->delivered + 1 && !verdict.has_event)
        assert(w->link.received == env->link_seq); /* a tick or hello had told of the hole */
    w->delivered = env->link_seq;
    w->delivered_nonce = nonce;
}

/* A frame as s_judge of mailbox.c gets it: the header has been read, the rest is the peer's. */
static void s_frame(struct world *w, uint8_t step)
{
    static const uint16_t types[] = {MSG_LINK_HELLO, MSG_LINK_TICK, MSG_ROOM_POST, MSG_EVENT};
    uint8_t header[ENVELOPE_BYTES];
    buffer_t bytes;
    buffer_init(&bytes, 4096);
    struct envelope env = {.type = types[step >> 4 & 3], .from = s_from(w)}, read;
    env.link_seq = s_number(w, w->link.received);
    env.correlation = step & 0x40 ? s_number(w, w->numbered) : step & 0x80 ? address_nonce(OWN) : 0;
    view_t body = s_body(w, &env, &bytes);
    envelope_write(&env, header);
    if (step & 0x08 && s_byte(w) < ENVELOPE_BYTES) /* one byte of it is otherwise */
        header[s_byte(w) % ENVELOPE_BYTES] = s_byte(w);
    if (!envelope_read(header, sizeof header, &read)) {
        (void)permits_allow(address_role(read.from), ROLE_ROOM, &read);
        s_judge(w, &read, body);
    }
    buffer_fini(&bytes);
}

static void s_send(struct world *w, uint8_t step)
{
    static const uint8_t frame[64];
    size_t len = step & 0x10 ? sizeof frame : LIM_LINK_OUTBOX_BYTES / 8;
    struct envelope env = {.type = MSG_EVENT, .correlation = step & 0x20, .flags = step & 0x40 ? ENVELOPE_EPHEMERAL : 0};
    uint64_t number = 0;
    err_t err = link_number(&w->link, step & 0x80 ? s_from(w) : w->link.peer, &env, len, &number);
    if (!err || err == ERR_OVERLOADED)
        w->numbered = number;
    if (err)
        return;
    bool waits = link_outbox_waiting(&w->link.outbox) || step & 8;
    assert(!link_outbox_push(&w->link.outbox, number, waits && len == sizeof frame ? frame : NULL, len) ||
           link_outbox_waiting(&w->link.outbox));
}

static void s_step(struct world *w)
{
    uint8_t step = s_byte(w);
    switch (step & 7) {
    case 0:
    case 1:
    case 2:
        s_frame(w, step);
        break;
    case 3:
    case 4:
        if (!link_outbox_waiting(&w->link.outbox) || step & 0x10) /* what waits has bytes: only small ones do here */
            s_send(w, step);
        break;
    case 5:
        w->now_ms += (int64_t)(step >> 3) * 100;
        (void)link_on_time(&w->link, w->now_ms, step & 8);
        w->link.hello_due = w->link.tick_due = false;
        break;
    case 6:
        if (link_outbox_waiting(&w->link.outbox))
            link_outbox_shift(&w->link.outbox);
        break;
    default:
        link_outbox_confirm(&w->link.outbox, s_number(w, w->numbered));
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w = {.in = reader_of(view_of(data, size)), .now_ms = 1000000};
    struct envelope env;
    (void)envelope_read(data, size, &env);
    link_init(&w.link, address_make(ROLE_EDGE, 3, 0), s_byte(&w) & 1, w.now_ms);
    while (w.in.pos < w.in.end) {
        s_step(&w);
        s_check(&w);
    }
    link_fini(&w.link);
    return 0;
}
