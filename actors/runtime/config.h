/* config — options as rows: a row is a file key (ZPL), a --flag and an environment name at once.
 * Order: flag over environment over file over default. Read once at start-up, then never written. */
#ifndef ROOKERY_RUNTIME_CONFIG_H
#define ROOKERY_RUNTIME_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "proto/errors.h"

/* options.def: OPTION_INT(field, "ENV", default, min, max, "what it is") and OPTION_STR(field, "ENV", default,
 * "what it is"); OPTION_SECRET as OPTION_STR, hidden when printed, ENV_FILE names a file with the value. The flag is
 * --field with dashes, the file key the field.
 *
 * A secret is never taken from the command line, which every user of the machine can read: its flag is
 * --field-file PATH, its file keys are field and field_file. An empty environment variable counts as not set. */
enum {
#define OPTION_INT(field, env, def, min, max, help) CONFIG_##field,
#define OPTION_STR(field, env, def, help) CONFIG_##field,
#define OPTION_SECRET(field, env, def, help) CONFIG_##field,
#include "actors/runtime/options.def"
#undef OPTION_INT
#undef OPTION_STR
#undef OPTION_SECRET
    CONFIG_OPTIONS
};

typedef enum { CONFIG_DEFAULT, CONFIG_FILE, CONFIG_ENVIRONMENT, CONFIG_FLAG } config_source_t;

struct config {
#define OPTION_INT(field, env, def, min, max, help) int64_t field;
#define OPTION_STR(field, env, def, help) char *field;
#define OPTION_SECRET(field, env, def, help) char *field;
#include "actors/runtime/options.def"
#undef OPTION_INT
#undef OPTION_STR
#undef OPTION_SECRET
    uint8_t sources[CONFIG_OPTIONS]; /* where each value comes from: config_source_t */
};

/* Reads --config FILE (or ROOKERY_CONFIG), the environment and the flags; argv is left as it is, argv[0] is not
 * read. ERR_OUT_OF_RANGE, ERR_WRONG_FIELDS (unknown flag or key), each with a sentence on `complain`. Afterwards
 * config_fini is needed in either case. */
err_t config_read(struct config *self, int argc, char **argv, FILE *complain);
void config_fini(struct config *self);
void config_print(const struct config *self, FILE *out); /* secrets as "(set)" */
/* One option as it is in force, for who wants to see it. */
struct config_option {
    const char *field, *env, *help;
    bool is_number;
    int64_t number, def_number, min, max; /* of a number */
    const char *text, *def_text;          /* of a text; a secret's is "(set)", or "" */
    config_source_t source;
};
/* index: 0 … CONFIG_OPTIONS-1. Borrows from self. */
struct config_option config_option(const struct config *self, size_t index);
/* keys_dir, or its default in the data folder. */
void config_keys_dir(const struct config *self, char *path_out, size_t size);
void config_help(FILE *out);

#endif
