/* sim — the server's own rules (room_shard, commit) under a seeded scheduler, with model edges, browsers and a model
 * database around them. One thread, no real time: the same seed is the same run, step for step.
 *
 * What is real: actors/room_shard*.c and all below it, persist/commit.c, proto. What is a model: links (loss, delay,
 * doubling, outages), edges and clients (the client rules of DESIGN.md 5), persist's queue and directory, the database
 * (durable and lost commits that nobody knows the end of, crashes).
 * Checked after every step: nothing acknowledged or shown that is not stored; each room's log 1, 2, 3 … in one order;
 * one row per client id; each sender's order; no write under a lease that is over, none by who had no right to it, one
 * owner in every room with people in it. At the end: all clients have all, and what they folded of reactions and pins,
 * from snapshots and events, is what folding the log gives. */
#ifndef ROOKERY_TESTS_SIM_H
#define ROOKERY_TESTS_SIM_H

#include "actors/room_shard.h"
#include "persist/commit.h"
#include "proto/first.h"
#include "proto/marks.h"

enum {
    EDGES = 2, ROOM_NODES = 2, PERSISTS = 2, CLIENTS = 5,
    FIRST_EDGE = 0, FIRST_ROOM = EDGES, FIRST_PERSIST = FIRST_ROOM + ROOM_NODES,
    FIRST_CLIENT = FIRST_PERSIST + PERSISTS, NODES = FIRST_CLIENT + CLIENTS,
    CHATS = 4,              /* rooms people talk in; the last one is direct */
    DIRECT_CHAT = CHATS - 1,
    DIRECT_PEOPLE = 3,      /* the first clients are in it */
    FAULTS_MS = 12000,      /* then no further faults begin */
    END_MS = FAULTS_MS + 25000,
    TICK_MS = 100,
};

enum mutation { MUTATE_NOTHING, MUTATE_EPOCH, MUTATE_HEAD, MUTATE_UNKNOWN, MUTATE_CLIENT_ID, MUTATE_MARKS, MUTATE_RIGHTS };

struct frame {
    struct envelope env;
    size_t len;
    uint8_t bytes[];
};

struct node {
    bool is_alive;
    uint32_t boot;          /* grows with each start; the nonce */
    int64_t paused_until_ms;
    int64_t clock_ms;       /* its clock is the world's plus this */
    uint32_t heard[NODES];  /* boot of each peer as it knows it */
    void *state;            /* room_shard_t *, struct edge *, struct persist *, struct client * */
};

struct link { /* one direction */
    int64_t last_ms;        /* delivery of the last frame: later ones come later */
    int64_t out_until_ms;   /* loses everything until then */
    bool has_hole;
};

struct model_db;

struct world {
    uint64_t seed, random, order, steps;
    enum mutation mutation;
    bool is_verbose, is_calm;
    int64_t now_ms;
    struct node nodes[NODES];
    struct link links[NODES][NODES];
    struct event *heap;
    size_t heap_count, heap_cap;
    struct model_db *db;
    effects_t effects;
    uint8_t id_key[KEY_BYTES], mac_key[KEY_BYTES];
    /* This seed's weather. */
    unsigned crash_ms, outage_ms, pause_ms, db_ms, stop_ms; /* mean time between; 0: never */
    unsigned loss_ppm, double_ppm, unknown_pct, failed_pct, persists;
    char failure[256];
    char *trace;            /* the last lines of what happened, a ring */
    size_t trace_next;
    struct refused_id {
        uint64_t room, user;
        cid_t client_id;
    } *refused; /* for good, so they may never be stored */
    size_t refused_count, refused_cap;
    struct {
        uint64_t posts, acks, events, dups, crashes, unknown, takeovers, moves, stops, fenced, stale, finals, rights;
    } stats;
};

/* world.c */
bool world_run(struct world *self, uint64_t seed, enum mutation mutation); /* false: failure says why */
void world_destroy(struct world *self);
uint64_t world_random(struct world *self, uint64_t below);
bool world_chance(struct world *self, unsigned ppm);
void world_fail(struct world *self, const char *format, ...) __attribute__((format(printf, 2, 3)));
void world_trace(struct world *self, const char *format, ...) __attribute__((format(printf, 2, 3)));
void world_print_trace(const struct world *self);
void world_send(struct world *self, int from, address_t to, const struct envelope *env, view_t bytes);
void world_send_msg(struct world *self, int from, address_t to, const struct envelope *env, const struct msg *msg);
void world_wake(struct world *self, int node, int64_t after_ms, uint64_t what);
address_t world_address(const struct world *self, int node); /* of its present boot */
int world_node(address_t address);
int64_t world_clock(const struct world *self, int node);

/* Client addresses: edges 100 … stand for browsers. */
enum { CLIENT_INSTANCE = 100 };

/* model_db.c */
struct db_member {
    uint64_t user, joined_seq, visible_from;
    uint32_t role;
};
struct db_restricted {
    uint64_t user;             /* 0: free */
    bool muted, banned;
};
struct db_event {
    struct rec_append_row row; /* its views point into the two below */
    uint8_t mac[MAC_BYTES];
    uint8_t *frame, *original;
    size_t len, original_len;
    uint64_t sender_no;        /* sent as the n-th of its user in this room */
};
struct db_room {
    uint64_t id, msg_no;
    char name[32];
    uint32_t visibility, history;
    bool archived;
    struct db_event *events;   /* seq is index + 1, or the checker has spoken */
    size_t count, cap;
    uint64_t head;
    struct db_member members[CLIENTS];
    size_t member_count;
    struct db_restricted restricted[CLIENTS];
};
struct db_lease {
    uint64_t epoch, node;      /* node 0: nobody */
    uint32_t boot;
};
struct db_node {
    uint64_t node, beat;
    uint32_t boot;
    bool is_dead;
};
struct model_db {
    struct world *world;
    struct db_room rooms[CHATS];
    size_t room_count;
    struct db_lease leases[LIM_SHARDS];
    struct db_node nodes[ROOM_NODES];
    int64_t down_until_ms;
    uint64_t boot;             /* connections of another one are lost */
    struct db_txn *pending;    /* a commit whose end nobody knows yet; it holds its locks */
};
struct model_db *model_db_new(struct world *world);
void model_db_destroy(struct model_db **self_p);
void model_db_crash(struct model_db *self, int64_t for_ms);
void model_db_settle(struct model_db *self); /* decides the pending commit */
bool model_db_is_down(const struct model_db *self);
bool model_db_is_locked(const struct model_db *self, uint32_t shard);
struct db_room *model_db_room(struct model_db *self, uint64_t id);
const struct db_event *model_db_find(struct model_db *self, uint64_t room, uint64_t user, const cid_t *cid);
const struct db_member *model_db_member(const struct db_room *room, uint64_t user);
/* What hangs on a line by the log up to this event. */
void model_db_marks(const struct db_room *room, uint64_t line, uint64_t upto, marks_t *out);
/* Its last deletion among the events up to this one; 0: none. numbers: NULL, or what it deleted, ascending. */
uint64_t model_db_gone(const struct db_room *room, uint64_t upto, list_writer_t *numbers);
bool model_db_holds_frame(struct model_db *self, uint64_t room, uint64_t seq, view_t frame);

void model_db_join(struct db_room *room, uint64_t user, uint64_t seq, uint32_t role);
void model_db_leave(struct db_room *room, uint64_t user);

/* model_rights.c */
uint64_t model_rights_whom(const struct db_event *event); /* whom it is about; 0: nobody */
void model_rights_check(struct world *world, struct db_room *room, const struct db_event *event); /* before */
void model_rights_apply(struct world *world, struct db_room *room, const struct db_event *event);
uint32_t model_rights_state(const struct db_restricted *restricted); /* as in rec_restricted */

struct connection {
    struct model_db *db;
    uint64_t boot;             /* of the database it is connected to */
    struct db_txn *txn;
    const struct rec_append_row *rows; /* of the batch, for adapters that lie */
    size_t row_count;
};
struct commit_store model_db_store(struct connection *connection);
bool model_db_is_file_gone(const struct rec_append_row *row);

/* model_persist.c */
void *persist_new(struct world *world, int node);
void persist_free(void *state);
void persist_on(struct world *world, int node, const struct frame *frame);
void persist_on_wake(struct world *world, int node, uint64_t what);

/* model_edge.c */
void *edge_new(struct world *world, int node);
void edge_free(void *state);
void edge_on(struct world *world, int node, const struct frame *frame);
void edge_on_peer(struct world *world, int node, int peer, peer_event_t event);
void edge_on_tick(struct world *world, int node);

/* model_client.c */
void *client_new(struct world *world, int node);
void client_free(void *state);
void client_on(struct world *world, int node, const struct frame *frame);
void client_on_peer(struct world *world, int node, int peer, peer_event_t event);
void client_on_tick(struct world *world, int node);
bool client_check_end(struct world *world, int node); /* false: failure was told */
uint64_t client_user(int node);
uint64_t chat_id(const struct world *world, size_t chat);
cid_t chat_cid(size_t chat);
size_t chat_people(uint64_t users_out[DIRECT_PEOPLE]); /* of the direct one, ascending */

/* check.c */
void check_sent(struct world *world, const struct effect *effect, view_t bytes); /* by a room actor */
/* A client was refused for good, and no other copy of its request can be on the way. */
void check_refused(struct world *world, uint64_t room, uint64_t user, const cid_t *client_id);
void check_stored(struct world *world, const struct db_room *room, size_t index, uint64_t lease_epoch);

#endif
