/* room_shard_impl — the state behind room_shard.h, for the files room_shard_*.c only. */
#ifndef ROOKERY_ACTORS_ROOM_SHARD_IMPL_H
#define ROOKERY_ACTORS_ROOM_SHARD_IMPL_H

#include "actors/inbox.h"
#include "actors/lease.h"
#include "actors/room.h"
#include "actors/room_shard.h"
#include "actors/runtime/requests.h"

enum {
    RETRY_NOT_OWNER_MS = 250,
    RETRY_BUSY_MS = 250,
    RETRY_UNAVAILABLE_MS = 1000,
    BATCH_RESEND_MS = 1500,      /* no answer for so long: the same bytes again */
    BATCH_REFUSED_MS = 300,      /* the store refused it for now */
    LOAD_MS = LIM_UNAVAILABLE_MS,
    DIR_ASK_MS = 1000,
    DIR_TAKE_MS = 1000,
    DIR_SETTLE_MS = 10000,       /* then the share is an even one, whatever was configured */
    NODES_EACH_MS = 500,
    NODES_STALE_MS = 3000,       /* who lives is not known any more: nothing is handed over */
    GIVE_SHARDS_MAX = 64,        /* at once; a room's pause grows with it */
    GIVE_FLUSH_MS = 500,         /* what was accepted is stored before they go; after it the fence decides */
    GIVE_RETRY_MS = 100,
    GIVE_STOP_MS = 2000,         /* a clean stop hands over for so long, then it lets go */
    NOTICE_MS = 1000,
    NOTICE_MORE_MS = 100,        /* when not all could be told at once */
    READS_MS = 1000,
    SWEEP_MS = 5000,
    UNLOAD_EARLY_MS = 10000,     /* over the memory budget */
    ROOM_PROBES_MAX = 4,
    NOTICE_AGAIN_MS = 60000,     /* who owned the room before may have died before the inbox had heard */
};

enum { Q_HELLO = 1, Q_BEAT, Q_TAKE, Q_LEASES, Q_RELEASE, Q_BATCH, Q_ROOM, Q_EVENT, Q_INBOX, Q_READS, Q_NODES, Q_GIVE,
       Q_MENTIONS, Q_PLACE, Q_FILES, Q_ENTRANTS };

/* Other room nodes, and shards on their way to one of them. */
struct shares {
    uint64_t nodes[LIM_NODES_MAX]; /* that live, this one included, ascending */
    size_t count;
    int64_t heard_ms, ask_ms, want_ms;
    bool leaving[LIM_SHARDS];      /* not served any more, not yet the other's */
    size_t leaving_count;
    uint64_t to;                   /* who gets them */
    bool is_asked;                 /* the directory was, and has not answered */
    int64_t since_ms, give_ms;     /* leaving since; when to ask the directory next */
    size_t told;                   /* in a clean stop: how many of the nodes had their part */
};

/* What a room tells an inbox, in the low bits of its notice; above them the seq. */
enum { NOTICE_LEFT, NOTICE_JOINED, NOTICE_REMOVED, NOTICE_BANNED, NOTICE_ROLE /* or what the room is called, or set to */, NOTICE_BITS = 3 };

struct room_edge {
    address_t address; /* 0: free */
    list_writer_t heads;
};

/* What the store says of the files of a line. */
struct shard_files {
    err_t refused;
    list_t list; /* of rec_file_info, in the order asked for */
};

struct room_shard {
    struct room_shard_options options;
    char endpoint[LIM_ENDPOINT_BYTES_MAX + 1];
    room_shard_state_t state;
    lease_t lease;
    uint8_t id_key[KEY_BYTES], mac_key[KEY_BYTES];
    bool has_keys;
    address_t owners[LIM_SHARDS]; /* as the directory said last; 0: nobody known */
    struct providers persists;
    map_t rooms, inboxes;         /* id → room_t *, inbox_t * */
    map_t busy;                   /* rooms with something to do at the next tick */
    struct room_edge edges[LIM_EDGES_MAX];
    batch_t batch;
    uint64_t closings;
    requests_t *requests;
    list_writer_t list;           /* scratch */
    list_writer_t list_more;
    list_writer_t people;         /* of the record at hand */
    buffer_t scratch;
    size_t memory_bytes;
    struct room_shard_counts counts;
    /* Read pointers on their way to the store. */
    buffer_t reads;
    uint64_t reads_correlation;
    map_t dirty_inboxes;
    map_t unknown_places;         /* users with a room that is_unknown */
    int64_t hello_ms, take_ms, started_ms, leases_ms, reads_ms, sweep_ms;
    int64_t owners_ms;            /* when the directory last said who owns which shard */
    bool wants_leases, is_released;
    struct shares shares;
    uint64_t beat_correlation;    /* the last one's, if it is not answered yet */
    /* The event an old target was asked for, while its request runs again. */
    const struct msg_event *hint;
    const struct msg_marks *hint_marks; /* NULL: nothing hangs on it */
    uint64_t hint_room, hint_seq, hint_as_of;
    bool hint_is_known;
    const struct shard_files *files; /* of the line whose request runs again; else NULL */
    const struct msg_store_entrants *entrants; /* likewise, who may come in; NULL: not asked */
    /* Of the running step. */
    int64_t now_ms, utc_ms;
    effects_t *out;
};

/* room_shard.c */
err_t shard_dispatch(room_shard_t *self, const struct envelope *env, view_t body);
void shard_send(room_shard_t *self, address_t to, const struct envelope *env, const struct msg *msg);
void shard_reply(room_shard_t *self, const struct envelope *asked, const struct msg *msg);
/* NACK for a browser's request, ERR for any other question; nothing if no answer is wanted. Returns code. */
err_t shard_refuse(room_shard_t *self, const struct envelope *env, const struct msg *msg, err_t code);
void shard_nack(room_shard_t *self, const struct envelope *asked, const cid_t *client_id, uint64_t room, err_t code);
void shard_ack(room_shard_t *self, const struct envelope *asked, const struct msg_ack *ack);
/* Asks persist; returns the correlation, 0 when too much is in flight. */
uint64_t shard_ask(room_shard_t *self, struct request *request, int64_t wait_ms, uint64_t key,
                   const struct msg *msg);
/* Asks persist what a request of a browser cannot be judged without; the request is parked and dispatched again when
 * the answer is there. */
err_t shard_ask_and_park(room_shard_t *self, room_t *room, const struct envelope *env, view_t body,
                         struct request *request, const struct msg *msg);
/* The request that was parked for this question; the caller frees it. */
struct parked *shard_take_asker(room_shard_t *self, const struct request *request);
/* The question this answers. False: answered before, given up, or another kind of question. */
bool shard_take(room_shard_t *self, const struct envelope *env, uint32_t what, struct request *request_out);
address_t shard_persist(const room_shard_t *self);
void shard_next_persist(room_shard_t *self);
int shard_slot(room_shard_t *self, address_t edge, bool add); /* -1: none */
struct envelope shard_envelope(const room_shard_t *self, const room_t *room);
bool shard_owns(const room_shard_t *self, uint64_t id);
bool shard_is_unavailable(const room_shard_t *self);
struct parked *parked_new(const struct envelope *env, view_t body, int64_t deadline_ms);

/* room_shard_load.c */
room_t *shard_find_room(const room_shard_t *self, uint64_t id);
/* The room, if the message can be handled now. NULL: it waits, or was refused (*err_out says). */
room_t *shard_room_for(room_shard_t *self, const struct envelope *env, const struct msg *msg, view_t body,
                       uint64_t id, err_t *err_out);
void shard_room_busy(room_shard_t *self, const room_t *room);
void shard_reload(room_shard_t *self, room_t *room);
void shard_start_load(room_shard_t *self, room_t *room);
err_t shard_on_store_room(room_shard_t *self, const struct envelope *env, const struct msg *msg);
void shard_load_failed(room_shard_t *self, uint64_t room, err_t code);
void shard_drop_room(room_shard_t *self, room_t *room);
void shard_drop_shards(room_shard_t *self, const bool gone[LIM_SHARDS]);
void shard_drop_all(room_shard_t *self);
void shard_release_if_idle(room_shard_t *self, room_t *room);
void shard_sweep(room_shard_t *self);
void shard_refuse_parked(room_shard_t *self, struct parked *parked, err_t code);

/* room_shard_post.c */
err_t shard_on_request(room_shard_t *self, const struct envelope *env, const struct msg *msg, view_t body);
/* The answer to a joining of who is in already. */
void shard_ack_joined(room_shard_t *self, const struct envelope *env, const room_t *room, const cid_t *client_id);
/* The same for a direct room that is there. */
void shard_ack_direct(room_shard_t *self, const struct envelope *env, const room_t *room, const cid_t *client_id);
err_t shard_on_store_event(room_shard_t *self, const struct envelope *env, const struct msg *msg);
err_t shard_on_store_entrants(room_shard_t *self, const struct envelope *env, const struct msg *msg);
/* Of an event or of entrants. */
void shard_event_failed(room_shard_t *self, struct request *request, err_t code);

/* room_shard_files.c */
/* Of a member: ROOM_FILE_BEGIN, ROOM_FILE_GET. */
err_t shard_on_file_request(room_shard_t *self, room_t *room, const struct envelope *env, const struct msg *msg);
/* Asks the store for the files of a line; the request (body) runs again with the answer in self->files. files: of
 * rec_file_info, only their ids count. ERR_BUSY, ERR_NO_MEMORY, ERR_OVERLOADED: nothing was asked. */
err_t shard_claim_files(room_shard_t *self, room_t *room, const struct envelope *env, view_t body, const cid_t *client_id,
                        list_t files);
err_t shard_on_store_files(room_shard_t *self, const struct envelope *env, const struct msg *msg);
void shard_files_failed(room_shard_t *self, struct request *request, err_t code);

/* room_shard_marks.c */
/* May a reaction be added to what hangs on its line, as far as that is known here? hint: of a line that is not in the
 * tail. ERR_OK, ERR_TOO_MANY_REACTIONS, ERR_NO_MEMORY. */
err_t shard_judge_reaction(const room_t *room, uint64_t user, uint64_t line, view_t body, const struct msg_marks *hint);
/* Before the event is applied: whom it called until now or calls from now on will be told. */
void shard_note_called(room_shard_t *self, room_t *room, const struct pending *pending);
void shard_tell_called(room_shard_t *self, const room_t *room, uint64_t user);
void shard_tell_all_called(room_shard_t *self, room_t *room); /* at the tick: those who have not answered */
err_t shard_on_inbox_mention_ok(room_shard_t *self, const struct msg *msg);

/* room_shard_mentions.c */
err_t shard_on_inbox_mention(room_shard_t *self, inbox_t *inbox, const struct envelope *env, const struct msg *msg);
void shard_ask_mentions(room_shard_t *self, inbox_t *inbox, uint64_t room); /* 0: of all with something unread */
err_t shard_on_store_mentions(room_shard_t *self, const struct envelope *env, const struct msg *msg);
void shard_tell_mentions(room_shard_t *self, const inbox_t *inbox, const struct inbox_room *room);

/* room_shard_place.c: what users decide about a room for themselves; told when it is stored. */
err_t shard_on_place(room_shard_t *self, inbox_t *inbox, const struct envelope *env, const struct msg *msg, view_t body);
err_t shard_on_store_place(room_shard_t *self, const struct envelope *env, const struct msg *msg);
void shard_place_failed(room_shard_t *self, struct request *request, err_t code);
void shard_ask_places(room_shard_t *self); /* those whose outcome is unknown; on a tick */

/* room_shard_commit.c */
void shard_close_batch(room_shard_t *self);
void shard_send_batch(room_shard_t *self);
err_t shard_on_appended(room_shard_t *self, const struct envelope *env, const struct msg *msg);
void shard_batch_refused(room_shard_t *self, err_t code);

/* room_shard_rights.c */
/* pending was committed and applied: those who may not read any more are told and detached, inboxes learn of it. */
void shard_rights_changed(room_shard_t *self, room_t *room, const struct pending *pending);
/* Inboxes are to be told of an event of this kind, with the next tick or by shard_tell_inbox. False: no such kind, or
 * one that everybody in the room is told of, with the next tick. */
bool shard_note_change(room_shard_t *self, room_t *room, uint32_t kind, uint64_t user, uint64_t whom, uint64_t seq);
/* After a reload: readers whose rights ended meanwhile go. */
void shard_kick_strangers(room_shard_t *self, room_t *room);

/* room_shard_attach.c */
err_t shard_on_attach(room_shard_t *self, const struct envelope *env, const struct msg *msg, view_t body);
err_t shard_on_detach(room_shard_t *self, const struct envelope *env, const struct msg *msg);
err_t shard_on_read_request(room_shard_t *self, const struct envelope *env, const struct msg *msg, view_t body);
err_t shard_on_typing(room_shard_t *self, const struct envelope *env, const struct msg *msg);
bool shard_room_tick(room_shard_t *self, room_t *room);
void shard_flush_heads(room_shard_t *self);

/* room_shard_inbox.c */
err_t shard_on_inbox(room_shard_t *self, const struct envelope *env, const struct msg *msg, view_t body);
err_t shard_on_store_inbox(room_shard_t *self, const struct envelope *env, const struct msg *msg);
void shard_inbox_failed(room_shard_t *self, uint64_t user, err_t code);
void shard_tell_inbox(room_shard_t *self, const room_t *room, uint64_t user);
err_t shard_on_inbox_member_ok(room_shard_t *self, const struct msg *msg);
void shard_flush_reads(room_shard_t *self);
void shard_send_reads(room_shard_t *self);
void shard_resend_inboxes(room_shard_t *self);
void shard_drop_inbox(room_shard_t *self, inbox_t *inbox);
/* Who owns the shard of an id, to send to; 0: nobody known, the directory is asked again. */
address_t shard_owner_of(room_shard_t *self, uint64_t id);
/* Are inboxes that have not answered to be told again? After NOTICE_MS, and at once when it is news who owns them. */
bool shard_is_time_to_tell(const room_shard_t *self, int64_t told_ms);
/* Whom to tell next: first who, then tell, for an inbox of this actor answers at once, its entry goes, and a walk could
 * pass over others. Returns how many. */
size_t shard_whom_to_tell(const map_t *users, uint64_t whom_out[LIM_SUBS_MAX]);
inbox_t *shard_find_inbox(const room_shard_t *self, uint64_t user);
void shard_tell_edges(room_shard_t *self, const inbox_t *inbox, uint64_t session, const struct msg *msg);
bool shard_inbox_is_full(const room_shard_t *self, uint64_t user);

/* room_shard_dir.c */
void shard_dir_tick(room_shard_t *self);
err_t shard_on_welcome(room_shard_t *self, const struct envelope *env, const struct msg *msg);
err_t shard_on_leases(room_shard_t *self, const struct envelope *env, const struct msg *msg);
void shard_fence(room_shard_t *self);
void shard_take_soon(room_shard_t *self);

/* room_shard_share.c */
void shard_share_turn(room_shard_t *self);
void shard_share_tick(room_shard_t *self);
err_t shard_on_nodes(room_shard_t *self, const struct envelope *env, const struct msg *msg);
err_t shard_on_want(room_shard_t *self, const struct envelope *env, const struct msg *msg);
void shard_given(room_shard_t *self, const struct msg *msg);
void shard_give_failed(room_shard_t *self, err_t code);
/* In a clean stop, when all is flushed. True: everything that somebody takes was handed over. */
bool shard_give_all(room_shard_t *self);

#endif
