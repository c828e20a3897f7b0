/* The other tabs of this browser: what one of them learns, the others need not ask. */
import type { Entry } from '@/state/outbox';

export type TabMessage =
  | { type: 'outbox_put'; entry: Entry }
  | { type: 'outbox_gone'; clientId: string }
  /** Does a tab show this room to somebody? Then it says `looking`. */
  | { type: 'looks'; room: number }
  | { type: 'looking'; room: number }
  | { type: 'signed_in' }
  | { type: 'signed_out' };

export interface Tabs {
  tell(message: TabMessage): void;
  listen(on: (message: TabMessage) => void): void;
}

export function openTabs(): Tabs {
  if (typeof BroadcastChannel === 'undefined') return { tell: () => undefined, listen: () => undefined };
  const channel = new BroadcastChannel('rookery');
  return {
    tell: (message) => channel.postMessage(message),
    listen(on) {
      channel.onmessage = (e: MessageEvent<TabMessage>) => on(e.data);
    },
  };
}
