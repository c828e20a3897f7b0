/* sim --seeds A-B [--mutate epoch|head|unknown|client_id|marks|rights] [--expect-failure] [--verbose]
 *
 * Runs each seed; prints the first that fails with the end of its trace, and exits 1. With --expect-failure the
 * other way round: the mutation must be found. */
#include "tests/sim/sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const s_mutations[] = {"nothing", "epoch", "head", "unknown", "client_id", "marks", "rights"};

static int s_usage(void)
{
    fputs("usage: sim --seeds A-B [--mutate epoch|head|unknown|client_id|marks|rights] [--expect-failure] [--verbose]\n", stderr);
    return 2;
}

static void s_add(struct world *sum, const struct world *world)
{
    const uint64_t *from = (const uint64_t *)&world->stats;
    uint64_t *to = (uint64_t *)&sum->stats;
    for (size_t i = 0; i < sizeof sum->stats / sizeof *to; i++)
        to[i] += from[i];
    sum->steps += world->steps;
}

int main(int argc, char **argv)
{
    uint64_t first = 1, last = 100;
    enum mutation mutation = MUTATE_NOTHING;
    bool expects_failure = false;
    struct world world = {0}, sum = {0};
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--seeds") && i + 1 < argc) {
            int got = sscanf(argv[++i], "%" SCNu64 "-%" SCNu64, &first, &last);
            if (got < 1)
                return s_usage();
            last = got == 1 ? first : last;
        } else if (!strcmp(argv[i], "--mutate") && i + 1 < argc) {
            i++;
            for (size_t m = 0; m < sizeof s_mutations / sizeof *s_mutations; m++)
                if (!strcmp(argv[i], s_mutations[m]))
                    mutation = (enum mutation)m;
        } else if (!strcmp(argv[i], "--expect-failure")) {
            expects_failure = true;
        } else if (!strcmp(argv[i], "--verbose")) {
            world.is_verbose = true;
        } else {
            return s_usage();
        }
    }
    for (uint64_t seed = first; seed <= last; seed++) {
        bool held = world_run(&world, seed, mutation);
        s_add(&sum, &world);
        if (!held && !expects_failure) {
            world_print_trace(&world);
            printf("seed %" PRIu64 " fails: %s\n", seed, world.failure);
        } else if (!held) {
            printf("found without %s at seed %" PRIu64 ": %s\n", s_mutations[mutation], seed, world.failure);
        }
        world_destroy(&world);
        if (!held)
            return expects_failure ? 0 : 1;
    }
    printf("%" PRIu64 " seeds hold: steps=%" PRIu64 " requests=%" PRIu64 " acks=%" PRIu64 " dups=%" PRIu64
           " events=%" PRIu64 " crashes=%" PRIu64 " unknown=%" PRIu64 " takeovers=%" PRIu64 " moves=%" PRIu64
           " stops=%" PRIu64 " fenced=%" PRIu64
           " stale=%" PRIu64 " finals=%" PRIu64 " rights=%" PRIu64 "\n",
           last - first + 1, sum.steps, sum.stats.posts, sum.stats.acks, sum.stats.dups, sum.stats.events,
           sum.stats.crashes, sum.stats.unknown, sum.stats.takeovers, sum.stats.moves, sum.stats.stops, sum.stats.fenced, sum.stats.stale,
           sum.stats.finals, sum.stats.rights);
    return expects_failure ? 1 : 0;
}
