/* migrator — brings the schema up to this binary: migrations/NNNN_what.sql in order, each once, under a lock of the
 * server, forward only. What was applied is noted in schema_migration with the SHA-256 of its file; a file that
 * changed afterwards, or a schema newer than the binary, is refused with a sentence.
 *
 * A file holds statements that may run twice, each ending with a semicolon at the end of a line; lines that begin
 * with -- are comments. Runs on: the main thread of `rookery migrate`. Blocks. */
#ifndef ROOKERY_PERSIST_MIGRATOR_H
#define ROOKERY_PERSIST_MIGRATOR_H

#include <stdio.h>

#include "actors/runtime/config.h"
#include "persist/db.h"

/* One file; built in from migrations/, in order. */
struct migration {
    const char *name; /* "0001_accounts.sql" */
    const uint8_t *bytes;
    size_t len;
};
extern const struct migration MIGRATIONS[];
extern const size_t MIGRATION_COUNT;

/* `rookery migrate [--dry-run]`: waits up to 60 s for the database, and says so. Takes the files of the folder
 * config->migrations, or those built in. The exit status: 0, or 1 after a sentence on stderr. */
int migrator_main(const struct config *config, bool dry_run);

/* The same over given files, waiting at most wait_ms. */
err_t migrator_run(const char *url, const struct migration *files, size_t count, bool dry_run, int wait_ms, FILE *out);

/* Whether the schema behind a connection is exactly the one built in; if not, *sentence_out says what to do. */
db_status_t migrator_check(db_t *db, bool *is_current_out, const char **sentence_out);

#endif
