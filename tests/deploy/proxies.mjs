/* deploy/haproxy.cfg and deploy/nginx.conf in front of a real server, with TLS. Only ports, paths and the user are
 * changed in them. Everybody is on loopback: 127.0.0.1 is the proxy, the other addresses of 127/8 are browsers. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { askSocket, HOST, request as ask, talk } from './browser.mjs';

const ROOT = new URL('../../', import.meta.url).pathname;
const SIGNUPS_PER_MIN = 2;
process.env.PATH += ':/usr/sbin:/sbin'; // where Debian keeps them, and a plain user's PATH does not look
Object.assign(process.env, {
  ROOKERY_BIND: '127.0.0.1',
  ROOKERY_TRUSTED_PROXIES: '127.0.0.1',
  ROOKERY_SIGNUPS_PER_MIN: String(SIGNUPS_PER_MIN),
});
const { sleep, startStack } = await import('../browser/stack.mjs');

function freePort() {
  return new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

/* ---- the proxies ---- */

/* Each pattern must be there: an example that was rewritten may not slip past the test. */
function edit(text, changes) {
  for (const [pattern, to] of changes) {
    assert.match(text, pattern);
    text = text.replace(pattern, to);
  }
  return text;
}

function makeCertificate(dir) {
  const cert = join(dir, 'cert.pem');
  const key = join(dir, 'key.pem');
  execFileSync('openssl', [
    'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', `/CN=${HOST}`,
    '-addext', `subjectAltName=DNS:${HOST}`, '-keyout', key, '-out', cert,
  ], { stdio: 'ignore' });
  const both = join(dir, 'both.pem');
  writeFileSync(both, readFileSync(cert, 'utf8') + readFileSync(key, 'utf8'), { mode: 0o600 });
  return { cert, key, both };
}

function haproxy(dir, at, pems) {
  const config = join(dir, 'haproxy.cfg');
  writeFileSync(config, edit(readFileSync(join(ROOT, 'deploy/haproxy.cfg'), 'utf8'), [
    [/^ *log \/dev\/log .*$/m, '    log stdout format raw local0'],
    [/^ *user .*\n *group .*\n/m, ''],
    [/maxconn 20000/, 'maxconn 200'], // a plain user's descriptors
    [/^ *bind :::.*\n/gm, ''],
    [/0\.0\.0\.0:80$/m, `127.0.0.1:${at.http}`],
    [/0\.0\.0\.0:443/, `127.0.0.1:${at.https}`],
    [/\/etc\/haproxy\/rookery\.pem/g, pems.both],
    [/127\.0\.0\.1:8080/, `127.0.0.1:${at.server}`],
  ]));
  execFileSync('haproxy', ['-c', '-q', '-f', config], { stdio: 'inherit' });
  return ['haproxy', ['-db', '-f', config]];
}

/* The example is one site; around it stands what Debian's nginx.conf is to it. */
function nginx(dir, at, pems) {
  const config = join(dir, 'nginx.conf');
  const site = edit(readFileSync(join(ROOT, 'deploy/nginx.conf'), 'utf8'), [
    [/^ *listen \[::\].*\n/gm, ''],
    [/listen 80;/, `listen 127.0.0.1:${at.http};`],
    [/listen 443 ssl;/, `listen 127.0.0.1:${at.https} ssl;`],
    [/\/etc\/letsencrypt\/live\/chat\.example\.org\/fullchain\.pem/, pems.cert],
    [/\/etc\/letsencrypt\/live\/chat\.example\.org\/privkey\.pem/, pems.key],
    [/\/var\/www\/html;/, `${dir}/www;`],
    [/127\.0\.0\.1:8080/, `127.0.0.1:${at.server}`],
  ]);
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${dir}/${name};`).join('\n');
  writeFileSync(config, `daemon off;\n${process.getuid() === 0 ? 'user root;\n' : ''}worker_processes 1;\npid ${dir}/nginx.pid;
error_log stderr;\nevents { worker_connections 256; }\nhttp {\naccess_log off;\n${temp}\n${site}}\n`);
  mkdirSync(join(dir, 'www/.well-known/acme-challenge'), { recursive: true });
  writeFileSync(join(dir, 'www/.well-known/acme-challenge/word'), 'proof');
  const args = ['-e', 'stderr', '-p', dir, '-c', config];
  execFileSync('nginx', ['-q', '-t', ...args], { stdio: 'inherit' });
  return ['nginx', args];
}

const request = (url, options) => ask(url, { from: '127.0.0.9', ...options });

let people = 0;
const signUp = (url, options) =>
  request(`${url}/api/v1/auth/signup`, {
    ...options,
    method: 'POST',
    body: JSON.stringify({ name: `person${(people += 1)}`, password: 'a long enough sentence' }),
  });

/* ---- what is promised ---- */

let passed = 0;
async function step(claim, work) {
  const start = Date.now();
  await work();
  passed += 1;
  console.log(`ok ${claim} (${Date.now() - start} ms)`);
}

/* net: "127.0.<net>" is this proxy's own range of browsers, so that budgets of one do not reach into the other. */
async function check(name, at, net) {
  const url = `https://127.0.0.1:${at.https}`;
  let token;

  await step(`${name}: http is sent to https`, async () => {
    const answer = await request(`http://127.0.0.1:${at.http}/r/1?a=b`);
    assert.equal(answer.status, 308);
    assert.equal(answer.headers.location, `https://${HOST}/r/1?a=b`);
  });

  await step(`${name}: the page is served, with the server's own headers`, async () => {
    const answer = await request(`${url}/`);
    assert.equal(answer.status, 200);
    assert.match(answer.text, /<div id="root">/);
    assert.match(answer.headers['content-security-policy'], /default-src/);
    assert.match(answer.headers['strict-transport-security'] ?? '', /max-age/);
  });

  await step(`${name}: a session's cookie is for https only`, async () => {
    const answer = await signUp(url, { from: `${net}.1` });
    assert.equal(answer.status, 201, answer.text);
    assert.match(answer.headers['set-cookie'][0], /; Secure/);
    assert.match(answer.headers['set-cookie'][0], /HttpOnly/);
    token = JSON.parse(answer.text).access_token;
  });

  await step(`${name}: a WebSocket opens and is welcomed`, async () => {
    const answer = await askSocket(url, 'websocket');
    assert.equal(answer.status, 101);
    const socket = talk(answer);
    assert.equal((await socket.hear()).type, 'hi');
    socket.say({ type: 'hello', version: 1, token, device: 'test', subs: [] });
    assert.equal((await socket.hear()).type, 'welcome');
    socket.close();
  });

  await step(`${name}: a page of another origin gets no WebSocket`, async () => {
    assert.equal((await askSocket(url, 'websocket', { headers: { Origin: 'https://evil.example.org' } })).status, 403);
  });

  await step(`${name}: no other upgrade gets through`, async () => {
    for (const upgrade of ['h2c', 'TLS/1.0', 'websocket, h2c', 'h2c, websocket', 'chat']) {
      for (const path of ['/', '/ws']) {
        const answer = await request(`${url}${path}`, {
          headers: { Connection: 'Upgrade, HTTP2-Settings', Upgrade: upgrade, 'HTTP2-Settings': 'AAMAAABkAAQAAP__' },
        });
        answer.socket?.destroy();
        assert.notEqual(answer.status, 101, `${upgrade} at ${path}`);
        if (path !== '/') continue;
        if (upgrade.includes('websocket')) assert.ok([200, 400].includes(answer.status), `${upgrade}: ${answer.status}`);
        else assert.equal(answer.status, 200, `${upgrade}: answered as if it had not been asked for`);
      }
    }
  });

  await step(`${name}: each browser has its own budget, whatever it says its address is`, async () => {
    for (let i = 0; i < SIGNUPS_PER_MIN; i += 1) {
      assert.equal((await signUp(url, { from: `${net}.2`, headers: { 'X-Forwarded-For': `198.51.100.${i}` } })).status, 201);
    }
    const over = await signUp(url, { from: `${net}.2`, headers: { 'X-Forwarded-For': '198.51.100.77', Forwarded: 'for=198.51.100.78' } });
    assert.equal(over.status, 429);
    assert.ok(Number(over.headers['retry-after']) > 0);
    assert.equal((await signUp(url, { from: `${net}.3` })).status, 201);
  });
}

async function checkChallenge(at) {
  await step('nginx: who renews the certificate is let in by http', async () => {
    const answer = await request(`http://127.0.0.1:${at.http}/.well-known/acme-challenge/word`);
    assert.equal(answer.text, 'proof');
  });
}

async function checkDirect(url) {
  await step('past the proxy: who is not trusted is not believed', async () => {
    const as = (i) => ({ from: '127.0.9.1', headers: { 'X-Forwarded-For': `198.51.100.${i}`, 'X-Forwarded-Proto': 'https' } });
    for (let i = 0; i < SIGNUPS_PER_MIN; i += 1) assert.equal((await signUp(url, as(i))).status, 201);
    assert.equal((await signUp(url, as(99))).status, 429);
    const page = await request(`${url}/`, as(1));
    assert.equal(page.headers['strict-transport-security'], undefined);
  });
  await step('past the proxy: a trusted address is believed', async () => {
    for (let i = 0; i <= SIGNUPS_PER_MIN; i += 1) {
      const answer = await signUp(url, { from: '127.0.0.1', headers: { 'X-Forwarded-For': `203.0.113.${i}`, 'X-Forwarded-Proto': 'https' } });
      assert.equal(answer.status, 201);
      assert.match(answer.headers['set-cookie'][0], /; Secure/);
    }
  });
  await step('past the proxy: h2c and unknown upgrades are refused', async () => {
    for (const upgrade of ['h2c', 'chat']) {
      const answer = await request(`${url}/`, { headers: { Connection: 'Upgrade', Upgrade: upgrade } });
      assert.ok(answer.status >= 400, `${upgrade}: ${answer.status}`);
    }
  });
}

async function withProxy(name, configure, dir, server, pems, net) {
  const own = join(dir, name);
  mkdirSync(own);
  const at = { http: await freePort(), https: await freePort(), server };
  const [program, args] = configure(own, at, pems);
  const log = openSync(join(own, 'log'), 'a');
  const child = spawn(program, args, { stdio: ['ignore', log, log] });
  const ended = new Promise((done) => child.on('exit', done));
  try {
    const until = Date.now() + 15_000;
    while ((await request(`https://127.0.0.1:${at.https}/healthz`).catch(() => null))?.status !== 200) {
      assert.ok(child.exitCode === null && Date.now() < until, `${name} serves`);
      await sleep(50);
    }
    await check(name, at, net);
    if (name === 'nginx') await checkChallenge(at);
  } catch (error) {
    console.log(readFileSync(join(own, 'log'), 'utf8').slice(-4000));
    throw error;
  } finally {
    child.kill('SIGTERM');
    await Promise.race([ended, sleep(5000).then(() => child.kill('SIGKILL'))]);
  }
}

const dir = mkdtempSync(join(tmpdir(), 'rookery-deploy-'));
const stack = await startStack();
try {
  const pems = makeCertificate(dir);
  const server = Number(new URL(stack.url).port);
  await checkDirect(`http://127.0.0.1:${server}`);
  await withProxy('haproxy', haproxy, dir, server, pems, '127.0.1');
  await withProxy('nginx', nginx, dir, server, pems, '127.0.2');
} finally {
  await stack.stop();
  rmSync(dir, { recursive: true, force: true });
}
console.log(`${passed} passed, 0 failed`);
process.exit(0);
