/* The rules of the fenced transaction against a store in memory: each outcome, each guard, each fault. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "persist/commit.h"

enum { EVENTS_MAX = 1024, ROOMS_MAX = 300, ALICE = 11, BOB = 12 };

struct model_room {
    uint64_t id, last_seq, last_msg_no;
};

struct model_state {
    struct rec_append_row events[EVENTS_MAX];
    size_t event_count;
    struct model_room rooms[ROOMS_MAX];
    size_t room_count;
};

/* A database: what is committed, what the open transaction sees, and what goes wrong. */
struct model {
    struct model_state stored, open;
    uint64_t epochs[LIM_SHARDS]; /* 0: no row */
    bool in_transaction;
    commit_status_t fail_begin, fail_leases, fail_insert, fail_reconnect;
    unsigned fail_times;    /* how often the failure above is given */
    commit_status_t commit; /* what COMMIT answers, once */
    bool commit_applies;    /* though it answers something else */
    bool hides_stored;      /* look_up finds nothing: a guard is gone */
    uint8_t missing_cid;    /* a row with it shows a file that is not there; 0: none */
    bool hides_lease;       /* lock_leases says what was asked: a guard is gone */
    uint64_t lies_about;    /* lock_heads shows this room one event back: a guard is gone */
    unsigned begins, reconnects, kills, commits;
};

static struct model s_model;

static commit_status_t s_fault(commit_status_t *fault)
{
    if (*fault == COMMIT_OK || s_model.fail_times == 0)
        return COMMIT_OK;
    s_model.fail_times--;
    return *fault;
}

static commit_status_t s_begin(void *self)
{
    struct model *model = self;
    assert_false(model->in_transaction);
    model->begins++;
    commit_status_t status = s_fault(&model->fail_begin);
    if (status)
        return status;
    model->open = model->stored;
    model->in_transaction = true;
    return COMMIT_OK;
}

static commit_status_t s_lock_leases(void *self, struct commit_lease *leases, size_t count)
{
    struct model *model = self;
    for (size_t i = 0; i < count; i++) {
        assert_true(i == 0 || leases[i - 1].shard < leases[i].shard);
        leases[i].found = model->epochs[leases[i].shard] != 0;
        leases[i].epoch = model->hides_lease ? 1 : model->epochs[leases[i].shard];
    }
    return s_fault(&model->fail_leases);
}

static struct model_room *s_room(struct model_state *state, uint64_t id)
{
    for (size_t i = 0; i < state->room_count; i++)
        if (state->rooms[i].id == id)
            return &state->rooms[i];
    return NULL;
}

static commit_status_t s_lock_heads(void *self, struct commit_head *heads, size_t count)
{
    struct model *model = self;
    for (size_t i = 0; i < count; i++) {
        assert_true(i == 0 || heads[i - 1].room < heads[i].room);
        const struct model_room *room = s_room(&model->open, heads[i].room);
        heads[i].found = room != NULL;
        if (!room)
            continue;
        heads[i].last_seq = room->last_seq - (model->lies_about == room->id);
        heads[i].last_msg_no = room->last_msg_no;
        heads[i].incarnation = 1;
    }
    return COMMIT_OK;
}

static commit_status_t s_look_up(void *self, const struct rec_append_row *rows, size_t count,
                                 struct commit_stored *stored_out)
{
    struct model *model = self;
    for (size_t i = 0; i < count && !model->hides_stored; i++)
        for (size_t j = 0; j < model->open.event_count; j++) {
            const struct rec_append_row *event = &model->open.events[j];
            if (event->room != rows[i].room || event->user != rows[i].user ||
                !cid_is_equal(&event->client_id, &rows[i].client_id))
                continue;
            stored_out[i] = (struct commit_stored){
                .found = true, .seq = event->seq, .at_ms = event->at_ms, .msg_no = event->msg_no};
            memcpy(stored_out[i].mac, event->mac.bytes, MAC_BYTES);
        }
    return COMMIT_OK;
}

static commit_status_t s_look_up_files(void *self, const struct rec_append_row *rows, size_t count,
                                       const struct commit_stored *stored, bool *missing_out)
{
    const struct model *model = self;
    for (size_t i = 0; i < count; i++)
        missing_out[i] = model->missing_cid && rows[i].client_id.bytes[0] == model->missing_cid && !stored[i].found;
    return COMMIT_OK;
}

static commit_status_t s_create_room(void *self, const struct rec_append_row *row)
{
    struct model *model = self;
    if (s_room(&model->open, row->room))
        return COMMIT_DUPLICATE;
    model->open.rooms[model->open.room_count++] = (struct model_room){.id = row->room};
    return COMMIT_OK;
}

static commit_status_t s_insert(void *self, const struct rec_append_row *const *rows, size_t count)
{
    struct model *model = self;
    struct model_state *state = &model->open;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < state->event_count; j++) {
            const struct rec_append_row *event = &state->events[j];
            if (event->room == rows[i]->room &&
                (event->seq == rows[i]->seq || (event->user == rows[i]->user &&
                                                cid_is_equal(&event->client_id, &rows[i]->client_id))))
                return COMMIT_DUPLICATE;
        }
        assert_true(state->event_count < EVENTS_MAX);
        state->events[state->event_count++] = *rows[i];
    }
    return s_fault(&model->fail_insert);
}

static commit_status_t s_move_heads(void *self, const struct commit_move *moves, size_t count, size_t *moved_out)
{
    struct model *model = self;
    *moved_out = 0;
    for (size_t i = 0; i < count; i++) {
        struct model_room *room = s_room(&model->open, moves[i].room);
        if (!room || room->last_seq != moves[i].from_seq)
            continue;
        room->last_seq = moves[i].to_seq;
        room->last_msg_no = moves[i].to_msg_no;
        ++*moved_out;
    }
    return COMMIT_OK;
}

static commit_status_t s_commit(void *self)
{
    struct model *model = self;
    assert_true(model->in_transaction);
    model->in_transaction = false;
    commit_status_t status = model->commit;
    if (status == COMMIT_OK || model->commit_applies)
        model->stored = model->open;
    model->commits += status == COMMIT_OK;
    model->commit = COMMIT_OK;
    return status;
}

static void s_rollback(void *self)
{
    struct model *model = self;
    model->in_transaction = false;
}

static commit_status_t s_reconnect(void *self)
{
    struct model *model = self;
    model->reconnects++;
    return s_fault(&model->fail_reconnect);
}

static commit_status_t s_kill_old(void *self)
{
    struct model *model = self;
    model->kills++;
    return COMMIT_OK;
}

static const struct commit_store STORE = {
    .self = &s_model, .begin = s_begin, .lock_leases = s_lock_leases, .lock_heads = s_lock_heads,
    .look_up = s_look_up, .look_up_files = s_look_up_files, .create_room = s_create_room, .insert = s_insert, .move_heads = s_move_heads,
    .commit = s_commit, .rollback = s_rollback, .reconnect = s_reconnect, .kill_old = s_kill_old};

static const uint8_t MAC_A[MAC_BYTES] = {1}, MAC_B[MAC_BYTES] = {2};

/* A line. Shards are small here: the rules do not care which hash made them. */
static struct rec_append_row s_line(uint64_t room, uint64_t seq, uint8_t cid)
{
    struct rec_append_row row = {.room = room, .shard = (uint32_t)(room % 4), .epoch = 1, .seq = seq,
                                 .kind = KIND_POSTED, .user = ALICE, .msg_no = seq - 1, .at_ms = 1000 + seq,
                                 .mac = view_of(MAC_A, MAC_BYTES), .event = view_of_text("frame")};
    row.client_id.bytes[0] = cid;
    return row;
}

static struct rec_append_row s_created(uint64_t room)
{
    struct rec_append_row row = s_line(room, 1, 200);
    row.kind = KIND_ROOM_CREATED;
    row.msg_no = 0;
    return row;
}

static struct rec_append_outcome s_out[LIM_BATCH_EVENTS_MAX];

static commit_status_t s_run(const struct rec_append_row *rows, size_t count)
{
    memset(s_out, 0xEE, sizeof s_out);
    return commit_run(&STORE, rows, count, s_out);
}

static int s_setup(void **state)
{
    (void)state;
    memset(&s_model, 0, sizeof s_model);
    for (size_t i = 0; i < 4; i++)
        s_model.epochs[i] = 1;
    for (uint64_t room = 1; room <= 3; room++) { /* three rooms with their first event */
        const struct rec_append_row row = s_created(room);
        assert_int_equal(COMMIT_OK, s_run(&row, 1));
        assert_int_equal(OUTCOME_COMMITTED, s_out[0].result);
    }
    s_model.begins = s_model.commits = 0;
    return 0;
}

static uint64_t s_head(uint64_t room)
{
    const struct model_room *found = s_room(&s_model.stored, room);
    return found ? found->last_seq : 0;
}

/* Every room's log is 1 … head, each place once. */
static void s_check_logs(void)
{
    for (size_t i = 0; i < s_model.stored.room_count; i++) {
        const struct model_room *room = &s_model.stored.rooms[i];
        uint64_t count = 0, sum = 0;
        for (size_t j = 0; j < s_model.stored.event_count; j++)
            if (s_model.stored.events[j].room == room->id) {
                count++;
                sum += s_model.stored.events[j].seq;
            }
        assert_int_equal(room->last_seq, count);
        assert_int_equal(room->last_seq * (room->last_seq + 1) / 2, sum);
    }
}

static void s_expect(size_t index, uint32_t result, uint64_t stored_seq)
{
    assert_int_equal(result, s_out[index].result);
    assert_int_equal(stored_seq, s_out[index].stored_seq);
}

/* ---- outcomes ------------------------------------------------------------------------------------------------- */

static void test_new_rows_are_committed_in_their_places(void **state)
{
    (void)state;
    const struct rec_append_row rows[] = {s_line(1, 2, 1), s_line(2, 2, 2), s_line(1, 3, 3)};
    assert_int_equal(COMMIT_OK, s_run(rows, 3));
    for (size_t i = 0; i < 3; i++) {
        s_expect(i, OUTCOME_COMMITTED, rows[i].seq);
        assert_int_equal(rows[i].room, s_out[i].room);
        assert_int_equal(rows[i].at_ms, s_out[i].stored_at_ms);
        assert_int_equal(rows[i].msg_no, s_out[i].stored_msg_no);
    }
    assert_int_equal(3, s_head(1));
    assert_int_equal(1, s_model.commits);
    s_check_logs();
}

static void test_the_same_batch_again_is_committed_and_stores_nothing(void **state)
{
    (void)state;
    const struct rec_append_row rows[] = {s_line(1, 2, 1), s_line(1, 3, 2), s_line(2, 2, 3)};
    assert_int_equal(COMMIT_OK, s_run(rows, 3));
    size_t before = s_model.stored.event_count;
    assert_int_equal(COMMIT_OK, s_run(rows, 3));
    for (size_t i = 0; i < 3; i++)
        s_expect(i, OUTCOME_COMMITTED, rows[i].seq);
    assert_int_equal(before, s_model.stored.event_count);
}

static void test_a_batch_whose_first_half_is_stored_goes_on_from_there(void **state)
{
    (void)state;
    const struct rec_append_row rows[] = {s_line(1, 2, 1), s_line(1, 3, 2)};
    assert_int_equal(COMMIT_OK, s_run(rows, 1));
    assert_int_equal(COMMIT_OK, s_run(rows, 2));
    s_expect(0, OUTCOME_COMMITTED, 2);
    s_expect(1, OUTCOME_COMMITTED, 3);
    s_check_logs();
}

static void test_a_repeat_gets_its_first_place_and_the_rest_is_to_be_numbered_again(void **state)
{
    (void)state;
    const struct rec_append_row first = s_line(1, 2, 1);
    assert_int_equal(COMMIT_OK, s_run(&first, 1));
    const struct rec_append_row rows[] = {s_line(1, 3, 2), s_line(1, 4, 1), s_line(1, 5, 3), s_line(2, 2, 4)};
    assert_int_equal(COMMIT_OK, s_run(rows, 4));
    s_expect(0, OUTCOME_COMMITTED, 3);
    s_expect(1, OUTCOME_REPEAT, 2);
    assert_int_equal(first.at_ms, s_out[1].stored_at_ms);
    s_expect(2, OUTCOME_AGAIN, 0);
    s_expect(3, OUTCOME_COMMITTED, 2);
    assert_int_equal(3, s_head(1));
    s_check_logs();
}

static void test_the_same_id_with_another_mac_is_a_conflict(void **state)
{
    (void)state;
    const struct rec_append_row first = s_line(1, 2, 1);
    assert_int_equal(COMMIT_OK, s_run(&first, 1));
    struct rec_append_row rows[] = {s_line(1, 3, 1), s_line(1, 4, 2)};
    rows[0].mac = view_of(MAC_B, MAC_BYTES);
    assert_int_equal(COMMIT_OK, s_run(rows, 2));
    s_expect(0, OUTCOME_CONFLICT, 0);
    s_expect(1, OUTCOME_AGAIN, 0);
    rows[0].seq = 2; /* also in the very place */
    assert_int_equal(COMMIT_OK, s_run(rows, 2));
    s_expect(0, OUTCOME_CONFLICT, 0);
    assert_int_equal(2, s_head(1));
}

static void test_a_row_whose_file_is_gone_is_refused_alone_and_is_no_hole(void **state)
{
    (void)state;
    struct rec_append_row rows[] = {s_line(1, 2, 1), s_line(1, 3, 2), s_line(1, 4, 3), s_line(2, 2, 4)};
    s_model.missing_cid = 2;
    assert_int_equal(COMMIT_OK, s_run(rows, 4));
    s_expect(0, OUTCOME_COMMITTED, 2);
    s_expect(1, OUTCOME_NO_FILE, 0);
    s_expect(2, OUTCOME_AGAIN, 0);
    s_expect(3, OUTCOME_COMMITTED, 2);
    assert_int_equal(2, s_head(1));
    rows[2].seq = 3;
    rows[2].msg_no = 2;
    assert_int_equal(COMMIT_OK, s_run(&rows[2], 1));
    s_expect(0, OUTCOME_COMMITTED, 3);
    s_model.missing_cid = 3; /* what is stored is stored, whatever became of its file */
    assert_int_equal(COMMIT_OK, s_run(&rows[2], 1));
    s_expect(0, OUTCOME_COMMITTED, 3);
}

static void test_another_user_may_use_the_same_id(void **state)
{
    (void)state;
    struct rec_append_row rows[] = {s_line(1, 2, 1), s_line(1, 3, 1)};
    rows[1].user = BOB;
    assert_int_equal(COMMIT_OK, s_run(rows, 2));
    s_expect(1, OUTCOME_COMMITTED, 3);
}

static void test_one_id_twice_in_a_batch_is_a_repeat_of_the_first(void **state)
{
    (void)state;
    struct rec_append_row rows[] = {s_line(1, 2, 1), s_line(1, 3, 1), s_line(1, 4, 2)};
    assert_int_equal(COMMIT_OK, s_run(rows, 3));
    s_expect(0, OUTCOME_COMMITTED, 2);
    s_expect(1, OUTCOME_REPEAT, 2);
    s_expect(2, OUTCOME_AGAIN, 0);
    rows[1].seq = 2; /* the same row twice: a sender that sent its batch again while the first waited */
    assert_int_equal(COMMIT_OK, s_run(rows, 2));
    s_expect(0, OUTCOME_COMMITTED, 2);
    s_expect(1, OUTCOME_COMMITTED, 2);
    struct rec_append_row other[] = {s_line(2, 2, 1), s_line(2, 3, 1)};
    other[1].mac = view_of(MAC_B, MAC_BYTES);
    assert_int_equal(COMMIT_OK, s_run(other, 2));
    s_expect(1, OUTCOME_CONFLICT, 0);
    s_check_logs();
}

static void test_a_wrong_head_is_stale_for_the_whole_room_and_nobody_else(void **state)
{
    (void)state;
    const struct rec_append_row rows[] = {s_line(1, 3, 1), s_line(1, 4, 2), s_line(2, 2, 3)};
    assert_int_equal(COMMIT_OK, s_run(rows, 3));
    s_expect(0, OUTCOME_STALE_HEAD, 0);
    s_expect(1, OUTCOME_STALE_HEAD, 0);
    s_expect(2, OUTCOME_COMMITTED, 2);
    const struct rec_append_row low = s_line(2, 1, 9);
    assert_int_equal(COMMIT_OK, s_run(&low, 1));
    s_expect(0, OUTCOME_STALE_HEAD, 0);
}

static void test_a_wrong_line_number_is_stale(void **state)
{
    (void)state;
    struct rec_append_row row = s_line(1, 2, 1);
    row.msg_no = 7;
    assert_int_equal(COMMIT_OK, s_run(&row, 1));
    s_expect(0, OUTCOME_STALE_HEAD, 0);
}

static void test_a_row_past_every_place_can_be_found_but_not_stored(void **state)
{
    (void)state;
    const struct rec_append_row first = s_line(1, 2, 1);
    assert_int_equal(COMMIT_OK, s_run(&first, 1));
    struct rec_append_row probe = s_line(1, ID_MAX, 1);
    probe.msg_no = 0;
    assert_int_equal(COMMIT_OK, s_run(&probe, 1));
    s_expect(0, OUTCOME_REPEAT, 2);
    probe.client_id.bytes[0] = 77;
    assert_int_equal(COMMIT_OK, s_run(&probe, 1));
    s_expect(0, OUTCOME_STALE_HEAD, 0);
}

static void test_a_room_begins_with_its_creation_and_with_nothing_else(void **state)
{
    (void)state;
    struct rec_append_row rows[] = {s_created(9), s_line(9, 2, 1)};
    assert_int_equal(COMMIT_OK, s_run(rows, 2));
    s_expect(0, OUTCOME_COMMITTED, 1);
    s_expect(1, OUTCOME_COMMITTED, 2);
    assert_int_equal(2, s_head(9));
    struct rec_append_row line = s_line(10, 1, 1);
    line.msg_no = 1;
    assert_int_equal(COMMIT_OK, s_run(&line, 1));
    s_expect(0, OUTCOME_STALE_HEAD, 0);
    assert_null(s_room(&s_model.stored, 10));
    struct rec_append_row again = s_created(9); /* by somebody else, with another id */
    again.client_id.bytes[0] = 201;
    assert_int_equal(COMMIT_OK, s_run(&again, 1));
    s_expect(0, OUTCOME_STALE_HEAD, 0);
    s_check_logs();
}

static void test_a_fenced_shard_leaves_and_the_others_commit(void **state)
{
    (void)state;
    s_model.epochs[1] = 2;
    s_model.epochs[2] = 0;
    const struct rec_append_row rows[] = {s_line(1, 2, 1), s_line(2, 2, 2), s_line(3, 2, 3)};
    assert_int_equal(COMMIT_OK, s_run(rows, 3));
    s_expect(0, OUTCOME_FENCED, 0);
    s_expect(1, OUTCOME_FENCED, 0);
    s_expect(2, OUTCOME_COMMITTED, 2);
    s_check_logs();
}

static void test_old_and_new_owner_in_one_transaction(void **state)
{
    (void)state;
    s_model.epochs[1] = 2;
    struct rec_append_row rows[] = {s_line(1, 2, 1), s_line(1, 2, 2), s_line(1, 3, 3)};
    rows[1].epoch = rows[2].epoch = 2;
    assert_int_equal(COMMIT_OK, s_run(rows, 3));
    s_expect(0, OUTCOME_FENCED, 0);
    s_expect(1, OUTCOME_COMMITTED, 2);
    s_expect(2, OUTCOME_COMMITTED, 3);
}

static void test_a_full_batch_of_rooms(void **state)
{
    (void)state;
    struct rec_append_row rows[LIM_BATCH_EVENTS_MAX];
    for (size_t i = 0; i < LIM_BATCH_EVENTS_MAX; i++)
        rows[i] = s_created(1000 - i);
    assert_int_equal(COMMIT_OK, s_run(rows, LIM_BATCH_EVENTS_MAX));
    for (size_t i = 0; i < LIM_BATCH_EVENTS_MAX; i++)
        s_expect(i, OUTCOME_COMMITTED, 1);
    s_check_logs();
}

static void test_a_batch_that_stores_nothing_commits_nothing(void **state)
{
    (void)state;
    const struct rec_append_row row = s_line(1, 9, 1);
    assert_int_equal(COMMIT_OK, s_run(&row, 1));
    assert_int_equal(0, s_model.commits);
    assert_false(s_model.in_transaction);
}

/* ---- guards: with the others gone, each alone keeps the log whole ----------------------------------------------- */

static void test_without_the_epoch_the_head_still_guards(void **state)
{
    (void)state;
    struct rec_append_row taken = s_line(1, 2, 1);
    taken.epoch = 2;
    s_model.epochs[1] = 2;
    assert_int_equal(COMMIT_OK, s_run(&taken, 1));
    s_model.hides_lease = true;
    const struct rec_append_row zombie = s_line(1, 2, 9);
    assert_int_equal(COMMIT_OK, s_run(&zombie, 1));
    s_expect(0, OUTCOME_STALE_HEAD, 0);
    s_check_logs();
}

static void test_without_the_heads_truth_key_and_compare_and_set_guard(void **state)
{
    (void)state;
    const struct rec_append_row first = s_line(1, 2, 1);
    assert_int_equal(COMMIT_OK, s_run(&first, 1));
    s_model.lies_about = 1;
    struct rec_append_row rows[] = {s_line(1, 2, 9), s_line(2, 2, 3)};
    rows[0].msg_no = 0; /* else the line's number would guard first */
    assert_int_equal(COMMIT_OK, s_run(rows, 2));
    s_expect(0, OUTCOME_STALE_HEAD, 0);
    s_expect(1, OUTCOME_COMMITTED, 2); /* one bad room never rolls back the others */
    assert_int_equal(2, s_head(1));
    s_check_logs();
}

static void test_without_the_head_row_the_compare_and_set_guards(void **state)
{
    (void)state;
    s_model.lies_about = 1; /* shows head 0: a new place 1 that the key does not know either */
    s_model.stored.events[0].seq = 99;
    struct rec_append_row rows[] = {s_line(1, 1, 9), s_line(2, 2, 3)};
    rows[0].kind = KIND_POSTED;
    rows[0].msg_no = 0;
    assert_int_equal(COMMIT_OK, s_run(rows, 2));
    s_expect(0, OUTCOME_STALE_HEAD, 0);
    s_expect(1, OUTCOME_COMMITTED, 2);
    assert_int_equal(1, s_head(1));
}

static void test_without_the_look_up_the_unique_key_guards(void **state)
{
    (void)state;
    const struct rec_append_row first = s_line(1, 2, 1);
    assert_int_equal(COMMIT_OK, s_run(&first, 1));
    s_model.hides_stored = true;
    const struct rec_append_row rows[] = {s_line(1, 3, 1), s_line(2, 2, 3)};
    assert_int_equal(COMMIT_OK, s_run(rows, 2));
    s_expect(0, OUTCOME_STALE_HEAD, 0);
    s_expect(1, OUTCOME_COMMITTED, 2);
    s_check_logs();
}

/* ---- faults ---------------------------------------------------------------------------------------------------- */

static drive_step_t s_drive(struct commit_drive *drive, const struct rec_append_row *rows, size_t count, int *delay_out)
{
    return commit_drive(drive, &STORE, rows, count, 12345, s_out, delay_out);
}

static void test_lock_errors_are_tried_again_with_a_bound(void **state)
{
    (void)state;
    const struct rec_append_row row = s_line(1, 2, 1);
    struct commit_drive drive = {0};
    int delay_ms;
    s_model.fail_leases = COMMIT_RETRY;
    s_model.fail_times = 2;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(DRIVE_WAIT, s_drive(&drive, &row, 1, &delay_ms));
        assert_in_range(delay_ms, 20, 200);
        assert_false(s_model.in_transaction);
    }
    assert_int_equal(DRIVE_DONE, s_drive(&drive, &row, 1, &delay_ms));
    s_expect(0, OUTCOME_COMMITTED, 2);

    const struct rec_append_row next = s_line(1, 3, 2);
    struct commit_drive other = {0};
    s_model.fail_times = 100;
    for (int i = 0; i < LIM_COMMIT_RETRIES_MAX; i++)
        assert_int_equal(DRIVE_WAIT, s_drive(&other, &next, 1, &delay_ms));
    assert_int_equal(DRIVE_FAILED, s_drive(&other, &next, 1, &delay_ms));
    assert_int_equal(2, s_head(1));
}

static void s_check_unknown(bool was_durable)
{
    const struct rec_append_row rows[] = {s_line(1, 2, 1), s_line(2, 2, 2)};
    struct commit_drive drive = {0};
    int delay_ms;
    s_model.commit = COMMIT_UNKNOWN;
    s_model.commit_applies = was_durable;
    assert_int_equal(DRIVE_WAIT, s_drive(&drive, rows, 2, &delay_ms));
    assert_true(drive.is_unknown);
    assert_int_equal(0, s_model.reconnects);
    assert_int_equal(DRIVE_DONE, s_drive(&drive, rows, 2, &delay_ms));
    assert_int_equal(1, s_model.reconnects);
    assert_int_equal(1, s_model.kills);
    s_expect(0, OUTCOME_COMMITTED, 2);
    s_expect(1, OUTCOME_COMMITTED, 2);
    assert_int_equal(was_durable ? 0 : 1, s_model.commits);
    s_check_logs();
}

static void test_an_unknown_commit_that_happened_is_found(void **state)
{
    (void)state;
    s_check_unknown(true);
}

static void test_an_unknown_commit_that_did_not_happen_is_done(void **state)
{
    (void)state;
    s_check_unknown(false);
}

/* Whatever else goes wrong meanwhile: refused would be a lie about what may be stored. */
static void test_never_an_answer_while_unknown(void **state)
{
    (void)state;
    const struct rec_append_row row = s_line(1, 2, 1);
    struct commit_drive drive = {0};
    int delay_ms;
    s_model.commit = COMMIT_UNKNOWN;
    s_model.commit_applies = true;
    assert_int_equal(DRIVE_WAIT, s_drive(&drive, &row, 1, &delay_ms));
    s_model.fail_reconnect = COMMIT_AWAY;
    s_model.fail_times = 30;
    for (int i = 0; i < 30; i++)
        assert_int_equal(DRIVE_AWAY, s_drive(&drive, &row, 1, &delay_ms));
    assert_in_range(delay_ms, 1000, 2000);
    s_model.fail_reconnect = COMMIT_OK;
    s_model.fail_leases = COMMIT_RETRY;
    s_model.fail_times = 20;
    for (int i = 0; i < 20; i++)
        assert_int_equal(DRIVE_WAIT, s_drive(&drive, &row, 1, &delay_ms));
    s_model.fail_leases = COMMIT_FAILED;
    s_model.fail_times = 3;
    for (int i = 0; i < 3; i++)
        assert_int_equal(DRIVE_AWAY, s_drive(&drive, &row, 1, &delay_ms));
    assert_int_equal(DRIVE_DONE, s_drive(&drive, &row, 1, &delay_ms));
    s_expect(0, OUTCOME_COMMITTED, 2);
    s_check_logs();
}

static void test_unknown_and_then_fenced_is_fenced(void **state)
{
    (void)state;
    const struct rec_append_row row = s_line(1, 2, 1);
    struct commit_drive drive = {0};
    int delay_ms;
    s_model.commit = COMMIT_UNKNOWN;
    assert_int_equal(DRIVE_WAIT, s_drive(&drive, &row, 1, &delay_ms));
    s_model.epochs[1] = 2;
    assert_int_equal(DRIVE_DONE, s_drive(&drive, &row, 1, &delay_ms));
    s_expect(0, OUTCOME_FENCED, 0);
    assert_int_equal(1, s_head(1));
}

static void test_a_database_that_is_away_keeps_the_batch(void **state)
{
    (void)state;
    const struct rec_append_row row = s_line(1, 2, 1);
    struct commit_drive drive = {0};
    int delay_ms;
    s_model.fail_begin = COMMIT_AWAY;
    s_model.fail_times = 1;
    assert_int_equal(DRIVE_AWAY, s_drive(&drive, &row, 1, &delay_ms));
    assert_int_equal(0, delay_ms); /* a connection closed while idle is replaced at once */
    s_model.fail_reconnect = COMMIT_AWAY;
    s_model.fail_times = 3;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(DRIVE_AWAY, s_drive(&drive, &row, 1, &delay_ms));
        assert_true(delay_ms > 0);
    }
    assert_int_equal(DRIVE_DONE, s_drive(&drive, &row, 1, &delay_ms));
    s_expect(0, OUTCOME_COMMITTED, 2);
}

static void test_a_statement_that_is_refused_is_refused(void **state)
{
    (void)state;
    const struct rec_append_row row = s_line(1, 2, 1);
    struct commit_drive drive = {0};
    int delay_ms;
    s_model.fail_insert = COMMIT_FAILED;
    s_model.fail_times = 1;
    assert_int_equal(DRIVE_FAILED, s_drive(&drive, &row, 1, &delay_ms));
    assert_int_equal(1, s_head(1));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, s_setup)
    const struct CMUnitTest tests[] = {
        TEST(test_new_rows_are_committed_in_their_places),
        TEST(test_the_same_batch_again_is_committed_and_stores_nothing),
        TEST(test_a_batch_whose_first_half_is_stored_goes_on_from_there),
        TEST(test_a_repeat_gets_its_first_place_and_the_rest_is_to_be_numbered_again),
        TEST(test_the_same_id_with_another_mac_is_a_conflict),
        TEST(test_a_row_whose_file_is_gone_is_refused_alone_and_is_no_hole),
        TEST(test_another_user_may_use_the_same_id),
        TEST(test_one_id_twice_in_a_batch_is_a_repeat_of_the_first),
        TEST(test_a_wrong_head_is_stale_for_the_whole_room_and_nobody_else),
        TEST(test_a_wrong_line_number_is_stale),
        TEST(test_a_row_past_every_place_can_be_found_but_not_stored),
        TEST(test_a_room_begins_with_its_creation_and_with_nothing_else),
        TEST(test_a_fenced_shard_leaves_and_the_others_commit),
        TEST(test_old_and_new_owner_in_one_transaction),
        TEST(test_a_full_batch_of_rooms),
        TEST(test_a_batch_that_stores_nothing_commits_nothing),
        TEST(test_without_the_epoch_the_head_still_guards),
        TEST(test_without_the_heads_truth_key_and_compare_and_set_guard),
        TEST(test_without_the_head_row_the_compare_and_set_guards),
        TEST(test_without_the_look_up_the_unique_key_guards),
        TEST(test_lock_errors_are_tried_again_with_a_bound),
        TEST(test_an_unknown_commit_that_happened_is_found),
        TEST(test_an_unknown_commit_that_did_not_happen_is_done),
        TEST(test_never_an_answer_while_unknown),
        TEST(test_unknown_and_then_fenced_is_fenced),
        TEST(test_a_database_that_is_away_keeps_the_batch),
        TEST(test_a_statement_that_is_refused_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
