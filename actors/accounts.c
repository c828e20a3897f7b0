#include "actors/accounts.h"

#include "actors/accounts_flows.h"
#include "actors/runtime/log.h"
#include "actors/runtime/metrics.h"
#include "actors/runtime/node_stats.h"
#include "actors/runtime/providers.h"

enum { ROLE_BIT_ACCOUNTS = 8, PUBLISH_RETRY_MS = 1000, SIGNUP_PERIOD_MS = 60 * 1000 };

struct role {
    struct accounts accounts;
    struct providers persists;
    bool published; /* the store has our verification key */
    int64_t publish_at_ms;
    const struct topology_node *node; /* its endpoint is for the directory, where edges of other processes look */
    bool entered, is_bound;
    int64_t directory_at_ms;
    struct node_stats stats;
};

/* ---- the key that edges verify with ------------------------------------------------------------------------------ */

static void s_publish(struct role *self, int64_t now_ms)
{
    struct accounts *accounts = &self->accounts;
    self->publish_at_ms = now_ms + PUBLISH_RETRY_MS;
    struct request request = {.what = STEP_PUBLISH_KEY, .deadline_ms = now_ms + PUBLISH_RETRY_MS};
    if (requests_add(accounts->requests, &request) != ERR_OK)
        return;
    list_writer_t keys;
    list_writer_init(&keys, LIM_PEM_BYTES_MAX + 256);
    struct rec_token_key key = token_signer_key(accounts->signer);
    struct msg msg = {.type = MSG_DIR_KEY_ADD};
    err_t err = rec_token_key_append(&keys, &key);
    if (!err) {
        msg.as.dir_key_add.keys = list_of(&keys);
        msg.as.dir_key_add.at_ms = (uint64_t)actor_utc_ms(accounts->actor);
        struct envelope env = {.correlation = request.correlation, .deadline_ms = PUBLISH_RETRY_MS};
        err = actor_send(accounts->actor, accounts->persist, &env, &msg);
    }
    if (err) /* the next tick tries again */
        requests_take(accounts->requests, request.correlation, &request);
    list_writer_fini(&keys);
}

/* ---- the directory that edges find it in ------------------------------------------------------------------------- */

/* Each second: the first time its name, then that it lives. Nobody reaches it before the directory has told it what all
 * accounts nodes share, and has the key that its tokens are verified with. */
static void s_tell_directory(struct role *self, int64_t now_ms)
{
    struct accounts *accounts = &self->accounts;
    address_t own = actor_address(accounts->actor);
    self->directory_at_ms = now_ms + LIM_LEASE_BEAT_MS;
    struct request request = {.what = STEP_DIRECTORY, .deadline_ms = now_ms + LIM_LEASE_BEAT_MS};
    if (requests_add(accounts->requests, &request) != ERR_OK)
        return;
    struct msg msg = {.type = MSG_DIR_BEAT};
    msg.as.dir_beat = (struct msg_dir_beat){.node = address_node(own), .nonce = address_nonce(own)};
    if (!self->entered) {
        msg.type = MSG_DIR_HELLO;
        msg.as.dir_hello = (struct msg_dir_hello){.node = address_node(own),
                                                  .nonce = address_nonce(own),
                                                  .roles = ROLE_BIT_ACCOUNTS,
                                                  .endpoint = view_of_text(self->node->endpoint)};
    }
    struct envelope env = {.correlation = request.correlation, .deadline_ms = LIM_LEASE_BEAT_MS};
    if (actor_send(accounts->actor, accounts->persist, &env, &msg))
        requests_take(accounts->requests, request.correlation, &request);
}

static void s_on_directory(struct role *self, const struct msg *msg)
{
    if (msg->type == MSG_DIR_WELCOME && msg->as.dir_welcome.mac_key.len == KEY_BYTES) {
        token_signer_share(self->accounts.signer, msg->as.dir_welcome.mac_key);
        self->entered = true;
    }
    if (msg->type != MSG_ERR || msg->as.err.code != ERR_FENCED)
        return;
    log_error("declared dead by another node: this actor ends");
    actor_stop(self->accounts.actor);
}

/* ---- handlers ------------------------------------------------------------------------------------------------------ */

static err_t s_on_question(struct role *self, const struct envelope *env, const struct msg *msg)
{
    struct accounts *accounts = &self->accounts;
    if (address_role(env->from) != ROLE_EDGE || env->correlation == 0)
        return ERR_UNEXPECTED;
    if (requests_count(accounts->requests) >= ACCOUNTS_FLOWS_MAX)
        return actor_reply_error(accounts->actor, env, ERR_OVERLOADED, 1000);
    switch (msg->type) {
    case MSG_AUTH_SIGNUP:  accounts_on_signup(accounts, env, &msg->as.auth_signup); break;
    case MSG_AUTH_LOGIN:   accounts_on_login(accounts, env, &msg->as.auth_login); break;
    case MSG_AUTH_REFRESH: accounts_on_refresh(accounts, env, &msg->as.auth_refresh); break;
    case MSG_AUTH_LOGOUT:  accounts_on_logout(accounts, env, &msg->as.auth_logout); break;
    case MSG_AUTH_PASSWORD: accounts_on_password(accounts, env, &msg->as.auth_password); break;
    case MSG_AUTH_SETUP:   accounts_on_setup(accounts, env, &msg->as.auth_setup); break;
    case MSG_AUTH_RESET:   accounts_on_reset(accounts, env, &msg->as.auth_reset); break;
    default:               accounts_on_sessions_end(accounts, env, &msg->as.auth_sessions_end); break;
    }
    return ERR_OK;
}

static err_t s_on_answer(struct role *self, const struct envelope *env, const struct msg *msg)
{
    struct request request;
    if (address_role(env->from) != ROLE_PERSIST || !(env->flags & ENVELOPE_REPLY))
        return ERR_UNEXPECTED;
    if (!requests_take(self->accounts.requests, env->correlation, &request))
        return ERR_OK; /* too late, or the second answer to a repeated question */
    if (request.data)
        accounts_flow_answered(&self->accounts, &request, msg);
    else if (request.what == STEP_PUBLISH_KEY)
        self->published = msg->type == MSG_STORE_OK;
    else if (request.what == STEP_DIRECTORY)
        s_on_directory(self, msg);
    return ERR_OK;
}

static err_t s_on_message(void *state, actor_t *actor, const struct envelope *env, view_t body)
{
    struct role *self = state;
    struct msg msg;
    err_t err = msg_decode(body, &msg);
    if (err) {
        if (env->correlation && !(env->flags & ENVELOPE_REPLY))
            actor_reply_error(actor, env, err, 0);
        return err;
    }
    switch (msg.type) {
    case MSG_AUTH_SIGNUP:
    case MSG_AUTH_LOGIN:
    case MSG_AUTH_REFRESH:
    case MSG_AUTH_LOGOUT:
    case MSG_AUTH_PASSWORD:
    case MSG_AUTH_SETUP:
    case MSG_AUTH_RESET:
    case MSG_AUTH_SESSIONS_END: return s_on_question(self, env, &msg);
    case MSG_STORE_USER:
    case MSG_STORE_OK:
    case MSG_STORE_SESSION:
    case MSG_DIR_WELCOME:
    case MSG_ERR:           return s_on_answer(self, env, &msg);
    default:                return ERR_UNEXPECTED;
    }
}

static void s_on_hashes(void *state, actor_t *actor, void *zsock)
{
    struct role *self = state;
    struct password_result result;
    (void)actor;
    (void)zsock;
    while (password_next(self->accounts.pool, &result)) {
        struct request request;
        if (requests_take(self->accounts.requests, result.correlation, &request))
            accounts_flow_hashed(&self->accounts, &request, &result);
    }
    metric_set(METRIC_AUTH_HASH_QUEUE, (int64_t)password_waiting(self->accounts.pool));
}

/* Another one is asked from now on: also what this one still owes. */
static void s_use_persist(struct role *self)
{
    self->accounts.persist = providers_current(&self->persists);
    accounts_flows_repeat(&self->accounts);
}

static void s_on_peer(void *state, actor_t *actor, address_t peer, peer_event_t event)
{
    struct role *self = state;
    if (address_role(peer) != ROLE_PERSIST)
        return;
    bool is_another = providers_on_peer(&self->persists, peer, event);
    if (!is_another && (event == PEER_DOWN || !address_is_same_node(peer, self->accounts.persist)))
        return;
    s_use_persist(self);
    if (event == PEER_UP && !self->published)
        s_publish(self, actor_now_ms(actor));
}

static void s_on_tick(void *state, actor_t *actor, int64_t now_ms)
{
    struct role *self = state;
    struct request request;
    (void)actor;
    while (requests_expire(self->accounts.requests, now_ms, &request))
        if (request.data)
            accounts_flow_expired(&self->accounts, &request);
        else if (request.what == STEP_DIRECTORY && providers_next(&self->persists))
            s_use_persist(self); /* silent for as long as a beat lasts */
    if (!self->published && now_ms >= self->publish_at_ms)
        s_publish(self, now_ms);
    if (now_ms >= self->directory_at_ms)
        s_tell_directory(self, now_ms);
    node_stats_on_tick(&self->stats, actor, &(struct node_load){.queue = password_waiting(self->accounts.pool)});
}

static void s_on_turn(void *state, actor_t *actor, int64_t now_ms)
{
    struct role *self = state;
    (void)now_ms;
    if (!self->entered || !self->published || self->is_bound)
        return;
    self->is_bound = true;
    if (!actor_bind(actor, topology_bind(self->node)))
        return;
    log_error("accounts: cannot be reached, it ends");
    actor_stop(actor);
}

/* ---- life ---------------------------------------------------------------------------------------------------------- */

static err_t s_open(struct role *self, const struct role_context *context)
{
    static const struct actor_handlers handlers = {
        .on_message = s_on_message, .on_peer = s_on_peer, .on_turn = s_on_turn, .on_tick = s_on_tick};
    struct accounts *accounts = &self->accounts;
    const struct config *config = context->config;
    const struct topology_node *own =
        topology_find(context->topology, ROLE_ACCOUNTS, address_instance(context->address));
    const struct topology_node *persist;
    for (size_t i = 0; (persist = topology_nth(context->topology, ROLE_PERSIST, i)); i++)
        (void)providers_add(&self->persists, persist->address);
    providers_begin_at(&self->persists, address_instance(context->address));
    if (!own || !self->persists.count)
        return ERR_NOT_FOUND;
    uint64_t seed = id_random();
    self->node = own;
    accounts->persist = providers_current(&self->persists);
    accounts->signer = token_signer_new(config->var, config->jwt_secret);
    if (!accounts->signer)
        return ERR_INTERNAL; /* it has said why */
    accounts->pool = password_pool_new((size_t)config->hash_workers, (size_t)config->hash_queue);
    accounts->requests = requests_new(ACCOUNTS_FLOWS_MAX + 64); /* and those that no flow waits for */
    accounts->account_failures = accounts_throttle_new(config->login_failures, ACCOUNTS_FAILURE_PERIOD_MS, true,
                                                       ACCOUNTS_THROTTLE_KEYS_MAX, seed);
    accounts->address_failures = accounts_throttle_new(config->login_failures, ACCOUNTS_FAILURE_PERIOD_MS, true,
                                                       ACCOUNTS_THROTTLE_KEYS_MAX, seed);
    accounts->address_signups =
        accounts_throttle_new(config->signups_per_min, SIGNUP_PERIOD_MS, false, ACCOUNTS_THROTTLE_KEYS_MAX, seed);
    accounts->bursts = accounts_throttle_new(1, ACCOUNTS_FAILURE_PERIOD_MS, false, ACCOUNTS_THROTTLE_KEYS_MAX, seed);
    accounts->actor = actor_new(context->address, &handlers, self);
    if (!accounts->pool || !accounts->requests || !accounts->account_failures || !accounts->address_failures ||
        !accounts->address_signups || !accounts->bursts || !accounts->actor)
        return ERR_NO_MEMORY;
    err_t err = ERR_OK;
    for (size_t i = 0; !err && (persist = topology_nth(context->topology, ROLE_PERSIST, i)); i++)
        err = actor_connect(accounts->actor, address_stable(persist->address), persist->endpoint);
    if (!err)
        err = actor_watch(accounts->actor, password_results(accounts->pool), s_on_hashes);
    return err;
}

static void s_close(struct role *self)
{
    struct accounts *accounts = &self->accounts;
    accounts_flows_drop(accounts);
    actor_destroy(&accounts->actor);
    requests_destroy(&accounts->requests);
    password_pool_destroy(&accounts->pool);
    accounts_throttle_destroy(&accounts->account_failures);
    accounts_throttle_destroy(&accounts->address_failures);
    accounts_throttle_destroy(&accounts->address_signups);
    accounts_throttle_destroy(&accounts->bursts);
    token_signer_destroy(&accounts->signer);
}

void accounts_run(void *pipe, const struct role_context *context)
{
    struct role self = {.published = false};
    err_t err = s_open(&self, context);
    if (err)
        log_error("accounts: cannot start: error=%s", err_name(err));
    else
        actor_run(self.accounts.actor, pipe);
    s_close(&self);
}
