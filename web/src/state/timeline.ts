/* One room's log as this page holds it: pure rules, one function a message.
 *
 * `lastSeq` is the last event applied, and events are applied only in turn. A snapshot says which range it leaves
 * out; scrolling up asks for that by page. Whatever would leave an unsaid hole sets `ask`, and the owner of the socket
 * sends `sub` with (incarnation, lastSeq). */
import type { RoomEvent } from '@/proto/codec';
import type { MarksMsg, SubOkMsg } from '@/proto/messages.gen';
import { fold, foldMarks, indexOf, isChange, type Item, type Line } from './fold';

export type { Item, Line, Notice, Reaction } from './fold';

const MODE_SNAPSHOT = 1;
const MODE_RESET = 2;

/** Above this many items a reader at the newest line lets the oldest go; they can be paged in again. */
export const ITEMS_SOFT_MAX = 1200;
export const ITEMS_KEPT = 600;
/** Above this nobody's position is worth the memory. */
export const ITEMS_HARD_MAX = 20_000;
const CHANGES_MAX = 512;

/** Lines around a place that a person jumped to, older than all that is loaded up to the end. */
export interface Stretch {
  items: readonly Item[];
  /** As in the timeline. */
  firstMsgNo: number;
  lastMsgNo: number;
}

export interface Timeline {
  room: number;
  incarnation: number;
  lastSeq: number;
  /** Ascending by seq. */
  items: readonly Item[];
  /** Number of the oldest line here; 1 and 0 (no line at all) are the beginning of the room. */
  firstMsgNo: number;
  /** First event this reader may see; 0: all of them. */
  visibleFrom: number;
  /** Somewhere else, with an unloaded range between it and `items`; null: nowhere. */
  apart: Stretch | null;
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
    visibleFrom: 0,
    apart: null,
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
    const fresh = { ...emptyTimeline(t.room), incarnation: m.incarnation, visibleFrom: m.visible_from, phase: 'backfill' as const, ask: false };
    // Another history, and yet only its continuation was sent: that cannot be joined to anything.
    if (m.mode !== MODE_RESET && m.mode !== MODE_SNAPSHOT && m.after > 0) return { ...fresh, ask: true, incarnation: 0 };
    return { ...fresh, incoming: { head: m.head, firstMsgNo: m.first_msg_no, items: [] } };
  }
  const next: Timeline = { ...t, incarnation: m.incarnation, visibleFrom: m.visible_from, phase: 'backfill', ask: false, incoming: null };
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
    if (t.apart) next.apart = changedStretch(t.apart, ev);
    const changes = [...t.changes, ev];
    if (changes.length > CHANGES_MAX) next.changesFrom = changes.shift()?.seq ?? next.changesFrom;
    next.changes = changes;
  }
  return next;
}

/** What hangs on a line of the snapshot that is under way. */
export function applyMarks(t: Timeline, m: MarksMsg): Timeline {
  if (!t.incoming) return t;
  const items = [...t.incoming.items];
  foldMarks(items, m);
  return { ...t, incoming: { ...t.incoming, items } };
}

export function applyLive(t: Timeline, seq: number): Timeline {
  if (t.incoming) {
    const { items, firstMsgNo } = t.incoming;
    return {
      ...t,
      items,
      firstMsgNo,
      apart: null, // of the time before the range that is not loaded
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

/** An event does not say all that follows from it; the answer to a `sub` does. */
export function applyMiscounted(t: Timeline): Timeline {
  return t.phase === 'empty' ? t : { ...t, ask: true };
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
  lastMsgNo: number;
  /** There are still lines beyond these, in the direction asked for. */
  more: boolean;
  events: readonly RoomEvent[];
  marks: readonly MarksMsg[];
}

/** The lines of a page as they read now. Null when that cannot be said: the page is older than the changes kept. */
export function linesOfPage(t: Timeline, page: Page): Item[] | null {
  if (page.incarnation !== t.incarnation || page.asOf < t.changesFrom) return null;
  const items: Item[] = [];
  for (const ev of page.events) fold(items, ev, false);
  for (const m of page.marks) foldMarks(items, m);
  for (const ev of t.changes) if (ev.seq > page.asOf) fold(items, ev, false);
  return items;
}

/** Joins an older page to the front. Gives the same timeline when it does not fit: it is then asked for again. */
export function prependPage(t: Timeline, page: Page): Timeline {
  const older = linesOfPage(t, page);
  if (!older) return t;
  const first = t.items[0]?.seq ?? Number.MAX_SAFE_INTEGER;
  const fresh = older.filter((item) => item.seq < first);
  const firstMsgNo = page.more ? page.firstMsgNo : 1;
  if (fresh.length === 0) return page.more ? t : { ...t, firstMsgNo };
  return { ...t, items: [...fresh, ...t.items], firstMsgNo };
}

/** Shows the lines around a place. A page that reaches what is loaded joins it instead. */
export function openApart(t: Timeline, page: Page): Timeline {
  const items = linesOfPage(t, page);
  if (!items || items.length === 0) return t;
  if (page.lastMsgNo + 1 >= t.firstMsgNo) return { ...prependPage(t, page), apart: null };
  return { ...t, apart: { items, firstMsgNo: page.more ? page.firstMsgNo : 1, lastMsgNo: page.lastMsgNo } };
}

/** Older lines in front of that place. */
export function extendApartUp(t: Timeline, page: Page): Timeline {
  const items = linesOfPage(t, page);
  if (!items || !t.apart) return t;
  const first = t.apart.items[0]?.seq ?? Number.MAX_SAFE_INTEGER;
  const fresh = items.filter((item) => item.seq < first);
  return {
    ...t,
    apart: { ...t.apart, items: [...fresh, ...t.apart.items], firstMsgNo: page.more ? page.firstMsgNo : 1 },
  };
}

/** Newer lines behind it. When they reach what is loaded, all is one again, and the place is gone. */
export function extendApartDown(t: Timeline, page: Page): Timeline {
  const items = linesOfPage(t, page);
  if (!items || !t.apart) return t;
  const last = t.apart.items.at(-1)?.seq ?? 0;
  const together = [...t.apart.items, ...items.filter((item) => item.seq > last)];
  const lastMsgNo = Math.max(t.apart.lastMsgNo, page.lastMsgNo);
  if (lastMsgNo + 1 < t.firstMsgNo && page.more) return { ...t, apart: { ...t.apart, items: together, lastMsgNo } };
  const first = t.items[0]?.seq ?? Number.MAX_SAFE_INTEGER;
  return {
    ...t,
    items: [...together.filter((item) => item.seq < first), ...t.items],
    firstMsgNo: t.apart.firstMsgNo,
    apart: null,
  };
}

export function closeApart(t: Timeline): Timeline {
  return t.apart ? { ...t, apart: null } : t;
}

function changedStretch(stretch: Stretch, ev: RoomEvent): Stretch {
  const items = [...stretch.items];
  fold(items, ev, false);
  return { ...stretch, items };
}

/** For a reader at the newest line: the oldest items go, they can be paged in again. */
export function trim(t: Timeline): Timeline {
  if (t.items.length <= ITEMS_SOFT_MAX) return t;
  const items = t.items.slice(-ITEMS_KEPT);
  return { ...t, items, firstMsgNo: firstLineNo(items) };
}

export function findLine(t: Timeline, seq: number): Line | undefined {
  const item = t.items[indexOf(t.items, seq)] ?? t.apart?.items[indexOf(t.apart.items, seq)];
  return item?.type === 'line' ? item : undefined;
}

function bounded(items: Item[]): Item[] {
  return items.length > ITEMS_HARD_MAX ? items.slice(-ITEMS_SOFT_MAX) : items;
}

function firstLineNo(items: readonly Item[]): number {
  for (const item of items) if (item.type === 'line') return item.msgNo;
  return 0;
}
