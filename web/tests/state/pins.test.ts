import { expect, test } from 'vitest';
import { KIND } from '@/proto/messages.gen';
import { applyPinEvent, pinsText, type Pins } from '@/state/pins';
import { deleted, ev, posted, ROOM, run, subOk, welcome } from '../support';

const pin = (seq: number, target: number, on = true) => posted(seq, { kind: KIND.PINNED, target, msg_no: 0, body: [on] });
const none: Pins = { byLine: new Map(), more: false, asOf: 4 };
const fold = (...events: Parameters<typeof ev>[0][]) => events.map(ev).reduce(applyPinEvent, none);

test('pins come and go, the first one stays, and a deleted line has none', () => {
  expect([...fold(pin(5, 2), pin(6, 3), pin(7, 2)).byLine]).toEqual([[2, 5], [3, 6]]);
  expect([...fold(pin(5, 2), pin(6, 3), pin(7, 2, false)).byLine]).toEqual([[3, 6]]);
  expect([...fold(pin(5, 2), deleted(6, 2)).byLine]).toEqual([]);
  expect([...fold(pin(4, 2)).byLine]).toEqual([]); // in it already
  expect(pinsText({ ...fold(pin(5, 2)), more: true })).toBe('1+');
});

test('they follow the room, and are read anew after a snapshot', () => {
  const start = run([welcome(), subOk({ head: 4 }), { type: 'live', room: ROOM, seq: 4 }]);
  const s = run([pin(5, 2)], { ...start, pins: new Map([[ROOM, none]]) });
  expect(s.pins.get(ROOM)?.byLine.size).toBe(1);
  expect(run([subOk({ mode: 0, after: 5, head: 5 })], s).pins.has(ROOM)).toBe(true);
  expect(run([subOk({ mode: 1, after: 5, base: 90, head: 99 })], s).pins.has(ROOM)).toBe(false);
  expect(run([{ type: 'room_removed', room: ROOM, code: 0 }], s).pins.has(ROOM)).toBe(false);
});
