import { useId } from 'react';
import { Icon, type IconName } from './Icon';

interface ChoiceProps<T extends string> {
  legend: string;
  name: string;
  value: T;
  options: readonly { value: T; label: string; hint?: string; icon?: IconName }[];
  onChange: (value: T) => void;
}

/** A few exclusive choices as cards; underneath they are plain radio buttons. */
export function Choice<T extends string>({ legend, name, value, options, onChange }: ChoiceProps<T>) {
  const id = useId();
  return (
    <fieldset>
      <legend className="mb-1.5 text-sm font-semibold text-ink">{legend}</legend>
      <div className="grid gap-2 sm:grid-cols-2">
        {options.map((o) => (
          <label
            key={o.value}
            className="flex cursor-pointer items-start gap-2.5 rounded-md border border-field-line p-3 has-checked:border-accent has-checked:bg-accent-soft has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-accent"
          >
            <input
              type="radio"
              name={`${id}-${name}`}
              value={o.value}
              checked={o.value === value}
              onChange={() => onChange(o.value)}
              aria-describedby={o.hint ? `${id}-${o.value}` : undefined}
              className="sr-only"
            />
            {o.icon ? <Icon name={o.icon} className="mt-px text-ink-2" /> : null}
            <span className="min-w-0">
              <span className="block text-sm font-semibold">{o.label}</span>
              {o.hint ? (
                <span id={`${id}-${o.value}`} className="block text-xs text-ink-2">
                  {o.hint}
                </span>
              ) : null}
            </span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
