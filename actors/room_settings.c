#include "actors/room_settings.h"

union setting {
    struct kind_renamed renamed;
    struct kind_topic_changed topic_changed;
    struct kind_archived archived;
    struct kind_history_changed history_changed;
};

bool room_settings_has(uint32_t kind)
{
    return kind >= KIND_RENAMED && kind <= KIND_HISTORY_CHANGED;
}

err_t room_settings_judge_archived(const room_t *self, uint32_t kind)
{
    if (!self->archived)
        return ERR_OK;
    switch (kind) {
    case KIND_DELETED:
    case KIND_LEFT:
    case KIND_REMOVED:
    case KIND_BANNED:
    case KIND_UNBANNED:
    case KIND_ROLE_CHANGED:
    case KIND_MUTED:
    case KIND_ARCHIVED: return ERR_OK;
    default: return ERR_ARCHIVED;
    }
}

static bool s_is_so(const room_t *self, uint32_t kind, const union setting *as)
{
    switch (kind) {
    case KIND_RENAMED: return view_is_equal(as->renamed.name, room_name(self));
    case KIND_TOPIC_CHANGED: return view_is_equal(as->topic_changed.topic, room_topic(self));
    case KIND_ARCHIVED: return as->archived.on == self->archived;
    default: return as->history_changed.history == self->history;
    }
}

err_t room_settings_judge(const room_t *self, uint32_t kind, uint64_t user, view_t body)
{
    union setting as;
    uint32_t least = kind == KIND_HISTORY_CHANGED ? ROLE_OWNER : ROLE_MODERATOR;
    if (self->visibility == VISIBILITY_DIRECT || room_role(self, user) < least || kind_decode(kind, body, &as))
        return ERR_FORBIDDEN;
    return s_is_so(self, kind, &as) ? ERR_NO_CHANGE : ERR_OK;
}

bool room_settings_clash(const struct pending *before, const struct pending *pending)
{
    return before->kind == KIND_ARCHIVED || (room_settings_has(before->kind) && before->kind == pending->kind);
}

err_t room_settings_apply(room_t *self, const struct pending *pending)
{
    union setting as;
    if (kind_decode(pending->kind, view_of(pending->body, pending->body_len), &as))
        return ERR_BAD_FRAME;
    switch (pending->kind) {
    case KIND_RENAMED: room_set_name(self, as.renamed.name); break;
    case KIND_TOPIC_CHANGED: room_set_topic(self, as.topic_changed.topic); break;
    case KIND_ARCHIVED: self->archived = as.archived.on; break;
    default: self->history = as.history_changed.history; break;
    }
    return ERR_OK;
}

err_t room_settings_enter(room_t *self, uint64_t user, uint64_t seq)
{
    if (self->history == HISTORY_FROM_JOINING)
        return map_put(&self->visible_from, user, seq);
    map_remove(&self->visible_from, user);
    return ERR_OK;
}
