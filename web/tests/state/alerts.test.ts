import { describe, expect, it } from 'vitest';
import { isSettled, lineFor, reasonFor, summaryFor, wordsFor } from '@/state/alerts';
import type { Line } from '@/state/fold';
import type { Room } from '@/state/rooms';
import { ANN, ME, ROOM, roomState, run, welcome } from '../support';

const heads = (msgNo: number) => ({ type: 'heads' as const, heads: [{ room: ROOM, seq: msgNo, msg_no: msgNo, deleted: 0 }] });
const base = run([welcome([roomState({ head: 3, msg_no: 3, read_msg_no: 3 })]), heads(3)]);
const roomOf = (s: typeof base) => s.rooms.byId.get(ROOM)!;
const before = roomOf(base);
const line = (over: Partial<Line>): Line =>
  ({ type: 'line', seq: 4, msgNo: 4, user: ANN, text: 'Soup', mentions: [], files: [], ...over }) as Line;

describe('what is worth a notification', () => {
  it('a new line where all are wanted, a call where mentions are, nothing where nothing is', () => {
    const more = roomOf(run([heads(4)], base));
    const called = roomOf(run([heads(4), { type: 'mentioned', rooms: [{ room: ROOM, count: 1 }] }], base));
    expect([reasonFor(before, more), reasonFor(before, called)]).toEqual(['line', 'call']);
    const at = (room: Room, notify: Room['notify']) => ({ ...room, notify });
    expect(reasonFor(at(before, 'mentions'), at(more, 'mentions'))).toBeNull();
    expect(reasonFor(at(before, 'mentions'), at(called, 'mentions'))).toBe('call');
    expect(reasonFor(at(before, 'nothing'), at(called, 'nothing'))).toBeNull();
  });

  it('not a room that is new here, lines marked as unread, or a count that was in doubt', () => {
    const more = roomOf(run([heads(4)], base));
    expect(reasonFor(undefined, more)).toBeNull();
    expect(reasonFor(more, roomOf(run([{ type: 'read_at', room: ROOM, msg_no: 1, turn: 1 }], run([heads(4)], base))))).toBeNull();
    expect(reasonFor({ ...more, doubt: true }, more)).toBeNull();
  });

  it('not what was read meanwhile', () => {
    const more = run([heads(4)], base);
    expect(isSettled(roomOf(more))).toBe(false);
    expect(isSettled(roomOf(run([{ type: 'read_at', room: ROOM, msg_no: 4, turn: 0 }], more)))).toBe(true);
    expect(isSettled(undefined)).toBe(true);
  });

  it('is about the newest unread line of somebody else that is still there', () => {
    const room = roomOf(run([heads(8)], base));
    const lines = [line({ msgNo: 3 }), line({ msgNo: 4, mentions: [ME] }), line({ msgNo: 5 }), line({ msgNo: 6, text: null }), line({ msgNo: 7, user: ME })];
    expect(lineFor(lines, room, ME, 'line')?.msgNo).toBe(5);
    expect(lineFor(lines, room, ME, 'call')?.msgNo).toBe(4);
    expect(lineFor(lines.slice(0, 1), room, ME, 'line')).toBeUndefined();
  });
});

describe('what it says', () => {
  it('who, where and what, or no text when that is not wanted', () => {
    expect(wordsFor(before, line({}), 'Ann', 'line', true)).toEqual({ title: 'Ann in Garden', body: 'Soup' });
    expect(wordsFor(before, line({}), 'Ann', 'line', false).body).toBe('There is a new message.');
    expect(wordsFor(before, line({}), 'Ann', 'call', false).body).toBe('You are mentioned.');
    expect(wordsFor({ ...before, visibility: 'direct', people: [ME, ANN] }, line({}), 'Ann', 'line', true).title).toBe('Ann');
  });

  it('is bounded, and names a file', () => {
    expect([...wordsFor(before, line({ text: '🦜'.repeat(200) }), 'Ann', 'line', true).body]).toHaveLength(200);
    expect([...wordsFor(before, line({ text: '🦜'.repeat(201) }), 'Ann', 'line', true).body]).toHaveLength(201); // with an ellipsis
    const files = [{ name: 'plan.pdf' }] as unknown as Line['files'];
    expect(wordsFor(before, line({ text: '', files }), 'Ann', 'line', true).body).toBe('File: plan.pdf');
  });

  it('one for all that came while away', () => {
    const named = (...names: string[]) => names.map((name) => ({ ...before, name }));
    expect(summaryFor(named('A')).body).toBe('In A.');
    expect(summaryFor(named('A', 'B')).body).toBe('In A and B.');
    expect(summaryFor(named('A', 'B', 'C', 'D')).body).toBe('In A, B and 2 more.');
  });
});
