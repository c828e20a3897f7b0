/* room_members — who may remove, ban and mute whom, who gives which role; what that does to a room. A part of the rules
 * of room.h: pure, on its thread, judged by what is committed.
 *
 * Rank decides: the owner stands over moderators, they over members, and those who are in no room are as members.
 * - Moderators and the owner remove, ban, unban and mute whom they outrank. Nobody does any of it to themselves.
 * - Only the owner gives roles. Giving away the ownership makes the giver a moderator: a room has one owner.
 * - A room with people in it has an owner: the owner leaves only as the last one (else ERR_LAST_OWNER: hand it over
 *   first), and who enters an empty room owns it.
 * - Moderators and the owner bring people into any room that is not direct; who is banned is not brought in.
 * - Who is banned can neither enter nor learn of the room; who is muted reads, deletes own lines and leaves, and may do
 *   nothing else in it, whatever kind of event it is. A ban or mute outlasts membership. Muting never binds the owner.
 * - Rooms that are not public do not exist for those who are not in them, banned or not. Only an administrator of the
 *   server enters one that everybody has left, and owns it then.
 * - In direct rooms there is nothing of this: who is in them stays, nobody comes, nobody has a role.
 * Bounds: LIM_ROOM_RESTRICTED_MAX people muted or banned. */
#ifndef ROOKERY_ACTORS_ROOM_MEMBERS_H
#define ROOKERY_ACTORS_ROOM_MEMBERS_H

#include "actors/room.h"

enum { RESTRICTED_MUTED = 1, RESTRICTED_BANNED = 2 };

/* Is it a kind that is judged here? All but ADDED are applied here too. */
bool room_members_has(uint32_t kind);
/* Is somebody a member by an event of this kind, who was none? */
bool room_members_enters(uint32_t kind);
/* Whom an event of these kinds is about; 0: of another kind. */
uint64_t room_members_whom(uint32_t kind, view_t body);

bool room_is_muted(const room_t *self, uint64_t user);
bool room_is_banned(const room_t *self, uint64_t user);
/* May they read the room? ERR_OK, ERR_NO_ROOM, ERR_BANNED, ERR_NOT_MEMBER. */
err_t room_may_read(const room_t *self, uint64_t user);

/* Of a member of a room that is READY, for kinds of room_members_has: ERR_OK, ERR_FORBIDDEN, ERR_NO_MEMBER,
 * ERR_NO_CHANGE, ERR_TOO_MANY_RESTRICTED, ERR_MEMBER_BANNED, ERR_ROOM_FULL. */
err_t room_members_judge(const room_t *self, uint32_t kind, uint64_t user, view_t body);
/* Of a member: ERR_OK, ERR_LAST_OWNER, ERR_FORBIDDEN (a direct room). */
err_t room_members_judge_leave(const room_t *self, uint64_t user);
/* Of a member: ERR_OK, ERR_MUTED. */
err_t room_members_judge_speech(const room_t *self, uint32_t kind, uint64_t user);

/* Must pending, which comes after `before` in one batch, wait until that one is committed to be judged? */
bool room_members_clash(const room_t *self, const struct pending *before, const struct pending *pending);
/* Who enters an empty room is its owner: written into the joining when it is numbered. */
void room_members_number(const room_t *self, struct pending *pending);
/* pending, of a kind of room_members_has, is committed. ERR_NO_MEMORY, ERR_BAD_FRAME: read the room again. */
err_t room_members_apply(room_t *self, const struct pending *pending);

#endif
