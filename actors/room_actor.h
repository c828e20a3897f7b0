/* room_actor — the role "room": room_shard's rules on a thread, with links, clocks, log and metrics.
 *
 * Binds its endpoint for edges and other room actors, connects to every persist and to the room actors before it in
 * the topology. Comes up with DIR_HELLO, takes its share of shards, beats each second. At "$TERM" it commits what it
 * accepted and gives its shards back; declared dead, it ends by itself, which ends the process. */
#ifndef ROOKERY_ACTORS_ROOM_ACTOR_H
#define ROOKERY_ACTORS_ROOM_ACTOR_H

#include "actors/runtime/supervisor.h"

enum { ROOM_ACTOR_STOP_MS = 4000 }; /* flushing at the end; then it stops as it is: resends find their answers */

/* A role's thread, see supervisor.h. */
void room_actor_run(void *pipe, const struct role_context *context);

#endif
