/* The rooms of the signed-in user: what the sidebar shows, and from which unread counts follow. */
import type { GoneMsg, HeadRec, MentionCountRec, RoomStateRec } from '@/proto/messages.gen';
import type { RoomEvent } from '@/proto/codec';
import {
  applyGone,
  heard,
  inDoubt,
  isAtLeast,
  lineDeleted,
  NOTHING_GONE,
  readUpTo,
  shownUnread,
  told,
  unreadOf,
  withoutDoubt,
  type Reading,
} from './unread';

export { shownUnread, unreadOf } from './unread';
import type { Users } from './users';

export type Visibility = 'public' | 'private' | 'direct';
export type Role = 'member' | 'moderator' | 'owner';
/** What newcomers may read of what was said before. */
export type History = 'all' | 'joining';

/** How much of a room a person wants to be told. */
export type Notify = 'all' | 'mentions' | 'nothing';

export interface Room extends Reading {
  id: number;
  incarnation: number;
  /** Of a direct room: its other people, see nameDirects. */
  name: string;
  topic: string;
  visibility: Visibility;
  role: Role;
  notify: Notify;
  /** Kept to read: nothing more is said in it. */
  archived: boolean;
  history: History;
  /** Who is in a direct room, oneself too; of other rooms nobody. */
  people: readonly number[];
  head: number;
  /** Its lines were marked as unread while it is on screen: it counts as read again when it was left and entered. */
  held: boolean;
  /** Unread lines that call this user; at the server's maximum: that many or more. */
  mentions: number;
  /** How many people; null until the room has been opened. */
  members: number | null;
  /** The last event known that changed who is in it, or what they may do. */
  peopleSeq: number;
}

export interface Rooms {
  /** The list has come at least once. */
  known: boolean;
  byId: ReadonlyMap<number, Room>;
  /** Ids by name: an order that news does not change, so that nothing moves under the pointer. */
  order: readonly number[];
}

export const initialRooms: Rooms = { known: false, byId: new Map(), order: [] };

const DIRECT = 2;
const VISIBILITIES: readonly Visibility[] = ['public', 'private', 'direct'];
const ROLES: readonly Role[] = ['member', 'moderator', 'owner'];
export const NOTIFIES: readonly Notify[] = ['all', 'mentions', 'nothing'];

export function visibilityOf(n: number): Visibility {
  return VISIBILITIES[n] ?? 'private';
}

export function historyOf(n: number): History {
  return n === 1 ? 'joining' : 'all';
}

export function roleOf(n: number): Role {
  return ROLES[n] ?? 'member';
}

function fromState(r: RoomStateRec, old: Room | undefined): Room {
  const same = old?.incarnation === r.incarnation ? old : undefined;
  const known: Reading = same?.turn === r.turn ? same : { ...NOTHING_GONE, msgNo: 0, readMsgNo: 0, turn: r.turn };
  const deleted = same?.deleted ?? 0;
  return {
    ...readUpTo(heard(known, Math.max(r.msg_no, same?.msgNo ?? 0), deleted), r.read_msg_no, r.turn),
    id: r.room,
    incarnation: r.incarnation,
    name: r.visibility === DIRECT ? (old?.name ?? '') : r.name,
    topic: r.topic,
    visibility: visibilityOf(r.visibility),
    role: roleOf(r.role),
    archived: r.archived,
    history: historyOf(r.history),
    people: r.people.map((p) => p.id),
    head: Math.max(r.head, same?.head ?? 0),
    notify: NOTIFIES[r.notify] ?? 'all',
    held: same?.held ?? false,
    mentions: 0, // told after it, if there are any
    members: same?.members ?? null,
    peopleSeq: same?.peopleSeq ?? 0,
  };
}

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });

function sorted(byId: ReadonlyMap<number, Room>): number[] {
  return [...byId.values()].sort((a, b) => collator.compare(a.name, b.name) || a.id - b.id).map((r) => r.id);
}

/** `welcome`: these rooms and no others. */
export function welcomeRooms(rooms: Rooms, list: readonly RoomStateRec[]): Rooms {
  const roomOf = (r: RoomStateRec) => {
    const room = fromState(r, rooms.byId.get(r.room));
    return rooms.known ? room : inDoubt(room);
  };
  const byId = new Map(list.map((r) => [r.room, roomOf(r)] as const));
  return { known: true, byId, order: sorted(byId) };
}

export function addRooms(rooms: Rooms, list: readonly RoomStateRec[]): Rooms {
  const byId = new Map(rooms.byId);
  for (const r of list) byId.set(r.room, fromState(r, byId.get(r.room)));
  return { ...rooms, byId, order: sorted(byId) };
}

/** Direct rooms are called after the others in them, one for notes after oneself: names follow `users`. */
export function nameDirects(rooms: Rooms, users: Users, me: number): Rooms {
  let byId: Map<number, Room> | null = null;
  for (const room of rooms.byId.values()) {
    if (room.visibility !== 'direct') continue;
    const others = room.people.filter((id) => id !== me);
    const nameOf = (id: number) => users.get(id)?.name ?? 'Someone';
    const name = others.length === 0 ? `${nameOf(me)} (you)` : others.map(nameOf).sort(collator.compare).join(', ');
    if (name === room.name) continue;
    byId ??= new Map(rooms.byId);
    byId.set(room.id, { ...room, name });
  }
  return byId ? { ...rooms, byId, order: sorted(byId) } : rooms;
}

export function removeRoom(rooms: Rooms, id: number): Rooms {
  if (!rooms.byId.has(id)) return rooms;
  const byId = new Map(rooms.byId);
  byId.delete(id);
  return { ...rooms, byId, order: rooms.order.filter((other) => other !== id) };
}

function change(rooms: Rooms, id: number, how: (room: Room) => Room): Rooms {
  const room = rooms.byId.get(id);
  if (!room) return rooms;
  const next = how(room);
  if (next === room) return rooms;
  return { ...rooms, byId: new Map(rooms.byId).set(id, next) };
}

export function applyHeads(rooms: Rooms, heads: readonly HeadRec[]): Rooms {
  return heads.reduce(
    (all, h) =>
      change(all, h.room, (r) =>
        h.seq <= r.head && h.msg_no <= r.msgNo && h.deleted <= r.deleted && !r.doubt
          ? r
          : { ...told(r, h.msg_no, h.deleted), head: Math.max(r.head, h.seq) },
      ),
    rooms,
  );
}

/** Who is banned may be a member or not: after that the room is asked how many there are (store.ts). */
const COMINGS: Partial<Record<string, number>> = { joined: 1, added: 1, left: -1, removed: -1 };
const PEOPLE_KINDS: ReadonlySet<string> = new Set([
  'joined',
  'added',
  'left',
  'removed',
  'banned',
  'unbanned',
  'role_changed',
  'muted',
]);

/** What the room is called and set to by this event. */
function settingsOf(ev: RoomEvent): Partial<Pick<Room, 'name' | 'topic' | 'archived' | 'history'>> {
  const { body } = ev;
  switch (body.kind) {
    case 'renamed':
      return { name: body.name };
    case 'topic_changed':
      return { topic: body.topic };
    case 'archived':
      return { archived: body.on };
    case 'history_changed':
      return { history: historyOf(body.history) };
    default:
      return {};
  }
}

/** goneNo: of a deletion: the number of its line, 0 if that is not known. */
export function applyRoomEvent(rooms: Rooms, ev: RoomEvent, goneNo = 0): Rooms {
  const next = changeByEvent(rooms, ev, goneNo);
  return ev.body.kind === 'renamed' && next !== rooms ? { ...next, order: sorted(next.byId) } : next;
}

function changeByEvent(rooms: Rooms, ev: RoomEvent, goneNo: number): Rooms {
  return change(rooms, ev.room, (room) => {
    const r = ev.body.kind === 'deleted' ? lineDeleted(room, ev.seq, goneNo, ev.seq === room.head + 1) : room;
    if (ev.seq <= r.head) return r;
    const members = r.members === null ? null : Math.max(0, r.members + (COMINGS[ev.body.kind] ?? 0));
    const peopleSeq = PEOPLE_KINDS.has(ev.body.kind) ? ev.seq : r.peopleSeq;
    return { ...heard(r, ev.msgNo, 0), ...settingsOf(ev), head: ev.seq, members, peopleSeq };
  });
}

export function applyRead(rooms: Rooms, id: number, msgNo: number, turn: number): Rooms {
  return change(rooms, id, (r) => readUpTo(r, msgNo, turn));
}

export function applyGoneTo(rooms: Rooms, m: GoneMsg): Rooms {
  return change(rooms, m.room, (r) => applyGone(r, m));
}

/** What is not known by now of deleted lines is not waited for. */
export function endDoubt(rooms: Rooms): Rooms {
  return [...rooms.byId.values()].reduce((all, room) => (room.doubt ? change(all, room.id, withoutDoubt) : all), rooms);
}

export function isInDoubt(rooms: Rooms): boolean {
  for (const room of rooms.byId.values()) if (room.doubt) return true;
  return false;
}

export function hold(rooms: Rooms, id: number, held: boolean): Rooms {
  return change(rooms, id, (r) => (r.held === held ? r : { ...r, held }));
}

export function applyNotify(rooms: Rooms, id: number, level: number): Rooms {
  return change(rooms, id, (r) => ({ ...r, notify: NOTIFIES[level] ?? 'all' }));
}

export function applyMentioned(rooms: Rooms, counts: readonly MentionCountRec[]): Rooms {
  return counts.reduce(
    (all, c) => change(all, c.room, (r) => (c.count === r.mentions ? r : { ...r, mentions: c.count })),
    rooms,
  );
}

export function applySubInfo(
  rooms: Rooms,
  id: number,
  info: { incarnation: number; head: number; msgNo: number; role: number; members: number; deleted: number },
): Rooms {
  return change(rooms, id, (r) => ({
    ...told(r.incarnation === info.incarnation ? r : { ...r, ...NOTHING_GONE, msgNo: 0 }, info.msgNo, info.deleted),
    incarnation: info.incarnation,
    head: Math.max(r.incarnation === info.incarnation ? r.head : 0, info.head),
    role: roleOf(info.role),
    members: info.members,
  }));
}

/** What of a room asks for attention, as this person wants it. */
export function attentionOf(room: Room): number {
  return room.notify === 'all' ? shownUnread(room) : room.notify === 'mentions' ? room.mentions : 0;
}

export function attentionTotal(rooms: Rooms): number {
  let total = 0;
  for (const room of rooms.byId.values()) total += attentionOf(room);
  return total;
}

const BADGE_MAX = 99;

export function badge(count: number): string {
  return count > BADGE_MAX ? `${BADGE_MAX}+` : String(count);
}

export function unreadBadge(room: Room): string {
  const count = unreadOf(room);
  return count <= BADGE_MAX && isAtLeast(room) ? `${count}+` : badge(count);
}
