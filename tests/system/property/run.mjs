/* One run: people, their work, what goes wrong meanwhile, and the record of what is left when all is quiet. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { startStack, TOPOLOGY } from '../../browser/stack.mjs';
import { differentRooms } from './compare.mjs';
import { lastWords } from './last_words.mjs';
import { Ledger } from './ledger.mjs';
import { propose, World } from './operations.mjs';
import { Browser, bundleClient } from './pages.mjs';
import { newRandom, sleep, until } from './random.mjs';
import { Talker } from './talkers.mjs';

const ROOT = new URL('../../../', import.meta.url).pathname;
const BUILD = process.env.ROOKERY_BUILD_DIR ?? join(ROOT, `build/${process.env.ROOKERY_PRESET ?? 'release'}`);
const NAMES = ['ada', 'ben', 'cleo', 'dan', 'eve', 'finn'];
/** Whose browsers: some people have two. */
const BROWSERS = [0, 0, 1, 1, 2, 3];
const ROOMS_FIRST = 5; // one of them private
const PASSWORD = 'a long enough sentence';
const NODES = ['persist-0', 'persist-1', 'accounts-0', 'accounts-1', 'room-0', 'room-1', 'edge-0', 'edge-1'];
const TICK_MS = 4;
const OPEN_MAX = 16; // requests of a talker under way
const CALM_PER_KIND = 20; // events of each kind in the end, with nothing going wrong
const KILL_GAP_MS = 1200;
/* Ends for what hangs. What is right takes seconds, on a busy machine many times that. */
const STORM_MS = 600_000;
const SETTLE_MS = 180_000;
const PINS_MAX = 20;
const COUNTS_MS = 60_000;
const PAGES_MAX = 1000;
const FILES_READY = 40; // uploaded, and shown by no line yet
const FILE_NAMES = ['nest.txt', 'Ei, ganz.pdf', '巣.bin'];
/* The beginning of a GIF says how large it is. */
const IMAGES = [[3, 4], [640, 480]].map(([w, h]) => Buffer.from([...Buffer.from('GIF89a'), w & 255, w >> 8, h & 255, h >> 8, 0, 0, 0]));
/** Of what is in an outbox: refused, or stored in a room that is not on the screen. */
const HAS_ENDED = new Set(['failed', 'stored']);
const SETTINGS = { ROOKERY_FRAMES_PER_S: 100000, ROOKERY_FRAMES_BURST: 100000, ROOKERY_REQUESTS_PER_S: 10000,
  ROOKERY_REQUESTS_BURST: 10000, ROOKERY_SIGNUPS_PER_MIN: 10000, ROOKERY_CRASHES_MAX: 1000, ROOKERY_RESTARTS_MAX: 1000 };

/* A question, again until it is answered: what is refused for now is no fault. */
async function patiently(ask) {
  for (const end = Date.now() + SETTLE_MS; ; await sleep(300)) {
    try {
      return await ask();
    } catch (e) {
      if (Date.now() > end) throw e;
    }
  }
}

const lastNo = (timeline) => timeline.items.reduce((n, item) => Math.max(n, item.msgNo ?? 0), 0);

class Run {
  constructor(options) {
    Object.assign(this, options);
    this.random = newRandom(options.seed);
    this.faults = [];
    this.talkers = [];
    this.pages = [];
    this.did = {};
  }

  count(what) {
    this.did[what] = (this.did[what] ?? 0) + 1;
  }

  /* ---- people ---- */

  async begin() {
    this.code = await bundleClient();
    this.stack = await startStack(SETTINGS);
    this.app = this.code(new Proxy({}, { get: () => undefined }));
    this.kinds = Object.values(this.app.KINDS).map((row) => row.name);
    this.users = new Map();
    this.world = new World(this.users, this.kinds);
    this.ledger = new Ledger((code) => this.app.ERRORS[code].name, (entry) => this.world.apply(entry));
    for (const name of NAMES) {
      const talker = await Talker.signUp(this.stack.url, name, PASSWORD, this.app, this.ledger);
      this.users.set(talker.user, name);
      this.talkers.push(talker);
    }
    for (const talker of this.talkers) talker.start();
    await this.makeRooms();
    for (const [i, of] of BROWSERS.entries()) await this.openBrowser(`page ${i} of ${NAMES[of]}`, this.talkers[of].user, NAMES[of]);
  }

  async openBrowser(name, user, login) {
    const browser = Object.assign(new Browser(name, user, this.stack.url, this.code, this.ledger), { login });
    const page = browser.open();
    await until(`${name} signs in`, () => page.commands.login(login, PASSWORD).then(() => true, () => false), SETTLE_MS);
    this.pages.push(browser);
  }

  async makeRooms() {
    while (this.world.rooms.size < ROOMS_FIRST) {
      this.ask(propose(this.random, this.world, { kind: 'room_created' }));
      await until('a room is made', () => this.talkers.every((t) => t.open.size === 0), SETTLE_MS);
    }
    for (const room of this.world.rooms.values())
      for (let i = 0; i < NAMES.length; i++) {
        this.ask(propose(this.random, this.world, { kind: 'joined', room: room.id }));
        await until('somebody joins', () => this.talkers.every((t) => t.open.size === 0), SETTLE_MS);
      }
  }

  /* Something to show, for somebody in a room: small, an image or not. What is refused or cut just now is left. */
  async upload(room, user) {
    const { random } = this;
    const talker = this.talkers.find((t) => t.user === user);
    const body = random.once(2) ? random.of(IMAGES) : Buffer.alloc(1 + random.below(3000), 65);
    const query = `name=${encodeURIComponent(`${random.of(FILE_NAMES)} ${random.below(1000)}`)}&client_id=${this.app.newClientId()}`;
    const answer = await fetch(`${this.stack.url}/api/v1/rooms/${room.id}/files?${query}`,
      { method: 'POST', headers: { Authorization: `Bearer ${talker.token}` }, body, signal: AbortSignal.timeout(5000) }).catch(() => null);
    const stored = answer && await answer.json().catch(() => null);
    if (!answer?.ok || !stored) return null;
    this.world.files.push({ room: room.id, user, file: stored.file });
    this.count('files uploaded');
    return stored;
  }

  /* A stock of files, one upload at a time. */
  stockFiles() {
    const rooms = [...this.world.rooms.values()].filter((room) => !room.archived && room.members.size);
    if (this.isUploading || rooms.length === 0 || this.world.files.length >= FILES_READY) return;
    const room = this.random.of(rooms);
    this.isUploading = true;
    this.upload(room, this.random.of([...room.members.keys()])).finally(() => (this.isUploading = false));
  }

  ask(proposal) {
    if (!proposal) return null;
    this.world.take(proposal.message);
    return this.talkers.find((t) => t.user === proposal.user).ask(proposal.message);
  }

  /* ---- what pages do ---- */

  /* The same request, as a person makes it on the screen. */
  perform(page, message) {
    const { commands } = page;
    const { room, target, member } = message;
    switch (message.type) {
      case 'room_create':
        return commands.createRoom({ clientId: commands.newClientId(), name: message.name, topic: message.topic, visibility: message.visibility ? 'private' : 'public', history: message.history ? 'joining' : 'all' });
      case 'room_join': return commands.joinRoom(room);
      case 'room_direct': return commands.openDirect(message.users.map((u) => u.id));
      case 'room_invite': return commands.addMember(room, member);
      case 'room_rename': return commands.renameRoom(room, message.name);
      case 'room_topic': return commands.setTopic(room, message.topic);
      case 'room_archive': return commands.archiveRoom(room, message.on);
      case 'room_history': return commands.setHistory(room, ['all', 'joining'][message.history]);
      case 'room_leave': return commands.leaveRoom(room);
      case 'room_post': return commands.post(room, message.text, 0);
      case 'room_say': return commands.post(room, message.text, message.reply_to);
      case 'room_edit':
      case 'room_revise': return commands.edit(room, target, message.text);
      case 'room_delete': return commands.remove(room, target);
      case 'room_react': return commands.react(room, target, message.emoji, message.on);
      case 'room_pin': return commands.pin(room, target, message.on);
      case 'room_remove': return commands.removeMember(room, member);
      case 'room_ban': return commands.banMember(room, member);
      case 'room_unban': return commands.unbanMember(room, member);
      case 'room_role': return commands.setRole(room, member, ['member', 'moderator', 'owner'][message.role]);
      case 'room_mute': return commands.muteMember(room, member, message.muted);
      default: throw new Error(`no command for ${message.type}`);
    }
  }

  /* Rejections are answers, and in the ledger; anything else is a bug of the client. */
  attempt(page, work) {
    Promise.resolve().then(work).catch((e) => {
      if (page.alive && !(typeof e === 'object' && e !== null && 'code' in e && 'detail' in e)) this.faults.push(`${page.browser.name}: ${e?.stack ?? e}`);
    });
  }

  /* The answer to a refresh was lost, and its successor is kept for 30 s only: a person signs in again. */
  signInAgain(browser) {
    const { page } = browser;
    if (page.isSigningIn) return;
    page.isSigningIn = true;
    this.count('signed in again');
    page.commands.login(browser.login, PASSWORD).catch(() => undefined).finally(() => (page.isSigningIn = false));
  }

  actOn(browser, even) {
    const { page } = browser;
    const { random } = this;
    const { state } = page;
    if (state.session.status === 'unreachable' && random.once(50)) page.commands.retrySession(); // the page offers it
    if (state.link.state === 'waiting' && random.once(100)) page.commands.reconnect(); // likewise
    if (state.session.status === 'out') this.signInAgain(browser);
    if (state.session.status !== 'in') return;
    const rooms = [...state.rooms.byId.keys()];
    if (rooms.length && (state.active === null || !state.rooms.byId.has(state.active) || (!even && random.once(60)))) {
      page.commands.openRoom(random.of(rooms));
      this.count('rooms opened');
    }
    if (random.once(8)) {
      const proposal = propose(random, this.world, { user: browser.user, even });
      // A page takes files from its own tray: talkers show them.
      if (proposal && proposal.message.type !== 'room_share') this.attempt(page, () => this.perform(page, proposal.message));
    }
    const t = page.timeline;
    if (!t || t.phase !== 'live') return;
    if (random.once(12)) page.commands.markRead(t.room, lastNo(t));
    if (random.once(600)) page.commands.markUnread(t.room, random.of(t.items).msgNo ?? lastNo(t));
    if (random.once(100)) this.attempt(page, () => page.commands.setNotify(t.room, random.of(['all', 'mentions', 'nothing'])));
    if (random.once(40)) page.commands.typing(t.room);
    if (!even && random.once(150)) this.attempt(page, () => page.commands.loadOlder(t.room));
    if (random.once(10)) page.commands.trim(t.room);
  }

  /* ---- what goes wrong ---- */

  disturb() {
    const { random } = this;
    const browser = random.of(this.pages);
    const what = random.weighted([[5, 'cut'], [2, 'offline'], [2, 'reload'], [2, 'stall'], [3, 'talker cut']]);
    this.count(what);
    if (what === 'talker cut') random.of(this.talkers).cut();
    else if (what === 'cut') browser.page.cut();
    else if (what === 'stall') browser.page.stall(200 + random.below(1500));
    else if (what === 'reload') browser.reload();
    else {
      const { page } = browser;
      page.goOffline();
      setTimeout(() => page.goOnline(), 100 + random.below(2500));
    }
  }

  pid(file) {
    try {
      return Number(readFileSync(join(this.stack.dir, 'var', file), 'utf8'));
    } catch {
      return 0;
    }
  }

  kill(what) {
    const { random } = this;
    if (what === 'database') {
      this.stack.killDatabase();
      return;
    }
    const node = random.of(NODES);
    const pid = this.pid(`run/${node}.pid`);
    if (TOPOLOGY === 'threads' || !pid || random.once(4)) {
      this.stack.killServer();
      this.count('whole servers killed');
      return;
    }
    process.kill(pid, 'SIGKILL');
    this.count(`${node.split('-')[0]} killed`);
  }

  isKilled(what) {
    try {
      this.kill(what);
      return true;
    } catch (e) {
      if (e.code !== 'ENOENT' && e.code !== 'ESRCH') throw e;
      return false; // it is just coming up
    }
  }

  /* Kills are spread over the storm; each waits for the one before to have healed. */
  async disaster(what) {
    await until(`there is a ${what} to kill`, () => this.isKilled(what), SETTLE_MS);
    this.count(`${what} kills`);
    const acked = this.ledger.counts.acked;
    await sleep(KILL_GAP_MS);
    await until(`healed after a kill of ${what}`, () => this.talkers.every((t) => t.online) && this.ledger.counts.acked > acked + 50, SETTLE_MS);
  }

  /* ---- the storm, and the calm after it ---- */

  tick(even) {
    this.stockFiles();
    for (const talker of this.talkers)
      while (talker.open.size < OPEN_MAX) {
        const proposal = propose(this.random, this.world, { even, user: this.random.once(2) ? talker.user : 0 });
        if (!proposal) break;
        this.ask(proposal);
        if (proposal.user !== talker.user) break;
      }
    for (const browser of this.pages) this.actOn(browser, even);
  }

  async storm() {
    const disasters = this.random.shuffled([...Array(this.kills).fill('server'), ...Array(this.databaseKills).fill('database')]);
    const count = disasters.length;
    const start = Date.now();
    let running = null;
    let disturbed = start;
    let failed = null;
    let last = { count: 0, atMs: start };
    for (;;) {
      const done = this.ledger.counts.acked;
      if (failed) throw failed;
      if (done > last.count) last = { count: done, atMs: Date.now() };
      if (Date.now() - last.atMs > SETTLE_MS) throw new Error(`the storm stands still: ${this.underWay().join('; ')}`);
      if (done >= this.events && disasters.length === 0 && !running) break;
      if (Date.now() - start > STORM_MS) throw new Error(`the storm got ${done} events in ${STORM_MS} ms`);
      this.tick(false);
      const due = ((count - disasters.length + 0.5) / count) * this.events;
      if (!running && disasters.length && done >= due)
        running = this.disaster(disasters.pop()).catch((e) => (failed = e)).finally(() => (running = null));
      if (Date.now() - disturbed > 60 && this.random.once(8)) {
        disturbed = Date.now();
        this.disturb();
      }
      await sleep(TICK_MS);
    }
    console.log(`storm: ${this.ledger.counts.acked} events in ${Math.round((Date.now() - start) / 100) / 10} s`);
  }

  async calm() {
    const target = this.ledger.counts.acked + CALM_PER_KIND * this.kinds.length;
    const links = () => this.pages.map(({ name, page: { state } }) => `${name} ${state.session.status} ${state.link.state} ${state.link.reason ?? ''}`).join('; ');
    await until(() => `everybody is online: ${links()}`, () => this.pages.map((b) => this.actOn(b, true)) && this.pages.every((b) => b.page.state.link.state === 'online') && this.talkers.every((t) => t.online), SETTLE_MS);
    const start = Date.now();
    while (this.ledger.counts.acked < target) {
      if (Date.now() - start > SETTLE_MS) throw new Error(`the calm takes too long: ${this.underWay().join('; ')}`);
      this.tick(true);
      await sleep(TICK_MS);
    }
  }

  /* Asked for by a talker until it is answered, and what is refused is a fault. */
  async must(user, message) {
    const entry = this.ask({ user, message });
    await until(`the ${entry.kind} of ${this.users.get(user)} is answered`, () => entry.ack ?? entry.refused, SETTLE_MS);
    if (!entry.ack) throw new Error(`${this.users.get(user)} is refused a ${entry.kind}: ${entry.refused}`);
    return entry.ack;
  }

  /* On one page of each of these people. */
  async watch(room, users) {
    for (const user of users) {
      const { name, page } = this.pages.find((browser) => browser.user === user);
      await until(`${name} hears of room ${room}`, () => page.state.rooms.byId.has(room), SETTLE_MS);
      page.commands.openRoom(room);
      await until(`${name} shows room ${room}`, () => page.timeline?.room === room && page.timeline.phase === 'live', SETTLE_MS);
    }
  }

  async lastWords() {
    await this.quiet();
    const upload = async (room, user) => (await until('a file is uploaded', () => this.upload({ id: room }, user), SETTLE_MS)).file;
    this.lastRooms = await lastWords(Object.fromEntries([...this.users].map(([user, name]) => [name, user])),
      { must: (user, message) => this.must(user, message), upload, watch: (room, users) => this.watch(room, users) });
  }

  sql(text) {
    const socket = join(this.stack.dir, 'var/mysql/mysqld.sock');
    const rows = execFileSync('mariadb', ['--no-defaults', `--socket=${socket}`, '--default-character-set=utf8mb4', '--batch', '--raw', '--skip-column-names', '--quick', '-e', text, 'rookery'],
      { encoding: 'utf8', maxBuffer: 1 << 30 });
    return rows.split('\n').filter((row) => row !== '').map((row) => row.split('\t'));
  }

  heads() {
    return new Map(this.sql('SELECT id, last_seq FROM room').map(([id, seq]) => [Number(id), Number(seq)]));
  }

  underWay() {
    return [...this.talkers.filter((t) => t.open.size).map((t) => `talker of ${this.users.get(t.user)}, ${t.online ? 'online' : 'offline'}, waits for ${t.open.size}: ${JSON.stringify([...t.open.values()][0])}`),
      ...this.pages.filter((b) => b.page.changing).map((b) => `${b.name}: ${b.page.changing} requests`),
      ...this.pages.flatMap((b) => b.page.state.outbox.entries.filter((e) => !HAS_ENDED.has(e.state)).map((e) => `${b.name}: ${e.state} ${e.work.what} ${e.reason}`))];
  }

  quiet() {
    return until(() => `quiet: ${this.underWay().join('; ')}`, () => this.underWay().length === 0, SETTLE_MS);
  }

  /* All have caught up, and have read what they show. */
  async settle() {
    await this.quiet();
    for (const { page } of this.pages) {
      if (page.timeline) page.commands.markRead(page.timeline.room, this.random.below(lastNo(page.timeline) + 1));
    }
    const reads = () => new Map(this.sql('SELECT room_id, user_id, read_msg_no FROM member').map(([room, user, no]) => [`${room}/${user}`, Number(no)]));
    const behind = (heads, read) => this.pages.flatMap(({ name, user, page: { state, timeline: t } }) => [
      ...(state.link.state === 'online' ? [] : [`${name} is ${state.link.state}`]),
      ...[...state.rooms.byId.values()].filter((r) => r.head !== heads.get(r.id)).map((r) => `${name} knows head ${r.head} of ${heads.get(r.id)} in room ${r.id}`),
      ...[...state.rooms.byId.values()].filter((r) => r.readMsgNo !== read.get(`${r.id}/${user}`)).map((r) => `${name} has read ${r.readMsgNo} of room ${r.id}, stored is ${read.get(`${r.id}/${user}`)}`),
      ...(t && state.rooms.byId.has(t.room) && (t.phase !== 'live' || t.lastSeq !== heads.get(t.room)) ? [`${name} shows ${t.lastSeq} of ${heads.get(t.room)}, ${t.phase}`] : []),
    ]);
    let late = [];
    await until(() => `caught up: ${late.join('; ')}`, () => sleep(200).then(() => (late = behind(this.heads(), reads())).length === 0), SETTLE_MS);
  }

  /* ---- the record ---- */

  async exports() {
    const owners = new Map(this.sql('SELECT room_id, user_id FROM member WHERE role = 2').map(([room, user]) => [Number(room), Number(user)]));
    const logs = [];
    for (const id of this.heads().keys()) {
      const events = owners.has(id) ? await this.exported(id, owners.get(id)) : this.framesOf(id);
      events.forEach((event, i) => event.seq === i + 1 || this.faults.push(`room ${id}: event ${event.seq} at place ${i + 1}`));
      logs.push([id, events]);
    }
    return logs;
  }

  async exported(id, owner) {
    const text = await (await this.talkers.find((t) => t.user === owner).http(`/rooms/${id}/export`)).text();
    const lines = text.trimEnd().split('\n').map((line) => JSON.parse(line));
    const last = lines.at(-1);
    if (last.type !== 'export_end' || last.count !== lines.length - 2) throw new Error(`the export of room ${id} was cut`);
    return lines.slice(1, -1);
  }

  /* A direct room has no owner, and so no export: the stored frames, as one would say them. */
  framesOf(id) {
    return this.sql(`SELECT HEX(frame) FROM event WHERE room_id = ${id} ORDER BY seq`).map(([hex]) => {
      const event = this.app.decode(Buffer.from(hex, 'hex'));
      const { kind: name, ...body } = this.app.openEvent(event).body;
      return { ...event, kind: name, body: event.body === null ? null : body };
    });
  }

  tables() {
    const tables = {};
    const put = (name, rows) => {
      for (const [room, ...row] of rows) ((tables[room] ??= {})[name] ??= []).push(row);
    };
    const numbers = (rows) => rows.map((row) => row.map(Number));
    put('room', this.sql('SELECT id, HEX(name), HEX(topic), visibility, created_by, last_seq, last_msg_no, last_at_ms, member_count FROM room ORDER BY id')
      .map(([id, name, topic, ...rest]) => [id, Buffer.from(name, 'hex').toString(), Buffer.from(topic, 'hex').toString(), ...rest.map(Number)]));
    put('member', numbers(this.sql('SELECT room_id, user_id, role, joined_seq, visible_from_seq FROM member ORDER BY room_id, user_id')));
    if (this.kinds.includes('archived')) put('room_setting', numbers(this.sql('SELECT r.id, COALESCE(s.history, 0), COALESCE(s.archived, 0) FROM room AS r LEFT JOIN room_setting AS s ON s.room_id = r.id ORDER BY r.id')));
    put('room_restricted', numbers(this.sql('SELECT room_id, user_id, state FROM room_restricted ORDER BY room_id, user_id')));
    put('pin', numbers(this.sql('SELECT room_id, target_seq, seq, user_id FROM pin ORDER BY room_id, target_seq')));
    put('reaction', this.sql('SELECT room_id, target_seq, seq, user_id, HEX(emoji) FROM reaction ORDER BY room_id, target_seq, seq')
      .map(([room, target, seq, user, emoji]) => [Number(room), Number(target), Number(seq), Number(user), Buffer.from(emoji, 'hex').toString()]));
    put('mention', numbers(this.sql('SELECT room_id, seq, user_id, msg_no FROM mention ORDER BY room_id, msg_no, user_id')));
    put('attachment', this.sql('SELECT room_id, seq, id, user_id, HEX(name), type, bytes, width, height FROM attachment WHERE state = 2 ORDER BY room_id, seq, id')
      .map(([room, seq, id, user, name, type, ...rest]) => [...[room, seq, id, user].map(Number), Buffer.from(name, 'hex').toString(), type, ...rest.map(Number)]));
    const own = Object.fromEntries(this.sql('SELECT room_id, user_id, read_msg_no, notify FROM member').map(([room, user, read, notify]) => [`${room}/${user}`, { read: Number(read), notify: Number(notify) }]));
    return { tables, own };
  }

  /* The columns of the log against its frames as the export shows them. */
  checkRows(logs) {
    const kinds = new Map(Object.entries(this.app.KINDS).map(([number, row]) => [row.name, Number(number)]));
    const rows = this.sql('SELECT room_id, seq, kind, user_id, target_seq, msg_no, at_ms FROM event ORDER BY room_id, seq');
    const want = logs.flatMap(([id, events]) => events.map((e) => [id, e.seq, kinds.get(e.kind), e.user, e.target, e.msg_no, e.at_ms].join()));
    const got = rows.map((row) => row.join());
    const missing = new Set(got);
    for (const row of want) if (!missing.delete(row)) this.faults.push(`the export has ${row}, the table has not`);
    for (const row of missing) this.faults.push(`the table has ${row}, the export has not`);
  }

  async people(page, room, role) {
    const { signal } = new AbortController();
    const all = { members: (await patiently(() => page.commands.members(room, 0, signal))).members.map(({ id, role: r, muted }) => ({ id, role: r, muted })) };
    if (role !== 'member')
      all.restricted = (await patiently(() => page.commands.restricted(room, 0, signal))).people.map(({ id, muted, banned }) => ({ id, muted, banned }));
    const { lines } = await patiently(() => page.commands.pins(room, 0));
    all.pins = lines.map((l) => l.seq);
    all.pinsMax = PINS_MAX;
    all.members.sort((a, b) => a.id - b.id);
    return all;
  }

  shownNow(page, how) {
    const { timeline: t, state } = page;
    return { how, room: t.room, lastSeq: t.lastSeq, firstMsgNo: t.firstMsgNo, changesFrom: t.changesFrom, items: [...t.items], memberCount: state.rooms.byId.get(t.room).members };
  }

  roomsOf({ page }) {
    const { unreadOf, isAtLeast } = this.app;
    return [...page.state.rooms.byId.values()].map((r) => {
      const { id, name, topic, visibility, role, archived = false, history = '', head, msgNo, readMsgNo, mentions, notify, doubt } = r;
      return { id, name, topic, visibility, role, archived, history, head, msgNo, readMsgNo, mentions, notify, unread: unreadOf(r), isAtLeast: isAtLeast(r), doubt };
    });
  }

  /* Counts follow the events on ways of their own: they are given a moment, and not more. */
  async lists(record) {
    for (const end = Date.now() + COUNTS_MS; ; await sleep(300)) {
      record.clients = this.pages.map((browser) => ({ name: browser.name, user: browser.user, rooms: this.roomsOf(browser), open: [] }));
      if (differentRooms(record).length === 0 || Date.now() > end) return;
    }
  }

  async openAll(browser, client, index) {
    const { name, page } = browser;
    const heads = this.heads();
    if (page.timeline) client.open.push({ ...this.shownNow(page, 'kept'), ...(await this.people(page, page.timeline.room, page.state.rooms.byId.get(page.timeline.room).role)) });
    for (const [i, { id }] of client.rooms.entries()) {
      const answers = browser.answers;
      const isNew = page.state.active !== id;
      page.commands.openRoom(id);
      const now = () => JSON.stringify({ link: page.state.link, there: page.state.rooms.byId.has(id), head: heads.get(id), ...page.timeline, items: page.timeline?.items.length, changes: 0 });
      await until(() => `${name} opens room ${id}: ${now()}`, () => (!isNew || browser.answers > answers) && page.timeline?.room === id && page.timeline.phase === 'live' && page.timeline.lastSeq === heads.get(id), SETTLE_MS);
      if ((i + index) % BROWSERS.length !== 0) {
        client.open.push(this.shownNow(page, 'opened'));
        continue;
      }
      for (let pages = 0; page.timeline.firstMsgNo > 1 && pages < PAGES_MAX; pages++) await patiently(() => page.commands.loadOlder(id));
      if (page.timeline.firstMsgNo > 1) this.faults.push(`${name} pages room ${id} and stays at line ${page.timeline.firstMsgNo}`);
      client.open.push(this.shownNow(page, 'from the beginning'));
    }
  }

  verify() {
    const url = `mysql://${userInfo().username}@localhost/rookery?socket=${encodeURIComponent(join(this.stack.dir, 'var/mysql/mysqld.sock'))}`;
    const done = spawnSync(join(BUILD, 'actors/rookery'), ['verify'], { env: { ...process.env, DATABASE_URL: url }, encoding: 'utf8' });
    console.log(done.stdout.trim().split('\n').at(-1));
    if (done.status !== 0) this.faults.push(`rookery verify: status ${done.status}`, ...`${done.stdout}${done.stderr}`.trim().split('\n').slice(0, 20));
  }

  async record() {
    const record = { kinds: this.kinds, lastRooms: this.lastRooms, names: Object.fromEntries(this.users), logs: await this.exports(), db: this.tables(), faults: this.faults };
    await this.lists(record);
    for (const [i, browser] of this.pages.entries()) await this.openAll(browser, record.clients[i], i);
    this.ledger.check(record.logs);
    this.checkRows(record.logs);
    this.verify();
    this.faults.push(...this.ledger.faults);
    return record;
  }

  async end() {
    for (const browser of this.pages) browser.page.die();
    for (const talker of this.talkers) talker.stop();
    await this.stack?.stop();
  }
}

export async function run(options) {
  const self = new Run(options);
  const start = Date.now();
  const told = (what) => console.log(`${((Date.now() - start) / 1000).toFixed(1)} s: ${what}`);
  try {
    await self.begin();
    told(`${self.talkers.length} people, ${self.pages.length} browsers, ${self.world.rooms.size} rooms`);
    await self.storm();
    await self.calm();
    await self.lastWords();
    told('calm');
    await self.settle();
    told('settled');
    const record = await self.record();
    const { asked, acked, repeats, refused } = self.ledger.counts;
    console.log(`went wrong: ${Object.entries(self.did).map(([what, n]) => `${what} ${n}`).join(', ')}`);
    console.log(`requests ${asked}, acked ${acked}, acked again ${repeats}, refused ${refused}`);
    console.log(`refused: ${[...self.ledger.refusals].map(([what, n]) => `${what} ${n}`).join(', ')}`);
    const count = record.logs.reduce((n, [, events]) => n + events.length, 0);
    told(`recorded ${count} events`);
    if (count < options.events) record.faults.push(`the logs have ${count} events, not ${options.events}`);
    return record;
  } catch (e) {
    console.log(`not ok the run: ${e.stack}`); // the end below may hang on what went wrong
    throw e;
  } finally {
    await self.end();
  }
}
