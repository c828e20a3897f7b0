import { useEffect, useRef, useState } from 'react';
import type { Topology } from '@/state/admin';
import { failureOf } from '@/state/commands';
import { useCommands } from '@/state/hooks';
import { Button } from '@/ui/Button';
import { cx } from '@/ui/cx';
import { Cell, Heading, Table, Trouble } from './Parts';
import {
  advanceAll,
  BOX,
  colourOf,
  meanMs,
  ownersOf,
  pictureOf,
  processKey,
  total,
  totalRate,
  type Picture,
  type PlacedLink,
  type PlacedNode,
  type RatesByReporter,
} from './picture';
import { bytesOf, countOf, plural, rateOf, spanOf } from './words';

const EACH_MS = 1000;

interface Look {
  topology: Topology;
  rates: RatesByReporter;
}

/** Looks once a second while the page is in sight; a slow answer delays the next question, they never pile up. */
function useTopology(paused: boolean): { look: Look | null; error: string; again: () => void } {
  const commands = useCommands();
  const [look, setLook] = useState<Look | null>(null);
  const [error, setError] = useState('');
  const [round, setRound] = useState(0);
  const rates = useRef<RatesByReporter>(new Map());
  useEffect(() => {
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    async function once(): Promise<void> {
      if (document.visibilityState === 'visible') {
        try {
          const topology = await commands.adminTopology(abort.signal);
          rates.current = advanceAll(rates.current, topology);
          setError('');
          setLook({ topology, rates: rates.current });
        } catch (e) {
          if (!abort.signal.aborted) setError(failureOf(e).detail);
        }
      }
      if (!abort.signal.aborted && !paused) timer = setTimeout(() => void once(), EACH_MS);
    }
    void once();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [commands, paused, round]);
  return { look, error, again: () => setRound((n) => n + 1) };
}

export function System() {
  const [paused, setPaused] = useState(false);
  const { look, error, again } = useTopology(paused);
  if (!look)
    return (
      <>
        {error ? null : <p role="status">Loading…</p>}
        <Trouble error={error} onAgain={again} />
      </>
    );
  const { topology, rates } = look;
  const picture = pictureOf(topology, rates);
  return (
    <div className="space-y-10">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <p className="text-sm text-ink-2">
          {`${plural(topology.nodes.length, 'actor', 'actors')} in ${plural(topology.processes.length, 'process', 'processes')}. `}
          {paused ? 'Held.' : 'Looked at each second.'}
        </p>
        <Button aria-pressed={paused} onClick={() => setPaused(!paused)}>
          {paused ? 'Go on' : 'Hold'}
        </Button>
      </div>
      <Trouble error={error} onAgain={again} />
      <Numbers topology={topology} rates={rates} />
      <section>
        <Heading note="Lines are links, with frames per second both ways. A thick line has frames waiting in it.">Actors</Heading>
        <div role="region" aria-label="Picture of the actors" tabIndex={0} className="thin-scroll overflow-x-auto rounded-lg border border-line bg-sunk p-2">
          <Drawing picture={picture} />
        </div>
      </section>
      <Shards owners={topology.owners} />
      <Actors picture={picture} />
      <Links links={picture.links} />
      <Counters topology={topology} rates={rates} />
    </div>
  );
}

/* ---- numbers ------------------------------------------------------------------------------------------------------ */

function Numbers({ topology: t, rates }: { topology: Topology; rates: RatesByReporter }) {
  const ms = (metric: string) => {
    const mean = meanMs(t, rates, metric);
    return mean === undefined ? '–' : `${mean < 10 ? mean.toFixed(1) : Math.round(mean)} ms`;
  };
  const up = total(t, 'rookery_store_up') > 0;
  const tiles = [
    ['Open sockets', countOf(total(t, 'rookery_edge_sockets'))],
    ['Events stored per second', rateOf(totalRate(t, rates, 'rookery_room_events_total'))],
    ['Deliveries per second', rateOf(totalRate(t, rates, 'rookery_edge_deliveries_total'))],
    ['Requests per second', rateOf(totalRate(t, rates, 'rookery_http_requests_total'))],
    ['From post to ack', ms('rookery_ack_seconds')],
    ['A commit takes', ms('rookery_store_commit_seconds')],
    ['Events not stored yet', countOf(total(t, 'rookery_room_pending_events'))],
    ['Questions to the store waiting', countOf(total(t, 'rookery_store_queue'))],
    ['Passwords waiting', countOf(total(t, 'rookery_auth_hash_queue'))],
    ['Search is behind by', plural(total(t, 'rookery_search_lag_events'), 'event', 'events')],
  ] as const;
  return (
    <section aria-label="The whole server">
      {up ? null : (
        <p role="alert" className="mb-3 rounded-md bg-notice px-3 py-2 text-sm font-semibold text-on-notice">
          The database does not answer.
        </p>
      )}
      <dl className="grid grid-cols-2 gap-px overflow-hidden rounded-lg border border-line bg-line sm:grid-cols-3 lg:grid-cols-5">
        {tiles.map(([name, value]) => (
          <div key={name} className="flex flex-col-reverse justify-end bg-paper px-3 py-2.5">
            <dt className="text-xs text-ink-2">{name}</dt>
            <dd className="text-lg font-bold tabular-nums">{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

/* ---- the picture -------------------------------------------------------------------------------------------------- */

const middle = (n: PlacedNode) => ({ x: n.x + BOX.width / 2, y: n.y + BOX.height / 2 });

function loadOf({ node, shards }: PlacedNode): string {
  if (node.node.startsWith('edge/')) return plural(node.sockets, 'socket', 'sockets');
  if (node.node.startsWith('room/')) return `${plural(shards, 'shard', 'shards')}, ${countOf(node.queue)} waiting`;
  return `${countOf(node.queue)} waiting`;
}

function Drawing({ picture }: { picture: Picture }) {
  return (
    <svg
      role="img"
      aria-label={`${plural(picture.nodes.length, 'actor', 'actors')} and ${plural(picture.links.length, 'link', 'links')} between them. The tables below have the same in words.`}
      viewBox={`0 0 ${picture.width} ${picture.height}`}
      width={picture.width}
      height={picture.height}
      className="mx-auto block max-w-none"
    >
      {picture.links.map((l, i) => (
        <LinkLine key={l.key} link={l} index={i} />
      ))}
      {picture.nodes.map((n) => (
        <g key={n.node.node} transform={`translate(${n.x} ${n.y})`} opacity={n.silent ? 0.55 : 1}>
          <rect
            width={BOX.width}
            height={BOX.height}
            rx={10}
            className={cx('fill-paper', n.silent ? 'stroke-danger' : 'stroke-line-strong')}
            strokeDasharray={n.silent ? '5 4' : undefined}
            strokeWidth={1.5}
          />
          {n.node.node.startsWith('room/') ? <rect x={10} y={12} width={10} height={10} rx={2} fill={colourOf(n.node.node)} /> : null}
          <text x={n.node.node.startsWith('room/') ? 26 : 12} y={22} className="fill-ink text-sm font-bold">
            {n.node.node}
          </text>
          <text x={12} y={42} className="fill-ink text-xs">
            {n.silent ? `silent for ${spanOf(n.node.age_ms)}` : loadOf(n)}
          </text>
          <text x={12} y={60} className="fill-ink-3 text-xs">
            {`${n.node.host.slice(0, 14) || 'host'} · ${n.node.pid}`}
          </text>
        </g>
      ))}
    </svg>
  );
}

function LinkLine({ link, index }: { link: PlacedLink; index: number }) {
  const a = middle(link.from);
  const b = middle(link.to);
  // Words stand at different heights, so that those of lines that cross do not cover each other.
  const part = link.long ? 0.2 : 0.5 + ((index % 3) - 1) * 0.11;
  const at = { x: a.x + (b.x - a.x) * part, y: a.y + (b.y - a.y) * part + 4 };
  const words = `${rateOf(link.perS)}/s${link.waiting ? ` · ${link.waiting}` : ''}`;
  const isRow = a.y === b.y;
  return (
    <g>
      <line
        x1={a.x}
        y1={a.y}
        x2={b.x}
        y2={b.y}
        className={link.up ? 'stroke-line-strong' : 'stroke-danger'}
        strokeWidth={link.waiting > 64 ? 4 : link.waiting > 0 ? 2.5 : 1.5}
        strokeDasharray={link.up ? undefined : '5 4'}
      />
      {isRow ? null : (
        <text x={at.x} y={at.y} textAnchor="middle" className="fill-ink-2 stroke-sunk text-2xs" strokeWidth={4} paintOrder="stroke">
          {words}
        </text>
      )}
    </g>
  );
}

/* ---- shards ------------------------------------------------------------------------------------------------------- */

const STRIP = { columns: 64, cell: 10 } as const;

function Shards({ owners }: { owners: readonly string[] }) {
  const counts = ownersOf(owners);
  return (
    <section>
      <Heading note="Rooms are spread over 256 shards; each belongs to one room actor.">Shards</Heading>
      <svg
        role="img"
        aria-label={counts.map((c) => `${c.owner || 'nobody'}: ${plural(c.count, 'shard', 'shards')}`).join('; ')}
        viewBox={`0 0 ${STRIP.columns * STRIP.cell} ${Math.ceil(owners.length / STRIP.columns) * STRIP.cell}`}
        className="block w-full"
      >
        {owners.map((owner, i) => (
          <rect
            key={i}
            x={(i % STRIP.columns) * STRIP.cell + 0.5}
            y={Math.floor(i / STRIP.columns) * STRIP.cell + 0.5}
            width={STRIP.cell - 1}
            height={STRIP.cell - 1}
            fill={colourOf(owner)}
          >
            <title>{`${i}: ${owner || 'nobody'}`}</title>
          </rect>
        ))}
      </svg>
      <ul className="mt-2 flex flex-wrap gap-x-4 gap-y-1 text-sm">
        {counts.map((c) => (
          <li key={c.owner} className="flex items-center gap-1.5">
            <svg aria-hidden="true" viewBox="0 0 10 10" className="size-3">
              <rect width="10" height="10" rx="2" fill={colourOf(c.owner)} />
            </svg>
            {`${c.owner || 'nobody'}: ${c.count}`}
          </li>
        ))}
      </ul>
    </section>
  );
}

/* ---- the same in words -------------------------------------------------------------------------------------------- */

function Actors({ picture }: { picture: Picture }) {
  return (
    <section>
      <Heading>Actors in words</Heading>
      <Table caption="Actors" head={['Actor', 'Host', 'Process', 'Up', 'Sockets', 'Waiting', 'Shards', 'Last heard', 'Version']} numbers={[2, 4, 5, 6]}>
        {picture.nodes.map((n) => (
          <tr key={n.node.node}>
            <th scope="row" className="px-3 py-2 text-left font-semibold whitespace-nowrap">
              {n.node.node}
            </th>
            <Cell>{n.node.host}</Cell>
            <Cell number>{n.node.pid}</Cell>
            <Cell className="whitespace-nowrap">{spanOf(n.node.up_ms)}</Cell>
            <Cell number>{countOf(n.node.sockets)}</Cell>
            <Cell number>{countOf(n.node.queue)}</Cell>
            <Cell number>{countOf(n.shards)}</Cell>
            <Cell className={cx('whitespace-nowrap', n.silent && 'font-semibold text-danger')}>
              {n.node.age_ms < 2000 ? 'now' : `${spanOf(n.node.age_ms)} ago`}
            </Cell>
            <Cell className="whitespace-nowrap text-ink-3">{n.node.build}</Cell>
          </tr>
        ))}
      </Table>
    </section>
  );
}

function Links({ links }: { links: readonly PlacedLink[] }) {
  return (
    <section>
      <Heading note="Waiting: frames that the other end has not confirmed. Lag: since an end last heard of the other.">Links in words</Heading>
      <Table caption="Links" head={['Link', 'State', 'Frames per second', 'Waiting', 'Bytes', 'Lag']} numbers={[2, 3, 4, 5]}>
        {links.map((l) => (
          <tr key={l.key}>
            <th scope="row" className="px-3 py-2 text-left font-semibold whitespace-nowrap">
              {l.key}
            </th>
            <Cell className={l.up ? '' : 'font-semibold text-danger'}>{l.up ? 'up' : 'down'}</Cell>
            <Cell number>{rateOf(l.perS)}</Cell>
            <Cell number>{countOf(l.waiting)}</Cell>
            <Cell number>{bytesOf(l.waitingBytes)}</Cell>
            <Cell number>{`${countOf(l.heardMs)} ms`}</Cell>
          </tr>
        ))}
      </Table>
    </section>
  );
}

function Counters({ topology: t, rates }: { topology: Topology; rates: RatesByReporter }) {
  const [open, setOpen] = useState(false);
  const names = open ? [...new Set(t.processes.flatMap((p) => Object.keys(p.metrics)))].sort() : [];
  return (
    <section>
      <Heading note="What /metrics says at the admin port, of all processes together.">Counters</Heading>
      <Button aria-expanded={open} onClick={() => setOpen(!open)}>
        {open ? 'Hide the counters' : 'Show all counters'}
      </Button>
      {open ? (
        <div className="mt-3">
          <Table
            caption="Counters"
            head={['Name', 'Per second', ...t.processes.map((p) => processKey(p))]}
            numbers={t.processes.map((_, i) => i + 1).concat(t.processes.length + 1)}
          >
            {names.map((name) => (
              <tr key={name}>
                <th scope="row" className="px-3 py-1.5 text-left font-mono text-xs font-normal whitespace-nowrap">
                  {name}
                </th>
                <Cell number>{rateOf(totalRate(t, rates, name))}</Cell>
                {t.processes.map((p) => {
                  const value = p.metrics[name];
                  return (
                    <Cell key={processKey(p)} number>
                      {value === undefined ? '' : countOf(typeof value === 'number' ? value : value.count)}
                    </Cell>
                  );
                })}
              </tr>
            ))}
          </Table>
        </div>
      ) : null}
    </section>
  );
}
