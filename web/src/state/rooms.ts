/* The rooms of the signed-in user: what the sidebar shows, and from which unread counts follow. */
import type { HeadRec, MentionCountRec, RoomStateRec } from '@/proto/messages.gen';
import type { RoomEvent } from '@/proto/codec';

export type Visibility = 'public' | 'private' | 'direct';
export type Role = 'member' | 'moderator' | 'owner';

export interface Room {
  id: number;
  incarnation: number;
  name: string;
  topic: string;
  visibility: Visibility;
  role: Role;
  head: number;
  msgNo: number;
  readMsgNo: number;
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

const VISIBILITIES: readonly Visibility[] = ['public', 'private', 'direct'];
const ROLES: readonly Role[] = ['member', 'moderator', 'owner'];

export function visibilityOf(n: number): Visibility {
  return VISIBILITIES[n] ?? 'private';
}

export function roleOf(n: number): Role {
  return ROLES[n] ?? 'member';
}

function fromState(r: RoomStateRec, old: Room | undefined): Room {
  const same = old?.incarnation === r.incarnation ? old : undefined;
  return {
    id: r.room,
    incarnation: r.incarnation,
    name: r.name,
    topic: r.topic,
    visibility: visibilityOf(r.visibility),
    role: roleOf(r.role),
    head: Math.max(r.head, same?.head ?? 0),
    msgNo: Math.max(r.msg_no, same?.msgNo ?? 0),
    readMsgNo: Math.max(r.read_msg_no, same?.readMsgNo ?? 0),
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
  const byId = new Map(list.map((r) => [r.room, fromState(r, rooms.byId.get(r.room))] as const));
  return { known: true, byId, order: sorted(byId) };
}

export function addRooms(rooms: Rooms, list: readonly RoomStateRec[]): Rooms {
  const byId = new Map(rooms.byId);
  for (const r of list) {
    const old = byId.get(r.room);
    byId.set(r.room, { ...fromState(r, old), mentions: old?.mentions ?? 0 });
  }
  return { ...rooms, byId, order: sorted(byId) };
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
        h.seq <= r.head && h.msg_no <= r.msgNo
          ? r
          : { ...r, head: Math.max(r.head, h.seq), msgNo: Math.max(r.msgNo, h.msg_no) },
      ),
    rooms,
  );
}

/** Who is banned is nearly always a member; the next `sub_ok` says how many there are. */
const COMINGS: Partial<Record<string, number>> = { joined: 1, left: -1, removed: -1, banned: -1 };
const PEOPLE_KINDS: ReadonlySet<string> = new Set([
  'joined',
  'left',
  'removed',
  'banned',
  'unbanned',
  'role_changed',
  'muted',
]);

export function applyRoomEvent(rooms: Rooms, ev: RoomEvent): Rooms {
  return change(rooms, ev.room, (r) => {
    if (ev.seq <= r.head) return r;
    const members = r.members === null ? null : Math.max(0, r.members + (COMINGS[ev.body.kind] ?? 0));
    const peopleSeq = PEOPLE_KINDS.has(ev.body.kind) ? ev.seq : r.peopleSeq;
    return { ...r, head: ev.seq, msgNo: Math.max(r.msgNo, ev.msgNo), members, peopleSeq };
  });
}

export function applyRead(rooms: Rooms, id: number, msgNo: number): Rooms {
  return change(rooms, id, (r) => (msgNo <= r.readMsgNo ? r : { ...r, readMsgNo: msgNo }));
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
  info: { incarnation: number; head: number; msgNo: number; role: number; members: number },
): Rooms {
  return change(rooms, id, (r) => ({
    ...r,
    incarnation: info.incarnation,
    head: Math.max(r.incarnation === info.incarnation ? r.head : 0, info.head),
    msgNo: Math.max(r.incarnation === info.incarnation ? r.msgNo : 0, info.msgNo),
    role: roleOf(info.role),
    members: info.members,
  }));
}

export function unreadOf(room: Room): number {
  return Math.max(0, room.msgNo - room.readMsgNo);
}

export function unreadTotal(rooms: Rooms): number {
  let total = 0;
  for (const room of rooms.byId.values()) total += unreadOf(room);
  return total;
}
