import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { keepAlerts, type AlertKeeper } from '@/app/alerts';
import type { TabMessage } from '@/app/tabs';
import type { Line } from '@/state/fold';
import type { Link } from '@/state/link';
import { applyMessage, createAppStore, type Store } from '@/state/store';
import { ANN, ROOM, roomState, T0, welcome } from '../support';

class FakeNotification {
  static permission = 'granted';
  static asked = 0;
  static all: FakeNotification[] = [];
  static async requestPermission() {
    FakeNotification.asked++;
    return FakeNotification.permission;
  }
  closed = false;
  onclick: (() => void) | null = null;
  onclose: (() => void) | null = null;
  constructor(
    readonly title: string,
    readonly options: { body: string; tag: string },
  ) {
    FakeNotification.all.push(this);
  }
  close() {
    this.closed = true;
  }
}

let store: Store;
let keeper: AlertKeeper;
let told: TabMessage[];
const line = { type: 'line', seq: 9, msgNo: 4, user: ANN, text: 'Soup', mentions: [], files: [] } as unknown as Line;
const give = (m: Parameters<typeof applyMessage>[1]) => store.setState((s) => applyMessage(s, m, T0));
const link = (state: Link['state']) => store.setState((s) => ({ link: { ...s.link, state } }));
const heads = (msgNo: number) => give({ type: 'heads', heads: [{ room: ROOM, seq: msgNo, msg_no: msgNo, deleted: 0 }] });
const wait = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const bodies = () => FakeNotification.all.map((n) => n.options.body);

function start(): void {
  told = [];
  store = createAppStore();
  keeper = keepAlerts(store, { tell: (m) => void told.push(m), listen: () => undefined }, async () => [line]);
}

beforeEach(async () => {
  vi.useFakeTimers();
  vi.stubGlobal('Notification', FakeNotification);
  FakeNotification.all = [];
  FakeNotification.asked = 0;
  FakeNotification.permission = 'granted';
  localStorage.setItem('rookery.alerts', JSON.stringify({ on: true, text: true }));
  start();
  give(welcome([roomState({ head: 3, msg_no: 3, read_msg_no: 2 })]));
  link('online');
  heads(3);
  await wait(6_000);
});
afterEach(() => {
  localStorage.clear();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('notifications', () => {
  test('of what was there when the page loaded are none, and nothing is asked', () => {
    expect(FakeNotification.all).toEqual([]);
    expect(FakeNotification.asked).toBe(0);
  });

  test('one for a new line, to which a click goes; gone when the room is read', async () => {
    heads(4);
    await wait(1_500);
    expect(FakeNotification.all.map((n) => [n.title, n.options.body, n.options.tag])).toEqual([['Someone in Garden', 'Soup', `room-${ROOM}`]]);
    give({ type: 'read_at', room: ROOM, msg_no: 4, turn: 0 });
    expect(FakeNotification.all[0]?.closed).toBe(true);
    FakeNotification.all[0]?.onclick?.();
    expect(store.getState().goTo).toBe(`/rooms/${ROOM}/9`);
  });

  test('none for what is looked at, here or in another tab, or read on another device in a moment', async () => {
    store.setState({ active: ROOM });
    heads(4);
    await wait(1_500);
    store.setState({ active: null });
    heads(5);
    await wait(1_050);
    expect(told.at(-1)).toEqual({ type: 'looks', room: ROOM });
    keeper.onLooking(ROOM);
    await wait(1_000);
    heads(6);
    await wait(500);
    give({ type: 'read_at', room: ROOM, msg_no: 6, turn: 0 });
    await wait(1_500);
    expect(FakeNotification.all).toEqual([]);
  });

  test('another tab is told what this one shows', () => {
    keeper.onLooks(ROOM);
    expect(told).toEqual([]);
    store.setState({ active: ROOM });
    keeper.onLooks(ROOM);
    expect(told).toEqual([{ type: 'looking', room: ROOM }]);
  });

  test('after a lost connection one summary of what came, and none when nothing did', async () => {
    for (const msgNo of [3, 9]) {
      link('waiting');
      await wait(60_000);
      give(welcome([roomState({ head: msgNo, msg_no: msgNo, read_msg_no: 2 })]));
      link('online');
      heads(msgNo);
      await wait(6_000);
    }
    expect(bodies()).toEqual(['In Garden.']);
  });

  test('are asked for by the switch only; no is kept as no, in words', async () => {
    await keeper.commands.setAlerts(false);
    heads(4);
    await wait(1_500);
    expect([FakeNotification.asked, bodies()]).toEqual([0, []]);
    FakeNotification.permission = 'denied';
    await keeper.commands.setAlerts(true);
    expect([FakeNotification.asked, store.getState().alerts.state]).toEqual([1, 'blocked']);
    start();
    expect(store.getState().alerts.state).toBe('off');
  });

  test('hold no text when that is not wanted', async () => {
    keeper.commands.setAlertText(false);
    heads(4);
    await wait(1_500);
    expect(bodies()).toEqual(['There is a new message.']);
  });
});
