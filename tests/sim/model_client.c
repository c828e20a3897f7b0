/* A browser and its person: an outbox for each room, one request in flight, resent unchanged until it is decided;
 * a log that only grows by the next event. */
#include "tests/sim/sim.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { OUTBOX = 4, DONE = 16, SUB_MS = 2500, WATCHED = 8 };

/* A line on screen: what hangs on it, folded. */
struct watched {
    uint64_t seq, as_of;
    marks_t marks;
};

struct request {
    struct msg msg; /* its text points into `text` */
    cid_t client_id;
    char text[24];
};

struct chat {
    bool is_member;
    uint64_t incarnation, last;
    bool is_live;
    uint64_t backfill_head; /* of a snapshot on its way from the store */
    int64_t sub_ms;
    struct request outbox[OUTBOX];
    size_t count;
    unsigned sent;          /* copies of the first one */
    int64_t again_ms;
    uint64_t correlation;
    uint64_t number;        /* of the last request */
    struct request done[DONE];
    uint64_t done_seq[DONE];
    size_t done_count;
    struct watched watched[WATCHED]; /* a ring */
    size_t watched_next;
};

struct client {
    uint64_t user, correlation, session;
    int edge;
    struct chat chats[CHATS];
};

uint64_t client_user(int node)
{
    return 1000 + (uint64_t)node;
}

cid_t chat_cid(size_t chat)
{
    cid_t cid = {{0}};
    cid.bytes[0] = (uint8_t)(100 + chat);
    return cid;
}

size_t chat_people(uint64_t users_out[DIRECT_PEOPLE])
{
    for (int i = 0; i < DIRECT_PEOPLE; i++)
        users_out[i] = client_user(FIRST_CLIENT + i);
    return DIRECT_PEOPLE;
}

uint64_t chat_id(const struct world *world, size_t chat)
{
    static uint64_t ids[CHATS]; /* the same in every world */
    cid_t cid = chat_cid(chat);
    uint64_t people[DIRECT_PEOPLE];
    if (!ids[chat] && chat == DIRECT_CHAT)
        ids[chat] = id_of_direct(world->id_key, people, chat_people(people));
    if (!ids[chat])
        ids[chat] = id_of_room(world->id_key, client_user(FIRST_CLIENT), &cid);
    return ids[chat];
}

void *client_new(struct world *world, int node)
{
    struct client *self = calloc(1, sizeof *self);
    assert(self);
    self->user = client_user(node);
    self->session = 1;
    self->edge = (int)world_random(world, EDGES);
    return self;
}

void client_free(void *state)
{
    free(state);
}

static address_t s_edge(const struct client *self)
{
    return address_make(ROLE_EDGE, (uint16_t)self->edge, 0);
}

/* ---- reading ---- */

static void s_sub(struct world *world, int node, size_t index)
{
    struct client *self = world->nodes[node].state;
    struct chat *chat = &self->chats[index];
    struct msg msg = {.type = MSG_SUB};
    msg.as.sub = (struct msg_sub){.room = chat_id(world, index), .incarnation = chat->incarnation,
                                  .after = chat->last};
    struct envelope env = {.key = msg.as.sub.room, .session = self->session};
    chat->is_live = false;
    chat->sub_ms = world->now_ms + SUB_MS;
    world_send_msg(world, node, s_edge(self), &env, &msg);
}

static void s_reconnect(struct world *world, int node)
{
    struct client *self = world->nodes[node].state;
    self->session++;
    self->edge = (int)world_random(world, EDGES);
    for (size_t i = 0; i < CHATS; i++) {
        struct chat *chat = &self->chats[i];
        chat->is_live = false;
        if (world_random(world, 4) == 0) { /* the page was closed: a fresh one holds nothing */
            chat->incarnation = chat->last = 0;
            memset(chat->watched, 0, sizeof chat->watched);
        }
        chat->again_ms = chat->sub_ms = world->now_ms + 50 + (int64_t)world_random(world, 300);
    }
}

/* seq 0: refused. A joining of who was in already has an answer but no place: it is not sent again later. */
static void s_decided(struct world *world, const struct client *self, struct chat *chat, uint64_t seq)
{
    uint64_t room = chat_id(world, (size_t)(chat - self->chats));
    if (seq && model_db_find(world->db, room, self->user, &chat->outbox[0].client_id)) {
        chat->done[chat->done_count % DONE] = chat->outbox[0];
        chat->done_seq[chat->done_count++ % DONE] = seq;
    }
    chat->count--;
    memmove(&chat->outbox[0], &chat->outbox[1], chat->count * sizeof chat->outbox[0]);
    chat->sent = 0;
    chat->again_ms = 0;
}

static void s_set_member(struct chat *chat, uint32_t kind)
{
    if (kind == KIND_JOINED || kind_is_first(kind))
        chat->is_member = true;
    if (kind == KIND_LEFT)
        chat->is_member = chat->is_live = false;
}

static uint32_t s_kind(const struct request *request)
{
    switch (request->msg.type) {
    case MSG_ROOM_CREATE: return KIND_ROOM_CREATED;
    case MSG_ROOM_DIRECT: return KIND_DIRECT_CREATED;
    case MSG_ROOM_JOIN: return KIND_JOINED;
    case MSG_ROOM_LEAVE: return KIND_LEFT;
    case MSG_ROOM_SAY: return KIND_SAID;
    case MSG_ROOM_SHARE: return KIND_SHARED;
    case MSG_ROOM_REACT: return KIND_REACTED;
    case MSG_ROOM_PIN: return KIND_PINNED;
    default: return KIND_POSTED;
    }
}

static struct watched *s_watched(struct chat *chat, uint64_t seq)
{
    for (size_t i = 0; i < WATCHED; i++)
        if (seq && chat->watched[i].seq == seq)
            return &chat->watched[i];
    return NULL;
}

static void s_watch(struct chat *chat, uint64_t seq, uint64_t as_of)
{
    struct watched *watched = &chat->watched[chat->watched_next++ % WATCHED];
    watched->seq = seq;
    watched->as_of = as_of;
    marks_clear(&watched->marks);
}

/* The client's fold: a line is watched from its event on; later events change what hangs on it. */
static void s_fold(struct chat *chat, const struct msg_event *event)
{
    if (kind_is_line(event->kind))
        s_watch(chat, event->seq, event->seq);
    struct watched *watched = s_watched(chat, event->target);
    if (watched && event->seq > watched->as_of)
        marks_fold(&watched->marks, event);
}

/* True: it was the next one. */
static bool s_apply(struct world *world, int node, size_t index, view_t frame)
{
    struct client *self = world->nodes[node].state;
    struct chat *chat = &self->chats[index];
    struct msg msg;
    if (msg_decode(frame, &msg) || msg.type != MSG_EVENT) {
        world_fail(world, "an event that cannot be read");
        return false;
    }
    const struct msg_event *event = &msg.as.event;
    if (!model_db_holds_frame(world->db, event->room, event->seq, frame))
        world_fail(world, "P1: shown but not stored: seq %" PRIu64, event->seq);
    if (event->seq <= chat->last)
        return true;
    if (event->seq != chat->last + 1)
        return false;
    chat->last = event->seq;
    s_fold(chat, event);
    if (event->user == self->user && chat->count && cid_is_equal(&event->client_id, &chat->outbox[0].client_id)) {
        s_set_member(chat, event->kind);
        s_decided(world, self, chat, event->seq);
    }
    return true;
}

static void s_apply_all(struct world *world, int node, size_t index, list_t frames)
{
    struct rec_frame frame;
    while (rec_frame_next(&frames, &frame))
        if (!s_apply(world, node, index, frame.event)) {
            world_fail(world, "P3: a delta with a hole");
            return;
        }
}

/* A snapshot as of head: whatever was on screen before is dropped. */
static void s_take_snapshot(struct world *world, struct chat *chat, uint64_t room, uint64_t head, list_t frames)
{
    struct rec_frame frame;
    struct msg msg;
    memset(chat->watched, 0, sizeof chat->watched);
    while (rec_frame_next(&frames, &frame)) {
        bool is_read = !msg_decode(frame.event, &msg);
        if (is_read && msg.type == MSG_MARKS) {
            struct watched *watched = s_watched(chat, msg.as.marks.seq);
            if (!watched) {
                world_fail(world, "P2: marks without their line");
                return;
            }
            watched->as_of = msg.as.marks.as_of;
            marks_load(&watched->marks, &msg.as.marks);
            continue;
        }
        if (!is_read || msg.type != MSG_EVENT ||
            !model_db_holds_frame(world->db, room, msg.as.event.seq, frame.event)) {
            world_fail(world, "P1: a snapshot shows what is not stored");
            return;
        }
        if (kind_is_line(msg.as.event.kind))
            s_watch(chat, msg.as.event.seq, head);
    }
}

static void s_on_attached(struct world *world, int node, size_t index, const struct msg_room_attached *attached)
{
    struct client *self = world->nodes[node].state;
    struct chat *chat = &self->chats[index];
    chat->incarnation = attached->incarnation;
    chat->backfill_head = 0;
    if (attached->mode == 0 && attached->here) {
        if (attached->after > chat->last) { /* an answer to an older question */
            s_sub(world, node, index);
            return;
        }
        s_apply_all(world, node, index, attached->frames);
        if (chat->last < attached->head)
            world_fail(world, "P3: a delta that ends early");
    } else if (attached->here) {
        s_take_snapshot(world, chat, attached->room, attached->head, attached->frames);
        if (attached->head > chat->last)
            chat->last = attached->head; /* declared as unloaded */
    }
    chat->backfill_head = attached->here ? 0 : attached->head;
    chat->is_live = attached->here;
}

static void s_on_backfill(struct world *world, int node, const struct msg *msg)
{
    struct client *self = world->nodes[node].state;
    uint64_t room = msg->type == MSG_PAGE ? msg->as.page.room : msg->as.store_delta.room;
    for (size_t i = 0; i < CHATS; i++) {
        struct chat *chat = &self->chats[i];
        if (chat_id(world, i) != room || !chat->backfill_head)
            continue;
        if (msg->type == MSG_PAGE) {
            s_take_snapshot(world, chat, room, msg->as.page.as_of, msg->as.page.frames);
            chat->last = chat->backfill_head > chat->last ? chat->backfill_head : chat->last;
        } else if (msg->as.store_delta.after <= chat->last) {
            s_apply_all(world, node, i, msg->as.store_delta.frames);
        }
        chat->is_live = chat->last >= chat->backfill_head;
        chat->backfill_head = 0;
    }
}

/* ---- answers ---- */

static struct chat *s_asked(struct client *self, const struct frame *frame, const cid_t *cid)
{
    for (size_t i = 0; i < CHATS; i++) {
        struct chat *chat = &self->chats[i];
        if (chat->count && cid_is_equal(cid, &chat->outbox[0].client_id))
            return chat;
    }
    (void)frame;
    return NULL;
}

static void s_on_ack(struct world *world, struct client *self, const struct frame *frame, const struct msg_ack *ack)
{
    struct chat *chat = s_asked(self, frame, &ack->client_id);
    if (!chat)
        return;
    s_set_member(chat, s_kind(&chat->outbox[0]));
    s_decided(world, self, chat, ack->seq);
}

static void s_on_nack(struct world *world, struct client *self, const struct frame *frame, const struct msg_nack *nack)
{
    struct chat *chat = s_asked(self, frame, &nack->client_id);
    if (!chat)
        return;
    world_trace(world, "client %d: request %d of chat %d refused: %s", (int)(self->user - 1000),
                chat->outbox[0].client_id.bytes[15], (int)(chat - self->chats), err_name(nack->code));
    if (!nack->final) {
        chat->again_ms = world->now_ms + nack->retry_ms + (int64_t)world_random(world, 200);
        return;
    }
    if (nack->code == ERR_NOT_MEMBER || nack->code == ERR_NO_ROOM || nack->code == ERR_BANNED)
        chat->is_member = false;
    if (chat->sent == 1)
        check_refused(world, nack->room, self->user, &nack->client_id);
    s_decided(world, self, chat, 0);
}

void client_on(struct world *world, int node, const struct frame *frame)
{
    struct client *self = world->nodes[node].state;
    struct msg msg;
    if (frame->env.session != self->session || msg_decode(view_of(frame->bytes, frame->len), &msg))
        return; /* of a socket it has left */
    if (msg.type == MSG_DRAIN)
        s_reconnect(world, node);
    for (size_t i = 0; i < CHATS; i++) {
        uint64_t room = chat_id(world, i);
        if (msg.type == MSG_EVENT && msg.as.event.room == room && self->chats[i].is_live &&
            !s_apply(world, node, i, view_of(frame->bytes, frame->len)))
            s_sub(world, node, i);
        if (msg.type == MSG_ROOM_ATTACHED && msg.as.room_attached.room == room)
            s_on_attached(world, node, i, &msg.as.room_attached);
        if (msg.type == MSG_KICK && msg.as.kick.room == room)
            self->chats[i].is_member = self->chats[i].is_live = false;
    }
    if (msg.type == MSG_STORE_DELTA || msg.type == MSG_PAGE)
        s_on_backfill(world, node, &msg);
    if (msg.type == MSG_ACK)
        s_on_ack(world, self, frame, &msg.as.ack);
    if (msg.type == MSG_NACK)
        s_on_nack(world, self, frame, &msg.as.nack);
}

void client_on_peer(struct world *world, int node, int peer, peer_event_t event)
{
    struct client *self = world->nodes[node].state;
    (void)event;
    if (peer == self->edge)
        s_reconnect(world, node); /* a WebSocket that loses anything is closed */
}

/* ---- asking ---- */

static void s_send(struct world *world, int node, size_t index, const struct request *request)
{
    struct client *self = world->nodes[node].state;
    struct envelope env = {.correlation = ++self->correlation, .key = chat_id(world, index),
                           .session = self->session};
    struct msg msg = request->msg;
    world_trace(world, "client %d: %s %d of chat %zu by edge %d", node, msg_name(msg.type),
                request->client_id.bytes[15], index, self->edge);
    if (msg.type == MSG_ROOM_POST)
        msg.as.room_post.text = view_of_text(request->text);
    if (msg.type == MSG_ROOM_EDIT)
        msg.as.room_edit.text = view_of_text(request->text);
    list_writer_t mentions; /* of everybody: whoever is no member then is left out */
    list_writer_init(&mentions, 1 << 10);
    for (int i = 0; i < CLIENTS; i++)
        rec_id_append(&mentions, &(struct rec_id){.id = client_user(FIRST_CLIENT + i)});
    if (msg.type == MSG_ROOM_SAY) {
        msg.as.room_say.text = view_of_text(request->text);
        msg.as.room_say.mentions = list_of(&mentions);
    }
    list_writer_t files; /* one that is its own: who else may show it, the store knows */
    list_writer_init(&files, 1 << 8);
    if (msg.type == MSG_ROOM_SHARE) {
        rec_id_append(&files, &(struct rec_id){.id = 1 + (uint64_t)request->client_id.bytes[15]});
        msg.as.room_share.text = view_of_text(request->text);
        msg.as.room_share.mentions = list_of(&mentions);
        msg.as.room_share.files = list_of(&files);
    }
    if (msg.type == MSG_ROOM_REVISE) {
        msg.as.room_revise.text = view_of_text(request->text);
        msg.as.room_revise.mentions = list_of(&mentions);
    }
    if (msg.type == MSG_ROOM_RENAME)
        msg.as.room_rename.name = view_of_text(request->text);
    if (msg.type == MSG_ROOM_TOPIC)
        msg.as.room_topic.topic = view_of_text(request->text);
    list_writer_t people;
    list_writer_init(&people, 1 << 10);
    for (int i = DIRECT_PEOPLE; i-- > 0;) /* in another order than the room has them */
        rec_id_append(&people, &(struct rec_id){.id = client_user(FIRST_CLIENT + i)});
    if (msg.type == MSG_ROOM_DIRECT)
        msg.as.room_direct.users = list_of(&people);
    if (msg.type == MSG_ROOM_REACT)
        msg.as.room_react.emoji = view_of_text(request->text[0] & 1 ? "👍" : "🦜");
    world_send_msg(world, node, s_edge(self), &env, &msg);
    list_writer_fini(&mentions);
    list_writer_fini(&files);
    list_writer_fini(&people);
}

static uint16_t s_choose(struct world *world, const struct client *self, const struct chat *chat, uint64_t *target_out)
{
    uint64_t what = world_random(world, 100);
    *target_out = chat->done_count ? chat->done_seq[world_random(world, chat->done_count < DONE ? chat->done_count
                                                                                             : DONE)]
                                   : 0;
    if (!chat->is_member)
        return MSG_ROOM_JOIN;
    if (what < 12 && *target_out)
        return MSG_ROOM_EDIT;
    if (what < 20 && *target_out)
        return MSG_ROOM_DELETE;
    if (what < 26)
        return MSG_ROOM_LEAVE;
    if (what < 36 && *target_out)
        return MSG_ROOM_REACT;
    if (what < 41 && *target_out)
        return MSG_ROOM_PIN;
    if (what < 46 && *target_out)
        return MSG_ROOM_REVISE;
    if (what < 54)
        return what < 50 ? MSG_ROOM_SAY : MSG_ROOM_SHARE;
    if (what < (self->user == client_user(FIRST_CLIENT) ? 85u : 66u)) { /* to somebody, whatever the right to it */
        static const uint16_t s_types[] = {MSG_ROOM_REMOVE, MSG_ROOM_BAN, MSG_ROOM_UNBAN, MSG_ROOM_UNBAN, MSG_ROOM_ROLE,
                                           MSG_ROOM_ROLE, MSG_ROOM_MUTE, MSG_ROOM_INVITE, MSG_ROOM_INVITE};
        *target_out = client_user(FIRST_CLIENT + (int)world_random(world, CLIENTS));
        return s_types[world_random(world, sizeof s_types / sizeof *s_types)];
    }
    if (what < (self->user == client_user(FIRST_CLIENT) ? 92u : 69u)) {
        static const uint16_t s_settings[] = {MSG_ROOM_RENAME, MSG_ROOM_TOPIC, MSG_ROOM_ARCHIVE, MSG_ROOM_ARCHIVE,
                                              MSG_ROOM_HISTORY};
        return s_settings[world_random(world, sizeof s_settings / sizeof *s_settings)];
    }
    return MSG_ROOM_POST;
}

static void s_fill(struct world *world, struct request *request, uint16_t type, uint64_t room, uint64_t target)
{
    request->msg.type = type;
    for (size_t i = 0; i < 8; i++)
        request->text[i] = (char)('a' + world_random(world, 26));
    switch (type) {
    case MSG_ROOM_CREATE:
        request->msg.as.room_create =
            (struct msg_room_create){.client_id = request->client_id, .name = view_of_text("chat"),
                                     .history = request->client_id.bytes[0] % 2};
        break;
    case MSG_ROOM_JOIN:
        request->msg.as.room_join = (struct msg_room_join){.room = room, .client_id = request->client_id};
        break;
    case MSG_ROOM_LEAVE:
        request->msg.as.room_leave = (struct msg_room_leave){.room = room, .client_id = request->client_id};
        break;
    case MSG_ROOM_EDIT:
        request->msg.as.room_edit =
            (struct msg_room_edit){.room = room, .client_id = request->client_id, .target = target};
        break;
    case MSG_ROOM_DELETE:
        request->msg.as.room_delete =
            (struct msg_room_delete){.room = room, .client_id = request->client_id, .target = target};
        break;
    case MSG_ROOM_SAY:
        request->msg.as.room_say =
            (struct msg_room_say){.room = room, .client_id = request->client_id, .reply_to = target};
        break;
    case MSG_ROOM_SHARE:
        request->msg.as.room_share =
            (struct msg_room_share){.room = room, .client_id = request->client_id, .reply_to = target};
        break;
    case MSG_ROOM_REVISE:
        request->msg.as.room_revise =
            (struct msg_room_revise){.room = room, .client_id = request->client_id, .target = target};
        break;
    case MSG_ROOM_REACT:
        request->msg.as.room_react = (struct msg_room_react){
            .room = room, .client_id = request->client_id, .target = target, .on = world_random(world, 3) > 0};
        break;
    case MSG_ROOM_PIN:
        request->msg.as.room_pin = (struct msg_room_pin){
            .room = room, .client_id = request->client_id, .target = target, .on = world_random(world, 2) > 0};
        break;
    case MSG_ROOM_REMOVE:
        request->msg.as.room_remove =
            (struct msg_room_remove){.room = room, .client_id = request->client_id, .member = target};
        break;
    case MSG_ROOM_BAN:
        request->msg.as.room_ban =
            (struct msg_room_ban){.room = room, .client_id = request->client_id, .member = target};
        break;
    case MSG_ROOM_UNBAN:
        request->msg.as.room_unban =
            (struct msg_room_unban){.room = room, .client_id = request->client_id, .member = target};
        break;
    case MSG_ROOM_ROLE:
        request->msg.as.room_role = (struct msg_room_role){.room = room, .client_id = request->client_id,
                                                           .member = target, .role = (uint32_t)(request->text[0] - 'a') % 3};
        break;
    case MSG_ROOM_DIRECT: request->msg.as.room_direct.client_id = request->client_id; break;
    case MSG_ROOM_INVITE:
        request->msg.as.room_invite =
            (struct msg_room_invite){.room = room, .client_id = request->client_id, .member = target};
        break;
    case MSG_ROOM_RENAME:
        request->msg.as.room_rename = (struct msg_room_rename){.room = room, .client_id = request->client_id};
        break;
    case MSG_ROOM_TOPIC:
        request->msg.as.room_topic = (struct msg_room_topic){.room = room, .client_id = request->client_id};
        break;
    case MSG_ROOM_ARCHIVE: /* opened again oftener than archived: most of the time people talk */
        request->msg.as.room_archive = (struct msg_room_archive){
            .room = room, .client_id = request->client_id, .on = request->text[0] % 4 == 0};
        break;
    case MSG_ROOM_HISTORY:
        request->msg.as.room_history = (struct msg_room_history){
            .room = room, .client_id = request->client_id, .history = (uint32_t)request->text[0] % 2};
        break;
    case MSG_ROOM_MUTE:
        request->msg.as.room_mute = (struct msg_room_mute){.room = room, .client_id = request->client_id,
                                                           .member = target, .muted = request->text[0] % 2};
        break;
    default: request->msg.as.room_post = (struct msg_room_post){.room = room, .client_id = request->client_id};
    }
}

static void s_think(struct world *world, int node, size_t index)
{
    struct client *self = world->nodes[node].state;
    struct chat *chat = &self->chats[index];
    uint64_t target = 0;
    if (chat->count == OUTBOX)
        return;
    struct request *request = &chat->outbox[chat->count++];
    memset(request, 0, sizeof *request);
    bool opens = index == DIRECT_CHAT && node < FIRST_CLIENT + DIRECT_PEOPLE && !chat->is_member;
    bool is_creator = index != DIRECT_CHAT && node == FIRST_CLIENT && !chat->number && !chat->is_member;
    uint16_t type = opens ? MSG_ROOM_DIRECT : is_creator ? MSG_ROOM_CREATE : s_choose(world, self, chat, &target);
    uint64_t number = ++chat->number;
    if (is_creator) {
        request->client_id = chat_cid(index);
    } else {
        request->client_id.bytes[0] = (uint8_t)(index + 1);
        request->client_id.bytes[1] = (uint8_t)node;
        for (size_t i = 0; i < 8; i++)
            request->client_id.bytes[8 + i] = (uint8_t)(number >> (56 - 8 * i));
    }
    world->stats.posts++;
    s_fill(world, request, type, chat_id(world, index), target);
}

void client_on_tick(struct world *world, int node)
{
    struct client *self = world->nodes[node].state;
    for (size_t i = 0; i < CHATS; i++) {
        struct chat *chat = &self->chats[i];
        if (world->now_ms < FAULTS_MS - 500 && world_random(world, 10) == 0)
            s_think(world, node, i);
        if (chat->done_count && world_random(world, 100) == 0) /* long decided, sent once more */
            s_send(world, node, i, &chat->done[world_random(world, chat->done_count < DONE ? chat->done_count : DONE)]);
        if (chat->count && world->now_ms >= chat->again_ms) {
            s_send(world, node, i, &chat->outbox[0]);
            chat->sent++;
            chat->again_ms = world->now_ms + 1500 + (int64_t)world_random(world, 1000);
        }
        if (chat->is_member && !chat->is_live && world->now_ms >= chat->sub_ms)
            s_sub(world, node, i);
    }
}

static void s_check_watched(struct world *world, int node, const struct chat *chat, const struct db_room *room)
{
    marks_t truth;
    for (size_t i = 0; i < WATCHED; i++) {
        const struct watched *watched = &chat->watched[i];
        if (!watched->seq)
            continue;
        buffer_t ours, theirs;
        buffer_init(&ours, LIM_EVENT_BYTES_MAX);
        buffer_init(&theirs, LIM_EVENT_BYTES_MAX);
        model_db_marks(room, watched->seq, UINT64_MAX, &truth);
        marks_encode(&watched->marks, 0, 0, 0, (list_t){0}, &ours);
        marks_encode(&truth, 0, 0, 0, (list_t){0}, &theirs);
        if (!view_is_equal(buffer_view(&ours), buffer_view(&theirs)))
            world_fail(world, "P2: client %d sees %zu reactions and pin %" PRIu64 " on line %" PRIu64
                       ", the log folds to %zu and %" PRIu64, node, watched->marks.reaction_count,
                       watched->marks.pinned, watched->seq, truth.reaction_count, truth.pinned);
        buffer_fini(&ours);
        buffer_fini(&theirs);
    }
}

bool client_check_end(struct world *world, int node)
{
    struct client *self = world->nodes[node].state;
    for (size_t i = 0; i < CHATS; i++) {
        const struct chat *chat = &self->chats[i];
        const struct db_room *room = model_db_room(world->db, chat_id(world, i));
        bool is_member = room && model_db_member(room, self->user);
        if (chat->count)
            world_fail(world, "convergence: client %d still has %zu requests for chat %zu", node, chat->count, i);
        else if (is_member && !chat->is_member)
            continue; /* a copy of a joining that had been given up; its inbox would tell */
        else if (is_member != chat->is_member)
            world_fail(world, "convergence: client %d believes %d, is %d a member of chat %zu", node,
                       chat->is_member, is_member, i);
        else if (is_member && (!chat->is_live || chat->last != room->head))
            world_fail(world, "convergence: client %d has %" PRIu64 " of %" PRIu64 " events of chat %zu, live %d",
                       node, chat->last, room->head, i, chat->is_live);
        else if (is_member)
            s_check_watched(world, node, chat, room);
    }
    return !world->failure[0];
}
