#include "actors/room.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "actors/room_members.h"
#include "actors/room_settings.h"

room_t *room_new(uint64_t id)
{
    room_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->id = id;
    self->shard = id_shard(id);
    self->state = ROOM_LOADING;
    map_init(&self->members);
    map_init(&self->visible_from);
    map_init(&self->restricted);
    map_init(&self->notices);
    map_init(&self->called);
    room_tail_init(&self->tail);
    presence_init(&self->presence);
    return self;
}

void room_destroy(room_t **self_p)
{
    assert(self_p);
    room_t *self = *self_p;
    if (!self)
        return;
    map_fini(&self->members);
    map_fini(&self->visible_from);
    map_fini(&self->restricted);
    map_fini(&self->notices);
    map_fini(&self->called);
    room_tail_fini(&self->tail);
    room_gone_fini(&self->gone);
    room_refused_fini(&self->refused);
    presence_fini(&self->presence);
    while (self->parked_first) {
        struct parked *parked = self->parked_first;
        self->parked_first = parked->next;
        free(parked);
    }
    free(self);
    *self_p = NULL;
}

size_t room_bytes(const room_t *self)
{
    return sizeof *self + map_bytes(&self->members) + map_bytes(&self->restricted) + map_bytes(&self->presence.readers) +
           map_bytes(&self->presence.users) + self->tail.bytes +
           self->gone.cap * sizeof *self->gone.msg_nos + room_refused_bytes(&self->refused) +
           self->tail.cap * sizeof *self->tail.ring;
}

static uint64_t s_member(uint64_t joined_seq, uint32_t role)
{
    return joined_seq << 2 | role;
}

static err_t s_load_tail(room_t *self, list_t frames)
{
    struct rec_frame frame;
    room_tail_clear(&self->tail);
    while (rec_frame_next(&frames, &frame)) {
        struct msg msg;
        err_t err = msg_decode(frame.event, &msg);
        if (err || msg.type != MSG_EVENT || msg.as.event.room != self->id)
            return ERR_BAD_FRAME;
        uint8_t *copy = malloc(frame.event.len);
        if (!copy)
            return ERR_NO_MEMORY;
        memcpy(copy, frame.event.bytes, frame.event.len);
        err = room_tail_push(&self->tail, &msg.as.event, NULL, &copy, frame.event.len);
        if (err)
            return err;
    }
    uint64_t first = room_tail_first_seq(&self->tail);
    return !first || first + self->tail.count - 1 == self->head ? ERR_OK : ERR_BAD_FRAME;
}

static void s_set_text(view_t text, uint8_t *to, size_t max, size_t *len_out)
{
    *len_out = text.len < max ? text.len : max;
    if (*len_out)
        memcpy(to, text.bytes, *len_out);
}

void room_set_name(room_t *self, view_t name)
{
    s_set_text(name, self->name, sizeof self->name, &self->name_len);
}

void room_set_topic(room_t *self, view_t topic)
{
    s_set_text(topic, self->topic, sizeof self->topic, &self->topic_len);
}

uint64_t room_msg_no_at(const room_t *self, uint64_t seq)
{
    uint64_t msg_no = self->msg_no;
    const struct tail_event *event;
    for (uint64_t at = self->head; at > seq && (event = room_tail_at(&self->tail, at)); at--)
        msg_no -= kind_is_line(event->kind) ? 1 : 0;
    return msg_no;
}

err_t room_load(room_t *self, const struct msg_store_room *stored)
{
    map_fini(&self->members);
    map_fini(&self->visible_from);
    map_fini(&self->restricted);
    room_tail_clear(&self->tail);
    room_gone_fini(&self->gone);
    self->incarnation = stored->found ? stored->incarnation : 0;
    self->head = stored->found ? stored->last_seq : 0;
    self->msg_no = stored->found ? stored->last_msg_no : 0;
    self->last_at_ms = stored->found ? stored->last_at_ms : 0;
    self->created_at_ms = stored->found ? stored->created_at_ms : 0;
    self->visibility = stored->visibility;
    self->archived = stored->found && stored->archived;
    self->history = stored->history;
    room_set_name(self, stored->name);
    room_set_topic(self, stored->topic);
    self->state = stored->found ? ROOM_READY : ROOM_ABSENT;
    if (!stored->found)
        return ERR_OK;
    list_t members = stored->members;
    struct rec_room_member member;
    err_t err = ERR_OK;
    while (!err && rec_room_member_next(&members, &member)) {
        err = map_put(&self->members, member.user, s_member(member.joined_seq, member.role));
        if (!err && member.visible_from_seq)
            err = map_put(&self->visible_from, member.user, member.visible_from_seq);
    }
    list_t restricted = stored->restricted;
    struct rec_restricted person;
    while (!err && rec_restricted_next(&restricted, &person))
        err = map_put(&self->restricted, person.user, person.state);
    if (!err)
        err = room_gone_load(&self->gone, stored->deleted, stored->gone, stored->gone_more);
    if (!err && s_load_tail(self, stored->tail))
        room_tail_clear(&self->tail); /* the store answers instead */
    return err;
}

bool room_is_member(const room_t *self, uint64_t user)
{
    return map_get(&self->members, user, NULL);
}

uint32_t room_role(const room_t *self, uint64_t user)
{
    uint64_t value = 0;
    map_get(&self->members, user, &value);
    return (uint32_t)(value & 3);
}

uint64_t room_joined_seq(const room_t *self, uint64_t user)
{
    uint64_t value = 0;
    map_get(&self->members, user, &value);
    return value >> 2;
}

uint64_t room_visible_from(const room_t *self, uint64_t user)
{
    uint64_t value = 0;
    map_get(&self->visible_from, user, &value);
    return value;
}

view_t room_name(const room_t *self)
{
    return view_of(self->name, self->name_len);
}

view_t room_topic(const room_t *self)
{
    return view_of(self->topic, self->topic_len);
}

_Static_assert(sizeof(struct kind_said) == sizeof(struct kind_revised), "read as one");

bool room_changes_target(uint32_t kind)
{
    return kind_is_edit(kind) || kind_is_mark(kind) || kind == KIND_DELETED;
}

static err_t s_judge_target(const room_t *self, uint32_t kind, uint64_t user, const struct room_target *target)
{
    if (!target->found || !kind_is_line(target->kind) || target->seq < room_visible_from(self, user))
        return ERR_NO_EVENT;
    if (kind_is_edit(kind) && target->user != user)
        return ERR_NOT_AUTHOR;
    if (kind == KIND_DELETED && target->user != user && room_role(self, user) < ROLE_MODERATOR)
        return ERR_FORBIDDEN;
    return target->erased ? ERR_DELETED : ERR_OK;
}

err_t room_judge(const room_t *self, uint32_t kind, uint64_t user, const struct room_target *target, view_t body)
{
    if (kind_is_first(kind))
        return self->state == ROOM_ABSENT ? ERR_OK : ERR_UNEXPECTED;
    if (self->state == ROOM_READY && kind == KIND_JOINED && room_is_member(self, user))
        return ERR_UNEXPECTED;
    err_t err = room_may_read(self, user);
    if (err == ERR_NOT_MEMBER && kind == KIND_JOINED)
        err = ERR_OK;
    if (!err)
        err = room_settings_judge_archived(self, kind);
    if (err)
        return err;
    if (kind == KIND_JOINED)
        return self->members.count >= LIM_ROOM_MEMBERS_MAX ? ERR_ROOM_FULL : ERR_OK;
    err = room_members_judge_speech(self, kind, user);
    if (err)
        return err;
    if (kind == KIND_LEFT)
        return room_members_judge_leave(self, user);
    if (room_members_has(kind))
        return room_members_judge(self, kind, user, body);
    if (room_settings_has(kind))
        return room_settings_judge(self, kind, user, body);
    if (room_changes_target(kind))
        return s_judge_target(self, kind, user, target);
    return ERR_OK;
}

err_t room_judge_admin(const room_t *self, uint32_t kind, uint64_t user, const struct room_target *target, view_t body)
{
    struct kind_archived archived;
    err_t err = room_judge(self, kind, user, target, body);
    if (!err || self->state != ROOM_READY || self->visibility == VISIBILITY_DIRECT)
        return err;
    if (kind == KIND_ARCHIVED && !kind_decode(kind, body, &archived))
        return archived.on == self->archived ? ERR_NO_CHANGE : ERR_OK;
    if (kind == KIND_JOINED && self->members.count == 0 && !room_is_banned(self, user))
        return room_settings_judge_archived(self, kind);
    return err;
}

bool room_find_target(const room_t *self, uint64_t seq, struct room_target *target_out)
{
    *target_out = (struct room_target){0};
    if (seq == 0 || seq > self->head)
        return true; /* there is none, for certain */
    const struct tail_event *event = room_tail_at(&self->tail, seq);
    if (!event)
        return false;
    *target_out = (struct room_target){.found = true, .erased = event->erased, .kind = event->kind,
                                       .seq = seq, .user = event->user, .msg_no = event->msg_no};
    return true;
}

struct pending *room_find_pending(const room_t *self, uint64_t user, const cid_t *client_id)
{
    for (struct pending *at = self->pending_first; at; at = at->room_next)
        if (at->user == user && cid_is_equal(&at->client_id, client_id))
            return at;
    return NULL;
}

/* The text and which files: what the room made of their ids is not part of what was asked for. */
static size_t s_asked_files(const struct kind_shared *shared, uint8_t *out)
{
    list_t files = shared->files;
    struct rec_file_info info;
    size_t len = shared->text.len;
    if (len)
        memcpy(out, shared->text.bytes, len);
    while (rec_file_info_next(&files, &info))
        for (size_t i = 0; i < sizeof info.file; i++)
            out[len++] = (uint8_t)(info.file >> 8 * i);
    return len;
}

void room_mac(const uint8_t mac_key[KEY_BYTES], uint32_t kind, uint64_t target, view_t body,
              uint8_t mac_out[MAC_BYTES])
{
    static const uint8_t s_as_member[] = {0x91, ROLE_MEMBER};
    struct kind_said said; /* and of KIND_REVISED: the same fields */
    struct kind_shared shared;
    uint8_t asked[LIM_TEXT_BYTES_MAX + LIM_LINE_FILES_MAX * sizeof(uint64_t)];
    if (kind == KIND_DELETED)
        body.len = 0;
    else if ((kind == KIND_SAID || kind == KIND_REVISED) && !kind_decode(kind, body, &said))
        body = said.text;
    else if (kind == KIND_SHARED && !kind_decode(kind, body, &shared))
        body = view_of(asked, s_asked_files(&shared, asked));
    else if (kind == KIND_JOINED)
        body = view_of(s_as_member, sizeof s_as_member);
    id_mac(mac_key, kind, target, body.bytes, body.len, mac_out);
}

room_seen_t room_find_stored(const room_t *self, const uint8_t mac_key[KEY_BYTES], uint64_t user,
                             const cid_t *client_id, const uint8_t mac[MAC_BYTES],
                             const struct tail_event **event_out)
{
    const struct tail_event *event = room_tail_find(&self->tail, user, client_id);
    *event_out = event;
    if (!event)
        return ROOM_NEW;
    uint8_t computed[MAC_BYTES];
    const uint8_t *stored = event->mac;
    if (!event->has_mac && event->erased)
        return ROOM_REPEAT; /* what was asked for cannot be told any more; who and which id can */
    if (!event->has_mac) {
        struct msg msg;
        if (msg_decode(view_of(event->frame, event->len), &msg))
            return ROOM_CONFLICT;
        room_mac(mac_key, event->kind, event->target, msg.as.event.body, computed);
        stored = computed;
    }
    return memcmp(stored, mac, MAC_BYTES) == 0 ? ROOM_REPEAT : ROOM_CONFLICT;
}

bool room_sees_all(const room_t *self)
{
    return self->head == 0 || room_tail_first_seq(&self->tail) == 1;
}

void room_link_pending(room_t *self, struct pending *pending)
{
    pending->room_next = NULL;
    if (self->pending_last)
        self->pending_last->room_next = pending;
    else
        self->pending_first = pending;
    self->pending_last = pending;
    self->pending_count++;
}

void room_unlink_pending(room_t *self, struct pending *pending)
{
    struct pending *previous = NULL;
    for (struct pending *at = self->pending_first; at; previous = at, at = at->room_next) {
        if (at != pending)
            continue;
        if (previous)
            previous->room_next = at->room_next;
        else
            self->pending_first = at->room_next;
        if (self->pending_last == at)
            self->pending_last = previous;
        at->room_next = NULL;
        self->pending_count--;
        return;
    }
}

/* Does an event of this batch change what pending may do? Then it is judged again when that one is committed. */
static bool s_meets_barrier(const room_t *self, const struct pending *pending)
{
    if (!self->has_barrier)
        return false;
    for (const struct pending *at = self->pending_first; at; at = at->room_next) {
        if (at->is_queued)
            continue;
        if (room_members_clash(self, at, pending) || room_settings_clash(at, pending))
            return true;
        if (at->kind == KIND_DELETED && at->target == pending->target)
            return true;
        if (kind_is_first(at->kind))
            return true;
    }
    return false;
}

err_t room_number(room_t *self, struct pending *pending, uint64_t batch, int64_t utc_ms)
{
    if (self->batch != batch) {
        self->batch = batch;
        self->is_deferred = self->has_barrier = false;
        self->next_seq = self->head + 1;
        self->next_msg_no = self->msg_no + 1;
        self->next_at_ms = self->last_at_ms;
        self->next_joins = 0;
    }
    bool is_late_probe = pending->probe && self->next_seq != self->head + 1;
    bool is_full = room_members_enters(pending->kind) &&
                   self->members.count + self->next_joins >= LIM_ROOM_MEMBERS_MAX;
    if (self->is_deferred || is_late_probe || is_full || s_meets_barrier(self, pending)) {
        self->is_deferred = true;
        return ERR_AGAIN;
    }
    room_members_number(self, pending);
    bool has_number = kind_is_line(pending->kind);
    uint64_t now = utc_ms > 0 ? (uint64_t)utc_ms : 0;
    pending->seq = self->next_seq;
    pending->at_ms = now > self->next_at_ms ? now : self->next_at_ms;
    pending->msg_no = has_number ? self->next_msg_no : 0;
    if (pending->probe)
        pending->seq = ID_MAX; /* never a room's next place: it can be found, not stored */
    return ERR_OK;
}

void room_numbered(room_t *self, const struct pending *pending)
{
    if (pending->probe) {
        self->is_deferred = true;
        return;
    }
    self->next_seq = pending->seq + 1;
    self->next_at_ms = pending->at_ms;
    self->next_msg_no += pending->msg_no ? 1 : 0;
    self->next_joins += room_members_enters(pending->kind) ? 1 : 0;
    if (!kind_is_line(pending->kind) && !kind_is_edit(pending->kind) && !kind_is_mark(pending->kind))
        self->has_barrier = true;
}

static err_t s_apply_created(room_t *self, const struct pending *pending)
{
    struct room_first body;
    struct rec_id id;
    if (!room_first_read(pending->kind, view_of(pending->body, pending->body_len), &body))
        return ERR_BAD_FRAME;
    err_t err = ERR_OK;
    if (body.visibility != VISIBILITY_DIRECT)
        err = map_put(&self->members, pending->user, s_member(pending->seq, ROLE_OWNER));
    while (!err && rec_id_next(&body.members, &id))
        err = map_put(&self->members, id.id, s_member(pending->seq, ROLE_MEMBER));
    if (err)
        return err;
    self->state = ROOM_READY;
    self->incarnation = 1; /* what the store gives a new room; the next load tells */
    self->created_at_ms = pending->at_ms;
    self->visibility = body.visibility;
    self->history = body.history;
    self->archived = false;
    room_set_name(self, body.name);
    room_set_topic(self, body.topic);
    return ERR_OK;
}

static err_t s_apply_entered(room_t *self, const struct pending *pending)
{
    struct kind_joined body = {.role = ROLE_MEMBER};
    uint64_t user = pending->kind == KIND_ADDED ? pending->whom : pending->user;
    err_t err = ERR_OK;
    if (pending->kind == KIND_JOINED)
        err = kind_decode(KIND_JOINED, view_of(pending->body, pending->body_len), &body);
    if (!err)
        err = room_settings_enter(self, user, pending->seq);
    return err ? err : map_put(&self->members, user, s_member(pending->seq, body.role));
}

err_t room_apply(room_t *self, struct pending *pending)
{
    assert(pending->seq == self->head + 1);
    err_t err = ERR_OK;
    struct msg_event event = {.room = self->id, .seq = pending->seq, .kind = pending->kind,
                              .user = pending->user, .at_ms = pending->at_ms,
                              .client_id = pending->client_id, .msg_no = pending->msg_no,
                              .target = pending->target,
                              .body = view_of(pending->body, pending->body_len)};
    if (kind_is_first(pending->kind))
        err = s_apply_created(self, pending);
    else if (room_members_enters(pending->kind))
        err = s_apply_entered(self, pending);
    else if (room_settings_has(pending->kind))
        err = room_settings_apply(self, pending);
    else if (room_members_has(pending->kind))
        err = room_members_apply(self, pending);
    if (pending->kind == KIND_LEFT) {
        map_remove(&self->members, pending->user);
        map_remove(&self->visible_from, pending->user);
    }
    if (pending->kind == KIND_DELETED && pending->target_msg_no && !err)
        err = room_gone_add(&self->gone, pending->seq, pending->target_msg_no);
    self->head = pending->seq;
    self->last_at_ms = pending->at_ms;
    if (pending->msg_no)
        self->msg_no = pending->msg_no;
    err_t pushed = room_tail_push(&self->tail, &event, pending->mac, &pending->frame, pending->frame_len);
    if (!pushed && pending->kind == KIND_DELETED && room_tail_erase(&self->tail, pending->target))
        room_tail_clear(&self->tail); /* never show what was deleted: the store answers instead */
    presence_typing(&self->presence, pending->user, false, 0);
    return err;
}
