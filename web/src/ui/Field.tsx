import { useId, useState, type InputHTMLAttributes, type ReactNode, type Ref, type TextareaHTMLAttributes } from 'react';
import { cx } from './cx';
import { Icon } from './Icon';

interface Common {
  label: ReactNode;
  hint?: ReactNode;
  error?: string | undefined;
}

const BOX =
  'block w-full rounded-md border bg-raised px-3 py-2 text-base text-ink placeholder:text-ink-3 ' +
  'transition-colors focus-visible:outline-offset-0';

/** The ids that tie a field to its rule and to its error, in the order in which they are to be read. */
function described(id: string, hint: ReactNode, error: string | undefined): string | undefined {
  return [error ? `${id}-error` : '', hint ? `${id}-hint` : ''].filter(Boolean).join(' ') || undefined;
}

function Around({ id, label, hint, error, children }: Common & { id: string; children: ReactNode }) {
  return (
    <div className="space-y-1.5">
      <label htmlFor={id} className="block text-sm font-semibold text-ink">
        {label}
      </label>
      {children}
      {error ? (
        <p id={`${id}-error`} className="flex items-start gap-1.5 text-sm text-danger">
          <Icon name="alert" className="mt-px size-4.5" />
          <span>{error}</span>
        </p>
      ) : null}
      {hint ? (
        <p id={`${id}-hint`} className="text-xs text-ink-3">
          {hint}
        </p>
      ) : null}
    </div>
  );
}

type FieldProps = Common & InputHTMLAttributes<HTMLInputElement> & { ref?: Ref<HTMLInputElement> };

export function Field({ label, hint, error, className, id: given, ...rest }: FieldProps) {
  const made = useId();
  const id = given ?? made;
  return (
    <Around id={id} label={label} hint={hint} error={error}>
      <input
        {...rest}
        id={id}
        aria-invalid={error ? true : undefined}
        aria-describedby={described(id, hint, error)}
        className={cx(BOX, 'h-11', error ? 'border-danger' : 'border-field-line', className)}
      />
    </Around>
  );
}

export function PasswordField({ label, hint, error, className, ...rest }: FieldProps) {
  const id = useId();
  const [shown, setShown] = useState(false);
  return (
    <Around id={id} label={label} hint={hint} error={error}>
      <div className="relative">
        <input
          {...rest}
          id={id}
          type={shown ? 'text' : 'password'}
          aria-invalid={error ? true : undefined}
          aria-describedby={described(id, hint, error)}
          autoCapitalize="none"
          autoCorrect="off"
          spellCheck={false}
          className={cx(BOX, 'h-11 pr-13', error ? 'border-danger' : 'border-field-line', className)}
        />
        <button
          type="button"
          aria-pressed={shown}
          aria-label="Show password"
          title={shown ? 'Hide password' : 'Show password'}
          onClick={() => setShown(!shown)}
          className="absolute inset-y-0 right-0 inline-flex w-11 items-center justify-center rounded-md text-ink-2 ring-inside hover:text-ink"
        >
          <Icon name={shown ? 'eyeOff' : 'eye'} />
        </button>
      </div>
    </Around>
  );
}

type AreaProps = Common & TextareaHTMLAttributes<HTMLTextAreaElement>;

export function AreaField({ label, hint, error, className, ...rest }: AreaProps) {
  const id = useId();
  return (
    <Around id={id} label={label} hint={hint} error={error}>
      <textarea
        {...rest}
        id={id}
        aria-invalid={error ? true : undefined}
        aria-describedby={described(id, hint, error)}
        className={cx(BOX, 'min-h-20 resize-y', error ? 'border-danger' : 'border-field-line', className)}
      />
    </Around>
  );
}
