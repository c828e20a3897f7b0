/* People who do everything at random, through the web client and through plain sockets, while connections are cut, pages
 * are loaded anew, and servers and the database are killed. In the end each client's state, a fold over each room's log,
 * and the tables are the same; what was acked is in the log in its place, once, and what was refused is not.
 *
 *   property.mjs [--events 3000] [--seed N] [--kills 3] [--db-kills 1] [--leave-out KIND] [--record FILE]
 *   ROOKERY_TOPOLOGY=hosts property.mjs --events 8000
 *   property.mjs --replay FILE [--leave-out KIND]
 *
 * --leave-out: the fold passes over this kind of event, which must be noticed: the run fails. Without it a run does so
 * itself with each kind that the protocol has, so that a kind without a generator here, or a rule in the fold, fails.
 * --record writes the logs, the clients' states and the tables of a finished run; --replay compares such a file again. */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { compare, countKinds, unnoticed } from './property/compare.mjs';
import { run } from './property/run.mjs';

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '3000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    kills: { type: 'string', default: '3' },
    'db-kills': { type: 'string', default: '1' },
    'leave-out': { type: 'string', default: '' },
    record: { type: 'string', default: '' },
    replay: { type: 'string', default: '' },
  },
});

function verdict(record) {
  const faults = [...record.faults];
  const { clients, database } = compare(record, { leaveOut: values['leave-out'] });
  faults.push(...clients, ...database);
  if (values['leave-out']) return faults;
  const silent = unnoticed(record);
  faults.push(...silent);
  console.log(`events: ${[...countKinds(record)].map(([kind, n]) => `${kind} ${n}`).join(', ')}`);
  if (silent.length === 0) console.log(`ok a fold that leaves out one of ${record.kinds.length} kinds is noticed, each by clients and by tables`);
  return faults;
}

async function main() {
  if (values.replay) return verdict(JSON.parse(readFileSync(values.replay, 'utf8')));
  console.log(`property: seed ${values.seed}, topology ${process.env.ROOKERY_TOPOLOGY ?? 'threads'}`);
  const record = await run({
    seed: Number(values.seed),
    events: Number(values.events),
    kills: Number(values.kills),
    databaseKills: Number(values['db-kills']),
  });
  if (values.record) writeFileSync(values.record, JSON.stringify(record));
  return verdict(record);
}

const faults = await main();
for (const fault of faults) console.log(`not ok ${fault}`);
if (faults.length === 0) console.log('ok clients, the fold of the logs and the tables are the same');
process.exit(faults.length ? 1 : 0);
