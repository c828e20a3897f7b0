/* Where the reader is, kept while things come and go around them.
 *
 * Two modes. Sticking: the newest line stays in view. Reading: the row that was first on screen stays exactly where it
 * was, whatever is put in above or below, or changes its height. The mode changes only by the reader's own scrolling.
 * Rows are the elements with `data-key`, in one box that scrolls, all in its first child; those with `data-floating` too
 * (a day's heading moves when older lines of the day come in) are none to hold on to. */

export const STICK_PX = 100;

export interface View {
  fromTop: number;
  fromEnd: number;
  sticking: boolean;
  /** Key of the last row that is wholly on screen. */
  lastKey: string | null;
}

interface Anchor {
  key: string;
  /** Of the row's top, from the top of the box. */
  offset: number;
}

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

export class Scroll {
  private box: HTMLElement | null = null;
  private observer: ResizeObserver | null = null;
  private sticking = true;
  private anchor: Anchor | null = null;
  private atEnd = true;
  private onView: (view: View) => void = () => undefined;
  /** Heights of box and content when we last put things in their place. */
  private settledAt = '';

  /** For `ref`. */
  readonly attach = (box: HTMLElement | null): void => {
    this.observer?.disconnect();
    this.box = box;
    const content = box?.firstElementChild;
    if (!box || !content || typeof ResizeObserver === 'undefined') return;
    this.observer = new ResizeObserver(this.settle); // soft keyboard, window, fonts, a name that arrives
    this.observer.observe(box);
    this.observer.observe(content);
  };

  /** After each drawing, before it is seen. `atEnd`: the newest line is in the document. */
  drawn(atEnd: boolean, onView: (view: View) => void): void {
    this.atEnd = atEnd;
    this.onView = onView;
    this.settle();
  }

  /** For `onScroll`: the reader has moved, or we have. */
  look(): void {
    const { box } = this;
    if (!box) return;
    // The box or its content has another size, and the observer has not told yet: that was no scrolling of the reader.
    if (this.settledAt !== this.heights()) this.settle();
    const top = box.scrollTop;
    const fromEnd = box.scrollHeight - box.clientHeight - top;
    this.sticking = this.atEnd && fromEnd <= STICK_PX;
    const rows = box.querySelectorAll<HTMLElement>('[data-key]:not([data-floating])');
    const first = rows[firstRow(rows, (row) => row.offsetTop + row.offsetHeight > top)];
    this.anchor = first ? { key: first.dataset.key ?? '', offset: first.offsetTop - top } : null;
    const below = firstRow(rows, (row) => row.offsetTop + row.offsetHeight > top + box.clientHeight + 1);
    this.onView({ fromTop: top, fromEnd, sticking: this.sticking, lastKey: rows[below - 1]?.dataset.key ?? null });
  }

  toEnd(): void {
    this.sticking = true;
    if (this.box) this.box.scrollTop = this.box.scrollHeight;
  }

  /** To the first unread row, a quarter down the screen, if it is above what the end shows; else to the end. */
  enter(key: string): void {
    this.toEnd();
    const { box } = this;
    const row = this.row(key);
    if (box && row && row.offsetTop < box.scrollTop) {
      this.sticking = false;
      this.anchor = { key, offset: box.clientHeight / 4 };
      this.settle();
    }
    this.look();
  }

  /** To a row, a third down the screen. False: it is not in the document. */
  show(key: string): boolean {
    const { box } = this;
    if (!box || !this.row(key)) return false;
    this.sticking = false;
    this.anchor = { key, offset: box.clientHeight / 3 };
    this.settle();
    this.look();
    return true;
  }

  /** Where a row is to the window; null: not in the document. */
  where(key: string): 'above' | 'inside' | 'below' | null {
    const { box } = this;
    const row = this.row(key);
    if (!box || !row) return null;
    if (row.offsetTop + row.offsetHeight <= box.scrollTop) return 'above';
    return row.offsetTop >= box.scrollTop + box.clientHeight ? 'below' : 'inside';
  }

  private heights(): string {
    return this.box ? `${this.box.clientHeight} ${this.box.scrollHeight}` : '';
  }

  private row(key: string): HTMLElement | null {
    return this.box?.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"]`) ?? null;
  }

  private readonly settle = (): void => {
    const { box, anchor } = this;
    if (!box) return;
    this.settledAt = this.heights();
    if (this.sticking && this.atEnd) {
      box.scrollTop = box.scrollHeight;
      return;
    }
    const row = anchor && this.row(anchor.key);
    if (!row) return;
    const shift = row.offsetTop - box.scrollTop - anchor.offset;
    if (Math.abs(shift) >= 1) box.scrollTop += shift;
  };
}
