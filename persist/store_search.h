/* store_search — the question STORE_SEARCH: which lines have what a query asks for, newest first.
 *
 * The rooms are those that `member` says, from visible_from_seq on, and each line is read in one statement with that
 * row again: who was removed a moment ago is answered nothing. The index only proposes lines; what a line says now is
 * looked at before it is a hit, so neither an erased nor a changed text is ever shown, however far the index is behind.
 *
 * The rarest term of the query leads: its lines of all rooms are merged by time. A page ends at a bound on index
 * entries, lines read or time, with the place to go on from; the order is total, so no line is left out or doubled. */
#ifndef ROOKERY_PERSIST_STORE_SEARCH_H
#define ROOKERY_PERSIST_STORE_SEARCH_H

#include "persist/store.h"

db_status_t store_on_search(struct store_call *call);

#endif
