/* Which lines of a room are pinned, for the count in its header. Read once, then followed by the room's events. Pure. */
import type { RoomEvent } from '@/proto/codec';

export interface Pins {
  /** seq of the line → seq of the event that pinned it. */
  byLine: ReadonlyMap<number, number>;
  /** There are older ones. */
  more: boolean;
  /** Events up to this one are in it. */
  asOf: number;
}

export type AllPins = ReadonlyMap<number, Pins>;

export function applyPinEvent(p: Pins, ev: RoomEvent): Pins {
  if (ev.seq <= p.asOf) return p;
  const next = { ...p, asOf: ev.seq };
  const { body } = ev;
  const on = body.kind === 'pinned' && body.on;
  if (body.kind !== 'deleted' && body.kind !== 'pinned') return next;
  if (on === p.byLine.has(ev.target)) return next; // the first pin stays
  const byLine = new Map(p.byLine);
  if (on) byLine.set(ev.target, ev.seq);
  else byLine.delete(ev.target);
  return { ...next, byLine };
}

export function withPins(all: AllPins, room: number, how: (p: Pins) => Pins): AllPins {
  const p = all.get(room);
  if (!p) return all;
  const next = how(p);
  return next === p ? all : new Map(all).set(room, next);
}

export function forgetPins(all: AllPins, room: number): AllPins {
  if (!all.has(room)) return all;
  const next = new Map(all);
  next.delete(room);
  return next;
}

export function pinsText(p: Pins): string {
  return `${p.byLine.size}${p.more ? '+' : ''}`;
}
