#include "bench/rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/hist.h"
#include "bench/proc.h"
#include "proto/ids.h"

enum { COLUMNS = 10, FRAME_BYTES = 230, SQL_BYTES = 512 + INSERT_ROWS_MAX * 32 };

static bool s_fail(const db_t *db, const char *what)
{
    fprintf(stderr, "bench: %s: %s\n", what, db_error(db));
    return false;
}

bool rows_count_lines(db_t *db, uint64_t *count_out)
{
    char text[32];
    if (db_ask(db, "SELECT COUNT(*) FROM event WHERE kind = 4", text, sizeof text) != DB_OK)
        return s_fail(db, "count lines");
    *count_out = strtoull(text, NULL, 10);
    return true;
}

uint64_t rows_commits(db_t *db)
{
    char text[32];
    return db_ask(db, "SELECT variable_value FROM information_schema.global_status WHERE variable_name = 'COM_COMMIT'",
                  text, sizeof text) == DB_OK
               ? strtoull(text, NULL, 10)
               : 0;
}

/* ---- inserts without a server ---------------------------------------------------------------------------------- */

static void s_build_sql(char *sql_out, uint32_t rows)
{
    size_t len = (size_t)snprintf(sql_out, SQL_BYTES,
                                  "INSERT INTO bench_event (room_id, seq, kind, user_id, client_id, target_seq, "
                                  "msg_no, at_ms, body_mac, frame) VALUES ");
    for (uint32_t i = 0; i < rows; i++)
        len += (size_t)snprintf(sql_out + len, SQL_BYTES - len, "%s(?,?,?,?,?,?,?,?,?,?)", i ? "," : "");
}

struct s_row {
    uint8_t client_id[CID_BYTES];
};

static void s_fill(struct db_value *values, struct s_row *rows, uint32_t count, uint64_t *number)
{
    static uint8_t frame[FRAME_BYTES], mac[MAC_BYTES];
    for (uint32_t i = 0; i < count; i++, ++*number) {
        uint64_t seq = *number / 250 + 1, room = UINT64_C(4000000000000) + *number % 250;
        memcpy(rows[i].client_id, number, sizeof *number);
        const struct db_value row[COLUMNS] = {
            db_u64(room), db_u64(seq), db_u64(4), db_u64(room), db_bytes(view_of(rows[i].client_id, CID_BYTES)),
            db_u64(0), db_u64(seq), db_u64(1700000000000), db_bytes(view_of(mac, sizeof mac)),
            db_bytes(view_of(frame, sizeof frame))};
        memcpy(values + (size_t)i * COLUMNS, row, sizeof row);
    }
}

static bool s_insert_for(db_t *db, const char *sql, uint32_t rows, double seconds, struct hist *hist)
{
    struct db_value *values = calloc((size_t)rows * COLUMNS, sizeof *values);
    struct s_row *bytes = calloc(rows, sizeof *bytes);
    uint64_t number = 0;
    bool ok = values && bytes;
    for (int64_t end_ns = now_ns() + (int64_t)(seconds * 1e9); ok && now_ns() < end_ns;) {
        s_fill(values, bytes, rows, &number);
        int64_t start_ns = now_ns();
        ok = db_run(db, sql, values, (size_t)rows * COLUMNS) == DB_OK || s_fail(db, "insert rows");
        hist_add(hist, now_ns() - start_ns);
    }
    free(values);
    free(bytes);
    return ok;
}

bool rows_measure_inserts(db_t *db, pid_t mariadb, uint32_t rows, double seconds, struct insert_figures *out)
{
    static char sql[SQL_BYTES];
    static struct hist hist;
    struct proc_cpu before, after;
    hist_clear(&hist);
    s_build_sql(sql, rows);
    if (db_execute(db, "CREATE TABLE IF NOT EXISTS bench_event LIKE event") != DB_OK ||
        db_execute(db, "TRUNCATE TABLE bench_event") != DB_OK)
        return s_fail(db, "make bench_event");
    int64_t start_ns = now_ns();
    if (!proc_cpu_read(mariadb, &before) || !s_insert_for(db, sql, rows, seconds, &hist) ||
        !proc_cpu_read(mariadb, &after))
        return false;
    double done = (double)hist.count * rows;
    *out = (struct insert_figures){.rows = rows,
                                   .rows_per_s = done / ((double)(now_ns() - start_ns) / 1e9),
                                   .commit_ms = {hist_ms(&hist, 0.5), hist_ms(&hist, 0.99)},
                                   .mariadb_us_per_row = (double)proc_cpu_spent_ns(&before, &after, "") / 1e3 / done};
    return db_execute(db, "DROP TABLE bench_event") == DB_OK || s_fail(db, "drop bench_event");
}
