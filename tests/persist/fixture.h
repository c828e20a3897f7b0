/* fixture — the persist actor on a real database, and clients that ask it as other actors do. A client belongs to the
 * thread that made it; several threads may have some. What a client is asked for and does not get ends the test. */
#ifndef ROOKERY_TESTS_PERSIST_FIXTURE_H
#define ROOKERY_TESTS_PERSIST_FIXTURE_H

#include "actors/runtime/actor.h"
#include "actors/runtime/supervisor.h"
#include "tests/support/db.h"

struct fixture {
    struct test_db db;
    struct config config;
    struct topology topology;
    struct role_context context;
    void *persist; /* zactor_t */
    uint32_t nonce;
    bool has_no_index; /* set before a start: no search index is kept */
};

/* A database, and persist on it through url (NULL: directly). */
void fixture_open(struct fixture *self, const char *program, bool own_server);
void fixture_start(struct fixture *self, const char *url);
void fixture_stop(struct fixture *self);
void fixture_close(struct fixture *self); /* also stops */

typedef struct client client_t;

client_t *client_new(struct fixture *fixture, uint16_t instance);
void client_destroy(client_t **self_p);
uint64_t client_node(const client_t *self);
uint64_t client_nonce(const client_t *self);

/* What it asks from now on is asked on behalf of this user; 0: of nobody. */
void client_speak_for(client_t *self, uint64_t user);
/* Sends and gives the correlation; 0 when it cannot be sent. */
uint64_t client_send(client_t *self, const struct msg *ask);
/* The answer, decoded; its views live until the next call. NULL after timeout_ms. */
const struct msg *client_wait(client_t *self, uint64_t correlation, int timeout_ms);
/* Both, repeated while no answer comes or the database is away; an answer must come, and be of this type. */
const struct msg *client_ask(client_t *self, const struct msg *ask, uint16_t type);
/* Refused with this code. */
void client_ask_refused(client_t *self, const struct msg *ask, err_t code);
/* Enters the directory as a room node and takes at most share shards; fills in their epochs (0: not taken). */
void client_take(client_t *self, uint32_t share, uint64_t epochs_out[LIM_SHARDS]);

/* A batch to append. */
struct batch {
    list_writer_t rows;
    uint64_t number;
    buffer_t frame, body;
};
void batch_init(struct batch *self);
void batch_fini(struct batch *self);
/* row: all but shard, mac, event, which follow from it and the kind's body (struct kind_X). */
void batch_add(struct batch *self, struct rec_append_row row, const void *body);
/* The message, borrowed until the batch changes. */
struct msg batch_message(struct batch *self);
/* Sends it, expects STORE_APPENDED, and empties the batch; gives the outcomes. */
size_t batch_store(struct batch *self, client_t *client, struct rec_append_outcome outcomes_out[LIM_BATCH_EVENTS_MAX]);

/* A line; msg_no is seq - 1, as in a room where all but the first event are lines. */
struct rec_append_row fixture_line(uint64_t room, uint64_t epoch, uint64_t seq, uint64_t user, uint64_t cid);
cid_t fixture_cid(uint64_t number);

void fixture_pause(int ms);

#endif
