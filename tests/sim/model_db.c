/* A database of a few tables: transactions that happen whole or not at all, sometimes without telling. */
#include "tests/sim/sim.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/room_tail.h"

struct db_txn {
    struct db_event events[LIM_BATCH_EVENTS_MAX]; /* staged, owned */
    size_t count;
    uint64_t creates[CHATS];
    size_t create_count;
    struct commit_move moves[CHATS];
    size_t move_count;
};

struct model_db *model_db_new(struct world *world)
{
    struct model_db *self = calloc(1, sizeof *self);
    assert(self);
    self->world = world;
    self->boot = 1;
    return self;
}

static void s_free_events(struct db_event *events, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(events[i].frame);
        free(events[i].original);
    }
}

static void s_free_txn(struct db_txn **txn_p)
{
    if (*txn_p)
        s_free_events((*txn_p)->events, (*txn_p)->count);
    free(*txn_p);
    *txn_p = NULL;
}

void model_db_destroy(struct model_db **self_p)
{
    struct model_db *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->room_count; i++) {
        s_free_events(self->rooms[i].events, self->rooms[i].count);
        free(self->rooms[i].events);
    }
    s_free_txn(&self->pending);
    free(self);
    *self_p = NULL;
}

bool model_db_is_down(const struct model_db *self)
{
    return self->down_until_ms > self->world->now_ms;
}

struct db_room *model_db_room(struct model_db *self, uint64_t id)
{
    for (size_t i = 0; i < self->room_count; i++)
        if (self->rooms[i].id == id)
            return &self->rooms[i];
    return NULL;
}

const struct db_event *model_db_find(struct model_db *self, uint64_t room_id, uint64_t user, const cid_t *cid)
{
    struct db_room *room = model_db_room(self, room_id);
    for (size_t i = 0; room && i < room->count; i++)
        if (room->events[i].row.user == user && cid_is_equal(&room->events[i].row.client_id, cid))
            return &room->events[i];
    return NULL;
}

const struct db_member *model_db_member(const struct db_room *room, uint64_t user)
{
    for (size_t i = 0; i < room->member_count; i++)
        if (room->members[i].user == user)
            return &room->members[i];
    return NULL;
}

bool model_db_holds_frame(struct model_db *self, uint64_t room_id, uint64_t seq, view_t frame)
{
    const struct db_room *room = model_db_room(self, room_id);
    if (!room || !seq || seq > room->count)
        return false;
    const struct db_event *event = &room->events[seq - 1];
    return view_is_equal(frame, view_of(event->frame, event->len)) ||
           view_is_equal(frame, view_of(event->original, event->original_len));
}

void model_db_marks(const struct db_room *room, uint64_t line, uint64_t upto, marks_t *out)
{
    struct msg msg;
    marks_clear(out);
    for (size_t i = 0; i < room->count && room->events[i].row.seq <= upto; i++)
        if (room->events[i].row.target == line &&
            !msg_decode(view_of(room->events[i].original, room->events[i].original_len), &msg))
            marks_fold(out, &msg.as.event);
}

uint64_t model_db_gone(const struct db_room *room, uint64_t upto, list_writer_t *numbers)
{
    uint64_t last = 0;
    for (size_t i = 0; i < room->count && i < upto; i++)
        if (room->events[i].row.kind == KIND_DELETED)
            last = room->events[i].row.seq;
    for (size_t line = 0; numbers && line < room->count && line < upto; line++) {
        const struct rec_append_row *row = &room->events[line].row;
        bool is_gone = false;
        for (size_t i = line; row->msg_no && i < room->count && i < upto; i++)
            is_gone = is_gone || (room->events[i].row.kind == KIND_DELETED && room->events[i].row.target == row->seq);
        if (is_gone)
            rec_id_append(numbers, &(struct rec_id){.id = row->msg_no});
    }
    return last;
}

/* ---- what a commit does ---- */

void model_db_leave(struct db_room *room, uint64_t user)
{
    for (size_t i = 0; i < room->member_count; i++)
        if (room->members[i].user == user)
            room->members[i--] = room->members[--room->member_count];
}

void model_db_join(struct db_room *room, uint64_t user, uint64_t seq, uint32_t role)
{
    model_db_leave(room, user);
    assert(room->member_count < CLIENTS);
    room->members[room->member_count++] =
        (struct db_member){.user = user, .joined_seq = seq, .role = role,
                             .visible_from = seq > 1 && room->history ? seq : 0};
}

static void s_erase(struct db_room *room, uint64_t target)
{
    for (size_t i = 0; i < room->count; i++) {
        struct db_event *event = &room->events[i];
        bool is_edit = kind_is_edit(event->row.kind) && event->row.target == target;
        if (event->row.seq != target && !is_edit)
            continue;
        buffer_t out;
        buffer_init(&out, LIM_EVENT_BYTES_MAX);
        err_t err = event_erase(view_of(event->frame, event->len), &out);
        assert(!err);
        (void)err;
        free(event->frame);
        event->frame = out.bytes;
        event->len = out.len;
    }
}

static void s_store(struct model_db *self, struct db_event *staged)
{
    struct db_room *room = model_db_room(self, staged->row.room);
    assert(room);
    if (room->count == room->cap) {
        room->cap = room->cap ? room->cap * 2 : 64;
        room->events = realloc(room->events, room->cap * sizeof *room->events);
        assert(room->events);
    }
    room->events[room->count++] = *staged;
    const struct rec_append_row *row = &room->events[room->count - 1].row;
    check_stored(self->world, room, room->count - 1, self->leases[row->shard].epoch);
    world_trace(self->world, "stored: %s %d of client %d in chat %d at %llu", kind_name(row->kind),
                row->client_id.bytes[15], (int)(row->user - 1000), row->client_id.bytes[0] - 1,
                (unsigned long long)row->seq);
    if (row->msg_no)
        room->msg_no = row->msg_no;
    model_rights_check(self->world, room, &room->events[room->count - 1]);
    model_rights_apply(self->world, room, &room->events[room->count - 1]);
    if (row->kind == KIND_DELETED)
        s_erase(room, row->target);
}

static void s_apply(struct model_db *self, struct db_txn **txn_p)
{
    struct db_txn *txn = *txn_p;
    for (size_t i = 0; i < txn->create_count; i++) {
        assert(self->room_count < CHATS);
        struct db_room *room = &self->rooms[self->room_count++];
        room->id = txn->creates[i];
        snprintf(room->name, sizeof room->name, "room %zu", self->room_count);
    }
    for (size_t i = 0; i < txn->count; i++)
        s_store(self, &txn->events[i]);
    for (size_t i = 0; i < txn->move_count; i++)
        model_db_room(self, txn->moves[i].room)->head = txn->moves[i].to_seq;
    txn->count = 0; /* what they own is the rooms' now */
    s_free_txn(txn_p);
}

void model_db_settle(struct model_db *self)
{
    if (!self->pending)
        return;
    bool is_durable = world_random(self->world, 4) != 0;
    world_trace(self->world, "the commit nobody knows of %s", is_durable ? "happened" : "is lost");
    if (is_durable)
        s_apply(self, &self->pending);
    else
        s_free_txn(&self->pending);
}

void model_db_crash(struct model_db *self, int64_t for_ms)
{
    world_trace(self->world, "the database dies for %" PRId64 " ms", for_ms);
    self->boot++;
    self->down_until_ms = self->world->now_ms + for_ms;
    model_db_settle(self);
}

bool model_db_is_locked(const struct model_db *self, uint32_t shard)
{
    for (size_t i = 0; self->pending && i < self->pending->count; i++)
        if (self->pending->events[i].row.shard == shard)
            return true;
    return false;
}

/* ---- the store of commit.h ---- */

static commit_status_t s_status(struct connection *self)
{
    return model_db_is_down(self->db) || self->boot != self->db->boot ? COMMIT_AWAY : COMMIT_OK;
}

static commit_status_t s_begin(void *opaque)
{
    struct connection *self = opaque;
    if (s_status(self) != COMMIT_OK)
        return COMMIT_AWAY;
    struct world *world = self->db->world;
    bool is_faulty = world->now_ms < FAULTS_MS && !world->is_calm;
    if (is_faulty && world_random(world, 100) < world->failed_pct)
        return COMMIT_FAILED; /* the disk is full, say */
    s_free_txn(&self->txn);
    self->txn = calloc(1, sizeof *self->txn);
    return self->txn ? COMMIT_OK : COMMIT_FAILED;
}

static commit_status_t s_lock_leases(void *opaque, struct commit_lease *leases, size_t count)
{
    struct connection *self = opaque;
    for (size_t i = 0; i < count; i++) {
        if (model_db_is_locked(self->db, leases[i].shard)) {
            if (world_random(self->db->world, 8) == 0)
                model_db_settle(self->db); /* the server gives up on the lost connection */
            return COMMIT_RETRY;
        }
        leases[i].found = self->db->leases[leases[i].shard].epoch != 0;
        leases[i].epoch = self->db->leases[leases[i].shard].epoch;
        for (size_t k = 0; self->db->world->mutation == MUTATE_EPOCH && k < self->row_count; k++)
            if (self->rows[k].shard == leases[i].shard)
                leases[i].epoch = self->rows[k].epoch;
    }
    return s_status(self);
}

static commit_status_t s_lock_heads(void *opaque, struct commit_head *heads, size_t count)
{
    struct connection *self = opaque;
    for (size_t i = 0; i < count; i++) {
        const struct db_room *room = model_db_room(self->db, heads[i].room);
        heads[i].found = room != NULL;
        heads[i].incarnation = 1;
        heads[i].last_seq = room ? room->head : 0;
        heads[i].last_msg_no = room ? room->msg_no : 0;
        if (self->db->world->mutation != MUTATE_HEAD || !room)
            continue;
        for (size_t k = self->row_count; k-- > 0;) { /* whatever the first row expects */
            if (self->rows[k].room != heads[i].room || self->rows[k].seq > INT32_MAX)
                continue;
            heads[i].last_seq = self->rows[k].seq - 1;
            if (self->rows[k].msg_no)
                heads[i].last_msg_no = self->rows[k].msg_no - 1;
        }
    }
    return s_status(self);
}

static commit_status_t s_look_up(void *opaque, const struct rec_append_row *rows, size_t count,
                                 struct commit_stored *stored_out)
{
    struct connection *self = opaque;
    for (size_t i = 0; i < count; i++) {
        const struct db_event *event =
            model_db_find(self->db, rows[i].room, rows[i].user, &rows[i].client_id);
        if (!event || self->db->world->mutation == MUTATE_CLIENT_ID)
            continue;
        stored_out[i] = (struct commit_stored){.found = true, .seq = event->row.seq, .at_ms = event->row.at_ms,
                                               .msg_no = event->row.msg_no};
        memcpy(stored_out[i].mac, event->mac, MAC_BYTES);
    }
    return s_status(self);
}

/* Files are kept for their lines, but for one in so many. */
bool model_db_is_file_gone(const struct rec_append_row *row)
{
    return row->kind == KIND_SHARED && row->client_id.bytes[CID_BYTES - 1] % 8 == 0;
}

static commit_status_t s_look_up_files(void *opaque, const struct rec_append_row *rows, size_t count,
                                       const struct commit_stored *stored, bool *missing_out)
{
    struct connection *self = opaque;
    for (size_t i = 0; i < count; i++)
        missing_out[i] = !stored[i].found && model_db_is_file_gone(&rows[i]);
    return s_status(self);
}

static commit_status_t s_create_room(void *opaque, const struct rec_append_row *row)
{
    struct connection *self = opaque;
    if (model_db_room(self->db, row->room))
        return COMMIT_DUPLICATE;
    self->txn->creates[self->txn->create_count++] = row->room;
    return s_status(self);
}

static commit_status_t s_insert(void *opaque, const struct rec_append_row *const *rows, size_t count)
{
    struct connection *self = opaque;
    enum mutation mutation = self->db->world->mutation;
    for (size_t i = 0; i < count; i++) {
        const struct db_room *room = model_db_room(self->db, rows[i]->room);
        if (room && rows[i]->seq <= room->count && mutation != MUTATE_HEAD)
            return COMMIT_DUPLICATE;
        if (mutation != MUTATE_CLIENT_ID &&
            model_db_find(self->db, rows[i]->room, rows[i]->user, &rows[i]->client_id))
            return COMMIT_DUPLICATE;
        struct db_event *event = &self->txn->events[self->txn->count++];
        *event = (struct db_event){.row = *rows[i], .len = rows[i]->event.len,
                                   .original_len = rows[i]->event.len};
        event->frame = malloc(event->len);
        event->original = malloc(event->len);
        assert(event->frame && event->original);
        memcpy(event->frame, rows[i]->event.bytes, event->len);
        memcpy(event->original, rows[i]->event.bytes, event->len);
        memcpy(event->mac, rows[i]->mac.bytes, MAC_BYTES);
        event->row.event = event->row.mac = view_of(NULL, 0);
    }
    return s_status(self);
}

static commit_status_t s_move_heads(void *opaque, const struct commit_move *moves, size_t count, size_t *moved_out)
{
    struct connection *self = opaque;
    *moved_out = 0;
    for (size_t i = 0; i < count; i++) {
        const struct db_room *room = model_db_room(self->db, moves[i].room);
        if (room && room->head != moves[i].from_seq && self->db->world->mutation != MUTATE_HEAD)
            continue;
        assert(self->txn->move_count < CHATS);
        self->txn->moves[self->txn->move_count++] = moves[i];
        (*moved_out)++;
    }
    return s_status(self);
}

static commit_status_t s_commit(void *opaque)
{
    struct connection *self = opaque;
    struct world *world = self->db->world;
    bool is_faulty = world->now_ms < FAULTS_MS && !world->is_calm;
    if (s_status(self) != COMMIT_OK)
        return COMMIT_AWAY;
    if (!is_faulty || world_random(world, 100) >= world->unknown_pct || self->db->pending) {
        s_apply(self->db, &self->txn);
        return COMMIT_OK;
    }
    world->stats.unknown++;
    world_trace(world, "a commit of %zu events ends in silence", self->txn->count);
    self->db->pending = self->txn;
    self->txn = NULL;
    self->boot = 0; /* the connection is lost */
    return world->mutation == MUTATE_UNKNOWN ? COMMIT_OK : COMMIT_UNKNOWN;
}

static void s_rollback(void *opaque)
{
    struct connection *self = opaque;
    s_free_txn(&self->txn);
}

static commit_status_t s_reconnect(void *opaque)
{
    struct connection *self = opaque;
    s_free_txn(&self->txn);
    if (model_db_is_down(self->db))
        return COMMIT_AWAY;
    self->boot = self->db->boot;
    return COMMIT_OK;
}

static commit_status_t s_kill_old(void *opaque)
{
    struct connection *self = opaque;
    model_db_settle(self->db); /* killed, or done before the kill came */
    return s_status(self);
}

struct commit_store model_db_store(struct connection *connection)
{
    return (struct commit_store){.self = connection, .begin = s_begin, .lock_leases = s_lock_leases,
                                 .lock_heads = s_lock_heads, .look_up = s_look_up, .look_up_files = s_look_up_files,
                                 .create_room = s_create_room, .insert = s_insert,
                                 .move_heads = s_move_heads, .commit = s_commit, .rollback = s_rollback,
                                 .reconnect = s_reconnect, .kill_old = s_kill_old};
}
