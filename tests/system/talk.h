/* talk — people who send to and read every room of a stack while a test does something to it, and then the verdict:
 * what each was told against what the database holds (checker.h). */
#ifndef ROOKERY_TESTS_TALK_H
#define ROOKERY_TESTS_TALK_H

#include "tests/system/chat_user.h"
#include "tests/system/checker.h"
#include "tests/system/stack.h"

enum { TALK_USERS_MAX = 64 };

struct talk {
    struct stack *stack;
    struct chat_user users[TALK_USERS_MAX];
    size_t user_count, room_count;
    /* Since talk_watch: the longest time in which a room gave no ack to anybody, and our own longest turn. */
    long room_acked_ms[CHAT_ROOMS_MAX], longest_pause_ms, longest_turn_ms, turned_ms;
    uint64_t refused_before;
};

long talk_now_ms(void);

/* Signs up the users, makes the rooms, lets everybody in. Users take the edges in turn. False: said on stderr. */
bool talk_open(struct talk *self, struct stack *stack, size_t user_count, size_t room_count);
void talk_close(struct talk *self);

void talk_turn(struct talk *self, int wait_ms); /* one turn of the loop */
void talk_for(struct talk *self, long ms);
void talk_watch(struct talk *self);             /* measure from now on */

uint64_t talk_refused(const struct talk *self); /* sends that were told to come again, since talk_watch */
uint64_t talk_acks(const struct talk *self);
bool talk_all_welcome(const struct talk *self);
/* Until everybody is connected and each of them has had an ack since. The time that took, or -1. */
long talk_await_acks(struct talk *self, long timeout_ms);

/* Everybody stops sending, gets their answers, and reads to the end. False: not within 60 s, said on stderr. */
bool talk_settle(struct talk *self);
/* After talk_settle: prints the checker's verdict and all there is to count; the sum of faults and final refusals. */
uint64_t talk_verdict(struct talk *self);

#endif
