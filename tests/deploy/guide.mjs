/* README.md's "On several hosts", command by command, on three hosts: a network and a file system of their own for each, in
 * namespaces of this test. Then people talk across two edges, through HAProxy, while it is updated and restored.
 *
 * A block of commands is what stands behind <!-- guide: HOST ... -->. Real are the server, MariaDB, HAProxy, the network and
 * the commands; tests/deploy/host/ stands in for systemctl, ssh and apt-get. */
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { askSocket, request, talk } from './browser.mjs';

const ROOT = new URL('../../', import.meta.url).pathname;
const SELF = new URL(import.meta.url).pathname;
const HOSTS = ['10.0.0.11', '10.0.0.12', '10.0.0.13'];
const PROXY = 'https://10.0.0.13';
const NGINX = 'https://10.0.0.13:8443';
const EDGES = ['http://10.0.0.12:8080', 'http://10.0.0.13:8080'];
const HEAL_MS = 30_000;
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
process.env.PATH += ':/usr/sbin:/sbin'; // where Debian keeps them, and a plain user's PATH does not look

/* ---- namespaces ---- */

/* Everything below runs as the first process of namespaces; what is left in them dies with it. */
function enter() {
  const apart = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const ways = process.getuid() === 0 ? [[]] : [['--user', '--map-root-user', '--map-auto']];
  const way = ways.find((flags) => spawnSync('unshare', [...flags, ...apart, 'true']).status === 0);
  if (!way) {
    console.error('This test makes three hosts of namespaces, which this account may not: run it as root, or allow user namespaces '
      + '(kernel.unprivileged_userns_clone, a range for this user in /etc/subuid and /etc/subgid, the package uidmap).');
    process.exit(1);
  }
  /* bash is the first process: it reaps what its children leave. */
  const done = spawnSync('unshare', [...way, ...apart, 'bash', '-c', '"$0" "$1" inside; exit $?', process.execPath, SELF], { stdio: 'inherit' });
  process.exit(done.status ?? 1);
}

function makeHost(address, dir) {
  const host = { address, child: spawn('unshare', ['--net', '--mount', '--uts', 'sleep', 'infinity'], { stdio: 'inherit' }) };
  const { pid } = host.child;
  const own = join(dir, address);
  mkdirSync(own);
  writeFileSync(join(dir, `${address}.pid`), String(pid));
  const net = Number(address.split('.')[3]);
  /* It has its namespaces as soon as it is no longer in ours. */
  for (let i = 0; i < 200 && execFileSync('readlink', [`/proc/${pid}/ns/uts`]).equals(execFileSync('readlink', ['/proc/self/ns/uts'])); i += 1) {
    spawnSync('sleep', ['0.02']);
  }
  execFileSync('ip', ['link', 'add', `host${net}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(pid)]);
  execFileSync('ip', ['link', 'set', `host${net}`, 'master', 'wire', 'up']);
  /* Folders of its own where the guide writes: a copy of /etc, else empty; and the clone, wherever it lies. No overlays: in
   * a user's namespace they cannot hold what belongs to the real root. What cannot be read is left out. */
  const script = [
    'ip link set lo up', `ip address add ${address}/24 dev eth0`, 'ip link set eth0 up', `hostname host${net}`,
    `mount -t tmpfs -o mode=755 tmpfs ${own}`, `cd ${own}`, 'mkdir clone etc root run usr_local var',
    `mount --rbind '${ROOT}' clone`, 'cp -r --preserve=mode,links /etc/. etc/ 2>/dev/null || true',
    'touch etc/shadow etc/gshadow', 'chmod 640 etc/shadow etc/gshadow',
    'rm -rf etc/rookery etc/haproxy etc/systemd/system/rookery*', 'mkdir -p etc/haproxy etc/systemd/system',
    'mkdir -p usr_local/bin usr_local/share var/lib/dpkg var/lib/apt var/cache/apt var/log var/tmp',
    'for path in lib/dpkg lib/apt cache/apt; do mount --rbind /var/$path var/$path; done',
    'for path in etc root run usr/local var; do mount --rbind ${path//\\//_} /$path; done',
  ].join('\n');
  runOn(host, script, dir, '/');
  host.clone = join(own, 'clone');
  return host;
}

/* What runs a script on a host, in the clone. */
function on(host, script, dir, folder = host.clone) {
  const inside = ['--target', String(host.child.pid), '--net', '--mount', '--uts'];
  const env = { PATH: `${join(dir, 'bin')}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`, HOME: '/root', GUIDE_DIR: dir, LC_ALL: 'C' };
  return ['nsenter', [...inside, 'bash', '--norc', '-euo', 'pipefail', '-c', `cd '${folder}'\n${script}`], { env }];
}

function runOn(host, script, dir, folder) {
  const [program, args, options] = on(host, script, dir, folder);
  const done = spawnSync(program, args, { ...options, encoding: 'utf8', timeout: 120_000 });
  if (done.status !== 0) throw new Error(`on ${host.address}, exit code ${done.status}:\n${script}\n--- it said:\n${done.stdout}${done.stderr}`);
  return done.stdout;
}

/* The same, while this process goes on. */
async function runAside(host, script, dir) {
  const [program, args, options] = on(host, script, dir);
  const child = spawn(program, args, { ...options, stdio: ['ignore', 'ignore', 'inherit'] });
  assert.equal(await new Promise((done) => child.on('exit', done)), 0, `on ${host.address}: ${script}`);
}

/* ---- the guide ---- */

function readGuide() {
  const blocks = [];
  const text = readFileSync(join(ROOT, 'README.md'), 'utf8');
  for (const match of text.matchAll(/<!-- guide: ([0-9. ]+) -->\n```sh\n([^]*?)```/g)) blocks.push({ hosts: match[1].split(' '), script: match[2] });
  assert.equal(blocks.length, text.split('<!-- guide:').length - 1, 'each mark has its block of commands');
  const section = text.slice(text.indexOf('\n## On several hosts'), text.indexOf('\n## Using it from scripts'));
  assert.equal(section.split('```sh').length - 1, blocks.length, 'each block of commands of the section has its mark');
  return blocks;
}

/* The next blocks up to the one that holds `word`, that one included. */
async function follow(guide, word, hosts, dir) {
  for (;;) {
    const block = guide.blocks[guide.next];
    assert.ok(block, `the guide says ${word}`);
    guide.next += 1;
    for (const address of block.hosts) await runAside(hosts.find((host) => host.address === address), block.script, dir);
    if (block.script.includes(word)) return;
  }
}

/* ---- people ---- */

let ids = 0;
const clientId = () => `01ARZ3NDEKTSV4RRFFQ6${String((ids += 1)).padStart(6, '0')}`;

async function api(url, token, method, path, body) {
  const answer = await request(`${url}/api/v1${path}`, {
    method, body: body && JSON.stringify(body), headers: { ...(token && { Authorization: `Bearer ${token}` }), ...(url === PROXY ? {} : { Host: new URL(url).host }) },
  });
  return { status: answer.status, json: answer.text ? JSON.parse(answer.text) : null };
}

/* As a client does: the same request again while it is told "later" or nothing at all. */
async function surely(what, ok, ask) {
  const until = Date.now() + HEAL_MS;
  for (;;) {
    const answer = await ask().catch((error) => ({ status: 0, json: error.message }));
    if (ok.includes(answer.status)) return answer.json;
    assert.ok([0, 401, 429, 502, 503, 504].includes(answer.status) && Date.now() < until, `${what}: ${answer.status} ${JSON.stringify(answer.json)}`);
    await sleep(100);
  }
}

async function signUp(name) {
  const { access_token: token } = await surely(`${name} signs up`, [201], () =>
    api(PROXY, null, 'POST', '/auth/signup', { name, password: 'a long enough sentence' }));
  return { name, token };
}

async function open(url, person, room, after = 0) {
  const until = Date.now() + HEAL_MS;
  for (let heard; ;) {
    const answer = await askSocket(url, 'websocket', url === PROXY ? {} : { headers: { Host: new URL(url).host, Origin: url } }).catch((error) => ({ status: 0, text: error.message }));
    heard = answer.text;
    if (answer.status === 101) {
      const socket = talk(answer);
      heard = await socket.hear();
      if (heard?.type === 'hi') {
        socket.say({ type: 'hello', version: 1, token: person.token, device: 'test', subs: [{ room, incarnation: 0, after, live: true }] });
        heard = await socket.hear();
        if (heard?.type === 'welcome') return socket;
      }
      socket.close();
    }
    assert.ok(Date.now() < until, `${person.name} gets a socket of ${url}, not ${answer.status} ${JSON.stringify(heard)}`);
    await sleep(200);
  }
}

/* A reader as the web client is one: told to come back (1012, 40xx), it opens a socket anew. */
async function listen(url, person, room) {
  let socket = await open(url, person, room);
  let comebacks = 0;
  return {
    comebacks: () => comebacks,
    say: (message) => socket.say(message),
    close: () => socket.close(),
    /* Until this text is in a line, or in what a new socket begins with. */
    async hearLine(text) {
      for (const until = Date.now() + HEAL_MS; ;) {
        const message = await socket.hear(HEAL_MS);
        if (message && JSON.stringify(message).includes(`"${text}"`)) return;
        assert.ok(Date.now() < until, `${person.name} hears '${text}'`);
        if (message) continue;
        const code = socket.closeCode();
        assert.ok(code === 1012 || (code >= 4000 && code < 4100), `${person.name} hears '${text}', but the socket closed with ${code}`);
        console.log(`   ${person.name} was told to come back: ${code}`);
        comebacks += 1;
        socket = await open(url, person, room);
      }
    },
  };
}

const post = (url, person, room, text, client_id = clientId()) =>
  surely(`${person.name} says ${text}`, [200, 201], () => api(url, person.token, 'POST', `/rooms/${room}/messages`, { client_id, text }));

/* All texts of the room, oldest first. */
async function readAll(url, person, room) {
  const texts = [];
  for (let before = 0; ;) {
    const page = await surely('a page', [200], () => api(url, person.token, 'GET', `/rooms/${room}/messages?limit=100&before=${before}`));
    texts.unshift(...page.frames.map((event) => event.body.text));
    if (!page.more) return texts;
    before = page.first_msg_no;
  }
}

/* deploy/nginx.conf beside HAProxy, with two edges as it says, on ports that are free. */
function startNginx(host, dir) {
  const changes = [
    [/^ *listen \[::\].*\n/gm, ''], [/listen 80;/, 'listen 8081;'], [/listen 443 ssl;/, 'listen 8443 ssl;'],
    [/\/etc\/letsencrypt\/live\/chat\.example\.org\/fullchain\.pem/, '/etc/haproxy/cert.pem'],
    [/\/etc\/letsencrypt\/live\/chat\.example\.org\/privkey\.pem/, '/etc/haproxy/key.pem'],
    [/^( *)server 127\.0\.0\.1:8080 max_fails=0;/m, '$1server 10.0.0.12:8080 max_fails=1 fail_timeout=2s;\n$1server 10.0.0.13:8080 max_fails=1 fail_timeout=2s;'],
  ];
  let site = readFileSync(join(ROOT, 'deploy/nginx.conf'), 'utf8');
  for (const [pattern, to] of changes) {
    assert.match(site, pattern);
    site = site.replace(pattern, to);
  }
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path /run/nginx/${name};`).join('\n');
  writeFileSync(join(dir, 'nginx.conf'), `user root;\nworker_processes 1;\npid /run/nginx/pid;\nerror_log stderr;
events { worker_connections 256; }\nhttp {\naccess_log off;\n${temp}\n${site}}\n`);
  const start = 'nginx -e stderr -p /run/nginx -c /run/nginx/nginx.conf </dev/null >/var/log/guide/nginx.log 2>&1';
  runOn(host, `mkdir -p /run/nginx && cp ${dir}/nginx.conf /run/nginx/ && ${start}`, dir);
}

/* ---- what is promised ---- */

let passed = 0;
async function step(claim, work) {
  const start = Date.now();
  await work();
  passed += 1;
  console.log(`ok ${claim} (${Date.now() - start} ms)`);
}

async function check(guide, hosts, dir) {
  const [one, two, three] = hosts;
  let ada, bob, room;

  await step('the commands up to HAProxy bring up three hosts', () => follow(guide, 'systemctl restart haproxy', hosts, dir));

  await step('each host has its own secrets, and no others', () => {
    const wanted = [['accounts-0', 'persist-0'], ['edge-0', 'room-0'], ['edge-1', 'room-1']];
    hosts.forEach((host, i) => {
      assert.equal(runOn(host, 'cd /etc/rookery/keys && ls *.secret', dir).trim(), wanted[i].map((node) => `${node}.secret`).join('\n'));
      assert.equal(runOn(host, 'stat -c "%a %U" /etc/rookery/keys /etc/rookery/keys/*.secret | sort -u', dir).trim(), '600 rookery\n700 rookery');
    });
    assert.equal(runOn(one, 'stat -c "%a %U" /etc/rookery/database_url', dir).trim(), '600 root');
  });

  await step('two people talk, each on another edge', async () => {
    ada = await signUp('ada');
    bob = await signUp('bob');
    room = (await surely('a room', [200, 201], () => api(PROXY, ada.token, 'POST', '/rooms', { client_id: '01ARZ3NDEKTSV4RRFFQ69G5F00', name: 'three hosts' }))).room;
    await surely('bob joins', [200], () => api(EDGES[1], bob.token, 'POST', `/rooms/${room}/join`, { client_id: '01ARZ3NDEKTSV4RRFFQ69G5F01' }));
    const left = await listen(EDGES[0], ada, room);
    const right = await listen(EDGES[1], bob, room);
    left.say({ type: 'room_post', room, client_id: clientId(), text: 'from the left' });
    await right.hearLine('from the left');
    right.say({ type: 'room_post', room, client_id: clientId(), text: 'from the right' });
    await left.hearLine('from the right');
    left.close();
    right.close();
  });

  await step('HAProxy is believed about addresses, and passes WebSockets only', async () => {
    assert.match((await request(`${PROXY}/`)).headers['strict-transport-security'] ?? '', /max-age/);
    const direct = await request(`${EDGES[0]}/`, { headers: { 'X-Forwarded-Proto': 'https' } });
    assert.equal(direct.headers['strict-transport-security'], undefined);
    const h2c = await request(`${PROXY}/`, { headers: { Connection: 'Upgrade, HTTP2-Settings', Upgrade: 'h2c', 'HTTP2-Settings': 'AAMAAABkAAQAAP__' } });
    assert.equal(h2c.status, 200);
  });

  await step('one more edge serves', async () => {
    await follow(guide, 'systemctl reload haproxy', hosts, dir);
    const third = await listen('http://10.0.0.12:8082', ada, room);
    await post(EDGES[1], bob, room, 'to the third edge');
    await third.hearLine('to the third edge');
    third.close();
  });

  await step('rooms move and come back while people talk', async () => {
    const listening = await listen(EDGES[1], bob, room);
    await runAside(two, 'systemctl stop rookery@room-0', dir);
    await post(EDGES[0], ada, room, 'room-0 is away');
    await listening.hearLine('room-0 is away');
    await runAside(two, 'systemctl start rookery@room-0', dir);
    await runAside(three, 'systemctl stop rookery@room-1', dir);
    await post(EDGES[0], ada, room, 'room-1 is away');
    await listening.hearLine('room-1 is away');
    await runAside(three, 'systemctl start rookery@room-1', dir);
    listening.close();
  });

  await step('an edge that stops sends its browsers away, and they are served by another', async () => {
    const socket = await open(EDGES[0], ada, room);
    const stopped = runAside(two, 'systemctl stop rookery@edge-0', dir);
    let heard;
    do heard = await socket.hear(HEAL_MS); while (heard && heard.type !== 'drain');
    assert.equal(heard?.type, 'drain');
    while (await socket.hear(HEAL_MS)) ;
    assert.ok([1012, 4001].includes(socket.closeCode()), `closed with ${socket.closeCode()}`);
    await stopped;
    const again = await listen(PROXY, ada, room);
    await post(PROXY, bob, room, 'edge-0 is away');
    await again.hearLine('edge-0 is away');
    again.close();
    await runAside(two, 'systemctl start rookery@edge-0', dir);
  });

  await step('behind nginx, too, the other edge takes the sockets of one that stops', async () => {
    for (const url of EDGES) await surely(url, [200], () => request(`${url}/readyz`));
    startNginx(three, dir);
    await surely('nginx', [200], () => request(`${NGINX}/readyz`));
    const sockets = [];
    for (const person of [ada, bob, ada, bob]) sockets.push(await listen(NGINX, person, room)); // in turn: some on each edge
    await runAside(two, 'systemctl stop rookery@edge-0', dir);
    await post(NGINX, ada, room, 'nginx goes on');
    for (const socket of sockets) await socket.hearLine('nginx goes on');
    assert.ok(sockets.some((socket) => socket.comebacks() > 0), 'edge-0 had some of them');
    for (const socket of sockets) socket.close();
    runOn(three, 'nginx -e stderr -p /run/nginx -c /run/nginx/nginx.conf -s stop', dir);
    await runAside(two, 'systemctl start rookery@edge-0', dir);
  });

  const before = await readAll(PROXY, ada, room);
  await step('the update loses and doubles nothing that was sent during it', async () => {
    const sent = [];
    let updating = true;
    const writer = (async () => {
      for (let i = 0; updating; i += 1) {
        await post(PROXY, ada, room, `during the update ${i}`);
        sent.push(`during the update ${i}`);
        await sleep(50);
      }
    })();
    await sleep(300);
    await follow(guide, 'restart rookery@persist-0', hosts, dir);
    await sleep(500);
    updating = false;
    await writer;
    assert.ok(sent.length > 10, `${sent.length} were sent`);
    assert.deepEqual(await readAll(PROXY, ada, room), [...before, ...sent]);
  });

  await step('a backup holds all, and a restore brings it back', async () => {
    const saved = await readAll(PROXY, ada, room);
    await follow(guide, 'mariadb-dump', hosts, dir);
    await post(PROXY, ada, room, 'after the backup');
    await follow(guide, 'systemctl start rookery@persist-0', hosts, dir);
    const { access_token: token } = await surely('ada signs in', [200], () => api(PROXY, null, 'POST', '/auth/login', { name: 'ada', password: 'a long enough sentence' }));
    ada = { name: 'ada', token };
    assert.deepEqual(await readAll(PROXY, ada, room), saved);
    await post(PROXY, ada, room, 'after the restore');
    assert.deepEqual(await readAll(EDGES[1], bob, room), [...saved, 'after the restore']);
  });

  await step('the guide has no commands that were not run', () => assert.equal(guide.next, guide.blocks.length));
}

function printLogs(hosts, dir) {
  for (const host of hosts) console.log(`--- ${host.address}\n${runOn(host, 'cd /var/log/guide 2>/dev/null && tail -n 25 *.log || true', dir)}`);
}

async function main() {
  const dir = mkdtempSync('/tmp/rookery-guide-');
  chmodSync(dir, 0o755); // the server is not root
  const hosts = [];
  let status = 0;
  try {
    mkdirSync(join(dir, 'bin'));
    for (const name of readdirSync(join(ROOT, 'tests/deploy/host'))) {
      const to = join(dir, 'bin', name.replace('.sh', ''));
      copyFileSync(join(ROOT, 'tests/deploy/host', name), to);
      chmodSync(to, 0o755);
    }
    assert.ok(existsSync(join(ROOT, 'build/release/actors/rookery')) && existsSync(join(ROOT, 'web/dist/index.html')), 'server and web client are built');
    execFileSync('bash', ['-c', 'mount --make-rprivate / && ip link set lo up && ip link add wire type bridge && ip address add 10.0.0.1/24 dev wire && ip link set wire up']);
    for (const address of HOSTS) hosts.push(makeHost(address, dir));
    await check({ blocks: readGuide(), next: 0 }, hosts, dir);
    console.log(`${passed} passed, 0 failed`);
  } catch (error) {
    status = 1;
    console.error(error.stack ?? error);
    try {
      printLogs(hosts, dir);
    } catch (also) {
      console.error(also.message);
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  process.exit(status);
}

if (process.argv[2] === 'inside') await main();
else enter();
