import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Auth } from '@/app/auth';
import { createLive, type Live } from '@/app/live';
import { createAppStore, type Store } from '@/state/store';
import { shownUnread, unreadOf } from '@/state/rooms';
import { posted, ROOM, roomState, subOk, welcome } from '../support';
import { FakeSocket } from '../support_socket';

let store: Store;
let live: Live;
const auth = {
  token: async () => 'token',
  renew: async () => true,
  current: () => 'token',
} as unknown as Auth;

beforeEach(async () => {
  vi.useFakeTimers();
  vi.stubGlobal('WebSocket', FakeSocket);
  FakeSocket.all = [];
  store = createAppStore();
  live = createLive(store, 'ws://x/ws', auth, () => undefined);
  live.start();
  await vi.advanceTimersByTimeAsync(0);
  FakeSocket.last.accept();
  FakeSocket.last.give(welcome([roomState({ head: 2, msg_no: 2 }), roomState({ room: 8, name: 'Other' })]));
});
afterEach(() => {
  live.stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const t = () => store.getState().timelines.get(ROOM)!;
const settle = () => vi.advanceTimersByTimeAsync(30);

async function open(): Promise<void> {
  live.openRoom(ROOM);
  FakeSocket.last.give(subOk({ head: 2 }));
  FakeSocket.last.give(posted(1));
  FakeSocket.last.give(posted(2));
  FakeSocket.last.give({ type: 'live', room: ROOM, seq: 2 });
  await settle();
}

describe('the room on screen', () => {
  test('is asked for, filled, and live', async () => {
    await open();
    expect(FakeSocket.last.of('sub')).toEqual([{ type: 'sub', room: ROOM, incarnation: 0, after: 0 }]);
    expect(t()).toMatchObject({ phase: 'live', lastSeq: 2 });
  });

  test('the one before is only watched from then on, and resumes where it was', async () => {
    await open();
    live.openRoom(8);
    expect(FakeSocket.last.of('unsub')).toEqual([{ type: 'unsub', room: ROOM }]);
    live.openRoom(ROOM);
    expect(FakeSocket.last.of('sub').at(-1)).toEqual({ type: 'sub', room: ROOM, incarnation: 9, after: 2 });
  });

  test('a jump is asked for once, from the last applied event', async () => {
    await open();
    for (const seq of [4, 5, 6]) FakeSocket.last.give(posted(seq));
    await settle();
    expect(FakeSocket.last.of('sub').slice(1)).toEqual([{ type: 'sub', room: ROOM, incarnation: 9, after: 2 }]);
  });

  test('gap: asked for', async () => {
    await open();
    FakeSocket.last.give({ type: 'gap', room: ROOM, last: 2 });
    await settle();
    expect(FakeSocket.last.of('sub')).toHaveLength(2);
  });

  test('a head above ours for 2 s: asked for; frames that come meanwhile make it needless', async () => {
    await open();
    FakeSocket.last.give({ type: 'heads', heads: [{ room: ROOM, seq: 3, msg_no: 3, deleted: 0 }] });
    await settle();
    FakeSocket.last.give(posted(3));
    await vi.advanceTimersByTimeAsync(2100);
    expect(FakeSocket.last.of('sub')).toHaveLength(1);
    FakeSocket.last.give({ type: 'heads', heads: [{ room: ROOM, seq: 4, msg_no: 4, deleted: 0 }] });
    await vi.advanceTimersByTimeAsync(2100);
    expect(FakeSocket.last.of('sub')).toHaveLength(2);
  });

  test('no answer to sub in 10 s: asked again', async () => {
    live.openRoom(ROOM);
    await vi.advanceTimersByTimeAsync(10_100);
    expect(FakeSocket.last.of('sub')).toHaveLength(2);
  });

  test('after a lost link the hello resumes it, and no second sub is sent', async () => {
    await open();
    FakeSocket.last.drop(1012);
    await vi.advanceTimersByTimeAsync(1000);
    FakeSocket.last.accept();
    expect(FakeSocket.last.of('hello')[0]?.subs).toEqual([{ room: ROOM, incarnation: 9, after: 2, live: true }]);
    FakeSocket.last.give(welcome([roomState({ head: 3, msg_no: 3 })]));
    FakeSocket.last.give(subOk({ after: 2, base: 3, head: 3 }));
    FakeSocket.last.give(posted(3));
    FakeSocket.last.give({ type: 'live', room: ROOM, seq: 3 });
    await settle();
    expect(t()).toMatchObject({ lastSeq: 3, phase: 'live' });
    expect(FakeSocket.last.of('sub')).toHaveLength(0);
  });
});

describe('what this device says', () => {
  test('a read pointer shows at once and is sent once a moment, the last one only', async () => {
    live.markRead(ROOM, 1);
    live.markRead(ROOM, 2);
    expect(unreadOf(store.getState().rooms.byId.get(ROOM)!)).toBe(0);
    await vi.advanceTimersByTimeAsync(500);
    expect(FakeSocket.last.of('read')).toEqual([{ type: 'read', room: ROOM, msg_no: 2, turn: 0 }]);
  });

  test('a read pointer moved while offline goes out after the welcome', async () => {
    FakeSocket.last.drop(1006);
    live.markRead(ROOM, 2);
    await vi.advanceTimersByTimeAsync(1000);
    FakeSocket.last.accept();
    FakeSocket.last.give(welcome([roomState({ head: 2, msg_no: 2 })]));
    await vi.advanceTimersByTimeAsync(500);
    expect(FakeSocket.last.of('read')).toHaveLength(1);
  });

  test('a read pointer that the server has lost with its link is sent again', async () => {
    live.markRead(ROOM, 2);
    await vi.advanceTimersByTimeAsync(500);
    FakeSocket.last.drop(1006);
    await vi.advanceTimersByTimeAsync(1000);
    FakeSocket.last.accept();
    FakeSocket.last.give(welcome([roomState({ head: 2, msg_no: 2, read_msg_no: 1 })]));
    await vi.advanceTimersByTimeAsync(500);
    expect(FakeSocket.last.of('read')).toEqual([{ type: 'read', room: ROOM, msg_no: 2, turn: 0 }]);
  });

  test('marked as unread: sent with the turn, held until the room is entered again, repeated until it is answered', async () => {
    await open();
    live.markRead(ROOM, 2);
    live.markUnread(ROOM, 2);
    expect(FakeSocket.last.of('unread_from')).toEqual([{ type: 'unread_from', room: ROOM, msg_no: 2, turn: 0 }]);
    await vi.advanceTimersByTimeAsync(500);
    expect(FakeSocket.last.of('read')).toHaveLength(0); // what was read before the mark is not said after it
    live.markRead(ROOM, 2);
    await vi.advanceTimersByTimeAsync(5000);
    expect(FakeSocket.last.of('read')).toHaveLength(0);
    expect(FakeSocket.last.of('unread_from')).toHaveLength(2);
    FakeSocket.last.give({ type: 'read_at', room: ROOM, msg_no: 1, turn: 1 });
    await vi.advanceTimersByTimeAsync(20_000);
    expect(FakeSocket.last.of('unread_from')).toHaveLength(2);
    expect(unreadOf(store.getState().rooms.byId.get(ROOM)!)).toBe(1);
    live.openRoom(null);
    live.openRoom(ROOM);
    live.markRead(ROOM, 2);
    await vi.advanceTimersByTimeAsync(500);
    expect(FakeSocket.last.of('read')).toEqual([{ type: 'read', room: ROOM, msg_no: 2, turn: 1 }]);
  });

  test('a mark made offline goes out after the welcome', async () => {
    FakeSocket.last.drop(1006);
    live.markUnread(ROOM, 1);
    await vi.advanceTimersByTimeAsync(1000);
    FakeSocket.last.accept();
    FakeSocket.last.give(welcome([roomState({ head: 2, msg_no: 2, read_msg_no: 2 })]));
    await settle();
    expect(FakeSocket.last.of('unread_from')).toHaveLength(1);
  });

  test('which unread lines are gone is asked once for each news of it', async () => {
    FakeSocket.last.give({ type: 'heads', heads: [{ room: ROOM, seq: 2, msg_no: 2, deleted: 0 }] });
    const news = (deleted: number) => FakeSocket.last.give({ type: 'heads', heads: [{ room: ROOM, seq: 9, msg_no: 5, deleted }] });
    news(8);
    await vi.advanceTimersByTimeAsync(700);
    news(8);
    await vi.advanceTimersByTimeAsync(700);
    expect(FakeSocket.last.of('gone_get')).toEqual([{ type: 'gone_get', room: ROOM }]);
    FakeSocket.last.give({ type: 'gone', room: ROOM, deleted: 8, more: false, lines: [{ id: 4 }] });
    await vi.advanceTimersByTimeAsync(700);
    expect(FakeSocket.last.of('gone_get')).toHaveLength(1);
    expect(unreadOf(store.getState().rooms.byId.get(ROOM)!)).toBe(4);
    news(9);
    await vi.advanceTimersByTimeAsync(700);
    expect(FakeSocket.last.of('gone_get')).toHaveLength(2);
  });

  test('after lines were marked as unread it is asked again at once, with no news of a deletion', async () => {
    const gone = { type: 'gone' as const, room: ROOM, deleted: 8, more: false, lines: [{ id: 4 }] };
    FakeSocket.last.give({ type: 'heads', heads: [{ room: ROOM, seq: 9, msg_no: 5, deleted: 8 }] });
    FakeSocket.last.give(gone);
    live.markRead(ROOM, 5);
    await vi.advanceTimersByTimeAsync(700);
    FakeSocket.last.sent.length = 0;
    FakeSocket.last.give({ type: 'read_at', room: ROOM, msg_no: 2, turn: 1 });
    await settle();
    expect(FakeSocket.last.of('gone_get')).toHaveLength(1);
    FakeSocket.last.give(gone);
    await settle();
    expect(shownUnread(store.getState().rooms.byId.get(ROOM)!)).toBe(2);
  });

  test('typing at most once in 3 s', async () => {
    for (let i = 0; i < 10; i++) live.typing(ROOM);
    expect(FakeSocket.last.of('typing')).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(3000);
    live.typing(ROOM);
    expect(FakeSocket.last.of('typing')).toHaveLength(2);
  });

  test('after a line was sent the next key is told at once', () => {
    live.typing(ROOM);
    live.typed();
    live.typing(ROOM);
    expect(FakeSocket.last.of('typing')).toHaveLength(2);
  });

  test('a refusal that is tried again by itself shows no note; one that is final does', async () => {
    const err = { type: 'err' as const, code: 22, scope: 'hello', limit: 0, reason: 'Storage cannot be reached.' };
    FakeSocket.last.give({ ...err, retry_ms: 500 });
    await settle();
    expect(store.getState().note).toBeNull();
    FakeSocket.last.give({ ...err, retry_ms: 0 });
    await settle();
    expect(store.getState().note?.text).toBe('Storage cannot be reached.');
  });

  test('a fresh token goes in band', () => {
    live.sendToken('fresh');
    expect(FakeSocket.last.of('auth')).toEqual([{ type: 'auth', token: 'fresh' }]);
  });
});

test('a burst is drawn in few steps', async () => {
  await open();
  let changes = 0;
  store.subscribe(() => changes++);
  for (let seq = 3; seq < 503; seq++) FakeSocket.last.give(posted(seq));
  await settle();
  expect(t().lastSeq).toBe(502);
  expect(changes).toBeLessThan(5);
});

describe('counts of a page that has just loaded', () => {
  const OTHERS = Array.from({ length: 40 }, (_, i) => roomState({ room: 100 + i, head: 3, msg_no: 3, notify: i < 30 ? 2 : 0 }));
  const shown = (room: number) => shownUnread(store.getState().rooms.byId.get(room)!);

  async function load(): Promise<void> {
    live.stop();
    FakeSocket.all = [];
    store = createAppStore();
    live = createLive(store, 'ws://x/ws', auth, () => undefined);
    live.start();
    await vi.advanceTimersByTimeAsync(0);
    FakeSocket.last.accept();
    FakeSocket.last.give(welcome(OTHERS));
  }

  const heads = (deleted: number) =>
    FakeSocket.last.give({ type: 'heads', heads: OTHERS.map((r) => ({ room: r.room, seq: 5, msg_no: 3, deleted })) });

  test('are shown with the news that nothing was deleted', async () => {
    await load();
    expect([shown(100), shown(139)]).toEqual([0, 0]);
    heads(0);
    await settle();
    expect([shown(100), shown(139)]).toEqual([3, 3]);
    expect(FakeSocket.last.of('gone_get')).toHaveLength(0);
  });

  test('are asked for at once, 16 at the most, those first that are looked at; the others in their turn', async () => {
    await load();
    heads(5);
    await settle();
    const asked = FakeSocket.last.of('gone_get').map((m) => m.room);
    expect(asked).toHaveLength(16);
    expect(asked.slice(0, 10)).toEqual(OTHERS.slice(30).map((r) => r.room));
    for (const room of asked) FakeSocket.last.give({ type: 'gone', room, deleted: 5, more: false, lines: [{ id: 2 }] });
    await settle();
    expect(FakeSocket.last.of('gone_get')).toHaveLength(16);
    expect(shown(139)).toBe(2);
    await vi.advanceTimersByTimeAsync(600);
    expect(FakeSocket.last.of('gone_get').length).toBeGreaterThanOrEqual(24);
  });

  test('are shown with the answer, or without it after 3 s', async () => {
    await load();
    heads(5);
    FakeSocket.last.give({ type: 'gone', room: 139, deleted: 5, more: false, lines: [{ id: 2 }] });
    await settle();
    expect([shown(138), shown(139)]).toEqual([0, 2]);
    await vi.advanceTimersByTimeAsync(2_900);
    expect(shown(138)).toBe(0);
    await vi.advanceTimersByTimeAsync(200);
    expect([shown(138), shown(139)]).toEqual([3, 2]);
  });

  test('are shown at once when the answer is refused for good, and waited for when it may come', async () => {
    await load();
    heads(5);
    const err = { type: 'err' as const, code: 22, scope: 'gone_get', limit: 0, reason: '' };
    FakeSocket.last.give({ ...err, retry_ms: 500 });
    await settle();
    expect(shown(139)).toBe(0);
    FakeSocket.last.give({ ...err, retry_ms: 0 });
    await settle();
    expect(shown(139)).toBe(3);
  });

  test('of a later connection are asked for in their turn, not all at once', async () => {
    await load();
    heads(0);
    await vi.advanceTimersByTimeAsync(4_000);
    FakeSocket.last.drop(1012);
    await vi.advanceTimersByTimeAsync(1_000);
    FakeSocket.last.accept();
    FakeSocket.last.give(welcome(OTHERS));
    heads(5);
    await vi.advanceTimersByTimeAsync(100);
    expect(FakeSocket.last.of('gone_get')).toHaveLength(0);
    expect(shown(139)).toBe(3);
    await vi.advanceTimersByTimeAsync(550);
    expect(FakeSocket.last.of('gone_get').length).toBeGreaterThanOrEqual(8);
  });
});
