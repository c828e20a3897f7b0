#include "persist/store_files.h"

#include <openssl/evp.h>
#include <string.h>

enum { HASH_BYTES = 32, HASHES_A_PAGE = 1024 };

static const uint8_t s_none[HASH_BYTES]; /* no claim, no digest */

static uint64_t s_piece_count(uint64_t bytes)
{
    return (bytes + LIM_FILE_CHUNK_BYTES - 1) / LIM_FILE_CHUNK_BYTES;
}

/* ---- an upload -------------------------------------------------------------------------------------------------- */

#define FILE_COLUMNS "id, state, name, bytes, type, width, height, next_no, claim, client_id"
enum { COL_ID, COL_STATE, COL_NAME, COL_BYTES, COL_TYPE, COL_WIDTH, COL_HEIGHT, COL_NEXT, COL_CLAIM };

/* Views live as long as the rows. */
static void s_answer_stored(struct store_call *call, const db_stmt_t *row)
{
    call->answer.type = MSG_FILE_STORED;
    call->answer.as.file_stored = (struct msg_file_stored){
        .file = db_get_u64(row, COL_ID), .name = db_get_view(row, COL_NAME), .mime = db_get_view(row, COL_TYPE),
        .bytes = db_get_u64(row, COL_BYTES), .width = (uint32_t)db_get_u64(row, COL_WIDTH),
        .height = (uint32_t)db_get_u64(row, COL_HEIGHT)};
}

/* Its client id is free for another try. A random one takes its place, which nobody can have chosen. */
static db_status_t s_give_up(db_t *db, uint64_t file)
{
    uint64_t fresh[2] = {id_random(), id_random()};
    const struct db_value values[] = {db_bytes(view_of(fresh, sizeof fresh)), db_u64(file)};
    return db_run(db, "UPDATE attachment SET state = 3, name = '', client_id = ? WHERE id = ?", values, 2);
}

static db_status_t s_check_quota(struct store_call *call, const struct msg_store_file_begin *ask)
{
    const struct db_value values[] = {db_u64(ask->user)};
    db_stmt_t *rows;
    db_status_t status = db_query(
        call->db, "SELECT COALESCE(SUM(bytes), 0) FROM attachment WHERE user_id = ? AND state IN (0, 1, 2)", values, 1,
        &rows);
    if (!status && db_next(rows) && ask->quota && db_get_u64(rows, 0) + ask->bytes > ask->quota)
        return store_refuse(call, ERR_QUOTA);
    return status;
}

static db_status_t s_insert(struct store_call *call, const struct msg_store_file_begin *ask)
{
    const struct db_value values[] = {
        db_u64(ask->file), db_u64(ask->room), db_u64(ask->user), db_bytes(view_of(ask->client_id.bytes, CID_BYTES)),
        db_bytes(view_of(s_none, CID_BYTES)), db_u64(ask->bytes), db_text(ask->name),
        db_bytes(view_of(s_none, HASH_BYTES)), db_u64(ask->at_ms), db_u64(ask->at_ms)};
    db_status_t status = db_run(call->db,
                                "INSERT INTO attachment (id, room_id, user_id, client_id, claim, bytes, name, digest, "
                                "created_at_ms, touched_at_ms, state, seq, next_no, type, width, height) "
                                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, '', 0, 0)",
                                values, 10);
    return status == DB_DUPLICATE ? DB_RETRY : status; /* the same upload twice at once */
}

static db_status_t s_begin(struct store_call *call)
{
    const struct msg_store_file_begin *ask = &call->ask.as.store_file_begin;
    const struct db_value values[] = {db_u64(ask->room), db_u64(ask->user),
                                      db_bytes(view_of(ask->client_id.bytes, CID_BYTES))};
    db_stmt_t *rows;
    db_status_t status = db_query(call->db,
                                  "SELECT " FILE_COLUMNS " FROM attachment WHERE room_id = ? AND user_id = ? "
                                  "AND client_id = ? FOR UPDATE",
                                  values, 3, &rows);
    if (status)
        return status;
    if (db_next(rows)) {
        uint64_t state = db_get_u64(rows, COL_STATE), file = db_get_u64(rows, COL_ID);
        if (state != FILE_GONE &&
            (db_get_u64(rows, COL_BYTES) != ask->bytes || !view_is_equal(db_get_view(rows, COL_NAME), ask->name)))
            return store_refuse(call, ERR_CONFLICT);
        if (state == FILE_WHOLE || state == FILE_SHOWN) {
            s_answer_stored(call, rows);
            return DB_OK;
        }
        if (file == ask->file)
            return store_answer_ok(call, file);
        status = s_give_up(call->db, file);
    }
    if (!status)
        status = s_check_quota(call, ask);
    if (!status && !call->error)
        status = s_insert(call, ask);
    return status || call->error ? status : store_answer_ok(call, ask->file);
}

db_status_t store_on_file_begin(struct store_call *call)
{
    const struct msg_store_file_begin *ask = &call->ask.as.store_file_begin;
    if (!ask->name.len || !ask->file || ask->bytes > LIM_FILE_BYTES_MAX)
        return store_refuse(call, ERR_OUT_OF_RANGE);
    return store_in_transaction(call, s_begin);
}

/* The file that is being uploaded, locked. *row_out NULL: there is none (any more). */
static db_status_t s_lock_own(struct store_call *call, uint64_t file, uint64_t user, db_stmt_t **row_out)
{
    const struct db_value values[] = {db_u64(file), db_u64(user)};
    db_stmt_t *rows;
    *row_out = NULL;
    db_status_t status = db_query(
        call->db, "SELECT " FILE_COLUMNS " FROM attachment WHERE id = ? AND user_id = ? AND state < 3 FOR UPDATE", values,
        2, &rows);
    if (!status && db_next(rows))
        *row_out = rows;
    return status;
}

static db_status_t s_chunk(struct store_call *call)
{
    const struct msg_store_file_chunk *ask = &call->ask.as.store_file_chunk;
    uint8_t hash[HASH_BYTES];
    db_stmt_t *row;
    db_status_t status = s_lock_own(call, ask->file, ask->user, &row);
    if (status)
        return status;
    if (!row)
        return store_refuse(call, ERR_NO_FILE);
    uint64_t next = db_get_u64(row, COL_NEXT), bytes = db_get_u64(row, COL_BYTES);
    if (ask->no < next)
        return store_answer_ok(call, next); /* it came before */
    uint64_t left = ask->no > next || ask->no >= s_piece_count(bytes) ? 0 : bytes - ask->no * LIM_FILE_CHUNK_BYTES;
    if (!left || ask->data.len != (left < LIM_FILE_CHUNK_BYTES ? left : LIM_FILE_CHUNK_BYTES))
        return store_refuse(call, ERR_OUT_OF_RANGE);
    if (!EVP_Digest(ask->data.bytes, ask->data.len, hash, NULL, EVP_sha256(), NULL))
        return store_refuse(call, ERR_NO_MEMORY);
    const struct db_value piece[] = {db_u64(ask->file), db_u64(ask->no), db_bytes(view_of(hash, sizeof hash)),
                                     db_bytes(ask->data)};
    const struct db_value moved[] = {db_u64(ask->no + 1), db_u64(ask->at_ms), db_u64(ask->file)};
    status = db_run(call->db, "INSERT INTO blob_chunk (attachment_id, no, hash, data) VALUES (?, ?, ?, ?)", piece, 4);
    if (!status)
        status = db_run(call->db, "UPDATE attachment SET next_no = ?, touched_at_ms = ? WHERE id = ?", moved, 3);
    return status ? status : store_answer_ok(call, ask->no + 1);
}

db_status_t store_on_file_chunk(struct store_call *call)
{
    return store_in_transaction(call, s_chunk);
}

/* SHA-256 of the SHA-256s of its pieces; count_out: how many there are. */
static db_status_t s_digest(struct store_call *call, uint64_t file, uint8_t digest_out[HASH_BYTES], uint64_t *count_out)
{
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    bool is_sound = hash && EVP_DigestInit_ex(hash, EVP_sha256(), NULL);
    db_status_t status = DB_OK;
    size_t page = HASHES_A_PAGE;
    *count_out = 0;
    while (!status && is_sound && page == HASHES_A_PAGE) {
        const struct db_value values[] = {db_u64(file), db_u64(*count_out), db_u64(HASHES_A_PAGE)};
        db_stmt_t *rows;
        status = db_query(call->db, "SELECT hash FROM blob_chunk WHERE attachment_id = ? AND no >= ? ORDER BY no LIMIT ?",
                          values, 3, &rows);
        for (page = 0; !status && is_sound && db_next(rows); page++, ++*count_out) {
            view_t one = db_get_view(rows, 0);
            is_sound = EVP_DigestUpdate(hash, one.bytes, one.len);
        }
    }
    if (!status && !(is_sound && EVP_DigestFinal_ex(hash, digest_out, NULL)))
        status = store_refuse(call, ERR_NO_MEMORY);
    EVP_MD_CTX_free(hash);
    return status;
}

static db_status_t s_end(struct store_call *call)
{
    const struct msg_store_file_end *ask = &call->ask.as.store_file_end;
    uint8_t digest[HASH_BYTES];
    uint64_t count;
    db_stmt_t *row;
    db_status_t status = s_lock_own(call, ask->file, ask->user, &row);
    if (status)
        return status;
    if (!row)
        return store_refuse(call, ERR_NO_FILE);
    s_answer_stored(call, row);
    if (db_get_u64(row, COL_STATE) != FILE_INCOMING)
        return DB_OK; /* asked before */
    uint64_t pieces = s_piece_count(db_get_u64(row, COL_BYTES));
    call->answer.as.file_stored.mime = ask->mime;
    call->answer.as.file_stored.width = ask->width;
    call->answer.as.file_stored.height = ask->height;
    status = s_digest(call, ask->file, digest, &count);
    if (status || call->error)
        return status;
    if (count != pieces)
        return store_refuse(call, ERR_OUT_OF_RANGE);
    const struct db_value values[] = {db_text(ask->mime), db_u64(ask->width), db_u64(ask->height),
                                      db_bytes(view_of(digest, sizeof digest)), db_u64(ask->at_ms), db_u64(ask->file)};
    return db_run(call->db,
                  "UPDATE attachment SET state = 1, type = ?, width = ?, height = ?, digest = ?, touched_at_ms = ? "
                  "WHERE id = ?",
                  values, 6);
}

db_status_t store_on_file_end(struct store_call *call)
{
    return store_in_transaction(call, s_end);
}

db_status_t store_on_file_drop(struct store_call *call)
{
    const struct msg_store_file_drop *ask = &call->ask.as.store_file_drop;
    const struct db_value values[] = {db_u64(ask->file), db_u64(ask->room), db_u64(ask->user),
                                      db_bytes(view_of(s_none, CID_BYTES))};
    db_status_t status = db_run(call->db,
                                "UPDATE attachment SET state = 3, name = '' WHERE id = ? AND room_id = ? AND user_id = ? "
                                "AND state IN (0, 1) AND claim = ?",
                                values, 4);
    return status ? status : store_answer_ok(call, db_affected(call->db));
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

db_status_t store_on_file_get(struct store_call *call)
{
    const struct msg_store_file_get *ask = &call->ask.as.store_file_get;
    const struct db_value values[] = {db_u64(ask->file), db_u64(ask->room), db_u64(ask->visible_from_seq),
                                      db_u64(ask->user)};
    const struct db_value piece[] = {db_u64(ask->file), db_u64(ask->no)};
    db_stmt_t *row, *data;
    db_status_t status = db_query(call->db,
                                  "SELECT name, type, bytes, digest FROM attachment WHERE id = ? AND room_id = ? AND "
                                  "((state = 2 AND seq >= ?) OR (state IN (1, 2) AND user_id = ?))",
                                  values, 4, &row);
    if (status)
        return status;
    if (!db_next(row))
        return store_refuse(call, ERR_NO_FILE);
    call->answer.type = MSG_FILE_PART;
    call->answer.as.file_part = (struct msg_file_part){
        .file = ask->file, .no = ask->no, .name = db_get_view(row, 0), .mime = db_get_view(row, 1),
        .bytes = db_get_u64(row, 2), .digest = db_get_view(row, 3)};
    if (ask->no == ID_MAX)
        return DB_OK;
    status = db_query(call->db, "SELECT data FROM blob_chunk WHERE attachment_id = ? AND no = ?", piece, 2, &data);
    if (status)
        return status;
    if (!db_next(data))
        return store_refuse(call, ERR_NO_FILE);
    call->answer.as.file_part.data = db_get_view(data, 0);
    return DB_OK;
}

/* ---- lines ------------------------------------------------------------------------------------------------------ */

/* A repeat finds what it claimed, also when the line is stored by now. */
static bool s_may_claim(const db_stmt_t *row, const cid_t *client_id)
{
    uint64_t state = db_get_u64(row, COL_STATE);
    view_t claim = db_get_view(row, COL_CLAIM);
    bool is_own = view_is_equal(claim, view_of(client_id->bytes, CID_BYTES));
    bool is_free = view_is_equal(claim, view_of(s_none, CID_BYTES));
    return (state == FILE_WHOLE && (is_own || is_free)) || (state == FILE_SHOWN && is_own);
}

static db_status_t s_claim_one(struct store_call *call, const struct msg_store_files_claim *ask, uint64_t file)
{
    const struct db_value values[] = {db_u64(file), db_u64(ask->room), db_u64(ask->user)};
    const struct db_value claim[] = {db_bytes(view_of(ask->client_id.bytes, CID_BYTES)), db_u64(ask->at_ms),
                                     db_u64(file)};
    db_stmt_t *rows;
    db_status_t status = db_query(
        call->db, "SELECT " FILE_COLUMNS " FROM attachment WHERE id = ? AND room_id = ? AND user_id = ? FOR UPDATE",
        values, 3, &rows);
    if (status)
        return status;
    if (!db_next(rows) || !s_may_claim(rows, &ask->client_id))
        return store_refuse(call, ERR_NO_FILE);
    const struct rec_file_info info = {
        .file = file, .name = db_get_view(rows, COL_NAME), .mime = db_get_view(rows, COL_TYPE),
        .bytes = db_get_u64(rows, COL_BYTES), .width = (uint32_t)db_get_u64(rows, COL_WIDTH),
        .height = (uint32_t)db_get_u64(rows, COL_HEIGHT)};
    if (rec_file_info_append(&call->list, &info))
        return DB_FAILED;
    return db_run(call->db, "UPDATE attachment SET claim = ?, touched_at_ms = ? WHERE id = ?", claim, 3);
}

static db_status_t s_claim(struct store_call *call)
{
    const struct msg_store_files_claim *ask = &call->ask.as.store_files_claim;
    list_t files = ask->files;
    struct rec_id id;
    db_status_t status = DB_OK;
    while (!status && !call->error && rec_id_next(&files, &id))
        status = s_claim_one(call, ask, id.id);
    call->answer.type = MSG_STORE_FILES;
    call->answer.as.store_files.files = list_of(&call->list);
    return status;
}

db_status_t store_on_files_claim(struct store_call *call)
{
    return store_in_transaction(call, s_claim);
}

/* Calls one for each file of a SHARED event. FAILED: it is none. */
static db_status_t s_each_file(db_t *db, const struct rec_append_row *row, void *context,
                               db_status_t (*one)(db_t *, const struct rec_append_row *, uint64_t file, void *))
{
    struct msg msg;
    struct kind_shared body;
    struct rec_file_info info;
    if (msg_decode(row->event, &msg) || msg.type != MSG_EVENT || kind_decode(KIND_SHARED, msg.as.event.body, &body))
        return DB_FAILED;
    db_status_t status = DB_OK;
    while (!status && rec_file_info_next(&body.files, &info))
        status = one(db, row, info.file, context);
    return status;
}

static db_status_t s_look_up_one(db_t *db, const struct rec_append_row *row, uint64_t file, void *missing)
{
    const struct db_value values[] = {db_u64(file), db_u64(row->room), db_u64(row->user),
                                      db_bytes(view_of(row->client_id.bytes, CID_BYTES))};
    db_stmt_t *rows;
    db_status_t status = db_query(db,
                                  "SELECT id FROM attachment WHERE id = ? AND room_id = ? AND user_id = ? AND claim = ? "
                                  "AND state = 1 FOR UPDATE",
                                  values, 4, &rows);
    if (!status && !db_next(rows))
        *(bool *)missing = true;
    return status;
}

db_status_t store_files_look_up(db_t *db, const struct rec_append_row *row, bool *missing_out)
{
    *missing_out = false;
    return s_each_file(db, row, missing_out, s_look_up_one);
}

static db_status_t s_bind_one(db_t *db, const struct rec_append_row *row, uint64_t file, void *context)
{
    (void)context;
    const struct db_value values[] = {db_u64(row->seq), db_u64(file), db_u64(row->room), db_u64(row->user),
                                      db_bytes(view_of(row->client_id.bytes, CID_BYTES))};
    db_status_t status = db_run(db,
                                "UPDATE attachment SET state = 2, seq = ? WHERE id = ? AND room_id = ? AND user_id = ? "
                                "AND claim = ? AND state = 1",
                                values, 5);
    return !status && db_affected(db) != 1 ? DB_FAILED : status; /* it was there, and locked */
}

db_status_t store_files_apply(db_t *db, const struct rec_append_row *row)
{
    if (row->kind == KIND_SHARED)
        return s_each_file(db, row, NULL, s_bind_one);
    if (row->kind != KIND_DELETED || !row->target)
        return DB_OK;
    const struct db_value values[] = {db_u64(row->room), db_u64(row->target)};
    return db_run(db, "UPDATE attachment SET state = 3, name = '', touched_at_ms = 0 WHERE room_id = ? AND seq = ?", values,
                  2);
}

/* ---- sweeping --------------------------------------------------------------------------------------------------- */

static db_status_t s_expire(db_t *db, uint64_t state, uint64_t before_ms)
{
    const struct db_value values[] = {db_u64(state), db_u64(before_ms), db_u64(FILES_SWEEP_ROWS)};
    return db_run(db,
                  "UPDATE attachment SET state = 3, name = '' WHERE state = ? AND touched_at_ms < ? "
                  "ORDER BY touched_at_ms LIMIT ?",
                  values, 3);
}

static uint64_t s_before(int64_t now_ms, int64_t age_ms)
{
    return now_ms > age_ms ? (uint64_t)(now_ms - age_ms) : 0;
}

db_status_t store_files_sweep(db_t *db, const struct files_ages *ages, int64_t now_ms, bool *more_out)
{
    db_stmt_t *rows;
    *more_out = false;
    db_status_t status = s_expire(db, FILE_INCOMING, s_before(now_ms, ages->unfinished_ms));
    if (!status)
        status = s_expire(db, FILE_WHOLE, s_before(now_ms, ages->unposted_ms));
    if (!status)
        status = db_query(db, "SELECT id FROM attachment WHERE state = 3 ORDER BY touched_at_ms LIMIT 1", NULL, 0, &rows);
    if (status || !db_next(rows))
        return status;
    const struct db_value values[] = {db_u64(db_get_u64(rows, 0)), db_u64(FILES_SWEEP_PIECES)};
    *more_out = true;
    status = db_run(db, "DELETE FROM blob_chunk WHERE attachment_id = ? ORDER BY no LIMIT ?", values, 2);
    if (!status && db_affected(db) < FILES_SWEEP_PIECES)
        status = db_run(db, "DELETE FROM attachment WHERE id = ? AND state = 3", values, 1);
    return status;
}
