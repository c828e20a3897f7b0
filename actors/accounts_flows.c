#include "actors/accounts_flows_impl.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "actors/accounts_rules.h"
#include "actors/runtime/log.h"
#include "actors/runtime/metrics.h"
#include "proto/ids.h"

enum { RETRY_MS_MAX = 600000 };

struct text flow_text(view_t view)
{
    struct text text = {.len = (uint16_t)view.len};
    assert(view.len <= sizeof text.bytes); /* msg_decode keeps the bounds */
    if (view.len)
        memcpy(text.bytes, view.bytes, view.len);
    return text;
}

view_t flow_view(const struct text *text)
{
    return view_of(text->bytes, text->len);
}

/* ---- beginning and end ------------------------------------------------------------------------------------------- */

struct flow *flow_begin(struct accounts *self, const struct envelope *env)
{
    struct flow *flow = calloc(1, sizeof *flow);
    if (!flow) {
        actor_reply_error(self->actor, env, ERR_NO_MEMORY, FLOW_RETRY_MS);
        return NULL;
    }
    int64_t allowed_ms = env->deadline_ms && env->deadline_ms < LIM_REQUEST_MS ? env->deadline_ms : LIM_REQUEST_MS;
    flow->asked = *env;
    flow->deadline_ms = actor_now_ms(self->actor) + allowed_ms;
    flow->next = self->flows;
    if (flow->next)
        flow->next->prev = flow;
    self->flows = flow;
    return flow;
}

void flow_end(struct accounts *self, struct flow *flow)
{
    if (flow->prev)
        flow->prev->next = flow->next;
    else
        self->flows = flow->next;
    if (flow->next)
        flow->next->prev = flow->prev;
    explicit_bzero(flow, sizeof *flow);
    free(flow);
}

void flow_refuse(struct accounts *self, struct flow *flow, err_t code, uint32_t retry_ms)
{
    if (flow->charged && code != ERR_BAD_CREDENTIALS && code != ERR_WRONG_PASSWORD) { /* it was no wrong guess */
        accounts_throttle_refund(self->account_failures, flow->account_key);
        accounts_throttle_refund(self->address_failures, flow->address_key);
    }
    actor_reply_error(self->actor, &flow->asked, code, retry_ms < RETRY_MS_MAX ? retry_ms : RETRY_MS_MAX);
    flow_end(self, flow);
}

void flow_refuse_now(struct accounts *self, const struct envelope *env, err_t code, uint32_t retry_ms)
{
    actor_reply_error(self->actor, env, code, retry_ms < RETRY_MS_MAX ? retry_ms : RETRY_MS_MAX);
}

/* Signed in: the answer with both tokens. */
static void s_done(struct accounts *self, struct flow *flow)
{
    struct token_claims claims = {
        .user = flow->user, .session = flow->session, .name = flow_view(&flow->name), .admin = flow->role == 1,
        .must_change = flow->must_change};
    buffer_t token;
    buffer_init(&token, LIM_TOKEN_BYTES_MAX);
    int64_t expires_at_ms = 0;
    err_t err = token_sign(self->signer, &claims, actor_utc_ms(self->actor), &token, &expires_at_ms);
    if (err) {
        log_error("accounts: cannot sign a token: error=%s", err_name(err));
        flow_refuse(self, flow, err, FLOW_RETRY_MS);
    } else {
        char refresh[TOKEN_REFRESH_TEXT_LEN + 1];
        token_refresh_print(&flow->refresh, refresh);
        struct msg msg = {.type = MSG_AUTH_DONE};
        msg.as.auth_done = (struct msg_auth_done){
            .user = flow->user,
            .name = flow_view(&flow->name),
            .role = flow->role,
            .session = flow->session,
            .access_token = buffer_view(&token),
            .expires_at_ms = (uint64_t)expires_at_ms,
            .refresh_token = view_of_text(refresh),
            .refresh_max_age_s = LIM_REFRESH_IDLE_S,
            .must_change = flow->must_change,
        };
        actor_reply(self->actor, &flow->asked, &msg);
        explicit_bzero(refresh, sizeof refresh);
        flow_end(self, flow);
    }
    buffer_fini(&token);
}

/* ---- asking the store ------------------------------------------------------------------------------------------------ */

/* The question of the flow's step. Its views borrow from flow and hashes. */
static struct msg s_question(const struct accounts *self, const struct flow *flow, uint8_t hashes[2][TOKEN_HASH_BYTES])
{
    struct msg msg = {.type = MSG_NONE};
    uint64_t at_ms = (uint64_t)actor_utc_ms(self->actor);
    token_refresh_hash(&flow->refresh, hashes[0]);
    token_refresh_hash(&flow->presented, hashes[1]);
    view_t refresh_hash = view_of(hashes[0], TOKEN_HASH_BYTES);
    view_t presented_hash = view_of(hashes[1], TOKEN_HASH_BYTES);
    switch (flow->step) {
    case STEP_LOOKUP:
        msg.type = MSG_STORE_USER_BY_NAME;
        msg.as.store_user_by_name = (struct msg_store_user_by_name){.name = flow_view(&flow->name)};
        break;
    case STEP_ADD_USER:
        msg.type = MSG_STORE_USER_ADD;
        msg.as.store_user_add = (struct msg_store_user_add){
            .user = flow->user, .name = flow_view(&flow->name), .password_hash = flow_view(&flow->hash), .at_ms = at_ms,
            .invite = flow_view(&flow->invite), .setup = flow->is_setup,
            .server_name = flow_view(&flow->server_name), .signup = flow->signup};
        break;
    case STEP_FIND_REPEAT:
    case STEP_FIND_USER:
        msg.type = MSG_STORE_USER_BY_ID;
        msg.as.store_user_by_id = (struct msg_store_user_by_id){.user = flow->user};
        break;
    case STEP_ADD_SESSION:
        msg.type = MSG_STORE_SESSION_ADD;
        msg.as.store_session_add = (struct msg_store_session_add){.session = flow->session,
                                                                  .user = flow->user,
                                                                  .refresh_hash = refresh_hash,
                                                                  .device = flow_view(&flow->device),
                                                                  .user_agent = flow_view(&flow->user_agent),
                                                                  .address = flow_view(&flow->address),
                                                                  .at_ms = at_ms,
                                                                  .role = flow->role};
        break;
    case STEP_ROTATE:
        msg.type = MSG_STORE_SESSION_ROTATE;
        msg.as.store_session_rotate = (struct msg_store_session_rotate){.session = flow->session,
                                                                        .presented_hash = presented_hash,
                                                                        .next_hash = refresh_hash,
                                                                        .address = flow_view(&flow->address),
                                                                        .at_ms = at_ms};
        break;
    case STEP_END:
        msg.type = MSG_STORE_SESSION_END;
        msg.as.store_session_end = (struct msg_store_session_end){
            .session = flow->session, .presented_hash = presented_hash, .at_ms = at_ms};
        break;
    default: accounts_rights_question(flow, at_ms, &msg);
    }
    return msg;
}

static err_t s_send(struct accounts *self, const struct flow *flow)
{
    uint8_t hashes[2][TOKEN_HASH_BYTES];
    struct msg msg = s_question(self, flow, hashes);
    int64_t left_ms = flow->deadline_ms - actor_now_ms(self->actor);
    struct envelope env = {.correlation = flow->correlation,
                           .deadline_ms = left_ms > 0 ? (uint32_t)left_ms : 1,
                           .key = flow->user};
    return actor_send(self->actor, self->persist, &env, &msg);
}

/* The flow now waits for `step`. False: it was refused and is gone. */
static bool s_wait(struct accounts *self, struct flow *flow, enum step step)
{
    struct request request = {.what = step, .data = flow, .deadline_ms = flow->deadline_ms};
    err_t err = requests_add(self->requests, &request);
    if (err) {
        flow_refuse(self, flow, err, FLOW_RETRY_MS);
        return false;
    }
    flow->step = step;
    flow->correlation = request.correlation;
    return true;
}

void flow_ask(struct accounts *self, struct flow *flow, enum step step)
{
    if (!s_wait(self, flow, step) || s_send(self, flow) == ERR_OK)
        return;
    struct request request;
    requests_take(self->requests, flow->correlation, &request);
    flow_refuse(self, flow, ERR_UNAVAILABLE, FLOW_RETRY_MS);
}

static void s_begin_session(struct accounts *self, struct flow *flow)
{
    flow->session = id_random();
    err_t err = token_refresh_new(flow->session, &flow->refresh);
    if (err)
        flow_refuse(self, flow, err, FLOW_RETRY_MS);
    else
        flow_ask(self, flow, STEP_ADD_SESSION);
}

/* ---- sign-up --------------------------------------------------------------------------------------------------------- */

void flow_hash(struct accounts *self, struct flow *flow, bool is_new, view_t encoded)
{
    if (!s_wait(self, flow, STEP_HASH))
        return;
    view_t password = flow_view(&flow->password);
    err_t err = is_new ? password_hash(self->pool, flow->correlation, password)
                             : password_verify(self->pool, flow->correlation, password, encoded);
    explicit_bzero(&flow->password, sizeof flow->password);
    metric_set(METRIC_AUTH_HASH_QUEUE, (int64_t)password_waiting(self->pool));
    if (!err)
        return;
    struct request request;
    requests_take(self->requests, flow->correlation, &request);
    flow_refuse(self, flow, err, FLOW_RETRY_MS);
}

/* A question that comes again while it is worked at has its answer on the way. */
static bool s_is_at_it(const struct accounts *self, uint64_t user)
{
    const struct flow *flow = self->flows;
    while (flow && (flow->task != TASK_SIGN_UP || flow->user != user))
        flow = flow->next;
    return flow != NULL;
}

struct flow *flow_begin_signup(struct accounts *self, const struct envelope *env, const struct msg_auth_signup *msg)
{
    err_t err = msg->user ? accounts_check_name(msg->name) : ERR_WRONG_FIELDS;
    if (!err)
        err = accounts_check_password(msg->password, msg->name);
    if (err) {
        flow_refuse_now(self, env, err, 0);
        return NULL;
    }
    if (s_is_at_it(self, msg->user))
        return NULL;
    uint64_t address_key = accounts_throttle_address_key(self->address_signups, msg->address);
    uint32_t wait_ms = accounts_throttle_charge(self->address_signups, address_key, actor_now_ms(self->actor));
    if (wait_ms) {
        flow_refuse_now(self, env, ERR_RATE_LIMITED, wait_ms);
        return NULL;
    }
    struct flow *flow = flow_begin(self, env);
    if (!flow)
        return NULL;
    flow->task = TASK_SIGN_UP;
    flow->user = msg->user;
    flow->name = flow_text(msg->name);
    flow->device = flow_text(msg->device);
    flow->user_agent = flow_text(msg->user_agent);
    flow->address = flow_text(msg->address);
    flow->password = flow_text(msg->password);
    flow->invite = flow_text(msg->invite);
    return flow;
}

void accounts_on_signup(struct accounts *self, const struct envelope *env, const struct msg_auth_signup *msg)
{
    struct flow *flow = flow_begin_signup(self, env, msg);
    if (flow)
        flow_ask(self, flow, STEP_FIND_REPEAT);
}

void accounts_on_setup(struct accounts *self, const struct envelope *env, const struct msg_auth_setup *msg)
{
    const struct msg_auth_signup signup = {.name = msg->name, .password = msg->password, .device = msg->device,
                                           .user_agent = msg->user_agent, .address = msg->address,
                                           .invite = view_of_text(""), .user = msg->user};
    struct flow *flow = flow_begin_signup(self, env, &signup);
    if (!flow)
        return;
    flow->is_setup = true;
    flow->server_name = flow_text(msg->server_name);
    flow->signup = msg->signup;
    flow_ask(self, flow, STEP_FIND_REPEAT);
}

/* ---- login ------------------------------------------------------------------------------------------------------------- */

void accounts_on_login(struct accounts *self, const struct envelope *env, const struct msg_auth_login *msg)
{
    uint64_t address_key = accounts_throttle_address_key(self->address_failures, msg->address);
    uint32_t wait_ms = accounts_throttle_wait_ms(self->address_failures, address_key, actor_now_ms(self->actor));
    if (wait_ms) {
        accounts_note_burst(self, address_key, 0, msg->address);
        flow_refuse_now(self, env, ERR_RATE_LIMITED, wait_ms);
        return;
    }
    if (accounts_check_name(msg->name) != ERR_OK) { /* nobody can have it, and the store need not see it */
        flow_refuse_now(self, env, ERR_BAD_CREDENTIALS, 0);
        return;
    }
    struct flow *flow = flow_begin(self, env);
    if (!flow)
        return;
    flow->address_key = address_key;
    flow->name = flow_text(msg->name);
    flow->device = flow_text(msg->device);
    flow->user_agent = flow_text(msg->user_agent);
    flow->address = flow_text(msg->address);
    flow->password = flow_text(msg->password);
    flow_ask(self, flow, STEP_LOOKUP);
}

uint32_t flow_charge(struct accounts *self, struct flow *flow)
{
    int64_t now_ms = actor_now_ms(self->actor);
    uint32_t wait_ms = accounts_throttle_wait_ms(self->account_failures, flow->account_key, now_ms);
    if (!wait_ms)
        wait_ms = accounts_throttle_charge(self->address_failures, flow->address_key, now_ms);
    if (wait_ms)
        return wait_ms;
    wait_ms = accounts_throttle_charge(self->account_failures, flow->account_key, now_ms);
    flow->charged = wait_ms == 0;
    if (wait_ms) /* only when its entry was another's a moment ago */
        accounts_throttle_refund(self->address_failures, flow->address_key);
    return wait_ms;
}

static void s_on_lookup(struct accounts *self, struct flow *flow, const struct msg_store_user *user)
{
    /* By id, so that a name written in another case is no second allowance; as typed when there is nobody. */
    view_t account = user->found ? view_of(&user->user, sizeof user->user) : flow_view(&flow->name);
    flow->account_key = accounts_throttle_key(self->account_failures, account);
    uint32_t wait_ms = flow_charge(self, flow);
    if (wait_ms) {
        accounts_note_burst(self, flow->account_key, user->found ? user->user : 0, flow_view(&flow->address));
        metric_add(METRIC_AUTH_FAILURES, 1);
        flow_refuse(self, flow, ERR_RATE_LIMITED, wait_ms);
        return;
    }
    view_t encoded = view_of(NULL, 0);
    if (user->found) {
        flow->user = user->user;
        flow->name = flow_text(user->name);
        flow->role = user->role;
        flow->disabled = user->disabled;
        flow->must_change = user->must_change;
        encoded = user->password_hash;
    }
    flow_hash(self, flow, false, encoded); /* nobody costs the same as somebody */
}

static void s_store_new_hash(struct accounts *self, uint64_t user, const char *hash)
{
    struct request request = {.what = STEP_REHASH, .deadline_ms = actor_now_ms(self->actor) + LIM_REQUEST_MS};
    if (requests_add(self->requests, &request) != ERR_OK)
        return; /* the next sign-in tries again */
    struct msg msg = {.type = MSG_STORE_PASSWORD_SET};
    msg.as.store_password_set = (struct msg_store_password_set){.user = user, .password_hash = view_of_text(hash)};
    struct envelope env = {.correlation = request.correlation, .deadline_ms = LIM_REQUEST_MS, .key = user};
    if (actor_send(self->actor, self->persist, &env, &msg) != ERR_OK)
        requests_take(self->requests, request.correlation, &request);
}

static void s_on_verified(struct accounts *self, struct flow *flow, const struct password_result *result)
{
    if (!result->matches) {
        metric_add(METRIC_AUTH_FAILURES, 1);
        flow_refuse(self, flow, ERR_BAD_CREDENTIALS, 0);
        return;
    }
    accounts_throttle_clear(self->account_failures, flow->account_key);
    accounts_throttle_refund(self->address_failures, flow->address_key);
    flow->charged = false;
    if (flow->disabled) { /* told only to who knows the password */
        metric_add(METRIC_AUTH_FAILURES, 1);
        flow_refuse(self, flow, ERR_DISABLED, 0);
        return;
    }
    if (result->hash[0])
        s_store_new_hash(self, flow->user, result->hash);
    s_begin_session(self, flow);
}

/* What the first question made is handed out to who knows its password, not to who knows its id. */
static void s_on_repeat_verified(struct accounts *self, struct flow *flow, const struct password_result *result)
{
    if (result->matches)
        s_begin_session(self, flow);
    else
        flow_refuse(self, flow, ERR_NAME_TAKEN, 0);
}

void accounts_flow_hashed(struct accounts *self, const struct request *request, const struct password_result *result)
{
    struct flow *flow = request->data;
    if (flow->task == TASK_PASSWORD) {
        accounts_password_hashed(self, flow, result);
    } else if (flow->task == TASK_RESET) {
        accounts_reset_hashed(self, flow, result);
    } else if (flow->task == TASK_SIGN_IN) {
        s_on_verified(self, flow, result);
    } else if (flow->is_repeat) {
        s_on_repeat_verified(self, flow, result);
    } else if (!result->matches) {
        flow_refuse(self, flow, ERR_NO_MEMORY, FLOW_RETRY_MS);
    } else {
        flow->hash = flow_text(view_of_text(result->hash));
        flow_ask(self, flow, STEP_ADD_USER);
    }
}

/* ---- refresh and logout ---------------------------------------------------------------------------------------------- */

void accounts_on_refresh(struct accounts *self, const struct envelope *env, const struct msg_auth_refresh *msg)
{
    struct token_refresh presented;
    if (!token_refresh_parse(msg->refresh_token, &presented)) {
        flow_refuse_now(self, env, ERR_UNAUTHORIZED, 0);
        return;
    }
    struct flow *flow = flow_begin(self, env);
    if (!flow)
        return;
    flow->presented = presented;
    flow->session = presented.session;
    flow->address = flow_text(msg->address);
    err_t err = token_refresh_successor(self->signer, &presented, &flow->refresh);
    if (err)
        flow_refuse(self, flow, err, FLOW_RETRY_MS);
    else
        flow_ask(self, flow, STEP_ROTATE);
}

static void s_on_rotated(struct accounts *self, struct flow *flow, const struct msg_store_session *session)
{
    enum { ROTATED, REPEATED, REUSED, ENDED, UNKNOWN };
    switch (session->result) {
    case ROTATED:
    case REPEATED:
        flow->user = session->user;
        flow->name = flow_text(session->name);
        flow->role = session->role;
        flow->must_change = session->must_change;
        s_done(self, flow);
        break;
    case REUSED: /* two hold the same token, so one of them stole it */
        log_warn("accounts: a used refresh token came again, its session is revoked: session=%" PRIu64, flow->session);
        flow_refuse(self, flow, ERR_TOKEN_REVOKED, 0);
        break;
    case ENDED: flow_refuse(self, flow, ERR_TOKEN_REVOKED, 0); break;
    default: flow_refuse(self, flow, ERR_UNAUTHORIZED, 0); break;
    }
}

void flow_reply_ok(struct accounts *self, const struct envelope *env, uint64_t value)
{
    struct msg msg = {.type = MSG_STORE_OK};
    msg.as.store_ok = (struct msg_store_ok){.value = value};
    actor_reply(self->actor, env, &msg);
}

void accounts_on_logout(struct accounts *self, const struct envelope *env, const struct msg_auth_logout *msg)
{
    struct token_refresh presented;
    if (!token_refresh_parse(msg->refresh_token, &presented)) {
        flow_reply_ok(self, env, 0);
        return;
    }
    struct flow *flow = flow_begin(self, env);
    if (!flow)
        return;
    flow->presented = presented;
    flow->session = presented.session;
    flow_ask(self, flow, STEP_END);
}

/* ---- answers --------------------------------------------------------------------------------------------------------- */

static void s_on_repeat_known(struct accounts *self, struct flow *flow, const struct msg_store_user *user)
{
    flow->is_repeat = user->found;
    flow->role = user->found ? user->role : 0;
    flow->must_change = user->found && user->must_change;
    if (user->found && !view_is_equal(user->name, flow_view(&flow->name)))
        flow_refuse(self, flow, ERR_NAME_TAKEN, 0);
    else
        flow_hash(self, flow, !user->found, user->found ? user->password_hash : view_of(NULL, 0));
}

static void s_on_added(struct accounts *self, struct flow *flow, const struct msg_store_user *user)
{
    if (!user->found) { /* asked by id: the name is somebody else's */
        flow_refuse(self, flow, ERR_NAME_TAKEN, 0);
        return;
    }
    flow->role = user->role;
    flow->must_change = user->must_change;
    s_begin_session(self, flow);
}

static void s_on_refused(struct accounts *self, struct flow *flow, const struct msg_err *err)
{
    if (flow->step == STEP_ADD_USER && err->code == ERR_NAME_TAKEN && flow->repeated)
        flow_ask(self, flow, STEP_FIND_USER); /* the first of the two questions may have made it */
    else
        flow_refuse(self, flow, err->code, err->retry_ms);
}

void accounts_flow_answered(struct accounts *self, const struct request *request, const struct msg *answer)
{
    struct flow *flow = request->data;
    if (answer->type == MSG_ERR) {
        s_on_refused(self, flow, &answer->as.err);
        return;
    }
    bool is_user = answer->type == MSG_STORE_USER, is_ok = answer->type == MSG_STORE_OK;
    if (flow->step == STEP_LOOKUP && is_user) {
        s_on_lookup(self, flow, &answer->as.store_user);
    } else if (flow->step == STEP_FIND_REPEAT && is_user) {
        s_on_repeat_known(self, flow, &answer->as.store_user);
    } else if ((flow->step == STEP_ADD_USER || flow->step == STEP_FIND_USER) && is_user) {
        s_on_added(self, flow, &answer->as.store_user);
    } else if (flow->step == STEP_RESET && is_user) {
        accounts_reset_done(self, flow, &answer->as.store_user);
    } else if (flow->step == STEP_ADD_SESSION && is_ok) {
        metric_add(METRIC_AUTH_SIGNINS, 1);
        s_done(self, flow);
    } else if (flow->step == STEP_ROTATE && answer->type == MSG_STORE_SESSION) {
        s_on_rotated(self, flow, &answer->as.store_session);
    } else if (accounts_rights_answered(self, flow, answer)) {
        return;
    } else if (flow->step == STEP_END && is_ok) {
        flow_reply_ok(self, &flow->asked, answer->as.store_ok.value);
        flow_end(self, flow);
    } else {
        log_error("accounts: the store gave another answer than asked for: step=%d answer=%s", (int)flow->step,
                  msg_name(answer->type));
        flow_refuse(self, flow, ERR_INTERNAL, 0);
    }
}

void accounts_flow_expired(struct accounts *self, const struct request *request)
{
    struct flow *flow = request->data;
    flow_refuse(self, flow, request->what == STEP_HASH ? ERR_BUSY : ERR_UNAVAILABLE, FLOW_RETRY_MS);
}

void accounts_flows_repeat(struct accounts *self)
{
    for (struct flow *flow = self->flows; flow; flow = flow->next) {
        if (flow->step > STEP_STORE_LAST)
            continue;
        flow->repeated = true;
        (void)s_send(self, flow); /* what cannot be sent now ends by its deadline */
    }
}

void accounts_flows_drop(struct accounts *self)
{
    while (self->flows) {
        struct request request;
        requests_take(self->requests, self->flows->correlation, &request);
        flow_end(self, self->flows);
    }
}
