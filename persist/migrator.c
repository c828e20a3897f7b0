#include "persist/migrator.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/sha.h>

#include "actors/runtime/clock.h"

enum {
    WAIT_MS = 60000,
    TRY_EACH_MS = 200,
    SAY_EACH_MS = 3000,
    FILES_MAX = 1024,
    FILE_BYTES_MAX = 1024 * 1024,
    VERSION_DIGITS = 4,
};

static const char SQL_TABLE[] = "CREATE TABLE IF NOT EXISTS schema_migration ("
                                "version INT UNSIGNED NOT NULL, "
                                "name VARBINARY(128) NOT NULL, "
                                "sha256 BINARY(32) NOT NULL, "
                                "applied_at_ms BIGINT UNSIGNED NOT NULL, "
                                "PRIMARY KEY (version)) "
                                "ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";

struct s_run {
    db_t *db;
    const struct migration *files;
    size_t count;
    bool dry_run;
    FILE *out;
};

/* 0: not a name of ours. */
static unsigned s_version(const char *name)
{
    char *end;
    unsigned long version = strtoul(name, &end, 10);
    return end == name + VERSION_DIGITS && *end == '_' ? (unsigned)version : 0;
}

static void s_hash(const struct migration *file, uint8_t sha256_out[SHA256_DIGEST_LENGTH])
{
    SHA256(file->bytes, file->len, sha256_out);
}

static err_t s_database_error(const struct s_run *run, const char *doing)
{
    fprintf(run->out, "migrate: %s: %s\n", doing, db_error(run->db));
    return ERR_DATABASE;
}

/* ---- one file ------------------------------------------------------------------------------------------------- */

/* The next statement of a file, without its semicolon and the comments before it; false at the end. */
static bool s_next_statement(view_t *rest, char *sql_out, size_t size, bool *fits_out)
{
    size_t len = 0;
    bool ended = false;
    *fits_out = true;
    while (rest->len > 0 && !ended) {
        const uint8_t *newline = memchr(rest->bytes, '\n', rest->len);
        size_t line_len = newline ? (size_t)(newline - rest->bytes) + 1 : rest->len;
        view_t line = {.bytes = rest->bytes, .len = line_len};
        rest->bytes += line_len;
        rest->len -= line_len;
        while (line.len > 0 && strchr(" \t\r\n", line.bytes[line.len - 1]))
            line.len--;
        if (line.len == 0 || (line.len >= 2 && memcmp(line.bytes, "--", 2) == 0))
            continue;
        ended = line.bytes[line.len - 1] == ';';
        if (ended)
            line.len--;
        *fits_out = *fits_out && len + line.len + 2 <= size;
        if (!*fits_out)
            continue;
        if (len > 0)
            sql_out[len++] = '\n';
        memcpy(sql_out + len, line.bytes, line.len);
        len += line.len;
    }
    sql_out[len < size ? len : size - 1] = '\0';
    return len > 0 || !*fits_out;
}

static err_t s_apply(const struct s_run *run, const struct migration *file)
{
    view_t rest = {.bytes = file->bytes, .len = file->len};
    char *sql = malloc(FILE_BYTES_MAX);
    bool fits = true;
    err_t err = sql ? ERR_OK : ERR_NO_MEMORY;
    unsigned number = 0;
    while (!err && s_next_statement(&rest, sql, FILE_BYTES_MAX, &fits)) {
        number++;
        if (!fits)
            err = ERR_TOO_LARGE;
        else if (db_execute(run->db, sql) != DB_OK) {
            fprintf(run->out, "migrate: %s, statement %u:\n", file->name, number);
            err = s_database_error(run, "not applied");
        }
    }
    free(sql);
    if (err)
        return err;
    uint8_t sha256[SHA256_DIGEST_LENGTH];
    s_hash(file, sha256);
    const struct db_value values[] = {
        db_u64(s_version(file->name)), db_bytes(view_of_text(file->name)), db_bytes(view_of(sha256, sizeof sha256)),
        db_u64((uint64_t)clock_utc_ms())};
    if (db_run(run->db, "INSERT INTO schema_migration (version, name, sha256, applied_at_ms) VALUES (?, ?, ?, ?)",
               values, 4) != DB_OK)
        return s_database_error(run, "cannot note what was applied");
    fprintf(run->out, "migrate: applied %s\n", file->name);
    return ERR_OK;
}

/* ---- all files ------------------------------------------------------------------------------------------------ */

/* Compares what the database has with the files; *applied_out: how many of the first are there. */
static err_t s_compare(const struct s_run *run, size_t *applied_out)
{
    db_stmt_t *rows;
    *applied_out = 0;
    if (db_query(run->db, "SELECT version, name, sha256 FROM schema_migration ORDER BY version", NULL, 0, &rows))
        return s_database_error(run, "cannot read schema_migration");
    err_t err = ERR_OK;
    while (!err && db_next(rows)) {
        uint64_t version = db_get_u64(rows, 0);
        view_t name = db_get_view(rows, 1);
        if (*applied_out >= run->count) {
            fprintf(run->out,
                    "migrate: the database has migration %.*s, which this binary does not know: it is newer. Run a "
                    "binary at least as new\n", (int)name.len, (const char *)name.bytes);
            err = ERR_VERSION;
            break;
        }
        const struct migration *file = &run->files[(*applied_out)++];
        uint8_t sha256[SHA256_DIGEST_LENGTH];
        s_hash(file, sha256);
        if (s_version(file->name) != version ||
            !view_is_equal(db_get_view(rows, 2), view_of(sha256, sizeof sha256))) {
            fprintf(run->out,
                    "migrate: %s is not what was applied to this database as %.*s. An applied migration is never "
                    "changed: put the file back and write a new one\n",
                    file->name, (int)name.len, (const char *)name.bytes);
            err = ERR_CONFLICT;
        }
    }
    return err;
}

static err_t s_check_names(const struct s_run *run)
{
    for (size_t i = 0; i < run->count; i++)
        if (s_version(run->files[i].name) != i + 1) {
            fprintf(run->out, "migrate: %s: names are NNNN_what.sql, from 0001 without a gap\n", run->files[i].name);
            return ERR_OUT_OF_RANGE;
        }
    return ERR_OK;
}

static err_t s_wait(const struct s_run *run, int wait_ms)
{
    const struct timespec pause = {.tv_nsec = TRY_EACH_MS * 1000000L};
    int64_t start_ms = clock_now_ms(), said_ms = start_ms - SAY_EACH_MS;
    while (db_connect(run->db) != DB_OK) {
        int64_t now_ms = clock_now_ms();
        if (now_ms - start_ms >= wait_ms) {
            fprintf(run->out, "migrate: no database after %d s: %s\n", wait_ms / 1000, db_error(run->db));
            return ERR_UNAVAILABLE;
        }
        if (now_ms - said_ms >= SAY_EACH_MS) {
            fprintf(run->out, "migrate: waiting for the database: %s\n", db_error(run->db));
            said_ms = now_ms;
        }
        nanosleep(&pause, NULL);
    }
    return ERR_OK;
}

/* Two that start at once: the second one waits, and finds everything done. The lock ends with the connection. */
static err_t s_lock(const struct s_run *run)
{
    char got[8];
    if (db_ask(run->db, "SELECT GET_LOCK(CONCAT(LEFT(DATABASE(), 40), '.migrate'), 30)", got, sizeof got))
        return s_database_error(run, "cannot lock");
    if (strcmp(got, "1") == 0)
        return ERR_OK;
    fprintf(run->out, "migrate: another migration has been running for 30 s; try again when it is done\n");
    return ERR_BUSY;
}

static err_t s_has_table(const struct s_run *run, bool *has_out)
{
    char count[16];
    if (db_ask(run->db, "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() "
                        "AND table_name = 'schema_migration'", count, sizeof count))
        return s_database_error(run, "cannot look for schema_migration");
    *has_out = strcmp(count, "0") != 0;
    return ERR_OK;
}

static err_t s_migrate(const struct s_run *run)
{
    bool has_table = false;
    size_t applied = 0;
    err_t err = s_check_names(run);
    if (!err)
        err = s_lock(run);
    if (!err)
        err = s_has_table(run, &has_table);
    if (!err && !has_table && !run->dry_run && db_execute(run->db, SQL_TABLE) != DB_OK)
        err = s_database_error(run, "cannot make schema_migration");
    if (!err && (has_table || !run->dry_run))
        err = s_compare(run, &applied);
    for (size_t i = applied; !err && i < run->count; i++) {
        if (run->dry_run)
            fprintf(run->out, "-- would apply %s\n%.*s", run->files[i].name, (int)run->files[i].len,
                    (const char *)run->files[i].bytes);
        else
            err = s_apply(run, &run->files[i]);
    }
    if (!err && applied == run->count)
        fprintf(run->out, "migrate: nothing to do, the schema is at %04zu\n", applied);
    return err;
}

err_t migrator_run(const char *url, const struct migration *files, size_t count, bool dry_run, int wait_ms, FILE *out)
{
    struct s_run run = {.files = files, .count = count, .dry_run = dry_run, .out = out};
    err_t err = db_new(url, DB_MIGRATION, &run.db);
    if (err) {
        fprintf(out, "migrate: DATABASE_URL is not set, or not a mysql:// URL\n");
        return err;
    }
    err = s_wait(&run, wait_ms);
    if (!err && db_server(run.db)->is_read_only) {
        fprintf(out, "migrate: this server is read-only; point DATABASE_URL at the primary\n");
        err = ERR_UNAVAILABLE;
    }
    if (!err)
        err = s_migrate(&run);
    db_destroy(&run.db);
    return err;
}

/* ---- files of a folder ---------------------------------------------------------------------------------------- */

struct s_folder {
    struct migration files[FILES_MAX];
    size_t count;
};

static int s_is_sql(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return len > 4 && strcmp(entry->d_name + len - 4, ".sql") == 0;
}

static err_t s_read_file(const char *folder, const char *name, struct migration *out)
{
    char path[4096];
    uint8_t *bytes = malloc(FILE_BYTES_MAX);
    char *copy = strdup(name);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    *out = (struct migration){.name = copy, .bytes = bytes};
    if (file && bytes)
        out->len = fread(bytes, 1, FILE_BYTES_MAX, file);
    bool is_whole = file && bytes && copy && feof(file) && !ferror(file);
    if (file)
        fclose(file);
    return is_whole ? ERR_OK : ERR_TOO_LARGE;
}

static err_t s_read_folder(const char *path, struct s_folder *out)
{
    struct dirent **entries;
    int count = scandir(path, &entries, s_is_sql, alphasort);
    if (count < 0) {
        fprintf(stderr, "migrate: cannot read the folder %s\n", path);
        return ERR_NOT_FOUND;
    }
    err_t err = count <= FILES_MAX ? ERR_OK : ERR_TOO_LARGE;
    for (int i = 0; i < count; i++) {
        if (!err) {
            err = s_read_file(path, entries[i]->d_name, &out->files[out->count++]);
            if (err)
                fprintf(stderr, "migrate: cannot read %s/%s\n", path, entries[i]->d_name);
        }
        free(entries[i]);
    }
    free(entries);
    return err;
}

static void s_folder_destroy(struct s_folder *self)
{
    for (size_t i = 0; self && i < self->count; i++) {
        free((void *)(uintptr_t)self->files[i].name);
        free((void *)(uintptr_t)self->files[i].bytes);
    }
    free(self);
}

int migrator_main(const struct config *config, bool dry_run)
{
    FILE *out = dry_run ? stdout : stderr;
    if (!config->migrations || !config->migrations[0])
        return migrator_run(config->database_url, MIGRATIONS, MIGRATION_COUNT, dry_run, WAIT_MS, out) != ERR_OK;
    struct s_folder *folder = calloc(1, sizeof *folder);
    err_t err = folder ? s_read_folder(config->migrations, folder) : ERR_NO_MEMORY;
    if (!err)
        err = migrator_run(config->database_url, folder->files, folder->count, dry_run, WAIT_MS, out);
    s_folder_destroy(folder);
    return err != ERR_OK;
}

/* ---- at a server's start --------------------------------------------------------------------------------------- */

db_status_t migrator_check(db_t *db, bool *is_current_out, const char **sentence_out)
{
    struct s_run run = {.db = db, .files = MIGRATIONS, .count = MIGRATION_COUNT};
    bool has_table = false;
    char buffer[256] = "";
    size_t applied = 0;
    *is_current_out = false;
    *sentence_out = "";
    run.out = fmemopen(buffer, sizeof buffer, "w"); /* its sentences are for the command */
    if (!run.out)
        return DB_AWAY;
    err_t err = s_has_table(&run, &has_table);
    if (!err && has_table)
        err = s_compare(&run, &applied);
    fclose(run.out);
    if (err == ERR_DATABASE)
        return DB_AWAY;
    *is_current_out = !err && applied == MIGRATION_COUNT;
    if (err)
        *sentence_out = "the database's schema is not this binary's, or newer; `rookery migrate` says more";
    else if (!*is_current_out)
        *sentence_out = "the database's schema is older than this binary; run `rookery migrate`";
    return DB_OK;
}
