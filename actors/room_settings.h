/* room_settings — the name, the topic, whether a room is archived, and what newcomers may read. A part of the rules of
 * room.h: pure, on its thread, judged by what is committed.
 *
 * - Moderators and the owner name a room, say what it is about, archive it and open it again; only the owner says what
 *   newcomers may read. Direct rooms have none of this. Administrators of the server archive and open all others.
 * - An archived room is kept to read: nobody comes in, nothing is said or put under lines, no setting changes. What takes
 *   away is still done (deleting, leaving, removing, banning), and so are roles, that somebody is there to open it.
 * - What newcomers may read is decided when they come in: from their joining on, or all. Who comes again gets what that
 *   coming gives, not what an earlier one did. */
#ifndef ROOKERY_ACTORS_ROOM_SETTINGS_H
#define ROOKERY_ACTORS_ROOM_SETTINGS_H

#include "actors/room.h"

/* Is it a kind that is judged and applied here? */
bool room_settings_has(uint32_t kind);

/* Of anybody, for all kinds but those that create: ERR_OK, ERR_ARCHIVED. */
err_t room_settings_judge_archived(const room_t *self, uint32_t kind);
/* Of a member of a room that is READY, for kinds of room_settings_has: ERR_OK, ERR_FORBIDDEN, ERR_NO_CHANGE. */
err_t room_settings_judge(const room_t *self, uint32_t kind, uint64_t user, view_t body);
/* Must pending, which comes after `before` in one batch, wait until that one is committed to be judged? */
bool room_settings_clash(const struct pending *before, const struct pending *pending);
/* pending, of a kind of room_settings_has, is committed. ERR_BAD_FRAME: read the room again. */
err_t room_settings_apply(room_t *self, const struct pending *pending);

/* Whoever comes in with the event seq: how much they may read is noted. ERR_NO_MEMORY. */
err_t room_settings_enter(room_t *self, uint64_t user, uint64_t seq);

#endif
