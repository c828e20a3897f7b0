/* MariaDB is away when the server starts: it lives, says that it is not ready and why, refuses in time with a code
 * that says "later", and gets ready by itself when the database comes. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../browser/stack.mjs';

const ROOT = new URL('../../', import.meta.url).pathname;
const BUILD = process.env.ROOKERY_BUILD_DIR ?? join(ROOT, 'build/release');
const SERVER = join(BUILD, 'actors/rookery');
const COMMANDS = {
  threads: [SERVER, 'serve'],
  processes: [SERVER, 'serve', '--processes'],
  hosts: [join(BUILD, 'tests/system/hosts')],
};
const COMMAND = COMMANDS[process.env.ROOKERY_TOPOLOGY ?? 'threads'];
assert.ok(COMMAND, 'ROOKERY_TOPOLOGY is threads, processes or hosts');
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const dev = (...args) => execFileSync(join(ROOT, 'dev'), args, { encoding: 'utf8' }).trim();

async function until(what, ok, ms = 20_000) {
  const end = Date.now() + ms;
  while (!(await ok())) {
    assert.ok(Date.now() < end, `${what} within ${ms} ms`);
    await sleep(50);
  }
}

const dir = mkdtempSync(join(tmpdir(), 'rookery-away-'));
let server;
try {
  const admin = dev('mysql-start', join(dir, 'mysql'));
  const socket = decodeURIComponent(new URL(admin).searchParams.get('socket'));
  execFileSync('mariadb', ['--no-defaults', `--socket=${socket}`, '-e', 'CREATE DATABASE rookery']);
  const port = await freePort();
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
  };
  delete env.JWT_SECRET;
  execFileSync(SERVER, ['migrate'], { env });
  dev('mysql-stop', join(dir, 'mysql'));

  let stderr = '';
  server = spawn(COMMAND[0], COMMAND.slice(1), { env, cwd: ROOT, stdio: ['ignore', 'inherit', 'pipe'] });
  server.stderr.on('data', (bytes) => (stderr += bytes));
  const log = join(dir, 'var/log/rookery.log'); // where the nodes of hosts say it
  const said = () => stderr + (existsSync(log) ? readFileSync(log, 'utf8') : '');
  const get = (path, init) => fetch(`http://127.0.0.1:${port}${path}`, init).catch(() => null);
  await until('it answers', async () => (await get('/healthz'))?.status === 200);
  const ready = await get('/readyz');
  assert.equal(ready.status, 503);
  console.log(`not ready: ${(await ready.text()).trim()}`);
  const start = Date.now();
  const refused = await get('/api/v1/auth/login', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ name: 'ada', password: 'a long sentence' }),
  });
  assert.equal(refused.status, 503);
  const problem = await refused.json();
  assert.match(problem.title, /^(unavailable|busy|overloaded)$/);
  assert.ok(problem.retry_ms > 0);
  assert.ok(Date.now() - start < 5000);
  await until('it says that it waits', () => /database/i.test(said()));

  dev('mysql-start', join(dir, 'mysql'));
  await until('it is ready', async () => (await get('/readyz'))?.status === 200);
  const signed = await get('/api/v1/auth/signup', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ name: 'ada', password: 'a long sentence' }),
  });
  assert.equal(signed.status, 201);
  const ended = new Promise((done) => server.on('exit', done));
  server.kill('SIGTERM');
  assert.equal(await ended, 0);
  console.log('ok a database that is away at the start is waited for, and what needs it is refused in time');
} finally {
  server?.kill('SIGKILL');
  dev('mysql-stop', join(dir, 'mysql'));
  rmSync(dir, { recursive: true, force: true });
}
