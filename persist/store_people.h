/* store_people — SQL and rows of `profile`, `avatar` and `user_change`: how users are shown, and who asks for them.
 *
 * A change takes the next number of user_change within its transaction, under a locked counter: so numbers are in
 * commit order, and edges that read above the last one they have seen miss none. The table holds one row a user. */
#ifndef ROOKERY_PERSIST_STORE_PEOPLE_H
#define ROOKERY_PERSIST_STORE_PEOPLE_H

#include "persist/store.h"

db_status_t store_on_users_get(struct store_call *call);
db_status_t store_on_users_find(struct store_call *call);
db_status_t store_on_profile_set(struct store_call *call);
db_status_t store_on_avatar_set(struct store_call *call);
db_status_t store_on_avatar_get(struct store_call *call);
db_status_t store_on_user_changes_get(struct store_call *call);

/* Within a transaction: everybody who sees this user is told, whatever it was that changed. rev grows. */
db_status_t store_user_changed(db_t *db, uint64_t user, uint64_t at_ms);

/* Columns of a user_info, and what they are read from: `u` is the user. */
#define STORE_SHOWN "COALESCE(NULLIF(p.display, ''), u.name)"
#define STORE_USER_INFO "u.id, " STORE_SHOWN ", u.role, u.rev, u.name, COALESCE(p.avatar_rev, 0)"
#define STORE_JOIN_PROFILE "LEFT JOIN profile AS p ON p.user_id = u.id "

#endif
