/* COMPLAINTS.md kept true: every test that it names exists in the program that it names, and can be run alone.
 *
 *   complaints.mjs check          the table against the sources and ctest's list of this build
 *   complaints.mjs run NUMBER     all tests of one complaint */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';

const ROOT = new URL('..', import.meta.url).pathname;
const BUILD = process.env.ROOKERY_BUILD_DIR ?? join(ROOT, 'build/release');
const COMPLAINTS = 17;
const OVER_TCP = ['test_mailbox']; // each of its tests runs over inproc and over tcp, under names of their own
const WHOLE = ['test_store']; // its tests build on each other: it runs whole, and is to say that this one passed

function readTable() {
  const rows = [];
  const numbers = [];
  for (const line of readFileSync(join(ROOT, 'tests/COMPLAINTS.md'), 'utf8').split('\n')) {
    const heading = /^## (\d+)\. ./.exec(line);
    if (heading) numbers.push(Number(heading[1]));
    if (!line.startsWith('| ') || line.startsWith('| what is asked for')) continue;
    const row = /^\| [^|]+ \| `([^`]+)` \| (?:`([^`]+)`|\*all\*) \|$/.exec(line);
    assert.ok(row, `not a row of the table: ${line}`);
    rows.push({ number: numbers.at(-1), program: row[1], name: row[2] });
  }
  assert.deepEqual(numbers, Array.from({ length: COMPLAINTS }, (_, i) => i + 1), 'the complaints are numbered');
  for (const number of numbers) assert.ok(rows.some((r) => r.number === number), `complaint ${number} has a test`);
  return rows;
}

/* As ctest knows them: command, folder, environment. */
function readPrograms() {
  const { tests } = JSON.parse(execFileSync('ctest', ['--test-dir', BUILD, '--show-only=json-v1'], { encoding: 'utf8', maxBuffer: 1 << 28 }));
  const property = (test, name) => test.properties.find((p) => p.name === name)?.value;
  return new Map(tests.map((test) => [test.name, { command: test.command, cwd: property(test, 'WORKING_DIRECTORY'),
    env: Object.fromEntries((property(test, 'ENVIRONMENT') ?? []).map((e) => [e.slice(0, e.indexOf('=')), e.slice(e.indexOf('=') + 1)])) }]));
}

function filesBelow(folder) {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === 'node_modules') return [];
    return entry.isDirectory() ? filesBelow(join(folder, entry.name)) : [join(folder, entry.name)];
  });
}

const SOURCES = [...filesBelow('tests'), ...filesBelow('web/tests')];
const text = (file) => readFileSync(join(ROOT, file), 'utf8');

/* Where a row's test stands, and how it is run alone. */
function find(row, programs) {
  const program = programs.get(row.program);
  assert.ok(program?.command, `${row.program} is a test of this build`);
  if (!row.name) return { ...program, command: program.command, says: '' };
  const [first, ...rest] = program.command;
  const where = (files, call) => {
    const found = files.filter((file) => text(file).includes(call));
    assert.equal(found.length, 1, `${row.program}: ${row.name} stands in ${found.length} files`);
    return found[0];
  };
  if (row.program === 'web_test') {
    const file = where(SOURCES.filter((f) => /^web\/tests\/.*\.test\.tsx?$/.test(f)), `('${row.name}'`);
    const pattern = row.name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&').replace('%i', '\\d+');
    return { ...program, command: ['npx', 'vitest', 'run', file.slice('web/'.length), '-t', pattern], says: 'passed' };
  }
  if (row.program === 'browser_client') {
    const part = row.name.split('$')[0];
    assert.match(text('web/tests/browser/run.mjs'), new RegExp(`test\\(['\`]${row.name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}['\`]`));
    return { ...program, command: [...program.command, '--', part], says: `ok ${part}` };
  }
  if (basename(first) === 'node') {
    where(SOURCES.filter((f) => join(ROOT, f) === rest[0]), `test('${row.name}'`);
    return { ...program, command: [...program.command, row.name], says: `ok ${row.name} ` };
  }
  const source = SOURCES.filter((f) => basename(f) === `${basename(first)}.c`);
  assert.equal(source.length, 1, `${first} has one source`);
  where(source, `static void ${row.name}(void **`);
  const name = OVER_TCP.includes(row.program) ? `${row.name}_tcp` : row.name;
  const env = WHOLE.includes(row.program) ? program.env : { ...program.env, ROOKERY_ONLY: name };
  return { ...program, env, says: `OK ] ${name}\n` };
}

function run(number) {
  const programs = readPrograms();
  const bad = [];
  for (const row of readTable().filter((r) => r.number === number)) {
    const { command, cwd, env, says } = find(row, programs);
    const start = Date.now();
    const done = spawnSync(command[0], command.slice(1), { cwd, env: { ...process.env, ...env }, encoding: 'utf8', maxBuffer: 1 << 28 });
    const said = `${done.stdout}${done.stderr}`;
    const ok = done.status === 0 && said.includes(says);
    console.log(`${ok ? 'ok' : 'not ok'} ${row.program}: ${row.name ?? 'all'} (${Date.now() - start} ms)`);
    if (ok) continue;
    console.log(said);
    bad.push(row);
  }
  return bad.length;
}

const [verb, number] = process.argv.slice(2);
if (verb === 'run') process.exit(run(Number(number)) ? 1 : 0);
assert.equal(verb, 'check', 'check, or run NUMBER');
const programs = readPrograms();
const rows = readTable();
for (const row of rows) find(row, programs);
console.log(`${rows.length} tests guard against ${COMPLAINTS} complaints`);
