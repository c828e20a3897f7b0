import { useId, type ReactNode } from 'react';
import { Button } from '@/ui/Button';
import { cx } from '@/ui/cx';

export function Trouble({ error, onAgain }: { error: string; onAgain: () => void }) {
  if (!error) return null;
  return (
    <div role="alert" className="mt-2 flex flex-wrap items-center gap-3 text-sm text-danger">
      <span>{error}</span>
      <Button onClick={onAgain}>Try again</Button>
    </div>
  );
}

export function Badge({ tone = 'plain', children }: { tone?: 'plain' | 'accent' | 'danger'; children: ReactNode }) {
  return (
    <span
      className={cx(
        'inline-flex shrink-0 items-center rounded-full border px-2 text-2xs font-semibold',
        tone === 'accent' ? 'border-accent text-accent' : tone === 'danger' ? 'border-danger text-danger' : 'border-line-strong text-ink-2',
      )}
    >
      {children}
    </span>
  );
}

export function Nothing({ children }: { children: ReactNode }) {
  return <p className="mt-2 rounded-lg border border-dashed border-line-strong px-5 py-8 text-center text-sm text-ink-2">{children}</p>;
}

interface TableProps {
  caption: string;
  head: readonly string[];
  /** Columns whose cells are numbers. */
  numbers?: readonly number[];
  children: ReactNode;
}

/** A table that may be wider than the screen: it scrolls by itself, with the keyboard too. */
export function Table({ caption, head, numbers = [], children }: TableProps) {
  const id = useId();
  return (
    <div role="region" aria-labelledby={id} tabIndex={0} className="thin-scroll overflow-x-auto rounded-lg border border-line">
      <table className="w-full text-left text-sm">
        <caption id={id} className="sr-only">
          {caption}
        </caption>
        <thead className="bg-sunk text-xs text-ink-2">
          <tr>
            {head.map((h, i) => (
              <th key={h} scope="col" className={cx('px-3 py-2 font-semibold whitespace-nowrap', numbers.includes(i) && 'text-right')}>
                {h}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="divide-y divide-line">{children}</tbody>
      </table>
    </div>
  );
}

export function Cell({ number = false, children, className }: { number?: boolean; children: ReactNode; className?: string }) {
  return <td className={cx('px-3 py-2 align-top', number && 'text-right whitespace-nowrap tabular-nums', className)}>{children}</td>;
}

export function Heading({ children, note }: { children: ReactNode; note?: ReactNode }) {
  return (
    <div className="mb-3">
      <h2 className="text-lg font-bold tracking-tight">{children}</h2>
      {note ? <p className="mt-0.5 text-sm text-ink-2">{note}</p> : null}
    </div>
  );
}
