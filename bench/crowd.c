#include "bench/crowd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "actors/token.h"
#include "bench/proc.h"
#include "bench/ws_client.h"

enum {
    WINDOW = 32,          /* readers in the middle of connecting or joining */
    EVENTS_MAX = 256,
    SETUP_S = 25,         /* for the whole crowd */
    TEXT_BYTES = 150,
    FRAME_BYTES_MAX = 16 * 1024,
};

enum goal { GOAL_JOINED, GOAL_LIVE, GOAL_OPEN };

struct member {
    crowd_t *crowd;
    ws_client_t *socket;
    uint64_t last_seq, incarnation;
    uint32_t index, room, place;
    bool live, done, writes, is_welcome;
    cid_t join_id;
};

struct crowd {
    struct crowd_plan plan;
    int epoll;
    struct member *readers;
    uint64_t *rooms; /* ids; 0: not made yet */
    uint32_t count;
    token_signer_t *signer;
    struct ledger *ledger;
    void (*on_answer)(void *owner, uint32_t reader);
    void *on_answer_owner;
    enum goal goal;
    uint32_t done, retries;
    uint32_t *retry; /* readers whose join was refused for now */
    int64_t retry_at_ns, setup_ns;
    bool failed;
    size_t frame_bytes;
    buffer_t out, token;
};

view_t crowd_text(void)
{
    static char text[TEXT_BYTES];
    static const char words[] = "the rooks come home over the wet fields and every one of them says the same thing ";
    for (size_t i = 0; text[TEXT_BYTES - 1] == '\0' && i < TEXT_BYTES; i++)
        text[i] = words[i % (sizeof words - 1)];
    return view_of(text, TEXT_BYTES);
}

crowd_t *crowd_new(const struct crowd_plan *plan)
{
    crowd_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->plan = *plan;
    self->count = plan->rooms * plan->per_room;
    self->epoll = epoll_create1(EPOLL_CLOEXEC);
    self->readers = calloc(self->count, sizeof *self->readers);
    self->rooms = calloc(plan->rooms, sizeof *self->rooms);
    self->retry = calloc(self->count, sizeof *self->retry);
    buffer_init(&self->out, FRAME_BYTES_MAX);
    buffer_init(&self->token, LIM_TOKEN_BYTES_MAX);
    if (!plan->is_floor)
        self->signer = token_signer_new(plan->var_folder, plan->secret);
    if (self->epoll < 0 || !self->readers || !self->rooms || !self->retry || (!plan->is_floor && !self->signer))
        crowd_destroy(&self);
    for (uint32_t i = 0; self && i < self->count; i++)
        self->readers[i] = (struct member){
            .crowd = self, .index = i, .room = i / plan->per_room, .place = i % plan->per_room};
    return self;
}

void crowd_destroy(crowd_t **self_p)
{
    crowd_t *self = *self_p;
    if (!self)
        return;
    if (self->readers)
        crowd_hang_up(self);
    if (self->epoll >= 0)
        close(self->epoll);
    token_signer_destroy(&self->signer);
    buffer_fini(&self->out);
    buffer_fini(&self->token);
    free(self->readers);
    free(self->rooms);
    free(self->retry);
    free(self);
    *self_p = NULL;
}

void crowd_hang_up(crowd_t *self)
{
    for (uint32_t i = 0; i < self->count; i++) {
        ws_client_destroy(&self->readers[i].socket);
        self->readers[i].live = self->readers[i].is_welcome = self->readers[i].writes = false;
    }
}

void crowd_move(crowd_t *self, int port)
{
    self->plan.port = port;
}

uint32_t crowd_readers(const crowd_t *self)
{
    return self->count;
}

uint32_t crowd_per_room(const crowd_t *self)
{
    return self->plan.per_room;
}

int64_t crowd_setup_ns(const crowd_t *self)
{
    return self->setup_ns;
}

bool crowd_is_whole(const crowd_t *self)
{
    return !self->failed;
}

size_t crowd_frame_bytes(const crowd_t *self)
{
    return self->frame_bytes;
}

void crowd_use_ledger(crowd_t *self, struct ledger *ledger)
{
    self->ledger = ledger;
}

void crowd_on_answer(crowd_t *self, void (*fn)(void *owner, uint32_t reader), void *owner)
{
    self->on_answer = fn;
    self->on_answer_owner = owner;
}

/* ---- what a reader sends ------------------------------------------------------------------------------------- */

static void s_watch(struct member *self, int operation)
{
    self->writes = ws_client_wants_write(self->socket);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = self};
    if (self->writes)
        event.events |= EPOLLOUT;
    epoll_ctl(self->crowd->epoll, operation, ws_client_fd(self->socket), &event);
}

static bool s_send(struct member *self, const struct msg *msg)
{
    buffer_t *out = &self->crowd->out;
    buffer_clear(out);
    if (!self->socket || msg_encode(msg, out) != ERR_OK ||
        !ws_client_send(self->socket, WS_BINARY, buffer_view(out)))
        return false;
    if (ws_client_wants_write(self->socket) != self->writes)
        s_watch(self, EPOLL_CTL_MOD);
    return true;
}

static void s_give_up(struct member *self, const char *what, const char *why)
{
    if (!self->crowd->failed)
        fprintf(stderr, "bench: reader %u: %s: %s\n", self->index, what, why);
    self->crowd->failed = true;
}

static void s_done(struct member *self)
{
    if (!self->done)
        self->crowd->done++;
    self->done = true;
}

static void s_send_hello(struct member *self)
{
    crowd_t *crowd = self->crowd;
    char name[32];
    uint64_t user = crowd->plan.first_user + self->index;
    snprintf(name, sizeof name, "bench%u", self->index);
    struct timespec utc;
    clock_gettime(CLOCK_REALTIME, &utc);
    int64_t expires_at_ms;
    struct token_claims claims = {.user = user, .session = user, .name = view_of_text(name)};
    buffer_clear(&crowd->token);
    err_t err = token_sign(crowd->signer, &claims, (int64_t)utc.tv_sec * 1000, &crowd->token, &expires_at_ms);
    if (err) {
        s_give_up(self, "token", err_name(err));
        return;
    }
    list_writer_t subs;
    list_writer_init(&subs, FRAME_BYTES_MAX);
    if (crowd->goal == GOAL_LIVE)
        rec_sub_append(&subs, &(struct rec_sub){.room = crowd->rooms[self->room], .live = true});
    struct msg hello = {.type = MSG_HELLO};
    hello.as.hello = (struct msg_hello){.version = PROTO_VERSION,
                                        .token = buffer_view(&crowd->token),
                                        .device = view_of_text("bench"),
                                        .subs = list_of(&subs)};
    if (!s_send(self, &hello))
        s_give_up(self, "hello", "not sent");
    list_writer_fini(&subs);
}

static void s_send_sub(struct member *self)
{
    struct msg sub = {.type = MSG_SUB};
    sub.as.sub = (struct msg_sub){.room = self->crowd->rooms[self->room]};
    if (self->live) { /* after a gap */
        sub.as.sub.incarnation = self->incarnation;
        sub.as.sub.after = self->last_seq;
    }
    if (!s_send(self, &sub))
        s_give_up(self, "sub", "not sent");
}

static void s_send_join(struct member *self)
{
    crowd_t *crowd = self->crowd;
    uint64_t half = id_random();
    memset(&self->join_id, 0, sizeof self->join_id);
    memcpy(self->join_id.bytes + 8, &half, sizeof half);
    char name[32];
    struct msg msg = {.type = self->place == 0 ? MSG_ROOM_CREATE : MSG_ROOM_JOIN};
    if (self->place == 0) {
        snprintf(name, sizeof name, "bench room %u", self->room);
        msg.as.room_create = (struct msg_room_create){.client_id = self->join_id, .name = view_of_text(name)};
    } else {
        msg.as.room_join = (struct msg_room_join){.room = crowd->rooms[self->room], .client_id = self->join_id};
    }
    if (!s_send(self, &msg))
        s_give_up(self, "join", "not sent");
}

bool crowd_post(crowd_t *self, uint32_t reader, int64_t due_ns)
{
    struct member *author = &self->readers[reader];
    struct msg post = {.type = MSG_ROOM_POST};
    post.as.room_post = (struct msg_room_post){.room = self->rooms[author->room], .text = crowd_text()};
    ledger_post(self->ledger, author->room, self->plan.per_room, due_ns, &post.as.room_post.client_id);
    return s_send(author, &post);
}

/* ---- what a reader hears ------------------------------------------------------------------------------------- */

static uint64_t s_hash(view_t bytes)
{
    uint64_t hash = bytes.len * 0x9E3779B97F4A7C15u, word;
    size_t i = 0;
    for (; i + 8 <= bytes.len; i += 8) {
        memcpy(&word, bytes.bytes + i, 8);
        hash = (hash ^ word) * 0xD6E8FEB86659FD93u;
        hash ^= hash >> 32;
    }
    for (; i < bytes.len; i++)
        hash = (hash ^ bytes.bytes[i]) * 0xD6E8FEB86659FD93u;
    return hash;
}

static void s_on_event(struct member *self, const struct msg_event *event, view_t frame)
{
    crowd_t *crowd = self->crowd;
    if (!self->live && !crowd->plan.is_floor)
        return; /* a backfill: what was said before the ledger began */
    if (crowd->ledger && event->kind == KIND_POSTED)
        ledger_delivered(crowd->ledger, &(struct ledger_delivery){.client_id = &event->client_id,
                                                               .seq = event->seq,
                                                               .last_seq = self->last_seq,
                                                               .frame_hash = s_hash(frame),
                                                               .room = self->room,
                                                               .place = self->place,
                                                               .at_ns = now_ns()});
    crowd->frame_bytes = frame.len;
    if (event->seq > self->last_seq)
        self->last_seq = event->seq;
}

static void s_on_ack(struct member *self, const struct msg_ack *ack)
{
    crowd_t *crowd = self->crowd;
    if (crowd->goal == GOAL_JOINED && !self->done) {
        if (cid_is_equal(&ack->client_id, &self->join_id)) {
            crowd->rooms[self->room] = ack->room;
            s_done(self);
        }
        return;
    }
    if (crowd->ledger && ledger_acked(crowd->ledger, &ack->client_id, ack->dup, now_ns()) && crowd->on_answer)
        crowd->on_answer(crowd->on_answer_owner, self->index);
}

static void s_on_nack(struct member *self, const struct msg_nack *nack)
{
    crowd_t *crowd = self->crowd;
    if (crowd->goal == GOAL_JOINED && !self->done) {
        if (nack->final || crowd->retries >= crowd->count) {
            s_give_up(self, "join refused", err_name(nack->code));
            return;
        }
        crowd->retry[crowd->retries++] = self->index;
        crowd->retry_at_ns = now_ns() + (int64_t)(nack->retry_ms ? nack->retry_ms : 20) * 1000000;
        return;
    }
    if (!crowd->ledger)
        return;
    if (crowd->ledger->refused == 0)
        fprintf(stderr, "bench: a post was refused: %s\n", err_name(nack->code));
    ledger_refused(crowd->ledger, &nack->client_id);
    if (crowd->on_answer)
        crowd->on_answer(crowd->on_answer_owner, self->index);
}

static void s_on_message(void *owner, ws_client_t *socket, view_t message)
{
    (void)socket;
    struct member *self = owner;
    crowd_t *crowd = self->crowd;
    struct msg msg;
    err_t err = msg_decode(message, &msg);
    if (err) {
        s_give_up(self, "undecodable frame", err_name(err));
        return;
    }
    switch (msg.type) {
    case MSG_EVENT: s_on_event(self, &msg.as.event, message); return;
    case MSG_ACK: s_on_ack(self, &msg.as.ack); return;
    case MSG_NACK: s_on_nack(self, &msg.as.nack); return;
    case MSG_HI: s_send_hello(self); return;
    case MSG_WELCOME:
        self->is_welcome = true;
        if (crowd->goal == GOAL_JOINED)
            s_send_join(self);
        return;
    case MSG_SUB_OK: self->incarnation = msg.as.sub_ok.incarnation; return;
    case MSG_LIVE:
        if (self->last_seq < msg.as.live.seq)
            self->last_seq = msg.as.live.seq;
        self->live = true;
        s_done(self);
        return;
    case MSG_GAP:
        if (crowd->ledger)
            crowd->ledger->gaps++;
        s_send_sub(self);
        return;
    case MSG_HEARTBEAT: s_send(self, &msg); return;
    case MSG_ERR: s_give_up(self, "err", err_name(msg.as.err.code)); return;
    case MSG_KICK: s_give_up(self, "kick", err_name(msg.as.kick.code)); return;
    default: return;
    }
}

/* ---- the loop ------------------------------------------------------------------------------------------------ */

static void s_on_closed(struct member *self)
{
    char why[64];
    snprintf(why, sizeof why, "code %d, http status %d", ws_client_close_code(self->socket),
             ws_client_http_status(self->socket));
    s_give_up(self, "socket closed", why);
    if (self->crowd->ledger)
        self->crowd->ledger->lost_sockets++;
    ws_client_destroy(&self->socket);
    self->live = self->is_welcome = false;
}

static void s_on_ready(struct member *self, uint32_t events)
{
    if (!self->socket)
        return;
    bool readable = (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0;
    if (!ws_client_on_ready(self->socket, readable, (events & (EPOLLOUT | EPOLLERR)) != 0)) {
        s_on_closed(self);
        return;
    }
    if (ws_client_wants_write(self->socket) != self->writes)
        s_watch(self, EPOLL_CTL_MOD);
    if (self->crowd->goal == GOAL_OPEN && ws_client_is_open(self->socket))
        s_done(self);
}

void crowd_poll(crowd_t *self, int64_t until_ns)
{
    struct epoll_event events[EVENTS_MAX];
    int64_t wait_ns = until_ns - now_ns();
    struct timespec wait = {0};
    if (wait_ns > 0)
        wait = (struct timespec){.tv_sec = wait_ns / 1000000000, .tv_nsec = wait_ns % 1000000000};
    int count = epoll_pwait2(self->epoll, events, EVENTS_MAX, &wait, NULL);
    for (int i = 0; i < count; i++)
        s_on_ready(events[i].data.ptr, events[i].events);
}

static void s_begin(struct member *self)
{
    crowd_t *crowd = self->crowd;
    if (self->socket && self->is_welcome) {
        if (crowd->goal == GOAL_LIVE && !self->live)
            s_send_sub(self);
        else if (crowd->goal == GOAL_JOINED)
            s_send_join(self);
        else
            s_done(self);
        return;
    }
    ws_client_destroy(&self->socket);
    self->socket = ws_client_new(crowd->plan.port, "rookery.v1.msgpack", s_on_message, self);
    if (!self->socket)
        s_give_up(self, "connect", strerror(errno));
    else
        s_watch(self, EPOLL_CTL_ADD);
}

static void s_retry(crowd_t *self)
{
    if (self->retries == 0 || now_ns() < self->retry_at_ns)
        return;
    uint32_t count = self->retries;
    self->retries = 0;
    for (uint32_t i = 0; i < count; i++)
        s_send_join(&self->readers[self->retry[i]]);
}

/* Brings readers in these places of their rooms to the goal, `window` at a time. */
static bool s_run(crowd_t *self, enum goal goal, uint32_t window, uint32_t place_first, uint32_t place_last)
{
    int64_t start_ns = now_ns(), end_ns = start_ns + (int64_t)SETUP_S * 1000000000;
    self->goal = goal;
    self->done = 0;
    self->failed = false;
    uint32_t next = 0, begun = 0;
    while (!self->failed && (next < self->count || self->done < begun)) {
        while (next < self->count && begun - self->done < window && !self->failed) {
            struct member *reader = &self->readers[next++];
            if (reader->place < place_first || reader->place > place_last)
                continue;
            reader->done = false;
            begun++;
            s_begin(reader);
        }
        s_retry(self);
        crowd_poll(self, now_ns() + 10000000);
        if (now_ns() > end_ns && !self->failed) {
            fprintf(stderr, "bench: %u of %u readers were not ready within %d s\n", self->count - self->done,
                    self->count, SETUP_S);
            return false;
        }
    }
    self->setup_ns = now_ns() - start_ns;
    return !self->failed;
}

bool crowd_join(crowd_t *self)
{
    return s_run(self, GOAL_JOINED, WINDOW, 0, 0) && s_run(self, GOAL_JOINED, WINDOW, 1, self->plan.per_room);
}

bool crowd_show(crowd_t *self)
{
    return s_run(self, GOAL_LIVE, WINDOW, 0, self->plan.per_room);
}

bool crowd_connect(crowd_t *self)
{
    return s_run(self, GOAL_OPEN, 1, 0, self->plan.per_room);
}
