/* What an operator may get wrong, or ask, before anything runs: `check`, `--help`, refusals of one sentence, and who wins when
 * an option is said in three places. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = new URL('../../', import.meta.url).pathname;
const SERVER = join(process.env.ROOKERY_BUILD_DIR ?? join(ROOT, 'build/release'), 'actors/rookery');
const COLUMNS_MAX = 100;
const MISUSE = 2;
const BAD_VALUE = 78;

function rookery(args, env = {}) {
  const done = spawnSync(SERVER, args, { encoding: 'utf8', env: { PATH: process.env.PATH, ...env } });
  if (done.error) throw done.error;
  return { status: done.status, out: done.stdout, complaint: done.stderr };
}

/* Every row of the table: field, environment name, and whether it is a secret. */
const rows = [...readFileSync(join(ROOT, 'actors/runtime/options.def'), 'utf8').matchAll(/^OPTION_(\w+)\((\w+), "(\w+)"/gm)]
  .map(([, type, field, env]) => ({ field, env, secret: type === 'SECRET', number: type === 'INT' }));
const flag = ({ field, secret }) => `--${field.replaceAll('_', '-')}${secret ? '-file' : ''}`;

const dir = mkdtempSync(join(tmpdir(), 'rookery-options-'));
let passed = 0;
function step(claim, work) {
  work();
  passed += 1;
  console.log(`ok ${claim}`);
}

try {
  step(`each of ${rows.length} options has three names that belong together`, () => {
    assert.ok(rows.length > 30);
    for (const { field, env } of rows) {
      const plain = ['PORT', 'DATABASE_URL', 'JWT_SECRET'];
      assert.equal(env, plain.includes(field.toUpperCase()) ? field.toUpperCase() : `ROOKERY_${field.toUpperCase()}`);
    }
  });
  step('--help says them all, in lines that fit', () => {
    const { status, out } = rookery(['--help']);
    assert.equal(status, 0);
    const helps = readFileSync(join(ROOT, 'actors/runtime/options.def'), 'utf8').match(/, "[^"]*"\)$/gm).map((text) => text.slice(3, -2));
    const flat = out.replaceAll(/\s+/g, ' ');
    for (const row of rows) assert.match(out, new RegExp(`^  ${flag(row)} +${row.env}`, 'm'));
    for (const help of helps) assert.ok(flat.includes(help), help);
    for (const line of out.split('\n')) assert.ok(line.length <= COLUMNS_MAX, `${line.length} columns: ${line}`);
  });
  step('check prints them all with their values, and no secret', () => {
    const secret = 'a secret of more than thirty-two bytes, mind';
    const { status, out } = rookery(['check'], { JWT_SECRET: secret });
    assert.equal(status, 0);
    for (const { field } of rows) assert.match(out, new RegExp(`^${field} = `, 'm'));
    assert.match(out, /^frames_per_s = 20$/m);
    assert.match(out, /^jwt_secret = \(set\)$/m);
    assert.ok(!out.includes(secret));
  });
  step('a flag wins over the environment, that over the file, that over the default', () => {
    const file = join(dir, 'rookery.zpl');
    writeFileSync(file, 'port = 1\nreaders = 3\nconnections_max = 1000\n');
    const env = { PORT: '2', ROOKERY_READERS: '4', ROOKERY_CONFIG: file };
    const { out } = rookery(['check', '--port', '5'], env);
    for (const line of ['port = 5', 'readers = 4', 'connections_max = 1000', 'rooms = 1']) assert.match(out, new RegExp(`^${line}$`, 'm'));
    assert.match(rookery(['check', '--config', file]).out, /^port = 1$/m);
  });
  step('what README tells to set and to watch is there', () => {
    const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
    const metrics = readFileSync(join(ROOT, 'actors/runtime/metrics.def'), 'utf8');
    const watched = readme.slice(readme.indexOf('| metric `rookery_…` |'), readme.indexOf('\n## On several hosts'));
    const names = [...watched.matchAll(/^\| (`[^|]*`) \|/gm)].flatMap(([, cell]) => cell.match(/\w+/g));
    assert.ok(names.length > 10);
    for (const name of names) assert.ok(metrics.includes(`"rookery_${name}"`), name);
    for (const [name] of readme.matchAll(/\bROOKERY_[A-Z_]+\b/g)) {
      assert.ok(rows.some(({ env }) => env === name) || ['ROOKERY_CONFIG', 'ROOKERY_TEST_DATABASE_URL'].includes(name), name);
    }
  });
  step('a node is named by its role and number, or by one word', () => {
    for (const args of [['room-3'], ['room', '--instance', '3']]) {
      const { status, complaint } = rookery([...args, '--room-port', '0', '--var', join(dir, 'var')]);
      assert.equal(status, BAD_VALUE);
      assert.match(complaint, /^room_port: a node needs a port/);
    }
    assert.equal(rookery(['room-64']).status, BAD_VALUE);
    assert.equal(rookery(['room-01']).status, MISUSE);
  });
  const refusals = [
    [['check', '--prot', '80'], {}, MISUSE, /^--prot: there is no such option; `rookery --help` lists them\n$/],
    [['check', 'port'], {}, MISUSE, /^port: an option is --name VALUE or --name=VALUE\n$/],
    [['check', '--port'], {}, MISUSE, /^--port: a value must follow\n$/],
    [['check', '--port', 'http'], {}, BAD_VALUE, /^--port: 'http' is not a whole number from 0 to 65535 \(.*\)\n$/],
    [['check'], { ROOKERY_EDGES: '65' }, BAD_VALUE, /^ROOKERY_EDGES: '65' is not a whole number from 1 to 64 \(.*\)\n$/],
    [['check', '--config', '/nowhere'], {}, BAD_VALUE, /^--config: cannot read \/nowhere as a ZPL file .*\n$/],
    [['check', '--jwt-secret', 'x'], {}, MISUSE, /^--jwt-secret: everybody on this machine can read arguments; use .*\n$/],
    [['check'], { JWT_SECRET: 'short' }, BAD_VALUE, /^JWT_SECRET: 5 bytes can be guessed; .*\n$/],
    [['check'], { DATABASE_URL: 'http://x' }, BAD_VALUE, /^DATABASE_URL: must begin with mysql:\/\/ .*\n$/],
    [['serve'], {}, BAD_VALUE, /^rookery: DATABASE_URL is not set .*\n$/],
  ];
  for (const [args, env, status, sentence] of refusals) {
    step(`refused in one sentence: rookery ${args.join(' ')} ${Object.entries(env).map(([name, value]) => `${name}=${value}`)}`, () => {
      const got = rookery(args, env);
      assert.match(got.complaint, sentence);
      assert.equal(got.complaint.trim().split('\n').length, 1);
      assert.equal(got.status, status);
    });
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}
console.log(`${passed} passed, 0 failed`);
