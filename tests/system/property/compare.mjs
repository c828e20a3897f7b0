/* A record of a finished run against the fold of its logs: what each client shows, and what the tables hold. Pure, so
 * that the same record can be compared again with a fold that leaves a kind of event out. */
import { foldLog, mentionsOf, ROLES } from './fold.mjs';

const MENTIONS_MAX = 100;
const MUTED = 1;
const BANNED = 2;
const DIFFERENCES_MAX = 20;
const DIRECT = 2;
const HISTORIES = ['all', 'joining'];
const VISIBILITIES = ['public', 'private', 'direct'];

const NOTIFIES = ['all', 'mentions', 'nothing'];

class Differences {
  constructor(max) {
    this.max = max;
    this.list = [];
  }

  get full() {
    return this.list.length >= this.max;
  }

  add(text) {
    if (!this.full) this.list.push(text);
  }

  /* Of records only the fields that differ are told. */
  same(where, got, want) {
    if (isRecord(got) && isRecord(want)) {
      for (const name of new Set([...Object.keys(got), ...Object.keys(want)])) this.same(`${where} ${name}`, got[name], want[name]);
      return;
    }
    const [a, b] = [JSON.stringify(got), JSON.stringify(want)];
    if (a !== b) this.add(`${where}: is ${short(a)}, by the log ${short(b)}`);
  }
}

const isRecord = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const short = (text) => (text === undefined || text.length <= 160 ? text : `${text.slice(0, 157)}...`);
const byNumber = (a, b) => a - b;

/* ---- clients ---- */

const shownLine = (l) => ({
  seq: l.seq, msgNo: l.msgNo, user: l.user, atMs: l.atMs, clientId: l.clientId, text: l.text, edited: l.edited,
  replyTo: l.replyTo, mentions: [...l.mentions].sort(byNumber), files: l.files.map((f) => (Array.isArray(f) ? f : [f.file, f.name, f.mime, f.bytes, f.width, f.height])), reactions: l.reactions.map((r) => [r.user, r.emoji]),
  pinned: l.pinned && [l.pinned.seq, l.pinned.by],
});

/* All lines from the first one that it says to have. */
function compareLines(out, where, shown, room, from) {
  const want = [...room.lines.values()].filter((l) => shown.firstMsgNo > 0 && l.msgNo >= shown.firstMsgNo && l.seq >= from);
  const got = shown.items.filter((i) => i.type === 'line');
  out.same(`${where} lines`, got.map((l) => l.msgNo), want.map((l) => l.msgNo));
  const bySeq = new Map(got.map((l) => [l.seq, l]));
  for (const line of want) {
    if (out.full) return;
    const mine = bySeq.get(line.seq);
    if (mine) out.same(`${where} seq ${line.seq}`, shownLine(mine), shownLine(line));
  }
}

/* Notices belong to the live log: all since the page came in, as far as the items go back. */
function compareNotices(out, where, shown, room, visibleFrom) {
  const got = shown.items.filter((i) => i.type === 'notice').map(({ seq, what, user, whom, text = '' }) => ({ seq, what, user, whom, text }));
  const from = Math.max(visibleFrom, shown.changesFrom + 1, shown.items[0]?.seq ?? 0);
  out.same(`${where} notices`, got.filter((n) => n.seq >= from), room.notices.filter((n) => n.seq >= from));
}

function peopleOf(room) {
  return [...room.members].sort(([a], [b]) => a - b).map(([id, m]) => ({ id, role: ROLES[m.role], muted: room.muted.has(id) }));
}

function restrictedOf(room) {
  const all = [...new Set([...room.muted, ...room.banned])].sort(byNumber);
  return all.map((id) => ({ id, muted: room.muted.has(id), banned: room.banned.has(id) }));
}

/* What a client shows of one room that it has open. */
function compareShown(out, where, shown, room, from) {
  out.same(`${where} head`, shown.lastSeq, room.head);
  compareLines(out, where, shown, room, from);
  compareNotices(out, where, shown, room, from);
  out.same(`${where} member count`, shown.memberCount, room.members.size);
  if (shown.members) out.same(`${where} members`, shown.members, peopleOf(room));
  if (shown.restricted) out.same(`${where} restricted`, shown.restricted, restrictedOf(room));
  if (shown.pins) {
    const want = [...room.lines.values()].filter((l) => l.pinned && l.seq >= from).sort((a, b) => b.pinned.seq - a.pinned.seq);
    out.same(`${where} pins`, shown.pins, want.slice(0, shown.pins.length).map((l) => l.seq));
    out.same(`${where} count of pins`, shown.pins.length, Math.min(want.length, shown.pinsMax));
  }
}

/* A direct room is called after the others in it. */
function nameOf(room, user, names) {
  if (room.visibility !== DIRECT) return room.name;
  const others = [...room.members.keys()].filter((id) => id !== user).map((id) => names[id]);
  return others.length ? others.sort().join(', ') : `${names[user]} (you)`;
}

function compareRooms(out, client, rooms, { db, names }) {
  const mine = [...rooms.values()].filter((room) => room.members.has(client.user));
  out.same(`${client.name} rooms`, client.rooms.map((r) => r.id).sort(byNumber), mine.map((room) => room.id).sort(byNumber));
  for (const shown of client.rooms) {
    const room = rooms.get(shown.id);
    const where = `${client.name} room ${shown.id}`;
    if (!room) continue;
    const { read, notify } = db.own[`${shown.id}/${client.user}`] ?? { read: 0, notify: 0 };
    const unread = [...room.lines.values()].filter((l) => l.msgNo > read && l.text !== null).length;
    out.same(where, shown, {
      id: room.id, name: nameOf(room, client.user, names), topic: room.topic, visibility: VISIBILITIES[room.visibility],
      role: ROLES[room.members.get(client.user)?.role ?? 0],
      archived: room.archived, history: shown.history && HISTORIES[room.history], head: room.head, msgNo: room.msgNo, readMsgNo: read, notify: NOTIFIES[notify],
      // Of very many deleted lines the server does not tell all: then at least so many are unread.
      unread: shown.isAtLeast ? Math.min(unread, shown.unread) : unread, isAtLeast: shown.isAtLeast,
      doubt: false, // it ends, so that the count is shown
      mentions: Math.min(MENTIONS_MAX, mentionsOf(room, client.user, read)),
    });
  }
}

/** How the lists of rooms differ from the fold of the logs. */
export function differentRooms(record) {
  const rooms = new Map(record.logs.map(([id, events]) => [id, foldLog(id, events)]));
  const out = new Differences(DIFFERENCES_MAX);
  for (const client of record.clients) compareRooms(out, client, rooms, record);
  return out.list;
}

function compareClient(out, client, rooms, record) {
  compareRooms(out, client, rooms, record);
  for (const shown of client.open) {
    if (out.full) return;
    const room = rooms.get(shown.room);
    if (room) compareShown(out, `${client.name} room ${shown.room} (${shown.how})`, shown, room, room.members.get(client.user)?.visibleFrom ?? 0);
  }
}

/* ---- tables ---- */

/* Rows as one would write them from the fold, in the order of the keys. */
function tablesOf(room) {
  const lines = [...room.lines.values()];
  return {
    room: [[room.name, room.topic, room.visibility, room.creator, room.head, room.msgNo, room.lastAtMs, room.members.size]],
    member: [...room.members].sort(([a], [b]) => a - b).map(([id, m]) => [id, m.role, m.joinedSeq, m.visibleFrom]),
    room_setting: [[room.history, room.archived ? 1 : 0]],
    room_restricted: restrictedOf(room).map((r) => [r.id, (r.muted ? MUTED : 0) | (r.banned ? BANNED : 0)]),
    pin: lines.filter((l) => l.pinned).map((l) => [l.seq, l.pinned.seq, l.pinned.by]),
    reaction: lines.flatMap((l) => l.reactions.map((r) => [l.seq, r.seq, r.user, r.emoji])),
    mention: lines.flatMap((l) => [...l.mentions].sort(byNumber).map((user) => [l.seq, user, l.msgNo])),
    attachment: lines.flatMap((l) => [...l.files].sort(([a], [b]) => a - b).map(([file, ...rest]) => [l.seq, file, l.user, ...rest])),
  };
}

function compareTables(out, rooms, db) {
  out.same('table room', Object.keys(db.tables).map(Number).sort(byNumber), [...rooms.keys()].sort(byNumber));
  for (const [id, room] of rooms) {
    const want = tablesOf(room);
    const got = db.tables[id] ?? {};
    for (const name of Object.keys(want)) {
      if (out.full) return;
      if (name === 'room_setting' && !got[name]) continue;
      const rows = got[name] ?? [];
      out.same(`room ${id}, count of table ${name}`, rows.length, want[name].length);
      want[name].forEach((row, i) => out.same(`room ${id} table ${name} row ${i}`, rows[i] ?? null, row));
    }
  }
}

/** record: { logs: [[room, events]], clients, db, names: user → name }. Gives { clients, database }: sentences, none when all is the same. */
export function compare(record, { leaveOut = '', max = DIFFERENCES_MAX } = {}) {
  const rooms = new Map(record.logs.map(([id, events]) => [id, foldLog(id, events, leaveOut)]));
  const clients = new Differences(max);
  const database = new Differences(max);
  for (const client of record.clients) if (!clients.full) compareClient(clients, client, rooms, record);
  compareTables(database, rooms, record.db);
  return { clients: clients.list, database: database.list };
}

/* The same record as if there were only these rooms. */
function onlyRooms(record, ids) {
  const isOne = (id) => ids.includes(Number(id));
  return {
    ...record,
    logs: record.logs.filter(([id]) => isOne(id)),
    clients: record.clients.map((c) => ({ ...c, rooms: c.rooms.filter((r) => isOne(r.id)), open: c.open.filter((o) => isOne(o.room)) })),
    db: { ...record.db, tables: Object.fromEntries(Object.entries(record.db.tables).filter(([id]) => isOne(id))) },
  };
}

/** How many events of each kind there are. */
export function countKinds({ kinds, logs }) {
  const counts = new Map(kinds.map((kind) => [kind, 0]));
  for (const [, events] of logs) for (const { kind } of events) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

/** Each kind that there is must be missed by clients and by tables when the fold leaves it out, in the rooms of the last
 *  words alone: elsewhere it is chance what can still be seen. */
export function unnoticed(record) {
  const last = onlyRooms(record, record.lastRooms);
  const faults = [];
  for (const [kind, count] of countKinds(last)) {
    if (count === 0) {
      faults.push(`the last words have no ${kind}: it needs a place there, a generator, and a rule of the fold`);
      continue;
    }
    const { clients, database } = compare(last, { leaveOut: kind, max: 1 });
    if (clients.length === 0) faults.push(`a fold without ${kind} is the same to all clients`);
    if (database.length === 0) faults.push(`a fold without ${kind} is the same to the database`);
  }
  return faults;
}
