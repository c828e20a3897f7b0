#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "persist/verify_impl.h"

enum { ROLE_OF_CREATOR = 2, ROLE_OF_GIVER = 1 };

struct s_member {
    uint64_t user, joined_seq, visible_from;
    uint32_t role;
};

struct verify_members {
    size_t count;
    struct s_member of[LIM_ROOM_MEMBERS_MAX]; /* ascending by user */
};

struct verify_members *verify_members_new(void)
{
    return calloc(1, sizeof(struct verify_members));
}

void verify_members_destroy(struct verify_members **self_p)
{
    free(*self_p);
    *self_p = NULL;
}

void verify_members_clear(struct verify_members *self)
{
    self->count = 0;
}

/* Where the user is, or belongs. */
static size_t s_place(const struct verify_members *self, uint64_t user)
{
    size_t low = 0, high = self->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (self->of[middle].user < user)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool verify_is_member(const struct verify_members *self, uint64_t user)
{
    size_t at = s_place(self, user);
    return at < self->count && self->of[at].user == user;
}

static void s_join(struct verify *self, const struct msg_event *event, uint64_t user, uint32_t role)
{
    struct verify_members *members = self->members;
    size_t at = s_place(members, user);
    if (verify_is_member(members, user)) {
        verify_fault(self, event->seq, "user %" PRIu64 " joins and is a member already", user);
        return;
    }
    if (members->count == LIM_ROOM_MEMBERS_MAX) {
        verify_fault(self, event->seq, "user %" PRIu64 " is one member too many", user);
        return;
    }
    memmove(&members->of[at + 1], &members->of[at], (members->count - at) * sizeof members->of[0]);
    bool is_late = !kind_is_first(event->kind) && verify_history(self->settings) == HISTORY_FROM_JOINING;
    members->of[at] = (struct s_member){.user = user, .joined_seq = event->seq, .role = role,
                                        .visible_from = is_late ? event->seq : 0};
    members->count++;
}

static void s_leave(struct verify *self, uint64_t user)
{
    struct verify_members *members = self->members;
    size_t at = s_place(members, user);
    if (!verify_is_member(members, user))
        return; /* told already: whoever acts is a member */
    members->count--;
    memmove(&members->of[at], &members->of[at + 1], (members->count - at) * sizeof members->of[0]);
}

static void s_set_role(struct verify *self, uint64_t seq, uint64_t user, uint32_t role)
{
    if (verify_is_member(self->members, user))
        self->members->of[s_place(self->members, user)].role = role;
    else
        verify_fault(self, seq, "gives a role to user %" PRIu64 ", who is no member", user);
}

/* Who is handed the room makes its giver a moderator. */
static void s_fold_rights(struct verify *self, const struct msg_event *event)
{
    struct kind_removed removed;
    struct kind_banned banned;
    struct kind_role_changed changed;
    if (event->kind == KIND_REMOVED && !kind_decode(KIND_REMOVED, event->body, &removed))
        s_leave(self, removed.member);
    else if (event->kind == KIND_BANNED && !kind_decode(KIND_BANNED, event->body, &banned))
        s_leave(self, banned.member);
    if (event->kind != KIND_ROLE_CHANGED || kind_decode(KIND_ROLE_CHANGED, event->body, &changed))
        return;
    if (changed.role == ROLE_OF_CREATOR)
        s_set_role(self, event->seq, event->user, ROLE_OF_GIVER);
    s_set_role(self, event->seq, changed.member, changed.role);
}

static void s_found(struct verify *self, const struct msg_event *event)
{
    struct room_first first;
    struct rec_id id;
    if (!room_first_read(event->kind, event->body, &first))
        return;
    if (first.visibility != VISIBILITY_DIRECT)
        s_join(self, event, event->user, ROLE_OF_CREATOR);
    while (rec_id_next(&first.members, &id))
        s_join(self, event, id.id, 0);
}

void verify_members_fold(struct verify *self, const struct msg_event *event)
{
    struct kind_joined joined;
    struct kind_added added;
    bool enters = kind_is_first(event->kind) || event->kind == KIND_JOINED;
    bool is_administration = event->kind == KIND_ARCHIVED; /* of administrators, who need not be in */
    if (!enters && !is_administration && !verify_is_member(self->members, event->user))
        verify_fault(self, event->seq, "user %" PRIu64 " acts and is no member", event->user);
    if (kind_is_first(event->kind))
        s_found(self, event);
    else if (event->kind == KIND_JOINED && !kind_decode(KIND_JOINED, event->body, &joined))
        s_join(self, event, event->user, joined.role);
    else if (event->kind == KIND_ADDED && !kind_decode(KIND_ADDED, event->body, &added))
        s_join(self, event, added.member, 0);
    else if (event->kind == KIND_LEFT)
        s_leave(self, event->user);
    else
        s_fold_rights(self, event);
}

/* ---- against the rows ----------------------------------------------------------------------------------------- */

static void s_compare_one(struct verify *self, const struct s_member *folded, const db_stmt_t *row)
{
    if (folded->role != db_get_u64(row, 1))
        verify_fault(self, folded->joined_seq, "member %" PRIu64 " has role %" PRIu64 ", by the log %" PRIu32,
                     folded->user, db_get_u64(row, 1), folded->role);
    if (folded->joined_seq != db_get_u64(row, 3))
        verify_fault(self, folded->joined_seq, "member %" PRIu64 " joined with event %" PRIu64 ", by the log %" PRIu64,
                     folded->user, db_get_u64(row, 3), folded->joined_seq);
    if (folded->visible_from != db_get_u64(row, 4))
        verify_fault(self, folded->joined_seq, "member %" PRIu64 " sees events from %" PRIu64 " on, by the log from %" PRIu64,
                     folded->user, db_get_u64(row, 4), folded->visible_from);
}

/* What can be said of a row without the fold. */
static void s_check_row(struct verify *self, const struct verify_room *room, const db_stmt_t *row)
{
    self->report.members++;
    if (db_get_u64(row, 2) > room->last_msg_no)
        verify_fault(self, 0, "member %" PRIu64 " has read up to line %" PRIu64 " of %" PRIu64, db_get_u64(row, 0),
                     db_get_u64(row, 2), room->last_msg_no);
    if (db_get_u64(row, 4) > room->last_seq + 1)
        verify_fault(self, 0, "member %" PRIu64 " sees events from %" PRIu64 " on, and there are %" PRIu64,
                     db_get_u64(row, 0), db_get_u64(row, 4), room->last_seq);
}

static void s_missing(struct verify *self, const struct s_member *folded)
{
    verify_fault(self, folded->joined_seq, "member %" PRIu64 " of the log has no row", folded->user);
}

/* Both are in the order of users. */
static void s_meet(struct verify *self, const db_stmt_t *row, size_t *at)
{
    const struct verify_members *members = self->members;
    uint64_t user = db_get_u64(row, 0);
    while (*at < members->count && members->of[*at].user < user)
        s_missing(self, &members->of[(*at)++]);
    if (*at < members->count && members->of[*at].user == user)
        s_compare_one(self, &members->of[(*at)++], row);
    else
        verify_fault(self, 0, "member %" PRIu64 " has a row and is none by the log", user);
}

db_status_t verify_members_compare(struct verify *self, const struct verify_room *room, bool is_whole)
{
    uint64_t after = 0, row_count = 0;
    size_t at = 0;
    for (size_t count = VERIFY_PAGE_ROWS; count == VERIFY_PAGE_ROWS;) {
        const struct db_value values[] = {db_u64(room->id), db_u64(after), db_u64(VERIFY_PAGE_ROWS)};
        db_stmt_t *rows;
        db_status_t status = db_query(self->db,
                                      "SELECT user_id, role, read_msg_no, joined_seq, visible_from_seq FROM member "
                                      "WHERE room_id = ? AND user_id > ? ORDER BY user_id LIMIT ?",
                                      values, 3, &rows);
        if (status)
            return status;
        for (count = 0; db_next(rows); count++) {
            after = db_get_u64(rows, 0);
            s_check_row(self, room, rows);
            if (is_whole)
                s_meet(self, rows, &at);
        }
        row_count += count;
    }
    while (is_whole && at < self->members->count)
        s_missing(self, &self->members->of[at++]);
    if (room->member_count != row_count)
        verify_fault(self, 0, "counts %" PRIu64 " members and has %" PRIu64, room->member_count, row_count);
    return DB_OK;
}
