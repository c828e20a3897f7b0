/* Which part of a long list stands in the document: at most `WINDOW_MAX` items, moved by steps, never more than the
 * reader can have passed. Pure index arithmetic over ascending seqs. */
export const WINDOW_MAX = 260;
export const WINDOW_START = 120;
export const STEP = 60;

export interface Window {
  /** First item shown, by seq. null: whatever makes `WINDOW_START` items up to the end. */
  from: number | null;
  /** Last item shown, by seq. null: the end, wherever that goes. */
  to: number | null;
}

export const TAIL: Window = { from: null, to: null };

interface Seqs {
  readonly length: number;
  readonly [i: number]: { readonly seq: number } | undefined;
}

/** First index whose seq is at least `seq`. */
export function lowerBound(items: Seqs, seq: number): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((items[middle]?.seq ?? 0) < seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The half-open range of indexes that is shown. */
export function range(items: Seqs, w: Window): { start: number; end: number } {
  const start = w.from === null ? Math.max(0, items.length - WINDOW_START) : lowerBound(items, w.from);
  const open = w.to === null ? items.length : Math.min(items.length, lowerBound(items, w.to + 1));
  return { start, end: Math.max(start, Math.min(open, start + WINDOW_MAX)) };
}

const at = (items: Seqs, i: number) => items[Math.max(0, Math.min(i, items.length - 1))]?.seq ?? 0;

/** The reader has left the end: what is shown stays, however much comes. */
export function freeze(items: Seqs, w: Window): Window {
  if (w.from !== null) return w;
  return { from: at(items, range(items, w).start), to: w.to };
}

export function up(items: Seqs, w: Window): Window {
  const { start, end } = range(items, w);
  if (start === 0) return w;
  const from = Math.max(0, start - STEP);
  const last = Math.min(end, from + WINDOW_MAX);
  return { from: at(items, from), to: last >= items.length ? null : at(items, last - 1) };
}

export function down(items: Seqs, w: Window): Window {
  const { start, end } = range(items, w);
  if (end >= items.length) return w.to === null ? w : { ...w, to: null };
  const last = Math.min(items.length, end + STEP);
  const from = Math.max(start, last - WINDOW_MAX);
  return { from: at(items, from), to: last >= items.length ? null : at(items, last - 1) };
}
