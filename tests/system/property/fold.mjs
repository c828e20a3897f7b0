/* What a room's log means: a fold over its export, written apart from the server's and from the web client's, so that
 * the three check each other. Plain and slow on purpose. `leaveOut`: the name of a kind of event that is passed over, to
 * see whether anybody notices. */

const REACTIONS_MAX = 400;
const EMOJI_MAX = 20;
const ROLE_MEMBER = 0;
const ROLE_MODERATOR = 1;
const ROLE_OWNER = 2;
/* The text of a tombstone until the event comes that deletes its line: a line without that event is a fault, and the
 * marks that it had by then are to go with it. */
const ERASED = '\u0000 erased';

function newRoom(id) {
  return {
    id,
    name: '',
    topic: '',
    visibility: 0,
    creator: 0,
    head: 0,
    msgNo: 0,
    lastAtMs: 0,
    archived: false,
    /** What those may read who come in: 0 all, 1 from then on. */
    history: 0,
    /** user → { role, joinedSeq, visibleFrom } */
    members: new Map(),
    muted: new Set(),
    banned: new Set(),
    /** seq → line */
    lines: new Map(),
    /** What people see of comings, goings and rights: { seq, what, user, whom, text } */
    notices: [],
  };
}

function addLine(room, event, mentions, files = []) {
  room.msgNo = event.msg_no;
  room.lines.set(event.seq, {
    seq: event.seq,
    msgNo: event.msg_no,
    user: event.user,
    atMs: event.at_ms,
    clientId: event.client_id,
    text: event.body === null ? ERASED : event.body.text,
    edited: false,
    replyTo: event.target,
    mentions,
    files: files.map((f) => [f.file, f.name, f.mime, f.bytes, f.width, f.height]),
    reactions: [],
    pinned: null,
  });
}

function alive(room, seq) {
  const line = room.lines.get(seq);
  return line && line.text !== null ? line : null;
}

/* A tombstone leaves nothing of a line but its place. */
function erase(line) {
  Object.assign(line, { text: null, edited: false, replyTo: 0, mentions: [], files: [], reactions: [], pinned: null });
}

function edit(room, event, mentions) {
  const line = alive(room, event.target);
  if (line) Object.assign(line, { text: event.body === null ? ERASED : event.body.text, edited: true, mentions });
}

function react(line, event) {
  const { emoji, on } = event.body;
  const mine = (r) => r.user === event.user && r.emoji === emoji;
  if (!on) {
    line.reactions = line.reactions.filter((r) => !mine(r));
    return;
  }
  const kinds = new Set(line.reactions.map((r) => r.emoji)).add(emoji);
  if (line.reactions.some(mine) || line.reactions.length >= REACTIONS_MAX || kinds.size > EMOJI_MAX) return;
  line.reactions.push({ seq: event.seq, user: event.user, emoji });
}

const ids = (list) => (list ?? []).map((m) => m.id);

function enter(room, user, role, event) {
  room.members.set(user, { role, joinedSeq: event.seq, visibleFrom: room.history === 1 ? event.seq : 0 });
}

function found(room, event, history) {
  const { name, topic, visibility } = event.body;
  room.members.set(event.user, { role: ROLE_OWNER, joinedSeq: event.seq, visibleFrom: 0 });
  Object.assign(room, { name, topic, visibility, creator: event.user, history });
  return ['created', 0];
}

/* One rule for each kind. A kind that is not here is a fault of this file: see foldLog. */
const RULES = {
  room_created(room, event) {
    return found(room, event, event.body.visibility === 1 ? 1 : 0);
  },
  founded(room, event) {
    return found(room, event, event.body.history);
  },
  direct_created(room, event) {
    Object.assign(room, { visibility: 2, creator: event.user });
    for (const id of ids(event.body.members)) room.members.set(id, { role: ROLE_MEMBER, joinedSeq: event.seq, visibleFrom: 0 });
    return ['opened', 0];
  },
  added(room, event) {
    enter(room, event.body.member, ROLE_MEMBER, event);
    return ['added', event.body.member];
  },
  renamed(room, event) {
    room.name = event.body.name;
    return ['renamed', 0, room.name];
  },
  topic_changed(room, event) {
    room.topic = event.body.topic;
    return [room.topic === '' ? 'topic_taken' : 'topic_changed', 0, room.topic];
  },
  archived(room, event) {
    room.archived = event.body.on;
    return [room.archived ? 'archived' : 'unarchived', 0];
  },
  history_changed(room, event) {
    room.history = event.body.history;
    return [room.history === 1 ? 'history_joining' : 'history_all', 0];
  },
  joined(room, event) {
    enter(room, event.user, event.body.role, event);
    return ['joined', 0];
  },
  left(room, event) {
    room.members.delete(event.user);
    return ['left', 0];
  },
  posted(room, event) {
    addLine(room, event, []);
  },
  said(room, event) {
    addLine(room, event, ids(event.body?.mentions));
  },
  shared(room, event) {
    addLine(room, event, ids(event.body?.mentions), event.body?.files);
  },
  edited(room, event) {
    edit(room, event, []);
  },
  revised(room, event) {
    edit(room, event, ids(event.body?.mentions));
  },
  deleted(room, event) {
    const line = room.lines.get(event.target);
    if (line) erase(line);
  },
  reacted(room, event) {
    const line = alive(room, event.target);
    if (line) react(line, event);
  },
  pinned(room, event) {
    const line = alive(room, event.target);
    if (line) line.pinned = event.body.on ? (line.pinned ?? { seq: event.seq, by: event.user }) : null;
  },
  removed(room, event) {
    room.members.delete(event.body.member);
    return ['removed', event.body.member];
  },
  banned(room, event) {
    room.members.delete(event.body.member);
    room.banned.add(event.body.member);
    return ['banned', event.body.member];
  },
  unbanned(room, event) {
    room.banned.delete(event.body.member);
    return ['unbanned', event.body.member];
  },
  role_changed(room, event) {
    const { member, role } = event.body;
    const set = (user, to) => room.members.has(user) && (room.members.get(user).role = to);
    if (role === ROLE_OWNER) set(event.user, ROLE_MODERATOR);
    set(member, role);
    return [['made_member', 'made_moderator', 'made_owner'][role], member];
  },
  muted(room, event) {
    const { member, muted } = event.body;
    if (muted) room.muted.add(member);
    else room.muted.delete(member);
    return [muted ? 'muted' : 'unmuted', member];
  },
};

export const FOLDED_KINDS = Object.keys(RULES);

/* events: as an export has them, in order. */
export function foldLog(id, events, leaveOut = '') {
  const room = newRoom(id);
  for (const event of events) {
    const rule = RULES[event.kind];
    if (!rule) throw new Error(`room ${id} seq ${event.seq}: the fold has no rule for ${event.kind}`);
    room.head = event.seq;
    room.lastAtMs = event.at_ms;
    if (event.kind === leaveOut) continue;
    const notice = rule(room, event);
    if (notice) room.notices.push({ seq: event.seq, what: notice[0], user: event.user, whom: notice[1], text: notice[2] ?? '' });
  }
  return room;
}

/** How many unread lines call this user. */
export function mentionsOf(room, user, readMsgNo) {
  let count = 0;
  for (const line of room.lines.values()) if (line.msgNo > readMsgNo && line.mentions.includes(user)) count += 1;
  return count;
}

export const ROLES = { [ROLE_MEMBER]: 'member', [ROLE_MODERATOR]: 'moderator', [ROLE_OWNER]: 'owner' };
