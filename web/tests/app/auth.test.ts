import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createAuth, type Auth } from '@/app/auth';
import { ApiError, type Http } from '@/net/http';
import { createAppStore, type Store } from '@/state/store';

let store: Store;
let auth: Auth;
let answer: () => Promise<unknown>;
let open: ReturnType<typeof vi.fn>;
let onEnd: ReturnType<typeof vi.fn<() => void>>;
const tokens: string[] = [];
let n = 0;

const done = () => ({
  user: 1,
  name: 'Robin',
  role: 0,
  access_token: `token-${++n}`,
  expires_at_ms: Date.now() + 600_000,
});
const problem = (status: number) => new ApiError({ status, code: 'x', detail: 'No.', retryMs: 0, field: null });

beforeEach(() => {
  vi.useFakeTimers();
  localStorage.setItem('rookery.signed_in', '1'); // somebody was here before
  n = 0;
  tokens.length = 0;
  store = createAppStore();
  onEnd = vi.fn<() => void>();
  answer = async () => done();
  open = vi.fn(() => answer());
  const http = { open, request: open } as unknown as Http;
  auth = createAuth(store, () => http, { tell: vi.fn(), listen: vi.fn() }, {
    onToken: (t) => void tokens.push(t),
    onEnd,
  });
});
afterEach(() => vi.useRealTimers());
const status = () => store.getState().session.status;

describe('the session', () => {
  test('survives a reload by its cookie', async () => {
    await auth.restore();
    expect(store.getState().session).toEqual({ status: 'in', me: { id: 1, name: 'Robin', admin: false, mustChange: false } });
    expect(open).toHaveBeenCalledWith('POST', '/auth/refresh');
    expect(await auth.token()).toBe('token-1');
  });

  test('no cookie: signed out, and no words about an ended session', async () => {
    answer = async () => Promise.reject(problem(401));
    await auth.restore();
    expect(store.getState().session).toEqual({ status: 'out', why: 'never' });
    expect(await auth.token()).toBeNull();
  });

  test('a first visit asks the server nothing', async () => {
    localStorage.clear();
    await auth.restore();
    expect(open).not.toHaveBeenCalled();
    expect(store.getState().session).toEqual({ status: 'out', why: 'never' });
    await auth.login('Robin', 'password');
    open.mockClear();
    await auth.restore(); // the next one does
    expect(open).toHaveBeenCalledOnce();
  });

  test('cookies cleared, or the session ended elsewhere: one refused request, and none after it', async () => {
    answer = async () => Promise.reject(problem(401));
    await auth.restore();
    await auth.restore();
    expect(open).toHaveBeenCalledOnce();
  });

  test('after a logout, here or in another tab, nothing is asked', async () => {
    await auth.restore();
    await auth.logout();
    open.mockClear();
    await auth.restore();
    expect(open).not.toHaveBeenCalled();
    await auth.login('Robin', 'password');
    auth.ended();
    open.mockClear();
    await auth.restore();
    expect(open).not.toHaveBeenCalled();
  });

  test('a server out of reach keeps the hint, and a browser without a storage asks', async () => {
    answer = async () => Promise.reject(problem(0));
    await auth.restore();
    await auth.restore();
    expect(open).toHaveBeenCalledTimes(2);
    const denied = vi.spyOn(Storage.prototype, 'getItem').mockImplementation(() => {
      throw new Error('denied');
    });
    await auth.restore();
    denied.mockRestore();
    expect(open).toHaveBeenCalledTimes(3);
  });

  test('a server that cannot be reached does not sign anybody out', async () => {
    answer = async () => Promise.reject(problem(0));
    await auth.restore();
    expect(status()).toBe('unreachable');
    answer = async () => done();
    await auth.restore();
    expect(status()).toBe('in');
    answer = async () => Promise.reject(problem(503));
    await expect(auth.renew()).rejects.toThrow();
    expect(status()).toBe('in');
  });

  test('after a given password was changed the old token is not used any more, and a fresh one is asked for', async () => {
    answer = async () => ({ ...done(), must_change: true });
    await auth.restore();
    expect(store.getState().session).toMatchObject({ me: { mustChange: true } });
    answer = async () => done();
    await auth.chosen();
    expect(store.getState().session).toMatchObject({ me: { mustChange: false } });
    expect(await auth.token()).toBe('token-2');
  });

  test('if it cannot be had at once, it is asked for again until it can', async () => {
    answer = async () => ({ ...done(), must_change: true });
    await auth.restore();
    answer = async () => Promise.reject(problem(0));
    await auth.chosen();
    expect(store.getState().session).toMatchObject({ me: { mustChange: true } });
    answer = async () => done();
    await vi.advanceTimersByTimeAsync(11_000);
    expect(store.getState().session).toMatchObject({ me: { mustChange: false } });
  });

  test('however many ask, one refresh goes out', async () => {
    await auth.restore();
    open.mockClear();
    const all = await Promise.all([auth.renew('token-1'), auth.renew('token-1'), auth.renew()]);
    expect(all).toEqual([true, true, true]);
    expect(open).toHaveBeenCalledOnce();
  });

  test('a token that was refused late, after a fresh one came, needs no refresh', async () => {
    await auth.restore();
    await auth.renew('token-1');
    open.mockClear();
    expect(await auth.renew('token-1')).toBe(true);
    expect(open).not.toHaveBeenCalled();
  });

  test('is renewed before it ends, and the new token is handed on', async () => {
    await auth.restore();
    await vi.advanceTimersByTimeAsync(530_000);
    expect(tokens).toEqual(['token-1', 'token-2']);
  });

  test('a token about to end is not given out', async () => {
    await auth.restore();
    answer = async () => Promise.reject(problem(0));
    await vi.advanceTimersByTimeAsync(590_000);
    answer = async () => done();
    expect(await auth.token()).not.toBe('token-1');
  });

  test('ended elsewhere: signed out, with words', async () => {
    await auth.restore();
    answer = async () => Promise.reject(problem(401));
    expect(await auth.renew()).toBe(false);
    expect(store.getState().session).toEqual({ status: 'out', why: 'ended' });
  });

  test('another tab has signed in as somebody else: nothing of the first stays', async () => {
    await auth.restore();
    answer = async () => ({ ...done(), user: 2, name: 'Ann' });
    await auth.renew();
    expect(onEnd).toHaveBeenCalledOnce();
    expect(store.getState().session).toMatchObject({ me: { id: 2 } });
    await auth.renew();
    expect(onEnd).toHaveBeenCalledOnce();
  });

  test('logout that fails leaves the session as it is', async () => {
    await auth.restore();
    answer = async () => Promise.reject(problem(0));
    await expect(auth.logout()).rejects.toThrow();
    expect(status()).toBe('in');
    answer = async () => ({});
    await auth.logout();
    expect(store.getState().session).toEqual({ status: 'out', why: 'left' });
    expect(auth.current()).toBeNull();
  });
});
