import { useEffect, useState } from 'react';
import { failureOf, type Restricted } from '@/state/commands';
import { useApp, useCommands } from '@/state/hooks';
import { Button } from '@/ui/Button';

/** Whom the room keeps out, for those who can let them in again. Takes no room while there is nobody. */
export function BannedList({ room, onDone }: { room: number; onDone: (said: string) => void }) {
  const commands = useCommands();
  const seq = useApp((s) => s.rooms.byId.get(room)?.peopleSeq ?? 0);
  const [list, setList] = useState<{ people: Restricted[]; more: boolean }>({ people: [], more: false });
  const [after, setAfter] = useState(0);
  const [again, setAgain] = useState(0);
  const [busy, setBusy] = useState(0);
  const [error, setError] = useState('');

  useEffect(() => {
    const abort = new AbortController();
    commands.restricted(room, after, abort.signal).then(
      (answer) => {
        setError('');
        setList((now) => ({
          more: answer.more,
          people: after === 0 ? answer.people : [...now.people.filter((p) => p.id <= after), ...answer.people],
        }));
      },
      (e: unknown) => {
        if (!abort.signal.aborted) setError(failureOf(e).detail);
      },
    );
    return () => abort.abort();
  }, [commands, room, after, seq, again]);

  const banned = list.people.filter((p) => p.banned);
  if (banned.length === 0 && !list.more && !error) return null;
  return (
    <section aria-label="Banned" className="mt-4 border-t border-line pt-3">
      <h3 className="px-2 text-xs font-bold text-ink-2">Banned</h3>
      {error ? (
        <p role="alert" className="px-2 py-2 text-sm text-danger">
          {error}
        </p>
      ) : null}
      <ul>
        {banned.map((p) => (
          <li key={p.id} className="flex min-h-11 items-center gap-2 px-2 text-sm">
            <bdi className="min-w-0 flex-1 truncate">{p.name || 'Somebody'}</bdi>
            <Button
              tone="plain"
              busy={busy === p.id}
              aria-label={`Lift the ban of ${p.name}`}
              onClick={() => {
                setBusy(p.id);
                commands
                  .unbanMember(room, p.id)
                  .then(
                    () => {
                      onDone(`The ban of ${p.name} was lifted.`);
                      setAgain((n) => n + 1);
                    },
                    (e: unknown) => setError(failureOf(e).detail),
                  )
                  .finally(() => setBusy(0));
              }}
            >
              Lift
            </Button>
          </li>
        ))}
      </ul>
      {list.more ? (
        <Button className="mt-1 w-full" onClick={() => setAfter(Math.max(...list.people.map((p) => p.id)))}>
          Show more
        </Button>
      ) : null}
    </section>
  );
}
