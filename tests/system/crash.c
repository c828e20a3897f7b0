/* crash — senders and readers while the server and MariaDB are killed, then the checker's verdict.
 *
 *   crash [--users 16] [--rooms 4] [--acks 50000] [--server-kills 20] [--db-kills 10] [--seed N]
 *         [--keep]
 *
 * Every user sends to and reads every room. Fails on any fault, and when no kill fell inside a COMMIT: then it has
 * not tested what it is for. Where a kill falls is chance, so the database is killed up to 30 times more for that.
 * Each server kill takes one node at random, or a whole server (stack.h). */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/system/talk.h"

enum { KILL_GAP_MS_MIN = 300, KILL_GAP_MS_MAX = 2200, RECOVER_MS = 20000, EXTRA_KILLS_MAX = 60, HEALED_ACKS = 300 };

struct crash {
    struct stack stack;
    struct talk talk;
    size_t user_count, room_count;
    uint64_t want_acks, seed;
    unsigned server_kills, db_kills, want_server_kills, want_db_kills;
    long next_kill_ms, next_poll_ms, next_print_ms, start_ms;
    uint64_t acks_at_kill;
    long unknown_commits, last_unknown[2], longest_recovery_ms, down_since_ms;
    bool keep;
};

static uint64_t s_random(struct crash *self)
{
    self->seed ^= self->seed << 13;
    self->seed ^= self->seed >> 7;
    self->seed ^= self->seed << 17;
    return self->seed;
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
    bool is_extra = left_server + left_db == 0 && s_wants_more(self);
    if (is_extra)
        left_db = 1;
    if (left_server + left_db == 0)
        return;
    bool db = s_random(self) % (left_server + left_db) < left_db;
    long gap_ms = (long)(s_random(self) % (KILL_GAP_MS_MAX - KILL_GAP_MS_MIN));
    self->next_kill_ms = now_ms + KILL_GAP_MS_MIN + (is_extra ? 0 : gap_ms);
    if (!(db ? stack_kill(stack_mariadb_pid(&self->stack)) : s_kill_one(self)))
        return;
    self->acks_at_kill = talk_acks(&self->talk);
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
           (double)(now_ms - self->start_ms) / 1000, talk_acks(&self->talk), self->server_kills, self->db_kills,
           self->unknown_commits);
    fflush(stdout);
    self->next_print_ms = now_ms + 5000;
}

static bool s_is_done(const struct crash *self)
{
    return talk_acks(&self->talk) >= self->want_acks && self->server_kills >= self->want_server_kills &&
           self->db_kills >= self->want_db_kills && !s_wants_more(self);
}

static void s_storm(struct crash *self, long until_ms)
{
    while (!s_is_done(self) && talk_now_ms() < until_ms) {
        talk_turn(&self->talk, 5);
        long now_ms = talk_now_ms();
        if (self->down_since_ms && talk_all_welcome(&self->talk)) {
            long took_ms = now_ms - self->down_since_ms;
            if (took_ms > self->longest_recovery_ms)
                self->longest_recovery_ms = took_ms;
            self->down_since_ms = 0;
        }
        /* Nothing is killed before the last kill has healed and the talk goes on: a run has a bound that way, and each
         * kill meets load. */
        bool is_healed = !self->down_since_ms && talk_all_welcome(&self->talk) &&
                         talk_acks(&self->talk) >= self->acks_at_kill + HEALED_ACKS;
        if (now_ms >= self->next_kill_ms && is_healed)
            s_kill(self, now_ms);
        if (now_ms >= self->next_poll_ms) {
            self->next_poll_ms = now_ms + 150;
            s_poll_metrics(self);
        }
        if (now_ms >= self->next_print_ms)
            s_print(self, now_ms);
    }
}

static bool s_verdict(struct crash *self)
{
    bool ok = talk_verdict(&self->talk) == 0;
    printf("kills: server %u, database %u; inside a COMMIT %ld; longest kill to all clients back %ld ms\n",
           self->server_kills, self->db_kills, self->unknown_commits, self->longest_recovery_ms);
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
    self->start_ms = talk_now_ms();
    self->next_kill_ms = self->start_ms + 1500;
    s_storm(self, self->start_ms + 600000);
    s_poll_metrics(self);
    s_print(self, talk_now_ms());
    return stack_await_ready(&self->stack, RECOVER_MS) && talk_settle(&self->talk);
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
    if (self.user_count > TALK_USERS_MAX || self.room_count > CHAT_ROOMS_MAX)
        return 2;
    printf("crash: seed %" PRIu64 "\n", self.seed);
    self.seed = self.seed * 0x9E3779B97F4A7C15u + 1;
    const char *env[] = {"ROOKERY_FRAMES_PER_S=100000", "ROOKERY_FRAMES_BURST=100000", "ROOKERY_REQUESTS_PER_S=10000",
                         "ROOKERY_REQUESTS_BURST=10000", "ROOKERY_SIGNUPS_PER_MIN=10000", "ROOKERY_CRASHES_MAX=1000",
                         "ROOKERY_RESTARTS_MAX=1000", NULL};
    bool ok = stack_start(&self.stack, env, 300000) && talk_open(&self.talk, &self.stack, self.user_count, self.room_count) && s_run(&self);
    ok = s_verdict(&self) && ok;
    talk_close(&self.talk);
    stack_stop(&self.stack);
    if (ok && !self.keep)
        stack_remove(&self.stack);
    else
        printf("its logs are in %s\n", self.stack.dir);
    printf("%s what was acked or shown survives kill -9 of any node and of the database\n", ok ? "ok" : "not ok");
    return ok ? 0 : 1;
}
