import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { keepNames } from '@/app/names';
import type { Http } from '@/net/http';
import { linkChanged } from '@/state/link';
import { namesOf } from '@/state/mentions';
import { applyMessage, createAppStore } from '@/state/store';
import { T0, welcome } from '../support';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const info = (user: number, name: string, rev: number) => ({ user, name, role: 0, rev, handle: `h${user}`, avatar: 0 });

function start(answers: ReturnType<typeof info>[]) {
  const store = createAppStore();
  store.setState((s) => applyMessage(s, welcome(), T0));
  const request = vi.fn((_: string, __: string, o: { query: { ids: string } }) =>
    Promise.resolve({ type: 'users', more: false, users: answers.filter((u) => o.query.ids.split(',').includes(String(u.user))) }),
  );
  const names = keepNames(store, { request } as unknown as Http);
  const link = (state: 'online' | 'waiting') => store.setState((s) => ({ link: linkChanged(s.link, state, Date.now(), {}) }));
  return { store, request, names, link };
}

test('who is on the screen is asked for once, and again after the link was down', async () => {
  const answers = [info(7, 'Old', 1)];
  const { store, request, names, link } = start(answers);
  link('online');
  names.want([7]);
  await vi.advanceTimersByTimeAsync(200);
  expect(store.getState().users.get(7)?.name).toBe('Old');
  const asked = request.mock.calls.length;
  names.want([7]);
  await vi.advanceTimersByTimeAsync(200);
  expect(request.mock.calls.length).toBe(asked);
  answers[0] = info(7, 'New', 2);
  link('waiting');
  link('online');
  await vi.advanceTimersByTimeAsync(200);
  expect(store.getState().users.get(7)?.name).toBe('New');
});

test('news with a lower rev change nothing', () => {
  const { store } = start([]);
  store.setState((s) => applyMessage(s, { type: 'user_changed', users: [info(9, 'Second', 2)] }, T0));
  store.setState((s) => applyMessage(s, { type: 'user_changed', users: [info(9, 'First', 1)] }, T0));
  expect(store.getState().users.get(9)?.name).toBe('Second');
});

test('people are called by either name, and who signs in with it before who is only shown so', () => {
  const user = (id: number, name: string, handle: string) => [id, { id, name, handle, avatar: 0, admin: false, rev: 1 }] as const;
  const names = namesOf(new Map([user(1, 'Ada Lovelace', 'ada'), user(2, 'Ada', 'zoe')]));
  expect(names.get('ada lovelace')).toBe(1);
  expect(names.get('ada')).toBe(1);
  expect(names.get('zoe')).toBe(2);
});
