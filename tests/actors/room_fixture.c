#include "tests/actors/room_fixture.h"

#include <stdlib.h>
#include <string.h>

struct fixture *fixture_new(void)
{
    struct fixture *self = calloc(1, sizeof *self);
    assert_non_null(self);
    self->now_ms = 1000000;
    self->utc_ms = INT64_C(1700000000000);
    self->self = address_make(ROLE_ROOM, 0, 11);
    self->room_2 = address_make(ROLE_ROOM, 1, 12);
    self->edge = address_make(ROLE_EDGE, 0, 21);
    self->edge_2 = address_make(ROLE_EDGE, 1, 22);
    self->persist = address_make(ROLE_PERSIST, 0, 31);
    struct room_shard_options options = {.address = self->self, .endpoint = "inproc://room-0",
                                         .finds_nodes = true, .share = LIM_SHARDS,
                                         .memory_bytes = 64u << 20};
    providers_add(&options.persists, self->persist);
    self->shard = room_shard_new(&options);
    assert_non_null(self->shard);
    effects_init(&self->out, EFFECTS_MAX, EFFECTS_BYTES_MAX);
    buffer_init(&self->bytes, LIM_LINK_BODY_BYTES_MAX);
    return self;
}

void fixture_destroy(struct fixture *self)
{
    room_shard_destroy(&self->shard);
    effects_fini(&self->out);
    buffer_fini(&self->bytes);
    free(self);
}

static uint64_t s_pass(struct fixture *self, struct envelope env, address_t from, const struct msg *msg)
{
    buffer_t bytes;
    buffer_init(&bytes, LIM_LINK_BODY_BYTES_MAX);
    assert_int_equal(ERR_OK, msg_encode(msg, &bytes));
    env.type = msg->type;
    env.from = from;
    room_shard_on(self->shard, &env, buffer_view(&bytes), self->now_ms, self->utc_ms, &self->out);
    buffer_fini(&bytes);
    return env.correlation;
}

static uint64_t s_key(const struct msg *msg, uint64_t user)
{
    switch (msg->type) {
    case MSG_INBOX_OPEN:
    case MSG_INBOX_CLOSE:
    case MSG_INBOX_MEMBER:
    case MSG_UNREAD_FROM:
    case MSG_NOTIFY:
    case MSG_READ: return user;
    case MSG_ROOM_POST: return msg->as.room_post.room;
    default: return ROOM;
    }
}

uint64_t fixture_send_to(struct fixture *self, address_t from, uint64_t user, uint64_t key, const struct msg *msg)
{
    struct envelope env = {.correlation = ++self->correlation, .key = key, .user = user};
    return s_pass(self, env, from, msg);
}

uint64_t fixture_send(struct fixture *self, address_t from, uint64_t user, const struct msg *msg)
{
    struct envelope env = {.correlation = ++self->correlation, .key = s_key(msg, user), .user = user,
                           .flags = self->as_admin ? ENVELOPE_ADMIN : 0};
    return s_pass(self, env, from, msg);
}

void fixture_reply(struct fixture *self, uint64_t correlation, const struct msg *msg)
{
    struct envelope env = {.correlation = correlation, .flags = ENVELOPE_REPLY};
    s_pass(self, env, self->persist, msg);
}

void fixture_turn(struct fixture *self)
{
    room_shard_on_turn(self->shard, self->now_ms, self->utc_ms, &self->out);
}

void fixture_tick(struct fixture *self, int64_t after_ms)
{
    self->now_ms += after_ms;
    self->utc_ms += after_ms;
    room_shard_on_tick(self->shard, self->now_ms, self->utc_ms, &self->out);
}

void fixture_peer(struct fixture *self, address_t peer, peer_event_t event)
{
    room_shard_on_peer(self->shard, peer, event, self->now_ms, self->utc_ms, &self->out);
}

const struct effect *fixture_next(struct fixture *self, uint16_t type, struct msg *msg_out)
{
    for (; self->mark < self->out.count; self->mark++) {
        const struct effect *effect = &self->out.items[self->mark];
        if (effect->env.type != type)
            continue;
        self->mark++;
        if (msg_out)
            assert_int_equal(ERR_OK, msg_decode(effects_bytes(&self->out, effect), msg_out));
        return effect;
    }
    return NULL;
}

const struct effect *fixture_expect(struct fixture *self, uint16_t type, struct msg *msg_out)
{
    const struct effect *effect = fixture_next(self, type, msg_out);
    if (!effect) {
        for (size_t i = 0; i < self->out.count; i++)
            print_message("effect %zu: %s\n", i, msg_name(self->out.items[i].env.type));
        fail_msg("no %s", msg_name(type));
    }
    return effect;
}

void fixture_expect_none(struct fixture *self, uint16_t type)
{
    if (fixture_next(self, type, NULL))
        fail_msg("there is a %s", msg_name(type));
}

void fixture_look_again(struct fixture *self)
{
    self->mark = 0;
}

void fixture_forget(struct fixture *self)
{
    effects_clear(&self->out);
    self->mark = 0;
}

size_t fixture_count(struct fixture *self, uint16_t type)
{
    size_t count = 0;
    for (size_t i = 0; i < self->out.count; i++)
        count += self->out.items[i].env.type == type;
    return count;
}

/* ---- coming up ---- */

static void s_welcome(struct fixture *self)
{
    uint8_t key[KEY_BYTES] = {1, 2, 3};
    struct msg msg = {.type = MSG_DIR_WELCOME};
    fixture_tick(self, 50);
    const struct effect *hello = fixture_expect(self, MSG_DIR_HELLO, NULL);
    msg.as.dir_welcome.id_key = view_of(key, sizeof key);
    msg.as.dir_welcome.mac_key = view_of(key, sizeof key);
    fixture_reply(self, hello->env.correlation, &msg);
}

struct fixture *fixture_owning(unsigned first, unsigned count)
{
    struct fixture *self = fixture_new();
    s_welcome(self);
    const struct effect *take = fixture_expect(self, MSG_DIR_TAKE, NULL);
    list_writer_t list;
    list_writer_init(&list, 65536);
    for (uint32_t shard = 0; shard < LIM_SHARDS; shard++) {
        bool own = shard - first < count;
        struct rec_lease lease = {.shard = shard, .epoch = EPOCH,
                                  .node = address_node(own ? self->self : self->room_2)};
        assert_int_equal(ERR_OK, rec_lease_append(&list, &lease));
    }
    struct msg msg = {.type = MSG_DIR_LEASES, .as.dir_leases.leases = list_of(&list)};
    fixture_reply(self, take->env.correlation, &msg);
    list_writer_fini(&list);
    assert_int_equal(ROOM_SHARD_RUNNING, room_shard_state(self->shard));
    fixture_forget(self);
    return self;
}

void fixture_leases(struct fixture *self, uint64_t correlation, unsigned first, unsigned count, address_t owner,
                    uint64_t epoch)
{
    list_writer_t list;
    list_writer_init(&list, 65536);
    for (uint32_t shard = first; shard < first + count; shard++) {
        struct rec_lease lease = {.shard = shard, .epoch = epoch, .node = address_node(owner)};
        assert_int_equal(ERR_OK, rec_lease_append(&list, &lease));
    }
    struct msg msg = {.type = MSG_DIR_LEASES, .as.dir_leases.leases = list_of(&list)};
    fixture_reply(self, correlation, &msg);
    list_writer_fini(&list);
}

struct fixture *fixture_running(void)
{
    return fixture_owning(0, LIM_SHARDS);
}

int fixture_setup(void **state)
{
    *state = fixture_running();
    return 0;
}

int fixture_teardown(void **state)
{
    fixture_destroy(*state);
    return 0;
}

/* ---- requests ---- */

cid_t cid_of(uint64_t number)
{
    cid_t cid = {{0}};
    for (size_t i = 0; i < 8; i++)
        cid.bytes[i] = (uint8_t)(number >> (8 * i));
    return cid;
}

uint64_t fixture_request(struct fixture *self, address_t from, uint64_t user, uint16_t type, uint64_t cid,
                         uint64_t target, const char *text)
{
    struct msg msg = {.type = type};
    view_t words = view_of_text(text ? text : "");
    switch (type) {
    case MSG_ROOM_POST:
        msg.as.room_post = (struct msg_room_post){.room = ROOM, .client_id = cid_of(cid), .text = words};
        break;
    case MSG_ROOM_EDIT:
        msg.as.room_edit = (struct msg_room_edit){
            .room = ROOM, .client_id = cid_of(cid), .target = target, .text = words};
        break;
    case MSG_ROOM_DELETE:
        msg.as.room_delete =
            (struct msg_room_delete){.room = ROOM, .client_id = cid_of(cid), .target = target};
        break;
    case MSG_ROOM_JOIN:
        msg.as.room_join = (struct msg_room_join){.room = ROOM, .client_id = cid_of(cid)};
        break;
    case MSG_ROOM_LEAVE:
        msg.as.room_leave = (struct msg_room_leave){.room = ROOM, .client_id = cid_of(cid)};
        break;
    default: fail_msg("no request: %s", msg_name(type));
    }
    return fixture_send(self, from, user, &msg);
}

uint64_t fixture_post(struct fixture *self, uint64_t user, uint64_t cid, const char *text)
{
    return fixture_request(self, self->edge, user, MSG_ROOM_POST, cid, 0, text);
}

uint64_t fixture_attach(struct fixture *self, address_t from, uint64_t user, uint64_t session, bool live,
                        uint64_t incarnation, uint64_t after)
{
    list_writer_t readers;
    list_writer_init(&readers, 65536);
    struct rec_reader reader = {.user = user, .session = session, .live = live};
    assert_int_equal(ERR_OK, rec_reader_append(&readers, &reader));
    struct msg msg = {.type = MSG_ROOM_ATTACH};
    msg.as.room_attach = (struct msg_room_attach){.room = ROOM, .incarnation = incarnation, .after = after,
                                                  .want = live, .readers = list_of(&readers)};
    uint64_t correlation = fixture_send(self, from, 0, &msg);
    list_writer_fini(&readers);
    return correlation;
}

/* ---- the store ---- */

void fixture_make_event(buffer_t *out, uint64_t seq, uint32_t kind, uint64_t user, uint64_t cid, uint64_t msg_no,
                        uint64_t target, const char *text)
{
    buffer_t body;
    buffer_init(&body, LIM_EVENT_BODY_BYTES_MAX);
    struct kind_posted words = {.text = view_of_text(text ? text : "")};
    if (text && (kind == KIND_POSTED || kind == KIND_EDITED))
        assert_int_equal(ERR_OK, kind_encode(kind, &words, &body));
    else
        write_nil(&body);
    struct msg msg = {.type = MSG_EVENT};
    msg.as.event = (struct msg_event){.room = ROOM, .seq = seq, .kind = kind, .user = user,
                                      .at_ms = 1000 + seq, .client_id = cid_of(cid), .msg_no = msg_no,
                                      .target = target, .body = buffer_view(&body)};
    buffer_clear(out);
    assert_int_equal(ERR_OK, msg_encode(&msg, out));
    buffer_fini(&body);
}

static void s_members(const struct stored_room *room, list_writer_t *members)
{
    for (size_t i = 0; i < room->member_count; i++) {
        struct rec_room_member member = {.user = room->members[i], .role = room->roles[i],
                                         .joined_seq = i + 1, .visible_from_seq = room->visible_from[i]};
        assert_int_equal(ERR_OK, rec_room_member_append(members, &member));
    }
    for (uint64_t i = 0; i < room->strangers; i++) {
        struct rec_room_member member = {.user = 100000 + i, .joined_seq = 1};
        assert_int_equal(ERR_OK, rec_room_member_append(members, &member));
    }
}

static void s_restricted(const struct stored_room *room, list_writer_t *restricted)
{
    for (size_t i = 0; i < 4 && room->restricted_states[i]; i++) {
        struct rec_restricted person = {.user = room->restricted[i], .state = room->restricted_states[i]};
        assert_int_equal(ERR_OK, rec_restricted_append(restricted, &person));
    }
    for (uint64_t i = 0; i < room->more_restricted; i++) {
        struct rec_restricted person = {.user = 200000 + i, .state = 1};
        assert_int_equal(ERR_OK, rec_restricted_append(restricted, &person));
    }
}

static void s_tail(const struct stored_room *room, list_writer_t *tail)
{
    char text[LIM_TEXT_BYTES_MAX + 1] = "x";
    buffer_t frame;
    buffer_init(&frame, LIM_EVENT_BYTES_MAX);
    memset(text, 'x', room->text_bytes);
    for (uint64_t seq = room->last_seq - room->tail_count + 1; room->tail_count && seq <= room->last_seq; seq++) {
        fixture_make_event(&frame, seq, KIND_POSTED, CAROL, 900000 + seq, seq, 0, text);
        struct rec_frame row = {.event = buffer_view(&frame)};
        assert_int_equal(ERR_OK, rec_frame_append(tail, &row));
    }
    buffer_fini(&frame);
}

void fixture_answer_entrants(struct fixture *self, uint64_t nobody, uint64_t full)
{
    struct msg asked, msg = {.type = MSG_STORE_ENTRANTS};
    struct rec_id id;
    const struct effect *ask = fixture_expect(self, MSG_STORE_ENTRANTS_GET, &asked);
    list_writer_t people;
    list_writer_init(&people, 4096);
    while (rec_id_next(&asked.as.store_entrants_get.users, &id)) {
        struct rec_entrant entrant = {.user = id.id, .rooms = id.id == full ? LIM_SUBS_MAX : LIM_SUBS_MAX - 1};
        if (id.id != nobody)
            assert_int_equal(ERR_OK, rec_entrant_append(&people, &entrant));
    }
    msg.as.store_entrants.people = list_of(&people);
    fixture_reply(self, ask->env.correlation, &msg);
    list_writer_fini(&people);
}

void fixture_answer_room(struct fixture *self, const struct stored_room *room)
{
    list_writer_t members, tail, restricted;
    list_writer_init(&members, 1 << 20);
    list_writer_init(&restricted, 1 << 20);
    list_writer_init(&tail, 1 << 20);
    s_members(room, &members);
    s_tail(room, &tail);
    s_restricted(room, &restricted);
    struct msg msg = {.type = MSG_STORE_ROOM};
    msg.as.store_room = (struct msg_store_room){.found = room->found, .room = ROOM,
                                                .incarnation = room->incarnation,
                                                .visibility = (uint32_t)room->visibility,
                                                .name = view_of_text("kitchen"), .topic = view_of_text("soup"),
                                                .created_at_ms = 1, .last_seq = room->last_seq,
                                                .last_msg_no = room->last_msg_no,
                                                .last_at_ms = 1000 + room->last_seq,
                                                .archived = room->archived, .history = room->history,
                                                .members = list_of(&members),
                                                .restricted = list_of(&restricted),
                                                .tail = list_of(&tail)};
    const struct effect *ask = fixture_expect(self, MSG_STORE_ROOM_GET, NULL);
    fixture_reply(self, ask->env.correlation, &msg);
    list_writer_fini(&members);
    list_writer_fini(&restricted);
    list_writer_fini(&tail);
}

void fixture_load(struct fixture *self, const struct stored_room *room)
{
    struct msg msg = {.type = MSG_ROOM_INFO_GET, .as.room_info_get.room = ROOM};
    fixture_send(self, self->edge, ALICE, &msg);
    fixture_answer_room(self, room);
    fixture_forget(self);
}

void fixture_usual(struct fixture *self)
{
    fixture_load(self, &(struct stored_room){.found = true, .incarnation = 1, .last_seq = 5, .last_msg_no = 5,
                                             .members = {ALICE, BOB}, .roles = {2, 0}, .member_count = 2,
                                             .tail_count = 5});
}

bool fixture_rows(struct fixture *self, struct fixture_rows *out)
{
    struct msg msg;
    const struct effect *effect = NULL;
    for (size_t i = self->out.count; i-- > 0 && !effect;)
        if (self->out.items[i].env.type == MSG_STORE_APPEND)
            effect = &self->out.items[i];
    if (!effect)
        return false;
    assert_int_equal(ERR_OK, msg_decode(effects_bytes(&self->out, effect), &msg));
    list_t rows = msg.as.store_append.rows;
    *out = (struct fixture_rows){.batch = msg.as.store_append.batch,
                                 .correlation = effect->env.correlation};
    while (rec_append_row_next(&rows, &out->rows[out->count]))
        out->count++;
    return true;
}

void fixture_outcomes(struct fixture *self, const struct fixture_rows *rows, const struct rec_append_outcome *outcomes)
{
    list_writer_t list;
    list_writer_init(&list, 65536);
    for (size_t i = 0; i < rows->count; i++)
        assert_int_equal(ERR_OK, rec_append_outcome_append(&list, &outcomes[i]));
    struct msg msg = {.type = MSG_STORE_APPENDED};
    msg.as.store_appended = (struct msg_store_appended){.batch = rows->batch, .outcomes = list_of(&list)};
    uint64_t correlation = rows->correlation;
    fixture_reply(self, correlation, &msg);
    list_writer_fini(&list);
}

size_t fixture_outcome(struct fixture *self, uint32_t result)
{
    static struct fixture_rows rows;
    static struct rec_append_outcome outcomes[LIM_BATCH_EVENTS_MAX];
    assert_true(fixture_rows(self, &rows));
    for (size_t i = 0; i < rows.count; i++)
        outcomes[i] = (struct rec_append_outcome){.room = rows.rows[i].room, .seq = rows.rows[i].seq,
                                                  .result = result, .stored_seq = rows.rows[i].seq,
                                                  .stored_at_ms = rows.rows[i].at_ms,
                                                  .stored_msg_no = rows.rows[i].msg_no};
    fixture_forget(self);
    fixture_outcomes(self, &rows, outcomes);
    return rows.count;
}
