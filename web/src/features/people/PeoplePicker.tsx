import { useEffect, useId, useRef, useState, type KeyboardEvent, type Ref } from 'react';
import { failureOf, type Person } from '@/state/commands';
import { useApp, useCommands, useMe } from '@/state/hooks';
import { cx } from '@/ui/cx';
import { Egg } from '@/ui/Egg';
import { Icon } from '@/ui/Icon';

const ASK_MS = 150;

interface PeoplePickerProps {
  label: string;
  hint?: string;
  chosen: readonly Person[];
  /** At most so many. */
  max: number;
  /** Who is not offered: they are in already. */
  without?: ReadonlySet<number>;
  onChange: (chosen: Person[]) => void;
  inputRef?: Ref<HTMLInputElement>;
}

/** A field with the people chosen so far, and a list of those whose name fits what is typed. */
export function PeoplePicker({ label, hint, chosen, max, without, onChange, inputRef }: PeoplePickerProps) {
  const commands = useCommands();
  const me = useMe()?.id;
  const known = useApp((s) => s.users);
  const [query, setQuery] = useState('');
  const [found, setFound] = useState<{ query: string; people: Person[] } | null>(null);
  const [error, setError] = useState('');
  const [at, setAt] = useState(0);
  const first = useRef(true);
  const id = useId();
  const wanted = query.trim();

  useEffect(() => {
    const abort = new AbortController();
    const timer = setTimeout(
      () => {
        first.current = false;
        commands.findPeople(wanted, abort.signal).then(
          (people) => {
            setError('');
            setFound({ query: wanted, people });
          },
          (e: unknown) => {
            if (!abort.signal.aborted) setError(failureOf(e).detail);
          },
        );
      },
      first.current ? 0 : ASK_MS,
    );
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [commands, wanted]);

  // Those whom the page knows already are there at once, and stay when the directory cannot be asked.
  const near = [...known.values()].filter((u) => u.id !== me && u.name.toLowerCase().includes(wanted.toLowerCase()));
  const all = new Map<number, Person>((found?.query === wanted ? found.people : near).map((p) => [p.id, p]));
  const taken = new Set(chosen.map((p) => p.id));
  const people = [...all.values()].filter((p) => !taken.has(p.id) && !without?.has(p.id)).slice(0, 20);
  const full = chosen.length >= max;
  const here = people[Math.min(at, people.length - 1)];

  function choose(person: Person): void {
    if (full) return;
    onChange([...chosen, { id: person.id, name: person.name }]);
    setQuery('');
    setAt(0);
    document.getElementById(`${id}-input`)?.focus();
  }

  function onKeyDown(e: KeyboardEvent): void {
    if (e.nativeEvent.isComposing) return;
    if (e.key === 'ArrowDown' || e.key === 'ArrowUp') {
      e.preventDefault();
      if (people.length === 0) return;
      const next = (at + (e.key === 'ArrowDown' ? 1 : -1) + people.length) % people.length;
      setAt(next);
      document.getElementById(`${id}-${people[next]?.id}`)?.scrollIntoView({ block: 'nearest' });
    } else if (e.key === 'Enter' && here && (wanted !== '' || chosen.length === 0)) {
      e.preventDefault();
      choose(here);
    } else if (e.key === 'Backspace' && query === '' && chosen.length > 0) {
      onChange(chosen.slice(0, -1));
    }
  }

  return (
    <div className="space-y-1.5">
      <label htmlFor={`${id}-input`} className="block text-sm font-semibold text-ink">
        {label}
      </label>
      <div className="flex flex-wrap items-center gap-1.5 rounded-md border border-field-line bg-raised px-2 py-1.5 has-[input:focus-visible]:outline-2 has-[input:focus-visible]:outline-accent">
        {chosen.map((p) => (
          <span key={p.id} className="flex items-center gap-1 rounded-full bg-accent-soft py-0.5 pr-1 pl-2.5 text-sm text-accent">
            <bdi className="max-w-40 truncate">{p.name}</bdi>
            <button
              type="button"
              aria-label={`Take ${p.name} out`}
              className="inline-flex size-6 items-center justify-center rounded-full hover:bg-page-hover pointer-coarse:size-11"
              onClick={() => onChange(chosen.filter((other) => other.id !== p.id))}
            >
              <Icon name="close" className="size-4" />
            </button>
          </span>
        ))}
        <input
          id={`${id}-input`}
          ref={inputRef}
          role="combobox"
          aria-expanded="true"
          aria-controls={`${id}-list`}
          aria-activedescendant={here ? `${id}-${here.id}` : undefined}
          aria-autocomplete="list"
          aria-describedby={hint ? `${id}-hint` : undefined}
          autoComplete="off"
          value={query}
          disabled={full}
          placeholder={full ? '' : 'Name'}
          onChange={(e) => {
            setQuery(e.target.value);
            setAt(0);
          }}
          onKeyDown={onKeyDown}
          className="h-8 min-w-24 flex-1 bg-transparent px-1 text-base outline-none placeholder:text-ink-3 pointer-coarse:h-11"
        />
      </div>
      {hint ? (
        <p id={`${id}-hint`} className="text-xs text-ink-3">
          {hint}
        </p>
      ) : null}
      <ul
        id={`${id}-list`}
        role="listbox"
        aria-label="People"
        className="thin-scroll max-h-56 min-h-11 overflow-y-auto"
        onMouseDown={(e) => e.preventDefault() /* the field keeps the focus */}
      >
        {(full ? [] : people).map((p, i) => (
          <li
            key={p.id}
            id={`${id}-${p.id}`}
            role="option"
            aria-selected={p === here}
            onPointerMove={() => setAt(i)}
            onClick={() => choose(p)}
            className={cx('flex min-h-11 cursor-pointer items-center gap-2.5 rounded-md px-2.5 text-sm', p === here && 'bg-accent-soft')}
          >
            <Egg seed={p.id} name={p.name} className="size-7" />
            <span className="min-w-0 flex-1 truncate font-semibold">
              <bdi>{p.name}</bdi>
            </span>
          </li>
        ))}
      </ul>
      <p role="status" className="text-sm text-ink-3 empty:hidden">
        {full
          ? `That is as many as fit: ${max}.`
          : error
            ? error
            : found?.query === wanted && people.length === 0
              ? wanted === ''
                ? 'There is nobody else here yet.'
                : 'Nobody is called that.'
              : ''}
      </p>
    </div>
  );
}
