import { useId } from 'react';
import { useApp, useCommands } from '@/state/hooks';
import { cx } from '@/ui/cx';

const WORDS: Partial<Record<string, string>> = {
  asked: 'Your browser asks whether this site may notify you: allow it there.',
  blocked:
    'Your browser does not let this site notify you. Allow notifications in the settings of this site, beside its address, and turn this on again.',
  unsupported: 'This browser cannot show notifications of this site.',
};

/** Desktop notifications, of this device only. */
export function AlertsForm() {
  const commands = useCommands();
  const { state, showText } = useApp((s) => s.alerts);
  return (
    <section aria-labelledby="alerts-title">
      <h2 id="alerts-title" className="text-lg font-bold tracking-tight">
        Notifications
      </h2>
      <p className="mt-1 text-sm text-ink-2">
        For lines that mention you, direct messages, and rooms of which you want every message, while you look at something else.
      </p>
      <div className="mt-3 divide-y divide-line rounded-lg border border-line">
        <Switch
          label="Notify me on this device"
          on={state === 'on'}
          disabled={state === 'unsupported' || state === 'asked'}
          onChange={(on) => void commands.setAlerts(on)}
        />
        <Switch label="Show what was said" hint="Otherwise only who wrote, and where." on={showText} onChange={(on) => commands.setAlertText(on)} />
      </div>
      <p role="status" className={cx('mt-2 text-sm empty:hidden', state === 'blocked' ? 'text-danger' : 'text-ink-2')}>
        {WORDS[state] ?? ''}
      </p>
    </section>
  );
}

interface SwitchProps {
  label: string;
  hint?: string;
  on: boolean;
  disabled?: boolean;
  onChange: (on: boolean) => void;
}

function Switch({ label, hint, on, disabled = false, onChange }: SwitchProps) {
  const id = useId();
  return (
    <button
      type="button"
      role="switch"
      aria-checked={on}
      aria-describedby={hint ? id : undefined}
      disabled={disabled}
      onClick={() => onChange(!on)}
      className="tap ring-inside flex w-full items-center gap-4 px-4 py-3 text-left"
    >
      <span className="min-w-0 flex-1">
        <span className={cx('block text-sm font-semibold', disabled && 'text-ink-3')}>{label}</span>
        {hint ? (
          <span id={id} aria-hidden="true" className="block text-xs text-ink-3">
            {hint}
          </span>
        ) : null}
      </span>
      <span aria-hidden="true" className={cx('relative h-6 w-10 shrink-0 rounded-full border transition-colors', on ? 'border-accent bg-accent' : 'border-field-line bg-page')}>
        <span className={cx('absolute top-0.5 left-0.5 size-4.5 rounded-full transition-transform', on ? 'translate-x-4 bg-on-accent' : 'bg-ink-3')} />
      </span>
    </button>
  );
}
