#include "persist/audit.h"

#include "proto/ids.h"

db_status_t audit_add(db_t *db, uint64_t at_ms, const char *action, uint64_t actor, uint64_t subject,
                      const char *detail)
{
    const struct db_value values[] = {db_u64(id_random()), db_u64(at_ms),   db_u64(actor),
                                      db_text(view_of_text(action)), db_u64(subject), db_text(view_of_text(detail))};
    return db_run(db, "INSERT INTO audit (id, at_ms, actor_id, action, subject_id, detail) VALUES (?, ?, ?, ?, ?, ?)",
                  values, 6);
}
