#include "actors/runtime/config.h"

#include <czmq.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { JWT_SECRET_BYTES_MIN = 32, SECRET_FILE_BYTES_MAX = 8192, NAME_MAX_LEN = 64 };
enum { HELP_COLUMNS = 100, HELP_BYTES_MAX = 512 };

typedef enum { ROW_INT, ROW_STR, ROW_SECRET } row_type_t;

struct row {
    row_type_t type;
    const char *field, *env, *def, *help;
    int64_t def_int, min, max;
    size_t offset; /* of the field in struct config */
};

static const struct row s_rows[] = {
#define OPTION_INT(field, env, def, min, max, help)                                                \
    {ROW_INT, #field, env, NULL, help, def, min, max, offsetof(struct config, field)},
#define OPTION_STR(field, env, def, help)                                                          \
    {ROW_STR, #field, env, def, help, 0, 0, 0, offsetof(struct config, field)},
#define OPTION_SECRET(field, env, def, help)                                                       \
    {ROW_SECRET, #field, env, def, help, 0, 0, 0, offsetof(struct config, field)},
#include "actors/runtime/options.def"
#undef OPTION_INT
#undef OPTION_STR
#undef OPTION_SECRET
};
enum { ROWS = sizeof s_rows / sizeof s_rows[0] };
_Static_assert(ROWS == (int)CONFIG_OPTIONS, "a row for each option");

static int64_t *s_int_at(const struct config *self, const struct row *row)
{
    return (int64_t *)(void *)((char *)(uintptr_t)self + row->offset);
}

static char **s_text_at(const struct config *self, const struct row *row)
{
    return (char **)(void *)((char *)(uintptr_t)self + row->offset);
}

/* `source` is how a complaint names the place: "--port", "PORT", "key port in rookery.conf". */
static err_t s_set_int(struct config *self, const struct row *row, const char *value,
                       const char *source, FILE *complain)
{
    char *end;
    errno = 0;
    long long number = strtoll(value, &end, 10);
    bool is_number = *value != '\0' && *end == '\0' && !isspace((unsigned char)*value) && !errno;
    if (is_number && number >= row->min && number <= row->max) {
        *s_int_at(self, row) = number;
        return ERR_OK;
    }
    fprintf(complain, "%s: '%.80s' is not a whole number from %" PRId64 " to %" PRId64 " (%s)\n", source,
            value, row->min, row->max, row->help);
    return ERR_OUT_OF_RANGE;
}

static err_t s_set_text(struct config *self, const struct row *row, const char *value)
{
    char *copy = strdup(value);
    if (!copy)
        return ERR_NO_MEMORY;
    free(*s_text_at(self, row));
    *s_text_at(self, row) = copy;
    return ERR_OK;
}

static err_t s_set(struct config *self, const struct row *row, const char *value,
                   const char *source, FILE *complain)
{
    return row->type == ROW_INT ? s_set_int(self, row, value, source, complain)
                                : s_set_text(self, row, value);
}

/* The file's content without the line end that editors put behind it. */
static err_t s_set_from_file(struct config *self, const struct row *row, const char *path,
                             const char *source, FILE *complain)
{
    char text[SECRET_FILE_BYTES_MAX + 1];
    FILE *file = fopen(path, "re");
    if (!file) {
        fprintf(complain, "%s: cannot read %.200s: %s\n", source, path, strerror(errno));
        return ERR_OUT_OF_RANGE;
    }
    size_t len = fread(text, 1, sizeof text, file);
    bool bad = ferror(file) || len == sizeof text || memchr(text, '\0', len);
    fclose(file);
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        len--;
    if (bad || len == 0) {
        fprintf(complain, "%s: %.200s must hold 1 to %d bytes of text\n", source, path,
                SECRET_FILE_BYTES_MAX);
        return ERR_OUT_OF_RANGE;
    }
    text[len] = '\0';
    err_t err = s_set_text(self, row, text);
    explicit_bzero(text, sizeof text);
    return err;
}

static err_t s_note_source(struct config *self, const struct row *row, config_source_t source, err_t err)
{
    if (!err)
        self->sources[row - s_rows] = (uint8_t)source;
    return err;
}

/* The row of a file key or a flag (without its dashes in front), where '-' and '_' are one. Of a secret,
 * *is_path_out says that the value is the name of a file. */
static const struct row *s_find(const char *name, size_t len, bool *is_path_out)
{
    char field[NAME_MAX_LEN];
    if (len >= sizeof field)
        return NULL;
    for (size_t i = 0; i < len; i++)
        field[i] = name[i] == '-' ? '_' : name[i];
    field[len] = '\0';
    for (size_t i = 0; i < ROWS; i++) {
        const struct row *row = &s_rows[i];
        size_t row_len = strlen(row->field);
        *is_path_out = row->type == ROW_SECRET && len == row_len + 5 &&
                       memcmp(field + row_len, "_file", 5) == 0;
        if (strncmp(field, row->field, row_len) == 0 && (len == row_len || *is_path_out))
            return row;
    }
    return NULL;
}

static err_t s_read_key(struct config *self, zconfig_t *item, const char *path, FILE *complain)
{
    const char *key = zconfig_name(item);
    const char *value = zconfig_value(item);
    char source[NAME_MAX_LEN + 300];
    snprintf(source, sizeof source, "key %.60s in %.200s", key, path);
    bool is_path;
    const struct row *row = strchr(key, '-') ? NULL : s_find(key, strlen(key), &is_path);
    if (!row || zconfig_child(item)) {
        fprintf(complain, "%s: there is no such option; `rookery --help` lists them\n", source);
        return ERR_WRONG_FIELDS;
    }
    err_t err = is_path ? s_set_from_file(self, row, value ? value : "", source, complain)
                        : s_set(self, row, value ? value : "", source, complain);
    return s_note_source(self, row, CONFIG_FILE, err);
}

static err_t s_read_file(struct config *self, const char *path, FILE *complain)
{
    zconfig_t *root = access(path, R_OK) == 0 ? zconfig_load(path) : NULL;
    if (!root) {
        fprintf(complain, "--config: cannot read %.200s as a ZPL file (lines of `key = value`)\n", path);
        return ERR_OUT_OF_RANGE;
    }
    err_t err = ERR_OK;
    for (zconfig_t *item = zconfig_child(root); item && !err; item = zconfig_next(item))
        err = s_read_key(self, item, path, complain);
    zconfig_destroy(&root);
    return err;
}

static err_t s_read_environment(struct config *self, FILE *complain)
{
    err_t err = ERR_OK;
    for (size_t i = 0; i < ROWS && !err; i++) {
        const struct row *row = &s_rows[i];
        char env_file[NAME_MAX_LEN];
        snprintf(env_file, sizeof env_file, "%s_FILE", row->env);
        const char *value = getenv(row->env);
        const char *path = row->type == ROW_SECRET ? getenv(env_file) : NULL;
        bool has_value = value && *value, has_path = path && *path;
        if (has_value && has_path) {
            fprintf(complain, "%s and %s are both set; leave one out\n", row->env, env_file);
            err = ERR_OUT_OF_RANGE;
        } else if (has_path) {
            err = s_set_from_file(self, row, path, env_file, complain);
        } else if (has_value) {
            err = s_set(self, row, value, row->env, complain);
        }
        if (has_value || has_path)
            err = s_note_source(self, row, CONFIG_ENVIRONMENT, err);
    }
    return err;
}

/* Splits argv[*index_p] (and the word behind it) into a name and a value; *index_p moves behind them. */
static err_t s_next_flag(int argc, char **argv, int *index_p, const char **name_out,
                         size_t *name_len_out, const char **value_out, FILE *complain)
{
    const char *word = argv[(*index_p)++];
    if (strncmp(word, "--", 2) != 0 || !word[2]) {
        fprintf(complain, "%.80s: an option is --name VALUE or --name=VALUE\n", word);
        return ERR_WRONG_FIELDS;
    }
    const char *equals = strchr(word, '=');
    *name_out = word + 2;
    *name_len_out = equals ? (size_t)(equals - word) - 2 : strlen(word + 2);
    *value_out = equals ? equals + 1 : *index_p < argc ? argv[(*index_p)++] : NULL;
    if (*value_out)
        return ERR_OK;
    fprintf(complain, "%.80s: a value must follow\n", word);
    return ERR_WRONG_FIELDS;
}

static bool s_is_config_flag(const char *name, size_t len)
{
    return len == 6 && memcmp(name, "config", 6) == 0;
}

static err_t s_read_flags(struct config *self, int argc, char **argv, FILE *complain)
{
    for (int index = 1; index < argc;) {
        const char *name, *value;
        size_t len;
        err_t err = s_next_flag(argc, argv, &index, &name, &len, &value, complain);
        if (err)
            return err;
        if (s_is_config_flag(name, len))
            continue;
        char source[NAME_MAX_LEN + 8];
        snprintf(source, sizeof source, "--%.*s", (int)(len < NAME_MAX_LEN ? len : NAME_MAX_LEN), name);
        bool is_path = false;
        const struct row *row = memchr(name, '_', len) ? NULL : s_find(name, len, &is_path);
        if (!row) {
            fprintf(complain, "%s: there is no such option; `rookery --help` lists them\n", source);
            return ERR_WRONG_FIELDS;
        }
        if (row->type == ROW_SECRET && !is_path) {
            fprintf(complain, "%s: everybody on this machine can read arguments; use %s, %s_FILE or %s-file\n",
                    source, row->env, row->env, source);
            return ERR_WRONG_FIELDS;
        }
        err = is_path ? s_set_from_file(self, row, value, source, complain)
                      : s_set(self, row, value, source, complain);
        err = s_note_source(self, row, CONFIG_FLAG, err);
        if (err)
            return err;
    }
    return ERR_OK;
}

static err_t s_find_config_file(int argc, char **argv, const char **path_out, FILE *complain)
{
    const char *path = getenv("ROOKERY_CONFIG");
    *path_out = path && *path ? path : NULL;
    for (int index = 1; index < argc;) {
        const char *name, *value;
        size_t len;
        err_t err = s_next_flag(argc, argv, &index, &name, &len, &value, complain);
        if (err)
            return err;
        if (s_is_config_flag(name, len))
            *path_out = value;
    }
    return ERR_OK;
}

/* What a single row cannot say. */
static err_t s_check(const struct config *self, FILE *complain)
{
    size_t secret_len = strlen(self->jwt_secret);
    if (secret_len > 0 && secret_len < JWT_SECRET_BYTES_MIN) {
        fprintf(complain,
                "JWT_SECRET: %zu bytes can be guessed; use at least %d, or none for an ES256 key of our own\n",
                secret_len, JWT_SECRET_BYTES_MIN);
        return ERR_OUT_OF_RANGE;
    }
    if (*self->database_url && strncmp(self->database_url, "mysql://", 8) != 0) {
        fprintf(complain, "DATABASE_URL: must begin with mysql:// (mysql://user:password@host:3306/db)\n");
        return ERR_OUT_OF_RANGE;
    }
    return ERR_OK;
}

err_t config_read(struct config *self, int argc, char **argv, FILE *complain)
{
    memset(self, 0, sizeof *self);
    err_t err = ERR_OK;
    for (size_t i = 0; i < ROWS && !err; i++) {
        if (s_rows[i].type == ROW_INT)
            *s_int_at(self, &s_rows[i]) = s_rows[i].def_int;
        else
            err = s_set_text(self, &s_rows[i], s_rows[i].def);
    }
    const char *path = NULL;
    if (!err)
        err = s_find_config_file(argc, argv, &path, complain);
    if (!err && path)
        err = s_read_file(self, path, complain);
    if (!err)
        err = s_read_environment(self, complain);
    if (!err)
        err = s_read_flags(self, argc, argv, complain);
    return err ? err : s_check(self, complain);
}

void config_fini(struct config *self)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (s_rows[i].type == ROW_INT)
            continue;
        char **text = s_text_at(self, &s_rows[i]);
        if (*text && s_rows[i].type == ROW_SECRET)
            explicit_bzero(*text, strlen(*text));
        free(*text);
        *text = NULL;
    }
}

void config_print(const struct config *self, FILE *out)
{
    for (size_t i = 0; i < ROWS; i++) {
        const struct row *row = &s_rows[i];
        if (row->type == ROW_INT)
            fprintf(out, "%s = %" PRId64 "\n", row->field, *s_int_at(self, row));
        else if (row->type == ROW_SECRET)
            fprintf(out, "%s = %s\n", row->field, **s_text_at(self, row) ? "(set)" : "");
        else
            fprintf(out, "%s = %s\n", row->field, *s_text_at(self, row));
    }
}

struct config_option config_option(const struct config *self, size_t index)
{
    const struct row *row = &s_rows[index];
    struct config_option option = {.field = row->field, .env = row->env, .help = row->help,
                                   .is_number = row->type == ROW_INT, .source = (config_source_t)self->sources[index]};
    if (row->type == ROW_INT) {
        option.number = *s_int_at(self, row);
        option.def_number = row->def_int;
        option.min = row->min;
        option.max = row->max;
    } else {
        /* Who needs no secret forgets it after the start: then its source tells that there was one. */
        bool is_set = **s_text_at(self, row) || option.source != CONFIG_DEFAULT;
        option.text = row->type != ROW_SECRET ? *s_text_at(self, row) : is_set ? "(set)" : "";
        option.def_text = row->def;
    }
    return option;
}

void config_keys_dir(const struct config *self, char *path_out, size_t size)
{
    if (*self->keys_dir)
        snprintf(path_out, size, "%s", self->keys_dir);
    else
        snprintf(path_out, size, "%s/keys/curve", self->var);
}

/* Words in lines of HELP_COLUMNS, under the option's name. */
static void s_print_wrapped(const char *text, FILE *out)
{
    size_t column = HELP_COLUMNS;
    for (const char *word = text; *word; word += strspn(word, " ")) {
        size_t len = strcspn(word, " ");
        bool is_next_line = column + 1 + len > HELP_COLUMNS;
        fprintf(out, "%s%.*s", is_next_line ? "\n      " : " ", (int)len, word);
        column = is_next_line ? 6 + len : column + 1 + len;
        word += len;
    }
    fputc('\n', out);
}

void config_help(FILE *out)
{
    fputs("Options: --name VALUE, or the environment name, or a line `name = value` of --config FILE\n"
          "(ROOKERY_CONFIG), where - is written _. Flags win over the environment, that over the file.\n\n",
          out);
    for (size_t i = 0; i < ROWS; i++) {
        const struct row *row = &s_rows[i];
        char flag[NAME_MAX_LEN];
        snprintf(flag, sizeof flag, "--%s%s", row->field, row->type == ROW_SECRET ? "-file" : "");
        for (char *c = flag; *c; c++)
            *c = *c == '_' ? '-' : *c;
        fprintf(out, "  %-26s %s", flag, row->env);
        if (row->type == ROW_SECRET)
            fprintf(out, ", %s_FILE", row->env);
        char text[HELP_BYTES_MAX] = "";
        if (row->type == ROW_INT)
            snprintf(text, sizeof text, "%s (%" PRId64 " to %" PRId64 "; %" PRId64 ")", row->help, row->min, row->max,
                     row->def_int);
        else if (*row->def)
            snprintf(text, sizeof text, "%s (%s)", row->help, row->def);
        else
            snprintf(text, sizeof text, "%s", row->help);
        s_print_wrapped(text, out);
    }
}
