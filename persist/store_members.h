/* store_members — SQL and rows of `member` and `room_restricted`: what one person does to another in a room. */
#ifndef ROOKERY_PERSIST_STORE_MEMBERS_H
#define ROOKERY_PERSIST_STORE_MEMBERS_H

#include "persist/store.h"

db_status_t store_on_restricted_get(struct store_call *call);
/* Appends those whom the room restricts, as rec_restricted. For a transaction that reads the whole room. */
db_status_t store_read_restricted(db_t *db, uint64_t room, list_writer_t *list);

/* Within the transaction that stores the event, of kinds REMOVED … MUTED; each is noted in the audit log. */
db_status_t store_member_change(db_t *db, const struct rec_append_row *row);

#endif
