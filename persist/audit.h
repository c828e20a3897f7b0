/* audit — the append-only table of who did what to whom; within the transaction of the deed. */
#ifndef ROOKERY_PERSIST_AUDIT_H
#define ROOKERY_PERSIST_AUDIT_H

#include "persist/db.h"

/* action: a fixed word of ours. actor and subject: ids of users, sessions or nodes, as the action says. detail: short,
 * never a secret or the text of a line. */
db_status_t audit_add(db_t *db, uint64_t at_ms, const char *action, uint64_t actor, uint64_t subject,
                      const char *detail);

#endif
