import { useEffect, useState } from 'react';
import { useSearchParams } from 'react-router';
import type { OpenSocket, OpenSockets } from '@/state/admin';
import { failureOf } from '@/state/commands';
import { useCommands } from '@/state/hooks';
import { Button } from '@/ui/Button';
import { Cell, Nothing, Table, Trouble } from './Parts';
import { Confirm } from './UserDialog';
import { bytesOf, countOf, plural, spanOf } from './words';

/** An outbox takes so much before its reader is told to catch up. */
const OUTBOX_BYTES = 256 * 1024;

export function Live() {
  const commands = useCommands();
  const [params, setParams] = useSearchParams();
  const [found, setFound] = useState<OpenSockets | null>(null);
  const [error, setError] = useState('');
  const [round, setRound] = useState(0);
  const [ending, setEnding] = useState<OpenSocket | null>(null);
  const [said, setSaid] = useState('');
  const user = Number(params.get('user') ?? 0) || 0;

  useEffect(() => {
    const abort = new AbortController();
    commands.adminSockets(user, abort.signal).then(
      (answer) => {
        setError('');
        setFound(answer);
      },
      (e: unknown) => {
        if (!abort.signal.aborted) setError(failureOf(e).detail);
      },
    );
    return () => abort.abort();
  }, [commands, user, round]);

  const edges = new Map<string, number>();
  for (const s of found?.sockets ?? []) edges.set(s.edge, (edges.get(s.edge) ?? 0) + 1);
  const shown = found?.sockets.length ?? 0;
  return (
    <>
      <div className="flex flex-wrap items-center gap-3">
        <Button onClick={() => setRound((n) => n + 1)}>Look again</Button>
        {user ? (
          <Button icon="close" onClick={() => setParams({})}>
            {`Only ${params.get('name') ?? `user ${user}`}`}
          </Button>
        ) : null}
      </div>
      <p role="status" className="mt-3 min-h-5 text-sm text-ink-2">
        {said ||
          (found === null
            ? error
              ? ''
              : 'Loading…'
            : `${plural(found.count, 'open socket', 'open sockets')}${shown < found.count ? `, the last ${countOf(shown)} are shown` : ''}. ${[...edges].map(([edge, n]) => `${edge}: ${n}`).join(', ')}`)}
      </p>
      {found?.silent ? (
        <p role="alert" className="mt-2 text-sm text-danger">{`${plural(found.silent, 'edge', 'edges')} did not answer; those sockets are missing here.`}</p>
      ) : null}
      <Trouble error={error} onAgain={() => setRound((n) => n + 1)} />
      {found !== null && shown === 0 ? <Nothing>Nobody is connected.</Nothing> : null}
      {shown > 0 ? (
        <Table caption="Open sockets" head={['Who', 'Device', 'Address', 'Edge', 'Open', 'Rooms', 'Outbox', 'End it']} numbers={[5]}>
          {found?.sockets.map((s) => (
            <tr key={s.key}>
              <th scope="row" className="px-3 py-2 text-left align-top font-semibold">
                <bdi>{s.name || s.user}</bdi>
              </th>
              <Cell>{s.device}</Cell>
              <Cell className="text-ink-2">{s.address}</Cell>
              <Cell className="whitespace-nowrap">{s.edge}</Cell>
              <Cell className="whitespace-nowrap">{spanOf(s.openMs)}</Cell>
              <Cell number>{countOf(s.rooms)}</Cell>
              <Cell className="whitespace-nowrap">
                <meter aria-label={`Outbox of ${s.name}`} min={0} max={OUTBOX_BYTES} value={Math.min(s.waitingBytes, OUTBOX_BYTES)} className="w-16 align-middle" />
                <span className="ml-2 text-xs text-ink-3">{s.waiting ? `${s.waiting}, ${bytesOf(s.waitingBytes)}` : 'empty'}</span>
              </Cell>
              <Cell>
                <Button aria-label={`Sign ${s.name} out of ${s.device || 'this device'}`} onClick={() => setEnding(s)}>
                  Sign out
                </Button>
              </Cell>
            </tr>
          ))}
        </Table>
      ) : null}
      {ending ? (
        <Confirm
          deed={{
            ask: `Sign ${ending.name} out there?`,
            text: `The sign-in on ${ending.device || 'that device'} ends within a second, on all its open pages.`,
            action: 'Sign out',
            danger: true,
            run: () => commands.adminEndSignIns(ending.user, ending.signIn),
          }}
          onBack={() => setEnding(null)}
          onClose={() => setEnding(null)}
          onDone={() => {
            setSaid(`${ending.name} is signed out there.`);
            setEnding(null);
            setRound((n) => n + 1);
          }}
        />
      ) : null}
    </>
  );
}
