import { describe, expect, test } from 'vitest';
import { buildRows, firstUnread, isAbove, type Row } from '@/features/timeline/rows';
import { dayName, midnight } from '@/features/timeline/time';
import { down, freeze, range, TAIL, up, WINDOW_MAX, WINDOW_START, type Window } from '@/features/timeline/window';
import { newEntry } from '@/state/outbox';
import type { Line } from '@/state/timeline';
import { ANN, ME, newId, ROOM } from '../support';

const NOON = new Date(2026, 2, 4, 12).getTime();
const MINUTE = 60_000;

function line(seq: number, over: Partial<Line> = {}): Line {
  return { type: 'line', seq, msgNo: seq, clientId: newId(), user: ANN, atMs: NOON + seq * 1000, text: `l${seq}`, edited: false, changedSeq: seq, replyTo: 0, mentions: [], files: [], reactions: [], pinned: null, marksSeq: seq, ...over };
}
const build = (items: Line[], over = {}) => buildRows({ items, entries: [], me: ME, readUpTo: null, atEnd: true, ...over });
const shape = (rows: Row[]) => rows.map((r) => (r.type === 'line' || r.type === 'pending' ? (r.first ? 'first' : 'more') : r.type));

describe('rows', () => {
  test('one author within five minutes is one group', () => {
    const rows = build([line(1), line(2), line(3, { atMs: NOON + 6 * MINUTE }), line(4, { user: 3, atMs: NOON + 6 * MINUTE })]);
    expect(shape(rows)).toEqual(['day', 'first', 'more', 'first', 'first']);
  });

  test('a deleted line ends the group', () => {
    expect(shape(build([line(1), line(2, { text: null }), line(3)]))).toEqual(['day', 'first', 'first', 'first']);
  });

  test('days are local days', () => {
    const late = new Date(2026, 2, 4, 23, 59).getTime();
    const rows = build([line(1, { atMs: late }), line(2, { atMs: late + 2 * MINUTE })]);
    expect(shape(rows)).toEqual(['day', 'first', 'day', 'first']);
    expect(rows.map((r) => r.key).filter((k) => k.startsWith('day'))).toEqual(['day-2026-03-04', 'day-2026-03-05']);
  });

  test('the divider stands before the first unread line of somebody else', () => {
    const rows = build([line(1), line(2, { user: ME }), line(3), line(4)], { readUpTo: 1 });
    expect(shape(rows)).toEqual(['day', 'first', 'first', 'unread', 'first', 'more']);
  });

  test('no divider while it belongs above what is loaded: there the bar leads', () => {
    const items = [line(7), line(8), line(9)];
    expect(shape(build(items, { readUpTo: 3 }))).toEqual(['day', 'first', 'more', 'more']);
    expect([isAbove(items, 3), isAbove(items, 6), isAbove(items, 8)]).toEqual([true, false, false]);
    expect([firstUnread(items, 3, ME), firstUnread(items, 6, ME), firstUnread(items, 8, ME), firstUnread(items, 9, ME)]).toEqual([0, 7, 9, 0]);
    expect(shape(build(items, { readUpTo: 6 }))).toEqual(['day', 'unread', 'first', 'more', 'more']);
  });

  test('a deleted line is no first unread one', () => {
    expect(shape(build([line(1), line(2, { text: null }), line(3)], { readUpTo: 1 }))).toEqual(['day', 'first', 'first', 'unread', 'first']);
    expect(firstUnread([line(1), line(2, { text: null }), line(3)], 1, ME)).toBe(3);
  });

  test('pending lines come last, and are the same row once they are stored', () => {
    const entry = newEntry(newId(), ME, ROOM, { what: 'post', text: 'mine' }, NOON);
    const before = build([line(1)], { entries: [entry] });
    expect(shape(before)).toEqual(['day', 'first', 'first']);
    const after = build([line(1), line(2, { user: ME, clientId: entry.clientId })], { entries: [entry] });
    expect(after.at(-1)).toMatchObject({ type: 'line', key: before.at(-1)?.key });
    expect(after).toHaveLength(before.length);
  });

  test('nothing pending is shown in the middle of the history', () => {
    const entry = newEntry(newId(), ME, ROOM, { what: 'post', text: 'mine' }, NOON);
    expect(shape(build([line(1)], { entries: [entry], atEnd: false }))).toEqual(['day', 'first']);
  });

  test('reactions and pins that wait are shown on their line, beside a change', () => {
    const edit = newEntry(newId(), ME, ROOM, { what: 'edit', target: 1, text: 'new' }, NOON);
    const smile = newEntry(newId(), ME, ROOM, { what: 'react', target: 1, emoji: '🙂', on: true }, NOON);
    const pin = newEntry(newId(), ME, ROOM, { what: 'pin', target: 1, on: true }, NOON);
    const row = build([line(1, { user: ME })], { entries: [edit, smile, pin] }).at(-1);
    expect(row).toMatchObject({ change: { clientId: edit.clientId }, marks: [{ clientId: smile.clientId }, { clientId: pin.clientId }] });
  });

  test('a change that waits is shown on its line', () => {
    const entry = newEntry(newId(), ME, ROOM, { what: 'edit', target: 1, text: 'new' }, NOON);
    const row = build([line(1, { user: ME })], { entries: [entry] }).at(-1);
    expect(row).toMatchObject({ type: 'line', change: { clientId: entry.clientId } });
  });
});

describe('names of days', () => {
  const today = midnight(NOON);
  test('today, yesterday, a weekday, a date', () => {
    expect(dayName(NOON, today)).toBe('Today');
    expect(dayName(NOON - 86_400_000, today)).toBe('Yesterday');
    expect(dayName(NOON - 3 * 86_400_000, today)).toMatch(/Sunday/);
    expect(dayName(NOON - 40 * 86_400_000, today)).toMatch(/2026/);
  });
});

describe('the window', () => {
  const items = Array.from({ length: 1000 }, (_, i) => ({ seq: (i + 1) * 2 }));
  const size = (w: Window) => {
    const { start, end } = range(items, w);
    return end - start;
  };

  test('is the end, until the reader leaves it', () => {
    expect(range(items, TAIL)).toEqual({ start: 1000 - WINDOW_START, end: 1000 });
    const frozen = freeze(items, TAIL);
    const more = [...items, { seq: 2002 }];
    expect(range(more, frozen)).toEqual({ start: 1000 - WINDOW_START, end: 1001 });
  });

  test('up and down cover everything, never with more than the bound', () => {
    let w = freeze(items, TAIL);
    for (let i = 0; i < 40; i++) {
      w = up(items, w);
      expect(size(w)).toBeLessThanOrEqual(WINDOW_MAX);
    }
    expect(range(items, w)).toEqual({ start: 0, end: WINDOW_MAX });
    for (let i = 0; i < 40; i++) {
      w = down(items, w);
      expect(size(w)).toBeLessThanOrEqual(WINDOW_MAX);
    }
    expect(range(items, w).end).toBe(1000);
  });

  test('of nothing is nothing', () => {
    expect(range([], TAIL)).toEqual({ start: 0, end: 0 });
    expect(up([], TAIL)).toBe(TAIL);
  });
});
