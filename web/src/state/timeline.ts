/* One room's log as this page holds it: pure rules, one function a message.
 *
 * `lastSeq` is the last event applied, and events are applied only in turn. A snapshot says which range it leaves
 * out; scrolling up asks for that by page. Whatever would leave an unsaid hole sets `ask`, and the owner of the socket
 * sends `sub` with (incarnation, lastSeq). */
import type { RoomEvent } from '@/proto/codec';
import type { SubOkMsg } from '@/proto/messages.gen';

const MODE_SNAPSHOT = 1;
const MODE_RESET = 2;

/** Above this many items a reader at the newest line lets the oldest go; they can be paged in again. */
export const ITEMS_SOFT_MAX = 1200;
export const ITEMS_KEPT = 600;
/** Above this nobody's position is worth the memory. */
export const ITEMS_HARD_MAX = 20_000;
const CHANGES_MAX = 512;

export interface Line {
  type: 'line';
  seq: number;
  msgNo: number;
  /** Of the request that made it: pending and stored line are the same row on screen. */
  clientId: string;
  user: number;
  atMs: number;
  /** null: deleted. */
  text: string | null;
  edited: boolean;
  /** seq of the last event that shaped it. */
  changedSeq: number;
}

export interface Notice {
  type: 'notice';
  seq: number;
  user: number;
  atMs: number;
  what: 'created' | 'joined' | 'left' | 'unsupported';
}

export type Item = Line | Notice;

export interface Timeline {
  room: number;
  incarnation: number;
  lastSeq: number;
  /** Ascending by seq. */
  items: readonly Item[];
  /** Number of the oldest line here; 1 and 0 (no line at all) are the beginning of the room. */
  firstMsgNo: number;
  /** Nothing has come yet / the backfill is under way / all that follows happens now. */
  phase: 'empty' | 'backfill' | 'live';
  /** The frames of a snapshot, until `live` says that it is whole. */
  incoming: { head: number; firstMsgNo: number; items: Item[] } | null;
  /** A `sub` is needed. */
  ask: boolean;
  /** Newest edits and deletions, for pages that are older than they are. */
  changes: readonly RoomEvent[];
  /** Changes up to here may be missing from `changes`. */
  changesFrom: number;
}

export function emptyTimeline(room: number): Timeline {
  return {
    room,
    incarnation: 0,
    lastSeq: 0,
    items: [],
    firstMsgNo: 0,
    phase: 'empty',
    incoming: null,
    ask: true,
    changes: [],
    changesFrom: 0,
  };
}

export function hasOlder(t: Timeline): boolean {
  return t.firstMsgNo > 1;
}

export function applySubOk(t: Timeline, m: SubOkMsg): Timeline {
  if (m.mode === MODE_RESET || (t.incarnation !== 0 && m.incarnation !== t.incarnation)) {
    const fresh = { ...emptyTimeline(t.room), incarnation: m.incarnation, phase: 'backfill' as const, ask: false };
    // Another history, and yet only its continuation was sent: that cannot be joined to anything.
    if (m.mode !== MODE_RESET && m.mode !== MODE_SNAPSHOT && m.after > 0) return { ...fresh, ask: true, incarnation: 0 };
    return { ...fresh, incoming: { head: m.head, firstMsgNo: m.first_msg_no, items: [] } };
  }
  const next: Timeline = { ...t, incarnation: m.incarnation, phase: 'backfill', ask: false, incoming: null };
  if (m.mode === MODE_SNAPSHOT) next.incoming = { head: m.head, firstMsgNo: m.first_msg_no, items: [] };
  else if (m.after > t.lastSeq) next.ask = true; // it answers an older question
  else if (t.lastSeq === 0) next.firstMsgNo = 0; // a delta from the very beginning: all of it
  return next;
}

export function applyEvent(t: Timeline, ev: RoomEvent): Timeline {
  if (t.incoming && ev.seq <= t.incoming.head) {
    const items = [...t.incoming.items];
    fold(items, ev, false);
    return { ...t, incoming: { ...t.incoming, items } };
  }
  if (ev.seq <= t.lastSeq) return t; // resume overlaps
  if (t.phase === 'empty') return t; // asked, and not answered yet
  if (ev.seq !== t.lastSeq + 1) return { ...t, ask: true };
  const items = [...t.items];
  fold(items, ev, true);
  const next = { ...t, lastSeq: ev.seq, items: bounded(items) };
  next.firstMsgNo = next.items.length < items.length ? firstLineNo(next.items) : t.firstMsgNo || ev.msgNo;
  if (isChange(ev)) {
    const changes = [...t.changes, ev];
    if (changes.length > CHANGES_MAX) next.changesFrom = changes.shift()?.seq ?? next.changesFrom;
    next.changes = changes;
  }
  return next;
}

export function applyLive(t: Timeline, seq: number): Timeline {
  if (t.incoming) {
    const { items, firstMsgNo } = t.incoming;
    return {
      ...t,
      items,
      firstMsgNo,
      lastSeq: Math.max(seq, t.incoming.head),
      incoming: null,
      phase: 'live',
      changes: [],
      changesFrom: seq,
    };
  }
  if (t.phase === 'empty') return t;
  if (seq > t.lastSeq) return { ...t, ask: true };
  return { ...t, phase: 'live' };
}

/** Live frames stopped for us: what we have is right, and more is to be asked for. */
export function applyGap(t: Timeline): Timeline {
  return t.phase === 'empty' ? t : { ...t, ask: true };
}

/** A heartbeat's head above ours, for longer than frames can be under way. */
export function applyStaleHead(t: Timeline, head: number): Timeline {
  return t.phase === 'live' && head > t.lastSeq ? { ...t, ask: true } : t;
}

/** The socket is gone: what is half sent will be sent again, from where we stand. */
export function applyDisconnect(t: Timeline): Timeline {
  return { ...t, incoming: null, ask: true, phase: t.incarnation === 0 ? 'empty' : 'backfill' };
}

export function asked(t: Timeline): Timeline {
  return t.ask ? { ...t, ask: false } : t;
}

export interface Page {
  incarnation: number;
  /** Nothing later than this is in the page. */
  asOf: number;
  firstMsgNo: number;
  /** There are still older lines than these. */
  more: boolean;
  events: readonly RoomEvent[];
}

/** Joins an older page to the front. Gives the same timeline when it does not fit: it is then asked for again. */
export function prependPage(t: Timeline, page: Page): Timeline {
  if (page.incarnation !== t.incarnation || page.asOf < t.changesFrom) return t;
  const older: Item[] = [];
  for (const ev of page.events) fold(older, ev, false);
  for (const ev of t.changes) if (ev.seq > page.asOf) fold(older, ev, false);
  const first = t.items[0]?.seq ?? Number.MAX_SAFE_INTEGER;
  const fresh = older.filter((item) => item.seq < first);
  const firstMsgNo = page.more ? page.firstMsgNo : 1;
  if (fresh.length === 0) return page.more ? t : { ...t, firstMsgNo };
  return { ...t, items: [...fresh, ...t.items], firstMsgNo };
}

/** For a reader at the newest line: the oldest items go, they can be paged in again. */
export function trim(t: Timeline): Timeline {
  if (t.items.length <= ITEMS_SOFT_MAX) return t;
  const items = t.items.slice(-ITEMS_KEPT);
  return { ...t, items, firstMsgNo: firstLineNo(items) };
}

export function findLine(t: Timeline, seq: number): Line | undefined {
  const item = t.items[indexOf(t.items, seq)];
  return item?.type === 'line' ? item : undefined;
}

function bounded(items: Item[]): Item[] {
  return items.length > ITEMS_HARD_MAX ? items.slice(-ITEMS_SOFT_MAX) : items;
}

function firstLineNo(items: readonly Item[]): number {
  for (const item of items) if (item.type === 'line') return item.msgNo;
  return 0;
}

function isChange(ev: RoomEvent): boolean {
  return ev.body.kind === 'edited' || ev.body.kind === 'deleted';
}

/** Index of the item with this seq, -1 if it is not here. */
function indexOf(items: readonly Item[], seq: number): number {
  let low = 0;
  let high = items.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const at = items[middle]?.seq ?? 0;
    if (at === seq) return middle;
    if (at < seq) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

/** Applies one event to items in place. Notices belong to the live log; folded pages are lines only. */
function fold(items: Item[], ev: RoomEvent, notices: boolean): void {
  const { body } = ev;
  switch (body.kind) {
    case 'posted':
      if (indexOf(items, ev.seq) < 0)
        items.push({
          type: 'line',
          seq: ev.seq,
          msgNo: ev.msgNo,
          clientId: ev.clientId,
          user: ev.user,
          atMs: ev.atMs,
          text: body.text,
          edited: false,
          changedSeq: ev.seq,
        });
      return;
    case 'edited':
    case 'deleted': {
      const at = indexOf(items, ev.target);
      const line = items[at];
      if (line?.type !== 'line' || line.changedSeq >= ev.seq) return;
      const text = body.kind === 'deleted' ? null : line.text === null ? null : body.text;
      items[at] = { ...line, text, edited: body.kind === 'edited', changedSeq: ev.seq };
      return;
    }
    case 'room_created':
    case 'joined':
    case 'left':
    case 'unknown':
      if (notices || body.kind === 'room_created')
        items.push({ type: 'notice', seq: ev.seq, user: ev.user, atMs: ev.atMs, what: noticeOf(body.kind) });
  }
}

function noticeOf(kind: 'room_created' | 'joined' | 'left' | 'unknown'): Notice['what'] {
  if (kind === 'room_created') return 'created';
  return kind === 'unknown' ? 'unsupported' : kind;
}
