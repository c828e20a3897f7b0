/* From a room's items and what is still in the outbox to the rows on screen. Pure; rows hold the items themselves, so
 * that a row which did not change is not drawn again. */
import { isMark, type Entry } from '@/state/outbox';
import type { Item, Line, Notice } from '@/state/timeline';

const NO_MARKS: readonly Entry[] = [];
const GROUP_MS = 5 * 60 * 1000;

export type Row =
  | { type: 'day'; key: string; atMs: number }
  | { type: 'unread'; key: string }
  | { type: 'notice'; key: string; notice: Notice }
  /** `first`: shows who and when; the others follow closely by the same person. */
  | { type: 'line'; key: string; first: boolean; line: Line; change: Entry | null; marks: readonly Entry[] }
  | { type: 'pending'; key: string; first: boolean; entry: Entry };

/** The local date, as in 2026-03-04. */
export function dayKey(atMs: number): string {
  const d = new Date(atMs);
  const two = (n: number) => String(n).padStart(2, '0');
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
}

interface Inputs {
  items: readonly Item[];
  entries: readonly Entry[];
  me: number;
  /** The divider stands before the first line of somebody else above this number; null: no divider. It is left out
   * while it belongs above what is loaded. */
  readUpTo: number | null;
  /** The newest line is among the items: what is pending comes after it. */
  atEnd: boolean;
}

/** Are lines after this number older than all of these? */
export function isAbove(items: readonly Item[], readUpTo: number): boolean {
  const first = items.find((item): item is Line => item.type === 'line');
  return first !== undefined && first.msgNo > readUpTo + 1;
}

/** seq of the first line of somebody else above this number, if it is certain that there is none before it; else 0. */
export function firstUnread(items: readonly Item[], readUpTo: number, me: number): number {
  if (isAbove(items, readUpTo)) return 0;
  const line = items.find((i) => i.type === 'line' && i.msgNo > readUpTo && i.user !== me && i.text !== null);
  return line?.seq ?? 0;
}

export function buildRows({ items, entries, me, readUpTo, atEnd }: Inputs): Row[] {
  const rows: Row[] = [];
  const changes = new Map<number, Entry>();
  const posted = new Set<string>();
  const marks = new Map<number, Entry[]>();
  for (const e of entries) {
    if (e.work.what === 'post') continue;
    if (isMark(e.work)) marks.set(e.work.target, [...(marks.get(e.work.target) ?? []), e]);
    else changes.set(e.work.target, e);
  }
  let day = '';
  let divided = readUpTo === null || isAbove(items, readUpTo);
  let last: { user: number; atMs: number } | null = null;

  const separate = (atMs: number) => {
    const key = dayKey(atMs);
    if (key === day) return;
    day = key;
    rows.push({ type: 'day', key: `day-${key}`, atMs });
    last = null;
  };
  const follows = (user: number, atMs: number) => last !== null && last.user === user && atMs - last.atMs < GROUP_MS;

  for (const item of items) {
    separate(item.atMs);
    if (item.type === 'notice') {
      rows.push({ type: 'notice', key: `notice-${item.seq}`, notice: item });
      last = null;
      continue;
    }
    if (!divided && item.msgNo > (readUpTo ?? 0) && item.user !== me && item.text !== null) {
      divided = true;
      rows.push({ type: 'unread', key: 'unread' });
      last = null;
    }
    if (item.user === me) posted.add(item.clientId);
    const deleted = item.text === null;
    rows.push({
      type: 'line',
      key: item.clientId,
      first: deleted || !follows(item.user, item.atMs),
      line: item,
      change: changes.get(item.seq) ?? null,
      marks: marks.get(item.seq) ?? NO_MARKS,
    });
    last = deleted ? null : { user: item.user, atMs: item.atMs };
  }

  if (!atEnd) return rows;
  for (const entry of entries) {
    if (entry.work.what !== 'post' || posted.has(entry.clientId)) continue;
    // A line that waits shows when it was written, but never before what stands above it.
    const atMs = Math.max(entry.createdMs, items.at(-1)?.atMs ?? 0);
    separate(atMs);
    rows.push({ type: 'pending', key: entry.clientId, first: !follows(me, atMs), entry });
    last = { user: me, atMs };
  }
  return rows;
}
