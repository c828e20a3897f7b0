/* The composition root: options, log, the table of roles, supervisor; the only file that sees every role. */
#include <czmq.h>
#include <sys/file.h>

#include "actors/accounts.h"
#include "actors/admin.h"
#include "actors/room_actor.h"
#include "actors/runtime/config.h"
#include "actors/runtime/keys.h"
#include "actors/runtime/log.h"
#include "actors/runtime/metrics.h"
#include "actors/runtime/metrics_http.h"
#include "actors/runtime/processes.h"
#include "actors/runtime/supervisor.h"
#include "actors/runtime/topology.h"
#include "build_info.h"
#include "edge/edge.h"
#include "persist/migrator.h"
#include "persist/persist.h"
#include "persist/verify.h"
#include "proto/ids.h"

enum { EXIT_MISUSE = 2, EXIT_CONFIG = 78, PATH_BYTES_MAX = 4096, LOCK_WAIT_MS = 2000, PORT_STEP = 10, ARGS_MAX = 200 };

/* In the order of their start: each needs those before it. The deadlines to stop stay below 20 s together, what
 * `./dev run` waits for; the edge's is the longest, browsers are told to go elsewhere. */
static const struct role_row s_roles[] = {
    {ROLE_PERSIST, persist_run, .start_ms = 30000, .stop_ms = 5000},
    {ROLE_ACCOUNTS, accounts_run, .start_ms = 10000, .stop_ms = 2000},
    {ROLE_ROOM, room_actor_run, .start_ms = 10000, .stop_ms = 4000},
    {ROLE_EDGE, edge_run, .start_ms = 10000, .stop_ms = 8000},
};
enum { ROLES = sizeof s_roles / sizeof s_roles[0] };

static const struct role_row *s_role_row(role_t role)
{
    for (size_t i = 0; i < ROLES; i++)
        if (s_roles[i].role == role)
            return &s_roles[i];
    return NULL;
}

/* The role that a verb names; ROLE_NONE: none. */
static role_t s_role_of(const char *verb)
{
    for (size_t i = 0; i < ROLES; i++)
        if (streq(verb, role_name(s_roles[i].role)))
            return s_roles[i].role;
    return ROLE_NONE;
}

static void s_usage(FILE *out)
{
    fputs("Usage: rookery VERB [OPTION...]\n\n"
          "  serve [--processes]  run the server; --processes: each actor as a process of its own\n"
          "  edge | room | persist | accounts [--instance N]\n"
          "                       run one actor as a node of a larger installation; room-1 is room --instance 1\n"
          "  keys new NODE        make the keys of a node: room-0, edge-1 ...\n",
          out);
    admin_usage(out);
    fputs("  migrate [--dry-run]  bring the database to this version; --dry-run only says what would be done\n"
          "  verify               read every room's log and compare it with the tables; changes nothing\n"
          "  check                read the options, print them, exit\n"
          "  --help, --version\n\n",
          out);
}

/* Waits a moment for a former holder: whoever was just killed may not be gone yet. */
static bool s_flock(int fd)
{
    for (int waited_ms = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; waited_ms += 20) {
        if (waited_ms >= LOCK_WAIT_MS)
            return false;
        zclock_sleep(20);
    }
    return true;
}

/* var/run/NAME.lock: held for the life of the process, so the kernel proves that whoever held it before is gone. */
static int s_lock(const struct config *config, const char *name)
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
    snprintf(path, sizeof path, "%s/run/%s.lock", config->var, name);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        log_error("cannot open the lock: path=%s why=%s", path, strerror(errno));
        return -1;
    }
    if (s_flock(fd))
        return fd;
    log_error("another %s is running on this folder: path=%s", name, path);
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

/* var/run/NAME.pid, for whoever wants to signal it. */
static void s_pid_path(const struct config *config, const char *name, char path_out[PATH_BYTES_MAX])
{
    snprintf(path_out, PATH_BYTES_MAX, "%s/run/%s.pid", config->var, name);
}

static void s_write_pid(const struct config *config, const char *name)
{
    char path[PATH_BYTES_MAX];
    s_pid_path(config, name, path);
    FILE *file = fopen(path, "we");
    if (file) {
        fprintf(file, "%d\n", (int)getpid());
        fclose(file);
    } else {
        log_warn("cannot write a pid: path=%s why=%s", path, strerror(errno));
    }
}

/* ---- a node ------------------------------------------------------------------------------------------------------ */

/* One actor as this process. */
static int s_node(const struct config *config, role_t role)
{
    static struct topology topology;
    char name[ADDRESS_TEXT_MAX], path[PATH_BYTES_MAX];
    uint32_t nonce = s_nonce();
    if (topology_of_node(config, role, nonce, &topology, stderr))
        return EXIT_CONFIG;
    keys_print_node(address_make(role, (uint16_t)config->instance, nonce), name);
    int lock = s_lock(config, name);
    if (lock < 0)
        return EXIT_FAILURE;
    s_write_pid(config, name);
    log_info("node starts: version=%s node=%s", BUILD_VERSION, name);
    metrics_http_t *metrics = NULL; /* without it the node is only less well observed */
    if (role != ROLE_EDGE && config->admin_port > 0 && !metrics_is_shared())
        metrics_http_open(config->admin_bind, (int)config->admin_port, &metrics);
    int status = supervisor_run(config, &topology, s_role_row(role), 1);
    metrics_http_close(&metrics);
    log_info("node ends: node=%s status=%d", name, status);
    s_pid_path(config, name, path);
    unlink(path);
    close(lock);
    return status;
}

static int s_child(const struct config *config, role_t role, uint16_t instance)
{
    struct config own = *config;
    own.instance = instance;
    own.persist_endpoints = (char *)(uintptr_t)""; /* the parent's persist, whatever the file says */
    if (role != ROLE_PERSIST)
        explicit_bzero(own.database_url, strlen(own.database_url));
    return s_node(&own, role);
}

/* Keys that are there stay: a key says who somebody is, not that they run now. */
static int s_make_keys(const struct config *config, const struct process_row *rows, size_t count)
{
    char dir[PATH_BYTES_MAX], name[ADDRESS_TEXT_MAX];
    config_keys_dir(config, dir, sizeof dir);
    for (size_t i = 0; i < count; i++) {
        for (int64_t k = 0; k < rows[i].count; k++) {
            keys_print_node(address_make(rows[i].role, (uint16_t)k, 1), name);
            err_t err = keys_make(dir, name);
            if (err && err != ERR_CONFLICT)
                return EXIT_FAILURE;
        }
    }
    return EXIT_SUCCESS;
}

static bool s_choose_ports(struct config *config)
{
    int64_t *ports[] = {&config->persist_port, &config->accounts_port, &config->room_port};
    const int64_t counts[] = {1, 1, config->rooms};
    for (size_t i = 0; i < 3; i++)
        if (*ports[i] == 0 && (*ports[i] = processes_free_port(config->link_bind, counts[i], PORT_STEP)) == 0)
            return false;
    return true;
}

static int s_serve_processes(const struct config *config)
{
    struct config own = *config;
    struct process_row rows[ROLES];
    for (size_t i = 0; i < ROLES; i++) {
        role_t role = s_roles[i].role;
        rows[i] = (struct process_row){
            .role = role,
            .count = role == ROLE_ROOM ? config->rooms : role == ROLE_EDGE ? config->edges : 1,
            .start_ms = s_roles[i].start_ms + 500, /* its own deadline comes first */
            .stop_ms = s_roles[i].stop_ms + 500,
        };
    }
    own.link_bind = (char *)(uintptr_t)"127.0.0.1"; /* they are all here */
    own.link_host = (char *)(uintptr_t)"";
    int lock = s_lock(config, "node");
    if (lock < 0)
        return EXIT_FAILURE;
    int status = s_choose_ports(&own) ? s_make_keys(config, rows, ROLES) : EXIT_FAILURE;
    if (status == EXIT_SUCCESS) {
        log_info("rookery starts its processes: version=%s port=%" PRId64, BUILD_VERSION, config->port);
        status = processes_run(&own, rows, ROLES, s_child);
        log_info("rookery ends: status=%d", status);
    }
    close(lock);
    return status;
}

static int s_keys(const struct config *config, const char *node)
{
    char dir[PATH_BYTES_MAX];
    config_keys_dir(config, dir, sizeof dir);
    err_t err = keys_make(dir, node);
    if (err == ERR_OUT_OF_RANGE)
        fprintf(stderr, "rookery: '%.80s' is no node: edge, room, persist or accounts, a dash and a number\n", node);
    else if (err == ERR_CONFLICT)
        fprintf(stderr, "rookery: %s has a key in %s; remove its files first, and its copies elsewhere\n", node, dir);
    else if (!err)
        printf("%s/%s.secret for this node only, %s/%s.public for all that meet it\n", dir, node, dir, node);
    return err ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ---- serve, in one process ---------------------------------------------------------------------------------------- */

static int s_serve(const struct config *config)
{
    static struct topology topology; /* 35 kB */
    if (topology_of_process(config, s_nonce(), &topology)) {
        fprintf(stderr, "rookery: --rooms and --edges are more than %d actors\n", LIM_NODES_MAX);
        return EXIT_CONFIG;
    }
    int lock = s_lock(config, "node");
    if (lock < 0)
        return EXIT_FAILURE;
    log_info("rookery starts: version=%s port=%" PRId64, BUILD_VERSION, config->port);
    int status = supervisor_run(config, &topology, s_roles, ROLES);
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
    role_t role = s_role_of(verb);
    if (!*config->database_url && (role == ROLE_NONE || role == ROLE_PERSIST)) {
        fputs("rookery: DATABASE_URL is not set (mysql://user:password@host:3306/db)\n", stderr);
        return EXIT_CONFIG;
    }
    if (role != ROLE_NONE)
        return s_node(config, role);
    if (streq(verb, "migrate"))
        return migrator_main(config, dry_run);
    if (streq(verb, "verify"))
        return verify_main(config);
    return config->processes ? s_serve_processes(config) : s_serve(config);
}

/* A node's name is a verb, too: room-1 is room --instance 1, which one unit file can say for all. Returns the verb. */
static const char *s_expand_node(const char *verb, int *argc_p, char ***argv_p)
{
    static char option[32];
    static char *words[ARGS_MAX + 3];
    address_t node;
    if (!keys_parse_node(verb, &node) || *argc_p > ARGS_MAX)
        return verb;
    snprintf(option, sizeof option, "--instance=%d", address_instance(node));
    memcpy(words, *argv_p, (size_t)*argc_p * sizeof words[0]);
    words[(*argc_p)++] = option; /* the last word on it */
    *argv_p = words;
    return role_name(address_role(node));
}

/* serve's --processes is a word; the option has a value. */
static void s_expand_processes(const char *verb, int argc, char **argv)
{
    static char option[] = "--processes=1";
    for (int i = 2; streq(verb, "serve") && i < argc; i++)
        if (streq(argv[i], "--processes") && (i + 1 == argc || strncmp(argv[i + 1], "--", 2) == 0))
            argv[i] = option;
}

static bool s_is_verb(const char *verb)
{
    static const char *const verbs[] = {"serve", "migrate", "verify", "check", "keys"};
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (streq(verb, verbs[i]))
            return true;
    return s_role_of(verb) != ROLE_NONE;
}

int main(int argc, char **argv)
{
    const char *verb = s_expand_node(argc > 1 ? argv[1] : "", &argc, &argv);
    if (streq(verb, "--version")) {
        printf("rookery %s (%s, %s)\n", BUILD_VERSION, BUILD_COMPILER, BUILD_TYPE);
        return EXIT_SUCCESS;
    }
    if (streq(verb, "--help") || streq(verb, "help")) {
        s_usage(stdout);
        config_help(stdout);
        return EXIT_SUCCESS;
    }
    if (admin_is_verb(verb))
        return admin_main(argc, argv);
    bool keys = streq(verb, "keys") && argc > 3 && streq(argv[2], "new");
    if (!s_is_verb(verb) || (streq(verb, "keys") && !keys)) {
        s_usage(stderr);
        return EXIT_MISUSE;
    }
    s_expand_processes(verb, argc, argv);
    /* --dry-run is migrate's own, NODE is keys'; the rest are options. The word before them stands where config_read
     * expects the program. */
    bool dry_run = streq(verb, "migrate") && argc > 2 && streq(argv[2], "--dry-run");
    int skip = keys ? 3 : dry_run ? 2 : 1;
    struct config config;
    err_t err = config_read(&config, argc - skip, argv + skip, stderr);
    if (!err)
        log_set_level((log_level_t)config.log_level);
    int status = err == ERR_WRONG_FIELDS ? EXIT_MISUSE : err ? EXIT_CONFIG : keys ? s_keys(&config, argv[3]) : s_run(verb, &config, dry_run);
    config_fini(&config);
    return status;
}
