/* The installation as a picture: who stands where, who talks to whom, how fast, and what waits. Pure: one look at the
 * server after another goes in, what is to be drawn comes out. */
import type { ActorNode, MetricValue, Topology } from '@/state/admin';

/* ---- rates -------------------------------------------------------------------------------------------------------- */

export interface Rates {
  atMs: number;
  values: ReadonlyMap<string, number>;
  /** Per second, between the last two reports that differ in time; what began anew in between is missing. */
  perS: ReadonlyMap<string, number>;
}

/** Reports come once a second; two looks may find the same one. */
const SAME_REPORT_MS = 300;

export function advance(before: Rates | undefined, atMs: number, values: ReadonlyMap<string, number>): Rates {
  if (!before) return { atMs, values, perS: new Map() };
  const passed = atMs - before.atMs;
  if (passed < SAME_REPORT_MS) return before;
  const perS = new Map<string, number>();
  for (const [key, value] of values) {
    const old = before.values.get(key);
    if (old !== undefined && value >= old) perS.set(key, ((value - old) * 1000) / passed);
  }
  return { atMs, values, perS };
}

export type RatesByReporter = ReadonlyMap<string, Rates>;

const flat = (name: string, value: MetricValue): [string, number][] =>
  typeof value === 'number'
    ? [[name, value]]
    : [
        [name, value.count],
        [`${name}:sum_us`, value.sum_us],
      ];

export const processKey = (p: { host: string; pid: number }) => `${p.host}:${p.pid}`;

/** What each actor and each process told, next to what it told before. */
export function advanceAll(before: RatesByReporter, t: Topology): RatesByReporter {
  const next = new Map<string, Rates>();
  for (const n of t.nodes) {
    const values = new Map(n.links.flatMap((l) => [[`sent ${l.peer}`, l.sent] as const, [`received ${l.peer}`, l.received] as const]));
    next.set(n.node, advance(before.get(n.node), t.at_ms - n.age_ms, values));
  }
  for (const p of t.processes) {
    const values = new Map(Object.entries(p.metrics).flatMap(([name, value]) => flat(name, value)));
    next.set(processKey(p), advance(before.get(processKey(p)), t.at_ms - p.age_ms, values));
  }
  return next;
}

/** The sum of a counter's rate over all processes. */
export function totalRate(t: Topology, rates: RatesByReporter, metric: string): number | undefined {
  const parts = t.processes.map((p) => rates.get(processKey(p))?.perS.get(metric)).filter((n) => n !== undefined);
  return parts.length ? parts.reduce((a, b) => a + b, 0) : undefined;
}

/** Mean of what a histogram observed since the last look, in ms; undefined: nothing was observed. */
export function meanMs(t: Topology, rates: RatesByReporter, metric: string): number | undefined {
  const count = totalRate(t, rates, metric) ?? 0;
  const sumUs = totalRate(t, rates, `${metric}:sum_us`) ?? 0;
  return count > 0 ? sumUs / count / 1000 : undefined;
}

export function total(t: Topology, metric: string): number {
  return t.processes.reduce((sum, p) => {
    const value = p.metrics[metric];
    return sum + (typeof value === 'number' ? value : (value?.count ?? 0));
  }, 0);
}

/* ---- where things stand ------------------------------------------------------------------------------------------- */

export const BOX = { width: 176, height: 74, gapX: 76, gapY: 96, margin: 10 } as const;
/** From the browsers down to the database. */
const ROWS = [['edge'], ['room', 'accounts'], ['persist']];
/** Silent for so long, an actor is drawn as gone. */
export const SILENT_MS = 5_000;

export interface PlacedNode {
  node: ActorNode;
  x: number;
  y: number;
  shards: number;
  silent: boolean;
}

export interface PlacedLink {
  key: string;
  from: PlacedNode;
  to: PlacedNode;
  up: boolean;
  /** Frames a second, both ways; undefined: not known yet. */
  perS: number | undefined;
  waiting: number;
  waitingBytes: number;
  heardMs: number;
  /** Over the row between, from one end to the other. */
  long: boolean;
}

export interface Picture {
  width: number;
  height: number;
  nodes: PlacedNode[];
  links: PlacedLink[];
}

const roleOf = (name: string) => name.slice(0, name.indexOf('/'));
const instanceOf = (name: string) => Number(name.slice(name.indexOf('/') + 1));

export function pictureOf(t: Topology, rates: RatesByReporter): Picture {
  const shards = new Map<string, number>();
  for (const owner of t.owners) shards.set(owner, (shards.get(owner) ?? 0) + 1);
  const rows = ROWS.map((roles) =>
    roles.flatMap((role) => t.nodes.filter((n) => roleOf(n.node) === role).sort((a, b) => instanceOf(a.node) - instanceOf(b.node))),
  );
  const step = BOX.width + BOX.gapX;
  const counts = rows.map((row) => row.length);
  // Lines from the first row to the last pass between the boxes of the row between them, which is moved aside for that.
  const aside = (counts[0] ?? 0) % 2 === (counts[1] ?? 0) % 2 ? step / 2 : 0;
  const width = 2 * (BOX.margin + aside) + Math.max(1, ...counts) * step - BOX.gapX;
  const nodes = rows.flatMap((row, r) => {
    const left = (width - row.length * step + BOX.gapX) / 2 + (r === 1 ? aside : 0);
    return row.map(
      (node, i): PlacedNode => ({
        node,
        x: left + i * step,
        y: BOX.margin + r * (BOX.height + BOX.gapY),
        shards: shards.get(node.node) ?? 0,
        silent: node.age_ms > SILENT_MS,
      }),
    );
  });
  const placed = new Map(nodes.map((n) => [n.node.node, n]));
  const links = new Map<string, PlacedLink>();
  for (const from of nodes)
    for (const link of from.node.links) {
      const to = placed.get(link.peer);
      if (!to) continue;
      const key = [from.node.node, link.peer].sort().join(' – ');
      const mine = rates.get(from.node.node)?.perS;
      const sent = mine?.get(`sent ${link.peer}`);
      const received = mine?.get(`received ${link.peer}`);
      const perS = sent === undefined && received === undefined ? undefined : (sent ?? 0) + (received ?? 0);
      const other = links.get(key);
      // Both ends tell of a link: frames by the one told first, what waits by both.
      links.set(key, {
        key,
        from: other?.from ?? from,
        to: other?.to ?? to,
        up: (other?.up ?? true) && link.up,
        perS: other?.perS ?? perS,
        waiting: (other?.waiting ?? 0) + link.waiting,
        waitingBytes: (other?.waitingBytes ?? 0) + link.waiting_bytes,
        heardMs: Math.max(other?.heardMs ?? 0, link.heard_ms),
        long: Math.abs(from.y - to.y) > BOX.height + BOX.gapY,
      });
    }
  const bottom = Math.max(0, ...nodes.map((n) => n.y)) + BOX.height + BOX.margin;
  return { width, height: bottom, nodes, links: [...links.values()] };
}

/** Owners with how many shards each has, by name; '' last. */
export function ownersOf(owners: readonly string[]): { owner: string; count: number }[] {
  const counts = new Map<string, number>();
  for (const owner of owners) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  return [...counts]
    .map(([owner, count]) => ({ owner, count }))
    .sort((a, b) => (a.owner === '' ? 1 : b.owner === '' ? -1 : instanceOf(a.owner) - instanceOf(b.owner)));
}

/** Hues that stay apart for any number of owners. */
export function colourOf(owner: string): string {
  if (owner === '') return 'var(--danger)';
  return `hsl(${Math.round((instanceOf(owner) * 137.508 + 170) % 360)} 48% 48%)`;
}
