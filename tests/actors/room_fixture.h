/* room_fixture — a room actor's rules on a bench: time stands still, the test is its edges and its store. */
#ifndef ROOKERY_TESTS_ROOM_FIXTURE_H
#define ROOKERY_TESTS_ROOM_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/room_shard.h"

enum { FRAMES_MAX = 700, EPOCH = 7 };

static const uint64_t ALICE = 101, BOB = 102, CAROL = 103, ROOM = 5001;

struct fixture {
    room_shard_t *shard;
    effects_t out;
    size_t mark; /* effects before it were looked at */
    int64_t now_ms, utc_ms;
    uint64_t correlation;
    address_t self, edge, edge_2, persist, room_2;
    buffer_t bytes;
    bool as_admin; /* who sends is an administrator of the server */
};

struct fixture *fixture_new(void);                          /* not known to the directory yet */
struct fixture *fixture_running(void);                      /* owns all shards under EPOCH */
struct fixture *fixture_owning(unsigned first, unsigned count); /* only these shards; the others are room_2's */
void fixture_destroy(struct fixture *self);
int fixture_setup(void **state); /* fixture_running */
int fixture_teardown(void **state);

/* A message comes. Returns its correlation. */
uint64_t fixture_send_to(struct fixture *self, address_t from, uint64_t user, uint64_t key, const struct msg *msg);
/* The same, to the shard of the room or user that the message is about. */
uint64_t fixture_send(struct fixture *self, address_t from, uint64_t user, const struct msg *msg);
void fixture_reply(struct fixture *self, uint64_t correlation, const struct msg *msg); /* from persist */
void fixture_turn(struct fixture *self);
void fixture_tick(struct fixture *self, int64_t after_ms); /* time passes, then a tick */
void fixture_peer(struct fixture *self, address_t peer, peer_event_t event);

/* The next effect of this type since the last look; msg_out borrows until the next step. NULL: none. */
const struct effect *fixture_next(struct fixture *self, uint16_t type, struct msg *msg_out);
const struct effect *fixture_expect(struct fixture *self, uint16_t type, struct msg *msg_out); /* fails the test */
void fixture_expect_none(struct fixture *self, uint16_t type);
void fixture_look_again(struct fixture *self); /* from the first effect that is left */
void fixture_forget(struct fixture *self);     /* all effects so far */
size_t fixture_count(struct fixture *self, uint16_t type); /* of all that are left */

/* The directory's answer: `count` shards from `first` on belong to `owner` under `epoch`. */
void fixture_leases(struct fixture *self, uint64_t correlation, unsigned first, unsigned count, address_t owner,
                    uint64_t epoch);

/* Requests of edge 1. */
cid_t cid_of(uint64_t number);
uint64_t fixture_post(struct fixture *self, uint64_t user, uint64_t cid, const char *text);
uint64_t fixture_request(struct fixture *self, address_t from, uint64_t user, uint16_t type, uint64_t cid,
                         uint64_t target, const char *text);
uint64_t fixture_attach(struct fixture *self, address_t from, uint64_t user, uint64_t session, bool live,
                        uint64_t incarnation, uint64_t after);

/* The store says of the people whom it was asked about last that they have accounts: all of them but nobody, and that
 * full is in as many rooms as one can be. 0: nobody is. */
void fixture_answer_entrants(struct fixture *self, uint64_t nobody, uint64_t full);

/* What the room's store answers to STORE_ROOM_GET. */
struct stored_room {
    bool found;
    uint64_t incarnation, visibility, last_seq, last_msg_no;
    bool archived;
    uint32_t history;
    uint64_t members[8];
    uint32_t roles[8];
    uint64_t visible_from[8]; /* of the members, in their order */
    size_t member_count;
    uint64_t restricted[4];
    uint32_t restricted_states[4]; /* 0: nobody */
    uint64_t more_restricted;      /* further ones, who are muted */
    size_t tail_count;      /* of plain lines, up to last_seq; line n is number n and by CAROL, cid 900000+n */
    size_t text_bytes;      /* of each; 0: "x" */
    uint64_t strangers;     /* further members */
};
void fixture_answer_room(struct fixture *self, const struct stored_room *room);
void fixture_load(struct fixture *self, const struct stored_room *room); /* touches the room first */
void fixture_make_event(buffer_t *out, uint64_t seq, uint32_t kind, uint64_t user, uint64_t cid, uint64_t msg_no,
                        uint64_t target, const char *text);

/* Answers the last STORE_APPEND: every row `result`, at its own place. Returns how many rows. */
size_t fixture_outcome(struct fixture *self, uint32_t result);
struct fixture_rows {
    uint64_t batch, correlation;
    size_t count;
    struct rec_append_row rows[LIM_BATCH_EVENTS_MAX];
};
bool fixture_rows(struct fixture *self, struct fixture_rows *out); /* of the last STORE_APPEND; borrows */
void fixture_outcomes(struct fixture *self, const struct fixture_rows *rows, const struct rec_append_outcome *outcomes);

/* A public room with ALICE as owner and BOB as member, five lines by CAROL, who has left. */
void fixture_usual(struct fixture *self);

#define assert_code(expected, got) assert_string_equal(err_name(expected), err_name(got))

#endif
