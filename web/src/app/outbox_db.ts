/* The outbox on this device. Where the browser gives no storage (private windows), it lives as long as the page. */
import { openDB, type DBSchema, type IDBPDatabase } from 'idb';
import type { Entry } from '@/state/outbox';

interface Schema extends DBSchema {
  outbox: { key: string; value: Entry; indexes: { user: number } };
}

export interface OutboxDb {
  all(user: number): Promise<Entry[]>;
  /** False: it could not be written down. */
  put(entry: Entry): Promise<boolean>;
  remove(clientId: string): Promise<void>;
  clear(user: number): Promise<void>;
  /** Null: cannot be known. */
  has(clientId: string): Promise<boolean | null>;
}

export function openOutboxDb(): OutboxDb {
  let opened: Promise<IDBPDatabase<Schema> | null> | null = null;

  function db(): Promise<IDBPDatabase<Schema> | null> {
    opened ??= openDB<Schema>('rookery', 1, {
      upgrade(fresh) {
        fresh.createObjectStore('outbox', { keyPath: 'clientId' }).createIndex('user', 'user');
      },
      terminated() {
        opened = null;
      },
    }).catch(() => null);
    return opened;
  }

  async function using<T>(fallback: T, how: (d: IDBPDatabase<Schema>) => Promise<T>): Promise<T> {
    const d = await db();
    if (!d) return fallback;
    try {
      return await how(d);
    } catch {
      return fallback; // full, or closed under us: the entry is still in memory
    }
  }

  return {
    all: (user) => using<Entry[]>([], (d) => d.getAllFromIndex('outbox', 'user', user)),
    put: (entry) =>
      using(false, async (d) => {
        await d.put('outbox', entry);
        return true;
      }),
    remove: (clientId) => using(undefined, (d) => d.delete('outbox', clientId)),
    has: (clientId) => using<boolean | null>(null, async (d) => (await d.count('outbox', clientId)) > 0),
    clear: (user) =>
      using(undefined, async (d) => {
        const tx = d.transaction('outbox', 'readwrite');
        for (const key of await tx.store.index('user').getAllKeys(user)) await tx.store.delete(key);
        await tx.done;
      }),
  };
}
