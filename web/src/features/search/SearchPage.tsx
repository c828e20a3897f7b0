/* The page of search: the field, its filters as chips, and what was found. The query stands in the address, so that
 * back and forward, a reload and a bookmark lead where they led before. */
import { useCallback, useEffect, useRef, useState, type ReactNode } from 'react';
import { useSearchParams } from 'react-router';
import { failureOf, type Failure } from '@/state/commands';
import { useApp, useCommands } from '@/state/hooks';
import type { Hits } from '@/state/search';
import { Button } from '@/ui/Button';
import { Icon } from '@/ui/Icon';
import { LinesSkeleton } from '@/ui/Skeleton';
import { SearchField } from './Field';
import { FILTERS, replace, tokens, withFilter, type Filter, type Token } from './query';
import { Results } from './Results';

const ERROR_ID = 'search-error';
const BEHIND_MS = 3_000;

interface Found extends Hits {
  query: string;
}

export function SearchPage({ menu }: { menu: ReactNode }) {
  const [params, setParams] = useSearchParams();
  const query = params.get('q') ?? '';
  const [text, setText] = useState(query);
  const [asked, setAsked] = useState(query);
  const field = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const search = useSearch(query);

  // Back and forward change the query under the field.
  if (asked !== query) {
    setAsked(query);
    setText(query);
  }
  useEffect(() => field.current?.focus(), []);

  const submit = (wanted: string) => {
    const q = wanted.trim();
    if (q === query) search.again();
    else setParams(q ? { q } : {}, { replace: query === '' });
  };
  const addFilter = (filter: Filter) => {
    const next = withFilter(text, filter, filter === 'has' ? 'link ' : '');
    setText(next);
    requestAnimationFrame(() => {
      field.current?.focus();
      field.current?.setSelectionRange(next.length, next.length);
    });
  };
  const removeFilter = (token: Token) => {
    const next = replace(text, token, '').text;
    setText(next);
    submit(next);
    field.current?.focus();
  };
  const { found, error, busy } = search;
  const chips = tokens(text).filter((t) => t.filter !== null && t.value !== '');

  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <header className="flex shrink-0 items-center gap-2 border-b border-line px-2 py-1.5 sm:px-4 md:px-6">
        {menu}
        <h1 className="sr-only">Search messages</h1>
        <SearchField
          ref={field}
          value={text}
          onChange={setText}
          onSearch={() => submit(text)}
          onDown={() => list.current?.querySelector<HTMLElement>('a[data-hit]')?.focus()}
          errorAt={error ? ERROR_ID : null}
        />
        <Button tone="primary" busy={busy} onClick={() => submit(text)} className="max-sm:hidden">
          Search
        </Button>
      </header>
      <div ref={list} className="thin-scroll min-h-0 flex-1 overflow-y-auto">
        <div className="mx-auto max-w-3xl px-2 py-3 sm:px-6">
          <ul aria-label="Filters" className="flex flex-wrap gap-2 px-1 pb-2">
            {chips.map((chip) => (
              <li key={chip.from}>
                <Chip token={chip} onRemove={() => removeFilter(chip)} />
              </li>
            ))}
            {FILTERS.filter((f) => f === 'in' || !chips.some((c) => c.filter === f)).map((filter) => (
              <li key={filter}>
                <button
                  type="button"
                  onClick={() => addFilter(filter)}
                  className="tap inline-flex items-center gap-1 rounded-full border border-dashed border-line-strong px-3 text-sm text-ink-2 hover:bg-page-hover"
                >
                  <Icon name="plus" className="size-4" />
                  {ADD[filter]}
                </button>
              </li>
            ))}
          </ul>
          {error ? <Trouble error={error} query={query} onAgain={search.again} /> : null}
          <Status found={found} busy={busy} failed={error !== null} query={query} />
          {query === '' ? <Hints /> : null}
          {busy && !found ? (
            <div aria-hidden="true">
              <LinesSkeleton count={4} />
            </div>
          ) : null}
          {found ? <Results hits={found.hits} onUp={() => field.current?.focus()} /> : null}
          {found?.next ? (
            <div className="py-4 text-center">
              <Button busy={busy} onClick={search.more}>
                Show older results
              </Button>
            </div>
          ) : null}
        </div>
      </div>
    </div>
  );
}

const ADD: Record<Filter, string> = { in: 'In a room', from: 'From a person', before: 'Before a day', after: 'Since a day', has: 'Has a link' };
const LABEL: Record<Filter, string> = { in: 'In', from: 'From', before: 'Before', after: 'Since', has: 'Has' };

function Chip({ token, onRemove }: { token: Token; onRemove: () => void }) {
  const room = useApp((s) => (token.filter === 'in' ? s.rooms.byId.get(Number(token.value)) : undefined));
  const label = token.filter ? LABEL[token.filter] : '';
  const value = room?.name ?? token.value.replace(/^[#@]/, '');
  return (
    <button
      type="button"
      onClick={onRemove}
      aria-label={`${label} ${value}: take this filter away`}
      className="tap inline-flex max-w-full items-center gap-1.5 rounded-full bg-accent-soft px-3 text-sm text-ink hover:bg-page-hover"
    >
      <span className="text-ink-2">{label}</span>
      <bdi className="max-w-48 truncate font-semibold">{value}</bdi>
      <Icon name="close" className="size-4" />
    </button>
  );
}

interface Search {
  found: Found | null;
  error: Failure | null;
  busy: boolean;
  again: () => void;
  more: () => void;
}

/** One asking: another object is another one, even of the same query. */
interface Asking {
  query: string;
  before: string | null;
}

function useSearch(query: string): Search {
  const commands = useCommands();
  const [asking, setAsking] = useState<Asking>({ query, before: null });
  const [settled, setSettled] = useState<Asking | null>(null);
  const [found, setFound] = useState<Found | null>(null);
  const [error, setError] = useState<Failure | null>(null);
  if (asking.query !== query) setAsking({ query, before: null });
  const busy = query !== '' && settled !== asking;

  useEffect(() => {
    if (asking.query === '') return;
    const abort = new AbortController();
    commands.search(asking.query, asking.before, abort.signal).then(
      (page) => {
        if (abort.signal.aborted) return;
        setSettled(asking);
        setError(null);
        setFound((now) => ({
          ...page,
          query: asking.query,
          hits: asking.before !== null && now?.query === asking.query ? [...now.hits, ...page.hits] : page.hits,
        }));
      },
      (e: unknown) => {
        if (abort.signal.aborted) return;
        setSettled(asking);
        setError(failureOf(e));
      },
    );
    return () => abort.abort();
  }, [commands, asking]);

  const again = useCallback(() => setAsking({ query, before: null }), [query]);
  const current = found?.query === query && query !== '' ? found : null;

  // What is being indexed is soon to be found.
  const behind = current !== null && current.behind > 0 && current.hits.length === 0;
  useEffect(() => {
    if (!behind || busy) return;
    const timer = setTimeout(again, BEHIND_MS);
    return () => clearTimeout(timer);
  }, [behind, busy, again]);

  return {
    found: current,
    error: settled?.query === query && query !== '' ? error : null,
    busy,
    again,
    more: () => setAsking({ query, before: current?.next ?? null }),
  };
}

function Status({ found, busy, failed, query }: { found: Found | null; busy: boolean; failed: boolean; query: string }) {
  const count = found?.hits.length ?? 0;
  const nothing = found !== null && count === 0 && !busy && !failed;
  return (
    <>
      <p role="status" className="min-h-6 px-2 text-sm text-ink-3">
        {query === '' || failed ? '' : busy && !found ? 'Searching…' : `${count}${found?.next ? ' or more' : ''} ${count === 1 && !found?.next ? 'message' : 'messages'}`}
        {found && found.behind > 0 && !failed ? ' · the newest messages are still being indexed' : ''}
      </p>
      {nothing ? (
        <div className="mt-2 rounded-lg border border-dashed border-line-strong px-5 py-8 text-center">
          <p className="font-semibold wrap-anywhere">Nothing was found for “{query}”.</p>
          <p className="mt-1 text-sm text-ink-2">Fewer letters of a word find more; only rooms that you are in are searched.</p>
        </div>
      ) : null}
    </>
  );
}

/** The sentence of the server, and the part of the query it is about. */
function Trouble({ error, query, onAgain }: { error: Failure; query: string; onAgain: () => void }) {
  const at = error.position;
  const part = at === undefined ? undefined : tokens(query).find((t) => t.from >= at);
  return (
    <div role="alert" className="flex flex-wrap items-center gap-3 px-2 pb-2 text-sm text-danger">
      <p id={ERROR_ID}>
        {part ? <bdi className="mr-1.5 rounded-sm bg-sunk px-1 font-mono">{query.slice(part.from, part.to)}</bdi> : null}
        {error.detail}
      </p>
      {at === undefined ? <Button onClick={onAgain}>Try again</Button> : null}
    </div>
  );
}

const HINTS: readonly (readonly [string, string])[] = [
  ['deploy friday', 'both words, wherever they stand; the beginning of a word is enough'],
  ['"rolled back"', 'exactly these words, next to each other'],
  ['in:general', 'only in this room'],
  ['from:me', 'only what I said'],
  ['after:2026-01 before:2026-02-15', 'only from that time'],
  ['has:link', 'only with a web address'],
];

function Hints() {
  return (
    <dl className="mt-2 divide-y divide-line px-2 text-sm">
      {HINTS.map(([example, what]) => (
        <div key={example} className="grid gap-x-4 py-2.5 sm:grid-cols-[16rem_1fr]">
          <dt>
            <code className="rounded-sm bg-sunk px-1.5 py-0.5 font-mono text-xs">{example}</code>
          </dt>
          <dd className="text-ink-2">{what}</dd>
        </div>
      ))}
    </dl>
  );
}
