/* What this device still has to get stored: lines, edits, deletions, reactions and pins, first in first out per room, one unacked at a
 * time. An entry leaves only by its ack, its final refusal, or its own event; a refused one stays to be seen, and
 * blocks nobody. The same entries lie in IndexedDB, so that they outlive the page. */

import type { FileInfo } from './fold';

export type Work =
  /** Older entries on a device have neither an answered line nor people who are called. */
  | { what: 'post'; text: string; replyTo?: number; mentions?: readonly number[]; files?: readonly FileInfo[] }
  | { what: 'edit'; target: number; text: string; mentions?: readonly number[] }
  | { what: 'delete'; target: number }
  | { what: 'react'; target: number; emoji: string; on: boolean }
  | { what: 'pin'; target: number; on: boolean };

export interface Entry {
  clientId: string;
  user: number;
  room: number;
  work: Work;
  createdMs: number;
  state:
    /** waits for its turn, or for the link */
    | 'queued'
    /** on the wire; may be stored already */
    | 'sent'
    /** stored, its event is still to come */
    | 'stored'
    /** refused for good */
    | 'failed';
  /** On the wire at least once: it may be stored although no answer came. */
  tried: boolean;
  /** A sentence: why it was refused, or why it waits. */
  reason: string;
  /** seq of a stored one. */
  seq: number;
  /** The server asked not to hear of it before this. */
  notBeforeMs: number;
}

export interface Outbox {
  /** In the order in which they were made. */
  entries: readonly Entry[];
}

export const initialOutbox: Outbox = { entries: [] };

export function newEntry(clientId: string, user: number, room: number, work: Work, nowMs: number): Entry {
  return { clientId, user, room, work, createdMs: nowMs, state: 'queued', tried: false, reason: '', seq: 0, notBeforeMs: 0 };
}

const byId = (a: Entry, b: Entry) => (a.clientId < b.clientId ? -1 : a.clientId > b.clientId ? 1 : 0);

/** Adds what is not there yet: from the composer, from another tab, from what the last visit left. */
export function add(o: Outbox, entries: readonly Entry[]): Outbox {
  const known = new Set(o.entries.map((e) => e.clientId));
  const fresh = entries.filter((e) => !known.has(e.clientId));
  if (fresh.length === 0) return o;
  return { entries: [...o.entries, ...fresh].sort(byId) };
}

function change(o: Outbox, clientId: string, how: (e: Entry) => Entry): Outbox {
  let changed = false;
  const entries = o.entries.map((e) => {
    if (e.clientId !== clientId) return e;
    const next = how(e);
    changed ||= next !== e;
    return next;
  });
  return changed ? { entries } : o;
}

export function remove(o: Outbox, clientId: string): Outbox {
  const entries = o.entries.filter((e) => e.clientId !== clientId);
  return entries.length === o.entries.length ? o : { entries };
}

export function markSent(o: Outbox, clientId: string): Outbox {
  return change(o, clientId, (e) => (e.state === 'queued' ? { ...e, state: 'sent', tried: true, reason: '' } : e));
}

/** Not stored, but it may be later: it goes out again unchanged, and keeps its place. */
export function markWaiting(o: Outbox, clientId: string, reason = '', notBeforeMs = 0): Outbox {
  return change(o, clientId, (e) =>
    e.state === 'sent' || e.state === 'queued' ? { ...e, state: 'queued', reason, notBeforeMs } : e,
  );
}

/** The link is gone: whatever was on the wire is to be sent again. */
export function linkLost(o: Outbox): Outbox {
  if (!o.entries.some((e) => e.state === 'sent')) return o;
  return { entries: o.entries.map((e) => (e.state === 'sent' ? { ...e, state: 'queued' } : e)) };
}

/** `ack`. The entry stays visible as stored until its event is on screen, or is known to be in a range that is not. */
export function acked(o: Outbox, clientId: string, seq: number, shownUpTo: number): Outbox {
  const entry = o.entries.find((e) => e.clientId === clientId);
  if (!entry) return o;
  if (entry.work.what !== 'post' || seq <= shownUpTo) return remove(o, clientId);
  return change(o, clientId, (e) => ({ ...e, state: 'stored', seq, reason: '' }));
}

export function failed(o: Outbox, clientId: string, reason: string): Outbox {
  return change(o, clientId, (e) => (e.state === 'stored' ? e : { ...e, state: 'failed', reason }));
}

/** Its own event was seen: it is stored, whatever became of the answer. */
export function seen(o: Outbox, user: number, clientId: string): Outbox {
  return o.entries.some((e) => e.clientId === clientId && e.user === user) ? remove(o, clientId) : o;
}

/** Stored ones whose place has been passed by the timeline are in it, or in a range that it leaves out. */
export function shownUpTo(o: Outbox, room: number, seq: number): Outbox {
  const entries = o.entries.filter((e) => !(e.room === room && e.state === 'stored' && e.seq <= seq));
  return entries.length === o.entries.length ? o : { entries };
}

/** What may go out now in this room: the oldest that is neither stored nor refused, unless one is on the wire. */
export function nextToSend(o: Outbox, room: number): Entry | null {
  for (const e of o.entries) {
    if (e.room !== room) continue;
    if (e.state === 'sent') return null;
    if (e.state === 'queued') return e;
  }
  return null;
}

export function roomsWaiting(o: Outbox): number[] {
  return [...new Set(o.entries.filter((e) => e.state === 'queued').map((e) => e.room))];
}

/** A reaction or a pin: shown on its line while it waits, and gone with a sentence when it is refused. */
export function isMark(work: Work): work is Extract<Work, { what: 'react' | 'pin' }> {
  return work.what === 'react' || work.what === 'pin';
}

/** An entry that was never on the wire and that this one would only take back. */
export function undoneBy(o: Outbox, room: number, work: Work): Entry | undefined {
  if (!isMark(work)) return undefined;
  const last = o.entries.findLast(
    (e) =>
      e.room === room &&
      isMark(e.work) &&
      e.work.what === work.what &&
      e.work.target === work.target &&
      (work.what === 'pin' || (e.work.what === 'react' && e.work.emoji === work.emoji)),
  );
  return last?.state === 'queued' && !last.tried && isMark(last.work) && last.work.on !== work.on ? last : undefined;
}

export function ofRoom(o: Outbox, room: number): readonly Entry[] {
  return o.entries.filter((e) => e.room === room);
}
