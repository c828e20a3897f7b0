import { useRef, useState, type SyntheticEvent } from 'react';
import { PeoplePicker } from '@/features/people/PeoplePicker';
import { LIMITS } from '@/proto/messages.gen';
import { failureOf, type Person } from '@/state/commands';
import { useCommands } from '@/state/hooks';
import { Button } from '@/ui/Button';
import { Dialog, DialogActions, DialogBody } from '@/ui/Dialog';

/** Whom to write to: one, or some, or nobody for notes to oneself. The room that is there already is found again. */
export function NewMessageDialog({ onClose, onOpened }: { onClose: () => void; onOpened: (room: number) => void }) {
  const commands = useCommands();
  const [people, setPeople] = useState<Person[]>([]);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState('');
  const input = useRef<HTMLInputElement>(null);
  const max = LIMITS.DIRECT_MEMBERS_MAX - 1;

  async function submit(e: SyntheticEvent): Promise<void> {
    e.preventDefault();
    if (busy) return;
    setBusy(true);
    setError('');
    try {
      onOpened(await commands.openDirect(people.map((p) => p.id)));
    } catch (failed) {
      setError(failureOf(failed).detail);
      setBusy(false);
    }
  }

  return (
    <Dialog title="New message" onClose={onClose} initialFocus={input} className="max-w-lg">
      <form onSubmit={(e) => void submit(e)} className="flex min-h-0 flex-col">
        <DialogBody className="space-y-3">
          <PeoplePicker
            label="To"
            hint={`Up to ${max} people. Who is in a conversation cannot be changed later.`}
            chosen={people}
            max={max}
            onChange={setPeople}
            inputRef={input}
          />
          <p role="alert" className="text-sm text-danger empty:hidden">
            {error}
          </p>
        </DialogBody>
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" tone="primary" busy={busy}>
            {people.length === 0 ? 'Write notes to yourself' : 'Open'}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
