/* store_accounts — SQL and rows of `user`, `session` and `revocation`. */
#ifndef ROOKERY_PERSIST_STORE_ACCOUNTS_H
#define ROOKERY_PERSIST_STORE_ACCOUNTS_H

#include "persist/store.h"

db_status_t store_on_users_get(struct store_call *call);
db_status_t store_on_user_add(struct store_call *call);
db_status_t store_on_user_by_name(struct store_call *call);
db_status_t store_on_user_by_id(struct store_call *call);
db_status_t store_on_password_set(struct store_call *call);
db_status_t store_on_session_add(struct store_call *call);
db_status_t store_on_session_rotate(struct store_call *call);
db_status_t store_on_session_end(struct store_call *call);
db_status_t store_on_revocations_get(struct store_call *call);

#endif
