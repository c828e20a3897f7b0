/* Who may do what, a second time: written from the contract, not from the rules, and asked of each event that is
 * stored. */
#include "tests/sim/sim.h"

#include <inttypes.h>
#include <string.h>

enum { MEMBER, MODERATOR, OWNER };

struct doing {
    uint64_t whom;
    uint32_t role, history;
    bool muted, on;
    char name[32];
};

/* What is said of the room itself. */
static struct doing s_setting(const struct rec_append_row *row, const struct msg *msg)
{
    struct doing doing = {0};
    union {
        struct kind_renamed renamed;
        struct kind_archived archived;
        struct kind_history_changed history_changed;
    } as;
    struct room_first first;
    view_t name = {0};
    if (room_first_read(row->kind, msg->as.event.body, &first)) {
        doing.history = first.history;
        name = first.name;
    } else if (row->kind < KIND_RENAMED || row->kind > KIND_HISTORY_CHANGED || row->kind == KIND_TOPIC_CHANGED ||
               kind_decode(row->kind, msg->as.event.body, &as)) {
        return doing;
    } else if (row->kind == KIND_RENAMED) {
        name = as.renamed.name;
    } else if (row->kind == KIND_ARCHIVED) {
        doing.on = as.archived.on;
    } else {
        doing.history = as.history_changed.history;
    }
    memcpy(doing.name, name.bytes ? name.bytes : (const uint8_t *)"", name.len < 31 ? name.len : 31);
    return doing;
}

static struct doing s_doing(const struct db_event *event)
{
    struct msg msg;
    union {
        struct kind_removed removed;
        struct kind_banned banned;
        struct kind_unbanned unbanned;
        struct kind_role_changed role_changed;
        struct kind_muted muted;
        struct kind_joined joined;
        struct kind_added added;
    } as;
    const struct rec_append_row *row = &event->row;
    if (msg_decode(view_of(event->original, event->original_len), &msg))
        return (struct doing){0};
    if (row->kind != KIND_JOINED && row->kind != KIND_ADDED && (row->kind < KIND_REMOVED || row->kind > KIND_MUTED))
        return s_setting(row, &msg); /* its body is larger than these */
    if (kind_decode(row->kind, msg.as.event.body, &as))
        return (struct doing){0};
    switch (row->kind) {
    case KIND_REMOVED: return (struct doing){.whom = as.removed.member};
    case KIND_BANNED: return (struct doing){.whom = as.banned.member};
    case KIND_UNBANNED: return (struct doing){.whom = as.unbanned.member};
    case KIND_ROLE_CHANGED: return (struct doing){.whom = as.role_changed.member, .role = as.role_changed.role};
    case KIND_MUTED: return (struct doing){.whom = as.muted.member, .muted = as.muted.muted};
    case KIND_ADDED: return (struct doing){.whom = as.added.member};
    case KIND_JOINED: return (struct doing){.role = as.joined.role};
    default: return (struct doing){0};
    }
}

uint64_t model_rights_whom(const struct db_event *event)
{
    return s_doing(event).whom;
}

static struct db_restricted *s_restricted(struct db_room *room, uint64_t user)
{
    for (size_t i = 0; i < CLIENTS; i++)
        if (room->restricted[i].user == user)
            return &room->restricted[i];
    for (size_t i = 0; i < CLIENTS; i++)
        if (!room->restricted[i].user) {
            room->restricted[i].user = user;
            return &room->restricted[i];
        }
    return NULL;
}

static uint32_t s_role(const struct db_room *room, uint64_t user)
{
    const struct db_member *member = model_db_member(room, user);
    return member ? member->role : MEMBER;
}

static const char *s_wrong_change(struct db_room *room, const struct rec_append_row *row, struct doing doing)
{
    uint32_t own = s_role(room, row->user), theirs = s_role(room, doing.whom);
    if (!doing.whom || doing.whom == row->user)
        return "to nobody, or to themselves";
    if (row->kind == KIND_ROLE_CHANGED)
        return own == OWNER && model_db_member(room, doing.whom) ? NULL : "a role that was not theirs to give";
    if (own < MODERATOR)
        return "by who has no rank";
    if (row->kind == KIND_ADDED)
        return model_db_member(room, doing.whom)          ? "who was in already"
               : s_restricted(room, doing.whom)->banned ? "who is banned"
                                                        : NULL;
    if (own <= theirs)
        return "by who does not outrank them";
    if (row->kind == KIND_REMOVED && !model_db_member(room, doing.whom))
        return "who was not in";
    const struct db_restricted *now = s_restricted(room, doing.whom);
    bool is_so = row->kind == KIND_BANNED ? now->banned : row->kind == KIND_UNBANNED ? !now->banned
                 : row->kind == KIND_MUTED ? now->muted == doing.muted : false;
    return is_so ? "and it was so already" : NULL;
}

/* Of a room that is archived, of one whose newcomers see nothing older, of a direct one. */
static const char *s_wrong_room(const struct db_room *room, const struct rec_append_row *row)
{
    const struct db_member *member = model_db_member(room, row->user);
    bool takes_away = row->kind == KIND_DELETED || row->kind == KIND_LEFT || row->kind == KIND_ARCHIVED ||
                      (row->kind >= KIND_REMOVED && row->kind <= KIND_MUTED);
    bool is_direct = room->visibility == VISIBILITY_DIRECT;
    if (room->archived && !takes_away)
        return "in an archived room";
    if (member && row->target && row->target < member->visible_from)
        return "about a line before their joining";
    if (is_direct && (row->kind == KIND_JOINED || row->kind == KIND_LEFT ||
                      (row->kind >= KIND_REMOVED && row->kind != KIND_SHARED)))
        return "in a direct room";
    if (row->kind >= KIND_RENAMED && row->kind <= KIND_HISTORY_CHANGED &&
        s_role(room, row->user) < (row->kind == KIND_HISTORY_CHANGED ? OWNER : MODERATOR))
        return "by who has no rank";
    return NULL;
}

static const char *s_wrong(struct db_room *room, const struct rec_append_row *row, struct doing doing)
{
    bool is_member = model_db_member(room, row->user);
    const struct db_restricted *own = s_restricted(room, row->user);
    if (kind_is_first(row->kind))
        return row->seq == 1 ? NULL : "again";
    const char *wrong = s_wrong_room(room, row);
    if (wrong)
        return wrong;
    if (own->banned)
        return "by who is banned";
    if (row->kind == KIND_JOINED)
        return is_member ? "twice" : doing.role != (room->member_count ? MEMBER : OWNER) ? "with a wrong role" : NULL;
    if (!is_member)
        return "by who is not in";
    if (row->kind == KIND_SHARED && model_db_is_file_gone(row))
        return "with a file that is gone";
    bool is_speech = row->kind == KIND_SHARED ||
                     (row->kind >= KIND_POSTED && row->kind <= KIND_PINNED && row->kind != KIND_DELETED) ||
                     (row->kind >= KIND_RENAMED && row->kind <= KIND_HISTORY_CHANGED);
    if (is_speech && own->muted && s_role(room, row->user) != OWNER)
        return "by who is muted";
    if (row->kind == KIND_LEFT)
        return s_role(room, row->user) == OWNER && room->member_count > 1 ? "and leaves no owner" : NULL;
    bool is_change = row->kind == KIND_ADDED || (row->kind >= KIND_REMOVED && row->kind <= KIND_MUTED);
    return is_change ? s_wrong_change(room, row, doing) : NULL;
}

void model_rights_check(struct world *world, struct db_room *room, const struct db_event *event)
{
    const struct rec_append_row *row = &event->row;
    const char *wrong = s_wrong(room, row, s_doing(event));
    if (wrong)
        world_fail(world, "P8: %s at %" PRIu64 " of room %" PRIu64 " %s", kind_name(row->kind), row->seq, room->id,
                   wrong);
}

static void s_set_role(struct db_room *room, uint64_t user, uint32_t role)
{
    for (size_t i = 0; i < room->member_count; i++)
        if (room->members[i].user == user)
            room->members[i].role = role;
}

static void s_found(struct db_room *room, const struct rec_append_row *row, const struct doing *doing)
{
    uint64_t people[DIRECT_PEOPLE];
    bool is_direct = row->kind == KIND_DIRECT_CREATED;
    room->visibility = is_direct ? VISIBILITY_DIRECT : VISIBILITY_PUBLIC;
    room->history = doing->history;
    memcpy(room->name, doing->name, sizeof room->name);
    if (!is_direct)
        model_db_join(room, row->user, row->seq, OWNER);
    for (size_t i = 0; is_direct && i < chat_people(people); i++)
        model_db_join(room, people[i], row->seq, MEMBER);
}

void model_rights_apply(struct world *world, struct db_room *room, const struct db_event *event)
{
    const struct rec_append_row *row = &event->row;
    struct doing doing = s_doing(event);
    size_t owners = 0;
    switch (row->kind) {
    case KIND_ROOM_CREATED:
    case KIND_FOUNDED:
    case KIND_DIRECT_CREATED: s_found(room, row, &doing); break;
    case KIND_JOINED: model_db_join(room, row->user, row->seq, doing.role); break;
    case KIND_ADDED: model_db_join(room, doing.whom, row->seq, MEMBER); break;
    case KIND_RENAMED: memcpy(room->name, doing.name, sizeof room->name); break;
    case KIND_ARCHIVED: room->archived = doing.on; break;
    case KIND_HISTORY_CHANGED: room->history = doing.history; break;
    case KIND_LEFT: model_db_leave(room, row->user); break;
    case KIND_BANNED: s_restricted(room, doing.whom)->banned = true;
        __attribute__((fallthrough));
    case KIND_REMOVED: model_db_leave(room, doing.whom); break;
    case KIND_UNBANNED: s_restricted(room, doing.whom)->banned = false; break;
    case KIND_MUTED: s_restricted(room, doing.whom)->muted = doing.muted; break;
    case KIND_ROLE_CHANGED:
        s_set_role(room, doing.whom, doing.role);
        if (doing.role == OWNER)
            s_set_role(room, row->user, MODERATOR);
        break;
    default: return;
    }
    for (size_t i = 0; i < room->member_count; i++)
        owners += room->members[i].role == OWNER;
    if (room->visibility != VISIBILITY_DIRECT && room->member_count && owners != 1)
        world_fail(world, "P8: room %" PRIu64 " has %zu owners after %" PRIu64, room->id, owners, row->seq);
    world->stats.rights += row->kind >= KIND_REMOVED;
}

uint32_t model_rights_state(const struct db_restricted *restricted)
{
    return (restricted->muted ? 1u : 0u) | (restricted->banned ? 2u : 0u);
}
