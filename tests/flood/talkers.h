/* talkers — a few people in one room who post in turn, and what each line took from its sending to its ack and to each
 * of the others. One thread, one poll loop. */
#ifndef ROOKERY_TESTS_TALKERS_H
#define ROOKERY_TESTS_TALKERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/ws_client.h"

enum { TALKERS = 4, TALK_LINES_MAX = 20000 };

struct talkers;

struct talker {
    struct talkers *all;
    ws_client_t *socket;
    char *token;
    bool live;
};

struct talkers {
    struct talker people[TALKERS];
    uint64_t room, lines; /* sent so far */
    int64_t sent_ns[TALK_LINES_MAX];
    uint8_t got[TALK_LINES_MAX]; /* acks and events of it: TALKERS is all */
    int64_t *took_us; /* of the round at hand */
    size_t took_count, took_max;
};

/* Signs them up, makes the room, connects, shows it. False: the server did not want it, said on stderr. */
bool talkers_open(struct talkers *self, int port);
void talkers_close(struct talkers *self);

/* Posts a line each pause_ms for so long, and waits for what is still on its way (at most 5 s). took_us gets what
 * came, its number is returned. False in *whole_out: something never came, or a socket ended. */
size_t talkers_talk(struct talkers *self, int64_t for_ms, int64_t pause_ms, int64_t *took_us, size_t max, bool *whole_out);

#endif
