/* room — the rules of one room: who is in it, who may do what, which number an event gets, what a commit changes.
 * Runs on: the thread of its room actor. Pure: no socket, clock or log.
 * Owns: members, tail, readers, and what waits for it. The events waiting for their commit belong to the batch; the
 * room links them. Bounds: LIM_ROOM_MEMBERS_MAX, _TAIL_, _PENDING_MAX, _PARKED_MAX. On error the room is unchanged.
 *
 * The struct is open to the files of room_shard only. */
#ifndef ROOKERY_ACTORS_ROOM_H
#define ROOKERY_ACTORS_ROOM_H

#include "actors/batch.h"
#include "actors/room_gone.h"
#include "actors/room_presence.h"
#include "actors/room_refused.h"
#include "actors/room_tail.h"
#include "proto/first.h"
#include "proto/marks.h"
#include "actors/runtime/map.h"

enum { ROLE_MEMBER = 0, ROLE_MODERATOR = 1, ROLE_OWNER = 2 };

typedef enum {
    ROOM_LOADING, /* its requests are parked */
    ROOM_READY,
    ROOM_ABSENT,  /* there is no such room: it may be created */
} room_state_t;

/* A message that waits: for a load, or for an old event. */
struct parked {
    struct parked *next;
    struct envelope env;
    int64_t deadline_ms;
    size_t len;
    uint8_t body[];
};

typedef struct room {
    uint64_t id;
    uint32_t shard;
    room_state_t state;
    uint64_t incarnation, head, msg_no, last_at_ms, created_at_ms;
    uint32_t visibility, history;
    bool archived;
    size_t name_len, topic_len;
    uint8_t name[LIM_ROOM_NAME_BYTES_MAX], topic[LIM_TOPIC_BYTES_MAX];
    map_t members;      /* user → joined_seq and role */
    map_t visible_from; /* user → first event they may read, where it is not the first */
    map_t restricted;   /* user → RESTRICTED_ bits of room_members.h; members or not */
    room_tail_t tail;
    room_gone_t gone;
    room_refused_t refused;
    room_presence_t presence;
    struct pending *pending_first, *pending_last;
    size_t pending_count;
    struct parked *parked_first, *parked_last;
    size_t parked_count; /* also those that wait for an old event */
    uint64_t load_correlation;
    map_t notices;       /* user → seq and what: membership changes their inbox has not acknowledged */
    uint64_t lost_head;  /* more was committed than the store has: it is told with the next load; 0: no */
    int64_t notices_ms;  /* when they were told last */
    int64_t called_ms;
    map_t called;        /* user → seq of the last change of lines that call them; their inbox has not counted it */
    bool heads_changed; /* tell those who watch */
    bool heads_to_all;  /* and live readers too: they missed something */
    int64_t touched_ms;
    /* While a batch closes. */
    uint64_t batch;      /* the batch the fields below are of */
    bool is_deferred;    /* its further events wait for the next batch */
    bool has_barrier;    /* something in the batch changes what later events may do */
    uint64_t next_seq, next_msg_no, next_at_ms;
    size_t next_joins;
} room_t;

room_t *room_new(uint64_t id); /* LOADING */
void room_destroy(room_t **self_p); /* pending events are not touched: unlink them first */
size_t room_bytes(const room_t *self); /* memory taken, about */

/* Takes the state as committed. Readers and pending events stay. ERR_NO_MEMORY, ERR_BAD_FRAME: the room is ABSENT or
 * without a tail then. */
err_t room_load(room_t *self, const struct msg_store_room *stored);

bool room_is_member(const room_t *self, uint64_t user);
uint32_t room_role(const room_t *self, uint64_t user); /* 0 also for strangers */
uint64_t room_joined_seq(const room_t *self, uint64_t user);
uint64_t room_visible_from(const room_t *self, uint64_t user);
view_t room_name(const room_t *self);
view_t room_topic(const room_t *self);
void room_set_name(room_t *self, view_t name);
void room_set_topic(room_t *self, view_t topic);
/* Number of the last line that was there when the event seq was stored, as far back as the tail tells. */
uint64_t room_msg_no_at(const room_t *self, uint64_t seq);

/* The line that an edit, a deletion, a reaction or a pin is about. */
struct room_target {
    bool found, erased;
    uint32_t kind;
    uint64_t seq, user, msg_no;
};

/* Is an event of this kind about another line, which must be there? (An answer only points at one.) */
bool room_changes_target(uint32_t kind);
/* May user do this now? Judged by what is committed. body: the event's. ERR_OK, ERR_NO_ROOM, BANNED, NOT_MEMBER,
 * NOT_AUTHOR, FORBIDDEN, NO_EVENT (none, or before what they may read), DELETED, ROOM_FULL, MUTED, ARCHIVED, LAST_OWNER,
 * and those of room_members_judge and room_settings_judge; ERR_UNEXPECTED: they are a member already (a join), or the
 * room is there (a creation). */
err_t room_judge(const room_t *self, uint32_t kind, uint64_t user, const struct room_target *target, view_t body);
/* The same of an administrator of the server, who besides may archive every room that is not direct, and open it again,
 * in it or not; and enter any such room that everybody has left, to own it. Nothing else, and who is banned stays out. */
err_t room_judge_admin(const room_t *self, uint32_t kind, uint64_t user, const struct room_target *target, view_t body);
/* False: not in the tail; the store must be asked. */
bool room_find_target(const room_t *self, uint64_t seq, struct room_target *target_out);

/* What a client id stands for here already. */
typedef enum { ROOM_NEW, ROOM_REPEAT, ROOM_CONFLICT } room_seen_t;
struct pending *room_find_pending(const room_t *self, uint64_t user, const cid_t *client_id);
room_seen_t room_find_stored(const room_t *self, const uint8_t mac_key[KEY_BYTES], uint64_t user,
                             const cid_t *client_id, const uint8_t mac[MAC_BYTES],
                             const struct tail_event **event_out);
/* The tail is the whole log: what is not in it was never stored. */
bool room_sees_all(const room_t *self);
/* The mac of a request. What the body of a deletion or a joining says of a role, whom of those it calls the room
 * knew, and what it says of files beside their ids, is not part of what was asked for. */
void room_mac(const uint8_t mac_key[KEY_BYTES], uint32_t kind, uint64_t target, view_t body,
              uint8_t mac_out[MAC_BYTES]);

void room_link_pending(room_t *self, struct pending *pending);
void room_unlink_pending(room_t *self, struct pending *pending);

/* Closing a batch: the first call for a batch starts from the head. ERR_AGAIN: it has to wait for the next batch, and so
 * has everything after it in this room. */
err_t room_number(room_t *self, struct pending *pending, uint64_t batch, int64_t utc_ms);
void room_numbered(room_t *self, const struct pending *pending); /* it is in the batch */

/* pending is committed at head+1. Takes its frame into the tail. */
err_t room_apply(room_t *self, struct pending *pending);

#endif
