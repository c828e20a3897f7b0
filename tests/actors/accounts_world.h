/* accounts_world — a world for the accounts actor: a clock that stands still, a link that keeps what is sent, and a
 * store in memory that answers as persist would. It stands in for actors/runtime/actor.c at link time, so the real
 * accounts_run runs, on the test's own thread. */
#ifndef ROOKERY_TESTS_ACCOUNTS_WORLD_H
#define ROOKERY_TESTS_ACCOUNTS_WORLD_H

#include "actors/accounts.h"
#include "actors/runtime/actor.h"
#include "proto/messages.h"

struct world_user {
    uint64_t id;
    char name[64], hash[128];
    bool disabled, must_change;
    uint32_t role;
};

struct world_session {
    uint64_t id, user;
    uint8_t current[32], previous[32];
    bool rotated, revoked;
    uint64_t rotated_at_ms;
};

struct world {
    struct config config;
    int64_t now_ms, utc_ms;
    struct world_user users[8];
    size_t user_count;
    struct world_session sessions[32];
    size_t session_count;
    bool store_silent;  /* it swallows questions */
    bool answers_lost;  /* it does what it is asked, and nobody hears of it */
    bool store_full;    /* nothing can be sent to it */
    size_t binds;
    size_t store_asked; /* questions that arrived */
    uint16_t last_asked;
    size_t keys_published, passwords_set;
    size_t audits; /* bursts of failures that it was told of */
    uint64_t audit_subject;
    size_t sessions_to_come; /* so many steps of ending sessions are not the last */
};

extern struct world world;

/* Runs accounts with fresh var folder and `script` in place of its loop, then checks that it frees everything. */
void world_run(void (*script)(void));
void world_run_unwelcome(void (*script)(void)); /* begins before it */

/* What the edge got for one question. */
struct answer {
    uint16_t type; /* MSG_NONE: none yet */
    err_t code;
    uint32_t retry_ms;
    uint64_t user, session, role, value;
    bool must_change;
    char access[2048], refresh[129], name[129];
};

/* Each sends a question from edge/0 and returns its number. */
uint64_t world_signup(const char *name, const char *password, const char *address);
uint64_t world_signup_as(uint64_t user, const char *name, const char *password, const char *address);
uint64_t world_login(const char *name, const char *password, const char *address);
uint64_t world_refresh(const char *token);
uint64_t world_logout(const char *token);
uint64_t world_sessions_end(uint64_t user, uint64_t session, uint64_t keep);
uint64_t world_password(uint64_t user, uint64_t session, const char *current, const char *next, const char *address);
/* Delivers any message from any actor, as a reply if correlation is not 0. */
err_t world_deliver(address_t from, uint64_t correlation, bool reply, const struct msg *msg);

/* Lets store and hashing work until the question is answered, or nothing happens any more. */
struct answer world_answer(uint64_t question);
struct answer world_answered(uint64_t question); /* without letting anything happen */
void world_settle(void);
void world_enter(void); /* the directory's welcome; a script of world_run begins after it */
uint64_t world_last_correlation(void); /* of the newest question for the store */

void world_peer(address_t peer, peer_event_t event);
void world_pass_ms(int64_t ms); /* clocks go on, a tick happens */
address_t world_edge(void);
address_t world_store(void);

#endif
