import { useEffect, useRef, useState } from 'react';
import { Link } from 'react-router';
import type { AdminUser } from '@/state/admin';
import { failureOf, type SignIn } from '@/state/commands';
import { useCommands } from '@/state/hooks';
import { nameOf } from '@/features/settings/words';
import { Button } from '@/ui/Button';
import { Dialog, DialogActions, DialogBody } from '@/ui/Dialog';
import { Badge } from './Parts';
import { agoOf, dayOf, momentOf } from './words';

interface Deed {
  ask: string;
  text: string;
  action: string;
  danger: boolean;
  done: string;
  run: () => Promise<void>;
  /** What the person is afterwards. */
  change: Partial<AdminUser>;
}

interface UserDialogProps {
  user: AdminUser;
  isMe: boolean;
  onClose: () => void;
  onChanged: (user: AdminUser) => void;
}

/** One person: what they are, where they are signed in, and what can be done; each deed asks first. */
export function UserDialog({ user, isMe, onClose, onChanged }: UserDialogProps) {
  const commands = useCommands();
  const [deed, setDeed] = useState<Deed | null>(null);
  const [said, setSaid] = useState('');
  const [given, setGiven] = useState('');

  const role: Deed = user.admin
    ? {
        ask: `Take the role away from ${user.name}?`,
        text: `${isMe ? 'You' : 'They'} will be signed out everywhere within a second, and can sign in again without it.`,
        action: 'Take the role away',
        danger: true,
        done: `${user.name} is no administrator any more.`,
        run: () => commands.adminSetUser(user.id, { admin: false }),
        change: { admin: false, signIns: 0 },
      }
    : {
        ask: `Make ${user.name} an administrator?`,
        text: 'Administrators can do everything on this page. The role counts from their next sign-in on, or within ten minutes.',
        action: 'Make administrator',
        danger: false,
        done: `${user.name} is an administrator.`,
        run: () => commands.adminSetUser(user.id, { admin: true }),
        change: { admin: true },
      };
  const access: Deed = user.disabled
    ? {
        ask: `Let ${user.name} sign in again?`,
        text: 'They keep their name, their rooms and their password.',
        action: 'Enable',
        danger: false,
        done: `${user.name} can sign in again.`,
        run: () => commands.adminSetUser(user.id, { disabled: false }),
        change: { disabled: false },
      }
    : {
        ask: `Disable ${user.name}?`,
        text: `${isMe ? 'You' : 'They'} will be signed out everywhere within a second and cannot sign in again until somebody enables the account. What they wrote stays.`,
        action: 'Disable',
        danger: true,
        done: `${user.name} is signed out and cannot sign in.`,
        run: () => commands.adminSetUser(user.id, { disabled: true }),
        change: { disabled: true, signIns: 0 },
      };
  const out: Deed = {
    ask: `Sign ${user.name} out everywhere?`,
    text: 'All their devices and scripts are signed out within a second. They can sign in again.',
    action: 'Sign out everywhere',
    danger: true,
    done: `${user.name} is signed out everywhere.`,
    run: () => commands.adminEndSignIns(user.id, null),
    change: { signIns: 0 },
  };

  const reset: Deed = {
    ask: `Give ${user.name} a new password?`,
    text: `${isMe ? 'You' : 'They'} will be signed out everywhere within a second. You will see the new password once, to hand it over; it is to be changed after the next sign-in.`,
    action: 'Reset password',
    danger: true,
    done: '',
    run: async () => setGiven(await commands.adminResetPassword(user.id)),
    change: { signIns: 0 },
  };

  if (deed)
    return (
      <Confirm
        deed={deed}
        onBack={() => setDeed(null)}
        onClose={onClose}
        onDone={() => {
          setSaid(deed.done);
          setDeed(null);
          onChanged({ ...user, ...deed.change });
        }}
      />
    );
  return (
    <Dialog title={<bdi>{user.name}</bdi>} onClose={onClose} className="max-w-lg">
      <DialogBody className="space-y-5">
        <p role="status" className="text-sm text-accent empty:hidden">
          {said}
        </p>
        {given ? (
          <div role="status" className="rounded-md bg-notice px-3 py-2 text-sm text-on-notice">
            <p>{`The new password of ${user.name}. It is not shown again:`}</p>
            <p className="mt-1 font-mono text-base font-bold wrap-anywhere select-all">{given}</p>
          </div>
        ) : null}
        <p className="flex flex-wrap items-center gap-2 text-sm text-ink-2">
          {user.admin ? <Badge tone="accent">administrator</Badge> : null}
          {user.disabled ? <Badge tone="danger">disabled</Badge> : null}
          <span>{`Since ${dayOf(user.createdAtMs)}${user.usedAtMs ? `, last seen ${momentOf(user.usedAtMs)}` : ', never signed in'}`}</span>
        </p>
        <SignInsOf
          key={`${user.id}-${user.signIns}`}
          user={user}
          onEnd={(s) =>
            setDeed({
              ask: `Sign out ${nameOf(s)}?`,
              text: `${user.name} is signed out there within a second.`,
              action: 'Sign out',
              danger: true,
              done: `${nameOf(s)} is signed out.`,
              run: () => commands.adminEndSignIns(user.id, s.id),
              change: { signIns: Math.max(0, user.signIns - 1) },
            })
          }
        />
        <div className="flex flex-wrap gap-2">
          <Button onClick={() => setDeed(role)}>{role.action}</Button>
          <Button onClick={() => setDeed(access)}>{access.action}</Button>
          <Button onClick={() => setDeed(reset)}>{reset.action}</Button>
          <Button onClick={() => setDeed(out)}>{out.action}</Button>
        </div>
        <p className="flex flex-wrap gap-x-4 gap-y-1 text-sm">
          <Link className="font-semibold text-accent underline" to={`/admin/live?user=${user.id}&name=${encodeURIComponent(user.name)}`} onClick={onClose}>
            Open sockets
          </Link>
          <Link className="font-semibold text-accent underline" to={`/admin/audit?user=${user.id}&name=${encodeURIComponent(user.name)}`} onClick={onClose}>
            In the audit log
          </Link>
        </p>
      </DialogBody>
      <DialogActions>
        <Button tone="primary" onClick={onClose}>
          Done
        </Button>
      </DialogActions>
    </Dialog>
  );
}

function SignInsOf({ user, onEnd }: { user: AdminUser; onEnd: (s: SignIn) => void }) {
  const commands = useCommands();
  const [list, setList] = useState<SignIn[] | null>(null);
  const [error, setError] = useState('');
  const [now] = useState(() => Date.now());
  useEffect(() => {
    const abort = new AbortController();
    commands.adminSignIns(user.id, abort.signal).then(setList, (e: unknown) => {
      if (!abort.signal.aborted) setError(failureOf(e).detail);
    });
    return () => abort.abort();
  }, [commands, user.id]);
  return (
    <section aria-label="Sign-ins">
      <h3 className="text-sm font-semibold">Signed in</h3>
      <p role="status" className="text-sm text-ink-3">
        {list === null ? (error ? '' : 'Loading…') : list.length === 0 ? 'Nowhere.' : ''}
      </p>
      <p role="alert" className="text-sm text-danger empty:hidden">
        {error}
      </p>
      <ul className="divide-y divide-line">
        {list?.map((s) => (
          <li key={s.id} className="flex items-center gap-3 py-2">
            <div className="min-w-0 flex-1 text-sm">
              <p className="truncate font-semibold">{nameOf(s)}</p>
              <p className="text-xs text-ink-3 wrap-anywhere">{`${s.address || 'unknown address'} · used ${agoOf(s.usedAtMs, now)}`}</p>
            </div>
            <Button aria-label={`Sign out ${nameOf(s)}`} onClick={() => onEnd(s)}>
              Sign out
            </Button>
          </li>
        ))}
      </ul>
    </section>
  );
}

interface ConfirmProps {
  deed: Pick<Deed, 'ask' | 'text' | 'action' | 'danger' | 'run'>;
  onBack: () => void;
  onClose: () => void;
  onDone: () => void;
}

export function Confirm({ deed, onBack, onClose, onDone }: ConfirmProps) {
  const no = useRef<HTMLButtonElement>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState('');
  async function go(): Promise<void> {
    setBusy(true);
    setError('');
    try {
      await deed.run();
      onDone();
    } catch (e) {
      setBusy(false);
      setError(failureOf(e).detail);
    }
  }
  return (
    <Dialog title={<bdi>{deed.ask}</bdi>} onClose={onClose} initialFocus={no}>
      <DialogBody>
        <p className="text-sm text-ink-2">{deed.text}</p>
        <p role="alert" className="mt-2 text-sm text-danger empty:hidden">
          {error}
        </p>
      </DialogBody>
      <DialogActions>
        <Button ref={no} onClick={onBack}>
          Cancel
        </Button>
        <Button tone={deed.danger ? 'danger' : 'primary'} busy={busy} onClick={() => void go()}>
          {deed.action}
        </Button>
      </DialogActions>
    </Dialog>
  );
}
