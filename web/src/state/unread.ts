/* What is unread: lines after the read pointer, less those of them that are deleted. Pure.
 *
 * The pointer moves on by reading and goes back when somebody marks lines as unread, which begins a new turn. The server
 * says of each room which deletion was the last one (`heads`, `sub_ok`); the numbers of the deleted lines are asked for
 * when that is news and something is unread (`gone_get`). A deleted line stays deleted, so numbers are only ever added.
 *
 * A page that has just loaded knows neither the last line nor those that are gone, and a count that is put right a moment
 * later would be seen to jump: its rooms are in doubt and show no count. The doubt ends with what the server says, with a
 * refusal, and after a while. */
import type { GoneMsg } from '@/proto/messages.gen';

export interface Reading {
  msgNo: number;
  readMsgNo: number;
  /** Of the read pointer. */
  turn: number;
  /** seq of the last deletion known of. */
  deleted: number;
  /** Numbers of deleted lines above the read pointer, ascending: all of them up to the deletion `goneUpTo`. */
  gone: readonly number[];
  goneUpTo: number;
  /** Lines up to this number may be deleted or not: the server keeps so many numbers and no more. 0: none. */
  goneFrom: number;
  /** The last line and the deleted ones are not known yet, and awaited. */
  doubt: boolean;
}

export const NOTHING_GONE = { deleted: 0, gone: [] as readonly number[], goneUpTo: 0, goneFrom: 0, doubt: false };

/** At the least; there may be more of them when `isAtLeast` says so. */
export function unreadOf(r: Reading): number {
  const from = Math.max(r.readMsgNo, r.goneFrom);
  return Math.max(0, r.msgNo - from - r.gone.filter((n) => n > from && n <= r.msgNo).length);
}

/** What is shown of it: nothing while it is in doubt. */
export function shownUnread(r: Reading): number {
  return r.doubt ? 0 : unreadOf(r);
}

export function isAtLeast(r: Reading): boolean {
  return r.goneFrom > r.readMsgNo;
}

/** Is it worth asking which lines are gone? */
export function needsGone(r: Reading): boolean {
  return r.deleted > r.goneUpTo && r.msgNo > r.readMsgNo;
}

/** A page that has just loaded has yet to be told. */
export function inDoubt<T extends Reading>(r: T): T {
  return { ...r, doubt: true };
}

/** It was refused, or takes too long: the count as far as it is known. */
export function withoutDoubt<T extends Reading>(r: T): T {
  return r.doubt ? { ...r, doubt: false } : r;
}

/** After any change: what the pointer has passed is no matter any more. */
function settled<T extends Reading>(r: T): T {
  if (r.readMsgNo >= r.msgNo) {
    // Whatever was deleted so far was read before.
    if (r.goneUpTo === r.deleted && r.gone.length === 0 && r.goneFrom === 0) return r;
    return { ...r, gone: NOTHING_GONE.gone, goneUpTo: r.deleted, goneFrom: 0 };
  }
  if ((r.gone[0] ?? Infinity) > r.readMsgNo && (r.goneFrom === 0 || r.goneFrom > r.readMsgNo)) return r;
  return { ...r, gone: r.gone.filter((n) => n > r.readMsgNo), goneFrom: r.goneFrom > r.readMsgNo ? r.goneFrom : 0 };
}

/** `read`, here or on another device. */
export function readUpTo<T extends Reading>(r: T, msgNo: number, turn: number): T {
  if (turn < r.turn || (turn === r.turn && msgNo <= r.readMsgNo)) return r;
  if (turn === r.turn) return settled({ ...r, readMsgNo: msgNo });
  // Lines were marked as unread: which of them are gone is to be asked anew, for those that were read were forgotten. A
  // count that is on screen stays there meanwhile.
  const doubt = r.doubt || (r.deleted > 0 && unreadOf(r) === 0);
  return settled({ ...r, readMsgNo: msgNo, turn, goneUpTo: 0, doubt });
}

/** News of a room: its last line, and its last deletion. */
export function heard<T extends Reading>(r: T, msgNo: number, deleted: number): T {
  if (msgNo <= r.msgNo && deleted <= r.deleted) return r;
  // What was read before this news came is settled with what was deleted by then.
  return settled({ ...r, msgNo: Math.max(r.msgNo, msgNo), deleted: Math.max(r.deleted, deleted) });
}

/** `heads` and `sub_ok`: where nothing is unread, or nothing was ever deleted, nothing is in doubt. */
export function told<T extends Reading>(r: T, msgNo: number, deleted: number): T {
  const next = heard(r, msgNo, deleted);
  return needsGone(next) ? next : withoutDoubt(next);
}

/** The event `seq` deleted a line; msgNo: its number, 0 if it is not loaded here. `next`: no event before it was missed. */
export function lineDeleted<T extends Reading>(r: T, seq: number, msgNo: number, next: boolean): T {
  const complete = next && r.goneUpTo === r.deleted && (msgNo > 0 || r.readMsgNo >= r.msgNo);
  const deleted = Math.max(r.deleted, seq);
  return settled({ ...added(r, msgNo > 0 ? [msgNo] : []), deleted, goneUpTo: complete ? deleted : r.goneUpTo });
}

export function applyGone<T extends Reading>(r: T, m: GoneMsg): T {
  const lines = m.lines.map((l) => l.id);
  const next = { ...added(r, lines), deleted: Math.max(r.deleted, m.deleted), doubt: false };
  if (m.deleted < r.goneUpTo) return settled(next);
  return settled({ ...next, goneUpTo: m.deleted, goneFrom: m.more ? (lines[0] ?? 1) - 1 : 0 });
}

function added<T extends Reading>(r: T, lines: readonly number[]): T {
  const known = new Set(r.gone);
  const fresh = lines.filter((n) => n > r.readMsgNo && !known.has(n));
  return fresh.length === 0 ? r : { ...r, gone: [...r.gone, ...fresh].sort((a, b) => a - b) };
}
