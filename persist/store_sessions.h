/* store_sessions — SQL and rows of `session`, `session_place` and `revocation`.
 *
 * A revocation is numbered in commit order under a locked counter, and edges read what is above the last number they
 * have seen. Its row is needed while a token of the session can be valid, so each new row takes at most
 * LIM_REVOCATION_PRUNE_ROWS away that are older than LIM_REVOCATION_KEEP_S: the table holds an hour's worth, and what a
 * burst left goes with the next ones. An edge that did not hear for longer refuses every token meanwhile.
 * Bounds: LIM_SESSIONS_MAX open sessions of a user, LIM_SESSIONS_END_MAX revoked at once. */
#ifndef ROOKERY_PERSIST_STORE_SESSIONS_H
#define ROOKERY_PERSIST_STORE_SESSIONS_H

#include "persist/store.h"

db_status_t store_on_session_add(struct store_call *call);
db_status_t store_on_session_rotate(struct store_call *call);
db_status_t store_on_session_end(struct store_call *call);
db_status_t store_on_sessions_get(struct store_call *call);
db_status_t store_on_sessions_end(struct store_call *call);
db_status_t store_on_password_change(struct store_call *call);
db_status_t store_on_revocations_get(struct store_call *call);
db_status_t store_on_password_reset(struct store_call *call);

/* Within a transaction, the user's row locked: a password that they are asked to change, and the end of all their
 * sessions. by: who gave it; 0: the operator. */
db_status_t store_give_password(db_t *db, uint64_t by, uint64_t user, view_t hash, uint64_t at_ms);

/* Within a transaction: revokes this session of a user, or, if it is 0, all that are open. why: an action of the audit. */
db_status_t store_end_sessions(db_t *db, uint64_t user, uint64_t session, uint64_t at_ms, const char *why,
                               uint64_t *ended_out);

#endif
