#include "tests/actors/accounts_world.h"

#include <assert.h>
#include <czmq.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWERS_MAX = 8192, HASH_WAIT_MS = 5000 };

struct world world;

struct actor {
    const struct actor_handlers *handlers;
    void *state;
    address_t address;
    void *watched;
    void (*watch_fn)(void *self, actor_t *actor, void *zsock);
};

struct question {
    struct envelope env;
    buffer_t body;
};

static struct {
    actor_t *actor;
    bool unwelcome;
    void (*script)(void);
    struct question queue[ANSWERS_MAX]; /* for the store, not answered yet */
    size_t head, tail;
    struct answer answers[ANSWERS_MAX]; /* by question number */
    uint64_t questions;
} s_link;

/* ---- the runtime's side: what accounts calls ------------------------------------------------------------------------- */

actor_t *actor_new(address_t address, const struct actor_handlers *handlers, void *self)
{
    actor_t *actor = calloc(1, sizeof *actor);
    actor->handlers = handlers;
    actor->state = self;
    actor->address = address;
    return s_link.actor = actor;
}

void actor_destroy(actor_t **self_p)
{
    free(*self_p);
    *self_p = NULL;
}

err_t actor_bind(actor_t *self, const char *endpoint)
{
    world.binds++;
    return self && *endpoint ? ERR_OK : ERR_INTERNAL;
}

err_t actor_connect(actor_t *self, address_t peer, const char *endpoint)
{
    return self && peer == world_store() && *endpoint ? ERR_OK : ERR_INTERNAL;
}

err_t actor_watch(actor_t *self, void *zsock, void (*fn)(void *self, actor_t *actor, void *zsock))
{
    self->watched = zsock;
    self->watch_fn = fn;
    return ERR_OK;
}

int64_t actor_now_ms(const actor_t *self)
{
    (void)self;
    return world.now_ms;
}

int64_t actor_utc_ms(const actor_t *self)
{
    (void)self;
    return world.utc_ms;
}

void actor_stop(actor_t *self)
{
    assert(self == s_link.actor);
}

address_t actor_address(const actor_t *self)
{
    return self->address;
}

void actor_run(actor_t *self, void *pipe)
{
    assert(self == s_link.actor && !pipe);
    if (!s_link.unwelcome)
        world_enter();
    s_link.script();
}

static void s_keep_answer(uint64_t question, const struct msg *msg)
{
    assert(question && question < ANSWERS_MAX && s_link.answers[question].type == MSG_NONE);
    struct answer *answer = &s_link.answers[question];
    answer->type = msg->type;
    if (msg->type == MSG_ERR) {
        answer->code = msg->as.err.code;
        answer->retry_ms = msg->as.err.retry_ms;
    } else if (msg->type == MSG_STORE_OK) {
        answer->value = msg->as.store_ok.value;
    } else {
        const struct msg_auth_done *done = &msg->as.auth_done;
        assert(msg->type == MSG_AUTH_DONE && done->access_token.len < sizeof answer->access);
        answer->user = done->user;
        answer->session = done->session;
        answer->role = done->role;
        answer->must_change = done->must_change;
        memcpy(answer->access, done->access_token.bytes, done->access_token.len);
        memcpy(answer->refresh, done->refresh_token.bytes, done->refresh_token.len);
        memcpy(answer->name, done->name.bytes, done->name.len);
    }
}

err_t actor_send(actor_t *self, address_t to, const struct envelope *env, const struct msg *msg)
{
    assert(self == s_link.actor);
    buffer_t body;
    struct msg decoded;
    buffer_init(&body, LIM_LINK_BODY_BYTES_MAX);
    err_t err = msg_encode(msg, &body); /* as the real one: every bound is checked */
    assert(!err && msg_decode(buffer_view(&body), &decoded) == ERR_OK);
    if (address_role(to) == ROLE_EDGE) {
        assert(env->flags & ENVELOPE_REPLY);
        s_keep_answer(env->correlation, &decoded);
        buffer_fini(&body);
        return ERR_OK;
    }
    assert(to == world_store() && env->correlation && !(env->flags & ENVELOPE_REPLY));
    if (world.store_full) {
        buffer_fini(&body);
        return ERR_OVERLOADED;
    }
    assert(s_link.tail - s_link.head < ANSWERS_MAX);
    struct question *question = &s_link.queue[s_link.tail++ % ANSWERS_MAX];
    *question = (struct question){.env = *env, .body = body};
    question->env.type = msg->type;
    return ERR_OK;
}

/* What it tells of itself each second goes to nobody here. */
size_t actor_links(const actor_t *self, struct actor_link *links_out, size_t max)
{
    (void)self;
    (void)links_out;
    (void)max;
    return 0;
}

err_t actor_send_bytes(actor_t *self, address_t to, const struct envelope *env, view_t encoded_msg)
{
    (void)self;
    (void)to;
    (void)env;
    (void)encoded_msg;
    return ERR_NOT_FOUND;
}

err_t actor_reply(actor_t *self, const struct envelope *asked, const struct msg *msg)
{
    struct envelope env = envelope_reply(asked);
    return actor_send(self, envelope_answer_to(asked), &env, msg);
}

err_t actor_reply_error(actor_t *self, const struct envelope *asked, err_t code, uint32_t retry_ms)
{
    struct msg msg = {.type = MSG_ERR};
    msg.as.err.code = code;
    msg.as.err.retry_ms = retry_ms;
    return actor_reply(self, asked, &msg);
}

/* ---- the store ---------------------------------------------------------------------------------------------------------- */

static bool s_is(view_t view, const uint8_t bytes[32])
{
    return view.len == 32 && memcmp(view.bytes, bytes, 32) == 0;
}

/* Case as the database sees it, as far as the tests need: ASCII, and the two bytes of an accented capital. */
static uint8_t s_fold(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 0x80 && c <= 0x9e) ? c | 0x20 : c;
}

static bool s_has_name(const struct world_user *user, view_t name)
{
    if (strlen(user->name) != name.len)
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (s_fold((uint8_t)user->name[i]) != s_fold(name.bytes[i]))
            return false;
    return true;
}

static struct world_user *s_user_by_name(view_t name)
{
    for (size_t i = 0; i < world.user_count; i++)
        if (s_has_name(&world.users[i], name))
            return &world.users[i];
    return NULL;
}

static struct world_user *s_user_by_id(uint64_t id)
{
    for (size_t i = 0; i < world.user_count; i++)
        if (world.users[i].id == id)
            return &world.users[i];
    return NULL;
}

static struct msg s_user_msg(const struct world_user *user)
{
    struct msg msg = {.type = MSG_STORE_USER};
    if (user)
        msg.as.store_user = (struct msg_store_user){.found = true,
                                                    .user = user->id,
                                                    .name = view_of_text(user->name),
                                                    .role = user->role,
                                                    .disabled = user->disabled,
                                                    .must_change = user->must_change,
                                                    .password_hash = view_of_text(user->hash)};
    return msg;
}

static struct msg s_user_add(const struct msg_store_user_add *add)
{
    if (s_user_by_name(add->name)) {
        struct msg err = {.type = MSG_ERR};
        err.as.err.code = ERR_NAME_TAKEN;
        return err;
    }
    assert(world.user_count < 8);
    struct world_user *user = &world.users[world.user_count];
    *user = (struct world_user){.id = add->user, .role = world.user_count == 0};
    memcpy(user->name, add->name.bytes, add->name.len);
    memcpy(user->hash, add->password_hash.bytes, add->password_hash.len);
    world.user_count++;
    return s_user_msg(user);
}

static struct world_session *s_session(uint64_t id)
{
    for (size_t i = 0; i < world.session_count; i++)
        if (world.sessions[i].id == id)
            return &world.sessions[i];
    return NULL;
}

static uint32_t s_rotate(const struct msg_store_session_rotate *rotate)
{
    struct world_session *session = s_session(rotate->session);
    if (!session)
        return 4;
    if (session->revoked)
        return 3;
    if (s_is(rotate->presented_hash, session->current)) {
        memcpy(session->previous, session->current, 32);
        memcpy(session->current, rotate->next_hash.bytes, 32);
        session->rotated = true;
        session->rotated_at_ms = rotate->at_ms;
        return 0;
    }
    if (session->rotated && s_is(rotate->presented_hash, session->previous) &&
        s_is(rotate->next_hash, session->current) && rotate->at_ms - session->rotated_at_ms <= LIM_REFRESH_SUCCESSOR_MS)
        return 1;
    session->revoked = true;
    return 2;
}

/* At most as many in one step as the real store. */
static uint64_t s_end_many(uint64_t user, uint64_t only, uint64_t keep)
{
    uint64_t ended = 0;
    for (size_t i = 0; i < world.session_count; i++) {
        struct world_session *session = &world.sessions[i];
        if (session->revoked || session->user != user || session->id == keep || (only && session->id != only))
            continue;
        session->revoked = true;
        ended++;
    }
    if (world.sessions_to_come) { /* the real store stops at its bound, and is asked again */
        world.sessions_to_come--;
        return LIM_SESSIONS_END_MAX;
    }
    return ended;
}

static struct msg s_password_change(const struct msg_store_password_change *change)
{
    struct world_user *user = s_user_by_id(change->user);
    struct msg err = {.type = MSG_ERR, .as.err = {.code = ERR_BUSY}}, ok = {.type = MSG_STORE_OK};
    if (!view_is_equal(view_of_text(user->hash), change->old_hash))
        return err;
    memset(user->hash, 0, sizeof user->hash);
    memcpy(user->hash, change->new_hash.bytes, change->new_hash.len);
    user->must_change = false;
    world.passwords_set++;
    ok.as.store_ok.value = s_end_many(change->user, 0, change->keep);
    return ok;
}

static struct msg s_store(const struct msg *asked)
{
    static const uint8_t key[KEY_BYTES] = {7};
    struct msg msg = {.type = MSG_STORE_OK};
    if (asked->type == MSG_DIR_BEAT)
        return msg;
    if (asked->type == MSG_DIR_HELLO) {
        msg.type = MSG_DIR_WELCOME;
        msg.as.dir_welcome.id_key = msg.as.dir_welcome.mac_key = view_of(key, sizeof key);
        return msg;
    }
    world.store_asked++;
    world.last_asked = asked->type;
    switch (asked->type) {
    case MSG_STORE_USER_BY_NAME: return s_user_msg(s_user_by_name(asked->as.store_user_by_name.name));
    case MSG_STORE_USER_BY_ID: return s_user_msg(s_user_by_id(asked->as.store_user_by_id.user));
    case MSG_STORE_USER_ADD: return s_user_add(&asked->as.store_user_add);
    case MSG_STORE_PASSWORD_SET: {
        struct world_user *user = s_user_by_id(asked->as.store_password_set.user);
        view_t hash = asked->as.store_password_set.password_hash;
        memset(user->hash, 0, sizeof user->hash);
        memcpy(user->hash, hash.bytes, hash.len);
        world.passwords_set++;
        return msg;
    }
    case MSG_STORE_AUDIT_ADD:
        world.audits++;
        world.audit_subject = asked->as.store_audit_add.subject;
        assert(view_is_equal(asked->as.store_audit_add.action, view_of_text("sign_in_failures")));
        return msg;
    case MSG_STORE_SESSION_ADD: {
        assert(world.session_count < 32);
        struct world_session *session = &world.sessions[world.session_count++];
        *session = (struct world_session){.id = asked->as.store_session_add.session,
                                          .user = asked->as.store_session_add.user};
        memcpy(session->current, asked->as.store_session_add.refresh_hash.bytes, 32);
        return msg;
    }
    case MSG_STORE_SESSION_ROTATE: {
        const struct msg_store_session_rotate *rotate = &asked->as.store_session_rotate;
        msg.type = MSG_STORE_SESSION;
        msg.as.store_session = (struct msg_store_session){.result = s_rotate(rotate), .session = rotate->session};
        if (msg.as.store_session.result > 1)
            return msg;
        const struct world_user *user = s_user_by_id(s_session(rotate->session)->user);
        msg.as.store_session.user = user->id;
        msg.as.store_session.name = view_of_text(user->name);
        msg.as.store_session.role = user->role;
        msg.as.store_session.must_change = user->must_change;
        return msg;
    }
    case MSG_STORE_SESSION_END: {
        struct world_session *session = s_session(asked->as.store_session_end.session);
        view_t presented = asked->as.store_session_end.presented_hash;
        bool known = session && (s_is(presented, session->current) || s_is(presented, session->previous));
        msg.as.store_ok.value = known && !session->revoked;
        if (known)
            session->revoked = true;
        return msg;
    }
    case MSG_STORE_SESSIONS_END: {
        const struct msg_store_sessions_end *end = &asked->as.store_sessions_end;
        msg.as.store_ok.value = s_end_many(end->user, end->session, end->keep);
        return msg;
    }
    case MSG_STORE_PASSWORD_CHANGE: return s_password_change(&asked->as.store_password_change);
    case MSG_DIR_KEY_ADD: world.keys_published++; return msg;
    default: assert(!"a question that the store knows"); return msg;
    }
}

/* Answers one question. False: there is none, or the store is silent. */
static bool s_serve(void)
{
    if (s_link.head == s_link.tail || world.store_silent)
        return false;
    struct question question = s_link.queue[s_link.head++ % ANSWERS_MAX];
    struct msg asked;
    err_t decoded = msg_decode(buffer_view(&question.body), &asked);
    assert(!decoded);
    struct msg answer = s_store(&asked);
    if (!world.answers_lost) {
        err_t err = world_deliver(world_store(), question.env.correlation, true, &answer);
        assert(!err);
    }
    buffer_fini(&question.body);
    return true;
}

static bool s_hashed(int wait_ms)
{
    zmq_pollitem_t item = {.socket = zsock_resolve(s_link.actor->watched), .events = ZMQ_POLLIN};
    if (zmq_poll(&item, 1, wait_ms) <= 0)
        return false;
    s_link.actor->watch_fn(s_link.actor->state, s_link.actor, s_link.actor->watched);
    return true;
}

/* ---- the test's side ---------------------------------------------------------------------------------------------------- */

address_t world_edge(void)
{
    return address_make(ROLE_EDGE, 0, 5);
}

address_t world_store(void)
{
    return address_make(ROLE_PERSIST, 0, 0);
}

err_t world_deliver(address_t from, uint64_t correlation, bool reply, const struct msg *msg)
{
    buffer_t body;
    buffer_init(&body, LIM_LINK_BODY_BYTES_MAX);
    err_t err = msg_encode(msg, &body);
    assert(!err);
    struct envelope env = {
        .type = msg->type, .flags = reply ? ENVELOPE_REPLY : 0, .correlation = correlation, .from = from};
    /* A copy of exact size, given back afterwards: a view that outlives the call is found by the sanitizer. */
    uint8_t *frame = malloc(body.len);
    memcpy(frame, body.bytes, body.len);
    err = s_link.actor->handlers->on_message(s_link.actor->state, s_link.actor, &env, view_of(frame, body.len));
    free(frame);
    buffer_fini(&body);
    return err;
}

static uint64_t s_ask(const struct msg *msg)
{
    uint64_t question = ++s_link.questions;
    err_t err = world_deliver(world_edge(), question, false, msg);
    assert(!err);
    return question;
}

uint64_t world_signup(const char *name, const char *password, const char *address)
{
    return world_signup_as(id_random(), name, password, address);
}

uint64_t world_signup_as(uint64_t user, const char *name, const char *password, const char *address)
{
    struct msg msg = {.type = MSG_AUTH_SIGNUP};
    msg.as.auth_signup = (struct msg_auth_signup){.name = view_of_text(name),
                                                  .user = user,
                                                  .password = view_of_text(password),
                                                  .device = view_of_text("test"),
                                                  .user_agent = view_of_text("agent"),
                                                  .address = view_of_text(address)};
    return s_ask(&msg);
}

uint64_t world_login(const char *name, const char *password, const char *address)
{
    struct msg msg = {.type = MSG_AUTH_LOGIN};
    msg.as.auth_login = (struct msg_auth_login){.name = view_of_text(name),
                                                .password = view_of_text(password),
                                                .device = view_of_text("test"),
                                                .user_agent = view_of_text("agent"),
                                                .address = view_of_text(address)};
    return s_ask(&msg);
}

uint64_t world_refresh(const char *token)
{
    struct msg msg = {.type = MSG_AUTH_REFRESH};
    msg.as.auth_refresh.refresh_token = view_of_text(token);
    return s_ask(&msg);
}

uint64_t world_logout(const char *token)
{
    struct msg msg = {.type = MSG_AUTH_LOGOUT};
    msg.as.auth_logout.refresh_token = view_of_text(token);
    return s_ask(&msg);
}

uint64_t world_sessions_end(uint64_t user, uint64_t session, uint64_t keep)
{
    struct msg msg = {.type = MSG_AUTH_SESSIONS_END};
    msg.as.auth_sessions_end = (struct msg_auth_sessions_end){.user = user, .session = session, .keep = keep};
    return s_ask(&msg);
}

uint64_t world_password(uint64_t user, uint64_t session, const char *current, const char *next, const char *address)
{
    struct msg msg = {.type = MSG_AUTH_PASSWORD};
    msg.as.auth_password = (struct msg_auth_password){.user = user, .session = session,
                                                      .current = view_of_text(current), .next = view_of_text(next),
                                                      .address = view_of_text(address)};
    return s_ask(&msg);
}

struct answer world_answered(uint64_t question)
{
    return s_link.answers[question];
}

struct answer world_answer(uint64_t question)
{
    while (s_link.answers[question].type == MSG_NONE)
        if (!s_serve() && !s_hashed(world.store_silent ? 0 : HASH_WAIT_MS))
            break;
    return s_link.answers[question];
}

void world_settle(void)
{
    while (s_serve())
        ;
}

uint64_t world_last_correlation(void)
{
    return s_link.queue[(s_link.tail + ANSWERS_MAX - 1) % ANSWERS_MAX].env.correlation;
}

void world_peer(address_t peer, peer_event_t event)
{
    s_link.actor->handlers->on_peer(s_link.actor->state, s_link.actor, peer, event);
}

void world_pass_ms(int64_t ms)
{
    world.now_ms += ms;
    world.utc_ms += ms;
    s_link.actor->handlers->on_tick(s_link.actor->state, s_link.actor, world.now_ms);
}

void world_enter(void)
{
    world_pass_ms(0);
    world_settle();
    s_link.actor->handlers->on_turn(s_link.actor->state, s_link.actor, world.now_ms);
    world.store_asked = world.keys_published = 0;
}

static void s_remove_folder(const char *folder)
{
    static const char *const left[] = {"/keys/token.pem", "/keys", ""};
    char path[128];
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s%s", folder, left[i]);
        (void)remove(path);
    }
}

static void s_run(void (*script)(void), bool unwelcome)
{
    char folder[] = "/tmp/rookery-test-XXXXXX";
    if (!mkdtemp(folder))
        abort();
    memset(&s_link, 0, sizeof s_link);
    s_link.unwelcome = unwelcome;
    world = (struct world){.now_ms = 1000000, .utc_ms = INT64_C(1750000000000)};
    world.config = (struct config){.var = folder,
                                   .jwt_secret = "",
                                   .edges = 1,
                                   .rooms = 1,
                                   .hash_workers = 1,
                                   .hash_queue = 32,
                                   .signups_per_min = 60,
                                   .login_failures = 10};
    struct topology topology;
    err_t err = topology_of_process(&world.config, 5, &topology);
    assert(!err);
    struct role_context context = {
        .config = &world.config, .topology = &topology, .address = address_make(ROLE_ACCOUNTS, 0, 5)};
    s_link.script = script;
    accounts_run(NULL, &context);
    while (s_link.head != s_link.tail)
        buffer_fini(&s_link.queue[s_link.head++ % ANSWERS_MAX].body);
    s_remove_folder(folder);
}

void world_run(void (*script)(void))
{
    s_run(script, false);
}

void world_run_unwelcome(void (*script)(void))
{
    s_run(script, true);
}
