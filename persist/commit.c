#include "persist/commit.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proto/first.h"

enum {
    ROWS_MAX = LIM_BATCH_EVENTS_MAX,
    RETRY_MS_MIN = 20, /* after a lock error */
    RETRY_MS_MAX = 200,
    AWAY_MS_MIN = 100, /* after a second lost connection, doubling */
    AWAY_MS_MAX = 2000,
};

/* A room of the batch while its rows are judged. */
struct s_room {
    struct commit_head head; /* as read */
    uint64_t seq, msg_no;    /* as it will be */
    uint64_t at_ms;
    uint32_t stopped;        /* 0, or the outcome of every further row */
    bool is_refused;         /* a key or its head contradicts what was read: stale whatever it says */
};

struct s_run {
    const struct commit_store *store;
    const struct rec_append_row *rows;
    size_t count;
    struct rec_append_outcome *outcomes;
    struct s_room rooms[ROWS_MAX]; /* ascending */
    size_t room_count;
    struct commit_lease leases[ROWS_MAX]; /* ascending */
    size_t lease_count;
    uint64_t refused[ROWS_MAX]; /* rooms that a key or a head contradicted in an earlier pass */
    size_t refused_count;
    struct commit_stored stored[ROWS_MAX];
    bool missing[ROWS_MAX]; /* a file that the row shows is not there */
    const struct rec_append_row *accepted[ROWS_MAX]; /* in the rows' order */
    size_t accepted_count;
};

static int s_compare_u64(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* Sorts and leaves each value once. */
static size_t s_unique(uint64_t *values, size_t count)
{
    qsort(values, count, sizeof *values, s_compare_u64);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || values[kept - 1] != values[i])
            values[kept++] = values[i];
    return kept;
}

static struct s_room *s_room_of(struct s_run *run, uint64_t room)
{
    size_t low = 0, high = run->room_count;
    while (low + 1 < high) {
        size_t middle = (low + high) / 2;
        if (run->rooms[middle].head.room <= room)
            low = middle;
        else
            high = middle;
    }
    assert(run->rooms[low].head.room == room);
    return &run->rooms[low];
}

static const struct commit_lease *s_lease_of(const struct s_run *run, uint32_t shard)
{
    for (size_t i = 0; i < run->lease_count; i++)
        if (run->leases[i].shard == shard)
            return &run->leases[i];
    return NULL;
}

/* Locks in key order: two transactions that want the same rows meet at the first one and do not deadlock. */
static commit_status_t s_lock(struct s_run *run)
{
    uint64_t keys[ROWS_MAX];
    for (size_t i = 0; i < run->count; i++)
        keys[i] = run->rows[i].shard;
    run->lease_count = s_unique(keys, run->count);
    for (size_t i = 0; i < run->lease_count; i++)
        run->leases[i] = (struct commit_lease){.shard = (uint32_t)keys[i]};
    commit_status_t status =
        run->store->lock_leases(run->store->self, run->leases, run->lease_count);
    if (status != COMMIT_OK)
        return status;

    struct commit_head heads[ROWS_MAX];
    for (size_t i = 0; i < run->count; i++)
        keys[i] = run->rows[i].room;
    run->room_count = s_unique(keys, run->count);
    for (size_t i = 0; i < run->room_count; i++)
        heads[i] = (struct commit_head){.room = keys[i]};
    status = run->store->lock_heads(run->store->self, heads, run->room_count);
    if (status != COMMIT_OK)
        return status;
    for (size_t i = 0; i < run->room_count; i++)
        run->rooms[i] = (struct s_room){
            .head = heads[i], .seq = heads[i].last_seq, .msg_no = heads[i].last_msg_no};
    for (size_t i = 0; i < run->refused_count; i++)
        s_room_of(run, run->refused[i])->is_refused = true;
    memset(run->stored, 0, sizeof run->stored);
    status = run->store->look_up(run->store->self, run->rows, run->count, run->stored);
    memset(run->missing, 0, sizeof run->missing);
    if (status != COMMIT_OK)
        return status;
    return run->store->look_up_files(run->store->self, run->rows, run->count, run->stored, run->missing);
}

/* The row's client id among those this transaction is about to store. */
static void s_look_up_accepted(const struct s_run *run, const struct rec_append_row *row,
                               struct commit_stored *stored_out)
{
    for (size_t i = 0; i < run->accepted_count; i++) {
        const struct rec_append_row *other = run->accepted[i];
        if (other->room != row->room || other->user != row->user ||
            !cid_is_equal(&other->client_id, &row->client_id))
            continue;
        *stored_out = (struct commit_stored){
            .found = true, .seq = other->seq, .at_ms = other->at_ms, .msg_no = other->msg_no};
        memcpy(stored_out->mac, other->mac.bytes, MAC_BYTES);
        return;
    }
}

static bool s_is_next(const struct s_room *room, const struct rec_append_row *row)
{
    if (!room->head.found && room->seq == 0 && (row->seq != 1 || !kind_is_first(row->kind)))
        return false;
    return row->seq == room->seq + 1 && (row->msg_no == 0 || row->msg_no == room->msg_no + 1);
}

static void s_answer_stored(struct rec_append_outcome *outcome, uint32_t result,
                            const struct commit_stored *stored)
{
    outcome->result = result;
    outcome->stored_seq = stored->seq;
    outcome->stored_at_ms = stored->at_ms;
    outcome->stored_msg_no = stored->msg_no;
}

static void s_judge(struct s_run *run, size_t index)
{
    const struct rec_append_row *row = &run->rows[index];
    struct rec_append_outcome *outcome = &run->outcomes[index];
    *outcome = (struct rec_append_outcome){.room = row->room, .seq = row->seq};
    const struct commit_lease *lease = s_lease_of(run, row->shard);
    if (!lease || !lease->found || lease->epoch != row->epoch) {
        outcome->result = OUTCOME_FENCED; /* does not stop the room: its new owner may be in this batch too */
        return;
    }
    struct s_room *room = s_room_of(run, row->room);
    if (room->stopped) {
        outcome->result = room->stopped;
        return;
    }
    struct commit_stored stored = run->stored[index];
    if (!stored.found)
        s_look_up_accepted(run, row, &stored);
    if (stored.found && memcmp(stored.mac, row->mac.bytes, MAC_BYTES) != 0) {
        outcome->result = OUTCOME_CONFLICT;
        room->stopped = OUTCOME_AGAIN;
    } else if (stored.found && stored.seq != row->seq) {
        s_answer_stored(outcome, OUTCOME_REPEAT, &stored);
        room->stopped = OUTCOME_AGAIN;
    } else if (stored.found) {
        s_answer_stored(outcome, OUTCOME_COMMITTED, &stored); /* by an earlier try of this batch */
    } else if (room->is_refused || !s_is_next(room, row)) {
        outcome->result = OUTCOME_STALE_HEAD;
        room->stopped = OUTCOME_STALE_HEAD;
    } else if (run->missing[index]) {
        outcome->result = OUTCOME_NO_FILE;
        room->stopped = OUTCOME_AGAIN;
    } else {
        room->seq = row->seq;
        room->msg_no = row->msg_no ? row->msg_no : room->msg_no;
        room->at_ms = row->at_ms;
        run->accepted[run->accepted_count++] = row;
        s_answer_stored(outcome, OUTCOME_COMMITTED,
                        &(struct commit_stored){
                            .seq = row->seq, .at_ms = row->at_ms, .msg_no = row->msg_no});
    }
}

/* Stores what was accepted for the rooms first … first+count-1. DUPLICATE also when a head was not where it was
 * read. */
static commit_status_t s_store_rooms(struct s_run *run, size_t first, size_t count)
{
    const struct commit_store *store = run->store;
    const struct rec_append_row *rows[ROWS_MAX];
    struct commit_move moves[ROWS_MAX];
    size_t row_count = 0, move_count = 0, moved = 0;
    uint64_t low = run->rooms[first].head.room, high = run->rooms[first + count - 1].head.room;
    commit_status_t status = COMMIT_OK;
    for (size_t i = 0; i < run->accepted_count; i++)
        if (run->accepted[i]->room >= low && run->accepted[i]->room <= high)
            rows[row_count++] = run->accepted[i];
    for (size_t i = first; i < first + count; i++) {
        const struct s_room *room = &run->rooms[i];
        if (room->seq != room->head.last_seq)
            moves[move_count++] = (struct commit_move){.room = room->head.room,
                                                       .from_seq = room->head.last_seq,
                                                       .to_seq = room->seq,
                                                       .to_msg_no = room->msg_no,
                                                       .at_ms = room->at_ms};
    }
    if (row_count == 0)
        return COMMIT_OK;
    for (size_t i = 0; i < row_count && status == COMMIT_OK; i++)
        if (rows[i]->seq == 1)
            status = store->create_room(store->self, rows[i]);
    if (status == COMMIT_OK)
        status = store->insert(store->self, rows, row_count);
    if (status == COMMIT_OK)
        status = store->move_heads(store->self, moves, move_count, &moved);
    if (status == COMMIT_OK && moved != move_count)
        status = COMMIT_DUPLICATE;
    return status;
}

/* One pass. one_by_one: after a contradiction, room after room, so that the one that contradicts is found and noted
 * in refused. */
static commit_status_t s_pass(struct s_run *run, bool one_by_one)
{
    const struct commit_store *store = run->store;
    commit_status_t status = store->begin(store->self);
    if (status == COMMIT_OK)
        status = s_lock(run);
    run->accepted_count = 0;
    for (size_t i = 0; status == COMMIT_OK && i < run->count; i++)
        s_judge(run, i);
    if (status == COMMIT_OK && !one_by_one)
        status = s_store_rooms(run, 0, run->room_count);
    for (size_t i = 0; status == COMMIT_OK && one_by_one && i < run->room_count; i++) {
        status = s_store_rooms(run, i, 1);
        if (status == COMMIT_DUPLICATE)
            run->refused[run->refused_count++] = run->rooms[i].head.room;
    }
    if (status != COMMIT_OK) {
        store->rollback(store->self);
        return status;
    }
    if (run->accepted_count == 0) {
        store->rollback(store->self); /* only reads: what they told was committed by others */
        return COMMIT_OK;
    }
    status = store->commit(store->self);
    if (status == COMMIT_RETRY || status == COMMIT_FAILED)
        store->rollback(store->self);
    return status;
}

commit_status_t commit_run(const struct commit_store *store, const struct rec_append_row *rows,
                           size_t count, struct rec_append_outcome *outcomes)
{
    assert(count > 0 && count <= ROWS_MAX);
    struct s_run run = {.store = store, .rows = rows, .count = count, .outcomes = outcomes};
    commit_status_t status = s_pass(&run, false);
    /* Each further pass refuses one more room, so this ends; a room created by somebody else in the middle is simply
     * found by the next pass. */
    for (size_t pass = 0; status == COMMIT_DUPLICATE && run.refused_count < ROWS_MAX && pass <= ROWS_MAX; pass++)
        status = s_pass(&run, true);
    return status == COMMIT_DUPLICATE ? COMMIT_FAILED : status;
}

static int s_delay(int min, int max, uint32_t random)
{
    return min + (int)(random % (uint32_t)(max - min + 1));
}

static int s_away_delay(struct commit_drive *drive, uint32_t random)
{
    int limit = AWAY_MS_MIN;
    if (drive->losses++ == 0)
        return 0; /* a connection that was closed while idle is no reason to wait */
    for (unsigned i = 2; i < drive->losses && limit < AWAY_MS_MAX; i++)
        limit *= 2;
    limit = limit < AWAY_MS_MAX ? limit : AWAY_MS_MAX;
    return s_delay(limit / 2, limit, random);
}

/* A new connection, and nothing left of the old one. */
static commit_status_t s_reconnect(struct commit_drive *drive, const struct commit_store *store)
{
    commit_status_t status = store->reconnect(store->self);
    if (status == COMMIT_OK)
        status = store->kill_old(store->self);
    if (status == COMMIT_OK)
        drive->is_lost = false;
    return status;
}

drive_step_t commit_drive(struct commit_drive *drive, const struct commit_store *store,
                          const struct rec_append_row *rows, size_t count, uint32_t random,
                          struct rec_append_outcome *outcomes, int *delay_ms_out)
{
    *delay_ms_out = 0;
    if (drive->is_lost && s_reconnect(drive, store) != COMMIT_OK) {
        *delay_ms_out = s_away_delay(drive, random);
        return DRIVE_AWAY;
    }
    switch (commit_run(store, rows, count, outcomes)) {
    case COMMIT_OK:
        drive->is_unknown = false;
        return DRIVE_DONE;
    case COMMIT_UNKNOWN:
        drive->is_unknown = true;
        drive->is_lost = true;
        return DRIVE_WAIT;
    case COMMIT_RETRY:
        *delay_ms_out = s_delay(RETRY_MS_MIN, RETRY_MS_MAX, random);
        if (++drive->retries <= LIM_COMMIT_RETRIES_MAX || drive->is_unknown)
            return DRIVE_WAIT;
        return DRIVE_FAILED;
    case COMMIT_AWAY:
        drive->is_lost = true;
        *delay_ms_out = s_away_delay(drive, random);
        return DRIVE_AWAY;
    case COMMIT_DUPLICATE:
    case COMMIT_FAILED: break;
    }
    if (!drive->is_unknown)
        return DRIVE_FAILED;
    /* An earlier COMMIT may have happened, so "refused" would be a guess. */
    *delay_ms_out = s_away_delay(drive, random);
    return DRIVE_AWAY;
}
