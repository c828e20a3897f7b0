/* Uploads over HTTP while the server is killed in the middle of them, in the topology that ROOKERY_TOPOLOGY names: what
 * was acknowledged downloads byte for byte, what was not is refused or can be sent again with the same ids, nothing half
 * is ever shown or given away, and what nobody goes on with is swept. And the bounds, who may read, and a reader who is
 * put out in the middle of a file. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { sleep, startStack } from '../browser/stack.mjs';

const MIB = 1024 * 1024, PIECE = 128 * 1024;
const FILE = 5 * PIECE + 77;
const stack = await startStack({
  ROOKERY_FILE_MIB: '12', ROOKERY_FILES_MIB_PER_USER: '24', ROOKERY_FILE_UNFINISHED_S: '6',
  ROOKERY_REQUESTS_PER_S: '10000', ROOKERY_REQUESTS_BURST: '10000',
});
stack.setFaults(0, 5); // a bad network is looked at elsewhere (crash, test_links)

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const clientId = () => `0${[...randomBytes(25)].map((b) => ALPHABET[b % 32]).join('')}`;
const hexOf = (id) => [...id].reduce((n, c) => n * 32n + BigInt(ALPHABET.indexOf(c)), 0n).toString(16).padStart(32, '0');
const socket = join(stack.dir, 'var/mysql/mysqld.sock');
const sql = (text) => execFileSync('mariadb', ['--no-defaults', `--socket=${socket}`, '--batch', '--skip-column-names', '-e', text, 'rookery'], { encoding: 'utf8' }).trim();
const rowOf = (id) => {
  const [file, state, next] = sql(`SELECT id, state, next_no FROM attachment WHERE client_id = UNHEX('${hexOf(id)}') AND state < 3`).split('\t');
  return file ? { file, state: Number(state), next: Number(next) } : null;
};

async function until(what, ok, ms = 20_000) {
  for (const end = Date.now() + ms; ; await sleep(20)) {
    const value = await ok();
    if (value) return value;
    assert.ok(Date.now() < end, `${what} within ${ms} ms`);
  }
}

async function test(name, body) {
  const start = Date.now();
  await body();
  console.log(`ok ${name} (${Date.now() - start} ms)`);
}

/* What is refused for now, or by a server that just died, is asked again, unchanged. */
const isForNow = (answer, text) => [429, 500, 503, 504].includes(answer.status) || (answer.status === 401 && text.includes('unauthorized'));
async function call(method, path, who, body, edge = 0) {
  for (const end = Date.now() + 30_000; ; await sleep(50)) {
    const raw = Buffer.isBuffer(body);
    const answer = await fetch(`${stack.edges[edge]}/api/v1${path}`, {
      method,
      headers: { ...(who ? { authorization: `Bearer ${who.token}` } : {}), ...(body && !raw ? { 'content-type': 'application/json' } : {}) },
      body: body && !raw ? JSON.stringify(body) : body,
    }).catch(() => ({ status: 503, text: async () => '' }));
    const text = await answer.text().catch(() => null); // null: cut
    if ((text === null || isForNow(answer, text)) && Date.now() < end) continue;
    return { status: answer.status, ...(text ? JSON.parse(text) : {}) };
  }
}
async function must(...args) {
  const answer = await call(...args);
  assert.ok(answer.status < 300, `${args[0]} ${args[1]}: ${JSON.stringify(answer)}`);
  return answer;
}

let people = 0;
async function newPerson(name) {
  const form = { name: `${name} ${++people}`, password: 'a long enough sentence' };
  let done = await call('POST', '/auth/signup', null, form);
  if (done.title === 'name_taken') done = await must('POST', '/auth/login', null, form);
  return { user: done.user, token: done.access_token };
}
const ada = await newPerson('Ada'), ben = await newPerson('Ben'), eve = await newPerson('Eve'), kim = await newPerson('Kim');
const { room } = await must('POST', '/rooms', ada, { client_id: clientId(), name: 'Attic' });
for (const one of [ben, kim]) await must('POST', `/rooms/${room}/join`, one, { client_id: clientId() });

const agent = new Agent({ keepAlive: false });
const uploads = (id, name) => `/rooms/${room}/files?client_id=${id}&name=${name}`;
/* An upload whose bytes the test gives away one by one. answer: {status, …}, or null when the connection was cut. */
function begin(who, id, length, edge = 0) {
  const url = new URL(`${stack.edges[edge]}/api/v1${uploads(id, 'plan.bin')}`);
  const sent = request(url, { method: 'POST', agent, headers: { authorization: `Bearer ${who.token}`, 'content-length': length } });
  sent.flushHeaders();
  sent.answer = new Promise((done) => {
    sent.on('error', () => done(null));
    sent.on('response', (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('error', () => done(null));
      response.on('end', () => done({ status: response.statusCode, ...JSON.parse(Buffer.concat(parts).toString()) }));
    });
  });
  return sent;
}

async function download(who, file, headers = {}, edge = 0) {
  for (const end = Date.now() + 30_000; ; await sleep(50)) {
    const answer = await fetch(`${stack.edges[edge]}/api/v1/rooms/${room}/files/${file}`, { headers: { authorization: `Bearer ${who.token}`, ...headers } }).catch(() => null);
    const bytes = answer && Buffer.from(await answer.arrayBuffer());
    if ((!answer || isForNow(answer, bytes.toString())) && Date.now() < end) continue;
    return { status: answer.status, bytes, headers: answer.headers };
  }
}
async function isWhole(file, bytes, ...readers) {
  for (const [i, reader] of readers.entries()) {
    const got = await download(reader, file, {}, i % 2);
    assert.equal(got.status, 200);
    assert.ok(got.bytes.equals(bytes), `file ${file} as it was sent`);
  }
}
const share = (who, id, file) => call('POST', `/rooms/${room}/shares`, who, { client_id: id, text: 'see', files: [{ id: Number(file) }] });
/* All lines that show files: file → how many lines. */
async function shown() {
  const counts = new Map();
  const { frames } = await must('GET', `/rooms/${room}/messages?before=1000000&limit=100`, ben);
  for (const frame of frames) for (const one of frame.body?.files ?? []) counts.set(one.file, (counts.get(one.file) ?? 0) + 1);
  return counts;
}

/* One kill, and at that moment an upload of each kind. */
async function killed(pieces) {
  const bytes = Array.from({ length: 6 }, () => randomBytes(FILE));
  const ids = bytes.map(() => clientId()), lines = bytes.map(() => clientId());
  const said = await must('POST', uploads(ids[4], 'said.bin'), ben, bytes[4]);
  const saying = await must('POST', uploads(ids[5], 'saying.bin'), ben, bytes[5]);
  const stored = await must('POST', uploads(ids[3], 'stored.bin'), ben, bytes[3]);
  const cut = [0, pieces, 99].map((count, i) => {
    const sent = begin(ada, ids[i], FILE);
    return { sent, count };
  });
  await until('they have begun', () => ids.slice(0, 3).every(rowOf));
  cut[1].sent.write(bytes[1].subarray(0, pieces * PIECE));
  cut[2].sent.write(bytes[2].subarray(0, 5 * PIECE));
  await until('pieces are stored', () => rowOf(ids[1]).next === pieces && rowOf(ids[2]).next === 5);
  for (const half of [ids[0], ids[1], ids[2]]) { // not shown, not given, not even to whom it belongs
    const { file } = rowOf(half);
    assert.equal((await download(ada, file)).status, 404);
  }
  assert.equal((await share(ada, clientId(), rowOf(ids[1]).file)).title, 'no_file');
  assert.ok((await share(ben, lines[4], said.file)).status < 300);
  const inFlight = fetch(`${stack.edges[0]}/api/v1/rooms/${room}/shares`, {
    method: 'POST', headers: { authorization: `Bearer ${ben.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ client_id: lines[5], text: 'see', files: [{ id: saying.file }] }),
  }).then((r) => r.status, () => 0);
  cut[2].sent.end(bytes[2].subarray(5 * PIECE));
  stack.killServer();
  const answers = await Promise.all(cut.map(({ sent }) => sent.answer));
  await inFlight;
  for (const one of answers.slice(0, 2)) assert.ok(one === null || one.status >= 400, `half of a file is never taken: ${JSON.stringify(one)}`);
  await stack.untilReady(60_000);
  /* After the line: there, whole. In flight: said again it is there once. Before the line: it can still be said. */
  await isWhole(said.file, bytes[4], ada, kim);
  assert.ok([200, 201].includes((await share(ben, lines[5], saying.file)).status));
  assert.ok((await share(ben, lines[3], stored.file)).status < 300);
  await isWhole(saying.file, bytes[5], ada);
  await isWhole(stored.file, bytes[3], kim);
  /* Half: refused in a line; sent again under the same id it is a file. The last of three is left alone. */
  const half = rowOf(ids[1]);
  if (half) assert.equal((await share(ada, clientId(), half.file)).title, 'no_file');
  for (const i of [1, 2]) {
    const again = await must('POST', uploads(ids[i], 'plan.bin'), ada, bytes[i]);
    if (answers[2]?.status === 201 && i === 2) assert.equal(again.file, answers[2].file);
    assert.equal((await download(kim, again.file)).status, 404); // no line shows it yet
    assert.ok((await share(ada, lines[i], again.file)).status < 300);
    assert.equal((await share(ada, lines[i], again.file)).status, 200); // the same once more is the same
    assert.equal((await share(ada, clientId(), again.file)).title, 'no_file');
    await isWhole(again.file, bytes[i], ben);
  }
  for (const one of [said, saying, stored]) assert.equal((await shown()).get(one.file), 1);
  return ids[0];
}

let failed = true;
try {
  const left = [];
  await test('killed_before_the_first_piece_between_pieces_at_the_last_and_around_the_line', async () => {
    left.push(await killed(2));
  });
  await test('and_again_at_another_piece', async () => {
    left.push(await killed(4));
  });

  await test('a_file_at_the_bound_is_taken_and_one_byte_more_is_refused_before_its_first', async () => {
    const beyond = begin(kim, clientId(), 12 * MIB + 1); // and no byte is ever sent
    const refused = await beyond.answer;
    assert.equal(refused.status, 413);
    assert.equal(refused.title, 'too_large');
    assert.equal(refused.limit, 12 * MIB);
    const stranger = await begin(eve, clientId(), 5).answer;
    assert.equal(stranger.status, 403);
    assert.equal(stranger.title, 'not_member');
  });

  const large = randomBytes(12 * MIB), largeId = clientId();
  let file;
  await test('the_space_of_one_person_is_counted_to_the_byte', async () => {
    ({ file } = await must('POST', uploads(largeId, 'large.bin'), kim, large));
    const pending = begin(kim, clientId(), 8 * MIB);
    await until('it has begun', () => sql(`SELECT COUNT(*) FROM attachment WHERE user_id = ${kim.user} AND state = 0`) === '1');
    const refused = await begin(kim, clientId(), 4 * MIB + 1).answer;
    assert.equal(refused.status, 413);
    assert.equal(refused.title, 'quota');
    assert.equal(refused.limit, 24 * MIB);
    pending.destroy();
    await until('it is given up at once', () => sql(`SELECT COUNT(*) FROM attachment WHERE user_id = ${kim.user} AND state = 0`) === '0');
    const fits = await must('POST', uploads(clientId(), 'fits.bin'), kim, large);
    assert.equal((await call('POST', uploads(clientId(), 'one.bin'), kim, Buffer.from('x'))).title, 'quota');
    await must('DELETE', `/rooms/${room}/files/${fits.file}`, kim);
    await must('POST', uploads(clientId(), 'one.bin'), kim, Buffer.from('x'));
  });

  await test('a_part_of_it_is_that_part', async () => {
    assert.ok((await share(kim, clientId(), file)).status < 300);
    for (const [range, from, upto] of [[`bytes=${PIECE - 3}-${PIECE + 2}`, PIECE - 3, PIECE + 3], ['bytes=-5', 12 * MIB - 5, 12 * MIB], [`bytes=${12 * MIB - 1}-`, 12 * MIB - 1, 12 * MIB]]) {
      const part = await download(ben, file, { range });
      assert.equal(part.status, 206);
      assert.equal(part.headers.get('content-range'), `bytes ${from}-${upto - 1}/${12 * MIB}`);
      assert.ok(part.bytes.equals(large.subarray(from, upto)));
    }
    const beyond = await download(ben, file, { range: `bytes=${12 * MIB}-` });
    assert.equal(beyond.status, 416);
    assert.equal(beyond.headers.get('content-range'), `bytes */${12 * MIB}`);
  });

  await test('who_is_put_out_in_the_middle_of_a_file_gets_no_further_piece', async () => {
    const at = new URL(stack.edges[0]);
    const slow = connect(Number(at.port), at.hostname);
    slow.pause();
    let got = 0, head = '';
    slow.write(`GET /api/v1/rooms/${room}/files/${file} HTTP/1.1\r\nHost: ${at.host}\r\nAuthorization: Bearer ${ben.token}\r\n\r\n`);
    slow.on('error', () => undefined);
    slow.on('data', (bytes) => {
      if (!head) head = bytes.toString('latin1').slice(0, 2000);
      got += bytes.length;
    });
    const closed = new Promise((done) => slow.on('close', done));
    slow.resume();
    await until('it has begun', () => got > 0);
    slow.pause();
    assert.match(head, /^HTTP\/1.1 200 /);
    assert.match(head, new RegExp(`content-length: ${12 * MIB}\\r`, 'i'));
    await must('DELETE', `/rooms/${room}/members/${ben.user}?client_id=${clientId()}`, ada);
    for (const edge of [0, 1]) await until('no further download', async () => (await download(ben, file, {}, edge)).status !== 200, 5000);
    slow.resume();
    await closed;
    assert.ok(got > 0 && got < 12 * MIB, `${got} bytes of ${12 * MIB}`);
    for (const one of [ben, eve]) assert.ok([403, 404].includes((await download(one, file)).status));
    assert.equal((await begin(ben, clientId(), 5).answer).title, 'not_member');
    await isWhole(file, large, ada);
  });

  await test('what_nobody_goes_on_with_is_swept_also_after_a_crash', async () => {
    const { file: never } = await must('POST', uploads(clientId(), 'never.bin'), kim, Buffer.alloc(3 * PIECE, 1));
    sql(`UPDATE attachment SET touched_at_ms = touched_at_ms - 86400000 WHERE id = ${never}`); // a day later
    await until('the cut ones and the one without a line are gone', () => sql(
      `SELECT COUNT(*) FROM attachment WHERE id = ${never} OR state IN (0, 3) OR client_id IN (${left.map((id) => `UNHEX('${hexOf(id)}')`).join(', ')})`) === '0', 40_000);
    assert.equal(sql('SELECT COUNT(*) FROM blob_chunk WHERE attachment_id NOT IN (SELECT id FROM attachment WHERE state IN (1, 2))'), '0');
    assert.equal(sql('SELECT COUNT(*) FROM attachment WHERE state = 2'), '11'); // two rounds of five, and the large one
    await isWhole(file, large, ada);
  });
  failed = false;
} finally {
  agent.destroy();
  if (failed) console.log('not ok');
  await stack.stop();
}
