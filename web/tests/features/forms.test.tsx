import { screen } from '@testing-library/react';
import { describe, expect, test, vi } from 'vitest';
import { AuthPage } from '@/features/auth/AuthPage';
import { CreateRoomDialog } from '@/features/rooms/CreateRoomDialog';
import { ConnectionBar } from '@/features/presence/ConnectionBar';
import { Sidebar } from '@/features/rooms/Sidebar';
import { linkChanged } from '@/state/link';
import { ApiError } from '@/net/http';
import { welcomeRooms } from '@/state/rooms';
import { ROOM, roomState } from '../support';
import { show } from './render';

const problem = (code: string, detail: string, field: string | null = null) =>
  new ApiError({ status: 409, code, detail, field, retryMs: 0 });
const describedBy = (el: HTMLElement) =>
  (el.getAttribute('aria-describedby') ?? '').split(' ').map((id) => document.getElementById(id)?.textContent);

describe('sign-up', () => {
  test('tells the rules before, and ties errors to their fields', async () => {
    const { user, commands } = show(<AuthPage mode="signup" />);
    const password = screen.getByLabelText('Password');
    expect(describedBy(password)[0]).toMatch(/8 to 128 characters/);
    await user.type(password, 'short');
    await user.click(screen.getByRole('button', { name: 'Make an account' }));
    expect(commands.signup).not.toHaveBeenCalled();
    expect(describedBy(screen.getByLabelText('Name'))[0]).toBe('Choose a name.');
    expect(describedBy(password)[0]).toMatch(/At least 8 characters; these are 5/);
    expect(document.activeElement).toBe(screen.getByLabelText('Name'));
  });

  test('what the server says of a field goes to that field', async () => {
    const signup = vi.fn(() => Promise.reject(problem('name_taken', 'This name is taken; choose another.', 'name')));
    const { user } = show(<AuthPage mode="signup" />, undefined, { signup });
    await user.type(screen.getByLabelText('Name'), 'Robin');
    await user.type(screen.getByLabelText('Password'), 'long enough{Enter}');
    expect(signup).toHaveBeenCalledWith('Robin', 'long enough', '');
    expect(describedBy(screen.getByLabelText('Name'))[0]).toBe('This name is taken; choose another.');
  });

  test('the password can be looked at', async () => {
    const { user } = show(<AuthPage mode="login" />);
    const password = screen.getByLabelText<HTMLInputElement>('Password');
    expect(password.type).toBe('password');
    await user.click(screen.getByRole('button', { name: 'Show password' }));
    expect(password.type).toBe('text');
  });

  test('a login that fails says why, as a sentence', async () => {
    const login = vi.fn(() => Promise.reject(problem('bad_credentials', 'Name or password is wrong.')));
    const { user } = show(<AuthPage mode="login" />, undefined, { login });
    await user.type(screen.getByLabelText('Name'), 'Robin');
    await user.type(screen.getByLabelText('Password'), 'wrong{Enter}');
    expect(screen.getByRole('alert').textContent).toBe('Name or password is wrong.');
  });
});

describe('creating a room', () => {
  test('checks, then asks with one client id however often it is pressed', async () => {
    const createRoom = vi
      .fn<() => Promise<number>>()
      .mockRejectedValueOnce(problem('unavailable', 'Storage cannot be reached; nothing is lost, send again later.'))
      .mockResolvedValueOnce(ROOM);
    const created = vi.fn();
    const { user } = show(<CreateRoomDialog onClose={() => undefined} onCreated={created} />, undefined, { createRoom });
    const name = screen.getByLabelText('Name');
    expect(document.activeElement).toBe(name);
    await user.type(name, '{Enter}');
    expect(describedBy(name)[0]).toBe('Give the room a name.');
    await user.type(name, '  Tea  {Enter}');
    expect(screen.getByText(/Storage cannot be reached/)).toBeTruthy();
    await user.type(name, '{Enter}');
    expect(created).toHaveBeenCalledWith(ROOM);
    const [first, second] = createRoom.mock.calls as unknown as [{ clientId: string; name: string }][];
    expect(first?.[0]).toMatchObject({ name: 'Tea', topic: '', visibility: 'public' });
    expect(second?.[0].clientId).toBe(first?.[0].clientId);
  });

  test('65 characters are one too many', async () => {
    const { user, commands } = show(<CreateRoomDialog onClose={() => undefined} onCreated={() => undefined} />);
    const name = screen.getByLabelText('Name');
    await user.click(name);
    await user.paste('é'.repeat(65));
    await user.keyboard('{Enter}');
    expect(describedBy(name)[0]).toBe('At most 64 characters; these are 65.');
    expect(commands.createRoom).not.toHaveBeenCalled();
  });
});

describe('the connection bar', () => {
  test('is silent for two seconds, then honest', () => {
    vi.useFakeTimers();
    const down = linkChanged({ state: 'online', downSinceMs: null, retryAtMs: null, reason: null }, 'waiting', Date.now());
    show(<ConnectionBar />, (s) => ({ ...s, link: down }));
    expect(screen.getByRole('status').textContent).toBe('');
    vi.useRealTimers();
  });

  test('after two seconds', async () => {
    const down = linkChanged({ state: 'online', downSinceMs: null, retryAtMs: null, reason: null }, 'waiting', Date.now() - 2_000);
    const { user, commands } = show(<ConnectionBar />, (s) => ({ ...s, link: down }));
    expect(await screen.findByText(/kept on this device and go out/)).toBeTruthy();
    await user.click(screen.getByRole('button', { name: 'Try now' }));
    expect(commands.reconnect).toHaveBeenCalled();
  });
});

describe('the room list', () => {
  test('says how much is unread, in words too', () => {
    const rooms = welcomeRooms({ known: true, byId: new Map(), order: [] }, [
      roomState({ msg_no: 140, read_msg_no: 2 }),
      roomState({ room: 8, name: 'Lunch', visibility: 1 }),
    ]);
    show(<Sidebar onCreate={() => undefined} onMessage={() => undefined} onHelp={() => undefined} onSettings={() => undefined} onAdmin={() => undefined} onSwitch={() => undefined} />, (s) => ({ ...s, rooms }));
    expect(screen.getByRole('link', { name: /Public room\s*Garden.*99\+\s*unread/ })).toBeTruthy();
    expect(screen.getByRole('link', { name: /Private room\s*Lunch$/ })).toBeTruthy();
  });
});
