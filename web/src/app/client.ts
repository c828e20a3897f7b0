/* Puts the client together: one session feeds the API and the socket, the socket feeds the state, the outbox goes out. */
import { ApiError, createHttp, type Http } from '@/net/http';
import { openPage } from '@/proto/codec';
import type { MemberInfoRec, MembersJson, PageJson, RoomInfoJson, RoomInfoRec, RoomsJson, UsersJson } from '@/proto/messages.gen';
import { newClientId } from '@/proto/ulid';
import { failureOf, type Commands, type Member, type RoomCard } from '@/state/commands';
import { setDraft, setEditing, setReplying } from '@/state/drafts';
import type { Client } from '@/state/hooks';
import * as outbox from '@/state/outbox';
import { addRooms, applyNotify, NOTIFIES, roleOf, visibilityOf } from '@/state/rooms';
import { createAppStore, initialState, leftRoom, note, withTimeline } from '@/state/store';
import type { Line } from '@/state/fold';
import { mentionsIn, namesOf } from '@/state/mentions';
import {
  closeApart,
  extendApartDown,
  extendApartUp,
  findLine,
  hasOlder,
  linesOfPage,
  openApart,
  prependPage,
  emptyTimeline,
  trim,
  type Page,
} from '@/state/timeline';
import { mergeUsers, userOf } from '@/state/users';
import { adminCommands } from './admin';
import { keepAlerts } from './alerts';
import { createAuth } from './auth';
import { createFiles } from './files';
import { keepDrafts } from './drafts';
import { saveExport } from './export';
import { createLive } from './live';
import { keepNames } from './names';
import { keepPins } from './pins';
import { openOutboxDb } from './outbox_db';
import { reloadOnce } from './part';
import { createPeople } from './people';
import { rightsCommands } from './rights';
import { roomsCommands } from './rooms';
import { createSearch } from './search';
import { createSender } from './sender';
import { openTabs } from './tabs';

const PAGE_LINES = 50;
const SERVER_RETRY_MS = 5_000;
const FOUND_MEMBERS = 8;
const NEWEST_LINES = 20;
/** What anybody may know of the server is asked for again when the page is looked at, not oftener than this. */
const SERVER_AGAIN_MS = 30_000;

function memberOf(m: MemberInfoRec): Member {
  return { id: m.user, name: m.name, role: roleOf(m.role), muted: m.muted };
}
const DIRECT = 2;

function cardOf(r: RoomInfoRec): RoomCard {
  return {
    id: r.room,
    name: r.name,
    topic: r.topic,
    visibility: visibilityOf(r.visibility),
    members: r.members,
    joined: r.joined,
    archived: r.archived,
  };
}

export function socketUrl(base: string, page: string): string {
  const url = new URL('/ws', base === '' ? page : base);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}

export interface RunningClient extends Client {
  /** Called once: is there a session? */
  begin(): void;
}

export function createClient(base: string): RunningClient {
  const store = createAppStore();
  const tabs = openTabs();
  const db = openOutboxDb();
  const drafts = keepDrafts(store);
  let entered = 0;

  const auth = createAuth(store, () => http, tabs, { onToken, onEnd });
  const http: Http = createHttp(base, {
    token: () => auth.token(),
    renew: async (refused) => auth.renew(refused),
  });
  const live = createLive(store, socketUrl(base, location.href), auth, (reason) => {
    if (reason === 'auth') auth.ended();
    else if (reason === 'version') reloadOnce(); // and if that does not help, the page says so
  });
  const sender = createSender(store, db, tabs, (m) => live.socket.send(m));
  const people = createPeople(store, http, keepNames(store, http));
  keepPins(store, http);
  const files = createFiles(store, http);
  const alerts = keepAlerts(store, tabs, newestLines);

  store.subscribe((s, before) => {
    if (s.link.state !== before.link.state || s.outbox !== before.outbox) sender.drain();
  });

  function onToken(token: string): void {
    const { session } = store.getState();
    if (session.status !== 'in') return;
    if (session.me.mustChange) { // it is good for nothing else
      if (entered !== 0) live.stop();
      entered = 0;
      return;
    }
    if (entered === session.me.id) {
      live.sendToken(token);
      return;
    }
    entered = session.me.id;
    drafts.load(entered);
    void sender.load(entered);
    live.start();
  }

  function onEnd(): void {
    entered = 0;
    files.close();
    live.stop();
    sender.close();
    // What belongs to one person is not shown to the next; the outbox of this one stays on the device.
    people.forget();
    store.setState((s) => ({ ...initialState, session: s.session, link: s.link, server: s.server, alerts: s.alerts }));
  }

  tabs.listen((m) => {
    if (m.type === 'signed_out') auth.ended();
    else if (m.type === 'signed_in') {
      const { session } = store.getState();
      if (session.status !== 'in' || session.me.mustChange) void auth.restore();
    } else if (m.type === 'looks') alerts.onLooks(m.room);
    else if (m.type === 'looking') alerts.onLooking(m.room);
    else sender.onTab(m);
  });

  function enqueue(room: number, work: outbox.Work): void {
    const { session } = store.getState();
    if (session.status !== 'in') return;
    const undone = outbox.undoneBy(store.getState().outbox, room, work);
    if (undone) {
      store.setState((s) => ({ outbox: outbox.remove(s.outbox, undone.clientId) }));
      return;
    }
    const entry = outbox.newEntry(newClientId(), session.me.id, room, work, Date.now());
    store.setState((s) => ({ outbox: outbox.add(s.outbox, [entry]) }));
  }

  async function peopleOf(room: number): Promise<{ id: number }[]> {
    const answer = await http.request<MembersJson>('GET', `/rooms/${room}/members`);
    return answer.members.map((m) => ({ id: m.user }));
  }

  /** The room as a member sees it, when the socket has not told of it yet. */
  async function adopt(room: number): Promise<void> {
    if (store.getState().rooms.byId.has(room)) return;
    const info = await http.request<RoomInfoJson>('GET', `/rooms/${room}`);
    const r = info.rooms[0];
    if (!r?.joined) return;
    const people = r.visibility === DIRECT ? await peopleOf(room) : [];
    if (store.getState().rooms.byId.has(room)) return;
    store.setState((s) => ({
      rooms: addRooms(s.rooms, [
        {
          room,
          incarnation: info.incarnation,
          visibility: r.visibility,
          name: r.name,
          topic: r.topic,
          head: info.head,
          msg_no: info.msg_no,
          read_msg_no: info.msg_no,
          role: info.role,
          notify: 0,
          turn: 0,
          rev: 0,
          archived: r.archived,
          history: r.history,
          people,
        },
      ]),
    }));
  }

  const paging = new Map<number, Promise<void>>();

  async function loadOlder(room: number): Promise<void> {
    const t = store.getState().timelines.get(room);
    if (!t || !hasOlder(t) || t.phase === 'empty') return;
    const page = await http.request<PageJson>('GET', `/rooms/${room}/messages`, {
      query: { before: t.firstMsgNo, limit: PAGE_LINES },
    });
    store.setState((s) =>
      withTimeline(s, room, (now) =>
        now.firstMsgNo !== t.firstMsgNo
          ? now // trimmed or replaced meanwhile: the page is of another place
          : prependPage(now, pageOf(page)),
      ),
    );
  }

  function calledIn(text: string, picked?: ReadonlyMap<string, number>): number[] {
    const { session, users } = store.getState();
    return mentionsIn(text, new Map([...namesOf(users), ...(picked ?? [])]), session.status === 'in' ? session.me.id : 0);
  }

  /** Something small that is not worth an outbox. */
  function attempt(request: Promise<unknown>): void {
    request.catch((e: unknown) => store.setState((s) => note(s, failureOf(e).detail)));
  }

  function linesFrom(room: number, page: PageJson): Line[] {
    const t = store.getState().timelines.get(room);
    const opened = pageOf(page);
    opened.events = [...opened.events].sort((a, b) => a.seq - b.seq);
    const items = t ? linesOfPage(t, opened) : null;
    return (items ?? []).filter((item): item is Line => item.type === 'line');
  }

  /** Of a room that need not be open; who wrote them is known then. */
  async function newestLines(room: number): Promise<Line[]> {
    const before = (store.getState().rooms.byId.get(room)?.msgNo ?? 0) + 1;
    const page = await http.request<PageJson>('GET', `/rooms/${room}/messages`, { query: { before, limit: NEWEST_LINES } });
    const opened = pageOf(page);
    const items = linesOfPage({ ...emptyTimeline(room), incarnation: page.incarnation }, opened) ?? [];
    const lines = items.filter((item): item is Line => item.type === 'line');
    const strangers = [...new Set(lines.map((l) => l.user))].filter((id) => !store.getState().users.has(id));
    if (strangers.length > 0) {
      const { users } = await http.request<UsersJson>('GET', '/users', { query: { ids: strangers.join(',') } });
      store.setState((s) => ({ users: mergeUsers(s.users, users.map(userOf)) }));
    }
    return lines;
  }

  async function readLines(room: number, seqs: readonly number[]): Promise<Line[]> {
    const page = await http.request<PageJson>('GET', `/rooms/${room}/messages`, { query: { seqs: seqs.join(',') } });
    return linesFrom(room, page);
  }

  async function reach(room: number, seq: number): Promise<boolean> {
    const here = () => {
      const t = store.getState().timelines.get(room);
      return t !== undefined && findLine(t, seq) !== undefined;
    };
    if (here()) return true;
    const [line] = await readLines(room, [seq]);
    if (!line) return false;
    const page = await http.request<PageJson>('GET', `/rooms/${room}/messages`, {
      query: { before: line.msgNo + PAGE_LINES / 2, limit: PAGE_LINES },
    });
    store.setState((s) => withTimeline(s, room, (t) => openApart(t, pageOf(page))));
    return here();
  }

  async function loadApart(room: number, where: 'older' | 'newer'): Promise<void> {
    const apart = store.getState().timelines.get(room)?.apart;
    if (!apart || (where === 'older' && apart.firstMsgNo <= 1)) return;
    const query = where === 'older' ? { before: apart.firstMsgNo } : { after: apart.lastMsgNo };
    const page = await http.request<PageJson>('GET', `/rooms/${room}/messages`, { query: { ...query, limit: PAGE_LINES } });
    store.setState((s) =>
      withTimeline(s, room, (t) =>
        t.apart?.firstMsgNo !== apart.firstMsgNo || t.apart.lastMsgNo !== apart.lastMsgNo
          ? t // another place, or grown meanwhile
          : where === 'older'
            ? extendApartUp(t, pageOf(page))
            : extendApartDown(t, pageOf(page)),
      ),
    );
  }

  function pageOf(page: PageJson): Page {
    return {
      incarnation: page.incarnation,
      asOf: page.as_of,
      firstMsgNo: page.first_msg_no,
      lastMsgNo: page.last_msg_no,
      more: page.more,
      ...openPage(page),
    };
  }

  const rights = rightsCommands(http);
  const admin = adminCommands(http);
  const commands: Commands = {
    signup: (name, password, invite) => auth.signup(name, password, invite),
    async setUp(form) {
      try {
        await auth.setUp(form);
      } finally {
        await people.loadServer().catch(() => undefined); // somebody else may have been first
      }
    },
    login: (name, password) => auth.login(name, password),
    async logout() {
      const { session } = store.getState();
      await auth.logout();
      if (session.status !== 'in') return;
      drafts.forget(session.me.id);
      await sender.erase(session.me.id);
    },
    retrySession() {
      store.setState({ session: { status: 'unknown' } });
      void auth.restore();
    },
    reconnect: () => live.reconnect(),

    openRoom: (room) => live.openRoom(room),
    post: (room, text, replyTo, picked) => {
      live.typed();
      return enqueue(room, { what: 'post', text, replyTo, mentions: calledIn(text, picked) });
    },
    share(room, text, replyTo, picked) {
      const ready = files.take(room);
      if (!ready) return false;
      live.typed();
      enqueue(room, { what: 'post', text, replyTo, mentions: calledIn(text, picked), files: ready });
      return true;
    },
    addFiles: files.add,
    retryFile: files.retry,
    removeFile: files.remove,
    fileUrl: files.url,
    saveFile: files.save,
    edit: (room, target, text, picked) => enqueue(room, { what: 'edit', target, text, mentions: calledIn(text, picked) }),
    react: (room, target, emoji, on) => enqueue(room, { what: 'react', target, emoji, on }),
    pin: (room, target, on) => enqueue(room, { what: 'pin', target, on }),
    setReplying: (replying) => store.setState((s) => ({ drafts: setReplying(s.drafts, replying) })),
    lines: readLines,
    async pins(room, before) {
      const page = await http.request<PageJson>('GET', `/rooms/${room}/pins`, { query: { before: before || undefined, limit: 20 } });
      // Pins come in their own order; the fold wants that of the log.
      const lines = linesFrom(room, page);
      lines.sort((a, b) => (b.pinned?.seq ?? 0) - (a.pinned?.seq ?? 0));
      return { lines, more: page.more };
    },
    async firstAfter(room, msgNo) {
      const page = await http.request<PageJson>('GET', `/rooms/${room}/messages`, { query: { after: msgNo || undefined, limit: 1 } });
      return page.first_seq;
    },
    reach,
    loadApart,
    leaveApart: (room) => store.setState((s) => withTimeline(s, room, closeApart)),
    remove: (room, target) => enqueue(room, { what: 'delete', target }),
    retry(clientId) {
      const old = store.getState().outbox.entries.find((e) => e.clientId === clientId);
      if (old?.state !== 'failed') return;
      store.setState((s) => ({ outbox: outbox.remove(s.outbox, clientId) }));
      enqueue(old.room, old.work); // a refused id stays refused: the second try is a request of its own
    },
    discard: (clientId) => store.setState((s) => ({ outbox: outbox.remove(s.outbox, clientId) })),
    setDraft: (room, text) => store.setState((s) => ({ drafts: setDraft(s.drafts, room, text) })),
    setEditing: (editing) => store.setState((s) => ({ drafts: setEditing(s.drafts, editing) })),
    typing: (room) => live.typing(room),
    markRead: (room, msgNo) => live.markRead(room, msgNo),
    markUnread: (room, msgNo) => live.markUnread(room, msgNo),
    setNotify: (room, level) =>
      attempt(
        http.request('PUT', `/rooms/${room}/notify`, { body: { level: NOTIFIES.indexOf(level) } }).then(() =>
          store.setState((s) => ({ rooms: applyNotify(s.rooms, room, NOTIFIES.indexOf(level)) })),
        ),
      ),
    async findMembers(room, query, signal) {
      const answer = await http.request<MembersJson>('GET', `/rooms/${room}/members`, { query: { query, limit: FOUND_MEMBERS }, signal });
      return answer.members.map(memberOf);
    },
    loadOlder(room) {
      const running = paging.get(room) ?? loadOlder(room).finally(() => paging.delete(room));
      paging.set(room, running);
      return running;
    },
    trim: (room) => store.setState((s) => withTimeline(s, room, trim)),
    dismissNote: () => store.setState({ note: null }),
    ...alerts.commands,
    wentThere: () => store.setState({ goTo: null }),

    newClientId,
    async createRoom(draft) {
      const ack = await http.request<{ room: number }>('POST', '/rooms', {
        body: {
          client_id: draft.clientId,
          name: draft.name,
          topic: draft.topic,
          visibility: draft.visibility === 'private' ? 1 : 0,
          history: draft.history === 'joining' ? 1 : 0,
        },
      });
      await adopt(ack.room).catch(() => undefined); // the socket will tell of it
      return ack.room;
    },
    async joinRoom(room) {
      await http.request('POST', `/rooms/${room}/join`, { body: { client_id: newClientId() } });
      await adopt(room).catch(() => undefined);
    },
    async leaveRoom(room) {
      await http.request('POST', `/rooms/${room}/leave`, { body: { client_id: newClientId() } });
      store.setState((s) => leftRoom(s, room));
    },
    exportRoom: (room, name, progress, signal) => saveExport(http, room, name, progress, signal),
    async browse(query, archived, after, signal) {
      const answer = await http.request<RoomsJson>('GET', '/rooms', {
        query: { query, after_name: after?.name, after_room: after?.id, limit: PAGE_LINES, archived: archived ? 1 : undefined },
        signal,
      });
      return { more: answer.more, rooms: answer.rooms.map(cardOf) };
    },
    ...createSearch(store, http),
    async roomCard(room) {
      const info = await http.request<RoomInfoJson>('GET', `/rooms/${room}`);
      const r = info.rooms[0];
      if (!r) throw new ApiError({ status: 404, code: 'no_room', detail: 'There is no such room.', retryMs: 0, field: null });
      return cardOf(r);
    },
    async members(room, after, signal) {
      const answer = await http.request<MembersJson>('GET', `/rooms/${room}/members`, {
        query: { after_user: after, limit: 100 },
        signal,
      });
      return { more: answer.more, members: answer.members.map(memberOf) };
    },
    ...admin,
    async adminSetServer(change) {
      const settings = await admin.adminSetServer(change);
      store.setState((s) => ({ server: s.server && { ...s.server, ...settings } }));
      return settings;
    },
    ...roomsCommands(store, http, adopt),
    ...rights,
    ...people.commands,
    async changePassword(current, next) {
      await rights.changePassword(current, next);
      const { session } = store.getState();
      if (session.status === 'in' && session.me.mustChange) await auth.chosen();
    },
  };

  return {
    store,
    commands,
    begin() {
      void auth.restore();
      let askedAt = Date.now();
      const ask = () => people.loadServer().catch(() => setTimeout(() => void ask(), SERVER_RETRY_MS));
      void ask();
      document.addEventListener('visibilitychange', () => {
        if (document.visibilityState === 'hidden' || Date.now() - askedAt < SERVER_AGAIN_MS) return;
        askedAt = Date.now();
        people.loadServer().catch(() => undefined); // the next time
      });
    },
  };
}
