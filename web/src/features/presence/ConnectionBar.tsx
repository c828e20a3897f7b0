import { useEffect, useState } from 'react';
import { useApp, useCommands } from '@/state/hooks';

const SHOW_AFTER_MS = 2_000;

/** Says nothing about blips; after two seconds it says what is true for what one types. */
export function ConnectionBar() {
  const link = useApp((s) => s.link);
  const waiting = useApp((s) => s.outbox.entries.filter((e) => e.state === 'queued' || e.state === 'sent').length);
  const commands = useCommands();
  const down = link.downSinceMs;
  const [late, setLate] = useState<number | null>(null);

  useEffect(() => {
    if (down === null) return;
    const timer = setTimeout(() => setLate(down), Math.max(0, down + SHOW_AFTER_MS - Date.now()));
    return () => clearTimeout(timer);
  }, [down]);

  const shown = down !== null && late === down && link.state !== 'stopped';
  return (
    <div role="status">
      {shown ? (
        <div className="flex items-center justify-between gap-3 border-b border-line bg-notice px-4 py-1.5 text-sm text-on-notice sm:px-6">
          <p className="min-w-0 text-pretty">
            <strong className="font-semibold">No connection.</strong> Messages you send are kept on this device and go out
            when it is back
            {waiting > 0 ? `; ${waiting} ${waiting === 1 ? 'is' : 'are'} waiting` : ''}.
          </p>
          <button
            type="button"
            className="tap shrink-0 rounded-md font-semibold underline underline-offset-2"
            onClick={() => commands.reconnect()}
          >
            {link.state === 'connecting' ? 'Connecting…' : 'Try now'}
          </button>
        </div>
      ) : null}
    </div>
  );
}
