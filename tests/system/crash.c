/* crash — senders and readers while the server and MariaDB are killed, then the checker's verdict.
 *
 *   crash [--users 16] [--rooms 4] [--acks 50000] [--server-kills 20] [--db-kills 10] [--seed N]
 *         [--keep]
 *
 * Every user sends to and reads every room. Fails on any fault, and when no kill fell inside a COMMIT: then it has
 * not tested what it is for. Where a kill falls is chance, so the database is killed up to 30 times more for that.
 * Each server kill takes one node at random, or a whole server (stack.h). */
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/system/chat_user.h"
#include "tests/system/checker.h"
#include "tests/system/stack.h"

enum { USERS_MAX = 64, KILL_GAP_MS_MIN = 300, KILL_GAP_MS_MAX = 2200, RECOVER_MS = 20000, SETTLE_MS = 60000,
       EXTRA_KILLS_MAX = 30 };

struct crash {
    struct stack stack;
    struct chat_user users[USERS_MAX];
    size_t user_count, room_count;
    uint64_t want_acks, seed;
    unsigned server_kills, db_kills, want_server_kills, want_db_kills;
    long next_kill_ms, next_poll_ms, next_print_ms, start_ms;
    long unknown_commits, last_unknown[2], longest_recovery_ms, down_since_ms;
    bool keep;
};

static long s_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000L + t.tv_nsec / 1000000L;
}

static uint64_t s_random(struct crash *self)
{
    self->seed ^= self->seed << 13;
    self->seed ^= self->seed >> 7;
    self->seed ^= self->seed << 17;
    return self->seed;
}

static uint64_t s_acks(const struct crash *self)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < self->user_count; i++)
        sum += self->users[i].acked;
    return sum;
}

static bool s_open_users(struct crash *self)
{
    uint64_t rooms[CHAT_ROOMS_MAX];
    for (size_t i = 0; i < self->user_count; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/client-%02zu.log", self->stack.dir, i);
        FILE *log = fopen(path, "w");
        if (!log || !chat_user_open(&self->users[i], (int)i, self->stack.port, "crash-", log))
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

/* One turn of the loop: at most wait_ms long. */
static void s_turn(struct crash *self, int wait_ms)
{
    struct pollfd fds[USERS_MAX];
    size_t who[USERS_MAX], count = 0;
    long now_ms = s_now_ms();
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
                               (fds[i].revents & (POLLOUT | POLLERR)) != 0, s_now_ms());
}

static bool s_all_welcome(const struct crash *self)
{
    for (size_t i = 0; i < self->user_count; i++)
        if (!self->users[i].welcomed)
            return false;
    return true;
}

/* The counter of a killed node is gone, so it is read while it lives; a smaller value is a new life. */
static void s_poll_metrics(struct crash *self)
{
    static const char *const nodes[] = {"persist-0", "persist-1"};
    for (size_t i = 0; i < (self->stack.topology == TOPOLOGY_HOSTS ? 2 : 1); i++) {
        long value = stack_metric_of(&self->stack, nodes[i], "rookery_store_unknown_commits_total");
        if (value < 0)
            continue;
        self->unknown_commits += value >= self->last_unknown[i] ? value - self->last_unknown[i] : value;
        self->last_unknown[i] = value;
    }
}

static bool s_wants_more(const struct crash *self)
{
    return self->want_db_kills > 0 && self->unknown_commits == 0 &&
           self->db_kills < self->want_db_kills + EXTRA_KILLS_MAX;
}

static bool s_kill_one(struct crash *self)
{
    size_t pick = (size_t)(s_random(self) % (STACK_NODES + 1));
    return pick == STACK_NODES ? stack_kill_server(&self->stack)
                               : stack_kill(stack_node_pid(&self->stack, stack_node_name(pick)));
}

static void s_kill(struct crash *self, long now_ms)
{
    unsigned left_server = self->want_server_kills - self->server_kills;
    unsigned left_db = self->db_kills < self->want_db_kills ? self->want_db_kills - self->db_kills : 0;
    if (left_server + left_db == 0 && s_wants_more(self))
        left_db = 1;
    if (left_server + left_db == 0)
        return;
    bool db = s_random(self) % (left_server + left_db) < left_db;
    self->next_kill_ms = now_ms + KILL_GAP_MS_MIN + (long)(s_random(self) % (KILL_GAP_MS_MAX - KILL_GAP_MS_MIN));
    if (!(db ? stack_kill(stack_mariadb_pid(&self->stack)) : s_kill_one(self)))
        return;
    if (db)
        self->db_kills++;
    else
        self->server_kills++;
    if (!db)
        self->down_since_ms = now_ms;
}

static void s_print(struct crash *self, long now_ms)
{
    printf("%5.1f s  acks %" PRIu64 "  server kills %u  database kills %u  unknown commits %ld\n",
           (double)(now_ms - self->start_ms) / 1000, s_acks(self), self->server_kills, self->db_kills,
           self->unknown_commits);
    fflush(stdout);
    self->next_print_ms = now_ms + 5000;
}

static bool s_is_done(const struct crash *self)
{
    return s_acks(self) >= self->want_acks && self->server_kills >= self->want_server_kills &&
           self->db_kills >= self->want_db_kills && !s_wants_more(self);
}

static void s_storm(struct crash *self, long until_ms)
{
    while (!s_is_done(self) && s_now_ms() < until_ms) {
        s_turn(self, 5);
        long now_ms = s_now_ms();
        if (self->down_since_ms && s_all_welcome(self)) {
            long took_ms = now_ms - self->down_since_ms;
            if (took_ms > self->longest_recovery_ms)
                self->longest_recovery_ms = took_ms;
            self->down_since_ms = 0;
        }
        /* Nothing is killed before the last kill has healed: a run has a bound that way, and each kill meets load. */
        if (now_ms >= self->next_kill_ms && !self->down_since_ms && s_all_welcome(self))
            s_kill(self, now_ms);
        if (now_ms >= self->next_poll_ms) {
            self->next_poll_ms = now_ms + 150;
            s_poll_metrics(self);
        }
        if (now_ms >= self->next_print_ms)
            s_print(self, now_ms);
    }
}

/* Everybody stops sending, gets their answers, and reads to the end. */
static bool s_settle(struct crash *self)
{
    long until_ms = s_now_ms() + SETTLE_MS, quiet_ms = 0;
    for (size_t i = 0; i < self->user_count; i++)
        self->users[i].sending = false;
    while (s_now_ms() < until_ms) {
        s_turn(self, 10);
        bool idle = s_all_welcome(self);
        for (size_t i = 0; i < self->user_count; i++) {
            idle = idle && chat_user_is_idle(&self->users[i]);
            for (size_t r = 0; r < self->room_count; r++)
                idle = idle && self->users[i].rooms[r].last == self->users[0].rooms[r].last;
        }
        if (!idle)
            quiet_ms = 0;
        else if (!quiet_ms)
            quiet_ms = s_now_ms();
        else if (s_now_ms() - quiet_ms > 500)
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
static bool s_dump(struct crash *self)
{
    char raw[512], path[512], line[4096];
    snprintf(raw, sizeof raw, "%s/event.tsv", self->stack.dir);
    snprintf(path, sizeof path, "%s/db.log", self->stack.dir);
    if (!stack_sql(&self->stack,
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

static bool s_verdict(struct crash *self)
{
    struct checker_report report;
    for (size_t i = 0; i < self->user_count; i++)
        fflush(self->users[i].log);
    uint64_t faults = checker_run(self->stack.dir, stdout, &report), gaps = 0, finals = 0;
    for (size_t i = 0; i < self->user_count; i++) {
        gaps += self->users[i].gaps;
        finals += self->users[i].finals;
    }
    printf("stored %" PRIu64 "  acks %" PRIu64 " (repeats %" PRIu64 ")  shown %" PRIu64 "  holes healed %" PRIu64
           "  final refusals %" PRIu64 "\n", report.stored, report.acks, report.dup_acks, report.applied, gaps, finals);
    printf("kills: server %u, database %u; inside a COMMIT %ld; longest server kill to all clients back %ld ms\n",
           self->server_kills, self->db_kills, self->unknown_commits, self->longest_recovery_ms);
    bool ok = faults == 0 && finals == 0;
    for (int f = 0; f < FAULT_COUNT; f++)
        printf("%s %" PRIu64 "%s", checker_fault_name((enum checker_fault)f), report.faults[f],
               f + 1 < FAULT_COUNT ? ", " : "\n");
    if (!stack_had_faults(&self->stack)) {
        printf("FAILED: the network did nothing\n");
        ok = false;
    }
    if (self->want_db_kills > 0 && self->unknown_commits == 0) {
        printf("FAILED: no kill fell inside a COMMIT\n");
        ok = false;
    }
    if (!s_is_done(self)) {
        printf("FAILED: it ended before the wanted acks and kills\n");
        ok = false;
    }
    return ok;
}

static uint64_t s_arg(int argc, char **argv, const char *name, uint64_t otherwise)
{
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return strtoull(argv[i + 1], NULL, 10);
    return otherwise;
}

static bool s_run(struct crash *self)
{
    self->start_ms = s_now_ms();
    self->next_kill_ms = self->start_ms + 1500;
    s_storm(self, self->start_ms + 600000);
    s_poll_metrics(self);
    s_print(self, s_now_ms());
    return stack_await_ready(&self->stack, RECOVER_MS) && s_settle(self) && s_dump(self);
}

int main(int argc, char **argv)
{
    static struct crash self;
    self.user_count = s_arg(argc, argv, "--users", 16);
    self.room_count = s_arg(argc, argv, "--rooms", 4);
    self.want_acks = s_arg(argc, argv, "--acks", 50000);
    self.want_server_kills = (unsigned)s_arg(argc, argv, "--server-kills", 20);
    self.want_db_kills = (unsigned)s_arg(argc, argv, "--db-kills", 10);
    self.seed = s_arg(argc, argv, "--seed", (uint64_t)time(NULL));
    self.keep = argc > 1 && strcmp(argv[argc - 1], "--keep") == 0;
    if (self.user_count > USERS_MAX || self.room_count > CHAT_ROOMS_MAX)
        return 2;
    printf("crash: seed %" PRIu64 "\n", self.seed);
    self.seed = self.seed * 0x9E3779B97F4A7C15u + 1;
    const char *env[] = {"ROOKERY_FRAMES_PER_S=100000", "ROOKERY_FRAMES_BURST=100000", "ROOKERY_REQUESTS_PER_S=10000",
                         "ROOKERY_REQUESTS_BURST=10000", "ROOKERY_SIGNUPS_PER_MIN=10000", "ROOKERY_CRASHES_MAX=1000",
                         "ROOKERY_RESTARTS_MAX=1000", NULL};
    bool ok = stack_start(&self.stack, env, 300000) && s_open_users(&self) && s_run(&self);
    ok = s_verdict(&self) && ok;
    for (size_t i = 0; i < self.user_count; i++)
        chat_user_close(&self.users[i]);
    stack_stop(&self.stack);
    if (ok && !self.keep)
        stack_remove(&self.stack);
    else
        printf("its logs are in %s\n", self.stack.dir);
    printf("%s what was acked or shown survives kill -9 of any node and of the database\n", ok ? "ok" : "not ok");
    return ok ? 0 : 1;
}
