import { cx } from './cx';

/** The sign: a speech bubble that is a rook's head, its tail the beak. */
export function Mark({ className }: { className?: string }) {
  return (
    <svg viewBox="0 0 32 32" className={cx('shrink-0', className ?? 'size-7')} aria-hidden="true" focusable="false">
      <path
        d="M13.5 4C7.4 4 3 8.6 3 14.6V28h10.8c5 0 8.9-2.9 10.1-7.3L31 17.2l-6.9-4.1C23.2 7.8 19.1 4 13.5 4Z"
        fill="currentColor"
      />
      <circle cx="16.8" cy="12.6" r="2.3" className="fill-paper" />
    </svg>
  );
}

export function Wordmark({ className }: { className?: string }) {
  return (
    <span className={cx('inline-flex items-center gap-2 text-ink', className)}>
      <Mark className="size-7 text-accent" />
      <span className="text-lg font-bold tracking-tight">Rookery</span>
    </span>
  );
}
