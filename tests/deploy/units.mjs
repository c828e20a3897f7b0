/* deploy/'s units and drop-ins as systemd reads them: `systemd-analyze` needs no running systemd. Only the path of the
 * server is changed in them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = new URL('../../', import.meta.url).pathname;
const SERVER = join(process.env.ROOKERY_BUILD_DIR ?? join(ROOT, 'build/release'), 'actors/rookery');
const EXPOSURE_MAX = 15; // tenths: 1.5 of 10
const INSTANCES = ['rookery.service', 'rookery@edge-0.service', 'rookery@room-1.service', 'rookery@persist-0.service', 'rookery@accounts-0.service'];

function analyze(args, dir) {
  const done = spawnSync('systemd-analyze', ['--no-pager', ...args], {
    encoding: 'utf8',
    env: { ...process.env, SYSTEMD_UNIT_PATH: `${dir}:`, SYSTEMD_COLORS: '0' },
  });
  if (done.error) throw new Error(`systemd-analyze does not run (Debian's package systemd has it): ${done.error.message}`);
  return { status: done.status, said: `${done.stdout}${done.stderr}`.trim() };
}

function copyUnits(dir, change = (text) => text) {
  for (const name of readdirSync(join(ROOT, 'deploy'))) {
    if (!/\.service(\.d)?$/.test(name)) continue;
    cpSync(join(ROOT, 'deploy', name), join(dir, name), { recursive: true });
    if (statSync(join(dir, name)).isDirectory()) continue;
    const text = readFileSync(join(dir, name), 'utf8');
    assert.ok(text.includes('=/usr/local/bin/rookery '), `${name} names the server`);
    writeFileSync(join(dir, name), change(text.replaceAll('=/usr/local/bin/rookery ', `=${SERVER} `)));
  }
}

const dir = mkdtempSync(join(tmpdir(), 'rookery-units-'));
let passed = 0;
function step(claim, work) {
  work();
  passed += 1;
  console.log(`ok ${claim}`);
}

try {
  copyUnits(dir);
  for (const name of INSTANCES) {
    step(`${name}: systemd has no complaint`, () => {
      assert.deepEqual(analyze(['verify', '--man=no', join(dir, name)], dir), { status: 0, said: '' });
    });
  }
  for (const name of ['rookery.service', 'rookery@.service']) {
    step(`${name}: its exposure is at most ${EXPOSURE_MAX / 10} of 10`, () => {
      const { status, said } = analyze(['security', '--offline=yes', `--threshold=${EXPOSURE_MAX}`, join(dir, name)], dir);
      assert.match(said, /Overall exposure level/, said);
      assert.equal(status, 0, said.split('\n').at(-1));
    });
  }
  step('both units are locked up in the same way', () => {
    const lockup = (name) => readFileSync(join(ROOT, 'deploy', name), 'utf8').match(/\nNoNewPrivileges=[^]*\n\[Install\]/)[0];
    assert.equal(lockup('rookery.service'), lockup('rookery@.service'));
  });
  step('a misspelt key and a weaker unit are found', () => {
    copyUnits(dir, (text) => text.replace('ProtectSystem=strict', 'ProtectSytem=strict'));
    assert.match(analyze(['verify', '--man=no', join(dir, 'rookery.service')], dir).said, /ProtectSytem/);
    copyUnits(dir, (text) => text.replace('NoNewPrivileges=yes\n', '').replace('CapabilityBoundingSet=\n', ''));
    assert.notEqual(analyze(['security', '--offline=yes', `--threshold=${EXPOSURE_MAX}`, join(dir, 'rookery.service')], dir).status, 0);
  });
} finally {
  rmSync(dir, { recursive: true, force: true });
}
console.log(`${passed} passed, 0 failed`);
