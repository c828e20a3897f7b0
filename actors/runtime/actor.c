#include "actors/runtime/actor.h"

#include <assert.h>
#include <czmq.h>
#include <poll.h>
#include <unistd.h>

#include "actors/runtime/clock.h"
#include "actors/runtime/log.h"
#include "actors/runtime/mailbox.h"
#include "actors/runtime/notify.h"

enum {
    TURN_FRAMES = 256, /* then what was read is acted upon, whatever waits */
    SLICE_FRAMES = 32, /* of one mailbox before the next one's turn */
    WATCH_CALLS = 64,  /* of one watched socket a turn */
    TICK_MS = 50,
    MAILBOXES_MAX = LIM_NODES_MAX,
    WATCHES_MAX = 16,
    SCRATCH_BYTES_KEPT = 64 * 1024, /* a rare large message does not keep its memory */
};

struct watch {
    zsock_t *zsock; /* borrowed */
    void (*fn)(void *self, actor_t *actor, void *zsock);
    int fd;
    bool is_awake; /* was not yet found empty since its ZMQ_FD became readable */
};

struct actor {
    address_t address;
    const struct actor_handlers *handlers; /* borrowed */
    void *state;                           /* borrowed: first argument of the handlers */
    mailbox_t *mailboxes[MAILBOXES_MAX];   /* the bound one first, if there is one */
    bool is_awake[MAILBOXES_MAX];          /* of each: to be read in this turn */
    size_t mailbox_count;
    bool is_bound;
    struct watch watches[WATCHES_MAX];
    size_t watch_count;
    size_t next; /* mailbox that is read first in the next turn */
    int64_t now_ms, utc_ms, ticked_ms;
    unsigned notify_round;
    bool is_stopped;
    buffer_t scratch;
};

/* ---- making ---------------------------------------------------------------------------------------------------- */

static void s_read_clocks(actor_t *self)
{
    self->now_ms = clock_now_ms();
    self->utc_ms = clock_utc_ms();
}

actor_t *actor_new(address_t address, const struct actor_handlers *handlers, void *state)
{
    assert(address_role(address) != ROLE_NONE && address_nonce(address) != 0);
    assert(handlers && handlers->on_message);
    actor_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->address = address;
    self->handlers = handlers;
    self->state = state;
    buffer_init(&self->scratch, LIM_LINK_BODY_BYTES_MAX);
    s_read_clocks(self);
    self->ticked_ms = self->now_ms;
    return self;
}

void actor_destroy(actor_t **self_p)
{
    assert(self_p);
    actor_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->mailbox_count; i++)
        mailbox_destroy(&self->mailboxes[i]);
    buffer_fini(&self->scratch);
    free(self);
    *self_p = NULL;
}

err_t actor_bind(actor_t *self, const char *endpoint)
{
    assert(!self->is_bound);
    if (self->mailbox_count == MAILBOXES_MAX)
        return ERR_OVERLOADED;
    mailbox_t *mailbox = mailbox_bind(self->address, endpoint, self->now_ms);
    if (!mailbox)
        return ERR_INTERNAL;
    memmove(self->mailboxes + 1, self->mailboxes, self->mailbox_count * sizeof self->mailboxes[0]);
    self->mailboxes[0] = mailbox;
    self->mailbox_count++;
    self->is_bound = true;
    return ERR_OK;
}

err_t actor_connect(actor_t *self, address_t peer, const char *endpoint)
{
    for (size_t i = self->is_bound; i < self->mailbox_count; i++)
        if (mailbox_has(self->mailboxes[i], peer))
            return streq(mailbox_endpoint(self->mailboxes[i]), endpoint)
                       ? ERR_OK
                       : mailbox_move(self->mailboxes[i], endpoint);
    if (self->mailbox_count == MAILBOXES_MAX)
        return ERR_OVERLOADED;
    mailbox_t *mailbox = mailbox_connect(self->address, peer, endpoint, self->now_ms);
    if (!mailbox)
        return ERR_INTERNAL;
    self->mailboxes[self->mailbox_count++] = mailbox;
    return ERR_OK;
}

err_t actor_watch(actor_t *self, void *zsock, void (*fn)(void *self, actor_t *actor, void *zsock))
{
    if (self->watch_count == WATCHES_MAX)
        return ERR_OVERLOADED;
    self->watches[self->watch_count++] = (struct watch){.zsock = zsock, .fn = fn, .fd = zsock_fd(zsock), .is_awake = true};
    return ERR_OK;
}

address_t actor_address(const actor_t *self)
{
    return self->address;
}

const char *actor_endpoint(const actor_t *self)
{
    return self->is_bound ? mailbox_endpoint(self->mailboxes[0]) : "";
}

int64_t actor_now_ms(const actor_t *self)
{
    return self->now_ms;
}

int64_t actor_utc_ms(const actor_t *self)
{
    return self->utc_ms;
}

size_t actor_links(const actor_t *self, struct actor_link *links_out, size_t max)
{
    size_t count = 0;
    for (size_t i = 0; i < self->mailbox_count; i++)
        count += mailbox_links(self->mailboxes[i], self->now_ms, links_out + count, max - count);
    return count;
}

/* ---- sending --------------------------------------------------------------------------------------------------- */

/* --trace=messages: the one place where every message passes. */
static void s_trace(const char *way, address_t peer, const struct envelope *env, size_t bytes)
{
    if (!log_is_on(LOG_LEVEL_DEBUG))
        return;
    char name[ADDRESS_TEXT_MAX];
    address_print(peer, name);
    log_debug("%s %s: peer=%s correlation=%" PRIu64 " key=%" PRIu64 " user=%" PRIu64 " bytes=%zu", way,
              msg_name(env->type), name, env->correlation, env->key, env->user, bytes);
}

err_t actor_send_bytes(actor_t *self, address_t to, const struct envelope *env, view_t encoded_msg)
{
    struct envelope out = *env;
    out.type = msg_peek_type(encoded_msg);
    if (out.type == MSG_NONE)
        return ERR_UNKNOWN_TYPE;
    err_t err = ERR_NOT_FOUND;
    /* Those it connected to first: they are known by name, a ROUTER's peers only once they spoke. */
    for (size_t i = self->mailbox_count; i-- > 0;) {
        if (!mailbox_has(self->mailboxes[i], to))
            continue;
        err = mailbox_send(self->mailboxes[i], to, &out, encoded_msg);
        if (err != ERR_NOT_FOUND)
            break;
    }
    s_trace(err ? err_name(err) : "sent", to, &out, encoded_msg.len);
    return err;
}

err_t actor_send(actor_t *self, address_t to, const struct envelope *env, const struct msg *msg)
{
    buffer_clear(&self->scratch);
    err_t err = msg_encode(msg, &self->scratch);
    if (!err)
        err = actor_send_bytes(self, to, env, buffer_view(&self->scratch));
    if (self->scratch.cap > SCRATCH_BYTES_KEPT) {
        buffer_fini(&self->scratch);
        buffer_init(&self->scratch, LIM_LINK_BODY_BYTES_MAX);
    }
    return err;
}

err_t actor_reply(actor_t *self, const struct envelope *asked, const struct msg *msg)
{
    struct envelope env = envelope_reply(asked);
    return actor_send(self, envelope_answer_to(asked), &env, msg);
}

err_t actor_reply_error(actor_t *self, const struct envelope *asked, err_t code, uint32_t retry_ms)
{
    struct msg msg = {.type = MSG_ERR};
    msg.as.err.code = code;
    msg.as.err.scope = view_of_text(msg_name(asked->type));
    msg.as.err.retry_ms = retry_ms;
    return actor_reply(self, asked, &msg);
}

/* ---- a turn ---------------------------------------------------------------------------------------------------- */

static void s_on_refused(const struct mail *mail, err_t err)
{
    static struct log_gate gate;
    unsigned skipped;
    if (!log_gate_open(&gate, 1000, &skipped))
        return;
    char name[ADDRESS_TEXT_MAX];
    address_print(mail->env.from, name);
    log_warn("message refused: type=%s from=%s why=%s skipped=%u", msg_name(mail->env.type), name,
             err_name(err), skipped);
}

static void s_on_event(actor_t *self, const struct mail *mail)
{
    static const char *const names[] = {"up", "hole", "down"};
    char name[ADDRESS_TEXT_MAX];
    if (mail->event == PEER_REPLACED_US) {
        address_print(self->address, name);
        log_error("another process speaks as %s with its key: this one, the earlier, ends now", name);
        _exit(EXIT_FAILURE);
    }
    address_print(mail->peer, name);
    static struct log_gate holes;
    unsigned skipped = 0;
    if (mail->event == PEER_UP)
        log_debug("peer %s: peer=%s", names[mail->event], name);
    else if (mail->event == PEER_DOWN || log_gate_open(&holes, 1000, &skipped))
        log_warn("peer %s: peer=%s skipped=%u", names[mail->event], name, skipped);
    if (self->handlers->on_peer)
        self->handlers->on_peer(self->state, self, mail->peer, mail->event);
}

/* Reads at most max frames; returns how many were read. */
static size_t s_drain(actor_t *self, mailbox_t *mailbox, size_t max)
{
    size_t read = 0;
    while (read < max && !self->is_stopped) {
        struct mail mail;
        mail_kind_t kind = mailbox_next(mailbox, self->now_ms, &mail);
        if (kind == MAIL_EMPTY)
            break;
        read++;
        if (kind == MAIL_EVENT)
            s_on_event(self, &mail);
        if (kind != MAIL_FRAME)
            continue;
        s_trace("came", mail.env.from, &mail.env, mail.body.len);
        err_t err = ERR_BAD_FRAME; /* what the envelope says must be what the message is */
        if (msg_peek_type(mail.body) == mail.env.type)
            err = self->handlers->on_message(self->state, self, &mail.env, mail.body);
        if (err)
            s_on_refused(&mail, err);
    }
    return read;
}

/* Round by round, so that one loud peer does not keep the others waiting. True: all were empty. */
static bool s_drain_all(actor_t *self, size_t max)
{
    size_t empty = 0, left = max;
    for (; left > 0 && empty < self->mailbox_count; self->next++) {
        size_t index = self->next % self->mailbox_count, slice = left < SLICE_FRAMES ? left : SLICE_FRAMES;
        size_t read = self->is_awake[index] ? s_drain(self, self->mailboxes[index], slice) : 0;
        left -= read;
        empty = read < slice ? empty + 1 : 0;
    }
    return empty >= self->mailbox_count;
}

static void s_serve_watches(actor_t *self)
{
    for (size_t i = 0; i < self->watch_count; i++) {
        struct watch *watch = &self->watches[i];
        for (int calls = 0; calls < WATCH_CALLS && watch->is_awake; calls++) {
            watch->is_awake = zsock_events(watch->zsock) & ZMQ_POLLIN;
            if (watch->is_awake)
                watch->fn(self->state, self, watch->zsock);
        }
    }
}

static void s_tick(actor_t *self, bool is_drained)
{
    if (self->now_ms - self->ticked_ms < TICK_MS)
        return;
    self->ticked_ms = self->now_ms;
    notify_tick(&self->notify_round, self->now_ms);
    for (size_t i = 0; i < self->mailbox_count; i++)
        mailbox_on_tick(self->mailboxes[i], self->now_ms, is_drained);
    if (self->handlers->on_tick)
        self->handlers->on_tick(self->state, self, self->now_ms);
}

/* Is there more to read than the ZMQ_FDs will tell? They tell of a change once, and whatever was called on a socket since
 * may have taken that. */
static bool s_is_readable(actor_t *self)
{
    bool readable = false;
    for (size_t i = 0; i < self->mailbox_count; i++)
        readable |= !mailbox_is_quiet(self->mailboxes[i]) && mailbox_is_readable(self->mailboxes[i]);
    for (size_t i = 0; i < self->watch_count; i++)
        readable |= self->watches[i].is_awake;
    return readable;
}

/* Waits for something to read, and finds out where. pipe may be NULL. True: the pipe has news. */
static bool s_look(actor_t *self, void *pipe, int timeout_ms)
{
    struct pollfd fds[MAILBOXES_MAX + WATCHES_MAX + 1];
    nfds_t count = 0;
    for (size_t i = 0; i < self->mailbox_count; i++)
        fds[count++] = (struct pollfd){.fd = mailbox_fd(self->mailboxes[i]), .events = POLLIN};
    for (size_t i = 0; i < self->watch_count; i++)
        fds[count++] = (struct pollfd){.fd = self->watches[i].fd, .events = POLLIN};
    if (pipe)
        fds[count++] = (struct pollfd){.fd = zsock_fd(pipe), .events = POLLIN};
    bool any = poll(fds, count, timeout_ms) > 0;
    for (size_t i = 0; i < self->mailbox_count; i++)
        self->is_awake[i] = (any && fds[i].revents) || !mailbox_is_quiet(self->mailboxes[i]);
    for (size_t i = 0; i < self->watch_count; i++)
        self->watches[i].is_awake |= any && fds[self->mailbox_count + i].revents;
    return pipe && any && fds[count - 1].revents;
}

/* True: all that had come was read. */
static bool s_turn(actor_t *self, size_t max_frames)
{
    s_read_clocks(self);
    bool is_drained = s_drain_all(self, max_frames);
    s_serve_watches(self);
    if (self->handlers->on_turn && !self->is_stopped)
        self->handlers->on_turn(self->state, self, self->now_ms);
    s_tick(self, is_drained);
    for (size_t i = 0; i < self->mailbox_count; i++)
        mailbox_flush(self->mailboxes[i]);
    return is_drained;
}

/* ---- the loop of its own ------------------------------------------------------------------------------------------ */

int actor_timeout_ms(const actor_t *self)
{
    int64_t left_ms = self->ticked_ms + TICK_MS - clock_now_ms();
    return left_ms < 0 ? 0 : left_ms > TICK_MS ? TICK_MS : (int)left_ms;
}

/* Asks it until it says that nothing is there: only then will its ZMQ_FD tell again. */
static bool s_says_stop(void *pipe)
{
    bool stop = false;
    while (!stop && (zsock_events(pipe) & ZMQ_POLLIN)) {
        char *command = zstr_recv(pipe);
        stop = !command || streq(command, "$TERM");
        zstr_free(&command);
    }
    return stop;
}

void actor_run(actor_t *self, void *pipe)
{
    if (pipe)
        zsock_signal(pipe, 0);
    bool stop = pipe && s_says_stop(pipe), is_drained = true;
    while (!self->is_stopped && !stop) {
        bool more = s_is_readable(self) || !is_drained;
        if (s_look(self, pipe, more ? 0 : actor_timeout_ms(self)))
            stop = s_says_stop(pipe);
        if (!stop)
            is_drained = s_turn(self, TURN_FRAMES);
    }
    for (size_t i = 0; i < self->mailbox_count; i++)
        mailbox_flush(self->mailboxes[i]);
}

void actor_stop(actor_t *self)
{
    self->is_stopped = true;
}

/* ---- pumped by another loop -------------------------------------------------------------------------------------- */

size_t actor_fds(const actor_t *self, int *fds_out, size_t max)
{
    size_t count = 0;
    for (size_t i = 0; i < self->mailbox_count && count < max; i++)
        fds_out[count++] = mailbox_fd(self->mailboxes[i]);
    for (size_t i = 0; i < self->watch_count && count < max; i++)
        fds_out[count++] = self->watches[i].fd;
    return count;
}

bool actor_pump(actor_t *self, size_t max_frames)
{
    (void)s_look(self, NULL, 0);
    (void)s_turn(self, max_frames);
    return s_is_readable(self);
}
