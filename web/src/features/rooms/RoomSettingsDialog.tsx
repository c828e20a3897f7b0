import { useRef, useState, type SyntheticEvent } from 'react';
import { failureOf } from '@/state/commands';
import { useCommands } from '@/state/hooks';
import type { History, Room } from '@/state/rooms';
import { Button } from '@/ui/Button';
import { Dialog, DialogActions, DialogBody } from '@/ui/Dialog';
import { AreaField, Field } from '@/ui/Field';
import { check } from './CreateRoomDialog';
import { HistoryChoice } from './HistoryChoice';

/** Name and topic for moderators and the owner, and for the owner what newcomers may read. What did not change is not
 * sent. */
export function RoomSettingsDialog({ room, onClose }: { room: Room; onClose: () => void }) {
  const commands = useCommands();
  const [name, setName] = useState(room.name);
  const [topic, setTopic] = useState(room.topic);
  const [history, setHistory] = useState<History>(room.history);
  const [errors, setErrors] = useState<ReturnType<typeof check>>({});
  const [busy, setBusy] = useState(false);
  const nameRef = useRef<HTMLInputElement>(null);

  async function submit(e: SyntheticEvent): Promise<void> {
    e.preventDefault();
    if (busy) return;
    const found = check(name, topic);
    setErrors(found);
    if (found.name || found.topic) return;
    setBusy(true);
    try {
      if (name.trim() !== room.name) await commands.renameRoom(room.id, name.trim());
      if (topic.trim() !== room.topic) await commands.setTopic(room.id, topic.trim());
      if (history !== room.history) await commands.setHistory(room.id, history);
      onClose();
    } catch (failed) {
      setErrors({ form: failureOf(failed).detail });
      setBusy(false);
    }
  }

  return (
    <Dialog title="Room settings" onClose={onClose} initialFocus={nameRef} className="max-w-lg">
      <form noValidate onSubmit={(e) => void submit(e)} className="flex min-h-0 flex-col">
        <DialogBody className="space-y-4">
          <Field
            ref={nameRef}
            label="Name"
            error={errors.name}
            value={name}
            autoComplete="off"
            required
            onChange={(e) => setName(e.target.value)}
          />
          <AreaField
            label="Topic"
            rows={2}
            error={errors.topic}
            value={topic}
            onChange={(e) => setTopic(e.target.value.replace(/\n/g, ' '))}
          />
          {room.role === 'owner' ? <HistoryChoice value={history} onChange={setHistory} /> : null}
          <p role="alert" className="text-sm text-danger empty:hidden">
            {errors.form}
          </p>
        </DialogBody>
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" tone="primary" busy={busy}>
            Save
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
