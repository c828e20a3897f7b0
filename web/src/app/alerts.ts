/* Desktop notifications of this device. The browser is asked for its permission only when a person turns them on. One tab
 * of the browser shows them, one for each room, after a moment in which the lines may be read elsewhere. What came while
 * there was no connection is one summary; what was there when the page loaded is none. */
import { isSettled, lineFor, reasonFor, summaryFor, wordsFor, type Alerts, type Reason, type Words } from '@/state/alerts';
import type { Line } from '@/state/fold';
import type { Room } from '@/state/rooms';
import type { State, Store } from '@/state/store';
import type { Tabs } from './tabs';

const KEY = 'rookery.alerts';
/** A line read in this time, on any device, needs no notification. */
const GRACE_MS = 1_000;
/** After a connection is up the counts of all rooms come in. */
const CATCH_UP_MS = 5_000;
/** How long another tab has to say that it shows the room. */
const TABS_MS = 200;
/** More rooms at a time are told of in one. */
const ROOMS_MAX = 3;
const SUMMARY = 'rookery';

export interface AlertKeeper {
  commands: { setAlerts(on: boolean): Promise<void>; setAlertText(show: boolean): void };
  onLooks(room: number): void;
  onLooking(room: number): void;
}

/** newest: the last lines of a room, as the server has them now. */
export function keepAlerts(store: Store, tabs: Tabs, newest: (room: number) => Promise<Line[]>): AlertKeeper {
  const isThere = typeof Notification !== 'undefined';
  const pending = new Map<number, Reason>();
  const shown = new Map<string, { alert: Notification; rooms: readonly number[] }>();
  /** Rooms that another tab was found to show. */
  const elsewhere = new Set<number>();
  /** As they were when the connection was lost. */
  let lost: ReadonlyMap<number, Room> | null = null;
  let catchingUp = true;
  let catchUpTimer: ReturnType<typeof setTimeout> | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let leads = false;

  const get = store.getState;
  const set = (alerts: Partial<Alerts>) => store.setState((s) => ({ alerts: { ...s.alerts, ...alerts } }));

  function load(): void {
    let kept: { on?: unknown; text?: unknown } = {};
    try {
      kept = (JSON.parse(localStorage.getItem(KEY) ?? '{}') ?? {}) as typeof kept;
    } catch {
      /* unreadable, or no storage: they are off */
    }
    const permission = isThere ? Notification.permission : 'denied';
    const on = kept.on === true ? (permission === 'granted' ? 'on' : permission === 'denied' ? 'blocked' : 'off') : 'off';
    set({ state: isThere ? on : 'unsupported', showText: kept.text !== false });
  }

  function keep(): void {
    const { state, showText } = get().alerts;
    try {
      localStorage.setItem(KEY, JSON.stringify({ on: state === 'on', text: showText }));
    } catch {
      /* it holds for this page then */
    }
  }

  function looksAt(s: State, room: number): boolean {
    return document.visibilityState !== 'hidden' && s.active === room;
  }

  function show(tag: string, words: Words, rooms: readonly number[], path: string): boolean {
    try {
      const alert = new Notification(words.title, { body: words.body, tag, icon: '/icon.svg' });
      alert.onclick = () => {
        window.focus();
        alert.close();
        if (path) store.setState({ goTo: path });
      };
      alert.onclose = () => {
        if (shown.get(tag)?.alert === alert) shown.delete(tag);
      };
      shown.set(tag, { alert, rooms });
      return true;
    } catch {
      return false; // phones want a service worker for it
    }
  }

  function summarize(rooms: readonly Room[]): void {
    if (rooms[0]) show(SUMMARY, summaryFor(rooms), rooms.map((r) => r.id), `/r/${rooms[0].id}`);
  }

  /** What the other tabs show is asked for just before it counts: a tab may end without a word. */
  async function unseen(rooms: readonly number[]): Promise<Room[]> {
    elsewhere.clear();
    for (const room of rooms) tabs.tell({ type: 'looks', room });
    await new Promise((done) => setTimeout(done, TABS_MS));
    const s = get();
    return rooms
      .map((id) => s.rooms.byId.get(id))
      .filter((r): r is Room => r !== undefined && !isSettled(r) && !looksAt(s, r.id) && !elsewhere.has(r.id));
  }

  async function tellOf(id: number, reason: Reason): Promise<void> {
    const lines = await newest(id);
    const s = get();
    const room = s.rooms.byId.get(id);
    if (!room || s.session.status !== 'in' || s.alerts.state !== 'on' || isSettled(room) || looksAt(s, id)) return;
    const line = lineFor(lines, room, s.session.me.id, reason);
    if (!line) return;
    const author = s.users.get(line.user)?.name ?? 'Someone';
    show(`room-${id}`, wordsFor(room, line, author, reason, s.alerts.showText), [id], `/rooms/${id}/${line.seq}`);
  }

  async function tell(): Promise<void> {
    timer = undefined;
    const due = new Map(pending);
    pending.clear();
    if (!leads) return;
    const rooms = await unseen([...due.keys()]);
    if (get().alerts.state !== 'on') return;
    if (rooms.length > ROOMS_MAX) summarize(rooms);
    else await Promise.all(rooms.map((r) => tellOf(r.id, due.get(r.id) ?? 'line').catch(() => undefined)));
  }

  async function caughtUp(): Promise<void> {
    catchUpTimer = undefined;
    catchingUp = false;
    const before = lost;
    lost = null;
    if (!before || !leads) return;
    const news = [...get().rooms.byId.values()].filter((r) => reasonFor(before.get(r.id), r) !== null);
    const rooms = await unseen(news.map((r) => r.id));
    if (get().alerts.state === 'on') summarize(rooms);
  }

  function closeSettled(s: State): void {
    for (const [tag, { alert, rooms }] of shown) {
      if (!rooms.every((id) => isSettled(s.rooms.byId.get(id)))) continue;
      shown.delete(tag);
      alert.close();
    }
  }

  store.subscribe((s, before) => {
    if (s.session.status !== 'in') {
      lost = null;
      pending.clear();
    }
    if (s.link.state !== before.link.state) {
      if (before.link.state === 'online' && !catchingUp) lost = before.rooms.byId;
      clearTimeout(catchUpTimer);
      catchUpTimer = undefined;
      catchingUp = true;
      if (s.link.state === 'online') catchUpTimer = setTimeout(() => void caughtUp(), CATCH_UP_MS);
    }
    if (s.rooms === before.rooms) return;
    if (shown.size > 0) closeSettled(s);
    if (catchingUp || s.alerts.state !== 'on' || s.session.status !== 'in') return;
    for (const room of s.rooms.byId.values()) {
      const old = before.rooms.byId.get(room.id);
      const reason = old === room ? null : reasonFor(old, room);
      if (reason && !looksAt(s, room.id)) pending.set(room.id, pending.get(room.id) === 'call' ? 'call' : reason);
    }
    if (pending.size > 0) timer ??= setTimeout(() => void tell(), GRACE_MS);
  });

  load();
  window.addEventListener('storage', (e) => {
    if (e.key === KEY) load();
  });
  const locks = (navigator as Partial<Navigator>).locks;
  if (!isThere) leads = false;
  else if (!locks) leads = true;
  else
    // Held until this tab ends; the next one in the queue has it then.
    locks.request(KEY, () => {
      leads = true;
      return new Promise(() => undefined);
    }).catch(() => undefined);

  return {
    commands: {
      async setAlerts(on) {
        if (!isThere) return;
        if (on) {
          set({ state: 'asked' });
          const answer = await Notification.requestPermission();
          const works = answer === 'granted' && show(SUMMARY, { title: 'Rookery', body: 'New messages are shown here.' }, [], '');
          set({ state: works ? 'on' : answer === 'granted' ? 'unsupported' : answer === 'denied' ? 'blocked' : 'off' });
        } else set({ state: 'off' });
        keep();
      },
      setAlertText(showText) {
        set({ showText });
        keep();
      },
    },
    onLooks(room) {
      if (looksAt(get(), room)) tabs.tell({ type: 'looking', room });
    },
    onLooking: (room) => void elsewhere.add(room),
  };
}
