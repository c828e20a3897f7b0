import { useRef, useState, type SyntheticEvent } from 'react';
import { LIMITS } from '@/proto/messages.gen';
import { utf8Length } from '@/proto/utf8';
import { failureOf } from '@/state/commands';
import { useCommands } from '@/state/hooks';
import type { History } from '@/state/rooms';
import { Button } from '@/ui/Button';
import { Choice } from '@/ui/Choice';
import { Dialog, DialogActions, DialogBody } from '@/ui/Dialog';
import { AreaField, Field } from '@/ui/Field';
import { HistoryChoice } from './HistoryChoice';

interface Errors {
  name?: string;
  topic?: string;
  form?: string;
}

export function check(name: string, topic: string): Errors {
  const errors: Errors = {};
  const length = Array.from(name.trim()).length;
  if (length === 0) errors.name = 'Give the room a name.';
  else if (length > LIMITS.ROOM_NAME_CHARS_MAX)
    errors.name = `At most ${LIMITS.ROOM_NAME_CHARS_MAX} characters; these are ${length}.`;
  if (utf8Length(topic.trim()) > LIMITS.TOPIC_BYTES_MAX) errors.topic = 'That is too long for a topic; shorten it.';
  return errors;
}

export function CreateRoomDialog({ onClose, onCreated }: { onClose: () => void; onCreated: (room: number) => void }) {
  const commands = useCommands();
  // One id for one opened dialog: pressing again after a lost answer finds the room that was made.
  const [clientId, setClientId] = useState(() => commands.newClientId());
  const [name, setName] = useState('');
  const [topic, setTopic] = useState('');
  const [visibility, setVisibility] = useState<'public' | 'private'>('public');
  // What is usual follows who can come in, until the person chooses.
  const [chosen, setHistory] = useState<History | null>(null);
  const history = chosen ?? (visibility === 'private' ? 'joining' : 'all');
  const [errors, setErrors] = useState<Errors>({});
  const [busy, setBusy] = useState(false);
  const nameRef = useRef<HTMLInputElement>(null);

  async function submit(e: SyntheticEvent): Promise<void> {
    e.preventDefault();
    if (busy) return;
    const found = check(name, topic);
    setErrors(found);
    if (found.name || found.topic) {
      if (found.name) nameRef.current?.focus();
      return;
    }
    setBusy(true);
    try {
      onCreated(await commands.createRoom({ clientId, name: name.trim(), topic: topic.trim(), visibility, history }));
    } catch (error) {
      const failure = failureOf(error);
      setBusy(false);
      if (failure.code === 'conflict') setClientId(commands.newClientId()); // its first content has been used up
      if (failure.field === 'name' || failure.code === 'name_taken' || failure.code === 'bad_name') {
        setErrors({ name: failure.detail });
        nameRef.current?.focus();
      } else setErrors({ form: failure.detail });
    }
  }

  return (
    <Dialog title="Create a room" onClose={onClose} initialFocus={nameRef} className="max-w-lg">
      <form noValidate onSubmit={(e) => void submit(e)} className="flex min-h-0 flex-col">
        <DialogBody className="space-y-4">
          <Field
            ref={nameRef}
            label="Name"
            hint={`1 to ${LIMITS.ROOM_NAME_CHARS_MAX} characters`}
            error={errors.name}
            value={name}
            autoComplete="off"
            required
            onChange={(e) => setName(e.target.value)}
          />
          <AreaField
            label={
              <>
                Topic <span className="font-normal text-ink-3">(optional)</span>
              </>
            }
            rows={2}
            hint="What people will find here"
            error={errors.topic}
            value={topic}
            onChange={(e) => setTopic(e.target.value.replace(/\n/g, ' '))}
            onKeyDown={(e) => {
              // A topic is one line, so Enter does here what it does in the name.
              if (e.key !== 'Enter' || e.nativeEvent.isComposing) return;
              e.preventDefault();
              e.currentTarget.form?.requestSubmit();
            }}
          />
          <Choice
            legend="Who can come in?"
            name="visibility"
            value={visibility}
            onChange={setVisibility}
            options={[
              { value: 'public', label: 'Public', hint: 'Anybody here can find it and join', icon: 'hash' },
              { value: 'private', label: 'Private', hint: 'Not listed; its moderators bring people in', icon: 'lock' },
            ]}
          />
          <HistoryChoice value={history} onChange={setHistory} />
          <p role="alert" className="text-sm text-danger empty:hidden">
            {errors.form}
          </p>
        </DialogBody>
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" tone="primary" busy={busy}>
            Create room
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
