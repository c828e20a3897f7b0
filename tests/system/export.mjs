/* A room's export and `rookery verify`, on a real server and database: the export is the history, and a room that has
 * seen posts, edits, deletes, reactions and pins is clean. */
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = new URL('../../', import.meta.url).pathname;
const BUILD = process.env.ROOKERY_BUILD_DIR ?? join(ROOT, `build/${process.env.ROOKERY_PRESET ?? 'release'}`);
const SERVER = join(BUILD, 'actors/rookery');
const COMMANDS = {
  threads: [SERVER, 'serve'],
  processes: [SERVER, 'serve', '--processes'],
  hosts: [join(BUILD, 'tests/system/hosts')],
};
const COMMAND = COMMANDS[process.env.ROOKERY_TOPOLOGY ?? 'threads'];
assert.ok(COMMAND, 'ROOKERY_TOPOLOGY is threads, processes or hosts');
const LINES = 700;
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const dev = (...args) => execFileSync(join(ROOT, 'dev'), args, { encoding: 'utf8' }).trim();

function freePort() {
  return new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

let base = '';
let number = 0;
const clientId = () => String(++number).padStart(26, '0');

/* What is refused for now is asked again: a node may just be hearing of another's keys, or of a shard's owner. */
async function ask(method, path, token, body) {
  for (const end = Date.now() + 20_000; ; await sleep(100)) {
    const answer = await fetch(base + path, {
      method,
      headers: { ...(token ? { authorization: `Bearer ${token}` } : {}), ...(body ? { 'content-type': 'application/json' } : {}) },
      body: body ? JSON.stringify(body) : undefined,
    });
    if (![401, 429, 503, 504].includes(answer.status) || Date.now() > end) return answer;
    await answer.arrayBuffer();
  }
}

async function must(method, path, token, body) {
  const answer = await ask(method, path, token, body);
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : null;
}

async function ready() {
  for (const end = Date.now() + 30_000; Date.now() < end; await sleep(100))
    if (await fetch(`${base}/readyz`).then((r) => r.ok, () => false)) return;
  assert.fail('not ready within 30 s');
}

/* Lines of the room by the API for history, as the events they are. */
async function history(room, token) {
  const frames = new Map();
  for (let after = 0, more = true; more; ) {
    const page = await must('GET', `/api/v1/rooms/${room}/messages?${after ? `after=${after}` : 'before=101'}&limit=100`, token);
    for (const frame of page.frames) if (frame.type === 'event') frames.set(frame.seq, frame);
    more = page.last_msg_no > after && frames.size > 0;
    after = page.last_msg_no || after;
    if (page.frames.length === 0) more = false;
  }
  return frames;
}

const dir = mkdtempSync(join(tmpdir(), 'rookery-export-'));
let server;
try {
  const admin = dev('mysql-start', join(dir, 'mysql'));
  const socket = decodeURIComponent(new URL(admin).searchParams.get('socket'));
  const sql = (text) => execFileSync('mariadb', ['--no-defaults', `--socket=${socket}`, '-e', text]);
  sql('CREATE DATABASE rookery');
  const port = await freePort();
  base = `http://127.0.0.1:${port}`;
  const env = {
    ...process.env,
    DATABASE_URL: admin.replace('/?', '/rookery?'),
    PORT: String(port),
    ROOKERY_ADMIN_PORT: '0',
    ROOKERY_VAR: join(dir, 'var'),
    ROOKERY_ROOMS: '2',
    ROOKERY_EDGES: '2',
    ROOKERY_PERSIST_PORT: '0',
    ROOKERY_ROOM_PORT: '0',
    ROOKERY_ACCOUNTS_PORT: '0',
    ROOKERY_REQUESTS_PER_S: '10000',
    ROOKERY_REQUESTS_BURST: '10000',
  };
  delete env.JWT_SECRET;
  execFileSync(SERVER, ['migrate'], { env });
  server = spawn(COMMAND[0], COMMAND.slice(1), { env, cwd: ROOT, stdio: 'ignore' });
  await ready();

  const [ada, ben] = await Promise.all(
    ['ada', 'ben'].map((name) => must('POST', '/api/v1/auth/signup', null, { name, password: `${name} has a password` })),
  );
  const { room } = await must('POST', '/api/v1/rooms', ada.access_token, { client_id: clientId(), name: 'Nest' });
  const at = `/api/v1/rooms/${room}`;
  await must('POST', `${at}/join`, ben.access_token, { client_id: clientId() });
  const seqs = [];
  for (let i = 0; i < LINES; i += 50)
    await Promise.all(
      Array.from({ length: 50 }, async (_, k) => {
        const said = await must('POST', `${at}/messages`, (k % 2 ? ada : ben).access_token, {
          client_id: clientId(),
          text: `line ${i + k} "quoted" \\ and a\ttab, ünïcode 🦜 ${'x'.repeat(300)}`,
          ...(k === 0 ? { mentions: [{ id: ada.user }] } : {}),
        });
        if (k % 2) seqs.push(said.seq);
      }),
    );
  const token = ada.access_token;
  await must('PATCH', `${at}/messages/${seqs[0]}`, token, { client_id: clientId(), text: 'now it reads so' });
  await must('PATCH', `${at}/messages/${seqs[1]}`, token, { client_id: clientId(), text: 'a secret' });
  await must('DELETE', `${at}/messages/${seqs[1]}?client_id=${clientId()}`, token);
  await must('PUT', `${at}/messages/${seqs[2]}/reactions/${encodeURIComponent('👍')}?client_id=${clientId()}`, token);
  await must('PUT', `${at}/messages/${seqs[3]}/pin?client_id=${clientId()}`, token);

  const answer = await ask('GET', `${at}/export`, token);
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get('content-disposition'), /filename\*=UTF-8''Nest\.ndjson/);
  const text = await answer.text();
  assert.ok(text.endsWith('\n'));
  const lines = text.trimEnd().split('\n').map((line) => JSON.parse(line));
  const [first, last, events] = [lines[0], lines.at(-1), lines.slice(1, -1)];
  assert.equal(first.type, 'export_begin');
  assert.equal(first.name, 'Nest');
  assert.equal(first.head, 2 + LINES + 5);
  assert.deepEqual(last, { type: 'export_end', room, count: first.head });
  assert.deepEqual(events.map((event) => event.seq), Array.from({ length: first.head }, (_, i) => i + 1));
  assert.equal(events.find((event) => event.seq === seqs[1]).body, null);
  assert.ok(!text.includes('a secret'));
  const pages = await history(room, token);
  assert.ok(pages.size >= LINES);
  for (const [seq, frame] of pages) assert.deepEqual(events[seq - 1], frame);
  console.log('ok an export is the history, event for event');

  const refused = await ask('GET', `${at}/export`, ben.access_token);
  assert.equal(refused.status, 403);
  assert.equal((await refused.json()).title, 'forbidden');
  console.log('ok nobody but the owner exports a room');

  const verify = () => spawnSync(SERVER, ['verify'], { env, encoding: 'utf8' });
  const clean = verify(); /* while it serves */
  const said = `verified: rooms=1 events=${first.head} lines=${LINES} members=2 `;
  assert.ok(clean.stdout.includes(said) && clean.stdout.endsWith(' faults=0 faulty_rooms=0\n'), clean.stdout);
  assert.equal(clean.status, 0);
  sql(`DELETE FROM rookery.pin WHERE room_id = ${room}`);
  const damaged = verify();
  assert.equal(damaged.status, 1);
  assert.match(damaged.stdout, new RegExp(`^room ${room} seq ${seqs[3]}: is pinned by event ${first.head} and has no row\n`));
  console.log('ok verify finds a served database clean, and a damaged one damaged');
  console.log(`exported ${events.length} events, ${text.length} characters; ${pages.size} frames of history are the same`);
} finally {
  if (server) {
    server.kill('SIGTERM');
    await new Promise((done) => (server.exitCode === null && server.signalCode === null ? server.once('exit', done) : done()));
  }
  dev('mysql-stop', join(dir, 'mysql'));
  rmSync(dir, { recursive: true, force: true });
}
