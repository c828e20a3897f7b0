/* rookery-bench — the load client: starts a server for each scenario, loads it at a fixed rate, audits every
 * delivery, and writes what it saw. See bench/README.md; bench/run.sh gives it a database of its own. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "bench/scenarios.h"
#include "bench/table.h"
#include "build_info.h"

static const struct {
    const char *name;
    bool (*run)(struct bench *self);
} SCENARIOS[] = {
    {"fanout", scenario_fanout},
    {"rooms", scenario_rooms},
    {"post", scenario_post},
    {"idle", scenario_idle},
    {"slow", scenario_slow},
    {"files", scenario_files},
    {"storm", scenario_storm},
    {"history", scenario_history},
};
enum { SCENARIO_COUNT = sizeof SCENARIOS / sizeof SCENARIOS[0] };

static int s_usage(FILE *out, int status)
{
    fputs("Usage: rookery-bench [OPTION...] [SCENARIO...]     scenarios: fanout rooms post idle slow files storm history;\n"
          "                                                   none: all\n\n"
          "  --server FILE      the rookery to start (build/release/actors/rookery)\n"
          "  --var DIR          its data folder (ROOKERY_VAR)\n"
          "  --mariadb PID      whose CPU time counts as the database's\n"
          "  --log FILE         where the server's log goes (/dev/null)\n"
          "  --out FILE         the receipt; none: only the table\n"
          "  --fact KEY=VALUE   goes into the receipt; may be repeated\n"
          "  --readers N        of the room of fanout, and of slow (1000)\n"
          "  --readers-more N   of the second room of fanout (5000)\n"
          "  --idle N           sockets of idle (5000)\n"
          "  --storm N          sockets of storm (5000)\n"
          "  --events N         of the room of history (200000)\n"
          "  --file-mib N       of the files of files (50)\n"
          "  --seconds S        of one stretch (2.5)\n"
          "  --rounds N         of floor and server (4)\n"
          "  --plant FAULT      spoil one delivery of each stretch: missed, doubled, reordered; the run must fail\n"
          "  --table RECEIPT    print a receipt as a Markdown table, and nothing else\n\n"
          "DATABASE_URL, ROOKERY_VAR and JWT_SECRET come from the environment, as the server's.\n",
          out);
    return status;
}

static void s_add_facts(struct report *report)
{
    char text[256];
    const char *name, *value;
    report_fact(report, "version", BUILD_VERSION);
    report_fact(report, "compiler", BUILD_COMPILER);
    report_fact(report, "build", BUILD_TYPE);
    proc_cpu_model(text, sizeof text);
    report_fact(report, "cpu", text);
    proc_kernel(text, sizeof text);
    report_fact(report, "kernel", text);
    proc_load(text, sizeof text);
    report_fact(report, "load_before", text);
    json_t *options = json_object();
    for (size_t i = 0; (name = server_option(i, &value)) != NULL; i++)
        json_object_set_new(options, name, json_string(value));
    json_object_set_new(report->root, "raised_options", options);
    report_fact(report, "users", "rookery users import; rookery token new");
}

static void s_add_fact(struct report *report, const char *text)
{
    char key[64];
    size_t len = strcspn(text, "=");
    snprintf(key, sizeof key, "%.*s", (int)len, text);
    report_fact(report, key, text[len] ? text + len + 1 : "");
}

enum {
    OPT_SERVER = 1, OPT_VAR, OPT_MARIADB, OPT_LOG, OPT_OUT, OPT_FACT, OPT_READERS, OPT_READERS_MORE,
    OPT_IDLE, OPT_STORM, OPT_EVENTS, OPT_FILE_MIB, OPT_SECONDS, OPT_ROUNDS, OPT_PLANT, OPT_TABLE, OPT_HELP,
};

static const struct option OPTIONS[] = {
    {"server", required_argument, NULL, OPT_SERVER},   {"var", required_argument, NULL, OPT_VAR},
    {"mariadb", required_argument, NULL, OPT_MARIADB}, {"log", required_argument, NULL, OPT_LOG},
    {"out", required_argument, NULL, OPT_OUT},         {"fact", required_argument, NULL, OPT_FACT},
    {"readers", required_argument, NULL, OPT_READERS}, {"idle", required_argument, NULL, OPT_IDLE},
    {"seconds", required_argument, NULL, OPT_SECONDS}, {"rounds", required_argument, NULL, OPT_ROUNDS},
    {"readers-more", required_argument, NULL, OPT_READERS_MORE}, {"storm", required_argument, NULL, OPT_STORM},
    {"events", required_argument, NULL, OPT_EVENTS},   {"plant", required_argument, NULL, OPT_PLANT},
    {"file-mib", required_argument, NULL, OPT_FILE_MIB},
    {"table", required_argument, NULL, OPT_TABLE},
    {"help", no_argument, NULL, OPT_HELP},             {NULL, 0, NULL, 0},
};

static enum planted s_planted(const char *name)
{
    static const char *const NAMES[] = {"", "missed", "doubled", "reordered"};
    for (enum planted i = PLANTED_MISSED; i <= PLANTED_REORDERED; i++)
        if (strcmp(NAMES[i], name) == 0)
            return i;
    return PLANTED_NONE;
}

/* Returns -1 to go on, or the exit status. */
static int s_read_options(struct bench *bench, int argc, char **argv, const char **out_path)
{
    for (int option; (option = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1;) {
        switch (option) {
        case OPT_SERVER: bench->program = optarg; break;
        case OPT_VAR: bench->var_folder = optarg; break;
        case OPT_MARIADB: bench->mariadb = (pid_t)atoi(optarg); break;
        case OPT_LOG: bench->log_path = optarg; break;
        case OPT_OUT: *out_path = optarg; break;
        case OPT_FACT: s_add_fact(&bench->report, optarg); break;
        case OPT_READERS: bench->readers = (uint32_t)atoi(optarg); break;
        case OPT_IDLE: bench->idle = (uint32_t)atoi(optarg); break;
        case OPT_SECONDS: bench->seconds = atof(optarg); break;
        case OPT_READERS_MORE: bench->readers_more = (uint32_t)atoi(optarg); break;
        case OPT_STORM: bench->storm = (uint32_t)atoi(optarg); break;
        case OPT_EVENTS: bench->events = (uint32_t)atoi(optarg); break;
        case OPT_FILE_MIB: bench->file_mib = (uint32_t)atoi(optarg); break;
        case OPT_PLANT:
            bench->planted = s_planted(optarg);
            if (bench->planted == PLANTED_NONE)
                return s_usage(stderr, 2);
            break;
        case OPT_TABLE: return table_print(optarg, stdout) ? EXIT_SUCCESS : EXIT_FAILURE;
        case OPT_ROUNDS: bench->rounds = (uint32_t)atoi(optarg); break;
        case OPT_HELP: return s_usage(stdout, EXIT_SUCCESS);
        default: return s_usage(stderr, 2);
        }
    }
    bool ok = bench->readers >= 3 && bench->readers <= 9000 && bench->readers_more >= 3 && bench->readers_more <= 9000 &&
              bench->idle >= 1 && bench->idle <= 19000 && bench->storm >= 2 && bench->storm <= 19000 &&
              bench->events >= 1000 && bench->events <= 2000000 &&
              bench->file_mib >= 1 && bench->file_mib <= 50 &&
              bench->seconds >= 0.5 && bench->seconds <= 60 && bench->rounds >= 1 && bench->rounds <= SERIES_MAX;
    return ok ? -1 : s_usage(stderr, 2);
}

static bool s_is_wanted(const char *name, int argc, char **argv)
{
    for (int i = optind; i < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return true;
    return optind == argc;
}

static bool s_is_known(const char *name)
{
    for (size_t i = 0; i < SCENARIO_COUNT; i++)
        if (strcmp(SCENARIOS[i].name, name) == 0)
            return true;
    return false;
}

/* Every acknowledged line is a row, and no row is a line nobody was told of. */
static void s_check_rows(struct bench *bench)
{
    uint64_t rows = 0;
    char text[128];
    if (!rows_count_lines(bench->db, &rows))
        return;
    snprintf(text, sizeof text, "%llu lines acknowledged, %llu stored", (unsigned long long)bench->lines,
             (unsigned long long)rows);
    printf("\n%s\n", text);
    report_fact(&bench->report, "stored", text);
    if (rows != bench->lines)
        report_fail(&bench->report, text);
}

static bool s_run(struct bench *bench, int argc, char **argv)
{
    bool ok = true;
    for (size_t i = 0; i < SCENARIO_COUNT; i++) {
        if (!s_is_wanted(SCENARIOS[i].name, argc, argv) || SCENARIOS[i].run(bench))
            continue;
        ok = false;
        report_fail(&bench->report, "could not be measured");
    }
    char load[64];
    proc_load(load, sizeof load);
    report_fact(&bench->report, "load_after", load);
    if (ok)
        s_check_rows(bench);
    return ok;
}

int main(int argc, char **argv)
{
    struct bench bench = {.program = "build/release/actors/rookery",
                          .var_folder = getenv("ROOKERY_VAR"),
                          .log_path = "/dev/null",
                          .readers = 1000,
                          .readers_more = 5000,
                          .idle = 5000,
                          .storm = 5000,
                          .events = 200000,
                          .file_mib = 50,
                          .rounds = 4,
                          .seconds = 2.5};
    const char *out_path = NULL, *url = getenv("DATABASE_URL");
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* run.sh may be killed */
    if (!report_init(&bench.report))
        return EXIT_FAILURE;
    int status = s_read_options(&bench, argc, argv, &out_path);
    for (int i = optind; i < argc && status < 0; i++)
        if (!s_is_known(argv[i]))
            status = s_usage(stderr, 2);
    if (status < 0 && (!url || !bench.var_folder)) {
        fputs("rookery-bench: DATABASE_URL and ROOKERY_VAR must be set; bench/run.sh does it\n", stderr);
        status = 2;
    }
    if (status < 0) {
        s_add_facts(&bench.report);
        bool ok = db_new(url, DB_WRITER, &bench.db) == ERR_OK && db_connect(bench.db) == DB_OK;
        if (ok)
            report_fact(&bench.report, "database", db_server(bench.db)->version);
        else
            report_fail(&bench.report, bench.db ? db_error(bench.db) : "DATABASE_URL is refused");
        ok = ok && s_run(&bench, argc, argv);
        status = report_finish(&bench.report, out_path) && ok ? EXIT_SUCCESS : EXIT_FAILURE;
        db_destroy(&bench.db);
    }
    report_fini(&bench.report);
    return status;
}
