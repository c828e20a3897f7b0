/* Who is muted in a room or banned from it: a fold, against room_restricted. */
#include <inttypes.h>

#include "persist/verify_impl.h"

enum { MUTED = 1, BANNED = 2 };

static void s_change(struct verify *self, uint64_t seq, uint64_t user, uint64_t set, uint64_t clear)
{
    map_t *states = &self->restricted; /* user → bits, never none */
    uint64_t state = 0;
    bool is_there = map_get(states, user, &state);
    state = (state | set) & ~clear;
    if (!state)
        (void)map_remove(states, user);
    else if (!is_there && states->count == LIM_ROOM_RESTRICTED_MAX)
        verify_fault(self, seq, "user %" PRIu64 " is one restricted too many", user);
    else if (map_put(states, user, state))
        verify_fault(self, seq, "user %" PRIu64 " cannot be kept in mind: no memory", user);
}

void verify_restricted_fold(struct verify *self, const struct msg_event *event)
{
    struct kind_banned banned;
    struct kind_unbanned unbanned;
    struct kind_muted muted;
    uint64_t user = 0;
    uint64_t set = 0, clear = 0;
    if (event->kind == KIND_BANNED && !kind_decode(KIND_BANNED, event->body, &banned)) {
        user = banned.member;
        set = BANNED;
    } else if (event->kind == KIND_UNBANNED && !kind_decode(KIND_UNBANNED, event->body, &unbanned)) {
        user = unbanned.member;
        clear = BANNED;
    } else if (event->kind == KIND_MUTED && !kind_decode(KIND_MUTED, event->body, &muted)) {
        user = muted.member;
        set = muted.muted ? MUTED : 0;
        clear = muted.muted ? 0 : MUTED;
    }
    if (user)
        s_change(self, event->seq, user, set, clear);
}

db_status_t verify_restricted_compare(struct verify *self)
{
    uint64_t after = 0;
    for (size_t count = VERIFY_PAGE_ROWS; count == VERIFY_PAGE_ROWS;) {
        const struct db_value values[] = {db_u64(self->room), db_u64(after), db_u64(VERIFY_PAGE_ROWS)};
        db_stmt_t *rows;
        db_status_t status = db_query(self->db,
                                      "SELECT user_id, state FROM room_restricted WHERE room_id = ? AND user_id > ? "
                                      "ORDER BY user_id LIMIT ?",
                                      values, 3, &rows);
        if (status)
            return status;
        for (count = 0; db_next(rows); count++) {
            uint64_t wanted = 0, state = db_get_u64(rows, 1);
            after = db_get_u64(rows, 0);
            (void)map_get(&self->restricted, after, &wanted);
            (void)map_remove(&self->restricted, after);
            if (state != wanted)
                verify_fault(self, 0, "user %" PRIu64 " is restricted (%" PRIu64 "), by the log %" PRIu64, after, state,
                             wanted);
        }
    }
    size_t cursor = 0;
    uint64_t user;
    while (map_next(&self->restricted, &cursor, &user, NULL))
        verify_fault(self, 0, "user %" PRIu64 " is restricted by the log and has no row", user);
    return DB_OK;
}
