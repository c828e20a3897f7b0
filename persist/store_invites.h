/* store_invites — SQL and rows of `server_setting` and `invite`: what the server is called, and who may sign up.
 *
 * A use of an invitation is counted in the transaction that adds the user, under the counter of users that every
 * sign-up locks: never one use too many. */
#ifndef ROOKERY_PERSIST_STORE_INVITES_H
#define ROOKERY_PERSIST_STORE_INVITES_H

#include "persist/store.h"

db_status_t store_on_server_get(struct store_call *call);
db_status_t store_on_server_set(struct store_call *call);
db_status_t store_on_invites_get(struct store_call *call);
db_status_t store_on_invite_add(struct store_call *call);
db_status_t store_on_invite_end(struct store_call *call);

/* An administrator who may sign in. */
db_status_t store_is_admin(db_t *db, uint64_t user, bool *is_out);

/* For STORE_USER_ADD, within its transaction and the counter's lock; each may refuse. */
db_status_t store_admit(struct store_call *call);                /* by the mode of sign-up, and the invitation */
db_status_t store_set_up(struct store_call *call, bool is_first); /* notes the settings; is_first: nobody is there */

#endif
