/* The composition root: options, log, the table of roles, supervisor; the only file that sees every role. */
#include <czmq.h>
#include <sys/file.h>

#include "actors/accounts.h"
#include "actors/room_actor.h"
#include "actors/runtime/config.h"
#include "actors/runtime/log.h"
#include "actors/runtime/supervisor.h"
#include "actors/runtime/topology.h"
#include "build_info.h"
#include "edge/edge.h"
#include "persist/migrator.h"
#include "persist/persist.h"
#include "proto/ids.h"

enum { EXIT_MISUSE = 2, EXIT_CONFIG = 78, PATH_BYTES_MAX = 4096 };

/* In the order of their start: each needs those before it. The deadlines to stop stay below 20 s together, what
 * `./dev run` waits for; the edge's is the longest, browsers are told to go elsewhere. */
static const struct role_row s_roles[] = {
    {ROLE_PERSIST, persist_run, .start_ms = 30000, .stop_ms = 5000},
    {ROLE_ACCOUNTS, accounts_run, .start_ms = 10000, .stop_ms = 2000},
    {ROLE_ROOM, room_actor_run, .start_ms = 10000, .stop_ms = 4000},
    {ROLE_EDGE, edge_run, .start_ms = 10000, .stop_ms = 8000},
};

static void s_usage(FILE *out)
{
    fputs("Usage: rookery VERB [OPTION...]\n\n"
          "  serve                run the server\n"
          "  migrate [--dry-run]  bring the database to this version; --dry-run only says what would be done\n"
          "  check                read the options, print them, exit\n"
          "  --help, --version\n\n",
          out);
}

/* var/run/node.lock: held for the life of the process, so the kernel proves that whoever held it before is gone. */
static int s_lock(const struct config *config)
{
    char path[PATH_BYTES_MAX];
    const char *const names[] = {"", "/run"};
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s%s", config->var, names[i]);
        if (mkdir(path, 0700) != 0 && errno != EEXIST) {
            log_error("cannot make the data folder: path=%s why=%s", path, strerror(errno));
            return -1;
        }
    }
    snprintf(path, sizeof path, "%s/run/node.lock", config->var);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        log_error("cannot open the lock: path=%s why=%s", path, strerror(errno));
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    log_error("another rookery is running on this folder: path=%s", path);
    close(fd);
    return -1;
}

static uint32_t s_nonce(void)
{
    uint32_t nonce;
    do
        nonce = (uint32_t)id_random();
    while (nonce == 0);
    return nonce;
}

static int s_serve(const struct config *config)
{
    static struct topology topology; /* 35 kB */
    if (topology_of_process(config, s_nonce(), &topology)) {
        fprintf(stderr, "rookery: --rooms and --edges are more than %d actors\n", LIM_NODES_MAX);
        return EXIT_CONFIG;
    }
    int lock = s_lock(config);
    if (lock < 0)
        return EXIT_FAILURE;
    log_info("rookery starts: version=%s port=%" PRId64, BUILD_VERSION, config->port);
    int status = supervisor_run(config, &topology, s_roles, sizeof s_roles / sizeof s_roles[0]);
    log_info("rookery ends: status=%d", status);
    close(lock);
    return status;
}

static int s_run(const char *verb, const struct config *config, bool dry_run)
{
    if (streq(verb, "check")) {
        config_print(config, stdout);
        return EXIT_SUCCESS;
    }
    if (!*config->database_url) {
        fputs("rookery: DATABASE_URL is not set (mysql://user:password@host:3306/db)\n", stderr);
        return EXIT_CONFIG;
    }
    return streq(verb, "migrate") ? migrator_main(config, dry_run) : s_serve(config);
}

int main(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";
    if (streq(verb, "--version")) {
        printf("rookery %s (%s, %s)\n", BUILD_VERSION, BUILD_COMPILER, BUILD_TYPE);
        return EXIT_SUCCESS;
    }
    if (streq(verb, "--help") || streq(verb, "help")) {
        s_usage(stdout);
        config_help(stdout);
        return EXIT_SUCCESS;
    }
    if (!streq(verb, "serve") && !streq(verb, "migrate") && !streq(verb, "check")) {
        s_usage(stderr);
        return EXIT_MISUSE;
    }
    /* --dry-run is migrate's own; the rest are options. argv[1] stands where config_read expects the program. */
    bool dry_run = streq(verb, "migrate") && argc > 2 && streq(argv[2], "--dry-run");
    int skip = dry_run ? 2 : 1;
    struct config config;
    err_t err = config_read(&config, argc - skip, argv + skip, stderr);
    if (!err)
        log_set_level((log_level_t)config.log_level);
    int status = err == ERR_WRONG_FIELDS ? EXIT_MISUSE : err ? EXIT_CONFIG : s_run(verb, &config, dry_run);
    config_fini(&config);
    return status;
}
