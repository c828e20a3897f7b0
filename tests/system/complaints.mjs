/* What people complain about in other chats, as promises that are kept here (tests/COMPLAINTS.md): one real server, in
 * the topology that ROOKERY_TOPOLOGY names, and readers that follow the client rules of PROTOCOL.md.
 *
 *   complaints.mjs [NAME]    all of them, or the one of this name */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { TOPOLOGY, WebSocket, sleep, startStack } from '../browser/stack.mjs';

const ROOT = new URL('../../', import.meta.url).pathname;
const only = process.argv[2];
let passed = 0;
const failures = [];
async function test(name, body) {
  if (only !== undefined && only !== name) return;
  const start = Date.now();
  try {
    await body();
    passed += 1;
    console.log(`ok ${name} (${Date.now() - start} ms)`);
  } catch (error) {
    failures.push(name);
    console.log(`not ok ${name}\n${error.stack}`);
  } finally {
    for (const reader of Reader.open) reader.sleep();
    Reader.open.clear();
  }
}

const stack = await startStack({ ROOKERY_REQUESTS_PER_S: '10000', ROOKERY_REQUESTS_BURST: '10000', ROOKERY_FRAMES_PER_S: '1000',
  ROOKERY_FRAMES_BURST: '1000' });
stack.setFaults(0, 5); // what a bad network does is looked at elsewhere (test_links, crash): here times count
const OTHER = 1; // an edge that is not the first

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const clientId = () => `0${[...randomBytes(25)].map((b) => ALPHABET[b % 32]).join('')}`;

async function until(what, ok, ms = 15_000) {
  for (const end = Date.now() + ms; ; await sleep(10)) {
    const value = await ok();
    if (value) return value;
    assert.ok(Date.now() < end, `${what} within ${ms} ms`);
  }
}

/* What is refused for now is asked again, unchanged, as a client does. */
async function call(method, path, who, body, edge = 0) {
  for (const end = Date.now() + 20_000; ; await sleep(50)) {
    const answer = await fetch(`${stack.edges[edge]}/api/v1${path}`, {
      method,
      headers: { ...(who ? { authorization: `Bearer ${who.token}` } : {}), ...(body ? { 'content-type': 'application/json' } : {}) },
      body: body ? JSON.stringify(body) : undefined,
    }).catch(() => ({ status: 503, ok: false, text: async () => '' }));
    const text = await answer.text();
    if ([429, 503, 504].includes(answer.status) && Date.now() < end) continue;
    if (answer.status === 401 && text.includes('unauthorized') && Date.now() < end) continue; // its key is on the way
    return { status: answer.status, ok: answer.ok, ...(text ? JSON.parse(text) : {}) };
  }
}

async function must(...args) {
  const answer = await call(...args);
  assert.ok(answer.ok, `${args[0]} ${args[1]}: ${JSON.stringify(answer)}`);
  return answer;
}

let people = 0;
async function newPerson(name) {
  const form = { name: `${name} ${++people}`, password: 'a long enough sentence' };
  let done = await call('POST', '/auth/signup', null, form);
  if (done.title === 'name_taken') done = await call('POST', '/auth/login', null, form); // asked again: the first was taken
  assert.ok(done.ok, JSON.stringify(done));
  return { user: done.user, token: done.access_token, name };
}

async function newRoom(owner, ...others) {
  const { room } = await must('POST', '/rooms', owner, { client_id: clientId(), name: `Room ${clientId().slice(-6)}` });
  for (const one of others) await must('POST', `/rooms/${room}/join`, one, { client_id: clientId() });
  return room;
}

const say = (who, room, text, id = clientId(), edge = 0) => must('POST', `/rooms/${room}/messages`, who, { client_id: id, text }, edge);

/* One device that shows a room: applies an event only at last+1, declares what a snapshot left out. */
class Reader {
  static open = new Set();
  constructor(who, room) {
    Object.assign(this, { who, room, incarnation: 0, last: 0, events: [], heard: [], closes: [], holes: [] });
    Reader.open.add(this);
  }

  /* A server that cannot say welcome in time (it just started) ends the socket, and a client comes back. */
  async wake(edge = 0, subs) {
    const closed = this.closes.length;
    for (const end = Date.now() + 30_000; !(await this.#signIn(edge, subs)); await sleep(100)) assert.ok(Date.now() < end, `no welcome: ${this.closes}`);
    this.closes.length = closed;
    if (!subs) await until('live, or a kick', () => this.heard.some((m) => m.type === 'live' || m.type === 'kick'));
    return this;
  }

  /* False: the socket was ended first, for now. */
  async #signIn(edge, subs) {
    this.heard = [];
    this.answer = undefined;
    const socket = new WebSocket(`${stack.edges[edge].replace('http', 'ws')}/ws`, 'rookery.v1.json');
    const has = (type) => this.heard.some((m) => m.type === type);
    const heardOrClosed = async (type) => {
      await until(`${type} heard, or a close`, () => has(type) || socket.readyState === WebSocket.CLOSED);
      return has(type);
    };
    this.socket = socket;
    this.socket.on('error', () => undefined);
    this.socket.on('close', (code) => this.closes.push(code));
    this.socket.on('message', (data) => this.#onMessage(JSON.parse(data)));
    if (!(await heardOrClosed('hi'))) return false;
    this.send({ type: 'hello', version: 1, token: this.who.token, device: 'test',
      subs: subs ?? [{ room: this.room, incarnation: this.incarnation, after: this.last, live: true }] });
    return heardOrClosed('welcome');
  }

  #onMessage(message) {
    this.heard.push(message);
    if (message.type === 'sub_ok') {
      this.answer = message;
      this.incarnation = message.incarnation;
      if (message.mode === 2) this.last = 0;
      if (message.mode !== 0) this.paging = message.head;
      if (message.mode !== 0) this.events = [];
    }
    if (message.type === 'live' && this.paging !== undefined) {
      this.last = this.paging;
      this.paging = undefined;
    }
    if (message.type !== 'event' || message.room !== this.room) return;
    if (this.paging === undefined && message.seq !== this.last + 1) this.holes.push([this.last, message.seq]);
    if (this.paging === undefined) this.last = message.seq;
    this.events.push(message);
  }

  send(message) { this.socket.send(JSON.stringify(message)); }
  hears(type, ms) { return until(`${type} heard`, () => this.heard.find((m) => m.type === type), ms); }
  sees(seq, ms) { return until(`event ${seq} seen`, () => this.last >= seq, ms); }
  texts() { return this.events.filter((e) => e.body?.text).map((e) => e.body.text); }
  /* As a lid that closes: no goodbye. */
  sleep() { this.socket?.terminate(); }
}

const ada = await newPerson('Ada');
const ben = await newPerson('Ben');

/* ---- 1 ---- */

await test('a_line_said_while_you_slept_is_there_when_you_wake_at_any_edge', async () => {
  const room = await newRoom(ada, ben);
  const laptop = await new Reader(ben, room).wake();
  await laptop.sees((await say(ada, room, 'before the lid closed')).seq);
  for (let nap = 0; nap < 6; nap += 1) {
    laptop.sleep();
    const { seq } = await say(ada, room, `said in nap ${nap}`);
    await laptop.wake(nap % 2);
    await laptop.sees(seq);
  }
  await laptop.sees((await say(ada, room, 'and on it goes')).seq);
  assert.deepEqual(laptop.texts(), ['before the lid closed', ...Array.from({ length: 6 }, (_, i) => `said in nap ${i}`), 'and on it goes']);
  assert.deepEqual(laptop.holes, []);
});

await test('a_sleep_of_600_lines_ends_with_a_declared_range_that_history_fills', async () => {
  const room = await newRoom(ada, ben);
  const laptop = await new Reader(ben, room).wake();
  laptop.sleep();
  const before = laptop.last;
  for (let i = 0; i < 600; i += 50) await Promise.all(Array.from({ length: 50 }, (_, k) => say(ada, room, `line ${i + k}`)));
  await laptop.wake();
  const { answer } = laptop;
  assert.equal(answer.mode, 1);
  assert.equal(answer.after, before);
  assert.ok(answer.base > before + 1, 'it says from where on it is whole');
  assert.equal(laptop.events[0].seq, answer.base);
  const numbers = new Set(laptop.events.map((e) => e.msg_no));
  for (let first = answer.first_msg_no; first > 1; ) {
    const page = await must('GET', `/rooms/${room}/messages?before=${first}&limit=100`, ben);
    assert.ok(page.first_msg_no < first);
    for (const frame of page.frames) if (frame.type === 'event') numbers.add(frame.msg_no);
    first = page.first_msg_no;
  }
  assert.deepEqual([...numbers].sort((a, b) => a - b), Array.from({ length: 600 }, (_, i) => i + 1));
});

await test('a_position_that_was_never_given_is_answered_once_and_not_in_a_loop', async () => {
  const room = await newRoom(ada);
  const { seq } = await say(ada, room, 'the only line');
  const { incarnation } = await must('GET', `/rooms/${room}`, ada);
  for (const wrong of [{ incarnation, after: seq + 1000 }, { incarnation: incarnation + 1, after: 1 }, { incarnation: 0, after: seq }]) {
    const reader = Object.assign(new Reader(ada, room), { incarnation: wrong.incarnation, last: wrong.after });
    await reader.wake();
    await reader.sees(seq);
    await sleep(300);
    assert.equal(reader.heard.filter((m) => m.type === 'sub_ok').length, 1, JSON.stringify(reader.heard));
    assert.equal(reader.answer.head, seq);
    assert.deepEqual(reader.texts(), ['the only line']);
    assert.deepEqual(reader.closes, []);
  }
});

/* ---- 2 ---- */

const answerAt = async (who, room, incarnation, after, edge) => {
  const reader = Object.assign(new Reader(who, room), { incarnation, last: after });
  await reader.wake(edge);
  reader.sleep();
  return JSON.stringify(reader.heard.filter((m) => ['sub_ok', 'event', 'live', 'marks'].includes(m.type)));
};

await test('what_resume_gives_depends_on_the_position_and_not_on_edge_traffic_or_restart', async () => {
  const room = await newRoom(ada, ben);
  for (let i = 0; i < 12; i += 1) await say(i % 2 ? ada : ben, room, `line ${i}`);
  const { incarnation, head } = await must('GET', `/rooms/${room}`, ada);
  const asked = [];
  for (const after of [0, 1, 5, head - 1, head])
    for (const edge of [0, OTHER]) asked.push({ after, edge, answer: await answerAt(ben, room, incarnation, after, edge) });
  for (const one of asked) assert.equal(one.answer, asked.find((a) => a.after === one.after).answer, `after ${one.after}, edge ${one.edge}`);
  stack.killServer();
  await sleep(200);
  await stack.untilReady(30_000);
  for (const { after, edge, answer } of asked.filter((a) => a.after > 0))
    assert.equal(await answerAt(ben, room, incarnation, after, edge), answer, `after ${after}, after a restart`);
});

/* ---- 3 ---- */

await test('edits_deletions_and_reactions_of_while_you_were_away_come_with_the_lines', async () => {
  const room = await newRoom(ada, ben);
  const laptop = await new Reader(ben, room).wake();
  const kept = await say(ada, room, 'a typpo');
  const gone = await say(ada, room, 'said in anger');
  await laptop.sees(gone.seq);
  laptop.sleep();
  const at = `/rooms/${room}/messages`;
  const steps = [
    await must('PATCH', `${at}/${kept.seq}`, ada, { client_id: clientId(), text: 'a typo, mended' }),
    await must('DELETE', `${at}/${gone.seq}?client_id=${clientId()}`, ada),
    await must('PUT', `${at}/${kept.seq}/reactions/${encodeURIComponent('👍')}?client_id=${clientId()}`, ada),
    await must('PUT', `${at}/${kept.seq}/pin?client_id=${clientId()}`, ada),
  ];
  await laptop.wake(OTHER);
  await laptop.sees(steps.at(-1).seq);
  assert.deepEqual(laptop.holes, []);
  const missed = laptop.events.filter((e) => e.seq > gone.seq);
  assert.deepEqual(missed.map((e) => e.target), [kept.seq, gone.seq, kept.seq, kept.seq]);
  assert.equal(missed[0].body.text, 'a typo, mended');
  assert.deepEqual(missed[2].body, { emoji: '👍', on: true });
  const later = await new Reader(ben, room).wake(); // one who was away all the time
  assert.ok(!JSON.stringify(later.heard).includes('anger'), 'what was deleted is told to nobody');
  assert.ok(later.texts().includes('a typo, mended'));
});

/* ---- 4 ---- */

await test('a_line_sent_again_after_1_s_by_another_edge_or_after_a_restart_is_stored_once', async () => {
  const room = await newRoom(ada, ben);
  const reader = await new Reader(ben, room).wake();
  const id = clientId();
  const first = await say(ada, room, 'once', id);
  assert.equal(first.dup, false);
  const again = async (edge) => {
    const answer = await say(ada, room, 'once', id, edge);
    assert.deepEqual([answer.seq, answer.at_ms, answer.msg_no, answer.dup], [first.seq, first.at_ms, first.msg_no, true]);
  };
  await again(OTHER);
  await sleep(1000);
  await again(0);
  stack.killServer();
  await sleep(200);
  await stack.untilReady(30_000);
  await again(OTHER);
  const other = await call('POST', `/rooms/${room}/messages`, ada, { client_id: id, text: 'twice' });
  assert.deepEqual([other.status, other.title], [409, 'conflict']);
  const { seq } = await say(ada, room, 'the end');
  reader.sleep();
  await reader.wake();
  await reader.sees(seq);
  assert.deepEqual(reader.texts(), ['once', 'the end']);
});

await test('twenty_sendings_of_one_line_at_the_same_moment_are_one_line', async () => {
  const room = await newRoom(ada, ben);
  const reader = await new Reader(ben, room).wake();
  const id = clientId();
  const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => say(ada, room, 'a slow network', id, i % 2)));
  assert.equal(new Set(answers.map((a) => a.seq)).size, 1);
  assert.ok(answers.some((a) => a.dup) && answers.some((a) => !a.dup));
  await reader.sees((await say(ada, room, 'the end')).seq);
  assert.deepEqual(reader.texts(), ['a slow network', 'the end']);
});

/* ---- 5 ---- */

/* What a device knows of its room's newest line: of the list, and of the heads that follow it. */
const newest = (device, room) => device.heard.flatMap((m) => (m.type === 'welcome' ? m.rooms : m.type === 'heads' ? m.heads : []))
  .filter((r) => r.room === room).at(-1)?.msg_no;

await test('read_on_one_device_is_read_on_all_others_within_a_second_and_after_a_sleep', async () => {
  const room = await newRoom(ada, ben);
  const devices = []; // enough for all edges, where the kernel chooses
  for (let i = 0; i < 8; i += 1) devices.push(await new Reader(ben, room).wake(i % 2));
  for (let i = 0; i <= 8; i += 1) await say(ada, room, `line ${i}`);
  for (const [i, one] of devices.entries()) {
    const start = Date.now();
    one.send({ type: 'read', room, turn: 0, msg_no: i + 1 });
    for (const other of devices.filter((d) => d !== one))
      await until('read there', () => other.heard.some((m) => m.type === 'read_at' && m.room === room && m.msg_no === i + 1));
    assert.ok(Date.now() - start < 1000, `${Date.now() - start} ms`);
  }
  devices[0].send({ type: 'read', room, turn: 0, msg_no: 2 }); // a tab that lags behind takes nothing back
  await sleep(100);
  for (const edge of [0, OTHER]) {
    devices[7].sleep();
    await devices[7].wake(edge, []);
    assert.equal((await devices[7].hears('welcome')).rooms.find((r) => r.room === room).read_msg_no, 8);
    await until('its newest line is known', () => newest(devices[7], room) === 9);
  }
});

await test('what_is_unread_is_the_same_for_who_was_there_and_who_comes_back_by_a_snapshot', async () => {
  const room = await newRoom(ada, ben);
  const first = await say(ada, room, 'read by Ben');
  const laptop = await new Reader(ben, room).wake();
  const desk = await new Reader(ben, room).wake(0, []); // does not show the room: it hears of heads
  laptop.send({ type: 'read', room, turn: 0, msg_no: first.msg_no });
  await desk.hears('read_at');
  laptop.sleep();
  for (let i = 0; i < 550; i += 50) await Promise.all(Array.from({ length: 50 }, (_, k) => say(ada, room, `line ${i + k}`)));
  await laptop.wake(OTHER);
  assert.equal(laptop.answer.mode, 1);
  const mine = (await laptop.hears('welcome')).rooms.find((r) => r.room === room);
  await until('the head is told to who watches', () => newest(desk, room) === 551);
  assert.deepEqual([laptop.answer.msg_no, mine.read_msg_no], [551, 1]);
});

/* ---- 6 ---- */

await test('a_storm_of_typing_delays_no_line_and_stays_in_its_room', async () => {
  const crowd = await Promise.all(Array.from({ length: 12 }, () => newPerson('Typist')));
  const room = await newRoom(ada, ben, ...crowd);
  const other = await newRoom(ada, ben);
  const typists = await Promise.all(crowd.map((who, i) => new Reader(who, room).wake(i % 2)));
  const viewer = await new Reader(ben, room).wake(OTHER);
  const elsewhere = await new Reader(ben, other).wake();
  const writer = await new Reader(ada, room).wake();
  const start = Date.now();
  const took = [];
  let storms = 0;
  while (Date.now() - start < 3000) {
    for (const one of typists) one.send({ type: 'typing', room, active: (storms + one.who.user) % 2 === 0 });
    storms += typists.length;
    const id = clientId();
    const sent = Date.now();
    writer.send({ type: 'room_post', room, client_id: id, text: `line ${took.length}` });
    await until('its ack', () => writer.heard.some((m) => m.type === 'ack' && m.client_id === id));
    took.push(Date.now() - sent);
    await sleep(20);
  }
  took.sort((a, b) => a - b);
  const told = viewer.heard.filter((m) => m.type === 'typists').length;
  console.log(`   ${storms} typings in 3 s: ${told} told to a viewer; an ack after ${took[took.length >> 1]} ms, at most ${took.at(-1)} ms`);
  assert.ok(storms > 500, 'it is a storm');
  assert.ok(took[took.length >> 1] < 100 && took.at(-1) < 1000, `acks took ${took.slice(-5)}`);
  assert.ok(told > 0 && told * 5 < storms, 'told together, not one by one');
  assert.ok(viewer.heard.every((m) => m.type !== 'typists' || m.users.length <= 16));
  assert.equal(elsewhere.heard.filter((m) => m.type === 'typists' && m.room === room).length, 0);
  await viewer.sees(writer.last);
  assert.deepEqual(viewer.holes, []);
});

/* ---- 7 ---- */

await test('readers_that_all_come_back_at_once_are_served_from_memory', async () => {
  const room = await newRoom(ada, ben);
  await say(ada, room, 'before');
  const crowd = [];
  for (let i = 0; i < 96; i += 1) crowd.push(await new Reader(i % 2 ? ada : ben, room).wake(i % 2));
  const quietStart = await stack.metric('rookery_store_queries_total');
  await sleep(1000);
  const perSecond = (await stack.metric('rookery_store_queries_total')) - quietStart; // beats, the list of revoked sessions
  for (const one of crowd) one.sleep();
  const { seq } = await say(ada, room, 'while all were away');
  const start = Date.now();
  const before = await stack.metric('rookery_store_queries_total');
  await Promise.all(crowd.map((one, i) => one.wake((i >> 1) % 2)));
  await Promise.all(crowd.map((one) => one.sees(seq)));
  const seconds = (Date.now() - start) / 1000;
  const asked = (await stack.metric('rookery_store_queries_total')) - before;
  console.log(`   ${crowd.length} back in ${seconds.toFixed(2)} s; the database was asked ${asked} times, ${perSecond} in a second of rest`);
  assert.ok(asked <= perSecond * (seconds + 1) * 1.5 + crowd.length / 10, `${asked} questions for ${crowd.length} readers`);
  for (const one of crowd) assert.deepEqual([one.texts(), one.holes], [['before', 'while all were away'], []]);
});

/* ---- 9, 15 ---- */

await test('every_hop_of_a_line_tells_its_lag_and_every_metric_of_the_readme_is_there', async () => {
  const room = await newRoom(ada);
  const writer = await new Reader(ada, room).wake();
  writer.send({ type: 'room_post', room, client_id: clientId(), text: 'a line' });
  await writer.hears('ack');
  const text = await stack.metrics();
  for (const hop of ['link_hole_seconds', 'ack_seconds', 'store_commit_seconds', 'http_request_seconds'])
    assert.match(text, new RegExp(`^# TYPE rookery_${hop} histogram$`, 'm'));
  for (const waiting of ['room_pending_events', 'store_queue', 'search_lag_events', 'auth_hash_queue'])
    assert.match(text, new RegExp(`^rookery_${waiting} \\d+$`, 'm'));
  await until('acks are counted', async () => (await stack.metric('rookery_ack_seconds_count')) > 0);
  assert.ok((await stack.metric('rookery_store_commit_seconds_count')) > 0);
  const rows = /\| metric `rookery_…` \| look when \|\n\|[-|]+\n((?:\|.*\n)+)/.exec(readFileSync(join(ROOT, 'README.md'), 'utf8'))[1];
  const named = [...rows.matchAll(/^\|([^|]*)\|/gm)].flatMap((row) => [...row[1].matchAll(/`(\w+)`/g)]).map((m) => m[1]);
  assert.ok(named.length > 20, 'the table of the README was read');
  for (const name of named) assert.match(text, new RegExp(`^# TYPE rookery_${name} `, 'm'), `${name} is told`);
});

/* ---- 10 ---- */

await test('a_message_past_the_bound_ends_its_own_socket_for_good_and_nobody_elses', async () => {
  const room = await newRoom(ada, ben);
  const reader = await new Reader(ben, room).wake();
  const writer = await new Reader(ada, room).wake();
  const bystander = await new Reader(ada, room).wake();
  const id = clientId();
  writer.send({ type: 'room_post', room, client_id: id, text: 'x'.repeat(4096) });
  await until('the longest line is stored', () => writer.heard.some((m) => m.type === 'ack' && m.client_id === id));
  writer.send({ type: 'room_post', room, client_id: clientId(), text: 'x'.repeat(16 * 1024) });
  await until('it is closed', () => writer.closes.length > 0);
  assert.deepEqual(writer.closes, [4413]); // 44xx: a client stops, and does not bring the same again
  const { seq } = await say(ada, room, 'on we go');
  await Promise.all([reader.sees(seq), bystander.sees(seq)]);
  assert.deepEqual([reader.closes, bystander.closes, reader.holes], [[], [], []]);
});

/* ---- 14 ---- */

/* The resident memory of the server, all processes of it, in bytes. */
function memory() {
  const main = readdirSync(join(stack.dir, 'var/run')).filter((f) => f.endsWith('.pid'))
    .map((f) => Number(readFileSync(join(stack.dir, 'var/run', f), 'utf8')));
  const pids = new Set(main);
  for (const pid of main)
    for (const child of readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean)) pids.add(Number(child));
  let sum = 0;
  for (const pid of pids) sum += Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024;
  return sum;
}

await test('an_idle_connection_takes_less_than_16_kib_of_the_servers_memory', async () => {
  const COUNT = 600;
  const crowd = await Promise.all(Array.from({ length: 10 }, () => newPerson('Idle')));
  const room = await newRoom(ada, ...crowd);
  for (let i = 0; i < 40; i += 1) await new Reader(crowd[i % 10], room).wake(i % 2, []); // what is allocated once is there
  const before = memory();
  for (let i = 0; i < COUNT; i += 60)
    await Promise.all(Array.from({ length: 60 }, (_, k) => new Reader(crowd[k % 10], room).wake(k % 2, [])));
  const each = (memory() - before) / COUNT;
  console.log(`   ${Math.round(each)} bytes a connection`);
  assert.ok(each < 16 * 1024, `${each} bytes`);
});

/* ---- 16 ---- */

await test('who_was_put_out_while_asleep_gets_no_line_when_they_wake', async () => {
  const room = await newRoom(ada, ben);
  const laptop = await new Reader(ben, room).wake();
  laptop.sleep();
  await must('DELETE', `/rooms/${room}/members/${ben.user}?client_id=${clientId()}`, ada);
  await say(ada, room, 'not for Ben');
  for (const edge of [0, OTHER]) {
    await laptop.wake(edge);
    assert.ok(laptop.heard.some((m) => m.type === 'kick' && m.room === room));
    assert.ok(!JSON.stringify(laptop.heard).includes('not for Ben'));
    laptop.sleep();
  }
});

await stack.stop();
if (only !== undefined && passed + failures.length === 0) failures.push(`there is no test ${only}`);
console.log(`${passed} passed, ${failures.length} failed${failures.length ? `: ${failures.join(', ')}` : ''} (${TOPOLOGY})`);
process.exit(failures.length ? 1 : 0);
