/* What a signed-in person does to their own account: sign out elsewhere, change the password. */
#include "actors/accounts_flows_impl.h"

#include <inttypes.h>
#include <string.h>

#include "actors/accounts_rules.h"
#include "actors/runtime/log.h"
#include "actors/runtime/metrics.h"

void accounts_rights_question(const struct flow *flow, uint64_t at_ms, struct msg *msg_out)
{
    switch (flow->step) {
    case STEP_END_MANY:
        msg_out->type = MSG_STORE_SESSIONS_END;
        msg_out->as.store_sessions_end = (struct msg_store_sessions_end){
            .user = flow->user, .session = flow->session, .keep = flow->keep, .at_ms = at_ms};
        break;
    case STEP_KNOW_USER:
        msg_out->type = MSG_STORE_USER_BY_ID;
        msg_out->as.store_user_by_id = (struct msg_store_user_by_id){.user = flow->user};
        break;
    case STEP_CHANGE:
        msg_out->type = MSG_STORE_PASSWORD_CHANGE;
        msg_out->as.store_password_change = (struct msg_store_password_change){
            .user = flow->user, .old_hash = flow_view(&flow->old_hash), .new_hash = flow_view(&flow->hash),
            .keep = flow->session, .at_ms = at_ms};
        break;
    case STEP_RESET:
        msg_out->type = MSG_STORE_PASSWORD_RESET;
        msg_out->as.store_password_reset = (struct msg_store_password_reset){
            .by = flow->by, .user = flow->user, .password_hash = flow_view(&flow->hash), .at_ms = at_ms};
        break;
    default: break; /* no other step asks the store */
    }
}

/* ---- sign out elsewhere --------------------------------------------------------------------------------------------- */

void accounts_on_sessions_end(struct accounts *self, const struct envelope *env,
                              const struct msg_auth_sessions_end *msg)
{
    struct flow *flow = flow_begin(self, env);
    if (!flow)
        return;
    flow->user = msg->user;
    flow->session = msg->session;
    flow->keep = msg->keep;
    flow_ask(self, flow, STEP_END_MANY);
}

static void s_on_ended(struct accounts *self, struct flow *flow, uint64_t count)
{
    flow->ended += count;
    if (count == LIM_SESSIONS_END_MAX) {
        flow_ask(self, flow, STEP_END_MANY); /* there may be more */
        return;
    }
    flow_reply_ok(self, &flow->asked, flow->ended);
    flow_end(self, flow);
}

/* ---- password ------------------------------------------------------------------------------------------------------- */

void accounts_on_password(struct accounts *self, const struct envelope *env, const struct msg_auth_password *msg)
{
    uint64_t address_key = accounts_throttle_address_key(self->address_failures, msg->address);
    uint32_t wait_ms = accounts_throttle_wait_ms(self->address_failures, address_key, actor_now_ms(self->actor));
    if (wait_ms) {
        flow_refuse_now(self, env, ERR_RATE_LIMITED, wait_ms);
        return;
    }
    struct flow *flow = flow_begin(self, env);
    if (!flow)
        return;
    flow->task = TASK_PASSWORD;
    flow->user = msg->user;
    flow->session = msg->session;
    flow->address_key = address_key;
    flow->password = flow_text(msg->current);
    flow->next_password = flow_text(msg->next);
    flow_ask(self, flow, STEP_KNOW_USER);
}

/* The new password is judged before anything is hashed: a weak one costs nothing. */
static void s_on_known(struct accounts *self, struct flow *flow, const struct msg_store_user *user)
{
    if (!user->found || user->disabled) {
        flow_refuse(self, flow, user->found ? ERR_DISABLED : ERR_FORBIDDEN, 0);
        return;
    }
    err_t err = accounts_check_password(flow_view(&flow->next_password), user->name);
    if (!err && user->must_change && view_is_equal(flow_view(&flow->password), flow_view(&flow->next_password)))
        err = ERR_NO_CHANGE; /* who gave it would still know it */
    if (err) {
        flow_refuse(self, flow, err, 0);
        return;
    }
    flow->account_key = accounts_throttle_key(self->account_failures, view_of(&user->user, sizeof user->user));
    uint32_t wait_ms = flow_charge(self, flow);
    if (wait_ms) {
        metric_add(METRIC_AUTH_FAILURES, 1);
        flow_refuse(self, flow, ERR_RATE_LIMITED, wait_ms);
        return;
    }
    flow->old_hash = flow_text(user->password_hash);
    flow_hash(self, flow, false, user->password_hash);
}

void accounts_password_hashed(struct accounts *self, struct flow *flow, const struct password_result *result)
{
    bool was_verified = flow->next_password.len == 0;
    if (was_verified && !result->matches) {
        flow_refuse(self, flow, ERR_NO_MEMORY, FLOW_RETRY_MS);
    } else if (was_verified) {
        flow->hash = flow_text(view_of_text(result->hash));
        flow_ask(self, flow, STEP_CHANGE);
    } else if (!result->matches) {
        metric_add(METRIC_AUTH_FAILURES, 1);
        flow_refuse(self, flow, ERR_WRONG_PASSWORD, 0);
    } else {
        accounts_throttle_clear(self->account_failures, flow->account_key);
        accounts_throttle_refund(self->address_failures, flow->address_key);
        flow->charged = false;
        flow->password = flow->next_password;
        explicit_bzero(&flow->next_password, sizeof flow->next_password);
        flow_hash(self, flow, true, view_of(NULL, 0));
    }
}

/* ---- answers -------------------------------------------------------------------------------------------------------- */

bool accounts_rights_answered(struct accounts *self, struct flow *flow, const struct msg *answer)
{
    bool is_ok = answer->type == MSG_STORE_OK;
    if (flow->step == STEP_KNOW_USER && answer->type == MSG_STORE_USER) {
        s_on_known(self, flow, &answer->as.store_user);
    } else if (flow->step == STEP_END_MANY && is_ok) {
        s_on_ended(self, flow, answer->as.store_ok.value);
    } else if (flow->step == STEP_CHANGE && is_ok) {
        log_info("accounts: a password was changed: user=%" PRIu64, flow->user);
        flow_reply_ok(self, &flow->asked, answer->as.store_ok.value);
        flow_end(self, flow);
    } else {
        return false;
    }
    return true;
}
