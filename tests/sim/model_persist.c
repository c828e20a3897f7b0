/* persist: a queue of batches under commit_drive, questions answered from the model database, the directory. */
#include "tests/sim/sim.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { WAKE_WORK = 1, WAKE_LOOK = 2, WAKE_HELD = 3, JOBS_MAX = 64 };

struct job {
    struct job *next;
    struct frame *frame;
};

struct held { /* an answer that takes its time */
    struct held *next;
    int64_t due_ms;
    address_t to;
    struct frame *frame;
};

struct persist {
    struct job *first, *last;
    bool is_working;
    struct commit_drive drive;
    struct connection connection;
    struct rec_append_row rows[LIM_BATCH_EVENTS_MAX];
    struct held *held_first, *held_last;
    struct watch {
        uint64_t beat;
        uint32_t boot;
        int64_t since_ms;
    } watches[ROOM_NODES];
    int64_t looked_ms;
};

void *persist_new(struct world *world, int node)
{
    struct persist *self = calloc(1, sizeof *self);
    assert(self);
    self->connection = (struct connection){.db = world->db, .boot = world->db->boot};
    world_wake(world, node, 10, WAKE_LOOK);
    return self;
}

static void s_drop_job(struct persist *self)
{
    struct job *job = self->first;
    self->first = job->next;
    if (!self->first)
        self->last = NULL;
    free(job->frame);
    free(job);
}

void persist_free(void *state)
{
    struct persist *self = state;
    while (self->first)
        s_drop_job(self);
    while (self->held_first) {
        struct held *held = self->held_first;
        self->held_first = held->next;
        free(held->frame);
        free(held);
    }
    struct commit_store store = model_db_store(&self->connection);
    store.rollback(store.self);
    free(self);
}

static void s_reply(struct world *world, int node, const struct envelope *asked, const struct msg *msg)
{
    struct envelope env = envelope_reply(asked);
    world_send_msg(world, node, envelope_answer_to(asked), &env, msg);
}

static void s_reply_err(struct world *world, int node, const struct envelope *asked, err_t code)
{
    struct msg msg = {.type = MSG_ERR, .as.err.code = code};
    s_reply(world, node, asked, &msg);
}

/* What is read now and told later: meanwhile the truth may move on. */
static void s_reply_later(struct world *world, int node, const struct envelope *asked, const struct msg *msg)
{
    struct persist *self = world->nodes[node].state;
    buffer_t bytes;
    buffer_init(&bytes, LIM_LINK_BODY_BYTES_MAX);
    err_t err = msg_encode(msg, &bytes);
    assert(!err);
    (void)err;
    struct held *held = calloc(1, sizeof *held);
    struct frame *frame = malloc(sizeof *frame + bytes.len);
    assert(held && frame);
    frame->env = envelope_reply(asked);
    frame->len = bytes.len;
    memcpy(frame->bytes, bytes.bytes, bytes.len);
    buffer_fini(&bytes);
    int64_t after = world_random(world, 10) ? (int64_t)world_random(world, 5) : (int64_t)world_random(world, 300);
    *held = (struct held){.due_ms = world->now_ms + after, .to = envelope_answer_to(asked), .frame = frame};
    if (self->held_last)
        self->held_last->next = held;
    else
        self->held_first = held;
    self->held_last = held;
    world_wake(world, node, after, WAKE_HELD);
}

static void s_send_held(struct world *world, int node)
{
    struct persist *self = world->nodes[node].state;
    struct held **at = &self->held_first;
    self->held_last = NULL;
    while (*at) {
        struct held *held = *at;
        if (held->due_ms > world->now_ms) {
            self->held_last = held;
            at = &held->next;
            continue;
        }
        *at = held->next;
        world_send(world, node, held->to, &held->frame->env, view_of(held->frame->bytes, held->frame->len));
        free(held->frame);
        free(held);
    }
}

/* ---- batches ---- */

static void s_answer_batch(struct world *world, int node, const struct frame *frame, uint64_t batch,
                           const struct rec_append_outcome *outcomes, size_t count)
{
    list_writer_t list;
    list_writer_init(&list, 1 << 18);
    for (size_t i = 0; i < count; i++) {
        rec_append_outcome_append(&list, &outcomes[i]);
        world->stats.stale += outcomes[i].result == OUTCOME_STALE_HEAD;
        world->stats.fenced += outcomes[i].result == OUTCOME_FENCED;
    }
    struct msg msg = {.type = MSG_STORE_APPENDED};
    msg.as.store_appended = (struct msg_store_appended){.batch = batch, .outcomes = list_of(&list)};
    s_reply(world, node, &frame->env, &msg);
    list_writer_fini(&list);
}

static void s_work(struct world *world, int node)
{
    struct persist *self = world->nodes[node].state;
    struct rec_append_outcome outcomes[LIM_BATCH_EVENTS_MAX];
    struct msg msg;
    self->is_working = false;
    if (!self->first)
        return;
    struct frame *frame = self->first->frame;
    size_t count = 0;
    err_t err = msg_decode(view_of(frame->bytes, frame->len), &msg);
    list_t rows = msg.as.store_append.rows;
    while (!err && rec_append_row_next(&rows, &self->rows[count]))
        count++;
    if (err || !count)
        world_fail(world, "a batch that cannot be read");
    struct commit_store store = model_db_store(&self->connection);
    self->connection.rows = self->rows;
    self->connection.row_count = count;
    int delay_ms = 0;
    drive_step_t step = commit_drive(&self->drive, &store, self->rows, count, (uint32_t)world_random(world, 0),
                                     outcomes, &delay_ms);
    if (step == DRIVE_DONE || step == DRIVE_FAILED) {
        if (step == DRIVE_DONE)
            s_answer_batch(world, node, frame, msg.as.store_append.batch, outcomes, count);
        else
            s_reply_err(world, node, &frame->env, ERR_DATABASE);
        world_trace(world, "persist %d: batch %llu of node %d, %zu rows from seq %llu: %s", node,
                    (unsigned long long)msg.as.store_append.batch, world_node(frame->env.from), count,
                    (unsigned long long)self->rows[0].seq, step == DRIVE_DONE ? "done" : "failed");
        memset(&self->drive, 0, sizeof self->drive);
        s_drop_job(self);
        delay_ms = 0;
    }
    if (!self->first)
        return;
    self->is_working = true;
    world_wake(world, node, delay_ms + 1 + (int64_t)world_random(world, 3), WAKE_WORK);
}

static void s_on_append(struct world *world, int node, const struct frame *frame)
{
    struct persist *self = world->nodes[node].state;
    struct job *job = calloc(1, sizeof *job);
    assert(job);
    job->frame = malloc(sizeof *frame + frame->len);
    assert(job->frame);
    memcpy(job->frame, frame, sizeof *frame + frame->len);
    if (self->last)
        self->last->next = job;
    else
        self->first = job;
    self->last = job;
    if (!self->is_working)
        world_wake(world, node, 1 + (int64_t)world_random(world, 4), WAKE_WORK);
    self->is_working = true;
}

/* ---- questions ---- */

/* The marks of a line of one moment: now. */
static void s_append_marks(const struct world *world, list_writer_t *frames, const struct db_room *room, uint64_t line)
{
    marks_t marks;
    buffer_t out;
    buffer_init(&out, LIM_EVENT_BYTES_MAX);
    /* The lie: an older state is given out as the present one. */
    uint64_t upto = world->mutation == MUTATE_MARKS ? room->count * 3 / 4 : room->count;
    model_db_marks(room, line, upto, &marks);
    if (!marks_is_empty(&marks)) {
        err_t err = marks_encode(&marks, room->id, line, room->count, (list_t){0}, &out);
        assert(!err);
        (void)err;
        rec_frame_append(frames, &(struct rec_frame){.event = buffer_view(&out)});
    }
    buffer_fini(&out);
}

static void s_append_frame(list_writer_t *frames, const struct db_event *event)
{
    struct rec_frame frame = {.event = view_of(event->frame, event->len)};
    rec_frame_append(frames, &frame);
}

static void s_on_room_get(struct world *world, int node, const struct envelope *asked, uint64_t id)
{
    const struct db_room *room = model_db_room(world->db, id);
    struct msg msg = {.type = MSG_STORE_ROOM};
    list_writer_t members, tail, restricted, gone;
    list_writer_init(&members, 1 << 16);
    list_writer_init(&gone, 1 << 16);
    list_writer_init(&tail, 1 << 19);
    list_writer_init(&restricted, 1 << 16);
    if (room) {
        size_t tail_count = (size_t)world_random(world, 24); /* short, so that much is asked of the store */
        size_t first = room->count > tail_count ? room->count - tail_count : 0;
        for (size_t i = first; i < room->count; i++)
            s_append_frame(&tail, &room->events[i]);
        for (size_t i = 0; i < room->member_count; i++) {
            struct rec_room_member member = {.user = room->members[i].user, .role = room->members[i].role,
                                             .joined_seq = room->members[i].joined_seq,
                                             .visible_from_seq = room->members[i].visible_from};
            rec_room_member_append(&members, &member);
        }
        for (size_t i = 0; i < CLIENTS && world->mutation != MUTATE_RIGHTS; i++) {
            struct rec_restricted person = {.user = room->restricted[i].user,
                                            .state = model_rights_state(&room->restricted[i])};
            if (person.state)
                rec_restricted_append(&restricted, &person);
        }
        uint64_t deleted = model_db_gone(room, room->count, &gone);
        assert(gone.count <= LIM_ROOM_GONE_MAX);
        msg.as.store_room = (struct msg_store_room){.found = true, .room = id, .incarnation = 1,
                                                    .visibility = room->visibility,
                                                    .archived = room->archived, .history = room->history,
                                                    .name = view_of_text(room->name),
                                                    .last_seq = room->head, .last_msg_no = room->msg_no,
                                                    .created_at_ms = room->events[0].row.at_ms,
                                                    .last_at_ms = room->events[room->count - 1].row.at_ms,
                                                    .members = list_of(&members),
                                                    .restricted = list_of(&restricted),
                                                    .tail = list_of(&tail),
                                                    .deleted = deleted, .gone = list_of(&gone)};
    }
    s_reply_later(world, node, asked, &msg);
    list_writer_fini(&restricted);
    list_writer_fini(&members);
    list_writer_fini(&tail);
    list_writer_fini(&gone);
}

static void s_on_event_get(struct world *world, int node, const struct envelope *asked,
                           const struct msg_store_event_get *get)
{
    const struct db_room *room = model_db_room(world->db, get->room);
    list_writer_t frames;
    list_writer_init(&frames, 1 << 16);
    if (room && get->seq && get->seq <= room->count) {
        s_append_frame(&frames, &room->events[get->seq - 1]);
        s_append_marks(world, &frames, room, get->seq);
    }
    struct msg msg = {.type = MSG_STORE_EVENT};
    msg.as.store_event =
        (struct msg_store_event){.room = get->room, .seq = get->seq, .frames = list_of(&frames)};
    s_reply_later(world, node, asked, &msg);
    list_writer_fini(&frames);
}

static void s_on_delta_get(struct world *world, int node, const struct envelope *asked,
                           const struct msg_store_delta_get *get)
{
    const struct db_room *room = model_db_room(world->db, get->room);
    list_writer_t frames;
    list_writer_init(&frames, 1 << 19);
    for (uint64_t seq = get->after + 1; room && seq <= get->upto && seq <= room->count; seq++)
        s_append_frame(&frames, &room->events[seq - 1]);
    struct msg msg = {.type = MSG_STORE_DELTA};
    msg.as.store_delta = (struct msg_store_delta){.room = get->room, .incarnation = get->incarnation,
                                                  .after = get->after, .upto = get->upto, .complete = true,
                                                  .frames = list_of(&frames)};
    s_reply_later(world, node, asked, &msg);
    list_writer_fini(&frames);
}

static void s_on_page_get(struct world *world, int node, const struct envelope *asked,
                          const struct msg_store_page_get *get)
{
    const struct db_room *room = model_db_room(world->db, get->room);
    list_writer_t frames;
    struct msg msg = {.type = MSG_PAGE};
    list_writer_init(&frames, 1 << 19);
    for (size_t i = 0; room && i < room->count && room->events[i].row.seq <= get->as_of; i++) {
        if (room->events[i].row.seq < get->visible_from_seq)
            continue;
        if (!room->events[i].row.msg_no || room->events[i].row.msg_no + get->limit <= room->msg_no)
            continue;
        s_append_frame(&frames, &room->events[i]);
        s_append_marks(world, &frames, room, room->events[i].row.seq);
    }
    msg.as.page = (struct msg_page){.room = get->room, .incarnation = get->incarnation, .as_of = get->as_of,
                                    .frames = list_of(&frames)};
    s_reply_later(world, node, asked, &msg);
    list_writer_fini(&frames);
}

static void s_on_inbox_get(struct world *world, int node, const struct envelope *asked, uint64_t user)
{
    list_writer_t rooms;
    list_writer_init(&rooms, 1 << 16);
    for (size_t i = 0; i < world->db->room_count; i++) {
        const struct db_room *room = &world->db->rooms[i];
        const struct db_member *member = model_db_member(room, user);
        struct rec_room_state state = {.room = room->id, .incarnation = 1, .name = view_of_text(room->name),
                                       .head = room->head, .msg_no = room->msg_no};
        if (member)
            rec_room_state_append(&rooms, &state);
    }
    struct msg msg = {.type = MSG_STORE_INBOX};
    msg.as.store_inbox = (struct msg_store_inbox){.user = user, .rooms = list_of(&rooms)};
    s_reply_later(world, node, asked, &msg);
    list_writer_fini(&rooms);
}

static void s_on_entrants_get(struct world *world, int node, const struct envelope *asked, list_t users)
{
    list_writer_t people;
    struct rec_id id;
    list_writer_init(&people, 1 << 12);
    while (rec_id_next(&users, &id))
        rec_entrant_append(&people, &(struct rec_entrant){.user = id.id, .rooms = 1});
    struct msg msg = {.type = MSG_STORE_ENTRANTS, .as.store_entrants.people = list_of(&people)};
    s_reply_later(world, node, asked, &msg);
    list_writer_fini(&people);
}

/* Files are there, and kept for their lines; model_db.c says which are gone at the commit. */
static void s_on_claim(struct world *world, int node, const struct envelope *asked, list_t files)
{
    list_writer_t infos;
    struct rec_id id;
    list_writer_init(&infos, 1 << 12);
    while (rec_id_next(&files, &id))
        rec_file_info_append(&infos, &(struct rec_file_info){.file = id.id, .name = view_of_text("a.txt"),
                                                             .mime = view_of_text("text/plain"), .bytes = id.id});
    struct msg msg = {.type = MSG_STORE_FILES, .as.store_files.files = list_of(&infos)};
    s_reply_later(world, node, asked, &msg);
    list_writer_fini(&infos);
}

/* ---- directory ---- */

static struct db_node *s_node(struct world *world, uint64_t node)
{
    for (int i = 0; i < ROOM_NODES; i++)
        if (world->db->nodes[i].node == node)
            return &world->db->nodes[i];
    for (int i = 0; i < ROOM_NODES; i++)
        if (!world->db->nodes[i].node) {
            world->db->nodes[i].node = node;
            return &world->db->nodes[i];
        }
    return NULL;
}

/* of: only of this owner and boot; what its former self held, somebody else may take. 0: all. */
static void s_leases(struct world *world, int node, const struct envelope *asked, uint64_t of, uint32_t boot)
{
    list_writer_t list;
    list_writer_init(&list, 1 << 16);
    for (uint32_t shard = 0; shard < LIM_SHARDS; shard++) {
        const struct db_lease *own = &world->db->leases[shard];
        struct rec_lease lease = {.shard = shard, .epoch = own->epoch, .node = own->node};
        if (!of || (own->node == of && own->boot == boot))
            rec_lease_append(&list, &lease);
    }
    struct msg msg = {.type = MSG_DIR_LEASES, .as.dir_leases.leases = list_of(&list)};
    s_reply(world, node, asked, &msg);
    list_writer_fini(&list);
}

/* Watches beats by its own clock; what it did not watch itself proves nothing. */
static void s_look(struct world *world, int node)
{
    struct persist *self = world->nodes[node].state;
    int64_t now = world_clock(world, node);
    bool is_gap = now - self->looked_ms > 3000 || model_db_is_down(world->db);
    self->looked_ms = now;
    for (int i = 0; i < ROOM_NODES; i++) {
        struct db_node *seen = &world->db->nodes[i];
        struct watch *watch = &self->watches[i];
        if (is_gap || watch->beat != seen->beat || watch->boot != seen->boot)
            *watch = (struct watch){.beat = seen->beat, .boot = seen->boot, .since_ms = now};
        else if (now - watch->since_ms >= LIM_LEASE_DEAD_MS && seen->node && !seen->is_dead) {
            seen->is_dead = true;
            world_trace(world, "persist %d declares room node %d dead", node, i);
        }
    }
    world_wake(world, node, 1000, WAKE_LOOK);
}

static bool s_may_take(struct world *world, const struct db_lease *lease, uint64_t node, uint32_t boot)
{
    if (!lease->node || (lease->node == node && lease->boot != boot))
        return true;
    const struct db_node *owner = s_node(world, lease->node);
    return lease->node != node && owner && (owner->is_dead || owner->boot != lease->boot);
}

static bool s_is_live(const struct db_node *node)
{
    return node && node->boot && !node->is_dead;
}

static uint32_t s_fair_share(const struct world *world, uint64_t node)
{
    uint32_t count = 0, rank = 0;
    for (int i = 0; i < ROOM_NODES; i++) {
        const struct db_node *other = &world->db->nodes[i];
        rank += s_is_live(other) && other->node < node;
        count += s_is_live(other);
    }
    return LIM_SHARDS / count + (rank < LIM_SHARDS % count);
}

static void s_on_nodes_get(struct world *world, int node, const struct envelope *asked)
{
    list_writer_t list;
    list_writer_init(&list, 1 << 12);
    for (int i = 0; i < ROOM_NODES; i++) { /* instances ascend, and so do their addresses */
        uint64_t id = address_node(address_make(ROLE_ROOM, (uint16_t)i, 1));
        const struct rec_dir_node row = {.node = id, .endpoint = view_of_text("sim")};
        if (s_is_live(s_node(world, id)))
            rec_dir_node_append(&list, &row);
    }
    struct msg msg = {.type = MSG_DIR_NODES, .as.dir_nodes.nodes = list_of(&list)};
    s_reply(world, node, asked, &msg);
    list_writer_fini(&list);
}

static void s_on_take(struct world *world, int node, const struct envelope *asked, const struct msg_dir_take *take)
{
    struct db_node *own = s_node(world, take->node);
    uint32_t boot = (uint32_t)take->nonce, taken = 0, owned = 0;
    if (!own || own->boot != boot || own->is_dead) {
        s_reply_err(world, node, asked, ERR_FENCED);
        return;
    }
    for (uint32_t shard = 0; shard < LIM_SHARDS; shard++)
        owned += world->db->leases[shard].node == take->node && world->db->leases[shard].boot == boot;
    uint32_t fair = s_fair_share(world, take->node), share = take->share < fair ? take->share : fair;
    for (uint32_t shard = 0; shard < LIM_SHARDS && owned + taken < share; shard++) {
        struct db_lease *lease = &world->db->leases[shard];
        if (!s_may_take(world, lease, take->node, boot) || model_db_is_locked(world->db, shard))
            continue;
        lease->epoch++;
        lease->node = take->node;
        lease->boot = boot;
        taken++;
    }
    if (taken)
        world_trace(world, "room node %d takes %u shards", address_instance(address_from_node(take->node)), taken);
    world->stats.takeovers += taken > 0;
    s_leases(world, node, asked, take->node, boot);
}

/* All or nothing: a row that is locked by an open transaction makes the asker wait, here by asking again. */
static void s_on_give(struct world *world, int node, const struct envelope *asked, const struct msg_dir_give *give)
{
    const struct db_node *own = s_node(world, give->node), *to = s_node(world, give->to);
    struct rec_lease lease;
    list_t leases = give->leases;
    list_writer_t list;
    if (!s_is_live(own) || own->boot != (uint32_t)give->nonce || !s_is_live(to)) {
        s_reply_err(world, node, asked, s_is_live(to) ? ERR_FENCED : ERR_NOT_FOUND);
        return;
    }
    while (rec_lease_next(&leases, &lease))
        if (model_db_is_locked(world->db, lease.shard)) {
            s_reply_err(world, node, asked, ERR_BUSY);
            return;
        }
    list_writer_init(&list, 1 << 16);
    leases = give->leases;
    while (rec_lease_next(&leases, &lease)) {
        struct db_lease *row = &world->db->leases[lease.shard];
        if (row->node == give->node && row->boot == (uint32_t)give->nonce && row->epoch == lease.epoch) {
            *row = (struct db_lease){.epoch = row->epoch + 1, .node = give->to, .boot = to->boot};
            world->stats.moves++;
        }
        struct rec_lease now = {.shard = lease.shard, .epoch = row->epoch, .node = give->to};
        if (row->node == give->to && row->boot == to->boot)
            rec_lease_append(&list, &now);
    }
    world_trace(world, "room node %d gives %u shards", address_instance(address_from_node(give->node)),
                (unsigned)list.count);
    struct msg msg = {.type = MSG_DIR_LEASES, .as.dir_leases.leases = list_of(&list)};
    s_reply(world, node, asked, &msg);
    list_writer_fini(&list);
}

static void s_on_release(struct world *world, int node, const struct envelope *asked,
                         const struct msg_dir_release *release)
{
    struct db_node *own = s_node(world, release->node);
    struct msg msg = {.type = MSG_STORE_OK};
    for (uint32_t shard = 0; shard < LIM_SHARDS; shard++) {
        struct db_lease *row = &world->db->leases[shard];
        if (row->node == release->node && row->boot == (uint32_t)release->nonce)
            *row = (struct db_lease){.epoch = row->epoch};
    }
    if (own && own->boot == (uint32_t)release->nonce)
        own->is_dead = true;
    s_reply(world, node, asked, &msg);
}

static void s_on_hello(struct world *world, int node, const struct envelope *asked, const struct msg_dir_hello *hello)
{
    struct db_node *own = s_node(world, hello->node);
    if (own && own->boot != (uint32_t)hello->nonce) {
        own->boot = (uint32_t)hello->nonce;
        own->is_dead = false;
        own->beat++;
    }
    struct msg msg = {.type = MSG_DIR_WELCOME};
    msg.as.dir_welcome.id_key = view_of(world->id_key, KEY_BYTES);
    msg.as.dir_welcome.mac_key = view_of(world->mac_key, KEY_BYTES);
    s_reply(world, node, asked, &msg);
}

static void s_on_beat(struct world *world, int node, const struct envelope *asked, const struct msg_dir_beat *beat)
{
    struct db_node *own = s_node(world, beat->node);
    struct msg msg = {.type = MSG_STORE_OK};
    if (!own || own->boot != (uint32_t)beat->nonce || own->is_dead) {
        s_reply_err(world, node, asked, ERR_FENCED);
        return;
    }
    own->beat++;
    s_reply(world, node, asked, &msg);
}

void persist_on(struct world *world, int node, const struct frame *frame)
{
    struct msg msg;
    const struct envelope *env = &frame->env;
    if (env->type == MSG_STORE_APPEND) {
        s_on_append(world, node, frame);
        return;
    }
    if (msg_decode(view_of(frame->bytes, frame->len), &msg)) {
        world_fail(world, "a message to persist that cannot be read");
        return;
    }
    if (model_db_is_down(world->db)) {
        if (world_random(world, 2))
            s_reply_err(world, node, env, ERR_UNAVAILABLE);
        return;
    }
    switch (msg.type) {
    case MSG_STORE_ROOM_GET: s_on_room_get(world, node, env, msg.as.store_room_get.room); break;
    case MSG_STORE_EVENT_GET: s_on_event_get(world, node, env, &msg.as.store_event_get); break;
    case MSG_STORE_DELTA_GET: s_on_delta_get(world, node, env, &msg.as.store_delta_get); break;
    case MSG_STORE_PAGE_GET: s_on_page_get(world, node, env, &msg.as.store_page_get); break;
    case MSG_STORE_ENTRANTS_GET: s_on_entrants_get(world, node, env, msg.as.store_entrants_get.users); break;
    case MSG_STORE_FILES_CLAIM: s_on_claim(world, node, env, msg.as.store_files_claim.files); break;
    case MSG_STORE_INBOX_GET: s_on_inbox_get(world, node, env, msg.as.store_inbox_get.user); break;
    case MSG_DIR_HELLO: s_on_hello(world, node, env, &msg.as.dir_hello); break;
    case MSG_DIR_BEAT: s_on_beat(world, node, env, &msg.as.dir_beat); break;
    case MSG_DIR_TAKE: s_on_take(world, node, env, &msg.as.dir_take); break;
    case MSG_DIR_LEASES_GET: s_leases(world, node, env, 0, 0); break;
    case MSG_DIR_NODES_GET: s_on_nodes_get(world, node, env); break;
    case MSG_DIR_GIVE: s_on_give(world, node, env, &msg.as.dir_give); break;
    case MSG_DIR_RELEASE: s_on_release(world, node, env, &msg.as.dir_release); break;
    case MSG_STORE_READS: s_reply(world, node, env, &(struct msg){.type = MSG_STORE_OK}); break;
    default: world_fail(world, "persist does not know %s", msg_name(msg.type));
    }
}

void persist_on_wake(struct world *world, int node, uint64_t what)
{
    if (what == WAKE_WORK)
        s_work(world, node);
    else if (what == WAKE_LOOK)
        s_look(world, node);
    else
        s_send_held(world, node);
}
