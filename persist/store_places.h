/* store_places — where members stand in a room: read pointers, and what they decided for themselves; who of them has a
 * name that begins so. */
#ifndef ROOKERY_PERSIST_STORE_PLACES_H
#define ROOKERY_PERSIST_STORE_PLACES_H

#include "persist/store.h"

db_status_t store_on_reads(struct store_call *call);
db_status_t store_on_place_set(struct store_call *call);
db_status_t store_on_members_find(struct store_call *call);

/* Within the transaction that ends a membership: who comes back begins anew. */
db_status_t store_place_forget(db_t *db, uint64_t room, uint64_t user);

#endif
