/* chat_user — one person at a browser, as the client rules of PROTOCOL.md want it, writing down what it sees.
 *
 * Applies an event only at last+1, asks again on a jump, keeps one unacked post per room and sends it again
 * unchanged until acked, connects again by itself. Its log is what checker.h reads. Driven by one epoll loop. */
#ifndef ROOKERY_TESTS_CHAT_USER_H
#define ROOKERY_TESTS_CHAT_USER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "bench/ws_client.h"
#include "proto/messages.h"

enum { CHAT_ROOMS_MAX = 8, CHAT_TEXT_MAX = 96 };

struct chat_post {
    bool open, sent;
    cid_t client_id;
    char text[CHAT_TEXT_MAX];
    long send_at_ms, sent_at_ms;
};

struct chat_room {
    uint64_t room, incarnation, last;
    bool paging;             /* a snapshot's lines are coming: not contiguous */
    uint64_t page_head;
    long acked_ms;           /* when the last ack came; 0: none yet */
    struct chat_post post;
};

struct chat_user {
    int index, port;
    uint64_t user;
    char name[32];
    char *token;
    FILE *log;
    ws_client_t *socket;
    bool welcomed, sending;
    long connect_at_ms, now_ms;
    unsigned failures;
    long think_ms;           /* from an ack to the next post */
    struct chat_room rooms[CHAT_ROOMS_MAX];
    size_t room_count;
    uint64_t posted, acked, dups, refused, finals, gaps, connects;
    uint64_t random;
};

/* Signs up (or in, when the name is there) over HTTP. False: the server did not want it. */
bool chat_user_open(struct chat_user *self, int index, int port, const char *name_prefix, FILE *log);
void chat_user_close(struct chat_user *self);
/* Over HTTP, before the first tick: makes a room or joins one. */
bool chat_user_create_room(struct chat_user *self, const char *name, uint64_t *room_out);
bool chat_user_join(struct chat_user *self, uint64_t room);

/* Connects, sends, sends again. Call each 10 ms or so, and after each event. */
void chat_user_tick(struct chat_user *self, long now_ms);
void chat_user_on_ready(struct chat_user *self, bool readable, bool writable, long now_ms);

bool chat_user_is_idle(const struct chat_user *self); /* nothing unacked */

uint64_t fnv64(const void *bytes, size_t len);

#endif
