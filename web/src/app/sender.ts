/* Gets the outbox stored. Per room one entry is on the wire at a time, so that a device's order survives whatever goes
 * wrong; over the tabs of a browser a lock says which one sends. What the state holds is mirrored to IndexedDB, and an
 * entry is there before it is sent. */
import type { BrowserMessage } from '@/proto/messages.gen';
import * as outbox from '@/state/outbox';
import type { Entry } from '@/state/outbox';
import type { Store } from '@/state/store';
import type { OutboxDb } from './outbox_db';
import type { Tabs } from './tabs';

const ANSWER_MS = 10_000;
const RETRY_MIN_MS = 400;
/** Longer than this no other tab is waited for: a doubled send is harmless, a stuck one is not. */
const LOCK_MS = 15_000;

export interface Sender {
  /** Looks what can go out now. */
  drain(): void;
  /** Entries that an earlier visit, or another tab, left for this user. */
  load(user: number): Promise<void>;
  /** The session is over: nothing stays in memory, all stays on the device for this user's next session. */
  close(): void;
  /** This user's own wish: nothing stays on the device either. */
  erase(user: number): Promise<void>;
  onTab(message: { type: 'outbox_put'; entry: Entry } | { type: 'outbox_gone'; clientId: string }): void;
}

export function messageOf(e: Entry): BrowserMessage {
  const head = { room: e.room, client_id: e.clientId };
  switch (e.work.what) {
    case 'post': {
      const { text, replyTo = 0, mentions = [], files = [] } = e.work;
      const called = mentions.map((id) => ({ id }));
      if (files.length > 0)
        return { type: 'room_share', ...head, reply_to: replyTo, text, mentions: called, files: files.map((f) => ({ id: f.file })) };
      if (replyTo === 0 && mentions.length === 0) return { type: 'room_post', ...head, text };
      return { type: 'room_say', ...head, reply_to: replyTo, text, mentions: called };
    }
    case 'edit': {
      const { target, text, mentions = [] } = e.work;
      if (mentions.length === 0) return { type: 'room_edit', ...head, target, text };
      return { type: 'room_revise', ...head, target, text, mentions: mentions.map((id) => ({ id })) };
    }
    case 'delete':
      return { type: 'room_delete', ...head, target: e.work.target };
    case 'react':
      return { type: 'room_react', ...head, target: e.work.target, emoji: e.work.emoji, on: e.work.on };
    case 'pin':
      return { type: 'room_pin', ...head, target: e.work.target, on: e.work.on };
  }
}

export function createSender(store: Store, db: OutboxDb, tabs: Tabs, send: (m: BrowserMessage) => boolean): Sender {
  const draining = new Set<number>();
  /** What IndexedDB holds, or is about to: the entry as last written, and whether that went well. */
  const written = new Map<string, { entry: Entry; done: Promise<boolean> }>();

  const update = (how: (o: outbox.Outbox) => outbox.Outbox) =>
    store.setState((s) => {
      const next = how(s.outbox);
      return next === s.outbox ? s : { outbox: next };
    });
  const entryOf = (clientId: string) => store.getState().outbox.entries.find((e) => e.clientId === clientId);
  const isOnline = () => store.getState().link.state === 'online';

  store.subscribe((s, before) => {
    if (s.outbox !== before.outbox) mirror(s.outbox);
  });

  function mirror(o: outbox.Outbox): void {
    const kept = new Set<string>();
    for (const e of o.entries) {
      if (e.state === 'stored') continue; // the server has it
      kept.add(e.clientId);
      const old = written.get(e.clientId)?.entry;
      if (old?.tried === e.tried && (old.state === 'failed') === (e.state === 'failed')) continue;
      const done = db.put(e);
      written.set(e.clientId, { entry: e, done });
      void done.then(() => tabs.tell({ type: 'outbox_put', entry: e }));
    }
    for (const clientId of written.keys()) {
      if (kept.has(clientId)) continue;
      written.delete(clientId);
      void db.remove(clientId).then(() => tabs.tell({ type: 'outbox_gone', clientId }));
    }
  }

  /** Resolves when the state satisfies `until`, or after `ms`. */
  function when(until: () => boolean, ms: number): Promise<void> {
    if (until()) return Promise.resolve();
    return new Promise((resolve) => {
      const finish = () => {
        clearTimeout(timer);
        stop();
        resolve();
      };
      const timer = setTimeout(finish, ms);
      const stop = store.subscribe(() => {
        if (until()) finish();
      });
    });
  }

  async function locked(room: number, work: () => Promise<void>): Promise<void> {
    const locks = (navigator as Partial<Navigator>).locks;
    if (!locks) return work();
    const session = store.getState().session;
    const name = `rookery.outbox.${session.status === 'in' ? session.me.id : 0}.${room}`;
    let begun = false;
    try {
      await locks.request(name, { signal: AbortSignal.timeout(LOCK_MS) }, async () => {
        begun = true;
        await work();
      });
    } catch (e) {
      if (begun) throw e;
      await work();
    }
  }

  async function drainRoom(room: number): Promise<void> {
    while (isOnline()) {
      const e = outbox.nextToSend(store.getState().outbox, room);
      if (!e) return;
      const wait = e.notBeforeMs - Date.now();
      if (wait > 0) {
        await when(() => !isOnline() || entryOf(e.clientId)?.state !== 'queued', wait);
        continue;
      }
      const was = await written.get(e.clientId)?.done;
      if (was && (await db.has(e.clientId)) === false) {
        update((o) => outbox.remove(o, e.clientId)); // another tab has had its answer
        continue;
      }
      if (!isOnline() || entryOf(e.clientId)?.state !== 'queued') continue;
      update((o) => outbox.markSent(o, e.clientId));
      if (!send(messageOf(e))) {
        update((o) => outbox.markWaiting(o, e.clientId));
        return;
      }
      await when(() => !isOnline() || entryOf(e.clientId)?.state !== 'sent', ANSWER_MS);
      if (!isOnline()) return; // the end of the link has put it back in the queue
      const now = entryOf(e.clientId);
      if (now?.state === 'sent') update((o) => outbox.markWaiting(o, e.clientId)); // no answer: again, unchanged
      else if (now?.state === 'queued' && now.notBeforeMs < Date.now() + RETRY_MIN_MS)
        update((o) => outbox.markWaiting(o, e.clientId, now.reason, Date.now() + RETRY_MIN_MS));
    }
  }

  return {
    drain() {
      if (!isOnline()) return;
      for (const room of outbox.roomsWaiting(store.getState().outbox)) {
        if (draining.has(room)) continue;
        draining.add(room);
        void locked(room, () => drainRoom(room)).finally(() => {
          const again = () => {
            draining.delete(room);
            this.drain();
          };
          // Until then no change of another room's entries begins it either: two rooms would drive each other without end.
          if (isOnline() && outbox.nextToSend(store.getState().outbox, room)) setTimeout(again, RETRY_MIN_MS);
          else draining.delete(room);
        });
      }
    },
    async load(user) {
      const entries = await db.all(user);
      const restored = entries.map((e): Entry => (e.state === 'sent' ? { ...e, state: 'queued' } : e));
      for (const e of restored) written.set(e.clientId, { entry: e, done: Promise.resolve(true) });
      update((o) => outbox.add(o, restored));
      this.drain();
    },
    close() {
      written.clear(); // so that what leaves the state is not taken for done
      store.setState({ outbox: outbox.initialOutbox });
    },
    async erase(user) {
      this.close();
      await db.clear(user);
    },
    onTab(m) {
      const session = store.getState().session;
      if (session.status !== 'in') return;
      if (m.type === 'outbox_gone') {
        written.delete(m.clientId);
        // Its line comes by its event; a stored one of our own waits for that too.
        if (entryOf(m.clientId)?.state !== 'stored') update((o) => outbox.remove(o, m.clientId));
        return;
      }
      if (m.entry.user !== session.me.id) return;
      const known = entryOf(m.entry.clientId);
      written.set(m.entry.clientId, { entry: m.entry, done: Promise.resolve(true) });
      const arrived: Entry = m.entry.state === 'sent' ? { ...m.entry, state: 'queued' } : m.entry;
      if (!known) update((o) => outbox.add(o, [arrived]));
      else if (arrived.state === 'failed') update((o) => outbox.failed(o, arrived.clientId, arrived.reason));
      this.drain();
    },
  };
}
