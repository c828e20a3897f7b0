/* Who is muted in a room or banned from it: a fold, against room_restricted. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "persist/verify_impl.h"

enum { MUTED = 1, BANNED = 2 };

struct s_person {
    uint64_t user;
    uint32_t state;
};

struct verify_restricted {
    size_t count;
    struct s_person of[LIM_ROOM_RESTRICTED_MAX]; /* ascending by user */
};

struct verify_restricted *verify_restricted_new(void)
{
    return calloc(1, sizeof(struct verify_restricted));
}

void verify_restricted_destroy(struct verify_restricted **self_p)
{
    free(*self_p);
    *self_p = NULL;
}

void verify_restricted_clear(struct verify_restricted *self)
{
    self->count = 0;
}

/* Where the user is, or belongs. */
static size_t s_place(const struct verify_restricted *self, uint64_t user)
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

static void s_change(struct verify *self, uint64_t seq, uint64_t user, uint32_t set, uint32_t clear)
{
    struct verify_restricted *all = self->restricted;
    size_t at = s_place(all, user);
    bool is_there = at < all->count && all->of[at].user == user;
    uint32_t state = ((is_there ? all->of[at].state : 0) | set) & ~clear;
    size_t behind = (all->count - at - is_there) * sizeof all->of[0];
    if (!is_there && state && all->count == LIM_ROOM_RESTRICTED_MAX) {
        verify_fault(self, seq, "user %" PRIu64 " is one restricted too many", user);
    } else if (!is_there && state) {
        memmove(&all->of[at + 1], &all->of[at], behind);
        all->of[at] = (struct s_person){user, state};
        all->count++;
    } else if (is_there && !state) {
        memmove(&all->of[at], &all->of[at + 1], behind);
        all->count--;
    } else if (is_there) {
        all->of[at].state = state;
    }
}

void verify_restricted_fold(struct verify *self, const struct msg_event *event)
{
    struct kind_banned banned;
    struct kind_unbanned unbanned;
    struct kind_muted muted;
    uint64_t user = 0;
    uint32_t set = 0, clear = 0;
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

static void s_missing(struct verify *self, const struct s_person *person)
{
    verify_fault(self, 0, "user %" PRIu64 " is restricted by the log and has no row", person->user);
}

/* Both are in the order of users. */
static void s_meet(struct verify *self, const db_stmt_t *row, size_t *at)
{
    const struct verify_restricted *all = self->restricted;
    uint64_t user = db_get_u64(row, 0), state = db_get_u64(row, 1);
    while (*at < all->count && all->of[*at].user < user)
        s_missing(self, &all->of[(*at)++]);
    uint32_t wanted = *at < all->count && all->of[*at].user == user ? all->of[(*at)++].state : 0;
    if (state != wanted)
        verify_fault(self, 0, "user %" PRIu64 " is restricted (%" PRIu64 "), by the log %" PRIu32, user, state, wanted);
}

db_status_t verify_restricted_compare(struct verify *self)
{
    uint64_t after = 0;
    size_t at = 0;
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
            after = db_get_u64(rows, 0);
            s_meet(self, rows, &at);
        }
    }
    while (at < self->restricted->count)
        s_missing(self, &self->restricted->of[at++]);
    return DB_OK;
}
