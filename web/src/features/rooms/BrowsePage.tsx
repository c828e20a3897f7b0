import { useEffect, useRef, useState } from 'react';
import { useNavigate } from 'react-router';
import { failureOf, type RoomCard } from '@/state/commands';
import { useApp, useCommands } from '@/state/hooks';
import { Button } from '@/ui/Button';
import { Field } from '@/ui/Field';
import { RoomIcon } from './RoomIcon';

const SEARCH_MS = 200;

interface Found {
  query: string;
  rooms: RoomCard[];
  more: boolean;
}

export function BrowsePage({ onCreate }: { onCreate: () => void }) {
  const commands = useCommands();
  const [query, setQuery] = useState('');
  const [found, setFound] = useState<Found | null>(null);
  const [error, setError] = useState('');
  const [again, setAgain] = useState(0);
  const [archived, setArchived] = useState(false);
  const [loadingMore, setLoadingMore] = useState(false);
  const wanted = query.trim();

  useEffect(() => {
    const abort = new AbortController();
    const timer = setTimeout(
      () => {
        commands.browse(wanted, archived, null, abort.signal).then(
          (answer) => {
            setError('');
            setFound({ query: wanted, ...answer });
          },
          (e: unknown) => {
            if (!abort.signal.aborted) setError(failureOf(e).detail);
          },
        );
      },
      found === null ? 0 : SEARCH_MS,
    );
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
    // eslint-disable-next-line react-hooks/exhaustive-deps -- `found` only tells the first search, which waits for nothing
  }, [commands, wanted, archived, again]);

  async function loadMore(): Promise<void> {
    const last = found?.rooms.at(-1);
    if (!found || !last || loadingMore) return;
    setLoadingMore(true);
    try {
      const next = await commands.browse(found.query, archived, last, new AbortController().signal);
      setFound((now) =>
        now?.query === found.query ? { ...now, rooms: [...now.rooms, ...next.rooms], more: next.more } : now,
      );
    } catch (e) {
      setError(failureOf(e).detail);
    } finally {
      setLoadingMore(false);
    }
  }

  const count = found?.rooms.length ?? 0;
  return (
    <div className="thin-scroll min-h-0 flex-1 overflow-y-auto">
      <div className="mx-auto max-w-3xl px-4 py-5 sm:px-8">
        <Field
          label="Search by name"
          type="search"
          value={query}
          autoComplete="off"
          onChange={(e) => setQuery(e.target.value)}
        />
        <label className="tap mt-1 flex w-fit cursor-pointer items-center gap-2 text-sm text-ink-2">
          <input type="checkbox" checked={archived} onChange={(e) => setArchived(e.target.checked)} className="size-4 accent-accent" />
          Show archived rooms too
        </label>
        <p role="status" className="mt-3 min-h-5 text-sm text-ink-3">
          {found === null
            ? error
              ? ''
              : 'Loading…'
            : count === 0
              ? ''
              : `${count}${found.more ? ' or more' : ''} ${count === 1 && !found.more ? 'room' : 'rooms'}`}
        </p>
        {error ? (
          <div role="alert" className="mt-1 flex flex-wrap items-center gap-3 text-sm text-danger">
            <span>{error}</span>
            <Button onClick={() => setAgain((n) => n + 1)}>Try again</Button>
          </div>
        ) : null}
        {found !== null && count === 0 ? (
          <div className="mt-2 rounded-lg border border-dashed border-line-strong px-5 py-8 text-center">
            <p className="font-semibold">
              {found.query ? `No public room is called anything like “${found.query}”.` : 'There are no public rooms yet.'}
            </p>
            <p className="mt-1 mb-4 text-sm text-ink-2">You can make one; others will find it here.</p>
            <Button tone="primary" icon="plus" onClick={onCreate}>
              Create a room
            </Button>
          </div>
        ) : null}
        <ul className="divide-y divide-line">
          {found?.rooms.map((room) => (
            <RoomRow key={room.id} room={room} />
          ))}
        </ul>
        {found?.more ? (
          <div className="pt-4 text-center">
            <Button busy={loadingMore} onClick={() => void loadMore()}>
              Show more rooms
            </Button>
          </div>
        ) : null}
      </div>
    </div>
  );
}

function RoomRow({ room }: { room: RoomCard }) {
  const commands = useCommands();
  const navigate = useNavigate();
  const joined = useApp((s) => s.rooms.byId.has(room.id)) || room.joined;
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState('');
  const alive = useRef(true);
  useEffect(() => {
    alive.current = true;
    return () => {
      alive.current = false;
    };
  }, []);

  async function join(): Promise<void> {
    setBusy(true);
    setError('');
    try {
      if (!joined) await commands.joinRoom(room.id);
      if (alive.current) void navigate(`/r/${room.id}`);
    } catch (e) {
      setError(failureOf(e).detail);
      setBusy(false);
    }
  }

  return (
    <li className="flex items-center gap-4 py-3">
      <div className="min-w-0 flex-1">
        <h2 className="flex items-center gap-1.5 font-semibold">
          <RoomIcon visibility={room.visibility} className="size-4.5 text-ink-3" />
          <bdi className="truncate">{room.name}</bdi>
        </h2>
        {room.topic ? (
          <p dir="auto" className="mt-0.5 line-clamp-2 text-sm text-ink-2 wrap-anywhere">
            {room.topic}
          </p>
        ) : null}
        <p className="mt-0.5 text-xs text-ink-3">
          {room.members} {room.members === 1 ? 'member' : 'members'}
          {room.archived ? ', archived' : ''}
        </p>
        {error ? (
          <p role="alert" className="mt-1 text-sm text-danger">
            {error}
          </p>
        ) : null}
      </div>
      {room.archived && !joined ? null : (
        <Button tone={joined ? 'quiet' : 'primary'} busy={busy} onClick={() => void join()} aria-label={`${joined ? 'Open' : 'Join'} ${room.name}`}>
          {joined ? 'Open' : 'Join'}
        </Button>
      )}
    </li>
  );
}
