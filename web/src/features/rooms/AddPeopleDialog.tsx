import { useRef, useState, type SyntheticEvent } from 'react';
import { PeoplePicker } from '@/features/people/PeoplePicker';
import { failureOf, type Person } from '@/state/commands';
import { useCommands } from '@/state/hooks';
import type { Room } from '@/state/rooms';
import { Button } from '@/ui/Button';
import { Dialog, DialogActions, DialogBody } from '@/ui/Dialog';

const AT_ONCE = 20;

/** They are members at once; who is in already, or may not come in, is said by name. */
export function AddPeopleDialog({ room, onClose }: { room: Room; onClose: () => void }) {
  const commands = useCommands();
  const [people, setPeople] = useState<Person[]>([]);
  const [busy, setBusy] = useState(false);
  const [errors, setErrors] = useState<string[]>([]);
  const input = useRef<HTMLInputElement>(null);

  async function submit(e: SyntheticEvent): Promise<void> {
    e.preventDefault();
    if (busy || people.length === 0) return;
    setBusy(true);
    const left: Person[] = [];
    const said: string[] = [];
    for (const person of people) {
      try {
        await commands.addMember(room.id, person.id);
      } catch (failed) {
        const { code, detail } = failureOf(failed);
        if (code === 'no_change') continue; // in already: that is what was wanted
        left.push(person);
        said.push(`${person.name}: ${detail}`);
      }
    }
    if (left.length === 0) {
      onClose();
      return;
    }
    setPeople(left);
    setErrors(said);
    setBusy(false);
  }

  return (
    <Dialog
      title={
        <>
          Add people to <bdi>{room.name}</bdi>
        </>
      }
      onClose={onClose}
      initialFocus={input}
      className="max-w-lg"
    >
      <form onSubmit={(e) => void submit(e)} className="flex min-h-0 flex-col">
        <DialogBody className="space-y-3">
          <PeoplePicker
            label="Who"
            hint={
              room.history === 'joining'
                ? 'They are members at once, and read from then on.'
                : 'They are members at once, and can read what was said before.'
            }
            chosen={people}
            max={AT_ONCE}
            onChange={setPeople}
            inputRef={input}
          />
          <ul role="alert" className="space-y-1 text-sm text-danger empty:hidden">
            {errors.map((sentence) => (
              <li key={sentence}>{sentence}</li>
            ))}
          </ul>
        </DialogBody>
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" tone="primary" busy={busy} disabled={people.length === 0}>
            {people.length > 1 ? `Add ${people.length} people` : 'Add'}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
