/* Printed by proto/gen_proto.c from proto/messages.def, errors.def, close.def and limits.h: change those.
 *
 * A message is a union member told by `type`. Client ids are their 26 characters here and 16 bytes on the
 * wire; ids and times are numbers below 2^53; `raw` is whatever the MessagePack decoder gives. */
import type { FieldType } from './table';

export const PROTO_VERSION = 1;

/** Subprotocols of the WebSocket; this client speaks the first. */
export const SUBPROTOCOL_MSGPACK = 'rookery.v1.msgpack';
export const SUBPROTOCOL_JSON = 'rookery.v1.json';

export const LIMITS = {
  /** a line of chat, UTF-8 */
  TEXT_BYTES_MAX: 4096,
  /** of a file */
  FILE_NAME_BYTES_MAX: 200,
  /** files of one line */
  LINE_FILES_MAX: 10,
  /** one WebSocket message from a browser */
  FRAME_BYTES_MAX: 16384,
  /** a user's name, in characters */
  NAME_CHARS_MIN: 1,
  /** a user's name, in characters */
  NAME_CHARS_MAX: 32,
  /** a user's name, in bytes */
  NAME_BYTES_MAX: 128,
  /** how a user is shown, or a server's name, in characters */
  DISPLAY_CHARS_MAX: 64,
  /** a user's picture */
  AVATAR_BYTES_MAX: 262144,
  /** of one invitation */
  INVITE_USES_MAX: 100000,
  /** a room's name, in characters */
  ROOM_NAME_CHARS_MAX: 64,
  /** a room's name, in bytes */
  ROOM_NAME_BYTES_MAX: 256,
  /** what a room is about */
  TOPIC_BYTES_MAX: 512,
  /** a password, in bytes */
  PASSWORD_BYTES_MIN: 8,
  /** a password, in bytes */
  PASSWORD_BYTES_MAX: 128,
  /** a search */
  QUERY_BYTES_MAX: 128,
  /** what a browser calls itself */
  DEVICE_BYTES_MAX: 64,
  /** rooms in one `hello`; rooms a user is in */
  SUBS_MAX: 512,
  /** lines of one history page */
  PAGE_EVENTS_MAX: 100,
  /** newest lines a snapshot carries */
  SNAPSHOT_MESSAGES: 50,
  /** ids in one question for users; members in one page */
  USERS_PAGE_MAX: 200,
  /** rooms in one page of the directory */
  ROOMS_PAGE_MAX: 100,
  /** above it presence is a count */
  PRESENCE_MEMBERS_MAX: 500,
  /** people in a direct room, its opener among them */
  DIRECT_MEMBERS_MAX: 9,
  /** people one line can call */
  MENTIONS_MAX: 32,
  /** single lines asked for at once */
  LINES_GET_MAX: 64,
  /** pinned lines of one page */
  PINS_PAGE_MAX: 50,
  /** one emoji with its modifiers */
  EMOJI_BYTES_MAX: 48,
  /** different emoji under a line */
  LINE_EMOJI_MAX: 20,
  /** people times emoji under a line */
  LINE_REACTIONS_MAX: 400,
  /** counted for a room: that many or more */
  UNREAD_MENTIONS_MAX: 100,
  /** from open to `hello` */
  HELLO_MS: 5000,
  /** between heartbeats of a socket */
  HEARTBEAT_MS: 25000,
  /** silence after which a socket is dead */
  PONG_MS: 35000,
  /** send `typing` at most once in this time */
  TYPING_SEND_MS: 3000,
  /** a typist who is not heard of again is gone after this */
  TYPING_EXPIRE_MS: 6000,
  /** a question without an answer ends as `unavailable` */
  REQUEST_MS: 10000,
} as const;

/** Kinds of events. */
export const KIND = {
  /** first event of a room; its user is the first member and owner */
  ROOM_CREATED: 1,
  /** the event's user is a member from here on */
  JOINED: 2,
  /** the event's user is no member any more */
  LEFT: 3,
  /** a line; has a msg_no. A nil body is a tombstone: the line was deleted */
  POSTED: 4,
  /** the line at `target` now reads so; a nil body is a tombstone */
  EDITED: 5,
  /** the line at `target` is gone, its text erased everywhere */
  DELETED: 6,
  /** a line that answers the line at `target` (0: none) or calls people; in all else as posted */
  SAID: 7,
  /** the line at `target` now reads so and calls these people and no others; in all else as edited, which calls nobody */
  REVISED: 8,
  /** an emoji under the line at `target`. A line holds at most 20 different emoji and 400 reactions: one more changes nothing, and so does one that is there already */
  REACTED: 9,
  /** the line at `target` is among the pins of the room */
  PINNED: 10,
  /** a moderator or the owner took somebody out of the room */
  REMOVED: 11,
  /** somebody may not enter any more, and is no member any more if they were one */
  BANNED: 12,
  /** somebody may enter again; they are no member by that */
  UNBANNED: 13,
  /** a member has another role from here on */
  ROLE_CHANGED: 14,
  /** a member may read but say nothing, or may speak again */
  MUTED: 15,
  /** a moderator or the owner brought somebody in: a member from here on */
  ADDED: 16,
  /** the room has another name from here on */
  RENAMED: 17,
  /** the room has another topic from here on */
  TOPIC_CHANGED: 18,
  /** the room is kept to read, or is open again */
  ARCHIVED: 19,
  /** what those may read who come in from here on; who is in keeps what they had */
  HISTORY_CHANGED: 20,
  /** first event of a direct room; these people are in it and nobody else ever is, none with a role, and newcomers there are none */
  DIRECT_CREATED: 21,
  /** first event of a room where newcomers may read something else than is usual; in all else as room_created, of which the usual is: from their joining on in private rooms, all in others */
  FOUNDED: 22,
  /** a line with files, which answers the line at `target` (0: none) and may call people; in all else as said. An edit gives it another text, the files stay; a deletion takes them too */
  SHARED: 23,
} as const;

/** With which code the server closes; 40xx: come back and resume, 44xx: stop. */
export const CLOSE = {
  /** this server closes down; `drain` said after how long to come back */
  DRAIN: 4001,
  /** the reader took its frames too slowly */
  SLOW: 4002,
  /** no sign of life in 35 s */
  NO_PONG: 4003,
  /** far too many frames; come back more slowly */
  RATE: 4004,
  /** the server lost track of this socket; resume everything */
  RESYNC: 4005,
  /** the access token ran out; refresh it first */
  TOKEN_EXPIRED: 4006,
  /** a message broke the protocol; `err` said which */
  BAD_FRAME: 4400,
  /** not signed in, signed out elsewhere, or a given password must be changed first (`err` before it says which); sign in again */
  AUTH: 4401,
  /** this user may not connect */
  BANNED: 4403,
  /** no `hello` within 5 s */
  HELLO_TIMEOUT: 4408,
  /** another protocol version is spoken here; reload the page */
  VERSION: 4409,
  /** a frame was larger than `frame_bytes_max` */
  TOO_LARGE: 4413,
  /** too many connections of this user or address */
  TOO_MANY: 4429,
} as const;

/** Errors by number, as in a `code` field. */
export const ERR = {
  OK: 0,
  AGAIN: 1,
  SHORT: 2,
  BAD_FRAME: 3,
  UNKNOWN_TYPE: 4,
  UNEXPECTED: 5,
  TOO_LARGE: 6,
  BAD_UTF8: 7,
  TOO_DEEP: 8,
  OUT_OF_RANGE: 9,
  WRONG_FIELDS: 10,
  VERSION: 11,
  BUSY: 20,
  OVERLOADED: 21,
  UNAVAILABLE: 22,
  NOT_OWNER: 23,
  FENCED: 24,
  TIMEOUT: 25,
  RATE_LIMITED: 26,
  DRAINING: 27,
  NO_MEMORY: 28,
  UNAUTHORIZED: 40,
  TOKEN_EXPIRED: 41,
  TOKEN_REVOKED: 42,
  BAD_CREDENTIALS: 43,
  FORBIDDEN: 44,
  BAD_ORIGIN: 45,
  NOT_MEMBER: 46,
  NOT_AUTHOR: 47,
  BANNED: 48,
  MUTED: 49,
  REMOVED: 50,
  WRONG_PASSWORD: 51,
  DISABLED: 58,
  PASSWORD_CHANGE: 59,
  ARCHIVED: 52,
  NOT_FOUND: 60,
  NO_ROOM: 61,
  NO_EVENT: 62,
  NAME_TAKEN: 63,
  CONFLICT: 64,
  DELETED: 65,
  ROOM_FULL: 66,
  TOO_MANY_ROOMS: 67,
  TOO_MANY_REACTIONS: 68,
  NO_CHANGE: 75,
  LAST_OWNER: 69,
  WEAK_PASSWORD: 70,
  BAD_NAME: 71,
  EMPTY: 72,
  NO_MEMBER: 73,
  TOO_MANY_RESTRICTED: 76,
  SIGNUP_CLOSED: 100,
  INVITE_REQUIRED: 101,
  INVITE_INVALID: 102,
  ALREADY_SET_UP: 103,
  TOO_MANY_INVITES: 104,
  BAD_DISPLAY: 105,
  BAD_PICTURE: 106,
  NO_USER: 77,
  MEMBER_BANNED: 78,
  MEMBER_FULL: 79,
  BAD_SEARCH: 74,
  LAST_ADMIN: 85,
  BAD_METHOD: 80,
  BAD_TYPE: 81,
  NO_LENGTH: 82,
  NO_FILE: 110,
  QUOTA: 111,
  BAD_RANGE: 112,
  NO_UPLOADS: 113,
  DATABASE: 90,
  INTERNAL: 91,
} as const;
export type ErrorCode = number;
export type ErrorName =
  | 'ok'
  | 'again'
  | 'short'
  | 'bad_frame'
  | 'unknown_type'
  | 'unexpected'
  | 'too_large'
  | 'bad_utf8'
  | 'too_deep'
  | 'out_of_range'
  | 'wrong_fields'
  | 'version'
  | 'busy'
  | 'overloaded'
  | 'unavailable'
  | 'not_owner'
  | 'fenced'
  | 'timeout'
  | 'rate_limited'
  | 'draining'
  | 'no_memory'
  | 'unauthorized'
  | 'token_expired'
  | 'token_revoked'
  | 'bad_credentials'
  | 'forbidden'
  | 'bad_origin'
  | 'not_member'
  | 'not_author'
  | 'banned'
  | 'muted'
  | 'removed'
  | 'wrong_password'
  | 'disabled'
  | 'password_change_required'
  | 'archived'
  | 'not_found'
  | 'no_room'
  | 'no_event'
  | 'name_taken'
  | 'conflict'
  | 'deleted'
  | 'room_full'
  | 'too_many_rooms'
  | 'too_many_reactions'
  | 'no_change'
  | 'last_owner'
  | 'weak_password'
  | 'bad_name'
  | 'empty'
  | 'no_member'
  | 'too_many_restricted'
  | 'signup_closed'
  | 'invite_required'
  | 'invite_invalid'
  | 'already_set_up'
  | 'too_many_invites'
  | 'bad_display'
  | 'bad_picture'
  | 'no_user'
  | 'member_banned'
  | 'member_full'
  | 'bad_search'
  | 'last_admin'
  | 'method_not_allowed'
  | 'unsupported_media_type'
  | 'length_required'
  | 'no_file'
  | 'quota'
  | 'bad_range'
  | 'no_uploads'
  | 'database'
  | 'internal';
export interface ErrorRow {
  /** on the wire of JSON, and `title` of a problem document */
  name: ErrorName;
  /** HTTP */
  status: number;
  /** the same request may succeed later, unchanged */
  retry: boolean;
  /** a sentence that says what to do */
  text: string;
}

/* ---- records of lists ---- */

/** a room to resume or show */
export interface SubRec {
  /** which room */
  room: number;
  /** of the history the reader holds; 0: holds nothing */
  incarnation: number;
  /** last event applied; 0: none */
  after: number;
  /** true: every event as it happens; false: only its head (`heads`) */
  live: boolean;
}
/** a room as its member sees it in the room list */
export interface RoomStateRec {
  /** which room */
  room: number;
  /** of its history; another number means another history: load afresh */
  incarnation: number;
  /** 0 public, 1 private, 2 direct (0 … 3) */
  visibility: number;
  /** what people call it (at most 256 bytes of UTF-8) */
  name: string;
  /** what it is about; may be empty (at most 512 bytes of UTF-8) */
  topic: string;
  /** seq of its last committed event as known to the inbox; `heads` follows with news */
  head: number;
  /** number of its last message, for unread counts */
  msg_no: number;
  /** last message this user has read */
  read_msg_no: number;
  /** 0 member, 1 moderator, 2 owner (0 … 3) */
  role: number;
  /** 0 all, 1 mentions, 2 nothing (0 … 2) */
  notify: number;
  /** grows when this user marks lines as unread; `read` says it */
  turn: number;
  /** grows with each such mark and each change of `notify` */
  rev: number;
  /** it is kept to read: nothing more is said in it, nobody comes in */
  archived: boolean;
  /** what newcomers may read: 0 all, 1 from their joining on (0 … 1) */
  history: number;
  /** a direct room: who is in it, ascending; else empty (at most 9) */
  people: IdRec[];
}
/** how far a room has come */
export interface HeadRec {
  /** which room */
  room: number;
  /** its last committed event */
  seq: number;
  /** its last message number */
  msg_no: number;
  /** seq of its last event that deleted a line; 0: none. What of the unread lines is gone: `gone_get` */
  deleted: number;
}
/** one user's presence */
export interface PresenceOfRec {
  /** who */
  user: number;
  /** 0 away, 1 here (0 … 1) */
  state: number;
}
/** an id */
export interface IdRec {
  /** user, room or session, as the list says */
  id: number;
}
/** a user as others see them */
export interface UserInfoRec {
  /** who */
  user: number;
  /** how they are shown: the display name, or else the one they sign in with (at most 256 bytes of UTF-8) */
  name: string;
  /** 0 user, 1 administrator (0 … 1) */
  role: number;
  /** grows with each change */
  rev: number;
  /** the name they sign in with: no two have the same (at most 128 bytes of UTF-8) */
  handle: string;
  /** rev of their picture, see GET /users/{id}/avatar; 0: none */
  avatar: number;
}
/** an invitation to sign up */
export interface InviteInfoRec {
  /** which */
  invite: number;
  /** what the invited person brings; secret to all but administrators (at most 32 bytes of UTF-8) */
  code: string;
  /** who made it */
  by: number;
  /** UTC */
  created_at_ms: number;
  /** UTC, from when it is worth nothing; 0: never */
  expires_at_ms: number;
  /** how many may sign up with it; 0: any number */
  uses_max: number;
  /** how many have */
  uses: number;
}
/** a member of a room */
export interface MemberInfoRec {
  /** who */
  user: number;
  /** how they are shown (at most 256 bytes of UTF-8) */
  name: string;
  /** 0 member, 1 moderator, 2 owner (0 … 3) */
  role: number;
  /** the event that brought them in */
  joined_seq: number;
  /** may read but say nothing */
  muted: boolean;
}
/** somebody who is muted in a room, or banned from it */
export interface RestrictedInfoRec {
  /** who */
  user: number;
  /** how they are shown (at most 256 bytes of UTF-8) */
  name: string;
  /** bits: 1 muted, 2 banned (0 … 3) */
  state: number;
  /** who changed it last */
  by: number;
  /** UTC, when */
  at_ms: number;
}
/** one sign-in of a user: a browser, or a script */
export interface SessionInfoRec {
  /** which */
  session: number;
  /** what the browser calls itself (at most 64 bytes of UTF-8) */
  device: string;
  /** what it said it is (at most 256 bytes of UTF-8) */
  user_agent: string;
  /** where it was last heard from; empty: not known (at most 64 bytes of UTF-8) */
  address: string;
  /** UTC, when it signed in */
  created_at_ms: number;
  /** UTC, when it last fetched an access token; it does so while it is open */
  used_at_ms: number;
  /** it is the one that asks */
  current: boolean;
}
/** a room in the directory */
export interface RoomInfoRec {
  /** which room */
  room: number;
  /** what people call it (at most 256 bytes of UTF-8) */
  name: string;
  /** what it is about (at most 512 bytes of UTF-8) */
  topic: string;
  /** 0 public, 1 private, 2 direct (0 … 3) */
  visibility: number;
  /** how many people are in it */
  members: number;
  /** the asking user is one of them */
  joined: boolean;
  /** UTC */
  created_at_ms: number;
  /** it is kept to read: nobody comes in */
  archived: boolean;
  /** what newcomers may read: 0 all, 1 from their joining on (0 … 1) */
  history: number;
}
/** an emoji */
export interface EmojiRec {
  /** one, with its modifiers (at most 48 bytes of UTF-8) */
  emoji: string;
}
/** one person's emoji under a line */
export interface ReactionRec {
  /** place in the list of emoji beside it, from 0 (0 … 20) */
  emoji: number;
  /** whose */
  user: number;
}
/** how often a user is called in a room */
export interface MentionCountRec {
  /** which room */
  room: number;
  /** lines after the read pointer; at the maximum: that many or more (0 … 100) */
  count: number;
}
/** a file of a line */
export interface FileInfoRec {
  /** which: GET /api/v1/rooms/{room}/files/{file} */
  file: number;
  /** as its author called it; one line, no path (at most 200 bytes of UTF-8) */
  name: string;
  /** image/png, image/jpeg, image/gif or image/webp only if its bytes are that; else what its author said (at most 64 bytes of UTF-8) */
  mime: string;
  /** how long it is */
  bytes: number;
  /** of an image, in pixels as it is shown, for the space it will take; 0: no image (0 … 65535) */
  width: number;
  /** the same (0 … 65535) */
  height: number;
}
/** a line that was found */
export interface SearchHitRec {
  /** where it stands */
  room: number;
  /** its place */
  seq: number;
  /** its number */
  msg_no: number;
  /** who said it */
  user: number;
  /** UTC */
  at_ms: number;
  /** it was changed since */
  edited: boolean;
  /** the part of it around the first word found, on one line (at most 320 bytes of UTF-8) */
  snippet: string;
}
/** a word that was found */
export interface SearchMarkRec {
  /** in the snippet of this hit, from 0 (0 … 50) */
  hit: number;
  /** first UTF-16 code unit (0 … 320) */
  from: number;
  /** the one after its last (0 … 320) */
  to: number;
}
/** a user as administrators see them */
export interface AdminUserRec {
  /** who */
  user: number;
  /** as signed in with (at most 128 bytes of UTF-8) */
  name: string;
  /** 0 user, 1 administrator (0 … 1) */
  role: number;
  /** may not sign in */
  disabled: boolean;
  /** UTC */
  created_at_ms: number;
  /** UTC, when a session of theirs last fetched an access token; 0: never */
  used_at_ms: number;
  /** sign-ins that are open (0 … 100) */
  sessions: number;
}
/** a room as administrators see it: what it is, never what is said in it */
export interface AdminRoomRec {
  /** which room */
  room: number;
  /** what people call it; empty for direct rooms (at most 256 bytes of UTF-8) */
  name: string;
  /** 0 public, 1 private, 2 direct (0 … 3) */
  visibility: number;
  /** how many people are in it */
  members: number;
  /** number of its last line */
  messages: number;
  /** UTC */
  created_at_ms: number;
  /** UTC, of its last event */
  last_at_ms: number;
  /** user; 0: nobody owns it */
  owner: number;
  /** as shown (at most 128 bytes of UTF-8) */
  owner_name: string;
  /** it is kept to read only */
  archived: boolean;
}
/** who did what to whom */
export interface AuditRowRec {
  /** random */
  id: number;
  /** UTC */
  at_ms: number;
  /** user, or node; 0: the server, or the operator at its console */
  actor: number;
  /** empty: no user has this id (at most 128 bytes of UTF-8) */
  actor_name: string;
  /** a fixed word (at most 32 bytes of UTF-8) */
  action: string;
  /** user, session, room or node, as the action says; 0: none */
  subject: number;
  /** empty: no user has this id (at most 128 bytes of UTF-8) */
  subject_name: string;
  /** may be empty (at most 256 bytes of UTF-8) */
  detail: string;
}
/** an open WebSocket of a browser */
export interface SocketInfoRec {
  /** where: address without its nonce */
  edge: number;
  /** of the socket at its edge */
  number: number;
  /** whose */
  user: number;
  /** its sign-in */
  session: number;
  /** how they are shown; empty between edge and persist (at most 128 bytes of UTF-8) */
  name: string;
  /** what the browser calls itself; empty between edge and persist (at most 64 bytes of UTF-8) */
  device: string;
  /** where its sign-in was last heard from; empty between edge and persist (at most 64 bytes of UTF-8) */
  address: string;
  /** since it opened */
  open_ms: number;
  /** that it is attached to */
  rooms: number;
  /** frames in its outbox */
  waiting: number;
  /** their bytes */
  waiting_bytes: number;
}

/* ---- bodies of events, by kind ---- */

/** first event of a room; its user is the first member and owner */
export interface RoomCreatedBody {
  /** what people call it (at most 256 bytes of UTF-8) */
  name: string;
  /** may be empty (at most 512 bytes of UTF-8) */
  topic: string;
  /** 0 public, 1 private, 2 direct (0 … 3) */
  visibility: number;
}
/** the event's user is a member from here on */
export interface JoinedBody {
  /** 0 member, 2 owner: who enters an empty room (0 … 3) */
  role: number;
}
/** the event's user is no member any more */
export interface LeftBody {
  /** 0 of their own will (0 … 2) */
  reason: number;
}
/** a line; has a msg_no. A nil body is a tombstone: the line was deleted */
export interface PostedBody {
  /** not empty (at most 4096 bytes of UTF-8) */
  text: string;
}
/** the line at `target` now reads so; a nil body is a tombstone */
export interface EditedBody {
  /** not empty (at most 4096 bytes of UTF-8) */
  text: string;
}
/** the line at `target` is gone, its text erased everywhere */
export interface DeletedBody {
  /** the role it was deleted under; 0: by its author (0 … 3) */
  by_role: number;
}
/** a line that answers the line at `target` (0: none) or calls people; in all else as posted */
export interface SaidBody {
  /** not empty (at most 4096 bytes of UTF-8) */
  text: string;
  /** users it calls: members when it was said, each once, not its author (at most 32) */
  mentions: IdRec[];
}
/** the line at `target` now reads so and calls these people and no others; in all else as edited, which calls nobody */
export interface RevisedBody {
  /** not empty (at most 4096 bytes of UTF-8) */
  text: string;
  /** as in `said` (at most 32) */
  mentions: IdRec[];
}
/** an emoji under the line at `target`. A line holds at most 20 different emoji and 400 reactions: one more changes nothing, and so does one that is there already */
export interface ReactedBody {
  /** one, with its modifiers (at most 48 bytes of UTF-8) */
  emoji: string;
  /** false: taken back */
  on: boolean;
}
/** the line at `target` is among the pins of the room */
export interface PinnedBody {
  /** false: not any more */
  on: boolean;
}
/** a moderator or the owner took somebody out of the room */
export interface RemovedBody {
  /** who is no member any more */
  member: number;
}
/** somebody may not enter any more, and is no member any more if they were one */
export interface BannedBody {
  /** who */
  member: number;
}
/** somebody may enter again; they are no member by that */
export interface UnbannedBody {
  /** who */
  member: number;
}
/** a member has another role from here on */
export interface RoleChangedBody {
  /** who */
  member: number;
  /** 0 member, 1 moderator, 2 owner: then the event's user, who was the owner, is a moderator from here on (0 … 2) */
  role: number;
}
/** a member may read but say nothing, or may speak again */
export interface MutedBody {
  /** who */
  member: number;
  /** false: may speak again */
  muted: boolean;
}
/** a moderator or the owner brought somebody in: a member from here on */
export interface AddedBody {
  /** who */
  member: number;
}
/** the room has another name from here on */
export interface RenamedBody {
  /** what people call it (at most 256 bytes of UTF-8) */
  name: string;
}
/** the room has another topic from here on */
export interface TopicChangedBody {
  /** may be empty (at most 512 bytes of UTF-8) */
  topic: string;
}
/** the room is kept to read, or is open again */
export interface ArchivedBody {
  /** false: open again */
  on: boolean;
}
/** what those may read who come in from here on; who is in keeps what they had */
export interface HistoryChangedBody {
  /** 0 all, 1 from their joining on (0 … 1) */
  history: number;
}
/** first event of a direct room; these people are in it and nobody else ever is, none with a role, and newcomers there are none */
export interface DirectCreatedBody {
  /** ascending, the event's user among them (at most 9) */
  members: IdRec[];
}
/** first event of a room where newcomers may read something else than is usual; in all else as room_created, of which the usual is: from their joining on in private rooms, all in others */
export interface FoundedBody {
  /** what people call it (at most 256 bytes of UTF-8) */
  name: string;
  /** may be empty (at most 512 bytes of UTF-8) */
  topic: string;
  /** 0 public, 1 private (0 … 3) */
  visibility: number;
  /** what newcomers may read: 0 all, 1 from their joining on (0 … 1) */
  history: number;
}
/** a line with files, which answers the line at `target` (0: none) and may call people; in all else as said. An edit gives it another text, the files stay; a deletion takes them too */
export interface SharedBody {
  /** may be empty (at most 4096 bytes of UTF-8) */
  text: string;
  /** as in `said` (at most 32) */
  mentions: IdRec[];
  /** at least one (at most 10) */
  files: FileInfoRec[];
}
/** The body of an event by the name of its kind. */
export interface KindBodies {
  room_created: RoomCreatedBody;
  joined: JoinedBody;
  left: LeftBody;
  posted: PostedBody;
  edited: EditedBody;
  deleted: DeletedBody;
  said: SaidBody;
  revised: RevisedBody;
  reacted: ReactedBody;
  pinned: PinnedBody;
  removed: RemovedBody;
  banned: BannedBody;
  unbanned: UnbannedBody;
  role_changed: RoleChangedBody;
  muted: MutedBody;
  added: AddedBody;
  renamed: RenamedBody;
  topic_changed: TopicChangedBody;
  archived: ArchivedBody;
  history_changed: HistoryChangedBody;
  direct_created: DirectCreatedBody;
  founded: FoundedBody;
  shared: SharedBody;
}
export type KindName = keyof KindBodies;

/* ---- messages of the socket ---- */

/** one durable change of a room: the stored bytes, the same for everybody */
export interface EventMsg {
  type: 'event';
  /** which room */
  room: number;
  /** 1, 2, 3 … in its room, without a gap */
  seq: number;
  /** see kinds; an unknown kind still counts (0 … 65535) */
  kind: number;
  /** who did it */
  user: number;
  /** UTC, never less than the event before */
  at_ms: number;
  /** of the request that made it */
  client_id: string;
  /** 1, 2, 3 … over the lines of the room; 0: not a line */
  msg_no: number;
  /** seq of the event it changes or answers; 0: none */
  target: number;
  /** the kind's fields; nil: erased (one value of at most 7680 bytes) */
  body: unknown;
}
/** first message on a socket; answer with `hello` */
export interface HiMsg {
  type: 'hi';
  /** PROTO_VERSION spoken here (0 … 65535) */
  version: number;
  /** of the server (at most 64 bytes of UTF-8) */
  build: string;
  /** UTC at the server */
  now_ms: number;
  /** time left for `hello` (0 … 600000) */
  hello_ms: number;
  /** between heartbeats; twice as long without any frame means the link is dead (0 … 600000) */
  heartbeat_ms: number;
  /** of a line (0 … 16777215) */
  text_bytes_max: number;
  /** of what a browser sends (0 … 16777215) */
  frame_bytes_max: number;
  /** of a file that is uploaded; 0: no files are taken */
  file_bytes_max: number;
}
/** sign in and resume in one round trip; answered by `welcome` or `err` and a close */
export interface HelloMsg {
  type: 'hello';
  /** PROTO_VERSION of the client (0 … 65535) */
  version: number;
  /** access token (at most 4096 bytes of UTF-8) */
  token: string;
  /** for the session list (at most 64 bytes of UTF-8) */
  device: string;
  /** rooms to resume; all others of the user are watched anyway (at most 512) */
  subs: SubRec[];
}
/** signed in; `sub_ok` of the resumed rooms follow */
export interface WelcomeMsg {
  type: 'welcome';
  /** me */
  user: number;
  /** me (at most 128 bytes of UTF-8) */
  name: string;
  /** 0 user, 1 administrator (0 … 1) */
  role: number;
  /** this sign-in */
  session: number;
  /** of the access token; send `auth` before */
  expires_at_ms: number;
  /** all rooms of the user (at most 512) */
  rooms: RoomStateRec[];
}
/** show a room, or catch up after a gap; answered by `sub_ok`, or `kick` */
export interface SubMsg {
  type: 'sub';
  /** which room */
  room: number;
  /** of the history the reader holds; 0: holds nothing */
  incarnation: number;
  /** last event applied; 0: none */
  after: number;
}
/** the room is not on screen any more: from now on only its head */
export interface UnsubMsg {
  type: 'unsub';
  /** which room */
  room: number;
}
/** backfill follows as `event` frames, then `live` */
export interface SubOkMsg {
  type: 'sub_ok';
  /** which room */
  room: number;
  /** of its history */
  incarnation: number;
  /** 0 delta: after+1 … head follow without a gap. 1 snapshot: the newest lines follow, folded as of head; after+1 … base-1 is unloaded, page it by history; drop older cached pages. 2 reset: as snapshot, but the history is another one: drop all (0 … 2) */
  mode: number;
  /** the request's, 0 in a reset */
  after: number;
  /** snapshot: seq of the oldest line that follows; delta: after+1 */
  base: number;
  /** the backfill is complete up to here; events follow at head+1 */
  head: number;
  /** of the last line at head */
  msg_no: number;
  /** snapshot: number of the oldest line that follows; 1: the beginning of the room; 0: no line */
  first_msg_no: number;
  /** of the reader in the room (0 … 3) */
  role: number;
  /** how many people are in the room */
  members: number;
  /** as in `heads` */
  deleted: number;
  /** first event the reader may see; 0: all of them */
  visible_from: number;
}
/** the backfill is complete; what follows happens now */
export interface LiveMsg {
  type: 'live';
  /** which room */
  room: number;
  /** the last event of the backfill */
  seq: number;
}
/** live events stopped here for this reader, who was too slow; catch up with `sub` */
export interface GapMsg {
  type: 'gap';
  /** which room */
  room: number;
  /** last event written to this socket */
  last: number;
}
/** how far rooms have come: watched rooms, and quiet ones with each heartbeat */
export interface HeadsMsg {
  type: 'heads';
  /** a reader below a head for 2 s sends `sub` (at most 512) */
  heads: HeadRec[];
}
/** answered in kind */
export interface HeartbeatMsg {
  type: 'heartbeat';
  /** of the sender */
  now_ms: number;
}
/** stored: durable, and in its one place */
export interface AckMsg {
  type: 'ack';
  /** of the request */
  client_id: string;
  /** which room */
  room: number;
  /** its place */
  seq: number;
  /** UTC */
  at_ms: number;
  /** if it is a line, else 0 */
  msg_no: number;
  /** true: it was stored before; this is the first answer again */
  dup: boolean;
}
/** not stored */
export interface NackMsg {
  type: 'nack';
  /** of the request */
  client_id: string;
  /** which room; 0 if it does not exist yet */
  room: number;
  /** why */
  code: ErrorCode;
  /** send it again, unchanged, after this (0 … 600000) */
  retry_ms: number;
  /** true: it will never be stored; take it out of the outbox */
  final: boolean;
  /** a sentence (at most 256 bytes of UTF-8) */
  reason: string;
}
/** something other than a send was refused */
export interface ErrMsg {
  type: 'err';
  /** why */
  code: ErrorCode;
  /** name of the message refused, or what it was about (at most 64 bytes of UTF-8) */
  scope: string;
  /** 0: do not repeat it (0 … 600000) */
  retry_ms: number;
  /** the bound it broke, or 0 */
  limit: number;
  /** a sentence (at most 256 bytes of UTF-8) */
  reason: string;
}
/** this server closes; connect again after retry_ms */
export interface DrainMsg {
  type: 'drain';
  /** paced, so that not all come at once (0 … 600000) */
  retry_ms: number;
  /** a sentence (at most 256 bytes of UTF-8) */
  why: string;
}
/** you are not in this room (any more); nothing of it follows */
export interface KickMsg {
  type: 'kick';
  /** which room */
  room: number;
  /** why: not_member, no_room, removed, banned */
  code: ErrorCode;
}
/** a fresh access token of the same session, before the old one expires */
export interface AuthMsg {
  type: 'auth';
  /** access token (at most 4096 bytes of UTF-8) */
  token: string;
}
/** taken */
export interface AuthOkMsg {
  type: 'auth_ok';
  /** of the new token */
  expires_at_ms: number;
}
/** how users are shown has changed: to every socket, once */
export interface UserChangedMsg {
  type: 'user_changed';
  /** the new state (at most 200) */
  users: UserInfoRec[];
}
/** the user has read up to here; goes back by `unread_from` only */
export interface ReadMsg {
  type: 'read';
  /** which room */
  room: number;
  /** last line read */
  msg_no: number;
  /** the newest one known here. Said under an older one it means nothing: another device has marked lines as unread since, and this one had not heard of it */
  turn: number;
}
/** another device of this user has read up to here; under a higher turn: marked what follows as unread */
export interface ReadAtMsg {
  type: 'read_at';
  /** which room */
  room: number;
  /** last line read */
  msg_no: number;
  /** of the pointer. A higher one than known counts whatever the number; in the same one the number only grows */
  turn: number;
}
/** the user is typing; at most once in 3 s; expires after 6 s. Dropped first */
export interface TypingMsg {
  type: 'typing';
  /** which room */
  room: number;
  /** false: stopped */
  active: boolean;
}
/** who is typing now, for those who have the room on screen. Never stored */
export interface TypistsMsg {
  type: 'typists';
  /** which room */
  room: number;
  /** user ids; the reader leaves itself out (at most 16) */
  users: IdRec[];
}
/** who is here, for those who have the room on screen. Never stored */
export interface PresenceMsg {
  type: 'presence';
  /** which room */
  room: number;
  /** true: whoever is not listed is away; false: changes only */
  full: boolean;
  /** how many members are here */
  here: number;
  /** empty in rooms of more than 500 members (at most 500) */
  users: PresenceOfRec[];
}
/** this user is now in these rooms, or has another role there, or they have another name, topic or setting; all rooms when the owner of the inbox ended: who has read further than it says, says so again. How often lines call this user follows in `mentioned`, where they do */
export interface RoomAddedMsg {
  type: 'room_added';
  /** as in `welcome` (at most 512) */
  rooms: RoomStateRec[];
}
/** this user is not in this room any more */
export interface RoomRemovedMsg {
  type: 'room_removed';
  /** which room */
  room: number;
  /** why: not_member (left), removed, banned */
  code: ErrorCode;
}
/** what hangs on one line, after the line itself in a snapshot or page; made from the log, not part of it. A line without any has none; a deleted line neither */
export interface MarksMsg {
  type: 'marks';
  /** which room */
  room: number;
  /** of the line */
  seq: number;
  /** events of reactions and pins up to here are in it, the line's later ones not */
  as_of: number;
  /** seq of the event that pinned it; 0: no pin */
  pinned: number;
  /** user; 0: no pin */
  pinned_by: number;
  /** those that have a reaction (at most 20) */
  emoji: EmojiRec[];
  /** in the order they were given (at most 400) */
  reactions: ReactionRec[];
  /** between actors: users the line calls now; to browsers empty, they have the line (at most 32) */
  mentions: IdRec[];
}
/** unread lines that call this user, for these rooms: after `welcome` (rooms left out: none), and with each change */
export interface MentionedMsg {
  type: 'mentioned';
  /** the new counts (at most 512) */
  rooms: MentionCountRec[];
}
/** mark this line and all after it as unread, on all devices. Answered, when it is stored, by `read_at` with a higher turn, else by `err` */
export interface UnreadFromMsg {
  type: 'unread_from';
  /** which room */
  room: number;
  /** first line to be unread; not 0 */
  msg_no: number;
  /** the newest one known here; if it is old, nothing is marked and `read_at` tells how it is */
  turn: number;
}
/** tell this user of so much in a room. Answered, when it is stored, by `notified` on all their devices, else by `err` */
export interface NotifyMsg {
  type: 'notify';
  /** which room */
  room: number;
  /** 0 all, 1 mentions, 2 nothing (0 … 2) */
  level: number;
}
/** how much of a room this user is told */
export interface NotifiedMsg {
  type: 'notified';
  /** which room */
  room: number;
  /** 0 all, 1 mentions, 2 nothing (0 … 2) */
  level: number;
}
/** deleted lines: they are not unread, whatever the read pointer. Once gone, always gone */
export interface GoneMsg {
  type: 'gone';
  /** which room */
  room: number;
  /** as in `heads`: deletions up to this event are in it */
  deleted: number;
  /** true: at the bound, and there are others with lower numbers than all of these */
  more: boolean;
  /** their numbers, ascending (at most 256) */
  lines: IdRec[];
}
/** a member says a line */
export interface RoomPostMsg {
  type: 'room_post';
  /** where */
  room: number;
  /** chosen by the browser; makes sending again harmless */
  client_id: string;
  /** not empty (at most 4096 bytes of UTF-8) */
  text: string;
}
/** an author changes a line */
export interface RoomEditMsg {
  type: 'room_edit';
  /** where */
  room: number;
  /** chosen by the browser */
  client_id: string;
  /** seq of the line */
  target: number;
  /** not empty (at most 4096 bytes of UTF-8) */
  text: string;
}
/** an author, moderator or owner deletes a line for everybody */
export interface RoomDeleteMsg {
  type: 'room_delete';
  /** where */
  room: number;
  /** chosen by the browser */
  client_id: string;
  /** seq of the line */
  target: number;
}
/** enter a public room */
export interface RoomJoinMsg {
  type: 'room_join';
  /** where */
  room: number;
  /** chosen by the browser */
  client_id: string;
}
/** leave a room */
export interface RoomLeaveMsg {
  type: 'room_leave';
  /** where */
  room: number;
  /** chosen by the browser */
  client_id: string;
}
/** make a room; its id is a keyed hash of (user, client_id), in the ack */
export interface RoomCreateMsg {
  type: 'room_create';
  /** chosen by the browser; a repeat finds the first room */
  client_id: string;
  /** 1 to 64 characters (at most 256 bytes of UTF-8) */
  name: string;
  /** may be empty (at most 512 bytes of UTF-8) */
  topic: string;
  /** 0 public, 1 private (0 … 1) */
  visibility: number;
  /** what newcomers may read: 0 all, 1 from their joining on (0 … 1) */
  history: number;
}
/** a member says a line that answers another one or calls people; without either, say ROOM_POST */
export interface RoomSayMsg {
  type: 'room_say';
  /** where */
  room: number;
  /** chosen by the browser */
  client_id: string;
  /** seq of the line it answers; 0: none */
  reply_to: number;
  /** not empty; reads `@name` where it calls somebody (at most 4096 bytes of UTF-8) */
  text: string;
  /** users it calls; those who are no members are left out (at most 32) */
  mentions: IdRec[];
}
/** an author changes a line to one that calls people */
export interface RoomReviseMsg {
  type: 'room_revise';
  /** where */
  room: number;
  /** chosen by the browser */
  client_id: string;
  /** seq of the line */
  target: number;
  /** not empty (at most 4096 bytes of UTF-8) */
  text: string;
  /** as in ROOM_SAY (at most 32) */
  mentions: IdRec[];
}
/** a member puts an emoji under a line, or takes their own away */
export interface RoomReactMsg {
  type: 'room_react';
  /** where */
  room: number;
  /** chosen by the browser */
  client_id: string;
  /** seq of the line */
  target: number;
  /** one, with its modifiers (at most 48 bytes of UTF-8) */
  emoji: string;
  /** false: take it away */
  on: boolean;
}
/** a member pins a line, or takes any pin away */
export interface RoomPinMsg {
  type: 'room_pin';
  /** where */
  room: number;
  /** chosen by the browser */
  client_id: string;
  /** seq of the line */
  target: number;
  /** false: take it away */
  on: boolean;
}
/** a moderator or the owner takes a member out; they may come back if they find the way */
export interface RoomRemoveMsg {
  type: 'room_remove';
  /** where */
  room: number;
  /** chosen by the browser */
  client_id: string;
  /** whom */
  member: number;
}
/** a moderator or the owner bans somebody, member or not */
export interface RoomBanMsg {
  type: 'room_ban';
  /** where */
  room: number;
  /** chosen by the browser */
  client_id: string;
  /** whom */
  member: number;
}
/** a moderator or the owner lifts a ban */
export interface RoomUnbanMsg {
  type: 'room_unban';
  /** where */
  room: number;
  /** chosen by the browser */
  client_id: string;
  /** whose */
  member: number;
}
/** the owner changes the role of a member; role 2 hands the room over, the giver becomes a moderator */
export interface RoomRoleMsg {
  type: 'room_role';
  /** where */
  room: number;
  /** chosen by the browser */
  client_id: string;
  /** whose */
  member: number;
  /** 0 member, 1 moderator, 2 owner (0 … 2) */
  role: number;
}
/** a moderator or the owner mutes a member, or lets them speak again */
export interface RoomMuteMsg {
  type: 'room_mute';
  /** where */
  room: number;
  /** chosen by the browser */
  client_id: string;
  /** whom */
  member: number;
  /** false: may speak again */
  muted: boolean;
}
/** a moderator or the owner brings somebody in, who is a member at once */
export interface RoomInviteMsg {
  type: 'room_invite';
  /** where */
  room: number;
  /** chosen by the browser */
  client_id: string;
  /** whom */
  member: number;
}
/** open the direct room of these people, which is made if there is none; its id is a keyed hash of who is in it, in the ack */
export interface RoomDirectMsg {
  type: 'room_direct';
  /** chosen by the browser */
  client_id: string;
  /** whom, in any order; the asking user is one of them, named or not. Nobody else: a room for notes (at most 9) */
  users: IdRec[];
}
/** a moderator or the owner gives the room another name */
export interface RoomRenameMsg {
  type: 'room_rename';
  /** where */
  room: number;
  /** chosen by the browser */
  client_id: string;
  /** 1 to 64 characters (at most 256 bytes of UTF-8) */
  name: string;
}
/** a moderator or the owner gives the room another topic */
export interface RoomTopicMsg {
  type: 'room_topic';
  /** where */
  room: number;
  /** chosen by the browser */
  client_id: string;
  /** may be empty (at most 512 bytes of UTF-8) */
  topic: string;
}
/** a moderator or the owner archives the room, or opens it again */
export interface RoomArchiveMsg {
  type: 'room_archive';
  /** where */
  room: number;
  /** chosen by the browser */
  client_id: string;
  /** false: open it again */
  on: boolean;
}
/** the owner says what newcomers may read from now on */
export interface RoomHistoryMsg {
  type: 'room_history';
  /** where */
  room: number;
  /** chosen by the browser */
  client_id: string;
  /** 0 all, 1 from their joining on (0 … 1) */
  history: number;
}
/** a member says a line with files they uploaded to this room; a file goes into one line only */
export interface RoomShareMsg {
  type: 'room_share';
  /** where */
  room: number;
  /** chosen by the browser */
  client_id: string;
  /** seq of the line it answers; 0: none */
  reply_to: number;
  /** may be empty (at most 4096 bytes of UTF-8) */
  text: string;
  /** as in ROOM_SAY (at most 32) */
  mentions: IdRec[];
  /** at least one, each once, in the order they are shown (at most 10) */
  files: IdRec[];
}
/** which lines of a room are deleted; answered by `gone` or `err` */
export interface GoneGetMsg {
  type: 'gone_get';
  /** which room */
  room: number;
}
/** What a browser may send. */
export type BrowserMessage =
  | HelloMsg
  | SubMsg
  | UnsubMsg
  | HeartbeatMsg
  | AuthMsg
  | ReadMsg
  | TypingMsg
  | UnreadFromMsg
  | NotifyMsg
  | RoomPostMsg
  | RoomEditMsg
  | RoomDeleteMsg
  | RoomJoinMsg
  | RoomLeaveMsg
  | RoomCreateMsg
  | RoomSayMsg
  | RoomReviseMsg
  | RoomReactMsg
  | RoomPinMsg
  | RoomRemoveMsg
  | RoomBanMsg
  | RoomUnbanMsg
  | RoomRoleMsg
  | RoomMuteMsg
  | RoomInviteMsg
  | RoomDirectMsg
  | RoomRenameMsg
  | RoomTopicMsg
  | RoomArchiveMsg
  | RoomHistoryMsg
  | RoomShareMsg
  | GoneGetMsg;
/** What a server sends to browsers. */
export type ServerMessage =
  | EventMsg
  | HiMsg
  | WelcomeMsg
  | SubOkMsg
  | LiveMsg
  | GapMsg
  | HeadsMsg
  | HeartbeatMsg
  | AckMsg
  | NackMsg
  | ErrMsg
  | DrainMsg
  | KickMsg
  | AuthOkMsg
  | UserChangedMsg
  | ReadAtMsg
  | TypistsMsg
  | PresenceMsg
  | RoomAddedMsg
  | RoomRemovedMsg
  | MarksMsg
  | MentionedMsg
  | NotifiedMsg
  | GoneMsg;
export type MessageName = (BrowserMessage | ServerMessage)['type'];

/* ---- JSON: answers of HTTP ---- */

/** An event in JSON: its kind by name (a number if the server does not know it), its body by field names. */
export type EventJson = Omit<EventMsg, 'kind' | 'body'> &
  (
    | { [K in KindName]: { kind: K; body: KindBodies[K] | null } }[KindName]
    | { kind: number; body: string | null }
  );
/** the room as that user sees it */
export interface RoomInfoJson {
  type: 'room_info';
  /** one (at most 1) */
  rooms: RoomInfoRec[];
  /** of the asking user; 0 also if not a member (0 … 3) */
  role: number;
  /** of its history */
  incarnation: number;
  /** last committed event */
  head: number;
  /** last line */
  msg_no: number;
}
/** stored frames of lines in ascending number (pins: in the order of ROOM_PINS_GET), each followed by its newest edit, if any, and by its `marks`, if any */
export interface PageJson {
  type: 'page';
  /** which room */
  room: number;
  /** of its history */
  incarnation: number;
  /** as asked */
  as_of: number;
  /** of the oldest line here; 0: no line */
  first_msg_no: number;
  /** of the newest line here; 0: no line */
  last_msg_no: number;
  /** of the oldest line here; 0: no line */
  first_seq: number;
  /** there are lines beyond it in the direction asked for */
  more: boolean;
  /** at most 256 KiB; fewer lines than asked for is allowed, see `more` (at most 512) */
  frames: (EventJson | MarksMsg)[];
}
/** members in ascending id */
export interface MembersJson {
  type: 'members';
  /** which room */
  room: number;
  /** there are further ones */
  more: boolean;
  /** a page (at most 200) */
  members: MemberInfoRec[];
}
/** rooms in ascending (name, id) */
export interface RoomsJson {
  type: 'rooms';
  /** there are further ones */
  more: boolean;
  /** a page (at most 100) */
  rooms: RoomInfoRec[];
}
/** users: by id in ascending id, found in ascending handle */
export interface UsersJson {
  type: 'users';
  /** those found (at most 200) */
  users: UserInfoRec[];
  /** there are further ones */
  more: boolean;
}
/** a page of lines that were found */
export interface SearchResultJson {
  type: 'search_result';
  /** 0: none. Else a row of search_query.h: what is wrong with the query (0 … 15) */
  fault: number;
  /** of the fault in the query, in UTF-16 code units (0 … 512) */
  position: number;
  /** there may be older ones: ask again with `next`. Also when so much had to be looked at that this page is short, or empty */
  more: boolean;
  /** empty: no more (at most 64 bytes of UTF-8) */
  next: string;
  /** events of the user's rooms that cannot be found yet */
  behind: number;
  /** newest first (at most 50) */
  hits: SearchHitRec[];
  /** ascending (at most 800) */
  marks: SearchMarkRec[];
}
/** who is muted or banned, in ascending id */
export interface RestrictedJson {
  type: 'restricted';
  /** which room */
  room: number;
  /** there are further ones */
  more: boolean;
  /** a page (at most 200) */
  people: RestrictedInfoRec[];
}
/** where a user is signed in, the last used first */
export interface SessionsJson {
  type: 'sessions';
  /** all that are open (at most 100) */
  sessions: SessionInfoRec[];
}
/** invitations that were not revoked, the newest first */
export interface InvitesJson {
  type: 'invites';
  /** all of them, or the one that was made (at most 200) */
  invites: InviteInfoRec[];
}
/** a file that a line may now show, see ROOM_SHARE */
export interface FileStoredJson {
  type: 'file_stored';
  /** which */
  file: number;
  /** as given (at most 200 bytes of UTF-8) */
  name: string;
  /** see `file_info` (at most 64 bytes of UTF-8) */
  mime: string;
  /** how long it is */
  bytes: number;
  /** of an image; else 0 (0 … 65535) */
  width: number;
  /** the same (0 … 65535) */
  height: number;
}
/** users in ascending name, in lower case */
export interface AdminUsersJson {
  type: 'admin_users';
  /** there are further ones */
  more: boolean;
  /** a page (at most 100) */
  users: AdminUserRec[];
}
/** rooms in ascending (name, id) */
export interface AdminRoomsJson {
  type: 'admin_rooms';
  /** there are further ones */
  more: boolean;
  /** a page (at most 100) */
  rooms: AdminRoomRec[];
}
/** rows in descending (time, id) */
export interface AdminAuditJson {
  type: 'admin_audit';
  /** there are further ones */
  more: boolean;
  /** a page (at most 100) */
  rows: AuditRowRec[];
}
/** open sockets that are signed in, the last opened first */
export interface SocketsJson {
  type: 'sockets';
  /** how many there are; those beyond the limit are not in the list */
  count: number;
  /** edges that did not answer in time (0 … 64) */
  silent: number;
  /** (at most 200) */
  sockets: SocketInfoRec[];
}

/* ---- tables for the codec ---- */

/** The fields of a message, record or body, in the order of the wire. */
export type FieldRows = readonly (readonly [string, FieldType])[];

/** Messages by `type`: on the wire [code, field …]. */
export const MESSAGES: Readonly<Record<string, { code: number; fields: FieldRows }>> = {
  event: {
    code: 1,
    fields: [
      ['room', { t: 'u53' }],
      ['seq', { t: 'u53' }],
      ['kind', { t: 'uint', max: 65535 }],
      ['user', { t: 'u53' }],
      ['at_ms', { t: 'u53' }],
      ['client_id', { t: 'cid' }],
      ['msg_no', { t: 'u53' }],
      ['target', { t: 'u53' }],
      ['body', { t: 'raw', max: 7680 }],
    ],
  },
  hi: {
    code: 2,
    fields: [
      ['version', { t: 'uint', max: 65535 }],
      ['build', { t: 'str', max: 64 }],
      ['now_ms', { t: 'u53' }],
      ['hello_ms', { t: 'uint', max: 600000 }],
      ['heartbeat_ms', { t: 'uint', max: 600000 }],
      ['text_bytes_max', { t: 'uint', max: 16777215 }],
      ['frame_bytes_max', { t: 'uint', max: 16777215 }],
      ['file_bytes_max', { t: 'u53' }],
    ],
  },
  hello: {
    code: 3,
    fields: [
      ['version', { t: 'uint', max: 65535 }],
      ['token', { t: 'str', max: 4096 }],
      ['device', { t: 'str', max: 64 }],
      ['subs', { t: 'list', of: 'sub', max: 512 }],
    ],
  },
  welcome: {
    code: 4,
    fields: [
      ['user', { t: 'u53' }],
      ['name', { t: 'str', max: 128 }],
      ['role', { t: 'uint', max: 1 }],
      ['session', { t: 'u53' }],
      ['expires_at_ms', { t: 'u53' }],
      ['rooms', { t: 'list', of: 'room_state', max: 512 }],
    ],
  },
  sub: {
    code: 5,
    fields: [
      ['room', { t: 'u53' }],
      ['incarnation', { t: 'u53' }],
      ['after', { t: 'u53' }],
    ],
  },
  unsub: {
    code: 6,
    fields: [
      ['room', { t: 'u53' }],
    ],
  },
  sub_ok: {
    code: 7,
    fields: [
      ['room', { t: 'u53' }],
      ['incarnation', { t: 'u53' }],
      ['mode', { t: 'uint', max: 2 }],
      ['after', { t: 'u53' }],
      ['base', { t: 'u53' }],
      ['head', { t: 'u53' }],
      ['msg_no', { t: 'u53' }],
      ['first_msg_no', { t: 'u53' }],
      ['role', { t: 'uint', max: 3 }],
      ['members', { t: 'u53' }],
      ['deleted', { t: 'u53' }],
      ['visible_from', { t: 'u53' }],
    ],
  },
  live: {
    code: 8,
    fields: [
      ['room', { t: 'u53' }],
      ['seq', { t: 'u53' }],
    ],
  },
  gap: {
    code: 9,
    fields: [
      ['room', { t: 'u53' }],
      ['last', { t: 'u53' }],
    ],
  },
  heads: {
    code: 10,
    fields: [
      ['heads', { t: 'list', of: 'head', max: 512 }],
    ],
  },
  heartbeat: {
    code: 11,
    fields: [
      ['now_ms', { t: 'u53' }],
    ],
  },
  ack: {
    code: 12,
    fields: [
      ['client_id', { t: 'cid' }],
      ['room', { t: 'u53' }],
      ['seq', { t: 'u53' }],
      ['at_ms', { t: 'u53' }],
      ['msg_no', { t: 'u53' }],
      ['dup', { t: 'bool' }],
    ],
  },
  nack: {
    code: 13,
    fields: [
      ['client_id', { t: 'cid' }],
      ['room', { t: 'u53' }],
      ['code', { t: 'code' }],
      ['retry_ms', { t: 'uint', max: 600000 }],
      ['final', { t: 'bool' }],
      ['reason', { t: 'str', max: 256 }],
    ],
  },
  err: {
    code: 14,
    fields: [
      ['code', { t: 'code' }],
      ['scope', { t: 'str', max: 64 }],
      ['retry_ms', { t: 'uint', max: 600000 }],
      ['limit', { t: 'u53' }],
      ['reason', { t: 'str', max: 256 }],
    ],
  },
  drain: {
    code: 15,
    fields: [
      ['retry_ms', { t: 'uint', max: 600000 }],
      ['why', { t: 'str', max: 256 }],
    ],
  },
  kick: {
    code: 16,
    fields: [
      ['room', { t: 'u53' }],
      ['code', { t: 'code' }],
    ],
  },
  auth: {
    code: 17,
    fields: [
      ['token', { t: 'str', max: 4096 }],
    ],
  },
  auth_ok: {
    code: 18,
    fields: [
      ['expires_at_ms', { t: 'u53' }],
    ],
  },
  user_changed: {
    code: 19,
    fields: [
      ['users', { t: 'list', of: 'user_info', max: 200 }],
    ],
  },
  read: {
    code: 20,
    fields: [
      ['room', { t: 'u53' }],
      ['msg_no', { t: 'u53' }],
      ['turn', { t: 'u53' }],
    ],
  },
  read_at: {
    code: 21,
    fields: [
      ['room', { t: 'u53' }],
      ['msg_no', { t: 'u53' }],
      ['turn', { t: 'u53' }],
    ],
  },
  typing: {
    code: 22,
    fields: [
      ['room', { t: 'u53' }],
      ['active', { t: 'bool' }],
    ],
  },
  typists: {
    code: 23,
    fields: [
      ['room', { t: 'u53' }],
      ['users', { t: 'list', of: 'id', max: 16 }],
    ],
  },
  presence: {
    code: 24,
    fields: [
      ['room', { t: 'u53' }],
      ['full', { t: 'bool' }],
      ['here', { t: 'u53' }],
      ['users', { t: 'list', of: 'presence_of', max: 500 }],
    ],
  },
  room_added: {
    code: 25,
    fields: [
      ['rooms', { t: 'list', of: 'room_state', max: 512 }],
    ],
  },
  room_removed: {
    code: 26,
    fields: [
      ['room', { t: 'u53' }],
      ['code', { t: 'code' }],
    ],
  },
  marks: {
    code: 27,
    fields: [
      ['room', { t: 'u53' }],
      ['seq', { t: 'u53' }],
      ['as_of', { t: 'u53' }],
      ['pinned', { t: 'u53' }],
      ['pinned_by', { t: 'u53' }],
      ['emoji', { t: 'list', of: 'emoji', max: 20 }],
      ['reactions', { t: 'list', of: 'reaction', max: 400 }],
      ['mentions', { t: 'list', of: 'id', max: 32 }],
    ],
  },
  mentioned: {
    code: 28,
    fields: [
      ['rooms', { t: 'list', of: 'mention_count', max: 512 }],
    ],
  },
  unread_from: {
    code: 36,
    fields: [
      ['room', { t: 'u53' }],
      ['msg_no', { t: 'u53' }],
      ['turn', { t: 'u53' }],
    ],
  },
  notify: {
    code: 37,
    fields: [
      ['room', { t: 'u53' }],
      ['level', { t: 'uint', max: 2 }],
    ],
  },
  notified: {
    code: 38,
    fields: [
      ['room', { t: 'u53' }],
      ['level', { t: 'uint', max: 2 }],
    ],
  },
  gone: {
    code: 39,
    fields: [
      ['room', { t: 'u53' }],
      ['deleted', { t: 'u53' }],
      ['more', { t: 'bool' }],
      ['lines', { t: 'list', of: 'id', max: 256 }],
    ],
  },
  room_post: {
    code: 257,
    fields: [
      ['room', { t: 'u53' }],
      ['client_id', { t: 'cid' }],
      ['text', { t: 'str', max: 4096 }],
    ],
  },
  room_edit: {
    code: 258,
    fields: [
      ['room', { t: 'u53' }],
      ['client_id', { t: 'cid' }],
      ['target', { t: 'u53' }],
      ['text', { t: 'str', max: 4096 }],
    ],
  },
  room_delete: {
    code: 259,
    fields: [
      ['room', { t: 'u53' }],
      ['client_id', { t: 'cid' }],
      ['target', { t: 'u53' }],
    ],
  },
  room_join: {
    code: 260,
    fields: [
      ['room', { t: 'u53' }],
      ['client_id', { t: 'cid' }],
    ],
  },
  room_leave: {
    code: 261,
    fields: [
      ['room', { t: 'u53' }],
      ['client_id', { t: 'cid' }],
    ],
  },
  room_create: {
    code: 262,
    fields: [
      ['client_id', { t: 'cid' }],
      ['name', { t: 'str', max: 256 }],
      ['topic', { t: 'str', max: 512 }],
      ['visibility', { t: 'uint', max: 1 }],
      ['history', { t: 'uint', max: 1 }],
    ],
  },
  room_say: {
    code: 263,
    fields: [
      ['room', { t: 'u53' }],
      ['client_id', { t: 'cid' }],
      ['reply_to', { t: 'u53' }],
      ['text', { t: 'str', max: 4096 }],
      ['mentions', { t: 'list', of: 'id', max: 32 }],
    ],
  },
  room_revise: {
    code: 264,
    fields: [
      ['room', { t: 'u53' }],
      ['client_id', { t: 'cid' }],
      ['target', { t: 'u53' }],
      ['text', { t: 'str', max: 4096 }],
      ['mentions', { t: 'list', of: 'id', max: 32 }],
    ],
  },
  room_react: {
    code: 265,
    fields: [
      ['room', { t: 'u53' }],
      ['client_id', { t: 'cid' }],
      ['target', { t: 'u53' }],
      ['emoji', { t: 'str', max: 48 }],
      ['on', { t: 'bool' }],
    ],
  },
  room_pin: {
    code: 266,
    fields: [
      ['room', { t: 'u53' }],
      ['client_id', { t: 'cid' }],
      ['target', { t: 'u53' }],
      ['on', { t: 'bool' }],
    ],
  },
  room_remove: {
    code: 267,
    fields: [
      ['room', { t: 'u53' }],
      ['client_id', { t: 'cid' }],
      ['member', { t: 'u53' }],
    ],
  },
  room_ban: {
    code: 268,
    fields: [
      ['room', { t: 'u53' }],
      ['client_id', { t: 'cid' }],
      ['member', { t: 'u53' }],
    ],
  },
  room_unban: {
    code: 269,
    fields: [
      ['room', { t: 'u53' }],
      ['client_id', { t: 'cid' }],
      ['member', { t: 'u53' }],
    ],
  },
  room_role: {
    code: 270,
    fields: [
      ['room', { t: 'u53' }],
      ['client_id', { t: 'cid' }],
      ['member', { t: 'u53' }],
      ['role', { t: 'uint', max: 2 }],
    ],
  },
  room_mute: {
    code: 271,
    fields: [
      ['room', { t: 'u53' }],
      ['client_id', { t: 'cid' }],
      ['member', { t: 'u53' }],
      ['muted', { t: 'bool' }],
    ],
  },
  room_invite: {
    code: 272,
    fields: [
      ['room', { t: 'u53' }],
      ['client_id', { t: 'cid' }],
      ['member', { t: 'u53' }],
    ],
  },
  room_direct: {
    code: 273,
    fields: [
      ['client_id', { t: 'cid' }],
      ['users', { t: 'list', of: 'id', max: 9 }],
    ],
  },
  room_rename: {
    code: 274,
    fields: [
      ['room', { t: 'u53' }],
      ['client_id', { t: 'cid' }],
      ['name', { t: 'str', max: 256 }],
    ],
  },
  room_topic: {
    code: 275,
    fields: [
      ['room', { t: 'u53' }],
      ['client_id', { t: 'cid' }],
      ['topic', { t: 'str', max: 512 }],
    ],
  },
  room_archive: {
    code: 276,
    fields: [
      ['room', { t: 'u53' }],
      ['client_id', { t: 'cid' }],
      ['on', { t: 'bool' }],
    ],
  },
  room_history: {
    code: 277,
    fields: [
      ['room', { t: 'u53' }],
      ['client_id', { t: 'cid' }],
      ['history', { t: 'uint', max: 1 }],
    ],
  },
  room_share: {
    code: 284,
    fields: [
      ['room', { t: 'u53' }],
      ['client_id', { t: 'cid' }],
      ['reply_to', { t: 'u53' }],
      ['text', { t: 'str', max: 4096 }],
      ['mentions', { t: 'list', of: 'id', max: 32 }],
      ['files', { t: 'list', of: 'id', max: 10 }],
    ],
  },
  gone_get: {
    code: 4129,
    fields: [
      ['room', { t: 'u53' }],
    ],
  },
};

/** Records of lists by name: on the wire [field …]. */
export const RECORDS: Readonly<Record<string, FieldRows>> = {
  sub: [
      ['room', { t: 'u53' }],
      ['incarnation', { t: 'u53' }],
      ['after', { t: 'u53' }],
      ['live', { t: 'bool' }],
    ],
  room_state: [
      ['room', { t: 'u53' }],
      ['incarnation', { t: 'u53' }],
      ['visibility', { t: 'uint', max: 3 }],
      ['name', { t: 'str', max: 256 }],
      ['topic', { t: 'str', max: 512 }],
      ['head', { t: 'u53' }],
      ['msg_no', { t: 'u53' }],
      ['read_msg_no', { t: 'u53' }],
      ['role', { t: 'uint', max: 3 }],
      ['notify', { t: 'uint', max: 2 }],
      ['turn', { t: 'u53' }],
      ['rev', { t: 'u53' }],
      ['archived', { t: 'bool' }],
      ['history', { t: 'uint', max: 1 }],
      ['people', { t: 'list', of: 'id', max: 9 }],
    ],
  head: [
      ['room', { t: 'u53' }],
      ['seq', { t: 'u53' }],
      ['msg_no', { t: 'u53' }],
      ['deleted', { t: 'u53' }],
    ],
  presence_of: [
      ['user', { t: 'u53' }],
      ['state', { t: 'uint', max: 1 }],
    ],
  id: [
      ['id', { t: 'u53' }],
    ],
  user_info: [
      ['user', { t: 'u53' }],
      ['name', { t: 'str', max: 256 }],
      ['role', { t: 'uint', max: 1 }],
      ['rev', { t: 'u53' }],
      ['handle', { t: 'str', max: 128 }],
      ['avatar', { t: 'u53' }],
    ],
  emoji: [
      ['emoji', { t: 'str', max: 48 }],
    ],
  reaction: [
      ['emoji', { t: 'uint', max: 20 }],
      ['user', { t: 'u53' }],
    ],
  mention_count: [
      ['room', { t: 'u53' }],
      ['count', { t: 'uint', max: 100 }],
    ],
  file_info: [
      ['file', { t: 'u53' }],
      ['name', { t: 'str', max: 200 }],
      ['mime', { t: 'str', max: 64 }],
      ['bytes', { t: 'u53' }],
      ['width', { t: 'uint', max: 65535 }],
      ['height', { t: 'uint', max: 65535 }],
    ],
};

/** Bodies of events by kind: on the wire [field …], or nil once erased. */
export const KINDS: Readonly<Record<number, { name: KindName; fields: FieldRows }>> = {
  1: {
    name: 'room_created',
    fields: [
      ['name', { t: 'str', max: 256 }],
      ['topic', { t: 'str', max: 512 }],
      ['visibility', { t: 'uint', max: 3 }],
    ],
  },
  2: {
    name: 'joined',
    fields: [
      ['role', { t: 'uint', max: 3 }],
    ],
  },
  3: {
    name: 'left',
    fields: [
      ['reason', { t: 'uint', max: 2 }],
    ],
  },
  4: {
    name: 'posted',
    fields: [
      ['text', { t: 'str', max: 4096 }],
    ],
  },
  5: {
    name: 'edited',
    fields: [
      ['text', { t: 'str', max: 4096 }],
    ],
  },
  6: {
    name: 'deleted',
    fields: [
      ['by_role', { t: 'uint', max: 3 }],
    ],
  },
  7: {
    name: 'said',
    fields: [
      ['text', { t: 'str', max: 4096 }],
      ['mentions', { t: 'list', of: 'id', max: 32 }],
    ],
  },
  8: {
    name: 'revised',
    fields: [
      ['text', { t: 'str', max: 4096 }],
      ['mentions', { t: 'list', of: 'id', max: 32 }],
    ],
  },
  9: {
    name: 'reacted',
    fields: [
      ['emoji', { t: 'str', max: 48 }],
      ['on', { t: 'bool' }],
    ],
  },
  10: {
    name: 'pinned',
    fields: [
      ['on', { t: 'bool' }],
    ],
  },
  11: {
    name: 'removed',
    fields: [
      ['member', { t: 'u53' }],
    ],
  },
  12: {
    name: 'banned',
    fields: [
      ['member', { t: 'u53' }],
    ],
  },
  13: {
    name: 'unbanned',
    fields: [
      ['member', { t: 'u53' }],
    ],
  },
  14: {
    name: 'role_changed',
    fields: [
      ['member', { t: 'u53' }],
      ['role', { t: 'uint', max: 2 }],
    ],
  },
  15: {
    name: 'muted',
    fields: [
      ['member', { t: 'u53' }],
      ['muted', { t: 'bool' }],
    ],
  },
  16: {
    name: 'added',
    fields: [
      ['member', { t: 'u53' }],
    ],
  },
  17: {
    name: 'renamed',
    fields: [
      ['name', { t: 'str', max: 256 }],
    ],
  },
  18: {
    name: 'topic_changed',
    fields: [
      ['topic', { t: 'str', max: 512 }],
    ],
  },
  19: {
    name: 'archived',
    fields: [
      ['on', { t: 'bool' }],
    ],
  },
  20: {
    name: 'history_changed',
    fields: [
      ['history', { t: 'uint', max: 1 }],
    ],
  },
  21: {
    name: 'direct_created',
    fields: [
      ['members', { t: 'list', of: 'id', max: 9 }],
    ],
  },
  22: {
    name: 'founded',
    fields: [
      ['name', { t: 'str', max: 256 }],
      ['topic', { t: 'str', max: 512 }],
      ['visibility', { t: 'uint', max: 3 }],
      ['history', { t: 'uint', max: 1 }],
    ],
  },
  23: {
    name: 'shared',
    fields: [
      ['text', { t: 'str', max: 4096 }],
      ['mentions', { t: 'list', of: 'id', max: 32 }],
      ['files', { t: 'list', of: 'file_info', max: 10 }],
    ],
  },
};

/** Errors by number. */
export const ERRORS: Readonly<Record<number, ErrorRow>> = {
  0: { name: 'ok', status: 200, retry: false, text: 'Done.' },
  1: { name: 'again', status: 503, retry: true, text: 'Nothing to read now.' },
  2: { name: 'short', status: 400, retry: false, text: 'The message ends before its last field; send it whole.' },
  3: { name: 'bad_frame', status: 400, retry: false, text: 'The message is not well formed; see PROTOCOL.md for its fields.' },
  4: { name: 'unknown_type', status: 400, retry: false, text: 'No message has this type; see PROTOCOL.md.' },
  5: { name: 'unexpected', status: 400, retry: false, text: 'This message may not be sent here or now.' },
  6: { name: 'too_large', status: 413, retry: false, text: 'Larger than the limit; shorten it and send again.' },
  7: { name: 'bad_utf8', status: 400, retry: false, text: 'Text must be valid UTF-8 without control characters.' },
  8: { name: 'too_deep', status: 400, retry: false, text: 'Nested deeper than 8 levels; flatten it.' },
  9: { name: 'out_of_range', status: 400, retry: false, text: 'A field is outside its bounds; see PROTOCOL.md.' },
  10: { name: 'wrong_fields', status: 400, retry: false, text: 'A field is missing, doubled or unknown; see PROTOCOL.md.' },
  11: { name: 'version', status: 400, retry: false, text: 'Another protocol version is spoken here; reload the page.' },
  20: { name: 'busy', status: 503, retry: true, text: 'Too much at once; try again shortly.' },
  21: { name: 'overloaded', status: 503, retry: true, text: 'The server has all it can hold; try again after retry_ms.' },
  22: { name: 'unavailable', status: 503, retry: true, text: 'Storage cannot be reached; nothing is lost, send again later.' },
  23: { name: 'not_owner', status: 503, retry: true, text: 'Another node owns this room; ask the directory again.' },
  24: { name: 'fenced', status: 503, retry: true, text: 'This node lost the room to another; ask the directory again.' },
  25: { name: 'timeout', status: 504, retry: true, text: 'No answer in time; the same id can safely be sent again.' },
  26: { name: 'rate_limited', status: 429, retry: true, text: 'Too many requests; wait retry_ms and go on more slowly.' },
  27: { name: 'draining', status: 503, retry: true, text: 'This server is closing; connect again after retry_ms.' },
  28: { name: 'no_memory', status: 503, retry: true, text: 'The server is out of memory; try again later.' },
  40: { name: 'unauthorized', status: 401, retry: false, text: 'Sign in first: no valid access token came with the request.' },
  41: { name: 'token_expired', status: 401, retry: true, text: 'The access token has expired; refresh it and send again.' },
  42: { name: 'token_revoked', status: 401, retry: false, text: 'This session was signed out; sign in again.' },
  43: { name: 'bad_credentials', status: 401, retry: false, text: 'Name or password is wrong.' },
  44: { name: 'forbidden', status: 403, retry: false, text: 'You may not do this.' },
  45: { name: 'bad_origin', status: 403, retry: false, text: 'Requests from this web origin are not accepted here.' },
  46: { name: 'not_member', status: 403, retry: false, text: 'You are not in this room; join it first.' },
  47: { name: 'not_author', status: 403, retry: false, text: 'Only its author can change this message.' },
  48: { name: 'banned', status: 403, retry: false, text: 'You may not enter this room.' },
  49: { name: 'muted', status: 403, retry: false, text: 'You may not write here now; a moderator can change that.' },
  50: { name: 'removed', status: 403, retry: false, text: 'A moderator took you out of this room.' },
  51: { name: 'wrong_password', status: 403, retry: false, text: 'That is not your current password.' },
  58: { name: 'disabled', status: 403, retry: false, text: 'This account was disabled; ask an administrator.' },
  59: { name: 'password_change_required', status: 403, retry: false, text: 'An administrator gave you this password; choose another one, then refresh the token.' },
  52: { name: 'archived', status: 403, retry: false, text: 'This room is archived: it can be read, and nothing more is said in it.' },
  60: { name: 'not_found', status: 404, retry: false, text: 'There is nothing here.' },
  61: { name: 'no_room', status: 404, retry: false, text: 'There is no such room, or you may not see it.' },
  62: { name: 'no_event', status: 404, retry: false, text: 'There is no such message in this room.' },
  63: { name: 'name_taken', status: 409, retry: false, text: 'This name is taken; choose another.' },
  64: { name: 'conflict', status: 409, retry: false, text: 'This client_id was used before with other content; use a new one.' },
  65: { name: 'deleted', status: 409, retry: false, text: 'This message was deleted.' },
  66: { name: 'room_full', status: 409, retry: false, text: 'The room has as many members as it can hold.' },
  67: { name: 'too_many_rooms', status: 409, retry: false, text: 'You are in as many rooms as one person can be; leave one first.' },
  68: { name: 'too_many_reactions', status: 409, retry: false, text: 'This message has as many reactions as it can hold.' },
  75: { name: 'no_change', status: 409, retry: false, text: 'It is so already.' },
  69: { name: 'last_owner', status: 409, retry: false, text: 'A room needs an owner; make somebody else the owner first.' },
  70: { name: 'weak_password', status: 422, retry: false, text: 'Use 8 to 128 characters that are not a common password.' },
  71: { name: 'bad_name', status: 422, retry: false, text: 'Use 1 to 32 letters, digits, spaces or . _ - and no leading or trailing space.' },
  72: { name: 'empty', status: 422, retry: false, text: 'There is nothing in it; write something first.' },
  73: { name: 'no_member', status: 404, retry: false, text: 'They are not in this room.' },
  76: { name: 'too_many_restricted', status: 409, retry: false, text: 'This room keeps as many people muted or banned as it can; lift one first.' },
  100: { name: 'signup_closed', status: 403, retry: false, text: 'Nobody can sign up here; ask an administrator.' },
  101: { name: 'invite_required', status: 403, retry: false, text: 'Signing up here takes an invitation; ask an administrator for one.' },
  102: { name: 'invite_invalid', status: 403, retry: false, text: 'This invitation cannot be used (any more); ask for another one.' },
  103: { name: 'already_set_up', status: 409, retry: false, text: 'This server has been set up already; sign in, or sign up.' },
  104: { name: 'too_many_invites', status: 409, retry: false, text: 'There are as many invitations as can be; revoke one first.' },
  105: { name: 'bad_display', status: 422, retry: false, text: 'Use 1 to 64 characters that can be seen, with no space at either end.' },
  106: { name: 'bad_picture', status: 415, retry: false, text: 'Send a PNG, JPEG or WebP picture.' },
  77: { name: 'no_user', status: 404, retry: false, text: 'There is nobody with this account any more.' },
  78: { name: 'member_banned', status: 409, retry: false, text: 'They are banned from this room; lift the ban first.' },
  79: { name: 'member_full', status: 409, retry: false, text: 'They are in as many rooms as one person can be.' },
  74: { name: 'bad_search', status: 400, retry: false, text: 'The search cannot be understood; `reason` says why, `position` where.' },
  85: { name: 'last_admin', status: 409, retry: false, text: 'The server needs an administrator who can sign in; make somebody else one first.' },
  80: { name: 'method_not_allowed', status: 405, retry: false, text: 'This address does not take this method; see Allow.' },
  81: { name: 'unsupported_media_type', status: 415, retry: false, text: 'Send JSON: Content-Type: application/json.' },
  82: { name: 'length_required', status: 411, retry: false, text: 'Send a Content-Length; chunked bodies are not taken.' },
  110: { name: 'no_file', status: 404, retry: false, text: 'There is no such file here, or it is already in another message; upload it again.' },
  111: { name: 'quota', status: 413, retry: false, text: 'Your files take all the space one person may use; `limit` is it in bytes. Delete some first.' },
  112: { name: 'bad_range', status: 416, retry: false, text: 'The file has no such range; Content-Range says how long it is.' },
  113: { name: 'no_uploads', status: 403, retry: false, text: 'This server takes no files.' },
  90: { name: 'database', status: 500, retry: false, text: 'Storage answered with an error; the operator\'s log says which.' },
  91: { name: 'internal', status: 500, retry: false, text: 'The server made an error; it is in the operator\'s log.' },
};
