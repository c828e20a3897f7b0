/* Puts the client together: one session feeds the API and the socket, the socket feeds the state, the outbox goes out. */
import { ApiError, createHttp, type Http } from '@/net/http';
import { openPage } from '@/proto/codec';
import type { MembersJson, PageJson, RoomInfoJson, RoomInfoRec, RoomsJson } from '@/proto/messages.gen';
import { newClientId } from '@/proto/ulid';
import { type Commands, type Member, type RoomCard } from '@/state/commands';
import { setDraft, setEditing } from '@/state/drafts';
import type { Client } from '@/state/hooks';
import * as outbox from '@/state/outbox';
import { addRooms, roleOf, visibilityOf } from '@/state/rooms';
import { createAppStore, initialState, leftRoom, withTimeline } from '@/state/store';
import { hasOlder, prependPage, trim, type Page } from '@/state/timeline';
import { createAuth } from './auth';
import { keepDrafts } from './drafts';
import { createLive } from './live';
import { keepNames } from './names';
import { openOutboxDb } from './outbox_db';
import { reloadOnce } from './part';
import { createSender } from './sender';
import { openTabs } from './tabs';

const PAGE_LINES = 50;

function cardOf(r: RoomInfoRec): RoomCard {
  return {
    id: r.room,
    name: r.name,
    topic: r.topic,
    visibility: visibilityOf(r.visibility),
    members: r.members,
    joined: r.joined,
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
  keepNames(store, http);

  store.subscribe((s, before) => {
    if (s.link.state !== before.link.state || s.outbox !== before.outbox) sender.drain();
  });

  function onToken(token: string): void {
    const { session } = store.getState();
    if (session.status !== 'in') return;
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
    live.stop();
    sender.close();
    // What belongs to one person is not shown to the next; the outbox of this one stays on the device.
    store.setState((s) => ({ ...initialState, session: s.session, link: s.link }));
  }

  tabs.listen((m) => {
    if (m.type === 'signed_out') auth.ended();
    else if (m.type === 'signed_in') {
      if (store.getState().session.status !== 'in') void auth.restore();
    } else sender.onTab(m);
  });

  function enqueue(room: number, work: outbox.Work): void {
    const { session } = store.getState();
    if (session.status !== 'in') return;
    const entry = outbox.newEntry(newClientId(), session.me.id, room, work, Date.now());
    store.setState((s) => ({ outbox: outbox.add(s.outbox, [entry]) }));
  }

  /** The room as a member sees it, when the socket has not told of it yet. */
  async function adopt(room: number): Promise<void> {
    if (store.getState().rooms.byId.has(room)) return;
    const info = await http.request<RoomInfoJson>('GET', `/rooms/${room}`);
    const r = info.rooms[0];
    if (!r?.joined || store.getState().rooms.byId.has(room)) return;
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

  const commands: Commands = {
    signup: (name, password) => auth.signup(name, password),
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
    post: (room, text) => {
      live.typed();
      return enqueue(room, { what: 'post', text });
    },
    edit: (room, target, text) => enqueue(room, { what: 'edit', target, text }),
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
    loadOlder(room) {
      const running = paging.get(room) ?? loadOlder(room).finally(() => paging.delete(room));
      paging.set(room, running);
      return running;
    },
    trim: (room) => store.setState((s) => withTimeline(s, room, trim)),
    dismissNote: () => store.setState({ note: null }),

    newClientId,
    async createRoom(draft) {
      const ack = await http.request<{ room: number }>('POST', '/rooms', {
        body: {
          client_id: draft.clientId,
          name: draft.name,
          topic: draft.topic,
          visibility: draft.visibility === 'private' ? 1 : 0,
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
    async browse(query, after, signal) {
      const answer = await http.request<RoomsJson>('GET', '/rooms', {
        query: { query, after_name: after?.name, after_room: after?.id, limit: PAGE_LINES },
        signal,
      });
      return { more: answer.more, rooms: answer.rooms.map(cardOf) };
    },
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
      const members = answer.members.map((m): Member => ({ id: m.user, name: m.name, role: roleOf(m.role) }));
      return { more: answer.more, members };
    },
  };

  return {
    store,
    commands,
    begin: () => void auth.restore(),
  };
}
