/* A whole Rookery for a test in JavaScript, in the topology that ROOKERY_TOPOLOGY names (tests/system/stack.h), and
 * Debian's Chromium. */
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { closeSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const require = createRequire(new URL('../../web/package.json', import.meta.url));
const { chromium } = require('playwright-core');
export const WebSocket = require('ws');
export const { AxeBuilder } = require('@axe-core/playwright');
const ROOT = new URL('../../', import.meta.url).pathname;
export const TOPOLOGY = process.env.ROOKERY_TOPOLOGY ?? 'threads';
if (!['threads', 'processes', 'hosts'].includes(TOPOLOGY)) throw new Error(`ROOKERY_TOPOLOGY=${TOPOLOGY}`);
const HOSTS = join(process.env.ROOKERY_BUILD_DIR ?? join(ROOT, 'build/release'), 'tests/system/hosts');

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/* Below the ports of outgoing connections: see tests/support/free_port.h. */
export function freePort() {
  return new Promise((done) => {
    const attempt = () => {
      const port = 20_000 + Math.floor(Math.random() * 12_000);
      const server = createServer();
      server.on('error', attempt);
      server.listen(port, '127.0.0.1', () => server.close(() => done(port)));
    };
    attempt();
  });
}

/* The sum of one metric over what these admin ports tell; histograms by their _count. NaN: nobody has it. */
async function sumMetric(ports, name) {
  let sum = NaN;
  for (const port of ports) {
    const text = await fetch(`http://127.0.0.1:${port}/metrics`).then((r) => r.text(), () => '');
    const found = new RegExp(`^${name} (\\S+)$`, 'm').exec(text);
    if (found) sum = (Number.isNaN(sum) ? 0 : sum) + Number(found[1]);
  }
  return sum;
}

/* settings: further ones, as in the environment. */
export async function startStack(settings = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'rookery-browser-'));
  const port = await freePort();
  const adminPort = await freePort();
  const env = { ...process.env, PORT: String(port), ROOKERY_VAR: join(dir, 'var'), ROOKERY_ADMIN_PORT: String(adminPort),
    ROOKERY_PERSIST_PORT: '0', ROOKERY_ROOM_PORT: '0', ROOKERY_ACCOUNTS_PORT: '0', ROOKERY_ROOMS: '2', ROOKERY_EDGES: '2',
    ROOKERY_PROCESSES: TOPOLOGY === 'processes' ? '1' : '0', ROOKERY_WEB_ROOT: join(ROOT, 'web/dist'), ...settings };
  delete env.DATABASE_URL;
  delete env.JWT_SECRET;
  const log = openSync(join(dir, 'dev.log'), 'a');
  const [command, args] = TOPOLOGY === 'hosts' ? [HOSTS, []] : [join(ROOT, 'dev'), ['run']];
  const dev = spawn(command, args, { env, stdio: ['ignore', log, log], detached: true });
  const url = `http://localhost:${port}`;
  const isReady = async () => {
    try {
      return (await fetch(`${url}/readyz`)).ok;
    } catch {
      return false;
    }
  };
  const until = Date.now() + 300_000;
  while (!(await isReady())) {
    if (dev.exitCode !== null || Date.now() > until) {
      throw new Error(`${command} did not get ready:\n${readFileSync(join(dir, 'dev.log'), 'utf8').slice(-4000)}`);
    }
    await sleep(100);
  }
  const ports = TOPOLOGY === 'hosts' ? readFileSync(join(dir, 'var/run/ports'), 'utf8').trim().split('\n').map((line) => line.split(' ')) : [];
  const of = (what) => ports.filter((line) => line[1] === what).map((line) => Number(line[2]));
  const kill = (file) => process.kill(Number(readFileSync(join(dir, 'var', file), 'utf8')), 'SIGKILL');
  return {
    url,
    dir,
    isReady,
    /* Where each edge is found: its own port where it has one, else that of all, and the kernel chooses. */
    edges: TOPOLOGY === 'hosts' ? of('http').map((p) => `http://127.0.0.1:${p}`) : [url, url],
    metrics: async () => (await Promise.all((of('admin').length ? of('admin') : [adminPort]).map((p) => fetch(`http://127.0.0.1:${p}/metrics`).then((r) => r.text())))).join('\n'),
    metric: (name) => sumMetric(of('admin').length ? of('admin') : [adminPort], name),
    /* What the network does to links, where there is one (struct fault_plan of tests/system/fault_proxy.h). */
    setFaults: (dropPer10000, delayMsMax) => {
      if (TOPOLOGY !== 'hosts') return;
      const plan = openSync(join(dir, 'var/run/faults'), 'r+');
      writeSync(plan, Buffer.from(new Uint32Array([dropPer10000, delayMsMax]).buffer), 0, 8, 0);
      closeSync(plan);
    },
    untilReady: async (ms) => {
      const end = Date.now() + ms;
      const all = TOPOLOGY === 'hosts' ? of('http').map((p) => `http://127.0.0.1:${p}`) : [url];
      const each = () => Promise.all(all.map((edge) => fetch(`${edge}/readyz`).then((r) => r.ok, () => false)));
      while ((await each()).includes(false)) {
        if (Date.now() > end) throw new Error(`not ready within ${ms} ms`);
        await sleep(50);
      }
    },
    /* The process, the parent of all, or each node of one host. */
    killServer: () => {
      if (TOPOLOGY !== 'hosts') return kill('run/server.pid');
      for (const file of readdirSync(join(dir, 'var/run'))) if (file.endsWith('-0.pid')) kill(`run/${file}`);
    },
    killDatabase: () => kill('mysql/mysqld.pid'),
    stop: async () => {
      const ended = new Promise((done) => dev.on('exit', done));
      if (dev.exitCode === null) {
        dev.kill('SIGTERM');
        await ended;
      }
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

export function openBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROME_PATH ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync',
    ],
  });
}
