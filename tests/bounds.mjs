/* BOUNDS.md kept true: every name of proto/limits.h has its row, and every test that a row names exists and is run. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';

const ROOT = new URL('..', import.meta.url).pathname;
const BUILD = process.env.ROOKERY_BUILD_DIR ?? join(ROOT, 'build/release');
const text = (file) => readFileSync(join(ROOT, file), 'utf8');

const limits = text('proto/limits.h').slice(0, text('proto/limits.h').indexOf('\n};'));
const names = [...limits.matchAll(/^ {4}(LIM_\w+) = /gm)].map((m) => m[1]);
assert.ok(names.length > 100, 'limits.h is read as it is written');
assert.equal(names.length, [...limits.matchAll(/\bLIM_\w+ =/g)].length, 'one name a line');

const { tests } = JSON.parse(execFileSync('ctest', ['--test-dir', BUILD, '--show-only=json-v1'], { encoding: 'utf8', maxBuffer: 1 << 28 }));
const programs = new Map(tests.map((test) => [test.name, test.command]));
const sources = new Map(readdirSync(join(ROOT, 'tests'), { recursive: true })
  .filter((f) => f.endsWith('.c') && !f.includes('node_modules')).map((f) => [basename(f), join('tests', f)]));
const fields = text('proto/messages.def');
const isField = (name) => new RegExp(`\\b${name}\\b`).test(fields);

function checkTest(program, name) {
  const command = programs.get(program);
  assert.ok(command, `${program} is a test of this build`);
  const file = sources.get(`${basename(command[0])}.c`);
  assert.ok(file, `${program} has a source`);
  const found = text(file).match(new RegExp(`\\b${name}\\b`, 'g')) ?? [];
  assert.ok(found.length >= 2, `${program}: ${name} is written and in the list of what is run`);
}

const rows = new Map();
let part = '';
for (const line of text('tests/BOUNDS.md').split('\n')) {
  part = /^## (.+)/.exec(line)?.[1] ?? part;
  const row = /^\| `(LIM_\w+)` \|(?: `(\w+)` \| `(\w+)` \|| ([^`|][^|]*) \|)?$/.exec(line);
  if (!row) {
    assert.ok(!line.startsWith('| `'), `not a row of the table: ${line}`);
    continue;
  }
  const [, name, program, test, why] = row;
  assert.ok(!rows.has(name), `${name} has one row`);
  rows.set(name, part);
  assert.ok(names.includes(name), `${name} is in limits.h`);
  if (part.startsWith('Bounds with a test')) checkTest(program, test);
  else if (part.startsWith('Bounds of fields')) assert.ok(isField(name), `${name} bounds a field of messages.def`);
  else assert.ok(part.startsWith('No bound') && why && !isField(name), `${name}: no bound of a field, and a reason`);
}
for (const kind of ['message', 'record', 'kind']) checkTest('test_messages', `test_every_field_of_a_${kind}_keeps_its_bound`);
checkTest('test_config', 'test_every_number_is_taken_at_its_bounds_and_refused_past_them');
assert.deepEqual(names.filter((name) => !rows.has(name)), [], 'every bound has its row');
console.log(`${rows.size} bounds, ${[...rows.values()].filter((p) => p.startsWith('Bounds with a test')).length} with a test of their own`);
