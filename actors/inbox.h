/* inbox — the rules of one user: their rooms, read pointers, and which sockets of which edges they have open.
 * Runs on: the thread of the room actor that owns the user's shard. Pure.
 * Bounds: LIM_SUBS_MAX rooms, INBOX_SESSIONS_MAX sockets. */
#ifndef ROOKERY_ACTORS_INBOX_H
#define ROOKERY_ACTORS_INBOX_H

#include "actors/room.h"

enum { INBOX_SESSIONS_MAX = 256 };
enum { PLACE_POINTER = 0, PLACE_LEVEL = 1 }; /* store_place_set.what */

struct inbox_room {
    uint64_t room, incarnation, head, msg_no, read_msg_no;
    uint64_t change_seq; /* of the last membership change told by the room, or read with it: older ones say nothing new */
    uint32_t visibility, role, notify, history;
    bool archived;
    uint64_t turn, rev;  /* as in room_state: what the store has */
    bool is_deciding;    /* a decision of the user is on its way to the store */
    bool is_unknown;     /* nobody said what became of one: the store is asked how it is */
    uint64_t mentions_asked; /* correlation of the last question for them */
    uint64_t *mentions;  /* numbers of unread lines that call the user, ascending; at most LIM_UNREAD_MENTIONS_MAX */
    uint32_t mention_count;
    bool is_counted;     /* they are what the store said, with all that came since: it need not be asked again */
    bool has_called;     /* told of one while nobody looked */
    bool is_dirty;       /* its read pointer is not stored yet */
    uint16_t name_len, topic_len;
    uint16_t people_len, people_count;
    uint8_t *text;       /* name, topic, and who is in a direct room (rec_id) */
};

typedef struct inbox {
    uint64_t user;
    uint32_t shard;
    bool is_loaded;
    uint64_t load_correlation;
    struct inbox_room *rooms;
    size_t count, cap;
    struct inbox_session {
        uint64_t session;
        uint32_t slot;
    } *sessions;
    size_t session_count, session_cap;
    struct parked *parked_first, *parked_last;
    size_t parked_count;
    size_t dirty_count;
    int64_t touched_ms;
} inbox_t;

inbox_t *inbox_new(uint64_t user);
void inbox_destroy(inbox_t **self_p);
size_t inbox_bytes(const inbox_t *self);

err_t inbox_load(inbox_t *self, const struct msg_store_inbox *stored);

err_t inbox_open(inbox_t *self, unsigned slot, uint64_t session); /* ERR_OVERLOADED: too many sockets */
void inbox_close(inbox_t *self, unsigned slot, uint64_t session);
void inbox_drop_edge(inbox_t *self, unsigned slot);
uint64_t inbox_edges(const inbox_t *self); /* mask of slots */

struct inbox_room *inbox_find(const inbox_t *self, uint64_t room);
void inbox_state(const struct inbox_room *room, struct rec_room_state *state_out); /* borrows its texts */

/* True: the pointer moved forward. Beyond the last line known here is allowed: news may be on the way. Said under
 * another turn than the pointer's it is from before lines were marked as unread, and changes nothing. */
bool inbox_read(inbox_t *self, uint64_t room, uint64_t turn, uint64_t msg_no);

/* A user decides about a room: back with the pointer (UNREAD_FROM), or another level (NOTIFY). The store has the last
 * word, for an answer may be lost, and a former owner of the inbox may still be heard; so nothing changes here but that
 * the room is_deciding, until inbox_place. ERR_OK: *set_out is to be stored. ERR_AGAIN: said under an old turn; the asker
 * is told how it is. ERR_NOT_MEMBER, ERR_OUT_OF_RANGE, ERR_BUSY (one decision of a room at a time). */
err_t inbox_decide(inbox_t *self, const struct msg *wish, struct msg_store_place_set *set_out);
/* What such a wish asks of the store, under the rev that was known. */
struct msg_store_place_set inbox_wish(uint64_t user, const struct msg *wish, uint64_t rev);

struct inbox_placed {
    bool is_done;      /* it is what the decision asked for */
    bool has_gone_back, has_level; /* the pointer is another one; the level is */
};
/* What the store says after a decision. A pointer that was read further meanwhile goes back all the same: the mark is
 * the later wish, and its turn tells everybody so. */
struct inbox_placed inbox_place(inbox_t *self, const struct msg_store_place_set *set, const struct msg_store_place *place);

uint32_t inbox_mentions(const struct inbox_room *room); /* how many are unread; at the maximum: or more */
/* As the store knows them. ERR_NO_MEMORY: as before. */
err_t inbox_set_mentions(struct inbox_room *room, const uint64_t *msg_nos, size_t count);

typedef enum { INBOX_SAME, INBOX_ADDED, INBOX_CHANGED /* role, pointer, or what the room is called or set to */, INBOX_REMOVED } inbox_change_t;
/* A membership change as the room tells it; state: the room as it now is. ERR_TOO_MANY_ROOMS: not added. */
err_t inbox_member(inbox_t *self, const struct msg_inbox_member *member, const struct rec_room_state *state,
                   inbox_change_t *change_out);

/* Moves dirty read pointers into the list until it is full; returns how many. */
size_t inbox_take_marks(inbox_t *self, list_writer_t *marks);

#endif
