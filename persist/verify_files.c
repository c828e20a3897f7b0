#include <inttypes.h>

#include "persist/verify_impl.h"

enum { PIECES_A_PAGE = 128 }; /* 16 MiB: the database reads and hashes them before it answers */

db_status_t verify_pieces(struct verify *self, uint64_t line, const struct verify_file *file, uint64_t said_bytes)
{
    uint64_t next = 0, bytes = 0;
    bool is_sound = true;
    for (size_t count = PIECES_A_PAGE; count == PIECES_A_PAGE;) {
        const struct db_value values[] = {db_u64(file->file), db_u64(next), db_u64(PIECES_A_PAGE)};
        db_stmt_t *rows;
        db_status_t status = db_query(self->db,
                                      "SELECT no, LENGTH(data), hash = UNHEX(SHA2(data, 256)) FROM blob_chunk WHERE "
                                      "attachment_id = ? AND no >= ? ORDER BY no LIMIT ?",
                                      values, 3, &rows);
        if (status)
            return status;
        for (count = 0; db_next(rows); count++) {
            is_sound = is_sound && db_get_u64(rows, 0) == next && db_get_u64(rows, 2) == 1;
            next = db_get_u64(rows, 0) + 1;
            bytes += db_get_u64(rows, 1);
        }
        verify_tell(self);
    }
    if (file->bytes != said_bytes || bytes != file->bytes)
        verify_fault(self, line, "file %" PRIu64 " has %" PRIu64 " bytes by the log, %" PRIu64 " by its row and %" PRIu64
                     " in its pieces", file->file, said_bytes, file->bytes, bytes);
    else if (!is_sound)
        verify_fault(self, line, "file %" PRIu64 " has a piece that is not what was uploaded", file->file);
    return DB_OK;
}

db_status_t verify_pieces_rest(struct verify *self)
{
    uint64_t after = 0;
    for (size_t count = VERIFY_PAGE_ROWS; count == VERIFY_PAGE_ROWS;) {
        const struct db_value values[] = {db_u64(after), db_u64(VERIFY_PAGE_ROWS)};
        db_stmt_t *rows;
        db_status_t status = db_query(self->db,
                                      "SELECT DISTINCT c.attachment_id FROM blob_chunk AS c LEFT JOIN attachment AS a ON "
                                      "a.id = c.attachment_id WHERE a.id IS NULL AND c.attachment_id > ? "
                                      "ORDER BY c.attachment_id LIMIT ?",
                                      values, 2, &rows);
        if (status)
            return status;
        for (count = 0; db_next(rows); count++) {
            after = db_get_u64(rows, 0);
            self->report.faults++;
            fprintf(self->out, "file %" PRIu64 " has pieces, and there is no such file\n", after);
        }
    }
    return DB_OK;
}
