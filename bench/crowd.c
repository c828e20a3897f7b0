#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "bench/crowd_impl.h"

enum {
    WINDOW = 32,          /* readers in the middle of connecting or joining */
    EVENTS_MAX = 256,
    SETUP_S = 60,         /* for the whole crowd */
    TEXT_BYTES_MAX = 4096,
    NARROW_BYTES = 32 * 1024,
};

view_t crowd_text(uint32_t bytes)
{
    static char text[TEXT_BYTES_MAX];
    static const char words[] = "the rooks come home over the wet fields and every one of them says the same thing ";
    for (size_t i = 0; text[TEXT_BYTES_MAX - 1] == '\0' && i < TEXT_BYTES_MAX; i++)
        text[i] = words[i % (sizeof words - 1)];
    return view_of(text, bytes < TEXT_BYTES_MAX ? bytes : TEXT_BYTES_MAX);
}

void crowd_set_text(crowd_t *self, uint32_t bytes)
{
    self->text_bytes = bytes;
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
    self->text_bytes = CROWD_TEXT_BYTES;
    buffer_init(&self->out, CROWD_FRAME_BYTES_MAX);
    if (self->epoll < 0 || !self->readers || !self->rooms || !self->retry)
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
    buffer_fini(&self->out);
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

bool crowd_is_spoiled(const crowd_t *self)
{
    return self->plan.planted != PLANTED_NONE;
}

bool crowd_is_whole(const crowd_t *self)
{
    return !self->failed;
}

size_t crowd_frame_bytes(const crowd_t *self)
{
    return self->frame_bytes;
}

uint64_t crowd_room(const crowd_t *self, uint32_t room)
{
    return self->rooms[room];
}

const char *crowd_token(const crowd_t *self, uint32_t reader)
{
    return self->plan.tokens[reader];
}

void crowd_hear_answers(crowd_t *self, const struct crowd_answers *answers)
{
    self->answers = answers ? *answers : (struct crowd_answers){0};
}

void crowd_on_answer(crowd_t *self, void (*fn)(void *owner, uint32_t reader), void *owner)
{
    self->on_answer = fn;
    self->on_answer_owner = owner;
}

/* ---- what a reader sends ------------------------------------------------------------------------------------- */

void crowd_watch(struct member *self, int operation)
{
    self->writes = ws_client_wants_write(self->socket);
    struct epoll_event event = {.data.ptr = self};
    if (self != self->crowd->slow) /* whom crowd_feed_slow reads for */
        event.events |= EPOLLIN;
    if (self->writes)
        event.events |= EPOLLOUT;
    epoll_ctl(self->crowd->epoll, operation, ws_client_fd(self->socket), &event);
}

bool crowd_say(struct member *self, const struct msg *msg)
{
    buffer_t *out = &self->crowd->out;
    buffer_clear(out);
    if (!self->socket || msg_encode(msg, out) != ERR_OK ||
        !ws_client_send(self->socket, WS_BINARY, buffer_view(out)))
        return false;
    if (ws_client_wants_write(self->socket) != self->writes)
        crowd_watch(self, EPOLL_CTL_MOD);
    return true;
}

bool crowd_send(crowd_t *self, uint32_t reader, const struct msg *msg)
{
    return crowd_say(&self->readers[reader], msg);
}

void crowd_give_up(struct member *self, const char *what, const char *why)
{
    if (!self->crowd->failed)
        fprintf(stderr, "bench: reader %u: %s: %s\n", self->index, what, why);
    self->crowd->failed = true;
}

void crowd_done(struct member *self)
{
    if (!self->done)
        self->crowd->done++;
    self->done = true;
}

void crowd_send_hello(struct member *self)
{
    crowd_t *crowd = self->crowd;
    list_writer_t subs;
    list_writer_init(&subs, CROWD_FRAME_BYTES_MAX);
    if (crowd->goal == GOAL_LIVE)
        rec_sub_append(&subs, &(struct rec_sub){.room = crowd->rooms[self->room],
                                                .incarnation = self->has_log ? self->incarnation : 0,
                                                .after = self->has_log ? self->last_seq : 0,
                                                .live = true});
    struct msg hello = {.type = MSG_HELLO};
    hello.as.hello = (struct msg_hello){.version = PROTO_VERSION,
                                        .token = view_of_text(crowd->plan.tokens[self->index]),
                                        .device = view_of_text("bench"),
                                        .subs = list_of(&subs)};
    if (!crowd_say(self, &hello) && !self->away)
        crowd_give_up(self, "hello", "not sent");
    list_writer_fini(&subs);
}

void crowd_send_sub(struct member *self)
{
    struct msg sub = {.type = MSG_SUB};
    sub.as.sub = (struct msg_sub){.room = self->crowd->rooms[self->room]};
    if (self->live) { /* after a gap */
        sub.as.sub.incarnation = self->incarnation;
        sub.as.sub.after = self->last_seq;
    }
    if (!crowd_say(self, &sub) && !self->away)
        crowd_give_up(self, "sub", "not sent");
}

void crowd_send_join(struct member *self)
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
    if (!crowd_say(self, &msg))
        crowd_give_up(self, "join", "not sent");
}

bool crowd_post(crowd_t *self, uint32_t reader, int64_t due_ns)
{
    struct member *author = &self->readers[reader];
    struct msg post = {.type = MSG_ROOM_POST};
    post.as.room_post = (struct msg_room_post){.room = self->rooms[author->room], .text = crowd_text(self->text_bytes)};
    ledger_post(self->ledger, author->room, self->plan.per_room, due_ns, &post.as.room_post.client_id);
    return crowd_say(author, &post);
}

/* ---- the loop ------------------------------------------------------------------------------------------------ */

void crowd_drop(struct member *self)
{
    char why[64];
    bool was_open = ws_client_is_open(self->socket) || self->is_welcome;
    if (crowd_try_again(self, !was_open))
        return;
    snprintf(why, sizeof why, "code %d, http status %d", ws_client_close_code(self->socket),
             ws_client_http_status(self->socket));
    crowd_give_up(self, "socket closed", why);
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
        crowd_drop(self);
        return;
    }
    if (ws_client_wants_write(self->socket) != self->writes)
        crowd_watch(self, EPOLL_CTL_MOD);
    if (self->crowd->goal == GOAL_OPEN && ws_client_is_open(self->socket))
        crowd_done(self);
}

void crowd_poll(crowd_t *self, int64_t until_ns)
{
    struct epoll_event events[EVENTS_MAX];
    int64_t slow_ns = crowd_feed_slow(self);
    int64_t wait_ns = (slow_ns < until_ns ? slow_ns : until_ns) - now_ns();
    struct timespec wait = {0};
    if (wait_ns > 0)
        wait = (struct timespec){.tv_sec = wait_ns / 1000000000, .tv_nsec = wait_ns % 1000000000};
    int count = epoll_pwait2(self->epoll, events, EVENTS_MAX, &wait, NULL);
    for (int i = 0; i < count; i++)
        s_on_ready(events[i].data.ptr, events[i].events);
}

void crowd_begin(struct member *self)
{
    crowd_t *crowd = self->crowd;
    if (self->socket && self->is_welcome) {
        if (crowd->goal == GOAL_LIVE && !self->live)
            crowd_send_sub(self);
        else if (crowd->goal == GOAL_JOINED)
            crowd_send_join(self);
        else
            crowd_done(self);
        return;
    }
    ws_client_destroy(&self->socket);
    bool narrow = crowd->plan.narrow_from > 0 && self->index >= crowd->plan.narrow_from;
    self->socket = ws_client_new_narrow(crowd->plan.port, "rookery.v1.msgpack", narrow ? NARROW_BYTES : 0, crowd_hear,
                                        self);
    if (self->socket)
        crowd_watch(self, EPOLL_CTL_ADD);
    else if (!crowd_try_again(self, true))
        crowd_give_up(self, "connect", strerror(errno));
}

static void s_retry(crowd_t *self)
{
    if (self->retries == 0 || now_ns() < self->retry_at_ns)
        return;
    uint32_t count = self->retries;
    self->retries = 0;
    for (uint32_t i = 0; i < count; i++)
        crowd_send_join(&self->readers[self->retry[i]]);
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
            crowd_begin(reader);
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

bool crowd_show_first(crowd_t *self)
{
    return s_run(self, GOAL_LIVE, WINDOW, 0, 0);
}

bool crowd_connect(crowd_t *self)
{
    return s_run(self, GOAL_OPEN, 1, 0, self->plan.per_room);
}
