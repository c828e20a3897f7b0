/* The live side: feeds what the socket brings to the state, in bursts no oftener than the screen can show, and sends
 * what the state then asks for: `sub` after a jump, read pointers, the names of strangers. */
import { createSocket, type Socket, type SocketStatus } from '@/net/socket';
import { LIMITS, type ServerMessage } from '@/proto/messages.gen';
import { linkChanged } from '@/state/link';
import { expireTyping, forget } from '@/state/presence';
import { applyRead, endDoubt, hold, isInDoubt } from '@/state/rooms';
import { needsGone } from '@/state/unread';
import {
  applyLinkLost,
  applyMessage,
  errorText,
  note,
  withTimeline,
  type State,
  type Store,
} from '@/state/store';
import { applyStaleHead, asked, emptyTimeline } from '@/state/timeline';
import { deviceName, type Auth } from './auth';

/** Messages that come sooner after the last ones are gathered for so long. */
const BURST_MS = 24;
const STALE_HEAD_MS = 2_000;
const SUB_ANSWER_MS = 10_000;
const SUB_RETRY_MIN_MS = 500;
const READ_MS = 400;
/** Many may have unread lines where one was deleted: they do not all ask in the same moment. */
const GONE_MIN_MS = 150;
const GONE_SPREAD_MS = 450;
/** Rooms asked about at a time; the rest a moment later. */
const GONE_AT_ONCE = 8;
/** Rooms in doubt (state/unread.ts) are asked about at once: a page loads when its reader wants it. */
const DOUBT_AT_ONCE = 16;
/** No answer for so long: the count is shown without it. */
const DOUBT_MS = 3_000;
const UNREAD_RETRY_MS = 1_000;
const PROBE_AFTER_HIDDEN_MS = 30_000;

export interface Live {
  start(): void;
  stop(): void;
  reconnect(): void;
  openRoom(room: number | null): void;
  markRead(room: number, msgNo: number): void;
  markUnread(room: number, msgNo: number): void;
  typing(room: number): void;
  /** A line was sent: the next key is told at once. */
  typed(): void;
  sendToken(token: string): void;
  socket: Socket;
}

export function createLive(store: Store, url: string, auth: Auth, onStopped: (reason: string) => void): Live {
  let waiting: ServerMessage[] = [];
  let flushTimer: ReturnType<typeof setTimeout> | undefined;
  let flushedAt = 0;
  let staleTimer: ReturnType<typeof setTimeout> | undefined;
  let subTimer: ReturnType<typeof setTimeout> | undefined;
  let typingTimer: ReturnType<typeof setTimeout> | undefined;
  let readTimer: ReturnType<typeof setTimeout> | undefined;
  let typedAt = 0;
  let typedIn: number | null = null;
  let hiddenAt = 0;
  const reads = new Map<number, { msgNo: number; turn: number }>();
  /** Marks that are not known to be stored. */
  const unreads = new Map<number, { msgNo: number; turn: number }>();
  let unreadTimer: ReturnType<typeof setTimeout> | undefined;
  let goneTimer: ReturnType<typeof setTimeout> | undefined;
  let doubtTimer: ReturnType<typeof setTimeout> | undefined;
  let doubtAsked = 0;
  /** Room → the deletion that was known when it was asked about. */
  const goneAsked = new Map<number, number>();

  const get = store.getState;
  const set = (how: (s: State) => State) => store.setState((s) => how(s));

  const socket = createSocket(url, {
    token: () => auth.token(),
    renew: () => auth.renew(),
    device: deviceName,
    subs() {
      const room = get().active;
      const t = room === null ? undefined : get().timelines.get(room);
      if (room === null || !t) return [];
      set((s) => withTimeline(s, room, asked));
      watchSub();
      return [{ room, incarnation: t.incarnation, after: t.lastSeq, live: true }];
    },
    onMessage(m) {
      waiting.push(m);
      const since = performance.now() - flushedAt;
      // `welcome` must be in the state before anybody hears that we are online.
      if (m.type === 'welcome' || since >= BURST_MS) flush();
      else flushTimer ??= setTimeout(flush, BURST_MS - since);
    },
    onStatus,
  });

  function flush(): void {
    clearTimeout(flushTimer);
    flushTimer = undefined;
    flushedAt = performance.now();
    const batch = waiting;
    waiting = [];
    const now = Date.now();
    set((s) => batch.reduce((state, m) => applyMessage(state, m, now), s));
    for (const m of batch) follow(m);
    askIfNeeded();
    watchDoubt();
    askGoneLater();
  }

  /** Pointers that were on their way when the link, or the server, ended. */
  function readAgain(rooms: readonly { room: number; read_msg_no: number }[]): void {
    for (const { room, read_msg_no: stored } of rooms) {
      const known = get().rooms.byId.get(room);
      if (known && known.readMsgNo > stored && !reads.has(room)) reads.set(room, { msgNo: known.readMsgNo, turn: known.turn });
    }
  }

  /** What a message means beyond the state. */
  function follow(m: ServerMessage): void {
    switch (m.type) {
      case 'welcome':
        readAgain(m.rooms);
        if (m.expires_at_ms > 0 && auth.current()) sendReads();
        sendUnreads();
        return;
      case 'room_added': // also when a part of the server ended, with all rooms
        readAgain(m.rooms);
        readTimer ??= setTimeout(sendReads, READ_MS);
        return;
      case 'heads': {
        const room = get().active;
        if (m.heads.some((h) => h.room === room)) checkHeadLater();
        return;
      }
      case 'read_at': {
        const marked = unreads.get(m.room);
        if (marked && m.turn > marked.turn) unreads.delete(m.room);
        askGoneOf(m.room);
        return;
      }
      case 'typists':
        clearTimeout(typingTimer);
        typingTimer = setTimeout(() => set((s) => ({ ...s, presence: expireTyping(s.presence, Date.now()) })), LIMITS.TYPING_EXPIRE_MS + 50);
        return;
      case 'sub_ok':
      case 'live':
        clearTimeout(subTimer);
        subTimer = undefined;
        return;
      case 'err':
        if (m.scope === 'gone_get') {
          goneAsked.clear(); // with the next news
          doubtAsked = DOUBT_AT_ONCE;
          if (m.retry_ms === 0) noDoubt();
        } else if (m.scope === 'unread_from' && m.retry_ms > 0) sendUnreadsLater(m.retry_ms);
        else if (m.scope === 'sub') retrySub(Math.max(m.retry_ms, SUB_RETRY_MIN_MS));
        else if (m.scope === 'auth') auth.renew().catch(() => undefined);
        // What is tried again by itself is the connection bar's to tell, if it lasts.
        else if (m.scope === 'unread_from') {
          unreads.clear();
          set((s) => note(s, m.reason || errorText(m.code)));
        } else if (m.scope !== 'typing' && m.scope !== 'read' && m.retry_ms === 0)
          set((s) => note(s, m.reason || errorText(m.code)));
        return;
      default:
    }
  }

  function onStatus(status: SocketStatus): void {
    if (status.state !== 'online' && get().link.state === 'online') {
      flush();
      clearTimeout(subTimer);
      clearTimeout(staleTimer);
      subTimer = staleTimer = undefined;
      goneAsked.clear();
      set(applyLinkLost);
    }
    set((s) => ({
      ...s,
      link: linkChanged(s.link, status.state, Date.now(), {
        ...('retryAtMs' in status ? { retryAtMs: status.retryAtMs } : {}),
        ...('reason' in status ? { reason: status.reason } : {}),
      }),
    }));
    if (status.state === 'online') askIfNeeded();
    if (status.state === 'stopped') onStopped(status.reason);
  }

  function askIfNeeded(): void {
    const room = get().active;
    const t = room === null ? undefined : get().timelines.get(room);
    if (room === null || !t?.ask || get().link.state !== 'online') return;
    if (!socket.send({ type: 'sub', room, incarnation: t.incarnation, after: t.lastSeq })) return;
    set((s) => withTimeline(s, room, asked));
    watchSub();
  }

  function retrySub(ms: number): void {
    clearTimeout(subTimer);
    subTimer = setTimeout(() => {
      subTimer = undefined;
      const room = get().active;
      if (room === null) return;
      set((s) => withTimeline(s, room, (t) => ({ ...t, ask: true })));
      askIfNeeded();
    }, ms);
  }

  /** Every question ends in an answer or is asked again. */
  function watchSub(): void {
    retrySub(SUB_ANSWER_MS);
  }

  function checkHeadLater(): void {
    staleTimer ??= setTimeout(() => {
      staleTimer = undefined;
      const room = get().active;
      const known = room === null ? undefined : get().rooms.byId.get(room);
      if (room === null || !known || subTimer !== undefined) return;
      set((s) => withTimeline(s, room, (t) => applyStaleHead(t, known.head)));
      askIfNeeded();
    }, STALE_HEAD_MS);
  }

  function sendReads(): void {
    clearTimeout(readTimer);
    readTimer = undefined;
    for (const [room, { msgNo, turn }] of reads) if (socket.send({ type: 'read', room, msg_no: msgNo, turn })) reads.delete(room);
  }

  function sendUnreadsLater(ms: number): void {
    unreadTimer ??= setTimeout(sendUnreads, ms);
  }

  /** Sent until it is answered: the same mark twice is one, for its turn is old by then. */
  function sendUnreads(): void {
    clearTimeout(unreadTimer);
    unreadTimer = undefined;
    let sent = false;
    for (const [room, { msgNo, turn }] of unreads) {
      if (!get().rooms.byId.has(room)) unreads.delete(room);
      else sent = socket.send({ type: 'unread_from', room, msg_no: msgNo, turn }) || sent;
    }
    if (sent) sendUnreadsLater(UNREAD_RETRY_MS * 5);
  }

  /** Counts that are awaited after the page has loaded. */
  function watchDoubt(): void {
    if (!isInDoubt(get().rooms)) return;
    doubtTimer ??= setTimeout(noDoubt, DOUBT_MS);
    const wanted = [...get().rooms.byId.values()].filter((r) => r.doubt && needsGone(r) && !goneAsked.has(r.id));
    // Those first whose count is looked at.
    wanted.sort((x, y) => Number(y.notify === 'all') - Number(x.notify === 'all'));
    const now = wanted.slice(0, DOUBT_AT_ONCE - doubtAsked).map((r) => r.id);
    doubtAsked += now.length;
    askGone(now);
  }

  function noDoubt(): void {
    clearTimeout(doubtTimer);
    doubtTimer = undefined;
    doubtAsked = 0;
    set((s) => ({ ...s, rooms: endDoubt(s.rooms) }));
  }

  /** Somebody may have marked its lines as unread, and it is only they who ask. */
  function askGoneOf(id: number): void {
    goneAsked.delete(id);
    const room = get().rooms.byId.get(id);
    if (room && needsGone(room)) askGone([id]);
  }

  function goneWanted(): number[] {
    if (get().link.state !== 'online') return [];
    return [...get().rooms.byId.values()].filter((r) => needsGone(r) && goneAsked.get(r.id) !== r.deleted).map((r) => r.id);
  }

  function askGoneLater(): void {
    if (goneTimer !== undefined || goneWanted().length === 0) return;
    goneTimer = setTimeout(() => {
      goneTimer = undefined;
      askGone(goneWanted().slice(0, GONE_AT_ONCE));
      askGoneLater();
    }, GONE_MIN_MS + Math.random() * GONE_SPREAD_MS);
  }

  function askGone(rooms: readonly number[]): void {
    for (const room of rooms)
      if (socket.send({ type: 'gone_get', room })) goneAsked.set(room, get().rooms.byId.get(room)?.deleted ?? 0);
  }

  const onOnline = () => socket.wake();
  const onOffline = () => socket.sleep();
  const onVisibility = () => {
    if (document.visibilityState === 'hidden') {
      hiddenAt = Date.now();
      return;
    }
    socket.wake();
    if (hiddenAt === 0 || Date.now() - hiddenAt < PROBE_AFTER_HIDDEN_MS) return;
    const room = get().active;
    // After a sleep the link may be dead without having closed; a `sub` must be answered, and catches up as well.
    if (room !== null && get().timelines.get(room)?.phase === 'live') {
      set((s) => withTimeline(s, room, (t) => ({ ...t, ask: true })));
      askIfNeeded();
      socket.expectAnswer();
    }
  };

  return {
    socket,
    start() {
      window.addEventListener('online', onOnline);
      window.addEventListener('offline', onOffline);
      document.addEventListener('visibilitychange', onVisibility);
      socket.start();
    },
    stop() {
      window.removeEventListener('online', onOnline);
      window.removeEventListener('offline', onOffline);
      document.removeEventListener('visibilitychange', onVisibility);
      for (const timer of [flushTimer, staleTimer, subTimer, typingTimer, readTimer, unreadTimer, goneTimer, doubtTimer]) clearTimeout(timer);
      flushTimer = staleTimer = subTimer = typingTimer = readTimer = unreadTimer = goneTimer = doubtTimer = undefined;
      waiting = [];
      reads.clear();
      unreads.clear();
      goneAsked.clear();
      doubtAsked = 0;
      socket.stop();
    },
    reconnect() {
      if (get().link.state === 'stopped') socket.start();
      else socket.wake();
    },
    openRoom(room) {
      const before = get().active;
      if (before === room) return;
      if (before !== null) {
        socket.send({ type: 'unsub', room: before });
        set((s) => ({ ...s, presence: forget(s.presence, before), rooms: hold(s.rooms, before, false) }));
      }
      clearTimeout(subTimer);
      subTimer = undefined;
      set((s) => {
        if (room === null) return { ...s, active: null };
        const t = s.timelines.get(room) ?? emptyTimeline(room);
        return { ...s, active: room, timelines: new Map(s.timelines).set(room, { ...t, ask: true }) };
      });
      askIfNeeded();
    },
    markRead(room, msgNo) {
      const known = get().rooms.byId.get(room);
      if (!known || known.held || msgNo <= known.readMsgNo) return;
      set((s) => ({ ...s, rooms: applyRead(s.rooms, room, msgNo, known.turn) }));
      reads.set(room, { msgNo, turn: known.turn });
      readTimer ??= setTimeout(sendReads, READ_MS);
    },
    markUnread(room, msgNo) {
      const known = get().rooms.byId.get(room);
      if (!known) return;
      reads.delete(room);
      unreads.set(room, { msgNo, turn: known.turn });
      if (get().active === room) set((s) => ({ ...s, rooms: hold(s.rooms, room, true) }));
      sendUnreads();
    },
    typing(room) {
      const now = Date.now();
      if (typedIn === room && now - typedAt < LIMITS.TYPING_SEND_MS) return;
      if (!socket.send({ type: 'typing', room, active: true })) return;
      typedIn = room;
      typedAt = now;
    },
    typed() {
      typedAt = 0;
    },
    sendToken(token) {
      socket.send({ type: 'auth', token });
    },
  };
}
