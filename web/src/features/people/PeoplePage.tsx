import { useEffect, useState } from 'react';
import { Link } from 'react-router';
import { failureOf } from '@/state/commands';
import { useApp, useCommands, useMe } from '@/state/hooks';
import type { User } from '@/state/users';
import { Button } from '@/ui/Button';
import { Field } from '@/ui/Field';
import { Face } from './Face';

const SEARCH_MS = 200;

interface Found {
  query: string;
  people: User[];
  more: boolean;
}

/** Everybody who can sign in here. */
export function PeoplePage() {
  const commands = useCommands();
  const admin = useMe()?.admin === true;
  const [query, setQuery] = useState('');
  const [found, setFound] = useState<Found | null>(null);
  const [error, setError] = useState('');
  const [again, setAgain] = useState(0);
  const [loadingMore, setLoadingMore] = useState(false);
  const wanted = query.trim();

  useEffect(() => {
    const abort = new AbortController();
    const timer = setTimeout(
      () => {
        commands.directory(wanted, '', abort.signal).then(
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
  }, [commands, wanted, again]);

  async function loadMore(): Promise<void> {
    const last = found?.people.at(-1);
    if (!found || !last || loadingMore) return;
    setLoadingMore(true);
    try {
      const next = await commands.directory(found.query, last.handle, new AbortController().signal);
      setFound((now) =>
        now?.query === found.query ? { ...now, people: [...now.people, ...next.people], more: next.more } : now,
      );
    } catch (e) {
      setError(failureOf(e).detail);
    } finally {
      setLoadingMore(false);
    }
  }

  const count = found?.people.length ?? 0;
  return (
    <div className="thin-scroll min-h-0 flex-1 overflow-y-auto">
      <div className="mx-auto max-w-3xl px-4 py-5 sm:px-8">
        <Field label="Search by name" type="search" value={query} autoComplete="off" onChange={(e) => setQuery(e.target.value)} />
        <div className="mt-3 flex min-h-6 flex-wrap items-center justify-between gap-x-4">
          <p role="status" className="text-sm text-ink-3">
            {found === null
              ? error
                ? ''
                : 'Loading…'
              : count === 0
                ? `Nobody is called anything like “${found.query}”.`
                : `${count}${found.more ? ' or more' : ''} ${count === 1 && !found.more ? 'person' : 'people'}`}
          </p>
          {admin ? (
            <Link to="/admin/invites" className="inline-block py-2 text-sm font-semibold text-accent underline underline-offset-2">
              Invitations and sign-up
            </Link>
          ) : null}
        </div>
        {error ? (
          <div role="alert" className="mt-1 flex flex-wrap items-center gap-3 text-sm text-danger">
            <span>{error}</span>
            <Button onClick={() => setAgain((n) => n + 1)}>Try again</Button>
          </div>
        ) : null}
        <ul className="mt-1 divide-y divide-line">
          {found?.people.map((p) => (
            <PersonRow key={p.id} found={p} />
          ))}
        </ul>
        {found?.more ? (
          <div className="pt-4 text-center">
            <Button busy={loadingMore} onClick={() => void loadMore()}>
              Show more people
            </Button>
          </div>
        ) : null}
      </div>
    </div>
  );
}

function PersonRow({ found }: { found: User }) {
  const commands = useCommands();
  const me = useMe()?.id;
  // What is known now may be newer than what was found.
  const person = useApp((s) => s.users.get(found.id)) ?? found;
  return (
    <li>
      <button
        type="button"
        onClick={() => commands.showCard(person.id)}
        className="ring-inside flex w-full items-center gap-3 rounded-md px-2 py-2.5 text-left hover:bg-sunk"
      >
        <Face id={person.id} name={person.name} className="size-10" />
        <span className="min-w-0 flex-1">
          <span className="flex items-center gap-1.5 font-semibold">
            <bdi className="truncate">{person.name}</bdi>
            {person.id === me ? <span className="text-xs font-normal text-ink-3">(you)</span> : null}
            {person.admin ? <span className="rounded-sm bg-accent-soft px-1 text-2xs font-semibold text-accent">Administrator</span> : null}
          </span>
          <span className="block truncate text-xs text-ink-3">
            @<bdi>{person.handle}</bdi>
          </span>
        </span>
      </button>
    </li>
  );
}
