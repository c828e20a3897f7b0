/* What follows at once from a change of rights: sockets stop reading, inboxes are told. */
#include "actors/room_members.h"
#include "actors/room_settings.h"
#include "actors/room_shard_impl.h"

/* Before anything else of the room can go to them: presence and events are sent from the same list of readers. */
static void s_kick(room_shard_t *self, room_t *room, uint64_t user, err_t code)
{
    struct envelope env = shard_envelope(self, room);
    struct msg msg = {.type = MSG_KICK};
    msg.as.kick = (struct msg_kick){.room = room->id, .code = code};
    env.user = user;
    uint64_t mask = presence_drop_user(&room->presence, user);
    for (unsigned slot = 0; slot < LIM_EDGES_MAX; slot++)
        if (mask >> slot & 1)
            effects_send(self->out, self->edges[slot].address, &env, &msg);
}

/* An inbox that has not heard of a joining yet learns the role with it. */
static void s_note(room_t *room, uint64_t user, uint64_t seq, unsigned what)
{
    uint64_t known = 0;
    bool is_known = map_get(&room->notices, user, &known);
    if (what == NOTICE_ROLE && is_known && (known & ((1u << NOTICE_BITS) - 1)) == NOTICE_JOINED)
        what = NOTICE_JOINED;
    map_put(&room->notices, user, seq << NOTICE_BITS | what);
}

/* Everybody's list of rooms shows it. The tick tells them, many at a time. */
static void s_note_all(room_shard_t *self, room_t *room, uint64_t seq, unsigned what)
{
    size_t cursor = 0;
    uint64_t user;
    while (map_next(&room->members, &cursor, &user, NULL))
        s_note(room, user, seq, what);
    room->notices_ms = self->now_ms - NOTICE_MS;
    shard_room_busy(self, room);
}

bool shard_note_change(room_shard_t *self, room_t *room, uint32_t kind, uint64_t user, uint64_t whom, uint64_t seq)
{
    static const struct {
        uint32_t kind;
        unsigned what;
    } s_notices[] = {{KIND_ROOM_CREATED, NOTICE_JOINED}, {KIND_FOUNDED, NOTICE_JOINED},
                     {KIND_ADDED, NOTICE_JOINED}, {KIND_JOINED, NOTICE_JOINED}, {KIND_LEFT, NOTICE_LEFT},
                     {KIND_REMOVED, NOTICE_REMOVED}, {KIND_BANNED, NOTICE_BANNED}, {KIND_ROLE_CHANGED, NOTICE_ROLE}};
    if (kind == KIND_DIRECT_CREATED || room_settings_has(kind)) {
        s_note_all(self, room, seq, kind == KIND_DIRECT_CREATED ? NOTICE_JOINED : NOTICE_ROLE);
        return false;
    }
    for (size_t i = 0; i < sizeof s_notices / sizeof *s_notices; i++) {
        if (s_notices[i].kind != kind)
            continue;
        s_note(room, whom ? whom : user, seq, s_notices[i].what);
        if (kind == KIND_ROLE_CHANGED) /* who hands a room over has another role too */
            s_note(room, user, seq, NOTICE_ROLE);
        shard_room_busy(self, room);
        return true;
    }
    return false;
}

void shard_rights_changed(room_shard_t *self, room_t *room, const struct pending *pending)
{
    switch (pending->kind) {
    case KIND_LEFT: s_kick(self, room, pending->user, ERR_NOT_MEMBER); break;
    case KIND_REMOVED: s_kick(self, room, pending->whom, ERR_REMOVED); break;
    case KIND_BANNED: s_kick(self, room, pending->whom, ERR_BANNED); break;
    case KIND_MUTED: presence_typing(&room->presence, pending->whom, false, self->now_ms); break;
    default: break;
    }
    if (!shard_note_change(self, room, pending->kind, pending->user, pending->whom, pending->seq))
        return;
    shard_tell_inbox(self, room, pending->whom ? pending->whom : pending->user);
    if (pending->kind == KIND_ROLE_CHANGED)
        shard_tell_inbox(self, room, pending->user);
}

void shard_kick_strangers(room_shard_t *self, room_t *room)
{
    size_t cursor = 0;
    uint64_t key, value;
    if (room->state != ROOM_READY)
        return;
    while (map_next(&room->presence.readers, &cursor, &key, &value)) {
        uint64_t user = value >> 1;
        size_t before = room->presence.readers.count;
        if (room_is_member(room, user))
            continue;
        s_kick(self, room, user, room_is_banned(room, user) ? ERR_BANNED : ERR_NOT_MEMBER);
        if (room->presence.readers.count < before)
            cursor = 0; /* all of theirs went */
    }
}
