import { describe, expect, it } from 'vitest';
import type { ServerMessage } from '@/proto/messages.gen';
import { attentionOf, endDoubt, shownUnread, unreadBadge, unreadOf, type Room } from '@/state/rooms';
import { applyGone, heard, lineDeleted, inDoubt, needsGone, NOTHING_GONE, readUpTo, told, withoutDoubt, type Reading } from '@/state/unread';
import { deleted, ROOM, roomState, run, subOk, welcome } from '../support';

const reading = (over: Partial<Reading> = {}): Reading => ({ msgNo: 10, readMsgNo: 4, turn: 0, ...NOTHING_GONE, ...over });
const gone = (lines: number[], deleted: number, more = false) => ({ type: 'gone' as const, room: ROOM, deleted, more, lines: lines.map((id) => ({ id })) });
const heads = (seq: number, msgNo: number, deleted: number): ServerMessage => ({ type: 'heads', heads: [{ room: ROOM, seq, msg_no: msgNo, deleted }] });

describe('deleted lines are not unread (status-legacy#13228)', () => {
  it('are asked for when a deletion is news and something is unread', () => {
    let r = heard(reading(), 10, 21);
    expect(needsGone(r)).toBe(true);
    r = applyGone(r, gone([2, 6, 7], 21));
    expect(needsGone(r)).toBe(false);
    expect(unreadOf(r)).toBe(4); // 5, 8, 9, 10; the one before the pointer does not count
    expect(unreadOf(readUpTo(r, 6, 0))).toBe(3);
    expect(unreadOf(readUpTo(r, 10, 0))).toBe(0);
  });

  it('need no question when all was read before they went', () => {
    const r = heard(reading({ readMsgNo: 10 }), 10, 21);
    expect(needsGone(r)).toBe(false);
    expect(needsGone(heard(r, 12, 21))).toBe(false); // new lines, and no new deletion
    expect(needsGone(heard(r, 12, 25))).toBe(true);
  });

  it('are known from the event where the line is loaded, else asked for', () => {
    const r = lineDeleted(reading(), 20, 8, true);
    expect(unreadOf(r)).toBe(5);
    expect(needsGone(r)).toBe(false);
    expect(unreadOf(lineDeleted(r, 20, 8, false))).toBe(5); // the same once more
    expect(needsGone(lineDeleted(r, 22, 0, true))).toBe(true);
    expect(needsGone(lineDeleted(r, 24, 9, false))).toBe(true); // something went by unseen
  });

  it('beyond what the server keeps are "or more"', () => {
    const r = applyGone(heard(reading({ msgNo: 30 }), 30, 50), gone([20, 21, 25], 50, true));
    expect(unreadOf(r)).toBe(8); // of 20 … 30, less three
    expect(unreadBadge(r as Room)).toBe('8+');
    expect(unreadBadge(readUpTo(r, 22, 0) as Room)).toBe('7');
  });

  it('of an answer that is older than what is known are only added', () => {
    let r = applyGone(heard(reading(), 10, 30), gone([9], 30));
    r = applyGone(r, gone([6], 21, true));
    expect(r.goneUpTo).toBe(30);
    expect(unreadOf(r)).toBe(4);
  });
});

describe('a page that has just loaded', () => {
  it('shows no count before it knows which lines are gone', () => {
    const r = told(inDoubt(reading()), 10, 21);
    expect([shownUnread(r), unreadOf(r)]).toEqual([0, 6]);
    expect(shownUnread(applyGone(r, gone([5, 6, 7, 8, 9, 10], 21)))).toBe(0);
    expect(shownUnread(applyGone(r, gone([6], 21)))).toBe(5);
  });

  it('need not ask where nothing was ever deleted, or nothing is unread', () => {
    expect(shownUnread(told(inDoubt(reading()), 10, 0))).toBe(6);
    const read = told(inDoubt(reading({ readMsgNo: 10 })), 10, 21);
    expect(read.doubt).toBe(false);
    expect(shownUnread(heard(read, 11, 21))).toBe(1); // what comes from now on counts at once
  });

  it('is in doubt of what looks read, until it is told the last line', () => {
    const r = told(readUpTo(inDoubt(reading()), 10, 0), 14, 21);
    expect(shownUnread(r)).toBe(0);
    expect(shownUnread(applyGone(r, gone([12], 21)))).toBe(3);
  });

  it('shows what it knows when the answer is refused, or does not come', () => {
    expect(shownUnread(withoutDoubt(told(inDoubt(reading()), 10, 21)))).toBe(6);
    const s = run([welcome([roomState({ head: 12, msg_no: 10, read_msg_no: 4 }), roomState({ room: 8, msg_no: 3, head: 3 })])]);
    expect([...s.rooms.byId.values()].map(shownUnread)).toEqual([0, 0]);
    expect([...endDoubt(s.rooms).byId.values()].map(shownUnread)).toEqual([6, 3]);
  });

  it('is not what a later `welcome` makes of it: its counts stay', () => {
    const list = [welcome([roomState({ head: 12, msg_no: 10, read_msg_no: 4 })])];
    const s = run([...list, heads(12, 10, 0), welcome([roomState({ head: 13, msg_no: 11, read_msg_no: 4 }), roomState({ room: 8, msg_no: 3, head: 3 })])]);
    expect([...s.rooms.byId.values()].map(shownUnread)).toEqual([7, 3]);
  });
});

describe('marking as unread', () => {
  it('a higher turn moves the pointer back, the same one never, a lower one is old news', () => {
    let r = readUpTo(reading(), 8, 0);
    expect(readUpTo(r, 6, 0).readMsgNo).toBe(8);
    r = readUpTo(r, 2, 1);
    expect([r.readMsgNo, r.turn]).toEqual([2, 1]);
    expect(readUpTo(r, 9, 0).readMsgNo).toBe(2);
    expect(readUpTo(r, 5, 1).readMsgNo).toBe(5);
  });

  it('asks anew which lines are gone: those below the old pointer were forgotten', () => {
    let r = applyGone(heard(reading(), 10, 21), gone([3, 6], 21));
    r = readUpTo(r, 8, 0);
    r = readUpTo(r, 1, 1);
    expect(needsGone(r)).toBe(true);
    expect(unreadOf(applyGone(r, gone([3, 6], 21)))).toBe(7);
  });

  it('makes no badge vanish, and shows none that would be put right a moment later', () => {
    const some = readUpTo(applyGone(heard(reading(), 10, 21), gone([3, 6, 9], 21)), 7, 0);
    expect(shownUnread(some)).toBe(2);
    expect(shownUnread(readUpTo(some, 5, 1))).toBe(4); // 6, 7, 8, 10: what is known above the old pointer stays known
    const none = readUpTo(some, 10, 0);
    expect(shownUnread(readUpTo(none, 5, 1))).toBe(0);
    expect(shownUnread(applyGone(readUpTo(none, 5, 1), gone([3, 6, 9], 21)))).toBe(3);
    expect(shownUnread(readUpTo(reading({ readMsgNo: 10 }), 5, 1))).toBe(5); // nothing was deleted
  });

  it('holds the room that is on screen, here as on the other device', () => {
    const before = { ...run([welcome([roomState({ head: 9, msg_no: 9, read_msg_no: 9 })])]), active: ROOM };
    const s = run([{ type: 'read_at', room: ROOM, msg_no: 3, turn: 1 }], before);
    expect(s.rooms.byId.get(ROOM)).toMatchObject({ readMsgNo: 3, turn: 1, held: true });
    const read = run([{ type: 'read_at', room: ROOM, msg_no: 5, turn: 1 }], { ...before, active: null });
    expect(read.rooms.byId.get(ROOM)?.held).toBe(false);
  });

  it('is in `welcome` too, for who was away', () => {
    const before = { ...run([welcome([roomState({ head: 9, msg_no: 9, read_msg_no: 9 })])]), active: ROOM };
    const s = run([welcome([roomState({ head: 9, msg_no: 9, read_msg_no: 3, turn: 2 })])], before);
    expect(s.rooms.byId.get(ROOM)).toMatchObject({ readMsgNo: 3, turn: 2, held: true });
  });
});

describe('in the room list', () => {
  it('heads, answers and events lead to the same count', () => {
    const start = [welcome([roomState({ head: 12, msg_no: 10, read_msg_no: 4 })])];
    const watched = run([...start, heads(14, 11, 14), gone([6, 9], 14)]);
    expect(unreadOf(watched.rooms.byId.get(ROOM)!)).toBe(5);
    const reloaded = run([...start, heads(14, 11, 14), gone([6, 9], 14), ...start, heads(14, 11, 14)], watched);
    expect(unreadOf(reloaded.rooms.byId.get(ROOM)!)).toBe(5);
  });

  it('sub_ok says when lines went that were never here', () => {
    const s = run([welcome([roomState({ head: 12, msg_no: 10, read_msg_no: 4 })]), subOk({ head: 20, msg_no: 12, deleted: 19 })]);
    expect(needsGone(s.rooms.byId.get(ROOM)!)).toBe(true);
  });

  it('has the count of calls that is told behind a room told anew, and none where none is told', () => {
    const base = run([welcome([roomState({ head: 12, msg_no: 10, read_msg_no: 4 })]), { type: 'mentioned', rooms: [{ room: ROOM, count: 9 }] }]);
    const back = run([{ type: 'room_added', rooms: [roomState({ head: 14, msg_no: 10, read_msg_no: 10 })] }], base);
    expect(back.rooms.byId.get(ROOM)!.mentions).toBe(0);
    const named = run([{ type: 'room_added', rooms: [roomState({ head: 14, msg_no: 10, read_msg_no: 4, name: 'Attic' })] }, { type: 'mentioned', rooms: [{ room: ROOM, count: 9 }] }], base);
    expect(named.rooms.byId.get(ROOM)!.mentions).toBe(9);
  });

  it('the level says what asks for attention', () => {
    const base = run([welcome([roomState({ head: 12, msg_no: 10, read_msg_no: 4 })]), heads(12, 10, 0), { type: 'mentioned', rooms: [{ room: ROOM, count: 2 }] }]);
    const at = (level: number) => attentionOf(run([{ type: 'notified', room: ROOM, level }], base).rooms.byId.get(ROOM)!);
    expect([at(0), at(1), at(2)]).toEqual([6, 2, 0]);
    expect(attentionOf(run([welcome([roomState({ msg_no: 5, notify: 2 })])]).rooms.byId.get(ROOM)!)).toBe(0);
  });

  it('a deletion of a line on screen counts at once', () => {
    const s = run([
      welcome([roomState({ head: 2, msg_no: 2, read_msg_no: 0 })]),
      deleted(3, 2),
    ]);
    expect(s.rooms.byId.get(ROOM)?.deleted).toBe(3);
  });
});
