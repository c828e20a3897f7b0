import { describe, expect, test } from 'vitest';
import { fold, mayReact, react, type Item, type Reaction } from '@/state/fold';
import {
  applyEvent,
  applyLive,
  applyMarks,
  applySubOk,
  asked,
  closeApart,
  emptyTimeline,
  extendApartDown,
  extendApartUp,
  findLine,
  openApart,
  prependPage,
  type Page,
  type Timeline,
} from '@/state/timeline';
import { KIND, LIMITS, type EventMsg, type MarksMsg } from '@/proto/messages.gen';
import { applyMentioned, applyRoomEvent, initialRooms, nameDirects, welcomeRooms } from '@/state/rooms';
import { ANN, deleted, edited, ev, ME, posted, ROOM, roomState, subOk } from '../support';

const feed = (t: Timeline, ...messages: EventMsg[]) => messages.reduce((now, m) => applyEvent(now, ev(m)), t);

function live(n: number): Timeline {
  let t = applySubOk(asked(emptyTimeline(ROOM)), subOk({ head: n }));
  for (let seq = 1; seq <= n; seq++) t = feed(t, posted(seq));
  return applyLive(t, n);
}

const change = (seq: number, kind: number, target: number, body: unknown, user = ANN) =>
  posted(seq, { kind, target, msg_no: 0, body, user });
const reacted = (seq: number, target: number, emoji: string, on = true, user = ANN) =>
  change(seq, KIND.REACTED, target, [emoji, on], user);
const pinned = (seq: number, target: number, on = true) => change(seq, KIND.PINNED, target, [on]);
const said = (seq: number, replyTo: number, text: string, mentions: number[] = []) =>
  posted(seq, { kind: KIND.SAID, target: replyTo, body: [text, mentions.map((id) => [id])] });
const marks = (over: Partial<MarksMsg>): MarksMsg => ({
  type: 'marks',
  room: ROOM,
  seq: 1,
  as_of: 1,
  pinned: 0,
  pinned_by: 0,
  emoji: [],
  reactions: [],
  mentions: [],
  ...over,
});

describe('each kind is folded', () => {
  test('said: a line with what it answers and whom it calls', () => {
    const line = findLine(feed(live(1), said(2, 1, 'yes @me', [ME])), 2);
    expect(line).toMatchObject({ text: 'yes @me', replyTo: 1, mentions: [ME], edited: false });
  });

  test('said, erased: a deleted line that answers and calls nobody', () => {
    const line = findLine(feed(live(1), posted(2, { kind: KIND.SAID, target: 1, body: null })), 2);
    expect(line).toMatchObject({ text: null, replyTo: 0, mentions: [] });
  });

  test('revised: the text and whom it calls', () => {
    const t = feed(live(1), change(2, KIND.REVISED, 1, ['hello @me', [[ME]]]));
    expect(findLine(t, 1)).toMatchObject({ text: 'hello @me', mentions: [ME], edited: true });
    expect(findLine(feed(t, edited(3, 1, 'hello')), 1)).toMatchObject({ text: 'hello', mentions: [] });
  });

  test('reacted: added once, taken back, in the order given', () => {
    const t = feed(live(1), reacted(2, 1, '👍'), reacted(3, 1, '🦜'), reacted(4, 1, '👍', true, ME), reacted(5, 1, '👍'));
    expect(findLine(t, 1)?.reactions).toEqual([
      { emoji: '👍', user: ANN },
      { emoji: '🦜', user: ANN },
      { emoji: '👍', user: ME },
    ]);
    expect(findLine(feed(t, reacted(6, 1, '👍', false)), 1)?.reactions.map((r) => r.emoji)).toEqual(['🦜', '👍']);
    expect(feed(t, reacted(6, 1, '👍', false)).lastSeq).toBe(6);
  });

  test('pinned: the first pin stays, until it is taken away', () => {
    const t = feed(live(1), pinned(2, 1), pinned(3, 1));
    expect(findLine(t, 1)?.pinned).toEqual({ seq: 2, by: ANN });
    expect(findLine(feed(t, pinned(4, 1, false)), 1)?.pinned).toBeNull();
  });

  test('deleted: what hung on it is gone, and nothing new hangs on it', () => {
    const t = feed(live(1), reacted(2, 1, '👍'), pinned(3, 1), deleted(4, 1), reacted(5, 1, '🦜'));
    expect(findLine(t, 1)).toMatchObject({ text: null, reactions: [], pinned: null, mentions: [] });
  });

  test('the text is not touched by a reaction, nor the other way round', () => {
    const t = feed(live(1), reacted(2, 1, '👍'), edited(3, 1, 'new'));
    expect(findLine(t, 1)).toMatchObject({ text: 'new', edited: true, reactions: [{ emoji: '👍', user: ANN }] });
  });
});

describe('bounds of a line', () => {
  test('as many different emoji as allowed, and not one more', () => {
    let all: readonly Reaction[] = [];
    for (let i = 0; i < LIMITS.LINE_EMOJI_MAX; i++) all = react(all, ANN, String.fromCodePoint(0x1f600 + i), true);
    expect(all).toHaveLength(LIMITS.LINE_EMOJI_MAX);
    expect(mayReact(all, '🦜')).toBe(false);
    expect(react(all, ME, '🦜', true)).toBe(all);
    expect(react(all, ME, '\u{1f600}', true)).toHaveLength(LIMITS.LINE_EMOJI_MAX + 1);
  });

  test('as many reactions as allowed, and not one more', () => {
    let all: readonly Reaction[] = [];
    for (let i = 0; i < LIMITS.LINE_REACTIONS_MAX; i++) all = react(all, 100 + i, '👍', true);
    expect(all).toHaveLength(LIMITS.LINE_REACTIONS_MAX);
    expect(react(all, ME, '👍', true)).toBe(all);
    expect(react(all, 100, '👍', false)).toHaveLength(LIMITS.LINE_REACTIONS_MAX - 1);
  });
});

describe('marks', () => {
  const some = marks({ seq: 90, as_of: 95, pinned: 94, pinned_by: ME, emoji: [{ emoji: '👍' }], reactions: [{ emoji: 0, user: ME }] });

  test('hang on their line of a snapshot; events that are in them are not applied again', () => {
    let t = applySubOk(asked(emptyTimeline(ROOM)), subOk({ mode: 1, base: 90, head: 93, first_msg_no: 40 }));
    t = applyMarks(feed(t, posted(90, { msg_no: 40 })), some);
    t = feed(applyLive(t, 93), reacted(94, 90, '👍', false, ME), posted(95, { msg_no: 41 }), reacted(96, 90, '🦜'));
    expect(findLine(t, 90)).toMatchObject({
      pinned: { seq: 94, by: ME },
      reactions: [
        { emoji: '👍', user: ME },
        { emoji: '🦜', user: ANN },
      ],
    });
  });

  test('out of a snapshot they change nothing', () => {
    const t = live(1);
    expect(applyMarks(t, some)).toBe(t);
  });
});

describe('a place somewhere else', () => {
  function late(): Timeline {
    let t = applySubOk(asked(emptyTimeline(ROOM)), subOk({ mode: 1, base: 900, head: 905, first_msg_no: 400 }));
    t = feed(t, posted(900, { msg_no: 400 }), posted(905, { msg_no: 401 }));
    return applyLive(t, 905);
  }
  const page = (from: number, to: number, more = true): Page => ({
    incarnation: 9,
    asOf: 905,
    firstMsgNo: from,
    lastMsgNo: to,
    more,
    marks: [],
    events: Array.from({ length: to - from + 1 }, (_, i) => ev(posted((from + i) * 2, { msg_no: from + i }))),
  });

  test('stands beside what is loaded, and is changed by events too', () => {
    const t = feed(openApart(late(), page(100, 110)), edited(906, 200, 'changed'), reacted(907, 202, '👍'));
    expect(t.items).toHaveLength(2);
    expect(t.apart).toMatchObject({ firstMsgNo: 100, lastMsgNo: 110 });
    expect(findLine(t, 200)?.text).toBe('changed');
    expect(findLine(t, 202)?.reactions).toHaveLength(1);
    expect(closeApart(t).apart).toBeNull();
  });

  test('grows both ways, without doubles', () => {
    let t = openApart(late(), page(100, 110));
    t = extendApartUp(t, page(90, 100));
    t = extendApartDown(t, page(110, 120));
    expect(t.apart).toMatchObject({ firstMsgNo: 90, lastMsgNo: 120 });
    expect(t.apart?.items.map((i) => i.seq)).toEqual(Array.from({ length: 31 }, (_, i) => 180 + 2 * i));
    expect(extendApartUp(t, page(80, 89, false)).apart?.firstMsgNo).toBe(1);
  });

  test('joins what is loaded when it reaches it', () => {
    let t = openApart(late(), page(380, 390));
    t = extendApartDown(t, page(391, 399));
    expect(t.apart).toBeNull();
    expect(t.firstMsgNo).toBe(380);
    expect(t.items).toHaveLength(22);
    expect(t.items.map((i) => i.seq)).toEqual([...t.items.map((i) => i.seq)].sort((a, b) => a - b));
  });

  test('a page that touches what is loaded needs no place of its own', () => {
    const t = openApart(late(), page(390, 400));
    expect(t.apart).toBeNull();
    expect(t.firstMsgNo).toBe(390);
    expect(t.items.map((i) => i.seq).filter((s) => s === 900)).toHaveLength(1);
  });

  test('a snapshot drops it, and an older page than the changes kept is not taken', () => {
    const t = openApart(late(), page(100, 110));
    const again = applyLive(applySubOk(t, subOk({ mode: 1, after: 905, base: 990, head: 999, first_msg_no: 480 })), 999);
    expect(again.apart).toBeNull();
    expect(openApart(late(), { ...page(100, 110), asOf: 904 }).apart).toBeNull();
    expect(prependPage(late(), { ...page(390, 399), incarnation: 3 }).firstMsgNo).toBe(400);
  });
});

test('mention counts are what the server says, and none after welcome', () => {
  const state = { room: ROOM, incarnation: 1, visibility: 0, name: 'a', topic: '', head: 9, msg_no: 9, read_msg_no: 2, role: 0, notify: 0, turn: 0, rev: 0, archived: false, history: 0, people: [] };
  let rooms = welcomeRooms(initialRooms, [state]);
  rooms = applyMentioned(rooms, [{ room: ROOM, count: 3 }, { room: 4711, count: 1 }]);
  expect(rooms.byId.get(ROOM)?.mentions).toBe(3);
  expect(rooms.byId.size).toBe(1);
  expect(welcomeRooms(rooms, [state]).byId.get(ROOM)?.mentions).toBe(0);
});

describe('what a room is called and set to', () => {
  const set = (seq: number, kind: number, body: unknown[]) => ev(posted(seq, { kind, msg_no: 0, body }));

  test('follows its events, and names stand in order', () => {
    let rooms = welcomeRooms(initialRooms, [roomState(), roomState({ room: 8, name: 'Zoo' })]);
    for (const event of [set(1, KIND.RENAMED, ['Zz']), set(2, KIND.TOPIC_CHANGED, ['cake']), set(3, KIND.ARCHIVED, [true]), set(4, KIND.HISTORY_CHANGED, [1])])
      rooms = applyRoomEvent(rooms, event);
    expect(rooms.byId.get(ROOM)).toMatchObject({ name: 'Zz', topic: 'cake', archived: true, history: 'joining', head: 4 });
    expect(rooms.order).toEqual([8, ROOM]);
    // Events of before the list was made change nothing.
    rooms = applyRoomEvent(rooms, set(2, KIND.RENAMED, ['Old']));
    expect(rooms.byId.get(ROOM)?.name).toBe('Zz');
  });

  test('is told in the conversation, with its words', () => {
    const items: Item[] = [];
    for (const event of [
      set(1, KIND.FOUNDED, ['Garden', '', 0, 1]),
      set(2, KIND.ADDED, [8]),
      set(3, KIND.RENAMED, ['Shed']),
      set(4, KIND.TOPIC_CHANGED, ['']),
      set(5, KIND.ARCHIVED, [true]),
      set(6, KIND.ARCHIVED, [false]),
      set(7, KIND.HISTORY_CHANGED, [1]),
      set(8, KIND.DIRECT_CREATED, [[[1], [2]]]),
    ])
      fold(items, event, true);
    expect(items.map((item) => item.type === 'notice' && [item.what, item.whom, item.text ?? ''])).toEqual([
      ['created', 0, ''],
      ['added', 8, ''],
      ['renamed', 0, 'Shed'],
      ['topic_taken', 0, ''],
      ['archived', 0, ''],
      ['unarchived', 0, ''],
      ['history_joining', 0, ''],
      ['opened', 0, ''],
    ]);
  });
});

test('a direct room is called after the others, one for notes after oneself', () => {
  const users = new Map([2, 3, 4].map((id) => [id, { id, name: `N${id}`, handle: `n${id}`, avatar: 0, admin: false, rev: 1 }] as const));
  const rooms = welcomeRooms(initialRooms, [
    roomState({ visibility: 2, name: '', people: [{ id: 2 }, { id: 4 }, { id: 3 }] }),
    roomState({ room: 8, visibility: 2, name: '', people: [{ id: 2 }] }),
    roomState({ room: 9, visibility: 2, name: '', people: [{ id: 2 }, { id: 5 }] }),
  ]);
  const named = nameDirects(rooms, users, 2);
  expect([ROOM, 8, 9].map((id) => named.byId.get(id)?.name)).toEqual(['N3, N4', 'N2 (you)', 'Someone']);
  expect(nameDirects(named, users, 2)).toBe(named);
});
