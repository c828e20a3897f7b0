import { cx } from '@/ui/cx';

/** Told apart by shape as well as by colour, and by words for those who see neither. */
export function PresenceDot({ here, className }: { here: boolean | undefined; className?: string }) {
  return (
    <span className={cx('inline-flex items-center', className)}>
      <span
        aria-hidden="true"
        className={cx(
          'presence-dot size-2.5 rounded-full border-2',
          here ? 'border-online bg-online' : 'border-ink-3 bg-transparent',
        )}
      />
      <span className="sr-only">{here ? 'here' : 'away'}</span>
    </span>
  );
}
