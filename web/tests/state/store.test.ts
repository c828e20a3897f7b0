import { describe, expect, test } from 'vitest';
import { ERR, KIND, type ServerMessage } from '@/proto/messages.gen';
import * as outbox from '@/state/outbox';
import { expireTyping, typingSentence } from '@/state/presence';
import { unreadOf, attentionTotal } from '@/state/rooms';
import { applyLinkLost, applyMessage, initialState, type State } from '@/state/store';
import { emptyTimeline } from '@/state/timeline';
import { ANN, ME, newId, posted, ROOM, roomState, run, subOk, T0, welcome } from '../support';

/** Signed in, the room on screen and live with two lines of Ann's. */
function open(): State {
  const start = run([welcome([roomState({ head: 2, msg_no: 2, read_msg_no: 1 })])]);
  const shown = { ...start, active: ROOM, timelines: new Map([[ROOM, emptyTimeline(ROOM)]]) };
  return run([subOk({ head: 2 }), posted(1), posted(2), { type: 'live', room: ROOM, seq: 2 }], shown);
}
const room = (s: State) => s.rooms.byId.get(ROOM)!;
const say = (s: State, text: string) => {
  const entry = outbox.newEntry(newId(), ME, ROOM, { what: 'post', text }, T0);
  return { s: { ...s, outbox: outbox.markSent(outbox.add(s.outbox, [entry]), entry.clientId) }, id: entry.clientId };
};

describe('unread', () => {
  test('is message number minus read pointer, live or watched', () => {
    let s = open();
    expect(unreadOf(room(s))).toBe(1);
    s = run([posted(3)], s);
    expect(unreadOf(room(s))).toBe(2);
    s = run([{ type: 'heads', heads: [{ room: ROOM, seq: 9, msg_no: 7, deleted: 0 }] }], s);
    expect(attentionTotal(s.rooms)).toBe(6);
  });

  test('falls when another device reads, and never goes back', () => {
    let s = run([{ type: 'read_at', room: ROOM, msg_no: 2, turn: 0 }], open());
    expect(unreadOf(room(s))).toBe(0);
    s = run([{ type: 'read_at', room: ROOM, msg_no: 1, turn: 0 }], s);
    expect(unreadOf(room(s))).toBe(0);
  });

  test('a welcome does not take back what this device has read', () => {
    let s = run([{ type: 'read_at', room: ROOM, msg_no: 2, turn: 0 }], open());
    s = run([welcome([roomState({ head: 2, msg_no: 2, read_msg_no: 1 })])], s);
    expect(unreadOf(room(s))).toBe(0);
  });
});

describe('own lines', () => {
  test('event, then ack: the pending line becomes the stored one in one step', () => {
    const { s, id } = say(open(), 'mine');
    const after = run([posted(3, { user: ME, client_id: id, body: ['mine'] })], s);
    expect(after.outbox.entries).toHaveLength(0);
    expect(after.timelines.get(ROOM)?.items.at(-1)).toMatchObject({ clientId: id, text: 'mine' });
    expect(run([ack(id, 3)], after).outbox.entries).toHaveLength(0);
  });

  test('ack before the event: stored, and not twice on screen when it comes', () => {
    const { s, id } = say(open(), 'mine');
    const acked = run([ack(id, 4)], s);
    expect(acked.outbox.entries[0]?.state).toBe('stored');
    const after = run([posted(3), posted(4, { user: ME, client_id: id })], acked);
    expect(after.outbox.entries).toHaveLength(0);
  });

  test('stored ones that a snapshot leaves out are not kept for ever', () => {
    const { s, id } = say(open(), 'mine');
    const after = run(
      [
        ack(id, 40),
        subOk({ mode: 1, after: 2, base: 90, head: 95, first_msg_no: 60 }),
        posted(90, { msg_no: 60 }),
        { type: 'live', room: ROOM, seq: 95 },
      ],
      s,
    );
    expect(after.outbox.entries).toHaveLength(0);
  });

  test('nack: for now it waits, for good it fails with a sentence', () => {
    const { s, id } = say(open(), 'mine');
    const busy = run([nack(id, ERR.OVERLOADED, false, 700)], s);
    expect(busy.outbox.entries[0]).toMatchObject({ state: 'queued', notBeforeMs: T0 + 700 });
    const refused = run([nack(id, ERR.NOT_MEMBER, true, 0)], s);
    expect(refused.outbox.entries[0]).toMatchObject({ state: 'failed', reason: 'You are not in this room; join it first.' });
  });

  test('a lost link puts them back in the queue and the room to asking', () => {
    const { s, id } = say(open(), 'mine');
    const after = applyLinkLost(s);
    expect(after.outbox.entries[0]).toMatchObject({ clientId: id, state: 'queued' });
    expect(after.timelines.get(ROOM)?.ask).toBe(true);
  });
});

describe('rooms come and go', () => {
  test('a kick drops the room and says so', () => {
    const s = run([{ type: 'room_removed', room: ROOM, code: ERR.NOT_MEMBER }], open());
    expect(s.rooms.order).toEqual([]);
    expect(s.timelines.has(ROOM)).toBe(false);
    expect(s.note?.text).toBe('You are no longer in Garden.');
  });

  test('the list has an order that news does not change', () => {
    const list = [roomState({ room: 3, name: 'b10' }), roomState({ room: 1, name: 'B2' }), roomState({ room: 2, name: 'a' })];
    let s = run([welcome(list)]);
    expect(s.rooms.order).toEqual([2, 1, 3]);
    s = run([{ type: 'heads', heads: [{ room: 3, seq: 50, msg_no: 50, deleted: 0 }] }], s);
    expect(s.rooms.order).toEqual([2, 1, 3]);
  });

  test('a room that the welcome does not name any more is gone with its log', () => {
    const s = run([welcome([])], open());
    expect(s.timelines.size).toBe(0);
    expect(s.rooms).toMatchObject({ known: true, order: [] });
  });
});

describe('presence and typing', () => {
  test('a full list forgets, changes add', () => {
    let s = run([{ type: 'presence', room: ROOM, full: true, here: 1, users: [{ user: ANN, state: 1 }] }], open());
    s = run([{ type: 'presence', room: ROOM, full: false, here: 2, users: [{ user: 3, state: 1 }] }], s);
    expect([...s.presence.get(ROOM)!.users.keys()]).toEqual([ANN, 3]);
    s = run([{ type: 'presence', room: ROOM, full: true, here: 1, users: [{ user: 3, state: 1 }] }], s);
    expect(s.presence.get(ROOM)!.users.has(ANN)).toBe(false);
  });

  test('typing ends with the line, or after 6 s', () => {
    const typing: ServerMessage = { type: 'typists', room: ROOM, users: [{ id: ANN }, { id: 3 }] };
    const s = applyMessage(open(), typing, T0);
    expect(run([posted(3)], s).presence.get(ROOM)!.typists).toEqual([3]);
    expect(expireTyping(s.presence, T0 + 5999).get(ROOM)!.typists).toHaveLength(2);
    expect(expireTyping(s.presence, T0 + 6000).get(ROOM)!.typists).toHaveLength(0);
  });

  test('at most three names', () => {
    expect(typingSentence([])).toBe('');
    expect(typingSentence(['Ann', 'Bo'])).toBe('Ann and Bo are typing');
    expect(typingSentence(['Ann', 'Bo', 'Cy'])).toBe('Ann, Bo and Cy are typing');
    expect(typingSentence(['Ann', 'Bo', 'Cy', 'Di'])).toBe('Several people are typing');
  });
});

function ack(id: string, seq: number): ServerMessage {
  return { type: 'ack', client_id: id, room: ROOM, seq, at_ms: T0, msg_no: seq, dup: false };
}
test('a refused reaction leaves its line, with a sentence', () => {
  const entry = outbox.newEntry(newId(), ME, ROOM, { what: 'react', target: 1, emoji: '🙂', on: true }, T0);
  const before = run([welcome()]);
  const s = { ...before, outbox: outbox.add(before.outbox, [entry]) };
  const later = run([nack(entry.clientId, ERR.OVERLOADED, false, 700)], s);
  expect(later.outbox.entries).toHaveLength(1);
  const refused = run([nack(entry.clientId, ERR.TOO_MANY_REACTIONS, true, 0)], s);
  expect(refused.outbox.entries).toHaveLength(0);
  expect(refused.note?.text).toMatch(/^The reaction was not stored: /);
});

function nack(id: string, code: number, final: boolean, retry_ms: number): ServerMessage {
  return { type: 'nack', client_id: id, room: ROOM, code, retry_ms, final, reason: '' };
}
test('nothing is signed in at first', () => expect(initialState.session.status).toBe('unknown'));

describe('people', () => {
  const change = (seq: number, kind: number, body: unknown[]): ServerMessage =>
    posted(seq, { kind, msg_no: 0, body });
  const notices = (s: State) =>
    s.timelines.get(ROOM)?.items.flatMap((i) => (i.type === 'notice' ? [[i.what, i.user, i.whom]] : []));

  test('who is taken out, banned, muted or promoted is told in the room, and counted', () => {
    const s = run(
      [
        change(3, KIND.REMOVED, [5]),
        change(4, KIND.BANNED, [6]),
        change(5, KIND.UNBANNED, [6]),
        change(6, KIND.ROLE_CHANGED, [7, 1]),
        change(7, KIND.ROLE_CHANGED, [7, 2]),
        change(8, KIND.MUTED, [8, true]),
        change(9, KIND.MUTED, [8, false]),
      ],
      run([subOk({ head: 2, members: 9 })], open()),
    );
    expect(notices(s)).toEqual([
      ['removed', ANN, 5],
      ['banned', ANN, 6],
      ['unbanned', ANN, 6],
      ['made_moderator', ANN, 7],
      ['made_owner', ANN, 7],
      ['muted', ANN, 8],
      ['unmuted', ANN, 8],
    ]);
    expect(room(s).members).toBe(8); // who was banned may not have been one of them:
    expect(s.timelines.get(ROOM)?.ask).toBe(true); // the server is asked
    expect(room(s).peopleSeq).toBe(9);
    expect(s.timelines.get(ROOM)?.lastSeq).toBe(9);
  });

  test.each([
    [ERR.REMOVED, 'A moderator took you out of Garden.'],
    [ERR.BANNED, 'You have been banned from Garden.'],
    [ERR.NOT_MEMBER, 'You are no longer in Garden.'],
  ])('a kick with code %i: the room goes, with one calm sentence', (code, text) => {
    const s = run([{ type: 'kick', room: ROOM, code }], open());
    expect(s.rooms.byId.has(ROOM)).toBe(false);
    expect(s.timelines.has(ROOM)).toBe(false);
    expect(s.note?.text).toBe(text);
    const again = run([{ type: 'room_removed', room: ROOM, code }], s);
    expect(again.note).toBe(s.note); // the inbox tells the same a moment later
  });

  test('a new role is known at once, and takes nothing back that was read', () => {
    const before = run([{ type: 'read_at', room: ROOM, msg_no: 2, turn: 0 }], open());
    const s = run([{ type: 'room_added', rooms: [roomState({ head: 2, msg_no: 2, read_msg_no: 1, role: 1 })] }], before);
    expect(room(s).role).toBe('moderator');
    expect(unreadOf(room(s))).toBe(0);
  });
});
