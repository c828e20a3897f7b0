import { screen, within } from '@testing-library/react';
import { describe, expect, test, vi } from 'vitest';
import { PasswordForm } from '@/features/settings/PasswordForm';
import { SignIns } from '@/features/settings/SignIns';
import { agoOf, nameOf } from '@/features/settings/words';
import type { SignIn } from '@/state/commands';
import { T0 } from '../support';
import { show } from './render';

vi.setConfig({ testTimeout: 30_000 }); // to find things by their role takes long where many suites share a processor

const HERE: SignIn = {
  id: 11,
  device: 'Web on Linux',
  userAgent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36',
  address: '192.0.2.1',
  createdAtMs: T0,
  usedAtMs: T0,
  current: true,
};
const PHONE: SignIn = { ...HERE, id: 12, device: 'Web on Android', userAgent: 'x Firefox/133.0', current: false };

test('a sign-in is named by browser and device, a script by what it calls itself', () => {
  expect(nameOf(HERE)).toBe('Chrome, Web on Linux');
  expect(nameOf({ ...HERE, userAgent: 'Mozilla Chrome/1 Safari/1 Edg/130' })).toBe('Edge, Web on Linux');
  expect(nameOf({ ...HERE, device: '', userAgent: 'curl/8.5.0' })).toBe('curl/8.5.0');
  expect(nameOf({ ...HERE, device: '', userAgent: '' })).toBe('An unnamed device');
});

test('when it was used is as exact as it can be known', () => {
  expect(agoOf(T0, T0 + 14 * 60_000)).toBe('in use now');
  expect(agoOf(T0, T0 + 16 * 60_000)).toBe('used 16 minutes ago');
  expect(agoOf(T0, T0 + 3 * 3_600_000)).toBe('used 3 hours ago');
  expect(agoOf(T0, T0 + 25 * 3_600_000)).toBe('used yesterday');
  expect(agoOf(T0 + 5, T0)).toBe('in use now');
});

describe('where you are signed in', () => {
  test('this device is marked, another one is logged out after a question', async () => {
    const signIns = vi.fn().mockResolvedValueOnce([HERE, PHONE]).mockReturnValue(new Promise(() => undefined));
    const endSignIn = vi.fn(() => Promise.resolve());
    const { user } = show(<SignIns />, undefined, { signIns, endSignIn });
    const rows = await screen.findAllByRole('listitem');
    expect(within(rows[0]!).getByText('this device')).toBeTruthy();
    expect(within(rows[0]!).queryByRole('button')).toBeNull();
    await user.click(screen.getByRole('button', { name: /^Log out Firefox, Web on Android/ }));
    const dialog = screen.getByRole('dialog', { name: 'Log out Firefox, Web on Android?' });
    expect(endSignIn).not.toHaveBeenCalled();
    await user.click(within(dialog).getByRole('button', { name: 'Log out' }));
    expect(endSignIn).toHaveBeenCalledWith(PHONE.id);
    expect(await screen.findByText('It is logged out.')).toBeTruthy();
    expect(screen.queryByText(/Firefox/)).toBeNull(); // at once, however long the list takes that is asked for again
    expect(signIns).toHaveBeenCalledTimes(2);
    expect(screen.queryByRole('button', { name: 'Log out everywhere else' })).toBeNull();
  });

  test('everywhere and everywhere else are two things', async () => {
    const endOtherSignIns = vi.fn(() => Promise.resolve());
    const endAllSignIns = vi.fn(() => Promise.resolve());
    const { user } = show(<SignIns />, undefined, {
      signIns: vi.fn(() => Promise.resolve([HERE, PHONE])),
      endOtherSignIns,
      endAllSignIns,
    });
    await user.click(await screen.findByRole('button', { name: 'Log out everywhere else' }));
    await user.click(within(screen.getByRole('dialog')).getByRole('button', { name: 'Log out' }));
    expect(endOtherSignIns).toHaveBeenCalledOnce();
    expect(endAllSignIns).not.toHaveBeenCalled();
    await user.click(screen.getByRole('button', { name: 'Log out everywhere' }));
    await user.click(within(screen.getByRole('dialog')).getByRole('button', { name: 'Log out' }));
    expect(endAllSignIns).toHaveBeenCalledOnce();
  });
});

describe('a new password', () => {
  test('needs the current one and eight characters, and says when it is done', async () => {
    const changePassword = vi
      .fn<(current: string, next: string) => Promise<void>>()
      .mockRejectedValueOnce({ code: 'wrong_password', detail: 'That is not your current password.', field: null, retryMs: 0 })
      .mockResolvedValueOnce(undefined);
    const { user } = show(<PasswordForm />, undefined, { changePassword });
    const current = screen.getByLabelText('Current password');
    const next = screen.getByLabelText('New password');
    await user.click(screen.getByRole('button', { name: 'Change password' }));
    expect(screen.getByText('Enter the password you have now.')).toBeTruthy();
    await user.type(current, 'not it');
    await user.type(next, 'short{Enter}');
    expect(screen.getByText('Use 8 to 128 characters.')).toBeTruthy();
    expect(changePassword).not.toHaveBeenCalled();
    await user.type(next, ' but longer{Enter}');
    expect(await screen.findByText('That is not your current password.')).toBeTruthy();
    expect(document.activeElement).toBe(current);
    await user.clear(current);
    await user.type(current, 'the right one{Enter}');
    expect(changePassword).toHaveBeenLastCalledWith('the right one', 'short but longer');
    expect(await screen.findByText(/Your password is changed/)).toBeTruthy();
    expect((current as HTMLInputElement).value).toBe('');
  });
});
