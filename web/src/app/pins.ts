/* Reads the pins of the room on screen, once for each stretch of its log that is followed without a hole. */
import type { Http } from '@/net/http';
import { LIMITS, type PageJson } from '@/proto/messages.gen';
import { openPage } from '@/proto/codec';
import { applyPinEvent, type Pins } from '@/state/pins';
import type { State, Store } from '@/state/store';

const RETRY_MS = 5_000;

export function keepPins(store: Store, http: Http): void {
  let asking = 0;

  /** The room on screen, if it is live and its pins are not known. */
  function wanted(s: State): number {
    const room = s.active ?? 0;
    return room > 0 && s.timelines.get(room)?.phase === 'live' && !s.pins.has(room) ? room : 0;
  }

  async function ask(room: number): Promise<void> {
    asking = room;
    try {
      const page = await http.request<PageJson>('GET', `/rooms/${room}/pins`, { query: { limit: LIMITS.PINS_PAGE_MAX } });
      const { marks } = openPage(page);
      const read: Pins = {
        byLine: new Map(marks.filter((m) => m.pinned > 0).map((m) => [m.seq, m.pinned] as const)),
        more: page.more,
        asOf: page.as_of,
      };
      store.setState((s) => {
        const t = s.timelines.get(room);
        // What went by while the answer was on its way must all be there; else it is asked again.
        if (t?.phase !== 'live' || t.changesFrom > page.as_of) return s;
        return { pins: new Map(s.pins).set(room, t.changes.reduce(applyPinEvent, read)) };
      });
      asking = 0;
    } catch {
      setTimeout(() => {
        asking = 0;
        look(store.getState());
      }, RETRY_MS);
    }
  }

  function look(s: State): void {
    const room = wanted(s);
    if (room > 0 && asking !== room) void ask(room);
  }

  store.subscribe((s, before) => {
    if (s.timelines !== before.timelines || s.active !== before.active || s.pins !== before.pins) look(s);
  });
}
