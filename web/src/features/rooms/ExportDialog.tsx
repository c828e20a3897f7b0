import { useEffect, useRef, useState } from 'react';
import { failureOf } from '@/state/commands';
import { useCommands } from '@/state/hooks';
import type { Room } from '@/state/rooms';
import { Button } from '@/ui/Button';
import { Dialog, DialogActions, DialogBody } from '@/ui/Dialog';

type State = { at: 'idle' } | { at: 'running'; bytes: number } | { at: 'done'; bytes: number } | { at: 'failed'; why: string };

function sizeOf(bytes: number): string {
  const mb = bytes / 1_000_000;
  return mb < 0.1 ? `${Math.ceil(bytes / 1000)} kB` : `${mb.toFixed(1)} MB`;
}

/** Everything that was said in the room, as a file. Closing it cancels. */
export function ExportDialog({ room, onClose }: { room: Room; onClose: () => void }) {
  const commands = useCommands();
  const first = useRef<HTMLButtonElement>(null);
  const abort = useRef<AbortController | null>(null);
  const [state, setState] = useState<State>({ at: 'idle' });
  useEffect(() => () => abort.current?.abort(), []);

  function run() {
    const controller = new AbortController();
    abort.current = controller;
    setState({ at: 'running', bytes: 0 });
    commands
      .exportRoom(room.id, room.name, (bytes) => setState({ at: 'running', bytes }), controller.signal)
      .then(
        (bytes) => setState(bytes === null ? { at: 'idle' } : { at: 'done', bytes }),
        (e: unknown) => {
          if (!controller.signal.aborted) setState({ at: 'failed', why: failureOf(e).detail });
        },
      );
  }

  return (
    <Dialog
      title={
        <>
          Export <bdi>{room.name}</bdi>
        </>
      }
      onClose={onClose}
      initialFocus={first}
    >
      <DialogBody>
        <p className="text-sm text-ink-2">
          All that was said and done in this room, as a file with one line of JSON for each event. Deleted messages are
          not in it.
        </p>
        <p role="status" className="mt-2 text-sm text-ink-2 tabular-nums empty:hidden">
          {state.at === 'running' ? `Exporting… ${sizeOf(state.bytes)}` : state.at === 'done' ? `Done: ${sizeOf(state.bytes)}` : ''}
        </p>
        <p role="alert" className="mt-2 text-sm text-danger empty:hidden">
          {state.at === 'failed' ? state.why : ''}
        </p>
      </DialogBody>
      <DialogActions>
        <Button onClick={onClose}>{state.at === 'done' ? 'Close' : 'Cancel'}</Button>
        {state.at === 'done' ? null : (
          <Button ref={first} tone="primary" busy={state.at === 'running'} onClick={run}>
            {state.at === 'failed' ? 'Try again' : 'Export'}
          </Button>
        )}
      </DialogActions>
    </Dialog>
  );
}
