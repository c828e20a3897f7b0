/* An administrator gives somebody a password for once: a random one, which its owner is asked to change. Whether the
 * asker is an administrator is the store's to say, in the transaction that does it. */
#include <inttypes.h>
#include <string.h>

#include "actors/accounts_flows_impl.h"
#include "actors/runtime/log.h"
#include "proto/person.h"

void accounts_on_reset(struct accounts *self, const struct envelope *env, const struct msg_auth_reset *msg)
{
    struct flow *flow = flow_begin(self, env);
    if (!flow)
        return;
    char code[PERSON_CODE_LEN + 1];
    person_code_new(code);
    flow->task = TASK_RESET;
    flow->by = msg->by;
    flow->user = msg->user;
    flow->code = flow->password = flow_text(view_of_text(code));
    explicit_bzero(code, sizeof code);
    flow_hash(self, flow, true, view_of(NULL, 0));
}

void accounts_reset_hashed(struct accounts *self, struct flow *flow, const struct password_result *result)
{
    if (!result->matches) {
        flow_refuse(self, flow, ERR_NO_MEMORY, FLOW_RETRY_MS);
        return;
    }
    flow->hash = flow_text(view_of_text(result->hash));
    flow_ask(self, flow, STEP_RESET);
}

void accounts_reset_done(struct accounts *self, struct flow *flow, const struct msg_store_user *user)
{
    struct msg msg = {.type = MSG_AUTH_RESET_DONE};
    msg.as.auth_reset_done = (struct msg_auth_reset_done){
        .user = user->user, .name = user->name, .password = flow_view(&flow->code)};
    log_info("accounts: a password was reset: user=%" PRIu64 " by=%" PRIu64, flow->user, flow->by);
    actor_reply(self->actor, &flow->asked, &msg);
    flow_end(self, flow);
}
