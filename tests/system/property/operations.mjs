/* What people do, by kind of event. Each generator makes one request that should succeed by what is known of the rooms,
 * or gives null when nobody can do that now; what is known may be a moment old, so some are refused. */
const LINES_KEPT = 300;
const WORDS = 'egg nest twig feather branch dawn caw flock storm roost wing gather'.split(' ');
const EMOJI = ['👍', '🎉', '😀', '❤️', '🦜', '👀'];
const ROOMS_MAX = 9;
const DIRECTS_MAX = 4;
const MEMBERS_MIN = 3; // below it nobody leaves or is taken out

/** The rooms as the acks tell them. */
export class World {
  /** kinds: those that the protocol has. */
  constructor(users, kinds) {
    this.users = users;
    this.kinds = kinds;
    const table = (weight) => GENERATED_KINDS.filter((kind) => kinds.includes(kind)).map((kind) => [weight(kind), kind]);
    this.storm = table((kind) => WEIGHTS[kind] ?? 4);
    this.even = table(() => 1);
    /** id → room */
    this.rooms = new Map();
    /** Uploaded, and shown by no line yet: { room, user, file } */
    this.files = [];
  }

  /** A request was made: its files are used up. */
  take(message) {
    for (const { id } of message.files ?? []) this.files = this.files.filter((f) => f.file !== id);
  }

  apply(entry) {
    const { user, kind, message, ack } = entry;
    if (kind === 'room_created' || kind === 'founded' || kind === 'direct_created') {
      const asked = message.body ?? message;
      const people = kind === 'direct_created' ? [user, ...asked.users.map((u) => u.id)].map((id) => [id, 0]) : [[user, 2]];
      if (this.rooms.has(ack.room)) return;
      this.rooms.set(ack.room, { id: ack.room, visibility: kind === 'direct_created' ? 2 : (asked.visibility ?? 0), archived: false, history: asked.history ?? 0,
        members: new Map(people), banned: new Set(), muted: new Set(), lines: [], old: [] });
      return;
    }
    const room = this.rooms.get(ack.room);
    if (!room) return;
    const member = message.member ?? Number(/\/(\d+)$/.exec(message.path ?? '')?.[1] ?? 0);
    const line = (seq) => room.lines.find((l) => l.seq === seq) ?? room.old.find((l) => l.seq === seq);
    switch (kind) {
      case 'posted':
      case 'said':
      case 'shared':
        room.lines.push({ seq: ack.seq, user, deleted: false, pinned: false, reactions: [] });
        if (room.lines.length > LINES_KEPT) {
          const gone = room.lines.shift();
          if (ack.seq % 40 === 0) room.old.push(gone);
        }
        break;
      case 'deleted': {
        const at = line(message.target);
        if (at) at.deleted = true;
        break;
      }
      case 'reacted': {
        const at = line(message.target);
        if (at && message.on) at.reactions.push({ user, emoji: message.emoji });
        else if (at) at.reactions = at.reactions.filter((r) => r.user !== user || r.emoji !== message.emoji);
        break;
      }
      case 'pinned': {
        const at = line(message.target);
        if (at) at.pinned = message.on;
        break;
      }
      case 'added':
        room.members.set(message.member ?? message.body.member, 0);
        break;
      case 'archived':
        room.archived = message.on ?? message.body.on;
        break;
      case 'history_changed':
        room.history = message.history ?? message.body.history;
        break;
      case 'joined':
        room.members.set(user, room.members.size === 0 ? 2 : 0);
        break;
      case 'left':
        room.members.delete(user);
        break;
      case 'removed':
        room.members.delete(member);
        break;
      case 'banned':
        room.members.delete(member);
        room.banned.add(member);
        break;
      case 'unbanned':
        room.banned.delete(member);
        break;
      case 'role_changed': {
        const role = message.role ?? message.body.role;
        if (role === 2) room.members.set(user, 1);
        room.members.set(member, role);
        break;
      }
      case 'muted':
        if (message.muted ?? message.method === 'POST') room.muted.add(member);
        else room.muted.delete(member);
        break;
      default:
    }
  }
}

const textOf = (r) => Array.from({ length: 1 + r.below(8) }, () => r.of(WORDS)).join(' ');
const speakers = (room) => [...room.members.keys()].filter((u) => !room.muted.has(u) || room.members.get(u) === 2);
const living = (room) => [...room.lines.slice(-LINES_KEPT), ...room.old].filter((l) => !l.deleted);
const others = (room, user) => [...room.members.keys()].filter((u) => u !== user);

function speak(r, room) {
  const who = speakers(room);
  return who.length ? r.of(who) : 0;
}

/* Near the end mostly, as people do; now and then far above, where no memory of the server reaches. */
function lineFor(r, room, ok = () => true) {
  const lines = living(room).filter(ok);
  if (lines.length === 0) return null;
  return r.once(3) ? r.of(lines) : lines[Math.max(0, lines.length - 1 - r.below(20))];
}

/* A pair of somebody with rights and somebody below them. */
function pair(r, room, ok = () => true) {
  const pairs = [];
  for (const [user, role] of room.members)
    for (const [whom, below] of room.members) if (user !== whom && role > below && role > 0 && ok(whom)) pairs.push([user, whom]);
  return pairs.length ? r.of(pairs) : null;
}

function moderatorOf(r, room) {
  const who = [...room.members].filter(([, role]) => role > 0).map(([user]) => user);
  return who.length ? r.of(who) : 0;
}

function callsOf(r, room, user) {
  const whom = r.shuffled(others(room, user)).slice(0, 1 + r.below(3));
  return whom.map((id) => ({ id }));
}

const withCalls = (world, text, mentions) => `${text} ${mentions.map(({ id }) => `@${world.users.get(id)}`).join(' ')}`;

function create(r, world, unusual) {
  const n = [...world.rooms.values()].filter((room) => room.visibility !== 2).length;
  if (n >= ROOMS_MAX) return null;
  const visibility = n % 4 === 3 ? 1 : 0;
  const history = unusual ? 1 - visibility : visibility;
  return { user: r.of([...world.users.keys()]), type: 'room_create', name: `${r.of(WORDS)} ${n}`, topic: r.once(2) ? '' : textOf(r), visibility, history };
}

/* kind → (random, room, world) → { user, type, … } or null */
const GENERATORS = {
  room_created(r, _, world) {
    return create(r, world, false);
  },
  founded(r, _, world) {
    return create(r, world, true);
  },
  direct_created(r, _, world) {
    const people = r.shuffled([...world.users.keys()]);
    if ([...world.rooms.values()].filter((room) => room.visibility === 2).length >= DIRECTS_MAX) return null;
    return { user: people[0], type: 'room_direct', users: people.slice(1, 1 + r.below(4)).map((id) => ({ id })) };
  },
  added(r, room, world) {
    const user = moderatorOf(r, room);
    const out = [...world.users.keys()].filter((u) => !room.members.has(u) && !room.banned.has(u));
    return user && out.length ? { user, type: 'room_invite', member: r.of(out) } : null;
  },
  renamed(r, room) {
    const user = moderatorOf(r, room);
    return user ? { user, type: 'room_rename', name: `${r.of(WORDS)} ${r.below(1000)}` } : null;
  },
  topic_changed(r, room) {
    const user = moderatorOf(r, room);
    return user ? { user, type: 'room_topic', topic: r.once(4) ? '' : textOf(r) } : null;
  },
  archived(r, room) {
    const user = moderatorOf(r, room);
    return user ? { user, type: 'room_archive', on: !room.archived } : null;
  },
  history_changed(r, room) {
    const owner = [...room.members].find(([, role]) => role === 2)?.[0];
    return owner ? { user: owner, type: 'room_history', history: room.history ? 0 : 1 } : null;
  },
  joined(r, room, world) {
    if (room.visibility !== 0) return null;
    const who = [...world.users.keys()].filter((u) => !room.members.has(u) && !room.banned.has(u));
    return who.length ? { user: r.of(who), type: 'room_join' } : null;
  },
  left(r, room) {
    const who = [...room.members].filter(([, role]) => role < 2).map(([user]) => user);
    return who.length && room.visibility === 0 && room.members.size > MEMBERS_MIN ? { user: r.of(who), type: 'room_leave' } : null;
  },
  posted(r, room) {
    const user = speak(r, room);
    return user ? { user, type: 'room_post', text: textOf(r) } : null;
  },
  said(r, room, world) {
    const user = speak(r, room);
    if (!user) return null;
    const line = r.once(2) ? lineFor(r, room) : null;
    const mentions = line && r.once(2) ? [] : callsOf(r, room, user);
    if (!line && mentions.length === 0) return null;
    return { user, type: 'room_say', reply_to: line?.seq ?? 0, text: withCalls(world, textOf(r), mentions), mentions };
  },
  shared(r, room, world) {
    const ready = world.files.filter((f) => f.room === room.id && speakers(room).includes(f.user));
    if (ready.length === 0) return null;
    const { user } = r.of(ready);
    const files = ready.filter((f) => f.user === user).slice(0, 1 + r.below(2)).map((f) => ({ id: f.file }));
    const line = r.once(2) ? lineFor(r, room) : null;
    const mentions = r.once(2) ? callsOf(r, room, user) : [];
    return { user, type: 'room_share', reply_to: line?.seq ?? 0, text: r.once(3) && !mentions.length ? '' : withCalls(world, textOf(r), mentions).trim(), mentions, files };
  },
  edited(r, room) {
    const line = lineFor(r, room, (l) => speakers(room).includes(l.user));
    return line && { user: line.user, type: 'room_edit', target: line.seq, text: textOf(r) };
  },
  revised(r, room, world) {
    const line = lineFor(r, room, (l) => speakers(room).includes(l.user));
    const mentions = line ? callsOf(r, room, line.user) : [];
    return mentions.length ? { user: line.user, type: 'room_revise', target: line.seq, text: withCalls(world, textOf(r), mentions), mentions } : null;
  },
  deleted(r, room) {
    const line = lineFor(r, room, (l) => room.members.has(l.user));
    if (!line) return null;
    const user = r.once(3) ? moderatorOf(r, room) || line.user : line.user;
    return { user, type: 'room_delete', target: line.seq };
  },
  reacted(r, room) {
    const user = speak(r, room);
    const mine = (l) => l.reactions.some((x) => x.user === user);
    const back = r.once(3) && lineFor(r, room, mine);
    if (back) return { user, type: 'room_react', target: back.seq, emoji: back.reactions.find((x) => x.user === user).emoji, on: false };
    const line = user && lineFor(r, room);
    return line ? { user, type: 'room_react', target: line.seq, emoji: r.of(EMOJI), on: true } : null;
  },
  pinned(r, room) {
    const user = speak(r, room);
    const on = !r.once(3);
    const line = user && lineFor(r, room, (l) => l.pinned !== on);
    return line ? { user, type: 'room_pin', target: line.seq, on } : null;
  },
  removed(r, room) {
    const two = room.members.size > MEMBERS_MIN && room.visibility === 0 && pair(r, room);
    return two ? { user: two[0], type: 'room_remove', member: two[1] } : null;
  },
  banned(r, room, world) {
    const two = room.members.size > MEMBERS_MIN && room.visibility === 0 && pair(r, room);
    if (two) return { user: two[0], type: 'room_ban', member: two[1] };
    const user = moderatorOf(r, room);
    const out = [...world.users.keys()].filter((u) => !room.members.has(u) && !room.banned.has(u));
    return user && out.length ? { user, type: 'room_ban', member: r.of(out) } : null;
  },
  unbanned(r, room) {
    const user = moderatorOf(r, room);
    return user && room.banned.size ? { user, type: 'room_unban', member: r.of([...room.banned]) } : null;
  },
  role_changed(r, room) {
    const owner = [...room.members].find(([, role]) => role === 2)?.[0];
    const whom = owner && others(room, owner);
    if (!whom?.length) return null;
    const member = r.of(whom);
    return { user: owner, type: 'room_role', member, role: r.once(3) ? 2 : room.members.get(member) ? 0 : 1 };
  },
  muted(r, room) {
    const on = room.muted.size === 0 || !r.once(2);
    const two = pair(r, room, (u) => room.muted.has(u) !== on);
    return two ? { user: two[0], type: 'room_mute', member: two[1], muted: on } : null;
  },
};

export const GENERATED_KINDS = Object.keys(GENERATORS);

/* Of a thousand. Those who come must be as many as those who go. */
const WEIGHTS = { posted: 540, said: 120, shared: 20, edited: 80, revised: 40, deleted: 40, reacted: 90, pinned: 30, joined: 14, left: 4,
  removed: 3, banned: 4, unbanned: 5, role_changed: 5, muted: 7, room_created: 2,
  added: 5, renamed: 4, topic_changed: 4, archived: 1, history_changed: 3, direct_created: 3, founded: 2 };
const FIRST = new Set(['room_created', 'founded', 'direct_created']);
const SPEECH = new Set(['joined', 'posted', 'said', 'shared', 'edited', 'revised', 'reacted', 'pinned']);
const TRIES = 8;

/** One request, without a client id: by `user`, or by anybody. even: all kinds alike often; or of this kind, in this room.
 *  Null: nothing came to mind. */
export function propose(r, world, { user = 0, even = false, room = 0, kind = '' } = {}) {
  const rooms = room ? [world.rooms.get(room)] : [...world.rooms.values()];
  for (let i = 0; i < TRIES; i++) {
    const where = rooms.length ? r.of(rooms) : null;
    // An archived room is soon open again: nothing much can be done there.
    const which = kind || (where?.archived && r.once(2) ? 'archived' : r.weighted(even ? world.even : world.storm));
    const isFirst = FIRST.has(which);
    if (!where && !isFirst) continue;
    if (where?.archived && SPEECH.has(which) && !r.once(20)) continue;
    const request = GENERATORS[which](r, where, world);
    if (!request || (user && request.user !== user)) continue;
    const { user: who, ...message } = request;
    if (!isFirst) message.room = where.id;
    return { user: who, message };
  }
  return null;
}
