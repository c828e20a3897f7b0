/* store_accounts — SQL and rows of `user`, and the counters. */
#ifndef ROOKERY_PERSIST_STORE_ACCOUNTS_H
#define ROOKERY_PERSIST_STORE_ACCOUNTS_H

#include "persist/store.h"

db_status_t store_on_user_add(struct store_call *call);
db_status_t store_on_user_by_name(struct store_call *call);
db_status_t store_on_user_by_id(struct store_call *call);
db_status_t store_on_password_set(struct store_call *call);

/* The answer is STORE_USER of this user. */
db_status_t store_user_of_id(struct store_call *call, uint64_t user);

/* Within a transaction. Locks the row until its end: whoever gets the next number commits first. */
db_status_t store_next_number(db_t *db, uint64_t counter, uint64_t *number_out);

#endif
