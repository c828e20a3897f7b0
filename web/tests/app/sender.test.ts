import { beforeEach, describe, expect, test, vi } from 'vitest';
import { createSender, type Sender } from '@/app/sender';
import { openOutboxDb, type OutboxDb } from '@/app/outbox_db';
import type { TabMessage, Tabs } from '@/app/tabs';
import { ERR, type BrowserMessage, type RoomPostMsg, type ServerMessage } from '@/proto/messages.gen';
import { newEntry, add } from '@/state/outbox';
import { applyLinkLost, applyMessage, createAppStore, type Store } from '@/state/store';
import { ME, newId, posted, ROOM, T0, welcome } from '../support';

let store: Store;
let db: OutboxDb;
let sent: RoomPostMsg[];
let told: TabMessage[];
let sender: Sender;
const tabs: Tabs = { tell: (m) => void told.push(m), listen: () => undefined };

function start(): void {
  store = createAppStore();
  sent = [];
  told = [];
  store.setState((s) => applyMessage(s, welcome(), T0));
  sender = createSender(store, db, tabs, (m: BrowserMessage) => {
    sent.push(m as RoomPostMsg);
    return true;
  });
  store.subscribe((s, before) => {
    if (s.link.state !== before.link.state || s.outbox !== before.outbox) sender.drain();
  });
}

beforeEach(async () => {
  db = openOutboxDb();
  await db.clear(ME);
  start();
});

const goOnline = () => store.setState((s) => ({ link: { ...s.link, state: 'online' } }));
const goOffline = () => store.setState((s) => applyLinkLost({ ...s, link: { ...s.link, state: 'waiting' } }));
const hear = (m: ServerMessage) => store.setState((s) => applyMessage(s, m, Date.now()));
const ack = (m: RoomPostMsg, seq: number) =>
  hear({ type: 'ack', client_id: m.client_id, room: m.room, seq, at_ms: T0, msg_no: seq, dup: false });
const texts = () => sent.map((m) => m.text);

test('reactions and pins wait their turn behind lines, also over a reload', async () => {
  store.setState((s) => ({
    outbox: add(s.outbox, [
      newEntry(newId(), ME, ROOM, { what: 'react', target: 3, emoji: '🙂', on: true }, T0),
      newEntry(newId(), ME, ROOM, { what: 'pin', target: 3, on: false }, T0),
    ]),
  }));
  await vi.waitFor(async () => expect(await db.all(ME)).toHaveLength(2));
  start(); // the page is loaded anew
  await sender.load(ME);
  goOnline();
  await vi.waitFor(() => expect(sent).toHaveLength(1));
  expect(sent[0]).toMatchObject({ type: 'room_react', room: ROOM, target: 3, emoji: '🙂', on: true });
  ack(sent[0]!, 5);
  await vi.waitFor(() => expect(sent).toHaveLength(2));
  expect(sent[1]).toMatchObject({ type: 'room_pin', target: 3, on: false });
});

function say(text: string, room = ROOM): string {
  const entry = newEntry(newId(), ME, room, { what: 'post', text }, T0);
  store.setState((s) => ({ outbox: add(s.outbox, [entry]) }));
  return entry.clientId;
}

describe('the outbox', () => {
  test('offline it is written down and nothing is sent; online it goes out in order, one at a time', async () => {
    say('a');
    say('b');
    await vi.waitFor(async () => expect(await db.all(ME)).toHaveLength(2));
    expect(sent).toHaveLength(0);
    goOnline();
    await vi.waitFor(() => expect(texts()).toEqual(['a']));
    ack(sent[0]!, 5);
    await vi.waitFor(() => expect(texts()).toEqual(['a', 'b']));
    ack(sent[1]!, 6);
    await vi.waitFor(async () => expect(await db.all(ME)).toHaveLength(0));
  });

  test('a socket that takes nothing while it closes: each room tries now and then, and they do not drive each other', async () => {
    const tries: number[] = [];
    sender = createSender(store, db, tabs, (m) => {
      tries.push((m as RoomPostMsg).room);
      return false;
    });
    say('a');
    say('b', ROOM + 1);
    goOnline();
    await vi.waitFor(() => expect(tries).toHaveLength(2));
    await new Promise((done) => setTimeout(done, 200));
    expect(tries.length).toBeLessThan(20);
    await vi.waitFor(() => expect(tries.length).toBeGreaterThanOrEqual(4));
  });

  test('is in IndexedDB before it is on the wire', async () => {
    goOnline();
    const id = say('a');
    await vi.waitFor(() => expect(sent).toHaveLength(1));
    expect(await db.has(id)).toBe(true);
  });

  test('a lost link: the same entry again, unchanged, and only then the next', async () => {
    goOnline();
    say('a');
    say('b');
    await vi.waitFor(() => expect(texts()).toEqual(['a']));
    goOffline();
    await new Promise((r) => setTimeout(r, 20));
    goOnline();
    await vi.waitFor(() => expect(texts()).toEqual(['a', 'a']), 3000);
    expect(sent[1]).toEqual(sent[0]);
  });

  test('survives the page: what was on the wire is sent again by the next visit', async () => {
    goOnline();
    const id = say('a');
    await vi.waitFor(() => expect(sent).toHaveLength(1));
    goOffline();
    start();
    await sender.load(ME);
    goOnline();
    await vi.waitFor(() => expect(sent.map((m) => m.client_id)).toEqual([id]), 3000);
  });

  test('its own event takes it out, without an ack', async () => {
    goOnline();
    const id = say('a');
    await vi.waitFor(() => expect(sent).toHaveLength(1));
    hear(posted(5, { user: ME, client_id: id }));
    await vi.waitFor(async () => expect(await db.has(id)).toBe(false));
  });

  test('a refusal for good stays to be seen, also after a reload, and does not go out again', async () => {
    goOnline();
    const id = say('a');
    await vi.waitFor(() => expect(sent).toHaveLength(1));
    hear({ type: 'nack', client_id: id, room: ROOM, code: ERR.TOO_LARGE, retry_ms: 0, final: true, reason: 'No.' });
    await vi.waitFor(async () => expect((await db.all(ME))[0]?.state).toBe('failed'));
    goOffline();
    start();
    await sender.load(ME);
    goOnline();
    await new Promise((r) => setTimeout(r, 30));
    expect(sent).toHaveLength(0);
    expect(store.getState().outbox.entries[0]).toMatchObject({ state: 'failed', reason: 'No.' });
  });

  test('a refusal for now is repeated after the time asked for', async () => {
    goOnline();
    const id = say('a');
    await vi.waitFor(() => expect(sent).toHaveLength(1));
    hear({ type: 'nack', client_id: id, room: ROOM, code: ERR.OVERLOADED, retry_ms: 450, final: false, reason: '' });
    await new Promise((r) => setTimeout(r, 200));
    expect(sent).toHaveLength(1);
    await vi.waitFor(() => expect(sent).toHaveLength(2), 2000);
    expect(sent[1]).toEqual(sent[0]);
  });

  test('the end of a session takes nothing from the device, a logout takes all of this user', async () => {
    const id = say('a');
    await vi.waitFor(async () => expect(await db.has(id)).toBe(true));
    sender.close();
    await new Promise((r) => setTimeout(r, 20));
    expect(store.getState().outbox.entries).toHaveLength(0);
    expect(await db.has(id)).toBe(true);
    await sender.erase(ME);
    expect(await db.has(id)).toBe(false);
  });

  test('of another person is not sent', async () => {
    await db.put(newEntry(newId(), ME + 1, ROOM, { what: 'post', text: 'not mine' }, T0));
    await sender.load(ME);
    goOnline();
    await new Promise((r) => setTimeout(r, 30));
    expect(sent).toHaveLength(0);
    await db.clear(ME + 1);
  });
});

describe('several tabs', () => {
  test('what another tab has got stored is not sent again', async () => {
    const id = say('a');
    await vi.waitFor(async () => expect(await db.has(id)).toBe(true));
    await db.remove(id); // the other tab had its answer, its word is not here yet
    goOnline();
    await vi.waitFor(() => expect(store.getState().outbox.entries).toHaveLength(0));
    expect(sent).toHaveLength(0);
  });

  test('what another tab writes is shown here, and leaves with its word', () => {
    const entry = newEntry(newId(), ME, ROOM, { what: 'post', text: 'there' }, T0);
    sender.onTab({ type: 'outbox_put', entry });
    expect(store.getState().outbox.entries).toHaveLength(1);
    sender.onTab({ type: 'outbox_gone', clientId: entry.clientId });
    expect(store.getState().outbox.entries).toHaveLength(0);
  });

  test('without storage it works for as long as the page', async () => {
    db = {
      all: async () => [],
      put: async () => false,
      remove: async () => undefined,
      has: async () => false,
      clear: async () => undefined,
    };
    start();
    goOnline();
    say('a');
    await vi.waitFor(() => expect(texts()).toEqual(['a']));
  });
});
