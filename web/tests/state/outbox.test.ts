import { describe, expect, test } from 'vitest';
import * as outbox from '@/state/outbox';
import { initialOutbox, newEntry, type Outbox } from '@/state/outbox';
import { ME, newId, ROOM, T0 } from '../support';

const make = (text = 'hi', room = ROOM) => newEntry(newId(), ME, room, { what: 'post', text }, T0);

function with_(...texts: string[]): { o: Outbox; ids: string[] } {
  const entries = texts.map((t) => make(t));
  return { o: outbox.add(initialOutbox, entries), ids: entries.map((e) => e.clientId) };
}

describe('order', () => {
  test('first in, first out, one on the wire a room', () => {
    const { o, ids } = with_('a', 'b');
    expect(outbox.nextToSend(o, ROOM)?.clientId).toBe(ids[0]);
    const sent = outbox.markSent(o, ids[0]!);
    expect(outbox.nextToSend(sent, ROOM)).toBeNull();
    expect(outbox.nextToSend(outbox.acked(sent, ids[0]!, 5, 9), ROOM)?.clientId).toBe(ids[1]);
  });

  test('rooms do not wait for each other', () => {
    const { o, ids } = with_('a');
    const both = outbox.markSent(outbox.add(o, [make('c', 8)]), ids[0]!);
    expect(outbox.nextToSend(both, 8)).not.toBeNull();
  });

  test('what another tab adds late takes its place by age', () => {
    const [a, b] = [make('a'), make('b')];
    const o = outbox.add(outbox.add(initialOutbox, [b]), [a]);
    expect(o.entries.map((e) => e.clientId)).toEqual([a.clientId, b.clientId]);
    expect(outbox.add(o, [a])).toBe(o);
  });
});

describe('an entry leaves only by', () => {
  test('its ack: stored until its event is on screen', () => {
    const { o, ids } = with_('a');
    const stored = outbox.acked(outbox.markSent(o, ids[0]!), ids[0]!, 12, 10);
    expect(stored.entries[0]).toMatchObject({ state: 'stored', seq: 12 });
    expect(outbox.shownUpTo(stored, ROOM, 11).entries).toHaveLength(1);
    expect(outbox.shownUpTo(stored, ROOM, 12).entries).toHaveLength(0);
  });

  test('its ack alone, when its place has passed already', () => {
    const { o, ids } = with_('a');
    expect(outbox.acked(o, ids[0]!, 9, 10).entries).toHaveLength(0);
  });

  test('its own event, whatever became of the answer; not by that of another user', () => {
    const { o, ids } = with_('a');
    expect(outbox.seen(o, ME + 1, ids[0]!)).toBe(o);
    expect(outbox.seen(o, ME, ids[0]!).entries).toHaveLength(0);
  });

  test('its final refusal: it stays to be seen, and the next one goes', () => {
    const { o, ids } = with_('a', 'b');
    const refused = outbox.failed(outbox.markSent(o, ids[0]!), ids[0]!, 'Too long.');
    expect(refused.entries[0]).toMatchObject({ state: 'failed', reason: 'Too long.' });
    expect(outbox.nextToSend(refused, ROOM)?.clientId).toBe(ids[1]);
  });
});

describe('reactions and pins', () => {
  const react = (on: boolean, emoji = '🙂') => ({ what: 'react' as const, target: 3, emoji, on });

  test('taken back before it was ever sent: both are gone', () => {
    const entry = newEntry(newId(), ME, ROOM, react(true), T0);
    const o = outbox.add(initialOutbox, [entry]);
    expect(outbox.undoneBy(o, ROOM, react(false))).toBe(o.entries[0]);
    expect(outbox.undoneBy(o, ROOM, react(true))).toBeUndefined();
    expect(outbox.undoneBy(o, ROOM, react(false, '👍'))).toBeUndefined();
    expect(outbox.undoneBy(o, ROOM, { what: 'pin', target: 3, on: false })).toBeUndefined();
    expect(outbox.undoneBy(o, ROOM + 1, react(false))).toBeUndefined();
    const tried = outbox.linkLost(outbox.markSent(o, entry.clientId)); // it may be stored
    expect(outbox.undoneBy(tried, ROOM, react(false))).toBeUndefined();
  });

  test('only the last of several counts', () => {
    const entries = [react(true), react(false)].map((work) => newEntry(newId(), ME, ROOM, work, T0));
    const sent = outbox.markSent(outbox.add(initialOutbox, entries), entries[0]!.clientId);
    expect(outbox.undoneBy(sent, ROOM, react(true))?.clientId).toBe(entries[1]!.clientId);
  });
});

describe('an entry is sent again, unchanged and in its place', () => {
  test('after the link was lost', () => {
    const { o, ids } = with_('a', 'b');
    const lost = outbox.linkLost(outbox.markSent(o, ids[0]!));
    const next = outbox.nextToSend(lost, ROOM);
    expect(next).toMatchObject({ clientId: ids[0], tried: true, work: { text: 'a' } });
  });

  test('after a refusal for now', () => {
    const { o, ids } = with_('a', 'b');
    const waiting = outbox.markWaiting(outbox.markSent(o, ids[0]!), ids[0]!, 'Busy.', T0 + 500);
    expect(outbox.nextToSend(waiting, ROOM)).toMatchObject({ clientId: ids[0], notBeforeMs: T0 + 500 });
  });
});
