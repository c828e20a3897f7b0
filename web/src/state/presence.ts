/* Who is here and who is typing, in the rooms that are on screen. Never stored, may be lost, and says so by expiring. */
import { LIMITS, type PresenceMsg, type TypistsMsg } from '@/proto/messages.gen';

export interface RoomPresence {
  /** Known users; who is missing is unknown (or away, after a full list). */
  users: ReadonlyMap<number, boolean>;
  here: number;
  typists: readonly number[];
  typistsAtMs: number;
}

export type Presence = ReadonlyMap<number, RoomPresence>;

export const initialPresence: Presence = new Map();

const NOBODY: RoomPresence = { users: new Map(), here: 0, typists: [], typistsAtMs: 0 };

function change(p: Presence, room: number, how: (r: RoomPresence) => RoomPresence): Presence {
  return new Map(p).set(room, how(p.get(room) ?? NOBODY));
}

export function applyPresence(p: Presence, m: PresenceMsg): Presence {
  return change(p, m.room, (r) => {
    const users = new Map(m.full ? [] : r.users);
    for (const u of m.users) users.set(u.user, u.state === 1);
    return { ...r, users, here: m.here };
  });
}

export function applyTypists(p: Presence, m: TypistsMsg, nowMs: number): Presence {
  return change(p, m.room, (r) => ({ ...r, typists: m.users.map((u) => u.id), typistsAtMs: nowMs }));
}

/** Who has just said a line is not typing it any more. */
export function stopTyping(p: Presence, room: number, user: number): Presence {
  const r = p.get(room);
  if (!r?.typists.includes(user)) return p;
  return change(p, room, (now) => ({ ...now, typists: now.typists.filter((id) => id !== user) }));
}

export function expireTyping(p: Presence, nowMs: number): Presence {
  let next = p;
  for (const [room, r] of p)
    if (r.typists.length > 0 && nowMs - r.typistsAtMs >= LIMITS.TYPING_EXPIRE_MS)
      next = change(next, room, (now) => ({ ...now, typists: [] }));
  return next;
}

/** Off screen or off line: what was known is no longer. */
export function forget(p: Presence, room?: number): Presence {
  if (room === undefined) return p.size === 0 ? p : initialPresence;
  if (!p.has(room)) return p;
  const next = new Map(p);
  next.delete(room);
  return next;
}

/** "Ann is typing", "Ann and Bo are typing", "Ann, Bo and Cy are typing", "Several people are typing". */
export function typingSentence(names: readonly string[]): string {
  const [a, b, c] = names;
  if (a === undefined) return '';
  if (b === undefined) return `${a} is typing`;
  if (c === undefined) return `${a} and ${b} are typing`;
  if (names.length === 3) return `${a}, ${b} and ${c} are typing`;
  return 'Several people are typing';
}
