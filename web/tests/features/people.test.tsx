import { screen, waitFor, within } from '@testing-library/react';
import { describe, expect, test, vi } from 'vitest';
import { actsOn } from '@/features/people/rights';
import { Members } from '@/features/rooms/Members';
import type { Member } from '@/state/commands';
import { addRooms } from '@/state/rooms';
import type { State } from '@/state/store';
import { ME, ROOM, roomState } from '../support';
import { show } from './render';

vi.setConfig({ testTimeout: 30_000 }); // to find things by their role takes long where many suites share a processor

const ANN: Member = { id: 2, name: 'Ann', role: 'member', muted: false };
const MOD: Member = { id: 3, name: 'Mo', role: 'moderator', muted: false };
const BOSS: Member = { id: 4, name: 'Olga', role: 'owner', muted: false };
const SELF: Member = { id: ME, name: 'Robin', role: 'moderator', muted: false };

describe('what is offered', () => {
  test('a member gets nothing, nobody anything about themselves', () => {
    expect(actsOn('member', ANN, ME)).toEqual([]);
    expect(actsOn('owner', { ...SELF, role: 'owner' }, ME)).toEqual([]);
    expect(actsOn('moderator', SELF, ME)).toEqual([]);
  });

  test('a moderator over members only', () => {
    expect(actsOn('moderator', ANN, ME)).toEqual(['mute', 'remove', 'ban']);
    expect(actsOn('moderator', MOD, ME)).toEqual([]);
    expect(actsOn('moderator', BOSS, ME)).toEqual([]);
  });

  test('the owner gives roles too', () => {
    expect(actsOn('owner', ANN, ME)).toEqual(['moderator', 'owner', 'mute', 'remove', 'ban']);
    expect(actsOn('owner', { ...MOD, muted: true }, ME)).toEqual(['member', 'owner', 'unmute', 'remove', 'ban']);
  });
});

function inRole(role: number) {
  return (s: State): State => ({ ...s, rooms: addRooms(s.rooms, [roomState({ role })]) });
}

describe('the member list', () => {
  const members = () => Promise.resolve({ members: [ANN, MOD, SELF], more: false });
  const nobody = () => Promise.resolve({ people: [], more: false });

  test('removing somebody is asked first, done by keyboard, and said', async () => {
    const removeMember = vi.fn(() => Promise.resolve());
    const { user } = show(<Members room={ROOM} onClose={() => undefined} />, inRole(1), {
      members: vi.fn(members),
      restricted: vi.fn(nobody),
      removeMember,
    });
    const button = await screen.findByRole('button', { name: 'What you can do about Ann' });
    expect(screen.queryByRole('button', { name: `What you can do about ${SELF.name}` })).toBeNull();
    button.focus();
    await user.keyboard('{Enter}{ArrowDown}{ArrowDown}{Enter}');
    const dialog = await screen.findByRole('dialog', { name: 'Remove Ann?' });
    expect(removeMember).not.toHaveBeenCalled();
    expect(document.activeElement).toBe(within(dialog).getByRole('button', { name: 'Cancel' }));
    await user.click(within(dialog).getByRole('button', { name: 'Remove' }));
    expect(removeMember).toHaveBeenCalledWith(ROOM, ANN.id);
    expect(await screen.findByText('Remove from this room: Ann. Done.')).toBeTruthy();
    expect(screen.queryByRole('dialog')).toBeNull();
  });

  test('a refusal is a sentence', async () => {
    const banMember = vi.fn().mockRejectedValue({ code: 'forbidden', detail: 'You may not do this.', field: null, retryMs: 0 });
    const { user } = show(<Members room={ROOM} onClose={() => undefined} />, inRole(1), {
      members: vi.fn(members),
      restricted: vi.fn(nobody),
      banMember,
    });
    await user.click(await screen.findByRole('button', { name: 'What you can do about Ann' }));
    await user.click(screen.getByRole('menuitem', { name: 'Ban from this room' }));
    await user.click(screen.getByRole('button', { name: 'Ban' }));
    expect((await screen.findByRole('alert')).textContent).toContain('You may not do this.');
  });

  test('a member is asked for nobody who is banned, and can only write to the others', async () => {
    const restricted = vi.fn(nobody);
    const openDirect = vi.fn(() => Promise.resolve(12));
    const { user } = show(<Members room={ROOM} onClose={() => undefined} />, inRole(0), {
      members: vi.fn(members),
      restricted,
      openDirect,
    });
    await user.click(await screen.findByRole('button', { name: 'What you can do about Ann' }));
    expect(screen.getAllByRole('menuitem').map((item) => item.textContent)).toEqual(['Message']);
    await user.click(screen.getByRole('menuitem', { name: 'Message' }));
    expect(openDirect).toHaveBeenCalledWith([ANN.id]);
    expect(restricted).not.toHaveBeenCalled();
  });

  test('a moderator lifts a ban', async () => {
    const unbanMember = vi.fn(() => Promise.resolve());
    const restricted = vi
      .fn()
      .mockResolvedValueOnce({ people: [{ id: 9, name: 'Zoe', muted: false, banned: true }], more: false })
      .mockResolvedValue({ people: [], more: false });
    const { user } = show(<Members room={ROOM} onClose={() => undefined} />, inRole(1), {
      members: vi.fn(members),
      restricted,
      unbanMember,
    });
    await user.click(await screen.findByRole('button', { name: 'Lift the ban of Zoe' }));
    expect(unbanMember).toHaveBeenCalledWith(ROOM, 9);
    await waitFor(() => expect(screen.queryByText('Zoe')).toBeNull());
  });
});
