/* edge_world — a real edge on a loopback port, and around it a persist, an accounts and a room actor that one test
 * thread plays: a handful of rooms in memory, every user a member, and the faults a test asks for.
 * The functions may be called from the test's thread while the world runs. */
#ifndef ROOKERY_TESTS_EDGE_WORLD_H
#define ROOKERY_TESTS_EDGE_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/messages.h"

enum { WORLD_ROOMS = 4, WORLD_ROOM = 1000 /* ids 1000 … */, WORLD_STRANGE_ROOM = 1999 /* nobody is a member */,
       WORLD_NO_OWNER = 77 /* a user who owns no room; all others own all */,
       WORLD_ADMIN = 9 /* a user whose tokens say that they are an administrator; no other's do */,
       WORLD_GIVEN = 88 /* a user whose password an administrator gave, as their tokens say */ };

#define WORLD_SECRET "0123456789abcdef0123456789abcdef"

struct world;

struct world_options {
    int64_t frames_per_s, frames_burst, connections_max, connections_per_address, requests_per_s, requests_burst;
    int64_t file_mib;
    const char *web_root, *origins, *trusted_proxies;
    bool tcp; /* links over tcp, so that the room can be restarted */
};

/* NULL: all defaults. Returns when the edge is ready. */
struct world *world_start(const struct world_options *options);
void world_stop(struct world *self); /* "$TERM" to the edge, then the end of the rest */
void world_term(struct world *self); /* only "$TERM": the edge drains */

int world_port(const struct world *self);
int world_admin_port(const struct world *self);
/* A token of user for session; expires in that many seconds. Lives until the next call. */
const char *world_token(uint64_t user, uint64_t session, int64_t expires_s);

/* Commits `count` lines of user 99 in the room and streams them. */
void world_say(struct world *self, uint64_t room, int count, size_t text_bytes);
uint64_t world_head(struct world *self, uint64_t room);
void world_skip_events(struct world *self, int count);  /* so many are committed and not streamed */
void world_swallow_posts(struct world *self, int count); /* so many posts are lost on their way */
void world_fetch(struct world *self, bool on);          /* backfills come from persist */
void world_answer_early(struct world *self, bool on);   /* persist's, before the room's own */
void world_hold_answers(struct world *self, bool on);   /* persist's answers wait until false */
void world_not_owner(struct world *self, int count);    /* so many posts are answered not_owner */
void world_mute_persist(struct world *self, bool on);   /* persist answers nothing */
void world_revoke(struct world *self, uint64_t session);
void world_change_user(struct world *self); /* user 7 is shown otherwise: rev 1, 2 … */
void world_kick(struct world *self, uint64_t room, uint64_t user);
void world_drop_room(struct world *self, uint64_t room);  /* its actor forgets who reads it, and says so */
void world_type(struct world *self, uint64_t room);
void world_restart_room(struct world *self);            /* another boot; what it held in memory stays known */

/* The one file that the world holds: an upload fills it, of this user also when it was put here. */
void world_file_put(struct world *self, uint64_t file, const char *name, const char *mime, const uint8_t *bytes, size_t len);
size_t world_file_len(struct world *self, uint8_t *bytes_out, size_t size); /* copies what there is of it */

struct world_seen {
    int file_begins, file_chunks, file_drops, file_gets;
    uint64_t file_width, file_height;
    char file_mime[65];
    int posts, attaches, readers, detached, inbox_opens, inbox_closes, reads, typings, not_owner, exports;
    uint64_t last_user, last_session; /* of the last post's envelope */
    bool last_admin;
    uint64_t admin_by, admin_user, admin_session, admin_role, admin_disabled; /* of the last such question to persist */
};
struct world_seen world_seen(struct world *self);

#endif
