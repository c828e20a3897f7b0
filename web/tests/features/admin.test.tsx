import { screen, waitFor, within } from '@testing-library/react';
import { describe, expect, test, vi } from 'vitest';
import { AdminPage } from '@/features/admin/AdminPage';
import { advance, advanceAll, meanMs, ownersOf, pictureOf, SILENT_MS, totalRate } from '@/features/admin/picture';
import { Rooms } from '@/features/admin/Rooms';
import { Users } from '@/features/admin/Users';
import { agoOf, nodeOf, rateOf, spanOf } from '@/features/admin/words';
import type { ActorNode, AdminRoom, AdminUser, Topology } from '@/state/admin';
import type { State } from '@/state/store';
import { ME, T0 } from '../support';
import { show } from './render';

vi.setConfig({ testTimeout: 30_000 });

const asAdmin = (s: State): State => ({ ...s, session: { status: 'in', me: { id: ME, name: 'Robin', admin: true, mustChange: false } } });
const ANN: AdminUser = { id: 2, name: 'Ann', admin: false, disabled: false, createdAtMs: T0, usedAtMs: T0, signIns: 2 };

function node(name: string, peer: string, sent: number, over: Partial<ActorNode> = {}): ActorNode {
  const link = { peer, up: true, sent, received: 0, waiting: 1, waiting_bytes: 10, heard_ms: 5 };
  return { node: name, host: 'a', pid: 1, build: '1', up_ms: 1, age_ms: 0, queue: 0, sockets: 0, links: [link], ...over };
}

function look(atMs: number, sent: number, events: number, over: Partial<ActorNode> = {}): Topology {
  return {
    at_ms: atMs,
    nodes: [node('edge/0', 'room/0', sent, over), node('room/0', 'edge/0', 5)],
    processes: [{ host: 'a', pid: 1, age_ms: 0, metrics: { events, ack: { count: events, sum_us: events * 2000 } } }],
    owners: ['room/0', 'room/0', ''],
    epochs: [1, 1, 0],
  };
}

describe('rates', () => {
  test('are differences over the time between two reports, not over the time between two looks', () => {
    const first = advanceAll(new Map(), look(1000, 100, 10));
    expect(totalRate(look(1000, 100, 10), first, 'events')).toBeUndefined();
    const same = advanceAll(first, look(1200, 100, 10, { age_ms: 200 }));
    expect(same.get('edge/0')).toBe(first.get('edge/0'));
    const next = advanceAll(first, look(3000, 160, 30));
    expect(totalRate(look(3000, 160, 30), next, 'events')).toBe(10);
    expect(meanMs(look(3000, 160, 30), next, 'ack')).toBe(2);
    expect(pictureOf(look(3000, 160, 30), next).links[0]?.perS).toBe(30);
  });

  test('a counter that began anew has none', () => {
    const before = advance(undefined, 0, new Map([['n', 50]]));
    expect(advance(before, 1000, new Map([['n', 3]])).perS.has('n')).toBe(false);
  });

  test('are told in few digits', () => {
    expect([rateOf(undefined), rateOf(0), rateOf(0.42), rateOf(12.6)]).toEqual(['…', '0', '0.4', '13']);
    expect([spanOf(4000), spanOf(300_000), spanOf(90_000_000)]).toEqual(['4 s', '5 min', '1 d 1 h']);
    expect(agoOf(T0, T0 + 2 * 3_600_000)).toBe('2 hours ago');
    expect([nodeOf(131_073), nodeOf(7), nodeOf(8_618_997_067_093_851)]).toEqual(['room/1', null, null]);
  });
});

describe('the picture', () => {
  test('a link told by both ends is one line, with what waits at both', () => {
    const p = pictureOf(look(0, 1, 1), new Map());
    expect(p.links).toHaveLength(1);
    expect(p.links[0]).toMatchObject({ waiting: 2, waitingBytes: 20, up: true, long: false });
    expect(p.nodes.map((n) => n.shards)).toEqual([0, 2]);
  });

  test('who is silent is drawn as gone, from the bound on', () => {
    expect(pictureOf(look(0, 1, 1, { age_ms: SILENT_MS }), new Map()).nodes[0]?.silent).toBe(false);
    expect(pictureOf(look(0, 1, 1, { age_ms: SILENT_MS + 1 }), new Map()).nodes[0]?.silent).toBe(true);
  });

  test('no box lies on another, and all lie on the sheet', () => {
    const nodes = ['edge/0', 'edge/1', 'room/0', 'room/1', 'accounts/0', 'accounts/1', 'persist/0'].map((n) => node(n, 'persist/0', 1));
    const p = pictureOf({ ...look(0, 1, 1), nodes }, new Map());
    for (const a of p.nodes) {
      expect(a.x >= 0 && a.x + 176 <= p.width && a.y + 74 <= p.height).toBe(true);
      for (const b of p.nodes) expect(a === b || a.y !== b.y || Math.abs(a.x - b.x) >= 176).toBe(true);
    }
  });

  test('owners of shards are counted, nobody last', () => {
    expect(ownersOf(['', 'room/10', 'room/2', 'room/2'])).toEqual([
      { owner: 'room/2', count: 2 },
      { owner: 'room/10', count: 1 },
      { owner: '', count: 1 },
    ]);
  });
});

test('only an empty room that is open can be taken over, and that asks first', async () => {
  const room: AdminRoom = { id: 9, name: 'Attic', visibility: 'public', members: 0, messages: 4, createdAtMs: T0, lastAtMs: T0, owner: null, archived: false };
  const owned: AdminRoom = { ...room, id: 10, name: 'Cellar', members: 3, owner: { id: ANN.id, name: 'Ann' } };
  const joinRoom = vi.fn(() => Promise.resolve());
  const adminRooms = vi.fn(() => Promise.resolve({ rooms: [room, owned, { ...room, id: 11, name: 'Vault', visibility: 'private' as const }, { ...room, id: 13, name: '', visibility: 'direct' as const }, { ...room, id: 12, name: 'Loft', archived: true }], more: false }));
  const { user } = show(<Rooms />, asAdmin, { adminRooms, joinRoom });
  const buttons = await screen.findAllByRole('button', { name: /^Become the owner/ });
  expect(buttons.map((b) => b.getAttribute('aria-label'))).toEqual(['Become the owner of Attic', 'Become the owner of Vault']);
  await user.click(buttons[0]!);
  expect(joinRoom).not.toHaveBeenCalled();
  await user.click(within(screen.getByRole('dialog')).getByRole('button', { name: 'Become the owner' }));
  expect(joinRoom).toHaveBeenCalledWith(room.id);
});

test('every room but a direct one is archived and opened again from here, and both ask first', async () => {
  const room: AdminRoom = { id: 9, name: 'Vault', visibility: 'private', members: 2, messages: 4, createdAtMs: T0, lastAtMs: T0, owner: null, archived: false };
  const rooms = [room, { ...room, id: 10, name: 'Loft', archived: true }, { ...room, id: 11, name: '', visibility: 'direct' as const }];
  const archiveRoom = vi.fn(() => Promise.resolve());
  const adminRooms = vi.fn(() => Promise.resolve({ rooms, more: false }));
  const { user } = show(<Rooms />, asAdmin, { adminRooms, archiveRoom });
  const buttons = await screen.findAllByRole('button', { name: /^(Archive|Open again):/ });
  expect(buttons.map((b) => b.getAttribute('aria-label'))).toEqual(['Archive: Vault', 'Open again: Loft']);
  await user.click(buttons[0]!);
  expect(archiveRoom).not.toHaveBeenCalled();
  await user.click(within(screen.getByRole('dialog')).getByRole('button', { name: 'Archive' }));
  expect(archiveRoom).toHaveBeenLastCalledWith(9, true);
  await waitFor(() => expect(adminRooms).toHaveBeenCalledTimes(2));
  await user.click(await screen.findByRole('button', { name: 'Open again: Loft' }));
  await user.click(within(screen.getByRole('dialog')).getByRole('button', { name: 'Open again' }));
  expect(archiveRoom).toHaveBeenLastCalledWith(10, false);
});

describe('users', () => {
  test('disabling asks first, says what was refused, and then what was done', async () => {
    const adminSetUser = vi
      .fn()
      .mockRejectedValueOnce({ code: 'last_admin', detail: 'The server needs an administrator.', field: null, retryMs: 0 })
      .mockResolvedValue(undefined);
    const over = {
      adminUsers: vi.fn(() => Promise.resolve({ users: [ANN], more: false })),
      adminSignIns: vi.fn(() => Promise.resolve([])),
      adminSetUser,
    };
    const { user } = show(<Users />, asAdmin, over);
    await user.click(await screen.findByRole('button', { name: 'Manage Ann' }));
    await user.click(screen.getByRole('button', { name: 'Disable' }));
    expect(adminSetUser).not.toHaveBeenCalled();
    const question = screen.getByRole('dialog', { name: 'Disable Ann?' });
    await user.click(within(question).getByRole('button', { name: 'Disable' }));
    expect(await screen.findByText('The server needs an administrator.')).toBeTruthy();
    await user.click(within(question).getByRole('button', { name: 'Disable' }));
    expect(adminSetUser).toHaveBeenLastCalledWith(ANN.id, { disabled: true });
    expect(await screen.findByText('Ann is signed out and cannot sign in.')).toBeTruthy();
    expect(screen.getByRole('button', { name: 'Enable' })).toBeTruthy();
  });

  test('the page is closed to others, and asks nothing', () => {
    const { commands } = show(<AdminPage tab="users" />);
    expect(screen.getByRole('alert').textContent).toContain('for administrators');
    expect(commands.adminUsers).not.toHaveBeenCalled();
  });
});
