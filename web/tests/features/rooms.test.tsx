import { screen, waitFor } from '@testing-library/react';
import { describe, expect, test, vi } from 'vitest';
import { PeoplePicker } from '@/features/people/PeoplePicker';
import { AddPeopleDialog } from '@/features/rooms/AddPeopleDialog';
import { BrowsePage } from '@/features/rooms/BrowsePage';
import { CreateRoomDialog } from '@/features/rooms/CreateRoomDialog';
import { NewMessageDialog } from '@/features/rooms/NewMessageDialog';
import { RoomHeader } from '@/features/rooms/RoomHeader';
import { RoomSettingsDialog } from '@/features/rooms/RoomSettingsDialog';
import { Sidebar } from '@/features/rooms/Sidebar';
import { ApiError } from '@/net/http';
import { LIMITS } from '@/proto/messages.gen';
import type { Person } from '@/state/commands';
import { initialRooms, welcomeRooms, type Room } from '@/state/rooms';
import { ME, ROOM, roomState } from '../support';
import { show } from './render';

const ANN = { id: 11, name: 'Ann' };
const BEN = { id: 12, name: 'Ben' };
const nothing = () => undefined;

const room = (over: Parameters<typeof roomState>[0] = {}): Room => {
  const found = welcomeRooms(initialRooms, [roomState(over)]).byId.get(ROOM);
  if (!found) throw new Error('no room');
  return found;
};
const finds = (...people: Person[]) =>
  vi.fn((query: string) => Promise.resolve(people.filter((p) => p.name.toLowerCase().includes(query.toLowerCase()))));

describe('a new message', () => {
  test('goes to those who were picked, by keys alone', async () => {
    const opened = vi.fn();
    const openDirect = vi.fn(() => Promise.resolve(77));
    const { user } = show(<NewMessageDialog onClose={nothing} onOpened={opened} />, undefined, {
      openDirect,
      findPeople: finds(ANN, BEN),
    });
    const to = screen.getByRole('combobox', { name: 'To' });
    expect(document.activeElement).toBe(to);
    await user.paste('be');
    await screen.findByRole('option', { name: /Ben/ });
    await user.keyboard('{Enter}');
    expect(screen.getByRole('button', { name: 'Take Ben out' })).toBeTruthy();
    await user.paste('an');
    await screen.findByRole('option', { name: /Ann/ });
    await user.keyboard('{Enter}');
    await user.keyboard('{Enter}');
    expect(openDirect).toHaveBeenCalledWith([BEN.id, ANN.id]);
    await waitFor(() => expect(opened).toHaveBeenCalledWith(77));
  });

  test('to nobody is notes to oneself', async () => {
    const openDirect = vi.fn(() => Promise.resolve(77));
    const { user } = show(<NewMessageDialog onClose={nothing} onOpened={nothing} />, undefined, {
      openDirect,
      findPeople: finds(ANN),
    });
    await user.click(screen.getByRole('button', { name: 'Write notes to yourself' }));
    expect(openDirect).toHaveBeenCalledWith([]);
  });

  test('takes eight others, and not one more', async () => {
    const many = Array.from({ length: 9 }, (_, i) => ({ id: 20 + i, name: `P${i}` }));
    const picker = (count: number) => (
      <PeoplePicker label="To" chosen={many.slice(0, count)} max={LIMITS.DIRECT_MEMBERS_MAX - 1} onChange={nothing} />
    );
    const { unmount } = show(picker(7), undefined, { findPeople: finds(...many) });
    expect(await screen.findAllByRole('option')).toHaveLength(2);
    unmount();
    show(picker(8), undefined, { findPeople: finds(...many) });
    expect(screen.getByRole('combobox', { name: 'To' })).toHaveProperty('disabled', true);
    expect(screen.getByText('That is as many as fit: 8.')).toBeTruthy();
    expect(screen.queryAllByRole('option')).toEqual([]);
  });
});

describe('adding people', () => {
  test('says of each who could not come in why, and keeps only them', async () => {
    const closed = vi.fn();
    const addMember = vi.fn((_: number, user: number) =>
      user === BEN.id
        ? Promise.reject(new ApiError({ status: 409, code: 'member_banned', detail: 'Lift the ban first.', field: null, retryMs: 0 }))
        : Promise.resolve(),
    );
    const { user } = show(<AddPeopleDialog room={room({ visibility: 1, history: 1 })} onClose={closed} />, undefined, {
      addMember,
      findPeople: finds(ANN, BEN),
    });
    expect(screen.getByText('They are members at once, and read from then on.')).toBeTruthy();
    await user.click(await screen.findByRole('option', { name: /Ann/ }));
    await user.click(await screen.findByRole('option', { name: /Ben/ }));
    await user.click(screen.getByRole('button', { name: 'Add 2 people' }));
    expect(addMember).toHaveBeenCalledWith(ROOM, ANN.id);
    expect(await screen.findByText('Ben: Lift the ban first.')).toBeTruthy();
    expect(screen.queryByRole('button', { name: 'Take Ann out' })).toBeNull();
    expect(closed).not.toHaveBeenCalled();
  });
});

describe('room settings', () => {
  test('send what changed and nothing else', async () => {
    const { user, commands } = show(<RoomSettingsDialog room={room({ role: 2 })} onClose={nothing} />);
    await user.type(screen.getByLabelText('Name'), ' shed');
    await user.click(screen.getByLabelText(/From their joining on/));
    await user.click(screen.getByRole('button', { name: 'Save' }));
    expect(commands.renameRoom).toHaveBeenCalledWith(ROOM, 'Garden shed');
    expect(commands.setHistory).toHaveBeenCalledWith(ROOM, 'joining');
    expect(commands.setTopic).not.toHaveBeenCalled();
  });

  test('what newcomers read is the owner’s to say', () => {
    show(<RoomSettingsDialog room={room({ role: 1 })} onClose={nothing} />);
    expect(screen.queryByText('What can newcomers read?')).toBeNull();
  });

  test('a new private room shows newcomers nothing older unless its maker says so', async () => {
    const createRoom = vi.fn(() => Promise.reject(new Error('later')));
    const { user } = show(<CreateRoomDialog onClose={nothing} onCreated={nothing} />, undefined, { createRoom });
    await user.click(screen.getByLabelText(/^Private/));
    await user.type(screen.getByLabelText('Name'), 'Den{Enter}');
    expect(createRoom).toHaveBeenLastCalledWith(expect.objectContaining({ visibility: 'private', history: 'joining' }));
    await user.click(screen.getByLabelText(/^Everything/));
    await user.type(screen.getByLabelText('Name'), '{Enter}');
    expect(createRoom).toHaveBeenLastCalledWith(expect.objectContaining({ visibility: 'private', history: 'all' }));
  });
});

describe('the room menu', () => {
  const items = async (over: Parameters<typeof roomState>[0]) => {
    const { user, unmount } = show(
      <RoomHeader room={room(over)} before={null} membersShown={false} pinsShown={false} onPins={() => undefined} onMembers={nothing} onLeft={nothing} />,
    );
    await user.click(screen.getByRole('button', { name: 'Room menu' }));
    const texts = screen.queryAllByRole('menuitem').map((item) => item.textContent);
    unmount();
    return texts;
  };

  test('offers what one may do', async () => {
    expect(await items({ role: 0 })).toEqual(['Leave this room']);
    expect(await items({ role: 1 })).toEqual(['Add people', 'Room settings', 'Archive this room', 'Leave this room']);
    expect(await items({ role: 1, archived: true })).toEqual(['Open this room again', 'Leave this room']);
    expect(await items({ visibility: 2, name: '' })).toEqual([]);
  });

  test('archiving asks first', async () => {
    const archiveRoom = vi.fn(() => Promise.resolve());
    const { user } = show(
      <RoomHeader room={room({ role: 2 })} before={null} membersShown={false} pinsShown={false} onPins={() => undefined} onMembers={nothing} onLeft={nothing} />,
      undefined,
      { archiveRoom },
    );
    await user.click(screen.getByRole('button', { name: 'Room menu' }));
    await user.click(screen.getByRole('menuitem', { name: 'Archive this room' }));
    expect(archiveRoom).not.toHaveBeenCalled();
    await user.click(screen.getByRole('button', { name: 'Archive room' }));
    expect(archiveRoom).toHaveBeenCalledWith(ROOM, true);
  });
});

test('direct messages stand apart, under the names of the others', async () => {
  const { store } = show(<Sidebar onCreate={nothing} onMessage={nothing} onSwitch={nothing} onHelp={nothing} onSettings={nothing} onAdmin={nothing} />);
  store.setState((s) => ({
    users: new Map([...s.users, [ANN.id, { ...ANN, handle: 'ann', avatar: 0, admin: false, rev: 1 }], [BEN.id, { ...BEN, handle: 'ben', avatar: 0, admin: false, rev: 1 }]]),
    rooms: welcomeRooms({ ...initialRooms, known: true }, [
      roomState(),
      roomState({ room: 9, visibility: 2, name: '', msg_no: 3, people: [{ id: ME }, { id: BEN.id }, { id: ANN.id }] }),
    ]),
  }));
  const list = await screen.findByRole('list', { name: 'Direct messages' });
  expect(list.textContent).toMatch(/Ann, Ben.*3.*unread/);
  expect(list.textContent).not.toContain('Garden');
});

test('archived rooms are listed when they are asked for, and cannot be joined', async () => {
  const card = { id: 5, name: 'Attic', topic: '', visibility: 'public' as const, members: 2, joined: false, archived: true };
  const browse = vi.fn((_: string, archived: boolean) => Promise.resolve({ rooms: archived ? [card] : [], more: false }));
  const { user } = show(<BrowsePage onCreate={nothing} />, undefined, { browse });
  await screen.findByText('There are no public rooms yet.');
  await user.click(screen.getByLabelText('Show archived rooms too'));
  expect(await screen.findByText('2 members, archived')).toBeTruthy();
  expect(screen.queryByRole('button', { name: /Join Attic/ })).toBeNull();
});
