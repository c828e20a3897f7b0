/* A stand-in for the server, for looking at the client and testing it in a browser: everything in memory, nothing
 * durable. It serves dist/ under the real content security policy, speaks the HTTP API and the socket, and takes
 * orders (POST /mock/…) for what a real server does only on a bad day. Never part of the bundle. */
import { createServer as createHttpServer } from 'node:http';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { extname, join as pathOf } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createServer as createVite } from 'vite';
import { WebSocketServer } from 'ws';
import { createAdmin } from './admin.mjs';
import { createFiles } from './files.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DIST = pathOf(ROOT, 'dist');
const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob: data:; " +
  "font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; " +
  "require-trusted-types-for 'script'";
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.woff2': 'font/woff2', '.webmanifest': 'application/manifest+json' };
const KIND = { room_created: 1, joined: 2, left: 3, posted: 4, edited: 5, deleted: 6, said: 7, revised: 8, reacted: 9, pinned: 10, removed: 11, banned: 12, unbanned: 13, role_changed: 14, muted: 15, added: 16, renamed: 17, topic_changed: 18, archived: 19, history_changed: 20, direct_created: 21, founded: 22, shared: 23 };
const BODIES = { posted: ['text'], said: ['text', 'mentions'], edited: ['text'], revised: ['text', 'mentions'], reacted: ['emoji', 'on'], pinned: ['on'], deleted: ['by_role'], joined: ['role'], left: ['reason'], room_created: ['name', 'topic', 'visibility'], removed: ['member'], banned: ['member'], unbanned: ['member'], role_changed: ['member', 'role'], muted: ['member', 'muted'], added: ['member'], renamed: ['name'], topic_changed: ['topic'], archived: ['on'], history_changed: ['history'], direct_created: ['members'], founded: ['name', 'topic', 'visibility', 'history'], shared: ['text', 'mentions', 'files'] };
const FILE = ['file', 'name', 'mime', 'bytes', 'width', 'height'];
const LINES = ['posted', 'said', 'shared'];
const NAMES = Object.fromEntries(Object.entries(KIND).map(([name, number]) => [number, name]));
const SNAPSHOT = 50;
const GONE_MAX = 256;

/* The codec and its table are the client's own, loaded as they are. */
async function loadProto() {
  const vite = await createVite({ root: ROOT, configFile: false, server: { middlewareMode: true, hmr: false, ws: false }, appType: 'custom', logLevel: 'silent', resolve: { alias: { '@': pathOf(ROOT, 'src') } } });
  const codec = await vite.ssrLoadModule('/src/proto/codec.ts');
  const ulid = await vite.ssrLoadModule('/src/proto/ulid.ts');
  const gen = await vite.ssrLoadModule('/src/proto/messages.gen.ts');
  return { codec, newId: ulid.newClientId, errors: gen.ERRORS, close: () => vite.close() };
}

export async function startMock({ port = 0, seed = true, empty = false } = {}) {
  const { codec, newId, errors, close: closeVite } = await loadProto();
  const codeOf = Object.fromEntries(Object.entries(errors).map(([code, row]) => [row.name, Number(code)]));
  const users = new Map();
  const rooms = new Map();
  const sessions = new Map(); // refresh token → user
  const tokens = new Map(); // access token → { user, until }
  const signIns = new Map(); // session id → session
  const sockets = new Set();
  const server = { name: 'Rookery', signup: 0, set_up: !empty };
  const invites = new Map();
  const pictures = new Map(); // user → { rev, type, bytes }
  const knobs = { refuseSockets: false, failPosts: '', muteAcks: false, tokenMs: 600_000, httpDelayMs: 0, holdEvents: false, down: false, holdUploads: false, failUploads: '' };
  const uploads = { cut: 0 };
  let nextId = 1000;
  const id = () => (nextId += 1 + Math.floor(Math.random() * 50));

  function addUser(name, password = 'password') {
    const user = { id: id() * 7919, name, display: '', avatar: 0, rev: 1, mustChange: false, password, reads: new Map(), turns: new Map(), levels: new Map() };
    users.set(user.id, user);
    return user;
  }

  function append(room, user, kind, body, more = {}) {
    const event = { type: 'event', room: room.id, seq: room.log.length + 1, kind: KIND[kind], user, at_ms: Math.max(more.at_ms ?? Date.now(), room.log.at(-1)?.at_ms ?? 0), client_id: more.client_id ?? newId(), msg_no: LINES.includes(kind) ? ++room.msgNo : 0, target: more.target ?? 0, body };
    room.log.push(event);
    if (kind === 'deleted') files.forget(room.log[event.target - 1]?.client_id);
    if (kind === 'deleted')
      for (const e of room.log) if (e.seq === event.target || ((e.kind === KIND.edited || e.kind === KIND.revised) && e.target === event.target)) e.body = null;
    for (const s of sockets) {
      if (!s.user || !room.members.has(s.user.id)) continue;
      if (s.live.has(room.id)) s.send(event);
      else s.send({ type: 'heads', heads: [{ room: room.id, seq: event.seq, msg_no: room.msgNo, deleted: deletedOf(room) }] });
    }
    return event;
  }

  function addRoom(owner, name, topic, visibility, clientId, madeAt) {
    const room = { id: id() * 104729, incarnation: 1, name, topic, visibility, log: [], msgNo: 0, members: new Map([[owner.id, 2]]), muted: new Set(), banned: new Set(), acks: new Map(), created: madeAt ?? Date.now(), createdBy: clientId };
    rooms.set(room.id, room);
    append(room, owner.id, 'room_created', [name, topic, visibility], { client_id: clientId ?? newId(), at_ms: room.created });
    for (const s of sockets) if (s.user?.id === owner.id) s.send({ type: 'room_added', rooms: [stateOf(room, owner)] });
    return room;
  }

  /** The direct room of these people; made if there is none. */
  function openDirect(ids, clientId) {
    const people = [...new Set(ids)].sort((a, b) => a - b);
    const old = [...rooms.values()].find((r) => r.visibility === 2 && String(r.people) === String(people));
    if (old) return { room: old, isOld: true };
    const room = { id: id() * 104729, incarnation: 1, name: '', topic: '', visibility: 2, people, log: [], msgNo: 0, members: new Map(people.map((p) => [p, 0])), muted: new Set(), banned: new Set(), acks: new Map(), created: Date.now() };
    rooms.set(room.id, room);
    append(room, ids[0], 'direct_created', [people.map((p) => [p])], { client_id: clientId ?? newId() });
    tellAll(room);
    return { room, isOld: false };
  }

  /** Everybody's list of rooms shows the room as it is now. */
  function tellAll(room) {
    for (const s of sockets) if (s.user && room.members.has(s.user.id)) s.send({ type: 'room_added', rooms: [stateOf(room, s.user)] });
  }

  /** From where on somebody reads who comes in now. */
  function enter(room, user) {
    room.from ??= new Map();
    room.from.set(user.id, (room.history ?? 0) === 1 ? room.log.length + 1 : 0);
  }

  function setting(room, me, what, body) {
    const asAdmin = me.admin && what === 'archived';
    if (room.visibility === 2 || (!asAdmin && (room.members.get(me.id) ?? 0) < (what === 'history' ? 2 : 1))) return problem('forbidden');
    if (room.archived && what !== 'archived') return problem('archived');
    let event;
    if (what === 'name') event = append(room, me.id, 'renamed', [(room.name = body.name)]);
    else if (what === 'topic') event = append(room, me.id, 'topic_changed', [(room.topic = body.topic)]);
    else if (what === 'archived') event = append(room, me.id, 'archived', [(room.archived = body.on)]);
    else event = append(room, me.id, 'history_changed', [(room.history = body.history)]);
    tellAll(room);
    return ok({ type: 'ack', client_id: body.client_id, room: room.id, seq: event.seq, at_ms: event.at_ms, msg_no: 0, dup: false });
  }

  function join(room, user, clientId, atMs) {
    if (room.members.has(user.id)) return room.log.at(-1);
    enter(room, user);
    room.members.set(user.id, 0);
    user.reads.set(room.id, room.msgNo);
    const event = append(room, user.id, 'joined', [0], { client_id: clientId ?? newId(), at_ms: atMs });
    for (const s of sockets) if (s.user?.id === user.id) s.send({ type: 'room_added', rooms: [stateOf(room, user)] });
    return event;
  }

  const shownAs = (u) => ({ user: u.id, name: u.display || u.name, role: u.admin ? 1 : 0, rev: u.rev, handle: u.name, avatar: u.avatar });

  function changed(user) {
    user.rev++;
    for (const s of sockets) if (s.user) s.send({ type: 'user_changed', users: [shownAs(user)] });
    return ok({ type: 'users', users: [shownAs(user)], more: false });
  }

  const stateOf = (room, user) => ({ room: room.id, incarnation: room.incarnation, visibility: room.visibility, name: room.name, topic: room.topic, head: room.log.length, msg_no: room.msgNo, read_msg_no: user.reads.get(room.id) ?? 0, role: room.members.get(user.id) ?? 0, notify: user.levels.get(room.id) ?? 0, turn: user.turns.get(room.id) ?? 0, rev: 0, archived: room.archived ?? false, history: room.history ?? 0, people: (room.people ?? []).map((one) => ({ id: one })) });
  const deletedOf = (room) => room.log.findLast((e) => e.kind === KIND.deleted)?.seq ?? 0;
  const goneOf = (room) => room.log.filter((e) => e.msg_no > 0 && e.body === null).map((e) => e.msg_no);
  const infoOf = (room, user) => ({ room: room.id, name: room.name, topic: room.topic, visibility: room.visibility, members: room.members.size, joined: room.members.has(user.id), created_at_ms: room.created, archived: room.archived ?? false, history: room.history ?? 0 });

  /** Lines with numbers in [from, to], each followed by its newest edit. */
  function folded(room, from, to) {
    const out = [];
    for (const e of room.log) {
      if (!isLine(e) || e.msg_no < from || e.msg_no > to) continue;
      out.push(...lineFrames(room, e));
    }
    return out;
  }

  const isLine = (e) => LINES.includes(NAMES[e?.kind]);

  /* A line, its newest edit, and what hangs on it. */
  function lineFrames(room, e) {
    const edit = room.log.findLast((x) => (x.kind === KIND.edited || x.kind === KIND.revised) && x.target === e.seq);
    let reactions = [];
    let pin = null;
    for (const x of room.log) {
      if (x.target !== e.seq || e.body === null) continue;
      if (x.kind === KIND.pinned) pin = x.body[0] ? (pin ?? x) : null;
      if (x.kind !== KIND.reacted) continue;
      reactions = reactions.filter((r) => r.user !== x.user || r.emoji !== x.body[0]);
      if (x.body[1]) reactions.push({ user: x.user, emoji: x.body[0] });
    }
    const frames = edit ? [e, edit] : [e];
    if (reactions.length === 0 && !pin) return frames;
    const emoji = [...new Set(reactions.map((r) => r.emoji))];
    frames.push({
      type: 'marks',
      room: room.id,
      seq: e.seq,
      as_of: room.log.length,
      pinned: pin?.seq ?? 0,
      pinned_by: pin?.user ?? 0,
      emoji: emoji.map((one) => ({ emoji: one })),
      reactions: reactions.map((r) => ({ emoji: emoji.indexOf(r.emoji), user: r.user })),
      mentions: [],
    });
    return frames;
  }

  function toJson(e) {
    if (e.type === 'marks') return e;
    const names = BODIES[NAMES[e.kind]];
    return { ...e, kind: NAMES[e.kind], body: e.body && Object.fromEntries(names.map((n, i) => [n, n === 'mentions' || n === 'members' ? e.body[i].map(([id]) => ({ id })) : n === 'files' ? e.body[i].map((f) => Object.fromEntries(FILE.map((k, j) => [k, f[j]]))) : e.body[i]])) };
  }

  /* ---- what a room is asked to do; answers ack, or throws the name of an error ---- */
  function perform(room, user, m) {
    if (!room) throw 'no_room';
    if (!room.members.has(user.id)) throw 'not_member';
    if (room.archived && m.type !== 'room_delete') throw 'archived';
    if (room.muted.has(user.id)) throw 'muted';
    const known = room.acks.get(m.client_id);
    if (known) return { ...known, dup: true };
    if (knobs.failPosts) throw knobs.failPosts;
    const line = m.target ? room.log[m.target - 1] : null;
    let event;
    if (m.type === 'room_post') event = append(room, user.id, 'posted', [m.text], m);
    else if (m.type === 'room_say') event = append(room, user.id, 'said', [m.text, m.mentions.map((r) => [r.id])], { ...m, target: m.reply_to });
    else if (m.type === 'room_share') event = append(room, user.id, 'shared', [m.text, m.mentions.map((r) => [r.id]), files.claim(room, user, m.client_id, m.files)], { ...m, target: m.reply_to });
    else if (!isLine(line)) throw 'no_event';
    else if (line.body === null) throw 'deleted';
    else if (m.type === 'room_react') event = append(room, user.id, 'reacted', [m.emoji, m.on], m);
    else if (m.type === 'room_pin') event = append(room, user.id, 'pinned', [m.on], m);
    else if (line.user !== user.id) throw 'not_author';
    else if (m.type === 'room_revise') event = append(room, user.id, 'revised', [m.text, m.mentions.map((r) => [r.id])], m);
    else if (m.type === 'room_edit') event = append(room, user.id, 'edited', [m.text], m);
    else event = append(room, user.id, 'deleted', [0], m);
    const ack = { type: 'ack', client_id: m.client_id, room: room.id, seq: event.seq, at_ms: event.at_ms, msg_no: event.msg_no, dup: false };
    room.acks.set(m.client_id, ack);
    return ack;
  }

  /* ---- HTTP ---- */
  const problem = (name, more = {}) => {
    const row = Object.values(errors).find((r) => r.name === name);
    return { status: row.status, type: 'application/problem+json', body: { type: `/problems/${name}`, title: name, status: row.status, detail: row.text, ...more } };
  };
  const ok = (body, status = 200, headers = {}) => ({ status, body, headers });
  const files = createFiles({ id, ok, problem });

  function endSession(session) {
    session.over = true;
    signIns.delete(session.id);
    for (const s of [...sockets]) if (s.session === session) s.ws.close(4401);
  }

  function again(session) {
    const access = `token-${newId()}`;
    session.used = Date.now();
    tokens.set(access, { user: session.user, session, given: session.user.mustChange, until: Date.now() + knobs.tokenMs });
    return ok({ type: 'auth_done', user: session.user.id, name: session.user.name, role: session.user.admin ? 1 : 0, must_change: session.user.mustChange, session: session.id, access_token: access, expires_at_ms: Date.now() + knobs.tokenMs });
  }

  function signIn(user, status, device = 'Web on Linux', userAgent = '') {
    const access = `token-${newId()}`;
    const refresh = `refresh-${newId()}`;
    const session = { id: id() * 6007, user, device, userAgent, created: Date.now(), used: Date.now(), over: false };
    signIns.set(session.id, session);
    tokens.set(access, { user, session, given: user.mustChange, until: Date.now() + knobs.tokenMs });
    sessions.set(refresh, session);
    return ok({ type: 'auth_done', user: user.id, name: user.name, role: user.admin ? 1 : 0, must_change: user.mustChange, session: session.id, access_token: access, expires_at_ms: Date.now() + knobs.tokenMs }, status, { 'Set-Cookie': `rookery_refresh=${refresh}; HttpOnly; SameSite=Strict; Path=/api/v1/auth; Max-Age=2592000` });
  }

  /* People, the settings, invitations. */
  function aboutPeople(me, method, path, query, body, headers) {
    if (path === '/users' && query.get('ids')) return ok({ type: 'users', users: query.get('ids').split(',').flatMap((i) => users.get(Number(i)) ?? []).map(shownAs), more: false });
    if (path === '/users') {
      const q = (query.get('query') ?? '').toLowerCase();
      const limit = Number(query.get('limit') ?? 50);
      const list = [...users.values()].filter((u) => `${u.name}\n${u.display}`.toLowerCase().includes(q) && u.name.toLowerCase() > (query.get('after_name') ?? '').toLowerCase()).sort((a, b) => (a.name.toLowerCase() < b.name.toLowerCase() ? -1 : 1));
      return ok({ type: 'users', users: list.slice(0, limit).map(shownAs), more: list.length > limit });
    }
    const avatarOf = /^\/users\/(\d+)\/avatar$/.exec(path)?.[1];
    if (avatarOf) {
      const picture = pictures.get(Number(avatarOf));
      return picture ? { status: 200, type: picture.type, raw: picture.bytes } : problem('not_found');
    }
    if (path === '/me' && method === 'PATCH') {
      me.display = body.display;
      return changed(me);
    }
    if (path === '/me/avatar') {
      me.avatar = method === 'PUT' ? me.rev + 1 : 0;
      if (method === 'PUT') pictures.set(me.id, { bytes: body, type: headers['content-type'] });
      else pictures.delete(me.id);
      return changed(me);
    }
    const reset = /^\/admin\/users\/(\d+)\/reset-password$/.exec(path)?.[1];
    if (!reset && !path.startsWith('/invites') && path !== '/server') return null;
    if (!me.admin) return problem('forbidden');
    if (reset) {
      const user = users.get(Number(reset));
      user.password = 'k7m2p-given-for-once';
      user.mustChange = true;
      for (const s of [...signIns.values()]) if (s.user === user) endSession(s);
      return ok({ type: 'auth_reset_done', user: user.id, name: user.name, password: user.password });
    }
    if (path === '/server') return ok({ type: 'server_info', ...Object.assign(server, body) });
    if (method === 'POST') {
      const invite = { invite: id() * 31, code: `mock${newId().toLowerCase().slice(10)}`, by: me.id, created_at_ms: Date.now(), expires_at_ms: body.days ? Date.now() + body.days * 86_400_000 : 0, uses_max: body.uses_max, uses: 0 };
      invites.set(invite.invite, invite);
      return ok({ type: 'invites', invites: [invite] });
    }
    if (method === 'GET') return ok({ type: 'invites', invites: [...invites.values()].reverse() });
    invites.delete(Number(path.split('/')[2]));
    return { status: 204 };
  }

  function mayCome(code) {
    if (server.signup === 0) return null;
    if (server.signup === 2) return problem('signup_closed');
    if (!code) return problem('invite_required', { field: 'invite' });
    const invite = [...invites.values()].find((i) => i.code === code);
    if (!invite || (invite.uses_max && invite.uses >= invite.uses_max)) return problem('invite_invalid', { field: 'invite' });
    invite.uses++;
    return null;
  }

  const admin = createAdmin({ users, rooms, signIns, sockets, endSession, ok, problem });

  function api(method, path, query, body, headers) {
    if (path === '/server' && method === 'GET') return ok({ type: 'server_info', ...server });
    if (path === '/setup') {
      if (server.set_up) return problem('already_set_up');
      Object.assign(server, { name: body.server_name, signup: body.signup, set_up: true });
      const first = addUser(body.name, body.password);
      first.admin = true;
      return signIn(first, 201, body.device, headers['user-agent']);
    }
    const cookie = /rookery_refresh=([^;]+)/.exec(headers.cookie ?? '')?.[1];
    if (path.startsWith('/auth/')) {
      const byName = [...users.values()].find((u) => u.name.toLowerCase() === String(body?.name).toLowerCase());
      let refused;
      switch (path) {
        case '/auth/signup':
          if (byName) return problem('name_taken', { field: 'name' });
          if (body.password.length < 8) return problem('weak_password', { field: 'password' });
          refused = mayCome(body.invite);
          if (refused) return refused;
          return signIn(addUser(body.name, body.password), 201, body.device, headers['user-agent']);
        case '/auth/login':
          if (byName?.disabled && byName.password === body.password) return problem('disabled');
          if (knobs.waitMs) return problem('rate_limited', { retry_ms: knobs.waitMs });
          return byName?.password === body.password ? signIn(byName, 200, body.device, headers['user-agent']) : problem('bad_credentials');
        case '/auth/refresh':
          return sessions.get(cookie)?.over === false ? again(sessions.get(cookie)) : problem('unauthorized');
        case '/auth/logout':
          if (sessions.has(cookie)) endSession(sessions.get(cookie));
          sessions.delete(cookie);
          return { status: 204, headers: { 'Set-Cookie': 'rookery_refresh=; HttpOnly; Path=/api/v1/auth; Max-Age=0' } };
        default:
          return problem('not_found');
      }
    }
    const grant = tokens.get((headers.authorization ?? '').replace('Bearer ', ''));
    if (!grant) return problem('unauthorized');
    if (grant.session.over) return problem('token_revoked');
    if (grant.until < Date.now()) return problem('token_expired');
    if (grant.given && path !== '/me/password') return problem('password_change_required');
    const me = grant.user;
    const mine = [...signIns.values()].filter((s) => s.user === me);
    if (path === '/sessions' && method === 'GET') return ok({ type: 'sessions', sessions: mine.sort((a, b) => b.used - a.used).map((s) => ({ session: s.id, device: s.device, user_agent: s.userAgent, address: s.address ?? '127.0.0.1', created_at_ms: s.created, used_at_ms: s.used, current: s === grant.session })) });
    if (path.startsWith('/sessions') && method === 'DELETE') {
      const one = Number(path.split('/')[2] ?? 0);
      for (const s of mine) if (one ? s.id === one : !(query.get('keep') === 'current' && s === grant.session)) endSession(s);
      return { status: 204 };
    }
    if (path === '/me/password') {
      if (body.current !== me.password) return problem('wrong_password');
      if (me.mustChange && body.next === me.password) return problem('no_change');
      if (body.next.length < 8) return problem('weak_password', { field: 'password' });
      me.password = body.next;
      me.mustChange = false;
      for (const s of mine) if (s !== grant.session) endSession(s);
      return { status: 204 };
    }
    const people = aboutPeople(me, method, path, query, body, headers);
    if (people) return people;
    if (path === '/directs') {
      if (body.users.length > 8) return problem('out_of_range');
      const { room, isOld } = openDirect([me.id, ...body.users.map((u) => u.id)], body.client_id);
      return ok({ type: 'ack', client_id: body.client_id, room: room.id, seq: 1, at_ms: room.created, msg_no: 0, dup: isOld }, isOld ? 200 : 201);
    }
    const administered = admin.answer(me, method, path, query, body);
    if (administered) return administered;
    if (path === '/rooms' && method === 'POST') {
      const old = [...rooms.values()].find((r) => r.createdBy === body.client_id);
      const room = old ?? addRoom(me, body.name, body.topic ?? '', body.visibility ?? 0, body.client_id);
      room.history ??= body.history ?? 0;
      return ok({ type: 'ack', client_id: body.client_id, room: room.id, seq: 1, at_ms: room.created, msg_no: 0, dup: Boolean(old) }, old ? 200 : 201);
    }
    if (path === '/rooms') {
      const q = (query.get('query') ?? '').toLowerCase();
      const list = [...rooms.values()].filter((r) => r.visibility === 0 && (!r.archived || query.get('archived')) && r.name.toLowerCase().includes(q)).sort((a, b) => a.name.localeCompare(b.name));
      const from = query.get('after_room') ? list.findIndex((r) => r.id === Number(query.get('after_room'))) + 1 : 0;
      return ok({ type: 'rooms', more: list.length > from + 50, rooms: list.slice(from, from + 50).map((r) => infoOf(r, me)) });
    }
    if (path === '/search') return search(me, query);
    const [, roomId, what, whomId] = /^\/rooms\/(\d+)(?:\/(\w+))?(?:\/(\d+))?/.exec(path) ?? [];
    const room = rooms.get(Number(roomId));
    if (room?.banned.has(me.id)) return problem('banned');
    if (!room || (room.visibility !== 0 && !room.members.has(me.id))) return problem('no_room');
    if (what === 'files' && method === 'POST') return knobs.failUploads ? problem(knobs.failUploads, { retry_ms: 500 }) : files.upload(room, me, query, body);
    if (what === 'files') return method === 'DELETE' ? files.drop(room, me, Number(whomId)) : files.download(room, me, Number(whomId));
    if (whomId && what !== 'messages') return change(room, me, what, Number(whomId), method, body);
    const ackOf = (event) => ok({ type: 'ack', client_id: body.client_id, room: room.id, seq: event.seq, at_ms: event.at_ms, msg_no: 0, dup: false });
    if (['name', 'topic', 'archived', 'history'].includes(what)) return setting(room, me, what, body);
    switch (what) {
      case 'bans':
        if ((room.members.get(me.id) ?? 0) < 1) return problem('forbidden');
        return ok({ type: 'restricted', room: room.id, more: false, people: [...new Set([...room.muted, ...room.banned])].map((user) => ({ user, name: shownAs(users.get(user)).name, state: (room.muted.has(user) ? 1 : 0) | (room.banned.has(user) ? 2 : 0), by: me.id, at_ms: Date.now() })) });
      case undefined:
        return ok({ type: 'room_info', rooms: [infoOf(room, me)], role: room.members.get(me.id) ?? 0, incarnation: room.incarnation, head: room.log.length, msg_no: room.msgNo });
      case 'join':
        if (room.archived) return problem('archived');
        return ackOf(join(room, me, body.client_id));
      case 'leave': {
        room.members.delete(me.id);
        const event = append(room, me.id, 'left', [0]);
        for (const s of sockets) if (s.user?.id === me.id) s.send({ type: 'room_removed', room: room.id, code: 0 });
        return ackOf(event);
      }
      case 'notify':
        me.levels.set(room.id, body.level);
        for (const s of sockets) if (s.user?.id === me.id) s.send({ type: 'notified', room: room.id, level: body.level });
        return ok({ type: 'notified', room: room.id, level: body.level });
      case 'members':
        if (query.get('query')) {
          const start = query.get('query').toLowerCase();
          const found = [...room.members.keys()].map((user) => users.get(user)).filter((u) => u.name.toLowerCase().split(/[ ._-]/).some((word) => word.startsWith(start)) || u.name.toLowerCase().startsWith(start));
          return ok({ type: 'members', room: room.id, more: false, members: found.slice(0, 8).map((u) => ({ user: u.id, name: shownAs(u).name, role: room.members.get(u.id), joined_seq: 1, muted: room.muted.has(u.id) })) });
        }
        if (method === 'POST') {
          const whom = users.get(body.member);
          if ((room.members.get(me.id) ?? 0) < 1 || room.visibility === 2) return problem('forbidden');
          if (!whom) return problem('no_user');
          if (room.members.has(whom.id)) return problem('no_change');
          if (room.banned.has(whom.id)) return problem('member_banned');
          enter(room, whom);
          room.members.set(whom.id, 0);
          whom.reads.set(room.id, room.msgNo);
          const event = append(room, me.id, 'added', [whom.id]);
          tellAll(room);
          return ackOf(event);
        }
        return ok({ type: 'members', room: room.id, more: false, members: [...room.members].map(([user, role]) => ({ user, name: shownAs(users.get(user)).name, role, joined_seq: 1, muted: room.muted.has(user) })) });
      case 'pins': {
        const pinned = room.log.filter((e) => isLine(e) && e.body !== null).map((e) => lineFrames(room, e)).filter((f) => f.at(-1).pinned > 0);
        pinned.sort((a, b) => b.at(-1).pinned - a.at(-1).pinned);
        const frames = pinned.flat();
        return ok({ type: 'page', room: room.id, incarnation: room.incarnation, as_of: room.log.length, first_msg_no: 0, last_msg_no: 0, first_seq: 0, more: false, frames: frames.map(toJson) });
      }
      case 'messages': {
        if (!room.members.has(me.id)) return problem('not_member');
        const hung = /\/messages\/(\d+)\/(?:reactions\/(.+)|pin)$/.exec(path);
        if (hung) {
          const on = method === 'PUT';
          const m = { client_id: query.get('client_id'), target: Number(hung[1]), on, type: hung[2] ? 'room_react' : 'room_pin', emoji: hung[2] && decodeURIComponent(hung[2]) };
          try {
            return ok(perform(room, me, m));
          } catch (name) {
            return problem(name);
          }
        }
        if (query.get('seqs')) {
          const lines = query.get('seqs').split(',').map((q) => room.log[Number(q) - 1]).filter(isLine);
          return ok({ type: 'page', room: room.id, incarnation: room.incarnation, as_of: room.log.length, first_msg_no: lines[0]?.msg_no ?? 0, last_msg_no: lines.at(-1)?.msg_no ?? 0, first_seq: lines[0]?.seq ?? 0, more: false, frames: lines.flatMap((e) => lineFrames(room, e)).map(toJson) });
        }
        const limit = Number(query.get('limit') ?? 50);
        if (query.get('after')) {
          const from = Number(query.get('after')) + 1;
          const to = Math.min(room.msgNo, from + limit - 1);
          const some = folded(room, from, to);
          return ok({ type: 'page', room: room.id, incarnation: room.incarnation, as_of: room.log.length, first_msg_no: some.length ? from : 0, last_msg_no: some.length ? to : 0, first_seq: some[0]?.seq ?? 0, more: to < room.msgNo, frames: some.map(toJson) });
        }
        const before = Math.min(room.msgNo + 1, Number(query.get('before') ?? room.msgNo + 1));
        const from = room.from?.get(me.id) ?? 0;
        const least = from > 0 ? (room.log.find((e) => isLine(e) && e.seq >= from)?.msg_no ?? room.msgNo + 1) : 1;
        const first = Math.max(least, before - limit);
        const frames = folded(room, first, before - 1);
        return ok({ type: 'page', room: room.id, incarnation: room.incarnation, as_of: room.log.length, first_msg_no: frames.length ? first : 0, last_msg_no: frames.length ? before - 1 : 0, first_seq: frames[0]?.seq ?? 0, more: first > least, frames: frames.map(toJson) });
      }
      default:
        return problem('not_found');
    }
  }

  /** Words by what they contain, `in:` and `from:`; enough to look at the client with. */
  function search(me, params) {
    const hits = [];
    const q = params.get('q') ?? '';
    const parts = q.match(/(?:\w+:)?(?:"[^"]*"?|\S+)/g) ?? [];
    const words = [];
    let wanted = [...rooms.values()].filter((r) => r.members.has(me.id));
    let author = null;
    for (const part of parts) {
      const [, filter, raw] = /^(in|from|before|after|has):(.*)$/.exec(part) ?? [null, null, part];
      const value = raw.replace(/"/g, '').toLowerCase();
      const refuse = (detail) => problem('bad_search', { detail, position: q.indexOf(part) });
      if (filter === null) words.push(value);
      else if (value === '') return refuse('Write something right after the colon.');
      else if (filter === 'in') {
        wanted = wanted.filter((r) => r.name.toLowerCase() === value || String(r.id) === value);
        if (wanted.length === 0) return refuse('You are in no room of this name.');
      } else if (filter === 'from') {
        author = value === 'me' ? me : [...users.values()].find((u) => u.name.toLowerCase() === value);
        if (!author) return refuse('Nobody has this name.');
      } else if (filter !== 'has' && !/^\d{4}(-\d\d){0,2}$/.test(value)) return refuse('Write a date as 2026-11-23, 2026-11 or 2026.');
    }
    if (words.length === 0 && !author) return problem('bad_search', { detail: 'Write a word to look for, or from: and a name.', position: 0 });
    const marks = [];
    for (const room of wanted)
      for (const line of room.log) {
        if (line.kind !== KIND.posted || line.body === null || (author && line.user !== author.id)) continue;
        const edit = room.log.findLast((x) => x.kind === KIND.edited && x.target === line.seq);
        const text = (edit ?? line).body[0];
        if (words.every((w) => text.toLowerCase().includes(w))) hits.push({ room: room.id, seq: line.seq, msg_no: line.msg_no, user: line.user, at_ms: line.at_ms, edited: Boolean(edit), snippet: text.slice(0, 300).replace(/\s/g, ' ') });
      }
    hits.sort((a, b) => b.at_ms - a.at_ms);
    const from = Number((params.get('before') ?? '0').split('.')[0]);
    const some = hits.slice(from, from + Number(params.get('limit')));
    some.forEach((hit, i) => {
      for (const w of words) if (hit.snippet.toLowerCase().includes(w)) marks.push({ hit: i, from: hit.snippet.toLowerCase().indexOf(w), to: hit.snippet.toLowerCase().indexOf(w) + w.length });
    });
    const more = hits.length > from + some.length;
    return ok({ type: 'search_result', fault: 0, position: 0, more, next: more ? `${from + some.length}.0.0` : '', behind: knobs.searchBehind ?? 0, hits: some, marks: marks.sort((a, b) => a.hit - b.hit || a.from - b.from) });
  }

  /* ---- what one person does to another: the server's rules in short ---- */
  function leaves(room, user, why) {
    room.members.delete(user);
    for (const s of sockets) {
      if (s.user?.id !== user) continue;
      s.live.delete(room.id);
      s.send({ type: 'kick', room: room.id, code: codeOf[why] });
      s.send({ type: 'room_removed', room: room.id, code: codeOf[why] });
    }
  }

  function change(room, me, what, whom, method, body) {
    const own = room.members.get(me.id) ?? 0;
    const theirs = room.members.get(whom) ?? 0;
    const is = method === 'DELETE' ? 'take' : 'put';
    if (whom === me.id || (method === 'PUT' ? own < 2 : own < 1 || own <= theirs)) return problem('forbidden');
    let event;
    if (method === 'PUT') {
      event = append(room, me.id, 'role_changed', [whom, body.role]);
      room.members.set(whom, body.role);
      if (body.role === 2) room.members.set(me.id, 1);
      for (const s of sockets) if (s.user && [whom, me.id].includes(s.user.id)) s.send({ type: 'room_added', rooms: [stateOf(room, s.user)] });
    } else if (what === 'members') {
      event = append(room, me.id, 'removed', [whom]);
      leaves(room, whom, 'removed');
    } else if (what === 'bans') {
      event = append(room, me.id, is === 'put' ? 'banned' : 'unbanned', [whom]);
      if (is === 'put') leaves(room, whom, 'banned');
      room.banned[is === 'put' ? 'add' : 'delete'](whom);
    } else {
      event = append(room, me.id, 'muted', [whom, is === 'put']);
      room.muted[is === 'put' ? 'add' : 'delete'](whom);
    }
    return ok({ type: 'ack', client_id: event.client_id, room: room.id, seq: event.seq, at_ms: event.at_ms, msg_no: 0, dup: false });
  }

  /* ---- orders ---- */
  const findRoom = (name) => [...rooms.values()].find((r) => r.name === name);
  const findUser = (name) => [...users.values()].find((u) => u.name === name);
  const orders = {
    direct: ({ users: names }) => ({ id: openDirect(names.map((n) => findUser(n).id)).room.id }),
    sayIn: ({ room, user, text }) => void append(rooms.get(room), findUser(user).id, 'posted', [text]),
    /* How somebody is shown, told to all. */
    rename({ user, display }) {
      const u = findUser(user);
      u.display = display;
      changed(u);
    },
    server: (what) => Object.assign(server, what),
    knobs: (o) => Object.assign(knobs, o),
    close({ code, user }) {
      for (const s of [...sockets]) if (!user || s.user?.name === user) s.ws.close(code);
    },
    say({ room, user, text, times = 1 }) {
      for (let i = 0; i < times; i++) append(findRoom(room), findUser(user).id, 'posted', [times > 1 ? `${text} ${i + 1}` : text]);
    },
    edit({ room, seq, text }) {
      const line = findRoom(room).log[seq - 1];
      append(findRoom(room), line.user, 'edited', [text], { target: seq });
    },
    join: ({ room, user }) => void join(findRoom(room), findUser(user)),
    /** Of uploads: those that were cut while they were held, and files that are there. */
    uploads: () => ({ cut: uploads.cut, files: [...files.files.values()].map((f) => ({ name: f.name, user: users.get(f.user).name, bytes: f.bytes.length, shown: f.line !== null })) }),
    /** Put out without a word: what a request finds that was on its way. */
    putOut({ room, user }) {
      findRoom(room).members.delete(findUser(user).id);
    },
    kick({ room, user, why = 'not_member' }) {
      leaves(findRoom(room), findUser(user).id, why);
    },
    /** Somebody else's browser, or an old one of the same person. */
    signIn({ user, device, userAgent = '', address, agoMs = 0 }) {
      const session = { id: id() * 6007, user: findUser(user), device, userAgent, address, created: Date.now() - agoMs - 86_400_000, used: Date.now() - agoMs, over: false };
      signIns.set(session.id, session);
      return { id: session.id };
    },
    role({ room, user, role }) {
      findRoom(room).members.set(findUser(user).id, role);
    },
    admin({ user, on }) {
      findUser(user).admin = on;
    },
    silence: ({ node }) => admin.silence(node),
    typing({ room, users: names }) {
      const r = findRoom(room);
      for (const s of sockets) if (s.live.has(r.id)) s.send({ type: 'typists', room: r.id, users: names.map((n) => ({ id: findUser(n).id })) });
    },
    gap({ room }) {
      const r = findRoom(room);
      for (const s of sockets) if (s.live.delete(r.id)) s.send({ type: 'gap', room: r.id, last: r.log.length });
    },
    lines: ({ room }) => findRoom(room).log.filter((e) => e.kind === KIND.posted).map((e) => ({ seq: e.seq, user: users.get(e.user).name, text: e.body?.[0] ?? null, client_id: e.client_id })),
    room: ({ room }) => ({ id: findRoom(room)?.id ?? 0 }),
  };

  /* ---- HTTP server ---- */
  const http = createHttpServer((req, res) => {
    const url = new URL(req.url, 'http://localhost');
    const chunks = [];
    const isUpload = req.method === 'POST' && /\/rooms\/\d+\/files$/.test(url.pathname);
    if (isUpload && knobs.holdUploads) {
      req.on('close', () => uploads.cut++); // taken, and never answered
      req.resume();
      return;
    }
    req.on('data', (c) => chunks.push(c));
    req.on('end', () => {
      const bytes = Buffer.concat(chunks);
      const body = isUpload || req.headers['content-type']?.startsWith('image/') ? bytes : bytes.length > 0 ? JSON.parse(bytes.toString()) : undefined;
      if (url.pathname.startsWith('/mock/')) {
        const answer = orders[url.pathname.slice(6)](body ?? {});
        res.end(JSON.stringify(answer ?? {}));
        return;
      }
      if (knobs.down) {
        res.destroy();
        return;
      }
      if (url.pathname.startsWith('/api/v1')) {
        const answer = api(req.method, url.pathname.slice(7), url.searchParams, body, req.headers);
        setTimeout(() => {
          res.writeHead(answer.status, { 'Content-Type': answer.type ?? 'application/json', 'Cache-Control': 'no-store', ...answer.headers });
          res.end(answer.raw ?? (answer.body ? JSON.stringify(answer.body) : undefined));
        }, knobs.httpDelayMs);
        return;
      }
      const wanted = fileOf(url.pathname);
      const file = existsSync(wanted) && statSync(wanted).isFile() ? wanted : fileOf('/index.html');
      res.writeHead(200, { 'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream', 'Content-Security-Policy': CSP, 'X-Content-Type-Options': 'nosniff', 'Referrer-Policy': 'no-referrer' });
      res.end(readFileSync(file));
    });
  });
  const fileOf = (path) => pathOf(DIST, path.replace(/\.\./g, ''));

  /* ---- socket ---- */
  const wss = new WebSocketServer({ noServer: true, handleProtocols: () => 'rookery.v1.msgpack' });
  http.on('upgrade', (req, socket, head) => {
    if (knobs.refuseSockets || knobs.down || req.url !== '/ws') {
      socket.destroy();
      return;
    }
    wss.handleUpgrade(req, socket, head, serve);
  });

  function serve(ws) {
    const s = { ws, user: null, live: new Set(), send: (m) => ws.readyState === 1 && ws.send(codec.encode(m)) };
    sockets.add(s);
    ws.on('close', () => {
      sockets.delete(s);
      for (const room of s.live) presence(rooms.get(room));
    });
    ws.on('message', (data) => receive(s, codec.decode(new Uint8Array(data))));
    s.send({ type: 'hi', version: 1, build: 'mock', now_ms: Date.now(), hello_ms: 5000, heartbeat_ms: 25000, text_bytes_max: 4096, frame_bytes_max: 16384, file_bytes_max: 52428800 });
  }

  function presence(room) {
    if (!room) return;
    const here = new Set([...sockets].filter((s) => s.user && room.members.has(s.user.id)).map((s) => s.user.id));
    for (const name of ['Ada Byron', 'Mira', 'Jonas']) if (findUser(name) && room.members.has(findUser(name).id)) here.add(findUser(name).id);
    for (const s of sockets) if (s.live.has(room.id)) s.send({ type: 'presence', room: room.id, full: true, here: here.size, users: [...here].map((user) => ({ user, state: 1 })) });
  }

  function sub(s, m) {
    const room = rooms.get(m.room);
    if (!room?.members.has(s.user.id)) {
      s.send({ type: 'kick', room: m.room, code: codeOf.not_member });
      return;
    }
    s.live.add(room.id);
    const head = room.log.length;
    const same = m.incarnation === room.incarnation;
    const mode = m.incarnation !== 0 && !same ? 2 : same && head - m.after <= 500 ? 0 : 1;
    const from = room.from?.get(s.user.id) ?? 0;
    const first = Math.max(1, room.msgNo - SNAPSHOT + 1, (room.log.find((e) => isLine(e) && e.seq >= from)?.msg_no ?? room.msgNo + 1) * (from > 0));
    const events = mode === 0 ? room.log.slice(m.after) : folded(room, first, room.msgNo);
    s.send({ type: 'sub_ok', room: room.id, incarnation: room.incarnation, mode, after: mode === 2 ? 0 : m.after, base: mode === 0 ? m.after + 1 : (events[0]?.seq ?? head), head, msg_no: room.msgNo, first_msg_no: mode === 0 ? 0 : events.length ? first : 0, role: room.members.get(s.user.id), members: room.members.size, deleted: deletedOf(room), visible_from: room.from?.get(s.user.id) ?? 0 });
    for (const e of events) s.send(e);
    s.send({ type: 'live', room: room.id, seq: head });
    presence(room);
  }

  const roomsOf = (user) => [...rooms.values()].filter((r) => r.members.has(user.id));

  function receive(s, m) {
    if (m.type === 'hello') {
      const grant = tokens.get(m.token);
      if (!grant || grant.until < Date.now() || grant.session.over) {
        s.ws.close(4401);
        return;
      }
      s.user = grant.user;
      s.session = grant.session;
      s.send({ type: 'welcome', user: s.user.id, name: s.user.name, role: s.user.admin ? 1 : 0, session: 1, expires_at_ms: grant.until, rooms: roomsOf(s.user).map((r) => stateOf(r, s.user)) });
      s.send({ type: 'heads', heads: roomsOf(s.user).map((r) => ({ room: r.id, seq: r.log.length, msg_no: r.msgNo, deleted: deletedOf(r) })) });
      for (const one of m.subs) sub(s, one);
      return;
    }
    if (!s.user) return;
    switch (m.type) {
      case 'sub':
        sub(s, m);
        return;
      case 'unsub':
        s.live.delete(m.room);
        return;
      case 'auth':
        s.send({ type: 'auth_ok', expires_at_ms: tokens.get(m.token)?.until ?? 0 });
        return;
      case 'read':
        if (m.turn !== (s.user.turns.get(m.room) ?? 0) || m.msg_no <= (s.user.reads.get(m.room) ?? 0)) return;
        s.user.reads.set(m.room, m.msg_no);
        for (const other of sockets) if (other !== s && other.user?.id === s.user.id) other.send({ type: 'read_at', room: m.room, msg_no: m.msg_no, turn: m.turn });
        return;
      case 'unread_from': {
        const turn = s.user.turns.get(m.room) ?? 0;
        if (m.turn === turn) {
          s.user.turns.set(m.room, turn + 1);
          s.user.reads.set(m.room, m.msg_no - 1);
        }
        for (const other of sockets)
          if (other.user?.id === s.user.id) other.send({ type: 'read_at', room: m.room, msg_no: s.user.reads.get(m.room) ?? 0, turn: s.user.turns.get(m.room) ?? 0 });
        return;
      }
      case 'gone_get': {
        const room = rooms.get(m.room);
        const gone = goneOf(room);
        s.send({ type: 'gone', room: room.id, deleted: deletedOf(room), more: gone.length > GONE_MAX, lines: gone.slice(-GONE_MAX).map((id) => ({ id })) });
        return;
      }
      case 'typing':
        for (const other of sockets) if (other !== s && other.live.has(m.room)) other.send({ type: 'typists', room: m.room, users: [{ id: s.user.id }] });
        return;
      case 'room_post':
      case 'room_say':
      case 'room_share':
      case 'room_revise':
      case 'room_edit':
      case 'room_delete':
      case 'room_react':
      case 'room_pin':
        try {
          const ack = perform(rooms.get(m.room), s.user, m);
          if (!knobs.muteAcks) s.send(ack);
        } catch (name) {
          if (typeof name !== 'string') throw name;
          const row = Object.values(errors).find((r) => r.name === name);
          s.send({ type: 'nack', client_id: m.client_id, room: m.room, code: codeOf[name], retry_ms: row.retry ? 500 : 0, final: !row.retry, reason: row.text });
        }
        return;
      default:
    }
  }

  if (seed) plant({ addUser, addRoom, append, join, users });
  await new Promise((resolve) => http.listen(port, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${http.address().port}`;
  return {
    url,
    order: (name, o) => orders[name](o ?? {}),
    async stop() {
      for (const s of sockets) s.ws.terminate();
      http.closeAllConnections();
      http.close();
      await closeVite();
    },
  };
}

/* A small world to look at. */
function plant({ addUser, addRoom: make, append, join: enter }) {
  const old = Date.now() - 30 * 86_400_000;
  const addRoom = (owner, name, topic, visibility) => make(owner, name, topic, visibility, undefined, old);
  const join = (room, user) => enter(room, user, undefined, old);
  const [ada, mira, jonas, li, noor, tester] = ['Ada Byron', 'Mira', 'Jonas', '李雷', 'نور', 'Robin'].map((n) => addUser(n));
  const garden = addRoom(ada, 'Garden', 'What grows, what does not, and who waters it this week', 0);
  const release = addRoom(mira, 'Release 1.0', 'Dates, blockers, and the list of what is left', 1);
  const lunch = addRoom(jonas, 'Lunch', '', 0);
  const reading = addRoom(li, 'Reading group', 'One chapter a week. Now: “The Sense of Style”', 0);
  const long = addRoom(ada, 'A room with quite a long name, as people will make them', 'And a topic that goes on for longer than the header is wide, to see what happens to it when there is no place left for it', 0);
  addRoom(ada, 'Photography', 'Light, mostly', 0);
  addRoom(noor, 'Music', '', 0);
  for (const room of [garden, release, lunch, reading, long]) for (const u of [ada, mira, jonas, li, noor, tester]) join(room, u);
  const at = (days, h, m) => {
    const d = new Date();
    d.setDate(d.getDate() - days);
    d.setHours(h, m, 0, 0);
    return Math.min(d.getTime(), Date.now() - 60_000);
  };
  const say = (room, user, text, at_ms) => append(room, user.id, 'posted', [text], { at_ms });
  for (let i = 0; i < 640; i++) say(garden, [ada, mira, jonas, li][(i >> 1) % 4], `Line ${i + 1} of the garden’s diary: ${['rain in the night', 'the beans are up', 'snails again', 'nothing to tell'][i % 4]}.`, at(20, 8, 0) + i * 97_000);
  say(garden, ada, 'Morning! The tomatoes made it through the night 🍅', at(1, 8, 12));
  say(garden, ada, 'I have moved the seedlings to the south window. They looked cold.', at(1, 8, 13));
  say(garden, mira, 'Thank you. How much water do they get?\n\n- small ones: a cup\n- big ones: until it runs out below', at(1, 8, 40));
  const typo = say(garden, jonas, 'See https://en.wikipedia.org/wiki/Rook_(bird), they eat the snails.', at(1, 9, 2));
  append(garden, jonas.id, 'edited', ['See https://en.wikipedia.org/wiki/Rook_(bird). They eat the snails, or so I hear.'], { target: typo.seq, at_ms: at(1, 9, 3) });
  say(garden, noor, 'صباح الخير! هل تحتاجون إلى مساعدة اليوم؟', at(1, 9, 30));
  say(garden, li, '我下午有空，可以来浇水。', at(1, 9, 31));
  const gone = say(garden, jonas, 'never mind', at(1, 9, 32));
  append(garden, jonas.id, 'deleted', [0], { target: gone.seq, at_ms: at(1, 9, 33) });
  say(garden, tester, 'I can do Thursday and Friday.', at(0, 7, 1));
  say(garden, tester, 'And the compost, if somebody shows me how.', at(0, 7, 2));
  say(garden, mira, '👏🌱', at(0, 7, 20));
  say(garden, ada, 'Wonderful. Write to ada@example.org if the key is not where it should be.', at(0, 7, 21));
  tester.reads.set(garden.id, garden.msgNo - 2);
  say(release, mira, 'Two blockers left: the migration note, and the icon on Windows.', at(0, 6, 0));
  for (let i = 0; i < 7; i++) say(release, jonas, `Checked item ${i + 1}.`, at(0, 6, 10 + i));
  tester.reads.set(release.id, 1);
  say(long, ada, 'a'.repeat(300), at(0, 5, 0));
  tester.reads.set(long.id, 0);
  for (const u of [ada, mira, jonas, li, noor]) for (const r of [garden, release, lunch, reading, long]) u.reads.set(r.id, r.msgNo);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const mock = await startMock({ port: Number(process.env.PORT ?? 8090) });
  console.log(`mock at ${mock.url}; log in as Robin with the password "password"`);
}
