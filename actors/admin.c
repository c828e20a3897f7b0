#include "actors/admin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "actors/runtime/log.h"
#include "actors/users_file.h"
#include "persist/migrator.h"
#include "proto/limits.h"

enum { EXIT_MISUSE = 2, EXIT_CONFIG = 78, ARGUMENTS_MAX = 64 };

void admin_usage(FILE *out)
{
    fputs("  users import FILE|-  add users from NDJSON or CSV: name, password or password_hash, admin\n"
          "  token new USER [--count N [--first K]] [--device TEXT]\n"
          "                       sign in as USER and print the access token; N: % in USER is K, K+1 ...\n"
          "  admin reset-password USER\n"
          "                       end all sign-ins of USER and print a password, which they are to change\n",
          out);
}

bool admin_is_verb(const char *verb)
{
    return strcmp(verb, "users") == 0 || strcmp(verb, "token") == 0 || strcmp(verb, "admin") == 0;
}

db_t *admin_connect(const struct config *config)
{
    db_t *db = NULL;
    bool is_current = false;
    const char *sentence = "the database did not answer";
    if (db_new(config->database_url, DB_WRITER, &db) != ERR_OK)
        return NULL; /* it was logged */
    db_status_t status = db_connect(db);
    if (!status)
        status = migrator_check(db, &is_current, &sentence);
    if (!status && is_current)
        return db;
    fprintf(stderr, "rookery: %s\n", status ? db_error(db) : sentence);
    db_destroy(&db);
    return NULL;
}

/* ---- arguments ------------------------------------------------------------------------------------------------ */

/* A whole number from min to max; false: anything else. */
static bool s_number(const char *text, uint64_t min, uint64_t max, uint64_t *number_out)
{
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    *number_out = number;
    return *text >= '0' && *text <= '9' && !*end && errno == 0 && number >= min && number <= max;
}

/* Takes --name VALUE or --name=VALUE at argv[*at]; NULL: it is another word. "" also stands for a value that lacks. */
static const char *s_take(const char *name, int argc, char **argv, int *at)
{
    size_t len = strlen(name);
    const char *word = argv[*at];
    if (strncmp(word, name, len) != 0 || (word[len] && word[len] != '='))
        return NULL;
    if (word[len])
        return word + len + 1;
    return *at + 1 < argc ? argv[++*at] : "";
}

/* The verb's own options go into ask, the others into rest, which config_read takes. */
static bool s_read_token_options(int argc, char **argv, struct admin_token_ask *ask, char **rest, int *rest_count)
{
    for (int at = 4; at < argc; at++) {
        const char *value;
        if ((value = s_take("--count", argc, argv, &at)) != NULL) {
            if (!s_number(value, 1, ADMIN_TOKENS_MAX, &ask->count))
                return false;
        } else if ((value = s_take("--first", argc, argv, &at)) != NULL) {
            if (!s_number(value, 0, UINT32_MAX, &ask->first))
                return false;
        } else if ((value = s_take("--device", argc, argv, &at)) != NULL) {
            if (!*value || strlen(value) > LIM_DEVICE_BYTES_MAX)
                return false;
            ask->device = value;
        } else if (*rest_count < ARGUMENTS_MAX) {
            rest[(*rest_count)++] = argv[at];
        } else {
            return false;
        }
    }
    return (strchr(ask->user, '%') != NULL) == (ask->count > 0);
}

static int s_misuse(void)
{
    fputs("Usage: rookery VERB [OPTION...]\n\n", stderr);
    admin_usage(stderr);
    return EXIT_MISUSE;
}

/* What a verb is asked: one of these. */
struct s_ask {
    const char *file;                    /* users import */
    const struct admin_token_ask *token; /* token new */
    const char *reset;                   /* admin reset-password */
};

static int s_answer(const struct config *config, const struct s_ask *ask)
{
    if (ask->file)
        return admin_users_import(config, ask->file, USERS_FILE_LINES_MAX);
    return ask->reset ? admin_reset(config, ask->reset) : admin_token_new(config, ask->token);
}

static int s_run(int argc, char **argv, const struct s_ask *ask)
{
    struct config config;
    err_t err = config_read(&config, argc, argv, stderr);
    int status = err == ERR_WRONG_FIELDS ? EXIT_MISUSE : EXIT_CONFIG;
    if (!err && !*config.database_url) {
        fputs("rookery: DATABASE_URL is not set (mysql://user:password@host:3306/db)\n", stderr);
    } else if (!err) {
        log_set_level((log_level_t)config.log_level);
        status = s_answer(&config, ask);
    }
    config_fini(&config);
    return status;
}

int admin_main(int argc, char **argv)
{
    if (argc < 4 || strncmp(argv[3], "--", 2) == 0)
        return s_misuse();
    if (strcmp(argv[1], "users") == 0 && strcmp(argv[2], "import") == 0)
        return s_run(argc - 3, argv + 3, &(struct s_ask){.file = argv[3]});
    if (strcmp(argv[1], "admin") == 0 && strcmp(argv[2], "reset-password") == 0)
        return s_run(argc - 3, argv + 3, &(struct s_ask){.reset = argv[3]});
    struct admin_token_ask ask = {.user = argv[3], .device = "rookery token new"};
    char *rest[ARGUMENTS_MAX + 1] = {argv[0]}; /* config_read does not look at the first */
    int rest_count = 1;
    if (strcmp(argv[1], "token") != 0 || strcmp(argv[2], "new") != 0 ||
        !s_read_token_options(argc, argv, &ask, rest, &rest_count))
        return s_misuse();
    return s_run(rest_count, rest, &(struct s_ask){.token = &ask});
}
