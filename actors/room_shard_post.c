/* A browser's requests: checked, recognised when they come again, accepted into the open batch. */
#include <stdlib.h>
#include <string.h>

#include "actors/room_shard_impl.h"

/* What is asked for, whatever message it came in. */
struct ask {
    uint32_t kind;
    uint64_t room, target;
    uint64_t whom;   /* of changes of members; else 0 */
    cid_t client_id;
    err_t refused;   /* by its content alone */
    size_t body_len;
    uint8_t body[LIM_EVENT_BODY_BYTES_MAX];
    uint8_t mac[MAC_BYTES];
};

static bool s_is_blank(view_t text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.bytes[i] != ' ' && text.bytes[i] != '\t' && text.bytes[i] != '\n')
            return false;
    return true;
}

static err_t s_check_text(view_t text)
{
    return s_is_blank(text) ? ERR_EMPTY : ERR_OK;
}

static err_t s_check_name(view_t name)
{
    if (s_is_blank(name))
        return ERR_EMPTY;
    return text_char_count(name) > LIM_ROOM_NAME_CHARS_MAX ? ERR_OUT_OF_RANGE : ERR_OK;
}

static err_t s_body(struct ask *ask, const void *body)
{
    buffer_t out;
    buffer_init(&out, sizeof ask->body);
    err_t err = kind_encode(ask->kind, body, &out);
    ask->body_len = out.len;
    if (!err)
        memcpy(ask->body, out.bytes, out.len);
    buffer_fini(&out);
    return err;
}

static err_t s_read_create(const struct envelope *env, const struct msg_room_create *create, struct ask *ask)
{
    struct kind_room_created body = {.name = create->name, .topic = create->topic,
                                     .visibility = create->visibility};
    ask->kind = KIND_ROOM_CREATED;
    ask->room = env->key;
    ask->client_id = create->client_id;
    ask->refused = s_check_name(create->name);
    return s_body(ask, &body);
}

static err_t s_read_say(const struct msg_room_say *say, struct ask *ask)
{
    ask->kind = KIND_SAID;
    ask->room = say->room;
    ask->target = say->reply_to;
    ask->client_id = say->client_id;
    ask->refused = s_check_text(say->text);
    return s_body(ask, &(struct kind_said){.text = say->text, .mentions = say->mentions});
}

/* Of the files their ids, each once; what else the line says of them, the store knows. */
static err_t s_read_share(const struct msg_room_share *share, struct ask *ask)
{
    list_t files = share->files;
    struct rec_id id;
    uint64_t seen[LIM_LINE_FILES_MAX];
    size_t count = 0;
    list_writer_t list;
    ask->kind = KIND_SHARED;
    ask->room = share->room;
    ask->target = share->reply_to;
    ask->client_id = share->client_id;
    ask->refused = files.count ? ERR_OK : ERR_EMPTY;
    list_writer_init(&list, LIM_EVENT_BODY_BYTES_MAX);
    err_t err = ERR_OK;
    while (!err && rec_id_next(&files, &id)) {
        for (size_t i = 0; i < count; i++)
            if (seen[i] == id.id)
                ask->refused = ERR_OUT_OF_RANGE;
        seen[count++] = id.id;
        err = rec_file_info_append(&list, &(struct rec_file_info){.file = id.id});
    }
    if (!err)
        err = s_body(ask, &(struct kind_shared){.text = share->text, .mentions = share->mentions, .files = list_of(&list)});
    list_writer_fini(&list);
    return err;
}

static err_t s_read_revise(const struct msg_room_revise *revise, struct ask *ask)
{
    ask->kind = KIND_REVISED;
    ask->room = revise->room;
    ask->target = revise->target;
    ask->client_id = revise->client_id;
    ask->refused = s_check_text(revise->text);
    return s_body(ask, &(struct kind_revised){.text = revise->text, .mentions = revise->mentions});
}

static err_t s_read_react(const struct msg_room_react *react, struct ask *ask)
{
    ask->kind = KIND_REACTED;
    ask->room = react->room;
    ask->target = react->target;
    ask->client_id = react->client_id;
    ask->refused = emoji_is_sound(react->emoji) ? ERR_OK : ERR_OUT_OF_RANGE;
    return s_body(ask, &(struct kind_reacted){.emoji = react->emoji, .on = react->on});
}

static err_t s_read_pin(const struct msg_room_pin *pin, struct ask *ask)
{
    ask->kind = KIND_PINNED;
    ask->room = pin->room;
    ask->target = pin->target;
    ask->client_id = pin->client_id;
    return s_body(ask, &(struct kind_pinned){.on = pin->on});
}

/* What one person asks to be done to another. */
static err_t s_read_change(const struct msg *msg, struct ask *ask)
{
    const cid_t *client_id;
    if (!msg_request_head(msg, &ask->room, &client_id))
        return ERR_UNEXPECTED;
    ask->client_id = *client_id;
    switch (msg->type) {
    case MSG_ROOM_REMOVE:
        ask->kind = KIND_REMOVED;
        ask->whom = msg->as.room_remove.member;
        return s_body(ask, &(struct kind_removed){.member = ask->whom});
    case MSG_ROOM_BAN:
        ask->kind = KIND_BANNED;
        ask->whom = msg->as.room_ban.member;
        return s_body(ask, &(struct kind_banned){.member = ask->whom});
    case MSG_ROOM_UNBAN:
        ask->kind = KIND_UNBANNED;
        ask->whom = msg->as.room_unban.member;
        return s_body(ask, &(struct kind_unbanned){.member = ask->whom});
    case MSG_ROOM_ROLE:
        ask->kind = KIND_ROLE_CHANGED;
        ask->whom = msg->as.room_role.member;
        return s_body(ask, &(struct kind_role_changed){.member = ask->whom, .role = msg->as.room_role.role});
    case MSG_ROOM_MUTE:
        ask->kind = KIND_MUTED;
        ask->whom = msg->as.room_mute.member;
        return s_body(ask, &(struct kind_muted){.member = ask->whom, .muted = msg->as.room_mute.muted});
    default: return ERR_UNEXPECTED;
    }
}

static err_t s_read_ask(const struct envelope *env, const struct msg *msg, struct ask *ask)
{
    memset(ask, 0, offsetof(struct ask, body));
    switch (msg->type) {
    case MSG_ROOM_POST: {
        const struct msg_room_post *post = &msg->as.room_post;
        ask->kind = KIND_POSTED;
        ask->room = post->room;
        ask->client_id = post->client_id;
        ask->refused = s_check_text(post->text);
        return s_body(ask, &(struct kind_posted){.text = post->text});
    }
    case MSG_ROOM_EDIT: {
        const struct msg_room_edit *edit = &msg->as.room_edit;
        ask->kind = KIND_EDITED;
        ask->room = edit->room;
        ask->target = edit->target;
        ask->client_id = edit->client_id;
        ask->refused = s_check_text(edit->text);
        return s_body(ask, &(struct kind_edited){.text = edit->text});
    }
    case MSG_ROOM_DELETE:
        ask->kind = KIND_DELETED;
        ask->room = msg->as.room_delete.room;
        ask->target = msg->as.room_delete.target;
        ask->client_id = msg->as.room_delete.client_id;
        return s_body(ask, &(struct kind_deleted){0});
    case MSG_ROOM_JOIN:
        ask->kind = KIND_JOINED;
        ask->room = msg->as.room_join.room;
        ask->client_id = msg->as.room_join.client_id;
        return s_body(ask, &(struct kind_joined){.role = ROLE_MEMBER});
    case MSG_ROOM_LEAVE:
        ask->kind = KIND_LEFT;
        ask->room = msg->as.room_leave.room;
        ask->client_id = msg->as.room_leave.client_id;
        return s_body(ask, &(struct kind_left){0});
    case MSG_ROOM_CREATE: return s_read_create(env, &msg->as.room_create, ask);
    case MSG_ROOM_SAY: return s_read_say(&msg->as.room_say, ask);
    case MSG_ROOM_SHARE: return s_read_share(&msg->as.room_share, ask);
    case MSG_ROOM_REVISE: return s_read_revise(&msg->as.room_revise, ask);
    case MSG_ROOM_REACT: return s_read_react(&msg->as.room_react, ask);
    case MSG_ROOM_PIN: return s_read_pin(&msg->as.room_pin, ask);
    default: return s_read_change(msg, ask);
    }
}

static void s_ack_event(room_shard_t *self, const struct envelope *env, const struct ask *ask, uint64_t seq,
                        uint64_t at_ms, uint64_t msg_no)
{
    struct msg_ack ack = {.client_id = ask->client_id, .room = ask->room, .seq = seq, .at_ms = at_ms,
                          .msg_no = msg_no, .dup = true};
    shard_ack(self, env, &ack);
}

static err_t s_nack(room_shard_t *self, const struct envelope *env, const struct ask *ask, err_t code)
{
    shard_nack(self, env, &ask->client_id, ask->room, code);
    return code;
}

/* True: the request is known here; it was answered or waits with its first copy. */
static bool s_is_known(room_shard_t *self, const room_t *room, const struct envelope *env, const struct ask *ask)
{
    struct pending *pending = room_find_pending(room, env->user, &ask->client_id);
    if (pending) {
        if (memcmp(pending->mac, ask->mac, MAC_BYTES) == 0)
            pending_ask(pending, env);
        else
            s_nack(self, env, ask, ERR_CONFLICT);
        return true;
    }
    const struct tail_event *event;
    switch (room_find_stored(room, self->mac_key, env->user, &ask->client_id, ask->mac, &event)) {
    case ROOM_REPEAT: s_ack_event(self, env, ask, event->seq, event->at_ms, event->msg_no); return true;
    case ROOM_CONFLICT: s_nack(self, env, ask, ERR_CONFLICT); return true;
    case ROOM_NEW: break;
    }
    return false;
}

static err_t s_fetch(room_shard_t *self, room_t *room, const struct envelope *env, view_t body, uint64_t seq)
{
    if (room->parked_count >= LIM_ROOM_PARKED_MAX)
        return ERR_BUSY;
    struct request request = {.what = Q_EVENT, .a = room->id, .b = seq, .c = room->head,
                              .data = parked_new(env, body, self->now_ms + LOAD_MS)};
    struct msg msg = {.type = MSG_STORE_EVENT_GET};
    msg.as.store_event_get = (struct msg_store_event_get){.room = room->id, .seq = seq};
    if (!request.data)
        return ERR_NO_MEMORY;
    if (!shard_ask(self, &request, LOAD_MS, room->id, &msg)) {
        free(request.data);
        return ERR_OVERLOADED;
    }
    room->parked_count++;
    return ERR_OK;
}

static bool s_has_hint(const room_shard_t *self, const room_t *room, uint64_t seq)
{
    return self->hint_is_known && self->hint_room == room->id && self->hint_seq == seq;
}

static struct room_target s_hint_target(const room_shard_t *self, const room_t *room)
{
    const struct msg_event *event = self->hint;
    if (!event)
        return (struct room_target){0};
    bool is_erased = event->body.len == 1 && event->body.bytes[0] == 0xc0;
    return (struct room_target){.found = true, .kind = event->kind, .user = event->user,
                                .msg_no = event->msg_no,
                                .erased = is_erased ||
                                          room_tail_has_delete_of(&room->tail, event->seq)};
}

/* Keeps whom the target called until now: its line may not be in memory when the change is committed. */
static err_t s_keep_called(const room_shard_t *self, struct pending *pending)
{
    const struct msg_marks *marks = self->hint_marks;
    struct rec_id id;
    if (!marks || !marks->mentions.count)
        return ERR_OK;
    pending->called = calloc(marks->mentions.count, sizeof *pending->called);
    if (!pending->called)
        return ERR_NO_MEMORY;
    for (list_t list = marks->mentions; rec_id_next(&list, &id);)
        pending->called[pending->called_count++] = id.id;
    return ERR_OK;
}

static err_t s_accept(room_shard_t *self, room_t *room, const struct envelope *env, const struct ask *ask,
                      const struct room_target *target, err_t probe)
{
    if (room->pending_count >= LIM_ROOM_PENDING_MAX)
        return ERR_OVERLOADED;
    struct pending *pending = pending_new(room->id, ask->kind, env->user, &ask->client_id, ask->target,
                                          view_of(ask->body, ask->body_len));
    if (!pending)
        return ERR_NO_MEMORY;
    memcpy(pending->mac, ask->mac, MAC_BYTES);
    pending->whom = ask->whom;
    pending->probe = probe;
    pending->target_msg_no = target ? target->msg_no : 0;
    err_t err = ERR_OK;
    if (target && ask->target && s_has_hint(self, room, ask->target)) {
        pending->target_as_of = self->hint_as_of;
        pending->target_user = target->user;
        err = s_keep_called(self, pending);
    }
    pending_ask(pending, env);
    if (!err)
        err = batch_push(&self->batch, pending);
    if (err) {
        pending_destroy(&pending);
        return err;
    }
    room_link_pending(room, pending);
    return ERR_OK;
}

/* Refused for good; but if the log reaches further back than the memory, this may be the repeat of something that was
 * stored while it still was allowed, and "final" would be a lie. Then the transaction looks for it. */
static err_t s_refuse_final(room_shard_t *self, room_t *room, const struct envelope *env, const struct ask *ask,
                            err_t code)
{
    if (room_sees_all(room) || err_may_retry(code))
        return s_nack(self, env, ask, code);
    size_t probes = 0;
    for (const struct pending *at = room->pending_first; at; at = at->room_next)
        probes += at->probe ? 1 : 0;
    err_t err = probes >= ROOM_PROBES_MAX ? ERR_BUSY : s_accept(self, room, env, ask, NULL, code);
    return err ? s_nack(self, env, ask, err) : ERR_OK;
}

/* The room of this very request exists already, or the id belongs to somebody else. */
static err_t s_on_created_before(room_shard_t *self, room_t *room, const struct envelope *env,
                                 const struct ask *ask, view_t body)
{
    if (!s_has_hint(self, room, 1)) {
        if (room_tail_at(&room->tail, 1)) /* it would have been found there */
            return s_nack(self, env, ask, ERR_CONFLICT);
        err_t err = s_fetch(self, room, env, body, 1);
        return err ? s_nack(self, env, ask, err) : ERR_OK;
    }
    const struct msg_event *event = self->hint;
    uint8_t mac[MAC_BYTES] = {0};
    if (event)
        room_mac(self->mac_key, event->kind, event->target, event->body, mac);
    if (!event || event->user != env->user || !cid_is_equal(&event->client_id, &ask->client_id) ||
        memcmp(mac, ask->mac, MAC_BYTES) != 0)
        return s_nack(self, env, ask, ERR_CONFLICT);
    s_ack_event(self, env, ask, 1, event->at_ms, 0);
    return ERR_OK;
}

static void s_set_role(const room_t *room, const struct envelope *env, const struct room_target *target,
                       struct ask *ask)
{
    uint32_t role = target->user == env->user ? ROLE_MEMBER : room_role(room, env->user);
    s_body(ask, &(struct kind_deleted){.by_role = role}); /* the mac leaves it out */
}

void shard_ack_joined(room_shard_t *self, const struct envelope *env, const room_t *room, const cid_t *client_id)
{
    uint64_t seq = room_joined_seq(room, env->user);
    const struct tail_event *event = room_tail_at(&room->tail, seq);
    struct msg_ack ack = {.client_id = *client_id, .room = room->id, .seq = seq, .dup = true,
                          .at_ms = event ? event->at_ms : room->created_at_ms};
    shard_ack(self, env, &ack);
}

/* Who is in already: by this very request, long ago, or by another one? */
static err_t s_on_joined_before(room_shard_t *self, room_t *room, const struct envelope *env,
                                const struct ask *ask)
{
    if (!room_sees_all(room))
        return s_refuse_final(self, room, env, ask, ERR_UNEXPECTED);
    shard_ack_joined(self, env, room, &ask->client_id);
    return ERR_OK;
}

/* Leaves in the body whom the room knows: members, each once, not the author. The mac is of what was asked for. */
static err_t s_set_mentions(const room_t *room, const struct envelope *env, struct ask *ask)
{
    union {
        struct kind_said said; /* KIND_REVISED has the same fields */
        struct kind_shared shared;
    } whole;
    struct rec_id id;
    uint64_t kept[LIM_MENTIONS_MAX];
    size_t count = 0;
    list_writer_t list;
    uint8_t copy[LIM_EVENT_BODY_BYTES_MAX];
    memcpy(copy, ask->body, ask->body_len);
    err_t err = kind_decode(ask->kind, view_of(copy, ask->body_len), &whole);
    list_t *mentions = ask->kind == KIND_SHARED ? &whole.shared.mentions : &whole.said.mentions;
    list_writer_init(&list, LIM_EVENT_BODY_BYTES_MAX);
    while (!err && rec_id_next(mentions, &id)) {
        bool is_kept = id.id != env->user && room_is_member(room, id.id);
        for (size_t i = 0; i < count; i++)
            is_kept &= kept[i] != id.id;
        if (!is_kept)
            continue;
        kept[count++] = id.id;
        err = rec_id_append(&list, &id);
    }
    *mentions = list_of(&list);
    if (!err)
        err = s_body(ask, &whole);
    list_writer_fini(&list);
    return err;
}

/* Asks the store what the line says of its files (*waits_out), or takes what it said. */
static err_t s_set_files(room_shard_t *self, room_t *room, const struct envelope *env, struct ask *ask, view_t body,
                         bool *waits_out)
{
    struct kind_shared shared;
    uint8_t copy[LIM_EVENT_BODY_BYTES_MAX];
    memcpy(copy, ask->body, ask->body_len);
    err_t err = kind_decode(KIND_SHARED, view_of(copy, ask->body_len), &shared);
    if (!err && !self->files) {
        *waits_out = true;
        return shard_claim_files(self, room, env, body, &ask->client_id, shared.files);
    }
    if (!err)
        err = self->files->refused;
    if (err)
        return err;
    shared.files = self->files->list;
    return s_body(ask, &shared);
}

/* What can be said of an answer's line without asking the store: it is no event of the future and, if it is in memory,
 * a line. Deleted ones may be answered: the answer was perhaps written before. */
static err_t s_judge_reply(const room_t *room, uint64_t reply_to)
{
    struct room_target target;
    if (!reply_to || !room_find_target(room, reply_to, &target))
        return ERR_OK;
    return target.found && kind_is_line(target.kind) ? ERR_OK : ERR_NO_EVENT;
}

/* What is left to judge or to fill in once the sender may do it at all. */
static err_t s_complete(const room_shard_t *self, const room_t *room, const struct envelope *env,
                        const struct room_target *target, struct ask *ask)
{
    err_t err = ERR_OK;
    if (ask->kind == KIND_DELETED)
        s_set_role(room, env, target, ask);
    bool is_answer = ask->kind == KIND_SAID || ask->kind == KIND_SHARED;
    if (is_answer)
        err = s_judge_reply(room, ask->target);
    if (!err && (is_answer || ask->kind == KIND_REVISED))
        err = s_set_mentions(room, env, ask);
    if (ask->kind == KIND_REACTED)
        err = shard_judge_reaction(room, env->user, ask->target, view_of(ask->body, ask->body_len), self->hint_marks);
    return err;
}

static err_t s_on_new(room_shard_t *self, room_t *room, const struct envelope *env, struct ask *ask, view_t body)
{
    struct room_target target = {0};
    if (room_changes_target(ask->kind) && room->state == ROOM_READY && room_is_member(room, env->user) &&
        !room_find_target(room, ask->target, &target)) {
        if (!s_has_hint(self, room, ask->target)) {
            err_t err = s_fetch(self, room, env, body, ask->target);
            return err ? s_nack(self, env, ask, err) : ERR_OK;
        }
        target = s_hint_target(self, room);
    }
    err_t err = room_judge(room, ask->kind, env->user, &target, view_of(ask->body, ask->body_len));
    if (err == ERR_UNEXPECTED && ask->kind == KIND_ROOM_CREATED)
        return s_on_created_before(self, room, env, ask, body);
    if (err == ERR_UNEXPECTED)
        return s_on_joined_before(self, room, env, ask);
    bool enters = ask->kind == KIND_JOINED || ask->kind == KIND_ROOM_CREATED;
    if (!err && enters && shard_inbox_is_full(self, env->user))
        err = ERR_TOO_MANY_ROOMS;
    if (!err)
        err = s_complete(self, room, env, &target, ask);
    bool waits = false;
    if (!err && ask->kind == KIND_SHARED)
        err = s_set_files(self, room, env, ask, body, &waits);
    if (waits)
        return err ? s_nack(self, env, ask, err) : ERR_OK;
    if (err)
        return s_refuse_final(self, room, env, ask, err);
    err = s_accept(self, room, env, ask, &target, ERR_OK);
    return err ? s_nack(self, env, ask, err) : ERR_OK;
}

err_t shard_on_request(room_shard_t *self, const struct envelope *env, const struct msg *msg, view_t body)
{
    struct ask ask;
    err_t err = s_read_ask(env, msg, &ask);
    if (!err)
        err = env->user ? ask.refused : ERR_UNAUTHORIZED;
    if (err)
        return shard_refuse(self, env, msg, err);
    room_t *room = shard_room_for(self, env, msg, body, ask.room, &err);
    if (!room)
        return err;
    bool is_own_id = ask.kind != KIND_ROOM_CREATED ||
                     id_of_room(self->id_key, env->user, &ask.client_id) == ask.room;
    room_mac(self->mac_key, ask.kind, ask.target, view_of(ask.body, ask.body_len), ask.mac);
    if (!is_own_id)
        err = s_nack(self, env, &ask, ERR_OUT_OF_RANGE);
    else if (s_is_known(self, room, env, &ask))
        err = ERR_OK;
    else if (self->state == ROOM_SHARD_STOPPING)
        err = s_nack(self, env, &ask, ERR_DRAINING);
    else if (shard_is_unavailable(self))
        err = s_nack(self, env, &ask, ERR_UNAVAILABLE);
    else
        err = s_on_new(self, room, env, &ask, body);
    if (room->state == ROOM_ABSENT)
        shard_release_if_idle(self, room);
    return err;
}

err_t shard_on_store_event(room_shard_t *self, const struct envelope *env, const struct msg *msg)
{
    struct request request;
    if (!shard_take(self, env, Q_EVENT, &request))
        return ERR_OK;
    struct parked *parked = request.data;
    room_t *room = shard_find_room(self, request.a);
    if (room && room->parked_count)
        room->parked_count--;
    list_t frames = msg->as.store_event.frames;
    struct rec_frame frame;
    struct msg event, marks;
    bool is_found = rec_frame_next(&frames, &frame);
    if (is_found && (msg_decode(frame.event, &event) || event.type != MSG_EVENT ||
                     event.as.event.room != request.a || event.as.event.seq != request.b)) {
        shard_refuse_parked(self, parked, ERR_INTERNAL);
        return ERR_BAD_FRAME;
    }
    bool has_marks = is_found && rec_frame_next(&frames, &frame) && !msg_decode(frame.event, &marks) &&
                     marks.type == MSG_MARKS;
    self->hint = is_found ? &event.as.event : NULL;
    self->hint_marks = has_marks ? &marks.as.marks : NULL;
    self->hint_is_known = true;
    self->hint_room = request.a;
    self->hint_seq = request.b;
    self->hint_as_of = request.c;
    err_t err = shard_dispatch(self, &parked->env, view_of(parked->body, parked->len));
    self->hint = NULL;
    self->hint_marks = NULL;
    self->hint_is_known = false;
    free(parked);
    return err;
}

void shard_event_failed(room_shard_t *self, struct request *request, err_t code)
{
    room_t *room = shard_find_room(self, request->a);
    if (room && room->parked_count)
        room->parked_count--;
    shard_refuse_parked(self, request->data, err_may_retry(code) ? code : ERR_UNAVAILABLE);
    request->data = NULL;
}
