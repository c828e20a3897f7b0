import { act, screen, waitFor, within } from '@testing-library/react';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { AuthPage, codeOf } from '@/features/auth/AuthPage';
import { SetupPage } from '@/features/auth/SetupPage';
import { waitWords } from '@/features/auth/Wait';
import { PeoplePage } from '@/features/people/PeoplePage';
import { ProfileCard } from '@/features/people/ProfileCard';
import { ProfileForm } from '@/features/settings/ProfileForm';
import { ApiError } from '@/net/http';
import type { State } from '@/state/store';
import type { User } from '@/state/users';
import { show } from './render';

vi.setConfig({ testTimeout: 30_000 }); // to find things by their role takes long where many suites share a processor

const problem = (code: string, retryMs = 0, field: string | null = null) =>
  new ApiError({ status: 403, code, detail: `Said of ${code}.`, field, retryMs });
const ANNA: User = { id: 50, name: 'Anna Karenina', handle: 'anna', avatar: 0, admin: false, rev: 1 };
const server = (signup: 'open' | 'invite' | 'closed') => (s: State): State => ({ ...s, server: { name: 'The nest', signup, setUp: true } });
const administrator = (s: State): State =>
  s.session.status === 'in' ? { ...server('invite')(s), session: { status: 'in', me: { ...s.session.me, admin: true } } } : s;

describe('signing up where it takes an invitation', () => {
  test('asks for the code, and takes the whole link for it', async () => {
    const signup = vi.fn(() => Promise.reject(problem('invite_invalid', 0, 'invite')));
    const { user } = show(<AuthPage mode="signup" />, server('invite'), { signup });
    await user.type(screen.getByLabelText('Name'), 'Robin');
    await user.type(screen.getByLabelText('Password'), 'long enough{Enter}');
    expect(signup).not.toHaveBeenCalled();
    expect(document.activeElement).toBe(screen.getByLabelText('Code of your invitation'));
    await user.type(screen.getByLabelText('Code of your invitation'), 'https://chat.example/join/ABC123{Enter}');
    expect(signup).toHaveBeenCalledWith('Robin', 'long enough', 'abc123');
    expect(screen.getByText('Said of invite_invalid.')).toBeTruthy();
  });

  test('a code is what it is without blanks, or the end of its link', () => {
    expect(codeOf(' abc ')).toBe('abc');
    expect(codeOf('http://localhost:8080/join/xyz?from=mail')).toBe('xyz');
  });

  test('where nobody may sign up there is no form', () => {
    show(<AuthPage mode="signup" />, server('closed'));
    expect(screen.queryByLabelText('Name')).toBeNull();
    expect(screen.getByText(/Ask an administrator/)).toBeTruthy();
  });
});

describe('too many tries', () => {
  beforeEach(() => {
    vi.useRealTimers();
  });

  test('the time that is left is said in words', () => {
    expect(waitWords(1)).toBe('1 second');
    expect(waitWords(125_000)).toBe('2 minutes 5 seconds');
    expect(waitWords(60_000)).toBe('1 minute');
    expect(waitWords(3_600_000 + 61_000)).toBe('1 hour 1 minute');
  });

  test('it counts down, and then one may try again', async () => {
    const login = vi.fn(() => Promise.reject(problem('rate_limited', 125_000)));
    const { user } = show(<AuthPage mode="login" />, undefined, { login });
    await user.type(screen.getByLabelText('Name'), 'Robin');
    vi.useFakeTimers({ shouldAdvanceTime: true });
    const quick = user;
    await quick.type(screen.getByLabelText('Password'), 'wrong{Enter}');
    await vi.waitFor(() => expect(screen.getByRole('timer').textContent).toMatch(/^You can try again in 2 minutes \d+ seconds?\.$/));
    const button = screen.getByRole<HTMLButtonElement>('button', { name: 'Log in' });
    expect(button.disabled).toBe(true);
    act(() => {
      vi.advanceTimersByTime(65_000);
    });
    expect(screen.getByRole('timer').textContent).toMatch(/in (1 minute|59 seconds|58 seconds)/);
    act(() => {
      vi.advanceTimersByTime(62_000);
    });
    expect(screen.queryByRole('timer')).toBeNull();
    expect(button.disabled).toBe(false);
    vi.useRealTimers();
  });
});

test('an empty server is set up: each error at its field, then all of it goes out', async () => {
  const setUp = vi.fn(() => Promise.resolve());
  const { user } = show(<SetupPage />, undefined, { setUp });
  await user.click(screen.getByRole('button', { name: 'Set up' }));
  expect(setUp).not.toHaveBeenCalled();
  expect(document.activeElement).toBe(screen.getByLabelText('Name of the server'));
  await user.type(screen.getByLabelText('Name of the server'), 'The nest');
  await user.type(screen.getByLabelText('Your name'), 'ada');
  await user.type(screen.getByLabelText('Password'), 'correct horse');
  await user.click(screen.getByRole('radio', { name: /Anybody/ }));
  await user.click(screen.getByRole('button', { name: 'Set up' }));
  expect(setUp).toHaveBeenCalledWith({ name: 'ada', password: 'correct horse', serverName: 'The nest', signup: 'open' });
});

test('people are listed with both names, and what is known now is shown', async () => {
  const directory = vi.fn(() => Promise.resolve({ people: [ANNA], more: false }));
  const showCard = vi.fn();
  const { user, store } = show(<PeoplePage />, undefined, { directory, showCard });
  const row = await screen.findByRole('button', { name: /Anna Karenina/ });
  expect(within(row).getByText('anna')).toBeTruthy();
  act(() => store.setState((s) => ({ users: new Map(s.users).set(50, { ...ANNA, name: 'Anna K.', rev: 2 }) })));
  expect(within(row).getByText('Anna K.')).toBeTruthy();
  await user.click(row);
  expect(showCard).toHaveBeenCalledWith(50);
  await user.type(screen.getByLabelText('Search by name'), 'kar');
  await vi.waitFor(() => expect(directory).toHaveBeenLastCalledWith('kar', '', expect.anything()));
});

const known = (s: State): State => ({ ...s, users: new Map(s.users).set(50, ANNA) });
const card = <ProfileCard id={50} onSettings={() => undefined} onMessage={() => undefined} />;

test('only an administrator may reset a password, and the new one is shown once', async () => {
  const resetPassword = vi.fn(() => Promise.resolve({ name: 'anna', password: 'for-once' }));
  const plain = show(card, known);
  expect(screen.queryByRole('button', { name: /Reset/ })).toBeNull();
  plain.unmount();
  const { user } = show(card, (s) => known(administrator(s)), { resetPassword });
  await user.click(screen.getByRole('button', { name: 'Reset password…' }));
  expect(resetPassword).not.toHaveBeenCalled();
  await user.click(screen.getByRole('button', { name: 'Reset password' }));
  expect(resetPassword).toHaveBeenCalledWith(50);
  expect(await screen.findByText('for-once')).toBeTruthy();
});

test('a message to somebody leads to the room of the two, or says why not', async () => {
  const openDirect = vi.fn().mockRejectedValueOnce(problem('too_many_rooms')).mockResolvedValue(7);
  const onMessage = vi.fn();
  const { user, commands } = show(<ProfileCard id={50} onSettings={() => undefined} onMessage={onMessage} />, known, { openDirect });
  await user.click(screen.getByRole('button', { name: 'Message' }));
  expect(await screen.findByText('Said of too_many_rooms.')).toBeTruthy();
  expect(onMessage).not.toHaveBeenCalled();
  await user.click(screen.getByRole('button', { name: 'Message' }));
  await waitFor(() => expect(onMessage).toHaveBeenCalledWith(7));
  expect(openDirect).toHaveBeenCalledWith([50]);
  expect(commands.showCard).toHaveBeenCalledWith(null);
});

describe('one’s own profile', () => {
  test('a name goes out trimmed; what is refused stands at the field', async () => {
    const setDisplay = vi.fn().mockRejectedValueOnce(problem('name_taken')).mockResolvedValue(undefined);
    const { user } = show(<ProfileForm />, undefined, { setDisplay });
    const field = screen.getByLabelText('Display name');
    await user.type(field, '  Captain  ');
    await user.click(screen.getByRole('button', { name: 'Save name' }));
    expect(setDisplay).toHaveBeenCalledWith('Captain');
    expect(await screen.findByText(/Somebody else signs in with this name/)).toBeTruthy();
    await user.click(screen.getByRole('button', { name: 'Save name' }));
    expect(await screen.findByText(/Everybody sees it/)).toBeTruthy();
  });

  test('a chosen file becomes the picture', async () => {
    const setPicture = vi.fn(() => Promise.reject(problem('bad_picture')));
    const { user } = show(<ProfileForm />, undefined, { setPicture });
    const file = new File(['x'], 'me.png', { type: 'image/png' });
    await user.upload(screen.getByLabelText('Picture'), file);
    expect(setPicture).toHaveBeenCalledWith(file);
    expect(await screen.findByText('Said of bad_picture.')).toBeTruthy();
  });
});
