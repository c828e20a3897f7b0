#include "actors/users_file.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

enum { COLUMNS_MAX = 8 };

/* Fields, in NDJSON keys and in CSV the words of the header row. */
enum field { FIELD_NAME, FIELD_PASSWORD, FIELD_PASSWORD_HASH, FIELD_ADMIN, FIELD_COUNT };
static const char *const FIELDS[FIELD_COUNT] = {"name", "password", "password_hash", "admin"};

struct users_file {
    FILE *in;
    size_t line, lines_max, len;
    bool is_begun, is_csv;
    enum field columns[COLUMNS_MAX]; /* CSV: of the header row */
    size_t column_count;
    json_t *object;                  /* NDJSON: what the last user's views borrow from */
    char text[USERS_FILE_LINE_BYTES_MAX + 1];
};

users_file_t *users_file_new(FILE *in, size_t lines_max)
{
    users_file_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->in = in;
    self->lines_max = lines_max;
    return self;
}

static void s_forget(users_file_t *self)
{
    json_decref(self->object);
    self->object = NULL;
    explicit_bzero(self->text, sizeof self->text);
}

void users_file_destroy(users_file_t **self_p)
{
    users_file_t *self = *self_p;
    if (!self)
        return;
    s_forget(self);
    free(self);
    *self_p = NULL;
}

size_t users_file_line(const users_file_t *self)
{
    return self->line;
}

/* ---- lines ---------------------------------------------------------------------------------------------------- */

/* One line without its end. A longer one is read to its end, and refused. */
static users_file_result_t s_read_line(users_file_t *self, const char **why_out)
{
    size_t len = 0;
    int c = getc(self->in);
    if (c == EOF) {
        *why_out = "the file cannot be read";
        return ferror(self->in) ? USERS_FILE_FAILED : USERS_FILE_END;
    }
    if (self->line == self->lines_max) {
        *why_out = "too many lines; divide the file";
        return USERS_FILE_FAILED;
    }
    self->line++;
    bool has_nul = false;
    for (; c != EOF && c != '\n'; c = getc(self->in)) {
        has_nul |= c == '\0';
        if (len < sizeof self->text)
            self->text[len] = (char)c;
        len++;
    }
    if (len > USERS_FILE_LINE_BYTES_MAX || has_nul) {
        *why_out = has_nul ? "there is a NUL in it" : "longer than 4096 bytes";
        return USERS_FILE_BAD_LINE;
    }
    if (len > 0 && self->text[len - 1] == '\r')
        len--;
    self->text[len] = '\0';
    self->len = len;
    return USERS_FILE_USER;
}

/* ---- NDJSON --------------------------------------------------------------------------------------------------- */

static bool s_set(struct users_file_user *user, enum field field, view_t value)
{
    view_t *at = field == FIELD_NAME ? &user->name : field == FIELD_PASSWORD ? &user->password : &user->password_hash;
    *at = value;
    return true;
}

static bool s_set_json(struct users_file_user *user, enum field field, const json_t *value)
{
    if (field != FIELD_ADMIN)
        return json_is_string(value) &&
               s_set(user, field, view_of(json_string_value(value), json_string_length(value)));
    user->admin = json_is_true(value);
    return json_is_boolean(value);
}

static enum field s_field(const char *name, size_t len)
{
    enum field field = 0;
    while (field < FIELD_COUNT && (strlen(FIELDS[field]) != len || memcmp(FIELDS[field], name, len) != 0))
        field++;
    return field;
}

static const char *s_parse_json(users_file_t *self, struct users_file_user *user)
{
    self->object = json_loadb(self->text, self->len, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(self->object))
        return "no JSON object";
    const char *key;
    json_t *value;
    json_object_foreach (self->object, key, value) {
        enum field field = s_field(key, strlen(key));
        if (field == FIELD_COUNT)
            return "a field that is neither name, password, password_hash nor admin";
        if (!s_set_json(user, field, value))
            return field == FIELD_ADMIN ? "admin is neither true nor false" : "a text is expected in quotes";
    }
    return NULL;
}

/* ---- CSV ------------------------------------------------------------------------------------------------------ */

/* Takes one field from *at, whose quotes are removed in place, and the comma behind it. False: its quotes are wrong.
 * *more_out: another field follows. */
static bool s_take_cell(char **at, view_t *cell_out, bool *more_out)
{
    char *from = *at, *to = *at, *start = *at;
    bool ok = true;
    if (*from == '"') {
        for (from++; *from && (*from != '"' || from[1] == '"'); from++) {
            from += *from == '"';
            *to++ = *from;
        }
        ok = *from == '"' && (from[1] == ',' || from[1] == '\0');
        from += ok;
    } else {
        while (*from && *from != ',') {
            ok = ok && *from != '"';
            *to++ = *from++;
        }
    }
    *cell_out = view_of(start, (size_t)(to - start));
    *more_out = *from == ',';
    *at = from + *more_out;
    return ok;
}

static bool s_is_text(view_t cell, const char *text)
{
    return view_is_equal(cell, view_of_text(text));
}

static bool s_set_cell(struct users_file_user *user, enum field field, view_t cell)
{
    if (field != FIELD_ADMIN)
        return s_set(user, field, cell);
    user->admin = s_is_text(cell, "1") || s_is_text(cell, "true");
    return user->admin || cell.len == 0 || s_is_text(cell, "0") || s_is_text(cell, "false");
}

static const char *s_parse_header(users_file_t *self)
{
    char *at = self->text;
    view_t cell;
    unsigned seen = 0;
    for (bool more = true; more;) {
        if (!s_take_cell(&at, &cell, &more))
            return "the header row's quotes are wrong";
        enum field field = s_field((const char *)cell.bytes, cell.len);
        if (field == FIELD_COUNT || (seen & 1u << field))
            return "the first line must name the columns: name, password, password_hash, admin";
        seen |= 1u << field;
        self->columns[self->column_count++] = field;
    }
    return seen & 1u << FIELD_NAME ? NULL : "there is no column `name`";
}

static const char *s_parse_csv(users_file_t *self, struct users_file_user *user)
{
    char *at = self->text;
    view_t cell;
    size_t column = 0;
    for (bool more = true; more; column++) {
        if (!s_take_cell(&at, &cell, &more))
            return "its quotes are wrong";
        if (column == self->column_count)
            return "it has more fields than the header row";
        if (!s_set_cell(user, self->columns[column], cell))
            return "admin is none of 1, 0, true, false and nothing";
    }
    return column == self->column_count ? NULL : "it has fewer fields than the header row";
}

/* ---- both ----------------------------------------------------------------------------------------------------- */

/* The first line that is not empty decides what the rest is. A byte order mark before it is passed over. */
static const char *s_begin(users_file_t *self)
{
    if (self->len >= 3 && memcmp(self->text, "\xEF\xBB\xBF", 3) == 0) {
        self->len -= 3;
        memmove(self->text, self->text + 3, self->len + 1);
    }
    self->is_begun = true;
    self->is_csv = self->text[strspn(self->text, " \t")] != '{';
    return self->is_csv ? s_parse_header(self) : NULL;
}

users_file_result_t users_file_next(users_file_t *self, struct users_file_user *user_out, const char **why_out)
{
    for (;;) {
        s_forget(self);
        users_file_result_t result = s_read_line(self, why_out);
        if (result != USERS_FILE_USER)
            return result;
        if (self->len == 0)
            continue;
        if (!self->is_begun) {
            *why_out = s_begin(self);
            if (*why_out)
                return USERS_FILE_FAILED;
            if (self->is_csv)
                continue;
        }
        *user_out = (struct users_file_user){.admin = false};
        *why_out = self->is_csv ? s_parse_csv(self, user_out) : s_parse_json(self, user_out);
        if (!*why_out && user_out->name.len == 0)
            *why_out = "there is no name";
        return *why_out ? USERS_FILE_BAD_LINE : USERS_FILE_USER;
    }
}
