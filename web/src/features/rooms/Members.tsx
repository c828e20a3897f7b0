import { useEffect, useState } from 'react';
import { failureOf, type Member } from '@/state/commands';
import { BannedList } from '@/features/people/BannedList';
import { Face } from '@/features/people/Face';
import { MemberMenu } from '@/features/people/MemberMenu';
import { actsOn } from '@/features/people/rights';
import { PresenceDot } from '@/features/presence/PresenceDot';
import { useApp, useCommands, useMe } from '@/state/hooks';
import { Button, IconButton } from '@/ui/Button';

const ROLE_WORDS = { owner: 'owner', moderator: 'moderator', member: '' } as const;
const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });

export function Members({ room, onClose }: { room: number; onClose: () => void }) {
  const commands = useCommands();
  const me = useMe()?.id;
  const presence = useApp((s) => s.presence.get(room));
  const count = useApp((s) => s.rooms.byId.get(room)?.members ?? null);
  const mine = useApp((s) => s.rooms.byId.get(room)?.role ?? 'member');
  const direct = useApp((s) => s.rooms.byId.get(room)?.visibility === 'direct');
  const seq = useApp((s) => s.rooms.byId.get(room)?.peopleSeq ?? 0);
  const [list, setList] = useState<{ members: Member[]; more: boolean } | null>(null);
  const [after, setAfter] = useState(0);
  const [error, setError] = useState('');
  const [again, setAgain] = useState(0);
  const [said, setSaid] = useState('');

  // `count` and `seq` change when somebody comes, goes or gets another role: the list is then asked for again.
  useEffect(() => {
    const abort = new AbortController();
    commands.members(room, after, abort.signal).then(
      (answer) => {
        setError('');
        setList((now) => ({
          more: answer.more,
          members: after === 0 ? answer.members : [...(now?.members ?? []).filter((m) => m.id <= after), ...answer.members],
        }));
      },
      (e: unknown) => {
        if (!abort.signal.aborted) setError(failureOf(e).detail);
      },
    );
    return () => abort.abort();
  }, [commands, room, after, count, seq, again]);

  const isHere = (id: number) => presence?.users.get(id) === true;
  const counted = presence !== undefined && presence.users.size === 0;
  const users = useApp((s) => s.users);
  useEffect(() => {
    if (list) commands.knowPeople(list.members.map((m) => m.id));
  }, [commands, list]);
  // A name that changed since the list was read.
  const members = (list?.members ?? []).map((m) => ({ ...m, name: users.get(m.id)?.name ?? m.name }));
  const sorted = members.sort(
    (a, b) => Number(isHere(b.id)) - Number(isHere(a.id)) || collator.compare(a.name, b.name),
  );

  return (
    <section aria-label="Members" className="flex h-full min-h-0 flex-col">
      <div className="flex h-14 shrink-0 items-center justify-between border-b border-line pr-2 pl-4">
        <div>
          <h2 className="text-sm leading-5 font-bold">Members</h2>
          <p className="text-xs text-ink-3">
            {count ?? '…'} in all{presence ? `, ${presence.here} here now` : ''}
          </p>
        </div>
        <IconButton icon="close" label="Close the member list" onClick={onClose} />
      </div>
      <div aria-busy={list === null && !error} className="thin-scroll min-h-0 flex-1 overflow-y-auto px-2 py-2">
        {error ? (
          <div role="alert" className="space-y-2 p-2 text-sm text-danger">
            <p>{error}</p>
            <Button onClick={() => setAgain((n) => n + 1)}>Try again</Button>
          </div>
        ) : null}
        <ul>
          {sorted.map((m) => (
            <li key={m.id} className="flex min-h-11 items-center gap-2.5 px-2">
              <button
                type="button"
                aria-label={`Profile of ${m.name}`}
                className="-m-2 rounded-full p-2"
                onClick={() => commands.showCard(m.id)}
              >
                <Face id={m.id} name={m.name} className="size-7" />
              </button>
              <span className="min-w-0 flex-1 leading-tight">
                <span className="flex items-center gap-1.5 text-sm">
                  <bdi className="truncate">{m.name}</bdi>
                  {m.id === me ? <span className="text-xs text-ink-3">(you)</span> : null}
                </span>
                {ROLE_WORDS[m.role] || m.muted ? (
                  <span className="block text-2xs text-ink-3">
                    {[ROLE_WORDS[m.role], m.muted ? 'muted' : ''].filter(Boolean).join(', ')}
                  </span>
                ) : null}
              </span>
              {counted ? null : <PresenceDot here={isHere(m.id)} />}
              <MemberMenu
                room={room}
                member={m}
                acts={direct ? [] : actsOn(mine, m, me)}
                onDone={(words) => {
                  setSaid(words);
                  setAgain((n) => n + 1);
                }}
                onError={setError}
              />
            </li>
          ))}
        </ul>
        {list?.more ? (
          <Button className="mt-2 w-full" onClick={() => setAfter(Math.max(...list.members.map((m) => m.id)))}>
            Show more
          </Button>
        ) : null}
        {mine === 'member' ? null : <BannedList room={room} onDone={setSaid} />}
        <p role="status" className="sr-only">
          {said}
        </p>
      </div>
    </section>
  );
}
