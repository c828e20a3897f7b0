/* `rookery users import`: lines are read in batches; passwords of a batch are hashed side by side, then it is stored
 * in one transaction. Memory does not grow with the file, and what was stored stays when a later line fails. */
#include <czmq.h>

#include "actors/accounts_rules.h"
#include "actors/admin.h"
#include "actors/password.h"
#include "actors/users_file.h"
#include "persist/admin_store.h"

enum { PROGRESS_USERS = 10000, COMPLAINTS_MAX = 20 };

struct s_entry {
    size_t line;
    bool admin, has_hash;
    uint8_t name_len;
    uint8_t name[LIM_NAME_BYTES_MAX];
    char hash[LIM_PASSWORD_HASH_BYTES_MAX];
};

struct s_import {
    db_t *db;
    password_pool_t *pool;
    struct s_entry batch[ADMIN_BATCH_MAX];
    size_t count;
    size_t added, existed, refused;
};

static void s_complain(struct s_import *self, size_t line, const char *why)
{
    self->refused++;
    if (self->refused <= COMPLAINTS_MAX)
        fprintf(stderr, "rookery: line %zu: %s\n", line, why);
    else if (self->refused == COMPLAINTS_MAX + 1)
        fputs("rookery: further lines are refused, which are only counted\n", stderr);
}

/* ---- a line ---------------------------------------------------------------------------------------------------- */

static const char *s_why_not(const struct users_file_user *user)
{
    if (accounts_check_name(user->name) != ERR_OK)
        return "the name is not 1 to 32 letters, digits, spaces or . _ -";
    if (user->password.len && user->password_hash.len)
        return "both a password and a hash";
    if (user->password.len && accounts_check_password(user->password, user->name) != ERR_OK)
        return "the password is shorter than 8 bytes, longer than 128, very common, or the name";
    if (user->password_hash.len && !password_is_hash(user->password_hash))
        return "the hash is no encoded argon2id ($argon2id$v=19$m=...) of at most 256 MiB";
    return NULL;
}

static void s_take(struct s_import *self, size_t line, const struct users_file_user *user)
{
    const char *why = s_why_not(user);
    if (why) {
        s_complain(self, line, why);
        return;
    }
    struct s_entry *entry = &self->batch[self->count];
    *entry = (struct s_entry){.line = line, .admin = user->admin, .name_len = (uint8_t)user->name.len};
    memcpy(entry->name, user->name.bytes, user->name.len);
    if (user->password_hash.len)
        memcpy(entry->hash, user->password_hash.bytes, user->password_hash.len);
    if (user->password.len) {
        err_t err = password_hash(self->pool, self->count, user->password); /* it takes a whole batch */
        assert(err == ERR_OK);
    }
    self->count++;
}

/* ---- a batch --------------------------------------------------------------------------------------------------- */

static bool s_await_hashes(struct s_import *self)
{
    struct password_result result;
    while (password_wait(self->pool, &result)) {
        if (!result.matches) {
            fputs("rookery: there is no memory to hash a password\n", stderr);
            return false;
        }
        memcpy(self->batch[result.correlation].hash, result.hash, sizeof result.hash);
    }
    return true;
}

static bool s_store(struct s_import *self)
{
    struct admin_user users[ADMIN_BATCH_MAX];
    if (!s_await_hashes(self))
        return false;
    for (size_t i = 0; i < self->count; i++) {
        struct s_entry *entry = &self->batch[i];
        users[i] = (struct admin_user){.name = view_of(entry->name, entry->name_len),
                                       .password_hash = view_of_text(entry->hash),
                                       .admin = entry->admin};
    }
    db_status_t status = admin_add_users(self->db, users, self->count, (uint64_t)zclock_time());
    if (status) {
        fprintf(stderr, "rookery: line %zu and following: %s\n", self->batch[0].line, db_error(self->db));
        return false;
    }
    for (size_t i = 0; i < self->count; i++) {
        self->added += users[i].added;
        self->existed += !users[i].added;
    }
    if ((self->added + self->existed) % PROGRESS_USERS < self->count && self->added + self->existed >= PROGRESS_USERS)
        fprintf(stderr, "rookery: %zu users so far\n", self->added + self->existed);
    self->count = 0;
    return true;
}

static bool s_read_all(struct s_import *self, users_file_t *file)
{
    struct users_file_user user;
    const char *why;
    users_file_result_t result;
    while ((result = users_file_next(file, &user, &why)) < USERS_FILE_END) {
        if (result == USERS_FILE_BAD_LINE)
            s_complain(self, users_file_line(file), why);
        else
            s_take(self, users_file_line(file), &user);
        if (self->count == ADMIN_BATCH_MAX && !s_store(self))
            return false;
    }
    if (result == USERS_FILE_FAILED)
        fprintf(stderr, "rookery: line %zu: %s\n", users_file_line(file), why);
    return (self->count == 0 || s_store(self)) && result == USERS_FILE_END;
}

static void s_warn_without_administrator(db_t *db)
{
    uint64_t count = 0;
    if (admin_count_administrators(db, &count) == DB_OK && count == 0)
        fputs("rookery: there is no administrator: who signs up next will not be one. Import one with admin true\n",
              stderr);
}

static int s_import_from(struct s_import *self, FILE *in, size_t lines_max)
{
    users_file_t *file = users_file_new(in, lines_max);
    bool ok = file && s_read_all(self, file);
    users_file_destroy(&file);
    printf("imported %zu, existed %zu, refused %zu\n", self->added, self->existed, self->refused);
    if (self->added > 0)
        s_warn_without_administrator(self->db);
    return ok && self->refused == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int admin_users_import(const struct config *config, const char *path, size_t lines_max)
{
    static struct s_import import;
    zsys_handler_set(NULL); /* Ctrl-C ends us, not only a wait of ØMQ's */
    FILE *in = streq(path, "-") ? stdin : fopen(path, "re");
    if (!in) {
        fprintf(stderr, "rookery: %s: %s\n", path, strerror(errno));
        return EXIT_FAILURE;
    }
    import = (struct s_import){.db = admin_connect(config)};
    import.pool = import.db ? password_pool_new((size_t)config->hash_workers, ADMIN_BATCH_MAX) : NULL;
    int status = import.pool ? s_import_from(&import, in, lines_max) : EXIT_FAILURE;
    password_pool_destroy(&import.pool);
    db_destroy(&import.db);
    db_thread_end();
    if (in != stdin)
        fclose(in);
    return status;
}
