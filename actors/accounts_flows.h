/* accounts_flows — what accounts does for one question of an edge, step by step: ask the store, hash, sign, answer.
 * Internal to accounts. Runs on its actor's thread. */
#ifndef ROOKERY_ACTORS_ACCOUNTS_FLOWS_H
#define ROOKERY_ACTORS_ACCOUNTS_FLOWS_H

#include "actors/accounts_throttle.h"
#include "actors/password.h"
#include "actors/runtime/actor.h"
#include "actors/runtime/requests.h"
#include "actors/token.h"

struct flow; /* one question under way */

struct accounts {
    actor_t *actor;
    address_t persist; /* the one asked now */
    token_signer_t *signer;
    password_pool_t *pool;
    requests_t *requests; /* of flows: data is the flow; of the actor itself: data is NULL */
    struct flow *flows;   /* all of them, doubly linked */
    accounts_throttle_t *account_failures, *address_failures, *address_signups;
    accounts_throttle_t *bursts; /* of failures that the audit log was told of, by the same keys */
};

/* What a request in flight waits for: request.what. Up to STEP_STORE_LAST the store's answer. */
enum step {
    STEP_LOOKUP = 1,  /* login: STORE_USER_BY_NAME */
    STEP_ADD_USER,    /* signup: STORE_USER_ADD */
    STEP_FIND_REPEAT, /* signup: is this question a repeat of one that was done? STORE_USER_BY_ID */
    STEP_FIND_USER,   /* signup: a repeated STORE_USER_ADD found the name taken: by us? STORE_USER_BY_ID */
    STEP_ADD_SESSION, /* signup, login: STORE_SESSION_ADD */
    STEP_ROTATE,      /* refresh: STORE_SESSION_ROTATE */
    STEP_END,         /* logout: STORE_SESSION_END */
    STEP_END_MANY,    /* sessions: STORE_SESSIONS_END */
    STEP_KNOW_USER,   /* password: STORE_USER_BY_ID */
    STEP_CHANGE,      /* password: STORE_PASSWORD_CHANGE */
    STEP_RESET,       /* reset: STORE_PASSWORD_RESET */
    STEP_STORE_LAST = STEP_RESET,
    STEP_HASH,        /* signup, reset: a new hash. login: verify. password: verify, then a new hash */
    STEP_REHASH,      /* no flow waits: STORE_PASSWORD_SET */
    STEP_PUBLISH_KEY, /* no flow waits: DIR_KEY_ADD */
    STEP_AUDIT,       /* no flow waits: STORE_AUDIT_ADD */
    STEP_DIRECTORY,   /* no flow waits: DIR_HELLO, DIR_BEAT */
};

/* A question begins; each answers `env` sooner or later, at the latest when its deadline has passed. */
void accounts_on_signup(struct accounts *self, const struct envelope *env, const struct msg_auth_signup *msg);
void accounts_on_login(struct accounts *self, const struct envelope *env, const struct msg_auth_login *msg);
void accounts_on_refresh(struct accounts *self, const struct envelope *env, const struct msg_auth_refresh *msg);
void accounts_on_logout(struct accounts *self, const struct envelope *env, const struct msg_auth_logout *msg);
void accounts_on_sessions_end(struct accounts *self, const struct envelope *env,
                              const struct msg_auth_sessions_end *msg);
void accounts_on_password(struct accounts *self, const struct envelope *env, const struct msg_auth_password *msg);
void accounts_on_setup(struct accounts *self, const struct envelope *env, const struct msg_auth_setup *msg);
void accounts_on_reset(struct accounts *self, const struct envelope *env, const struct msg_auth_reset *msg);

/* The flow of a request that was just taken out goes on with the store's answer, or the hash. */
void accounts_flow_answered(struct accounts *self, const struct request *request, const struct msg *answer);
void accounts_flow_hashed(struct accounts *self, const struct request *request, const struct password_result *result);
/* The request's deadline has passed. */
void accounts_flow_expired(struct accounts *self, const struct request *request);
/* Frames of the link to the store may be lost: ask again whatever is open. All of it is idempotent. */
void accounts_flows_repeat(struct accounts *self);
/* Frees what is left without an answer. */
void accounts_flows_drop(struct accounts *self);

#endif
