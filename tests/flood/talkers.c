#include "tests/flood/talkers.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/proc.h"
#include "proto/messages.h"
#include "tests/system/chat_user.h"

enum { LATE_MS = 5000, FRAME_BYTES_MAX = 8192 };

static bool s_send(struct talker *self, const struct msg *msg)
{
    buffer_t bytes;
    buffer_init(&bytes, FRAME_BYTES_MAX);
    bool sent = !msg_encode(msg, &bytes) && ws_client_send(self->socket, WS_BINARY, buffer_view(&bytes));
    buffer_fini(&bytes);
    return sent;
}

/* The line's number is its text. */
static void s_on_line(struct talkers *self, uint64_t line)
{
    if (line >= self->lines)
        return;
    self->got[line]++;
    if (self->took_us && self->took_count < self->took_max)
        self->took_us[self->took_count++] = (now_ns() - self->sent_ns[line]) / 1000;
}

static uint64_t s_line_of_cid(const cid_t *cid)
{
    uint64_t line = 0;
    memcpy(&line, cid->bytes + 8, sizeof line);
    return line;
}

static void s_on_message(void *owner, ws_client_t *socket, view_t message)
{
    struct talker *self = owner;
    struct talkers *all = self->all;
    (void)socket;
    struct msg msg;
    if (msg_decode(message, &msg))
        return;
    if (msg.type == MSG_HI) {
        struct msg hello = {.type = MSG_HELLO, .as.hello = {.version = PROTO_VERSION, .token = view_of_text(self->token),
                                                            .device = view_of_text("")}};
        s_send(self, &hello);
    } else if (msg.type == MSG_WELCOME) {
        struct msg sub = {.type = MSG_SUB, .as.sub = {.room = all->room}};
        s_send(self, &sub);
    } else if (msg.type == MSG_LIVE) {
        self->live = true;
    } else if (msg.type == MSG_ACK) {
        s_on_line(all, s_line_of_cid(&msg.as.ack.client_id));
    } else if (msg.type == MSG_EVENT && msg.as.event.kind == KIND_POSTED) {
        uint64_t line = s_line_of_cid(&msg.as.event.client_id);
        if (&all->people[line % TALKERS] != self) /* the author has the ack */
            s_on_line(all, line);
    }
}

/* Handles what is ready within wait_ms. False: a socket ended. */
static bool s_poll(struct talkers *self, int wait_ms)
{
    struct pollfd fds[TALKERS];
    bool fine = true;
    for (int i = 0; i < TALKERS; i++) {
        ws_client_t *socket = self->people[i].socket;
        fds[i] = (struct pollfd){.fd = ws_client_fd(socket),
                                 .events = (short)(POLLIN | (ws_client_wants_write(socket) ? POLLOUT : 0))};
    }
    if (poll(fds, TALKERS, wait_ms < 0 ? 0 : wait_ms) <= 0)
        return true;
    for (int i = 0; i < TALKERS; i++)
        if (fds[i].revents)
            fine = ws_client_on_ready(self->people[i].socket, fds[i].revents & (POLLIN | POLLERR | POLLHUP),
                                      fds[i].revents & POLLOUT) && fine;
    return fine;
}

static bool s_enter(struct talkers *self, int port)
{
    for (int i = 0; i < TALKERS; i++) {
        struct chat_user user;
        if (!chat_user_open(&user, i, port, "talker", NULL))
            return false;
        bool in = i == 0 ? chat_user_create_room(&user, "Flood", &self->room) : chat_user_join(&user, self->room);
        self->people[i] = (struct talker){.all = self, .token = strdup(user.token)};
        chat_user_close(&user);
        if (!in)
            return false;
    }
    return true;
}

bool talkers_open(struct talkers *self, int port)
{
    *self = (struct talkers){0};
    if (!s_enter(self, port))
        return false;
    for (int i = 0; i < TALKERS; i++) {
        self->people[i].socket = ws_client_new(port, "rookery.v1.msgpack", s_on_message, &self->people[i]);
        if (!self->people[i].socket)
            return false;
    }
    int64_t until_ns = now_ns() + (int64_t)LATE_MS * 1000000;
    bool live = false;
    while (!live && now_ns() < until_ns && s_poll(self, 10)) {
        live = true;
        for (int i = 0; i < TALKERS; i++)
            live = live && self->people[i].live;
    }
    if (!live)
        fprintf(stderr, "the talkers could not sign in\n");
    return live;
}

void talkers_close(struct talkers *self)
{
    for (int i = 0; i < TALKERS; i++) {
        ws_client_destroy(&self->people[i].socket);
        free(self->people[i].token);
    }
}

static bool s_post(struct talkers *self)
{
    uint64_t line = self->lines;
    struct msg post = {.type = MSG_ROOM_POST, .as.room_post = {.room = self->room, .text = view_of_text("as ever")}};
    post.as.room_post.client_id.bytes[0] = 1;
    memcpy(post.as.room_post.client_id.bytes + 8, &line, sizeof line);
    self->sent_ns[line] = now_ns();
    self->lines++;
    return s_send(&self->people[line % TALKERS], &post);
}

size_t talkers_talk(struct talkers *self, int64_t for_ms, int64_t pause_ms, int64_t *took_us, size_t max, bool *whole_out)
{
    uint64_t first = self->lines;
    int64_t next_ns = now_ns(), until_ns = next_ns + for_ms * 1000000, late_ns = until_ns + (int64_t)LATE_MS * 1000000;
    bool fine = true;
    self->took_us = took_us;
    self->took_max = max;
    self->took_count = 0;
    while (fine && next_ns < until_ns && self->lines < TALK_LINES_MAX) { /* on time, whatever the answers do */
        fine = s_poll(self, (int)((next_ns - now_ns()) / 1000000));
        if (now_ns() >= next_ns) {
            fine = fine && s_post(self);
            next_ns += pause_ms * 1000000;
        }
    }
    size_t wanted = (size_t)(self->lines - first) * TALKERS;
    while (fine && self->took_count < wanted && now_ns() < late_ns)
        fine = s_poll(self, 10);
    for (uint64_t line = first; line < self->lines; line++)
        fine = fine && self->got[line] == TALKERS;
    *whole_out = fine;
    self->took_us = NULL;
    return self->took_count;
}
