#include "tests/system/talk.h"

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SETTLE_MS = 60000, TOKEN_MS = 15000 };

long talk_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000L + t.tv_nsec / 1000000L;
}

uint64_t talk_acks(const struct talk *self)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < self->user_count; i++)
        sum += self->users[i].acked;
    return sum;
}

bool talk_open(struct talk *self, struct stack *stack, size_t user_count, size_t room_count)
{
    *self = (struct talk){.stack = stack, .user_count = user_count, .room_count = room_count};
    uint64_t rooms[CHAT_ROOMS_MAX];
    for (size_t i = 0; i < self->user_count; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/client-%02zu.log", self->stack->dir, i);
        FILE *log = fopen(path, "w");
        if (!log || !chat_user_open(&self->users[i], (int)i, stack_edge_port(stack, i % STACK_EDGES), "talk-", log) ||
            !stack_await_token(stack, self->users[i].token, TOKEN_MS))
            return false;
        for (size_t r = 0; r < self->room_count; r++) {
            char name[32];
            snprintf(name, sizeof name, "room %zu", r);
            if (i == 0 ? !chat_user_create_room(&self->users[0], name, &rooms[r])
                       : !chat_user_join(&self->users[i], rooms[r]))
                return false;
        }
        self->users[i].sending = true;
    }
    return true;
}

void talk_close(struct talk *self)
{
    for (size_t i = 0; i < self->user_count; i++) {
        chat_user_close(&self->users[i]);
        if (self->users[i].log)
            fclose(self->users[i].log);
        self->users[i].log = NULL;
    }
}

/* ---- the loop ---------------------------------------------------------------------------------------------------- */

static void s_measure(struct talk *self)
{
    long now_ms = talk_now_ms();
    for (size_t r = 0; r < self->room_count; r++) {
        long newest_ms = 0;
        for (size_t i = 0; i < self->user_count; i++)
            if (self->users[i].rooms[r].acked_ms > newest_ms)
                newest_ms = self->users[i].rooms[r].acked_ms;
        bool acked = newest_ms > self->room_acked_ms[r];
        long pause_ms = (acked ? newest_ms : now_ms) - self->room_acked_ms[r]; /* ended, or still going on */
        if (pause_ms > self->longest_pause_ms)
            self->longest_pause_ms = pause_ms;
        if (acked)
            self->room_acked_ms[r] = newest_ms;
    }
    if (self->turned_ms && now_ms - self->turned_ms > self->longest_turn_ms)
        self->longest_turn_ms = now_ms - self->turned_ms;
    self->turned_ms = now_ms;
}

void talk_turn(struct talk *self, int wait_ms)
{
    struct pollfd fds[TALK_USERS_MAX];
    size_t who[TALK_USERS_MAX], count = 0;
    long now_ms = talk_now_ms();
    for (size_t i = 0; i < self->user_count; i++) {
        struct chat_user *user = &self->users[i];
        chat_user_tick(user, now_ms);
        if (!user->socket)
            continue;
        short events = POLLIN;
        if (ws_client_wants_write(user->socket))
            events |= POLLOUT;
        fds[count] = (struct pollfd){.fd = ws_client_fd(user->socket), .events = events};
        who[count++] = i;
    }
    poll(fds, count, wait_ms);
    for (size_t i = 0; i < count; i++)
        if (fds[i].revents)
            chat_user_on_ready(&self->users[who[i]], (fds[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0,
                               (fds[i].revents & (POLLOUT | POLLERR)) != 0, talk_now_ms());
    s_measure(self);
}

void talk_for(struct talk *self, long ms)
{
    for (long until_ms = talk_now_ms() + ms; talk_now_ms() < until_ms;)
        talk_turn(self, 5);
}

void talk_watch(struct talk *self)
{
    for (size_t r = 0; r < self->room_count; r++)
        self->room_acked_ms[r] = talk_now_ms();
    self->longest_pause_ms = self->longest_turn_ms = self->turned_ms = 0;
    self->refused_before += talk_refused(self);
}

uint64_t talk_refused(const struct talk *self)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < self->user_count; i++)
        sum += self->users[i].refused;
    return sum - self->refused_before;
}

bool talk_all_welcome(const struct talk *self)
{
    for (size_t i = 0; i < self->user_count; i++)
        if (!self->users[i].welcomed)
            return false;
    return true;
}

long talk_await_acks(struct talk *self, long timeout_ms)
{
    long start_ms = talk_now_ms();
    for (;;) {
        talk_turn(self, 5);
        long now_ms = talk_now_ms();
        bool all = talk_all_welcome(self);
        for (size_t i = 0; all && i < self->user_count; i++)
            for (size_t r = 0; all && r < self->room_count; r++)
                all = self->users[i].rooms[r].acked_ms > start_ms;
        if (all)
            return now_ms - start_ms;
        if (now_ms - start_ms > timeout_ms)
            return -1;
    }
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

/* Everybody stops sending, gets their answers, and reads to the end. */
bool talk_settle(struct talk *self)
{
    long until_ms = talk_now_ms() + SETTLE_MS, quiet_ms = 0;
    for (size_t i = 0; i < self->user_count; i++)
        self->users[i].sending = false;
    while (talk_now_ms() < until_ms) {
        talk_turn(self, 10);
        bool idle = talk_all_welcome(self);
        for (size_t i = 0; i < self->user_count; i++) {
            idle = idle && chat_user_is_idle(&self->users[i]);
            for (size_t r = 0; r < self->room_count; r++)
                idle = idle && self->users[i].rooms[r].last == self->users[0].rooms[r].last;
        }
        if (!idle)
            quiet_ms = 0;
        else if (!quiet_ms)
            quiet_ms = talk_now_ms();
        else if (talk_now_ms() - quiet_ms > 500)
            return true;
    }
    fprintf(stderr, "some clients did not get their answers or did not catch up within %d ms\n", SETTLE_MS);
    return false;
}

static int s_nibble(char c)
{
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c - '0';
}

/* Turns the database's rows into the checker's lines; the frame is decoded by the same rules as at a client. */
static bool s_dump(struct talk *self)
{
    char raw[512], path[512], line[4096];
    snprintf(raw, sizeof raw, "%s/event.tsv", self->stack->dir);
    snprintf(path, sizeof path, "%s/db.log", self->stack->dir);
    if (!stack_sql(self->stack,
                   "SELECT room_id, seq, kind, user_id, LOWER(HEX(client_id)), msg_no, HEX(frame) FROM event "
                   "ORDER BY room_id, seq", raw))
        return false;
    FILE *in = fopen(raw, "r"), *out = fopen(path, "w");
    bool ok = in && out;
    while (ok && fgets(line, sizeof line, in)) {
        uint64_t room, seq, user, msg_no;
        unsigned kind;
        char cid[33];
        int at = 0;
        ok = sscanf(line, "%" SCNu64 " %" SCNu64 " %u %" SCNu64 " %32s %" SCNu64 " %n", &room, &seq, &kind, &user, cid,
                    &msg_no, &at) == 6;
        uint8_t frame[sizeof line / 2];
        size_t len = 0;
        for (const char *c = line + at; ok && c[0] && c[0] != '\n'; c += 2)
            frame[len++] = (uint8_t)(s_nibble(c[0]) << 4 | s_nibble(c[1]));
        struct msg msg;
        struct kind_posted posted = {0};
        ok = ok && msg_decode(view_of(frame, len), &msg) == ERR_OK && msg.type == MSG_EVENT;
        if (ok && kind == KIND_POSTED)
            ok = kind_decode(kind, msg.as.event.body, &posted) == ERR_OK;
        if (ok)
            fprintf(out, "D %" PRIu64 " %" PRIu64 " %u %" PRIu64 " %s %016" PRIx64 " %016" PRIx64 " %" PRIu64 "\n",
                    room, seq, kind, user, cid, fnv64(frame, len), fnv64(posted.text.bytes, posted.text.len), msg_no);
    }
    if (in)
        fclose(in);
    if (out)
        fclose(out);
    return ok;
}

uint64_t talk_verdict(struct talk *self)
{
    struct checker_report report;
    uint64_t gaps = 0, finals = 0;
    for (size_t i = 0; i < self->user_count; i++) {
        fflush(self->users[i].log);
        gaps += self->users[i].gaps;
        finals += self->users[i].finals;
    }
    if (!s_dump(self))
        printf("the database could not be read\n");
    uint64_t faults = checker_run(self->stack->dir, stdout, &report);
    printf("stored %" PRIu64 "  acks %" PRIu64 " (repeats %" PRIu64 ")  shown %" PRIu64 "  holes healed %" PRIu64
           "  final refusals %" PRIu64 "\n", report.stored, report.acks, report.dup_acks, report.applied, gaps, finals);
    for (int f = 0; f < FAULT_COUNT; f++)
        printf("%s %" PRIu64 "%s", checker_fault_name((enum checker_fault)f), report.faults[f],
               f + 1 < FAULT_COUNT ? ", " : "\n");
    return faults + finals;
}
