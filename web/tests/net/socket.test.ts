import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createSocket, type Socket, type SocketOwner, type SocketStatus } from '@/net/socket';
import type { ServerMessage } from '@/proto/messages.gen';
import { welcome } from '../support';
import { FakeSocket, garbage } from '../support_socket';

let owner: SocketOwner & { seen: ServerMessage[]; states: SocketStatus[] };
let socket: Socket;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('WebSocket', FakeSocket);
  FakeSocket.all = [];
  owner = {
    seen: [],
    states: [],
    token: vi.fn(async () => 'token-1'),
    renew: vi.fn(async () => true),
    device: () => 'test',
    subs: () => [{ room: 5, incarnation: 6, after: 7, live: true }],
    onMessage: (m) => owner.seen.push(m),
    onStatus: (s) => owner.states.push(s),
  };
  socket = createSocket('ws://x/ws', owner, () => 0.5);
});
afterEach(() => {
  socket.stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const settle = () => vi.advanceTimersByTimeAsync(0);
const state = () => owner.states.at(-1)?.state;

async function online(): Promise<void> {
  socket.start();
  await settle();
  FakeSocket.last.accept();
  FakeSocket.last.give(welcome());
}

describe('opening', () => {
  test('no socket is opened without a token', async () => {
    owner.token = async () => null;
    socket.start();
    await settle();
    expect(FakeSocket.all).toHaveLength(0);
    expect(owner.states.at(-1)).toEqual({ state: 'stopped', reason: 'auth' });
  });

  test('says hello with token and what to resume, and is online with the welcome', async () => {
    await online();
    expect(FakeSocket.last.protocol).toBe('rookery.v1.msgpack');
    expect(FakeSocket.last.sent[0]).toEqual({
      type: 'hello',
      version: 1,
      token: 'token-1',
      device: 'test',
      subs: [{ room: 5, incarnation: 6, after: 7, live: true }],
    });
    expect(state()).toBe('online');
  });

  test('nothing but hello is sent before the welcome', async () => {
    socket.start();
    await settle();
    FakeSocket.last.accept();
    expect(socket.send({ type: 'unsub', room: 5 })).toBe(false);
    FakeSocket.last.give(welcome());
    expect(socket.send({ type: 'unsub', room: 5 })).toBe(true);
  });

  test('another protocol version stops', async () => {
    socket.start();
    await settle();
    FakeSocket.last.readyState = 1;
    FakeSocket.last.give({ type: 'hi', version: 2, build: '', now_ms: 0, hello_ms: 1, heartbeat_ms: 1, text_bytes_max: 1, frame_bytes_max: 1, file_bytes_max: 1 });
    expect(owner.states.at(-1)).toEqual({ state: 'stopped', reason: 'version' });
  });

  test('no welcome within 10 s: it is tried again', async () => {
    socket.start();
    await settle();
    await vi.advanceTimersByTimeAsync(10_500);
    expect(FakeSocket.all.length).toBeGreaterThan(1);
  });
});

describe('coming back', () => {
  test('a lost link waits with jitter and resumes', async () => {
    await online();
    FakeSocket.last.drop(1006);
    expect(state()).toBe('waiting');
    await vi.advanceTimersByTimeAsync(124);
    expect(FakeSocket.all).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(FakeSocket.all).toHaveLength(2);
  });

  test('waits longer each time', async () => {
    socket.start();
    for (const [n, ms] of [125, 250, 500, 1000].entries()) {
      await settle();
      expect(FakeSocket.all).toHaveLength(n + 1);
      FakeSocket.last.drop(1006);
      await vi.advanceTimersByTimeAsync(ms - 1);
      expect(FakeSocket.all).toHaveLength(n + 1);
      await vi.advanceTimersByTimeAsync(1);
    }
  });

  test('at once when the network or the screen is back', async () => {
    await online();
    FakeSocket.last.drop(1006);
    socket.wake();
    await settle();
    expect(FakeSocket.all).toHaveLength(2);
  });

  test('but not before the time that a draining server asked for', async () => {
    await online();
    FakeSocket.last.give({ type: 'drain', retry_ms: 5000, why: '' });
    FakeSocket.last.drop(1012);
    socket.wake();
    await vi.advanceTimersByTimeAsync(4999);
    expect(FakeSocket.all).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(FakeSocket.all).toHaveLength(2);
  });

  test('an expired token is renewed first', async () => {
    await online();
    FakeSocket.last.drop(4006);
    await settle();
    expect(owner.renew).toHaveBeenCalledOnce();
    expect(FakeSocket.all).toHaveLength(2);
  });

  test('a session that has ended stops; a server that cannot be reached does not end it', async () => {
    await online();
    owner.renew = async () => Promise.reject(new Error('offline'));
    FakeSocket.last.drop(4401);
    await settle();
    expect(state()).toBe('waiting');
    await vi.advanceTimersByTimeAsync(1000);
    owner.renew = async () => false;
    FakeSocket.last.drop(4401);
    await settle();
    expect(owner.states.at(-1)).toEqual({ state: 'stopped', reason: 'auth' });
  });

  test('a fresh token that is refused as well stops, instead of going round for ever', async () => {
    await online();
    FakeSocket.last.drop(4401);
    await settle();
    FakeSocket.last.drop(4401);
    await settle();
    expect(owner.states.at(-1)).toEqual({ state: 'stopped', reason: 'auth' });
  });

  test('44xx stops', async () => {
    await online();
    FakeSocket.last.drop(4429);
    await vi.advanceTimersByTimeAsync(120_000);
    expect(FakeSocket.all).toHaveLength(1);
    expect(owner.states.at(-1)).toEqual({ state: 'stopped', reason: 'connections' });
  });

  test('bytes that are no message: resume, for there may be a hole', async () => {
    await online();
    FakeSocket.last.raw(garbage);
    await vi.advanceTimersByTimeAsync(1000);
    expect(FakeSocket.all).toHaveLength(2);
  });
});

describe('pulse', () => {
  test('a heartbeat is answered in kind, but two polite ends do not go on for ever', async () => {
    await online();
    for (let i = 0; i < 5; i++) FakeSocket.last.give({ type: 'heartbeat', now_ms: i });
    expect(FakeSocket.last.of('heartbeat')).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(25_000);
    FakeSocket.last.give({ type: 'heartbeat', now_ms: 9 });
    expect(FakeSocket.last.of('heartbeat')).toHaveLength(2);
  });

  test('two heartbeats of silence mean a dead link; any frame resets the watch', async () => {
    await online();
    await vi.advanceTimersByTimeAsync(40_000);
    FakeSocket.last.give({ type: 'heads', heads: [] });
    await vi.advanceTimersByTimeAsync(40_000);
    expect(FakeSocket.all).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(11_000);
    expect(FakeSocket.all).toHaveLength(2);
  });

  test('a question that must be answered and is not: dead', async () => {
    await online();
    await vi.advanceTimersByTimeAsync(2_000);
    socket.expectAnswer();
    await vi.advanceTimersByTimeAsync(5_001);
    expect(FakeSocket.all).toHaveLength(2);
  });
});
