/* store_admin — what administrators ask of the store: users, rooms, sign-ins, the audit log. Whoever asks must be an
 * administrator who is not disabled when it is asked, whatever their token says. Nothing here reads what is said in a
 * room. */
#ifndef ROOKERY_PERSIST_STORE_ADMIN_H
#define ROOKERY_PERSIST_STORE_ADMIN_H

#include "persist/store.h"

db_status_t store_on_admin_users_get(struct store_call *call);
db_status_t store_on_admin_user_set(struct store_call *call);
db_status_t store_on_admin_sessions_get(struct store_call *call);
db_status_t store_on_admin_sessions_end(struct store_call *call);
db_status_t store_on_admin_rooms_get(struct store_call *call);
db_status_t store_on_admin_audit_get(struct store_call *call);
db_status_t store_on_audit_add(struct store_call *call);
/* The sockets that edges told of, and whose they are. */
db_status_t store_on_sockets(struct store_call *call);

#endif
