import { useRef, useState } from 'react';
import { failureOf } from '@/state/commands';
import { useApp, useCommands, useMe, useName } from '@/state/hooks';
import { Button } from '@/ui/Button';
import { Dialog, DialogActions, DialogBody } from '@/ui/Dialog';
import { Face } from './Face';

interface ProfileCardProps {
  id: number;
  onSettings: () => void;
  /** The room of the two is there. */
  onMessage: (room: number) => void;
}

/** Who somebody is, and what can be done about them. */
export function ProfileCard({ id, onSettings, onMessage }: ProfileCardProps) {
  const commands = useCommands();
  const me = useMe();
  const name = useName(id);
  const user = useApp((s) => s.users.get(id));
  const [resetting, setResetting] = useState(false);
  const [opening, setOpening] = useState(false);
  const [error, setError] = useState('');
  const close = () => commands.showCard(null);

  async function message(): Promise<void> {
    setOpening(true);
    setError('');
    try {
      const room = await commands.openDirect([id]);
      close();
      onMessage(room);
    } catch (e) {
      setError(failureOf(e).detail);
      setOpening(false);
    }
  }

  if (resetting) return <ResetDialog id={id} name={name} onClose={close} />;
  return (
    <Dialog title="Profile" onClose={close} className="max-w-sm">
      <DialogBody className="flex flex-col items-center pb-5 text-center">
        <Face id={id} name={name} className="size-28" />
        <h3 className="mt-3 max-w-full text-xl font-bold tracking-tight wrap-anywhere">
          <bdi>{name}</bdi>
        </h3>
        {user ? (
          <p className="mt-0.5 max-w-full text-sm text-ink-2 wrap-anywhere">
            @<bdi>{user.handle}</bdi>
          </p>
        ) : null}
        {user?.admin ? <p className="mt-2 rounded-sm bg-accent-soft px-2 py-0.5 text-xs font-semibold text-accent">Administrator</p> : null}
        <p role="alert" className="mt-2 text-sm text-danger empty:hidden">
          {error}
        </p>
      </DialogBody>
      {/* What can be done with this person: each a button here. */}
      <DialogActions>
        {id === me?.id ? (
          <Button
            tone="primary"
            icon="pencil"
            onClick={() => {
              close();
              onSettings();
            }}
          >
            Change your profile
          </Button>
        ) : (
          <>
            {me?.admin ? <Button onClick={() => setResetting(true)}>Reset password…</Button> : null}
            <Button tone="primary" icon="message" busy={opening} onClick={() => void message()}>
              Message
            </Button>
          </>
        )}
      </DialogActions>
    </Dialog>
  );
}

function ResetDialog({ id, name, onClose }: { id: number; name: string; onClose: () => void }) {
  const commands = useCommands();
  const stay = useRef<HTMLButtonElement>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState('');
  const [given, setGiven] = useState<{ name: string; password: string } | null>(null);

  async function reset(): Promise<void> {
    setBusy(true);
    setError('');
    try {
      setGiven(await commands.resetPassword(id));
    } catch (e) {
      setError(failureOf(e).detail);
    } finally {
      setBusy(false);
    }
  }

  if (given)
    return (
      <Dialog title="A password for once" onClose={onClose}>
        <DialogBody className="space-y-3 text-sm text-ink-2">
          <p>
            Give this to <bdi className="font-semibold text-ink">{given.name}</bdi> in a way that nobody else sees. It is not
            shown again.
          </p>
          <p>
            <code className="block rounded-md bg-sunk px-3 py-2.5 text-base break-all text-ink select-all">{given.password}</code>
          </p>
          <p>They are asked to choose another one when they log in. All their devices are logged out.</p>
        </DialogBody>
        <DialogActions>
          <Button tone="primary" onClick={onClose}>
            Done
          </Button>
        </DialogActions>
      </Dialog>
    );
  return (
    <Dialog
      title={
        <>
          Reset the password of <bdi>{name}</bdi>?
        </>
      }
      onClose={onClose}
      initialFocus={stay}
    >
      <DialogBody>
        <p className="text-sm text-ink-2">
          Their password stops working, and all their devices are logged out within a second. You get a new password to give to
          them.
        </p>
        <p role="alert" className="mt-2 text-sm text-danger empty:hidden">
          {error}
        </p>
      </DialogBody>
      <DialogActions>
        <Button ref={stay} onClick={onClose}>
          Leave it
        </Button>
        <Button tone="danger" busy={busy} onClick={() => void reset()}>
          Reset password
        </Button>
      </DialogActions>
    </Dialog>
  );
}
