#include "tests/persist/fixture.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <czmq.h>

#include <cmocka.h>

#include "actors/runtime/clock.h"
#include "actors/runtime/log.h"
#include "persist/persist.h"

enum { ANSWERS_MAX = 4096, FDS_MAX = 8, ASK_MS = 15000, ASK_ONCE_MS = 5000, LOST_MAX = 3 };

static const uint8_t MAC_KEY[KEY_BYTES] = "a key for macs of tests";

void fixture_pause(int ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}, NULL);
}

/* A test that fails leaves what it had open, and then ØMQ would wait for that at the exit for ever. */
static atomic_int s_open_count; /* fixtures that run, and clients */

static void s_on_exit(void)
{
    if (atomic_load(&s_open_count) == 0)
        return;
    fflush(NULL);
    _exit(EXIT_FAILURE);
}

/* After czmq's own: what is noted last is called first. SIGTERM ends a test that hangs, which czmq would only note. */
static void s_prepare_exit(void)
{
    static bool is_prepared;
    if (is_prepared)
        return;
    is_prepared = true;
    zsys_init();
    signal(SIGTERM, SIG_DFL);
    atexit(s_on_exit);
}

/* ---- persist --------------------------------------------------------------------------------------------------- */

static void s_run(zsock_t *pipe, void *arguments)
{
    persist_run(pipe, arguments);
}

void fixture_open(struct fixture *self, const char *program, bool own_server)
{
    memset(self, 0, sizeof *self);
    s_prepare_exit();
    log_set_level(getenv("ROOKERY_TEST_LOG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
    test_db_open(&self->db, program, own_server, true);
    fixture_start(self, NULL);
}

void fixture_start(struct fixture *self, const char *url)
{
    static uint32_t boots = 100;
    self->nonce = ++boots;
    self->config.database_url = strdup(url ? url : self->db.url);
    self->config.readers = 2;
    if (!self->config.file_unfinished_s)
        self->config.file_unfinished_s = 3600;
    if (!self->config.file_unposted_s)
        self->config.file_unposted_s = 86400;
    if (!self->config.audit_days)
        self->config.audit_days = 36500; /* tests live in 1970 */
    self->config.search_index = !self->has_no_index;
    self->topology.count = 1;
    self->topology.nodes[0].address = address_make(ROLE_PERSIST, 0, self->nonce);
    snprintf(self->topology.nodes[0].endpoint, sizeof self->topology.nodes[0].endpoint, "inproc://persist-test-%u",
             self->nonce);
    self->context = (struct role_context){
        .config = &self->config, .topology = &self->topology, .address = self->topology.nodes[0].address};
    self->persist = zactor_new(s_run, &self->context);
    assert_non_null(self->persist);
    atomic_fetch_add(&s_open_count, 1);
}

void fixture_stop(struct fixture *self)
{
    zactor_t *persist = self->persist;
    zactor_destroy(&persist);
    self->persist = NULL;
    atomic_fetch_sub(&s_open_count, 1);
    free(self->config.database_url);
    self->config.database_url = NULL;
}

void fixture_close(struct fixture *self)
{
    if (self->persist)
        fixture_stop(self);
    test_db_close(&self->db);
}

/* ---- clients --------------------------------------------------------------------------------------------------- */

struct answer {
    uint64_t correlation;
    uint8_t *bytes;
    size_t len;
};

struct client {
    actor_t *actor;
    address_t persist;
    uint64_t next_correlation, user;
    struct answer answers[ANSWERS_MAX]; /* not yet waited for */
    size_t count;
    uint8_t *bytes; /* of the last one given */
    struct msg msg;
};

static err_t s_on_message(void *opaque, actor_t *actor, const struct envelope *env, view_t body)
{
    client_t *self = opaque;
    (void)actor;
    if (self->count == ANSWERS_MAX) {
        free(self->answers[0].bytes);
        memmove(self->answers, self->answers + 1, (ANSWERS_MAX - 1) * sizeof self->answers[0]);
        self->count--;
    }
    struct answer *answer = &self->answers[self->count++];
    *answer = (struct answer){.correlation = env->correlation, .bytes = malloc(body.len + 1), .len = body.len};
    memcpy(answer->bytes, body.bytes, body.len);
    return ERR_OK;
}

static const struct actor_handlers HANDLERS = {.on_message = s_on_message};

client_t *client_new(struct fixture *fixture, uint16_t instance)
{
    static atomic_uint nonces = 5000;
    client_t *self = calloc(1, sizeof *self);
    assert_non_null(self);
    self->persist = fixture->context.address;
    atomic_fetch_add(&s_open_count, 1);
    self->actor = actor_new(address_make(ROLE_ROOM, instance, atomic_fetch_add(&nonces, 1)), &HANDLERS, self);
    assert_non_null(self->actor);
    assert_int_equal(ERR_OK, actor_connect(self->actor, address_stable(self->persist),
                                           fixture->topology.nodes[0].endpoint));
    return self;
}

void client_destroy(client_t **self_p)
{
    client_t *self = *self_p;
    if (!self)
        return;
    actor_destroy(&self->actor);
    atomic_fetch_sub(&s_open_count, 1);
    for (size_t i = 0; i < self->count; i++)
        free(self->answers[i].bytes);
    free(self->bytes);
    free(self);
    *self_p = NULL;
}

uint64_t client_node(const client_t *self)
{
    return address_node(actor_address(self->actor));
}

uint64_t client_nonce(const client_t *self)
{
    return address_nonce(actor_address(self->actor));
}

static void s_pump(client_t *self, int wait_ms)
{
    int fds[FDS_MAX];
    struct pollfd polls[FDS_MAX];
    if (actor_pump(self->actor, 64))
        return;
    size_t count = actor_fds(self->actor, fds, FDS_MAX);
    for (size_t i = 0; i < count; i++)
        polls[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    int timeout = actor_timeout_ms(self->actor);
    poll(polls, count, timeout < wait_ms ? timeout : wait_ms);
    actor_pump(self->actor, 64);
}

void client_speak_for(client_t *self, uint64_t user)
{
    self->user = user;
}

uint64_t client_send(client_t *self, const struct msg *ask)
{
    const struct envelope env = {.type = ask->type, .correlation = ++self->next_correlation, .user = self->user};
    for (int i = 0; i < 500; i++) {
        err_t err = actor_send(self->actor, address_stable(self->persist), &env, ask);
        if (err == ERR_OK) {
            actor_pump(self->actor, 0);
            return env.correlation;
        }
        if (err != ERR_NOT_FOUND && err != ERR_OVERLOADED)
            return 0;
        s_pump(self, 10);
    }
    return 0;
}

const struct msg *client_wait(client_t *self, uint64_t correlation, int timeout_ms)
{
    int64_t until_ms = clock_now_ms() + timeout_ms;
    for (;;) {
        for (size_t i = 0; i < self->count; i++) {
            if (self->answers[i].correlation != correlation)
                continue;
            struct answer answer = self->answers[i];
            memmove(self->answers + i, self->answers + i + 1, (self->count - i - 1) * sizeof answer);
            self->count--;
            free(self->bytes);
            self->bytes = answer.bytes;
            return msg_decode(view_of(answer.bytes, answer.len), &self->msg) == ERR_OK ? &self->msg : NULL;
        }
        int64_t left_ms = until_ms - clock_now_ms();
        if (left_ms <= 0)
            return NULL;
        s_pump(self, (int)left_ms);
    }
}

const struct msg *client_ask(client_t *self, const struct msg *ask, uint16_t type)
{
    const struct msg *answer = NULL;
    for (int i = 0, lost = 0; i < 300 && lost < LOST_MAX; i++) { /* persist may just be starting */
        answer = client_wait(self, client_send(self, ask), ASK_ONCE_MS);
        if (answer && (answer->type != MSG_ERR || answer->as.err.code != ERR_UNAVAILABLE))
            break;
        lost += !answer; /* by a link that had a hole: whoever asks repeats */
        fixture_pause(50);
    }
    if (!answer)
        fail_msg("no answer to %s", msg_name(ask->type));
    if (answer->type != type)
        fail_msg("%s answered by %s %s", msg_name(ask->type), msg_name(answer->type),
                 answer->type == MSG_ERR ? err_name(answer->as.err.code) : "");
    return answer;
}

void client_ask_refused(client_t *self, const struct msg *ask, err_t code)
{
    const struct msg *answer = client_wait(self, client_send(self, ask), ASK_MS);
    assert_non_null(answer);
    assert_int_equal(MSG_ERR, answer->type);
    assert_string_equal(err_name(code), err_name(answer->as.err.code));
}

void client_take(client_t *self, uint32_t share, uint64_t epochs_out[LIM_SHARDS])
{
    struct msg hello = {.type = MSG_DIR_HELLO};
    hello.as.dir_hello = (struct msg_dir_hello){.node = client_node(self), .nonce = client_nonce(self), .roles = 2,
                                                .endpoint = view_of_text("inproc://room")};
    client_ask(self, &hello, MSG_DIR_WELCOME);
    struct msg take = {.type = MSG_DIR_TAKE};
    take.as.dir_take = (struct msg_dir_take){.node = client_node(self), .nonce = client_nonce(self), .share = share};
    const struct msg *answer = client_ask(self, &take, MSG_DIR_LEASES);
    list_t leases = answer->as.dir_leases.leases;
    struct rec_lease lease;
    memset(epochs_out, 0, LIM_SHARDS * sizeof epochs_out[0]);
    while (rec_lease_next(&leases, &lease))
        epochs_out[lease.shard] = lease.epoch;
}

/* ---- batches --------------------------------------------------------------------------------------------------- */

void batch_init(struct batch *self)
{
    memset(self, 0, sizeof *self);
    list_writer_init(&self->rows, LIM_BATCH_BYTES_MAX);
    buffer_init(&self->frame, LIM_EVENT_BYTES_MAX);
    buffer_init(&self->body, LIM_EVENT_BODY_BYTES_MAX);
}

void batch_fini(struct batch *self)
{
    list_writer_fini(&self->rows);
    buffer_fini(&self->frame);
    buffer_fini(&self->body);
}

void batch_add(struct batch *self, struct rec_append_row row, const void *body)
{
    uint8_t mac[MAC_BYTES];
    struct msg event = {.type = MSG_EVENT};
    buffer_clear(&self->body);
    buffer_clear(&self->frame);
    bool ok = kind_encode(row.kind, body, &self->body) == ERR_OK;
    event.as.event = (struct msg_event){.room = row.room, .seq = row.seq, .kind = row.kind, .user = row.user,
                                        .at_ms = row.at_ms, .client_id = row.client_id, .msg_no = row.msg_no,
                                        .target = row.target, .body = buffer_view(&self->body)};
    ok = ok && msg_encode(&event, &self->frame) == ERR_OK;
    id_mac(MAC_KEY, row.kind, row.target, self->body.bytes, self->body.len, mac);
    row.shard = id_shard(row.room);
    row.mac = view_of(mac, MAC_BYTES);
    row.event = buffer_view(&self->frame);
    ok = ok && rec_append_row_append(&self->rows, &row) == ERR_OK;
    if (!ok)
        abort(); /* not an assertion of cmocka: threads build batches too */
}

struct msg batch_message(struct batch *self)
{
    struct msg msg = {.type = MSG_STORE_APPEND};
    msg.as.store_append = (struct msg_store_append){.batch = self->number, .rows = list_of(&self->rows)};
    return msg;
}

size_t batch_store(struct batch *self, client_t *client, struct rec_append_outcome outcomes_out[LIM_BATCH_EVENTS_MAX])
{
    struct msg msg = batch_message(self);
    const struct msg *answer = client_ask(client, &msg, MSG_STORE_APPENDED);
    assert_int_equal(self->number, answer->as.store_appended.batch);
    list_t list = answer->as.store_appended.outcomes;
    size_t count = 0;
    while (rec_append_outcome_next(&list, &outcomes_out[count]))
        count++;
    assert_int_equal(self->rows.count, count);
    list_writer_clear(&self->rows);
    self->number++;
    return count;
}

cid_t fixture_cid(uint64_t number)
{
    cid_t cid = {{0}};
    for (int i = 0; i < 8; i++)
        cid.bytes[15 - i] = (uint8_t)(number >> (8 * i));
    return cid;
}

struct rec_append_row fixture_line(uint64_t room, uint64_t epoch, uint64_t seq, uint64_t user, uint64_t cid)
{
    return (struct rec_append_row){.room = room, .epoch = epoch, .seq = seq, .kind = KIND_POSTED, .user = user,
                                   .client_id = fixture_cid(cid), .msg_no = seq - 1, .at_ms = 1000 + seq};
}
