import { describe, expect, test } from 'vitest';
import {
  applyDisconnect,
  applyEvent,
  applyGap,
  applyLive,
  applyStaleHead,
  applySubOk,
  asked,
  emptyTimeline,
  hasOlder,
  ITEMS_KEPT,
  ITEMS_SOFT_MAX,
  prependPage,
  trim,
  type Timeline,
} from '@/state/timeline';
import type { EventMsg } from '@/proto/messages.gen';
import { deleted, edited, ev, posted, ROOM, subOk } from '../support';

const feed = (t: Timeline, ...messages: EventMsg[]) => messages.reduce((now, m) => applyEvent(now, ev(m)), t);
const texts = (t: Timeline) => t.items.map((i) => (i.type === 'line' ? i.text : i.what));

/** Live, with lines 1 … n. */
function live(n: number): Timeline {
  let t = applySubOk(asked(emptyTimeline(ROOM)), subOk({ head: n }));
  for (let seq = 1; seq <= n; seq++) t = feed(t, posted(seq));
  return applyLive(t, n);
}

describe('rule 1: events are applied in turn', () => {
  test('the next one is applied', () => {
    const t = feed(live(2), posted(3));
    expect(t.lastSeq).toBe(3);
    expect(texts(t)).toEqual(['line 1', 'line 2', 'line 3']);
  });

  test('lower ones are ignored: resume overlaps', () => {
    const t = live(3);
    expect(feed(t, posted(2), posted(3))).toBe(t);
  });

  test('a jump is not applied, and the rest is asked for', () => {
    const t = feed(live(3), posted(5));
    expect(t.lastSeq).toBe(3);
    expect(t.ask).toBe(true);
    expect(texts(t)).toHaveLength(3);
  });

  test('an event of an unknown kind still takes its place', () => {
    const t = feed(live(1), posted(2, { kind: 999, msg_no: 0 }), posted(3, { msg_no: 2 }));
    expect(t.lastSeq).toBe(3);
    expect(texts(t)).toEqual(['line 1', 'unsupported', 'line 3']);
  });

  test('nothing is applied before the first answer to sub', () => {
    const t = emptyTimeline(ROOM);
    expect(feed(t, posted(1))).toBe(t);
  });
});

describe('rule 2: sub_ok', () => {
  test('delta: overlaps are ignored, the rest is applied, nothing is missing', () => {
    let t = applyDisconnect(live(3));
    t = applySubOk(asked(t), subOk({ after: 3, base: 4, head: 5 }));
    t = applyLive(feed(t, posted(3), posted(4), posted(5)), 5);
    expect(t).toMatchObject({ lastSeq: 5, phase: 'live', ask: false });
    expect(texts(t)).toHaveLength(5);
  });

  test('delta that ends short of its head is asked for again', () => {
    let t = applySubOk(asked(applyDisconnect(live(3))), subOk({ after: 3, base: 4, head: 6 }));
    t = applyLive(feed(t, posted(4)), 6);
    expect(t).toMatchObject({ lastSeq: 4, ask: true, phase: 'backfill' });
  });

  test('delta that begins after what we hold is asked for again', () => {
    expect(applySubOk(asked(live(3)), subOk({ after: 5, base: 6, head: 8 })).ask).toBe(true);
  });

  test('snapshot: replaces what is held only when it is whole, and declares the rest unloaded', () => {
    let t = applySubOk(
      asked(applyDisconnect(live(2))),
      subOk({ mode: 1, after: 2, base: 90, head: 95, first_msg_no: 40 }),
    );
    t = feed(t, posted(90, { msg_no: 40 }), edited(94, 90, 'better'), posted(93, { msg_no: 41 }));
    expect(texts(t)).toEqual(['line 1', 'line 2']); // the old picture stays until the new one is there
    t = applyLive(t, 95);
    expect(texts(t)).toEqual(['better', 'line 93']);
    expect(t).toMatchObject({ lastSeq: 95, firstMsgNo: 40, phase: 'live' });
    expect(hasOlder(t)).toBe(true);
    expect(feed(t, posted(96, { msg_no: 42 })).lastSeq).toBe(96);
  });

  test('a snapshot of all there is has nothing older', () => {
    let t = applySubOk(asked(emptyTimeline(ROOM)), subOk({ mode: 1, base: 2, head: 3, first_msg_no: 1 }));
    t = applyLive(feed(t, posted(2, { msg_no: 1 }), posted(3, { msg_no: 2 })), 3);
    expect(hasOlder(t)).toBe(false);
  });

  test('a snapshot of an empty room', () => {
    const t = applyLive(applySubOk(asked(emptyTimeline(ROOM)), subOk({ mode: 1, base: 1, head: 1 })), 1);
    expect(t).toMatchObject({ lastSeq: 1, phase: 'live' });
    expect(hasOlder(feed(t, posted(2, { msg_no: 1 })))).toBe(false);
  });

  test('reset: drops all, at once', () => {
    let t = applySubOk(asked(live(4)), subOk({ incarnation: 10, mode: 2, base: 1, head: 2, first_msg_no: 1 }));
    expect(t.items).toHaveLength(0);
    t = applyLive(feed(t, posted(1), posted(2)), 2);
    expect(t).toMatchObject({ incarnation: 10, lastSeq: 2, phase: 'live' });
  });

  test('another incarnation is a reset, whatever the mode says', () => {
    const snapshot = applySubOk(asked(live(4)), subOk({ incarnation: 10, mode: 1, base: 7, head: 8, first_msg_no: 3 }));
    expect(snapshot.items).toHaveLength(0);
    const delta = applySubOk(asked(live(4)), subOk({ incarnation: 10, mode: 0, after: 4, base: 5, head: 8 }));
    expect(delta).toMatchObject({ incarnation: 0, lastSeq: 0, ask: true });
  });
});

describe('rule 3: gap and stale heads', () => {
  test('gap asks from where we stand', () => {
    expect(applyGap(live(3))).toMatchObject({ ask: true, lastSeq: 3 });
  });

  test('a head above ours asks, one at ours does not', () => {
    expect(applyStaleHead(live(3), 4).ask).toBe(true);
    expect(applyStaleHead(live(3), 3).ask).toBe(false);
  });

  test('a lost link throws half a snapshot away and asks from the last applied event', () => {
    let t = applySubOk(asked(live(2)), subOk({ mode: 1, after: 2, base: 90, head: 95, first_msg_no: 40 }));
    t = applyDisconnect(feed(t, posted(90, { msg_no: 40 })));
    expect(t).toMatchObject({ ask: true, lastSeq: 2, incoming: null });
    expect(texts(t)).toEqual(['line 1', 'line 2']);
  });
});

describe('edits and deletions', () => {
  test('an edit changes its line, a deletion erases it, whatever comes after', () => {
    let t = feed(live(2), edited(3, 1, 'new words'));
    expect(t.items[0]).toMatchObject({ text: 'new words', edited: true });
    t = feed(t, deleted(4, 1), edited(5, 1, 'too late'));
    expect(t.items[0]).toMatchObject({ text: null });
    expect(t.lastSeq).toBe(5);
  });

  test('of a line that is not here only the place counts', () => {
    const t = feed(live(2), edited(3, 99, 'x'));
    expect(t.lastSeq).toBe(3);
  });
});

describe('older pages', () => {
  /** Live at seq 95 with lines 40 and 41. */
  function late(): Timeline {
    let t = applySubOk(asked(emptyTimeline(ROOM)), subOk({ mode: 1, base: 90, head: 95, first_msg_no: 40 }));
    t = feed(t, posted(90, { msg_no: 40 }), posted(93, { msg_no: 41 }));
    return applyLive(t, 95);
  }
  const page = (asOf: number, ...events: EventMsg[]) => ({
    incarnation: 9,
    asOf,
    firstMsgNo: events[0]?.msg_no ?? 0,
    lastMsgNo: events.filter((e) => e.msg_no > 0).at(-1)?.msg_no ?? 0,
    more: true,
    marks: [],
    events: events.map(ev),
  });

  test('go in front, folded', () => {
    const t = prependPage(late(), page(95, posted(70, { msg_no: 38 }), edited(72, 70, 'edited'), posted(71, { msg_no: 39 })));
    expect(texts(t)).toEqual(['edited', 'line 71', 'line 90', 'line 93']);
    expect(t.firstMsgNo).toBe(38);
    expect(t.lastSeq).toBe(95);
  });

  test('what has changed since the page was read is changed in it too', () => {
    const now = feed(late(), edited(96, 70, 'changed meanwhile'), deleted(97, 71));
    const t = prependPage(now, page(95, posted(70, { msg_no: 38 }), posted(71, { msg_no: 39 })));
    expect(texts(t).slice(0, 2)).toEqual(['changed meanwhile', null]);
  });

  test('a page that is newer than we are is not changed back', () => {
    const before = late();
    const t = prependPage(before, page(97, posted(70, { msg_no: 38, body: null }), posted(71, { msg_no: 39 })));
    expect(texts(feed(t, edited(96, 70, 'first words'), deleted(97, 70)))[0]).toBeNull();
  });

  test('lines that are here already are not doubled', () => {
    const t = prependPage(late(), page(95, posted(71, { msg_no: 39 }), posted(90, { msg_no: 40 })));
    expect(texts(t)).toEqual(['line 71', 'line 90', 'line 93']);
  });

  test('of another history, or older than what we remember of changes: not taken', () => {
    const t = late();
    expect(prependPage(t, { ...page(95, posted(70)), incarnation: 8 })).toBe(t);
    expect(prependPage(t, page(94, posted(70)))).toBe(t);
  });

  test('the last one says that this is the beginning', () => {
    const t = prependPage(late(), { ...page(95, posted(70, { msg_no: 38 })), more: false });
    expect(hasOlder(t)).toBe(false);
    expect(hasOlder(prependPage(late(), { ...page(95), more: false }))).toBe(false);
  });
});

describe('bounds', () => {
  test('who reads the newest lets the oldest go, and can page them in again', () => {
    const t = trim(live(ITEMS_SOFT_MAX + 1));
    expect(t.items).toHaveLength(ITEMS_KEPT);
    expect(hasOlder(t)).toBe(true);
    expect(t.items[0]).toMatchObject({ msgNo: t.firstMsgNo });
    expect(trim(live(ITEMS_SOFT_MAX)).items).toHaveLength(ITEMS_SOFT_MAX);
  });
});

describe('resume, whatever is dropped', () => {
  /** A server that keeps the log, and a link that loses frames: the client must end with the log. */
  function scramble(seed: number): void {
    let state = seed;
    const chance = () => (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648;
    const log: EventMsg[] = [];
    let t = emptyTimeline(ROOM);
    const lines: number[] = [];
    const catchUp = () => {
      for (let tries = 0; t.ask && tries < 50; tries++) {
        const after = t.lastSeq;
        t = applySubOk(asked(t), subOk({ after, base: after + 1, head: log.length }));
        for (const m of log.slice(after)) if (chance() > 0.05) t = feed(t, m);
        t = applyLive(t, log.length);
      }
    };
    for (let step = 0; step < 300; step++) {
      const seq = log.length + 1;
      const target = lines[Math.floor(chance() * lines.length)];
      const dice = chance();
      if (target !== undefined && dice < 0.2) log.push(edited(seq, target, `edit ${seq}`));
      else if (target !== undefined && dice < 0.3) log.push(deleted(seq, target));
      else {
        lines.push(seq);
        log.push(posted(seq, { msg_no: lines.length }));
      }
      if (chance() > 0.1) t = feed(t, log[seq - 1]!);
      if (chance() < 0.05) t = applyDisconnect(t);
      if (t.ask && chance() < 0.5) catchUp();
    }
    t = applyStaleHead(applyGap(t), log.length);
    catchUp();
    let whole = applySubOk(asked(emptyTimeline(ROOM)), subOk({ head: log.length }));
    whole = applyLive(feed(whole, ...log), log.length);
    expect(t.lastSeq).toBe(log.length);
    expect(t.items).toEqual(whole.items);
  }
  test.each([1, 22, 333, 4444, 55555])('seed %i: the client ends with the log', scramble);
});
