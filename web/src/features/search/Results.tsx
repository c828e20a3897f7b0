/* What was found: each line with its room, its author and its time, and on demand what stands around it. */
import { useEffect, useState, type KeyboardEvent } from 'react';
import { Link } from 'react-router';
import { RoomIcon } from '@/features/rooms/RoomIcon';
import { clockTime, dayName, useToday, wholeTime } from '@/features/timeline/time';
import { failureOf } from '@/state/commands';
import { useApp, useCommands, useName } from '@/state/hooks';
import type { Hit, Neighbour } from '@/state/search';
import { cx } from '@/ui/cx';

/** Arrows go from result to result; up from the first one, back to the field. */
function onKeyDown(e: KeyboardEvent<HTMLOListElement>, onUp: () => void): void {
  if (e.key !== 'ArrowDown' && e.key !== 'ArrowUp') return;
  const links = Array.from(e.currentTarget.querySelectorAll<HTMLElement>('a[data-hit]'));
  const at = links.findIndex((link) => link.closest('li')?.contains(document.activeElement));
  if (at < 0) return;
  e.preventDefault();
  if (e.key === 'ArrowUp' && at === 0) onUp();
  const next = links[at + (e.key === 'ArrowDown' ? 1 : -1)];
  next?.focus({ preventScroll: true });
  next?.closest('li')?.scrollIntoView({ block: 'nearest' });
}

export function Results({ hits, onUp }: { hits: readonly Hit[]; onUp: () => void }) {
  const today = useToday();
  return (
    <ol aria-label="Results" onKeyDown={(e) => onKeyDown(e, onUp)} className="space-y-1">
      {hits.map((hit) => (
        <Result key={`${hit.room}-${hit.seq}`} hit={hit} today={today} />
      ))}
    </ol>
  );
}

function Result({ hit, today }: { hit: Hit; today: number }) {
  const room = useApp((s) => s.rooms.byId.get(hit.room));
  const author = useName(hit.user);
  const [around, setAround] = useState(false);
  return (
    <li className="rounded-lg border border-transparent px-3 py-2.5 focus-within:border-line-strong hover:bg-page/60 sm:px-4">
      <Link data-hit to={`/rooms/${hit.room}/${hit.seq}`} className="block rounded-md outline-offset-4">
        <span className="flex flex-wrap items-center gap-x-2 text-sm">
          <span className="flex min-w-0 items-center gap-1 text-ink-3">
            {room ? <RoomIcon visibility={room.visibility} className="size-4" /> : null}
            <bdi className="max-w-60 truncate">{room?.name ?? 'A room'}</bdi>
          </span>
          <bdi className="max-w-60 truncate font-semibold">{author}</bdi>
          <time dateTime={new Date(hit.atMs).toISOString()} title={wholeTime(hit.atMs)} className="text-xs text-ink-3">
            {dayName(hit.atMs, today)}, {clockTime(hit.atMs)}
            {hit.edited ? ' (edited)' : ''}
          </time>
        </span>
        <span dir="auto" className="mt-0.5 block wrap-anywhere">
          {hit.parts.map((part, i) =>
            part.found ? (
              <mark key={i} className="rounded-sm bg-accent-soft px-0.5 font-semibold text-ink">
                {part.text}
              </mark>
            ) : (
              <span key={i}>{part.text}</span>
            ),
          )}
        </span>
      </Link>
      <button
        type="button"
        aria-expanded={around}
        onClick={() => setAround(!around)}
        className="tap -ml-2 rounded-md px-2 text-xs font-semibold text-accent hover:bg-accent-soft"
      >
        {around ? 'Hide what is around it' : 'Show what is around it'}
      </button>
      {around ? <Around hit={hit} /> : null}
    </li>
  );
}

function Around({ hit }: { hit: Hit }) {
  const commands = useCommands();
  const [lines, setLines] = useState<readonly Neighbour[] | null>(null);
  const [error, setError] = useState('');
  useEffect(() => {
    const abort = new AbortController();
    commands.around(hit, abort.signal).then(setLines, (e: unknown) => {
      if (!abort.signal.aborted) setError(failureOf(e).detail);
    });
    return () => abort.abort();
  }, [commands, hit]);
  if (error)
    return (
      <p role="alert" className="mt-1 text-sm text-danger">
        {error}
      </p>
    );
  return (
    <ul aria-busy={lines === null} aria-label="Around it" className="mt-1 space-y-1 border-l-2 border-line-strong pl-3 text-sm">
      {lines === null ? <li className="text-ink-3">Loading…</li> : lines.map((line) => <Beside key={line.seq} line={line} self={line.seq === hit.seq} />)}
    </ul>
  );
}

function Beside({ line, self }: { line: Neighbour; self: boolean }) {
  const author = useName(line.user);
  return (
    <li className={cx('wrap-anywhere', self ? 'text-ink' : 'text-ink-2')}>
      <bdi className="font-semibold">{author}</bdi> <span className="text-xs text-ink-3">{clockTime(line.atMs)}</span>
      <span dir="auto" className="line-clamp-4 whitespace-pre-wrap">
        {line.text ?? 'This message was deleted.'}
      </span>
    </li>
  );
}
