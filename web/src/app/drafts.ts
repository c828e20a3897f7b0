/* Drafts outlive room switches (state) and reloads (here). They are written a moment after the last key, and at once
 * when the page goes away. */
import type { Store } from '@/state/store';

const WRITE_MS = 250;
const key = (user: number) => `rookery.drafts.${user}`;

export interface DraftKeeper {
  load(user: number): void;
  forget(user: number): void;
}

export function keepDrafts(store: Store): DraftKeeper {
  let timer: ReturnType<typeof setTimeout> | undefined;

  function write(): void {
    clearTimeout(timer);
    timer = undefined;
    const { session, drafts } = store.getState();
    if (session.status !== 'in') return;
    try {
      if (drafts.byRoom.size === 0) localStorage.removeItem(key(session.me.id));
      else localStorage.setItem(key(session.me.id), JSON.stringify([...drafts.byRoom]));
    } catch {
      /* no storage, or full: the draft lives as long as the page */
    }
  }

  store.subscribe((s, before) => {
    if (s.drafts.byRoom !== before.drafts.byRoom) timer ??= setTimeout(write, WRITE_MS);
  });
  window.addEventListener('pagehide', () => {
    if (timer !== undefined) write();
  });

  return {
    load(user) {
      try {
        const rows: unknown = JSON.parse(localStorage.getItem(key(user)) ?? '[]');
        if (!Array.isArray(rows)) return;
        const byRoom = new Map(rows.filter((r): r is [number, string] => Array.isArray(r) && typeof r[1] === 'string'));
        store.setState((s) => ({ drafts: { ...s.drafts, byRoom: new Map([...byRoom, ...s.drafts.byRoom]) } }));
      } catch {
        /* unreadable: begin with none */
      }
    },
    forget(user) {
      clearTimeout(timer);
      timer = undefined;
      try {
        localStorage.removeItem(key(user));
      } catch {
        /* there is none then */
      }
    },
  };
}
