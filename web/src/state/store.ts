/* All that the page knows, in one place, and what each message of the server does to it. Pure but for the store
 * itself: what has to be sent or written down follows from comparing the state before and after (app/). */
import { createStore, type StoreApi } from 'zustand/vanilla';
import { openEvent, type RoomEvent } from '@/proto/codec';
import { ERRORS, type ServerMessage } from '@/proto/messages.gen';
import { initialAlerts, type Alerts } from './alerts';
import { initialDrafts, type Drafts } from './drafts';
import { initialLink, type Link } from './link';
import { applyPinEvent, forgetPins, withPins, type AllPins } from './pins';
import * as outbox from './outbox';
import * as presence from './presence';
import * as rooms from './rooms';
import type { ServerInfo } from './server';
import { initialSession, signedIn, type Session } from './session';
import * as timeline from './timeline';
import type { Uploads } from './uploads';
import { initialUsers, mergeUsers, userOf, type Users } from './users';

export interface State {
  /** Null until it was asked. */
  server: ServerInfo | null;
  session: Session;
  link: Link;
  users: Users;
  rooms: rooms.Rooms;
  timelines: ReadonlyMap<number, timeline.Timeline>;
  outbox: outbox.Outbox;
  presence: presence.Presence;
  pins: AllPins;
  drafts: Drafts;
  /** The room on screen. */
  active: number | null;
  /** Whose profile card is open. */
  card: number | null;
  /** Files on their way, or ready for the next line, by room. */
  uploads: Uploads;
  /** Of one file, as the server says; null: it has not said yet. */
  fileBytesMax: number | null;
  /** Desktop notifications of this device. */
  alerts: Alerts;
  /** A path of this page that is to be gone to. */
  goTo: string | null;
  /** A sentence that needs to be read once, and who it is about. */
  note: { id: number; text: string } | null;
}

export type Store = StoreApi<State>;

export const initialState: State = {
  server: null,
  session: initialSession,
  link: initialLink,
  users: initialUsers,
  rooms: rooms.initialRooms,
  timelines: new Map(),
  outbox: outbox.initialOutbox,
  presence: presence.initialPresence,
  pins: new Map(),
  drafts: initialDrafts,
  active: null,
  card: null,
  uploads: new Map(),
  fileBytesMax: null,
  alerts: initialAlerts,
  goTo: null,
  note: null,
};

export function createAppStore(): Store {
  const store = createStore<State>(() => initialState);
  store.subscribe((s, before) => {
    if (s.rooms === before.rooms && s.users === before.users) return;
    const named = rooms.nameDirects(s.rooms, s.users, s.session.status === 'in' ? s.session.me.id : 0);
    if (named !== s.rooms) store.setState({ rooms: named });
  });
  return store;
}

export function errorName(code: number): string {
  return ERRORS[code]?.name ?? 'internal';
}

export function errorText(code: number): string {
  return ERRORS[code]?.text ?? 'The server did not accept that.';
}

export function withTimeline(s: State, room: number, how: (t: timeline.Timeline) => timeline.Timeline): State {
  const t = s.timelines.get(room);
  if (!t) return s;
  const next = how(t);
  return next === t ? s : { ...s, timelines: new Map(s.timelines).set(room, next) };
}

export function note(s: State, text: string): State {
  return { ...s, note: { id: (s.note?.id ?? 0) + 1, text } };
}

function dropRoom(s: State, room: number, text: string): State {
  const gone = s.rooms.byId.get(room);
  const timelines = new Map(s.timelines);
  timelines.delete(room);
  const next = {
    ...s,
    timelines,
    rooms: rooms.removeRoom(s.rooms, room),
    presence: presence.forget(s.presence, room),
    pins: forgetPins(s.pins, room),
  };
  return gone && text ? note(next, text.replace('%s', gone.name)) : next;
}

/** The way out that a person chose themselves; no sentence needed. */
export function leftRoom(s: State, room: number): State {
  return dropRoom(s, room, '');
}

function applyRoomEvent(s: State, ev: RoomEvent): State {
  const me = s.session.status === 'in' ? s.session.me.id : 0;
  const t = ev.body.kind === 'deleted' ? s.timelines.get(ev.room) : undefined;
  const goneNo = (t && timeline.findLine(t, ev.target)?.msgNo) ?? 0;
  let next = withTimeline(s, ev.room, (at) => timeline.applyEvent(at, ev));
  // Only the server knows whether they were a member: `sub_ok` says how many there are, unless it did so already.
  if (ev.body.kind === 'banned' && ev.seq > (s.rooms.byId.get(ev.room)?.head ?? 0)) next = withTimeline(next, ev.room, timeline.applyMiscounted);
  next = { ...next, rooms: rooms.applyRoomEvent(next.rooms, ev, goneNo) };
  const pins = withPins(next.pins, ev.room, (p) => applyPinEvent(p, ev));
  if (pins !== next.pins) next = { ...next, pins };
  if (ev.user === me) next = { ...next, outbox: outbox.seen(next.outbox, me, ev.clientId) };
  else if (ev.body.kind === 'posted' || ev.body.kind === 'said' || ev.body.kind === 'shared') next = { ...next, presence: presence.stopTyping(next.presence, ev.room, ev.user) };
  return passStored(next, ev.room);
}

/** Stored lines that the timeline has passed are not the outbox's any more. */
function passStored(s: State, room: number): State {
  const t = s.timelines.get(room);
  if (t?.phase !== 'live') return s;
  const next = outbox.shownUpTo(s.outbox, room, t.lastSeq);
  return next === s.outbox ? s : { ...s, outbox: next };
}

export function applyMessage(s: State, m: ServerMessage, nowMs: number): State {
  switch (m.type) {
    case 'welcome': {
      let list = rooms.welcomeRooms(s.rooms, m.rooms);
      const open = s.active === null ? undefined : s.rooms.byId.get(s.active);
      // Its lines were marked as unread on another device meanwhile.
      if (open && (list.byId.get(open.id)?.turn ?? 0) > open.turn) list = rooms.hold(list, open.id, true);
      const timelines = new Map([...s.timelines].filter(([id]) => list.byId.has(id)));
      return {
        ...s,
        session: signedIn(s.session, {
          id: m.user,
          name: m.name,
          admin: m.role === 1,
          mustChange: s.session.status === 'in' && s.session.me.mustChange,
        }),
        users: s.users.has(m.user)
          ? s.users
          : mergeUsers(s.users, [{ id: m.user, name: m.name, handle: m.name, avatar: 0, admin: m.role === 1, rev: 0 }]),
        rooms: list,
        timelines,
      };
    }
    case 'event':
      return applyRoomEvent(s, openEvent(m));
    case 'sub_ok': {
      const next = withTimeline(s, m.room, (t) => timeline.applySubOk(t, m));
      return {
        ...next,
        // Events that a snapshot leaves out may have pinned something.
        pins: m.mode === 0 ? next.pins : forgetPins(next.pins, m.room),
        rooms: rooms.applySubInfo(next.rooms, m.room, {
          incarnation: m.incarnation,
          head: m.head,
          msgNo: m.msg_no,
          role: m.role,
          members: m.members,
          deleted: m.deleted,
        }),
      };
    }
    case 'marks':
      return withTimeline(s, m.room, (t) => timeline.applyMarks(t, m));
    case 'mentioned':
      return { ...s, rooms: rooms.applyMentioned(s.rooms, m.rooms) };
    case 'live':
      return passStored(
        withTimeline(s, m.room, (t) => timeline.applyLive(t, m.seq)),
        m.room,
      );
    case 'gap':
      return withTimeline(s, m.room, timeline.applyGap);
    case 'heads':
      return { ...s, rooms: rooms.applyHeads(s.rooms, m.heads) };
    case 'ack': {
      const t = s.timelines.get(m.room);
      const shown = t?.phase === 'live' ? t.lastSeq : 0;
      return { ...s, outbox: outbox.acked(s.outbox, m.client_id, m.seq, shown) };
    }
    case 'nack': {
      const reason = m.reason || errorText(m.code);
      const work = s.outbox.entries.find((e) => e.clientId === m.client_id)?.work;
      // There is no line of its own on which it could stay to be seen.
      if (m.final && work && outbox.isMark(work)) {
        const what = work.what === 'react' ? 'The reaction' : 'The pin';
        return note({ ...s, outbox: outbox.remove(s.outbox, m.client_id) }, `${what} was not stored: ${reason}`);
      }
      return {
        ...s,
        outbox: m.final
          ? outbox.failed(s.outbox, m.client_id, reason)
          : outbox.markWaiting(s.outbox, m.client_id, reason, nowMs + m.retry_ms),
      };
    }
    case 'kick':
    case 'room_removed': {
      const why =
        errorName(m.code) === 'ok'
          ? '' // of their own will, here or on another device
          : errorName(m.code) === 'banned'
            ? 'You have been banned from %s.'
            : errorName(m.code) === 'removed'
              ? 'A moderator took you out of %s.'
              : 'You are no longer in %s.';
      return dropRoom(s, m.room, why);
    }
    case 'room_added':
      return { ...s, rooms: rooms.addRooms(s.rooms, m.rooms) };
    case 'read_at': {
      const marked = m.turn > (s.rooms.byId.get(m.room)?.turn ?? 0);
      const next = rooms.applyRead(s.rooms, m.room, m.msg_no, m.turn);
      return { ...s, rooms: marked && s.active === m.room ? rooms.hold(next, m.room, true) : next };
    }
    case 'gone':
      return { ...s, rooms: rooms.applyGoneTo(s.rooms, m) };
    case 'notified':
      return { ...s, rooms: rooms.applyNotify(s.rooms, m.room, m.level) };
    case 'user_changed':
      return {
        ...s,
        users: mergeUsers(s.users, m.users.map(userOf)),
      };
    case 'typists':
      return { ...s, presence: presence.applyTypists(s.presence, m, nowMs) };
    case 'presence':
      return { ...s, presence: presence.applyPresence(s.presence, m) };
    case 'hi':
      return { ...s, fileBytesMax: m.file_bytes_max };
    case 'heartbeat':
    case 'err':
    case 'drain':
    case 'auth_ok':
      return s;
  }
}

/** The link is lost: what was under way is to be asked and sent again. */
export function applyLinkLost(s: State): State {
  return {
    ...s,
    timelines: new Map([...s.timelines].map(([id, t]) => [id, timeline.applyDisconnect(t)] as const)),
    outbox: outbox.linkLost(s.outbox),
    presence: presence.forget(s.presence),
  };
}
