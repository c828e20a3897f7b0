import { useEffect, useId, useState } from 'react';
import type { Invite, ServerSettings, SignupMode } from '@/state/admin';
import { failureOf } from '@/state/commands';
import { useCommands } from '@/state/hooks';
import { Button } from '@/ui/Button';
import { Choice } from '@/ui/Choice';
import { Field } from '@/ui/Field';
import { Heading, Nothing, Trouble } from './Parts';
import { Confirm } from './UserDialog';
import { dayOf, plural } from './words';

const MODES: readonly { value: SignupMode; label: string; hint: string }[] = [
  { value: 'open', label: 'Open', hint: 'Whoever reaches this server can make an account.' },
  { value: 'invite', label: 'By invitation', hint: 'With one of the links below.' },
  { value: 'closed', label: 'Closed', hint: 'Nobody can, with an invitation neither.' },
];

/** Who may come: what the server is called, how people sign up, and the invitations. */
export function Invites() {
  const commands = useCommands();
  const [server, setServer] = useState<ServerSettings | null>(null);
  const [invites, setInvites] = useState<Invite[] | null>(null);
  const [error, setError] = useState('');
  const [round, setRound] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    Promise.all([commands.adminServer(abort.signal), commands.adminInvites(abort.signal)]).then(
      ([settings, list]) => {
        setError('');
        setServer(settings);
        setInvites(list);
      },
      (e: unknown) => {
        if (!abort.signal.aborted) setError(failureOf(e).detail);
      },
    );
    return () => abort.abort();
  }, [commands, round]);
  const again = () => setRound((n) => n + 1);
  return (
    <div className="space-y-10">
      <Trouble error={error} onAgain={again} />
      {server === null && !error ? <p role="status">Loading…</p> : null}
      {server ? <Settings server={server} onChanged={setServer} /> : null}
      {server && invites ? <List mode={server.signup} invites={invites} onChanged={again} /> : null}
    </div>
  );
}

function Settings({ server, onChanged }: { server: ServerSettings; onChanged: (s: ServerSettings) => void }) {
  const commands = useCommands();
  const [name, setName] = useState(server.name);
  const [mode, setMode] = useState(server.signup);
  const [busy, setBusy] = useState(false);
  const [said, setSaid] = useState('');
  const [error, setError] = useState('');
  async function save(): Promise<void> {
    setBusy(true);
    setSaid('');
    setError('');
    try {
      onChanged(await commands.adminSetServer({ name: name.trim(), signup: mode }));
      setSaid('Saved.');
    } catch (e) {
      setError(failureOf(e).detail);
    } finally {
      setBusy(false);
    }
  }
  return (
    <section>
      <Heading>This server</Heading>
      <form
        className="max-w-xl space-y-4"
        onSubmit={(e) => {
          e.preventDefault();
          if (!busy) void save();
        }}
      >
        <Field label="Name" hint="Shown where people sign in." value={name} onChange={(e) => setName(e.target.value)} error={error || undefined} autoComplete="off" />
        <Choice legend="Who can sign up" name="signup" value={mode} options={MODES} onChange={setMode} />
        <div className="flex flex-wrap items-center gap-3">
          <Button type="submit" tone="primary" busy={busy}>
            Save
          </Button>
          <p role="status" className="text-sm text-accent">
            {said}
          </p>
        </div>
      </form>
    </section>
  );
}

function List({ mode, invites, onChanged }: { mode: SignupMode; invites: readonly Invite[]; onChanged: () => void }) {
  const commands = useCommands();
  const id = useId();
  const [days, setDays] = useState('7');
  const [uses, setUses] = useState('1');
  const [busy, setBusy] = useState(false);
  const [said, setSaid] = useState('');
  const [error, setError] = useState('');
  const [ending, setEnding] = useState<Invite | null>(null);
  const linkOf = (i: Invite) => `${location.origin}/join/${i.code}`;

  async function make(): Promise<void> {
    setBusy(true);
    setSaid('');
    setError('');
    try {
      await commands.adminInvite(Number(days) || 0, Number(uses) || 0);
      setSaid('A new invitation stands at the top of the list.');
      onChanged();
    } catch (e) {
      setError(failureOf(e).detail);
    } finally {
      setBusy(false);
    }
  }

  async function copy(invite: Invite): Promise<void> {
    try {
      await navigator.clipboard.writeText(linkOf(invite));
      setSaid('The link is copied.');
    } catch {
      setSaid('The browser did not let the page copy. Select the link and copy it yourself.');
    }
  }

  return (
    <section>
      <Heading note={mode === 'closed' ? 'Sign-up is closed: these links do not work until it is opened.' : 'A link to pass on; whoever opens it can make an account.'}>
        Invitations
      </Heading>
      <form
        className="flex flex-wrap items-end gap-3"
        onSubmit={(e) => {
          e.preventDefault();
          if (!busy) void make();
        }}
      >
        <label htmlFor={`${id}-days`} className="text-sm font-semibold">
          Days it works
          <input
            id={`${id}-days`}
            type="number"
            min={0}
            max={366}
            value={days}
            aria-describedby={`${id}-hint`}
            onChange={(e) => setDays(e.target.value)}
            className="mt-1.5 block h-11 w-28 rounded-md border border-field-line bg-raised px-3 text-base text-ink"
          />
        </label>
        <label htmlFor={`${id}-uses`} className="text-sm font-semibold">
          People it is for
          <input
            id={`${id}-uses`}
            type="number"
            min={0}
            max={100000}
            value={uses}
            aria-describedby={`${id}-hint`}
            onChange={(e) => setUses(e.target.value)}
            className="mt-1.5 block h-11 w-32 rounded-md border border-field-line bg-raised px-3 text-base text-ink"
          />
        </label>
        <Button type="submit" tone="primary" icon="plus" busy={busy}>
          Make an invitation
        </Button>
      </form>
      <p id={`${id}-hint`} className="mt-1.5 text-xs text-ink-3">
        0 is no bound.
      </p>
      <p role="alert" className="mt-2 text-sm text-danger empty:hidden">
        {error}
      </p>
      <p role="status" className="mt-2 min-h-5 text-sm text-accent">
        {said}
      </p>
      {invites.length === 0 ? <Nothing>There are no invitations.</Nothing> : null}
      <ul className="divide-y divide-line">
        {invites.map((i) => (
          <li key={i.id} className="flex flex-wrap items-center gap-3 py-3">
            <div className="min-w-0 flex-1 basis-60">
              <p className="font-mono text-sm wrap-anywhere select-all">{linkOf(i)}</p>
              <p className="mt-0.5 text-xs text-ink-3">
                {`Used ${i.usesMax ? `${i.uses} of ${plural(i.usesMax, 'time', 'times')}` : plural(i.uses, 'time', 'times')} · ${i.expiresAtMs ? `until ${dayOf(i.expiresAtMs)}` : 'does not expire'} · made ${dayOf(i.createdAtMs)}`}
              </p>
            </div>
            <Button aria-label={`Copy the link ${i.code}`} onClick={() => void copy(i)}>
              Copy
            </Button>
            <Button aria-label={`Take back ${i.code}`} onClick={() => setEnding(i)}>
              Take back
            </Button>
          </li>
        ))}
      </ul>
      {ending ? (
        <Confirm
          deed={{
            ask: 'Take this invitation back?',
            text: 'The link stops working at once. Who came by it stays.',
            action: 'Take back',
            danger: true,
            run: () => commands.adminEndInvite(ending.id),
          }}
          onBack={() => setEnding(null)}
          onClose={() => setEnding(null)}
          onDone={() => {
            setEnding(null);
            setSaid('It is taken back.');
            onChanged();
          }}
        />
      ) : null}
    </section>
  );
}
