#include "actors/room_members.h"

#include <assert.h>
#include <string.h>

/* What is asked for or done, whatever its kind. */
struct change {
    uint64_t member;
    uint32_t role;
    bool muted;
};

static bool s_read(uint32_t kind, view_t body, struct change *out)
{
    union {
        struct kind_removed removed;
        struct kind_banned banned;
        struct kind_unbanned unbanned;
        struct kind_role_changed role_changed;
        struct kind_muted muted;
        struct kind_added added;
    } as;
    *out = (struct change){0};
    if (!room_members_has(kind) || kind_decode(kind, body, &as))
        return false;
    switch (kind) {
    case KIND_REMOVED: out->member = as.removed.member; break;
    case KIND_BANNED: out->member = as.banned.member; break;
    case KIND_UNBANNED: out->member = as.unbanned.member; break;
    case KIND_ADDED: out->member = as.added.member; break;
    case KIND_ROLE_CHANGED: *out = (struct change){.member = as.role_changed.member, .role = as.role_changed.role}; break;
    default: *out = (struct change){.member = as.muted.member, .muted = as.muted.muted}; break;
    }
    return true;
}

bool room_members_has(uint32_t kind)
{
    return (kind >= KIND_REMOVED && kind <= KIND_MUTED) || kind == KIND_ADDED;
}

bool room_members_enters(uint32_t kind)
{
    return kind == KIND_JOINED || kind == KIND_ADDED;
}

uint64_t room_members_whom(uint32_t kind, view_t body)
{
    struct change change;
    return s_read(kind, body, &change) ? change.member : 0;
}

static uint32_t s_restrictions(const room_t *self, uint64_t user)
{
    uint64_t value = 0;
    map_get(&self->restricted, user, &value);
    return (uint32_t)value;
}

bool room_is_muted(const room_t *self, uint64_t user)
{
    return (s_restrictions(self, user) & RESTRICTED_MUTED) && room_role(self, user) != ROLE_OWNER;
}

bool room_is_banned(const room_t *self, uint64_t user)
{
    return s_restrictions(self, user) & RESTRICTED_BANNED;
}

err_t room_may_read(const room_t *self, uint64_t user)
{
    if (self->state != ROOM_READY)
        return ERR_NO_ROOM;
    if (room_is_member(self, user)) /* who is banned is none */
        return ERR_OK;
    if (self->visibility != VISIBILITY_PUBLIC)
        return ERR_NO_ROOM;
    return room_is_banned(self, user) ? ERR_BANNED : ERR_NOT_MEMBER;
}

/* ---- judging ---- */

static err_t s_judge_role(const room_t *self, uint32_t own, const struct change *change)
{
    if (own != ROLE_OWNER)
        return ERR_FORBIDDEN;
    if (!room_is_member(self, change->member))
        return ERR_NO_MEMBER;
    return room_role(self, change->member) == change->role ? ERR_NO_CHANGE : ERR_OK;
}

static err_t s_judge_restriction(const room_t *self, uint32_t kind, const struct change *change)
{
    uint32_t bit = kind == KIND_MUTED ? RESTRICTED_MUTED : RESTRICTED_BANNED, now = s_restrictions(self, change->member);
    bool wanted = kind == KIND_MUTED ? change->muted : kind == KIND_BANNED;
    if (wanted == ((now & bit) != 0))
        return ERR_NO_CHANGE;
    return wanted && !now && self->restricted.count >= LIM_ROOM_RESTRICTED_MAX ? ERR_TOO_MANY_RESTRICTED : ERR_OK;
}

static err_t s_judge_added(const room_t *self, const struct change *change)
{
    if (room_is_member(self, change->member))
        return ERR_NO_CHANGE;
    if (room_is_banned(self, change->member))
        return ERR_MEMBER_BANNED;
    return self->members.count >= LIM_ROOM_MEMBERS_MAX ? ERR_ROOM_FULL : ERR_OK;
}

err_t room_members_judge(const room_t *self, uint32_t kind, uint64_t user, view_t body)
{
    struct change change;
    uint32_t own = room_role(self, user);
    if (!s_read(kind, body, &change) || change.member == user || self->visibility == VISIBILITY_DIRECT)
        return ERR_FORBIDDEN;
    if (!change.member)
        return ERR_NO_MEMBER;
    if (kind == KIND_ROLE_CHANGED)
        return s_judge_role(self, own, &change);
    if (own < ROLE_MODERATOR)
        return ERR_FORBIDDEN;
    if (kind == KIND_ADDED)
        return s_judge_added(self, &change);
    if (own <= room_role(self, change.member))
        return ERR_FORBIDDEN;
    bool is_about_member = kind == KIND_REMOVED || (kind == KIND_MUTED && change.muted);
    if (is_about_member && !room_is_member(self, change.member))
        return ERR_NO_MEMBER;
    return kind == KIND_REMOVED ? ERR_OK : s_judge_restriction(self, kind, &change);
}

err_t room_members_judge_leave(const room_t *self, uint64_t user)
{
    if (self->visibility == VISIBILITY_DIRECT)
        return ERR_FORBIDDEN;
    return room_role(self, user) == ROLE_OWNER && self->members.count > 1 ? ERR_LAST_OWNER : ERR_OK;
}

err_t room_members_judge_speech(const room_t *self, uint32_t kind, uint64_t user)
{
    bool is_speech = kind != KIND_DELETED && kind != KIND_LEFT && !room_members_has(kind);
    return is_speech && room_is_muted(self, user) ? ERR_MUTED : ERR_OK;
}

/* ---- in one batch ---- */

static bool s_is_door(uint32_t kind)
{
    return kind == KIND_JOINED || kind == KIND_LEFT;
}

static bool s_restricts(uint32_t kind)
{
    return kind == KIND_BANNED || kind == KIND_MUTED;
}

bool room_members_clash(const room_t *self, const struct pending *before, const struct pending *pending)
{
    bool is_door = s_is_door(before->kind);
    if (!is_door && !room_members_has(before->kind))
        return false;
    /* Of `before` the rights of its subject change, and of its user if they come, go, or hand the room over. */
    bool changes_user = is_door || before->kind == KIND_ROLE_CHANGED;
    if (changes_user && (before->user == pending->user || before->user == pending->whom))
        return true;
    if (before->whom && (before->whom == pending->user || before->whom == pending->whom))
        return true;
    /* The last one out, and the first one in, are judged by who else is there. */
    if ((is_door || before->kind == KIND_ADDED) && s_is_door(pending->kind) && self->members.count <= 1)
        return before->kind != pending->kind || self->members.count == 0;
    return s_restricts(before->kind) && s_restricts(pending->kind) &&
           self->restricted.count + LIM_BATCH_EVENTS_MAX > LIM_ROOM_RESTRICTED_MAX;
}

void room_members_number(const room_t *self, struct pending *pending)
{
    if (pending->kind != KIND_JOINED)
        return;
    struct kind_joined joined = {.role = self->members.count ? ROLE_MEMBER : ROLE_OWNER};
    buffer_t body;
    buffer_init(&body, LIM_EVENT_BODY_BYTES_MAX);
    if (!kind_encode(KIND_JOINED, &joined, &body) && body.len == pending->body_len)
        memcpy(pending->body, body.bytes, body.len);
    buffer_fini(&body);
}

/* ---- applying ---- */

static err_t s_set_restriction(room_t *self, uint64_t user, uint32_t bit, bool on)
{
    uint32_t value = s_restrictions(self, user);
    value = on ? value | bit : value & ~bit;
    if (value)
        return map_put(&self->restricted, user, value);
    map_remove(&self->restricted, user);
    return ERR_OK;
}

static void s_remove(room_t *self, uint64_t user)
{
    map_remove(&self->members, user);
    map_remove(&self->visible_from, user);
}

static err_t s_set_role(room_t *self, uint64_t user, uint32_t role)
{
    uint64_t value;
    if (!map_get(&self->members, user, &value))
        return ERR_NO_MEMBER;
    return map_put(&self->members, user, (value & ~UINT64_C(3)) | role); /* never grows: they are in it */
}

err_t room_members_apply(room_t *self, const struct pending *pending)
{
    struct change change;
    if (!s_read(pending->kind, view_of(pending->body, pending->body_len), &change))
        return ERR_BAD_FRAME;
    err_t err = ERR_OK;
    switch (pending->kind) {
    case KIND_REMOVED: s_remove(self, change.member); break;
    case KIND_BANNED:
        s_remove(self, change.member);
        return s_set_restriction(self, change.member, RESTRICTED_BANNED, true);
    case KIND_UNBANNED: return s_set_restriction(self, change.member, RESTRICTED_BANNED, false);
    case KIND_MUTED: return s_set_restriction(self, change.member, RESTRICTED_MUTED, change.muted);
    default:
        err = s_set_role(self, change.member, change.role);
        if (!err && change.role == ROLE_OWNER)
            err = s_set_role(self, pending->user, ROLE_MODERATOR);
        break;
    }
    return err;
}
