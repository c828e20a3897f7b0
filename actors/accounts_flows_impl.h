/* accounts_flows_impl — what a flow is, for the files accounts_*.c that run its steps. */
#ifndef ROOKERY_ACTORS_ACCOUNTS_FLOWS_IMPL_H
#define ROOKERY_ACTORS_ACCOUNTS_FLOWS_IMPL_H

#include "actors/accounts_flows.h"

enum { FLOW_RETRY_MS = 1000 };

/* A copy of a text of a frame that is gone when the next step comes. */
struct text {
    uint16_t len;
    uint8_t bytes[256];
};
_Static_assert(LIM_NAME_BYTES_MAX <= 256 && LIM_DEVICE_BYTES_MAX <= 256 && LIM_ADDRESS_BYTES_MAX <= 256 && LIM_USER_AGENT_BYTES_MAX <= 256 &&
                   LIM_PASSWORD_BYTES_MAX <= 256 && LIM_PASSWORD_HASH_BYTES_MAX <= 256 && LIM_SERVER_NAME_BYTES_MAX <= 256 &&
                   LIM_INVITE_CODE_BYTES_MAX <= 256,
               "whatever a message brings fits a struct text");

/* What the person wants, where steps are shared. */
enum task { TASK_SIGN_IN, TASK_SIGN_UP, TASK_PASSWORD, TASK_RESET };

struct flow {
    struct flow *next, *prev;
    struct envelope asked;
    int64_t deadline_ms;
    uint64_t correlation; /* of the request in flight */
    enum step step;
    enum task task;
    bool repeated, disabled;
    bool is_repeat; /* sign-up: an earlier question with this id made the user */
    bool charged; /* sign-in, password: the two keys below hold a charge each */
    uint64_t account_key, address_key;
    struct text name, device, user_agent, address, password, hash;
    struct text next_password, old_hash; /* password: what is to come, and what was verified */
    uint64_t user, session;
    uint64_t keep, ended; /* sessions: which stays, how many went */
    uint32_t role;
    bool must_change;
    struct text invite, server_name; /* sign-up: the code that was brought; set-up: a setting, with the one below */
    uint32_t signup;
    bool is_setup;
    uint64_t by;      /* reset: who asks for it */
    struct text code; /* reset: the password for once */
    struct token_refresh presented, refresh; /* refresh: as it came, and its successor; else the new one */
};

/* accounts_flows.c */
struct text flow_text(view_t view);
view_t flow_view(const struct text *text);
struct flow *flow_begin(struct accounts *self, const struct envelope *env); /* NULL: refused already */
void flow_end(struct accounts *self, struct flow *flow);
void flow_refuse(struct accounts *self, struct flow *flow, err_t code, uint32_t retry_ms); /* and ends it */
void flow_refuse_now(struct accounts *self, const struct envelope *env, err_t code, uint32_t retry_ms);
void flow_reply_ok(struct accounts *self, const struct envelope *env, uint64_t value);
void flow_ask(struct accounts *self, struct flow *flow, enum step step);
/* Hands flow->password to the pool, and forgets it. is_new: makes a hash; else encoded is what to verify against. */
void flow_hash(struct accounts *self, struct flow *flow, bool is_new, view_t encoded);
/* Charges account and address before the password is looked at, so that many guesses at once count each. 0, or how long
 * to wait. */
uint32_t flow_charge(struct accounts *self, struct flow *flow);

/* The flow of a sign-up whose name and password are good, and whose address may sign up now. NULL: refused, or it is worked
 * at already. */
struct flow *flow_begin_signup(struct accounts *self, const struct envelope *env, const struct msg_auth_signup *msg);
/* accounts_audit.c */
/* Sign-ins of this key are refused because too many failed: the audit log gets one row of it in a period. user: 0 when
 * nobody is known. */
void accounts_note_burst(struct accounts *self, uint64_t key, uint64_t user, view_t address);

/* accounts_rights.c */
void accounts_rights_question(const struct flow *flow, uint64_t at_ms, struct msg *msg_out);
/* False: the step is none of theirs. */
bool accounts_rights_answered(struct accounts *self, struct flow *flow, const struct msg *answer);
void accounts_password_hashed(struct accounts *self, struct flow *flow, const struct password_result *result);

/* accounts_reset.c */
void accounts_reset_hashed(struct accounts *self, struct flow *flow, const struct password_result *result);
void accounts_reset_done(struct accounts *self, struct flow *flow, const struct msg_store_user *user);

#endif
