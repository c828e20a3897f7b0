/* store_settings — SQL and rows of `room_setting`, and of `room` where it changes: name, topic, archived, history. */
#ifndef ROOKERY_PERSIST_STORE_SETTINGS_H
#define ROOKERY_PERSIST_STORE_SETTINGS_H

#include "persist/store.h"

/* Who has an account, before they are brought into a room. */
db_status_t store_on_entrants_get(struct store_call *call);

/* Within the transaction that stores the event. */
db_status_t store_setting_create(db_t *db, uint64_t room, uint64_t history);
/* Of kinds RENAMED … HISTORY_CHANGED; each but the topic is noted in the audit log. */
db_status_t store_setting_change(db_t *db, const struct rec_append_row *row);

#endif
