import { useEffect, useRef, useState } from 'react';
import { failureOf, type SignIn } from '@/state/commands';
import { useCommands } from '@/state/hooks';
import { Button } from '@/ui/Button';
import { Dialog, DialogActions, DialogBody } from '@/ui/Dialog';
import { agoOf, nameOf } from './words';

type Ending = { what: 'one'; signIn: SignIn } | { what: 'others' } | { what: 'all' };

function isEnded(ending: Ending, s: SignIn): boolean {
  return ending.what !== 'one' || ending.signIn.id === s.id;
}

export function SignIns() {
  const commands = useCommands();
  const [list, setList] = useState<{ signIns: SignIn[]; atMs: number } | null>(null);
  const [error, setError] = useState('');
  const [again, setAgain] = useState(0);
  const [ending, setEnding] = useState<Ending | null>(null);
  const [said, setSaid] = useState('');

  useEffect(() => {
    const abort = new AbortController();
    commands.signIns(abort.signal).then(
      (signIns) => {
        setError('');
        setList({ signIns, atMs: Date.now() });
      },
      (e: unknown) => {
        if (!abort.signal.aborted) setError(failureOf(e).detail);
      },
    );
    return () => abort.abort();
  }, [commands, again]);

  const others = (list?.signIns ?? []).filter((s) => !s.current);
  return (
    <section aria-labelledby="signed-in-title">
      <h2 id="signed-in-title" className="text-lg font-bold tracking-tight">
        Where you are signed in
      </h2>
      <p className="mt-1 text-sm text-ink-2">Log out what you do not know, and change your password then.</p>
      {error ? (
        <div role="alert" className="mt-3 space-y-2 text-sm text-danger">
          <p>{error}</p>
          <Button onClick={() => setAgain((n) => n + 1)}>Try again</Button>
        </div>
      ) : null}
      <ul aria-busy={list === null && !error} className="mt-4 divide-y divide-line rounded-lg border border-line">
        {list?.signIns.map((s) => (
          <li key={s.id} className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-3">
            <div className="min-w-0 flex-1 basis-48">
              <p className="flex flex-wrap items-center gap-x-2 text-sm font-semibold">
                <bdi className="wrap-anywhere">{nameOf(s)}</bdi>
                {s.current ? (
                  <span className="rounded-full bg-accent-soft px-2 py-0.5 text-2xs font-bold text-accent">this device</span>
                ) : null}
              </p>
              <p className="mt-0.5 text-xs text-ink-3">
                {s.current ? 'in use now' : agoOf(s.usedAtMs, list.atMs)}
                {s.address ? (
                  <>
                    {' '}
                    from <bdi className="wrap-anywhere">{s.address}</bdi>
                  </>
                ) : null}
                , since{' '}
                <time dateTime={new Date(s.createdAtMs).toISOString()}>
                  {new Date(s.createdAtMs).toLocaleDateString(undefined, { dateStyle: 'medium' })}
                </time>
              </p>
            </div>
            {s.current ? null : (
              <Button
                aria-label={`Log out ${nameOf(s)}, ${agoOf(s.usedAtMs, list.atMs)}`}
                onClick={() => setEnding({ what: 'one', signIn: s })}
              >
                Log out
              </Button>
            )}
          </li>
        ))}
      </ul>
      <div className="mt-4 flex flex-wrap gap-2">
        {others.length > 0 ? <Button onClick={() => setEnding({ what: 'others' })}>Log out everywhere else</Button> : null}
        <Button onClick={() => setEnding({ what: 'all' })}>Log out everywhere</Button>
      </div>
      <p role="status" className="mt-2 text-sm text-ink-2 empty:hidden">
        {said}
      </p>
      {ending ? (
        <EndDialog
          ending={ending}
          onClose={() => setEnding(null)}
          onDone={(words) => {
            // What ended is not in the list when it is said, however long the list takes to come anew.
            setList((now) => now && { ...now, signIns: now.signIns.filter((s) => s.current || !isEnded(ending, s)) });
            setEnding(null);
            setSaid(words);
            setAgain((n) => n + 1);
          }}
        />
      ) : null}
    </section>
  );
}

interface EndDialogProps {
  ending: Ending;
  onClose: () => void;
  onDone: (said: string) => void;
}

function EndDialog({ ending, onClose, onDone }: EndDialogProps) {
  const commands = useCommands();
  const no = useRef<HTMLButtonElement>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState('');
  const words =
    ending.what === 'one'
      ? { title: `Log out ${nameOf(ending.signIn)}?`, text: 'It is logged out within a second.', done: 'It is logged out.' }
      : ending.what === 'others'
        ? {
            title: 'Log out everywhere else?',
            text: 'All your other devices and scripts are logged out within a second. This one stays.',
            done: 'You are logged out everywhere else.',
          }
        : {
            title: 'Log out everywhere?',
            text: 'All your devices and scripts are logged out, this one too. Messages that were not sent yet wait here for you.',
            done: '',
          };

  async function end(): Promise<void> {
    setBusy(true);
    setError('');
    try {
      if (ending.what === 'one') await commands.endSignIn(ending.signIn.id);
      else if (ending.what === 'others') await commands.endOtherSignIns();
      else await commands.endAllSignIns();
      onDone(words.done);
    } catch (e) {
      setBusy(false);
      setError(failureOf(e).detail);
    }
  }

  return (
    <Dialog title={<bdi>{words.title}</bdi>} onClose={onClose} initialFocus={no}>
      <DialogBody>
        <p className="text-sm text-ink-2">{words.text}</p>
        <p role="alert" className="mt-2 text-sm text-danger empty:hidden">
          {error}
        </p>
      </DialogBody>
      <DialogActions>
        <Button ref={no} onClick={onClose}>
          Cancel
        </Button>
        <Button tone="danger" busy={busy} onClick={() => void end()}>
          Log out
        </Button>
      </DialogActions>
    </Dialog>
  );
}
