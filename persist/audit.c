#include "persist/audit.h"

#include "proto/ids.h"
#include "proto/limits.h"

db_status_t audit_add_text(db_t *db, uint64_t at_ms, view_t action, uint64_t actor, uint64_t subject, view_t detail)
{
    const struct db_value values[] = {db_u64(id_random()), db_u64(at_ms),   db_u64(actor),
                                      db_text(action),     db_u64(subject), db_text(detail)};
    return db_run(db, "INSERT INTO audit (id, at_ms, actor_id, action, subject_id, detail) VALUES (?, ?, ?, ?, ?, ?)",
                  values, 6);
}

db_status_t audit_add(db_t *db, uint64_t at_ms, const char *action, uint64_t actor, uint64_t subject,
                      const char *detail)
{
    return audit_add_text(db, at_ms, view_of_text(action), actor, subject, view_of_text(detail));
}

db_status_t audit_prune(db_t *db, uint64_t before_ms, uint64_t *count_out)
{
    const struct db_value values[] = {db_u64(before_ms), db_u64(LIM_AUDIT_PRUNE_ROWS)};
    db_status_t status = db_run(db, "DELETE FROM audit WHERE at_ms < ? ORDER BY at_ms LIMIT ?", values, 2);
    *count_out = status ? 0 : db_affected(db);
    return status;
}
