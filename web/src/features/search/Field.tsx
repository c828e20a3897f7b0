/* The search field: filters are completed as they are written, chosen with the arrows and Enter. */
import { useId, useRef, useState, type KeyboardEvent, type Ref } from 'react';
import { rank } from '@/features/rooms/fuzzy';
import { useApp } from '@/state/hooks';
import { cx } from '@/ui/cx';
import { Icon } from '@/ui/Icon';
import { quoted, replace, writing, type Token } from './query';

const OFFERS_MAX = 8;

interface Offer {
  key: string;
  text: string;
  hint: string;
}

/** What could stand after `in:` or `from:`. */
function useOffers(token: Token | null): Offer[] {
  const rooms = useApp((s) => s.rooms);
  const users = useApp((s) => s.users);
  if (token?.filter === 'in') {
    const names = rooms.order.flatMap((id) => rooms.byId.get(id)?.name ?? []);
    const twice = new Set(names.filter((name, i) => names.indexOf(name) !== i));
    const all = rooms.order.flatMap((id) => rooms.byId.get(id) ?? []);
    return rank(token.value.replace(/^#/, ''), all, (r) => r.name)
      .slice(0, OFFERS_MAX)
      .map((r) => ({ key: String(r.id), text: `in:${twice.has(r.name) ? r.id : quoted(r.name)}`, hint: r.name }));
  }
  if (token?.filter === 'from') {
    const people = [{ id: 0, name: 'me', handle: 'me' }, ...[...users.values()].sort((a, b) => a.name.localeCompare(b.name))];
    return rank(token.value.replace(/^@/, ''), people, (u) => u.name)
      .slice(0, OFFERS_MAX)
      .map((u) => ({ key: String(u.id), text: `from:${quoted(u.handle)}`, hint: u.name }));
  }
  if (token?.filter === 'has') return token.value === 'link' ? [] : [{ key: 'link', text: 'has:link', hint: 'a web address in it' }];
  return [];
}

interface SearchFieldProps {
  value: string;
  onChange: (text: string) => void;
  onSearch: () => void;
  /** Down from the field: to the results. */
  onDown: () => void;
  /** Where what cannot be understood begins; null: all is well. */
  errorAt: string | null;
  ref: Ref<HTMLInputElement>;
}

export function SearchField({ value, onChange, onSearch, onDown, errorAt, ref }: SearchFieldProps) {
  const id = useId();
  const [caret, setCaret] = useState<number | null>(null);
  const [at, setAt] = useState(0);
  const own = useRef<HTMLInputElement | null>(null);
  const token = caret === null ? null : writing(value, caret);
  const offers = useOffers(token);
  const open = offers.length > 0 && !(offers.length === 1 && token !== null && value.slice(token.from, token.to) === offers[0]?.text);
  const chosen = open ? offers[Math.min(at, offers.length - 1)] : undefined;

  function take(offer: Offer): void {
    if (!token) return;
    const next = replace(value, token, offer.text);
    onChange(next.text);
    setCaret(null);
    setAt(0);
    requestAnimationFrame(() => {
      own.current?.focus();
      own.current?.setSelectionRange(next.caret, next.caret);
    });
  }

  function onKeyDown(e: KeyboardEvent<HTMLInputElement>): void {
    if (e.nativeEvent.isComposing) return;
    if (open && (e.key === 'ArrowDown' || e.key === 'ArrowUp')) {
      e.preventDefault();
      setAt((at + (e.key === 'ArrowDown' ? 1 : -1) + offers.length) % offers.length);
    } else if (open && chosen && (e.key === 'Enter' || e.key === 'Tab') && !e.shiftKey) {
      e.preventDefault();
      take(chosen);
    } else if (open && e.key === 'Escape') {
      e.preventDefault();
      setCaret(null);
    } else if (e.key === 'Enter') {
      e.preventDefault();
      setCaret(null);
      onSearch();
    } else if (e.key === 'ArrowDown') {
      e.preventDefault();
      onDown();
    }
  }

  return (
    <div className="relative min-w-0 flex-1">
      <div
        className={cx(
          'flex h-11 items-center gap-2 rounded-md border bg-raised px-3 focus-within:outline-2 focus-within:outline-accent',
          errorAt === null ? 'border-field-line' : 'border-danger',
        )}
      >
        <Icon name="search" className="text-ink-3" />
        <input
          ref={(el) => {
            own.current = el;
            if (typeof ref === 'function') ref(el);
            else if (ref) ref.current = el;
          }}
          type="search"
          role="combobox"
          aria-label="Search messages"
          aria-expanded={open}
          aria-controls={`${id}-offers`}
          aria-autocomplete="list"
          aria-activedescendant={chosen ? `${id}-${chosen.key}` : undefined}
          aria-invalid={errorAt === null ? undefined : true}
          aria-errormessage={errorAt === null ? undefined : errorAt}
          placeholder="Search messages"
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          enterKeyHint="search"
          dir="auto"
          value={value}
          onChange={(e) => {
            onChange(e.target.value);
            setCaret(e.target.selectionStart);
            setAt(0);
          }}
          onSelect={(e) => setCaret(e.currentTarget.selectionStart)}
          onBlur={() => setCaret(null)}
          onKeyDown={onKeyDown}
          className="h-full min-w-0 flex-1 bg-transparent text-base outline-none placeholder:text-ink-3"
        />
        {value ? (
          <button
            type="button"
            aria-label="Clear the search"
            onClick={() => {
              onChange('');
              own.current?.focus();
            }}
            className="tap -mr-2 inline-flex items-center justify-center rounded-md text-ink-2 hover:text-ink"
          >
            <Icon name="close" />
          </button>
        ) : null}
      </div>
      <ul
        id={`${id}-offers`}
        role="listbox"
        aria-label="Completions"
        hidden={!open}
        className="thin-scroll absolute inset-x-0 top-full z-20 mt-1 max-h-72 overflow-y-auto rounded-lg border border-line bg-raised p-1.5 shadow-lift"
      >
        {open
          ? offers.map((offer, i) => (
              <li
                key={offer.key}
                id={`${id}-${offer.key}`}
                role="option"
                aria-selected={offer === chosen}
                onPointerDown={(e) => e.preventDefault() /* the field keeps its focus */}
                onPointerMove={() => setAt(i)}
                onClick={() => take(offer)}
                className={cx('flex min-h-11 cursor-pointer items-center gap-2 rounded-md px-3 text-sm', offer === chosen && 'bg-accent-soft')}
              >
                <span className="font-semibold text-accent">{token?.filter}:</span>
                <bdi className="min-w-0 truncate">{offer.hint}</bdi>
              </li>
            ))
          : null}
      </ul>
    </div>
  );
}
