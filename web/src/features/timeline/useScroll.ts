/* Where the reader is, kept while things come and go around them.
 *
 * Two modes. Sticking: the newest line stays in view. Reading: the row that was first on screen stays exactly where it
 * was, whatever is put in above or below, or changes its height. The mode changes only by the reader's own scrolling. */
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, type RefObject } from 'react';

export const STICK_PX = 100;

interface Anchor {
  key: string;
  /** Of the row's top, from the top of the box. */
  offset: number;
}

export interface Scroll {
  box: RefObject<HTMLDivElement | null>;
  content: RefObject<HTMLDivElement | null>;
  isSticking: () => boolean;
  toEnd: () => void;
  /** Puts the row so far below the top of the box. */
  toRow: (key: string, below: number) => boolean;
  onScroll: () => void;
}

export interface View {
  fromTop: number;
  fromEnd: number;
  sticking: boolean;
  /** Key of the last row that is wholly on screen. */
  lastKey: string | null;
}

const rowsOf = (content: HTMLElement) => content.querySelectorAll<HTMLElement>('[data-key]');

/** First row that satisfies a condition which holds for all rows after it. */
function firstRow(rows: NodeListOf<HTMLElement>, holds: (row: HTMLElement) => boolean): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const row = rows[middle];
    if (row && holds(row)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** `atEnd`: the newest line is in the document, so that its bottom is the end of the room. */
export function useScroll(atEnd: boolean, onView: (view: View) => void): Scroll {
  const box = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const sticking = useRef(true);
  const anchor = useRef<Anchor | null>(null);
  const atEndRef = useRef(atEnd);
  const onViewRef = useRef(onView);

  useLayoutEffect(() => {
    atEndRef.current = atEnd;
    onViewRef.current = onView;
  });

  const look = useCallback(() => {
    const b = box.current;
    const c = content.current;
    if (!b || !c) return;
    const fromEnd = b.scrollHeight - b.clientHeight - b.scrollTop;
    sticking.current = atEndRef.current && fromEnd <= STICK_PX;
    const rows = rowsOf(c);
    const top = b.scrollTop;
    const first = rows[firstRow(rows, (row) => row.offsetTop + row.offsetHeight > top)];
    anchor.current = first ? { key: first.dataset.key ?? '', offset: first.offsetTop - top } : null;
    const below = firstRow(rows, (row) => row.offsetTop + row.offsetHeight > top + b.clientHeight + 1);
    onViewRef.current({
      fromTop: top,
      fromEnd,
      sticking: sticking.current,
      lastKey: rows[below - 1]?.dataset.key ?? null,
    });
  }, []);

  const settle = useCallback(() => {
    const b = box.current;
    const c = content.current;
    if (!b || !c) return;
    if (sticking.current && atEndRef.current) {
      b.scrollTop = b.scrollHeight;
      return;
    }
    const a = anchor.current;
    const row = a && c.querySelector<HTMLElement>(`[data-key="${CSS.escape(a.key)}"]`);
    if (!row) return;
    const shift = row.offsetTop - b.scrollTop - a.offset;
    if (Math.abs(shift) >= 1) b.scrollTop += shift;
  }, []);

  useLayoutEffect(settle); // after each drawing, before it is seen

  useEffect(() => {
    if (!box.current || !content.current || typeof ResizeObserver === 'undefined') return;
    const observer = new ResizeObserver(settle); // soft keyboard, window, fonts
    observer.observe(box.current);
    observer.observe(content.current);
    return () => observer.disconnect();
  }, [settle]);

  return useMemo(
    () => ({
      box,
      content,
      isSticking: () => sticking.current,
      toEnd: () => {
        sticking.current = true;
        if (box.current) box.current.scrollTop = box.current.scrollHeight;
      },
      toRow: (key: string, below: number) => {
        const row = content.current?.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"]`);
        if (!box.current || !row) return false;
        sticking.current = false;
        anchor.current = { key, offset: below };
        box.current.scrollTop = row.offsetTop - below;
        look();
        return true;
      },
      onScroll: look,
    }),
    [look],
  );
}
