/* persist — the actor that speaks SQL for all others. Its own thread only sorts: batches of events to the writer, other
 * writes to the control worker, questions to the reader pool, pieces of files to threads of their own; answers go where the envelope says. It never waits for
 * the database.
 *
 * Bounds: each queue; what does not fit is ERR_OVERLOADED. What waited for LIM_UNAVAILABLE_MS, or cannot be asked
 * because no connection is open, is ERR_UNAVAILABLE; batches of events wait on, since an answer about them would be a
 * guess. On error: with a bad DATABASE_URL it returns unready. */
#ifndef ROOKERY_PERSIST_PERSIST_H
#define ROOKERY_PERSIST_PERSIST_H

#include "actors/runtime/supervisor.h"

/* Thread of the role (supervisor.h). */
void persist_run(void *pipe, const struct role_context *context);

#endif
