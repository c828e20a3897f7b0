import type { ButtonHTMLAttributes, Ref } from 'react';
import { cx } from './cx';
import { Icon, type IconName } from './Icon';

const TONES = {
  primary: 'bg-accent text-on-accent hover:bg-accent-strong',
  quiet: 'bg-transparent text-ink border border-line-strong hover:bg-page-hover',
  plain: 'bg-transparent text-accent hover:bg-accent-soft',
  danger: 'bg-danger text-on-danger hover:brightness-110',
} as const;

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  tone?: keyof typeof TONES;
  busy?: boolean;
  icon?: IconName;
  ref?: Ref<HTMLButtonElement>;
}

/** A busy button keeps its focus and says so; it is not disabled, but does nothing when pressed again. */
export function Button({ tone = 'quiet', busy = false, icon, className, children, onClick, type, ...rest }: ButtonProps) {
  return (
    <button
      {...rest}
      type={type ?? 'button'}
      aria-busy={busy || undefined}
      onClick={(e) => {
        if (busy) e.preventDefault();
        else onClick?.(e);
      }}
      className={cx(
        'tap inline-flex items-center justify-center gap-2 rounded-md px-4 text-sm font-semibold transition-colors',
        'disabled:opacity-55',
        TONES[tone],
        className,
      )}
    >
      {busy ? <Spinner /> : icon ? <Icon name={icon} className="-ml-1" /> : null}
      {children}
    </button>
  );
}

interface IconButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  label: string;
  icon: IconName;
  ref?: Ref<HTMLButtonElement>;
}

export function IconButton({ label, icon, className, type, ...rest }: IconButtonProps) {
  return (
    <button
      {...rest}
      type={type ?? 'button'}
      aria-label={label}
      title={label}
      className={cx(
        'tap inline-flex shrink-0 items-center justify-center rounded-md text-ink-2 transition-colors',
        'hover:bg-page-hover hover:text-ink',
        className,
      )}
    >
      <Icon name={icon} />
    </button>
  );
}

export function Spinner({ className }: { className?: string }) {
  return (
    <span
      aria-hidden="true"
      className={cx('inline-block size-4 animate-turn rounded-full border-2 border-current border-r-transparent', className)}
    />
  );
}
