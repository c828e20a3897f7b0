import { describe, expect, test } from 'vitest';
import { afterClose, backoff, type Closed } from '@/net/reconnect';

const closed = (code: number, over: Partial<Closed> = {}) =>
  afterClose({ code, attempt: 3, hintMs: null, openMs: 60_000, helloTimeouts: 0, random: () => 0.999, ...over });

describe('full jitter', () => {
  test('is anything up to 0.25 s · 2ⁿ, at most 30 s', () => {
    expect([0, 1, 2, 3].map((n) => backoff(n, () => 1))).toEqual([250, 500, 1000, 2000]);
    expect(backoff(30, () => 1)).toBe(30_000);
    expect(backoff(5, () => 0)).toBe(0);
  });
});

describe('close codes', () => {
  test('40xx come back', () => {
    expect(closed(4001, { hintMs: 700 })).toEqual({ then: 'retry', afterMs: 700, hinted: true });
    expect(closed(1012, { hintMs: 700 })).toEqual({ then: 'retry', afterMs: 700, hinted: true });
    expect(closed(4002)).toMatchObject({ then: 'retry', afterMs: 1000 });
    expect(closed(4003)).toMatchObject({ then: 'retry', afterMs: 0 });
    expect(closed(4005)).toMatchObject({ then: 'retry', afterMs: 0 });
    expect(closed(4004, { hintMs: 9000 })).toMatchObject({ then: 'retry', afterMs: 9000 });
    expect(closed(4006)).toEqual({ then: 'refresh' });
  });

  test('a link that fails at once does not come back at once', () => {
    expect(closed(4005, { openMs: 10 })).toMatchObject({ then: 'retry', afterMs: 1998 });
  });

  test('44xx stop, each with its reason', () => {
    expect(closed(4400)).toEqual({ then: 'stop', reason: 'protocol' });
    expect(closed(4401)).toEqual({ then: 'refresh' }); // the last chance of a session
    expect(closed(4403)).toEqual({ then: 'stop', reason: 'banned' });
    expect(closed(4409)).toEqual({ then: 'stop', reason: 'version' });
    expect(closed(4413)).toEqual({ then: 'stop', reason: 'protocol' });
    expect(closed(4429)).toEqual({ then: 'stop', reason: 'connections' });
    expect(closed(4408)).toMatchObject({ then: 'retry' });
    expect(closed(4408, { helloTimeouts: 2 })).toEqual({ then: 'stop', reason: 'protocol' });
  });

  test('all others back off', () => {
    expect(closed(1006)).toMatchObject({ then: 'retry', afterMs: 1998 });
  });
});
