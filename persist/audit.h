/* audit — the table of who did what to whom; within the transaction of the deed. Rows are added, never changed, and
 * taken away when they are older than the option audit_days says. */
#ifndef ROOKERY_PERSIST_AUDIT_H
#define ROOKERY_PERSIST_AUDIT_H

#include "persist/db.h"

/* action: a fixed word of ours. actor and subject: ids of users, sessions or nodes, as the action says. detail: short,
 * never a secret or the text of a line. */
db_status_t audit_add(db_t *db, uint64_t at_ms, const char *action, uint64_t actor, uint64_t subject,
                      const char *detail);
db_status_t audit_add_text(db_t *db, uint64_t at_ms, view_t action, uint64_t actor, uint64_t subject, view_t detail);
/* Takes the oldest rows before then away, at most LIM_AUDIT_PRUNE_ROWS. */
db_status_t audit_prune(db_t *db, uint64_t before_ms, uint64_t *count_out);

#endif
